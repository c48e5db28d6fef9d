/*
 * keep.h: how to see a failure again: the command that replays it, and build/fail/NAME-SEED/ with all that it takes.
 */
#ifndef SEXTON_SIM_CLI_KEEP_H
#define SEXTON_SIM_CLI_KEEP_H

#include "sim/run.h"

#define REPLAY_MAX 8192
struct replay {
    const struct scenario *scenario;
    uint64_t seed;
    uint64_t crash_at; /* --crash-at, or 0 */
    bool control;      /* without the scenario's flaw */
    int flaw;          /* --flaw, or -1 */
    const char *const *sets;
    size_t set_count;
};
/* "sexton run FILE --seed N ...", quoted for a shell. */
void replay_command(const struct replay *replay, char *command, size_t size);
/*
 * Write build/fail/NAME-SEED/{scenario.json,version,replay,history.jsonl}; the history by running it again, unless it
 * crashes (`with_history`). Tells where on standard error; a failure to write is told and is no failure of the run.
 */
void keep_failure(struct run *run, const struct replay *replay, bool with_history);
/* A sink that writes the history of this run to `out`; close it with history_writer_close. */
struct history_writer *replay_history(const struct replay *replay, FILE *out);

#endif
