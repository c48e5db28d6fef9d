/*
 * test_store_twins.c: every kind of SQLite store and the memory store are told the same: thousands of random operations
 * on every table of a part, with transactions, rollbacks, clears and restores. Every status, row, order and dump must
 * be the same. Numbers are small, so that keys collide, or lie around 2^63.
 */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWINS_STEPS 12000

struct twins {
    struct store *a, *b;
    struct store_image *image_a, *image_b;
    bool in_transaction;
    uint64_t random;
    struct collected rows_a, rows_b;
    int tables[TABLE_COUNT], table_count;
    unsigned mismatches;
};

static void expect_same(struct twins *twins, bool same)
{
    if (!same)
        twins->mismatches++;
}

static void same_dumps(struct twins *twins)
{
    char *a = world_dump(twins->a), *b = world_dump(twins->b);
    expect_same(twins, strcmp(a, b) == 0);
    free(a);
    free(b);
}

static void write_row(struct twins *twins, enum store_table table, bool put_it)
{
    struct row row = world_random_row(&twins->random, table);
    int a, b;
    if (put_it) {
        a = twins->a->ops->put(twins->a, table, &row);
        b = twins->b->ops->put(twins->b, table, &row);
    } else {
        a = twins->a->ops->del(twins->a, table, &row);
        b = twins->b->ops->del(twins->b, table, &row);
    }
    expect_same(twins, a == b && a == (twins->in_transaction ? 0 : E_INVALID));
}

static void read_row(struct twins *twins, enum store_table table)
{
    struct row a = world_random_row(&twins->random, table), b = a;
    int status_a = twins->a->ops->get(twins->a, table, &a), status_b = twins->b->ops->get(twins->b, table, &b);
    expect_same(twins, status_a == status_b && memcmp(&a, &b, sizeof a) == 0);
}

/* As many columns as the order has: its own, then those of the primary key that an index does not name. */
static int order_columns(enum store_table table, int index)
{
    int count = store_tables[table].keys;
    for (int i = 0; index != INDEX_PRIMARY && i < store_indexes[index].count; i++)
        if (store_indexes[index].columns[i] >= store_tables[table].keys)
            count++;
    return count;
}

static void scan_range(struct twins *twins, enum store_table table)
{
    struct store_range range = {.table = table, .index = INDEX_PRIMARY};
    for (int i = 0; i < INDEX_COUNT; i++)
        if (store_indexes[i].table == table && world_random(&twins->random, 2))
            range.index = i;
    struct row keys = world_random_row(&twins->random, TABLE_LOG);
    memcpy(range.key, keys.c, sizeof range.key);
    range.reverse = world_random(&twins->random, 2);
    range.given = (int)world_random(&twins->random, (uint64_t)order_columns(table, range.index) + 1);
    range.fixed = range.reverse ? range.given : (int)world_random(&twins->random, (uint64_t)range.given + 1);
    twins->rows_a.count = twins->rows_b.count = 0;
    int a = twins->a->ops->scan(twins->a, &range, collect, &twins->rows_a);
    int b = twins->b->ops->scan(twins->b, &range, collect, &twins->rows_b);
    expect_same(twins,
                a == b && twins->rows_a.count == twins->rows_b.count &&
                    memcmp(twins->rows_a.rows, twins->rows_b.rows, twins->rows_a.count * sizeof(struct row)) == 0);
}

static void restore_both(struct twins *twins)
{
    if (!twins->image_a)
        return;
    expect_same(twins, twins->a->ops->restore(twins->a, twins->image_a) == 0 &&
                           twins->b->ops->restore(twins->b, twins->image_b) == 0);
}

static void back_up_both(struct twins *twins)
{
    store_image_free(twins->image_a);
    store_image_free(twins->image_b);
    twins->image_a = twins->image_b = NULL;
    expect_same(twins, twins->a->ops->backup(twins->a, &twins->image_a) == 0 &&
                           twins->b->ops->backup(twins->b, &twins->image_b) == 0);
}

/* Between two transactions: sometimes something rarer than the next. */
static void between(struct twins *twins)
{
    uint64_t what = world_random(&twins->random, 40);
    if (what == 0)
        back_up_both(twins);
    else if (what == 1)
        restore_both(twins);
    else if (what == 2)
        expect_same(twins, twins->b->ops->checkpoint(twins->b) == 0);
    else if (what == 3 && world_random(&twins->random, 3) == 0) {
        twins->a->ops->clear(twins->a);
        twins->b->ops->clear(twins->b);
    }
    if (what < 6)
        same_dumps(twins);
}

static void begin_or_end(struct twins *twins)
{
    int a, b;
    if (!twins->in_transaction) {
        between(twins);
        a = twins->a->ops->begin(twins->a);
        b = twins->b->ops->begin(twins->b);
    } else if (world_random(&twins->random, 3)) {
        a = twins->a->ops->commit(twins->a);
        b = twins->b->ops->commit(twins->b);
    } else {
        a = twins->a->ops->rollback(twins->a);
        b = twins->b->ops->rollback(twins->b);
    }
    expect_same(twins, a == 0 && b == 0);
    twins->in_transaction = !twins->in_transaction;
}

static void step(struct twins *twins)
{
    enum store_table table =
        (enum store_table)twins->tables[world_random(&twins->random, (uint64_t)twins->table_count)];
    uint64_t action = world_random(&twins->random, 100);
    if (!twins->in_transaction && action < 60)
        begin_or_end(twins);
    else if (action < 50)
        write_row(twins, table, true);
    else if (action < 68)
        write_row(twins, table, false);
    else if (action < 80)
        read_row(twins, table);
    else if (action < 95)
        scan_range(twins, table);
    else if (twins->in_transaction)
        begin_or_end(twins);
}

static struct twins *twins_open(enum backend backend, enum store_part part, uint64_t seed)
{
    struct twins *twins = base_alloc(sizeof *twins);
    twins->random = seed * 0x9e3779b97f4a7c15ULL;
    twins->a = store_mem_open(part);
    twins->b = world_open(backend, part, "twin.db");
    for (int t = 0; t < TABLE_COUNT; t++)
        if (store_tables[t].part == part)
            twins->tables[twins->table_count++] = t;
    return twins;
}

static void twins_close(struct twins *twins)
{
    CU_ASSERT_EQUAL(twins->mismatches, 0);
    store_image_free(twins->image_a);
    store_image_free(twins->image_b);
    twins->a->ops->close(twins->a);
    twins->b->ops->close(twins->b);
    free(twins);
}

static void run(enum backend backend, enum store_part part, uint64_t seed)
{
    struct twins *twins = twins_open(backend, part, seed);
    for (int i = 0; i < TWINS_STEPS; i++)
        step(twins);
    if (twins->in_transaction)
        begin_or_end(twins);
    same_dumps(twins);
    twins_close(twins);
}

static void both_in_memory_agree_on_every_part(void)
{
    for (int part = 0; part < STORE_PARTS; part++)
        run(BACKEND_SQLITE, (enum store_part)part, 1 + (uint64_t)part);
    run(BACKEND_SQLITE, STORE_MAIN, 99);
}

static void memory_and_a_file_with_a_log_agree(void)
{
    run(BACKEND_WAL, STORE_MAIN, 5);
}

static void memory_and_a_file_with_a_rollback_journal_agree(void)
{
    run(BACKEND_ROLLBACK, STORE_MAIN, 6);
}

/* What came before a clear must not be seen in anything that comes after it. */
static void a_cleared_store_behaves_as_a_fresh_one(void)
{
    for (int backend = 0; backend < BACKENDS; backend++) {
        struct twins *twins = twins_open((enum backend)backend, STORE_MAIN, 7);
        struct store *used = twins->b;
        uint64_t random = twins->random;
        begin_or_end(twins);
        for (int i = 0; i < 2000; i++)
            write_row(twins, (enum store_table)twins->tables[i % twins->table_count], i % 5 != 0);
        twins->a->ops->clear(twins->a);
        used->ops->clear(used);
        same_dumps(twins);
        twins->in_transaction = false;
        twins->random = random;
        for (int i = 0; i < 2000; i++)
            step(twins);
        twins_close(twins);
    }
}

static const struct named_test tests[] = {
    {"both_in_memory_agree_on_every_part", both_in_memory_agree_on_every_part},
    {"memory_and_a_file_with_a_log_agree", memory_and_a_file_with_a_log_agree},
    {"memory_and_a_file_with_a_rollback_journal_agree", memory_and_a_file_with_a_rollback_journal_agree},
    {"a_cleared_store_behaves_as_a_fresh_one", a_cleared_store_behaves_as_a_fresh_one},
};

int suite_store_twins(void);
int suite_store_twins(void)
{
    return store_suite("store_twins", tests, sizeof tests / sizeof *tests);
}
