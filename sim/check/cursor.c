/*
 * cursor.c: cursor-complete, stale-cursor-resets, tombstone-outlives-readers, and the order of a log's entries
 * (delete-dominates), from appends, cursors, installs, hellos, truncations and reaps.
 *
 * The entries of one user about one target are a list, newest first. What a view may show at cursor c follows from the
 * entries at or below c: the largest version of them decides (D4). A snapshot may know more than its position says
 * (R2).
 */
#include "sim/check/state.h"

static bool is_tombstone(enum word what)
{
    return what == WORD_DELETE || what == WORD_PURGE || what == WORD_DELETE_CONV || what == WORD_PURGE_CONV ||
           what == WORD_UNINVITE;
}

static bool is_ordered(enum word what)
{
    return is_tombstone(what) || what == WORD_SEND || what == WORD_UNDO || what == WORD_UNDO_CONV ||
           what == WORD_INVITE;
}

/* The last join or eviction at or below the position. */
static uint32_t last_passage(const struct check *c, uint32_t user, uint32_t conv, uint64_t epoch, uint64_t position)
{
    uint32_t i = pair_map_get(&c->entry_of, target_key(user, conv, 0));
    for (; i; i = c->entries[i].older)
        if (c->entries[i].epoch == epoch && c->entries[i].position <= position &&
            (c->entries[i].what == WORD_JOIN || c->entries[i].what == WORD_EVICT))
            return i;
    return 0;
}

/* Did the device apply a younger join, that a restore of the conversation's shard has undone, and install nothing
   since? What it was told last is that its user is a member: only the reset that follows the restore can tell it
   otherwise. */
static bool rejoined(const struct check *c, const struct event *e, uint32_t conv, uint32_t passage)
{
    const struct device *d = &c->devices[e->device];
    const struct entry *evict = &c->entries[passage];
    if (d->install_seq > c->convs[conv].restored_seq)
        return false;
    for (uint32_t i = pair_map_get(&c->entry_of, target_key(d->user, conv, 0)); i; i = c->entries[i].older) {
        const struct entry *a = &c->entries[i];
        if (a->passage == WORD_JOIN && a->what != WORD_JOIN && a->epoch == evict->epoch &&
            a->position > evict->position && a->position <= record_get(e->r, FIELD_CURSOR))
            return true;
    }
    return false;
}

static uint32_t deciding_entry(const struct check *c, uint64_t key, uint64_t epoch, uint64_t position)
{
    uint32_t best = 0;
    for (uint32_t i = pair_map_get(&c->entry_of, key); i; i = c->entries[i].older)
        if (c->entries[i].epoch == epoch && c->entries[i].position <= position && is_ordered(c->entries[i].what) &&
            (!best || c->entries[i].version > c->entries[best].version))
            best = i;
    return best;
}

static void append(struct check *c, const struct event *e)
{
    enum word what = word_of(c, record_get(e->r, FIELD_ENTRY));
    struct user *u = &c->users[e->user];
    u->epoch = record_get(e->r, FIELD_EPOCH);
    u->head = record_get(e->r, FIELD_POSITION);
    if (!(is_ordered(what) || what == WORD_JOIN || what == WORD_EVICT) || (!e->conv && !e->message))
        return;
    bool of_conv = what == WORD_JOIN || what == WORD_EVICT || what == WORD_DELETE_CONV || what == WORD_UNDO_CONV ||
                   what == WORD_PURGE_CONV;
    uint32_t message = of_conv ? 0 : e->message;
    uint64_t key = target_key(e->user, e->conv, message);
    version said = record_get(e->r, FIELD_VERSION);
    uint32_t best = is_ordered(what) ? deciding_entry(c, key, u->epoch, u->head) : 0;
    uint32_t passage = best ? last_passage(c, e->user, e->conv, u->epoch, u->head) : 0;
    if (best && said && said < c->entries[best].version &&
        !(passage && c->entries[passage].position > c->entries[best].position)) {
        struct verdict *v =
            violate(c, INVARIANT_DELETE_DOMINATES, "the log of %s has a smaller version of %s after a larger one",
                    nm(c, u->name), nm(c, message ? c->messages[message].name : c->convs[e->conv].name));
        if (message)
            chain_kept(c, v, c->messages[message].send_kept);
        struct target *t = state_target(c, e->conv, message);
        if (t->last)
            chain_kept(c, v, c->changes[t->last].kept);
        chain_now(c, v);
    }
    uint32_t i = GROW(c, entries);
    uint32_t *newest = pair_map_at(&c->entry_of, key);
    c->entries[i] = (struct entry){.epoch = u->epoch,
                                   .position = u->head,
                                   .seq = e->r->seq,
                                   .source = record_get(e->r, FIELD_SOURCE),
                                   .version = said,
                                   .user = e->user,
                                   .older = *newest,
                                   .kept = is_tombstone(what) || what == WORD_EVICT ? state_keep(c, e->r) : 0,
                                   .what = what,
                                   .passage = what};
    *newest = i;
    if (is_tombstone(what)) {
        struct target *t = state_target(c, e->conv, message);
        c->entries[i].next_of_target = t->appends;
        t->appends = i;
    }
    uint32_t first = u->first_tombstone_entry;
    if ((is_tombstone(what) || what == WORD_EVICT) && (!first || c->entries[first].epoch != u->epoch))
        u->first_tombstone_entry = i;
}

/* ---- cursor-complete ---- */

static void incomplete(struct check *c, uint32_t device, uint32_t message, uint32_t entry, uint32_t holding,
                       uint64_t copy)
{
    enum invariant invariant =
        copy == c->words[WORD_BODY] ? INVARIANT_CURSOR_COMPLETE : INVARIANT_ATOMIC_VIEW; /* of a body, of its copies */

    const struct entry *a = &c->entries[entry];
    const struct message *m = &c->messages[message];
    const struct target *t =
        a->what == WORD_DELETE || a->what == WORD_PURGE || m->invitation ? &m->target : &c->convs[m->conv].target;
    struct verdict *v =
        violate(c, invariant, "%s has passed the %s of %s, and still shows %s%s", nm(c, c->devices[device].name),
                nm(c, c->words[a->what]), nm(c, m->name), invariant == INVARIANT_ATOMIC_VIEW ? "its " : "it",
                invariant == INVARIANT_ATOMIC_VIEW ? nm(c, copy) : "");
    chain_kept(c, v, m->send_kept);
    if (t->last)
        chain_kept(c, v, c->changes[t->last].kept);
    chain_kept(c, v, a->kept);
    if (holding)
        chain_show(c, v, holding);
    chain_now(c, v);
}

/* What the entries at or below the cursor of a view say of a whole conversation. A view lists its items by
   conversation, so that the last one is nearly always the one that is asked for. */
struct of_conv {
    uint32_t conv, passage, deciding;
    bool known;
};

static void look_up(const struct check *c, const struct event *e, uint32_t conv, struct of_conv *of_conv)
{
    uint32_t user = c->devices[e->device].user;
    uint64_t cursor = record_get(e->r, FIELD_CURSOR), epoch = record_get(e->r, FIELD_EPOCH);
    if (of_conv->known && of_conv->conv == conv)
        return;
    *of_conv = (struct of_conv){.conv = conv,
                                .passage = last_passage(c, user, conv, epoch, cursor),
                                .deciding = deciding_entry(c, target_key(user, conv, 0), epoch, cursor),
                                .known = true};
}

/* The entry at or below the cursor that forbids this item, or 0. */
static uint32_t forbidding(struct check *c, const struct event *e, const struct record_item *item, uint32_t message,
                           struct of_conv *of_conv)
{
    const struct device *d = &c->devices[e->device];
    const struct message *m = &c->messages[message];
    uint64_t cursor = record_get(e->r, FIELD_CURSOR), epoch = record_get(e->r, FIELD_EPOCH);
    look_up(c, e, m->conv, of_conv);
    uint32_t passage = of_conv->passage;
    uint64_t joined = passage && c->entries[passage].what == WORD_JOIN ? c->entries[passage].position : 0;
    uint32_t i = deciding_entry(c, target_key(d->user, m->conv, message), epoch, cursor);
    if (m->invitation) /* it is for who is outside */
        return i && is_tombstone(c->entries[i].what) ? i : 0;
    if (i && is_tombstone(c->entries[i].what) && c->entries[i].position > joined) {
        version deletion = c->entries[i].version;
        if (!target_undone_since(c, &m->target, deletion) || !(d->installed || item->version > deletion))
            return i;
    }
    i = of_conv->deciding;
    if (i && is_tombstone(c->entries[i].what) && c->entries[i].position > joined &&
        !(d->installed && target_undone_since(c, &c->convs[m->conv].target, c->entries[i].version)))
        return i;
    if (!passage || c->entries[passage].what != WORD_EVICT || rejoined(c, e, m->conv, passage))
        return 0;
    const struct member *member = state_member(c, m->conv, d->user);
    bool back = d->installed && member && member->is && member->since > c->entries[passage].version;
    return back ? 0 : passage;
}

static void view(struct check *c, const struct event *e)
{
    const struct device *d = &c->devices[e->device];
    uint32_t first = c->users[d->user].first_tombstone_entry;
    if (!record_has(e->r, FIELD_CURSOR) || !record_has(e->r, FIELD_EPOCH) || !first ||
        c->entries[first].epoch != record_get(e->r, FIELD_EPOCH) ||
        c->entries[first].position > record_get(e->r, FIELD_CURSOR))
        return;
    bool complete = true, atomic = true, derived = false;
    struct of_conv of_conv = {.known = false};
    for (size_t i = 0; i < e->r->item_count; i++) {
        const struct record_item *item = &e->r->items[i];
        uint32_t message = state_message(c, item->message, state_conv(c, item->in));
        uint32_t at = state_item_find(c, e->device, message, item);
        if (!message || !item->version || (at && c->holdings[at].pending) ||
            (at && item_is_kept(c, c->holdings[at].item)))
            continue;
        uint32_t entry = forbidding(c, e, item, message, &of_conv);
        if (item->copy == c->words[WORD_NOTIFICATION] && entry && item->version > c->entries[entry].version)
            entry = 0; /* a push comes ahead of the cursor: the message is younger than what took the others away */
        bool body = item->copy == c->words[WORD_BODY];
        if (entry)
            incomplete(c, e->device, message, entry, at, item->copy);
        complete &= !(entry && body);
        atomic &= !(entry && !body);
        derived |= !body;
    }
    if (complete)
        judge(c, INVARIANT_CURSOR_COMPLETE);
    if (atomic && derived)
        judge(c, INVARIANT_ATOMIC_VIEW);
}

/* ---- stale-cursor-resets ---- */

static void sync(struct check *c, const struct event *e)
{
    const struct device *d = &c->devices[e->device];
    const struct record *r = e->r;
    uint64_t cursor = record_get(r, FIELD_CURSOR), epoch = record_get(r, FIELD_EPOCH);
    const char *why = NULL;
    if (cursor > record_get(r, FIELD_HEAD))
        why = "ahead of the log";
    else if (cursor < record_get(r, FIELD_HORIZON))
        why = "below the horizon";
    else if (record_get(r, FIELD_GENERATION) != record_get(r, FIELD_CURRENT))
        why = "of another generation";
    else if (epoch && epoch < c->users[d->user].epoch)
        why = "of another epoch";
    if (!why)
        return;
    enum word answer = word_of(c, record_get(r, FIELD_ANSWER));
    if (answer == WORD_RESET || answer == WORD_RETIRE) {
        judge(c, INVARIANT_STALE_CURSOR_RESETS);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_STALE_CURSOR_RESETS, "the cursor of %s was %s, and was answered with %s",
                                nm(c, d->name), why, nm(c, record_get(r, FIELD_ANSWER)));
    chain_now(c, v);
}

/* ---- tombstone-outlives-readers ---- */

/* Is this a reader that the log must be kept for? */
static bool obliges(const struct check *c, const struct device *d)
{
    uint64_t renewed_seq = c->users[d->user].epoch_seq;
    if (d->born_seq < renewed_seq && d->moved_seq < renewed_seq)
        return false; /* its log is no more: it must reset */
    if (d->shared || d->cursor < d->rewound_to)
        return false; /* the server cannot know that it is behind: its next hello says so */
    return !d->fenced && !d->exempt && !d->retired && !d->resetting && !(d->linked && !d->installed);
}

static void truncate_log(struct check *c, const struct event *e)
{
    uint64_t epoch = record_get(e->r, FIELD_EPOCH), horizon = record_get(e->r, FIELD_HORIZON);
    bool kept = true;
    for (uint32_t i = c->users[e->user].devices; i; i = c->devices[i].next_of_user) {
        const struct device *d = &c->devices[i];
        if (!obliges(c, d) || d->cursor >= horizon || (d->epoch && d->epoch != epoch))
            continue;
        kept = false;
        struct verdict *v =
            violate(c, INVARIANT_TOMBSTONE_OUTLIVES_READERS, "the log of %s was truncated beyond the cursor of %s",
                    nm(c, c->users[e->user].name), nm(c, d->name));
        chain_now(c, v);
    }
    if (kept)
        judge(c, INVARIANT_TOMBSTONE_OUTLIVES_READERS);
}

static void reap(struct check *c, const struct event *e)
{
    const struct target *t = state_target(c, e->conv, e->message);
    bool kept = true;
    for (uint32_t i = t->appends; i; i = c->entries[i].next_of_target) {
        const struct entry *a = &c->entries[i];
        const struct member *member = e->conv ? state_member(c, e->conv, a->user) : NULL;
        if (member && (!member->is || member->since > a->version))
            continue; /* left since: the eviction in the same log takes it away (M2) */
        if (a->epoch < c->users[a->user].epoch)
            continue; /* of a log that is no more */
        for (uint32_t j = c->users[a->user].devices; j; j = c->devices[j].next_of_user) {
            const struct device *d = &c->devices[j];
            if (!obliges(c, d) || d->cursor >= a->position || d->born_seq > a->seq ||
                (d->epoch && d->epoch != a->epoch))
                continue;
            kept = false;
            struct verdict *v = violate(
                c, INVARIANT_TOMBSTONE_OUTLIVES_READERS, "the tombstone of %s was reaped, and %s had not applied it",
                nm(c, e->message ? c->messages[e->message].name : c->convs[e->conv].name), nm(c, d->name));
            if (t->last)
                chain_kept(c, v, c->changes[t->last].kept);
            chain_kept(c, v, t->purge_kept);
            chain_kept(c, v, a->kept);
            chain_now(c, v);
        }
    }
    if (kept)
        judge(c, INVARIANT_TOMBSTONE_OUTLIVES_READERS);
}

void cursor_before(struct check *c, const struct event *e)
{
    switch (e->r->kind) {
        case KIND_SYNC:
            sync(c, e);
            break;
        case KIND_TRUNCATE:
            truncate_log(c, e);
            break;
        case KIND_REAP:
            if (e->conv || e->message)
                reap(c, e);
            break;
        default:
            break;
    }
}

void cursor_after(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_APPEND)
        append(c, e);
    if (e->r->kind == KIND_VIEW)
        view(c, e);
}
