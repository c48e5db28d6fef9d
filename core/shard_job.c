/*
 * shard_job.c: work that is too long for one step: bulk deletion, and the export of a conversation (shard_export.c).
 *
 * Method: a JOB row and a timer. One step looks at policy.job_chunk messages, gives each that it is for the ordinary
 * deletion (its own version, tombstone, undo window and fan-out), and stores how far it came in the same transaction:
 * so a crash between any two steps loses nothing and repeats nothing. A job takes what was sent up to the version of
 * the request and nothing later. It was authorised when it was asked for; it must never ask again half-way, or the
 * outcome would depend on the speed of the shard. It ends when nothing is left, or with its conversation.
 */
#include "core/shard_internal.h"

struct batch {
    const struct row *job;
    struct row rows[JOB_CHUNK_MAX];
    size_t count, limit;
};

/* An index by author goes on into other conversations: that is the end of this one's messages. */
static int collect(void *ctx, const struct row *message)
{
    struct batch *batch = ctx;
    if (message->c[MESSAGE_conv] != batch->job->c[JOB_conv])
        return 1;
    batch->rows[batch->count++] = *message;
    return batch->count == batch->limit;
}

static int next_batch(struct shard *s, const struct row *job, struct batch *batch)
{
    struct store_range range = {.table = TABLE_MESSAGE, .index = INDEX_PRIMARY, .fixed = 1, .given = 2};
    range.key[0] = job->c[JOB_conv];
    range.key[1] = job->c[JOB_cursor];
    if (job->c[JOB_subject]) {
        range.index = INDEX_MESSAGE_BY_AUTHOR;
        range.given = 3;
        range.key[0] = job->c[JOB_subject];
        range.key[1] = job->c[JOB_conv];
        range.key[2] = job->c[JOB_cursor];
    }
    batch->job = job;
    batch->count = 0;
    batch->limit = s->policy->job_chunk;
    int status = s->store->ops->scan(s->store, &range, collect, batch);
    return status < 0 ? status : 0;
}

static void note_job(struct shard *s, const struct row *job, enum job_stage stage)
{
    struct note *note = shard_note(s, NOTE_JOB);
    note->device = ID_DEVICE(job->c[JOB_id]);
    note->op = ID_OP(job->c[JOB_id]);
    note->conv = job->c[JOB_conv];
    note->actor = (user_id)job->c[JOB_actor];
    note->subject = (user_id)job->c[JOB_subject];
    note->stage = (uint8_t)stage;
    note->count = job->c[JOB_count];
}

void job_note_part(struct shard *s, const struct row *job, const struct row *conv, msg_id target,
                   const struct removal *removal)
{
    struct note *note = shard_note(s, NOTE_COMMIT);
    note->job = true;
    note->device = ID_DEVICE(job->c[JOB_id]);
    note->op = ID_OP(job->c[JOB_id]);
    note->operation = target ? OPERATION_DELETE : OPERATION_LEAVE;
    note->conv = conv->c[CONV_id];
    note->target = target;
    note->version = conv->c[CONV_version];
    note->actor = removal->actor;
    note->subject = target ? 0 : removal->actor;
    note->reason = (uint8_t)removal->reason;
    note->deadline_us = removal->deadline_us;
}

static int delete_one(struct shard *s, struct row *job, struct row *conv, struct row *message)
{
    if (message->c[MESSAGE_state] != MESSAGE_LIVE || message->c[MESSAGE_sent] > job->c[JOB_until])
        return 0;
    if (s->restored && message->c[MESSAGE_deletion] > job->c[JOB_until])
        return 0; /* begun again: it was taken, and an undo brought it back */
    struct removal removal = {.actor = (user_id)job->c[JOB_actor], .reason = REASON_BULK, .op = job->c[JOB_id]};
    removal.deadline_us = s->now_us + s->policy->undo_window_us;
    conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    job_note_part(s, job, conv, message->c[MESSAGE_id], &removal);
    job->c[JOB_count]++;
    return conv_entomb(s, conv, message, &removal);
}

int job_end(struct shard *s, const struct row *job)
{
    note_job(s, job, JOB_END);
    return shard_del(s, TABLE_JOB, job);
}

static int arm(struct shard *s, const struct row *job)
{
    return shard_timer(s, s->now_us, TIMER_JOB, job->c[JOB_id], 0, 0);
}

int job_continue(struct shard *s, const struct row *job)
{
    note_job(s, job, JOB_PROGRESS);
    CHECK(shard_put(s, TABLE_JOB, job));
    return arm(s, job);
}

int job_begin(struct shard *s, const struct row *job)
{
    note_job(s, job, JOB_BEGIN);
    CHECK(shard_put(s, TABLE_JOB, job));
    return arm(s, job);
}

int job_timer(struct shard *s, const struct row *timer)
{
    struct row job = {.c = {[JOB_id] = timer->c[TIMER_a]}};
    if (!decide_job_goes_on(s->policy, timer->c[TIMER_due] >= s->started_us))
        return 0;
    int status = shard_get(s, TABLE_JOB, &job);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    if (job.c[JOB_kind] == JOB_ERASE)
        return erase_step(s, &job);
    struct row conv = {.c = {[CONV_id] = job.c[JOB_conv]}};
    status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] >= CONV_PURGING))
        return job_end(s, &job); /* all of it is going */
    CHECK(status);
    bool over = false;
    if (job.c[JOB_kind] == JOB_EXPORT)
        CHECK(export_over(s, &job, &conv, &over));
    if (over)
        return job_end(s, &job);
    struct batch batch;
    CHECK(next_batch(s, &job, &batch));
    for (size_t i = 0; i < batch.count; i++)
        CHECK(job.c[JOB_kind] == JOB_EXPORT ? export_one(s, &job, &conv, &batch.rows[i])
                                            : delete_one(s, &job, &conv, &batch.rows[i]));
    if (batch.count < batch.limit)
        return job_end(s, &job);
    job.c[JOB_cursor] = batch.rows[batch.count - 1].c[MESSAGE_id] + 1;
    return job_continue(s, &job);
}

int conv_delete_all(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    enum why why = decide_may_delete_message(s->policy, op->user, role, op->subject);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    struct row job = {.c = {[JOB_id] = MAKE_ID(op->device, op->op), [JOB_conv] = op->conv}};
    job.c[JOB_kind] = JOB_BULK;
    job.c[JOB_subject] = op->subject;
    job.c[JOB_actor] = op->user;
    job.c[JOB_until] = result->version;
    CHECK(log_change(s, LOGGED_BULK, op->conv, 0, result->version));
    return job_begin(s, &job);
}

/* After a restore, from the beginning: what it had deleted is deleted already. */
int job_again(struct shard *s, const struct row *log)
{
    struct row job = {.c = {[JOB_id] = MAKE_ID(log->c[DELETION_LOG_device], log->c[DELETION_LOG_op])}};
    struct row conv = {.c = {[CONV_id] = log->c[DELETION_LOG_conv]}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    job.c[JOB_kind] = JOB_BULK;
    job.c[JOB_conv] = log->c[DELETION_LOG_conv];
    job.c[JOB_subject] = log->c[DELETION_LOG_subject];
    job.c[JOB_actor] = log->c[DELETION_LOG_actor];
    job.c[JOB_until] = log->c[DELETION_LOG_version];
    CHECK(shard_put(s, TABLE_JOB, &job));
    return arm(s, &job);
}
