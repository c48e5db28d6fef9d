/*
 * run.c: one run judged.
 *
 * Method: the history's sinks are, in order, the digest, the checkers, the metrics, the probes of the scenario, and the
 * caller's. When the world has ended, what was seen is held against what the scenario expects, one sentence for each
 * expectation that was not met. What only many seeds together can show is left to sim/explore/tally.c.
 *
 * A run with a flaw switched on is held against `violate` and `may-violate` only: what else goes wrong is the flaw's
 * doing.
 */
#include "sim/run.h"

#include "sim/check/probes.h"
#include "sim/swarm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expectations { /* the probes of one list */
    struct probe **probes;
    size_t count;
};
struct run {
    struct names *names;
    struct world *world;
    struct check *check;
    struct check_options check_options; /* of `check` */
    struct metrics *metrics;
    struct history_digest *digest;
    struct expectations sometimes, never, finally;
    bool probed[HISTORY_KINDS]; /* some probe looks at records of this kind */
    struct scenario drawn;      /* what it points to is the scenario's */
};

/* ---- probes ---- */

static void expectations_release(struct expectations *list)
{
    for (size_t i = 0; i < list->count; i++)
        probe_free(list->probes[i]);
    free(list->probes);
    *list = (struct expectations){0};
}

/* The reader of scenarios has parsed these texts before; names were cleared since, so they are parsed again. */
static int expectations_parse(struct run *run, struct expectations *list, char *const *texts, size_t count)
{
    char error[PROBE_ERROR_MAX];
    int column;
    expectations_release(list);
    list->probes = base_alloc((count + 1) * sizeof(struct probe *));
    for (size_t i = 0; i < count; i++) {
        list->probes[i] = probe_parse(texts[i], run->names, error, &column);
        if (!list->probes[i])
            return E_INVALID;
        list->count++;
        probe_kinds(list->probes[i], run->probed);
    }
    return 0;
}

static void expectations_take(struct expectations *list, const struct record *record)
{
    for (size_t i = 0; i < list->count; i++)
        probe_take(list->probes[i], record);
}

static void take_for_probes(void *ctx, const struct record *record, const struct names *names)
{
    (void)names;
    struct run *run = ctx;
    if (!run->probed[record->kind])
        return;
    expectations_take(&run->sometimes, record);
    expectations_take(&run->never, record);
    expectations_take(&run->finally, record);
}

/* ---- life ---- */

struct run *run_new(void)
{
    struct run *run = base_alloc(sizeof *run);
    run->names = names_new();
    run->world = world_new();
    run->metrics = metrics_new();
    run->digest = history_digest_new();
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    expectations_release(&run->sometimes);
    expectations_release(&run->never);
    expectations_release(&run->finally);
    check_free(run->check);
    metrics_free(run->metrics);
    history_digest_free(run->digest);
    world_free(run->world);
    names_free(run->names);
    free(run);
}

static int prepare(struct run *run, const struct scenario *scenario)
{
    names_clear(run->names);
    struct check_options options = {.online_us = scenario->online_us,
                                    .returning_us = scenario->returning_us,
                                    .quotes_kept = scenario->policy.quotes == 1};
    const struct check_options *old = &run->check_options;
    if (run->check && old->online_us == options.online_us && old->returning_us == options.returning_us &&
        old->quotes_kept == options.quotes_kept) {
        check_reset(run->check);
    } else {
        if (run->check)
            check_free(run->check);
        run->check = check_new(&options, run->names);
        run->check_options = options;
    }
    metrics_reset(run->metrics);
    metrics_keep_quotes(run->metrics, options.quotes_kept);
    history_digest_reset(run->digest);
    const struct scenario_expect *expect = &scenario->expect;
    memset(run->probed, 0, sizeof run->probed);
    int status = expectations_parse(run, &run->sometimes, expect->sometimes, expect->sometimes_count);
    if (status == 0)
        status = expectations_parse(run, &run->never, expect->never, expect->never_count);
    if (status == 0)
        status = expectations_parse(run, &run->finally, expect->finally, expect->finally_count);
    return status;
}

/* ---- what was not met ---- */

__attribute__((format(printf, 2, 3))) static void fail(struct run_result *result, const char *format, ...)
{
    int room = (int)(sizeof result->failures / sizeof *result->failures);
    if (result->failure_count == room)
        return;
    char *text = result->failures[result->failure_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, RUN_FAILURE_MAX, format, arguments);
    va_end(arguments);
}

static void judge_invariants(const struct run *run, uint64_t allowed, struct run_result *result)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct verdict *verdict = check_verdict(run->check, (enum invariant)i);
        if (verdict->state == VERDICT_VIOLATED && !((allowed >> i) & 1))
            fail(result, "violated: %s: %s", invariant_table[i].name, verdict->what);
    }
}

static void judge_probes(const struct run *run, const struct scenario_expect *expect, struct run_result *result)
{
    for (size_t i = 0; i < run->never.count; i++)
        if (probe_seen(run->never.probes[i]))
            fail(result, "never: \"%s\" happened", expect->never[i]);
    for (size_t i = 0; i < run->finally.count; i++)
        if (!probe_finally(run->finally.probes[i]))
            fail(result, "finally: \"%s\" is not so at the end", expect->finally[i]);
}

static void judge_step(const struct scenario_step *step, const struct world_step_result *seen,
                       struct run_result *result)
{
    const char *label = step->label ? step->label : "a step";
    if (step->expect == EXPECT_ACKED && seen->refused > 0)
        fail(result, "%s: expected acked, was refused", label);
    if (step->expect == EXPECT_REFUSED && seen->acked > 0)
        fail(result, "%s: expected refused, was acked", label);
    if (step->expect == EXPECT_REFUSED && seen->refused_other > 0)
        fail(result, "%s: was refused, but for another reason than expected", label);
    if ((step->expect == EXPECT_ACKED || step->expect == EXPECT_REFUSED) && seen->unanswered > 0)
        fail(result, "%s: expected %s, was never answered", label, step->expect == EXPECT_ACKED ? "acked" : "refused");
}

static bool limit_value(const struct metrics *metrics, const char *what, uint64_t *value_us)
{
    static const struct {
        const char *name;
        enum metrics_class class;
    } classes[] = {{"reaches-online", METRICS_ONLINE}, {"reaches-returning", METRICS_RETURNING}};
    static const struct {
        const char *name;
        uint32_t permille;
    } ranks[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};
    const char *dot = strrchr(what, '.');
    if (!dot)
        return false;
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
        for (size_t r = 0; r < sizeof ranks / sizeof *ranks; r++) {
            if (strlen(classes[c].name) != (size_t)(dot - what) ||
                strncmp(classes[c].name, what, (size_t)(dot - what)) != 0 || strcmp(ranks[r].name, dot + 1) != 0)
                continue;
            if (metrics_count(metrics, classes[c].class) == 0)
                return false;
            *value_us = metrics_percentile(metrics, classes[c].class, ranks[r].permille);
            return true;
        }
    return false;
}

static bool traffic_value(const struct metrics *metrics, const char *what, uint64_t *value)
{
    const struct metrics_traffic traffic = metrics_traffic(metrics);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"traffic.requests", traffic.requests},
                  {"traffic.bytes", traffic.bytes},
                  {"traffic.between", traffic.between},
                  {"traffic.hottest", traffic.hottest}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (!strcmp(counts[i].name, what)) {
            *value = counts[i].value;
            return true;
        }
    return false;
}

static void judge_limits(const struct run *run, const struct scenario_expect *expect, struct run_result *result)
{
    for (size_t i = 0; i < expect->limit_count; i++) {
        const struct scenario_limit *limit = &expect->limits[i];
        uint64_t value;
        char found[48], most[48];
        if (traffic_value(run->metrics, limit->what, &value)) {
            if (value > limit->max)
                fail(result, "limit: %s is %llu, at most %llu was expected", limit->what, (unsigned long long)value,
                     (unsigned long long)limit->max);
            continue;
        }
        if (!limit_value(run->metrics, limit->what, &value) || value <= limit->max)
            continue;
        history_duration(value, found, sizeof found);
        history_duration(limit->max, most, sizeof most);
        fail(result, "limit: %s is %s, at most %s was expected", limit->what, found, most);
    }
}

static void judge_least(const struct scenario_least *least, const struct check_work *work, struct run_result *result)
{
    const struct {
        const char *what;
        uint64_t least, found;
    } all[] = {{"users", least->users, work->users},
               {"devices", least->devices, work->devices},
               {"operations", least->operations, work->operations},
               {"deletions", least->deletions, work->deletions}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].found < all[i].least)
            fail(result, "at-least: found %llu %s, expected at least %llu", (unsigned long long)all[i].found,
                 all[i].what, (unsigned long long)all[i].least);
}

/* ---- what the sweep folds ---- */

#define BITS_WORDS (SCENARIO_STEPS_MAX / 64 + 1)

static void set_bit(uint64_t bits[BITS_WORDS], size_t at)
{
    if (at / 64 < BITS_WORDS)
        bits[at / 64] |= 1ULL << (at % 64);
}

static void fold_step(const struct run *run, const struct scenario_step *step, size_t at, bool judge,
                      struct run_result *result)
{
    if (at >= world_step_count(run->world))
        return;
    const struct world_step_result *seen = world_step_result(run->world, at);
    if (seen->ran > 0)
        set_bit(result->steps_ran, at);
    if (seen->touched > 0)
        set_bit(result->faults_touched, at);
    if (judge)
        judge_step(step, seen, result);
}

static void fold_steps(const struct run *run, const struct scenario *scenario, bool judge, struct run_result *result)
{
    size_t at = 0;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        fold_step(run, step, at++, judge, result);
        for (size_t b = 0; b < step->branch_count; b++)
            fold_step(run, &step->branches[b], at++, judge, result);
    }
}

static void fold_races(const struct run *run, struct run_result *result)
{
    size_t room = sizeof result->race_orders / sizeof *result->race_orders;
    for (size_t i = 0; i < world_race_count(run->world) && i < room; i++) {
        const struct world_race_result *race = world_race_result(run->world, i);
        if (race->decided)
            result->race_orders[i] |= 1ULL << (race->order % 64);
    }
}

static void fold_verdicts(const struct run *run, struct run_result *result)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct verdict *verdict = check_verdict(run->check, (enum invariant)i);
        result->states[i] = verdict->state;
        result->judged[i] = verdict->judged;
        result->unknown[i] = verdict->unknown;
    }
    for (size_t i = 0; i < run->sometimes.count && i < 64; i++)
        if (probe_seen(run->sometimes.probes[i]))
            result->sometimes_seen |= 1ULL << i;
}

static void judge(const struct run *run, const struct scenario *scenario, const struct run_options *options,
                  struct run_result *result)
{
    bool flawed = scenario->flaw >= 0 && !options->without_flaw;
    const struct scenario_expect *expect = &scenario->expect;
    if (result->end == WORLD_EXHAUSTED)
        fail(result, "exhausted: %s", world_error(run->world));
    if (result->end == WORLD_FAILED)
        fail(result, "failed: %s", world_error(run->world));
    judge_invariants(run, options->without_flaw ? 0 : expect->violate | expect->may_violate, result);
    if (options->crash_at) {
        /* Whoever waits for a shard that is down is late, and may find a window closed. */
        fold_steps(run, scenario, false, result);
        return;
    }
    if (!flawed)
        judge_probes(run, expect, result); /* before the steps: what there is in the end says more */
    fold_steps(run, scenario, !flawed, result);
    if (!flawed) {
        judge_limits(run, expect, result);
        judge_least(&expect->least, &result->work, result);
    }
}

int run_scenario(struct run *run, const struct scenario *base, const struct run_options *options,
                 struct run_result *result)
{
    const struct scenario *scenario = &run->drawn;
    swarm_draw(base, options->seed, &run->drawn);
    memset(result, 0, sizeof *result);
    int status = prepare(run, scenario);
    if (status != 0)
        return status;
    struct history history;
    history_init(&history, run->names);
    history_add_sink(&history, (struct history_sink){history_digest_take, run->digest});
    history_add_sink(&history, (struct history_sink){check_take, run->check});
    history_add_sink(&history, (struct history_sink){metrics_take, run->metrics});
    history_add_sink(&history, (struct history_sink){take_for_probes, run});
    for (int i = 0; i < options->extra_count; i++)
        history_add_sink(&history, options->extra[i]);
    flaw_set flaws = options->flaws;
    if (scenario->flaw >= 0 && !options->without_flaw)
        flaws |= FLAW_BIT(scenario->flaw);
    world_crash_at(run->world, options->crash_at);
    result->end = world_run(run->world, scenario, options->seed, flaws, &history);
    check_finish(run->check);
    metrics_finish(run->metrics);
    result->digest = history_digest_value(run->digest);
    result->records = history.count;
    result->events = world_events(run->world);
    result->work = check_work(run->check);
    fold_verdicts(run, result);
    fold_races(run, result);
    result->mix = *world_mix(run->world);
    result->swarm = *world_swarm(run->world);
    for (unsigned i = FAULT_NONE; i < FAULT_KIND_COUNT; i++) /* of FAULT_NONE: patterns of presence */
        if (world_drawn_touched(run->world, (enum fault_kind)i))
            result->drawn_touched |= 1ULL << i;
    result->network_fired = world_network_fired(run->world);
    judge(run, scenario, options, result);
    return 0;
}

const struct check *run_check(const struct run *run)
{
    return run->check;
}

const struct metrics *run_metrics(const struct run *run)
{
    return run->metrics;
}

const struct scenario *run_drawn(const struct run *run)
{
    return &run->drawn;
}

const struct names *run_names(const struct run *run)
{
    return run->names;
}

const struct world *run_world(const struct run *run)
{
    return run->world;
}
