/*
 * test_net.c: the plans of the network and of presence: order, cuts, rates, and the same seed giving the same plan.
 */
#include "net-model/net.h"
#include "net-model/presence.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>

#define SAMPLES 100000

static const struct net_config config = {.device = {40000, 400000},
                                         .shard = {1000, 5000},
                                         .loss_ppm = 20000,
                                         .duplicate_ppm = 10000,
                                         .reorder_ppm = 5000,
                                         .breaks_mean_us = 3600 * US_PER_S};

static bool within_percent(uint64_t got, uint64_t wanted, uint64_t percent)
{
    uint64_t off = got > wanted ? got - wanted : wanted - got;
    return off * 100 <= wanted * percent;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void a_stream_keeps_its_order(void)
{
    struct net *net = net_new(&config, 1);
    struct net_stream stream = {0};
    uint64_t last = 0;
    for (uint64_t now = 0; now < 10000; now++) {
        uint64_t at = net_stream_arrival(net, &stream, now * 100);
        CU_ASSERT_TRUE(at >= now * 100 && (last == 0 || at > last));
        last = at;
    }
    net_free(net);
}

static void stream_latency_follows_median_and_p99(void)
{
    struct net *net = net_new(&config, 2);
    uint64_t *latency = base_alloc(SAMPLES * sizeof *latency);
    for (int i = 0; i < SAMPLES; i++) {
        struct net_stream fresh = {0};
        latency[i] = net_stream_arrival(net, &fresh, 0);
    }
    qsort(latency, SAMPLES, sizeof *latency, compare_times);
    CU_ASSERT_TRUE(within_percent(latency[SAMPLES / 2], 40000, 3));
    CU_ASSERT_TRUE(within_percent(latency[SAMPLES / 100 * 99], 400000, 8));
    free(latency);
    net_free(net);
}

static void a_partition_cuts_both_ways_until_healed(void)
{
    struct net *net = net_new(&config, 3);
    uint32_t east[] = {7, 3, 5}, west[] = {2, 9};
    int cut = net_cut(net, east, 3, west, 2, false);
    CU_ASSERT_TRUE(cut >= 0);
    CU_ASSERT_FALSE(net_reachable(net, 3, 9));
    CU_ASSERT_FALSE(net_reachable(net, 9, 3));
    CU_ASSERT_FALSE(net_connected(net, 7, 2));
    CU_ASSERT_TRUE(net_reachable(net, 3, 5));
    CU_ASSERT_TRUE(net_reachable(net, 3, 4));
    uint64_t arrivals[2];
    CU_ASSERT_EQUAL(net_datagram(net, 5, 2, 0, arrivals), 0);
    CU_ASSERT_EQUAL(net_counts(net).cut, 1);
    net_heal(net, cut);
    CU_ASSERT_TRUE(net_connected(net, 3, 9));
    net_heal(net, cut);
    net_free(net);
}

static void a_one_way_partition_cuts_one_way(void)
{
    struct net *net = net_new(&config, 3);
    uint32_t a[] = {1}, b[] = {2};
    int cut = net_cut(net, a, 1, b, 1, true);
    CU_ASSERT_FALSE(net_reachable(net, 1, 2));
    CU_ASSERT_TRUE(net_reachable(net, 2, 1));
    CU_ASSERT_FALSE(net_connected(net, 2, 1));
    int again = net_cut(net, a, 1, b, 1, false);
    net_heal(net, cut);
    CU_ASSERT_FALSE(net_reachable(net, 1, 2)); /* the other cut still holds */
    net_heal(net, again);
    CU_ASSERT_TRUE(net_connected(net, 1, 2));
    net_free(net);
}

static void cuts_have_a_limit(void)
{
    struct net *net = net_new(&config, 3);
    uint32_t a[] = {1}, b[] = {2};
    for (int i = 0; i < NET_CUTS_MAX; i++)
        CU_ASSERT_EQUAL(net_cut(net, a, 1, b, 1, false), i);
    CU_ASSERT_EQUAL(net_cut(net, a, 1, b, 1, false), E_LIMIT);
    net_heal_all(net);
    CU_ASSERT_TRUE(net_connected(net, 1, 2));
    net_free(net);
}

static void datagrams_are_lost_and_doubled_at_the_stated_rates(void)
{
    struct net *net = net_new(&config, 4);
    uint64_t copies[3] = {0}, overtaken = 0, last = 0;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        uint64_t arrivals[2];
        int count = net_datagram(net, 1, 2, i * 1000, arrivals);
        copies[count]++;
        if (count > 0) {
            overtaken += arrivals[0] < last;
            last = arrivals[0];
        }
    }
    struct net_counts counts = net_counts(net);
    CU_ASSERT_TRUE(within_percent(copies[0], SAMPLES / 50, 10));
    CU_ASSERT_TRUE(within_percent(copies[2], SAMPLES / 100, 12));
    CU_ASSERT_TRUE(within_percent(counts.reordered, SAMPLES / 200, 15));
    CU_ASSERT_EQUAL(counts.lost, copies[0]);
    CU_ASSERT_EQUAL(counts.duplicated, copies[2]);
    CU_ASSERT_TRUE(overtaken > 0);
    net_free(net);
}

static uint64_t plan_digest(uint64_t seed)
{
    struct net *net = net_new(&config, seed);
    uint64_t digest = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t arrivals[2] = {0, 0};
        int count = net_datagram(net, 1, 2, i, arrivals);
        digest = digest * 1000003 + arrivals[0] + 31 * arrivals[1] + (uint64_t)count;
        digest = digest * 1000003 + net_stream_break(net, i);
    }
    net_free(net);
    return digest;
}

static void a_seed_decides_the_plan(void)
{
    CU_ASSERT_EQUAL(plan_digest(5), plan_digest(5));
    CU_ASSERT_NOT_EQUAL(plan_digest(5), plan_digest(6));
}

static void streams_break_only_when_asked_to(void)
{
    struct net_config calm = config;
    calm.breaks_mean_us = 0;
    struct net *net = net_new(&calm, 1);
    CU_ASSERT_EQUAL(net_stream_break(net, 5), TIME_NEVER);
    CU_ASSERT_EQUAL(net_counts(net).breaks, 0);
    net_free(net);
}

/* Share of a month online, in percent, and whether every change lay after the one before. */
static uint64_t percent_online(enum presence pattern, uint64_t device, uint64_t *spans)
{
    struct presence_state state;
    presence_init(&state, pattern, 9, device, 8 * 3600 * US_PER_S);
    uint64_t now = 0, until, on = 0, end = 30 * US_PER_DAY;
    bool online = presence_first(&state, &until);
    for (*spans = 0; now < end; ++*spans) {
        CU_ASSERT_TRUE(until > now);
        uint64_t stop = until < end ? until : end;
        on += online ? stop - now : 0;
        if (until == TIME_NEVER)
            break;
        now = until;
        online = !online;
        until = presence_next(&state, online, now);
    }
    return on / (end / 100);
}

static void presence_has_the_share_of_its_pattern(void)
{
    uint64_t spans, percent = 0;
    CU_ASSERT_EQUAL(percent_online(PRESENCE_MODEL_ALWAYS, 1, &spans), 100);
    percent = percent_online(PRESENCE_MODEL_FLAKY, 2, &spans);
    CU_ASSERT_TRUE(percent >= 55 && percent <= 70 && spans > 1000);
    percent = percent_online(PRESENCE_MODEL_COMMUTER, 3, &spans);
    CU_ASSERT_TRUE(percent >= 5 && percent <= 12 && spans > 300);
    percent = percent_online(PRESENCE_MODEL_RARE, 4, &spans);
    CU_ASSERT_TRUE(percent <= 1 && spans >= 6 && spans < 60);
}

static void commuters_are_online_only_in_their_hours(void)
{
    for (uint64_t device = 1; device <= 20; device++) {
        struct presence_state state;
        presence_init(&state, PRESENCE_MODEL_COMMUTER, 1, device, 3 * 3600 * US_PER_S);
        uint64_t until, now = 0;
        bool online = presence_first(&state, &until);
        for (int i = 0; i < 500; i++) {
            if (online) { /* virtual 0 is 03:00; an hour of shift either way */
                uint64_t hour = (now / US_PER_S / 3600 + 3) % 24;
                CU_ASSERT_TRUE(hour >= 6 && hour < 23);
            }
            now = until;
            online = !online;
            until = presence_next(&state, online, now);
        }
    }
}

int suite_net(void);
int suite_net(void)
{
    CU_pSuite suite = CU_add_suite("net", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, a_stream_keeps_its_order) ||
        !CU_ADD_TEST(suite, stream_latency_follows_median_and_p99) ||
        !CU_ADD_TEST(suite, a_partition_cuts_both_ways_until_healed) ||
        !CU_ADD_TEST(suite, a_one_way_partition_cuts_one_way) || !CU_ADD_TEST(suite, cuts_have_a_limit) ||
        !CU_ADD_TEST(suite, datagrams_are_lost_and_doubled_at_the_stated_rates) ||
        !CU_ADD_TEST(suite, a_seed_decides_the_plan) || !CU_ADD_TEST(suite, streams_break_only_when_asked_to) ||
        !CU_ADD_TEST(suite, presence_has_the_share_of_its_pattern) ||
        !CU_ADD_TEST(suite, commuters_are_online_only_in_their_hours))
        return (int)CU_get_error();
    return 0;
}
