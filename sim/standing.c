/*
 * standing.c: the conversations that a crowd has from the start: so many of each size that a user is in the stated
 * number of them on average.
 *
 * Method: the set-up's steps, one conversation an event, for what went before the first day is not what is looked at:
 * no device creates it, and nobody waits for it. The members are every so-manieth user from a drawn one on, which needs
 * no memory to keep them apart; only the first few are remembered as who may say something in it.
 */
#include "sim/record.h"
#include "sim/workload_internal.h"

/* Rounded down: a crowd may be too small for one channel of ten thousand. */
static uint64_t how_many(const struct scenario *s, const struct scenario_standing *standing)
{
    uint64_t memberships = s->crowd.users * standing->per_user_ppm / 1000000;
    return memberships * 2 / (standing->low + standing->high);
}

uint64_t standing_total(const struct scenario *s)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->crowd.standing_count; i++)
        total += how_many(s, &s->crowd.standing[i]);
    return total;
}

static const struct scenario_standing *standing_of(const struct scenario *s, uint64_t number)
{
    const struct scenario_standing *standing = s->crowd.standing;
    while (number >= how_many(s, standing))
        number -= how_many(s, standing++);
    return standing;
}

static void add_member(struct world *w, conv_id conv, user_id user, enum role role)
{
    struct shard_input input = {.kind = SHARD_PROVISION_MEMBER, .conv = conv, .user = user, .role = (uint8_t)role};
    world_shard_step(w, shard_of_conv(&w->policy, conv, w->shard_count), &input);
}

bool standing_make(struct world *w)
{
    struct crowd *c = &w->crowd;
    const struct scenario_standing *standing = standing_of(w->scenario, c->standing_made);
    uint64_t size = rng_between(&w->crowd_rng, standing->low, standing->high);
    if (size > c->arrived)
        size = c->arrived;
    uint64_t from = rng_below(&w->crowd_rng, c->arrived), step = rng_between(&w->crowd_rng, 1, c->arrived / size);
    user_id first = c->first_user + (user_id)from;
    uint32_t number = (uint32_t)(w->scenario->conversation_count + c->standing_made + 1);
    conv_id conv = conv_id_make(&w->policy, PROVISIONER, number, shard_of_user(first, w->shard_count));
    shard_id home = shard_of_conv(&w->policy, conv, w->shard_count);
    if (!w->shards[home].core)
        return false;
    c->standing_made++;
    c->convs = base_grow(c->convs, &c->conv_cap, c->conv_count + 1, sizeof *c->convs);
    struct crowd_conv *place = &c->convs[c->conv_count++];
    *place = (struct crowd_conv){.conv = conv, .maker = w->users[first - 1].first, .members = {first}};
    idmap_put(&c->conv_index, conv, c->conv_count);
    struct shard_input input = {.kind = SHARD_PROVISION_CONV, .conv = conv, .conv_kind = standing->kind};
    if (input.conv_kind == CONV_NONE)
        input.conv_kind = size == 2 ? CONV_DIRECT : CONV_GROUP;
    world_shard_step(w, home, &input);
    for (uint64_t i = 0; i < size; i++)
        add_member(w, conv, c->first_user + (user_id)((from + i * step) % c->arrived), i ? ROLE_MEMBER : ROLE_OWNER);
    return true;
}
