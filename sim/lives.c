/*
 * lives.c: devices that are backed up, restored, cloned, and given another id.
 *
 * Method: a device of the world is one process on one machine; its id is what the servers call it, and core alone
 * knows. Mostly they are equal. A device that is started from the image of another has that one's id until its shard
 * tells it to take another (X4); then it takes its own, or, if that is in use, one that is made up.
 *
 * So a number of an operation may be given twice, in two lives of one id, and names must not be: an operation is called
 * by the device that asked for it. Which of two the servers mean by the id (device, number) is decided by the shard
 * that accepts it: the first whose message moved the count. `owners` remembers that; a number nobody else has asked for
 * needs no memory. What was sent before there were two lives is the source's, also when its shard has been restored.
 */
#include "sim/lives.h"

#include "sim/record.h"

#include <stdio.h>
#include <string.h>

#define ADOPT_RETRY_US (50 * US_PER_MS) /* the device is down */

/* ---- who is who ---- */

device_id lives_id(struct world *w, device_id device)
{
    device_id id = world_device(w, device)->core_id;
    return id ? id : device;
}

bool lives_in_use(struct world *w, device_id id)
{
    for (device_id d = 1; w->lives && d <= w->device_count; d++)
        if (world_device(w, d)->core && lives_id(w, d) == id)
            return true;
    return !w->lives && world_device(w, id)->core;
}

device_id lives_device(struct world *w, device_id id, uint32_t session)
{
    if (!w->lives || (world_device(w, id)->link.session == session && lives_id(w, id) == id))
        return id;
    for (device_id d = 1; d <= w->device_count; d++)
        if (world_device(w, d)->link.session == session && lives_id(w, d) == id)
            return d;
    return id;
}

device_id lives_holder(struct world *w, device_id id)
{
    if (!w->lives || id == 0 || id > w->device_count)
        return id;
    if (w->caller && lives_id(w, w->caller) == id)
        return w->caller;
    for (device_id d = (device_id)w->device_count; d >= 1; d--) /* the youngest */
        if (world_device(w, d)->core && lives_id(w, d) == id)
            return d;
    return id;
}

uint64_t lives_own_key(struct world *w, device_id device, uint32_t op)
{
    while (world_device(w, device)->source && op < world_device(w, device)->first_op)
        device = world_device(w, device)->source; /* asked for before the image was made */
    return MAKE_ID(device, op);
}

uint64_t lives_key(struct world *w, uint64_t id)
{
    uint64_t owner = w->lives ? idmap_get(&w->owners, id) : 0;
    device_id named = ID_DEVICE(id);
    if (owner || !w->lives || named == 0 || named > w->device_count || !world_device(w, named)->lent)
        return owner ? owner : id;
    for (device_id d = (device_id)w->device_count; d >= 1; d--) /* nobody has heard of it but who is to send it */
        if (lives_id(w, d) == named && world_device(w, d)->core && device_waits(world_device(w, d)->core, ID_OP(id)))
            return lives_own_key(w, d, ID_OP(id));
    return id;
}

bool lives_are_two(struct world *w, device_id speaker, msg_id id)
{
    device_id named = ID_DEVICE(id);
    if (!w->lives || named == 0 || named > w->device_count || lives_id(w, speaker) == named)
        return false;
    uint64_t first = idmap_get(&w->owners, id);
    bool known = first != 0, two = false;
    for (device_id d = 1; !known && d <= w->device_count; d++) {
        if (!world_device(w, d)->core || lives_id(w, d) != named)
            continue;
        uint64_t key = lives_own_key(w, d, ID_OP(id));
        two = two || (first && key != first);
        first = key;
    }
    return two;
}

uint64_t lives_spoken_key(struct world *w, uint64_t id, bool own)
{
    if (!w->lives || !w->speaker || ID_DEVICE(id) != lives_id(w, w->speaker))
        return lives_key(w, id);
    own = own || !idmap_get(&w->owners, id) || device_waits(world_device(w, w->speaker)->core, ID_OP(id)) ||
          idmap_get(&w->dropped, id);
    return own ? lives_own_key(w, w->speaker, ID_OP(id)) : lives_key(w, id);
}

bool lives_is_own_send(const struct note *n)
{
    if (n->kind == NOTE_SHOW)
        return n->pending;
    return n->because == BECAUSE_DRAFTED || n->because == BECAUSE_REFUSED || n->because == BECAUSE_CANCELLED ||
           (n->because == BECAUSE_PENDING && !n->version);
}

void lives_dropped(struct world *w, const struct out *out)
{
    idmap_clear(&w->dropped);
    for (size_t i = 0; i < out->note_count; i++)
        if (out->notes[i].kind == NOTE_HIDE && lives_is_own_send(&out->notes[i]))
            idmap_put(&w->dropped, out->notes[i].target, 1);
}

void lives_close_others(struct world *w, device_id device)
{
    for (device_id d = 1; w->lives && d <= w->device_count; d++)
        if (d != device && world_device(w, d)->link.session && lives_id(w, d) == lives_id(w, device))
            link_break(w, d);
}

static uint64_t accepted_by_shard(struct world *w, shard_id home, device_id id)
{
    struct store *store = w->shards[home].stores.main;
    struct row row = {.c = {[DEVICE_id] = id}};
    return store->ops->get(store, TABLE_DEVICE, &row) == 0 ? row.c[DEVICE_accepted_op] : 0;
}

void lives_shard_step(struct world *w, device_id device, struct shard_input *input)
{
    shard_id home = world_device(w, device)->home;
    bool is_op = w->lives && input->wire->kind == WIRE_OP;
    if (input->wire->kind == WIRE_OP && world_device(w, input->device)->heard < input->wire->op)
        world_device(w, input->device)->heard = input->wire->op;
    uint64_t before = is_op ? accepted_by_shard(w, home, input->device) : 0;
    bool counts = is_op && input->wire->op > before; /* else it is sent again, and whose it is stays what it was */
    w->caller = device;
    if (counts) /* before the step: its notes may speak of it already */
        idmap_put(&w->owners, MAKE_ID(input->device, input->wire->op), lives_own_key(w, device, input->wire->op));
    world_shard_step(w, home, input);
    if (counts && accepted_by_shard(w, home, input->device) == before)
        idmap_put(&w->owners, MAKE_ID(input->device, input->wire->op), 0);
    w->caller = 0;
}

/* ---- images ---- */

void lives_backup(struct world *w, device_id device)
{
    struct world_device *d = world_device(w, device);
    device_free(d->image);
    d->image = device_copy(d->core);
    d->image_id = lives_id(w, device);
}

/* It is on a machine that is lost, or was wiped. */
static void lose(struct world *w, device_id device)
{
    struct world_device *d = world_device(w, device);
    if (!d->core)
        return;
    link_break(w, device);
    d->link.dialling = false;
    d->link.attempt++;
    if (d->link.opened) {
        d->link.opened = false;
        record_node(w, KIND_DISCONNECT, node_of_device(w, device));
    }
    d->clock.wake_at_us = TIME_NEVER;
    world_rearm(w, node_of_device(w, device));
    device_free(d->core);
    d->core = NULL;
    d->syncing = d->crashed = false;
    d->plan = (struct crash_plan){0};
}

bool lives_can_start(struct world *w, device_id source, bool clone)
{
    const struct world_device *s = world_device(w, source);
    return clone ? s->core && !s->crashed : s->image != NULL;
}

void lives_start(struct world *w, device_id device, device_id source, bool clone)
{
    struct world_device *d = world_device(w, device), *s = world_device(w, source);
    assert(!d->core && device != source && d->user == s->user);
    d->core = device_copy(clone ? s->core : s->image);
    d->core_id = clone ? lives_id(w, source) : s->image_id;
    d->source = source;
    world_device(w, d->core_id)->lent = true;
    d->first_op = device_inspect(d->core).next_op;
    d->protocol = s->protocol;
    w->lives++;
    for (uint32_t op = d->first_op; op <= world_device(w, d->core_id)->heard; op++) {
        uint64_t id =
            MAKE_ID(d->core_id, op); /* of the life that the image does not know, nor maybe a restored shard */
        if (!idmap_get(&w->owners, id))
            idmap_put(&w->owners, id, lives_own_key(w, source, op));
    }
    if (!clone)
        lose(w, source);
    record_device(w, device, false);
    observe_start(w, device, source, clone ? FIELD_CLONE : FIELD_SOURCE);
    link_dial(w, device, 0);
}

void lives_link(struct world *w, device_id device, device_id source)
{
    struct world_device *d = world_device(w, device), *s = world_device(w, source);
    assert(!d->core && device != source && d->user == s->user);
    d->core = device_copy(s->core);
    d->protocol = s->protocol;
    device_take_over(d->core, device);
    record_device(w, device, false);
    world_provision(w, d->user, device, false);
    observe_start(w, device, source, FIELD_LINKED);
    link_dial(w, device, 0);
}

/* ---- another id ---- */

static device_id free_id(struct world *w, device_id device)
{
    if (lives_id(w, device) != device && !world_device(w, device)->own_id_used)
        return device;
    char name[320];
    snprintf(name, sizeof name, "%s+", names_text(w->names, world_device(w, device)->name));
    struct world_user *user = &w->users[world_device(w, device)->user - 1];
    device_id late = user->linked;
    device_id id = world_add_device(w, world_device(w, device)->user, name); /* may move the array of devices */
    user->linked = late; /* it is an id, and no device that anybody could use */
    return id;
}

void lives_retired(struct world *w, device_id device)
{
    struct world_device *d = world_device(w, device);
    if (!d->core || d->adopting || !device_is_retired(d->core))
        return;
    d->adopting = true;
    link_break(w, device);
    world_push(w, w->now_us + 1, EVENT_ADOPT, device, 0);
}

void lives_adopt(struct world *w, device_id device)
{
    struct world_device *d = world_device(w, device);
    if (!d->core || !device_is_retired(d->core))
        return;
    if (d->crashed) {
        world_push(w, w->now_us + ADOPT_RETRY_US, EVENT_ADOPT, device, 0);
        return;
    }
    device_id id = free_id(w, device);
    d = world_device(w, device);
    d->own_id_used |= id == device;
    world_device(w, id)->lent |= id != device;
    d->adopting = false;
    w->lives++;
    world_provision(w, d->user, id, true);
    device_adopt(d->core, id);
    d->core_id = id;
    record_device(w, device, true);
    link_dial(w, device, 0);
}
