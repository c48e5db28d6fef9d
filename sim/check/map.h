/*
 * map.h: a map from a 64-bit key to a 32-bit value (0 = absent) and an index by name. Open addressing, doubling at half
 * full; clearing counts a generation up and keeps the memory. There is no iteration: nothing can be ordered by a hash.
 */
#ifndef SEXTON_SIM_CHECK_MAP_H
#define SEXTON_SIM_CHECK_MAP_H

#include "core/base.h"

struct pair_slot {
    uint64_t key;
    uint32_t value, generation;
};
struct pair_map {
    struct pair_slot *slots;
    size_t size, used; /* size: a power of two, or 0 */
    uint32_t generation;
};
uint32_t pair_map_get(const struct pair_map *map, uint64_t key);
/* The place of the key's value, made with value 0 when absent; valid until the next call. */
uint32_t *pair_map_at(struct pair_map *map, uint64_t key);
void pair_map_clear(struct pair_map *map);
void pair_map_release(struct pair_map *map);

struct name_index {  /* dense names to dense indices */
    uint64_t *slots; /* generation << 32 | index */
    size_t cap;
    uint32_t generation;
};
uint32_t name_index_get(const struct name_index *index, uint64_t name);
void name_index_set(struct name_index *index, uint64_t name, uint32_t value);
void name_index_clear(struct name_index *index);
void name_index_release(struct name_index *index);

#endif
