/*
 * tally.h: the results of many seeds folded into one, and judged. Memory does not grow with the number of seeds; the
 * order in which results are added does not matter.
 */
#ifndef SEXTON_SIM_EXPLORE_TALLY_H
#define SEXTON_SIM_EXPLORE_TALLY_H

#include "sim/run.h"

#define TALLY_FAILURES_MAX 3 /* of the lowest seeds are kept in words */
#define TALLY_STEP_WORDS (SCENARIO_STEPS_MAX / 64 + 1)
#define TALLY_RACES_MAX 16

struct tally_failure {
    uint64_t seed;
    bool broken; /* crashed or exhausted */
    int count;   /* sentences */
    char sentences[4][RUN_FAILURE_MAX];
};
struct tally { /* numbers of 64 bits, then failures: tally_text.c relies on it */
    uint64_t seeds, failed_seeds, broken_seeds;
    uint64_t in_state[INVARIANT_COUNT][4]; /* seeds, by enum verdict_state */
    uint64_t judged[INVARIANT_COUNT], unknown[INVARIANT_COUNT];
    uint64_t sometimes_seen;
    uint64_t steps_ran[TALLY_STEP_WORDS], faults_touched[TALLY_STEP_WORDS];
    uint64_t drawn_seeds[FAULT_KIND_COUNT]; /* seeds in which one of "faults" of that kind touched something */
    uint64_t network_fired;                 /* bits of enum network_fault, of any seed */
    uint64_t race_orders[TALLY_RACES_MAX];
    struct check_work work;
    struct world_mix mix;
    struct world_swarm swarm;
    uint64_t seeds_with[SWARM_COUNT]; /* in which that fault fired */
    uint64_t events, records;
    uint64_t digest;                                   /* of all digests, whatever their order */
    struct tally_failure failures[TALLY_FAILURES_MAX]; /* by seed */
    int failure_count;
};

void tally_add(struct tally *tally, uint64_t seed, const struct run_result *result);
/* The seed's process died: `how` is a sentence. */
void tally_add_crash(struct tally *tally, uint64_t seed, const char *how);

/* Adds the sums of one to another's; failures are added one by one. */
void tally_merge(struct tally *into, const struct tally *from);
void tally_merge_failure(struct tally *into, const struct tally_failure *failure);

/* What one scenario came to, the worst first. */
enum grade { GRADE_BROKEN, GRADE_FAILED, GRADE_VACUOUS, GRADE_UNFINISHED, GRADE_OK };
const char *grade_name(enum grade grade);
#define TALLY_REASON_MAX 400
/* Why a scenario's seeds together do not meet its expectations, one sentence each. */
struct tally_judgement {
    enum grade grade;
    int count;
    bool cut; /* there were more */
    char reasons[24][TALLY_REASON_MAX];
};
/* control: the tally of the same scenario without its flaw, or NULL. finished: all its seeds are there. */
void tally_judge(const struct tally *tally, const struct tally *control, const struct scenario *scenario, bool finished,
                 struct tally_judgement *judgement);

#endif
