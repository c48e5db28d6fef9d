/*
 * bench_phold.c: PHOLD on the simulator's own event queue.
 *
 * Fujimoto's synthetic workload (1990): a closed population of events; each, when it comes, is answered by one for a
 * logical process drawn uniformly, 0.1 + Exp(0.9) later (seconds here). As in a simulation, events of one instant come
 * in an order that is drawn. The hash of what each process saw is printed, so that two queues can be compared.
 */
#include "sim/cli/bench_phold.h"

#include "core/rng.h"
#include "sim/cli/cli.h"
#include "sim/cli/output.h"
#include "sim/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LEAST_US (US_PER_S / 10)
#define MEAN_US (US_PER_S - LEAST_US)
#define FNV_PRIME 0x100000001b3ULL

struct lp {
    struct rng rng;
    uint64_t count, hash;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void schedule(struct queue *queue, struct lp *lp, uint64_t now, uint64_t to)
{
    struct event event = {.at_us = now + LEAST_US + rng_exponential(&lp->rng, MEAN_US), .a = to};
    event.tie = (uint32_t)(rng_next(&lp->rng) >> 32);
    queue_push(queue, &event);
}

/* Uniform in [0, count) by multiplication: the bias is below 2^-32, and it costs no division. */
static uint64_t any_of(struct rng *rng, uint64_t count)
{
    return ((rng_next(rng) >> 32) * count) >> 32;
}

int bench_phold(const struct phold *phold, const char *json_path)
{
    struct queue *queue = queue_new();
    struct lp *lps = base_alloc(phold->lps * sizeof *lps);
    for (uint64_t i = 0; i < phold->lps; i++) {
        lps[i].rng = rng_fork_at(1, "phold", i);
        for (uint64_t k = 0; k < phold->events_per_lp; k++)
            schedule(queue, &lps[i], 0, i);
    }
    int64_t began_us = now_us();
    struct event event;
    for (uint64_t i = 0; i < phold->events && queue_pop(queue, &event); i++) {
        struct lp *lp = &lps[event.a];
        const struct event *next = queue_peek(queue);
        if (next) /* its process is read soon: a hint, without effect on any result */
            __builtin_prefetch(&lps[next->a]);
        lp->count++;
        lp->hash = (lp->hash ^ event.at_us) * FNV_PRIME;
        schedule(queue, lp, event.at_us, any_of(&lp->rng, phold->lps));
    }
    int64_t took_us = now_us() - began_us;
    uint64_t hash = 0, bytes = queue_bytes(queue) / (phold->lps * phold->events_per_lp);
    for (uint64_t i = 0; i < phold->lps; i++)
        hash = (hash ^ lps[i].hash) * FNV_PRIME + lps[i].count;
    uint64_t rate = phold->events * 1000000 / (uint64_t)(took_us > 0 ? took_us : 1);
    free(lps);
    queue_free(queue);
    if (!json_path) {
        printf("phold: %" PRIu64 " processes x %" PRIu64 " events, %" PRIu64 " executed: %" PRIu64 " events/s, %" PRIu64
               " bytes a pending event, hash %016" PRIx64 "\n",
               phold->lps, phold->events_per_lp, phold->events, rate, bytes, hash);
        return SEXTON_OK;
    }
    struct output output;
    if (output_open(&output, json_path) < 0)
        return SEXTON_USAGE;
    fprintf(output.file,
            "{\"bench\":\"phold\",\"lps\":%" PRIu64 ",\"events_per_lp\":%" PRIu64 ",\"events\":%" PRIu64
            ",\"microseconds\":%" PRId64 ",\"events_per_second\":%" PRIu64 ",\"bytes_per_pending_event\":%" PRIu64
            ",\"hash\":\"%016" PRIx64 "\"}\n",
            phold->lps, phold->events_per_lp, phold->events, took_us, rate, bytes, hash);
    return output_commit(&output) < 0 ? SEXTON_USAGE : SEXTON_OK;
}
