/*
 * shard_export.c: the export of a conversation: everything of it that a member can read, handed to the device that
 * asked. It must never hand out what is deleted, or what that member hid or may not see.
 *
 * Method: a job (shard_job.c). Each step looks at a chunk of messages and writes an entry of the asking user's log for
 * each that is live and readable, with its text, under a new version of the conversation. So an export travels in the
 * one order of the conversation: a deletion during the export or after it follows the message's own entry in the same
 * log, voids it there if it has not left, and takes the message out of the file when the device applies it; and the
 * purge scrubs it, for it lies in the log under the message's own key. What is sent after the request is not in it.
 * It ends early with the conversation's deletion, or with the membership of who asked. What is attached to a message
 * is fetched by the device, as a download is, and is decided then (device_fetch.c).
 */
#include "core/shard_internal.h"

int export_begin(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    struct row job = {.c = {[JOB_id] = MAKE_ID(op->device, op->op), [JOB_conv] = op->conv, [JOB_kind] = JOB_EXPORT}};
    job.c[JOB_actor] = op->user;
    job.c[JOB_until] = result->version;
    return job_begin(s, &job);
}

int export_over(struct shard *s, const struct row *job, const struct row *conv, bool *over)
{
    uint8_t role;
    CHECK(conv_role(s, job->c[JOB_conv], (user_id)job->c[JOB_actor], &role, NULL));
    *over = role == ROLE_NONE || conv->c[CONV_state] != CONV_ACTIVE;
    return 0;
}

int conv_may_read(struct shard *s, user_id user, const struct row *message, bool *may)
{
    conv_id conv = message->c[MESSAGE_conv];
    version cleared, since, sent = message->c[MESSAGE_sent];
    uint8_t role;
    bool hidden;
    CHECK(conv_role(s, conv, user, &role, &since));
    CHECK(conv_cleared(s, conv, user, &cleared));
    CHECK(conv_hides(s, conv, user, message->c[MESSAGE_id], &hidden));
    *may = !hidden && sent > cleared && decide_reads(s->policy, sent, message->c[MESSAGE_version], since);
    return 0;
}

int export_one(struct shard *s, struct row *job, struct row *conv, const struct row *message)
{
    bool may, gone;
    if (message->c[MESSAGE_state] != MESSAGE_LIVE || message->c[MESSAGE_sent] > job->c[JOB_until])
        return 0;
    CHECK(conv_may_read(s, (user_id)job->c[JOB_actor], message, &may));
    if (!may)
        return 0;
    struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_EXPORT, .conv = conv->c[CONV_id]};
    w.target = message->c[MESSAGE_id];
    w.reply = job->c[JOB_id];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = (user_id)message->c[MESSAGE_author];
    w.at_us = s->now_us;
    w.sent = message->c[MESSAGE_sent];
    CHECK(vault_open_message(s, message, &w.body, &gone));
    if (gone)
        return 0;
    w.version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    job->c[JOB_count]++;
    return fanout_commit(s, &w, (user_id)job->c[JOB_actor]);
}
