/*
 * replica.h: the durable containers of one device: conversations, message rows, outbox, drafts. Private to device*.c.
 *
 * Each is an array sorted by id and searched by halving, so that an idle device costs a few hundred bytes and every
 * walk is in order of ids, never of addresses. Growth: doubled by base_grow (rows: by a quarter, from 32 on), freed
 * when the last element goes; the bound is what the user holds. Pointers into a container are valid until the next
 * insertion into or removal from it.
 */
#ifndef SEXTON_CORE_REPLICA_H
#define SEXTON_CORE_REPLICA_H

#include "core/base.h"

struct replica_conv {
    conv_id id;
    version as_of;   /* of the snapshot or the JOIN that brought it: older entries are not applied (R3) */
    version last;    /* the last version that the log or a snapshot carried */
    version state;   /* of the last DELETE_CONV or UNDO_CONV; the deletion's version while `deleted` */
    version cleared; /* what was sent up to here is gone for this user alone */
    version read;    /* what was sent up to here is read */
    uint8_t kind, role;
    bool deleted;
};

/* What was last said of a row: the notes are the difference between this and what view_update finds. */
enum replica_shown {
    SHOWN_NEVER,
    SHOWN_PENDING, /* said readable, and to be said again with its version when the log carries it */
    SHOWN_READABLE,
    SHOWN_HIDDEN_PENDING, /* hidden by this device's own deletion alone */
    SHOWN_HIDDEN,
};

struct replica_row {
    conv_id conv;
    msg_id id;
    version version; /* of the last change; 0 while only the outbox has it */
    version sent;    /* of the commit that made it, where the log or a snapshot said so */
    user_id author;
    msg_id blob; /* what is attached to it, or 0 */
    struct text body;
    bool in_replica : 1; /* the log or a snapshot carries it; else it is an own send, shown by the outbox */
    bool deleted : 1;
    bool hidden : 1; /* this user deleted it for themselves: a tombstone without content, until the purge */
    uint8_t shown;   /* enum replica_shown */
};

struct replica_op {
    uint32_t op;
    uint8_t operation, role, conv_kind;
    bool sent : 1;     /* at least once */
    bool answered : 1; /* accepted or settled; kept only while the overlay needs it (D2) */
    bool overlay : 1;  /* it may still show or hide something (D1) */
    bool carried : 1;  /* a send: the log or a snapshot has its message */
    bool early : 1;    /* a deletion, accepted before its target had arrived */
    conv_id conv;
    msg_id target, reply;
    msg_id blob; /* SEND: the upload that it refers to, or 0 */
    version named;
    version accepted; /* once answered; 0 = early or settled */
    version until;    /* CLEAR: how far the conversation was known when it was asked for; READ: up to which send */
    user_id subject;
    uint64_t period_us; /* SET_RETENTION */
    struct text body;
};

struct replica_draft {
    conv_id conv;
    msg_id reply; /* the message that it will reply to, or 0 */
    struct text body;
};

/* A message that replies to another, and what it quotes of it. */
struct replica_reply {
    conv_id conv;
    msg_id id, parent;
    version version;  /* of the parent, when it had this text; 0: while only the outbox has the parent */
    version sent;     /* of the parent's send */
    struct text text; /* empty: nothing to quote, or not any more */
};

/* A copy of a message, or of its beginning, that is not its body (device_copies.c). */
struct replica_copy {
    conv_id conv;
    msg_id target, via;
    version version; /* of the content that it was made from; 0 while only the outbox has it */
    struct text text;
    uint8_t copy;     /* enum copy; never COPY_BODY */
    uint8_t parts;    /* of an attachment: how many have come */
    bool partial : 1; /* and more are to come: not shown, and asked for until then */
    /* of a notification: the place of what it announces, or withdraws, in the user's log */
    uint64_t position;
    uint32_t epoch;
    bool mark : 1;   /* a withdrawal, and not shown */
    bool wanted : 1; /* meant within a step: it is to stay */
    bool said : 1;   /* a SHOW has told of it, as it is now */
};

struct replica {
    struct replica_conv *convs;
    struct replica_row *rows; /* by (conv, id) */
    struct replica_op *ops;   /* by op */
    struct replica_draft *drafts;
    struct replica_copy *copies;   /* by (conv, copy, target, via) */
    struct replica_reply *replies; /* by (conv, id) */
    size_t conv_count, conv_cap, row_count, row_cap, op_count, op_cap, draft_count, draft_cap, copy_count, copy_cap,
        reply_count, reply_cap;
};

void replica_release(struct replica *r);
/* Make `to`, which holds nothing, equal to `from`. */
void replica_copy_all(struct replica *to, const struct replica *from);
size_t replica_bytes(const struct replica *r);

/* The element, or NULL. */
struct replica_conv *replica_conv_find(const struct replica *r, conv_id conv);
struct replica_row *replica_row_find(const struct replica *r, conv_id conv, msg_id id);
struct replica_op *replica_op_find(const struct replica *r, uint32_t op);
struct replica_draft *replica_draft_find(const struct replica *r, conv_id conv);
/* The index of the first row with (conv, id) or larger. */
size_t replica_row_from(const struct replica *r, conv_id conv, msg_id id);
bool replica_has_rows(const struct replica *r, conv_id conv);

/* The element, inserted zeroed when it is not there. */
struct replica_conv *replica_conv_put(struct replica *r, conv_id conv);
struct replica_row *replica_row_put(struct replica *r, conv_id conv, msg_id id);
/* Append; op numbers only grow. */
struct replica_op *replica_op_push(struct replica *r, uint32_t op);
/* The index of the first reply of the conversation with that id or a larger one; the reply itself, or NULL. */
size_t replica_reply_from(const struct replica *r, conv_id conv, msg_id id);
struct replica_reply *replica_reply_find(const struct replica *r, conv_id conv, msg_id id);
struct replica_reply *replica_reply_put(struct replica *r, conv_id conv, msg_id id);
void replica_replies_remove(struct replica *r, size_t at, size_t count);
/* The index of the first copy of that kind or a later one in the conversation. */
size_t replica_copy_from(const struct replica *r, conv_id conv, uint8_t copy);
struct replica_copy *replica_copy_put(struct replica *r, conv_id conv, uint8_t copy, msg_id target, msg_id via);
/* Remove `count` copies from the index `at` on. */
void replica_copies_remove(struct replica *r, size_t at, size_t count);
/* An empty text removes the draft. */
void replica_draft_set(struct replica *r, conv_id conv, const struct text *body);

void replica_conv_remove(struct replica *r, struct replica_conv *conv);
/* Remove the rows [at, at + count). */
void replica_rows_remove(struct replica *r, size_t at, size_t count);
void replica_op_remove(struct replica *r, struct replica_op *op);

#endif
