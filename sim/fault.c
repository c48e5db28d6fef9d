/*
 * fault.c: what goes wrong: partitions, broken connections, crashes, dropped and held messages, clocks.
 *
 * Method: partitions, drops and holds in force are in one short list, which costs nothing while it is empty. Each
 * counts what it touched, so that a fault that never touched anything can be told. A crash at a point is a plan that
 * its node carries; the steps of the node count it down. A process that died is restarted from its store by an event.
 */
#include "sim/record.h"
#include "sim/world_disk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRASH_FOR_US US_PER_S

void fault_touch(struct world *w, struct fault *fault)
{
    fault->touched++;
    if (fault->swarm)
        w->swarm.fired[fault->swarm - 1]++;
    if (fault->step)
        w->steps[fault->step - 1].result.touched++;
    else
        w->drawn_touched[fault->kind]++;
}

/* ---- the list of faults in force ---- */

struct fault *fault_add(struct world *w, const struct fault *model)
{
    size_t at = 0;
    while (at < w->fault_count && w->faults[at].active)
        at++;
    if (at == w->fault_count) {
        w->faults = base_grow(w->faults, &w->fault_cap, w->fault_count + 1, sizeof *w->faults);
        w->fault_count++;
    }
    w->faults[at] = *model;
    w->faults[at].active = true;
    w->faults[at].swarm = w->striking;
    w->faults[at].serial = ++w->fault_serial;
    w->active_drops += model->kind == FAULT_DROP || model->kind == FAULT_CORRUPT;
    w->active_holds += model->kind == FAULT_HOLD || model->kind == FAULT_CLOG;
    w->active_clogs += model->kind == FAULT_CLOG;
    w->active_cuts += model->kind == FAULT_PARTITION;
    return &w->faults[at];
}

struct fault *fault_of_serial(struct world *w, uint32_t serial)
{
    for (size_t i = 0; i < w->fault_count; i++)
        if (w->faults[i].active && w->faults[i].serial == serial)
            return &w->faults[i];
    return NULL;
}

void fault_close(struct world *w, struct fault *fault)
{
    fault->active = false;
    w->active_drops -= fault->kind == FAULT_DROP || fault->kind == FAULT_CORRUPT;
    w->active_holds -= fault->kind == FAULT_HOLD || fault->kind == FAULT_CLOG;
    w->active_clogs -= fault->kind == FAULT_CLOG;
    w->active_cuts -= fault->kind == FAULT_PARTITION;
    free(fault->a);
    free(fault->b);
    fault->a = fault->b = NULL;
}

static bool has(const uint32_t *nodes, size_t count, uint32_t node)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

static bool from_a_to_b(const struct fault *f, uint32_t from, uint32_t to)
{
    return has(f->a, f->a_count, from) && has(f->b, f->b_count, to);
}

bool fault_crosses(const struct fault *f, uint32_t a, uint32_t b)
{
    return from_a_to_b(f, a, b) || (!f->one_way && from_a_to_b(f, b, a));
}

void fault_cut_packet(struct world *w, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < w->fault_count; i++)
        if (w->faults[i].active && (w->faults[i].kind == FAULT_PARTITION || w->faults[i].kind == FAULT_FLAP) &&
            (net_cut_stops(w->net, w->faults[i].cut, from, to) || net_cut_stops(w->net, w->faults[i].cut, to, from)))
            fault_touch(w, &w->faults[i]);
}

static uint32_t first_node(const struct fault *fault)
{
    return fault->a_count ? fault->a[0] : NODE_NONE;
}

struct fault *fault_drops(struct world *w, uint32_t from, uint32_t to, const struct wire *wire)
{
    for (size_t i = 0; i < w->fault_count; i++) {
        struct fault *f = &w->faults[i];
        if (!f->active || f->kind != FAULT_DROP || (f->filter && f->filter != wire->kind))
            continue;
        if (!has(f->a, f->a_count, from) && !has(f->a, f->a_count, to))
            continue;
        fault_touch(w, f);
        if (--f->left == 0) {
            record_fault(w, w->words.fault[FAULT_DROP], first_node(f), f->step, f->touched);
            fault_close(w, f);
        }
        return f;
    }
    return NULL;
}

/* A packet on this path is held already: what follows on a stream has to wait behind it. */
static bool is_behind(const struct world *w, const struct fault *f, uint32_t from, uint32_t to)
{
    if (node_is_shard(w, from) && node_is_shard(w, to))
        return false;
    for (uint32_t at = f->first; at; at = w->packets[at - 1].next)
        if (w->packets[at - 1].from == from && w->packets[at - 1].to == to)
            return true;
    return false;
}

struct fault *fault_holds(struct world *w, uint32_t from, uint32_t to, const struct wire *wire)
{
    for (size_t i = 0; i < w->fault_count; i++) { /* a stream keeps its order, whichever of them began first */
        struct fault *f = &w->faults[i];
        if (f->active && (f->kind == FAULT_HOLD || f->kind == FAULT_CLOG) && is_behind(w, f, from, to)) {
            if (f->kind == FAULT_HOLD && f->step)
                w->steps[f->step - 1].result.touched++;
            if (f->swarm)
                w->swarm.fired[f->swarm - 1]++;
            return f;
        }
    }
    for (size_t i = 0; i < w->fault_count; i++) {
        struct fault *f = &w->faults[i];
        if (f->active && f->kind == FAULT_CLOG && fault_crosses(f, from, to))
            return f;
        if (!f->active || f->kind != FAULT_HOLD || !from_a_to_b(f, from, to))
            continue;
        if (!f->filter || f->filter == wire->kind) {
            if (f->step)
                w->steps[f->step - 1].result.touched++;
            if (f->swarm)
                w->swarm.fired[f->swarm - 1]++;
            return f;
        }
    }
    return NULL;
}

/* ---- partitions and holds ---- */

void fault_partition(struct world *w, struct fault *model, uint64_t for_us)
{
    if (!budget_allows(w, BUDGET_PARTITIONS, for_us)) {
        free(model->a);
        free(model->b);
        return;
    }
    model->kind = FAULT_PARTITION;
    model->cut = fault_cut(w, model);
    if (model->cut < 0) {
        world_fail(w, "a partition: too many at once", model->cut);
        free(model->a);
        free(model->b);
        return;
    }
    struct fault *fault = fault_add(w, model);
    size_t index = (size_t)(fault - w->faults);
    record_fault(w, w->words.fault[FAULT_PARTITION], first_node(fault), fault->step, 0);
    if (for_us)
        world_push(w, w->now_us + for_us, EVENT_FAULT_END, index, fault->serial);
    link_break_cut(w);
}

void fault_tell(struct world *w, const struct fault *fault, uint32_t word, uint64_t count)
{
    record_fault(w, word, first_node(fault), fault->step, count);
}

void fault_finish(struct world *w, struct fault *fault)
{
    if (fault_is_of_links(fault->kind)) {
        fault_tell(w, fault, w->words.heal, fault->touched);
        fault->active = false; /* what it lets go must not be kept again by it */
        fault_link_end(w, fault);
        fault_close(w, fault);
        return;
    }
    switch (fault->kind) {
        case FAULT_PARTITION:
            net_heal(w->net, fault->cut);
            record_fault(w, w->words.heal, first_node(fault), fault->step, fault->touched);
            fault_close(w, fault);
            break;
        case FAULT_HOLD:
            record_fault(w, w->words.release, first_node(fault), fault->step, fault->touched);
            fault->active = false; /* what it lets go must not be held again by it */
            transport_release(w, fault);
            fault_close(w, fault);
            break;
        case FAULT_PAUSE:
        case FAULT_SLOW:
            load_end(w, fault);
            record_fault(w, w->words.resume, first_node(fault), fault->step, fault->touched);
            fault_close(w, fault);
            break;
        default:
            if (fault_is_of_disk(fault->kind) && !fault->step)
                world_disk_plan_over(w, fault);
            else if (fault_is_of_disk(fault->kind))
                world_disk_fault_over(w, fault->step, first_node(fault));
            record_fault(w, w->words.fault[fault->kind], first_node(fault), fault->step, fault->touched);
            fault_close(w, fault);
    }
}

void fault_end(struct world *w, size_t fault, uint32_t serial)
{
    if (fault < w->fault_count && w->faults[fault].active && w->faults[fault].serial == serial)
        fault_finish(w, &w->faults[fault]);
}

void fault_heal_all(struct world *w)
{
    clock_settle_all(w);
    for (size_t i = 0; i < w->fault_count; i++)
        if (w->faults[i].active)
            fault_finish(w, &w->faults[i]);
    for (shard_id i = 0; i < w->shard_count; i++) {
        w->shards[i].plan = (struct crash_plan){0};
        world_disk_heal(w, i);
        w->shards[i].memory = (struct store_fault_plan){0};
        if (!w->shards[i].core)
            fault_restart(w, i);
    }
    for (size_t i = 0; i < w->device_count; i++) {
        w->devices[i].plan = (struct crash_plan){0};
        if (w->devices[i].crashed)
            fault_restart(w, node_of_device(w, (device_id)(i + 1)));
    }
}

void fault_forget(struct world *w)
{
    for (size_t i = 0; i < w->fault_count; i++) {
        free(w->faults[i].a);
        free(w->faults[i].b);
    }
    load_forget(w);
    w->fault_count = 0;
    w->fault_serial = w->active_drops = w->active_holds = w->active_cuts = w->active_clogs = 0;
}

void fault_list(struct world *w, struct fault *model, uint64_t for_us)
{
    struct fault *fault = fault_add(w, model);
    record_fault(w, w->words.fault[model->kind], first_node(fault), model->step, 0);
    if (for_us)
        world_push(w, w->now_us + for_us, EVENT_FAULT_END, (uint64_t)(fault - w->faults), fault->serial);
}

void fault_load(struct world *w, struct fault *model, uint64_t for_us, uint64_t service_us)
{
    if (!budget_allows(w, BUDGET_PAUSED, for_us)) {
        free(model->a);
        free(model->b);
        return;
    }
    fault_list(w, model, for_us);
    model->serial = w->fault_serial;
    load_begin(w, model, service_us);
}

bool fault_clock(struct world *w, uint32_t node, uint32_t step, int64_t offset_us, int64_t drift_us)
{
    int64_t most = (offset_us < 0 ? -offset_us : offset_us) + (drift_us < 0 ? -drift_us : drift_us);
    if (!budget_allows(w, BUDGET_CLOCK, (uint64_t)most))
        return false;
    record_fault(w, w->words.fault[FAULT_CLOCK], node, step, 0);
    clock_set(w, node, offset_us, drift_us);
    return true;
}

/* ---- crashes ---- */

void fault_plan_crash(struct world *w, uint32_t node, struct crash_plan plan)
{
    bool shard = node_is_shard(w, node);
    if (!plan.for_us)
        plan.for_us = CRASH_FOR_US;
    if (!budget_allows(w, shard ? BUDGET_SHARDS_DOWN : BUDGET_TIME, plan.for_us))
        return;
    plan.swarm = w->striking;
    if (!plan.steps)
        plan.steps = 1;
    if (plan.point == CRASH_NOW) {
        if (shard)
            w->shards[node].plan = plan;
        else
            world_device(w, node - w->shard_count)->plan = plan;
        fault_crash(w, node, CRASH_NOW, plan.for_us);
        return;
    }
    if (shard && plan.point == CRASH_NO_MEMORY)
        w->shards[node].memory = (struct store_fault_plan){.left = plan.steps};
    if (shard && plan.point == CRASH_BEFORE_WRITE)
        plan.point = CRASH_BEFORE_COMMIT;
    else if (shard && plan.point == CRASH_AFTER_WRITE)
        plan.point = CRASH_AFTER_COMMIT;
    else if (!shard && (plan.point == CRASH_BEFORE_COMMIT || plan.point == CRASH_AFTER_INTENT))
        plan.point = CRASH_BEFORE_WRITE;
    if (shard)
        w->shards[node].plan = plan;
    else
        world_device(w, node - w->shard_count)->plan = plan;
}

static bool is_before(enum crash_point point)
{
    return point == CRASH_BEFORE_COMMIT || point == CRASH_AFTER_INTENT || point == CRASH_BEFORE_WRITE ||
           point == CRASH_NO_MEMORY;
}

bool fault_strikes_before(struct crash_plan *plan, bool counts)
{
    if (!plan->point || !is_before(plan->point) || !counts)
        return false;
    return --plan->steps == 0;
}

enum crash_point fault_strikes_after(struct crash_plan *plan, bool counts)
{
    if (!plan->point || is_before(plan->point) || !counts)
        return CRASH_NONE;
    return --plan->steps == 0 ? plan->point : CRASH_NONE;
}

static void crash_shard(struct world *w, shard_id id)
{
    struct world_shard *shard = &w->shards[id];
    shard_free(shard->core);
    shard->core = NULL;
    world_disk_died(w, id);
    for (size_t i = 0; i < w->device_count; i++)
        if (w->devices[i].home == id)
            link_break(w, (device_id)(i + 1));
}

static void crash_device(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    device_crash(d->core);
    d->crashed = true;
    d->syncing = false;
    link_break(w, id);
    d->link.dialling = false;
    d->link.attempt++;
    if (!d->link.opened)
        return;
    d->link.opened = false;
    record_node(w, KIND_DISCONNECT, node_of_device(w, id));
}

void fault_crash(struct world *w, uint32_t node, enum crash_point point, uint64_t for_us)
{
    bool is_shard = node_is_shard(w, node);
    device_id id = is_shard ? 0 : node - w->shard_count;
    if (is_shard ? !w->shards[node].core : !world_device(w, id)->core || world_device(w, id)->crashed)
        return;
    struct crash_plan *plan = is_shard ? &w->shards[node].plan : &world_device(w, id)->plan;
    uint32_t step = plan->step;
    if (plan->swarm)
        w->swarm.fired[plan->swarm - 1]++;
    *plan = (struct crash_plan){0};
    struct record *r = record_new(w, KIND_CRASH);
    record_set(r, FIELD_NODE, node_name(w, node));
    record_set(r, FIELD_POINT, w->words.point[point]);
    record_emit(w);
    if (step) {
        w->steps[step - 1].result.touched++;
        if (!w->steps[step - 1].decided_seq)
            w->steps[step - 1].decided_seq = w->history->count;
    }
    struct node_clock *clock = node_clock(w, node);
    clock->wake_at_us = TIME_NEVER;
    world_rearm(w, node);
    load_died(w, node);
    if (is_shard)
        crash_shard(w, node);
    else
        crash_device(w, id);
    world_push(w, w->now_us + (for_us ? for_us : CRASH_FOR_US), EVENT_RESTART, node, 0);
}

void fault_restart(struct world *w, uint32_t node)
{
    if (node_is_shard(w, node)) {
        struct world_shard *shard = &w->shards[node];
        if (shard->core || !world_disk_ready(w, node))
            return;
        record_node(w, KIND_RESTART, node);
        world_shard_begin(w, node);
        struct shard_input input = {.kind = SHARD_START, .incarnation = shard->incarnation};
        world_shard_step(w, node, &input);
        if (!shard->core) /* it ran out of memory at once */
            return;
        world_disk_tell(w, node);
        backup_register(w, node);
        if (w->scenario->observe_every_us)
            observe_shard(w, node);
        return;
    }
    device_id id = node - w->shard_count;
    struct world_device *d = world_device(w, id);
    if (!d->crashed)
        return;
    d->crashed = false;
    record_node(w, KIND_RESTART, node);
    struct device_input input = {.kind = DEVICE_RESUME};
    world_device_step(w, id, &input);
    if (w->scenario->observe_every_us)
        observe_device(w, id);
    link_dial(w, id, CONNECT_SPREAD_US);
}

/* ---- steps of the script ---- */

static uint32_t *nodes_of(struct world *w, const uint32_t *scenario_nodes, size_t count)
{
    uint32_t *nodes = base_alloc((count + 1) * sizeof *nodes);
    for (size_t i = 0; i < count; i++)
        nodes[i] = node_of_scenario(w, scenario_nodes[i]);
    return nodes;
}

static void begin_listed(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    struct fault model = {.kind = step->fault,
                          .one_way = step->one_way,
                          .step = index + 1,
                          .a = nodes_of(w, step->nodes_a, step->nodes_a_count),
                          .b = nodes_of(w, step->nodes_b, step->nodes_b_count),
                          .a_count = step->nodes_a_count,
                          .b_count = step->nodes_b_count,
                          .filter = step->filter,
                          .left = step->times ? step->times : 1,
                          .believes = step->believes,
                          .down_us = step->down_us,
                          .up_us = step->up_us,
                          .each_us = step->each_us,
                          .spread_us = step->spread_us,
                          .lingers = step->lingers};
    if (step->shape) {
        uint32_t *among = model.a;
        fault_shape(w, &w->drawn_rng, (enum fault_shape)step->shape, among, model.a_count, &model);
        free(among);
    }
    if (fault_is_of_links(step->fault)) {
        fault_link_begin(w, &model, step->for_us);
        return;
    }
    if (step->fault == FAULT_PARTITION) {
        fault_partition(w, &model, step->for_us);
        return;
    }
    if (step->fault == FAULT_PAUSE || step->fault == FAULT_SLOW)
        fault_load(w, &model, step->for_us, step->service_us);
    else
        fault_list(w, &model, step->for_us);
}

static void release(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    for (size_t i = 0; i < w->fault_count; i++) {
        struct fault *hold = &w->faults[i];
        if (!hold->active || hold->kind != FAULT_HOLD)
            continue;
        bool matches = !step->nodes_a_count;
        for (size_t a = 0; a < step->nodes_a_count && !matches; a++)
            for (size_t b = 0; b < step->nodes_b_count && !matches; b++)
                matches =
                    from_a_to_b(hold, node_of_scenario(w, step->nodes_a[a]), node_of_scenario(w, step->nodes_b[b]));
        if (!matches)
            continue;
        w->steps[index].result.touched += hold->touched;
        fault_finish(w, hold);
    }
}

/* From now on, and with `for` until it is over. */
static void begin_on_disk(struct world *w, uint32_t index, uint32_t node)
{
    const struct scenario_step *step = w->steps[index].step;
    world_disk_fault(w, index, node);
    if (!step->for_us || step->fault == FAULT_DISK_CRASH)
        return;
    struct fault model = {.kind = step->fault, .step = index + 1, .a_count = 1};
    model.a = base_alloc(sizeof *model.a);
    model.a[0] = node;
    struct fault *fault = fault_add(w, &model);
    world_push(w, w->now_us + step->for_us, EVENT_FAULT_END, (uint64_t)(fault - w->faults), fault->serial);
}

static void act_on_node(struct world *w, uint32_t index, uint32_t node)
{
    const struct scenario_step *step = w->steps[index].step;
    struct world_step *state = &w->steps[index];
    if (fault_is_of_disk(step->fault)) {
        begin_on_disk(w, index, node);
        return;
    }
    if (step->fault == FAULT_BACKUP || step->fault == FAULT_RESTORE) {
        if (step->fault == FAULT_BACKUP)
            backup_take(w, index, node);
        else
            backup_restore(w, index, node);
        return;
    }
    if (step->fault == FAULT_BREAK || step->fault == FAULT_OUT_OF_MEMORY)
        record_fault(w, w->words.fault[step->fault], node, index + 1, 0);
    switch (step->fault) {
        case FAULT_BREAK:
            if (node_is_shard(w, node) || !world_device(w, node - w->shard_count)->link.session)
                return;
            state->result.touched++;
            link_break(w, node - w->shard_count);
            break;
        case FAULT_CRASH:
            fault_plan_crash(w, node,
                             (struct crash_plan){step->point, step->times, step->for_us, index + 1, step->sends, 0});
            break;
        case FAULT_OUT_OF_MEMORY:
            fault_plan_crash(w, node, (struct crash_plan){CRASH_NO_MEMORY, step->times, step->for_us, index + 1, 0, 0});
            break;
        case FAULT_UPGRADE:
            fault_upgrade(w, node, index + 1, step->for_us);
            break;
        case FAULT_STRANGERS:
            state->result.touched += fault_strangers(w, node, index + 1, step->times);
            break;
        default: /* FAULT_CLOCK */
            state->result.touched += fault_clock(w, node, index + 1, step->offset_us, step->drift_us);
    }
}

void fault_begin(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    struct record *r = record_new(w, KIND_STEP);
    record_set(r, FIELD_STEP, w->steps[index].name);
    record_emit(w);
    w->steps[index].result.ran++;
    if (step->fault != FAULT_CRASH)
        w->steps[index].decided_seq = w->history->count;
    switch (step->fault) {
        case FAULT_ABORT:
            fprintf(stderr, "sexton: the scenario asks for an abort (%s)\n",
                    names_text(w->names, w->steps[index].name));
            abort();
        case FAULT_RELEASE:
            release(w, index);
            break;
        case FAULT_PARTITION:
        case FAULT_DROP:
        case FAULT_HOLD:
        case FAULT_PAUSE:
        case FAULT_SLOW:
        case FAULT_FLAP:
        case FAULT_HALF_OPEN:
        case FAULT_CAPTIVE:
        case FAULT_CLOG:
        case FAULT_CORRUPT:
        case FAULT_SLOW_READER:
        case FAULT_OUTAGE:
            begin_listed(w, index);
            break;
        case FAULT_ROLLING_RESTART:
            record_fault(w, w->words.fault[step->fault], node_of_scenario(w, step->nodes_a[0]), index + 1, 0);
            fault_roll(w, index, step->nodes_a, step->nodes_a_count);
            break;
        default:
            for (size_t i = 0; i < step->nodes_a_count; i++)
                act_on_node(w, index, node_of_scenario(w, step->nodes_a[i]));
    }
}
