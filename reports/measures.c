/* measures.c: histograms and timelines as plain arrays, and these as JSON. Integers only; a mean is printed from
 * thousandths. */
#include "reports/measures.h"

#include "reports/histogram.h"
#include "reports/timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void latency_from(struct measures_latency *l, const struct histogram *h)
{
    l->count = h->count;
    l->p50_us = histogram_percentile(h, 500);
    l->p90_us = histogram_percentile(h, 900);
    l->p99_us = histogram_percentile(h, 990);
    l->max_us = h->max;
    l->bar_count = 0;
    uint64_t count = 0;
    for (uint32_t b = 0; histogram_next(h, &b, &count); b++) {
        uint64_t upper = histogram_upper(b);
        l->bars = base_grow(l->bars, &l->bar_cap, l->bar_count + 1, sizeof *l->bars);
        l->bars[l->bar_count++] = (struct measures_bar){upper < h->max ? upper : h->max, count};
    }
}

static void add_bars(struct histogram *h, const struct measures_latency *l)
{
    for (size_t i = 0; i < l->bar_count; i++)
        histogram_add_bucket(h, histogram_bucket(l->bars[i].upper_us), l->bars[i].count, l->bars[i].upper_us);
}

void measures_from(struct measures *into, const struct metrics *from)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        latency_from(&into->latency[i], metrics_histogram(from, (enum metrics_class)i));
    into->never = metrics_never(from);
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++)
        into->unreached[i] = metrics_unreached(from, (enum metrics_end)i);
    into->traffic = metrics_traffic(from);
    into->herd = metrics_herd(from);
    const struct timeline *t = metrics_tombstones(from);
    for (uint32_t i = 0; i < TIMELINE_BINS; i++) {
        const struct timeline_bin *bin = &t->bins[i];
        if (!bin->count)
            continue;
        into->tombstones =
            base_grow(into->tombstones, &into->tombstone_cap, into->tombstone_count + 1, sizeof *into->tombstones);
        into->tombstones[into->tombstone_count++] =
            (struct measures_tombstones){i * t->width_us, timeline_mean_milli(bin), bin->max};
    }
}

void measures_release(struct measures *measures)
{
    for (int i = 0; i < METRICS_CLASSES; i++)
        free(measures->latency[i].bars);
    free(measures->tombstones);
    memset(measures, 0, sizeof *measures);
}

void measures_merge(struct measures *into, const struct measures *from)
{
    for (int i = 0; i < METRICS_CLASSES; i++) {
        struct histogram h;
        histogram_init(&h);
        add_bars(&h, &into->latency[i]);
        add_bars(&h, &from->latency[i]);
        latency_from(&into->latency[i], &h);
        histogram_release(&h);
    }
    into->never += from->never;
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++)
        into->unreached[i] += from->unreached[i];
}

uint64_t measures_pairs(const struct measures *measures)
{
    return measures->latency[METRICS_SINCE_DELETION].count + measures->never;
}

static void write_latency(const struct measures_latency *l, FILE *out)
{
    fprintf(out,
            "{\"count\":%" PRIu64 ",\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"max\":%" PRIu64
            ",\"histogram\":[",
            l->count, l->p50_us, l->p90_us, l->p99_us, l->max_us);
    for (size_t i = 0; i < l->bar_count; i++)
        fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", l->bars[i].upper_us, l->bars[i].count);
    fputs("]}", out);
}

void measures_write_json(const struct measures *measures, FILE *out)
{
    fputc('{', out);
    for (int i = 0; i < METRICS_CLASSES; i++) {
        fprintf(out, "%s\"%s\":", i ? "," : "", metrics_class_name((enum metrics_class)i));
        write_latency(&measures->latency[i], out);
    }
    fprintf(out, ",\"never\":%" PRIu64 ",\"unreached\":{", measures->never);
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++)
        fprintf(out, "%s\"%s\":%" PRIu64, i > METRICS_NEVER_RETURNS ? "," : "", metrics_end_name((enum metrics_end)i),
                measures->unreached[i]);
    fputs("},\"tombstones\":[", out);
    for (size_t i = 0; i < measures->tombstone_count; i++) {
        const struct measures_tombstones *t = &measures->tombstones[i];
        fprintf(out, "%s[%" PRIu64 ",%" PRIu64 ".%03" PRIu64 ",%" PRIu64 "]", i ? "," : "", t->at_us,
                t->mean_milli / 1000, t->mean_milli % 1000, t->max);
    }
    fputc(']', out);
    const struct metrics_traffic *traffic = &measures->traffic;
    if (traffic->runs)
        fprintf(out,
                ",\"traffic\":{\"runs\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"between\":%" PRIu64
                ",\"hottest\":%" PRIu64 "}",
                traffic->runs, traffic->requests, traffic->bytes, traffic->between, traffic->hottest);
    const struct metrics_herd *herd = &measures->herd;
    if (herd->herds)
        fprintf(out,
                ",\"herd\":{\"herds\":%" PRIu64 ",\"devices\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"took\":%" PRIu64
                ",\"events\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"between\":%" PRIu64 "}",
                herd->herds, herd->devices, herd->missing, herd->took_us, herd->events, herd->requests, herd->bytes,
                herd->between);
    fputc('}', out);
}

void measures_duration(uint64_t us, char text[MEASURES_DURATION_MAX])
{
    static const struct {
        uint64_t us;
        const char *name;
    } units[] = {{US_PER_DAY, "d"}, {3600 * US_PER_S, "h"}, {60 * US_PER_S, "min"},
                 {US_PER_S, "s"},   {US_PER_MS, "ms"},      {1, "µs"}};
    const size_t last = sizeof units / sizeof *units - 1;
    size_t i = 0;
    while (i < last && us < units[i].us)
        i++;
    uint64_t whole = us / units[i].us, tenths = us % units[i].us * 10 / units[i].us;
    if (!us)
        snprintf(text, MEASURES_DURATION_MAX, "0");
    else if (whole >= 100 || i == last || !tenths)
        snprintf(text, MEASURES_DURATION_MAX, "%" PRIu64 " %s", whole, units[i].name);
    else
        snprintf(text, MEASURES_DURATION_MAX, "%" PRIu64 ".%" PRIu64 " %s", whole, tenths, units[i].name);
}
