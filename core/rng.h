/*
 * rng.h: random streams. Integers only: no floating point decides anything (DESIGN.md, Determinism).
 *
 * A stream is forked from a seed and a name, so that a draw in "net" never shifts a draw in "crowd". The generator is
 * xoshiro256** seeded by splitmix64 (Blackman and Vigna, public domain, prng.di.unimi.it).
 */
#ifndef SEXTON_CORE_RNG_H
#define SEXTON_CORE_RNG_H

#include "core/base.h"

struct rng {
    uint64_t s[4];
};

struct rng rng_fork(uint64_t seed, const char *stream);
/* A stream of its own for the index-th thing (device, link, branch) of a named family. */
struct rng rng_fork_at(uint64_t seed, const char *stream, uint64_t index);
uint64_t rng_next(struct rng *rng);
/* Uniform in [0, bound); bound > 0; without modulo bias. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* Uniform in [low, high], both included. */
uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high);
/* True with probability ppm / 1,000,000. */
bool rng_ppm(struct rng *rng, uint32_t ppm);
/* Exponentially distributed with this mean, from an integer table (inverse distribution, interpolated). */
uint64_t rng_exponential(struct rng *rng, uint64_t mean);
/* Lognormal-shaped between a median and a 99th percentile, from an integer table; capped at 16 x p99. */
uint64_t rng_latency(struct rng *rng, uint64_t median, uint64_t p99);

#endif
