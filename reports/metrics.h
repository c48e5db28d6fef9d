/*
 * metrics.h: latency and convergence of deletions, tombstones over time: folded from records, as a history sink.
 *
 * What is counted: (deletion, device) pairs. A deletion begins with its `commit` (or the acceptance of an early one),
 * and in a history without commits with the `invoke` of an operation that was acknowledged; deletions "for me" are not
 * counted. Its targets are the devices that show a copy, not merely pending, when it begins, or show one later while it
 * stands; the device that issued it is left out. A pair is reached at the last hide of the device's last covered copy;
 * a deletion that was undone takes its unreached pairs along. What is unreached at the end is `never` where the device
 * still shows it, and otherwise counted apart, by the reason why nobody owes it: the device never returns, another goes
 * on from its backup, or it is away when the history ends. A quote that is kept by policy is owed nothing, nor is what
 * the device has hidden of its own accord when the run ends.
 *   online          from the deletion to the hide, on devices that did not connect anew in between
 *   returning       from the device's last connect to the hide, on the others
 *   since-deletion  from the deletion to the hide, on all
 * Integers in microseconds, in log-linear histograms of two digits (histogram.h); maxima are exact. Cost per record:
 * O(1), but for a deletion: the rows of what it deletes.
 */
#ifndef SEXTON_REPORTS_METRICS_H
#define SEXTON_REPORTS_METRICS_H

#include "sim/history.h"

#include <stdio.h>

enum metrics_class { METRICS_ONLINE, METRICS_RETURNING, METRICS_SINCE_DELETION, METRICS_CLASSES };
const char *metrics_class_name(enum metrics_class class); /* "online", "returning", "since-deletion" */
/* How a pair ended; from METRICS_NEVER_RETURNS on with a reason. */
enum metrics_end {
    METRICS_REACHED,
    METRICS_STILL_SHOWS,
    METRICS_NEVER_RETURNS,
    METRICS_REPLACED,
    METRICS_AWAY,
    METRICS_ENDS
};
const char *metrics_end_name(enum metrics_end end); /* "never-returns", "replaced", "away" of those with a reason */
struct histogram;
struct timeline;

struct metrics;
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
void metrics_reset(struct metrics *metrics); /* forgets everything, keeps memory */
/* By policy the quotes of the next runs outlive what they quote ("quotes":"keep" of a history's header). */
void metrics_keep_quotes(struct metrics *metrics, bool kept);
void metrics_take(void *metrics, const struct record *record, const struct names *names);
/* At the end of each run: closes open questions, folds the run into the totals, forgets its names. */
void metrics_finish(struct metrics *metrics);
/* Fold the totals of one (of its finished runs) into another's. The order of merges does not matter. */
void metrics_merge(struct metrics *into, const struct metrics *from);

uint64_t metrics_count(const struct metrics *metrics, enum metrics_class class);
uint64_t metrics_percentile(const struct metrics *metrics, enum metrics_class class,
                            uint32_t permille);        /* 500, 990, 1000 */
uint64_t metrics_never(const struct metrics *metrics); /* (deletion, device) pairs that were never reached */
uint64_t metrics_unreached(const struct metrics *metrics, enum metrics_end end); /* and of those with a reason */
/* Both in a line each; nothing when there are none. */
void metrics_print_unreached(const struct metrics *metrics, FILE *out);
const struct histogram *metrics_histogram(const struct metrics *metrics, enum metrics_class class);
/* What safety phases cost, of the runs that measured it (record kind `traffic`): sums. */
struct metrics_traffic {
    uint64_t runs, requests, bytes, between, hottest;
};
struct metrics_traffic metrics_traffic(const struct metrics *metrics);
/* What it took until everybody was back after an outage, of the runs that measured it (record kind `herd`): sums. */
struct metrics_herd {
    uint64_t herds, devices, missing, took_us, events, requests, bytes, between;
};
struct metrics_herd metrics_herd(const struct metrics *metrics);
/* A line each, means of a run and of a herd; nothing of what no run measured. */
void metrics_print_traffic(const struct metrics *metrics, const char *indent, FILE *out);
const struct timeline *metrics_tombstones(const struct metrics *metrics); /* of all shards together */

/* As JSON (an object, no newline at the end) for result files; reports/measures.h reads it back. */
void metrics_write_json(const struct metrics *metrics, FILE *out);
/*
 * As lines "metrics ...", each below METRICS_LINE_MAX bytes, that carry the totals exactly from one process to another.
 * Reading a line (with or without its newline) adds it to the totals; E_INVALID, and no change, when it is not one.
 */
#define METRICS_LINE_MAX 512
void metrics_write_text(const struct metrics *metrics, FILE *out);
int metrics_read_text(struct metrics *metrics, const char *line);

#endif
