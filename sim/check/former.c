/*
 * former.c: the part of hold-preserves that is about edits. What a message said before an edit, made while a legal hold
 * covered its conversation, is kept until the last hold on it is released, and no longer.
 *
 * The version that wrote the former text is known from the commits before the edit. Each observation of the shard must
 * find it (a `held` record with that version), readable, and the same each time; unless the purge of the message or of
 * its conversation, which waits for the hold itself, has begun. After the release the last observation must not find
 * it. What a reply quoted of somebody who is erased is found likewise, and nobody requires it. Limit: a restored shard
 * may have lost the edit, or have it from before; there it may be, and need not.
 */
#include "sim/check/state.h"

static uint32_t find(const struct check *c, uint32_t message, version v)
{
    for (uint32_t i = 1; i < c->formers_count; i++)
        if (c->formers[i].message == message && c->formers[i].version == v)
            return i;
    return 0;
}

static struct former *add(struct check *c, const struct event *e, version v)
{
    uint32_t i = find(c, e->message, v);
    if (!i) {
        i = GROW(c, formers);
        c->formers[i] = (struct former){.message = e->message, .version = v};
    }
    struct former *f = &c->formers[i];
    uint32_t home = c->messages[e->message].conv;
    f->conv = home ? home : e->conv;
    f->shard = record_get(e->r, FIELD_SHARD);
    if (!f->kept)
        f->kept = state_keep(c, e->r);
    return f;
}

/* Before it is folded in. */
void former_edited(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    version written = m->edit_version ? m->edit_version : m->send_version;
    uint32_t conv = m->conv ? m->conv : e->conv;
    if (!m->sent || !conv || c->convs[conv].restored_seq || !hold_at(c, record_get(e->r, FIELD_SHARD), conv))
        return;
    add(c, e, written)->required = true;
}

static bool going(const struct check *c, const struct former *f)
{
    const struct target *message = &c->messages[f->message].target, *conv = &c->convs[f->conv].target;
    return message->purging || message->purged || message->reaped || conv->purging || conv->purged || conv->reaped;
}

void former_found(struct check *c, const struct event *e)
{
    struct former *f = add(c, e, record_get(e->r, FIELD_VERSION));
    if (c->convs[f->conv].restored_seq && going(c, f))
        return; /* a backup still had it; it goes once more */
    uint64_t digest = record_get(e->r, FIELD_DIGEST);
    const char *name = nm(c, c->messages[e->message].name);
    struct verdict *v = NULL;
    if (record_get(e->r, FIELD_BROKEN))
        v = violate(c, INVARIANT_HOLD_PRESERVES, "a former text of %s is under a hold and cannot be read", name);
    else if (f->look && f->digest != digest)
        v = violate(c, INVARIANT_HOLD_PRESERVES, "a former text of %s is under a hold and has changed", name);
    chain_kept(c, v, f->kept);
    chain_now(c, v);
    f->digest = digest;
    f->look = c->looks;
}

void former_looked(struct check *c, uint64_t shard)
{
    for (uint32_t i = 1; i < c->formers_count; i++) {
        struct former *f = &c->formers[i];
        if (f->shard != shard)
            continue;
        f->there = f->look == c->looks;
        if (!f->required || going(c, f) || c->convs[f->conv].restored_seq)
            continue;
        if (f->there) {
            judge(c, INVARIANT_HOLD_PRESERVES);
            continue;
        }
        struct verdict *v =
            violate(c, INVARIANT_HOLD_PRESERVES, "%s was edited under a hold, and what it said before is not there",
                    nm(c, c->messages[f->message].name));
        chain_kept(c, v, f->kept);
        chain_now(c, v);
        f->required = false; /* said once */
    }
}

/* A hold came or went there. */
void former_released(struct check *c, uint64_t shard)
{
    for (uint32_t i = 1; i < c->formers_count; i++)
        if (c->formers[i].shard == shard && !hold_at(c, shard, c->formers[i].conv))
            c->formers[i].required = false;
}

/* over: the history goes on for as long as anything may take. */
void former_finish(struct check *c, bool over)
{
    for (uint32_t i = 1; i < c->formers_count; i++) {
        const struct former *f = &c->formers[i];
        if (hold_at(c, 0, f->conv))
            continue;
        if (!f->there) {
            judge(c, INVARIANT_HOLD_PRESERVES);
            continue;
        }
        if (!over) {
            judge_unknown(c, INVARIANT_HOLD_PRESERVES);
            continue;
        }
        struct verdict *v =
            violate(c, INVARIANT_HOLD_PRESERVES, "a former text of %s was held, was released, and is there still",
                    nm(c, c->messages[f->message].name));
        chain_kept(c, v, f->kept);
    }
}
