/* test_search.c: the search index over real shards and devices: what it finds, what it forgets, and how far it reads.
 */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_search(void);

#define LAG (5 * US_PER_S)
#define WINDOW (30 * US_PER_S)

static struct town t;
static conv_id conv;

/* Device 1 of user 1 (the owner), 2 and 3 of user 2, in one group on two shards. */
static void begin(void)
{
    town_open(&t, 2);
    t.policy.search = 1;
    t.policy.search_lag_us = LAG;
    conv = town_people(&t, (const user_id[]){1, 2, 2}, 3);
}

static void done(device_id device, enum operation operation, msg_id target, user_id subject)
{
    CU_ASSERT_NOT_EQUAL(town_do(&t, device, operation, conv, target, subject), 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].outcome, OUTCOME_ACCEPTED);
}

struct found {
    user_id user;
    msg_id message;
    size_t words, marks;
};

static int count(void *ctx, const struct row *row)
{
    struct found *f = ctx;
    if (row->c[TOKEN_user] == f->user && row->c[TOKEN_message] == f->message) {
        f->words += row->c[TOKEN_hash] != 0;
        f->marks += row->c[TOKEN_hash] == 0;
    }
    return 0;
}

static struct found find(user_id user, msg_id message)
{
    struct found f = {.user = user, .message = message};
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_PRIMARY};
    for (uint32_t i = 0; i < t.shard_count; i++)
        CU_ASSERT_EQUAL(t.stores[i]->ops->scan(t.stores[i], &range, count, &f), 0);
    return f;
}

static msg_id said(device_id device)
{
    return town_said(&t, device, conv);
}

static void what_is_sent_is_found_after_the_lag(void)
{
    begin();
    msg_id m = said(1);
    CU_ASSERT_EQUAL(find(2, m).words, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT(find(1, m).words > 0);
    CU_ASSERT_EQUAL(find(2, m).words, find(1, m).words);
    town_close(&t);
}

static void nothing_is_indexed_unless_the_policy_says_so(void)
{
    begin();
    town_close(&t);
    town_open(&t, 1);
    town_user(&t, 1);
    town_device(&t, 1, 1, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 1);
    town_connect(&t, 1);
    said(1);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_TOKEN), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_READER), 0);
    town_close(&t);
}

static void a_deletion_is_followed_and_an_undo_too(void)
{
    begin();
    msg_id m = said(1), quick;
    town_advance(&t, LAG + 1);
    size_t words = find(2, m).words;
    done(1, OPERATION_DELETE, m, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(1, m).words + find(2, m).words, 0);
    done(1, OPERATION_UNDO, m, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(2, m).words, words);
    quick = said(1); /* sent and deleted within one lag */
    done(1, OPERATION_DELETE, quick, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(2, quick).words, 0);
    town_close(&t);
}

static void what_one_hides_for_oneself_is_not_found_again(void)
{
    begin();
    msg_id m = said(1), cleared = said(1);
    town_advance(&t, LAG + 1);
    done(2, OPERATION_DELETE_ME, m, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(2, m).words, 0);
    CU_ASSERT(find(1, m).words > 0);
    done(2, OPERATION_CLEAR, 0, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(2, cleared).words, 0);
    CU_ASSERT(find(1, cleared).words > 0);
    done(1, OPERATION_DELETE, m, 0);
    done(1, OPERATION_UNDO, m, 0);
    done(1, OPERATION_DELETE, cleared, 0);
    done(1, OPERATION_UNDO, cleared, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT(find(1, m).words > 0);
    CU_ASSERT_EQUAL(find(2, m).words + find(2, cleared).words, 0);
    msg_id later = said(1);
    town_advance(&t, LAG + 1);
    CU_ASSERT(find(2, later).words > 0);
    town_close(&t);
}

static void removal_and_purge_leave_nothing(void)
{
    begin();
    msg_id m = said(1), n = said(1);
    town_advance(&t, LAG + 1);
    done(2, OPERATION_DELETE_ME, n, 0);
    done(1, OPERATION_DELETE, m, 0);
    town_advance(&t, WINDOW + LAG + 1);
    CU_ASSERT_EQUAL(find(1, m).words + find(2, m).words, 0);
    CU_ASSERT_EQUAL(find(2, n).marks, 1);
    done(1, OPERATION_REMOVE, 0, 2);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(find(2, n).marks, 0);
    CU_ASSERT(find(1, n).words > 0);
    done(1, OPERATION_DELETE_CONV, 0, 0);
    town_advance(&t, WINDOW + LAG + 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_TOKEN), 0);
    town_close(&t);
}

static void a_crash_loses_and_repeats_nothing(void)
{
    begin();
    msg_id messages[40];
    for (int i = 0; i < 40; i++) /* more than one step reads */
        messages[i] = said(1);
    t.now_us += LAG + 1;
    t.crash_next = true;
    town_advance(&t, LAG + 1);
    for (shard_id i = 0; i < 2; i++)
        town_restart(&t, i);
    town_advance(&t, LAG + 1);
    for (int i = 0; i < 40; i++)
        CU_ASSERT(find(2, messages[i]).words > 0);
    town_close(&t);
}

/* The log is kept for the reader, as for a device; and not for ever. */
static void it_holds_the_log_until_it_is_fenced(void)
{
    begin();
    t.policy.search_lag_us = 2 * t.policy.fence_after_us;
    town_advance(&t, LAG + 1);
    said(1);
    town_advance(&t, US_PER_S);
    size_t kept = town_rows(&t, TABLE_LOG);
    CU_ASSERT(kept >= 2);
    town_advance(&t, t.policy.fence_after_us + US_PER_DAY);
    said(1);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LOG), 0);
    t.policy.search_lag_us = LAG;
    town_advance(&t, 2 * t.policy.fence_after_us); /* it wakes, out of range, and starts again from the horizon */
    msg_id m = said(1);
    town_advance(&t, LAG + 1);
    CU_ASSERT(find(2, m).words > 0);
    town_close(&t);
}

/* What the shard answers device 2 when it asks for the word. */
static size_t answers(const char *word, msg_id message)
{
    struct wire w = {.kind = WIRE_SEARCH, .device = 2, .session = t.sessions[2]};
    while (word[w.body.len])
        w.body.len++;
    memcpy(w.body.bytes, word, w.body.len);
    CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, 2), &w, 2, t.sessions[2]), 0);
    size_t count = 0;
    for (size_t i = 0; i < t.out.msg_count; i++)
        count += t.out.msgs[i].wire.kind == WIRE_FOUND && t.out.msgs[i].wire.target == message;
    return count;
}

static void a_device_is_told_what_has_its_word(void)
{
    begin();
    msg_id m = said(1);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(answers("hello", m), 1);
    CU_ASSERT_EQUAL(answers("  HELLO, you", m), 1);
    CU_ASSERT_EQUAL(answers("hell", m), 0);
    CU_ASSERT_EQUAL(answers("", m), 0);
    CU_ASSERT_EQUAL(answers("...", m), 0);
    done(1, OPERATION_DELETE_CONV, 0, 0);
    CU_ASSERT_EQUAL(answers("hello", m), 0); /* at once, though its words are still there */
    done(1, OPERATION_UNDO_CONV, 0, 0);
    CU_ASSERT_EQUAL(answers("hello", m), 1);
    done(1, OPERATION_DELETE, m, 0);
    town_advance(&t, LAG + 1);
    CU_ASSERT_EQUAL(answers("hello", m), 0);
    town_close(&t);
}

static void no_more_is_told_than_fits(void)
{
    begin();
    msg_id last = 0;
    for (int i = 0; i < 30; i++)
        last = said(1);
    town_advance(&t, LAG + 1);
    (void)answers("hello", last);
    size_t count = 0;
    for (size_t i = 0; i < t.out.msg_count; i++)
        count += t.out.msgs[i].wire.kind == WIRE_FOUND;
    CU_ASSERT_EQUAL(count, 20);
    town_close(&t);
}

int suite_search(void)
{
    CU_pSuite suite = CU_add_suite("search", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    ADD(what_is_sent_is_found_after_the_lag)
    ADD(nothing_is_indexed_unless_the_policy_says_so)
    ADD(a_deletion_is_followed_and_an_undo_too)
    ADD(what_one_hides_for_oneself_is_not_found_again)
    ADD(removal_and_purge_leave_nothing)
    ADD(a_crash_loses_and_repeats_nothing)
    ADD(it_holds_the_log_until_it_is_fenced)
    ADD(a_device_is_told_what_has_its_word)
    ADD(no_more_is_told_than_fits)
    return CUE_SUCCESS;
}
