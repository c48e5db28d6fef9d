/* test_member.c: who may join, who hears of it, and how a large membership is told, over real shards and devices. */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_member(void);

static struct town t;
static conv_id news;

/* Users 1 to 4, one device each; a channel of 1 (owner) and 2; device d is of user d. */
static void begin(uint64_t audience)
{
    town_open(&t, 2);
    t.policy.join_channel = 1;
    t.policy.channel_news = audience;
    for (device_id d = 1; d <= 4; d++) {
        town_user(&t, d);
        town_device(&t, d, d, false);
    }
    news = town_conversation(&t, 1, CONV_CHANNEL, 1, 2);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static enum why done(device_id device, enum operation operation, user_id subject)
{
    return (enum why)town_done(&t, device, operation, news, 0, subject)->why;
}

static uint64_t cursor(device_id device)
{
    return device_inspect(t.devices[device]).cursor;
}

static void anyone_joins_a_channel_and_reads_from_then_on(void)
{
    begin(0);
    msg_id before = town_send(&t, 1, news);
    town_settle(&t);
    CU_ASSERT_EQUAL(done(3, OPERATION_JOIN, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(3, OPERATION_JOIN, 0), WHY_ALREADY_MEMBER);
    msg_id after = town_send(&t, 3, news);
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 1, after));
    CU_ASSERT(town_reads(&t, 3, after));
    CU_ASSERT_FALSE(town_reads(&t, 3, before));
    t.policy.join_channel = 0;
    CU_ASSERT_EQUAL(done(4, OPERATION_JOIN, 0), WHY_NOT_PERMITTED);
    town_close(&t);
}

static void who_hears_of_it_is_the_policys(void)
{
    static const struct {
        uint64_t audience;
        bool owner, member;
    } rows[] = {{0, true, true}, {1, true, false}, {2, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].audience);
        uint64_t owner = cursor(1), member = cursor(2);
        CU_ASSERT_EQUAL(done(3, OPERATION_JOIN, 0), WHY_NONE);
        CU_ASSERT_EQUAL(cursor(1) > owner, rows[i].owner);
        CU_ASSERT_EQUAL(cursor(2) > member, rows[i].member);
        CU_ASSERT(cursor(3) > 0);
        owner = cursor(1);
        CU_ASSERT_EQUAL(done(1, OPERATION_REMOVE, 3), WHY_NONE);
        CU_ASSERT_EQUAL(cursor(1) > owner, rows[i].owner);
        msg_id m = town_send(&t, 1, news);
        town_settle(&t);
        CU_ASSERT(town_reads(&t, 2, m));
        CU_ASSERT_FALSE(town_reads(&t, 3, m));
        town_close(&t);
    }
}

/* Results for a user of shard 1, as shard 0 would say them; the numbers follow what it said before. */
static unsigned received_out_of_order(uint64_t early_entries)
{
    begin(0);
    t.policy.early_entries = early_entries;
    struct row in = {.c = {[CHANNEL_IN_source] = 0}};
    int status = t.stores[1]->ops->get(t.stores[1], TABLE_CHANNEL_IN, &in);
    CU_ASSERT(status == 0 || status == E_NOTFOUND);
    unsigned before = t.notes[NOTE_RECEIVE], received = 0;
    static const uint64_t order[] = {3, 2, 1};
    for (size_t i = 0; i < 3; i++) {
        struct wire w = {.kind = WIRE_RESULT, .user = 1, .device = 1, .op = 1, .outcome = OUTCOME_ACCEPTED};
        w.incarnation = 1;
        w.number = in.c[CHANNEL_IN_number] + order[i];
        struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = 0, .wire = &w, .now_us = t.now_us};
        CU_ASSERT_EQUAL(shard_step(t.shards[1], &input, &t.out), 0);
        for (size_t n = 0; n < t.out.note_count; n++)
            received += t.out.notes[n].kind == NOTE_RECEIVE;
    }
    CU_ASSERT_EQUAL(t.notes[NOTE_RECEIVE], before);
    town_close(&t);
    return received;
}

static void what_arrives_before_its_turn_is_kept_or_said_again(void)
{
    CU_ASSERT_EQUAL(received_out_of_order(0), 1);
    CU_ASSERT_EQUAL(received_out_of_order(1), 3);
}

/* More members than a chunk of the reaping takes away. */
static void a_large_membership_is_reaped_in_chunks(void)
{
    town_open(&t, 2);
    town_user(&t, 1);
    town_device(&t, 1, 1, false);
    t.policy.channel_news = 2;
    news = town_conversation(&t, 1, CONV_CHANNEL, 1, 700); /* nobody has told the shards of the others */
    town_connect(&t, 1);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MEMBER), 700);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0), WHY_NONE);
    town_advance(&t, 700 * US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MEMBER), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CONV), 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 1);
    town_close(&t);
}

int suite_member(void)
{
    CU_pSuite suite = CU_add_suite("member", NULL, NULL);
    bool made = suite && CU_add_test(suite, "join", anyone_joins_a_channel_and_reads_from_then_on) &&
                CU_add_test(suite, "heard", who_hears_of_it_is_the_policys) &&
                CU_add_test(suite, "ahead", what_arrives_before_its_turn_is_kept_or_said_again) &&
                CU_add_test(suite, "reaped", a_large_membership_is_reaped_in_chunks);
    return made ? 0 : -1;
}
