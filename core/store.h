/*
 * store.h: the one vtable of core: a transactional store of tables of unsigned integers (and at most one body a row).
 *
 * Tables, keys and indexes are declared in tables.def, each in one of three parts; a store holds one part. The caller
 * owns rows; get and scan copy into them. Between begin and commit the store shows its own writes; rollback undoes
 * them; after a failed call only rollback and close are valid. Every call returns 0 or a negative status; get returns
 * E_NOTFOUND when there is no such row.
 */
#ifndef SEXTON_CORE_STORE_H
#define SEXTON_CORE_STORE_H

#include "core/base.h"

#define STORE_COLUMNS_MAX 20
#define STORE_KEYS_MAX 6

enum store_shape { SHAPE_DENSE, SHAPE_LOG, SHAPE_MAP };
enum store_part { STORE_MAIN, STORE_VAULT, STORE_BLOBS, STORE_PARTS };
const char *store_part_name(enum store_part part); /* "main", "vault", "blobs" */

#define TABLE(id, name, part, shape, keys, text, columns) TABLE_##id,
#define INDEX(id, table, ...)
enum store_table {
#include "core/tables.def"
    TABLE_COUNT
};
#undef TABLE
#undef INDEX
#define TABLE(id, name, part, shape, keys, text, columns)
#define INDEX(id, table, ...) INDEX_##id,
enum store_index {
#include "core/tables.def"
    INDEX_COUNT,
    INDEX_PRIMARY = -1 /* scan by the primary key */
};
#undef TABLE
#undef INDEX
/* Column numbers: MESSAGE_state and so on. */
#define COLUMN(table, id) table##_##id,
#define TABLE(id, name, part, shape, keys, text, columns) enum { columns id##_COLUMNS };
#define INDEX(id, table, ...)
#include "core/tables.def"
#undef TABLE
#undef INDEX
#undef COLUMN

/* A body at rest: plain, or sealed with its message's data key (vault.h), then 16 bytes longer. Never NUL-terminated.
 */
#define SEALED_BYTES_MAX (TEXT_BYTES_MAX + 16)
struct sealed {
    uint8_t len;  /* of bytes; 0 = no body */
    uint8_t form; /* 0 = plain, 1 = sealed */
    char bytes[SEALED_BYTES_MAX];
};

struct row {
    uint64_t c[STORE_COLUMNS_MAX];
    struct sealed body;
};

struct store_table_info {
    const char *name;
    enum store_part part;
    enum store_shape shape;
    int keys, columns;
    bool text;
    const char *column_names; /* "id kind state" */
};
struct store_index_info {
    const char *name;
    enum store_table table;
    int count; /* leading columns; the primary key follows */
    int columns[STORE_KEYS_MAX];
};
extern const struct store_table_info store_tables[TABLE_COUNT];
extern const struct store_index_info store_indexes[INDEX_COUNT];

/*
 * A range of an index: the rows whose first `fixed` index columns equal `key[0..fixed)` and whose remaining columns
 * are, lexicographically, at least `key[fixed..given)`. In ascending order, or descending from the end when `reverse`
 * (then `given` must equal `fixed`). INDEX_PRIMARY scans the primary key of `table`.
 */
struct store_range {
    enum store_table table;
    int index; /* enum store_index */
    int fixed, given;
    uint64_t key[STORE_KEYS_MAX];
    bool reverse;
};
/*
 * Called for each row, which is borrowed; return 0 to go on, 1 to stop (the scan then returns 0), negative to fail
 * (which the scan returns). It must not change `table`.
 */
typedef int store_visit(void *ctx, const struct row *row);

struct store;
/* A consistent image of one store, made by backup; owned by the caller, freed with store_image_free. */
struct store_image {
    const struct store_ops *ops; /* of the store that made it: no other kind can restore it */
    enum store_part part;
    unsigned char *bytes; /* SQLite: the bytes of a database file, as an auditor or a probe reads them */
    size_t size;
    void *copy; /* memory store: its tables */
};
struct store_ops {
    const char *name;
    int (*begin)(struct store *store);
    int (*commit)(struct store *store);
    int (*rollback)(struct store *store);
    int (*get)(struct store *store, enum store_table table, struct row *row);       /* by row's key columns */
    int (*put)(struct store *store, enum store_table table, const struct row *row); /* insert or replace */
    int (*del)(struct store *store, enum store_table table, const struct row *row); /* by key; absent is fine */
    int (*scan)(struct store *store, const struct store_range *range, store_visit *visit, void *ctx);
    int (*backup)(struct store *store, struct store_image **image);       /* of what is committed */
    int (*restore)(struct store *store, const struct store_image *image); /* between steps: replaces everything */
    void (*image_free)(struct store_image *image);
    int (*checkpoint)(struct store *store); /* after a purge: leave no bytes behind in a write-ahead log */
    void (*clear)(struct store *store);     /* as newly opened and empty, keeping memory: reuse between runs */
    void (*close)(struct store *store);
};
struct store {
    const struct store_ops *ops; /* a store's own struct begins with this */
    enum store_part part;
};
void store_image_free(struct store_image *image); /* NULL is fine */

/* The memory store (store_mem.c). Never NULL. */
struct store *store_mem_open(enum store_part part);

/* The first row of a range, copied; E_NOTFOUND when the range is empty. */
int store_first(struct store *store, const struct store_range *range, struct row *row);
/* The committed, tested print-out of the tables as SQL, into a malloc'd string. */
char *store_schema_sql(void);

#endif
