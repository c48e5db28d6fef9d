/* town.c: see town.h. A message queue, a few arrays, and no luck. */
#include "tests/town.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void push(struct town *t, const struct town_msg *msg)
{
    t->queue = base_grow(t->queue, &t->queue_cap, t->queued + 1, sizeof *t->queue);
    t->queue[t->queued++] = *msg;
}

static void take_notes(struct town *t)
{
    for (size_t i = 0; i < t->out.note_count; i++) {
        const struct note *note = &t->out.notes[i];
        t->notes[note->kind]++;
        t->last[note->kind] = *note;
    }
}

static void take_shard_out(struct town *t, shard_id shard)
{
    for (size_t i = 0; i < t->out.msg_count; i++) {
        const struct out_msg *m = &t->out.msgs[i];
        struct town_msg msg = {.to_device = m->to == OUT_TO_DEVICE, .to = m->id, .from = shard, .wire = m->wire};
        msg.session = msg.to_device ? m->wire.session : 0;
        if (m->to == OUT_HANG_UP) /* nothing is half open in this town */
            continue;
        if (m->to == OUT_TO_CENTRE) {
            t->pushes = base_grow(t->pushes, &t->push_cap, t->pushed + 1, sizeof *t->pushes);
            t->pushes[t->pushed++] = m->wire;
            continue;
        }
        if (msg.to_device && t->reads_slowly && msg.to == t->reads_slowly) {
            t->unread = base_grow(t->unread, &t->unread_cap, t->unread_count + 1, sizeof *t->unread);
            t->unread[t->unread_count++] = msg;
            continue;
        }
        if (msg.to_device && t->lose_to_device > 0)
            t->lose_to_device--;
        else if (msg.to_device || !t->cut)
            push(t, &msg);
    }
    take_notes(t);
    t->shard_wake[shard] = t->out.wake_at_us;
}

static int shard_input(struct town *t, shard_id shard, struct shard_input *in)
{
    in->now_us = t->now_us;
    in->crash_before_commit = t->crash_next;
    t->crash_next = false;
    memcpy(in->random, &(uint64_t){++t->steps}, sizeof(uint64_t));
    int status = shard_step(t->shards[shard], in, &t->out);
    if (status < 0 && status != E_CRASH)
        t->failed = status;
    take_shard_out(t, shard);
    return status;
}

static int device_input(struct town *t, device_id device, struct device_input *in)
{
    in->now_us = t->now_us;
    int status = device_step(t->devices[device], in, &t->out);
    for (size_t i = 0; i < t->out.msg_count; i++) {
        struct town_msg msg = {.to = town_home(t, device), .from = device, .session = t->sessions[device]};
        msg.wire = t->out.msgs[i].wire;
        push(t, &msg);
    }
    take_notes(t);
    t->device_wake[device] = t->out.wake_at_us;
    return status;
}

shard_id town_home(const struct town *t, device_id device)
{
    return shard_of_user(t->owners[device], t->shard_count);
}

static void start(struct town *t, shard_id shard)
{
    struct shard_stores stores = {t->stores[shard], t->vaults[shard], t->blobs[shard]};
    t->shards[shard] = shard_new(shard, t->shard_count, &stores, &t->policy);
    struct shard_input in = {.kind = SHARD_START, .incarnation = 1};
    shard_input(t, shard, &in);
}

static struct store *open_in_memory(enum store_part part, shard_id shard)
{
    (void)shard;
    return store_mem_open(part);
}

void town_open(struct town *t, uint32_t shards)
{
    town_open_on(t, shards, open_in_memory);
}

void town_open_on(struct town *t, uint32_t shards, struct store *(*open)(enum store_part part, shard_id shard))
{
    memset(t, 0, sizeof *t);
    t->shard_count = shards;
    t->policy = policy_sound();
    t->now_us = US_PER_S;
    for (shard_id s = 0; s < shards; s++) {
        t->stores[s] = open(STORE_MAIN, s);
        t->vaults[s] = open(STORE_VAULT, s);
        t->blobs[s] = open(STORE_BLOBS, s);
        start(t, s);
    }
    for (device_id d = 0; d < TOWN_DEVICES_MAX; d++)
        t->device_wake[d] = TIME_NEVER;
}

void town_close(struct town *t)
{
    for (shard_id s = 0; s < t->shard_count; s++) {
        shard_free(t->shards[s]);
        t->stores[s]->ops->close(t->stores[s]);
        t->vaults[s]->ops->close(t->vaults[s]);
        t->blobs[s]->ops->close(t->blobs[s]);
    }
    for (device_id d = 0; d < TOWN_DEVICES_MAX; d++)
        if (t->devices[d])
            device_free(t->devices[d]);
    out_free(&t->out);
    free(t->queue);
    free(t->pushes);
    free(t->unread);
}

void town_user(struct town *t, user_id user)
{
    struct shard_input in = {.kind = SHARD_PROVISION_USER, .user = user};
    shard_input(t, shard_of_user(user, t->shard_count), &in);
}

void town_device(struct town *t, device_id device, user_id user, bool linked)
{
    struct shard_input in = {.kind = SHARD_PROVISION_DEVICE, .user = user, .device = device, .linked = linked};
    t->owners[device] = user;
    t->devices[device] = device_new(device, user, linked, &t->policy);
    device_set_endpoint(t->devices[device], town_home(t, device));
    shard_input(t, town_home(t, device), &in);
}

conv_id town_conversation(struct town *t, uint32_t n, enum conv_kind kind, user_id first, user_id last)
{
    conv_id conv = MAKE_ID(PROVISIONER, n);
    shard_id home = shard_of_conv(&t->policy, conv, t->shard_count);
    struct shard_input in = {.kind = SHARD_PROVISION_CONV, .conv = conv, .conv_kind = (uint8_t)kind};
    shard_input(t, home, &in);
    for (user_id u = first; u <= last; u++) {
        struct shard_input member = {.kind = SHARD_PROVISION_MEMBER, .conv = conv, .user = u};
        member.role = u == first ? ROLE_OWNER : ROLE_MEMBER;
        shard_input(t, home, &member);
    }
    town_settle(t);
    return conv;
}

void town_connect(struct town *t, device_id device)
{
    struct shard_input in = {.kind = SHARD_CONNECT, .device = device, .session = ++t->last_session};
    t->sessions[device] = in.session;
    shard_input(t, town_home(t, device), &in);
    struct device_input hello = {.kind = DEVICE_CONNECTED, .session = in.session};
    device_input(t, device, &hello);
    town_settle(t);
}

void town_push(struct town *t, size_t push)
{
    struct device_input in = {.kind = DEVICE_PUSH, .wire = &t->pushes[push]};
    device_input(t, t->pushes[push].device, &in);
}

void town_disconnect(struct town *t, device_id device)
{
    struct shard_input in = {.kind = SHARD_DISCONNECT, .device = device, .session = t->sessions[device]};
    shard_input(t, town_home(t, device), &in);
    t->sessions[device] = 0;
    struct device_input gone = {.kind = DEVICE_DISCONNECTED};
    device_input(t, device, &gone);
}

uint32_t town_do(struct town *t, device_id device, enum operation operation, conv_id conv, msg_id target,
                 user_id subject)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = (uint8_t)operation, .conv = conv, .target = target};
    in.subject = subject;
    in.period_us = operation == OPERATION_SET_RETENTION ? t->period_us : 0;
    in.role = operation == OPERATION_SET_ROLE ? t->role : ROLE_NONE;
    uint32_t op = device_inspect(t->devices[device]).next_op;
    if (operation == OPERATION_SEND || operation == OPERATION_INVITE)
        in.body = (struct text){.len = 5, .bytes = "hello"};
    return device_input(t, device, &in) == 0 ? op : 0;
}

int town_input(struct town *t, device_id device, struct device_input *in)
{
    return device_input(t, device, in);
}

msg_id town_send(struct town *t, device_id device, conv_id conv)
{
    return MAKE_ID(device, town_do(t, device, OPERATION_SEND, conv, 0, 0));
}

void town_signal(struct town *t, device_id device, conv_id conv)
{
    struct device_input in = {.kind = DEVICE_SIGNAL, .conv = conv};
    device_input(t, device, &in);
}

void town_type(struct town *t, device_id device, conv_id conv, const char *draft)
{
    struct device_input in = {.kind = DEVICE_TYPING, .conv = conv};
    in.body.len = (uint8_t)strlen(draft);
    memcpy(in.body.bytes, draft, in.body.len);
    device_input(t, device, &in);
    town_settle(t);
}

msg_id town_reply(struct town *t, device_id device, conv_id conv, msg_id to)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = OPERATION_SEND, .conv = conv, .reply = to};
    in.body = (struct text){.len = 5, .bytes = "reply"};
    uint32_t op = device_inspect(t->devices[device]).next_op;
    return device_input(t, device, &in) == 0 ? MAKE_ID(device, op) : 0;
}

int town_shard_msg(struct town *t, shard_id to, const struct wire *wire, device_id device, uint32_t session)
{
    struct shard_input in = {.kind = device ? SHARD_DEVICE_MSG : SHARD_PEER_MSG, .device = device, .wire = wire};
    in.session = session;
    in.shard = device ? 0 : wire->user; /* tests that speak as a peer say which one in `user` */
    return shard_input(t, to, &in);
}

static void deliver(struct town *t, const struct town_msg *msg)
{
    if (msg->to_device) {
        if (t->sessions[msg->to] != msg->session)
            return;
        struct device_input in = {.kind = DEVICE_MESSAGE, .wire = &msg->wire};
        device_input(t, msg->to, &in);
        return;
    }
    bool from_device = msg->session != 0;
    if (from_device && t->sessions[msg->from] != msg->session)
        return;
    struct shard_input in = {.kind = from_device ? SHARD_DEVICE_MSG : SHARD_PEER_MSG, .wire = &msg->wire};
    in.device = from_device ? msg->from : 0;
    in.shard = from_device ? 0 : msg->from;
    in.session = msg->session;
    if (shard_input(t, msg->to, &in) == E_CRASH)
        town_restart(t, msg->to);
}

static bool run_due(struct town *t)
{
    for (shard_id s = 0; s < t->shard_count; s++)
        if (t->shard_wake[s] <= t->now_us) {
            struct shard_input in = {.kind = SHARD_TIMER};
            t->shard_wake[s] = TIME_NEVER;
            shard_input(t, s, &in);
            return true;
        }
    for (device_id d = 0; d < TOWN_DEVICES_MAX; d++)
        if (t->devices[d] && t->device_wake[d] <= t->now_us) {
            struct device_input in = {.kind = DEVICE_TIMER};
            t->device_wake[d] = TIME_NEVER;
            device_input(t, d, &in);
            return true;
        }
    return false;
}

bool town_read_one(struct town *t)
{
    if (!t->unread_count)
        return false;
    struct town_msg msg = t->unread[0];
    memmove(t->unread, t->unread + 1, --t->unread_count * sizeof *t->unread);
    deliver(t, &msg);
    town_settle(t);
    return true;
}

void town_settle(struct town *t)
{
    do {
        for (size_t i = 0; i < t->queued; i++) {
            struct town_msg msg = t->queue[i];
            deliver(t, &msg);
        }
        t->queued = 0;
    } while (run_due(t) || t->queued);
}

void town_advance(struct town *t, uint64_t us)
{
    uint64_t end = t->now_us + us;
    for (;;) {
        uint64_t next = end;
        for (shard_id s = 0; s < t->shard_count; s++)
            next = t->shard_wake[s] < next ? t->shard_wake[s] : next;
        for (device_id d = 0; d < TOWN_DEVICES_MAX; d++)
            next = t->device_wake[d] < next ? t->device_wake[d] : next;
        t->now_us = next > t->now_us ? next : t->now_us;
        town_settle(t);
        if (next >= end)
            return;
    }
}

void town_restart(struct town *t, shard_id shard)
{
    shard_free(t->shards[shard]);
    for (device_id d = 0; d < TOWN_DEVICES_MAX; d++)
        if (t->devices[d] && town_home(t, d) == shard && t->sessions[d]) {
            struct device_input gone = {.kind = DEVICE_DISCONNECTED};
            t->sessions[d] = 0;
            device_input(t, d, &gone);
        }
    start(t, shard);
}

struct readable {
    msg_id target;
    bool found;
};

static int find_row(void *ctx, const struct device_row *row)
{
    struct readable *r = ctx;
    r->found = r->found || (row->target == r->target && row->readable);
    return 0;
}

conv_id town_people(struct town *t, const user_id *owners, uint32_t devices)
{
    user_id users = 0;
    for (uint32_t i = 0; i < devices; i++)
        for (; users < owners[i]; users++)
            town_user(t, users + 1);
    for (uint32_t i = 0; i < devices; i++)
        town_device(t, i + 1, owners[i], false);
    conv_id conv = town_conversation(t, 1, CONV_GROUP, 1, 2);
    for (uint32_t i = 0; i < devices; i++)
        town_connect(t, i + 1);
    town_settle(t);
    return conv;
}

msg_id town_said(struct town *t, device_id device, conv_id conv)
{
    msg_id message = town_send(t, device, conv);
    town_settle(t);
    return message;
}

const struct note *town_done(struct town *t, device_id device, enum operation operation, conv_id conv, msg_id target,
                             user_id subject)
{
    uint32_t op = town_do(t, device, operation, conv, target, subject);
    assert(op && "the device itself refused it");
    town_settle(t);
    return &t->last[NOTE_ANSWERED];
}

bool town_reads(const struct town *t, device_id device, msg_id target)
{
    struct readable r = {.target = target};
    device_rows(t->devices[device], find_row, &r);
    return r.found;
}

static int count_row(void *ctx, const struct row *row)
{
    (void)row;
    (*(size_t *)ctx)++;
    return 0;
}

static struct store *store_of(const struct town *t, enum store_table table, shard_id shard)
{
    enum store_part part = store_tables[table].part;
    return part == STORE_MAIN ? t->stores[shard] : part == STORE_VAULT ? t->vaults[shard] : t->blobs[shard];
}

size_t town_rows(const struct town *t, enum store_table table)
{
    size_t count = 0;
    struct store_range all = {.table = table, .index = INDEX_PRIMARY};
    for (shard_id s = 0; s < t->shard_count; s++) {
        struct store *store = store_of(t, table, s);
        store->ops->scan(store, &all, count_row, &count);
    }
    return count;
}

static void mix(uint64_t *digest, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        *digest = (*digest ^ at[i]) * 0x100000001b3ULL;
}

static int digest_row(void *ctx, const struct row *row)
{
    mix(ctx, row->c, sizeof row->c);
    mix(ctx, &row->body.len, sizeof row->body.len);
    mix(ctx, row->body.bytes, row->body.len);
    return 0;
}

/* Books: what was answered, numbered and heard, whatever became of it. */
static bool is_books(enum store_table table)
{
    switch (table) {
        case TABLE_EXECUTED:
        case TABLE_ANSWER:
        case TABLE_CHANNEL_OUT:
        case TABLE_CHANNEL_IN:
        case TABLE_OUTBOX:
        case TABLE_DEVICE:
        case TABLE_META:
        case TABLE_AUDIT:
        case TABLE_KEY: /* of an operation that is on its way */
            return true;
        default:
            return false;
    }
}

uint64_t town_digest(const struct town *t, enum town_digest what)
{
    uint64_t digest = 0xcbf29ce484222325ULL;
    for (enum store_table table = 0; table < TABLE_COUNT; table++) {
        if (table == TABLE_VAULT_META || (what == TOWN_CONTENT && is_books(table)))
            continue;
        struct store_range all = {.table = table, .index = INDEX_PRIMARY};
        mix(&digest, &table, sizeof table);
        for (shard_id s = 0; s < t->shard_count; s++) {
            struct store *store = store_of(t, table, s);
            store->ops->scan(store, &all, digest_row, &digest);
        }
    }
    return digest;
}

static int digest_device_row(void *ctx, const struct device_row *row)
{
    uint64_t facts[] = {row->conv,    row->target,       row->version,      row->in_replica,
                        row->deleted, row->conv_deleted, row->pending_send, row->pending_delete,
                        row->hidden,  row->readable,     row->author,       row->body.len};
    mix(ctx, facts, sizeof facts);
    mix(ctx, row->body.bytes, row->body.len);
    return 0;
}

static int digest_device_conv(void *ctx, const struct device_conv *conv)
{
    uint64_t facts[] = {conv->conv,   conv->version,   conv->deletion, conv->deleted,
                        conv->typing, conv->conv_kind, conv->role};
    mix(ctx, facts, sizeof facts);
    return 0;
}

uint64_t town_device_digest(const struct town *t, device_id device)
{
    struct device_state state = device_inspect(t->devices[device]);
    uint64_t digest = 0xcbf29ce484222325ULL;
    uint64_t facts[] = {state.epoch, state.generation, state.next_op, state.outbox_count, state.cursor};
    mix(&digest, facts, sizeof facts);
    device_rows(t->devices[device], digest_device_row, &digest);
    device_convs(t->devices[device], digest_device_conv, &digest);
    return digest;
}
