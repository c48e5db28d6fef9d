/*
 * presence.c: who is online when.
 *
 * Method: each device draws from a stream of its own, so that one more device shifts nobody else's day.
 *   - always: one span without end;
 *   - commuter: short spans with pauses, inside 07-09, 12-13, 17-22 local time; each day is shifted by up to an hour;
 *   - flaky: exponential minutes on and off;
 *   - rare: minutes online once in days;
 *   - office, night, weekend: spans inside the windows of the habit, on its weekdays;
 *   - months: hours online, then away for one of GRID: each point is beyond one horizon that a real system published;
 *   - background, killed: minutes of use; what the device is in between is for its owner to say.
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

/* Windows of the local day, on some weekdays. */
struct habit {
    const struct window *windows;
    size_t count;
    unsigned weekdays; /* bit 0 = Monday */
    uint64_t on_us, off_us;
};
static const struct window office_hours[] = {{9 * US_PER_HOUR, 12 * US_PER_HOUR}, {13 * US_PER_HOUR, 18 * US_PER_HOUR}};
static const struct window night_hours[] = {{0, 2 * US_PER_HOUR}, {22 * US_PER_HOUR, 24 * US_PER_HOUR}};
static const struct window weekend_hours[] = {{10 * US_PER_HOUR, 23 * US_PER_HOUR}};
static const struct habit office = {office_hours, 2, 0x1f, 25 * US_PER_MINUTE, 5 * US_PER_MINUTE};
static const struct habit night = {night_hours, 2, 0x7f, 20 * US_PER_MINUTE, 10 * US_PER_MINUTE};
static const struct habit weekend = {weekend_hours, 1, 0x60, 30 * US_PER_MINUTE, 20 * US_PER_MINUTE};

static const uint64_t grid_us[] = {5 * US_PER_S,        61 * US_PER_S,    11 * US_PER_MINUTE, 31 * US_PER_MINUTE,
                                   750 * US_PER_MINUTE, 25 * US_PER_HOUR, 49 * US_PER_HOUR,   84 * US_PER_HOUR,
                                   8 * US_PER_DAY,      11 * US_PER_DAY,  29 * US_PER_DAY,    31 * US_PER_DAY,
                                   46 * US_PER_DAY,     180 * US_PER_DAY};
#define GRID (sizeof grid_us / sizeof *grid_us)
#define USE_US (3 * US_PER_MINUTE)
#define UNUSED_US (40 * US_PER_MINUTE)

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

/* Days since the local day in which time 0 is. */
static uint64_t day_number(const struct presence_state *state, uint64_t at_us)
{
    int64_t local_us = (int64_t)at_us - state->day_offset_us; /* above minus a day */
    return (uint64_t)(local_us + 7 * (int64_t)US_PER_DAY) / US_PER_DAY;
}

static const struct window *habit_window(const struct habit *habit, const struct presence_state *state, uint64_t at_us)
{
    uint64_t day_us = time_of_day(state, at_us), weekday = (state->weekday + day_number(state, at_us)) % 7;
    for (size_t i = 0; habit->weekdays >> weekday & 1 && i < habit->count; i++)
        if (day_us >= habit->windows[i].from_us && day_us < habit->windows[i].to_us)
            return &habit->windows[i];
    return NULL;
}

static uint64_t habit_next(const struct habit *habit, struct presence_state *state, bool online, uint64_t now_us)
{
    uint64_t until_us = now_us + span(state, online ? habit->on_us : habit->off_us);
    if (online) {
        const struct window *window = habit_window(habit, state, now_us);
        uint64_t closes_us = window ? now_us + (window->to_us - time_of_day(state, now_us)) : until_us;
        if (until_us > closes_us)
            until_us = closes_us;
        return until_us < now_us + SPAN_MIN_US ? now_us + SPAN_MIN_US : until_us;
    }
    if (habit_window(habit, state, until_us))
        return until_us;
    for (uint64_t day = 0; day < 8; day++) /* the next window of the next day that has one */
        for (size_t i = 0; i < habit->count; i++) {
            uint64_t midnight_us = until_us - time_of_day(state, until_us) + day * US_PER_DAY;
            uint64_t opens_us = midnight_us + habit->windows[i].from_us;
            if (opens_us > until_us && habit_window(habit, state, opens_us))
                return opens_us + rng_below(&state->rng, 10 * US_PER_MINUTE);
        }
    return TIME_NEVER;
}

static const struct habit *habit_of(enum presence pattern)
{
    return pattern == PRESENCE_MODEL_OFFICE ? &office : pattern == PRESENCE_MODEL_NIGHT ? &night : &weekend;
}

void presence_set_weekday(struct presence_state *state, unsigned weekday)
{
    state->weekday = weekday % 7;
}

void presence_init(struct presence_state *state, enum presence pattern, uint64_t seed, uint64_t device,
                   uint64_t starts_us_of_day)
{
    state->rng = rng_fork_at(seed, "presence", device);
    state->pattern = pattern;
    int64_t shift_us = (int64_t)rng_between(&state->rng, 0, 2 * SHIFT_US) - (int64_t)SHIFT_US;
    state->weekday = 0;
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
        case PRESENCE_MODEL_OFFICE:
        case PRESENCE_MODEL_NIGHT:
        case PRESENCE_MODEL_WEEKEND:
            online = habit_window(habit_of(state->pattern), state, 0) != NULL;
            break;
        case PRESENCE_MODEL_MONTHS:
            break;
        case PRESENCE_MODEL_BACKGROUND:
        case PRESENCE_MODEL_KILLED:
            online = rng_below(&state->rng, UNUSED_US) < USE_US;
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
        case PRESENCE_MODEL_OFFICE:
        case PRESENCE_MODEL_NIGHT:
        case PRESENCE_MODEL_WEEKEND:
            return habit_next(habit_of(state->pattern), state, online, now_us);
        case PRESENCE_MODEL_MONTHS:
            if (online)
                return now_us + US_PER_MINUTE + span(state, 2 * US_PER_HOUR);
            return now_us + grid_us[rng_below(&state->rng, GRID)];
        case PRESENCE_MODEL_BACKGROUND:
        case PRESENCE_MODEL_KILLED:
            return now_us + span(state, online ? USE_US : UNUSED_US);
    }
    return TIME_NEVER;
}
