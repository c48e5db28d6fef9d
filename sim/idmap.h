/*
 * idmap.h: a hash map from a non-zero 64-bit key to a 64-bit value, 0 when absent. It is looked up and never walked, so
 * that nothing is ordered by its layout. Memory doubles at three quarters full; clear keeps it.
 */
#ifndef SEXTON_SIM_IDMAP_H
#define SEXTON_SIM_IDMAP_H

#include "core/base.h"

struct idmap {
    uint64_t *keys, *values;
    size_t cap, count;
};
void idmap_put(struct idmap *map, uint64_t key, uint64_t value); /* replaces */
uint64_t idmap_get(const struct idmap *map, uint64_t key);
void idmap_clear(struct idmap *map);
void idmap_release(struct idmap *map);

#endif
