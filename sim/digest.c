/*
 * digest.c: XXH3-64 over the canonical encoding of records, so that equal histories have equal digests on every
 * machine.
 *
 * A record is: u8 length and bytes of the kind's name, u64 `at`, then for each field present, in the order of
 * history.def: u8 length and bytes of the key, and the value: a name as u32 length and bytes, a number, time or version
 * as u64, a flag as u8, items as u64 count and each as three names and a u64 version; then a zero byte, the end.
 * Integers are little-endian. A field that no record uses, or a kind that never occurs, changes nothing. Bytes are
 * gathered in a block before they are hashed.
 */
#include "sim/history.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BLOCK_BYTES 16384U

struct history_digest {
    XXH3_state_t *state; /* from xxhash's own allocator: it must be aligned to 64 bytes */
    size_t used;
    uint8_t block[BLOCK_BYTES];
};

struct history_digest *history_digest_new(void)
{
    struct history_digest *digest = base_alloc(sizeof *digest);
    digest->state = XXH3_createState();
    if (!digest->state)
        abort();
    history_digest_reset(digest);
    return digest;
}

void history_digest_free(struct history_digest *digest)
{
    if (!digest)
        return;
    XXH3_freeState(digest->state);
    free(digest);
}

void history_digest_reset(struct history_digest *digest)
{
    XXH3_64bits_reset(digest->state);
    digest->used = 0;
}

static void put(struct history_digest *d, const void *bytes, size_t len)
{
    if (len > BLOCK_BYTES - d->used) {
        XXH3_64bits_update(d->state, d->block, d->used);
        d->used = 0;
        if (len > BLOCK_BYTES) {
            XXH3_64bits_update(d->state, bytes, len);
            return;
        }
    }
    memcpy(d->block + d->used, bytes, len);
    d->used += len;
}

static void put_integer(struct history_digest *d, uint64_t n, size_t bytes)
{
    uint8_t little[8];
    for (size_t i = 0; i < bytes; i++)
        little[i] = (uint8_t)(n >> (8 * i));
    put(d, little, bytes);
}

static void put_word(struct history_digest *d, const char *word)
{
    size_t len = strlen(word);
    put_integer(d, len, 1);
    put(d, word, len);
}

static void put_name(struct history_digest *d, const struct names *names, uint64_t name)
{
    size_t len = names_length(names, (uint32_t)name);
    put_integer(d, len, 4);
    put(d, names_text(names, (uint32_t)name), len);
}

static void put_items(struct history_digest *d, const struct record *record, const struct names *names)
{
    put_integer(d, record->item_count, 8);
    for (size_t i = 0; i < record->item_count; i++) {
        put_name(d, names, record->items[i].in);
        put_name(d, names, record->items[i].message);
        put_name(d, names, record->items[i].copy);
        put_integer(d, record->items[i].version, 8);
        if (record->items[i].via) {
            put_word(d, "via");
            put_name(d, names, record->items[i].via);
        }
    }
}

void history_digest_take(void *digest, const struct record *record, const struct names *names)
{
    struct history_digest *d = digest;
    put_word(d, history_kinds()[record->kind].name);
    put_integer(d, record->at_us, 8);
    for (uint64_t left = record->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        put_word(d, history_fields[field].key);
        switch (history_fields[field].type) {
            case TYPE_NAME:
            case TYPE_WORD:
                put_name(d, names, record->f[field]);
                break;
            case TYPE_NUMBER:
            case TYPE_TIME:
            case TYPE_VERSION:
                put_integer(d, record->f[field], 8);
                break;
            case TYPE_FLAG:
                put_integer(d, record->f[field] != 0, 1);
                break;
            case TYPE_ITEMS:
                put_items(d, record, names);
                break;
        }
    }
    put_integer(d, 0, 1);
}

uint64_t history_digest_value(const struct history_digest *digest)
{
    /* The digest stays usable, so the open block is hashed into a copy. */
    XXH3_state_t *copy = XXH3_createState();
    if (!copy)
        abort();
    XXH3_copyState(copy, digest->state);
    XXH3_64bits_update(copy, digest->block, digest->used);
    uint64_t value = XXH3_64bits_digest(copy);
    XXH3_freeState(copy);
    return value;
}
