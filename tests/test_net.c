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
    CU_ASSERT_EQUAL(net_datagram(net, 5, 2, 50, 0, arrivals), 0);
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

static void quantiles(enum net_kind kind, uint64_t seed, uint64_t quantile_us[3])
{
    struct net *net = net_new(&config, seed);
    struct net_class class = {.kind = kind, .latency = {60000, 900000}};
    uint64_t *latency = base_alloc(SAMPLES * sizeof *latency);
    net_set_class(net, 70, &class);
    for (int i = 0; i < SAMPLES; i++) {
        struct net_stream fresh = {0};
        latency[i] = net_stream_send(net, &fresh, 70, 100, 0);
    }
    qsort(latency, SAMPLES, sizeof *latency, compare_times);
    quantile_us[0] = latency[0];
    quantile_us[1] = latency[SAMPLES / 2];
    quantile_us[2] = latency[SAMPLES / 100 * 99];
    if (kind == NET_MOBILE) { /* two modes, and next to nothing between them */
        size_t between = 0;
        for (int i = 0; i < SAMPLES; i++)
            between += latency[i] > 200000 && latency[i] < 400000;
        CU_ASSERT_TRUE(between < SAMPLES / 50);
        CU_ASSERT_TRUE(within_percent(latency[SAMPLES / 100 * 95], 630000, 10));
    }
    free(latency);
    net_free(net);
}

static void each_class_of_link_has_its_quantiles(void)
{
    uint64_t us[3];
    quantiles(NET_LOGNORMAL, 21, us);
    CU_ASSERT_TRUE(within_percent(us[1], 60000, 3) && within_percent(us[2], 900000, 8));
    quantiles(NET_MOBILE, 22, us);
    CU_ASSERT_TRUE(within_percent(us[1], 60000, 5) && within_percent(us[2], 900000, 8));
    quantiles(NET_SATELLITE, 23, us);
    CU_ASSERT_TRUE(within_percent(us[1], 60000, 3) && within_percent(us[2], 900000, 8));
    CU_ASSERT_TRUE(us[0] >= 54000); /* the way itself */
}

static void a_link_carries_one_message_after_the_other(void)
{
    struct net *net = net_new(&config, 24);
    struct net_class class = {.kind = NET_LOGNORMAL, .latency = {0, 0}, .bytes_per_s = 1000};
    struct net_stream up = {0};
    net_set_class(net, 9, &class);
    CU_ASSERT_EQUAL(net_stream_send(net, &up, 9, 100, 0), 100000);     /* 100 bytes at 1000 a second */
    CU_ASSERT_EQUAL(net_stream_send(net, &up, 9, 50, 10000), 150000);  /* waits for the one before it */
    CU_ASSERT_EQUAL(net_stream_send(net, &up, 9, 50, 400000), 450000); /* the link is free */
    CU_ASSERT_EQUAL(net_stream_send(net, &up, 9, 0, 400000), 450001);  /* never overtakes */
    CU_ASSERT_EQUAL(net_counts(net).queued, 2);
    net_free(net);
}

static void shards_share_the_bandwidth_of_a_direction(void)
{
    struct net_config slow = {.shard_bytes_per_s = 1000};
    struct net *net = net_new(&slow, 25);
    uint64_t at[2];
    CU_ASSERT_EQUAL(net_datagram(net, 0, 1, 500, 0, at), 1);
    CU_ASSERT_EQUAL(at[0], 500000);
    CU_ASSERT_EQUAL(net_datagram(net, 0, 1, 500, 0, at), 1);
    CU_ASSERT_EQUAL(at[0], 1000000);
    CU_ASSERT_EQUAL(net_datagram(net, 1, 0, 500, 0, at), 1); /* the other direction is another link */
    CU_ASSERT_EQUAL(at[0], 500000);
    net_free(net);
}

static void a_flapping_link_stays_for_its_least_time(void)
{
    struct rng rng = rng_fork(26, "flap");
    uint64_t sum_us = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t us = net_flap_span(&rng, 3 * US_PER_S);
        CU_ASSERT_TRUE(us >= 3 * US_PER_S);
        sum_us += us;
        CU_ASSERT_TRUE(net_flap_span(&rng, 1) >= NET_FLAP_MIN_US);
    }
    CU_ASSERT_TRUE(within_percent(sum_us / 10000, 6 * US_PER_S, 5));
}

static void a_ring_leaves_neighbours_and_apart_nobody(void)
{
    struct net *net = net_new(&config, 27);
    uint32_t nodes[] = {5, 1, 3, 7, 9}; /* in order: 1 3 5 7 9 */
    int ring = net_cut_ring(net, nodes, 5);
    CU_ASSERT_TRUE(net_connected(net, 1, 3) && net_connected(net, 9, 1) && net_connected(net, 5, 7));
    CU_ASSERT_FALSE(net_reachable(net, 1, 5));
    CU_ASSERT_FALSE(net_reachable(net, 9, 3));
    CU_ASSERT_TRUE(net_connected(net, 1, 2) && net_connected(net, 1, 1));
    CU_ASSERT_TRUE(net_cut_stops(net, ring, 1, 7) && !net_cut_stops(net, ring, 1, 9));
    net_heal(net, ring);
    int apart = net_cut_apart(net, nodes, 5);
    CU_ASSERT_FALSE(net_reachable(net, 1, 3));
    CU_ASSERT_TRUE(net_connected(net, 1, 2) && net_connected(net, 3, 3));
    net_heal(net, apart);
    CU_ASSERT_TRUE(net_connected(net, 1, 3));
    CU_ASSERT_FALSE(net_cut_stops(net, apart, 1, 3));
    net_free(net);
}

static void shapes_have_their_sides(void)
{
    struct rng rng = rng_fork(28, "shape");
    bool first_alone[6] = {false};
    for (int i = 0; i < 200; i++) {
        uint32_t nodes[] = {0, 1, 2, 3, 4, 5};
        size_t a, b;
        uint32_t seen = 0;
        net_shape_sides(NET_HALVES, &rng, nodes, 6, &a, &b);
        CU_ASSERT_TRUE(a == 3 && b == 3);
        net_shape_sides(NET_BRIDGE, &rng, nodes, 6, &a, &b);
        CU_ASSERT_TRUE(a == 2 && b == 3); /* and the last is the bridge */
        net_shape_sides(NET_ISOLATED, &rng, nodes, 6, &a, &b);
        CU_ASSERT_TRUE(a == 1 && b == 5);
        first_alone[nodes[0]] = true;
        for (int n = 0; n < 6; n++)
            seen |= 1U << nodes[n];
        CU_ASSERT_EQUAL(seen, 63);
    }
    for (int n = 0; n < 6; n++)
        CU_ASSERT_TRUE(first_alone[n]);
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
        int count = net_datagram(net, 1, 2, 50, i * 1000, arrivals);
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
        int count = net_datagram(net, 1, 2, 50, i, arrivals);
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
    percent = percent_online(PRESENCE_MODEL_KILLED, 5, &spans);
    CU_ASSERT_TRUE(percent >= 4 && percent <= 10 && spans > 500);
    percent = percent_online(PRESENCE_MODEL_OFFICE, 6, &spans);
    CU_ASSERT_TRUE(percent >= 14 && percent <= 24);
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

/* Virtual 0 is Wednesday, 03:00. Wherever the device is online, the hour and the day are the habit's, an hour of shift
   either way. */
static void keeps_its_hours(enum presence pattern, uint64_t from_hour, uint64_t to_hour, unsigned weekdays)
{
    for (uint64_t device = 1; device <= 20; device++) {
        struct presence_state state;
        presence_init(&state, pattern, 1, device, 3 * 3600 * US_PER_S);
        presence_set_weekday(&state, 2);
        uint64_t until, now = 0, spans = 0, days = 0;
        bool online = presence_first(&state, &until);
        while (now < 28 * US_PER_DAY) {
            uint64_t hours = now / US_PER_S / 3600 + 3, hour = hours % 24, day = (2 + hours / 24) % 7;
            bool in = from_hour < to_hour ? hour >= from_hour && hour < to_hour : hour >= from_hour || hour < to_hour;
            spans += online;
            days |= online ? 1ULL << day : 0;
            CU_ASSERT_TRUE(!online || (in && (weekdays >> day & 1)));
            CU_ASSERT_FATAL(until > now);
            now = until;
            online = !online;
            until = presence_next(&state, online, now);
        }
        CU_ASSERT_TRUE(spans > 20);
        CU_ASSERT_EQUAL(days, weekdays);
    }
}

static void habits_keep_their_hours_and_weekdays(void)
{
    keeps_its_hours(PRESENCE_MODEL_OFFICE, 8, 20, 0x1f);
    keeps_its_hours(PRESENCE_MODEL_NIGHT, 21, 4, 0x7f);
    keeps_its_hours(PRESENCE_MODEL_WEEKEND, 9, 24, 0x60);
}

static void who_is_away_for_months_goes_through_the_grid(void)
{
    bool seconds = false, month = false, half_year = false;
    for (uint64_t device = 1; device <= 40; device++) {
        struct presence_state state;
        presence_init(&state, PRESENCE_MODEL_MONTHS, 3, device, 0);
        uint64_t until, now = 0;
        bool online = presence_first(&state, &until);
        CU_ASSERT_TRUE(online);
        for (int i = 0; i < 40; i++) {
            uint64_t span = until - now;
            seconds |= !online && span == 5 * US_PER_S;
            month |= !online && span == 31 * US_PER_DAY;
            half_year |= !online && span == 180 * US_PER_DAY;
            CU_ASSERT_TRUE(!online || span >= 60 * US_PER_S);
            now = until;
            online = !online;
            until = presence_next(&state, online, now);
        }
    }
    CU_ASSERT_TRUE(seconds && month && half_year);
}

int suite_net(void);
int suite_net(void)
{
    CU_pSuite suite = CU_add_suite("net", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, a_stream_keeps_its_order) ||
        !CU_ADD_TEST(suite, stream_latency_follows_median_and_p99) ||
        !CU_ADD_TEST(suite, a_partition_cuts_both_ways_until_healed) ||
        !CU_ADD_TEST(suite, a_one_way_partition_cuts_one_way) || !CU_ADD_TEST(suite, cuts_have_a_limit) ||
        !CU_ADD_TEST(suite, habits_keep_their_hours_and_weekdays) ||
        !CU_ADD_TEST(suite, who_is_away_for_months_goes_through_the_grid) ||
        !CU_ADD_TEST(suite, each_class_of_link_has_its_quantiles) ||
        !CU_ADD_TEST(suite, a_link_carries_one_message_after_the_other) ||
        !CU_ADD_TEST(suite, shards_share_the_bandwidth_of_a_direction) ||
        !CU_ADD_TEST(suite, a_flapping_link_stays_for_its_least_time) ||
        !CU_ADD_TEST(suite, a_ring_leaves_neighbours_and_apart_nobody) ||
        !CU_ADD_TEST(suite, shapes_have_their_sides) ||
        !CU_ADD_TEST(suite, datagrams_are_lost_and_doubled_at_the_stated_rates) ||
        !CU_ADD_TEST(suite, a_seed_decides_the_plan) || !CU_ADD_TEST(suite, streams_break_only_when_asked_to) ||
        !CU_ADD_TEST(suite, presence_has_the_share_of_its_pattern) ||
        !CU_ADD_TEST(suite, commuters_are_online_only_in_their_hours))
        return (int)CU_get_error();
    return 0;
}
