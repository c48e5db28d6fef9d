/*
 * test_typing.c: who is typing, over real shards and devices: who sees it, when it goes, that nothing is kept of it,
 * and what becomes of hostile signals.
 */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_typing(void);

#define SHARDS 2

static struct town t;
static conv_id plans;

/* Users 1 to 4, device d of user d; a group of 1 (owner), 2 and 3. */
static void begin(void)
{
    town_open(&t, SHARDS);
    for (user_id u = 1; u <= 4; u++) {
        town_user(&t, u);
        town_device(&t, u, u, false);
    }
    plans = town_conversation(&t, 1, CONV_GROUP, 1, 3);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static void do_and_settle(device_id device, enum operation operation, user_id subject)
{
    CU_ASSERT_NOT_EQUAL(town_do(&t, device, operation, plans, 0, subject), 0);
    town_settle(&t);
}

static void types(device_id device)
{
    town_signal(&t, device, plans);
    town_settle(&t);
}

struct look {
    user_id user;
    unsigned found;
};

static int see(void *ctx, const struct device_copy *copy)
{
    struct look *look = ctx;
    look->found += copy->copy == COPY_TYPING && copy->conv == plans && copy->target == look->user;
    return 0;
}

static bool sees(device_id device, user_id user)
{
    struct look look = {.user = user};
    device_copies(t.devices[device], see, &look);
    return look.found == 1;
}

/* ---- who sees it ---- */

static void the_other_members_see_it_and_it_ends_by_their_clock(void)
{
    begin();
    types(2);
    CU_ASSERT(sees(1, 2));
    CU_ASSERT(sees(3, 2));
    CU_ASSERT_FALSE(sees(2, 2));
    CU_ASSERT_FALSE(sees(4, 2));
    town_advance(&t, 5 * US_PER_S);
    CU_ASSERT(sees(3, 2));
    types(2);
    town_advance(&t, 5 * US_PER_S);
    CU_ASSERT(sees(3, 2));
    town_advance(&t, 2 * US_PER_S);
    CU_ASSERT_FALSE(sees(3, 2));
    CU_ASSERT_FALSE(sees(1, 2));
    town_close(&t);
}

static void nothing_of_it_is_stored_or_acknowledges(void)
{
    begin();
    town_advance(&t, US_PER_S);
    uint64_t before = town_digest(&t, TOWN_CONTENT);
    for (int i = 0; i < 3; i++)
        types(2);
    CU_ASSERT(sees(3, 2));
    CU_ASSERT_EQUAL(town_digest(&t, TOWN_CONTENT), before);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_OUTBOX), 0);
    town_close(&t);
}

static void a_device_that_comes_later_does_not_see_it(void)
{
    begin();
    town_disconnect(&t, 3);
    types(2);
    town_connect(&t, 3);
    town_settle(&t);
    CU_ASSERT_FALSE(sees(3, 2));
    CU_ASSERT(sees(1, 2));
    town_disconnect(&t, 1); /* and one that is gone shows nobody */
    CU_ASSERT_FALSE(sees(1, 2));
    town_close(&t);
}

static void drafts_tell_only_where_the_policy_says_so(void)
{
    begin();
    town_type(&t, 2, plans, "at ni");
    CU_ASSERT_FALSE(sees(3, 2));
    t.policy.typing = 1;
    town_type(&t, 2, plans, "at nin");
    CU_ASSERT(sees(3, 2));
    town_type(&t, 2, plans, "");
    CU_ASSERT_FALSE(sees(3, 2));
    town_close(&t);
}

static void in_a_large_conversation_nobody_is_seen(void)
{
    town_open(&t, 1);
    for (user_id u = 1; u <= 2; u++) {
        town_user(&t, u);
        town_device(&t, u, u, false);
    }
    plans = town_conversation(&t, 1, CONV_GROUP, 1, 65);
    for (device_id d = 1; d <= 2; d++)
        town_connect(&t, d);
    town_settle(&t);
    types(2);
    CU_ASSERT_FALSE(sees(1, 2));
    do_and_settle(1, OPERATION_REMOVE, 65);
    types(2);
    CU_ASSERT(sees(1, 2));
    town_close(&t);
}

/* ---- when it goes ---- */

static void it_goes_with_the_message_the_person_and_the_conversation(void)
{
    begin();
    types(2);
    CU_ASSERT(sees(3, 2));
    do_and_settle(2, OPERATION_SEND, 0);
    CU_ASSERT_FALSE(sees(3, 2));
    types(2);
    types(3);
    CU_ASSERT(sees(1, 2) && sees(1, 3));
    do_and_settle(2, OPERATION_LEAVE, 0);
    CU_ASSERT_FALSE(sees(1, 2));
    CU_ASSERT(sees(1, 3));
    do_and_settle(3, OPERATION_DELETE_CONV, 0);
    CU_ASSERT_FALSE(sees(1, 3));
    types(3);
    CU_ASSERT_FALSE(sees(1, 3));
    do_and_settle(3, OPERATION_UNDO_CONV, 0);
    types(3);
    CU_ASSERT(sees(1, 3));
    do_and_settle(1, OPERATION_REMOVE, 3);
    CU_ASSERT_FALSE(sees(1, 3));
    town_close(&t);
}

static void ones_own_deletion_counts_before_it_is_answered(void)
{
    begin();
    types(2);
    CU_ASSERT(sees(3, 2));
    CU_ASSERT_NOT_EQUAL(town_do(&t, 3, OPERATION_DELETE_CONV, plans, 0, 0), 0);
    CU_ASSERT_FALSE(sees(3, 2));
    CU_ASSERT_EQUAL(t.last[NOTE_HIDE].because, BECAUSE_PENDING);
    CU_ASSERT_NOT_EQUAL(t.last[NOTE_HIDE].version, 0); /* without one it would be an own send's */
    town_settle(&t);
    CU_ASSERT_FALSE(sees(1, 2));
    town_close(&t);
}

static void a_crash_leaves_nobody_typing(void)
{
    begin();
    types(2);
    CU_ASSERT(sees(3, 2));
    device_crash(t.devices[3]);
    struct device_input in = {.kind = DEVICE_RESUME, .now_us = t.now_us};
    CU_ASSERT_EQUAL(device_step(t.devices[3], &in, &t.out), 0);
    CU_ASSERT_EQUAL(t.out.note_count, 1);
    CU_ASSERT_EQUAL(t.out.notes[0].kind, NOTE_HIDE);
    CU_ASSERT_FALSE(sees(3, 2));
    struct device *copy = device_copy(t.devices[1]);
    struct look look = {.user = 2};
    device_copies(copy, see, &look);
    CU_ASSERT_EQUAL(look.found, 0);
    device_free(copy);
    town_close(&t);
}

/* ---- hostile signals ---- */

static struct wire signal_to(device_id device, user_id actor, version v)
{
    struct wire w = {.kind = WIRE_TYPING, .device = device, .session = t.sessions[device], .conv = plans};
    w.actor = actor;
    w.version = v;
    return w;
}

static bool shows(device_id device, const struct wire *w)
{
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(device_step(t.devices[device], &in, &t.out), 0);
    return sees(device, w->actor);
}

static void a_device_believes_only_what_the_log_has_not_overtaken(void)
{
    begin();
    version v = VERSION_MAKE(1, 1000);
    struct wire w = signal_to(1, 2, 1); /* of before what it has applied */
    CU_ASSERT_FALSE(shows(1, &w));
    w = signal_to(1, 2, 0);
    CU_ASSERT_FALSE(shows(1, &w));
    w = signal_to(1, 2, v);
    w.session++;
    CU_ASSERT_FALSE(shows(1, &w));
    w = signal_to(1, 2, v);
    w.body = (struct text){.len = 2, .bytes = "hi"}; /* it never has words */
    CU_ASSERT_FALSE(shows(1, &w));
    w = signal_to(1, 1, v); /* of oneself */
    CU_ASSERT_FALSE(shows(1, &w));
    w = signal_to(4, 2, v); /* of a conversation that is not here */
    CU_ASSERT_FALSE(shows(4, &w));
    w = signal_to(1, 2, v);
    CU_ASSERT(shows(1, &w));
    for (user_id u = 100; u < 300; u++) {
        w = signal_to(1, u, v);
        (void)shows(1, &w); /* it has a limit */
    }
    CU_ASSERT_FALSE(sees(1, 299));
    struct device_input later = {.kind = DEVICE_TIMER, .now_us = t.out.wake_at_us};
    CU_ASSERT_EQUAL(device_step(t.devices[1], &later, &t.out), 0);
    CU_ASSERT_FALSE(sees(1, 2));
    town_close(&t);
}

/* What a device or a shard says of typing, and nobody hears. */
static void nobody_hears(const struct wire *w, shard_id at, device_id device)
{
    uint64_t before = town_digest(&t, TOWN_CONTENT);
    CU_ASSERT_EQUAL(town_shard_msg(&t, at, w, device, device ? t.sessions[device] : 0), 0);
    CU_ASSERT_EQUAL(t.queued, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_digest(&t, TOWN_CONTENT), before);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT_FALSE(sees(d, 2) || sees(d, 4));
}

static void a_shard_passes_on_what_its_sender_may_say(void)
{
    begin();
    shard_id home = shard_of_conv(&t.policy, plans, SHARDS);
    struct wire w = {.kind = WIRE_TYPING, .device = 4, .session = t.sessions[4], .conv = plans};
    town_shard_msg(&t, town_home(&t, 4), &w, 4, w.session); /* a stranger: it gets as far as the conversation's shard */
    town_settle(&t);
    CU_ASSERT_FALSE(sees(1, 4) || sees(2, 4) || sees(3, 4));
    w.conv = 0;
    nobody_hears(&w, town_home(&t, 4), 4);
    w.conv = plans;
    w.device = 2; /* another's name */
    nobody_hears(&w, town_home(&t, 4), 4);
    /* town_shard_msg takes the peer from `user`: here also who is said to type */
    for (shard_id peer = 0; peer < SHARDS; peer++) {
        struct wire said = {.kind = WIRE_TYPING, .user = peer, .conv = plans, .at_us = t.now_us};
        said.subject = 1;
        said.version = 0; /* no version: it was at no conversation's shard */
        nobody_hears(&said, 1 - peer, 0);
        said.version = VERSION_MAKE(1, 99);
        said.body = (struct text){.len = 2, .bytes = "hi"};
        nobody_hears(&said, 1 - peer, 0);
        if (peer != home) { /* not the conversation's */
            said.body.len = 0;
            nobody_hears(&said, 1 - peer, 0);
        }
    }
    town_close(&t);
}

static void a_signal_that_is_late_is_dropped(void)
{
    begin();
    town_signal(&t, 2, plans);
    size_t count = t.queued;
    CU_ASSERT_EQUAL(count, 1);
    t.now_us += 60 * US_PER_S; /* on its way between the device and its shard nobody can tell: it is fresh there */
    town_settle(&t);
    CU_ASSERT(sees(1, 2));
    town_close(&t);
    begin();
    struct wire late = {.kind = WIRE_TYPING, .user = 2, .conv = plans, .at_us = 1};
    shard_id home = shard_of_conv(&t.policy, plans, SHARDS);
    t.now_us += 60 * US_PER_S;
    struct shard_input in = {.kind = SHARD_PEER_MSG, .wire = &late, .now_us = t.now_us};
    in.shard = 1 - home;
    for (user_id u = 1; u <= 3; u++) {
        late.user = u;
        CU_ASSERT_EQUAL(shard_step(t.shards[home], &in, &t.out), 0);
        CU_ASSERT_EQUAL(t.out.msg_count, 0);
    }
    town_close(&t);
}

static void a_device_of_the_previous_protocol_neither_says_nor_shows_it(void)
{
    begin();
    device_set_protocol(t.devices[3], 1);
    town_disconnect(&t, 3);
    town_connect(&t, 3);
    town_settle(&t);
    types(2);
    CU_ASSERT_FALSE(sees(3, 2));
    types(3);
    CU_ASSERT_FALSE(sees(1, 3));
    struct wire w = signal_to(3, 2, VERSION_MAKE(1, 1000));
    CU_ASSERT_FALSE(shows(3, &w));
    town_close(&t);
}

int suite_typing(void)
{
    CU_pSuite suite = CU_add_suite("typing", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        {"the_other_members_see_it_and_it_ends_by_their_clock", the_other_members_see_it_and_it_ends_by_their_clock},
        {"nothing_of_it_is_stored_or_acknowledges", nothing_of_it_is_stored_or_acknowledges},
        {"a_device_that_comes_later_does_not_see_it", a_device_that_comes_later_does_not_see_it},
        {"drafts_tell_only_where_the_policy_says_so", drafts_tell_only_where_the_policy_says_so},
        {"in_a_large_conversation_nobody_is_seen", in_a_large_conversation_nobody_is_seen},
        {"it_goes_with_the_message_the_person_and_the_conversation",
         it_goes_with_the_message_the_person_and_the_conversation},
        {"ones_own_deletion_counts_before_it_is_answered", ones_own_deletion_counts_before_it_is_answered},
        {"a_crash_leaves_nobody_typing", a_crash_leaves_nobody_typing},
        {"a_device_believes_only_what_the_log_has_not_overtaken",
         a_device_believes_only_what_the_log_has_not_overtaken},
        {"a_shard_passes_on_what_its_sender_may_say", a_shard_passes_on_what_its_sender_may_say},
        {"a_signal_that_is_late_is_dropped", a_signal_that_is_late_is_dropped},
        {"a_device_of_the_previous_protocol_neither_says_nor_shows_it",
         a_device_of_the_previous_protocol_neither_says_nor_shows_it},
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return (int)CU_get_error();
    return CUE_SUCCESS;
}
