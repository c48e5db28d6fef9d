/*
 * protocol.h: versions of the wire protocol, and how a device of the previous one is told what it has no word for.
 *
 * A device says its version in each hello; absent is the current one. The shard translates, a session at a time: what
 * the device does not know becomes the nearest thing that it does, and what has none becomes VOID, so that the position
 * counts. A deletion never gets lost in this: one that has no nearest thing is told by a reset. A device that meets an
 * unknown kind all the same skips it (device_sync.c).
 */
#ifndef SEXTON_CORE_PROTOCOL_H
#define SEXTON_CORE_PROTOCOL_H

#include "core/wire.h"

/* Wire versions in `hello`; 0 = the current one. */
#define PROTOCOL_CURRENT 0
#define PROTOCOL_PREVIOUS 1

/* Does a device of this version know such an entry of a log, such an operation? Unknown words are nobody's. */
bool protocol_has_entry(uint8_t protocol, uint8_t entry);
bool protocol_has_operation(uint8_t protocol, uint8_t operation);
/* Put an entry of a log into the words of that version. False: there are none, and it must be told by a reset. */
bool protocol_translate(uint8_t protocol, struct wire *entry);

#endif
