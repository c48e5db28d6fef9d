/*
 * observe.c: what is really there, read by code that shares nothing with what core says of itself. A view is everything
 * that is readable on a device, from device_rows; a table is what a shard's store holds, from scans of whole tables.
 *
 * When: at the end phases, everything; and unless the scenario says "observe": 0, after a restart, when a device has
 * caught up after connecting, after an installed snapshot, and at random instants a random device and a random shard.
 */
#include "sim/audit_chain.h"
#include "sim/held_text.h"
#include "sim/idmap.h"
#include "sim/record.h"

#define STATE_LIVE 1U    /* of a conversation or message in its table; what is larger is a tombstone of some age */
#define STATE_DELETED 2U /* and not yet on its way to be purged */

/* ---- devices ---- */

struct view {
    struct world *w;
    size_t count;
    conv_id conv; /* of the last row, and its name: rows come by conversation */
    uint32_t conv_name;
};

static struct record_item *view_item(struct view *view)
{
    struct world *w = view->w;
    w->items = base_grow(w->items, &w->item_cap, view->count + 1, sizeof *w->items);
    return &w->items[view->count++];
}

static int view_row(void *ctx, const struct device_row *row)
{
    struct view *view = ctx;
    struct world *w = view->w;
    if (!row->readable || !record_is_judged(w, row->conv))
        return 0;
    if (row->conv != view->conv) {
        view->conv = row->conv;
        view->conv_name = record_conv_name(w, row->conv);
    }
    *view_item(view) = (struct record_item){.in = view->conv_name,
                                            .message = row->in_replica ? record_message_name(w, row->target)
                                                                       : record_own_message_name(w, row->target),
                                            .copy = w->words.copy[COPY_BODY],
                                            .version = row->in_replica ? row->version : 0};
    return 0;
}

static bool has_body(const struct view *view, uint32_t message)
{
    const struct world *w = view->w;
    for (size_t i = 0; i < view->count; i++)
        if (w->items[i].message == message && w->items[i].copy == w->words.copy[COPY_BODY])
            return true;
    return false;
}

/*
 * A copy that is stored is readable, whatever became of the body. Part of one is not, as long as the rest may come; but
 * the part of what is not there any more is a copy that nobody takes away.
 */
static int view_copy(void *ctx, const struct device_copy *copy)
{
    struct view *view = ctx;
    struct world *w = view->w;
    bool typing = copy->copy == COPY_TYPING;
    if (!record_is_judged(w, copy->conv))
        return 0;
    if (copy->partial && has_body(view, record_message_name(w, copy->target)))
        return 0;
    *view_item(view) = (struct record_item){.in = record_conv_name(w, copy->conv),
                                            .message = typing ? record_typing_name(w, copy->conv, (user_id)copy->target)
                                                              : record_message_name(w, copy->target),
                                            .copy = w->words.copy[copy->copy],
                                            .version = copy->version,
                                            .via = record_message_name(w, copy->via)};
    return 0;
}

/* Begin a record of everything that is readable on the device. */
static struct record *look_at(struct world *w, device_id id, enum history_kind kind)
{
    const struct device *core = world_device(w, id)->core;
    struct view view = {.w = w};
    w->speaker = id;
    device_rows(core, view_row, &view);
    device_copies(core, view_copy, &view);
    w->speaker = 0;
    struct device_state state = device_inspect(core);
    struct record *r = record_new(w, kind);
    record_set(r, FIELD_DEVICE, record_device_name(w, id));
    record_set(r, FIELD_CURSOR, state.cursor);
    record_set(r, FIELD_EPOCH, state.epoch);
    record_set(r, FIELD_SHOWN, 1);
    r->items = w->items;
    r->item_count = view.count;
    return r;
}

void observe_device(struct world *w, device_id id)
{
    if (!world_device(w, id)->core)
        return;
    look_at(w, id, KIND_VIEW);
    record_emit(w);
}

void observe_start(struct world *w, device_id id, device_id source, enum history_field how)
{
    struct record *r = look_at(w, id, KIND_DEVICE_RESTORE);
    record_set(r, FIELD_SOURCE, record_device_name(w, source));
    if (how != FIELD_SOURCE)
        record_set(r, how, 1);
    record_emit(w);
}

/* The device stepped while it was catching up, or took a message: is this a moment to look? */
void observe_synced(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    bool installed = false;
    for (size_t i = 0; i < w->out.note_count && !installed; i++)
        installed = w->out.notes[i].kind == NOTE_INSTALL;
    bool caught_up = d->syncing && device_inspect(d->core).cursor >= d->sync_to;
    if (!installed && !caught_up)
        return;
    d->syncing = false;
    if (w->scenario->observe_every_us)
        observe_device(w, id);
}

/* ---- shards ---- */

struct table {
    uint64_t tombstones, messages, conversations, entries, waiting, digest;
};

static void mix(struct table *table, uint64_t value)
{
    table->digest = (table->digest ^ value) * 0x100000001b3ULL;
    table->digest ^= table->digest >> 29;
}

static int count_conversation(void *ctx, const struct row *row)
{
    struct table *table = ctx;
    bool live = row->c[CONV_state] == STATE_LIVE;
    table->conversations += live;
    table->tombstones += !live;
    mix(table, row->c[CONV_id]);
    mix(table, row->c[CONV_state]);
    mix(table, row->c[CONV_version]);
    return 0;
}

static int count_message(void *ctx, const struct row *row)
{
    struct table *table = ctx;
    bool live = row->c[MESSAGE_state] == STATE_LIVE;
    table->messages += live;
    table->tombstones += !live;
    mix(table, row->c[MESSAGE_id]);
    mix(table, row->c[MESSAGE_state]);
    mix(table, row->c[MESSAGE_version]);
    return 0;
}

static int count_entry(void *ctx, const struct row *row)
{
    struct table *table = ctx;
    (void)row;
    table->entries++;
    return 0;
}

static int count_wait(void *ctx, const struct row *row)
{
    struct table *table = ctx;
    (void)row;
    table->waiting++;
    return 0;
}

static void walk_range(struct world *w, struct store *store, const struct store_range *range, store_visit *visit,
                       void *ctx)
{
    int status = store->ops->scan(store, range, visit, ctx);
    if (status < 0)
        world_fail(w, "an observation of a store", status);
}

static void walk(struct world *w, struct store *store, enum store_table table, store_visit *visit, void *ctx)
{
    struct store_range range = {.table = table, .index = INDEX_PRIMARY};
    walk_range(w, store, &range, visit, ctx);
}

/* The rows whose key begins with that. */
static void walk_of(struct world *w, struct store *store, enum store_table table, uint64_t key, store_visit *visit,
                    void *ctx)
{
    struct store_range range = {.table = table, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {key}};
    walk_range(w, store, &range, visit, ctx);
}

/* Not while it is down: what its last step left behind is put right when it starts. */
static void observe_audit(struct world *w, shard_id id)
{
    struct audit_chain chain;
    if (!w->scenario->audited || !w->shards[id].core)
        return;
    int status = audit_chain_read(w->shards[id].stores.vault, NULL, NULL, &chain);
    if (status < 0) {
        world_fail(w, "an observation of an audit log", status);
        return;
    }
    struct record *r = record_new(w, KIND_AUDIT);
    record_set(r, FIELD_SHARD, w->shards[id].name);
    record_set(r, FIELD_COUNT, chain.decisions - chain.voided);
    record_set(r, FIELD_DIGEST, chain.head[0]);
    record_set(r, FIELD_BROKEN, chain.broken);
    if (chain.turned_away)
        record_set(r, FIELD_REQUESTS, chain.turned_away);
    record_emit(w);
}

/* ---- legal holds: by all rows of a conversation, and not by what the shard would ask ---- */

struct held {
    struct world *w;
    shard_id shard;
    const struct row *hold, *conv; /* that are looked at */
    bool any, covers;
    uint64_t count;
};

static int is_member(void *ctx, const struct row *member)
{
    struct held *held = ctx;
    held->covers |=
        member->c[MEMBER_conv] == held->conv->c[CONV_id] && member->c[MEMBER_user] == held->hold->c[LEGAL_HOLD_id];
    return held->covers;
}

static int covers(void *ctx, const struct row *hold)
{
    struct held *held = ctx;
    held->any = true;
    if (!held->conv)
        return 1;
    held->hold = hold;
    if (hold->c[LEGAL_HOLD_kind] == 1)
        held->covers |= hold->c[LEGAL_HOLD_id] == held->conv->c[CONV_id];
    else
        walk_of(held->w, held->w->shards[held->shard].stores.main, TABLE_MEMBER, held->conv->c[CONV_id], is_member,
                held);
    return held->covers;
}

static struct record *tell_text(struct held *held, conv_id conv, msg_id message, uint64_t digest)
{
    struct world *w = held->w;
    struct record *r = record_new(w, KIND_HELD);
    record_set(r, FIELD_SHARD, w->shards[held->shard].name);
    record_set(r, FIELD_IN, record_conv_name(w, conv));
    record_set(r, FIELD_MESSAGE, record_message_name(w, message));
    record_set(r, FIELD_DIGEST, digest);
    record_set(r, FIELD_BROKEN, !digest);
    held->count++;
    return r;
}

static int tell_former(void *ctx, const struct row *former)
{
    struct held *held = ctx;
    uint64_t digest = held_text_former(held->w->shards[held->shard].stores.vault, former);
    struct record *r = tell_text(held, former->c[FORMER_conv], former->c[FORMER_message], digest);
    record_set(r, FIELD_VERSION, former->c[FORMER_version]);
    if (former->c[FORMER_quote])
        record_set(r, FIELD_COPY, held->w->words.copy[COPY_QUOTE]);
    record_emit(held->w);
    return 0;
}

static int tell_held(void *ctx, const struct row *message)
{
    struct held *held = ctx;
    struct world *w = held->w;
    if (message->c[MESSAGE_conv] != held->conv->c[CONV_id] || message->c[MESSAGE_state] > STATE_DELETED ||
        (message->c[MESSAGE_state] == STATE_LIVE && held->conv->c[CONV_state] == STATE_LIVE))
        return 0;
    uint64_t digest = held_text_digest(w->shards[held->shard].stores.vault, message);
    if (!observe_blob_is_whole(w, held->shard, message->c[MESSAGE_blob]))
        digest = 0;
    tell_text(held, message->c[MESSAGE_conv], message->c[MESSAGE_id], digest);
    record_emit(w);
    return 0;
}

static int held_in(void *ctx, const struct row *conv)
{
    struct held *held = ctx;
    held->conv = conv;
    held->covers = false;
    walk(held->w, held->w->shards[held->shard].stores.vault, TABLE_LEGAL_HOLD, covers, held);
    if (held->covers)
        walk_of(held->w, held->w->shards[held->shard].stores.main, TABLE_MESSAGE, conv->c[CONV_id], tell_held, held);
    return 0;
}

/* What lies under a hold and is deleted, or was edited: each a record. True when anything is held here at all. */
static bool observe_held(struct world *w, shard_id id, uint64_t *count)
{
    struct held held = {.w = w, .shard = id};
    walk(w, w->shards[id].stores.vault, TABLE_LEGAL_HOLD, covers, &held);
    if (held.any)
        walk(w, w->shards[id].stores.main, TABLE_CONV, held_in, &held);
    walk(w, w->shards[id].stores.main, TABLE_FORMER, tell_former, &held);
    *count = held.count;
    return held.any;
}

/* ---- the search index: what a search of its user would be told, whatever the word ---- */

struct index {
    struct view view;
    shard_id shard;
    user_id user; /* whose index is read */
    uint64_t message;
};

/* In order of user, conversation and message: the words of one message are together. Hash 0 is no word. */
static int index_token(void *ctx, const struct row *token)
{
    struct index *index = ctx;
    struct world *w = index->view.w;
    if (token->c[TOKEN_user] != index->user || !token->c[TOKEN_hash] || token->c[TOKEN_message] == index->message)
        return 0;
    struct store *store = w->shards[index->shard].stores.main;
    struct row holds = {.c = {[HOLDS_user] = index->user, [HOLDS_conv] = token->c[TOKEN_conv]}};
    int status = store->ops->get(store, TABLE_HOLDS, &holds);
    if (status == E_NOTFOUND || (status == 0 && holds.c[HOLDS_state] != STATE_LIVE))
        return 0; /* a search looks only in conversations that the user has */
    if (status < 0)
        return status;
    index->message = token->c[TOKEN_message];
    *view_item(&index->view) = (struct record_item){.in = record_conv_name(w, token->c[TOKEN_conv]),
                                                    .message = record_message_name(w, token->c[TOKEN_message]),
                                                    .copy = w->words.copy[COPY_SEARCH],
                                                    .version = token->c[TOKEN_version]};
    return 0;
}

static int index_of_user(void *ctx, const struct row *reader)
{
    struct index *index = ctx;
    struct world *w = index->view.w;
    index->user = (user_id)reader->c[READER_user];
    index->view.count = 0;
    index->message = 0;
    walk_of(w, w->shards[index->shard].stores.main, TABLE_TOKEN, index->user, index_token, index);
    struct record *r = record_new(w, KIND_INDEX);
    record_set(r, FIELD_SHARD, w->shards[index->shard].name);
    record_set(r, FIELD_USER, record_user_name(w, index->user));
    record_set(r, FIELD_SHOWN, 1);
    r->items = w->items;
    r->item_count = index->view.count;
    record_emit(w);
    return 0;
}

void observe_shard(struct world *w, shard_id id)
{
    if (world_disk_refused(w, id))
        return;                 /* there is nothing to look at */
    if (w->shards[id].restored) /* nothing of the image is served before the deletion log is done again */
        return;
    struct index index = {.view = {.w = w}, .shard = id};
    walk(w, w->shards[id].stores.main, TABLE_READER, index_of_user, &index);
    uint64_t held;
    bool holds = observe_held(w, id, &held);
    struct store *store = w->shards[id].stores.main;
    struct table table = {.digest = 0xcbf29ce484222325ULL};
    walk(w, store, TABLE_CONV, count_conversation, &table);
    walk(w, store, TABLE_MESSAGE, count_message, &table);
    walk(w, store, TABLE_LOG, count_entry, &table);
    walk(w, store, TABLE_WAITS, count_wait, &table);
    struct record *r = record_new(w, KIND_TABLE);
    record_set(r, FIELD_SHARD, w->shards[id].name);
    record_set(r, FIELD_TOMBSTONES, table.tombstones);
    record_set(r, FIELD_MESSAGES, table.messages);
    record_set(r, FIELD_CONVERSATIONS, table.conversations);
    record_set(r, FIELD_ENTRIES, table.entries);
    record_set(r, FIELD_WAITING, table.waiting);
    record_set(r, FIELD_DIGEST, table.digest);
    if (holds)
        record_set(r, FIELD_COUNT, held);
    record_emit(w);
    observe_content(w, id);
    observe_audit(w, id);
    observe_blobs(w, id);
}

static int is_orphan(void *ctx, const struct row *upload)
{
    uint64_t *count = ctx;
    *count += upload->c[UPLOAD_message] == 0;
    return 0;
}

uint64_t observe_orphans(struct world *w)
{
    uint64_t count = 0;
    for (shard_id i = 0; i < w->shard_count; i++)
        walk(w, w->shards[i].stores.main, TABLE_UPLOAD, is_orphan, &count);
    return count;
}

struct dead {
    struct idmap parked; /* by the message, or by the conversation */
    uint64_t count;
};

static int is_parked(void *ctx, const struct row *row)
{
    struct dead *dead = ctx;
    idmap_put(&dead->parked, row->c[PARKED_target] ? row->c[PARKED_target] : row->c[PARKED_conv], 1);
    return 0;
}

static int is_tombstone(void *ctx, const struct row *row)
{
    struct dead *dead = ctx;
    dead->count += row->c[MESSAGE_state] != STATE_LIVE && !idmap_get(&dead->parked, row->c[MESSAGE_id]);
    return 0;
}

static int is_dead_conversation(void *ctx, const struct row *row)
{
    struct dead *dead = ctx;
    dead->count += row->c[CONV_state] != STATE_LIVE && !idmap_get(&dead->parked, row->c[CONV_id]);
    return 0;
}

/*
 * Of those that time will end: what waits for the release of a hold waits for ever. Each by its own row: after a
 * restore a purge may be parked whose target the backup does not have, and that one stands for no other.
 */
uint64_t observe_tombstones(struct world *w)
{
    struct dead dead = {0};
    for (shard_id i = 0; i < w->shard_count; i++)
        walk(w, w->shards[i].stores.main, TABLE_PARKED, is_parked, &dead);
    for (shard_id i = 0; i < w->shard_count; i++) {
        walk(w, w->shards[i].stores.main, TABLE_CONV, is_dead_conversation, &dead);
        walk(w, w->shards[i].stores.main, TABLE_MESSAGE, is_tombstone, &dead);
    }
    idmap_release(&dead.parked);
    return dead.count;
}

/* ---- when ---- */

void observe_random(struct world *w)
{
    if (w->phase != PHASE_SAFETY)
        return;
    if (w->device_count)
        observe_device(w, (device_id)(1 + rng_below(&w->observe_rng, w->device_count)));
    observe_shard(w, (shard_id)rng_below(&w->observe_rng, w->shard_count));
    uint64_t in_us = rng_exponential(&w->observe_rng, w->scenario->observe_every_us);
    world_push(w, w->now_us + in_us + 1, EVENT_OBSERVE, 0, 0);
}

void observe_all(struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++)
        observe_device(w, (device_id)(i + 1));
    for (shard_id i = 0; i < w->shard_count; i++)
        observe_shard(w, i);
}
