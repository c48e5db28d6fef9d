/*
 * shard_member.c: who is in a conversation: adding, joining, removing, leaving, roles.
 *
 * Method: one row an interval, which is closed and never reopened (M1); a change of role goes on in the same row. Each
 * change is a commit of the conversation. Who hears of it is the policy's: every member, or, in channels, the person
 * and the owners, or the person alone. Limit: of more than OWNERS_TOLD_MAX owners, the first are told.
 */
#include "core/shard_internal.h"

#define OWNERS_TOLD_MAX 64

struct owners {
    user_id users[OWNERS_TOLD_MAX];
    size_t count;
};

static void note_member(struct shard *s, conv_id conv, user_id user, uint8_t role, version v)
{
    struct note *note = shard_note(s, NOTE_MEMBER);
    note->conv = conv;
    note->user = user;
    note->role = role;
    note->version = v;
}

int member_open(struct shard *s, conv_id conv, user_id user, uint8_t role, version v)
{
    struct row row = {.c = {[MEMBER_conv] = conv, [MEMBER_user] = user, [MEMBER_since] = v, [MEMBER_role] = role}};
    CHECK(conv_cleared(s, conv, user, &row.c[MEMBER_cleared]));
    note_member(s, conv, user, role, v);
    CHECK(shard_put(s, TABLE_MEMBER, &row));
    return custody_joined(s, conv, user);
}

static int close_membership(struct shard *s, conv_id conv, user_id user, version v)
{
    struct row row;
    uint64_t key[2] = {conv, user};
    CHECK(shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &row));
    row.c[MEMBER_until] = v;
    note_member(s, conv, user, ROLE_NONE, v);
    return shard_put(s, TABLE_MEMBER, &row);
}

/* ---- who hears of it ---- */

static int each_owner(void *ctx, const struct row *member)
{
    struct owners *owners = ctx;
    if (member->c[MEMBER_until] == 0)
        owners->users[owners->count++] = (user_id)member->c[MEMBER_user];
    return owners->count == OWNERS_TOLD_MAX;
}

/* A channel may have a hundred thousand members: then comings and goings are not everybody's concern. */
static int announce(struct shard *s, const struct wire *entry)
{
    enum member_audience audience = decide_member_audience(s->policy, entry->conv_kind);
    if (audience == HEARD_BY_EVERYBODY)
        return fanout_commit(s, entry, 0);
    CHECK(fanout_commit(s, entry, entry->subject));
    if (audience == HEARD_BY_NOBODY)
        return 0;
    struct owners owners = {.count = 0};
    struct store_range range = {.table = TABLE_MEMBER, .index = INDEX_MEMBER_BY_ROLE, .fixed = 2, .given = 2};
    range.key[0] = entry->conv;
    range.key[1] = ROLE_OWNER;
    int status = s->store->ops->scan(s->store, &range, each_owner, &owners);
    for (size_t i = 0; status >= 0 && i < owners.count; i++)
        if (owners.users[i] != entry->subject)
            status = fanout_commit(s, entry, owners.users[i]);
    return status < 0 ? status : 0;
}

int member_provision(struct shard *s, const struct row *conv, user_id user, uint8_t role)
{
    version v = conv->c[CONV_version];
    CHECK(member_open(s, conv->c[CONV_id], user, role, v));
    struct wire join = {.kind = WIRE_FANOUT, .entry = ENTRY_MEMBER, .conv = conv->c[CONV_id], .version = v};
    join.subject = user;
    join.role = role;
    join.conv_kind = (uint8_t)conv->c[CONV_kind];
    join.at_us = s->now_us;
    return announce(s, &join);
}

/* ---- operations ---- */

int conv_take_out(struct shard *s, const struct row *conv, user_id user)
{
    struct wire op = {.conv = conv->c[CONV_id], .user = user};
    CHECK(close_membership(s, op.conv, user, conv->c[CONV_version]));
    CHECK(log_value(s, LOGGED_REMOVE, conv, user, ROLE_NONE));
    struct wire entry = conv_entry(s, &op, conv, ENTRY_MEMBER);
    entry.subject = user;
    CHECK(announce(s, &entry));
    return invite_review(s, conv, user);
}

int member_enter(struct shard *s, const struct wire *op, const struct row *conv)
{
    CHECK(member_open(s, op->conv, op->subject, op->role, conv->c[CONV_version]));
    struct wire entry = conv_entry(s, op, conv, ENTRY_MEMBER);
    entry.subject = op->subject;
    entry.role = op->role;
    CHECK(announce(s, &entry));
    return invite_review(s, conv, op->user);
}

int member_add(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    uint8_t already;
    CHECK(conv_role(s, op->conv, op->subject, &already, NULL));
    uint8_t given = op->role == ROLE_NONE ? ROLE_MEMBER : op->role;
    if (op->subject == 0)
        return conv_refuse(result, WHY_MALFORMED);
    struct act act = {OPERATION_ADD, (uint8_t)conv->c[CONV_kind], role, ROLE_NONE, given};
    enum why why = decide_may(s->policy, &act);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    bool closed;
    CHECK(erase_closed(s, op->subject, &closed));
    if (closed)
        return conv_refuse(result, WHY_ACCOUNT_CLOSED);
    if (already != ROLE_NONE)
        return conv_refuse(result, WHY_ALREADY_MEMBER);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    struct wire entering = *op;
    entering.role = given;
    return member_enter(s, &entering, conv);
}

/* Anyone may join a channel, where the policy says so; a group is private. */
int member_join(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    if (!decide_may_join(s->policy, (uint8_t)conv->c[CONV_kind]))
        return conv_refuse(result, WHY_NOT_PERMITTED);
    if (role != ROLE_NONE)
        return conv_refuse(result, WHY_ALREADY_MEMBER);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    struct wire committed = *op;
    committed.subject = op->user;
    committed.role = ROLE_MEMBER;
    conv_note_commit(s, &committed, result->version, 0);
    return member_enter(s, &committed, conv);
}

/* LEAVE is REMOVE of oneself. M2: a removal takes the conversation off the removed user's devices. */
int member_remove(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, user_id subject,
                  struct result *result)
{
    uint8_t present;
    CHECK(conv_role(s, op->conv, subject, &present, NULL));
    struct act act = {OPERATION_REMOVE, (uint8_t)conv->c[CONV_kind], role, present, ROLE_NONE};
    if (conv->c[CONV_kind] == CONV_DIRECT || (subject != op->user && decide_may(s->policy, &act) != WHY_NONE))
        return conv_refuse(result, WHY_NOT_PERMITTED);
    if (present == ROLE_NONE)
        return conv_refuse(result, WHY_NOT_A_MEMBER);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    struct wire committed = *op;
    committed.subject = subject;
    conv_note_commit(s, &committed, result->version, 0);
    CHECK(close_membership(s, op->conv, subject, result->version));
    CHECK(log_value(s, LOGGED_REMOVE, conv, subject, ROLE_NONE));
    struct wire entry = conv_entry(s, op, conv, ENTRY_MEMBER);
    entry.subject = subject;
    CHECK(announce(s, &entry));
    return invite_review(s, conv, op->user);
}

static enum why may_set_role(const struct shard *s, const struct wire *op, const struct row *conv, uint8_t role,
                             uint8_t had)
{
    struct act act = {OPERATION_SET_ROLE, (uint8_t)conv->c[CONV_kind], role, had, op->role};
    if (op->subject == 0 || op->role == ROLE_NONE)
        return WHY_MALFORMED;
    if (had == ROLE_NONE)
        return WHY_NOT_A_MEMBER;
    return op->subject == op->user ? WHY_NOT_PERMITTED : decide_may(s->policy, &act);
}

/* The interval goes on, with another role. Nobody sets their own: whoever did would leave nobody above. */
int member_set_role(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    struct row member = {0};
    uint64_t key[2] = {op->conv, op->subject};
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &member);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    uint8_t had = status == 0 && member.c[MEMBER_until] == 0 ? (uint8_t)member.c[MEMBER_role] : ROLE_NONE;
    enum why why = may_set_role(s, op, conv, role, had);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    if (policy_rank(had) > policy_rank((unsigned)member.c[MEMBER_best]))
        member.c[MEMBER_best] = had;
    member.c[MEMBER_role] = op->role;
    CHECK(shard_put(s, TABLE_MEMBER, &member));
    note_member(s, op->conv, op->subject, op->role, result->version);
    CHECK(log_value(s, LOGGED_ROLE, conv, op->subject, op->role));
    struct wire entry = conv_entry(s, op, conv, ENTRY_ROLE);
    entry.subject = op->subject;
    entry.role = op->role;
    CHECK(announce(s, &entry));
    return invite_review(s, conv, op->user);
}

int member_was(struct shard *s, conv_id conv, user_id user, version v, version cleared)
{
    struct row row = {.c = {[MEMBER_conv] = conv, [MEMBER_user] = user, [MEMBER_since] = v, [MEMBER_until] = v}};
    row.c[MEMBER_role] = ROLE_MEMBER;
    row.c[MEMBER_cleared] = cleared;
    return shard_put(s, TABLE_MEMBER, &row);
}

/*
 * It was of the interval that held then. Whoever came back later, before the backup, has another one, and keeps it; one
 * who came back after the backup is not in it again: what was given since is lost, what was taken is not.
 */
int member_again(struct shard *s, const struct row *log)
{
    struct row member;
    version v = log->c[DELETION_LOG_version];
    uint64_t key[2] = {log->c[DELETION_LOG_conv], log->c[DELETION_LOG_subject]};
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &member);
    if (status == E_NOTFOUND && log->c[DELETION_LOG_kind] == LOGGED_REMOVE)
        return member_was(s, key[0], (user_id)key[1], v, 0);
    if (status < 0 || member.c[MEMBER_until] || member.c[MEMBER_since] >= v)
        return status == E_NOTFOUND ? 0 : status;
    if (log->c[DELETION_LOG_kind] == LOGGED_REMOVE)
        member.c[MEMBER_until] = v;
    else
        member.c[MEMBER_role] = log->c[DELETION_LOG_value];
    return shard_put(s, TABLE_MEMBER, &member);
}
