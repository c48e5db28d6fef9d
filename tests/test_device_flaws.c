/*
 * test_device_flaws.c: the device alone: flaws, each of which changes the answer that the test of its rule expects; and
 * whatever arrives (device_world.h).
 */
#include "tests/device_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

int suite_device_flaws(void);

/* ---- flaws: each changes the answer that the test of its rule expects ---- */

#ifndef NO_FLAWS
#define FLAWED(id) FLAW_BIT(FLAW_##id)

static void flaw_gap_skipped(void)
{
    open_joined(FLAWED(GAP_SKIPPED));
    entry(4, ENTRY_SEND, MSG(1), 4);
    SAID("show 2.1 v4; cursor 4 send; >ack 4 oldest 1");
    close_world();
}

static void flaw_cursor_first(void)
{
    open_joined(FLAWED(CURSOR_FIRST));
    entry(2, ENTRY_SEND, MSG(1), 2);
    SAID("cursor 2 send; >ack 2 oldest 1");
    CU_ASSERT_EQUAL(world.out.wake_at_us, world.now_us);
    step((struct device_input){.kind = DEVICE_TIMER});
    SAID("show 2.1 v2");
    entry(3, ENTRY_DELETE, MSG(1), 3);
    device_crash(world.d);
    CU_ASSERT_TRUE(readable(MSG(1)));
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 3);
    close_world();
}

static void flaw_hide_keeps_row(void)
{
    open_joined(FLAWED(HIDE_KEEPS_ROW));
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    SAID("hide 2.1 deletion v3; cursor 3 delete; >ack 3 oldest 1");
    CU_ASSERT_TRUE(readable(MSG(1)));
    close_world();
}

static void flaw_reset_keeps_rows(void)
{
    open_joined(FLAWED(RESET_KEEPS_ROWS));
    entry(2, ENTRY_SEND, MSG(1), 2);
    announce_reset();
    reset_to(20, 0, 0);
    SAID("install 5 g2 e1 p40; >ack 40 oldest 1");
    CU_ASSERT_TRUE(readable(MSG(1)));
    close_world();
}

static void flaw_partial_install(void)
{
    open_joined(FLAWED(PARTIAL_INSTALL));
    entry(2, ENTRY_SEND, MSG(1), 2);
    page(1, 2, ENTRY_ITEM_CONV, 0, 20);
    SAID("install 5 g2 e1 p40; hide 2.1 reset; >ack 40 oldest 1");
    page(2, 2, ENTRY_ITEM_MESSAGE, MSG(1), 2);
    CU_ASSERT_FALSE(readable(MSG(1)));
    close_world();
}

static void flaw_delete_sticky(void)
{
    open_joined(FLAWED(DELETE_STICKY));
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    entry(4, ENTRY_UNDO, MSG(1), 4);
    SAID("cursor 4 undo; >ack 4 oldest 1");
    close_world();
}

static void flaw_arrival_order_wins(void)
{
    open_joined(FLAWED(ARRIVAL_ORDER_WINS));
    entry(2, ENTRY_DELETE, MSG(1), 5);
    entry(3, ENTRY_SEND, MSG(1), 2);
    SAID("show 2.1 v2; cursor 3 send; >ack 3 oldest 1");
    close_world();
}

static void flaw_answer_shows(void)
{
    open_joined(FLAWED(ANSWER_SHOWS));
    person(OPERATION_SEND, CONV, 0, "mine");
    entry(2, ENTRY_SEND, OWN(1), 2);
    entry(3, ENTRY_DELETE, OWN(1), 3);
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 2);
    SAID("answered 1 accepted; show 1.1 v2");
    CU_ASSERT_TRUE(readable(OWN(1)));
    close_world();
}

static void flaw_pending_dropped(void)
{
    open_joined(FLAWED(PENDING_DROPPED));
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 3);
    SAID("answered 1 accepted; show 2.1 v2");
    close_world();
}

static void flaw_push_without_sync(void)
{
    open_world(FLAWED(PUSH_WITHOUT_SYNC), false);
    connect_as(SESSION);
    welcome(9);
    SAID("cursor 9 void");
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 9);
    close_world();
}

#endif

/* ---- whatever arrives ---- */

#define MSGS 6
static uint64_t luck;

static uint32_t draw(uint32_t below)
{
    luck = luck * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(luck >> 33) % below;
}

/* What the notes say is readable: ids of two authors, one conversation. */
static bool claimed[2][64];

static void believe_notes(void)
{
    for (size_t i = 0; i < world.out.note_count; i++) {
        const struct note *n = &world.out.notes[i];
        if (n->kind == NOTE_SHOW || n->kind == NOTE_HIDE)
            claimed[ID_DEVICE(n->target) - 1][ID_OP(n->target) % 64] = n->kind == NOTE_SHOW;
    }
}

static int visit_claim(void *ctx, const struct device_row *row)
{
    size_t *count = ctx;
    *count += row->readable;
    return row->readable != claimed[ID_DEVICE(row->target) - 1][ID_OP(row->target) % 64];
}

static bool claims_are_true(void)
{
    size_t readable_count = 0, claimed_count = 0;
    if (device_rows(world.d, visit_claim, &readable_count))
        return false;
    for (size_t i = 0; i < 64; i++)
        claimed_count += (size_t)claimed[0][i] + claimed[1][i];
    return readable_count == claimed_count;
}

static struct wire random_wire(version next)
{
    struct device_state state = device_inspect(world.d);
    bool own = draw(2) == 0 && state.next_op > 1;
    msg_id target = own ? OWN(1 + draw(state.next_op - 1)) : MSG(1 + draw(MSGS));
    enum entry kind = (enum entry)(1 + draw(ENTRY_VOID));
    struct wire w = entry_wire(state.cursor + 1, kind, target, next - draw(3));
    switch (draw(8)) {
        case 0:
            w = (struct wire){.kind = WIRE_ANSWER, .op = 1 + draw(state.next_op), .version = next};
            w.early = draw(2) != 0;
            w.outcome = (uint8_t)(1 + draw(3));
            break;
        case 1:
            w = page_wire(1 + draw(3), 3, ENTRY_ITEM_CONV, 0, next);
            if (draw(4) == 0)
                w.entry = ENTRY_ITEM_NONE;
            w.reset_id = 1 + (uint32_t)next / 20;
            w.position = w.reset_id;
            w.flags = draw(4) == 0;
            if (w.page > 1)
                w.entry = ENTRY_ITEM_MESSAGE;
            w.target = target;
            break;
        case 2:
            w = (struct wire){.kind = WIRE_WELCOME, .generation = 1, .epoch = 1, .head = state.cursor + draw(2)};
            break;
        default:
            w.epoch = state.epoch;
    }
    w.session = SESSION;
    return w;
}

static void notes_agree_with_the_view_whatever_arrives(void)
{
    for (uint32_t seed = 1; seed <= 300; seed++) {
        luck = seed;
        memset(claimed, 0, sizeof claimed);
        open_joined(0);
        bool agree = true;
        for (version next = 4; next < 204 && agree; next++) {
            struct wire w = random_wire(next);
            if (draw(6) == 0 && device_inspect(world.d).next_op < 60)
                person((enum operation)(1 + draw(OPERATION_COUNT - 1)), CONV, w.target ? w.target : MSG(1), "x");
            else
                feed(w);
            believe_notes();
            agree = claims_are_true();
        }
        if (!agree)
            printf("\n    seed %u: the view is not what the notes say\n", seed);
        CU_ASSERT_TRUE(agree);
        close_world();
    }
}

static const struct device_test tests[] = {
    TEST(notes_agree_with_the_view_whatever_arrives),
#ifndef NO_FLAWS
    TEST(flaw_gap_skipped),
    TEST(flaw_cursor_first),
    TEST(flaw_hide_keeps_row),
    TEST(flaw_reset_keeps_rows),
    TEST(flaw_partial_install),
    TEST(flaw_delete_sticky),
    TEST(flaw_arrival_order_wins),
    TEST(flaw_answer_shows),
    TEST(flaw_pending_dropped),
    TEST(flaw_push_without_sync),
#endif
};

int suite_device_flaws(void)
{
    return device_suite("device_flaws", tests, sizeof tests / sizeof tests[0]);
}
