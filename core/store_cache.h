/*
 * store_cache.h: what a store on a disk remembers of its own rows: rows by their key, also that there is none, and the
 * beginnings of ranges. Private to the stores.
 *
 * It is right only for a store that nobody else writes. Everything that is read may be told to it, everything that is
 * written must be; it then answers as the store would, or says that it does not know. It is bounded, and evicts what it
 * likes: an answer never depends on what it holds.
 */
#ifndef SEXTON_CORE_STORE_CACHE_H
#define SEXTON_CORE_STORE_CACHE_H

#include "core/store.h"

struct store_cache;
struct store_cache *store_cache_new(void);
void store_cache_free(struct store_cache *cache);   /* NULL is fine */
void store_cache_forget(struct store_cache *cache); /* everything: after a rollback, say; NULL is fine */

/* ---- rows ---- */
enum cache_answer { CACHE_UNKNOWN, CACHE_ABSENT, CACHE_HAS };
/* The row with this row's key; borrowed until the next call. */
enum cache_answer store_cache_get(struct store_cache *cache, enum store_table table, const struct row *key,
                                  const struct row **found);
/* The table has no rows: from now on, while there is room for all that are put there, a row that is unknown is not
 * there. */
void store_cache_empty(struct store_cache *cache, enum store_table table);
/* The store was read: this row is there; or no row with its key is. */
void store_cache_read(struct store_cache *cache, enum store_table table, const struct row *row, bool there);
/* The store was written: likewise. Ranges are brought up to date. */
void store_cache_wrote(struct store_cache *cache, enum store_table table, const struct row *row, bool there);

/* ---- ranges ---- */
#define CACHED_ROWS_MAX 8
struct cached_range {
    struct store_range range;
    struct row *rows; /* the first `count` of the range */
    int count, cap;
    bool whole; /* and there are no others */
    /* the cache's own */
    int order, pins;
    uint64_t hash;
    uint32_t generation, epoch, used;
    bool filling;
};
/* NULL: unknown. Otherwise to be given back with store_cache_release; until then its rows stay, and stay right. */
struct cached_range *store_cache_find(struct store_cache *cache, const struct store_range *range);
void store_cache_release(struct store_cache *cache, struct cached_range *range);
/*
 * The range is being read: NULL when there is no room. Its rows are added in their order, and told whether these are
 * all; after more rows than it can hold, or when the reading failed, it is abandoned.
 */
struct cached_range *store_cache_begin(struct store_cache *cache, const struct store_range *range);
bool store_cache_add(struct store_cache *cache, struct cached_range *filling, const struct row *row); /* false: full */
void store_cache_end(struct store_cache *cache, struct cached_range *filling, bool whole);
void store_cache_abandon(struct store_cache *cache, struct cached_range *filling); /* NULL is fine */

/* A row as a store gives it: the table's columns and the body's bytes, and zeros. */
void store_row_copy(enum store_table table, struct row *to, const struct row *from);
bool store_row_equal(enum store_table table, const struct row *a, const struct row *b);

#endif
