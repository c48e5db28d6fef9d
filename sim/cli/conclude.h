/*
 * conclude.h: the end of a sweep: judge every scenario, print, write the files, keep what failed.
 */
#ifndef SEXTON_SIM_CLI_CONCLUDE_H
#define SEXTON_SIM_CLI_CONCLUDE_H

#include "sim/explore/sweep.h"

struct conclusion {
    const char *json, *junit; /* files to write, or NULL */
    const char *store;        /* instead of each scenario's own, or NULL */
    const struct sweep_options *sweep;
};
/* The exit status. Of one part of a sweep nothing is judged that only all seeds together can show. */
int conclude(const struct sweep *sweep, const struct conclusion *conclusion, enum sweep_end end);

/* "N" or "FIRST..LAST"; "I/N" with I from 1 to N. */
bool check_parse_seeds(const char *text, uint64_t *first, uint64_t *last);
bool check_parse_part(const char *text, uint64_t *part, uint64_t *parts);

#endif
