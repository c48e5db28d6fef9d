/*
 * store_sqlite_image.c: images of a SQLite store.
 *
 *   backup   copies the committed pages into a private in-memory database with SQLite's backup API, and takes the bytes
 * of that: they are a database file, which a person can write to disk and open. Two things are changed in them: the
 *            gaps of pages are wiped (store_sqlite_scrub.c), and the header asks for no write-ahead log.
 *   restore  opens the bytes read-only in a connection of its own, checks them as an opened file is checked (identity,
 *            version, damage, schema), and copies them back with the same API, which is one transaction: an image that
 * is refused, or a write that fails, leaves the store as it was. Prepared statements stay and prepare themselves again.
 *
 *   open_bytes  the same bytes as a store that can only be read, for whoever audits a file: no lock, no journal, and
 * the file itself is not touched, since only its bytes are there.
 *
 * Images of a version before ours are refused: a restore is no place for a migration. Two stores with equal rows may
 * have images with other bytes, as pages are given out in the order of the past. Refused, too, is an image of a store
 * on a file by one in memory, and the other way: their pages have not the same size (store_sqlite_open.c).
 */
#include "core/store_sqlite.h"
#include "core/store_sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 20         /* the magic words, the page size and two versions; then come fields that may differ */
#define HEADER_PAGE_BYTES 16    /* two bytes, the high one first */
#define HEADER_WRITE_VERSION 18 /* 1: rollback journal, 2: write-ahead log */
#define HEADER_READ_VERSION 19

static int copy_database(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    if (!copy)
        return sqlite3_errcode(to);
    int step = sqlite3_backup_step(copy, -1);
    int finish = sqlite3_backup_finish(copy); /* SQLite's code of the step, but for SQLITE_BUSY and SQLITE_LOCKED */
    if (step == SQLITE_DONE)
        return finish;
    return finish != SQLITE_OK ? finish : step;
}

static int take_bytes(sqlite3 *db, size_t page_bytes, struct store_image *image)
{
    sqlite3_int64 size = 0;
    image->bytes = sqlite3_serialize(db, "main", &size, 0);
    if (!image->bytes)
        return SQLITE_NOMEM;
    image->size = (size_t)size;
    sqlite_scrub_pages(image->bytes, image->size, page_bytes);
    image->bytes[HEADER_WRITE_VERSION] = image->bytes[HEADER_READ_VERSION] = 1;
    if (page_bytes == SQLITE_FILE_PAGE_BYTES)
        sqlite_sum_pages(image->bytes, image->size);
    return SQLITE_OK;
}

int sqlite_backup(struct store *store, struct store_image **out)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (sqlite->failed)
        return sqlite->failed;
    if (sqlite->in_transaction)
        return E_INVALID;
    struct store_image *image = base_alloc(sizeof *image);
    *image = (struct store_image){.ops = store->ops, .part = store->part};
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(":memory:", &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = copy_database(copy, sqlite->db);
    if (code == SQLITE_OK)
        code = take_bytes(copy, sqlite_page_bytes(sqlite), image);
    sqlite3_close(copy);
    if (code != SQLITE_OK) {
        sqlite_image_free(image);
        return sqlite_fail(sqlite, code);
    }
    *out = image;
    return 0;
}

/*
 * A version from 2 on would reach the live file: SQLite takes it as read-only, or as one with a write-ahead log. And
 * pages are copied as they are.
 */
static bool has_our_header(const struct store_image *image, size_t page_bytes)
{
    unsigned char header[HEADER_BYTES] = "SQLite format 3\0..\x01\x01";
    header[HEADER_PAGE_BYTES] = (unsigned char)(page_bytes >> 8);
    header[HEADER_PAGE_BYTES + 1] = (unsigned char)page_bytes;
    return image->size >= page_bytes && image->size % page_bytes == 0 &&
           memcmp(image->bytes, header, HEADER_BYTES) == 0;
}

/* Opens bytes and judges them; they are only read. */
static int open_bytes(enum store_part part, unsigned char *bytes, size_t size, sqlite3 **db,
                      const struct complaint *complaint)
{
    int64_t schema = 0;
    int code = sqlite3_open_v2(":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_deserialize(*db, "main", bytes, (sqlite3_int64)size, (sqlite3_int64)size,
                                   SQLITE_DESERIALIZE_READONLY);
    if (code == SQLITE_OK)
        code = sqlite3_exec(*db, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return sqlite_complain(complaint, sqlite_status(code), "found %s, expected a database; restore a backup",
                               (code & 0xff) == SQLITE_NOTADB ? "no database" : sqlite3_errmsg(*db));
    int status = sqlite_check_identity(*db, part, &schema, complaint);
    if (status == 0 && schema != SQLITE_SCHEMA_VERSION)
        status = sqlite_complain(complaint, E_STORE,
                                 "found schema version %d, expected %d; open it with its shard, "
                                 "which migrates it",
                                 (int)schema, SQLITE_SCHEMA_VERSION);
    if (status == 0)
        status = sqlite_check_integrity(*db, complaint);
    if (status == 0)
        status = sqlite_check_schema(*db, part, complaint);
    return status;
}

/* Likewise of an image, whose bytes cannot be read with an error: E_STORE when they are not a store's. */
static int open_image(const struct store_image *image, sqlite3 **db)
{
    const struct complaint unheard = {"image", NULL, 0};
    int status = open_bytes(image->part, image->bytes, image->size, db, &unheard);
    return status == 0 || status == E_NOMEM ? status : E_STORE;
}

int store_sqlite_open_bytes(enum store_part part, const char *name, unsigned char *bytes, size_t size,
                            struct store **store, char *error, size_t error_size)
{
    const struct complaint complaint = {name, error, error_size};
    *store = NULL;
    if (error_size > 0)
        error[0] = '\0';
    if (size < SQLITE_MEMORY_PAGE_BYTES)
        return sqlite_complain(&complaint, E_STORE, "found %zu bytes, expected a database; name another", size);
    bytes[HEADER_WRITE_VERSION] = bytes[HEADER_READ_VERSION] = 1;
    struct sqlite_store *sqlite = base_alloc(sizeof *sqlite);
    sqlite->store = (struct store){&sqlite_ops, part};
    int status = open_bytes(part, bytes, size, &sqlite->db, &complaint);
    if (status < 0) {
        sqlite->store.ops->close(&sqlite->store);
        return status;
    }
    *store = &sqlite->store;
    return 0;
}

int sqlite_restore(struct store *store, const struct store_image *image)
{
    struct sqlite_store *sqlite = sqlite_store_of(store);
    if (sqlite->failed)
        return sqlite->failed;
    if (sqlite->in_transaction || image->ops != store->ops || image->part != store->part)
        return E_INVALID;
    for (int t = 0; t < TABLE_COUNT; t++)
        assert(sqlite->scans[t] == 0);
    if (!has_our_header(image, sqlite_page_bytes(sqlite)))
        return E_STORE;
    sqlite3 *db = NULL;
    int status = open_image(image, &db);
    if (status == 0) {
        store_cache_forget(sqlite->cache);
        int code = copy_database(sqlite->db, db);
        status = code == SQLITE_OK ? 0 : sqlite_fail(sqlite, code);
        for (int t = 0; t < TABLE_COUNT; t++)
            sqlite->touched[t] = store_tables[t].part == store->part;
    }
    sqlite3_close(db);
    return status;
}

void sqlite_image_free(struct store_image *image)
{
    sqlite3_free(image->bytes);
    free(image);
}
