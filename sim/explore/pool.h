/*
 * pool.h: worker processes that run seeds.
 *
 * A worker is this program again, as `sexton worker [KEY=VALUE]`. It reads a line
 * "RUN\tVARIANT\tFROM\tTO\tSTEP\tCONTROL\tFILE" and answers, for each seed, the lines of its metrics and then the line
 * of its result (seed_line.h); then "DONE". A worker that dies has crashed in the seed after its last result; a new one
 * goes on after that seed.
 */
#ifndef SEXTON_SIM_EXPLORE_POOL_H
#define SEXTON_SIM_EXPLORE_POOL_H

#include "core/base.h"

/* Seeds from, from + step, ... up to and including to, of one variant of one file. */
struct pool_chunk {
    const char *file; /* borrowed until the chunk is done */
    size_t variant;
    uint64_t from, to, step;
    bool control; /* without the scenario's flaw */
    size_t tag;   /* the caller's */
};
struct pool_callbacks {
    void *ctx;
    /* Fill the next chunk; false when there is none left. */
    bool (*next)(void *ctx, struct pool_chunk *chunk);
    /* A line of metrics or a result; it may be changed. Negative when it makes no sense: the worker counts as crashed.
     */
    int (*line)(void *ctx, const struct pool_chunk *chunk, char *line);
    /* The worker died in this seed. */
    void (*crashed)(void *ctx, const struct pool_chunk *chunk, uint64_t seed, const char *how);
};
enum pool_end { POOL_DONE, POOL_TIME, POOL_FAILED };
/* Runs until next() has no more and all chunks are done, or the time (0: no limit) is over. POOL_FAILED: no worker
 * starts. `set` ("" for none) changes every scenario, as --set of `run` does. */
enum pool_end pool_run(const struct pool_callbacks *callbacks, unsigned jobs, uint64_t time_limit_ms, const char *set);
unsigned pool_default_jobs(void);

#endif
