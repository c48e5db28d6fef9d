/*
 * store_sqlite_guard.c: stands between SQLite and the file system, and believes nothing that it reads.
 *
 *   a page      of the database ends in 8 reserved bytes: the checksum of the rest of it and of its number. It is set
 *               when the page is written, in SQLite's own copy too, and compared when the page is read: a bit that
 *               turned over anywhere in it is SQLITE_CORRUPT, and never an answer. (The idea is that of SQLite's
 *               cksumvfs.c.) The gap of a page of a b-tree counts as zeros, because wiping it
 *               (store_sqlite_scrub.c) is not to be a change: torn in the middle, it would make a sound page unsound.
 *   the log     has a checksum in each frame, which SQLite reads once, when it opens. What it read then, and what was
 *               written since, is remembered here, and compared when a page comes from the log.
 *   a journal   keeps the pages as they were, checksums included: compared when it is played back, or, for one that
 *               was left by a crash, when they are read from the database that it was put back into.
 *   a read      that comes short though the file goes on is an error of the disk. SQLite would take it for the end of
 *               the file, and the rest of the page for zeros.
 *
 * Not compared: the first hundred bytes of the file, and the version words in them, when they are read apart; what
 * SQLite does with them it does again with the whole page 1, and may do first, while a journal still has to be played
 * back. A page of zeros is a hole, which no checksum was written for; SQLite knows by its number that it is free. A
 * database without reserved bytes (of a schema version before 3) is read as it is; that no other is without them is
 * for the caller to check.
 *
 * Limit: a bit in the last transaction of a log that nobody has read since the machine went down looks like a commit
 * that did not happen: SQLite drops it. Bits in memory are nobody's.
 */
#include "core/store_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUM_BYTES SQLITE_RESERVED_BYTES
#define SUMMED_BYTES (SQLITE_FILE_PAGE_BYTES - SUM_BYTES)
#define HEADER_RESERVED 20 /* of page 1: how many bytes each page reserves */
#define LOG_HEADER_BYTES 32
#define FRAME_HEADER_BYTES 24
#define FRAME_BYTES (FRAME_HEADER_BYTES + SQLITE_FILE_PAGE_BYTES)
#define NAME_BYTES 40

struct sqlite_guard {
    sqlite3_vfs vfs; /* pAppData: the one below */
    char name[NAME_BYTES];
    bool summed;  /* the database's pages end in checksums */
    bool replays; /* a journal that a crash left may be played back: what is written now is what it says */
};
struct guarded {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this */
    struct sqlite_guard *guard;
    int kind; /* SQLITE_OPEN_MAIN_DB, _MAIN_JOURNAL, _WAL; else 0 */
    /* of a log: of each frame's page, | 1; 0 = unknown */
    uint64_t *sums;
    size_t sum_cap;
    /* and a page of it that is being written in pieces: its frame, + 1, and how much of it there is */
    size_t piece_of, piece_size;
    unsigned char piece[SQLITE_FILE_PAGE_BYTES];
};

static struct guarded *guarded_of(sqlite3_file *file)
{
    return (struct guarded *)(void *)file;
}

/* ---- checksums ---- */

/* Each step is one-to-one in the sum and in the word: a change within one word is always seen. */
static uint64_t fold(uint64_t sum, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        for (size_t b = 0; b < 8 && i + b < size; b++)
            word |= (uint64_t)bytes[i + b] << (8 * b);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
        sum ^= sum >> 29;
    }
    return sum;
}

static uint64_t page_sum(const unsigned char *page, uint64_t number)
{
    size_t from, to;
    sqlite_page_gap(page, SQLITE_FILE_PAGE_BYTES, number == 1, &from, &to);
    if (to > SUMMED_BYTES)
        from = to = 0;
    uint64_t sum = fold(0x73657874ULL + number, page, from);
    return fold(sum, page + to, SUMMED_BYTES - to);
}

static void set_sum(unsigned char *page, uint64_t number)
{
    uint64_t sum = page_sum(page, number);
    for (size_t i = 0; i < SUM_BYTES; i++)
        page[SUMMED_BYTES + i] = (unsigned char)(sum >> (8 * i));
}

static bool is_hole(const unsigned char *page)
{
    for (size_t i = 0; i < SQLITE_FILE_PAGE_BYTES; i++)
        if (page[i])
            return false;
    return true;
}

static bool is_sound(const unsigned char *page, uint64_t number)
{
    uint64_t sum = page_sum(page, number);
    for (size_t i = 0; i < SUM_BYTES; i++)
        if (page[SUMMED_BYTES + i] != (unsigned char)(sum >> (8 * i)))
            return is_hole(page);
    return true;
}

bool sqlite_pages_are_sound(const unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at + SQLITE_FILE_PAGE_BYTES <= size; at += SQLITE_FILE_PAGE_BYTES)
        if (!is_sound(bytes + at, at / SQLITE_FILE_PAGE_BYTES + 1))
            return false;
    return true;
}

void sqlite_sum_pages(unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at + SQLITE_FILE_PAGE_BYTES <= size; at += SQLITE_FILE_PAGE_BYTES)
        set_sum(bytes + at, at / SQLITE_FILE_PAGE_BYTES + 1);
}

/* ---- the log ---- */

/* The frame of which this is the page, from `within` on; false for what is no part of one. */
static bool frame_at(sqlite3_int64 at, size_t *frame, size_t *within)
{
    if (at < LOG_HEADER_BYTES)
        return false;
    size_t offset = (size_t)(at - LOG_HEADER_BYTES);
    *frame = offset / FRAME_BYTES;
    *within = offset % FRAME_BYTES;
    if (*within < FRAME_HEADER_BYTES)
        return false;
    *within -= FRAME_HEADER_BYTES;
    return true;
}

static uint64_t *sum_of_frame(struct guarded *f, size_t frame)
{
    f->sums = base_grow(f->sums, &f->sum_cap, frame + 1, sizeof *f->sums);
    return &f->sums[frame];
}

static uint64_t frame_sum(const unsigned char *page)
{
    return fold(0, page, SQLITE_FILE_PAGE_BYTES) | 1;
}

/* SQLite writes a page at once, or in two pieces, with a sync between them. */
static void note_log_write(struct guarded *f, const unsigned char *bytes, size_t size, sqlite3_int64 at)
{
    size_t frame, within;
    if (!frame_at(at, &frame, &within))
        return;
    uint64_t *sum = sum_of_frame(f, frame);
    *sum = 0;
    if (within + size > SQLITE_FILE_PAGE_BYTES) { /* of several frames: never seen */
        memset(f->sums, 0, f->sum_cap * sizeof *f->sums);
        return;
    }
    if (within == 0)
        f->piece_size = 0;
    else if (f->piece_of != frame + 1 || f->piece_size != within)
        return;
    memcpy(f->piece + within, bytes, size);
    f->piece_of = frame + 1;
    f->piece_size = within + size;
    if (f->piece_size == SQLITE_FILE_PAGE_BYTES)
        *sum = frame_sum(f->piece);
}

/* A page, or a whole frame, as SQLite reads it when it opens the log. */
static int judge_log_read(struct guarded *f, const unsigned char *bytes, size_t size, sqlite3_int64 at)
{
    size_t frame, within;
    if (size == FRAME_BYTES) {
        bytes += FRAME_HEADER_BYTES;
        at += FRAME_HEADER_BYTES;
    } else if (size != SQLITE_FILE_PAGE_BYTES) {
        return SQLITE_OK;
    }
    if (!frame_at(at, &frame, &within) || within)
        return SQLITE_OK;
    uint64_t *sum = sum_of_frame(f, frame), found = frame_sum(bytes);
    if (*sum && *sum != found)
        return SQLITE_CORRUPT;
    *sum = found;
    return SQLITE_OK;
}

static void forget_log_after(struct guarded *f, sqlite3_int64 size)
{
    for (size_t frame = 0; frame < f->sum_cap; frame++)
        if (LOG_HEADER_BYTES + (sqlite3_int64)((frame + 1) * FRAME_BYTES) > size)
            f->sums[frame] = 0;
}

/* ---- the database, and its journal ---- */

/* By its page 1. */
static bool has_checksums(const unsigned char *header)
{
    return memcmp(header, "SQLite format 3", 16) == 0 && header[HEADER_RESERVED];
}

static int judge_page(struct guarded *f, const unsigned char *page, size_t size, sqlite3_int64 at)
{
    if (size != SQLITE_FILE_PAGE_BYTES || at % SQLITE_FILE_PAGE_BYTES)
        return SQLITE_OK;
    f->guard->replays &= at != 0;
    f->guard->summed |= at == 0 && has_checksums(page);
    if (f->guard->summed && !is_sound(page, (uint64_t)at / SQLITE_FILE_PAGE_BYTES + 1))
        return SQLITE_CORRUPT;
    return SQLITE_OK;
}

/* In a journal the number of a page is the four bytes before it. */
static int judge_journal_page(struct guarded *f, const unsigned char *page, size_t size, sqlite3_int64 at)
{
    unsigned char number[4];
    if (!f->guard->summed || f->guard->replays || size != SQLITE_FILE_PAGE_BYTES || at < (sqlite3_int64)sizeof number)
        return SQLITE_OK;
    int code = f->real->pMethods->xRead(f->real, number, (int)sizeof number, at - (sqlite3_int64)sizeof number);
    if (code != SQLITE_OK)
        return code;
    uint64_t page_number = (uint64_t)number[0] << 24 | (uint64_t)number[1] << 16 | (uint64_t)number[2] << 8 | number[3];
    return is_sound(page, page_number) ? SQLITE_OK : SQLITE_CORRUPT;
}

/* ---- calls on files ---- */

/* It came short: because the file ends there, or because the disk failed? */
static int judge_short(struct guarded *f, size_t size, sqlite3_int64 at)
{
    sqlite3_int64 end = 0;
    int code = f->real->pMethods->xFileSize(f->real, &end);
    if (code != SQLITE_OK)
        return code;
    return at + (sqlite3_int64)size <= end ? SQLITE_IOERR_READ : SQLITE_IOERR_SHORT_READ;
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
    struct guarded *f = guarded_of(file);
    int code = f->real->pMethods->xRead(f->real, bytes, count, at);
    if (code == SQLITE_IOERR_SHORT_READ)
        return judge_short(f, (size_t)count, at);
    if (code != SQLITE_OK)
        return code;
    if (f->kind == SQLITE_OPEN_MAIN_DB)
        return judge_page(f, bytes, (size_t)count, at);
    if (f->kind == SQLITE_OPEN_WAL)
        return judge_log_read(f, bytes, (size_t)count, at);
    return f->kind == SQLITE_OPEN_MAIN_JOURNAL ? judge_journal_page(f, bytes, (size_t)count, at) : SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    struct guarded *f = guarded_of(file);
    bool page = f->kind == SQLITE_OPEN_MAIN_DB && count == SQLITE_FILE_PAGE_BYTES && at % SQLITE_FILE_PAGE_BYTES == 0;
    if (page && at == 0)
        f->guard->summed = has_checksums(bytes);
    if (page && f->guard->summed && !f->guard->replays) {
        void *writable; /* it is a page of SQLite's cache, which is to have the checksum too, for the journal */
        memcpy(&writable, &bytes, sizeof writable);
        set_sum(writable, (uint64_t)at / SQLITE_FILE_PAGE_BYTES + 1);
    }
    if (f->kind == SQLITE_OPEN_MAIN_JOURNAL)
        f->guard->replays = false; /* another transaction begins with it */
    int code = f->real->pMethods->xWrite(f->real, bytes, count, at);
    if (code == SQLITE_OK && f->kind == SQLITE_OPEN_WAL)
        note_log_write(f, bytes, (size_t)count, at);
    return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct guarded *f = guarded_of(file);
    int code = f->real->pMethods->xTruncate(f->real, size);
    if (code == SQLITE_OK)
        forget_log_after(f, size);
    return code;
}

static int file_close(sqlite3_file *file)
{
    struct guarded *f = guarded_of(file);
    free(f->sums);
    return f->real->pMethods->xClose(f->real);
}

static int file_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xSync(real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xFileSize(real, size);
}

static int file_lock(sqlite3_file *file, int lock)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xLock(real, lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xUnlock(real, lock);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xCheckReservedLock(real, result);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xFileControl(real, op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xSectorSize(real);
}

static int file_characteristics(sqlite3_file *file)
{
    sqlite3_file *real = guarded_of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

/* Version 1: no shared memory and no mapped file, whose pages nobody would compare. The store holds its file alone. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* ---- the file system ---- */

static sqlite3_vfs *below(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* Page 1 may be in a log, and not be read from the database for long. */
static int look_first(struct guarded *f)
{
    unsigned char header[HEADER_RESERVED + 1] = {0};
    sqlite3_int64 size = 0;
    int code = f->real->pMethods->xFileSize(f->real, &size);
    if (code == SQLITE_OK && size > HEADER_RESERVED)
        code = f->real->pMethods->xRead(f->real, header, (int)sizeof header, 0);
    f->guard->summed = has_checksums(header);
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_IOERR_READ : code;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct guarded *f = guarded_of(file);
    *f = (struct guarded){.guard = (struct sqlite_guard *)(void *)vfs};
    f->kind = flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL);
    f->guard->replays |= f->kind == SQLITE_OPEN_MAIN_JOURNAL && !(flags & SQLITE_OPEN_CREATE);
    f->real = (sqlite3_file *)(void *)(f + 1);
    int code = below(vfs)->xOpen(below(vfs), name, f->real, flags, out_flags);
    f->base.pMethods = f->real->pMethods ? &methods : NULL;
    return code == SQLITE_OK && f->kind == SQLITE_OPEN_MAIN_DB ? look_first(f) : code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    return below(vfs)->xDelete(below(vfs), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    return below(vfs)->xAccess(below(vfs), name, flags, result);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path)
{
    return below(vfs)->xFullPathname(below(vfs), name, size, path);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *bytes)
{
    return below(vfs)->xRandomness(below(vfs), size, bytes);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    return below(vfs)->xSleep(below(vfs), us);
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *julian_ms)
{
    *julian_ms = 0;
    bool knows = below(vfs)->iVersion >= 2 && below(vfs)->xCurrentTimeInt64;
    return knows ? below(vfs)->xCurrentTimeInt64(below(vfs), julian_ms) : SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    return below(vfs)->xGetLastError ? below(vfs)->xGetLastError(below(vfs), size, text) : 0;
}

struct sqlite_guard *sqlite_guard_new(const char *vfs)
{
    sqlite3_vfs *real = sqlite3_vfs_find(vfs);
    if (!real)
        return NULL;
    struct sqlite_guard *guard = base_alloc(sizeof *guard);
    (void)snprintf(guard->name, sizeof guard->name, "guard-%p", (void *)guard); /* nothing is ordered by it */
    guard->vfs = (sqlite3_vfs){.iVersion = 2,
                               .szOsFile = (int)sizeof(struct guarded) + real->szOsFile,
                               .mxPathname = real->mxPathname,
                               .zName = guard->name,
                               .pAppData = real,
                               .xOpen = vfs_open,
                               .xDelete = vfs_delete,
                               .xAccess = vfs_access,
                               .xFullPathname = vfs_full_path,
                               .xRandomness = vfs_randomness,
                               .xSleep = vfs_sleep,
                               .xCurrentTimeInt64 = vfs_time,
                               .xGetLastError = vfs_last_error};
    if (sqlite3_vfs_register(&guard->vfs, 0) == SQLITE_OK)
        return guard;
    free(guard);
    return NULL;
}

void sqlite_guard_free(struct sqlite_guard *guard)
{
    if (guard)
        sqlite3_vfs_unregister(&guard->vfs);
    free(guard);
}

int sqlite_guard_open(struct sqlite_guard *guard, const char *path, sqlite3 **db, int flags)
{
    return sqlite3_open_v2(path, db, flags, guard->name);
}

bool sqlite_guard_is_on(const struct sqlite_guard *guard)
{
    return guard->summed;
}
