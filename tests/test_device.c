/*
 * test_device.c: the device alone: sessions, the cursor, and what entries of the log do (device_world.h).
 */
#include "tests/device_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

int suite_device(void);
int suite_device_outbox(void);
int suite_device_reset(void);
int suite_device_flaws(void);

/* ---- sessions and the cursor ---- */

static void says_hello_and_repeats_it(void)
{
    open_world(0, false);
    connect_as(SESSION);
    SAID(">hello g1 e1 p0 op1");
    CU_ASSERT_EQUAL(world.out.wake_at_us, 1000 + world.policy.retry_us);
    step((struct device_input){.kind = DEVICE_TIMER});
    SAID("");
    world.now_us = world.out.wake_at_us;
    step((struct device_input){.kind = DEVICE_TIMER});
    SAID(">hello g1 e1 p0 op1");
    welcome(0);
    SAID("");
    CU_ASSERT_EQUAL(world.out.wake_at_us, TIME_NEVER);
    close_world();
}

static void linked_device_starts_in_no_generation(void)
{
    open_world(0, true);
    connect_as(SESSION);
    SAID(">hello g0 e0 p0 op1");
    close_world();
}

static void ignores_messages_of_another_session(void) /* L3 */
{
    open_joined(0);
    struct wire w = entry_wire(2, ENTRY_SEND, MSG(1), 2);
    w.session = SESSION - 1;
    feed(w);
    SAID("");
    w.session = SESSION;
    feed(w);
    SAID("show 2.1 v2; cursor 2 send; >ack 2 oldest 1");
    close_world();
}

static void applies_in_order_and_once(void) /* L2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(2, ENTRY_DELETE, MSG(1), 9);
    SAID("");
    CU_ASSERT_TRUE(readable(MSG(1)));
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 2);
    close_world();
}

static void gap_says_hello_once(void) /* L2 */
{
    open_joined(0);
    entry(4, ENTRY_SEND, MSG(1), 4);
    SAID(">hello g1 e1 p1 op1");
    CU_ASSERT_EQUAL(world.out.wake_at_us, world.now_us + world.policy.retry_us);
    entry(5, ENTRY_SEND, MSG(2), 5);
    SAID("");
    CU_ASSERT_FALSE(row_of(MSG(1)).found);
    close_world();
}

static void other_epoch_is_ignored(void)
{
    open_joined(0);
    struct wire w = entry_wire(2, ENTRY_SEND, MSG(1), 2);
    w.epoch = 2;
    feed(w);
    SAID("");
    close_world();
}

static void beat_asks_when_behind_else_acknowledges(void) /* L8, F1 */
{
    open_joined(0);
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 1});
    SAID(">ack 1 oldest 1");
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 0});
    SAID(">hello g1 e1 p1 op1");
    welcome(1);
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 3});
    SAID(">hello g1 e1 p1 op1");
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 3});
    SAID("");
    close_world();
}

static void acknowledges_within_a_page(void)
{
    open_joined(0);
    world.policy.page = 4;
    for (uint64_t position = 2; position <= 4; position++) {
        struct wire w = entry_wire(position, ENTRY_VOID, 0, 0);
        w.head = 50;
        feed(w);
    }
    SAID("cursor 4 void; >ack 4 oldest 1");
    close_world();
}

static void hostile_messages_change_nothing(void)
{
    open_joined(0);
    struct wire bad[] = {{.kind = 200},
                         {.kind = WIRE_HELLO},
                         entry_wire(0, ENTRY_SEND, MSG(1), 2),
                         entry_wire(2, ENTRY_SEND, MSG(1), 2),
                         page_wire(0, 1, ENTRY_ITEM_CONV, 0, 5),
                         page_wire(2, 1, ENTRY_ITEM_CONV, 0, 5),
                         page_wire(1, 1, ENTRY_SEND, MSG(1), 5),
                         {.kind = WIRE_ANSWER, .op = 1, .outcome = 99},
                         {.kind = WIRE_ANSWER, .op = 77, .outcome = OUTCOME_ACCEPTED}};
    bad[3].body.len = TEXT_BYTES_MAX + 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        feed(bad[i]);
        SAID("");
    }
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 1);
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_MESSAGE}), E_INVALID);
    close_world();
}

/* One entry that makes no sense here must not hold up what follows it. */
static void a_poisoned_entry_moves_the_cursor_and_nothing_else(void)
{
    open_joined(0);
    feed(entry_wire(2, ENTRY_ITEM_CONV, 0, 5));
    SAID("cursor 2 item-conversation; >ack 2 oldest 1");
    feed(entry_wire(3, (enum entry)99, MSG(1), 6)); /* of a younger server */
    SAID("cursor 3 void; >ack 3 oldest 1");
    feed(entry_wire(4, ENTRY_SEND, 0, 7));
    SAID("cursor 4 send; >ack 4 oldest 1");
    feed(entry_wire(5, ENTRY_SEND, MSG(1), 0));
    SAID("cursor 5 send; >ack 5 oldest 1");
    feed(entry_wire(6, ENTRY_SEND, MSG(2), 8));
    SAID("show 2.2 v8; cursor 6 send; >ack 6 oldest 1");
    close_world();
}

/* ---- entries ---- */

static void larger_version_wins_per_target(void) /* D4 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 5);
    SAID("hide 2.1 deletion v5; cursor 3 delete; >ack 3 oldest 1");
    entry(4, ENTRY_UNDO, MSG(1), 4);
    SAID("cursor 4 undo; >ack 4 oldest 1");
    entry(5, ENTRY_UNDO, MSG(1), 6);
    SAID("show 2.1 v6; cursor 5 undo; >ack 5 oldest 1");
    close_world();
}

static void deletion_before_its_target_holds(void)
{
    open_joined(0);
    entry(2, ENTRY_DELETE, MSG(1), 5);
    SAID("cursor 2 delete; >ack 2 oldest 1");
    entry(3, ENTRY_SEND, MSG(1), 2);
    SAID("cursor 3 send; >ack 3 oldest 1");
    CU_ASSERT_FALSE(readable(MSG(1)));
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, MSG(1)), 5);
    close_world();
}

static void purge_drops_the_row(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    entry(4, ENTRY_PURGE, MSG(1), 3);
    SAID("cursor 4 purge; >ack 4 oldest 1");
    CU_ASSERT_FALSE(row_of(MSG(1)).found);
    close_world();
}

static void eviction_takes_the_conversation_and_keeps_the_draft(void) /* M2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    person(OPERATION_SEND, CONV, 0, "mine");
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    entry(3, ENTRY_EVICT, 0, 3);
    SAID("hide 1.1 eviction v3; hide 2.1 eviction v3; cursor 3 evict; >ack 3 oldest 1");
    CU_ASSERT_EQUAL(conv_of().conv, 0);
    answer(1, OUTCOME_REFUSED, WHY_NOT_A_MEMBER, 0);
    SAID("answered 1 refused");
    entry(4, ENTRY_SEND, MSG(2), 4);
    SAID("cursor 4 send; >ack 4 oldest 2");
    entry(5, ENTRY_JOIN, 0, 5);
    CU_ASSERT_TRUE(conv_of().typing);
    close_world();
}

static void conversation_undo_leaves_a_deleted_message_deleted(void) /* U6 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_SEND, MSG(2), 3);
    entry(4, ENTRY_DELETE, MSG(1), 4);
    step((struct device_input){.kind = DEVICE_LOOK, .conv = CONV});
    entry(5, ENTRY_DELETE_CONV, 0, 5);
    SAID("hide 2.2 conversation-deletion v5; notice by 20 at 500; cursor 5 delete-conversation; >ack 5 oldest 1");
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, 0), 5);
    entry(6, ENTRY_SEND, MSG(3), 6);
    SAID("cursor 6 send; >ack 6 oldest 1");
    entry(7, ENTRY_UNDO_CONV, 0, 7);
    SAID("show 2.2 v3; show 2.3 v6; cursor 7 undo-conversation; >ack 7 oldest 1");
    close_world();
}

static void notice_says_that_a_draft_was_kept(void)
{
    open_joined(0);
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    entry(2, ENTRY_DELETE_CONV, 0, 2);
    SAID("notice by 20 at 500 draft; cursor 2 delete-conversation; >ack 2 oldest 1");
    entry(3, ENTRY_PURGE_CONV, 0, 3);
    CU_ASSERT_EQUAL(conv_of().conv, 0);
    close_world();
}

static const struct device_test tests[] = {
    TEST(says_hello_and_repeats_it),
    TEST(linked_device_starts_in_no_generation),
    TEST(ignores_messages_of_another_session),
    TEST(applies_in_order_and_once),
    TEST(gap_says_hello_once),
    TEST(other_epoch_is_ignored),
    TEST(beat_asks_when_behind_else_acknowledges),
    TEST(acknowledges_within_a_page),
    TEST(hostile_messages_change_nothing),
    TEST(a_poisoned_entry_moves_the_cursor_and_nothing_else),
    TEST(larger_version_wins_per_target),
    TEST(deletion_before_its_target_holds),
    TEST(purge_drops_the_row),
    TEST(eviction_takes_the_conversation_and_keeps_the_draft),
    TEST(conversation_undo_leaves_a_deleted_message_deleted),
    TEST(notice_says_that_a_draft_was_kept),
};

int suite_device(void)
{
    if (device_suite("device", tests, sizeof tests / sizeof tests[0]) != CUE_SUCCESS)
        return -1;
    return suite_device_outbox() || suite_device_reset() || suite_device_flaws() ? -1 : 0;
}
