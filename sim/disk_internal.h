/*
 * disk_internal.h: what the files of a disk share; nobody else includes it. disk.c: files. disk_power.c: what a loss of
 * power leaves. disk_fault.c: what goes wrong.
 */
#ifndef SEXTON_SIM_DISK_INTERNAL_H
#define SEXTON_SIM_DISK_INTERNAL_H

#include "sim/disk.h"

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
    struct image mirror; /* what is on it, if `mirrored`: more than on the medium */
    bool mirrored, cut;  /* cut: and the power was, since */
    struct image saved;  /* if the disk has `saved`: what its mirror had of it when the power was cut */
    bool has_saved;
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
    bool disarmed, saved;
    struct disk_power own, *power;
    struct disk_fault faults[DISK_FAULTS_MAX];
    size_t fault_count;
    uint64_t calls[DISK_CALLS], waited_us;
};

/* ---- disk.c ---- */
void disk_image_resize(struct image *image, size_t size);
void disk_image_write(struct image *image, uint64_t at, const unsigned char *bytes, size_t size);
void disk_image_copy(struct image *to, const struct image *from);
/* [from, to) of the medium, or of what is seen, was written or cut off: bits that were turned over there are gone. */
void disk_forget_flips(struct disk_file *file, bool medium, uint64_t from, uint64_t to);
void disk_medium_write(struct disk_file *file, uint64_t at, const unsigned char *bytes, size_t size);
void disk_medium_resize(struct disk_file *file, size_t size);
void disk_forget_changes(struct disk_file *file);

#endif
