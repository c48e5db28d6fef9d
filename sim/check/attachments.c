/*
 * attachments.c: no-orphans and gone-not-served: the bytes of attachments where they are stored, and who is given them;
 * and of no-silent-loss, that they are not gone before.
 *
 * A `blobs` record lists every upload whose bytes are found at a shard, by a reader that asks nobody what they belong
 * to; the commits say that: of the upload until when it may wait, of a send which upload it refers to. Bytes of a
 * message that was purged are a violation at once; those that no message refers to from their deadline on, or from the
 * end of the last fault, with the bound of what is online. A fetch is judged by what was committed before it, because
 * the shard that decides it is the one that orders the conversation.
 * Bytes of before a restore, of an upload or a message that it lost, may be there or not until the deadline that the
 * restore states: a backup that has it may be restored next. Then they must be there, if a message that refers to them
 * is. From the deadline on they are like any others. Of a restore without one nobody can know.
 * Bytes that no commit ever spoke of, left by a step that did not happen, must be gone when the deadlines are over that
 * the last phase waits for; a history without phases says nothing of them.
 * Limit: a fetch by who cannot read the message for another reason than these two is not judged.
 */
#include "sim/check/state.h"

static struct upload *upload_find(const struct check *c, uint64_t name)
{
    uint32_t at = name ? pair_map_get(&c->upload_of, name) : 0;
    return at ? &c->uploads[at] : NULL;
}

/* A message that was lost by a restore refers to nothing. */
static const struct message *owner(const struct check *c, const struct upload *u)
{
    return u->message && !c->messages[u->message].lost ? &c->messages[u->message] : NULL;
}

/* The shard knows nothing of it: then only the backups that have it do, for as long as they may be restored. */
static bool is_lost(const struct check *c, const struct upload *u)
{
    return c->ops[u->op].lost && !c->ops[u->op].committed;
}

/* The restore after which the message that refers to it, or the upload itself, may be in a backup only; or NULL. */
static const struct restored *restored_since(const struct check *c, const struct upload *u)
{
    const struct restored *last = restore_last(c, u->shard);
    return last && c->ops[u->op].commit_seq < last->seq ? last : NULL;
}

/* When bytes that no message refers to must be gone; TIME_NEVER: nobody knows. */
static uint64_t due(const struct check *c, const struct upload *u)
{
    const struct restored *restore = restored_since(c, u);
    uint64_t wait_us = u->kept ? u->deadline_us : c->aging ? 0 : TIME_NEVER;
    if (!restore)
        return wait_us;
    if (!restore->due_us)
        return TIME_NEVER;
    return is_lost(c, u) || wait_us < restore->due_us ? restore->due_us : wait_us;
}

static bool is_purged(const struct check *c, const struct message *m)
{
    return m->target.purged || (m->conv && c->convs[m->conv].target.purged);
}

static bool is_late(const struct check *c, uint64_t deadline_us, uint64_t at_us)
{
    bool healthy = !c->fault_count && !c->nameless_faults && !c->shards_down && !c->shard_exempt && !c->clock_off;
    uint64_t from_us = deadline_us > c->fault_end_us ? deadline_us : c->fault_end_us;
    return healthy && deadline_us != TIME_NEVER && at_us > from_us + c->options.online_us;
}

/* What nobody sent goes with the account of who uploaded it; what the shard does not know, when the restore says. */
static void found_unsent(struct check *c, const struct event *e, const struct upload *u)
{
    const struct erasure *x = erasure_of(c, u->author);
    if (!x || !x->ended)
        return;
    uint64_t from_us = is_lost(c, u) && due(c, u) > x->ended_at_us ? due(c, u) : x->ended_at_us;
    if (!is_late(c, from_us, e->r->at_us))
        return;
    struct verdict *v = violate(c, INVARIANT_ERASURE_COMPLETE, "the account of %s was erased, and %s is still stored",
                                nm(c, c->users[x->user].name), nm(c, u->name));
    chain_kept(c, v, u->kept);
    chain_kept(c, v, x->kept);
    chain_now(c, v);
}

static void found(struct check *c, const struct event *e, struct upload *u)
{
    const struct message *m = owner(c, u);
    const char *name = nm(c, u->name), *shard = nm(c, u->shard);
    struct verdict *v = NULL;
    if (!m)
        found_unsent(c, e, u);
    if (!m && !u->doubtful && u->kept && due(c, u) == TIME_NEVER && is_late(c, u->deadline_us, e->r->at_us)) {
        u->doubtful = true;
        judge_unknown(c, INVARIANT_NO_ORPHANS);
    }
    if (m && is_purged(c, m))
        v = violate(c, INVARIANT_NO_ORPHANS, "%s still has the bytes of %s, and %s is purged", shard, name,
                    nm(c, m->name));
    else if (!m && is_late(c, due(c, u), e->r->at_us))
        v = violate(c, INVARIANT_NO_ORPHANS, "%s still has the bytes of %s, and no message has come for them", shard,
                    name);
    if (!v)
        return;
    if (u->kept)
        chain_kept(c, v, u->kept);
    if (!m && restored_since(c, u))
        chain_kept(c, v, restored_since(c, u)->kept);
    if (!m) {
        chain_now(c, v);
        return;
    }
    if (m->target.purge_kept)
        chain_kept(c, v, m->target.purge_kept);
    else
        chain_kept(c, v, c->convs[m->conv].target.purge_kept);
    chain_now(c, v);
}

/* It was there, and is not now. */
static void missed(struct check *c, const struct event *e, struct upload *u)
{
    const struct message *m = owner(c, u);
    bool purging = m && (m->target.purging || (m->conv && c->convs[m->conv].target.purging));
    if (m ? is_purged(c, m) && !is_lost(c, u) : due(c, u) < e->r->at_us) {
        u->over = true;
        judge(c, INVARIANT_NO_ORPHANS);
        return;
    }
    if (!m || purging || !m->sent || is_lost(c, u))
        return;
    u->over = true;
    struct verdict *v = violate(c, INVARIANT_NO_SILENT_LOSS, "%s has lost the bytes of %s, and nothing has purged %s",
                                nm(c, u->shard), nm(c, u->name), nm(c, m->name));
    chain_kept(c, v, u->kept);
    chain_kept(c, v, m->send_kept);
    chain_now(c, v);
}

static struct upload *upload_put(struct check *c, uint64_t name, uint64_t shard)
{
    uint32_t *slot = pair_map_at(&c->upload_of, name);
    if (!*slot) {
        *slot = GROW(c, uploads);
        c->uploads[*slot].name = (uint32_t)name;
    }
    c->uploads[*slot].shard = shard;
    return &c->uploads[*slot];
}

static void look(struct check *c, const struct event *e)
{
    uint64_t seq = e->r->seq, shard = record_get(e->r, FIELD_SHARD);
    for (size_t i = 0; i < e->r->item_count; i++) {
        struct upload *u = upload_put(c, e->r->items[i].message, shard);
        u->look = seq;
        u->seen = true;
        found(c, e, u);
    }
    for (uint32_t i = 1; i < c->uploads_count; i++) {
        struct upload *u = &c->uploads[i];
        if (u->seen && !u->over && u->look != seq && u->shard == shard)
            missed(c, e, u);
    }
}

static void asked(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    const struct member *member = state_member(c, e->conv, c->devices[e->device].user);
    bool live = message_live(c, m), is = member && member->is, served = !record_has(e->r, FIELD_WHY);
    if (live && is)
        return;
    if (!served) {
        judge(c, INVARIANT_GONE_NOT_SERVED);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_GONE_NOT_SERVED, "%s was served the attachment of %s, %s",
                nm(c, c->devices[e->device].name), nm(c, m->name), is ? "which is deleted" : "and is no member");
    chain_kept(c, v, m->send_kept);
    const struct target *t = m->target.deleted ? &m->target : &c->convs[e->conv].target;
    const struct change *deletion = target_current(c, t);
    if (is && deletion)
        chain_kept(c, v, deletion->kept);
    chain_now(c, v);
}

void attachments_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_BLOBS)
        look(c, e);
    if (e->r->kind == KIND_FETCH && e->message && e->device && e->conv)
        asked(c, e);
}

static void commit_upload(struct check *c, const struct event *e)
{
    struct upload *u = upload_put(c, record_get(e->r, FIELD_OP), record_get(e->r, FIELD_SHARD));
    u->op = e->op;
    u->deadline_us = record_get(e->r, FIELD_DEADLINE);
    u->kept = c->ops[e->op].kept;
    u->author = e->actor;
}

void attachments_after(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_COMMIT)
        return;
    if (e->what == WORD_UPLOAD && e->op)
        commit_upload(c, e);
    struct upload *u = upload_find(c, record_get(e->r, FIELD_ATTACHMENT));
    if (u && e->message)
        u->message = e->message;
}
