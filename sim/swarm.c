/*
 * swarm.c: drawing the scenario of a seed.
 *
 * Method: everything comes from the stream "swarm" in one fixed order, but each fault from a stream of its own, so that
 * a new line of swarm.def changes no other draw. An operation that the scenario counts on (it sends, deletes, makes
 * conversations) is never left out; one in eight of the others is.
 */
#include "sim/swarm.h"

#include "sim/swarm_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define FACTORS 5 /* from a quarter of the weight to four times as much, by doubles */

#define SWARM(id, name, draw, strike, count) [SWARM_##id] = {draw, strike, count},
const struct swarm_line swarm_table[SWARM_COUNT] = {
#include "sim/swarm.def"
};
#undef SWARM

/* A span that was not given leaves what there is. */
static uint64_t draw_span(struct rng *rng, const struct scenario_span *span, uint64_t otherwise)
{
    return span->high ? rng_between(rng, span->low, span->high) : otherwise;
}

static bool is_needed(enum workload_operation work)
{
    return work == WORK_SEND || work == WORK_DELETE || work == WORK_CREATE || work == WORK_ADD;
}

static void draw_weights(struct rng *rng, struct scenario_crowd *c)
{
    for (int i = 0; i < WORK_COUNT; i++) {
        uint64_t shift = rng_below(rng, FACTORS), left_out = rng_below(rng, 8);
        if (!c->weights[i])
            continue;
        c->weights[i] = (c->weights[i] << shift) / 4;
        if (is_needed((enum workload_operation)i) || c->weights[i] == 0)
            c->weights[i] += 2 * workload_table[i].weight + 1;
        else if (left_out == 0)
            c->weights[i] = 0;
    }
}

/* One of the bits that are set; -1: none is. */
static int draw_bit(struct rng *rng, uint64_t bits)
{
    unsigned count = (unsigned)__builtin_popcountll(bits);
    uint64_t skip = count ? rng_below(rng, count) : 0;
    if (!count)
        return -1;
    while (skip--)
        bits &= bits - 1;
    return __builtin_ctzll(bits);
}

static void draw_presence(struct rng *rng, struct scenario *s)
{
    int presence = draw_bit(rng, s->swarm.presences);
    if (presence >= 0)
        s->crowd.presence = (enum presence_kind)presence;
}

static void draw_disk(uint64_t seed, struct scenario *s)
{
    struct rng rng = rng_fork(seed, "swarm-disk");
    int journal = draw_bit(&rng, s->swarm.disks);
    if (journal >= 0)
        s->disk = (uint8_t)journal;
}

void swarm_draw(const struct scenario *base, uint64_t seed, struct scenario *drawn)
{
    *drawn = *base;
    struct scenario_swarm *swarm = &drawn->swarm;
    if (!swarm->on)
        return;
    struct rng rng = rng_fork(seed, "swarm");
    drawn->shards = (uint32_t)draw_span(&rng, &swarm->shards, base->shards);
    drawn->crowd.users = draw_span(&rng, &swarm->users, base->crowd.users);
    drawn->crowd.devices_max = draw_span(&rng, &swarm->devices, base->crowd.devices_max);
    if (drawn->crowd.devices_max < drawn->crowd.devices_min)
        drawn->crowd.devices_max = drawn->crowd.devices_min;
    drawn->crowd.group_max = draw_span(&rng, &swarm->group, base->crowd.group_max);
    drawn->crowd.mixed = draw_span(&rng, &swarm->operations, base->crowd.mixed);
    drawn->crowd.strikes = draw_span(&rng, &swarm->strikes, 0);
    draw_presence(&rng, drawn);
    draw_disk(seed, drawn);
    if (swarm->weights)
        draw_weights(&rng, &drawn->crowd);
    for (size_t i = 0; i < swarm->choice_count; i++) {
        const struct scenario_choice *choice = &swarm->choices[i];
        policy_set(&drawn->policy, choice->policy, choice->values[rng_below(&rng, choice->count)]);
    }
    if (drawn->policy.device_identity == 0) /* by operations: as the policy says, clones are not always found out */
        drawn->crowd.weights[WORK_DEVICE_CLONE] = 0;
    for (int i = 0; i < SWARM_COUNT; i++) {
        struct swarm_draw draw = {drawn, rng_fork_at(seed, "swarm-fault", (uint64_t)i)};
        if (!(swarm->faults >> i & 1))
            continue;
        if (rng_below(&draw.rng, 2))
            swarm->faults &= ~(1ULL << i);
        else if (swarm_table[i].draw)
            swarm_table[i].draw(&draw);
    }
}

/* ---- told ---- */

static void fold(uint64_t *digest, uint64_t value)
{
    *digest = (*digest ^ value) * 0x9e3779b97f4a7c15ULL;
    *digest ^= *digest >> 29;
}

uint64_t swarm_digest(const struct scenario *s)
{
    uint64_t digest = 0x7377;
    const struct scenario_network *n = &s->network;
    const uint64_t all[] = {s->shards,
                            s->crowd.users,
                            s->crowd.devices_max,
                            s->crowd.group_max,
                            s->crowd.mixed,
                            s->crowd.strikes,
                            s->crowd.presence,
                            s->crowd.old_ppm,
                            s->swarm.faults,
                            n->breaks_mean_us,
                            n->push_loss_ppm,
                            n->channel_loss_ppm,
                            n->channel_duplicate_ppm,
                            n->channel_reorder_ppm,
                            n->notification_loss_ppm,
                            n->notification_duplicate_ppm,
                            n->notification_late_ppm,
                            n->link_count,
                            n->link_count ? n->links[n->link_count - 1].bytes_per_s : 0,
                            n->shard_bytes_per_s,
                            s->crowd.killed_ppm,
                            s->crowd.background_ppm,
                            s->crowd.hours_ppm,
                            s->crowd.zones,
                            (uint64_t)s->starts_s};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fold(&digest, all[i]);
    for (int i = 0; i < WORK_COUNT; i++)
        fold(&digest, s->crowd.weights[i]);
    for (size_t i = 0; i < s->swarm.choice_count; i++)
        fold(&digest, policy_get(&s->policy, s->swarm.choices[i].policy));
    if (s->swarm.disks)
        fold(&digest, s->disk);
    return digest;
}

static void tell_choice(FILE *out, const struct scenario *s, const struct policy_info *info)
{
    uint64_t value = policy_get(&s->policy, info);
    const char *word = info->words;
    if (info->type != POLICY_IS_WORD) {
        (void)fprintf(out, " %s=%llu%s", info->name, (unsigned long long)value,
                      info->type == POLICY_IS_TIME ? "us" : "");
        return;
    }
    for (; value; value--)
        word += strcspn(word, "|") + 1;
    (void)fprintf(out, " %s=%.*s", info->name, (int)strcspn(word, "|"), word);
}

static void tell_faults(FILE *out, const struct scenario *s, const char *title, uint64_t faults)
{
    (void)fprintf(out, "swarm: %s:", title);
    for (int i = 0; i < SWARM_COUNT; i++)
        if (faults >> i & 1)
            (void)fprintf(out, " %s", swarm_name((enum swarm_fault)i));
    (void)fprintf(out, "%s\n", faults ? "" : " none");
    (void)s;
}

char *swarm_text(const struct scenario *s)
{
    static const char *const presences[] = {"always", "commuter", "flaky",  "rare",       "office",
                                            "night",  "weekend",  "months", "background", "killed"};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    (void)fprintf(out,
                  "swarm: drawn %016llx: %u shards, %llu users of up to %llu devices, groups of up to %llu, %llu "
                  "operations, %llu faults, presence %s\n",
                  (unsigned long long)swarm_digest(s), (unsigned)s->shards, (unsigned long long)s->crowd.users,
                  (unsigned long long)s->crowd.devices_max, (unsigned long long)s->crowd.group_max,
                  (unsigned long long)s->crowd.mixed, (unsigned long long)s->crowd.strikes,
                  presences[s->crowd.presence]);
    if (s->swarm.disks)
        (void)fprintf(out, "swarm: disks: %s\n", s->disk == DISKS_WAL ? "wal" : "truncate");
    (void)fputs("swarm: choices:", out);
    for (size_t i = 0; i < s->swarm.choice_count; i++)
        tell_choice(out, s, s->swarm.choices[i].policy);
    (void)fputs("\nswarm: weights:", out);
    for (int i = 0; i < WORK_COUNT; i++)
        (void)fprintf(out, " %s=%u", workload_table[i].name, (unsigned)s->crowd.weights[i]);
    (void)fputc('\n', out);
    tell_faults(out, s, "faults", s->swarm.faults);
    tell_faults(out, s, "left out", s->swarm.candidates & ~s->swarm.faults);
    (void)fclose(out);
    return text;
}
