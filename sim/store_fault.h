/*
 * store_fault.h: a store whose k-th call fails for want of memory: what both stores must survive alike.
 *
 * It stands between a shard and its store, and passes everything on until its plan says otherwise. Whoever observes the
 * store looks at the store itself.
 */
#ifndef SEXTON_SIM_STORE_FAULT_H
#define SEXTON_SIM_STORE_FAULT_H

#include "core/store.h"

struct store_fault_plan { /* shared by all the stores of a shard */
    uint64_t left;        /* the call that fails, counted from 1; 0: none does */
    bool fired;
    bool stored; /* the main store has committed; the caller clears it before each step */
};
struct store_fault {
    struct store store; /* this is what the shard is given */
    struct store *inner;
    struct store_fault_plan *plan;
    bool begun; /* a transaction of the inner one */
};
/* Both are borrowed. */
void store_fault_wrap(struct store_fault *fault, struct store *inner, struct store_fault_plan *plan);

#endif
