/*
 * fault_drawn.c: faults that no step of the script asks for: so many of each kind, at random moments of the safety
 * phase
 * ("faults" of a scenario).
 *
 * Method: the moments are drawn when the run begins, the nodes and the length when one begins, all from a stream of
 * their own: one more fault shifts nobody's work. What has no effect at that moment (a break of a device that is not
 * connected) looks for another device, a few times. The heal phase ends them all.
 */
#include "sim/record.h"

#include <stdlib.h>

#define FIRST_US US_PER_S
#define SHORT_US US_PER_S
#define LONG_US (40 * US_PER_S)
#define TRIES 8
#define NODES_MAX 8
#define EACH_MAX_US (300 * US_PER_MS)
#define CORRUPTED_MAX 4

void drawn_begin(struct world *w)
{
    uint64_t ends_us = w->scenario->lasts_us > w->crowd.ends_us ? w->scenario->lasts_us : w->crowd.ends_us;
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < w->scenario->faults[kind]; i++)
            world_push(w, rng_between(&w->drawn_rng, FIRST_US, ends_us > FIRST_US ? ends_us : FIRST_US), EVENT_DRAWN,
                       kind, 0);
}

/* A device, connected if one can be found. 0: there is none at all. */
static device_id draw_device(struct world *w, struct rng *rng)
{
    device_id id = 0;
    for (int i = 0; w->device_count && i < TRIES; i++) {
        id = 1 + (device_id)rng_below(rng, w->device_count);
        if (world_device(w, id)->link.opened)
            break;
    }
    return id;
}

static void draw_devices(struct world *w, struct rng *rng, struct fault *model)
{
    uint64_t count = 1 + rng_below(rng, NODES_MAX);
    model->a = base_alloc(NODES_MAX * sizeof *model->a);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t node = node_of_device(w, draw_device(w, rng));
        bool twice = false;
        for (size_t n = 0; n < model->a_count; n++)
            twice |= model->a[n] == node;
        if (!twice)
            model->a[model->a_count++] = node;
    }
}

void drawn_shape(struct world *w, struct rng *rng, struct fault *model)
{
    enum fault_shape shape = SHAPE_HALVES + (enum fault_shape)rng_below(rng, SHAPE_COUNT - SHAPE_HALVES);
    model->one_way = rng_below(rng, 4) == 0;
    fault_shape(w, rng, shape, NULL, 0, model);
}

/* Of a device and its shard, or of two shards; either way round. */
static void draw_path(struct world *w, struct rng *rng, struct fault *model)
{
    model->a = base_alloc(sizeof *model->a);
    model->b = base_alloc(sizeof *model->b);
    model->a_count = model->b_count = 1;
    if (w->shard_count > 1 && rng_below(rng, 3) == 0) {
        model->a[0] = (uint32_t)rng_below(rng, w->shard_count);
        model->b[0] = (model->a[0] + 1 + (uint32_t)rng_below(rng, w->shard_count - 1)) % w->shard_count;
        return;
    }
    device_id id = draw_device(w, rng);
    uint32_t node = node_of_device(w, id), home = world_device(w, id)->home;
    bool up = rng_below(rng, 2) == 0;
    model->a[0] = up ? node : home;
    model->b[0] = up ? home : node;
}

void drawn_links(struct world *w, struct rng *rng, enum fault_kind kind, uint64_t for_us)
{
    struct fault model = {.kind = kind};
    switch (kind) {
        case FAULT_FLAP:
            drawn_shape(w, rng, &model);
            model.down_us = rng_between(rng, SHORT_US, 4 * SHORT_US);
            model.up_us = rng_between(rng, SHORT_US, 4 * SHORT_US);
            break;
        case FAULT_CLOG:
        case FAULT_CORRUPT:
            draw_path(w, rng, &model);
            model.left = 1 + rng_below(rng, CORRUPTED_MAX);
            break;
        default:
            draw_devices(w, rng, &model);
            model.believes = (unsigned)rng_below(rng, BELIEVES_SHARD + 1);
            model.each_us = rng_between(rng, US_PER_MS, EACH_MAX_US);
            model.spread_us = CONNECT_SPREAD_US;
            if (w->policy.idle_timeout_us) /* elsewhere nobody would ever give it up */
                model.lingers = rng_below(rng, 2) == 0;
    }
    fault_link_begin(w, &model, for_us);
}

static void crash(struct world *w)
{
    bool shard = rng_below(&w->drawn_rng, 2) == 0;
    uint32_t node =
        shard ? (uint32_t)rng_below(&w->drawn_rng, w->shard_count) : node_of_device(w, draw_device(w, &w->drawn_rng));
    w->drawn_touched[FAULT_CRASH]++;
    fault_crash(w, node, CRASH_NOW, rng_between(&w->drawn_rng, SHORT_US / 10, 5 * SHORT_US));
}

void drawn_fault(struct world *w, enum fault_kind kind)
{
    struct fault model = {.kind = kind};
    uint64_t for_us = rng_between(&w->drawn_rng, SHORT_US, LONG_US);
    if (w->phase != PHASE_SAFETY || !w->device_count)
        return;
    if (fault_is_of_links(kind)) {
        drawn_links(w, &w->drawn_rng, kind, for_us);
    } else if (kind == FAULT_PARTITION) {
        drawn_shape(w, &w->drawn_rng, &model);
        fault_partition(w, &model, for_us);
    } else if (kind == FAULT_BREAK) {
        device_id id = draw_device(w, &w->drawn_rng);
        w->drawn_touched[FAULT_BREAK] += world_device(w, id)->link.session != 0;
        record_fault(w, w->words.fault[FAULT_BREAK], node_of_device(w, id), 0, 1);
        link_break(w, id);
    } else if (kind == FAULT_CRASH) {
        crash(w);
    }
}
