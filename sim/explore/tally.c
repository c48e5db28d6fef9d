/*
 * tally.c: folding the results of seeds, and judging what only all of them together can show: that something was
 * judged, that every step ran, that every fault touched something, that a race was seen in more than one order.
 */
#include "sim/explore/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const grade_names[] = {"broken", "failed", "vacuous", "unfinished", "ok"};

const char *grade_name(enum grade grade)
{
    return grade_names[grade];
}

#define SHARE_SEEDS_MIN 100

/* ---- folding ---- */

/* Keeps the lowest seeds, in order. NULL when this seed is above those kept. */
static struct tally_failure *failure_slot(struct tally *tally, uint64_t seed)
{
    int at = 0;
    while (at < tally->failure_count && tally->failures[at].seed < seed)
        at++;
    if (at == TALLY_FAILURES_MAX)
        return NULL;
    int kept = tally->failure_count < TALLY_FAILURES_MAX ? tally->failure_count : TALLY_FAILURES_MAX - 1;
    memmove(&tally->failures[at + 1], &tally->failures[at], (size_t)(kept - at) * sizeof *tally->failures);
    tally->failure_count = kept + 1;
    memset(&tally->failures[at], 0, sizeof tally->failures[at]);
    tally->failures[at].seed = seed;
    return &tally->failures[at];
}

static void add_sentence(struct tally_failure *failure, const char *sentence)
{
    if (failure->count < (int)(sizeof failure->sentences / sizeof *failure->sentences))
        snprintf(failure->sentences[failure->count++], RUN_FAILURE_MAX, "%s", sentence);
}

static void add_work(struct check_work *into, const struct check_work *work)
{
    into->records += work->records;
    into->operations += work->operations;
    into->deletions += work->deletions;
    into->undos += work->undos;
    into->pairs += work->pairs;
    into->devices += work->devices;
    into->conversations += work->conversations;
    into->users += work->users;
    into->faults += work->faults;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

void tally_add(struct tally *tally, uint64_t seed, const struct run_result *result)
{
    tally->seeds++;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        tally->in_state[i][result->states[i]]++;
        tally->judged[i] += result->judged[i];
        tally->unknown[i] += result->unknown[i];
    }
    tally->sometimes_seen |= result->sometimes_seen;
    for (size_t i = 0; i < TALLY_STEP_WORDS; i++) {
        tally->steps_ran[i] |= result->steps_ran[i];
        tally->faults_touched[i] |= result->faults_touched[i];
    }
    for (size_t i = 0; i < TALLY_RACES_MAX; i++)
        tally->race_orders[i] |= result->race_orders[i];
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++)
        tally->drawn_seeds[i] += (result->drawn_touched >> i) & 1;
    tally->network_fired |= result->network_fired;
    add_work(&tally->work, &result->work);
    for (int i = 0; i < WORK_COUNT; i++) {
        tally->mix.done[i] += result->mix.done[i];
        tally->mix.accepted[i] += result->mix.accepted[i];
    }
    for (int i = 0; i < SWARM_COUNT; i++) {
        tally->swarm.fired[i] += result->swarm.fired[i];
        tally->swarm.withheld[i] += result->swarm.withheld[i];
        tally->seeds_with[i] += result->swarm.fired[i] > 0;
    }
    tally->swarm.others_withheld += result->swarm.others_withheld;
    tally->events += result->events;
    tally->records += result->records;
    tally->digest += mix(mix(seed) ^ result->digest);
    bool broken = result->end != WORLD_FINISHED;
    tally->broken_seeds += broken;
    tally->failed_seeds += !broken && result->failure_count > 0;
    if (result->failure_count == 0)
        return;
    struct tally_failure *failure = failure_slot(tally, seed);
    if (!failure)
        return;
    failure->broken = broken;
    for (int i = 0; i < result->failure_count; i++)
        add_sentence(failure, result->failures[i]);
}

void tally_add_crash(struct tally *tally, uint64_t seed, const char *how)
{
    tally->seeds++;
    tally->broken_seeds++;
    struct tally_failure *failure = failure_slot(tally, seed);
    if (!failure)
        return;
    failure->broken = true;
    add_sentence(failure, how);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    into->seeds += from->seeds;
    into->failed_seeds += from->failed_seeds;
    into->broken_seeds += from->broken_seeds;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        for (int state = 0; state < 4; state++)
            into->in_state[i][state] += from->in_state[i][state];
        into->judged[i] += from->judged[i];
        into->unknown[i] += from->unknown[i];
    }
    into->sometimes_seen |= from->sometimes_seen;
    for (size_t i = 0; i < TALLY_STEP_WORDS; i++) {
        into->steps_ran[i] |= from->steps_ran[i];
        into->faults_touched[i] |= from->faults_touched[i];
    }
    for (size_t i = 0; i < TALLY_RACES_MAX; i++)
        into->race_orders[i] |= from->race_orders[i];
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++)
        into->drawn_seeds[i] += from->drawn_seeds[i];
    into->network_fired |= from->network_fired;
    for (int i = 0; i < SWARM_COUNT; i++) {
        into->seeds_with[i] += from->seeds_with[i];
        into->swarm.fired[i] += from->swarm.fired[i];
        into->swarm.withheld[i] += from->swarm.withheld[i];
    }
    into->swarm.others_withheld += from->swarm.others_withheld;
    add_work(&into->work, &from->work);
    for (int i = 0; i < WORK_COUNT; i++) {
        into->mix.done[i] += from->mix.done[i];
        into->mix.accepted[i] += from->mix.accepted[i];
    }
    into->events += from->events;
    into->records += from->records;
    into->digest += from->digest;
}

void tally_merge_failure(struct tally *into, const struct tally_failure *from)
{
    struct tally_failure *failure = failure_slot(into, from->seed);
    if (failure)
        *failure = *from;
}

/* ---- judging ---- */

__attribute__((format(printf, 3, 4))) static void object(struct tally_judgement *judgement, enum grade grade,
                                                         const char *format, ...)
{
    if (grade < judgement->grade)
        judgement->grade = grade;
    if (judgement->count == (int)(sizeof judgement->reasons / sizeof *judgement->reasons)) {
        judgement->cut = true;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(judgement->reasons[judgement->count++], TALLY_REASON_MAX, format, arguments);
    va_end(arguments);
}

static void judge_seeds(const struct tally *tally, const char *which, struct tally_judgement *judgement)
{
    if (tally->broken_seeds > 0)
        object(judgement, GRADE_BROKEN, "%s%llu of %llu seeds crashed or were exhausted", which,
               (unsigned long long)tally->broken_seeds, (unsigned long long)tally->seeds);
    if (tally->failed_seeds > 0)
        object(judgement, GRADE_FAILED, "%s%llu of %llu seeds did not meet an expectation", which,
               (unsigned long long)tally->failed_seeds, (unsigned long long)tally->seeds);
}

static void judge_step(const struct tally *tally, const struct scenario_step *step, size_t at,
                       struct tally_judgement *judgement)
{
    const char *label = step->label ? step->label : "a step";
    if (at / 64 >= TALLY_STEP_WORDS)
        return;
    bool ran = (tally->steps_ran[at / 64] >> (at % 64)) & 1;
    bool touched = (tally->faults_touched[at / 64] >> (at % 64)) & 1;
    bool must_touch = step->kind == STEP_FAULT && step->fault != FAULT_RELEASE && step->fault != FAULT_ABORT;
    if (!ran)
        object(judgement, GRADE_VACUOUS, "%s (line %d) never ran", label, step->line);
    else if (must_touch && !touched)
        object(judgement, GRADE_VACUOUS, "%s (line %d) never touched anything", label, step->line);
}

static void judge_script(const struct tally *tally, const struct scenario *scenario, struct tally_judgement *judgement)
{
    size_t at = 0, race = 0;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        judge_step(tally, step, at++, judgement);
        for (size_t b = 0; b < step->branch_count; b++)
            judge_step(tally, &step->branches[b], at++, judgement);
        if (step->kind != STEP_RACE || race == TALLY_RACES_MAX)
            continue;
        uint64_t orders = tally->race_orders[race++];
        if (orders == 0)
            object(judgement, GRADE_VACUOUS, "the race at line %d was never decided", step->line);
        else if ((orders & (orders - 1)) == 0)
            object(judgement, GRADE_VACUOUS, "the race at line %d committed in one and the same order in every seed",
                   step->line);
    }
}

/* An operation of the mix that no seed saw accepted has tested nothing. */
static void judge_mix(const struct tally *tally, const struct scenario_crowd *crowd, struct tally_judgement *judgement)
{
    for (int i = 0; crowd->mixed && i < WORK_COUNT; i++)
        if (crowd->weights[i] && tally->mix.accepted[i] == 0)
            object(judgement, GRADE_VACUOUS, "workload: \"%s\" was done %llu times and accepted in no seed",
                   workload_table[i].name, (unsigned long long)tally->mix.done[i]);
}

/* Of few seeds a share says nothing. */
static void judge_swarm(const struct tally *tally, const struct scenario *scenario, struct tally_judgement *judgement)
{
    uint64_t least_ppm = scenario->expect.least.fault_ppm;
    for (int i = 0; tally->seeds >= SHARE_SEEDS_MIN && i < SWARM_COUNT; i++)
        if ((scenario->swarm.candidates >> i & 1) && tally->seeds_with[i] * 1000000 < least_ppm * tally->seeds)
            object(judgement, GRADE_VACUOUS, "at-least: the fault \"%s\" fired in %llu of %llu seeds, expected %llu%%",
                   swarm_name((enum swarm_fault)i), (unsigned long long)tally->seeds_with[i],
                   (unsigned long long)tally->seeds, (unsigned long long)(least_ppm / 10000));
}

/* A fault that was asked for, and touched nothing in any seed, has tested nothing. */
static void judge_drawn(const struct tally *tally, const struct scenario *scenario, struct tally_judgement *judgement)
{
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++)
        if (scenario->faults[i] && tally->drawn_seeds[i] == 0)
            object(judgement, GRADE_VACUOUS, "faults: \"%s\" touched nothing in any seed", fault_name(i));
    bool patterned = scenario->crowd.users && scenario->crowd.presence != PRESENCE_ALWAYS;
    for (size_t i = 0; i < scenario->device_count; i++)
        patterned |= scenario->devices[i].presence != PRESENCE_ALWAYS;
    if (patterned && tally->drawn_seeds[FAULT_NONE] == 0)
        object(judgement, GRADE_VACUOUS, "presence: no device came or went by its pattern in any seed");
}

/* So is a network that never did what its rates say. */
static void judge_network(const struct tally *tally, const struct scenario *scenario, struct tally_judgement *judgement)
{
    static const char *const names[NETWORK_FAULT_COUNT] = {
#define ONE(id, name) [NETWORK_##id] = name,
        NETWORK_FAULTS(ONE)
#undef ONE
    };
    const struct scenario_network *n = &scenario->network;
    const bool asked[NETWORK_FAULT_COUNT] = {
        [NETWORK_BREAKS] = n->breaks_mean_us != 0,
        [NETWORK_PUSH_LOSS] = n->push_loss_ppm != 0,
        [NETWORK_CHANNEL_LOSS] = n->channel_loss_ppm != 0,
        [NETWORK_CHANNEL_DUPLICATES] = n->channel_duplicate_ppm != 0,
        [NETWORK_CHANNEL_REORDER] = n->channel_reorder_ppm != 0,
        [NETWORK_NOTIFICATIONS] = n->notification_loss_ppm || n->notification_duplicate_ppm || n->notification_late_ppm,
        [NETWORK_BANDWIDTH] = n->shard_bytes_per_s != 0,
        [NETWORK_LINKS] = n->link_count != 0};
    for (int i = 0; i < NETWORK_FAULT_COUNT; i++)
        if (asked[i] && !(tally->network_fired >> i & 1))
            object(judgement, GRADE_VACUOUS, "network: \"%s\" did nothing in any seed", names[i]);
}

static void judge_holds(const struct tally *tally, const struct scenario_expect *expect,
                        struct tally_judgement *judgement)
{
    bool any = false;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        any = any || tally->judged[i] > 0;
        if (((expect->hold >> i) & 1) && !expect->hold_all && tally->judged[i] == 0)
            object(judgement, GRADE_VACUOUS, "hold: %s was never judged (it needs %s)", invariant_table[i].name,
                   invariant_table[i].antecedent);
    }
    if (tally->work.deletions == 0)
        object(judgement, GRADE_VACUOUS, "no deletion happened in any seed");
    else if (!any)
        object(judgement, GRADE_VACUOUS, "no invariant was judged in any seed");
    for (size_t i = 0; i < expect->sometimes_count && i < 64; i++)
        if (!((tally->sometimes_seen >> i) & 1))
            object(judgement, GRADE_FAILED, "sometimes: \"%s\" happened in no seed", expect->sometimes[i]);
}

void tally_judge(const struct tally *tally, const struct tally *control, const struct scenario *scenario, bool finished,
                 struct tally_judgement *judgement)
{
    memset(judgement, 0, sizeof *judgement);
    judgement->grade = finished ? GRADE_OK : GRADE_UNFINISHED;
    const struct tally *clean = control ? control : tally; /* the run that is held against everything */
    judge_seeds(tally, "", judgement);
    if (control)
        judge_seeds(control, "without the flaw, ", judgement);
    if (!finished) /* what is missing may still come */
        return;
    /* A crashed seed may have been the one that would have shown it: the crash is told, not its consequences. */
    if (tally->broken_seeds == tally->seeds)
        return;
    for (int i = 0; i < INVARIANT_COUNT; i++)
        if (control && ((scenario->expect.violate >> i) & 1) && tally->in_state[i][VERDICT_VIOLATED] == 0)
            object(judgement, GRADE_FAILED, "violate: %s was found in no seed", invariant_table[i].name);
    judge_script(clean, scenario, judgement);
    judge_mix(clean, &scenario->crowd, judgement);
    judge_swarm(clean, scenario, judgement);
    judge_drawn(clean, scenario, judgement);
    judge_network(clean, scenario, judgement);
    judge_holds(clean, &scenario->expect, judgement);
}
