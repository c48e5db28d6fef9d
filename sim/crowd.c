/*
 * crowd.c: the people who have no lines in the script: u1, u2, … with devices u1.d1, …
 *
 * Method: one user arrives an event. The first tenth is there at once, the others come one by one over the scenario's
 * time, and each makes its share of the conversations. Presence is a chain of events a device, from the device's own
 * random stream; a device that is away costs nothing. What they do is workload.c.
 */
#include "core/protocol.h"
#include "sim/record.h"
#include "sim/workload_internal.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 48

void crowd_forget(struct world *w)
{
    struct crowd *c = &w->crowd;
    memset(c->left, 0, sizeof c->left);
    c->arrived = c->conversations_made = c->standing_made = c->ends_us = 0;
    c->first_user = 0;
    c->ghosts = 0;
    c->sent.count = c->deleted.count = c->deleted_convs.count = c->held.count = c->invited.count = 0;
    c->sent.next = c->deleted.next = c->deleted_convs.next = c->held.next = c->invited.next = 0;
    c->uploads.count = c->attached.count = c->uploads.next = c->attached.next = 0;
    c->conv_count = 0;
    idmap_clear(&c->conv_index);
    c->mixing = 0;
    c->mix = (struct world_mix){0};
    idmap_clear(&c->mixed);
    for (int i = 0; i < CROWD_BACKUPS; i++) {
        store_image_free(c->backups[i].image);
        c->backups[i] = (struct crowd_backup){0};
    }
    c->backup_count = 0;
    c->imaged.count = c->imaged.next = 0;
}

void crowd_begin(struct world *w)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    struct crowd *c = &w->crowd;
    c->first_user = (user_id)w->user_count + 1;
    c->ends_us = s->active_us ? s->active_us : w->scenario->lasts_us ? w->scenario->lasts_us : 60 * US_PER_S;
    if (s->users)
        world_push(w, w->now_us, EVENT_ARRIVE, 0, 0);
    workload_begin(w);
}

user_id crowd_user(struct world *w)
{
    if (!w->crowd.arrived)
        return 0;
    return w->crowd.first_user + (user_id)rng_below(&w->crowd_rng, w->crowd.arrived);
}

device_id crowd_device(struct world *w, user_id user)
{
    const struct world_user *u = &w->users[user - 1];
    uint64_t pick = rng_below(&w->crowd_rng, u->dense + (u->linked ? 1U : 0U));
    return pick < u->dense ? u->first + (device_id)pick : u->linked;
}

void crowd_begin_presence(struct world *w, device_id id, enum presence_kind presence, unsigned zone_hours)
{
    const struct scenario *s = w->scenario;
    struct world_device *d = world_device(w, id);
    if (presence != PRESENCE_ALWAYS) {
        int64_t local_s = s->starts_s + 3600 * (int64_t)zone_hours;
        int64_t second = local_s % 86400, day = local_s / 86400;
        uint64_t of_day_us = (uint64_t)(second < 0 ? second + 86400 : second) * US_PER_S;
        uint64_t until_us = TIME_NEVER;
        presence_init(&d->presence, (enum presence)presence, w->seed, id, of_day_us);
        presence_set_weekday(&d->presence,
                             (unsigned)((day % 7 + 10 - (second < 0)) % 7)); /* 1970 began on a Thursday */
        bool online = presence_first(&d->presence, &until_us);
        d->absent = !online;
        d->patterned = true;
        if (until_us != TIME_NEVER)
            world_push(w, until_us > w->now_us ? until_us : w->now_us + 1, EVENT_PRESENCE, id, !online);
    }
    link_dial(w, id, CONNECT_SPREAD_US);
}

/* The crowd's, or one of the device's own that a swarm has drawn, from a stream of its own. */
static enum presence_kind draw_presence(struct world *w, device_id id)
{
    static const enum presence_kind hours[] = {PRESENCE_COMMUTER, PRESENCE_OFFICE, PRESENCE_NIGHT, PRESENCE_WEEKEND};
    const struct scenario_crowd *s = &w->scenario->crowd;
    if (!s->killed_ppm && !s->background_ppm && !s->hours_ppm)
        return s->presence;
    struct rng rng = rng_fork_at(w->seed, "habit", id);
    uint64_t drawn = rng_below(&rng, 1000000);
    if (drawn < s->killed_ppm)
        return PRESENCE_KILLED;
    if (drawn < (uint64_t)s->killed_ppm + s->background_ppm)
        return PRESENCE_BACKGROUND;
    if (drawn < (uint64_t)s->killed_ppm + s->background_ppm + s->hours_ppm)
        return hours[rng_below(&rng, sizeof hours / sizeof *hours)];
    return s->presence;
}

static void begin_presence(struct world *w, device_id id)
{
    const struct scenario *s = w->scenario;
    unsigned zone = 0;
    if (s->crowd.zones > 1) { /* a person has one zone, and all their devices */
        struct rng rng = rng_fork_at(w->seed, "zone", world_device(w, id)->user);
        zone = (unsigned)(rng_below(&rng, s->crowd.zones) * 24 / s->crowd.zones);
    }
    crowd_begin_presence(w, id, draw_presence(w, id), zone);
}

/* Which of the scenario's links it has, from a stream of its own. */
static void draw_link(struct world *w, device_id id)
{
    const struct scenario_network *n = &w->scenario->network;
    if (!n->link_count)
        return;
    struct rng rng = rng_fork_at(w->seed, "link-class", id);
    uint64_t drawn = rng_below(&rng, 1000000);
    for (size_t i = 0; i < n->link_count; i++) {
        if (drawn < n->links[i].crowd_ppm) {
            link_set_class(w, node_of_device(w, id), i);
            return;
        }
        drawn -= n->links[i].crowd_ppm;
    }
}

static device_id reserve_device(struct world *w, user_id user)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "u%u.d%u", user - w->crowd.first_user + 1, w->users[user - 1].devices + 1);
    device_id id = world_add_device(w, user, name);
    draw_link(w, id);
    return id;
}

static void add_device(struct world *w, user_id user, bool linked)
{
    device_id id = reserve_device(w, user);
    if (w->scenario->crowd.old_ppm && rng_ppm(&w->fault_rng, w->scenario->crowd.old_ppm))
        world_device(w, id)->protocol = PROTOCOL_PREVIOUS;
    world_device_begin(w, id, linked);
    begin_presence(w, id);
}

device_id crowd_new_device(struct world *w, user_id user)
{
    device_id id = reserve_device(w, user);
    begin_presence(w, id);
    return id;
}

bool crowd_link_device(struct world *w)
{
    user_id user = crowd_user(w);
    if (!user || w->shards[shard_of_user(user, w->shard_count)].core == NULL)
        return false;
    add_device(w, user, true);
    return true;
}

static uint64_t next_arrival(struct world *w)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    uint64_t at_once = s->users / 10 > 2 ? s->users / 10 : 2;
    if (!s->arrive_over_us || w->crowd.arrived < at_once)
        return w->now_us;
    uint64_t left = s->users - w->crowd.arrived;
    if (w->now_us >= s->arrive_over_us)
        return w->now_us;
    uint64_t gap_us = rng_exponential(&w->crowd_rng, (s->arrive_over_us - w->now_us) / left);
    return w->now_us + gap_us < s->arrive_over_us ? w->now_us + gap_us : s->arrive_over_us;
}

/* The conversations that exist when this many have arrived: an even share, and never before there are enough people. */
static void make_conversations(struct world *w, user_id creator)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    struct crowd *c = &w->crowd;
    uint64_t all = s->users * s->conversations_per_user_ppm / 1000000;
    uint64_t due = all * c->arrived / s->users;
    if (c->arrived < 2)
        return;
    while (c->conversations_made < due && workload_new_conv(w, c->arrived == s->users ? crowd_user(w) : creator))
        c->conversations_made++;
}

static void provision_memberships(struct world *w, user_id user)
{
    for (size_t i = 0; i < w->scenario->conversation_count; i++) {
        if (!w->scenario->conversations[i].crowd)
            continue;
        conv_id conv = world_conversation(w, i);
        struct shard_input input = {.kind = SHARD_PROVISION_MEMBER, .conv = conv, .user = user, .role = ROLE_MEMBER};
        world_shard_step(w, shard_of_conv(&w->policy, conv, w->shard_count), &input);
    }
}

void crowd_arrive(struct world *w)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    struct crowd *c = &w->crowd;
    if (w->phase != PHASE_SAFETY)
        return;
    user_id next = (user_id)w->user_count + 1;
    shard_id home = shard_of_user(next, w->shard_count);
    if (!w->shards[home].core) { /* its shard is down: nobody signs up now */
        world_push(w, w->now_us + 100 * US_PER_MS, EVENT_ARRIVE, 0, 0);
        return;
    }
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "u%u", next - c->first_user + 1);
    user_id user = world_add_user(w, name);
    struct shard_input input = {.kind = SHARD_PROVISION_USER, .user = user};
    world_shard_step(w, home, &input);
    uint64_t most = s->devices_max > s->devices_min ? s->devices_max : s->devices_min;
    uint64_t devices = rng_between(&w->crowd_rng, s->devices_min ? s->devices_min : 1, most ? most : 1);
    for (uint64_t i = 0; i < devices; i++)
        add_device(w, user, false);
    c->arrived++;
    if (s->away_ppm && rng_ppm(&w->crowd_rng, (uint32_t)s->away_ppm) && c->ends_us > w->now_us)
        world_push(w, rng_between(&w->crowd_rng, w->now_us + 1, c->ends_us), EVENT_AWAY, user, 1);
    workload_officer(w, user);
    provision_memberships(w, user);
    make_conversations(w, user);
    if (c->arrived < s->users)
        world_push(w, next_arrival(w), EVENT_ARRIVE, 0, 0);
    else if (s->standing_count && s->users > 1)
        workload_standing(w);
}

void crowd_away(struct world *w, user_id user, bool leaves)
{
    const struct world_user *u = &w->users[user - 1];
    if (w->phase != PHASE_SAFETY)
        return;
    for (device_id id = u->first; id < u->first + u->dense; id++)
        link_set_offline(w, id, &world_device(w, id)->away, leaves);
    if (leaves)
        world_push(w, w->now_us + w->scenario->crowd.away_for_us, EVENT_AWAY, user, 0);
}
