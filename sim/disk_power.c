/*
 * disk_power.c: what a loss of power leaves of a disk's files.
 *
 * Method: the changes since the last sync are taken in order, and of each write only those sectors are carried out that
 * luck keeps; as of several writes to one sector any subset may be kept, the sector ends as it was at some moment since
 * the sync, whatever became of its neighbours: this is what "lost, torn and reordered" comes to. A file that grew may
 * have grown on the medium without what was written there: then garbage is read. A name is durable, in both directions,
 * when its directory is synced; of two files that had the same name, one at most is found.
 *
 * A truncation and a write behind it are not put in another order: no file system gives a block that it took away.
 */
#include "sim/disk_internal.h"

#include <string.h>

#define KEEP_NAME(id, name) name,
static const char *const keep_names[DISK_KEEP_COUNT] = {DISK_KEEP_LIST(KEEP_NAME)};

const char *disk_keep_name(unsigned keep)
{
    return keep < DISK_KEEP_COUNT ? keep_names[keep] : "?";
}

static void keep_all(struct disk_file *file)
{
    disk_image_copy(&file->medium, &file->seen);
    for (size_t i = 0; i < file->flip_count; i++)
        file->flips[i].medium = file->flips[i].seen;
}

/* Up to change `last`, of which the first `sectors` only. */
static void keep_prefix(struct disk_file *file, size_t last, uint64_t sectors)
{
    for (size_t i = 0; i < file->change_count && i <= last; i++) {
        const struct change *change = &file->changes[i];
        if (change->truncates) {
            disk_medium_resize(file, change->at);
            continue;
        }
        size_t size = change->size;
        uint64_t room = (change->at / DISK_SECTOR_BYTES + sectors) * DISK_SECTOR_BYTES;
        if (i == last)
            size = room <= change->at ? 0 : room - change->at < size ? room - change->at : size;
        disk_medium_write(file, change->at, change->bytes, size);
    }
}

/* The sectors of one write, those that are kept. */
static void keep_sectors(struct disk *disk, struct disk_file *file, const struct change *change, uint32_t keep_ppm)
{
    size_t done = 0;
    while (done < change->size) {
        size_t size = DISK_SECTOR_BYTES - (change->at + done) % DISK_SECTOR_BYTES;
        if (size > change->size - done)
            size = change->size - done;
        if (rng_ppm(&disk->luck, keep_ppm))
            disk_medium_write(file, change->at + done, change->bytes + done, size);
        done += size;
    }
}

/* The length came, what was written there did not. */
static void grow_with_garbage(struct disk *disk, struct disk_file *file)
{
    size_t from = file->medium.size;
    if (file->seen.size <= from)
        return;
    disk_medium_resize(file, file->seen.size);
    for (size_t i = from; i < file->medium.size; i += 8) {
        uint64_t garbage = rng_next(&disk->luck);
        size_t size = file->medium.size - i < 8 ? file->medium.size - i : 8;
        memcpy(file->medium.bytes + i, &garbage, size);
    }
}

static void keep_some(struct disk *disk, struct disk_file *file)
{
    static const uint32_t shares_ppm[] = {100000, 500000, 900000};
    uint32_t share = shares_ppm[rng_below(&disk->luck, 3)];
    if (file->change_count && rng_below(&disk->luck, 3) == 0 && !file->changes[0].truncates)
        grow_with_garbage(disk, file);
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        if (!change->truncates)
            keep_sectors(disk, file, change, share);
        else if (rng_ppm(&disk->luck, share))
            disk_medium_resize(file, change->at);
    }
}

static void settle_file(struct disk *disk, struct disk_file *file, enum disk_keep keep)
{
    if (keep == DISK_KEEP_ALL)
        keep_all(file);
    else if (keep == DISK_KEEP_SOME)
        keep_some(disk, file);
    else if (keep == DISK_KEEP_PREFIX && file->change_count) {
        uint64_t sectors = 1 + rng_below(&disk->luck, 8);
        keep_prefix(file, rng_below(&disk->luck, file->change_count), sectors);
    }
    disk_forget_changes(file);
    disk_image_copy(&file->seen, &file->medium);
    file->cut = true;
    for (size_t i = 0; i < file->flip_count; i++)
        file->flips[i].seen = file->flips[i].medium;
    disk_forget_flips(file, true, file->medium.size, UINT64_MAX);
}

/* Of those with the same name, the one that is found: a name that changed hands since the sync may be either's. */
static void settle_names(struct disk *disk, enum disk_keep keep)
{
    for (struct disk_file *file = disk->files; file; file = file->next) {
        bool changed = file->linked != file->linked_on_medium;
        bool new_state = keep == DISK_KEEP_ALL || (keep != DISK_KEEP_NONE && rng_below(&disk->luck, 2));
        if (changed && new_state)
            file->linked_on_medium = file->linked;
        file->linked = file->linked_on_medium;
    }
    for (struct disk_file *file = disk->files; file; file = file->next) /* newest first */
        for (struct disk_file *older = file->next; file->linked && older; older = older->next)
            if (older->linked && strcmp(older->name, file->name) == 0)
                older->linked = older->linked_on_medium = false;
}

/* Of a disk that had lost syncs: all that its mirror has, before anybody writes to what is left. */
static void save(struct disk *disk)
{
    bool lost = false;
    for (struct disk_file *file = disk->files; file; file = file->next)
        lost |= file->mirrored;
    if (!lost || disk->saved) /* nobody has started from it since */
        return;
    disk->saved = true;
    for (struct disk_file *file = disk->files; file; file = file->next) {
        disk_image_copy(&file->saved, file->mirrored ? &file->mirror : &file->medium);
        file->has_saved = file->linked;
    }
}

void disk_cut_power(struct disk *disk, enum disk_keep keep)
{
    if (keep == DISK_KEEP_DRAWN)
        keep = (enum disk_keep)(DISK_KEEP_NONE + rng_below(&disk->luck, DISK_KEEP_COUNT - DISK_KEEP_NONE));
    for (struct disk_file *file = disk->files; file; file = file->next)
        if (file->linked || file->linked_on_medium)
            settle_file(disk, file, keep);
    settle_names(disk, keep);
    save(disk);
    disk_kill(disk);
}
