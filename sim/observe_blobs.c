/*
 * observe_blobs.c: what is in a shard's store of blobs: the parts that are there, and the keys that open them. What
 * main says of uploads is not asked: bytes that it has forgotten are what is looked for.
 */
#include "sim/held_text.h"
#include "sim/record.h"

struct blobs {
    struct world *w;
    shard_id shard;
    uint64_t last;
    size_t count;
};

static int list_blob(void *ctx, const struct row *blob)
{
    struct blobs *blobs = ctx;
    struct world *w = blobs->w;
    if (blob->c[BLOB_id] == blobs->last || !held_part_digest(w->shards[blobs->shard].stores.vault, blob))
        return 0;
    blobs->last = blob->c[BLOB_id];
    w->items = base_grow(w->items, &w->item_cap, blobs->count + 1, sizeof *w->items);
    w->items[blobs->count++] = (struct record_item){.in = record_conv_name(w, blob->c[BLOB_conv]),
                                                    .message = record_message_name(w, blob->c[BLOB_id]),
                                                    .copy = w->words.copy[COPY_ATTACHMENT],
                                                    .version = blob->c[BLOB_version]};
    return 0;
}

static void scan(struct world *w, shard_id id, const struct store_range *range, store_visit *visit, void *ctx)
{
    struct store *store = w->shards[id].stores.blobs;
    int status = store->ops->scan(store, range, visit, ctx);
    if (status < 0)
        world_fail(w, "an observation of a store of blobs", status);
}

/* A record as long as anything is there, and one more when nothing is there any longer. */
void observe_blobs(struct world *w, shard_id id)
{
    struct store_range all = {.table = TABLE_BLOB, .index = INDEX_PRIMARY};
    struct blobs blobs = {.w = w, .shard = id};
    scan(w, id, &all, list_blob, &blobs);
    bool had = w->shards[id].had_blobs;
    w->shards[id].had_blobs = blobs.count != 0;
    if (!had && !blobs.count)
        return;
    struct record *r = record_new(w, KIND_BLOBS);
    record_set(r, FIELD_SHARD, w->shards[id].name);
    record_set(r, FIELD_SHOWN, 1);
    r->items = w->items;
    r->item_count = blobs.count;
    record_emit(w);
}

struct parts {
    struct store *vault;
    size_t whole, broken;
};

static int open_part(void *ctx, const struct row *blob)
{
    struct parts *parts = ctx;
    if (held_part_digest(parts->vault, blob))
        parts->whole++;
    else
        parts->broken++;
    return 0;
}

bool observe_blob_is_whole(struct world *w, shard_id id, msg_id blob)
{
    struct store_range of = {.table = TABLE_BLOB, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {blob}};
    struct parts parts = {.vault = w->shards[id].stores.vault};
    if (blob)
        scan(w, id, &of, open_part, &parts);
    return !blob || (parts.whole && !parts.broken);
}
