/*
 * world_disk_fault.c: what goes wrong with the disks of the shards: by the script, a step at a time, and by a swarm.
 *
 * Method: a fault is planned on each disk that it is of, with a tag that says whose it is: a step of the script, or one
 * of the faults in force (fault.c). What struck is asked for after each step of the shard, told as a record of that
 * fault, and counted as its doing. A fault of a swarm ends: then what it had turned over, or kept from the medium,
 * comes back from the mirror, as somebody who looks after disks would see to.
 */
#include "sim/record.h"
#include "sim/world_disk_internal.h"

#define TAG_OF_LIST 0x80000000U /* the rest is the serial number of a fault in force; else a step, + 1 */

/* ---- what struck ---- */

static void settle_of_list(struct world *w, struct shard_disks *disks, shard_id id, uint32_t tag, uint64_t count)
{
    struct fault *fault = fault_of_serial(w, tag & ~TAG_OF_LIST);
    if (!fault)
        return;
    record_fault(w, w->words.fault[fault->kind], id, 0, count);
    for (uint64_t i = 0; i < count; i++)
        fault_touch(w, fault);
    if (fault->kind == FAULT_DISK_CRASH) {
        disks->keep = (enum disk_keep)fault->keep;
        disks->down_us = fault->down_us;
    }
}

static void settle_of_step(struct world *w, struct shard_disks *disks, shard_id id, uint32_t tag, uint64_t count)
{
    struct world_step *step = &w->steps[tag - 1];
    step->result.touched += count;
    record_fault(w, w->words.fault[step->step->fault], id, tag, count);
    if (step->step->fault == FAULT_DISK_CRASH) {
        disks->keep = (enum disk_keep)step->step->keep;
        disks->down_us = step->step->for_us;
    }
}

uint64_t world_disk_settle_strikes(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    uint64_t all = 0, count;
    for (int p = 0; p < STORE_PARTS; p++) {
        struct part *part = &disks->parts[p];
        for (uint32_t tag; (tag = disk_next_struck(part->disk, &count)) != 0;) {
            part->troubled = true;
            if (tag & TAG_OF_LIST)
                settle_of_list(w, disks, id, tag, count);
            else
                settle_of_step(w, disks, id, tag, count);
            all += count;
        }
        uint64_t waited_us = disk_waited_us(part->disk);
        w->late_us += waited_us - part->waited_us;
        part->waited_us = waited_us;
    }
    return all;
}

bool world_disk_is_troubled(const struct shard_disks *disks)
{
    for (int p = 0; p < STORE_PARTS; p++)
        if (disks->parts[p].troubled)
            return true;
    return false;
}

/* ---- the script ---- */

static const enum disk_trouble troubles[FAULT_KIND_COUNT] = {
    [FAULT_DISK_CRASH] = DISK_POWER,  [FAULT_LOST_SYNC] = DISK_LOST_SYNC,   [FAULT_IO_ERROR] = DISK_IO_ERROR,
    [FAULT_DISK_FULL] = DISK_NO_ROOM, [FAULT_SHORT_READ] = DISK_SHORT_READ, [FAULT_BIT_FLIP] = DISK_BIT_FLIP,
    [FAULT_SLOW_DISK] = DISK_SLOW,
};

void world_disk_fault(struct world *w, uint32_t index, shard_id id)
{
    const struct scenario_step *step = w->steps[index].step;
    struct shard_disks *disks = w->shards[id].disks;
    record_fault(w, w->words.fault[step->fault], id, index + 1, 0);
    if (!step->calls) { /* a cut of the power, now */
        if (!w->shards[id].core)
            return;
        w->steps[index].result.touched++;
        disks->power.down = true;
        disks->keep = (enum disk_keep)step->keep;
        fault_crash(w, id, CRASH_NOW, step->for_us);
        return;
    }
    struct disk_fault fault = {.trouble = troubles[step->fault],
                               .calls = step->calls,
                               .at = step->times ? step->times : 1,
                               .times = step->for_us && step->fault != FAULT_DISK_CRASH ? 0 : 1,
                               .wait_us = step->wait_us,
                               .tag = index + 1};
    for (int p = 0; p < STORE_PARTS; p++)
        if (step->parts >> p & 1 && !disk_plan(disks->parts[p].disk, &fault))
            world_fail(w, "a fault of a disk: too many at once", E_LIMIT);
}

void world_disk_fault_over(struct world *w, uint32_t step, shard_id id)
{
    for (int p = 0; p < STORE_PARTS; p++)
        disk_struck(w->shards[id].disks->parts[p].disk, step, true);
}

/*
 * What was spoilt comes from the mirror. A machine that has not started since the power was cut gets all that its disk
 * had lost, under files that nobody has open; one that has, made do with what there was.
 */
static void mend(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    bool whole = false;
    for (int p = 0; p < STORE_PARTS; p++) {
        if (!w->shards[id].core && disk_mend_whole(disks->parts[p].disk))
            whole = true;
        else
            disk_mend(disks->parts[p].disk);
    }
    if (whole)
        world_disk_reopen(w, id);
}

void world_disk_heal(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    for (int p = 0; disks && p < STORE_PARTS; p++)
        disk_forget_faults(disks->parts[p].disk);
    if (disks)
        mend(w, id);
}

/* ---- the swarm ---- */

void world_disk_plan(struct world *w, const struct fault *fault, const struct disk_fault *plan, unsigned parts)
{
    struct disk_fault tagged = *plan;
    tagged.tag = TAG_OF_LIST | fault->serial;
    for (int p = 0; p < STORE_PARTS; p++)
        if (parts >> p & 1 && !disk_plan(w->shards[fault->a[0]].disks->parts[p].disk, &tagged))
            world_fail(w, "a fault of a disk: too many at once", E_LIMIT);
}

void world_disk_plan_over(struct world *w, const struct fault *fault)
{
    for (int p = 0; p < STORE_PARTS; p++)
        disk_struck(w->shards[fault->a[0]].disks->parts[p].disk, TAG_OF_LIST | fault->serial, true);
    if (fault->kind == FAULT_LOST_SYNC || fault->kind == FAULT_BIT_FLIP)
        mend(w, fault->a[0]);
}
