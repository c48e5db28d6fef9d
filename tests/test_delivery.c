/*
 * test_delivery.c: the ways in which a device hears of changes, the ways in which conversations are spread over shards,
 * and what a message weighs: one rule a test, in a town of two shards and three users: user 1 with devices 1 and 2,
 * user 2 with device 3, user 3 with device 4. All are connected.
 */
#include "core/wire_size.h"
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_delivery(void);

enum { PUSH, LONG_POLL, POLL, PUSH_AND_POLL };
#define INTERVAL (20 * US_PER_S)

static struct town t;
static conv_id conv;

static void begin(uint64_t delivery)
{
    town_open(&t, 2);
    t.policy.delivery = delivery;
    t.policy.poll_us = t.policy.long_poll_us = INTERVAL;
    t.policy.fence_after_us = 5 * INTERVAL;
    for (user_id u = 1; u <= 3; u++)
        town_user(&t, u);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 1, false);
    town_device(&t, 3, 2, false);
    town_device(&t, 4, 3, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 3);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
}

/* A message that everybody reads. */
static msg_id told(void)
{
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    town_advance(&t, INTERVAL + US_PER_S);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT(town_reads(&t, d, m));
    return m;
}

static unsigned hellos_in(uint64_t us)
{
    unsigned before = t.notes[NOTE_HELLO];
    town_advance(&t, us);
    return t.notes[NOTE_HELLO] - before;
}

static void a_push_needs_no_question(void)
{
    begin(PUSH);
    msg_id m = told();
    CU_ASSERT_EQUAL(hellos_in(10 * INTERVAL), 0);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    town_close(&t);
}

static size_t entries_unread(void)
{
    size_t count = 0;
    for (size_t i = 0; i < t.unread_count; i++)
        count += t.unread[i].wire.kind == WIRE_ENTRY;
    return count;
}

/* Back-pressure: what a device has not acknowledged is a page at most, however much there is to say to it. */
static void a_slow_reader_is_sent_a_page_ahead_and_no_more(void)
{
    enum { PAGE = 4, SAID = 30 };
    begin(PUSH);
    t.policy.page = PAGE;
    msg_id first = told(), last = 0;
    t.reads_slowly = 4;
    for (int i = 0; i < SAID; i++)
        last = town_said(&t, 1, conv);
    town_do(&t, 1, OPERATION_DELETE, conv, first, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(entries_unread(), PAGE);
    size_t read = 0, most = 0;
    for (; t.unread_count && read < 10 * SAID; read += town_read_one(&t))
        if (entries_unread() > most)
            most = entries_unread();
    CU_ASSERT_EQUAL(most, PAGE);
    CU_ASSERT(read >= SAID + 1 && read < 10 * SAID);
    CU_ASSERT(town_reads(&t, 4, last));
    CU_ASSERT_FALSE(town_reads(&t, 4, first));
    town_close(&t);
}

static void a_device_that_polls_hears_at_its_next_poll(void)
{
    begin(POLL);
    msg_id m = told();
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    CU_ASSERT(town_reads(&t, 2, m));
    CU_ASSERT(town_reads(&t, 4, m));
    town_advance(&t, INTERVAL);
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    town_close(&t);
}

static void polls_come_once_an_interval(void)
{
    begin(POLL);
    told();
    CU_ASSERT_EQUAL(hellos_in(10 * INTERVAL), 4 * 10);
    town_close(&t);
}

static void an_own_operation_polls_at_once(void)
{
    begin(POLL);
    town_advance(&t, US_PER_S);
    uint64_t before = device_inspect(t.devices[1]).cursor;
    town_send(&t, 1, conv);
    town_settle(&t);
    CU_ASSERT(device_inspect(t.devices[1]).cursor > before);
    CU_ASSERT_EQUAL(device_inspect(t.devices[1]).outbox_count, 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_DUPLICATE], 0);
    town_close(&t);
}

static void a_poll_brings_all_pages(void)
{
    begin(POLL);
    t.policy.page = 4;
    msg_id last = 0;
    for (int i = 0; i < 13; i++)
        last = town_send(&t, 1, conv);
    town_settle(&t);
    town_advance(&t, INTERVAL);
    CU_ASSERT(town_reads(&t, 4, last));
    town_close(&t);
}

static void a_held_poll_is_answered_by_the_first_change(void)
{
    begin(LONG_POLL);
    msg_id m = told();
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT_FALSE(town_reads(&t, d, m));
    msg_id next = town_send(&t, 3, conv); /* and each is asked again */
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 4, next));
    town_close(&t);
}

static void a_held_poll_ends_and_is_said_again(void)
{
    begin(LONG_POLL);
    told();
    unsigned said = hellos_in(10 * INTERVAL);
    CU_ASSERT(said >= 4 * 9 && said <= 4 * 10);
    town_close(&t);
}

static void a_shard_that_does_not_hold_is_not_asked_in_circles(void)
{
    begin(LONG_POLL);
    told();
    t.policy.long_poll_us = 0;
    town_advance(&t, INTERVAL);
    unsigned said = hellos_in(100 * t.policy.retry_us);
    CU_ASSERT(said >= 4 * 99 && said <= 4 * 101);
    town_close(&t);
}

static void a_lost_answer_of_a_held_poll_is_asked_for_again(void)
{
    begin(LONG_POLL);
    msg_id m = told();
    town_disconnect(&t, 2);
    town_disconnect(&t, 3);
    town_disconnect(&t, 4);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    town_connect(&t, 4);
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    msg_id next = town_send(&t, 1, conv);
    t.lose_to_device = 100;
    town_settle(&t);
    t.lose_to_device = 0;
    CU_ASSERT_FALSE(town_reads(&t, 4, next));
    town_advance(&t, INTERVAL + t.policy.retry_us);
    CU_ASSERT(town_reads(&t, 4, next));
    town_close(&t);
}

static void polled_and_pushed_is_both(void)
{
    begin(PUSH_AND_POLL);
    msg_id m = told();
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    CU_ASSERT_EQUAL(hellos_in(10 * INTERVAL), 4 * 10);
    town_close(&t);
}

/* F1, L4: a hello at the head acknowledges; only who is away is fenced, and is reset when back. */
static void a_poll_is_a_sign_of_life_and_silence_is_not(uint64_t delivery)
{
    begin(delivery);
    msg_id m = told();
    town_disconnect(&t, 2);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    town_advance(&t, 20 * INTERVAL);
    CU_ASSERT_EQUAL(t.notes[NOTE_FENCE], 1);
    CU_ASSERT_EQUAL(t.last[NOTE_FENCE].device, 2);
    CU_ASSERT(town_reads(&t, 2, m));
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(t.notes[NOTE_INSTALL], 1);
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    msg_id next = town_send(&t, 3, conv);
    town_settle(&t);
    town_advance(&t, INTERVAL);
    CU_ASSERT(town_reads(&t, 2, next));
    town_close(&t);
}

static void polls_keep_a_device_from_the_fence(void)
{
    a_poll_is_a_sign_of_life_and_silence_is_not(POLL);
}

static void held_polls_keep_a_device_from_the_fence(void)
{
    a_poll_is_a_sign_of_life_and_silence_is_not(LONG_POLL);
}

/* ---- partitioning ---- */

static void create(device_id device)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = OPERATION_CREATE, .conv_kind = CONV_GROUP};
    CU_ASSERT_EQUAL(device_step(t.devices[device], &in, &t.out), 0);
    CU_ASSERT_EQUAL(t.out.msg_count, 1);
    struct wire op = t.out.msgs[0].wire;
    town_shard_msg(&t, town_home(&t, device), &op, device, t.sessions[device]);
    town_settle(&t);
}

static void a_conversation_lives_at_its_makers_shard(void)
{
    begin(PUSH);
    t.policy.partition = 1;
    for (device_id d = 1; d <= 4; d++) {
        create(d);
        conv_id c = t.last[NOTE_COMMIT].conv;
        CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].outcome, OUTCOME_ACCEPTED);
        CU_ASSERT_EQUAL(shard_of_conv(&t.policy, c, 2), town_home(&t, d));
        CU_ASSERT_EQUAL(ID_DEVICE(c), d);
        CU_ASSERT_EQUAL(conv_id_op(&t.policy, c), t.last[NOTE_ANSWERED].op);
        msg_id m = town_send(&t, d, c);
        town_settle(&t);
        CU_ASSERT(town_reads(&t, d, m));
        town_do(&t, d, OPERATION_DELETE, c, m, 0);
        town_settle(&t);
        CU_ASSERT_FALSE(town_reads(&t, d, m));
        town_do(&t, d, OPERATION_UNDO, c, m, 0);
        town_settle(&t);
        CU_ASSERT(town_reads(&t, d, m));
    }
    town_close(&t);
}

static void nobody_makes_a_conversation_at_another_shard(void)
{
    begin(PUSH);
    t.policy.partition = 1;
    device_set_endpoint(t.devices[3], 1 - town_home(&t, 3));
    create(3);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].outcome, OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_MALFORMED);
    town_close(&t);
}

/* X6: the number in the id says whether it was ever made. */
static void what_is_gone_is_told_from_what_never_was(void)
{
    begin(PUSH);
    t.policy.partition = 1;
    create(3);
    shard_id home = town_home(&t, 3);
    uint32_t op = t.last[NOTE_ANSWERED].op;
    town_send(&t, 3, conv_id_make(&t.policy, 3, op + 100, home));
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_UNKNOWN_CONVERSATION);
    town_send(&t, 3, conv_id_make(&t.policy, 3, op + 1, home));
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_CONVERSATION_GONE);
    town_close(&t);
}

/* ---- sizes ---- */

static void a_field_weighs_its_tag_and_seven_bits_a_byte(void)
{
    struct wire w = {0};
    CU_ASSERT_EQUAL(wire_size(&w), 0);
    w.kind = WIRE_HELLO;
    CU_ASSERT_EQUAL(wire_size(&w), 2);
    w.position = 127;
    CU_ASSERT_EQUAL(wire_size(&w), 4);
    w.position = 128;
    CU_ASSERT_EQUAL(wire_size(&w), 5);
    w.position = UINT64_MAX;
    CU_ASSERT_EQUAL(wire_size(&w), 2 + 11);
    w.body.len = 5;
    CU_ASSERT_EQUAL(wire_size(&w), 2 + 11 + 7);
}

#define TESTS(X)                                          \
    X(a_push_needs_no_question)                           \
    X(a_slow_reader_is_sent_a_page_ahead_and_no_more)     \
    X(a_device_that_polls_hears_at_its_next_poll)         \
    X(polls_come_once_an_interval)                        \
    X(an_own_operation_polls_at_once)                     \
    X(a_poll_brings_all_pages)                            \
    X(a_held_poll_is_answered_by_the_first_change)        \
    X(a_held_poll_ends_and_is_said_again)                 \
    X(a_shard_that_does_not_hold_is_not_asked_in_circles) \
    X(a_lost_answer_of_a_held_poll_is_asked_for_again)    \
    X(polled_and_pushed_is_both)                          \
    X(polls_keep_a_device_from_the_fence)                 \
    X(held_polls_keep_a_device_from_the_fence)            \
    X(a_conversation_lives_at_its_makers_shard)           \
    X(nobody_makes_a_conversation_at_another_shard)       \
    X(what_is_gone_is_told_from_what_never_was)           \
    X(a_field_weighs_its_tag_and_seven_bits_a_byte)

int suite_delivery(void)
{
    CU_pSuite suite = CU_add_suite("delivery", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
