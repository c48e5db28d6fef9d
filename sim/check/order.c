/*
 * order.c: closed-conversation, early-delete, undo-is-atomic, duplicate-safe: what the order of decisions allows.
 *
 * A deletion that was taken before its target (an `early` record, a commit or an acknowledgement before the send's
 * commit) is a claim on the message. A claim that is not refused forbids every confirmed show until an undo.
 */
#include "sim/check/state.h"

/* ---- closed-conversation ---- */

static bool allowed_when_deleted(enum word what)
{
    return what == WORD_UNDO_CONV || what == WORD_DELETE || what == WORD_UNDO || what == WORD_DELETE_CONV ||
           what == WORD_DELETE_ME || what == WORD_CLEAR || what == WORD_HOLD || what == WORD_RELEASE ||
           what == WORD_DELETE_ALL;
}

static void closed_commit(struct check *c, const struct event *e)
{
    const struct target *t = &c->convs[e->conv].target;
    if (!e->conv || !t->deleted)
        return;
    if (allowed_when_deleted(e->what) || record_has(e->r, FIELD_REASON)) { /* a part of a job: it takes, and adds not */
        judge(c, INVARIANT_CLOSED_CONVERSATION);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_CLOSED_CONVERSATION, "a %s was accepted in %s after its deletion",
                                nm(c, c->words[e->what]), nm(c, c->convs[e->conv].name));
    chain_kept(c, v, c->changes[t->last].kept);
    chain_now(c, v);
}

static void closed_show(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    const struct target *t = &c->convs[m->conv].target;
    const struct change *deletion = c->inside ? target_current(c, t) : NULL;
    if (deletion && word_of(c, record_get(e->r, FIELD_COPY)) == WORD_TYPING &&
        record_get(e->r, FIELD_VERSION) >= deletion->version) {
        struct verdict *v = violate(c, INVARIANT_CLOSED_CONVERSATION, "%s shows typing in %s of after its deletion",
                                    nm(c, c->devices[e->device].name), nm(c, c->convs[m->conv].name));
        chain_kept(c, v, deletion->kept);
        chain_now(c, v);
    }
    if (!m->sent_when_closed || !t->deleted || record_get(e->r, FIELD_PENDING))
        return;
    struct verdict *v = violate(c, INVARIANT_CLOSED_CONVERSATION, "%s shows %s, sent after the deletion of %s",
                                nm(c, c->devices[e->device].name), nm(c, m->name), nm(c, c->convs[m->conv].name));
    chain_kept(c, v, c->changes[t->last].kept);
    chain_kept(c, v, m->send_kept);
    chain_now(c, v);
}

/* Without commits: an operation asked for after an acknowledged deletion must be refused. */
static void closed_answer(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    bool changes = op->what == WORD_SEND || op->what == WORD_ADD || op->what == WORD_INVITE || op->what == WORD_ACCEPT;
    const struct target *t = &c->convs[op->conv].target;
    if (c->inside || !op->conv || !changes || !t->deleted || !t->first)
        return;
    const struct change *deletion = target_current(c, t);
    if (!deletion || deletion->seq > op->invoke_seq)
        return;
    if (e->r->kind == KIND_REFUSE) {
        judge(c, INVARIANT_CLOSED_CONVERSATION);
        return;
    }
    if (record_get(e->r, FIELD_SETTLED))
        return;
    if (deletion->device != op->device && op->invoke_at_us <= deletion->at_us + c->options.clock_error_us &&
        c->options.clock_error_us) {
        judge_unknown(c, INVARIANT_CLOSED_CONVERSATION);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_CLOSED_CONVERSATION, "a %s was accepted in %s after its deletion",
                                nm(c, c->words[op->what]), nm(c, c->convs[op->conv].name));
    chain_kept(c, v, deletion->kept);
    chain_kept(c, v, op->kept);
    chain_now(c, v);
}

/* ---- early-delete ---- */

static void early_show(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    if (!c->inside || !m->sent || record_get(e->r, FIELD_PENDING))
        return;
    for (uint32_t i = m->target.first; i; i = c->changes[i].next)
        if (c->changes[i].undo)
            return;
    uint32_t claim = m->claims;
    while (claim && !claim_open(c, m, &c->claims[claim]))
        claim = c->claims[claim].next;
    if (!claim)
        return;
    struct verdict *v = violate(c, INVARIANT_EARLY_DELETE, "%s shows %s, which was deleted before it was sent",
                                nm(c, c->devices[e->device].name), nm(c, m->name));
    chain_kept(c, v, c->claims[claim].kept);
    chain_kept(c, v, m->send_kept);
    chain_now(c, v);
}

static bool viewed_anywhere(const struct check *c, uint32_t message, uint32_t *where)
{
    for (uint32_t i = c->messages[message].items; i; i = c->items[i].next)
        for (uint32_t h = c->items[i].first_holding; h; h = c->holdings[h].next)
            if (!c->holdings[h].pending && !item_is_kept(c, i) && holding_in_view(c, h) &&
                final_view(c, &c->devices[c->holdings[h].device])) {
                *where = h;
                return true;
            }
    return false;
}

/* Without commits: acknowledged before its target was; at the end nobody may read it. */
static void early_outside(struct check *c, const struct op *op)
{
    const struct message *m = &c->messages[op->message];
    const struct op *send = &c->ops[m->send_op];
    if (op->what != WORD_DELETE || !op->message || !op->acked || op->settled || !m->send_op)
        return;
    if (send->acked ? send->ack_seq < op->ack_seq : send->refused)
        return;
    uint32_t where = 0;
    if (!c->ended || !m->target.deleted)
        return;
    if (!viewed_anywhere(c, op->message, &where)) {
        judge(c, INVARIANT_EARLY_DELETE);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_EARLY_DELETE,
                                "%s is readable at the end, and was deleted before it was sent", nm(c, m->name));
    chain_kept(c, v, op->kept);
    chain_kept(c, v, op->ack_kept);
    chain_show(c, v, where);
}

/* The send must have met the claim: the deletion was bound, or refused. */
static void early_inside(struct check *c, const struct message *m, const struct claim *claim)
{
    if (!m->sent || m->target.first || !claim_open(c, m, claim) || c->verdicts[INVARIANT_EARLY_DELETE].violated) {
        judge(c, INVARIANT_EARLY_DELETE);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_EARLY_DELETE, "%s is live, and was deleted before it was sent", nm(c, m->name));
    chain_kept(c, v, claim->kept);
    chain_kept(c, v, m->send_kept);
}

void order_finish(struct check *c)
{
    if (!c->inside)
        for (uint32_t i = 1; i < c->ops_count; i++)
            early_outside(c, &c->ops[i]);
    else
        for (uint32_t i = 1; i < c->messages_count; i++)
            for (uint32_t j = c->messages[i].claims; j; j = c->claims[j].next)
                early_inside(c, &c->messages[i], &c->claims[j]);
}

/* ---- undo-is-atomic ---- */

static void not_atomic(struct check *c, const struct event *e, const struct target *t, const char *how)
{
    struct verdict *v = violate(c, INVARIANT_UNDO_IS_ATOMIC, "%s of %s %s",
                                e->r->kind == KIND_COMMIT ? "an undo of the deletion" : "a purge",
                                nm(c, e->message ? c->messages[e->message].name : c->convs[e->conv].name), how);
    if (t->last)
        chain_kept(c, v, c->changes[t->last].kept);
    if (e->r->kind == KIND_COMMIT)
        chain_kept(c, v, t->purge_kept);
    chain_now(c, v);
}

static void undo(struct check *c, const struct event *e)
{
    const struct target *t = state_target(c, e->conv, e->what == WORD_UNDO ? e->message : 0);
    const struct change *last = t->last ? &c->changes[t->last] : NULL;
    if (!t->deleted)
        not_atomic(c, e, t, "was accepted, and it was not deleted");
    else if (record_has(e->r, FIELD_UNDOES) && !target_names_current(c, t, record_get(e->r, FIELD_UNDOES)))
        not_atomic(c, e, t, "was accepted, and names another deletion than the current one");
    else if (t->purging)
        not_atomic(c, e, t, "was accepted after its purge began");
    else if (last->deadline_us && !c->clock_off && e->r->at_us >= last->deadline_us + c->options.clock_error_us)
        not_atomic(c, e, t, "was accepted after its window had closed");
    else
        judge(c, INVARIANT_UNDO_IS_ATOMIC);
}

/* When the undo window of what is deleted closes; retention and erasure take over a window that is open, and end it. */
static uint64_t window_end(const struct check *c, const struct target *t)
{
    uint64_t end_us = 0;
    for (const struct change *i = target_current(c, t); i; i = i->next ? &c->changes[i->next] : NULL)
        if (!end_us || (i->deadline_us && i->deadline_us < end_us))
            end_us = i->deadline_us;
    return end_us;
}

static void purge(struct check *c, const struct event *e)
{
    const struct target *t = state_target(c, e->conv, e->message);
    uint32_t home = e->message ? c->messages[e->message].conv : 0;
    const struct target *conv = home ? &c->convs[home].target : NULL;
    uint64_t end_us = window_end(c, t);
    if (conv && conv->deleted && conv->purging) {
        judge(c, INVARIANT_UNDO_IS_ATOMIC); /* it goes with its conversation */
        return;
    }
    if (!t->deleted)
        not_atomic(c, e, t, "began, and it is live");
    else if (e->r->kind == KIND_PURGING && !target_names_current(c, t, record_get(e->r, FIELD_VERSION)))
        not_atomic(c, e, t, "names another deletion than the current one");
    else if (end_us && !c->clock_off && e->r->at_us + c->options.clock_error_us < end_us)
        not_atomic(c, e, t, "began inside the undo window");
    else
        judge(c, INVARIANT_UNDO_IS_ATOMIC);
}

/* ---- duplicate-safe ---- */

static void commit_once(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    if (!e->op || !op->committed || op->early)
        return;
    struct verdict *v = violate(c, INVARIANT_DUPLICATE_SAFE, "operation %s was executed twice", nm(c, op->name));
    chain_kept(c, v, op->kept);
    chain_now(c, v);
}

/* channel_of: (shard,source) to a channel's number, from 1; channel_high: (channel,incarnation) to the last number. */
static void receive(struct check *c, const struct event *e)
{
    uint64_t shard = record_get(e->r, FIELD_SHARD), source = record_get(e->r, FIELD_SOURCE);
    uint64_t incarnation = record_get(e->r, FIELD_INCARNATION), number = record_get(e->r, FIELD_NUMBER);
    uint32_t *newest = pair_map_at(&c->channel_of, (shard << 32) | source);
    bool old = incarnation < *newest;
    *newest = old ? *newest : (uint32_t)incarnation;
    incarnation += (uint64_t)restore_count(c, shard) << 32; /* a restored receiver is told where the channel goes on */
    uint64_t key = (((shard << 32) | source) * 0xd6e8feb86659fd93ULL) ^ (incarnation * 0x9e3779b97f4a7c15ULL);
    uint32_t *high = pair_map_at(&c->channel_high, key);
    bool next = !*high || number == (uint64_t)*high + 1;
    uint32_t before = *high;
    *high = (uint32_t)number;
    if (next && !old)
        return;
    struct verdict *v =
        violate(c, INVARIANT_DUPLICATE_SAFE, "%s took an entry of %s that %s", nm(c, shard), nm(c, source),
                old                ? "is of an old incarnation"
                : number <= before ? "had already taken effect"
                                   : "is not the next one");
    chain_now(c, v);
}

static void apply_once(struct check *c, const struct event *e)
{
    const struct device *d = &c->devices[e->device];
    if (record_get(e->r, FIELD_EPOCH) != d->epoch || record_get(e->r, FIELD_POSITION) > d->cursor || d->retired)
        return;
    struct verdict *v =
        violate(c, INVARIANT_DUPLICATE_SAFE, "%s applied an entry that was below its cursor already", nm(c, d->name));
    chain_now(c, v);
}

void order_before(struct check *c, const struct event *e)
{
    bool undoes = e->what == WORD_UNDO || e->what == WORD_UNDO_CONV;
    switch (e->r->kind) {
        case KIND_COMMIT:
            closed_commit(c, e);
            commit_once(c, e);
            if (undoes && (e->conv || e->message))
                undo(c, e);
            break;
        case KIND_REJECT:
            if (word_of(c, record_get(e->r, FIELD_WHY)) == WORD_CONV_DELETED)
                judge(c, INVARIANT_CLOSED_CONVERSATION);
            if (undoes)
                judge(c, INVARIANT_UNDO_IS_ATOMIC);
            break;
        case KIND_PURGING:
        case KIND_PURGE:
            if (e->conv || e->message)
                purge(c, e);
            break;
        case KIND_DUPLICATE:
        case KIND_REPEAT:
            judge(c, INVARIANT_DUPLICATE_SAFE);
            break;
        case KIND_RECEIVE:
            receive(c, e);
            break;
        case KIND_CURSOR:
            apply_once(c, e);
            break;
        default:
            break;
    }
}

void order_after(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_SHOW && e->message) {
        closed_show(c, e);
        early_show(c, e);
    }
    if (e->r->kind == KIND_ACK || e->r->kind == KIND_REFUSE)
        closed_answer(c, e);
}
