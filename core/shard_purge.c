/*
 * shard_purge.c: what happens when the undo window closes: purging, purged, reaped.
 *
 * Method: a timer carries the deletion's version and does nothing unless that deletion is current (U3). The purge is a
 * saga of two commits (U4), and a conversation's goes through its messages in chunks, each a commit. A tombstone then
 * waits for the channel number of its last purge entry at each destination (U9), one row each.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

static int get_conv(struct shard *s, conv_id id, struct row *conv)
{
    *conv = (struct row){.c = {[CONV_id] = id}};
    return shard_get(s, TABLE_CONV, conv);
}

static int get_message(struct shard *s, conv_id conv, msg_id id, struct row *message)
{
    *message = (struct row){.c = {[MESSAGE_conv] = conv, [MESSAGE_id] = id}};
    return shard_get(s, TABLE_MESSAGE, message);
}

static void note_stage(struct shard *s, enum note_kind kind, conv_id conv, msg_id target, version v)
{
    struct note *note = shard_note(s, kind);
    note->conv = conv;
    note->target = target;
    note->version = v;
}

static int tell_purged(struct shard *s, struct row *conv, enum entry kind, msg_id target, version v)
{
    struct wire w = {.kind = WIRE_FANOUT, .entry = (uint8_t)kind, .conv = conv->c[CONV_id], .target = target};
    w.version = v;
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.at_us = s->now_us;
    CHECK(fanout_commit(s, &w, 0));
    uint64_t age = decide_age_us(s->policy);
    if (age != TIME_NEVER)
        CHECK(shard_timer(s, s->now_us + age + 1, TIMER_AGE, conv->c[CONV_id], target, v));
    return conv_reap(s, conv->c[CONV_id], target);
}

static int purge_message(struct shard *s, const struct row *timer)
{
    struct row message;
    int status = get_message(s, timer->c[TIMER_a], timer->c[TIMER_b], &message);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    bool deleted = message.c[MESSAGE_state] == MESSAGE_DELETED;
    if (message.c[MESSAGE_state] >= MESSAGE_PURGING ||
        !decide_timer_matches(s->policy, timer->c[TIMER_version], message.c[MESSAGE_deletion], deleted))
        return 0;
    bool parks;
    CHECK(hold_parks(s, timer->c[TIMER_a], timer->c[TIMER_b], timer->c[TIMER_version],
                     (enum reason)message.c[MESSAGE_reason], &parks));
    if (parks)
        return 0;
    message.c[MESSAGE_state] = MESSAGE_PURGING;
    CHECK(shard_put(s, TABLE_MESSAGE, &message));
    CHECK(log_change(s, LOGGED_PURGE, timer->c[TIMER_a], timer->c[TIMER_b], timer->c[TIMER_version]));
    note_stage(s, NOTE_PURGING, timer->c[TIMER_a], timer->c[TIMER_b], timer->c[TIMER_version]);
    return shard_timer(s, s->now_us, TIMER_FINISH_MESSAGE, timer->c[TIMER_a], timer->c[TIMER_b],
                       timer->c[TIMER_version]);
}

static int finish_message(struct shard *s, const struct row *timer)
{
    struct row message, conv;
    int status = get_message(s, timer->c[TIMER_a], timer->c[TIMER_b], &message);
    if (status == E_NOTFOUND || (status == 0 && message.c[MESSAGE_state] != MESSAGE_PURGING))
        return 0;
    CHECK(status);
    CHECK(get_conv(s, timer->c[TIMER_a], &conv));
    version v = conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    message.c[MESSAGE_state] = MESSAGE_PURGED;
    message.c[MESSAGE_version] = v;
    memset(&message.body, 0, sizeof message.body);
    CHECK(vault_destroy(s, timer->c[TIMER_b]));
    CHECK(blob_purge(s, &message));
    shard_wipe(s);
    CHECK(shard_put(s, TABLE_MESSAGE, &message));
    CHECK(quote_purge(s, timer->c[TIMER_a], timer->c[TIMER_b]));
    CHECK(former_purge(s, timer->c[TIMER_a], timer->c[TIMER_b]));
    note_stage(s, NOTE_PURGE, timer->c[TIMER_a], timer->c[TIMER_b], v);
    CHECK(audit_purge(s, timer->c[TIMER_a], timer->c[TIMER_b], v));
    return tell_purged(s, &conv, ENTRY_PURGE, timer->c[TIMER_b], v);
}

static int purge_conv(struct shard *s, const struct row *timer)
{
    struct row conv;
    int status = get_conv(s, timer->c[TIMER_a], &conv);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    bool deleted = conv.c[CONV_state] == CONV_DELETED;
    if (conv.c[CONV_state] >= CONV_PURGING ||
        !decide_timer_matches(s->policy, timer->c[TIMER_version], conv.c[CONV_deletion], deleted))
        return 0;
    bool parks;
    CHECK(hold_parks(s, timer->c[TIMER_a], 0, timer->c[TIMER_version], REASON_USER, &parks));
    if (parks)
        return 0;
    conv.c[CONV_state] = CONV_PURGING;
    conv.c[CONV_purged_to] = 0;
    CHECK(shard_put(s, TABLE_CONV, &conv));
    CHECK(log_change(s, LOGGED_PURGE_CONV, timer->c[TIMER_a], 0, timer->c[TIMER_version]));
    note_stage(s, NOTE_PURGING, timer->c[TIMER_a], 0, timer->c[TIMER_version]);
    return shard_timer(s, s->now_us, TIMER_FINISH_CONV, timer->c[TIMER_a], 0, timer->c[TIMER_version]);
}

struct chunk {
    struct row rows[PURGE_CHUNK];
    size_t count;
};

static int collect(void *ctx, const struct row *row)
{
    struct chunk *chunk = ctx;
    chunk->rows[chunk->count++] = *row;
    return chunk->count == PURGE_CHUNK;
}

/* Messages that are tombstones already keep waiting on their own; the conversation's end covers all others. */
static int purge_chunk(struct shard *s, struct row *conv, bool *more)
{
    struct store_range range = {.table = TABLE_MESSAGE, .index = INDEX_PRIMARY, .fixed = 1, .given = 2};
    range.key[0] = conv->c[CONV_id];
    range.key[1] = conv->c[CONV_purged_to];
    struct chunk *chunk = base_alloc(sizeof *chunk);
    int status = s->store->ops->scan(s->store, &range, collect, chunk);
    for (size_t i = 0; status >= 0 && i < chunk->count; i++) {
        status = conv_drop_hidden(s, conv->c[CONV_id], chunk->rows[i].c[MESSAGE_id]);
        if (status >= 0)
            status = quote_purge(s, conv->c[CONV_id], chunk->rows[i].c[MESSAGE_id]);
        if (status >= 0)
            status = former_purge(s, conv->c[CONV_id], chunk->rows[i].c[MESSAGE_id]);
        if (status >= 0)
            status = vault_destroy(s, chunk->rows[i].c[MESSAGE_id]);
        if (status >= 0)
            status = blob_purge(s, &chunk->rows[i]);
        if (status >= 0 && chunk->rows[i].c[MESSAGE_state] != MESSAGE_PURGED)
            status = shard_del(s, TABLE_MESSAGE, &chunk->rows[i]);
    }
    *more = chunk->count == PURGE_CHUNK;
    if (chunk->count)
        conv->c[CONV_purged_to] = chunk->rows[chunk->count - 1].c[MESSAGE_id] + 1;
    free(chunk);
    return status < 0 ? status : 0;
}

static int finish_conv(struct shard *s, const struct row *timer)
{
    struct row conv;
    int status = get_conv(s, timer->c[TIMER_a], &conv);
    if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] != CONV_PURGING))
        return 0;
    CHECK(status);
    bool more;
    CHECK(purge_chunk(s, &conv, &more));
    if (!more)
        CHECK(blob_purge_conv(s, timer->c[TIMER_a], &more));
    if (more) {
        CHECK(shard_put(s, TABLE_CONV, &conv));
        return shard_timer(s, s->now_us, TIMER_FINISH_CONV, timer->c[TIMER_a], 0, timer->c[TIMER_version]);
    }
    version v = conv_next_version(s, &conv);
    conv.c[CONV_state] = CONV_PURGED;
    CHECK(shard_put(s, TABLE_CONV, &conv));
    note_stage(s, NOTE_PURGE, timer->c[TIMER_a], 0, v);
    shard_wipe(s);
    CHECK(audit_purge(s, timer->c[TIMER_a], 0, v));
    return tell_purged(s, &conv, ENTRY_PURGE_CONV, 0, v);
}

int conv_timer(struct shard *s, const struct row *timer)
{
    switch (timer->c[TIMER_kind]) {
        case TIMER_PURGE_MESSAGE:
            return purge_message(s, timer);
        case TIMER_FINISH_MESSAGE:
            return finish_message(s, timer);
        case TIMER_PURGE_CONV:
            return purge_conv(s, timer);
        case TIMER_FINISH_CONV:
            return finish_conv(s, timer);
        case TIMER_AGE:
            return conv_reap(s, timer->c[TIMER_a], timer->c[TIMER_b]);
        default:
            return 0;
    }
}

/* ---- reaping ---- */

struct unserved {
    msg_id target;
    bool found;
};

static int find_unserved(void *ctx, const struct row *fanout)
{
    struct unserved *u = ctx;
    u->found = u->target == 0 || (fanout->c[FANOUT_target] == u->target && fanout->c[FANOUT_entry] == ENTRY_PURGE);
    return u->found;
}

/* Not applied everywhere, or its fan-out is not through yet. A conversation waits for every fan-out: they read members.
 */
static int waiting(struct shard *s, conv_id conv, msg_id target, bool *waits)
{
    struct row row;
    uint64_t key[2] = {conv, target};
    int status = shard_first(s, TABLE_WAITS, INDEX_WAITS_BY_TARGET, 2, 2, key, false, &row);
    if (status == E_NOTFOUND) {
        struct store_range range = {
            .table = TABLE_FANOUT, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {conv}};
        struct unserved u = {.target = target};
        status = s->store->ops->scan(s->store, &range, find_unserved, &u);
        *waits = u.found;
    } else {
        *waits = true;
    }
    return status < 0 ? status : 0;
}

/* A chunk of the membership; *more: there is more of it. */
static int drop_members(struct shard *s, conv_id conv, bool *more)
{
    for (int i = 0; i < PURGE_CHUNK; i++) {
        struct row row;
        uint64_t key[1] = {conv};
        int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 1, 1, key, false, &row);
        *more = status == 0;
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_MEMBER, &row));
    }
    return 0;
}

static int reap_conv(struct shard *s, conv_id id)
{
    struct row conv, row;
    int status = get_conv(s, id, &conv);
    if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] != CONV_PURGED))
        return 0;
    CHECK(status);
    uint64_t key[1] = {id};
    status = shard_first(s, TABLE_MESSAGE, INDEX_PRIMARY, 1, 1, key, false, &row);
    if (status != E_NOTFOUND)
        return status; /* a message's tombstone is still there: the last one to go calls again */
    bool more;
    CHECK(drop_members(s, id, &more));
    if (!more)
        CHECK(invite_drop(s, id, &more));
    if (more)
        return shard_timer(s, s->now_us, TIMER_AGE, id, 0, conv.c[CONV_deletion]);
    note_stage(s, NOTE_REAP, id, 0, conv.c[CONV_deletion]);
    shard_wipe_first(s);
    return shard_del(s, TABLE_CONV, &conv);
}

static int reap_message(struct shard *s, conv_id conv, msg_id target)
{
    struct row message;
    int status = get_message(s, conv, target, &message);
    if (status == E_NOTFOUND || (status == 0 && message.c[MESSAGE_state] != MESSAGE_PURGED))
        return 0;
    CHECK(status);
    note_stage(s, NOTE_REAP, conv, target, message.c[MESSAGE_deletion]);
    shard_wipe_first(s);
    CHECK(shard_del(s, TABLE_MESSAGE, &message));
    return conv_reap(s, conv, 0);
}

int conv_reap(struct shard *s, conv_id conv, msg_id target)
{
    bool waits;
    CHECK(waiting(s, conv, target, &waits));
    struct row tombstone;
    uint64_t purged_at = s->now_us;
    if (waits && decide_age_us(s->policy) != TIME_NEVER && target && get_message(s, conv, target, &tombstone) == 0)
        purged_at = tombstone.c[MESSAGE_deadline];
    if (!decide_reaps(s->policy) || !decide_reap_now(s->policy, waits, s->now_us - purged_at))
        return 0;
    return target ? reap_message(s, conv, target) : reap_conv(s, conv);
}

int conv_applied(struct shard *s, shard_id destination, uint64_t number)
{
    for (;;) {
        struct row row;
        uint64_t key[1] = {destination};
        int status = shard_first(s, TABLE_WAITS, INDEX_PRIMARY, 1, 1, key, false, &row);
        if (status == E_NOTFOUND || (status == 0 && row.c[WAITS_number] > number))
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_WAITS, &row));
        CHECK(conv_reap(s, row.c[WAITS_conv], row.c[WAITS_target]));
    }
}
