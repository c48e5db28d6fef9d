/*
 * shard_reset.c: resets, on both sides: the user's shard pins a position and collects items, conversations' shards
 * answer with snapshots.
 *
 * Method (R1): fix p = head and pin it, in one transaction; then ask each conversation of the index at p (R6) where it
 * is ordered, so that what is read is never older than the log or the device (R2); when all have answered, send the
 * items as pages. They are stored, so that a device that lost its connection resumes at its page (R5). A conversation
 * whose shard does not answer delays the reset (R4). The pin re-admits the device to the minimum, no more (F2); its
 * lease is the maximum offline span (F3).
 */
#include "core/shard_internal.h"

#include <stdlib.h>

static int drop_items(struct shard *s, struct row *device)
{
    for (uint64_t page = 1; page <= device->c[DEVICE_items]; page++) {
        struct row item = {.c = {[ITEM_device] = device->c[DEVICE_id], [ITEM_page] = page}};
        CHECK(shard_del(s, TABLE_ITEM, &item));
    }
    device->c[DEVICE_items] = 0;
    return 0;
}

int reset_forget(struct shard *s, struct row *device)
{
    device->c[DEVICE_pin] = 0;
    device->c[DEVICE_awaits] = 0;
    return drop_items(s, device);
}

static int pack_item(struct shard *s, const struct row *device, uint64_t page, const struct wire *w, struct row *row)
{
    *row = (struct row){.c = {[ITEM_device] = device->c[DEVICE_id],
                              [ITEM_page] = page,
                              [ITEM_conv] = w->conv,
                              [ITEM_target] = w->target,
                              [ITEM_version] = w->version,
                              [ITEM_actor] = w->actor,
                              [ITEM_at] = w->at_us,
                              [ITEM_named] = w->named,
                              [ITEM_sent] = w->sent,
                              [ITEM_reply] = w->reply}};
    row->c[ITEM_words] =
        (uint64_t)w->entry | (uint64_t)w->flags << 8 | (uint64_t)w->conv_kind << 16 | (uint64_t)w->role << 24;
    return vault_seal(s, w, &row->body);
}

static int send_page(struct shard *s, const struct row *device, const struct row *user, const struct session *session,
                     const struct row *item)
{
    struct wire page = {.kind = WIRE_RESET_PAGE, .session = session->number}, *w = &page;
    w->device = (device_id)device->c[DEVICE_id];
    w->reset_id = (uint32_t)device->c[DEVICE_reset_id];
    w->generation = (uint32_t)device->c[DEVICE_generation];
    w->epoch = (uint32_t)user->c[USER_epoch];
    w->position = device->c[DEVICE_pin] - 1;
    w->head = user->c[USER_head];
    w->page = (uint32_t)item->c[ITEM_page];
    w->pages = (uint32_t)device->c[DEVICE_items];
    w->entry = (uint8_t)item->c[ITEM_words];
    w->flags = (uint8_t)(item->c[ITEM_words] >> 8);
    w->conv_kind = (uint8_t)(item->c[ITEM_words] >> 16);
    w->role = (uint8_t)(item->c[ITEM_words] >> 24);
    w->conv = item->c[ITEM_conv];
    w->target = item->c[ITEM_target];
    w->version = item->c[ITEM_version];
    w->named = item->c[ITEM_named];
    w->actor = (user_id)item->c[ITEM_actor];
    w->at_us = item->c[ITEM_at];
    w->sent = item->c[ITEM_sent];
    w->reply = item->c[ITEM_reply];
    bool gone;
    CHECK(vault_open(s, w, &item->body, &gone));
    if (gone && w->entry == ENTRY_ITEM_MESSAGE)
        w->flags |= ITEM_DELETED;
    *out_send(s->out, OUT_TO_DEVICE, w->device) = page;
    return 0;
}

static int send_pages(struct shard *s, const struct row *device, const struct session *session, uint64_t first)
{
    struct row user = {.c = {[USER_id] = device->c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    for (uint64_t page = first; page <= device->c[DEVICE_items]; page++) {
        struct row item = {.c = {[ITEM_device] = device->c[DEVICE_id], [ITEM_page] = page}};
        CHECK(shard_get(s, TABLE_ITEM, &item));
        CHECK(send_page(s, device, &user, session, &item));
    }
    return 0;
}

struct questions {
    struct row rows[256];
    size_t count;
};

static int collect_holds(void *ctx, const struct row *row)
{
    struct questions *q = ctx;
    q->rows[q->count++] = *row;
    return q->count == sizeof q->rows / sizeof q->rows[0];
}

static int ask_chunk(struct shard *s, const struct row *device, conv_id from, struct questions *q, bool ask)
{
    struct store_range range = {.table = TABLE_HOLDS, .index = INDEX_PRIMARY, .fixed = 1, .given = 2};
    range.key[0] = device->c[DEVICE_user];
    range.key[1] = from;
    q->count = 0;
    CHECK(s->store->ops->scan(s->store, &range, collect_holds, q));
    for (size_t i = 0; ask && i < q->count; i++) {
        struct wire w = {.kind = WIRE_SNAPSHOT_Q, .user = (user_id)device->c[DEVICE_user]};
        w.device = (device_id)device->c[DEVICE_id];
        w.reset_id = (uint32_t)device->c[DEVICE_reset_id];
        w.conv = q->rows[i].c[HOLDS_conv];
        w.version = q->rows[i].c[HOLDS_version];
        CHECK(channel_send(s, shard_of_conv(s->policy, w.conv, s->count), &w, NULL));
    }
    return 0;
}

/* Visit the user's conversations: count them, or ask for each. Asking may answer at once, hence count first. */
static int for_each_conversation(struct shard *s, const struct row *device, bool ask, uint64_t *count)
{
    struct questions q;
    conv_id from = 0;
    *count = 0;
    do {
        CHECK(ask_chunk(s, device, from, &q, ask));
        *count += q.count;
        if (q.count)
            from = q.rows[q.count - 1].c[HOLDS_conv] + 1;
    } while (q.count == sizeof q.rows / sizeof q.rows[0]);
    return 0;
}

static int begin_reset(struct shard *s, struct row *device, struct session *session, uint64_t head)
{
    CHECK(reset_forget(s, device));
    device->c[DEVICE_reset_id]++;
    device->c[DEVICE_pin] = head + 1;
    device->c[DEVICE_acked_at] = s->now_us;
    uint64_t count;
    CHECK(for_each_conversation(s, device, false, &count));
    device->c[DEVICE_awaits] = count;
    if (device->c[DEVICE_fenced]) { /* outside the minimum until now; its lease begins (F2, F3) */
        device->c[DEVICE_fenced] = 0;
        CHECK(shard_timer(s, s->now_us + s->policy->fence_after_us, TIMER_FENCE, device->c[DEVICE_id], 0, 0));
    }
    if (count == 0) {
        struct wire none = {.entry = ENTRY_ITEM_NONE};
        device->c[DEVICE_items] = 1;
        struct row item;
        CHECK(pack_item(s, device, 1, &none, &item));
        CHECK(shard_put(s, TABLE_ITEM, &item));
    }
    CHECK(shard_put(s, TABLE_DEVICE, device));
    if (count == 0)
        return send_pages(s, device, session, 1);
    return for_each_conversation(s, device, true, &count);
}

void reset_note_sync(struct shard *s, const struct wire *w, const struct row *device, const struct row *user,
                     enum sync_answer answer)
{
    struct note *note = shard_note(s, NOTE_SYNC);
    note->device = (device_id)device->c[DEVICE_id];
    note->user = (user_id)user->c[USER_id];
    note->epoch = w->epoch;
    note->position = w->position;
    note->head = user->c[USER_head];
    note->horizon = user->c[USER_horizon];
    note->generation = w->generation;
    note->current = (uint32_t)device->c[DEVICE_generation];
    note->outcome = (uint8_t)answer;
    note->reset = answer == SYNC_RESET;
}

int reset_grant(struct shard *s, struct row *device, struct session *session, uint32_t reset_id, uint32_t staged)
{
    struct row user = {.c = {[USER_id] = device->c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    session->resetting = true;
    session->held_until_us = 0;
    if (!device->c[DEVICE_pin]) {
        session->sent = session->acked = user.c[USER_head];
        return begin_reset(s, device, session, user.c[USER_head]);
    }
    session->sent = session->acked = device->c[DEVICE_pin] - 1;
    if (device->c[DEVICE_awaits])
        return 0; /* the pages go when the last snapshot is in */
    bool resumes = reset_id == device->c[DEVICE_reset_id] && staged < device->c[DEVICE_items];
    return send_pages(s, device, session, resumes ? (uint64_t)staged + 1 : 1);
}

/* ---- the user's shard: an item arrives ---- */

int reset_item(struct shard *s, const struct wire *w)
{
    struct row device = {.c = {[DEVICE_id] = w->device}};
    int status = shard_get(s, TABLE_DEVICE, &device);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    if (!device.c[DEVICE_pin] || device.c[DEVICE_reset_id] != w->reset_id || !device.c[DEVICE_awaits])
        return 0; /* of a reset that is over */
    device.c[DEVICE_items]++;
    struct row item;
    CHECK(pack_item(s, &device, device.c[DEVICE_items], w, &item));
    CHECK(shard_put(s, TABLE_ITEM, &item));
    if (w->page == w->pages)
        device.c[DEVICE_awaits]--;
    CHECK(search_item(s, w, !device.c[DEVICE_awaits]));
    CHECK(shard_put(s, TABLE_DEVICE, &device));
    struct session *session = session_of(s, w->device);
    if (device.c[DEVICE_awaits] || !session || !session->resetting)
        return 0;
    return send_pages(s, &device, session, 1);
}

/* ---- the conversation's shard: a snapshot is asked for ---- */

struct snapshot {
    struct shard *s;
    struct wire *items;
    size_t count, cap;
    version since, cleared;
    user_id user;
};

static struct wire *add_item(struct snapshot *snapshot, enum entry entry)
{
    snapshot->items = base_grow(snapshot->items, &snapshot->cap, snapshot->count + 1, sizeof *snapshot->items);
    struct wire *item = &snapshot->items[snapshot->count++];
    *item = (struct wire){.kind = WIRE_SNAPSHOT, .entry = (uint8_t)entry};
    return item;
}

/*
 * Only what was sent while the user is a member (or, by policy, changed since), and is not deleted for them alone; what
 * is purged is not a message any more.
 */
static int collect_message(void *ctx, const struct row *row)
{
    struct snapshot *snapshot = ctx;
    uint64_t state = row->c[MESSAGE_state];
    if (state == MESSAGE_PURGED || state == MESSAGE_PURGING)
        return 0;
    version changed = state == MESSAGE_LIVE ? row->c[MESSAGE_version] : 0;
    if (!decide_reads(snapshot->s->policy, row->c[MESSAGE_sent], changed, snapshot->since))
        return 0;
    bool hides = row->c[MESSAGE_sent] <= snapshot->cleared;
    if (!hides)
        CHECK(conv_hides(snapshot->s, row->c[MESSAGE_conv], snapshot->user, row->c[MESSAGE_id], &hides));
    if (hides)
        return 0;
    struct text body = {0};
    bool gone = false;
    if (state == MESSAGE_LIVE)
        CHECK(vault_open_message(snapshot->s, row, &body, &gone));
    struct wire *item = add_item(snapshot, ENTRY_ITEM_MESSAGE);
    item->target = row->c[MESSAGE_id];
    item->version = row->c[MESSAGE_version];
    item->actor = (user_id)row->c[MESSAGE_author];
    item->at_us = row->c[MESSAGE_sent_at];
    item->sent = row->c[MESSAGE_sent];
    item->reply = row->c[MESSAGE_reply];
    if (state == MESSAGE_DELETED) {
        item->flags = ITEM_DELETED;
        item->named = row->c[MESSAGE_deletion];
        return 0;
    }
    item->body = body;
    struct wire quote = {0};
    if (item->reply)
        CHECK(quote_item(snapshot->s, row, snapshot->user, snapshot->cleared, snapshot->since, &quote));
    if (quote.body.len)
        *add_item(snapshot, ENTRY_ITEM_QUOTE) = quote;
    if (row->c[MESSAGE_blob]) {
        struct wire *blob = add_item(snapshot, ENTRY_ITEM_ATTACH);
        blob->target = row->c[MESSAGE_id];
        blob->version = row->c[MESSAGE_version];
        blob->reply = row->c[MESSAGE_blob];
    }
    return 0;
}

static int read_conversation(struct shard *s, const struct wire *question, struct snapshot *snapshot)
{
    struct row conv = {.c = {[CONV_id] = question->conv}};
    uint8_t role = ROLE_NONE;
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == 0)
        CHECK(conv_role(s, question->conv, question->user, &role, &snapshot->since));
    else if (status != E_NOTFOUND)
        return status;
    if (role == ROLE_NONE || conv.c[CONV_state] >= CONV_PURGING) {
        struct wire invitation;
        bool invited = false;
        if (status == 0)
            CHECK(invite_item(s, &conv, question->user, &invitation, &invited));
        struct wire *item = add_item(snapshot, ENTRY_ITEM_NONE);
        if (invited) {
            invitation.kind = item->kind;
            *item = invitation;
        }
        return 0;
    }
    struct wire *item = add_item(snapshot, ENTRY_ITEM_CONV);
    item->conv_kind = (uint8_t)conv.c[CONV_kind];
    item->role = role;
    item->version = conv.c[CONV_version];
    CHECK(conv_cleared(s, question->conv, question->user, &snapshot->cleared));
    item->sent = snapshot->cleared;
    if (conv.c[CONV_state] == CONV_DELETED) {
        item->flags = ITEM_DELETED;
        item->named = conv.c[CONV_deletion];
        item->actor = (user_id)conv.c[CONV_deleted_by];
        item->at_us = conv.c[CONV_deleted_at];
    }
    version read;
    CHECK(conv_read_mark(s, question->conv, question->user, &read));
    if (read)
        add_item(snapshot, ENTRY_ITEM_READ)->sent = read;
    struct store_range range = {.table = TABLE_MESSAGE, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = question->conv;
    status = s->store->ops->scan(s->store, &range, collect_message, snapshot);
    return status < 0 ? status : 0;
}

int reset_snapshot(struct shard *s, shard_id source, const struct wire *question)
{
    struct snapshot snapshot = {.s = s, .user = question->user};
    int status = read_conversation(s, question, &snapshot);
    for (size_t i = 0; status >= 0 && i < snapshot.count; i++) {
        struct wire *item = &snapshot.items[i];
        item->user = question->user;
        item->device = question->device;
        item->reset_id = question->reset_id;
        item->conv = question->conv;
        item->page = (uint32_t)i + 1;
        item->pages = (uint32_t)snapshot.count;
        status = channel_send(s, source, item, NULL);
    }
    free(snapshot.items);
    return status < 0 ? status : 0;
}
