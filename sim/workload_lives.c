/*
 * workload_lives.c: what a crowd does to its devices: they are backed up, lost and restored, cloned, linked from a
 * copy, and left in a drawer. It picks; what becomes of them is lives.c.
 */
#include "sim/lives.h"
#include "sim/workload_internal.h"

static device_id running_device(struct world *w)
{
    user_id user = crowd_user(w);
    device_id device = user ? crowd_device(w, user) : 0;
    return device && world_device(w, device)->core && !world_device(w, device)->crashed ? device : 0;
}

bool mix_device_backup(struct world *w)
{
    device_id device = running_device(w);
    if (!device)
        return false;
    lives_backup(w, device);
    bag_put(&w->crowd.imaged, (struct crowd_target){.device = device, .at_us = w->now_us});
    return true;
}

/* A backup stays where it is: a device may be restored twice from one, and restored beside a clone of it. */
bool mix_device_restore(struct world *w)
{
    const struct crowd_target *imaged = bag_look(w, &w->crowd.imaged);
    if (!imaged)
        return false;
    device_id source = imaged->device;
    lives_start(w, crowd_new_device(w, world_device(w, source)->user), source, false);
    return true;
}

bool mix_device_clone(struct world *w)
{
    device_id source = running_device(w);
    if (!source)
        return false;
    lives_start(w, crowd_new_device(w, world_device(w, source)->user), source, true);
    return true;
}

bool mix_link_copy(struct world *w)
{
    device_id source = running_device(w);
    if (!source || !w->shards[world_device(w, source)->home].core)
        return false; /* its shard links a device: from then on the log waits for it */
    lives_link(w, crowd_new_device(w, world_device(w, source)->user), source);
    return true;
}

/* One of several devices never connects again, and nobody says so to the servers. */
bool mix_give_up(struct world *w)
{
    device_id device = running_device(w);
    if (!device || world_device(w, device)->never || w->users[world_device(w, device)->user - 1].devices < 2)
        return false;
    record_node(w, KIND_EXEMPT, node_of_device(w, device));
    link_set_offline(w, device, &world_device(w, device)->never, true);
    return true;
}
