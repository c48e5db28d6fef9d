/*
 * shard_erase.c: account erasure: everything that a user ever wrote goes, wherever it is, and so does the user.
 *
 * Method: the request is decided at the user's shard, which closes the account: what its devices ask for from then on
 * is refused. The order goes to every shard on the channels. They are first-in first-out, so whatever the user sent
 * before is executed there by then, and nothing comes later; an addition by others is refused by the same row. Each
 * shard runs a job over the messages of this author in all conversations, those left long ago too; then over what
 * replies quote of them, where a quote is the reply's own by policy; then takes the user out of the conversations that
 * are left; it reports, and the last report ends the erasure. Each message gets a tombstone without a
 * window; an open window is taken over, so no undo brings anything back. A hold keeps the bytes (shard_hold.c): the
 * purge waits for its release. Tombstones and closed rows keep an opaque account id and nothing else of the person.
 */
#include "core/shard_internal.h"

int erase_closed(struct shard *s, user_id user, bool *closed)
{
    struct row row = {.c = {[ERASURE_user] = user}};
    int status = shard_get(s, TABLE_ERASURE, &row);
    *closed = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* ---- the user's shard ---- */

static void note_erasure(struct shard *s, const struct row *erasure, enum job_stage stage)
{
    struct note *note = shard_note(s, NOTE_ERASURE);
    note->user = (user_id)erasure->c[ERASURE_user];
    note->device = ID_DEVICE(erasure->c[ERASURE_job]);
    note->op = ID_OP(erasure->c[ERASURE_job]);
    note->deadline_us = erasure->c[ERASURE_deadline];
    note->stage = (uint8_t)stage;
}

static uint64_t every_shard(const struct shard *s)
{
    return UINT64_MAX >> (64 - s->count);
}

static int tell_shards(struct shard *s, const struct row *erasure, bool itself)
{
    struct wire order = {.kind = WIRE_ORDER, .user = (user_id)erasure->c[ERASURE_user]};
    order.device = ID_DEVICE(erasure->c[ERASURE_job]);
    order.op = ID_OP(erasure->c[ERASURE_job]);
    order.at_us = erasure->c[ERASURE_at];
    for (shard_id d = 0; d < s->count; d++)
        if (itself || d != s->id)
            CHECK(channel_send(s, d, &order, NULL));
    return 0;
}

int erase_execute(struct shard *s, const struct wire *op, struct result *result)
{
    bool closed;
    CHECK(erase_closed(s, op->user, &closed));
    if (closed)
        return conv_refuse(result, WHY_ACCOUNT_CLOSED);
    struct row erasure = {.c = {[ERASURE_user] = op->user, [ERASURE_job] = MAKE_ID(op->device, op->op)}};
    if (__builtin_add_overflow(s->now_us, s->policy->erasure_deadline_us, &erasure.c[ERASURE_deadline]))
        erasure.c[ERASURE_deadline] = TIME_NEVER;
    erasure.c[ERASURE_at] = s->now_us;
    erasure.c[ERASURE_waits] = every_shard(s);
    CHECK(shard_put(s, TABLE_ERASURE, &erasure));
    result->version = VERSION_MAKE(s->incarnation, 1); /* of the account: its only decision */
    conv_note_commit(s, op, result->version, erasure.c[ERASURE_deadline]);
    note_erasure(s, &erasure, JOB_BEGIN);
    return tell_shards(s, &erasure, true);
}

int erase_refuse(struct shard *s, const struct wire *op)
{
    struct result result = {.outcome = OUTCOME_REFUSED, .why = WHY_ACCOUNT_CLOSED};
    conv_note_refusal(s, op, &result);
    CHECK(audit_decision(s, op, &result));
    struct wire answer = {.kind = WIRE_RESULT, .user = op->user, .device = op->device, .op = op->op};
    answer.outcome = OUTCOME_REFUSED;
    answer.why = WHY_ACCOUNT_CLOSED;
    return user_answer(s, &answer);
}

/* A shard that was restored meanwhile may report twice. */
int erase_done(struct shard *s, shard_id source, const struct wire *w)
{
    struct row erasure = {.c = {[ERASURE_user] = w->user}};
    int status = shard_get(s, TABLE_ERASURE, &erasure);
    if (status == E_NOTFOUND || (status == 0 && !erasure.c[ERASURE_waits]))
        return 0;
    CHECK(status);
    erasure.c[ERASURE_waits] &= ~(1ULL << source);
    if (!erasure.c[ERASURE_waits])
        note_erasure(s, &erasure, JOB_END);
    return shard_put(s, TABLE_ERASURE, &erasure);
}

/* ---- every shard ---- */

int erase_order(struct shard *s, const struct wire *w)
{
    struct row row = {.c = {[ERASURE_user] = w->user}};
    int status = shard_get(s, TABLE_ERASURE, &row);
    if (status == E_NOTFOUND) {
        row.c[ERASURE_at] = w->at_us;
        row.c[ERASURE_job] = MAKE_ID(w->device, w->op);
        status = shard_put(s, TABLE_ERASURE, &row);
    }
    CHECK(status);
    struct row job = {.c = {[JOB_id] = row.c[ERASURE_job], [JOB_kind] = JOB_ERASE, [JOB_subject] = w->user}};
    job.c[JOB_actor] = w->user;
    struct row log = {.c = {[DELETION_LOG_actor] = w->user, [DELETION_LOG_subject] = row.c[ERASURE_job]}};
    log.c[DELETION_LOG_deadline] = row.c[ERASURE_deadline];
    CHECK(log_deletion(s, LOGGED_ERASE, &log));
    return job_begin(s, &job);
}

/*
 * After a restore: the account is closed again, and what the backup has of it goes again. The user's shard orders it
 * again as well: what it had on its way is lost, and so is what it knew of who has done it.
 */
int erase_again(struct shard *s, const struct row *log)
{
    struct row row = {.c = {[ERASURE_user] = log->c[DELETION_LOG_actor]}};
    int status = shard_get(s, TABLE_ERASURE, &row);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    if (status == E_NOTFOUND) {
        row.c[ERASURE_at] = log->c[DELETION_LOG_at];
        row.c[ERASURE_job] = log->c[DELETION_LOG_subject];
        row.c[ERASURE_deadline] = log->c[DELETION_LOG_deadline];
        if (shard_of_user((user_id)row.c[ERASURE_user], s->count) == s->id)
            row.c[ERASURE_waits] = every_shard(s);
        CHECK(shard_put(s, TABLE_ERASURE, &row));
    }
    struct row job = {.c = {[JOB_id] = row.c[ERASURE_job], [JOB_kind] = JOB_ERASE}};
    job.c[JOB_subject] = job.c[JOB_actor] = log->c[DELETION_LOG_actor];
    return job_begin(s, &job);
}

int erase_tell_again(struct shard *s, struct row *erasure)
{
    return erasure->c[ERASURE_waits] ? tell_shards(s, erasure, false) : 0;
}

struct batch {
    struct row rows[JOB_CHUNK_MAX];
    size_t count, limit;
};

static int collect(void *ctx, const struct row *row)
{
    struct batch *batch = ctx;
    batch->rows[batch->count++] = *row;
    return batch->count == batch->limit;
}

/* JOB_until says how far it is. Quotes last of what was written: no reply to what is deleted makes another one. */
enum part { PART_MESSAGES, PART_MEMBERSHIPS, PART_QUOTES };
static const struct {
    enum store_table table;
    int index, conv, id; /* conv, id: columns of the table, the cursor */
} parts[] = {
    [PART_MESSAGES] = {TABLE_MESSAGE, INDEX_MESSAGE_BY_AUTHOR, MESSAGE_conv, MESSAGE_id},
    [PART_QUOTES] = {TABLE_QUOTE, INDEX_QUOTE_BY_AUTHOR, QUOTE_conv, QUOTE_reply},
    [PART_MEMBERSHIPS] = {TABLE_MEMBER, INDEX_MEMBER_BY_USER, MEMBER_conv, MEMBER_since},
};

/* The next rows of this user behind the cursor. */
static int next_batch(struct shard *s, const struct row *job, struct batch *batch)
{
    uint64_t part = job->c[JOB_until];
    struct store_range range = {.table = parts[part].table, .index = parts[part].index, .fixed = 1, .given = 3};
    range.key[0] = job->c[JOB_subject];
    range.key[1] = job->c[JOB_cursor_conv];
    range.key[2] = job->c[JOB_cursor];
    batch->count = 0;
    batch->limit = s->policy->job_chunk;
    int status = s->store->ops->scan(s->store, &range, collect, batch);
    return status < 0 ? status : 0;
}

/* *skips: it is not there any more, or all of it is going. */
static int open_conv(struct shard *s, conv_id id, struct row *conv, bool *skips)
{
    *conv = (struct row){.c = {[CONV_id] = id}};
    int status = shard_get(s, TABLE_CONV, conv);
    *skips = status == E_NOTFOUND || conv->c[CONV_state] >= CONV_PURGING;
    return status == E_NOTFOUND ? 0 : status;
}

static int erase_message(struct shard *s, struct row *job, struct row *message)
{
    struct row conv;
    bool skips;
    uint8_t role;
    user_id user = (user_id)job->c[JOB_subject];
    CHECK(open_conv(s, message->c[MESSAGE_conv], &conv, &skips));
    if (skips || !conv_is_to_go(s, message))
        return 0;
    CHECK(conv_role(s, message->c[MESSAGE_conv], user, &role, NULL));
    if (!decide_erases(s->policy, role))
        return 0;
    struct removal removal = {.actor = user, .deadline_us = s->now_us, .reason = REASON_ERASURE, .op = job->c[JOB_id]};
    conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    job_note_part(s, job, &conv, message->c[MESSAGE_id], &removal);
    job->c[JOB_count]++;
    return conv_entomb(s, &conv, message, &removal);
}

static int erase_quote(struct shard *s, const struct row *quote)
{
    struct row conv;
    bool skips;
    CHECK(open_conv(s, quote->c[QUOTE_conv], &conv, &skips));
    return skips ? 0 : quote_erase(s, &conv, quote);
}

static int leave(struct shard *s, const struct row *job, const struct row *member)
{
    struct row conv;
    bool skips;
    CHECK(open_conv(s, member->c[MEMBER_conv], &conv, &skips));
    if (skips || member->c[MEMBER_until])
        return 0;
    struct removal removal = {.actor = (user_id)job->c[JOB_subject], .reason = REASON_ERASURE};
    conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    job_note_part(s, job, &conv, 0, &removal);
    CHECK(log_value(s, LOGGED_REMOVE, &conv, removal.actor, ROLE_NONE));
    return conv_take_out(s, &conv, removal.actor);
}

static int erase_row(struct shard *s, struct row *job, struct row *row)
{
    switch ((enum part)job->c[JOB_until]) {
        case PART_MESSAGES:
            return erase_message(s, job, row);
        case PART_QUOTES:
            return erase_quote(s, row);
        case PART_MEMBERSHIPS:
            break;
    }
    return leave(s, job, row);
}

static int report(struct shard *s, const struct row *job)
{
    struct wire done = {.kind = WIRE_ORDER_DONE, .user = (user_id)job->c[JOB_subject]};
    done.device = ID_DEVICE(job->c[JOB_id]);
    done.op = ID_OP(job->c[JOB_id]);
    CHECK(job_end(s, job));
    return channel_send(s, shard_of_user(done.user, s->count), &done, NULL);
}

/* All else is done: what still names the user is what they invited, or were invited, to; and what they never sent. */
static int erase_rest(struct shard *s, const struct row *job)
{
    bool more = false;
    if (decide_invites(s->policy))
        CHECK(invite_erase(s, (user_id)job->c[JOB_subject], &more));
    if (!more)
        CHECK(blob_erase(s, (user_id)job->c[JOB_subject], &more));
    return more ? job_continue(s, job) : report(s, job);
}

/* The messages first: a message's audience is told while the user, perhaps the last member, is still there. */
int erase_step(struct shard *s, struct row *job)
{
    struct batch batch;
    uint64_t part = job->c[JOB_until];
    CHECK(next_batch(s, job, &batch));
    for (size_t i = 0; i < batch.count; i++)
        CHECK(erase_row(s, job, &batch.rows[i]));
    bool more = batch.count == batch.limit;
    const uint64_t *last = batch.rows[batch.count ? batch.count - 1 : 0].c;
    job->c[JOB_cursor_conv] = more ? last[parts[part].conv] : 0;
    job->c[JOB_cursor] = more ? last[parts[part].id] + 1 : 0;
    if (more || part != PART_MEMBERSHIPS) {
        if (!more)
            job->c[JOB_until] =
                part == PART_MESSAGES && decide_erases_quotes(s->policy) ? PART_QUOTES : PART_MEMBERSHIPS;
        return job_continue(s, job);
    }
    return erase_rest(s, job);
}
