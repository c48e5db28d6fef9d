/*
 * transport.c: messages on the way. A stream's packet carries its session and arrives only while that session lives, so
 * a broken connection loses its tail. A datagram between shards arrives as often as the network model says; core's
 * channels repair the rest. A hold keeps packets in the order in which they were sent; releasing sends them on in that
 * order. What follows a held packet on the same stream waits behind it, for a stream keeps its order.
 *
 * Whatever is sent is written as bytes and read again on the way, so that each run is a test of the codec too.
 */
#include "core/wire_codec.h"
#include "core/wire_size.h"
#include "sim/lives.h"

#define PUSH_LATE_US (20 * US_PER_S) /* a late push comes up to so much later */

static uint32_t take_packet(struct world *w)
{
    if (w->packet_free) {
        uint32_t packet = w->packet_free - 1;
        w->packet_free = w->packets[packet].next;
        return packet;
    }
    w->packets = base_grow(w->packets, &w->packet_cap, w->packet_count + 1, sizeof *w->packets);
    return (uint32_t)w->packet_count++;
}

static void give_packet(struct world *w, uint32_t packet)
{
    w->packets[packet].next = w->packet_free;
    w->packet_free = packet + 1;
}

void transport_forget(struct world *w)
{
    w->packet_count = 0;
    w->packet_free = 0;
}

static void through_bytes(struct world *w, const struct wire *from, struct wire *to)
{
    uint8_t bytes[WIRE_BYTES_MAX];
    int size = wire_encode(from, bytes, sizeof bytes);
    int status = size < 0 ? size : wire_decode(bytes, (size_t)size, to);
    if (status < 0) {
        *to = *from;
        world_fail(w, "the encoding of a message", status);
    }
}

static uint32_t fill(struct world *w, uint32_t from, uint32_t to, uint32_t session, const struct wire *wire)
{
    uint32_t packet = take_packet(w);
    struct packet *p = &w->packets[packet];
    through_bytes(w, wire, &p->wire);
    p->from = from;
    p->to = to;
    p->session = session;
    p->next = 0;
    return packet;
}

/* A damaged message fails the connection's check, which resets it, or the datagram's: its reader never sees it. That
   the decoder survives what the check would have to stop is tried here as well. */
static void corrupt(struct world *w, uint32_t from, uint32_t to, const struct wire *wire)
{
    uint8_t bytes[WIRE_BYTES_MAX];
    struct wire read;
    int size = wire_encode(wire, bytes, sizeof bytes);
    if (size > 0) {
        uint64_t bit = rng_below(&w->drawn_rng, 8 * (uint64_t)size);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        (void)wire_decode(bytes, (size_t)size, &read);
    }
    if (!node_is_shard(w, from) || !node_is_shard(w, to))
        link_break(w, (node_is_shard(w, from) ? to : from) - w->shard_count);
}

static void keep(struct world *w, struct fault *hold, uint32_t packet)
{
    w->packets[packet].next = 0;
    if (hold->last)
        w->packets[hold->last - 1].next = packet + 1;
    else
        hold->first = packet + 1;
    hold->last = packet + 1;
}

/* True when a fault kept it: dropped, damaged, or held. */
static bool intercepted(struct world *w, uint32_t from, uint32_t to, uint32_t session, const struct wire *wire)
{
    struct fault *drop = w->active_drops ? fault_drops(w, from, to, wire) : NULL;
    if (drop)
        return true;
    if (w->active_drops && fault_corrupts(w, from, to, wire)) {
        corrupt(w, from, to, wire);
        return true;
    }
    struct fault *hold = w->active_holds ? fault_holds(w, from, to, wire) : NULL;
    if (!hold)
        return false;
    keep(w, hold, fill(w, from, to, session, wire));
    if (hold->kind == FAULT_CLOG)
        fault_touch(w, hold);
    else
        hold->touched++;
    return true;
}

/* It takes up a message when it is done with the one before, and then needs its time. */
static uint64_t read_slowly(struct world *w, struct world_device *d, uint64_t arrives_us)
{
    struct fault *slow = &w->faults[d->slow - 1];
    if (d->link.read_at_us + 1 < arrives_us) /* it had nothing to read */
        d->link.read_at_us = arrives_us;
    else
        fault_touch(w, slow);
    d->link.read_at_us += slow->each_us;
    if (d->link.down.last_arrival_us < d->link.read_at_us) /* what comes later is read later */
        d->link.down.last_arrival_us = d->link.read_at_us;
    return d->link.read_at_us;
}

static void send_stream(struct world *w, device_id id, bool to_device, uint32_t packet)
{
    struct world_device *d = world_device(w, id);
    struct net_stream *stream = to_device ? &d->link.down : &d->link.up;
    size_t size = wire_size(&w->packets[packet].wire);
    uint64_t at_us = net_stream_send(w->net, stream, node_of_device(w, id), size, w->now_us + w->late_us);
    if (to_device && d->slow)
        at_us = read_slowly(w, d, at_us);
    world_push(w, at_us, EVENT_PACKET, packet, 0);
}

/* What is sent counts, also when it is lost. */
static void count_stream(struct world *w, bool to_device, const struct wire *wire)
{
    if (!w->scenario->measure || w->phase != PHASE_SAFETY)
        return;
    w->traffic.bytes += wire_size(wire);
    w->traffic.requests += !to_device && (wire->kind == WIRE_HELLO || wire->kind == WIRE_OP);
}

/* The shard talks into a connection that its device has given up. */
static void touch_half_open(struct world *w, device_id id)
{
    uint32_t node = node_of_device(w, id);
    for (size_t i = 0; i < w->fault_count; i++)
        for (size_t n = 0; w->faults[i].active && w->faults[i].kind == FAULT_HALF_OPEN && n < w->faults[i].a_count; n++)
            if (w->faults[i].a[n] == node)
                fault_touch(w, &w->faults[i]);
}

void transport_stream(struct world *w, device_id id, bool to_device, const struct wire *wire)
{
    if (to_device)
        id = lives_device(w, id, wire->session);
    struct world_device *d = world_device(w, id);
    if (to_device && d->link.ghost && wire->session == d->link.ghost)
        touch_half_open(w, id);
    if (!d->link.session || wire->session != d->link.session)
        return;
    uint32_t node = node_of_device(w, id);
    uint32_t from = to_device ? d->home : node, to = to_device ? node : d->home;
    count_stream(w, to_device, wire);
    observe_packet(w, from, wire);
    if (d->link.dead) {
        if (d->link.dead != LINK_LINGERS)
            fault_touch(w, &w->faults[d->link.dead - 1]);
        return;
    }
    if (intercepted(w, from, to, d->link.session, wire))
        return;
    if (wire->kind == WIRE_ENTRY && w->phase == PHASE_SAFETY && w->scenario->network.push_loss_ppm &&
        rng_ppm(&w->net_rng, w->scenario->network.push_loss_ppm)) {
        w->push_lost++;
        return;
    }
    send_stream(w, id, to_device, fill(w, from, to, d->link.session, wire));
}

static void send_datagram(struct world *w, uint32_t from, uint32_t to, const struct wire *wire)
{
    uint64_t arrivals_us[2];
    int copies = net_datagram(w->net, from, to, wire_size(wire), w->now_us + w->late_us, arrivals_us);
    if (!copies && w->active_cuts && !net_reachable(w->net, from, to))
        fault_cut_packet(w, from, to);
    for (int i = 0; i < copies; i++)
        world_push(w, arrivals_us[i], EVENT_PACKET, fill(w, from, to, 0, wire), 0);
}

void transport_datagram(struct world *w, shard_id from, shard_id to, const struct wire *wire)
{
    assert(to < w->shard_count);
    w->traffic.between += w->phase == PHASE_SAFETY;
    observe_packet(w, from, wire);
    if (!intercepted(w, from, to, 0, wire))
        send_datagram(w, from, to, wire);
}

void transport_push(struct world *w, shard_id from, device_id to, const struct wire *wire)
{
    const struct scenario_network *n = &w->scenario->network;
    bool safety = w->phase == PHASE_SAFETY;
    to = lives_holder(w, to);
    uint32_t node = node_of_device(w, to);
    if (w->active_cuts && !net_reachable(w->net, from, node)) {
        fault_cut_packet(w, from, node);
        return;
    }
    if (safety && rng_ppm(&w->push_rng, n->notification_loss_ppm)) {
        w->seen.pushes_harmed++;
        return;
    }
    int copies = safety && rng_ppm(&w->push_rng, n->notification_duplicate_ppm) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        uint64_t at_us = w->now_us + 1 + rng_latency(&w->push_rng, n->median_us, n->p99_us);
        if (safety && rng_ppm(&w->push_rng, n->notification_late_ppm)) {
            at_us += rng_below(&w->push_rng, PUSH_LATE_US);
            w->seen.pushes_harmed++;
        }
        w->seen.pushes_harmed += i > 0;
        world_push(w, at_us, EVENT_PACKET, fill(w, from, node, 0, wire), 0);
    }
}

void transport_release(struct world *w, struct fault *hold)
{
    uint32_t at = hold->first;
    hold->first = hold->last = 0;
    while (at) {
        struct packet p = w->packets[at - 1];
        struct fault *other = w->active_holds ? fault_holds(w, p.from, p.to, &p.wire) : NULL;
        if (other) { /* the way is blocked by another one still */
            keep(w, other, at - 1);
            if (other->kind == FAULT_CLOG)
                fault_touch(w, other);
            at = p.next;
            continue;
        }
        if (p.session) {
            bool to_device = !node_is_shard(w, p.to);
            send_stream(w, (to_device ? p.to : p.from) - w->shard_count, to_device, at - 1);
        } else {
            give_packet(w, at - 1);
            send_datagram(w, p.from, p.to, &p.wire);
        }
        at = p.next;
    }
}

static void arrive_at_device(struct world *w, const struct packet *p)
{
    device_id id = p->to - w->shard_count;
    struct world_device *d = world_device(w, id);
    if (!p->session) {
        world_device_push(w, id, &p->wire);
        return;
    }
    if (p->session != d->link.session || !d->link.opened)
        return;
    if (p->wire.kind == WIRE_WELCOME) {
        d->syncing = !p->wire.reset;
        d->sync_to = p->wire.head;
    }
    struct device_input input = {.kind = DEVICE_MESSAGE, .session = p->session, .wire = &p->wire};
    world_device_step(w, id, &input);
}

static void arrive_at_shard(struct world *w, const struct packet *p)
{
    struct shard_input input = {.wire = &p->wire};
    if (p->session) {
        device_id id = p->from - w->shard_count;
        if (p->session != world_device(w, id)->link.session)
            return;
        input.kind = SHARD_DEVICE_MSG;
        input.device = lives_id(w, id);
        input.session = p->session;
        lives_shard_step(w, id, &input);
        return;
    }
    input.kind = SHARD_PEER_MSG;
    input.shard = p->from;
    world_shard_step(w, p->to, &input);
}

void transport_arrive(struct world *w, uint32_t packet)
{
    struct packet p = w->packets[packet]; /* a copy: steps take packets, and may move the array */
    give_packet(w, packet);
    if (node_is_shard(w, p.to))
        arrive_at_shard(w, &p);
    else
        arrive_at_device(w, &p);
}
