/*
 * test_store_faults.c: a call to the file fails, each in its turn: the store says so, and afterwards the file holds the
 * last step that was committed, or the one whose commit failed, and nothing between them.
 */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_fault_vfs.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 2000
#define STEP_ROWS 40

static int open_status(enum store_journal journal)
{
    char error[512];
    struct store_sqlite_options options = world_options(world_path("fault.db"), journal);
    options.vfs = FAULT_VFS;
    options.sync = true;
    int status = store_sqlite_open(&options, &store, error, sizeof error);
    CU_ASSERT((status == 0) == (error[0] == '\0'));
    CU_ASSERT((status == 0) == (store != NULL));
    return status;
}

/* One step: rows in two tables with indexes, some replaced and some deleted. Stops at the first call that fails. */
static int write_step(uint64_t generation)
{
    int status = store->ops->begin(store);
    for (uint64_t i = 0; status == 0 && i < STEP_ROWS; i++) {
        struct row log = log_row(i % 3, i * generation, generation, i),
                   message = {.c = {i % 5, i}, .body = {4, 0, "text"}};
        message.c[MESSAGE_state] = generation;
        status = store->ops->put(store, TABLE_LOG, &log);
        if (status == 0 && i % generation == 0)
            status = store->ops->put(store, TABLE_MESSAGE, &message);
        if (status == 0 && i % 7 == 0)
            status = store->ops->del(store, TABLE_LOG, &(struct row){.c = {i % 3, i}});
    }
    return status;
}

/* A failed store repeats its status until it is rolled back. */
static void expect_repeats(int failed)
{
    struct row row = {.c = {1, 1}};
    CU_ASSERT(failed == E_IO || failed == E_NOMEM || failed == E_STORE);
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_LOG, &row), failed);
    CU_ASSERT_EQUAL(store->ops->put(store, TABLE_LOG, &row), failed);
    CU_ASSERT_EQUAL(store->ops->del(store, TABLE_LOG, &row), failed);
    CU_ASSERT_EQUAL(store->ops->commit(store), failed);
    CU_ASSERT_EQUAL(store->ops->scan(store, LOG_RANGE(.index = INDEX_PRIMARY), collect, NULL), failed);
}

static char *dump_of_steps(uint64_t last)
{
    struct store *kept = store;
    store = store_mem_open(STORE_MAIN);
    for (uint64_t generation = 1; generation <= last; generation++) {
        CU_ASSERT_EQUAL(write_step(generation), 0);
        commit();
    }
    char *dump = world_dump(store);
    store->ops->close(store);
    store = kept;
    return dump;
}

/* Two steps, the fault in the second or in the checkpoint after it. False when it did not fire. */
static bool fail_once(enum store_journal journal, enum fault_call kind, int call, int code, bool lasting)
{
    CU_ASSERT_EQUAL_FATAL(open_status(journal), 0);
    store->ops->clear(store);
    CU_ASSERT_EQUAL(write_step(1), 0);
    commit();
    fault_set(kind, call, code, lasting);
    bool may_be_first = true, may_be_second = false;
    int status = write_step(2);
    if (status == 0) {
        status = store->ops->commit(store);
        may_be_second = true;
        may_be_first = status != 0;
    }
    if (status == 0)
        status = store->ops->checkpoint(store);
    if (status) {
        expect_repeats(status);
        store->ops->rollback(store);
    }
    if (lasting)
        store->ops->close(store); /* which can write no more */
    bool fired = fault_clear();
    CU_ASSERT(fired || status == 0);
    if (!lasting)
        store->ops->close(store);

    CU_ASSERT_EQUAL_FATAL(open_status(journal), 0);
    char *found = world_dump(store), *first = dump_of_steps(1), *second = dump_of_steps(2);
    CU_ASSERT((may_be_first && strcmp(found, first) == 0) || (may_be_second && strcmp(found, second) == 0));
    free(found);
    free(first);
    free(second);
    store->ops->close(store);
    return fired;
}

static void fail_every_call(enum store_journal journal, enum fault_call kind, int code, bool lasting)
{
    fault_register();
    int call = 1;
    while (call < CALLS_MAX && fail_once(journal, kind, call, code, lasting))
        call++;
    CU_ASSERT(call < CALLS_MAX);
    CU_ASSERT(call > 3 || kind != FAULT_WRITE);
}

static void a_failed_write_loses_only_its_step(void)
{
    fail_every_call(STORE_JOURNAL_WAL, FAULT_WRITE, SQLITE_IOERR_WRITE, false);
    fail_every_call(STORE_JOURNAL_ROLLBACK, FAULT_WRITE, SQLITE_IOERR_WRITE, false);
}

static void a_full_disk_loses_only_its_step(void)
{
    fail_every_call(STORE_JOURNAL_WAL, FAULT_WRITE, SQLITE_FULL, false);
    fail_every_call(STORE_JOURNAL_ROLLBACK, FAULT_WRITE, SQLITE_FULL, false);
}

static void a_failed_sync_loses_only_its_step(void)
{
    fail_every_call(STORE_JOURNAL_WAL, FAULT_SYNC, SQLITE_IOERR_FSYNC, false);
    fail_every_call(STORE_JOURNAL_ROLLBACK, FAULT_SYNC, SQLITE_IOERR_FSYNC, false);
}

static void a_crash_at_any_write_loses_only_its_step(void)
{
    fail_every_call(STORE_JOURNAL_WAL, FAULT_WRITE, SQLITE_IOERR_WRITE, true);
    fail_every_call(STORE_JOURNAL_ROLLBACK, FAULT_WRITE, SQLITE_IOERR_WRITE, true);
}

static void a_failed_open_says_so_and_succeeds_later(void)
{
    fault_register();
    for (int kind = FAULT_WRITE; kind <= FAULT_READ; kind++) {
        int call = 1;
        for (bool fired = true; fired && call < CALLS_MAX; call++) {
            remove(world_path("fault.db"));
            fault_set((enum fault_call)kind, call, kind == FAULT_READ ? SQLITE_IOERR_READ : SQLITE_FULL, false);
            int status = open_status(STORE_JOURNAL_WAL);
            if (status == 0)
                store->ops->close(store);
            fired = fault_clear();
            CU_ASSERT(fired || status == 0);
            CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_WAL), 0);
            CU_ASSERT_EQUAL(write_step(1), 0);
            commit();
            store->ops->close(store);
        }
        CU_ASSERT(call < CALLS_MAX);
    }
}

static void a_failed_read_is_never_an_answer(void)
{
    fault_register();
    int call = 1;
    for (bool fired = true; fired && call < CALLS_MAX; call++) {
        CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_ROLLBACK), 0);
        CU_ASSERT_EQUAL(write_step(1), 0);
        commit();
        CU_ASSERT_EQUAL(store->ops->checkpoint(store), 0); /* and forgets the pages it wiped */
        struct collected all, found;
        size_t expected = scan_into(&all, LOG_RANGE(.index = INDEX_LOG_BY_CONV));
        store->ops->close(store);
        CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_ROLLBACK), 0);
        fault_set(FAULT_READ, call, SQLITE_IOERR_READ, false);
        found.count = 0;
        int status = store->ops->scan(store, LOG_RANGE(.index = INDEX_LOG_BY_CONV), collect, &found);
        fired = fault_clear();
        CU_ASSERT(status == (fired ? E_IO : 0));
        CU_ASSERT(fired || found.count == expected);
        store->ops->close(store);
    }
    CU_ASSERT(call < CALLS_MAX);
}

static void a_failed_clear_is_told_by_the_next_call(void)
{
    fault_register();
    CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_ROLLBACK), 0);
    CU_ASSERT_EQUAL(write_step(1), 0);
    commit();
    fault_set(FAULT_WRITE, 1, SQLITE_FULL, false);
    store->ops->clear(store);
    CU_ASSERT(fault_clear());
    CU_ASSERT_EQUAL(store->ops->begin(store), E_IO);
    rollback();
    char *found = world_dump(store), *first = dump_of_steps(1);
    CU_ASSERT_STRING_EQUAL(found, first);
    store->ops->clear(store);
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), "");
    free(found);
    free(first);
    store->ops->close(store);
}

static void a_failed_restore_changes_nothing(void)
{
    fault_register();
    int call = 1;
    for (bool fired = true; fired && call < CALLS_MAX; call++) {
        CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_ROLLBACK), 0);
        store->ops->clear(store);
        struct store_image *image = NULL;
        CU_ASSERT_EQUAL(write_step(2), 0);
        commit();
        CU_ASSERT_EQUAL_FATAL(store->ops->backup(store, &image), 0);
        store->ops->clear(store);
        CU_ASSERT_EQUAL(write_step(1), 0);
        commit();
        fault_set(FAULT_WRITE, call, SQLITE_FULL, false);
        int status = store->ops->restore(store, image);
        fired = fault_clear();
        CU_ASSERT_EQUAL(status, fired ? E_IO : 0);
        if (status)
            rollback();
        store->ops->close(store);
        CU_ASSERT_EQUAL_FATAL(open_status(STORE_JOURNAL_ROLLBACK), 0);
        char *found = world_dump(store), *first = dump_of_steps(1);
        CU_ASSERT_EQUAL(strcmp(found, first) == 0, status != 0);
        free(found);
        free(first);
        store_image_free(image);
        store->ops->close(store);
    }
    CU_ASSERT(call > 5 && call < CALLS_MAX);
}

static const struct named_test tests[] = {
    {"a_failed_write_loses_only_its_step", a_failed_write_loses_only_its_step},
    {"a_full_disk_loses_only_its_step", a_full_disk_loses_only_its_step},
    {"a_failed_sync_loses_only_its_step", a_failed_sync_loses_only_its_step},
    {"a_crash_at_any_write_loses_only_its_step", a_crash_at_any_write_loses_only_its_step},
    {"a_failed_open_says_so_and_succeeds_later", a_failed_open_says_so_and_succeeds_later},
    {"a_failed_read_is_never_an_answer", a_failed_read_is_never_an_answer},
    {"a_failed_clear_is_told_by_the_next_call", a_failed_clear_is_told_by_the_next_call},
    {"a_failed_restore_changes_nothing", a_failed_restore_changes_nothing},
};

int suite_store_faults(void);
int suite_store_faults(void)
{
    return store_suite("store_faults", tests, sizeof tests / sizeof *tests);
}
