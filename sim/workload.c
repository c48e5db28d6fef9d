/*
 * workload.c: what the crowd does: exact totals of sends, deletions, undos, changes of membership, new conversations,
 * new devices, crashes and partitions, at random moments until the crowd's activity ends; or a total of operations
 * that are drawn by weight from all that there are (workload.def).
 *
 * Method: each kind of work is one event at a time; the next follows after a gap drawn so that what is left spreads
 * over the time that is left. Targets come from short bags of what was sent and deleted lately, so that a million users
 * cost no search. A stated share goes astray on purpose: at what is deleted or purged, at the conversations of others,
 * at what never was. Work without an actor or a target is tried again soon; every operation that is counted was really
 * invoked.
 */
#include "sim/lives.h"
#include "sim/workload_internal.h"

#include <string.h>

#define FIRST_WORK_US US_PER_S
#define AGAIN_US (50 * US_PER_MS)
#define CRASH_STEPS_MAX 20
#define PARTITION_DEVICES_MAX 16

/* ---- kinds of work: true when it was done ---- */

/* What goes astray is drawn first; the rest is as in a mix. */
static bool work_as_mixed(struct world *w, enum operation operation, bool (*function)(struct world *w))
{
    return pick_is_astray(w) ? pick_astray(w, operation) : function(w);
}

static bool work_undo(struct world *w)
{
    struct crowd *c = &w->crowd;
    if (pick_is_astray(w))
        return pick_astray(w, OPERATION_UNDO);
    struct crowd_ring *bag = c->deleted_convs.count && pick_below(w, 4) == 0 ? &c->deleted_convs : &c->deleted;
    struct crowd_target target = {0};
    for (int i = 0; bag->count && i < TRIES; i++) { /* what is past its window goes: it is for others to go astray at */
        target = bag_take(w, bag);
        if (target.at_us + w->policy.undo_window_us > w->now_us)
            break;
    }
    if (!target.conv && c->sent.count) /* nothing is deleted: an undo that will be refused */
        target = *bag_look(w, &c->sent);
    if (!target.conv)
        return false;
    bool of_conv = bag == &c->deleted_convs && target.target < c->conv_count;
    struct device_input input =
        pick_input(of_conv ? OPERATION_UNDO_CONV : OPERATION_UNDO, target.conv, of_conv ? 0 : target.target);
    uint64_t id;
    if (!pick_person(w, target.device, &input, &id))
        return false;
    if (of_conv)
        c->convs[target.target].deleted = false;
    return true;
}

static bool work_membership(struct world *w)
{
    struct crowd_conv *conv = pick_conv(w);
    if (!conv)
        return false;
    size_t slot = 1 + (size_t)pick_below(w, CROWD_CONV_MEMBERS - 1);
    user_id member = conv->members[slot];
    bool leaves = member && pick_below(w, 3) == 0;
    struct device_input input = pick_input(!member  ? OPERATION_ADD
                                           : leaves ? OPERATION_LEAVE
                                                    : OPERATION_REMOVE,
                                           conv->conv, 0);
    input.subject = leaves ? 0 : member ? member : crowd_user(w);
    input.role = ROLE_MEMBER;
    uint64_t id;
    return pick_person(w, pick_device(w, conv, leaves ? member : conv->members[0]), &input, &id);
}

bool workload_new_conv(struct world *w, user_id creator)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    struct crowd *c = &w->crowd;
    if (!creator || c->arrived < 2)
        return false;
    uint64_t low = s->group_min > 2 ? s->group_min : 2;
    uint64_t size = rng_between(&w->crowd_rng, low, s->group_max > low ? s->group_max : low);
    device_id device = crowd_device(w, creator);
    user_id other = crowd_user(w);
    for (int i = 0; other == creator && i < TRIES; i++)
        other = crowd_user(w);
    struct device_input input = {.operation = OPERATION_CREATE, .conv_kind = CONV_GROUP};
    if (size == 2 && other != creator) {
        input.conv_kind = CONV_DIRECT;
        input.subject = other;
    } else if (pick_below(w, 8) == 0) {
        input.conv_kind = CONV_CHANNEL;
    }
    uint64_t made, id;
    if (!pick_person(w, device, &input, &made))
        return false;
    made = world_conversation_of(w, made);
    c->convs = base_grow(c->convs, &c->conv_cap, c->conv_count + 1, sizeof *c->convs);
    struct crowd_conv *conv = &c->convs[c->conv_count++];
    *conv = (struct crowd_conv){.conv = made, .maker = device, .members = {creator}};
    idmap_put(&c->conv_index, made, c->conv_count);
    for (uint64_t i = 1; !input.subject && i < size; i++) {
        struct device_input add = pick_input(OPERATION_ADD, conv->conv, 0);
        add.subject = i == 1 ? other : crowd_user(w);
        add.role = ROLE_MEMBER;
        if (add.subject != creator)
            pick_person(w, device, &add, &id);
    }
    return true;
}

static bool work_crash(struct world *w)
{
    static const enum crash_point of_shards[] = {CRASH_NOW,        CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT,
                                                 CRASH_AFTER_SOME, CRASH_AFTER_ALL,     CRASH_AFTER_INTENT};
    static const enum crash_point of_devices[] = {CRASH_NOW, CRASH_BEFORE_WRITE, CRASH_AFTER_WRITE};
    bool shard = !w->device_count || rng_below(&w->fault_rng, 3) == 0;
    struct crash_plan plan = {0}; /* one draw a statement: an initialiser's are in no order */
    plan.steps = rng_between(&w->fault_rng, 1, CRASH_STEPS_MAX);
    plan.for_us = rng_between(&w->fault_rng, US_PER_S / 2, 10 * US_PER_S);
    uint64_t points = w->scenario->crowd.mixed ? 6 : 5; /* older crowds never died between the two commits */
    plan.point = shard ? of_shards[rng_below(&w->fault_rng, points)] : of_devices[rng_below(&w->fault_rng, 3)];
    uint32_t node = (uint32_t)rng_below(&w->fault_rng, shard ? w->shard_count : w->device_count);
    fault_plan_crash(w, shard ? node : node_of_device(w, node + 1), plan);
    return true;
}

static bool work_partition(struct world *w)
{
    struct fault model = {.one_way = rng_below(&w->fault_rng, 4) == 0};
    model.b = base_alloc(w->shard_count * sizeof *model.b);
    if (w->shard_count > 1 && rng_below(&w->fault_rng, 2)) {
        uint32_t alone = (uint32_t)rng_below(&w->fault_rng, w->shard_count);
        model.a = base_alloc(sizeof *model.a);
        model.a[model.a_count++] = alone;
        for (uint32_t i = 0; i < w->shard_count; i++)
            if (i != alone)
                model.b[model.b_count++] = i;
    } else {
        model.a = base_alloc(PARTITION_DEVICES_MAX * sizeof *model.a);
        for (int i = 0; w->device_count && i < PARTITION_DEVICES_MAX; i++)
            model.a[model.a_count++] = node_of_device(w, 1 + (device_id)rng_below(&w->fault_rng, w->device_count));
        for (uint32_t i = 0; i < w->shard_count; i++)
            model.b[model.b_count++] = i;
    }
    fault_partition(w, &model, rng_between(&w->fault_rng, US_PER_S, 30 * US_PER_S));
    return true;
}

/* ---- the mix ---- */

#define WORK(id, name, weight, operation, function) function,
static bool (*const mix_functions[WORK_COUNT])(struct world *w) = {
#include "sim/workload.def"
};
#undef WORK

static enum workload_operation draw_mixed(struct world *w)
{
    const uint32_t *weights = w->scenario->crowd.weights;
    uint64_t total = 0;
    for (int i = 0; i < WORK_COUNT; i++)
        total += weights[i];
    uint64_t drawn = pick_below(w, total);
    int at = 0;
    while (drawn >= weights[at])
        drawn -= weights[at++];
    return (enum workload_operation)at;
}

static bool work_mixed(struct world *w)
{
    struct crowd *c = &w->crowd;
    enum workload_operation drawn = draw_mixed(w);
    const struct workload_info *info = &workload_table[drawn];
    c->mixing = drawn + 1;
    bool astray = info->operation != OPERATION_NONE && info->operation != OPERATION_CREATE && pick_is_astray(w);
    bool done = astray ? pick_astray(w, info->operation) : mix_functions[drawn](w);
    c->mixing = 0;
    c->mix.done[drawn] += done;
    c->mix.accepted[drawn] += done && info->operation == OPERATION_NONE;
    return done;
}

/* The first operation of a work is the one that it is about. */
void workload_issues(struct world *w, uint64_t id)
{
    if (w->scenario->crowd.mixed)
        idmap_put(&w->crowd.mixed, id, w->crowd.mixing);
    w->crowd.mixing = 0;
}

void workload_answered(struct world *w, device_id device, uint32_t op, unsigned outcome)
{
    if (!w->scenario->crowd.mixed || outcome != OUTCOME_ACCEPTED)
        return;
    uint64_t drawn = idmap_get(&w->crowd.mixed, lives_own_key(w, device, op));
    if (drawn && workload_table[drawn - 1].operation != OPERATION_NONE)
        w->crowd.mix.accepted[drawn - 1]++;
}

static bool work(struct world *w, enum crowd_work kind)
{
    switch (kind) {
        case CROWD_SEND:
            return work_as_mixed(w, OPERATION_SEND, mix_send);
        case CROWD_DELETE:
            return work_as_mixed(w, OPERATION_DELETE, mix_delete);
        case CROWD_DELETE_CONV:
            return work_as_mixed(w, OPERATION_DELETE_CONV, mix_delete_conv);
        case CROWD_UNDO:
            return work_undo(w);
        case CROWD_MEMBERSHIP:
            return work_membership(w);
        case CROWD_NEW_CONV:
            return workload_new_conv(w, crowd_user(w));
        case CROWD_NEW_DEVICE:
            return crowd_link_device(w);
        case CROWD_CRASH:
            return work_crash(w);
        case CROWD_PARTITION:
            return work_partition(w);
        case CROWD_MIXED:
            return work_mixed(w);
        case CROWD_STRIKE:
            return swarm_strike(w);
        case CROWD_STANDING:
            return standing_make(w);
        case CROWD_WORKS:
            break;
    }
    return true;
}

/* ---- when ---- */

static void next_work(struct world *w, enum crowd_work kind, bool soon)
{
    struct crowd *c = &w->crowd;
    uint64_t in_us = AGAIN_US;
    if (!soon && c->ends_us > w->now_us) {
        uint64_t left_us = c->ends_us - w->now_us;
        in_us = rng_exponential(&w->crowd_rng, left_us / (c->left[kind] + 1));
        if (in_us > left_us)
            in_us = left_us;
    }
    uint64_t at_us = w->now_us + in_us;
    if (at_us < FIRST_WORK_US)
        at_us = FIRST_WORK_US;
    if (at_us >= w->safety_until_us)
        w->safety_until_us = at_us + 1;
    world_push(w, at_us, EVENT_CROWD, kind, 0);
}

void workload_begin(struct world *w)
{
    const struct scenario_crowd *s = &w->scenario->crowd;
    uint64_t *left = w->crowd.left;
    if (s->users > 1) { /* nobody talks alone */
        left[CROWD_SEND] = s->sends;
        left[CROWD_DELETE] = s->deletes;
        left[CROWD_DELETE_CONV] = s->conversation_deletes;
        left[CROWD_UNDO] = s->undos;
        left[CROWD_MEMBERSHIP] = s->membership_changes;
        left[CROWD_NEW_CONV] = s->new_conversations;
        left[CROWD_NEW_DEVICE] = s->new_devices;
        left[CROWD_MIXED] = s->mixed;
    }
    left[CROWD_CRASH] = s->crashes;
    left[CROWD_PARTITION] = s->partitions;
    left[CROWD_STRIKE] = s->strikes;
    for (int i = 0; i < CROWD_WORKS; i++)
        if (left[i])
            next_work(w, (enum crowd_work)i, false);
}

/* One after the other, over the time in which people arrived: they would be made in an instant, if that were all. */
static void next_standing(struct world *w)
{
    uint64_t gap_us = w->scenario->crowd.arrive_over_us / standing_total(w->scenario);
    world_push(w, w->now_us + (gap_us ? rng_exponential(&w->crowd_rng, gap_us) : 0), EVENT_CROWD, CROWD_STANDING, 0);
}

void workload_standing(struct world *w)
{
    w->crowd.left[CROWD_STANDING] = standing_total(w->scenario);
    if (w->crowd.left[CROWD_STANDING])
        next_standing(w);
}

void crowd_work(struct world *w, enum crowd_work kind)
{
    struct crowd *c = &w->crowd;
    if (w->phase != PHASE_SAFETY)
        return;
    if (kind == CROWD_STANDING) {
        if (work(w, kind) && --c->left[kind])
            next_standing(w);
        else if (c->left[kind]) /* its shard is down */
            world_push(w, w->now_us + AGAIN_US, EVENT_CROWD, kind, 0);
        return;
    }
    /* Long past its time and still without a target: an operation that goes astray is one, too. */
    static const enum operation instead[CROWD_WORKS] = {[CROWD_SEND] = OPERATION_SEND,
                                                        [CROWD_DELETE] = OPERATION_DELETE,
                                                        [CROWD_DELETE_CONV] = OPERATION_DELETE_CONV,
                                                        [CROWD_UNDO] = OPERATION_UNDO,
                                                        [CROWD_MEMBERSHIP] = OPERATION_LEAVE,
                                                        [CROWD_MIXED] = OPERATION_SEND};
    bool done = work(w, kind);
    if (!done && w->now_us > c->ends_us)
        done = instead[kind] == OPERATION_NONE ? w->now_us > c->ends_us + 60 * US_PER_S : pick_astray(w, instead[kind]);
    if (done)
        c->left[kind]--;
    if (c->left[kind])
        next_work(w, kind, !done);
}
