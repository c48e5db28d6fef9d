/*
 * device_fetch.c: attachments that a person downloads to this device, part by part.
 *
 * Method: a download is a copy of the message from the moment that it is asked for, durable like any other, partial
 * until its last part is there, and shown only then. It goes with its message, whole or not, by the same rule as every
 * copy (device_copies.c); a part that arrives afterwards finds nothing to be a part of. Parts come in order, one at a
 * time; who gets no answer asks again after the policy's `retry`, and in the next session. A refusal ends it.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"

#include <string.h>

static bool is_readable(const struct replica_row *row)
{
    return row->shown == SHOWN_PENDING || row->shown == SHOWN_READABLE;
}

/* The download of what is attached to it, or NULL. */
static struct replica_copy *find(const struct device *d, conv_id conv, msg_id target)
{
    const struct replica *r = &d->replica;
    for (size_t i = replica_copy_from(r, conv, COPY_ATTACHMENT); i < r->copy_count; i++) {
        if (r->copies[i].conv != conv || r->copies[i].copy != COPY_ATTACHMENT)
            break;
        if (r->copies[i].target == target)
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
    if (find(d, in->conv, in->target)) /* here, or on its way */
        return STATUS_OK;
    struct replica_copy *c = replica_copy_put(&d->replica, in->conv, COPY_ATTACHMENT, in->target, 0);
    c->partial = true;
    if (d->welcomed)
        ask(d, c, row, in->now_us, out);
    return STATUS_OK;
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

static void remove_copy(struct device *d, const struct replica_copy *c)
{
    replica_copies_remove(&d->replica, (size_t)(c - d->replica.copies), 1);
}

void fetch_part(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    struct replica_copy *c = find(d, w->conv, w->target);
    const struct replica_row *row = attached(d, w->conv, w->target);
    if (!c || !c->partial || !row || row->blob != w->blob)
        return; /* its message is gone, or was in the meantime */
    if (w->why) {
        remove_copy(d, c);
        return;
    }
    if (w->page != c->parts + 1U || c->text.len + w->body.len > TEXT_BYTES_MAX)
        return;
    memcpy(c->text.bytes + c->text.len, w->body.bytes, w->body.len);
    c->text.len = (uint8_t)(c->text.len + w->body.len);
    c->parts++;
    if (w->page < w->pages) {
        ask(d, c, row, now_us, out);
        return;
    }
    c->partial = false;
    c->version = row->version;
    copies_update(d, w->conv, (struct gone){BECAUSE_NONE, 0}, out);
}

void fetch_derive(struct device *d, conv_id conv)
{
    struct replica *r = &d->replica;
    for (size_t i = conv ? replica_copy_from(r, conv, COPY_ATTACHMENT) : 0; i < r->copy_count; i++) {
        struct replica_copy *c = &r->copies[i];
        if (conv && (c->conv != conv || c->copy != COPY_ATTACHMENT))
            break;
        if (c->copy == COPY_ATTACHMENT)
            c->wanted = attached(d, c->conv, c->target) || (!c->partial && !decide_download_follows(d->policy));
    }
}
