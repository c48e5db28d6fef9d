/* test_copies.c: replies, quotes, threads, drafts, read marks and cascades, over real shards and devices. */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_copies(void);

#define WINDOW (30 * US_PER_S)

static struct town t;
static conv_id conv;

/* Devices 1 and 2 of user 1, 3 of user 2, in one group on two shards; everything that devices derive is on. */
static void begin(uint64_t quotes)
{
    town_open(&t, 2);
    t.policy.copies = 1;
    t.policy.quotes = quotes;
    town_user(&t, 1);
    town_user(&t, 2);
    town_user(&t, 3);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 1, false);
    town_device(&t, 3, 2, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 3; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static msg_id said(device_id device)
{
    return town_said(&t, device, conv);
}

static enum outcome done(device_id device, enum operation operation, msg_id target)
{
    return (enum outcome)town_done(&t, device, operation, conv, target, 0)->outcome;
}

static enum outcome replied(device_id device, msg_id to, msg_id *reply)
{
    *reply = town_reply(&t, device, conv, to);
    town_settle(&t);
    return (enum outcome)t.last[NOTE_ANSWERED].outcome;
}

struct looked {
    enum copy copy;
    msg_id target, via;
    unsigned count;
    struct text text;
};

static int look(void *ctx, const struct device_copy *copy)
{
    struct looked *l = ctx;
    if (copy->copy == l->copy && copy->target == l->target && copy->via == l->via) {
        l->count++;
        l->text = copy->text;
    }
    return 0;
}

static unsigned copies(device_id device, enum copy copy, msg_id target, msg_id via)
{
    struct looked l = {.copy = copy, .target = target, .via = via};
    device_copies(t.devices[device], look, &l);
    return l.count;
}

static void a_quote_follows_what_it_quotes(void)
{
    begin(0);
    msg_id m = said(1), r;
    CU_ASSERT_EQUAL(replied(3, m, &r), OUTCOME_ACCEPTED);
    town_device(&t, 4, 1, true); /* by a reset */
    town_connect(&t, 4);
    town_settle(&t);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT_EQUAL(copies(d, COPY_QUOTE, m, r), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT_EQUAL(copies(d, COPY_QUOTE, m, r), 0);
    CU_ASSERT(town_reads(&t, 3, r));
    msg_id late;
    CU_ASSERT_EQUAL(replied(3, m, &late), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_TARGET_DELETED);
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO, m), OUTCOME_ACCEPTED);
    for (device_id d = 1; d <= 4; d++)
        CU_ASSERT_EQUAL(copies(d, COPY_QUOTE, m, r), 1);
    town_close(&t);
}

static void a_late_comer_has_the_quote_and_not_the_message(void)
{
    begin(0);
    msg_id m = said(1), r;
    town_device(&t, 5, 3, false);
    town_connect(&t, 5);
    town_do(&t, 1, OPERATION_ADD, conv, 0, 3);
    town_settle(&t);
    CU_ASSERT_EQUAL(replied(3, m, &r), OUTCOME_ACCEPTED);
    CU_ASSERT_FALSE(town_reads(&t, 5, m));
    CU_ASSERT_EQUAL(copies(5, COPY_QUOTE, m, r), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(5, COPY_QUOTE, m, r), 0);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_EQUAL(copies(5, COPY_QUOTE, m, r), 0);
    town_close(&t);
}

static void a_purge_leaves_no_text_in_a_quote(void)
{
    begin(0);
    msg_id m = said(1), r;
    CU_ASSERT_EQUAL(replied(3, m, &r), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_QUOTE), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_QUOTE), 1); /* that it was a reply is still known */
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 1);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, r), OUTCOME_ACCEPTED);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_QUOTE), 0);
    town_close(&t);
}

static void a_kept_quote_is_the_replys(void)
{
    begin(1);
    msg_id m = said(1), r;
    CU_ASSERT_EQUAL(replied(3, m, &r), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    town_device(&t, 4, 1, true);
    town_connect(&t, 4);
    town_settle(&t);
    CU_ASSERT_EQUAL(copies(2, COPY_QUOTE, m, r), 1);
    CU_ASSERT_EQUAL(copies(4, COPY_QUOTE, m, r), 1);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, r), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_QUOTE, m, r), 0);
    CU_ASSERT_EQUAL(copies(4, COPY_QUOTE, m, r), 0);
    town_close(&t);
}

static void replies_go_and_come_back_with_the_root(void)
{
    begin(2);
    msg_id m = said(1), r, nested, before;
    CU_ASSERT_EQUAL(replied(3, m, &r), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(replied(1, r, &nested), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(replied(3, m, &before), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, before), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m), OUTCOME_ACCEPTED);
    CU_ASSERT_FALSE(town_reads(&t, 3, r));
    CU_ASSERT_FALSE(town_reads(&t, 2, nested));
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO, m), OUTCOME_ACCEPTED);
    CU_ASSERT(town_reads(&t, 3, r));
    CU_ASSERT(town_reads(&t, 2, nested));
    CU_ASSERT_FALSE(town_reads(&t, 2, before));
    town_close(&t);
}

static void what_is_read_on_one_device_is_read_on_all(void)
{
    begin(0);
    msg_id first = said(3), second = said(3), own = said(1);
    CU_ASSERT_EQUAL(copies(2, COPY_UNREAD, first, 0), 1);
    CU_ASSERT_EQUAL(copies(2, COPY_UNREAD, own, 0), 0);
    CU_ASSERT_EQUAL(copies(3, COPY_UNREAD, own, 0), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_READ, first), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_UNREAD, first, 0), 0);
    CU_ASSERT_EQUAL(copies(2, COPY_UNREAD, second, 0), 1);
    CU_ASSERT_EQUAL(copies(3, COPY_UNREAD, own, 0), 1);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, second), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_UNREAD, second, 0), 0);
    town_device(&t, 4, 1, true);
    town_connect(&t, 4);
    town_settle(&t);
    CU_ASSERT_EQUAL(copies(4, COPY_UNREAD, first, 0), 0);
    CU_ASSERT_EQUAL(done(2, OPERATION_READ, MAKE_ID(3, 900)), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_UNKNOWN_TARGET);
    town_close(&t);
}

static void preview_and_thread_say_the_last_that_is_left(void)
{
    begin(0);
    msg_id m = said(1), first, second;
    CU_ASSERT_EQUAL(replied(3, m, &first), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(replied(3, m, &second), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_PREVIEW, second, 0), 1);
    CU_ASSERT_EQUAL(copies(2, COPY_THREAD, second, m), 1);
    CU_ASSERT_EQUAL(copies(2, COPY_THREAD, first, m), 0);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE, second), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_PREVIEW, first, 0), 1);
    CU_ASSERT_EQUAL(copies(2, COPY_THREAD, first, m), 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, COPY_PREVIEW, first, 0), 0);
    CU_ASSERT_EQUAL(copies(2, COPY_THREAD, first, m), 0);
    CU_ASSERT_EQUAL(copies(2, COPY_QUOTE, m, first), 0);
    town_close(&t);
}

static void a_quote_is_cut(void)
{
    struct text long_text = {.len = TEXT_BYTES_MAX};
    memset(long_text.bytes, 'x', TEXT_BYTES_MAX);
    CU_ASSERT_EQUAL(text_beginning(&long_text, QUOTE_BYTES).len, QUOTE_BYTES);
    struct text short_text = {.len = 3, .bytes = "abc"};
    CU_ASSERT_EQUAL(text_beginning(&short_text, QUOTE_BYTES).len, 3);
}

int suite_copies(void)
{
    CU_pSuite suite = CU_add_suite("copies", NULL, NULL);
#define TEST(f) CU_add_test(suite, #f, f)
    bool made = suite && TEST(a_quote_follows_what_it_quotes) && TEST(a_late_comer_has_the_quote_and_not_the_message) &&
                TEST(a_purge_leaves_no_text_in_a_quote) && TEST(a_kept_quote_is_the_replys) &&
                TEST(replies_go_and_come_back_with_the_root) && TEST(what_is_read_on_one_device_is_read_on_all) &&
                TEST(preview_and_thread_say_the_last_that_is_left) && TEST(a_quote_is_cut);
#undef TEST
    return made ? 0 : -1;
}
