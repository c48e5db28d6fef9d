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
struct net_config {
    struct net_latency device, shard;
    uint32_t loss_ppm, duplicate_ppm, reorder_ppm; /* datagrams */
    uint64_t breaks_mean_us;                       /* of a stream; 0 = never */
};
struct net;
struct net *net_new(const struct net_config *config, uint64_t seed);
void net_free(struct net *net);

/* ---- partitions: a cut holds from every node of set a to every node of b, until net_heal of its number ---- */
#define NET_CUTS_MAX 64
int net_cut(struct net *net, const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count, bool one_way);
void net_heal(struct net *net, int cut);
void net_heal_all(struct net *net);
bool net_reachable(const struct net *net, uint32_t from, uint32_t to); /* this direction */
bool net_connected(const struct net *net, uint32_t a, uint32_t b);     /* both: a stream can live */

/* ---- streams ---- */
struct net_stream { /* one direction of one connection, the caller's; zero to begin */
    uint64_t last_arrival_us;
};
/* Arrival of the next message of the stream, never before an earlier one's. */
uint64_t net_stream_arrival(struct net *net, struct net_stream *stream, uint64_t now_us);
/* When this new connection will break by itself; TIME_NEVER when breaks are off. */
uint64_t net_stream_break(struct net *net, uint64_t now_us);

/* ---- datagrams ---- */
/* How many copies arrive (0 to 2), and when each does. 0 when cut. */
int net_datagram(struct net *net, uint32_t from, uint32_t to, uint64_t now_us, uint64_t arrivals_us[2]);

/* What it did, so that a fault that never touched a packet can be told. */
struct net_counts {
    uint64_t lost, duplicated, reordered, cut, breaks;
};
struct net_counts net_counts(const struct net *net);

#endif
