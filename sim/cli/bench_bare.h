/*
 * bench_bare.h: the calls of a tape without a store: prepared statements of SQLite, or plain trees in memory.
 */
#ifndef SEXTON_SIM_CLI_BENCH_BARE_H
#define SEXTON_SIM_CLI_BENCH_BARE_H

#include "sim/cli/bench_tape.h"

/* Plays the first `steps` steps' calls; the time that took, in ns, without making and dropping the trees. */
uint64_t bare_memory(const struct tape *tape, size_t steps);
/*
 * The same with one connection a part: the store's text of statements, bound and stepped, and nothing checked: the
 * writes in their transactions, and (reads) all that was asked. `paths`: new files with a write-ahead log, or NULL for
 * memory. A checkpoint truncates the log and wipes no gap. 0, and told, on failure.
 */
uint64_t bare_sqlite(const struct tape *tape, size_t steps, char *const paths[STORE_PARTS], bool sync, bool reads);

#endif
