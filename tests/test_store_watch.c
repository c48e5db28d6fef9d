/*
 * test_store_watch.c: what became of a transaction whose commit failed, told by its rows when the store is opened
 * again.
 */
#include "sim/store_watch.h"

#include "tests/store_world.h"

#include <CUnit/CUnit.h>

static unsigned rows, deletions;
static bool dies;

static bool committed(void *ctx)
{
    (void)ctx;
    return dies;
}

static void see(void *ctx, enum store_table table, const struct row *row, bool deleted)
{
    (void)ctx;
    (void)row;
    rows += table == TABLE_LOG;
    deletions += deleted;
}

/* A watch over a store with log rows (1,1) and (1,2). */
static void begin_watch(void)
{
    static const struct watch_options options = {.committed = committed, .row = see};
    rows = deletions = 0;
    dies = false;
    store = store_watch_new(store_mem_open(STORE_MAIN), &options);
    begin();
    put(TABLE_LOG, &(struct row){.c = {1, 1}});
    put(TABLE_LOG, &(struct row){.c = {1, 2}});
    commit();
    CU_ASSERT_EQUAL(rows, 2);
}

/* Row (1,1) changes, (1,2) goes, (1,3) comes. */
static void change(void)
{
    begin();
    put(TABLE_LOG, &(struct row){.c = {1, 1, 7}});
    del(TABLE_LOG, &(struct row){.c = {1, 2}});
    put(TABLE_LOG, &(struct row){.c = {1, 3}});
}

/* The store as it is found after a crash, with these of the three changes. */
static enum watch_outcome found(bool first, bool second, bool third)
{
    struct store *after = store_mem_open(STORE_MAIN);
    CU_ASSERT_EQUAL(after->ops->begin(after), 0);
    after->ops->put(after, TABLE_LOG, &(struct row){.c = {1, 1, first ? 7 : 0}});
    if (!second)
        after->ops->put(after, TABLE_LOG, &(struct row){.c = {1, 2}});
    if (third)
        after->ops->put(after, TABLE_LOG, &(struct row){.c = {1, 3}});
    CU_ASSERT_EQUAL(after->ops->commit(after), 0);
    struct store *before = store_watch_swap(store, after);
    before->ops->close(before);
    enum watch_outcome outcome = WATCH_NOTHING;
    CU_ASSERT_EQUAL(store_watch_outcome(store, &outcome), 0);
    return outcome;
}

static void test_all_none_or_torn(void)
{
    for (unsigned mask = 0; mask < 8; mask++) {
        begin_watch();
        change();
        dies = true;
        CU_ASSERT_EQUAL(store->ops->commit(store), E_IO);
        store->ops->rollback(store);
        enum watch_outcome expected = mask == 7 ? WATCH_COMMITTED : mask == 0 ? WATCH_LOST : WATCH_TORN;
        CU_ASSERT_EQUAL(found(mask & 1, mask & 2, mask & 4), expected);
        store->ops->close(store);
    }
}

static void test_what_was_rolled_back_was_never_asked_for(void)
{
    enum watch_outcome outcome = WATCH_TORN;
    begin_watch();
    change();
    rollback();
    CU_ASSERT_EQUAL(store_watch_outcome(store, &outcome), 0);
    CU_ASSERT_EQUAL(outcome, WATCH_NOTHING);
    CU_ASSERT_EQUAL(rows, 2);
    store->ops->close(store);
}

static void test_rows_are_seen_when_they_are_committed(void)
{
    begin_watch();
    change();
    CU_ASSERT_EQUAL(rows, 2);
    commit();
    CU_ASSERT_EQUAL(rows, 5);
    CU_ASSERT_EQUAL(deletions, 1);
    begin();
    put(TABLE_LOG, &(struct row){.c = {2, 1}});
    del(TABLE_LOG, &(struct row){.c = {2, 1}}); /* never there */
    commit();
    CU_ASSERT_EQUAL(rows, 5);
    store->ops->close(store);
}

#define TEST(name) CU_add_test(suite, &#name[5], name)

int suite_store_watch(void);
int suite_store_watch(void)
{
    CU_pSuite suite = CU_add_suite("store_watch", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    TEST(test_all_none_or_torn);
    TEST(test_what_was_rolled_back_was_never_asked_for);
    TEST(test_rows_are_seen_when_they_are_committed);
    return CUE_SUCCESS;
}
