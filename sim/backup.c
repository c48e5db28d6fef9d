/*
 * backup.c: backups of a shard's main store, and its restore from one.
 *
 * A backup is taken online, between two steps. A restore kills the shard, replaces its main store, keeps its vault, and
 * starts it as a new incarnation, which is counted here: outside every backup. A shard that is down is started first,
 * so that what its last step left half done is decided before its store is lost. Users and devices that the image does
 * not know are registered again, as new ones: whoever knows accounts is not in the backup either. A backup that the
 * shard may not be restored from is refused, and said to be; the shard goes on. One that does not start from its main
 * store, because that is damaged, gets a new disk for it first.
 */
#include "sim/lives.h"
#include "sim/record.h"

#include <stdio.h>

#define RESTORE_FOR_US US_PER_S

static struct record *image_record(struct world *w, enum history_kind kind, shard_id id, uint32_t name)
{
    struct record *r = record_new(w, kind);
    record_set(r, FIELD_NODE, w->shards[id].name);
    record_set(r, FIELD_STEP, name);
    return r;
}

static void tell_restore(struct world *w, shard_id id, uint32_t name)
{
    struct record *r = image_record(w, KIND_RESTORE, id, name);
    record_set(r, FIELD_INCARNATION, ++w->shards[id].incarnation);
    record_set(r, FIELD_DEADLINE, w->now_us + w->policy.backup_keep_us);
    record_emit(w);
}

int backup_image(struct world *w, shard_id id, uint32_t name, struct store_image **image)
{
    struct store *main = w->shards[id].stores.main;
    store_image_free(*image);
    *image = NULL;
    int status = main->ops->backup(main, image);
    if (status < 0) {
        world_fail(w, "a backup", status);
        return status;
    }
    image_record(w, KIND_BACKUP, id, name);
    record_emit(w);
    return status;
}

static void refuse(struct world *w, uint32_t step_name, shard_id id, const char *why)
{
    struct record *r = record_new(w, KIND_FAULT);
    record_set(r, FIELD_FAULT, w->words.fault[FAULT_RESTORE]);
    record_set(r, FIELD_NODE, w->shards[id].name);
    record_set(r, FIELD_CAUSE, names_intern(w->names, why));
    if (step_name)
        record_set(r, FIELD_STEP, step_name);
    record_emit(w);
}

void backup_take(struct world *w, uint32_t step, shard_id id)
{
    struct world_step *s = &w->steps[step];
    if (world_disk_refused(w, id))
        refuse(w, s->name, id, "found a shard that does not start, expected one that does");
    else if (backup_image(w, id, s->name, &s->image) >= 0)
        s->result.touched++;
}

bool backup_start_from(struct world *w, shard_id id, const struct backup_restore *what)
{
    struct world_shard *shard = &w->shards[id];
    char error[WORLD_ERROR_MAX];
    if (!what->image) {
        refuse(w, what->step, id, "found no backup of that name, expected one that was taken before");
        return true;
    }
    fault_restart(w, id);
    if (w->over || (!shard->core && !world_disk_replace(w, id)))
        return false;
    struct shard_restore ask = {.shard = id,
                                .shard_count = w->shard_count,
                                .image = what->image,
                                .now_us = w->now_us,
                                .backup_keep_us = w->policy.backup_keep_us};
    uint64_t for_us = what->for_us ? what->for_us : RESTORE_FOR_US;
    if (shard->core)
        fault_crash(w, id, CRASH_NOW, for_us);
    else
        world_push(w, w->now_us + for_us, EVENT_RESTART, id, 0);
    int status = shard_restore(&shard->stores, &ask, error, sizeof error);
    if (status == E_INVALID && error[0]) {
        refuse(w, what->step, id, error);
        return true;
    }
    if (status < 0) {
        world_fail(w, "a restore", status);
        return false;
    }
    shard->restored = true;
    tell_restore(w, id, what->backup);
    return true;
}

void backup_restore(struct world *w, uint32_t step, shard_id id)
{
    uint32_t name = names_intern(w->names, w->steps[step].step->backup);
    uint64_t from = idmap_get(&w->steps_by_name, name);
    struct backup_restore what = {.image = from ? w->steps[from - 1].image : NULL,
                                  .backup = name,
                                  .step = w->steps[step].name,
                                  .for_us = w->steps[step].step->for_us};
    w->steps[step].result.touched += backup_start_from(w, id, &what);
}

static bool knows(struct world *w, shard_id id, enum store_table table, uint64_t key)
{
    struct store *main = w->shards[id].stores.main;
    struct row row = {.c = {[0] = key}};
    int status = main->ops->get(main, table, &row);
    if (status < 0 && status != E_NOTFOUND)
        world_fail(w, "a look into a store", status);
    return status == 0;
}

void backup_register(struct world *w, shard_id id)
{
    if (!w->shards[id].restored || !w->shards[id].core)
        return;
    w->shards[id].restored = false;
    for (user_id user = 1; user <= w->user_count; user++) {
        struct shard_input input = {.kind = SHARD_PROVISION_USER, .user = user};
        if (shard_of_user(user, w->shard_count) == id && !knows(w, id, TABLE_USER, user))
            world_shard_step(w, id, &input);
    }
    for (size_t i = 0; i < w->device_count; i++) {
        const struct world_device *d = &w->devices[i];
        struct shard_input input = {
            .kind = SHARD_PROVISION_DEVICE, .user = d->user, .device = (device_id)(i + 1), .linked = true};
        if (d->home == id && lives_in_use(w, (device_id)(i + 1)) && !knows(w, id, TABLE_DEVICE, i + 1))
            world_shard_step(w, id, &input);
    }
    w->shards[id].restored = !w->shards[id].core; /* it died over this: once more when it is back */
}
