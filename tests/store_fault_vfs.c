/* store_fault_vfs.c: see store_fault_vfs.h. */
#include "tests/store_fault_vfs.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this */
};

static struct {
    enum fault_call kind;
    int left; /* calls until it fires; 0 = never */
    int code;
    bool lasting, fired;
} fault;

void fault_set(enum fault_call kind, int call, int code, bool lasting)
{
    fault.kind = kind;
    fault.left = call;
    fault.code = code;
    fault.lasting = lasting;
    fault.fired = false;
}

bool fault_clear(void)
{
    bool fired = fault.fired;
    fault_set(FAULT_WRITE, 0, SQLITE_OK, false);
    return fired;
}

static int strike(enum fault_call kind)
{
    if (fault.fired && fault.lasting && kind != FAULT_READ)
        return fault.code;
    if (kind != fault.kind || fault.left == 0 || --fault.left > 0)
        return SQLITE_OK;
    fault.fired = true;
    return fault.code;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
    int code = strike(FAULT_READ);
    return code ? code : real_of(file)->pMethods->xRead(real_of(file), bytes, count, at);
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    int code = strike(FAULT_WRITE);
    return code ? code : real_of(file)->pMethods->xWrite(real_of(file), bytes, count, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = strike(FAULT_WRITE);
    return code ? code : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    int code = strike(FAULT_SYNC);
    (void)flags; /* the machine itself keeps running */
    (void)file;
    return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0; /* promises nothing */
}

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

static sqlite3_vfs *real_vfs(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct fault_file *ours = (struct fault_file *)(void *)file;
    ours->real = (sqlite3_file *)(void *)(ours + 1);
    int code = real_vfs(vfs)->xOpen(real_vfs(vfs), name, ours->real, flags, out_flags);
    ours->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    int code = strike(FAULT_WRITE);
    return code ? code : real_vfs(vfs)->xDelete(real_vfs(vfs), name, sync);
}

void fault_register(void)
{
    static sqlite3_vfs vfs;
    fault_clear();
    if (vfs.zName)
        return;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(real);
    vfs = *real; /* whose other calls do not look at their VFS */
    vfs.pNext = NULL;
    vfs.zName = FAULT_VFS;
    vfs.pAppData = real;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    CU_ASSERT_EQUAL(sqlite3_vfs_register(&vfs, 0), SQLITE_OK);
}
