/*
 * wire_codec.c: see wire_codec.h. Reading never goes past the end that it was given, and never writes to the caller's
 * struct before all of it is found good.
 */
#include "core/wire_codec.h"

#include <string.h>

#define BODY_TAG 0xff /* after every field that there will ever be */
#define VARINT_BYTES_MAX 10

#define WIRE_FIELD(type, name) TAG_##name,
enum tag { TAG_NONE, WIRE_FIELDS(WIRE_FIELD) TAG_COUNT };
#undef WIRE_FIELD
static_assert(TAG_COUNT <= BODY_TAG, "the tag of a body is taken");

/* Returns where the next byte goes. There is room: no message is longer than WIRE_BYTES_MAX. */
static uint8_t *put_field(uint8_t *at, enum tag tag, uint64_t value)
{
    if (!value)
        return at;
    *at++ = (uint8_t)tag;
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

int wire_encode(const struct wire *w, uint8_t *out, size_t cap)
{
    uint8_t whole[WIRE_BYTES_MAX]; /* where there may be too little room it is not known before the end */
    uint8_t *begin = cap < sizeof whole ? whole : out, *at = begin;
    if (w->body.len > TEXT_BYTES_MAX)
        return E_INVALID;
#define WIRE_FIELD(type, name) at = put_field(at, TAG_##name, w->name);
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    if (w->body.len) {
        *at++ = BODY_TAG;
        *at++ = w->body.len;
        memcpy(at, w->body.bytes, w->body.len);
        at += w->body.len;
    }
    size_t size = (size_t)(at - begin);
    if (size > cap)
        return E_LIMIT;
    if (begin != out)
        memcpy(out, begin, size);
    return (int)size;
}

struct reader {
    const uint8_t *at, *end;
};

/* The value at this place, in as few bytes as it can have, and not zero. */
static int get_value(struct reader *in, uint64_t *value)
{
    if (in->at < in->end && *in->at - 1U < 0x7f) { /* most values are a byte */
        *value = *in->at++;
        return STATUS_OK;
    }
    *value = 0;
    for (int i = 0; i < VARINT_BYTES_MAX && in->at < in->end; i++) {
        uint8_t byte = *in->at++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) /* 64 bits are full */
            return E_INVALID;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return byte ? STATUS_OK : E_INVALID; /* a last byte of zero says nothing */
    }
    return E_INVALID;
}

static int get_body(struct reader *in, struct text *body)
{
    if (in->at == in->end)
        return E_INVALID;
    uint8_t len = *in->at++;
    if (len == 0 || len > TEXT_BYTES_MAX || (size_t)(in->end - in->at) != len)
        return E_INVALID;
    body->len = len;
    memcpy(body->bytes, in->at, len);
    in->at += len;
    return STATUS_OK;
}

static int get_field(struct reader *in, uint8_t tag, struct wire *w)
{
    uint64_t value;
    if (get_value(in, &value) < 0)
        return E_INVALID;
    switch (tag) {
#define WIRE_FIELD(type, name) \
    case TAG_##name:           \
        w->name = (type)value; \
        return w->name == value ? STATUS_OK : E_INVALID;
        WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
        default:
            return E_INVALID;
    }
}

/* Words of closed lists. */
static bool words_are_known(const struct wire *w)
{
    bool entry = w->entry < ENTRY_COUNT || w->kind == WIRE_ENTRY;
    return w->kind > WIRE_NONE && w->kind < WIRE_KIND_COUNT && w->operation < OPERATION_COUNT && entry &&
           w->outcome < OUTCOME_COUNT && w->why < WHY_COUNT && w->conv_kind < CONV_KIND_COUNT && w->role < ROLE_COUNT;
}

int wire_decode(const uint8_t *bytes, size_t size, struct wire *w)
{
    struct reader in = {bytes, bytes + size};
    struct wire found = {0};
    for (uint8_t last = TAG_NONE; in.at < in.end;) {
        uint8_t tag = *in.at++;
        if (tag <= last)
            return E_INVALID;
        last = tag;
        if ((tag == BODY_TAG ? get_body(&in, &found.body) : get_field(&in, tag, &found)) < 0)
            return E_INVALID;
    }
    if (!words_are_known(&found))
        return E_INVALID;
    *w = found;
    return STATUS_OK;
}

bool wire_entry_is_sound(const struct wire *w)
{
    switch (w->entry) {
        case ENTRY_VOID:
            return true;
        case ENTRY_DENY:
            return w->conv && w->target;
        case ENTRY_SEND:
        case ENTRY_EDIT:
        case ENTRY_DELETE:
        case ENTRY_UNDO:
        case ENTRY_PURGE:
        case ENTRY_HIDE:
        case ENTRY_INVITE:
        case ENTRY_UNINVITE:
            return w->conv && w->target && w->version;
        case ENTRY_QUOTE:
        case ENTRY_EXPORT:
        case ENTRY_ATTACH:
            return w->conv && w->target && w->version && w->reply;
        case ENTRY_NONE:
        case ENTRY_ITEM_CONV:
        case ENTRY_ITEM_MESSAGE:
        case ENTRY_ITEM_NONE:
        case ENTRY_ITEM_QUOTE:
        case ENTRY_ITEM_READ:
        case ENTRY_ITEM_INVITE:
        case ENTRY_ITEM_ATTACH:
            return false;
        default:
            return w->entry < ENTRY_COUNT && w->conv && w->version;
    }
}
