/*
 * check_print.c: what `sexton check` says and writes.
 */
#include "sim/cli/check_print.h"

#include "reports/junit.h"
#include "reports/result.h"
#include "sim/cli/cli.h"
#include "sim/cli/keep.h"
#include "sim/cli/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

static void print_found(FILE *out, const struct sweep_item *item)
{
    const struct tally *tally = item->tally;
    const char *before = ", found ";
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (!((item->scenario->expect.violate >> i) & 1))
            continue;
        fprintf(out, "%s%s in %" PRIu64, before, invariant_table[i].name, tally->in_state[i][VERDICT_VIOLATED]);
        before = ", ";
    }
    if (item->control->failed_seeds == 0 && item->control->broken_seeds == 0)
        fprintf(out, ", clean without %s", flaw_table[item->scenario->flaw].name);
}

static void print_verdicts(FILE *out, const struct tally *tally)
{
    int held = 0, violated = 0, unknown = 0, vacuous = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (tally->in_state[i][VERDICT_VIOLATED] > 0)
            violated++;
        else if (tally->in_state[i][VERDICT_UNKNOWN] > 0)
            unknown++;
        else if (tally->in_state[i][VERDICT_HELD] > 0)
            held++;
        else
            vacuous++;
    }
    fprintf(out, ", held %d", held);
    if (violated > 0)
        fprintf(out, ", violated %d", violated);
    if (unknown > 0)
        fprintf(out, ", unknown %d", unknown);
    fprintf(out, ", vacuous %d", vacuous);
}

static void print_mix(FILE *out, const struct world_mix *mix)
{
    const char *before = "    workload: ";
    for (int i = 0; i < WORK_COUNT; i++) {
        if (mix->done[i] == 0)
            continue;
        fprintf(out, "%s%s %" PRIu64, before, workload_table[i].name, mix->done[i]);
        if (mix->accepted[i] != mix->done[i])
            fprintf(out, " (%" PRIu64 " accepted)", mix->accepted[i]);
        before = ", ";
    }
    if (before[0] == ',')
        fputc('\n', out);
}

static void print_swarm(FILE *out, const struct scenario *scenario, const struct tally *tally)
{
    uint64_t withheld = tally->swarm.others_withheld;
    const char *before = "    faults: ";
    for (int i = 0; i < SWARM_COUNT; i++) {
        withheld += tally->swarm.withheld[i];
        if (!((scenario->swarm.candidates >> i) & 1) || !tally->seeds)
            continue;
        fprintf(out, "%s%s in %" PRIu64 "%% of the seeds (%" PRIu64 ")", before, swarm_name((enum swarm_fault)i),
                tally->seeds_with[i] * 100 / tally->seeds, tally->swarm.fired[i]);
        before = ", ";
    }
    if (before[0] == ',')
        fputc('\n', out);
    if (withheld)
        fprintf(out, "    budget: %" PRIu64 " faults withheld\n", withheld);
}

struct replay sweep_replay(const struct sweep_item *item, uint64_t seed, bool control)
{
    return (struct replay){.scenario = item->scenario,
                           .seed = seed,
                           .control = control,
                           .flaw = -1,
                           .sets = &item->set,
                           .set_count = item->set != NULL};
}

static void print_failures(FILE *out, const struct sweep_item *item, const struct tally *tally, bool control)
{
    char command[REPLAY_MAX];
    for (int i = 0; i < tally->failure_count; i++) {
        const struct tally_failure *failure = &tally->failures[i];
        struct replay replay = sweep_replay(item, failure->seed, control);
        for (int s = 0; s < failure->count; s++)
            fprintf(out, "    seed %" PRIu64 "%s: %s\n", failure->seed, control ? " without the flaw" : "",
                    failure->sentences[s]);
        replay_command(&replay, command, sizeof command);
        fprintf(out, "    replay: %s\n", command);
    }
}

void check_print_item(FILE *out, const struct sweep_item *item, const struct tally_judgement *judgement)
{
    char id[256];
    scenario_id(item->scenario, id, sizeof id);
    fprintf(out, "%-10s %s: %" PRIu64, grade_name(judgement->grade), id, item->tally->seeds);
    if (item->tally->seeds != item->seeds)
        fprintf(out, " of %" PRIu64, item->seeds);
    fprintf(out, item->seeds == 1 ? " seed" : " seeds");
    if (item->capped)
        fprintf(out, " (its seeds-at-most)");
    if (item->control)
        print_found(out, item);
    else
        print_verdicts(out, item->tally);
    fputc('\n', out);
    if (item->metrics)
        metrics_print_traffic(item->metrics, "    ", out);
    print_mix(out, &item->tally->mix);
    print_swarm(out, item->scenario, item->tally);
    for (int i = 0; i < judgement->count; i++)
        fprintf(out, "    %s\n", judgement->reasons[i]);
    if (judgement->cut)
        fprintf(out, "    and more\n");
    print_failures(out, item, item->tally, false);
    if (item->control)
        print_failures(out, item, item->control, true);
}

/* Everything that was run, controls too. */
static struct result_work work_of(const struct sweep *sweep)
{
    struct result_work work = {0};
    for (size_t i = 0; i < sweep_count(sweep); i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        const struct tally *tallies[] = {item->tally, item->control};
        for (size_t t = 0; t < 2 && tallies[t]; t++) {
            work.events += tallies[t]->events;
            work.operations += tallies[t]->work.operations;
            work.deletions += tallies[t]->work.deletions;
            work.pairs += tallies[t]->work.pairs;
            work.faults += tallies[t]->work.faults;
        }
    }
    return work;
}

void check_print_work(FILE *out, const struct sweep *sweep)
{
    struct result_work work = work_of(sweep);
    uint64_t digest = 0;
    for (size_t i = 0; i < sweep_count(sweep); i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        digest = digest * 31 + item->tally->digest;
        digest = digest * 31 + (item->control ? item->control->digest : 0);
    }
    fprintf(out, "digest of all histories: %016" PRIx64 "\n", digest);
    fprintf(out,
            "work done: %" PRIu64 " events, %" PRIu64 " operations, %" PRIu64 " deletions, %" PRIu64
            " (deletion, device) pairs judged, %" PRIu64 " faults fired\n",
            work.events, work.operations, work.deletions, work.pairs, work.faults);
}

/* ---- the result file ---- */

static enum result_outcome outcome_of(const struct sweep_item *item, enum grade grade)
{
    static const enum result_outcome outcomes[] = {[GRADE_BROKEN] = RESULT_CRASHED,
                                                   [GRADE_FAILED] = RESULT_VIOLATED,
                                                   [GRADE_VACUOUS] = RESULT_VACUOUS,
                                                   [GRADE_UNFINISHED] = RESULT_VACUOUS,
                                                   [GRADE_OK] = RESULT_HELD};
    const struct tally *tally = item->tally;
    if (grade == GRADE_BROKEN && tally->failure_count > 0 && tally->failures[0].count > 0 &&
        strncmp(tally->failures[0].sentences[0], "exhausted", 9) == 0)
        return RESULT_EXHAUSTED;
    return outcomes[grade];
}

static void add_failures(struct result_scenario *into, const struct sweep_item *item, const struct tally *tally,
                         bool control)
{
    char seed[32], command[REPLAY_MAX];
    for (int i = 0; i < tally->failure_count; i++) {
        const struct tally_failure *failure = &tally->failures[i];
        struct replay replay = sweep_replay(item, failure->seed, control);
        snprintf(seed, sizeof seed, "%" PRIu64, failure->seed);
        replay_command(&replay, command, sizeof command);
        for (int s = 0; s < failure->count; s++)
            result_add_failure(into, seed, failure->sentences[s], command);
    }
}

static void fill_item(struct result_scenario *into, const struct sweep_item *item,
                      const struct tally_judgement *judgement)
{
    const struct scenario *scenario = item->scenario;
    const struct tally *tally = item->tally;
    result_set(&into->file, item->file);
    result_set(&into->why, scenario->why);
    into->class = scenario->flaw >= 0 ? RESULT_NEGATIVE : RESULT_SOUND;
    into->outcome = outcome_of(item, judgement->grade);
    into->seeds = tally->seeds;
    for (size_t i = 0; i < scenario->seen_count; i++)
        result_add_seen(into, scenario->seen[i]);
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        struct result_invariant *invariant = result_add_invariant(into, invariant_table[i].name);
        invariant->held = tally->in_state[i][VERDICT_HELD];
        invariant->violated = tally->in_state[i][VERDICT_VIOLATED];
        invariant->unknown = tally->in_state[i][VERDICT_UNKNOWN];
        invariant->vacuous = tally->in_state[i][VERDICT_VACUOUS];
        invariant->judged = tally->judged[i];
    }
    for (int i = 0; i < judgement->count; i++)
        result_add_failure(into, "", judgement->reasons[i], "");
    add_failures(into, item, tally, false);
    if (item->control)
        add_failures(into, item, item->control, true);
    measures_from(&into->measures, item->metrics);
}

static void add_fold(struct result_scenario *into, const struct sweep_item *item)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    sweep_write_fold(item, out);
    fclose(out);
    into->found = item->found;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        result_add_fold(into, line);
    free(text);
}

int check_write_json(const char *path, const struct sweep *sweep, const struct tally_judgement *judgements,
                     const struct check_heading *heading)
{
    char id[256];
    struct output output;
    struct result result;
    if (output_open(&output, path) < 0)
        return E_IO;
    result_init(&result);
    result_set(&result.version, "sexton " SEXTON_VERSION);
    result_set(&result.seeds, heading->seeds);
    result_set(&result.part, heading->part);
    result_set(&result.store, heading->store);
    for (size_t i = 0; i < sweep_count(sweep); i++) {
        scenario_id(sweep_item(sweep, i)->scenario, id, sizeof id);
        struct result_scenario *into = result_add_scenario(&result, id);
        fill_item(into, sweep_item(sweep, i), &judgements[i]);
        if (*heading->part)
            add_fold(into, sweep_item(sweep, i));
    }
    result.work = work_of(sweep);
    result_write(output.file, &result);
    result_release(&result);
    return output_commit(&output);
}

/* ---- JUnit ---- */

static char *failure_text(const struct sweep_item *item, const struct tally_judgement *judgement)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (int i = 0; i < judgement->count; i++)
        fprintf(out, "%s\n", judgement->reasons[i]);
    print_failures(out, item, item->tally, false);
    if (item->control)
        print_failures(out, item, item->control, true);
    fclose(out);
    return text;
}

int check_write_junit(const char *path, const struct sweep *sweep, const struct tally_judgement *judgements)
{
    size_t count = sweep_count(sweep);
    struct output output;
    if (output_open(&output, path) < 0)
        return E_IO;
    struct junit_case *cases = base_alloc((count + 1) * sizeof *cases);
    char **strings = base_alloc((3 * count + 1) * sizeof *strings);
    for (size_t i = 0; i < count; i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        char id[256];
        const char *slash;
        scenario_id(item->scenario, id, sizeof id);
        slash = strrchr(item->file, '/'); /* the directory is the suite */
        char *suite = strings[3 * i] = slash ? strndup(item->file, (size_t)(slash - item->file)) : strdup(".");
        strings[3 * i + 1] = strdup(id);
        cases[i] = (struct junit_case){.suite = suite, .name = strings[3 * i + 1]};
        if (judgements[i].grade < GRADE_UNFINISHED)
            cases[i].failure = strings[3 * i + 2] = failure_text(item, &judgements[i]);
        else if (judgements[i].grade == GRADE_UNFINISHED)
            cases[i].skipped = "the time limit came before its seeds were done";
    }
    junit_write(output.file, "sexton check", cases, count);
    for (size_t i = 0; i < 3 * count; i++)
        free(strings[i]);
    free(strings);
    free(cases);
    return output_commit(&output);
}
