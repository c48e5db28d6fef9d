/*
 * shard_delete.c: deletion, undo, early deletion, purge and reap, of messages and of conversations.
 *
 * Life: live -> deleted (a tombstone with its deadline, undoable) -> purging (a commit of its own: from here on no
 * undo, U4) -> purged (content gone; everybody is told) -> reaped, when every shard of the audience reported that its
 * unfenced devices applied the purge (U9). A message and its conversation have separate states and versions (U6).
 */
#include "core/shard_internal.h"

static struct wire entry(const struct shard *s, const struct row *conv, enum entry kind, msg_id target, user_id actor)
{
    struct wire w = {.kind = WIRE_FANOUT, .entry = (uint8_t)kind, .conv = conv->c[CONV_id], .target = target};
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = actor;
    w.at_us = s->now_us;
    return w;
}

/* ---- messages ---- */

static int foreign(struct shard *s, msg_id target, bool *elsewhere)
{
    struct row row;
    uint64_t key[1] = {target};
    int status = shard_first(s, TABLE_MESSAGE, INDEX_MESSAGE_BY_ID, 1, 1, key, false, &row);
    *elsewhere = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* Flawed (U7): there is room for one early deletion a message, whoever asked for it. */
static int slot_is_taken(struct shard *s, msg_id target, bool *taken)
{
    struct row row;
    uint64_t key[1] = {target};
    *taken = false;
    if (decide_keeps_each_early(s->policy))
        return 0;
    int status = shard_first(s, TABLE_EARLY, INDEX_PRIMARY, 1, 1, key, false, &row);
    *taken = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* The target is not here: of another conversation, reaped, or still to come? (U7, U8) */
static int delete_unknown(struct shard *s, const struct wire *op, struct result *result)
{
    bool elsewhere;
    uint32_t executed;
    CHECK(foreign(s, op->target, &elsewhere));
    CHECK(conv_executed(s, ID_DEVICE(op->target), &executed));
    if (elsewhere || op->target == 0 || ID_OP(op->target) <= executed)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    result->early = true;
    if (!decide_keeps_early(s->policy))
        return 0;
    bool taken;
    CHECK(slot_is_taken(s, op->target, &taken));
    if (taken)
        return 0;
    struct row row = {.c = {[EARLY_target] = op->target, [EARLY_actor] = op->user, [EARLY_conv] = op->conv}};
    row.c[EARLY_device] = op->device;
    row.c[EARLY_op] = op->op;
    row.c[EARLY_at] = s->now_us;
    CHECK(shard_put(s, TABLE_EARLY, &row));
    CHECK(log_change(s, LOGGED_EARLY, op->conv, op->target, 0));
    struct note *note = shard_note(s, NOTE_EARLY);
    note->conv = op->conv;
    note->target = op->target;
    note->actor = op->user;
    note->device = op->device;
    note->op = op->op;
    return 0;
}

bool conv_is_to_go(const struct shard *s, const struct row *message)
{
    uint64_t state = message->c[MESSAGE_state];
    return state == MESSAGE_LIVE || (state == MESSAGE_DELETED && message->c[MESSAGE_deadline] > s->now_us);
}

int conv_entomb(struct shard *s, struct row *conv, struct row *message, const struct removal *removal)
{
    msg_id id = message->c[MESSAGE_id];
    version v = conv->c[CONV_version];
    if (!decide_announces_deletion(s->policy))
        return shard_del(s, TABLE_MESSAGE, message);
    message->c[MESSAGE_state] = MESSAGE_DELETED;
    message->c[MESSAGE_version] = v;
    message->c[MESSAGE_deletion] = v;
    message->c[MESSAGE_deleted_by] = removal->actor;
    message->c[MESSAGE_deleted_at] = s->now_us;
    message->c[MESSAGE_deadline] = removal->deadline_us;
    message->c[MESSAGE_reason] = removal->reason;
    message->c[MESSAGE_cause] = removal->cause;
    CHECK(shard_put(s, TABLE_MESSAGE, message));
    CHECK(log_tombstone(s, message));
    CHECK(shard_timer(s, removal->deadline_us, TIMER_PURGE_MESSAGE, conv->c[CONV_id], id, v));
    struct wire w = entry(s, conv, ENTRY_DELETE, id, removal->actor);
    w.sent = message->c[MESSAGE_sent];
    bool gone;
    if (decide_deletion_has_text(s->policy))
        CHECK(vault_open_message(s, message, &w.body, &gone));
    CHECK(fanout_commit(s, &w, 0));
    return cascade_delete(s, conv, message, removal);
}

int conv_delete_message(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}};
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return delete_unknown(s, op, result);
    CHECK(status);
    enum why why = decide_may_delete_message(s->policy, op->user, role, (user_id)message.c[MESSAGE_author]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    if (message.c[MESSAGE_state] != MESSAGE_LIVE) { /* deleted already: the same end, no new commit */
        result->version = message.c[MESSAGE_deletion];
        conv_note_commit(s, op, result->version, message.c[MESSAGE_deadline]);
        return 0;
    }
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    uint64_t deadline = s->now_us + s->policy->undo_window_us;
    struct note *note = conv_note_commit(s, op, result->version, deadline);
    struct removal removal = {.actor = op->user, .deadline_us = deadline, .reason = REASON_USER};
    removal.op = MAKE_ID(op->device, op->op);
    if (op->user != message.c[MESSAGE_author])
        removal.reason = REASON_MODERATION;
    if (role == ROLE_MODERATOR) /* an owner's is told by who it is */
        note->reason = (uint8_t)(removal.reason == REASON_MODERATION ? REASON_MODERATION : REASON_NONE);
    return conv_entomb(s, conv, &message, &removal);
}

/* U2, for messages and conversations alike. Returns WHY_NONE when the undo may go on. */
static enum why may_undo(const struct shard *s, uint64_t state, uint64_t live, uint64_t deleted, version named,
                         version deletion, uint64_t deadline)
{
    if (state == live)
        return WHY_NOT_DELETED;
    if (state != deleted)
        return WHY_WINDOW_CLOSED;
    if (!decide_undo_matches(s->policy, named, deletion))
        return WHY_SUPERSEDED;
    return s->now_us < deadline ? WHY_NONE : WHY_WINDOW_CLOSED;
}

int conv_restore(struct shard *s, const struct row *conv, struct row *message)
{
    message->c[MESSAGE_state] = MESSAGE_LIVE;
    message->c[MESSAGE_version] = conv->c[CONV_version];
    CHECK(shard_put(s, TABLE_MESSAGE, message));
    CHECK(log_undo(s, message));
    struct wire w = entry(s, conv, ENTRY_UNDO, message->c[MESSAGE_id], (user_id)message->c[MESSAGE_author]);
    w.sent = message->c[MESSAGE_sent];
    w.reply = message->c[MESSAGE_reply];
    bool gone;
    CHECK(vault_open_message(s, message, &w.body, &gone));
    CHECK(fanout_commit(s, &w, 0));
    CHECK(blob_tell(s, conv, message));
    return quote_tell(s, conv, message);
}

int conv_undo_message(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}};
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_UNKNOWN_TARGET);
    CHECK(status);
    user_id author = (user_id)message.c[MESSAGE_author];
    if (message.c[MESSAGE_deleted_by] != op->user &&
        decide_may_delete_message(s->policy, op->user, role, author) != WHY_NONE)
        return conv_refuse(result, WHY_NOT_PERMITTED);
    enum why why = may_undo(s, message.c[MESSAGE_state], MESSAGE_LIVE, MESSAGE_DELETED, op->named,
                            message.c[MESSAGE_deletion], message.c[MESSAGE_deadline]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    CHECK(conv_restore(s, conv, &message));
    return cascade_undo(s, conv, &message, op);
}

/* ---- early deletions ---- */

struct early_list {
    struct row rows[64];
    size_t count;
};

static int collect_early(void *ctx, const struct row *row)
{
    struct early_list *list = ctx;
    list->rows[list->count++] = *row;
    return list->count == sizeof list->rows / sizeof list->rows[0];
}

static int scan_early(struct shard *s, msg_id target, struct early_list *list)
{
    struct store_range range = {.table = TABLE_EARLY, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {target}};
    list->count = 0;
    int status = s->store->ops->scan(s->store, &range, collect_early, list);
    return status < 0 ? status : 0;
}

/* The actor's device hides the target and will hear nothing else of it. */
static int deny(struct shard *s, const struct row *early)
{
    struct row conv = {.c = {[CONV_id] = early->c[EARLY_conv]}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND)
        return 0; /* the conversation's end told it already */
    CHECK(status);
    user_id actor = (user_id)early->c[EARLY_actor];
    struct wire w = entry(s, &conv, ENTRY_DENY, early->c[EARLY_target], actor);
    return fanout_commit(s, &w, actor);
}

static int message_became(struct shard *s, const struct wire *op, struct wire *settled)
{
    struct row message = {.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->target}};
    struct row hidden = {.c = {[HIDDEN_conv] = op->conv, [HIDDEN_user] = op->user, [HIDDEN_message] = op->target}};
    int status = op->operation == OPERATION_DELETE_ME ? shard_get(s, TABLE_HIDDEN, &hidden) : E_NOTFOUND;
    if (status == 0)
        settled->version = hidden.c[HIDDEN_version];
    if (status != E_NOTFOUND)
        return status;
    status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == 0)
        settled->version = message.c[MESSAGE_version];
    if (status != E_NOTFOUND)
        return status;
    struct row early = {.c = {[EARLY_target] = op->target, [EARLY_actor] = op->user}};
    status = op->operation == OPERATION_DELETE ? shard_get(s, TABLE_EARLY, &early) : E_NOTFOUND;
    settled->early = status == 0;
    if (status != E_NOTFOUND)
        return status;
    uint32_t executed;
    CHECK(conv_executed(s, ID_DEVICE(op->target), &executed));
    if (ID_OP(op->target) > executed) /* else it is gone, or refused */
        settled->why = WHY_UNKNOWN_TARGET;
    return 0;
}

/*
 * Of a deletion whose result is lost: the version with which its log tells the actor what the target's state is, and so
 * whether it was deleted; or that it waits for its target; or that there is nothing to wait for.
 */
int conv_what_became(struct shard *s, const struct wire *op, struct wire *settled)
{
    struct row conv = {.c = {[CONV_id] = op->conv}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    switch (op->operation) {
        case OPERATION_DELETE:
        case OPERATION_DELETE_ME:
            return message_became(s, op, settled);
        case OPERATION_DELETE_CONV:
            settled->version = conv.c[CONV_deletion];
            break;
        case OPERATION_CLEAR:
            CHECK(conv_cleared(s, op->conv, op->user, &settled->version));
            break;
        default:
            return 0;
    }
    if (!settled->version)
        settled->why = WHY_UNKNOWN_TARGET;
    return 0;
}

static void note_bind(struct shard *s, const struct row *early, version v, enum outcome outcome)
{
    struct note *note = shard_note(s, NOTE_BIND);
    note->conv = early->c[EARLY_conv];
    note->target = early->c[EARLY_target];
    note->actor = (user_id)early->c[EARLY_actor];
    note->version = v;
    note->outcome = (uint8_t)outcome;
}

/* Has this actor the right, over a message of this conversation, now? (U7) */
static int may_bind(struct shard *s, const struct wire *op, const struct row *early, bool *may)
{
    user_id actor = (user_id)early->c[EARLY_actor];
    uint8_t role;
    CHECK(conv_role(s, op->conv, actor, &role, NULL));
    *may = early->c[EARLY_conv] == op->conv && decide_may_bind(s->policy, actor, role, op->user) == WHY_NONE;
    return 0;
}

static int bind_one(struct shard *s, const struct wire *op, const struct row *early, struct row *message, bool *bound)
{
    bool may;
    CHECK(may_bind(s, op, early, &may));
    CHECK(shard_del(s, TABLE_EARLY, early));
    if (!decide_early_binds(s->policy, s->now_us - early->c[EARLY_at]))
        return 0;
    if (!may) {
        note_bind(s, early, 0, OUTCOME_REFUSED);
        return deny(s, early);
    }
    note_bind(s, early, message->c[MESSAGE_version], OUTCOME_ACCEPTED);
    if (*bound)
        return 0;
    *bound = true;
    version v = message->c[MESSAGE_version];
    uint64_t deadline = early->c[EARLY_at] + s->policy->undo_window_us; /* the window runs from its arrival */
    message->c[MESSAGE_state] = MESSAGE_DELETED;
    message->c[MESSAGE_deletion] = v;
    message->c[MESSAGE_deleted_by] = early->c[EARLY_actor];
    message->c[MESSAGE_deleted_at] = s->now_us;
    message->c[MESSAGE_deadline] = deadline;
    message->c[MESSAGE_reason] = REASON_USER;
    CHECK(log_tombstone(s, message));
    return shard_timer(s, deadline > s->now_us ? deadline : s->now_us, TIMER_PURGE_MESSAGE, op->conv, op->target, v);
}

int conv_bind_early(struct shard *s, const struct wire *op, struct row *message, bool *bound)
{
    struct early_list list;
    do {
        CHECK(scan_early(s, op->target, &list));
        for (size_t i = 0; i < list.count; i++)
            CHECK(bind_one(s, op, &list.rows[i], message, bound));
    } while (list.count == sizeof list.rows / sizeof list.rows[0]);
    return 0;
}

/*
 * After a restore: its target had not come yet in the past that is lost, and is in the backup. It is deleted in a
 * commit of its own, for devices may have shown it.
 */
int conv_bind_again(struct shard *s, const struct row *early, struct row *message)
{
    struct row conv = {.c = {[CONV_id] = message->c[MESSAGE_conv]}};
    struct wire op = {.conv = conv.c[CONV_id], .user = (user_id)message->c[MESSAGE_author]};
    bool may;
    CHECK(may_bind(s, &op, early, &may));
    if (message->c[MESSAGE_state] != MESSAGE_LIVE)
        return 0;
    if (!may) {
        note_bind(s, early, 0, OUTCOME_REFUSED);
        return deny(s, early);
    }
    CHECK(shard_get(s, TABLE_CONV, &conv));
    message->c[MESSAGE_version] = conv_next_version(s, &conv);
    note_bind(s, early, message->c[MESSAGE_version], OUTCOME_ACCEPTED);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    struct removal removal = {.actor = (user_id)early->c[EARLY_actor], .reason = REASON_USER};
    removal.deadline_us = early->c[EARLY_at] + s->policy->undo_window_us;
    if (removal.deadline_us < s->now_us)
        removal.deadline_us = s->now_us;
    return conv_entomb(s, &conv, message, &removal);
}

int conv_drop_early(struct shard *s, device_id device, uint32_t from, uint32_t to)
{
    while (from < to) {
        struct row row;
        uint64_t key[1] = {MAKE_ID(device, from)};
        int status = shard_first(s, TABLE_EARLY, INDEX_PRIMARY, 0, 1, key, false, &row);
        if (status == E_NOTFOUND || (status == 0 && row.c[EARLY_target] >= MAKE_ID(device, to)))
            return 0;
        CHECK(status);
        from = ID_OP(row.c[EARLY_target]);
        CHECK(shard_del(s, TABLE_EARLY, &row));
        note_bind(s, &row, 0, OUTCOME_REFUSED);
        CHECK(deny(s, &row));
    }
    return 0;
}

/* ---- conversations ---- */

int conv_delete(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    enum why why = decide_may_delete_conv(s->policy, role, (uint8_t)conv->c[CONV_kind]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    if (conv->c[CONV_state] != CONV_ACTIVE) {
        result->version = conv->c[CONV_deletion];
        conv_note_commit(s, op, result->version, conv->c[CONV_deadline]);
        return 0;
    }
    result->version = conv_next_version(s, conv);
    uint64_t deadline = s->now_us + s->policy->undo_window_us;
    conv->c[CONV_state] = CONV_DELETED;
    conv->c[CONV_deletion] = result->version;
    conv->c[CONV_deleted_by] = op->user;
    conv->c[CONV_deleted_at] = s->now_us;
    conv->c[CONV_deadline] = deadline;
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, deadline);
    if (!decide_announces_deletion(s->policy))
        return 0;
    CHECK(log_conversation(s, conv));
    CHECK(shard_timer(s, deadline, TIMER_PURGE_CONV, op->conv, 0, result->version));
    struct wire w = entry(s, conv, ENTRY_DELETE_CONV, 0, op->user);
    CHECK(fanout_commit(s, &w, 0));
    return invite_conv_deleted(s, conv);
}

struct dead {
    struct row rows[64];
    size_t count;
};

static int collect_dead(void *ctx, const struct row *message)
{
    struct dead *dead = ctx;
    if (message->c[MESSAGE_state] == MESSAGE_DELETED)
        dead->rows[dead->count++] = *message;
    return dead->count == sizeof dead->rows / sizeof dead->rows[0];
}

/* Flawed (U6): what was deleted on its own comes back with the conversation; the first of it, for one step. */
static int revive_all(struct shard *s, const struct row *conv)
{
    struct dead dead = {.count = 0};
    struct store_range range = {
        .table = TABLE_MESSAGE, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {conv->c[CONV_id]}};
    int status = s->store->ops->scan(s->store, &range, collect_dead, &dead);
    for (size_t i = 0; status >= 0 && i < dead.count; i++)
        status = conv_restore(s, conv, &dead.rows[i]);
    return status < 0 ? status : 0;
}

int conv_undo_delete(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result)
{
    if (conv->c[CONV_deleted_by] != op->user &&
        decide_may_delete_conv(s->policy, role, (uint8_t)conv->c[CONV_kind]) != WHY_NONE)
        return conv_refuse(result, WHY_NOT_PERMITTED);
    enum why why = may_undo(s, conv->c[CONV_state], CONV_ACTIVE, CONV_DELETED, op->named, conv->c[CONV_deletion],
                            conv->c[CONV_deadline]);
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    result->version = conv_next_version(s, conv);
    conv->c[CONV_state] = CONV_ACTIVE;
    CHECK(shard_put(s, TABLE_CONV, conv));
    conv_note_commit(s, op, result->version, 0);
    CHECK(log_change(s, LOGGED_UNDO_CONV, op->conv, 0, result->version));
    struct wire w = entry(s, conv, ENTRY_UNDO_CONV, 0, op->user);
    CHECK(fanout_commit(s, &w, 0));
    return decide_undo_revives_all(s->policy) ? revive_all(s, conv) : 0;
}
