/*
 * check.c: `sexton check`: every scenario against its expectations, over many seeds, in worker processes. What CI runs.
 */
#include "sim/cli/args.h"
#include "sim/cli/cli.h"
#include "sim/cli/conclude.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: sexton check [FILE|DIR]... [--seeds N|A..B] [--fresh] [--jobs N] [--part I/N]\n"
    "                    [--time-limit T] [--store memory|sqlite] [--swarm] [--junit FILE] [--json FILE]\n";
static const char help[] =
    "\n"
    "Runs every scenario (default: all in scenarios/) and judges it. A scenario with a flaw must show the violations "
    "that\n"
    "it lists and no other, and must be clean when the flaw is left out.\n"
    "  --seeds N | A..B  instead of the number that each scenario states\n"
    "  --fresh           seeds that nobody has run yet, from the clock; they are printed\n"
    "  --jobs N          worker processes (default: one a processor); the output does not depend on it\n"
    "  --part I/N        every N-th seed, beginning with the I-th: for N machines. With --json FILE, `sexton merge` "
    "then\n"
    "                    says what all N parts came to; a part judges nothing that only all seeds can show\n"
    "  --time-limit T    stop after this time (30s, 10m)\n"
    "  --store NAME      the shards' store: memory or sqlite; the digests must not depend on it\n"
    "  --swarm           only scenarios with a \"swarm\": each seed draws its own topology, choices and faults\n"
    "  --junit FILE      write JUnit XML\n"
    "  --json FILE       write the result file that `sexton report` reads\n"
    "\n"
    "exit: 0 as expected, 1 not, 2 bad input, 4 vacuous, 5 a run crashed or was exhausted, 6 out of time\n";

struct options {
    struct sweep_options sweep;
    const char *junit, *json, *store;
    const char **paths;
    size_t path_count;
    uint64_t jobs;
    bool fresh, swarm, helped;
};

/* Takes the option at hand, if it is one whose value needs more than a look. */
static bool take_option(struct args *args, struct options *options)
{
    const char *value;
    uint64_t us = 0;
    struct sweep_options *sweep = &options->sweep;
    if (args_option(args, "--seeds", &value)) {
        if (!args->bad && !check_parse_seeds(value, &sweep->first, &sweep->last))
            args_complain(args, value, "a number of seeds, or FIRST..LAST");
        return true;
    }
    if (args_option(args, "--part", &value)) {
        if (!args->bad && !check_parse_part(value, &sweep->part, &sweep->parts))
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
        else if (args_flag(&args, "--swarm"))
            options->swarm = true;
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

static int check(struct sweep *sweep, struct options *options)
{
    struct timespec before, after;
    if (options->store)
        sweep_set_store(sweep, options->store);
    if (options->swarm)
        sweep_only_swarms(sweep);
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
    struct conclusion conclusion = {
        .json = options->json, .junit = options->junit, .store = options->store, .sweep = &options->sweep};
    int status = conclude(sweep, &conclusion, end);
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
