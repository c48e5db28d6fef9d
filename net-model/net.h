/*
 * net.h: when, and how many times, does this packet arrive? Plans; queues nothing; reads no clock.
 *
 * Nodes are small integers chosen by the caller (devices and shards). Two services: a *stream* (TCP, WebSocket) keeps
 * its order while it lives and loses its tail when it breaks; a *datagram* (the transport under the channels between
 * shards) may be lost, duplicated, reordered. Partitions cut either, one way or both.
 */
#ifndef SEXTON_NET_MODEL_NET_H
#define SEXTON_NET_MODEL_NET_H

#include "core/base.h"
#include "core/rng.h"

struct net_latency {
    uint64_t median_us, p99_us;
};
/*
 * Kinds of a link, each between its median and its 99th percentile:
 *   lognormal: a line, a good wireless network;
 *   mobile: two modes. Nine of ten find the radio awake, near the median; one of ten waits for it, or for a handover;
 *   satellite: nine tenths of the median are the way itself; only the rest varies.
 */
enum net_kind { NET_LOGNORMAL, NET_MOBILE, NET_SATELLITE };
struct net_class {
    enum net_kind kind;
    struct net_latency latency;
    uint64_t bytes_per_s; /* a message waits for those before it; 0 = as much as one likes */
};
struct net_config {
    struct net_latency device, shard;
    uint64_t shard_bytes_per_s;                    /* of each direction between two shards; 0 = as much as one likes */
    uint32_t loss_ppm, duplicate_ppm, reorder_ppm; /* datagrams */
    uint64_t breaks_mean_us;                       /* of a stream; 0 = never */
};
struct net;
struct net *net_new(const struct net_config *config, uint64_t seed);
void net_free(struct net *net);
/* From now on this node's link is of that class (of two nodes with one, the lower number's counts). */
void net_set_class(struct net *net, uint32_t node, const struct net_class *class);
/* One latency of the node's link, drawn from a stream of the caller's. */
uint64_t net_latency_of(const struct net *net, uint32_t node, struct rng *rng);
/* How long a flapping link stays as it is: never less than `least_us`, nor than NET_FLAP_MIN_US. */
#define NET_FLAP_MIN_US US_PER_S
uint64_t net_flap_span(struct rng *rng, uint64_t least_us);

/* ---- partitions: a cut holds from every node of set a to every node of b, until net_heal of its number ---- */
#define NET_CUTS_MAX 64
int net_cut(struct net *net, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, bool one_way);
/* Of these, each reaches its two neighbours only, in order of their numbers, the last next to the first. */
int net_cut_ring(struct net *net, const uint32_t *nodes, size_t count);
/* Of these, none reaches another. */
int net_cut_apart(struct net *net, const uint32_t *nodes, size_t count);
bool net_cut_stops(const struct net *net, int cut, uint32_t from, uint32_t to);
void net_heal(struct net *net, int cut);
void net_heal_all(struct net *net);
bool net_reachable(const struct net *net, uint32_t from, uint32_t to); /* this direction */
bool net_connected(const struct net *net, uint32_t a, uint32_t b);     /* both: a stream can live */

/*
 * Sides of a partition with a name, drawn: two halves; one node alone; two halves that both reach one node, the bridge.
 * Shuffles `nodes`, which then begins with side a (a_count) and goes on with side b (b_count). Needs two nodes, a
 * bridge three.
 */
enum net_shape { NET_HALVES, NET_ISOLATED, NET_BRIDGE };
void net_shape_sides(enum net_shape shape, struct rng *rng, uint32_t *nodes, size_t count, size_t *a_count,
                     size_t *b_count);

/* ---- streams ---- */
struct net_stream { /* one direction of one connection, the caller's; zero to begin */
    uint64_t last_arrival_us;
    uint64_t free_at_us; /* the link has carried what was sent before */
};
/* Arrival of the next message of the stream, never before an earlier one's. */
uint64_t net_stream_arrival(struct net *net, struct net_stream *stream, uint64_t now_us);
/* The same over the link of this node, for a message of so many bytes. */
uint64_t net_stream_send(struct net *net, struct net_stream *stream, uint32_t node, size_t size_bytes, uint64_t now_us);
/* When this new connection will break by itself; TIME_NEVER when breaks are off. */
uint64_t net_stream_break(struct net *net, uint64_t now_us);

/* ---- datagrams ---- */
/* How many copies arrive (0 to 2), and when each does. 0 when cut. */
int net_datagram(struct net *net, uint32_t from, uint32_t to, size_t size_bytes, uint64_t now_us,
                 uint64_t arrivals_us[2]);

/* What it did, so that a fault that never touched a packet can be told. */
struct net_counts {
    uint64_t lost, duplicated, reordered, cut, breaks;
    uint64_t queued, queued_between; /* waited for the link to be free; of these, between two shards */
    uint64_t classed;                /* messages of streams over a link with a class of its own */
};
struct net_counts net_counts(const struct net *net);

#endif
