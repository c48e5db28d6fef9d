/*
 * out.h: what a step of core produced: messages to carry, claims to record, the next moment it wants to be woken.
 * Effects are data; the caller carries them out after the step's commit, and owns the struct. out_clear keeps the
 * memory.
 */
#ifndef SEXTON_CORE_OUT_H
#define SEXTON_CORE_OUT_H

#include "core/base.h"
#include "core/wire.h"

#define NOTE(id, what) NOTE_##id,
enum note_kind {
#include "core/notes.def"
    NOTE_COUNT
};
#undef NOTE

/* Why a device stopped showing a message. Never believed by a checker. */
#define BECAUSE_LIST(X)                                                                    \
    X(DELETION, "deletion")                                                                \
    X(CONVERSATION_DELETION, "conversation-deletion")                                      \
    X(PENDING, "pending")   /* optimistic: this device's own, not yet answered */          \
    X(REFUSED, "refused")   /* this device's own send was refused */                       \
    X(EVICTION, "eviction") /* no longer a member */                                       \
    X(RESET, "reset")       /* the snapshot does not have it */                            \
    X(DRAFTED, "drafted")   /* a send of unknown outcome became a draft */                 \
    X(PURGE, "purge")                                                                      \
    X(FOR_ME, "for-me") /* this user deleted it, or cleared the history, for themselves */ \
    X(CANCELLED, "cancelled")                                                              \
    X(SUPERSEDED, "superseded") /* another message took the place of a derived copy */     \
    X(READ, "read")             /* it was read: it counts as unread, or is a notification, no more */
#define BECAUSE_ENUM(id, name) BECAUSE_##id,
enum because { BECAUSE_NONE, BECAUSE_LIST(BECAUSE_ENUM) BECAUSE_COUNT };
const char *because_name(unsigned because);

/*
 * What can carry the content of a message. The body is the message itself; everything else is derived from it, and must
 * go with it. New ones go at the end.
 */
#define COPY_LIST(X)                                                                                            \
    X(BODY, "body")                                                                                             \
    X(QUOTE, "quote")     /* in a reply (via) */                                                                \
    X(PREVIEW, "preview") /* the last message, in the list of conversations */                                  \
    X(NOTIFICATION, "notification")                                                                             \
    X(SEARCH, "search")                                                                                         \
    X(THREAD, "thread") /* the last reply, in the summary at a root (via) */                                    \
    X(ATTACHMENT, "attachment")                                                                                 \
    X(UNREAD, "unread")                                                                                         \
    X(DRAFT, "draft") /* quoted in what is being written */                                                     \
    X(EXPORT, "export")                                                                                         \
    X(BACKUP, "backup")                                                                                         \
    X(DISK, "disk")                                                                                             \
    X(INVITATION, "invitation") /* of a conversation that one is no member of; the message is the invitation */ \
    X(TYPING, "typing")         /* that somebody (actor) is typing in the conversation; of no message */
#define COPY_ENUM(id, name) COPY_##id,
enum copy { COPY_LIST(COPY_ENUM) COPY_COUNT };
const char *copy_name(unsigned copy);
/* The copy of that name, or COPY_COUNT. */
unsigned copy_find(const char *name);

/* How a hello is answered (L6, X4). */
enum sync_answer { SYNC_DELTA, SYNC_RESET, SYNC_HEAD_ONLY, SYNC_RETIRE };

enum job_stage { JOB_BEGIN, JOB_PROGRESS, JOB_END };

struct note {
    uint8_t kind; /* enum note_kind */
    uint8_t operation, entry, outcome, why, role, because, reason, stage;
    uint8_t copy; /* enum copy */
    bool pending, draft, reset, job;
    device_id device;
    user_id user, actor, subject;
    uint32_t op, epoch, generation, current, reset_id, incarnation;
    shard_id source;
    conv_id conv;
    msg_id target;
    msg_id via;  /* SHOW, HIDE of a derived copy: the message that carries it; of a send: the one that it replies to */
    msg_id blob; /* of a send: the upload that it refers to */
    version version, named;
    uint64_t position, head, horizon, number, deadline_us, at_us, count, period_us;
};

enum out_to { OUT_TO_DEVICE, OUT_TO_USER_SHARD, OUT_TO_SHARD, OUT_TO_CENTRE, OUT_HANG_UP };
struct out_msg {
    uint8_t to;         /* enum out_to; a device sends OUT_TO_USER_SHARD with `id` unused. OUT_HANG_UP: no message; the
                           runtime closes the connection of wire.session, to device `id` or from this device */
    bool before_commit; /* leaves although the step crashes before its commit (a flaw's doing) */
    uint32_t id;        /* device or shard */
    struct wire wire;
};

struct out {
    struct out_msg *msgs;
    size_t msg_count, msg_cap;
    struct note *notes;
    size_t note_count, note_cap;
    uint64_t wake_at_us; /* when the next timer input is due; TIME_NEVER for none. Replaces the earlier wish. */
};

void out_clear(struct out *out);
void out_free(struct out *out);
/* Append a zeroed element and return it; valid until the next append. */
struct wire *out_send(struct out *out, enum out_to to, uint32_t id);
struct note *out_note(struct out *out, enum note_kind kind);

#endif
