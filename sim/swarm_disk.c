/*
 * swarm_disk.c: the faults of swarm.def that disks have, in a swarm whose shards are on disks.
 *
 * Method: each strikes the disks of one shard, all of them or one part's, at a call that is drawn, and is in force for
 * a drawn time; then the disk is sound again, and what was spoilt comes from its mirror. So a shard that stays down
 * because it found damage comes back. A lost sync and a bit that turns over are not among them.
 */
#include "sim/disk.h"
#include "sim/swarm_internal.h"
#include "sim/world_disk_internal.h"

#define LONGEST_US (10 * US_PER_S) /* that a disk fails */
#define CALLS_MAX 60               /* the fault begins at one of the next so many */
#define CHANGES (1U << DISK_WRITE | 1U << DISK_TRUNCATE | 1U << DISK_SYNC | 1U << DISK_REMOVE)
#define ALL_PARTS ((1U << STORE_PARTS) - 1)

static uint64_t drawn(struct world *w, uint64_t low, uint64_t high)
{
    return rng_between(&w->fault_rng, low, high);
}

/* All the disks of a shard, or one. */
static unsigned some_parts(struct world *w)
{
    uint64_t part = rng_below(&w->fault_rng, STORE_PARTS + 1);
    return part == STORE_PARTS ? ALL_PARTS : 1U << part;
}

/* Begins it at once; plan->at counts calls from now on. */
static void begin(struct world *w, enum fault_kind kind, uint32_t shard, const struct disk_fault *plan, unsigned parts,
                  uint64_t for_us)
{
    struct fault model = {.kind = kind, .a = base_alloc(sizeof *model.a), .a_count = 1};
    model.a[0] = shard;
    if (kind == FAULT_DISK_CRASH) {
        model.keep = (uint8_t)rng_below(&w->fault_rng, DISK_KEEP_COUNT);
        model.down_us = drawn(w, US_PER_S / 2, for_us);
    }
    fault_list(w, &model, for_us);
    world_disk_plan(w, fault_of_serial(w, w->fault_serial), plan, parts);
}

static bool strike(struct world *w, enum fault_kind kind, struct disk_fault plan, unsigned parts)
{
    uint32_t shard = (uint32_t)rng_below(&w->fault_rng, w->shard_count);
    uint64_t for_us = drawn(w, US_PER_S / 2, LONGEST_US);
    plan.at = drawn(w, 1, CALLS_MAX);
    if (budget_allows(w, BUDGET_DISKS, for_us) && budget_allows(w, BUDGET_SHARDS_DOWN, for_us))
        begin(w, kind, shard, &plan, parts, for_us);
    return true;
}

bool swarm_power_cut(struct world *w)
{
    static const unsigned calls[] = {CHANGES, 1U << DISK_WRITE, 1U << DISK_SYNC};
    struct disk_fault plan = {.trouble = DISK_POWER, .times = 1};
    plan.calls = calls[rng_below(&w->fault_rng, sizeof calls / sizeof *calls)];
    return strike(w, FAULT_DISK_CRASH, plan, some_parts(w));
}

bool swarm_io_error(struct world *w)
{
    static const unsigned calls[] = {CHANGES | 1U << DISK_READ, 1U << DISK_READ, 1U << DISK_WRITE, 1U << DISK_SYNC};
    struct disk_fault plan = {.trouble = DISK_IO_ERROR, .times = drawn(w, 1, 4)};
    plan.calls = calls[rng_below(&w->fault_rng, sizeof calls / sizeof *calls)];
    return strike(w, FAULT_IO_ERROR, plan, some_parts(w));
}

bool swarm_disk_full(struct world *w)
{
    return strike(w, FAULT_DISK_FULL, (struct disk_fault){.trouble = DISK_NO_ROOM, .calls = 1U << DISK_WRITE},
                  some_parts(w));
}

bool swarm_short_read(struct world *w)
{
    struct disk_fault plan = {.trouble = DISK_SHORT_READ, .calls = 1U << DISK_READ, .times = drawn(w, 1, 4)};
    return strike(w, FAULT_SHORT_READ, plan, some_parts(w));
}

bool swarm_slow_disk(struct world *w)
{
    struct disk_fault plan = {.trouble = DISK_SLOW, .calls = CHANGES, .wait_us = drawn(w, US_PER_MS, 50 * US_PER_MS)};
    return strike(w, FAULT_SLOW_DISK, plan, some_parts(w));
}

bool swarm_vault_fails(struct world *w)
{
    struct disk_fault plan = {.trouble = DISK_IO_ERROR, .calls = CHANGES | 1U << DISK_READ};
    return strike(w, FAULT_IO_ERROR, plan, 1U << STORE_VAULT);
}
