/*
 * agreement.c: what the final views must say: delete-dominates, replicas-agree, and the last word of no-silent-loss.
 *
 * The final view of a device is its last one, if it was taken when all had arrived: in a simulation, in the stages of
 * the end phase; elsewhere, after everything had been quiet for the online bound, on a connected device. The truth is
 * what the commits say; without them devices are compared with each other.
 */
#include "sim/check/state.h"

static bool quiet(const struct check *c, const struct device *d)
{
    return d->view_seq > c->last_activity_seq && d->view_at_us >= c->last_activity_us + c->options.online_us &&
           d->connected;
}

bool final_view(const struct check *c, const struct device *d)
{
    if (!c->ended || !d->view_no || d->exempt || d->retired)
        return false;
    return c->delivering ? d->view_phase >= 2 : quiet(c, d);
}

bool final_complete(const struct check *c, const struct device *d)
{
    const struct user *u = &c->users[d->user];
    return final_view(c, d) && d->view_has_cursor && d->view_epoch == u->epoch && d->view_cursor == u->head;
}

bool holding_in_view(const struct check *c, uint32_t holding)
{
    return holding && c->holdings[holding].view_no &&
           c->holdings[holding].view_no == c->devices[c->holdings[holding].device].view_no;
}

static void dominated(struct check *c, uint32_t device, uint32_t message, uint32_t holding, bool live)
{
    const struct message *m = &c->messages[message];
    const struct target *t = m->target.first ? &m->target : &c->convs[m->conv].target;
    struct verdict *v =
        violate(c, INVARIANT_DELETE_DOMINATES,
                live ? "%s, undone, is not readable on %s at the end" : "%s, deleted, is readable on %s at the end",
                nm(c, m->name), nm(c, c->devices[device].name));
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, c->changes[t->last].kept);
    if (holding) {
        chain_show(c, v, holding);
        chain_hide(c, v, holding);
    }
}

static void disagree(struct check *c, uint32_t device, uint32_t message, uint32_t holding, bool live)
{
    const struct message *m = &c->messages[message];
    struct verdict *v = violate(c, INVARIANT_REPLICAS_AGREE,
                                live ? "%s is not readable on %s at the end, and is live"
                                     : "%s is readable on %s at the end, and is deleted",
                                nm(c, m->name), nm(c, c->devices[device].name));
    chain_kept(c, v, m->send_kept);
    if (m->target.last)
        chain_kept(c, v, c->changes[m->target.last].kept);
    if (holding) {
        chain_show(c, v, holding);
        chain_hide(c, v, holding);
    }
}

/* Shown, but as it was before the last edit. */
static bool outdated(struct check *c, uint32_t device, uint32_t message, uint32_t holding)
{
    const struct message *m = &c->messages[message];
    if (!m->edit_version || c->holdings[holding].version >= m->edit_version)
        return false;
    struct verdict *v =
        violate(c, INVARIANT_REPLICAS_AGREE, "%s is readable on %s at the end as it was before its edit",
                nm(c, m->name), nm(c, c->devices[device].name));
    chain_kept(c, v, m->edit_kept);
    chain_show(c, v, holding);
    return true;
}

/* Shown, and no shard has it since the restore of its own. */
static bool lingers(struct check *c, uint32_t device, uint32_t message, uint32_t holding, bool shown)
{
    if (!shown)
        return false;
    struct verdict *v =
        violate(c, INVARIANT_REPLICAS_AGREE, "%s was lost by a restore, and is readable on %s at the end",
                nm(c, c->messages[message].name), nm(c, c->devices[device].name));
    chain_kept(c, v, c->messages[message].send_kept);
    chain_show(c, v, holding);
    return true;
}

/* One device of a current member against the commits of one conversation. */
static void judge_device(struct check *c, const struct member *member, uint32_t device, bool compared)
{
    const struct device *d = &c->devices[device];
    const struct conv *conv = &c->convs[member->conv];
    bool complete = final_complete(c, d), agrees = true;
    for (uint32_t i = conv->first_message; i; i = c->messages[i].next_in_conv) {
        const struct message *m = &c->messages[i];
        if (!m->sent && !m->lost)
            continue;
        uint32_t at = state_body_find(c, device, i);
        bool shown = holding_in_view(c, at), live = message_live(c, m);
        if (at && !shown && live && c->holdings[at].hid_pending)
            continue; /* its own deletion has not been answered yet */
        if (at && shown && c->holdings[at].pending)
            continue;
        if (forme_covers(c, d->user, i, false))
            continue;          /* this user's devices need not agree: scope-kept */
        if (m->lost && live) { /* nobody has it, and no device must */
            agrees &= !lingers(c, device, i, at, shown && compared);
            continue;
        }
        bool wrong = live ? !shown && m->send_version >= member->since : shown;
        if (complete && (m->target.first || conv->target.first)) {
            if (wrong)
                dominated(c, device, i, at, live);
            else
                judge(c, INVARIANT_DELETE_DOMINATES);
        }
        if (wrong && compared) {
            disagree(c, device, i, at, live);
            agrees = false;
        } else if (compared && live && shown && outdated(c, device, i, at))
            agrees = false;
    }
    if (agrees && compared)
        judge(c, INVARIANT_REPLICAS_AGREE);
}

/* What was sent before its user joined: nothing says that it must be there, but all of this user's devices agree. */
static void judge_before_joining(struct check *c, const struct member *member)
{
    for (uint32_t i = c->convs[member->conv].first_message; i; i = c->messages[i].next_in_conv) {
        const struct message *m = &c->messages[i];
        uint32_t has = 0, lacks = 0;
        if (!m->sent || m->send_version >= member->since || !message_live(c, m) ||
            forme_covers(c, member->user, i, false))
            continue;
        for (uint32_t d = c->users[member->user].devices; d; d = c->devices[d].next_of_user) {
            uint32_t at = final_complete(c, &c->devices[d]) ? state_body_find(c, d, i) : 0;
            if (holding_in_view(c, at) && !c->holdings[at].pending)
                has = at;
            else if (final_complete(c, &c->devices[d]) && !(at && c->holdings[at].hid_pending))
                lacks = d;
        }
        if (!has || !lacks)
            continue;
        struct verdict *v = violate(
            c, INVARIANT_REPLICAS_AGREE, "%s, sent before its user joined, is readable on %s at the end, and not on %s",
            nm(c, m->name), nm(c, c->devices[c->holdings[has].device].name), nm(c, c->devices[lacks].name));
        chain_kept(c, v, m->send_kept);
        chain_show(c, v, has);
    }
}

static void judge_conv(struct check *c, uint32_t conv)
{
    uint32_t viewed = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = c->convs[conv].members; i; i = c->members[i].next_of_conv) {
            if (!c->members[i].is)
                continue;
            if (pass == 0)
                judge_before_joining(c, &c->members[i]);
            for (uint32_t d = c->users[c->members[i].user].devices; d; d = c->devices[d].next_of_user) {
                if (!final_view(c, &c->devices[d]))
                    continue;
                if (pass == 0)
                    viewed++;
                else
                    judge_device(c, &c->members[i], d, viewed > 1);
            }
        }
}

/* ---- without commits ---- */

/* May this device be compared: of one who was a member before anything was shown, or (user given) of that user. */
static bool comparable(struct check *c, const struct member *member, uint32_t user, uint32_t device)
{
    const struct conv *conv = &c->convs[member->conv];
    if (!member->is || !final_view(c, &c->devices[device]))
        return false;
    if (user)
        return member->user == user;
    return !member->ended_seq && (!conv->first_show_seq || member->since_seq < conv->first_show_seq);
}

static void compare_message(struct check *c, uint32_t conv, uint32_t message, uint32_t user)
{
    const struct message *m = &c->messages[message];
    uint32_t with = 0, without = 0, lacks = 0, has = 0;
    if (m->target.open_ops || c->convs[conv].target.open_ops)
        return;
    for (uint32_t i = c->convs[conv].members; i; i = c->members[i].next_of_conv)
        for (uint32_t d = c->users[c->members[i].user].devices; d; d = c->devices[d].next_of_user) {
            if (!comparable(c, &c->members[i], user, d) || forme_covers(c, c->devices[d].user, message, true))
                continue;
            uint32_t at = state_body_find(c, d, message);
            bool shown = holding_in_view(c, at);
            if (at && (shown ? c->holdings[at].pending : c->holdings[at].hid_pending && !m->target.deleted))
                continue;
            if (shown) {
                with++;
                has = at;
            } else {
                without++;
                lacks = d;
            }
        }
    if (with + without < 2)
        return;
    if (!with || !without) {
        judge(c, INVARIANT_REPLICAS_AGREE);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_REPLICAS_AGREE, "%s is readable on %s at the end, and not on %s", nm(c, m->name),
                nm(c, c->devices[c->holdings[has].device].name), nm(c, c->devices[lacks].name));
    chain_show(c, v, has);
}

static void compare_conv(struct check *c, uint32_t conv)
{
    for (uint32_t m = c->convs[conv].first_message; m; m = c->messages[m].next_in_conv) {
        compare_message(c, conv, m, 0);
        for (uint32_t i = c->convs[conv].members; i; i = c->members[i].next_of_conv)
            if (!(c->members[i].since_seq < c->convs[conv].first_show_seq) || c->members[i].ended_seq)
                compare_message(c, conv, m, c->members[i].user);
    }
}

/* ---- no-silent-loss, the last word ---- */

static void judge_losses(struct check *c)
{
    for (uint32_t i = 1; i < c->holdings_count; i++) {
        const struct holding *h = &c->holdings[i];
        const struct device *d = &c->devices[h->device];
        const struct message *m = &c->messages[c->items[h->item].message];
        if (!h->ever || c->items[h->item].copy != c->words[WORD_BODY] || !m->sent || !final_complete(c, d))
            continue;
        const struct member *member = state_member(c, m->conv, d->user);
        if (!message_live(c, m) || !member || !member->is || m->send_version < member->since)
            continue;
        if (holding_in_view(c, i) || h->hid_pending || forme_covers(c, d->user, c->items[h->item].message, false)) {
            judge(c, INVARIANT_NO_SILENT_LOSS);
            continue;
        }
        struct verdict *v = violate(c, INVARIANT_NO_SILENT_LOSS, "%s once showed %s, which is live, and lost it",
                                    nm(c, d->name), nm(c, m->name));
        chain_kept(c, v, m->send_kept);
        chain_show(c, v, i);
        chain_hide(c, v, i);
    }
}

void agreement_finish(struct check *c)
{
    if (!c->ended)
        return;
    for (uint32_t i = 1; i < c->convs_count; i++) {
        if (c->inside)
            judge_conv(c, i);
        else
            compare_conv(c, i);
    }
    if (c->inside)
        judge_losses(c);
}
