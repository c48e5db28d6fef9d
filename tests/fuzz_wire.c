/*
 * fuzz_wire.c: libFuzzer target of everything that a message can do.
 *
 * The codec: whatever the bytes are, no crash; what is read is written again as the same bytes. Then the steps: a town
 * of two shards and four devices with something in every table gets hostile messages, from a device's connection, from
 * the other shard, or at a device. No step fails, and one that decides nothing changes nothing: neither what the shards
 * hold, beyond their books, nor what the device shows. Afterwards the town goes on, restarts, and still does not fail.
 *
 * The input is a first byte of choices, then messages: how it comes and whether it is raw; raw: its length and bytes;
 * else a kind and a few fields that differ from what would make sense there, so that most get past the door.
 */
#include "core/wire_codec.h"
#include "tests/town.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 12

struct input {
    const uint8_t *at, *end;
};

static struct town t;
static conv_id convs[2];
static msg_id messages[6];
static msg_id upload; /* that messages[2] refers to */

static uint64_t take(struct input *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && in->at < in->end; i++)
        value |= (uint64_t)*in->at++ << (8 * i);
    return value;
}

/* ---- a town with something of everything ---- */

static void build(uint8_t choices)
{
    town_open(&t, 2);
    t.policy.data_keys = choices & 1;
    t.policy.delivery = choices >> 1 & 3;
    t.policy.partition = choices >> 3 & 1;
    for (user_id u = 1; u <= 3; u++)
        town_user(&t, u);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 1, false);
    town_device(&t, 3, 2, false);
    town_device(&t, 4, 3, true);
    convs[0] = town_conversation(&t, 1, CONV_GROUP, 1, 3);
    uint32_t n = 2;
    while (shard_of_conv(&t.policy, MAKE_ID(PROVISIONER, n), 2) == shard_of_conv(&t.policy, convs[0], 2) && n < 64)
        n++;
    convs[1] = town_conversation(&t, n, CONV_CHANNEL, 2, 3);
    town_connect(&t, 1);
    town_connect(&t, 3);
    for (size_t i = 0; i < 4; i++)
        messages[i] = town_send(&t, i < 3 ? 1 : 3, convs[i / 3]);
    struct device_input attach = {.kind = DEVICE_PERSON, .operation = OPERATION_UPLOAD, .conv = convs[0]};
    attach.body = (struct text){.len = TEXT_BYTES_MAX};
    upload = MAKE_ID(1, device_inspect(t.devices[1]).next_op);
    town_input(&t, 1, &attach);
    attach.operation = OPERATION_SEND;
    attach.blob = upload;
    messages[2] = MAKE_ID(1, device_inspect(t.devices[1]).next_op);
    town_input(&t, 1, &attach);
    messages[4] = MAKE_ID(2, 1);
    messages[5] = MAKE_ID(1, 40);
    town_settle(&t);
    town_do(&t, 1, OPERATION_DELETE, convs[0], messages[0], 0);
    town_do(&t, 3, OPERATION_DELETE, convs[0], messages[4], 0); /* early */
    town_do(&t, 3, OPERATION_DELETE_ME, convs[0], messages[1], 0);
    town_settle(&t);
    if (!(choices & 64)) { /* the download of it is under way, or done */
        struct device_input fetch = {.kind = DEVICE_FETCH, .conv = convs[0], .target = messages[2]};
        town_input(&t, 3, &fetch);
    }
    if (choices & 16)
        town_connect(&t, 4); /* installed; else its reset is to come */
    if (choices & 32) {
        t.cut = true;
        town_send(&t, 3, convs[0]); /* waits in a channel */
        town_settle(&t);
        t.cut = false;
    }
}

/* ---- messages ---- */

static uint64_t interesting(uint8_t which, uint64_t now)
{
    const uint64_t values[] = {0,
                               1,
                               2,
                               3,
                               now + 1,
                               now - 1,
                               convs[0],
                               convs[1],
                               messages[0],
                               messages[1],
                               messages[2],
                               messages[3],
                               messages[4],
                               messages[5],
                               upload,
                               MAKE_ID(1, 3),
                               MAKE_ID(PROVISIONER, 9),
                               255,
                               TEXT_BYTES_MAX,
                               UINT32_MAX,
                               UINT64_MAX,
                               1ULL << 40,
                               VERSION_MAKE(1, 5),
                               VERSION_MAKE(2, 1),
                               t.now_us,
                               t.sessions[1],
                               t.sessions[3]};
    return values[which % (sizeof values / sizeof values[0])];
}

static void set_field(struct wire *w, uint8_t field, uint8_t which, struct input *in)
{
    uint8_t i = 0, count = 0;
#define WIRE_FIELD(type, name) count++;
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    field %= (uint8_t)(count + 1);
#define WIRE_FIELD(type, name) \
    if (i++ == field)          \
        w->name = (type)(which < 128 ? interesting(which, w->name) : take(in, sizeof(type)));
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    if (field == count)
        w->body.len = which % (TEXT_BYTES_MAX + 3);
}

/* What would make sense there, for the fields to differ from. */
static struct wire sensible(uint8_t kind, device_id device, shard_id from, shard_id to)
{
    struct device_state state = device_inspect(t.devices[device]);
    struct wire w = {.kind = kind, .device = device, .session = t.sessions[device], .epoch = 1, .generation = 1};
    w.oldest_op = w.op = state.next_op;
    w.operation = OPERATION_DELETE;
    w.entry = kind == WIRE_RESET_PAGE || kind == WIRE_SNAPSHOT ? ENTRY_ITEM_MESSAGE : ENTRY_DELETE;
    w.outcome = OUTCOME_ACCEPTED;
    w.conv_kind = CONV_GROUP;
    w.role = ROLE_MEMBER;
    w.user = kind == WIRE_FORWARD || kind == WIRE_SNAPSHOT_Q || kind == WIRE_FETCH ? (from ? 1 : 2) : (to ? 1 : 2);
    w.actor = w.user;
    w.subject = 3;
    w.reset_id = 1;
    w.page = w.pages = 1;
    w.incarnation = 1;
    w.position = state.cursor + (kind == WIRE_ENTRY);
    w.head = w.position;
    w.conv = shard_of_conv(&t.policy, convs[0], 2) ==
                     (kind == WIRE_FORWARD || kind == WIRE_SNAPSHOT_Q || kind == WIRE_FETCH ? to : from)
                 ? convs[0]
                 : convs[1];
    w.target = messages[kind == WIRE_FETCH || kind == WIRE_PART ? 2 : 1];
    w.blob = upload;
    w.version = VERSION_MAKE(1, 50);
    struct row in = {.c = {[CHANNEL_IN_source] = from}};
    if (t.stores[to]->ops->get(t.stores[to], TABLE_CHANNEL_IN, &in) == 0)
        w.number = in.c[CHANNEL_IN_number] + 1;
    else
        w.number = 1;
    w.at_us = t.now_us;
    return w;
}

/* Reads the next message; false when there is none, or its bytes are none. */
static bool next_message(struct input *in, uint8_t how, device_id device, shard_id from, shard_id to, struct wire *w)
{
    uint8_t bytes[WIRE_BYTES_MAX];
    if (how & 0x80) {
        size_t left = (size_t)(in->end - in->at), len = (size_t)take(in, 1);
        left -= left > 0;
        len = len < left ? len : left;
        const uint8_t *raw = in->at;
        in->at += len;
        if (wire_decode(raw, len, w) < 0)
            return false;
        if (wire_encode(w, bytes, sizeof bytes) != (int)len || memcmp(raw, bytes, len) != 0)
            abort();
        return true;
    }
    *w = sensible((uint8_t)(take(in, 1) % (WIRE_KIND_COUNT + 1)), device, from, to);
    for (uint64_t fields = take(in, 1) % 8; fields; fields--) {
        uint8_t field = (uint8_t)take(in, 1), which = (uint8_t)take(in, 1);
        set_field(w, field, which, in);
    }
    int size = wire_encode(w, bytes, sizeof bytes);
    struct wire read = *w;
    if (size > 0 && wire_decode(bytes, (size_t)size, &read) == 0 && how & 0x40)
        *w = read; /* else as it is, a body too long and all: a caller of the step may have no codec */
    return true;
}

/* ---- steps ---- */

/* Did the step decide anything, or was it all refused, repeated, ignored? */
static bool decides(const struct wire *w)
{
    for (size_t i = 0; i < t.out.note_count; i++)
        switch (t.out.notes[i].kind) {
            case NOTE_REFUSE:
            case NOTE_DUPLICATE:
            case NOTE_RECEIVE:
            case NOTE_REPEAT:
                break;
            default:
                return true;
        }
    return w->kind == WIRE_SNAPSHOT; /* an item that is awaited is stored, and nothing is said */
}

static void at_shard(shard_id to, device_id device, shard_id from, const struct wire *w)
{
    uint64_t before = town_digest(&t, TOWN_CONTENT);
    struct wire copy = *w;
    if (device) {
        town_shard_msg(&t, town_home(&t, device), w, device, t.sessions[device]);
    } else {
        struct shard_input input = {.kind = SHARD_PEER_MSG, .shard = from, .wire = &copy, .now_us = t.now_us};
        if (shard_step(t.shards[to], &input, &t.out) < 0)
            abort();
    }
    if (t.failed)
        abort();
    if (!decides(w) && town_digest(&t, TOWN_CONTENT) != before)
        abort();
}

static void at_device(device_id device, const struct wire *w)
{
    uint64_t before = town_device_digest(&t, device);
    struct device_input input = {.kind = DEVICE_MESSAGE, .wire = w, .now_us = t.now_us};
    if (device_step(t.devices[device], &input, &t.out) != 0)
        abort();
    if (t.out.note_count == 0 && t.out.msg_count == 0 && town_device_digest(&t, device) != before)
        abort();
}

static void go_on(void)
{
    town_settle(&t);
    town_connect(&t, 2);
    town_restart(&t, 0);
    town_restart(&t, 1);
    for (device_id d = 1; d <= 4; d++)
        town_connect(&t, d);
    town_send(&t, 1, convs[0]);
    town_advance(&t, 40 * US_PER_S); /* past the undo window: purges */
    if (t.failed)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire w;
    uint8_t bytes[WIRE_BYTES_MAX];
    if (wire_decode(data, size, &w) == 0 &&
        (wire_encode(&w, bytes, sizeof bytes) != (int)size || memcmp(data, bytes, size) != 0))
        abort();
    if (size < 3)
        return 0;
    struct input in = {data, data + size};
    build((uint8_t)take(&in, 1));
    for (int i = 0; i < MESSAGES_MAX && in.at < in.end; i++) {
        uint8_t how = (uint8_t)take(&in, 1);
        device_id device = 1 + (how >> 2 & 3);
        shard_id to = how >> 4 & 1;
        if (!next_message(&in, how, device, 1 - to, to, &w))
            continue;
        if ((how & 3) == 0)
            at_shard(0, device, 0, &w);
        else if ((how & 3) == 1)
            at_device(device, &w);
        else
            at_shard(to, 0, 1 - to, &w);
        if (how & 32)
            town_settle(&t);
    }
    go_on();
    town_close(&t);
    return 0;
}
