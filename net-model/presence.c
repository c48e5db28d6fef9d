/*
 * presence.c: who is online when.
 *
 * Method: each device draws from a stream of its own, so that one more device shifts nobody else's day.
 *   - always: one span without end;
 *   - commuter: short spans with pauses, inside 07-09, 12-13, 17-22 local time; each day is shifted by up to an hour;
 *   - flaky: exponential minutes on and off;
 *   - rare: minutes online once in days.
 * Every span has a least length: a connection that flaps faster than it can be used tests nothing.
 */
#include "net-model/presence.h"

#define US_PER_MINUTE (60ULL * US_PER_S)
#define US_PER_HOUR (60ULL * US_PER_MINUTE)
#define SPAN_MIN_US (2ULL * US_PER_S)
#define SHIFT_US US_PER_HOUR

struct window {
    uint64_t from_us, to_us; /* of the local day */
};
static const struct window commuting[] = {
    {7 * US_PER_HOUR, 9 * US_PER_HOUR}, {12 * US_PER_HOUR, 13 * US_PER_HOUR}, {17 * US_PER_HOUR, 22 * US_PER_HOUR}};
#define WINDOWS (sizeof commuting / sizeof *commuting)

static uint64_t span(struct presence_state *state, uint64_t mean_us)
{
    uint64_t us = rng_exponential(&state->rng, mean_us);
    return us < SPAN_MIN_US ? SPAN_MIN_US : us;
}

/* Time of the device's local day at this virtual time. */
static uint64_t time_of_day(const struct presence_state *state, uint64_t at_us)
{
    int64_t day_us = (int64_t)US_PER_DAY;
    int64_t before_us = state->day_offset_us % day_us; /* in (-day, day) */
    return (at_us % US_PER_DAY + (uint64_t)(day_us - before_us)) % US_PER_DAY;
}

static const struct window *window_at(uint64_t day_us)
{
    for (size_t i = 0; i < WINDOWS; i++)
        if (day_us >= commuting[i].from_us && day_us < commuting[i].to_us)
            return &commuting[i];
    return NULL;
}

/* How long from this time of day until the next window opens. */
static uint64_t until_window(uint64_t day_us)
{
    for (size_t i = 0; i < WINDOWS; i++)
        if (day_us < commuting[i].from_us)
            return commuting[i].from_us - day_us;
    return US_PER_DAY - day_us + commuting[0].from_us;
}

static uint64_t commuter_next(struct presence_state *state, bool online, uint64_t now_us)
{
    if (online) {
        uint64_t day_us = time_of_day(state, now_us), until_us = now_us + span(state, 4 * US_PER_MINUTE);
        const struct window *window = window_at(day_us);
        uint64_t closes_us = window ? now_us + (window->to_us - day_us) : until_us;
        if (until_us > closes_us)
            until_us = closes_us;
        return until_us < now_us + SPAN_MIN_US ? now_us + SPAN_MIN_US : until_us;
    }
    uint64_t back_us = now_us + span(state, 10 * US_PER_MINUTE);
    uint64_t day_us = time_of_day(state, back_us);
    if (window_at(day_us))
        return back_us;
    return back_us + until_window(day_us) + rng_below(&state->rng, 10 * US_PER_MINUTE);
}

void presence_init(struct presence_state *state, enum presence pattern, uint64_t seed, uint64_t device,
                   uint64_t starts_us_of_day)
{
    state->rng = rng_fork_at(seed, "presence", device);
    state->pattern = pattern;
    int64_t shift_us = (int64_t)rng_between(&state->rng, 0, 2 * SHIFT_US) - (int64_t)SHIFT_US;
    state->day_offset_us = shift_us - (int64_t)(starts_us_of_day % US_PER_DAY);
}

bool presence_first(struct presence_state *state, uint64_t *until_us)
{
    bool online = true;
    switch (state->pattern) {
        case PRESENCE_MODEL_ALWAYS:
            break;
        case PRESENCE_MODEL_COMMUTER: /* in a window: 4 minutes on, 10 off */
            online = window_at(time_of_day(state, 0)) && rng_below(&state->rng, 14) < 4;
            break;
        case PRESENCE_MODEL_FLAKY:
            online = rng_below(&state->rng, 8) < 5;
            break;
        case PRESENCE_MODEL_RARE:
            online = false;
            break;
    }
    *until_us = presence_next(state, online, 0);
    return online;
}

uint64_t presence_next(struct presence_state *state, bool online, uint64_t now_us)
{
    switch (state->pattern) {
        case PRESENCE_MODEL_ALWAYS:
            break;
        case PRESENCE_MODEL_COMMUTER:
            return commuter_next(state, online, now_us);
        case PRESENCE_MODEL_FLAKY:
            return now_us + span(state, (online ? 5 : 3) * US_PER_MINUTE);
        case PRESENCE_MODEL_RARE:
            if (online)
                return now_us + US_PER_MINUTE + span(state, 3 * US_PER_MINUTE);
            return now_us + US_PER_DAY / 2 + span(state, 2 * US_PER_DAY);
    }
    return TIME_NEVER;
}
