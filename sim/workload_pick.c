/*
 * workload_pick.c: who of the crowd does something, at what, and the input that its device gets.
 *
 * Method: targets come from short bags of what was sent and deleted lately; a conversation is drawn until one is not
 * deleted, a few times. Nothing here searches, so that a million users cost no more than ten.
 */
#include "sim/lives.h"
#include "sim/workload_internal.h"

#include <string.h>

#define GHOST_OP 2000000000U

uint64_t pick_below(struct world *w, uint64_t bound)
{
    return rng_below(&w->crowd_rng, bound);
}

/* ---- bags of recent targets ---- */

void bag_put(struct crowd_ring *bag, struct crowd_target item)
{
    if (bag->count < CROWD_RING) {
        bag->items[bag->count++] = item;
        return;
    }
    bag->items[bag->next] = item;
    bag->next = (bag->next + 1) % CROWD_RING;
}

struct crowd_target bag_take(struct world *w, struct crowd_ring *bag)
{
    size_t at = (size_t)pick_below(w, bag->count);
    struct crowd_target item = bag->items[at];
    bag->items[at] = bag->items[--bag->count];
    return item;
}

const struct crowd_target *bag_look(struct world *w, const struct crowd_ring *bag)
{
    return bag->count ? &bag->items[pick_below(w, bag->count)] : NULL;
}

/* ---- one operation ---- */

bool pick_person(struct world *w, device_id device, const struct device_input *what, uint64_t *id)
{
    const struct world_device *d = world_device(w, device);
    if (!d->core || d->crashed || load_stands(w, node_of_device(w, device)) || lives_are_two(w, device, what->target))
        return false;
    struct device_input input = *what;
    input.kind = DEVICE_PERSON;
    uint32_t op = device_inspect(d->core).next_op;
    *id = MAKE_ID(lives_id(w, device), op);
    workload_issues(w, MAKE_ID(device, op));
    return world_device_step(w, device, &input);
}

struct device_input pick_input(enum operation operation, conv_id conv, msg_id target)
{
    struct device_input input = {.operation = (uint8_t)operation, .conv = conv, .target = target};
    if (operation == OPERATION_SEND || operation == OPERATION_INVITE) {
        input.body.len = 5;
        memcpy(input.body.bytes, "hello", 5);
    }
    if (operation == OPERATION_UPLOAD) {
        input.body.len = TEXT_BYTES_MAX;
        memset(input.body.bytes, 'p', TEXT_BYTES_MAX);
    }
    if (operation == OPERATION_EDIT) {
        input.body.len = 7;
        memcpy(input.body.bytes, "changed", 7);
    }
    return input;
}

/* Operations of these numbers are never issued. */
static uint64_t pick_ghost(struct world *w, device_id device)
{
    return MAKE_ID(device, GHOST_OP + w->crowd.ghosts++);
}

struct crowd_conv *pick_conv(struct world *w)
{
    struct crowd *c = &w->crowd;
    for (int i = 0; c->conv_count && i < TRIES; i++) {
        struct crowd_conv *conv = &c->convs[pick_below(w, c->conv_count)];
        if (!conv->deleted)
            return conv;
    }
    return NULL;
}

/* A device of this member; before the shard has the conversation, the one that made it. */
device_id pick_device(struct world *w, const struct crowd_conv *conv, user_id member)
{
    return conv->known ? crowd_device(w, member) : conv->maker;
}

user_id pick_member(struct world *w, const struct crowd_conv *conv)
{
    user_id member = conv->members[pick_below(w, CROWD_CONV_MEMBERS)];
    return member ? member : conv->members[0];
}

void workload_member(struct world *w, conv_id id, user_id user, bool joins)
{
    uint64_t index = idmap_get(&w->crowd.conv_index, id);
    if (!index)
        return;
    struct crowd_conv *conv = &w->crowd.convs[index - 1];
    conv->known = true;
    user_id *free_slot = NULL;
    for (size_t i = 0; i < CROWD_CONV_MEMBERS; i++) {
        if (conv->members[i] == user) {
            if (!joins && i) /* the creator stays as who is asked, and is refused */
                conv->members[i] = 0;
            return;
        }
        if (!conv->members[i] && !free_slot)
            free_slot = &conv->members[i];
    }
    if (joins && free_slot)
        *free_slot = user;
}

/* At what is deleted (now or long ago), at what others have, at what never was. */
bool pick_astray(struct world *w, enum operation what)
{
    struct crowd *c = &w->crowd;
    user_id user = crowd_user(w);
    if (!user)
        return false;
    device_id device = crowd_device(w, user);
    conv_id nowhere = pick_ghost(w, device);
    msg_id nothing = pick_ghost(w, device);
    struct device_input input = pick_input(what, nowhere, nothing);
    input.subject = what == OPERATION_ADD || what == OPERATION_REMOVE ? crowd_user(w) : 0;
    if (what == OPERATION_INVITE)
        input.subject = crowd_user(w);
    input.role = what == OPERATION_ADD ? ROLE_MEMBER : ROLE_NONE;
    const struct crowd_target *gone = bag_look(w, &c->deleted), *closed = bag_look(w, &c->deleted_convs);
    const struct crowd_conv *foreign = c->conv_count ? &c->convs[pick_below(w, c->conv_count)] : NULL;
    const struct crowd_target *sent = bag_look(w, &c->sent);
    switch (pick_below(w, 4)) {
        case 0: /* a deleted message, by its author */
            if (!gone)
                break;
            device = gone->device;
            input.conv = gone->conv;
            input.target = gone->target;
            break;
        case 1: /* a deleted conversation, by a member */
            if (!closed)
                break;
            device = closed->device;
            input.conv = closed->conv;
            break;
        case 2: /* something of others */
            if (foreign)
                input.conv = foreign->conv;
            if (sent && what != OPERATION_SEND) {
                input.conv = sent->conv;
                input.target = sent->target;
            }
            break;
        default: /* a message that never was, in a real conversation */
            if (foreign && what != OPERATION_SEND)
                input.conv = foreign->conv;
    }
    uint64_t id;
    return pick_person(w, device, &input, &id);
}

bool pick_is_astray(struct world *w)
{
    uint64_t ppm = w->scenario->crowd.astray_ppm;
    return ppm && rng_ppm(&w->crowd_rng, (uint32_t)ppm);
}
