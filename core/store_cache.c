/*
 * store_cache.c: rows by their key.
 *
 * Method: a hash of table and key says in which set of four places a row may be; a new one takes the place that was
 * used longest ago. A place is empty when its generation is not the cache's, so that forgetting everything is one
 * addition. A row that is deleted is overwritten with zeros: what a purge takes from the disk does not stay here.
 *
 * Limits: 4096 rows of at most 226 bytes, so a megabyte; a page of memory is touched when a row first lies there.
 */
#include "core/store_cache_internal.h"

#include "core/store_sql.h"

#include <stdlib.h>
#include <string.h>

struct store_cache *store_cache_new(void)
{
    struct store_cache *cache = base_alloc(sizeof *cache);
    cache->generation = 1;
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct cache_order *order = &cache->orders[t];
        order->count = store_order((enum store_table)t, INDEX_PRIMARY, order->columns);
        order->next = -1;
    }
    for (int i = 0; i < INDEX_COUNT; i++) {
        struct cache_order *order = &cache->orders[TABLE_COUNT + i];
        struct cache_order *primary = &cache->orders[store_indexes[i].table];
        order->count = store_order(store_indexes[i].table, i, order->columns);
        order->next = primary->next;
        primary->next = TABLE_COUNT + i;
    }
    return cache;
}

void store_cache_free(struct store_cache *cache)
{
    for (int i = 0; cache && i < CACHE_RANGE_SETS * CACHE_WAYS; i++)
        free(cache->ranges[i / CACHE_WAYS][i % CACHE_WAYS].rows);
    free(cache);
}

void store_cache_forget(struct store_cache *cache)
{
    if (!cache)
        return;
    cache->generation++;
    assert(cache->generation != 0);
}

/* ---- rows ---- */

void store_row_copy(enum store_table table, struct row *to, const struct row *from)
{
    const struct store_table_info *info = &store_tables[table];
    memset(to, 0, sizeof *to);
    memcpy(to->c, from->c, (size_t)info->columns * sizeof to->c[0]);
    if (!info->text || from->body.len == 0)
        return;
    to->body.len = from->body.len;
    to->body.form = from->body.form;
    memcpy(to->body.bytes, from->body.bytes, from->body.len);
}

bool store_row_equal(enum store_table table, const struct row *a, const struct row *b)
{
    const struct store_table_info *info = &store_tables[table];
    if (memcmp(a->c, b->c, (size_t)info->columns * sizeof a->c[0]) != 0)
        return false;
    if (!info->text || (a->body.len == 0 && b->body.len == 0))
        return true;
    return a->body.len == b->body.len && a->body.form == b->body.form &&
           memcmp(a->body.bytes, b->body.bytes, a->body.len) == 0;
}

void store_cache_empty(struct store_cache *cache, enum store_table table)
{
    cache->complete[table] = cache->generation;
}

static uint64_t row_hash(enum store_table table, const struct row *row)
{
    uint64_t hash = (uint64_t)table + 1;
    for (int i = 0; i < store_tables[table].keys; i++)
        hash = cache_hash(hash, row->c[i]);
    return hash;
}

/* Where the row with this key is; NULL when it is nowhere. */
static struct cache_row *find(struct store_cache *cache, enum store_table table, const struct row *key, uint64_t hash)
{
    size_t set = hash % CACHE_ROW_SETS;
    for (int way = 0; way < CACHE_WAYS; way++) {
        struct cache_tag *tag = &cache->tags[set][way];
        struct cache_row *row = &cache->rows[set][way];
        if (tag->hash != hash || tag->generation != cache->generation || row->table != table ||
            memcmp(row->row.c, key->c, (size_t)store_tables[table].keys * sizeof key->c[0]) != 0)
            continue;
        tag->used = ++cache->clock;
        return row;
    }
    return NULL;
}

enum cache_answer store_cache_get(struct store_cache *cache, enum store_table table, const struct row *key,
                                  const struct row **found)
{
    const struct cache_row *row = find(cache, table, key, row_hash(table, key));
    if (!row)
        return cache->complete[table] == cache->generation ? CACHE_ABSENT : CACHE_UNKNOWN;
    *found = &row->row;
    return row->there ? CACHE_HAS : CACHE_ABSENT;
}

void store_cache_read(struct store_cache *cache, enum store_table table, const struct row *row, bool there)
{
    uint64_t hash = row_hash(table, row);
    struct cache_row *place = find(cache, table, row, hash);
    if (!place) {
        size_t set = hash % CACHE_ROW_SETS, best = 0;
        struct cache_tag *tags = cache->tags[set];
        for (size_t way = 0; way < CACHE_WAYS; way++) {
            bool empty = tags[way].generation != cache->generation;
            if (empty || tags[way].used < tags[best].used)
                best = way;
            if (empty)
                break;
        }
        const struct cache_row *victim = &cache->rows[set][best];
        if (tags[best].generation == cache->generation && victim->there)
            cache->complete[victim->table] = 0;
        tags[best] = (struct cache_tag){hash, cache->generation, ++cache->clock};
        place = &cache->rows[set][best];
        place->table = table;
    }
    place->there = there;
    if (there) {
        store_row_copy(table, &place->row, row);
        return;
    }
    memset(&place->row, 0, sizeof place->row);
    memcpy(place->row.c, row->c, (size_t)store_tables[table].keys * sizeof row->c[0]);
}

void store_cache_wrote(struct store_cache *cache, enum store_table table, const struct row *row, bool there)
{
    const struct row *before = NULL;
    enum cache_answer answer = store_cache_get(cache, table, row, &before);
    cache_ranges_wrote(cache, table, answer, before, row, there);
    store_cache_read(cache, table, row, there);
}
