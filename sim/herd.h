/*
 * herd.h: those who come back from an outage together, and what that costs (herd.c). For the world alone.
 */
#ifndef SEXTON_SIM_HERD_H
#define SEXTON_SIM_HERD_H

#include "core/base.h"

struct world;
struct herd { /* what had happened when it began */
    uint64_t began_us, events, requests, bytes, between;
    uint64_t devices, left; /* left: that have not caught up; 0: there is no herd */
};
void herd_begin(struct world *w, const uint32_t *nodes, size_t count); /* these devices' outage is over */
void herd_heard(struct world *w, device_id id);                        /* a message was taken */
void herd_over(struct world *w);                                       /* the safety phase is */

#endif
