/*
 * test_protocol.c: a device of the previous protocol among current ones. User 1 has device 1; user 2 has device 2, and
 * device 3, which is old.
 */
#include "core/protocol.h"
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_protocol(void);

static struct town t;
static conv_id conv;

static void begin(void)
{
    town_open(&t, 2);
    town_user(&t, 1);
    town_user(&t, 2);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 2, false);
    town_device(&t, 3, 2, false);
    device_set_protocol(t.devices[3], PROTOCOL_PREVIOUS);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 3; d++)
        town_connect(&t, d);
}

static msg_id said(device_id device)
{
    msg_id m = town_send(&t, device, conv);
    town_settle(&t);
    return m;
}

static void edit(device_id device, msg_id target)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = OPERATION_EDIT, .conv = conv, .target = target};
    in.body = (struct text){.len = 6, .bytes = "edited"};
    in.now_us = t.now_us;
    CU_ASSERT_EQUAL(device_step(t.devices[device], &in, &t.out), 0);
    struct wire w = t.out.msgs[0].wire;
    town_shard_msg(&t, town_home(&t, device), &w, device, t.sessions[device]);
    town_settle(&t);
}

struct text_wanted {
    msg_id target;
    struct text body;
    bool readable;
};

static int find_text(void *ctx, const struct device_row *row)
{
    struct text_wanted *wanted = ctx;
    if (row->target == wanted->target) {
        wanted->body = row->body;
        wanted->readable = row->readable;
    }
    return 0;
}

static bool reads(device_id device, msg_id target, const char *text)
{
    struct text_wanted wanted = {.target = target};
    device_rows(t.devices[device], find_text, &wanted);
    return wanted.readable && wanted.body.len == strlen(text) && memcmp(wanted.body.bytes, text, wanted.body.len) == 0;
}

static void an_edit_comes_as_a_message_of_a_larger_version(void)
{
    begin();
    msg_id m = said(1);
    edit(1, m);
    CU_ASSERT(reads(2, m, "edited"));
    CU_ASSERT(reads(3, m, "edited"));
    town_disconnect(&t, 3);
    msg_id n = said(1);
    edit(1, n);
    town_connect(&t, 3);
    CU_ASSERT(reads(3, n, "edited"));
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    town_close(&t);
}

static void a_deletion_for_oneself_comes_as_a_deletion(void)
{
    begin();
    msg_id m = said(1);
    town_do(&t, 2, OPERATION_DELETE_ME, conv, m, 0);
    town_settle(&t);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT(town_reads(&t, 1, m));
    town_close(&t);
}

static void a_cleared_history_comes_as_a_reset(void)
{
    begin();
    msg_id m = said(1), own = said(3);
    unsigned installs = t.notes[NOTE_INSTALL];
    town_do(&t, 2, OPERATION_CLEAR, conv, 0, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.notes[NOTE_INSTALL], installs + 1);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT_FALSE(town_reads(&t, 3, own));
    msg_id after = said(1);
    CU_ASSERT(town_reads(&t, 3, after));
    town_close(&t);
}

static void it_cannot_ask_for_what_it_does_not_know(void)
{
    begin();
    msg_id m = said(3);
    CU_ASSERT_EQUAL(town_do(&t, 3, OPERATION_EDIT, conv, m, 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, 3, OPERATION_DELETE_ME, conv, m, 0), 0);
    CU_ASSERT_EQUAL(town_do(&t, 3, OPERATION_CLEAR, conv, 0, 0), 0);
    CU_ASSERT_NOT_EQUAL(town_do(&t, 3, OPERATION_DELETE, conv, m, 0), 0);
    town_close(&t);
}

/* A shard that does not translate: what is not known is passed over, and what follows it is applied. */
static void an_unknown_kind_is_skipped_and_the_stream_goes_on(void)
{
    begin();
    msg_id m = said(1);
    uint64_t next = device_inspect(t.devices[3]).cursor + 1;
    struct wire w = {.kind = WIRE_ENTRY, .device = 3, .session = t.sessions[3], .epoch = 1, .conv = conv, .target = m};
    uint8_t kinds[] = {ENTRY_EDIT, ENTRY_HIDE, ENTRY_CLEAR, ENTRY_COUNT, UINT8_MAX};
    for (size_t i = 0; i < sizeof kinds; i++) {
        w.entry = kinds[i];
        w.position = w.head = next + i;
        w.version = VERSION_MAKE(1, 500 + i);
        struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &w, .now_us = t.now_us};
        CU_ASSERT_EQUAL(device_step(t.devices[3], &in, &t.out), 0);
        CU_ASSERT_EQUAL(device_inspect(t.devices[3]).cursor, next + i);
        CU_ASSERT(reads(3, m, "hello"));
    }
    w.entry = ENTRY_DELETE;
    w.position = w.head = next + sizeof kinds;
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(device_step(t.devices[3], &in, &t.out), 0);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    town_close(&t);
}

static void what_has_no_nearest_word_is_void(void)
{
    struct wire w = {.kind = WIRE_ENTRY, .entry = ENTRY_COUNT, .body = {.len = 1, .bytes = "x"}};
    CU_ASSERT(protocol_translate(PROTOCOL_PREVIOUS, &w));
    CU_ASSERT_EQUAL(w.entry, ENTRY_VOID);
    CU_ASSERT_EQUAL(w.body.len, 0);
    for (uint8_t entry = ENTRY_NONE + 1; entry < ENTRY_COUNT; entry++) {
        w = (struct wire){.kind = WIRE_ENTRY, .entry = entry};
        CU_ASSERT(protocol_translate(PROTOCOL_CURRENT, &w));
        CU_ASSERT_EQUAL(w.entry, entry);
        if (protocol_translate(PROTOCOL_PREVIOUS, &w))
            CU_ASSERT(protocol_has_entry(PROTOCOL_PREVIOUS, w.entry));
    }
}

static void a_quote_that_is_to_go_comes_as_a_reset(void)
{
    struct wire w = {.kind = WIRE_ENTRY, .entry = ENTRY_QUOTE};
    CU_ASSERT_FALSE(protocol_translate(PROTOCOL_PREVIOUS, &w));
    w.body = (struct text){.len = 1, .bytes = "x"}; /* one that it has no place for */
    CU_ASSERT(protocol_translate(PROTOCOL_PREVIOUS, &w));
    CU_ASSERT_EQUAL(w.entry, ENTRY_VOID);
}

#define TESTS(X)                                         \
    X(a_quote_that_is_to_go_comes_as_a_reset)            \
    X(an_edit_comes_as_a_message_of_a_larger_version)    \
    X(a_deletion_for_oneself_comes_as_a_deletion)        \
    X(a_cleared_history_comes_as_a_reset)                \
    X(it_cannot_ask_for_what_it_does_not_know)           \
    X(an_unknown_kind_is_skipped_and_the_stream_goes_on) \
    X(what_has_no_nearest_word_is_void)

int suite_protocol(void)
{
    CU_pSuite suite = CU_add_suite("protocol", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
