/*
 * test_device_reset.c: the device alone: resets: pages, the install, what is kept (device_world.h).
 */
#include "tests/device_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

int suite_device_reset(void);

/* ---- resets ---- */

static void reset_hides_what_the_snapshot_lacks(void) /* R4 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_SEND, MSG(2), 3);
    announce_reset();
    entry(4, ENTRY_SEND, MSG(9), 9);
    SAID("");
    reset_to(20, MSG(1), MSG(3));
    SAID("install 5 g2 e1 p40; hide 2.2 reset; show 2.3 v3; >ack 40 oldest 1");
    struct device_state state = device_inspect(world.d);
    CU_ASSERT_EQUAL(state.cursor, 40);
    CU_ASSERT_EQUAL(state.generation, 2);
    CU_ASSERT_EQUAL(world.out.wake_at_us, TIME_NEVER);
    close_world();
}

static void reset_without_a_conversation_takes_it(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_SEND, CONV, 0, "mine");
    page(1, 1, ENTRY_ITEM_NONE, 0, 0);
    SAID("install 5 g2 e1 p40; hide 1.1 reset; hide 2.1 reset; >ack 40 oldest 1");
    answer(1, OUTCOME_REFUSED, WHY_NOT_A_MEMBER, 0);
    SAID("answered 1 refused");
    close_world();
}

static void entries_that_the_snapshot_contains_are_left_out(void) /* R3 */
{
    open_joined(0);
    announce_reset();
    reset_to(20, 0, 0);
    entry(41, ENTRY_SEND, MSG(1), 20);
    SAID("cursor 41 send; >ack 41 oldest 1");
    entry(42, ENTRY_SEND, MSG(2), 21);
    SAID("show 2.2 v21; cursor 42 send; >ack 42 oldest 1");
    close_world();
}

static void staged_pages_are_resumed(void) /* R5 */
{
    open_joined(0);
    announce_reset();
    page(1, 3, ENTRY_ITEM_CONV, 0, 20);
    page(3, 3, ENTRY_ITEM_MESSAGE, MSG(2), 3);
    device_crash(world.d);
    connect_as(SESSION);
    SAID(">hello g1 e1 p1 op1 reset 5/1");
    announce_reset();
    page(1, 3, ENTRY_ITEM_CONV, 0, 20);
    page(2, 3, ENTRY_ITEM_MESSAGE, MSG(1), 2);
    SAID("");
    page(3, 3, ENTRY_ITEM_MESSAGE, MSG(2), 3);
    SAID("install 5 g2 e1 p40; show 2.1 v2; show 2.2 v3; >ack 40 oldest 1");
    close_world();
}

static void new_reset_discards_the_staged_one(void)
{
    open_joined(0);
    announce_reset();
    page(1, 2, ENTRY_ITEM_CONV, 0, 20);
    struct wire w = page_wire(1, 2, ENTRY_ITEM_CONV, 0, 21);
    w.reset_id = 6;
    feed(w);
    page(2, 2, ENTRY_ITEM_MESSAGE, MSG(1), 2);
    SAID("");
    w = page_wire(2, 2, ENTRY_ITEM_MESSAGE, MSG(1), 2);
    w.reset_id = 6;
    feed(w);
    SAID("install 6 g2 e1 p40; show 2.1 v2; >ack 40 oldest 1");
    close_world();
}

static void installed_reset_is_not_installed_again(void)
{
    open_joined(0);
    announce_reset();
    reset_to(20, MSG(1), 0);
    entry(41, ENTRY_DELETE, MSG(1), 21);
    announce_reset();
    page(1, 2, ENTRY_ITEM_CONV, 0, 20);
    SAID("");
    page(2, 2, ENTRY_ITEM_MESSAGE, MSG(1), 2);
    SAID(">ack 41 oldest 1");
    CU_ASSERT_FALSE(readable(MSG(1)));
    close_world();
}

static void reset_keeps_the_outbox(void) /* D2, D3 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    person(OPERATION_SEND, CONV, 0, "mine");
    person(OPERATION_SEND, CONV, 0, "more");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 30);
    announce_reset();
    reset_to(20, OWN(2), MSG(1));
    SAID("install 5 g2 e1 p40; show 1.2 v2; >ack 40 oldest 2");
    CU_ASSERT_FALSE(readable(MSG(1)));
    CU_ASSERT_TRUE(readable(OWN(3)));
    entry(41, ENTRY_DELETE, MSG(1), 30);
    SAID("hide 2.1 deletion v30; cursor 41 delete; >ack 41 oldest 2");
    close_world();
}

static void deleted_items_stay_hidden_and_can_be_undone(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    step((struct device_input){.kind = DEVICE_LOOK, .conv = CONV});
    announce_reset();
    struct wire w = page_wire(1, 2, ENTRY_ITEM_CONV, 0, 20);
    w.flags = ITEM_DELETED;
    w.named = 15;
    feed(w);
    w = page_wire(2, 2, ENTRY_ITEM_MESSAGE, MSG(1), 14);
    w.flags = ITEM_DELETED;
    feed(w);
    SAID("install 5 g2 e1 p40; hide 2.1 deletion v14; notice by 20 at 700; >ack 40 oldest 1");
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, 0), 15);
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, MSG(1)), 14);
    entry(41, ENTRY_UNDO_CONV, 0, 21);
    SAID("cursor 41 undo-conversation; >ack 41 oldest 1");
    close_world();
}

static void pending_conversation_deletion_hides_until_the_log_has_it(void) /* D2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE_CONV, CONV, 0, "");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 4);
    SAID("answered 1 accepted");
    entry(3, ENTRY_SEND, MSG(2), 3);
    SAID("cursor 3 send; >ack 3 oldest 2");
    entry(4, ENTRY_DELETE_CONV, 0, 4);
    SAID("hide 2.1 conversation-deletion v4; cursor 4 delete-conversation; >ack 4 oldest 2");
    close_world();
}

static void snapshot_beyond_an_accepted_operation_settles_it(void) /* D2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    person(OPERATION_SEND, CONV, 0, "purged since");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 10);
    answer(2, OUTCOME_ACCEPTED, WHY_NONE, 11);
    announce_reset();
    reset_to(20, MSG(1), 0); /* undone since */
    SAID("install 5 g2 e1 p40; hide 1.2 reset; show 2.1 v2; >ack 40 oldest 3");
    close_world();
}

static void pages_of_an_older_generation_are_ignored(void)
{
    open_joined(0);
    announce_reset();
    reset_to(20, MSG(1), 0);
    struct wire w = page_wire(1, 1, ENTRY_ITEM_NONE, 0, 0);
    w.reset_id = 4;
    w.generation = 1;
    feed(w);
    SAID("");
    CU_ASSERT_TRUE(readable(MSG(1)));
    close_world();
}

static void idle_device_is_small(void)
{
    open_joined(0);
    CU_ASSERT_TRUE(device_inspect(world.d).bytes < 768);
    close_world();
}

static const struct device_test tests[] = {
    TEST(reset_hides_what_the_snapshot_lacks),
    TEST(reset_without_a_conversation_takes_it),
    TEST(entries_that_the_snapshot_contains_are_left_out),
    TEST(staged_pages_are_resumed),
    TEST(new_reset_discards_the_staged_one),
    TEST(installed_reset_is_not_installed_again),
    TEST(reset_keeps_the_outbox),
    TEST(deleted_items_stay_hidden_and_can_be_undone),
    TEST(pending_conversation_deletion_hides_until_the_log_has_it),
    TEST(snapshot_beyond_an_accepted_operation_settles_it),
    TEST(pages_of_an_older_generation_are_ignored),
    TEST(idle_device_is_small),
};

int suite_device_reset(void)
{
    return device_suite("device_reset", tests, sizeof tests / sizeof tests[0]);
}
