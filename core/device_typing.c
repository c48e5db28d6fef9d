/*
 * device_typing.c: who is typing, as this device shows it. It must never be stored, and never outlive its conversation,
 * the membership of who types, or the device's own bound.
 *
 * Method: one entry a person and conversation, in memory alone, until TYPING_SHOWN_US after the last signal by this
 * device's clock. The signal carries the version of its conversation; one that is older than what the device has
 * applied of the conversation is dropped, whatever happened there: it was overtaken, perhaps by a deletion. So what
 * takes effect here ends the entry (typing_review, and the message or departure itself), and nothing late brings it
 * back. A new signal comes soon, if somebody still types.
 */
#include "core/decide.h"
#include "core/device_internal.h"

#include <stdlib.h>

#define TYPING_SHOWN_US (6 * US_PER_S)

static struct note *say(const struct device *d, const struct typist *t, enum note_kind kind, struct out *out)
{
    struct note *note = view_note(d, kind, out);
    note->conv = t->conv;
    note->copy = COPY_TYPING;
    note->actor = t->user;
    note->version = t->version;
    return note;
}

static void drop(struct device *d, size_t at, struct gone gone, struct out *out)
{
    struct note *note = say(d, &d->typists[at], NOTE_HIDE, out);
    note->because = (uint8_t)gone.because;
    note->version = gone.version;
    for (size_t i = at + 1; i < d->typist_count; i++)
        d->typists[i - 1] = d->typists[i];
    if (--d->typist_count)
        return;
    free(d->typists); /* of a device that is idle nothing is left */
    d->typists = NULL;
}

/* Of nothing that was decided: the signal is over. */
static void end(struct device *d, size_t at, struct out *out)
{
    drop(d, at, (struct gone){BECAUSE_SUPERSEDED, d->typists[at].version}, out);
}

/* Is it here, and in the person's view? Their own deletion counts from the moment that it was asked for. */
static bool is_open(const struct device *d, conv_id id, struct gone *gone)
{
    const struct replica_conv *conv = replica_conv_find(&d->replica, id);
    *gone = (struct gone){BECAUSE_EVICTION, 0};
    if (!conv)
        return false;
    *gone = (struct gone){BECAUSE_CONVERSATION_DELETION, conv->state};
    if (conv->deleted)
        return false;
    *gone = (struct gone){BECAUSE_PENDING, 0};
    for (size_t i = 0; i < d->replica.op_count; i++) {
        const struct replica_op *op = &d->replica.ops[i];
        if (op->overlay && op->conv == id && op->operation == OPERATION_DELETE_CONV)
            return false;
    }
    return true;
}

/* In order of conversation and person. */
static size_t place_of(const struct device *d, conv_id conv, user_id user)
{
    size_t at = 0;
    while (at < d->typist_count &&
           (d->typists[at].conv < conv || (d->typists[at].conv == conv && d->typists[at].user < user)))
        at++;
    return at;
}

static bool is_at(const struct device *d, size_t at, conv_id conv, user_id user)
{
    return at < d->typist_count && d->typists[at].conv == conv && d->typists[at].user == user;
}

static bool is_overtaken(const struct device *d, const struct wire *w)
{
    const struct replica_conv *conv = replica_conv_find(&d->replica, w->conv);
    return conv && (w->version < conv->last || w->version < conv->as_of);
}

void typing_heard(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    struct gone gone;
    size_t at = place_of(d, w->conv, w->actor);
    bool known = is_at(d, at, w->conv, w->actor);
    if (w->actor == d->user ||
        (decide_typing_follows(d->policy) && (is_overtaken(d, w) || !is_open(d, w->conv, &gone))))
        return;
    if (w->flags & TYPING_OVER) {
        if (known)
            end(d, at, out);
        return;
    }
    if (!known) {
        if (d->typist_count == TYPISTS_MAX)
            return;
        if (!d->typists)
            d->typists = base_alloc(TYPISTS_MAX * sizeof *d->typists);
        for (size_t i = d->typist_count++; i > at; i--)
            d->typists[i] = d->typists[i - 1];
    }
    bool says = !known || d->typists[at].version != w->version;
    d->typists[at] = (struct typist){w->conv, w->actor, w->version, now_us + TYPING_SHOWN_US};
    if (says)
        say(d, &d->typists[at], NOTE_SHOW, out);
}

/* What was being typed is there, or whoever typed it is not. */
void typing_applied(struct device *d, const struct wire *w, struct out *out)
{
    bool left = w->entry == ENTRY_MEMBER && w->role == ROLE_NONE;
    if (!left && w->entry != ENTRY_SEND)
        return;
    user_id user = left ? w->subject : w->actor;
    size_t at = place_of(d, w->conv, user);
    if (is_at(d, at, w->conv, user))
        end(d, at, out);
}

void typing_review(struct device *d, conv_id conv, struct out *out)
{
    for (size_t i = d->typist_count; i-- > 0;) {
        struct gone gone;
        if ((!conv || d->typists[i].conv == conv) && !is_open(d, d->typists[i].conv, &gone) &&
            decide_typing_follows(d->policy))
            drop(d, i, (struct gone){gone.because, gone.version ? gone.version : d->typists[i].version}, out);
    }
}

void typing_expire(struct device *d, uint64_t now_us, struct out *out)
{
    for (size_t i = d->typist_count; i-- > 0;)
        if (d->typists[i].until_us <= now_us)
            end(d, i, out);
}

void typing_forget(struct device *d, struct out *out)
{
    while (d->typist_count)
        end(d, d->typist_count - 1U, out);
}

uint64_t typing_wake(const struct device *d)
{
    uint64_t at_us = TIME_NEVER;
    for (size_t i = 0; i < d->typist_count; i++)
        if (d->typists[i].until_us < at_us)
            at_us = d->typists[i].until_us;
    return at_us;
}

int typing_tell(const struct device *d, conv_id conv, bool over, struct out *out)
{
    struct gone gone;
    if (!conv)
        return E_INVALID;
    if (!d->session || !d->welcomed || d->protocol != 0 || !is_open(d, conv, &gone))
        return STATUS_OK; /* nobody is there to hear it; it is not kept */
    struct wire *w = sync_send(d, WIRE_TYPING, out);
    w->oldest_op = 0; /* it says nothing else */
    w->conv = conv;
    w->flags = over ? TYPING_OVER : 0;
    return STATUS_OK;
}
