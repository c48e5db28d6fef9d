/* test_store_open.c: which files the SQLite store opens, which it refuses and in which words. */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096

/* Expects a refusal whose text names the file and has these words. */
static void expect_refusal(const struct store_sqlite_options *options, int status, const char *words)
{
    char error[512];
    struct store *opened = NULL;
    CU_ASSERT_EQUAL(store_sqlite_open(options, &opened, error, sizeof error), status);
    CU_ASSERT_PTR_NULL(opened);
    CU_ASSERT_EQUAL(strncmp(error, options->path, strlen(options->path)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "found "));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "expected "));
    if (!strstr(error, words))
        printf("\n%s\n", error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
}

static void refuse(const char *name, const char *words)
{
    struct store_sqlite_options options = world_options(world_path(name), STORE_JOURNAL_ROLLBACK);
    expect_refusal(&options, E_STORE, words);
}

/* A closed file with `rows` rows in the log, and its bytes. */
static unsigned char *make_file(const char *name, unsigned rows, size_t *size)
{
    store = world_open_file(world_path(name), STORE_JOURNAL_ROLLBACK);
    begin();
    for (unsigned i = 0; i < rows; i++) {
        struct row row = log_row(i % 5, i, i % 3, i % 7);
        put(TABLE_LOG, &row);
    }
    commit();
    store->ops->close(store);
    return world_read(world_path(name), size);
}

static void alter(const char *name, const char *sql)
{
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(world_path(name), &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    world_sum_pages(world_path(name));
}

static void a_file_keeps_its_rows_until_it_is_opened_again(void)
{
    for (int first = STORE_JOURNAL_WAL; first <= STORE_JOURNAL_ROLLBACK; first++)
        for (int second = STORE_JOURNAL_WAL; second <= STORE_JOURNAL_ROLLBACK; second++) {
            store = world_open_file(world_path("kept.db"), (enum store_journal)first);
            fill_log();
            store->ops->close(store);
            store = world_open_file(world_path("kept.db"), (enum store_journal)second);
            expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
            store->ops->clear(store); /* of rows that this connection never put */
            expect_log(LOG_RANGE(.index = INDEX_PRIMARY), "");
            store->ops->close(store);
            remove(world_path("kept.db"));
        }
}

static void what_was_not_committed_is_gone_when_the_file_is_opened_again(void)
{
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        store = world_open_file(world_path("open.db"), (enum store_journal)journal);
        fill_log();
        begin();
        del(TABLE_LOG, &(struct row){.c = {1, 1}});
        store->ops->close(store);
        store = world_open_file(world_path("open.db"), (enum store_journal)journal);
        expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
        store->ops->close(store);
    }
}

static void a_store_that_should_be_there_is_not_made(void)
{
    struct store_sqlite_options options = world_options(world_path("gone.db"), STORE_JOURNAL_WAL);
    options.exists = true;
    expect_refusal(&options, E_IO, "unable to open");
    size_t size;
    CU_ASSERT_PTR_NULL(world_read(options.path, &size));
    world_write(options.path, "", 0);
    expect_refusal(&options, E_STORE, "found nothing, expected the store that was there");
    options.exists = false;
    store = world_open_file(options.path, STORE_JOURNAL_WAL);
    store->ops->close(store);
    options.exists = true;
    char error[200];
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &store, error, sizeof error), 0);
    store->ops->close(store);
}

static void a_persistent_journal_is_refused(void)
{
    struct store_sqlite_options options = world_options(world_path("persist.db"), STORE_JOURNAL_PERSIST);
    expect_refusal(&options, E_INVALID, "found a persistent journal");
    size_t size;
    CU_ASSERT_PTR_NULL(world_read(options.path, &size));
}

static void a_file_that_is_no_database_is_refused(void)
{
    char text[3 * PAGE_BYTES];
    memset(text, 'x', sizeof text);
    world_write(world_path("text.db"), text, sizeof text);
    refuse("text.db", "found no database");
    size_t size;
    unsigned char *bytes = world_read(world_path("text.db"), &size); /* and not touched */
    CU_ASSERT(size == sizeof text && memcmp(bytes, text, size) == 0);
    free(bytes);
}

static void a_file_that_cannot_be_opened_is_an_io_error(void)
{
    struct store_sqlite_options options = world_options(world_path("nowhere/x.db"), STORE_JOURNAL_WAL);
    expect_refusal(&options, E_IO, "found unable to open");
}

static void a_database_of_another_program_is_refused(void)
{
    alter("other.db", "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    refuse("other.db", "found application_id 0");
    alter("other.db", "PRAGMA application_id = 12345");
    refuse("other.db", "found application_id 12345");
}

static void a_file_of_another_part_is_refused(void)
{
    store = world_open(BACKEND_ROLLBACK, STORE_VAULT, "vault.db");
    store->ops->close(store);
    refuse("vault.db", "found the part vault, expected the part main");
}

static void a_newer_schema_version_is_refused(void)
{
    size_t size;
    free(make_file("newer.db", 5, &size));
    alter("newer.db", "PRAGMA user_version = 4");
    refuse("newer.db", "found schema version 4, expected 1 to 3");
    alter("newer.db", "PRAGMA user_version = 0");
    refuse("newer.db", "found schema version 0, expected 1 to 3");
}

static void another_schema_is_refused(void)
{
    size_t size;
    free(make_file("schema.db", 5, &size));
    alter("schema.db", "CREATE TABLE extra(x)");
    refuse("schema.db", "tables and indexes, expected the");
    alter("schema.db", "DROP TABLE extra; DROP INDEX LOG_BY_CONV");
    refuse("schema.db", "found no LOG_BY_CONV");
    alter("schema.db", "CREATE INDEX LOG_BY_CONV ON user_log(\"conv\")");
    refuse("schema.db", "found another LOG_BY_CONV");
}

static void a_file_in_use_is_refused(void)
{
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        struct store_sqlite_options options = world_options(world_path("busy.db"), (enum store_journal)journal);
        store = world_open_file(options.path, (enum store_journal)journal);
        fill_log();
        expect_refusal(&options, E_STORE, "found the file in use");
        expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
        store->ops->clear(store);
        store->ops->close(store);
    }
}

/* ---- damage ---- */

static void a_truncated_file_is_refused(void)
{
    size_t size;
    unsigned char *bytes = make_file("short.db", 2000, &size);
    for (size_t pages = 1; pages * PAGE_BYTES < size; pages += 1 + pages / 2) {
        world_write(world_path("short.db"), bytes, pages * PAGE_BYTES);
        refuse("short.db", "");
    }
    world_write(world_path("short.db"), bytes, PAGE_BYTES / 2);
    refuse("short.db", "");
    free(bytes);
}

static void flipped_bytes_in_the_header_are_refused(void)
{
    size_t size;
    unsigned char *bytes = make_file("header.db", 100, &size);
    static const size_t places[] = {0, 7, 16, 17, 21, 22, 68, 69, 100};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bytes[places[i]] ^= 0xff;
        world_write(world_path("header.db"), bytes, size);
        refuse("header.db", "");
        bytes[places[i]] ^= 0xff;
    }
    world_write(world_path("header.db"), bytes, size);
    store = world_open_file(world_path("header.db"), STORE_JOURNAL_ROLLBACK);
    store->ops->close(store);
    free(bytes);
}

static void a_damaged_page_is_refused(void)
{
    size_t size;
    unsigned char *bytes = make_file("page.db", 5000, &size);
    for (size_t page = 1; page < size / PAGE_BYTES; page += 3) {
        unsigned char kept[16];
        memcpy(kept, bytes + page * PAGE_BYTES, sizeof kept);
        for (size_t i = 0; i < sizeof kept; i++)
            bytes[page * PAGE_BYTES + i] ^= 0xff;
        world_write(world_path("page.db"), bytes, size);
        refuse("page.db", "");
        memcpy(bytes + page * PAGE_BYTES, kept, sizeof kept);
    }
    free(bytes);
}

static void an_index_that_lacks_an_entry_is_refused(void)
{
    size_t size;
    unsigned char *bytes = make_file("index.db", 3, &size);
    free(bytes);
    /* Delete an entry of the index, as if the index were a table. */
    alter("index.db", "PRAGMA writable_schema = ON;"
                      "INSERT INTO sqlite_schema SELECT 'table', 'fake', 'fake', rootpage,"
                      " 'CREATE TABLE fake(a, b, c, PRIMARY KEY(a, b, c)) WITHOUT ROWID'"
                      " FROM sqlite_schema WHERE name = 'LOG_BY_CONV'");
    alter("index.db", "DELETE FROM fake WHERE a = 1");
    alter("index.db", "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'fake'");
    refuse("index.db", "missing from index LOG_BY_CONV");
}

static void a_value_that_no_store_wrote_is_an_error_of_the_store(void)
{
    static const char *const changes[] = {
        "UPDATE message SET body = zeroblob(58)", "UPDATE message SET body = x'00'",
        "UPDATE message SET body = x'0261'",      "UPDATE message SET body = 'text'",
        "UPDATE message SET state = -1",          "UPDATE message SET state = 'open'",
        "UPDATE message SET state = x'01'",       "UPDATE message SET state = x'0000000000000001'",
        "UPDATE message SET state = 1.5",
    };
    struct row row = {.c = {1, 2}, .body = {3, 0, "abc"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        store = world_open_file(world_path("value.db"), STORE_JOURNAL_ROLLBACK);
        begin();
        put(TABLE_MESSAGE, &row);
        commit();
        store->ops->close(store);
        alter("value.db", changes[i]);
        store = world_open_file(world_path("value.db"), STORE_JOURNAL_ROLLBACK);
        struct row found = {.c = {1, 2}};
        struct collected rows = {.count = 0};
        struct store_range all = {.table = TABLE_MESSAGE, .index = INDEX_PRIMARY};
        begin();
        CU_ASSERT_EQUAL(store->ops->get(store, TABLE_MESSAGE, &found), E_STORE);
        CU_ASSERT_EQUAL(store->ops->put(store, TABLE_MESSAGE, &row), E_STORE); /* until it is rolled back */
        CU_ASSERT_EQUAL(store->ops->commit(store), E_STORE);
        rollback();
        CU_ASSERT_EQUAL(store->ops->scan(store, &all, collect, &rows), E_STORE);
        CU_ASSERT_EQUAL(rows.count, 0);
        store->ops->close(store);
    }
}

/* ---- images ---- */

static void an_image_is_a_database_file(void)
{
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        store = world_open_file(world_path("live.db"), (enum store_journal)journal);
        store->ops->clear(store);
        fill_log();
        struct store_image *image = NULL;
        CU_ASSERT_EQUAL_FATAL(store->ops->backup(store, &image), 0);
        store->ops->close(store);
        world_write(world_path("image.db"), image->bytes, image->size);
        store_image_free(image);
        store = world_open_file(world_path("image.db"), STORE_JOURNAL_ROLLBACK);
        expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
        store->ops->close(store);
    }
}

static void expect_bad_image(struct store_image *image)
{
    CU_ASSERT_EQUAL(store->ops->restore(store, image), E_STORE);
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {1}), "1.4 1.3 1.2 1.1");
}

static void a_damaged_image_is_refused_and_changes_nothing(void)
{
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        store = world_open_file(world_path("victim.db"), (enum store_journal)journal);
        store->ops->clear(store);
        fill_log();
        struct store_image *image = NULL;
        CU_ASSERT_EQUAL_FATAL(store->ops->backup(store, &image), 0);
        size_t size = image->size;
        image->size = PAGE_BYTES;
        expect_bad_image(image);
        image->size = size - 1;
        expect_bad_image(image);
        image->size = 0;
        expect_bad_image(image);
        image->size = size;
        static const size_t places[] = {0, 16, 18, 63, 71, 100, PAGE_BYTES, 5 * PAGE_BYTES, 5 * PAGE_BYTES + 5};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) { /* 63: user_version, 71: application_id */
            image->bytes[places[i]] ^= 0xff;
            expect_bad_image(image);
            image->bytes[places[i]] ^= 0xff;
        }
        CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
        store_image_free(image);
        store->ops->close(store);
    }
}

static const struct named_test tests[] = {
    {"a_file_keeps_its_rows_until_it_is_opened_again", a_file_keeps_its_rows_until_it_is_opened_again},
    {"what_was_not_committed_is_gone_when_the_file_is_opened_again",
     what_was_not_committed_is_gone_when_the_file_is_opened_again},
    {"a_store_that_should_be_there_is_not_made", a_store_that_should_be_there_is_not_made},
    {"a_persistent_journal_is_refused", a_persistent_journal_is_refused},
    {"a_file_that_is_no_database_is_refused", a_file_that_is_no_database_is_refused},
    {"a_file_that_cannot_be_opened_is_an_io_error", a_file_that_cannot_be_opened_is_an_io_error},
    {"a_database_of_another_program_is_refused", a_database_of_another_program_is_refused},
    {"a_file_of_another_part_is_refused", a_file_of_another_part_is_refused},
    {"a_newer_schema_version_is_refused", a_newer_schema_version_is_refused},
    {"another_schema_is_refused", another_schema_is_refused},
    {"a_file_in_use_is_refused", a_file_in_use_is_refused},
    {"a_truncated_file_is_refused", a_truncated_file_is_refused},
    {"flipped_bytes_in_the_header_are_refused", flipped_bytes_in_the_header_are_refused},
    {"a_damaged_page_is_refused", a_damaged_page_is_refused},
    {"an_index_that_lacks_an_entry_is_refused", an_index_that_lacks_an_entry_is_refused},
    {"a_value_that_no_store_wrote_is_an_error_of_the_store", a_value_that_no_store_wrote_is_an_error_of_the_store},
    {"an_image_is_a_database_file", an_image_is_a_database_file},
    {"a_damaged_image_is_refused_and_changes_nothing", a_damaged_image_is_refused_and_changes_nothing},
};

int suite_store_open(void);
int suite_store_open(void)
{
    return store_suite("store_open", tests, sizeof tests / sizeof *tests);
}
