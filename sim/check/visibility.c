/*
 * visibility.c: honest-view, no-resurrection, no-silent-loss, from shows, hides and views.
 *
 * A copy that is hidden remembers the deletion that it was hidden by (its cover): by the version that the hide gives,
 * else the only committed one that is larger than what the device showed. A later show then needs an undo with a
 * version larger than the cover. A hide that is only the device's own overlay covers nothing until that device's own
 * deletion is committed.
 */
#include "sim/check/state.h"

/*
 * The deletion of t that hid this copy. A log is in order: who says that the version `said` hid it has applied all
 * changes up to that one. 0: none.
 */
static version cover_said(const struct check *c, const struct target *t, version said)
{
    const struct change *last = NULL;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].version <= said)
            last = &c->changes[i];
    return last && !last->undo ? last->version : 0;
}

/* How many deletions of t can have hidden a copy of the version `shown`, and the last of them. */
static int candidates(const struct check *c, const struct target *t, version shown, version *deletion)
{
    int count = 0;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (!c->changes[i].undo && c->changes[i].version > shown) {
            *deletion = c->changes[i].version;
            count++;
        }
    return count;
}

/* A committed deletion by this very device, that no undo followed. */
static const struct change *own_deletion(const struct check *c, const struct target *t, uint32_t device)
{
    const struct change *own = NULL;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo)
            own = NULL;
        else if (c->changes[i].device == device && c->changes[i].version)
            own = &c->changes[i];
    return own;
}

static const char *device_name(const struct check *c, const struct holding *h)
{
    return nm(c, c->devices[h->device].name);
}

static const char *message_name(const struct check *c, const struct holding *h)
{
    return nm(c, c->messages[c->items[h->item].message].name);
}

static void resurrected(struct check *c, uint32_t at, uint32_t kept)
{
    const struct holding *h = &c->holdings[at];
    struct verdict *v = violate(c, INVARIANT_NO_RESURRECTION, "%s shows %s again after its deletion was applied there",
                                device_name(c, h), message_name(c, h));
    chain_kept(c, v, c->messages[c->items[h->item].message].send_kept);
    chain_kept(c, v, kept);
    chain_show(c, v, at);
    chain_hide(c, v, at);
    chain_now(c, v);
}

/* Without commits: an acknowledged deletion that covers the hidden copy and was not undone. */
static const struct change *outside_deletion(const struct check *c, const struct target *t, const struct holding *h)
{
    const struct change *deletion = NULL;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo)
            deletion = NULL;
        else
            deletion = &c->changes[i];
    if (deletion && h->hid_pending && deletion->device != h->device)
        return NULL;
    return deletion;
}

static void suspect(struct check *c, enum invariant invariant, uint32_t holding, uint32_t kept)
{
    uint32_t i = GROW(c, suspicions);
    c->suspicions[i] = (struct suspicion){.invariant = invariant,
                                          .holding = holding,
                                          .kept = kept,
                                          .other = state_keep(c, c->now),
                                          .at_us = c->now->at_us};
}

static void show_outside(struct check *c, uint32_t at, struct message *m)
{
    const struct holding *h = &c->holdings[at];
    const struct change *deletion = outside_deletion(c, &m->target, h);
    if (!deletion && m->conv)
        deletion = outside_deletion(c, &c->convs[m->conv].target, h);
    if (!deletion)
        return;
    uint64_t error_us = c->options.clock_error_us;
    if (deletion->device != h->device && c->now->at_us <= deletion->at_us + error_us && error_us)
        judge_unknown(c, INVARIANT_NO_RESURRECTION);
    else if (error_us)
        suspect(c, INVARIANT_NO_RESURRECTION, at, deletion->kept);
    else
        resurrected(c, at, deletion->kept);
}

static void show_again(struct check *c, const struct event *e)
{
    uint32_t at = state_holding_of(c, e);
    struct holding *h = &c->holdings[at];
    struct message *m = &c->messages[e->message];
    if (!at || h->shown || !h->hide_seq || c->devices[e->device].retired || item_is_kept(c, h->item))
        return;
    if (!c->inside) {
        show_outside(c, at, m);
        return;
    }
    struct target *conv = m->conv ? &c->convs[m->conv].target : NULL;
    const struct change *own = own_deletion(c, &m->target, e->device);
    if (!own && conv)
        own = own_deletion(c, conv, e->device);
    if (own && own->seq < h->show_seq)
        own = NULL; /* it was shown since, for the first time: something of after that deletion */
    if (own)
        judge(c, INVARIANT_NO_RESURRECTION);
    if (h->cover && !target_undone_since(c, &m->target, h->cover))
        resurrected(c, at, m->target.first ? c->changes[m->target.first].kept : 0);
    else if (h->conv_cover && !target_undone_since(c, conv, h->conv_cover))
        resurrected(c, at, c->changes[conv->first].kept);
    else if (own)
        resurrected(c, at, own->kept);
    h->cover = h->conv_cover = 0;
}

/* After the hide was folded in: what deletion covers it from now on? */
static void cover(struct check *c, const struct event *e)
{
    struct holding *h = &c->holdings[state_holding_of(c, e)];
    struct message *m = &c->messages[e->message];
    struct target *conv = m->conv ? &c->convs[m->conv].target : NULL;
    h->cover = h->conv_cover = 0;
    if (!c->inside) {
        if (m->target.deleted || (conv && conv->deleted))
            judge(c, INVARIANT_NO_RESURRECTION);
        return;
    }
    if (h->hid_pending)
        return;
    version said = record_get(e->r, FIELD_VERSION);
    const struct member *member = state_member(c, m->conv, c->devices[e->device].user);
    bool evicted = member && (!member->is || member->ended_seq > h->show_seq);
    if (said) {
        h->cover = cover_said(c, &m->target, said);
        h->conv_cover = conv ? cover_said(c, conv, said) : 0;
    } else if (!evicted && h->version && !(m->lost || h->version < m->send_version)) {
        /* Else the eviction hid it, or a snapshot of before its send took a pending one away: no deletion was applied.
         */
        version of_message = 0, of_conv = 0;
        int count = candidates(c, &m->target, h->version, &of_message);
        count += conv ? candidates(c, conv, h->version, &of_conv) : 0;
        h->cover = count == 1 ? of_message : 0; /* with more than one, which one was it? */
        h->conv_cover = count == 1 ? of_conv : 0;
    }
    if (h->cover || h->conv_cover)
        judge(c, INVARIANT_NO_RESURRECTION);
}

/* ---- no-silent-loss ---- */

static bool own_request(const struct check *c, const struct target *t, uint32_t device)
{
    for (uint32_t i = t->ops; i; i = c->ops[i].next_of_target)
        if (c->ops[i].device == device)
            return true;
    return false;
}

static bool deleted_since(const struct check *c, const struct target *t, version shown)
{
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (!c->changes[i].undo && (!shown || !c->changes[i].version || c->changes[i].version > shown))
            return true;
    return false;
}

bool hide_explained(struct check *c, const struct event *e, const struct holding *h)
{
    struct message *m = &c->messages[e->message];
    struct conv *conv = &c->convs[m->conv];
    uint32_t user = c->devices[e->device].user;
    if (h->pending || m->lost || own_request(c, &m->target, e->device) || own_request(c, &conv->target, e->device))
        return true;
    if (m->missed_seq > h->show_seq)
        return true; /* a restore had lost it, and a younger backup has it: what was read between went without it */
    if ((m->sent || m->invitation) && h->version && h->version < m->send_version)
        return true; /* sent again after a restore: what was shown is lost */
    if (deleted_since(c, &m->target, h->version) || m->target.deleted || m->claims)
        return true;
    /* What was shown can be older than an undo of the conversation: any deletion since the show, or one in force. */
    if (conv->target.deleted || deleted_since(c, &conv->target, h->version))
        return true;
    if (forme_covers(c, user, e->message, true) ||
        (!c->inside && (bulk_asked(c, m) || retention_explains(c, m) || erasure_asked(c, m->author))))
        return true;
    struct member *member = state_member(c, m->conv, user);
    if (member && (!member->is || member->ended_seq > h->show_seq))
        return true;
    if (member && c->inside && m->sent && m->send_version < member->since)
        return true; /* of before the join: a snapshot need not have it */
    return c->devices[e->device].retired;
}

/* A quote goes with the reply that carries it, too: whether that one may go is judged by its own body. The quote can be
   the first to go, when a purge took its entry before it was sent and left that of the deletion. */
static bool carrier_gone(const struct check *c, const struct event *e, const struct holding *h)
{
    uint32_t via = c->items[h->item].via;
    uint32_t message = via ? name_index_get(&c->message_of, via) : 0;
    uint32_t body = message ? state_body_find(c, e->device, message) : 0;
    return body && (!c->holdings[body].shown || c->messages[message].target.deleted);
}

static void hide_before(struct check *c, const struct event *e)
{
    uint32_t at = state_holding_of(c, e);
    if (!at || !c->holdings[at].shown)
        return;
    const struct holding *h = &c->holdings[at];
    struct message *m = &c->messages[e->message];
    if (!item_lasts(c, h->item))
        return;
    if (hide_explained(c, e, h) || carrier_gone(c, e, h)) {
        judge(c, INVARIANT_NO_SILENT_LOSS);
        return;
    }
    enum word because = word_of(c, record_get(e->r, FIELD_BECAUSE));
    if (!c->inside && deleted_ancestor(c, e->message, true)) {
        judge_unknown(c, INVARIANT_NO_SILENT_LOSS); /* by policy it may go with what it replies to */
        return;
    }
    if (!c->inside && m->invitation) {
        judge_unknown(c, INVARIANT_NO_SILENT_LOSS); /* what it stood on may be gone */
        return;
    }
    if (!c->inside) {
        bool asked = m->target.ops || c->convs[m->conv].target.ops;
        if (asked)
            judge(c, INVARIANT_NO_SILENT_LOSS);
        else if ((because == WORD_EVICTION && !c->seen[KIND_MEMBER]) || because == WORD_RETENTION ||
                 because == WORD_RESET)
            judge_unknown(c, INVARIANT_NO_SILENT_LOSS);
        else
            suspect(c, INVARIANT_NO_SILENT_LOSS, at, 0);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_NO_SILENT_LOSS, "%s stops showing %s, and nothing that was decided explains it",
                device_name(c, h), message_name(c, h));
    chain_kept(c, v, m->send_kept);
    chain_show(c, v, at);
    chain_now(c, v);
}

/* ---- honest-view ---- */

static void dishonest(struct check *c, uint32_t device, uint32_t holding, uint64_t message, const char *how)
{
    struct verdict *v =
        violate(c, INVARIANT_HONEST_VIEW, "the view of %s %s %s", nm(c, c->devices[device].name), how, nm(c, message));
    if (holding) {
        chain_show(c, v, holding);
        chain_hide(c, v, holding);
    }
    chain_now(c, v);
}

static void view_item(struct check *c, const struct event *e, const struct record_item *item, uint64_t view_no)
{
    uint32_t message = state_message(c, item->message, state_conv(c, item->in));
    uint32_t at = message ? state_item_find(c, e->device, message, item) : 0;
    struct holding *h = &c->holdings[at];
    if (!at || !h->shown) {
        dishonest(c, e->device, at, item->message, at ? "has a hidden copy of" : "has a copy that was never shown, of");
        return;
    }
    h->view_no = view_no;
    h->view_version = item->version;
    if (!item->version || !h->version || h->pending || item->version == h->version)
        return;
    /* A snapshot may carry a younger version of what stays readable; nothing goes back. */
    if (item->version < h->version || !c->devices[e->device].installed)
        dishonest(c, e->device, at, item->message, "has another version than was shown, of");
}

static void honest_view(struct check *c, const struct event *e)
{
    struct device *d = &c->devices[e->device];
    uint64_t view_no = ++d->view_no;
    uint64_t before = c->verdicts[INVARIANT_HONEST_VIEW].violated;
    if (!d->ever_shown && !e->r->item_count)
        return;
    for (size_t i = 0; i < e->r->item_count; i++)
        view_item(c, e, &e->r->items[i], view_no);
    if (c->verdicts[INVARIANT_HONEST_VIEW].violated != before)
        return;
    d = &c->devices[e->device];
    if (d->shown <= e->r->item_count) {
        judge(c, INVARIANT_HONEST_VIEW);
        return;
    }
    for (uint32_t i = 1; i < c->holdings_count; i++) /* once, on a violation: which one is it? */
        if (c->holdings[i].device == e->device && c->holdings[i].shown && c->holdings[i].view_no != view_no) {
            dishonest(c, e->device, i, c->messages[c->items[c->holdings[i].item].message].name, "has not");
            return;
        }
}

void visibility_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_SHOW && e->message)
        show_again(c, e);
    if (e->r->kind == KIND_HIDE && e->message)
        hide_before(c, e);
    if (e->r->kind == KIND_VIEW)
        honest_view(c, e);
}

void visibility_after(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_HIDE && e->message)
        cover(c, e);
    if (e->r->kind != KIND_ACK || c->inside)
        return;
    const struct op *op = &c->ops[e->op];
    if (op->what != WORD_DELETE || op->settled)
        return; /* an optimistic hide is covered from the acknowledgement on */
    uint32_t at = state_body_find(c, e->device, op->message);
    if (at && !c->holdings[at].shown && c->holdings[at].hide_seq)
        judge(c, INVARIANT_NO_RESURRECTION);
}

static bool requested_by(const struct check *c, const struct target *t, uint64_t at_us)
{
    for (uint32_t i = t->ops; i; i = c->ops[i].next_of_target)
        if (c->ops[i].invoke_at_us <= at_us)
            return true;
    return false;
}

static bool undone_by(const struct check *c, const struct target *t, uint64_t at_us)
{
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo && c->changes[i].at_us <= at_us)
            return t->deleted || c->changes[t->last].undo;
    return false;
}

void visibility_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->suspicions_count; i++) {
        const struct suspicion *s = &c->suspicions[i];
        const struct holding *h = &c->holdings[s->holding];
        struct message *m = &c->messages[c->items[h->item].message];
        struct target *conv = &c->convs[m->conv].target;
        uint64_t by_us = s->at_us + c->options.clock_error_us;
        bool loss = s->invariant == INVARIANT_NO_SILENT_LOSS;
        bool open = loss ? requested_by(c, &m->target, by_us) || requested_by(c, conv, by_us)
                         : undone_by(c, &m->target, by_us) || undone_by(c, conv, by_us);
        if (open) {
            judge_unknown(c, s->invariant);
            continue;
        }
        struct verdict *v = violate(c, s->invariant,
                                    loss ? "%s stops showing %s, and nobody asked for its deletion"
                                         : "%s shows %s again after its deletion was applied there",
                                    device_name(c, h), message_name(c, h));
        chain_kept(c, v, s->kept);
        chain_kept(c, v, s->other);
    }
}
