/*
 * workload_invite.c: invitations in the mix of a crowd. Who is invited may be a member by the time, the invitation may
 * be over when it is answered, and two devices of one person may answer it differently: that is what it is for.
 */
#include "sim/workload_internal.h"

/* What lies in the bag keeps a device of whoever is invited. */
bool mix_invite(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id user = crowd_user(w);
    if (!conv || !user)
        return false;
    struct device_input input = pick_input(OPERATION_INVITE, conv->conv, 0);
    uint64_t id;
    input.subject = user;
    input.role = ROLE_MEMBER;
    if (!pick_person(w, pick_device(w, conv, pick_member(w, conv)), &input, &id))
        return false;
    bag_put(&w->crowd.invited, (struct crowd_target){conv->conv, id, crowd_device(w, user), w->now_us});
    return true;
}

/* Some invitations stay in the bag, and are answered again. */
static bool answer(struct world *w, enum operation operation)
{
    struct crowd *c = &w->crowd;
    if (!c->invited.count)
        return false;
    struct crowd_target target = pick_below(w, 4) ? bag_take(w, &c->invited) : *bag_look(w, &c->invited);
    struct device_input input = pick_input(operation, target.conv, target.target);
    uint64_t id;
    return pick_person(w, crowd_device(w, world_device(w, target.device)->user), &input, &id);
}

bool mix_accept(struct world *w)
{
    return answer(w, OPERATION_ACCEPT);
}

bool mix_decline(struct world *w)
{
    return answer(w, OPERATION_DECLINE);
}

/* By whoever made the conversation, or a member. */
bool mix_withdraw(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.invited);
    uint64_t index = target ? idmap_get(&w->crowd.conv_index, target->conv) : 0;
    if (!index)
        return false;
    const struct crowd_conv *conv = &w->crowd.convs[index - 1];
    struct device_input input = pick_input(OPERATION_WITHDRAW, target->conv, target->target);
    uint64_t id;
    user_id by = pick_below(w, 3) ? conv->members[0] : pick_member(w, conv);
    return pick_person(w, pick_device(w, conv, by), &input, &id);
}
