/*
 * keep_stores.c: writes the backup images of a run's stores as files. Only SQLite's images are files; a run on the
 * memory store is refused before it begins.
 */
#include "sim/cli/keep_stores.h"

#include "sim/cli/output.h"

#include <errno.h>
#include <string.h>

static int write_image(const struct store_image *image, const char *path)
{
    struct output output;
    if (output_open(&output, path) < 0)
        return E_IO;
    errno = 0;
    if (fwrite(image->bytes, 1, image->size, output.file) != image->size)
        output.error = errno ? errno : EIO;
    return output_commit(&output);
}

static int keep(const struct run *run, shard_id shard, enum store_part part, const char *dir)
{
    char path[OUTFILE_PATH_MAX];
    struct store_image *image;
    int len = snprintf(path, sizeof path, "%s/shard.%u.%s.db", dir, shard, store_part_name(part));
    if (len < 0 || (size_t)len >= sizeof path) {
        fprintf(stderr, "sexton run: found a path that is too long, expected a shorter one: %s\n", dir);
        return E_LIMIT;
    }
    int status = world_store_image(run_world(run), shard, part, &image);
    if (status < 0) {
        fprintf(stderr, "sexton run: cannot make an image of %s: %s\n", path, base_status_text(status));
        return status;
    }
    status = write_image(image, path);
    store_image_free(image);
    return status;
}

int keep_stores(const struct run *run, const char *dir)
{
    if (outfile_make_dir(dir) < 0) {
        fprintf(stderr, "sexton run: cannot make the directory %s: %s\n", dir, strerror(errno));
        return E_IO;
    }
    for (shard_id shard = 0; shard < world_shard_count(run_world(run)); shard++)
        for (int part = 0; part < STORE_PARTS; part++) {
            int status = keep(run, shard, (enum store_part)part, dir);
            if (status < 0)
                return status;
        }
    return 0;
}
