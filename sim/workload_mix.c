/*
 * workload_mix.c: the operations of workload.def: each picks somebody and something, and does it.
 *
 * Method: what is drawn may be wrong by now (deleted meanwhile, no member any more): then the operation is refused, or
 * settles a race, which is what a crowd is for. An operation that needs what is not there does nothing and says so.
 */
#include "sim/workload_internal.h"

#include <string.h>

static struct text words(const char *text)
{
    struct text body = {.len = (uint8_t)strlen(text)};
    assert(body.len <= TEXT_BYTES_MAX);
    memcpy(body.bytes, text, body.len);
    return body;
}

/* This member's device does it to the conversation; at nothing in it. */
static bool in_conv(struct world *w, enum operation operation, const struct crowd_conv *conv, user_id member)
{
    struct device_input input = pick_input(operation, conv->conv, 0);
    uint64_t id;
    return pick_person(w, pick_device(w, conv, member), &input, &id);
}

static struct crowd_conv *conv_of(struct world *w, conv_id id)
{
    uint64_t index = idmap_get(&w->crowd.conv_index, id);
    return index ? &w->crowd.convs[index - 1] : NULL;
}

/* ---- messages ---- */

bool mix_send(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    device_id device = pick_device(w, conv, pick_member(w, conv));
    struct device_input input = pick_input(OPERATION_SEND, conv->conv, 0);
    uint64_t id;
    if (!pick_person(w, device, &input, &id))
        return false;
    bag_put(&w->crowd.sent, (struct crowd_target){input.conv, id, device, w->now_us});
    return true;
}

/* Any device of the author, which may not have the message yet. */
bool mix_edit(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.sent);
    if (!target)
        return false;
    struct device_input input = pick_input(OPERATION_EDIT, target->conv, target->target);
    uint64_t id;
    return pick_person(w, crowd_device(w, world_device(w, target->device)->user), &input, &id);
}

bool mix_delete(struct world *w)
{
    if (!w->crowd.sent.count)
        return false;
    struct crowd_target target = bag_take(w, &w->crowd.sent);
    struct device_input input = pick_input(OPERATION_DELETE, target.conv, target.target);
    uint64_t id;
    bool own_device = pick_below(w, 2);
    device_id device = own_device ? target.device : crowd_device(w, world_device(w, target.device)->user);
    bool done = pick_person(w, device, &input, &id);
    target.at_us = w->now_us;
    bag_put(done ? &w->crowd.deleted : &w->crowd.sent, target);
    return done;
}

/* One whose window is still open, if there is one: the others are for operations that go astray. */
static bool take_undoable(struct world *w, struct crowd_ring *bag, struct crowd_target *target)
{
    for (int i = 0; bag->count && i < TRIES; i++) {
        *target = bag_take(w, bag);
        if (target->at_us + w->policy.undo_window_us > w->now_us)
            return true;
    }
    return false;
}

bool mix_undo(struct world *w)
{
    struct crowd_target target;
    if (!take_undoable(w, &w->crowd.deleted, &target))
        return false;
    struct device_input input = pick_input(OPERATION_UNDO, target.conv, target.target);
    uint64_t id;
    if (!pick_person(w, target.device, &input, &id))
        return false;
    bag_put(&w->crowd.sent, target); /* it can be deleted again */
    return true;
}

bool mix_delete_me(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.sent);
    const struct crowd_conv *conv = target ? conv_of(w, target->conv) : NULL;
    if (!conv)
        return false;
    struct device_input input = pick_input(OPERATION_DELETE_ME, target->conv, target->target);
    uint64_t id;
    return pick_person(w, pick_device(w, conv, pick_member(w, conv)), &input, &id);
}

/* To what may be deleted by now, or not have reached this member. */
bool mix_reply(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.sent);
    const struct crowd_conv *conv = target ? conv_of(w, target->conv) : NULL;
    if (!conv)
        return false;
    device_id device = pick_device(w, conv, pick_member(w, conv));
    struct device_input input = pick_input(OPERATION_SEND, target->conv, 0);
    input.reply = target->target;
    uint64_t id;
    if (!pick_person(w, device, &input, &id))
        return false;
    bag_put(&w->crowd.sent, (struct crowd_target){input.conv, id, device, w->now_us});
    return true;
}

bool mix_read(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.sent);
    const struct crowd_conv *conv = target ? conv_of(w, target->conv) : NULL;
    if (!conv)
        return false;
    struct device_input input = pick_input(OPERATION_READ, target->conv, target->target);
    uint64_t id;
    return pick_person(w, pick_device(w, conv, pick_member(w, conv)), &input, &id);
}

/* Written while there is no connection, and thought better of. */
bool mix_cancel(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    device_id device = conv ? pick_device(w, conv, pick_member(w, conv)) : 0;
    if (!device || world_device(w, device)->link.opened)
        return false;
    struct device_input send = pick_input(OPERATION_SEND, conv->conv, 0);
    uint64_t sent, id;
    if (!pick_person(w, device, &send, &sent))
        return false;
    struct device_input cancel = pick_input(OPERATION_CANCEL, conv->conv, sent);
    return pick_person(w, device, &cancel, &id);
}

/* ---- conversations ---- */

bool mix_delete_conv(struct world *w)
{
    struct crowd *c = &w->crowd;
    struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    device_id device = pick_device(w, conv, conv->members[0]);
    struct device_input input = pick_input(OPERATION_DELETE_CONV, conv->conv, 0);
    uint64_t id;
    if (!pick_person(w, device, &input, &id))
        return false;
    conv->deleted = true;
    bag_put(&c->deleted_convs, (struct crowd_target){conv->conv, (uint64_t)(conv - c->convs), device, w->now_us});
    return true;
}

bool mix_undo_conv(struct world *w)
{
    struct crowd *c = &w->crowd;
    struct crowd_target target;
    if (!take_undoable(w, &c->deleted_convs, &target))
        return false;
    struct device_input input = pick_input(OPERATION_UNDO_CONV, target.conv, 0);
    uint64_t id;
    if (!pick_person(w, target.device, &input, &id))
        return false;
    c->convs[target.target].deleted = false;
    return true;
}

bool mix_clear(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    return conv && in_conv(w, OPERATION_CLEAR, conv, pick_member(w, conv));
}

bool mix_export(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    return conv && in_conv(w, OPERATION_EXPORT, conv, pick_member(w, conv));
}

bool mix_create(struct world *w)
{
    return workload_new_conv(w, crowd_user(w));
}

/* ---- members ---- */

bool mix_add(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id user = conv ? crowd_user(w) : 0;
    if (!user)
        return false;
    struct device_input input = pick_input(OPERATION_ADD, conv->conv, 0);
    input.subject = user;
    input.role = ROLE_MEMBER;
    uint64_t id;
    return pick_person(w, pick_device(w, conv, conv->members[0]), &input, &id);
}

bool mix_remove(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id member = conv ? pick_member(w, conv) : 0;
    if (!member || member == conv->members[0])
        return false;
    struct device_input input = pick_input(OPERATION_REMOVE, conv->conv, 0);
    input.subject = member;
    uint64_t id;
    return pick_person(w, pick_device(w, conv, conv->members[0]), &input, &id);
}

bool mix_leave(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id member = conv ? pick_member(w, conv) : 0;
    return member && member != conv->members[0] && in_conv(w, OPERATION_LEAVE, conv, member);
}

/* ---- what is no operation ---- */

static bool at_screen(struct world *w, enum device_input_kind kind, const struct crowd_conv *conv, msg_id reply,
                      struct text body)
{
    device_id device = conv ? pick_device(w, conv, pick_member(w, conv)) : 0;
    if (!device || !world_device(w, device)->core || world_device(w, device)->crashed)
        return false;
    struct device_input input = {.kind = kind, .conv = conv->conv, .reply = reply, .body = body};
    return world_device_step(w, device, &input);
}

bool mix_type(struct world *w)
{
    const struct crowd_target *target = pick_below(w, 2) ? bag_look(w, &w->crowd.sent) : NULL;
    struct text draft = pick_below(w, 4) ? words("not yet") : (struct text){0};
    const struct crowd_conv *conv = target ? conv_of(w, target->conv) : pick_conv(w);
    return at_screen(w, DEVICE_TYPING, conv, target ? target->target : 0, draft);
}

bool mix_typing(struct world *w)
{
    return at_screen(w, DEVICE_SIGNAL, pick_conv(w), 0, (struct text){0});
}

bool mix_look(struct world *w)
{
    return at_screen(w, DEVICE_LOOK, pick_conv(w), 0, (struct text){0});
}

bool mix_search(struct world *w)
{
    struct text word = words(pick_below(w, 4) ? "hello" : "changed");
    return at_screen(w, DEVICE_SEARCH, pick_conv(w), 0, word);
}

bool mix_link(struct world *w)
{
    return crowd_link_device(w);
}
