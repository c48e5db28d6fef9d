/*
 * test_metrics.c: which pairs are counted, in which class, with which latency; and the histograms and timelines below
 * them.
 */
#include "reports/histogram.h"
#include "reports/measures.h"
#include "reports/metrics.h"
#include "reports/timeline.h"
#include "tests/history_text.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

static struct metrics *metrics;
static struct names *names;

static void set_up(void)
{
    metrics = metrics_new();
    names = names_new();
}

static void tear_down(void)
{
    metrics_free(metrics);
    names_free(names);
}

/* One run: Bob's phone and Alice's show m1 and m2 of plans from the start. */
static void run(const char *text)
{
    names_clear(names);
    history_text_feed("0 connect device=bob\n"
                      "0 connect device=alice\n"
                      "10 show device=bob in=plans message=m1 copy=body version=1\n"
                      "10 show device=bob in=plans message=m2 copy=body version=2\n"
                      "10 show device=alice in=plans message=m1 copy=body version=1\n",
                      names, metrics_take, metrics);
    history_text_feed(text, names, metrics_take, metrics);
    metrics_finish(metrics);
}

#define DELETE_M1 "100 commit op=1 do=delete shard=s0 version=3 device=alice in=plans message=m1\n"
#define HIDE_M1 "hide device=bob in=plans message=m1 copy=body because=deletion version=3\n"

static void expect_counts(uint64_t online, uint64_t returning, uint64_t never)
{
    CU_ASSERT_EQUAL(metrics_count(metrics, METRICS_ONLINE), online);
    CU_ASSERT_EQUAL(metrics_count(metrics, METRICS_RETURNING), returning);
    CU_ASSERT_EQUAL(metrics_count(metrics, METRICS_SINCE_DELETION), online + returning);
    CU_ASSERT_EQUAL(metrics_never(metrics), never);
}

static uint64_t slowest(enum metrics_class class)
{
    return metrics_percentile(metrics, class, 1000);
}

static void an_online_device_counts_from_the_deletion(void)
{
    run(DELETE_M1 "160 " HIDE_M1);
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 60);
}

static void a_returning_device_counts_from_its_last_connect(void)
{
    run("50 disconnect device=bob\n" DELETE_M1 "1000 connect device=bob\n1010 disconnect device=bob\n"
        "2000 connect device=bob\n2007 " HIDE_M1);
    expect_counts(0, 1, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_RETURNING), 7);
    CU_ASSERT_EQUAL(slowest(METRICS_SINCE_DELETION), 1907);
}

static void the_issuer_is_left_out(void)
{
    run(DELETE_M1 "110 hide device=alice in=plans message=m1 copy=body because=deletion\n160 " HIDE_M1);
    expect_counts(1, 0, 0);
}

static void a_device_that_still_shows_it_is_never_reached(void)
{
    run(DELETE_M1);
    expect_counts(0, 0, 1);
}

static void an_exempt_device_is_owed_nothing(void)
{
    run(DELETE_M1 "200 exempt node=bob\n");
    expect_counts(0, 0, 0);
}

static void pending_hides_and_shows_change_nothing(void)
{
    run(DELETE_M1 "120 hide device=bob in=plans message=m1 copy=body pending\n"
                  "130 show device=bob in=plans message=m1 copy=body pending\n160 " HIDE_M1);
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 60);
}

static void what_is_hidden_by_hope_when_the_run_ends_is_not_shown(void)
{
    run(DELETE_M1 "120 hide device=bob in=plans message=m1 copy=body pending\n");
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 20);
    metrics_reset(metrics);
    run("90 hide device=bob in=plans message=m1 copy=body pending\n" DELETE_M1);
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 0);
    metrics_reset(metrics);
    run("20 show device=bob in=plans message=m1 copy=quote version=1\n" DELETE_M1
        "120 hide device=bob in=plans message=m1 copy=body pending\n");
    expect_counts(0, 0, 1);
    metrics_reset(metrics);
    run(DELETE_M1 "120 hide device=bob in=plans message=m1 copy=body pending\n"
                  "130 show device=bob in=plans message=m1 copy=body version=1\n");
    expect_counts(0, 0, 1);
}

static void expect_owed_nothing(uint64_t never_returns, uint64_t replaced, uint64_t away)
{
    expect_counts(0, 0, 0);
    CU_ASSERT_EQUAL(metrics_unreached(metrics, METRICS_NEVER_RETURNS), never_returns);
    CU_ASSERT_EQUAL(metrics_unreached(metrics, METRICS_REPLACED), replaced);
    CU_ASSERT_EQUAL(metrics_unreached(metrics, METRICS_AWAY), away);
}

static void a_device_that_is_owed_nothing_is_counted_by_its_reason(void)
{
    run(DELETE_M1 "150 exempt node=bob\n");
    expect_owed_nothing(1, 0, 0);
    run("50 disconnect device=bob\n" DELETE_M1);
    expect_owed_nothing(1, 0, 1);
    run("50 disconnect device=bob\n" DELETE_M1 "200 device-restore device=bob2 source=bob shown=-\n");
    expect_owed_nothing(1, 1, 1);
    run("50 disconnect device=bob\n" DELETE_M1 "150 connect device=bob\n");
    CU_ASSERT_EQUAL(metrics_never(metrics), 1);
}

static void a_device_from_a_backup_shows_what_the_other_did(void)
{
    run("50 device-restore device=bob2 source=bob shown=plans/m1@1+body:-\n" DELETE_M1);
    CU_ASSERT_EQUAL(metrics_never(metrics), 1); /* bob2 */
    CU_ASSERT_EQUAL(metrics_unreached(metrics, METRICS_REPLACED), 1);
    metrics_reset(metrics);
    run("50 device-restore device=bob2 source=bob shown=plans/m1@1+body:- clone\n" DELETE_M1 "160 " HIDE_M1);
    expect_counts(1, 0, 1);
}

static void a_quote_that_is_kept_by_policy_is_owed_nothing(void)
{
    static const char text[] =
        "20 show device=bob in=plans message=m1 copy=quote version=1 via=m2\n" DELETE_M1 "160 " HIDE_M1;
    metrics_keep_quotes(metrics, true);
    run(text);
    expect_counts(1, 0, 0);
    metrics_keep_quotes(metrics, false);
    run(text);
    expect_counts(1, 0, 1);
}

static void an_undone_deletion_takes_its_open_pairs_along(void)
{
    run(DELETE_M1 "150 commit op=2 do=undo shard=s0 version=4 device=alice in=plans message=m1\n300 " HIDE_M1);
    expect_counts(0, 0, 0);
}

static void a_deletion_after_an_undo_counts_anew(void)
{
    run(DELETE_M1 "150 commit op=2 do=undo shard=s0 version=4 device=alice in=plans message=m1\n"
                  "200 commit op=3 do=delete shard=s0 version=5 device=alice in=plans message=m1\n205 " HIDE_M1);
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 5);
}

static void a_copy_shown_after_the_deletion_must_go_too(void)
{
    run(DELETE_M1 "160 " HIDE_M1 "170 show device=bob in=plans message=m1 copy=quote version=1\n"
                  "190 hide device=bob in=plans message=m1 copy=quote\n");
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 90); /* one pair, its last hide */
}

static void a_pair_is_open_until_all_copies_are_hidden(void)
{
    run("20 show device=bob in=plans message=m1 copy=quote version=1\n" DELETE_M1 "160 " HIDE_M1);
    expect_counts(0, 0, 1);
}

static void a_deleted_conversation_counts_once_per_device(void)
{
    run("100 commit op=1 do=delete-conversation shard=s0 version=3 device=alice in=plans\n"
        "150 " HIDE_M1 "180 hide device=bob in=plans message=m2 copy=body\n");
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 80);
}

static void an_accepted_early_deletion_counts_from_then_on(void)
{
    run("40 early op=9 shard=s0 message=m1 actor=alice device=alice\n"
        "100 bind shard=s0 message=m1 actor=alice answer=accepted in=plans version=3\n130 " HIDE_M1);
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 30);
}

/* The answer to an early deletion comes before any commit; it is not an outsider's history for that. */
static void an_early_deletion_that_is_denied_does_not_count(void)
{
    run("40 invoke op=9 device=alice do=delete in=plans message=m1 scope=all\n"
        "50 early op=9 shard=s0 message=m1 actor=alice device=alice\n60 ack op=9 device=alice\n"
        "100 bind shard=s0 message=m1 actor=alice answer=refused in=plans\n");
    expect_counts(0, 0, 0);
}

static void without_commits_an_acknowledged_invoke_counts(void)
{
    run("100 invoke op=1 device=alice do=delete in=plans message=m1 scope=all\n140 " HIDE_M1
        "160 ack op=1 device=alice\n");
    expect_counts(1, 0, 0);
    CU_ASSERT_EQUAL(slowest(METRICS_ONLINE), 40);
}

static void without_commits_what_was_refused_or_for_me_does_not_count(void)
{
    run("100 invoke op=1 device=alice do=delete in=plans message=m1\n160 refuse op=1 device=alice why=not-permitted\n"
        "170 invoke op=2 device=alice do=delete in=plans message=m1 scope=me\n180 ack op=2 device=alice\n");
    expect_counts(0, 0, 0);
}

static void runs_add_up_until_reset(void)
{
    run(DELETE_M1 "160 " HIDE_M1);
    run(DELETE_M1);
    expect_counts(1, 0, 1);
    metrics_reset(metrics);
    expect_counts(0, 0, 0);
}

static char *text_of(const struct metrics *from)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    metrics_write_text(from, out);
    fclose(out);
    return text;
}

static char *json_of(const struct metrics *from)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    metrics_write_json(from, out);
    fclose(out);
    return text;
}

static void totals_travel_as_lines_exactly(void)
{
    run("90 table shard=s0 tombstones=0 messages=2 conversations=1 entries=2 waiting=0 digest=1\n" DELETE_M1
        "160 table shard=s0 tombstones=3 messages=2 conversations=1 entries=2 waiting=0 digest=1\n"
        "9000000 " HIDE_M1 "9000001 traffic requests=1 bytes=2 between=3 hottest=4\n"
        "9000002 herd count=9 waiting=1 period=700 events=5 requests=6 bytes=7 between=8\n");
    run(DELETE_M1);
    run(DELETE_M1 "150 exempt node=bob\n");
    run("50 disconnect device=bob\n" DELETE_M1);
    struct metrics_herd herd = metrics_herd(metrics);
    CU_ASSERT(herd.herds == 1 && herd.devices == 9 && herd.missing == 1 && herd.took_us == 700);
    CU_ASSERT(herd.events == 5 && herd.requests == 6 && herd.bytes == 7 && herd.between == 8);
    struct metrics *other = metrics_new(), *merged = metrics_new();
    char *text = text_of(metrics);
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        CU_ASSERT(end - line < METRICS_LINE_MAX);
        *end = 0;
        CU_ASSERT_EQUAL(metrics_read_text(other, line), 0);
    }
    metrics_merge(merged, metrics);
    char *json = json_of(metrics), *other_json = json_of(other), *merged_json = json_of(merged);
    CU_ASSERT_STRING_EQUAL(other_json, json);
    CU_ASSERT_STRING_EQUAL(merged_json, json);
    free(text);
    free(json);
    free(other_json);
    free(merged_json);
    metrics_free(other);
    metrics_free(merged);
}

static void lines_out_of_shape_are_refused(void)
{
    static const char *const bad[] = {
        "",
        "never 1",
        "metrics",
        "metrics never",
        "metrics never x",
        "metrics never 1 2",
        "metrics never -1",
        "metrics never 18446744073709551616",
        "metrics unreached 1",
        "metrics unreached never 1",
        "metrics unreached away",
        "metrics unreached away 1 2",
        "metrics latency online 5 5",
        "metrics latency online 5 6 1",
        "metrics latency online 99999 5 1",
        "metrics latency online 5 5 0",
        "metrics latency offline 5 5 1",
        "metrics herd 1 2 3 4 5 6 7",
        "metrics herd 1 2 3 4 5 6 7 8 9",
        "metrics tombstones 1500 0 1 1 1",
        "metrics tombstones 0 0 1 1 1",
        "metrics tombstones 1000 0 0 0 0",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(metrics_read_text(metrics, bad[i]), E_INVALID);
    expect_counts(0, 0, 0);
}

#define TABLE(shard, n) \
    "table shard=" shard " tombstones=" n " messages=2 conversations=1 entries=2 waiting=0 digest=1\n"

static void tombstones_are_summed_over_the_shards_of_an_instant(void)
{
    run("100 " TABLE("s0", "5") "2100 " TABLE("s0", "1") "2100 " TABLE("s1", "7") "2200 " TABLE("s0", "3"));
    const struct timeline *t = metrics_tombstones(metrics);
    CU_ASSERT_EQUAL(t->bins[0].max, 5);
    CU_ASSERT_EQUAL(t->bins[2].max, 10);
    CU_ASSERT_EQUAL(timeline_mean_milli(&t->bins[2]), 9000); /* 8 and 10; never 1 + 0 */
}

static void tombstones_are_held_between_two_looks(void)
{
    run("100 " TABLE("s0", "5") "4100 " TABLE("s0", "0"));
    const struct timeline *t = metrics_tombstones(metrics);
    CU_ASSERT_EQUAL(t->bins[3].count, 1);
    CU_ASSERT_EQUAL(t->bins[3].max, 5);
    CU_ASSERT_EQUAL(t->bins[4].max, 0);
    CU_ASSERT_EQUAL(t->bins[5].count, 0);
}

static void a_timeline_of_any_length_has_few_bins(void)
{
    struct timeline t;
    timeline_init(&t);
    uint64_t samples = 0;
    for (uint64_t at = 0; at < 400 * US_PER_DAY; at += US_PER_DAY / 8)
        timeline_add(&t, at, 3);
    for (uint32_t i = 0; i < TIMELINE_BINS; i++)
        samples += t.bins[i].count;
    CU_ASSERT_EQUAL(samples, 3200);
    CU_ASSERT(t.width_us * TIMELINE_BINS >= 400 * US_PER_DAY);
    CU_ASSERT(t.width_us * TIMELINE_BINS / 2 < 400 * US_PER_DAY);
}

static void every_value_is_in_its_bucket_and_near_its_upper_end(void)
{
    uint64_t value = 1;
    for (int i = 0; i < 5000; i++) {
        value = value * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t v = value >> (i % 64);
        uint32_t bucket = histogram_bucket(v);
        CU_ASSERT(bucket < HISTOGRAM_BUCKETS);
        CU_ASSERT(histogram_upper(bucket) >= v);
        CU_ASSERT(histogram_upper(bucket) - v <= v / 128);
        CU_ASSERT(bucket == 0 || histogram_upper(bucket - 1) < v);
    }
    CU_ASSERT_EQUAL(histogram_upper(histogram_bucket(UINT64_MAX)), UINT64_MAX);
}

static void percentiles_are_ranks(void)
{
    struct histogram h;
    histogram_init(&h);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 500), 0);
    for (uint64_t v = 1; v <= 100; v++)
        histogram_add(&h, v);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 0), 1);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 500), 50);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 990), 99);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 1000), 100);
    histogram_add(&h, 1000001);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 1000), 1000001); /* the maximum is exact */
    histogram_clear(&h);
    histogram_add(&h, 3);
    CU_ASSERT_EQUAL(histogram_percentile(&h, 1000), 3);
    histogram_release(&h);
}

static void durations_have_a_unit_and_two_digits_or_three(void)
{
    static const struct {
        uint64_t us;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7 µs"},
                 {1500, "1.5 ms"},
                 {2000000, "2 s"},
                 {90 * US_PER_S, "1.5 min"},
                 {119 * 1000 + 900, "119 ms"},
                 {36 * 3600 * US_PER_S, "1.5 d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[MEASURES_DURATION_MAX];
        measures_duration(cases[i].us, text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    TEST(an_online_device_counts_from_the_deletion),
    TEST(a_returning_device_counts_from_its_last_connect),
    TEST(the_issuer_is_left_out),
    TEST(a_device_that_still_shows_it_is_never_reached),
    TEST(an_exempt_device_is_owed_nothing),
    TEST(pending_hides_and_shows_change_nothing),
    TEST(what_is_hidden_by_hope_when_the_run_ends_is_not_shown),
    TEST(a_device_that_is_owed_nothing_is_counted_by_its_reason),
    TEST(a_device_from_a_backup_shows_what_the_other_did),
    TEST(a_quote_that_is_kept_by_policy_is_owed_nothing),
    TEST(an_undone_deletion_takes_its_open_pairs_along),
    TEST(a_deletion_after_an_undo_counts_anew),
    TEST(a_copy_shown_after_the_deletion_must_go_too),
    TEST(a_pair_is_open_until_all_copies_are_hidden),
    TEST(a_deleted_conversation_counts_once_per_device),
    TEST(an_accepted_early_deletion_counts_from_then_on),
    TEST(an_early_deletion_that_is_denied_does_not_count),
    TEST(without_commits_an_acknowledged_invoke_counts),
    TEST(without_commits_what_was_refused_or_for_me_does_not_count),
    TEST(runs_add_up_until_reset),
    TEST(totals_travel_as_lines_exactly),
    TEST(lines_out_of_shape_are_refused),
    TEST(tombstones_are_summed_over_the_shards_of_an_instant),
    TEST(tombstones_are_held_between_two_looks),
    TEST(a_timeline_of_any_length_has_few_bins),
    TEST(every_value_is_in_its_bucket_and_near_its_upper_end),
    TEST(percentiles_are_ranks),
    TEST(durations_have_a_unit_and_two_digits_or_three),
};

int suite_metrics(void);
int suite_metrics(void)
{
    CU_pSuite suite = CU_add_suite_with_setup_and_teardown("metrics", NULL, NULL, set_up, tear_down);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].test))
            return (int)CU_get_error();
    return 0;
}
