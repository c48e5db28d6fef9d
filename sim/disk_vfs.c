/*
 * disk_vfs.c: SQLite's calls, each first a question to the disk (is something wrong with this call?), then what was
 * asked for.
 *
 * What trouble comes to:
 *   the power is cut   SQLITE_IOERR, now and from now on, and nothing is done: the process does not live to see it.
 *   an error           SQLITE_IOERR of the call's own kind, and nothing is done.
 *   no room            SQLITE_FULL for a write, and nothing is done.
 *   a lost sync        SQLITE_OK, and nothing is done.
 *   a short read       SQLITE_IOERR_SHORT_READ with the second half zeros, where there is more: what SQLite takes for
 *                      the end of the file. Its own VFS would have asked again, so this is a file that became shorter.
 *   a bit              is turned over in what is about to be read, on the medium, and nothing is said.
 *
 * Shared memory, for a write-ahead log that is not held exclusively, hangs on the database's name in a list of the VFS;
 * it goes with the last handle that maps it, or with the life of the disk.
 */
#include "sim/disk_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VFS_NAME_MAX 40
#define JULIAN_2025_MS 212602492800000LL /* of 2025-01-01, as SQLite counts: nothing that is stored hangs on it */
#define SHM_REGIONS_MAX 64

struct handle;
struct shm {
    struct disk_file *file;
    uint32_t life;
    void *regions[SHM_REGIONS_MAX];
    struct shm *next;
};
struct handle {
    sqlite3_file base;
    struct disk_vfs *vfs;
    struct disk_file *file;
    uint32_t life;
    int lock;
    bool syncs_directory, deletes;
    struct shm *shm;
    unsigned shared, exclusive; /* bits of the locks of the shared memory that it has */
    struct handle *next;
};
struct disk_vfs {
    sqlite3_vfs base;
    struct disk *disk;
    struct handle *handles; /* that are open, dead ones too */
    struct shm *shms;
    char name[VFS_NAME_MAX];
};

static struct handle *handle_of(sqlite3_file *file)
{
    return (struct handle *)(void *)file;
}

static struct disk_vfs *vfs_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static bool is_dead(const struct handle *handle)
{
    return handle->life != disk_life(handle->vfs->disk);
}

/* SQLITE_OK: go on, unless `trouble` says how. */
static int ask(struct disk_vfs *vfs, enum disk_call call, int error, enum disk_trouble *trouble)
{
    *trouble = disk_strike(vfs->disk, call);
    switch (*trouble) {
        case DISK_POWER:
        case DISK_IO_ERROR:
            return error;
        case DISK_NO_ROOM:
            return call == DISK_WRITE ? SQLITE_FULL : SQLITE_OK;
        default:
            return SQLITE_OK;
    }
}

/* ---- bytes ---- */

static int handle_read(sqlite3_file *base, void *bytes, int size, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);
    enum disk_trouble trouble;
    if (is_dead(h))
        return SQLITE_IOERR_READ;
    int code = ask(h->vfs, DISK_READ, SQLITE_IOERR_READ, &trouble);
    if (code != SQLITE_OK)
        return code;
    if (trouble == DISK_BIT_FLIP)
        disk_flip(h->vfs->disk, h->file, (uint64_t)at, (uint64_t)size);
    size_t wanted = (size_t)size, got = disk_read(h->file, (uint64_t)at, bytes, wanted);
    if (trouble == DISK_SHORT_READ) {
        memset((unsigned char *)bytes + wanted / 2, 0, wanted - wanted / 2);
        return SQLITE_IOERR_SHORT_READ;
    }
    return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int handle_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 at)
{
    struct handle *h = handle_of(base);
    enum disk_trouble trouble;
    if (is_dead(h))
        return SQLITE_IOERR_WRITE;
    int code = ask(h->vfs, DISK_WRITE, SQLITE_IOERR_WRITE, &trouble);
    if (code == SQLITE_OK)
        disk_write(h->vfs->disk, h->file, (uint64_t)at, bytes, (size_t)size);
    return code;
}

static int handle_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *h = handle_of(base);
    enum disk_trouble trouble;
    if (is_dead(h))
        return SQLITE_IOERR_TRUNCATE;
    int code = ask(h->vfs, DISK_TRUNCATE, SQLITE_IOERR_TRUNCATE, &trouble);
    if (code == SQLITE_OK)
        disk_truncate(h->vfs->disk, h->file, (uint64_t)size);
    return code;
}

static int handle_sync(sqlite3_file *base, int flags)
{
    struct handle *h = handle_of(base);
    enum disk_trouble trouble;
    (void)flags; /* a sync without the inode's other times is as good */
    if (is_dead(h))
        return SQLITE_IOERR_FSYNC;
    int code = ask(h->vfs, DISK_SYNC, SQLITE_IOERR_FSYNC, &trouble);
    if (code == SQLITE_OK && trouble == DISK_LOST_SYNC)
        disk_lose_sync(h->vfs->disk, h->file);
    if (code != SQLITE_OK || trouble == DISK_LOST_SYNC)
        return code;
    disk_sync(h->vfs->disk, h->file);
    if (h->syncs_directory)
        disk_sync_directory(h->vfs->disk);
    h->syncs_directory = false;
    return SQLITE_OK;
}

static int handle_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct handle *h = handle_of(base);
    *size = is_dead(h) ? 0 : (sqlite3_int64)disk_size(h->file);
    return is_dead(h) ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* ---- locks ---- */

static int highest_of_others(const struct handle *h)
{
    int highest = SQLITE_LOCK_NONE;
    for (const struct handle *other = h->vfs->handles; other; other = other->next)
        if (other != h && other->file == h->file && !is_dead(other) && other->lock > highest)
            highest = other->lock;
    return highest;
}

static int handle_lock(sqlite3_file *base, int lock)
{
    struct handle *h = handle_of(base);
    if (is_dead(h))
        return SQLITE_IOERR_LOCK;
    if (lock <= h->lock)
        return SQLITE_OK;
    int others = highest_of_others(h);
    if (lock == SQLITE_LOCK_SHARED && others >= SQLITE_LOCK_PENDING)
        return SQLITE_BUSY;
    if (lock >= SQLITE_LOCK_RESERVED && others >= SQLITE_LOCK_RESERVED)
        return SQLITE_BUSY;
    if (lock == SQLITE_LOCK_EXCLUSIVE && others >= SQLITE_LOCK_SHARED) {
        h->lock = SQLITE_LOCK_PENDING; /* no more readers */
        return SQLITE_BUSY;
    }
    h->lock = lock;
    return SQLITE_OK;
}

static int handle_unlock(sqlite3_file *base, int lock)
{
    struct handle *h = handle_of(base);
    if (lock < h->lock)
        h->lock = lock;
    return SQLITE_OK;
}

static int handle_reserved(sqlite3_file *base, int *result)
{
    struct handle *h = handle_of(base);
    *result = h->lock >= SQLITE_LOCK_RESERVED || highest_of_others(h) >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

/* ---- shared memory ---- */

static void shm_free(struct disk_vfs *vfs, struct shm *shm)
{
    struct shm **at = &vfs->shms;
    while (*at != shm)
        at = &(*at)->next;
    *at = shm->next;
    for (size_t i = 0; i < SHM_REGIONS_MAX; i++)
        free(shm->regions[i]);
    free(shm);
}

static bool shm_is_used(const struct disk_vfs *vfs, const struct shm *shm)
{
    for (const struct handle *h = vfs->handles; h; h = h->next)
        if (h->shm == shm)
            return true;
    return false;
}

static struct shm *shm_of(struct handle *h)
{
    for (struct shm *shm = h->vfs->shms; shm; shm = shm->next)
        if (shm->file == h->file && shm->life == h->life)
            return shm;
    struct shm *shm = base_alloc(sizeof *shm);
    *shm = (struct shm){.file = h->file, .life = h->life, .next = h->vfs->shms};
    h->vfs->shms = shm;
    return shm;
}

static int handle_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **memory)
{
    struct handle *h = handle_of(base);
    *memory = NULL;
    if (is_dead(h) || region >= SHM_REGIONS_MAX)
        return SQLITE_IOERR_SHMMAP;
    if (!h->shm)
        h->shm = shm_of(h);
    if (!h->shm->regions[region] && extend)
        h->shm->regions[region] = base_alloc((size_t)size);
    *memory = h->shm->regions[region];
    return SQLITE_OK;
}

static int handle_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct handle *h = handle_of(base);
    unsigned mask = ((1U << count) - 1) << first;
    if (is_dead(h))
        return SQLITE_IOERR_SHMLOCK;
    if (flags & SQLITE_SHM_UNLOCK) {
        h->shared &= ~mask;
        h->exclusive &= ~mask;
        return SQLITE_OK;
    }
    for (const struct handle *other = h->vfs->handles; other; other = other->next) {
        bool bars = (other->exclusive & mask) || ((flags & SQLITE_SHM_EXCLUSIVE) && (other->shared & mask));
        if (other != h && other->shm == h->shm && bars)
            return SQLITE_BUSY;
    }
    if (flags & SQLITE_SHM_EXCLUSIVE)
        h->exclusive |= mask;
    else
        h->shared |= mask;
    return SQLITE_OK;
}

static void handle_shm_barrier(sqlite3_file *base)
{
    (void)base; /* one thread */
}

static int handle_shm_unmap(sqlite3_file *base, int deletes)
{
    struct handle *h = handle_of(base);
    struct shm *shm = h->shm;
    (void)deletes; /* it is memory: it goes with its last user */
    h->shm = NULL;
    h->shared = h->exclusive = 0;
    if (shm && !shm_is_used(h->vfs, shm))
        shm_free(h->vfs, shm);
    return SQLITE_OK;
}

/* ---- the rest of a file ---- */

static int handle_control(sqlite3_file *base, int op, void *argument)
{
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int handle_sector_size(sqlite3_file *base)
{
    (void)base;
    return DISK_SECTOR_BYTES;
}

static int handle_characteristics(sqlite3_file *base)
{
    (void)base;
    return 0;
}

static int handle_close(sqlite3_file *base)
{
    struct handle *h = handle_of(base);
    struct disk_vfs *vfs = h->vfs;
    handle_shm_unmap(base, 0);
    struct handle **at = &vfs->handles;
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    if (h->deletes && !is_dead(h))
        disk_remove(vfs->disk, h->file);
    disk_let_go(vfs->disk, h->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = handle_close,
    .xRead = handle_read,
    .xWrite = handle_write,
    .xTruncate = handle_truncate,
    .xSync = handle_sync,
    .xFileSize = handle_size,
    .xLock = handle_lock,
    .xUnlock = handle_unlock,
    .xCheckReservedLock = handle_reserved,
    .xFileControl = handle_control,
    .xSectorSize = handle_sector_size,
    .xDeviceCharacteristics = handle_characteristics,
    .xShmMap = handle_shm_map,
    .xShmLock = handle_shm_lock,
    .xShmBarrier = handle_shm_barrier,
    .xShmUnmap = handle_shm_unmap,
};

/* ---- the file system ---- */

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct disk_vfs *vfs = vfs_of(base);
    struct handle *h = handle_of(file);
    const int beside = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    *h = (struct handle){0};
    if (disk_is_down(vfs->disk) || (name && strlen(name) >= DISK_NAME_MAX))
        return SQLITE_CANTOPEN;
    struct disk_file *found = name ? disk_find(vfs->disk, name) : NULL;
    bool makes = !found;
    if (makes && name && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    if (makes)
        found = name ? disk_create(vfs->disk, name) : disk_temporary(vfs->disk);
    *h = (struct handle){.base = {&methods}, .vfs = vfs, .file = found, .life = disk_life(vfs->disk)};
    h->syncs_directory = makes && (flags & beside);
    h->deletes = name && (flags & SQLITE_OPEN_DELETEONCLOSE);
    h->next = vfs->handles;
    vfs->handles = h;
    disk_hold(found);
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int syncs)
{
    struct disk_vfs *vfs = vfs_of(base);
    enum disk_trouble trouble;
    struct disk_file *file = disk_find(vfs->disk, name);
    if (!file)
        return SQLITE_IOERR_DELETE_NOENT;
    int code = ask(vfs, DISK_REMOVE, SQLITE_IOERR_DELETE, &trouble);
    if (code != SQLITE_OK)
        return code;
    disk_remove(vfs->disk, file);
    if (!syncs)
        return SQLITE_OK;
    code = ask(vfs, DISK_SYNC, SQLITE_IOERR_DIR_FSYNC, &trouble);
    if (code == SQLITE_OK && trouble != DISK_LOST_SYNC)
        disk_sync_directory(vfs->disk);
    return code;
}

/* As on Unix: an empty file is none. */
static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *result)
{
    const struct disk_file *file = disk_find(vfs_of(base)->disk, name);
    *result = file && (flags != SQLITE_ACCESS_EXISTS || disk_size(file) > 0);
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *base, const char *name, int size, char *full)
{
    (void)base;
    int length = snprintf(full, (size_t)size, "%s", name);
    return length >= 0 && length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_luck(sqlite3_vfs *base, int size, char *bytes)
{
    for (int i = 0; i < size; i += 8) {
        uint64_t luck = disk_draw(vfs_of(base)->disk);
        memcpy(bytes + i, &luck, (size_t)(size - i < 8 ? size - i : 8));
    }
    return size;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
    disk_wait(vfs_of(base)->disk, (uint64_t)us);
    return us;
}

static int vfs_time_ms(sqlite3_vfs *base, sqlite3_int64 *ms)
{
    *ms = JULIAN_2025_MS + (sqlite3_int64)(disk_waited_us(vfs_of(base)->disk) / 1000);
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *text)
{
    (void)base;
    if (size > 0)
        text[0] = '\0';
    return 0;
}

struct disk_vfs *disk_vfs_new(struct disk *disk)
{
    struct disk_vfs *vfs = base_alloc(sizeof *vfs);
    vfs->disk = disk;
    (void)snprintf(vfs->name, sizeof vfs->name, "sexton-disk-%p", (void *)vfs); /* only to be found by */
    vfs->base = (sqlite3_vfs){.iVersion = 2,
                              .szOsFile = (int)sizeof(struct handle),
                              .mxPathname = DISK_NAME_MAX,
                              .zName = vfs->name,
                              .pAppData = vfs,
                              .xOpen = vfs_open,
                              .xDelete = vfs_delete,
                              .xAccess = vfs_access,
                              .xFullPathname = vfs_full_name,
                              .xRandomness = vfs_luck,
                              .xSleep = vfs_sleep,
                              .xGetLastError = vfs_last_error,
                              .xCurrentTimeInt64 = vfs_time_ms};
    int code = sqlite3_vfs_register(&vfs->base, 0);
    assert(code == SQLITE_OK);
    (void)code;
    return vfs;
}

void disk_vfs_free(struct disk_vfs *vfs)
{
    if (!vfs)
        return;
    assert(!vfs->handles && !vfs->shms);
    sqlite3_vfs_unregister(&vfs->base);
    free(vfs);
}

const char *disk_vfs_name(const struct disk_vfs *vfs)
{
    return vfs->name;
}

void disk_vfs_reseed(struct disk_vfs *vfs)
{
    unsigned char byte;
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    sqlite3_vfs_register(&vfs->base, 1);
    sqlite3_randomness(0, NULL);
    sqlite3_randomness((int)sizeof byte, &byte); /* takes the seed from the default VFS, now */
    sqlite3_vfs_register(usual, 1);
}
