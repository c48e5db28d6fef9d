/*
 * pairs.h: the (deletion, device) pairs of one run: metrics.c's own. Devices, conversations, messages and kinds of copy
 * are given by their names' numbers (0 = none); times are in microseconds. What a pair is, and when it is reached:
 * metrics.h.
 */
#ifndef SEXTON_REPORTS_PAIRS_H
#define SEXTON_REPORTS_PAIRS_H

#include "reports/metrics.h"

struct pairs;
struct pairs *pairs_new(void);
void pairs_free(struct pairs *pairs);
void pairs_clear(struct pairs *pairs); /* for the next run; keeps memory */

void pairs_connect(struct pairs *pairs, uint64_t device, uint64_t at_us);
void pairs_disconnect(struct pairs *pairs, uint64_t device);
void pairs_exempt(struct pairs *pairs, uint64_t node);     /* when the node is a device that was heard of */
void pairs_replaced(struct pairs *pairs, uint64_t device); /* another goes on from its backup, and it is gone */
void pairs_show(struct pairs *pairs, uint64_t device, uint64_t in, uint64_t message, uint64_t copy);
void pairs_hide(struct pairs *pairs, uint64_t device, uint64_t in, uint64_t message, uint64_t copy, uint64_t at_us);
/* The device's own hopes: they reach nothing, but for what is hidden by them when the run is settled. */
void pairs_show_pending(struct pairs *pairs, uint64_t device, uint64_t message, uint64_t copy);
void pairs_hide_pending(struct pairs *pairs, uint64_t device, uint64_t message, uint64_t copy, uint64_t at_us);

struct pairs_deletion {
    uint64_t in, message; /* message 0: the conversation */
    uint64_t issuer;      /* the device that asked for it, or 0 */
    uint64_t at_us;       /* when it began */
    uint64_t known_us;    /* when that became known: hides in between count. Usually at_us. */
};
/* No effect when the target is deleted already: the first deletion is the one that must arrive. */
void pairs_delete(struct pairs *pairs, const struct pairs_deletion *deletion);
void pairs_undo(struct pairs *pairs, uint64_t in, uint64_t message);

struct pair_outcome {
    enum metrics_end end;
    enum metrics_class class;      /* METRICS_ONLINE or METRICS_RETURNING */
    uint64_t latency_us, since_us; /* by class, and since the deletion */
};
void pairs_settle(struct pairs *pairs); /* once, when the run is over */
/* Walk the pairs that count, in the order in which they were opened: *at from 0, until false. */
bool pairs_next(const struct pairs *pairs, size_t *at, struct pair_outcome *outcome);

#endif
