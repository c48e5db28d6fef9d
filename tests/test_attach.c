/* test_attach.c: attachments: who may attach, who is given the bytes, and when these go. */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_attach(void);

#define WINDOW (30 * US_PER_S)
#define ORPHANS (60 * US_PER_S)
#define PHOTO "a photo of everybody at the lake, noon" /* three parts */

static struct town t;
static conv_id conv, other;

/* User 1 (the owner) with device 1, user 2 with devices 2 and 3, user 3 with device 4 in another conversation. */
static void begin(void)
{
    town_open(&t, 2);
    t.policy.orphan_after_us = ORPHANS;
    for (user_id u = 1; u <= 3; u++)
        town_user(&t, u);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 2, false);
    town_device(&t, 3, 2, false);
    town_device(&t, 4, 3, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    other = town_conversation(&t, 2, CONV_GROUP, 3, 3);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static msg_id person(device_id device, enum operation operation, conv_id in_conv, msg_id blob, const char *text)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = (uint8_t)operation, .conv = in_conv, .blob = blob};
    uint32_t op = device_inspect(t.devices[device]).next_op;
    in.body.len = (uint8_t)strlen(text);
    memcpy(in.body.bytes, text, in.body.len);
    return town_input(&t, device, &in) == 0 ? MAKE_ID(device, op) : 0;
}

static msg_id uploaded(device_id device, conv_id in_conv, const char *text)
{
    msg_id id = person(device, OPERATION_UPLOAD, in_conv, 0, text);
    town_settle(&t);
    return id;
}

static enum why attached(device_id device, conv_id in_conv, msg_id blob, msg_id *message)
{
    *message = person(device, OPERATION_SEND, in_conv, blob, "look");
    town_settle(&t);
    const struct note *answer = &t.last[NOTE_ANSWERED];
    return answer->outcome == OUTCOME_ACCEPTED ? WHY_NONE : (enum why)answer->why;
}

static int fetch(device_id device, msg_id message)
{
    struct device_input in = {.kind = DEVICE_FETCH, .conv = conv, .target = message};
    return town_input(&t, device, &in);
}

struct looking {
    msg_id message;
    struct text text;
    size_t found;
    bool partial;
};

static int look(void *ctx, const struct device_copy *copy)
{
    struct looking *l = ctx;
    if (copy->copy != COPY_ATTACHMENT || copy->target != l->message || copy->partial != l->partial)
        return 0;
    l->text = copy->text;
    l->found++;
    return 0;
}

static bool has(device_id device, msg_id message, const char *text)
{
    struct looking l = {.message = message};
    device_copies(t.devices[device], look, &l);
    return l.found == 1 && l.text.len == strlen(text) && memcmp(l.text.bytes, text, l.text.len) == 0;
}

static bool has_any(device_id device, msg_id message)
{
    struct looking l = {.message = message};
    device_copies(t.devices[device], look, &l);
    return l.found != 0;
}

static bool has_part(device_id device, msg_id message)
{
    struct looking l = {.message = message, .partial = true};
    device_copies(t.devices[device], look, &l);
    return l.found != 0;
}

static msg_id photo(void)
{
    msg_id message;
    CU_ASSERT_EQUAL(attached(1, conv, uploaded(1, conv, PHOTO), &message), WHY_NONE);
    return message;
}

static void end(void)
{
    CU_ASSERT_EQUAL(t.failed, 0);
    town_close(&t);
}

static void it_comes_in_parts_to_who_asks(void)
{
    begin();
    msg_id m = photo();
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 3);
    CU_ASSERT_FALSE(has_any(2, m));
    CU_ASSERT_EQUAL(fetch(2, m), 0);
    town_settle(&t);
    CU_ASSERT_TRUE(has(2, m, PHOTO));
    CU_ASSERT_EQUAL(t.notes[NOTE_FETCH], 3);
    CU_ASSERT_EQUAL(fetch(2, m), 0); /* it is here already */
    town_settle(&t);
    CU_ASSERT_EQUAL(t.notes[NOTE_FETCH], 3);
    CU_ASSERT_FALSE(has_any(3, m));
    CU_ASSERT_EQUAL(fetch(2, m + 1), E_INVALID);
    CU_ASSERT_EQUAL(fetch(4, m), E_INVALID);
    end();
}

static void an_upload_is_of_one_message_of_its_own_conversation(void)
{
    begin();
    msg_id f = uploaded(1, conv, PHOTO), m;
    CU_ASSERT_EQUAL(attached(4, other, f, &m), WHY_UNKNOWN_ATTACHMENT);
    CU_ASSERT_EQUAL(attached(2, conv, f, &m), WHY_UNKNOWN_ATTACHMENT);
    CU_ASSERT_EQUAL(attached(1, conv, f + 1, &m), WHY_UNKNOWN_ATTACHMENT);
    CU_ASSERT_EQUAL(attached(1, conv, f, &m), WHY_NONE);
    CU_ASSERT_EQUAL(attached(1, conv, f, &m), WHY_UNKNOWN_ATTACHMENT);
    CU_ASSERT_EQUAL(person(1, OPERATION_UPLOAD, conv, 0, ""), 0);
    uploaded(4, conv, PHOTO);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_UPLOAD), 1);
    end();
}

static void a_deletion_takes_it_and_an_undo_brings_it_back(void)
{
    begin();
    msg_id m = photo();
    fetch(2, m);
    town_settle(&t);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(has_any(2, m));
    CU_ASSERT_EQUAL(fetch(2, m), E_INVALID);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 3);
    town_do(&t, 1, OPERATION_UNDO, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(fetch(3, m), 0);
    town_settle(&t);
    CU_ASSERT_TRUE(has(3, m, PHOTO));
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    size_t keys = town_rows(&t, TABLE_KEY);
    town_advance(&t, 2 * WINDOW);
    CU_ASSERT_FALSE(has_any(3, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB) + town_rows(&t, TABLE_UPLOAD), 0);
    CU_ASSERT_TRUE(town_rows(&t, TABLE_KEY) < keys);
    end();
}

static void what_arrives_after_the_deletion_installs_nothing(void)
{
    begin();
    msg_id m = photo();
    fetch(2, m);
    CU_ASSERT_EQUAL_FATAL(t.queued, 1);
    struct town_msg question = t.queue[0];
    town_settle(&t);
    CU_ASSERT_TRUE(has(2, m, PHOTO));
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    struct wire part = {.kind = WIRE_PART, .device = 2, .session = t.sessions[2], .conv = conv, .target = m};
    part.blob = question.wire.blob;
    part.page = part.pages = 1;
    part.body = (struct text){.len = 4, .bytes = "late"};
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &part};
    CU_ASSERT_EQUAL(town_input(&t, 2, &in), 0);
    CU_ASSERT_FALSE(has_any(2, m));
    /* and one that asks for it now, although it should know, is refused */
    CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, 2), &question.wire, 2, t.sessions[2]), 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_FETCH].why, WHY_TARGET_DELETED);
    CU_ASSERT_FALSE(has_any(2, m));
    end();
}

static void a_lost_answer_is_asked_for_again_and_a_new_session_goes_on(void)
{
    begin();
    msg_id m = photo();
    t.lose_to_device = 1;
    fetch(2, m);
    town_settle(&t);
    CU_ASSERT_FALSE(has_any(2, m));
    town_advance(&t, 3 * US_PER_S);
    CU_ASSERT_TRUE(has(2, m, PHOTO));
    t.lose_to_device = 1;
    fetch(3, m);
    town_settle(&t);
    town_disconnect(&t, 3);
    town_advance(&t, 10 * US_PER_S);
    CU_ASSERT_FALSE(has_any(3, m));
    town_connect(&t, 3);
    town_settle(&t);
    CU_ASSERT_TRUE(has(3, m, PHOTO));
    end();
}

static void a_download_that_was_cut_off_is_not_taken_up_again_after_the_deletion(void)
{
    begin();
    msg_id m = photo();
    t.lose_to_device = 1;
    fetch(3, m);
    town_settle(&t);
    town_disconnect(&t, 3);
    CU_ASSERT_TRUE(has_part(3, m));
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    unsigned asked = t.notes[NOTE_FETCH];
    town_connect(&t, 3);
    town_advance(&t, 10 * US_PER_S);
    CU_ASSERT_FALSE(has_any(3, m) || has_part(3, m));
    CU_ASSERT_TRUE(t.notes[NOTE_FETCH] <= asked + 1); /* its hello asks before the log has told it */
    end();
}

/* A message of device `device` in this session, straight to its shard. */
static enum why asks(device_id device, conv_id in_conv, msg_id message, msg_id blob, uint32_t part)
{
    struct wire w = {.kind = WIRE_FETCH, .device = device, .session = t.sessions[device], .conv = in_conv};
    w.target = message;
    w.blob = blob;
    w.page = part;
    t.last[NOTE_FETCH] = (struct note){.why = WHY_COUNT};
    CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, device), &w, device, t.sessions[device]), 0);
    town_settle(&t);
    return (enum why)t.last[NOTE_FETCH].why;
}

static void foreign_ids_are_given_nothing(void)
{
    begin();
    msg_id f = uploaded(1, conv, PHOTO), g = uploaded(4, other, "of others"), m, n;
    CU_ASSERT_EQUAL(attached(1, conv, f, &m), WHY_NONE);
    CU_ASSERT_EQUAL(attached(4, other, g, &n), WHY_NONE);
    uint64_t before = town_digest(&t, TOWN_CONTENT);
    CU_ASSERT_EQUAL(asks(2, conv, m, f, 1), WHY_NONE);
    CU_ASSERT_EQUAL(asks(4, conv, m, f, 1), WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(asks(2, conv, m, g, 1), WHY_UNKNOWN_TARGET); /* the upload of another conversation */
    CU_ASSERT_EQUAL(asks(2, conv, n, g, 1), WHY_UNKNOWN_TARGET);
    CU_ASSERT_EQUAL(asks(2, other, n, g, 1), WHY_NOT_A_MEMBER);
    CU_ASSERT_EQUAL(asks(2, conv, m, 0, 1), WHY_UNKNOWN_TARGET);
    CU_ASSERT_EQUAL(asks(2, conv, m, f, 4), WHY_UNKNOWN_TARGET); /* it has three parts */
    CU_ASSERT_EQUAL(asks(2, conv, m, f, 0), WHY_COUNT);          /* not a question at all */
    CU_ASSERT_EQUAL(asks(2, conv + 77, m, f, 1), WHY_UNKNOWN_CONVERSATION);
    CU_ASSERT_EQUAL(asks(2, 0, m, f, 1), WHY_COUNT);
    town_do(&t, 2, OPERATION_DELETE_ME, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(asks(2, conv, m, f, 1), WHY_UNKNOWN_TARGET); /* hidden from them, by themselves */
    CU_ASSERT_EQUAL(asks(1, conv, m, f, 1), WHY_NONE);
    town_do(&t, 1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(asks(1, conv, m, f, 1), WHY_CONVERSATION_DELETED);
    CU_ASSERT_NOT_EQUAL(town_digest(&t, TOWN_CONTENT), before);
    end();
}

static void an_orphan_is_collected_and_then_serves_no_message(void)
{
    begin();
    msg_id kept = photo(), f = uploaded(1, conv, "never sent"), m;
    town_advance(&t, ORPHANS / 2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_UPLOAD), 2);
    town_advance(&t, ORPHANS);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_UPLOAD), 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 3);
    CU_ASSERT_EQUAL(attached(1, conv, f, &m), WHY_UNKNOWN_ATTACHMENT);
    CU_ASSERT_EQUAL(fetch(2, kept), 0);
    town_settle(&t);
    CU_ASSERT_TRUE(has(2, kept, PHOTO));
    end();
}

static void bytes_that_nothing_knows_are_swept_at_the_start(void)
{
    begin();
    msg_id m = photo();
    shard_id home = shard_of_conv(&t.policy, conv, 2);
    struct store *blobs = t.blobs[home];
    CU_ASSERT_EQUAL(blobs->ops->begin(blobs), 0);
    for (uint64_t id = 1; id <= 100; id++) { /* as if the steps that stored them had not been */
        struct row blob = {.c = {[BLOB_id] = MAKE_ID(9, id), [BLOB_part] = 1, [BLOB_conv] = conv}};
        blob.c[BLOB_version] = VERSION_MAKE(1, 1);
        CU_ASSERT_EQUAL(blobs->ops->put(blobs, TABLE_BLOB, &blob), 0);
    }
    CU_ASSERT_EQUAL(blobs->ops->commit(blobs), 0);
    town_restart(&t, home);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 3);
    for (device_id d = 1; d <= 4; d++)
        if (!t.sessions[d])
            town_connect(&t, d);
    CU_ASSERT_EQUAL(fetch(2, m), 0);
    town_settle(&t);
    CU_ASSERT_TRUE(has(2, m, PHOTO));
    end();
}

static void the_end_of_the_conversation_is_the_end_of_its_uploads(void)
{
    begin();
    photo();
    uploaded(1, conv, "never sent");
    town_do(&t, 1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_settle(&t);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_UPLOAD) + town_rows(&t, TABLE_BLOB), 0);
    end();
}

static void a_linked_device_learns_of_it_by_its_snapshot(void)
{
    begin();
    msg_id m = photo();
    town_device(&t, 5, 2, true);
    town_connect(&t, 5);
    town_settle(&t);
    CU_ASSERT_EQUAL(fetch(5, m), 0);
    town_settle(&t);
    CU_ASSERT_TRUE(has(5, m, PHOTO));
    end();
}

static size_t copies(device_id device, msg_id message)
{
    struct looking l = {.message = message};
    device_copies(t.devices[device], look, &l);
    return l.found;
}

static void an_export_fetches_its_own_copy_which_goes_with_the_message(void)
{
    begin();
    msg_id m = photo(), n = photo();
    CU_ASSERT_EQUAL(fetch(2, m), 0);
    town_settle(&t);
    CU_ASSERT(has(2, m, PHOTO));
    person(2, OPERATION_EXPORT, conv, 0, "");
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(copies(2, m), 2);
    CU_ASSERT(has(2, n, PHOTO));
    CU_ASSERT_EQUAL(copies(3, m) + copies(1, m), 0);
    CU_ASSERT_EQUAL(town_done(&t, 1, OPERATION_DELETE, conv, m, 0)->outcome, OUTCOME_ACCEPTED);
    CU_ASSERT_EQUAL(copies(2, m), 0);
    CU_ASSERT_EQUAL(town_done(&t, 1, OPERATION_UNDO, conv, m, 0)->outcome, OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT_EQUAL(copies(2, m), 0);
    CU_ASSERT(has(2, n, PHOTO));
    end();
}

static void an_export_of_what_is_deleted_meanwhile_fetches_nothing(void)
{
    begin();
    msg_id m = photo();
    town_disconnect(&t, 2);
    person(2, OPERATION_EXPORT, conv, 0, "");
    town_connect(&t, 2);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_done(&t, 1, OPERATION_DELETE, conv, m, 0)->outcome, OUTCOME_ACCEPTED);
    town_advance(&t, US_PER_S);
    CU_ASSERT(!has_any(2, m) && !has_part(2, m));
    end();
}

int suite_attach(void)
{
    CU_pSuite suite = CU_add_suite("attach", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, it_comes_in_parts_to_who_asks) ||
        !CU_ADD_TEST(suite, an_upload_is_of_one_message_of_its_own_conversation) ||
        !CU_ADD_TEST(suite, a_deletion_takes_it_and_an_undo_brings_it_back) ||
        !CU_ADD_TEST(suite, what_arrives_after_the_deletion_installs_nothing) ||
        !CU_ADD_TEST(suite, a_lost_answer_is_asked_for_again_and_a_new_session_goes_on) ||
        !CU_ADD_TEST(suite, a_download_that_was_cut_off_is_not_taken_up_again_after_the_deletion) ||
        !CU_ADD_TEST(suite, foreign_ids_are_given_nothing) ||
        !CU_ADD_TEST(suite, an_orphan_is_collected_and_then_serves_no_message) ||
        !CU_ADD_TEST(suite, bytes_that_nothing_knows_are_swept_at_the_start) ||
        !CU_ADD_TEST(suite, the_end_of_the_conversation_is_the_end_of_its_uploads) ||
        !CU_ADD_TEST(suite, a_linked_device_learns_of_it_by_its_snapshot) ||
        !CU_ADD_TEST(suite, an_export_fetches_its_own_copy_which_goes_with_the_message) ||
        !CU_ADD_TEST(suite, an_export_of_what_is_deleted_meanwhile_fetches_nothing))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
