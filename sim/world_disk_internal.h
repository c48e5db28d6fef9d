/*
 * world_disk_internal.h: the disks of one shard, for world_disk.c, which runs its stores on them, and
 * world_disk_fault.c, which lets them fail, for the script and for a swarm.
 */
#ifndef SEXTON_SIM_WORLD_DISK_INTERNAL_H
#define SEXTON_SIM_WORLD_DISK_INTERNAL_H

#include "sim/disk_vfs.h"
#include "sim/world_internal.h"

struct part {
    struct disk *disk;
    struct disk_vfs *vfs;
    struct remanence *remanence;
    shard_id shard;
    bool troubled; /* a fault has struck there */
    uint64_t waited_us;
};
struct shard_disks {
    struct part parts[STORE_PARTS];
    struct disk_power power;
    struct out undecided;          /* notes of a step of which nobody knows whether it happened */
    char refused[WORLD_ERROR_MAX]; /* why it does not start; "" while it may */
    bool given_up;                 /* it does not even start without faults */
    bool replaced;                 /* the main store is on a new disk, where nothing is yet */
    bool untold;                   /* the power was cut, and what was lost by it was not told */
    bool fresh;                    /* the stores were opened since the process died */
    enum disk_keep keep;           /* for the next cut of the power */
    uint64_t down_us;
};

/* What struck since the last call: told, counted, and how often in all. */
uint64_t world_disk_settle_strikes(struct world *w, shard_id id);
void world_disk_reopen(struct world *w, shard_id id); /* its process is dead: its stores, for the next */
bool world_disk_is_troubled(const struct shard_disks *disks);

/* A fault without a step, which is in the list: what goes wrong, on the disks of these parts (bits of enum store_part).
 */
void world_disk_plan(struct world *w, const struct fault *fault, const struct disk_fault *plan, unsigned parts);
void world_disk_plan_over(struct world *w, const struct fault *fault); /* and what it had spoilt comes from a mirror */

#endif
