/* test_store_image.c: backup and restore of every store, through struct store_ops alone. */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_image *backup(void)
{
    struct store_image *image = NULL;
    CU_ASSERT_EQUAL(store->ops->backup(store, &image), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    CU_ASSERT_PTR_EQUAL(image->ops, store->ops);
    CU_ASSERT_EQUAL(image->part, store->part);
    return image;
}

/* Fifty rows in every table. */
static void fill_everything(uint64_t seed)
{
    begin();
    for (int t = 0; t < TABLE_COUNT; t++)
        for (int i = 0; i < 50 && store_tables[t].part == store->part; i++) {
            struct row row = world_random_row(&seed, (enum store_table)t);
            put((enum store_table)t, &row);
        }
    commit();
}

static void expect_dump(const char *expected)
{
    char *found = world_dump(store);
    CU_ASSERT_STRING_EQUAL(found, expected);
    free(found);
}

static void restore_brings_back_what_was_committed(void)
{
    fill_everything(11);
    char *before = world_dump(store);
    struct store_image *image = backup();
    fill_everything(12);
    fill_log();
    CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
    expect_dump(before);
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 1, .given = 1, .key = {7}), "");
    store_image_free(image);
    expect_dump(before);
    fill_log(); /* and the store goes on */
    expect_log(LOG_RANGE(.index = INDEX_LOG_BY_TARGET, .fixed = 2, .given = 2, .key = {2, 8}), "2.2");
    free(before);
}

static void an_image_can_be_restored_twice_and_elsewhere(void)
{
    fill_everything(13);
    char *before = world_dump(store);
    struct store_image *image = backup();
    store->ops->clear(store);
    CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
    expect_dump(before);
    store->ops->clear(store);
    expect_dump("");
    CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
    expect_dump(before);
    if (!image->bytes) {
        struct store *other = store_mem_open(STORE_MAIN);
        CU_ASSERT_EQUAL(other->ops->restore(other, image), 0);
        char *found = world_dump(other);
        CU_ASSERT_STRING_EQUAL(found, before);
        free(found);
        other->ops->close(other);
    }
    store_image_free(image);
    free(before);
}

static void an_image_of_an_empty_store_empties(void)
{
    struct store_image *image = backup();
    fill_everything(14);
    CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
    expect_dump("");
    store_image_free(image);
    store_image_free(NULL);
}

static void images_are_made_and_restored_between_transactions(void)
{
    struct store_image *image = backup(), *none = NULL;
    begin();
    CU_ASSERT_EQUAL(store->ops->backup(store, &none), E_INVALID);
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_EQUAL(store->ops->restore(store, image), E_INVALID);
    CU_ASSERT_EQUAL(store->ops->checkpoint(store), E_INVALID);
    put(TABLE_META, &(struct row){.c = {1, 10}});
    commit();
    expect_meta(1, 0, 10);
    store_image_free(image);
}

static void an_image_of_another_kind_or_part_is_invalid(void)
{
    struct store_sqlite_options in_memory = {.part = STORE_MAIN};
    char error[256];
    struct store *other = NULL;
    if (strcmp(store->ops->name, "memory") == 0) {
        CU_ASSERT_EQUAL(store_sqlite_open(&in_memory, &other, error, sizeof error), 0);
    } else {
        other = store_mem_open(STORE_MAIN);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    struct store_image *image = NULL;
    CU_ASSERT_EQUAL(other->ops->backup(other, &image), 0);
    fill_log();
    CU_ASSERT_EQUAL(store->ops->restore(store, image), E_INVALID);
    store_image_free(image);
    other->ops->close(other);

    image = backup();
    image->part = STORE_VAULT;
    CU_ASSERT_EQUAL(store->ops->restore(store, image), E_INVALID);
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
    store_image_free(image);
}

static const struct named_test tests[] = {
    {"restore_brings_back_what_was_committed", restore_brings_back_what_was_committed},
    {"an_image_can_be_restored_twice_and_elsewhere", an_image_can_be_restored_twice_and_elsewhere},
    {"an_image_of_an_empty_store_empties", an_image_of_an_empty_store_empties},
    {"images_are_made_and_restored_between_transactions", images_are_made_and_restored_between_transactions},
    {"an_image_of_another_kind_or_part_is_invalid", an_image_of_another_kind_or_part_is_invalid},
};

int suite_store_image(void);
int suite_store_image(void)
{
    return store_suites("store_image", tests, sizeof tests / sizeof *tests);
}
