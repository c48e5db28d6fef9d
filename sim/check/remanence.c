/*
 * remanence.c: no-remanence, from what a probe found in the files of shards and in backups.
 *
 * A `scan` record says of one file that it was read whole; a `remains` record that a secret of a message (its text, or
 * a key of it) is in a file, where. What remains of a message that was purged, itself or with its conversation, longer
 * ago than the bound of what returns, is a violation; the bound is for the other shards, which hear of the purge. A
 * purge is judged by the scans after it: where nobody looks, nothing is held.
 */
#include "sim/check/state.h"

static uint64_t bound_us(const struct check *c)
{
    return c->options.returning_us ? c->options.returning_us : 60 * US_PER_S;
}

static uint32_t overdue_purge(const struct check *c, const struct target *t, uint64_t at_us)
{
    bool due = t->purged && t->purge_kept && c->arena[t->purge_kept + 1] + bound_us(c) <= at_us;
    return due ? t->purge_kept : 0;
}

/* The record of the purge that took it, if that is so long ago; else 0. */
static uint32_t purge_of(const struct check *c, const struct message *m, uint64_t at_us)
{
    uint32_t purge = overdue_purge(c, &m->target, at_us);
    if (!purge && m->conv)
        purge = overdue_purge(c, &c->convs[m->conv].target, at_us);
    return m->lost ? 0 : purge;
}

static void remains(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    uint32_t purge = e->message ? purge_of(c, m, e->r->at_us) : 0;
    if (!purge)
        return;
    struct verdict *v =
        violate(c, INVARIANT_NO_REMANENCE, "%s was purged, and %s has it at offset %llu: %s", nm(c, m->name),
                nm(c, record_get(e->r, FIELD_SHARD)), (unsigned long long)record_get(e->r, FIELD_POSITION),
                nm(c, record_get(e->r, FIELD_SOURCE)));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, purge);
    chain_now(c, v);
}

void remanence_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_REMAINS)
        remains(c, e);
    if (e->r->kind != KIND_SCAN || !record_get(e->r, FIELD_COUNT))
        return;
    for (uint32_t i = 1; i < c->messages_count; i++)
        if (purge_of(c, &c->messages[i], e->r->at_us)) {
            judge(c, INVARIANT_NO_REMANENCE);
            return;
        }
}
