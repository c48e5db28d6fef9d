/*
 * crash.h: `sexton run FILE --crash-everywhere`: the scenario once for each call of a shard's disks that changes
 * something, and for each commit, with the power cut there.
 */
#ifndef SEXTON_SIM_CLI_CRASH_H
#define SEXTON_SIM_CLI_CRASH_H

#include "sim/cli/keep.h"

#define CRASH_POINTS_MAX 4096   /* up to so many, each is tried */
#define CRASH_POINTS_DRAWN 1000 /* of more, so many are */

/* Prints what it came to; an exit status (cli.h). At most that many points, 0 = as above. `result`: room for one run.
 */
int crash_everywhere(struct run *run, const struct replay *replay, uint64_t at_most, struct run_result *result);

#endif
