/*
 * test_hostile.c: what nobody has the right to say, said. A town of two shards: user 1 with device 1 and user 2 with
 * device 2 share the conversation `conv`; users 3 (device 3) and 4 (device 4) share `other`. The attacker is device 2,
 * or a shard that speaks out of turn. Whatever is dropped leaves every table as it was (but strangers are counted, see
 * audit.h); a refusal that is answered
 * moves the books (which operation was the last, its answer, the audit log) and nothing else.
 */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_hostile(void);

#define SHARDS 2

static struct town t;
static conv_id conv, other;
static msg_id ours, theirs, mine; /* by device 1 in conv, by device 3 in other, by device 2 in conv */

/* The number of a conversation, from `n` on, that is ordered at the first one's shard, or elsewhere. */
static uint32_t number_from(uint32_t n, bool together)
{
    shard_id home = shard_of_conv(&t.policy, MAKE_ID(PROVISIONER, 1), SHARDS);
    while ((shard_of_conv(&t.policy, MAKE_ID(PROVISIONER, n), SHARDS) == home) != together)
        n++;
    return n;
}

static void begin_with(bool together)
{
    town_open(&t, SHARDS);
    for (user_id u = 1; u <= 4; u++) {
        town_user(&t, u);
        town_device(&t, u, u, false);
    }
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    other = town_conversation(&t, number_from(2, together), CONV_GROUP, 3, 4);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
    ours = town_send(&t, 1, conv);
    theirs = town_send(&t, 3, other);
    mine = town_send(&t, 2, conv);
    town_settle(&t);
}

static void begin(void)
{
    begin_with(true);
}

static struct wire from_attacker(enum wire_kind kind)
{
    return (struct wire){.kind = (uint8_t)kind, .device = 2, .session = t.sessions[2], .oldest_op = 1};
}

static struct wire an_operation(enum operation operation, conv_id in, msg_id target)
{
    struct wire w = from_attacker(WIRE_OP);
    w.op = device_inspect(t.devices[2]).next_op + 10;
    w.operation = (uint8_t)operation;
    w.conv = in;
    w.target = operation == OPERATION_SEND ? MAKE_ID(2, w.op) : target;
    w.conv_kind = CONV_GROUP;
    w.role = ROLE_MEMBER;
    w.body = (struct text){.len = 2, .bytes = "hi"};
    return w;
}

/* The whole town, in one number. */
static uint64_t town_now(enum town_digest what)
{
    uint64_t digest = town_digest(&t, what);
    for (device_id d = 1; d <= 4; d++)
        digest = digest * 31 + town_device_digest(&t, d);
    return digest;
}

/* Dropped at the door: nothing is written, and nobody hears of it. */
static void is_dropped(const struct wire *w, device_id as)
{
    uint64_t before = town_now(TOWN_ALL);
    CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, 2), w, as, t.sessions[2]), 0);
    CU_ASSERT_EQUAL(t.queued, 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_now(TOWN_ALL), before);
}

/* Decided against, and answered: the books alone have moved. */
static void is_refused(const struct wire *w, enum why why)
{
    uint64_t before = town_now(TOWN_CONTENT);
    unsigned commits = t.notes[NOTE_COMMIT], refusals = t.notes[NOTE_REFUSE];
    CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, 2), w, 2, t.sessions[2]), 0);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_now(TOWN_CONTENT), before);
    CU_ASSERT_EQUAL(t.notes[NOTE_COMMIT], commits);
    CU_ASSERT_EQUAL(t.notes[NOTE_REFUSE], refusals + 1);
    CU_ASSERT_EQUAL(t.last[NOTE_REFUSE].why, why);
}

/* A channel's entry, with the number that its receiver waits for. */
static void is_no_entry(shard_id from, struct wire w)
{
    uint64_t before = town_now(TOWN_CONTENT);
    shard_id to = 1 - from;
    struct row in = {.c = {[CHANNEL_IN_source] = from}};
    int status = t.stores[to]->ops->get(t.stores[to], TABLE_CHANNEL_IN, &in);
    CU_ASSERT(status == 0 || status == E_NOTFOUND);
    w.incarnation = 1;
    w.number = in.c[CHANNEL_IN_number] + 1;
    struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = from, .wire = &w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(shard_step(t.shards[to], &input, &t.out), 0);
    for (size_t i = 0; i < t.out.msg_count; i++)
        CU_ASSERT_EQUAL(t.out.msgs[i].wire.kind, WIRE_CHANNEL_ACK);
    CU_ASSERT_EQUAL(town_now(TOWN_CONTENT), before);
}

/* ---- at a user's shard ---- */

static void a_session_speaks_for_its_own_device_alone(void)
{
    begin();
    struct wire w = an_operation(OPERATION_SEND, conv, 0);
    w.device = 1;
    is_dropped(&w, 2); /* its own connection, another's name */
    is_dropped(&w, 1); /* another's name, and not that one's session */
    struct wire hello = from_attacker(WIRE_HELLO);
    hello.device = 1;
    is_dropped(&hello, 2);
    struct wire ack = from_attacker(WIRE_ACK);
    ack.device = 4;
    is_dropped(&ack, 2);
    ack.device = 999;
    is_dropped(&ack, 999);
    town_close(&t);
}

static void what_only_a_server_says_is_dropped_from_a_device(void)
{
    begin();
    for (uint8_t kind = WIRE_NONE; kind <= WIRE_KIND_COUNT; kind++) {
        if (kind == WIRE_HELLO || kind == WIRE_ACK || kind == WIRE_OP || kind == WIRE_TYPING)
            continue; /* that somebody types is test_typing.c's */
        struct wire w = an_operation(OPERATION_DELETE, conv, ours);
        w.kind = kind;
        w.user = 1;
        w.entry = ENTRY_DELETE;
        w.outcome = OUTCOME_ACCEPTED;
        is_dropped(&w, 2);
    }
    town_close(&t);
}

static void an_operation_that_makes_no_sense_is_dropped(void)
{
    begin();
    struct wire w = an_operation(OPERATION_SEND, conv, 0);
    w.body.len = TEXT_BYTES_MAX + 1;
    is_dropped(&w, 2);
    w.body.len = UINT8_MAX;
    is_dropped(&w, 2);
    w = an_operation(OPERATION_EDIT, conv, mine);
    w.body.len = TEXT_BYTES_MAX + 1;
    is_dropped(&w, 2);
    w = an_operation(OPERATION_NONE, conv, ours);
    is_dropped(&w, 2);
    w.operation = OPERATION_COUNT;
    is_dropped(&w, 2);
    w = an_operation(OPERATION_SEND, 0, 0);
    is_dropped(&w, 2);
    w = an_operation(OPERATION_SEND, conv, 0);
    w.op = 0;
    is_dropped(&w, 2);
    w = an_operation(OPERATION_ADD, conv, 0);
    w.role = ROLE_COUNT;
    is_dropped(&w, 2);
    town_close(&t);
}

static void an_acknowledgement_of_what_was_never_sent_is_dropped(void)
{
    begin();
    struct wire w = from_attacker(WIRE_ACK);
    w.epoch = 1;
    w.generation = 1;
    w.position = 1000;
    is_dropped(&w, 2);
    w.position = device_inspect(t.devices[2]).cursor;
    w.epoch = 2;
    is_dropped(&w, 2);
    w.epoch = 1;
    w.generation = 9;
    is_dropped(&w, 2);
    town_close(&t);
}

static void a_replayed_operation_is_answered_and_not_executed(void)
{
    begin();
    struct wire w = an_operation(OPERATION_SEND, conv, 0);
    town_shard_msg(&t, town_home(&t, 2), &w, 2, t.sessions[2]);
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 1, w.target));
    uint64_t before = town_now(TOWN_ALL);
    for (int i = 0; i < 3; i++) {
        town_shard_msg(&t, town_home(&t, 2), &w, 2, t.sessions[2]);
        town_settle(&t);
    }
    w.operation = OPERATION_DELETE; /* something else under the number of what was answered */
    w.target = mine;
    town_shard_msg(&t, town_home(&t, 2), &w, 2, t.sessions[2]);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_now(TOWN_ALL), before);
    CU_ASSERT(town_reads(&t, 1, mine));
    town_close(&t);
}

/* ---- at a conversation's shard ---- */

static void an_outsider_is_refused_whatever_they_ask(void)
{
    begin();
    for (uint8_t operation = OPERATION_ADD; operation < OPERATION_COUNT; operation++) {
        if (operation == OPERATION_CANCEL)
            continue;
        struct wire w = an_operation(operation, other, theirs);
        w.op += operation;
        w.subject = 2;
        if (operation == OPERATION_SEND)
            w.target = MAKE_ID(2, w.op);
        bool office = operation == OPERATION_HOLD || operation == OPERATION_RELEASE; /* needs no membership */
        office = office || operation == OPERATION_JOIN;
        bool own = operation == OPERATION_ERASE; /* of an account, never of a conversation */
        bool answers = operation == OPERATION_ACCEPT || operation == OPERATION_DECLINE;
        is_refused(&w, own ? WHY_MALFORMED : office ? WHY_NOT_PERMITTED : answers ? WHY_NOT_INVITED : WHY_NOT_A_MEMBER);
    }
    town_close(&t);
}

static void an_id_of_another_conversation_is_no_target_here(void)
{
    static const uint8_t operations[] = {OPERATION_DELETE, OPERATION_UNDO, OPERATION_EDIT, OPERATION_DELETE_ME};
    begin();
    for (size_t i = 0; i < sizeof operations; i++) {
        struct wire w = an_operation(operations[i], conv, theirs);
        w.op += (uint32_t)i;
        is_refused(&w, WHY_UNKNOWN_TARGET);
        CU_ASSERT(town_reads(&t, 3, theirs));
    }
    town_close(&t);
}

/* This shard cannot know it, so the deletion is kept as an early one; it meets nothing here, and goes (U8). */
static void a_deletion_of_what_another_shard_orders_has_no_effect(void)
{
    begin_with(false);
    struct wire w = an_operation(OPERATION_DELETE, conv, theirs);
    town_shard_msg(&t, town_home(&t, 2), &w, 2, t.sessions[2]);
    town_settle(&t);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EARLY), 1);
    CU_ASSERT(town_reads(&t, 3, theirs));
    town_send(&t, 3, conv); /* refused, and so its number is settled here */
    town_settle(&t);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EARLY), 0);
    CU_ASSERT(town_reads(&t, 3, theirs));
    town_close(&t);
}

static void an_id_that_is_not_ones_own_makes_nothing(void)
{
    begin();
    struct wire w = an_operation(OPERATION_SEND, conv, 0);
    w.target = ours; /* another's message */
    is_refused(&w, WHY_MALFORMED);
    w.op++;
    w.target = MAKE_ID(1, 77); /* what device 1 will send one day */
    is_refused(&w, WHY_MALFORMED);
    w.op++;
    w.target = 0;
    is_refused(&w, WHY_MALFORMED);
    struct wire create = an_operation(OPERATION_CREATE, MAKE_ID(1, 99), 0);
    create.op = w.op + 1;
    is_refused(&create, WHY_MALFORMED);
    create.op++;
    create.conv = other;
    is_refused(&create, WHY_MALFORMED);
    struct wire nowhere = an_operation(OPERATION_DELETE_CONV, MAKE_ID(7, 7), 0);
    nowhere.op = create.op + 1;
    is_refused(&nowhere, WHY_UNKNOWN_CONVERSATION);
    town_close(&t);
}

/* ---- between shards ---- */

static void a_shard_speaks_for_its_own_conversations_and_users_alone(void)
{
    begin();
    for (shard_id from = 0; from < SHARDS; from++) {
        shard_id to = 1 - from;
        user_id user_here = to == shard_of_user(1, SHARDS) ? 1 : 2, user_there = 3 - user_here;
        conv_id conv_here = 0, conv_there = 0;
        for (uint32_t n = 1; !conv_here || !conv_there; n++) {
            conv_id c = MAKE_ID(PROVISIONER, n);
            *(shard_of_conv(&t.policy, c, SHARDS) == to ? &conv_here : &conv_there) = c;
        }
        struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_DELETE, .conv = conv_here, .target = ours, .version = 99};
        w.user = user_here;
        is_no_entry(from, w); /* that conversation is ordered here */
        w.conv = conv_there;
        w.user = user_there;
        is_no_entry(from, w); /* that user's log is not here */
        w.user = user_here;
        w.entry = ENTRY_ITEM_MESSAGE;
        is_no_entry(from, w);
        w.entry = ENTRY_NONE;
        is_no_entry(from, w);
        w.entry = ENTRY_DELETE;
        w.target = 0;
        is_no_entry(from, w);
        w.target = ours;
        w.version = 0;
        is_no_entry(from, w);
        w = (struct wire){.kind = WIRE_FORWARD, .operation = OPERATION_DELETE, .conv = conv_here, .target = ours};
        w.op = 99;
        w.device = user_here;
        w.user = user_here; /* who is not that shard's */
        is_no_entry(from, w);
        w.user = user_there;
        w.conv = conv_there;
        is_no_entry(from, w);
        w.conv = conv_here;
        w.body.len = TEXT_BYTES_MAX + 1;
        is_no_entry(from, w);
        w = (struct wire){.kind = WIRE_RESULT, .user = user_here, .device = user_here, .op = 1};
        is_no_entry(from, w);
        w = (struct wire){.kind = WIRE_SNAPSHOT_Q, .user = user_here, .device = 1, .conv = conv_here, .reset_id = 1};
        is_no_entry(from, w);
        w = (struct wire){.kind = WIRE_SNAPSHOT, .user = user_here, .device = user_here, .conv = conv_there};
        w.entry = ENTRY_ITEM_MESSAGE;
        is_no_entry(from, w);
    }
    town_close(&t);
}

/* A shard asks for its own users only, and answers for its own conversations only. */
static void parts_of_attachments_come_from_where_they_belong(void)
{
    begin();
    for (shard_id to = 0; to < SHARDS; to++) {
        shard_id from = 1 - to;
        user_id user_here = to == shard_of_user(1, SHARDS) ? 1 : 2, user_there = 3 - user_here;
        conv_id conv_here = 0, conv_there = 0;
        for (uint32_t n = 1; !conv_here || !conv_there; n++) {
            conv_id c = MAKE_ID(PROVISIONER, n);
            *(shard_of_conv(&t.policy, c, SHARDS) == to ? &conv_here : &conv_there) = c;
        }
        struct wire ask = {.kind = WIRE_FETCH, .user = user_here, .device = 1, .session = 1, .conv = conv_here};
        ask.target = ours;
        ask.blob = ours;
        ask.page = 1;
        struct wire asks[] = {ask, ask, ask};
        asks[1].user = user_there;
        asks[1].conv = conv_there;
        asks[2].user = user_there;
        asks[2].page = 0;
        struct wire part = {.kind = WIRE_PART, .device = user_here, .conv = conv_here, .target = ours, .blob = ours};
        part.session = t.sessions[user_here];
        part.page = part.pages = 1;
        part.body = (struct text){.len = 4, .bytes = "fake"};
        struct wire parts[] = {part, part};
        parts[1].conv = conv_there;
        parts[1].session++;
        for (size_t i = 0; i < 5; i++) {
            const struct wire *w = i < 3 ? &asks[i] : &parts[i - 3];
            struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = from, .wire = w, .now_us = t.now_us};
            uint64_t before = town_now(TOWN_ALL);
            CU_ASSERT_EQUAL(shard_step(t.shards[to], &input, &t.out), 0);
            CU_ASSERT_EQUAL(t.out.msg_count, 0);
            CU_ASSERT_EQUAL(t.out.note_count, 0);
            CU_ASSERT_EQUAL(town_now(TOWN_ALL), before);
        }
    }
    town_close(&t);
}

static void an_old_or_early_entry_of_a_channel_is_dropped(void)
{
    begin();
    shard_id to = shard_of_user(1, SHARDS), from = 1 - to;
    struct row in = {.c = {[CHANNEL_IN_source] = from}};
    t.stores[to]->ops->get(t.stores[to], TABLE_CHANNEL_IN, &in);
    struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_VOID, .user = 1, .incarnation = 1, .version = 99};
    for (uint32_t n = 1; shard_of_conv(&t.policy, w.conv = MAKE_ID(PROVISIONER, n), SHARDS) != from; n++)
        ;
    uint64_t numbers[] = {0, 1, in.c[CHANNEL_IN_number], in.c[CHANNEL_IN_number] + 2, UINT64_MAX};
    uint64_t before = town_now(TOWN_ALL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        w.number = numbers[i];
        struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = from, .wire = &w, .now_us = t.now_us};
        CU_ASSERT_EQUAL(shard_step(t.shards[to], &input, &t.out), 0);
        CU_ASSERT_EQUAL(town_now(TOWN_ALL), before);
    }
    w.number = in.c[CHANNEL_IN_number] + 1;
    w.incarnation = 0;
    struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = from, .wire = &w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(shard_step(t.shards[to], &input, &t.out), 0);
    input.shard = 63; /* no such shard */
    w.incarnation = 1;
    CU_ASSERT_EQUAL(shard_step(t.shards[to], &input, &t.out), 0);
    CU_ASSERT_EQUAL(town_now(TOWN_ALL), before);
    town_close(&t);
}

/* ---- at a device ---- */

static void device_drops(struct wire w)
{
    uint64_t before = town_device_digest(&t, 1);
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &w, .now_us = t.now_us};
    CU_ASSERT_EQUAL(device_step(t.devices[1], &in, &t.out), 0);
    CU_ASSERT_EQUAL(town_device_digest(&t, 1), before);
}

static void a_device_believes_its_session_its_epoch_and_its_position_alone(void)
{
    begin();
    uint64_t next = device_inspect(t.devices[1]).cursor + 1;
    struct wire good = {.kind = WIRE_ENTRY, .entry = ENTRY_DELETE, .conv = conv, .target = ours, .version = 1ULL << 41};
    good.session = t.sessions[1];
    good.device = 1;
    good.epoch = 1;
    good.position = next;
    good.head = next;
    struct wire w = good;
    w.session++;
    device_drops(w);
    w = good;
    w.epoch = 2;
    device_drops(w);
    w = good;
    w.position = next - 1;
    device_drops(w);
    w = good;
    w.position = next + 1;
    device_drops(w);
    w = good;
    w.body.len = TEXT_BYTES_MAX + 1;
    device_drops(w);
    w = good;
    w.kind = WIRE_FANOUT;
    device_drops(w);
    struct wire page = {.kind = WIRE_RESET_PAGE, .session = t.sessions[1], .reset_id = 1, .page = 2, .pages = 1};
    page.entry = ENTRY_ITEM_NONE;
    device_drops(page);
    CU_ASSERT(town_reads(&t, 1, ours));
    struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &good, .now_us = t.now_us};
    device_step(t.devices[1], &in, &t.out);
    CU_ASSERT_FALSE(town_reads(&t, 1, ours)); /* so it was the one thing that was wrong each time */
    town_close(&t);
}

#define TESTS(X)                                                \
    X(a_session_speaks_for_its_own_device_alone)                \
    X(what_only_a_server_says_is_dropped_from_a_device)         \
    X(an_operation_that_makes_no_sense_is_dropped)              \
    X(an_acknowledgement_of_what_was_never_sent_is_dropped)     \
    X(a_replayed_operation_is_answered_and_not_executed)        \
    X(an_outsider_is_refused_whatever_they_ask)                 \
    X(an_id_of_another_conversation_is_no_target_here)          \
    X(a_deletion_of_what_another_shard_orders_has_no_effect)    \
    X(an_id_that_is_not_ones_own_makes_nothing)                 \
    X(a_shard_speaks_for_its_own_conversations_and_users_alone) \
    X(parts_of_attachments_come_from_where_they_belong)         \
    X(an_old_or_early_entry_of_a_channel_is_dropped)            \
    X(a_device_believes_its_session_its_epoch_and_its_position_alone)

int suite_hostile(void)
{
    CU_pSuite suite = CU_add_suite("hostile", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
