/*
 * net.c: the network's plans.
 *
 * Method: one random stream, "net", for all draws. A latency is lognormal between the median and the 99th percentile of
 * its class. A stream's message arrives at the later of its own latency and one microsecond after the message before
 * it: events of one instant have no order in the simulator's queue, a stream has. Datagrams draw loss, then
 * duplication, then for each copy a latency of its own, so that they overtake each other even without `reorder_ppm`;
 * that adds a delay beyond p99.
 *
 * A link with a bandwidth carries one message after the other: each begins when it was sent and the one before it has
 * left, whichever is later, and its latency is counted from its last byte.
 *
 * Limits: NET_CUTS_MAX cuts at once. A cut costs a binary search for each packet while it holds, nothing afterwards.
 */
#include "net-model/net.h"

#include <stdlib.h>
#include <string.h>

#define BREAK_MIN_US US_PER_S /* a connection lives for a while: breaks faster than a handshake would test nothing */

#define LINKED_SHARDS 64 /* shards have the lowest numbers; queues are kept for each pair of these */

struct node_class {
    bool set;
    struct net_class class;
};
enum cut_form { CUT_SIDES, CUT_RING, CUT_APART };
struct cut {
    bool holds, one_way;
    enum cut_form form;
    uint32_t *a, *b; /* sorted; b of two sides only */
    size_t a_count, b_count;
};
struct net {
    struct net_config config;
    struct rng rng;
    struct net_counts counts;
    struct cut cuts[NET_CUTS_MAX];
    int cuts_holding;
    struct node_class *classes; /* by node */
    size_t class_count, class_cap;
    uint64_t *free_at_us; /* by from * LINKED_SHARDS + to; NULL without a bandwidth */
};

struct net *net_new(const struct net_config *config, uint64_t seed)
{
    struct net *net = base_alloc(sizeof *net);
    net->config = *config;
    net->rng = rng_fork(seed, "net");
    if (config->shard_bytes_per_s)
        net->free_at_us = base_alloc(sizeof(uint64_t) * LINKED_SHARDS * LINKED_SHARDS);
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    net_heal_all(net);
    free(net->classes);
    free(net->free_at_us);
    free(net);
}

/* ---- classes of links ---- */

void net_set_class(struct net *net, uint32_t node, const struct net_class *class)
{
    size_t had = net->class_count;
    if (node >= had) {
        net->classes = base_grow(net->classes, &net->class_cap, (size_t)node + 1, sizeof *net->classes);
        net->class_count = (size_t)node + 1;
        memset(&net->classes[had], 0, (net->class_count - had) * sizeof *net->classes);
    }
    net->classes[node] = (struct node_class){true, *class};
}

static const struct net_class *class_of(const struct net *net, uint32_t node)
{
    return node < net->class_count && net->classes[node].set ? &net->classes[node].class : NULL;
}

/* The slow mode is placed so that its 90th percentile, the 99th of all, is p99. */
static uint64_t mobile_latency(struct rng *rng, uint64_t median_us, uint64_t p99_us)
{
    if (rng_below(rng, 10) > 0)
        return rng_latency(rng, median_us * 24 / 25, 2 * median_us);
    return rng_latency(rng, p99_us * 7 / 10, p99_us * 134 / 100);
}

static uint64_t class_latency(const struct net_class *class, struct rng *rng)
{
    uint64_t median_us = class->latency.median_us, p99_us = class->latency.p99_us, way_us = median_us * 9 / 10;
    switch (class->kind) {
        case NET_MOBILE:
            return mobile_latency(rng, median_us, p99_us);
        case NET_SATELLITE:
            return way_us + rng_latency(rng, median_us - way_us, p99_us - way_us);
        default:
            return rng_latency(rng, median_us, p99_us);
    }
}

uint64_t net_latency_of(const struct net *net, uint32_t node, struct rng *rng)
{
    const struct net_class *class = class_of(net, node);
    const struct net_latency *common = &net->config.device;
    return class ? class_latency(class, rng) : rng_latency(rng, common->median_us, common->p99_us);
}

uint64_t net_flap_span(struct rng *rng, uint64_t least_us)
{
    if (least_us < NET_FLAP_MIN_US)
        least_us = NET_FLAP_MIN_US;
    return least_us + rng_exponential(rng, least_us);
}

/* When the last byte leaves a link that is free from *free_at_us on. */
static uint64_t leaves_at(struct net *net, uint64_t *free_at_us, uint64_t bytes_per_s, size_t size_bytes,
                          uint64_t now_us)
{
    if (!bytes_per_s)
        return now_us;
    if (*free_at_us > now_us) {
        net->counts.queued++;
        now_us = *free_at_us;
    }
    *free_at_us = now_us + size_bytes * US_PER_S / bytes_per_s;
    return *free_at_us;
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

/* Its place, or count. */
static size_t place_of(const uint32_t *nodes, size_t count, uint32_t node)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && nodes[low] == node ? low : count;
}

static bool contains(const uint32_t *nodes, size_t count, uint32_t node)
{
    return place_of(nodes, count, node) < count;
}

static int add_cut(struct net *net, const struct cut *cut)
{
    int number = 0;
    while (number < NET_CUTS_MAX && net->cuts[number].holds)
        number++;
    if (number == NET_CUTS_MAX)
        return E_LIMIT;
    net->cuts[number] = *cut;
    net->cuts[number].holds = true;
    net->cuts[number].a = sorted_copy(cut->a, cut->a_count);
    net->cuts[number].b = sorted_copy(cut->b, cut->b_count);
    net->cuts_holding++;
    return number;
}

int net_cut(struct net *net, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, bool one_way)
{
    struct cut cut = {.one_way = one_way, .a_count = a_count, .b_count = b_count};
    cut.a = (uint32_t *)a; /* copied, not kept */
    cut.b = (uint32_t *)b;
    return add_cut(net, &cut);
}

int net_cut_ring(struct net *net, const uint32_t *nodes, size_t count)
{
    struct cut cut = {.form = CUT_RING, .a = (uint32_t *)nodes, .a_count = count};
    return add_cut(net, &cut);
}

int net_cut_apart(struct net *net, const uint32_t *nodes, size_t count)
{
    struct cut cut = {.form = CUT_APART, .a = (uint32_t *)nodes, .a_count = count};
    return add_cut(net, &cut);
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

/* Both in it, and not neighbours (of a ring), or not the same (of those apart). */
static bool parts(const struct cut *cut, uint32_t from, uint32_t to)
{
    size_t n = cut->a_count, x = place_of(cut->a, n, from), y = place_of(cut->a, n, to);
    if (x == n || y == n || x == y)
        return false;
    return cut->form == CUT_APART || ((x + 1) % n != y && (y + 1) % n != x);
}

static bool cuts_path(const struct cut *cut, uint32_t from, uint32_t to)
{
    if (cut->form != CUT_SIDES)
        return parts(cut, from, to);
    if (contains(cut->a, cut->a_count, from) && contains(cut->b, cut->b_count, to))
        return true;
    return !cut->one_way && contains(cut->b, cut->b_count, from) && contains(cut->a, cut->a_count, to);
}

bool net_cut_stops(const struct net *net, int cut, uint32_t from, uint32_t to)
{
    return cut >= 0 && cut < NET_CUTS_MAX && net->cuts[cut].holds && cuts_path(&net->cuts[cut], from, to);
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

void net_shape_sides(enum net_shape shape, struct rng *rng, uint32_t *nodes, size_t count, size_t *a_count,
                     size_t *b_count)
{
    size_t least = shape == NET_BRIDGE ? 3 : 2, sided = shape == NET_BRIDGE ? count - 1 : count;
    assert(count >= least);
    for (size_t i = count; i-- > 1;) {
        size_t other = (size_t)rng_below(rng, i + 1);
        uint32_t node = nodes[i];
        nodes[i] = nodes[other];
        nodes[other] = node;
    }
    *a_count = shape == NET_ISOLATED ? 1 : sided / 2;
    *b_count = sided - *a_count; /* the bridge is the last */
}

/* ---- streams ---- */

uint64_t net_stream_arrival(struct net *net, struct net_stream *stream, uint64_t now_us)
{
    return net_stream_send(net, stream, UINT32_MAX, 0, now_us);
}

uint64_t net_stream_send(struct net *net, struct net_stream *stream, uint32_t node, size_t size_bytes, uint64_t now_us)
{
    const struct net_class *class = class_of(net, node);
    if (class) {
        net->counts.classed++;
        now_us = leaves_at(net, &stream->free_at_us, class->bytes_per_s, size_bytes, now_us);
    }
    uint64_t at_us = now_us + net_latency_of(net, node, &net->rng);
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

/* Between shards, by the class of one of them or the common one; with the time that the link is busy. */
static uint64_t shard_arrival(struct net *net, uint32_t from, uint32_t to, size_t size_bytes, uint64_t now_us)
{
    const struct net_config *config = &net->config;
    uint32_t lower = from < to ? from : to, upper = from < to ? to : from;
    const struct net_class *class = class_of(net, lower) ? class_of(net, lower) : class_of(net, upper);
    if (net->free_at_us && from < LINKED_SHARDS && to < LINKED_SHARDS) {
        uint64_t *free_at_us = &net->free_at_us[from * LINKED_SHARDS + to];
        net->counts.queued_between += *free_at_us > now_us;
        now_us = leaves_at(net, free_at_us, config->shard_bytes_per_s, size_bytes, now_us);
    }
    if (class)
        return now_us + class_latency(class, &net->rng);
    return now_us + rng_latency(&net->rng, config->shard.median_us, config->shard.p99_us);
}

int net_datagram(struct net *net, uint32_t from, uint32_t to, size_t size_bytes, uint64_t now_us,
                 uint64_t arrivals_us[2])
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
        arrivals_us[i] = shard_arrival(net, from, to, size_bytes, now_us);
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
