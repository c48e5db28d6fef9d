/* timeline.c: bins that widen. */
#include "reports/timeline.h"

#include <string.h>

#define WIDTH_FIRST_US 1000U

void timeline_init(struct timeline *t)
{
    memset(t, 0, sizeof *t);
    t->width_us = WIDTH_FIRST_US;
}

static void add(struct timeline_bin *into, const struct timeline_bin *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
}

static void widen(struct timeline *t)
{
    for (uint32_t i = 0; i < TIMELINE_BINS / 2; i++) {
        struct timeline_bin both = t->bins[2 * i];
        add(&both, &t->bins[2 * i + 1]);
        t->bins[i] = both;
    }
    memset(t->bins + TIMELINE_BINS / 2, 0, sizeof t->bins / 2);
    t->width_us *= 2;
}

int timeline_add_bin(struct timeline *t, uint64_t width_us, uint64_t at_us, const struct timeline_bin *bin)
{
    uint64_t n = width_us / WIDTH_FIRST_US;
    if (!n || width_us % WIDTH_FIRST_US || n & (n - 1) || !bin->count)
        return E_INVALID;
    while (t->width_us < width_us || at_us / t->width_us >= TIMELINE_BINS)
        widen(t);
    add(&t->bins[at_us / t->width_us], bin);
    return 0;
}

void timeline_add(struct timeline *t, uint64_t at_us, uint64_t value)
{
    timeline_add_bin(t, WIDTH_FIRST_US, at_us, &(struct timeline_bin){1, value, value});
}

void timeline_hold(struct timeline *t, uint64_t from_us, uint64_t to_us, uint64_t value)
{
    assert(to_us / t->width_us < TIMELINE_BINS);
    for (uint64_t bin = from_us / t->width_us + 1; bin < to_us / t->width_us; bin++)
        add(&t->bins[bin], &(struct timeline_bin){1, value, value});
}

void timeline_merge(struct timeline *into, const struct timeline *from)
{
    for (uint32_t i = 0; i < TIMELINE_BINS; i++)
        if (from->bins[i].count)
            timeline_add_bin(into, from->width_us, i * from->width_us, &from->bins[i]);
}

uint64_t timeline_mean_milli(const struct timeline_bin *bin)
{
    if (!bin->count)
        return 0;
    return bin->sum / bin->count * 1000 + bin->sum % bin->count * 1000 / bin->count;
}
