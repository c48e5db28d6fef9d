/*
 * swarm_network.c: the lines of swarm.def that are links, or the habits of people.
 *
 * Method: a fault of links strikes as `"faults"` of a scenario strike (fault_drawn.c), only from the stream "fault",
 * and no longer than the swarm's other faults; it has fired when it touched something. Kinds of links and habits are
 * drawn into the scenario; what counts there is each message over such a link, each coming and going by such a habit.
 */
#include "sim/swarm_internal.h"

#define LONGEST_US (10 * US_PER_S)
#define SLOWEST_BYTES_PER_S (4ULL * 1024)
#define SHARDS_BYTES_PER_S (8ULL * 1024)

/* ---- in the scenario ---- */

/* A scenario that says itself which links there are keeps them. */
void swarm_draw_links(struct swarm_draw *d)
{
    struct scenario_network *network = &d->s->network;
    struct scenario_link *links = d->s->swarm.links;
    if (network->link_count)
        return;
    links[0] = (struct scenario_link){.kind = NET_MOBILE, .median_us = 80 * US_PER_MS, .p99_us = 1500 * US_PER_MS};
    links[1] = (struct scenario_link){.kind = NET_SATELLITE, .median_us = 600 * US_PER_MS, .p99_us = 900 * US_PER_MS};
    links[2] =
        (struct scenario_link){.kind = NET_LOGNORMAL, .median_us = network->median_us, .p99_us = network->p99_us};
    links[2].bytes_per_s = SLOWEST_BYTES_PER_S << rng_below(&d->rng, 4);
    for (int i = 0; i < SCENARIO_SWARM_LINKS; i++)
        links[i].crowd_ppm = (uint32_t)rng_between(&d->rng, 50000, 300000);
    network->links = links;
    network->link_count = SCENARIO_SWARM_LINKS;
}

/* A single shard has nobody to talk to. */
void swarm_draw_bandwidth(struct swarm_draw *d)
{
    if (d->s->shards < 2 && d->s->swarm.shards.high > 1)
        d->s->shards = 2;
    d->s->network.shard_bytes_per_s = SHARDS_BYTES_PER_S << rng_below(&d->rng, 4);
}

void swarm_draw_killed(struct swarm_draw *d)
{
    d->s->crowd.killed_ppm = (uint32_t)rng_between(&d->rng, 50000, 200000);
}

void swarm_draw_background(struct swarm_draw *d)
{
    d->s->crowd.background_ppm = (uint32_t)rng_between(&d->rng, 50000, 200000);
}

/* Of some hour of some week, round the globe: some office opens, some commuter looks at a telephone. */
void swarm_draw_hours(struct swarm_draw *d)
{
    d->s->crowd.hours_ppm = (uint32_t)rng_between(&d->rng, 100000, 300000);
    d->s->crowd.zones = rng_between(&d->rng, 4, 24);
    d->s->starts_s += (int64_t)(3600 * rng_below(&d->rng, 7 * 24));
}

uint64_t swarm_count_links(const struct world *w)
{
    return net_counts(w->net).classed;
}

uint64_t swarm_count_bandwidth(const struct world *w)
{
    return net_counts(w->net).queued_between;
}

uint64_t swarm_count_killed(const struct world *w)
{
    return w->seen.habits[PRESENCE_MODEL_KILLED];
}

uint64_t swarm_count_background(const struct world *w)
{
    return w->seen.habits[PRESENCE_MODEL_BACKGROUND];
}

uint64_t swarm_count_hours(const struct world *w)
{
    return w->seen.habits[PRESENCE_MODEL_COMMUTER] + w->seen.habits[PRESENCE_MODEL_OFFICE] +
           w->seen.habits[PRESENCE_MODEL_NIGHT] + w->seen.habits[PRESENCE_MODEL_WEEKEND];
}

/* ---- at a moment ---- */

static bool strike_links(struct world *w, enum fault_kind kind)
{
    uint64_t for_us = rng_between(&w->fault_rng, US_PER_S, LONGEST_US);
    if (w->device_count)
        drawn_links(w, &w->fault_rng, kind, for_us);
    return w->device_count != 0;
}

bool swarm_partition_shapes(struct world *w)
{
    struct fault model = {.kind = FAULT_PARTITION};
    uint64_t for_us = rng_between(&w->fault_rng, US_PER_S, LONGEST_US);
    if (!w->device_count)
        return false;
    drawn_shape(w, &w->fault_rng, &model);
    fault_partition(w, &model, for_us);
    return true;
}

bool swarm_flap(struct world *w)
{
    return strike_links(w, FAULT_FLAP);
}

bool swarm_half_open(struct world *w)
{
    return strike_links(w, FAULT_HALF_OPEN);
}

bool swarm_captive(struct world *w)
{
    return strike_links(w, FAULT_CAPTIVE);
}

bool swarm_clog(struct world *w)
{
    return strike_links(w, FAULT_CLOG);
}

bool swarm_corrupt(struct world *w)
{
    return strike_links(w, FAULT_CORRUPT);
}

bool swarm_slow_reader(struct world *w)
{
    return strike_links(w, FAULT_SLOW_READER);
}

/* Of everybody: they come back together. */
bool swarm_outage(struct world *w)
{
    struct fault model = {.kind = FAULT_OUTAGE, .spread_us = CONNECT_SPREAD_US};
    uint64_t for_us = rng_between(&w->fault_rng, US_PER_S, LONGEST_US);
    if (w->device_count)
        fault_link_begin(w, &model, for_us);
    return w->device_count != 0;
}
