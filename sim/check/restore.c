/*
 * restore.c: restore-safe, and what the model forgets at a restore: the shard's commits since the backup are lost, but
 * for its deletions, which its deletion log keeps. A restore explains that messages, edits and memberships of after the
 * backup go; it never excuses that a deletion does.
 *
 * Judged: at the end, no device reads what was deleted before the restore of its conversation's shard; and each hello,
 * to a restored shard, of a device that has not installed anything since is answered with a reset: its cursor is of a
 * log that is no more.
 */
#include "sim/check/state.h"

static const struct restored *last_restore(const struct check *c, uint64_t shard)
{
    for (uint32_t i = c->restored_count; i-- > 1;)
        if (c->restored[i].shard == shard && !c->restored[i].backup)
            return &c->restored[i];
    return NULL;
}

uint32_t restore_count(const struct check *c, uint64_t shard)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < c->restored_count; i++)
        count += c->restored[i].shard == shard && !c->restored[i].backup;
    return count;
}

static void forget_message(struct check *c, struct message *m, uint64_t from_seq)
{
    if (m->sent && m->send_seq > from_seq) {
        m->sent = false;
        m->lost = true;
    }
    if (!m->edit_version)
        return;
    struct record edit;
    state_kept(c, m->edit_kept, &edit);
    if (edit.seq > from_seq) /* what it said before is not known any more */
        m->edit_version = 0;
}

static void forget_member(struct member *m, uint64_t from_seq)
{
    m->is = false;
    m->gone = m->since_seq > from_seq && (!m->ended_seq || m->ended_seq > from_seq);
}

static void forget_conv(struct check *c, uint32_t conv, uint64_t from_seq)
{
    struct conv *v = &c->convs[conv];
    v->restored_seq = c->now->seq;
    v->retentions = 0;                              /* the restored shard says how long it keeps */
    v->lost = v->lost || v->created_seq > from_seq; /* until it is made again */
    for (uint32_t i = v->first_message; i; i = c->messages[i].next_in_conv)
        forget_message(c, &c->messages[i], from_seq);
    for (uint32_t i = v->members; i; i = c->members[i].next_of_conv)
        forget_member(&c->members[i], from_seq); /* the restored shard says who is one */
    for (uint32_t i = 1; i < c->awaited_count; i++)
        if (c->awaited[i].conv == conv)
            c->awaited[i].came = true; /* a reset tells them instead */
}

static bool is_logged(enum word what)
{
    return what == WORD_DELETE || what == WORD_UNDO || what == WORD_DELETE_CONV || what == WORD_UNDO_CONV ||
           what == WORD_DELETE_ME || what == WORD_CLEAR || what == WORD_DELETE_ALL;
}

static void forget_ops(struct check *c, uint64_t shard, uint64_t from_seq)
{
    for (uint32_t i = 1; i < c->ops_count; i++) {
        struct op *op = &c->ops[i];
        if (!op->committed || op->commit_shard != shard || op->commit_seq <= from_seq || is_logged(op->what))
            continue;
        op->committed = false;
        op->lost = true;
        if (op->what == WORD_READ) /* what is read is not known any more */
            c->convs[op->conv].open_reads++;
    }
}

/* Who came or went after the backup has not. */
static void forget_passages(struct check *c, uint64_t shard, uint64_t from_seq)
{
    for (uint32_t i = 1; i < c->entries_count; i++) {
        struct entry *a = &c->entries[i];
        if (a->seq > from_seq && a->source == shard && (a->what == WORD_JOIN || a->what == WORD_EVICT))
            a->what = WORD_NONE;
    }
}

static void restore(struct check *c, uint64_t shard, uint64_t name)
{
    uint64_t from_seq = 0;
    for (uint32_t i = 1; i < c->restored_count; i++)
        if (c->restored[i].backup == name)
            from_seq = c->restored[i].seq;
    for (uint32_t i = 1; i < c->convs_count; i++)
        if (c->convs[i].shard == shard)
            forget_conv(c, i, from_seq);
    for (uint32_t i = 1; i < c->awaited_count; i++)
        if (c->users[c->awaited[i].user].home == shard)
            c->awaited[i].came = true;
    forget_ops(c, shard, from_seq);
    forget_passages(c, shard, from_seq);
    uint32_t at = GROW(c, restored);
    c->restored[at] = (struct restored){.shard = shard, .seq = c->now->seq, .kept = state_keep(c, c->now)};
}

/* ---- done again: by then the model has it, unless the commit itself was never told ---- */

static void replay(struct check *c, const struct event *e)
{
    version v = record_get(e->r, FIELD_VERSION);
    bool undo = e->what == WORD_UNDO || e->what == WORD_UNDO_CONV;
    bool deletes = e->what == WORD_DELETE || e->what == WORD_DELETE_CONV;
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
    const struct restored *last = last_restore(c, record_get(e->r, FIELD_SHARD));
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

void restore_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_SYNC)
        sync(c, e);
}

void restore_fold(struct check *c, const struct event *e)
{
    uint64_t node = record_get(e->r, FIELD_NODE), step = record_get(e->r, FIELD_STEP);
    switch (e->r->kind) {
        case KIND_BACKUP: {
            uint32_t at = GROW(c, restored);
            c->restored[at] = (struct restored){.shard = node, .backup = step, .seq = e->r->seq};
            break;
        }
        case KIND_RESTORE:
            restore(c, node, step);
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

/* ---- at the end ---- */

static uint32_t read_anywhere(const struct check *c, const struct message *m)
{
    for (uint32_t i = m->items; i; i = c->items[i].next)
        for (uint32_t h = c->items[i].first_holding; h; h = c->holdings[h].next)
            if (!c->holdings[h].pending && holding_in_view(c, h) && final_view(c, &c->devices[c->holdings[h].device]) &&
                !c->devices[c->holdings[h].device].exempt)
                return h;
    return 0;
}

static void judge_target(struct check *c, const struct message *m, const struct target *t, uint64_t restored_seq)
{
    const struct change *deletion = target_current(c, t);
    if (!deletion || deletion->seq > restored_seq)
        return;
    uint32_t read = read_anywhere(c, m);
    if (!read) {
        judge(c, INVARIANT_RESTORE_SAFE);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_RESTORE_SAFE, "%s was deleted before its shard was restored, and %s reads it at the end",
                nm(c, m->name), nm(c, c->devices[c->holdings[read].device].name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, deletion->kept);
    chain_kept(c, v, last_restore(c, c->convs[m->conv].shard)->kept);
    chain_show(c, v, read);
}

void restore_finish(struct check *c)
{
    if (!c->ended || !c->delivering)
        return;
    for (uint32_t i = 1; i < c->convs_count; i++) {
        const struct conv *conv = &c->convs[i];
        if (!conv->restored_seq)
            continue;
        for (uint32_t j = conv->first_message; j; j = c->messages[j].next_in_conv) {
            const struct message *m = &c->messages[j];
            judge_target(c, m, m->target.deleted ? &m->target : &conv->target, conv->restored_seq);
        }
    }
}
