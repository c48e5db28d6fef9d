/* test_jobs.c: work in chunks over real shards: bulk deletion, retention by age, account erasure. */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_jobs(void);

static struct town t;
static conv_id conv;

/* Devices 1 of user 1 (the owner), 2 and 3 of user 2, in one group on two shards; three messages a step. */
static void begin(void)
{
    town_open(&t, 2);
    t.policy.job_chunk = 3;
    conv = town_people(&t, (const user_id[]){1, 2, 2}, 3);
}

static enum outcome done(device_id device, enum operation operation, msg_id target, user_id subject)
{
    return (enum outcome)town_done(&t, device, operation, conv, target, subject)->outcome;
}

static void write(device_id device, msg_id *messages, int count)
{
    for (int i = 0; i < count; i++)
        messages[i] = town_send(&t, device, conv);
    town_settle(&t);
}

static void a_bulk_deletion_takes_what_was_there(void)
{
    msg_id mine[10], theirs[2], later;
    begin();
    write(2, mine, 10);
    write(1, theirs, 2);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_ALL, 0, 2), OUTCOME_ACCEPTED);
    write(2, &later, 1);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(t.last[NOTE_JOB].stage, JOB_END);
    CU_ASSERT_EQUAL(t.last[NOTE_JOB].count, 10);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_FALSE(town_reads(&t, 1, mine[i]));
    CU_ASSERT(town_reads(&t, 3, theirs[0]));
    CU_ASSERT(town_reads(&t, 1, later));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_JOB), 0);
    town_close(&t);
}

static void only_with_the_right_over_all_of_them(void)
{
    msg_id mine[2];
    begin();
    write(2, mine, 2);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_ALL, 0, 1), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_ALL, 0, 0), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ALL, 0, 2), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_NOT_PERMITTED);
    t.policy.delete_message = 1; /* owners may */
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_ALL, 0, 0), OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(town_reads(&t, 3, mine[0]));
    town_close(&t);
}

static void a_deleted_conversation_can_be_emptied(void)
{
    msg_id mine[10];
    begin();
    write(2, mine, 10);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE_ALL, 0, 2), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO_CONV, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_FALSE(town_reads(&t, 1, mine[9]));
    CU_ASSERT_EQUAL(done(2, OPERATION_UNDO, mine[9], 0), OUTCOME_ACCEPTED);
    CU_ASSERT(town_reads(&t, 1, mine[9]));
    town_close(&t);
}

static enum outcome retain(device_id device, uint64_t period_us)
{
    t.period_us = period_us;
    return done(device, OPERATION_SET_RETENTION, 0, 0);
}

static void what_is_old_enough_goes_for_everybody(void)
{
    msg_id first[8], later;
    begin();
    CU_ASSERT_EQUAL(retain(1, 60 * US_PER_S), OUTCOME_ACCEPTED);
    write(2, first, 8);
    town_advance(&t, 50 * US_PER_S);
    write(1, &later, 1);
    CU_ASSERT_EQUAL(town_do(&t, 2, OPERATION_EDIT, conv, first[0], 0) != 0, true);
    town_settle(&t);
    town_advance(&t, 9 * US_PER_S);
    CU_ASSERT(town_reads(&t, 1, first[0]));
    town_advance(&t, 2 * US_PER_S);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_FALSE(town_reads(&t, 1, first[i]));
    CU_ASSERT(town_reads(&t, 3, later));
    CU_ASSERT_EQUAL(done(2, OPERATION_UNDO, first[0], 0), OUTCOME_REFUSED);
    town_advance(&t, 60 * US_PER_S);
    CU_ASSERT_FALSE(town_reads(&t, 3, later));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 0);
    town_close(&t);
}

static void a_shorter_retention_takes_what_is_too_old_by_now(void)
{
    msg_id old[8];
    begin();
    write(2, old, 8);
    town_advance(&t, 100 * US_PER_S);
    CU_ASSERT_EQUAL(retain(2, 10 * US_PER_S), OUTCOME_REFUSED); /* no owner */
    CU_ASSERT_EQUAL(retain(1, 200 * US_PER_S), OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT(town_reads(&t, 3, old[7]));
    CU_ASSERT_EQUAL(retain(1, 60 * US_PER_S), OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(town_reads(&t, 3, old[0]));
    CU_ASSERT_FALSE(town_reads(&t, 3, old[7]));
    town_close(&t);
}

static void no_retention_keeps_for_ever(void)
{
    msg_id m[2];
    begin();
    CU_ASSERT_EQUAL(retain(1, 60 * US_PER_S), OUTCOME_ACCEPTED);
    write(2, m, 1);
    CU_ASSERT_EQUAL(retain(1, 0), OUTCOME_ACCEPTED);
    write(2, m + 1, 1);
    town_advance(&t, US_PER_DAY);
    CU_ASSERT(town_reads(&t, 1, m[0]));
    CU_ASSERT(town_reads(&t, 1, m[1]));
    CU_ASSERT_EQUAL(retain(1, UINT64_MAX), OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_DAY);
    CU_ASSERT(town_reads(&t, 1, m[0]));
    town_close(&t);
}

static void an_open_window_is_taken_over(void)
{
    msg_id m;
    begin();
    CU_ASSERT_EQUAL(retain(1, 20 * US_PER_S), OUTCOME_ACCEPTED);
    write(2, &m, 1);
    town_advance(&t, 10 * US_PER_S);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE, m, 0), OUTCOME_ACCEPTED); /* undo for 30 s */
    town_advance(&t, 15 * US_PER_S);
    CU_ASSERT_EQUAL(done(2, OPERATION_UNDO, m, 0), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 0);
    town_close(&t);
}

static void an_erasure_takes_what_was_left_behind_too(void)
{
    msg_id mine[7], theirs;
    begin();
    write(2, mine, 7);
    write(1, &theirs, 1);
    CU_ASSERT_EQUAL(done(2, OPERATION_LEAVE, 0, 0), OUTCOME_ACCEPTED);
    conv_id here = conv;
    conv = 0;
    CU_ASSERT_EQUAL(done(3, OPERATION_ERASE, 0, 0), OUTCOME_ACCEPTED);
    conv = here;
    town_advance(&t, US_PER_S);
    for (int i = 0; i < 7; i++)
        CU_ASSERT_FALSE(town_reads(&t, 1, mine[i]));
    CU_ASSERT(town_reads(&t, 1, theirs));
    CU_ASSERT_EQUAL(t.last[NOTE_ERASURE].stage, JOB_END);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_JOB), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 1);
    town_close(&t);
}

static int count_quote(void *ctx, const struct device_copy *copy)
{
    int *count = ctx;
    *count += copy->copy == COPY_QUOTE;
    return 0;
}

static int quotes_on(device_id device)
{
    int count = 0;
    device_copies(t.devices[device], count_quote, &count);
    return count;
}

static int count_logged_quote(void *ctx, const struct row *row)
{
    int *count = ctx;
    *count += (row->c[LOG_words] & 0xff) == ENTRY_QUOTE && row->body.len > 0;
    return 0;
}

static int logged_quotes(void)
{
    int count = 0;
    for (shard_id s = 0; s < t.shard_count; s++) {
        struct store_range all = {.table = TABLE_LOG, .index = INDEX_PRIMARY};
        t.stores[s]->ops->scan(t.stores[s], &all, count_logged_quote, &count);
    }
    return count;
}

/* User 2 wrote seven messages; one is purged; user 1 keeps quotes of all, and user 2 one of user 1's. */
static void write_kept_quotes(void)
{
    msg_id theirs[7], replies[7], mine;
    begin();
    t.policy.quotes = 1;
    write(2, theirs, 7);
    for (int i = 0; i < 7; i++)
        replies[i] = town_reply(&t, 1, conv, theirs[i]);
    write(1, &mine, 1);
    town_reply(&t, 3, conv, mine);
    town_settle(&t);
    CU_ASSERT_NOT_EQUAL(replies[6], 0);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE, theirs[0], 0), OUTCOME_ACCEPTED);
    town_advance(&t, 40 * US_PER_S);
    CU_ASSERT_EQUAL(quotes_on(1), 8);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_QUOTE), 8);
}

static enum outcome erase_user_2(void)
{
    conv_id here = conv;
    conv = 0;
    enum outcome outcome = done(2, OPERATION_ERASE, 0, 0);
    conv = here;
    town_advance(&t, US_PER_S);
    return outcome;
}

static void an_erasure_takes_kept_quotes_of_the_author(void)
{
    write_kept_quotes();
    town_disconnect(&t, 1);
    CU_ASSERT_EQUAL(erase_user_2(), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_QUOTE), 0); /* user 2's own reply went with its quote */
    CU_ASSERT_EQUAL(logged_quotes(), 0);
    CU_ASSERT_EQUAL(quotes_on(1), 8); /* it was away */
    town_connect(&t, 1);
    town_settle(&t);
    CU_ASSERT_EQUAL(quotes_on(1), 0);
    CU_ASSERT_EQUAL(t.last[NOTE_ERASURE].stage, JOB_END);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_JOB), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    town_close(&t);
}

static void a_hold_keeps_the_bytes_of_such_quotes(void)
{
    write_kept_quotes();
    shard_id home = shard_of_conv(&t.policy, conv, 2);
    struct row hold = {.c = {[LEGAL_HOLD_kind] = 1, [LEGAL_HOLD_id] = conv, [LEGAL_HOLD_version] = 1}};
    CU_ASSERT_EQUAL(t.vaults[home]->ops->begin(t.vaults[home]), 0);
    CU_ASSERT_EQUAL(t.vaults[home]->ops->put(t.vaults[home], TABLE_LEGAL_HOLD, &hold), 0);
    CU_ASSERT_EQUAL(t.vaults[home]->ops->commit(t.vaults[home]), 0);
    CU_ASSERT_EQUAL(erase_user_2(), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(quotes_on(1), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 7);
    CU_ASSERT_EQUAL(t.vaults[home]->ops->begin(t.vaults[home]), 0);
    CU_ASSERT_EQUAL(t.vaults[home]->ops->del(t.vaults[home], TABLE_LEGAL_HOLD, &hold), 0);
    CU_ASSERT_EQUAL(t.vaults[home]->ops->commit(t.vaults[home]), 0);
    town_restart(&t, home);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    town_close(&t);
}

static void a_closed_account_does_nothing_any_more(void)
{
    msg_id m;
    begin();
    write(2, &m, 1);
    CU_ASSERT_EQUAL(done(2, OPERATION_DELETE, m, 0), OUTCOME_ACCEPTED);
    conv_id here = conv;
    conv = 0;
    CU_ASSERT_EQUAL(done(2, OPERATION_ERASE, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_ERASE, 0, 0), OUTCOME_REFUSED);
    conv = here;
    CU_ASSERT_EQUAL(done(3, OPERATION_SEND, 0, 0), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_ACCOUNT_CLOSED);
    CU_ASSERT_EQUAL(done(1, OPERATION_ADD, 0, 2), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_ACCOUNT_CLOSED);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 0); /* the open window was taken over */
    town_close(&t);
}

int suite_jobs(void)
{
    CU_pSuite suite = CU_add_suite("jobs", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    ADD(a_bulk_deletion_takes_what_was_there)
    ADD(only_with_the_right_over_all_of_them)
    ADD(a_deleted_conversation_can_be_emptied)
    ADD(what_is_old_enough_goes_for_everybody)
    ADD(a_shorter_retention_takes_what_is_too_old_by_now)
    ADD(no_retention_keeps_for_ever)
    ADD(an_open_window_is_taken_over)
    ADD(an_erasure_takes_what_was_left_behind_too)
    ADD(an_erasure_takes_kept_quotes_of_the_author)
    ADD(a_hold_keeps_the_bytes_of_such_quotes)
    ADD(a_closed_account_does_nothing_any_more)
    return CUE_SUCCESS;
}
