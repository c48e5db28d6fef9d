/*
 * herd.c: how long it takes until everybody is back after an outage, and what that costs. Of runs that measure; where a
 * run does not, nothing here happens.
 *
 * Method: when an outage ends, each of its devices that wants to be online is one of the herd. It has returned at the
 * first moment at which its cursor is at the head of its log, in the log's epoch, and nothing of its own is unanswered.
 * The last one ends the herd, or the end of the safety phase, when others never came. An outage that ends meanwhile
 * adds its devices to the same herd. A device costs a look at its log for each message while it is of the herd.
 */
#include "sim/record.h"

static void tell(struct world *w)
{
    const struct herd *h = &w->herd;
    struct record *r = record_new(w, KIND_HERD);
    record_set(r, FIELD_COUNT, h->devices);
    record_set(r, FIELD_WAITING, h->left);
    record_set(r, FIELD_PERIOD, w->now_us - h->began_us);
    record_set(r, FIELD_EVENTS, w->events - h->events);
    record_set(r, FIELD_REQUESTS, w->traffic.requests - h->requests);
    record_set(r, FIELD_BYTES, w->traffic.bytes - h->bytes);
    record_set(r, FIELD_BETWEEN, w->traffic.between - h->between);
    record_emit(w);
}

void herd_begin(struct world *w, const uint32_t *nodes, size_t count)
{
    struct herd *h = &w->herd;
    if (!w->scenario->measure || w->phase != PHASE_SAFETY)
        return;
    if (!h->left)
        *h = (struct herd){.began_us = w->now_us,
                           .events = w->events,
                           .requests = w->traffic.requests,
                           .bytes = w->traffic.bytes,
                           .between = w->traffic.between};
    for (size_t i = 0; i < count; i++) {
        struct world_device *d = world_device(w, nodes[i] - w->shard_count);
        if (d->of_herd || !link_wanted(d))
            continue;
        d->of_herd = true;
        h->devices++;
        h->left++;
    }
}

void herd_heard(struct world *w, device_id id)
{
    struct world_device *d = world_device(w, id);
    if (!d->of_herd || w->phase != PHASE_SAFETY || !d->link.opened || !phase_has_converged(w, id))
        return;
    d->of_herd = false;
    if (--w->herd.left == 0)
        tell(w);
}

void herd_over(struct world *w)
{
    if (w->herd.left)
        tell(w);
    w->herd = (struct herd){0};
}
