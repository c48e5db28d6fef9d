/*
 * seed_line.h: the result of one seed as one line of text, from a worker process to the sweep.
 */
#ifndef SEXTON_SIM_EXPLORE_SEED_LINE_H
#define SEXTON_SIM_EXPLORE_SEED_LINE_H

#include "sim/run.h"

/* Writes one line, newline included. */
void seed_line_write(FILE *out, uint64_t seed, const struct run_result *result);
/* Reads it back; E_INVALID when it is not such a line. `line` is changed. */
int seed_line_read(char *line, uint64_t *seed, struct run_result *result);

#endif
