/*
 * disk_fault.c: what goes wrong with a disk's calls, and the points at which its power may go.
 *
 * Method: every call counts down the faults that are planned for its kind. One that is over stays in the list until
 * somebody has asked how often it struck. A bit that was turned over is remembered, where it still is, so that it can
 * be turned back.
 */
#include "sim/disk_internal.h"

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

static bool meets_point(struct disk *disk, int call)
{
    struct disk_meter *meter = disk->power->meter;
    if (disk->power->down)
        return true;
    if (!meter || disk->disarmed)
        return false;
    meter->by_call[call]++;
    if (++meter->points == meter->at)
        disk->power->down = true;
    return disk->power->down;
}

bool disk_point(struct disk *disk)
{
    return meets_point(disk, DISK_CALLS);
}

enum disk_trouble disk_strike(struct disk *disk, enum disk_call call)
{
    if (disk->power->down)
        return DISK_POWER;
    if (disk->disarmed)
        return DISK_FINE;
    disk->calls[call]++;
    enum disk_trouble found = DISK_FINE;
    if (call != DISK_READ && meets_point(disk, (int)call))
        return DISK_POWER;
    for (size_t i = 0; i < disk->fault_count; i++) {
        struct disk_fault *fault = &disk->faults[i];
        if (!is_due(fault, call))
            continue;
        if (fault->trouble == DISK_SLOW)
            disk->waited_us += fault->wait_us;
        else if (found == DISK_FINE || fault->trouble == DISK_POWER)
            found = fault->trouble;
    }
    disk->power->down = found == DISK_POWER;
    return found;
}

uint32_t disk_next_struck(struct disk *disk, uint64_t *count)
{
    for (size_t i = 0; i < disk->fault_count; i++) {
        struct disk_fault *fault = &disk->faults[i];
        uint32_t tag = fault->tag;
        *count = fault->struck;
        fault->struck = 0;
        if (fault->times == 0 && fault->at == 0)
            drop_fault(disk, i--);
        if (*count)
            return tag;
    }
    return 0;
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
        if (!file->mirrored || !file->cut)
            continue;
        disk_image_copy(&file->seen, &file->mirror);
        disk_image_copy(&file->medium, &file->mirror);
        file->mirrored = false;
        mended++;
    }
    return mended;
}

bool disk_mend_whole(struct disk *disk)
{
    if (!disk->saved)
        return false;
    for (struct disk_file *file = disk->files; file; file = file->next) {
        if (!file->has_saved)
            file->saved.size = 0; /* it is of after the cut */
        disk_image_copy(&file->seen, &file->saved);
        disk_image_copy(&file->medium, &file->saved);
        disk_forget_changes(file);
        file->flip_count = 0;
        file->mirrored = false;
    }
    disk_started(disk);
    return true;
}

void disk_started(struct disk *disk)
{
    for (struct disk_file *file = disk->files; file; file = file->next) {
        file->mirrored = file->mirrored && !file->cut;
        file->has_saved = false;
    }
    disk->saved = false;
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
