/*
 * shard_retain.c: retention by age: messages of a conversation go when they are as old as its owner said.
 *
 * Method: one timer a conversation, at the moment when the oldest message that is left is due, and a cursor: everything
 * sent up to it has gone. A step takes at most policy.job_chunk messages in the order of their sends, each a deletion
 * with a version and a fan-out like any other, but without a window: purged at once, unless a hold keeps the bytes. The
 * cursor, the tombstones and the next timer are one transaction, so a crash between two steps costs nothing. A
 * message's age is counted from its send; an edit never makes it younger. A deletion whose window is still open is
 * taken over, or its undo would bring back what is too old. It must never remove a row without telling its audience.
 */
#include "core/shard_internal.h"

static int disarm(struct shard *s, struct row *conv)
{
    if (!conv->c[CONV_retain_due])
        return 0;
    struct row timer = {.c = {[TIMER_due] = conv->c[CONV_retain_due], [TIMER_kind] = TIMER_RETAIN}};
    timer.c[TIMER_a] = conv->c[CONV_id];
    conv->c[CONV_retain_due] = 0;
    return shard_del(s, TABLE_TIMER, &timer);
}

static int arm(struct shard *s, struct row *conv, uint64_t due_us)
{
    conv->c[CONV_retain_due] = due_us;
    return shard_timer(s, due_us, TIMER_RETAIN, conv->c[CONV_id], 0, 0);
}

static uint64_t due_of(const struct row *conv, const struct row *message)
{
    uint64_t due;
    if (__builtin_add_overflow(message->c[MESSAGE_sent_at], conv->c[CONV_retention], &due))
        return TIME_NEVER;
    return due;
}

/* For the oldest message that is left; nothing when there is none: the next send arms it. */
static int arm_for_oldest(struct shard *s, struct row *conv)
{
    struct row message;
    uint64_t key[2] = {conv->c[CONV_id], conv->c[CONV_retained] + 1};
    int status = shard_first(s, TABLE_MESSAGE, INDEX_MESSAGE_BY_AGE, 1, 2, key, false, &message);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    uint64_t due = due_of(conv, &message);
    return arm(s, conv, due > s->now_us ? due : s->now_us);
}

int retain_sent(struct shard *s, struct row *conv)
{
    if (!conv->c[CONV_retention] || conv->c[CONV_retain_due])
        return 0;
    struct row message = {.c = {[MESSAGE_sent_at] = s->now_us}};
    return arm(s, conv, due_of(conv, &message));
}

void retain_note(struct shard *s, const struct row *conv, version v)
{
    struct note *note = shard_note(s, NOTE_RETENTION);
    note->conv = conv->c[CONV_id];
    note->version = v;
    note->period_us = conv->c[CONV_retention];
}

int retain_set(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    enum why why = decide_may_set_retention(s->policy, role);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    conv->c[CONV_retention] = op->period_us;
    CHECK(disarm(s, conv));
    if (op->period_us)
        CHECK(arm_for_oldest(s, conv));
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    CHECK(log_value(s, LOGGED_RETENTION, conv, 0, op->period_us));
    retain_note(s, conv, result->version);
    return 0;
}

/* Whatever the backup says; if it is of later, a later row says so again. */
int retain_again(struct shard *s, const struct row *log, struct row *conv)
{
    if (conv->c[CONV_state] >= CONV_PURGING)
        return 0;
    conv->c[CONV_retention] = log->c[DELETION_LOG_value];
    CHECK(disarm(s, conv));
    if (conv->c[CONV_retention])
        CHECK(arm_for_oldest(s, conv));
    return shard_put(s, TABLE_CONV, conv);
}

void retain_provision(struct shard *s, const struct row *conv)
{
    if (conv->c[CONV_retention])
        retain_note(s, conv, 0);
}

struct batch {
    struct row rows[JOB_CHUNK_MAX];
    size_t count, limit;
};

static int collect(void *ctx, const struct row *message)
{
    struct batch *batch = ctx;
    batch->rows[batch->count++] = *message;
    return batch->count == batch->limit;
}

static int take(struct shard *s, struct row *conv, struct row *message)
{
    struct removal removal = {.deadline_us = s->now_us, .reason = REASON_RETENTION};
    conv->c[CONV_retained] = message->c[MESSAGE_sent];
    if (!conv_is_to_go(s, message))
        return 0;
    conv_next_version(s, conv);
    struct note *note = shard_note(s, NOTE_COMMIT);
    note->job = true;
    note->operation = OPERATION_DELETE;
    note->conv = conv->c[CONV_id];
    note->target = message->c[MESSAGE_id];
    note->version = conv->c[CONV_version];
    note->reason = REASON_RETENTION;
    note->deadline_us = removal.deadline_us;
    if (!decide_retention_announces(s->policy))
        return shard_del(s, TABLE_MESSAGE, message);
    return conv_entomb(s, conv, message, &removal);
}

int retain_timer(struct shard *s, const struct row *timer)
{
    struct row conv = {.c = {[CONV_id] = timer->c[TIMER_a]}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] >= CONV_PURGING))
        return 0; /* all of it is going */
    CHECK(status);
    struct batch batch = {.limit = s->policy->job_chunk};
    struct store_range range = {.table = TABLE_MESSAGE, .index = INDEX_MESSAGE_BY_AGE, .fixed = 1, .given = 2};
    range.key[0] = conv.c[CONV_id];
    range.key[1] = conv.c[CONV_retained] + 1;
    status = s->store->ops->scan(s->store, &range, collect, &batch);
    CHECK(status);
    conv.c[CONV_retain_due] = 0;
    size_t at = 0;
    for (; at < batch.count && due_of(&conv, &batch.rows[at]) <= s->now_us; at++)
        CHECK(take(s, &conv, &batch.rows[at]));
    if (at < batch.count)
        CHECK(arm(s, &conv, due_of(&conv, &batch.rows[at])));
    else if (batch.count == batch.limit)
        CHECK(arm(s, &conv, s->now_us));
    return shard_put(s, TABLE_CONV, &conv);
}
