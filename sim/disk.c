/*
 * disk.c: files in memory.
 *
 * Method: a file keeps two images, `seen` and `medium`, and the changes that lead from the second to the first: writes
 * with their bytes, truncations. A sync copies what changed to `medium` and forgets the changes.
 */
#include "sim/disk_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- images ---- */

void disk_image_resize(struct image *image, size_t size)
{
    if (size > image->size) {
        image->bytes = base_grow(image->bytes, &image->cap, size, 1);
        memset(image->bytes + image->size, 0, size - image->size);
    }
    image->size = size;
}

void disk_image_write(struct image *image, uint64_t at, const unsigned char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (at + size > image->size)
        disk_image_resize(image, at + size);
    memcpy(image->bytes + at, bytes, size);
}

void disk_image_copy(struct image *to, const struct image *from)
{
    disk_image_resize(to, 0);
    disk_image_write(to, 0, from->bytes, from->size);
}

/* ---- the medium, and the bits that were turned over on it ---- */

/* [from, to) of the medium, or of what is seen, was written or cut off. */
void disk_forget_flips(struct disk_file *file, bool medium, uint64_t from, uint64_t to)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->flip_count; i++) {
        struct flip *flip = &file->flips[i];
        bool over = flip->at >= from && flip->at < to;
        if (over && medium)
            flip->medium = false;
        else if (over)
            flip->seen = false;
        if (flip->seen || flip->medium)
            file->flips[kept++] = *flip;
    }
    file->flip_count = kept;
}

void disk_medium_write(struct disk_file *file, uint64_t at, const unsigned char *bytes, size_t size)
{
    disk_image_write(&file->medium, at, bytes, size);
    disk_forget_flips(file, true, at, at + size);
}

void disk_medium_resize(struct disk_file *file, size_t size)
{
    disk_image_resize(&file->medium, size);
    disk_forget_flips(file, true, size, UINT64_MAX);
}

/* ---- files ---- */

void disk_forget_changes(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        free(file->changes[i].bytes);
    file->change_count = 0;
}

static void file_free(struct disk_file *file)
{
    disk_forget_changes(file);
    free(file->changes);
    free(file->flips);
    free(file->mirror.bytes);
    free(file->saved.bytes);
    free(file->seen.bytes);
    free(file->medium.bytes);
    free(file);
}

/* Those that have no name anywhere and nobody holds. */
static void sweep(struct disk *disk)
{
    struct disk_file **at = &disk->files;
    while (*at) {
        struct disk_file *file = *at;
        if (file->linked || file->linked_on_medium || file->held) {
            at = &file->next;
            continue;
        }
        *at = file->next;
        file_free(file);
    }
}

struct disk_file *disk_find(struct disk *disk, const char *name)
{
    for (struct disk_file *file = disk->files; file; file = file->next)
        if (file->linked && strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

struct disk_file *disk_temporary(struct disk *disk)
{
    struct disk_file *file = base_alloc(sizeof *file);
    file->next = disk->files;
    disk->files = file;
    return file;
}

struct disk_file *disk_create(struct disk *disk, const char *name)
{
    assert(!disk_find(disk, name) && strlen(name) < DISK_NAME_MAX);
    struct disk_file *file = disk_temporary(disk);
    memcpy(file->name, name, strlen(name) + 1);
    file->linked = true;
    return file;
}

void disk_hold(struct disk_file *file)
{
    file->held++;
}

void disk_let_go(struct disk *disk, struct disk_file *file)
{
    assert(file->held);
    file->held--;
    sweep(disk);
}

void disk_remove(struct disk *disk, struct disk_file *file)
{
    file->linked = false;
    sweep(disk);
}

size_t disk_size(const struct disk_file *file)
{
    return file->seen.size;
}

size_t disk_read(const struct disk_file *file, uint64_t at, void *bytes, size_t size)
{
    size_t there = at >= file->seen.size ? 0 : file->seen.size - at;
    if (there > size)
        there = size;
    if (there)
        memcpy(bytes, file->seen.bytes + at, there);
    memset((unsigned char *)bytes + there, 0, size - there);
    return there;
}

static struct change *change_new(struct disk_file *file)
{
    file->mirrored = file->mirrored && !file->cut; /* what is written after a loss is not on what it would bring back */
    file->changes = base_grow(file->changes, &file->change_cap, file->change_count + 1, sizeof *file->changes);
    return &file->changes[file->change_count++];
}

void disk_write(struct disk *disk, struct disk_file *file, uint64_t at, const void *bytes, size_t size)
{
    (void)disk;
    if (size == 0)
        return;
    struct change *change = change_new(file);
    *change = (struct change){.at = at, .size = size, .bytes = malloc(size)};
    assert(change->bytes);
    memcpy(change->bytes, bytes, size);
    disk_image_write(&file->seen, at, bytes, size);
    disk_forget_flips(file, false, at, at + size);
}

void disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    (void)disk;
    if (size == file->seen.size)
        return;
    *change_new(file) = (struct change){.truncates = true, .at = size};
    disk_image_resize(&file->seen, size);
    disk_forget_flips(file, false, size, UINT64_MAX);
}

void disk_sync(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        if (change->truncates)
            disk_medium_resize(file, change->at);
        else
            disk_medium_write(file, change->at, change->bytes, change->size);
    }
    disk_forget_changes(file);
    file->mirrored = false;
}

void disk_lose_sync(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    disk_image_copy(&file->mirror, &file->seen);
    file->mirrored = true;
    file->cut = false;
}

void disk_sync_directory(struct disk *disk)
{
    for (struct disk_file *file = disk->files; file; file = file->next)
        file->linked_on_medium = file->linked;
    sweep(disk);
}

/* ---- life ---- */

struct disk *disk_new(struct rng luck)
{
    struct disk *disk = base_alloc(sizeof *disk);
    disk->luck = luck;
    disk->life = 1;
    disk->power = &disk->own;
    return disk;
}

static void forget_files(struct disk *disk)
{
    for (struct disk_file *file = disk->files, *next; file; file = next) {
        next = file->next;
        assert(!file->held);
        file_free(file);
    }
    disk->files = NULL;
}

void disk_free(struct disk *disk)
{
    if (!disk)
        return;
    forget_files(disk);
    free(disk);
}

void disk_join(struct disk *disk, struct disk_power *power)
{
    disk->power = power;
}

void disk_arm(struct disk *disk, bool armed)
{
    disk->disarmed = !armed;
}

uint32_t disk_life(const struct disk *disk)
{
    return disk->life;
}

bool disk_is_down(const struct disk *disk)
{
    return disk->power->down;
}

/* Files without a name go with the process, as soon as its dead handles let go of them. */
void disk_kill(struct disk *disk)
{
    disk->life++;
    disk->power->down = false;
    sweep(disk);
}

/* ---- probes ---- */

static bool same_image(const struct image *a, const struct image *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

void disk_each_extent(const struct disk *disk, disk_visit *visit, void *ctx)
{
    for (const struct disk_file *file = disk->files; file; file = file->next) {
        struct disk_extent extent = {.file = file->name, .removed = !file->linked && file->name[0]};
        extent.bytes = file->seen.bytes;
        extent.size = file->seen.size;
        if (file->linked || file->held)
            visit(ctx, &extent);
        if (extent.removed ? file->held && same_image(&file->seen, &file->medium)
                           : same_image(&file->seen, &file->medium))
            continue;
        extent.on_medium = true;
        extent.bytes = file->medium.bytes;
        extent.size = file->medium.size;
        visit(ctx, &extent);
    }
}
