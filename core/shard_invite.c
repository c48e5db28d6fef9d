/*
 * shard_invite.c: invitations: a person is offered to become a member, and may say yes or no.
 *
 * Method: one row a person and conversation, ordered with everything else of the conversation: an invitation is the
 * operation that made it, and its id is that operation's. It is open until somebody closes it: the invited person by
 * accepting or declining, whoever invited or a moderator by withdrawing, time, or the loss of its ground: the
 * conversation's deletion, the end of the inviter's right, another way in, the erasure of either account. Each end is
 * a commit, and one entry to the invited person's log takes the copy off their devices; an undo of the conversation's
 * deletion brings none back. The text (what the inviter says the conversation is) goes with the end, keys first. The
 * row stays until the conversation is reaped, so that a late answer is refused with who and when.
 *
 * It must never show anything of the conversation itself to who is not a member: what the person sees is what the
 * inviter wrote for them. Limits: INVITATIONS_MAX open ones a conversation, so that its end is one step; a legal hold
 * keeps messages, and no invitations.
 */
#include "core/shard_internal.h"

#define INVITATIONS_MAX 64

enum invitation_state { INVITATION_OPEN = 1, INVITATION_CLOSED };

struct open {
    struct row rows[INVITATIONS_MAX];
    size_t count;
};

static int collect(void *ctx, const struct row *row)
{
    struct open *open = ctx;
    open->rows[open->count++] = *row;
    return open->count == INVITATIONS_MAX;
}

static int open_of_conv(struct shard *s, conv_id conv, struct open *open)
{
    struct store_range range = {.table = TABLE_INVITATION, .index = INDEX_INVITATION_BY_STATE, .fixed = 2, .given = 2};
    range.key[0] = conv;
    range.key[1] = INVITATION_OPEN;
    open->count = 0;
    int status = s->store->ops->scan(s->store, &range, collect, open);
    return status < 0 ? status : 0;
}

static int find(struct shard *s, conv_id conv, user_id user, struct row *row)
{
    *row = (struct row){.c = {[INVITATION_conv] = conv, [INVITATION_user] = user}};
    return shard_get(s, TABLE_INVITATION, row);
}

/* ---- the end of one ---- */

static void shut(struct row *invitation, user_id by, uint64_t at_us)
{
    invitation->c[INVITATION_state] = INVITATION_CLOSED;
    invitation->c[INVITATION_closed_by] = by;
    invitation->c[INVITATION_closed_at] = at_us;
    invitation->c[INVITATION_open_by] = invitation->c[INVITATION_open_for] = 0;
    memset(&invitation->body, 0, sizeof invitation->body);
}

/* Under the conversation's version, which is put and noted. by: who ended it, 0 for time alone. */
static int end(struct shard *s, const struct row *conv, struct row *invitation, user_id by)
{
    shut(invitation, by, s->now_us);
    CHECK(shard_put(s, TABLE_INVITATION, invitation));
    CHECK(vault_destroy(s, invitation->c[INVITATION_id]));
    shard_wipe(s);
    struct row log = {.c = {[DELETION_LOG_conv] = conv->c[CONV_id]}};
    log.c[DELETION_LOG_target] = invitation->c[INVITATION_id];
    log.c[DELETION_LOG_version] = conv->c[CONV_version];
    log.c[DELETION_LOG_actor] = by;
    log.c[DELETION_LOG_subject] = invitation->c[INVITATION_user];
    CHECK(log_deletion(s, LOGGED_UNINVITE, &log));
    struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_UNINVITE, .conv = conv->c[CONV_id]};
    w.target = invitation->c[INVITATION_id];
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = by;
    w.subject = (user_id)invitation->c[INVITATION_user];
    w.at_us = s->now_us;
    return fanout_commit(s, &w, w.subject);
}

/* Nobody asked for this one's end alone: a part of another decision, or of none. */
static int lapse(struct shard *s, const struct row *conv, struct row *invitation, user_id by, enum reason reason)
{
    struct note *note = shard_note(s, NOTE_COMMIT);
    note->job = true;
    note->operation = OPERATION_WITHDRAW;
    note->conv = conv->c[CONV_id];
    note->target = invitation->c[INVITATION_id];
    note->version = conv->c[CONV_version];
    note->actor = by;
    note->subject = (user_id)invitation->c[INVITATION_user];
    note->reason = (uint8_t)reason;
    return end(s, conv, invitation, by);
}

int invite_conv_deleted(struct shard *s, const struct row *conv)
{
    if (!decide_invites(s->policy) || !decide_deletion_ends_invitations(s->policy))
        return 0;
    struct open open;
    CHECK(open_of_conv(s, conv->c[CONV_id], &open));
    for (size_t i = 0; i < open.count; i++)
        CHECK(lapse(s, conv, &open.rows[i], (user_id)conv->c[CONV_deleted_by], REASON_LAPSED));
    return 0;
}

/* Has whoever invited the right to, now, and is the person still outside? */
static int stands(struct shard *s, const struct row *conv, const struct row *invitation, bool *stands)
{
    uint8_t inviter, invited;
    CHECK(conv_role(s, conv->c[CONV_id], (user_id)invitation->c[INVITATION_by], &inviter, NULL));
    CHECK(conv_role(s, conv->c[CONV_id], (user_id)invitation->c[INVITATION_user], &invited, NULL));
    struct act act = {OPERATION_INVITE, (uint8_t)conv->c[CONV_kind], inviter, ROLE_NONE,
                      (uint8_t)invitation->c[INVITATION_role]};
    *stands = invited == ROLE_NONE && decide_may(s->policy, &act) == WHY_NONE;
    return 0;
}

int invite_review(struct shard *s, const struct row *conv, user_id by)
{
    if (!decide_invites(s->policy))
        return 0;
    struct open open;
    CHECK(open_of_conv(s, conv->c[CONV_id], &open));
    for (size_t i = 0; i < open.count; i++) {
        bool still;
        CHECK(stands(s, conv, &open.rows[i], &still));
        if (!still)
            CHECK(lapse(s, conv, &open.rows[i], by, REASON_LAPSED));
    }
    return 0;
}

int invite_timer(struct shard *s, const struct row *timer)
{
    struct row conv = {.c = {[CONV_id] = timer->c[TIMER_a]}}, invitation;
    int status = find(s, timer->c[TIMER_a], (user_id)timer->c[TIMER_b], &invitation);
    if (status == 0)
        status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND || (status == 0 && (invitation.c[INVITATION_state] != INVITATION_OPEN ||
                                                 invitation.c[INVITATION_version] != timer->c[TIMER_version])))
        return 0;
    CHECK(status);
    conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    return lapse(s, &conv, &invitation, 0, REASON_EXPIRED);
}

int invite_erase(struct shard *s, user_id user, bool *more)
{
    static const int indexes[] = {INDEX_INVITATION_BY_INVITER, INDEX_INVITATION_BY_INVITED};
    uint64_t left = s->policy->job_chunk;
    for (int i = 0; i < 2; i++)
        for (;; left--) {
            struct row invitation, conv;
            uint64_t key[1] = {user};
            int status = shard_first(s, TABLE_INVITATION, indexes[i], 1, 1, key, false, &invitation);
            if (status == E_NOTFOUND)
                break;
            CHECK(status);
            *more = left == 0;
            if (*more)
                return 0;
            conv = (struct row){.c = {[CONV_id] = invitation.c[INVITATION_conv]}};
            CHECK(shard_get(s, TABLE_CONV, &conv));
            conv_next_version(s, &conv);
            CHECK(shard_put(s, TABLE_CONV, &conv));
            CHECK(lapse(s, &conv, &invitation, user, REASON_LAPSED));
        }
    *more = false;
    return 0;
}

int invite_drop(struct shard *s, conv_id conv, bool *more)
{
    *more = false;
    for (int i = 0; decide_invites(s->policy) && i < PURGE_CHUNK; i++) {
        struct row row;
        uint64_t key[1] = {conv};
        int status = shard_first(s, TABLE_INVITATION, INDEX_PRIMARY, 1, 1, key, false, &row);
        *more = status == 0;
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(vault_destroy(s, row.c[INVITATION_id])); /* only a flaw leaves one open so long */
        CHECK(shard_del(s, TABLE_INVITATION, &row));
    }
    return 0;
}

/* ---- operations ---- */

static int refuse_closed(const struct row *invitation, msg_id named, struct result *result)
{
    if (invitation->c[INVITATION_id] == named) { /* of an earlier one nobody knows any more */
        result->actor = (user_id)invitation->c[INVITATION_closed_by];
        result->at_us = invitation->c[INVITATION_closed_at];
    }
    return conv_refuse(result, WHY_INVITATION_CLOSED);
}

static bool is_open(const struct row *invitation, msg_id named)
{
    return invitation->c[INVITATION_state] == INVITATION_OPEN && invitation->c[INVITATION_id] == named;
}

static int may_invite(struct shard *s, const struct wire *op, const struct row *conv, const struct act *act,
                      enum why *why)
{
    struct row known;
    struct open open;
    uint8_t already;
    bool closed;
    *why = op->subject == 0 || op->target != MAKE_ID(op->device, op->op) ? WHY_MALFORMED : decide_may(s->policy, act);
    if (*why != WHY_NONE)
        return 0;
    CHECK(erase_closed(s, op->subject, &closed));
    CHECK(conv_role(s, op->conv, op->subject, &already, NULL));
    int status = find(s, op->conv, op->subject, &known);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    CHECK(open_of_conv(s, conv->c[CONV_id], &open));
    if (closed)
        *why = WHY_ACCOUNT_CLOSED;
    else if (already != ROLE_NONE)
        *why = WHY_ALREADY_MEMBER;
    else if (status == 0 && known.c[INVITATION_state] == INVITATION_OPEN)
        *why = WHY_ALREADY_INVITED;
    else if (open.count == INVITATIONS_MAX)
        *why = WHY_TOO_MANY;
    return 0;
}

static int arm(struct shard *s, const struct row *invitation)
{
    uint64_t due;
    if (!s->policy->invite_expiry_us || __builtin_add_overflow(s->now_us, s->policy->invite_expiry_us, &due))
        return 0;
    return shard_timer(s, due, TIMER_INVITE, invitation->c[INVITATION_conv], invitation->c[INVITATION_user],
                       invitation->c[INVITATION_version]);
}

int invite_make(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    uint8_t given = op->role == ROLE_NONE ? ROLE_MEMBER : op->role;
    struct act act = {OPERATION_INVITE, (uint8_t)conv->c[CONV_kind], role, ROLE_NONE, given};
    enum why why;
    CHECK(may_invite(s, op, conv, &act, &why));
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    struct wire entry = conv_entry(s, op, conv, ENTRY_INVITE);
    entry.target = op->target;
    entry.subject = op->subject;
    entry.role = given;
    entry.body = op->body;
    struct row row = {.c = {[INVITATION_conv] = op->conv, [INVITATION_user] = op->subject}};
    row.c[INVITATION_id] = op->target;
    row.c[INVITATION_by] = row.c[INVITATION_open_by] = op->user;
    row.c[INVITATION_open_for] = op->subject;
    row.c[INVITATION_at] = s->now_us;
    row.c[INVITATION_version] = result->version;
    row.c[INVITATION_role] = given;
    row.c[INVITATION_state] = INVITATION_OPEN;
    CHECK(vault_seal(s, &entry, &row.body));
    CHECK(shard_put(s, TABLE_INVITATION, &row));
    CHECK(arm(s, &row));
    return fanout_commit(s, &entry, op->subject);
}

int invite_known(struct shard *s, const struct wire *op, bool *known)
{
    struct row row;
    int status = find(s, op->conv, op->user, &row);
    *known = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* The rights of whoever invited are looked at once more: the invitation is as good as they are. */
int invite_accept(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    struct row row;
    bool still;
    CHECK(find(s, op->conv, op->user, &row));
    if (role != ROLE_NONE)
        return conv_refuse(result, WHY_ALREADY_MEMBER);
    bool open = is_open(&row, op->target);
    if (!open && decide_accept_needs_open(s->policy))
        return refuse_closed(&row, op->target, result);
    CHECK(stands(s, conv, &row, &still));
    if (!still)
        return conv_refuse(result, WHY_NOT_PERMITTED);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    struct wire committed = *op;
    committed.subject = op->user;
    committed.role = (uint8_t)row.c[INVITATION_role];
    conv_note_commit(s, &committed, result->version, 0);
    if (open)
        CHECK(end(s, conv, &row, op->user));
    return member_enter(s, &committed, conv);
}

static int close_one(struct shard *s, const struct wire *op, struct row *conv, struct row *row, struct result *result)
{
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    struct wire committed = *op;
    committed.subject = (user_id)row->c[INVITATION_user];
    conv_note_commit(s, &committed, result->version, 0);
    return end(s, conv, row, op->user);
}

int invite_decline(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    struct row row;
    CHECK(find(s, op->conv, op->user, &row));
    if (!is_open(&row, op->target))
        return refuse_closed(&row, op->target, result);
    return close_one(s, op, conv, &row, result);
}

int invite_withdraw(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    struct row row;
    uint64_t key[2] = {op->conv, op->target};
    int status = shard_first(s, TABLE_INVITATION, INDEX_INVITATION_BY_ID, 2, 2, key, false, &row);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    CHECK(status);
    enum why why = decide_may_withdraw(s->policy, op->user, role, (user_id)row.c[INVITATION_by]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    if (!is_open(&row, op->target))
        return refuse_closed(&row, op->target, result);
    return close_one(s, op, conv, &row, result);
}

/* ---- resets and restores ---- */

int invite_item(struct shard *s, const struct row *conv, user_id user, struct wire *item, bool *open)
{
    struct row row;
    *open = false;
    if (!decide_invites(s->policy) || conv->c[CONV_state] != CONV_ACTIVE)
        return 0;
    int status = find(s, conv->c[CONV_id], user, &row);
    if (status == E_NOTFOUND || (status == 0 && row.c[INVITATION_state] != INVITATION_OPEN))
        return 0;
    CHECK(status);
    *item = (struct wire){.entry = ENTRY_ITEM_INVITE, .conv = conv->c[CONV_id], .target = row.c[INVITATION_id]};
    item->version = row.c[INVITATION_version];
    item->conv_kind = (uint8_t)conv->c[CONV_kind];
    item->role = (uint8_t)row.c[INVITATION_role];
    item->actor = (user_id)row.c[INVITATION_by];
    item->at_us = row.c[INVITATION_at];
    bool gone;
    CHECK(vault_open(s, item, &row.body, &gone));
    *open = true;
    return 0;
}

/* What the backup does not have cannot come again: its operation's number is retired. */
int invite_again(struct shard *s, const struct row *log)
{
    struct row row;
    msg_id id = log->c[DELETION_LOG_target];
    int status = find(s, log->c[DELETION_LOG_conv], (user_id)log->c[DELETION_LOG_subject], &row);
    if (status == E_NOTFOUND || (status == 0 && row.c[INVITATION_version] >= log->c[DELETION_LOG_version]))
        return restore_retire_op(s, ID_DEVICE(id), ID_OP(id));
    CHECK(status);
    if (!is_open(&row, id))
        return restore_retire_op(s, ID_DEVICE(id), ID_OP(id));
    shut(&row, (user_id)log->c[DELETION_LOG_actor], log->c[DELETION_LOG_at]);
    return shard_put(s, TABLE_INVITATION, &row);
}

struct each_open {
    int (*visit)(void *ctx, conv_id conv, user_id user);
    void *ctx;
};

static int each_row(void *ctx, const struct row *row)
{
    const struct each_open *each = ctx;
    if (row->c[INVITATION_state] != INVITATION_OPEN)
        return 0;
    return each->visit(each->ctx, row->c[INVITATION_conv], (user_id)row->c[INVITATION_user]);
}

int invite_each_open(struct shard *s, int (*visit)(void *ctx, conv_id conv, user_id user), void *ctx)
{
    struct each_open each = {visit, ctx};
    struct store_range range = {.table = TABLE_INVITATION, .index = INDEX_PRIMARY};
    if (!decide_invites(s->policy))
        return 0;
    int status = s->store->ops->scan(s->store, &range, each_row, &each);
    return status < 0 ? status : 0;
}
