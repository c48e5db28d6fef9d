/*
 * settle.c: delete-settles and tombstones-reaped: nothing that a deletion began may stay open for ever.
 *
 * Judged at the end only: in a simulation when the end phase got there (deliver, age); elsewhere when the device has
 * been connected for the returning bound since it asked.
 */
#include "sim/check/state.h"

static bool is_deletion(enum word what)
{
    return what == WORD_DELETE || what == WORD_DELETE_CONV;
}

void settle_after(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    if ((e->r->kind == KIND_ACK || e->r->kind == KIND_REFUSE) && is_deletion(op->what))
        judge(c, INVARIANT_DELETE_SETTLES);
}

/*
 * Asked for under an id that was given up: nobody answers. It was decided all the same, or it is over for the device
 * too, which shows again what it had hidden for it.
 */
static void lapsed(struct check *c, const struct op *op)
{
    bool decided = op->committed || op->rejected || op->early || op->lost;
    if (!decided && (!c->ended || !final_view(c, &c->devices[op->device]))) {
        judge_unknown(c, INVARIANT_DELETE_SETTLES);
        return;
    }
    uint32_t m = decided ? 0 : op->message ? op->message : c->convs[op->conv].first_message;
    for (; m; m = op->message ? 0 : c->messages[m].next_in_conv) {
        uint32_t at = state_body_find(c, op->device, m), user = c->devices[op->device].user;
        const struct member *member = state_member(c, c->messages[m].conv, user);
        if ((member && !member->is) || forme_covers(c, user, m, true))
            continue; /* they are to see nothing of it */
        if (!at || !message_live(c, &c->messages[m]) || c->holdings[at].shown || !c->holdings[at].ever ||
            word_of(c, c->holdings[at].because) != WORD_PENDING)
            continue;
        struct verdict *v = violate(
            c, INVARIANT_DELETE_SETTLES, "%s of %s was asked for under an id that was given up, and hides %s still",
            nm(c, c->words[op->what]), nm(c, c->devices[op->device].name), nm(c, c->messages[m].name));
        chain_kept(c, v, op->kept);
        chain_hide(c, v, at);
        return;
    }
    judge(c, INVARIANT_DELETE_SETTLES);
}

static void unsettled(struct check *c, const struct op *op)
{
    const struct device *d = &c->devices[op->device];
    uint64_t from_us = d->connected_at_us > op->invoke_at_us ? d->connected_at_us : op->invoke_at_us;
    bool returned = d->connected && (c->delivering || c->last_us > from_us + c->options.returning_us);
    if (d->exempt || d->retired)
        return;
    if (op->lapsed) {
        lapsed(c, op);
        return;
    }
    if (!c->ended || !returned || c->shard_exempt || c->shards_down || c->fault_count || c->nameless_faults) {
        judge_unknown(c, INVARIANT_DELETE_SETTLES);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_DELETE_SETTLES, "%s of %s was neither accepted nor refused",
                                nm(c, c->words[op->what]), nm(c, d->name));
    chain_kept(c, v, op->kept);
}

/* One that went with its conversation needs no purge of its own. */
static void judge_reaped(struct check *c, const struct target *t, uint32_t home, uint32_t name)
{
    const struct target *conv = home && t != &c->convs[home].target ? &c->convs[home].target : NULL;
    if (!t->deleted || !t->last)
        return;
    if (t->reaped) {
        judge(c, INVARIANT_TOMBSTONES_REAPED);
        return;
    }
    if (conv && conv->deleted && (conv->purged || conv->reaped))
        return;
    if (!t->purged && hold_covers(c, home)) /* it waits for the release */
        return;
    if (!c->ended || !c->aging || c->shard_exempt) {
        if (t->purged)
            judge_unknown(c, INVARIANT_TOMBSTONES_REAPED);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_TOMBSTONES_REAPED,
                t->purged ? "the tombstone of %s is still there" : "%s, deleted, was never purged", nm(c, name));
    chain_kept(c, v, c->changes[t->last].kept);
    chain_kept(c, v, t->purge_kept);
}

void settle_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->ops_count; i++)
        if (is_deletion(c->ops[i].what) && c->ops[i].invoked && !c->ops[i].acked && !c->ops[i].refused)
            unsettled(c, &c->ops[i]);
    if (!c->inside)
        return;
    for (uint32_t i = 1; i < c->messages_count; i++) {
        const struct message *m = &c->messages[i];
        if (!m->lost && !m->invitation) /* there is nothing to reap: an invitation's text goes with its end */
            judge_reaped(c, &m->target, m->conv, m->name);
    }
    for (uint32_t i = 1; i < c->convs_count; i++)
        if (!c->convs[i].lost)
            judge_reaped(c, &c->convs[i].target, i, c->convs[i].name);
}
