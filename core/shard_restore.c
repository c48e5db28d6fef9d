/*
 * shard_restore.c: a shard whose main store was replaced by an older backup of it, while its vault was not.
 *
 * Method: the incarnation comes from outside every backup, and main remembers the last one it knew; a smaller one there
 * tells a restore from a restart. Then, in the first step, before anything is served:
 *   users     each log begins anew, in an epoch that is the incarnation (B1); generations and reset ids, which devices
 *             compare with their own, go on above every one that was ever given
 *   replay    the log of what takes away is done again, in order (B2, B3): with the versions of then, so that an undo
 *             still names its deletion, and a removal ends the membership of then and no later one. Operation numbers
 * of logged operations, and of deleted messages that the backup does not have, are retired: a send that is repeated
 * after the restore must not show what was deleted (X2) versions  each conversation takes the first version of the new
 * incarnation, so that every snapshot from now on is younger than whatever a device knows (B4, B5); purged tombstones
 * are purged once more, for nobody knows any longer who has heard of it channels  what was on its way is dropped, and
 * the other shards are told and asked (shard_rebase.c) Messages accepted after the backup are lost, and go from the
 * devices by the resets that follow. Limits: one step, however much the shard stores; whatever gives is lost with them:
 * additions since the backup, edits, read marks, releases of holds; so are keys' rows of lost messages, which stay in
 * the vault.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

#define NUMBER_SHIFT 20 /* of generations and reset ids in one incarnation */

/* ---- every row of a table, so that it can be changed meanwhile ---- */

struct rows {
    struct row *items;
    size_t count, cap;
};

static int collect(void *ctx, const struct row *row)
{
    struct rows *rows = ctx;
    rows->items = base_grow(rows->items, &rows->cap, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count++] = *row;
    return 0;
}

typedef int row_fn(struct shard *s, struct row *row);

static int for_each(struct shard *s, struct store *store, enum store_table table, row_fn *fn)
{
    struct store_range range = {.table = table, .index = INDEX_PRIMARY};
    struct rows rows = {0};
    int status = store->ops->scan(store, &range, collect, &rows);
    for (size_t i = 0; status >= 0 && i < rows.count; i++)
        status = fn(s, &rows.items[i]);
    free(rows.items);
    return status < 0 ? status : 0;
}

/* ---- users ---- */

static int drop_log(struct shard *s, struct row *row)
{
    return shard_del(s, TABLE_LOG, row);
}

static int drop_holds(struct shard *s, struct row *row)
{
    return shard_del(s, TABLE_HOLDS, row);
}

static int renew_user(struct shard *s, struct row *user)
{
    user->c[USER_epoch] = s->incarnation;
    user->c[USER_head] = user->c[USER_horizon] = 0;
    struct note *note = shard_note(s, NOTE_EPOCH);
    note->user = (user_id)user->c[USER_id];
    note->epoch = s->incarnation;
    CHECK(shard_put(s, TABLE_USER, user));
    return search_renew(s, (user_id)user->c[USER_id]);
}

uint64_t restore_number(const struct shard *s)
{
    return (uint64_t)s->incarnation << NUMBER_SHIFT;
}

static void raise_number(const struct shard *s, uint64_t *number)
{
    uint64_t first = restore_number(s);
    if (*number < first)
        *number = first;
}

static int renew_device(struct shard *s, struct row *device)
{
    raise_number(s, &device->c[DEVICE_generation]);
    raise_number(s, &device->c[DEVICE_reset_id]);
    device->c[DEVICE_acknowledged] = 0;
    device->c[DEVICE_acked_at] = s->now_us;
    CHECK(life_recall(s, device));
    CHECK(reset_forget(s, device));
    return shard_put(s, TABLE_DEVICE, device);
}

static int renew_users(struct shard *s)
{
    CHECK(for_each(s, s->store, TABLE_HOLDS, drop_holds));
    if (!decide_restore_renews(s->policy))
        return 0;
    CHECK(for_each(s, s->store, TABLE_LOG, drop_log));
    CHECK(for_each(s, s->store, TABLE_USER, renew_user));
    return for_each(s, s->store, TABLE_DEVICE, renew_device);
}

/* ---- the deletion log, done again ---- */

int restore_retire_op(struct shard *s, device_id device, uint32_t op)
{
    struct row row = {.c = {[EXECUTED_device] = device}};
    int status = shard_get(s, TABLE_EXECUTED, &row);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    uint32_t highest = (uint32_t)row.c[EXECUTED_op];
    if (device == 0 || op <= highest)
        return 0;
    CHECK(conv_drop_early(s, device, highest + 1, op + 1));
    row.c[EXECUTED_op] = op;
    row.c[EXECUTED_at] = s->now_us;
    return shard_put(s, TABLE_EXECUTED, &row);
}

static uint8_t operation_of(uint64_t kind)
{
    static const uint8_t operations[] = {
        [LOGGED_DELETE] = OPERATION_DELETE,           [LOGGED_UNDO] = OPERATION_UNDO,
        [LOGGED_DELETE_CONV] = OPERATION_DELETE_CONV, [LOGGED_UNDO_CONV] = OPERATION_UNDO_CONV,
        [LOGGED_HIDE] = OPERATION_DELETE_ME,          [LOGGED_CLEAR] = OPERATION_CLEAR,
        [LOGGED_BULK] = OPERATION_DELETE_ALL,         [LOGGED_EARLY] = OPERATION_DELETE,
        [LOGGED_REMOVE] = OPERATION_REMOVE,           [LOGGED_ROLE] = OPERATION_SET_ROLE,
        [LOGGED_RETENTION] = OPERATION_SET_RETENTION, [LOGGED_UNINVITE] = OPERATION_WITHDRAW,
    };
    return kind < sizeof operations ? operations[kind] : OPERATION_NONE;
}

static void note_replay(struct shard *s, const struct row *log)
{
    struct note *note = shard_note(s, NOTE_REPLAY);
    note->device = (device_id)log->c[DELETION_LOG_device];
    note->op = (uint32_t)log->c[DELETION_LOG_op];
    note->operation = operation_of(log->c[DELETION_LOG_kind]);
    note->conv = log->c[DELETION_LOG_conv];
    note->target = log->c[DELETION_LOG_target];
    note->version = log->c[DELETION_LOG_version];
    note->actor = (user_id)log->c[DELETION_LOG_actor];
    note->named = log->c[DELETION_LOG_named];
    if (note->operation == OPERATION_REMOVE || note->operation == OPERATION_SET_ROLE)
        note->subject = (user_id)log->c[DELETION_LOG_subject];
    if (note->operation == OPERATION_SET_ROLE)
        note->role = (uint8_t)log->c[DELETION_LOG_value];
}

static int delete_again(struct shard *s, const struct row *log, struct row *message)
{
    version v = log->c[DELETION_LOG_version];
    if (message->c[MESSAGE_version] >= v || message->c[MESSAGE_state] >= MESSAGE_PURGING)
        return 0; /* the backup has it */
    message->c[MESSAGE_state] = MESSAGE_DELETED;
    message->c[MESSAGE_version] = message->c[MESSAGE_deletion] = v;
    message->c[MESSAGE_deleted_by] = log->c[DELETION_LOG_actor];
    message->c[MESSAGE_deleted_at] = log->c[DELETION_LOG_at];
    message->c[MESSAGE_deadline] = log->c[DELETION_LOG_deadline];
    message->c[MESSAGE_reason] = log->c[DELETION_LOG_reason];
    message->c[MESSAGE_cause] = log->c[DELETION_LOG_cause];
    CHECK(shard_put(s, TABLE_MESSAGE, message));
    return shard_timer(s, log->c[DELETION_LOG_deadline], TIMER_PURGE_MESSAGE, message->c[MESSAGE_conv],
                       message->c[MESSAGE_id], v);
}

static int undo_again(struct shard *s, const struct row *log, struct row *message)
{
    if (message->c[MESSAGE_version] >= log->c[DELETION_LOG_version] || message->c[MESSAGE_state] != MESSAGE_DELETED ||
        !decide_undo_matches(s->policy, log->c[DELETION_LOG_named], message->c[MESSAGE_deletion]))
        return 0;
    message->c[MESSAGE_state] = MESSAGE_LIVE;
    message->c[MESSAGE_version] = log->c[DELETION_LOG_version];
    return shard_put(s, TABLE_MESSAGE, message);
}

static int purge_again(struct shard *s, const struct row *log, struct row *message)
{
    if (message->c[MESSAGE_state] != MESSAGE_DELETED || message->c[MESSAGE_deletion] != log->c[DELETION_LOG_version])
        return 0;
    message->c[MESSAGE_state] = MESSAGE_PURGING;
    CHECK(shard_put(s, TABLE_MESSAGE, message));
    return shard_timer(s, s->now_us, TIMER_FINISH_MESSAGE, message->c[MESSAGE_conv], message->c[MESSAGE_id],
                       message->c[MESSAGE_deletion]);
}

static int hide_again(struct shard *s, const struct row *log, const struct row *message)
{
    struct row hidden = {.c = {[HIDDEN_conv] = log->c[DELETION_LOG_conv], [HIDDEN_user] = log->c[DELETION_LOG_actor]}};
    hidden.c[HIDDEN_message] = log->c[DELETION_LOG_target];
    hidden.c[HIDDEN_version] = log->c[DELETION_LOG_version];
    return message->c[MESSAGE_state] >= MESSAGE_PURGING ? 0 : shard_put(s, TABLE_HIDDEN, &hidden);
}

/* What the backup does not have cannot come again: its operation's number is retired. */
static int replay_message(struct shard *s, const struct row *log)
{
    msg_id target = log->c[DELETION_LOG_target];
    struct row early = {.c = {[EARLY_target] = target, [EARLY_actor] = log->c[DELETION_LOG_actor]}};
    if (log->c[DELETION_LOG_kind] == LOGGED_DELETE) /* it was bound then; an undo may follow (U5) */
        CHECK(shard_del(s, TABLE_EARLY, &early));
    struct row message = {.c = {[MESSAGE_conv] = log->c[DELETION_LOG_conv], [MESSAGE_id] = target}};
    int status = shard_get(s, TABLE_MESSAGE, &message);
    if (status == E_NOTFOUND)
        return restore_retire_op(s, ID_DEVICE(target), ID_OP(target));
    CHECK(status);
    switch (log->c[DELETION_LOG_kind]) {
        case LOGGED_DELETE:
            return delete_again(s, log, &message);
        case LOGGED_UNDO:
            return undo_again(s, log, &message);
        case LOGGED_PURGE:
            return purge_again(s, log, &message);
        default:
            return hide_again(s, log, &message);
    }
}

static int change_conv_again(struct shard *s, const struct row *log, struct row *conv)
{
    version v = log->c[DELETION_LOG_version];
    conv_id id = conv->c[CONV_id];
    uint64_t state = conv->c[CONV_state];
    switch (log->c[DELETION_LOG_kind]) {
        case LOGGED_DELETE_CONV:
            if (conv->c[CONV_version] >= v || state >= CONV_PURGING)
                return 0;
            conv->c[CONV_state] = CONV_DELETED;
            conv->c[CONV_deletion] = conv->c[CONV_version] = v;
            conv->c[CONV_deleted_by] = log->c[DELETION_LOG_actor];
            conv->c[CONV_deleted_at] = log->c[DELETION_LOG_at];
            conv->c[CONV_deadline] = log->c[DELETION_LOG_deadline];
            CHECK(shard_put(s, TABLE_CONV, conv));
            return shard_timer(s, conv->c[CONV_deadline], TIMER_PURGE_CONV, id, 0, v);
        case LOGGED_UNDO_CONV:
            if (conv->c[CONV_version] >= v || state != CONV_DELETED)
                return 0;
            conv->c[CONV_state] = CONV_ACTIVE;
            conv->c[CONV_version] = v;
            return shard_put(s, TABLE_CONV, conv);
        case LOGGED_RETENTION:
            return retain_again(s, log, conv);
        default: /* LOGGED_PURGE_CONV */
            if (state != CONV_DELETED || conv->c[CONV_deletion] != v)
                return 0;
            conv->c[CONV_state] = CONV_PURGING;
            conv->c[CONV_purged_to] = 0;
            CHECK(shard_put(s, TABLE_CONV, conv));
            return shard_timer(s, s->now_us, TIMER_FINISH_CONV, id, 0, v);
    }
}

static int replay_conv(struct shard *s, const struct row *log)
{
    conv_id id = log->c[DELETION_LOG_conv];
    struct row conv = {.c = {[CONV_id] = id}};
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND)
        return restore_retire_op(s, ID_DEVICE(id), conv_id_op(s->policy, id));
    return status < 0 ? status : change_conv_again(s, log, &conv);
}

static int clear_again(struct shard *s, const struct row *log)
{
    struct row member;
    uint64_t key[2] = {log->c[DELETION_LOG_conv], log->c[DELETION_LOG_actor]};
    int status = shard_first(s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, true, &member);
    if (status == E_NOTFOUND) /* who joined since the backup, and may do so again */
        return member_was(s, key[0], (user_id)key[1], log->c[DELETION_LOG_version], log->c[DELETION_LOG_version]);
    if (status < 0 || member.c[MEMBER_cleared] >= log->c[DELETION_LOG_version])
        return status;
    member.c[MEMBER_cleared] = log->c[DELETION_LOG_version];
    return shard_put(s, TABLE_MEMBER, &member);
}

/* Its target may be there (bind_again), or still come, unless a later row retired that number. */
static int early_again(struct shard *s, const struct row *log)
{
    msg_id target = log->c[DELETION_LOG_target];
    struct row message;
    uint64_t key[1] = {target};
    uint32_t executed;
    CHECK(conv_executed(s, ID_DEVICE(target), &executed));
    int status = shard_first(s, TABLE_MESSAGE, INDEX_MESSAGE_BY_ID, 1, 1, key, false, &message);
    if (status < 0 && (status != E_NOTFOUND || ID_OP(target) <= executed))
        return status == E_NOTFOUND ? 0 : status;
    struct row early = {.c = {[EARLY_target] = target, [EARLY_actor] = log->c[DELETION_LOG_actor]}};
    early.c[EARLY_conv] = log->c[DELETION_LOG_conv];
    early.c[EARLY_device] = log->c[DELETION_LOG_device];
    early.c[EARLY_op] = log->c[DELETION_LOG_op];
    early.c[EARLY_at] = log->c[DELETION_LOG_at];
    return shard_put(s, TABLE_EARLY, &early);
}

/* Its target has come: in the backup, from a past that another restore had lost when it was asked for. */
static int bind_again(struct shard *s, struct row *early)
{
    struct row message;
    uint64_t key[1] = {early->c[EARLY_target]};
    int status = shard_first(s, TABLE_MESSAGE, INDEX_MESSAGE_BY_ID, 1, 1, key, false, &message);
    if (status == 0)
        status = shard_del(s, TABLE_EARLY, early);
    if (status == 0)
        status = conv_bind_again(s, early, &message);
    return status == E_NOTFOUND ? 0 : status;
}

/* An id that was given up names two lives, whoever comes with it; one that the backup does not have, too. */
static int retire_again(struct shard *s, const struct row *log)
{
    struct row device = {.c = {[DEVICE_id] = log->c[DELETION_LOG_named]}};
    int status = shard_get(s, TABLE_DEVICE, &device);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    device.c[DEVICE_user] = log->c[DELETION_LOG_subject];
    raise_number(s, &device.c[DEVICE_generation]);
    raise_number(s, &device.c[DEVICE_reset_id]);
    device.c[DEVICE_retired] = device.c[DEVICE_fenced] = 1;
    CHECK(shard_put(s, TABLE_DEVICE, &device));
    return conv_retire(s, (device_id)device.c[DEVICE_id]); /* the others are told with the rebase */
}

static int replay(struct shard *s, struct row *log)
{
    CHECK(restore_retire_op(s, (device_id)log->c[DELETION_LOG_device], (uint32_t)log->c[DELETION_LOG_op]));
    if (operation_of(log->c[DELETION_LOG_kind]) != OPERATION_NONE)
        note_replay(s, log);
    switch (log->c[DELETION_LOG_kind]) {
        case LOGGED_DELETE:
        case LOGGED_UNDO:
        case LOGGED_PURGE:
        case LOGGED_HIDE:
            return replay_message(s, log);
        case LOGGED_DELETE_CONV:
        case LOGGED_UNDO_CONV:
        case LOGGED_PURGE_CONV:
            return replay_conv(s, log);
        case LOGGED_RETENTION:
            return decide_replays_retention(s->policy) ? replay_conv(s, log) : 0;
        case LOGGED_REMOVE:
        case LOGGED_ROLE:
            return decide_replays_removals(s->policy) ? member_again(s, log) : 0;
        case LOGGED_CLEAR:
            return clear_again(s, log);
        case LOGGED_EARLY:
            return early_again(s, log);
        case LOGGED_BULK:
            return job_again(s, log);
        case LOGGED_ERASE:
            return erase_again(s, log);
        case LOGGED_UNINVITE:
            return invite_again(s, log);
        case LOGGED_RETIRE:
            return decide_replays_retirements(s->policy) ? retire_again(s, log) : 0;
        default:
            return 0;
    }
}

/* ---- versions, tombstones, channels ---- */

static int renew_conv(struct shard *s, struct row *conv)
{
    version v = conv_next_version(s, conv);
    if (conv->c[CONV_retention])
        retain_note(s, conv, v);
    if (conv->c[CONV_state] == CONV_PURGED) {
        conv->c[CONV_state] = CONV_PURGING;
        conv->c[CONV_purged_to] = 0;
        CHECK(shard_timer(s, s->now_us, TIMER_FINISH_CONV, conv->c[CONV_id], 0, conv->c[CONV_deletion]));
    }
    return shard_put(s, TABLE_CONV, conv);
}

static int renew_message(struct shard *s, struct row *message)
{
    if (message->c[MESSAGE_state] != MESSAGE_PURGED)
        return 0;
    message->c[MESSAGE_state] = MESSAGE_PURGING;
    CHECK(shard_put(s, TABLE_MESSAGE, message));
    return shard_timer(s, s->now_us, TIMER_FINISH_MESSAGE, message->c[MESSAGE_conv], message->c[MESSAGE_id],
                       message->c[MESSAGE_deletion]);
}

static int tell_member(struct shard *s, struct row *member)
{
    if (member->c[MEMBER_until])
        return 0;
    struct note *note = shard_note(s, NOTE_MEMBER);
    note->conv = member->c[MEMBER_conv];
    note->user = (user_id)member->c[MEMBER_user];
    note->role = (uint8_t)member->c[MEMBER_role];
    note->version = member->c[MEMBER_since];
    return 0;
}

static int drop_fanout(struct shard *s, struct row *row)
{
    return shard_del(s, TABLE_FANOUT, row);
}

static int drop_wait(struct shard *s, struct row *row)
{
    return shard_del(s, TABLE_WAITS, row);
}

static int restored(struct shard *s)
{
    CHECK(vault_begin(s));
    CHECK(for_each(s, s->store, TABLE_FANOUT, drop_fanout));
    CHECK(for_each(s, s->store, TABLE_WAITS, drop_wait));
    CHECK(renew_users(s));
    if (decide_replays(s->policy))
        CHECK(for_each(s, s->vault, TABLE_DELETION_LOG, replay));
    CHECK(for_each(s, s->store, TABLE_MEMBER, tell_member));
    CHECK(for_each(s, s->vault, TABLE_LEGAL_HOLD, hold_again));
    CHECK(for_each(s, s->store, TABLE_EARLY, bind_again));
    CHECK(for_each(s, s->store, TABLE_CONV, renew_conv));
    CHECK(for_each(s, s->store, TABLE_MESSAGE, renew_message));
    CHECK(rebase_start(s));
    CHECK(blob_restored(s));
    CHECK(for_each(s, s->store, TABLE_ERASURE, erase_tell_again));
    return user_again(s, SHARDS_MAX); /* forwards that the backup still had on their way are none any more */
}

/* Whatever the vault's logs have happened: main is what was lost. */
static int catch_up_steps(struct shard *s)
{
    struct row row = {.c = {[VAULT_META_key] = VAULT_STEP}};
    int status = vault_get(s, TABLE_VAULT_META, &row);
    if (status == E_NOTFOUND)
        return 0;
    return status < 0 ? status : shard_set_meta(s, META_STEP, row.c[VAULT_META_value]);
}

int restore_start(struct shard *s, uint32_t incarnation)
{
    uint64_t known, shard, shards, last;
    CHECK(shard_meta(s, META_INCARNATION, &known));
    CHECK(shard_meta(s, META_SHARD, &shard));
    CHECK(shard_meta(s, META_SHARDS, &shards));
    if (known && (shard != s->id || shards != s->count || known > incarnation))
        return E_INVALID;
    CHECK(shard_set_meta(s, META_INCARNATION, incarnation));
    CHECK(shard_set_meta(s, META_SHARD, s->id));
    CHECK(shard_set_meta(s, META_SHARDS, s->count));
    if (known && known < incarnation) {
        CHECK(shard_set_meta(s, META_RESTORED, incarnation));
        s->restored = incarnation;
        CHECK(catch_up_steps(s));
        CHECK(restored(s));
    }
    CHECK(shard_meta(s, META_RESTORED, &last));
    s->restored = (uint32_t)last;
    return rebase_known(s);
}
