/*
 * store_mem.c: the memory store.
 *
 * A row is one node of its table: a link into the table's primary tree, the row as words, and a link into the tree of
 * each index. The primary link's key is the row itself, whose first columns are the primary key; an index link has a
 * copy of the columns it sorts by. So a search reads words beside the pointers it follows, and order depends on nothing
 * but key values. A row's words are its columns and, in a table with text, a word of length and form and
 * SEALED_BYTES_MAX bytes padded with zeros.
 *
 * SHAPE_LOG tables use the same trees. A ring per owner would make an append cheaper, but would need an ordered map of
 * the owners, and the three indexes of a user's log, which cost more than its primary key, would be trees all the same.
 * SHAPE_DENSE is treated alike. Deleting a range takes O(log rows) a row and returns the nodes to the free list.
 *
 *   put, del  push what they destroy onto the undo log: the old row, or the key of a new one.
 *   commit    forgets the undo log; rollback replays it from the end.
 *   clear     forgets every row but keeps slabs and undo log: O(tables), whatever the number of rows. It ends a
 *             transaction.
 *   backup    fails within a transaction (E_INVALID), and so does restore. An image's copy is words: for each table in
 *             order the number of rows, then the rows by ascending key. It has no bytes: nothing here is a file.
 *   checkpoint is nothing: what is deleted leaves no log behind.
 *
 * Outside a transaction put, del, commit and rollback return E_INVALID. A nested begin, a table of another part and
 * a visit that changes the table it scans are programmer errors. get leaves the columns that the table does not have as
 * they were; scan shows zeros there.
 *
 * A body of length 0 has form 0, whatever was put: the SQLite store keeps no form without bytes.
 *
 * Limits: memory grows with the rows and with the longest transaction, and shrinks only at close.
 */
#include "core/store.h"
#include "core/store_sql.h"
#include "core/store_tree.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_INDEXES_MAX 4
#define SLAB_ROWS_MIN 16
#define SLAB_DOUBLINGS_MAX 7 /* slabs grow from 16 to 2048 rows */
#define TEXT_WORDS (1 + SEALED_BYTES_MAX / sizeof(uint64_t))
#define ROW_WORDS_MAX (STORE_COLUMNS_MAX + TEXT_WORDS)
#define FORM_SHIFT 8 /* of the form, above the length */

static_assert(SEALED_BYTES_MAX % sizeof(uint64_t) == 0, "a body must fill whole words");

/* One order of a table's rows: by the primary key, or by an index. */
struct ordering {
    struct tree tree;
    size_t offset; /* of its link in a node */
    int columns[STORE_KEYS_MAX];
};

/* Nodes of one size; `used` counts within the current slab, and slabs after it are empty. */
struct slabs {
    char **items;
    size_t count, cap;
    size_t current, used;
    struct link *free; /* chained by the left child */
};

struct mem_table {
    struct ordering orderings[1 + TABLE_INDEXES_MAX]; /* the primary one first, at offset 0 */
    int ordering_count;
    int columns, keys;
    bool text;
    size_t row_words, node_bytes;
    size_t rows;
    int scans; /* under way */
    struct slabs slabs;
};

struct words {
    uint64_t *items;
    size_t count, cap;
};

struct mem_store {
    struct store store;
    bool in_transaction;
    struct mem_table tables[TABLE_COUNT];
    int ordering_of_index[INDEX_COUNT];
    struct words undo; /* records: words, then UNDO_TAG(table, kind) */
};

enum undo_kind { UNDO_REMOVE_KEY, UNDO_RESTORE_ROW };
#define UNDO_TAG(table, kind) ((uint64_t)(table) << 1 | (uint64_t)(kind))

static uint64_t *words_extend(struct words *words, size_t count)
{
    words->items = base_grow(words->items, &words->cap, words->count + count, sizeof *words->items);
    uint64_t *added = words->items + words->count;
    words->count += count;
    return added;
}

/* ---- nodes: a node is addressed by its primary link ---- */

static struct link *node_link(struct link *node, const struct ordering *ordering)
{
    return (struct link *)(void *)((char *)node + ordering->offset);
}

static struct link *node_of(struct link *link, const struct ordering *ordering)
{
    return (struct link *)(void *)((char *)link - ordering->offset);
}

static size_t slab_rows(size_t slab)
{
    return (size_t)SLAB_ROWS_MIN << (slab < SLAB_DOUBLINGS_MAX ? slab : SLAB_DOUBLINGS_MAX);
}

static struct link *node_alloc(struct mem_table *table)
{
    struct slabs *slabs = &table->slabs;
    struct link *node = slabs->free;
    if (node) {
        slabs->free = RB_LEFT(node, entry);
        return node;
    }
    if (slabs->used == slab_rows(slabs->current)) {
        slabs->current++;
        slabs->used = 0;
    }
    if (slabs->current == slabs->count) {
        slabs->items = base_grow(slabs->items, &slabs->cap, slabs->count + 1, sizeof *slabs->items);
        slabs->items[slabs->count++] = base_alloc(slab_rows(slabs->current) * table->node_bytes);
    }
    return (struct link *)(void *)(slabs->items[slabs->current] + slabs->used++ * table->node_bytes);
}

static void node_free(struct mem_table *table, struct link *node)
{
    RB_LEFT(node, entry) = table->slabs.free;
    table->slabs.free = node;
}

/* ---- tables: rows as words ---- */

static void row_to_words(const struct mem_table *table, const struct row *row, uint64_t *words)
{
    memcpy(words, row->c, (size_t)table->columns * sizeof *words);
    if (!table->text)
        return;
    assert(row->body.len <= SEALED_BYTES_MAX && row->body.form <= 1);
    uint64_t *text = words + table->columns;
    memset(text, 0, TEXT_WORDS * sizeof *text);
    if (row->body.len == 0)
        return;
    text[0] = row->body.len | (uint64_t)row->body.form << FORM_SHIFT;
    memcpy(text + 1, row->body.bytes, row->body.len);
}

static void row_from_words(const struct mem_table *table, const uint64_t *words, struct row *row)
{
    memcpy(row->c, words, (size_t)table->columns * sizeof *words);
    row->body.len = row->body.form = 0;
    if (!table->text)
        return;
    row->body.len = (uint8_t)words[table->columns];
    row->body.form = (uint8_t)(words[table->columns] >> FORM_SHIFT);
    memcpy(row->body.bytes, words + table->columns + 1, SEALED_BYTES_MAX);
}

static void table_insert(struct mem_table *table, const uint64_t *words, const struct place *place)
{
    struct link *node = node_alloc(table);
    memcpy(node->key, words, table->row_words * sizeof *words);
    tree_link(&table->orderings[0].tree, node, place);
    for (int o = 1; o < table->ordering_count; o++) {
        struct ordering *ordering = &table->orderings[o];
        struct link *link = node_link(node, ordering);
        for (int i = 0; i < ordering->tree.words; i++)
            link->key[i] = words[ordering->columns[i]];
        tree_insert(&ordering->tree, link);
    }
    table->rows++;
}

/* Gives a node new words under the same primary key, and moves it in the indexes whose key changed. */
static void table_replace(struct mem_table *table, struct link *node, const uint64_t *words)
{
    memcpy(node->key, words, table->row_words * sizeof *words);
    for (int o = 1; o < table->ordering_count; o++) {
        struct ordering *ordering = &table->orderings[o];
        struct link *link = node_link(node, ordering);
        uint64_t key[STORE_KEYS_MAX];
        for (int i = 0; i < ordering->tree.words; i++)
            key[i] = words[ordering->columns[i]];
        if (key_compare(key, link->key, ordering->tree.words) == 0)
            continue;
        tree_remove(&ordering->tree, link);
        memcpy(link->key, key, (size_t)ordering->tree.words * sizeof *key);
        tree_insert(&ordering->tree, link);
    }
}

static void table_remove(struct mem_table *table, struct link *node)
{
    for (int o = 0; o < table->ordering_count; o++)
        tree_remove(&table->orderings[o].tree, node_link(node, &table->orderings[o]));
    node_free(table, node);
    table->rows--;
}

/* ---- the vtable ---- */

static struct mem_store *mem_store_of(struct store *store)
{
    return (struct mem_store *)(void *)store;
}

static struct mem_table *table_of(struct mem_store *mem, enum store_table id)
{
    assert(store_tables[id].part == mem->store.part);
    return &mem->tables[id];
}

static void undo_push(struct mem_store *mem, enum store_table table, enum undo_kind kind, const uint64_t *words)
{
    const struct mem_table *info = &mem->tables[table];
    size_t count = kind == UNDO_REMOVE_KEY ? (size_t)info->keys : info->row_words;
    uint64_t *record = words_extend(&mem->undo, count + 1);
    memcpy(record, words, count * sizeof *words);
    record[count] = UNDO_TAG(table, kind);
}

static void undo_pop(struct mem_store *mem)
{
    uint64_t tag = mem->undo.items[--mem->undo.count];
    struct mem_table *table = &mem->tables[tag >> 1];
    assert(table->scans == 0);
    enum undo_kind kind = (enum undo_kind)(tag & 1);
    mem->undo.count -= kind == UNDO_REMOVE_KEY ? (size_t)table->keys : table->row_words;
    const uint64_t *words = mem->undo.items + mem->undo.count;

    struct place place = {0};
    struct link *node = tree_find(&table->orderings[0].tree, words, &place);
    if (kind == UNDO_REMOVE_KEY) {
        assert(node);
        table_remove(table, node);
    } else if (node) {
        table_replace(table, node, words);
    } else {
        table_insert(table, words, &place);
    }
}

static int mem_begin(struct store *store)
{
    struct mem_store *mem = mem_store_of(store);
    assert(!mem->in_transaction);
    mem->in_transaction = true;
    return 0;
}

static int mem_commit(struct store *store)
{
    struct mem_store *mem = mem_store_of(store);
    if (!mem->in_transaction)
        return E_INVALID;
    mem->in_transaction = false;
    mem->undo.count = 0;
    return 0;
}

static int mem_rollback(struct store *store)
{
    struct mem_store *mem = mem_store_of(store);
    if (!mem->in_transaction)
        return E_INVALID;
    while (mem->undo.count > 0)
        undo_pop(mem);
    mem->in_transaction = false;
    return 0;
}

static int mem_get(struct store *store, enum store_table id, struct row *row)
{
    struct mem_table *table = table_of(mem_store_of(store), id);
    struct place place = {0};
    const struct link *node = tree_find(&table->orderings[0].tree, row->c, &place);
    if (!node)
        return E_NOTFOUND;
    row_from_words(table, node->key, row);
    return 0;
}

static int mem_put(struct store *store, enum store_table id, const struct row *row)
{
    struct mem_store *mem = mem_store_of(store);
    struct mem_table *table = table_of(mem, id);
    assert(table->scans == 0);
    if (!mem->in_transaction)
        return E_INVALID;

    uint64_t words[ROW_WORDS_MAX];
    row_to_words(table, row, words);
    struct place place = {0};
    struct link *node = tree_find(&table->orderings[0].tree, words, &place);
    if (node) {
        undo_push(mem, id, UNDO_RESTORE_ROW, node->key);
        table_replace(table, node, words);
    } else {
        undo_push(mem, id, UNDO_REMOVE_KEY, words);
        table_insert(table, words, &place);
    }
    return 0;
}

static int mem_del(struct store *store, enum store_table id, const struct row *row)
{
    struct mem_store *mem = mem_store_of(store);
    struct mem_table *table = table_of(mem, id);
    assert(table->scans == 0);
    if (!mem->in_transaction)
        return E_INVALID;

    struct place place = {0};
    struct link *node = tree_find(&table->orderings[0].tree, row->c, &place);
    if (node) {
        undo_push(mem, id, UNDO_RESTORE_ROW, node->key);
        table_remove(table, node);
    }
    return 0;
}

static int mem_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx)
{
    struct mem_store *mem = mem_store_of(store);
    struct mem_table *table = table_of(mem, range->table);
    assert(range->index == INDEX_PRIMARY || store_indexes[range->index].table == range->table);
    int which = range->index == INDEX_PRIMARY ? 0 : mem->ordering_of_index[range->index];
    struct ordering *ordering = &table->orderings[which];
    assert(0 <= range->fixed && range->fixed <= range->given && range->given <= ordering->tree.words);
    assert(!range->reverse || range->given == range->fixed);

    struct row row = {0};
    struct link *link = range->reverse ? tree_last_at_most(&ordering->tree, range->key, range->fixed)
                                       : tree_first_at_least(&ordering->tree, range->key, range->given);
    int status = 0;
    table->scans++;
    while (status == 0 && link && key_compare(link->key, range->key, range->fixed) == 0) {
        row_from_words(table, node_of(link, ordering)->key, &row);
        status = visit(ctx, &row);
        link = range->reverse ? tree_previous(link) : tree_next(link);
    }
    table->scans--;
    return status < 0 ? status : 0;
}

/* ---- clearing ---- */

static void mem_clear(struct store *store)
{
    struct mem_store *mem = mem_store_of(store);
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct mem_table *table = &mem->tables[t];
        assert(table->scans == 0);
        for (int o = 0; o < table->ordering_count; o++)
            tree_clear(&table->orderings[o].tree);
        table->rows = 0;
        table->slabs.current = table->slabs.used = 0;
        table->slabs.free = NULL;
    }
    mem->undo.count = 0;
    mem->in_transaction = false;
}

/* ---- backup ---- */

static int mem_backup(struct store *store, struct store_image **out)
{
    struct mem_store *mem = mem_store_of(store);
    if (mem->in_transaction)
        return E_INVALID;
    struct words *words = base_alloc(sizeof *words);
    for (int t = 0; t < TABLE_COUNT; t++) {
        const struct mem_table *table = &mem->tables[t];
        *words_extend(words, 1) = table->rows;
        struct link *node = tree_first_at_least(&table->orderings[0].tree, NULL, 0);
        for (; node; node = tree_next(node))
            memcpy(words_extend(words, table->row_words), node->key, table->row_words * sizeof *node->key);
    }
    struct store_image *image = base_alloc(sizeof *image);
    *image = (struct store_image){.ops = store->ops, .part = store->part, .copy = words};
    *out = image;
    return 0;
}

static int mem_restore(struct store *store, const struct store_image *image)
{
    struct mem_store *mem = mem_store_of(store);
    if (mem->in_transaction || image->ops != store->ops || image->part != store->part)
        return E_INVALID;
    mem_clear(store);
    const uint64_t *words = ((const struct words *)image->copy)->items;
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct mem_table *table = &mem->tables[t];
        for (uint64_t rows = *words++; rows > 0; rows--, words += table->row_words) {
            struct place place = {0};
            struct link *twin = tree_find(&table->orderings[0].tree, words, &place);
            assert(!twin);
            table_insert(table, words, &place);
        }
    }
    return 0;
}

static void mem_image_free(struct store_image *image)
{
    struct words *words = image->copy;
    free(words->items);
    free(words);
    free(image);
}

static int mem_checkpoint(struct store *store)
{
    return mem_store_of(store)->in_transaction ? E_INVALID : 0;
}

/* ---- opening, closing ---- */

static void mem_close(struct store *store)
{
    struct mem_store *mem = mem_store_of(store);
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct slabs *slabs = &mem->tables[t].slabs;
        for (size_t i = 0; i < slabs->count; i++)
            free(slabs->items[i]);
        free(slabs->items);
    }
    free(mem->undo.items);
    free(mem);
}

static void table_init(struct mem_table *table, enum store_table id)
{
    const struct store_table_info *info = &store_tables[id];
    assert(info->columns <= STORE_COLUMNS_MAX && info->keys <= STORE_KEYS_MAX);
    table->columns = info->columns;
    table->keys = info->keys;
    table->text = info->text;
    table->row_words = (size_t)info->columns + (info->text ? TEXT_WORDS : 0);
    table->node_bytes = sizeof(struct link) + table->row_words * sizeof(uint64_t);
    table->ordering_count = 1;
    table->orderings[0].tree.words = store_order(id, INDEX_PRIMARY, table->orderings[0].columns);
}

static int table_add_index(struct mem_table *table, enum store_index index)
{
    assert(table->ordering_count <= TABLE_INDEXES_MAX);
    struct ordering *ordering = &table->orderings[table->ordering_count];
    ordering->tree.words = store_order(store_indexes[index].table, (int)index, ordering->columns);
    ordering->offset = table->node_bytes;
    table->node_bytes += sizeof(struct link) + (size_t)ordering->tree.words * sizeof(uint64_t);
    return table->ordering_count++;
}

static const struct store_ops mem_ops = {
    .name = "memory",
    .begin = mem_begin,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .get = mem_get,
    .put = mem_put,
    .del = mem_del,
    .scan = mem_scan,
    .backup = mem_backup,
    .restore = mem_restore,
    .image_free = mem_image_free,
    .checkpoint = mem_checkpoint,
    .clear = mem_clear,
    .close = mem_close,
};

struct store *store_mem_open(enum store_part part)
{
    struct mem_store *mem = base_alloc(sizeof *mem);
    mem->store = (struct store){&mem_ops, part};
    for (int t = 0; t < TABLE_COUNT; t++)
        table_init(&mem->tables[t], (enum store_table)t);
    for (int i = 0; i < INDEX_COUNT; i++)
        mem->ordering_of_index[i] = table_add_index(&mem->tables[store_indexes[i].table], (enum store_index)i);
    return &mem->store;
}
