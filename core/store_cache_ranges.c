/*
 * store_cache_ranges.c: the beginnings of ranges that were read: up to eight rows, and whether these are all.
 *
 * Method: a hash of the order, of how many columns are fixed and of what they are says in which set of four places a
 * range may be. So a row that is written finds every range that it can be in: for each order of its table and each
 * number of fixed columns in use, one set. There it is put in, taken out or replaced; what lies beyond the last row of
 * a range that is not whole is no concern of it. When the row that was there before is not known, its place in the
 * order of an index is not either: every range of that order is then forgotten.
 *
 * Of a range that is being read, or whose rows somebody looks at, the place is kept.
 */
#include "core/store_cache_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding ---- */

static int order_of(const struct store_range *range)
{
    return range->index == INDEX_PRIMARY ? (int)range->table : TABLE_COUNT + range->index;
}

static uint64_t hash_begin(int order, int fixed)
{
    return (uint64_t)order * (STORE_KEYS_MAX + 1) + (uint64_t)fixed + 1;
}

static uint64_t range_hash(const struct store_range *range)
{
    uint64_t hash = hash_begin(order_of(range), range->fixed);
    for (int i = 0; i < range->fixed; i++)
        hash = cache_hash(hash, range->key[i]);
    return hash;
}

static bool is_right(const struct store_cache *cache, const struct cached_range *cached)
{
    return cached->generation == cache->generation && cached->epoch == cache->orders[cached->order].epoch;
}

static bool same_range(const struct store_range *a, const struct store_range *b)
{
    return a->table == b->table && a->index == b->index && a->fixed == b->fixed && a->given == b->given &&
           a->reverse == b->reverse && memcmp(a->key, b->key, (size_t)a->given * sizeof a->key[0]) == 0;
}

struct cached_range *store_cache_find(struct store_cache *cache, const struct store_range *range)
{
    uint64_t hash = range_hash(range);
    struct cached_range *set = cache->ranges[hash % CACHE_RANGE_SETS];
    for (int way = 0; way < CACHE_WAYS; way++) {
        struct cached_range *cached = &set[way];
        if (cached->hash != hash || cached->filling || !is_right(cache, cached) || !same_range(&cached->range, range))
            continue;
        cached->used = ++cache->clock;
        cached->pins++;
        return cached;
    }
    return NULL;
}

void store_cache_release(struct store_cache *cache, struct cached_range *cached)
{
    (void)cache;
    assert(cached->pins > 0);
    cached->pins--;
}

/* ---- filling ---- */

static void drop(struct cached_range *cached)
{
    cached->generation = 0;
    cached->count = 0;
}

struct cached_range *store_cache_begin(struct store_cache *cache, const struct store_range *range)
{
    uint64_t hash = range_hash(range);
    struct cached_range *set = cache->ranges[hash % CACHE_RANGE_SETS], *best = NULL;
    for (int way = 0; way < CACHE_WAYS; way++) {
        struct cached_range *cached = &set[way];
        if (cached->pins)
            continue;
        bool same = cached->hash == hash && same_range(&cached->range, range);
        bool empty = same || !is_right(cache, cached);
        if (!best || empty || cached->used < best->used)
            best = cached;
        if (same)
            drop(cached); /* once only */
        if (empty)
            break;
    }
    if (!best)
        return NULL;
    best->range = *range;
    best->order = order_of(range);
    best->hash = hash;
    drop(best);
    best->pins = 1;
    best->filling = true;
    return best;
}

static void make_room(struct cached_range *cached)
{
    if (cached->count < cached->cap)
        return;
    size_t cap = (size_t)cached->cap;
    cached->rows = base_grow(cached->rows, &cap, (size_t)cached->count + 1, sizeof *cached->rows);
    cached->cap = (int)cap;
}

bool store_cache_add(struct store_cache *cache, struct cached_range *filling, const struct row *row)
{
    (void)cache;
    assert(filling->filling);
    if (filling->count == CACHED_ROWS_MAX)
        return false;
    make_room(filling);
    filling->rows[filling->count++] = *row;
    return true;
}

void store_cache_end(struct store_cache *cache, struct cached_range *filling, bool whole)
{
    struct cache_order *order = &cache->orders[filling->order];
    assert(filling->filling && filling->pins == 1 && (whole || filling->count > 0));
    filling->generation = cache->generation;
    filling->epoch = order->epoch;
    filling->used = ++cache->clock;
    filling->whole = whole;
    filling->filling = false;
    filling->pins = 0;
    order->shapes |= 1U << filling->range.fixed;
}

void store_cache_abandon(struct store_cache *cache, struct cached_range *filling)
{
    (void)cache;
    if (!filling)
        return;
    filling->filling = false;
    filling->pins = 0;
    drop(filling);
}

/* ---- following what is written ---- */

static int compare(const struct cache_order *order, const struct row *a, const struct row *b)
{
    for (int i = 0; i < order->count; i++) {
        uint64_t x = a->c[order->columns[i]], y = b->c[order->columns[i]];
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static bool is_below(const struct cache_order *order, const struct store_range *range, const struct row *row)
{
    for (int i = range->fixed; i < range->given; i++)
        if (row->c[order->columns[i]] != range->key[i])
            return row->c[order->columns[i]] < range->key[i];
    return false;
}

/* Where the row is, or would be, among the rows. */
static int place_of(const struct cache_order *order, const struct cached_range *cached, const struct row *row,
                    bool *is_there)
{
    int at = 0;
    *is_there = false;
    for (; at < cached->count; at++) {
        int way = compare(order, &cached->rows[at], row);
        *is_there = way == 0;
        if (way == 0 || (cached->range.reverse ? way < 0 : way > 0))
            break;
    }
    return at;
}

static void take_out(const struct cache_order *order, struct cached_range *cached, const struct row *row)
{
    bool is_there;
    int at = place_of(order, cached, row, &is_there);
    if (!is_there)
        return;
    struct row *gone = &cached->rows[at];
    memmove(gone, gone + 1, (size_t)(cached->count - at - 1) * sizeof *gone);
    cached->count--;
    memset(&cached->rows[cached->count], 0, sizeof *gone);
    if (cached->count == 0 && !cached->whole)
        drop(cached);
}

static void put_in(const struct cache_order *order, struct cached_range *cached, const struct row *row)
{
    bool is_there;
    if (is_below(order, &cached->range, row))
        return;
    int at = place_of(order, cached, row, &is_there);
    if (!is_there) {
        if (at == cached->count && (!cached->whole || at == CACHED_ROWS_MAX)) {
            cached->whole = false;
            return;
        }
        if (cached->count == CACHED_ROWS_MAX) {
            cached->count--;
            cached->whole = false;
        }
        make_room(cached);
        struct row *place = &cached->rows[at];
        memmove(place + 1, place, (size_t)(cached->count - at) * sizeof *place);
        cached->count++;
    }
    store_row_copy(cached->range.table, &cached->rows[at], row);
}

/* Tells every range of this order that the row can be in. */
static void tell(struct store_cache *cache, int number, const struct row *row, bool there)
{
    struct cache_order *order = &cache->orders[number];
    uint64_t prefix[STORE_KEYS_MAX];
    for (int i = 0; i < order->count; i++)
        prefix[i] = row->c[order->columns[i]];
    for (int fixed = 0; order->shapes >> fixed; fixed++) {
        if (!(order->shapes >> fixed & 1))
            continue;
        uint64_t hash = hash_begin(number, fixed);
        for (int i = 0; i < fixed; i++)
            hash = cache_hash(hash, prefix[i]);
        struct cached_range *set = cache->ranges[hash % CACHE_RANGE_SETS];
        for (int way = 0; way < CACHE_WAYS; way++) {
            struct cached_range *cached = &set[way];
            if (cached->hash != hash || cached->order != number || cached->range.fixed != fixed ||
                !is_right(cache, cached) || memcmp(cached->range.key, prefix, (size_t)fixed * sizeof *prefix) != 0)
                continue;
            assert(!cached->pins); /* a scan's visit does not change its table */
            if (there)
                put_in(order, cached, row);
            else
                take_out(order, cached, row);
        }
    }
}

void cache_ranges_wrote(struct store_cache *cache, enum store_table table, enum cache_answer answer,
                        const struct row *before, const struct row *row, bool there)
{
    tell(cache, (int)table, row, there);
    for (int number = cache->orders[table].next; number >= 0; number = cache->orders[number].next) {
        struct cache_order *order = &cache->orders[number];
        if (!order->shapes)
            continue;
        if (answer == CACHE_UNKNOWN) {
            order->epoch++;
            order->shapes = 0;
            continue;
        }
        if (answer == CACHE_HAS && (!there || compare(order, before, row) != 0))
            tell(cache, number, before, false);
        if (there)
            tell(cache, number, row, true);
    }
}
