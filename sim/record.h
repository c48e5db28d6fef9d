/*
 * record.h: from what core notes, and what the world does, to records of the history; and how things are called.
 * record.c is the only file that knows both.
 *
 * An operation is called as its step says, else DEVICE/OP; a message as the operation that sent it; a conversation as
 * it was declared, as the step that made it says, else c:DEVICE/OP. Only names that somebody gave are stored.
 */
#ifndef SEXTON_SIM_RECORD_H
#define SEXTON_SIM_RECORD_H

#include "sim/world_internal.h"

void record_words(struct world *w); /* once a run, before any other */
uint32_t record_op_name(struct world *w, device_id device, uint32_t op);
uint32_t record_typing_name(struct world *w, conv_id conv, user_id user);
uint32_t record_message_name(struct world *w, msg_id id);
uint32_t record_key_name(struct world *w, uint64_t key); /* see lives.h */
/* Of a message, and it is one that the device that speaks asked for itself (lives.h). */
uint32_t record_own_message_name(struct world *w, msg_id id);
uint32_t record_conv_name(struct world *w, conv_id id);
uint32_t record_user_name(struct world *w, user_id id);
uint32_t record_device_name(struct world *w, device_id id);

/*
 * Is this conversation among those that are judged? Of the others there is no record, but for what the log of a user
 * and the cursor of a device do: these move over what is not judged, too, and say so without names.
 */
bool record_is_judged(const struct world *w, conv_id conv);

/* All notes of a step of this node; shard is not used for a device's. */
void record_notes(struct world *w, const struct out *out, shard_id shard);

/* Records of the world itself: begin, set fields, emit. */
struct record *record_new(struct world *w, enum history_kind kind);
void record_emit(struct world *w);
void record_device(struct world *w, device_id id, bool linked);
void record_officer(struct world *w, user_id id);
/* operation NONE: who hears of comings and goings */
void record_rule(struct world *w, conv_id conv, uint8_t operation, uint8_t role);
void record_node(struct world *w, enum history_kind kind, uint32_t node); /* connect … exempt: node or device only */
void record_fault(struct world *w, uint32_t fault_word, uint32_t node, uint32_t step, uint64_t count);

#endif
