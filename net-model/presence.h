/*
 * presence.h: who is online when? A pattern gives, from a device's own random stream, the alternation of online and
 * offline spans. Integers only.
 */
#ifndef SEXTON_NET_MODEL_PRESENCE_H
#define SEXTON_NET_MODEL_PRESENCE_H

#include "core/base.h"
#include "core/rng.h"

enum presence {
    PRESENCE_MODEL_ALWAYS,
    PRESENCE_MODEL_COMMUTER,
    PRESENCE_MODEL_FLAKY,
    PRESENCE_MODEL_RARE,
    PRESENCE_MODEL_OFFICE,     /* 09-12 and 13-18, Monday to Friday */
    PRESENCE_MODEL_NIGHT,      /* 22-02 */
    PRESENCE_MODEL_WEEKEND,    /* 10-23, Saturday and Sunday */
    PRESENCE_MODEL_MONTHS,     /* hours online, then away for a span of a grid from seconds to half a year */
    PRESENCE_MODEL_BACKGROUND, /* the app is looked at for minutes; in between notifications are all that it gets */
    PRESENCE_MODEL_KILLED,     /* the same, and in between its process is dead */
};
#define PRESENCE_MODEL_COUNT (PRESENCE_MODEL_KILLED + 1)
struct presence_state {
    struct rng rng;
    enum presence pattern;
    int64_t day_offset_us; /* this device's local midnight against virtual time 0 */
    unsigned weekday;      /* of the local day in which time 0 is, unless shifted over midnight; 0 = Monday */
};
void presence_init(struct presence_state *state, enum presence pattern, uint64_t seed, uint64_t device,
                   uint64_t starts_us_of_day);
/* The weekday at time 0, 0 = Monday; without it, time 0 is on a Monday. */
void presence_set_weekday(struct presence_state *state, unsigned weekday);
/* Is it online at time 0, and until when? */
bool presence_first(struct presence_state *state, uint64_t *until_us);
/* The next change after now: it has just gone online (or offline); until when does that last? */
uint64_t presence_next(struct presence_state *state, bool online, uint64_t now_us);

#endif
