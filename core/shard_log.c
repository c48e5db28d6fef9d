/*
 * shard_log.c: the deletion log: whatever was taken away here, outside every backup (B2), so that a restored shard can
 * do again what its backup has not seen: deletions of every kind and their undos, removals and leaves, roles, how long
 * a conversation keeps its messages, ids that devices gave up. What only gives is not in it, but where what is taken
 * needs it for its order. It never has content, and nothing but a restore reads it.
 *
 * Method: a row is written in the step's transaction of the vault, which commits before main's: hence before the
 * fan-out and the answer, and after the rights were checked. It carries the step's number (VAULT_STEP, META_STEP), as
 * the audit log's rows do. A crash between the two commits leaves a row without its effect. Nobody was answered then:
 * the forward or the timer that asked is still there, and is done again, under a row of its own; so a start drops the
 * rows of steps that main does not have (B2's "redone"). Only when main itself is lost can nobody tell: then the last
 * step's rows count, for each was asked for by somebody who had the right. No audience is stored (B3): whoever holds a
 * conversation of a restored shard is reset, by its own shard's index, members or not (shard_restore.c).
 *
 * Bounded: a row older than policy.backup_keep goes, two for each one written; no backup as old is restored. Limit:
 * rows of a shard that deletes nothing more stay.
 */
#include "core/shard_internal.h"

static int last_seq(struct shard *s, uint64_t *seq)
{
    struct store_range end = {.table = TABLE_DELETION_LOG, .index = INDEX_PRIMARY, .reverse = true};
    struct row row;
    CHECK(vault_begin(s));
    int status = store_first(s->vault, &end, &row);
    *seq = status == 0 ? row.c[DELETION_LOG_seq] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int reap(struct shard *s)
{
    for (int i = 0; i < 2; i++) {
        struct store_range begin = {.table = TABLE_DELETION_LOG, .index = INDEX_PRIMARY};
        struct row row;
        int status = store_first(s->vault, &begin, &row);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        if (row.c[DELETION_LOG_at] + s->policy->backup_keep_us >= s->now_us)
            return 0;
        CHECK(vault_del(s, TABLE_DELETION_LOG, &row));
    }
    return 0;
}

int log_deletion(struct shard *s, enum logged kind, struct row *row)
{
    uint64_t seq;
    CHECK(last_seq(s, &seq));
    CHECK(audit_number_step(s));
    row->c[DELETION_LOG_seq] = seq + 1;
    row->c[DELETION_LOG_step] = s->audit_step;
    row->c[DELETION_LOG_kind] = kind;
    row->c[DELETION_LOG_at] = s->now_us;
    if (s->executing) {
        row->c[DELETION_LOG_device] = s->executing->device;
        row->c[DELETION_LOG_op] = s->executing->op;
        s->logged = true;
    }
    CHECK(vault_put(s, TABLE_DELETION_LOG, row));
    return reap(s);
}

int log_tombstone(struct shard *s, const struct row *message)
{
    struct row row = {.c = {[DELETION_LOG_conv] = message->c[MESSAGE_conv]}};
    row.c[DELETION_LOG_target] = message->c[MESSAGE_id];
    row.c[DELETION_LOG_version] = message->c[MESSAGE_deletion];
    row.c[DELETION_LOG_actor] = message->c[MESSAGE_deleted_by];
    row.c[DELETION_LOG_deadline] = message->c[MESSAGE_deadline];
    row.c[DELETION_LOG_reason] = message->c[MESSAGE_reason];
    row.c[DELETION_LOG_cause] = message->c[MESSAGE_cause];
    return log_deletion(s, LOGGED_DELETE, &row);
}

int log_undo(struct shard *s, const struct row *message)
{
    struct row row = {.c = {[DELETION_LOG_conv] = message->c[MESSAGE_conv]}};
    row.c[DELETION_LOG_target] = message->c[MESSAGE_id];
    row.c[DELETION_LOG_version] = message->c[MESSAGE_version];
    row.c[DELETION_LOG_named] = message->c[MESSAGE_deletion];
    if (s->executing)
        row.c[DELETION_LOG_actor] = s->executing->user;
    return log_deletion(s, LOGGED_UNDO, &row);
}

int log_conversation(struct shard *s, const struct row *conv)
{
    struct row row = {.c = {[DELETION_LOG_conv] = conv->c[CONV_id], [DELETION_LOG_version] = conv->c[CONV_deletion]}};
    row.c[DELETION_LOG_actor] = conv->c[CONV_deleted_by];
    row.c[DELETION_LOG_deadline] = conv->c[CONV_deadline];
    return log_deletion(s, LOGGED_DELETE_CONV, &row);
}

int log_change(struct shard *s, enum logged kind, conv_id conv, msg_id target, version v)
{
    struct row row = {.c = {[DELETION_LOG_conv] = conv, [DELETION_LOG_target] = target, [DELETION_LOG_version] = v}};
    if (s->executing) {
        row.c[DELETION_LOG_actor] = s->executing->user;
        row.c[DELETION_LOG_subject] = s->executing->subject;
        row.c[DELETION_LOG_named] = s->executing->named;
    }
    return log_deletion(s, kind, &row);
}

int log_value(struct shard *s, enum logged kind, const struct row *conv, user_id subject, uint64_t value)
{
    struct row row = {.c = {[DELETION_LOG_conv] = conv->c[CONV_id], [DELETION_LOG_version] = conv->c[CONV_version]}};
    row.c[DELETION_LOG_subject] = subject;
    row.c[DELETION_LOG_value] = value;
    if (s->executing)
        row.c[DELETION_LOG_actor] = s->executing->user;
    return log_deletion(s, kind, &row);
}

int log_retirement(struct shard *s, const struct row *device)
{
    struct row row = {.c = {[DELETION_LOG_named] = device->c[DEVICE_id]}};
    row.c[DELETION_LOG_subject] = device->c[DEVICE_user];
    return log_deletion(s, LOGGED_RETIRE, &row);
}

static bool is_deletion(uint8_t operation)
{
    return operation == OPERATION_DELETE || operation == OPERATION_UNDO || operation == OPERATION_DELETE_CONV ||
           operation == OPERATION_UNDO_CONV || operation == OPERATION_DELETE_ME || operation == OPERATION_CLEAR ||
           operation == OPERATION_DELETE_ALL;
}

/* Accepted, and nothing was left to do: it must not be done later either, when an undo came between (U5). */
int log_done(struct shard *s, const struct wire *op, const struct result *result)
{
    if (s->logged || result->outcome != OUTCOME_ACCEPTED || !is_deletion(op->operation))
        return 0;
    return log_change(s, LOGGED_DONE, op->conv, op->target, result->version);
}

int log_start(struct shard *s)
{
    uint64_t step; /* left as it is: the audit log compares with it too */
    CHECK(shard_meta(s, META_STEP, &step));
    for (;;) {
        struct store_range end = {.table = TABLE_DELETION_LOG, .index = INDEX_PRIMARY, .reverse = true};
        struct row row;
        CHECK(vault_begin(s));
        int status = store_first(s->vault, &end, &row);
        if (status == E_NOTFOUND || (status == 0 && row.c[DELETION_LOG_step] <= step))
            return 0;
        CHECK(status);
        CHECK(vault_del(s, TABLE_DELETION_LOG, &row));
    }
}
