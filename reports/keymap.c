/* keymap.c: linear probing over two arrays; the hash is the finaliser of MurmurHash3 (Appleby), which mixes all bits.
 */
#include "reports/keymap.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64U

void keymap_init(struct keymap *map)
{
    memset(map, 0, sizeof *map);
}

void keymap_release(struct keymap *map)
{
    free(map->keys);
    free(map->values);
    memset(map, 0, sizeof *map);
}

void keymap_clear(struct keymap *map)
{
    if (map->count)
        memset(map->values, 0, map->slots * sizeof *map->values);
    map->count = 0;
}

static size_t slot_of(const struct keymap *map, uint64_t key)
{
    uint64_t h = key;
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    size_t slot = (size_t)(h ^ (h >> 33)) & (map->slots - 1);
    while (map->values[slot] && map->keys[slot] != key)
        slot = (slot + 1) & (map->slots - 1);
    return slot;
}

static void grow(struct keymap *map)
{
    struct keymap grown = {.slots = map->slots ? map->slots * 2 : SLOTS_FIRST, .count = map->count};
    grown.keys = base_alloc(grown.slots * sizeof *grown.keys);
    grown.values = base_alloc(grown.slots * sizeof *grown.values);
    for (size_t i = 0; i < map->slots; i++) {
        if (!map->values[i])
            continue;
        size_t slot = slot_of(&grown, map->keys[i]);
        grown.keys[slot] = map->keys[i];
        grown.values[slot] = map->values[i];
    }
    keymap_release(map);
    *map = grown;
}

uint32_t keymap_get(const struct keymap *map, uint64_t key)
{
    return map->slots ? map->values[slot_of(map, key)] : 0;
}

uint32_t *keymap_put(struct keymap *map, uint64_t key)
{
    if (map->count * 2 >= map->slots)
        grow(map);
    size_t slot = slot_of(map, key);
    map->count += !map->values[slot];
    map->keys[slot] = key;
    return &map->values[slot];
}
