/* lives.h: devices that are backed up, restored, cloned, and given another id. See lives.c for the two kinds of ids. */
#ifndef SEXTON_SIM_LIVES_H
#define SEXTON_SIM_LIVES_H

#include "sim/world_internal.h"

/* What the servers call this device of the world. */
device_id lives_id(struct world *w, device_id device);
bool lives_in_use(struct world *w, device_id id); /* does a device go by it? */
/* Which device of the world has this id and this session; and which one the servers speak of by the id alone. */
device_id lives_device(struct world *w, device_id id, uint32_t session);
device_id lives_holder(struct world *w, device_id id);

/* Keys of names (world.ops). Of an operation that this device of the world asked for; */
uint64_t lives_own_key(struct world *w, device_id device, uint32_t op);
/* of what the servers call MAKE_ID(device, op); */
uint64_t lives_key(struct world *w, uint64_t id);
/* Can two devices mean a thing of their own by that id, while no shard has heard of either? Nobody else can name it. */
bool lives_are_two(struct world *w, device_id speaker, msg_id id);
/* of that id in the mouth of the device that speaks (world.speaker). own: it means its own operation, whoever else has
   used the number; it does anyway while that operation is in its outbox, and in the step that drops it. */
uint64_t lives_spoken_key(struct world *w, uint64_t id, bool own);
/* Does the device speak of its own send, which nobody else has? */
bool lives_is_own_send(const struct note *note);
/* A device is about to tell of a step: what is made from a send that it drops is told too, and goes by its name. */
void lives_dropped(struct world *w, const struct out *out);

/* A server has one connection with an id: that of another device under the same one breaks. */
void lives_close_others(struct world *w, device_id device);
/* A step of a device's shard with a message of that device. */
void lives_shard_step(struct world *w, device_id device, struct shard_input *input);

void lives_backup(struct world *w, device_id device);
bool lives_can_start(struct world *w, device_id source, bool clone);
/* Start it from the source's last backup, and the source is gone; clone: from the source as it is, and both go on. */
void lives_start(struct world *w, device_id device, device_id source, bool clone);
/* Link it from a copy of the source: the same place in the log, and an id of its own (M3). */
void lives_link(struct world *w, device_id device, device_id source);
/* It has stepped: was it told that its id is not to be used any more? */
void lives_retired(struct world *w, device_id device);
void lives_adopt(struct world *w, device_id device);

#endif
