/* keep_stores.h: the databases that a run leaves behind, for an auditor or a probe to read. */
#ifndef SEXTON_SIM_CLI_KEEP_STORES_H
#define SEXTON_SIM_CLI_KEEP_STORES_H

#include "sim/run.h"

/* Writes DIR/shard.N.main.db, DIR/shard.N.vault.db and DIR/shard.N.blobs.db of each shard as the run left them; 0, or
 * negative and told. */
int keep_stores(const struct run *run, const char *dir);

#endif
