/*
 * measures.h: the plain numbers that a report draws from: the "metrics" object of a result file, as C. From a struct
 * metrics, or (reports/result.h) from a file; written back as the same JSON.
 *
 *     {"online":{"count":3,"p50":90,"p90":91,"p99":91,"max":91,"histogram":[[UPPER_US,COUNT],...]},"returning":{...},
 *      "since-deletion":{...},"never":0,"unreached":{"never-returns":1,"replaced":0,"away":0},"tombstones":[[AT_US,MEAN,MAX],...],
 *      "traffic":{"runs":1,"requests":9,"bytes":900,"between":4,"hottest":7},
 *      "herd":{"herds":1,"devices":9,"missing":0,"took":900,"events":90,"requests":9,"bytes":900,"between":4}}
 *
 * `traffic` and `herd` are there only when a run measured them: sums over `runs` runs and `herds` herds.
 *
 * A zeroed struct is empty. The struct owns its arrays.
 */
#ifndef SEXTON_REPORTS_MEASURES_H
#define SEXTON_REPORTS_MEASURES_H

#include "reports/metrics.h"

struct measures_bar {
    uint64_t upper_us, count; /* samples up to upper_us and above the bar before */
};
struct measures_latency {
    uint64_t count, p50_us, p90_us, p99_us, max_us;
    struct measures_bar *bars; /* ascending */
    size_t bar_count, bar_cap;
};
struct measures_tombstones {
    uint64_t at_us, mean_milli, max;
};
struct measures {
    struct measures_latency latency[METRICS_CLASSES];
    uint64_t never, unreached[METRICS_ENDS]; /* unreached: with a reason, by metrics_end; not among the pairs */
    struct measures_tombstones *tombstones;  /* ascending in time */
    size_t tombstone_count, tombstone_cap;
    struct metrics_traffic traffic;
    struct metrics_herd herd;
};
void measures_from(struct measures *into, const struct metrics *from); /* into: empty */
void measures_release(struct measures *measures);                      /* and empty again */
/* Adds the latencies, `never` and `unreached`. Tombstones and traffic of different scenarios have no common meaning:
 * left alone. */
void measures_merge(struct measures *into, const struct measures *from);
void measures_write_json(const struct measures *measures, FILE *out);
/* Pairs: reached and never. */
uint64_t measures_pairs(const struct measures *measures);
/* A duration to read: "840 µs", "1.2 s", "3.5 h"; three digits at most. */
#define MEASURES_DURATION_MAX 48
void measures_duration(uint64_t us, char text[MEASURES_DURATION_MAX]);

#endif
