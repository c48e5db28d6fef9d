/*
 * metrics_totals.c: totals, and the lines that carry them:
 *     metrics latency CLASS BUCKET MAX COUNT      MAX: the largest sample known of the bucket
 *     metrics never COUNT
 *     metrics unreached END COUNT                 END: metrics_end_name
 *     metrics traffic RUNS REQUESTS BYTES BETWEEN HOTTEST
 *     metrics herd HERDS DEVICES MISSING TOOK EVENTS REQUESTS BYTES BETWEEN
 *     metrics tombstones WIDTH AT COUNT SUM MAX   one bin
 */
#include "reports/metrics_totals.h"

#include <inttypes.h>
#include <string.h>

static const char *const class_names[METRICS_CLASSES] = {"online", "returning", "since-deletion"};

static const char *const end_names[METRICS_ENDS] = {"reached", "never", "never-returns", "replaced", "away"};

const char *metrics_end_name(enum metrics_end end)
{
    return end_names[end];
}

const char *metrics_class_name(enum metrics_class class)
{
    return class_names[class];
}

void metrics_totals_init(struct metrics_totals *totals)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        histogram_init(&totals->latency[i]);
    timeline_init(&totals->tombstones);
    memset(totals->unreached, 0, sizeof totals->unreached);
    totals->traffic = (struct metrics_traffic){0};
    totals->herd = (struct metrics_herd){0};
}

void metrics_totals_release(struct metrics_totals *totals)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        histogram_release(&totals->latency[i]);
}

void metrics_totals_clear(struct metrics_totals *totals)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        histogram_clear(&totals->latency[i]);
    timeline_init(&totals->tombstones);
    memset(totals->unreached, 0, sizeof totals->unreached);
    totals->traffic = (struct metrics_traffic){0};
    totals->herd = (struct metrics_herd){0};
}

static void add_traffic(struct metrics_traffic *into, const struct metrics_traffic *from)
{
    into->runs += from->runs;
    into->requests += from->requests;
    into->bytes += from->bytes;
    into->between += from->between;
    into->hottest += from->hottest;
}

void metrics_totals_add_herd(struct metrics_herd *into, const struct metrics_herd *from)
{
    into->herds += from->herds;
    into->devices += from->devices;
    into->missing += from->missing;
    into->took_us += from->took_us;
    into->events += from->events;
    into->requests += from->requests;
    into->bytes += from->bytes;
    into->between += from->between;
}

void metrics_totals_merge(struct metrics_totals *into, const struct metrics_totals *from)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        histogram_merge(&into->latency[i], &from->latency[i]);
    timeline_merge(&into->tombstones, &from->tombstones);
    for (int i = 0; i < METRICS_ENDS; i++)
        into->unreached[i] += from->unreached[i];
    add_traffic(&into->traffic, &from->traffic);
    metrics_totals_add_herd(&into->herd, &from->herd);
}

void metrics_totals_write_text(const struct metrics_totals *totals, FILE *out)
{
    for (int i = 0; i < METRICS_CLASSES; i++) {
        const struct histogram *h = &totals->latency[i];
        uint64_t count = 0;
        for (uint32_t b = 0; histogram_next(h, &b, &count); b++) {
            uint64_t upper = histogram_upper(b);
            fprintf(out, "metrics latency %s %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", class_names[i], b,
                    upper < h->max ? upper : h->max, count);
        }
    }
    if (totals->unreached[METRICS_STILL_SHOWS])
        fprintf(out, "metrics never %" PRIu64 "\n", totals->unreached[METRICS_STILL_SHOWS]);
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++)
        if (totals->unreached[i])
            fprintf(out, "metrics unreached %s %" PRIu64 "\n", end_names[i], totals->unreached[i]);
    const struct metrics_traffic *t = &totals->traffic;
    if (t->runs)
        fprintf(out, "metrics traffic %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", t->runs,
                t->requests, t->bytes, t->between, t->hottest);
    const struct metrics_herd *h = &totals->herd;
    if (h->herds)
        fprintf(out,
                "metrics herd %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                " %" PRIu64 "\n",
                h->herds, h->devices, h->missing, h->took_us, h->events, h->requests, h->bytes, h->between);
    for (uint32_t i = 0; i < TIMELINE_BINS; i++) {
        const struct timeline_bin *bin = &totals->tombstones.bins[i];
        uint64_t width = totals->tombstones.width_us;
        if (bin->count)
            fprintf(out, "metrics tombstones %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", width,
                    i * width, bin->count, bin->sum, bin->max);
    }
}

/* The words after `word` and a space, or NULL. */
static const char *after(const char *line, const char *word)
{
    size_t len = strlen(word);
    return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

/* Exactly n numbers with one space between, and the end of the line. */
static bool read_numbers(const char *text, uint64_t *numbers, int n)
{
    for (int i = 0; i < n; i++) {
        const char *digits = text;
        numbers[i] = 0;
        for (; *text >= '0' && *text <= '9'; text++)
            if (__builtin_mul_overflow(numbers[i], 10, &numbers[i]) ||
                __builtin_add_overflow(numbers[i], (uint64_t)(*text - '0'), &numbers[i]))
                return false;
        if (text == digits)
            return false;
        if (i < n - 1 && *text++ != ' ')
            return false;
    }
    return !*text || !strcmp(text, "\n");
}

static int read_latency(struct metrics_totals *totals, const char *rest)
{
    uint64_t n[3];
    for (int i = 0; i < METRICS_CLASSES; i++) {
        const char *numbers = after(rest, class_names[i]);
        if (numbers && read_numbers(numbers, n, 3) && n[0] < HISTOGRAM_BUCKETS)
            return histogram_add_bucket(&totals->latency[i], (uint32_t)n[0], n[2], n[1]);
    }
    return E_INVALID;
}

static int read_unreached(struct metrics_totals *totals, const char *rest)
{
    uint64_t n[1];
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++) {
        const char *numbers = after(rest, end_names[i]);
        if (!numbers || !read_numbers(numbers, n, 1))
            continue;
        totals->unreached[i] += n[0];
        return 0;
    }
    return E_INVALID;
}

int metrics_totals_read_text(struct metrics_totals *totals, const char *line)
{
    uint64_t n[8];
    const char *words = after(line, "metrics"), *rest;
    if (!words)
        return E_INVALID;
    if ((rest = after(words, "latency")))
        return read_latency(totals, rest);
    if ((rest = after(words, "never"))) {
        if (!read_numbers(rest, n, 1))
            return E_INVALID;
        totals->unreached[METRICS_STILL_SHOWS] += n[0];
        return 0;
    }
    if ((rest = after(words, "unreached")))
        return read_unreached(totals, rest);
    if ((rest = after(words, "traffic"))) {
        if (!read_numbers(rest, n, 5))
            return E_INVALID;
        add_traffic(&totals->traffic, &(struct metrics_traffic){n[0], n[1], n[2], n[3], n[4]});
        return 0;
    }
    if ((rest = after(words, "herd"))) {
        if (!read_numbers(rest, n, 8))
            return E_INVALID;
        metrics_totals_add_herd(&totals->herd, &(struct metrics_herd){n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]});
        return 0;
    }
    if ((rest = after(words, "tombstones")) && read_numbers(rest, n, 5))
        return timeline_add_bin(&totals->tombstones, n[0], n[1], &(struct timeline_bin){n[2], n[3], n[4]});
    return E_INVALID;
}
