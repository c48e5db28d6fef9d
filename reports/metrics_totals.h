/*
 * metrics_totals.h: what metrics.c keeps of finished runs, and how it travels between processes: metrics.c's own, see
 * metrics.h for everybody else.
 */
#ifndef SEXTON_REPORTS_METRICS_TOTALS_H
#define SEXTON_REPORTS_METRICS_TOTALS_H

#include "reports/histogram.h"
#include "reports/metrics.h"
#include "reports/timeline.h"

struct metrics_totals {
    struct histogram latency[METRICS_CLASSES];
    uint64_t unreached[METRICS_ENDS]; /* by how they ended */
    struct timeline tombstones;
    struct metrics_traffic traffic;
    struct metrics_herd herd;
};
void metrics_totals_init(struct metrics_totals *totals);
void metrics_totals_release(struct metrics_totals *totals);
void metrics_totals_clear(struct metrics_totals *totals); /* keeps memory */
void metrics_totals_merge(struct metrics_totals *into, const struct metrics_totals *from);
void metrics_totals_write_text(const struct metrics_totals *totals, FILE *out);
void metrics_totals_add_herd(struct metrics_herd *into, const struct metrics_herd *from);
int metrics_totals_read_text(struct metrics_totals *totals, const char *line);

#endif
