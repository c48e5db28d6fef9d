/*
 * erasure.c: erasure-complete, and the rights of an erasure's parts.
 *
 * An erasure is decided by the commit of its operation. When it says that it has ended, or its deadline has passed, the
 * end of the history is looked at: every message that the user ever wrote, anywhere, must be deleted for good, with its
 * content purged unless a legal hold keeps it, and be readable on no device that was viewed then, in a copy neither: a
 * quote that its system keeps by policy ("quotes":"keep" of the history) outlives a deletion, and no erasure. The user
 * must be in no conversation. Until then nobody can know. In a device-side history an acknowledged erasure is known to
 * be complete when no viewed device shows anything of the user; how long it may take nobody outside can say.
 */
#include "sim/check/state.h"

struct erasure *erasure_of(const struct check *c, uint32_t user)
{
    for (uint32_t i = 1; user && i < c->erasures_count; i++)
        if (c->erasures[i].user == user)
            return &c->erasures[i];
    return NULL;
}

bool erasure_asked(const struct check *c, uint32_t user)
{
    return erasure_of(c, user) != NULL;
}

static struct erasure *add(struct check *c, const struct event *e, uint32_t user)
{
    struct erasure *known = erasure_of(c, user);
    if (known || !user)
        return known;
    uint32_t i = GROW(c, erasures);
    c->erasures[i] =
        (struct erasure){.user = user, .kept = state_keep(c, e->r), .op = e->op, .deadline_us = TIME_NEVER};
    return &c->erasures[i];
}

/* A part takes what the erased user wrote, or the user out of a conversation. */
void erasure_before(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_COMMIT || word_of(c, record_get(e->r, FIELD_REASON)) != WORD_ERASURE)
        return;
    const struct erasure *x = erasure_of(c, e->actor);
    const struct message *m = &c->messages[e->message];
    if (x && (!e->message || m->author == x->user)) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_AUTHORITY, "an erasure of %s took %s, %s", nm(c, c->users[e->actor].name),
                                e->message ? nm(c, m->name) : "a membership",
                                x ? "which somebody else wrote" : "and nobody decided one");
    chain_kept(c, v, e->message ? m->send_kept : 0);
    chain_kept(c, v, x ? x->kept : 0);
    chain_now(c, v);
}

void erasure_after(struct check *c, const struct event *e)
{
    bool asks = e->what == WORD_ERASE && (e->r->kind == KIND_COMMIT || (e->r->kind == KIND_INVOKE && !c->inside));
    if (asks) {
        uint32_t user = e->actor ? e->actor : c->devices[e->device].user;
        struct erasure *x = add(c, e, user);
        if (x && record_has(e->r, FIELD_DEADLINE))
            x->deadline_us = record_get(e->r, FIELD_DEADLINE);
    }
    if (e->r->kind == KIND_ERASURE && word_of(c, record_get(e->r, FIELD_STAGE)) == WORD_JOB_END) {
        struct erasure *x = erasure_of(c, e->user);
        if (x) {
            x->ended = true;
            x->ended_at_us = e->r->at_us;
        }
    }
}

/* ---- the end ---- */

/* A device that was looked at, and shows a copy of it; 0: none. */
static uint32_t shown_at_end(const struct check *c, const struct message *m)
{
    for (uint32_t i = m->items; i; i = c->items[i].next)
        for (uint32_t h = c->items[i].first_holding; h; h = c->holdings[h].next)
            if (!c->holdings[h].pending && holding_in_view(c, h) && final_view(c, &c->devices[c->holdings[h].device]))
                return h;
    return 0;
}

static void left(struct check *c, const struct erasure *x, uint32_t kept, uint32_t holding, const char *what,
                 const char *how)
{
    struct verdict *v = violate(c, INVARIANT_ERASURE_COMPLETE, "the account of %s was erased, and %s %s",
                                nm(c, c->users[x->user].name), what, how);
    chain_kept(c, v, kept);
    chain_kept(c, v, x->kept);
    if (holding)
        chain_show(c, v, holding);
}

static bool message_left(struct check *c, const struct erasure *x, const struct message *m)
{
    const struct target *conv = &c->convs[m->conv].target;
    bool goes = conv->purging || conv->purged;
    bool purged = goes || m->target.purged;
    uint32_t holding = shown_at_end(c, m);
    const char *how = NULL;
    if (!m->target.deleted && !goes)
        how = "is live";
    else if (holding)
        how = "can still be read";
    else if (!purged && c->aging && !hold_covers(c, m->conv))
        how = "was never purged";
    if (how)
        left(c, x, m->send_kept, holding, nm(c, m->name), how);
    return how != NULL;
}

static void judge_inside(struct check *c, const struct erasure *x)
{
    bool due = x->ended || (!c->clock_off && c->last_us > x->deadline_us + c->options.clock_error_us);
    if (!due || !c->ended || c->shard_exempt) {
        judge_unknown(c, INVARIANT_ERASURE_COMPLETE);
        return;
    }
    for (uint32_t i = 1; i < c->messages_count; i++)
        if (c->messages[i].sent && c->messages[i].author == x->user && message_left(c, x, &c->messages[i]))
            return;
    for (uint32_t i = c->users[x->user].members; i; i = c->members[i].next_of_user) {
        const struct target *conv = &c->convs[c->members[i].conv].target;
        if (!c->members[i].is || conv->purging || conv->purged)
            continue;
        left(c, x, c->members[i].kept, 0, nm(c, c->convs[c->members[i].conv].name), "still has them as a member");
        return;
    }
    for (uint32_t i = 1; i < c->messages_count; i++) {
        const struct message *m = &c->messages[i];
        if (!invitation_open(c, m) || (m->author != x->user && m->invitee != x->user))
            continue;
        left(c, x, m->send_kept, 0, nm(c, m->name), "is still an open invitation");
        return;
    }
    judge(c, INVARIANT_ERASURE_COMPLETE);
}

static void judge_outside(struct check *c, const struct erasure *x)
{
    const struct op *op = &c->ops[x->op];
    if (!op->acked || op->settled)
        return;
    bool shown = !c->ended;
    for (uint32_t i = 1; !shown && i < c->messages_count; i++)
        shown = c->messages[i].author == x->user && shown_at_end(c, &c->messages[i]);
    if (shown)
        judge_unknown(c, INVARIANT_ERASURE_COMPLETE);
    else
        judge(c, INVARIANT_ERASURE_COMPLETE);
}

void erasure_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->erasures_count; i++) {
        if (c->inside)
            judge_inside(c, &c->erasures[i]);
        else
            judge_outside(c, &c->erasures[i]);
    }
}
