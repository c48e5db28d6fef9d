/*
 * store_world.h: a store of each kind for the tests of stores, and the calls that every test makes, checked.
 *
 * `store` is the store of the test under way. A suite registered with store_suites runs once for each backend, and
 * opens the main part afresh for each test, a file in a directory of its own; other suites set `store` themselves.
 */
#ifndef SEXTON_TESTS_STORE_WORLD_H
#define SEXTON_TESTS_STORE_WORLD_H

#include "core/store.h"
#include "core/store_sqlite.h"

#define COLLECTED_MAX 512
#define WORLD_PATH_MAX 256

enum backend { BACKEND_MEMORY, BACKEND_SQLITE, BACKEND_WAL, BACKEND_ROLLBACK, BACKENDS };

struct named_test {
    const char *name;
    void (*test)(void);
};

extern struct store *store;

/* Adds the tests as suites "theme", "theme_sqlite", "theme_wal" and "theme_rollback"; a CUnit error code. */
int store_suites(const char *theme, const struct named_test *tests, size_t count);
/* Adds the tests as one suite; each finds an empty directory. */
int store_suite(const char *name, const struct named_test *tests, size_t count);

/* A file in the directory of the test under way; valid until the next call. */
const char *world_path(const char *name);
struct store *world_open(enum backend backend, enum store_part part, const char *name);
struct store_sqlite_options world_options(const char *path, enum store_journal journal);
/* Opens a main part, and expects to. */
struct store *world_open_file(const char *path, enum store_journal journal);
/* Whole files, malloc'd; NULL when there is none. */
unsigned char *world_read(const char *path, size_t *size);
void world_write(const char *path, const void *bytes, size_t size);
/* Of a database that somebody else has changed: as if the store had written it. */
void world_sum_pages(const char *path);
bool world_contains(const unsigned char *bytes, size_t size, const char *word);

/* ---- calls on `store` that succeed ---- */
void begin(void);
void commit(void);
void rollback(void);
void put(enum store_table table, const struct row *row);
void del(enum store_table table, const struct row *row);

struct collected {
    struct row rows[COLLECTED_MAX];
    size_t count;
};
int collect(void *ctx, const struct row *row);
size_t scan_into(struct collected *collected, const struct store_range *range);

/* ---- rows ---- */
struct row meta_row(uint64_t key, uint64_t value);
struct row log_row(uint64_t user, uint64_t position, uint64_t conv, uint64_t target);
/* Users 1 to 3 have positions 1 to 4, conversation position % 2, target 10 - position; committed. */
void fill_log(void);
void expect_meta(uint64_t key, int status, uint64_t value);
/* Scans TABLE_LOG and expects "user.position user.position ..." */
void expect_log(const struct store_range *range, const char *expected);
bool same_row(enum store_table table, const struct row *a, const struct row *b);
/* Every row of every table of the store's part, in order, as text to compare; malloc'd. */
char *world_dump(struct store *of);
uint64_t world_random(uint64_t *state, uint64_t below);
/* Every column random; small numbers, so that keys collide, and sometimes ones around 2^63. A body in a table of text.
 */
struct row world_random_row(uint64_t *state, enum store_table table);

#define LOG_RANGE(...) (&(struct store_range){.table = TABLE_LOG, __VA_ARGS__})
#define EVERY_LOG_ROW "1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 3.1 3.2 3.3 3.4"

#endif
