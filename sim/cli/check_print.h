/*
 * check_print.h: a sweep as text, as a result file and as JUnit XML. All of it is in the order of files, variants and
 * seeds, and has no wall time: it depends neither on --jobs nor on the machine.
 */
#ifndef SEXTON_SIM_CLI_CHECK_PRINT_H
#define SEXTON_SIM_CLI_CHECK_PRINT_H

#include "sim/cli/keep.h"
#include "sim/explore/sweep.h"

/* One line for the scenario, more when it is not as expected. */
void check_print_item(FILE *out, const struct sweep_item *item, const struct tally_judgement *judgement);
void check_print_work(FILE *out, const struct sweep *sweep);
struct check_heading {
    const char *seeds; /* "stated" or "A..B" */
    const char *part;  /* "I/N", or "" for the whole; with it the sums are written that a merge adds up */
    const char *store; /* instead of each scenario's own, or "" */
};
/* judgements: one an item. 0, or negative and told. */
int check_write_json(const char *path, const struct sweep *sweep, const struct tally_judgement *judgements,
                     const struct check_heading *heading);
int check_write_junit(const char *path, const struct sweep *sweep, const struct tally_judgement *judgements);

/* How to see this seed of it again. */
struct replay sweep_replay(const struct sweep_item *item, uint64_t seed, bool control);

#endif
