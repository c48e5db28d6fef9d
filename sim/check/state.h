/*
 * state.h: the shared model that every invariant reads, folded from the records, once.
 *
 * Names become dense indices (0 = none). A `target` is what can be deleted: a message or a conversation; its `changes`
 * are the committed deletions and undos in order (in a device-side history: the acknowledged deletions, and the undos
 * from their invocation on, with version 0). A `holding` is one copy on one device. Everything lives in growable arrays
 * that a reset keeps; maps are cleared by a generation number. Nothing is ordered by a hash.
 */
#ifndef SEXTON_SIM_CHECK_STATE_H
#define SEXTON_SIM_CHECK_STATE_H

#include "sim/check/check.h"
#include "sim/check/map.h"

#include <string.h>

/* clang-format moves this list at each run. */
/* clang-format off */
#define WORD_LIST(X) \
    X(CREATE, "create") X(ADD, "add") X(REMOVE, "remove") X(LEAVE, "leave") X(SEND, "send") X(DELETE, "delete") \
    X(UNDO, "undo") X(EDIT, "edit") X(DELETE_CONV, "delete-conversation") X(UNDO_CONV, "undo-conversation") X(JOIN, "join") \
    X(EVICT, "evict") X(PURGE, "purge") X(PURGE_CONV, "purge-conversation") X(ROLE_NONE, "none") \
    X(ROLE_OWNER, "owner") X(BODY, "body") X(RESET, "reset") X(RETIRE, "retire") X(ACCEPTED, "accepted") \
    X(REFUSED, "refused") X(PARTITION, "partition") X(HOLD, "hold") X(HEAL, "heal") X(RELEASE, "release") \
    X(DELIVER, "deliver") X(AGE, "age") X(NOT_PERMITTED, "not-permitted") X(NOT_A_MEMBER, "not-a-member") \
    X(CONV_DELETED, "conversation-deleted") X(EVICTION, "eviction") X(RETENTION, "retention") X(DROP, "drop") X(PAUSE, "pause") X(SLOW, "slow") X(RESUME, "resume") X(UPGRADE, "upgrade") X(STRANGERS, "strangers") \
    X(CLOCK, "clock") X(PENDING, "pending") X(DRAFTED, "drafted") \
    X(DELETE_ME, "delete-for-me") X(CLEAR, "clear-history") X(CASCADE, "cascade") X(QUOTE, "quote") X(READ, "read") X(UNREAD, "unread") X(SEARCH, "search") \
    X(ATTACHMENT, "attachment") X(DELETE_ALL, "delete-all") X(JOB_END, "end") X(BULK, "bulk") \
    X(HIDE, "hide") X(CLEARED, "clear") X(DELTA, "delta") \
    X(ROLE_MEMBER, "member") X(ROLE_MODERATOR, "moderator") X(SET_ROLE, "set-role") X(SET_RETENTION, "set-retention") X(NOTIFICATION, "notification") \
    X(ERASE, "erase-account") X(ERASURE, "erasure") X(EXPORT, "export") X(ANNOUNCE, "announce") \
    X(INVITE, "invite") X(ACCEPT, "accept") X(DECLINE, "decline") X(WITHDRAW, "withdraw") X(UNINVITE, "uninvite") \
    X(INVITATION, "invitation") X(LAPSED, "lapsed") X(UPLOAD, "upload") X(TYPING, "typing") \
    X(FLAP, "flap") X(HALF_OPEN, "half-open") X(CAPTIVE, "captive") X(CLOG, "clog") X(CORRUPT, "corrupt") \
    X(SLOW_READER, "slow-reader") X(OUTAGE, "outage")
/* clang-format on */
#define WORD_ENUM(id, text) WORD_##id,
enum word { WORD_NONE, WORD_LIST(WORD_ENUM) WORD_COUNT };

struct change { /* a deletion or an undo of a target took effect */
    version version;
    uint64_t at_us, seq, deadline_us;
    uint32_t next, kept, actor, device, op;
    bool undo;
};
struct target {
    uint32_t first, last; /* changes */
    uint32_t appends;     /* newest tombstone entry of it in any log: entry.next_of_target */
    uint32_t purge_kept;
    uint32_t ops;      /* deletions of it that were invoked: op.next_of_target */
    uint32_t open_ops; /* deletions and undos neither acknowledged nor refused */
    bool deleted, purging, purged, reaped;
};
struct claim {                            /* a deletion that was taken before its target */
    uint32_t next, conv, actor, op, kept; /* conv: the one that the deletion names */
    bool refused, accepted, by_ack;       /* by_ack: only the acknowledgement tells of it */
};
struct message {
    struct target target;
    uint32_t name, conv, next_in_conv, author, send_op, send_kept, edit_kept, items, claims, parent;
    version send_version, edit_version; /* edit_version: of the last committed edit, 0 none */
    uint64_t send_seq, send_at_us;
    uint64_t other_seq; /* when it was committed twice, for a restore lost the first: the one that does not count */
    version other_version;
    uint64_t missed_seq;               /* of the last restore that lost it */
    bool sent, sent_when_closed, lost; /* lost: by the restore of its shard */
    bool invitation;                   /* it is none, but the offer to be a member that its author made to `invitee` */
    uint32_t invitee;
};
/* What a rule speaks of. */
#define RANK_NOBODY 4
enum right {
    RIGHT_DELETE,
    RIGHT_DELETE_CONV,
    RIGHT_REMOVE,
    RIGHT_ADD,
    RIGHT_SET_ROLE,
    RIGHT_ANNOUNCE,
    RIGHT_INVITE,
    RIGHTS
};
struct conv {
    struct target target;
    uint32_t name, first_message, last_message, members, member_count;
    uint64_t first_show_seq, restored_seq, created_seq;
    bool lost;                          /* made after the backup that its shard was restored from */
    uint32_t open_reads;                /* neither acknowledged nor refused */
    bool counted;                       /* something of it was once shown as unread */
    uint32_t formes, bulks, retentions; /* bulks: deletions of many that were asked for: op.next_of_target */
    uint64_t kept_us; /* no longer than this, by the restore `kept_by`, and nobody said otherwise since */
    uint32_t kept_by, kept_said;
    uint8_t least[RIGHTS]; /* the rank that a rule asks for, + 1; 0: no rule was told */
    uint64_t shard,
        looked; /* where it is ordered, once it is known; the last observation that asked for what it holds */
};
struct member {
    uint32_t conv, user, next_of_conv, next_of_user, kept;
    version since, read, ended;    /* read: of the last send that the user has read; ended: of the last interval */
    uint64_t since_seq, ended_seq; /* ended_seq: when the last interval ended, 0 never */
    uint64_t lowered_seq;          /* when the role last became a lower one, 0 never */
    uint32_t taken; /* by this restore (of `restored`) it was over, or of a lower role, and nobody gave it back; or 0 */
    bool is, gone;  /* gone: by a restore, as if it had never been */
    bool back;      /* it was taken, and is back */
    int rank, cap;  /* of the role: 1 member, 2 moderator, 3 owner; cap: at that restore */
};
struct user {
    uint32_t name, devices, members, first_tombstone_entry, suspects, listed;
    uint64_t epoch, head, home; /* home: the shard of its log */
    uint64_t epoch_seq;         /* when a restored log began anew, 0: never */
    bool officer;
};
struct device {
    uint32_t name, user, next_of_user, shown, ever_shown, obligations;
    uint64_t born_seq, epoch, cursor, connected_at_us, disconnected_at_us, progress_at_us;
    uint64_t view_no, view_at_us, view_seq, view_cursor, view_epoch, fence_generation, install_seq, connect_seq;
    uint64_t moved_seq;             /* of the last move of its cursor */
    int view_phase;                 /* 0 none, 1 a view, 2 after deliver, 3 after age */
    uint64_t stuck_at, stuck_epoch; /* where it last asked while its log went on */
    uint32_t stuck_hellos, stuck_kept;
    bool connected, exempt, fenced, linked, installed, resetting, retired, view_has_cursor, old;
    bool shared;         /* it runs under the id of another that runs too: the server keeps one position for both */
    uint32_t root;       /* the device whose id it was started under, by way of others maybe; 0 = its own */
    bool started;        /* another was started under its id */
    bool renamed;        /* it went on under another id, once or more: an image of it may have an id of before */
    uint64_t rewound_to; /* a restored one: up to here the server believes it has all */
};
struct item {
    uint32_t message, copy, via, next, first_holding; /* copy, via: names; first_holding: devices that show it now */
};
struct holding {
    uint32_t device, item, next, prev, because, open; /* open: an obligation of reaches-* */
    version version, view_version, cover, conv_cover;
    uint64_t show_seq, show_at_us, hide_seq, hide_at_us, view_no;
    bool shown, pending, hid_pending, ever;
};
struct op {
    uint32_t name, device, conv, message, kept, ack_kept, next_of_target, subject;
    enum word what;
    version version;
    uint64_t invoke_seq, invoke_at_us, ack_seq, ack_at_us, commit_seq, commit_shard;
    bool lost; /* committed, and lost by a restore */
    bool invoked, acked, settled, refused, committed, early, rejected, cancelled;
    bool lapsed; /* asked for under an id that was given up: nobody will ever answer */
    uint32_t cancel_kept;
};
struct forme { /* a deletion for oneself. message 0: everything up to its version, or to its invocation */
    uint32_t user, conv, message, op, kept, next; /* next: of this conversation */
    version version;
    uint64_t invoke_seq;
    bool effective; /* committed, or without commits acknowledged */
};
struct entry { /* an entry of a user's log, about a target */
    uint64_t epoch, position, seq, source;
    version version;
    uint32_t user, older, next_of_target, kept;
    enum word what, passage; /* passage: what it said; what: and means, unless a restore undid it */
};
struct suspect { /* an entry of a user's log that may mean nothing to some device */
    uint64_t epoch, position;
    uint32_t message, older;
    enum word what;
};
struct obligation {
    uint32_t holding, kept, next_of_device;
    uint64_t start_us;
    bool open, returning, queued;
};
struct due {
    uint64_t at_us;
    uint32_t obligation;
};
struct suspicion { /* device-side: to be judged at the end, when the undo or deletion within the clock error is known */
    enum invariant invariant;
    uint32_t holding, kept, other;
    uint64_t at_us;
};
struct hold { /* a legal hold on a conversation, or on a user (conv 0), at one shard */
    uint64_t shard;
    uint32_t conv, user, kept;
    uint64_t seq; /* since when it lasts */
    bool lasts;
};
struct kept {              /* a message that was found under a hold */
    uint64_t digest, look; /* look: the last observation of its shard that found it */
    version edit;          /* whose text that was */
    uint32_t record;
    uint64_t seq; /* of that record */
};
struct former {                   /* what a message said before an edit that was made under a hold */
    uint64_t shard, digest, look; /* digest, look: of the last observation that found it; 0: none did */
    version version;              /* that wrote it */
    uint32_t message, conv, kept; /* kept: the edit, else where it was found */
    bool there, required;         /* there: at the last observation of its shard; required: no release has ended it */
};
struct erasure { /* of an account */
    uint32_t user, kept, op;
    uint64_t deadline_us, ended_at_us;
    bool ended;
};
struct retention { /* of a conversation, from some place on */
    uint64_t period_us;
    uint32_t kept;
};
struct listed { /* a message that an observation found in a user's search index; is: the last one did */
    uint64_t look;
    uint32_t message, next; /* next: of this user */
    bool is;
};
struct upload { /* seen: an observation found its bytes; over: and one found that they had gone when they should */
    uint64_t shard, deadline_us, look;
    uint32_t op, message, kept; /* message: that refers to it, 0 none yet; kept: its commit, 0 if nobody told of one */
    uint32_t name, author;
    bool seen, over, doubtful;
};
struct job {                                       /* a long piece of work of one shard */
    uint32_t name, conv, actor, subject, op, kept; /* op: that asked for it */
    uint64_t shard;
    bool ended;
};
struct restored {                          /* a restore; or a backup: its name */
    uint64_t shard, backup, seq, from_seq; /* from_seq: of a restore: when its backup was taken */
    uint64_t keep_us,
        due_us;            /* how long what it lost may be kept; until when, known as the shard starts; 0 not known */
    uint32_t kept, before; /* before: the restore that the shard came from at seq, or at from_seq; 0 none */
};
#define AUDITED_MAX 64
struct audited {                                       /* a shard, and what it has decided so far */
    uint64_t shard, decisions, turned_away, strangers; /* strangers: sent by a fault since it was last observed */
    uint32_t last_kept;                                /* a decision to show: the last refusal, or the first of all */
};
struct awaited { /* an append that must come */
    uint32_t user, conv, kept;
    bool came;
};

#define ARRAY(type, name) \
    type *name;           \
    size_t name##_cap;    \
    uint32_t name##_count
/* A new zeroed element, by index; index 0 is never used. */
#define GROW(c, name)                                                                                       \
    ((c)->name = base_grow((c)->name, &(c)->name##_cap, (size_t)(c)->name##_count + 1, sizeof(*(c)->name)), \
     memset(&(c)->name[(c)->name##_count], 0, sizeof(*(c)->name)), (c)->name##_count++)
#define FAULTS_MAX 64

struct check {
    struct check_options options;
    struct names *names;
    const struct record *now; /* the record being taken */
    uint32_t words[WORD_COUNT];
    uint8_t *word_by_name;
    size_t word_by_name_cap;
    uint64_t seen[HISTORY_KINDS];
    struct verdict verdicts[INVARIANT_COUNT];
    struct check_work work;
    bool clock_off; /* a fault moved a node's clock: its deadlines are not the history's time */
    bool inside, ended, delivering, aging, shard_exempt;
    uint64_t last_activity_us, last_activity_seq, last_us;
    uint32_t faults[FAULTS_MAX];
    uint32_t fault_count, nameless_faults, shards_down;
    uint64_t fault_end_us;
    struct audited audited[AUDITED_MAX];
    uint32_t audited_count;
    struct name_index user_of, device_of, conv_of, message_of, op_of;
    ARRAY(struct user, users);
    ARRAY(struct device, devices);
    ARRAY(struct conv, convs);
    ARRAY(struct message, messages);
    ARRAY(struct op, ops);
    ARRAY(struct member, members);
    ARRAY(struct change, changes);
    ARRAY(struct claim, claims);
    ARRAY(struct item, items);
    ARRAY(struct holding, holdings);
    ARRAY(struct entry, entries);
    ARRAY(struct suspect, suspects);
    ARRAY(struct obligation, obligations);
    ARRAY(struct due, queue);
    ARRAY(struct suspicion, suspicions);
    ARRAY(struct awaited, awaited);
    ARRAY(struct forme, formes);
    ARRAY(struct hold, holds);
    ARRAY(struct kept, kept);
    ARRAY(struct former, formers);
    ARRAY(struct job, jobs);
    ARRAY(struct erasure, erasures);
    ARRAY(struct retention, retentions);
    ARRAY(struct listed, listed);
    ARRAY(struct restored, restored);
    ARRAY(struct upload, uploads);
    uint64_t looks; /* observations of shards, from 1 */
    ARRAY(uint64_t, arena);
    struct pair_map member_of, holding_of, entry_of, channel_of, channel_high, awaited_of, kept_of, job_of, listed_of,
        upload_of;
};

/* One record with its names resolved. */
struct event {
    const struct record *r;
    uint32_t device, user, conv, message, op, actor, subject; /* actor: else the device's user */
    enum word what;                                           /* of `do` */
};

/* ---- state.c: names, records kept, lookups ---- */
enum word word_of(const struct check *c, uint64_t name);
void state_begin(struct check *c); /* after check_new and at each reset */
void state_release(struct check *c);
void state_resolve(struct check *c, const struct record *r, struct event *e);
uint32_t state_keep(struct check *c, const struct record *r);
void state_kept(const struct check *c, uint32_t kept, struct record *r);
uint32_t state_device_find(const struct check *c, uint64_t name);
struct member *state_member(struct check *c, uint32_t conv, uint32_t user); /* NULL when never heard of */
/* The holding that a show or hide is about; _put makes it. And that of a view's item, and of a message's body. 0: none.
 */
uint32_t state_holding_put(struct check *c, const struct event *e);
uint32_t state_holding_of(const struct check *c, const struct event *e);
uint32_t state_item_find(const struct check *c, uint32_t device, uint32_t message, const struct record_item *item);
uint32_t state_body_find(const struct check *c, uint32_t device, uint32_t message);
/* Is it a copy that stays as long as its message does? A preview, say, makes room for the next message's. */
bool item_lasts(const struct check *c, uint32_t item);
/* Is it by policy not the message's, but the one's that carries it? */
bool item_is_kept(const struct check *c, uint32_t item);
uint32_t state_conv(struct check *c, uint64_t name);
uint32_t state_message(struct check *c, uint64_t name, uint32_t conv);
/* Does this fault last, so that some path is not healthy until a record says that it is over? */
bool fault_lasts(enum word fault);
static inline struct target *state_target(struct check *c, uint32_t conv, uint32_t message)
{
    return message ? &c->messages[message].target : &c->convs[conv].target;
}
static inline int rank_of(enum word role)
{
    return role == WORD_ROLE_OWNER ? 3 : role == WORD_ROLE_MODERATOR ? 2 : 1;
}
static inline uint64_t target_key(uint32_t user, uint32_t conv, uint32_t message)
{
    return ((uint64_t)user << 32) | (message ? message * 2U : conv * 2U + 1U);
}
bool target_undone_since(const struct check *c, const struct target *t, version deletion);
bool target_names_current(const struct check *c, const struct target *t, version named);
bool claim_open(const struct check *c, const struct message *m, const struct claim *claim);
const struct change *target_current(const struct check *c, const struct target *t); /* first of the current deletion */
const char *nm(const struct check *c, uint64_t name);
bool message_live(const struct check *c, const struct message *m);
/* Does this operation, or this part of one, end an invitation? */
static inline bool ends_invitation(enum word what)
{
    return what == WORD_ACCEPT || what == WORD_DECLINE || what == WORD_WITHDRAW;
}
/* Is it an invitation that nothing has ended? */
bool invitation_open(const struct check *c, const struct message *m);
/* Is the device's user out of the conversation that this copy is of? An invitation is for who is. */
bool holder_left(struct check *c, const struct holding *h);

/* ---- fold.c: the model moves on by one record ---- */
void fold(struct check *c, const struct event *e);
uint32_t target_change(struct check *c, const struct event *e, uint32_t message, bool undo);

/* ---- check.c: bookkeeping ---- */
void judge(struct check *c, enum invariant invariant);
void judge_unknown(struct check *c, enum invariant invariant);
/* Counts a violation. The first one returns its verdict, to be given its chain; later ones NULL, which chain_* accept.
 */
struct verdict *violate(struct check *c, enum invariant invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void chain_now(struct check *c, struct verdict *v);
void chain_kept(const struct check *c, struct verdict *v, uint32_t kept);
void chain_show(const struct check *c, struct verdict *v, uint32_t holding);
void chain_hide(const struct check *c, struct verdict *v, uint32_t holding);

/* ---- the invariants: before the record is folded in, after it, and at the end ---- */
void visibility_before(struct check *c, const struct event *e);
void visibility_after(struct check *c, const struct event *e);
void visibility_finish(struct check *c);
/* Is it a reply, of whatever degree, to something whose deletion is in force (asked: or was asked for)? Which, or 0. */
uint32_t deleted_ancestor(const struct check *c, uint32_t message, bool asked);
/* Does anything that was decided explain that this copy is hidden? */
bool hide_explained(struct check *c, const struct event *e, const struct holding *h);
void cascade_before(struct check *c, const struct event *e);
void content_before(struct check *c, const struct event *e);
void remanence_before(struct check *c, const struct event *e);
void counters_finish(struct check *c);
void agreement_finish(struct check *c);
bool final_view(const struct check *c, const struct device *d);     /* viewed at the end, when all had arrived */
bool final_complete(const struct check *c, const struct device *d); /* and its cursor is at its log's head */
bool holding_in_view(const struct check *c, uint32_t holding);
void cursor_before(struct check *c, const struct event *e);
void cursor_after(struct check *c, const struct event *e);
void audience_before(struct check *c, const struct event *e);
void audience_finish(struct check *c);
void order_before(struct check *c, const struct event *e);
void order_after(struct check *c, const struct event *e);
void order_finish(struct check *c);
void durability_before(struct check *c, const struct event *e);
void durability_finish(struct check *c);
void reach_due(struct check *c, uint64_t at_us);
void reach_before(struct check *c, const struct event *e);
void reach_after(struct check *c, const struct event *e);
void reach_finish(struct check *c);
/* Did this user delete the message for themselves? asked: it is enough that it was asked for. Returns which, or 0. */
uint32_t forme_covers(const struct check *c, uint32_t user, uint32_t message, bool asked);
/* The same of somebody else: the one whose deletion it was. */
uint32_t forme_of_other(const struct check *c, uint32_t user, uint32_t message);
void scope_before(struct check *c, const struct event *e);
void scope_fold(struct check *c, const struct event *e);
void scope_finish(struct check *c);
/* Does a legal hold last that covers this conversation? */
bool hold_covers(struct check *c, uint32_t conv);
/* One there that has lasted since before `seq`, or NULL. */
const struct hold *hold_older(struct check *c, uint64_t shard, uint32_t conv, uint64_t seq);
/* A hold that covers the conversation at this shard, or at any (0); NULL: none. */
const struct hold *hold_at(struct check *c, uint64_t shard, uint32_t conv);
void hold_before(struct check *c, const struct event *e);
void hold_finish(struct check *c);
void former_edited(struct check *c, const struct event *e);
void former_found(struct check *c, const struct event *e);
void former_looked(struct check *c, uint64_t shard);
void former_released(struct check *c, uint64_t shard);
void former_finish(struct check *c, bool over);
/* Did somebody ask for a deletion of many that covers this message? */
bool bulk_asked(const struct check *c, const struct message *m);
void jobs_before(struct check *c, const struct event *e);
void jobs_after(struct check *c, const struct event *e);
void jobs_finish(struct check *c);
void copies_before(struct check *c, const struct event *e);
void attachments_before(struct check *c, const struct event *e);
void attachments_after(struct check *c, const struct event *e);
void poison_before(struct check *c, const struct event *e);
void poison_finish(struct check *c);
/* Without commits: can a retention that was said have taken this message by now? */
bool retention_explains(const struct check *c, const struct message *m);
/* Was the erasure of this user's account asked for, or decided? */
bool erasure_asked(const struct check *c, uint32_t user);
struct erasure *erasure_of(const struct check *c, uint32_t user); /* of their account; NULL: none */
void erasure_before(struct check *c, const struct event *e);
void erasure_after(struct check *c, const struct event *e);
void erasure_finish(struct check *c);
void retention_before(struct check *c, const struct event *e);
void retention_after(struct check *c, const struct event *e);
void retention_finish(struct check *c);
void audit_after(struct check *c, const struct event *e);
void settle_after(struct check *c, const struct event *e);
void settle_finish(struct check *c);
/* How often this shard was restored so far. */
uint32_t restore_count(const struct check *c, uint64_t shard);
const struct restored *restore_last(const struct check *c, uint64_t shard); /* of this shard, or NULL */
/* A violation: what was taken of this membership is back. holding: the copy that shows it, or 0. */
void restore_is_back(struct check *c, struct member *m, const char *how, uint32_t holding);
void restore_before(struct check *c, const struct event *e);
void restore_fold(struct check *c, const struct event *e);
void restore_finish(struct check *c);

#endif
