/*
 * link.c: the connection of a device to its user's shard.
 *
 * Method: dialling takes one latency to the shard, which opens the session, and one back. A connection that breaks is
 * gone at once for packets (their session is stale); each end notices a little later. A device that should be connected
 * and is not dials again after the policy's retry, times 1 to 2 at random, doubled by each failure up to a limit. A
 * device that should not be connected costs nothing until something brings it back.
 *
 * A connection can be dead without anybody knowing (fault_link.c): its session is there, and carries nothing. In a
 * captive portal a device gets a session that no shard ever heard of.
 */
#include "sim/lives.h"
#include "sim/record.h"

#define FAILURES_MAX 4 /* 16 times the policy's retry */
#define RETRY_MAX_US (60 * US_PER_S)

static uint64_t latency(struct world *w, device_id id)
{
    return 1 + net_latency_of(w->net, node_of_device(w, id), &w->net_rng);
}

bool link_wanted(const struct world_device *d)
{
    return d->core && !d->crashed && !d->offline && !d->away && !d->absent && !d->never && !d->outages;
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
    if (!net_connected(w->net, node, d->home)) {
        fault_cut_packet(w, node, d->home);
        return false;
    }
    return !fault_clogs(w, node, d->home);
}

/* Something answers, and it is not the shard. */
static void enter_portal(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    d->link.session = ++w->sessions;
    d->link.dead = d->captive;
    d->link.up = d->link.down = (struct net_stream){0};
    fault_touch(w, &w->faults[d->captive - 1]);
    world_push(w, w->now_us + latency(w, id), EVENT_CONNECTED, id, d->link.session);
}

void link_connect(struct world *w, device_id id, uint32_t attempt)
{
    struct world_device *d = world_device(w, id);
    if (attempt != d->link.attempt || !d->link.dialling)
        return;
    if (link_wanted(d) && d->captive)
        enter_portal(w, id);
    else if (!link_wanted(d) || !can_reach(w, id))
        retry(w, id);
    else
        world_push(w, w->now_us + latency(w, id), EVENT_ACCEPT, id, attempt);
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
    d->link.ghost = 0; /* the shard forgets the one before it */
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
    world_push(w, w->now_us + latency(w, id), EVENT_SHARD_NOTICES, id, session);
    world_push(w, w->now_us + latency(w, id), EVENT_DEVICE_NOTICES, id, session);
    uint32_t dead = d->link.dead;
    d->link.dead = 0;
    if (dead)
        fault_link_gone(w, dead);
}

void link_lose(struct world *w, device_id id, bool device_learns)
{
    struct link *link = &world_device(w, id)->link;
    uint32_t session = link->session;
    world_push(w, w->now_us + latency(w, id), device_learns ? EVENT_DEVICE_NOTICES : EVENT_SHARD_NOTICES, id, session);
    if (device_learns)
        link->session = 0;
}

void link_hang_up(struct world *w, device_id id, uint32_t session, bool by_device)
{
    if (!by_device)
        id = lives_device(w, id, session);
    struct link *link = &world_device(w, id)->link;
    if (link->ghost == session)
        link->ghost = 0;
    if (link->session != session)
        return;
    if (!link->dead) {
        link_break(w, id);
        return;
    }
    if (!by_device)
        return;
    uint32_t dead = link->dead;
    link->session = link->dead = 0;
    world_push(w, w->now_us + latency(w, id), EVENT_DEVICE_NOTICES, id, session);
    fault_link_gone(w, dead);
}

void link_end_ghost(struct world *w, device_id id)
{
    struct link *link = &world_device(w, id)->link;
    if (link->ghost)
        world_push(w, w->now_us + latency(w, id), EVENT_SHARD_NOTICES, id, link->ghost);
    link->ghost = 0;
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
    w->drawn_touched[FAULT_NONE]++; /* of no fault: a pattern of presence came to something */
    w->seen.habits[d->presence.pattern]++;
    if (!online && d->presence.pattern == PRESENCE_MODEL_KILLED && until_us != TIME_NEVER)
        fault_crash(w, node_of_device(w, id), CRASH_NOW, until_us - w->now_us);
    else
        link_set_offline(w, id, &d->absent, !online);
    if (until_us != TIME_NEVER)
        world_push(w, until_us > w->now_us ? until_us : w->now_us + 1, EVENT_PRESENCE, id, !online);
}

void link_set_class(struct world *w, uint32_t node, size_t link)
{
    const struct scenario_link *l = &w->scenario->network.links[link];
    struct net_class class = {(enum net_kind)l->kind, {l->median_us, l->p99_us}, l->bytes_per_s};
    net_set_class(w->net, node, &class);
    if (!node_is_shard(w, node))
        world_device(w, node - w->shard_count)->link_class = (uint8_t)(link + 1);
}

void link_set_classes(struct world *w)
{
    const struct scenario_network *n = &w->scenario->network;
    for (size_t i = 0; i < n->link_count; i++)
        for (size_t node = 0; node < n->links[i].node_count; node++)
            link_set_class(w, node_of_scenario(w, n->links[i].nodes[node]), i);
    for (size_t i = 0; n->link_count && i < w->device_count; i++)
        if (w->devices[i].link_class)
            link_set_class(w, node_of_device(w, (device_id)(i + 1)), w->devices[i].link_class - 1U);
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
