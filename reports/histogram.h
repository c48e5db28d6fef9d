/*
 * histogram.h: counts of integers in log-linear buckets (the shape of HdrHistogram, Gil Tene).
 *
 * Values below 128 have a bucket each; from there on every power of two is cut into 128 buckets, so a bucket is
 * narrower than 1/128 of its values: two digits. The maximum is kept exactly. Adding and merging commute: whatever the
 * order, equal samples give equal histograms. Memory is 58 KiB from the first sample on, whatever the samples.
 */
#ifndef SEXTON_REPORTS_HISTOGRAM_H
#define SEXTON_REPORTS_HISTOGRAM_H

#include "core/base.h"

#define HISTOGRAM_BUCKETS 7424U /* 128 + 57 * 128: all of uint64_t */

struct histogram {
    uint64_t count, max;
    uint64_t *buckets;  /* NULL while empty and never used */
    uint32_t low, high; /* the buckets in use are in [low, high) */
};
void histogram_init(struct histogram *h);
void histogram_release(struct histogram *h);
void histogram_clear(struct histogram *h); /* keeps memory; costs what was in use */
void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/*
 * The smallest bucket's upper value that at least permille/1000 of the samples do not exceed, and never more than the
 * maximum; permille 0 is the first sample's bucket, 1000 the exact maximum. 0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *h, uint32_t permille);

/* ---- buckets, for those who write and read them ---- */
uint32_t histogram_bucket(uint64_t value);
uint64_t histogram_upper(uint32_t bucket); /* the largest value of the bucket */
/* n samples of this bucket, of which the largest is `max`, a value of the bucket; 0, or E_INVALID when it is not. */
int histogram_add_bucket(struct histogram *h, uint32_t bucket, uint64_t n, uint64_t max);
/* The first bucket in use from *bucket on: false when there is none. */
bool histogram_next(const struct histogram *h, uint32_t *bucket, uint64_t *count);

#endif
