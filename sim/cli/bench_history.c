/*
 * bench_history.c: what the history costs: the checkers beside a run, the writing of JSON lines, and `verify`.
 *
 * Method: one seed of a scenario is run with the digest as its only sink, and again with the digest and the checkers,
 * in turns; the difference is what the checkers cost. The records of that seed are kept, and then written to /dev/null
 * as JSON lines, again and again, and read back from a file and judged, as `verify` does. All is processor time, so
 * that what else the machine does counts little; medians are told.
 */
#include "sim/cli/bench_history.h"

#include "sim/check/check.h"
#include "sim/cli/cli.h"
#include "sim/cli/output.h"
#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 99
#define WRITE_RECORDS 500000U /* at least so many are written for one measurement */

enum what { WHAT_DIGEST, WHAT_CHECKED, WHAT_WRITE, WHAT_VERIFY, WHATS };

struct kept { /* a history in memory */
    struct record *records;
    size_t count, cap;
};
struct bench {
    const struct history_bench *given;
    struct scenario *scenario;
    struct names *names;
    struct world *world;
    struct kept kept;
    uint64_t took_ns[WHATS][ROUNDS_MAX];
};

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- a run ---- */

static void keep(void *ctx, const struct record *record, const struct names *names)
{
    (void)names;
    struct kept *kept = ctx;
    kept->records = base_grow(kept->records, &kept->cap, kept->count + 1, sizeof *kept->records);
    struct record *copy = &kept->records[kept->count++];
    *copy = *record;
    copy->items = NULL;
    if (record->item_count) {
        struct record_item *items = base_alloc(record->item_count * sizeof *items);
        memcpy(items, record->items, record->item_count * sizeof *items);
        copy->items = items;
    }
}

static void release_kept(struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free((void *)(uintptr_t)kept->records[i].items);
    free(kept->records);
}

static struct check_options options_of(const struct scenario *s)
{
    return (struct check_options){
        .online_us = s->online_us, .returning_us = s->returning_us, .quotes_kept = s->policy.quotes == 1};
}

/* Returns the time of the run; 0, and told, when it did not end. */
static uint64_t run(struct bench *b, bool checked, struct kept *kept)
{
    struct history history;
    struct history_digest *digest = history_digest_new();
    names_clear(b->names);
    struct check_options options = options_of(b->scenario);
    struct check *check = check_new(&options, b->names);
    history_init(&history, b->names);
    history_add_sink(&history, (struct history_sink){history_digest_take, digest});
    if (checked)
        history_add_sink(&history, (struct history_sink){check_take, check});
    if (kept)
        history_add_sink(&history, (struct history_sink){keep, kept});
    uint64_t began = cpu_ns();
    enum world_end end = world_run(b->world, b->scenario, b->given->seed, 0, &history);
    if (checked)
        check_finish(check);
    uint64_t took = cpu_ns() - began;
    check_free(check);
    history_digest_free(digest);
    if (end == WORLD_FINISHED)
        return took ? took : 1;
    fprintf(stderr, "sexton bench: the run ended early: %s\n", world_error(b->world));
    return 0;
}

/* ---- a history ---- */

static uint64_t write_times(const struct bench *b)
{
    return WRITE_RECORDS / b->kept.count + 1;
}

/* Writes it `times` over. False, and told, on an error. */
static bool write_to(const struct bench *b, FILE *out, uint64_t times)
{
    struct history_header header = {.system = "sexton " SEXTON_VERSION,
                                    .online_us = b->scenario->online_us,
                                    .returning_us = b->scenario->returning_us,
                                    .quotes_kept = b->scenario->policy.quotes == 1};
    struct history_writer *writer = history_writer_new(out, &header);
    for (uint64_t n = 0; n < times; n++)
        for (size_t i = 0; i < b->kept.count; i++)
            history_writer_take(writer, &b->kept.records[i], b->names);
    if (history_writer_close(writer) == 0)
        return true;
    fprintf(stderr, "sexton bench: the history could not be written\n");
    return false;
}

static uint64_t time_writing(const struct bench *b)
{
    FILE *nowhere = fopen("/dev/null", "w");
    uint64_t began = cpu_ns();
    bool good = nowhere && write_to(b, nowhere, write_times(b));
    uint64_t took = cpu_ns() - began;
    if (nowhere)
        fclose(nowhere);
    return good ? took + 1 : 0;
}

static uint64_t time_verifying(const struct bench *b, FILE *file)
{
    char error[HISTORY_ERROR_MAX];
    struct history_header header;
    struct record record;
    rewind(file);
    struct names *names = names_new();
    struct check_options options = options_of(b->scenario);
    uint64_t began = cpu_ns();
    struct history_reader *reader = history_reader_new(file, "bench", names);
    struct check *check = check_new(&options, names);
    int status = history_reader_header(reader, &header, error);
    while (status >= 0 && (status = history_reader_next(reader, &record, error)) > 0)
        check_take(check, &record, names);
    check_finish(check);
    uint64_t took = cpu_ns() - began;
    check_free(check);
    history_reader_free(reader);
    names_free(names);
    if (status < 0)
        fprintf(stderr, "sexton bench: %s\n", error);
    return status < 0 ? 0 : took + 1;
}

static bool measure(struct bench *b)
{
    if (!run(b, false, &b->kept) || b->kept.count == 0)
        return false;
    FILE *file = tmpfile();
    bool good = file && write_to(b, file, 1);
    for (uint64_t round = 0; good && round < b->given->rounds; round++) {
        b->took_ns[WHAT_WRITE][round] = time_writing(b); /* before a run clears the names */
        b->took_ns[WHAT_VERIFY][round] = time_verifying(b, file);
        good = b->took_ns[WHAT_WRITE][round] && b->took_ns[WHAT_VERIFY][round];
    }
    for (uint64_t round = 0; good && round < b->given->rounds; round++) {
        b->took_ns[WHAT_DIGEST][round] = run(b, false, NULL);
        b->took_ns[WHAT_CHECKED][round] = run(b, true, NULL);
        good = b->took_ns[WHAT_DIGEST][round] && b->took_ns[WHAT_CHECKED][round];
    }
    if (file)
        fclose(file);
    return good;
}

/* ---- what came of it ---- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int print(struct bench *b, const char *json_path)
{
    uint64_t median[WHATS], rounds = b->given->rounds, count = b->kept.count;
    for (int i = 0; i < WHATS; i++) {
        qsort(b->took_ns[i], rounds, sizeof **b->took_ns, compare);
        median[i] = b->took_ns[i][rounds / 2];
    }
    int64_t more = (int64_t)median[WHAT_CHECKED] - (int64_t)median[WHAT_DIGEST]; /* noise can make it negative */
    int64_t percent = more * 100 / (int64_t)median[WHAT_DIGEST];
    uint64_t written = count * write_times(b) * 1000000U / (median[WHAT_WRITE] / 1000 + 1);
    uint64_t judged = count * 1000000U / (median[WHAT_VERIFY] / 1000 + 1);
    if (!json_path) {
        printf("history of %s, seed %" PRIu64 ": %" PRIu64 " records, medians of %" PRIu64 "\n", b->given->file,
               b->given->seed, count, rounds);
        printf("checkers: %" PRId64 " %% over a run with the digest alone\n", percent);
        printf("JSON lines: %" PRIu64 " records written a second\n", written);
        printf("verify: %" PRIu64 " records read and judged a second\n", judged);
        return SEXTON_OK;
    }
    struct output output;
    if (output_open(&output, json_path) < 0)
        return SEXTON_USAGE;
    fprintf(output.file,
            "{\"bench\":\"history\",\"records\":%" PRIu64 ",\"rounds\":%" PRIu64 ",\"checkers_percent\":%" PRId64
            ",\"written_per_second\":%" PRIu64 ",\"verified_per_second\":%" PRIu64 "}\n",
            count, rounds, percent, written, judged);
    return output_commit(&output) < 0 ? SEXTON_USAGE : SEXTON_OK;
}

int bench_history(const struct history_bench *given, const char *json_path)
{
    struct history_bench bounded = *given;
    bounded.rounds = given->rounds < 1 ? 1 : given->rounds > ROUNDS_MAX ? ROUNDS_MAX : given->rounds;
    char error[SCENARIO_ERROR_MAX];
    struct scenario *scenarios;
    size_t count;
    if (scenario_read(given->file, NULL, 0, &scenarios, &count, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return SEXTON_USAGE;
    }
    struct bench *b = base_alloc(sizeof *b);
    *b = (struct bench){.given = &bounded, .scenario = &scenarios[0], .names = names_new(), .world = world_new()};
    int status = measure(b) ? print(b, json_path) : SEXTON_BROKEN;
    world_free(b->world);
    names_free(b->names);
    release_kept(&b->kept);
    free(b);
    scenario_free_all(scenarios, count);
    return status;
}
