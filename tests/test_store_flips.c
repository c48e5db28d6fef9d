/*
 * test_store_flips.c: a bit that turns over on the medium is found, or does no harm; never does a store give another
 * answer because of one.
 *
 * A database with rows in every table lies on a simulated disk. One bit of it is turned over at a time, at bytes that a
 * stride picks; then everything is read: from a store that is opened afterwards, and from one that was open, and reads
 * its pages again. What is read must be what was written, or reading must fail. Before pages had checksums, of every
 * third byte of this database (13,654) 392 did neither when it was opened, and 503 while it was open; of 27,478 of its
 * log, 503. With them none.
 */
#include "core/store_cache.h"
#include "core/store_sqlite.h"
#include "core/store_sqlite_internal.h"
#include "sim/disk_vfs.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

int suite_store_flips(void);

#define NAME "flips.db"
#define ROWS 12U
#define STRIDE 61U /* prime to the size of a page: all its bytes are met, on one page or another */

static struct disk *disk;
static struct disk_vfs *vfs;

struct found {
    unsigned flips, refused, failed, harmless, silent;
};

static void begin_disk(void)
{
    disk = disk_new(rng_fork(1, "disk"));
    vfs = disk_vfs_new(disk);
    disk_vfs_reseed(vfs);
}

static void end_disk(void)
{
    disk_vfs_free(vfs);
    disk_free(disk);
}

static int open_store(enum store_journal journal)
{
    char error[512];
    struct store_sqlite_options options = {.part = STORE_VAULT, .path = NAME, .journal = journal, .sync = true};
    options.vfs = disk_vfs_name(vfs);
    return store_sqlite_open(&options, &store, error, sizeof error);
}

static void fill(void)
{
    uint64_t random = 7;
    begin();
    for (int t = 0; t < TABLE_COUNT; t++)
        for (unsigned i = 0; store_tables[t].part == STORE_VAULT && i < ROWS; i++) {
            struct row row = world_random_row(&random, (enum store_table)t);
            row.c[0] = i;
            put((enum store_table)t, &row);
        }
    commit();
}

struct sum {
    enum store_table table;
    uint64_t sum;
};

static int add_row(void *ctx, const struct row *row)
{
    struct sum *sum = ctx;
    for (int c = 0; c < store_tables[sum->table].columns; c++)
        sum->sum = (sum->sum ^ row->c[c]) * 0x9e3779b97f4a7c15ULL + 1;
    for (unsigned i = 0; i < row->body.len; i++)
        sum->sum = (sum->sum ^ (unsigned char)row->body.bytes[i]) * 0x9e3779b97f4a7c15ULL + 1;
    return 0;
}

/* Every row, by every order that there is; negative when reading fails. */
static int read_all(uint64_t *sum)
{
    struct sum all = {0};
    int status = 0;
    for (int order = INDEX_PRIMARY; order < INDEX_COUNT; order++)
        for (int t = 0; status >= 0 && t < TABLE_COUNT; t++) {
            if (store_tables[t].part != STORE_VAULT || (order >= 0 && (int)store_indexes[order].table != t))
                continue;
            struct store_range range = {.table = (enum store_table)t, .index = order};
            all.table = range.table;
            status = store->ops->scan(store, &range, add_row, &all);
        }
    *sum = all.sum;
    return status;
}

/* It is to read its pages again. */
static void forget(void)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)(void *)store;
    store_cache_forget(sqlite->cache);
    sqlite3_db_release_memory(sqlite->db);
}

static void turn(struct disk_file *file, uint64_t at)
{
    unsigned char byte;
    disk_read(file, at, &byte, 1);
    byte ^= (unsigned char)(1U << at % 8);
    disk_write(disk, file, at, &byte, 1);
}

static void judge(struct found *found, int status, uint64_t sum, uint64_t right)
{
    found->failed += status < 0;
    found->harmless += status >= 0 && sum == right;
    found->silent += status >= 0 && sum != right;
}

/* What was there, whatever was written since. */
static void restore(struct disk_file *file, const unsigned char *bytes, size_t size)
{
    disk_truncate(disk, file, size);
    disk_write(disk, file, 0, bytes, size);
    disk_sync(disk, file);
}

static unsigned char *bytes_of(struct disk_file *file, size_t *size)
{
    *size = disk_size(file);
    unsigned char *bytes = base_alloc(*size + 1);
    disk_read(file, 0, bytes, *size);
    return bytes;
}

static struct found flip_closed(enum store_journal journal)
{
    struct found found = {0};
    uint64_t right, sum;
    size_t size;
    begin_disk();
    CU_ASSERT_EQUAL_FATAL(open_store(journal), 0);
    fill();
    CU_ASSERT_EQUAL(read_all(&right), 0);
    store->ops->close(store);
    struct disk_file *file = disk_find(disk, NAME);
    unsigned char *bytes = bytes_of(file, &size);
    for (uint64_t at = 0; at < size; at += STRIDE, found.flips++) {
        turn(file, at);
        int status = open_store(journal);
        found.refused += status < 0;
        if (status >= 0) {
            status = read_all(&sum);
            judge(&found, status, sum, right);
            disk_kill(disk); /* or closing would write */
            store->ops->close(store);
        }
        file = disk_find(disk, NAME);
        restore(file, bytes, size);
    }
    CU_ASSERT_EQUAL_FATAL(open_store(journal), 0);
    CU_ASSERT_EQUAL(read_all(&sum), 0);
    CU_ASSERT_EQUAL(sum, right);
    store->ops->close(store);
    free(bytes);
    end_disk();
    return found;
}

/* In the log, or without one in the database, of a store that is open, and has nothing in its cache. */
static struct found flip_open(enum store_journal journal)
{
    struct found found = {0};
    uint64_t right, sum;
    begin_disk();
    CU_ASSERT_EQUAL_FATAL(open_store(journal), 0);
    fill();
    CU_ASSERT_EQUAL(read_all(&right), 0);
    struct disk_file *file = disk_find(disk, journal == STORE_JOURNAL_WAL ? NAME "-wal" : NAME);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (uint64_t at = 0; at < disk_size(file); at += STRIDE, found.flips++) {
        turn(file, at);
        forget();
        int status = read_all(&sum);
        judge(&found, status, sum, right);
        turn(file, at);
        if (status < 0)
            CU_ASSERT_EQUAL(store->ops->rollback(store), 0);
    }
    store->ops->close(store);
    end_disk();
    return found;
}

static void expect_no_silence(struct found found)
{
    CU_ASSERT(found.flips > 500);
    CU_ASSERT(found.refused + found.failed > found.flips / 20);
    CU_ASSERT_EQUAL(found.silent, 0);
    CU_ASSERT_EQUAL(found.refused + found.failed + found.harmless, found.flips);
}

static void a_bit_in_a_closed_database_is_found(void)
{
    expect_no_silence(flip_closed(STORE_JOURNAL_ROLLBACK));
}

static void a_bit_in_a_database_that_is_read_again_is_found(void)
{
    expect_no_silence(flip_open(STORE_JOURNAL_ROLLBACK));
}

static void a_bit_in_a_log_that_is_read_again_is_found(void)
{
    expect_no_silence(flip_open(STORE_JOURNAL_WAL));
}

static void a_read_that_comes_short_is_an_error(void)
{
    uint64_t right, sum;
    begin_disk();
    CU_ASSERT_EQUAL_FATAL(open_store(STORE_JOURNAL_ROLLBACK), 0);
    fill();
    CU_ASSERT_EQUAL(read_all(&right), 0);
    unsigned short_reads = 0;
    for (uint64_t call = 1;; call++) {
        struct disk_fault fault = {
            .trouble = DISK_SHORT_READ, .calls = 1U << DISK_READ, .at = call, .times = 1, .tag = 1};
        uint64_t count;
        forget();
        CU_ASSERT_FATAL(disk_plan(disk, &fault));
        int status = read_all(&sum);
        bool struck = disk_next_struck(disk, &count) != 0;
        disk_forget_faults(disk);
        CU_ASSERT(status < 0 || sum == right);
        if (status < 0)
            CU_ASSERT_EQUAL(store->ops->rollback(store), 0);
        short_reads += status < 0;
        if (!struck)
            break;
    }
    CU_ASSERT(short_reads > 5);
    store->ops->close(store);
    end_disk();
}

int suite_store_flips(void)
{
    CU_pSuite suite = CU_add_suite("store_flips", NULL, NULL);
    CU_add_test(suite, "a_bit_in_a_closed_database_is_found", a_bit_in_a_closed_database_is_found);
    CU_add_test(suite, "a_bit_in_a_database_that_is_read_again_is_found",
                a_bit_in_a_database_that_is_read_again_is_found);
    CU_add_test(suite, "a_bit_in_a_log_that_is_read_again_is_found", a_bit_in_a_log_that_is_read_again_is_found);
    CU_add_test(suite, "a_read_that_comes_short_is_an_error", a_read_that_comes_short_is_an_error);
    return (int)CU_get_error();
}
