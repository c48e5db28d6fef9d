/*
 * fold.c: the model moves on by one record.
 *
 * With inside kinds the commits move the targets. Without them (somebody else's history) an acknowledgement of a
 * deletion does, and an undo from its invocation on, unless it is refused: it may explain a show.
 */
#include "sim/check/state.h"

uint32_t target_change(struct check *c, const struct event *e, uint32_t message, bool undo)
{
    struct target *t = state_target(c, e->conv, message);
    version version_of = record_get(e->r, FIELD_VERSION);
    if (!undo && t->deleted && version_of && c->changes[t->last].version == version_of)
        return t->last; /* repeated, and recognised as the same */
    uint32_t i = GROW(c, changes);
    c->changes[i] = (struct change){.version = version_of,
                                    .at_us = e->r->at_us,
                                    .seq = e->r->seq,
                                    .deadline_us = record_get(e->r, FIELD_DEADLINE),
                                    .kept = state_keep(c, e->r),
                                    .actor = e->actor,
                                    .device = e->device,
                                    .op = e->op,
                                    .undo = undo};
    if (t->last)
        c->changes[t->last].next = i;
    else
        t->first = i;
    t->last = i;
    t->deleted = !undo;
    if (undo)
        t->purging = t->purged = false;
    if (undo)
        c->work.undos++;
    else
        c->work.deletions++;
    return i;
}

static void add_claim(struct check *c, const struct event *e, bool by_ack)
{
    struct message *m = &c->messages[e->message];
    for (uint32_t i = m->claims; i; i = c->claims[i].next)
        if (e->op && c->claims[i].op == e->op)
            return;
    uint32_t i = GROW(c, claims);
    c->claims[i] = (struct claim){.next = m->claims,
                                  .conv = e->conv,
                                  .actor = e->actor,
                                  .op = e->op,
                                  .kept = state_keep(c, e->r),
                                  .by_ack = by_ack};
    m->claims = i;
}

static void fold_invitation(struct check *c, const struct event *e)
{
    struct message *m = &c->messages[e->message];
    m->invitation = true;
    m->lost = false;
    m->author = e->actor;
    m->invitee = e->subject;
    m->send_kept = state_keep(c, e->r);
}

static void fold_invoke(struct check *c, const struct event *e)
{
    struct op *op = &c->ops[e->op];
    if (op->invoked)
        return;
    op->invoked = true;
    op->what = e->what;
    op->device = e->device;
    op->conv = e->conv;
    op->message = e->message;
    op->invoke_seq = e->r->seq;
    op->invoke_at_us = e->r->at_us;
    op->kept = state_keep(c, e->r);
    bool deletes = e->what == WORD_DELETE || e->what == WORD_DELETE_CONV || ends_invitation(e->what);
    bool undoes = e->what == WORD_UNDO || e->what == WORD_UNDO_CONV;
    if (e->what == WORD_INVITE && e->message && !c->inside)
        fold_invitation(c, e);
    if (e->what == WORD_SEND && e->message) {
        c->messages[e->message].send_op = e->op;
        c->messages[e->message].parent = state_message(c, record_get(e->r, FIELD_VIA), 0);
        if (!c->messages[e->message].author)
            c->messages[e->message].author = c->devices[e->device].user;
    }
    if (e->what == WORD_DELETE_ALL && e->conv) {
        op->subject = e->subject;
        op->next_of_target = c->convs[e->conv].bulks;
        c->convs[e->conv].bulks = e->op;
    }
    if ((!deletes && !undoes) || (!e->message && !e->conv))
        return;
    struct target *t = state_target(c, e->conv, e->message);
    t->open_ops++;
    if (deletes) {
        op->next_of_target = t->ops;
        t->ops = e->op;
    } else if (!c->inside && t->first)
        target_change(c, e, e->message, true);
}

static void fold_answer(struct check *c, const struct event *e)
{
    struct op *op = &c->ops[e->op];
    bool ack = e->r->kind == KIND_ACK;
    bool first = !op->acked && !op->refused && op->invoked;
    bool deletes = op->what == WORD_DELETE || op->what == WORD_DELETE_CONV || ends_invitation(op->what);
    bool undoes = op->what == WORD_UNDO || op->what == WORD_UNDO_CONV;
    if (ack) {
        op->acked = true;
        op->settled = record_get(e->r, FIELD_SETTLED);
        op->ack_seq = e->r->seq;
        op->ack_at_us = e->r->at_us;
        op->ack_kept = state_keep(c, e->r);
    } else
        op->refused = true;
    if (!first || (!deletes && !undoes) || (!op->message && !op->conv))
        return;
    struct target *t = state_target(c, op->conv, op->message);
    if (t->open_ops)
        t->open_ops--;
    struct event of_op = *e;
    of_op.conv = op->conv;
    of_op.message = op->message;
    if (ack && deletes && !op->settled && !c->inside)
        target_change(c, &of_op, op->message, false);
    if (ack && op->what == WORD_DELETE && !op->settled && c->inside && op->message && !c->messages[op->message].sent &&
        !op->early)
        add_claim(c, &of_op, true);
    for (uint32_t i = ack ? 0 : c->messages[op->message].claims; i; i = c->claims[i].next)
        if (c->claims[i].op == e->op)
            c->claims[i].refused = true;
    if (ack || !undoes || c->inside)
        return;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].op == e->op)
            c->changes[i].undo = false; /* the deletion went on */
    t->deleted = t->last && !c->changes[t->last].undo;
}

static void fold_rule(struct check *c, const struct event *e)
{
    static const enum word words[RIGHTS] = {WORD_DELETE,   WORD_DELETE_CONV, WORD_REMOVE, WORD_ADD,
                                            WORD_SET_ROLE, WORD_ANNOUNCE,    WORD_INVITE};
    enum word role = word_of(c, record_get(e->r, FIELD_ROLE));
    for (int i = 0; i < RIGHTS; i++)
        if (words[i] == e->what)
            c->convs[e->conv].least[i] = (uint8_t)(role == WORD_ROLE_NONE ? RANK_NOBODY + 1 : rank_of(role) + 1);
}

static void fold_member(struct check *c, const struct event *e)
{
    uint32_t *slot = pair_map_at(&c->member_of, ((uint64_t)e->conv << 32) | e->user);
    if (!*slot) {
        *slot = GROW(c, members);
        struct member *m = &c->members[*slot];
        m->conv = e->conv;
        m->user = e->user;
        m->next_of_conv = c->convs[e->conv].members;
        m->next_of_user = c->users[e->user].members;
        c->convs[e->conv].members = c->users[e->user].members = *slot;
    }
    struct member *m = &c->members[*slot];
    enum word role = word_of(c, record_get(e->r, FIELD_ROLE));
    m->kept = state_keep(c, e->r);
    if (role == WORD_ROLE_NONE) {
        m->ended_seq = e->r->seq;
        m->ended = record_get(e->r, FIELD_VERSION);
        m->is = false;
        m->rank = 0;
        return;
    }
    version since = record_get(e->r, FIELD_VERSION);
    if (!m->is && (!since || since != m->since)) { /* else a restored shard says again what it was before */
        m->since = since;
        m->since_seq = e->r->seq;
    }
    if (m->is && rank_of(role) < m->rank)
        m->lowered_seq = e->r->seq;
    m->is = true;
    m->gone = false;
    m->rank = rank_of(role);
}

static void unlink_holding(struct check *c, uint32_t at)
{
    struct holding *h = &c->holdings[at];
    if (h->prev)
        c->holdings[h->prev].next = h->next;
    else
        c->items[h->item].first_holding = h->next;
    if (h->next)
        c->holdings[h->next].prev = h->prev;
    h->next = h->prev = 0;
    h->shown = false;
    c->devices[h->device].shown--;
}

static void fold_copy(struct check *c, const struct event *e)
{
    uint32_t at = state_holding_put(c, e);
    struct holding *h = &c->holdings[at];
    bool pending = record_get(e->r, FIELD_PENDING);
    if (e->r->kind == KIND_HIDE) {
        if (h->shown)
            unlink_holding(c, at);
        h->because = (uint32_t)record_get(e->r, FIELD_BECAUSE);
        enum word because = word_of(c, h->because);
        h->hid_pending = pending || because == WORD_PENDING || because == WORD_REFUSED || because == WORD_DRAFTED;
        h->hide_seq = e->r->seq;
        h->hide_at_us = e->r->at_us;
        return;
    }
    if (!h->shown) {
        struct item *item = &c->items[h->item];
        h->next = item->first_holding;
        if (h->next)
            c->holdings[h->next].prev = at;
        item->first_holding = at;
        h->shown = true;
        c->devices[e->device].shown++;
        c->devices[e->device].ever_shown++;
    }
    h->pending = pending;
    h->ever |= !pending;
    h->version = record_get(e->r, FIELD_VERSION);
    h->show_seq = e->r->seq;
    h->show_at_us = e->r->at_us;
    if (e->conv && word_of(c, c->items[h->item].copy) == WORD_UNREAD)
        c->convs[e->conv].counted = true;
    if (e->conv && !c->convs[e->conv].first_show_seq)
        c->convs[e->conv].first_show_seq = e->r->seq;
}

static void fold_commit(struct check *c, const struct event *e)
{
    struct op part = {.kept = 1}, *op = e->op ? &c->ops[e->op] : &part; /* a part of a job is no operation of its own */
    op->committed = true;
    op->version = record_get(e->r, FIELD_VERSION);
    if (!op->kept)
        op->kept = state_keep(c, e->r);
    if (e->what == WORD_SEND && e->message) {
        uint32_t parent = state_message(c, record_get(e->r, FIELD_VIA), 0);
        struct message *m = &c->messages[e->message];
        m->parent = parent;
        if (m->lost) {
            m->other_seq = m->send_seq;
            m->other_version = m->send_version;
        }
        m->sent = true;
        m->lost = false;
        m->author = e->actor;
        m->send_version = op->version;
        m->send_seq = e->r->seq;
        m->send_at_us = e->r->at_us;
        m->send_kept = state_keep(c, e->r);
        m->sent_when_closed = e->conv && c->convs[e->conv].target.deleted;
    }
    struct member *reader = e->what == WORD_READ ? state_member(c, e->conv, e->actor) : NULL;
    if (reader && reader->read < c->messages[e->message].send_version)
        reader->read = c->messages[e->message].send_version;
    if (e->what == WORD_EDIT && e->message) { /* it changes the text, and never what a deletion decided */
        c->messages[e->message].edit_version = op->version;
        c->messages[e->message].edit_kept = state_keep(c, e->r);
    }
    if (e->what == WORD_DELETE && e->message) {
        if (c->messages[e->message].sent)
            target_change(c, e, e->message, false);
        else
            add_claim(c, e, false);
    }
    if (e->what == WORD_UNDO && e->message)
        target_change(c, e, e->message, true);
    if (e->what == WORD_INVITE && e->message) {
        fold_invitation(c, e);
        c->messages[e->message].send_version = op->version;
        c->messages[e->message].send_seq = e->r->seq;
    }
    if (ends_invitation(e->what) && e->message)
        target_change(c, e, e->message, false);
    if ((e->what == WORD_DELETE_CONV || e->what == WORD_UNDO_CONV) && e->conv)
        target_change(c, e, 0, e->what == WORD_UNDO_CONV);
}

static void fold_bind(struct check *c, const struct event *e)
{
    struct message *m = &c->messages[e->message];
    bool accepted = word_of(c, record_get(e->r, FIELD_ANSWER)) == WORD_ACCEPTED;
    for (uint32_t i = m->claims; i; i = c->claims[i].next)
        if (c->claims[i].actor == e->actor && !c->claims[i].by_ack) {
            c->claims[i].accepted = accepted;
            c->claims[i].refused = !accepted;
        }
    if (accepted)
        target_change(c, e, e->message, false);
}

/* It goes on under another id: a device that is linked, with what it shows, and with nothing under way. */
static void begin_again(struct check *c, uint32_t device)
{
    struct device *d = &c->devices[device];
    for (uint32_t i = 1; i < c->ops_count; i++)
        c->ops[i].lapsed |= c->ops[i].device == device && !c->ops[i].acked && !c->ops[i].refused;
    d->retired = d->fenced = d->installed = d->resetting = d->shared = false;
    d->root = 0;
    d->renamed = true;
    d->fence_generation = d->rewound_to = d->cursor = d->epoch = 0;
}

/* Under one id with others: those who were started from the same device; what was started so before may have another id
   by now, and this one is of no use any more. */
static bool share(struct check *c, uint32_t device, uint32_t source)
{
    struct device *d = &c->devices[device];
    d->root = c->devices[source].root ? c->devices[source].root : source;
    bool shares = c->devices[source].renamed || c->devices[d->root].renamed || c->devices[d->root].started;
    c->devices[d->root].started = true;
    for (uint32_t i = c->users[d->user].devices; i; i = c->devices[i].next_of_user) {
        struct device *other = &c->devices[i];
        if (i == device || other->exempt || other->retired || (i != d->root && other->root != d->root))
            continue;
        other->shared = true;
        shares = true;
    }
    return shares;
}

/* It starts with copies that another device had; each is as if it had been shown here. */
static void fold_restore(struct check *c, const struct event *e)
{
    uint32_t source = state_device_find(c, record_get(e->r, FIELD_SOURCE));
    struct device *d = &c->devices[e->device], *s = &c->devices[source];
    d->cursor = record_get(e->r, FIELD_CURSOR);
    d->epoch = record_get(e->r, FIELD_EPOCH);
    d->installed = s->installed && d->epoch;
    d->install_seq = 0;     /* not known: the image may be of before */
    d->linked |= !d->epoch; /* the image is of one that was linked, and had nothing yet */
    bool own_id = record_get(e->r, FIELD_LINKED);
    d->fence_generation = own_id ? 0 : s->fence_generation;
    d->fenced = !own_id && s->fenced; /* it is the id that is fenced */
    s->exempt |= !own_id && !record_get(e->r, FIELD_CLONE);
    d->shared = !own_id && share(c, e->device, source);
    d->rewound_to = !d->shared && !own_id && s->epoch == d->epoch ? s->cursor : 0;
    for (size_t i = 0; i < e->r->item_count; i++) {
        const struct record_item *item = &e->r->items[i];
        struct record show;
        struct event shown;
        record_begin(&show, KIND_SHOW, e->r->at_us);
        show.seq = e->r->seq;
        record_set(&show, FIELD_DEVICE, c->devices[e->device].name);
        record_set(&show, FIELD_IN, item->in);
        record_set(&show, FIELD_MESSAGE, item->message);
        record_set(&show, FIELD_COPY, item->copy);
        if (item->via)
            record_set(&show, FIELD_VIA, item->via);
        if (item->version)
            record_set(&show, FIELD_VERSION, item->version);
        else
            record_set(&show, FIELD_PENDING, 1);
        state_resolve(c, &show, &shown);
        if (shown.message)
            fold_copy(c, &shown);
    }
}

static void fold_device_side(struct check *c, const struct event *e)
{
    struct device *d = &c->devices[e->device];
    switch (e->r->kind) {
        case KIND_DEVICE:
            if (e->device && e->user && !d->user) {
                d->user = e->user;
                d->next_of_user = c->users[e->user].devices;
                c->users[e->user].devices = e->device;
            }
            if (d->retired || d->shared)
                begin_again(c, e->device);
            d->linked = record_get(e->r, FIELD_LINKED);
            d->old = record_get(e->r, FIELD_OLD);
            break;
        case KIND_RULE:
            fold_rule(c, e);
            break;
        case KIND_OFFICER:
            c->users[e->user].officer = true;
            break;
        case KIND_MEMBER:
            fold_member(c, e);
            break;
        case KIND_CONNECT:
            d->connected = true;
            d->connected_at_us = e->r->at_us;
            d->connect_seq = e->r->seq;
            break;
        case KIND_DISCONNECT:
            d->connected = false;
            d->disconnected_at_us = e->r->at_us;
            break;
        case KIND_INVOKE:
            fold_invoke(c, e);
            break;
        case KIND_ACK:
        case KIND_REFUSE:
            fold_answer(c, e);
            break;
        case KIND_SHOW:
        case KIND_HIDE:
            if (e->message)
                fold_copy(c, e);
            break;
        case KIND_DEVICE_RESTORE:
            fold_restore(c, e);
            break;
        case KIND_VIEW:
            d->view_at_us = e->r->at_us;
            d->view_seq = e->r->seq;
            d->view_has_cursor = record_has(e->r, FIELD_CURSOR);
            d->view_cursor = record_get(e->r, FIELD_CURSOR);
            d->view_epoch = record_get(e->r, FIELD_EPOCH);
            d->view_phase = c->aging ? 3 : c->delivering ? 2 : 1;
            break;
        case KIND_END:
            c->ended = true;
            break;
        default:
            break;
    }
}

static void fold_sync(struct check *c, const struct event *e)
{
    struct device *d = &c->devices[e->device];
    enum word answer = word_of(c, record_get(e->r, FIELD_ANSWER));
    switch (e->r->kind) {
        case KIND_CURSOR:
        case KIND_INSTALL:
            d->epoch = record_get(e->r, FIELD_EPOCH);
            d->cursor = record_get(e->r, FIELD_POSITION);
            d->progress_at_us = e->r->at_us;
            if (e->r->kind == KIND_CURSOR)
                break;
            d->installed = true;
            d->install_seq = e->r->seq;
            d->resetting = false;
            if (record_get(e->r, FIELD_GENERATION) >= d->fence_generation)
                d->fenced = false;
            break;
        case KIND_SYNC:
            d->resetting = answer == WORD_RESET;
            d->retired |= answer == WORD_RETIRE;
            break;
        case KIND_ACKNOWLEDGED:
            if (record_get(e->r, FIELD_GENERATION) >= d->fence_generation)
                d->fenced = false;
            break;
        case KIND_FENCE:
            d->fenced = true;
            d->fence_generation = record_get(e->r, FIELD_GENERATION);
            break;
        default:
            break;
    }
}

static void fold_fault(struct check *c, const struct event *e)
{
    enum word fault = word_of(c, record_get(e->r, FIELD_FAULT));
    uint64_t step = record_get(e->r, FIELD_STEP);
    if (!step)
        step = record_get(e->r, FIELD_CAUSE);
    uint32_t at = 0;
    while (at < c->fault_count && c->faults[at] != step)
        at++;
    if (record_get(e->r, FIELD_COUNT))
        c->work.faults++;
    c->clock_off |= fault == WORD_CLOCK;
    if (fault == WORD_UPGRADE) /* device 0 is nobody */
        c->devices[state_device_find(c, record_get(e->r, FIELD_NODE))].old = false;
    if (!step) { /* one of many that have no name: they are counted */
        bool over = fault == WORD_HEAL || fault == WORD_RELEASE || fault == WORD_RESUME;
        c->nameless_faults += fault_lasts(fault) && fault != WORD_DROP;
        c->nameless_faults -= over && c->nameless_faults;
        c->fault_end_us = over ? e->r->at_us : c->fault_end_us;
        return;
    }
    bool ends = fault == WORD_HEAL || fault == WORD_RELEASE || fault == WORD_RESUME ||
                (fault == WORD_DROP && (record_get(e->r, FIELD_COUNT) || at < c->fault_count));
    if (fault_lasts(fault) && !ends && at == c->fault_count && at < FAULTS_MAX)
        c->faults[c->fault_count++] = (uint32_t)step;
    if (!ends)
        return;
    if (at < c->fault_count)
        c->faults[at] = c->faults[--c->fault_count];
    c->fault_end_us = e->r->at_us;
}

static void fold_world(struct check *c, const struct event *e)
{
    uint64_t node = record_get(e->r, FIELD_NODE);
    uint32_t device = state_device_find(c, node);
    enum word phase = word_of(c, record_get(e->r, FIELD_PHASE));
    switch (e->r->kind) {
        case KIND_PHASE:
            c->delivering |= phase == WORD_DELIVER || phase == WORD_AGE;
            c->aging |= phase == WORD_AGE;
            if (phase == WORD_HEAL || phase == WORD_DELIVER || phase == WORD_AGE) {
                c->fault_count = c->nameless_faults = 0;
                c->fault_end_us = e->r->at_us;
            }
            break;
        case KIND_FAULT:
            fold_fault(c, e);
            break;
        case KIND_CRASH:
            c->work.faults++;
            if (device)
                c->devices[device].connected = false;
            else
                c->shards_down++;
            break;
        case KIND_RESTART:
            if (device || !c->shards_down)
                break;
            c->shards_down--;
            c->fault_end_us = e->r->at_us;
            break;
        case KIND_EXEMPT:
            if (device)
                c->devices[device].exempt = true;
            else
                c->shard_exempt = true;
            break;
        default:
            break;
    }
}

static void fold_shard(struct check *c, const struct event *e)
{
    struct target *t = e->conv || e->message ? state_target(c, e->conv, e->message) : NULL;
    switch (e->r->kind) {
        case KIND_COMMIT:
            fold_commit(c, e);
            break;
        case KIND_REJECT:
            c->ops[e->op].rejected = true;
            break;
        case KIND_EARLY:
            c->ops[e->op].early = true;
            if (e->message)
                add_claim(c, e, false);
            break;
        case KIND_BIND:
            if (e->message)
                fold_bind(c, e);
            break;
        case KIND_PURGING:
            if (t)
                t->purging = true;
            break;
        case KIND_PURGE:
            if (!t)
                break;
            t->purging = t->purged = true;
            if (!t->purge_kept)
                t->purge_kept = state_keep(c, e->r);
            break;
        case KIND_REAP:
            if (t)
                t->reaped = true;
            break;
        default:
            break;
    }
}

void fold(struct check *c, const struct event *e)
{
    switch (history_kinds()[e->r->kind].side) {
        case SIDE_DEVICE:
            fold_device_side(c, e);
            break;
        case SIDE_INSIDE:
            fold_sync(c, e);
            fold_shard(c, e);
            break;
        case SIDE_WORLD:
            fold_world(c, e);
            break;
    }
}
