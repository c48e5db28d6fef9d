/*
 * run_print.c: one run, told.
 */
#include "sim/cli/run_print.h"

#include "reports/result.h"
#include "sim/cli/cli.h"
#include "sim/cli/output.h"
#include "sim/cli/verdicts.h"
#include "sim/swarm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024

static bool is_about(const char *name, const char *only)
{
    size_t length = strlen(only);
    return strncmp(name, only, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

static bool names_it(const struct record *record, const struct names *names, const char *only)
{
    for (uint64_t left = record->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        if (history_fields[field].type <= TYPE_WORD && is_about(names_text(names, (uint32_t)record->f[field]), only))
            return true;
    }
    for (size_t i = 0; i < record->item_count; i++)
        if (is_about(names_text(names, record->items[i].in), only) ||
            is_about(names_text(names, record->items[i].message), only))
            return true;
    return is_about(history_kinds()[record->kind].name, only);
}

void run_trace_take(void *ctx, const struct record *record, const struct names *names)
{
    const struct run_trace *trace = ctx;
    char line[LINE_BYTES];
    if (trace->only && !names_it(record, names, trace->only))
        return;
    history_line(record, names, line, sizeof line);
    puts(line);
}

/* ---- the summary ---- */

static void print_latency(FILE *out, const struct metrics *metrics, const char *what, enum metrics_class class)
{
    char p50[MEASURES_DURATION_MAX], p99[MEASURES_DURATION_MAX], max[MEASURES_DURATION_MAX];
    uint64_t count = metrics_count(metrics, class);
    if (count == 0)
        return;
    measures_duration(metrics_percentile(metrics, class, 500), p50);
    measures_duration(metrics_percentile(metrics, class, 990), p99);
    measures_duration(metrics_percentile(metrics, class, 1000), max);
    fprintf(out, "%s: %" PRIu64 " reached, p50 %s, p99 %s, max %s\n", what, count, p50, p99, max);
}

static void print_swarm(FILE *out, const struct run *run, const struct run_result *result)
{
    const struct scenario *drawn = run_drawn(run);
    char *text = drawn->swarm.on ? swarm_text(drawn) : NULL;
    if (text)
        fputs(text, out);
    free(text);
    for (int i = 0; drawn->swarm.on && i < SWARM_COUNT; i++)
        if ((drawn->swarm.faults >> i) & 1)
            fprintf(out, "fault: %s fired %" PRIu64 " times, withheld %" PRIu64 "\n", swarm_name((enum swarm_fault)i),
                    result->swarm.fired[i], result->swarm.withheld[i]);
    if (result->swarm.others_withheld)
        fprintf(out, "budget: %" PRIu64 " faults of the script or the crowd withheld\n", result->swarm.others_withheld);
}

static void print_expected(FILE *out, const struct scenario *scenario, bool control, const struct run_result *result)
{
    const struct scenario_expect *expect = &scenario->expect;
    for (size_t i = 0; i < expect->sometimes_count && i < 64; i++)
        fprintf(out, "sometimes: %s in this seed: %s\n", (result->sometimes_seen >> i) & 1 ? "seen" : "not seen",
                expect->sometimes[i]);
    for (int i = 0; i < INVARIANT_COUNT; i++)
        if (scenario->flaw >= 0 && !control && ((expect->violate >> i) & 1))
            fprintf(out, "violate: %s in this seed: %s\n",
                    result->states[i] == VERDICT_VIOLATED ? "found" : "not found", invariant_table[i].name);
}

/* Of a crowd that begins with conversations: who was there, and how much of it was judged. */
static void print_population(FILE *out, const struct run *run)
{
    const struct scenario *scenario = run_drawn(run);
    struct world_population there = world_population(run_world(run));
    if (scenario->crowd.standing_count)
        fprintf(out, "population: %" PRIu64 " users, %" PRIu64 " devices, %" PRIu64 " conversations\n", there.users,
                there.devices, there.conversations);
    if (scenario->judge_ppm < 1000000)
        fprintf(out, "judged: %u.%04u%% of the conversations, by the hash of their id: %" PRIu64 " of %" PRIu64 "\n",
                scenario->judge_ppm / 10000, scenario->judge_ppm % 10000, there.judged, there.conversations);
}

static void print_stalls(FILE *out, const char *stalls)
{
    while (*stalls) {
        size_t length = strcspn(stalls, "\n");
        fprintf(out, "stalled: %.*s\n", (int)length, stalls);
        stalls += length + (stalls[length] == '\n');
    }
}

void run_print(FILE *out, const struct run *run, const struct replay *replay, const struct run_result *result)
{
    char id[256], command[REPLAY_MAX];
    const struct scenario *scenario = replay->scenario;
    scenario_id(scenario, id, sizeof id);
    fprintf(out, "%s%s  seed %" PRIu64 "  digest %016" PRIx64 "  %" PRIu64 " events, %" PRIu64 " records\n", id,
            replay->control ? " without its flaw" : "", replay->seed, result->digest, result->events, result->records);
    print_swarm(out, run, result);
    print_population(out, run);
    verdicts_print(out, run_check(run), run_names(run), false);
    print_latency(out, run_metrics(run), "online", METRICS_ONLINE);
    print_latency(out, run_metrics(run), "returning", METRICS_RETURNING);
    metrics_print_traffic(run_metrics(run), "", out);
    metrics_print_unreached(run_metrics(run), out);
    fprintf(out,
            "work: %" PRIu64 " operations, %" PRIu64 " deletions, %" PRIu64 " (deletion, device) pairs judged, %" PRIu64
            " faults fired\n",
            result->work.operations, result->work.deletions, result->work.pairs, result->work.faults);
    print_expected(out, scenario, replay->control, result);
    print_stalls(out, world_stalls(run_world(run)));
    for (int i = 0; i < result->failure_count; i++)
        fprintf(out, "FAILED: %s\n", result->failures[i]);
    if (result->failure_count == 0)
        return;
    replay_command(replay, command, sizeof command);
    fprintf(out, "replay: %s\n", command);
}

/* ---- the result file ---- */

static enum result_outcome outcome_of(const struct run_result *result)
{
    if (result->end == WORLD_EXHAUSTED)
        return RESULT_EXHAUSTED;
    if (result->end == WORLD_FAILED)
        return RESULT_CRASHED;
    if (result->failure_count > 0)
        return RESULT_VIOLATED;
    return result->work.deletions > 0 ? RESULT_HELD : RESULT_VACUOUS;
}

static void fill(struct result_scenario *into, const struct run *run, const struct replay *replay,
                 const struct run_result *result)
{
    char seed[32], command[REPLAY_MAX];
    const struct scenario *scenario = replay->scenario;
    result_set(&into->file, scenario->file);
    result_set(&into->why, scenario->why);
    into->class = scenario->flaw >= 0 && !replay->control ? RESULT_NEGATIVE : RESULT_SOUND;
    into->outcome = outcome_of(result);
    into->seeds = 1;
    for (size_t i = 0; i < scenario->seen_count; i++)
        result_add_seen(into, scenario->seen[i]);
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        struct result_invariant *invariant = result_add_invariant(into, invariant_table[i].name);
        invariant->held = result->states[i] == VERDICT_HELD;
        invariant->violated = result->states[i] == VERDICT_VIOLATED;
        invariant->unknown = result->states[i] == VERDICT_UNKNOWN;
        invariant->vacuous = result->states[i] == VERDICT_VACUOUS;
        invariant->judged = result->judged[i];
    }
    snprintf(seed, sizeof seed, "%" PRIu64, replay->seed);
    replay_command(replay, command, sizeof command);
    for (int i = 0; i < result->failure_count; i++)
        result_add_failure(into, seed, result->failures[i], command);
    measures_from(&into->measures, run_metrics(run));
}

int run_write_json(const char *path, const struct run *run, const struct replay *replay,
                   const struct run_result *result)
{
    char id[256], seed[32];
    struct output output;
    struct result file;
    if (output_open(&output, path) < 0)
        return E_IO;
    result_init(&file);
    scenario_id(replay->scenario, id, sizeof id);
    snprintf(seed, sizeof seed, "%" PRIu64, replay->seed);
    result_set(&file.version, "sexton " SEXTON_VERSION);
    result_set(&file.seeds, seed);
    fill(result_add_scenario(&file, id), run, replay, result);
    file.work = (struct result_work){.events = result->events,
                                     .operations = result->work.operations,
                                     .deletions = result->work.deletions,
                                     .pairs = result->work.pairs,
                                     .faults = result->work.faults};
    result_write(output.file, &file);
    result_release(&file);
    return output_commit(&output);
}
