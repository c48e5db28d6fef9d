/* idmap.c: open addressing, linear probing, a power of two of slots; keys are mixed by a multiplication. */
#include "sim/idmap.h"

#include <stdlib.h>
#include <string.h>

#define IDMAP_FIRST 64

static size_t slot_of(const struct idmap *map, uint64_t key)
{
    uint64_t mixed = key * 0x9e3779b97f4a7c15ULL;
    size_t at = (size_t)(mixed ^ (mixed >> 32)) & (map->cap - 1);
    while (map->keys[at] && map->keys[at] != key)
        at = (at + 1) & (map->cap - 1);
    return at;
}

static void grow(struct idmap *map)
{
    struct idmap larger = {.cap = map->cap ? map->cap * 2 : IDMAP_FIRST, .count = map->count};
    larger.keys = base_alloc(larger.cap * sizeof(uint64_t));
    larger.values = base_alloc(larger.cap * sizeof(uint64_t));
    for (size_t i = 0; i < map->cap; i++) {
        if (!map->keys[i])
            continue;
        size_t at = slot_of(&larger, map->keys[i]);
        larger.keys[at] = map->keys[i];
        larger.values[at] = map->values[i];
    }
    idmap_release(map);
    *map = larger;
}

void idmap_put(struct idmap *map, uint64_t key, uint64_t value)
{
    assert(key);
    if (map->count * 4 >= map->cap * 3)
        grow(map);
    size_t at = slot_of(map, key);
    if (!map->keys[at])
        map->count++;
    map->keys[at] = key;
    map->values[at] = value;
}

uint64_t idmap_get(const struct idmap *map, uint64_t key)
{
    if (!map->count || !key)
        return 0;
    size_t at = slot_of(map, key);
    return map->keys[at] ? map->values[at] : 0;
}

void idmap_clear(struct idmap *map)
{
    if (map->count)
        memset(map->keys, 0, map->cap * sizeof(uint64_t));
    map->count = 0;
}

void idmap_release(struct idmap *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct idmap){0};
}
