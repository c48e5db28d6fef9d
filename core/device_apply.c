/*
 * device_apply.c: what an entry of the log, or a snapshot, does to the replica. Nothing else changes the replica (D1).
 *
 * Every entry is compared with what the replica has of the same target, and the larger version wins (D4); entries that
 * a snapshot already contains are left out (R3). An entry of a conversation that the device does not have changes
 * nothing: only a JOIN makes a conversation, so what was evicted or is not in the snapshot does not come back by a late
 * message.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"

#include <stdlib.h>

static bool is_told(const struct device *d, conv_id conv)
{
    return d->looking_at == conv || replica_draft_find(&d->replica, conv);
}

/* The row has nothing in the replica any more; view_update drops it. Flawed: it stays where it was, readable. */
static void forget_row(struct device *d, struct replica_row *row)
{
    if (decide_hide_drops_row(d->policy))
        row->in_replica = false;
    row->deleted = true;
}

static void forget_conv(struct device *d, struct replica_conv *conv, version at)
{
    for (size_t i = replica_row_from(&d->replica, conv->id, 0); i < d->replica.row_count; i++) {
        if (d->replica.rows[i].conv != conv->id)
            break;
        forget_row(d, &d->replica.rows[i]);
    }
    outbox_lost(d, conv->id, at);
    replica_conv_remove(&d->replica, conv);
}

/* For this user alone: the row stays, so that nothing older or younger shows it, but without its content. */
static void hide_row(struct replica_row *row)
{
    row->hidden = true;
    row->body = (struct text){0};
}

static void apply_hide(struct device *d, const struct wire *w)
{
    struct replica_row *row = replica_row_find(&d->replica, w->conv, w->target);
    outbox_carried(d, w->target);
    if (!row || !row->in_replica) {
        row = replica_row_put(&d->replica, w->conv, w->target);
        row->in_replica = true;
        row->version = w->version;
        row->sent = w->sent;
    }
    hide_row(row);
    copies_requote(d, w->conv, w->target);
}

/* To a message that is here; which one does not show it. */
static void attach(struct device *d, conv_id conv, msg_id message, msg_id blob)
{
    struct replica_row *row = replica_row_find(&d->replica, conv, message);
    if (row && row->in_replica)
        row->blob = blob;
}

static void apply_quote(struct device *d, const struct wire *w)
{
    bool kept = (w->flags & QUOTE_KEPT) != 0;
    if (kept && !w->body.len)
        copies_unquote(d, w->conv, w->target);
    copies_quote(d, w->conv, kept ? w->target : w->reply, w->version, w->sent, &w->body);
}

static void apply_clear(struct device *d, struct replica_conv *conv, const struct wire *w)
{
    if (conv->cleared < w->sent)
        conv->cleared = w->sent;
    for (size_t i = replica_row_from(&d->replica, conv->id, 0); i < d->replica.row_count; i++) {
        struct replica_row *row = &d->replica.rows[i];
        if (row->conv != conv->id)
            break;
        if (row->in_replica && row->sent <= conv->cleared)
            hide_row(row);
    }
    copies_requote(d, conv->id, 0);
}

static void set_live(struct replica_row *row, const struct wire *w)
{
    row->in_replica = true;
    row->deleted = false;
    row->version = w->version;
    row->author = w->actor;
    row->body = row->hidden ? (struct text){0} : w->body;
    if (row->shown == SHOWN_READABLE)
        row->shown = SHOWN_PENDING; /* said again, with the new version */
}

/* One message: SEND, EDIT, DELETE, UNDO, PURGE. */
static void change_message(struct device *d, const struct replica_conv *conv, const struct wire *w)
{
    struct replica_row *row = replica_row_find(&d->replica, w->conv, w->target);
    bool known = row && row->in_replica;
    outbox_carried(d, w->target);
    if (w->entry ==
        ENTRY_PURGE) { /* the end of the deletion that it names or of a later one: equal is not a repetition */
        if (row && (!known || w->version >= row->version))
            forget_row(d, row);
        return;
    }
    if (!decide_version_wins(d->policy, w->version, known ? row->version : 0, known && row->deleted))
        return;
    if (w->entry == ENTRY_EDIT && known && row->deleted && decide_edit_needs_live(d->policy))
        return; /* only an undo shows it again; that one carries the edited text */
    row = replica_row_put(&d->replica, w->conv, w->target);
    if (!known)
        row->hidden = false;
    if (w->entry == ENTRY_SEND || w->sent)
        row->sent = w->entry == ENTRY_SEND ? w->version : w->sent;
    if (row->sent && row->sent <= conv->cleared)
        hide_row(row);
    if (w->entry != ENTRY_DELETE) {
        set_live(row, w);
        return;
    }
    row->in_replica = true; /* unknown or not: an older SEND must never show it */
    row->deleted = true;
    row->version = w->version;
}

static void apply_message(struct device *d, const struct replica_conv *conv, const struct wire *w)
{
    change_message(d, conv, w);
    if (w->reply)
        copies_link(d, w->conv, w->target, w->reply);
    copies_requote(d, w->conv, w->target);
}

/* A conversation's own state; U6: it has nothing to do with that of its messages. Returns whether it was deleted now.
 */
static bool apply_conv_state(const struct device *d, struct replica_conv *conv, const struct wire *w)
{
    if (!decide_version_wins(d->policy, w->version, conv->state, conv->deleted))
        return false;
    bool was = conv->deleted;
    conv->state = w->version;
    conv->deleted = w->entry == ENTRY_DELETE_CONV;
    return conv->deleted && !was;
}

static void apply_join(struct device *d, const struct wire *w)
{
    struct replica_conv *conv = replica_conv_find(&d->replica, w->conv);
    if (!conv) {
        conv = replica_conv_put(&d->replica, w->conv);
        conv->as_of = w->version;
    }
    if (conv->last < w->version)
        conv->last = w->version;
    conv->kind = w->conv_kind;
    conv->role = w->role;
}

/* The conversation is there and the entry is newer than its snapshot. Returns whether the person must be told. */
static bool apply_known(struct device *d, struct replica_conv *conv, const struct wire *w)
{
    if (conv->last < w->version)
        conv->last = w->version;
    switch (w->entry) {
        case ENTRY_MEMBER:
        case ENTRY_ROLE:
            if (w->subject == d->user)
                conv->role = w->role;
            return false;
        case ENTRY_SEND:
        case ENTRY_EDIT:
        case ENTRY_DELETE:
        case ENTRY_UNDO:
        case ENTRY_PURGE:
            apply_message(d, conv, w);
            return false;
        case ENTRY_READ:
            if (conv->read < w->sent)
                conv->read = w->sent;
            return false;
        case ENTRY_QUOTE:
            apply_quote(d, w);
            return false;
        case ENTRY_EXPORT:
            copies_export(d, w);
            return false;
        case ENTRY_ATTACH:
            attach(d, w->conv, w->target, w->reply);
            return false;
        case ENTRY_HIDE:
            apply_hide(d, w);
            return false;
        case ENTRY_CLEAR:
            apply_clear(d, conv, w);
            return false;
        case ENTRY_DELETE_CONV:
            return apply_conv_state(d, conv, w) && is_told(d, w->conv);
        case ENTRY_UNDO_CONV:
            apply_conv_state(d, conv, w);
            return false;
        case ENTRY_EVICT: /* M2 */
            forget_conv(d, conv, w->version);
            return false;
        case ENTRY_PURGE_CONV:
            forget_conv(d, conv, UINT64_MAX);
            return false;
        default:
            return false;
    }
}

static enum because because_gone(const struct wire *w)
{
    switch (w->entry) {
        case ENTRY_EVICT:
            return BECAUSE_EVICTION;
        case ENTRY_PURGE:
        case ENTRY_PURGE_CONV:
            return BECAUSE_PURGE;
        default:
            return BECAUSE_RESET;
    }
}

static bool is_of_message(const struct wire *w)
{
    return w->entry == ENTRY_SEND || w->entry == ENTRY_DELETE || w->entry == ENTRY_UNDO || w->entry == ENTRY_PURGE ||
           w->entry == ENTRY_DENY || w->entry == ENTRY_EDIT || w->entry == ENTRY_HIDE || w->entry == ENTRY_EXPORT ||
           w->entry == ENTRY_ATTACH;
}

void apply_entry(struct device *d, const struct wire *w, struct out *out)
{
    if (w->entry == ENTRY_VOID)
        return;
    struct replica_conv *conv = replica_conv_find(&d->replica, w->conv);
    bool told = false;
    if (w->entry == ENTRY_DENY) /* about this device's outbox, not about a state: R3 does not filter it */
        outbox_denied(d, w->conv, w->target);
    if (w->entry == ENTRY_UNINVITE)
        copies_uninvite(d, w, out);
    if (w->entry == ENTRY_INVITE && !(conv && w->version <= conv->as_of))
        copies_invite(d, w->conv, w->target, w->version, &w->body, false);
    if (conv && w->version <= conv->as_of)
        outbox_carried(d, w->entry == ENTRY_SEND ? w->target : 0); /* R3: the snapshot has what became of it */
    else if (w->entry == ENTRY_JOIN)
        apply_join(d, w);
    else if (conv)
        told = apply_known(d, conv, w);
    typing_applied(d, w, out);
    bool whole = outbox_settle(d, w->conv, false) || !is_of_message(w);
    view_update(d, w->conv, whole ? 0 : w->target, (struct gone){because_gone(w), w->version}, out);
    if (told)
        view_notice(d, w->conv, w->actor, w->at_us, out);
}

/* ---- a snapshot ---- */

static void install_conv(struct device *d, const struct reset_item *item)
{
    struct replica_conv *conv = replica_conv_put(&d->replica, item->conv);
    conv->as_of = item->version;
    conv->last = item->version;
    conv->cleared = item->sent;
    conv->kind = item->conv_kind;
    conv->role = item->role;
    conv->deleted = item->deleted;
    conv->state = item->named;
    if (item->deleted && !item->named)
        conv->state = item->version;
}

static void install_message(struct device *d, const struct reset_item *item)
{
    if (!replica_conv_find(&d->replica, item->conv))
        return;
    struct replica_row *row = replica_row_put(&d->replica, item->conv, item->target);
    version changed = item->deleted && item->named ? item->named : item->version;
    if (row->shown == SHOWN_READABLE && row->version != changed)
        row->shown = SHOWN_PENDING; /* said again, with the new version */
    row->version = changed;
    row->author = item->actor;
    row->body = item->body;
    row->sent = item->sent;
    row->blob = 0;
    row->hidden = false; /* a snapshot leaves out what this user hid */
    row->in_replica = true;
    row->deleted = item->deleted;
    outbox_carried(d, item->target);
    if (item->reply)
        copies_link(d, item->conv, item->target, item->reply);
}

/* What replies quote, and how far the user has read, is in the snapshot; what the outbox has was typed here. */
static void install_copies(struct device *d, const struct reset *reset)
{
    struct replica *r = &d->replica;
    for (size_t i = 0; i < reset->count; i++) {
        const struct reset_item *item = &reset->items[i];
        struct replica_conv *conv = item->entry == ENTRY_ITEM_READ ? replica_conv_find(r, item->conv) : NULL;
        if (conv)
            conv->read = item->sent;
        if (item->entry == ENTRY_ITEM_ATTACH)
            attach(d, item->conv, item->target, item->reply);
        if (item->entry == ENTRY_ITEM_QUOTE)
            copies_quote(d, item->conv, item->kept ? item->target : item->reply, item->version, item->sent,
                         &item->body);
    }
    for (size_t i = 0; i < r->op_count; i++)
        if (r->ops[i].operation == OPERATION_SEND && r->ops[i].overlay && r->ops[i].reply)
            copies_link(d, r->ops[i].conv, r->ops[i].target, r->ops[i].reply);
}

static void install_invitations(struct device *d, const struct reset *reset, struct out *out)
{
    copies_keep_invitations(d, reset, out);
    for (size_t i = 0; i < reset->count && protocol_has_entry(d->protocol, ENTRY_ITEM_INVITE); i++) {
        const struct reset_item *item = &reset->items[i];
        if (item->entry == ENTRY_ITEM_INVITE)
            copies_invite(d, item->conv, item->target, item->version, &item->body, true);
    }
}

/*
 * The outbox is kept (D3); what it overlays on a conversation that the snapshot took away is over, but for deletions:
 * they may be of a time when the user was there again, which the log has not told yet.
 */
static void end_lost_overlays(struct device *d, const struct replica *before)
{
    for (size_t i = 0; i < before->conv_count; i++)
        if (!replica_conv_find(&d->replica, before->convs[i].id))
            outbox_lost(d, before->convs[i].id, before->convs[i].last);
}

static void notice_deletions(const struct device *d, const struct replica *before, const struct reset *reset,
                             struct out *out)
{
    for (size_t i = 0; i < reset->count; i++) {
        const struct reset_item *item = &reset->items[i];
        if (item->entry != ENTRY_ITEM_CONV || !item->deleted || !is_told(d, item->conv))
            continue;
        const struct replica_conv *conv = replica_conv_find(before, item->conv);
        if (conv && !conv->deleted)
            view_notice(d, item->conv, item->actor, item->at_us, out);
    }
}

void apply_snapshot(struct device *d, const struct reset *reset, struct out *out)
{
    struct replica *r = &d->replica;
    struct replica before = {0}; /* its conversations only, to compare with */
    for (size_t i = 0; i < r->conv_count; i++)
        *replica_conv_put(&before, r->convs[i].id) = r->convs[i];
    if (decide_reset_drops_rows(d->policy)) {
        free(r->convs);
        r->convs = NULL;
        r->conv_count = r->conv_cap = 0;
        for (size_t i = 0; i < r->row_count; i++)
            r->rows[i].in_replica = false;
        replica_replies_remove(r, 0, r->reply_count);
    }
    for (size_t i = 0; i < reset->count; i++)
        if (reset->items[i].entry == ENTRY_ITEM_CONV)
            install_conv(d, &reset->items[i]);
    for (size_t i = 0; i < reset->count; i++) {
        if (reset->items[i].entry == ENTRY_ITEM_MESSAGE)
            install_message(d, &reset->items[i]);
        if (d->at_us < reset->items[i].at_us)
            d->at_us = reset->items[i].at_us;
    }
    install_copies(d, reset);
    install_invitations(d, reset, out);
    if (!decide_reset_keeps_pending(d->policy))
        outbox_forget_deletions(d);
    end_lost_overlays(d, &before);
    outbox_settle(d, 0, true);
    view_update(d, 0, 0, (struct gone){BECAUSE_RESET, 0}, out);
    notice_deletions(d, &before, reset, out);
    replica_release(&before);
}
