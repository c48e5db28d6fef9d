/*
 * output.h: a result file named on the command line, there whole or not at all. "-" is standard output; what exists and
 * is no regular file (a pipe, /dev/full) is written to directly.
 */
#ifndef SEXTON_SIM_CLI_OUTPUT_H
#define SEXTON_SIM_CLI_OUTPUT_H

#include "reports/outfile.h"

#include <stdbool.h>

struct output {
    FILE *file; /* write here */
    char path[OUTFILE_PATH_MAX];
    int error; /* errno of a write that failed, when the caller knows better than stdio; 0: none */
    bool is_regular;
    struct outfile regular;
};
/* 0, or negative and told on standard error. */
int output_open(struct output *output, const char *path);
/* Flushes, closes, renames. 0, or negative and told (disk full, ...), and nothing is left behind. */
int output_commit(struct output *output);

#endif
