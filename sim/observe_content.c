/*
 * observe_content.c: is there content where a deletion should be? Reads the tables and the packets themselves.
 *
 * Looked at: purged messages, and the entries of deletions wherever they are kept or carried: logs, fan-outs, the
 * outboxes of channels, the items of snapshots, packets. A message that is deleted and not purged keeps its (sealed)
 * body, because it can be undone; it is not looked at. Only for scenarios that ask for it ("tombstones" of "server").
 */
#include "sim/record.h"

#define STATE_PURGED 4U /* of a message in its table */

static bool is_deletion(uint64_t entry)
{
    return entry == ENTRY_DELETE || entry == ENTRY_PURGE || entry == ENTRY_DELETE_CONV || entry == ENTRY_PURGE_CONV ||
           entry == ENTRY_HIDE || entry == ENTRY_CLEAR || entry == ENTRY_EVICT;
}

static void look(struct world_content *found, bool deletion, size_t bytes)
{
    found->looked += deletion;
    found->content += deletion && bytes > 0;
}

static int look_message(void *ctx, const struct row *row)
{
    look(ctx, row->c[MESSAGE_state] == STATE_PURGED, row->body.len);
    return 0;
}

static int look_log(void *ctx, const struct row *row)
{
    look(ctx, is_deletion(row->c[LOG_words] & 0xff), row->body.len);
    return 0;
}

static int look_fanout(void *ctx, const struct row *row)
{
    look(ctx, is_deletion(row->c[FANOUT_entry]), row->body.len);
    return 0;
}

static int look_outbox(void *ctx, const struct row *row)
{
    uint64_t entry = row->c[OUTBOX_words] >> 8 & 0xff;
    look(ctx, row->c[OUTBOX_kind] == WIRE_FANOUT && is_deletion(entry), row->body.len);
    return 0;
}

static int look_item(void *ctx, const struct row *row)
{
    look(ctx, (row->c[ITEM_words] >> 8 & ITEM_DELETED) != 0, row->body.len);
    return 0;
}

/* What a shard sends counts, also when it is lost. */
void observe_packet(struct world *w, uint32_t from, const struct wire *wire)
{
    if (!w->scenario->tombstones || !node_is_shard(w, from))
        return;
    bool entry = (wire->kind == WIRE_ENTRY || wire->kind == WIRE_FANOUT) && is_deletion(wire->entry);
    bool item = (wire->kind == WIRE_RESET_PAGE || wire->kind == WIRE_SNAPSHOT) && (wire->flags & ITEM_DELETED) != 0;
    look(&w->shards[from].content, entry || item, wire->body.len);
}

void observe_content(struct world *w, shard_id id)
{
    if (!w->scenario->tombstones)
        return;
    static const struct {
        enum store_table table;
        store_visit *visit;
    } looks[] = {{TABLE_MESSAGE, look_message},
                 {TABLE_LOG, look_log},
                 {TABLE_FANOUT, look_fanout},
                 {TABLE_OUTBOX, look_outbox},
                 {TABLE_ITEM, look_item}};
    struct store *store = w->shards[id].stores.main;
    struct world_content found = w->shards[id].content; /* packets since the last time */
    w->shards[id].content = (struct world_content){0};
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        struct store_range range = {.table = looks[i].table, .index = INDEX_PRIMARY};
        int status = store->ops->scan(store, &range, looks[i].visit, &found);
        if (status < 0)
            world_fail(w, "an observation of tombstones", status);
    }
    struct record *r = record_new(w, KIND_CONTENT);
    record_set(r, FIELD_SHARD, w->shards[id].name);
    record_set(r, FIELD_TOMBSTONES, found.looked);
    record_set(r, FIELD_COUNT, found.content);
    record_emit(w);
}
