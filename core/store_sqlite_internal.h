/*
 * store_sqlite_internal.h: what the files store_sqlite*.c share; nobody else includes it.
 */
#ifndef SEXTON_CORE_STORE_SQLITE_INTERNAL_H
#define SEXTON_CORE_STORE_SQLITE_INTERNAL_H

#include "core/store_cache.h"
#include "core/store_sqlite.h"

#include <sqlite3.h>

#define SQLITE_SCHEMA_VERSION 3
#define SQLITE_FILE_PAGE_BYTES 4096
#define SQLITE_MEMORY_PAGE_BYTES 1024
#define SQLITE_RESERVED_BYTES 8 /* at the end of each page: in a file, its checksum */

/* A prepared scan that nobody runs at the moment. */
struct scan_statement {
    sqlite3_stmt *prepared;
    struct scan_statement *next;
};
/* What a scan's text depends on besides its order: (fixed, given), or (fixed, reverse). */
#define SCAN_SHAPES ((STORE_KEYS_MAX + 1) * (STORE_KEYS_MAX + 2))

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    struct sqlite_guard *guard; /* NULL: in memory */
    bool file, wal, sync, exists, keeps_deleted;
    bool in_transaction;
    int failed; /* the status of a call that failed, until rollback; 0 = none */
    int scans[TABLE_COUNT];
    bool touched[TABLE_COUNT]; /* may have rows */
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *rows[TABLE_COUNT][ROW_STATEMENTS], *empty[TABLE_COUNT];
    struct store_cache *cache; /* NULL: none */
    struct store_sqlite_reads reads;
    struct scan_statement *idle[TABLE_COUNT + INDEX_COUNT][SCAN_SHAPES];
};

/* Where the reason of a refusal goes. */
struct complaint {
    const char *file;
    char *text;
    size_t size;
};
int sqlite_complain(const struct complaint *complaint, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline struct sqlite_store *sqlite_store_of(struct store *base)
{
    return (struct sqlite_store *)(void *)base;
}
static inline size_t sqlite_page_bytes(const struct sqlite_store *sqlite)
{
    return sqlite->file ? SQLITE_FILE_PAGE_BYTES : SQLITE_MEMORY_PAGE_BYTES;
}
int sqlite_status(int code);                            /* 0 or negative, of SQLite's result code */
int sqlite_fail(struct sqlite_store *sqlite, int code); /* and remembered */
int sqlite_run(sqlite3_stmt *prepared);                 /* a statement without rows, and resets it; SQLite's code */
/* Frees the text; SQLite's code. */
int sqlite_prepare(struct sqlite_store *sqlite, char *text, sqlite3_stmt **prepared);

/* store_sqlite_scan.c */
int sqlite_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx);

/* store_sqlite_text.c: malloc'd. */
char *sqlite_row_text(enum store_table table, enum row_statement which); /* NULL, too, when it would set nothing */
char *sqlite_empty_text(enum store_table table);
char *sqlite_scan_text(const struct store_range *range);

/* store_sqlite_rows.c */
struct wide {
    unsigned char bytes[STORE_COLUMNS_MAX][sizeof(uint64_t)];
    unsigned char body[1 + SEALED_BYTES_MAX];
};
/* Binds to parameters 1.. (of a row, those that there are) what lives in `wide` until the statement is bound again;
 * SQLite's code. */
int sqlite_bind_words(sqlite3_stmt *prepared, const uint64_t *words, int count, struct wide *wide);
int sqlite_bind_row(sqlite3_stmt *prepared, enum store_table table, const struct row *row, struct wide *wide);
/* The current result row, which begins with all columns of the table; false when no store wrote this. */
bool sqlite_read_row(sqlite3_stmt *prepared, enum store_table table, struct row *row);

/* store_sqlite_check.c: the first value of a query; SQLite's code. */
int sqlite_ask_number(sqlite3 *db, const char *sql, int64_t *number);
int sqlite_ask_text(sqlite3 *db, const char *sql, char *text, size_t size);
int sqlite_application_id(enum store_part part);
/* Is this a whole store of this part, of some version up to ours? */
int sqlite_check_identity(sqlite3 *db, enum store_part part, int64_t *schema, const struct complaint *complaint);
int sqlite_check_integrity(sqlite3 *db, const struct complaint *complaint);
/* Are its tables and indexes those of schema.sql, and no others? */
int sqlite_check_schema(sqlite3 *db, enum store_part part, const struct complaint *complaint);

/* store_sqlite_migrate.c: both in the transaction of the caller; SQLite's code. */
int sqlite_create(sqlite3 *db, enum store_part part);
int sqlite_migrate(sqlite3 *db, enum store_part part, int64_t from);

/* store_sqlite_image.c */
int sqlite_backup(struct store *store, struct store_image **image);
int sqlite_restore(struct store *store, const struct store_image *image);
void sqlite_image_free(struct store_image *image);

/* store_sqlite_guard.c: NULL when there is no such file system. It outlives what is opened with it. */
struct sqlite_guard *sqlite_guard_new(const char *vfs);
void sqlite_guard_free(struct sqlite_guard *guard);
int sqlite_guard_open(struct sqlite_guard *guard, const char *path, sqlite3 **db, int flags); /* SQLite's code */
bool sqlite_guard_is_on(const struct sqlite_guard *guard); /* the pages of the database have checksums */
/* Of the bytes of a whole file. */
bool sqlite_pages_are_sound(const unsigned char *bytes, size_t size);
void sqlite_sum_pages(unsigned char *bytes, size_t size);

/* store_sqlite_scrub.c */
/* What means nothing in a page of a b-tree, as offsets; empty when it is none, or its header is damaged. */
void sqlite_page_gap(const unsigned char *page, size_t bytes, bool first, size_t *from, size_t *to);
void sqlite_scrub_pages(unsigned char *bytes, size_t size, size_t page_bytes); /* of a whole database */
int sqlite_scrub_file(struct sqlite_store *sqlite);                            /* SQLite's code */

extern const struct store_ops sqlite_ops;

#endif
