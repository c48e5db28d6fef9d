/*
 * device.h: one client device: replica, outbox, cursor, drafts, and what the person looks at (PROTOCOL.md §3, D-rules).
 *
 * device_step is a pure step. What it changes durably is one atomic write: a crash falls before it (the step did not
 * happen) or after it (its messages are lost). device_crash forgets what is volatile. View = replica with the outbox
 * laid over it (D1); SHOW and HIDE notes are the changes of that view, in order of (conv, target).
 */
#ifndef SEXTON_CORE_DEVICE_H
#define SEXTON_CORE_DEVICE_H

#include "core/out.h"
#include "core/policy.h"

enum device_input_kind {
    DEVICE_PERSON,    /* operation conv target named subject role conv_kind body: what the person does; assigns an op */
    DEVICE_TYPING,    /* conv, body, reply: a draft is being written (body.len = 0: cleared); remembered until sent */
    DEVICE_LOOK,      /* conv: the person looks at it now; 0 = at nothing */
    DEVICE_CONNECTED, /* session: says hello */
    DEVICE_DISCONNECTED,
    DEVICE_MESSAGE, /* wire */
    DEVICE_TIMER,   /* the wake of out.wake_at_us is due: hello or outbox again */
    DEVICE_RESUME,  /* after a crash, before it connects */
    DEVICE_SEARCH,  /* body: a word; while it is connected, its shard is asked, and what was found before gives way */
    DEVICE_PUSH,    /* wire, to its notification centre: whether the app runs or not; wakes nothing */
    DEVICE_FETCH,   /* conv target: download what is attached to that message; asked for until it is there */
    DEVICE_SIGNAL,  /* conv: the person is typing there, says nothing yet and has no draft; told while connected */
};
struct device_input {
    enum device_input_kind kind;
    uint64_t now_us; /* the device's own, possibly skewed, clock: for records and the timestamp flaw only */
    uint32_t session;
    uint8_t operation, role, conv_kind;
    conv_id conv;  /* for CREATE: 0, the device makes the id (conv_id_make) */
    msg_id reply;  /* SEND, TYPING: the message that it replies to, or 0 */
    msg_id blob;   /* SEND: an upload of this device to that conversation, or 0 */
    msg_id target; /* DELETE, UNDO, DELETE_ME, CANCEL: may be unknown to this device */
    version named; /* UNDO, UNDO_CONV: 0 = the deletion that this device knows of */
    user_id
        subject; /* ADD, REMOVE, SET_ROLE; CREATE of a direct conversation: the other one; HOLD, RELEASE without conv */
    uint64_t period_us; /* SET_RETENTION */
    struct text body;
    const struct wire *wire;
};

struct device;
/* The policy is borrowed and must outlive the device. linked: it starts in generation 0 and must be reset. */
struct device *device_new(device_id id, user_id user, bool linked, const struct policy *policy);
/*
 * Its endpoint: the shard of its user, where it connects. Policy by-owner puts it into the ids of the conversations
 * that it makes, and the first 2^26 operations of a device may make one. Durable; 0 until told.
 */
void device_set_endpoint(struct device *device, shard_id home);
/* The version of the protocol that this program speaks (protocol.h); the current one until told. */
void device_set_protocol(struct device *device, uint8_t protocol);
void device_free(struct device *device);
/* Run one step; out is cleared first. Returns 0, or E_INVALID for an input it cannot take (changes nothing). */
int device_step(struct device *device, const struct device_input *input, struct out *out);
/* Lose everything volatile: session, timers, what the person looks at. Durable state is kept. */
void device_crash(struct device *device);
/* A newer program starts on what an older one, of the previous protocol, left behind: it asks for all of it anew. */
void device_upgrade(struct device *device);

/*
 * A backup of its database, or the start of a second process from it: a device with the same durable state and the same
 * id, and nothing volatile. Free it like any other.
 */
struct device *device_copy(const struct device *device);
/* Was it told that its id is not to be used any more (X4)? Then it does nothing until it has another. */
bool device_is_retired(const struct device *device);
/*
 * It was told: go on under a new id, which its user's shard was given as a linked device's. Its operations keep their
 * order and never use a number again; what it shows stays until the reset is installed (R4).
 */
void device_adopt(struct device *device, device_id id);

/*
 * The start of a newly linked device of the same user from a copy of this one (M3): under an id of its own, which its
 * user's shard has as any device's, with the replica and the place in the log that belong together, and nothing of what
 * the other has under way.
 */
void device_take_over(struct device *copy, device_id id);

/* ---- for observers: reads durable state and view, shares no code with the notes ---- */
struct device_state {
    uint32_t epoch, generation, next_op, outbox_count;
    uint64_t cursor;
    size_t bytes; /* memory in use, all in */
};
struct device_state device_inspect(const struct device *device);
/* One message in the replica, or one only in the outbox. */
struct device_row {
    conv_id conv;
    msg_id target;
    version version;
    bool in_replica, deleted, conv_deleted, pending_send, pending_delete;
    bool hidden;   /* deleted by this user for themselves */
    bool readable; /* the view: what the person can read */
    user_id author;
    struct text body;
};
/* In ascending (conv, target) order; stops when visit returns non-zero and returns that. */
int device_rows(const struct device *device, int (*visit)(void *ctx, const struct device_row *row), void *ctx);
/* Every copy in it that is not a body: of which message, made from which version of it, carried by which (via, or 0).
   TYPING is of no message: target is the user who types, version that of the conversation. */
struct device_copy {
    conv_id conv;
    msg_id target, via;
    version version; /* 0: of a message that only the outbox has */
    uint8_t copy;    /* enum copy */
    bool partial;    /* of a download that goes on: nobody can read it yet */
    struct text text;
};
/* In ascending (conv, copy, target, via) order, who is typing last; stops as device_rows does. */
int device_copies(const struct device *device, int (*visit)(void *ctx, const struct device_copy *copy), void *ctx);
/* Does an operation of this number wait in its outbox, sent or not? */
bool device_waits(const struct device *device, uint32_t op);
/* The conversations it has, with their as-of version; ascending. */
struct device_conv {
    conv_id conv;
    version version, deletion; /* deletion: the version of the deletion it knows of, or 0 */
    bool deleted, typing;
    uint8_t conv_kind, role;
};
int device_convs(const struct device *device, int (*visit)(void *ctx, const struct device_conv *conv), void *ctx);
/* The version of the deletion that the device knows of for this target (0 = the conversation), or 0. */
version device_deletion(const struct device *device, conv_id conv, msg_id target);

#endif
