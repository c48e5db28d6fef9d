/*
 * wire.h: every message between a device and its user's shard, and between two shards (PROTOCOL.md §2).
 *
 * One flat struct for all kinds; each kind uses the fields that its line names, and leaves the others zero. Messages
 * are values: copied on send, no pointers, no ownership.
 */
#ifndef SEXTON_CORE_WIRE_H
#define SEXTON_CORE_WIRE_H

#include "core/base.h"

enum wire_kind {
    WIRE_NONE,
    /* device -> user's shard */
    WIRE_HELLO, /* device generation epoch position(cursor) op(highest sent + 1) oldest_op reset_id page(staged)
                   at_us(last) protocol */
    WIRE_ACK,   /* device session generation epoch position(durably applied) oldest_op */
    WIRE_OP,    /* device session op oldest_op operation conv target named subject role body conv_kind at_us */
    /* user's shard -> device */
    WIRE_WELCOME, /* session epoch generation head op(highest accepted) reset(0/1) */
    WIRE_ENTRY,   /* session epoch position head entry conv target version actor subject role at_us body conv_kind why
                     sent flags */
    WIRE_RESET_PAGE, /* session reset_id generation epoch position(p) page pages + one item: entry ITEM_*, see below */
    WIRE_BEAT,       /* session epoch head */
    WIRE_ANSWER,     /* session op outcome why version actor(who) at_us(when) early(0/1) */
    WIRE_RETIRED,    /* session: the device was restored from a backup, take a new id (X4) */
    /* shard -> shard, numbered entries of a channel */
    WIRE_FORWARD,    /* user device + all of WIRE_OP */
    WIRE_RESULT,     /* user device + all of WIRE_ANSWER */
    WIRE_FANOUT,     /* user + all of WIRE_ENTRY but position and head */
    WIRE_SNAPSHOT_Q, /* user conv device reset_id version(floor) */
    WIRE_SNAPSHOT,   /* user device reset_id conv page pages + one item */
    /* shard -> shard, not numbered: repeated until superseded */
    WIRE_CHANNEL_ACK, /* number(high water) applied, incarnation of the entries acknowledged */
    /* shard -> shard, numbered */
    WIRE_HOLD, /* operation(HOLD, RELEASE) subject(the user) actor version at_us */
    /* user's shard -> the device's notification centre: a datagram, of no session */
    WIRE_PUSH, /* device epoch position entry conv target version actor body: the entry at that position was logged */
    /* shard -> shard, numbered */
    WIRE_ORDER,      /* user device op(that asked) at_us: this account is erased */
    WIRE_ORDER_DONE, /* user device op: and here it is */
    /* device -> user's shard: what has this word? and what has, a message each */
    WIRE_SEARCH, /* device session body(the word) */
    WIRE_FOUND,  /* session conv target version */
    /* shard -> shard, after a restore, numbered */
    WIRE_REBASE, /* flags(enum rebase_stage) reset_id(the incarnation that asked, 0: nobody did); ITEM: user conv
                    version early(1: deleted, 2: an invitation alone) */
    /* shard -> shard, not numbered: repeated until it is answered by a REBASE of that reset_id */
    WIRE_REBASE_Q,   /* incarnation: the sender was restored as it */
    WIRE_RETIREMENT, /* user device: this id is not used any more (X5) */
    /* device -> user's shard -> conversation's shard, and back; not numbered: asked again until it is answered */
    WIRE_FETCH, /* device session conv target blob page(the part that is wanted); between shards: user as well */
    WIRE_PART,  /* the same, and pages body, or why */
    /* somebody is typing; never stored, never sent again. device -> user's shard: device session conv flags;
       shard -> shard, not numbered: user conv flags at_us, then to each member's (subject) version too;
       user's shard -> device: session conv actor version flags */
    WIRE_TYPING,
    WIRE_KIND_COUNT
};

/* What a person or a script asks for. */
#define OPERATION_LIST(X)                                                                                          \
    X(CREATE, "create")                                                                                            \
    X(ADD, "add")                                                                                                  \
    X(REMOVE, "remove")                                                                                            \
    X(LEAVE, "leave")                                                                                              \
    X(SEND, "send")                                                                                                \
    X(DELETE, "delete")                                                                                            \
    X(UNDO, "undo")                                                                                                \
    X(DELETE_CONV, "delete-conversation")                                                                          \
    X(UNDO_CONV, "undo-conversation")                                                                              \
    X(EDIT, "edit")                   /* target body */                                                            \
    X(DELETE_ME, "delete-for-me")     /* target */                                                                 \
    X(CLEAR, "clear-history")         /* everything so far, for oneself */                                         \
    X(CANCEL, "cancel")               /* target: an own send that is in the outbox. Never on the wire */           \
    X(HOLD, "hold")                   /* legal: conv, or subject */                                                \
    X(RELEASE, "release")             /* the same */                                                               \
    X(DELETE_ALL, "delete-all")       /* everything so far; subject: by this author. A job (shard_job.c) */        \
    X(SET_ROLE, "set-role")           /* subject role: promotes or demotes a member */                             \
    X(READ, "read")                   /* target: it, and all that was sent before it, on all of one's devices */   \
    X(SET_RETENTION, "set-retention") /* period_us: how old a message becomes */                                   \
    X(ERASE, "erase-account")         /* no conv: the user goes, and all that they wrote */                        \
    X(EXPORT, "export")     /* everything of it that this user can read, to this device. A job (shard_export.c) */ \
    X(JOIN, "join")         /* a channel, unasked */                                                               \
    X(INVITE, "invite")     /* subject role body: to come in */                                                    \
    X(ACCEPT, "accept")     /* target: the invitation */                                                           \
    X(DECLINE, "decline")   /* the same */                                                                         \
    X(WITHDRAW, "withdraw") /* the same, by whoever invited, or a moderator */                                     \
    X(UPLOAD, "upload")     /* body: what a message of that conversation will refer to */
#define OPERATION_ENUM(id, name) OPERATION_##id,
enum operation { OPERATION_NONE, OPERATION_LIST(OPERATION_ENUM) OPERATION_COUNT };

/* What a user's log holds, and (ITEM_*) what a snapshot holds. */
#define ENTRY_LIST(X)                                                                                               \
    X(JOIN, "join")                       /* this user has the conversation from `version` on: conv_kind role */    \
    X(EVICT, "evict")                     /* this user no longer has it */                                          \
    X(MEMBER, "member")                   /* another user (subject) joined with role, or left (role NONE) */        \
    X(SEND, "send")                       /* target = message, actor = author, body */                              \
    X(DELETE, "delete")                   /* target; actor; at_us; never content */                                 \
    X(UNDO, "undo")                       /* target; actor = author; body again */                                  \
    X(PURGE, "purge")                     /* target: content gone, not undoable */                                  \
    X(DENY, "deny")                       /* to the actor: its early deletion of target had no right */             \
    X(DELETE_CONV, "delete-conversation") /* actor, at_us */                                                        \
    X(UNDO_CONV, "undo-conversation")                                                                               \
    X(PURGE_CONV, "purge-conversation")                                                                             \
    X(VOID, "void")                   /* superseded: moves the cursor, changes nothing */                           \
    X(ITEM_CONV, "item-conversation") /* conv conv_kind role version(as-of) at_us, deleted: flags ITEM_DELETED */   \
    X(ITEM_MESSAGE, "item-message")   /* conv target version actor at_us body, or deleted: flags ITEM_DELETED */    \
    X(ITEM_NONE, "item-none")         /* this conversation is not the user's any more */                            \
    X(EDIT, "edit")                   /* target, body; actor = author */                                            \
    X(HIDE, "hide")                   /* to one user: target deleted for them alone */                              \
    X(CLEAR, "clear")                 /* to one user: everything sent up to `sent` is gone for them alone */        \
    X(QUOTE, "quote")                 /* target = parent, actor = its author, reply, body: what the reply quotes */ \
    X(ITEM_QUOTE, "item-quote")       /* the same in a snapshot; both: flags QUOTE_KEPT, then target = the reply */ \
    X(ROLE, "role")                   /* a member (subject) has another role now */                                 \
    X(READ, "read")                   /* to one user: what was sent up to `sent` is read */                         \
    X(ITEM_READ, "item-read")         /* conv sent: the same in a snapshot, behind its conversation */              \
    X(EXPORT, "export")     /* to one user: target as the export `reply` (the operation that asked) has it, body */ \
    X(INVITE, "invite")     /* to one user, no member: target = the invitation, actor = who invites, role, body */  \
    X(UNINVITE, "uninvite") /* to that user: target is not open any more; actor: who ended it */                    \
    X(ITEM_INVITE, "item-invite") /* an open invitation in a snapshot, in place of its conversation */              \
    X(ATTACH, "attach")           /* target = message, reply = the upload that is attached to it */                 \
    X(ITEM_ATTACH, "item-attach") /* the same in a snapshot */
#define ENTRY_ENUM(id, name) ENTRY_##id,
enum entry { ENTRY_NONE, ENTRY_LIST(ENTRY_ENUM) ENTRY_COUNT };
#define ITEM_DELETED 1U
#define TYPING_OVER 1U /* WIRE_TYPING: not any more */
#define QUOTE_KEPT 2U  /* it is the reply's own: target is the reply, and `reply` its parent */

enum conv_kind { CONV_NONE, CONV_DIRECT, CONV_GROUP, CONV_CHANNEL, CONV_KIND_COUNT };
enum role { ROLE_NONE, ROLE_MEMBER, ROLE_OWNER, ROLE_MODERATOR, ROLE_COUNT }; /* by rank: policy_rank */

#define OUTCOME_LIST(X) X(ACCEPTED, "accepted") X(REFUSED, "refused") X(SETTLED, "settled")
#define OUTCOME_ENUM(id, name) OUTCOME_##id,
enum outcome { OUTCOME_NONE, OUTCOME_LIST(OUTCOME_ENUM) OUTCOME_COUNT };

/* Why an operation was refused. */
#define WHY_LIST(X)                                                                                  \
    X(CONVERSATION_DELETED, "conversation-deleted") /* who and when travel with it */                \
    X(CONVERSATION_GONE, "conversation-gone")       /* purged or reaped */                           \
    X(UNKNOWN_CONVERSATION, "unknown-conversation")                                                  \
    X(UNKNOWN_TARGET, "unknown-target") /* the message is not of this conversation, or was reaped */ \
    X(NOT_A_MEMBER, "not-a-member")                                                                  \
    X(NOT_PERMITTED, "not-permitted")                                                                \
    X(WINDOW_CLOSED, "window-closed")                                                                \
    X(NOT_DELETED, "not-deleted") /* an undo of something that is not deleted */                     \
    X(SUPERSEDED, "superseded")   /* an undo that names another deletion than the current one */     \
    X(ALREADY_MEMBER, "already-member")                                                              \
    X(MALFORMED, "malformed")                                                                        \
    X(TARGET_DELETED, "target-deleted") /* an edit of, or a reply to, what is deleted */             \
    X(NOT_HELD, "not-held")             /* a release of what no hold is on */                        \
    X(ACCOUNT_CLOSED, "account-closed") /* of one who is being erased, or for them */                \
    X(NOT_INVITED, "not-invited")                                                                    \
    X(INVITATION_CLOSED, "invitation-closed") /* who ended it and when travel with it */             \
    X(ALREADY_INVITED, "already-invited")                                                            \
    X(TOO_MANY, "too-many")                     /* invitations of one conversation that are open */  \
    X(UNKNOWN_ATTACHMENT, "unknown-attachment") /* no upload of one's own to that conversation that is free */
#define WHY_ENUM(id, name) WHY_##id,
enum why { WHY_NONE, WHY_LIST(WHY_ENUM) WHY_COUNT };

/* Why content went, in its tombstone: an enum and never words of anybody's. */
#define REASON_LIST(X)                                                                          \
    X(USER, "user")             /* somebody asked for this one */                               \
    X(BULK, "bulk")             /* one of many that were asked for at once */                   \
    X(MODERATION, "moderation") /* by somebody whose role lets them delete what others wrote */ \
    X(RETENTION, "retention")   /* it was as old as its conversation keeps */                   \
    X(CASCADE, "cascade")       /* a reply, with what it replies to */                          \
    X(ERASURE, "erasure")       /* its author goes, with all that they wrote */                 \
    X(LAPSED, "lapsed")         /* an invitation: what it stood on is gone */                   \
    X(EXPIRED, "expired")       /* an invitation: it was open for as long as any is */
#define REASON_ENUM(id, name) REASON_##id,
enum reason { REASON_NONE, REASON_LIST(REASON_ENUM) REASON_COUNT };
const char *reason_name(unsigned reason);

const char *operation_name(unsigned operation);
const char *entry_name(unsigned entry);
const char *outcome_name(unsigned outcome);
const char *why_name(unsigned why);
/* The operation of that name, or OPERATION_NONE; likewise WHY_NONE. */
unsigned operation_find(const char *name);
unsigned why_find(const char *name);

/*
 * The fields, in the order of their encoding (wire_codec.h). New ones are appended: a field that is zero is not
 * encoded, so an old reader of a new writer's message meets only what it knows, unless it is meant to notice.
 */
#define WIRE_FIELDS(X)                                                                                            \
    X(uint8_t, kind)      /* enum wire_kind */                                                                    \
    X(uint8_t, operation) /* enum operation */                                                                    \
    X(uint8_t, entry)     /* enum entry */                                                                        \
    X(uint8_t, outcome)   /* enum outcome */                                                                      \
    X(uint8_t, why)       /* enum why */                                                                          \
    X(uint8_t, conv_kind) /* enum conv_kind */                                                                    \
    X(uint8_t, role)      /* enum role */                                                                         \
    X(uint8_t, flags)     /* ITEM_*, FLAG_* */                                                                    \
    X(uint8_t, reset)     /* WELCOME: a reset follows; CHANNEL_ACK: a question */                                 \
    X(uint8_t, early)     /* ANSWER: accepted, the target has not arrived yet */                                  \
    X(uint32_t, session)                                                                                          \
    X(uint32_t, generation)                                                                                       \
    X(uint32_t, epoch)                                                                                            \
    X(device_id, device)                                                                                          \
    X(user_id, user)                                                                                              \
    X(user_id, actor)   /* who did it */                                                                          \
    X(user_id, subject) /* who is added, removed */                                                               \
    X(uint32_t, op)                                                                                               \
    X(uint32_t, oldest_op) /* the oldest operation whose answer the device has not stored; op+1 when none */      \
    X(uint32_t, reset_id)                                                                                         \
    X(uint32_t, page)                                                                                             \
    X(uint32_t, pages)                                                                                            \
    X(uint32_t, incarnation) /* of the sending shard, on a channel */                                             \
    X(uint64_t, position)                                                                                         \
    X(uint64_t, head)                                                                                             \
    X(uint64_t, number)  /* of an entry of a channel, dense from 1 in each incarnation */                         \
    X(uint64_t, applied) /* the highest number that every unfenced device behind the receiver has acknowledged */ \
    X(conv_id, conv)                                                                                              \
    X(msg_id, target)                                                                                             \
    X(version, version)    /* of the commit that made this */                                                     \
    X(version, named)      /* UNDO, UNDO_CONV: the version of the deletion that it undoes */                      \
    X(uint64_t, at_us)     /* server time of the commit */                                                        \
    X(version, sent)       /* of the commit that made the target; CLEAR, READ: up to which */                     \
    X(uint8_t, protocol)   /* HELLO: the device's version, 0 = the current one (protocol.h) */                    \
    X(msg_id, reply)       /* of a message: the one that it replies to; QUOTE, ITEM_QUOTE: see there */           \
    X(uint64_t, period_us) /* SET_RETENTION: 0 = for ever */                                                      \
    X(uint32_t, token)     /* HELLO: the last session that the device was welcomed in */                          \
    X(msg_id, blob)        /* SEND: the upload that it refers to, or 0; FETCH, PART */

struct wire {
#define WIRE_FIELD(type, name) type name;
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    struct text body;
};

#endif
