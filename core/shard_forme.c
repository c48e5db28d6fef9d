/*
 * shard_forme.c: deletions for oneself: of one message, and of everything so far.
 *
 * Method: both are commits of the conversation, with a version, but only the user who asked hears of them: a row in
 * HIDDEN, or the version up to which MEMBER.cleared hides. Snapshots leave out what they hide, and so does the fan-out
 * of whatever would show it again: for that user such an entry is void, so that a device needs no memory of what a
 * snapshot or an eviction took away. HIDDEN rows go with the message's content. Limit: there is no undo of them.
 */
#include "core/shard_internal.h"

/* Accepted, and nothing is left to hide: the content is going for everybody. */
static int already_gone(struct shard *s, const struct wire *op, version v, struct result *result)
{
    result->version = v;
    conv_note_commit(s, op, v, 0);
    return 0;
}

static int tell(struct shard *s, const struct wire *op, const struct row *conv, enum entry entry, version sent)
{
    struct wire w = {.kind = WIRE_FANOUT, .entry = (uint8_t)entry, .conv = op->conv, .target = op->target};
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = op->user;
    w.at_us = s->now_us;
    w.sent = sent;
    return fanout_commit(s, &w, decide_hides_for_all(s->policy) ? 0 : op->user);
}

int conv_delete_for_me(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}};
    struct row hidden = {.c = {[HIDDEN_conv] = op->conv, [HIDDEN_user] = op->user, [HIDDEN_message] = op->target}};
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    CHECK(status);
    if (message.c[MESSAGE_state] >= MESSAGE_PURGING || conv->c[CONV_state] >= CONV_PURGING)
        return already_gone(s, op, message.c[MESSAGE_version], result);
    status = shard_get(s, TABLE_HIDDEN, &hidden);
    if (status == 0)
        return already_gone(s, op, hidden.c[HIDDEN_version], result);
    if (status != E_NOTFOUND)
        return status;
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    hidden.c[HIDDEN_version] = result->version;
    CHECK(shard_put(s, TABLE_HIDDEN, &hidden));
    CHECK(log_change(s, LOGGED_HIDE, op->conv, op->target, result->version));
    return tell(s, op, conv, ENTRY_HIDE, message.c[MESSAGE_sent]);
}

int conv_clear(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    if (conv->c[CONV_state] >= CONV_PURGING)
        return already_gone(s, op, conv->c[CONV_deletion], result);
    struct row member;
    uint64_t key[2] = {op->conv, op->user};
    CHECK(shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &member));
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    member.c[MEMBER_cleared] = result->version;
    CHECK(shard_put(s, TABLE_MEMBER, &member));
    CHECK(log_change(s, LOGGED_CLEAR, op->conv, 0, result->version));
    return tell(s, op, conv, ENTRY_CLEAR, result->version);
}

/* Of the last membership: who comes back does not get back what was cleared. */
int conv_cleared(struct shard *s, conv_id conv, user_id user, version *cleared)
{
    struct row row;
    uint64_t key[2] = {conv, user};
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &row);
    *cleared = status == 0 ? row.c[MEMBER_cleared] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

int conv_hides(struct shard *s, conv_id conv, user_id user, msg_id message, bool *hides)
{
    struct row row = {.c = {[HIDDEN_conv] = conv, [HIDDEN_user] = user, [HIDDEN_message] = message}};
    int status = shard_get(s, TABLE_HIDDEN, &row);
    *hides = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

int conv_drop_hidden(struct shard *s, conv_id conv, msg_id message)
{
    for (;;) {
        struct row row;
        uint64_t key[2] = {conv, message};
        int status = shard_first(s, TABLE_HIDDEN, INDEX_HIDDEN_BY_MESSAGE, 2, 2, key, false, &row);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_HIDDEN, &row));
    }
}
