/*
 * test_lives.c: a device that is restored from its backup, cloned, and given another id. User 1 has device 1 and a
 * spare, 5, that is made from its image; user 2 has device 2. Each has a connection of its own.
 */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_lives(void);

static struct town t;
static conv_id conv;

static void begin(void)
{
    town_open(&t, 2);
    for (user_id u = 1; u <= 2; u++) {
        town_user(&t, u);
        town_device(&t, u, u, false);
    }
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    town_connect(&t, 1);
    town_connect(&t, 2);
}

static msg_id said(device_id device)
{
    msg_id m = town_send(&t, device, conv);
    town_settle(&t);
    return m;
}

/* Device 1 becomes what the image was. The image is used up. */
static void restore(struct device *image)
{
    town_disconnect(&t, 1);
    device_free(t.devices[1]);
    t.devices[1] = image;
}

/* The town provisions `id`, and device 1 goes on under it, in that place. */
static void adopt(device_id id)
{
    CU_ASSERT_FATAL(device_is_retired(t.devices[1]));
    town_disconnect(&t, 1);
    town_device(&t, id, 1, true);
    device_free(t.devices[id]);
    t.devices[id] = t.devices[1];
    t.devices[1] = NULL;
    device_adopt(t.devices[id], id);
    town_connect(&t, id);
}

static size_t executed_of(device_id device, uint32_t op)
{
    size_t found = 0;
    for (shard_id s = 0; s < t.shard_count; s++) {
        struct row row = {.c = {[EXECUTED_device] = device}};
        found += t.stores[s]->ops->get(t.stores[s], TABLE_EXECUTED, &row) == 0 && row.c[EXECUTED_op] == op;
    }
    return found;
}

static void a_copy_has_all_that_is_durable_and_nothing_else(void)
{
    begin();
    said(1);
    msg_id m = said(2);
    town_do(&t, 1, OPERATION_DELETE, conv, MAKE_ID(1, 1), 0); /* in the outbox, sent */
    struct device *copy = device_copy(t.devices[1]), *original = t.devices[1];
    uint64_t before = town_device_digest(&t, 1);
    t.devices[1] = copy;
    CU_ASSERT_EQUAL(town_device_digest(&t, 1), before);
    struct wire w = {.kind = WIRE_BEAT, .session = t.sessions[1], .epoch = 1, .head = 99};
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(device_step(copy, &in, &t.out), 0);
    CU_ASSERT_EQUAL(t.out.msg_count, 0); /* it has no session */
    t.devices[1] = original;
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 1, m));
    device_free(copy);
    town_close(&t);
}

static void a_restored_device_of_which_nothing_was_accepted_since_goes_on(void)
{
    begin();
    msg_id mine = said(1), theirs = said(2);
    struct device *image = device_copy(t.devices[1]);
    town_do(&t, 2, OPERATION_DELETE, conv, theirs, 0);
    town_settle(&t);
    restore(image);
    CU_ASSERT(town_reads(&t, 1, theirs)); /* of yesterday */
    town_connect(&t, 1);
    CU_ASSERT_FALSE(device_is_retired(t.devices[1]));
    CU_ASSERT_FALSE(town_reads(&t, 1, theirs));
    CU_ASSERT(town_reads(&t, 1, mine));
    msg_id next = said(1);
    CU_ASSERT(town_reads(&t, 2, next));
    town_close(&t);
}

static void a_restored_device_that_has_forgotten_an_operation_gets_another_id(void)
{
    begin();
    struct device *image = device_copy(t.devices[1]);
    msg_id gone = said(1), stays = said(1);
    town_do(&t, 1, OPERATION_DELETE, conv, gone, 0);
    town_settle(&t);
    restore(image);
    msg_id drafted = town_send(&t, 1, conv); /* under the number of `gone` */
    CU_ASSERT_EQUAL(drafted, gone);
    town_connect(&t, 1);
    CU_ASSERT_EQUAL(t.notes[NOTE_DRAFTED], 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_ANSWER), 0);
    adopt(5);
    CU_ASSERT_FALSE(town_reads(&t, 5, gone));
    CU_ASSERT(town_reads(&t, 5, stays));
    msg_id next = said(5);
    CU_ASSERT_EQUAL(ID_DEVICE(next), 5);
    CU_ASSERT(town_reads(&t, 2, next));
    town_close(&t);
}

/* Even when what it asked for meanwhile has larger numbers than were ever accepted: it was not sent. */
static void what_was_asked_for_before_the_hello_does_not_hide_the_rewind(void)
{
    begin();
    struct device *image = device_copy(t.devices[1]);
    said(1);
    restore(image);
    for (int i = 0; i < 3; i++)
        town_send(&t, 1, conv);
    town_connect(&t, 1);
    CU_ASSERT(device_is_retired(t.devices[1]));
    town_close(&t);
}

static void a_retired_id_is_over(void)
{
    begin();
    struct device *image = device_copy(t.devices[1]);
    msg_id m = said(1);
    town_do(&t, 2, OPERATION_DELETE, conv, MAKE_ID(1, 9), 0); /* early: kept until nothing can arrive (U8) */
    town_settle(&t);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EARLY), 1);
    restore(image);
    town_connect(&t, 1);
    CU_ASSERT_EQUAL(executed_of(1, UINT32_MAX), 2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EARLY), 0);
    town_do(&t, 2, OPERATION_DELETE, conv, MAKE_ID(1, 10), 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_UNKNOWN_TARGET);
    struct device *again = device_copy(t.devices[1]);
    adopt(5);
    t.devices[1] = again; /* and so it is for whoever else has it */
    CU_ASSERT(device_is_retired(again));
    said(5);
    said(2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LOG), 0); /* the retired one holds up no log */
    CU_ASSERT(town_reads(&t, 5, m));
    town_close(&t);
}

/* What was deleted and never answered is as the snapshot says; the person may ask again. */
static void a_pending_deletion_of_a_retired_id_ends_with_the_reset(void)
{
    begin();
    msg_id m = said(1);
    struct device *image = device_copy(t.devices[1]);
    said(1);
    restore(image);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    town_connect(&t, 1);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    adopt(5);
    CU_ASSERT(town_reads(&t, 5, m));
    town_do(&t, 5, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 5, m));
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    town_close(&t);
}

static bool refused_by_its_session(uint64_t identity)
{
    begin();
    t.policy.device_identity = identity;
    town_connect(&t, 1);
    struct device *original = t.devices[1], *clone = device_copy(original);
    town_disconnect(&t, 1); /* the clone connects in its place, and acknowledges what it hears */
    t.devices[1] = clone;
    town_connect(&t, 1);
    said(2);
    town_disconnect(&t, 1);
    t.devices[1] = original;
    town_connect(&t, 1);
    bool retired = device_is_retired(original);
    t.devices[1] = clone;
    device_free(original);
    town_close(&t);
    return retired;
}

static void a_session_that_was_not_the_last_gives_a_clone_away(void)
{
    CU_ASSERT(refused_by_its_session(1));
    CU_ASSERT_FALSE(refused_by_its_session(0)); /* it has done nothing that could be confused */
}

static void a_welcome_that_is_lost_gives_nobody_away(void)
{
    begin();
    t.policy.device_identity = 1;
    for (int i = 0; i < 3; i++) {
        town_connect(&t, 1);
        t.lose_to_device = 1;
        town_connect(&t, 1);
        town_connect(&t, 1);
        CU_ASSERT_FALSE(device_is_retired(t.devices[1]));
        town_restart(&t, 0);
        town_restart(&t, 1);
    }
    town_connect(&t, 1);
    CU_ASSERT_FALSE(device_is_retired(t.devices[1]));
    town_close(&t);
}

#define TESTS(X)                                                         \
    X(a_copy_has_all_that_is_durable_and_nothing_else)                   \
    X(a_restored_device_of_which_nothing_was_accepted_since_goes_on)     \
    X(a_restored_device_that_has_forgotten_an_operation_gets_another_id) \
    X(what_was_asked_for_before_the_hello_does_not_hide_the_rewind)      \
    X(a_retired_id_is_over)                                              \
    X(a_pending_deletion_of_a_retired_id_ends_with_the_reset)            \
    X(a_session_that_was_not_the_last_gives_a_clone_away)                \
    X(a_welcome_that_is_lost_gives_nobody_away)

int suite_lives(void)
{
    CU_pSuite suite = CU_add_suite("lives", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
