/*
 * shard_cascade.c: with the policy "quotes": "cascade" the deletion of a message takes along what was replied to it,
 * and what was replied to that.
 *
 * Method: the set is worked out here, in the step of the root's deletion, and declared: each reply gets a commit and an
 * entry of its own, with the reason cascade, so that no device ever computes what went with what. A tombstone of the
 * cascade names the root's deletion as its cause; the root's undo brings back those, and only those, in its own step.
 * What was deleted before stays out of it. Limit: one step, whatever the size of the set, so that it is all or nothing.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

#define REPLIES_CHUNK 64

struct cascade { /* messages whose replies are still to be looked at */
    msg_id *parents;
    size_t count, cap;
};
struct replies {
    struct row rows[REPLIES_CHUNK];
    size_t count;
};

static int collect(void *ctx, const struct row *quote)
{
    struct replies *r = ctx;
    r->rows[r->count++] = *quote;
    return r->count == REPLIES_CHUNK;
}

static void push(struct cascade *c, msg_id parent)
{
    c->parents = base_grow(c->parents, &c->cap, c->count + 1, sizeof *c->parents);
    c->parents[c->count++] = parent;
}

typedef int cascade_visit(struct shard *s, struct row *conv, struct row *reply, const struct removal *removal);

/* The replies to one message that `visit` changed are looked at next. */
static int visit_replies(struct shard *s, struct row *conv, msg_id parent, const struct removal *removal,
                         cascade_visit *visit, struct cascade *c)
{
    struct store_range range = {.table = TABLE_QUOTE, .index = INDEX_QUOTE_BY_PARENT, .fixed = 2, .given = 3};
    struct replies replies;
    range.key[0] = parent;
    range.key[1] = conv->c[CONV_id];
    do {
        replies.count = 0;
        CHECK(s->store->ops->scan(s->store, &range, collect, &replies));
        for (size_t i = 0; i < replies.count; i++) {
            struct row reply = {.c = {[MESSAGE_conv] = conv->c[CONV_id]}};
            reply.c[MESSAGE_id] = replies.rows[i].c[QUOTE_reply];
            CHECK(shard_get(s, TABLE_MESSAGE, &reply));
            int changed = visit(s, conv, &reply, removal);
            CHECK(changed);
            if (changed)
                push(c, reply.c[MESSAGE_id]);
        }
        if (replies.count)
            range.key[2] = replies.rows[replies.count - 1].c[QUOTE_reply] + 1;
    } while (replies.count == REPLIES_CHUNK);
    return 0;
}

static int walk(struct shard *s, struct row *conv, msg_id root, const struct removal *removal, cascade_visit *visit)
{
    struct cascade c = {0};
    int status = 0;
    push(&c, root);
    while (status >= 0 && c.count > 0)
        status = visit_replies(s, conv, c.parents[--c.count], removal, visit, &c);
    free(c.parents);
    return status < 0 ? status : 0;
}

static struct note *note_part(struct shard *s, const struct row *conv, const struct row *reply,
                              const struct removal *removal, enum operation operation)
{
    struct note *note = shard_note(s, NOTE_COMMIT);
    note->job = true;
    note->device = ID_DEVICE(removal->op);
    note->op = ID_OP(removal->op);
    note->operation = (uint8_t)operation;
    note->conv = conv->c[CONV_id];
    note->target = reply->c[MESSAGE_id];
    note->version = conv->c[CONV_version];
    note->actor = removal->actor;
    note->reason = REASON_CASCADE;
    return note;
}

static int delete_reply(struct shard *s, struct row *conv, struct row *reply, const struct removal *removal)
{
    if (reply->c[MESSAGE_state] != MESSAGE_LIVE)
        return 0;
    conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    note_part(s, conv, reply, removal, OPERATION_DELETE)->deadline_us = removal->deadline_us;
    CHECK(conv_entomb(s, conv, reply, removal));
    return 1;
}

int cascade_delete(struct shard *s, struct row *conv, const struct row *root, const struct removal *removal)
{
    if (removal->reason == REASON_CASCADE || !decide_cascades(s->policy) || !decide_cascade_declared(s->policy))
        return 0;
    struct removal part = *removal;
    part.reason = REASON_CASCADE;
    part.cause = root->c[MESSAGE_deletion];
    return walk(s, conv, root->c[MESSAGE_id], &part, delete_reply);
}

static int restore_reply(struct shard *s, struct row *conv, struct row *reply, const struct removal *removal)
{
    if (reply->c[MESSAGE_state] != MESSAGE_DELETED || reply->c[MESSAGE_reason] != REASON_CASCADE ||
        reply->c[MESSAGE_cause] != removal->cause)
        return 0;
    conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    note_part(s, conv, reply, removal, OPERATION_UNDO)->named = reply->c[MESSAGE_deletion];
    CHECK(conv_restore(s, conv, reply));
    return 1;
}

int cascade_undo(struct shard *s, struct row *conv, const struct row *root, const struct wire *op)
{
    struct removal part = {.actor = op->user, .reason = REASON_CASCADE, .cause = root->c[MESSAGE_deletion]};
    part.op = MAKE_ID(op->device, op->op);
    return decide_cascades(s->policy) ? walk(s, conv, root->c[MESSAGE_id], &part, restore_reply) : 0;
}
