/*
 * wire_codec.h: a message as bytes, and back.
 *
 * A message is its fields in the order of WIRE_FIELDS: one byte of tag (the field's place in that list, from 1), then
 * the value as a varint, 7 bits a byte, the lowest first. A field that is zero is left out. A body comes last: its tag,
 * its length in one byte, its bytes. So each message has one encoding and no other, wire_size() long.
 *
 * Nothing that arrives is believed. wire_decode takes that one encoding and refuses every other sequence of bytes: an
 * unknown tag, tags out of order or twice, a zero that is spelt out, a varint with more bytes than it needs or more
 * bits than its field, a word out of its list, a body longer than TEXT_BYTES_MAX, an end too early, bytes after the
 * end. One thing is let through on purpose: a log's entry of a kind that this program does not know, for its position
 * counts all the same (see device_sync.c).
 */
#ifndef SEXTON_CORE_WIRE_CODEC_H
#define SEXTON_CORE_WIRE_CODEC_H

#include "core/wire.h"

/* No message is longer: every field at its largest, and a full body. */
#define WIRE_FIELD_BYTES(type, name) +1 + (sizeof(type) * 8 + 6) / 7
#define WIRE_BYTES_MAX (2 + TEXT_BYTES_MAX WIRE_FIELDS(WIRE_FIELD_BYTES))

/* Write it to out[0..cap). Returns its size, or E_LIMIT when it does not fit, E_INVALID when its body is too long. */
int wire_encode(const struct wire *w, uint8_t *out, size_t cap);
/* Fill *w from exactly `size` bytes. Returns 0, or E_INVALID: then *w is as it was. */
int wire_decode(const uint8_t *bytes, size_t size, struct wire *w);

/*
 * Has an entry of a log what its kind needs, and is it of a kind that a log can have? One that has not must not get
 * into a log; where it did, its position counts and nothing else of it.
 */
bool wire_entry_is_sound(const struct wire *w);

#endif
