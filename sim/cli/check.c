/*
 * check.c: `sexton check`: every scenario against its expectations, over many seeds, in worker processes. What CI runs.
 */
#include "sim/cli/args.h"
#include "sim/cli/check_print.h"
#include "sim/cli/cli.h"
#include "sim/cli/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: sexton check [FILE|DIR]... [--seeds N|A..B] [--fresh] [--jobs N] [--part I/N]\n"
    "                    [--time-limit T] [--store memory|sqlite] [--junit FILE] [--json FILE]\n";
static const char help[] =
    "\n"
    "Runs every scenario (default: all in scenarios/) and judges it. A scenario with a flaw must show the violations "
    "that\n"
    "it lists and no other, and must be clean when the flaw is left out.\n"
    "  --seeds N | A..B  instead of the number that each scenario states\n"
    "  --fresh           seeds that nobody has run yet, from the clock; they are printed\n"
    "  --jobs N          worker processes (default: one a processor); the output does not depend on it\n"
    "  --part I/N        every N-th seed, beginning with the I-th: for N machines\n"
    "  --time-limit T    stop after this time (30s, 10m)\n"
    "  --store NAME      the shards' store: memory or sqlite; the digests must not depend on it\n"
    "  --junit FILE      write JUnit XML\n"
    "  --json FILE       write the result file that `sexton report` reads\n"
    "\n"
    "exit: 0 as expected, 1 not, 2 bad input, 4 vacuous, 5 a run crashed or was exhausted, 6 out of time\n";

#define KEPT_MAX 10 /* directories in build/fail of one check */

struct options {
    struct sweep_options sweep;
    const char *junit, *json, *store;
    const char **paths;
    size_t path_count;
    uint64_t jobs;
    bool fresh, helped;
};

static bool parse_seeds(const char *text, uint64_t *first, uint64_t *last)
{
    char a[32];
    const char *dots = strstr(text, "..");
    if (!dots) {
        *first = 1;
        return args_parse_number(text, last) && *last > 0;
    }
    if ((size_t)(dots - text) >= sizeof a)
        return false;
    snprintf(a, sizeof a, "%.*s", (int)(dots - text), text);
    return args_parse_number(a, first) && args_parse_number(dots + 2, last) && *first <= *last && *last > 0 &&
           *last < UINT64_MAX;
}

static bool parse_part(const char *text, uint64_t *part, uint64_t *parts)
{
    char a[32];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof a)
        return false;
    snprintf(a, sizeof a, "%.*s", (int)(slash - text), text);
    return args_parse_number(a, part) && args_parse_number(slash + 1, parts) && *part >= 1 && *part <= *parts;
}

/* Takes the option at hand, if it is one whose value needs more than a look. */
static bool take_option(struct args *args, struct options *options)
{
    const char *value;
    uint64_t us = 0;
    struct sweep_options *sweep = &options->sweep;
    if (args_option(args, "--seeds", &value)) {
        if (!args->bad && !parse_seeds(value, &sweep->first, &sweep->last))
            args_complain(args, value, "a number of seeds, or FIRST..LAST");
        return true;
    }
    if (args_option(args, "--part", &value)) {
        if (!args->bad && !parse_part(value, &sweep->part, &sweep->parts))
            args_complain(args, value, "I/N with I from 1 to N");
        return true;
    }
    if (args_option(args, "--time-limit", &value)) {
        if (!args->bad && (history_parse_duration(value, &us) != 0 || us < US_PER_MS))
            args_complain(args, value, "a time such as 30s or 10m");
        sweep->time_limit_ms = us / US_PER_MS;
        return true;
    }
    return args_option(args, "--junit", &options->junit) || args_option(args, "--json", &options->json) ||
           args_option(args, "--store", &options->store) || args_number(args, "--jobs", &options->jobs);
}

static int read_options(int argc, char **argv, struct options *options)
{
    struct args args = args_begin(argc, argv, usage);
    const char *path;
    *options = (struct options){.sweep = {.part = 1, .parts = 1}};
    options->paths = base_alloc(((size_t)argc + 1) * sizeof *options->paths);
    while (args_more(&args)) {
        if (args_flag(&args, "--help") || args_flag(&args, "-h")) {
            printf("%s%s", usage, help);
            options->helped = true;
            return SEXTON_OK;
        }
        if (args_flag(&args, "--fresh"))
            options->fresh = true;
        else if (take_option(&args, options))
            continue;
        else if (!args_operand(&args, &path))
            return args_unknown(&args);
        else
            options->paths[options->path_count++] = path;
    }
    const char *store = options->store;
    if (!args.bad && store && strcmp(store, "memory") != 0 && strcmp(store, "sqlite") != 0)
        args_complain(&args, store, "memory or sqlite");
    if (!args.bad && options->jobs > 256)
        args_complain(&args, "more than 256 jobs", "fewer");
    options->sweep.jobs = (unsigned)options->jobs;
    return args.bad ? SEXTON_USAGE : SEXTON_OK;
}

/* As many seeds as asked for, from a place that the clock gives. */
static void choose_fresh_seeds(struct sweep_options *sweep)
{
    uint64_t count = sweep->last ? sweep->last - sweep->first + 1 : 100;
    sweep->first = (uint64_t)time(NULL) * 1000;
    sweep->last = sweep->first + count - 1;
}

static int exit_of(const struct tally_judgement *judgements, size_t count, enum sweep_end end)
{
    enum grade worst = GRADE_OK;
    for (size_t i = 0; i < count; i++)
        if (judgements[i].grade < worst)
            worst = judgements[i].grade;
    if (worst == GRADE_BROKEN)
        return SEXTON_BROKEN;
    if (worst == GRADE_FAILED)
        return SEXTON_FAILED;
    if (end == SWEEP_TIME || worst == GRADE_UNFINISHED)
        return SEXTON_TIME;
    return worst == GRADE_VACUOUS ? SEXTON_VACUOUS : SEXTON_OK;
}

static void keep_first(struct run *run, const struct sweep_item *item, const struct tally *tally, bool control,
                       int *kept)
{
    if (!tally || tally->failure_count == 0 || *kept == KEPT_MAX)
        return;
    const struct tally_failure *failure = &tally->failures[0];
    struct replay replay = sweep_replay(item, failure->seed, control);
    keep_failure(run, &replay, !failure->broken); /* what crashed there would crash here */
    ++*kept;
}

static void keep_failures(const struct sweep *sweep)
{
    struct run *run = run_new();
    int kept = 0;
    for (size_t i = 0; i < sweep_count(sweep); i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        keep_first(run, item, item->tally, false, &kept);
        keep_first(run, item, item->control, true, &kept);
    }
    run_free(run);
}

static int conclude(const struct sweep *sweep, const struct options *options, enum sweep_end end)
{
    size_t count = sweep_count(sweep);
    char seeds[64] = "stated"; /* by each scenario */
    struct tally_judgement *judgements = base_alloc(count * sizeof *judgements);
    for (size_t i = 0; i < count; i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        tally_judge(item->tally, item->control, item->scenario, sweep_item_finished(item), &judgements[i]);
        check_print_item(stdout, item, &judgements[i]);
    }
    check_print_work(stdout, sweep);
    if (options->sweep.last)
        snprintf(seeds, sizeof seeds, "%" PRIu64 "..%" PRIu64, options->sweep.first, options->sweep.last);
    int status = exit_of(judgements, count, end);
    if (options->json && check_write_json(options->json, sweep, judgements, seeds) < 0)
        status = SEXTON_USAGE;
    if (options->junit && check_write_junit(options->junit, sweep, judgements) < 0)
        status = SEXTON_USAGE;
    free(judgements);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "sexton check: cannot write to standard output\n");
        status = SEXTON_USAGE;
    }
    keep_failures(sweep);
    return status;
}

static int check(struct sweep *sweep, struct options *options)
{
    struct timespec before, after;
    if (options->store)
        sweep_set_store(sweep, options->store);
    if (options->path_count == 0)
        options->paths[options->path_count++] = "scenarios";
    for (size_t i = 0; i < options->path_count; i++)
        if (sweep_add(sweep, options->paths[i]) < 0)
            return SEXTON_USAGE;
    if (sweep_count(sweep) == 0) {
        fprintf(stderr, "sexton check: found no scenario, expected files that end in .json\n");
        return SEXTON_VACUOUS;
    }
    if (options->fresh) {
        choose_fresh_seeds(&options->sweep);
        printf("fresh seeds: --seeds %" PRIu64 "..%" PRIu64 "\n", options->sweep.first, options->sweep.last);
    }
    options->sweep.progress = isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &before);
    enum sweep_end end = sweep_run(sweep, &options->sweep);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (end == SWEEP_FAILED)
        return SEXTON_BROKEN;
    int status = conclude(sweep, options, end);
    int64_t ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    fprintf(stderr, "in %" PRId64 ".%03" PRId64 " s\n", ms / 1000, ms % 1000);
    return status;
}

int cmd_check(int argc, char **argv)
{
    struct options options;
    struct sweep *sweep = sweep_new();
    int status = read_options(argc, argv, &options);
    if (status == SEXTON_OK && !options.helped)
        status = check(sweep, &options);
    sweep_free(sweep);
    free(options.paths);
    return status;
}
