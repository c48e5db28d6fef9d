/*
 * fault_link.c: what goes wrong with connections: links that flap, are clogged, are half open, lead to a captive
 * portal, damage what they carry; devices that read slowly; everybody's network out and back at once. And the shapes
 * that a partition can have.
 *
 * Method: each is a fault of the list in fault.c, which ends it; here is what it does when it begins and when it ends.
 * A dead connection is marked with its fault; whatever is sent on it counts as touched and is gone. The mark goes with
 * the connection: whoever notices, by a time-out or because the fault is over, breaks it, and then the device dials
 * again. One that lingers is noticed by a time-out only, and its fault is over before. A half-open fault is over when
 * none of its connections is left. While any of these lasts, its path is not healthy: the record of its beginning and
 * that of its end say so.
 */
#include "sim/record.h"

#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

static uint32_t *all_nodes(const struct world *w, size_t *count)
{
    *count = w->shard_count + w->device_count;
    uint32_t *nodes = base_alloc((*count + 1) * sizeof *nodes);
    for (size_t i = 0; i < w->shard_count; i++)
        nodes[i] = (uint32_t)i;
    for (size_t i = 0; i < w->device_count; i++)
        nodes[w->shard_count + i] = node_of_device(w, (device_id)(i + 1));
    return nodes;
}

static size_t keep_shards(const struct world *w, uint32_t *nodes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (node_is_shard(w, nodes[i]))
            nodes[kept++] = nodes[i];
    return kept;
}

/* One device and its shard: the person's other devices go on. */
static void one_device(struct world *w, struct rng *rng, const uint32_t *nodes, size_t count, struct fault *model)
{
    size_t devices = 0;
    for (size_t i = 0; i < count; i++)
        devices += !node_is_shard(w, nodes[i]);
    uint64_t pick = devices ? rng_below(rng, devices) : 0;
    for (size_t i = 0; i < count; i++)
        if (!node_is_shard(w, nodes[i]) && pick-- == 0) {
            model->a[model->a_count++] = nodes[i];
            model->b[model->b_count++] = world_device(w, nodes[i] - w->shard_count)->home;
        }
}

void fault_shape(struct world *w, struct rng *rng, enum fault_shape shape, const uint32_t *nodes, size_t count,
                 struct fault *model)
{
    static const enum net_shape shapes[SHAPE_COUNT] = {
        [SHAPE_HALVES] = NET_HALVES, [SHAPE_ISOLATED] = NET_ISOLATED, [SHAPE_BRIDGE] = NET_BRIDGE};
    size_t all_count = count, a_count = 0, b_count = 0;
    uint32_t *all = all_nodes(w, &all_count);
    if (count) {
        memcpy(all, nodes, count * sizeof *all);
        all_count = count;
    }
    model->a = base_alloc((all_count + 1) * sizeof *model->a);
    model->b = base_alloc((all_count + 1) * sizeof *model->b);
    model->a_count = model->b_count = 0;
    model->shape = SHAPE_NONE;
    if (shape == SHAPE_DEVICE) {
        one_device(w, rng, all, all_count, model);
    } else if (shape == SHAPE_RING || shape == SHAPE_SHARDS) {
        if (shape == SHAPE_SHARDS || !count) /* devices have one neighbour only, their shard */
            all_count = keep_shards(w, all, all_count);
        memcpy(model->a, all, all_count * sizeof *all);
        model->a_count = all_count;
        model->shape = shape;
    } else if (all_count >= (shape == SHAPE_BRIDGE ? 3 : 2)) {
        net_shape_sides(shapes[shape], rng, all, all_count, &a_count, &b_count);
        memcpy(model->a, all, a_count * sizeof *all);
        memcpy(model->b, all + a_count, b_count * sizeof *all);
        model->a_count = a_count;
        model->b_count = b_count;
    }
    free(all);
}

int fault_cut(struct world *w, const struct fault *fault)
{
    if (fault->shape == SHAPE_RING)
        return net_cut_ring(w->net, fault->a, fault->a_count);
    if (fault->shape == SHAPE_SHARDS)
        return net_cut_apart(w->net, fault->a, fault->a_count);
    return net_cut(w->net, fault->a, fault->a_count, fault->b, fault->b_count, fault->one_way);
}

/* ---- flapping ---- */

void fault_flap(struct world *w, size_t at, uint32_t serial)
{
    if (at >= w->fault_count || !w->faults[at].active || w->faults[at].serial != serial)
        return;
    struct fault *f = &w->faults[at];
    bool goes_down = f->cut < 0;
    if (goes_down) {
        f->cut = fault_cut(w, f);
        if (f->cut < 0) {
            world_fail(w, "a flapping link: too many partitions at once", f->cut);
            return;
        }
        w->active_cuts++;
    } else {
        net_heal(w->net, f->cut);
        f->cut = -1;
        w->active_cuts--;
    }
    uint64_t span_us = net_flap_span(&w->drawn_rng, goes_down ? f->down_us : f->up_us);
    world_push(w, w->now_us + span_us, EVENT_FLAP, at, serial);
    if (goes_down)
        link_break_cut(w);
}

/* ---- single devices ---- */

/* The connection goes dead under its users; returns whether there was one. */
static bool half_open(struct world *w, struct fault *f, uint32_t mark, device_id id)
{
    struct world_device *d = world_device(w, id);
    if (!d->link.session || !d->link.opened || d->link.dead)
        return false;
    if (f->believes == BELIEVES_SHARD) {
        d->link.ghost = d->link.session;
        link_lose(w, id, true);
    } else {
        d->link.dead = mark;
        f->left++;
        if (f->believes == BELIEVES_DEVICE)
            link_lose(w, id, false);
    }
    return true;
}

static void begin_at(struct world *w, struct fault *f, uint32_t mark, device_id id)
{
    struct world_device *d = world_device(w, id);
    bool touches = false;
    switch (f->kind) {
        case FAULT_HALF_OPEN:
            touches = half_open(w, f, mark, id);
            break;
        case FAULT_CAPTIVE:
            d->captive = mark; /* it has touched something when the device is in the portal, not before */
            link_break(w, id);
            break;
        case FAULT_SLOW_READER:
            d->slow = mark;
            break;
        default:                      /* FAULT_OUTAGE */
            touches = link_wanted(d); /* it is, or would be, connected */
            d->outages++;
            link_break(w, id);
    }
    if (touches)
        fault_touch(w, f);
}

static void end_at(struct world *w, const struct fault *f, uint32_t mark, device_id id)
{
    struct world_device *d = world_device(w, id);
    switch (f->kind) {
        case FAULT_HALF_OPEN:
            if (!f->lingers)
                link_end_ghost(w, id);
            break;
        case FAULT_CAPTIVE:
            if (d->captive == mark)
                d->captive = 0;
            break;
        case FAULT_SLOW_READER:
            if (d->slow == mark)
                d->slow = 0;
            break;
        default: /* FAULT_OUTAGE */
            if (d->outages)
                d->outages--;
            link_dial(w, id, f->spread_us);
    }
    if (d->link.dead != mark)
        return;
    d->link.dead = f->lingers ? LINK_LINGERS : 0;
    if (!f->lingers)
        link_break(w, id);
}

static bool is_of_devices(const struct fault *f)
{
    return f->kind == FAULT_HALF_OPEN || f->kind == FAULT_CAPTIVE || f->kind == FAULT_SLOW_READER ||
           f->kind == FAULT_OUTAGE;
}

void fault_link_begin(struct world *w, struct fault *model, uint64_t for_us)
{
    if (!budget_allows(w, model->kind == FAULT_FLAP ? BUDGET_PARTITIONS : BUDGET_TIME, for_us)) {
        free(model->a);
        free(model->b);
        return;
    }
    if (is_of_devices(model)) {
        model->left = 0;
        model->everybody = !model->a_count;
        if (model->everybody) {
            free(model->a);
            model->a_cap = 0;
            model->a = base_grow(NULL, &model->a_cap, w->device_count + 1, sizeof *model->a);
            for (size_t i = 0; i < w->device_count; i++)
                model->a[model->a_count++] = node_of_device(w, (device_id)(i + 1));
        }
    }
    model->cut = -1;
    model->one_way |= model->kind == FAULT_CORRUPT; /* it says from where to where */
    struct fault *f = fault_add(w, model);
    size_t at = (size_t)(f - w->faults);
    fault_tell(w, f, w->words.fault[f->kind], 0);
    if (for_us)
        world_push(w, w->now_us + for_us, EVENT_FAULT_END, at, f->serial);
    for (size_t i = 0; is_of_devices(f) && i < f->a_count; i++)
        begin_at(w, f, (uint32_t)at + 1, f->a[i] - w->shard_count);
    if (f->kind == FAULT_FLAP)
        fault_flap(w, at, f->serial);
}

void fault_link_join(struct world *w, device_id id)
{
    for (size_t i = 0; i < w->fault_count; i++) {
        struct fault *f = &w->faults[i];
        if (!f->active || !is_of_devices(f) || !f->everybody)
            continue;
        f->a = base_grow(f->a, &f->a_cap, f->a_count + 1, sizeof *f->a);
        f->a[f->a_count++] = node_of_device(w, id);
        begin_at(w, f, (uint32_t)i + 1, id);
    }
}

void fault_link_end(struct world *w, struct fault *f)
{
    uint32_t mark = (uint32_t)(f - w->faults) + 1;
    for (size_t i = 0; is_of_devices(f) && i < f->a_count; i++)
        end_at(w, f, mark, f->a[i] - w->shard_count);
    if (f->kind == FAULT_OUTAGE)
        herd_begin(w, f->a, f->a_count);
    if (f->kind == FAULT_CLOG)
        transport_release(w, f);
    if (f->kind == FAULT_FLAP && f->cut >= 0) {
        net_heal(w->net, f->cut);
        w->active_cuts--;
    }
}

void fault_link_gone(struct world *w, uint32_t dead)
{
    if (dead == LINK_LINGERS)
        return;
    struct fault *f = &w->faults[dead - 1];
    if (f->active && f->kind == FAULT_HALF_OPEN && f->left && --f->left == 0)
        fault_finish(w, f);
}

/* ---- messages ---- */

bool fault_clogs(struct world *w, uint32_t a, uint32_t b)
{
    for (size_t i = 0; w->active_clogs && i < w->fault_count; i++) {
        struct fault *f = &w->faults[i];
        if (!f->active || f->kind != FAULT_CLOG || !(fault_crosses(f, a, b) || fault_crosses(f, b, a)))
            continue;
        fault_touch(w, f);
        return true;
    }
    return false;
}

bool fault_corrupts(struct world *w, uint32_t from, uint32_t to, const struct wire *wire)
{
    for (size_t i = 0; i < w->fault_count; i++) {
        struct fault *f = &w->faults[i];
        if (!f->active || f->kind != FAULT_CORRUPT || (f->filter && f->filter != wire->kind) ||
            !fault_crosses(f, from, to))
            continue;
        fault_touch(w, f);
        if (--f->left == 0)
            fault_finish(w, f);
        return true;
    }
    return false;
}
