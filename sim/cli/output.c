/*
 * output.c: result files, whole or not at all: reports/outfile.h for regular files, and the two cases that it has not.
 */
#include "sim/cli/output.h"

#include "core/base.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int tell(const char *path, int error)
{
    fprintf(stderr, "sexton: cannot write %s: %s\n", path, strerror(error));
    return E_IO;
}

static int open_regular(struct output *output)
{
    char dir[OUTFILE_PATH_MAX];
    const char *slash = strrchr(output->path, '/');
    size_t length = slash ? (size_t)(slash - output->path) : 1;
    if (!slash)
        snprintf(dir, sizeof dir, ".");
    else
        snprintf(dir, sizeof dir, "%.*s", (int)(length ? length : 1), output->path);
    int status = outfile_open(&output->regular, dir, slash ? slash + 1 : output->path);
    output->file = status == 0 ? output->regular.out : NULL;
    return status;
}

int output_open(struct output *output, const char *path)
{
    memset(output, 0, sizeof *output);
    if (strlen(path) >= sizeof output->path)
        return tell(path, ENAMETOOLONG);
    snprintf(output->path, sizeof output->path, "%s", path);
    struct stat info;
    if (strcmp(path, "-") == 0) {
        output->file = stdout;
    } else if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        output->file = fopen(path, "w");
    } else {
        output->is_regular = true;
        open_regular(output);
    }
    return output->file ? 0 : tell(path, errno);
}

int output_commit(struct output *output)
{
    FILE *file = output->file;
    int error = output->error;
    output->file = NULL;
    errno = 0;
    if (output->is_regular) {
        bool closed = outfile_close(&output->regular) == 0;
        if (!closed)
            return tell(output->path, error ? error : errno);
    } else {
        bool flushed = fflush(file) == 0 && !ferror(file); /* flushed first: an earlier failure's errno is gone */
        if (!flushed && !error)
            error = errno ? errno : EIO;
        if (file != stdout && fclose(file) != 0 && !error)
            error = errno;
    }
    return error ? tell(output->path, error) : 0;
}
