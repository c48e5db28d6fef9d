/*
 * counters.c: counters-agree: what is unread in the end.
 *
 * A badge's number is how many `unread` copies its device has, so each is judged: with commits, against the messages
 * that the same view shows, their authors and the read marks; without them, the devices of one user against each other.
 * A device of the previous protocol has no word for what was read elsewhere, and may go on counting it.
 * Limit: a conversation with a read whose outcome nobody knows is left out.
 */
#include "sim/check/state.h"

static uint32_t badge_of(const struct check *c, uint32_t device, uint32_t message)
{
    struct record_item item = {.copy = c->words[WORD_UNREAD]};
    return state_item_find(c, device, message, &item);
}

static bool reads(const struct check *c, uint32_t device, uint32_t message)
{
    return holding_in_view(c, state_body_find(c, device, message));
}

static void wrong(struct check *c, uint32_t device, uint32_t message, const char *how)
{
    const struct message *m = &c->messages[message];
    struct verdict *v = violate(c, INVARIANT_COUNTERS_AGREE, "%s %s %s at the end", nm(c, c->devices[device].name), how,
                                nm(c, m->name));
    chain_kept(c, v, m->send_kept);
    if (m->target.last)
        chain_kept(c, v, c->changes[m->target.last].kept);
    uint32_t badge = badge_of(c, device, message);
    chain_show(c, v, state_body_find(c, device, message));
    if (badge) {
        chain_show(c, v, badge);
        chain_hide(c, v, badge);
    }
}

/* With commits: is it counted when, and only when, it is unread? */
static bool right(struct check *c, const struct member *member, uint32_t device, uint32_t message)
{
    const struct message *m = &c->messages[message];
    bool counted = holding_in_view(c, badge_of(c, device, message));
    bool unread = reads(c, device, message) && m->sent && m->author != member->user && m->send_version > member->read;
    bool unheard = c->devices[device].old && counted && reads(c, device, message) && m->author != member->user;
    if (counted == unread || unheard)
        return true;
    wrong(c, device, message, counted ? "counts as unread, deleted or read," : "does not count as unread");
    return false;
}

/* Without: nothing is counted that cannot be read, and no other device of the user has another opinion. */
static bool agrees(struct check *c, uint32_t device, uint32_t message)
{
    bool counted = holding_in_view(c, badge_of(c, device, message)), body = reads(c, device, message);
    bool same = true;
    for (uint32_t d = c->users[c->devices[device].user].devices; d; d = c->devices[d].next_of_user)
        if (body && !c->devices[device].old && !c->devices[d].old && final_view(c, &c->devices[d]) &&
            reads(c, d, message))
            same = same && holding_in_view(c, badge_of(c, d, message)) == counted;
    if (same && (body || !counted))
        return true;
    wrong(c, device, message,
          same ? "counts as unread, and does not show," : "counts otherwise than its user's others");
    return false;
}

static void judge_member(struct check *c, const struct member *member)
{
    for (uint32_t d = c->users[member->user].devices; d; d = c->devices[d].next_of_user) {
        if (c->inside ? !final_complete(c, &c->devices[d]) : !final_view(c, &c->devices[d]))
            continue;
        bool all = true;
        for (uint32_t m = c->convs[member->conv].first_message; m; m = c->messages[m].next_in_conv)
            all &= c->inside ? right(c, member, d, m) : agrees(c, d, m);
        if (all)
            judge(c, INVARIANT_COUNTERS_AGREE);
    }
}

void counters_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->ops_count; i++) {
        const struct op *op = &c->ops[i];
        if (op->what == WORD_READ && op->invoked && (op->settled || (!op->acked && !op->refused)))
            c->convs[op->conv].open_reads++;
    }
    for (uint32_t conv = 1; c->ended && conv < c->convs_count; conv++) {
        if (!c->convs[conv].counted || c->convs[conv].open_reads)
            continue;
        for (uint32_t i = c->convs[conv].members; i; i = c->members[i].next_of_conv)
            judge_member(c, &c->members[i]);
    }
}
