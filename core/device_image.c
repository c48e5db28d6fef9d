/*
 * device_image.c: a device's durable state as a thing: copied for a backup, started again, given another id.
 *
 * A copy has the id of what it was copied from, and does not know that it is one. Who it really is, is found out at its
 * next hello, by the operations that it remembers having sent (X4): a shard that has accepted more was told them by
 * another life of this device. With the policy `sessions` it is also found out by the last session: of two that run at
 * once, an operation of the one can be lost and the other's of the same number be accepted, which operations alone do
 * not tell.
 */
#include "core/decide.h"
#include "core/device_internal.h"

#include <stdlib.h>
#include <string.h>

static struct reset *copy_reset(const struct reset *from)
{
    if (!from)
        return NULL;
    struct reset *reset = base_alloc(sizeof *reset);
    *reset = *from;
    reset->items = NULL;
    reset->cap = 0;
    if (from->count)
        reset->items = base_grow(NULL, &reset->cap, from->count, sizeof *reset->items);
    for (size_t i = 0; i < from->count; i++)
        reset->items[i] = from->items[i];
    return reset;
}

struct device *device_copy(const struct device *device)
{
    struct device *copy = base_alloc(sizeof *copy);
    *copy = *device;
    copy->held = NULL;
    copy->typists = NULL;
    copy->typist_count = 0;
    replica_copy_all(&copy->replica, &device->replica);
    copy->reset = copy_reset(device->reset);
    device_crash(copy);
    copy->retry_at_us = copy->poll_at_us = copy->fetch_at_us = 0;
    copy->may_wait = false;
    copy->hello_op = 0;
    return copy;
}

bool device_is_retired(const struct device *device)
{
    return device->retired;
}

void device_adopt(struct device *device, device_id id)
{
    assert(device->retired && id && id != device->id);
    device_crash(device);
    sync_reset_free(device);
    device->id = id;
    device->retired = false;
    device->generation = device->epoch = 0; /* nobody's, so that it is reset */
    device->cursor = 0;
    device->at_us = 0;
    device->installed = 0;
    device->sent_op = device->token = 0;
    device->first_op = device->next_op;
}

void device_take_over(struct device *copy, device_id id)
{
    struct out unsaid = {0}; /* nobody has seen it yet: there is nothing to tell */
    assert(id && id != copy->id && !copy->retired);
    while (copy->replica.op_count)
        replica_op_remove(&copy->replica, &copy->replica.ops[copy->replica.op_count - 1]);
    view_update(copy, 0, 0, (struct gone){BECAUSE_RESET, 0}, &unsaid);
    out_free(&unsaid);
    sync_reset_free(copy);
    copy->id = id;
    copy->installed = 0;
    copy->next_op = copy->first_op = 1;
    copy->sent_op = copy->token = 0;
    copy->at_head = decide_link_takes_head(copy->policy);
}
