/* scenario_util.c: freeing a scenario, its id, and the names of faults, crash points and operations. */
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>

const char *const conv_kind_words = "direct|group|channel";
const char *const wire_kind_words = "hello|ack|op|welcome|entry|reset-page|beat|answer|fetch|part";

#define WORK(id, name, weight, operation, function) {name, weight, operation},
const struct workload_info workload_table[WORK_COUNT] = {
#include "sim/workload.def"
};
#undef WORK

#define NAME(id, name) [FAULT_##id] = name,
bool fault_is_of_links(unsigned fault)
{
    switch (fault) {
        case FAULT_FLAP:
        case FAULT_HALF_OPEN:
        case FAULT_CAPTIVE:
        case FAULT_CLOG:
        case FAULT_CORRUPT:
        case FAULT_SLOW_READER:
        case FAULT_OUTAGE:
            return true;
        default:
            return false;
    }
}

bool scenario_draws_fault(unsigned fault)
{
    return fault == FAULT_PARTITION || fault == FAULT_BREAK || fault == FAULT_CRASH || fault_is_of_links(fault);
}

const char *fault_name(unsigned fault)
{
    static const char *const names[FAULT_KIND_COUNT] = {"", FAULT_LIST(NAME)};
    return fault < FAULT_KIND_COUNT ? names[fault] : "";
}
#undef NAME
#define NAME(id, name) [CRASH_##id] = name,
const char *crash_point_name(unsigned point)
{
    static const char *const names[CRASH_POINT_COUNT] = {"", CRASH_POINT_LIST(NAME)};
    return point < CRASH_POINT_COUNT ? names[point] : "";
}
#undef NAME

#define SWARM(id, name, draw, strike, count) [SWARM_##id] = name,
const char *swarm_name(enum swarm_fault fault)
{
    static const char *const names[SWARM_COUNT] = {
#include "sim/swarm.def"
    };
    return names[fault];
}
#undef SWARM

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static void release_step(struct scenario_step *step)
{
    free(step->label);
    free(step->as);
    free(step->after);
    free(step->in);
    free(step->target);
    free(step->undoes);
    free(step->reply_to);
    free(step->attachment);
    free(step->backup);
    free(step->text);
    free(step->nodes_a);
    free(step->nodes_b);
}

static void release_steps(struct scenario *s)
{
    for (size_t i = 0; i < s->step_count; i++) {
        for (size_t branch = 0; branch < s->steps[i].branch_count; branch++)
            release_step(&s->steps[i].branches[branch]);
        free(s->steps[i].branches);
        release_step(&s->steps[i]);
    }
    free(s->steps);
}

void scenario_release(struct scenario *s)
{
    for (size_t i = 0; i < s->user_count; i++)
        free(s->users[i].name);
    for (size_t i = 0; i < s->device_count; i++)
        free(s->devices[i].name);
    for (size_t i = 0; i < s->conversation_count; i++) {
        free(s->conversations[i].name);
        free(s->conversations[i].members);
    }
    for (size_t i = 0; i < s->expect.limit_count; i++)
        free(s->expect.limits[i].what);
    free_texts(s->seen, s->seen_count);
    free_texts(s->expect.sometimes, s->expect.sometimes_count);
    free_texts(s->expect.never, s->expect.never_count);
    free_texts(s->expect.finally, s->expect.finally_count);
    release_steps(s);
    free(s->users);
    free(s->devices);
    free(s->conversations);
    for (size_t i = 0; i < s->network.link_count; i++)
        free(s->network.links[i].nodes);
    free(s->network.links);
    free(s->expect.limits);
    free(s->swarm.choices);
    free(s->file);
    free(s->name);
    free(s->why);
    free(s->store);
    free(s->variant);
}

void scenario_free_all(struct scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scenario_release(&scenarios[i]);
    free(scenarios);
}

void scenario_id(const struct scenario *scenario, char *id, size_t size)
{
    bool varied = scenario->variant && *scenario->variant;
    (void)snprintf(id, size, "%s%s%s", scenario->name, varied ? "#" : "", varied ? scenario->variant : "");
}
