/* map.c: the two lookups of the checkers. The hash is a multiply-xorshift of the key; its order is never seen. */
#include "sim/check/map.h"

#include <stdlib.h>

static size_t slot_of(const struct pair_map *map, uint64_t key)
{
    uint64_t h = (key ^ (key >> 31)) * 0x9e3779b97f4a7c15ULL;
    size_t at = (size_t)(h ^ (h >> 29)) & (map->size - 1);
    while (map->slots[at].generation == map->generation && map->slots[at].key != key)
        at = (at + 1) & (map->size - 1);
    return at;
}

uint32_t pair_map_get(const struct pair_map *map, uint64_t key)
{
    if (!map->size)
        return 0;
    const struct pair_slot *slot = &map->slots[slot_of(map, key)];
    return slot->generation == map->generation ? slot->value : 0;
}

static void grow(struct pair_map *map)
{
    struct pair_map old = *map;
    map->size = old.size ? old.size * 2 : 64;
    map->slots = base_alloc(map->size * sizeof(*map->slots));
    map->generation = 1;
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].generation == old.generation) {
            struct pair_slot *slot = &map->slots[slot_of(map, old.slots[i].key)];
            *slot = old.slots[i];
            slot->generation = 1;
        }
    free(old.slots);
}

uint32_t *pair_map_at(struct pair_map *map, uint64_t key)
{
    if (map->used * 2 >= map->size)
        grow(map);
    struct pair_slot *slot = &map->slots[slot_of(map, key)];
    if (slot->generation != map->generation) {
        *slot = (struct pair_slot){.key = key, .generation = map->generation};
        map->used++;
    }
    return &slot->value;
}

void pair_map_clear(struct pair_map *map)
{
    map->generation++;
    map->used = 0;
}

void pair_map_release(struct pair_map *map)
{
    free(map->slots);
    *map = (struct pair_map){0};
}

uint32_t name_index_get(const struct name_index *index, uint64_t name)
{
    if (name >= index->cap || (uint32_t)(index->slots[name] >> 32) != index->generation)
        return 0;
    return (uint32_t)index->slots[name];
}

void name_index_set(struct name_index *index, uint64_t name, uint32_t value)
{
    index->slots = base_grow(index->slots, &index->cap, (size_t)name + 1, sizeof(*index->slots));
    index->slots[name] = ((uint64_t)index->generation << 32) | value;
}

void name_index_clear(struct name_index *index)
{
    index->generation++;
}

void name_index_release(struct name_index *index)
{
    free(index->slots);
    *index = (struct name_index){0};
}
