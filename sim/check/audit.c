/*
 * audit.c: audit-complete. A shard's decisions are counted as their records pass (committed, refused, or kept for a
 * target that has not arrived); each observation of its audit log must find as many, in an unbroken chain, and a count
 * of strangers that never goes back, and has grown by those that a fault sent it. Limit: a history with more than
 * AUDITED_MAX shards is judged for the first ones.
 */
#include "sim/check/state.h"

static struct audited *audited_of(struct check *c, uint64_t shard)
{
    for (uint32_t i = 0; i < c->audited_count; i++)
        if (c->audited[i].shard == shard)
            return &c->audited[i];
    if (c->audited_count == AUDITED_MAX)
        return NULL;
    c->audited[c->audited_count] = (struct audited){.shard = shard};
    return &c->audited[c->audited_count++];
}

static void observed(struct check *c, const struct event *e, struct audited *a)
{
    uint64_t count = record_get(e->r, FIELD_COUNT);
    uint64_t turned_away = record_get(e->r, FIELD_REQUESTS), before = a->turned_away;
    a->turned_away = turned_away;
    before += a->strangers;
    a->strangers = 0;
    if (a->decisions == 0 && count == 0 && turned_away >= before)
        return;
    struct verdict *v = NULL;
    if (record_get(e->r, FIELD_BROKEN))
        v = violate(c, INVARIANT_AUDIT_COMPLETE, "the chain of %s's audit log is broken", nm(c, a->shard));
    else if (count != a->decisions)
        v = violate(c, INVARIANT_AUDIT_COMPLETE, "%s's audit log has %llu decisions, and the shard took %llu",
                    nm(c, a->shard), (unsigned long long)count, (unsigned long long)a->decisions);
    else if (turned_away < before)
        v = violate(c, INVARIANT_AUDIT_COMPLETE, "%s has turned %llu requests away, and must have %llu",
                    nm(c, a->shard), (unsigned long long)turned_away, (unsigned long long)before);
    else
        judge(c, INVARIANT_AUDIT_COMPLETE);
    chain_kept(c, v, a->last_kept);
    chain_now(c, v);
}

void audit_after(struct check *c, const struct event *e)
{
    enum history_kind kind = e->r->kind;
    bool strangers = kind == KIND_FAULT && word_of(c, record_get(e->r, FIELD_FAULT)) == WORD_STRANGERS;
    struct audited *sent_to = strangers ? audited_of(c, record_get(e->r, FIELD_NODE)) : NULL;
    if (sent_to)
        sent_to->strangers += record_get(e->r, FIELD_COUNT);
    if (kind != KIND_COMMIT && kind != KIND_REJECT && kind != KIND_EARLY && kind != KIND_AUDIT)
        return;
    if (kind == KIND_COMMIT && !record_has(e->r, FIELD_OP)) /* a part of a job: the request was decided, and is there */
        return;
    struct audited *a = audited_of(c, record_get(e->r, FIELD_SHARD));
    if (!a)
        return;
    if (kind == KIND_AUDIT) {
        observed(c, e, a);
        return;
    }
    a->decisions++;
    if (kind == KIND_REJECT || !a->last_kept)
        a->last_kept = state_keep(c, e->r);
}
