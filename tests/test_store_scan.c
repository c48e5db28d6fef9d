/* test_store_scan.c: what a scan of every store gives, and in which order. */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void numbers_from_2_to_the_63_come_after_those_below(void)
{
    static const uint64_t numbers[] = {0, 9, INT64_MAX - 1ULL, INT64_MAX, 1ULL << 63, (1ULL << 63) + 1, TIME_NEVER};
    const size_t count = sizeof numbers / sizeof *numbers;
    struct collected found;
    begin();
    for (size_t i = 0; i < count; i++) {
        size_t n = (i * 3) % count; /* in no order */
        put(TABLE_TIMER, &(struct row){.c = {numbers[n], 1, n}});
        put(TABLE_MESSAGE, &(struct row){.c = {n, numbers[n]}});
    }
    commit();
    for (size_t from = 0; from < count; from++) {
        struct store_range timers = {.table = TABLE_TIMER, .index = INDEX_PRIMARY, .given = 1, .key = {numbers[from]}};
        CU_ASSERT_EQUAL(scan_into(&found, &timers), count - from);
        for (size_t i = 0; i < found.count; i++)
            CU_ASSERT_EQUAL(found.rows[i].c[TIMER_due], numbers[from + i]);
        struct store_range by_id = {TABLE_MESSAGE, INDEX_MESSAGE_BY_ID, 0, 1, {numbers[from]}, false};
        CU_ASSERT_EQUAL(scan_into(&found, &by_id), count - from);
        CU_ASSERT_EQUAL(found.rows[0].c[MESSAGE_id], numbers[from]);
    }
    struct store_range down = {.table = TABLE_TIMER, .index = INDEX_PRIMARY, .reverse = true};
    CU_ASSERT_EQUAL(scan_into(&found, &down), count);
    for (size_t i = 0; i < found.count; i++)
        CU_ASSERT_EQUAL(found.rows[i].c[TIMER_due], numbers[count - 1 - i]);
}

static int put_and_scan_the_same_again(void *ctx, const struct row *row)
{
    struct collected *inner = ctx;
    CU_ASSERT_EQUAL(scan_into(inner, LOG_RANGE(.index = INDEX_PRIMARY)), 12);
    return store->ops->put(store, TABLE_META, &(struct row){.c = {row->c[LOG_user] * 10 + row->c[LOG_position], 1}});
}

static void a_visit_may_run_the_same_scan(void)
{
    struct collected inner, metas;
    fill_log();
    begin();
    CU_ASSERT_EQUAL(store->ops->scan(store, LOG_RANGE(.index = INDEX_PRIMARY), put_and_scan_the_same_again, &inner), 0);
    commit();
    CU_ASSERT_EQUAL(scan_into(&metas, &(struct store_range){.table = TABLE_META, .index = INDEX_PRIMARY}), 12);
    expect_log(LOG_RANGE(.index = INDEX_PRIMARY), EVERY_LOG_ROW);
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

static const struct named_test tests[] = {
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
    {"numbers_from_2_to_the_63_come_after_those_below", numbers_from_2_to_the_63_come_after_those_below},
    {"a_visit_may_run_the_same_scan", a_visit_may_run_the_same_scan},
    {"first_copies_the_first_row_or_finds_none", first_copies_the_first_row_or_finds_none},
};

int suite_store_scan(void);
int suite_store_scan(void)
{
    return store_suites("store_scan", tests, sizeof tests / sizeof *tests);
}
