/*
 * workload_internal.h: what the files of the workload share. workload.c: how much and when; workload_pick.c: who and at
 * what; workload_mix.c: the operations of workload.def.
 */
#ifndef SEXTON_SIM_WORKLOAD_INTERNAL_H
#define SEXTON_SIM_WORKLOAD_INTERNAL_H

#include "sim/record.h"

#define TRIES 8 /* draws before a work waits for a better moment */

uint64_t pick_below(struct world *w, uint64_t bound);

/* ---- bags of recent targets ---- */
void bag_put(struct crowd_ring *bag, struct crowd_target item);
struct crowd_target bag_take(struct world *w, struct crowd_ring *bag); /* it must not be empty */
const struct crowd_target *bag_look(struct world *w, const struct crowd_ring *bag);

/* ---- one operation ---- */
/* Its device does it: true when the device took it; `id` is then that of the operation, and of the message or
   conversation that it makes. */
bool pick_person(struct world *w, device_id device, const struct device_input *what, uint64_t *id);
struct device_input pick_input(enum operation operation, conv_id conv, msg_id target);
struct crowd_conv *pick_conv(struct world *w); /* that is not deleted; NULL when none was found */
/* A member of it other than the one who made it, when there is one. */
user_id pick_member(struct world *w, const struct crowd_conv *conv);
/* A device of this member; before the shard has the conversation, the one that made it. */
device_id pick_device(struct world *w, const struct crowd_conv *conv, user_id member);
/* At what is deleted (now or long ago), at what others have, at what never was. */
bool pick_astray(struct world *w, enum operation what);
bool pick_is_astray(struct world *w);

/* ---- the operations of workload.def ---- */
#define WORK(id, name, weight, operation, function) bool function(struct world *w);
#include "sim/workload.def"
#undef WORK

/* ---- standing.c: the conversations that are there from the start ---- */
/* How many, and one more of them; false: not now. */
uint64_t standing_total(const struct scenario *s);
bool standing_make(struct world *w);
/* Everybody is there: these conversations follow. (workload.c) */
void workload_standing(struct world *w);

#endif
