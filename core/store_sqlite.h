/*
 * store_sqlite.h: the SQLite store: one part (tables.def) in one database, a file or private memory.
 *
 * Opening creates a file that is absent or empty, migrates one of the previous schema version in one transaction, and
 * refuses anything else with a status and a line of text that names the file, what was found, what was expected, and
 * what to do: E_INVALID for options that make no sense, E_STORE for a file that is not this store (not a database, of
 * another program, another part, a newer version, another schema, damaged, in use), E_IO when it cannot be read or
 * written. The checks read the whole file: see store_sqlite_open.c for what that costs.
 *
 * One connection holds its file exclusively until it is closed. While it is open, the path and, with a write-ahead log,
 * "<path>-wal" (or "<path>-journal" during a transaction) are its only files.
 */
#ifndef SEXTON_CORE_STORE_SQLITE_H
#define SEXTON_CORE_STORE_SQLITE_H

#include "core/store.h"

enum store_journal {
    STORE_JOURNAL_WAL,      /* checkpoint() leaves it with zero bytes */
    STORE_JOURNAL_ROLLBACK, /* truncated to zero bytes by each commit */
    STORE_JOURNAL_PERSIST,  /* refused: such a journal keeps the pages of what was deleted after the commit */
};

struct store_sqlite_options {
    enum store_part part;
    const char *path; /* NULL: private memory, where journal and sync mean nothing */
    enum store_journal journal;
    const char *vfs;    /* NULL: SQLite's default */
    bool sync;          /* synchronous=FULL, or OFF */
    bool keeps_deleted; /* no secure_delete, no wiping: to show what they are for */
    bool exists;        /* it was made before: one that is empty, or is not there, is refused and not made */
    bool uncached;      /* every read asks SQLite: to test the statements, and to show what the cache is for */
};

/*
 * For a process in which one thread alone uses SQLite, before it opens anything: SQLite then takes no locks, and does
 * not count the memory that it has, which costs it a tenth of its time.
 */
void store_sqlite_alone(void);

/* On failure *store is NULL and `error` has the reason; otherwise it is "". */
int store_sqlite_open(const struct store_sqlite_options *options, struct store **store, char *error, size_t error_size);

/* For measures: how many reads (of a row, of a range) were answered, and how many of these asked SQLite. */
struct store_sqlite_reads {
    uint64_t all, asked;
};
struct store_sqlite_reads store_sqlite_reads(const struct store *store);

/*
 * The bytes of a database file (an image of backup, or a file that was read) as a store that can only be read; they are
 * checked as an opened file is. `bytes` is borrowed until the store is closed, and its journal words (the header asks
 * for a write-ahead log, or does not) are set to none; nothing else of it is ever written. `name` is for the error.
 */
int store_sqlite_open_bytes(enum store_part part, const char *name, unsigned char *bytes, size_t size,
                            struct store **store, char *error, size_t error_size);

/*
 * The statements of one row. Parameter n is column n - 1 of the row, and the body the one after them; of GET and DEL
 * the key alone. What is there decides how a row is put: INSERT (nothing is), UPDATE (what differs is in no index),
 * UPDATE_ALL, or PUT, which does any of these, when it is not known.
 */
enum row_statement { ROW_GET, ROW_PUT, ROW_DEL, ROW_INSERT, ROW_UPDATE, ROW_UPDATE_ALL, ROW_STATEMENTS };
/* Of a row that is there, and is another: UPDATE or UPDATE_ALL. */
enum row_statement store_sqlite_update(enum store_table table, const struct row *before, const struct row *row);
/*
 * For tests and measures: every statement that a store of this part can make of rows and ranges. `range` is NULL for
 * those of one row; its keys are zeros, and then `which` means nothing. Stops when the visit returns other than 0, and
 * returns that.
 */
typedef int store_sqlite_visit(void *ctx, enum store_table table, enum row_statement which,
                               const struct store_range *range, const char *sql);
int store_sqlite_each_statement(enum store_part part, store_sqlite_visit *visit, void *ctx);

#endif
