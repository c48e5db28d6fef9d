/* bench_seeds.h: `sexton bench seeds`, of bench.c. */
#ifndef SEXTON_SIM_CLI_BENCH_SEEDS_H
#define SEXTON_SIM_CLI_BENCH_SEEDS_H

#include <stdint.h>

struct seeds_bench {
    const char *file;       /* the scenario */
    uint64_t seeds, rounds; /* of each measurement; how often all of them are taken */
};
/* Measures and prints, as lines for a person or, with json_path ("-": standard output), as an object for a program; an
   exit status. */
int bench_seeds(const struct seeds_bench *bench, const char *json_path);

#endif
