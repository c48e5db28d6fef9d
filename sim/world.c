/*
 * world.c: one simulated world: its nodes, its time, its events.
 *
 * Method: world_run sets everything up at time 0, then takes the earliest event, moves the time to it, and hands it to
 * one switch; nothing else moves time. Equal scenario, seed and flaws give equal records: every draw comes from a named
 * stream, and events of one instant are ordered by a draw. Memory is kept between runs. Limits: the scenario's, on
 * events, records and memory; exceeding one ends the run as exhausted.
 */
#include "sim/lives.h"
#include "sim/record.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_CHECK_EVENTS (1U << 16)
#define DEVICE_BYTES_GUESS 1024 /* of core and store, for a device and its user: counted, not measured */

uint64_t world_push(struct world *w, uint64_t at_us, enum event_kind kind, uint64_t a, uint64_t b)
{
    assert(at_us >= w->now_us);
    struct event event = {.at_us = at_us, .tie = (uint32_t)rng_next(&w->order), .kind = kind, .a = a, .b = b};
    return queue_push(w->queue, &event);
}

void world_fail(struct world *w, const char *what, int status)
{
    if (w->failed)
        return;
    w->failed = w->over = true;
    snprintf(w->error, sizeof w->error, "%s failed at %llu us: %s", what, (unsigned long long)w->now_us,
             base_status_text(status));
}

static void exhaust(struct world *w, const char *what, uint64_t limit)
{
    if (w->over)
        return;
    w->exhausted = w->over = true;
    snprintf(w->error, sizeof w->error, "exhausted at %llu us: more than %llu %s; raise the scenario's limit",
             (unsigned long long)w->now_us, (unsigned long long)limit, what);
}

/* ---- nodes ---- */

uint32_t node_of_scenario(const struct world *w, uint32_t scenario_node)
{
    if (scenario_node & SCENARIO_SHARD)
        return scenario_node & ~SCENARIO_SHARD;
    return node_of_device(w, scenario_node + 1);
}

uint32_t node_name(struct world *w, uint32_t node)
{
    return node_is_shard(w, node) ? w->shards[node].name : record_device_name(w, node - w->shard_count);
}

struct node_clock *node_clock(struct world *w, uint32_t node)
{
    return node_is_shard(w, node) ? &w->shards[node].clock : &world_device(w, node - w->shard_count)->clock;
}

static uint64_t shifted(uint64_t at_us, int64_t by_us)
{
    if (by_us >= 0)
        return at_us > TIME_NEVER - (uint64_t)by_us ? TIME_NEVER : at_us + (uint64_t)by_us;
    uint64_t back = (uint64_t) - (by_us + 1) + 1;
    return at_us > back ? at_us - back : 0;
}

static uint64_t node_now(const struct world *w, const struct node_clock *clock)
{
    return shifted(w->now_us, clock_offset(w, clock));
}

/* At most one timer event a node is pending, for the last wish. */
void world_rearm(struct world *w, uint32_t node)
{
    struct node_clock *clock = node_clock(w, node);
    uint64_t at_us = TIME_NEVER;
    if (clock->wake_at_us != TIME_NEVER) {
        at_us =
            clock->drift_us ? clock_moment(w, clock, clock->wake_at_us) : shifted(clock->wake_at_us, -clock->offset_us);
        if (at_us <= w->now_us)
            at_us = w->now_us + 1;
    }
    if (clock->timer_event && clock->timer_at_us == at_us)
        return;
    if (clock->timer_event)
        queue_cancel(w->queue, clock->timer_event);
    clock->timer_event = 0;
    clock->timer_at_us = at_us;
    if (at_us == TIME_NEVER)
        return;
    bool shard = node_is_shard(w, node);
    clock->timer_event =
        world_push(w, at_us, shard ? EVENT_SHARD_TIMER : EVENT_DEVICE_TIMER, shard ? node : node - w->shard_count, 0);
}

static void carry(struct world *w, uint32_t node, size_t count, bool only_before_commit)
{
    for (size_t i = 0; i < count; i++) {
        const struct out_msg *msg = &w->out.msgs[i];
        if (only_before_commit && !msg->before_commit)
            continue;
        switch (msg->to) {
            case OUT_TO_DEVICE:
                transport_stream(w, msg->id, true, &msg->wire);
                break;
            case OUT_TO_USER_SHARD:
                transport_stream(w, node - w->shard_count, false, &msg->wire);
                break;
            case OUT_HANG_UP:
                link_hang_up(w, node_is_shard(w, node) ? msg->id : node - w->shard_count, msg->wire.session,
                             !node_is_shard(w, node));
                break;
            case OUT_TO_CENTRE:
                transport_push(w, node, msg->id, &msg->wire);
                break;
            default:
                transport_datagram(w, node, msg->id, &msg->wire);
        }
    }
}

/* How many of the messages leave when the process dies at this point. */
static size_t leaves(enum crash_point point, uint64_t sends, size_t count)
{
    size_t some = !sends ? count / 2 : sends < count ? (size_t)sends : count;
    return point == CRASH_AFTER_COMMIT || point == CRASH_AFTER_WRITE ? 0 : point == CRASH_AFTER_SOME ? some : count;
}

/* Does this input make a step that is worth a crash before its commit? */
static bool is_weighty(const struct wire *wire)
{
    if (!wire)
        return false;
    return wire->kind != WIRE_ACK && wire->kind != WIRE_CHANNEL_ACK && wire->kind != WIRE_BEAT;
}

static bool is_set_up(enum shard_input_kind kind)
{
    return kind >= SHARD_PROVISION_USER;
}

/* A call of a store failed in this step. It must have been given up, and its process dies of it. */
static void ran_short(struct world *w, shard_id id, const struct crash_plan *plan, int status)
{
    bool stored = w->shards[id].memory.stored;
    w->shards[id].memory = (struct store_fault_plan){0};
    if (status != E_NOMEM) {
        world_fail(w, "a step that ran out of memory", status ? status : E_INVALID);
        return;
    }
    if (stored) /* only its wipe failed */
        record_notes(w, &w->out, id);
    fault_crash(w, id, CRASH_NO_MEMORY, plan->for_us);
}

void world_shard_step(struct world *w, shard_id id, struct shard_input *input)
{
    struct world_shard *shard = &w->shards[id];
    if (!shard->core || w->over)
        return;
    input->now_us = node_now(w, &shard->clock);
    w->traffic.steps[id] += w->phase == PHASE_SAFETY;
    struct crash_plan plan = shard->plan;
    bool strikes = plan.point != CRASH_NO_MEMORY &&
                   fault_strikes_before(&shard->plan, input->kind == SHARD_TIMER || is_weighty(input->wire));
    input->crash_before_commit = strikes && plan.point != CRASH_AFTER_INTENT;
    input->crash_after_intent = strikes && plan.point == CRASH_AFTER_INTENT;
    for (size_t i = 0; i < sizeof input->random; i += 8) {
        uint64_t little = htole64(rng_next(&w->key_rng));
        memcpy(input->random + i, &little, sizeof little);
    }
    if (w->tap)
        w->tap(w->tap_ctx, id, input);
    uint64_t left = shard->memory.left;
    if (is_set_up(input->kind)) /* of what does not come again, nothing may get lost */
        shard->memory.left = 0;
    shard->memory.stored = false;
    if (!is_set_up(input->kind))
        world_disk_arm(w, id, true);
    int status = shard_step(shard->core, input, &w->out);
    if (is_set_up(input->kind))
        shard->memory.left = left;
    else
        world_disk_arm(w, id, false);
    if (shard->memory.fired) {
        ran_short(w, id, &plan, status);
        return;
    }
    if (status < 0 && status != E_CRASH && world_disk_failed(w, id, input))
        return;
    if (status == E_CRASH && strikes) {
        carry(w, id, w->out.msg_count, true);
        fault_crash(w, id, plan.point, plan.for_us);
        return;
    }
    if (status) {
        world_fail(w, "a step of a shard", status);
        return;
    }
    record_notes(w, &w->out, id);
    enum crash_point point = fault_strikes_after(&shard->plan, w->out.msg_count || w->out.note_count);
    carry(w, id, leaves(point, plan.sends, w->out.msg_count), false);
    w->late_us = 0;
    shard->clock.wake_at_us = w->out.wake_at_us;
    world_rearm(w, id);
    if (point)
        fault_crash(w, id, point, plan.for_us);
}

bool world_device_step(struct world *w, device_id id, struct device_input *input)
{
    struct world_device *d = world_device(w, id);
    if (!d->core || d->crashed || w->over || load_stands(w, node_of_device(w, id)))
        return false;
    input->now_us = node_now(w, &d->clock);
    struct crash_plan plan = d->plan;
    /* An operation of a person is never lost before its write: it would not have been asked for. */
    if (fault_strikes_before(&d->plan, input->kind == DEVICE_MESSAGE && is_weighty(input->wire))) {
        fault_crash(w, node_of_device(w, id), plan.point, plan.for_us);
        return false;
    }
    int status = device_step(d->core, input, &w->out);
    if (status == E_INVALID)
        return false;
    if (status) {
        world_fail(w, "a step of a device", status);
        return false;
    }
    w->speaker = id;
    record_notes(w, &w->out, UINT32_MAX);
    w->speaker = 0;
    enum crash_point point = fault_strikes_after(&d->plan, w->out.msg_count || w->out.note_count);
    carry(w, node_of_device(w, id), leaves(point, plan.sends, w->out.msg_count), false);
    d->clock.wake_at_us = w->out.wake_at_us;
    world_rearm(w, node_of_device(w, id));
    if (point)
        fault_crash(w, node_of_device(w, id), point, plan.for_us);
    else if (d->syncing || input->kind == DEVICE_MESSAGE)
        observe_synced(w, id);
    if (input->kind == DEVICE_MESSAGE) {
        herd_heard(w, id);
        lives_retired(w, id);
    }
    return true;
}

void world_device_push(struct world *w, device_id id, const struct wire *wire)
{
    struct world_device *d = world_device(w, id);
    if (!d->core || d->never || w->over)
        return;
    struct device_input input = {.kind = DEVICE_PUSH, .now_us = node_now(w, &d->clock), .wire = wire};
    int status = device_step(d->core, &input, &w->out);
    if (status)
        world_fail(w, "a push to a device", status);
    w->speaker = id;
    record_notes(w, &w->out, UINT32_MAX);
    w->speaker = 0;
}

/* ---- running ---- */

/* A timer that waited for its node may not be wanted any more: there is a younger one. */
static void timer(struct world *w, const struct event *e)
{
    bool shard = e->kind == EVENT_SHARD_TIMER;
    if (node_clock(w, shard ? (uint32_t)e->a : node_of_device(w, (device_id)e->a))->timer_event != e->seq)
        return;
    if (shard) {
        w->shards[e->a].clock.timer_event = 0;
        struct shard_input input = {.kind = SHARD_TIMER};
        world_shard_step(w, (shard_id)e->a, &input);
    } else {
        world_device(w, (device_id)e->a)->clock.timer_event = 0;
        struct device_input input = {.kind = DEVICE_TIMER};
        world_device_step(w, (device_id)e->a, &input);
    }
}

void world_dispatch(struct world *w, const struct event *e)
{
    device_id device = (device_id)e->a;
    switch ((enum event_kind)e->kind) {
        case EVENT_PACKET:
            transport_arrive(w, (uint32_t)e->a);
            break;
        case EVENT_SHARD_TIMER:
        case EVENT_DEVICE_TIMER:
            timer(w, e);
            break;
        case EVENT_CONNECT:
            link_connect(w, device, (uint32_t)e->b);
            break;
        case EVENT_ACCEPT:
            link_accept(w, device, (uint32_t)e->b);
            break;
        case EVENT_CONNECTED:
            link_connected(w, device, (uint32_t)e->b);
            break;
        case EVENT_SHARD_NOTICES:
            link_shard_notices(w, device, (uint32_t)e->b);
            break;
        case EVENT_DEVICE_NOTICES:
            link_device_notices(w, device, (uint32_t)e->b);
            break;
        case EVENT_BREAK:
            if (world_device(w, device)->link.session == e->b && w->phase == PHASE_SAFETY) {
                w->seen.broken++;
                link_break(w, device);
            }
            break;
        case EVENT_PRESENCE:
            link_presence(w, device, e->b != 0);
            break;
        case EVENT_AWAY:
            crowd_away(w, (user_id)e->a, e->b != 0);
            break;
        case EVENT_STEP:
            script_step(w, (uint32_t)e->a, e->b);
            break;
        case EVENT_FAULT_END:
            fault_end(w, (size_t)e->a, (uint32_t)e->b);
            break;
        case EVENT_FLAP:
            fault_flap(w, (size_t)e->a, (uint32_t)e->b);
            break;
        case EVENT_DRAWN:
            drawn_fault(w, (enum fault_kind)e->a);
            break;
        case EVENT_RESTART:
            fault_restart(w, (uint32_t)e->a);
            break;
        case EVENT_ARRIVE:
            crowd_arrive(w);
            break;
        case EVENT_CROWD:
            crowd_work(w, (enum crowd_work)e->a);
            break;
        case EVENT_OBSERVE:
            observe_random(w);
            break;
        case EVENT_PHASE:
            if (e->a == PHASE_HEAL && w->safety_until_us > w->now_us)
                world_push(w, w->safety_until_us, EVENT_PHASE, PHASE_HEAL, 0);
            else
                phase_begin(w, (enum phase)e->a);
            break;
        case EVENT_POLL:
            phase_poll(w);
            break;
        case EVENT_PROVISION:
            world_provision(w, world_device(w, device)->user, device, e->b != 0);
            break;
        case EVENT_NODE_READY:
            load_ready(w, (uint32_t)e->a);
            break;
        case EVENT_ROLL:
            fault_rolls(w, (uint32_t)e->a, (uint32_t)e->b);
            break;
        case EVENT_ADOPT:
            lives_adopt(w, device);
            break;
    }
}

static void check_limits(struct world *w)
{
    const struct scenario *s = w->scenario;
    if (s->events_max && w->events > s->events_max)
        exhaust(w, "events", s->events_max);
    if (s->records_max && w->history->count > s->records_max)
        exhaust(w, "records", s->records_max);
    if (!s->memory_max_bytes || w->events % MEMORY_CHECK_EVENTS)
        return;
    uint64_t bytes = queue_bytes(w->queue) + w->packet_cap * sizeof(struct packet) +
                     w->device_cap * (sizeof(struct world_device) + DEVICE_BYTES_GUESS);
    for (size_t i = 0; w->events % (16 * MEMORY_CHECK_EVENTS) == 0 && i < w->device_count; i++)
        if (w->devices[i].core)
            bytes += device_inspect(w->devices[i].core).bytes;
    if (bytes > s->memory_max_bytes)
        exhaust(w, "bytes of memory", s->memory_max_bytes);
}

enum world_end world_run(struct world *world, const struct scenario *scenario, uint64_t seed, flaw_set flaws,
                         struct history *history)
{
    world_begin(world, scenario, seed, flaws, history);
    int sinks = history->sink_count;
    history_add_sink(history, (struct history_sink){script_take, world});
    world_set_up(world);
    struct event event;
    while (!world->over && queue_pop(world->queue, &event)) {
        assert(event.at_us >= world->now_us);
        world->now_us = event.at_us;
        world->events++;
        if (!world->loads || !load_defers(world, &event))
            world_dispatch(world, &event);
        check_limits(world);
    }
    script_end(world);
    history->sink_count = sinks;
    return world->failed ? WORLD_FAILED : world->exhausted ? WORLD_EXHAUSTED : WORLD_FINISHED;
}

/* ---- the handle ---- */

struct world *world_new(void)
{
    struct world *w = base_alloc(sizeof *w);
    w->queue = queue_new();
    return w;
}

void world_tap(struct world *world, world_tap_fn *tap, void *ctx)
{
    world->tap = tap;
    world->tap_ctx = ctx;
}

void world_free(struct world *world)
{
    if (!world)
        return;
    world_forget(world);
    for (size_t i = 0; i < SCENARIO_SHARDS_MAX; i++)
        for (int part = 0; part < STORE_PARTS; part++) {
            struct store *store = *shard_stores_part(&world->shards[i].stores, (enum store_part)part);
            if (store)
                store->ops->close(store);
        }
    queue_free(world->queue);
    out_free(&world->out);
    idmap_release(&world->ops);
    idmap_release(&world->owners);
    idmap_release(&world->dropped);
    idmap_release(&world->op_versions);
    idmap_release(&world->ids_by_name);
    idmap_release(&world->steps_by_name);
    free(world->default_names);
    free(world->devices);
    free(world->users);
    free(world->packets);
    free(world->faults);
    free(world->steps);
    free(world->waiting);
    free(world->races);
    free(world->crowd.convs);
    idmap_release(&world->crowd.conv_index);
    idmap_release(&world->crowd.mixed);
    free(world->stalls);
    free(world->items);
    free(world);
}

uint64_t world_events(const struct world *world)
{
    return world->events;
}

void world_crash_at(struct world *world, uint64_t point)
{
    world->meter.at = point;
}

const struct disk_meter *world_crash_points(const struct world *world)
{
    return &world->meter;
}

const char *world_error(const struct world *world)
{
    return world->error;
}

size_t world_step_count(const struct world *world)
{
    return world->step_count;
}

const struct world_step_result *world_step_result(const struct world *world, size_t step)
{
    assert(step < world->step_count);
    return &world->steps[step].result;
}

size_t world_race_count(const struct world *world)
{
    return world->race_count;
}

const struct world_race_result *world_race_result(const struct world *world, size_t race)
{
    assert(race < world->race_count);
    return &world->races[race];
}

uint64_t world_network_fired(const struct world *world)
{
    return world->seen.network;
}

uint64_t world_drawn_touched(const struct world *world, enum fault_kind kind)
{
    return world->drawn_touched[kind];
}

const struct world_mix *world_mix(const struct world *world)
{
    return &world->crowd.mix;
}

const struct world_swarm *world_swarm(const struct world *world)
{
    return &world->swarm;
}

uint32_t world_shard_count(const struct world *world)
{
    return world->shard_count;
}

int world_store_image(const struct world *world, shard_id shard, enum store_part part, struct store_image **image)
{
    assert(shard < world->shard_count);
    struct shard_stores stores = world->shards[shard].stores;
    struct store *store = *shard_stores_part(&stores, part);
    if (world_disk_refused(world, shard))
        return E_STORE;
    return store->ops->backup(store, image);
}

struct world_population world_population(const struct world *world)
{
    struct world_population there = {.users = world->user_count, .devices = world->device_count};
    there.conversations = there.judged = world->scenario->conversation_count;
    for (size_t i = 0; i < world->crowd.conv_count; i++)
        there.judged += record_is_judged(world, world->crowd.convs[i].conv);
    there.conversations += world->crowd.conv_count;
    return there;
}

const char *world_stalls(const struct world *world)
{
    return world->stalls_len ? world->stalls : "";
}
