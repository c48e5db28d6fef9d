/*
 * outfile.c: temporary file and rename. Errors of every write are kept by stdio until the close asks for them.
 *
 * Until then the temporary file has no name, where the system knows such files: so a process that ends in the middle,
 * killed or without memory, leaves nothing behind.
 */
#include "reports/outfile.h"

#include "core/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FILES "/proc/self/fd"

int outfile_open(struct outfile *file, const char *dir, const char *name)
{
    int path = snprintf(file->path, sizeof file->path, "%s/%s", dir, name);
    int temp = snprintf(file->temp, sizeof file->temp, "%s/%s.%ld.tmp", dir, name, (long)getpid());
    if (path >= OUTFILE_PATH_MAX || temp >= OUTFILE_PATH_MAX) {
        errno = ENAMETOOLONG;
        return E_LIMIT;
    }
    int fd = access(OPEN_FILES, X_OK) == 0 ? open(dir, O_TMPFILE | O_WRONLY, 0666) : -1;
    file->nameless = fd >= 0;
    file->out = file->nameless ? fdopen(fd, "w") : fopen(file->temp, "w");
    if (!file->out && file->nameless)
        close(fd);
    return file->out ? 0 : E_IO;
}

static int give_name(const struct outfile *file)
{
    char found[64];
    if (!file->nameless)
        return 0;
    (void)snprintf(found, sizeof found, OPEN_FILES "/%d", fileno(file->out));
    return linkat(AT_FDCWD, found, AT_FDCWD, file->temp, AT_SYMLINK_FOLLOW);
}

int outfile_close(struct outfile *file)
{
    errno = 0;
    bool failed = ferror(file->out) != 0;
    failed |= fflush(file->out) != 0 || give_name(file) != 0;
    int error = errno;
    if (fclose(file->out) && !failed) {
        failed = true;
        error = errno;
    }
    if (!failed && !rename(file->temp, file->path))
        return 0;
    if (!failed)
        error = errno;
    unlink(file->temp);
    errno = error ? error : EIO;
    return E_IO;
}

void outfile_discard(struct outfile *file)
{
    fclose(file->out);
    unlink(file->temp);
}

int outfile_make_dir(const char *dir)
{
    char path[OUTFILE_PATH_MAX];
    size_t len = strlen(dir);
    if (len >= sizeof path) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i])
            continue;
        char kept = path[i];
        path[i] = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return E_IO;
        path[i] = kept;
    }
    struct stat is;
    if (stat(dir, &is))
        return E_IO;
    errno = ENOTDIR;
    return S_ISDIR(is.st_mode) ? 0 : E_IO;
}
