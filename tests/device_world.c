/* device_world.c: see device_world.h. */
#include "tests/device_world.h"

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct world world;

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

int step(struct device_input in)
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

void feed(struct wire w)
{
    if (!w.session)
        w.session = SESSION;
    CU_ASSERT_EQUAL(step((struct device_input){.kind = DEVICE_MESSAGE, .wire = &w}), 0);
}

void said(int line, const char *expected)
{
    if (strcmp(world.text, expected) != 0)
        printf("\n    line %d:\n      expected: %s\n      said:     %s\n", line, expected, world.text);
    CU_ASSERT_STRING_EQUAL(world.text, expected);
}

struct text text_of(const char *s)
{
    struct text t = {.len = (uint8_t)strlen(s)};
    memcpy(t.bytes, s, t.len);
    return t;
}

void open_world(flaw_set flaws, bool linked)
{
    world.policy = policy_sound();
    world.policy.flaws = flaws;
    world.now_us = 1000;
    world.d = device_new(SELF, 10, linked, &world.policy);
}

void connect_as(uint32_t session)
{
    step((struct device_input){.kind = DEVICE_CONNECTED, .session = session});
}

void welcome(uint64_t head)
{
    feed((struct wire){.kind = WIRE_WELCOME, .generation = 1, .epoch = 1, .head = head});
}

/* Connected, welcomed, and in CONV since v1 by the entry at position 1. */
void open_joined(flaw_set flaws)
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

void close_world(void)
{
    device_free(world.d);
    out_free(&world.out);
    memset(&world, 0, sizeof world);
}

struct wire entry_wire(uint64_t position, enum entry entry, msg_id target, version version_)
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

void entry(uint64_t position, enum entry kind, msg_id target, version version_)
{
    feed(entry_wire(position, kind, target, version_));
}

int person(enum operation operation, conv_id conv, msg_id target, const char *body)
{
    return step((struct device_input){.kind = DEVICE_PERSON,
                                      .operation = (uint8_t)operation,
                                      .conv = conv,
                                      .target = target,
                                      .subject = 30,
                                      .body = text_of(body)});
}

void answer(uint32_t op, enum outcome outcome, enum why why, version version_)
{
    feed((struct wire){.kind = WIRE_ANSWER,
                       .op = op,
                       .outcome = (uint8_t)outcome,
                       .why = (uint8_t)why,
                       .version = version_,
                       .actor = 20,
                       .at_us = 600});
}

struct wire page_wire(uint32_t page, uint32_t pages, enum entry item, msg_id target, version version_)
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

void page(uint32_t page_, uint32_t pages, enum entry item, msg_id target, version version_)
{
    feed(page_wire(page_, pages, item, target, version_));
}

/* The snapshot at position 40 with CONV as of the version and these messages live, 0 for none. */
void reset_to(version as_of, msg_id a, msg_id b)
{
    uint32_t pages = 1U + (a != 0) + (b != 0);
    page(1, pages, ENTRY_ITEM_CONV, 0, as_of);
    if (a)
        page(2, pages, ENTRY_ITEM_MESSAGE, a, 2);
    if (b)
        page(3, pages, ENTRY_ITEM_MESSAGE, b, 3);
}

static int visit_row(void *ctx, const struct device_row *row)
{
    struct find *find = ctx;
    if (row->target != find->target)
        return 0;
    find->row = *row;
    find->found = true;
    return 1;
}

struct find row_of(msg_id target)
{
    struct find find = {.target = target};
    device_rows(world.d, visit_row, &find);
    return find;
}

bool readable(msg_id target)
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

struct device_conv conv_of(void)
{
    struct device_conv conv = {0};
    device_convs(world.d, visit_conv, &conv);
    return conv;
}

void announce_reset(void)
{
    feed((struct wire){.kind = WIRE_WELCOME, .generation = 2, .epoch = 1, .head = 40, .reset = 1});
}

int device_suite(const char *name, const struct device_test *tests, size_t count)
{
    CU_pSuite suite = CU_add_suite(name, NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < count; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            return (int)CU_get_error();
    return CUE_SUCCESS;
}
