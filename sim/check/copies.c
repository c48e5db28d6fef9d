/*
 * copies.c: copies-follow where no device holds the copy: the search index, as it is found on a shard.
 *
 * An `index` record lists every message that a user would be shown as found. What it lists must not have been deleted
 * in that user's log for longer than the bound of what is online, counted from the later of the entry and the end of
 * the last fault. What an earlier one listed, and a later one does not, has followed if it is deleted by then.
 * Limit: a deletion that never reached the user's log is for the invariants of the audience, not for this one.
 */
#include "sim/check/state.h"

static struct listed *listed_put(struct check *c, uint32_t user, uint32_t message)
{
    uint32_t *slot = pair_map_at(&c->listed_of, ((uint64_t)user << 32) | message);
    if (!*slot) {
        *slot = GROW(c, listed);
        c->listed[*slot] = (struct listed){.message = message, .next = c->users[user].listed};
        c->users[user].listed = *slot;
    }
    return &c->listed[*slot];
}

/* The first entry of the deletion in force, in this user's log; 0: it has none. */
static uint32_t heard(const struct check *c, const struct target *t, uint32_t user)
{
    uint32_t first = 0;
    const struct change *current = target_current(c, t);
    for (uint32_t i = t->appends; current && i; i = c->entries[i].next_of_target)
        if (c->entries[i].user == user && c->entries[i].version >= current->version)
            first = i;
    return first;
}

static void lists(struct check *c, const struct event *e, uint32_t message)
{
    const struct message *m = &c->messages[message];
    const struct target *t = m->target.deleted ? &m->target : &c->convs[m->conv].target;
    bool healthy = !c->fault_count && !c->nameless_faults && !c->shards_down && !c->shard_exempt;
    uint32_t entry = heard(c, t, e->user);
    if (message_live(c, m) || !healthy || !entry || !c->entries[entry].kept)
        return;
    struct record said;
    state_kept(c, c->entries[entry].kept, &said);
    uint64_t from_us = said.at_us > c->fault_end_us ? said.at_us : c->fault_end_us;
    if (e->r->at_us <= from_us + c->options.online_us)
        return;
    struct verdict *v = violate(c, INVARIANT_COPIES_FOLLOW, "the search index of %s still finds %s, deleted",
                                nm(c, c->users[e->user].name), nm(c, m->name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, c->entries[entry].kept);
    chain_now(c, v);
}

void copies_before(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_INDEX || !e->user)
        return;
    uint64_t look = e->r->seq;
    for (size_t i = 0; i < e->r->item_count; i++) {
        const struct record_item *item = &e->r->items[i];
        uint32_t message = state_message(c, item->message, state_conv(c, item->in));
        if (!message)
            continue;
        struct listed *l = listed_put(c, e->user, message);
        l->look = look;
        l->is = true;
        lists(c, e, message);
    }
    for (uint32_t i = c->users[e->user].listed; i; i = c->listed[i].next) {
        struct listed *l = &c->listed[i];
        if (!l->is || l->look == look)
            continue;
        l->is = false;
        if (!message_live(c, &c->messages[l->message]))
            judge(c, INVARIANT_COPIES_FOLLOW);
    }
}
