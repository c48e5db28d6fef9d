/* bench_history.h: `sexton bench history`, of bench.c. */
#ifndef SEXTON_SIM_CLI_BENCH_HISTORY_H
#define SEXTON_SIM_CLI_BENCH_HISTORY_H

#include <stdint.h>

struct history_bench {
    const char *file;      /* the scenario whose history it is */
    uint64_t seed, rounds; /* rounds: how often everything is measured */
};
/* Measures and prints, as lines for a person or, with json_path ("-": standard output), as an object for a program; an
   exit status. */
int bench_history(const struct history_bench *bench, const char *json_path);

#endif
