/*
 * test_store_migrate.c: files of schema versions 1 and 2 become version 3, whole or not at all. Their DDL is
 * core/schema-v1.sql and core/schema-v2.sql; every table of it gets rows whose columns differ from each other.
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
#define NAME_BYTES 32

/* What old files there are: version 1 had no vault. */
static const struct old {
    int version;
    enum store_part part;
    int tables;
    const char *header;
} olds[] = {
    {1, STORE_MAIN, 19, "PRAGMA application_id = 0x5358544d; PRAGMA user_version = 1; BEGIN"},
    {2, STORE_MAIN, 20, "PRAGMA application_id = 0x5358544d; PRAGMA user_version = 2; BEGIN"},
    {2, STORE_VAULT, 3, "PRAGMA application_id = 0x53585456; PRAGMA user_version = 2; BEGIN"},
};
#define OLDS (sizeof olds / sizeof *olds)

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

/* Version 1 knew no forms. */
static unsigned form_of(unsigned n)
{
    return n % 2;
}

/* INSERT INTO table VALUES(...) of row n, by the columns that the file has. */
static void insert_row(sqlite3 *db, const struct old *old, const char *table, unsigned n)
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
            bool has_form = old->version > 1 && length > 0;
            used += (size_t)snprintf(sql + used, sizeof sql - used, has_form ? "x'%02x" : "x'", form_of(n));
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

/* The DDL of a part; malloc'd. Both parts of version 2 are in one file, the vault after the comment that says so. */
static char *schema_of(const struct old *old)
{
    size_t size;
    unsigned char *bytes = world_read(old->version == 1 ? "core/schema-v1.sql" : "core/schema-v2.sql", &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    char *schema = base_alloc(size + 1);
    memcpy(schema, bytes, size);
    free(bytes);
    char *vault = strstr(schema, "-- vault:");
    if (old->part == STORE_VAULT)
        memmove(schema, vault, strlen(vault) + 1);
    else if (vault)
        *vault = '\0';
    return schema;
}

/* A file of an old version with rows in every table. */
static void make_old(const struct old *old, const char *name, const char *journal)
{
    char *schema = schema_of(old);
    sqlite3 *db = open_plain(name);
    run_sql(db, journal);
    run_sql(db, schema);
    run_sql(db, old->header);
    sqlite3_stmt *tables = NULL;
    int code =
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", -1, &tables, NULL);
    CU_ASSERT_EQUAL_FATAL(code, SQLITE_OK);
    int count = 0;
    for (; sqlite3_step(tables) == SQLITE_ROW; count++)
        for (unsigned n = 0; n < ROWS; n++)
            insert_row(db, old, (const char *)sqlite3_column_text(tables, 0), n);
    CU_ASSERT_EQUAL(count, old->tables);
    sqlite3_finalize(tables);
    run_sql(db, "COMMIT");
    sqlite3_close(db);
    free(schema);
}

/* The n-th word of "id kind state ". */
static void name_of(enum store_table table, int column, char name[static NAME_BYTES])
{
    const char *p = store_tables[table].column_names;
    for (int i = 0; i < column; i++)
        p = strchr(p, ' ') + 1;
    snprintf(name, NAME_BYTES, "%.*s", (int)strcspn(p, " "), p);
}

/* What a row of an old version must have become. `had` says which columns it had. */
static struct row migrated_row(const struct old *old, enum store_table table, unsigned n,
                               const bool had[static STORE_COLUMNS_MAX])
{
    struct row row = {0};
    for (int c = 0; c < store_tables[table].columns; c++) {
        char name[NAME_BYTES];
        name_of(table, c, name);
        row.c[c] = had[c] ? value_of(name, n) : 0;
        if (old->version == 1 && table == TABLE_OUTBOX && c == OUTBOX_page)
            row.c[c] |= value_of("pages", n) << 32;
    }
    if (store_tables[table].text) {
        char body[TEXT_BYTES_MAX] = {0};
        row.body.len = (uint8_t)body_of(n, body);
        row.body.form = (uint8_t)(old->version > 1 && row.body.len > 0 ? form_of(n) : 0);
        memcpy(row.body.bytes, body, sizeof body);
    }
    return row;
}

/* Looks into an old file for the columns of a table; false when it has no such table. */
static bool old_columns(sqlite3 *kept, enum store_table table, bool had[static STORE_COLUMNS_MAX])
{
    bool any = false;
    for (int c = 0; c < store_tables[table].columns; c++) {
        char name[NAME_BYTES], sql[128];
        name_of(table, c, name);
        snprintf(sql, sizeof sql, "SELECT \"%s\" FROM %s", name, store_tables[table].name);
        sqlite3_stmt *prepared = NULL;
        sqlite3_prepare_v2(kept, sql, -1, &prepared, NULL);
        /* A name in quotes that is no column is a text to SQLite. */
        had[c] = prepared && sqlite3_column_origin_name(prepared, 0);
        any = any || had[c];
        sqlite3_finalize(prepared);
    }
    return any;
}

/* `kept` is a copy of the file as it was. */
static void expect_migrated(const struct old *old, sqlite3 *kept)
{
    struct collected found;
    int tables = 0, appended = 0;
    for (int t = 0; t < TABLE_COUNT; t++) {
        enum store_table table = (enum store_table)t;
        bool had[STORE_COLUMNS_MAX] = {0};
        if (store_tables[t].part != old->part)
            continue;
        struct store_range all = {.table = table, .index = INDEX_PRIMARY};
        bool existed = old_columns(kept, table, had);
        tables += existed;
        CU_ASSERT_EQUAL(scan_into(&found, &all), existed ? ROWS : 0);
        for (unsigned n = 0; existed && n < ROWS; n++) {
            struct row expected = migrated_row(old, table, n, had), row = expected;
            memset(row.c + store_tables[t].keys, 0xff, sizeof row.c - (size_t)store_tables[t].keys * sizeof *row.c);
            CU_ASSERT_EQUAL(store->ops->get(store, table, &row), 0);
            CU_ASSERT(same_row(table, &expected, &row));
        }
        for (int c = 0; existed && c < store_tables[t].columns; c++)
            appended += !had[c];
    }
    CU_ASSERT_EQUAL(tables, old->tables);
    CU_ASSERT(old->version > 1 || appended > 5);
}

static struct store *open_migrated(const struct old *old, const char *name, enum store_journal journal)
{
    char error[512];
    struct store *opened = NULL;
    struct store_sqlite_options options = world_options(world_path(name), journal);
    options.part = old->part;
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    CU_ASSERT_STRING_EQUAL(error, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
    return opened;
}

static void every_row_is_migrated(const struct old *old, const char *old_journal, enum store_journal journal)
{
    make_old(old, "old.db", old_journal);
    make_old(old, "kept.db", old_journal);
    sqlite3 *kept = open_plain("kept.db");
    for (int again = 0; again < 2; again++) { /* the second time there is nothing to migrate */
        store = open_migrated(old, "old.db", journal);
        expect_migrated(old, kept);
        struct store_range by_number = {.table = TABLE_LOG, .index = INDEX_LOG_BY_NUMBER};
        struct store_range by_conv = {.table = TABLE_KEY, .index = INDEX_KEY_BY_CONV};
        struct collected found;
        CU_ASSERT_EQUAL(scan_into(&found, old->part == STORE_MAIN ? &by_number : &by_conv), ROWS);
        store->ops->close(store);
    }
    sqlite3_close(kept);
    remove(world_path("kept.db"));
    remove(world_path("old.db"));
}

static void every_row_of_an_old_version_is_migrated(void)
{
    static const char *const journals[] = {"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL"};
    for (size_t o = 0; o < OLDS; o++)
        for (int j = 0; j < 2; j++)
            for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++)
                every_row_is_migrated(&olds[o], journals[j], (enum store_journal)journal);
}

static void a_migrated_file_has_the_schema_of_a_new_one(void)
{
    for (size_t o = 0; o < OLDS; o++) {
        make_old(&olds[o], "old.db", "PRAGMA journal_mode = DELETE");
        const char *const names[] = {"old.db", "new.db"};
        for (int i = 0; i < 2; i++) {
            store = open_migrated(&olds[o], names[i], STORE_JOURNAL_ROLLBACK);
            store->ops->close(store);
        }
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
        CU_ASSERT(sqlite3_column_int(prepared, 0) > olds[o].tables);
        CU_ASSERT_EQUAL(sqlite3_column_int(prepared, 0), sqlite3_column_int(prepared, 1));
        sqlite3_finalize(prepared);
        sqlite3_close(db);
        for (int i = 0; i < 2; i++)
            remove(world_path(names[i]));
    }
}

/* Is refused, and every byte is as before. */
static void refuse_unchanged(const struct old *old, const char *obstacle)
{
    make_old(old, "old.db", "PRAGMA journal_mode = DELETE");
    sqlite3 *db = open_plain("old.db");
    run_sql(db, obstacle);
    sqlite3_close(db);
    size_t before_size, after_size;
    unsigned char *before = world_read(world_path("old.db"), &before_size);
    char error[512];
    struct store *opened = NULL;
    struct store_sqlite_options options = world_options(world_path("old.db"), STORE_JOURNAL_ROLLBACK);
    options.part = old->part;
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
    CU_ASSERT_PTR_NULL(opened);
    unsigned char *after = world_read(world_path("old.db"), &after_size);
    CU_ASSERT(before_size == after_size && memcmp(before, after, before_size) == 0);
    free(before);
    free(after);
    remove(world_path("old.db"));
}

static void a_migration_that_fails_leaves_the_old_version(void)
{
    static const struct {
        int version;
        enum store_part part;
        const char *sql;
    } obstacles[] = {
        /* In the way of a table; found when all is done; a column that it needs. */
        {1, STORE_MAIN, "CREATE TABLE migrating_user_log(x)"},
        {1, STORE_MAIN, "CREATE TABLE obstacle(x); CREATE INDEX DEVICE_BY_USER2 ON obstacle(x)"},
        {1, STORE_MAIN, "ALTER TABLE outbox DROP COLUMN pages"},
        {1, STORE_MAIN, "ALTER TABLE user_log DROP COLUMN body"},
        {2, STORE_MAIN, "CREATE TABLE migrating_user_log(x)"},
        {2, STORE_MAIN, "CREATE TABLE obstacle(x); CREATE INDEX DEVICE_BY_USER2 ON obstacle(x)"},
        {2, STORE_MAIN, "ALTER TABLE user_log DROP COLUMN body"},
        {2, STORE_VAULT, "CREATE TABLE migrating_vault_meta(x)"},
    };
    int tried = 0;
    for (size_t i = 0; i < sizeof obstacles / sizeof *obstacles; i++)
        for (size_t o = 0; o < OLDS; o++)
            if (obstacles[i].version == olds[o].version && obstacles[i].part == olds[o].part) {
                refuse_unchanged(&olds[o], obstacles[i].sql);
                tried++;
            }
    CU_ASSERT_EQUAL(tried, sizeof obstacles / sizeof *obstacles);
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

/* A database with its log or journal. */
static void copy_files(const char *from, const char *to)
{
    static const char *const ends[] = {"", "-wal", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[64];
        size_t size;
        (void)snprintf(name, sizeof name, "%s%s", from, ends[i]);
        unsigned char *bytes = world_read(world_path(name), &size);
        (void)snprintf(name, sizeof name, "%s%s", to, ends[i]);
        remove(world_path(name));
        if (bytes)
            world_write(world_path(name), bytes, size);
        free(bytes);
    }
}

/* Writes fail from the call-th on; then it opens. True when the fault fired; counts what version the crash left. */
static bool crash_at(const struct old *old, sqlite3 *kept, enum store_journal journal, int call, int left[static 4])
{
    size_t size;
    unsigned char *bytes = world_read(world_path("kept.db"), &size);
    world_write(world_path("old.db"), bytes, size);
    free(bytes);
    char error[512];
    struct store_sqlite_options options = world_options(world_path("old.db"), journal);
    options.vfs = FAULT_VFS;
    options.part = old->part;
    fault_set(FAULT_WRITE, call, SQLITE_IOERR_WRITE, true);
    int status = store_sqlite_open(&options, &store, error, sizeof error);
    if (status == 0)
        store->ops->close(store);
    bool fired = fault_clear();
    CU_ASSERT(fired || status == 0);
    copy_files("old.db", "copy.db"); /* or whoever looks would put the log into it, without checksums */
    int64_t found = version_in("copy.db");
    CU_ASSERT_FATAL(found == old->version || found == 3);
    left[found]++;
    store = open_migrated(old, "old.db", journal);
    expect_migrated(old, kept);
    store->ops->close(store);
    remove(world_path("old.db"));
    return fired;
}

static void a_crash_during_a_migration_leaves_the_old_version_or_version_3(void)
{
    fault_register();
    for (size_t o = 0; o < OLDS; o++) {
        int left[4] = {0}, call = 1;
        make_old(&olds[o], "kept.db", "PRAGMA journal_mode = DELETE");
        sqlite3 *kept = open_plain("kept.db");
        for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
            call = 1;
            while (call < 5000 && crash_at(&olds[o], kept, (enum store_journal)journal, call, left))
                call += 1 + call / 8;
        }
        CU_ASSERT(call < 5000);
        CU_ASSERT(left[olds[o].version] > 10 && left[3] > 1);
        sqlite3_close(kept);
        remove(world_path("kept.db"));
    }
}

static void a_vault_of_version_1_is_refused(void)
{
    store = world_open(BACKEND_ROLLBACK, STORE_VAULT, "vault.db");
    store->ops->close(store);
    sqlite3 *db = open_plain("vault.db");
    run_sql(db, "PRAGMA user_version = 1");
    sqlite3_close(db);
    world_sum_pages(world_path("vault.db"));
    char error[512];
    struct store *opened = NULL;
    struct store_sqlite_options options = {.part = STORE_VAULT, .path = world_path("vault.db")};
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "found schema version 1, expected 2 or 3"));
}

/* A program of version 2 left no blobs: their database is made beside the two that are migrated, and is like a new one.
 */
static void blobs_are_made_beside_old_databases_and_have_no_older_version(void)
{
    char error[512];
    struct store *opened = NULL;
    struct store_sqlite_options options = {.part = STORE_BLOBS, .path = world_path("blobs.db")};
    CU_ASSERT_EQUAL_FATAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    struct row blob = {.c = {[BLOB_id] = 7, [BLOB_part] = 1}, .body = {.len = 3, .bytes = "abc"}}, found = blob;
    CU_ASSERT_EQUAL(opened->ops->begin(opened), 0);
    CU_ASSERT_EQUAL(opened->ops->put(opened, TABLE_BLOB, &blob), 0);
    CU_ASSERT_EQUAL(opened->ops->commit(opened), 0);
    opened->ops->close(opened);
    CU_ASSERT_EQUAL_FATAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    memset(&found.body, 0, sizeof found.body);
    CU_ASSERT_EQUAL(opened->ops->get(opened, TABLE_BLOB, &found), 0);
    CU_ASSERT_EQUAL(found.body.len, 3);
    opened->ops->close(opened);
    options.part = STORE_VAULT;
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "found the part blobs, expected the part vault"));
    sqlite3 *db = open_plain("blobs.db");
    run_sql(db, "PRAGMA user_version = 2");
    sqlite3_close(db);
    world_sum_pages(world_path("blobs.db"));
    options.path = world_path("blobs.db");
    options.part = STORE_BLOBS;
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), E_STORE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "found schema version 2, expected 3"));
}

static const struct named_test tests[] = {
    {"blobs_are_made_beside_old_databases_and_have_no_older_version",
     blobs_are_made_beside_old_databases_and_have_no_older_version},
    {"every_row_of_an_old_version_is_migrated", every_row_of_an_old_version_is_migrated},
    {"a_migrated_file_has_the_schema_of_a_new_one", a_migrated_file_has_the_schema_of_a_new_one},
    {"a_migration_that_fails_leaves_the_old_version", a_migration_that_fails_leaves_the_old_version},
    {"a_crash_during_a_migration_leaves_the_old_version_or_version_3",
     a_crash_during_a_migration_leaves_the_old_version_or_version_3},
    {"a_vault_of_version_1_is_refused", a_vault_of_version_1_is_refused},
};

int suite_store_migrate(void);
int suite_store_migrate(void)
{
    return store_suite("store_migrate", tests, sizeof tests / sizeof *tests);
}
