/*
 * swarm.h: a scenario whose sizes, choices, weights and faults are drawn from the seed.
 *
 * A test that has every fault in every run finds less than many that each leave some out: one fault hides another
 * (Groce and others, "Swarm testing", 2012). So each seed draws which are in, besides how large everything is.
 */
#ifndef SEXTON_SIM_SWARM_H
#define SEXTON_SIM_SWARM_H

#include "core/rng.h"
#include "sim/scenario.h"

struct swarm_draw {
    struct scenario *s;
    struct rng rng; /* of this fault alone */
};
/* The scenario of this seed: a copy that borrows all that `base` owns. Of one without "swarm": as it is. */
void swarm_draw(const struct scenario *base, uint64_t seed, struct scenario *drawn);
/* Of everything that was drawn. */
uint64_t swarm_digest(const struct scenario *drawn);
/* In words, a few lines, malloc'd. */
char *swarm_text(const struct scenario *drawn);

#endif
