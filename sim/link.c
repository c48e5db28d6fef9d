/*
 * link.c: the connection of a device to its user's shard.
 *
 * Method: dialling takes one latency to the shard, which opens the session, and one back. A connection that breaks is
 * gone at once for packets (their session is stale); each end notices a little later. A device that should be connected
 * and is not dials again after the policy's retry, times 1 to 2 at random, doubled by each failure up to a limit. A
 * device that should not be connected costs nothing until something brings it back.
 */
#include "sim/lives.h"
#include "sim/record.h"

#define FAILURES_MAX 4 /* 16 times the policy's retry */
#define RETRY_MAX_US (60 * US_PER_S)

static uint64_t latency(struct world *w)
{
    const struct scenario_network *n = &w->scenario->network;
    return 1 + rng_latency(&w->net_rng, n->median_us, n->p99_us);
}

bool link_wanted(const struct world_device *d)
{
    return d->core && !d->crashed && !d->offline && !d->away && !d->absent && !d->never;
}

static void dial_at(struct world *w, device_id id, uint64_t at_us)
{
    struct link *link = &world_device(w, id)->link;
    link->dialling = true;
    world_push(w, at_us, EVENT_CONNECT, id, ++link->attempt);
}

void link_dial(struct world *w, device_id id, uint64_t spread_us)
{
    struct world_device *d = world_device(w, id);
    if (!link_wanted(d) || d->link.session || d->link.opened || d->link.dialling)
        return;
    dial_at(w, id, w->now_us + (spread_us ? rng_below(&w->net_rng, spread_us) : 0));
}

static void retry(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    d->link.dialling = false;
    if (!link_wanted(d))
        return;
    uint64_t base = w->policy.retry_us ? w->policy.retry_us : US_PER_MS;
    uint64_t delay = rng_between(&w->net_rng, base, 2 * base) << d->link.failures;
    if (d->link.failures < FAILURES_MAX)
        d->link.failures++;
    dial_at(w, id, w->now_us + (delay < RETRY_MAX_US ? delay : RETRY_MAX_US));
}

static bool can_reach(struct world *w, device_id id)
{
    const struct world_device *d = world_device(w, id);
    uint32_t node = node_of_device(w, id);
    if (!w->shards[d->home].core)
        return false;
    if (net_connected(w->net, node, d->home))
        return true;
    fault_cut_packet(w, node, d->home);
    return false;
}

void link_connect(struct world *w, device_id id, uint32_t attempt)
{
    struct world_device *d = world_device(w, id);
    if (attempt != d->link.attempt || !d->link.dialling)
        return;
    if (!link_wanted(d) || !can_reach(w, id))
        retry(w, id);
    else
        world_push(w, w->now_us + latency(w), EVENT_ACCEPT, id, attempt);
}

void link_accept(struct world *w, device_id id, uint32_t attempt)
{
    struct world_device *d = world_device(w, id);
    if (attempt != d->link.attempt || !d->link.dialling)
        return;
    if (!link_wanted(d) || !can_reach(w, id)) {
        retry(w, id);
        return;
    }
    lives_close_others(w, id);
    uint32_t session = ++w->sessions;
    d->link.session = session;
    d->link.up = d->link.down = (struct net_stream){0};
    uint64_t arrives_us = net_stream_arrival(w->net, &d->link.down, w->now_us);
    uint64_t breaks_us = net_stream_break(w->net, w->now_us);
    world_push(w, arrives_us, EVENT_CONNECTED, id, session);
    if (breaks_us != TIME_NEVER && w->phase == PHASE_SAFETY)
        world_push(w, breaks_us, EVENT_BREAK, id, session);
    struct shard_input input = {.kind = SHARD_CONNECT, .device = lives_id(w, id), .session = session};
    world_shard_step(w, d->home, &input);
}

void link_connected(struct world *w, device_id id, uint32_t session)
{
    struct world_device *d = world_device(w, id);
    if (session != d->link.session)
        return; /* it broke meanwhile; the device notices by another event */
    d->link.dialling = false;
    d->link.opened = true;
    d->link.believed = session;
    d->link.failures = 0;
    record_node(w, KIND_CONNECT, node_of_device(w, id));
    struct device_input input = {.kind = DEVICE_CONNECTED, .session = session};
    world_device_step(w, id, &input);
}

void link_break(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    uint32_t session = d->link.session;
    if (!session)
        return;
    d->link.session = 0;
    world_push(w, w->now_us + latency(w), EVENT_SHARD_NOTICES, id, session);
    world_push(w, w->now_us + latency(w), EVENT_DEVICE_NOTICES, id, session);
}

void link_shard_notices(struct world *w, device_id id, uint32_t session)
{
    struct shard_input input = {.kind = SHARD_DISCONNECT, .device = lives_id(w, id), .session = session};
    world_shard_step(w, world_device(w, id)->home, &input);
}

/* After a crash of the device a younger session may have begun before the old one's end is told. */
void link_device_notices(struct world *w, device_id id, uint32_t session)
{
    struct world_device *d = world_device(w, id);
    if (d->link.session || (d->link.opened && d->link.believed != session))
        return;
    d->syncing = false;
    if (d->link.opened) {
        d->link.opened = false;
        record_node(w, KIND_DISCONNECT, node_of_device(w, id));
        struct device_input input = {.kind = DEVICE_DISCONNECTED, .session = session};
        world_device_step(w, id, &input);
    }
    retry(w, id);
}

void link_set_offline(struct world *w, device_id id, bool *flag, bool value)
{
    if (*flag == value)
        return;
    *flag = value;
    if (value)
        link_break(w, id);
    else
        link_dial(w, id, w->phase == PHASE_SAFETY ? 0 : CONNECT_SPREAD_US);
}

void link_presence(struct world *w, device_id id, bool online)
{
    struct world_device *d = world_device(w, id);
    if (w->phase >= PHASE_HEAL)
        return;
    uint64_t until_us = presence_next(&d->presence, online, w->now_us);
    link_set_offline(w, id, &d->absent, !online);
    if (until_us != TIME_NEVER)
        world_push(w, until_us > w->now_us ? until_us : w->now_us + 1, EVENT_PRESENCE, id, !online);
}

void link_break_cut(struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++) {
        const struct world_device *d = &w->devices[i];
        device_id id = (device_id)(i + 1);
        if (!d->link.session || net_connected(w->net, node_of_device(w, id), d->home))
            continue;
        fault_cut_packet(w, node_of_device(w, id), d->home);
        link_break(w, id);
    }
}
