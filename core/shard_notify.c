/*
 * shard_notify.c: pushes to the notification centres of a user's devices, which show them while the app is not running.
 * The channel is apart from the log, and lossy: nothing may depend on a push that arrives, arrives once, or arrives in
 * its place.
 *
 * Method: in the step that appends an entry to the user's log, each device of the user that is not connected is sent a
 * push that names the entry's place in the log: a new message of somebody else is announced, with its text; what takes
 * messages away is a withdrawal, without any. The place lets the centre put both in order, whatever overtakes what.
 * Limit: an edit changes no notification.
 */
#include "core/shard_internal.h"

static bool announces(const struct wire *w)
{
    return w->entry == ENTRY_SEND && w->actor != w->user;
}

static bool withdraws(const struct wire *w)
{
    return w->entry == ENTRY_DELETE || w->entry == ENTRY_HIDE || w->entry == ENTRY_DELETE_CONV ||
           w->entry == ENTRY_CLEAR || w->entry == ENTRY_EVICT;
}

void notify_device(struct shard *s, const struct row *device, const struct row *user, const struct wire *w)
{
    device_id id = (device_id)device->c[DEVICE_id];
    const struct session *session = session_of(s, id);
    if (!decide_notifies(s->policy) || device->c[DEVICE_fenced] || (session && session->welcomed))
        return;
    if (!announces(w) && !(withdraws(w) && decide_withdraws(s->policy)))
        return;
    struct wire *push = out_send(s->out, OUT_TO_CENTRE, id);
    push->kind = WIRE_PUSH;
    push->device = id;
    push->epoch = (uint32_t)user->c[USER_epoch];
    push->position = user->c[USER_head];
    push->entry = w->entry;
    push->conv = w->conv;
    push->target = w->target;
    push->version = w->version;
    push->actor = w->actor;
    if (announces(w))
        push->body = w->body;
}
