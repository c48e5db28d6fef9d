/*
 * seed_line.c: one seed's result as a line.
 *
 * Method: fields separated by tabs, numbers in hexadecimal separated by commas; arrays of bits lose their trailing
 * zeros. Sentences come last; tabs and newlines in them become spaces. Both ends are the same program: there is no
 * version.
 */
#include "sim/explore/seed_line.h"

#include <stdlib.h>
#include <string.h>

#define WORK_FIELDS 9
#define HEAD_FIELDS 8

static void put_numbers(FILE *out, const uint64_t *numbers, size_t count)
{
    while (count > 0 && numbers[count - 1] == 0)
        count--;
    fputc('\t', out);
    for (size_t i = 0; i < count; i++) { /* by hand: there are a hundred a seed, and seeds are many */
        char digits[1 + 16];
        size_t at = sizeof digits;
        uint64_t left = numbers[i];
        do
            digits[--at] = "0123456789abcdef"[left % 16];
        while (left /= 16);
        if (i)
            digits[--at] = ',';
        fwrite(digits + at, 1, sizeof digits - at, out);
    }
}

static bool take_numbers(char **rest, uint64_t *numbers, size_t count)
{
    char *field = strsep(rest, "\t");
    memset(numbers, 0, count * sizeof *numbers);
    if (!field)
        return false;
    for (size_t i = 0; *field; i++) {
        char *end;
        if (i == count)
            return false;
        numbers[i] = strtoull(field, &end, 16);
        if (end == field || (*end && *end != ','))
            return false;
        field = *end ? end + 1 : end;
    }
    return true;
}

static void work_numbers(const struct check_work *work, uint64_t numbers[WORK_FIELDS])
{
    const uint64_t all[WORK_FIELDS] = {work->records, work->operations, work->deletions,     work->undos, work->pairs,
                                       work->devices, work->users,      work->conversations, work->faults};
    memcpy(numbers, all, sizeof all);
}

static struct check_work numbers_work(const uint64_t n[WORK_FIELDS])
{
    return (struct check_work){.records = n[0],
                               .operations = n[1],
                               .deletions = n[2],
                               .undos = n[3],
                               .pairs = n[4],
                               .devices = n[5],
                               .users = n[6],
                               .conversations = n[7],
                               .faults = n[8]};
}

static void put_sentence(FILE *out, const char *text)
{
    fputc('\t', out);
    for (; *text; text++)
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, out);
}

#define BIT_WORDS (SCENARIO_STEPS_MAX / 64 + 1)

void seed_line_write(FILE *out, uint64_t seed, const struct run_result *result)
{
    uint64_t states[INVARIANT_COUNT], work[WORK_FIELDS];
    const uint64_t head[HEAD_FIELDS] = {
        seed,           (uint64_t)result->end,  result->digest,        result->records,
        result->events, result->sometimes_seen, result->drawn_touched, result->network_fired};
    for (int i = 0; i < INVARIANT_COUNT; i++)
        states[i] = (uint64_t)result->states[i];
    work_numbers(&result->work, work);
    fputc('R', out);
    put_numbers(out, head, HEAD_FIELDS);
    put_numbers(out, work, WORK_FIELDS);
    put_numbers(out, states, INVARIANT_COUNT);
    put_numbers(out, result->judged, INVARIANT_COUNT);
    put_numbers(out, result->unknown, INVARIANT_COUNT);
    put_numbers(out, result->steps_ran, BIT_WORDS);
    put_numbers(out, result->faults_touched, BIT_WORDS);
    put_numbers(out, result->race_orders, sizeof result->race_orders / sizeof *result->race_orders);
    put_numbers(out, result->mix.done, WORK_COUNT);
    put_numbers(out, result->mix.accepted, WORK_COUNT);
    put_numbers(out, result->swarm.fired, SWARM_COUNT);
    put_numbers(out, result->swarm.withheld, SWARM_COUNT);
    put_numbers(out, &result->swarm.others_withheld, 1);
    for (int i = 0; i < result->failure_count; i++)
        put_sentence(out, result->failures[i]);
    fputc('\n', out);
}

int seed_line_read(char *line, uint64_t *seed, struct run_result *result)
{
    uint64_t head[HEAD_FIELDS], work[WORK_FIELDS], states[INVARIANT_COUNT];
    char *rest = line, *kind = strsep(&rest, "\t");
    memset(result, 0, sizeof *result);
    if (strcmp(kind, "R") != 0 || !take_numbers(&rest, head, HEAD_FIELDS) || !take_numbers(&rest, work, WORK_FIELDS) ||
        !take_numbers(&rest, states, INVARIANT_COUNT) || !take_numbers(&rest, result->judged, INVARIANT_COUNT) ||
        !take_numbers(&rest, result->unknown, INVARIANT_COUNT) || !take_numbers(&rest, result->steps_ran, BIT_WORDS) ||
        !take_numbers(&rest, result->faults_touched, BIT_WORDS) ||
        !take_numbers(&rest, result->race_orders, sizeof result->race_orders / sizeof *result->race_orders) ||
        !take_numbers(&rest, result->mix.done, WORK_COUNT) || !take_numbers(&rest, result->mix.accepted, WORK_COUNT) ||
        !take_numbers(&rest, result->swarm.fired, SWARM_COUNT) ||
        !take_numbers(&rest, result->swarm.withheld, SWARM_COUNT) ||
        !take_numbers(&rest, &result->swarm.others_withheld, 1))
        return E_INVALID;
    *seed = head[0];
    result->end = (enum world_end)head[1];
    result->digest = head[2];
    result->records = head[3];
    result->events = head[4];
    result->sometimes_seen = head[5];
    result->drawn_touched = head[6];
    result->network_fired = head[7];
    result->work = numbers_work(work);
    for (int i = 0; i < INVARIANT_COUNT; i++)
        result->states[i] = (enum verdict_state)(states[i] & 3);
    int room = (int)(sizeof result->failures / sizeof *result->failures);
    for (char *text; (text = strsep(&rest, "\t")) && result->failure_count < room;)
        snprintf(result->failures[result->failure_count++], RUN_FAILURE_MAX, "%s", text);
    return 0;
}
