/* test_export.c: the export of a conversation: who gets what of it, and what leaves it again. */
#include "tests/town.h"

#include <CUnit/CUnit.h>

int suite_export(void);

static struct town t;
static conv_id conv;

/* Devices 1 of user 1 (the owner), 2 and 3 of user 2, in one group on two shards; two messages a step. */
static void begin(void)
{
    town_open(&t, 2);
    t.policy.job_chunk = 2;
    conv = town_people(&t, (const user_id[]){1, 2, 2, 3}, 4);
}

static enum outcome done(device_id device, enum operation operation, msg_id target, user_id subject)
{
    return (enum outcome)town_done(&t, device, operation, conv, target, subject)->outcome;
}

static msg_id said(device_id device)
{
    return town_said(&t, device, conv);
}

struct looking {
    msg_id message;
    size_t found;
};

static int look(void *ctx, const struct device_copy *copy)
{
    struct looking *l = ctx;
    l->found += copy->copy == COPY_EXPORT && (!l->message || copy->target == l->message);
    return 0;
}

/* How many exports on the device have the message; of 0, how many items there are. */
static size_t exported(device_id device, msg_id message)
{
    struct looking l = {.message = message};
    device_copies(t.devices[device], look, &l);
    return l.found;
}

static void the_asking_device_gets_what_its_user_can_read(void)
{
    begin();
    msg_id cleared = said(1);
    CU_ASSERT_EQUAL(done(2, OPERATION_CLEAR, 0, 0), OUTCOME_ACCEPTED);
    msg_id m = said(1), gone = said(1), hidden = said(1);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, gone, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(3, OPERATION_DELETE_ME, hidden, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(2, OPERATION_EXPORT, 0, 0), OUTCOME_ACCEPTED);
    msg_id later = said(1);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(t.last[NOTE_JOB].stage, JOB_END);
    CU_ASSERT_EQUAL(exported(2, m), 1);
    CU_ASSERT_EQUAL(exported(2, gone) + exported(2, hidden) + exported(2, cleared) + exported(2, later), 0);
    CU_ASSERT_EQUAL(exported(1, 0) + exported(3, 0), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_JOB), 0);
    town_close(&t);
}

static void a_deletion_takes_it_out_of_every_export(void)
{
    begin();
    msg_id m = said(1), n = said(1);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(done(2, OPERATION_EXPORT, 0, 0), OUTCOME_ACCEPTED);
        town_advance(&t, US_PER_S);
    }
    CU_ASSERT_EQUAL(exported(2, m), 2);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(exported(2, m), 0);
    CU_ASSERT_EQUAL(done(1, OPERATION_UNDO, m, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(exported(2, m), 0); /* the file has lost it; a new export has it */
    CU_ASSERT_EQUAL(exported(2, n), 2);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(exported(2, 0), 0);
    town_close(&t);
}

/* What waits in the log for a device that is away has lost its content by the time that it comes. */
static void what_is_deleted_on_its_way_never_arrives(void)
{
    begin();
    msg_id m = said(1);
    CU_ASSERT_NOT_EQUAL(town_do(&t, 2, OPERATION_EXPORT, conv, 0, 0), 0);
    t.lose_to_device = 100;
    town_settle(&t);
    town_advance(&t, US_PER_S);
    town_disconnect(&t, 2);
    t.lose_to_device = 0;
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE, m, 0), OUTCOME_ACCEPTED);
    unsigned shows = t.notes[NOTE_SHOW];
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(exported(2, 0), 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_SHOW], shows);
    town_close(&t);
}

static void strangers_get_nothing_and_who_leaves_no_more(void)
{
    begin();
    for (int i = 0; i < 9; i++)
        said(1);
    CU_ASSERT_EQUAL(done(4, OPERATION_EXPORT, 0, 0), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(done(2, OPERATION_EXPORT, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_REMOVE, 0, 2), OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(exported(2, 0), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_JOB), 0);
    CU_ASSERT_EQUAL(done(1, OPERATION_DELETE_CONV, 0, 0), OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(done(1, OPERATION_EXPORT, 0, 0), OUTCOME_REFUSED);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_CONVERSATION_DELETED);
    town_close(&t);
}

int suite_export(void)
{
    CU_pSuite suite = CU_add_suite("export", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    ADD(the_asking_device_gets_what_its_user_can_read)
    ADD(a_deletion_takes_it_out_of_every_export)
    ADD(what_is_deleted_on_its_way_never_arrives)
    ADD(strangers_get_nothing_and_who_leaves_no_more)
    return CUE_SUCCESS;
}
