/* bench_phold.h: `sexton bench phold`, of bench.c. */
#ifndef SEXTON_SIM_CLI_BENCH_PHOLD_H
#define SEXTON_SIM_CLI_BENCH_PHOLD_H

#include <stdint.h>

struct phold {
    uint64_t lps, events_per_lp, events; /* logical processes; events pending for each at the start; to execute */
};
/* Runs it and prints what it measured, as a line for a person or, with json_path ("-": standard output), as an object
   for a program; an exit status. */
int bench_phold(const struct phold *phold, const char *json_path);

#endif
