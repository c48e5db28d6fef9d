/*
 * queue.h: the event queue: totally ordered by (at_us, tie, seq). `tie` is drawn by the caller from the stream "order",
 * so that events of one instant are not always first-in first-out; `seq` counts pushes and makes the order total.
 */
#ifndef SEXTON_SIM_QUEUE_H
#define SEXTON_SIM_QUEUE_H

#include "core/base.h"

struct event {
    uint64_t at_us;
    uint64_t seq; /* set by queue_push, from 1 */
    uint32_t tie;
    uint32_t kind;
    uint64_t a, b, c; /* the caller's */
};
struct queue;
struct queue *queue_new(void);
void queue_free(struct queue *queue);
void queue_clear(struct queue *queue); /* empty, seq from 1 again; keeps memory */
/* Returns the event's seq, which queue_cancel takes. */
uint64_t queue_push(struct queue *queue, const struct event *event);
bool queue_cancel(struct queue *queue, uint64_t seq);     /* false when it is not pending any more */
bool queue_pop(struct queue *queue, struct event *event); /* false when empty */
const struct event *queue_peek(struct queue *queue);      /* NULL when empty; valid until the next call */
size_t queue_size(const struct queue *queue);             /* pending, without the cancelled */
size_t queue_bytes(const struct queue *queue);

#endif
