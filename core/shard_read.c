/*
 * shard_read.c: how far a user has read a conversation.
 *
 * Method: a mark of the membership, the version of the send up to which everything is read, never smaller than before.
 * It is a commit with a version, and only the user who read hears of it, on all of their devices. What is unread is not
 * counted here: a device counts the messages of others that it can read behind the mark, so that a deletion needs no
 * counter to be put right. Limit: a new membership begins with nothing read.
 */
#include "core/shard_internal.h"

int conv_read_mark(struct shard *s, conv_id conv, user_id user, version *read)
{
    struct row row;
    uint64_t key[2] = {conv, user};
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &row);
    *read = status == 0 ? row.c[MEMBER_read] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* What is deleted can have been read as well; what is reaped cannot be told from what never was. */
int conv_read(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}}, member;
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    CHECK(status);
    uint64_t key[2] = {op->conv, op->user};
    CHECK(shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &member));
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    if (message.c[MESSAGE_sent] > member.c[MEMBER_read]) {
        member.c[MEMBER_read] = message.c[MESSAGE_sent];
        CHECK(shard_put(s, TABLE_MEMBER, &member));
    }
    struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_READ, .conv = op->conv};
    w.version = result->version;
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = op->user;
    w.at_us = s->now_us;
    w.sent = member.c[MEMBER_read];
    return fanout_commit(s, &w, op->user);
}
