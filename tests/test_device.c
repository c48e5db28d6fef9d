/*
 * test_device.c: the device alone, fed by hand. A test tells the device what arrives and compares what the step said,
 * as one line of text: first the notes, then the messages it sends. `2.5` is the message of device 2's op 5; `v3` a
 * version.
 */
#include "core/device.h"

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int suite_device(void);

#define SELF 1
#define SESSION 7
#define CONV MAKE_ID(9, 1)
#define OTHER_CONV MAKE_ID(9, 2)
#define MSG(n) MAKE_ID(2, n)
#define OWN(n) MAKE_ID(SELF, n)

struct world {
    struct policy policy;
    struct device *d;
    struct out out;
    uint64_t now_us;
    char text[2048];
};

static struct world world;

static void add(const char *format, ...)
{
    size_t used = strlen(world.text);
    va_list args;
    va_start(args, format);
    vsnprintf(world.text + used, sizeof world.text - used, format, args);
    va_end(args);
}

static void add_id(uint64_t id)
{
    add(" %u.%u", (unsigned)ID_DEVICE(id), (unsigned)ID_OP(id));
}

static void add_note(const struct note *n)
{
    CU_ASSERT_EQUAL(n->device, SELF);
    switch (n->kind) {
        case NOTE_SHOW:
        case NOTE_HIDE:
            add(n->kind == NOTE_SHOW ? "show" : "hide");
            add_id(n->target);
            if (n->kind == NOTE_HIDE)
                add(" %s", because_name(n->because));
            if (n->version)
                add(" v%u", (unsigned)n->version);
            add(n->pending ? " pending; " : "; ");
            break;
        case NOTE_INVOKE:
            add("invoke %u %s", n->op, operation_name(n->operation));
            add(n->named ? " named v%u; " : "; ", (unsigned)n->named);
            break;
        case NOTE_ANSWERED:
            add("answered %u %s; ", n->op, outcome_name(n->outcome));
            break;
        case NOTE_NOTICE:
            add("notice by %u at %u%s; ", n->actor, (unsigned)n->at_us, n->draft ? " draft" : "");
            break;
        case NOTE_CURSOR:
            add("cursor %u %s; ", (unsigned)n->position, entry_name(n->entry));
            break;
        case NOTE_INSTALL:
            add("install %u g%u e%u p%u; ", n->reset_id, n->generation, n->epoch, (unsigned)n->position);
            break;
        case NOTE_DRAFTED:
            add("drafted %u; ", n->op);
            break;
        case NOTE_HELLO:
            break; /* the message says it */
        default:
            add("note %u; ", n->kind);
    }
}

static void add_msg(const struct out_msg *m)
{
    CU_ASSERT_EQUAL(m->to, OUT_TO_USER_SHARD);
    CU_ASSERT_EQUAL(m->wire.device, SELF);
    const struct wire *w = &m->wire;
    if (w->kind == WIRE_HELLO && w->reset_id)
        add(">hello g%u e%u p%u op%u reset %u/%u; ", w->generation, w->epoch, (unsigned)w->position, w->op, w->reset_id,
            w->page);
    else if (w->kind == WIRE_HELLO)
        add(">hello g%u e%u p%u op%u; ", w->generation, w->epoch, (unsigned)w->position, w->op);
    else if (w->kind == WIRE_ACK)
        add(">ack %u oldest %u; ", (unsigned)w->position, w->oldest_op);
    else
        add(">op %u %s oldest %u; ", w->op, operation_name(w->operation), w->oldest_op);
}

static int step(struct device_input in)
{
    in.now_us = world.now_us;
    int status = device_step(world.d, &in, &world.out);
    world.text[0] = 0;
    for (size_t i = 0; i < world.out.note_count; i++)
        add_note(&world.out.notes[i]);
    for (size_t i = 0; i < world.out.msg_count; i++)
        add_msg(&world.out.msgs[i]);
    size_t len = strlen(world.text);
    if (len >= 2)
        world.text[len - 2] = 0;
    return status;
}

static void feed(struct wire w)
{
    if (!w.session)
        w.session = SESSION;
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_MESSAGE, .wire = &w}), 0);
}

static void said(int line, const char *expected)
{
    if (strcmp(world.text, expected) != 0)
        printf("\n    line %d:\n      expected: %s\n      said:     %s\n", line, expected, world.text);
    CU_ASSERT_STRING_EQUAL(world.text, expected);
}
#define SAID(expected) said(__LINE__, expected)

static struct text text_of(const char *s)
{
    struct text t = {.len = (uint8_t)strlen(s)};
    memcpy(t.bytes, s, t.len);
    return t;
}

static void open_world(uint64_t flaws, bool linked)
{
    world.policy = policy_sound();
    world.policy.flaws = flaws;
    world.now_us = 1000;
    world.d = device_new(SELF, 10, linked, &world.policy);
}

static void connect_as(uint32_t session)
{
    step((struct device_input){.kind = DEVICE_CONNECTED, .session = session});
}

static void welcome(uint64_t head)
{
    feed((struct wire){.kind = WIRE_WELCOME, .generation = 1, .epoch = 1, .head = head});
}

/* Connected, welcomed, and in CONV since v1 by the entry at position 1. */
static void open_joined(uint64_t flaws)
{
    open_world(flaws, false);
    connect_as(SESSION);
    welcome(0);
    feed((struct wire){.kind = WIRE_ENTRY,
                       .entry = ENTRY_JOIN,
                       .epoch = 1,
                       .position = 1,
                       .head = 1,
                       .conv = CONV,
                       .version = 1,
                       .conv_kind = CONV_GROUP,
                       .role = ROLE_MEMBER});
}

static void close_world(void)
{
    device_free(world.d);
    out_free(&world.out);
    memset(&world, 0, sizeof world);
}

static struct wire entry_wire(uint64_t position, enum entry entry, msg_id target, version version_)
{
    return (struct wire){.kind = WIRE_ENTRY,
                         .entry = (uint8_t)entry,
                         .epoch = 1,
                         .position = position,
                         .head = position,
                         .conv = CONV,
                         .target = target,
                         .version = version_,
                         .actor = 20,
                         .at_us = 500,
                         .body = entry == ENTRY_SEND || entry == ENTRY_UNDO ? text_of("hi") : (struct text){0}};
}

static void entry(uint64_t position, enum entry kind, msg_id target, version version_)
{
    feed(entry_wire(position, kind, target, version_));
}

static int person(enum operation operation, conv_id conv, msg_id target, const char *body)
{
    return step((struct device_input){.kind = DEVICE_PERSON,
                                      .operation = (uint8_t)operation,
                                      .conv = conv,
                                      .target = target,
                                      .subject = 30,
                                      .body = text_of(body)});
}

static void answer(uint32_t op, enum outcome outcome, enum why why, version version_)
{
    feed((struct wire){.kind = WIRE_ANSWER,
                       .op = op,
                       .outcome = (uint8_t)outcome,
                       .why = (uint8_t)why,
                       .version = version_,
                       .actor = 20,
                       .at_us = 600});
}

static struct wire page_wire(uint32_t page, uint32_t pages, enum entry item, msg_id target, version version_)
{
    return (struct wire){.kind = WIRE_RESET_PAGE,
                         .reset_id = 5,
                         .generation = 2,
                         .epoch = 1,
                         .position = 40,
                         .page = page,
                         .pages = pages,
                         .entry = (uint8_t)item,
                         .conv = CONV,
                         .target = target,
                         .version = version_,
                         .actor = 20,
                         .at_us = 700,
                         .body = item == ENTRY_ITEM_MESSAGE ? text_of("hi") : (struct text){0}};
}

static void page(uint32_t page_, uint32_t pages, enum entry item, msg_id target, version version_)
{
    feed(page_wire(page_, pages, item, target, version_));
}

/* The snapshot at position 40 with CONV as of the version and these messages live, 0 for none. */
static void reset_to(version as_of, msg_id a, msg_id b)
{
    uint32_t pages = 1U + (a != 0) + (b != 0);
    page(1, pages, ENTRY_ITEM_CONV, 0, as_of);
    if (a)
        page(2, pages, ENTRY_ITEM_MESSAGE, a, 2);
    if (b)
        page(3, pages, ENTRY_ITEM_MESSAGE, b, 3);
}

struct find {
    msg_id target;
    struct device_row row;
    bool found;
};

static int visit_row(void *ctx, const struct device_row *row)
{
    struct find *find = ctx;
    if (row->target != find->target)
        return 0;
    find->row = *row;
    find->found = true;
    return 1;
}

static struct find row_of(msg_id target)
{
    struct find find = {.target = target};
    device_rows(world.d, visit_row, &find);
    return find;
}

static bool readable(msg_id target)
{
    return row_of(target).row.readable;
}

static int visit_conv(void *ctx, const struct device_conv *conv)
{
    struct device_conv *found = ctx;
    if (conv->conv != CONV)
        return 0;
    *found = *conv;
    return 1;
}

static struct device_conv conv_of(void)
{
    struct device_conv conv = {0};
    device_convs(world.d, visit_conv, &conv);
    return conv;
}

/* ---- sessions and the cursor ---- */

static void says_hello_and_repeats_it(void)
{
    open_world(0, false);
    connect_as(SESSION);
    SAID(">hello g1 e1 p0 op1");
    CU_ASSERT_EQUAL(world.out.wake_at_us, 1000 + world.policy.retry_us);
    step((struct device_input){.kind = DEVICE_TIMER});
    SAID("");
    world.now_us = world.out.wake_at_us;
    step((struct device_input){.kind = DEVICE_TIMER});
    SAID(">hello g1 e1 p0 op1");
    welcome(0);
    SAID("");
    CU_ASSERT_EQUAL(world.out.wake_at_us, TIME_NEVER);
    close_world();
}

static void linked_device_starts_in_no_generation(void)
{
    open_world(0, true);
    connect_as(SESSION);
    SAID(">hello g0 e0 p0 op1");
    close_world();
}

static void ignores_messages_of_another_session(void) /* L3 */
{
    open_joined(0);
    struct wire w = entry_wire(2, ENTRY_SEND, MSG(1), 2);
    w.session = SESSION - 1;
    feed(w);
    SAID("");
    w.session = SESSION;
    feed(w);
    SAID("show 2.1 v2; cursor 2 send; >ack 2 oldest 1");
    close_world();
}

static void applies_in_order_and_once(void) /* L2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(2, ENTRY_DELETE, MSG(1), 9);
    SAID("");
    CU_ASSERT_TRUE(readable(MSG(1)));
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 2);
    close_world();
}

static void gap_says_hello_once(void) /* L2 */
{
    open_joined(0);
    entry(4, ENTRY_SEND, MSG(1), 4);
    SAID(">hello g1 e1 p1 op1");
    CU_ASSERT_EQUAL(world.out.wake_at_us, world.now_us + world.policy.retry_us);
    entry(5, ENTRY_SEND, MSG(2), 5);
    SAID("");
    CU_ASSERT_FALSE(row_of(MSG(1)).found);
    close_world();
}

static void other_epoch_is_ignored(void)
{
    open_joined(0);
    struct wire w = entry_wire(2, ENTRY_SEND, MSG(1), 2);
    w.epoch = 2;
    feed(w);
    SAID("");
    close_world();
}

static void beat_asks_when_behind_else_acknowledges(void) /* L8, F1 */
{
    open_joined(0);
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 1});
    SAID(">ack 1 oldest 1");
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 0});
    SAID(">hello g1 e1 p1 op1");
    welcome(1);
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 3});
    SAID(">hello g1 e1 p1 op1");
    feed((struct wire){.kind = WIRE_BEAT, .epoch = 1, .head = 3});
    SAID("");
    close_world();
}

static void acknowledges_within_a_page(void)
{
    open_joined(0);
    world.policy.page = 4;
    for (uint64_t position = 2; position <= 4; position++) {
        struct wire w = entry_wire(position, ENTRY_VOID, 0, 0);
        w.head = 50;
        feed(w);
    }
    SAID("cursor 4 void; >ack 4 oldest 1");
    close_world();
}

static void hostile_messages_change_nothing(void)
{
    open_joined(0);
    struct wire bad[] = {{.kind = 200},
                         {.kind = WIRE_HELLO},
                         entry_wire(0, ENTRY_SEND, MSG(1), 2),
                         entry_wire(2, ENTRY_SEND, MSG(1), 2),
                         page_wire(0, 1, ENTRY_ITEM_CONV, 0, 5),
                         page_wire(2, 1, ENTRY_ITEM_CONV, 0, 5),
                         page_wire(1, 1, ENTRY_SEND, MSG(1), 5),
                         {.kind = WIRE_ANSWER, .op = 1, .outcome = 99},
                         {.kind = WIRE_ANSWER, .op = 77, .outcome = OUTCOME_ACCEPTED}};
    bad[3].body.len = TEXT_BYTES_MAX + 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        feed(bad[i]);
        SAID("");
    }
    CU_ASSERT_EQUAL(device_inspect(world.d).cursor, 1);
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_MESSAGE}), E_INVALID);
    close_world();
}

/* One entry that makes no sense here must not hold up what follows it. */
static void a_poisoned_entry_moves_the_cursor_and_nothing_else(void)
{
    open_joined(0);
    feed(entry_wire(2, ENTRY_ITEM_CONV, 0, 5));
    SAID("cursor 2 item-conversation; >ack 2 oldest 1");
    feed(entry_wire(3, (enum entry)99, MSG(1), 6)); /* of a younger server */
    SAID("cursor 3 void; >ack 3 oldest 1");
    feed(entry_wire(4, ENTRY_SEND, 0, 7));
    SAID("cursor 4 send; >ack 4 oldest 1");
    feed(entry_wire(5, ENTRY_SEND, MSG(1), 0));
    SAID("cursor 5 send; >ack 5 oldest 1");
    feed(entry_wire(6, ENTRY_SEND, MSG(2), 8));
    SAID("show 2.2 v8; cursor 6 send; >ack 6 oldest 1");
    close_world();
}

/* ---- entries ---- */

static void larger_version_wins_per_target(void) /* D4 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 5);
    SAID("hide 2.1 deletion v5; cursor 3 delete; >ack 3 oldest 1");
    entry(4, ENTRY_UNDO, MSG(1), 4);
    SAID("cursor 4 undo; >ack 4 oldest 1");
    entry(5, ENTRY_UNDO, MSG(1), 6);
    SAID("show 2.1 v6; cursor 5 undo; >ack 5 oldest 1");
    close_world();
}

static void deletion_before_its_target_holds(void)
{
    open_joined(0);
    entry(2, ENTRY_DELETE, MSG(1), 5);
    SAID("cursor 2 delete; >ack 2 oldest 1");
    entry(3, ENTRY_SEND, MSG(1), 2);
    SAID("cursor 3 send; >ack 3 oldest 1");
    CU_ASSERT_FALSE(readable(MSG(1)));
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, MSG(1)), 5);
    close_world();
}

static void purge_drops_the_row(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    entry(4, ENTRY_PURGE, MSG(1), 3);
    SAID("cursor 4 purge; >ack 4 oldest 1");
    CU_ASSERT_FALSE(row_of(MSG(1)).found);
    close_world();
}

static void eviction_takes_the_conversation_and_keeps_the_draft(void) /* M2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    person(OPERATION_SEND, CONV, 0, "mine");
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    entry(3, ENTRY_EVICT, 0, 3);
    SAID("hide 1.1 eviction v3; hide 2.1 eviction v3; cursor 3 evict; >ack 3 oldest 1");
    CU_ASSERT_EQUAL(conv_of().conv, 0);
    answer(1, OUTCOME_REFUSED, WHY_NOT_A_MEMBER, 0);
    SAID("answered 1 refused");
    entry(4, ENTRY_SEND, MSG(2), 4);
    SAID("cursor 4 send; >ack 4 oldest 2");
    entry(5, ENTRY_JOIN, 0, 5);
    CU_ASSERT_TRUE(conv_of().typing);
    close_world();
}

static void conversation_undo_leaves_a_deleted_message_deleted(void) /* U6 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_SEND, MSG(2), 3);
    entry(4, ENTRY_DELETE, MSG(1), 4);
    step((struct device_input){.kind = DEVICE_LOOK, .conv = CONV});
    entry(5, ENTRY_DELETE_CONV, 0, 5);
    SAID("hide 2.2 conversation-deletion v5; notice by 20 at 500; cursor 5 delete-conversation; >ack 5 oldest 1");
    CU_ASSERT_EQUAL(device_deletion(world.d, CONV, 0), 5);
    entry(6, ENTRY_SEND, MSG(3), 6);
    SAID("cursor 6 send; >ack 6 oldest 1");
    entry(7, ENTRY_UNDO_CONV, 0, 7);
    SAID("show 2.2 v3; show 2.3 v6; cursor 7 undo-conversation; >ack 7 oldest 1");
    close_world();
}

static void notice_says_that_a_draft_was_kept(void)
{
    open_joined(0);
    step((struct device_input){.kind = DEVICE_TYPING, .conv = CONV, .body = text_of("draft")});
    entry(2, ENTRY_DELETE_CONV, 0, 2);
    SAID("notice by 20 at 500 draft; cursor 2 delete-conversation; >ack 2 oldest 1");
    entry(3, ENTRY_PURGE_CONV, 0, 3);
    CU_ASSERT_EQUAL(conv_of().conv, 0);
    close_world();
}

/* ---- the outbox ---- */

static void pending_send_is_confirmed_without_a_hide(void) /* D1 */
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    SAID("invoke 1 send; show 1.1 pending; >op 1 send oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 2);
    SAID("answered 1 accepted");
    CU_ASSERT_TRUE(row_of(OWN(1)).row.pending_send);
    struct wire w = entry_wire(2, ENTRY_SEND, OWN(1), 2);
    w.actor = 10;
    feed(w);
    SAID("show 1.1 v2; cursor 2 send; >ack 2 oldest 2");
    CU_ASSERT_FALSE(row_of(OWN(1)).row.pending_send);
    close_world();
}

static void refused_send_hides_and_becomes_a_draft(void)
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    answer(1, OUTCOME_REFUSED, WHY_CONVERSATION_DELETED, 0);
    SAID("answered 1 refused; hide 1.1 refused; notice by 20 at 600 draft");
    CU_ASSERT_TRUE(conv_of().typing);
    CU_ASSERT_FALSE(row_of(OWN(1)).found);
    close_world();
}

static void pending_deletion_hides_until_the_log_has_it(void) /* D2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    SAID("invoke 1 delete; hide 2.1 pending v2 pending; >op 1 delete oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 3);
    SAID("answered 1 accepted");
    CU_ASSERT_FALSE(readable(MSG(1)));
    entry(3, ENTRY_DELETE, MSG(1), 3);
    SAID("hide 2.1 deletion v3; cursor 3 delete; >ack 3 oldest 2");
    entry(4, ENTRY_UNDO, MSG(1), 4);
    SAID("show 2.1 v4; cursor 4 undo; >ack 4 oldest 2");
    close_world();
}

static void refused_deletion_shows_again(void)
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_DELETE_CONV, CONV, 0, "");
    SAID("invoke 1 delete-conversation; hide 2.1 pending v2 pending; >op 1 delete-conversation oldest 1");
    answer(1, OUTCOME_REFUSED, WHY_NOT_PERMITTED, 0);
    SAID("answered 1 refused; show 2.1 v2");
    close_world();
}

static void denied_early_deletion_shows_its_target(void)
{
    open_joined(0);
    person(OPERATION_DELETE, CONV, MSG(1), "");
    SAID("invoke 1 delete; >op 1 delete oldest 1");
    feed((struct wire){.kind = WIRE_ANSWER, .op = 1, .outcome = OUTCOME_ACCEPTED, .early = 1});
    entry(2, ENTRY_SEND, MSG(1), 2);
    SAID("cursor 2 send; >ack 2 oldest 2");
    entry(3, ENTRY_DENY, MSG(1), 2);
    SAID("show 2.1 v2; cursor 3 deny; >ack 3 oldest 2");
    close_world();
}

static void own_deleted_send_stays_hidden_before_its_conversation_joins(void) /* D2 */
{
    open_world(0, false);
    connect_as(SESSION);
    welcome(0);
    person(OPERATION_CREATE, 0, 0, "");
    person(OPERATION_SEND, OWN(1), 0, "mine");
    SAID("invoke 2 send; show 1.2 pending; >op 2 send oldest 1");
    person(OPERATION_DELETE, OWN(1), OWN(2), "");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 1);
    answer(2, OUTCOME_ACCEPTED, WHY_NONE, 2);
    answer(3, OUTCOME_ACCEPTED, WHY_NONE, 3);
    SAID("answered 3 accepted");
    enum entry kinds[] = {ENTRY_JOIN, ENTRY_SEND, ENTRY_DELETE};
    for (uint64_t i = 0; i < 3; i++) {
        struct wire w = entry_wire(i + 1, kinds[i], i ? OWN(2) : 0, i + 1);
        w.conv = OWN(1);
        feed(w);
    }
    SAID("hide 1.2 deletion v3; cursor 3 delete; >ack 3 oldest 4");
    close_world();
}

static void settled_send_becomes_a_draft_and_deletion_stays(void) /* X3, D3 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_SEND, CONV, 0, "mine");
    person(OPERATION_DELETE, CONV, MSG(1), "");
    answer(1, OUTCOME_SETTLED, WHY_NONE, 0);
    SAID("answered 1 settled; drafted 1; hide 1.1 drafted");
    answer(2, OUTCOME_SETTLED, WHY_NONE, 0);
    SAID("answered 2 settled");
    CU_ASSERT_FALSE(readable(MSG(1)));
    entry(3, ENTRY_DELETE, MSG(1), 3);
    SAID("hide 2.1 deletion v3; cursor 3 delete; >ack 3 oldest 3");
    CU_ASSERT_EQUAL(device_inspect(world.d).outbox_count, 0);
    close_world();
}

static void operations_are_sent_again_at_each_welcome_in_order(void) /* X1 */
{
    open_joined(0);
    step((struct device_input){.kind = DEVICE_DISCONNECTED});
    person(OPERATION_SEND, CONV, 0, "a");
    SAID("invoke 1 send; show 1.1 pending");
    person(OPERATION_SEND, CONV, 0, "b");
    connect_as(SESSION);
    SAID(">hello g1 e1 p1 op1");
    welcome(1);
    SAID(">op 1 send oldest 1; >op 2 send oldest 1");
    answer(1, OUTCOME_ACCEPTED, WHY_NONE, 2);
    connect_as(SESSION);
    welcome(1);
    SAID(">op 2 send oldest 2");
    close_world();
}

static void undo_names_the_deletion_that_the_device_knows(void) /* U2 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    entry(3, ENTRY_DELETE, MSG(1), 3);
    person(OPERATION_UNDO, CONV, MSG(1), "");
    SAID("invoke 1 undo named v3; >op 1 undo oldest 1");
    entry(4, ENTRY_DELETE_CONV, 0, 4);
    person(OPERATION_UNDO_CONV, CONV, 0, "");
    SAID("invoke 2 undo-conversation named v4; >op 2 undo-conversation oldest 1");
    close_world();
}

static void senseless_operations_are_invalid(void)
{
    open_joined(0);
    CU_ASSERT_EQUAL(person(OPERATION_NONE, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_COUNT, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_SEND, 0, 0, "x"), E_INVALID);
    CU_ASSERT_EQUAL(person(OPERATION_DELETE, CONV, 0, ""), E_INVALID);
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_PERSON, .operation = OPERATION_ADD, .conv = CONV}),
                    E_INVALID);
    CU_ASSERT_EQUAL(
        step((struct device_input){
            .kind = DEVICE_PERSON, .operation = OPERATION_SEND, .conv = CONV, .body = {.len = TEXT_BYTES_MAX + 1}}),
        E_INVALID);
    SAID("");
    CU_ASSERT_EQUAL(device_inspect(world.d).next_op, 1);
    close_world();
}

static void retired_device_drafts_and_stops(void) /* X4 */
{
    open_joined(0);
    entry(2, ENTRY_SEND, MSG(1), 2);
    person(OPERATION_SEND, CONV, 0, "mine");
    person(OPERATION_DELETE, CONV, MSG(1), "");
    feed((struct wire){.kind = WIRE_RETIRED});
    SAID("drafted 1; drafted 2; hide 1.1 drafted");
    CU_ASSERT_FALSE(readable(MSG(1)));
    CU_ASSERT_EQUAL(world.out.wake_at_us, TIME_NEVER);
    connect_as(SESSION);
    SAID("");
    CU_ASSERT_EQUAL(person(OPERATION_SEND, CONV, 0, "x"), E_INVALID);
    close_world();
}

static void crash_forgets_the_session_and_keeps_the_outbox(void)
{
    open_joined(0);
    person(OPERATION_SEND, CONV, 0, "mine");
    device_crash(world.d);
    entry(2, ENTRY_SEND, MSG(1), 2);
    SAID("");
    step((struct device_input){.kind = DEVICE_RESUME});
    connect_as(SESSION + 1);
    SAID(">hello g1 e1 p1 op2");
    CU_ASSERT_TRUE(readable(OWN(1)));
    feed((struct wire){.kind = WIRE_WELCOME, .session = SESSION + 1, .epoch = 1, .head = 1});
    SAID(">op 1 send oldest 1");
    close_world();
}

/* ---- resets ---- */

static void announce_reset(void)
{
    feed((struct wire){.kind = WIRE_WELCOME, .generation = 2, .epoch = 1, .head = 40, .reset = 1});
}

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

/* ---- flaws: each changes the answer that the test of its rule expects ---- */

#ifndef NO_FLAWS
#define FLAWED(id) (1ULL << FLAW_##id)

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

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct {
    const char *name;
    CU_TestFunc run;
} tests[] = {
    TEST(says_hello_and_repeats_it),
    TEST(linked_device_starts_in_no_generation),
    TEST(ignores_messages_of_another_session),
    TEST(applies_in_order_and_once),
    TEST(gap_says_hello_once),
    TEST(other_epoch_is_ignored),
    TEST(beat_asks_when_behind_else_acknowledges),
    TEST(acknowledges_within_a_page),
    TEST(hostile_messages_change_nothing),
    TEST(a_poisoned_entry_moves_the_cursor_and_nothing_else),
    TEST(larger_version_wins_per_target),
    TEST(deletion_before_its_target_holds),
    TEST(purge_drops_the_row),
    TEST(eviction_takes_the_conversation_and_keeps_the_draft),
    TEST(conversation_undo_leaves_a_deleted_message_deleted),
    TEST(notice_says_that_a_draft_was_kept),
    TEST(pending_send_is_confirmed_without_a_hide),
    TEST(refused_send_hides_and_becomes_a_draft),
    TEST(pending_deletion_hides_until_the_log_has_it),
    TEST(refused_deletion_shows_again),
    TEST(denied_early_deletion_shows_its_target),
    TEST(own_deleted_send_stays_hidden_before_its_conversation_joins),
    TEST(settled_send_becomes_a_draft_and_deletion_stays),
    TEST(operations_are_sent_again_at_each_welcome_in_order),
    TEST(undo_names_the_deletion_that_the_device_knows),
    TEST(senseless_operations_are_invalid),
    TEST(retired_device_drafts_and_stops),
    TEST(crash_forgets_the_session_and_keeps_the_outbox),
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

int suite_device(void)
{
    CU_pSuite suite = CU_add_suite("device", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return (int)CU_get_error();
    return CUE_SUCCESS;
}
