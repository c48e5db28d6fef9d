/* test_forme.c: deletions for oneself, clear history and cancel, over real shards and devices. */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_forme(void);

#define WINDOW (30 * US_PER_S)

static struct town t;
static conv_id conv;

/* Devices 1 and 2 of user 1, 3 of user 2, in one group on two shards. */
static void begin(void)
{
    town_open(&t, 2);
    conv = town_people(&t, (const user_id[]){1, 1, 2}, 3);
}

static msg_id said(device_id device)
{
    return town_said(&t, device, conv);
}

static enum outcome done(device_id device, enum operation operation, msg_id target)
{
    return (enum outcome)town_done(&t, device, operation, conv, target, 0)->outcome;
}

static void a_deletion_for_oneself_stays_in_the_account(void)
{
    begin();
    msg_id m = said(3);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ME, m), OUTCOME_ACCEPTED);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    CU_ASSERT(town_reads(&t, 3, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HIDDEN), 1);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_ME, m), OUTCOME_ACCEPTED); /* idempotent */
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HIDDEN), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ME, MAKE_ID(3, 900)), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_UNKNOWN_TARGET);
    town_close(&t);
}

static void neither_undo_nor_snapshot_brings_it_back(void)
{
    begin();
    msg_id m = said(3);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ME, m), OUTCOME_ACCEPTED);
    town_device(&t, 4, 1, true); /* a new device of the same user: by a reset */
    town_connect(&t, 4);
    town_settle(&t);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_UNDO, m), OUTCOME_ACCEPTED);
    CU_ASSERT(town_reads(&t, 3, m));
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    town_close(&t);
}

static void hidden_rows_go_with_the_purge(void)
{
    begin();
    msg_id m = said(3);
    msg_id other = said(3);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ME, m), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ME, other), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HIDDEN), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0), OUTCOME_ACCEPTED);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HIDDEN), 0);
    town_close(&t);
}

static void a_cleared_history_hides_what_was_sent_before(void)
{
    begin();
    msg_id m = said(3), own = said(1);
    town_disconnect(&t, 2);
    CU_ASSERT_EQUAL(done(1, OPERATION_CLEAR, 0), OUTCOME_ACCEPTED);
    msg_id later = said(3);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_UNDO, m), OUTCOME_ACCEPTED);
    town_device(&t, 4, 1, true);
    town_connect(&t, 4);
    town_connect(&t, 2);
    town_settle(&t);
    for (device_id d = 1; d <= 4; d++) {
        CU_ASSERT_EQUAL(town_reads(&t, d, m), d == 3);
        CU_ASSERT_EQUAL(town_reads(&t, d, own), d == 3);
        CU_ASSERT(town_reads(&t, d, later));
    }
    town_close(&t);
}

static void a_pending_clear_hides_at_once(void)
{
    begin();
    msg_id m = said(3);
    town_disconnect(&t, 1);
    msg_id own = town_send(&t, 1, conv);
    town_do(&t, 1, OPERATION_CLEAR, conv, 0, 0);
    msg_id later = town_send(&t, 1, conv);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    CU_ASSERT_FALSE(town_reads(&t, 1, own));
    CU_ASSERT(town_reads(&t, 1, later));
    town_connect(&t, 1);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 1, own));
    CU_ASSERT_FALSE(town_reads(&t, 2, own));
    CU_ASSERT(town_reads(&t, 2, later));
    CU_ASSERT(town_reads(&t, 3, own));
    town_close(&t);
}

static void a_send_that_waits_is_cancelled_and_one_that_went_is_deleted(void)
{
    begin();
    msg_id went = said(1);
    town_disconnect(&t, 1);
    msg_id waits = town_send(&t, 1, conv), other = town_send(&t, 1, conv);
    town_do(&t, 1, OPERATION_CANCEL, conv, waits, 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_CANCELLED], 1);
    CU_ASSERT_FALSE(town_reads(&t, 1, waits));
    town_do(&t, 1, OPERATION_CANCEL, conv, went, 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_CANCELLED], 1);
    town_connect(&t, 1);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 3, waits));
    CU_ASSERT_FALSE(town_reads(&t, 3, went));
    CU_ASSERT(town_reads(&t, 3, other)); /* X1: the number of the cancelled one is a gap */
    town_close(&t);
}

#ifndef NO_FLAWS
static void with_the_flaws_everybody_hears_and_the_cancelled_one_is_sent(void)
{
    begin();
    t.policy.flaws = FLAW_BIT(FLAW_SCOPE_WIDENED) | FLAW_BIT(FLAW_CANCEL_SENDS);
    msg_id m = said(3);
    done(1, OPERATION_DELETE_ME, m);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    town_disconnect(&t, 1);
    msg_id waits = town_send(&t, 1, conv);
    town_do(&t, 1, OPERATION_CANCEL, conv, waits, 0);
    CU_ASSERT_FALSE(town_reads(&t, 1, waits));
    town_connect(&t, 1);
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 3, waits));
    town_close(&t);
}

#endif

#define TESTS(X)                                    \
    X(a_deletion_for_oneself_stays_in_the_account)  \
    X(neither_undo_nor_snapshot_brings_it_back)     \
    X(hidden_rows_go_with_the_purge)                \
    X(a_cleared_history_hides_what_was_sent_before) \
    X(a_pending_clear_hides_at_once)                \
    X(a_send_that_waits_is_cancelled_and_one_that_went_is_deleted)

int suite_forme(void)
{
    CU_pSuite suite = CU_add_suite("forme", NULL, NULL);
    if (!suite)
        return -1;
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return -1;
    TESTS(ADD)
#ifndef NO_FLAWS
    ADD(with_the_flaws_everybody_hears_and_the_cancelled_one_is_sent)
#endif
    return 0;
}
