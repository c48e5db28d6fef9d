/*
 * store_sqlite_scan.c: ranges of the SQLite store.
 *
 * Method: one statement for each (order, fixed, given, reverse), in an array indexed by just that. A scan takes one
 * that is idle, or prepares another when the visit of a scan runs the same scan again, and gives it back. The beginning
 * of a range that is known (store_cache.h) is told from memory; the statement runs when the visit wants more, and then
 * passes over what was told.
 */
#include "core/store_sql.h"
#include "core/store_sqlite_internal.h"

#include <stdlib.h>

static struct scan_statement **idle_scans(struct sqlite_store *sqlite, const struct store_range *range)
{
    int order = range->index == INDEX_PRIMARY ? (int)range->table : TABLE_COUNT + range->index;
    int end = range->reverse ? STORE_KEYS_MAX + 1 : range->given;
    return &sqlite->idle[order][range->fixed * (STORE_KEYS_MAX + 2) + end];
}

/* NULL when it cannot be prepared, and SQLite's code. */
static struct scan_statement *scan_take(struct sqlite_store *sqlite, const struct store_range *range, int *code)
{
    struct scan_statement **idle = idle_scans(sqlite, range), *scan = *idle;
    *code = SQLITE_OK;
    if (scan) {
        *idle = scan->next;
        return scan;
    }
    scan = base_alloc(sizeof *scan);
    *code = sqlite_prepare(sqlite, sqlite_scan_text(range), &scan->prepared);
    if (*code == SQLITE_OK)
        return scan;
    free(scan);
    return NULL;
}

static void check_range(const struct sqlite_store *sqlite, const struct store_range *range)
{
    int columns[STORE_KEYS_MAX];
    assert(store_tables[range->table].part == sqlite->store.part);
    int count = store_order(range->table, range->index, columns);
    assert(0 <= range->fixed && range->fixed <= range->given && range->given <= count);
    assert(!range->reverse || range->given == range->fixed);
    (void)count;
}

struct reading { /* of one scan */
    store_visit *visit;
    void *ctx;
    int told; /* rows that the visit has seen */
    struct cached_range *filling;
};

/* The visit's status; it may have ignored a failure. */
static int tell(const struct sqlite_store *sqlite, const struct reading *reading, const struct row *row)
{
    int status = reading->visit(reading->ctx, row);
    return status == 0 ? sqlite->failed : status;
}

/* Tells what is remembered of the range. True when no more is wanted, or there. */
static bool scan_cached(struct sqlite_store *sqlite, const struct store_range *range, struct reading *reading,
                        int *status)
{
    if (!sqlite->cache || !sqlite->touched[range->table])
        return sqlite->cache != NULL;
    struct cached_range *cached = store_cache_find(sqlite->cache, range);
    if (!cached)
        return false;
    sqlite->scans[range->table]++;
    while (*status == 0 && reading->told < cached->count)
        *status = tell(sqlite, reading, &cached->rows[reading->told++]);
    sqlite->scans[range->table]--;
    bool whole = cached->whole;
    store_cache_release(sqlite->cache, cached);
    return *status != 0 || whole;
}

/* A row that SQLite found, number `number` of the scan. */
static int take_row(struct sqlite_store *sqlite, enum store_table table, struct reading *reading, int number,
                    const struct row *row)
{
    if (reading->filling) {
        store_cache_read(sqlite->cache, table, row, true);
        if (!store_cache_add(sqlite->cache, reading->filling, row)) {
            store_cache_abandon(sqlite->cache, reading->filling);
            reading->filling = NULL;
        }
    }
    return number < reading->told ? 0 : tell(sqlite, reading, row);
}

static void keep_range(struct sqlite_store *sqlite, struct reading *reading, int status)
{
    if (reading->filling && (status == 0 || (status > 0 && reading->filling->count > 0)))
        store_cache_end(sqlite->cache, reading->filling, status == 0);
    else
        store_cache_abandon(sqlite->cache, reading->filling);
}

int sqlite_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    struct reading reading = {visit, ctx, 0, NULL};
    check_range(sqlite, range);
    if (sqlite->failed)
        return sqlite->failed;
    int code, status = 0;
    sqlite->reads.all++;
    if (scan_cached(sqlite, range, &reading, &status))
        return status < 0 ? status : 0;
    sqlite->reads.asked++;
    struct scan_statement *scan = scan_take(sqlite, range, &code);
    if (!scan)
        return sqlite_fail(sqlite, code);
    struct wide wide;
    code = sqlite_bind_words(scan->prepared, range->key, range->given, &wide);
    if (code != SQLITE_OK)
        status = sqlite_fail(sqlite, code);

    struct row row = {0};
    if (status == 0 && sqlite->cache)
        reading.filling = store_cache_begin(sqlite->cache, range);
    sqlite->scans[range->table]++;
    for (int number = 0; status == 0 && (code = sqlite3_step(scan->prepared)) == SQLITE_ROW; number++)
        status = sqlite_read_row(scan->prepared, range->table, &row)
                     ? take_row(sqlite, range->table, &reading, number, &row)
                     : sqlite_fail(sqlite, SQLITE_CORRUPT);
    if (status == 0 && code != SQLITE_DONE)
        status = sqlite_fail(sqlite, code);
    keep_range(sqlite, &reading, status);
    sqlite->scans[range->table]--;
    sqlite3_reset(scan->prepared);
    struct scan_statement **idle = idle_scans(sqlite, range);
    scan->next = *idle;
    *idle = scan;
    return status < 0 ? status : 0;
}
