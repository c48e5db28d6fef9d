/*
 * test_rng.c: the random streams: golden values that no compiler may change, bounds, independence, and the two tables.
 */
#include "core/rng.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>

#define SAMPLES 200000

static bool within_percent(uint64_t got, uint64_t wanted, uint64_t percent)
{
    uint64_t off = got > wanted ? got - wanted : wanted - got;
    return off * 100 <= wanted * percent;
}

static int compare_values(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void golden_values(void)
{
    struct rng rng = rng_fork(1, "net");
    CU_ASSERT_EQUAL(rng_next(&rng), 8403442592159259504ULL);
    CU_ASSERT_EQUAL(rng_next(&rng), 784559971279411883ULL);
    CU_ASSERT_EQUAL(rng_exponential(&rng, 1000000), 1673278);
    CU_ASSERT_EQUAL(rng_latency(&rng, 40000, 400000), 58337);
    CU_ASSERT_EQUAL(rng_below(&rng, 1000), 498);
}

/* The generator itself: xoshiro256** from the state 1, 2, 3, 4, as its authors' code gives it. */
static void generator_is_xoshiro256_starstar(void)
{
    struct rng rng = {{1, 2, 3, 4}};
    CU_ASSERT_EQUAL(rng_next(&rng), 11520);
    CU_ASSERT_EQUAL(rng_next(&rng), 0);
    CU_ASSERT_EQUAL(rng_next(&rng), 1509978240);
    CU_ASSERT_EQUAL(rng_next(&rng), 1215971899390074240ULL);
}

static void draws_stay_in_their_bounds(void)
{
    struct rng rng = rng_fork(7, "bounds");
    uint64_t seen[10] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t below = rng_below(&rng, 10), between = rng_between(&rng, 5, 7);
        CU_ASSERT_TRUE_FATAL(below < 10 && between >= 5 && between <= 7);
        seen[below]++;
    }
    for (int i = 0; i < 10; i++)
        CU_ASSERT_TRUE(within_percent(seen[i], SAMPLES / 10, 3));
    CU_ASSERT_EQUAL(rng_below(&rng, 1), 0);
    CU_ASSERT_EQUAL(rng_between(&rng, 9, 9), 9);
    rng_between(&rng, 0, UINT64_MAX);
}

static void parts_per_million_have_their_ends(void)
{
    struct rng rng = rng_fork(7, "ppm");
    uint64_t hits = 0;
    for (int i = 0; i < SAMPLES; i++) {
        CU_ASSERT_FALSE_FATAL(rng_ppm(&rng, 0));
        CU_ASSERT_TRUE_FATAL(rng_ppm(&rng, 1000000));
        hits += rng_ppm(&rng, 50000);
    }
    CU_ASSERT_TRUE(within_percent(hits, SAMPLES / 20, 4));
}

static void forks_are_independent(void)
{
    struct rng a = rng_fork(1, "net"), b = rng_fork(1, "crowd"), c = rng_fork(2, "net");
    struct rng d = rng_fork_at(1, "net", 1), e = rng_fork_at(1, "net", 0);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&a);
        same += x == rng_next(&b) || x == rng_next(&c) || x == rng_next(&d);
        CU_ASSERT_EQUAL(x, rng_next(&e)); /* fork is fork_at 0 */
    }
    CU_ASSERT_EQUAL(same, 0);
}

static void exponential_has_its_mean(void)
{
    struct rng rng = rng_fork(3, "exponential");
    uint64_t sum = 0;
    for (int i = 0; i < SAMPLES; i++)
        sum += rng_exponential(&rng, 1000000);
    CU_ASSERT_TRUE(within_percent(sum / SAMPLES, 1000000, 1));
    CU_ASSERT_EQUAL(rng_exponential(&rng, 0), 0);
}

static void latency_has_its_median_and_p99(void)
{
    struct rng rng = rng_fork(4, "latency");
    uint64_t *values = base_alloc(SAMPLES * sizeof *values);
    for (int i = 0; i < SAMPLES; i++)
        values[i] = rng_latency(&rng, 40000, 400000);
    qsort(values, SAMPLES, sizeof *values, compare_values);
    CU_ASSERT_TRUE(within_percent(values[SAMPLES / 2], 40000, 3));
    CU_ASSERT_TRUE(within_percent(values[SAMPLES / 100 * 99], 400000, 6));
    CU_ASSERT_TRUE(values[SAMPLES - 1] <= 16 * 400000);
    CU_ASSERT_EQUAL(rng_latency(&rng, 0, 400000), 0);
    free(values);
}

int suite_rng(void);
int suite_rng(void)
{
    CU_pSuite suite = CU_add_suite("rng", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, golden_values) || !CU_ADD_TEST(suite, generator_is_xoshiro256_starstar) ||
        !CU_ADD_TEST(suite, draws_stay_in_their_bounds) || !CU_ADD_TEST(suite, parts_per_million_have_their_ends) ||
        !CU_ADD_TEST(suite, forks_are_independent) || !CU_ADD_TEST(suite, exponential_has_its_mean) ||
        !CU_ADD_TEST(suite, latency_has_its_median_and_p99))
        return (int)CU_get_error();
    return 0;
}
