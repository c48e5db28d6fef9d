/* bench_store.h: `sexton bench store`, of bench.c. */
#ifndef SEXTON_SIM_CLI_BENCH_STORE_H
#define SEXTON_SIM_CLI_BENCH_STORE_H

#include <stdint.h>

/* Records a crowd of so many operations, measures in rounds, prints; an exit status. */
int bench_store(uint64_t operations, uint64_t rounds);

#endif
