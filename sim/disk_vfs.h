/*
 * disk_vfs.h: a simulated disk as a file system of SQLite: one VFS a disk, so that what happens to one database does
 * not happen to another.
 *
 * It promises SQLite nothing that a disk does not keep: no atomic write, no order, no safe append; a sector is 512
 * bytes. A file that SQLite makes beside a database (journal, log) is durable by name after its first sync, as in
 * SQLite's own VFS for Unix; a removal is durable only when SQLite asks for that. Locks are kept between the handles of
 * one disk. Shared memory is memory of the disk. Time, sleep and luck come from the disk.
 *
 * What is called after the life of the disk that it belongs to (disk_kill, disk_cut_power) fails and changes nothing;
 * so a connection of a process that died is closed in peace.
 */
#ifndef SEXTON_SIM_DISK_VFS_H
#define SEXTON_SIM_DISK_VFS_H

#include "sim/disk.h"

struct disk_vfs;
/* Registers it under a name of its own. The disk is borrowed. */
struct disk_vfs *disk_vfs_new(struct disk *disk);
void disk_vfs_free(struct disk_vfs *vfs); /* no file of it may be open; NULL is fine */
const char *disk_vfs_name(const struct disk_vfs *vfs);

/*
 * SQLite's one generator of the process begins anew, from the luck of this disk: the salts and nonces that it writes
 * from now on are those of any other process that did the same since.
 */
void disk_vfs_reseed(struct disk_vfs *vfs);

#endif
