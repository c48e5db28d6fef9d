/*
 * bench_store.c: `sexton bench store`: what a shard does in a second, on each store, beside the same work without a
 * store, and what bounds it.
 *
 * Method: a crowd's run is recorded (bench_tape.h): the steps of one of its two shards. Each round plays, for each kind
 * of store, on new stores: the steps themselves; the calls that they make on the store and nothing else; the same calls
 * as bare prepared statements, or on plain trees (bench_bare.h). The kinds take turns within a round, so that a slow
 * spell of the machine meets all of them; the medians over the rounds are told. Opening is not timed. Where a commit
 * waits for the disk only the first steps are played, on all three sides alike.
 */
#include "sim/cli/bench_store.h"
#include "sim/cli/bench_bare.h"
#include "sim/cli/cli.h"

#include "core/store_sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 99
#define SYNCED_STEPS 500 /* each waits for the disk twice */

struct kind {
    const char *name;
    bool sqlite, file, sync;
};
static const struct kind kinds[] = {
    {"memory", false, false, false},
    {"sqlite in memory", true, false, false},
    {"sqlite file, no sync", true, true, false},
    {"sqlite file, sync", true, true, true},
};
#define KINDS (sizeof kinds / sizeof *kinds)

struct timing {
    uint64_t steps_ns, calls_ns, bare_ns, checkpoint_ns;
};
struct bench {
    struct tape *tape;
    uint64_t rounds;
    char dir[64];
    char paths[STORE_PARTS][96];
    struct timing timings[KINDS][ROUNDS_MAX];
};

/* ---- one round ---- */

static size_t steps_of(const struct bench *b, const struct kind *kind)
{
    size_t all = b->tape->step_count;
    return kind->sync && all > SYNCED_STEPS ? SYNCED_STEPS : all;
}

static void remove_files(const struct bench *b)
{
    static const char *const ends[] = {"", "-wal", "-journal"};
    char path[128];
    for (int p = 0; p < STORE_PARTS; p++)
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            snprintf(path, sizeof path, "%s%s", b->paths[p], ends[i]);
            remove(path);
        }
}

static struct store *open_part(const struct bench *b, const struct kind *kind, enum store_part part)
{
    struct store *store = NULL;
    char error[512];
    struct store_sqlite_options options = {.part = part, .journal = STORE_JOURNAL_WAL, .sync = kind->sync};
    if (!kind->sqlite)
        return store_mem_open(part);
    if (kind->file)
        options.path = b->paths[part];
    if (store_sqlite_open(&options, &store, error, sizeof error) < 0)
        fprintf(stderr, "sexton bench: %s\n", error);
    return store;
}

static void close_parts(const struct bench *b, struct shard_stores *stores)
{
    for (int p = 0; p < STORE_PARTS; p++) {
        struct store *store = *shard_stores_part(stores, (enum store_part)p);
        if (store)
            store->ops->close(store);
    }
    remove_files(b);
}

/* Plays the steps, or (calls) their calls alone, on new stores; 0 when these do not open. */
static uint64_t play(const struct bench *b, const struct kind *kind, bool calls, uint64_t *checkpoint_ns)
{
    struct shard_stores stores = {open_part(b, kind, STORE_MAIN), open_part(b, kind, STORE_VAULT),
                                  open_part(b, kind, STORE_BLOBS)};
    uint64_t took = 0;
    if (stores.main && stores.vault && stores.blobs) {
        uint64_t began = bench_now_ns();
        if (calls)
            tape_play_calls(b->tape, steps_of(b, kind), &stores, checkpoint_ns);
        else
            tape_play_steps(b->tape, steps_of(b, kind), &stores);
        took = bench_now_ns() - began;
    }
    close_parts(b, &stores);
    return took ? took : 1;
}

static uint64_t play_bare(struct bench *b, const struct kind *kind)
{
    size_t steps = steps_of(b, kind);
    char *paths[STORE_PARTS];
    for (int p = 0; p < STORE_PARTS; p++)
        paths[p] = b->paths[p];
    uint64_t took =
        kind->sqlite ? bare_sqlite(b->tape, steps, kind->file ? paths : NULL, kind->sync) : bare_memory(b->tape, steps);
    remove_files(b);
    return took ? took : 1;
}

static void run_rounds(struct bench *b)
{
    for (uint64_t round = 0; round < b->rounds; round++)
        for (size_t k = 0; k < KINDS; k++) {
            struct timing *timing = &b->timings[k][round];
            timing->steps_ns = play(b, &kinds[k], false, NULL);
            timing->calls_ns = play(b, &kinds[k], true, &timing->checkpoint_ns);
            timing->bare_ns = play_bare(b, &kinds[k]);
        }
}

/* ---- what came of it ---- */

static uint64_t median(struct bench *b, size_t kind, size_t offset)
{
    uint64_t values[ROUNDS_MAX];
    for (uint64_t i = 0; i < b->rounds; i++) { /* into its place */
        uint64_t value;
        memcpy(&value, (const char *)&b->timings[kind][i] + offset, sizeof value);
        uint64_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return values[b->rounds / 2];
}
#define MEDIAN(b, kind, field) median(b, kind, offsetof(struct timing, field))

static uint64_t per_second(uint64_t count, uint64_t ns)
{
    return count * 1000000000U / (ns ? ns : 1); /* counts are below 10^9 */
}

static unsigned percent(uint64_t part, uint64_t of)
{
    return (unsigned)(part * 100 / (of ? of : 1));
}

static void print_tape(const struct bench *b)
{
    const struct tape *t = b->tape;
    static const char *const names[TAPE_KINDS] = {"begin", "commit", "get", "put", "delete", "scan", "checkpoint"};
    printf("one shard of %" PRIu32
           ": %zu steps, %zu operations decided, %zu calls of the store (%zu.%zu a step), %zu rows "
           "scanned\n ",
           t->shards, t->step_count, t->steps[t->step_count - 1].decided, t->call_count, t->call_count / t->step_count,
           t->call_count * 10 / t->step_count % 10, t->rows);
    for (int i = 0; i < TAPE_KINDS; i++)
        printf(" %s %zu%s", names[i], t->kinds[i], i + 1 < TAPE_KINDS ? "," : "\n");
}

/* What takes the larger part of a step's time, in words. */
static void print_bound(struct bench *b, size_t k)
{
    uint64_t steps = MEDIAN(b, k, steps_ns), calls = MEDIAN(b, k, calls_ns), bare = MEDIAN(b, k, bare_ns);
    uint64_t wiping = MEDIAN(b, k, checkpoint_ns);
    unsigned store = percent(calls, steps);
    printf("  %-21s %u%% of a step is the store", kinds[k].name, store > 100 ? 100 : store);
    if (kinds[k].file)
        printf(" (%u%% checkpoints after purges)", percent(wiping, steps));
    printf("; the store takes %" PRIu64 ".%02" PRIu64 " times its bare calls: bound by ", calls / bare,
           calls * 100 / bare % 100);
    if (store < 50)
        printf("the shard's own work\n");
    else if (kinds[k].file && wiping * 2 > calls)
        printf("checkpoints\n");
    else if (!kinds[k].sqlite)
        printf("its trees\n");
    else
        printf(kinds[k].sync ? "the disk's sync\n" : "SQLite's statements\n");
}

static void print_table(struct bench *b)
{
    printf("%-21s %8s %12s %10s %14s %14s %7s\n", "store", "steps", "operations/s", "steps/s", "its calls/s",
           "bare calls/s", "ratio");
    for (size_t k = 0; k < KINDS; k++) {
        size_t steps = steps_of(b, &kinds[k]);
        const struct tape_step *last = &b->tape->steps[steps - 1];
        uint64_t steps_ns = MEDIAN(b, k, steps_ns), calls_ns = MEDIAN(b, k, calls_ns), bare_ns = MEDIAN(b, k, bare_ns);
        printf("%-21s %8zu %12" PRIu64 " %10" PRIu64 " %14" PRIu64 " %14" PRIu64 " %4" PRIu64 ".%02" PRIu64 "\n",
               kinds[k].name, steps, per_second(last->decided, steps_ns), per_second(steps, steps_ns),
               per_second(last->calls_end, calls_ns), per_second(last->calls_end, bare_ns), calls_ns / bare_ns,
               calls_ns * 100 / bare_ns % 100);
    }
    printf("what bounds them:\n");
    for (size_t k = 0; k < KINDS; k++)
        print_bound(b, k);
}

/* ---- the command ---- */

static struct tape *record(uint64_t operations, uint64_t seed)
{
    char text[1024], error[SCENARIO_ERROR_MAX];
    struct scenario *scenarios;
    size_t count;
    int size = snprintf(
        text, sizeof text,
        "{ \"sexton-scenario\": 1, \"name\": \"bench-store\", \"why\": \"w\", \"lasts\": \"10m\", \"observe\": "
        "\"0s\",\n"
        "\"server\": { \"shards\": 2 }, \"policy\": { \"preset\": \"full\", \"undo-window\": \"20s\", "
        "\"fence-after\": \"3m\" },\n"
        "\"crowd\": { \"users\": 60, \"devices\": [1, 2], \"group\": [2, 8], \"active\": \"10m\", \"workload\": {\n"
        "\"operations\": %" PRIu64 " } } }",
        operations);
    if (scenario_read_text("bench", text, (size_t)size, NULL, 0, &scenarios, &count, error) < 0) {
        fprintf(stderr, "sexton bench: %s\n", error);
        return NULL;
    }
    struct tape *tape = tape_record(&scenarios[0], seed);
    scenario_free_all(scenarios, count);
    return tape;
}

static bool make_directory(struct bench *b)
{
    snprintf(b->dir, sizeof b->dir, "%s", P_tmpdir "/sexton-bench-XXXXXX");
    if (!mkdtemp(b->dir)) {
        fprintf(stderr, "sexton bench: %s: %s\n", b->dir, strerror(errno));
        return false;
    }
    for (int p = 0; p < STORE_PARTS; p++)
        snprintf(b->paths[p], sizeof b->paths[0], "%s/%s.db", b->dir, store_part_name((enum store_part)p));
    return true;
}

int bench_store(uint64_t operations, uint64_t rounds)
{
    struct bench *b = base_alloc(sizeof *b);
    b->rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    int status = SEXTON_BROKEN;
    if (make_directory(b)) {
        b->tape = record(operations, 1);
        if (b->tape && b->tape->step_count > 0) {
            print_tape(b);
            run_rounds(b);
            print_table(b);
            status = SEXTON_OK;
        }
        if (b->tape)
            tape_free(b->tape);
        rmdir(b->dir);
    }
    free(b);
    return status;
}
