/*
 * test_store_migrate.c: files of schema version 1 become version 2, whole or not at all. The DDL of version 1 is
 * core/schema-v1.sql; every table of it gets rows whose columns differ from each other.
 */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_fault_vfs.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 9U /* a table */
#define V1_TABLES 19
#define NAME_BYTES 32

static void run_sql(sqlite3 *db, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        printf("\n%s: %s\n", sql, error);
    CU_ASSERT_PTR_NULL(error);
    sqlite3_free(error);
}

/* The value of a column, by its name, in row n of any table. One row has numbers of 2^63 and more, but for pages. */
static uint64_t value_of(const char *column, unsigned n)
{
    uint64_t value = n;
    for (const char *p = column; *p; p++)
        value = value * 31 + (unsigned char)*p;
    bool is_page = strcmp(column, "page") == 0 || strcmp(column, "pages") == 0;
    value %= is_page ? 1000 : 1000000;
    return n == ROWS - 1 && !is_page ? value | 1ULL << 63 : value;
}

/* Bytes of any kind, a zero among them; none in row 0. */
static int body_of(unsigned n, char body[static TEXT_BYTES_MAX])
{
    for (unsigned i = 0; i < n; i++)
        body[i] = (char)(i == 2 ? 0 : 0xf0 + n * 3 + i);
    return n == ROWS - 2 ? TEXT_BYTES_MAX : (int)n;
}

/* INSERT INTO table VALUES(...) of row n, by the columns that the file has. */
static void insert_row(sqlite3 *db, const char *table, unsigned n)
{
    char sql[2048], name[128];
    size_t used = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(", table);
    sqlite3_stmt *columns = NULL;
    snprintf(name, sizeof name, "SELECT name FROM pragma_table_info('%s')", table);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, name, -1, &columns, NULL), SQLITE_OK);
    for (int i = 0; sqlite3_step(columns) == SQLITE_ROW; i++) {
        const char *column = (const char *)sqlite3_column_text(columns, 0);
        used += (size_t)snprintf(sql + used, sizeof sql - used, "%s", i ? ", " : "");
        uint64_t value = value_of(column, n);
        if (strcmp(column, "body") == 0) {
            char body[TEXT_BYTES_MAX] = {0};
            int length = body_of(n, body);
            used += (size_t)snprintf(sql + used, sizeof sql - used, "x'");
            for (int b = 0; b < length; b++)
                used += (size_t)snprintf(sql + used, sizeof sql - used, "%02x", (unsigned char)body[b]);
            used += (size_t)snprintf(sql + used, sizeof sql - used, "'");
        } else if (value > INT64_MAX) {
            used += (size_t)snprintf(sql + used, sizeof sql - used, "x'%016" PRIx64 "'", value);
        } else {
            used += (size_t)snprintf(sql + used, sizeof sql - used, "%" PRIu64, value);
        }
    }
    sqlite3_finalize(columns);
    snprintf(sql + used, sizeof sql - used, ")");
    run_sql(db, sql);
}

static sqlite3 *open_plain(const char *name)
{
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(world_path(name), &db), SQLITE_OK);
    return db;
}

/* A file of version 1 with rows in every table. */
static void make_v1(const char *name, const char *journal)
{
    size_t size;
    unsigned char *bytes = world_read("core/schema-v1.sql", &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    char *schema = base_alloc(size + 1);
    memcpy(schema, bytes, size);
    sqlite3 *db = open_plain(name);
    run_sql(db, journal);
    run_sql(db, schema);
    run_sql(db, "PRAGMA application_id = 0x5358544d; PRAGMA user_version = 1; BEGIN");
    sqlite3_stmt *tables = NULL;
    int code =
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", -1, &tables, NULL);
    CU_ASSERT_EQUAL_FATAL(code, SQLITE_OK);
    int count = 0;
    for (; sqlite3_step(tables) == SQLITE_ROW; count++)
        for (unsigned n = 0; n < ROWS; n++)
            insert_row(db, (const char *)sqlite3_column_text(tables, 0), n);
    CU_ASSERT_EQUAL(count, V1_TABLES);
    sqlite3_finalize(tables);
    run_sql(db, "COMMIT");
    sqlite3_close(db);
    free(schema);
    free(bytes);
}

/* The n-th word of "id kind state ". */
static void name_of(enum store_table table, int column, char name[static NAME_BYTES])
{
    const char *p = store_tables[table].column_names;
    for (int i = 0; i < column; i++)
        p = strchr(p, ' ') + 1;
    snprintf(name, NAME_BYTES, "%.*s", (int)strcspn(p, " "), p);
}

/* What a row of version 1 must have become. `old` says which columns it had. */
static struct row migrated_row(enum store_table table, unsigned n, const bool old[static STORE_COLUMNS_MAX])
{
    struct row row = {0};
    for (int c = 0; c < store_tables[table].columns; c++) {
        char name[NAME_BYTES];
        name_of(table, c, name);
        row.c[c] = old[c] ? value_of(name, n) : 0;
        if (table == TABLE_OUTBOX && c == OUTBOX_page)
            row.c[c] |= value_of("pages", n) << 32;
    }
    if (store_tables[table].text) {
        char body[TEXT_BYTES_MAX] = {0};
        row.body.len = (uint8_t)body_of(n, body);
        memcpy(row.body.bytes, body, sizeof body);
    }
    return row;
}

/* Looks into a file of version 1 for the columns of a table; false when it has no such table. */
static bool old_columns(sqlite3 *v1, enum store_table table, bool old[static STORE_COLUMNS_MAX])
{
    bool any = false;
    for (int c = 0; c < store_tables[table].columns; c++) {
        char name[NAME_BYTES], sql[128];
        name_of(table, c, name);
        snprintf(sql, sizeof sql, "SELECT \"%s\" FROM %s", name, store_tables[table].name);
        sqlite3_stmt *prepared = NULL;
        sqlite3_prepare_v2(v1, sql, -1, &prepared, NULL);
        /* A name in quotes that is no column is a text to SQLite. */
        old[c] = prepared && sqlite3_column_origin_name(prepared, 0);
        any = any || old[c];
        sqlite3_finalize(prepared);
    }
    return any;
}

static void expect_migrated(sqlite3 *v1)
{
    struct collected found;
    int tables = 0, appended = 0;
    for (int t = 0; t < TABLE_COUNT; t++) {
        enum store_table table = (enum store_table)t;
        bool old[STORE_COLUMNS_MAX] = {0};
        if (store_tables[t].part != STORE_MAIN)
            continue;
        struct store_range all = {.table = table, .index = INDEX_PRIMARY};
        bool existed = old_columns(v1, table, old);
        tables += existed;
        CU_ASSERT_EQUAL(scan_into(&found, &all), existed ? ROWS : 0);
        for (unsigned n = 0; existed && n < ROWS; n++) {
            struct row expected = migrated_row(table, n, old), row = expected;
            memset(row.c + store_tables[t].keys, 0xff, sizeof row.c - (size_t)store_tables[t].keys * sizeof *row.c);
            CU_ASSERT_EQUAL(store->ops->get(store, table, &row), 0);
            CU_ASSERT(same_row(table, &expected, &row));
        }
        for (int c = 0; existed && c < store_tables[t].columns; c++)
            appended += !old[c];
    }
    CU_ASSERT_EQUAL(tables, V1_TABLES);
    CU_ASSERT(appended > 5);
}

static void every_row_of_version_1_is_migrated(void)
{
    static const char *const journals[] = {"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL"};
    for (int j = 0; j < 2; j++)
        for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
            make_v1("old.db", journals[j]);
            make_v1("v1.db", journals[j]);
            sqlite3 *v1 = open_plain("v1.db");
            for (int again = 0; again < 2; again++) { /* the second time there is nothing to migrate */
                store = world_open_file(world_path("old.db"), (enum store_journal)journal);
                expect_migrated(v1);
                struct store_range by_number = {.table = TABLE_LOG, .index = INDEX_LOG_BY_NUMBER};
                struct collected found;
                CU_ASSERT_EQUAL(scan_into(&found, &by_number), ROWS);
                store->ops->close(store);
            }
            sqlite3_close(v1);
            remove(world_path("v1.db"));
            remove(world_path("old.db"));
        }
}

static void a_migrated_file_has_the_schema_of_a_new_one(void)
{
    make_v1("old.db", "PRAGMA journal_mode = DELETE");
    store = world_open_file(world_path("old.db"), STORE_JOURNAL_ROLLBACK);
    store->ops->close(store);
    store = world_open_file(world_path("new.db"), STORE_JOURNAL_ROLLBACK);
    store->ops->close(store);
    sqlite3 *db = open_plain("old.db");
    char sql[1024];
    snprintf(sql, sizeof sql, "ATTACH '%s' AS new", world_path("new.db"));
    run_sql(db, sql);
    sqlite3_stmt *prepared = NULL;
    sqlite3_prepare_v2(db,
                       "SELECT count(*), (SELECT count(*) FROM main.sqlite_schema) FROM main.sqlite_schema AS a"
                       " JOIN new.sqlite_schema AS b USING(type, name) WHERE a.sql = b.sql",
                       -1, &prepared, NULL);
    CU_ASSERT_EQUAL(sqlite3_step(prepared), SQLITE_ROW);
    CU_ASSERT(sqlite3_column_int(prepared, 0) > 25);
    CU_ASSERT_EQUAL(sqlite3_column_int(prepared, 0), sqlite3_column_int(prepared, 1));
    sqlite3_finalize(prepared);
    sqlite3_close(db);
}

static void a_migration_that_fails_leaves_version_1(void)
{
    static const char *const obstacles[] = {
        "CREATE TABLE migrating_user_log(x)",                                    /* in the way of a table */
        "CREATE TABLE obstacle(x); CREATE INDEX DEVICE_BY_USER2 ON obstacle(x)", /* found when all is done */
        "ALTER TABLE outbox DROP COLUMN pages",                                  /* and one it needs */
        "ALTER TABLE user_log DROP COLUMN body",
    };
    for (size_t i = 0; i < sizeof obstacles / sizeof *obstacles; i++) {
        make_v1("old.db", "PRAGMA journal_mode = DELETE");
        sqlite3 *db = open_plain("old.db");
        run_sql(db, obstacles[i]);
        sqlite3_close(db);
        size_t before_size, after_size;
        unsigned char *before = world_read(world_path("old.db"), &before_size);
        char error[512];
        struct store *opened = NULL;
        struct store_sqlite_options options = world_options(world_path("old.db"), STORE_JOURNAL_ROLLBACK);
        CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
        CU_ASSERT_PTR_NULL(opened);
        unsigned char *after = world_read(world_path("old.db"), &after_size);
        CU_ASSERT(before_size == after_size && memcmp(before, after, before_size) == 0);
        free(before);
        free(after);
        remove(world_path("old.db"));
    }
}

/* The version in the header, as it is after what a crash left was rolled back. */
static int64_t version_in(const char *name)
{
    sqlite3 *db = open_plain(name);
    sqlite3_stmt *prepared = NULL;
    sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &prepared, NULL);
    CU_ASSERT_EQUAL(sqlite3_step(prepared), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(prepared, 0);
    sqlite3_finalize(prepared);
    sqlite3_close(db);
    return found;
}

static void a_crash_during_a_migration_leaves_version_1_or_version_2(void)
{
    int left[3] = {0}, call = 1;
    fault_register();
    make_v1("v1.db", "PRAGMA journal_mode = DELETE");
    sqlite3 *v1 = open_plain("v1.db");
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        call = 1;
        for (bool fired = true; fired && call < 5000; call += 1 + call / 8) {
            size_t size;
            unsigned char *bytes = world_read(world_path("v1.db"), &size);
            world_write(world_path("old.db"), bytes, size);
            free(bytes);
            char error[512];
            struct store_sqlite_options options = world_options(world_path("old.db"), (enum store_journal)journal);
            options.vfs = FAULT_VFS;
            fault_set(FAULT_WRITE, call, SQLITE_IOERR_WRITE, true);
            int status = store_sqlite_open(&options, &store, error, sizeof error);
            if (status == 0)
                store->ops->close(store);
            fired = fault_clear();
            CU_ASSERT(fired || status == 0);
            int64_t found = version_in("old.db");
            CU_ASSERT_FATAL(found == 1 || found == 2);
            left[found]++;
            store = world_open_file(world_path("old.db"), (enum store_journal)journal);
            expect_migrated(v1);
            store->ops->close(store);
            remove(world_path("old.db"));
        }
    }
    CU_ASSERT(call < 5000);
    CU_ASSERT(left[1] > 10 && left[2] > 1);
    sqlite3_close(v1);
}

static void version_1_had_a_main_part_only(void)
{
    store = world_open(BACKEND_ROLLBACK, STORE_VAULT, "vault.db");
    store->ops->close(store);
    sqlite3 *db = open_plain("vault.db");
    run_sql(db, "PRAGMA user_version = 1");
    sqlite3_close(db);
    char error[512];
    struct store *opened = NULL;
    struct store_sqlite_options options = {.part = STORE_VAULT, .path = world_path("vault.db")};
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "found schema version 1, expected 2"));
}

static const struct named_test tests[] = {
    {"every_row_of_version_1_is_migrated", every_row_of_version_1_is_migrated},
    {"a_migrated_file_has_the_schema_of_a_new_one", a_migrated_file_has_the_schema_of_a_new_one},
    {"a_migration_that_fails_leaves_version_1", a_migration_that_fails_leaves_version_1},
    {"a_crash_during_a_migration_leaves_version_1_or_version_2",
     a_crash_during_a_migration_leaves_version_1_or_version_2},
    {"version_1_had_a_main_part_only", version_1_had_a_main_part_only},
};

int suite_store_migrate(void);
int suite_store_migrate(void)
{
    return store_suite("store_migrate", tests, sizeof tests / sizeof *tests);
}
