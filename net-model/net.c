/*
 * net.c: the network's plans.
 *
 * Method: one random stream, "net", for all draws. A latency is lognormal between the median and the 99th percentile of
 * its class. A stream's message arrives at the later of its own latency and one microsecond after the message before
 * it: events of one instant have no order in the simulator's queue, a stream has. Datagrams draw loss, then
 * duplication, then for each copy a latency of its own, so that they overtake each other even without `reorder_ppm`;
 * that adds a delay beyond p99.
 *
 * Limits: NET_CUTS_MAX cuts at once. A cut costs a binary search for each packet while it holds, nothing afterwards.
 */
#include "net-model/net.h"

#include <stdlib.h>
#include <string.h>

#define BREAK_MIN_US US_PER_S /* a connection lives for a while: breaks faster than a handshake would test nothing */

struct cut {
    bool holds, one_way;
    uint32_t *a, *b; /* sorted */
    size_t a_count, b_count;
};
struct net {
    struct net_config config;
    struct rng rng;
    struct net_counts counts;
    struct cut cuts[NET_CUTS_MAX];
    int cuts_holding;
};

struct net *net_new(const struct net_config *config, uint64_t seed)
{
    struct net *net = base_alloc(sizeof *net);
    net->config = *config;
    net->rng = rng_fork(seed, "net");
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    net_heal_all(net);
    free(net);
}

/* ---- partitions ---- */

static int compare_nodes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t *sorted_copy(const uint32_t *nodes, size_t count)
{
    uint32_t *copy = base_alloc((count + 1) * sizeof *copy);
    if (count > 0) {
        memcpy(copy, nodes, count * sizeof *copy);
        qsort(copy, count, sizeof *copy, compare_nodes);
    }
    return copy;
}

static bool contains(const uint32_t *nodes, size_t count, uint32_t node)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && nodes[low] == node;
}

int net_cut(struct net *net, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, bool one_way)
{
    int number = 0;
    while (number < NET_CUTS_MAX && net->cuts[number].holds)
        number++;
    if (number == NET_CUTS_MAX)
        return E_LIMIT;
    net->cuts[number] = (struct cut){.holds = true,
                                     .one_way = one_way,
                                     .a = sorted_copy(a, a_count),
                                     .b = sorted_copy(b, b_count),
                                     .a_count = a_count,
                                     .b_count = b_count};
    net->cuts_holding++;
    return number;
}

void net_heal(struct net *net, int cut)
{
    if (cut < 0 || cut >= NET_CUTS_MAX || !net->cuts[cut].holds)
        return;
    free(net->cuts[cut].a);
    free(net->cuts[cut].b);
    memset(&net->cuts[cut], 0, sizeof net->cuts[cut]);
    net->cuts_holding--;
}

void net_heal_all(struct net *net)
{
    for (int i = 0; i < NET_CUTS_MAX; i++)
        net_heal(net, i);
}

static bool cuts_path(const struct cut *cut, uint32_t from, uint32_t to)
{
    if (contains(cut->a, cut->a_count, from) && contains(cut->b, cut->b_count, to))
        return true;
    return !cut->one_way && contains(cut->b, cut->b_count, from) && contains(cut->a, cut->a_count, to);
}

bool net_reachable(const struct net *net, uint32_t from, uint32_t to)
{
    if (net->cuts_holding == 0)
        return true;
    for (int i = 0; i < NET_CUTS_MAX; i++)
        if (net->cuts[i].holds && cuts_path(&net->cuts[i], from, to))
            return false;
    return true;
}

bool net_connected(const struct net *net, uint32_t a, uint32_t b)
{
    return net_reachable(net, a, b) && net_reachable(net, b, a);
}

/* ---- streams ---- */

uint64_t net_stream_arrival(struct net *net, struct net_stream *stream, uint64_t now_us)
{
    uint64_t at_us = now_us + rng_latency(&net->rng, net->config.device.median_us, net->config.device.p99_us);
    if (stream->last_arrival_us > 0 && at_us <= stream->last_arrival_us)
        at_us = stream->last_arrival_us + 1;
    stream->last_arrival_us = at_us;
    return at_us;
}

uint64_t net_stream_break(struct net *net, uint64_t now_us)
{
    if (net->config.breaks_mean_us == 0)
        return TIME_NEVER;
    uint64_t lives_us = rng_exponential(&net->rng, net->config.breaks_mean_us);
    net->counts.breaks++;
    return now_us + (lives_us < BREAK_MIN_US ? BREAK_MIN_US : lives_us);
}

/* ---- datagrams ---- */

int net_datagram(struct net *net, uint32_t from, uint32_t to, uint64_t now_us, uint64_t arrivals_us[2])
{
    const struct net_config *config = &net->config;
    if (!net_reachable(net, from, to)) {
        net->counts.cut++;
        return 0;
    }
    if (rng_ppm(&net->rng, config->loss_ppm)) {
        net->counts.lost++;
        return 0;
    }
    int copies = 1;
    if (rng_ppm(&net->rng, config->duplicate_ppm)) {
        net->counts.duplicated++;
        copies = 2;
    }
    for (int i = 0; i < copies; i++) {
        arrivals_us[i] = now_us + rng_latency(&net->rng, config->shard.median_us, config->shard.p99_us);
        if (rng_ppm(&net->rng, config->reorder_ppm)) {
            net->counts.reordered++;
            arrivals_us[i] += config->shard.p99_us + rng_below(&net->rng, config->shard.p99_us + 1);
        }
    }
    return copies;
}

struct net_counts net_counts(const struct net *net)
{
    return net->counts;
}
