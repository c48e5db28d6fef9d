/*
 * test_device_outbox.c: the device alone: operations, their answers, and the overlay (device_world.h).
 */
#include "tests/device_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

int suite_device_outbox(void);

/* ---- the outbox ---- */

static void pending_send_is_confirmed_without_a_hide(void) /* D1 */
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    SAID("invoke 1 send; show 1.1 pending; >op 1 send oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 2);
    SAID("answered 1 accepted");
    CU_ASSERT_TRUE(row_of(OWN(1)).row.pending_send);
    struct wire w = entry_wire(2, ENTRY_SEND, OWN(1), 2);
    w.actor = 10;
    feed(w);
    SAID("show 1.1 v2; cursor 2 send; >ack 2 oldest 2");
    CU_ASSERT_FALSE(row_of(OWN(1)).row.pending_send);
    close_world();
}

static void refused_send_hides_and_becomes_a_draft(void)
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    answer(1, OUTCOME_REFUSED, WHY_CONVERSATION_DELETED, 0);
    SAID("answered 1 refused; hide 1.1 refused; notice by 20 at 600 draft");
    CU_ASSERT_TRUE(conv_of().typing);
    CU_ASSERT_FALSE(row_of(OWN(1)).found);
    close_world();
}

static void pending_deletion_hides_until_the_log_has_it(void) /* D2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    SAID("invoke 1 delete; hide 2.1 pending v2 pending; >op 1 delete oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 3);
    SAID("answered 1 accepted");
    CU_ASSERT_FALSE(readable(MSG(1)));
    entry(3, ENTRY_DELETE, MSG(1), 3);
    SAID("hide 2.1 deletion v3; cursor 3 delete; >ack 3 oldest 2");
    entry(4, ENTRY_UNDO, MSG(1), 4);
    SAID("show 2.1 v4; cursor 4 undo; >ack 4 oldest 2");
    close_world();
}

static void refused_deletion_shows_again(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE_CONV, CONV, 0, "");
    SAID("invoke 1 delete-conversation; hide 2.1 pending v2 pending; >op 1 delete-conversation oldest 1");
    answer(1, OUTCOME_REFUSED, WHY_NOT_PERMITTED, 0);
    SAID("answered 1 refused; show 2.1 v2");
    close_world();
}

static void denied_early_deletion_shows_its_target(void)
{
    open_joined(0);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    SAID("invoke 1 delete; >op 1 delete oldest 1");
    feed((struct wire){.kind = WIRE_ANSWER, .op = 1, .outcome = OUTCOME_ACCEPTED, .early = 1});
    entry(2, ENTRY_SEND, MSG(1), 2);
    SAID("cursor 2 send; >ack 2 oldest 2");
    entry(3, ENTRY_DENY, MSG(1), 2);
    SAID("show 2.1 v2; cursor 3 deny; >ack 3 oldest 2");
    close_world();
}

static void own_deleted_send_stays_hidden_before_its_conversation_joins(void) /* D2 */
{
    open_world(0, false);
    connect_as(SESSION);
    welcome(0);
    person(OPERATION_CREATE, 0, 0, "");
    person(OPERATION_SEND, OWN(1), 0, "mine");
    SAID("invoke 2 send; show 1.2 pending; >op 2 send oldest 1");
    person(OPERATION_DELETE, OWN(1), OWN(2), "");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 1);
    answer(2, OUTCOME_ACCEPTED, WHY_NONE, 2);
    answer(3, OUTCOME_ACCEPTED, WHY_NONE, 3);
    SAID("answered 3 accepted");
    enum entry kinds[] = {ENTRY_JOIN, ENTRY_SEND, ENTRY_DELETE};
    for (uint64_t i = 0; i < 3; i++) {
        struct wire w = entry_wire(i + 1, kinds[i], i ? OWN(2) : 0, i + 1);
        w.conv = OWN(1);
        feed(w);
    }
    SAID("hide 1.2 deletion v3; cursor 3 delete; >ack 3 oldest 4");
    close_world();
}

static void settled_send_becomes_a_draft_and_deletion_stays(void) /* X3, D3 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_SEND, CONV, 0, "mine");
    person(OPERATION_DELETE, CONV, MSG(1), "");
    answer(1, OUTCOME_SETTLED, WHY_NONE, 0);
    SAID("answered 1 settled; drafted 1; hide 1.1 drafted");
    answer(2, OUTCOME_SETTLED, WHY_NONE, 0);
    SAID("answered 2 settled");
    CU_ASSERT_FALSE(readable(MSG(1)));
    entry(3, ENTRY_DELETE, MSG(1), 3);
    SAID("hide 2.1 deletion v3; cursor 3 delete; >ack 3 oldest 3");
    CU_ASSERT_EQUAL(device_inspect(world.d).outbox_count, 0);
    close_world();
}

static void operations_are_sent_again_at_each_welcome_in_order(void) /* X1 */
{
    open_joined(0);
    step((struct device_input){.kind = DEVICE_DISCONNECTED});
    person(OPERATION_SEND, CONV, 0, "a");
    SAID("invoke 1 send; show 1.1 pending");
    person(OPERATION_SEND, CONV, 0, "b");
    connect_as(SESSION);
    SAID(">hello g1 e1 p1 op1");
    welcome(1);
    SAID(">op 1 send oldest 1; >op 2 send oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 2);
    connect_as(SESSION);
    welcome(1);
    SAID(">op 2 send oldest 2");
    close_world();
}

static void undo_names_the_deletion_that_the_device_knows(void) /* U2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    person(OPERATION_UNDO, CONV, MSG(1), "");
    SAID("invoke 1 undo named v3; >op 1 undo oldest 1");
    entry(4, ENTRY_DELETE_CONV, 0, 4);
    person(OPERATION_UNDO_CONV, CONV, 0, "");
    SAID("invoke 2 undo-conversation named v4; >op 2 undo-conversation oldest 1");
    close_world();
}

static void senseless_operations_are_invalid(void)
{
    open_joined(0);
    CU_ASSERT_EQUAL(person(OPERATION_NONE, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_COUNT, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_SEND, 0, 0, "x"), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_DELETE, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_PERSON, .operation = OPERATION_ADD, .conv = CONV}),
                    E_INVALID);
    CU_ASSERT_EQUAL(
        step((struct device_input){
            .kind = DEVICE_PERSON, .operation = OPERATION_SEND, .conv = CONV, .body = {.len = TEXT_BYTES_MAX + 1}}),
        E_INVALID);
    SAID("");
    CU_ASSERT_EQUAL(device_inspect(world.d).next_op, 1);
    close_world();
}

static void retired_device_drafts_and_stops(void) /* X4 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_SEND, CONV, 0, "mine");
    person(OPERATION_DELETE, CONV, MSG(1), "");
    feed((struct wire){.kind = WIRE_RETIRED});
    SAID("drafted 1; drafted 2; hide 1.1 drafted");
    CU_ASSERT_FALSE(readable(MSG(1)));
    CU_ASSERT_EQUAL(world.out.wake_at_us, TIME_NEVER);
    connect_as(SESSION);
    SAID("");
    CU_ASSERT_EQUAL(person(OPERATION_SEND, CONV, 0, "x"), E_INVALID);
    close_world();
}

static void crash_forgets_the_session_and_keeps_the_outbox(void)
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    device_crash(world.d);
    entry(2, ENTRY_SEND, MSG(1), 2);
    SAID("");
    step((struct device_input){.kind = DEVICE_RESUME});
    connect_as(SESSION + 1);
    SAID(">hello g1 e1 p1 op2");
    CU_ASSERT_TRUE(readable(OWN(1)));
    feed((struct wire){.kind = WIRE_WELCOME, .session = SESSION + 1, .epoch = 1, .head = 1});
    SAID(">op 1 send oldest 1");
    close_world();
}

static const struct device_test tests[] = {
    TEST(pending_send_is_confirmed_without_a_hide),
    TEST(refused_send_hides_and_becomes_a_draft),
    TEST(pending_deletion_hides_until_the_log_has_it),
    TEST(refused_deletion_shows_again),
    TEST(denied_early_deletion_shows_its_target),
    TEST(own_deleted_send_stays_hidden_before_its_conversation_joins),
    TEST(settled_send_becomes_a_draft_and_deletion_stays),
    TEST(operations_are_sent_again_at_each_welcome_in_order),
    TEST(undo_names_the_deletion_that_the_device_knows),
    TEST(senseless_operations_are_invalid),
    TEST(retired_device_drafts_and_stops),
    TEST(crash_forgets_the_session_and_keeps_the_outbox),
};

int suite_device_outbox(void)
{
    return device_suite("device_outbox", tests, sizeof tests / sizeof tests[0]);
}
