/*
 * device_fetch.c: attachments that a person downloads to this device, part by part.
 *
 * Method: a download is a copy of the message from the moment that it is asked for, durable like any other, partial
 * until its last part is there, and shown only then. It goes with its message, whole or not, by the same rule as every
 * copy (device_copies.c); a part that arrives afterwards finds nothing to be a part of. Parts come in order, one at a
 * time; who gets no answer asks again after the policy's `retry`, and in the next session. A refusal ends it. An export
 * has its own copy of what is attached to what it exports, and fetches it likewise: one copy a download and an export.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"

#include <string.h>

static bool is_readable(const struct replica_row *row)
{
    return row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE;
}

/* The download of what is attached to it (via 0), or its copy in that export; or NULL. */
static struct replica_copy *find(const struct device *d, conv_id conv, msg_id target, msg_id via)
{
    const struct replica *r = &d->replica;
    for (size_t i = replica_copy_from(r, conv, COPY_ATTACHMENT); i < r->copy_count; i++) {
        if (r->copies[i].conv != conv || r->copies[i].copy != COPY_ATTACHMENT)
            break;
        if (r->copies[i].target == target && r->copies[i].via == via)
            return &r->copies[i];
    }
    return NULL;
}

/* The message, if there is something attached to it and the person can read it. */
static const struct replica_row *attached(const struct device *d, conv_id conv, msg_id target)
{
    const struct replica_row *row = replica_row_find(&d->replica, conv, target);
    return row && row->in_replica && row->blob && is_readable(row) ? row : NULL;
}

static void ask(struct device *d, const struct replica_copy *c, const struct replica_row *row, uint64_t now_us,
                struct out *out)
{
    struct wire *w = sync_send(d, WIRE_FETCH, out);
    w->conv = c->conv;
    w->target = c->target;
    w->blob = row->blob;
    w->page = c->parts + 1U;
    d->fetch_at_us = now_us + (d->policy->retry_us ? d->policy->retry_us : 1);
}

int fetch_begin(struct device *d, const struct device_input *in, struct out *out)
{
    const struct replica_row *row = attached(d, in->conv, in->target);
    if (!row || !protocol_has_entry(d->protocol, ENTRY_ATTACH))
        return E_INVALID;
    if (find(d, in->conv, in->target, 0)) /* here, or on its way */
        return STATUS_OK;
    struct replica_copy *c = replica_copy_put(&d->replica, in->conv, COPY_ATTACHMENT, in->target, 0);
    c->partial = true;
    if (d->welcomed)
        ask(d, c, row, in->now_us, out);
    return STATUS_OK;
}

/* Asked for as soon as what came with it is applied. */
void fetch_export(struct device *d, conv_id conv, msg_id target, msg_id export)
{
    if (!attached(d, conv, target) || find(d, conv, target, export))
        return;
    replica_copy_put(&d->replica, conv, COPY_ATTACHMENT, target, export)->partial = true;
    d->fetch_at_us = 1;
}

void fetch_ask(struct device *d, uint64_t now_us, struct out *out)
{
    d->fetch_at_us = 0;
    for (size_t i = 0; d->welcomed && i < d->replica.copy_count; i++) {
        const struct replica_copy *c = &d->replica.copies[i];
        const struct replica_row *row = c->partial ? attached(d, c->conv, c->target) : NULL;
        if (row)
            ask(d, c, row, now_us, out);
    }
}

/* *i: of a copy that waits for this part, from there on. Each copy has its own progress: one asks ahead of the other.
 */
static bool next_waiting(const struct device *d, const struct wire *w, size_t *i)
{
    const struct replica *r = &d->replica;
    for (; *i < r->copy_count; ++*i) {
        const struct replica_copy *c = &r->copies[*i];
        if (c->conv != w->conv || c->copy != COPY_ATTACHMENT)
            return false;
        if (c->target == w->target && c->partial && (w->why || w->page == c->parts + 1U))
            return true;
    }
    return false;
}

/* Was that the last one? */
static bool add_part(struct replica_copy *c, const struct wire *w, const struct replica_row *row)
{
    memcpy(c->text.bytes + c->text.len, w->body.bytes, w->body.len);
    c->text.len = (uint8_t)(c->text.len + w->body.len);
    c->parts++;
    if (w->page < w->pages)
        return false;
    c->partial = false;
    c->version = row->version;
    return true;
}

/* Without its message, which is gone or was in the meantime, it is a part of nothing. */
void fetch_part(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    const struct replica_row *row = attached(d, w->conv, w->target);
    bool whole = false;
    if (!row || row->blob != w->blob)
        return;
    for (size_t i = replica_copy_from(&d->replica, w->conv, COPY_ATTACHMENT); next_waiting(d, w, &i);) {
        struct replica_copy *c = &d->replica.copies[i];
        if (w->why) {
            replica_copies_remove(&d->replica, i, 1);
            continue;
        }
        i++;
        if (c->text.len + w->body.len > TEXT_BYTES_MAX)
            continue;
        if (add_part(c, w, row))
            whole = true;
        else
            ask(d, c, row, now_us, out);
    }
    if (whole)
        copies_update(d, w->conv, (struct gone){BECAUSE_NONE, 0}, out);
}

/* Does it stay without its message? */
static bool stays(const struct device *d, const struct replica_copy *c)
{
    return !c->partial && !(c->via ? decide_export_follows(d->policy) : decide_download_follows(d->policy));
}

void fetch_derive(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_ATTACHMENT) : 0; i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (conv && (c->conv != conv || c->copy != COPY_ATTACHMENT))
            break;
        if (c->copy == COPY_ATTACHMENT)
            c->wanted = attached(d, c->conv, c->target) || stays(d, c);
    }
}
