/*
 * town.h: a few shards and devices without a simulator: messages go from hand to hand, in order, at once. For tests of
 * core that want one rule and no world. Time moves only by town_advance.
 */
#ifndef SEXTON_TESTS_TOWN_H
#define SEXTON_TESTS_TOWN_H

#include "core/device.h"
#include "core/shard.h"

#define TOWN_SHARDS_MAX 4
#define TOWN_DEVICES_MAX 16

struct town_msg {
    bool to_device;
    uint32_t to, from; /* device or shard; from: device or shard */
    uint32_t session;
    struct wire wire;
};
struct town {
    uint32_t shard_count;
    struct policy policy;
    struct store *stores[TOWN_SHARDS_MAX]; /* main */
    struct store *vaults[TOWN_SHARDS_MAX];
    struct store *blobs[TOWN_SHARDS_MAX];
    struct shard *shards[TOWN_SHARDS_MAX];
    uint64_t shard_wake[TOWN_SHARDS_MAX];
    struct device *devices[TOWN_DEVICES_MAX];
    user_id owners[TOWN_DEVICES_MAX];
    uint64_t device_wake[TOWN_DEVICES_MAX];
    uint32_t sessions[TOWN_DEVICES_MAX]; /* 0: not connected */
    uint32_t last_session;
    uint64_t now_us, steps;
    struct town_msg *queue;
    size_t queued, queue_cap;
    struct wire *pushes; /* to notification centres, in order; none arrives before town_push */
    size_t pushed, push_cap;
    device_id reads_slowly; /* what is said to this device waits in `unread`, in order, until town_read_one */
    struct town_msg *unread;
    size_t unread_count, unread_cap;
    bool cut;           /* messages between shards are lost */
    int lose_to_device; /* so many messages to devices are lost next */
    uint64_t period_us; /* of a set-retention */
    uint8_t role;       /* of a set-role */
    bool crash_next;    /* the next shard step crashes before its commit */
    int failed;         /* the last status of a shard's step that was neither 0 nor E_CRASH */
    unsigned notes[NOTE_COUNT];
    struct note last[NOTE_COUNT];
    struct out out;
};

void town_open(struct town *t, uint32_t shards);
/* On stores of the caller's making, which town_close closes. */
void town_open_on(struct town *t, uint32_t shards, struct store *(*open)(enum store_part part, shard_id shard));
void town_close(struct town *t);
void town_user(struct town *t, user_id user);
void town_device(struct town *t, device_id device, user_id user, bool linked);
/* A conversation of users first..last, the first its owner. */
conv_id town_conversation(struct town *t, uint32_t n, enum conv_kind kind, user_id first, user_id last);
void town_connect(struct town *t, device_id device);
/* The push arrives at its device, perhaps again. */
void town_push(struct town *t, size_t push);
void town_disconnect(struct town *t, device_id device);
/* The slow reader takes up its next message, and everybody hears what it says to that; false when it has read all. */
bool town_read_one(struct town *t);
/* Invoke; returns the op number (0 when refused by the device itself). Nothing is delivered before town_settle. */
uint32_t town_do(struct town *t, device_id device, enum operation operation, conv_id conv, msg_id target,
                 user_id subject);
/* Any other input of a device; the status of its step. */
int town_input(struct town *t, device_id device, struct device_input *in);
msg_id town_send(struct town *t, device_id device, conv_id conv);
void town_signal(struct town *t, device_id device, conv_id conv); /* its person is typing; not delivered yet */
void town_type(struct town *t, device_id device, conv_id conv, const char *draft); /* and settle */
msg_id town_reply(struct town *t, device_id device, conv_id conv, msg_id to);
/* Users 1 to the largest of `owners`, device i + 1 of the i-th of them, and a group of users 1 and 2; all connected. */
conv_id town_people(struct town *t, const user_id *owners, uint32_t devices);
/* Say something, or do something, and let everybody hear of it. The note of the answer, which the next one replaces. */
msg_id town_said(struct town *t, device_id device, conv_id conv);
const struct note *town_done(struct town *t, device_id device, enum operation operation, conv_id conv, msg_id target,
                             user_id subject);
void town_settle(struct town *t);               /* deliver until nothing moves */
void town_advance(struct town *t, uint64_t us); /* with timers on the way, settling after each */
void town_restart(struct town *t, shard_id shard);
int town_shard_msg(struct town *t, shard_id to, const struct wire *wire, device_id device, uint32_t session);
bool town_reads(const struct town *t, device_id device, msg_id target);
size_t town_rows(const struct town *t, enum store_table table); /* over all shards */
/* Of every row of a table, or of every table but those that only count what was said (TOWN_CONTENT), over all shards.
 */
enum town_digest { TOWN_ALL, TOWN_CONTENT };
uint64_t town_digest(const struct town *t, enum town_digest what);
/* Of what a device holds: replica, view, cursor, outbox. */
uint64_t town_device_digest(const struct town *t, device_id device);
shard_id town_home(const struct town *t, device_id device);

#endif
