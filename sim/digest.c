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

#include <endian.h>
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

/* ---- keys: their encoding, made once ---- */

#define KEY_BYTES 24 /* so that a copy of one is a few moves of a fixed size */

struct key {
    uint8_t bytes[KEY_BYTES]; /* u8 length, then the text */
    uint8_t size;
};
static struct key kind_keys[HISTORY_KINDS], field_keys[HISTORY_FIELDS];

static struct key key_of(const char *text)
{
    struct key key = {0};
    size_t len = strlen(text);
    assert(len < KEY_BYTES && "a key or a kind of history.def is longer than the digest has room for");
    key.bytes[0] = (uint8_t)len;
    memcpy(key.bytes + 1, text, len);
    key.size = (uint8_t)(len + 1);
    return key;
}

/* Threads may be the first to digest, so the tables are made before main. */
__attribute__((constructor)) static void make_keys(void)
{
    for (int i = 0; i < HISTORY_KINDS; i++)
        kind_keys[i] = key_of(history_kind_name((enum history_kind)i));
    for (int i = 0; i < HISTORY_FIELDS; i++)
        field_keys[i] = key_of(history_fields[i].key);
}

/* ---- the block ---- */

/* What a record takes at most, but for its names and items: all keys, and 8 bytes each. */
#define RECORD_BYTES ((HISTORY_FIELDS + 1U) * (KEY_BYTES + 8U) + 8U)
static_assert(RECORD_BYTES < BLOCK_BYTES / 2, "the digest's block holds a record");

static void make_room(struct history_digest *d, size_t bytes)
{
    if (bytes <= BLOCK_BYTES - d->used)
        return;
    XXH3_64bits_update(d->state, d->block, d->used);
    d->used = 0;
}

/* For these two there is room. */
static void put_key(struct history_digest *d, const struct key *key)
{
    memcpy(d->block + d->used, key->bytes, KEY_BYTES);
    d->used += key->size;
}

static void put_integer(struct history_digest *d, uint64_t n, size_t bytes)
{
    uint64_t little = htole64(n);
    memcpy(d->block + d->used, &little, sizeof little); /* what comes next lies over what is too much */
    d->used += bytes;
}

/* Leaves as much room behind it as there was before. */
static void put_name(struct history_digest *d, const struct names *names, uint64_t name)
{
    size_t len;
    const char *text = names_span(names, (uint32_t)name, &len);
    put_integer(d, len, 4);
    make_room(d, len + RECORD_BYTES);
    if (len > BLOCK_BYTES - RECORD_BYTES) { /* then the block is empty */
        XXH3_64bits_update(d->state, text, len);
        return;
    }
    if (len <= NAMES_SLACK)
        memcpy(d->block + d->used, text, NAMES_SLACK); /* of a fixed size it is one move */
    else
        memcpy(d->block + d->used, text, len);
    d->used += len;
}

static void put_items(struct history_digest *d, const struct record *record, const struct names *names)
{
    static const uint8_t via[] = {3, 'v', 'i', 'a'};
    put_integer(d, record->item_count, 8);
    for (size_t i = 0; i < record->item_count; i++) {
        put_name(d, names, record->items[i].in);
        put_name(d, names, record->items[i].message);
        put_name(d, names, record->items[i].copy);
        put_integer(d, record->items[i].version, 8);
        if (record->items[i].via) {
            memcpy(d->block + d->used, via, sizeof via);
            d->used += sizeof via;
            put_name(d, names, record->items[i].via);
        }
    }
    make_room(d, RECORD_BYTES);
}

void history_digest_take(void *digest, const struct record *record, const struct names *names)
{
    struct history_digest *d = digest;
    make_room(d, RECORD_BYTES);
    put_key(d, &kind_keys[record->kind]);
    put_integer(d, record->at_us, 8);
    for (uint64_t left = record->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        put_key(d, &field_keys[field]);
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
