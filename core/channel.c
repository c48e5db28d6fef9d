/*
 * channel.c: one channel per ordered pair of shards, first-in first-out and exactly once, over datagrams that may be
 * lost, repeated or reordered.
 *
 * Method (C1, C3): the sender numbers entries densely in the transaction that creates them and keeps them until the
 * receiver confirmed; the receiver processes number h+1 only, and stores h with the effect. A gap is reported at once
 * and its first entry resent; whatever is unconfirmed is resent with a doubling delay. The channel to oneself has
 * numbers too, but takes effect in the same transaction.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

static int pack(struct shard *s, shard_id destination, uint64_t number, const struct wire *w, struct row *row)
{
    *row = (struct row){.c = {[OUTBOX_destination] = destination,
                              [OUTBOX_number] = number,
                              [OUTBOX_kind] = w->kind,
                              [OUTBOX_user] = w->user,
                              [OUTBOX_device] = w->device,
                              [OUTBOX_op] = w->op,
                              [OUTBOX_conv] = w->conv,
                              [OUTBOX_target] = w->target,
                              [OUTBOX_version] = w->version,
                              [OUTBOX_actor] = w->actor,
                              [OUTBOX_subject] = w->subject,
                              [OUTBOX_named] = w->named,
                              [OUTBOX_at] = w->at_us,
                              [OUTBOX_page] = (uint64_t)w->page | (uint64_t)w->pages << 32,
                              [OUTBOX_reset_id] = w->reset_id,
                              [OUTBOX_sent] = w->sent,
                              [OUTBOX_reply] = w->reply,
                              [OUTBOX_period] = w->period_us,
                              [OUTBOX_blob] = w->blob}};
    row->c[OUTBOX_words] = (uint64_t)w->operation | (uint64_t)w->entry << 8 | (uint64_t)w->outcome << 16 |
                           (uint64_t)w->why << 24 | (uint64_t)w->conv_kind << 32 | (uint64_t)w->role << 40 |
                           (uint64_t)w->flags << 48 | (uint64_t)w->early << 56;
    return vault_seal(s, w, &row->body);
}

static int unpack(struct shard *s, const struct row *row, struct wire *w)
{
    uint64_t words = row->c[OUTBOX_words];
    *w = (struct wire){.kind = (uint8_t)row->c[OUTBOX_kind],
                       .operation = (uint8_t)words,
                       .entry = (uint8_t)(words >> 8),
                       .outcome = (uint8_t)(words >> 16),
                       .why = (uint8_t)(words >> 24),
                       .conv_kind = (uint8_t)(words >> 32),
                       .role = (uint8_t)(words >> 40),
                       .flags = (uint8_t)(words >> 48),
                       .early = (uint8_t)(words >> 56),
                       .user = (user_id)row->c[OUTBOX_user],
                       .device = (device_id)row->c[OUTBOX_device],
                       .op = (uint32_t)row->c[OUTBOX_op],
                       .conv = row->c[OUTBOX_conv],
                       .target = row->c[OUTBOX_target],
                       .version = row->c[OUTBOX_version],
                       .actor = (user_id)row->c[OUTBOX_actor],
                       .subject = (user_id)row->c[OUTBOX_subject],
                       .named = row->c[OUTBOX_named],
                       .at_us = row->c[OUTBOX_at],
                       .page = (uint32_t)row->c[OUTBOX_page],
                       .pages = (uint32_t)(row->c[OUTBOX_page] >> 32),
                       .reset_id = (uint32_t)row->c[OUTBOX_reset_id],
                       .sent = row->c[OUTBOX_sent],
                       .reply = row->c[OUTBOX_reply],
                       .period_us = row->c[OUTBOX_period],
                       .blob = row->c[OUTBOX_blob],
                       .number = row->c[OUTBOX_number]};
    bool gone;
    CHECK(vault_open(s, w, &row->body, &gone));
    if (gone && w->kind == WIRE_FANOUT) /* purged while it waited: its number still has to arrive */
        w->entry = ENTRY_VOID;
    if (gone && w->kind == WIRE_SNAPSHOT)
        w->flags |= ITEM_DELETED;
    return 0;
}

int channel_out(struct shard *s, shard_id destination, struct row *row)
{
    *row = (struct row){.c = {[CHANNEL_OUT_destination] = destination, [CHANNEL_OUT_next] = 1}};
    int status = shard_get(s, TABLE_CHANNEL_OUT, row);
    return status == E_NOTFOUND ? 0 : status;
}

int channel_in(struct shard *s, shard_id source, struct row *row)
{
    *row = (struct row){.c = {[CHANNEL_IN_source] = source}};
    int status = shard_get(s, TABLE_CHANNEL_IN, row);
    return status == E_NOTFOUND ? 0 : status;
}

static void await_answer(struct shard *s, shard_id destination)
{
    struct channel *c = &s->channels[destination];
    if (decide_paces(s->policy)) { /* its patience begins with what is confirmed, not with each entry */
        if (c->retry_at_us == TIME_NEVER) {
            c->backoff_us = pace_patience(c);
            c->retry_at_us = s->now_us + c->backoff_us;
        }
        return;
    }
    c->backoff_us = CHANNEL_RETRY_US;
    if (c->retry_at_us == TIME_NEVER || c->retry_at_us > s->now_us + c->backoff_us)
        c->retry_at_us = s->now_us + c->backoff_us;
}

static int transmit(struct shard *s, shard_id destination, const struct row *row)
{
    struct wire wire;
    CHECK(unpack(s, row, &wire));
    wire.incarnation = s->incarnation;
    *out_send(s->out, OUT_TO_SHARD, destination) = wire;
    return 0;
}

/* The entry takes effect in the transaction that made it. */
static int send_here(struct shard *s, struct wire *wire, uint64_t *number)
{
    struct row in;
    CHECK(channel_in(s, s->id, &in));
    wire->number = ++in.c[CHANNEL_IN_number];
    in.c[CHANNEL_IN_incarnation] = s->incarnation;
    CHECK(shard_put(s, TABLE_CHANNEL_IN, &in));
    if (number)
        *number = wire->number;
    return shard_entry(s, s->id, wire);
}

int channel_send(struct shard *s, shard_id destination, const struct wire *wire, uint64_t *number)
{
    if (destination == s->id) {
        struct wire copy = *wire;
        return send_here(s, &copy, number);
    }
    struct row out;
    CHECK(channel_out(s, destination, &out));
    uint64_t n = out.c[CHANNEL_OUT_next]++;
    CHECK(shard_put(s, TABLE_CHANNEL_OUT, &out));
    struct row row;
    CHECK(pack(s, destination, n, wire, &row));
    CHECK(shard_put(s, TABLE_OUTBOX, &row));
    if (decide_paces(s->policy) ? pace_lets_out(&s->channels[destination], &out, n, s->now_us)
                                : n <= out.c[CHANNEL_OUT_confirmed] + CHANNEL_WINDOW)
        CHECK(transmit(s, destination, &row));
    await_answer(s, destination);
    if (number)
        *number = n;
    return 0;
}

int channel_send_row(struct shard *s, shard_id destination, struct row *row)
{
    struct row out;
    CHECK(channel_out(s, destination, &out));
    struct row wait = {.c = {[WAITS_destination] = destination, [WAITS_number] = row->c[OUTBOX_number]}};
    row->c[OUTBOX_number] = out.c[CHANNEL_OUT_next]++;
    int status = shard_get(s, TABLE_WAITS, &wait);
    if (status == 0) { /* a tombstone waits for this entry, by its number */
        CHECK(shard_del(s, TABLE_WAITS, &wait));
        wait.c[WAITS_number] = row->c[OUTBOX_number];
        status = shard_put(s, TABLE_WAITS, &wait);
    }
    if (status < 0 && status != E_NOTFOUND)
        return status;
    CHECK(shard_put(s, TABLE_CHANNEL_OUT, &out));
    await_answer(s, destination);
    return shard_put(s, TABLE_OUTBOX, row); /* its retry transmits it: it waited before */
}

/* After a restore: what went to `destination` and was not confirmed. */
struct cut {
    struct row *all;
    size_t count, cap;
};

static int collect_cut(void *ctx, const struct row *row)
{
    struct cut *cut = ctx;
    cut->all = base_grow(cut->all, &cut->cap, cut->count + 1, sizeof *cut->all);
    cut->all[cut->count++] = *row;
    return 0;
}

int channel_cut(struct shard *s, shard_id destination, bool lasting, struct row **rows, size_t *count)
{
    struct cut cut = {0};
    struct store_range range = {.table = TABLE_OUTBOX, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = destination;
    int status = s->store->ops->scan(s->store, &range, collect_cut, &cut);
    *count = 0;
    for (size_t i = 0; status >= 0 && i < cut.count; i++) {
        uint64_t kind = cut.all[i].c[OUTBOX_kind];
        status = shard_del(s, TABLE_OUTBOX, &cut.all[i]);
        if (kind == WIRE_RESULT || kind == WIRE_ORDER || kind == WIRE_ORDER_DONE ||
            ((kind == WIRE_HOLD || kind == WIRE_FORWARD || kind == WIRE_FANOUT || kind == WIRE_SNAPSHOT_Q) && lasting))
            cut.all[(*count)++] = cut.all[i];
    }
    *rows = cut.all;
    if (status < 0)
        free(cut.all);
    return status < 0 ? status : 0;
}

struct resend {
    struct shard *s;
    shard_id destination;
    uint64_t last;
};

static int resend_visit(void *ctx, const struct row *row)
{
    struct resend *r = ctx;
    if (row->c[OUTBOX_number] > r->last)
        return 1;
    return transmit(r->s, r->destination, row);
}

static int resend(struct shard *s, shard_id destination, uint64_t first, uint64_t last)
{
    struct store_range range = {.table = TABLE_OUTBOX, .index = INDEX_PRIMARY, .fixed = 1, .given = 2};
    range.key[0] = destination;
    range.key[1] = first;
    struct resend r = {s, destination, last};
    int status = s->store->ops->scan(s->store, &range, resend_visit, &r);
    return status < 0 ? status : 0;
}

/* The highest number that every unfenced device behind this shard has acknowledged. */
static int applied_of(struct shard *s, shard_id source, uint64_t high, uint64_t *applied)
{
    struct row log;
    uint64_t key[1] = {source};
    int status = shard_first(s, TABLE_LOG, INDEX_LOG_BY_NUMBER, 1, 1, key, false, &log);
    if (status == E_NOTFOUND || (status == 0 && decide_appended_is_applied(s->policy)))
        *applied = high;
    else if (status == 0)
        *applied = log.c[LOG_number] - 1;
    return status == E_NOTFOUND ? 0 : status;
}

static int tell(struct shard *s, shard_id source, struct row *in)
{
    uint64_t applied = 0;
    CHECK(applied_of(s, source, in->c[CHANNEL_IN_number], &applied));
    bool moved = applied > in->c[CHANNEL_IN_applied_told];
    if (moved) {
        in->c[CHANNEL_IN_applied_told] = applied;
        CHECK(shard_put(s, TABLE_CHANNEL_IN, in));
    }
    if (source == s->id)
        return moved ? conv_applied(s, s->id, applied) : 0;
    struct wire *ack = out_send(s->out, OUT_TO_SHARD, source);
    ack->kind = WIRE_CHANNEL_ACK;
    ack->number = in->c[CHANNEL_IN_number];
    ack->applied = applied;
    ack->incarnation = (uint32_t)in->c[CHANNEL_IN_incarnation];
    return 0;
}

int channel_tell_applied(struct shard *s)
{
    while (s->dirty_sources) {
        shard_id source = (shard_id)__builtin_ctzll(s->dirty_sources);
        s->dirty_sources &= s->dirty_sources - 1;
        struct row in;
        CHECK(channel_in(s, source, &in));
        CHECK(tell(s, source, &in));
    }
    return 0;
}

/* Flawed: any order, with a set of what came ahead of its turn. Returns 1 when the entry must take effect now. */
static int take_unordered(struct shard *s, shard_id source, uint64_t number, struct row *in)
{
    struct row ahead = {.c = {[AHEAD_source] = source, [AHEAD_number] = number}};
    int seen = shard_get(s, TABLE_AHEAD, &ahead);
    if (number <= in->c[CHANNEL_IN_number] || seen == 0)
        return 0;
    CHECK(shard_put(s, TABLE_AHEAD, &ahead));
    for (;;) {
        struct row next = {.c = {[AHEAD_source] = source, [AHEAD_number] = in->c[CHANNEL_IN_number] + 1}};
        if (shard_get(s, TABLE_AHEAD, &next) != 0)
            return 1;
        in->c[CHANNEL_IN_number]++;
        CHECK(shard_del(s, TABLE_AHEAD, &next));
    }
}

static void note_receipt(struct shard *s, shard_id source, const struct wire *wire, enum note_kind kind)
{
    struct note *note = shard_note(s, kind);
    note->source = source;
    note->incarnation = wire->incarnation;
    note->number = wire->number;
}

static int take_entry(struct shard *s, shard_id source, const struct wire *wire, struct row *in)
{
    note_receipt(s, source, wire, NOTE_RECEIVE);
    CHECK(shard_put(s, TABLE_CHANNEL_IN, in));
    CHECK(shard_entry(s, source, wire));
    return channel_in(s, source, in); /* the effect may have truncated a log */
}

/* Before its turn: waited for (C1), in memory, or the sender would have to say it again. */
static void keep_ahead(struct shard *s, shard_id source, const struct wire *wire, const struct row *in)
{
    struct channel *c = &s->channels[source];
    if (!decide_keeps_ahead(s->policy) || wire->number > in->c[CHANNEL_IN_number] + CHANNEL_WINDOW)
        return;
    if (!c->ahead)
        c->ahead = base_alloc(CHANNEL_WINDOW * sizeof *c->ahead);
    c->ahead[wire->number % CHANNEL_WINDOW] = *wire;
}

/* What waited for the entry that has just been taken takes effect in the same step. */
static int take_ahead(struct shard *s, shard_id source, struct row *in)
{
    struct channel *c = &s->channels[source];
    while (c->ahead) {
        uint64_t next = in->c[CHANNEL_IN_number] + 1;
        struct wire wire = c->ahead[next % CHANNEL_WINDOW];
        if (wire.number != next || wire.incarnation != in->c[CHANNEL_IN_incarnation])
            break;
        in->c[CHANNEL_IN_number] = next;
        CHECK(take_entry(s, source, &wire, in));
    }
    return 0;
}

static int receive_entry(struct shard *s, shard_id source, const struct wire *wire)
{
    struct row in;
    CHECK(channel_in(s, source, &in));
    if (wire->incarnation < in.c[CHANNEL_IN_incarnation])
        return 0; /* C3: of a past that was lost */
    if (wire->incarnation > in.c[CHANNEL_IN_incarnation]) {
        in.c[CHANNEL_IN_incarnation] = wire->incarnation;
        if (decide_channel_renews(s->policy))
            in.c[CHANNEL_IN_number] = 0;
        in.c[CHANNEL_IN_applied_told] = 0;
        if (s->restored && in.c[CHANNEL_IN_rebased] != s->restored && in.c[CHANNEL_IN_rebasing]) {
            in.c[CHANNEL_IN_rebasing] = 0; /* restored while it told what it has: the rest never comes, ask again */
            await_answer(s, source);
            CHECK(shard_put(s, TABLE_CHANNEL_IN, &in));
        }
    }
    int take;
    if (rebase_awaits(s, &in)) {
        take = rebase_opens(s, &in, wire);
        if (!take)
            return 0; /* of before the restore, or ahead of the block that says where the channel goes on */
        in.c[CHANNEL_IN_number] = wire->number;
        in.c[CHANNEL_IN_applied_told] = 0;
        in.c[CHANNEL_IN_rebasing] = s->restored;
    } else if (decide_channel_in_order(s->policy)) {
        take = wire->number == in.c[CHANNEL_IN_number] + 1;
        in.c[CHANNEL_IN_number] += (uint64_t)take;
        take = take || (decide_channel_repeats(s->policy) && wire->number <= in.c[CHANNEL_IN_number]);
    } else {
        take = take_unordered(s, source, wire->number, &in);
        CHECK(take);
    }
    if (take) {
        CHECK(take_entry(s, source, wire, &in));
        CHECK(take_ahead(s, source, &in));
    } else if (wire->number <= in.c[CHANNEL_IN_number]) {
        note_receipt(s, source, wire, NOTE_REPEAT);
    } else {
        keep_ahead(s, source, wire, &in);
    }
    s->dirty_sources &= ~(1ULL << source);
    return tell(s, source, &in);
}

/* Nothing is unconfirmed: is a tombstone still waiting for this destination? */
static int waits_for(struct shard *s, shard_id destination, bool *waits)
{
    struct row row;
    uint64_t key[1] = {destination};
    int status = shard_first(s, TABLE_WAITS, INDEX_PRIMARY, 1, 1, key, false, &row);
    *waits = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int drop_confirmed(struct shard *s, shard_id destination, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        struct row row = {.c = {[OUTBOX_destination] = destination, [OUTBOX_number] = n}};
        CHECK(shard_get(s, TABLE_OUTBOX, &row));
        CHECK(shard_del(s, TABLE_OUTBOX, &row));
        struct wire w = {.device = (device_id)row.c[OUTBOX_device], .op = (uint32_t)row.c[OUTBOX_op]};
        if (row.c[OUTBOX_kind] == WIRE_FORWARD && row.body.form == 1)
            CHECK(vault_destroy_forward(s, &w));
    }
    return 0;
}

static int send_paced(struct shard *s, shard_id destination, const struct row *out)
{
    uint64_t first, last = pace_next(&s->channels[destination], out, s->now_us, &first);
    return first <= last ? resend(s, destination, first, last) : 0;
}

/* Entries that waited for these to be confirmed may leave now. */
static int send_more(struct shard *s, shard_id destination, const struct row *out, uint64_t before)
{
    struct channel *c = &s->channels[destination];
    uint64_t last = out->c[CHANNEL_OUT_next] - 1, confirmed = out->c[CHANNEL_OUT_confirmed];
    if (decide_paces(s->policy)) {
        pace_confirmed(c, out, before, s->now_us);
        c->retry_at_us = TIME_NEVER;
        CHECK(send_paced(s, destination, out));
    } else if (before + CHANNEL_WINDOW < last) {
        CHECK(resend(s, destination, before + CHANNEL_WINDOW + 1, confirmed + CHANNEL_WINDOW));
    }
    await_answer(s, destination);
    return 0;
}

static int receive_ack(struct shard *s, shard_id source, const struct wire *ack)
{
    struct row out;
    CHECK(channel_out(s, source, &out));
    if (ack->incarnation != s->incarnation || ack->number >= out.c[CHANNEL_OUT_next])
        return 0;
    uint64_t confirmed = out.c[CHANNEL_OUT_confirmed], last = out.c[CHANNEL_OUT_next] - 1;
    if (ack->number > confirmed) {
        CHECK(drop_confirmed(s, source, confirmed + 1, ack->number));
        out.c[CHANNEL_OUT_confirmed] = ack->number;
        CHECK(send_more(s, source, &out, confirmed));
    } else if (ack->number < (decide_paces(s->policy) ? s->channels[source].sent_to : last) &&
               s->channels[source].hurried != ack->number + 1) {
        s->channels[source].hurried = ack->number + 1; /* a gap was reported: fill it, once */
        CHECK(resend(s, source, ack->number + 1, ack->number + 1));
    }
    uint64_t applied = ack->applied < ack->number ? ack->applied : ack->number; /* what came: no more can be applied */
    if (applied > out.c[CHANNEL_OUT_applied])
        out.c[CHANNEL_OUT_applied] = applied;
    CHECK(shard_put(s, TABLE_CHANNEL_OUT, &out));
    CHECK(conv_applied(s, source, out.c[CHANNEL_OUT_applied]));
    bool waits;
    CHECK(waits_for(s, source, &waits));
    struct row in;
    CHECK(channel_in(s, source, &in));
    if (out.c[CHANNEL_OUT_confirmed] == last && !waits && !rebase_awaits(s, &in))
        s->channels[source].retry_at_us = TIME_NEVER;
    return 0;
}

int channel_receive(struct shard *s, shard_id source, const struct wire *wire)
{
    if (source >= s->count || source == s->id)
        return 0;
    if (wire->kind == WIRE_FETCH)
        return blob_question(s, source, wire);
    if (wire->kind == WIRE_PART)
        return blob_answered(s, source, wire);
    if (wire->kind == WIRE_REBASE_Q)
        return rebase_answer(s, source, wire->incarnation);
    if (wire->kind == WIRE_TYPING)
        return typing_passed_on(s, source, wire);
    if (wire->kind != WIRE_CHANNEL_ACK)
        return receive_entry(s, source, wire);
    if (!wire->reset)
        return receive_ack(s, source, wire);
    struct row in; /* a question: how far are you? */
    CHECK(channel_in(s, source, &in));
    return tell(s, source, &in);
}

static int channel_retry(struct shard *s, shard_id destination)
{
    struct channel *c = &s->channels[destination];
    struct row out;
    CHECK(channel_out(s, destination, &out));
    uint64_t confirmed = out.c[CHANNEL_OUT_confirmed], last = out.c[CHANNEL_OUT_next] - 1;
    bool waits;
    CHECK(waits_for(s, destination, &waits));
    struct row in;
    CHECK(channel_in(s, destination, &in));
    bool asks = rebase_awaits(s, &in);
    if (confirmed == last && !waits && !asks) {
        c->retry_at_us = TIME_NEVER;
        return 0;
    }
    uint64_t most = confirmed < last || asks ? CHANNEL_RETRY_MAX_US : CHANNEL_ASK_MAX_US;
    c->backoff_us = c->backoff_us ? c->backoff_us * 2 : CHANNEL_RETRY_US;
    if (c->backoff_us > most)
        c->backoff_us = most;
    c->retry_at_us = s->now_us + c->backoff_us;
    c->hurried = 0;
    if (asks) {
        struct wire *ask = out_send(s->out, OUT_TO_SHARD, destination);
        ask->kind = WIRE_REBASE_Q;
        ask->incarnation = s->restored;
    }
    if (confirmed < last && decide_paces(s->policy)) {
        pace_lost(c, &out);
        return send_paced(s, destination, &out);
    }
    if (confirmed < last) {
        uint64_t end = confirmed + CHANNEL_WINDOW;
        return resend(s, destination, confirmed + 1, end < last ? end : last);
    }
    if (asks)
        return 0;
    struct wire *ask = out_send(s->out, OUT_TO_SHARD, destination);
    ask->kind = WIRE_CHANNEL_ACK;
    ask->reset = 1;
    return 0;
}

int channel_timers(struct shard *s)
{
    for (shard_id d = 0; d < s->count; d++)
        if (s->channels[d].retry_at_us <= s->now_us)
            CHECK(channel_retry(s, d));
    return 0;
}

int channel_start(struct shard *s)
{
    for (shard_id d = 0; d < s->count; d++)
        if (d != s->id)
            s->channels[d].retry_at_us = s->now_us + CHANNEL_RETRY_US;
    return 0;
}
