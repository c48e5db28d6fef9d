/*
 * hold.c: hold-preserves. What a legal hold covers keeps its bytes, whatever deletes it, and goes when the last hold on
 * it is released.
 *
 * A shard's `hold` and `release` records say which holds last there. While one covers a conversation, no purge may
 * begin in it or end without having begun before; each observation of the shard must find every deleted message of it
 * (the `held` records before a `table` record), readable, and with the text that was found before. A conversation is
 * covered by a hold on it, or on somebody who is or was a member. What an edit replaced meanwhile is former.c's.
 */
#include "sim/check/state.h"

static bool covers(struct check *c, const struct hold *h, uint32_t conv)
{
    const struct member *member = h->conv ? NULL : state_member(c, conv, h->user);
    return h->lasts && conv && (h->conv ? h->conv == conv : member && !member->gone);
}

/* Of this shard, or of any (0). */
const struct hold *hold_at(struct check *c, uint64_t shard, uint32_t conv)
{
    for (uint32_t i = 1; i < c->holds_count; i++)
        if ((!shard || c->holds[i].shard == shard) && covers(c, &c->holds[i], conv))
            return &c->holds[i];
    return NULL;
}

bool hold_covers(struct check *c, uint32_t conv)
{
    return hold_at(c, 0, conv) != NULL;
}

const struct hold *hold_older(struct check *c, uint64_t shard, uint32_t conv, uint64_t seq)
{
    for (uint32_t i = 1; i < c->holds_count; i++)
        if (c->holds[i].shard == shard && c->holds[i].seq < seq && covers(c, &c->holds[i], conv))
            return &c->holds[i];
    return NULL;
}

static uint32_t find_hold(const struct check *c, const struct event *e, uint64_t shard)
{
    for (uint32_t i = 1; i < c->holds_count; i++) {
        const struct hold *h = &c->holds[i];
        if (h->shard == shard && h->conv == e->conv && (e->conv || h->user == e->user))
            return i;
    }
    return 0;
}

static void placed(struct check *c, const struct event *e)
{
    uint64_t shard = record_get(e->r, FIELD_SHARD);
    uint32_t i = find_hold(c, e, shard);
    if (!i)
        i = GROW(c, holds);
    struct hold *h = &c->holds[i];
    h->shard = shard;
    h->conv = e->conv;
    h->user = e->user;
    h->kept = state_keep(c, e->r);
    if (!h->lasts)
        h->seq = e->r->seq;
    h->lasts = e->r->kind == KIND_HOLD;
    former_released(c, shard);
}

static uint32_t conv_of(const struct check *c, const struct event *e)
{
    uint32_t home = e->message ? c->messages[e->message].conv : 0;
    return home ? home : e->conv;
}

/* Before it is folded in: a purge that began before the hold goes on (U4). */
static void purged(struct check *c, const struct event *e)
{
    uint32_t conv = conv_of(c, e);
    if (!conv && !e->message)
        return;
    const struct hold *h = hold_at(c, record_get(e->r, FIELD_SHARD), conv);
    const struct target *t = state_target(c, e->conv, e->message);
    if (!h || (e->r->kind == KIND_PURGE && t->purging))
        return;
    struct verdict *v = violate(c, INVARIANT_HOLD_PRESERVES, "%s %s while a hold is on it",
                                nm(c, e->message ? c->messages[e->message].name : c->convs[conv].name),
                                e->r->kind == KIND_PURGE ? "was purged" : "begins to be purged");
    if (t->last)
        chain_kept(c, v, c->changes[t->last].kept);
    chain_kept(c, v, h->kept);
    chain_now(c, v);
}

static bool gone_or_going(const struct target *t)
{
    return t->purging || t->purged || t->reaped;
}

static void found(struct check *c, const struct event *e)
{
    uint64_t digest = record_get(e->r, FIELD_DIGEST);
    const struct conv *conv = &c->convs[e->conv];
    if (conv->restored_seq && (gone_or_going(&conv->target) || gone_or_going(&c->messages[e->message].target)))
        return; /* a backup still had it; it goes once more */
    uint32_t *slot = pair_map_at(&c->kept_of, e->message);
    if (!*slot)
        *slot = GROW(c, kept);
    struct kept *k = &c->kept[*slot];
    struct verdict *v = NULL;
    bool same_text = k->record && k->seq > conv->restored_seq && k->edit == c->messages[e->message].edit_version;
    if (record_get(e->r, FIELD_BROKEN))
        v = violate(c, INVARIANT_HOLD_PRESERVES, "%s is under a hold and cannot be read",
                    nm(c, c->messages[e->message].name));
    else if (same_text && k->digest != digest)
        v = violate(c, INVARIANT_HOLD_PRESERVES, "%s is under a hold and its text has changed",
                    nm(c, c->messages[e->message].name));
    chain_kept(c, v, k->record);
    chain_now(c, v);
    k->digest = digest;
    k->edit = c->messages[e->message].edit_version;
    k->look = c->looks;
    k->seq = e->r->seq;
    k->record = state_keep(c, e->r);
}

static void expect_message(struct check *c, uint32_t message, uint32_t conv, const struct hold *h)
{
    const struct message *m = &c->messages[message];
    const struct target *whole = &c->convs[conv].target;
    if (!m->sent || (!m->target.deleted && !whole->deleted) || gone_or_going(&m->target) || gone_or_going(whole))
        return;
    uint32_t k = pair_map_get(&c->kept_of, message);
    if (k && c->kept[k].look == c->looks) {
        judge(c, INVARIANT_HOLD_PRESERVES);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_HOLD_PRESERVES, "%s is deleted, under a hold, and its bytes are not there",
                                nm(c, m->name));
    chain_kept(c, v, h->kept);
    const struct target *t = m->target.deleted ? &m->target : whole;
    if (t->last)
        chain_kept(c, v, c->changes[t->last].kept);
    chain_kept(c, v, k ? c->kept[k].record : 0);
    chain_now(c, v);
}

static void expect_conv(struct check *c, uint32_t conv, const struct hold *h)
{
    if (c->convs[conv].looked == c->looks) /* by another hold that covers it */
        return;
    c->convs[conv].looked = c->looks;
    for (uint32_t m = c->convs[conv].first_message; m; m = c->messages[m].next_in_conv)
        expect_message(c, m, conv, h);
}

/* The shard was looked at: all that is held there must have been found just before. */
static void looked(struct check *c, const struct event *e)
{
    uint64_t shard = record_get(e->r, FIELD_SHARD);
    for (uint32_t i = 1; i < c->holds_count; i++) {
        const struct hold *h = &c->holds[i];
        if (!h->lasts || h->shard != shard)
            continue;
        if (h->conv)
            expect_conv(c, h->conv, h);
        for (uint32_t m = h->conv ? 0 : c->users[h->user].members; m; m = c->members[m].next_of_user)
            if (c->convs[c->members[m].conv].shard == shard && !c->members[m].gone)
                expect_conv(c, c->members[m].conv, h);
    }
    former_looked(c, shard);
    c->looks++;
}

void hold_before(struct check *c, const struct event *e)
{
    switch (e->r->kind) {
        case KIND_HOLD:
        case KIND_RELEASE:
            placed(c, e);
            break;
        case KIND_PURGING:
        case KIND_PURGE:
            purged(c, e);
            break;
        case KIND_HELD:
            if (e->message && record_has(e->r, FIELD_VERSION))
                former_found(c, e);
            else if (e->message)
                found(c, e);
            break;
        case KIND_TABLE:
            looked(c, e);
            break;
        case KIND_COMMIT:
            if (e->conv)
                c->convs[e->conv].shard = record_get(e->r, FIELD_SHARD);
            if (e->what == WORD_EDIT && e->message)
                former_edited(c, e);
            break;
        default:
            break;
    }
}

/* Released, and still not purged at the end: tombstones-reaped judges every deletion; here, that a release is no end.
 */
void hold_finish(struct check *c)
{
    bool over = c->ended && c->aging && !c->shard_exempt;
    for (uint32_t k = 1; k < c->messages_count; k++) {
        const struct message *m = &c->messages[k];
        uint32_t i = pair_map_get(&c->kept_of, k);
        bool deleted = m->target.deleted || (m->conv && c->convs[m->conv].target.deleted);
        if (!i || !m->conv || !deleted || m->lost || hold_covers(c, m->conv))
            continue;
        if (gone_or_going(&m->target) || gone_or_going(&c->convs[m->conv].target)) {
            judge(c, INVARIANT_HOLD_PRESERVES);
            continue;
        }
        if (!over) {
            judge_unknown(c, INVARIANT_HOLD_PRESERVES);
            continue;
        }
        struct verdict *v =
            violate(c, INVARIANT_HOLD_PRESERVES, "%s was held, was released, and is never purged", nm(c, m->name));
        chain_kept(c, v, c->kept[i].record);
    }
    former_finish(c, over);
}
