/*
 * fault_node.c: what goes wrong with a node that goes on living: it stands still, it is slow, it is replaced by a newer
 * version, its clock drifts. And the restart of one node after the other.
 *
 * Method: an event for a node that stands still, or that is busy with the one before, goes to a queue of that node, and
 * one event at a time takes them out in the order in which they came. So a node that stood still goes on with the
 * state, the sessions and the timers that it had, and what was sent to it meanwhile is still in front of it. What it is
 * told on a connection that broke meanwhile is lost, as everywhere. A node that was never touched has no queue.
 */
#include "core/protocol.h"
#include "sim/record.h"

#include <stdlib.h>
#include <string.h>

#define DRIFT_SPAN_US (3600 * US_PER_S) /* drift is said by the hour */
__extension__ typedef __int128 wide;

struct node_load {
    uint32_t stopped_by, slowed_by; /* serials of the faults that do it; 0 = none */
    uint64_t service_us;            /* mean */
    uint64_t busy_until_us;
    bool ready_pending;
    struct event *waiting; /* from first on */
    size_t first, count, cap;
};

static struct node_load *load_of(struct world *w, uint32_t node)
{
    struct node_clock *clock = node_clock(w, node);
    if (!clock->load) {
        clock->load = base_alloc(sizeof *clock->load);
        w->loads++;
    }
    return clock->load;
}

/* Whom this event is for; NODE_NONE when it is no node's own. */
static uint32_t node_of_event(struct world *w, const struct event *e)
{
    const struct packet *p;
    switch ((enum event_kind)e->kind) {
        case EVENT_PACKET:
            p = &w->packets[e->a];
            return p->session || node_is_shard(w, p->to) ? p->to : NODE_NONE; /* else a notification centre */
        case EVENT_SHARD_TIMER:
            return (uint32_t)e->a;
        case EVENT_ACCEPT:
        case EVENT_SHARD_NOTICES:
            return world_device(w, (device_id)e->a)->home;
        case EVENT_DEVICE_TIMER:
        case EVENT_CONNECT:
        case EVENT_CONNECTED:
        case EVENT_DEVICE_NOTICES:
            return node_of_device(w, (device_id)e->a);
        default:
            return NODE_NONE;
    }
}

static void touch_by(struct world *w, uint32_t serial)
{
    for (size_t i = 0; i < w->fault_count; i++)
        if (w->faults[i].active && w->faults[i].serial == serial)
            fault_touch(w, &w->faults[i]);
}

static void make_ready(struct world *w, uint32_t node, struct node_load *load)
{
    if (load->ready_pending || load->stopped_by || !load->count)
        return;
    load->ready_pending = true;
    world_push(w, load->busy_until_us > w->now_us ? load->busy_until_us : w->now_us, EVENT_NODE_READY, node, 0);
}

static void take_time(struct world *w, struct node_load *load)
{
    if (load->service_us)
        load->busy_until_us = w->now_us + rng_exponential(&w->fault_rng, load->service_us);
}

bool load_defers(struct world *w, const struct event *e)
{
    uint32_t node = node_of_event(w, e);
    struct node_load *load = node == NODE_NONE ? NULL : node_clock(w, node)->load;
    if (!load)
        return false;
    if (!load->stopped_by && !load->count && load->busy_until_us <= w->now_us) {
        take_time(w, load);
        return false;
    }
    if (load->first && load->first + load->count == load->cap) { /* room at the front */
        memmove(load->waiting, load->waiting + load->first, load->count * sizeof *load->waiting);
        load->first = 0;
    }
    load->waiting = base_grow(load->waiting, &load->cap, load->first + load->count + 1, sizeof *load->waiting);
    load->waiting[load->first + load->count++] = *e;
    if (load->stopped_by || load->slowed_by)
        touch_by(w, load->stopped_by ? load->stopped_by : load->slowed_by);
    make_ready(w, node, load);
    return true;
}

void load_ready(struct world *w, uint32_t node)
{
    struct node_load *load = node_clock(w, node)->load;
    load->ready_pending = false;
    if (load->stopped_by || !load->count)
        return;
    struct event event = load->waiting[load->first++];
    if (--load->count == 0)
        load->first = 0;
    take_time(w, load);
    world_dispatch(w, &event); /* which may push devices about: the queue is looked up again */
    make_ready(w, node, node_clock(w, node)->load);
}

bool load_stands(struct world *w, uint32_t node)
{
    const struct node_load *load = w->loads ? node_clock(w, node)->load : NULL;
    return load && load->stopped_by;
}

/* A process that died does not stand still any more; what waits for it finds nobody. */
void load_died(struct world *w, uint32_t node)
{
    struct node_load *load = node_clock(w, node)->load;
    if (!load)
        return;
    load->stopped_by = 0;
    load->busy_until_us = 0;
    make_ready(w, node, load);
}

void load_begin(struct world *w, const struct fault *fault, uint64_t service_us)
{
    for (size_t i = 0; i < fault->a_count; i++) {
        struct node_load *load = load_of(w, fault->a[i]);
        if (fault->kind == FAULT_PAUSE) {
            load->stopped_by = fault->serial;
        } else {
            load->slowed_by = fault->serial;
            load->service_us = service_us;
        }
    }
}

void load_end(struct world *w, const struct fault *fault)
{
    for (size_t i = 0; i < fault->a_count; i++) {
        struct node_load *load = load_of(w, fault->a[i]);
        if (load->stopped_by == fault->serial)
            load->stopped_by = 0;
        if (load->slowed_by == fault->serial) {
            load->slowed_by = 0;
            load->service_us = load->busy_until_us = 0;
        }
        make_ready(w, fault->a[i], load);
    }
}

static void forget(struct node_clock *clock)
{
    if (clock->load)
        free(clock->load->waiting);
    free(clock->load);
    clock->load = NULL;
}

void load_forget(struct world *w)
{
    for (shard_id i = 0; i < w->shard_count; i++)
        forget(&w->shards[i].clock);
    for (size_t i = 0; i < w->device_count; i++)
        forget(&w->devices[i].clock);
    w->loads = 0;
}

/* ---- one after the other ---- */

#define ROLL_STEP_BITS 24
#define ROLL_LONGEST_US (1ULL << 39)

/* The turn of one: how long it is down, and the step of the script that asks for it, + 1. */
static void push_turn(struct world *w, uint64_t at_us, uint32_t node, uint64_t for_us, uint32_t step)
{
    uint64_t down_us = for_us < ROLL_LONGEST_US ? for_us : ROLL_LONGEST_US;
    world_push(w, at_us, EVENT_ROLL, node, down_us << ROLL_STEP_BITS | step);
    if (at_us + down_us >= w->safety_until_us)
        w->safety_until_us = at_us + down_us + 1;
}

void fault_roll(struct world *w, uint32_t index, const uint32_t *nodes, size_t count)
{
    const struct scenario_step *step = w->steps[index].step;
    for (size_t i = 0; i < count; i++)
        push_turn(w, w->now_us + i * (step->for_us + step->gap_us), node_of_scenario(w, nodes[i]), step->for_us,
                  index + 1);
}

void fault_roll_all(struct world *w, uint64_t for_us, uint64_t gap_us)
{
    record_fault(w, w->words.fault[FAULT_ROLLING_RESTART], 0, 0, 0);
    for (shard_id i = 0; i < w->shard_count; i++)
        push_turn(w, w->now_us + i * (for_us + gap_us), i, for_us, 0);
}

void fault_rolls(struct world *w, uint32_t node, uint64_t what)
{
    uint32_t step = (uint32_t)(what & ((1U << ROLL_STEP_BITS) - 1));
    if (w->phase != PHASE_SAFETY)
        return;
    w->striking = step ? 0 : SWARM_ROLLING_RESTART + 1;
    fault_plan_crash(w, node, (struct crash_plan){CRASH_NOW, 1, what >> ROLL_STEP_BITS, step, 0, 0});
    w->striking = 0;
}

/* ---- a newer version ---- */

bool fault_upgrade(struct world *w, uint32_t node, uint32_t step, uint64_t for_us)
{
    struct world_device *d = node_is_shard(w, node) ? NULL : world_device(w, node - w->shard_count);
    if (!d || !d->core || d->crashed || d->protocol == PROTOCOL_CURRENT)
        return false;
    record_fault(w, w->words.fault[FAULT_UPGRADE], node, step, 1);
    fault_plan_crash(w, node, (struct crash_plan){CRASH_NOW, 1, for_us, step, 0, 0});
    d->protocol = PROTOCOL_CURRENT;
    device_upgrade(d->core);
    return true;
}

/* ---- clocks ---- */

static int64_t drifted(const struct world *w, const struct node_clock *clock)
{
    return (int64_t)((wide)(w->now_us - clock->drift_from_us) * clock->drift_us / DRIFT_SPAN_US);
}

int64_t clock_offset(const struct world *w, const struct node_clock *clock)
{
    return clock->offset_us + (clock->drift_us ? drifted(w, clock) : 0);
}

/* When the node's clock will stand there, at the earliest: late by a drift's rounding at most. */
uint64_t clock_moment(const struct world *w, const struct node_clock *clock, uint64_t local_us)
{
    wide at = (wide)local_us - clock_offset(w, clock);
    if (clock->drift_us && at > (wide)w->now_us)
        at = w->now_us + ((at - w->now_us) * DRIFT_SPAN_US) / (wide)((int64_t)DRIFT_SPAN_US + clock->drift_us) + 1;
    return at < 0 ? 0 : at > (wide)TIME_NEVER ? TIME_NEVER : (uint64_t)at;
}

void clock_set(struct world *w, uint32_t node, int64_t offset_us, int64_t drift_us)
{
    struct node_clock *clock = node_clock(w, node);
    if (offset_us < -(int64_t)w->now_us) /* to the beginning of time at most, from where it runs */
        offset_us = -(int64_t)w->now_us;
    int64_t jump_us = offset_us - clock_offset(w, clock);
    if (clock->wake_at_us != TIME_NEVER) /* a wait lasts as long as it was to last: it is no alarm clock */
        clock->wake_at_us =
            jump_us < 0 && clock->wake_at_us < (uint64_t)-jump_us ? 0 : clock->wake_at_us + (uint64_t)jump_us;
    clock->offset_us = offset_us;
    clock->drift_us = drift_us;
    clock->drift_from_us = w->now_us;
    clock_spans(w, clock);
    world_rearm(w, node);
}

void clock_spans(struct world *w, const struct node_clock *clock)
{
    int64_t offset = clock_offset(w, clock);
    uint64_t span = offset < 0 ? (uint64_t)-offset : (uint64_t)offset;
    if (span > w->clock_span_us)
        w->clock_span_us = span;
}

/* Faults stop: no clock runs too fast any more; each stays as wrong as it is. */
void clock_settle_all(struct world *w)
{
    for (uint32_t node = 0; node <= w->shard_count + w->device_count; node++) {
        if (node == w->shard_count) /* device 0 is nobody */
            continue;
        struct node_clock *clock = node_clock(w, node);
        if (clock->drift_us)
            clock_set(w, node, clock_offset(w, clock), 0);
    }
}
