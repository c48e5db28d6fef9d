/*
 * workload_attach.c: what a crowd attaches to its messages: files are uploaded, sent with a message some time later or
 * never, and downloaded by whoever can read it.
 */
#include "sim/workload_internal.h"

#include <string.h>

bool mix_upload(struct world *w)
{
    const struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    device_id device = pick_device(w, conv, pick_member(w, conv));
    struct device_input input = pick_input(OPERATION_UPLOAD, conv->conv, 0);
    uint64_t id;
    if (!pick_person(w, device, &input, &id))
        return false;
    bag_put(&w->crowd.uploads, (struct crowd_target){input.conv, id, device, w->now_us});
    return true;
}

/* One that is not collected yet, if there is one: the others are for sends that are refused. */
static const struct crowd_target *recent_upload(struct world *w)
{
    const struct crowd_target *upload = bag_look(w, &w->crowd.uploads);
    for (int i = 1; upload && i < TRIES && upload->at_us + w->policy.orphan_after_us <= w->now_us; i++)
        upload = bag_look(w, &w->crowd.uploads);
    return upload;
}

/* By the one who uploaded it, from whatever device. Some uploads are forgotten, some sent twice. */
bool mix_attach(struct world *w)
{
    const struct crowd_target *upload = recent_upload(w);
    if (!upload)
        return false;
    struct device_input input = pick_input(OPERATION_SEND, upload->conv, 0);
    device_id device = crowd_device(w, world_device(w, upload->device)->user);
    input.blob = upload->target;
    uint64_t id;
    if (!pick_person(w, device, &input, &id))
        return false;
    struct crowd_target sent = {input.conv, id, device, w->now_us};
    bag_put(&w->crowd.attached, sent);
    bag_put(&w->crowd.sent, sent);
    return true;
}

/* Of what may be deleted by now. */
bool mix_fetch(struct world *w)
{
    const struct crowd_target *sent = bag_look(w, &w->crowd.attached);
    const uint64_t index = sent ? idmap_get(&w->crowd.conv_index, sent->conv) : 0;
    if (!index)
        return false;
    const struct crowd_conv *conv = &w->crowd.convs[index - 1];
    device_id device = pick_device(w, conv, pick_member(w, conv));
    if (!device || !world_device(w, device)->core || world_device(w, device)->crashed)
        return false;
    struct device_input input = {.kind = DEVICE_FETCH, .conv = sent->conv, .target = sent->target};
    return world_device_step(w, device, &input);
}
