/*
 * device_centre.c: the device's notification centre. It is not part of the app: pushes change it while the app is
 * killed or has no connection, and they are lost, repeated and overtaken. It must never show what was withdrawn, and
 * the app must leave nothing there of what its replica says is gone.
 *
 * Method: a push names the position of its entry in the user's log, so all pushes of an epoch have one order. A
 * notification is a copy in the replica's list; a withdrawal of which the message, or the whole conversation (target
 * 0), is not passed by the log yet stays there too, as a mark that is never shown. What is announced is late, and not
 * shown, when the app's cursor or a withdrawal of it has passed its position. A restored shard may be told again what
 * it has forgotten, in a new epoch: that is known by its version. A mark that the cursor has passed is not needed any
 * more. From the app's side: what the cursor has passed stays only while its message is readable.
 */
#include "core/decide.h"
#include "core/device_internal.h"

/* Has the app's own log been there? */
static bool is_passed(const struct device *d, uint32_t epoch, uint64_t position)
{
    return epoch != d->epoch ? epoch < d->epoch : position <= d->cursor;
}

/* What a younger log repeats is older than its epoch: versions tell it, for an epoch's positions tell nothing of it. */
static bool is_after(const struct replica_copy *c, const struct wire *w)
{
    if (c->epoch == w->epoch)
        return c->position > w->position;
    return c->epoch > w->epoch || c->version >= w->version;
}

/* The log of before has told the app all of this conversation up to there. */
static bool is_repeated(const struct device *d, const struct wire *w)
{
    const struct replica_conv *conv = w->epoch > d->epoch ? replica_conv_find(&d->replica, w->conv) : NULL;
    return conv && conv->last >= w->version;
}

static struct replica_copy *find(const struct device *d, conv_id conv, msg_id target)
{
    const struct replica *r = &d->replica;
    for (size_t i = replica_copy_from(r, conv, COPY_NOTIFICATION); i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (c->conv != conv || c->copy != COPY_NOTIFICATION)
            break;
        if (c->target == target)
            return c;
    }
    return NULL;
}

static struct note *say(const struct device *d, const struct replica_copy *c, enum note_kind kind, struct out *out)
{
    struct note *note = view_note(d, kind, out);
    note->conv = c->conv;
    note->target = c->target;
    note->copy = COPY_NOTIFICATION;
    note->version = c->version;
    return note;
}

static bool is_late(const struct device *d, const struct wire *w)
{
    const struct replica_copy *own = find(d, w->conv, w->target), *all = find(d, w->conv, 0);
    return is_passed(d, w->epoch, w->position) || is_repeated(d, w) || (own && own->mark && is_after(own, w)) ||
           (all && all->mark && is_after(all, w));
}

static void announce(struct device *d, const struct wire *w, struct out *out)
{
    const struct replica_copy *known = find(d, w->conv, w->target);
    if ((known && !known->mark) || (is_late(d, w) && !decide_shows_late_push(d->policy)))
        return;
    struct replica_copy *c = replica_copy_put(&d->replica, w->conv, COPY_NOTIFICATION, w->target, 0);
    c->version = w->version;
    c->epoch = w->epoch;
    c->position = w->position;
    c->text = w->body;
    c->mark = false;
    c->said = true;
    say(d, c, NOTE_SHOW, out);
}

static enum because because_withdrawn(const struct wire *w)
{
    switch (w->entry) {
        case ENTRY_DELETE_CONV:
            return BECAUSE_CONVERSATION_DELETION;
        case ENTRY_EVICT:
            return BECAUSE_EVICTION;
        case ENTRY_HIDE:
        case ENTRY_CLEAR:
            return BECAUSE_FOR_ME;
        default:
            return BECAUSE_DELETION;
    }
}

/* Everything shown of the conversation, or of one message, that was announced before it goes. */
static void withdraw(struct device *d, const struct wire *w, struct out *out)
{
    struct replica *r = &d->replica;
    for (size_t i = replica_copy_from(r, w->conv, COPY_NOTIFICATION); i < r->copy_count;) {
        struct replica_copy *c = &r->copies[i];
        if (c->conv != w->conv || c->copy != COPY_NOTIFICATION)
            break;
        if (c->mark || is_after(c, w) || (w->target && c->target != w->target)) {
            i++;
            continue;
        }
        struct note *note = say(d, c, NOTE_HIDE, out);
        note->because = (uint8_t)because_withdrawn(w);
        note->version = w->version;
        replica_copies_remove(r, i, 1);
    }
    const struct replica_copy *known = find(d, w->conv, w->target);
    if (is_passed(d, w->epoch, w->position) || (known && is_after(known, w)))
        return;
    struct replica_copy *c = replica_copy_put(r, w->conv, COPY_NOTIFICATION, w->target, 0);
    c->version = w->version;
    c->epoch = w->epoch;
    c->position = w->position;
    c->mark = true;
}

void centre_push(struct device *d, const struct wire *w, struct out *out)
{
    if (w->kind != WIRE_PUSH || w->device != d->id || !w->conv || !w->position)
        return;
    if (w->entry == ENTRY_SEND && w->target)
        announce(d, w, out);
    else if (w->entry != ENTRY_SEND)
        withdraw(d, w, out);
}

void centre_derive(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_NOTIFICATION) : 0; i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (conv && (c->conv != conv || c->copy != COPY_NOTIFICATION))
            break;
        if (c->copy != COPY_NOTIFICATION)
            continue;
        const struct replica_row *row = replica_row_find(r, c->conv, c->target);
        bool readable = row && (row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE);
        c->wanted = !is_passed(d, c->epoch, c->position) || (!c->mark && (readable || !decide_withdraws(d->policy)));
    }
}

void centre_looked(struct device *d, conv_id conv, struct out *out)
{
    struct replica *r = &d->replica;
    for (size_t i = replica_copy_from(r, conv, COPY_NOTIFICATION); i < r->copy_count;) {
        struct replica_copy *c = &r->copies[i];
        if (c->conv != conv || c->copy != COPY_NOTIFICATION)
            break;
        if (!c->mark)
            say(d, c, NOTE_HIDE, out)->because = BECAUSE_READ;
        if (is_passed(d, c->epoch, c->position)) {
            replica_copies_remove(r, i, 1);
            continue;
        }
        if (!c->mark)
            c->position++; /* what repeats it is late */
        c->mark = true;
        i++;
    }
}
