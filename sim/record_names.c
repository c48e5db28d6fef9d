/*
 * record_names.c: how the history calls what core knows by number. A name that a script gives is kept by the operation
 * that makes the thing; what has none is called by the device and the number of that operation.
 */
#include "sim/lives.h"
#include "sim/record.h"

#include <stdio.h>

#define NAME_BYTES_MAX 300
#define DEFAULT_NAMES 65536U /* remembered, a power of two */

struct world_name { /* a default name that was made in this run; see record_names.c */
    uint64_t id;
    uint32_t name;
    uint32_t run : 31, conv : 1;
};

uint32_t record_user_name(struct world *w, user_id id)
{
    return id && id <= w->user_count ? w->users[id - 1].name : 0;
}

uint32_t record_device_name(struct world *w, device_id id)
{
    if (id && id <= w->device_count)
        return w->devices[id - 1].name;
    char text[NAME_BYTES_MAX];
    snprintf(text, sizeof text, "device-%u", id);
    return id ? names_intern(w->names, text) : 0;
}

/* Where a default name would be remembered. A view names every row again: to print and to intern each costs more than
   all that the checkers do with it. What another has pushed out is made again, to the same number. */
static struct world_name *remembered(struct world *w, uint64_t id)
{
    if (!w->default_names)
        w->default_names = base_alloc(DEFAULT_NAMES * sizeof *w->default_names);
    uint64_t mixed = id * 0x9e3779b97f4a7c15ULL;
    return &w->default_names[mixed >> 32 & (DEFAULT_NAMES - 1)];
}

/* PREFIX DEVICE/OP */
static uint32_t make_default_name(struct world *w, const char *prefix, uint64_t id)
{
    char text[NAME_BYTES_MAX];
    bool stands = ID_DEVICE(id) == PROVISIONER; /* one that a crowd has from the start */
    const char *device = stands ? "standing" : names_text(w->names, record_device_name(w, ID_DEVICE(id)));
    int len = snprintf(text, sizeof text, "%s%s/%u", prefix, device, ID_OP(id));
    assert(len > 0);
    size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    return names_intern_bytes(w->names, text, size);
}

static uint32_t default_name(struct world *w, bool conv, uint64_t id)
{
    if (ID_DEVICE(id) > w->device_count &&
        ID_DEVICE(id) != PROVISIONER) /* a device of that number may come yet, and have a name */
        return make_default_name(w, conv ? "c:" : "", id);
    struct world_name *kept = remembered(w, id);
    if (kept->id != id || kept->run != w->run || kept->conv != conv)
        *kept = (struct world_name){id, make_default_name(w, conv ? "c:" : "", id), w->run, conv};
    return kept->name;
}

uint32_t record_key_name(struct world *w, uint64_t key)
{
    if (w->hush)
        return 0;
    uint32_t given = (uint32_t)(idmap_get(&w->ops, key) >> 32);
    return given ? given : default_name(w, false, key);
}

uint32_t record_message_name(struct world *w, msg_id id)
{
    return id ? record_key_name(w, lives_spoken_key(w, id, false)) : 0;
}

uint32_t record_own_message_name(struct world *w, msg_id id)
{
    return id ? record_key_name(w, lives_spoken_key(w, id, true)) : 0;
}

uint32_t record_op_name(struct world *w, device_id device, uint32_t op)
{
    return record_own_message_name(w, MAKE_ID(device, op));
}

uint32_t record_conv_name(struct world *w, conv_id id)
{
    if (!id || w->hush)
        return 0;
    uint64_t op = lives_spoken_key(w, MAKE_ID(ID_DEVICE(id), conv_id_op(&w->policy, id)), false); /* that made it */
    uint32_t given = (uint32_t)(idmap_get(&w->ops, op) >> 32);
    return given ? given : default_name(w, true, op);
}

/* That somebody is typing in a conversation is of no message, and has a name of its own: CONVERSATION~USER. */
uint32_t record_typing_name(struct world *w, conv_id conv, user_id user)
{
    char text[NAME_BYTES_MAX];
    if (w->hush)
        return 0;
    snprintf(text, sizeof text, "%s~%s", names_text(w->names, record_conv_name(w, conv)),
             names_text(w->names, record_user_name(w, user)));
    return names_intern(w->names, text);
}
