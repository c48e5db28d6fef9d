/*
 * store_sqlite_open.c: opens a database as a store, or says why not.
 *
 * Settings, and why:
 *   locking_mode  EXCLUSIVE: a shard owns its file. A log then needs no shared memory (nor a VFS that has it), and no
 * step pays for locks. SQLite keeps a DELETE journal in this mode as if it were PERSIST, with the pages of what was
 * deleted in it: so the rollback journal is always TRUNCATE. secure_delete ON; what it misses, store_sqlite_scrub.c
 * wipes. auto_vacuum   NONE: free pages hold zeros and are used again, so a smaller file would save room and nothing
 * else, at the price of moving pages in every commit that frees some; and scrubbing relies on their absence.
 *   page_size     4096 on a file, as disks and systems write; 1024 in memory, where a step copies each page that it
 * changes, for a rollback, and most change a few rows.
 *   wal_autocheckpoint  1000 pages, about 4 MB, SQLite's default: what bounds the log between two purges.
 *   synchronous   FULL or OFF, as the caller says: with FULL a commit that returned survives a loss of power.
 *   temp_store    MEMORY: a statement that needs room must not write rows into a file of its own.
 *   cell_size_check, trusted_schema: a damaged or foreign file is refused rather than followed.
 *
 * Order: whose file it is, then whether it is sound, before a byte of it is written; then the journal; then tables or
 * migration, in one transaction; last the schema. A new file is told by an empty schema and a header that says nothing:
 * a file truncated to nothing looks the same, and becomes an empty store.
 */
#include "core/store_sqlite.h"
#include "core/store_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA auto_vacuum = NONE;"
                               "PRAGMA cache_size = -8000;" /* KiB */
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA secure_delete = ON;"
                               "PRAGMA wal_autocheckpoint = 1000;";

void store_sqlite_alone(void)
{
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int complain_of(const struct complaint *complaint, sqlite3 *db, int code, const char *expected)
{
    if ((code & 0xff) == SQLITE_BUSY)
        return sqlite_complain(complaint, E_STORE, "found the file in use, expected %s; close its other user",
                               expected);
    if ((code & 0xff) == SQLITE_NOTADB)
        return sqlite_complain(complaint, E_STORE, "found no database, expected %s; restore a backup", expected);
    return sqlite_complain(complaint, sqlite_status(code) ? sqlite_status(code) : E_STORE, "found %s, expected %s",
                           db ? sqlite3_errmsg(db) : sqlite3_errstr(code), expected);
}

static int configure(sqlite3 *db, const struct sqlite_store *sqlite, const struct complaint *complaint)
{
    /* Or a name in double quotes that is no column would be taken for a text. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    char page_size[64];
    snprintf(page_size, sizeof page_size, "PRAGMA page_size = %zu", sqlite_page_bytes(sqlite));
    int code = sqlite3_exec(db, page_size, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, settings, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(db, sqlite->sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    int64_t secure = 0;
    int reserved = SQLITE_RESERVED_BYTES; /* of a new file, or of the next VACUUM */
    if (code == SQLITE_OK && sqlite->file)
        code = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    if (code == SQLITE_OK && sqlite->keeps_deleted)
        code = sqlite3_exec(db, "PRAGMA secure_delete = OFF", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite_ask_number(db, "PRAGMA secure_delete", &secure);
    if (code != SQLITE_OK)
        return complain_of(complaint, db, code, "a database");
    if (secure != 1 && !sqlite->keeps_deleted)
        return sqlite_complain(complaint, E_STORE, "found a SQLite without secure_delete, expected one that has it");
    return 0;
}

/* Nothing in it, and nothing that says whose it is. */
static int is_new_database(sqlite3 *db, bool *is_new, const struct complaint *complaint)
{
    int64_t id = 0, schema = 0, entries = 0;
    int code = sqlite_ask_number(db, "SELECT count(*) FROM sqlite_schema", &entries);
    if (code == SQLITE_OK)
        code = sqlite_ask_number(db, "PRAGMA application_id", &id);
    if (code == SQLITE_OK)
        code = sqlite_ask_number(db, "PRAGMA user_version", &schema);
    if (code != SQLITE_OK)
        return complain_of(complaint, db, code, "a database");
    *is_new = id == 0 && schema == 0 && entries == 0;
    return 0;
}

static int set_journal(sqlite3 *db, bool wal, const struct complaint *complaint)
{
    const char *mode = wal ? "wal" : "truncate";
    char sql[64], found[32] = "";
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", mode);
    int code = sqlite_ask_text(db, sql, found, sizeof found);
    if (code != SQLITE_OK)
        return complain_of(complaint, db, code, "a journal");
    if (strcmp(found, mode) != 0)
        return sqlite_complain(complaint, E_STORE, "found journal mode %s, expected %s", found, mode);
    return 0;
}

/* Makes the tables of ours; on failure nothing has changed. */
static int make_tables(sqlite3 *db, enum store_part part, bool is_new, int64_t from, const struct complaint *complaint)
{
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), status = 0;
    if (code == SQLITE_OK)
        code = is_new ? sqlite_create(db, part) : sqlite_migrate(db, part, from);
    if (code == SQLITE_OK)
        status = sqlite_check_schema(db, part, complaint);
    if (code == SQLITE_OK && status == 0)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        status = complain_of(complaint, db, code, is_new ? "to make its tables" : "to migrate it to schema version 3");
    if (status && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* A file that was migrated just now, or when the power went, has none: every page is written anew, in a transaction. */
static int add_checksums(struct sqlite_store *sqlite, const struct complaint *complaint)
{
    int code = sqlite3_exec(sqlite->db, "VACUUM", NULL, NULL, NULL);
    if (code == SQLITE_OK && sqlite->wal)
        code = sqlite3_wal_checkpoint_v2(sqlite->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code == SQLITE_OK ? 0 : complain_of(complaint, sqlite->db, code, "to give its pages checksums");
}

static int prepare_transactions(struct sqlite_store *sqlite, const struct complaint *complaint)
{
    const struct {
        const char *sql;
        sqlite3_stmt **prepared;
    } statements[] = {
        {"BEGIN IMMEDIATE", &sqlite->begin}, {"COMMIT", &sqlite->commit}, {"ROLLBACK", &sqlite->rollback}};
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof statements / sizeof *statements; i++)
        code = sqlite3_prepare_v3(sqlite->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, statements[i].prepared,
                                  NULL);
    return code == SQLITE_OK ? 0 : complain_of(complaint, sqlite->db, code, "its statements");
}

static int set_up(struct sqlite_store *sqlite, const struct complaint *complaint)
{
    sqlite3 *db = sqlite->db;
    enum store_part part = sqlite->store.part;
    bool is_new = false;
    int64_t schema = SQLITE_SCHEMA_VERSION;
    int status = configure(db, sqlite, complaint);
    if (status == 0)
        status = is_new_database(db, &is_new, complaint);
    if (status == 0 && is_new && sqlite->exists)
        status =
            sqlite_complain(complaint, E_STORE, "found nothing, expected the store that was there; restore a backup");
    if (status == 0 && !is_new)
        status = sqlite_check_identity(db, part, &schema, complaint);
    if (status == 0 && !is_new)
        status = sqlite_check_integrity(db, complaint);
    if (status == 0 && sqlite->file)
        status = set_journal(db, sqlite->wal, complaint);
    bool migrate = !is_new && schema < SQLITE_SCHEMA_VERSION;
    if (status == 0 && (is_new || migrate))
        status = make_tables(db, part, is_new, schema, complaint);
    else if (status == 0)
        status = sqlite_check_schema(db, part, complaint);
    if (status == 0 && !is_new && sqlite->guard && !sqlite_guard_is_on(sqlite->guard))
        status = add_checksums(sqlite, complaint);
    if (status == 0)
        status = prepare_transactions(sqlite, complaint);
    for (int t = 0; t < TABLE_COUNT; t++)
        sqlite->touched[t] = !is_new && store_tables[t].part == part;
    if (status == 0 && migrate)
        status = sqlite->store.ops->checkpoint(&sqlite->store); /* the old tables' rows are in the log */
    return status;
}

static int open_database(struct sqlite_store *sqlite, const struct store_sqlite_options *options, int flags)
{
    if (!options->path)
        return sqlite3_open_v2(":memory:", &sqlite->db, flags, NULL);
    sqlite->guard = sqlite_guard_new(options->vfs);
    return sqlite->guard ? sqlite_guard_open(sqlite->guard, options->path, &sqlite->db, flags) : SQLITE_ERROR;
}

int store_sqlite_open(const struct store_sqlite_options *options, struct store **out, char *error, size_t error_size)
{
    const struct complaint complaint = {options->path ? options->path : "(memory)", error, error_size};
    *out = NULL;
    if (error_size > 0)
        error[0] = '\0';
    if (options->journal != STORE_JOURNAL_WAL && options->journal != STORE_JOURNAL_ROLLBACK)
        return sqlite_complain(&complaint, E_INVALID,
                               "found a persistent journal, expected a write-ahead log or a rollback journal that is "
                               "truncated: a persistent one keeps what was deleted; choose another");

    struct sqlite_store *sqlite = base_alloc(sizeof *sqlite);
    sqlite->store = (struct store){&sqlite_ops, options->part};
    sqlite->file = options->path != NULL;
    sqlite->wal = sqlite->file && options->journal == STORE_JOURNAL_WAL;
    sqlite->sync = options->sync;
    sqlite->exists = options->exists;
    sqlite->keeps_deleted = options->keeps_deleted;
    sqlite->cache = options->uncached ? NULL : store_cache_new();
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options->exists ? 0 : SQLITE_OPEN_CREATE);
    int code = open_database(sqlite, options, flags);
    int status = code == SQLITE_OK ? set_up(sqlite, &complaint)
                                   : complain_of(&complaint, sqlite->db, code, "a file that can be opened");
    if (status == 0) {
        *out = &sqlite->store;
        return 0;
    }
    if (error_size > 0 && !error[0])
        sqlite_complain(&complaint, status, "found %s, expected a store", base_status_text(status));
    sqlite->store.ops->close(&sqlite->store);
    return status;
}
