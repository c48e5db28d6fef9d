/* test_notify.c: pushes to notification centres: what is shown, what is withdrawn, in whatever order they come. */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_notify(void);

static struct town t;
static conv_id conv;

/* Device 1 of user 1 (the owner) and 2 of user 2, whose app is closed; 3 of user 2 is connected. */
static void begin(void)
{
    town_open(&t, 2);
    t.policy.notify = 1;
    conv = town_people(&t, (const user_id[]){1, 2, 2}, 3);
    town_disconnect(&t, 2);
}

static void done(device_id device, enum operation operation, msg_id target, user_id subject)
{
    CU_ASSERT_NOT_EQUAL(town_do(&t, device, operation, conv, target, subject), 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].outcome, OUTCOME_ACCEPTED);
}

static msg_id said(device_id device)
{
    return town_said(&t, device, conv);
}

struct looking {
    msg_id message;
    bool found;
};

static int look(void *ctx, const struct device_copy *copy)
{
    struct looking *l = ctx;
    l->found |= copy->copy == COPY_NOTIFICATION && copy->target == l->message;
    return 0;
}

static bool notified(device_id device, msg_id message)
{
    struct looking l = {.message = message};
    device_copies(t.devices[device], look, &l);
    return l.found;
}

static void what_is_said_is_pushed_to_whom_it_cannot_reach(void)
{
    begin();
    msg_id m = said(1);
    CU_ASSERT_EQUAL_FATAL(t.pushed, 1);
    CU_ASSERT_EQUAL(t.pushes[0].device, 2);
    unsigned shows = t.notes[NOTE_SHOW];
    town_push(&t, 0);
    town_push(&t, 0);
    CU_ASSERT(notified(2, m));
    CU_ASSERT_EQUAL(t.notes[NOTE_SHOW], shows + 1); /* once */
    said(3);                                        /* one's own is no news */
    CU_ASSERT_EQUAL(t.pushed, 1);
    town_close(&t);
}

static void a_withdrawal_takes_it_away_and_carries_no_content(void)
{
    begin();
    msg_id m = said(1);
    town_push(&t, 0);
    done(1, OPERATION_DELETE, m, 0);
    CU_ASSERT_EQUAL_FATAL(t.pushed, 2);
    CU_ASSERT_EQUAL(t.pushes[1].body.len, 0);
    town_push(&t, 1);
    CU_ASSERT_FALSE(notified(2, m));
    town_push(&t, 0); /* the same again, late */
    CU_ASSERT_FALSE(notified(2, m));
    town_close(&t);
}

static void a_withdrawal_may_overtake_what_it_withdraws(void)
{
    begin();
    msg_id m = said(1);
    done(1, OPERATION_DELETE, m, 0);
    town_push(&t, 1);
    town_push(&t, 0);
    CU_ASSERT_FALSE(notified(2, m));
    msg_id n = said(1), o;
    done(1, OPERATION_DELETE_CONV, 0, 0);
    town_push(&t, 3);
    town_push(&t, 2);
    CU_ASSERT_FALSE(notified(2, n));
    done(1, OPERATION_UNDO_CONV, 0, 0);
    o = said(1);
    town_push(&t, t.pushed - 1);
    CU_ASSERT(notified(2, o)); /* it is younger than the withdrawal */
    town_close(&t);
}

static void the_app_withdraws_what_no_push_did(void)
{
    begin();
    msg_id kept = said(1), m = said(1), purged = said(1);
    for (size_t i = 0; i < 3; i++)
        town_push(&t, i);
    done(1, OPERATION_DELETE, m, 0);
    done(1, OPERATION_DELETE, purged, 0);
    town_connect(&t, 2);
    CU_ASSERT(notified(2, kept));
    CU_ASSERT_FALSE(notified(2, m));
    town_advance(&t, 2 * t.policy.undo_window_us);
    for (size_t i = 0; i < t.pushed; i++)
        town_push(&t, i);
    CU_ASSERT_FALSE(notified(2, m));
    CU_ASSERT_FALSE(notified(2, purged)); /* the replica has forgotten it; its place in the log tells */
    town_close(&t);
}

static void a_killed_app_is_notified_too_and_resets_clear_it(void)
{
    begin();
    device_crash(t.devices[2]);
    msg_id m = said(1);
    town_push(&t, 0);
    CU_ASSERT(notified(2, m));
    done(1, OPERATION_REMOVE, 0, 2);
    town_advance(&t, t.policy.fence_after_us + US_PER_DAY);
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(t.notes[NOTE_INSTALL], 1);
    CU_ASSERT_FALSE(notified(2, m));
    town_close(&t);
}

static void nothing_is_pushed_unless_the_policy_says_so(void)
{
    begin();
    t.policy.notify = 0;
    said(1);
    CU_ASSERT_EQUAL(t.pushed, 0);
    town_close(&t);
}

static void a_push_that_makes_no_sense_is_ignored(void)
{
    begin();
    msg_id m = said(1);
    struct wire sound = t.pushes[0];
    t.pushes[0].device = 3;
    struct device_input in = {.kind = DEVICE_PUSH, .wire = &t.pushes[0]};
    CU_ASSERT_EQUAL(device_step(t.devices[2], &in, &t.out), 0);
    t.pushes[0] = sound;
    t.pushes[0].position = 0;
    town_push(&t, 0);
    t.pushes[0] = sound;
    t.pushes[0].target = 0;
    town_push(&t, 0);
    t.pushes[0] = sound;
    t.pushes[0].kind = WIRE_ENTRY;
    town_push(&t, 0);
    CU_ASSERT_FALSE(notified(2, m));
    in.wire = NULL;
    CU_ASSERT_EQUAL(device_step(t.devices[2], &in, &t.out), E_INVALID);
    town_close(&t);
}

int suite_notify(void)
{
    CU_pSuite suite = CU_add_suite("notify", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    ADD(what_is_said_is_pushed_to_whom_it_cannot_reach)
    ADD(a_withdrawal_takes_it_away_and_carries_no_content)
    ADD(a_withdrawal_may_overtake_what_it_withdraws)
    ADD(the_app_withdraws_what_no_push_did)
    ADD(a_killed_app_is_notified_too_and_resets_clear_it)
    ADD(nothing_is_pushed_unless_the_policy_says_so)
    ADD(a_push_that_makes_no_sense_is_ignored)
    return CUE_SUCCESS;
}
