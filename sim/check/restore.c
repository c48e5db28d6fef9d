/*
 * restore.c: restore-safe, and what the model forgets at a restore: the shard's commits since the backup are lost, but
 * for what they took away, which its log keeps. A restore explains that messages, edits and memberships of after the
 * backup go; it never excuses that a deletion, a removal or the loss of a role does.
 *
 * Judged while it goes on: nobody is told to be a member, or of a higher role, who was not by then, unless a commit
 * made them so since, and nothing that they ask for is executed; no purge begins in a conversation that was held before
 * the restore and was not released since; and each hello, to a restored shard, of a device that has not installed
 * anything since is answered with a reset: its cursor is of a log that is no more. At the end: taken.c.
 */
#include "sim/check/state.h"

/* The restore that the shard comes from now, as a place in `restored`; 0 for none. */
static uint32_t lineage(const struct check *c, uint64_t shard)
{
    for (uint32_t i = c->restored_count; i-- > 1;)
        if (c->restored[i].shard == shard && !c->restored[i].backup)
            return i;
    return 0;
}

const struct restored *restore_last(const struct check *c, uint64_t shard)
{
    uint32_t last = lineage(c, shard);
    return last ? &c->restored[last] : NULL;
}

uint32_t restore_count(const struct check *c, uint64_t shard)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < c->restored_count; i++)
        count += c->restored[i].shard == shard && !c->restored[i].backup;
    return count;
}

/* Is what happened then in the past of a shard that comes from this restore? What an older backup had not, a younger
   one that was taken before may have. */
static bool lived(const struct check *c, uint32_t restore, uint64_t seq)
{
    while (restore && seq <= c->restored[restore].seq) {
        if (seq > c->restored[restore].from_seq)
            return false;
        restore = c->restored[restore].before;
    }
    return true;
}

static void forget_message(struct check *c, struct message *m, uint32_t restore)
{
    if (m->other_seq && lived(c, restore, m->other_seq)) {
        uint64_t seq = m->send_seq;
        version v = m->send_version;
        m->send_seq = m->other_seq;
        m->send_version = m->other_version;
        m->other_seq = seq;
        m->other_version = v;
    }
    if (m->invitation) {
        m->lost = !lived(c, restore, m->send_seq);
    } else if (m->sent || m->lost) {
        m->sent = lived(c, restore, m->send_seq);
        m->lost = !m->sent;
    }
    if (m->lost)
        m->missed_seq = c->now->seq;
    if (!m->edit_version)
        return;
    struct record edit;
    state_kept(c, m->edit_kept, &edit);
    if (!lived(c, restore, edit.seq)) /* what it said before is not known any more */
        m->edit_version = 0;
}

/* What was taken of it by now, wherever the backup stands. */
static void take_member(struct member *m, uint32_t restore)
{
    bool removed = !m->is && m->ended_seq > m->since_seq;
    if (!removed && !(m->is && m->lowered_seq > m->since_seq))
        return;
    m->taken = restore;
    m->cap = removed ? 0 : m->rank;
}

/* Somebody of whom anything was taken is known to have been a member. */
static bool is_remembered(const struct check *c, const struct member *m)
{
    for (uint32_t i = c->convs[m->conv].formes; i; i = c->formes[i].next)
        if (c->formes[i].user == m->user && !c->formes[i].message && c->formes[i].effective)
            return true;
    return m->ended_seq != 0;
}

static void forget_member(const struct check *c, struct member *m, uint32_t restore)
{
    take_member(m, restore);
    m->is = false;
    m->gone = !lived(c, restore, m->since_seq) && !is_remembered(c, m);
}

static void forget_conv(struct check *c, uint32_t conv, uint32_t restore)
{
    struct conv *v = &c->convs[conv];
    v->restored_seq = c->now->seq;
    if (v->retentions && c->retentions[v->retentions].period_us) {
        v->kept_us = c->retentions[v->retentions].period_us;
        v->kept_said = c->retentions[v->retentions].kept;
        v->kept_by = restore;
    }
    v->retentions = 0; /* the restored shard says how long it keeps */
    v->lost = !lived(c, restore, v->created_seq);
    for (uint32_t i = v->first_message; i; i = c->messages[i].next_in_conv)
        forget_message(c, &c->messages[i], restore);
    for (uint32_t i = v->members; i; i = c->members[i].next_of_conv)
        forget_member(c, &c->members[i], restore); /* the restored shard says who is one */
    for (uint32_t i = 1; i < c->awaited_count; i++)
        if (c->awaited[i].conv == conv)
            c->awaited[i].came = true; /* a reset tells them instead */
}

static bool is_logged(enum word what)
{
    return what == WORD_DELETE || what == WORD_UNDO || what == WORD_DELETE_CONV || what == WORD_UNDO_CONV ||
           what == WORD_DELETE_ME || what == WORD_CLEAR || what == WORD_DELETE_ALL || what == WORD_REMOVE ||
           what == WORD_LEAVE || what == WORD_SET_ROLE || what == WORD_SET_RETENTION || what == WORD_DECLINE ||
           what == WORD_WITHDRAW || what == WORD_ERASE;
}

static void forget_ops(struct check *c, uint64_t shard, uint32_t restore)
{
    for (uint32_t i = 1; i < c->ops_count; i++) {
        struct op *op = &c->ops[i];
        if (!(op->committed || op->lost) || op->commit_shard != shard || is_logged(op->what))
            continue;
        if (lived(c, restore, op->commit_seq)) {
            op->committed = true;
            continue;
        }
        op->committed = false;
        op->lost = true;
        if (op->what == WORD_READ) /* what is read is not known any more */
            c->convs[op->conv].open_reads++;
    }
}

/* Who came or went after the backup has not. */
static void forget_passages(struct check *c, uint64_t shard, uint32_t restore)
{
    for (uint32_t i = 1; i < c->entries_count; i++) {
        struct entry *a = &c->entries[i];
        if (a->source != shard || (a->passage != WORD_JOIN && a->passage != WORD_EVICT))
            continue;
        a->what = lived(c, restore, a->seq) ? a->passage : WORD_NONE;
    }
}

static void restore(struct check *c, uint64_t shard, uint64_t name)
{
    uint32_t backup = 0;
    for (uint32_t i = 1; i < c->restored_count; i++)
        if (c->restored[i].backup == name)
            backup = i;
    uint32_t at = GROW(c, restored);
    uint64_t deadline_us = record_get(c->now, FIELD_DEADLINE);
    c->restored[at] = (struct restored){.shard = shard, .seq = c->now->seq, .kept = state_keep(c, c->now)};
    c->restored[at].keep_us = deadline_us > c->now->at_us ? deadline_us - c->now->at_us : 0;
    if (backup) {
        c->restored[at].from_seq = c->restored[backup].seq;
        c->restored[at].before = c->restored[backup].before;
    }
    for (uint32_t i = 1; i < c->convs_count; i++)
        if (c->convs[i].shard == shard)
            forget_conv(c, i, at);
    for (uint32_t i = 1; i < c->awaited_count; i++)
        if (c->users[c->awaited[i].user].home == shard)
            c->awaited[i].came = true;
    forget_ops(c, shard, at);
    forget_passages(c, shard, at);
}

static void started(struct check *c, uint64_t shard)
{
    uint32_t last = lineage(c, shard);
    if (last && c->restored[last].keep_us && !c->restored[last].due_us)
        c->restored[last].due_us = c->now->at_us + c->restored[last].keep_us;
}

/* ---- done again: by then the model has it, unless the commit itself was never told ---- */

static void replay(struct check *c, const struct event *e)
{
    version v = record_get(e->r, FIELD_VERSION);
    bool undo = e->what == WORD_UNDO || e->what == WORD_UNDO_CONV;
    bool deletes = e->what == WORD_DELETE || e->what == WORD_DELETE_CONV || (ends_invitation(e->what) && e->message);
    if (e->op)
        c->ops[e->op].committed = true;
    for (uint32_t i = 1; e->what == WORD_DELETE_ALL && i < c->jobs_count; i++)
        if (c->jobs[i].op == e->op && !c->convs[c->jobs[i].conv].target.purging)
            c->jobs[i].ended = false; /* it begins again */
    if (!v || (!undo && !deletes) || (!e->conv && !e->message))
        return;
    const struct target *t = state_target(c, e->conv, e->message);
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].version == v)
            return;
    target_change(c, e, e->message, undo);
}

/* ---- hellos ---- */

static void sync(struct check *c, const struct event *e)
{
    const struct device *d = &c->devices[e->device];
    const struct restored *last = restore_last(c, record_get(e->r, FIELD_SHARD));
    if (!last || d->born_seq > last->seq || d->moved_seq > last->seq)
        return;
    enum word answer = word_of(c, record_get(e->r, FIELD_ANSWER));
    if (answer == WORD_RESET || answer == WORD_RETIRE) {
        judge(c, INVARIANT_RESTORE_SAFE);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_RESTORE_SAFE,
                                "the cursor of %s is of a log of before the restore, and was answered with %s",
                                nm(c, d->name), nm(c, record_get(e->r, FIELD_ANSWER)));
    chain_kept(c, v, last->kept);
    chain_now(c, v);
}

/* ---- people ---- */

static struct member *taken(struct check *c, uint32_t conv, uint32_t user)
{
    struct member *m = conv && user ? state_member(c, conv, user) : NULL;
    return m && m->taken && !m->back ? m : NULL;
}

void restore_is_back(struct check *c, struct member *m, const char *how, uint32_t holding)
{
    struct verdict *v = violate(c, INVARIANT_RESTORE_SAFE, "%s %s before the shard of %s was restored, and %s",
                                nm(c, c->users[m->user].name), m->cap ? "had lost a role" : "was no member any more",
                                nm(c, c->convs[m->conv].name), how);
    m->back = true;
    chain_kept(c, v, m->kept);
    chain_kept(c, v, c->restored[m->taken].kept);
    if (holding)
        chain_show(c, v, holding);
    else if (!c->ended)
        chain_now(c, v);
}

static void told(struct check *c, const struct event *e)
{
    struct member *m = taken(c, e->conv, e->user);
    enum word role = word_of(c, record_get(e->r, FIELD_ROLE));
    if (m && role != WORD_ROLE_NONE && rank_of(role) > m->cap)
        restore_is_back(c, m, m->cap ? "has it again" : "is one again", 0);
}

/* Given back by somebody: then nothing is owed any more. A hold asks for no membership. */
static void acted(struct check *c, const struct event *e)
{
    if (e->what == WORD_SET_RETENTION && e->conv)
        c->convs[e->conv].kept_us = 0;
    bool gives = e->what == WORD_ADD || e->what == WORD_SET_ROLE;
    struct member *m = taken(c, e->conv, gives ? e->subject : e->actor);
    if (m && (gives || e->what == WORD_JOIN || e->what == WORD_ACCEPT)) {
        m->taken = 0;
        return;
    }
    m = taken(c, e->conv, e->actor);
    if (m && !m->cap && e->op && e->what != WORD_HOLD && e->what != WORD_RELEASE &&
        e->what != WORD_DECLINE) /* an invitation is for who is outside */
        restore_is_back(c, m, "is obeyed", 0);
}

/* ---- holds ---- */

static void purging(struct check *c, const struct event *e)
{
    const struct conv *conv = &c->convs[e->conv];
    const struct hold *h =
        conv->restored_seq ? hold_older(c, record_get(e->r, FIELD_SHARD), e->conv, conv->restored_seq) : NULL;
    if (!h)
        return;
    struct verdict *v = violate(c, INVARIANT_RESTORE_SAFE, "%s was held before its shard was restored, and is purged",
                                nm(c, e->message ? c->messages[e->message].name : conv->name));
    chain_kept(c, v, h->kept);
    chain_kept(c, v, restore_last(c, conv->shard)->kept);
    chain_now(c, v);
}

void restore_before(struct check *c, const struct event *e)
{
    switch (e->r->kind) {
        case KIND_SYNC:
            sync(c, e);
            break;
        case KIND_MEMBER:
            told(c, e);
            break;
        case KIND_PURGING:
            if (e->conv)
                purging(c, e);
            break;
        case KIND_COMMIT:
            acted(c, e);
            break;
        default:
            break;
    }
}

void restore_fold(struct check *c, const struct event *e)
{
    uint64_t node = record_get(e->r, FIELD_NODE), step = record_get(e->r, FIELD_STEP);
    switch (e->r->kind) {
        case KIND_BACKUP: {
            uint32_t before = lineage(c, node);
            uint32_t at = GROW(c, restored);
            c->restored[at] = (struct restored){.shard = node, .backup = step, .seq = e->r->seq, .before = before};
            break;
        }
        case KIND_RESTORE:
            restore(c, node, step);
            break;
        case KIND_RESTART:
            started(c, node);
            break;
        case KIND_REPLAY:
            replay(c, e);
            break;
        case KIND_EPOCH:
            c->users[e->user].epoch = record_get(e->r, FIELD_EPOCH);
            c->users[e->user].head = 0;
            c->users[e->user].epoch_seq = e->r->seq;
            break;
        case KIND_APPEND:
            c->users[e->user].home = record_get(e->r, FIELD_SHARD);
            break;
        case KIND_CURSOR:
        case KIND_INSTALL:
            c->devices[e->device].moved_seq = e->r->seq;
            break;
        case KIND_COMMIT:
            if (e->what == WORD_CREATE) {
                c->convs[e->conv].created_seq = e->r->seq;
                c->convs[e->conv].lost = false;
            }
            c->ops[e->op].commit_seq = e->r->seq;
            c->ops[e->op].commit_shard = record_get(e->r, FIELD_SHARD);
            break;
        default:
            break;
    }
}
