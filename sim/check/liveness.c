/*
 * liveness.c: reaches-online and reaches-returning.
 *
 * When a deletion takes effect, every confirmed copy of its target that some device shows becomes an obligation: it
 * must be hidden within the bound. A copy shown later, while the deletion is in force, too. The bound counts only time
 * in which the whole path is healthy, and starts again on each connection, each progress of the device's cursor, and
 * the end of each fault. A fault leaves connections that are dead and do not know it: after one, the longer bound
 * applies. A device that was away at any time since owes it from its return, by the other bound. Deadlines stand in a
 * heap, and are looked at when a record passes them: one that has moved on goes back in.
 */
#include "sim/check/state.h"

static void push(struct check *c, uint64_t at_us, uint32_t obligation)
{
    c->queue = base_grow(c->queue, &c->queue_cap, (size_t)c->queue_count + 1, sizeof(*c->queue));
    uint32_t i = c->queue_count++;
    while (i && c->queue[(i - 1) / 2].at_us > at_us) {
        c->queue[i] = c->queue[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    c->queue[i] = (struct due){at_us, obligation};
    c->obligations[obligation].queued = true;
}

static struct due pop(struct check *c)
{
    struct due top = c->queue[0], last = c->queue[--c->queue_count];
    uint32_t i = 0, n = c->queue_count;
    for (uint32_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && c->queue[child + 1].at_us < c->queue[child].at_us)
            child++;
        if (last.at_us <= c->queue[child].at_us)
            break;
        c->queue[i] = c->queue[child];
        i = child;
    }
    if (n)
        c->queue[i] = last;
    return top;
}

static struct device *holder(struct check *c, const struct obligation *o)
{
    return &c->devices[c->holdings[o->holding].device];
}

/* When the obligation is overdue, if nothing happens until then. */
static uint64_t deadline(struct check *c, const struct obligation *o)
{
    const struct device *d = holder(c, o);
    uint64_t from_us = o->start_us;
    if (d->connected_at_us > from_us)
        from_us = d->connected_at_us;
    if (d->progress_at_us > from_us)
        from_us = d->progress_at_us;
    if (c->fault_end_us > from_us)
        from_us = c->fault_end_us;
    bool after_fault = c->fault_end_us && c->fault_end_us + c->options.returning_us > o->start_us;
    return from_us + c->options.clock_error_us +
           (o->returning || after_fault ? c->options.returning_us : c->options.online_us);
}

static bool path_broken(const struct check *c)
{
    return c->fault_count || c->nameless_faults || c->shards_down || c->shard_exempt;
}

static bool cancelled(struct check *c, const struct obligation *o)
{
    const struct holding *h = &c->holdings[o->holding];
    const struct message *m = &c->messages[c->items[h->item].message];
    const struct device *d = &c->devices[h->device];
    return !h->shown || message_live(c, m) || d->exempt || d->retired || holder_left(c, h);
}

static void close_obligation(struct check *c, uint32_t i)
{
    c->obligations[i].open = false;
    c->holdings[c->obligations[i].holding].open = 0;
}

static enum invariant invariant_of(const struct check *c, const struct obligation *o)
{
    uint64_t copy = c->items[c->holdings[o->holding].item].copy;
    if (copy == c->words[WORD_NOTIFICATION])
        return INVARIANT_NOTIFICATION_WITHDRAWN;
    if (copy != c->words[WORD_BODY])
        return INVARIANT_COPIES_FOLLOW;
    return o->returning ? INVARIANT_REACHES_RETURNING : INVARIANT_REACHES_ONLINE;
}

static void overdue(struct check *c, uint32_t i)
{
    const struct obligation *o = &c->obligations[i];
    const struct holding *h = &c->holdings[o->holding];
    const struct message *m = &c->messages[c->items[h->item].message];
    const struct item *item = &c->items[h->item];
    bool body = item->copy == c->words[WORD_BODY];
    struct verdict *v = violate(c, invariant_of(c, o), "%s still shows %s%s%s, deleted, after the bound%s",
                                nm(c, holder(c, o)->name), body ? "" : nm(c, item->copy), body ? "" : " of ",
                                nm(c, m->name), o->returning ? " since its return" : "");
    chain_kept(c, v, m->send_kept);
    chain_show(c, v, o->holding);
    chain_kept(c, v, o->kept);
    chain_now(c, v);
    c->work.pairs++;
    close_obligation(c, i);
}

void reach_due(struct check *c, uint64_t at_us)
{
    while (c->queue_count && c->queue[0].at_us < at_us) {
        struct due due = pop(c);
        struct obligation *o = &c->obligations[due.obligation];
        o->queued = false;
        if (!o->open)
            continue;
        if (cancelled(c, o)) {
            close_obligation(c, due.obligation);
            continue;
        }
        uint64_t at = deadline(c, o);
        if (!holder(c, o)->connected)
            continue; /* its next connection puts it back */
        if (path_broken(c)) {
            push(c, at_us + (o->returning ? c->options.returning_us : c->options.online_us), due.obligation);
            continue;
        }
        if (at < at_us)
            overdue(c, due.obligation);
        else
            push(c, at, due.obligation);
    }
}

static void oblige(struct check *c, uint32_t holding, uint32_t kept, uint64_t at_us)
{
    struct holding *h = &c->holdings[holding];
    struct device *d = &c->devices[h->device];
    if (h->open || h->pending || item_is_kept(c, h->item) || d->exempt || d->retired || holder_left(c, h))
        return;
    uint32_t i = GROW(c, obligations);
    c->obligations[i] = (struct obligation){.holding = holding,
                                            .kept = kept,
                                            .start_us = at_us,
                                            .open = true,
                                            .returning = !d->connected,
                                            .next_of_device = d->obligations};
    d->obligations = i;
    h->open = i;
    if (d->connected)
        push(c, deadline(c, &c->obligations[i]), i);
}

static void oblige_message(struct check *c, uint32_t message, uint32_t kept, uint64_t at_us)
{
    for (uint32_t i = c->messages[message].items; i; i = c->items[i].next)
        for (uint32_t h = c->items[i].first_holding; h; h = c->holdings[h].next)
            oblige(c, h, kept, at_us);
}

/* The record made a deletion effective: its change is the target's newest. */
static void deletion(struct check *c, const struct event *e, uint32_t conv, uint32_t message)
{
    const struct target *t = state_target(c, conv, message);
    if (!t->last || c->changes[t->last].undo || c->changes[t->last].seq != e->r->seq)
        return;
    uint32_t kept = c->changes[t->last].kept;
    if (message) {
        oblige_message(c, message, kept, c->last_us);
        return;
    }
    for (uint32_t m = c->convs[conv].first_message; m; m = c->messages[m].next_in_conv)
        oblige_message(c, m, kept, c->last_us);
}

/* It has what it was started with, deleted or not: a device that returns. */
static void oblige_device(struct check *c, uint32_t device)
{
    for (uint32_t i = 1; i < c->holdings_count; i++) {
        const struct holding *h = &c->holdings[i];
        const struct message *m = &c->messages[c->items[h->item].message];
        const struct target *t = m->target.deleted ? &m->target : &c->convs[m->conv].target;
        if (h->device == device && h->shown && !message_live(c, m) && t->last)
            oblige(c, i, c->changes[t->last].kept, c->last_us);
    }
}

void reach_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_HIDE && e->message) {
        uint32_t at = state_holding_of(c, e);
        uint32_t i = at ? c->holdings[at].open : 0;
        if (!i)
            return;
        if (!cancelled(c, &c->obligations[i])) {
            judge(c, invariant_of(c, &c->obligations[i]));
            c->work.pairs++;
        }
        close_obligation(c, i);
    }
}

/* What the device owes stands still while it is away, and is then owed by the other bound. Closed ones leave the list.
 */
static void connection(struct check *c, uint32_t device, bool connected)
{
    uint32_t *link = &c->devices[device].obligations;
    while (*link) {
        uint32_t i = *link;
        struct obligation *o = &c->obligations[i];
        if (!o->open) {
            *link = o->next_of_device;
            continue;
        }
        o->returning = true;
        if (connected && !o->queued)
            push(c, deadline(c, o), i);
        link = &o->next_of_device;
    }
}

void reach_after(struct check *c, const struct event *e)
{
    const struct op *op = &c->ops[e->op];
    const struct record *r = e->r;
    switch (r->kind) {
        case KIND_COMMIT:
            if ((e->what == WORD_DELETE || ends_invitation(e->what)) && e->message)
                deletion(c, e, e->conv, e->message);
            if (e->what == WORD_DELETE_CONV && e->conv)
                deletion(c, e, e->conv, 0);
            break;
        case KIND_BIND:
            if (e->message)
                deletion(c, e, e->conv, e->message);
            break;
        case KIND_ACK:
            if (!c->inside && (op->what == WORD_DELETE || ends_invitation(op->what)) && op->message)
                deletion(c, e, op->conv, op->message);
            if (!c->inside && op->what == WORD_DELETE_CONV && op->conv)
                deletion(c, e, op->conv, 0);
            break;
        case KIND_SHOW: {
            const struct message *m = &c->messages[e->message];
            const struct target *t = m->target.deleted ? &m->target : &c->convs[m->conv].target;
            if (e->message && !message_live(c, m) && t->last)
                oblige(c, state_holding_of(c, e), c->changes[t->last].kept, c->last_us);
            break;
        }
        case KIND_DEVICE:
        case KIND_DEVICE_RESTORE:
            if (c->devices[e->device].shown)
                oblige_device(c, e->device);
            break;
        case KIND_CONNECT:
        case KIND_DISCONNECT:
            connection(c, e->device, r->kind == KIND_CONNECT);
            break;
        case KIND_CRASH:
            if (state_device_find(c, record_get(r, FIELD_NODE)))
                connection(c, state_device_find(c, record_get(r, FIELD_NODE)), false);
            break;
        default:
            break;
    }
}

void reach_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->obligations_count; i++) {
        struct obligation *o = &c->obligations[i];
        if (!o->open || cancelled(c, o))
            continue;
        bool stuck =
            holder(c, o)->connected && !path_broken(c) && c->ended && (c->delivering || deadline(c, o) < c->last_us);
        if (stuck)
            overdue(c, i);
        else
            judge_unknown(c, invariant_of(c, o));
    }
}
