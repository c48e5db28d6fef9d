/* life.c: gather the life of one message or conversation (life.h). life_print.c prints it. */
#include "sim/cli/life_parts.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512

struct life *life_new(const char *target, struct names *names)
{
    struct life *life = base_alloc(sizeof *life);
    life->names = names;
    life->target = names_intern(names, target);
    const char *slash = strrchr(target, '/');
    if (slash && slash > target && slash[1]) {
        life->target_in = names_intern_bytes(names, target, (size_t)(slash - target));
        life->target_message = names_intern(names, slash + 1);
    }
    life->cell_keys = names_new();
    life->op_keys = names_new();
    life->members = names_new();
    return life;
}

void life_free(struct life *life)
{
    for (size_t i = 0; i < life->line_count; i++)
        free(life->lines[i].text);
    free(life->lines);
    free(life->facts);
    free(life->ops);
    free(life->cells);
    free(life->devices);
    free(life->device_of);
    free(life->candidates);
    names_free(life->cell_keys);
    names_free(life->op_keys);
    names_free(life->members);
    free(life);
}

/* ---- what a record is about ---- */

/* Is this message (of this conversation, 0 when not told) the target, or in the target conversation? */
static bool is_target(const struct life *life, uint32_t in, uint32_t message)
{
    bool is_message =
        message && (message == life->target || (message == life->target_message && in == life->target_in));
    return is_message || (in && in == life->target);
}

static void note_candidate(struct life *life, uint64_t name)
{
    if (!name)
        return;
    life->candidates = base_grow(life->candidates, &life->candidate_cap, name + 1, sizeof *life->candidates);
    life->candidates[name] = 1;
}

static void note_target(struct life *life, uint32_t in, uint32_t message)
{
    note_candidate(life, in);
    note_candidate(life, message);
    if (!is_target(life, in, message))
        return;
    life->found = true;
    life->is_conversation |= in == life->target;
    if (!in || life->conversation == in)
        return;
    if (life->conversation)
        life->other = in;
    else
        life->conversation = in;
}

static struct life_device *device_of(struct life *life, uint64_t name)
{
    life->device_of = base_grow(life->device_of, &life->device_of_cap, name + 1, sizeof *life->device_of);
    if (!life->device_of[name]) {
        life->devices = base_grow(life->devices, &life->device_cap, life->device_count + 1, sizeof *life->devices);
        life->devices[life->device_count++] = (struct life_device){.name = (uint32_t)name};
        life->device_of[name] = (uint32_t)life->device_count;
    }
    return &life->devices[life->device_of[name] - 1];
}

/* ---- lines and facts ---- */
static void keep_line(struct life *life, const struct record *record, uint32_t in, bool specific)
{
    char text[LINE_BYTES];
    history_line(record, life->names, text, sizeof text);
    life->lines = base_grow(life->lines, &life->line_cap, life->line_count + 1, sizeof *life->lines);
    char *copy = strdup(text);
    if (!copy)
        abort();
    life->lines[life->line_count++] = (struct life_line){in, specific, copy};
}

static bool begins(const struct life *life, uint64_t name, const char *prefix)
{
    return !strncmp(names_text(life->names, (uint32_t)name), prefix, strlen(prefix));
}

static void keep_fact(struct life *life, uint64_t at_us, const struct life_op *op, bool committed)
{
    bool undo = begins(life, op->what, "undo");
    if (!undo && !begins(life, op->what, "delete"))
        return;
    life->facts = base_grow(life->facts, &life->fact_cap, life->fact_count + 1, sizeof *life->facts);
    life->facts[life->fact_count++] = (struct life_fact){at_us, op->in, op->specific, undo, committed};
    life->committed |= committed;
}

static uint32_t op_key(struct life *life, const struct record *record)
{
    char key[48];
    snprintf(key, sizeof key, "%llu.%llu", (unsigned long long)record_get(record, FIELD_OP),
             (unsigned long long)record_get(record, FIELD_DEVICE));
    return names_intern(life->op_keys, key);
}

static void take_operation(struct life *life, const struct record *record)
{
    uint32_t in = (uint32_t)record_get(record, FIELD_IN), message = (uint32_t)record_get(record, FIELD_MESSAGE);
    bool specific = is_target(life, in, message), whole = in && !message;
    struct life_op op = {in, (uint32_t)record_get(record, FIELD_DO), specific, record->at_us};
    if (!specific && !whole)
        return;
    if (record_has(record, FIELD_SCOPE) && !begins(life, record->f[FIELD_SCOPE], "all"))
        op.what = 0;
    if (life->is_conversation && message && in == life->target) {
        life->messages += record->kind == KIND_INVOKE && begins(life, record->f[FIELD_DO], "send");
        return; /* of a conversation only what concerns the whole of it is told */
    }
    if (record->kind == KIND_COMMIT)
        keep_fact(life, record->at_us, &op, true);
    if (record->kind == KIND_INVOKE) {
        uint32_t key = op_key(life, record);
        life->ops = base_grow(life->ops, &life->op_cap, (size_t)key + 1, sizeof *life->ops);
        life->ops[key] = op;
    }
    keep_line(life, record, in, specific);
}

static void take_answer(struct life *life, const struct record *record)
{
    uint32_t key = op_key(life, record);
    if (key >= life->op_cap || !life->ops[key].in)
        return;
    if (record->kind == KIND_ACK)
        keep_fact(life, life->ops[key].at_us, &life->ops[key], false);
    keep_line(life, record, life->ops[key].in, life->ops[key].specific);
}

/* ---- copies on devices ---- */
static struct life_cell *cell_of(struct life *life, uint64_t device, uint64_t message, uint64_t copy, uint64_t via)
{
    char key[96];
    snprintf(key, sizeof key, "%llu.%llu.%llu.%llu", (unsigned long long)device, (unsigned long long)message,
             (unsigned long long)copy, (unsigned long long)via);
    uint32_t id = names_intern(life->cell_keys, key);
    life->cells = base_grow(life->cells, &life->cell_cap, (size_t)id + 1, sizeof *life->cells);
    struct life_cell *cell = &life->cells[id];
    if (!cell->copy) {
        struct life_device *owner = device_of(life, device);
        *cell = (struct life_cell){(uint32_t)message, (uint32_t)copy, owner->first_cell, false, 0};
        owner->first_cell = id;
    }
    return cell;
}

static void show(struct life *life, uint64_t device, struct life_cell *cell, uint64_t at_us)
{
    struct life_device *owner = device_of(life, device);
    if (!owner->ever) {
        owner->ever = true;
        owner->shown_us = at_us;
    }
    cell->shown = true;
}

static void hide(struct life *life, uint64_t device, struct life_cell *cell, uint64_t at_us, uint32_t because)
{
    struct life_device *owner = device_of(life, device);
    owner->hidden = true;
    owner->hidden_us = at_us;
    owner->because = because;
    cell->shown = false;
}

static void take_copy(struct life *life, const struct record *record)
{
    uint32_t in = (uint32_t)record->f[FIELD_IN], message = (uint32_t)record->f[FIELD_MESSAGE];
    if (!is_target(life, in, message))
        return;
    uint64_t device = record->f[FIELD_DEVICE];
    struct life_cell *cell = cell_of(life, device, message, record->f[FIELD_COPY], record_get(record, FIELD_VIA));
    if (record->kind == KIND_SHOW)
        show(life, device, cell, record->at_us);
    else
        hide(life, device, cell, record->at_us, (uint32_t)record_get(record, FIELD_BECAUSE));
    if (!life->is_conversation)
        keep_line(life, record, in, true);
}

/* A view is the whole truth about its device at its time. */
static void take_view(struct life *life, const struct record *record)
{
    uint64_t device = record->f[FIELD_DEVICE];
    life->view++;
    for (size_t i = 0; i < record->item_count; i++) {
        const struct record_item *item = &record->items[i];
        note_target(life, item->in, item->message);
        if (!is_target(life, item->in, item->message))
            continue;
        struct life_cell *cell = cell_of(life, device, item->message, item->copy, item->via);
        cell->view = life->view;
        if (!cell->shown)
            show(life, device, cell, record->at_us);
    }
    for (uint32_t id = device_of(life, device)->first_cell; id; id = life->cells[id].next)
        if (life->cells[id].shown && life->cells[id].view != life->view)
            hide(life, device, &life->cells[id], record->at_us, 0);
}

/* ---- the rest ---- */
static void take_member(struct life *life, const struct record *record)
{
    char key[48];
    uint32_t conversation = (uint32_t)record->f[FIELD_CONVERSATION];
    note_target(life, conversation, 0);
    keep_line(life, record, conversation, conversation == life->target);
    if (begins(life, record->f[FIELD_ROLE], "none"))
        return;
    snprintf(key, sizeof key, "%u.%llu", conversation, (unsigned long long)record->f[FIELD_USER]);
    names_intern(life->members, key);
}

static void take_connection(struct life *life, const struct record *record)
{
    bool node = record->kind == KIND_CRASH || record->kind == KIND_EXEMPT || record->kind == KIND_STALL;
    uint64_t name = record->f[node ? FIELD_NODE : FIELD_DEVICE];
    if (node && (name >= life->device_of_cap || !life->device_of[name]))
        return; /* a shard */
    struct life_device *device = device_of(life, name);
    if (record->kind == KIND_EXEMPT) {
        device->exempt = true;
    } else if (record->kind == KIND_STALL) {
        device->cause = (uint32_t)record_get(record, FIELD_CAUSE);
    } else {
        device->connection = record->kind == KIND_CONNECT ? LIFE_CONNECTED : LIFE_AWAY;
        device->since_us = record->at_us;
    }
}

void life_take(struct life *life, const struct record *record)
{
    uint32_t in = (uint32_t)record_get(record, FIELD_IN), message = (uint32_t)record_get(record, FIELD_MESSAGE);
    life->last_us = record->at_us > life->last_us ? record->at_us : life->last_us;
    note_target(life, in, message);
    switch (record->kind) {
        case KIND_DEVICE:
            device_of(life, record->f[FIELD_DEVICE])->user = (uint32_t)record->f[FIELD_USER];
            break;
        case KIND_MEMBER:
            take_member(life, record);
            break;
        case KIND_CONNECT:
        case KIND_DISCONNECT:
        case KIND_CRASH:
        case KIND_EXEMPT:
        case KIND_STALL:
            take_connection(life, record);
            break;
        case KIND_INVOKE:
        case KIND_COMMIT:
        case KIND_REJECT:
            take_operation(life, record);
            break;
        case KIND_ACK:
        case KIND_REFUSE:
            take_answer(life, record);
            break;
        case KIND_SHOW:
        case KIND_HIDE:
            take_copy(life, record);
            break;
        case KIND_VIEW:
            take_view(life, record);
            break;
        case KIND_NOTICE:
        case KIND_EARLY:
        case KIND_BIND:
        case KIND_PURGING:
        case KIND_PURGE:
        case KIND_REAP:
            if (!message || (is_target(life, in, message) && !life->is_conversation))
                keep_line(life, record, in, message != 0);
            break;
        default:
            break;
    }
}
