/*
 * workload_jobs.c: what a crowd asks for that becomes a job of a shard. It picks; what is done is core's business.
 */
#include "sim/workload_internal.h"

/* A member takes back all that they wrote there. The bags keep these messages: a later operation on one goes astray. */
bool mix_delete_all(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id member = conv ? pick_member(w, conv) : 0;
    if (!member)
        return false;
    struct device_input input = pick_input(OPERATION_DELETE_ALL, conv->conv, 0);
    input.subject = member;
    uint64_t id;
    return pick_person(w, pick_device(w, conv, member), &input, &id);
}

/* The one who made it says how old messages become; sometimes so short that it takes much of what is there. */
bool mix_set_retention(struct world *w)
{
    static const uint64_t periods_us[] = {0, 20 * US_PER_S, 2 * 60 * US_PER_S, US_PER_DAY};
    const struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    struct device_input input = pick_input(OPERATION_SET_RETENTION, conv->conv, 0);
    input.period_us = periods_us[pick_below(w, sizeof periods_us / sizeof periods_us[0])];
    uint64_t id;
    return pick_person(w, pick_device(w, conv, conv->members[0]), &input, &id);
}

/* Somebody has had enough. The one who made the conversation stays: the others go on choosing what becomes of it. */
bool mix_erase(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    user_id member = conv ? pick_member(w, conv) : 0;
    if (!member || member == conv->members[0])
        return false;
    struct device_input input = pick_input(OPERATION_ERASE, 0, 0);
    uint64_t id;
    return pick_person(w, pick_device(w, conv, member), &input, &id);
}
