/*
 * scope.c: scope-kept and cancelled-never-sent.
 *
 * A deletion for oneself is kept with its user, per conversation. It is effective from its commit on; in a device-side
 * history, from its acknowledgement on, and a cleared history then covers what was acknowledged before it was asked
 * for: how much more it covers nobody outside can know. It explains a hide on that user's devices, and on no others.
 */
#include "sim/check/state.h"

static bool covers(const struct check *c, const struct forme *f, uint32_t message, bool asked)
{
    const struct message *m = &c->messages[message];
    if (f->message)
        return f->message == message && (asked || f->effective);
    if (asked)
        return true;
    if (!f->effective || !f->kept)
        return false;
    if (c->inside)
        return m->sent && m->send_version <= f->version;
    const struct op *send = &c->ops[m->send_op];
    return m->send_op && send->acked && !send->settled && send->ack_seq < f->invoke_seq;
}

uint32_t forme_covers(const struct check *c, uint32_t user, uint32_t message, bool asked)
{
    for (uint32_t i = c->convs[c->messages[message].conv].formes; i; i = c->formes[i].next)
        if (c->formes[i].user == user && covers(c, &c->formes[i], message, asked))
            return i;
    return 0;
}

uint32_t forme_of_other(const struct check *c, uint32_t user, uint32_t message)
{
    for (uint32_t i = c->convs[c->messages[message].conv].formes; i; i = c->formes[i].next)
        if (c->formes[i].user != user && covers(c, &c->formes[i], message, false))
            return i;
    return 0;
}

static bool is_forme(enum word what)
{
    return what == WORD_DELETE_ME || what == WORD_CLEAR;
}

static struct forme *of_op(struct check *c, uint32_t op, uint32_t conv)
{
    for (uint32_t i = c->convs[conv].formes; i; i = c->formes[i].next)
        if (c->formes[i].op == op)
            return &c->formes[i];
    return NULL;
}

static struct forme *add(struct check *c, const struct event *e)
{
    struct forme *f = of_op(c, e->op, e->conv);
    if (f)
        return f;
    uint32_t i = GROW(c, formes);
    c->formes[i] = (struct forme){.user = e->actor,
                                  .conv = e->conv,
                                  .message = e->what == WORD_DELETE_ME ? e->message : 0,
                                  .op = e->op,
                                  .next = c->convs[e->conv].formes,
                                  .invoke_seq = e->r->seq};
    c->convs[e->conv].formes = i;
    return &c->formes[i];
}

static void take_effect(struct check *c, const struct event *e, struct forme *f)
{
    f->effective = true;
    f->version = record_get(e->r, FIELD_VERSION);
    f->kept = state_keep(c, e->r);
}

void scope_fold(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    bool named = is_forme(e->what) && e->conv && (e->message || e->what == WORD_CLEAR);
    switch (e->r->kind) {
        case KIND_INVOKE:
            if (named)
                add(c, e);
            break;
        case KIND_COMMIT:
            if (named)
                take_effect(c, e, add(c, e));
            break;
        case KIND_ACK: {
            struct forme *f = is_forme(op->what) && !c->inside && !op->settled ? of_op(c, e->op, op->conv) : NULL;
            if (f)
                take_effect(c, e, f);
            break;
        }
        case KIND_CANCEL:
            c->ops[e->op].cancelled = true;
            c->ops[e->op].cancel_kept = state_keep(c, e->r);
            if (e->message)
                c->messages[e->message].send_op = e->op;
            break;
        default:
            break;
    }
}

/* ---- while it goes on ---- */

static void sent_after_all(struct check *c, uint32_t send, const char *how)
{
    struct verdict *v = violate(c, INVARIANT_CANCELLED_NEVER_SENT, "%s was cancelled before it was sent, and %s",
                                nm(c, c->ops[send].name), how);
    chain_kept(c, v, c->ops[send].kept);
    chain_kept(c, v, c->ops[send].cancel_kept);
    chain_now(c, v);
}

/* It is newer than the deletion: the device, or what told it, has applied that one. */
static void shown_again(struct check *c, const struct event *e)
{
    uint32_t i = forme_covers(c, c->devices[e->device].user, e->message, false);
    version shown = record_get(e->r, FIELD_VERSION);
    if (!i || !c->inside || record_get(e->r, FIELD_PENDING) || !shown || shown <= c->formes[i].version)
        return;
    struct verdict *v = violate(c, INVARIANT_SCOPE_KEPT, "%s shows %s, which its user deleted for themselves",
                                nm(c, c->devices[e->device].name), nm(c, c->messages[e->message].name));
    chain_kept(c, v, c->messages[e->message].send_kept);
    chain_kept(c, v, c->formes[i].kept);
    chain_now(c, v);
}

/* Whether anything else explains the hide: as in no-silent-loss, but without the device's word. */
static bool explained(struct check *c, const struct event *e, const struct holding *h)
{
    const struct message *m = &c->messages[e->message];
    const struct conv *conv = &c->convs[m->conv];
    const struct member *member = state_member(c, m->conv, c->devices[e->device].user);
    if (member && (!member->is || member->ended_seq > h->show_seq || (m->sent && m->send_version < member->since)))
        return true;
    if (m->lost || (m->sent && h->version && h->version < m->send_version))
        return true; /* by a restore */
    return h->pending || m->target.first || m->target.ops || m->claims || conv->target.first || conv->target.ops ||
           c->devices[e->device].retired || forme_covers(c, c->devices[e->device].user, e->message, true);
}

static void hidden_elsewhere(struct check *c, const struct event *e)
{
    uint32_t i = forme_of_other(c, c->devices[e->device].user, e->message);
    uint32_t at = state_holding_of(c, e);
    if (!i || !at || !c->holdings[at].shown || !item_lasts(c, c->holdings[at].item) ||
        c->items[c->holdings[at].item].via || explained(c, e, &c->holdings[at]))
        return;
    struct verdict *v = violate(c, INVARIANT_SCOPE_KEPT, "%s hides %s, which %s deleted for themselves alone",
                                nm(c, c->devices[e->device].name), nm(c, c->messages[e->message].name),
                                nm(c, c->users[c->formes[i].user].name));
    chain_kept(c, v, c->messages[e->message].send_kept);
    chain_kept(c, v, c->formes[i].kept);
    chain_show(c, v, at);
    chain_now(c, v);
}

void scope_before(struct check *c, const struct event *e)
{
    switch (e->r->kind) {
        case KIND_SHOW:
            if (!e->message)
                break;
            if (c->ops[c->messages[e->message].send_op].cancelled)
                sent_after_all(c, c->messages[e->message].send_op, "is shown");
            shown_again(c, e);
            break;
        case KIND_HIDE:
            if (e->message)
                hidden_elsewhere(c, e);
            break;
        case KIND_COMMIT:
            if (e->op && c->ops[e->op].cancelled)
                sent_after_all(c, e->op, "was executed");
            break;
        default:
            break;
    }
}

/* ---- the end ---- */

/* True when a device of the user could be looked at for it. */
static bool judge_own(struct check *c, uint32_t forme, uint32_t message)
{
    bool seen = false;
    for (uint32_t d = c->users[c->formes[forme].user].devices; d; d = c->devices[d].next_of_user) {
        if (c->inside ? !final_complete(c, &c->devices[d]) : !final_view(c, &c->devices[d]))
            continue;
        seen = true;
        uint32_t at = state_body_find(c, d, message);
        if (!holding_in_view(c, at) || c->holdings[at].pending)
            continue;
        struct verdict *v =
            violate(c, INVARIANT_SCOPE_KEPT, "%s still shows %s at the end, which its user deleted for themselves",
                    nm(c, c->devices[d].name), nm(c, c->messages[message].name));
        chain_kept(c, v, c->messages[message].send_kept);
        chain_kept(c, v, c->formes[forme].kept);
        chain_show(c, v, at);
    }
    return seen;
}

static void judge_forme(struct check *c, uint32_t forme)
{
    bool seen = false;
    for (uint32_t m = c->convs[c->formes[forme].conv].first_message; m; m = c->messages[m].next_in_conv)
        if (covers(c, &c->formes[forme], m, false))
            seen |= judge_own(c, forme, m);
    if (seen)
        judge(c, INVARIANT_SCOPE_KEPT);
}

void scope_finish(struct check *c)
{
    for (uint32_t i = 1; c->ended && i < c->formes_count; i++)
        if (c->formes[i].effective)
            judge_forme(c, i);
    for (uint32_t i = 1; i < c->ops_count; i++)
        if (c->ops[i].cancelled)
            judge(c, INVARIANT_CANCELLED_NEVER_SENT);
}
