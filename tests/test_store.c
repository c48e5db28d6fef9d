/*
 * test_store.c: what every store must do with rows, transactions, clear and images, through struct store_ops alone.
 * The other themes are test_store_*.c, whose suites begin here.
 */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    for (uint8_t len = 0; len <= SEALED_BYTES_MAX; len++) {
        struct row row = {.c = {1, len}};
        row.body.len = len;
        memset(row.body.bytes, len % 3 ? 'a' + len % 26 : 0, len);
        put(TABLE_MESSAGE, &row);
    }
    commit();
    for (uint8_t len = 0; len <= SEALED_BYTES_MAX; len++) {
        struct row row = {.c = {1, len}};
        CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &row), 0);
        CU_ASSERT_EQUAL(row.body.len, len);
        for (int i = 0; i < row.body.len; i++)
            CU_ASSERT_EQUAL(row.body.bytes[i], len % 3 ? 'a' + len % 26 : 0);
    }
}

static void a_shorter_text_replaces_a_longer_one(void)
{
    struct row row = {.c = {1, 1}, .body = {5, 0, "hello"}};
    begin();
    put(TABLE_MESSAGE, &row);
    row.body = (struct sealed){0};
    put(TABLE_MESSAGE, &row);
    commit();
    struct row found = {.c = {1, 1}, .body = {5, 0, "stale"}};
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
    struct row row = {.c = {1, 1}, .body = {6, 0, "before"}};
    begin();
    put(TABLE_MESSAGE, &row);
    commit();
    begin();
    put(TABLE_MESSAGE, &(struct row){.c = {1, 1}, .body = {5, 0, "after"}});
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

/* ---- bodies and big numbers ---- */

static void a_body_keeps_its_form_and_one_without_bytes_has_none(void)
{
    struct row row = {.c = {1, 1}, .body = {3, 1, "abc"}}, found = {.c = {1, 1}};
    begin();
    put(TABLE_MESSAGE, &row);
    commit();
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &found), 0);
    CU_ASSERT_EQUAL(found.body.form, 1);
    begin();
    row.body.len = 0;
    put(TABLE_MESSAGE, &row);
    commit();
    found = row;
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &found), 0);
    CU_ASSERT_EQUAL(found.body.len, 0);
    CU_ASSERT_EQUAL(found.body.form, 0);
}

static void every_column_holds_every_number(void)
{
    static const uint64_t numbers[] = {0, 1, INT64_MAX, 1ULL << 63, MAKE_ID(PROVISIONER, 7), TIME_NEVER};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (int t = 0; t < TABLE_COUNT; t++) {
            if (store_tables[t].part != STORE_MAIN)
                continue;
            struct row row = {0}, found = {0};
            for (int c = 0; c < store_tables[t].columns; c++)
                row.c[c] = found.c[c] = numbers[i];
            for (int c = store_tables[t].keys; c < store_tables[t].columns; c++)
                found.c[c] = 5;
            begin();
            put((enum store_table)t, &row);
            CU_ASSERT_EQUAL(store->ops->get(store, (enum store_table)t, &found), 0);
            CU_ASSERT(same_row((enum store_table)t, &row, &found));
            commit();
        }
}

/* ---- clear ---- */

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
            if (store_tables[t].part == STORE_MAIN)
                CU_ASSERT_EQUAL(scan_into(&found, &all), 0);
        }
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET), "");
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_CONV), "");
        expect_log(LOG_RANGE(.index = INDEX_LOG_BY_NUMBER), "");
    }
}

static const struct named_test tests[] = {
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
    {"a_body_keeps_its_form_and_one_without_bytes_has_none", a_body_keeps_its_form_and_one_without_bytes_has_none},
    {"every_column_holds_every_number", every_column_holds_every_number},
    {"clear_leaves_a_store_as_fresh", clear_leaves_a_store_as_fresh},
};

int suite_store_scan(void);
int suite_store_model(void);
int suite_store_image(void);
int suite_store_twins(void);
int suite_store_cache(void);
int suite_store_schema(void);
int suite_store_open(void);
int suite_store_migrate(void);
int suite_store_plans(void);
int suite_store_deleted(void);
int suite_store_purge(void);
int suite_store_faults(void);
int suite_store(void);
int suite_store(void)
{
    int status = store_suites("store", tests, sizeof tests / sizeof *tests);
    if (status == 0)
        status = suite_store_scan();
    if (status == 0)
        status = suite_store_model();
    if (status == 0)
        status = suite_store_image();
    if (status == 0)
        status = suite_store_twins();
    if (status == 0)
        status = suite_store_cache();
    if (status == 0)
        status = suite_store_schema();
    if (status == 0)
        status = suite_store_open();
    if (status == 0)
        status = suite_store_migrate();
    if (status == 0)
        status = suite_store_plans();
    if (status == 0)
        status = suite_store_deleted();
    if (status == 0)
        status = suite_store_purge();
    if (status == 0)
        status = suite_store_faults();
    return status;
}
