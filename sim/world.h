/*
 * world.h: one simulated world: shards, devices, the network between them, the clock and the luck, for one scenario and
 * one seed. It runs the four phases and emits every record; it judges nothing.
 */
#ifndef SEXTON_SIM_WORLD_H
#define SEXTON_SIM_WORLD_H

#include "core/shard.h"
#include "core/store.h"
#include "sim/history.h"
#include "sim/scenario.h"

enum world_end {
    WORLD_FINISHED,
    WORLD_EXHAUSTED, /* a limit of the scenario on events, records or memory was hit */
    WORLD_FAILED,    /* core or a store failed in a way that no fault explains */
};

/* What a step of the script came to, for `expect`, and so that a step that never ran can be told. */
struct world_step_result {
    uint64_t ran;                        /* how often it ran (its branches, for a race: how often it started) */
    uint64_t acked, refused, unanswered; /* of its operations */
    uint64_t refused_other;              /* refused, with another reason than expected */
    uint64_t touched;                    /* faults: packets, calls, connections or processes that it touched */
};
/* Of a race: in which order its branches' operations committed (or, for faults, began). */
struct world_race_result {
    bool decided;    /* every branch had an effect with a moment */
    uint32_t order;  /* number of the permutation of branches in commit order, 0 … n!-1 */
    uint32_t forced; /* the permutation of the starts that this seed forced */
};

/* Of the operations of a crowd's mix. */
struct world_mix {
    uint64_t done[WORK_COUNT], accepted[WORK_COUNT];
};

struct disk_meter;
/* Of the faults of a swarm: how often each touched something, and was withheld as beyond the budget. */
struct world_swarm {
    uint64_t fired[SWARM_COUNT], withheld[SWARM_COUNT];
    uint64_t others_withheld; /* of the script's and the crowd's own */
};

struct world;
/* The scenario and the history are borrowed. A world can be run again after world_reset with another seed or scenario.
 */
struct world *world_new(void);
void world_free(struct world *world);
/* From now on `tap` hears of every step of a shard before it is taken: to record them. */
typedef void world_tap_fn(void *ctx, shard_id shard, const struct shard_input *input);
void world_tap(struct world *world, world_tap_fn *tap, void *ctx);
/*
 * With disks: the power of a shard is cut at the point-th write, truncation, sync, removal or return of a commit of all
 * shards together, from 1 and once everybody is there; 0 = nowhere. Until the next call of this.
 */
void world_crash_at(struct world *world, uint64_t point);
/* Runs the whole of it: safety, heal, deliver, age; ends with the record "end". flaws: bits of enum flaw. */
enum world_end world_run(struct world *world, const struct scenario *scenario, uint64_t seed, flaw_set flaws,
                         struct history *history);
/* After world_run, until the next: */
uint64_t world_events(const struct world *world);
/* How many such points there were, and of which calls. */
const struct disk_meter *world_crash_points(const struct world *world);
const char *world_error(const struct world *world); /* "" when finished; a sentence otherwise */
/* Steps in file order; branches of a race follow their race. */
size_t world_step_count(const struct world *world);
const struct world_step_result *world_step_result(const struct world *world, size_t step);
/* The n-th race of the script. */
size_t world_race_count(const struct world *world);
const struct world_race_result *world_race_result(const struct world *world, size_t race);
/* How often the faults of this kind that "faults" asked for touched something. */
uint64_t world_drawn_touched(const struct world *world, enum fault_kind kind);
/* A bit for each enum network_fault that did something in the safety phase. */
uint64_t world_network_fired(const struct world *world);
const struct world_mix *world_mix(const struct world *world);
const struct world_swarm *world_swarm(const struct world *world);
/* An image of a store as the run left it (store.h); free it with store_image_free. */
uint32_t world_shard_count(const struct world *world);
int world_store_image(const struct world *world, shard_id shard, enum store_part part, struct store_image **image);
/* Who and what there is at the end. judged: of the conversations. */
struct world_population {
    uint64_t users, devices, conversations, judged;
};
struct world_population world_population(const struct world *world);
/* What did not converge, one sentence a line; "" when everything did. */
const char *world_stalls(const struct world *world);

#endif
