/* base.c: statuses in words and the two allocation helpers of base.h. */
#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *base_status_text(int status)
{
#define STATUS_TEXT(name, value, words) \
    case name:                          \
        return words;
    switch (status) {
        STATUS_LIST(STATUS_TEXT)
        default:
            return status == STATUS_OK ? "ok" : "unknown status";
    }
}

static void die_of_memory(size_t bytes)
{
    fprintf(stderr, "sexton: exhausted: out of memory (%zu bytes)\n", bytes);
    _Exit(BASE_EXIT_EXHAUSTED); /* what was not written stays so: no half of an output */
}

void *base_grow(void *items, size_t *cap, size_t needed, size_t element_size)
{
    if (needed <= *cap)
        return items;
    size_t grown = *cap ? *cap : 8;
    while (grown < needed)
        grown *= 2;
    void *moved = realloc(items, grown * element_size);
    if (!moved)
        die_of_memory(grown * element_size);
    memset((char *)moved + *cap * element_size, 0, (grown - *cap) * element_size);
    *cap = grown;
    return moved;
}

void *base_alloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        die_of_memory(bytes);
    return p;
}
