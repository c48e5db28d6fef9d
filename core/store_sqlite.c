/*
 * store_sqlite.c: the SQLite store: the vtable and its prepared statements.
 *
 * The files beside this one: store_sqlite_open.c opens and refuses, store_sqlite_check.c says what is wrong with a
 * database, store_sqlite_migrate.c makes tables, store_sqlite_text.c the text of statements, store_sqlite_rows.c turns
 * rows into values, store_sqlite_scan.c reads ranges, store_sqlite_image.c backs up and restores,
 * store_sqlite_scrub.c wipes what secure_delete leaves.
 *
 * begin: BEGIN IMMEDIATE; a step is one transaction, and nobody else can hold the file.
 *
 * get, put, del: a few statements for each table, prepared when one is first used, and kept until the store is closed.
 * What is known of the row (store_cache.h) decides which: a get that is known asks nothing; a put inserts, or sets what
 * differs, or, of a row that is there just so, does nothing. A table that never had a row is not asked either.
 *
 * checkpoint: with a write-ahead log, moves it into the database and truncates it to zero bytes, on the medium too.
 * Then, on any file, wipes the unused bytes of its pages.
 *
 * clear: deletes the rows of every table that a put, a restore or the opened file may have given some, in one
 * transaction, and checkpoints. Statements and connection stay.
 *
 * Failures: SQLite's code becomes a status; a statement is reset before its call returns. From then on every call but
 * rollback and close returns that status, also when SQLite has rolled back by itself (a full disk, for one), so that no
 * later call can act outside the transaction that its caller believes in. clear cannot return a status: the next call
 * does.
 *
 * Luck: SQLite draws random numbers for the salts of a log and the nonces of a journal. No row, order or status depends
 * on one.
 */
#include "core/store_sql.h"
#include "core/store_sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

int sqlite_status(int code)
{
    switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_DONE:
        case SQLITE_ROW:
            return 0;
        case SQLITE_NOMEM:
            return E_NOMEM;
        case SQLITE_IOERR:
        case SQLITE_FULL:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return E_IO;
        default:
            return E_STORE;
    }
}

int sqlite_fail(struct sqlite_store *sqlite, int code)
{
    sqlite->failed = sqlite_status(code);
    if (sqlite->failed == 0)
        sqlite->failed = E_STORE; /* an answer that should not have been one */
    return sqlite->failed;
}

int sqlite_run(sqlite3_stmt *prepared)
{
    int code = sqlite3_step(prepared);
    int reset = sqlite3_reset(prepared);
    if (code == SQLITE_DONE || code == SQLITE_ROW)
        code = reset;
    return code;
}

static bool is_scanning(const struct sqlite_store *sqlite)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        if (sqlite->scans[t])
            return true;
    return false;
}

int sqlite_prepare(struct sqlite_store *sqlite, char *text, sqlite3_stmt **prepared)
{
    int code = SQLITE_NOMEM;
    if (text)
        code = sqlite3_prepare_v3(sqlite->db, text, -1, SQLITE_PREPARE_PERSISTENT, prepared, NULL);
    free(text);
    return code;
}

static int row_statement(struct sqlite_store *sqlite, enum store_table table, enum row_statement which,
                         sqlite3_stmt **prepared)
{
    assert(store_tables[table].part == sqlite->store.part);
    int code = SQLITE_OK;
    if (!sqlite->rows[table][which])
        code = sqlite_prepare(sqlite, sqlite_row_text(table, which), &sqlite->rows[table][which]);
    *prepared = sqlite->rows[table][which];
    return code;
}

/* ---- transactions ---- */

static int sqlite_begin(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (sqlite->failed)
        return sqlite->failed;
    assert(!sqlite->in_transaction);
    int code = sqlite_run(sqlite->begin);
    if (code != SQLITE_OK)
        return sqlite_fail(sqlite, code);
    sqlite->in_transaction = true;
    return 0;
}

static int sqlite_commit(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (sqlite->failed)
        return sqlite->failed;
    if (!sqlite->in_transaction)
        return E_INVALID;
    int code = sqlite_run(sqlite->commit);
    if (code != SQLITE_OK)
        return sqlite_fail(sqlite, code);
    sqlite->in_transaction = false;
    return 0;
}

/* SQLite ends some transactions itself when they fail. */
static int end_transaction(struct sqlite_store *sqlite)
{
    assert(!is_scanning(sqlite));
    sqlite->in_transaction = false;
    sqlite->failed = 0;
    store_cache_forget(sqlite->cache);
    int code = sqlite3_get_autocommit(sqlite->db) ? SQLITE_OK : sqlite_run(sqlite->rollback);
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, code);
}

static int sqlite_rollback(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (!sqlite->in_transaction && !sqlite->failed)
        return E_INVALID;
    return end_transaction(sqlite);
}

/* ---- rows ---- */

/* What SQLite need not be asked; of a row that is there, the row. */
static bool answer_from_cache(struct sqlite_store *sqlite, enum store_table table, struct row *row,
                              enum cache_answer *known)
{
    const struct row *found = NULL;
    assert(store_tables[table].part == sqlite->store.part);
    if (!sqlite->cache)
        return false;
    *known = sqlite->touched[table] ? store_cache_get(sqlite->cache, table, row, &found) : CACHE_ABSENT;
    if (*known == CACHE_HAS) {
        memcpy(row->c, found->c, (size_t)store_tables[table].columns * sizeof row->c[0]);
        row->body = found->body;
    }
    return *known != CACHE_UNKNOWN;
}

/* How this row is to be put; false when it is there already, just so. */
static bool choose_put(struct sqlite_store *sqlite, enum store_table table, const struct row *row,
                       enum row_statement *which)
{
    const struct row *before = NULL;
    *which = ROW_PUT;
    if (!sqlite->cache)
        return true;
    if (!sqlite->touched[table])
        store_cache_empty(sqlite->cache, table);
    enum cache_answer known = store_cache_get(sqlite->cache, table, row, &before);
    if (known == CACHE_HAS) {
        *which = store_sqlite_update(table, before, row);
        return !store_row_equal(table, before, row);
    }
    if (known == CACHE_ABSENT)
        *which = ROW_INSERT;
    return true;
}

static int sqlite_get(struct store *store, enum store_table table, struct row *row)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    enum cache_answer known = CACHE_UNKNOWN;
    if (sqlite->failed)
        return sqlite->failed;
    sqlite->reads.all++;
    if (answer_from_cache(sqlite, table, row, &known))
        return known == CACHE_HAS ? 0 : E_NOTFOUND;
    sqlite->reads.asked++;
    sqlite3_stmt *prepared = NULL;
    struct wide wide;
    int code = row_statement(sqlite, table, ROW_GET, &prepared);
    if (code == SQLITE_OK)
        code = sqlite_bind_words(prepared, row->c, store_tables[table].keys, &wide);
    if (code != SQLITE_OK)
        return sqlite_fail(sqlite, code);
    code = sqlite3_step(prepared);
    bool sound = code != SQLITE_ROW || sqlite_read_row(prepared, table, row);
    int reset = sqlite3_reset(prepared);
    if (reset != SQLITE_OK || !sound)
        return sqlite_fail(sqlite, reset != SQLITE_OK ? reset : SQLITE_CORRUPT);
    if (sqlite->cache)
        store_cache_read(sqlite->cache, table, row, code == SQLITE_ROW);
    return code == SQLITE_ROW ? 0 : E_NOTFOUND;
}

static int sqlite_put(struct store *store, enum store_table table, const struct row *row)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    assert(sqlite->scans[table] == 0);
    if (sqlite->failed)
        return sqlite->failed;
    if (!sqlite->in_transaction)
        return E_INVALID;
    sqlite3_stmt *prepared = NULL;
    struct wide wide;
    enum row_statement which;
    if (!choose_put(sqlite, table, row, &which))
        return 0;
    int code = row_statement(sqlite, table, which, &prepared);
    if (code == SQLITE_OK)
        code = sqlite_bind_row(prepared, table, row, &wide);
    if (code == SQLITE_OK)
        code = sqlite_run(prepared);
    sqlite->touched[table] = true;
    if (code != SQLITE_OK)
        return sqlite_fail(sqlite, code);
    if (sqlite->cache)
        store_cache_wrote(sqlite->cache, table, row, true);
    return 0;
}

static int sqlite_del(struct store *store, enum store_table table, const struct row *row)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    assert(sqlite->scans[table] == 0);
    if (sqlite->failed)
        return sqlite->failed;
    if (!sqlite->in_transaction)
        return E_INVALID;
    const struct row *before = NULL;
    if (sqlite->cache &&
        (!sqlite->touched[table] || store_cache_get(sqlite->cache, table, row, &before) == CACHE_ABSENT))
        return 0;
    sqlite3_stmt *prepared = NULL;
    struct wide wide;
    int code = row_statement(sqlite, table, ROW_DEL, &prepared);
    if (code == SQLITE_OK)
        code = sqlite_bind_words(prepared, row->c, store_tables[table].keys, &wide);
    if (code == SQLITE_OK)
        code = sqlite_run(prepared);
    if (code != SQLITE_OK)
        return sqlite_fail(sqlite, code);
    if (sqlite->cache)
        store_cache_wrote(sqlite->cache, table, row, false);
    return 0;
}

struct store_sqlite_reads store_sqlite_reads(const struct store *store)
{
    const struct sqlite_store *sqlite = (const void *)store;
    assert(store->ops == &sqlite_ops);
    return sqlite->reads;
}

/* ---- checkpoint, clear, close ---- */

/* SQLite does not: the log is empty for whoever opens it, and on the medium it still has every byte. */
static int sync_truncated_log(struct sqlite_store *sqlite)
{
    sqlite3_file *log = NULL;
    int code = sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log && log->pMethods && sqlite->sync)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return code;
}

static int sqlite_checkpoint(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (sqlite->failed)
        return sqlite->failed;
    if (sqlite->in_transaction)
        return E_INVALID;
    if (!sqlite->file)
        return 0;
    int code = SQLITE_OK;
    if (sqlite->wal)
        code = sqlite3_wal_checkpoint_v2(sqlite->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (code == SQLITE_OK && sqlite->wal)
        code = sync_truncated_log(sqlite);
    if (code == SQLITE_OK && !sqlite->keeps_deleted)
        code = sqlite_scrub_file(sqlite);
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, code);
}

static int delete_everything(struct sqlite_store *sqlite)
{
    int code = SQLITE_OK;
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (!sqlite->touched[t])
            continue;
        if (!sqlite->empty[t])
            code = sqlite_prepare(sqlite, sqlite_empty_text((enum store_table)t), &sqlite->empty[t]);
        if (code == SQLITE_OK)
            code = sqlite_run(sqlite->empty[t]);
        if (code != SQLITE_OK)
            return sqlite_fail(sqlite, code);
    }
    return 0;
}

static void sqlite_clear(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    int status = end_transaction(sqlite);
    if (status == 0)
        status = sqlite_begin(store);
    if (status == 0)
        status = delete_everything(sqlite);
    if (status == 0)
        status = sqlite_commit(store);
    if (status == 0)
        status = sqlite_checkpoint(store);
    if (status)
        return; /* told by the next call */
    for (int t = 0; t < TABLE_COUNT; t++)
        sqlite->touched[t] = false;
}

static void sqlite_close(struct store *store)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    assert(!is_scanning(sqlite));
    for (int order = 0; order < TABLE_COUNT + INDEX_COUNT; order++)
        for (int shape = 0; shape < SCAN_SHAPES; shape++)
            while (sqlite->idle[order][shape]) {
                struct scan_statement *scan = sqlite->idle[order][shape];
                sqlite->idle[order][shape] = scan->next;
                free(scan);
            }
    for (sqlite3_stmt *prepared; (prepared = sqlite3_next_stmt(sqlite->db, NULL)) != NULL;)
        sqlite3_finalize(prepared);
    int code = sqlite3_close(sqlite->db);
    assert(code == SQLITE_OK);
    (void)code;
    store_cache_free(sqlite->cache);
    sqlite_guard_free(sqlite->guard);
    free(sqlite);
}

const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .get = sqlite_get,
    .put = sqlite_put,
    .del = sqlite_del,
    .scan = sqlite_scan,
    .backup = sqlite_backup,
    .restore = sqlite_restore,
    .image_free = sqlite_image_free,
    .checkpoint = sqlite_checkpoint,
    .clear = sqlite_clear,
    .close = sqlite_close,
};
