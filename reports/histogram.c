/*
 * histogram.c: log-linear counts. The bucket of a value is its top 8 bits: the exponent picks the octave, the seven
 * bits below the leading one pick the bucket in it. Only [low, high) is ever walked, so that a run with few samples is
 * cheap to clear and to merge.
 */
#include "reports/histogram.h"

#include <stdlib.h>
#include <string.h>

#define SUB_BITS 7U
#define SUBS (1U << SUB_BITS)

void histogram_init(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

void histogram_release(struct histogram *h)
{
    free(h->buckets);
    memset(h, 0, sizeof *h);
}

void histogram_clear(struct histogram *h)
{
    if (h->buckets)
        memset(h->buckets + h->low, 0, (h->high - h->low) * sizeof *h->buckets);
    h->count = h->max = 0;
    h->low = h->high = 0;
}

uint32_t histogram_bucket(uint64_t value)
{
    if (value < SUBS)
        return (uint32_t)value;
    uint32_t shift = 63U - (uint32_t)__builtin_clzll(value) - SUB_BITS;
    return (shift + 1) * SUBS + (uint32_t)((value >> shift) & (SUBS - 1));
}

uint64_t histogram_upper(uint32_t bucket)
{
    assert(bucket < HISTOGRAM_BUCKETS);
    if (bucket < SUBS)
        return bucket;
    uint32_t shift = bucket / SUBS - 1;
    uint64_t lower = (uint64_t)(SUBS + bucket % SUBS) << shift;
    return lower + ((1ULL << shift) - 1);
}

static void touch(struct histogram *h, uint32_t bucket)
{
    if (!h->buckets)
        h->buckets = base_alloc(HISTOGRAM_BUCKETS * sizeof *h->buckets);
    if (h->low == h->high) {
        h->low = bucket;
        h->high = bucket + 1;
    }
    if (bucket < h->low)
        h->low = bucket;
    if (bucket >= h->high)
        h->high = bucket + 1;
}

int histogram_add_bucket(struct histogram *h, uint32_t bucket, uint64_t n, uint64_t max)
{
    if (bucket >= HISTOGRAM_BUCKETS || !n || histogram_bucket(max) != bucket)
        return E_INVALID;
    touch(h, bucket);
    h->buckets[bucket] += n;
    h->count += n;
    if (max > h->max)
        h->max = max;
    return 0;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    histogram_add_bucket(h, histogram_bucket(value), 1, value);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (!from->count)
        return;
    touch(into, from->low);
    touch(into, from->high - 1);
    for (uint32_t b = from->low; b < from->high; b++)
        into->buckets[b] += from->buckets[b];
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t histogram_percentile(const struct histogram *h, uint32_t permille)
{
    assert(permille <= 1000);
    /* ceil(count * permille / 1000) without overflow */
    uint64_t rank = h->count / 1000 * permille + (h->count % 1000 * permille + 999) / 1000, seen = 0;
    for (uint32_t b = h->low; b < h->high; b++) {
        seen += h->buckets[b];
        if (seen && seen >= rank)
            return histogram_upper(b) < h->max ? histogram_upper(b) : h->max;
    }
    return h->max;
}

bool histogram_next(const struct histogram *h, uint32_t *bucket, uint64_t *count)
{
    for (uint32_t b = *bucket > h->low ? *bucket : h->low; b < h->high; b++) {
        if (!h->buckets[b])
            continue;
        *bucket = b;
        *count = h->buckets[b];
        return true;
    }
    return false;
}
