/*
 * rng.c: xoshiro256** streams and integer distributions.
 * Method: a quantile table indexed by the top bits of a draw, the low bits interpolate; a lognormal is 2 to the power
 * of (log2 median + z * (log2 p99 - log2 median)), in 16.16 fixed point.
 */
#include "core/rng.h"

#include "core/rng_tables.h"

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

struct rng rng_fork_at(uint64_t seed, const char *stream, uint64_t index)
{
    uint64_t x = seed ^ 0xcbf29ce484222325ULL;
    for (const char *c = stream; *c; c++)
        x = (x ^ (unsigned char)*c) * 0x100000001b3ULL;
    uint64_t mixed = splitmix(&x) ^ (index * 0xd6e8feb86659fd93ULL);
    struct rng rng;
    for (int i = 0; i < 4; i++)
        rng.s[i] = splitmix(&mixed);
    return rng;
}

struct rng rng_fork(uint64_t seed, const char *stream)
{
    return rng_fork_at(seed, stream, 0);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    assert(bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t draw;
    do {
        draw = rng_next(rng);
    } while (draw >= limit);
    return draw % bound;
}

uint64_t rng_between(struct rng *rng, uint64_t low, uint64_t high)
{
    assert(low <= high);
    if (low == 0 && high == UINT64_MAX)
        return rng_next(rng);
    return low + rng_below(rng, high - low + 1);
}

bool rng_ppm(struct rng *rng, uint32_t ppm)
{
    return ppm > 0 && rng_below(rng, 1000000) < ppm;
}

/* value * factor / 65536 without overflow for any value below 2^56 */
static uint64_t scale16(uint64_t value, uint64_t factor)
{
    return (value >> 16) * factor + (((value & 0xffff) * factor) >> 16);
}

uint64_t rng_exponential(struct rng *rng, uint64_t mean)
{
    uint64_t draw = rng_next(rng) >> 40; /* 24 bits: 8 index, 16 interpolate */
    uint64_t i = draw >> 16, fraction = draw & 0xffff;
    uint64_t low = exponential_quantile[i], high = exponential_quantile[i + 1];
    return scale16(mean, low + (((high - low) * fraction) >> 16));
}

/* log2(value) in 16.16; value > 0 */
static int64_t log2_fixed(uint64_t value)
{
    int whole = 63 - __builtin_clzll(value);
    uint64_t mantissa = whole >= 22 ? value >> (whole - 22) : value << (22 - whole); /* 1.22 */
    uint64_t part = mantissa & ((1U << 22) - 1);
    uint64_t i = part >> 16, fraction = part & 0xffff;
    uint64_t low = log2_fraction[i], high = log2_fraction[i + 1];
    return ((int64_t)whole << 16) + (int64_t)(low + (((high - low) * fraction) >> 16));
}

/* 2^x for x in 16.16, 0 <= x < 56 */
static uint64_t pow2_fixed(int64_t x)
{
    if (x < 0)
        return 0;
    uint64_t whole = (uint64_t)x >> 16, part = (uint64_t)x & 0xffff;
    uint64_t i = part >> 10, fraction = part & 0x3ff;
    uint64_t low = pow2_fraction[i], high = pow2_fraction[i + 1];
    uint64_t mantissa = low + (((high - low) * fraction) >> 10); /* 1.16 */
    return whole >= 16 ? mantissa << (whole - 16) : mantissa >> (16 - whole);
}

uint64_t rng_latency(struct rng *rng, uint64_t median, uint64_t p99)
{
    if (median == 0)
        return 0;
    if (p99 < median)
        p99 = median;
    uint64_t draw = rng_next(rng) >> 40;
    uint64_t i = draw >> 16, fraction = draw & 0xffff;
    int64_t low = normal_quantile[i], high = normal_quantile[i + 1];
    int64_t z = low + (((high - low) * (int64_t)fraction) >> 16);
    int64_t middle = log2_fixed(median), spread = log2_fixed(p99) - middle;
    uint64_t value = pow2_fixed(middle + ((spread * z) >> 16));
    return value > 16 * p99 ? 16 * p99 : value;
}
