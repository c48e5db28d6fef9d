/*
 * test_channel_pace.c: how much of a paced channel is on the way at once (core/channel_pace.c).
 */
#include "core/shard_internal.h"

#include <CUnit/CUnit.h>

int suite_channel_pace(void);

#define ANSWER_US (10 * US_PER_MS)

static struct row channel_row(uint64_t confirmed, uint64_t next)
{
    return (struct row){.c = {[CHANNEL_OUT_confirmed] = confirmed, [CHANNEL_OUT_next] = next}};
}

static void a_burst_begins_small_and_grows_by_what_is_confirmed(void)
{
    struct channel c = {0};
    uint64_t out_at_once = 0, first;
    for (uint64_t n = 1; n <= 300; n++) {
        struct row out = channel_row(0, n + 1);
        out_at_once += pace_lets_out(&c, &out, n, 0);
    }
    CU_ASSERT_EQUAL(out_at_once, 16);
    struct row out = channel_row(10, 301);
    pace_confirmed(&c, &out, 0, ANSWER_US);
    uint64_t last = pace_next(&c, &out, ANSWER_US, &first);
    CU_ASSERT_EQUAL(first, 17);
    CU_ASSERT_EQUAL(last, 10 + 16 + 10);
    for (uint64_t confirmed = 36; confirmed <= 900; confirmed = last) {
        struct row now = channel_row(confirmed, 2000);
        pace_confirmed(&c, &now, out.c[CHANNEL_OUT_confirmed], ANSWER_US);
        last = pace_next(&c, &now, ANSWER_US, &first);
        CU_ASSERT(last - confirmed <= CHANNEL_WINDOW);
        out = now;
    }
    CU_ASSERT_EQUAL(last - out.c[CHANNEL_OUT_confirmed], CHANNEL_WINDOW);
}

static void without_an_answer_one_entry_is_sent_again(void)
{
    struct channel c = {0};
    uint64_t first;
    for (uint64_t n = 1; n <= 8; n++) {
        struct row out = channel_row(0, n + 1);
        CU_ASSERT(pace_lets_out(&c, &out, n, 0));
    }
    struct row out = channel_row(0, 9);
    pace_lost(&c, &out);
    CU_ASSERT_EQUAL(pace_next(&c, &out, ANSWER_US, &first), 1);
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_FALSE(pace_lets_out(&c, &(struct row){.c = {[CHANNEL_OUT_next] = 10}}, 9, ANSWER_US));
    CU_ASSERT_EQUAL(c.timed, 0); /* of what is sent again nothing is measured */
    out = channel_row(8, 10);    /* the others had arrived */
    pace_confirmed(&c, &out, 0, 2 * ANSWER_US);
    CU_ASSERT_EQUAL(pace_next(&c, &out, 2 * ANSWER_US, &first), 9);
    CU_ASSERT_EQUAL(first, 9);
    CU_ASSERT_EQUAL(c.timed, 9);
}

static void patience_follows_the_answers(void)
{
    struct channel c = {0};
    struct row out = channel_row(0, 2);
    CU_ASSERT_EQUAL(pace_patience(&c), CHANNEL_RETRY_US);
    CU_ASSERT(pace_lets_out(&c, &out, 1, 0));
    out = channel_row(1, 2);
    pace_confirmed(&c, &out, 0, 3 * US_PER_S);
    CU_ASSERT_EQUAL(pace_patience(&c), 6 * US_PER_S);
    for (uint64_t n = 2; n < 60; n++) { /* a fast one again */
        out = channel_row(n - 1, n + 1);
        CU_ASSERT(pace_lets_out(&c, &out, n, n * US_PER_S));
        out = channel_row(n, n + 1);
        pace_confirmed(&c, &out, n - 1, n * US_PER_S + ANSWER_US);
    }
    CU_ASSERT_EQUAL(pace_patience(&c), CHANNEL_RETRY_US);
    c.rtt_us = 60 * US_PER_S;
    CU_ASSERT_EQUAL(pace_patience(&c), CHANNEL_RETRY_MAX_US);
}

/* After a rebase, or of a channel that began anew: nothing is on the way. */
static void numbers_that_are_gone_are_not_waited_for(void)
{
    struct channel c = {0};
    uint64_t first;
    struct row out = channel_row(0, 2);
    CU_ASSERT(pace_lets_out(&c, &out, 1, 0));
    out = channel_row(40, 42); /* all before 41 was cut */
    CU_ASSERT(pace_lets_out(&c, &out, 41, 0));
    out = channel_row(0, 2); /* anew */
    CU_ASSERT(pace_lets_out(&c, &out, 1, 0));
    CU_ASSERT_EQUAL(pace_next(&c, &out, 0, &first), 1);
    CU_ASSERT_EQUAL(first, 2);
}

int suite_channel_pace(void)
{
    CU_pSuite suite = CU_add_suite("channel_pace", NULL, NULL);
    CU_add_test(suite, "a_burst_begins_small_and_grows_by_what_is_confirmed",
                a_burst_begins_small_and_grows_by_what_is_confirmed);
    CU_add_test(suite, "without_an_answer_one_entry_is_sent_again", without_an_answer_one_entry_is_sent_again);
    CU_add_test(suite, "patience_follows_the_answers", patience_follows_the_answers);
    CU_add_test(suite, "numbers_that_are_gone_are_not_waited_for", numbers_that_are_gone_are_not_waited_for);
    return (int)CU_get_error();
}
