/* test_hold.c: legal holds over real shards and devices: what waits, what does not, and what goes on. */
#include "sim/held_text.h"
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_hold(void);

#define WINDOW (30 * US_PER_S)
#define OFFICER 3

static struct town t;
static conv_id conv, other;

/* Users 1 and 2 in two groups, user 3 an officer in none; device d is of user d. */
static void begin(void)
{
    town_open(&t, 2);
    for (device_id d = 1; d <= 3; d++) {
        town_user(&t, d);
        town_device(&t, d, d, false);
    }
    for (shard_id s = 0; s < 2; s++) {
        struct shard_input input = {.kind = SHARD_PROVISION_OFFICER, .user = OFFICER, .now_us = t.now_us};
        CU_ASSERT_EQUAL(shard_step(t.shards[s], &input, &t.out), 0);
    }
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    other = town_conversation(&t, 2, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 3; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static enum why done(device_id device, enum operation operation, conv_id where, msg_id target, user_id subject)
{
    return (enum why)town_done(&t, device, operation, where, target, subject)->why;
}

static msg_id said(conv_id where)
{
    return town_said(&t, 1, where);
}

static bool readable(conv_id where, msg_id target)
{
    shard_id home = shard_of_conv(&t.policy, where, 2);
    struct row message = {.c = {[MESSAGE_conv] = where, [MESSAGE_id] = target}};
    return t.stores[home]->ops->get(t.stores[home], TABLE_MESSAGE, &message) == 0 && message.body.len > 0 &&
           held_text_digest(t.vaults[home], &message) != 0;
}

static void a_hold_keeps_the_bytes_and_not_the_visibility(void)
{
    begin();
    msg_id m = said(conv), free = said(other);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    done(1, OPERATION_DELETE, conv, m, 0);
    done(1, OPERATION_DELETE, other, free, 0);
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT(readable(conv, m));
    CU_ASSERT_FALSE(readable(other, free));
    CU_ASSERT_EQUAL(t.notes[NOTE_PARK], 1);
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO, conv, m, 0), WHY_WINDOW_CLOSED);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(readable(conv, m));
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_PARKED), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LEGAL_HOLD), 0);
    town_close(&t);
}

static void two_holds_must_both_be_released(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, 0, 0, 2), WHY_NONE);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LEGAL_HOLD), 3); /* the user's is on each shard */
    done(1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT(readable(conv, m));
    CU_ASSERT_EQUAL(t.notes[NOTE_PARK], 2);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, 0, 0, 2), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(readable(conv, m));
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1);
    town_close(&t);
}

static void a_hold_placed_again_outlives_the_release_under_way(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    done(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    town_do(&t, OFFICER, OPERATION_RELEASE, conv, 0, 0); /* both are decided before the release's timer is due */
    town_do(&t, OFFICER, OPERATION_HOLD, conv, 0, 0);
    town_settle(&t);
    town_advance(&t, 5 * US_PER_S);
    CU_ASSERT(readable(conv, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_PARKED), 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LEGAL_HOLD), 1);
    town_close(&t);
}

static void only_officers_and_only_what_is_there(void)
{
    begin();
    CU_ASSERT_EQUAL(done(1, OPERATION_HOLD, conv, 0, 0), WHY_NOT_PERMITTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_HOLD, 0, 0, 2), WHY_NOT_PERMITTED);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NOT_HELD);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, 0, 0, 99), WHY_UNKNOWN_TARGET);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, MAKE_ID(1, 900), 0, 0), WHY_UNKNOWN_CONVERSATION);
    CU_ASSERT_EQUAL(town_do(&t, OFFICER, OPERATION_HOLD, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, OFFICER, OPERATION_HOLD, conv, 0, 2), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LEGAL_HOLD), 0);
    done(1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_CONVERSATION_GONE); /* it came too late */
    town_close(&t);
}

static void a_restart_lets_go_on_what_no_hold_keeps(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    done(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    shard_id home = shard_of_conv(&t.policy, conv, 2);
    struct store *vault = t.vaults[home]; /* as if main had been restored from before the release */
    struct row hold = {.c = {[LEGAL_HOLD_kind] = 1, [LEGAL_HOLD_id] = conv}};
    CU_ASSERT_EQUAL(vault->ops->begin(vault), 0);
    CU_ASSERT_EQUAL(vault->ops->del(vault, TABLE_LEGAL_HOLD, &hold), 0);
    CU_ASSERT_EQUAL(vault->ops->commit(vault), 0);
    town_restart(&t, home);
    town_advance(&t, US_PER_S);
    CU_ASSERT_FALSE(readable(conv, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_PARKED), 0);
    town_close(&t);
}

/* How many texts are kept that an edit replaced, and can be read. */
static int readable_former(conv_id where)
{
    shard_id home = shard_of_conv(&t.policy, where, 2);
    int count = 0;
    for (uint64_t kind = 1; kind <= 2; kind++) {
        struct store_range range = {.table = TABLE_FORMER, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
        range.key[0] = kind;
        struct row former;
        while (store_first(t.stores[home], &range, &former) == 0) {
            count += former.c[FORMER_conv] == where && held_text_former(t.vaults[home], &former) != 0;
            range.given = 5;
            memcpy(range.key, former.c, sizeof range.key);
            range.key[4]++;
        }
    }
    return count;
}

static void an_edit_under_a_hold_keeps_what_was_said_before(void)
{
    begin();
    msg_id m = said(conv), free = said(other);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE); /* before the hold: nobody keeps it */
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, other, free, 0), WHY_NONE);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 2);
    CU_ASSERT_EQUAL(readable_former(conv), 2);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    town_close(&t);
}

static void what_two_holds_keep_passes_to_the_second(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, 0, 0, 2), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(readable_former(conv), 1);
    done(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(readable_former(conv), 1); /* the purge waits too */
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, 0, 0, 2), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    CU_ASSERT_FALSE(readable(conv, m));
    town_close(&t);
}

static void a_restart_lets_former_texts_go_that_no_hold_keeps(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE);
    shard_id home = shard_of_conv(&t.policy, conv, 2);
    struct store *vault = t.vaults[home];
    struct row hold = {.c = {[LEGAL_HOLD_kind] = 1, [LEGAL_HOLD_id] = conv}};
    CU_ASSERT_EQUAL(vault->ops->begin(vault), 0);
    CU_ASSERT_EQUAL(vault->ops->del(vault, TABLE_LEGAL_HOLD, &hold), 0);
    CU_ASSERT_EQUAL(vault->ops->commit(vault), 0);
    town_restart(&t, home);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    town_close(&t);
}

static void many_former_texts_go_in_chunks(void)
{
    begin();
    msg_id m = said(conv);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, conv, 0, 0), WHY_NONE);
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(done(1, OPERATION_EDIT, conv, m, 0), WHY_NONE);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 300);
    done(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, conv, 0, 0), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FORMER), 0);
    CU_ASSERT_FALSE(readable(conv, m));
    town_close(&t);
}

/* Is what was said there kept, when its window is over? */
static bool is_kept(conv_id where, msg_id target)
{
    done(1, OPERATION_DELETE, where, target, 0);
    town_advance(&t, WINDOW + US_PER_S);
    return readable(where, target);
}

static void a_users_hold_is_listed_by_conversation(void)
{
    begin();
    conv_id last = 0;
    for (uint32_t n = 3; n < 3 + 150; n++)
        last = town_conversation(&t, n, CONV_GROUP, 1, 2);
    conv_id without = town_conversation(&t, 200, CONV_GROUP, 1, 1);
    town_settle(&t);
    msg_id in_last = said(last), in_without = said(without);
    CU_ASSERT_NOT_EQUAL(town_do(&t, OFFICER, OPERATION_HOLD, 0, 0, 2), 0);
    town_settle(&t); /* it holds before it is listed */
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CUSTODY), 152);
    CU_ASSERT(is_kept(last, in_last));
    CU_ASSERT_FALSE(is_kept(without, in_without));
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_RELEASE, 0, 0, 2), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CUSTODY), 0);
    CU_ASSERT_FALSE(readable(last, in_last));
    town_close(&t);
}

static void whoever_joins_under_a_hold_is_listed_too(void)
{
    begin();
    conv_id later = town_conversation(&t, 3, CONV_GROUP, 1, 1);
    town_settle(&t);
    msg_id before = said(later);
    CU_ASSERT_EQUAL(done(OFFICER, OPERATION_HOLD, 0, 0, 2), WHY_NONE);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(done(1, OPERATION_ADD, later, 0, 2), WHY_NONE);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CUSTODY), 3);
    CU_ASSERT_EQUAL(done(1, OPERATION_REMOVE, later, 0, 2), WHY_NONE);
    CU_ASSERT(is_kept(later, before)); /* they were in it */
    town_close(&t);
}

static void a_hold_that_is_not_listed_holds_all_the_same(void)
{
    begin();
    msg_id m = said(conv);
    shard_id home = shard_of_conv(&t.policy, conv, 2);
    struct store *vault = t.vaults[home];
    struct row hold = {.c = {[LEGAL_HOLD_kind] = 2, [LEGAL_HOLD_id] = 2, [LEGAL_HOLD_version] = 1}};
    CU_ASSERT_EQUAL(vault->ops->begin(vault), 0); /* no timer will list it, until the shard starts anew */
    CU_ASSERT_EQUAL(vault->ops->put(vault, TABLE_LEGAL_HOLD, &hold), 0);
    CU_ASSERT_EQUAL(vault->ops->commit(vault), 0);
    CU_ASSERT(is_kept(conv, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CUSTODY), 0);
    town_restart(&t, home);
    town_advance(&t, US_PER_S);
    CU_ASSERT(town_rows(&t, TABLE_CUSTODY) >= 1);
    town_close(&t);
}

int suite_check_hold(void);

int suite_hold(void)
{
    CU_pSuite suite = CU_add_suite("hold", NULL, NULL);
    bool made = suite && CU_add_test(suite, "bytes", a_hold_keeps_the_bytes_and_not_the_visibility) &&
                CU_add_test(suite, "two", two_holds_must_both_be_released) &&
                CU_add_test(suite, "again", a_hold_placed_again_outlives_the_release_under_way) &&
                CU_add_test(suite, "officers", only_officers_and_only_what_is_there) &&
                CU_add_test(suite, "restart", a_restart_lets_go_on_what_no_hold_keeps) &&
                CU_add_test(suite, "edit", an_edit_under_a_hold_keeps_what_was_said_before) &&
                CU_add_test(suite, "edit_two", what_two_holds_keep_passes_to_the_second) &&
                CU_add_test(suite, "edit_restart", a_restart_lets_former_texts_go_that_no_hold_keeps) &&
                CU_add_test(suite, "edit_chunks", many_former_texts_go_in_chunks) &&
                CU_add_test(suite, "listed", a_users_hold_is_listed_by_conversation) &&
                CU_add_test(suite, "listed_joined", whoever_joins_under_a_hold_is_listed_too) &&
                CU_add_test(suite, "not_listed", a_hold_that_is_not_listed_holds_all_the_same);
    return made && suite_check_hold() == 0 ? 0 : -1;
}
