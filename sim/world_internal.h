/*
 * world_internal.h: what the files of the world share. world.c: set-up, the queue, dispatch, steps of nodes.
 * transport.c: packets, holds and drops. link.c: connections of devices. script.c: steps and races. fault.c:
 * partitions, crashes. crowd.c, workload.c: the crowd. observe.c: what is really there. phases.c: safety, heal,
 * deliver, age. record.c: notes to records.
 *
 * Method: whatever is due is an event in one queue; only world_run pops it, and moves the time to it. A handler may
 * step nodes, and push events; it never waits. The one `out` is free again when world_shard_step or world_device_step
 * returns.
 */
#ifndef SEXTON_SIM_WORLD_INTERNAL_H
#define SEXTON_SIM_WORLD_INTERNAL_H

#include "core/device.h"
#include "core/rng.h"
#include "core/shard.h"
#include "net-model/net.h"
#include "net-model/presence.h"
#include "sim/check/probes.h"
#include "sim/disk.h"
#include "sim/herd.h"
#include "sim/idmap.h"
#include "sim/queue.h"
#include "sim/remanence.h"
#include "sim/store_fault.h"
#include "sim/world.h"

#define WORLD_ERROR_MAX 512
#define CONNECT_SPREAD_US (200 * US_PER_MS) /* everyone who comes online at once does so within this */
#define NODE_NONE UINT32_MAX

enum event_kind {
    EVENT_PACKET,        /* a: packet */
    EVENT_SHARD_TIMER,   /* a: shard */
    EVENT_DEVICE_TIMER,  /* a: device */
    EVENT_CONNECT,       /* a: device, b: attempt: it dials */
    EVENT_ACCEPT,        /* a: device, b: attempt: the shard answers */
    EVENT_CONNECTED,     /* a: device, b: session: the device learns it */
    EVENT_SHARD_NOTICES, /* a: device, b: session: a connection is gone */
    EVENT_DEVICE_NOTICES,
    EVENT_BREAK,     /* a: device, b: session: the network breaks it */
    EVENT_PRESENCE,  /* a: device, b: whether it comes online */
    EVENT_AWAY,      /* a: user, b: whether the user leaves */
    EVENT_STEP,      /* a: step, b: repetition from 0 */
    EVENT_FAULT_END, /* a: fault, b: its serial number */
    EVENT_RESTART,   /* a: node */
    EVENT_ARRIVE,    /* the next user of the crowd */
    EVENT_CROWD,     /* a: enum crowd_work */
    EVENT_OBSERVE,
    EVENT_PHASE,      /* a: enum phase that begins */
    EVENT_POLL,       /* of the end phases */
    EVENT_ADOPT,      /* a: device, which takes another id */
    EVENT_PROVISION,  /* a: device's id, b: linked: its shard was down */
    EVENT_NODE_READY, /* a: node: what waits for it first is due */
    EVENT_ROLL,       /* a: node, b: step: its turn in a rolling restart */
    EVENT_FLAP,       /* a: fault, b: its serial number: it comes or goes */
    EVENT_DRAWN,      /* a: enum fault_kind: one of the faults that were drawn */
};
enum phase { PHASE_SAFETY, PHASE_HEAL, PHASE_DELIVER, PHASE_AGE, PHASE_OVER };

struct packet { /* on the way, or held */
    struct wire wire;
    uint32_t from, to; /* nodes */
    uint32_t session;  /* of a stream; 0: a datagram, between shards or to a notification centre */
    uint32_t next;     /* of the free list or of a hold, + 1 */
};

struct crash_plan {
    enum crash_point point; /* CRASH_NONE: none */
    uint64_t steps;         /* until then, this one included */
    uint64_t for_us;
    uint32_t step;  /* of the script, + 1; 0 = the crowd's */
    uint64_t sends; /* after some: how many leave; 0 = half of them */
    uint8_t swarm;  /* the swarm's fault that it is, + 1 */
};

struct node_clock {
    int64_t offset_us;
    uint64_t wake_at_us; /* by the node's own clock, as it last asked; TIME_NEVER for none */
    uint64_t timer_at_us, timer_event;
    int64_t drift_us; /* gained in an hour, since drift_from_us */
    uint64_t drift_from_us;
    struct node_load *load; /* fault_node.c; NULL: it never stood still and never was slow */
};

/* Of tombstones and deletions that were looked at, how many carry a text (observe_content.c). */
struct world_content {
    uint64_t looked, content;
};
struct world_shard {
    struct shard *core;         /* NULL while it is down */
    struct shard_stores stores; /* kept from run to run, cleared */
    uint32_t name, incarnation;
    bool restored; /* and not started since */
    struct node_clock clock;
    struct crash_plan plan;
    struct store_fault_plan memory;
    struct store_fault faulty[STORE_PARTS]; /* what core is given, where memory may run out */
    struct world_content content;           /* of its packets, since the last observation */
    bool had_blobs;                         /* at the last observation */
    struct shard_disks *disks;              /* world_disk.c; NULL: its tables are in memory */
};

#define LINK_LINGERS UINT32_MAX /* the fault is over, and nobody has noticed that the connection is */
struct link {
    uint32_t session;      /* 0 = no connection */
    uint32_t believed;     /* while opened: the session that the device knows of */
    uint32_t attempt;      /* of connecting, the current one's number */
    bool dialling, opened; /* opened: the device knows of the session */
    uint8_t failures;
    struct net_stream up, down;
    uint32_t dead;       /* the fault, + 1, because of which the connection carries nothing; LINK_LINGERS; or 0 */
    uint32_t ghost;      /* a session of which the shard alone does not know that it is gone; or 0 */
    uint64_t read_at_us; /* of a slow reader: when it is done with the message before */
};

struct world_device {
    struct device *core; /* NULL until it exists */
    user_id user;
    uint32_t name;
    shard_id home;
    struct link link;
    struct node_clock clock;
    struct crash_plan plan;
    struct presence_state presence;
    bool crashed, offline, away, absent, never; /* absent: by its presence pattern */
    bool patterned;                             /* has a presence pattern */
    uint32_t captive, slow;                     /* the fault, + 1, that makes it so; or 0 */
    uint16_t outages;                           /* that it is in */
    uint8_t link_class;                         /* of the scenario's links, + 1; 0 = as the others */
    uint8_t protocol;                           /* the version that it speaks */
    /* lives.c */
    device_id core_id;    /* what the servers call it; 0 = as the world does */
    device_id source;     /* the device whose image it was started from, or 0 */
    uint32_t first_op;    /* of its own: what is below was asked for by the source */
    uint32_t heard;       /* the highest operation under this id that a shard was sent, whatever it has forgotten */
    struct device *image; /* its last backup, or NULL */
    device_id image_id;   /* what the servers called it then */
    bool adopting, own_id_used;
    bool lent;    /* another has run under this id */
    bool syncing; /* a delta up to sync_to is awaited, then observed */
    bool checked; /* found converged by the last poll */
    bool of_herd; /* and has not caught up yet */
    uint64_t sync_to;
};

struct world_user {
    uint32_t name;
    device_id first, linked; /* its devices are dense from first; linked: the last that came later, or 0 */
    uint32_t dense, devices; /* how many are dense; all in all */
};

struct world_step {
    const struct scenario_step *step;
    uint32_t name;        /* what the record says: its `as`, or its label */
    uint32_t race;        /* the race that it is a branch of, + 1 */
    uint32_t race_number; /* of a race: which one */
    struct probe *probe;
    bool fired;
    uint64_t invoked;
    uint64_t decided_seq; /* record at which its operation was first decided, or its fault began */
    struct world_step_result result;
    struct store_image *image; /* of a backup */
};

struct fault { /* a partition, hold or drop in force */
    enum fault_kind kind;
    bool active, one_way, lingers;
    uint32_t serial, step;          /* step of the script, + 1; 0 = the crowd's */
    uint32_t *a, *b;                /* nodes, owned */
    size_t a_count, b_count, a_cap; /* a_cap: of everybody's */
    uint8_t filter, swarm;          /* swarm: the swarm's fault that it is, + 1 */
    uint64_t left;                  /* drop */
    int cut;                        /* partition; flap: while it is down, else negative */
    uint32_t first, last;           /* hold: packets, + 1 */
    unsigned shape;                 /* enum fault_shape of those that are no two sides: ring, shards; else 0 */
    unsigned believes;
    bool everybody; /* of devices: who arrives while it lasts has it as well */
    uint64_t down_us, up_us, each_us, spread_us;
    uint8_t keep; /* enum disk_keep of a cut of the power */
    uint64_t touched;
};

enum crowd_work {
    CROWD_SEND,
    CROWD_DELETE,
    CROWD_DELETE_CONV,
    CROWD_UNDO,
    CROWD_MEMBERSHIP,
    CROWD_NEW_CONV,
    CROWD_NEW_DEVICE,
    CROWD_CRASH,
    CROWD_PARTITION,
    CROWD_MIXED,  /* any operation of workload.def, by weight */
    CROWD_STRIKE, /* a fault of swarm.def */
    CROWD_STANDING,
    CROWD_WORKS
};
#define CROWD_CONV_MEMBERS 4
struct crowd_conv {
    conv_id conv;
    device_id maker;
    user_id members[CROWD_CONV_MEMBERS]; /* the creator first, then some others, as their shard says; 0 = none */
    bool known;                          /* its shard has it; before, only the device that made it can use it */
    bool deleted;
};
struct crowd_target { /* something that was sent, or deleted */
    conv_id conv;
    msg_id target;
    device_id device; /* whose work it was */
    uint64_t at_us;
};
struct crowd_backup { /* of a shard */
    struct store_image *image;
    shard_id shard;
    uint32_t name;
};
#define CROWD_BACKUPS 6
#define CROWD_RING 1024
struct crowd_ring {
    struct crowd_target items[CROWD_RING];
    size_t count, next;
};
struct crowd {
    uint64_t left[CROWD_WORKS];
    uint64_t ends_us; /* of its activity */
    uint64_t arrived;
    uint64_t conversations_made; /* of those that arrivals make */
    uint64_t standing_made;      /* of those that are there from the start */
    user_id first_user;
    struct crowd_conv *convs;
    size_t conv_count, conv_cap;
    struct idmap conv_index;                                       /* conversation -> its place in convs + 1 */
    struct crowd_ring sent, deleted, deleted_convs, held, invited; /* held: conv, or the user as target */
    uint32_t ghosts;
    struct crowd_backup backups[CROWD_BACKUPS]; /* the last ones of all shards */
    uint32_t backup_count;                      /* that there ever were */
    struct crowd_ring imaged;                   /* devices that were backed up */
    struct crowd_ring uploads, attached;        /* attached: messages with an upload */
    /* the mix: which of its operations is being done (+ 1), what came of each, and which one an operation was (+ 1) */
    uint32_t mixing;
    struct world_mix mix;
    struct idmap mixed;
};

struct words { /* the closed lists, interned once a run */
    uint32_t operation[OPERATION_COUNT], entry[ENTRY_COUNT], why[64], because[BECAUSE_COUNT], role[ROLE_COUNT];
    uint32_t fault[FAULT_KIND_COUNT], point[CRASH_POINT_COUNT];
    uint32_t copy[COPY_COUNT]; /* by enum copy */
    uint32_t all, me, accepted, refused, heal, safety, deliver, age, release, resume;
    uint32_t sync[4]; /* by enum sync_answer */
    uint32_t reason[REASON_COUNT], stage[JOB_END + 1];
};

enum hush { HUSH_NOT, HUSH_NAMES, HUSH_ALL };

struct traffic { /* of the safety phase */
    uint64_t requests, bytes, between;
    uint64_t steps[SCENARIO_SHARDS_MAX];
};

struct world {
    const struct scenario *scenario;
    struct history *history;
    struct names *names;
    struct world_name *default_names; /* NULL until the first */
    uint32_t run : 31;                /* how many this world has begun */
    unsigned hush;                    /* enum hush: what is told is of a conversation that is not judged */
    struct policy policy;
    uint64_t seed, now_us, events, progress_us, push_lost;
    enum phase phase;
    bool over, failed, exhausted;
    char error[WORLD_ERROR_MAX];
    struct queue *queue;
    struct net *net;
    struct rng order, net_rng, crowd_rng, script_rng, fault_rng, observe_rng, key_rng, push_rng;
    struct out out;
    struct record record;
    struct words words;
    /* nodes: shards 0 … shard_count-1, then device d is shard_count + d */
    struct world_shard shards[SCENARIO_SHARDS_MAX];
    uint32_t shard_count;
    struct world_device *devices; /* device d is devices[d - 1] */
    size_t device_count, device_cap;
    struct world_user *users; /* user u is users[u - 1] */
    size_t user_count, user_cap;
    uint32_t sessions;
    struct packet *packets;
    size_t packet_count, packet_cap;
    uint32_t packet_free; /* + 1 */
    struct fault *faults;
    size_t fault_count, fault_cap;
    uint32_t fault_serial, active_drops, active_holds, active_cuts, active_clogs;
    /* disks: their calls count once everybody is there; how much later what a step sends leaves */
    struct remanence *remanence; /* or NULL */
    struct disk_meter meter;
    bool provisioned;
    uint64_t late_us;
    uint32_t loads; /* nodes with a queue of their own */
    struct world_swarm swarm;
    uint8_t striking; /* the swarm's fault that begins now, + 1 */
    struct {
        uint64_t broken, pushes_harmed;
        uint64_t habits[PRESENCE_MODEL_COUNT];
        uint64_t network;                     /* bits of enum network_fault */
    } seen;                                   /* of the network, in the safety phase */
    bool may_run_short;                       /* of memory: some fault can do that */
    uint64_t drawn_touched[FAULT_KIND_COUNT]; /* of the faults that no step asked for */
    struct rng drawn_rng;
    uint64_t clock_span_us; /* the largest offset of any clock */
    /* names and steps by operation: MAKE_ID(device, op) -> name << 32 | step + 1; a message's id and its send's are one
     */
    struct idmap ops;
    struct idmap owners;        /* see lives.c */
    struct idmap dropped;       /* sends that left the outbox of the speaker in this step, without an effect */
    uint32_t lives;             /* how often an id and a device were told apart: 0 = never */
    device_id speaker, caller;  /* whose notes are being told; whose message is being taken */
    struct idmap op_versions;   /* commits of operations of the script */
    struct idmap ids_by_name;   /* name -> message or conversation */
    struct idmap steps_by_name; /* `as` -> step + 1 */
    uint32_t ghosts;
    struct world_step *steps;
    size_t step_count, step_cap;
    uint32_t *waiting; /* steps that wait for their event */
    size_t waiting_count, waiting_cap;
    struct world_race_result *races;
    size_t race_count, race_cap;
    uint64_t safety_until_us;
    struct traffic traffic;
    struct herd herd;
    world_tap_fn *tap;
    void *tap_ctx;
    struct crowd crowd;
    /* end phases */
    uint64_t age_until_us, age_bound_us;
    size_t poll_from;
    char *stalls;
    size_t stalls_len, stalls_cap;
    struct record_item *items;
    size_t item_cap;
};

/* ---- world.c ---- */
uint64_t world_push(struct world *w, uint64_t at_us, enum event_kind kind, uint64_t a, uint64_t b);
void world_fail(struct world *w, const char *what, int status);
/* Run one step of a node, tell its notes, carry its messages, note when it wants to be woken. A node that is down does
   nothing. A planned crash may strike. */
void world_shard_step(struct world *w, shard_id id, struct shard_input *input);
/* False when the device did not take the input (or lost it by a crash). */
bool world_device_step(struct world *w, device_id id, struct device_input *input);
/* A push reaches the notification centre, whether the app runs or not. */
void world_device_push(struct world *w, device_id id, const struct wire *wire);
void world_rearm(struct world *w, uint32_t node);
static inline struct world_device *world_device(struct world *w, device_id id)
{
    assert(id && id <= w->device_count);
    return &w->devices[id - 1];
}
static inline uint32_t node_of_device(const struct world *w, device_id id)
{
    return w->shard_count + id;
}
static inline bool node_is_shard(const struct world *w, uint32_t node)
{
    return node < w->shard_count;
}
uint32_t node_of_scenario(const struct world *w, uint32_t scenario_node);
uint32_t node_name(struct world *w, uint32_t node);
struct node_clock *node_clock(struct world *w, uint32_t node);

void world_dispatch(struct world *w, const struct event *e);

/* ---- world_setup.c ---- */
/* The shard's process begins, on its stores. */
void world_shard_begin(struct world *w, shard_id id);
void world_begin(struct world *w, const struct scenario *scenario, uint64_t seed, flaw_set flaws,
                 struct history *history); /* forgets the run before */
void world_set_up(struct world *w);
void world_forget(struct world *w); /* gives back what belongs to one run; keeps the arrays */
/* The id of the scenario's i-th conversation; by-owner, its home is the shard of its first member. */
conv_id world_conversation(const struct world *w, size_t i);
/* The conversation that this operation, MAKE_ID(device, op), makes; any other id as it is. */
conv_id world_conversation_of(struct world *w, uint64_t op);
/* What the permission table says of a conversation that is new, as records, if the scenario makes something of it. */
void world_tell_rules(struct world *w, conv_id conv);
user_id world_add_user(struct world *w, const char *name);
/* Reserve its id and name; it exists from world_device_begin on. */
device_id world_add_device(struct world *w, user_id user, const char *name);
void world_device_begin(struct world *w, device_id id, bool linked);
/* Its user's shard learns of it, as soon as it is up. */
void world_provision(struct world *w, user_id user, device_id id, bool linked);

/* ---- transport.c ---- */
void transport_stream(struct world *w, device_id id, bool to_device, const struct wire *wire);
void transport_datagram(struct world *w, shard_id from, shard_id to, const struct wire *wire);
/* To a notification centre: a datagram of its own kind, lost, repeated and overtaken as the scenario says. */
void transport_push(struct world *w, shard_id from, device_id to, const struct wire *wire);
void transport_arrive(struct world *w, uint32_t packet);
/* Send what a hold kept, in order. */
void transport_release(struct world *w, struct fault *hold);
void transport_forget(struct world *w);

/* ---- link.c ---- */
bool link_wanted(const struct world_device *d);
void link_dial(struct world *w, device_id id, uint64_t spread_us); /* if it should be connected and is not */
void link_connect(struct world *w, device_id id, uint32_t attempt);
void link_accept(struct world *w, device_id id, uint32_t attempt);
void link_connected(struct world *w, device_id id, uint32_t session);
void link_break(struct world *w, device_id id); /* both ends notice a little later */
void link_shard_notices(struct world *w, device_id id, uint32_t session);
void link_device_notices(struct world *w, device_id id, uint32_t session);
void link_presence(struct world *w, device_id id, bool online);
void link_set_offline(struct world *w, device_id id, bool *flag, bool value);
/* One end only learns that the connection is gone. */
void link_lose(struct world *w, device_id id, bool device_learns);
/* One end has given up this session, by itself. The other learns of it, unless the connection is dead. */
void link_hang_up(struct world *w, device_id id, uint32_t session, bool by_device);
void link_end_ghost(struct world *w, device_id id); /* the shard learns it at last */
/* This node's link is the scenario's link of that number; or all of them are, once more, on a new network. */
void link_set_class(struct world *w, uint32_t node, size_t link);
void link_set_classes(struct world *w);
void link_break_cut(struct world *w); /* break every connection that a partition crosses */

/* ---- script.c ---- */
void script_begin(struct world *w);
void script_release(struct world *w); /* the probes of the last run */
void script_step(struct world *w, uint32_t step, uint64_t repetition);
void script_take(void *world, const struct record *record, const struct names *names); /* a sink */
void script_decided(struct world *w, device_id device, uint32_t op, version v);
void script_answered(struct world *w, device_id device, uint32_t op, unsigned outcome, unsigned why);
void script_end(struct world *w);

/* ---- fault.c ---- */
void fault_begin(struct world *w, uint32_t step);
void fault_end(struct world *w, size_t fault, uint32_t serial);
void fault_crash(struct world *w, uint32_t node, enum crash_point point, uint64_t for_us);
void fault_restart(struct world *w, uint32_t node);
void fault_plan_crash(struct world *w, uint32_t node, struct crash_plan plan);
void fault_partition(struct world *w, struct fault *model, uint64_t for_us); /* takes over model's arrays */
struct fault *fault_add(struct world *w, const struct fault *model);         /* likewise */
struct fault *fault_of_serial(struct world *w, uint32_t serial);             /* NULL: it is over */
void fault_close(struct world *w, struct fault *fault);
void fault_touch(struct world *w, struct fault *fault);
void fault_tell(struct world *w, const struct fault *fault, uint32_t word, uint64_t count);
void fault_finish(struct world *w, struct fault *fault); /* it is over */
bool fault_crosses(const struct fault *fault, uint32_t a, uint32_t b);
/* Is this path clogged? Then a connection cannot be made over it now. */
bool fault_clogs(struct world *w, uint32_t a, uint32_t b);
/* The message is damaged on its way, and known to be. */
bool fault_corrupts(struct world *w, uint32_t from, uint32_t to, const struct wire *wire);
void fault_heal_all(struct world *w);
void fault_cut_packet(struct world *w, uint32_t from, uint32_t to); /* a partition stopped something */
struct fault *fault_drops(struct world *w, uint32_t from, uint32_t to, const struct wire *wire);
struct fault *fault_holds(struct world *w, uint32_t from, uint32_t to, const struct wire *wire);
void fault_forget(struct world *w);
void fault_touch(struct world *w, struct fault *fault);
/* Does the plan strike in this step? Counts it down. */
bool fault_strikes_before(struct crash_plan *plan, bool counts);
enum crash_point fault_strikes_after(struct crash_plan *plan, bool counts);

/* ---- world_disk.c: nothing of it does anything without disks ---- */
void world_disk_open(struct world *w, shard_id id); /* new disks, and new stores on them */
void world_disk_each_extent(struct world *w, shard_id id, disk_visit *visit, void *ctx);
void world_disk_settle(struct world *w);                       /* what is there at the beginning is on the medium */
void world_disk_forget(struct world_shard *shard);             /* closes them */
void world_disk_arm(struct world *w, shard_id id, bool armed); /* around each step of the shard */
/* A step failed: true when the disks explain it, and the shard has crashed. */
bool world_disk_failed(struct world *w, shard_id id, const struct shard_input *input);
void world_disk_died(struct world *w, shard_id id); /* its process did */
/* May it start? Otherwise it has said why not. */
bool world_disk_ready(struct world *w, shard_id id);
void world_disk_tell(struct world *w, shard_id id);                 /* it has started: what is found of before */
const char *world_disk_refused(const struct world *w, shard_id id); /* why it stays down, or NULL */
/* A new disk for the main store of a shard that stays down; false when that does not help. */
bool world_disk_replace(struct world *w, shard_id id);
void world_disk_fault(struct world *w, uint32_t step, shard_id id);
void world_disk_fault_over(struct world *w, uint32_t step, shard_id id); /* step: + 1 */
void world_disk_heal(struct world *w, shard_id id);
/* Takes over the model's arrays; for_us 0: until it has done its work, or the faults stop. */
void fault_list(struct world *w, struct fault *model, uint64_t for_us);
/* Likewise a pause, or a slow node. */
void fault_load(struct world *w, struct fault *model, uint64_t for_us, uint64_t service_us);
bool fault_clock(struct world *w, uint32_t node, uint32_t step, int64_t offset_us, int64_t drift_us);

/* ---- swarm_strike.c ---- */
bool swarm_strike(struct world *w); /* false: nobody to strike just now */
void swarm_fired(struct world *w);  /* the one that strikes has touched something */
void swarm_count(struct world *w);  /* at the end of the safety phase */
enum budget_kind { BUDGET_SHARDS_DOWN, BUDGET_PARTITIONS, BUDGET_PAUSED, BUDGET_CLOCK, BUDGET_TIME, BUDGET_DISKS };
/* May one more begin, for so long (of a clock: so much)? What is beyond the budget is counted. */
bool budget_allows(struct world *w, enum budget_kind kind, uint64_t amount_us);

/* ---- fault_node.c: nodes that live on, but not well ---- */
bool load_defers(struct world *w, const struct event *e); /* true: it waits for its node */
void load_ready(struct world *w, uint32_t node);
bool load_stands(struct world *w, uint32_t node);
void load_died(struct world *w, uint32_t node);
void load_begin(struct world *w, const struct fault *fault, uint64_t service_us);
void load_end(struct world *w, const struct fault *fault);
void load_forget(struct world *w);
/* A crash of each of the scenario's nodes in turn; it is this node's. */
void fault_roll(struct world *w, uint32_t step, const uint32_t *nodes, size_t count);
void fault_roll_all(struct world *w, uint64_t for_us, uint64_t gap_us); /* every shard, without a step */
void fault_rolls(struct world *w, uint32_t node, uint64_t what);
/* False when it is no old client, or not running. step: + 1 */
bool fault_upgrade(struct world *w, uint32_t node, uint32_t step, uint64_t for_us);
/* Messages of somebody who says to be a device that exists, in a session that does not: how many arrived. */
uint64_t fault_strangers(struct world *w, shard_id id, uint32_t step, uint64_t times);
int64_t clock_offset(const struct world *w, const struct node_clock *clock); /* now */
uint64_t clock_moment(const struct world *w, const struct node_clock *clock, uint64_t local_us);
void clock_set(struct world *w, uint32_t node, int64_t offset_us, int64_t drift_us);
void clock_spans(struct world *w, const struct node_clock *clock);
void clock_settle_all(struct world *w);

/* ---- fault_link.c: what goes wrong with connections ---- */
/* Begins; takes over model's arrays. An empty list of nodes: every device. */
void fault_link_begin(struct world *w, struct fault *model, uint64_t for_us);
/* A device is new: what everybody has, it has. */
void fault_link_join(struct world *w, device_id id);
/* It is over: what it did is taken back. */
void fault_link_end(struct world *w, struct fault *fault);
/* A connection that a fault had made dead is gone. */
void fault_link_gone(struct world *w, uint32_t dead);
void fault_flap(struct world *w, size_t fault, uint32_t serial);
/* Put the sides, or the nodes, of a named shape into the model: of nodes (owned by the caller), or of all. */
void fault_shape(struct world *w, struct rng *rng, enum fault_shape shape, const uint32_t *nodes, size_t count,
                 struct fault *model);
/* Put up a cut of that form; negative when there are too many. */
int fault_cut(struct world *w, const struct fault *fault);

/* ---- fault_drawn.c: faults at random moments ---- */
void drawn_begin(struct world *w);
void drawn_fault(struct world *w, enum fault_kind kind);
/* Of these devices and paths: some, from this stream. */
void drawn_links(struct world *w, struct rng *rng, enum fault_kind kind, uint64_t for_us);
void drawn_shape(struct world *w, struct rng *rng, struct fault *model);

/* ---- backup.c ---- */
void backup_take(struct world *w, uint32_t step, shard_id id);
void backup_restore(struct world *w, uint32_t step, shard_id id);
/* The same without a step: a backup of this name replaces *image; 0 or a negative status. */
int backup_image(struct world *w, shard_id id, uint32_t name, struct store_image **image);
struct backup_restore {
    struct store_image *image; /* NULL: there is none of that name */
    uint32_t backup, step;     /* their names; step: 0 for none */
    uint64_t for_us;           /* the shard is down */
};
/* True when it was done or refused, and said to be. */
bool backup_start_from(struct world *w, shard_id id, const struct backup_restore *what);
void backup_register(struct world *w, shard_id id); /* whoever the restored shard does not know */

/* ---- crowd.c: who is there ---- */
void crowd_begin(struct world *w);
void crowd_arrive(struct world *w);
void crowd_away(struct world *w, user_id user, bool leaves);
void crowd_forget(struct world *w);
/* A random user of those who arrived, 0 when nobody did; a random device of a user, running or not. */
user_id crowd_user(struct world *w);
device_id crowd_device(struct world *w, user_id user);
bool crowd_link_device(struct world *w);
/* The device comes and goes by this pattern from now on. */
void crowd_begin_presence(struct world *w, device_id id, enum presence_kind presence, unsigned zone_hours);
/* One more device of this user, with a name and a presence of its own, for lives.c to start. */
device_id crowd_new_device(struct world *w, user_id user);

/* ---- workload.c: what they do ---- */
void workload_begin(struct world *w);
void crowd_work(struct world *w, enum crowd_work work);
bool workload_new_conv(struct world *w, user_id creator);
/* An operation is about to be invoked; it was answered: for the counts of the mix. */
void workload_issues(struct world *w, uint64_t id);
void workload_answered(struct world *w, device_id device, uint32_t op, unsigned outcome);
/* The first of a crowd that holds things is an officer. */
void workload_officer(struct world *w, user_id user);
/* A shard says that somebody is a member now, or is not any more. */
void workload_member(struct world *w, conv_id id, user_id user, bool joins);

/* ---- observe.c ---- */
void observe_device(struct world *w, device_id id);
void observe_shard(struct world *w, shard_id id);
void observe_content(struct world *w, shard_id id);
void observe_packet(struct world *w, uint32_t from, const struct wire *wire);
void observe_random(struct world *w);
void observe_all(struct world *w);
/* It starts with what the source, or its backup, had. how: FIELD_CLONE, FIELD_LINKED, or FIELD_SOURCE for neither. */
void observe_start(struct world *w, device_id id, device_id source, enum history_field how);
void observe_synced(struct world *w, device_id id);
uint64_t observe_tombstones(struct world *w);
uint64_t observe_orphans(struct world *w);
void observe_blobs(struct world *w, shard_id id);
/* Can what is attached to a message be read? Also when nothing is (0). */
bool observe_blob_is_whole(struct world *w, shard_id id, msg_id blob);

/* ---- phases.c ---- */
void phase_begin(struct world *w, enum phase phase);
bool phase_has_converged(struct world *w, device_id id); /* this device */
void phase_poll(struct world *w);

#endif
