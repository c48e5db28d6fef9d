/*
 * shard_backup.c: which backup may be restored: one of this shard, of as many shards, and young enough for the deletion
 * log. What is refused changes nothing: the store is put back as it was.
 */
#include "core/shard_internal.h"

#include <stdio.h>

static int meta_of(struct store *store, enum meta_key key, uint64_t *value)
{
    struct row row = {.c = {[META_key] = key}};
    int status = store->ops->get(store, TABLE_META, &row);
    *value = status == 0 ? row.c[META_value] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int judge_backup(struct store *main, const struct shard_restore *ask, char *error, size_t size)
{
    uint64_t incarnation, shard, shards, floor_us;
    CHECK(meta_of(main, META_INCARNATION, &incarnation));
    CHECK(meta_of(main, META_SHARD, &shard));
    CHECK(meta_of(main, META_SHARDS, &shards));
    CHECK(meta_of(main, META_FLOOR, &floor_us));
    if (incarnation == 0)
        (void)snprintf(error, size, "found a backup of no shard, expected one of shard.%u", ask->shard);
    else if (shard != ask->shard || shards != ask->shard_count)
        (void)snprintf(error, size, "found a backup of shard.%llu of %llu, expected one of shard.%u of %u",
                       (unsigned long long)shard, (unsigned long long)shards, ask->shard, ask->shard_count);
    else if (floor_us + ask->backup_keep_us < ask->now_us)
        (void)snprintf(error, size, "found a backup that is older than \"backup-keep\", expected a younger one");
    else
        return 0;
    return E_INVALID;
}

int shard_restore(const struct shard_stores *stores, const struct shard_restore *ask, char *error, size_t size)
{
    struct store *main = stores->main;
    struct store_image *before = NULL;
    error[0] = '\0';
    int status = main->ops->backup(main, &before);
    if (status < 0)
        return status;
    status = main->ops->restore(main, ask->image);
    if (status < 0)
        (void)snprintf(error, size, "found a backup that this store cannot read, expected one of its own kind");
    else
        status = judge_backup(main, ask, error, size);
    if (status < 0) {
        int back = main->ops->restore(main, before);
        status = back < 0 ? back : status;
    }
    store_image_free(before);
    return status;
}
