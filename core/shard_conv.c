/*
 * shard_conv.c: executes operations on the conversations that live here. This is the linearisation point: every
 * decision is taken in one transaction, on (state, version, this shard's time) (U1), and every operation at most once
 * (X2).
 */
#include "core/shard_internal.h"

version conv_next_version(const struct shard *s, struct row *conv)
{
    version v = conv->c[CONV_version];
    conv->c[CONV_version] = VERSION_INCARNATION(v) == s->incarnation ? v + 1 : VERSION_MAKE(s->incarnation, 1);
    return conv->c[CONV_version];
}

int conv_role(struct shard *s, conv_id conv, user_id user, uint8_t *role, version *since)
{
    struct row row;
    uint64_t key[2] = {conv, user};
    *role = ROLE_NONE;
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &row);
    if (status == 0 && row.c[MEMBER_until] == 0) {
        *role = decide_role(s->policy, (uint8_t)row.c[MEMBER_role], (uint8_t)row.c[MEMBER_best]);
        if (since)
            *since = row.c[MEMBER_since];
    }
    return status == E_NOTFOUND ? 0 : status;
}

int conv_executed(struct shard *s, device_id device, uint32_t *op)
{
    struct row row = {.c = {[EXECUTED_device] = device}};
    int status = shard_get(s, TABLE_EXECUTED, &row);
    *op = status == 0 ? (uint32_t)row.c[EXECUTED_op] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

int conv_refuse(struct result *result, enum why why)
{
    result->outcome = OUTCOME_REFUSED;
    result->why = why;
    return 0;
}

struct note *conv_note_commit(struct shard *s, const struct wire *op, version v, uint64_t deadline_us)
{
    struct note *note = shard_note(s, NOTE_COMMIT);
    note->device = op->device;
    note->op = op->op;
    note->operation = op->operation;
    note->conv = op->conv;
    note->target = op->target;
    note->version = v;
    note->actor = op->user;
    note->subject = op->subject;
    note->role = op->role;
    note->named = op->named;
    note->via = op->operation == OPERATION_SEND ? op->reply : 0;
    note->blob = op->operation == OPERATION_SEND ? op->blob : 0;
    note->deadline_us = deadline_us;
    return note;
}

struct wire conv_entry(const struct shard *s, const struct wire *op, const struct row *conv, enum entry entry)
{
    struct wire w = {.kind = WIRE_FANOUT, .entry = (uint8_t)entry, .conv = op->conv};
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = op->user;
    w.at_us = s->now_us;
    return w;
}

/* X6: only create makes a conversation; its id names this very operation (by-owner: and its maker's shard). */
static int create(struct shard *s, const struct wire *op, struct result *result)
{
    conv_id own = conv_id_make(s->policy, op->device, op->op, shard_of_user(op->user, s->count));
    if (op->conv != own || op->conv_kind < CONV_DIRECT || op->conv_kind > CONV_CHANNEL ||
        (op->conv_kind == CONV_DIRECT && (op->subject == 0 || op->subject == op->user)))
        return conv_refuse(result, WHY_MALFORMED);
    bool closed;
    CHECK(erase_closed(s, op->subject, &closed));
    if (closed)
        return conv_refuse(result, WHY_ACCOUNT_CLOSED);
    struct row conv = {.c = {[CONV_id] = op->conv, [CONV_kind] = op->conv_kind, [CONV_state] = CONV_ACTIVE}};
    conv.c[CONV_created_at] = s->now_us;
    result->version = conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    conv_note_commit(s, op, result->version, 0);
    CHECK(member_open(s, op->conv, op->user, ROLE_OWNER, result->version));
    if (op->conv_kind == CONV_DIRECT)
        CHECK(member_open(s, op->conv, op->subject, ROLE_OWNER, result->version));
    struct wire join = conv_entry(s, op, &conv, ENTRY_JOIN);
    join.role = ROLE_OWNER;
    return fanout_commit(s, &join, 0);
}

static int send(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    if (op->target != MAKE_ID(op->device, op->op) || op->body.len > TEXT_BYTES_MAX)
        return conv_refuse(result, WHY_MALFORMED);
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target, [MESSAGE_state] = MESSAGE_LIVE}};
    struct row parent;
    enum why why = WHY_NONE;
    if (op->reply)
        CHECK(quote_may(s, op, &parent, &why));
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    if (op->blob)
        CHECK(blob_bind(s, op, &why));
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    message.c[MESSAGE_reply] = op->reply;
    message.c[MESSAGE_blob] = op->blob;
    result->version = conv_next_version(s, conv);
    CHECK(retain_sent(s, conv));
    CHECK(shard_put(s, TABLE_CONV, conv));
    message.c[MESSAGE_version] = result->version;
    message.c[MESSAGE_sent] = result->version;
    message.c[MESSAGE_sent_at] = s->now_us;
    message.c[MESSAGE_author] = op->user;
    conv_note_commit(s, op, result->version, 0);
    bool bound = false;
    CHECK(conv_bind_early(s, op, &message, &bound));
    struct wire text = {.entry = ENTRY_SEND, .conv = op->conv, .target = op->target, .version = result->version};
    text.body = op->body;
    CHECK(vault_seal(s, &text, &message.body));
    CHECK(shard_put(s, TABLE_MESSAGE, &message));
    struct wire entry = conv_entry(s, op, conv, bound ? ENTRY_DELETE : ENTRY_SEND);
    entry.target = op->target;
    entry.sent = result->version;
    entry.reply = op->reply;
    if (bound)
        entry.actor = (user_id)message.c[MESSAGE_deleted_by];
    else
        entry.body = op->body;
    CHECK(fanout_commit(s, &entry, 0));
    CHECK(blob_tell(s, conv, &message));
    if (!op->reply)
        return 0;
    CHECK(quote_make(s, &message, &parent));
    return quote_tell(s, conv, &message);
}

/* An edit writes the text anew, under a version of its own (D4); what is deleted stays as it is: deletion dominates. */
static int edit(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    if (op->target == 0 || op->body.len > TEXT_BYTES_MAX)
        return conv_refuse(result, WHY_MALFORMED);
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}};
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    CHECK(status);
    enum why why = decide_may_edit(s->policy, op->user, (user_id)message.c[MESSAGE_author]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    uint64_t state = message.c[MESSAGE_state];
    if (state >= MESSAGE_PURGING || (state == MESSAGE_DELETED && decide_edit_needs_live(s->policy)))
        return conv_refuse(result, WHY_TARGET_DELETED);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    CHECK(former_keep(s, &message));
    message.c[MESSAGE_state] = MESSAGE_LIVE;
    message.c[MESSAGE_version] = result->version;
    message.c[MESSAGE_edited] = result->version;
    struct wire text = {.entry = ENTRY_SEND, .conv = op->conv, .target = op->target, .version = result->version};
    text.body = op->body;
    CHECK(vault_seal(s, &text, &message.body));
    CHECK(shard_put(s, TABLE_MESSAGE, &message));
    struct wire entry = conv_entry(s, op, conv, ENTRY_EDIT);
    entry.sent = message.c[MESSAGE_sent];
    entry.target = op->target;
    entry.reply = message.c[MESSAGE_reply];
    entry.body = op->body;
    CHECK(quote_rewrite(s, &message, &op->body));
    CHECK(fanout_commit(s, &entry, 0));
    return blob_tell(s, conv, &message);
}

/* The conversation is deleted: which operations still make sense? Deletion dominates, so deletions and undos do. */
static bool allowed_when_deleted(uint8_t operation)
{
    return operation == OPERATION_DELETE || operation == OPERATION_UNDO || operation == OPERATION_DELETE_CONV ||
           operation == OPERATION_UNDO_CONV || operation == OPERATION_DELETE_ME || operation == OPERATION_CLEAR ||
           operation == OPERATION_DELETE_ALL;
}

static int on_conversation(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    uint8_t role;
    CHECK(conv_role(s, op->conv, op->user, &role, NULL));
    bool invited = true, answers = op->operation == OPERATION_ACCEPT || op->operation == OPERATION_DECLINE;
    if (answers)
        CHECK(invite_known(s, op, &invited));
    if (!invited) /* a stranger does not hear what became of the conversation */
        return conv_refuse(result, WHY_NOT_INVITED);
    if (role == ROLE_NONE && op->operation != OPERATION_JOIN && !answers)
        return conv_refuse(result, WHY_NOT_A_MEMBER);
    if (conv->c[CONV_state] != CONV_ACTIVE && !allowed_when_deleted(op->operation) &&
        decide_deleted_refuses(s->policy)) {
        result->actor = (user_id)conv->c[CONV_deleted_by];
        result->at_us = conv->c[CONV_deleted_at];
        return conv_refuse(result, WHY_CONVERSATION_DELETED);
    }
    switch (op->operation) {
        case OPERATION_ADD:
            return member_add(s, op, conv, role, result);
        case OPERATION_REMOVE:
            return member_remove(s, op, conv, role, op->subject, result);
        case OPERATION_LEAVE:
            return member_remove(s, op, conv, role, op->user, result);
        case OPERATION_JOIN:
            return member_join(s, op, conv, role, result);
        case OPERATION_INVITE:
            return invite_make(s, op, conv, role, result);
        case OPERATION_ACCEPT:
            return invite_accept(s, op, conv, role, result);
        case OPERATION_DECLINE:
            return invite_decline(s, op, conv, result);
        case OPERATION_WITHDRAW:
            return invite_withdraw(s, op, conv, role, result);
        case OPERATION_SET_ROLE:
            return member_set_role(s, op, conv, role, result);
        case OPERATION_SEND:
            return send(s, op, conv, result);
        case OPERATION_EDIT:
            return edit(s, op, conv, result);
        case OPERATION_DELETE:
            return conv_delete_message(s, op, conv, role, result);
        case OPERATION_UNDO:
            return conv_undo_message(s, op, conv, role, result);
        case OPERATION_DELETE_CONV:
            return conv_delete(s, op, conv, role, result);
        case OPERATION_UNDO_CONV:
            return conv_undo_delete(s, op, conv, role, result);
        case OPERATION_DELETE_ME:
            return conv_delete_for_me(s, op, conv, result);
        case OPERATION_CLEAR:
            return conv_clear(s, op, conv, result);
        case OPERATION_READ:
            return conv_read(s, op, conv, result);
        case OPERATION_DELETE_ALL:
            return conv_delete_all(s, op, conv, role, result);
        case OPERATION_EXPORT:
            return export_begin(s, op, conv, result);
        case OPERATION_UPLOAD:
            return blob_upload(s, op, conv, result);
        case OPERATION_SET_RETENTION:
            return retain_set(s, op, conv, role, result);
        default:
            return conv_refuse(result, WHY_MALFORMED);
    }
}

/* Unknown, or known and reaped? Its id names the operation that made it (X6). */
int conv_missing(struct shard *s, const struct wire *op, struct result *result)
{
    uint32_t executed;
    CHECK(conv_executed(s, ID_DEVICE(op->conv), &executed));
    return conv_refuse(result,
                       conv_id_op(s->policy, op->conv) <= executed ? WHY_CONVERSATION_GONE : WHY_UNKNOWN_CONVERSATION);
}

/* Flawed (X6): the sender has a conversation again that everybody else has seen deleted. */
static int send_creates(struct shard *s, const struct wire *op, struct result *result)
{
    struct row conv = {.c = {[CONV_id] = op->conv, [CONV_kind] = CONV_GROUP, [CONV_state] = CONV_ACTIVE}};
    conv.c[CONV_created_at] = s->now_us;
    CHECK(shard_put(s, TABLE_CONV, &conv));
    CHECK(member_open(s, op->conv, op->user, ROLE_OWNER, conv_next_version(s, &conv)));
    return on_conversation(s, op, &conv, result);
}

static int run(struct shard *s, const struct wire *op, struct result *result)
{
    result->outcome = OUTCOME_ACCEPTED;
    if (op->operation == OPERATION_HOLD || op->operation == OPERATION_RELEASE)
        return hold_execute(s, op, result);
    if (op->operation == OPERATION_ERASE)
        return op->conv ? conv_refuse(result, WHY_MALFORMED) : erase_execute(s, op, result);
    struct row conv = {.c = {[CONV_id] = op->conv}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    if (op->operation == OPERATION_CREATE)
        return status == 0 ? conv_refuse(result, WHY_MALFORMED) : create(s, op, result);
    if (status == E_NOTFOUND && op->operation == OPERATION_SEND && decide_send_creates(s->policy))
        return send_creates(s, op, result);
    return status == 0 ? on_conversation(s, op, &conv, result) : conv_missing(s, op, result);
}

static int remember(struct shard *s, const struct wire *op, bool *repeated)
{
    struct row row = {.c = {[EXECUTED_device] = op->device}};
    int status = shard_get(s, TABLE_EXECUTED, &row);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    uint32_t highest = (uint32_t)row.c[EXECUTED_op];
    *repeated = decide_is_repeated(s->policy, op->op, highest, row.c[EXECUTED_at], s->now_us);
    if (*repeated || op->op <= highest)
        return 0;
    CHECK(conv_drop_early(s, op->device, highest + 1, op->operation == OPERATION_SEND ? op->op : op->op + 1));
    row.c[EXECUTED_op] = op->op;
    row.c[EXECUTED_at] = s->now_us;
    return shard_put(s, TABLE_EXECUTED, &row);
}

void conv_note_refusal(struct shard *s, const struct wire *op, const struct result *result)
{
    struct note *note = shard_note(s, NOTE_REFUSE);
    note->device = op->device;
    note->op = op->op;
    note->operation = op->operation;
    note->conv = op->conv;
    note->target = op->target;
    note->why = (uint8_t)result->why;
    note->actor = op->user;
}

/*
 * X3: asked again after a restore; its result was lost, or is on its way. Nobody knows it any more, but what has become
 * of the target is known: a device that hides it for a deletion would hide it for ever, if that was refused.
 */
static int settle(struct shard *s, shard_id source, const struct wire *op)
{
    struct note *note = shard_note(s, NOTE_DUPLICATE);
    note->device = op->device;
    note->op = op->op;
    note->conv = op->conv;
    if (!s->restored && !(op->flags & FORWARD_AGAIN))
        return 0;
    struct wire settled = {.kind = WIRE_RESULT, .user = op->user, .device = op->device, .op = op->op};
    settled.outcome = OUTCOME_SETTLED;
    CHECK(conv_what_became(s, op, &settled));
    return channel_send(s, source, &settled, NULL);
}

int conv_execute(struct shard *s, shard_id source, const struct wire *op)
{
    bool repeated;
    CHECK(remember(s, op, &repeated));
    if (repeated)
        return settle(s, source, op);
    struct result result = {0};
    s->executing = op;
    s->logged = false;
    CHECK(run(s, op, &result));
    CHECK(log_done(s, op, &result));
    s->executing = NULL;
    if (result.outcome == OUTCOME_REFUSED) {
        conv_note_refusal(s, op, &result);
        if (op->operation == OPERATION_SEND) /* the number is settled: nothing can arrive under it any more (U8) */
            CHECK(conv_drop_early(s, op->device, op->op, op->op + 1));
    }
    CHECK(audit_decision(s, op, &result));
    struct wire answer = {.kind = WIRE_RESULT, .user = op->user, .device = op->device, .op = op->op};
    answer.outcome = (uint8_t)result.outcome;
    answer.why = (uint8_t)result.why;
    answer.version = result.version;
    answer.actor = result.actor;
    answer.at_us = result.at_us;
    answer.early = result.early;
    return channel_send(s, source, &answer, NULL);
}

/*
 * The id is never used again, in no generation, and this came behind all of its operations (X5): the count of those is
 * over. It stays as a number that nothing is above, for ids of messages and conversations name this device.
 */
int conv_retire(struct shard *s, device_id device)
{
    struct row row = {.c = {[EXECUTED_device] = device, [EXECUTED_op] = UINT32_MAX, [EXECUTED_at] = s->now_us}};
    CHECK(shard_put(s, TABLE_EXECUTED, &row));
    return conv_drop_early(s, device, 1, UINT32_MAX); /* U8 */
}
