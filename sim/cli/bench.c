/*
 * bench.c: `sexton bench queue`, `sexton bench phold` (bench_phold.c), `sexton bench store` (bench_store.c),
 * `sexton bench seeds` (bench_seeds.c) and `sexton bench history` (bench_history.c).
 *
 * queue: the event queue in the hold model (as in PHOLD): a steady number of pending events;
 * each step pops the first and pushes one an exponential time later. One step in eight cancels and replaces another
 * event.
 */
#include "core/rng.h"
#include "sim/cli/args.h"
#include "sim/cli/bench_history.h"
#include "sim/cli/bench_phold.h"
#include "sim/cli/bench_seeds.h"
#include "sim/cli/bench_store.h"
#include "sim/cli/cli.h"
#include "sim/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] = "usage: sexton bench queue [--pending N] [--steps N]\n"
                            "       sexton bench phold [--lps N] [--events-per-lp K] [--events E] [--json FILE]\n"
                            "       sexton bench store [--operations N] [--rounds N]\n"
                            "       sexton bench seeds [FILE] [--seeds N] [--rounds N] [--json FILE]\n"
                            "       sexton bench history [FILE] [--seed N] [--rounds N] [--json FILE]\n\n"
                            "store: the steps of one shard in a crowd's run, on each store, beside bare prepared\n"
                            "statements of the same writes in the same transactions; and what bounds each.\n";

#define PENDING_MAX 100000000U
#define OPERATIONS_MAX 1000000U

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t push(struct queue *queue, struct rng *rng, uint64_t at_us, uint64_t owner)
{
    struct event event = {.at_us = at_us + rng_exponential(rng, US_PER_S), .tie = (uint32_t)rng_next(rng), .a = owner};
    return queue_push(queue, &event);
}

static void hold(uint64_t pending, uint64_t steps)
{
    struct queue *queue = queue_new();
    struct rng rng = rng_fork(1, "bench");
    uint64_t *timers = base_alloc(pending * sizeof *timers), cancelled = 0; /* one event an owner */
    for (uint64_t i = 0; i < pending; i++)
        timers[i] = push(queue, &rng, 0, i);
    int64_t began = now_us();
    for (uint64_t i = 0; i < steps; i++) {
        struct event event;
        queue_pop(queue, &event);
        timers[event.a] = push(queue, &rng, event.at_us, event.a);
        if (i % 8 == 0) {
            uint64_t other = rng_below(&rng, pending);
            cancelled += queue_cancel(queue, timers[other]);
            timers[other] = push(queue, &rng, event.at_us, other);
        }
    }
    int64_t took = now_us() - began;
    printf("queue: %" PRIu64 " pending, %" PRIu64 " steps, %" PRIu64 " cancelled: %" PRIu64
           " events/s, %zu bytes an event\n",
           pending, steps, cancelled, steps * 1000000 / (uint64_t)(took > 0 ? took : 1),
           queue_bytes(queue) / (size_t)pending);
    free(timers);
    queue_free(queue);
}

static int complain_of_bounds(struct args *args, const struct phold *phold, uint64_t pending, uint64_t operations)
{
    if (operations < 1 || operations > OPERATIONS_MAX)
        return args_complain(args, "no operations, or more than 1000000", "another number");
    if (pending > PENDING_MAX)
        return args_complain(args, "more than 100000000 pending", "fewer");
    if (phold->lps < 1 || phold->events_per_lp < 1 || phold->lps > PENDING_MAX / phold->events_per_lp)
        return args_complain(args, "no events, or more than 100000000 pending", "another number");
    return SEXTON_OK;
}

int cmd_bench(int argc, char **argv)
{
    struct args args = args_begin(argc, argv, usage);
    const char *what = "", *file = NULL, *json = NULL;
    uint64_t pending = 0, steps = 2000000, operations = 1000, rounds = 5, seeds = 1000, seed = 1;
    struct phold phold = {.lps = 65536, .events_per_lp = 1, .events = 2500000};
    while (args_more(&args)) {
        if (args_flag(&args, "--help") || args_flag(&args, "-h")) {
            printf("%s", usage);
            return SEXTON_OK;
        }
        if (args_number(&args, "--pending", &pending) || args_number(&args, "--steps", &steps) ||
            args_number(&args, "--operations", &operations) || args_number(&args, "--rounds", &rounds) ||
            args_number(&args, "--lps", &phold.lps) || args_number(&args, "--events-per-lp", &phold.events_per_lp) ||
            args_number(&args, "--events", &phold.events) || args_number(&args, "--seeds", &seeds) ||
            args_number(&args, "--seed", &seed) || args_option(&args, "--json", &json))
            continue;
        bool of_file = (strcmp(what, "seeds") == 0 || strcmp(what, "history") == 0) && !file;
        if ((*what && !of_file) || !args_operand(&args, *what ? &file : &what))
            return args_unknown(&args);
    }
    bool of_store = strcmp(what, "store") == 0, of_phold = strcmp(what, "phold") == 0;
    bool of_seeds = strcmp(what, "seeds") == 0, of_history = strcmp(what, "history") == 0;
    if (!args.bad && !of_store && !of_phold && !of_seeds && !of_history && strcmp(what, "queue") != 0)
        return args_complain(&args, *what ? what : "nothing", "queue, phold, store, seeds or history");
    if (!args.bad && json && !of_phold && !of_seeds && !of_history)
        return args_complain(&args, "--json", "it with phold, seeds or history");
    if (args.bad || complain_of_bounds(&args, &phold, pending, operations) != SEXTON_OK)
        return SEXTON_USAGE;
    if (of_seeds)
        return bench_seeds(
            &(struct seeds_bench){file ? file : "scenarios/scale/race-small.json", seeds ? seeds : 1, rounds}, json);
    if (of_history)
        return bench_history(&(struct history_bench){file ? file : "scenarios/scale/crowd-20.json", seed, rounds},
                             json);
    if (of_phold)
        return bench_phold(&phold, json);
    if (of_store)
        return bench_store(operations, rounds);
    if (pending > 0) {
        hold(pending, steps);
        return SEXTON_OK;
    }
    for (pending = 100; pending <= 1000000; pending *= 100)
        hold(pending, steps);
    return SEXTON_OK;
}
