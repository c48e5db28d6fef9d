/*
 * swarm_strike.c: the faults of swarm.def: what each changes in a scenario, and how each strikes. And the budget that
 * holds them back.
 *
 * Method: whom and when is drawn from the stream "fault". Nothing here asks whether it may: the calls that begin a
 * fault ask the budget, and withhold and count what is beyond it.
 */
#include "core/protocol.h"
#include "sim/swarm_internal.h"

#include <stdlib.h>

#define LONGEST_US (10 * US_PER_S) /* of a crash, a pause, a hold */
#define CRASH_STEPS_MAX 20
#define MEMORY_CALLS_MAX 60
#define CUT_DEVICES_MAX 16

/* ---- in the scenario ---- */

static uint32_t rate(struct swarm_draw *d, uint32_t most_ppm)
{
    return (uint32_t)rng_between(&d->rng, most_ppm / 10, most_ppm);
}

void swarm_draw_memory(struct swarm_draw *d)
{
    d->s->crowd.short_of_memory = true;
}

void swarm_draw_upgrade(struct swarm_draw *d)
{
    d->s->crowd.old_ppm = rate(d, 400000);
}

void swarm_draw_breaks(struct swarm_draw *d)
{
    d->s->network.breaks_mean_us = rng_between(&d->rng, 20 * US_PER_S, 200 * US_PER_S);
}

void swarm_draw_push_loss(struct swarm_draw *d)
{
    d->s->network.push_loss_ppm = rate(d, 50000);
}

void swarm_draw_channel_loss(struct swarm_draw *d)
{
    d->s->network.channel_loss_ppm = rate(d, 80000);
}

void swarm_draw_duplicates(struct swarm_draw *d)
{
    d->s->network.channel_duplicate_ppm = rate(d, 80000);
}

void swarm_draw_reorder(struct swarm_draw *d)
{
    d->s->network.channel_reorder_ppm = rate(d, 100000);
}

void swarm_draw_notifications(struct swarm_draw *d)
{
    d->s->network.notification_loss_ppm = rate(d, 200000);
    d->s->network.notification_duplicate_ppm = rate(d, 200000);
    d->s->network.notification_late_ppm = rate(d, 300000);
}

uint64_t swarm_count_breaks(const struct world *w)
{
    return w->seen.broken;
}

uint64_t swarm_count_push_loss(const struct world *w)
{
    return w->push_lost;
}

uint64_t swarm_count_channel_loss(const struct world *w)
{
    return net_counts(w->net).lost;
}

uint64_t swarm_count_duplicates(const struct world *w)
{
    return net_counts(w->net).duplicated;
}

uint64_t swarm_count_reorder(const struct world *w)
{
    return net_counts(w->net).reordered;
}

uint64_t swarm_count_notifications(const struct world *w)
{
    return w->seen.pushes_harmed;
}

/* ---- whom, and how long ---- */

static uint32_t some_shard(struct world *w)
{
    return (uint32_t)rng_below(&w->fault_rng, w->shard_count);
}

/* NODE_NONE when there is none yet. */
static uint32_t some_device(struct world *w)
{
    if (!w->device_count)
        return NODE_NONE;
    return node_of_device(w, 1 + (device_id)rng_below(&w->fault_rng, w->device_count));
}

static uint64_t some_time(struct world *w)
{
    return rng_between(&w->fault_rng, US_PER_S / 2, LONGEST_US);
}

static struct fault on_node(enum fault_kind kind, uint32_t node)
{
    struct fault model = {.kind = kind, .a = base_alloc(sizeof *model.a), .a_count = 1};
    model.a[0] = node;
    return model;
}

/* ---- processes ---- */

bool swarm_crash_shard(struct world *w)
{
    static const enum crash_point points[] = {CRASH_NOW,          CRASH_BEFORE_COMMIT, CRASH_AFTER_INTENT,
                                              CRASH_AFTER_COMMIT, CRASH_AFTER_SOME,    CRASH_AFTER_ALL};
    struct crash_plan plan = {0};
    uint32_t shard = some_shard(w);
    plan.steps = rng_between(&w->fault_rng, 1, CRASH_STEPS_MAX);
    plan.for_us = some_time(w);
    plan.point = points[rng_below(&w->fault_rng, sizeof points / sizeof *points)];
    plan.sends = rng_below(&w->fault_rng, 4);
    fault_plan_crash(w, shard, plan);
    return true;
}

bool swarm_crash_device(struct world *w)
{
    static const enum crash_point points[] = {CRASH_NOW, CRASH_BEFORE_WRITE, CRASH_AFTER_WRITE};
    struct crash_plan plan = {0};
    uint32_t device = some_device(w);
    plan.steps = rng_between(&w->fault_rng, 1, CRASH_STEPS_MAX);
    plan.for_us = some_time(w);
    plan.point = points[rng_below(&w->fault_rng, sizeof points / sizeof *points)];
    if (device != NODE_NONE)
        fault_plan_crash(w, device, plan);
    return device != NODE_NONE;
}

bool swarm_rolling_restart(struct world *w)
{
    uint64_t for_us = rng_between(&w->fault_rng, US_PER_S / 2, 3 * US_PER_S);
    uint64_t gap_us = rng_between(&w->fault_rng, US_PER_S / 2, 5 * US_PER_S);
    fault_roll_all(w, for_us, gap_us);
    return true;
}

bool swarm_pause_shard(struct world *w)
{
    struct fault model = on_node(FAULT_PAUSE, some_shard(w));
    fault_load(w, &model, some_time(w), 0);
    return true;
}

bool swarm_pause_device(struct world *w)
{
    uint32_t device = some_device(w);
    if (device == NODE_NONE)
        return false;
    struct fault model = on_node(FAULT_PAUSE, device);
    fault_load(w, &model, some_time(w), 0);
    return true;
}

bool swarm_slow(struct world *w)
{
    uint64_t service_us = rng_between(&w->fault_rng, 20 * US_PER_MS, 500 * US_PER_MS);
    struct fault model = on_node(FAULT_SLOW, some_shard(w));
    fault_load(w, &model, some_time(w), service_us);
    return true;
}

bool swarm_out_of_memory(struct world *w)
{
    struct crash_plan plan = {.point = CRASH_NO_MEMORY};
    plan.steps = rng_between(&w->fault_rng, 1, MEMORY_CALLS_MAX);
    plan.for_us = some_time(w);
    fault_plan_crash(w, some_shard(w), plan);
    return true;
}

bool swarm_upgrade(struct world *w)
{
    for (int i = 0; i < 8; i++) {
        uint32_t node = some_device(w);
        if (node == NODE_NONE || !fault_upgrade(w, node, 0, US_PER_S))
            continue;
        swarm_fired(w);
        return true;
    }
    return false;
}

/* ---- clocks ---- */

static uint32_t some_node(struct world *w)
{
    uint32_t device = some_device(w);
    return device == NODE_NONE || rng_below(&w->fault_rng, 2) ? some_shard(w) : device;
}

/* A few seconds, or nearly an hour; to and fro. */
static int64_t some_shift(struct world *w)
{
    uint64_t most_us = rng_below(&w->fault_rng, 2) ? 10 * US_PER_S : 3000 * US_PER_S;
    int64_t shift = (int64_t)rng_between(&w->fault_rng, 1, most_us);
    return rng_below(&w->fault_rng, 2) ? shift : -shift;
}

bool swarm_clock_jump(struct world *w)
{
    uint32_t node = some_node(w);
    if (fault_clock(w, node, 0, some_shift(w), node_clock(w, node)->drift_us))
        swarm_fired(w);
    return true;
}

bool swarm_clock_drift(struct world *w)
{
    uint32_t node = some_node(w);
    int64_t drift = some_shift(w) / 4;
    if (fault_clock(w, node, 0, clock_offset(w, node_clock(w, node)), drift))
        swarm_fired(w);
    return true;
}

/* ---- messages ---- */

bool swarm_partition_shards(struct world *w)
{
    if (w->shard_count < 2)
        return false;
    struct fault model = on_node(FAULT_PARTITION, some_shard(w));
    model.b = base_alloc(w->shard_count * sizeof *model.b);
    for (uint32_t i = 0; i < w->shard_count; i++)
        if (i != model.a[0])
            model.b[model.b_count++] = i;
    model.one_way = rng_below(&w->fault_rng, 3) == 0;
    fault_partition(w, &model, some_time(w));
    return true;
}

bool swarm_partition_devices(struct world *w)
{
    if (!w->device_count)
        return false;
    struct fault model = {.kind = FAULT_PARTITION};
    model.a = base_alloc(CUT_DEVICES_MAX * sizeof *model.a);
    model.b = base_alloc(w->shard_count * sizeof *model.b);
    model.a_count = (size_t)rng_between(&w->fault_rng, 1, CUT_DEVICES_MAX);
    for (size_t i = 0; i < model.a_count; i++)
        model.a[i] = some_device(w);
    for (uint32_t i = 0; i < w->shard_count; i++)
        model.b[model.b_count++] = i;
    model.one_way = rng_below(&w->fault_rng, 3) == 0;
    fault_partition(w, &model, some_time(w));
    return true;
}

/* Of an open connection nothing gets lost but what its shard failed to push, which the protocol makes good. */
bool swarm_drop(struct world *w)
{
    uint32_t device = some_device(w);
    if (device == NODE_NONE)
        return false;
    struct fault model = on_node(FAULT_DROP, device);
    model.filter = rng_below(&w->fault_rng, 4) ? WIRE_ENTRY : WIRE_BEAT;
    model.left = rng_between(&w->fault_rng, 1, 5);
    fault_list(w, &model, 0);
    return true;
}

/* Between two shards, or from a shard to a device. */
bool swarm_hold(struct world *w)
{
    uint32_t device = some_device(w), from = some_shard(w), to = some_shard(w);
    if (from == to)
        to = device;
    if (to == NODE_NONE)
        return false;
    if (!node_is_shard(w, to))
        from = world_device(w, to - w->shard_count)->home;
    struct fault model = on_node(FAULT_HOLD, from);
    model.b = base_alloc(sizeof *model.b);
    model.b[0] = to;
    model.b_count = 1;
    fault_list(w, &model, some_time(w));
    return true;
}

/* ---- striking ---- */

void swarm_fired(struct world *w)
{
    if (w->striking)
        w->swarm.fired[w->striking - 1]++;
}

bool swarm_strike(struct world *w)
{
    uint64_t faults = w->scenario->swarm.faults, able = 0;
    for (int i = 0; i < SWARM_COUNT; i++)
        if ((faults >> i & 1) && swarm_table[i].strike)
            able |= 1ULL << i;
    if (!able)
        return true;
    uint64_t skip = rng_below(&w->fault_rng, (uint64_t)__builtin_popcountll(able));
    while (skip--)
        able &= able - 1;
    int at = __builtin_ctzll(able);
    w->striking = (uint8_t)(at + 1);
    bool done = swarm_table[at].strike(w);
    w->striking = 0;
    return done;
}

void swarm_count(struct world *w)
{
    for (int i = 0; i < SWARM_COUNT; i++)
        if ((w->scenario->swarm.faults >> i & 1) && swarm_table[i].count)
            w->swarm.fired[i] = swarm_table[i].count(w);
}

/* ---- the budget ---- */

static uint64_t disks_failing(const struct world *w)
{
    uint64_t now = 0;
    for (size_t i = 0; i < w->fault_count; i++)
        now += w->faults[i].active && fault_is_of_disk(w->faults[i].kind);
    return now;
}

static bool is_beyond(const struct world *w, enum budget_kind kind, uint64_t amount_us)
{
    const struct scenario_budget *b = &w->scenario->budget;
    uint64_t now = 0;
    switch (kind) {
        case BUDGET_SHARDS_DOWN:
            for (shard_id i = 0; i < w->shard_count; i++)
                now += !w->shards[i].core || w->shards[i].plan.point != CRASH_NONE;
            now += disks_failing(w); /* each takes its shard down, or may */
            return now >= b->shards_down || amount_us > b->longest_us;
        case BUDGET_PARTITIONS:
            return w->active_cuts >= b->partitions || amount_us > b->longest_us;
        case BUDGET_PAUSED:
            for (size_t i = 0; i < w->fault_count; i++)
                now += w->faults[i].active && (w->faults[i].kind == FAULT_PAUSE || w->faults[i].kind == FAULT_SLOW);
            return now >= b->paused || amount_us > b->longest_us;
        case BUDGET_DISKS:
            return disks_failing(w) >= b->disks || amount_us > b->longest_us;
        case BUDGET_CLOCK:
            return amount_us > b->clock_error_us;
        case BUDGET_TIME:
            break;
    }
    return amount_us > b->longest_us;
}

bool budget_allows(struct world *w, enum budget_kind kind, uint64_t amount_us)
{
    if (!w->scenario->budget.given || !is_beyond(w, kind, amount_us))
        return true;
    if (w->striking)
        w->swarm.withheld[w->striking - 1]++;
    else
        w->swarm.others_withheld++;
    return false;
}
