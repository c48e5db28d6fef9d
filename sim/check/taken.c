/*
 * taken.c: restore-safe at the end: what was taken away before a restore is not back, on any device that was viewed
 * then: deletions, for all and for oneself, members, holds, how long messages are kept, erased accounts.
 */
#include "sim/check/state.h"

/* By this user, or by anybody (0). */
static uint32_t read_by(const struct check *c, const struct message *m, uint32_t user)
{
    for (uint32_t i = m->items; i; i = c->items[i].next)
        for (uint32_t h = item_is_kept(c, i) ? 0 : c->items[i].first_holding; h; h = c->holdings[h].next) {
            const struct device *d = &c->devices[c->holdings[h].device];
            if (!c->holdings[h].pending && holding_in_view(c, h) && final_view(c, d) && !d->exempt &&
                (!user || d->user == user))
                return h;
        }
    return 0;
}

static void judge_target(struct check *c, const struct message *m, const struct target *t, uint64_t restored_seq)
{
    const struct change *deletion = target_current(c, t);
    if (!deletion || deletion->seq > restored_seq)
        return;
    uint32_t read = read_by(c, m, 0);
    if (!read) {
        judge(c, INVARIANT_RESTORE_SAFE);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_RESTORE_SAFE, "%s was deleted before its shard was restored, and %s reads it at the end",
                nm(c, m->name), nm(c, c->devices[c->holdings[read].device].name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, deletion->kept);
    chain_kept(c, v, restore_last(c, c->convs[m->conv].shard)->kept);
    chain_show(c, v, read);
}

static void judge_member(struct check *c, struct member *m)
{
    uint32_t read = 0;
    for (uint32_t i = m->cap ? 0 : c->convs[m->conv].first_message; i && !read; i = c->messages[i].next_in_conv)
        read = c->messages[i].invitation ? 0 : read_by(c, &c->messages[i], m->user); /* which is for who is outside */
    if (read)
        restore_is_back(c, m, "reads it at the end", read);
    else
        judge(c, INVARIANT_RESTORE_SAFE);
}

static void judge_retention(struct check *c, const struct conv *v)
{
    uint64_t period_us = v->retentions ? c->retentions[v->retentions].period_us : 0;
    if (v->lost || v->target.purging || v->target.purged || v->target.reaped)
        return; /* nothing is kept */
    if (period_us && period_us <= v->kept_us) {
        judge(c, INVARIANT_RESTORE_SAFE);
        return;
    }
    struct verdict *d =
        violate(c, INVARIANT_RESTORE_SAFE, "%s keeps messages for longer than was set before its shard was restored",
                nm(c, v->name));
    chain_kept(c, d, v->kept_said);
    chain_kept(c, d, c->restored[v->kept_by].kept);
    if (v->retentions)
        chain_kept(c, d, c->retentions[v->retentions].kept);
}

/* What somebody deleted for themselves alone, before the restore. */
static void judge_forme(struct check *c, uint32_t f, const struct conv *conv)
{
    struct record decided;
    bool judged = false;
    if (!c->formes[f].effective || !c->formes[f].kept)
        return;
    state_kept(c, c->formes[f].kept, &decided);
    for (uint32_t m = decided.seq < conv->restored_seq ? conv->first_message : 0; m; m = c->messages[m].next_in_conv) {
        if (forme_covers(c, c->formes[f].user, m, false) != f)
            continue;
        uint32_t read = read_by(c, &c->messages[m], c->formes[f].user);
        judged = true;
        if (!read)
            continue;
        struct verdict *v = violate(c, INVARIANT_RESTORE_SAFE,
                                    "%s deleted %s for themselves before its shard was restored, and reads it",
                                    nm(c, c->users[c->formes[f].user].name), nm(c, c->messages[m].name));
        chain_kept(c, v, c->formes[f].kept);
        chain_kept(c, v, restore_last(c, conv->shard)->kept);
        chain_show(c, v, read);
        return;
    }
    if (judged)
        judge(c, INVARIANT_RESTORE_SAFE);
}

static bool restored_since(const struct check *c, uint64_t shard, uint64_t seq)
{
    const struct restored *last = shard ? restore_last(c, shard) : NULL;
    return last && last->seq > seq;
}

/* Decided before a restore of the user's shard, or of one that orders what they wrote. */
static void judge_erasure(struct check *c, const struct erasure *x)
{
    struct record asked;
    bool judged = false;
    state_kept(c, x->kept, &asked);
    for (uint32_t i = 1; c->aging && !c->shard_exempt && i < c->messages_count; i++) {
        const struct message *m = &c->messages[i];
        if (!m->sent || m->author != x->user ||
            (!restored_since(c, c->convs[m->conv].shard, asked.seq) &&
             !restored_since(c, c->users[x->user].home, asked.seq)))
            continue;
        uint32_t read = read_by(c, m, 0);
        judged = true;
        if (!read)
            continue;
        struct verdict *v =
            violate(c, INVARIANT_RESTORE_SAFE, "the account of %s was erased before a restore, and %s is read",
                    nm(c, c->users[x->user].name), nm(c, m->name));
        chain_kept(c, v, x->kept);
        chain_kept(c, v, m->send_kept);
        chain_show(c, v, read);
        return;
    }
    if (judged)
        judge(c, INVARIANT_RESTORE_SAFE);
}

/* Nothing that it covers was purged; and every shard that has something of a held person knows of it. */
static void judge_hold(struct check *c, const struct hold *h, const struct restored *last)
{
    for (uint32_t m = h->conv ? 0 : c->users[h->user].members; m && c->aging; m = c->members[m].next_of_user) {
        const struct conv *conv = &c->convs[c->members[m].conv];
        if (c->members[m].gone || !conv->shard || hold_older(c, conv->shard, c->members[m].conv, UINT64_MAX))
            continue;
        struct verdict *v =
            violate(c, INVARIANT_RESTORE_SAFE, "%s is under a hold, and the shard of %s does not know it",
                    nm(c, c->users[h->user].name), nm(c, conv->name));
        chain_kept(c, v, h->kept);
        chain_kept(c, v, last->kept);
        return;
    }
    judge(c, INVARIANT_RESTORE_SAFE);
}

void restore_finish(struct check *c)
{
    if (!c->ended || !c->delivering)
        return;
    for (uint32_t i = 1; i < c->holds_count; i++) {
        const struct restored *last = c->holds[i].lasts ? restore_last(c, c->holds[i].shard) : NULL;
        if (last && c->holds[i].seq < last->seq)
            judge_hold(c, &c->holds[i], last);
    }
    for (uint32_t i = 1; i < c->erasures_count; i++)
        judge_erasure(c, &c->erasures[i]);
    for (uint32_t i = 1; i < c->convs_count; i++)
        if (c->convs[i].kept_us)
            judge_retention(c, &c->convs[i]);
    for (uint32_t i = 1; i < c->members_count; i++)
        if (c->members[i].taken && !c->members[i].back)
            judge_member(c, &c->members[i]);
    for (uint32_t i = 1; i < c->convs_count; i++) {
        const struct conv *conv = &c->convs[i];
        if (!conv->restored_seq)
            continue;
        for (uint32_t f = conv->formes; f; f = c->formes[f].next)
            judge_forme(c, f, conv);
        for (uint32_t j = conv->first_message; j; j = c->messages[j].next_in_conv) {
            const struct message *m = &c->messages[j];
            judge_target(c, m, m->target.deleted ? &m->target : &conv->target, conv->restored_seq);
        }
    }
}
