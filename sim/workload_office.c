/*
 * workload_office.c: what those with an office do in a crowd: legal holds, roles, moderation; and joining.
 *
 * The first user of a crowd whose mix has holds is the officer of legal holds. A release is of something that was held.
 */
#include "sim/workload_internal.h"

void workload_officer(struct world *w, user_id user)
{
    if (!w->scenario->crowd.mixed || !w->scenario->crowd.weights[WORK_HOLD] || user != w->crowd.first_user)
        return;
    record_officer(w, user);
    for (shard_id shard = 0; shard < w->shard_count; shard++) {
        struct shard_input input = {.kind = SHARD_PROVISION_OFFICER, .user = user};
        world_shard_step(w, shard, &input);
    }
}

static bool office(struct world *w, enum operation operation, const struct crowd_target *held)
{
    struct device_input input = pick_input(operation, held->conv, 0);
    uint64_t id;
    input.subject = held->conv ? 0 : (user_id)held->target;
    return pick_person(w, crowd_device(w, w->crowd.first_user), &input, &id);
}

bool mix_hold(struct world *w)
{
    const struct crowd_conv *conv = pick_below(w, 2) ? pick_conv(w) : NULL;
    struct crowd_target held = {.conv = conv ? conv->conv : 0, .target = conv ? 0 : crowd_user(w)};
    if ((!held.conv && !held.target) || !office(w, OPERATION_HOLD, &held))
        return false;
    bag_put(&w->crowd.held, held);
    return true;
}

bool mix_release(struct world *w)
{
    if (!w->crowd.held.count)
        return false;
    struct crowd_target held = bag_take(w, &w->crowd.held);
    return office(w, OPERATION_RELEASE, &held);
}

bool mix_set_role(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    struct device_input input = pick_input(OPERATION_SET_ROLE, conv->conv, 0);
    uint64_t id;
    input.subject = pick_member(w, conv);
    input.role = pick_below(w, 3) ? ROLE_MODERATOR : ROLE_MEMBER;
    return pick_person(w, pick_device(w, conv, conv->members[0]), &input, &id);
}

/* What somebody else wrote: whoever made the conversation may delete it, and moderators may. */
bool mix_moderate(struct world *w)
{
    const struct crowd_target *target = bag_look(w, &w->crowd.sent);
    uint64_t index = target ? idmap_get(&w->crowd.conv_index, target->conv) : 0;
    if (!index)
        return false;
    const struct crowd_conv *conv = &w->crowd.convs[index - 1];
    struct device_input input = pick_input(OPERATION_DELETE, target->conv, target->target);
    uint64_t id;
    return pick_person(w, pick_device(w, conv, pick_below(w, 3) ? conv->members[0] : pick_member(w, conv)), &input,
                       &id);
}

/* Only some are channels, which anybody may join. */
bool mix_join(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id user = crowd_user(w);
    if (!conv || !user)
        return false;
    struct device_input input = pick_input(OPERATION_JOIN, conv->conv, 0);
    uint64_t id;
    return pick_person(w, crowd_device(w, user), &input, &id);
}
