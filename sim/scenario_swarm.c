/*
 * scenario_swarm.c: "swarm", what each seed draws, and "budget", what the system must survive.
 */
#include "sim/scenario_internal.h"

#include <stdlib.h>
#include <string.h>

static int read_spans(struct reader *r, const cJSON *item)
{
    struct scenario_swarm *swarm = &r->s->swarm;
    const struct {
        const char *key;
        struct scenario_span *span;
        uint64_t most;
    } spans[] = {{"shards", &swarm->shards, SCENARIO_SHARDS_MAX},
                 {"users", &swarm->users, SCENARIO_CROWD_MAX},
                 {"devices", &swarm->devices, 16},
                 {"group", &swarm->group, 100000},
                 {"operations", &swarm->operations, SCENARIO_TOTAL_MAX},
                 {"strikes", &swarm->strikes, 1000000}};
    int status = 0;
    for (size_t i = 0; i < sizeof spans / sizeof *spans && status == 0; i++)
        status = read_span(r, member(item, spans[i].key), spans[i].most, &spans[i].span->low, &spans[i].span->high);
    return status;
}

static int read_presences(struct reader *r, const cJSON *item)
{
    size_t count;
    unsigned word;
    int status = item ? expect_array(r, item, 1, 8, "kinds of presence", &count) : 0;
    for (const cJSON *child = item && status == 0 ? first_child(item) : NULL; child && status == 0;
         child = child->next) {
        status = read_word(r, child, PRESENCE_WORDS, &word);
        if (status == 0)
            r->s->swarm.presences |= 1ULL << word;
    }
    return status;
}

static int read_disks(struct reader *r, const cJSON *item)
{
    size_t count;
    unsigned word;
    int status = item ? expect_array(r, item, 1, 2, "journals", &count) : 0;
    if (item && status == 0 && !r->s->disk)
        return reader_fail(r, item, true, 0,
                           "found disks of a swarm in a scenario without any, expected \"disk\" of \"server\"");
    for (const cJSON *child = item && status == 0 ? first_child(item) : NULL; child && status == 0;
         child = child->next) {
        status = read_word(r, child, "wal|truncate", &word);
        if (status == 0)
            r->s->swarm.disks |= 1ULL << (DISKS_WAL + word);
    }
    return status;
}

static int read_choices(struct reader *r, const cJSON *item)
{
    struct scenario_swarm *swarm = &r->s->swarm;
    size_t count = 0;
    int status = item ? expect_object(r, item, "choices such as {\"quotes\": [\"redact\", \"keep\"]}") : 0;
    for (const cJSON *child = item && status == 0 ? first_child(item) : NULL; child; child = child->next)
        count++;
    if (count)
        swarm->choices = base_alloc(count * sizeof *swarm->choices);
    for (const cJSON *child = count ? first_child(item) : NULL; child && status == 0; child = child->next) {
        struct scenario_choice *choice = &swarm->choices[swarm->choice_count++];
        choice->policy = find_choice(r, child);
        status = choice->policy ? expect_array(r, child, 1, SCENARIO_CHOICES_MAX, "values", &count) : E_INVALID;
        for (const cJSON *value = status == 0 ? first_child(child) : NULL; value && status == 0; value = value->next)
            status = read_choice_value(r, choice->policy, value, &choice->values[choice->count++]);
    }
    return status;
}

static int read_fault_name(struct reader *r, const cJSON *item)
{
    char hint[100];
    int status = expect_string(r, item, "a fault of a swarm");
    if (status != 0)
        return status;
    struct suggestion suggestion = {item->valuestring, "", 0};
    for (int i = 0; i < SWARM_COUNT; i++) {
        const char *name = swarm_name((enum swarm_fault)i);
        suggestion_try(&suggestion, name);
        if (strcmp(name, item->valuestring) != 0)
            continue;
        if (swarm_is_of_disk((enum swarm_fault)i) && !r->s->swarm.disks)
            return reader_expected(r, item, "\"disks\" beside it, or no fault of a disk");
        r->s->swarm.candidates |= 1ULL << i;
        return 0;
    }
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "a fault of a swarm%s", hint);
}

static int read_candidates(struct reader *r, const cJSON *item)
{
    size_t count;
    if (!item || (cJSON_IsString(item) && strcmp(item->valuestring, "all") == 0)) {
        for (int i = 0; i < SWARM_COUNT; i++)
            if (r->s->swarm.disks || !swarm_is_of_disk((enum swarm_fault)i))
                r->s->swarm.candidates |= 1ULL << i;
        return 0;
    }
    int status = expect_array(r, item, 0, SWARM_COUNT, "faults", &count);
    for (const cJSON *child = status == 0 ? first_child(item) : NULL; child && status == 0; child = child->next)
        status = read_fault_name(r, child);
    return status;
}

static int read_drawn(struct reader *r, const cJSON *item)
{
    struct scenario_swarm *swarm = &r->s->swarm;
    int status = read_object(r, item, &swarm_table_of_keys, 0, "a \"swarm\"", r->s);
    if (status == 0 && !r->s->crowd.mixed)
        return reader_fail(r, item, false, 0, "found a \"swarm\" without a crowd's \"workload\", expected one");
    if (status == 0)
        status = read_spans(r, item);
    if (status == 0)
        status = read_presences(r, member(item, "presence"));
    if (status == 0)
        status = read_disks(r, member(item, "disks"));
    if (status == 0)
        status = read_choices(r, member(item, "policies"));
    if (status == 0)
        status = read_candidates(r, member(item, "faults"));
    swarm->faults = swarm->candidates;
    for (int i = WORK_SHARD_BACKUP; i <= WORK_WRONG_BACKUP; i++) /* what is down is struck, and the budget counts it */
        r->s->crowd.weights[i] = 0;
    swarm->on = status == 0;
    return status;
}

int read_swarm(struct reader *r)
{
    const cJSON *swarm = member(r->tree, "swarm"), *budget = member(r->tree, "budget");
    int status = swarm ? read_drawn(r, swarm) : 0;
    if (status != 0 || !budget)
        return status;
    r->s->budget =
        (struct scenario_budget){true, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    return read_object(r, budget, &budget_table, 0, "a \"budget\"", r->s);
}
