/*
 * test_disk_vfs.c: SQLite on a simulated disk, whose power is cut at random calls.
 *
 * The workload is a ledger: each transaction writes its number, moves amounts between accounts so that the sum stays,
 * and adds, changes and removes notes of some length. What it must look like after n transactions is counted beside it.
 * After a cut the database must be sound, and be as after the last transaction that was acknowledged, or, when the cut
 * fell into a commit, the one after it.
 */
#include "sim/disk_vfs.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS 40
#define CRASHES 300U /* of each kind of journal */
#define CHANGES (1U << DISK_WRITE | 1U << DISK_TRUNCATE | 1U << DISK_SYNC | 1U << DISK_REMOVE)
#define TAG 1

struct mode {
    const char *name, *settings;
};
static const struct mode sound_modes[] = {
    {"wal", "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"},
    {"wal, exclusive", "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA wal_autocheckpoint = 8;"},
    {"truncate", "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL;"},
    {"delete", "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"},
    {"persist", "PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL;"},
};
#define SOUND_MODES (sizeof sound_modes / sizeof *sound_modes)

static struct disk *disk;
static struct disk_vfs *vfs;
static sqlite3 *db;

static void begin(uint64_t seed)
{
    disk = disk_new(rng_fork(seed, "disk"));
    vfs = disk_vfs_new(disk);
    disk_vfs_reseed(vfs);
}

static void end(void)
{
    disk_vfs_free(vfs);
    disk_free(disk);
}

static int run(const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int open_ledger(const struct mode *mode)
{
    int code = sqlite3_open_v2("ledger.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, disk_vfs_name(vfs));
    if (code == SQLITE_OK)
        code = run("PRAGMA page_size = 1024; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;");
    return code == SQLITE_OK ? run(mode->settings) : code;
}

static void make_ledger(const struct mode *mode)
{
    CU_ASSERT_EQUAL_FATAL(open_ledger(mode), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(run("BEGIN; CREATE TABLE account(id INTEGER PRIMARY KEY, amount INT);"
                              "CREATE TABLE note(id INTEGER PRIMARY KEY, turn INT, text TEXT);"
                              "CREATE INDEX note_by_turn ON note(turn); CREATE TABLE turn(n INT);"
                              "INSERT INTO turn VALUES(0);"
                              "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40)"
                              " INSERT INTO account SELECT i, 100 FROM c; COMMIT;"),
                          SQLITE_OK);
}

/* The n-th transaction, from 1. */
static int turn(unsigned n)
{
    char sql[600];
    (void)snprintf(sql, sizeof sql,
                   "BEGIN IMMEDIATE; UPDATE turn SET n = %u;"
                   "UPDATE account SET amount = amount - %u WHERE id = %u;"
                   "UPDATE account SET amount = amount + %u WHERE id = %u;"
                   "INSERT INTO note VALUES(%u, %u, hex(zeroblob(%u)));"
                   "UPDATE note SET turn = %u, text = text || 'more' WHERE id = %u;"
                   "DELETE FROM note WHERE id = %u; COMMIT;",
                   n, n % 7, 1 + n % ACCOUNTS, n % 7, 1 + (n * 13) % ACCOUNTS, n, n, 50 + n * 37 % 900, n, n / 2,
                   n % 3 ? 0 : n / 3);
    int code = run(sql);
    if (code != SQLITE_OK && !sqlite3_get_autocommit(db))
        run("ROLLBACK");
    return code;
}

static long number(const char *sql)
{
    sqlite3_stmt *asked = NULL;
    long found = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &asked, NULL) == SQLITE_OK && sqlite3_step(asked) == SQLITE_ROW)
        found = (long)sqlite3_column_int64(asked, 0);
    sqlite3_finalize(asked);
    return found;
}

/* Of the notes: how many there are after n turns, and the sum of their turns. */
static void notes_after(unsigned n, long *count, long *turns)
{
    unsigned *of = calloc(n + 1, sizeof *of);
    *count = *turns = 0;
    for (unsigned i = 1; i <= n; i++) {
        of[i] = i;
        if (i / 2 && of[i / 2])
            of[i / 2] = i;
        if (i % 3 == 0)
            of[i / 3] = 0;
    }
    for (unsigned i = 1; i <= n; i++) {
        *count += of[i] != 0;
        *turns += of[i];
    }
    free(of);
}

static bool is_sound(void)
{
    bool sound = false;
    sqlite3_stmt *asked = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &asked, NULL) == SQLITE_OK &&
        sqlite3_step(asked) == SQLITE_ROW)
        sound = strcmp((const char *)sqlite3_column_text(asked, 0), "ok") == 0;
    return sqlite3_finalize(asked) == SQLITE_OK && sound;
}

static bool is_as_after(unsigned n)
{
    long count, turns;
    notes_after(n, &count, &turns);
    return number("SELECT sum(amount) FROM account") == 100L * ACCOUNTS &&
           number("SELECT count(*) FROM note") == count && number("SELECT coalesce(sum(turn), 0) FROM note") == turns &&
           number("SELECT count(*) FROM note INDEXED BY note_by_turn WHERE turn > 0") == count;
}

static void close_ledger(void)
{
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    db = NULL;
}

enum end { END_KEPT, END_LOST, END_DAMAGED };

/* Turns until the power goes at a random call, cuts it, looks. *acked: turns that were acknowledged before. */
static enum end crash_once(const struct mode *mode, uint64_t seed, const struct disk_fault *also, unsigned *acked)
{
    begin(seed);
    make_ledger(mode);
    struct rng rng = rng_fork(seed, "test");
    if (also)
        CU_ASSERT(disk_plan(disk, also));
    struct disk_fault power = {.trouble = DISK_POWER, .calls = CHANGES, .times = 1, .tag = TAG};
    power.at = 1 + rng_below(&rng, 700);
    CU_ASSERT(disk_plan(disk, &power));
    *acked = 0;
    while (turn(*acked + 1) == SQLITE_OK)
        ++*acked;
    CU_ASSERT(disk_is_down(disk));
    disk_forget_faults(disk);
    disk_cut_power(disk, DISK_KEEP_DRAWN);
    close_ledger(); /* the process is dead: it changes nothing */

    enum end found = END_DAMAGED;
    if (open_ledger(mode) == SQLITE_OK && is_sound()) {
        long last = number("SELECT n FROM turn");
        found = last >= (long)*acked && last <= (long)*acked + 1 ? END_KEPT : END_LOST;
        if (last >= 0 && !is_as_after((unsigned)last)) /* below 0: not even its tables */
            found = END_DAMAGED;
        if (found == END_KEPT)
            CU_ASSERT_EQUAL(turn((unsigned)last + 1), SQLITE_OK); /* and it goes on */
    }
    close_ledger();
    end();
    return found;
}

static void test_no_crash_loses_what_was_acknowledged(void)
{
    for (size_t m = 0; m < SOUND_MODES; m++) {
        unsigned bad = 0, most = 0, acked;
        for (uint64_t seed = 0; seed < CRASHES; seed++) {
            enum end found = crash_once(&sound_modes[m], seed, NULL, &acked);
            if (found != END_KEPT && !bad++)
                printf("\n    %s, seed %u: %s after %u turns", sound_modes[m].name, (unsigned)seed,
                       found == END_LOST ? "lost" : "damaged", acked);
            most = acked > most ? acked : most;
        }
        CU_ASSERT_EQUAL(bad, 0);
        CU_ASSERT(most >= 10); /* it was not always the first turn */
    }
}

/* What SQLite's manual says of FULL in this mode: the removal of the journal is not synced, and brings it back. */
static void test_a_journal_that_comes_back_undoes_a_commit(void)
{
    static const struct mode mode = {"delete, full", "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"};
    unsigned lost = 0, damaged = 0, acked;
    for (uint64_t seed = 0; seed < CRASHES; seed++) {
        enum end found = crash_once(&mode, seed, NULL, &acked);
        lost += found == END_LOST;
        damaged += found == END_DAMAGED;
    }
    CU_ASSERT(lost > 0);
    CU_ASSERT_EQUAL(damaged, 0);
}

static void test_without_syncs_commits_are_lost(void)
{
    static const struct mode modes[] = {{"wal", "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"},
                                        {"truncate", "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF;"}};
    for (size_t m = 0; m < 2; m++) {
        unsigned lost = 0, acked;
        for (uint64_t seed = 0; seed < 60; seed++)
            lost += crash_once(&modes[m], seed, NULL, &acked) != END_KEPT;
        CU_ASSERT(lost > 5);
    }
}

static void test_a_disk_that_lies_about_syncs_is_caught(void)
{
    struct disk_fault lies = {.trouble = DISK_LOST_SYNC, .calls = 1U << DISK_SYNC, .at = 1, .tag = TAG + 1};
    for (size_t m = 0; m < SOUND_MODES; m++) {
        unsigned lost = 0, acked;
        for (uint64_t seed = 0; seed < 60; seed++)
            lost += crash_once(&sound_modes[m], seed, &lies, &acked) != END_KEPT;
        CU_ASSERT(lost > 5);
    }
}

/* ---- calls that fail ---- */

/* Moves the fault to call 1, 2, 3, ... of a turn until it does not strike any more. */
static void fail_every_call(const struct mode *mode, enum disk_trouble trouble, unsigned calls, uint64_t times)
{
    bool struck = true;
    unsigned at = 1, failed = 0;
    for (; struck && at < 500; at++) {
        begin(at);
        make_ledger(mode);
        for (unsigned n = 1; n <= 3; n++)
            CU_ASSERT_EQUAL(turn(n), SQLITE_OK);
        struct disk_fault fault = {.trouble = trouble, .calls = calls, .at = at, .times = times, .tag = TAG};
        CU_ASSERT(disk_plan(disk, &fault));
        int code = turn(4);
        struck = disk_struck(disk, TAG, true) > 0;
        failed += code != SQLITE_OK;
        CU_ASSERT(struck || code == SQLITE_OK);
        close_ledger();
        CU_ASSERT_EQUAL(open_ledger(mode), SQLITE_OK);
        CU_ASSERT(is_sound());
        long last = number("SELECT n FROM turn");
        CU_ASSERT(last == 4 || (code != SQLITE_OK && last == 3));
        CU_ASSERT(is_as_after((unsigned)last));
        close_ledger();
        end();
    }
    CU_ASSERT(at > 2 && at < 500);
    CU_ASSERT(failed > 0);
}

static void test_a_call_that_fails_loses_its_transaction_alone(void)
{
    for (size_t m = 0; m < SOUND_MODES; m++) {
        fail_every_call(&sound_modes[m], DISK_IO_ERROR, CHANGES, 1);
        fail_every_call(&sound_modes[m], DISK_NO_ROOM, 1U << DISK_WRITE, 0);
    }
}

/* ---- the medium ---- */

/* A bit in the header of a page of a tree, its kind: what follows from it makes no sense. */
static void test_a_bit_in_a_pages_header_is_found(void)
{
    const struct mode *mode = &sound_modes[2];
    unsigned found = 0, pages = 0;
    for (uint64_t page = 1; page < 20; page++) {
        begin(page);
        make_ledger(mode);
        for (unsigned n = 1; n <= 30; n++)
            CU_ASSERT_EQUAL(turn(n), SQLITE_OK);
        close_ledger();
        struct disk_file *file = disk_find(disk, "ledger.db");
        unsigned char kind = 0;
        disk_read(file, page * 1024, &kind, 1);
        bool tree = kind == 2 || kind == 5 || kind == 10 || kind == 13;
        pages += tree;
        if (tree)
            disk_flip(disk, file, page * 1024, 1);
        CU_ASSERT_EQUAL(open_ledger(mode), SQLITE_OK);
        found += tree && !is_sound();
        close_ledger();
        disk_mend(disk);
        CU_ASSERT_EQUAL(open_ledger(mode), SQLITE_OK);
        CU_ASSERT(is_sound());
        close_ledger();
        end();
    }
    CU_ASSERT(pages > 5);
    CU_ASSERT_EQUAL(found, pages);
}

/* ---- one file, two handles ---- */

static void test_two_connections_bar_each_other(void)
{
    for (size_t m = 0; m < SOUND_MODES; m++) {
        const struct mode *mode = &sound_modes[m];
        bool exclusive = strstr(mode->settings, "EXCLUSIVE") != NULL;
        begin(m);
        make_ledger(mode);
        sqlite3 *first = db;
        CU_ASSERT_EQUAL(run("BEGIN IMMEDIATE; UPDATE turn SET n = 1"), SQLITE_OK);
        int code = open_ledger(mode);
        CU_ASSERT_EQUAL(code, exclusive ? SQLITE_BUSY : code);
        CU_ASSERT_EQUAL(run("BEGIN IMMEDIATE"), SQLITE_BUSY);
        CU_ASSERT(exclusive || number("SELECT n FROM turn") == 0);
        sqlite3 *second = db;
        db = first;
        CU_ASSERT_EQUAL(run("COMMIT"), SQLITE_OK);
        db = second;
        CU_ASSERT(exclusive || number("SELECT n FROM turn") == 1);
        close_ledger();
        db = first;
        close_ledger();
        end();
    }
}

static void test_equal_luck_writes_equal_bytes(void)
{
    static unsigned char bytes[2][200000];
    for (size_t m = 0; m < SOUND_MODES; m++) {
        size_t size[2];
        for (int again = 0; again < 2; again++) {
            begin(5);
            make_ledger(&sound_modes[m]);
            for (unsigned n = 1; n <= 20; n++)
                turn(n);
            struct disk_file *file = disk_find(disk, "ledger.db-wal");
            file = file ? file : disk_find(disk, "ledger.db");
            size[again] = disk_read(file, 0, bytes[again], sizeof bytes[again]);
            close_ledger();
            end();
            unsigned char other[16];
            sqlite3_randomness(sizeof other, other);
        }
        CU_ASSERT(size[0] > 0 && size[0] == size[1]);
        CU_ASSERT_EQUAL(memcmp(bytes[0], bytes[1], size[0]), 0);
    }
}

#define TEST(name) CU_add_test(suite, &#name[5], name)

int suite_disk_vfs(void);
int suite_disk_vfs(void)
{
    CU_pSuite suite = CU_add_suite("disk_vfs", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    TEST(test_no_crash_loses_what_was_acknowledged);
    TEST(test_a_journal_that_comes_back_undoes_a_commit);
    TEST(test_without_syncs_commits_are_lost);
    TEST(test_a_disk_that_lies_about_syncs_is_caught);
    TEST(test_a_call_that_fails_loses_its_transaction_alone);
    TEST(test_a_bit_in_a_pages_header_is_found);
    TEST(test_two_connections_bar_each_other);
    TEST(test_equal_luck_writes_equal_bytes);
    return CUE_SUCCESS;
}
