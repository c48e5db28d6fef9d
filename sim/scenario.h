/*
 * scenario.h: a scenario file, read and checked: plain data, owned by the scenario, borrowed by everyone else.
 *
 * The reader (sim/scenario_read.c) is strict: it never returns a scenario that the simulator could not run. Names are
 * resolved to indexes here, so that a typing error is found with its line and column and not in the middle of a run.
 */
#ifndef SEXTON_SIM_SCENARIO_H
#define SEXTON_SIM_SCENARIO_H

#include "core/policy.h"
#include "core/wire.h"
#include "sim/history.h"

/* Named limits of a file; exceeding one is an error with its position. */
#define SCENARIO_BYTES_MAX (8U << 20)
#define SCENARIO_DEPTH_MAX 32
#define SCENARIO_SHARDS_MAX 64
#define SCENARIO_USERS_MAX 10000 /* declared by name; a crowd may be larger */
#define SCENARIO_DEVICES_MAX 20000
#define SCENARIO_STEPS_MAX 10000
#define SCENARIO_BRANCHES_MAX 6 /* of a race: 720 permutations */
#define SCENARIO_CROWD_MAX 2000000

struct scenario_device {
    char *name; /* "alice.phone" */
    uint32_t user;
    bool linked;       /* "link" in the script: it does not exist before that step */
    bool offline;      /* starts offline ("offline": [..] of the file) and connects only when the script says so */
    unsigned presence; /* enum presence_kind */
    bool old;          /* "old-clients": it speaks the previous version of the protocol */
};
struct scenario_user {
    char *name;
    bool officer; /* may place and release legal holds */
};
struct scenario_member {
    uint32_t user;
    uint8_t role; /* enum role */
};
struct scenario_conversation {
    char *name;
    uint8_t kind;                    /* enum conv_kind */
    uint64_t retention_us;           /* 0 = messages stay for ever */
    bool crowd;                      /* every user of the crowd is a member, from their arrival on */
    struct scenario_member *members; /* the first is the owner unless "owners" says otherwise */
    size_t member_count;
};

/* The operations of a crowd's mix. */
#define WORK(id, name, weight, operation, function) WORK_##id,
enum workload_operation {
#include "sim/workload.def"
    WORK_COUNT
};
#undef WORK
struct workload_info {
    const char *name;
    uint32_t weight; /* in the mix "all" */
    enum operation operation;
};
extern const struct workload_info workload_table[WORK_COUNT];

enum presence_kind { /* as net-model/presence.h has them */
                     PRESENCE_ALWAYS,
                     PRESENCE_COMMUTER,
                     PRESENCE_FLAKY,
                     PRESENCE_RARE,
                     PRESENCE_OFFICE,
                     PRESENCE_NIGHT,
                     PRESENCE_WEEKEND,
                     PRESENCE_MONTHS,
                     PRESENCE_BACKGROUND,
                     PRESENCE_KILLED,
};
/* Conversations that a crowd has from the start, all of one kind. */
struct scenario_standing {
    uint64_t low, high;    /* members */
    uint64_t per_user_ppm; /* how many of these a user is in, on average */
    uint8_t kind;          /* enum conv_kind; CONV_NONE: direct if it has two members, else a group */
};
#define SCENARIO_STANDING_MAX 8
/* A crowd lives next to the declared users: u1, u2, … with devices u1.d1, …; it grows while the run goes on. */
struct scenario_crowd {
    uint64_t users;                    /* 0: no crowd */
    uint64_t devices_min, devices_max; /* a user */
    enum presence_kind presence;
    uint64_t zones;    /* their users live in so many time zones, evenly round the globe; 0 = one */
    uint64_t away_ppm; /* of users, away for `away_for_us` from a random moment on */
    uint64_t away_for_us;
    uint64_t arrive_over_us;                                  /* users appear over this time; the first tenth at once */
    uint64_t conversations_per_user_ppm;                      /* created while it runs, by their first member */
    uint64_t group_min, group_max;                            /* members */
    struct scenario_standing standing[SCENARIO_STANDING_MAX]; /* made once everybody is there, over as long again */
    size_t standing_count;
    /* workload: exact totals over the run, spread at random moments over `active_us` */
    uint64_t sends, deletes, conversation_deletes, undos, membership_changes, new_conversations, new_devices;
    /* the workload's other way: so many operations of workload.def, drawn by weight */
    uint64_t mixed;
    uint32_t weights[WORK_COUNT];
    uint64_t active_us;
    uint64_t astray_ppm; /* operations aimed at deleted, purged, foreign and never-existing targets: default 50000 */
    uint64_t crashes;    /* of shards and devices, at random crash points */
    uint64_t partitions; /* random, with heal */
    /* by "swarm" */
    uint64_t strikes;                               /* faults of swarm.def, at random moments */
    uint32_t old_ppm;                               /* of the devices speak the previous protocol */
    bool short_of_memory;                           /* calls of stores may fail */
    uint32_t killed_ppm, background_ppm, hours_ppm; /* of the devices have a habit of their own */
};

#define SWARM(id, name, draw, strike, count) SWARM_##id,
enum swarm_fault {
#include "sim/swarm.def"
    SWARM_COUNT
};
#undef SWARM
static inline bool swarm_is_of_disk(enum swarm_fault fault)
{
    return fault >= SWARM_POWER_CUT && fault <= SWARM_VAULT_FAILS;
}
struct scenario_span {
    uint64_t low, high; /* high 0: not given */
};
#define SCENARIO_CHOICES_MAX 16
struct scenario_choice {
    const struct policy_info *policy;
    uint64_t values[SCENARIO_CHOICES_MAX];
    size_t count;
};
/* Links that are not like the others. */
struct scenario_link {
    unsigned kind; /* enum net_kind */
    uint64_t median_us, p99_us;
    uint64_t bytes_per_s; /* 0 = as much as one likes */
    uint32_t crowd_ppm;   /* of the crowd's devices */
    uint32_t *nodes;
    size_t node_count;
};
#define SCENARIO_SWARM_LINKS 3
/* What each seed draws (sim/swarm.h). In a drawn scenario `faults` are those that are in. */
struct scenario_swarm {
    bool on, weights;
    struct scenario_span shards, users, devices, group, operations, strikes;
    uint64_t presences; /* bits of enum presence_kind */
    uint64_t disks;     /* bits of enum scenario_disk; 0: no disk fails */
    uint64_t candidates, faults;
    struct scenario_choice *choices;
    size_t choice_count;
    struct scenario_link links[SCENARIO_SWARM_LINKS]; /* drawn */
};
/* What the system must survive: no more is injected. */
struct scenario_budget {
    bool given;
    uint64_t shards_down, partitions, paused; /* at once */
    uint64_t longest_us;                      /* of a crash, a partition, a pause */
    uint64_t clock_error_us;
    uint64_t disks; /* of shards, that fail at once */
};

/* What a scenario can ask of its network, without a step, and that must have happened. */
#define NETWORK_FAULTS(X)                                       \
    X(BREAKS, "breaks")                                         \
    X(PUSH_LOSS, "push-loss")                                   \
    X(CHANNEL_LOSS, "channel-loss")                             \
    X(CHANNEL_DUPLICATES, "channel-duplicates")                 \
    X(CHANNEL_REORDER, "channel-reorder")                       \
    X(NOTIFICATIONS, "notification-loss, -late or -duplicates") \
    X(BANDWIDTH, "shard-bandwidth")                             \
    X(LINKS, "links")
enum network_fault {
#define ONE(id, name) NETWORK_##id,
    NETWORK_FAULTS(ONE)
#undef ONE
        NETWORK_FAULT_COUNT
};
struct scenario_network {
    uint64_t median_us, p99_us;             /* device to shard */
    uint64_t shard_median_us, shard_p99_us; /* shard to shard */
    uint64_t breaks_mean_us;                /* mean time between breaks of a connection; 0 = none */
    uint32_t push_loss_ppm;                 /* of entries pushed on an open connection, lost behind the shard */
    uint32_t channel_loss_ppm, channel_duplicate_ppm, channel_reorder_ppm;
    uint64_t shard_bytes_per_s; /* of each direction between two shards; 0 = as much as one likes */
    struct scenario_link *links;
    size_t link_count;
    uint32_t notification_loss_ppm, notification_duplicate_ppm, notification_late_ppm;
};

enum step_kind {
    STEP_OPERATION, /* operation */
    STEP_TYPE,      /* text, or "" to clear */
    STEP_LOOK,      /* in; -1 = at nothing */
    STEP_SEARCH,    /* text: a word */
    STEP_OFFLINE,   /* the device loses its network until STEP_ONLINE */
    STEP_ONLINE,
    STEP_LINK,  /* a new device appears */
    STEP_NEVER, /* the device goes away for ever: exempt by name */
    STEP_DEVICE_BACKUP,
    STEP_DEVICE_RESTORE, /* a new device starts from the backup of `of`, which is gone */
    STEP_CLONE,          /* from `of` as it is, and both go on */
    STEP_FETCH,          /* target: the message whose attachment is downloaded */
    STEP_TYPING,         /* it says once that its person is typing */
    STEP_RACE,
    STEP_FAULT,
};
#define FAULT_LIST(X)                                                                                   \
    X(PARTITION, "partition") /* between groups a and b, both ways or only a to b */                    \
    X(BREAK, "break")         /* the connection of a device, once */                                    \
    X(CRASH, "crash")         /* node, at a point; restarts after `for` (default 1 s) */                \
    X(DROP, "drop")           /* the next `times` messages of wire kind `filter` to or from a device */ \
    X(HOLD, "hold")           /* messages from a to b wait, in order, until released */                 \
    X(RELEASE, "release")                                                                               \
    X(CLOCK, "clock")           /* node's clock is off by offset_us from now on */                      \
    X(ABORT, "abort")           /* the program itself aborts: for testing the sweep */                  \
    X(BACKUP, "backup")         /* an image of a shard's main store, online */                          \
    X(RESTORE, "restore")       /* the shard dies, and comes back with that image and its own vault */  \
    X(DISK_CRASH, "disk-crash") /* the power of a shard is cut, now or at a call of a disk */           \
    X(LOST_SYNC, "lost-sync")   /* a disk says that it synced, and did not */                           \
    X(IO_ERROR, "io-error")     /* a call of a disk fails */                                            \
    X(DISK_FULL, "disk-full")   /* there is no room to write */                                         \
    X(SHORT_READ, "short-read") /* a read gets less than there is */                                    \
    X(BIT_FLIP, "bit-flip")     /* a bit of what is read is another, on the medium too */               \
    X(SLOW_DISK, "slow-disk")   /* calls take their time */                                             \
    X(PAUSE, "pause")           /* node stands still, and goes on with what it believed */              \
    X(SLOW, "slow")             /* each thing that node does takes service_us, and the next waits */    \
    X(ROLLING_RESTART, "rolling-restart")                                                               \
    X(UPGRADE, "upgrade")             /* an old client becomes one of the current protocol */           \
    X(OUT_OF_MEMORY, "out-of-memory") /* the `times`-th allocation of node's steps fails */             \
    X(FLAP, "flap")                   /* a partition that comes and goes */                             \
    X(HALF_OPEN, "half-open")         /* open connections carry nothing, and an end does not know it */ \
    X(CAPTIVE, "captive")             /* devices connect, to something that delivers nothing */         \
    X(CLOG, "clog")                   /* nothing passes for a time, then everything, late */            \
    X(CORRUPT, "corrupt")             /* the next `times` messages are damaged, and found to be */      \
    X(SLOW_READER, "slow-reader")     /* a device takes its time with every message */                  \
    X(OUTAGE, "outage")               /* devices have no network, then all come back */                 \
    X(STRANGERS, "strangers")         /* `times` messages reach a shard, of no session that it knows */
#define FAULT_ENUM(id, name) FAULT_##id,
enum fault_kind { FAULT_NONE, FAULT_LIST(FAULT_ENUM) FAULT_KIND_COUNT };
static inline bool fault_is_of_disk(enum fault_kind fault)
{
    return fault >= FAULT_DISK_CRASH && fault <= FAULT_SLOW_DISK;
}
enum fault_shape {
    SHAPE_NONE,
    SHAPE_HALVES,
    SHAPE_ISOLATED,
    SHAPE_BRIDGE,
    SHAPE_RING,
    SHAPE_SHARDS,
    SHAPE_DEVICE,
    SHAPE_COUNT
};
enum fault_believes { BELIEVES_BOTH, BELIEVES_DEVICE, BELIEVES_SHARD };
#define CRASH_POINT_LIST(X)                                                       \
    X(NOW, "now")                                                                 \
    X(BEFORE_COMMIT, "before-commit")                                             \
    X(AFTER_INTENT, "after-intent")   /* the vault has committed, main has not */ \
    X(AFTER_COMMIT, "after-commit")   /* nothing sent */                          \
    X(AFTER_SOME, "after-some-sends") /* half of them */                          \
    X(AFTER_ALL, "after-all-sends")                                               \
    X(BEFORE_WRITE, "before-write") /* devices */                                 \
    X(AFTER_WRITE, "after-write")                                                 \
    X(NO_MEMORY, "out-of-memory") /* by the fault of that name only */
#define CRASH_POINT_ENUM(id, name) CRASH_##id,
enum crash_point { CRASH_NONE, CRASH_POINT_LIST(CRASH_POINT_ENUM) CRASH_POINT_COUNT };

enum step_expect { EXPECT_NOTHING, EXPECT_ACKED, EXPECT_REFUSED, EXPECT_EITHER };
/* A node is a device index, or SCENARIO_SHARD + shard. */
#define SCENARIO_SHARD 0x80000000U

struct scenario_step {
    enum step_kind kind;
    int line, column;
    char *label; /* how reports call it: "script[3] delete d1" */
    char *as;    /* name of the operation, and of the message or conversation it makes; NULL = none */
    /* when: at, or after EVENT plus a delay */
    uint64_t at_us;
    char *after; /* EVENT, or NULL */
    uint64_t plus_us;
    uint64_t count; /* how often: default 1; "every" apart; the k-th (from 2) of "as": m1 is called m1.k */
    uint64_t every_us;
    /* who and what */
    uint32_t device;
    uint32_t of; /* the device whose image it starts from, or UINT32_MAX */
    uint8_t operation, role, conv_kind;
    int32_t conversation; /* index of a declared one, or -1 */
    char *in;             /* its name: declared, or the `as` of a create step; NULL = none */
    char *target;         /* name (`as`) of the message */
    char *reply_to;       /* name (`as`) of the message that a send replies to; NULL = none */
    char *attachment;     /* name (`as`) of the upload that a send refers to; NULL = none */
    char *undoes;         /* name (`as`) of the deletion that an undo names; NULL = the one the device knows */
    uint32_t subject;     /* user index, or UINT32_MAX */
    uint64_t period_us;   /* of a retention; 0 = for ever */
    char *text;           /* body, or draft */
    enum step_expect expect;
    uint8_t expect_why; /* enum why, for EXPECT_REFUSED; 0 = any */
    /* race */
    struct scenario_step *branches;
    size_t branch_count;
    uint64_t within_us;
    /* fault */
    enum fault_kind fault;
    uint32_t *nodes_a, *nodes_b; /* expanded from names, groups and globs */
    size_t nodes_a_count, nodes_b_count;
    bool one_way;
    uint64_t for_us; /* 0 = for ever (partition: until the heal phase) */
    enum crash_point point;
    uint8_t filter;          /* enum wire_kind for drop and hold; 0 = all */
    uint64_t times;          /* drop: how many; crash: at the k-th step from now */
    int64_t offset_us;       /* clock */
    int64_t drift_us;        /* clock: gained in an hour */
    uint64_t service_us;     /* slow: mean */
    uint64_t sends;          /* crash after some: how many leave; 0 = half of them */
    uint64_t gap_us;         /* rolling restart: from one's return to the next */
    char *backup;            /* restore: `as` of the backup */
    uint32_t parts;          /* bits of enum store_part: which disks of the shard */
    unsigned calls;          /* bits of enum disk_call; 0 = now */
    uint8_t keep;            /* enum disk_keep */
    uint64_t wait_us;        /* slow-disk: a call */
    unsigned shape;          /* partition, flap: enum fault_shape, instead of two sides; nodes_a: among these, or all */
    unsigned believes;       /* half-open: enum fault_believes, who does not know */
    uint64_t down_us, up_us; /* flap: the least time of each state */
    uint64_t each_us;        /* slow-reader: for one message */
    uint64_t spread_us;      /* outage: over which they come back */
    bool lingers;            /* half-open, captive: a dead connection is so until one of its ends gives it up */
};

/* Where the databases of a shard are: in memory, or files on simulated disks, with that journal. */
enum scenario_disk { DISKS_NONE, DISKS_WAL, DISKS_TRUNCATE };

struct scenario_limit {
    char *what;   /* "reaches-online.p99": a latency of a convergence class, p50 p90 p99 max; or "traffic.between": a
                     count */
    uint64_t max; /* in microseconds, if it is a latency */
};
struct scenario_least { /* what each run must have come to, so that none passes for having done little */
    uint64_t users, devices, operations, deletions;
    uint64_t fault_ppm; /* of the seeds, in which each fault of the swarm must have fired */
};
struct scenario_expect {
    bool hold_all;
    uint64_t hold; /* bit per invariant */
    uint64_t violate, may_violate;
    char **sometimes, **never, **finally;
    size_t sometimes_count, never_count, finally_count;
    struct scenario_limit *limits;
    size_t limit_count;
    struct scenario_least least;
};

struct scenario {
    char *file;
    char *name, *why;
    char **seen;
    size_t seen_count;
    uint64_t seeds;
    uint64_t seeds_at_most; /* a large scenario caps what a sweep of everything gives it; UINT64_MAX = no cap */
    int64_t starts_s;       /* seconds since 1970 */
    uint32_t shards;
    char *store;          /* "memory" or "sqlite" */
    uint8_t disk;         /* enum scenario_disk */
    bool tombstones;      /* look for content in tombstones, and in entries and packets of deletions */
    bool remanence;       /* the disks are searched for what should be gone */
    bool audited;         /* observe the audit logs too */
    struct policy policy; /* without flaws */
    int flaw;             /* enum flaw of a negative scenario, or -1 */
    struct scenario_user *users;
    size_t user_count;
    struct scenario_device *devices;
    size_t device_count;
    struct scenario_conversation *conversations;
    size_t conversation_count;
    struct scenario_crowd crowd;
    struct scenario_swarm swarm;
    struct scenario_budget budget;
    struct scenario_network network;
    struct scenario_step *steps;
    size_t step_count;
    uint32_t faults[FAULT_KIND_COUNT]; /* at random moments of the safety phase, how many of each */
    struct scenario_expect expect;
    uint64_t lasts_us;                /* of the safety phase: at least until the last step */
    uint64_t online_us, returning_us; /* bounds */
    bool measure;                     /* emit a record of what the safety phase cost */
    uint32_t judge_ppm;               /* of the conversations; 1000000: all */
    uint64_t observe_every_us;        /* mean time between observations; 0 = only at the end */
    uint64_t events_max, records_max, memory_max_bytes;
    /* "vary": this scenario is one of these; id "NAME#path=value,path=value" */
    char *variant; /* "" for none */
};

/*
 * Read `file` ("-": standard input) into its variants: one scenario, or the cross product of "vary". `sets` are
 * "path=value" overrides from the command line, applied before checking. Returns 0 and *scenarios (free with
 * scenario_free_all), or negative with "FILE:LINE:COLUMN: …" in error.
 */
#define SCENARIO_ERROR_MAX 1024
int scenario_read(const char *file, const char *const *sets, size_t set_count, struct scenario **scenarios,
                  size_t *count, char error[SCENARIO_ERROR_MAX]);
/* The same from memory, for tests and the fuzzer. */
int scenario_read_text(const char *file, const char *text, size_t size, const char *const *sets, size_t set_count,
                       struct scenario **scenarios, size_t *count, char error[SCENARIO_ERROR_MAX]);
void scenario_free_all(struct scenario *scenarios, size_t count);
/* "NAME" or "NAME#policy.undo-window=5s". */
void scenario_id(const struct scenario *scenario, char *id, size_t size);
/* The JSON Schema of a scenario file, malloc'd; scenarios/scenario.schema.json is its print-out. */
char *scenario_schema_json(void);
const char *fault_name(unsigned fault);
/* Can "faults" ask for some of this kind, at random moments? */
bool scenario_draws_fault(unsigned fault);
bool fault_is_of_links(unsigned fault); /* does it trouble connections, so that `net-model` has it? */
const char *crash_point_name(unsigned point);
const char *swarm_name(enum swarm_fault fault);

#endif
