/*
 * test_store_plans.c: how SQLite carries out each statement that a store can make: always through the key or an index,
 * never with a sort of its own, and by looking at hardly more rows than it returns.
 *
 * The statements are prepared again by a connection of the test, in a file that a store has filled.
 */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_ROWS 100000U
#define LOG_USERS 100U
#define OTHER_ROWS 1500U
#define RETURNED_MAX 40
/* Instructions of SQLite's machine: a statement's own, and those of a row of at most 21 columns. */
#define STEPS_A_STATEMENT 150
#define STEPS_A_ROW 60

struct plans {
    sqlite3 *db;
    int statements, whole_tables, measured;
};

static void open_connection(struct plans *plans, const char *path)
{
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &plans->db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
}

static int judge_plan(void *ctx, enum store_table table, enum row_statement which, const struct store_range *range,
                      const char *sql)
{
    (void)which;
    struct plans *plans = ctx;
    char text[4096];
    bool whole = range && range->given == 0;
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *prepared = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(plans->db, text, -1, &prepared, NULL), SQLITE_OK);
    while (sqlite3_step(prepared) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(prepared, 3);
        bool sound = !strstr(detail, "TEMP B-TREE") && !strstr(detail, "AUTOMATIC");
        if (whole)
            plans->whole_tables++;
        else
            sound = sound && strstr(detail, "SEARCH") && !strstr(detail, "SCAN");
        if (range && range->index != INDEX_PRIMARY)
            sound = sound && strstr(detail, store_indexes[range->index].name);
        if (!sound)
            printf("\n%s: %s: %s\n", store_tables[table].name, sql, detail);
        CU_ASSERT(sound);
    }
    sqlite3_finalize(prepared);
    plans->statements++;
    return 0;
}

static void every_statement_uses_a_key_or_an_index(void)
{
    for (int part = 0; part < STORE_PARTS; part++) {
        struct plans plans = {0};
        store = world_open(BACKEND_ROLLBACK, (enum store_part)part, "plans.db");
        store->ops->close(store);
        open_connection(&plans, world_path("plans.db"));
        CU_ASSERT_EQUAL(store_sqlite_each_statement((enum store_part)part, judge_plan, &plans), 0);
        CU_ASSERT(plans.statements > plans.whole_tables);
        sqlite3_close(plans.db);
        remove(world_path("plans.db"));
    }
}

/* ---- work ---- */

/* Row n of a table: each key column a digit of n, so that prefixes are shared, and every other column spread. */
static struct row spread_row(enum store_table table, uint64_t n)
{
    struct row row = {0};
    const struct store_table_info *info = &store_tables[table];
    uint64_t base = info->keys == 1 ? UINT64_MAX : info->keys == 2 ? (table == TABLE_LOG ? LOG_USERS : 50) : 12;
    uint64_t rest = n;
    for (int k = 0; k < info->keys - 1; k++, rest /= base)
        row.c[k] = rest % base;
    row.c[info->keys - 1] = rest;
    for (int c = info->keys; c < info->columns; c++)
        row.c[c] = (n * 7919 + (uint64_t)c) % 5000;
    return row;
}

static void fill_tables(void)
{
    begin();
    for (int t = 0; t < TABLE_COUNT; t++) {
        uint64_t rows = t == TABLE_LOG ? LOG_ROWS : store_tables[t].part == STORE_MAIN ? OTHER_ROWS : 0;
        for (uint64_t n = 0; n < rows; n++) {
            struct row row = spread_row((enum store_table)t, n);
            put((enum store_table)t, &row);
        }
    }
    commit();
}

/* The columns an index sorts by. */
static int order_of(const struct store_range *range, int columns[static STORE_KEYS_MAX])
{
    int count = 0;
    for (int i = 0; range->index != INDEX_PRIMARY && i < store_indexes[range->index].count; i++)
        columns[count++] = store_indexes[range->index].columns[i];
    for (int k = 0; k < store_tables[range->table].keys; k++) {
        bool named = false;
        for (int i = 0; i < count; i++)
            named = named || columns[i] == k;
        if (!named)
            columns[count++] = k;
    }
    return count;
}

/* Runs a range from a row in the middle of the table, and stops after RETURNED_MAX rows, as many a visit does. */
static int measure(void *ctx, enum store_table table, enum row_statement which, const struct store_range *range,
                   const char *sql)
{
    struct plans *plans = ctx;
    (void)which;
    if (!range)
        return 0;
    int columns[STORE_KEYS_MAX];
    order_of(range, columns);
    struct row row = spread_row(table, (table == TABLE_LOG ? LOG_ROWS : OTHER_ROWS) / 2);
    sqlite3_stmt *prepared = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(plans->db, sql, -1, &prepared, NULL), SQLITE_OK);
    for (int i = 0; i < range->given; i++)
        sqlite3_bind_int64(prepared, i + 1, (sqlite3_int64)row.c[columns[i]]);
    int returned = 0;
    while (returned < RETURNED_MAX && sqlite3_step(prepared) == SQLITE_ROW)
        returned++;
    int steps = sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_VM_STEP, 0);
    int sorts = sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_SORT, 0);
    if (steps > STEPS_A_STATEMENT + STEPS_A_ROW * returned || sorts > 0 || returned == 0)
        printf("\n%s: %d steps for %d rows, %d sorts\n", sql, steps, returned, sorts);
    CU_ASSERT(steps <= STEPS_A_STATEMENT + STEPS_A_ROW * returned);
    CU_ASSERT_EQUAL(sorts, 0);
    CU_ASSERT(returned > 0);
    plans->measured++;
    sqlite3_finalize(prepared);
    return 0;
}

static void a_range_of_a_large_table_looks_at_little_more_than_it_returns(void)
{
    struct plans plans = {0};
    store = world_open(BACKEND_ROLLBACK, STORE_MAIN, "large.db");
    fill_tables();
    store->ops->close(store);
    open_connection(&plans, world_path("large.db"));
    CU_ASSERT_EQUAL(store_sqlite_each_statement(STORE_MAIN, measure, &plans), 0);
    CU_ASSERT(plans.measured > 200);
    sqlite3_close(plans.db);
}

static const struct named_test tests[] = {
    {"every_statement_uses_a_key_or_an_index", every_statement_uses_a_key_or_an_index},
    {"a_range_of_a_large_table_looks_at_little_more_than_it_returns",
     a_range_of_a_large_table_looks_at_little_more_than_it_returns},
};

int suite_store_plans(void);
int suite_store_plans(void)
{
    return store_suite("store_plans", tests, sizeof tests / sizeof *tests);
}
