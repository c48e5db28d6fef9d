/*
 * test_store_model.c: 20,000 random operations on every store agree with a model that is an array of rows, searched
 * from end to end.
 */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_STEPS 20000
#define MODEL_KEYS 12 /* each column is below this, so that keys and index prefixes collide often */
#define MODEL_ROWS_MAX 400

static const enum store_table model_tables[] = {TABLE_META, TABLE_LOG, TABLE_WAITS, TABLE_MESSAGE, TABLE_DEVICE};
#define MODEL_TABLES (sizeof model_tables / sizeof *model_tables)

struct model_table {
    struct row rows[MODEL_ROWS_MAX];
    size_t count;
};
struct model {
    struct model_table now[MODEL_TABLES], committed[MODEL_TABLES];
    uint64_t random;
    struct collected expected, found;
};

static unsigned draw(struct model *model, unsigned below)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (unsigned)((model->random >> 20) % below);
}

static struct row *model_find(struct model *model, size_t which, const struct row *row)
{
    struct model_table *table = &model->now[which];
    size_t key_bytes = (size_t)store_tables[model_tables[which]].keys * sizeof row->c[0];
    for (size_t i = 0; i < table->count; i++)
        if (memcmp(table->rows[i].c, row->c, key_bytes) == 0)
            return &table->rows[i];
    return NULL;
}

static struct row random_row(struct model *model, enum store_table table)
{
    struct row row = {0};
    for (int c = 0; c < store_tables[table].columns; c++)
        row.c[c] = draw(model, MODEL_KEYS);
    if (store_tables[table].text) {
        row.body.len = (uint8_t)draw(model, SEALED_BYTES_MAX + 1);
        memset(row.body.bytes, (int)draw(model, 256), row.body.len);
    }
    return row;
}

static void model_put(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    struct model_table *table = &model->now[which];
    struct row *old = model_find(model, which, &row);
    if (!old && table->count == MODEL_ROWS_MAX)
        return;
    *(old ? old : &table->rows[table->count++]) = row;
    put(model_tables[which], &row);
}

static void model_del(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    struct model_table *table = &model->now[which];
    struct row *old = model_find(model, which, &row);
    if (old)
        *old = table->rows[--table->count];
    del(model_tables[which], &row);
}

static void model_get(struct model *model, size_t which)
{
    struct row row = random_row(model, model_tables[which]);
    const struct row *expected = model_find(model, which, &row);
    CU_ASSERT_EQUAL(store->ops->get(store, model_tables[which], &row), expected ? 0 : E_NOTFOUND);
    CU_ASSERT(!expected || same_row(model_tables[which], expected, &row));
}

/* The columns that an index sorts by: its own, then those of the primary key that it does not name. */
static int sorted_columns(enum store_table table, int index, int columns[static STORE_COLUMNS_MAX])
{
    int count = 0;
    if (index != INDEX_PRIMARY)
        for (int i = 0; i < store_indexes[index].count; i++)
            columns[count++] = store_indexes[index].columns[i];
    for (int k = 0; k < store_tables[table].keys; k++) {
        bool named = false;
        for (int i = 0; i < count; i++)
            named = named || columns[i] == k;
        if (!named)
            columns[count++] = k;
    }
    return count;
}

static int compare_rows(const struct row *a, const struct row *b, const int *columns, int count)
{
    for (int i = 0; i < count; i++)
        if (a->c[columns[i]] != b->c[columns[i]])
            return a->c[columns[i]] < b->c[columns[i]] ? -1 : 1;
    return 0;
}

static bool in_range(const struct row *row, const struct store_range *range, const int *columns)
{
    for (int i = 0; i < range->given; i++)
        if (row->c[columns[i]] != range->key[i])
            return i >= range->fixed && row->c[columns[i]] > range->key[i];
    return true;
}

/* What the range should give, by insertion sort. */
static void model_scan(struct model *model, size_t which, const struct store_range *range, const int *columns,
                       int column_count)
{
    struct collected *expected = &model->expected;
    expected->count = 0;
    for (size_t i = 0; i < model->now[which].count; i++) {
        const struct row *row = &model->now[which].rows[i];
        if (!in_range(row, range, columns))
            continue;
        size_t at = expected->count++;
        for (; at > 0; at--) {
            int order = compare_rows(row, &expected->rows[at - 1], columns, column_count);
            if ((order > 0) != range->reverse)
                break;
            expected->rows[at] = expected->rows[at - 1];
        }
        expected->rows[at] = *row;
    }
}

static void model_check(struct model *model, size_t which, const struct store_range *range, const int *columns,
                        int column_count)
{
    model_scan(model, which, range, columns, column_count);
    bool same = scan_into(&model->found, range) == model->expected.count;
    for (size_t i = 0; same && i < model->found.count; i++)
        same = same_row(range->table, &model->expected.rows[i], &model->found.rows[i]);
    CU_ASSERT(same);
}

static int random_index(struct model *model, enum store_table table)
{
    int choices[INDEX_COUNT + 1] = {INDEX_PRIMARY};
    unsigned count = 1;
    for (int i = 0; i < INDEX_COUNT; i++)
        if (store_indexes[i].table == table)
            choices[count++] = i;
    return choices[draw(model, count)];
}

static void model_random_scan(struct model *model, size_t which)
{
    int columns[STORE_COLUMNS_MAX];
    struct store_range range = {.table = model_tables[which]};
    range.index = random_index(model, range.table);
    range.reverse = draw(model, 2);
    int count = sorted_columns(range.table, range.index, columns);
    range.given = (int)draw(model, (unsigned)count + 1);
    range.fixed = range.reverse ? range.given : (int)draw(model, (unsigned)range.given + 1);
    for (int i = 0; i < range.given; i++)
        range.key[i] = draw(model, MODEL_KEYS);
    model_check(model, which, &range, columns, count);
}

/* Every table by every order. */
static void model_check_all(struct model *model)
{
    for (size_t which = 0; which < MODEL_TABLES; which++)
        for (int index = INDEX_PRIMARY; index < INDEX_COUNT; index++) {
            if (index != INDEX_PRIMARY && store_indexes[index].table != model_tables[which])
                continue;
            int columns[STORE_COLUMNS_MAX];
            struct store_range range = {.table = model_tables[which], .index = index};
            int count = sorted_columns(range.table, range.index, columns);
            model_check(model, which, &range, columns, count);
        }
}

static void model_end_transaction(struct model *model)
{
    if (draw(model, 2)) {
        commit();
        memcpy(model->committed, model->now, sizeof model->now);
    } else {
        rollback();
        memcpy(model->now, model->committed, sizeof model->now);
    }
    if (draw(model, 4) == 0)
        model_check_all(model);
    if (draw(model, 100) == 0) {
        store->ops->clear(store);
        memset(model->now, 0, sizeof model->now);
        memset(model->committed, 0, sizeof model->committed);
    }
    begin();
}

static void random_operations_agree_with_a_naive_model(void)
{
    struct model *model = base_alloc(sizeof *model);
    model->random = 0x9e3779b97f4a7c15ULL;
    begin();
    for (int step = 0; step < MODEL_STEPS; step++) {
        size_t which = draw(model, MODEL_TABLES);
        unsigned action = draw(model, 100);
        if (action < 50)
            model_put(model, which);
        else if (action < 75)
            model_del(model, which);
        else if (action < 85)
            model_get(model, which);
        else if (action < 98)
            model_random_scan(model, which);
        else
            model_end_transaction(model);
    }
    rollback();
    memcpy(model->now, model->committed, sizeof model->now);
    model_check_all(model);
    free(model);
}

static const struct named_test tests[] = {
    {"random_operations_agree_with_a_naive_model", random_operations_agree_with_a_naive_model},
};

int suite_store_model(void);
int suite_store_model(void)
{
    return store_suites("store_model", tests, sizeof tests / sizeof *tests);
}
