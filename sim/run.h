/*
 * run.h: one run judged: a world, the checkers, the probes and the metrics fed by its history, held against what the
 * scenario expects.
 */
#ifndef SEXTON_SIM_RUN_H
#define SEXTON_SIM_RUN_H

#include "reports/metrics.h"
#include "sim/check/check.h"
#include "sim/scenario.h"
#include "sim/world.h"

struct run_options {
    uint64_t seed;
    flaw_set flaws;    /* bits of enum flaw, besides the scenario's own */
    uint64_t crash_at; /* world_crash_at: what comes of it is held against the invariants alone; 0 = nowhere */
    bool without_flaw; /* a negative scenario's control: leave its flaw out, expect a clean run */
    struct history_sink extra[4]; /* file writer, trace, … */
    int extra_count;
};

#define RUN_FAILURE_MAX 400
struct run_result {
    enum world_end end;
    uint64_t digest, records, events;
    struct check_work work;
    enum verdict_state states[INVARIANT_COUNT];
    uint64_t judged[INVARIANT_COUNT], unknown[INVARIANT_COUNT];
    /* expectations of this one run that were not met: violations, never, finally, expect, limits; empty = met */
    char failures[8][RUN_FAILURE_MAX];
    int failure_count;
    /* for the sweep to fold over seeds */
    uint64_t sometimes_seen;                              /* bit i: scenario->expect.sometimes[i] happened */
    uint64_t steps_ran[SCENARIO_STEPS_MAX / 64 + 1];      /* bit: the step ran */
    uint64_t faults_touched[SCENARIO_STEPS_MAX / 64 + 1]; /* bit: the fault step touched something */
    uint64_t drawn_touched;                               /* bit: one of "faults" of that kind touched something;
                                                             bit 0: a device came or went by its pattern of presence */
    uint64_t network_fired;                               /* bit: that enum network_fault did something */
    struct world_mix mix;
    struct world_swarm swarm;
    uint64_t race_orders[16]; /* per race (first 16): bits of the permutations seen; sweep ORs them */
};

struct run; /* everything that is kept between runs: names, world, checkers, metrics */
struct run *run_new(void);
void run_free(struct run *run);
int run_scenario(struct run *run, const struct scenario *scenario, const struct run_options *options,
                 struct run_result *result);
/* After run_scenario, until the next: for printing. */
const struct check *run_check(const struct run *run);
const struct metrics *run_metrics(const struct run *run); /* of this run alone */
const struct names *run_names(const struct run *run);
const struct world *run_world(const struct run *run);
const struct scenario *run_drawn(const struct run *run); /* of a swarm: as this seed drew it */

#endif
