/*
 * test_store_deleted.c: what was deleted is in no byte of a store's files after commit and checkpoint, nor in an image.
 *
 * Bodies are words that occur nowhere else. Rows come and go in a random order, so that the pages of the b-tree split
 * and merge: that is when SQLite's secure_delete leaves copies behind (store_sqlite_scrub.c).
 */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 3000U

static struct row secret_row(uint64_t n, uint64_t *random)
{
    struct row row = {.c = {[MESSAGE_conv] = n % 17, [MESSAGE_id] = n}};
    char word[SEALED_BYTES_MAX + 1];
    int length = snprintf(word, sizeof word, "secret%06u%.*s", (unsigned)n, (int)world_random(random, 30),
                          "..............................");
    row.body.len = (uint8_t)length;
    memcpy(row.body.bytes, word, row.body.len);
    return row;
}

/* The numbers of the secrets that occur: found[n] counts. */
static unsigned *find_secrets(const unsigned char *bytes, size_t size)
{
    unsigned *found = base_alloc(ROWS * sizeof *found);
    const unsigned char *end = bytes + size, *at = bytes;
    while (at && (at = memmem(at, (size_t)(end - at), "secret", 6)) != NULL) {
        unsigned n = 0;
        if (end - at >= 12 && sscanf((const char *)at + 6, "%6u", &n) == 1 && n < ROWS)
            found[n]++;
        at++;
    }
    return found;
}

/* No deleted secret, and each live one `expected` times. */
static void judge(const unsigned char *bytes, size_t size, const bool *live, unsigned expected)
{
    unsigned *found = find_secrets(bytes, size), wrong = 0;
    for (size_t n = 0; n < ROWS; n++)
        wrong += found[n] != (live[n] ? expected : 0);
    CU_ASSERT_EQUAL(wrong, 0);
    free(found);
}

static void judge_file(const char *name, const bool *live, unsigned expected)
{
    size_t size;
    unsigned char *bytes = world_read(world_path(name), &size);
    judge(bytes, size, live, expected);
    free(bytes);
}

static void judge_image(const bool *live)
{
    struct store_image *image = NULL;
    CU_ASSERT_EQUAL_FATAL(store->ops->backup(store, &image), 0);
    judge(image->bytes, image->size, live, 1);
    store_image_free(image);
}

/* Puts every secret once in a random order, deleting four for each ten; live[n] says which are left. */
static void churn(bool *live, uint64_t random)
{
    unsigned order[ROWS];
    for (unsigned n = 0; n < ROWS; n++) {
        unsigned other = (unsigned)world_random(&random, n + 1);
        order[n] = order[other];
        order[other] = n;
    }
    for (unsigned i = 0; i < ROWS; i++) {
        struct row row = secret_row(order[i], &random);
        begin();
        put(TABLE_MESSAGE, &row);
        live[order[i]] = true;
        unsigned victim = order[world_random(&random, i + 1)];
        if (live[victim] && world_random(&random, 10) < 4) {
            row = secret_row(victim, &random);
            del(TABLE_MESSAGE, &row);
            live[victim] = false;
        }
        commit();
    }
}

static void delete_from_a_file(enum store_journal journal)
{
    bool live[ROWS] = {0};
    size_t size;
    store = world_open_file(world_path("deleted.db"), journal);
    churn(live, 0x9e3779b97f4a7c15ULL);
    CU_ASSERT_EQUAL(store->ops->checkpoint(store), 0);
    judge_file("deleted.db", live, 1);
    free(world_read(world_path(journal == STORE_JOURNAL_WAL ? "deleted.db-wal" : "deleted.db-journal"), &size));
    CU_ASSERT_EQUAL(size, 0);
    judge_image(live);

    /* The pages that changed bring nothing back, in the log either. */
    begin();
    for (uint64_t conv = 0; conv < 17; conv++)
        put(TABLE_MESSAGE, &(struct row){.c = {conv, ROWS + conv}});
    commit();
    if (journal == STORE_JOURNAL_WAL) {
        unsigned char *bytes = world_read(world_path("deleted.db-wal"), &size);
        CU_ASSERT(size > 0);
        unsigned *found = find_secrets(bytes, size), dead = 0;
        for (size_t n = 0; n < ROWS; n++)
            dead += !live[n] && found[n];
        CU_ASSERT_EQUAL(dead, 0);
        free(found);
        free(bytes);
    }

    /* And then all the others, one by one. */
    for (unsigned n = 0; n < ROWS; n++)
        if (live[n]) {
            live[n] = false;
            begin();
            del(TABLE_MESSAGE, &(struct row){.c = {n % 17, n}});
            commit();
        }
    CU_ASSERT_EQUAL(store->ops->checkpoint(store), 0);
    judge_file("deleted.db", live, 0);
    store->ops->close(store);
    judge_file("deleted.db", live, 0);
    store = world_open_file(world_path("deleted.db"), journal); /* wiped, and sound */
    store->ops->close(store);
}

static void nothing_deleted_is_left_with_a_log(void)
{
    delete_from_a_file(STORE_JOURNAL_WAL);
}

static void nothing_deleted_is_left_with_a_rollback_journal(void)
{
    delete_from_a_file(STORE_JOURNAL_ROLLBACK);
}

static void nothing_deleted_is_left_in_an_image_of_memory(void)
{
    bool live[ROWS] = {0};
    store = world_open(BACKEND_SQLITE, STORE_MAIN, "");
    churn(live, 77);
    judge_image(live);
    store->ops->close(store);
}

static void a_cleared_file_holds_nothing(void)
{
    for (int journal = STORE_JOURNAL_WAL; journal <= STORE_JOURNAL_ROLLBACK; journal++) {
        bool live[ROWS] = {0};
        store = world_open_file(world_path("cleared.db"), (enum store_journal)journal);
        churn(live, 78);
        store->ops->clear(store);
        memset(live, 0, sizeof live);
        judge_file("cleared.db", live, 0);
        size_t size;
        free(world_read(world_path("cleared.db-wal"), &size));
        CU_ASSERT_EQUAL(size, 0);
        store->ops->close(store);
    }
}

static const struct named_test tests[] = {
    {"nothing_deleted_is_left_with_a_log", nothing_deleted_is_left_with_a_log},
    {"nothing_deleted_is_left_with_a_rollback_journal", nothing_deleted_is_left_with_a_rollback_journal},
    {"nothing_deleted_is_left_in_an_image_of_memory", nothing_deleted_is_left_in_an_image_of_memory},
    {"a_cleared_file_holds_nothing", a_cleared_file_holds_nothing},
};

int suite_store_deleted(void);
int suite_store_deleted(void)
{
    return store_suite("store_deleted", tests, sizeof tests / sizeof *tests);
}
