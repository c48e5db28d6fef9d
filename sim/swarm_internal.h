/*
 * swarm_internal.h: the lines of swarm.def, for swarm.c, which draws, and swarm_strike.c, which strikes.
 */
#ifndef SEXTON_SIM_SWARM_INTERNAL_H
#define SEXTON_SIM_SWARM_INTERNAL_H

#include "sim/record.h"
#include "sim/swarm.h"

#include <string.h>

struct swarm_line {
    void (*draw)(struct swarm_draw *d);
    bool (*strike)(struct world *w);
    uint64_t (*count)(const struct world *w);
};
extern const struct swarm_line swarm_table[SWARM_COUNT];

/* ---- swarm_strike.c ---- */
void swarm_draw_memory(struct swarm_draw *d);
void swarm_draw_upgrade(struct swarm_draw *d);
void swarm_draw_breaks(struct swarm_draw *d);
void swarm_draw_push_loss(struct swarm_draw *d);
void swarm_draw_channel_loss(struct swarm_draw *d);
void swarm_draw_duplicates(struct swarm_draw *d);
void swarm_draw_reorder(struct swarm_draw *d);
void swarm_draw_notifications(struct swarm_draw *d);

bool swarm_crash_shard(struct world *w);
bool swarm_crash_device(struct world *w);
bool swarm_rolling_restart(struct world *w);
bool swarm_pause_shard(struct world *w);
bool swarm_pause_device(struct world *w);
bool swarm_slow(struct world *w);
bool swarm_out_of_memory(struct world *w);
bool swarm_upgrade(struct world *w);
bool swarm_clock_jump(struct world *w);
bool swarm_clock_drift(struct world *w);
bool swarm_partition_shards(struct world *w);
bool swarm_partition_devices(struct world *w);
bool swarm_drop(struct world *w);
bool swarm_hold(struct world *w);

/* ---- swarm_disk.c ---- */
bool swarm_power_cut(struct world *w);
bool swarm_io_error(struct world *w);
bool swarm_disk_full(struct world *w);
bool swarm_short_read(struct world *w);
bool swarm_slow_disk(struct world *w);
bool swarm_vault_fails(struct world *w);

uint64_t swarm_count_breaks(const struct world *w);
uint64_t swarm_count_push_loss(const struct world *w);
uint64_t swarm_count_channel_loss(const struct world *w);
uint64_t swarm_count_duplicates(const struct world *w);
uint64_t swarm_count_reorder(const struct world *w);
uint64_t swarm_count_notifications(const struct world *w);

/* ---- swarm_network.c ---- */
void swarm_draw_links(struct swarm_draw *d);
void swarm_draw_bandwidth(struct swarm_draw *d);
void swarm_draw_killed(struct swarm_draw *d);
void swarm_draw_background(struct swarm_draw *d);
void swarm_draw_hours(struct swarm_draw *d);

bool swarm_partition_shapes(struct world *w);
bool swarm_flap(struct world *w);
bool swarm_half_open(struct world *w);
bool swarm_captive(struct world *w);
bool swarm_clog(struct world *w);
bool swarm_corrupt(struct world *w);
bool swarm_slow_reader(struct world *w);
bool swarm_outage(struct world *w);

uint64_t swarm_count_links(const struct world *w);
uint64_t swarm_count_bandwidth(const struct world *w);
uint64_t swarm_count_killed(const struct world *w);
uint64_t swarm_count_background(const struct world *w);
uint64_t swarm_count_hours(const struct world *w);

#endif
