/* store_world.c: see store_world.h. */
#include "tests/store_world.h"

#include "core/base.h"
#include "core/store_sqlite_internal.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store *store;
static enum backend backend; /* of the suite under way */
static char directory[WORLD_PATH_MAX];

/* ---- files ---- */

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "%s", P_tmpdir "/sexton-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

static void remove_directory(void)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            remove(world_path(entry->d_name));
    closedir(dir);
    rmdir(directory);
}

const char *world_path(const char *name)
{
    static char path[2 * WORLD_PATH_MAX + 2];
    snprintf(path, sizeof path, "%s/%.*s", directory, WORLD_PATH_MAX, name);
    return path;
}

unsigned char *world_read(const char *path, size_t *size)
{
    *size = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    unsigned char *bytes = base_alloc((size_t)length);
    *size = fread(bytes, 1, (size_t)length, f);
    fclose(f);
    return bytes;
}

void world_write(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

void world_sum_pages(const char *path)
{
    size_t size;
    unsigned char *bytes = world_read(path, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    if (size > 20 && bytes[20]) /* its pages have room for them */
        sqlite_sum_pages(bytes, size);
    world_write(path, bytes, size);
    free(bytes);
}

bool world_contains(const unsigned char *bytes, size_t size, const char *word)
{
    return bytes && memmem(bytes, size, word, strlen(word)) != NULL;
}

/* ---- opening ---- */

struct store_sqlite_options world_options(const char *path, enum store_journal journal)
{
    return (struct store_sqlite_options){.part = STORE_MAIN, .path = path, .journal = journal};
}

struct store *world_open(enum backend kind, enum store_part part, const char *name)
{
    if (kind == BACKEND_MEMORY)
        return store_mem_open(part);
    struct store_sqlite_options options = {.part = part,
                                           .journal = kind == BACKEND_WAL ? STORE_JOURNAL_WAL : STORE_JOURNAL_ROLLBACK};
    if (kind != BACKEND_SQLITE)
        options.path = world_path(name);
    char error[256];
    struct store *opened = NULL;
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    CU_ASSERT_STRING_EQUAL(error, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
    return opened;
}

struct store *world_open_file(const char *path, enum store_journal journal)
{
    char error[256];
    struct store *opened = NULL;
    struct store_sqlite_options options = world_options(path, journal);
    CU_ASSERT_EQUAL(store_sqlite_open(&options, &opened, error, sizeof error), 0);
    CU_ASSERT_STRING_EQUAL(error, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
    return opened;
}

/* ---- suites ---- */

static void set_up(void)
{
    make_directory();
    store = world_open(backend, STORE_MAIN, "store.db");
}

static void tear_down(void)
{
    store->ops->close(store);
    store = NULL;
    remove_directory();
}

static int use_memory(void)
{
    backend = BACKEND_MEMORY;
    return 0;
}

static int use_sqlite(void)
{
    backend = BACKEND_SQLITE;
    return 0;
}

static int use_wal(void)
{
    backend = BACKEND_WAL;
    return 0;
}

static int use_rollback(void)
{
    backend = BACKEND_ROLLBACK;
    return 0;
}

static int add_tests(CU_pSuite suite, const struct named_test *tests, size_t count)
{
    for (size_t t = 0; suite && t < count; t++)
        if (!CU_add_test(suite, tests[t].name, tests[t].test))
            break;
    return (int)CU_get_error();
}

int store_suites(const char *theme, const struct named_test *tests, size_t count)
{
    static const struct {
        const char *suffix;
        int (*use)(void);
    } kinds[BACKENDS] = {{"", use_memory}, {"_sqlite", use_sqlite}, {"_wal", use_wal}, {"_rollback", use_rollback}};
    int status = 0;
    for (int b = 0; status == 0 && b < BACKENDS; b++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", theme, kinds[b].suffix);
        status =
            add_tests(CU_add_suite_with_setup_and_teardown(name, kinds[b].use, NULL, set_up, tear_down), tests, count);
    }
    return status;
}

int store_suite(const char *name, const struct named_test *tests, size_t count)
{
    return add_tests(CU_add_suite_with_setup_and_teardown(name, NULL, NULL, make_directory, remove_directory), tests,
                     count);
}

/* ---- calls ---- */

void begin(void)
{
    CU_ASSERT_EQUAL(store->ops->begin(store), 0);
}

void commit(void)
{
    CU_ASSERT_EQUAL(store->ops->commit(store), 0);
}

void rollback(void)
{
    CU_ASSERT_EQUAL(store->ops->rollback(store), 0);
}

void put(enum store_table table, const struct row *row)
{
    CU_ASSERT_EQUAL(store->ops->put(store, table, row), 0);
}

void del(enum store_table table, const struct row *row)
{
    CU_ASSERT_EQUAL(store->ops->del(store, table, row), 0);
}

int collect(void *ctx, const struct row *row)
{
    struct collected *collected = ctx;
    if (collected->count == COLLECTED_MAX)
        return E_LIMIT;
    collected->rows[collected->count++] = *row;
    return 0;
}

size_t scan_into(struct collected *collected, const struct store_range *range)
{
    collected->count = 0;
    CU_ASSERT_EQUAL(store->ops->scan(store, range, collect, collected), 0);
    return collected->count;
}

/* ---- rows ---- */

struct row meta_row(uint64_t key, uint64_t value)
{
    return (struct row){.c = {[META_key] = key, [META_value] = value}};
}

struct row log_row(uint64_t user, uint64_t position, uint64_t conv, uint64_t target)
{
    struct row row = {0};
    row.c[LOG_user] = user;
    row.c[LOG_position] = position;
    row.c[LOG_conv] = conv;
    row.c[LOG_target] = target;
    row.c[LOG_source] = 9 - user;
    row.c[LOG_number] = 100 - position;
    return row;
}

void fill_log(void)
{
    begin();
    for (uint64_t position = 4; position >= 1; position--)
        for (uint64_t user = 1; user <= 3; user++) {
            struct row row = log_row(user, position, position % 2, 10 - position);
            put(TABLE_LOG, &row);
        }
    commit();
}

void expect_meta(uint64_t key, int status, uint64_t value)
{
    struct row row = meta_row(key, 0);
    CU_ASSERT_EQUAL(store->ops->get(store, TABLE_META, &row), status);
    if (status == 0)
        CU_ASSERT_EQUAL(row.c[META_value], value);
}

void expect_log(const struct store_range *range, const char *expected)
{
    struct collected *found = base_alloc(sizeof *found);
    char text[COLLECTED_MAX] = "";
    size_t used = 0;
    scan_into(found, range);
    for (size_t i = 0; i < found->count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d.%d", i ? " " : "",
                                 (int)found->rows[i].c[LOG_user], (int)found->rows[i].c[LOG_position]);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(found);
}

bool same_row(enum store_table table, const struct row *a, const struct row *b)
{
    if (memcmp(a->c, b->c, (size_t)store_tables[table].columns * sizeof a->c[0]) != 0)
        return false;
    return !store_tables[table].text || (a->body.len == b->body.len && a->body.form == b->body.form &&
                                         memcmp(a->body.bytes, b->body.bytes, a->body.len) == 0);
}

struct dump {
    FILE *f;
    enum store_table table;
};

static int dump_row(void *ctx, const struct row *row)
{
    struct dump *dump = ctx;
    fprintf(dump->f, "%s", store_tables[dump->table].name);
    for (int i = 0; i < store_tables[dump->table].columns; i++)
        fprintf(dump->f, " %" PRIx64, row->c[i]);
    if (row->body.len)
        fprintf(dump->f, " body %d ", row->body.form);
    for (int i = 0; i < row->body.len; i++)
        fprintf(dump->f, "%02x", (unsigned char)row->body.bytes[i]);
    fprintf(dump->f, "\n");
    return 0;
}

char *world_dump(struct store *of)
{
    char *text = NULL;
    size_t size = 0;
    struct dump dump = {.f = open_memstream(&text, &size)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(dump.f);
    for (int t = 0; t < TABLE_COUNT; t++) {
        dump.table = (enum store_table)t;
        struct store_range all = {.table = dump.table, .index = INDEX_PRIMARY};
        if (store_tables[t].part == of->part)
            CU_ASSERT_EQUAL(of->ops->scan(of, &all, dump_row, &dump), 0);
    }
    fclose(dump.f);
    return text;
}

uint64_t world_random(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 20) % below;
}

static uint64_t random_word(uint64_t *state)
{
    static const uint64_t edges[] = {INT64_MAX - 1ULL,        INT64_MAX,      1ULL << 63, (1ULL << 63) + 1,
                                     MAKE_ID(PROVISIONER, 1), UINT64_MAX - 1, UINT64_MAX};
    if (world_random(state, 4) == 0)
        return edges[world_random(state, sizeof edges / sizeof *edges)];
    return world_random(state, 6);
}

struct row world_random_row(uint64_t *state, enum store_table table)
{
    struct row row = {0};
    for (int c = 0; c < store_tables[table].columns; c++)
        row.c[c] = random_word(state);
    if (!store_tables[table].text)
        return row;
    row.body.len = (uint8_t)(world_random(state, 3) ? world_random(state, SEALED_BYTES_MAX + 1) : 0);
    row.body.form = row.body.len ? (uint8_t)world_random(state, 2) : 0;
    memset(row.body.bytes, (int)world_random(state, 256), row.body.len);
    return row;
}
