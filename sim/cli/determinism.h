/*
 * determinism.h: does a run give the same history in another process?
 */
#ifndef SEXTON_SIM_CLI_DETERMINISM_H
#define SEXTON_SIM_CLI_DETERMINISM_H

#include "sim/cli/keep.h"

/* SEXTON_OK, SEXTON_NONDETERMINISM with the first record that differs on standard output, or SEXTON_BROKEN. */
int determinism_verify(const struct replay *replay, uint64_t digest);

#endif
