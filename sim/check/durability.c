/*
 * durability.c: acked-is-durable: what a device was told was accepted has been executed, and stays.
 *
 * With inside kinds: an acknowledgement needs a commit (or an early record) of that operation before it; a deletion may
 * also have been recognised as one that is already in force. One that says no more than "settled" needs a decision at
 * any time: else the operation was taken for another, and lost. And after a loss of power the shard is found to have
 * every operation that it had committed: it executes those of a device in their order, so that the last one that it has
 * tells of all. Without: an acknowledged send is readable at the end on
 * the device that sent it, unless somebody asked for its deletion.
 */
#include "sim/check/state.h"

/* What was asked for after the last operation that the shard still has is lost; a restore has its own rules. */
static void found_executed(struct check *c, const struct event *e)
{
    uint64_t shard = record_get(e->r, FIELD_SHARD), last_seq = c->ops[e->op].invoke_seq;
    bool had = false;
    if (c->seen[KIND_RESTORE] || (record_get(e->r, FIELD_OP) && !last_seq))
        return;
    for (uint32_t i = 1; i < c->ops_count; i++) {
        struct op *op = &c->ops[i];
        if (op->device != e->device || !op->committed || op->commit_shard != shard || !op->invoke_seq)
            continue;
        had |= op->acked;
        if (op->invoke_seq <= last_seq)
            continue;
        op->committed = false;
        if (!op->acked)
            continue; /* nobody was told; it may still be executed */
        struct verdict *v =
            violate(c, INVARIANT_ACKED_IS_DURABLE, "%s was told that operation %s is accepted, and %s has lost it",
                    nm(c, c->devices[e->device].name), nm(c, op->name), nm(c, (uint32_t)shard));
        chain_kept(c, v, op->kept);
        chain_kept(c, v, op->ack_kept);
        chain_now(c, v);
    }
    if (had)
        judge(c, INVARIANT_ACKED_IS_DURABLE);
}

void durability_before(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    if (e->r->kind == KIND_EXECUTED)
        found_executed(c, e);
    if (e->r->kind == KIND_TORN)
        chain_now(c, violate(c, INVARIANT_ACKED_IS_DURABLE, "%s has a part of its last step, or has lost earlier ones",
                             nm(c, record_get(e->r, FIELD_SHARD))));
    if (e->r->kind != KIND_ACK || !e->op || !c->inside || record_get(e->r, FIELD_SETTLED))
        return;
    bool deletes = op->what == WORD_DELETE || op->what == WORD_DELETE_CONV;
    bool same = deletes && (op->conv || op->message) && state_target(c, op->conv, op->message)->deleted;
    if (op->committed || op->early || op->lost || same) {
        judge(c, INVARIANT_ACKED_IS_DURABLE);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_ACKED_IS_DURABLE, "%s was told that operation %s is accepted, and it is not",
                nm(c, c->devices[e->device].name), nm(c, op->name));
    chain_kept(c, v, op->kept);
    chain_now(c, v);
}

/*
 * Settled, and never decided: neither executed nor refused, by nobody, for ever. A restore is no excuse: what it lost
 * had been decided before, and what had not is asked for again.
 */
static void settled(struct check *c, const struct op *op)
{
    if (op->committed || op->rejected || op->early || op->refused || op->lost) {
        judge(c, INVARIANT_ACKED_IS_DURABLE);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_ACKED_IS_DURABLE,
                                "%s was told that operation %s is settled, and nobody "
                                "ever decided it",
                                nm(c, c->devices[op->device].name), nm(c, op->name));
    chain_kept(c, v, op->kept);
    chain_kept(c, v, op->ack_kept);
}

void durability_finish(struct check *c)
{
    for (uint32_t i = 1; c->inside && c->ended && i < c->ops_count; i++)
        if (c->ops[i].acked && c->ops[i].settled && c->ops[i].invoked)
            settled(c, &c->ops[i]);
    if (c->inside || !c->ended)
        return;
    for (uint32_t i = 1; i < c->ops_count; i++) {
        const struct op *op = &c->ops[i];
        if (op->what != WORD_SEND || !op->acked || op->settled || !op->message)
            continue;
        const struct message *m = &c->messages[op->message];
        const struct device *d = &c->devices[op->device];
        uint32_t conv = op->conv ? op->conv : m->conv;
        const struct member *member = conv ? state_member(c, conv, d->user) : NULL;
        if (!final_view(c, d) || m->target.ops || (conv && c->convs[conv].target.ops) ||
            (member && member->ended_seq) || bulk_asked(c, m) || (conv && c->convs[conv].retentions) ||
            erasure_asked(c, d->user))
            continue;
        uint32_t at = state_body_find(c, op->device, op->message);
        if (holding_in_view(c, at)) {
            judge(c, INVARIANT_ACKED_IS_DURABLE);
            continue;
        }
        struct verdict *v = violate(c, INVARIANT_ACKED_IS_DURABLE, "%s was acknowledged to %s, which does not have it",
                                    nm(c, m->name), nm(c, d->name));
        chain_kept(c, v, op->kept);
        chain_kept(c, v, op->ack_kept);
        if (at)
            chain_hide(c, v, at);
    }
}
