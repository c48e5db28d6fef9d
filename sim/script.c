/*
 * script.c: the steps of the scenario: at a moment, after an event, in a race.
 *
 * Method: a step with a moment is an event from the start. A step that waits for an EVENT has a probe, fed with every
 * record as it is emitted (script_take is a sink of the history); the first time it is true, the step becomes an event.
 * A repetition is pushed when the one before it ran. A race draws one offset a branch, sorts them, and hands them out
 * by the permutation that the seed forces (seed mod n!, in lexicographic order), so that n! seeds start the branches in
 * each order.
 *
 * Names: an id is bound to its step's `as` when the operation is invoked. A step that names a message whose send has
 * not been invoked gets the id that this send will have if its device does nothing before: so an early deletion can be
 * written.
 */
#include "sim/lives.h"
#include "sim/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_TAIL_US (2 * US_PER_S) /* of safety after the last step, when the scenario does not say */
#define DOWN_POLL_US (50 * US_PER_MS) /* a step on a crashed device looks again */
#define NAME_MAX_BYTES 300
#define GHOST_OP 1000000U

/* ---- permutations, numbered in lexicographic order ---- */

static uint32_t factorial(size_t n)
{
    uint32_t product = 1;
    for (size_t i = 2; i <= n; i++)
        product *= (uint32_t)i;
    return product;
}

static void permutation(uint32_t number, size_t n, size_t *items)
{
    for (size_t i = 0; i < n; i++)
        items[i] = i;
    for (size_t i = 0; i < n; i++) {
        uint32_t block = factorial(n - 1 - i);
        size_t pick = i + number / block;
        number %= block;
        size_t item = items[pick];
        memmove(&items[i + 1], &items[i], (pick - i) * sizeof *items);
        items[i] = item;
    }
}

static uint32_t permutation_number(const size_t *items, size_t n)
{
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t smaller = 0;
        for (size_t j = i + 1; j < n; j++)
            smaller += items[j] < items[i];
        number += smaller * factorial(n - 1 - i);
    }
    return number;
}

/* ---- beginning and end ---- */

static uint32_t add_step(struct world *w, const struct scenario_step *step, uint32_t race)
{
    w->steps = base_grow(w->steps, &w->step_cap, w->step_count + 1, sizeof *w->steps);
    uint32_t index = (uint32_t)w->step_count++;
    struct world_step *s = &w->steps[index];
    *s = (struct world_step){.step = step, .race = race};
    const char *name = step->as ? step->as : step->label;
    s->name = name ? names_intern(w->names, name) : 0;
    if (!s->name) {
        char text[32];
        snprintf(text, sizeof text, "step[%u]", index);
        s->name = names_intern(w->names, text);
    }
    if (step->as && !idmap_get(&w->steps_by_name, s->name))
        idmap_put(&w->steps_by_name, s->name, index + 1ULL);
    return index;
}

static void lasts_until(struct world *w, uint64_t at_us)
{
    if (at_us > w->safety_until_us)
        w->safety_until_us = at_us;
}

static void wait_for(struct world *w, uint32_t index)
{
    char error[PROBE_ERROR_MAX];
    int column = 0;
    struct world_step *s = &w->steps[index];
    s->probe = probe_parse(s->step->after, w->names, error, &column);
    if (!s->probe) {
        world_fail(w, "an `after` that is no EVENT", E_INVALID);
        snprintf(w->error, sizeof w->error, "`after` of line %d, column %d: %s", s->step->line, column, error);
        return;
    }
    probe_reset(s->probe);
    w->waiting = base_grow(w->waiting, &w->waiting_cap, w->waiting_count + 1, sizeof *w->waiting);
    w->waiting[w->waiting_count++] = index;
}

static void schedule(struct world *w, uint32_t index, uint64_t at_us)
{
    const struct scenario_step *step = w->steps[index].step;
    uint64_t last_us = at_us + (step->count > 1 ? (step->count - 1) * step->every_us : 0) + step->within_us;
    lasts_until(w, last_us + (w->scenario->lasts_us ? 1 : SCRIPT_TAIL_US));
    world_push(w, at_us, EVENT_STEP, index, 0);
}

void script_begin(struct world *w)
{
    const struct scenario *scenario = w->scenario;
    w->step_count = w->waiting_count = w->race_count = 0;
    w->safety_until_us = scenario->lasts_us;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        uint32_t index = add_step(w, step, 0);
        if (step->kind == STEP_RACE) {
            w->races = base_grow(w->races, &w->race_cap, w->race_count + 1, sizeof *w->races);
            w->races[w->race_count] = (struct world_race_result){0};
            w->steps[index].race_number = (uint32_t)w->race_count++;
            for (size_t b = 0; b < step->branch_count; b++)
                add_step(w, &step->branches[b], index + 1);
        }
        if (step->after)
            wait_for(w, index);
        else
            schedule(w, index, step->at_us > w->now_us ? step->at_us : w->now_us);
    }
}

void script_release(struct world *w)
{
    for (size_t i = 0; i < w->step_count; i++)
        if (w->steps[i].probe)
            probe_free(w->steps[i].probe);
    for (size_t i = 0; i < w->step_count; i++)
        store_image_free(w->steps[i].image);
    w->step_count = w->waiting_count = 0;
}

static void decide_race(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    struct world_race_result *race = &w->races[w->steps[index].race_number];
    size_t items[SCENARIO_BRANCHES_MAX];
    size_t n = step->branch_count;
    race->decided = true;
    for (size_t i = 0; i < n; i++) {
        items[i] = i;
        race->decided &= w->steps[index + 1 + i].decided_seq != 0;
    }
    if (!race->decided)
        return;
    for (size_t i = 1; i < n; i++) /* insertion: n is at most 6, and no two moments are equal */
        for (size_t j = i;
             j > 0 && w->steps[index + 1 + items[j]].decided_seq < w->steps[index + 1 + items[j - 1]].decided_seq;
             j--) {
            size_t item = items[j];
            items[j] = items[j - 1];
            items[j - 1] = item;
        }
    race->order = permutation_number(items, n);
}

void script_end(struct world *w)
{
    for (uint32_t i = 0; i < w->step_count; i++) {
        struct world_step *s = &w->steps[i];
        if (s->step->kind == STEP_OPERATION)
            s->result.unanswered = s->invoked - s->result.acked - s->result.refused;
        if (s->step->kind == STEP_RACE)
            decide_race(w, i);
    }
}

/* ---- what the history tells ---- */

void script_take(void *world, const struct record *record, const struct names *names)
{
    struct world *w = world;
    (void)names;
    if (!w->waiting_count || w->phase != PHASE_SAFETY)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < w->waiting_count; i++) {
        uint32_t index = w->waiting[i];
        if (probe_take(w->steps[index].probe, record))
            schedule(w, index, w->now_us + w->steps[index].step->plus_us);
        else
            w->waiting[kept++] = index;
    }
    w->waiting_count = kept;
}

static struct world_step *step_of_op(struct world *w, uint64_t key)
{
    uint32_t step = (uint32_t)idmap_get(&w->ops, key);
    return step ? &w->steps[step - 1] : NULL;
}

void script_decided(struct world *w, device_id device, uint32_t op, version v)
{
    struct world_step *s = step_of_op(w, lives_key(w, MAKE_ID(device, op)));
    if (!s)
        return;
    if (!s->decided_seq)
        s->decided_seq = w->history->count;
    if (v)
        idmap_put(&w->op_versions, MAKE_ID(device, op), v);
}

void script_answered(struct world *w, device_id device, uint32_t op, unsigned outcome, unsigned why)
{
    struct world_step *s = step_of_op(w, lives_own_key(w, device, op));
    if (!s)
        return;
    if (outcome != OUTCOME_REFUSED) {
        s->result.acked++;
        return;
    }
    s->result.refused++;
    if (s->step->expect == EXPECT_REFUSED && s->step->expect_why && s->step->expect_why != why)
        s->result.refused_other++;
}

/* ---- names to ids ---- */

/* DEVICE/OP, the name that an operation has when nobody gave it one. */
static uint64_t parse_default_name(struct world *w, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (!slash)
        return 0;
    for (size_t i = 0; i < w->device_count; i++) {
        const char *device = names_text(w->names, w->devices[i].name);
        if (strlen(device) == (size_t)(slash - name) && !memcmp(device, name, (size_t)(slash - name)))
            return MAKE_ID(lives_id(w, (device_id)(i + 1)), strtoul(slash + 1, NULL, 10));
    }
    return 0;
}

static uint32_t next_op(struct world *w, device_id id)
{
    const struct device *core = world_device(w, id)->core;
    return core ? device_inspect(core).next_op : 1;
}

/* The id of that name; for what is not there yet, the one that it will have; else one that nothing will ever have. */
static uint64_t resolve(struct world *w, const char *text, device_id asks)
{
    if (!text || !*text)
        return 0;
    uint32_t name = names_intern(w->names, text);
    uint64_t id = idmap_get(&w->ids_by_name, name);
    if (!id)
        id = parse_default_name(w, text);
    if (id)
        return id;
    uint64_t step = idmap_get(&w->steps_by_name, name);
    if (step && w->steps[step - 1].step->kind == STEP_OPERATION) {
        device_id maker = w->steps[step - 1].step->device + 1;
        uint32_t op = next_op(w, maker) + (maker == asks);
        while ((uint32_t)idmap_get(&w->ops, MAKE_ID(maker, op))) /* promised to another step */
            op++;
        id = MAKE_ID(lives_id(w, maker), op);
        idmap_put(&w->ops, MAKE_ID(maker, op), ((uint64_t)name << 32) | step);
        idmap_put(&w->ids_by_name, name, id);
        return id;
    }
    id = MAKE_ID(w->device_count, GHOST_OP + w->ghosts++);
    idmap_put(&w->ops, id, (uint64_t)name << 32);
    idmap_put(&w->ids_by_name, name, id);
    return id;
}

static conv_id conv_of(struct world *w, const struct scenario_step *step)
{
    if (step->conversation >= 0)
        return world_conversation(w, (size_t)step->conversation);
    return world_conversation_of(w, resolve(w, step->in, step->device + 1));
}

static uint32_t repeated_name(struct world *w, const char *as, uint64_t repetition)
{
    if (!as || !repetition)
        return as ? names_intern(w->names, as) : 0;
    char text[NAME_MAX_BYTES];
    snprintf(text, sizeof text, "%s.%llu", as, (unsigned long long)(repetition + 1));
    return names_intern(w->names, text);
}

static struct text text_of(const char *text)
{
    struct text t = {0};
    size_t len = text ? strlen(text) : 0;
    t.len = (uint8_t)(len < TEXT_BYTES_MAX ? len : TEXT_BYTES_MAX);
    if (t.len)
        memcpy(t.bytes, text, t.len);
    return t;
}

/* ---- running ---- */

static void tell_step(struct world *w, uint32_t index, uint32_t op_name)
{
    struct record *r = record_new(w, KIND_STEP);
    record_set(r, FIELD_STEP, w->steps[index].name);
    record_set(r, FIELD_OP, op_name);
    record_emit(w);
}

static void run_operation(struct world *w, uint32_t index, uint64_t repetition)
{
    const struct scenario_step *step = w->steps[index].step;
    device_id device = step->device + 1;
    struct device_input input = {.kind = DEVICE_PERSON,
                                 .operation = step->operation,
                                 .role = step->role ? step->role : ROLE_MEMBER,
                                 .conv_kind = step->conv_kind,
                                 .period_us = step->period_us,
                                 .subject = step->subject == UINT32_MAX ? 0 : step->subject + 1};
    if (step->operation != OPERATION_CREATE)
        input.conv = conv_of(w, step);
    if (step->target)
        input.target = resolve(w, step->target, device);
    if (step->reply_to)
        input.reply = resolve(w, step->reply_to, device);
    if (step->attachment)
        input.blob = resolve(w, step->attachment, device);
    if (step->undoes)
        input.named = idmap_get(&w->op_versions, resolve(w, step->undoes, device));
    uint32_t op = next_op(w, device);
    uint64_t key = MAKE_ID(device, op), id = MAKE_ID(lives_id(w, device), op);
    uint32_t name = repeated_name(w, step->as, repetition);
    idmap_put(&w->ops, key, ((uint64_t)name << 32) | (index + 1ULL));
    if (name)
        idmap_put(&w->ids_by_name, name, id);
    if (step->operation == OPERATION_SEND || step->operation == OPERATION_INVITE)
        input.body = text_of(step->text ? step->text : names_text(w->names, record_key_name(w, key)));
    if (step->operation == OPERATION_EDIT || step->operation == OPERATION_UPLOAD)
        input.body = text_of(step->text);
    tell_step(w, index, record_key_name(w, key));
    if (!world_device_step(w, device, &input))
        return;
    w->steps[index].result.ran++;
    if (next_op(w, device) == op) { /* a cancel that took a send out of the outbox is no operation: the name is free */
        idmap_put(&w->ops, key, 0);
        if (name)
            idmap_put(&w->ids_by_name, name, 0);
        return;
    }
    w->steps[index].invoked++;
}

static void run_race(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    size_t n = step->branch_count, order[SCENARIO_BRANCHES_MAX];
    uint64_t offsets[SCENARIO_BRANCHES_MAX];
    assert(n <= SCENARIO_BRANCHES_MAX);
    struct world_race_result *race = &w->races[w->steps[index].race_number];
    race->forced = (uint32_t)(w->seed % factorial(n));
    permutation(race->forced, n, order);
    for (size_t i = 0; i < n; i++) {
        uint64_t offset = rng_between(&w->script_rng, 0, step->within_us);
        size_t at = i;
        for (; at > 0 && offsets[at - 1] > offset; at--)
            offsets[at] = offsets[at - 1];
        offsets[at] = offset;
    }
    tell_step(w, index, 0);
    w->steps[index].result.ran++;
    for (size_t i = 0; i < n; i++) {
        if (i && offsets[i] <= offsets[i - 1]) /* of equal moments the queue would choose the order */
            offsets[i] = offsets[i - 1] + 1;
        world_push(w, w->now_us + offsets[i], EVENT_STEP, index + 1 + order[i], 0);
    }
}

static void run_device(struct world *w, uint32_t index)
{
    const struct scenario_step *step = w->steps[index].step;
    device_id id = step->device + 1;
    struct world_device *d = world_device(w, id);
    struct device_input input = {.conv = 0};
    tell_step(w, index, 0);
    if (step->kind != STEP_FETCH) /* which may find nothing to fetch */
        w->steps[index].result.ran++;
    w->steps[index].decided_seq = w->history->count;
    switch (step->kind) {
        case STEP_TYPE:
        case STEP_TYPING:
        case STEP_LOOK:
        case STEP_SEARCH:
            input.kind = step->kind == STEP_TYPE     ? DEVICE_TYPING
                         : step->kind == STEP_TYPING ? DEVICE_SIGNAL
                         : step->kind == STEP_LOOK   ? DEVICE_LOOK
                                                     : DEVICE_SEARCH;
            input.conv = conv_of(w, step);
            input.body = text_of(step->text);
            if (step->reply_to)
                input.reply = resolve(w, step->reply_to, id);
            world_device_step(w, id, &input);
            break;
        case STEP_FETCH:
            input.kind = DEVICE_FETCH;
            input.conv = conv_of(w, step);
            input.target = resolve(w, step->target, id);
            if (world_device_step(w, id, &input))
                w->steps[index].result.ran++;
            break;
        case STEP_OFFLINE:
        case STEP_ONLINE:
            link_set_offline(w, id, &d->offline, step->kind == STEP_OFFLINE);
            break;
        case STEP_LINK:
            if (!d->core && step->of != UINT32_MAX)
                lives_link(w, id, step->of + 1);
            if (!d->core)
                world_device_begin(w, id, true);
            if (w->scenario->devices[step->device].presence != PRESENCE_ALWAYS)
                crowd_begin_presence(w, id, (enum presence_kind)w->scenario->devices[step->device].presence, 0);
            link_dial(w, id, 0);
            break;
        case STEP_DEVICE_BACKUP:
            lives_backup(w, id);
            break;
        case STEP_DEVICE_RESTORE:
        case STEP_CLONE:
            if (!d->core)
                lives_start(w, id, step->of + 1, step->kind == STEP_CLONE);
            break;
        default: /* STEP_NEVER */
            if (!d->never)
                record_node(w, KIND_EXEMPT, node_of_device(w, id));
            link_set_offline(w, id, &d->never, true);
    }
}

/* A step needs its device: one that crashed comes back, one that is not linked yet may be. */
static bool is_ready(struct world *w, const struct scenario_step *step)
{
    if (step->kind != STEP_OPERATION && step->kind != STEP_TYPE && step->kind != STEP_LOOK &&
        step->kind != STEP_SEARCH && step->kind != STEP_FETCH)
        if (step->kind == STEP_DEVICE_RESTORE || step->kind == STEP_CLONE)
            return lives_can_start(w, step->of + 1, step->kind == STEP_CLONE);
    if (step->of != UINT32_MAX)
        return lives_can_start(w, step->of + 1, step->kind != STEP_DEVICE_RESTORE);
    if (step->kind != STEP_OPERATION && step->kind != STEP_TYPE && step->kind != STEP_TYPING &&
        step->kind != STEP_LOOK && step->kind != STEP_DEVICE_BACKUP && step->kind != STEP_FETCH)
        return true;
    const struct world_device *d = world_device(w, step->device + 1);
    return d->core && !d->crashed && !load_stands(w, node_of_device(w, step->device + 1));
}

void script_step(struct world *w, uint32_t index, uint64_t repetition)
{
    const struct scenario_step *step = w->steps[index].step;
    if (w->phase != PHASE_SAFETY)
        return;
    if (!is_ready(w, step)) {
        if (world_device(w, step->device + 1)->core)
            lasts_until(w, w->now_us + 2 * DOWN_POLL_US);
        world_push(w, w->now_us + DOWN_POLL_US, EVENT_STEP, index, repetition);
        return;
    }
    if (step->kind == STEP_OPERATION)
        run_operation(w, index, repetition);
    else if (step->kind == STEP_RACE)
        run_race(w, index);
    else if (step->kind == STEP_FAULT)
        fault_begin(w, index);
    else
        run_device(w, index);
    if (repetition + 1 < step->count)
        world_push(w, w->now_us + step->every_us, EVENT_STEP, index, repetition + 1);
}
