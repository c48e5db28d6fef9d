/*
 * device_internal.h: what device*.c share. device.c: steps, observers. device_sync.c: the session, the cursor, resets.
 * device_apply.c: what an entry or a snapshot does to the replica. device_outbox.c: operations and their answers.
 * device_view.c: the view, and the notes that tell its changes. device_copies.c: what is derived from it.
 * device_centre.c: notifications. device_fetch.c: attachments.
 */
#ifndef SEXTON_CORE_DEVICE_INTERNAL_H
#define SEXTON_CORE_DEVICE_INTERNAL_H

#include "core/device.h"
#include "core/replica.h"

/* One item of a snapshot, as it came. */
struct reset_item {
    conv_id conv;
    msg_id target;
    msg_id reply;
    version version, named, sent;
    uint64_t at_us;
    user_id actor;
    uint8_t entry, conv_kind, role;
    bool deleted, kept;
    struct text body;
};

/* A reset in progress (R5): the items so far are 1..count. */
struct reset {
    uint32_t reset_id, generation, epoch;
    uint64_t position;
    struct reset_item *items;
    size_t count, cap;
};

#define TYPISTS_MAX 64 /* more are not shown */
struct typist {        /* somebody who is typing, as shown */
    conv_id conv;
    user_id user;
    version version; /* of the conversation, when the signal was passed on */
    uint64_t until_us;
};

struct device {
    const struct policy *policy;
    device_id id;
    user_id user;
    /* durable */
    struct replica replica;
    uint64_t cursor;
    uint64_t at_us; /* server time of the last applied entry */
    struct reset *reset;
    uint32_t generation, epoch, next_op;
    uint32_t sent_op;   /* the highest number that it ever sent under this id */
    uint32_t first_op;  /* the first number under this id; what is below was asked for under a retired one */
    uint32_t installed; /* the reset id that was installed last: its pages may come again */
    uint32_t token;     /* the last session that it was welcomed in, where sessions are proved */
    shard_id home;      /* its endpoint */
    uint8_t protocol;   /* the version that it speaks */
    bool at_head : 1;   /* flawed: it begins at the head of the log (M3) */
    bool retired : 1;   /* X4: its id is not to be used any more */
    /* volatile */
    bool welcomed;  /* in this session */
    bool hello_out; /* said and not answered */
    bool resetting; /* a reset was announced or has begun: entries are ignored until it is installed (R4) */
    uint8_t typist_count;
    uint8_t patience;           /* hellos without progress, for the pause before the next */
    bool may_wait : 1;          /* the hello that is out may be held: nothing was missing when it was said */
    bool copies_due : 1;        /* half-hidden only: the rows have changed, what is derived from them has not */
    bool copies_now : 1;        /* and what was put off is being done */
    uint32_t hello_op;          /* next_op when the last hello was said */
    uint32_t session;           /* 0 = not connected */
    uint32_t heard_s;           /* of the shard, in this session: by the device's clock, in seconds, rounded up */
    uint32_t unacked;           /* entries applied since the last acknowledgement */
    conv_id looking_at;         /* 0 = nothing */
    uint64_t head;              /* of this epoch, as far as heard in this session */
    uint64_t last_us, ahead_us; /* its time, and how far that is ahead of a clock that was set back */
    uint64_t retry_at_us;
    uint64_t fetch_at_us;   /* when to ask again for what is being downloaded; 0 = nothing is */
    uint64_t poll_at_us;    /* when to ask again; meant only where decide_polls */
    struct typist *typists; /* by (conv, user); what a crash leaves on the screen goes at DEVICE_RESUME */
    struct wire *held;      /* cursor-first only: the cursor has moved, the entry is not applied yet */
};

/* Why rows go that the replica and the outbox have no more. */
struct gone {
    enum because because;
    version version;
};

/* device_view.c */
/* Say what changed in the view of one message, of a conversation (target 0) or of everything (conv 0), in order. */
void view_update(struct device *d, conv_id conv, msg_id target, struct gone gone, struct out *out);
/* The person was in it or has a draft for it: tell them who deleted the conversation. */
void view_notice(const struct device *d, conv_id conv, user_id actor, uint64_t at_us, struct out *out);
/* Does an own deletion that is not answered, or not caught up with, hide this row? */
bool view_deletion_pends(const struct device *d, const struct replica_row *row);
struct note *view_note(const struct device *d, enum note_kind kind, struct out *out);

/* Flawed: this device takes away what it knows to be a reply to what is deleted. */
bool copies_cascade(const struct device *d, conv_id conv, msg_id id);
/* device_copies.c: this message replies to that one. */
void copies_link(struct device *d, conv_id conv, msg_id reply, msg_id parent);
/* What the log or a snapshot says that the reply quotes. */
void copies_unquote(struct device *d, conv_id conv, msg_id reply); /* it may not be seen any more */
void copies_quote(struct device *d, conv_id conv, msg_id reply, version version_of, version sent,
                  const struct text *text);
/* The message has another text, or none any more: so have the quotes of it. 0: every message of the conversation. */
void copies_requote(struct device *d, conv_id conv, msg_id parent);
/* After each change of the view of that conversation, or of all (0). gone: why rows went. */
void copies_update(struct device *d, conv_id conv, struct gone gone, struct out *out);
/* Half-hidden only: do now what the last steps put off. */
void copies_catch_up(struct device *d, struct out *out);

/* A search has found this message; a new search begins. */
void copies_found(struct device *d, const struct wire *w, struct out *out);
void copies_search(struct device *d, struct out *out);
/* An item of an export has come: for the device that asked, what its file has of that message. */
void copies_export(struct device *d, const struct wire *w);

/* An invitation is open, as of that version; or has ended; or, if the snapshot does not have it, is here no more. */
void copies_invite(struct device *d, conv_id conv, msg_id id, version v, const struct text *text, bool snapshot);
void copies_uninvite(struct device *d, const struct wire *w, struct out *out);
void copies_keep_invitations(struct device *d, const struct reset *reset, struct out *out);

/* device_typing.c */
void typing_heard(struct device *d, const struct wire *w, uint64_t now_us, struct out *out);
void typing_applied(struct device *d, const struct wire *w, struct out *out); /* an entry of the log is */
/* The conversation, or any (0), may not be what it was: what may not be shown of it goes. */
void typing_review(struct device *d, conv_id conv, struct out *out);
void typing_expire(struct device *d, uint64_t now_us, struct out *out);
void typing_forget(struct device *d, struct out *out); /* there is no connection that could say more */
uint64_t typing_wake(const struct device *d);
int typing_tell(const struct device *d, conv_id conv, bool over, struct out *out);

/* device_centre.c */
void centre_push(struct device *d, const struct wire *w, struct out *out);
void centre_derive(struct device *d, conv_id conv); /* which notifications of it, or of all (0), are to stay */
void centre_looked(struct device *d, conv_id conv, struct out *out);

/* device_fetch.c */
int fetch_begin(struct device *d, const struct device_input *in, struct out *out);
void fetch_export(struct device *d, conv_id conv, msg_id target, msg_id export); /* what is attached, for that export */
/* Ask for the next part of whatever is being downloaded. */
void fetch_ask(struct device *d, uint64_t now_us, struct out *out);
void fetch_part(struct device *d, const struct wire *w, uint64_t now_us, struct out *out);
void fetch_derive(struct device *d, conv_id conv); /* which of a conversation, or of all (0), are to stay */

/* device_outbox.c */
int outbox_person(struct device *d, const struct device_input *in, struct out *out);
/* again: not the first welcome of this session; accepted: the highest operation that the shard has. */
void outbox_resend(struct device *d, bool again, uint32_t accepted, uint64_t now_us, struct out *out);
void outbox_answer(struct device *d, const struct wire *w, struct out *out);
void outbox_retire(struct device *d, struct out *out);
uint32_t outbox_oldest(const struct device *d);
uint32_t outbox_unanswered(const struct device *d);
/*
 * Drop the answered operations that the replica has caught up with (D2): of a conversation, or all (0).
 * installed: the replica has just become a snapshot. True when one went: then the view may have changed.
 */
bool outbox_settle(struct device *d, conv_id conv, bool installed);
/* The log or a snapshot has this message, perhaps an own pending send. */
void outbox_carried(struct device *d, msg_id target);
/* The early deletion of this message had no right: it hides nothing any more. */
void outbox_denied(struct device *d, conv_id conv, msg_id target);
/* The conversation is not here any more, as decided up to version `at`; UINT64_MAX: for good. */
void outbox_forget_deletions(struct device *d);
void outbox_lost(struct device *d, conv_id conv, version at);

/* Does this operation, while it is in the overlay, hide the row? */
bool outbox_hides(const struct device *d, const struct replica_op *op, const struct replica_row *row);

/* device_apply.c */
void apply_entry(struct device *d, const struct wire *w, struct out *out);
/* Replace the replica by the items (R4), lay the outbox over it, and say what changed. */
void apply_snapshot(struct device *d, const struct reset *reset, struct out *out);

/* device_sync.c */
void sync_connected(struct device *d, uint32_t session, uint64_t now_us, struct out *out);
void sync_disconnected(struct device *d);
void sync_message(struct device *d, const struct wire *w, uint64_t now_us, struct out *out);
void sync_timer(struct device *d, uint64_t now_us, struct out *out);
/* Apply what cursor-first left behind, if anything. */
void sync_apply_held(struct device *d, struct out *out);
/* Ask the shard for a word; E_INVALID when there is none, or no session. */
int sync_search(struct device *d, const struct text *word, struct out *out);
/* When the next timer input is wanted. */
uint64_t sync_wake(const struct device *d, uint64_t now_us);
struct wire *sync_send(const struct device *d, enum wire_kind kind, struct out *out);
void sync_reset_free(struct device *d);

#endif
