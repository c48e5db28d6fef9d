/*
 * sweep.h: many seeds of many scenarios, in worker processes; what they came to does not depend on how many workers.
 */
#ifndef SEXTON_SIM_EXPLORE_SWEEP_H
#define SEXTON_SIM_EXPLORE_SWEEP_H

#include "sim/explore/tally.h"

struct sweep_options {
    uint64_t first, last;   /* seeds, both included; last 0: 1 to the number that the scenario states */
    uint64_t part, parts;   /* every parts-th seed, beginning with the part-th; 1 of 1 for all */
    unsigned jobs;          /* 0: one a processor */
    uint64_t time_limit_ms; /* 0: none */
    bool progress;          /* tell on standard error how far it is */
};
/* One scenario (a variant of a file). The sweep owns what it points to. */
struct sweep_item {
    const char *file;
    size_t variant;
    const struct scenario *scenario;
    const char *set; /* KEY=VALUE that was not in the file, or NULL */
    uint64_t first, last, step;
    uint64_t seeds;                /* how many of them */
    bool found;                    /* in a folder, not named itself: then the scenario's "seeds-at-most" holds */
    bool capped;                   /* and it took seeds away */
    struct tally *tally, *control; /* control: of a negative scenario, without its flaw; else NULL */
    struct metrics *metrics;       /* of `tally` */
};
struct sweep;
struct sweep *sweep_new(void);
/* The shards' store of all that is added from now on, whatever their files say: "memory" or "sqlite". */
/* Of what is added from now on, only scenarios that have a "swarm". */
void sweep_only_swarms(struct sweep *sweep);
void sweep_set_store(struct sweep *sweep, const char *store);
void sweep_free(struct sweep *sweep);
/* Reads the file, or every *.json under the directory, in the order of names. Negative, and told, on bad input. */
int sweep_add(struct sweep *sweep, const char *path);
/* One file; found: it was in a folder. */
int sweep_add_file(struct sweep *sweep, const char *path, bool found);
size_t sweep_count(const struct sweep *sweep);
const struct sweep_item *sweep_item(const struct sweep *sweep, size_t at);
enum sweep_end { SWEEP_DONE, SWEEP_TIME, SWEEP_FAILED };
enum sweep_end sweep_run(struct sweep *sweep, const struct sweep_options *options);

/* ---- many machines: what some other sweep's item came to, as lines of text ---- */
void sweep_write_fold(const struct sweep_item *item, FILE *out);
/* Instead of sweep_run: which seeds there are. */
void sweep_lay_out(struct sweep *sweep, const struct sweep_options *options);
/* Adds one of the lines, without its newline, to the at-th item; E_INVALID. It is changed. */
int sweep_read_fold(struct sweep *sweep, size_t at, char *line);
bool sweep_item_finished(const struct sweep_item *item);

#endif
