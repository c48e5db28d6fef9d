/*
 * shard_internal.h: what the files of one shard share. Private to core/shard*.c and core/channel.c.
 *
 *   shard.c          steps, transactions, timers, set-up
 *   shard_conv.c     executes operations on conversations: the linearisation point
 *   shard_member.c   membership and roles
 *   shard_invite.c   invitations
 *   shard_delete.c   deletion, undo, early deletion, purge, reap
 *   shard_forme.c    deletions for oneself, clear history
 *   shard_hold.c     legal holds: what a purge must wait for
 *   shard_job.c      long work in chunks: bulk deletion
 *   shard_read.c     read marks
 *   shard_cascade.c  replies that go with what they reply to
 *   shard_quote.c    what replies quote
 *   shard_retain.c   retention by age
 *   shard_erase.c    account erasure
 *   shard_log.c      the deletion log, outside every backup
 *   shard_restore.c  a shard whose main store is an older backup
 *   shard_backup.c   which backup it may be restored from
 *   shard_rebase.c   what it and the others tell each other then
 *   shard_fanout.c   a commit's audience, in chunks, into channels
 *   channel.c        channels between shards: first-in first-out, exactly once
 *   shard_user.c     users' logs: append, truncate, fence
 *   shard_session.c  connected devices: hello, stream, acknowledgements, operations
 *   shard_reset.c    resets: pin, snapshots, pages
 *   shard_export.c   the export of a conversation, a job
 *   shard_search.c   the search index, a reader of logs
 *   shard_notify.c   pushes to notification centres
 *   shard_blob.c     attachments: uploads, fetches, orphans
 *   shard_typing.c   who is typing
 *   shard_entrance.c what is not taken at all
 *   vault.c          data keys: seal, open, destroy
 *   audit.c          the audit log
 *
 * Inside a step every function may fail with a negative status of the store; CHECK passes it on.
 */
#ifndef SEXTON_CORE_SHARD_INTERNAL_H
#define SEXTON_CORE_SHARD_INTERNAL_H

#include "core/audit.h"
#include "core/decide.h"
#include "core/shard.h"

#include <string.h>

#define CHECK(call)           \
    do {                      \
        int status_ = (call); \
        if (status_ < 0)      \
            return status_;   \
    } while (0)

#define SHARDS_MAX 64
#define DEVICES_PER_USER_MAX 64
#define CHANNEL_WINDOW 256                   /* entries in flight to one shard */
#define CHANNEL_RETRY_US (200 * US_PER_MS)   /* first resend; doubles */
#define CHANNEL_RETRY_MAX_US (10 * US_PER_S) /* while entries are unconfirmed */
#define CHANNEL_ASK_MAX_US (600 * US_PER_S)  /* while only "applied" is awaited */
#define JOB_CHUNK_MAX 256                    /* messages that one step of a job looks at */
#define FORWARD_AGAIN 0x80U                  /* flags of a FORWARD: it may have been executed in a past that is lost */
#define PURGE_CHUNK 256                      /* messages that one step of a conversation's purge removes */

enum conv_state { CONV_ACTIVE = 1, CONV_DELETED, CONV_PURGING, CONV_PURGED };
enum message_state { MESSAGE_LIVE = 1, MESSAGE_DELETED, MESSAGE_PURGING, MESSAGE_PURGED };
enum timer_kind {
    TIMER_PURGE_MESSAGE = 1, /* a = conversation, b = message, version = the deletion */
    TIMER_FINISH_MESSAGE,
    TIMER_PURGE_CONV, /* a = conversation, version = the deletion */
    TIMER_FINISH_CONV,
    TIMER_FANOUT,  /* a = conversation */
    TIMER_FENCE,   /* a = device */
    TIMER_AGE,     /* reap it, if nothing holds it back: a = conversation, b = message */
    TIMER_RELEASE, /* a = enum hold_kind, b = conversation or user, version = the hold that it ends */
    TIMER_JOB,     /* a = job */
    TIMER_RETAIN,  /* a = conversation */
    TIMER_READER,  /* a = enum reader_kind, b = user */
    TIMER_INVITE,  /* a = conversation, b = user, version = the invitation's */
    TIMER_CUSTODY, /* a = user under a hold, b = conversation from which on theirs are not listed, version = the hold */
    TIMER_ORPHAN,  /* a = conversation, b = upload */
    TIMER_SWEEP,   /* a = the first upload to look at, version = of which restore, or 0 */
};
#define HOLDS_INVITED 3 /* the state of a HOLDS row: the user is no member, and has an open invitation */
enum reader_kind { READER_SEARCH = 1 };
enum hold_kind { HOLD_CONV = 1, HOLD_USER };
enum job_kind { JOB_BULK = 1, JOB_ERASE, JOB_EXPORT };
enum meta_key {
    META_FLOOR = 1,
    META_INCARNATION,
    META_STEP,
    META_HOLDS,
    META_SHARD,
    META_SHARDS,
    META_RESTORED,
    META_SWEPT
};

struct session {                    /* volatile; one per device that is connected */
    uint32_t number;                /* 0 = not connected */
    bool welcomed;                  /* its hello was answered in this session */
    bool resetting;                 /* pages are due or under way; nothing is streamed */
    uint8_t protocol;               /* of the device, as its hello said */
    uint64_t sent;                  /* last position streamed */
    uint64_t acked;                 /* last position acknowledged in this session */
    uint64_t asked;                 /* not subscribed: the head when it last asked, no further is streamed */
    uint64_t heard_us;              /* when the device last said something */
    uint64_t held_until_us;         /* a poll is held: until something comes, or until then; 0 = none */
    uint64_t last_at_us, delta_end; /* timestamp flaw: the cursor as a time, and where catching up ends */
};
struct beat {
    device_id device;
    uint32_t session;
    uint64_t due_us;
};
struct channel {          /* volatile half of a channel to one shard */
    uint64_t retry_at_us; /* TIME_NEVER when nothing is awaited */
    uint64_t backoff_us;
    uint64_t hurried; /* last number resent because the receiver reported a gap */
    /* of a paced one (channel_pace.c) */
    uint32_t burst;                      /* that may be unconfirmed; 0 = it has not begun */
    uint64_t sent_to;                    /* the last number that is on the way */
    uint64_t again_to;                   /* up to here what is sent is sent again */
    uint64_t timed, timed_at_us, rtt_us; /* timed: the number whose answer is measured; 0 = none */
    struct wire *ahead; /* received before their turn: number n at n % CHANNEL_WINDOW; NULL until there is one */
};

#define VAULT_CACHE 64
struct vault_cache { /* volatile: keys read lately, by id modulo VAULT_CACHE */
    uint64_t id;
    uint64_t key[4];
};

#define VAULT_TEXTS 16
struct vault_text { /* volatile: a text sealed or opened lately, by id modulo VAULT_TEXTS: each member's log has it */
    uint64_t owner, nonce[3];
    uint64_t key[4]; /* under which it was: without that key in the store this is never looked at */
    struct text plain;
    struct sealed sealed;
};

struct shard {
    shard_id id;
    uint32_t count;
    struct store *store; /* main */
    struct store *vault; /* outside every backup */
    struct store *blobs; /* likewise */
    const struct policy *policy;
    uint32_t incarnation;
    uint64_t floor_us;
    uint64_t ahead_us; /* of its clock, which was set back */
    /* this step */
    uint64_t now_us;
    struct out *out;
    uint64_t dirty_sources; /* bit s: entries from shard s were truncated, "applied" may have moved */
    const uint8_t *random;  /* 32 bytes */
    uint32_t keys_made;
    bool vault_open, blobs_open;  /* a transaction has begun there */
    uint64_t audit_step;          /* the number of this step, once it wrote to a log of the vault */
    const struct wire *executing; /* the operation that is being executed, or NULL */
    bool logged;                  /* and the deletion log has it */
    /* volatile */
    uint64_t wipe_at_us;      /* what a purge left in the files is wiped after the commit at or after then; or never */
    bool blobs_clean;         /* of the blobs' bytes, none wait to be wiped */
    uint64_t started_us;      /* when this life of it began */
    uint32_t restored;        /* the incarnation of its last restore; 0 = never */
    bool rebasing;            /* not every other shard has told what it has (B6) */
    struct session *sessions; /* by device id */
    size_t session_cap;
    struct beat
        *beats; /* ring, in order of due_us: all intervals are equal; ends of held polls, where those are held */
    size_t beat_first, beat_count, beat_cap;
    struct channel channels[SHARDS_MAX];
    struct vault_cache keys[VAULT_CACHE];
    struct vault_text texts[VAULT_TEXTS];
};

/* ---- small helpers (shard.c) ---- */
int shard_get(struct shard *s, enum store_table table, struct row *row);
int shard_put(struct shard *s, enum store_table table, const struct row *row);
int shard_del(struct shard *s, enum store_table table, const struct row *row);
/* The first row of a table whose leading key columns equal key[0..fixed), at or after key[fixed..given). */
int shard_first(struct shard *s, enum store_table table, int index, int fixed, int given, const uint64_t *key,
                bool reverse, struct row *row);
int shard_timer(struct shard *s, uint64_t due_us, enum timer_kind kind, uint64_t a, uint64_t b, version v);
/* A purge: its bytes are wiped after this step's commit, or within the policy's time; before it is told as reaped. */
void shard_wipe(struct shard *s);
void shard_wipe_first(struct shard *s); /* what waits to be wiped is, before this step tells anybody anything */
struct note *shard_note(struct shard *s, enum note_kind kind);
int shard_meta(struct shard *s, enum meta_key key, uint64_t *value); /* 0 when absent */
int shard_set_meta(struct shard *s, enum meta_key key, uint64_t value);

/*
 * ---- keys (vault.c) ----
 * A body at rest is sealed with the key of its owner (XChaCha20-Poly1305): the message, or, for a body
 * that waits to be forwarded, the operation. The owner and the nonce follow from the wire message that the body belongs
 * to. A shard has keys of its own for what it stores: what travels is plain.
 */
int vault_seal(struct shard *s, const struct wire *w, struct sealed *out);
/* Fills w->body. *gone: the key was destroyed; then the body is empty. */
int vault_open(struct shard *s, struct wire *w, const struct sealed *in, bool *gone);
/* The same for a stored message. */
int vault_open_message(struct shard *s, const struct row *message, struct text *body, bool *gone);
int vault_destroy(struct shard *s, uint64_t owner);
int vault_destroy_conv(struct shard *s, conv_id conv);                  /* every key of that conversation's messages */
int vault_destroy_forward(struct shard *s, const struct wire *forward); /* confirmed: nobody here needs it any more */
/* Begin the step's transaction there, once. */
int vault_begin(struct shard *s);
int vault_get(struct shard *s, enum store_table table, struct row *row);
int vault_put(struct shard *s, enum store_table table, const struct row *row);
int vault_del(struct shard *s, enum store_table table, const struct row *row);

/* ---- operations (shard_conv.c, shard_delete.c) ---- */
struct result {
    enum outcome outcome;
    enum why why;
    version version;
    user_id actor;
    uint64_t at_us;
    bool early;
};
/* Execute a FORWARD here and send its RESULT to `source`. */
int conv_execute(struct shard *s, shard_id source, const struct wire *op);
/* Open a new version of the conversation. */
version conv_next_version(const struct shard *s, struct row *conv);
/* The role of the user now; ROLE_NONE when not a member. since may be NULL. */
int conv_role(struct shard *s, conv_id conv, user_id user, uint8_t *role, version *since);
int conv_executed(struct shard *s, device_id device, uint32_t *op);
int conv_what_became(struct shard *s, const struct wire *op, struct wire *settled);
int conv_refuse(struct result *result, enum why why);
int conv_missing(struct shard *s, const struct wire *op, struct result *result); /* there is no such conversation */
struct note *conv_note_commit(struct shard *s, const struct wire *op, version v, uint64_t deadline_us);
int conv_delete_message(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int conv_undo_message(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int conv_delete(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int conv_undo_delete(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
/* What one deletion of one message is. version: of the commit, and `conv` is already put with it. */
struct removal {
    user_id actor;
    uint64_t deadline_us;
    enum reason reason;
    uint64_t op;   /* that asked for it */
    version cause; /* CASCADE: the root's deletion */
};
/* The message becomes a tombstone under the conversation's version, and its audience hears of it. */
int conv_entomb(struct shard *s, struct row *conv, struct row *message, const struct removal *removal);
/* And is live again, under that version. */
int conv_restore(struct shard *s, const struct row *conv, struct row *message);
/* What was replied to the message goes with it, and comes back with it (shard_cascade.c). */
int cascade_delete(struct shard *s, struct row *conv, const struct row *root, const struct removal *removal);
int cascade_undo(struct shard *s, struct row *conv, const struct row *root, const struct wire *op);
/* What a commit of this operation tells its audience. */
struct wire conv_entry(const struct shard *s, const struct wire *op, const struct row *conv, enum entry entry);
/* Membership (shard_member.c). */
int member_open(struct shard *s, conv_id conv, user_id user, uint8_t role, version v);
int member_provision(struct shard *s, const struct row *conv, user_id user, uint8_t role);
int member_add(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int member_join(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int member_remove(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, user_id subject,
                  struct result *result);
int member_set_role(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
/* Nothing but that somebody was a member at v, and what they had cleared: for holds on them, and if they come back. */
int member_was(struct shard *s, conv_id conv, user_id user, version v, version cleared);
/* After a restore: LOGGED_REMOVE, LOGGED_ROLE. */
int member_again(struct shard *s, const struct row *log);
/* op->subject is a member as op->role from the conversation's version on, and its audience hears of it. */
int member_enter(struct shard *s, const struct wire *op, const struct row *conv);
/* Invitations (shard_invite.c). */
int invite_make(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int invite_accept(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int invite_decline(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
int invite_withdraw(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int invite_known(struct shard *s, const struct wire *op, bool *known); /* was this user ever invited to it? */
/* The conversation is deleted; or who is in it, as what, has changed: what has no ground any more ends, under the
   conversation's version. */
int invite_conv_deleted(struct shard *s, const struct row *conv);
int invite_review(struct shard *s, const struct row *conv, user_id by);
int invite_timer(struct shard *s, const struct row *timer);
/* A chunk of what this user invited to, and is invited to, ends. */
int invite_erase(struct shard *s, user_id user, bool *more);
int invite_drop(struct shard *s, conv_id conv, bool *more); /* a chunk of the rows, with the conversation */
/* The item of the open invitation of this user, for a snapshot. */
int invite_item(struct shard *s, const struct row *conv, user_id user, struct wire *item, bool *open);
int invite_again(struct shard *s, const struct row *log); /* after a restore: it has ended */
int invite_each_open(struct shard *s, int (*visit)(void *ctx, conv_id conv, user_id user), void *ctx);
/* Deletions for oneself (shard_forme.c). */
int conv_delete_for_me(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
int conv_clear(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
/* The version up to which this user has cleared the history; 0 = never. */
int conv_cleared(struct shard *s, conv_id conv, user_id user, version *cleared);
/* Has this user deleted the message for themselves? */
int conv_hides(struct shard *s, conv_id conv, user_id user, msg_id message, bool *hides);
/* The content is gone for everybody: who hid it does not matter any more. */
int conv_drop_hidden(struct shard *s, conv_id conv, msg_id message);
/* A message arrives: bind what was deleted early. *bound: the message must be stored deleted. */
int conv_bind_early(struct shard *s, const struct wire *op, struct row *message, bool *bound);
/* The same for one that a restored backup has already. */
int conv_bind_again(struct shard *s, const struct row *early, struct row *message);
/* Early deletions of targets from..to (exclusive) of this device cannot bind any more. */
int conv_drop_early(struct shard *s, device_id device, uint32_t from, uint32_t to);
/* Nothing comes from this device any more, under whatever number (X5). */
int conv_retire(struct shard *s, device_id device);
int conv_timer(struct shard *s, const struct row *timer);
/* Bulk deletion (shard_job.c): accepted means begun. */
int conv_delete_all(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
int job_timer(struct shard *s, const struct row *timer);
int job_begin(struct shard *s, const struct row *job);
int job_continue(struct shard *s, const struct row *job); /* another step */
int job_end(struct shard *s, const struct row *job);
/* A commit that is a part of the job: a deletion of target, or (0) that its subject left. */
void job_note_part(struct shard *s, const struct row *job, const struct row *conv, msg_id target,
                   const struct removal *removal);
/* Account erasure (shard_erase.c). */
int erase_closed(struct shard *s, user_id user, bool *closed); /* Was the account ordered to go? */
int erase_execute(struct shard *s, const struct wire *op, struct result *result);
int erase_refuse(struct shard *s, const struct wire *op); /* an operation of a closed account */
int erase_order(struct shard *s, const struct wire *w);
int erase_done(struct shard *s, shard_id source, const struct wire *w);
int erase_step(struct shard *s, struct row *job);
/* Is there something to take? Not of what is purged, or will be, by a window that is over. */
bool conv_is_to_go(const struct shard *s, const struct row *message);
/* Close the membership of `user`; the conversation is put, and its version is of this. */
int conv_take_out(struct shard *s, const struct row *conv, user_id user);
void conv_note_refusal(struct shard *s, const struct wire *op, const struct result *result);
/* Retention by age (shard_retain.c). */
void retain_note(struct shard *s, const struct row *conv, version v); /* what it keeps, from that version on */
int retain_set(struct shard *s, const struct wire *op, struct row *conv, uint8_t role, struct result *result);
/* A message is sent now: the caller puts the conversation. */
int retain_sent(struct shard *s, struct row *conv);
void retain_provision(struct shard *s, const struct row *conv);
int retain_timer(struct shard *s, const struct row *timer);
int retain_again(struct shard *s, const struct row *log, struct row *conv); /* after a restore: LOGGED_RETENTION */
/* ---- exports (shard_export.c) ---- */
int export_begin(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
int export_over(struct shard *s, const struct row *job, const struct row *conv, bool *over);
int export_one(struct shard *s, struct row *job, struct row *conv, const struct row *message);
/* May this member read the message, were it live: neither hidden from them nor of before their time? */
int conv_may_read(struct shard *s, user_id user, const struct row *message, bool *may);
/* Reap the tombstone if nothing waits for it any more. target 0: the conversation. */
int conv_reap(struct shard *s, conv_id conv, msg_id target);
/* `destination` has applied everything up to `number`. */
int conv_applied(struct shard *s, shard_id destination, uint64_t number);

/* ---- legal holds (shard_hold.c) ---- */
/* Only a hold on a user is of no conversation: it is ordered where the user's log is. */
bool hold_is_of_user(const struct wire *w);
int hold_execute(struct shard *s, const struct wire *op, struct result *result); /* HOLD, RELEASE */
int hold_arrives(struct shard *s, const struct wire *w);                         /* a user's, from the user's shard */
/* The window of this deletion is over: does a hold keep the bytes? Then the purge is parked under it. target 0: the
   conversation */
int hold_parks(struct shard *s, conv_id conv, msg_id target, version deletion, enum reason reason, bool *parks);
/* A hold that covers the conversation, if any does. */
int hold_covering(struct shard *s, conv_id conv, struct row *hold, bool *covers);
int hold_release_timer(struct shard *s, const struct row *timer);
int hold_start(struct shard *s);
/* After a restore: this one lies in the vault still. */
int hold_again(struct shard *s, struct row *hold);
/* The users of this shard that are held, for `to`; and `source` has told all of its: the others are released. */
int hold_tell(struct shard *s, shard_id to);
int hold_told(struct shard *s, shard_id source, uint32_t incarnation);
int hold_provision_officer(struct shard *s, user_id user);

/* ---- who of a conversation is under a hold (shard_custody.c) ---- */
int custody_begin(struct shard *s, user_id user, version hold); /* that was just placed */
int custody_timer(struct shard *s, const struct row *timer);
int custody_joined(struct shard *s, conv_id conv, user_id user);
int custody_end(struct shard *s, user_id user, int limit, bool *more); /* the hold is gone: at most so many rows go */
/* The hold of a user who is or was in the conversation, if anybody is under one. */
int custody_of(struct shard *s, conv_id conv, struct row *hold, bool *covers);
int custody_start(struct shard *s);

/* ---- former texts (shard_former.c) ---- */
/* The message is about to say something else: a hold keeps what it says now. */
int former_keep(struct shard *s, const struct row *message);
int former_keep_quote(struct shard *s, const struct row *quote); /* and what this reply quotes */
/* A hold is released: what it kept goes, `limit` rows at most, or passes to another. *more: there is more of it. */
int former_release(struct shard *s, uint64_t kind, uint64_t id, int limit, bool *more);
int former_purge(struct shard *s, conv_id conv, msg_id message);

/* ---- read marks (shard_read.c) ---- */
int conv_read(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
/* The version up to which this user has read; 0 = nothing. */
int conv_read_mark(struct shard *s, conv_id conv, user_id user, version *read);

/* ---- quotes (shard_quote.c) ---- */
/* May this send reply to what it names? Fills the parent's row; WHY_NONE when it may. */
int quote_may(struct shard *s, const struct wire *op, struct row *parent, enum why *why);
/* Store what the reply quotes. */
int quote_make(struct shard *s, const struct row *reply, const struct row *parent);
/* Tell everybody what this live message quotes, if anything, after the entry of its own. */
int quote_tell(struct shard *s, const struct row *conv, const struct row *reply);
/* The parent has another text. */
int quote_rewrite(struct shard *s, const struct row *parent, const struct text *body);
/* The message is purged: with it goes what it quotes, what others quote of it, and who hid it. */
int quote_purge(struct shard *s, conv_id conv, msg_id message);
/* It goes from where it is kept, and from every device: its author is erased. The conversation is put. */
int quote_erase(struct shard *s, struct row *conv, const struct row *quote);
bool quote_is_taken(const struct wire *w); /* the entry that tells of that */
/* For a user's snapshot: the item of the quote in this live message; without a body when there is none to read for a
   member from `since` on. */
int quote_item(struct shard *s, const struct row *reply, user_id user, version cleared, version since,
               struct wire *item);
/* Whose text is in an entry: the parent of a quote, else the target. */
msg_id quote_parent(const struct wire *w);

/* ---- attachments (shard_blob.c) ---- */
int blob_upload(struct shard *s, const struct wire *op, struct row *conv, struct result *result);
/* The message that is being sent takes the upload that it names; WHY_NONE when it may, and has. */
int blob_bind(struct shard *s, const struct wire *op, enum why *why);
/* Tell everybody what is attached to this live message, if anything, after the entry of its own. */
int blob_tell(struct shard *s, const struct row *conv, const struct row *message);
/* The message is purged: what is attached to it goes. */
int blob_purge(struct shard *s, const struct row *message);
int blob_purge_conv(struct shard *s, conv_id conv, bool *more); /* a chunk of what the conversation has besides */
int blob_erase(struct shard *s, user_id user, bool *more);      /* a chunk of what they uploaded and never sent */
int blob_orphan_timer(struct shard *s, const struct row *timer);
int blob_start(struct shard *s);
int blob_restored(struct shard *s); /* what this restore lost goes when no backup can have it any more */
int blob_sweep_timer(struct shard *s, const struct row *timer);
/* A connected device asks for a part; a user's shard does for it; its answer comes back. */
int blob_ask(struct shard *s, user_id user, const struct session *session, const struct wire *w);
int blob_question(struct shard *s, shard_id source, const struct wire *w);
int blob_answered(struct shard *s, shard_id source, const struct wire *w);

/* ---- the audit log (audit.c) ---- */
int audit_decision(struct shard *s, const struct wire *op, const struct result *result);
/* A request that nobody authenticated: turned away and counted, not logged. */
int audit_stranger(struct shard *s);
int audit_purge(struct shard *s, conv_id conv, msg_id target, version v);
int audit_number_step(struct shard *s); /* in both databases, once a step */
int audit_start(struct shard *s);       /* voids the rows of a step that did not happen */

/* ---- the log of what takes away (shard_log.c) ---- */
enum logged {
    LOGGED_DELETE = 1,
    LOGGED_UNDO,
    LOGGED_PURGE, /* version: of the deletion that it ends */
    LOGGED_DELETE_CONV,
    LOGGED_UNDO_CONV,
    LOGGED_PURGE_CONV,
    LOGGED_HIDE,
    LOGGED_CLEAR,
    LOGGED_EARLY,
    LOGGED_BULK,
    LOGGED_DONE,  /* it had no effect, and must have none later */
    LOGGED_ERASE, /* of an account: here too */
    LOGGED_REMOVE,
    LOGGED_ROLE,      /* value: the role. Of every kind, so that the last one counts */
    LOGGED_RETENTION, /* value: the period. Likewise */
    LOGGED_UNINVITE,  /* target: an invitation that is not open any more; subject: whose */
    LOGGED_RETIRE     /* named: an id that its device gave up; subject: whose */
};
int log_deletion(struct shard *s, enum logged kind, struct row *row);
int log_tombstone(struct shard *s, const struct row *message); /* as it is now */
int log_retirement(struct shard *s, const struct row *device);
int log_undo(struct shard *s, const struct row *message);
int log_conversation(struct shard *s, const struct row *conv);
int log_change(struct shard *s, enum logged kind, conv_id conv, msg_id target, version v);
/* What became of `subject`, or of the whole conversation (0). */
int log_value(struct shard *s, enum logged kind, const struct row *conv, user_id subject, uint64_t value);
int log_done(struct shard *s, const struct wire *op, const struct result *result);
int log_start(struct shard *s);

/* ---- restores (shard_restore.c, shard_rebase.c) ---- */
enum rebase_stage { REBASE_BEGIN = 1, REBASE_ITEM, REBASE_END };
/* Is main an older backup? Then everything is put right before anything is served. */
int restore_start(struct shard *s, uint32_t incarnation);
/* The operation may not be executed any more: it was, in a past that is lost. */
int restore_retire_op(struct shard *s, device_id device, uint32_t op);
uint64_t restore_number(const struct shard *s); /* generations and reset ids of this incarnation are above it */
int rebase_start(struct shard *s);              /* of a restored shard */
int rebase_known(struct shard *s);              /* sets s->rebasing */
int rebase_answer(struct shard *s, shard_id asks, uint32_t as); /* `asks` was restored as that incarnation */
int rebase_entry(struct shard *s, shard_id source, const struct wire *w);
/* May this entry be the first from its source since the restore? */
bool rebase_opens(const struct shard *s, const struct row *in, const struct wire *w);
bool rebase_awaits(const struct shard *s, const struct row *in);
int user_again(struct shard *s, shard_id home);    /* forwards to it may be lost: they are asked for again. home
                                                      SHARDS_MAX:    to any */
int user_fence_all(struct shard *s, user_id user); /* every device of the user resets, and is owed nothing until then */
int job_again(struct shard *s, const struct row *log);
int erase_again(struct shard *s, const struct row *log);
int erase_tell_again(struct shard *s, struct row *erasure); /* what was told of it may be lost */
#define LOG_SOURCE_LOST SHARDS_MAX                          /* of an entry: no shard's any more */

/* ---- fan-out (shard_fanout.c) ---- */
/* What a commit tells its audience; `only`: this user alone. The template carries all of WIRE_FANOUT but user. */
int fanout_commit(struct shard *s, const struct wire *template, user_id only);
int fanout_timer(struct shard *s, conv_id conv);

/* ---- channels (channel.c) ---- */
/* Number and store an entry for a shard (this one included, where it takes effect at once). number may be NULL. */
/* ---- channel_pace.c: of a channel's volatile half; out: its row, as it is now ---- */
uint64_t pace_patience(const struct channel *c); /* how long an answer may take */
/* May this new entry leave at once? It has then left. */
bool pace_lets_out(struct channel *c, const struct row *out, uint64_t number, uint64_t now_us);
void pace_confirmed(struct channel *c, const struct row *out, uint64_t before, uint64_t now_us);
void pace_lost(struct channel *c, const struct row *out); /* no answer came */
/* What may leave now: from *first to what is returned, nothing when that is smaller. It has then left. */
uint64_t pace_next(struct channel *c, const struct row *out, uint64_t now_us, uint64_t *first);

int channel_send(struct shard *s, shard_id destination, const struct wire *wire, uint64_t *number);
int channel_receive(struct shard *s, shard_id source, const struct wire *wire);
int channel_timers(struct shard *s);
int channel_start(struct shard *s);
int channel_out(struct shard *s, shard_id destination, struct row *row);
int channel_in(struct shard *s, shard_id source, struct row *row);
/*
 * Take back what is on its way there; *rows, *count: of that, in order, what is to be sent again: results and holds,
 * and if `lasting`, because this shard is not the restored one, forwards, fan-outs and questions too. The caller frees.
 */
int channel_cut(struct shard *s, shard_id destination, bool lasting, struct row **rows, size_t *count);
int channel_send_row(struct shard *s, shard_id destination, struct row *row);
/* Tell sources how far their entries are applied, after truncation. */
int channel_tell_applied(struct shard *s);
/* An entry takes effect (shard.c). */
int shard_entry(struct shard *s, shard_id source, const struct wire *wire);

/* ---- the entrance (shard_entrance.c) ---- */
bool entrance_operation(const struct wire *op);
/* May `source` say this to this shard? */
bool entrance_entry(const struct shard *s, shard_id source, const struct wire *entry);

/* ---- users (shard_user.c) ---- */
int user_append(struct shard *s, shard_id source, const struct wire *wire);
int user_truncate(struct shard *s, user_id user);
int user_fence_timer(struct shard *s, device_id device);
int user_answer(struct shard *s, const struct wire *result);

/* ---- the search index (shard_search.c) ---- */
int search_provision(struct shard *s, const struct row *user);
/* After a restore: the index of the user begins again. And an item of a reset of theirs; last: it has them all. */
int search_renew(struct shard *s, user_id user);
int search_item(struct shard *s, const struct wire *item, bool last);
int search_heard(struct shard *s, user_id user); /* the user's log grew */
int search_timer(struct shard *s, user_id user);
/* A connected device asks for what has the first word of the body: up to SEARCH_FOUND_MAX answers. */
int search_answer(struct shard *s, user_id user, device_id device, const struct session *session,
                  const struct text *word);
/* Lower the minimum to what the index has read of this log, unless it is silent for too long (L5, F1). */
int search_minimum(struct shard *s, const struct row *user, uint64_t *min);

/* ---- notifications (shard_notify.c) ---- */
/* The user's log grew by this entry, at its head: push to the device, if it is not connected. */
void notify_device(struct shard *s, const struct row *device, const struct row *user, const struct wire *w);

/* ---- who is typing (shard_typing.c) ---- */
int typing_said(struct shard *s, user_id user, const struct wire *said);      /* by a connected device */
int typing_passed_on(struct shard *s, shard_id source, const struct wire *w); /* by another shard */

/* ---- sessions (shard_session.c) ---- */
struct session *session_of(struct shard *s, device_id device); /* NULL when not connected */
void session_open(struct shard *s, device_id device, uint32_t number);
void session_close(struct shard *s, device_id device, uint32_t number);
/* Nothing was heard in it for longer than a living device is silent. */
bool session_is_lost(const struct shard *s, const struct session *session);
int session_message(struct shard *s, device_id device, uint32_t number, const struct wire *wire);
/* Its operations may be lost: welcome it again, so that it sends what is not answered. */
int session_ask_again(struct shard *s, const struct row *device);
/* Stream what the device does not have yet, within the window. */
int session_stream(struct shard *s, const struct row *device);
int session_beats(struct shard *s);
uint64_t session_beat_due(const struct shard *s);
struct wire *session_send(struct shard *s, device_id device, const struct session *session, enum wire_kind kind);

/* The device has stored the answers below `oldest`. */
int session_release(struct shard *s, device_id device, uint32_t oldest);

/* ---- the lives of one device id (shard_life.c) ---- */
bool life_proves(const struct row *device, const struct wire *hello);
uint32_t life_highest(const struct row *device); /* operation that was ever accepted from it */
int life_offers(struct shard *s, struct row *device, uint32_t session, uint32_t token);
int life_has_proved(struct shard *s, struct row *device, uint32_t session);
int life_accepts(struct shard *s, struct row *device, uint32_t op);
int life_recall(struct shard *s, struct row *device); /* after a restore, from the vault; the caller puts the row */
int life_retire(struct shard *s, struct row *device);
int life_tell_retired(struct shard *s, shard_id to); /* of every id that was given up here */

/* ---- resets (shard_reset.c) ---- */
/* A device that says `w` is answered so; or, in the midst of a stream, is to be reset. */
void reset_note_sync(struct shard *s, const struct wire *w, const struct row *device, const struct row *user,
                     enum sync_answer answer);
int reset_grant(struct shard *s, struct row *device, struct session *session, uint32_t reset_id, uint32_t staged);
int reset_snapshot(struct shard *s, shard_id source, const struct wire *question);
int reset_item(struct shard *s, const struct wire *item);
int reset_forget(struct shard *s, struct row *device); /* drops pin and items; the caller puts the row */

#endif
