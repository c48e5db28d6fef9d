/*
 * run_print.h: one run as text and as a result file, and its records as they happen.
 */
#ifndef SEXTON_SIM_CLI_RUN_PRINT_H
#define SEXTON_SIM_CLI_RUN_PRINT_H

#include "sim/cli/keep.h"

struct run_trace {
    const char *only; /* records that name this, or a device of this user; NULL: all */
};
void run_trace_take(void *trace, const struct record *record, const struct names *names); /* a history_sink */
/* After run_scenario: what it came to. */
void run_print(FILE *out, const struct run *run, const struct replay *replay, const struct run_result *result);
/* 0, or negative and told. */
int run_write_json(const char *path, const struct run *run, const struct replay *replay,
                   const struct run_result *result);

#endif
