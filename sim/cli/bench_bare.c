/*
 * bench_bare.c: what the same rows cost without a store.
 *
 * Memory: a red-black tree of row pointers for each order of a table, one malloc a row; no transactions, no undo, no
 * shapes. SQLite: the statements' text is the store's, as are the settings of a connection; a word is bound as an
 * integer, or as 8 bytes from 2^63 on, and every column of a row that is read is fetched. A row is written by the
 * statement that a person would choose who knows what is there: INSERT, or UPDATE of what differs, or none. Ranges are
 * read as far as the recorded scan did.
 */
#include "sim/cli/bench_bare.h"

#include "core/store_sqlite.h"
#include "core/store_tree.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS_MAX (1 + INDEX_COUNT)
#define TABLE_ORDERS_MAX 8 /* of one table: its primary key and its indexes */

/* ---- plain trees ---- */

struct bare_row {
    struct row row;
    struct link *links[TABLE_ORDERS_MAX]; /* each with its key, and one more word: where its row is */
};
struct bare_order {
    struct tree tree;
    int columns[STORE_KEYS_MAX];
};
struct bare_table {
    struct bare_order orders[TABLE_ORDERS_MAX]; /* the primary key, then its indexes */
    int count;
};

/* The columns that an order sorts by: the index's own, then what it lacks of the primary key. */
static int order_columns(enum store_table table, int index, int columns[STORE_KEYS_MAX])
{
    int count = 0;
    for (int i = 0; index != INDEX_PRIMARY && i < store_indexes[index].count; i++)
        columns[count++] = store_indexes[index].columns[i];
    for (int key = 0; key < store_tables[table].keys; key++) {
        bool named = false;
        for (int i = 0; i < count; i++)
            named = named || columns[i] == key;
        if (!named)
            columns[count++] = key;
    }
    return count;
}

static void make_tables(struct bare_table tables[TABLE_COUNT], int place[INDEX_COUNT])
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct bare_order *primary = &tables[t].orders[tables[t].count++];
        primary->tree.words = order_columns((enum store_table)t, INDEX_PRIMARY, primary->columns);
    }
    for (int i = 0; i < INDEX_COUNT; i++) {
        struct bare_table *table = &tables[store_indexes[i].table];
        assert(table->count < TABLE_ORDERS_MAX);
        place[i] = table->count;
        struct bare_order *order = &table->orders[table->count++];
        order->tree.words = order_columns(store_indexes[i].table, i, order->columns);
    }
}

static void key_of(const struct bare_order *order, const struct row *row, uint64_t *key)
{
    for (int i = 0; i < order->tree.words; i++)
        key[i] = row->c[order->columns[i]];
}

static struct bare_row *row_of(const struct tree *tree, const struct link *link)
{
    return (struct bare_row *)(uintptr_t)link->key[tree->words];
}

static struct bare_row *find(struct bare_table *table, const struct row *row)
{
    uint64_t key[STORE_KEYS_MAX];
    struct place place;
    key_of(&table->orders[0], row, key);
    struct link *link = tree_find(&table->orders[0].tree, key, &place);
    return link ? row_of(&table->orders[0].tree, link) : NULL;
}

static void insert(struct bare_table *table, struct bare_row *row, int from)
{
    for (int i = from; i < table->count; i++) {
        key_of(&table->orders[i], &row->row, row->links[i]->key);
        tree_insert(&table->orders[i].tree, row->links[i]);
    }
}

static void remove_from(struct bare_table *table, struct bare_row *row, int from)
{
    for (int i = from; i < table->count; i++)
        tree_remove(&table->orders[i].tree, row->links[i]);
}

static void put(struct bare_table *table, const struct row *new)
{
    struct bare_row *row = find(table, new);
    if (row) {
        remove_from(table, row, 1);
        row->row = *new;
        insert(table, row, 1);
        return;
    }
    row = base_alloc(sizeof *row);
    row->row = *new;
    for (int i = 0; i < table->count; i++) {
        int words = table->orders[i].tree.words;
        row->links[i] = base_alloc(sizeof *row->links[i] + ((size_t)words + 1) * sizeof(uint64_t));
        row->links[i]->key[words] = (uintptr_t)row;
    }
    insert(table, row, 0);
}

static void drop(struct bare_table *table, struct bare_row *row)
{
    if (!row)
        return;
    remove_from(table, row, 0);
    for (int i = 0; i < table->count; i++)
        free(row->links[i]);
    free(row);
}

static uint64_t look(struct bare_table *table, int order, const struct store_range *range, uint32_t rows)
{
    const struct tree *tree = &table->orders[order].tree;
    struct link *link = range->reverse ? tree_last_at_most(tree, range->key, range->fixed)
                                       : tree_first_at_least(tree, range->key, range->given);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < rows && link; i++) {
        struct row row = row_of(tree, link)->row;
        sum += row.c[0];
        link = range->reverse ? tree_previous(link) : tree_next(link);
    }
    return sum;
}

static void play_one(struct bare_table *tables, const int *place, const struct tape_call *call, uint64_t *sum)
{
    struct bare_table *table = &tables[call->table];
    struct bare_row *found;
    switch ((enum tape_kind)call->kind) {
        case TAPE_GET:
            found = find(table, &call->of.row);
            *sum += found ? found->row.c[1] : 0;
            break;
        case TAPE_PUT:
            put(table, &call->of.row);
            break;
        case TAPE_DEL:
            drop(table, find(table, &call->of.row));
            break;
        case TAPE_SCAN:
            *sum += look(table, call->of.range.index == INDEX_PRIMARY ? 0 : place[call->of.range.index],
                         &call->of.range, call->rows);
            break;
        default:
            break;
    }
}

uint64_t bare_memory(const struct tape *tape, size_t steps)
{
    struct bare_table *tables = base_alloc(TABLE_COUNT * sizeof *tables);
    int place[INDEX_COUNT];
    make_tables(tables, place);
    size_t count = steps ? tape->steps[steps - 1].calls_end : 0;
    volatile uint64_t sink;
    uint64_t sum = 0, began = bench_now_ns(false);
    for (size_t i = 0; i < count; i++)
        play_one(tables, place, &tape->calls[i], &sum);
    uint64_t took = bench_now_ns(false) - began;
    sink = sum; /* or the reads would be no work */
    (void)sink;
    for (int t = 0; t < TABLE_COUNT; t++)
        for (struct link *link; (link = tree_first_at_least(&tables[t].orders[0].tree, NULL, 0)) != NULL;)
            drop(&tables[t], row_of(&tables[t].orders[0].tree, link));
    free(tables);
    return took;
}

/* ---- prepared statements ---- */

#define ENDS (STORE_KEYS_MAX + 2) /* given, or reverse */

struct bare_db {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit;
    sqlite3_stmt *rows[TABLE_COUNT][ROW_STATEMENTS];
    sqlite3_stmt *scans[TABLE_COUNT + INDEX_COUNT][STORE_KEYS_MAX + 1][ENDS];
};

static sqlite3_stmt **scan_of(struct bare_db *db, const struct store_range *range)
{
    int order = range->index == INDEX_PRIMARY ? (int)range->table : TABLE_COUNT + range->index;
    return &db->scans[order][range->fixed][range->reverse ? STORE_KEYS_MAX + 1 : range->given];
}

static int prepare(void *ctx, enum store_table table, enum row_statement which, const struct store_range *range,
                   const char *sql)
{
    struct bare_db *db = ctx;
    sqlite3_stmt **at = range ? scan_of(db, range) : &db->rows[table][which];
    return sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, at, NULL);
}

static int open_bare(struct bare_db *db, enum store_part part, const char *path, bool sync)
{
    char *schema = store_schema_sql();
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path ? path : ":memory:", &db->db, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->db, path ? "PRAGMA page_size = 4096" : "PRAGMA page_size = 1024", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->db,
                            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -8000;"
                            "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 1000;",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->db, sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    if (code == SQLITE_OK && path)
        code = sqlite3_exec(db->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db->db, schema, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db->db, "BEGIN IMMEDIATE", -1, &db->begin, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db->db, "COMMIT", -1, &db->commit, NULL);
    if (code == SQLITE_OK)
        code = store_sqlite_each_statement(part, prepare, db);
    free(schema);
    return code;
}

static void close_bare(struct bare_db *db)
{
    for (sqlite3_stmt *prepared; db->db && (prepared = sqlite3_next_stmt(db->db, NULL)) != NULL;)
        sqlite3_finalize(prepared);
    sqlite3_close(db->db);
}

static void bind_words(sqlite3_stmt *prepared, const uint64_t *words, int count, unsigned char wide[][8])
{
    for (int i = 0; i < count; i++) {
        if (words[i] <= INT64_MAX) { /* a parameter that the statement does not have is none of our business */
            sqlite3_bind_int64(prepared, i + 1, (sqlite3_int64)words[i]);
            continue;
        }
        for (size_t b = 0; b < 8; b++)
            wide[i][b] = (unsigned char)(words[i] >> (8 * (7 - b)));
        sqlite3_bind_blob(prepared, i + 1, wide[i], 8, SQLITE_STATIC);
    }
}

static uint64_t fetch(sqlite3_stmt *prepared)
{
    uint64_t sum = 0;
    for (int i = 0, count = sqlite3_column_count(prepared); i < count; i++) {
        if (sqlite3_column_type(prepared, i) == SQLITE_BLOB)
            sum += sqlite3_column_blob(prepared, i) ? (uint64_t)sqlite3_column_bytes(prepared, i) : 0;
        else
            sum += (uint64_t)sqlite3_column_int64(prepared, i);
    }
    return sum;
}

/* Steps to the end, or through `rows` rows. */
static int step_through(sqlite3_stmt *prepared, uint32_t rows, uint64_t *sum)
{
    int code;
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
        *sum += fetch(prepared);
        if (--rows == 0)
            break;
    }
    sqlite3_reset(prepared);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int play_statement(struct bare_db *db, const struct tape_call *call, uint64_t *sum)
{
    unsigned char wide[STORE_COLUMNS_MAX][8], body[1 + SEALED_BYTES_MAX];
    const struct store_table_info *info = &store_tables[call->table];
    sqlite3_stmt *prepared;
    switch ((enum tape_kind)call->kind) {
        case TAPE_BEGIN:
            return step_through(db->begin, 0, sum);
        case TAPE_COMMIT:
            return step_through(db->commit, 0, sum);
        case TAPE_CHECKPOINT:
            return sqlite3_wal_checkpoint_v2(db->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        case TAPE_SCAN:
            prepared = *scan_of(db, &call->of.range);
            bind_words(prepared, call->of.range.key, call->of.range.given, wide);
            return step_through(prepared, call->rows, sum);
        case TAPE_PUT:
            if (call->write == ROW_STATEMENTS)
                return SQLITE_OK;
            prepared = db->rows[call->table][call->write];
            bind_words(prepared, call->of.row.c, info->columns, wide); /* some statements have not all of them */
            if (info->text) {
                const struct sealed *text = &call->of.row.body;
                body[0] = text->form;
                memcpy(body + 1, text->bytes, text->len);
                sqlite3_bind_blob(prepared, info->columns + 1, body, text->len ? 1 + text->len : 0, SQLITE_STATIC);
            }
            return step_through(prepared, 0, sum);
        default:
            if (call->kind == TAPE_DEL && call->write == ROW_STATEMENTS)
                return SQLITE_OK;
            prepared = db->rows[call->table][call->kind == TAPE_GET ? ROW_GET : ROW_DEL];
            bind_words(prepared, call->of.row.c, info->keys, wide);
            return step_through(prepared, 1, sum); /* of at most one row */
    }
}

static bool is_read(const struct tape_call *call)
{
    return call->kind == TAPE_GET || call->kind == TAPE_SCAN;
}

uint64_t bare_sqlite(const struct tape *tape, size_t steps, char *const paths[STORE_PARTS], bool sync, bool reads)
{
    struct bare_db *parts = base_alloc(STORE_PARTS * sizeof *parts);
    int code = SQLITE_OK;
    for (int p = 0; code == SQLITE_OK && p < STORE_PARTS; p++)
        code = open_bare(&parts[p], (enum store_part)p, paths ? paths[p] : NULL, sync);
    size_t count = steps ? tape->steps[steps - 1].calls_end : 0;
    uint64_t sum = 0, began = bench_now_ns(sync);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        if (reads || !is_read(&tape->calls[i]))
            code = play_statement(&parts[tape->calls[i].part], &tape->calls[i], &sum);
    uint64_t took = bench_now_ns(sync) - began;
    if (code != SQLITE_OK)
        fprintf(stderr, "sexton bench: a bare statement failed: %s\n", sqlite3_errstr(code));
    for (int p = 0; p < STORE_PARTS; p++)
        close_bare(&parts[p]);
    free(parts);
    return code == SQLITE_OK ? took : 0;
}
