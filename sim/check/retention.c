/*
 * retention.c: what retention by age may take, and must.
 *
 * A `retention` record says how old messages of a conversation become from its place on. A commit for the reason
 * "retention" must be of a message that had that age, by the time of the shard that ordered both (no-silent-loss); and
 * when all has settled, no message that is older is still live (jobs-finish). Edits do not count. While a fault moves
 * clocks, the history's time is not the shard's: unknown. In a device-side history a retention that was said explains
 * the hide of a message that was asked for so long ago.
 */
#include "sim/check/state.h"

static const struct retention *current(const struct check *c, uint32_t conv)
{
    uint32_t i = c->convs[conv].retentions;
    return i && c->retentions[i].period_us ? &c->retentions[i] : NULL;
}

static bool is_older(uint64_t now_us, uint64_t since_us, uint64_t period_us)
{
    return now_us >= since_us && now_us - since_us >= period_us;
}

bool retention_explains(const struct check *c, const struct message *m)
{
    const struct retention *r = current(c, m->conv);
    const struct op *send = &c->ops[m->send_op];
    return r && m->send_op && c->now &&
           is_older(c->now->at_us + c->options.clock_error_us, send->invoke_at_us, r->period_us);
}

void retention_before(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_COMMIT || word_of(c, record_get(e->r, FIELD_REASON)) != WORD_RETENTION || !e->message)
        return;
    const struct message *m = &c->messages[e->message];
    const struct retention *r = current(c, e->conv);
    if (c->clock_off) {
        judge_unknown(c, INVARIANT_NO_SILENT_LOSS);
        return;
    }
    if (r && m->sent && is_older(e->r->at_us, m->send_at_us, r->period_us)) {
        judge(c, INVARIANT_NO_SILENT_LOSS);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_NO_SILENT_LOSS, "retention took %s, and %s", nm(c, m->name),
                                r ? "it was not old enough" : "its conversation has none");
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, r ? r->kept : 0);
    chain_now(c, v);
}

void retention_after(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_RETENTION || !e->conv)
        return;
    uint32_t i = GROW(c, retentions);
    c->retentions[i].period_us = record_get(e->r, FIELD_PERIOD);
    c->retentions[i].kept = state_keep(c, e->r);
    c->convs[e->conv].retentions = i;
}

static void must_be_gone(struct check *c, const struct message *m, const struct retention *r)
{
    uint64_t slack_us = c->options.returning_us + c->options.clock_error_us; /* in which a shard that is down returns */
    if (!m->sent || !is_older(c->last_us, m->send_at_us, r->period_us))
        return;
    if (!message_live(c, m)) {
        judge(c, INVARIANT_JOBS_FINISH);
        return;
    }
    bool known = !c->clock_off && c->aging && !c->shard_exempt;
    if (!known || !is_older(c->last_us, m->send_at_us + slack_us, r->period_us)) {
        judge_unknown(c, INVARIANT_JOBS_FINISH);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_JOBS_FINISH, "%s is older than %s keeps, and was never deleted",
                                nm(c, m->name), nm(c, c->convs[m->conv].name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, r->kept);
}

void retention_finish(struct check *c)
{
    for (uint32_t i = 1; c->inside && c->ended && i < c->convs_count; i++) {
        const struct retention *r = current(c, i);
        for (uint32_t m = r ? c->convs[i].first_message : 0; m; m = c->messages[m].next_in_conv)
            must_be_gone(c, &c->messages[m], r);
    }
}
