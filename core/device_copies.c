/*
 * device_copies.c: the copies of messages that a device derives: the preview in its list of conversations, and so on.
 * It must never show what the body's own row does not allow, but for what decide_* lets stay.
 *
 * Method: after each change of the view, in the same step, the copies of the conversation are worked out afresh from
 * the rows as they are now, and compared with what is stored. What is not wanted any more is hidden and goes; what is
 * new or has another version is shown. So there is no moment at which a body is gone and its copy is not. Cost: one
 * walk over the conversation's rows a step; nothing at all when the policy wants no copies.
 */
#include "core/decide.h"
#include "core/device_internal.h"

/* Make the copy, or keep it, as one of this version of its target. */
static void want(struct device *d, uint8_t copy, const struct replica_row *of, msg_id via)
{
    struct replica_copy *c = replica_copy_put(&d->replica, of->conv, copy, of->id, via);
    version made_from = of->in_replica ? of->version : 0;
    c->said = c->said && c->version == made_from;
    c->version = made_from;
    c->text = of->body;
    c->wanted = true;
}

static bool is_readable(const struct replica_row *row)
{
    return row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE;
}

/* Sent later? What only the outbox has comes after what the log has. */
static bool is_later(const struct replica_row *a, const struct replica_row *b)
{
    if (a->in_replica != b->in_replica)
        return b->in_replica;
    version sent_a = a->sent ? a->sent : a->version, sent_b = b->sent ? b->sent : b->version;
    return a->in_replica && sent_a != sent_b ? sent_a > sent_b : a->id > b->id;
}

/* ---- the preview: the last message that can be read ---- */

static void derive_preview(struct device *d, conv_id conv)
{
    const struct replica *r = &d->replica;
    const struct replica_row *last = NULL, *kept = NULL;
    size_t at = replica_copy_from(r, conv, COPY_PREVIEW);
    bool has = at < r->copy_count && r->copies[at].conv == conv && r->copies[at].copy == COPY_PREVIEW;
    msg_id previewed = has ? r->copies[at].target : 0;
    for (size_t i = replica_row_from(r, conv, 0); i < r->row_count && r->rows[i].conv == conv; i++) {
        const struct replica_row *row = &r->rows[i];
        if (row->id == previewed)
            kept = row;
        if (is_readable(row) && (!last || is_later(row, last)))
            last = row;
    }
    bool stays = kept && !is_readable(kept) && !(last && is_later(last, kept));
    if (stays && !decide_preview_follows(d->policy))
        r->copies[at].wanted = true; /* as it was */
    else if (last)
        want(d, COPY_PREVIEW, last, 0);
}

/* ---- what changed ---- */

static struct note *say(const struct device *d, const struct replica_copy *c, enum note_kind kind, struct out *out)
{
    struct note *note = view_note(d, kind, out);
    note->conv = c->conv;
    note->target = c->target;
    note->copy = c->copy;
    note->via = c->via;
    note->version = c->version;
    return note;
}

/* The reason why the body went, else that something took its place. */
static void say_hide(const struct device *d, const struct replica_copy *c, struct gone gone, struct out *out)
{
    struct note *note = say(d, c, NOTE_HIDE, out);
    const struct replica_conv *conv = replica_conv_find(&d->replica, c->conv);
    const struct replica_row *row = replica_row_find(&d->replica, c->conv, c->target);
    if (row && row->in_replica && row->deleted)
        gone = (struct gone){BECAUSE_DELETION, row->version};
    else if (conv && conv->deleted)
        gone = (struct gone){BECAUSE_CONVERSATION_DELETION, conv->state};
    else if (row && row->in_replica && row->hidden)
        gone = (struct gone){BECAUSE_FOR_ME, row->version};
    else if (row && row->shown == SHOWN_HIDDEN_PENDING)
        gone = (struct gone){BECAUSE_PENDING, c->version};
    else if (row)
        gone = (struct gone){BECAUSE_SUPERSEDED, c->version};
    note->because = (uint8_t)gone.because;
    note->version = gone.version;
    note->pending = gone.because == BECAUSE_PENDING;
}

static void tell(struct device *d, conv_id conv, struct gone gone, struct out *out)
{
    struct replica *r = &d->replica;
    size_t at = conv ? replica_copy_from(r, conv, 0) : 0, first = at, kept = at;
    for (; at < r->copy_count && (!conv || r->copies[at].conv == conv); at++) {
        struct replica_copy *c = &r->copies[at];
        if (!c->wanted)
            say_hide(d, c, gone, out);
        else
            r->copies[kept++] = *c;
    }
    for (size_t i = first; i < kept; i++) {
        struct replica_copy *c = &r->copies[i];
        if (!c->said)
            say(d, c, NOTE_SHOW, out)->pending = !c->version;
        c->said = true;
        c->wanted = false;
    }
    replica_copies_remove(r, kept, at - kept);
}

void copies_update(struct device *d, conv_id conv, struct gone gone, struct out *out)
{
    const struct replica *r = &d->replica;
    if (!decide_derives_copies(d->policy))
        return;
    if (conv)
        derive_preview(d, conv);
    for (size_t i = 0; !conv && i < r->row_count; i++)
        if (i == 0 || r->rows[i - 1].conv != r->rows[i].conv)
            derive_preview(d, r->rows[i].conv);
    tell(d, conv, gone, out);
}

int device_copies(const struct device *device, int (*visit)(void *ctx, const struct device_copy *copy), void *ctx)
{
    for (size_t i = 0; i < device->replica.copy_count; i++) {
        const struct replica_copy *from = &device->replica.copies[i];
        struct device_copy copy = {from->conv, from->target, from->via, from->version, from->copy, from->text};
        int stop = visit(ctx, &copy);
        if (stop)
            return stop;
    }
    return 0;
}
