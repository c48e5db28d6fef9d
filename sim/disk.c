/*
 * disk.c: files in memory, and what a loss of power leaves of them.
 *
 * Method: a file keeps two images, `seen` and `medium`, and the changes that lead from the second to the first: writes
 * with their bytes, truncations. A sync copies `seen` to `medium` and forgets the changes. A cut of the power takes the
 * changes in order, and carries out of each write only those of its sectors that luck keeps; as of several writes to
 * one sector any subset may be kept, the sector ends as it was at some moment since the sync, whatever became of its
 * neighbours: this is what "lost, torn and reordered" comes to. A file that grew may have grown on the medium without
 * what was written there: then garbage is read. A name is durable, in both directions, when its directory is synced;
 * of two files that had the same name, one at most is found.
 *
 * A truncation and a write behind it are not put in another order: no file system gives a block that it took away.
 */
#include "sim/disk.h"

#include <stdlib.h>
#include <string.h>

struct change {
    bool truncates;
    uint64_t at; /* of a truncation: the size */
    size_t size;
    unsigned char *bytes;
};
struct image {
    unsigned char *bytes;
    size_t size, cap;
};
struct flip {
    uint64_t at;
    unsigned char bit;
    bool seen, medium; /* it is in that image still: nothing was written over it */
};
struct disk_file {
    char name[DISK_NAME_MAX];
    bool linked, linked_on_medium; /* has its name */
    uint32_t held;                 /* by so many handles */
    struct image seen, medium;
    struct change *changes;
    size_t change_count, change_cap;
    struct flip *flips;
    size_t flip_count, flip_cap;
    struct disk_file *next;
};
struct disk {
    struct disk_file *files; /* newest first */
    struct rng luck;
    uint32_t life;
    bool down;
    struct disk_fault faults[DISK_FAULTS_MAX];
    size_t fault_count;
    uint64_t calls[DISK_CALLS], waited_us;
};

#define KEEP_NAME(id, name) name,
static const char *const keep_names[DISK_KEEP_COUNT] = {DISK_KEEP_LIST(KEEP_NAME)};

const char *disk_keep_name(unsigned keep)
{
    return keep < DISK_KEEP_COUNT ? keep_names[keep] : "?";
}

/* ---- images ---- */

static void image_resize(struct image *image, size_t size)
{
    if (size > image->size) {
        image->bytes = base_grow(image->bytes, &image->cap, size, 1);
        memset(image->bytes + image->size, 0, size - image->size);
    }
    image->size = size;
}

static void image_write(struct image *image, uint64_t at, const unsigned char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (at + size > image->size)
        image_resize(image, at + size);
    memcpy(image->bytes + at, bytes, size);
}

static void image_copy(struct image *to, const struct image *from)
{
    image_resize(to, 0);
    image_write(to, 0, from->bytes, from->size);
}

/* ---- the medium, and the bits that were turned over on it ---- */

/* [from, to) of the medium, or of what is seen, was written or cut off. */
static void forget_flips(struct disk_file *file, bool medium, uint64_t from, uint64_t to)
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

static void medium_write(struct disk_file *file, uint64_t at, const unsigned char *bytes, size_t size)
{
    image_write(&file->medium, at, bytes, size);
    forget_flips(file, true, at, at + size);
}

static void medium_resize(struct disk_file *file, size_t size)
{
    image_resize(&file->medium, size);
    forget_flips(file, true, size, UINT64_MAX);
}

/* ---- files ---- */

static void forget_changes(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        free(file->changes[i].bytes);
    file->change_count = 0;
}

static void file_free(struct disk_file *file)
{
    forget_changes(file);
    free(file->changes);
    free(file->flips);
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
    image_write(&file->seen, at, bytes, size);
    forget_flips(file, false, at, at + size);
}

void disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    (void)disk;
    if (size == file->seen.size)
        return;
    *change_new(file) = (struct change){.truncates = true, .at = size};
    image_resize(&file->seen, size);
    forget_flips(file, false, size, UINT64_MAX);
}

void disk_sync(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        if (change->truncates)
            medium_resize(file, change->at);
        else
            medium_write(file, change->at, change->bytes, change->size);
    }
    forget_changes(file);
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

void disk_clear(struct disk *disk, struct rng luck)
{
    forget_files(disk);
    *disk = (struct disk){.luck = luck, .life = disk->life + 1};
}

uint32_t disk_life(const struct disk *disk)
{
    return disk->life;
}

bool disk_is_down(const struct disk *disk)
{
    return disk->down;
}

/* Files without a name go with the process, as soon as its dead handles let go of them. */
void disk_kill(struct disk *disk)
{
    disk->life++;
    disk->down = false;
    sweep(disk);
}

/* ---- the power ---- */

static void keep_all(struct disk_file *file)
{
    image_copy(&file->medium, &file->seen);
    for (size_t i = 0; i < file->flip_count; i++)
        file->flips[i].medium = file->flips[i].seen;
}

/* Up to change `last`, of which the first `sectors` only. */
static void keep_prefix(struct disk_file *file, size_t last, uint64_t sectors)
{
    for (size_t i = 0; i < file->change_count && i <= last; i++) {
        const struct change *change = &file->changes[i];
        if (change->truncates) {
            medium_resize(file, change->at);
            continue;
        }
        size_t size = change->size;
        uint64_t room = (change->at / DISK_SECTOR_BYTES + sectors) * DISK_SECTOR_BYTES;
        if (i == last)
            size = room <= change->at ? 0 : room - change->at < size ? room - change->at : size;
        medium_write(file, change->at, change->bytes, size);
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
            medium_write(file, change->at + done, change->bytes + done, size);
        done += size;
    }
}

/* The length came, what was written there did not. */
static void grow_with_garbage(struct disk *disk, struct disk_file *file)
{
    size_t from = file->medium.size;
    if (file->seen.size <= from)
        return;
    medium_resize(file, file->seen.size);
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
            medium_resize(file, change->at);
    }
}

static void settle_file(struct disk *disk, struct disk_file *file, enum disk_keep keep)
{
    if (keep == DISK_KEEP_ALL)
        keep_all(file);
    else if (keep == DISK_KEEP_SOME)
        keep_some(disk, file);
    else if (keep == DISK_KEEP_PREFIX && file->change_count)
        keep_prefix(file, rng_below(&disk->luck, file->change_count), 1 + rng_below(&disk->luck, 8));
    forget_changes(file);
    image_copy(&file->seen, &file->medium);
    for (size_t i = 0; i < file->flip_count; i++)
        file->flips[i].seen = file->flips[i].medium;
    forget_flips(file, true, file->medium.size, UINT64_MAX);
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

void disk_cut_power(struct disk *disk, enum disk_keep keep)
{
    if (keep == DISK_KEEP_DRAWN)
        keep = (enum disk_keep)(DISK_KEEP_NONE + rng_below(&disk->luck, DISK_KEEP_COUNT - DISK_KEEP_NONE));
    for (struct disk_file *file = disk->files; file; file = file->next)
        if (file->linked || file->linked_on_medium)
            settle_file(disk, file, keep);
    settle_names(disk, keep);
    disk_kill(disk);
}

/* ---- what goes wrong ---- */

bool disk_plan(struct disk *disk, const struct disk_fault *fault)
{
    assert(fault->trouble > DISK_FINE && fault->trouble < DISK_TROUBLES && fault->calls && fault->at && fault->tag);
    if (disk->fault_count == DISK_FAULTS_MAX)
        return false;
    disk->faults[disk->fault_count] = *fault;
    disk->faults[disk->fault_count++].struck = 0;
    return true;
}

static void drop_fault(struct disk *disk, size_t at)
{
    disk->fault_count--;
    for (size_t i = at; i < disk->fault_count; i++)
        disk->faults[i] = disk->faults[i + 1];
}

uint64_t disk_struck(struct disk *disk, uint32_t tag, bool forget)
{
    uint64_t struck = 0;
    for (size_t i = 0; i < disk->fault_count;) {
        struct disk_fault *fault = &disk->faults[i];
        if (fault->tag != tag) {
            i++;
            continue;
        }
        struck += fault->struck;
        fault->struck = 0;
        if (forget)
            drop_fault(disk, i);
        else
            i++;
    }
    return struck;
}

void disk_forget_faults(struct disk *disk)
{
    disk->fault_count = 0;
}

/* Counts it down; true when it is its turn. A fault that is over stays in the list until somebody asks how often. */
static bool is_due(struct disk_fault *fault, enum disk_call call)
{
    if (!(fault->calls >> call & 1))
        return false;
    if (fault->at > 1) {
        fault->at--;
        return false;
    }
    if (fault->times == 0 && fault->at == 0)
        return false;
    if (fault->times && --fault->times == 0)
        fault->at = 0;
    fault->struck++;
    return true;
}

enum disk_trouble disk_strike(struct disk *disk, enum disk_call call)
{
    if (disk->down)
        return DISK_POWER;
    disk->calls[call]++;
    enum disk_trouble found = DISK_FINE;
    for (size_t i = 0; i < disk->fault_count; i++) {
        struct disk_fault *fault = &disk->faults[i];
        if (!is_due(fault, call))
            continue;
        if (fault->trouble == DISK_SLOW)
            disk->waited_us += fault->wait_us;
        else if (found == DISK_FINE || fault->trouble == DISK_POWER)
            found = fault->trouble;
    }
    disk->down = found == DISK_POWER;
    return found;
}

void disk_flip(struct disk *disk, struct disk_file *file, uint64_t at, uint64_t size)
{
    if (at >= file->seen.size || size == 0)
        return;
    if (size > file->seen.size - at)
        size = file->seen.size - at;
    struct flip flip = {.at = at + rng_below(&disk->luck, size), .seen = true};
    flip.bit = (unsigned char)(1U << rng_below(&disk->luck, 8));
    flip.medium = flip.at < file->medium.size;
    file->seen.bytes[flip.at] ^= flip.bit;
    if (flip.medium)
        file->medium.bytes[flip.at] ^= flip.bit;
    file->flips = base_grow(file->flips, &file->flip_cap, file->flip_count + 1, sizeof *file->flips);
    file->flips[file->flip_count++] = flip;
}

size_t disk_mend(struct disk *disk)
{
    size_t mended = 0;
    for (struct disk_file *file = disk->files; file; file = file->next) {
        for (size_t i = 0; i < file->flip_count; i++) {
            const struct flip *flip = &file->flips[i];
            if (flip->seen)
                file->seen.bytes[flip->at] ^= flip->bit;
            if (flip->medium)
                file->medium.bytes[flip->at] ^= flip->bit;
            mended++;
        }
        file->flip_count = 0;
    }
    return mended;
}

uint64_t disk_calls(const struct disk *disk, enum disk_call call)
{
    return disk->calls[call];
}

uint64_t disk_waited_us(const struct disk *disk)
{
    return disk->waited_us;
}

void disk_wait(struct disk *disk, uint64_t us)
{
    disk->waited_us += us;
}

uint64_t disk_draw(struct disk *disk)
{
    return rng_next(&disk->luck);
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
