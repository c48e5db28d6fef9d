/*
 * workload_shards.c: what a crowd does to its shards: they are backed up, and restored; by mistake from the backup of
 * another one, too, which is refused.
 *
 * Method: which shard, which backup and for how long it is down come from the stream of faults. The last few backups of
 * all shards are kept: a restore may be from one of before the last restore.
 */
#include "sim/workload_internal.h"

#include <stdio.h>

#define NAME_BYTES 48
#define RESTORE_US_MIN (US_PER_S / 2)
#define RESTORE_US_MAX (8 * US_PER_S)

bool mix_shard_backup(struct world *w)
{
    struct crowd *c = &w->crowd;
    struct crowd_backup *backup = &c->backups[c->backup_count % CROWD_BACKUPS];
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "backup.%u", c->backup_count + 1);
    backup->shard = (shard_id)rng_below(&w->fault_rng, w->shard_count);
    backup->name = names_intern(w->names, name);
    if (backup_image(w, backup->shard, backup->name, &backup->image) < 0)
        return false;
    c->backup_count++;
    return true;
}

static bool restore(struct world *w, bool wrong)
{
    const struct crowd *c = &w->crowd;
    uint64_t kept = c->backup_count < CROWD_BACKUPS ? c->backup_count : CROWD_BACKUPS;
    if (!kept || (wrong && w->shard_count < 2))
        return false;
    const struct crowd_backup *from = &c->backups[rng_below(&w->fault_rng, kept)];
    struct backup_restore what = {.image = from->image, .backup = from->name};
    what.for_us = rng_between(&w->fault_rng, RESTORE_US_MIN, RESTORE_US_MAX);
    return backup_start_from(w, (from->shard + wrong) % w->shard_count, &what);
}

bool mix_shard_restore(struct world *w)
{
    return restore(w, false);
}

bool mix_wrong_backup(struct world *w)
{
    return restore(w, true);
}
