/*
 * wire_size.h: how many bytes a message takes on the wire, for comparing policies.
 *
 * One byte of tag for each field that is not zero, then the field as a varint (7 bits a byte); a body likewise is a
 * tag, its length in one byte, and its bytes: what wire_encode makes (wire_codec.h). No frame, no encryption, no
 * compression: figures to compare, not to bill.
 */
#ifndef SEXTON_CORE_WIRE_SIZE_H
#define SEXTON_CORE_WIRE_SIZE_H

#include "core/wire.h"

size_t wire_size(const struct wire *w);

#endif
