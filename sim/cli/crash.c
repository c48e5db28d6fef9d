/*
 * crash.c: a crash at every point.
 *
 * Method: one run without a crash counts the points: up to its own, a run with a crash is that run, so each point is
 * met. Then a run for each point, held against the invariants. Where there are more than CRASH_POINTS_MAX, a draw
 * without repetition from a stream of the seed picks CRASH_POINTS_DRAWN of them, so that the same command tries the
 * same points. What luck keeps of the unsynced is drawn in each run, from the seed as always.
 */
#include "sim/cli/crash.h"

#include "core/rng.h"
#include "sim/cli/cli.h"
#include "sim/disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_SHOWN 10

/* The points that are tried, ascending: all, or those that are drawn. By the k-th of n with k/n chance to be taken. */
static uint64_t *choose(uint64_t seed, uint64_t points, uint64_t at_most, uint64_t *count)
{
    *count = points <= CRASH_POINTS_MAX ? points : CRASH_POINTS_DRAWN;
    if (at_most && *count > at_most)
        *count = at_most;
    uint64_t *chosen = base_alloc((*count + 1) * sizeof *chosen), taken = 0;
    struct rng rng = rng_fork(seed, "crash-everywhere");
    for (uint64_t point = 1; point <= points && taken < *count; point++)
        if (rng_below(&rng, points - point + 1) < *count - taken)
            chosen[taken++] = point;
    return chosen;
}

/* SEXTON_OK, SEXTON_FAILED or SEXTON_BROKEN. */
static int try_point(struct run *run, struct replay *replay, struct run_result *result)
{
    struct run_options options = {.seed = replay->seed,
                                  .crash_at = replay->crash_at,
                                  .without_flaw = replay->control,
                                  .flaws = replay->flaw >= 0 ? FLAW_BIT(replay->flaw) : 0};
    if (run_scenario(run, replay->scenario, &options, result) < 0)
        return SEXTON_BROKEN;
    if (replay->crash_at > world_crash_points(run_world(run))->points) {
        result->failure_count = 1;
        snprintf(result->failures[0], sizeof result->failures[0], "the point was not met");
        return SEXTON_BROKEN;
    }
    return result->end != WORLD_FINISHED ? SEXTON_BROKEN : result->failure_count ? SEXTON_FAILED : SEXTON_OK;
}

static void tell_failure(const struct replay *replay, const struct run_result *result)
{
    char command[REPLAY_MAX];
    replay_command(replay, command, sizeof command);
    printf("  point %" PRIu64 ":\n", replay->crash_at);
    for (int i = 0; i < result->failure_count; i++)
        printf("    %s\n", result->failures[i]);
    printf("    replay: %s\n", command);
}

static void tell_points(const struct disk_meter *meter, uint64_t tried)
{
    printf("%" PRIu64 " points: %" PRIu64 " writes, %" PRIu64 " truncations, %" PRIu64 " syncs, %" PRIu64
           " removals, %" PRIu64 " commits; %" PRIu64 " %s\n",
           meter->points, meter->by_call[DISK_WRITE], meter->by_call[DISK_TRUNCATE], meter->by_call[DISK_SYNC],
           meter->by_call[DISK_REMOVE], meter->by_call[DISK_CALLS], tried,
           tried == meter->points ? "tried, which is all" : "drawn of them and tried");
}

int crash_everywhere(struct run *run, const struct replay *of, uint64_t at_most, struct run_result *result)
{
    struct replay replay = *of;
    replay.crash_at = 0;
    uint64_t judged = 0, failed = 0, count;
    int status = try_point(run, &replay, result), worst = status;
    if (status != SEXTON_OK) {
        printf("without any crash:\n");
        tell_failure(&replay, result);
        return status;
    }
    struct disk_meter meter = *world_crash_points(run_world(run));
    uint64_t *points = choose(replay.seed, meter.points, at_most, &count);
    for (uint64_t i = 0; i < count; i++) {
        replay.crash_at = points[i];
        status = try_point(run, &replay, result);
        judged += result->judged[INVARIANT_ACKED_IS_DURABLE] > 0;
        if (status == SEXTON_OK)
            continue;
        worst = status > worst ? status : worst;
        if (failed++ < FAILURES_SHOWN)
            tell_failure(&replay, result);
    }
    free(points);
    tell_points(&meter, count);
    printf("%" PRIu64 " failed; acknowledged operations were judged in %" PRIu64 " runs\n", failed, judged);
    return worst == SEXTON_OK && judged == 0 ? SEXTON_VACUOUS : worst;
}
