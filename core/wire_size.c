/*
 * wire_size.c: the size of a message, field by field, as wire_size.h defines it.
 */
#include "core/wire_size.h"

static size_t field_size(uint64_t value)
{
    size_t size = value ? 1 : 0; /* the tag */
    for (; value; value >>= 7)
        size++;
    return size;
}

size_t wire_size(const struct wire *w)
{
    size_t size = w->body.len ? 2 + (size_t)w->body.len : 0;
#define WIRE_FIELD(type, name) size += field_size(w->name);
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    return size;
}
