/*
 * cascade.c: cascade-declared: what a deletion takes along is named by decisions of its own (commits with the reason
 * cascade), never worked out by who happens to know of it; and such a decision has a deletion above it (authority).
 */
#include "sim/check/state.h"

uint32_t deleted_ancestor(const struct check *c, uint32_t message, bool asked)
{
    uint32_t steps = 0; /* who replies to what is up to the history, which may be wrong */
    for (uint32_t m = c->messages[message].parent; m && steps++ < c->messages_count; m = c->messages[m].parent)
        if (c->messages[m].target.deleted || (asked && c->messages[m].target.ops))
            return m;
    return 0;
}

static void part(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    bool undo = e->what == WORD_UNDO;
    bool above = deleted_ancestor(c, e->message, false) != 0;
    if (m->parent && (undo || above)) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_AUTHORITY, "%s was deleted with what it replies to, which was not deleted",
                                nm(c, m->name));
    chain_kept(c, v, m->send_kept);
    chain_now(c, v);
}

static void hidden(struct check *c, const struct event *e)
{
    uint32_t at = state_holding_of(c, e), root = deleted_ancestor(c, e->message, false);
    if (!c->inside || !at || !root || !c->holdings[at].shown ||
        c->items[c->holdings[at].item].copy != c->words[WORD_BODY])
        return;
    const struct message *m = &c->messages[e->message];
    if (m->target.deleted) {
        judge(c, INVARIANT_CASCADE_DECLARED);
        return;
    }
    if (hide_explained(c, e, &c->holdings[at]))
        return;
    struct verdict *v =
        violate(c, INVARIANT_CASCADE_DECLARED, "%s hides %s with %s, and nobody decided that it goes too",
                nm(c, c->devices[e->device].name), nm(c, m->name), nm(c, c->messages[root].name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, c->changes[c->messages[root].target.last].kept);
    chain_now(c, v);
}

void cascade_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_COMMIT && e->message && word_of(c, record_get(e->r, FIELD_REASON)) == WORD_CASCADE)
        part(c, e);
    if (e->r->kind == KIND_HIDE && e->message)
        hidden(c, e);
}
