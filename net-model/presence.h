/*
 * presence.h: who is online when? A pattern gives, from a device's own random stream, the alternation of online and
 * offline spans. Integers only.
 */
#ifndef SEXTON_NET_MODEL_PRESENCE_H
#define SEXTON_NET_MODEL_PRESENCE_H

#include "core/base.h"
#include "core/rng.h"

enum presence { PRESENCE_MODEL_ALWAYS, PRESENCE_MODEL_COMMUTER, PRESENCE_MODEL_FLAKY, PRESENCE_MODEL_RARE };
struct presence_state {
    struct rng rng;
    enum presence pattern;
    int64_t day_offset_us; /* this device's local midnight against virtual time 0 */
};
void presence_init(struct presence_state *state, enum presence pattern, uint64_t seed, uint64_t device,
                   uint64_t starts_us_of_day);
/* Is it online at time 0, and until when? */
bool presence_first(struct presence_state *state, uint64_t *until_us);
/* The next change after now: it has just gone online (or offline); until when does that last? */
uint64_t presence_next(struct presence_state *state, bool online, uint64_t now_us);

#endif
