/*
 * test_swarm.c: what a swarm draws, what the budget holds back, and the queue of a node that stands still.
 */
#include "sim/swarm.h"

#include "sim/run.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int suite_swarm(void);

#define SEEDS 200
#define CROWD                                                                           \
    "\"crowd\":{\"users\":8,\"devices\":[1,2],\"presence\":\"always\",\"group\":[2,4]," \
    "\"conversations-per-user\":\"1\",\"workload\":{\"operations\":120,\"mix\":\"all\"},\"active\":\"1m\"},"
#define DRAWN                                                                                                    \
    "\"swarm\":{\"shards\":[1,4],\"users\":[8,12],\"devices\":[2,4],\"group\":[3,9],\"operations\":[100,200],"   \
    "\"strikes\":[20,40],\"weights\":true,\"presence\":[\"always\",\"flaky\"],\"disks\":[\"wal\",\"truncate\"]," \
    "\"policies\":{\"quotes\":[\"redact\",\"keep\"],\"page\":[2,8]},\"faults\":%s}"

static struct scenario *scenarios;
static size_t count;

static const struct scenario *read_text(const char *text)
{
    char error[SCENARIO_ERROR_MAX];
    int status = scenario_read_text("test", text, strlen(text), NULL, 0, &scenarios, &count, error);
    if (status < 0)
        (void)fprintf(stderr, "%s\n", error);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    return &scenarios[0];
}

static const struct scenario *read_swarm(const char *faults)
{
    static const char format[] = "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"t\",\"lasts\":\"2m\","
                                 "\"server\":{\"shards\":2,\"disk\":\"wal\"}," CROWD DRAWN "}";
    char text[4000];
    (void)snprintf(text, sizeof text, format, faults);
    return read_text(text);
}

static void release(void)
{
    scenario_free_all(scenarios, count);
}

/* ---- the draw ---- */

static void the_same_seed_draws_the_same(void)
{
    const struct scenario *base = read_swarm("\"all\"");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scenario one, two, next;
        swarm_draw(base, seed, &one);
        swarm_draw(base, seed, &two);
        swarm_draw(base, seed + 1, &next);
        char *first = swarm_text(&one), *second = swarm_text(&two), *third = swarm_text(&next);
        CU_ASSERT_EQUAL(swarm_digest(&one), swarm_digest(&two));
        CU_ASSERT_NOT_EQUAL(swarm_digest(&one), swarm_digest(&next));
        CU_ASSERT_STRING_EQUAL(first, second);
        CU_ASSERT_STRING_NOT_EQUAL(first, third);
        free(first);
        free(second);
        free(third);
    }
    release();
}

static void what_is_drawn_lies_within_its_span(void)
{
    const struct scenario *base = read_swarm("\"all\"");
    unsigned shards = 0, journals = 0, presences = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct scenario drawn;
        swarm_draw(base, seed, &drawn);
        CU_ASSERT(drawn.shards >= 1 && drawn.shards <= 4);
        CU_ASSERT(drawn.crowd.users >= 8 && drawn.crowd.users <= 12);
        CU_ASSERT(drawn.crowd.devices_max >= 2 && drawn.crowd.devices_max <= 4);
        CU_ASSERT(drawn.crowd.group_max >= 3 && drawn.crowd.group_max <= 9);
        CU_ASSERT(drawn.crowd.mixed >= 100 && drawn.crowd.mixed <= 200);
        CU_ASSERT(drawn.crowd.strikes >= 20 && drawn.crowd.strikes <= 40);
        CU_ASSERT(drawn.policy.page == 2 || drawn.policy.page == 8);
        shards |= 1U << drawn.shards;
        journals |= 1U << drawn.disk;
        presences |= 1U << drawn.crowd.presence;
    }
    CU_ASSERT_EQUAL(shards, 1U << 1 | 1U << 2 | 1U << 3 | 1U << 4);
    CU_ASSERT_EQUAL(journals, 1U << DISKS_WAL | 1U << DISKS_TRUNCATE);
    CU_ASSERT_EQUAL(presences, 1U << PRESENCE_ALWAYS | 1U << PRESENCE_FLAKY);
    release();
}

static void each_fault_is_in_and_left_out(void)
{
    const struct scenario *base = read_swarm("\"all\"");
    unsigned in[SWARM_COUNT] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct scenario drawn;
        swarm_draw(base, seed, &drawn);
        for (int i = 0; i < SWARM_COUNT; i++)
            in[i] += (unsigned)(drawn.swarm.faults >> i & 1);
    }
    for (int i = 0; i < SWARM_COUNT; i++)
        CU_ASSERT(in[i] > SEEDS / 3 && in[i] < SEEDS * 2 / 3);
    release();
}

/* Each fault has a stream of its own: whether others may be in says nothing about it. */
static void a_fault_is_drawn_alike_whatever_others_there_are(void)
{
    uint64_t all[SEEDS + 1];
    const struct scenario *base = read_swarm("\"all\"");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct scenario drawn;
        swarm_draw(base, seed, &drawn);
        all[seed] = drawn.swarm.faults;
    }
    release();
    for (int i = 0; i < SWARM_COUNT; i++) {
        char one[100];
        (void)snprintf(one, sizeof one, "[\"%s\"]", swarm_name((enum swarm_fault)i));
        base = read_swarm(one);
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct scenario drawn;
            swarm_draw(base, seed, &drawn);
            CU_ASSERT_EQUAL(drawn.swarm.faults, all[seed] & 1ULL << i);
        }
        release();
    }
}

static void each_operation_that_may_be_left_out_is_left_out_somewhere(void)
{
    const struct scenario *base = read_swarm("\"all\"");
    unsigned in[WORK_COUNT] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct scenario drawn;
        swarm_draw(base, seed, &drawn);
        for (int i = 0; i < WORK_COUNT; i++)
            in[i] += drawn.crowd.weights[i] > 0;
    }
    for (int i = 0; i < WORK_COUNT; i++) {
        bool needed = i == WORK_SEND || i == WORK_DELETE || i == WORK_CREATE || i == WORK_ADD;
        if (needed)
            CU_ASSERT_EQUAL(in[i], SEEDS);
        if (!needed)
            CU_ASSERT(in[i] < SEEDS);
    }
    release();
}

static void the_digest_depends_on_all_that_is_drawn(void)
{
    struct scenario drawn, other;
    swarm_draw(read_swarm("\"all\""), 1, &drawn);
    uint64_t digest = swarm_digest(&drawn);
#define DIFFERS(change)                                    \
    do {                                                   \
        other = drawn;                                     \
        change;                                            \
        CU_ASSERT_NOT_EQUAL(swarm_digest(&other), digest); \
    } while (0)
    DIFFERS(other.shards++);
    DIFFERS(other.crowd.users++);
    DIFFERS(other.crowd.devices_max++);
    DIFFERS(other.crowd.group_max++);
    DIFFERS(other.crowd.mixed++);
    DIFFERS(other.crowd.strikes++);
    DIFFERS(other.crowd.presence = PRESENCE_RARE);
    DIFFERS(other.crowd.weights[WORK_SEND]++);
    DIFFERS(other.swarm.faults ^= 1);
    DIFFERS(other.policy.page++);
    DIFFERS(other.network.push_loss_ppm++);
    DIFFERS(other.disk = other.disk == DISKS_WAL ? DISKS_TRUNCATE : DISKS_WAL);
#undef DIFFERS
    release();
}

static void without_disks_no_disk_fails(void)
{
    char error[SCENARIO_ERROR_MAX];
    static const char head[] = "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"t\",\"lasts\":\"2m\"," CROWD;
    char text[4000];
    (void)snprintf(text, sizeof text, "%s\"swarm\":{\"strikes\":[1,2]}}", head);
    const struct scenario *base = read_text(text);
    for (int i = 0; i < SWARM_COUNT; i++)
        CU_ASSERT_EQUAL(base->swarm.candidates >> i & 1, !swarm_is_of_disk((enum swarm_fault)i));
    release();
    (void)snprintf(text, sizeof text, "%s\"swarm\":{\"strikes\":[1,2],\"faults\":[\"power-cut\"]}}", head);
    CU_ASSERT(scenario_read_text("test", text, strlen(text), NULL, 0, &scenarios, &count, error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "\"disks\" beside it"));
    (void)snprintf(text, sizeof text, "%s\"swarm\":{\"strikes\":[1,2],\"disks\":[\"wal\"]}}", head);
    CU_ASSERT(scenario_read_text("test", text, strlen(text), NULL, 0, &scenarios, &count, error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "in a scenario without any"));
}

/* ---- the budget ---- */

/* One kind of fault alone, in a few seeds; adds up how often it fired and was withheld. */
static struct world_swarm strike(enum swarm_fault fault, const char *budget)
{
    static const char format[] =
        "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"t\",\"lasts\":\"1m\","
        "\"server\":{\"shards\":3%s}," CROWD "\"swarm\":{\"strikes\":[12,12]%s,\"faults\":[\"%s\"]},"
        "\"budget\":%s}";
    char text[4000];
    bool disk = swarm_is_of_disk(fault); /* which is slower */
    (void)snprintf(text, sizeof text, format, disk ? ",\"disk\":\"wal\"" : "", disk ? ",\"disks\":[\"wal\"]" : "",
                   swarm_name(fault), budget);
    const struct scenario *base = read_text(text);
    struct world_swarm sum = {0};
    struct run *run = run_new();
    for (uint64_t seed = 1; seed <= (disk ? 2 : 3); seed++) {
        struct run_result result;
        CU_ASSERT_EQUAL(run_scenario(run, base, &(struct run_options){.seed = seed}, &result), 0);
        for (int i = 0; i < SWARM_COUNT; i++) {
            sum.fired[i] += result.swarm.fired[i];
            sum.withheld[i] += result.swarm.withheld[i];
        }
    }
    run_free(run);
    release();
    return sum;
}

static void expect_held_back(enum swarm_fault fault, const char *none)
{
    struct world_swarm sum = strike(fault, none);
    CU_ASSERT_EQUAL(sum.fired[fault], 0);
    CU_ASSERT(sum.withheld[fault] > 5);
    sum = strike(fault, "{}");
    CU_ASSERT(sum.fired[fault] > 0);
    CU_ASSERT_EQUAL(sum.withheld[fault], 0);
}

static void a_budget_of_none_holds_each_kind_back(void)
{
    expect_held_back(SWARM_CRASH_SHARD, "{\"shards-down\":0}");
    expect_held_back(SWARM_PAUSE_DEVICE, "{\"paused\":0}");
    expect_held_back(SWARM_PARTITION_DEVICES, "{\"partitions\":0}");
    expect_held_back(SWARM_CLOCK_JUMP, "{\"clock-error\":\"0s\"}");
    expect_held_back(SWARM_POWER_CUT, "{\"disks\":0}");
    expect_held_back(SWARM_CRASH_DEVICE, "{\"longest\":\"0s\"}");
}

static void a_disk_that_fails_counts_as_a_shard_that_is_down(void)
{
    struct world_swarm sum = strike(SWARM_VAULT_FAILS, "{\"shards-down\":0}");
    CU_ASSERT_EQUAL(sum.fired[SWARM_VAULT_FAILS], 0);
    CU_ASSERT(sum.withheld[SWARM_VAULT_FAILS] > 5);
}

/* ---- a node that stands still ---- */

static void what_waits_for_a_node_that_stands_still_comes_in_order(void)
{
    static const char text[] =
        "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"t\",\"users\":{\"alice\":[\"phone\"],\"bob\":[\"phone\"]},"
        "\"conversations\":{\"plans\":{\"kind\":\"group\",\"members\":[\"alice\",\"bob\"]}},"
        "\"script\":[{\"at\":\"2s\",\"fault\":\"pause\",\"node\":\"shard.0\",\"for\":\"5s\"},"
        "{\"at\":\"3s\",\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"m1\"},"
        "{\"at\":\"4s\",\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"m2\"},"
        "{\"at\":\"5s\",\"device\":\"alice.phone\",\"do\":\"delete\",\"message\":\"m1\",\"as\":\"d1\"},"
        "{\"at\":\"6s\",\"device\":\"bob.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"m3\"}],"
        "\"expect\":{\"hold\":\"all\",\"finally\":[\"m1 committed before m2 committed\","
        "\"m2 committed before d1 committed\",\"d1 committed before m3 committed\",\"bob.phone hides m1\"]}}";
    const struct scenario *base = read_text(text);
    struct run *run = run_new();
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct run_result result;
        CU_ASSERT_EQUAL(run_scenario(run, base, &(struct run_options){.seed = seed}, &result), 0);
        CU_ASSERT_EQUAL(result.failure_count, 0);
        CU_ASSERT(result.faults_touched[0] & 1);
    }
    run_free(run);
    release();
}

static void a_node_that_dies_while_it_stands_still_does_not_stand_still_any_more(void)
{
    static const char text[] =
        "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"t\",\"users\":{\"alice\":[\"phone\"],\"bob\":[\"phone\"]},"
        "\"conversations\":{\"plans\":{\"kind\":\"group\",\"members\":[\"alice\",\"bob\"]}},"
        "\"script\":[{\"at\":\"2s\",\"fault\":\"pause\",\"node\":\"shard.0\",\"for\":\"10m\"},"
        "{\"at\":\"3s\",\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"m1\"},"
        "{\"at\":\"5s\",\"fault\":\"crash\",\"node\":\"shard.0\",\"for\":\"1s\"},"
        "{\"at\":\"9m\",\"device\":\"bob.phone\",\"do\":\"delete\",\"message\":\"m1\",\"as\":\"d1\"}],"
        "\"expect\":{\"hold\":\"all\",\"sometimes\":[\"m1 committed before d1 invoked\"]}}";
    const struct scenario *base = read_text(text);
    struct run *run = run_new();
    struct run_result result;
    CU_ASSERT_EQUAL(run_scenario(run, base, &(struct run_options){.seed = 1}, &result), 0);
    CU_ASSERT_EQUAL(result.failure_count, 0);
    CU_ASSERT_EQUAL(result.sometimes_seen, 1);
    run_free(run);
    release();
}

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    {"the_same_seed_draws_the_same", the_same_seed_draws_the_same},
    {"what_is_drawn_lies_within_its_span", what_is_drawn_lies_within_its_span},
    {"each_fault_is_in_and_left_out", each_fault_is_in_and_left_out},
    {"a_fault_is_drawn_alike_whatever_others_there_are", a_fault_is_drawn_alike_whatever_others_there_are},
    {"each_operation_that_may_be_left_out_is_left_out_somewhere",
     each_operation_that_may_be_left_out_is_left_out_somewhere},
    {"the_digest_depends_on_all_that_is_drawn", the_digest_depends_on_all_that_is_drawn},
    {"without_disks_no_disk_fails", without_disks_no_disk_fails},
    {"a_budget_of_none_holds_each_kind_back", a_budget_of_none_holds_each_kind_back},
    {"a_disk_that_fails_counts_as_a_shard_that_is_down", a_disk_that_fails_counts_as_a_shard_that_is_down},
    {"what_waits_for_a_node_that_stands_still_comes_in_order", what_waits_for_a_node_that_stands_still_comes_in_order},
    {"a_node_that_dies_while_it_stands_still_does_not_stand_still_any_more",
     a_node_that_dies_while_it_stands_still_does_not_stand_still_any_more},
};

int suite_swarm(void)
{
    CU_pSuite suite = CU_add_suite("swarm", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].test))
            return (int)CU_get_error();
    return 0;
}
