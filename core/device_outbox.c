/*
 * device_outbox.c: what the person asked for, until it is answered and the replica shows it.
 *
 * An operation gets its number once (ids are made of it) and is sent under that number only, in order, from the oldest
 * unanswered at each welcome (X1). While `overlay` is set it shows or hides something (D1). An accepted deletion stays
 * in the overlay until the log or a snapshot carries it (D2); whatever is answered and has nothing left to overlay
 * goes. Limit: op numbers are 32 bits; the outbox grows with what is unanswered.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"
#include "core/shard.h"

uint32_t outbox_oldest(const struct device *d)
{
    for (size_t i = 0; i < d->replica.op_count; i++)
        if (!d->replica.ops[i].answered)
            return d->replica.ops[i].op;
    return d->next_op;
}

uint32_t outbox_unanswered(const struct device *d)
{
    uint32_t count = 0;
    for (size_t i = 0; i < d->replica.op_count; i++)
        count += !d->replica.ops[i].answered;
    return count;
}

static void send_op(struct device *d, struct replica_op *op, uint64_t now_us, struct out *out)
{
    struct wire *w = sync_send(d, WIRE_OP, out);
    w->op = op->op;
    w->operation = op->operation;
    w->conv = op->conv;
    w->target = op->target;
    w->named = op->named;
    w->subject = op->subject;
    w->role = op->role;
    w->conv_kind = op->conv_kind;
    w->period_us = op->period_us;
    w->body = op->body;
    w->reply = op->reply;
    w->blob = op->blob;
    w->at_us = now_us;
    op->sent = true;
    if (d->sent_op < op->op)
        d->sent_op = op->op;
}

/*
 * A device that polls is welcomed all the time. What was sent in this session before that hello, and is not accepted,
 * was lost; the rest is on its way, or its answer is.
 */
void outbox_resend(struct device *d, bool again, uint32_t accepted, uint64_t now_us, struct out *out)
{
    bool lost_only = again && decide_polls(d->policy);
    for (size_t i = 0; i < d->replica.op_count; i++) {
        struct replica_op *op = &d->replica.ops[i];
        bool lost = op->op > accepted && op->op < d->hello_op;
        if (!op->answered && (lost || !lost_only))
            send_op(d, op, now_us, out);
    }
}

static bool is_valid(const struct device *d, const struct device_input *in)
{
    if (d->retired || d->next_op == UINT32_MAX || in->body.len > TEXT_BYTES_MAX)
        return false;
    if (in->operation == OPERATION_NONE || !protocol_has_operation(d->protocol, in->operation))
        return false;
    switch (in->operation) {
        case OPERATION_CREATE:
            return d->policy->partition != 1 || d->next_op >> CONV_HOME_SHIFT == 0;
        case OPERATION_ADD:
        case OPERATION_REMOVE:
        case OPERATION_INVITE:
            return in->conv && in->subject;
        case OPERATION_DELETE:
        case OPERATION_UNDO:
        case OPERATION_EDIT:
        case OPERATION_DELETE_ME:
        case OPERATION_CANCEL:
        case OPERATION_READ:
        case OPERATION_ACCEPT:
        case OPERATION_DECLINE:
        case OPERATION_WITHDRAW:
            return in->conv && in->target;
        case OPERATION_SET_ROLE:
            return in->conv && in->subject && in->role;
        case OPERATION_HOLD:
        case OPERATION_RELEASE:
            return !in->conv != !in->subject;
        case OPERATION_ERASE:
            return in->conv == 0;
        case OPERATION_UPLOAD:
            return in->conv && in->body.len;
        default:
            return in->conv != 0;
    }
}

static version known_to(const struct device *d, conv_id conv)
{
    const struct replica_conv *found = replica_conv_find(&d->replica, conv);
    return found ? found->last : 0;
}

static version sent_of(const struct device *d, conv_id conv, msg_id target)
{
    const struct replica_row *row = replica_row_find(&d->replica, conv, target);
    return row && row->in_replica ? row->sent : 0;
}

/* Deletions of whatever scope: what hides, and must go on hiding until the replica agrees (D2). */
static bool deletes(const struct replica_op *op)
{
    return op->operation == OPERATION_DELETE || op->operation == OPERATION_DELETE_CONV ||
           op->operation == OPERATION_DELETE_ME || op->operation == OPERATION_CLEAR;
}

/* A clear hides what this device knew of, and its own sends that are executed before it (X1). */
bool outbox_hides(const struct device *d, const struct replica_op *op, const struct replica_row *row)
{
    if (op->conv != row->conv)
        return false;
    switch (op->operation) {
        case OPERATION_DELETE:
        case OPERATION_DELETE_ME:
            return op->target == row->id;
        case OPERATION_DELETE_CONV:
            return true;
        case OPERATION_CLEAR:
            return (ID_DEVICE(row->id) == d->id && ID_OP(row->id) < op->op) ||
                   (row->in_replica && row->sent <= op->until);
        default:
            return false;
    }
}

/* Only what the operation means is kept: a target means nothing to a deletion of a conversation. */
static struct replica_op *push(struct device *d, const struct device_input *in)
{
    struct replica_op *op = replica_op_push(&d->replica, d->next_op++);
    op->operation = in->operation;
    op->conv = in->conv;
    if (in->operation == OPERATION_CREATE) /* X6 */
        op->conv = conv_id_make(d->policy, d->id, op->op, d->home);
    op->subject = in->subject;
    op->role = in->role;
    op->conv_kind = in->conv_kind;
    op->period_us = in->period_us;
    switch (in->operation) {
        case OPERATION_SEND:
            op->target = MAKE_ID(d->id, op->op);
            op->body = in->body;
            op->reply = in->reply;
            op->blob = in->blob;
            op->overlay = true;
            break;
        case OPERATION_UPLOAD:
            op->body = in->body;
            break;
        case OPERATION_DELETE:
        case OPERATION_DELETE_ME:
            op->target = in->target;
            op->overlay = true;
            break;
        case OPERATION_INVITE: /* nor here, or with the answers: the invited person's log alone tells */
            op->target = MAKE_ID(d->id, op->op);
            op->body = in->body;
            break;
        case OPERATION_ACCEPT:
        case OPERATION_DECLINE:
        case OPERATION_WITHDRAW:
            op->target = in->target;
            break;
        case OPERATION_EDIT: /* no overlay: the replica changes by the log alone (D1) */
            op->target = in->target;
            op->body = in->body;
            break;
        case OPERATION_DELETE_CONV:
            op->overlay = true;
            break;
        case OPERATION_CLEAR:
            op->overlay = true;
            op->until = known_to(d, in->conv);
            break;
        case OPERATION_READ:
            op->target = in->target;
            op->until = sent_of(d, in->conv, in->target);
            op->overlay = true;
            break;
        case OPERATION_UNDO:
            op->target = in->target;
            op->named = in->named ? in->named : device_deletion(d, in->conv, in->target); /* U2 */
            break;
        case OPERATION_UNDO_CONV:
            op->named = in->named ? in->named : device_deletion(d, in->conv, 0);
            break;
        default:
            break;
    }
    return op;
}

/*
 * A send that was never sent leaves the outbox: its number is a gap, which the shard allows (X1). True when it did;
 * else the message is on its way or further, and only a deletion takes it back. Flawed: it leaves the screen alone.
 */
static bool cancel(struct device *d, const struct device_input *in, struct out *out)
{
    struct replica_op *op = ID_DEVICE(in->target) == d->id ? replica_op_find(&d->replica, ID_OP(in->target)) : NULL;
    if (!op || op->operation != OPERATION_SEND || op->sent || op->answered)
        return false;
    struct note *note = view_note(d, NOTE_CANCELLED, out);
    note->op = op->op;
    note->conv = op->conv;
    note->target = op->target;
    conv_id conv = op->conv;
    if (decide_cancel_removes(d->policy))
        replica_op_remove(&d->replica, op);
    else
        op->overlay = false;
    view_update(d, conv, in->target, (struct gone){BECAUSE_CANCELLED, 0}, out);
    return true;
}

static int outbox_add(struct device *d, const struct device_input *in, struct out *out)
{
    struct replica_op *op = push(d, in);
    struct note *note = view_note(d, NOTE_INVOKE, out);
    note->op = op->op;
    note->operation = op->operation;
    note->conv = op->conv;
    note->target = op->target;
    note->named = op->named;
    note->via = op->reply;
    note->blob = op->blob;
    note->subject = op->subject;
    if (op->operation == OPERATION_SEND) {
        struct replica_row *row = replica_row_put(&d->replica, op->conv, op->target);
        if (!row->in_replica) { /* it can be: a device restored from its own backup, before it is told (X4) */
            row->author = d->user;
            row->body = op->body;
        }
        if (op->reply)
            copies_link(d, op->conv, op->target, op->reply);
        replica_draft_set(&d->replica, op->conv, &(struct text){0});
    }
    if (op->overlay)
        view_update(d, op->conv, op->target, (struct gone){0}, out);
    if (d->welcomed)
        send_op(d, op, in->now_us, out);
    return STATUS_OK;
}

int outbox_person(struct device *d, const struct device_input *in, struct out *out)
{
    if (!is_valid(d, in))
        return E_INVALID;
    if (in->operation != OPERATION_CANCEL)
        return outbox_add(d, in, out);
    if (cancel(d, in, out))
        return STATUS_OK;
    struct device_input deletion = *in;
    deletion.operation = OPERATION_DELETE;
    return outbox_add(d, &deletion, out);
}

void outbox_carried(struct device *d, msg_id target)
{
    if (ID_DEVICE(target) != d->id)
        return;
    struct replica_op *op = replica_op_find(&d->replica, ID_OP(target));
    if (op && op->operation == OPERATION_SEND)
        op->carried = true;
}

void outbox_denied(struct device *d, conv_id conv, msg_id target)
{
    for (size_t i = 0; i < d->replica.op_count; i++) {
        struct replica_op *op = &d->replica.ops[i];
        if (op->conv == conv && op->operation == OPERATION_DELETE && op->target == target)
            op->overlay = false;
    }
}

/* Flawed (D2): what is not answered hides nothing any more. */
void outbox_forget_deletions(struct device *d)
{
    for (size_t i = 0; i < d->replica.op_count; i++)
        if (deletes(&d->replica.ops[i]))
            d->replica.ops[i].overlay = false;
}

/* A deletion that is decided later than that stays: the user may be back in the conversation by then (D2). */
void outbox_lost(struct device *d, conv_id conv, version at)
{
    for (size_t i = 0; i < d->replica.op_count; i++) {
        struct replica_op *op = &d->replica.ops[i];
        bool later = at != UINT64_MAX && (!op->answered || op->accepted > at);
        if (op->conv == conv && !(deletes(op) && later))
            op->overlay = false;
    }
}

/*
 * Has the replica caught up with an answered operation? An accepted one has a version: the log carried it when the
 * conversation's last version is as large. A conversation that is not here may still be on its way, behind the position
 * of a snapshot that was pinned before it was made: what was deleted in it stays hidden until then. An early or settled
 * deletion has no version: it waits for
 * its target's state, which a snapshot settles even by leaving the target out.
 */
static bool caught_up(const struct device *d, const struct replica_op *op, bool installed)
{
    const struct replica_conv *conv = replica_conv_find(&d->replica, op->conv);
    const struct replica_row *row;
    if (installed && op->op < d->first_op) /* of a retired id: what the snapshot has is what became of it */
        return true;
    switch (op->operation) {
        case OPERATION_SEND:
            if (op->carried || (conv && conv->last >= op->accepted))
                return true;
            return installed && !conv;
        case OPERATION_DELETE:
            row = replica_row_find(&d->replica, op->conv, op->target);
            if (!conv)
                return !op->accepted && !row;
            if (op->accepted)
                return conv->last >= op->accepted;
            if (!row || !row->in_replica)
                return installed;
            return row->deleted || (installed && op->early); /* live: it met its target, and had no right */
        case OPERATION_DELETE_ME:
            row = replica_row_find(&d->replica, op->conv, op->target);
            if (!conv)
                return !op->accepted && !row;
            if (op->accepted)
                return conv->last >= op->accepted;
            return row && row->in_replica ? row->hidden : installed;
        case OPERATION_CLEAR:
            if (!conv)
                return !op->accepted && !replica_has_rows(&d->replica, op->conv);
            return op->accepted ? conv->last >= op->accepted : conv->cleared >= op->until;
        case OPERATION_READ:
            return !conv || (op->accepted && conv->last >= op->accepted);
        case OPERATION_DELETE_CONV:
            if (!conv)
                return !op->accepted && !replica_has_rows(&d->replica, op->conv);
            return op->accepted ? conv->last >= op->accepted : conv->deleted;
        default:
            return true;
    }
}

bool outbox_settle(struct device *d, conv_id conv, bool installed)
{
    bool went = false;
    for (size_t i = d->replica.op_count; i-- > 0;) {
        struct replica_op *op = &d->replica.ops[i];
        if (!op->answered || (conv && op->conv != conv))
            continue;
        if (op->overlay && !caught_up(d, op, installed))
            continue;
        replica_op_remove(&d->replica, op);
        went = true;
    }
    return went;
}

/* What was typed is never lost with a send; a newer draft of that conversation is not overwritten. */
static void keep_draft(struct device *d, const struct replica_op *op)
{
    if (op->operation == OPERATION_SEND && !op->carried && !replica_draft_find(&d->replica, op->conv))
        replica_draft_set(&d->replica, op->conv, &op->body);
}

/*
 * D3, X4: nobody knows what became of it. A send becomes a draft; a deletion goes on hiding until the replica agrees,
 * or knows as much of the target as its shard did.
 */
static void settle_unknown(struct device *d, struct replica_op *op)
{
    keep_draft(d, op);
    op->overlay = op->overlay && deletes(op); /* it may have been denied already */
    op->accepted = 0;
}

/* Flawed (D1): an answer makes the message readable, whatever the log has said of it since. */
static void show_by_answer(struct device *d, const struct replica_op *op, const struct wire *w)
{
    struct replica_row *row = replica_row_put(&d->replica, op->conv, op->target);
    row->author = d->user;
    row->body = op->body;
    row->version = w->version;
    row->in_replica = true;
    row->deleted = false;
}

static void accept(struct device *d, struct replica_op *op, const struct wire *w)
{
    op->accepted = w->early ? 0 : w->version;
    op->early = w->early;
    if (op->operation == OPERATION_SEND && decide_answer_shows(d->policy))
        show_by_answer(d, op, w);
    if (op->operation != OPERATION_SEND && decide_pending_ends_at_answer(d->policy))
        op->overlay = false;
}

static void note_drafted(const struct device *d, const struct replica_op *op, struct out *out)
{
    if (op->operation == OPERATION_SEND && op->carried)
        return; /* the log answered for it */
    view_note(d, NOTE_DRAFTED, out)->op = op->op;
}

void outbox_answer(struct device *d, const struct wire *w, struct out *out)
{
    struct replica_op *op = replica_op_find(&d->replica, w->op);
    if (!op || op->answered)
        return;
    uint8_t outcome = w->outcome;
    if (outcome == OUTCOME_SETTLED && decide_settled_is_accepted(d->policy))
        outcome = OUTCOME_ACCEPTED;
    struct note *note = view_note(d, NOTE_ANSWERED, out);
    note->op = w->op;
    note->conv = op->conv;
    note->outcome = outcome;
    note->why = w->why;
    op->answered = true;
    conv_id conv = op->conv;
    struct gone gone = {BECAUSE_RESET, 0};
    switch (outcome) {
        case OUTCOME_ACCEPTED:
            accept(d, op, w);
            break;
        case OUTCOME_REFUSED:
            keep_draft(d, op);
            op->overlay = false;
            gone.because = BECAUSE_REFUSED;
            break;
        default:
            if (op->operation == OPERATION_SEND)
                note_drafted(d, op, out);
            settle_unknown(d, op);
            op->accepted = w->early ? 0 : w->version;
            op->early = w->early;
            op->overlay = op->overlay && w->why != WHY_UNKNOWN_TARGET;
            gone.because = BECAUSE_DRAFTED;
    }
    outbox_settle(d, conv, false);
    view_update(d, conv, 0, gone, out);
    if (w->outcome == OUTCOME_REFUSED && w->why == WHY_CONVERSATION_DELETED)
        view_notice(d, conv, w->actor, w->at_us, out);
}

void outbox_retire(struct device *d, struct out *out)
{
    for (size_t i = 0; i < d->replica.op_count; i++) {
        struct replica_op *op = &d->replica.ops[i];
        if (op->answered)
            continue;
        note_drafted(d, op, out);
        settle_unknown(d, op);
        op->answered = true;
    }
    outbox_settle(d, 0, false);
    view_update(d, 0, 0, (struct gone){BECAUSE_DRAFTED, 0}, out);
}
