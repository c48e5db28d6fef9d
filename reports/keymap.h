/*
 * keymap.h: numbers to small numbers. Open addressing, at most half full, doubles; nothing walks it, so nothing is
 * ordered by the hash. Values are above 0; a key's value never goes away but by keymap_clear.
 */
#ifndef SEXTON_REPORTS_KEYMAP_H
#define SEXTON_REPORTS_KEYMAP_H

#include "core/base.h"

struct keymap {
    uint64_t *keys;
    uint32_t *values; /* 0 = empty */
    size_t slots, count;
};
void keymap_init(struct keymap *map);
void keymap_release(struct keymap *map);
void keymap_clear(struct keymap *map);                       /* keeps memory */
uint32_t keymap_get(const struct keymap *map, uint64_t key); /* 0 when absent */
/* The place of the key's value, which is 0 when the key is new and must then be set. Valid until the next call. */
uint32_t *keymap_put(struct keymap *map, uint64_t key);

#endif
