/*
 * disk.h: one simulated disk: files in memory, what of them has reached the medium, and what a loss of power leaves.
 *
 * A file has its bytes as the process sees them, and its bytes as they were last synced; between the two lies the list
 * of what was done since. A sync brings one file to the medium; a file that is new, or removed, is so on the medium
 * when its directory is synced. disk_cut_power keeps a part of what was not synced, drawn from the stream that it is
 * given, in sectors of 512 bytes: a sector is never torn, a write of several is; and what was written later may be
 * there while what was written earlier is not. disk_kill is the end of the process alone: everything that was written
 * stays. Either begins another life of the disk: what was open before is dead.
 *
 * Nothing here knows SQLite (disk_vfs.h binds it), asks the system for anything, or fails by itself: what a call does
 * wrong is planned (struct disk_fault), counted down by calls, and counted when it struck.
 */
#ifndef SEXTON_SIM_DISK_H
#define SEXTON_SIM_DISK_H

#include "core/rng.h"

#define DISK_SECTOR_BYTES 512
#define DISK_FAULTS_MAX 16 /* planned at once on one disk */
#define DISK_NAME_MAX 64

enum disk_call { DISK_READ, DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_REMOVE, DISK_CALLS };

/* What of the unsynced is on the medium after the power is cut. */
#define DISK_KEEP_LIST(X)                                                      \
    X(DRAWN, "drawn")   /* one of the others */                                \
    X(NONE, "none")     /* what was synced, and nothing else */                \
    X(ALL, "all")       /* as if everything had been synced a moment before */ \
    X(PREFIX, "prefix") /* all up to some moment, the last write torn */       \
    X(SOME, "some")     /* each sector as it was at any moment since the sync; a longer file with garbage */
#define DISK_KEEP_ENUM(id, name) DISK_KEEP_##id,
enum disk_keep { DISK_KEEP_LIST(DISK_KEEP_ENUM) DISK_KEEP_COUNT };

enum disk_trouble {
    DISK_FINE,
    DISK_POWER,      /* the power is cut at this call; it and all after it fail until disk_cut_power */
    DISK_LOST_SYNC,  /* a sync that says it was one, and was not */
    DISK_IO_ERROR,   /* the call fails */
    DISK_NO_ROOM,    /* a write fails, because the disk is full */
    DISK_SHORT_READ, /* fewer bytes than there are, the rest zeros */
    DISK_BIT_FLIP,   /* one bit of what is read is another, and stays so on the medium */
    DISK_SLOW,       /* the call takes `wait_us` */
    DISK_TROUBLES
};
struct disk_fault {
    enum disk_trouble trouble;
    unsigned calls;   /* bits of enum disk_call that count */
    uint64_t at;      /* strikes at the at-th of them from now on, from 1 */
    uint64_t times;   /* and so often in a row; 0 = until it is forgotten */
    uint64_t wait_us; /* DISK_SLOW */
    uint32_t tag;     /* the caller's; not 0 */
    uint64_t struck;  /* how often it did */
};

/*
 * What several disks hang on: when the power of one goes, that of all does. Every call that changes something, and
 * every disk_point, is counted by the meter, if there is one, which all the machines of a run may share: at its point
 * `at` the power goes.
 */
struct disk_meter {
    uint64_t points, at;              /* at: from 1; 0 = never */
    uint64_t by_call[DISK_CALLS + 1]; /* how many of them were such calls; the last: none */
};
struct disk_power {
    bool down;
    struct disk_meter *meter; /* or NULL */
};

struct disk;
struct disk_file; /* of one disk; the name may be another file's later */
struct disk *disk_new(struct rng luck);
void disk_free(struct disk *disk);                           /* nothing may be open; NULL is fine */
void disk_join(struct disk *disk, struct disk_power *power); /* borrowed; a disk begins with one of its own */

/* ---- files, as the process sees them ---- */
struct disk_file *disk_find(struct disk *disk, const char *name); /* NULL: none */
struct disk_file *disk_create(struct disk *disk, const char *name);
struct disk_file *disk_temporary(struct disk *disk); /* without a name: gone when it is closed, or with its process */
void disk_hold(struct disk_file *file);              /* somebody has it open: it outlives its name */
void disk_let_go(struct disk *disk, struct disk_file *file);
void disk_remove(struct disk *disk, struct disk_file *file); /* takes away its name */
size_t disk_size(const struct disk_file *file);
/* How many bytes were there; the rest of `bytes` is zeros. */
size_t disk_read(const struct disk_file *file, uint64_t at, void *bytes, size_t size);
void disk_write(struct disk *disk, struct disk_file *file, uint64_t at, const void *bytes, size_t size);
void disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size);
void disk_sync(struct disk *disk, struct disk_file *file);
/* It is said to be synced, and is not: only its mirror, another disk, has it from now on. */
void disk_lose_sync(struct disk *disk, struct disk_file *file);
void disk_sync_directory(struct disk *disk);

/* ---- ends of a life ---- */
uint32_t disk_life(const struct disk *disk); /* from 1 */
void disk_kill(struct disk *disk);
void disk_cut_power(struct disk *disk, enum disk_keep keep);
bool disk_is_down(const struct disk *disk); /* the power was cut by a call, and is not back */

/* ---- what goes wrong ---- */
/* False when there is no room for another. */
bool disk_plan(struct disk *disk, const struct disk_fault *fault);
/* A disk that is not armed does as it is told, and counts nothing: others than its process read it. It begins armed. */
void disk_arm(struct disk *disk, bool armed);
/* A moment that is no call, such as the return of a commit: true when the power goes. */
bool disk_point(struct disk *disk);
/* The tag of a fault that struck since it was last asked, and how often; 0: none did. Drops those that are over. */
uint32_t disk_next_struck(struct disk *disk, uint64_t *count);
/* How often the fault of this tag struck since it was last asked; forget: and it is over. */
uint64_t disk_struck(struct disk *disk, uint32_t tag, bool forget);
void disk_forget_faults(struct disk *disk);
/* Counts the call, and says what is wrong with it. Every call of a file system asks this first. */
enum disk_trouble disk_strike(struct disk *disk, enum disk_call call);
/* Turns one bit of the file over, drawn from the bytes [at, at + size) that it has; on the medium too. */
void disk_flip(struct disk *disk, struct disk_file *file, uint64_t at, uint64_t size);
/*
 * What was lost comes back from the mirror: every bit that was turned over and not written since, and every file whose
 * syncs were lost, if the power was cut since and nothing was written to it after that. How many.
 */
size_t disk_mend(struct disk *disk);
/*
 * A disk that had lost syncs when the power was cut, and from which nobody has started since, whatever they wrote while
 * they tried: it is again as it was at the cut, with what it had lost. False: there is no such thing. disk_started:
 * somebody has, and the mirror is void.
 */
bool disk_mend_whole(struct disk *disk);
void disk_started(struct disk *disk);
uint64_t disk_calls(const struct disk *disk, enum disk_call call); /* that were made so far, in all lives */
uint64_t disk_waited_us(const struct disk *disk);                  /* by DISK_SLOW and by sleeping */
void disk_wait(struct disk *disk, uint64_t us);
uint64_t disk_draw(struct disk *disk); /* 64 bits of its luck */

/* ---- what a probe reads: everything that there is, and not as a file system ---- */
struct disk_extent {
    const char *file; /* "" for one without a name */
    bool on_medium;   /* or as the process sees it */
    bool removed;     /* its name is gone, its bytes are not */
    const unsigned char *bytes;
    size_t size;
};
typedef void disk_visit(void *ctx, const struct disk_extent *extent);
/* Every file as the process sees it, and, where that differs or it has no name any more, as it is on the medium. */
void disk_each_extent(const struct disk *disk, disk_visit *visit, void *ctx);

const char *disk_keep_name(unsigned keep);

#endif
