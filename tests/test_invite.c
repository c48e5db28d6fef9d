/*
 * test_invite.c: invitations over real shards and devices: who sees them, who may end them, what is left of them, and
 * what a shard and a device make of hostile words.
 */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_invite(void);

static struct town t;
static conv_id plans;

/* Users 1 to 4, device d of user d; user 3 has device 5 too. A group of 1 (owner) and 2. */
static void begin(uint32_t shards)
{
    town_open(&t, shards);
    t.policy.invite = 1;
    for (user_id u = 1; u <= 4; u++) {
        town_user(&t, u);
        town_device(&t, u, u, false);
    }
    town_device(&t, 5, 3, false);
    plans = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 5; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static enum why done(device_id device, enum operation operation, msg_id target, user_id subject)
{
    CU_ASSERT_NOT_EQUAL(town_do(&t, device, operation, plans, target, subject), 0);
    town_settle(&t);
    return (enum why)t.last[NOTE_ANSWERED].why;
}

static msg_id invite(device_id device, user_id subject)
{
    uint32_t op = town_do(&t, device, OPERATION_INVITE, plans, 0, subject);
    town_settle(&t);
    return MAKE_ID(device, op);
}

struct look {
    msg_id id;
    unsigned found, others;
    struct text text;
};

static int see(void *ctx, const struct device_copy *copy)
{
    struct look *look = ctx;
    bool is = copy->copy == COPY_INVITATION && copy->conv == plans && copy->target == look->id;
    look->found += is;
    look->others += !is;
    if (is)
        look->text = copy->text;
    return 0;
}

static bool sees(device_id device, msg_id id)
{
    struct look look = {.id = id};
    device_copies(t.devices[device], see, &look);
    return look.found == 1;
}

static int count_conv(void *ctx, const struct device_conv *conv)
{
    *(unsigned *)ctx += conv->conv == plans;
    return 0;
}

static bool has_plans(device_id device)
{
    unsigned count = 0;
    device_convs(t.devices[device], count_conv, &count);
    return count == 1;
}

/* What the server answers to this operation, said by the device's connection. */
static struct wire answer_to(device_id device, enum operation operation, msg_id target)
{
    struct wire w = {.kind = WIRE_OP, .device = device, .session = t.sessions[device], .oldest_op = 1};
    w.op = device_inspect(t.devices[device]).next_op + 20;
    w.operation = (uint8_t)operation;
    w.conv = plans;
    w.target = target;
    CU_ASSERT_EQUAL(town_shard_msg(&t, 0, &w, device, w.session), 0);
    struct wire answer = {0};
    for (size_t i = 0; i < t.queued; i++)
        if (t.queue[i].wire.kind == WIRE_ANSWER && t.queue[i].wire.op == w.op)
            answer = t.queue[i].wire;
    return answer;
}

/* ---- who sees it ---- */

static void the_invited_see_the_invitation_and_nothing_of_the_conversation(void)
{
    begin(2);
    msg_id before = town_send(&t, 1, plans);
    msg_id id = invite(2, 3);
    struct look look = {.id = id};
    device_copies(t.devices[3], see, &look);
    CU_ASSERT_EQUAL(look.found, 1);
    CU_ASSERT_EQUAL(look.others, 0);
    CU_ASSERT_EQUAL(look.text.len, 5);
    CU_ASSERT(sees(5, id));
    CU_ASSERT_FALSE(sees(4, id));
    CU_ASSERT_FALSE(sees(1, id));
    CU_ASSERT_FALSE(town_reads(&t, 3, before));
    CU_ASSERT_FALSE(has_plans(3));
    town_close(&t);
}

static void who_accepts_is_a_member_on_every_device(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, id, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT_FALSE(sees(5, id));
    CU_ASSERT(has_plans(3));
    CU_ASSERT(has_plans(5));
    msg_id after = town_send(&t, 1, plans);
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 5, after));
    CU_ASSERT_EQUAL(done(5, OPERATION_ACCEPT, id, 0), WHY_ALREADY_MEMBER);
    CU_ASSERT_EQUAL(done(5, OPERATION_DECLINE, id, 0), WHY_INVITATION_CLOSED);
    town_close(&t);
}

static void a_linked_device_starts_with_what_is_open_alone(void)
{
    begin(2);
    msg_id closed = invite(2, 3);
    CU_ASSERT_EQUAL(done(2, OPERATION_WITHDRAW, closed, 0), WHY_NONE);
    msg_id id = invite(1, 3);
    town_device(&t, 6, 3, true);
    town_connect(&t, 6);
    town_settle(&t);
    CU_ASSERT(sees(6, id));
    CU_ASSERT_FALSE(sees(6, closed));
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(6, id));
    town_close(&t);
}

/* ---- who ends it ---- */

static void whoever_invited_or_a_moderator_withdraws(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    CU_ASSERT_EQUAL(done(3, OPERATION_WITHDRAW, id, 0), WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(done(2, OPERATION_WITHDRAW, MAKE_ID(2, 999), 0), WHY_UNKNOWN_TARGET);
    CU_ASSERT_EQUAL(done(2, OPERATION_WITHDRAW, id, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(5, id));
    CU_ASSERT_EQUAL(done(2, OPERATION_WITHDRAW, id, 0), WHY_INVITATION_CLOSED);
    id = invite(1, 3);
    CU_ASSERT_EQUAL(done(2, OPERATION_WITHDRAW, id, 0), WHY_NOT_PERMITTED);
    id = invite(2, 4);
    CU_ASSERT_EQUAL(done(1, OPERATION_WITHDRAW, id, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(4, id));
    town_close(&t);
}

static void a_second_one_or_one_to_a_member_is_refused(void)
{
    begin(2);
    invite(1, 3);
    CU_ASSERT_EQUAL(done(2, OPERATION_INVITE, 0, 3), WHY_ALREADY_INVITED);
    CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, 2), WHY_ALREADY_MEMBER);
    CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, 1), WHY_ALREADY_MEMBER);
    CU_ASSERT_EQUAL(done(3, OPERATION_INVITE, 0, 4), WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(done(4, OPERATION_ACCEPT, MAKE_ID(1, 1), 0), WHY_NOT_INVITED);
    t.policy.invite = 2;
    CU_ASSERT_EQUAL(done(2, OPERATION_INVITE, 0, 4), WHY_NOT_PERMITTED);
    town_close(&t);
}

static void another_way_in_ends_it(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    CU_ASSERT_EQUAL(done(1, OPERATION_ADD, 0, 3), WHY_NONE);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT(has_plans(3));
    CU_ASSERT_EQUAL(done(1, OPERATION_REMOVE, 0, 3), WHY_NONE);
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, id, 0), WHY_INVITATION_CLOSED);
    town_close(&t);
}

static void it_goes_with_whoever_invited(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    CU_ASSERT_EQUAL(done(2, OPERATION_LEAVE, 0, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT_FALSE(sees(5, id));
    town_close(&t);
}

static void an_open_one_ends_with_time_by_policy(void)
{
    begin(2);
    t.policy.invite_expiry_us = US_PER_DAY;
    msg_id id = invite(2, 3);
    town_advance(&t, US_PER_DAY - (60 * US_PER_S));
    CU_ASSERT(sees(3, id));
    town_advance(&t, 2 * (60 * US_PER_S));
    CU_ASSERT_FALSE(sees(3, id));
    msg_id again = invite(2, 3);
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, id, 0), WHY_INVITATION_CLOSED);
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, again, 0), WHY_NONE);
    town_advance(&t, 2 * US_PER_DAY);
    CU_ASSERT(has_plans(3));
    town_close(&t);
}

static void an_undo_of_the_deletion_brings_none_back(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO_CONV, 0, 0), WHY_NONE);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, id, 0), WHY_INVITATION_CLOSED);
    town_close(&t);
}

static void so_many_are_open_at_once_and_no_more(void)
{
    begin(1);
    for (user_id u = 100; u < 164; u++)
        CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, u), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, 3), WHY_TOO_MANY);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_CONV, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO_CONV, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, 3), WHY_NONE);
    town_close(&t);
}

static void the_erased_neither_invite_nor_are_invited(void)
{
    begin(2);
    t.policy.job_chunk = 1;
    msg_id id = invite(2, 3), other = invite(1, 4);
    plans = 0;
    CU_ASSERT_EQUAL(done(2, OPERATION_ERASE, 0, 0), WHY_NONE);
    plans = MAKE_ID(PROVISIONER, 1);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(sees(3, id));
    CU_ASSERT(sees(4, other));
    CU_ASSERT_EQUAL(done(1, OPERATION_INVITE, 0, 2), WHY_ACCOUNT_CLOSED);
    CU_ASSERT_EQUAL(done(4, OPERATION_ACCEPT, other, 0), WHY_NONE);
    town_close(&t);
}

/* ---- what is said, and what is left ---- */

static void a_late_answer_is_told_who_ended_it_and_when(void)
{
    begin(1);
    msg_id id = invite(2, 3);
    town_advance(&t, 5 * US_PER_S);
    uint64_t at = t.now_us;
    CU_ASSERT_EQUAL(done(1, OPERATION_WITHDRAW, id, 0), WHY_NONE);
    town_advance(&t, 5 * US_PER_S);
    struct wire answer = answer_to(3, OPERATION_ACCEPT, id);
    CU_ASSERT_EQUAL(answer.why, WHY_INVITATION_CLOSED);
    CU_ASSERT_EQUAL(answer.actor, 1);
    CU_ASSERT_EQUAL(answer.at_us, at);
    town_close(&t);
    begin(1);
    id = invite(2, 3);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_CONV, 0, 0), WHY_NONE);
    answer = answer_to(5, OPERATION_ACCEPT, id);
    CU_ASSERT_EQUAL(answer.why, WHY_CONVERSATION_DELETED);
    CU_ASSERT_EQUAL(answer.actor, 2);
    CU_ASSERT_EQUAL(answer.at_us, t.now_us);
    answer = answer_to(4, OPERATION_ACCEPT, id);
    CU_ASSERT_EQUAL(answer.why, WHY_NOT_INVITED); /* a stranger hears nothing of it */
    CU_ASSERT_EQUAL(answer.actor, 0);
    town_close(&t);
}

static void nothing_of_its_text_is_left(void)
{
    begin(2);
    size_t keys = town_rows(&t, TABLE_KEY);
    msg_id id = invite(2, 3);
    CU_ASSERT(town_rows(&t, TABLE_KEY) > keys);
    CU_ASSERT_EQUAL(done(3, OPERATION_DECLINE, id, 0), WHY_NONE);
    town_advance(&t, (60 * US_PER_S));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_KEY), keys);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HOLDS), 2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_INVITATION), 1); /* who ended it, and when */
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), WHY_NONE);
    town_advance(&t, t.policy.undo_window_us + (60 * US_PER_S));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_INVITATION), 0);
    town_close(&t);
}

static void a_restart_forgets_nothing(void)
{
    begin(1);
    msg_id id = invite(2, 3);
    town_restart(&t, 0);
    for (device_id d = 1; d <= 5; d++)
        town_connect(&t, d);
    town_settle(&t);
    CU_ASSERT(sees(3, id));
    CU_ASSERT_EQUAL(done(3, OPERATION_ACCEPT, id, 0), WHY_NONE);
    CU_ASSERT(has_plans(5));
    town_close(&t);
}

/* ---- hostile words ---- */

static struct wire entry_to(device_id device, enum entry entry, msg_id target, version v)
{
    struct wire w = {.kind = WIRE_ENTRY, .device = device, .session = t.sessions[device], .entry = (uint8_t)entry};
    w.epoch = 1;
    w.position = w.head = device_inspect(t.devices[device]).cursor + 1;
    w.conv = plans;
    w.target = target;
    w.version = v;
    w.actor = 2;
    w.body = (struct text){.len = 2, .bytes = "hi"};
    return w;
}

static void say(device_id device, const struct wire *w)
{
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = w};
    CU_ASSERT_EQUAL(device_step(t.devices[device], &in, &t.out), 0);
}

static void a_device_shows_none_that_it_knows_to_be_over(void)
{
    begin(1);
    const msg_id id = MAKE_ID(2, 77);
    struct wire w = entry_to(3, ENTRY_UNINVITE, id, 9); /* an end of what never came */
    say(3, &w);
    w = entry_to(3, ENTRY_INVITE, id, 8);
    say(3, &w);
    CU_ASSERT_FALSE(sees(3, id));
    w = entry_to(3, ENTRY_INVITE, id, 10);
    say(3, &w);
    CU_ASSERT(sees(3, id));
    w = entry_to(3, ENTRY_UNINVITE, id, 10); /* not younger than what it ends */
    say(3, &w);
    CU_ASSERT(sees(3, id));
    uint64_t cursor = device_inspect(t.devices[3]).cursor;
    w = entry_to(3, ENTRY_INVITE, 0, 12); /* of nothing: its place in the log counts */
    say(3, &w);
    CU_ASSERT_EQUAL(device_inspect(t.devices[3]).cursor, cursor + 1);
    w = entry_to(3, ENTRY_ITEM_INVITE, MAKE_ID(2, 78), 13); /* an item is no entry */
    say(3, &w);
    CU_ASSERT_FALSE(sees(3, MAKE_ID(2, 78)));
    town_close(&t);
}

static void a_device_of_the_previous_protocol_takes_none(void)
{
    begin(2);
    msg_id id = invite(2, 3);
    town_device(&t, 6, 3, true);
    device_set_protocol(t.devices[6], 1);
    town_connect(&t, 6);
    town_settle(&t);
    CU_ASSERT_FALSE(sees(6, id));
    CU_ASSERT_EQUAL(town_do(&t, 6, OPERATION_ACCEPT, plans, id, 0), 0);
    town_close(&t);
}

static void an_invitation_names_its_own_operation(void)
{
    begin(1);
    struct wire answer = answer_to(1, OPERATION_INVITE, MAKE_ID(2, 5)); /* somebody else's id, and nobody to invite */
    CU_ASSERT_EQUAL(answer.why, WHY_MALFORMED);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_INVITATION), 0);
    town_close(&t);
}

static void a_device_asks_for_what_makes_sense(void)
{
    begin(1);
    CU_ASSERT_EQUAL(town_do(&t, 1, OPERATION_INVITE, plans, 0, 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, 1, OPERATION_INVITE, 0, 0, 3), 0);
    CU_ASSERT_EQUAL(town_do(&t, 3, OPERATION_ACCEPT, plans, 0, 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, 3, OPERATION_DECLINE, 0, MAKE_ID(1, 1), 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, 1, OPERATION_WITHDRAW, plans, 0, 0), 0);
    town_close(&t);
}

int suite_invite(void)
{
    CU_pSuite suite = CU_add_suite("invite", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"the_invited_see_the_invitation_and_nothing_of_the_conversation",
         the_invited_see_the_invitation_and_nothing_of_the_conversation},
        {"who_accepts_is_a_member_on_every_device", who_accepts_is_a_member_on_every_device},
        {"a_linked_device_starts_with_what_is_open_alone", a_linked_device_starts_with_what_is_open_alone},
        {"whoever_invited_or_a_moderator_withdraws", whoever_invited_or_a_moderator_withdraws},
        {"a_second_one_or_one_to_a_member_is_refused", a_second_one_or_one_to_a_member_is_refused},
        {"another_way_in_ends_it", another_way_in_ends_it},
        {"it_goes_with_whoever_invited", it_goes_with_whoever_invited},
        {"an_open_one_ends_with_time_by_policy", an_open_one_ends_with_time_by_policy},
        {"an_undo_of_the_deletion_brings_none_back", an_undo_of_the_deletion_brings_none_back},
        {"so_many_are_open_at_once_and_no_more", so_many_are_open_at_once_and_no_more},
        {"the_erased_neither_invite_nor_are_invited", the_erased_neither_invite_nor_are_invited},
        {"a_late_answer_is_told_who_ended_it_and_when", a_late_answer_is_told_who_ended_it_and_when},
        {"nothing_of_its_text_is_left", nothing_of_its_text_is_left},
        {"a_restart_forgets_nothing", a_restart_forgets_nothing},
        {"a_device_shows_none_that_it_knows_to_be_over", a_device_shows_none_that_it_knows_to_be_over},
        {"a_device_of_the_previous_protocol_takes_none", a_device_of_the_previous_protocol_takes_none},
        {"an_invitation_names_its_own_operation", an_invitation_names_its_own_operation},
        {"a_device_asks_for_what_makes_sense", a_device_asks_for_what_makes_sense},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return (int)CU_get_error();
    return CUE_SUCCESS;
}
