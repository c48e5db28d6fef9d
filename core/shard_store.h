/*
 * shard_store.h: how a shard's databases are opened, where they are files: what its promises need of them.
 */
#ifndef SEXTON_CORE_SHARD_STORE_H
#define SEXTON_CORE_SHARD_STORE_H

#include "core/policy.h"
#include "core/store_sqlite.h"

/* Path and VFS are the caller's to say. */
struct store_sqlite_options shard_store_options(const struct policy *policy, enum store_part part,
                                                enum store_journal journal);

#endif
