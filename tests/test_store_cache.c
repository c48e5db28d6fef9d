/*
 * test_store_cache.c: a SQLite store that remembers its rows answers as the memory store, which has nothing to
 * remember: few keys and few ranges, asked again and again, by visits that stop anywhere, between writes of every kind.
 * And what it remembers goes where it must: with a rollback, a clear, a restore.
 */
#include "core/base.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 30000
#define VALUES 3    /* of a column */
#define MANY 20000U /* more rows than it can remember */

struct pair {
    struct store *memory, *sqlite;
    uint64_t random;
    unsigned mismatches;
    struct collected one, two;
};
struct stop {
    struct collected *collected;
    size_t after;
};

static int collect_some(void *ctx, const struct row *row)
{
    struct stop *stop = ctx;
    int status = collect(stop->collected, row);
    return status ? status : stop->collected->count >= stop->after;
}

static void expect(struct pair *pair, bool same)
{
    pair->mismatches += !same;
}

/* Tables with several orders, a body, and one that is only ever asked for its first row. */
static enum store_table draw_table(struct pair *pair)
{
    static const enum store_table tables[] = {TABLE_DEVICE, TABLE_MESSAGE, TABLE_TIMER, TABLE_LOG, TABLE_MEMBER};
    return tables[world_random(&pair->random, sizeof tables / sizeof *tables)];
}

static struct row draw_row(struct pair *pair, enum store_table table)
{
    struct row row = {0};
    for (int i = 0; i < store_tables[table].columns; i++)
        row.c[i] = world_random(&pair->random, VALUES);
    if (store_tables[table].text && world_random(&pair->random, 2)) {
        row.body.len = (uint8_t)(1 + world_random(&pair->random, 2));
        row.body.bytes[0] = 'a';
    }
    return row;
}

static void write_one(struct pair *pair)
{
    enum store_table table = draw_table(pair);
    struct row row = draw_row(pair, table), was = row;
    uint64_t how = world_random(&pair->random, 4);
    if (how == 0) {
        expect(pair, pair->memory->ops->del(pair->memory, table, &row) == 0);
        expect(pair, pair->sqlite->ops->del(pair->sqlite, table, &row) == 0);
        return;
    }
    if (how == 1 && pair->memory->ops->get(pair->memory, table, &was) == 0) { /* as most writes are: one column */
        int column = (int)world_random(&pair->random, (uint64_t)store_tables[table].columns);
        if (column >= store_tables[table].keys)
            was.c[column] = row.c[column];
        row = was;
    }
    expect(pair, pair->memory->ops->put(pair->memory, table, &row) == 0);
    expect(pair, pair->sqlite->ops->put(pair->sqlite, table, &row) == 0);
}

static void read_one(struct pair *pair)
{
    enum store_table table = draw_table(pair);
    struct row one = draw_row(pair, table), two = one;
    int a = pair->memory->ops->get(pair->memory, table, &one), b = pair->sqlite->ops->get(pair->sqlite, table, &two);
    expect(pair, a == b && memcmp(&one, &two, sizeof one) == 0);
}

static int order_columns(enum store_table table, int index)
{
    int count = store_tables[table].keys;
    for (int i = 0; index != INDEX_PRIMARY && i < store_indexes[index].count; i++)
        count += store_indexes[index].columns[i] >= store_tables[table].keys;
    return count;
}

static void read_range(struct pair *pair)
{
    struct store_range range = {.table = draw_table(pair), .index = INDEX_PRIMARY};
    for (int i = 0; i < INDEX_COUNT; i++)
        if (store_indexes[i].table == range.table && world_random(&pair->random, 2))
            range.index = i;
    for (int i = 0; i < STORE_KEYS_MAX; i++)
        range.key[i] = world_random(&pair->random, VALUES);
    int most = order_columns(range.table, range.index);
    range.reverse = world_random(&pair->random, 4) == 0;
    range.fixed = (int)world_random(&pair->random, 3);
    range.fixed = range.fixed < most ? range.fixed : most;
    range.given = range.fixed;
    if (!range.reverse && world_random(&pair->random, 3) == 0)
        range.given += (int)world_random(&pair->random, (uint64_t)(most - range.fixed) + 1);
    size_t after = world_random(&pair->random, 2) ? 1 : 1 + world_random(&pair->random, 20);
    struct stop one = {&pair->one, after}, two = {&pair->two, after};
    pair->one.count = pair->two.count = 0;
    int a = pair->memory->ops->scan(pair->memory, &range, collect_some, &one);
    int b = pair->sqlite->ops->scan(pair->sqlite, &range, collect_some, &two);
    expect(pair, a == 0 && b == 0 && pair->one.count == pair->two.count &&
                     memcmp(pair->one.rows, pair->two.rows, pair->one.count * sizeof(struct row)) == 0);
}

static void end_and_begin(struct pair *pair)
{
    bool commits = world_random(&pair->random, 4) != 0;
    struct store *stores[] = {pair->memory, pair->sqlite};
    for (int i = 0; i < 2; i++)
        expect(pair, (commits ? stores[i]->ops->commit : stores[i]->ops->rollback)(stores[i]) == 0 &&
                         stores[i]->ops->begin(stores[i]) == 0);
}

static void play(struct pair *pair)
{
    expect(pair, pair->memory->ops->begin(pair->memory) == 0 && pair->sqlite->ops->begin(pair->sqlite) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t what = world_random(&pair->random, 20);
        if (what < 6)
            write_one(pair);
        else if (what < 10)
            read_one(pair);
        else if (what < 19)
            read_range(pair);
        else
            end_and_begin(pair);
    }
    expect(pair, pair->memory->ops->commit(pair->memory) == 0 && pair->sqlite->ops->commit(pair->sqlite) == 0);
}

static struct store *open_file(const char *name, bool uncached)
{
    struct store_sqlite_options options = world_options(world_path(name), STORE_JOURNAL_WAL);
    char error[256];
    struct store *opened = NULL;
    options.uncached = uncached;
    CU_ASSERT_EQUAL_FATAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    return opened;
}

static void expect_same_dump(struct pair *pair)
{
    char *one = world_dump(pair->memory), *two = world_dump(pair->sqlite);
    CU_ASSERT_STRING_EQUAL(one, two);
    free(one);
    free(two);
}

static void run(bool uncached, uint64_t seed)
{
    struct pair *pair = base_alloc(sizeof *pair);
    pair->random = seed;
    pair->memory = store_mem_open(STORE_MAIN);
    pair->sqlite = open_file("cached.db", uncached);
    play(pair);
    CU_ASSERT_EQUAL(pair->mismatches, 0);
    pair->sqlite->ops->close(pair->sqlite);
    pair->sqlite = open_file("cached.db", true); /* what was really written */
    expect_same_dump(pair);
    pair->sqlite->ops->close(pair->sqlite);
    pair->memory->ops->close(pair->memory);
    free(pair);
    remove(world_path("cached.db"));
}

static void what_is_remembered_is_what_is_there(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(false, seed);
}

static void a_store_that_remembers_nothing_says_the_same(void)
{
    run(true, 4);
}

/* ---- what makes it forget ---- */

static uint64_t value_of(uint64_t key)
{
    struct row row = {.c = {[META_key] = key}};
    return store->ops->get(store, TABLE_META, &row) == 0 ? row.c[META_value] : 0;
}

static uint64_t first_value(void)
{
    struct store_range range = {.table = TABLE_META, .index = INDEX_PRIMARY};
    struct row row;
    return store_first(store, &range, &row) == 0 ? row.c[META_value] : 0;
}

static void put_value(uint64_t value)
{
    struct row row = {.c = {[META_key] = 1, [META_value] = value}};
    begin();
    put(TABLE_META, &row);
    CU_ASSERT_EQUAL(value_of(1), value);
    CU_ASSERT_EQUAL(first_value(), value);
}

static void a_rollback_a_restore_and_a_clear_are_not_overlooked(void)
{
    struct store_image *image = NULL;
    store = open_file("forget.db", false);
    put_value(7);
    commit();
    CU_ASSERT_EQUAL(store->ops->backup(store, &image), 0);
    put_value(8);
    rollback();
    CU_ASSERT_EQUAL(value_of(1), 7);
    CU_ASSERT_EQUAL(first_value(), 7);
    put_value(9);
    commit();
    CU_ASSERT_EQUAL(store->ops->restore(store, image), 0);
    CU_ASSERT_EQUAL(value_of(1), 7);
    CU_ASSERT_EQUAL(first_value(), 7);
    store->ops->clear(store);
    CU_ASSERT_EQUAL(value_of(1), 0);
    CU_ASSERT_EQUAL(first_value(), 0);
    store_image_free(image);
    store->ops->close(store);
}

/* A table that was empty is known whole only until a row of it is forgotten. */
static void more_rows_than_it_can_remember_are_all_there(void)
{
    store = open_file("many.db", false);
    begin();
    for (uint64_t key = 1; key <= MANY; key++)
        put(TABLE_META, &(struct row){.c = {[META_key] = key, [META_value] = 2 * key}});
    unsigned wrong = 0;
    for (uint64_t key = 1; key <= MANY; key++)
        wrong += value_of(key) != 2 * key;
    for (uint64_t key = 1; key <= MANY; key += 2)
        put(TABLE_META, &(struct row){.c = {[META_key] = key, [META_value] = 3 * key}});
    for (uint64_t key = 1; key <= MANY; key += 7)
        del(TABLE_META, &(struct row){.c = {[META_key] = key}});
    commit();
    for (uint64_t key = 1; key <= MANY; key++)
        wrong += value_of(key) != (key % 7 == 1 ? 0 : key % 2 ? 3 * key : 2 * key);
    CU_ASSERT_EQUAL(wrong, 0);
    store->ops->close(store);
}

/* A visit may ask what it likes, the same range too. */
static int ask_within(void *ctx, const struct row *row)
{
    struct collected inner = {.count = 0};
    struct store_range range = {.table = TABLE_LOG, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = row->c[LOG_user];
    CU_ASSERT_EQUAL(store->ops->scan(store, &range, collect, &inner), 0);
    CU_ASSERT_EQUAL(inner.count, 4);
    ++*(int *)ctx;
    return 0;
}

static void a_range_may_be_asked_for_while_it_is_told(void)
{
    struct store_range range = {.table = TABLE_LOG, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {2}};
    store = open_file("nested.db", false);
    fill_log();
    for (int again = 0; again < 3; again++) {
        int count = 0;
        CU_ASSERT_EQUAL(store->ops->scan(store, &range, ask_within, &count), 0);
        CU_ASSERT_EQUAL(count, 4);
    }
    store->ops->close(store);
}

static const struct named_test tests[] = {
    {"what_is_remembered_is_what_is_there", what_is_remembered_is_what_is_there},
    {"a_store_that_remembers_nothing_says_the_same", a_store_that_remembers_nothing_says_the_same},
    {"a_rollback_a_restore_and_a_clear_are_not_overlooked", a_rollback_a_restore_and_a_clear_are_not_overlooked},
    {"more_rows_than_it_can_remember_are_all_there", more_rows_than_it_can_remember_are_all_there},
    {"a_range_may_be_asked_for_while_it_is_told", a_range_may_be_asked_for_while_it_is_told},
};

int suite_store_cache(void);
int suite_store_cache(void)
{
    return store_suite("store_cache", tests, sizeof tests / sizeof *tests);
}
