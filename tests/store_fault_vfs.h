/*
 * store_fault_vfs.h: a VFS of SQLite in front of the default one, whose k-th call of a kind fails.
 *
 * A test moves the fault to call 1, 2, 3, ... until it no longer fires. With `lasting`, all later calls that change a
 * file fail too, as after a crash of the process. It offers no shared memory: a store must not need any.
 */
#ifndef SEXTON_TESTS_STORE_FAULT_VFS_H
#define SEXTON_TESTS_STORE_FAULT_VFS_H

#include <stdbool.h>

#define FAULT_VFS "sexton-fault"

enum fault_call { FAULT_WRITE, FAULT_SYNC, FAULT_READ };

/* The call-th call of this kind from now on returns `code` of SQLite; a write is a write, a truncation or a removal. */
void fault_set(enum fault_call kind, int call, int code, bool lasting);
bool fault_clear(void); /* no more faults; did one fire? */
void fault_register(void);

#endif
