/*
 * sweep.c: reading scenarios, cutting their seeds into chunks, and folding what the workers answer.
 *
 * Method: the chunks are laid out in the order of files, variants and seeds, and given to whichever worker is free.
 * Tallies are sums, unions and lowest seeds, so that the order of answers cannot show.
 *
 * Limits: every scenario is kept in memory, with one tally (about 15 KB), two for a negative one.
 */
#include "sim/explore/sweep.h"

#include "sim/explore/pool.h"
#include "sim/explore/seed_line.h"
#include "sim/explore/tally_text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_SEEDS_MAX 64

struct sweep_file {
    char *path;
    struct scenario *scenarios;
    size_t count;
};
struct sweep {
    struct sweep_file *files;
    size_t file_count, file_cap;
    struct sweep_item *items;
    size_t item_count, item_cap;
    char set[64]; /* "server.store=NAME", or "" */
    bool only_swarms;
    /* the next chunk */
    size_t at;
    bool at_control;
    uint64_t taken; /* seeds of `at` that were given out */
    uint64_t chunk_seeds;
    /* progress */
    bool progress;
    uint64_t seeds_done, seeds_total;
};

struct sweep *sweep_new(void)
{
    return base_alloc(sizeof(struct sweep));
}

void sweep_free(struct sweep *sweep)
{
    if (!sweep)
        return;
    for (size_t i = 0; i < sweep->item_count; i++) {
        free(sweep->items[i].tally);
        free(sweep->items[i].control);
        metrics_free(sweep->items[i].metrics);
    }
    for (size_t i = 0; i < sweep->file_count; i++) {
        free(sweep->files[i].path);
        scenario_free_all(sweep->files[i].scenarios, sweep->files[i].count);
    }
    free(sweep->items);
    free(sweep->files);
    free(sweep);
}

void sweep_only_swarms(struct sweep *sweep)
{
    sweep->only_swarms = true;
}

void sweep_set_store(struct sweep *sweep, const char *store)
{
    snprintf(sweep->set, sizeof sweep->set, "server.store=%s", store);
}

/* ---- files ---- */

int sweep_add_file(struct sweep *sweep, const char *path, bool found)
{
    char error[SCENARIO_ERROR_MAX];
    struct sweep_file file = {0};
    if (strchr(path, '\n') || strlen(path) > 4000) {
        fprintf(stderr, "sexton check: found a path with a newline or of more than 4000 bytes\n");
        return E_INVALID;
    }
    const char *sets[] = {sweep->set};
    if (scenario_read(path, sets, sweep->set[0] != '\0', &file.scenarios, &file.count, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return E_INVALID;
    }
    bool alone = found && file.scenarios[0].seeds_at_most == 0;
    if (alone)
        fprintf(stderr, "sexton check: %s is swept only when it is named\n", path);
    if (alone || (sweep->only_swarms && !file.scenarios[0].swarm.on)) {
        scenario_free_all(file.scenarios, file.count);
        return 0;
    }
    file.path = strdup(path);
    sweep->files = base_grow(sweep->files, &sweep->file_cap, sweep->file_count + 1, sizeof *sweep->files);
    sweep->files[sweep->file_count++] = file;
    for (size_t i = 0; i < file.count; i++) {
        struct sweep_item item = {.file = file.path,
                                  .variant = i,
                                  .scenario = &file.scenarios[i],
                                  .set = sweep->set[0] ? sweep->set : NULL,
                                  .found = found};
        item.tally = base_alloc(sizeof *item.tally);
        item.metrics = metrics_new();
        if (item.scenario->flaw >= 0)
            item.control = base_alloc(sizeof *item.control);
        sweep->items = base_grow(sweep->items, &sweep->item_cap, sweep->item_count + 1, sizeof *sweep->items);
        sweep->items[sweep->item_count++] = item;
    }
    return 0;
}

static int keep_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By bytes, whatever the locale. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_scenario_name(const char *name)
{
    size_t length = strlen(name);
    static const char schema[] = ".schema.json";
    if (length < 5 || strcmp(name + length - 5, ".json") != 0)
        return false;
    return length < sizeof schema - 1 || strcmp(name + length - (sizeof schema - 1), schema) != 0;
}

static int add_directory(struct sweep *sweep, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, keep_entry, compare_entries), status = 0;
    if (count < 0) {
        fprintf(stderr, "sexton check: %s: %s\n", path, strerror(errno));
        return E_IO;
    }
    for (int i = 0; i < count; i++) {
        char *child = NULL;
        struct stat info;
        if (asprintf(&child, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name) < 0)
            child = NULL;
        if (status == 0 && child && stat(child, &info) == 0) {
            if (S_ISDIR(info.st_mode))
                status = add_directory(sweep, child);
            else if (is_scenario_name(child))
                status = sweep_add_file(sweep, child, true);
        }
        free(child);
        free(entries[i]);
    }
    free(entries);
    return status;
}

int sweep_add(struct sweep *sweep, const char *path)
{
    struct stat info;
    if (path[0] == '\0' || stat(path, &info) != 0) {
        fprintf(stderr, "sexton check: %s: %s\n", path, strerror(path[0] ? errno : ENOENT));
        return E_INVALID;
    }
    return S_ISDIR(info.st_mode) ? add_directory(sweep, path) : sweep_add_file(sweep, path, false);
}

size_t sweep_count(const struct sweep *sweep)
{
    return sweep->item_count;
}

const struct sweep_item *sweep_item(const struct sweep *sweep, size_t at)
{
    return &sweep->items[at];
}

bool sweep_item_finished(const struct sweep_item *item)
{
    return item->tally->seeds == item->seeds && (!item->control || item->control->seeds == item->seeds);
}

/* ---- chunks ---- */

static bool next_chunk(void *ctx, struct pool_chunk *chunk)
{
    struct sweep *sweep = ctx;
    while (sweep->at < sweep->item_count && sweep->taken == sweep->items[sweep->at].seeds) {
        sweep->taken = 0;
        if (!sweep->at_control && sweep->items[sweep->at].control) {
            sweep->at_control = true;
        } else {
            sweep->at_control = false;
            sweep->at++;
        }
    }
    if (sweep->at == sweep->item_count)
        return false;
    const struct sweep_item *item = &sweep->items[sweep->at];
    uint64_t left = item->seeds - sweep->taken, count = left < sweep->chunk_seeds ? left : sweep->chunk_seeds;
    uint64_t from = item->first + sweep->taken * item->step;
    *chunk = (struct pool_chunk){.file = item->file,
                                 .variant = item->variant,
                                 .from = from,
                                 .to = from + (count - 1) * item->step,
                                 .step = item->step,
                                 .control = sweep->at_control,
                                 .tag = sweep->at};
    sweep->taken += count;
    return true;
}

static void show_progress(struct sweep *sweep)
{
    sweep->seeds_done++;
    if (sweep->progress && sweep->seeds_done % 64 == 0)
        fprintf(stderr, "\r%llu of %llu seeds ", (unsigned long long)sweep->seeds_done,
                (unsigned long long)sweep->seeds_total);
}

static int take_line(void *ctx, const struct pool_chunk *chunk, char *line)
{
    struct sweep *sweep = ctx;
    struct sweep_item *item = &sweep->items[chunk->tag];
    if (line[0] != 'R')
        return chunk->control ? 0 : metrics_read_text(item->metrics, line);
    uint64_t seed;
    struct run_result *result = base_alloc(sizeof *result);
    int status = seed_line_read(line, &seed, result);
    if (status == 0) {
        tally_add(chunk->control ? item->control : item->tally, seed, result);
        show_progress(sweep);
    }
    free(result);
    return status;
}

static void take_crash(void *ctx, const struct pool_chunk *chunk, uint64_t seed, const char *how)
{
    struct sweep *sweep = ctx;
    struct sweep_item *item = &sweep->items[chunk->tag];
    tally_add_crash(chunk->control ? item->control : item->tally, seed, how);
    show_progress(sweep);
}

void sweep_lay_out(struct sweep *sweep, const struct sweep_options *options)
{
    for (size_t i = 0; i < sweep->item_count; i++) {
        struct sweep_item *item = &sweep->items[i];
        uint64_t first = options->last ? options->first : 1,
                 last = options->last ? options->last : item->scenario->seeds;
        uint64_t most = item->scenario->seeds_at_most;
        item->capped = item->found && first == 1 && last > most;
        if (item->capped)
            last = most;
        item->step = options->parts;
        item->first = first + options->part - 1;
        item->last = last;
        item->seeds = item->first > last || item->first < first ? 0 : (last - item->first) / item->step + 1;
        sweep->seeds_total += item->seeds * (item->control ? 2 : 1);
    }
}

enum sweep_end sweep_run(struct sweep *sweep, const struct sweep_options *options)
{
    sweep_lay_out(sweep, options);
    unsigned jobs = options->jobs ? options->jobs : pool_default_jobs();
    uint64_t share = sweep->seeds_total / ((uint64_t)jobs * 8) + 1;
    sweep->chunk_seeds = share < CHUNK_SEEDS_MAX ? share : CHUNK_SEEDS_MAX;
    sweep->progress = options->progress;
    struct pool_callbacks callbacks = {sweep, next_chunk, take_line, take_crash};
    enum pool_end end = pool_run(&callbacks, jobs, options->time_limit_ms, sweep->set);
    if (sweep->progress)
        fprintf(stderr, "\r%32s\r", "");
    return end == POOL_DONE ? SWEEP_DONE : end == POOL_TIME ? SWEEP_TIME : SWEEP_FAILED;
}

/* ---- many machines ---- */

/* Of the file's bytes (FNV-1a): two machines that swept different scenarios of one name must not be added up. */
static uint64_t content_of(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    FILE *in = fopen(path, "rb");
    for (int c; in && (c = fgetc(in)) != EOF;)
        hash = (hash ^ (unsigned char)c) * 0x100000001b3ULL;
    if (in)
        fclose(in);
    return hash;
}

/* S and the scenario's content, the tally, the metrics; the lines of a control have a C in front. */
void sweep_write_fold(const struct sweep_item *item, FILE *out)
{
    fprintf(out, "S%016" PRIx64 "\n", content_of(item->file));
    tally_text_write(item->tally, out);
    metrics_write_text(item->metrics, out);
    if (!item->control)
        return;
    char *text = NULL;
    size_t size = 0;
    FILE *lines = open_memstream(&text, &size);
    if (!lines)
        abort();
    tally_text_write(item->control, lines);
    fclose(lines);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        fprintf(out, "C%s\n", line);
    free(text);
}

int sweep_read_fold(struct sweep *sweep, size_t at, char *line)
{
    struct sweep_item *item = &sweep->items[at];
    if (line[0] == 'S')
        return strtoull(line + 1, NULL, 16) == content_of(item->file) ? 0 : E_INVALID;
    if (line[0] == 'C')
        return item->control ? tally_text_read(item->control, line + 1) : E_INVALID;
    if (line[0] == 'T' || line[0] == 'F')
        return tally_text_read(item->tally, line);
    return metrics_read_text(item->metrics, line);
}
