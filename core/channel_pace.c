/*
 * channel_pace.c: how much of a channel may be on the way at once, where the policy paces it. Decides numbers; sends
 * nothing.
 *
 * Method (the one of V. Jacobson, "Congestion avoidance and control", 1988, without its second half): a burst may be
 * unconfirmed; it begins small, grows by what is confirmed, and is one entry again when no answer came. What was on the
 * way then counts as lost. How long an answer may take is twice what answers took lately; an entry that was sent again
 * measures nothing, for nobody knows which of the two was answered (Karn). Without all this a link that carries less
 * than is sent again on it never carries anything new.
 */
#include "core/decide.h"
#include "core/shard_internal.h"

#define FIRST_BURST 16

/* What is confirmed has left, and a channel that began anew has sent nothing. */
static void follow(struct channel *c, const struct row *out)
{
    if (c->sent_to < out->c[CHANNEL_OUT_confirmed] || c->sent_to >= out->c[CHANNEL_OUT_next]) {
        c->sent_to = out->c[CHANNEL_OUT_confirmed];
        c->timed = 0;
    }
    if (!c->burst)
        c->burst = FIRST_BURST;
}

static void leaves(struct channel *c, uint64_t number, uint64_t now_us)
{
    c->sent_to = number;
    if (c->timed || number <= c->again_to)
        return;
    c->timed = number;
    c->timed_at_us = now_us;
}

uint64_t pace_patience(const struct channel *c)
{
    uint64_t patience_us = 2 * c->rtt_us;
    if (patience_us < CHANNEL_RETRY_US)
        return CHANNEL_RETRY_US;
    return patience_us < CHANNEL_RETRY_MAX_US ? patience_us : CHANNEL_RETRY_MAX_US;
}

bool pace_lets_out(struct channel *c, const struct row *out, uint64_t number, uint64_t now_us)
{
    follow(c, out);
    if (number != c->sent_to + 1 || number > out->c[CHANNEL_OUT_confirmed] + c->burst)
        return false; /* it follows when those before it are confirmed */
    leaves(c, number, now_us);
    return true;
}

void pace_confirmed(struct channel *c, const struct row *out, uint64_t before, uint64_t now_us)
{
    uint64_t confirmed = out->c[CHANNEL_OUT_confirmed], burst;
    if (c->timed && confirmed >= c->timed) {
        uint64_t took_us = now_us - c->timed_at_us;
        c->rtt_us = c->rtt_us ? (7 * c->rtt_us + took_us) / 8 : took_us;
        c->timed = 0;
    }
    follow(c, out);
    burst = c->burst + (confirmed - before);
    c->burst = burst < CHANNEL_WINDOW ? (uint32_t)burst : CHANNEL_WINDOW;
}

void pace_lost(struct channel *c, const struct row *out)
{
    follow(c, out);
    if (c->again_to < c->sent_to)
        c->again_to = c->sent_to;
    c->sent_to = out->c[CHANNEL_OUT_confirmed];
    c->burst = 1;
    c->timed = 0;
}

uint64_t pace_next(struct channel *c, const struct row *out, uint64_t now_us, uint64_t *first)
{
    uint64_t last = out->c[CHANNEL_OUT_next] - 1, end = out->c[CHANNEL_OUT_confirmed] + c->burst;
    *first = c->sent_to + 1;
    if (end < last)
        last = end;
    if (*first <= last)
        leaves(c, last, now_us);
    return last;
}
