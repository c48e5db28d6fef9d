/*
 * poison.c: poison-contained: an entry of a log that means nothing to a device, because its kind is younger than the
 * device or its message is not there, must not hold up what follows it.
 *
 * Method: which entries of a log may mean nothing to somebody is remembered as they are appended. A cursor that passes
 * one is a case that held. A device that asks again and again at one place while its log goes on, and never passes it,
 * is stuck; it is a violation when what comes next there is such an entry, and the history got to its end.
 */
#include "sim/check/state.h"

#define STUCK_HELLOS 4 /* of one place, each answered with a delta, and none brought the next entry */

static bool is_young(enum word what)
{
    return what == WORD_EDIT || what == WORD_HIDE || what == WORD_CLEARED || what == WORD_INVITE ||
           what == WORD_UNINVITE;
}

static bool needs_target(enum word what)
{
    return what == WORD_DELETE || what == WORD_EDIT || what == WORD_HIDE;
}

static bool has_message(const struct check *c, uint32_t device, uint32_t message)
{
    uint32_t at = state_body_find(c, device, message);
    return at && c->holdings[at].ever;
}

static bool means_nothing(const struct check *c, uint32_t device, enum word what, uint32_t message)
{
    if (is_young(what) && c->devices[device].old)
        return true;
    return needs_target(what) && message && !has_message(c, device, message);
}

static void append(struct check *c, const struct event *e)
{
    enum word what = word_of(c, record_get(e->r, FIELD_ENTRY));
    if (!is_young(what) && !needs_target(what))
        return;
    uint32_t i = GROW(c, suspects);
    struct user *u = &c->users[e->user];
    c->suspects[i] = (struct suspect){.epoch = record_get(e->r, FIELD_EPOCH),
                                      .position = record_get(e->r, FIELD_POSITION),
                                      .message = e->message,
                                      .older = u->suspects,
                                      .what = what};
    u->suspects = i;
}

static void hello(struct check *c, const struct event *e)
{
    struct device *d = &c->devices[e->device];
    uint64_t cursor = record_get(e->r, FIELD_CURSOR), epoch = record_get(e->r, FIELD_EPOCH);
    if (word_of(c, record_get(e->r, FIELD_ANSWER)) != WORD_DELTA || cursor >= record_get(e->r, FIELD_HEAD))
        return;
    if (d->stuck_at != cursor || d->stuck_epoch != epoch)
        d->stuck_hellos = 0;
    d->stuck_at = cursor;
    d->stuck_epoch = epoch;
    if (++d->stuck_hellos == STUCK_HELLOS)
        d->stuck_kept = state_keep(c, e->r);
}

void poison_before(struct check *c, const struct event *e)
{
    struct device *d = &c->devices[e->device];
    switch (e->r->kind) {
        case KIND_APPEND:
            append(c, e);
            break;
        case KIND_SYNC:
            hello(c, e);
            break;
        case KIND_INSTALL:
            d->stuck_hellos = 0;
            break;
        case KIND_CURSOR:
            d->stuck_hellos = 0;
            if (means_nothing(c, e->device, word_of(c, record_get(e->r, FIELD_ENTRY)), e->message))
                judge(c, INVARIANT_POISON_CONTAINED);
            break;
        default:
            break;
    }
}

static void stuck(struct check *c, uint32_t device)
{
    const struct device *d = &c->devices[device];
    uint32_t i = c->users[d->user].suspects;
    while (i && (c->suspects[i].position != d->stuck_at + 1 || c->suspects[i].epoch != d->stuck_epoch))
        i = c->suspects[i].older;
    if (!i || !means_nothing(c, device, c->suspects[i].what, c->suspects[i].message))
        return;
    if (!c->ended || !c->delivering || c->shard_exempt) {
        judge_unknown(c, INVARIANT_POISON_CONTAINED);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_POISON_CONTAINED, "%s asks again and again, and never passes the %s that comes next",
                nm(c, d->name), nm(c, c->words[c->suspects[i].what]));
    chain_kept(c, v, d->stuck_kept);
}

void poison_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->devices_count; i++) {
        const struct device *d = &c->devices[i];
        if (d->stuck_hellos >= STUCK_HELLOS && !d->exempt && !d->retired)
            stuck(c, i);
    }
}
