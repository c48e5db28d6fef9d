/*
 * bench_store.c: `sexton bench store`: what a shard does in a second, on each store, beside bare prepared statements of
 * the same work, and what bounds it.
 *
 * Method: a crowd's run is recorded (bench_tape.h): the steps of one of its two shards. Each round plays, for each kind
 * of store, on new stores: the steps themselves; the calls that they make on the store and nothing else; and, of
 * bench_bare.h, the same writes in the same transactions as bare statements, then these with all the reads (on memory:
 * the calls on plain trees). The kinds take turns within a round, so that a slow spell of the machine meets all of
 * them; the medians over the rounds are told. Opening is not timed. The clock is the processor's, for this process; but
 * where a commit waits for the disk it is the wall's, and only the first steps are played, on all sides alike.
 *
 * The ratio is of a step, with all that the shard reads, decides and seals, to the bare writes alone.
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
    bool sqlite, file, sync, uncached;
};
static const struct kind kinds[] = {
    {.name = "memory"},
    {.name = "SQLite in memory", .sqlite = true},
    {.name = "  without a cache", .sqlite = true, .uncached = true},
    {.name = "SQLite on a file", .sqlite = true, .file = true},
    {.name = "  synced", .sqlite = true, .file = true, .sync = true},
};
#define KINDS (sizeof kinds / sizeof *kinds)

struct timing {
    uint64_t steps_ns, calls_ns, writes_ns, all_ns; /* the last two bare; on memory there is no writes_ns */
    uint64_t checkpoint_ns;
};
struct bench {
    struct tape *tape;
    uint64_t rounds;
    char dir[64];
    char paths[STORE_PARTS][96];
    struct timing timings[KINDS][ROUNDS_MAX];
    struct store_sqlite_reads reads[KINDS]; /* of the steps */
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
    options.uncached = kind->uncached;
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

static void count_reads(struct bench *b, const struct kind *kind, struct shard_stores *stores)
{
    struct store_sqlite_reads *sum = &b->reads[kind - kinds];
    *sum = (struct store_sqlite_reads){0, 0};
    for (int p = 0; kind->sqlite && p < STORE_PARTS; p++) {
        struct store_sqlite_reads reads = store_sqlite_reads(*shard_stores_part(stores, (enum store_part)p));
        sum->all += reads.all;
        sum->asked += reads.asked;
    }
}

/* Plays the steps, or (calls) their calls alone, on new stores; 1 when these do not open. */
static uint64_t play(struct bench *b, const struct kind *kind, bool calls, uint64_t *checkpoint_ns)
{
    struct shard_stores stores = {open_part(b, kind, STORE_MAIN), open_part(b, kind, STORE_VAULT),
                                  open_part(b, kind, STORE_BLOBS)};
    uint64_t took = 0;
    if (stores.main && stores.vault && stores.blobs) {
        uint64_t began = bench_now_ns(kind->sync);
        if (calls)
            tape_play_calls(b->tape, steps_of(b, kind), &stores, kind->sync, checkpoint_ns);
        else
            tape_play_steps(b->tape, steps_of(b, kind), &stores);
        took = bench_now_ns(kind->sync) - began;
        if (!calls)
            count_reads(b, kind, &stores);
    }
    close_parts(b, &stores);
    return took ? took : 1;
}

static uint64_t play_bare(struct bench *b, const struct kind *kind, bool reads)
{
    size_t steps = steps_of(b, kind);
    char *paths[STORE_PARTS];
    for (int p = 0; p < STORE_PARTS; p++)
        paths[p] = b->paths[p];
    uint64_t took = kind->sqlite ? bare_sqlite(b->tape, steps, kind->file ? paths : NULL, kind->sync, reads)
                                 : bare_memory(b->tape, steps);
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
            timing->all_ns = play_bare(b, &kinds[k], true);
            timing->writes_ns = kinds[k].sqlite ? play_bare(b, &kinds[k], false) : 1;
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
    size_t reads = t->kinds[TAPE_GET] + t->kinds[TAPE_SCAN], each = t->step_count;
    printf("One shard of %" PRIu32
           " in ten minutes of a crowd with every feature on: %zu steps, %zu operations decided.\n",
           t->shards, t->step_count, t->steps[t->step_count - 1].decided);
    printf("A step reads %zu.%zu times and writes %zu.%zu rows, in %zu.%02zu transactions; %zu checkpoints in all.\n",
           reads / each, reads * 10 / each % 10, t->writes / each, t->writes * 10 / each % 10,
           t->kinds[TAPE_COMMIT] / each, t->kinds[TAPE_COMMIT] * 100 / each % 100, t->kinds[TAPE_CHECKPOINT]);
    printf("Medians of %" PRIu64 " rounds, time of the processor (synced: of the wall, %d steps).\n\n", b->rounds,
           SYNCED_STEPS);
}

/* What a step's time goes into, and the largest of it in words. */
static void print_bound(struct bench *b, size_t k)
{
    const struct kind *kind = &kinds[k];
    uint64_t steps = MEDIAN(b, k, steps_ns), calls = MEDIAN(b, k, calls_ns), wiping = MEDIAN(b, k, checkpoint_ns);
    uint64_t writes = MEDIAN(b, k, writes_ns);
    if (!kind->sqlite) {
        printf("%s\n", calls * 2 > steps ? "its trees" : "the shard's own work");
        return;
    }
    uint64_t own = steps > calls ? steps - calls : 0, asking = calls > writes + wiping ? calls - writes - wiping : 0;
    uint64_t writing = steps > own + asking + wiping ? steps - own - asking - wiping : 0; /* so that it adds up */
    printf("%s (%u%%)",
           writing * 2 > steps ? (kind->sync ? "waiting for the disk" : "writing rows")
           : kind->uncached    ? "reading rows"
                               : "writing rows and the shard's own work",
           percent(writing, steps));
    printf("; reading %u%%", percent(asking, steps));
    if (kind->file)
        printf("; checkpoints %u%%", percent(wiping, steps));
    printf("; the shard itself %u%%\n", percent(own, steps));
}

static void print_line(const char *name, const struct tape_step *last, size_t steps, uint64_t ns)
{
    printf("%-22s %12" PRIu64 " %9" PRIu64 " %7" PRIu64 ".%" PRIu64, name, per_second(last->decided, ns),
           per_second(steps, ns), ns / steps / 1000, ns / steps / 100 % 10);
}

static void print_table(struct bench *b)
{
    printf("%-22s %12s %9s %9s  %-10s %s\n", "", "operations/s", "steps/s", "us a step", "to bare", "bound by");
    for (size_t k = 0; k < KINDS; k++) {
        size_t steps = steps_of(b, &kinds[k]);
        const struct tape_step *last = &b->tape->steps[steps - 1];
        uint64_t ns = MEDIAN(b, k, steps_ns), bare = MEDIAN(b, k, writes_ns);
        print_line(kinds[k].name, last, steps, ns);
        if (kinds[k].sqlite)
            printf("  %2" PRIu64 ".%02" PRIu64 " times ", ns / bare, ns * 100 / bare % 100);
        else
            printf("  %-10s ", "");
        print_bound(b, k);
        if (!kinds[k].sqlite || kinds[k].uncached)
            continue;
        print_line("  its writes, bare", last, steps, bare);
        printf("   1\n");
        print_line("  its reads too, bare", last, steps, MEDIAN(b, k, all_ns));
        uint64_t all = MEDIAN(b, k, all_ns);
        printf("  %2" PRIu64 ".%02" PRIu64 " times  its reads: %u%% of them are answered without SQLite\n", all / bare,
               all * 100 / bare % 100, 100 - percent(b->reads[k].asked, b->reads[k].all));
    }
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
