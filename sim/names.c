/*
 * names.c: strings to dense numbers, from 1 in the order of first sight, and back.
 *
 * An open-addressing table of numbers finds a name by XXH3; the bytes live in an arena of blocks that never move, so a
 * text stays valid until names_clear. Nothing walks the table, so no order depends on the hash.
 */
#include "sim/history.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define BLOCK_BYTES ((size_t)64 * 1024) /* and NAMES_SLACK, so that a copy may read beyond a short text */
#define SLOTS_FIRST 256U

struct name {
    const char *text; /* NUL-terminated, in a block */
    uint32_t len;
    uint32_t hash;
};
struct block {
    char *bytes;
    size_t cap;
};
struct names {
    struct name *items; /* items[0] is the absent name */
    size_t count, cap;
    uint32_t *slots; /* 0 = empty; a power of two of them, at most half full */
    uint32_t slot_count;
    struct block *blocks;
    size_t block_count, block_cap, block; /* block: the one that is being filled */
    size_t used;                          /* bytes of it */
};

struct names *names_new(void)
{
    struct names *names = base_alloc(sizeof *names);
    names->slots = base_alloc(SLOTS_FIRST * sizeof *names->slots);
    names->slot_count = SLOTS_FIRST;
    names->items = base_grow(NULL, &names->cap, 1, sizeof *names->items);
    names_clear(names);
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->block_count; i++)
        free(names->blocks[i].bytes);
    free(names->blocks);
    free(names->slots);
    free(names->items);
    free(names);
}

void names_clear(struct names *names)
{
    memset(names->slots, 0, names->slot_count * sizeof *names->slots);
    static const char absent[NAMES_SLACK];
    names->items[0] = (struct name){.text = absent};
    names->count = 1;
    names->block = 0;
    names->used = 0;
}

static uint32_t hash_of(const char *text, size_t len)
{
    return (uint32_t)XXH3_64bits(text, len);
}

/* The slot that holds this text, or the empty one where it belongs. */
static uint32_t slot_of(const struct names *names, const char *text, size_t len, uint32_t hash)
{
    uint32_t mask = names->slot_count - 1, slot = hash & mask;
    for (; names->slots[slot]; slot = (slot + 1) & mask) {
        const struct name *name = &names->items[names->slots[slot]];
        if (name->hash == hash && name->len == len && !memcmp(name->text, text, len))
            break;
    }
    return slot;
}

static void grow_slots(struct names *names)
{
    assert(names->slot_count < 1U << 31);
    free(names->slots);
    names->slot_count *= 2;
    names->slots = base_alloc(names->slot_count * sizeof *names->slots);
    for (size_t i = 1; i < names->count; i++) {
        uint32_t mask = names->slot_count - 1, slot = names->items[i].hash & mask;
        while (names->slots[slot])
            slot = (slot + 1) & mask;
        names->slots[slot] = (uint32_t)i;
    }
}

static char *take_bytes(struct names *names, size_t bytes)
{
    while (names->block < names->block_count && names->used + bytes > names->blocks[names->block].cap) {
        names->block++;
        names->used = 0;
    }
    if (names->block == names->block_count) {
        names->blocks = base_grow(names->blocks, &names->block_cap, names->block_count + 1, sizeof *names->blocks);
        size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        names->blocks[names->block_count++] = (struct block){base_alloc(cap + NAMES_SLACK), cap};
        names->used = 0;
    }
    char *taken = names->blocks[names->block].bytes + names->used;
    names->used += bytes;
    return taken;
}

uint32_t names_intern_bytes(struct names *names, const char *text, size_t len)
{
    if (!len)
        return 0;
    assert(len < UINT32_MAX && names->count < UINT32_MAX);
    uint32_t hash = hash_of(text, len), slot = slot_of(names, text, len, hash);
    if (names->slots[slot])
        return names->slots[slot];
    if (names->count * 2 >= names->slot_count) {
        grow_slots(names);
        slot = slot_of(names, text, len, hash);
    }
    char *copy = take_bytes(names, len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    names->items = base_grow(names->items, &names->cap, names->count + 1, sizeof *names->items);
    names->items[names->count] = (struct name){copy, (uint32_t)len, hash};
    names->slots[slot] = (uint32_t)names->count;
    return (uint32_t)names->count++;
}

uint32_t names_intern(struct names *names, const char *text)
{
    return names_intern_bytes(names, text, strlen(text));
}

uint32_t names_find(const struct names *names, const char *text)
{
    size_t len = strlen(text);
    return len ? names->slots[slot_of(names, text, len, hash_of(text, len))] : 0;
}

const char *names_text(const struct names *names, uint32_t name)
{
    assert(name < names->count);
    return names->items[name].text;
}

size_t names_length(const struct names *names, uint32_t name)
{
    assert(name < names->count);
    return names->items[name].len;
}

const char *names_span(const struct names *names, uint32_t name, size_t *len)
{
    assert(name < names->count);
    *len = names->items[name].len;
    return names->items[name].text;
}

uint32_t names_count(const struct names *names)
{
    return (uint32_t)(names->count - 1);
}
