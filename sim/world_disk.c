/*
 * world_disk.c: the disks of the shards, in a scenario that has them: one for each part of a shard's store, all on one
 * supply of power.
 *
 * Method: while a shard makes a step, or opens its stores, its disks are armed: calls count, and faults strike; whoever
 * else reads them does not disturb. A step that met a fault ends the process: what the disks say then (the power was
 * cut, or a call failed) decides what of the unsynced is kept, the stores are opened again from that, at once, so that
 * they can be looked at while the shard is down, and the rows of the last transaction say whether the step happened.
 * If it did, its notes are told: they are true. Nothing that it wanted to send has left.
 *
 * A store that cannot be opened is not replaced by anything: the shard stays down, says why, and tries again every
 * RETRY_US, and once more when the faults have ended and turned bits have been mended; an operator may restore it from
 * a backup. An empty store stands in meanwhile for those who would look; nobody is told what it has.
 */
#include "core/shard_store.h"
#include "sim/record.h"
#include "sim/store_watch.h"
#include "sim/world_disk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US (10 * US_PER_S)
#define DOWN_FOR_US US_PER_S
#define OPENS_MAX 100          /* in a row, each of which loses its power: more are no accident */
#define TELL_NOTHING_OF_MAX 64 /* devices: in a larger town only what was executed is told, not of whom nothing was */
#define STREAMS_EACH 16        /* numbers of random streams for each shard */

/* ---- opening ---- */

static int open_part(struct world *w, shard_id id, enum store_part part, bool exists, struct store **store, char *error)
{
    char path[DISK_NAME_MAX];
    (void)snprintf(path, sizeof path, "shard.%u.%s.db", id, store_part_name(part));
    struct store_sqlite_options options = shard_store_options(
        &w->policy, part, w->scenario->disk == DISKS_WAL ? STORE_JOURNAL_WAL : STORE_JOURNAL_ROLLBACK);
    options.path = path;
    options.exists = exists;
    options.vfs = disk_vfs_name(w->shards[id].disks->parts[part].vfs);
    return store_sqlite_open(&options, store, error, WORLD_ERROR_MAX);
}

static void arm(struct shard_disks *disks, bool armed)
{
    for (int p = 0; p < STORE_PARTS; p++)
        disk_arm(disks->parts[p].disk, armed);
}

static void cut_or_kill(struct shard_disks *disks)
{
    bool down = disks->power.down;
    disks->untold |= down;
    for (int p = 0; p < STORE_PARTS; p++)
        if (down)
            disk_cut_power(disks->parts[p].disk, disks->keep);
        else
            disk_kill(disks->parts[p].disk);
    disks->keep = DISK_KEEP_DRAWN;
}

/*
 * All parts, from dead disks. Negative, with the reason, when one cannot be opened: then none is, and stand-ins are in
 * their places.
 */
static int open_all(struct world *w, shard_id id, char *error)
{
    struct shard_disks *disks = w->shards[id].disks;
    struct store *stores[STORE_PARTS] = {0};
    int status = 0;
    for (int p = 0; status == 0 && p < STORE_PARTS; p++)
        status = open_part(w, id, (enum store_part)p, !(disks->replaced && p == STORE_MAIN), &stores[p], error);
    for (int p = 0; status < 0 && p < STORE_PARTS; p++) {
        if (!disks->power.down)
            disk_kill(disks->parts[p].disk); /* those that were opened have no process */
        if (stores[p])
            stores[p]->ops->close(stores[p]);
        stores[p] = store_mem_open((enum store_part)p);
    }
    for (int p = 0; p < STORE_PARTS; p++) {
        struct store *watch = *shard_stores_part(&w->shards[id].stores, (enum store_part)p);
        struct store *dead = store_watch_swap(watch, stores[p]);
        dead->ops->close(dead);
    }
    return status;
}

static void refuse(struct world *w, shard_id id, const char *why)
{
    struct shard_disks *disks = w->shards[id].disks;
    (void)snprintf(disks->refused, sizeof disks->refused, "%s", why);
    disks->given_up = w->phase != PHASE_SAFETY;
    struct record *r = record_new(w, KIND_STAYS_DOWN);
    record_set(r, FIELD_NODE, w->shards[id].name);
    record_set(r, FIELD_CAUSE, names_intern(w->names, disks->refused));
    record_emit(w);
}

/* The process is dead; its stores are opened for the next. The power may go while they are. */
void world_disk_reopen(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    char error[WORLD_ERROR_MAX] = "";
    int status = E_IO;
    disks->refused[0] = '\0';
    for (int tries = 0; tries < OPENS_MAX; tries++) {
        cut_or_kill(disks);
        arm(disks, true);
        status = open_all(w, id, error);
        arm(disks, false);
        world_disk_settle_strikes(w, id);
        if (!disks->power.down)
            break;
    }
    disks->fresh = true;
    if (status < 0)
        refuse(w, id, error);
}

/* ---- steps ---- */

void world_disk_arm(struct world *w, shard_id id, bool armed)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (!disks || !w->provisioned)
        return;
    disks->fresh = false;
    w->late_us = 0;
    arm(disks, armed);
    if (!armed)
        world_disk_settle_strikes(w, id);
}

/* What the table of executed operations has of each device; not where ids and devices were told apart. */
static void tell_executed(struct world *w, shard_id id)
{
    struct store *main = w->shards[id].stores.main;
    for (device_id device = 1; !w->lives && device <= w->device_count; device++) {
        struct row row = {.c = {[EXECUTED_device] = device}};
        int status = main->ops->get(main, TABLE_EXECUTED, &row);
        if (status == E_NOTFOUND && w->device_count > TELL_NOTHING_OF_MAX)
            continue;
        struct record *r = record_new(w, KIND_EXECUTED);
        record_set(r, FIELD_SHARD, w->shards[id].name);
        record_set(r, FIELD_DEVICE, record_device_name(w, device));
        if (status == 0)
            record_set(r, FIELD_OP, record_key_name(w, MAKE_ID(device, row.c[EXECUTED_op])));
        record_emit(w);
    }
}

/* Of the step that met its end: did it happen? Its notes are told if it did. */
static void decide_step(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    enum watch_outcome outcome = WATCH_LOST;
    if (disks->refused[0] || !disks->undecided.note_count)
        return;
    int status = store_watch_outcome(w->shards[id].stores.main, &outcome);
    if (status < 0)
        world_fail(w, "a look at what a crash left", status);
    else if (outcome == WATCH_TORN && !world_disk_is_troubled(disks)) {
        record_set(record_new(w, KIND_TORN), FIELD_SHARD, w->shards[id].name);
        record_emit(w);
    } else if (outcome == WATCH_COMMITTED)
        record_notes(w, &disks->undecided, id);
    disks->undecided.note_count = 0;
}

static void keep_notes(struct shard_disks *disks, const struct out *out)
{
    struct out *kept = &disks->undecided;
    out_clear(kept);
    for (size_t i = 0; i < out->note_count; i++)
        *out_note(kept, (enum note_kind)out->notes[i].kind) = out->notes[i];
}

bool world_disk_failed(struct world *w, shard_id id, const struct shard_input *input)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (!disks || (!disks->power.down && !world_disk_is_troubled(disks)))
        return false;
    bool power = disks->power.down;
    uint64_t down_us = disks->down_us ? disks->down_us : DOWN_FOR_US;
    disks->down_us = 0;
    keep_notes(disks, &w->out);
    w->late_us = 0;
    if (w->meter.at && w->meter.points >= w->meter.at && power)
        record_fault(w, w->words.fault[FAULT_DISK_CRASH], id, 0, 1);
    world_disk_reopen(w, id);
    decide_step(w, id);
    if (w->over)
        return true;
    fault_crash(w, id, CRASH_NOW, down_us);
    if (input->kind == SHARD_START && !power && !disks->refused[0])
        refuse(w, id, "its stores can be opened, and its start from them fails");
    return true;
}

/* ---- the process ---- */

void world_disk_died(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (disks && !disks->fresh)
        world_disk_reopen(w, id);
}

void world_disk_tell(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (disks && (disks->untold || world_disk_is_troubled(disks)))
        tell_executed(w, id);
    if (!disks)
        return;
    disks->untold = false;
    for (int p = 0; p < STORE_PARTS; p++)
        disk_started(disks->parts[p].disk);
}

bool world_disk_ready(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (!disks || !disks->refused[0])
        return true;
    if (disks->given_up)
        return false;
    world_disk_reopen(w, id);
    decide_step(w, id);
    if (disks->refused[0] && !disks->given_up)
        world_push(w, w->now_us + RETRY_US, EVENT_RESTART, id, 0);
    return !disks->refused[0];
}

const char *world_disk_refused(const struct world *w, shard_id id)
{
    const struct shard_disks *disks = w->shards[id].disks;
    return disks && disks->refused[0] ? disks->refused : NULL;
}

bool world_disk_replace(struct world *w, shard_id id)
{
    struct shard_disks *disks = w->shards[id].disks;
    if (!disks || !disks->refused[0])
        return false;
    struct disk *disk = disks->parts[STORE_MAIN].disk;
    static const char *const ends[] = {"", "-wal", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[DISK_NAME_MAX];
        (void)snprintf(name, sizeof name, "shard.%u.%s.db%s", id, store_part_name(STORE_MAIN), ends[i]);
        struct disk_file *file = disk_find(disk, name);
        if (file)
            disk_remove(disk, file);
    }
    disk_sync_directory(disk);
    disks->given_up = false;
    disks->undecided.note_count = 0; /* whether it happened or not: it is gone */
    disks->replaced = true;
    world_disk_reopen(w, id);
    disks->replaced = false;
    return !disks->refused[0];
}

/* ---- life ---- */

static void sync_one(void *ctx, const struct disk_extent *extent)
{
    struct disk *disk = ctx;
    struct disk_file *file = disk_find(disk, extent->file);
    if (file)
        disk_sync(disk, file);
}

void world_disk_settle(struct world *w)
{
    for (shard_id id = 0; id < w->shard_count; id++)
        for (int p = 0; w->shards[id].disks && p < STORE_PARTS; p++) {
            struct disk *disk = w->shards[id].disks->parts[p].disk;
            disk_each_extent(disk, sync_one, disk);
            disk_sync_directory(disk);
        }
}

static bool commit_point(void *ctx)
{
    return disk_point(((const struct part *)ctx)->disk);
}

void world_disk_each_extent(struct world *w, shard_id id, disk_visit *visit, void *ctx)
{
    for (int p = 0; w->shards[id].disks && p < STORE_PARTS; p++)
        disk_each_extent(w->shards[id].disks->parts[p].disk, visit, ctx);
}

/* Every key that is stored, for who will look for it. */
static void see_row(void *ctx, enum store_table table, const struct row *row, bool deleted)
{
    const struct part *part = ctx;
    if (part->remanence && table == TABLE_KEY && !deleted)
        remanence_key(part->remanence, part->shard, row);
}

static void close_stores(struct world_shard *shard)
{
    for (int p = 0; p < STORE_PARTS; p++) {
        struct store **store = shard_stores_part(&shard->stores, (enum store_part)p);
        if (*store)
            (*store)->ops->close(*store);
        *store = NULL;
    }
}

void world_disk_open(struct world *w, shard_id id)
{
    struct world_shard *shard = &w->shards[id];
    close_stores(shard);
    struct shard_disks *disks = shard->disks = base_alloc(sizeof *disks);
    disks->power.meter = &w->meter;
    for (int p = 0; p < STORE_PARTS; p++) {
        struct part *part = &disks->parts[p];
        char error[WORLD_ERROR_MAX];
        struct store *store;
        part->remanence = w->remanence;
        part->shard = id;
        part->disk = disk_new(rng_fork_at(w->seed, "disk", (uint64_t)id * STREAMS_EACH + (uint64_t)p));
        disk_join(part->disk, &disks->power);
        disk_arm(part->disk, false);
        part->vfs = disk_vfs_new(part->disk);
        if (id == 0 && p == 0)
            disk_vfs_reseed(part->vfs);
        int status = open_part(w, id, (enum store_part)p, false, &store, error);
        if (status < 0) {
            world_fail(w, error, status);
            store = store_mem_open((enum store_part)p);
        }
        struct watch_options options = {.committed = commit_point, .row = see_row, .ctx = part};
        *shard_stores_part(&shard->stores, (enum store_part)p) = store_watch_new(store, &options);
    }
}

void world_disk_forget(struct world_shard *shard)
{
    struct shard_disks *disks = shard->disks;
    if (!disks)
        return;
    for (int p = 0; p < STORE_PARTS; p++)
        disk_kill(disks->parts[p].disk); /* or the connections would tidy up what nobody needs */
    close_stores(shard);
    for (int p = 0; p < STORE_PARTS; p++) {
        disk_vfs_free(disks->parts[p].vfs);
        disk_free(disks->parts[p].disk);
    }
    free(disks->undecided.msgs);
    free(disks->undecided.notes);
    free(disks);
    shard->disks = NULL;
}
