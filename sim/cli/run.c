/*
 * run.c: `sexton run FILE[#VARIANT]`: one scenario with one seed, told in full; or once for each point of its disks at
 * which the power may go.
 */
#include "sim/run.h"

#include "sim/cli/args.h"
#include "sim/cli/cli.h"
#include "sim/cli/crash.h"
#include "sim/cli/determinism.h"
#include "sim/cli/keep.h"
#include "sim/cli/keep_stores.h"
#include "sim/cli/output.h"
#include "sim/cli/run_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: sexton run FILE[#VARIANT] [--seed N] [--set KEY=VALUE]... [--flaw NAME] [--store memory|sqlite]\n"
    "                  [--control] [--trace [--only NAME]] [--history FILE] [--json FILE] [--keep-stores DIR]\n"
    "                  [--verify-determinism] [--journal wal|truncate] [--crash-at N|--crash-everywhere [--points "
    "N]]\n";
static const char help[] =
    "\n"
    "Runs one scenario with one seed (default 1) and judges it.\n"
    "  --seed N              the seed of every random stream\n"
    "  --set KEY=VALUE       change the scenario: --set policy.undo-window=5s\n"
    "  --flaw NAME           switch on a mistake (sexton list flaws)\n"
    "  --control             a negative scenario without its flaw\n"
    "  --store NAME          the shards' store: memory or sqlite\n"
    "  --trace [--only NAME] print the records as they happen [that name NAME]\n"
    "  --history FILE        write the history as JSON lines (`-`: standard output)\n"
    "  --json FILE           write the result as JSON\n"
    "  --keep-stores DIR     write each shard's two databases, as the run left them (sexton audit reads the vault)\n"
    "  --journal NAME        put the shards' databases on simulated disks, with that journal: wal or truncate\n"
    "  --crash-at N          cut the power of the shard that makes the N-th write, truncation, sync, removal or "
    "commit\n"
    "                        of all (on disks, of --journal or the scenario's, else wal); hold it against the\n"
    "                        invariants alone\n"
    "  --crash-everywhere    so at each such point in turn, up to 4096, or at 1000 drawn ones where there are more\n"
    "  --points N            at N drawn ones at most\n"
    "  --verify-determinism  run again in other processes and compare\n"
    "\n"
    "exit: 0 as expected, 1 not, 2 bad input, 3 not deterministic, 4 nothing to judge, 5 exhausted or broken\n";

#define SETS_MAX 32
struct options {
    const char *file, *history, *json, *only, *stores;
    const char *sets[SETS_MAX];
    size_t set_count;
    char store[64], journal[64];
    uint64_t seed, nth, crash_at, points;
    bool everywhere;
    int flaw;
    bool trace, control, verify, digest, helped;
};

static void add_set(struct args *args, struct options *options, const char *set)
{
    if (!strchr(set, '='))
        args_complain(args, set, "KEY=VALUE for --set");
    else if (options->set_count == SETS_MAX)
        args_complain(args, set, "at most 32 of --set");
    else
        options->sets[options->set_count++] = set;
}

static void set_flaw(struct args *args, struct options *options, const char *name)
{
    options->flaw = flaw_find(name);
    if (options->flaw < 0)
        args_complain(args, name, "a flaw (sexton list flaws)");
}

/* SEXTON_OK to go on. */
static int read_options(int argc, char **argv, struct options *options)
{
    struct args args = args_begin(argc, argv, usage);
    const char *value;
    *options = (struct options){.seed = 1, .flaw = -1};
    while (args_more(&args)) {
        if (args_flag(&args, "--help") || args_flag(&args, "-h")) {
            printf("%s%s", usage, help);
            options->helped = true;
            return SEXTON_OK;
        } else if (args_option(&args, "--set", &value)) {
            add_set(&args, options, value);
        } else if (args_option(&args, "--flaw", &value)) {
            set_flaw(&args, options, value);
        } else if (args_option(&args, "--store", &value)) {
            snprintf(options->store, sizeof options->store, "server.store=%s", value);
            add_set(&args, options, options->store);
        } else if (args_option(&args, "--journal", &value)) {
            snprintf(options->journal, sizeof options->journal, "server.disk=%s", value);
            add_set(&args, options, options->journal);
        } else if (args_flag(&args, "--crash-everywhere")) {
            options->everywhere = true;
        } else if (args_flag(&args, "--trace")) {
            options->trace = true;
        } else if (args_flag(&args, "--control")) {
            options->control = true;
        } else if (args_flag(&args, "--verify-determinism")) {
            options->verify = true;
        } else if (args_flag(&args, "--digest")) { /* hidden: the digest and nothing else */
            options->digest = true;
        } else if (args_number(&args, "--seed", &options->seed) || args_number(&args, "--nth", &options->nth) ||
                   args_number(&args, "--crash-at", &options->crash_at) ||
                   args_number(&args, "--points", &options->points) || args_option(&args, "--only", &options->only) ||
                   args_option(&args, "--history", &options->history) || args_option(&args, "--json", &options->json) ||
                   args_option(&args, "--keep-stores", &options->stores)) {
            continue;
        } else if (!args_operand(&args, &value)) {
            return args_unknown(&args);
        } else if (options->file) {
            return args_complain(&args, value, "one scenario");
        } else {
            options->file = value;
        }
    }
    if (!args.bad && !options->file)
        return args_complain(&args, "no scenario", "one");
    return args.bad ? SEXTON_USAGE : SEXTON_OK;
}

/* ---- which scenario ---- */

struct loaded {
    struct scenario *scenarios, *scenario;
    size_t count;
};

static struct scenario *find_variant(struct loaded *loaded, const char *file, const char *variant)
{
    for (size_t i = 0; i < loaded->count; i++) {
        const char *have = loaded->scenarios[i].variant;
        if (variant &&
            (strcmp(have, variant) == 0 || (strncmp(have, "policy.", 7) == 0 && strcmp(have + 7, variant) == 0)))
            return &loaded->scenarios[i];
    }
    if (!variant && loaded->count == 1)
        return &loaded->scenarios[0];
    fprintf(stderr, "sexton run: %s: found %s%s, expected one of these variants:\n", file, variant ? "#" : "none",
            variant ? variant : "");
    for (size_t i = 0; i < loaded->count; i++)
        fprintf(stderr, "  %s#%s\n", file, loaded->scenarios[i].variant);
    return NULL;
}

static int load_once(const struct options *options, struct loaded *loaded)
{
    char error[SCENARIO_ERROR_MAX], *file = strdup(options->file), *hash = strchr(file, '#');
    struct stat info;
    if (hash && stat(file, &info) == 0) /* a file of that name */
        hash = NULL;
    if (hash)
        *hash = '\0';
    int status = scenario_read(file, options->sets, options->set_count, &loaded->scenarios, &loaded->count, error);
    if (status < 0)
        fprintf(stderr, "%s\n", error);
    else
        loaded->scenario = find_variant(loaded, file, hash ? hash + 1 : NULL);
    free(file);
    if (loaded->scenario && options->stores && strcmp(loaded->scenario->store, "sqlite") != 0) {
        fprintf(stderr,
                "sexton run: found --keep-stores with the %s store, expected --store sqlite: only its images "
                "are files\n",
                loaded->scenario->store);
        return E_INVALID;
    }
    return loaded->scenario ? 0 : E_INVALID;
}

/* A point of the disks is asked for: then there are some. */
static int load(struct options *options, struct loaded *loaded)
{
    static const char disks[] = "server.disk=wal";
    int status = load_once(options, loaded);
    if (status < 0 || loaded->scenario->disk || !(options->everywhere || options->crash_at) ||
        options->set_count == SETS_MAX)
        return status;
    scenario_free_all(loaded->scenarios, loaded->count);
    *loaded = (struct loaded){0};
    options->sets[options->set_count++] = disks;
    return load_once(options, loaded);
}

/* ---- the run ---- */

/* The n-th run of a process must be like its first: these come before it, and leave nothing behind. */
static void warm_up(struct run *run, const struct scenario *scenario, const struct run_options *run_options,
                    uint64_t count, struct run_result *result)
{
    for (uint64_t i = 1; i <= count; i++) {
        struct run_options other = *run_options;
        other.seed += i;
        other.extra_count = 0;
        run_scenario(run, scenario, &other, result);
    }
}

static int run_it(struct run *run, const struct options *options, const struct replay *replay,
                  struct run_result *result)
{
    struct output file;
    struct history_writer *writer = NULL;
    struct run_trace trace = {.only = options->only};
    struct run_options run_options = {.seed = options->seed,
                                      .crash_at = options->crash_at,
                                      .without_flaw = options->control,
                                      .flaws = options->flaw >= 0 ? FLAW_BIT(options->flaw) : 0};
    warm_up(run, replay->scenario, &run_options, options->nth, result);
    if (options->history) {
        if (output_open(&file, options->history) < 0)
            return E_IO;
        writer = replay_history(replay, file.file);
        run_options.extra[run_options.extra_count++] = (struct history_sink){history_writer_take, writer};
    }
    if (options->trace)
        run_options.extra[run_options.extra_count++] = (struct history_sink){run_trace_take, &trace};
    int status = run_scenario(run, replay->scenario, &run_options, result);
    if (writer) {
        errno = 0;
        if (history_writer_close(writer) < 0)
            file.error = errno ? errno : EIO;
        int committed = output_commit(&file);
        status = status < 0 ? status : committed;
    }
    return status;
}

static int exit_of(const struct run_result *result)
{
    bool judged = false;
    for (int i = 0; i < INVARIANT_COUNT; i++)
        judged = judged || result->judged[i] > 0;
    if (result->end != WORLD_FINISHED)
        return SEXTON_BROKEN;
    if (result->failure_count > 0)
        return SEXTON_FAILED;
    return judged && result->work.deletions > 0 ? SEXTON_OK : SEXTON_VACUOUS;
}

static int finish(struct run *run, const struct options *options, const struct replay *replay,
                  const struct run_result *result)
{
    int status = exit_of(result);
    if (options->digest) {
        printf("%016" PRIx64 "\n", result->digest);
        return status;
    }
    FILE *out = options->history && strcmp(options->history, "-") == 0 ? stderr : stdout;
    run_print(out, run, replay, result);
    if (status == SEXTON_VACUOUS)
        fprintf(out, "vacuous: no deletion was judged\n");
    if (options->json && run_write_json(options->json, run, replay, result) < 0)
        return SEXTON_USAGE;
    if (options->stores && keep_stores(run, options->stores) < 0)
        return SEXTON_USAGE;
    if (options->verify) {
        fflush(stdout);
        int verified = determinism_verify(replay, result->digest);
        if (verified != SEXTON_OK)
            return verified;
    }
    if (status == SEXTON_FAILED || status == SEXTON_BROKEN)
        keep_failure(run, replay, true);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct options options;
    struct loaded loaded = {0};
    int status = read_options(argc, argv, &options);
    if (status != SEXTON_OK || options.helped)
        return status;
    if (load(&options, &loaded) < 0) {
        scenario_free_all(loaded.scenarios, loaded.count);
        return SEXTON_USAGE;
    }
    struct replay replay = {.scenario = loaded.scenario,
                            .seed = options.seed,
                            .crash_at = options.crash_at,
                            .control = options.control,
                            .flaw = options.flaw,
                            .sets = options.sets,
                            .set_count = options.set_count};
    struct run *run = run_new();
    struct run_result *result = base_alloc(sizeof *result);
    if (options.everywhere)
        status = crash_everywhere(run, &replay, options.points, result);
    else
        status = run_it(run, &options, &replay, result) < 0 ? SEXTON_USAGE : finish(run, &options, &replay, result);
    free(result);
    run_free(run);
    scenario_free_all(loaded.scenarios, loaded.count);
    if (fflush(stdout) != 0 && status == SEXTON_OK) {
        fprintf(stderr, "sexton run: cannot write to standard output\n");
        return SEXTON_USAGE;
    }
    return status;
}
