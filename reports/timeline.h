/*
 * timeline.h: a quantity over the time of a run, kept in at most 200 bins: count, sum and maximum of the samples in
 * each. When a sample lies beyond the last bin, bins are merged in pairs, so that their width doubles (from 1 ms on).
 * Timelines of several runs merge bin by bin; the order does not matter.
 */
#ifndef SEXTON_REPORTS_TIMELINE_H
#define SEXTON_REPORTS_TIMELINE_H

#include "core/base.h"

#define TIMELINE_BINS 200U
struct timeline_bin {
    uint64_t count, sum, max;
};
struct timeline {
    uint64_t width_us; /* 1000 << n */
    struct timeline_bin bins[TIMELINE_BINS];
};
void timeline_init(struct timeline *t);
void timeline_add(struct timeline *t, uint64_t at_us, uint64_t value);
/* The value held from one sample, at from_us, to the next, at to_us, both added already: counts in the bins between. */
void timeline_hold(struct timeline *t, uint64_t from_us, uint64_t to_us, uint64_t value);
/* Add a bin of another timeline, which begins at at_us and is not wider than width_us; 0, or E_INVALID. */
int timeline_add_bin(struct timeline *t, uint64_t width_us, uint64_t at_us, const struct timeline_bin *bin);
void timeline_merge(struct timeline *into, const struct timeline *from);
/* Mean of a bin in thousandths, rounded down; 0 when it is empty. */
uint64_t timeline_mean_milli(const struct timeline_bin *bin);

#endif
