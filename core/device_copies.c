/*
 * device_copies.c: the copies of messages that a device derives: the preview in its list of conversations, and so on.
 * It must never show what the body's own row does not allow, but for what decide_* lets stay.
 *
 * Method: after each change of the view, in the same step, the copies of the conversation are worked out afresh from
 * the rows as they are now, and compared with what is stored. What is not wanted any more is hidden and goes; what is
 * new or has another version is shown. So there is no moment at which a body is gone and its copy is not. Cost: one
 * walk over the conversation's rows a step, and over its replies for each reply; nothing at all when the policy wants
 * no copies and nobody replies.
 */
#include "core/decide.h"
#include "core/device_internal.h"

/* Make the copy, or keep it, as one of this version of its target. */
static void want(struct device *d, uint8_t copy, const struct replica_row *of, msg_id via)
{
    struct replica_copy *c = replica_copy_put(&d->replica, of->conv, copy, of->id, via);
    version made_from = of->in_replica ? of->version : 0;
    c->said = c->said && c->version == made_from;
    c->version = made_from;
    c->text = of->body;
    c->wanted = true;
}

static void want_quote(struct device *d, const struct replica_reply *reply)
{
    struct replica_copy *c = replica_copy_put(&d->replica, reply->conv, COPY_QUOTE, reply->parent, reply->id);
    c->said = c->said && c->version == reply->version;
    c->version = reply->version;
    c->text = reply->text;
    c->wanted = true;
}

static bool is_readable(const struct replica_row *row)
{
    return row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE;
}

/* Sent later? What only the outbox has comes after what the log has. */
static bool is_later(const struct replica_row *a, const struct replica_row *b)
{
    if (a->in_replica != b->in_replica)
        return b->in_replica;
    version sent_a = a->sent ? a->sent : a->version, sent_b = b->sent ? b->sent : b->version;
    return a->in_replica && sent_a != sent_b ? sent_a > sent_b : a->id > b->id;
}

/* ---- the preview: the last message that can be read ---- */

static void derive_preview(struct device *d, conv_id conv)
{
    const struct replica *r = &d->replica;
    const struct replica_row *last = NULL, *kept = NULL;
    size_t at = replica_copy_from(r, conv, COPY_PREVIEW);
    bool has = at < r->copy_count && r->copies[at].conv == conv && r->copies[at].copy == COPY_PREVIEW;
    msg_id previewed = has ? r->copies[at].target : 0;
    for (size_t i = replica_row_from(r, conv, 0); i < r->row_count && r->rows[i].conv == conv; i++) {
        const struct replica_row *row = &r->rows[i];
        if (row->id == previewed)
            kept = row;
        if (is_readable(row) && (!last || is_later(row, last)))
            last = row;
    }
    bool stays = kept && !is_readable(kept) && !(last && is_later(last, kept));
    if (stays && !decide_preview_follows(d->policy))
        r->copies[at].wanted = true; /* as it was */
    else if (last)
        want(d, COPY_PREVIEW, last, 0);
}

/* ---- what is unread: the number on the badge is how many of these there are ---- */

/* By the replica, and by what the outbox has and no answer took back. */
static version read_up_to(const struct device *d, conv_id conv)
{
    const struct replica_conv *c = replica_conv_find(&d->replica, conv);
    version read = c ? c->read : 0;
    for (size_t i = 0; i < d->replica.op_count; i++) {
        const struct replica_op *op = &d->replica.ops[i];
        if (op->operation == OPERATION_READ && op->conv == conv && op->overlay && op->until > read)
            read = op->until;
    }
    return read;
}

static void derive_unread(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    version read = read_up_to(d, conv);
    for (size_t i = replica_row_from(r, conv, 0); i < r->row_count && r->rows[i].conv == conv; i++) {
        const struct replica_row *row = &r->rows[i];
        if (row->in_replica && row->author != d->user && row->sent > read && is_readable(row))
            want(d, COPY_UNREAD, row, 0);
    }
    if (decide_unread_follows(d->policy))
        return;
    for (size_t i = replica_copy_from(r, conv, COPY_UNREAD); i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (c->conv != conv || c->copy != COPY_UNREAD)
            break;
        const struct replica_row *row = replica_row_find(r, conv, c->target);
        c->wanted |= !(row && is_readable(row)) &&
                     (row ? row->sent : c->version) > read; /* counted once, and never again until it is read */
    }
}

/* ---- quotes ---- */

/* The parent is here: what can be read of it now is what the reply quotes. Else what came with the reply stays. */
static void requote(const struct device *d, struct replica_reply *reply)
{
    const struct replica_row *parent = replica_row_find(&d->replica, reply->conv, reply->parent);
    bool live = parent && !parent->deleted && !(parent->in_replica && parent->hidden);
    bool deleted = !parent || parent->deleted;
    if (live) {
        reply->version = parent->in_replica ? parent->version : 0;
        reply->sent = parent->sent;
        reply->text = text_beginning(&parent->body, QUOTE_BYTES);
    } else if (!deleted || !decide_quote_stays(d->policy)) {
        reply->text.len = 0;
    }
}

void copies_link(struct device *d, conv_id conv, msg_id reply, msg_id parent)
{
    struct replica_reply *r = replica_reply_put(&d->replica, conv, reply);
    r->parent = parent;
    if (replica_row_find(&d->replica, conv, parent))
        requote(d, r);
}

void copies_requote(struct device *d, conv_id conv, msg_id parent)
{
    struct replica *r = &d->replica;
    const struct replica_conv *of = replica_conv_find(r, conv);
    version cleared = of ? of->cleared : 0;
    for (size_t i = replica_reply_from(r, conv, 0); i < r->reply_count && r->replies[i].conv == conv; i++) {
        struct replica_reply *reply = &r->replies[i];
        if (parent ? reply->parent == parent : replica_row_find(r, conv, reply->parent) != NULL)
            requote(d, reply);
        else if (!parent && reply->sent && reply->sent <= cleared)
            reply->text.len = 0;
    }
}

/* For devices without the parent. It was live when this was said, so a device that has it knows better. */
void copies_quote(struct device *d, conv_id conv, msg_id reply, version version_of, version sent,
                  const struct text *text)
{
    struct replica_reply *r = replica_reply_find(&d->replica, conv, reply);
    bool blank = r && r->text.len == 0;
    if (!blank || (replica_row_find(&d->replica, conv, r->parent) && !decide_quote_stays(d->policy)))
        return;
    r->text = *text;
    r->version = version_of;
    r->sent = sent;
}

void copies_unquote(struct device *d, conv_id conv, msg_id reply)
{
    struct replica_reply *r = replica_reply_find(&d->replica, conv, reply);
    if (r)
        r->text.len = 0;
}

bool copies_cascade(const struct device *d, conv_id conv, msg_id id)
{
    if (!decide_cascades(d->policy) || decide_cascade_declared(d->policy))
        return false;
    const struct replica_reply *reply = replica_reply_find(&d->replica, conv, id);
    for (size_t i = 0; reply && i < d->replica.reply_count; i++) {
        const struct replica_row *parent = replica_row_find(&d->replica, conv, reply->parent);
        if (parent && parent->in_replica && parent->deleted)
            return true;
        reply = replica_reply_find(&d->replica, conv, reply->parent);
    }
    return false;
}

/* Of a parent that is not here: has the person just deleted it all the same? */
static bool is_being_deleted(const struct device *d, const struct replica_reply *reply)
{
    struct replica_row absent = {.conv = reply->conv, .id = reply->parent, .sent = reply->sent, .in_replica = true};
    return view_deletion_pends(d, &absent);
}

static void derive_quotes(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    size_t first = replica_reply_from(r, conv, 0), at = first, kept = first;
    for (; at < r->reply_count && r->replies[at].conv == conv; at++) {
        struct replica_reply *reply = &r->replies[at];
        const struct replica_row *row = replica_row_find(r, conv, reply->id);
        const struct replica_row *parent = replica_row_find(r, conv, reply->parent);
        if (!row)
            continue;
        if (!parent && !reply->version)
            reply->text.len = 0; /* refused or taken back: it was only in the outbox */
        bool own = decide_quote_stays(d->policy) && !(parent && parent->in_replica && parent->hidden);
        bool open = parent ? is_readable(parent) : !is_being_deleted(d, reply);
        if (reply->text.len && is_readable(row) && (open || own))
            want_quote(d, reply);
        r->replies[kept++] = *reply;
    }
    replica_replies_remove(r, kept, at - kept);
}

/* ---- what is being written ---- */

/* The words stay the person's own; what they answer to does not. */
static void derive_draft(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    const struct replica_draft *draft = replica_draft_find(r, conv);
    if (!draft || !draft->reply)
        return;
    const struct replica_row *parent = replica_row_find(r, conv, draft->reply);
    if (parent && is_readable(parent)) {
        want(d, COPY_DRAFT, parent, 0);
        return;
    }
    for (size_t i = replica_copy_from(r, conv, COPY_DRAFT); i < r->copy_count; i++)
        if (r->copies[i].conv == conv && r->copies[i].copy == COPY_DRAFT && r->copies[i].target == draft->reply)
            r->copies[i].wanted |= !decide_draft_follows(d->policy);
}

/* ---- threads: the last reply, in the summary at what it replies to ---- */

static bool has_later_reply(const struct replica *r, const struct replica_reply *reply, const struct replica_row *row)
{
    for (size_t i = replica_reply_from(r, reply->conv, 0); i < r->reply_count && r->replies[i].conv == reply->conv;
         i++) {
        if (r->replies[i].parent != reply->parent)
            continue;
        const struct replica_row *other = replica_row_find(r, reply->conv, r->replies[i].id);
        if (other && is_readable(other) && is_later(other, row))
            return true;
    }
    return false;
}

/* A root that cannot be read has no summary; what was replied to it is still in the conversation. */
static void derive_threads(struct device *d, conv_id conv)
{
    const struct replica *r = &d->replica;
    for (size_t i = replica_reply_from(r, conv, 0); i < r->reply_count && r->replies[i].conv == conv; i++) {
        const struct replica_reply *reply = &r->replies[i];
        const struct replica_row *row = replica_row_find(r, conv, reply->id);
        const struct replica_row *root = replica_row_find(r, conv, reply->parent);
        if (row && root && is_readable(row) && is_readable(root) && !has_later_reply(r, reply, row))
            want(d, COPY_THREAD, row, root->id);
    }
}

/* ---- what a search has found ---- */

/* The shard's index lags: whether it can be read, and as what, this device knows better. */
void copies_found(struct device *d, const struct wire *w, struct out *out)
{
    const struct replica_row *row = replica_row_find(&d->replica, w->conv, w->target);
    if (!row || !is_readable(row))
        return;
    replica_copy_put(&d->replica, w->conv, COPY_SEARCH, w->target, 0);
    copies_update(d, w->conv, (struct gone){BECAUSE_NONE, 0}, out);
}

static void derive_found(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_SEARCH) : 0; i < r->copy_count; i++) {
        if (conv && (r->copies[i].conv != conv || r->copies[i].copy != COPY_SEARCH))
            break;
        const struct replica_row *row = replica_row_find(r, r->copies[i].conv, r->copies[i].target);
        if (r->copies[i].copy == COPY_SEARCH && row && is_readable(row))
            want(d, COPY_SEARCH, row, 0);
    }
}

/* ---- exports ---- */

void copies_export(struct device *d, const struct wire *w)
{
    const struct replica_row *row = replica_row_find(&d->replica, w->conv, w->target);
    if (ID_DEVICE(w->reply) != d->id || !row || !is_readable(row))
        return;
    struct replica_copy *c = replica_copy_put(&d->replica, w->conv, COPY_EXPORT, w->target, w->reply);
    c->version = row->version;
    c->text = w->body;
    fetch_export(d, w->conv, w->target, w->reply);
}

/* The file is what it was when it was made, less what cannot be read any more. */
static void derive_exports(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_EXPORT) : 0; i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (conv && (c->conv != conv || c->copy != COPY_EXPORT))
            break;
        if (c->copy != COPY_EXPORT)
            continue;
        const struct replica_row *row = replica_row_find(r, c->conv, c->target);
        c->wanted = (row && is_readable(row)) || !decide_export_follows(d->policy);
    }
}

/* ---- what changed ---- */

static struct note *say(const struct device *d, const struct replica_copy *c, enum note_kind kind, struct out *out)
{
    struct note *note = view_note(d, kind, out);
    note->conv = c->conv;
    note->target = c->target;
    note->copy = c->copy;
    note->via = c->via;
    note->version = c->version;
    return note;
}

/* The reason why the body went, else that something took its place. */
static void say_hide(const struct device *d, const struct replica_copy *c, struct gone gone, struct out *out)
{
    struct note *note = say(d, c, NOTE_HIDE, out);
    const struct replica_conv *conv = replica_conv_find(&d->replica, c->conv);
    const struct replica_row *row = replica_row_find(&d->replica, c->conv, c->target);
    if (row && row->in_replica && row->deleted)
        gone = (struct gone){BECAUSE_DELETION, row->version};
    else if (conv && conv->deleted)
        gone = (struct gone){BECAUSE_CONVERSATION_DELETION, conv->state};
    else if (row && row->in_replica && row->hidden)
        gone = (struct gone){BECAUSE_FOR_ME, row->version};
    else if (row && row->shown == SHOWN_HIDDEN_PENDING)
        gone = (struct gone){BECAUSE_PENDING, c->version};
    else if (row)
        gone = (struct gone){c->copy == COPY_UNREAD ? BECAUSE_READ : BECAUSE_SUPERSEDED, c->version};
    note->because = (uint8_t)gone.because;
    note->version = gone.version;
    note->pending = gone.because == BECAUSE_PENDING;
}

/*
 * ---- invitations ----
 * Nothing derives them: the log or a snapshot says that one is open, or has ended. The larger version wins (D4). One
 * that has ended stays as a mark without a text, so that an older word of it shows it no more.
 */

static struct replica_copy *invitation(struct device *d, conv_id conv, msg_id id)
{
    struct replica_copy *c = NULL;
    for (size_t i = replica_copy_from(&d->replica, conv, COPY_INVITATION); i < d->replica.copy_count; i++) {
        c = &d->replica.copies[i];
        if (c->conv != conv || c->copy != COPY_INVITATION)
            return NULL;
        if (c->target == id)
            return c;
    }
    return NULL;
}

static void end_invitation(struct device *d, struct replica_copy *c, struct gone gone, version at, struct out *out)
{
    if (c->said && !c->mark)
        say_hide(d, c, gone, out);
    c->mark = true;
    c->said = false;
    c->version = at;
    c->text = (struct text){0};
}

void copies_invite(struct device *d, conv_id conv, msg_id id, version v, const struct text *text, bool snapshot)
{
    struct replica_copy *c = invitation(d, conv, id);
    /* A mark of the same version: an earlier snapshot left it out, and its shard has been restored since. */
    bool left_out = c && c->mark && c->version == v;
    if (c && !(snapshot && left_out) && !decide_version_wins(d->policy, v, c->version, c->mark))
        return;
    c = replica_copy_put(&d->replica, conv, COPY_INVITATION, id, 0);
    c->version = v;
    c->text = *text;
    c->mark = c->said = false;
}

void copies_uninvite(struct device *d, const struct wire *w, struct out *out)
{
    struct replica_copy *c = invitation(d, w->conv, w->target);
    if (c && !decide_version_wins(d->policy, w->version, c->version, c->mark))
        return;
    if (!c)
        c = replica_copy_put(&d->replica, w->conv, COPY_INVITATION, w->target, 0);
    end_invitation(d, c, (struct gone){BECAUSE_DELETION, w->version}, w->version, out);
}

void copies_keep_invitations(struct device *d, const struct reset *reset, struct out *out)
{
    for (size_t i = 0; i < d->replica.copy_count; i++) {
        struct replica_copy *c = &d->replica.copies[i];
        bool stays = c->copy != COPY_INVITATION || c->mark;
        for (size_t k = 0; !stays && k < reset->count; k++)
            stays = reset->items[k].entry == ENTRY_ITEM_INVITE && reset->items[k].target == c->target;
        if (!stays)
            end_invitation(d, c, (struct gone){BECAUSE_RESET, 0}, c->version, out);
    }
}

static void keep_invitations(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_INVITATION) : 0; i < r->copy_count; i++) {
        if (conv && (r->copies[i].conv != conv || r->copies[i].copy != COPY_INVITATION))
            break;
        r->copies[i].wanted |= r->copies[i].copy == COPY_INVITATION;
    }
}

static void tell(struct device *d, conv_id conv, struct gone gone, struct out *out)
{
    struct replica *r = &d->replica;
    size_t at = conv ? replica_copy_from(r, conv, 0) : 0, first = at, kept = at;
    for (; at < r->copy_count && (!conv || r->copies[at].conv == conv); at++) {
        struct replica_copy *c = &r->copies[at];
        if (c->wanted)
            r->copies[kept++] = *c;
        else if (!c->mark && !c->partial)
            say_hide(d, c, gone, out);
    }
    for (size_t i = first; i < kept; i++) {
        struct replica_copy *c = &r->copies[i];
        if (!c->said && !c->mark && !c->partial)
            say(d, c, NOTE_SHOW, out)->pending = !c->version;
        c->said = !c->partial;
        c->wanted = false;
    }
    replica_copies_remove(r, kept, at - kept);
}

void copies_catch_up(struct device *d, struct out *out)
{
    d->copies_now = d->copies_due;
    if (d->copies_now)
        copies_update(d, 0, (struct gone){BECAUSE_RESET, 0}, out);
    d->copies_now = false;
}

static void derive(struct device *d, conv_id conv)
{
    if (decide_derives_copies(d->policy)) {
        derive_preview(d, conv);
        derive_unread(d, conv);
        derive_threads(d, conv);
    }
    derive_quotes(d, conv);
    derive_draft(d, conv);
}

void copies_update(struct device *d, conv_id conv, struct gone gone, struct out *out)
{
    const struct replica *r = &d->replica;
    d->copies_due = !decide_copies_at_once(d->policy) && !d->copies_now;
    if (d->copies_due)
        return;
    bool drafted = conv && replica_draft_find(r, conv); /* of what is not here a draft can quote nothing */
    if (!decide_derives_copies(d->policy) && !r->reply_count && !r->copy_count && !drafted)
        return;
    if (conv)
        derive(d, conv);
    for (size_t i = 0; !conv && i < r->row_count; i++)
        if (i == 0 || r->rows[i - 1].conv != r->rows[i].conv)
            derive(d, r->rows[i].conv);
    centre_derive(d, conv);
    derive_exports(d, conv);
    fetch_derive(d, conv);
    derive_found(d, conv);
    keep_invitations(d, conv);
    tell(d, conv, gone, out);
}

/* What the last one found gives way. */
void copies_search(struct device *d, struct out *out)
{
    struct replica *r = &d->replica;
    size_t kept = 0;
    for (size_t i = 0; i < r->copy_count; i++) {
        if (r->copies[i].copy == COPY_SEARCH)
            say_hide(d, &r->copies[i], (struct gone){BECAUSE_SUPERSEDED, r->copies[i].version}, out);
        else
            r->copies[kept++] = r->copies[i];
    }
    replica_copies_remove(r, kept, r->copy_count - kept);
}

int device_copies(const struct device *device, int (*visit)(void *ctx, const struct device_copy *copy), void *ctx)
{
    for (size_t i = 0; i < device->replica.copy_count; i++) {
        const struct replica_copy *from = &device->replica.copies[i];
        if (from->mark)
            continue;
        struct device_copy copy = {from->conv, from->target,  from->via, from->version,
                                   from->copy, from->partial, from->text};
        int stop = visit(ctx, &copy);
        if (stop)
            return stop;
    }
    for (size_t i = 0; i < device->typist_count; i++) {
        const struct typist *from = &device->typists[i];
        struct device_copy copy = {.conv = from->conv, .target = from->user, .version = from->version};
        copy.copy = COPY_TYPING;
        int stop = visit(ctx, &copy);
        if (stop)
            return stop;
    }
    return 0;
}
