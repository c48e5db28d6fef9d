/*
 * remanence.h: a probe of the disks and backups for what should be gone: keys that were destroyed, texts that were
 * purged. For scenarios that ask for it ("remanence" of "server").
 */
#ifndef SEXTON_SIM_REMANENCE_H
#define SEXTON_SIM_REMANENCE_H

#include "core/out.h"
#include "core/store.h"

struct world;
struct remanence; /* what was ever a secret, in one run */
struct remanence *remanence_new(void);
void remanence_free(struct remanence *remanence); /* NULL is fine */
/* The shard has stored this row of its keys. */
void remanence_key(struct remanence *remanence, shard_id shard, const struct row *key);
/* Reads everything; a record for each file, and for each secret in it that should not be. Nothing without "remanence".
 */
void remanence_probe(struct world *world);

#endif
