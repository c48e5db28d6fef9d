/*
 * test_store.c: what every store must do, through struct store_ops alone.
 *
 * Each backend in `backends` gets a suite of the same tests. The last of them compares 20,000 random operations with a
 * model that is an array of rows, searched from end to end.
 */
#include "core/base.h"
#include "core/store.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLLECTED_MAX 512

static struct store *(*open_store)(void); /* of the suite under way */
static struct store *store;               /* opened afresh for each test */

static void set_up(void)
{
    store = open_store();
}

static void tear_down(void)
{
    store->ops->close(store);
    store = NULL;
}

/* ---- a world in three lines ---- */

static void begin(void)
{
    CU_ASSERT_EQUAL(store->ops->begin(store), 0);
}

static void commit(void)
{
    CU_ASSERT_EQUAL(store->ops->commit(store), 0);
}

static void rollback(void)
{
    CU_ASSERT_EQUAL(store->ops->rollback(store), 0);
}

static void put(enum store_table table, const struct row *row)
{
    CU_ASSERT_EQUAL(store->ops->put(store, table, row), 0);
}

static void del(enum store_table table, const struct row *row)
{
    CU_ASSERT_EQUAL(store->ops->del(store, table, row), 0);
}

static struct row log_row(uint64_t user, uint64_t position, uint64_t conv, uint64_t target)
{
    struct row row = {0};
    row.c[LOG_user] = user;
    row.c[LOG_position] = position;
    row.c[LOG_conv] = conv;
    row.c[LOG_target] = target;
    row.c[LOG_source] = 9 - user;
    row.c[LOG_number] = 100 - position;
    return row;
}

static struct row meta_row(uint64_t key, uint64_t value)
{
    return (struct row){.c = {[META_key] = key, [META_value] = value}};
}

/* Users 1 to 3 have positions 1 to 4, conversation position % 2, target 10 - position; committed. */
static void fill_log(void)
{
    begin();
    for (uint64_t position = 4; position >= 1; position--)
        for (uint64_t user = 1; user <= 3; user++) {
            struct row row = log_row(user, position, position % 2, 10 - position);
            put(TABLE_LOG, &row);
        }
    commit();
}

static bool same_row(enum store_table table, const struct row *a, const struct row *b)
{
    if (memcmp(a->c, b->c, (size_t)store_tables[table].columns * sizeof a->c[0]) != 0)
        return false;
    return !store_tables[table].text ||
           (a->body.len == b->body.len && memcmp(a->body.bytes, b->body.bytes, a->body.len) == 0);
}

struct collected {
    struct row rows[COLLECTED_MAX];
    size_t count;
};

static int collect(void *ctx, const struct row *row)
{
    struct collected *collected = ctx;
    if (collected->count == COLLECTED_MAX)
        return E_LIMIT;
    collected->rows[collected->count++] = *row;
    return 0;
}

static size_t scan_into(struct collected *collected, const struct store_range *range)
{
    collected->count = 0;
    CU_ASSERT_EQUAL(store->ops->scan(store, range, collect, collected), 0);
    return collected->count;
}

/* Scans TABLE_LOG and expects "user.position user.position ..." */
static void expect_log(const struct store_range *range, const char *expected)
{
    struct collected *found = base_alloc(sizeof *found);
    char text[COLLECTED_MAX] = "";
    size_t used = 0;
    scan_into(found, range);
    for (size_t i = 0; i < found->count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d.%d", i ? " " : "",
                                 (int)found->rows[i].c[LOG_user], (int)found->rows[i].c[LOG_position]);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(found);
}

static void expect_meta(uint64_t key, int status, uint64_t value)
{
    struct row row = meta_row(key, 0);
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_META, &row), status);
    if (status == 0)
        CU_ASSERT_EQUAL(row.c[META_value], value);
}

#define LOG_RANGE(...) (&(struct store_range){.table = TABLE_LOG, __VA_ARGS__})
#define EVERY_LOG_ROW "1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 3.1 3.2 3.3 3.4"

/* ---- rows ---- */

static void get_returns_what_was_put(void)
{
    struct row row = log_row(7, UINT64_MAX >> 1, 3, 4), found = {.c = {7, UINT64_MAX >> 1}};
    begin();
    put(TABLE_LOG, &row);
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_LOG, &found), 0);
    CU_ASSERT(same_row(TABLE_LOG, &row, &found));
    commit();
    found = (struct row){.c = {7, UINT64_MAX >> 1}};
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_LOG, &found), 0);
    CU_ASSERT(same_row(TABLE_LOG, &row, &found));
}

static void get_of_an_absent_key_is_not_found(void)
{
    fill_log();
    struct row row = {.c = {1, 5}};
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_LOG, &row), E_NOTFOUND);
    row = (struct row){.c = {5, 1}};
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_LOG, &row), E_NOTFOUND);
    expect_meta(1, E_NOTFOUND, 0);
}

static void put_of_an_existing_key_replaces_the_row(void)
{
    struct row old = meta_row(1, 10), new = meta_row(1, 11);
    begin();
    put(TABLE_META, &old);
    put(TABLE_META, &new);
    commit();
    expect_meta(1, 0, 11);
    struct collected found;
    CU_ASSERT_EQUAL(scan_into(&found, &(struct store_range){.table = TABLE_META, .index = INDEX_PRIMARY}), 1);
}

static void del_removes_one_row_and_ignores_an_absent_one(void)
{
    fill_log();
    begin();
    del(TABLE_LOG, &(struct row){.c = {2, 3}});
    del(TABLE_LOG, &(struct row){.c = {2, 3}});
    del(TABLE_LOG, &(struct row){.c = {8, 8}});
    commit();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {2}), "2.1 2.2 2.4");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {2}), "2.4 2.2 2.1");
}

static void changes_outside_a_transaction_are_invalid(void)
{
    struct row row = meta_row(1, 10);
    CU_ASSERT_EQUAL(store->ops->put(store, TABLE_META, &row), E_INVALID);
    CU_ASSERT_EQUAL(store->ops->del(store, TABLE_META, &row), E_INVALID);
    CU_ASSERT_EQUAL(store->ops->commit(store), E_INVALID);
    CU_ASSERT_EQUAL(store->ops->rollback(store), E_INVALID);
    expect_meta(1, E_NOTFOUND, 0);
}

static void text_keeps_its_length_and_bytes(void)
{
    begin();
    for (uint8_t len = 0; len <= TEXT_BYTES_MAX; len++) {
        struct row row = {.c = {1, len}};
        row.body.len = len;
        memset(row.body.bytes, len % 3 ? 'a' + len % 26 : 0, len);
        put(TABLE_MESSAGE, &row);
    }
    commit();
    for (uint8_t len = 0; len <= TEXT_BYTES_MAX; len++) {
        struct row row = {.c = {1, len}};
        CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &row), 0);
        CU_ASSERT_EQUAL(row.body.len, len);
        for (int i = 0; i < row.body.len; i++)
            CU_ASSERT_EQUAL(row.body.bytes[i], len % 3 ? 'a' + len % 26 : 0);
    }
}

static void a_shorter_text_replaces_a_longer_one(void)
{
    struct row row = {.c = {1, 1}, .body = {5, "hello"}};
    begin();
    put(TABLE_MESSAGE, &row);
    row.body = (struct text){0};
    put(TABLE_MESSAGE, &row);
    commit();
    struct row found = {.c = {1, 1}, .body = {5, "stale"}};
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &found), 0);
    CU_ASSERT_EQUAL(found.body.len, 0);
}

/* ---- transactions ---- */

static void rollback_restores_rows(void)
{
    struct row kept = meta_row(1, 10), replaced = meta_row(2, 20), deleted = meta_row(3, 30);
    begin();
    put(TABLE_META, &kept);
    put(TABLE_META, &replaced);
    put(TABLE_META, &deleted);
    commit();
    begin();
    put(TABLE_META, &(struct row){.c = {2, 21}});
    put(TABLE_META, &(struct row){.c = {2, 22}});
    del(TABLE_META, &deleted);
    put(TABLE_META, &(struct row){.c = {4, 40}});
    del(TABLE_META, &(struct row){.c = {4}});
    put(TABLE_META, &(struct row){.c = {5, 50}});
    rollback();
    expect_meta(1, 0, 10);
    expect_meta(2, 0, 20);
    expect_meta(3, 0, 30);
    expect_meta(4, E_NOTFOUND, 0);
    expect_meta(5, E_NOTFOUND, 0);
}

static void rollback_restores_indexes(void)
{
    fill_log();
    begin();
    struct row moved = log_row(1, 1, 9, 99), added = log_row(1, 5, 0, 0);
    put(TABLE_LOG, &moved);
    put(TABLE_LOG, &added);
    for (uint64_t position = 1; position <= 4; position++)
        del(TABLE_LOG, &(struct row){.c = {2, position}});
    rollback();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET), "1.4 1.3 1.2 1.1 2.4 2.3 2.2 2.1 3.4 3.3 3.2 3.1");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV), "1.2 1.4 1.1 1.3 2.2 2.4 2.1 2.3 3.2 3.4 3.1 3.3");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_NUMBER), "3.4 3.3 3.2 3.1 2.4 2.3 2.2 2.1 1.4 1.3 1.2 1.1");
}

static void rollback_restores_text(void)
{
    struct row row = {.c = {1, 1}, .body = {6, "before"}};
    begin();
    put(TABLE_MESSAGE, &row);
    commit();
    begin();
    put(TABLE_MESSAGE, &(struct row){.c = {1, 1}, .body = {5, "after"}});
    del(TABLE_MESSAGE, &row);
    rollback();
    struct row found = {.c = {1, 1}};
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &found), 0);
    CU_ASSERT(same_row(TABLE_MESSAGE, &row, &found));
}

static void commit_keeps_what_a_later_rollback_cannot_undo(void)
{
    begin();
    put(TABLE_META, &(struct row){.c = {1, 10}});
    commit();
    begin();
    put(TABLE_META, &(struct row){.c = {1, 11}});
    commit();
    begin();
    rollback();
    expect_meta(1, 0, 11);
}

static void a_transaction_sees_its_own_writes(void)
{
    fill_log();
    begin();
    del(TABLE_LOG, &(struct row){.c = {1, 2}});
    struct row added = log_row(1, 5, 1, 5);
    put(TABLE_LOG, &added);
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {1}), "1.1 1.3 1.4 1.5");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {1}), "1.5 1.4 1.3 1.1");
    rollback();
}

/* ---- scans ---- */

static void scan_without_a_key_is_the_whole_table(void)
{
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), "");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .reverse = true), "");
    fill_log();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
}

static void scan_by_prefix(void)
{
    fill_log();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {2}), "2.1 2.2 2.3 2.4");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 2, .given = 2, .key = {2, 3}), "2.3");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {4}), "");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {0}), "");
}

static void scan_from_a_lower_bound(void)
{
    fill_log();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 2, .key = {2, 3}), "2.3 2.4");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 2, .key = {2, 5}), "");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 0, .given = 1, .key = {3}), "3.1 3.2 3.3 3.4");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 0, .given = 2, .key = {2, 4}), "2.4 3.1 3.2 3.3 3.4");
}

static void scan_in_reverse_starts_from_the_last_row_of_the_prefix(void)
{
    fill_log();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {2}, .reverse = true),
               "2.4 2.3 2.2 2.1");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .reverse = true), "3.4 3.3 3.2 3.1 2.4 2.3 2.2 2.1 1.4 1.3 1.2 1.1");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV, .fixed = 2, .given = 2, .key = {2, 1}, .reverse = true),
               "2.3 2.1");
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {9}, .reverse = true), "");
}

static void scan_by_each_index_of_the_log(void)
{
    fill_log();
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 2, .given = 2, .key = {1, 8}), "1.2");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 2, .key = {1, 8}), "1.2 1.1");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV, .fixed = 2, .given = 2, .key = {3, 0}), "3.2 3.4");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV, .fixed = 2, .given = 3, .key = {3, 0, 3}), "3.4");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_NUMBER, .fixed = 2, .given = 2, .key = {7, 98}), "2.2");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_NUMBER, .fixed = 1, .given = 2, .key = {7, 98}), "2.2 2.1");
}

static void scan_by_each_other_index(void)
{
    struct row row;
    begin();
    put(TABLE_MESSAGE, &(struct row){.c = {[MESSAGE_conv] = 5, [MESSAGE_id] = 50}});
    put(TABLE_WAITS, &(struct row){.c = {1, 2, 5, 50}});
    put(TABLE_WAITS, &(struct row){.c = {0, 9, 5, 50}});
    put(TABLE_DEVICE, &(struct row){.c = {[DEVICE_id] = 8, [DEVICE_user] = 3}});
    commit();
    struct store_range by_id = {TABLE_MESSAGE, INDEX_MESSAGE_BY_ID, 1, 1, {50}, false};
    CU_ASSERT_EQUAL(store_first(store, &by_id, &row), 0);
    CU_ASSERT_EQUAL(row.c[MESSAGE_conv], 5);
    struct store_range by_target = {TABLE_WAITS, INDEX_WAITS_BY_TARGET, 2, 2, {5, 50}, false};
    CU_ASSERT_EQUAL(store_first(store, &by_target, &row), 0);
    CU_ASSERT_EQUAL(row.c[WAITS_number], 9);
    by_target.reverse = true;
    CU_ASSERT_EQUAL(store_first(store, &by_target, &row), 0);
    CU_ASSERT_EQUAL(row.c[WAITS_number], 2);
    struct store_range by_user = {TABLE_DEVICE, INDEX_DEVICE_BY_USER, 1, 1, {3}, false};
    CU_ASSERT_EQUAL(store_first(store, &by_user, &row), 0);
    CU_ASSERT_EQUAL(row.c[DEVICE_id], 8);
}

static void put_moves_the_index_entries_that_change(void)
{
    fill_log();
    begin();
    struct row moved = log_row(1, 1, 1, 2);
    put(TABLE_LOG, &moved);
    commit();
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 2, .given = 2, .key = {1, 9}), "");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {1}), "1.1 1.4 1.3 1.2");
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV, .fixed = 2, .given = 2, .key = {1, 1}), "1.1 1.3");
}

static void keys_compare_as_numbers_not_as_bytes(void)
{
    begin();
    put(TABLE_META, &(struct row){.c = {256, 2}});
    put(TABLE_META, &(struct row){.c = {1, 1}});
    put(TABLE_META, &(struct row){.c = {1ULL << 62, 3}});
    commit();
    struct collected found;
    scan_into(&found, &(struct store_range){.table = TABLE_META, .index = INDEX_PRIMARY});
    for (size_t i = 0; i < 3 && i < found.count; i++)
        CU_ASSERT_EQUAL(found.rows[i].c[META_value], i + 1);
}

static int stop_at_once(void *ctx, const struct row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 1;
}

static int fail_at_once(void *ctx, const struct row *row)
{
    (void)row;
    ++*(int *)ctx;
    return E_LIMIT;
}

static void scan_stops_or_fails_when_the_visit_says_so(void)
{
    int visits = 0;
    fill_log();
    CU_ASSERT_EQUAL(store->ops->scan(store, LOG_RANGE(.index = INDEX_PRIMARY), stop_at_once, &visits), 0);
    CU_ASSERT_EQUAL(visits, 1);
    CU_ASSERT_EQUAL(store->ops->scan(store, LOG_RANGE(.index = INDEX_PRIMARY), fail_at_once, &visits), E_LIMIT);
    CU_ASSERT_EQUAL(visits, 2);
    begin();
    del(TABLE_LOG, &(struct row){.c = {1, 1}});
    commit();
}

static int count_user_and_note_it(void *ctx, const struct row *row)
{
    struct collected *inner = ctx;
    struct store_range same_user = {TABLE_LOG, INDEX_LOG_BY_CONV, 1, 1, {row->c[LOG_user]}, false};
    CU_ASSERT_EQUAL(scan_into(inner, &same_user), 4);
    return store->ops->put(store, TABLE_META, &(struct row){.c = {row->c[LOG_user], row->c[LOG_position]}});
}

static void a_visit_may_read_anything_and_change_other_tables(void)
{
    struct collected inner;
    fill_log();
    begin();
    CU_ASSERT_EQUAL(store->ops->scan(store, LOG_RANGE(.index = INDEX_PRIMARY), count_user_and_note_it, &inner), 0);
    commit();
    expect_meta(3, 0, 4);
}

static void first_copies_the_first_row_or_finds_none(void)
{
    struct row row = {0};
    CU_ASSERT_EQUAL(store_first(store, LOG_RANGE(.index = INDEX_PRIMARY), &row), E_NOTFOUND);
    fill_log();
    CU_ASSERT_EQUAL(store_first(store, LOG_RANGE(.index = INDEX_PRIMARY, .reverse = true), &row), 0);
    CU_ASSERT_EQUAL(row.c[LOG_user], 3);
    CU_ASSERT_EQUAL(row.c[LOG_position], 4);
    CU_ASSERT_EQUAL(store_first(store, LOG_RANGE(.index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {4}), &row),
                    E_NOTFOUND);
}

/* ---- clear and backup ---- */

static void clear_leaves_a_store_as_fresh(void)
{
    for (int run = 0; run < 3; run++) {
        fill_log();
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {1}), "1.4 1.3 1.2 1.1");
        begin();
        del(TABLE_LOG, &(struct row){.c = {1, 1}});
        store->ops->clear(store); /* and ends the transaction */
        CU_ASSERT_EQUAL(store->ops->rollback(store), E_INVALID);
        begin();
        rollback(); /* brings nothing back */
        struct collected found;
        for (int t = 0; t < TABLE_COUNT; t++) {
            struct store_range all = {.table = (enum store_table)t, .index = INDEX_PRIMARY};
            CU_ASSERT_EQUAL(scan_into(&found, &all), 0);
        }
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET), "");
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV), "");
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_NUMBER), "");
    }
}

static void backup_succeeds_or_says_why_not(void)
{
    fill_log();
    CU_ASSERT_EQUAL(store->ops->backup(store, "-"), 0);
    CU_ASSERT_EQUAL(store->ops->backup(store, "-"), 0);
    CU_ASSERT_EQUAL(store->ops->backup(store, "/nonexistent/directory/file"), E_IO);
    begin();
    CU_ASSERT_EQUAL(store->ops->backup(store, "-"), E_INVALID);
    rollback();
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
}

/* The bytes of a backup file, malloc'd. */
static char *backup_bytes(size_t *size)
{
    char path[] = "/tmp/sexton-test-store-XXXXXX", *bytes = NULL;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL(store->ops->backup(store, path), 0);
    FILE *f = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t cap = 0;
    *size = 0;
    for (int c; (c = fgetc(f)) != EOF;) {
        bytes = base_grow(bytes, &cap, *size + 1, 1);
        bytes[(*size)++] = (char)c;
    }
    fclose(f);
    remove(path);
    return bytes;
}

static void backup_depends_on_the_rows_and_not_on_how_they_came(void)
{
    struct row first = {.c = {1, 1}, .body = {5, "hello"}}, second = {.c = {1, 2}};
    size_t sizes[2];
    char *bytes[2];
    begin();
    put(TABLE_MESSAGE, &first);
    put(TABLE_MESSAGE, &second);
    commit();
    bytes[0] = backup_bytes(&sizes[0]);

    store->ops->clear(store);
    begin();
    memset(second.body.bytes, 'z', TEXT_BYTES_MAX);
    put(TABLE_MESSAGE, &second); /* with bytes beyond its length, which is 0 */
    first.body.len = TEXT_BYTES_MAX;
    put(TABLE_MESSAGE, &first);
    first.body.len = 5;
    put(TABLE_MESSAGE, &first);
    commit();
    bytes[1] = backup_bytes(&sizes[1]);

    CU_ASSERT(sizes[0] > 0);
    CU_ASSERT_EQUAL(sizes[0], sizes[1]);
    CU_ASSERT(sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
}

static void schema_sql_is_the_print_out_of_the_tables(void)
{
    char *expected = store_schema_sql();
    CU_ASSERT_PTR_NOT_NULL_FATAL(expected);
    FILE *f = fopen("core/schema.sql", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t size = strlen(expected);
    char *found = base_alloc(size + 2);
    size_t read = fread(found, 1, size + 1, f);
    fclose(f);
    CU_ASSERT_EQUAL(read, size);
    CU_ASSERT_EQUAL(memcmp(found, expected, size), 0);
    free(found);
    free(expected);
}

/* ---- random operations against a naive model ---- */

#define MODEL_STEPS 20000
#define MODEL_KEYS 12 /* each column is below this, so that keys and index prefixes collide often */
#define MODEL_ROWS_MAX 400

static const enum store_table model_tables[] = {TABLE_META, TABLE_LOG, TABLE_WAITS, TABLE_MESSAGE, TABLE_DEVICE};
#define MODEL_TABLES (sizeof model_tables / sizeof *model_tables)

struct model_table {
    struct row rows[MODEL_ROWS_MAX];
    size_t count;
};
struct model {
    struct model_table now[MODEL_TABLES], committed[MODEL_TABLES];
    uint64_t random;
    struct collected expected, found;
};

static unsigned draw(struct model *model, unsigned below)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (unsigned)((model->random >> 20) % below);
}

static struct row *model_find(struct model *model, size_t which, const struct row *row)
{
    struct model_table *table = &model->now[which];
    size_t key_bytes = (size_t)store_tables[model_tables[which]].keys * sizeof row->c[0];
    for (size_t i = 0; i < table->count; i++)
        if (memcmp(table->rows[i].c, row->c, key_bytes) == 0)
            return &table->rows[i];
    return NULL;
}

static struct row random_row(struct model *model, enum store_table table)
{
    struct row row = {0};
    for (int c = 0; c < store_tables[table].columns; c++)
        row.c[c] = draw(model, MODEL_KEYS);
    if (store_tables[table].text) {
        row.body.len = (uint8_t)draw(model, TEXT_BYTES_MAX + 1);
        memset(row.body.bytes, (int)draw(model, 256), row.body.len);
    }
    return row;
}

static void model_put(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    struct model_table *table = &model->now[which];
    struct row *old = model_find(model, which, &row);
    if (!old && table->count == MODEL_ROWS_MAX)
        return;
    *(old ? old : &table->rows[table->count++]) = row;
    put(model_tables[which], &row);
}

static void model_del(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    struct model_table *table = &model->now[which];
    struct row *old = model_find(model, which, &row);
    if (old)
        *old = table->rows[--table->count];
    del(model_tables[which], &row);
}

static void model_get(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    const struct row *expected = model_find(model, which, &row);
    CU_ASSERT_EQUAL(store->ops->get(store, model_tables[which], &row), expected ? 0 : E_NOTFOUND);
    CU_ASSERT(!expected || same_row(model_tables[which], expected, &row));
}

/* The columns that an index sorts by: its own, then those of the primary key that it does not name. */
static int sorted_columns(enum store_table table, int index, int columns[static STORE_COLUMNS_MAX])
{
    int count = 0;
    if (index != INDEX_PRIMARY)
        for (int i = 0; i < store_indexes[index].count; i++)
            columns[count++] = store_indexes[index].columns[i];
    for (int k = 0; k < store_tables[table].keys; k++) {
        bool named = false;
        for (int i = 0; i < count; i++)
            named = named || columns[i] == k;
        if (!named)
            columns[count++] = k;
    }
    return count;
}

static int compare_rows(const struct row *a, const struct row *b, const int *columns, int count)
{
    for (int i = 0; i < count; i++)
        if (a->c[columns[i]] != b->c[columns[i]])
            return a->c[columns[i]] < b->c[columns[i]] ? -1 : 1;
    return 0;
}

static bool in_range(const struct row *row, const struct store_range *range, const int *columns)
{
    for (int i = 0; i < range->given; i++)
        if (row->c[columns[i]] != range->key[i])
            return i >= range->fixed && row->c[columns[i]] > range->key[i];
    return true;
}

/* What the range should give, by insertion sort. */
static void model_scan(struct model *model, size_t which, const struct store_range *range, const int *columns,
                       int column_count)
{
    struct collected *expected = &model->expected;
    expected->count = 0;
    for (size_t i = 0; i < model->now[which].count; i++) {
        const struct row *row = &model->now[which].rows[i];
        if (!in_range(row, range, columns))
            continue;
        size_t at = expected->count++;
        for (; at > 0; at--) {
            int order = compare_rows(row, &expected->rows[at - 1], columns, column_count);
            if ((order > 0) != range->reverse)
                break;
            expected->rows[at] = expected->rows[at - 1];
        }
        expected->rows[at] = *row;
    }
}

static void model_check(struct model *model, size_t which, const struct store_range *range, const int *columns,
                        int column_count)
{
    model_scan(model, which, range, columns, column_count);
    bool same = scan_into(&model->found, range) == model->expected.count;
    for (size_t i = 0; same && i < model->found.count; i++)
        same = same_row(range->table, &model->expected.rows[i], &model->found.rows[i]);
    CU_ASSERT(same);
}

static int random_index(struct model *model, enum store_table table)
{
    int choices[INDEX_COUNT + 1] = {INDEX_PRIMARY};
    unsigned count = 1;
    for (int i = 0; i < INDEX_COUNT; i++)
        if (store_indexes[i].table == table)
            choices[count++] = i;
    return choices[draw(model, count)];
}

static void model_random_scan(struct model *model, size_t which)
{
    int columns[STORE_COLUMNS_MAX];
    struct store_range range = {.table = model_tables[which]};
    range.index = random_index(model, range.table);
    range.reverse = draw(model, 2);
    int count = sorted_columns(range.table, range.index, columns);
    range.given = (int)draw(model, (unsigned)count + 1);
    range.fixed = range.reverse ? range.given : (int)draw(model, (unsigned)range.given + 1);
    for (int i = 0; i < range.given; i++)
        range.key[i] = draw(model, MODEL_KEYS);
    model_check(model, which, &range, columns, count);
}

/* Every table by every order. */
static void model_check_all(struct model *model)
{
    for (size_t which = 0; which < MODEL_TABLES; which++)
        for (int index = INDEX_PRIMARY; index < INDEX_COUNT; index++) {
            if (index != INDEX_PRIMARY && store_indexes[index].table != model_tables[which])
                continue;
            int columns[STORE_COLUMNS_MAX];
            struct store_range range = {.table = model_tables[which], .index = index};
            int count = sorted_columns(range.table, range.index, columns);
            model_check(model, which, &range, columns, count);
        }
}

static void model_end_transaction(struct model *model)
{
    if (draw(model, 2)) {
        commit();
        memcpy(model->committed, model->now, sizeof model->now);
    } else {
        rollback();
        memcpy(model->now, model->committed, sizeof model->now);
    }
    if (draw(model, 4) == 0)
        model_check_all(model);
    if (draw(model, 100) == 0) {
        store->ops->clear(store);
        memset(model->now, 0, sizeof model->now);
        memset(model->committed, 0, sizeof model->committed);
    }
    begin();
}

static void random_operations_agree_with_a_naive_model(void)
{
    struct model *model = base_alloc(sizeof *model);
    model->random = 0x9e3779b97f4a7c15ULL;
    begin();
    for (int step = 0; step < MODEL_STEPS; step++) {
        size_t which = draw(model, MODEL_TABLES);
        unsigned action = draw(model, 100);
        if (action < 50)
            model_put(model, which);
        else if (action < 75)
            model_del(model, which);
        else if (action < 85)
            model_get(model, which);
        else if (action < 98)
            model_random_scan(model, which);
        else
            model_end_transaction(model);
    }
    rollback();
    memcpy(model->now, model->committed, sizeof model->now);
    model_check_all(model);
    free(model);
}

/* ---- suites ---- */

static int use_memory(void)
{
    open_store = store_mem_open;
    return 0;
}

static const struct {
    const char *suite;
    int (*use)(void);
} backends[] = {
    {"store", use_memory},
};

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    {"get_returns_what_was_put", get_returns_what_was_put},
    {"get_of_an_absent_key_is_not_found", get_of_an_absent_key_is_not_found},
    {"put_of_an_existing_key_replaces_the_row", put_of_an_existing_key_replaces_the_row},
    {"del_removes_one_row_and_ignores_an_absent_one", del_removes_one_row_and_ignores_an_absent_one},
    {"changes_outside_a_transaction_are_invalid", changes_outside_a_transaction_are_invalid},
    {"text_keeps_its_length_and_bytes", text_keeps_its_length_and_bytes},
    {"a_shorter_text_replaces_a_longer_one", a_shorter_text_replaces_a_longer_one},
    {"rollback_restores_rows", rollback_restores_rows},
    {"rollback_restores_indexes", rollback_restores_indexes},
    {"rollback_restores_text", rollback_restores_text},
    {"commit_keeps_what_a_later_rollback_cannot_undo", commit_keeps_what_a_later_rollback_cannot_undo},
    {"a_transaction_sees_its_own_writes", a_transaction_sees_its_own_writes},
    {"scan_without_a_key_is_the_whole_table", scan_without_a_key_is_the_whole_table},
    {"scan_by_prefix", scan_by_prefix},
    {"scan_from_a_lower_bound", scan_from_a_lower_bound},
    {"scan_in_reverse_starts_from_the_last_row_of_the_prefix", scan_in_reverse_starts_from_the_last_row_of_the_prefix},
    {"scan_by_each_index_of_the_log", scan_by_each_index_of_the_log},
    {"scan_by_each_other_index", scan_by_each_other_index},
    {"put_moves_the_index_entries_that_change", put_moves_the_index_entries_that_change},
    {"keys_compare_as_numbers_not_as_bytes", keys_compare_as_numbers_not_as_bytes},
    {"scan_stops_or_fails_when_the_visit_says_so", scan_stops_or_fails_when_the_visit_says_so},
    {"a_visit_may_read_anything_and_change_other_tables", a_visit_may_read_anything_and_change_other_tables},
    {"first_copies_the_first_row_or_finds_none", first_copies_the_first_row_or_finds_none},
    {"clear_leaves_a_store_as_fresh", clear_leaves_a_store_as_fresh},
    {"backup_succeeds_or_says_why_not", backup_succeeds_or_says_why_not},
    {"backup_depends_on_the_rows_and_not_on_how_they_came", backup_depends_on_the_rows_and_not_on_how_they_came},
    {"schema_sql_is_the_print_out_of_the_tables", schema_sql_is_the_print_out_of_the_tables},
    {"random_operations_agree_with_a_naive_model", random_operations_agree_with_a_naive_model},
};

int suite_store(void);
int suite_store(void)
{
    for (size_t b = 0; b < sizeof backends / sizeof *backends; b++) {
        CU_pSuite suite =
            CU_add_suite_with_setup_and_teardown(backends[b].suite, backends[b].use, NULL, set_up, tear_down);
        if (!suite)
            return (int)CU_get_error();
        for (size_t t = 0; t < sizeof tests / sizeof *tests; t++)
            if (!CU_add_test(suite, tests[t].name, tests[t].test))
                return (int)CU_get_error();
    }
    return 0;
}
