/*
 * fault_stranger.c: messages that reach a shard and are of no session that it knows: of who was never let in, was
 * thrown out, or pretends. Each says to be of a device that exists, and asks for something that would matter: to delete
 * the first conversation, to acknowledge everything, to be given an attachment, to be welcomed as that device.
 *
 * They must change nothing, be answered nothing, and be counted, not logged one by one. How many reached the shard
 * while it was up is in the fault's record.
 */
#include "sim/record.h"

#define NO_SESSION 0xfffffff0U /* the world counts its sessions from 1 */

static struct wire forged(struct world *w, uint64_t i)
{
    static const uint8_t kinds[] = {WIRE_OP, WIRE_ACK, WIRE_FETCH, WIRE_HELLO};
    struct wire wire = {.kind = kinds[i % sizeof kinds], .device = (device_id)(1 + i % w->device_count)};
    wire.operation = OPERATION_DELETE_CONV;
    wire.op = 1000000 + (uint32_t)i;
    wire.position = UINT64_MAX;
    if (w->scenario->conversation_count)
        wire.conv = world_conversation(w, 0);
    return wire;
}

uint64_t fault_strangers(struct world *w, shard_id id, uint32_t step, uint64_t times)
{
    uint64_t arrived = 0;
    for (uint64_t i = 0; i < times && w->device_count && w->shards[id].core && !w->over; i++) {
        struct wire wire = forged(w, i);
        struct shard_input input = {
            .kind = SHARD_DEVICE_MSG, .device = wire.device, .session = NO_SESSION, .wire = &wire};
        world_shard_step(w, id, &input);
        arrived += w->shards[id].core != NULL;
    }
    if (arrived)
        record_fault(w, w->words.fault[FAULT_STRANGERS], id, step, arrived);
    return arrived;
}
