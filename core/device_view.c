/*
 * device_view.c: what the person can read (D1), as notes.
 *
 * Method: each row remembers what was last said of it. view_update looks at the rows that a step may have touched,
 * works out what is true now, says the difference, and drops the rows that neither the replica nor the outbox has any
 * more. All SHOW and HIDE notes come from here, so that there is one place where they can be wrong. device_rows is
 * deliberately other code.
 */
#include "core/decide.h"
#include "core/device_internal.h"

struct note *view_note(const struct device *d, enum note_kind kind, struct out *out)
{
    struct note *note = out_note(out, kind);
    note->device = d->id;
    return note;
}

void view_notice(const struct device *d, conv_id conv, user_id actor, uint64_t at_us, struct out *out)
{
    struct note *note = view_note(d, NOTE_NOTICE, out);
    note->conv = conv;
    note->actor = actor;
    note->at_us = at_us;
    note->draft = replica_draft_find(&d->replica, conv) != NULL;
}

static bool is_pending_send(const struct device *d, const struct replica_row *row)
{
    if (row->in_replica || ID_DEVICE(row->id) != d->id)
        return false;
    const struct replica_op *op = replica_op_find(&d->replica, ID_OP(row->id));
    return op && op->operation == OPERATION_SEND && op->overlay && !op->carried;
}

bool view_deletion_pends(const struct device *d, const struct replica_row *row)
{
    for (size_t i = 0; i < d->replica.op_count; i++) {
        const struct replica_op *op = &d->replica.ops[i];
        if (op->overlay && outbox_hides(d, op, row))
            return true;
    }
    return false;
}

static void say(const struct device *d, const struct replica_row *row, enum note_kind kind, struct gone why,
                struct out *out)
{
    struct note *note = view_note(d, kind, out);
    note->conv = row->conv;
    note->target = row->id;
    note->version = why.version;
    note->because = (uint8_t)why.because;
    note->pending = kind == NOTE_SHOW ? !row->in_replica : why.because == BECAUSE_PENDING;
}

/* Hidden by the log or a snapshot. What only a pending deletion hid is said again: the deletion has reached this
 * device. */
static void hide(const struct device *d, struct replica_row *row, struct gone why, struct out *out)
{
    if (row->shown != SHOWN_NEVER && row->shown != SHOWN_HIDDEN)
        say(d, row, NOTE_HIDE, why, out);
    if (row->shown != SHOWN_NEVER)
        row->shown = SHOWN_HIDDEN;
}

static void hide_pending(const struct device *d, struct replica_row *row, struct out *out)
{
    if (row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE)
        say(d, row, NOTE_HIDE, (struct gone){BECAUSE_PENDING, row->version}, out);
    if (row->shown != SHOWN_NEVER)
        row->shown = SHOWN_HIDDEN_PENDING;
}

static void show(const struct device *d, struct replica_row *row, struct out *out)
{
    uint8_t shown = row->in_replica ? SHOWN_READABLE : SHOWN_PENDING;
    if (row->shown == shown)
        return;
    row->shown = shown;
    say(d, row, NOTE_SHOW, (struct gone){BECAUSE_NONE, row->in_replica ? row->version : 0}, out);
}

/* Returns whether the row stays. */
static bool update_row(const struct device *d, struct replica_row *row, struct gone gone, struct out *out)
{
    const struct replica_conv *conv = replica_conv_find(&d->replica, row->conv);
    if (!row->in_replica && !is_pending_send(d, row)) {
        hide(d, row, gone, out);
        return false;
    }
    if (row->in_replica &&
        (row->deleted ||
         copies_cascade(d, row->conv,
                        row->id))) /* U6: visible only if both the message and its conversation are live */
        hide(d, row, (struct gone){BECAUSE_DELETION, row->version}, out);
    else if (conv && conv->deleted)
        hide(d, row, (struct gone){BECAUSE_CONVERSATION_DELETION, conv->state}, out);
    else if (row->in_replica && row->hidden)
        hide(d, row, (struct gone){BECAUSE_FOR_ME, row->version}, out);
    else if (view_deletion_pends(d, row))
        hide_pending(d, row, out);
    else
        show(d, row, out);
    return true;
}

void view_update(struct device *d, conv_id conv, msg_id target, struct gone gone, struct out *out)
{
    struct replica *r = &d->replica;
    if (!decide_cascade_declared(d->policy))
        target = 0;
    size_t at = conv ? replica_row_from(r, conv, target) : 0;
    size_t kept = at;
    for (; at < r->row_count; at++) {
        struct replica_row *row = &r->rows[at];
        if (conv && (row->conv != conv || (target && row->id != target)))
            break;
        if (!update_row(d, row, gone, out))
            continue;
        if (kept != at)
            r->rows[kept] = *row;
        kept++;
    }
    replica_rows_remove(r, kept, at - kept);
    copies_update(d, conv, gone, out);
    typing_review(d, conv, out);
}
