/*
 * shard_rebase.c: what a restored shard and the others tell each other, so that both know again where they stand (C4,
 * B4, B6).
 *
 * Method: a REBASE is a block of entries on the ordinary channel: BEGIN, one ITEM a member that lives there of each
 * conversation here, a HOLD a user here that is held, END. Entries do not outlive their confirmation, so a restored
 * receiver cannot be sent what it lacks; it is told what all of it came to. asked     the restored shard asks every
 * other one (REBASE_Q, again until the block begins). Who is asked drops what it had on its way there, sends the block,
 * and then again what no block replaces. BEGIN names the incarnation that asked, and is the one entry that the restored
 * shard takes out of turn: its number is where the channel goes on. Hellos wait for the END of every block (B6).
 *   unasked   a restored shard opens each of its channels with a block. When its END comes, the receiver's index of
 *             conversations there is what the block says, every user who had or has one of them is fenced, all devices,
 *             so that each resets (B4), and operations forwarded there without a result are asked for again.
 * Limit: a block is made in one step.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

bool rebase_awaits(const struct shard *s, const struct row *in)
{
    return s->restored && in->c[CHANNEL_IN_source] != s->id && in->c[CHANNEL_IN_rebasing] != s->restored &&
           decide_rebases(s->policy);
}

bool rebase_opens(const struct shard *s, const struct row *in, const struct wire *w)
{
    return rebase_awaits(s, in) && w->kind == WIRE_REBASE && w->flags == REBASE_BEGIN && w->reset_id == s->restored;
}

int rebase_known(struct shard *s)
{
    s->rebasing = false;
    for (shard_id source = 0; s->restored && source < s->count; source++) {
        struct row in;
        CHECK(channel_in(s, source, &in));
        s->rebasing =
            s->rebasing || (source != s->id && in.c[CHANNEL_IN_rebased] != s->restored && decide_rebases(s->policy));
    }
    return 0;
}

/* ---- sending ---- */

struct members {
    struct shard *s;
    struct row *rows;
    size_t count, cap;
    shard_id home;
};

static int collect_member(void *ctx, const struct row *member)
{
    struct members *m = ctx;
    if (member->c[MEMBER_until] || shard_of_user((user_id)member->c[MEMBER_user], m->s->count) != m->home)
        return 0;
    m->rows = base_grow(m->rows, &m->cap, m->count + 1, sizeof *m->rows);
    m->rows[m->count++] = *member;
    return 0;
}

/* One who is invited has the conversation in their index too, as a member without a role. */
static int collect_invited(void *ctx, conv_id conv, user_id user)
{
    return collect_member(ctx, &(struct row){.c = {[MEMBER_conv] = conv, [MEMBER_user] = user}});
}

static int members_of(struct shard *s, shard_id home, struct members *m)
{
    struct store_range range = {.table = TABLE_MEMBER, .index = INDEX_PRIMARY};
    *m = (struct members){.s = s, .home = home};
    int status = s->store->ops->scan(s->store, &range, collect_member, m);
    if (status >= 0)
        status = invite_each_open(s, collect_invited, m);
    return status < 0 ? status : 0;
}

/* What a member has in their index (HOLDS_state), less one. */
static uint8_t index_state(const struct row *member, const struct row *conv)
{
    if (member->c[MEMBER_role] == ROLE_NONE)
        return HOLDS_INVITED - 1;
    return conv->c[CONV_state] != CONV_ACTIVE;
}

static int say(struct shard *s, shard_id to, enum rebase_stage stage, uint32_t asked, const struct row *member)
{
    struct wire w = {.kind = WIRE_REBASE, .flags = (uint8_t)stage, .reset_id = asked};
    if (member) {
        struct row conv = {.c = {[CONV_id] = member->c[MEMBER_conv]}};
        int status = shard_get(s, TABLE_CONV, &conv);
        if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] == CONV_PURGED))
            return 0;
        CHECK(status);
        w.user = (user_id)member->c[MEMBER_user];
        w.conv = conv.c[CONV_id];
        w.version = conv.c[CONV_version];
        w.early = index_state(member, &conv);
    }
    return channel_send(s, to, &w, NULL);
}

static int send_block(struct shard *s, shard_id to, uint32_t asked)
{
    struct members m;
    int status = members_of(s, to, &m);
    if (status >= 0)
        status = say(s, to, REBASE_BEGIN, asked, NULL);
    for (size_t i = 0; status >= 0 && i < m.count; i++)
        status = say(s, to, REBASE_ITEM, asked, &m.rows[i]);
    if (status >= 0)
        status = hold_tell(s, to);
    if (status >= 0)
        status = say(s, to, REBASE_END, asked, NULL);
    free(m.rows);
    return status < 0 ? status : 0;
}

static int send_again(struct shard *s, shard_id to, struct row *kept, size_t count)
{
    int status = 0;
    for (size_t i = 0; status >= 0 && i < count; i++)
        status = channel_send_row(s, to, &kept[i]);
    free(kept);
    return status < 0 ? status : 0;
}

int rebase_answer(struct shard *s, shard_id asks, uint32_t as)
{
    struct row out, *kept;
    size_t count;
    CHECK(channel_out(s, asks, &out));
    if (out.c[CHANNEL_OUT_rebased] >= as)
        return 0; /* the block is on its way */
    CHECK(channel_cut(s, asks, true, &kept, &count));
    CHECK(channel_out(s, asks, &out));
    out.c[CHANNEL_OUT_rebased] = as;
    out.c[CHANNEL_OUT_confirmed] = out.c[CHANNEL_OUT_applied] = out.c[CHANNEL_OUT_next] - 1;
    int status = shard_put(s, TABLE_CHANNEL_OUT, &out);
    if (status >= 0)
        status = send_block(s, asks, as);
    if (status < 0)
        free(kept);
    CHECK(status);
    CHECK(send_again(s, asks, kept, count));
    CHECK(life_tell_retired(s, asks));
    return conv_applied(s, asks, out.c[CHANNEL_OUT_applied]); /* whoever lives there resets */
}

/* ---- receiving ---- */

struct affected { /* users, perhaps several times */
    struct shard *s;
    shard_id home;
    struct row *rows;
    size_t count, cap;
};

static int collect(struct affected *a, const struct row *row)
{
    a->rows = base_grow(a->rows, &a->cap, a->count + 1, sizeof *a->rows);
    a->rows[a->count++] = *row;
    return 0;
}

static int collect_held(void *ctx, const struct row *row)
{
    struct affected *a = ctx;
    return shard_of_conv(a->s->policy, row->c[HOLDS_conv], a->s->count) == a->home ? collect(a, row) : 0;
}

static int collect_logged(void *ctx, const struct row *row)
{
    return collect(ctx, row);
}

static int entries_of(struct shard *s, uint64_t source, struct affected *a)
{
    struct store_range range = {
        .table = TABLE_LOG, .index = INDEX_LOG_BY_NUMBER, .fixed = 1, .given = 1, .key = {source}};
    int status = s->store->ops->scan(s->store, &range, collect_logged, a);
    return status < 0 ? status : 0;
}

/* Entries of the past that is lost: their numbers mean nothing any more. They go with the reset of their readers. */
static int begin_block(struct shard *s, shard_id source)
{
    struct affected a = {.s = s};
    int status = entries_of(s, source, &a);
    for (size_t i = 0; status >= 0 && i < a.count; i++) {
        a.rows[i].c[LOG_source] = LOG_SOURCE_LOST;
        status = shard_put(s, TABLE_LOG, &a.rows[i]);
    }
    free(a.rows);
    return status < 0 ? status : 0;
}

/* A reset that waits for snapshots may wait for one whose question was lost. */
static int collect_waiting(void *ctx, const struct row *device)
{
    struct row row = {.c = {[LOG_user] = device->c[DEVICE_user]}};
    return device->c[DEVICE_awaits] ? collect(ctx, &row) : 0;
}

static int by_user(const void *a, const void *b)
{
    user_id x = *(const user_id *)a, y = *(const user_id *)b;
    return (x > y) - (x < y);
}

static int fence_users(struct shard *s, const struct affected *held, const struct affected *logged)
{
    size_t count = 0;
    user_id *users = base_alloc((held->count + logged->count + 1) * sizeof *users);
    for (size_t i = 0; i < held->count; i++)
        users[count++] = (user_id)held->rows[i].c[HOLDS_user];
    for (size_t i = 0; i < logged->count; i++)
        users[count++] = (user_id)logged->rows[i].c[LOG_user];
    qsort(users, count, sizeof *users, by_user);
    int status = 0;
    for (size_t i = 0; status >= 0 && i < count; i++)
        if ((i == 0 || users[i] != users[i - 1]) && decide_restore_tells(s->policy))
            status = user_fence_all(s, users[i]);
    free(users);
    return status < 0 ? status : 0;
}

static int end_block(struct shard *s, shard_id source, uint32_t incarnation)
{
    struct affected held = {.s = s, .home = source}, logged = {.s = s};
    struct store_range range = {.table = TABLE_HOLDS, .index = INDEX_PRIMARY};
    int status = s->store->ops->scan(s->store, &range, collect_held, &held);
    for (size_t i = 0; status >= 0 && i < held.count; i++)
        if (held.rows[i].c[HOLDS_seen] != incarnation)
            status = shard_del(s, TABLE_HOLDS, &held.rows[i]);
    if (status >= 0)
        status = entries_of(s, LOG_SOURCE_LOST, &logged);
    range.table = TABLE_DEVICE;
    if (status >= 0)
        status = s->store->ops->scan(s->store, &range, collect_waiting, &logged);
    if (status >= 0)
        status = fence_users(s, &held, &logged);
    free(held.rows);
    free(logged.rows);
    CHECK(status);
    return user_again(s, source);
}

static int index_item(struct shard *s, const struct wire *w)
{
    struct row row = {.c = {[HOLDS_user] = w->user, [HOLDS_conv] = w->conv, [HOLDS_version] = w->version}};
    row.c[HOLDS_state] = 1 + (uint64_t)w->early;
    row.c[HOLDS_seen] = w->incarnation;
    return shard_put(s, TABLE_HOLDS, &row);
}

static int finish_answer(struct shard *s, shard_id source)
{
    struct row in;
    CHECK(channel_in(s, source, &in));
    in.c[CHANNEL_IN_rebased] = s->restored;
    CHECK(shard_put(s, TABLE_CHANNEL_IN, &in));
    return rebase_known(s);
}

int rebase_entry(struct shard *s, shard_id source, const struct wire *w)
{
    bool asked = w->reset_id != 0;
    if (asked && w->reset_id != s->restored)
        return 0; /* of a restore before the last */
    switch (w->flags) {
        case REBASE_BEGIN:
            return asked ? 0 : begin_block(s, source);
        case REBASE_ITEM:
            return index_item(s, w);
        default:
            CHECK(hold_told(s, source, w->incarnation));
            return asked ? finish_answer(s, source) : end_block(s, source, w->incarnation);
    }
}

/* ---- the restored shard ---- */

static int index_own(struct shard *s)
{
    struct members m;
    int status = members_of(s, s->id, &m);
    for (size_t i = 0; status >= 0 && i < m.count; i++) {
        struct row conv = {.c = {[CONV_id] = m.rows[i].c[MEMBER_conv]}};
        status = shard_get(s, TABLE_CONV, &conv);
        if (status == E_NOTFOUND)
            status = 0;
        else if (status == 0)
            status = index_item(s, &(struct wire){.user = (user_id)m.rows[i].c[MEMBER_user],
                                                  .conv = conv.c[CONV_id],
                                                  .version = conv.c[CONV_version],
                                                  .early = index_state(&m.rows[i], &conv),
                                                  .incarnation = s->incarnation});
    }
    free(m.rows);
    return status < 0 ? status : 0;
}

/*
 * What was done again has sent under the numbers of a channel that begins anew now, in this incarnation: another entry
 * will have each of them, and would be taken for this one. What matters is in the outbox, and is sent again.
 */
static void unsay(struct out *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < out->msg_count; i++)
        if (out->msgs[i].to != OUT_TO_SHARD)
            out->msgs[kept++] = out->msgs[i];
    out->msg_count = kept;
}

int rebase_start(struct shard *s)
{
    unsay(s->out);
    CHECK(index_own(s));
    for (shard_id to = 0; to < s->count; to++) {
        struct row out, *kept;
        size_t count;
        if (to == s->id)
            continue;
        CHECK(channel_cut(s, to, false, &kept, &count));
        out = (struct row){.c = {[CHANNEL_OUT_destination] = to, [CHANNEL_OUT_next] = 1}};
        int status = shard_put(s, TABLE_CHANNEL_OUT, &out);
        if (status >= 0)
            status = send_block(s, to, 0);
        if (status < 0)
            free(kept);
        CHECK(status);
        CHECK(send_again(s, to, kept, count));
        CHECK(life_tell_retired(s, to));
        out_send(s->out, OUT_TO_SHARD, to)->kind = WIRE_REBASE_Q;
        s->out->msgs[s->out->msg_count - 1].wire.incarnation = s->incarnation;
    }
    return 0;
}
