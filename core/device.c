/*
 * device.c: a device's steps, what a crash takes, and what an observer may read.
 *
 * Method: a step changes the struct and fills `out`; the caller carries out what is in it. Durable and volatile fields
 * are apart in device_internal.h; device_crash clears the volatile ones and nothing else. device_rows works the view
 * out from the replica and the outbox afresh, without the notes' memory of what was said.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"

#include <stdlib.h>

struct device *device_new(device_id id, user_id user, bool linked, const struct policy *policy)
{
    assert(id && user && policy);
    struct device *d = base_alloc(sizeof *d);
    d->policy = policy;
    d->id = id;
    d->user = user;
    d->next_op = 1;
    d->generation = linked ? 0 : 1; /* M3: generation 0 is nobody's, so the shard must reset it */
    d->epoch = linked ? 0 : 1;
    return d;
}

void device_set_endpoint(struct device *device, shard_id home)
{
    device->home = home;
}

void device_set_protocol(struct device *device, uint8_t protocol)
{
    device->protocol = protocol;
}

void device_free(struct device *device)
{
    if (!device)
        return;
    sync_reset_free(device);
    replica_release(&device->replica);
    free(device->held);
    free(device->typists);
    free(device);
}

void device_crash(struct device *device)
{
    sync_disconnected(device);
    device->last_us = device->ahead_us = 0;
    device->looking_at = 0;
    device->copies_due = false;
    free(device->held);
    device->held = NULL;
}

/* What it was told was in the words of the old protocol, or kept from it: no position of such a log is worth anything.
 */
void device_upgrade(struct device *device)
{
    device_crash(device);
    sync_reset_free(device);
    device->protocol = PROTOCOL_CURRENT;
    device->epoch = 0;
}

static int on_typing(struct device *d, const struct device_input *in, struct out *out)
{
    if (in->conv == 0 || in->body.len > TEXT_BYTES_MAX)
        return E_INVALID;
    replica_draft_set(&d->replica, in->conv, &in->body);
    struct replica_draft *draft = replica_draft_find(&d->replica, in->conv);
    if (draft)
        draft->reply = in->reply;
    copies_update(d, in->conv, (struct gone){BECAUSE_SUPERSEDED, 0}, out);
    return decide_tells_typing(d->policy) ? typing_tell(d, in->conv, in->body.len == 0, out) : STATUS_OK;
}

static bool is_valid(const struct device_input *in)
{
    if ((unsigned)in->kind > DEVICE_SIGNAL)
        return false;
    if (in->kind == DEVICE_CONNECTED)
        return in->session != 0;
    return (in->kind != DEVICE_MESSAGE && in->kind != DEVICE_PUSH) || in->wire;
}

/* Its clock may be set back; what it waits for is not to come so much later. */
static uint64_t steady_time(struct device *d, uint64_t now_us)
{
    uint64_t steady_us = now_us + d->ahead_us;
    if (steady_us < d->last_us) {
        d->ahead_us += d->last_us - steady_us;
        steady_us = d->last_us;
    }
    d->last_us = steady_us;
    return steady_us;
}

int device_step(struct device *device, const struct device_input *asked, struct out *out)
{
    struct device_input steady = *asked;
    const struct device_input *in = &steady;
    steady.now_us = steady_time(device, asked->now_us);
    out_clear(out);
    int status = is_valid(in) ? STATUS_OK : E_INVALID;
    if (status == STATUS_OK && in->kind != DEVICE_PERSON && in->kind != DEVICE_TYPING && in->kind != DEVICE_PUSH)
        sync_apply_held(device, out);
    if (status == STATUS_OK) {
        copies_catch_up(device, out);
        typing_expire(device, in->now_us, out);
        switch (in->kind) {
            case DEVICE_PERSON:
                status = outbox_person(device, in, out);
                break;
            case DEVICE_TYPING:
                status = on_typing(device, in, out);
                break;
            case DEVICE_LOOK:
                device->looking_at = in->conv;
                if (in->conv)
                    centre_looked(device, in->conv, out);
                break;
            case DEVICE_CONNECTED:
                sync_connected(device, in->session, in->now_us, out);
                break;
            case DEVICE_DISCONNECTED:
                if (!in->session || in->session == device->session) {
                    sync_disconnected(device);
                    typing_forget(device, out);
                }
                break;
            case DEVICE_MESSAGE:
                sync_message(device, in->wire, in->now_us, out);
                break;
            case DEVICE_TIMER:
                sync_timer(device, in->now_us, out);
                break;
            case DEVICE_SEARCH:
                status = sync_search(device, &in->body, out);
                break;
            case DEVICE_RESUME:
                typing_forget(device, out);
                break;
            case DEVICE_SIGNAL:
                status = typing_tell(device, in->conv, false, out);
                break;
            case DEVICE_PUSH:
                centre_push(device, in->wire, out);
                break;
            case DEVICE_FETCH:
                status = fetch_begin(device, in, out);
                break;
        }
    }
    uint64_t wake_us = sync_wake(device, in->now_us);
    out->wake_at_us = wake_us == TIME_NEVER ? wake_us : wake_us > device->ahead_us ? wake_us - device->ahead_us : 0;
    return status;
}

/* ---- for observers ---- */

struct device_state device_inspect(const struct device *device)
{
    size_t bytes = sizeof *device + replica_bytes(&device->replica);
    if (device->reset)
        bytes += sizeof *device->reset + device->reset->cap * sizeof *device->reset->items;
    if (device->held)
        bytes += sizeof *device->held;
    if (device->typists)
        bytes += TYPISTS_MAX * sizeof *device->typists;
    return (struct device_state){
        .epoch = device->epoch,
        .generation = device->generation,
        .next_op = device->next_op,
        .outbox_count = outbox_unanswered(device),
        .cursor = device->cursor,
        .bytes = bytes,
    };
}

static void overlay_row(const struct device *d, struct device_row *row, version sent)
{
    for (size_t i = 0; i < d->replica.op_count; i++) {
        const struct replica_op *op = &d->replica.ops[i];
        if (!op->overlay || op->conv != row->conv)
            continue;
        if (op->operation == OPERATION_SEND && op->target == row->target && !row->in_replica)
            row->pending_send = true;
        if (op->operation == OPERATION_DELETE_CONV ||
            ((op->operation == OPERATION_DELETE || op->operation == OPERATION_DELETE_ME) && op->target == row->target))
            row->pending_delete = true;
        bool own_before = ID_DEVICE(row->target) == d->id && ID_OP(row->target) < op->op;
        if (op->operation == OPERATION_CLEAR && (own_before || (row->in_replica && sent <= op->until)))
            row->pending_delete = true;
    }
}

int device_rows(const struct device *device, int (*visit)(void *ctx, const struct device_row *row), void *ctx)
{
    bool drops = decide_hide_drops_row(device->policy);
    for (size_t i = 0; i < device->replica.row_count; i++) {
        const struct replica_row *from = &device->replica.rows[i];
        const struct replica_conv *conv = replica_conv_find(&device->replica, from->conv);
        struct device_row row = {
            .conv = from->conv,
            .target = from->id,
            .version = from->version,
            .in_replica = from->in_replica,
            .deleted = from->in_replica && from->deleted,
            .hidden = from->in_replica && from->hidden,
            .conv_deleted = conv && conv->deleted,
            .author = from->author,
            .body = from->body,
        };
        overlay_row(device, &row, from->sent);
        bool live = (row.in_replica && !row.deleted) || row.pending_send;
        row.readable = live && !row.hidden && !row.conv_deleted && !row.pending_delete &&
                       !copies_cascade(device, row.conv, row.target);
        if (!drops && row.body.len > 0)
            row.readable = true;
        int stop = visit(ctx, &row);
        if (stop)
            return stop;
    }
    return 0;
}

int device_convs(const struct device *device, int (*visit)(void *ctx, const struct device_conv *conv), void *ctx)
{
    for (size_t i = 0; i < device->replica.conv_count; i++) {
        const struct replica_conv *from = &device->replica.convs[i];
        struct device_conv conv = {
            .conv = from->id,
            .version = from->as_of > from->last ? from->as_of : from->last,
            .deletion = from->deleted ? from->state : 0,
            .deleted = from->deleted,
            .typing = replica_draft_find(&device->replica, from->id) != NULL,
            .conv_kind = from->kind,
            .role = from->role,
        };
        int stop = visit(ctx, &conv);
        if (stop)
            return stop;
    }
    return 0;
}

bool device_waits(const struct device *device, uint32_t op)
{
    return replica_op_find(&device->replica, op) != NULL;
}

version device_deletion(const struct device *device, conv_id conv, msg_id target)
{
    if (target == 0) {
        const struct replica_conv *found = replica_conv_find(&device->replica, conv);
        return found && found->deleted ? found->state : 0;
    }
    const struct replica_row *row = replica_row_find(&device->replica, conv, target);
    return row && row->in_replica && row->deleted ? row->version : 0;
}
