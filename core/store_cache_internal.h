/*
 * store_cache_internal.h: what store_cache.c (rows) and store_cache_ranges.c share; nobody else includes it.
 */
#ifndef SEXTON_CORE_STORE_CACHE_INTERNAL_H
#define SEXTON_CORE_STORE_CACHE_INTERNAL_H

#include "core/store_cache.h"

#define CACHE_ORDERS (TABLE_COUNT + INDEX_COUNT)
#define CACHE_WAYS 4 /* places where an entry may be */
#define CACHE_ROW_SETS 1024
#define CACHE_RANGE_SETS 512

/* An order of a table: by its primary key (numbered as the table), or by an index (TABLE_COUNT + its number). */
struct cache_order {
    int columns[STORE_KEYS_MAX];
    int count;
    int next;        /* order of the same table; -1 = none */
    uint32_t shapes; /* bit f: there may be ranges with f fixed columns */
    uint32_t epoch;  /* ranges of another are not right any more */
};
struct cache_tag {
    uint64_t hash;
    uint32_t generation; /* of another than the cache's: empty */
    uint32_t used;
};
struct cache_row {
    enum store_table table;
    bool there;
    struct row row; /* no row: its key */
};
struct store_cache {
    uint32_t generation, clock;
    uint32_t complete[TABLE_COUNT]; /* the generation in which every row of the table is here; 0 = none */
    struct cache_order orders[CACHE_ORDERS];
    struct cache_tag tags[CACHE_ROW_SETS][CACHE_WAYS];
    struct cache_row rows[CACHE_ROW_SETS][CACHE_WAYS];
    struct cached_range ranges[CACHE_RANGE_SETS][CACHE_WAYS];
};

static inline uint64_t cache_hash(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 29;
}

/* Rows of this order were written: before (NULL = unknown to be there), after (NULL = gone). */
void cache_ranges_wrote(struct store_cache *cache, enum store_table table, enum cache_answer answer,
                        const struct row *before, const struct row *row, bool there);

#endif
