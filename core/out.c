/* out.c: the growable lists of out.h, and the names of wire.h's and out.h's words. */
#include "core/out.h"

#include <stdlib.h>
#include <string.h>

void out_clear(struct out *out)
{
    out->msg_count = 0;
    out->note_count = 0;
    out->wake_at_us = TIME_NEVER;
}

void out_free(struct out *out)
{
    free(out->msgs);
    free(out->notes);
    memset(out, 0, sizeof *out);
}

struct wire *out_send(struct out *out, enum out_to to, uint32_t id)
{
    out->msgs = base_grow(out->msgs, &out->msg_cap, out->msg_count + 1, sizeof *out->msgs);
    struct out_msg *msg = &out->msgs[out->msg_count++];
    memset(msg, 0, sizeof *msg);
    msg->to = (uint8_t)to;
    msg->id = id;
    return &msg->wire;
}

struct note *out_note(struct out *out, enum note_kind kind)
{
    out->notes = base_grow(out->notes, &out->note_cap, out->note_count + 1, sizeof *out->notes);
    struct note *note = &out->notes[out->note_count++];
    memset(note, 0, sizeof *note);
    note->kind = (uint8_t)kind;
    return note;
}

#define NAME_OF(id, name) name,
static const char *const operation_names[] = {"none", OPERATION_LIST(NAME_OF)};
static const char *const entry_names[] = {"none", ENTRY_LIST(NAME_OF)};
static const char *const reason_names[] = {"none", REASON_LIST(NAME_OF)};
static const char *const outcome_names[] = {"none", OUTCOME_LIST(NAME_OF)};
static const char *const why_names[] = {"none", WHY_LIST(NAME_OF)};
static const char *const because_names[] = {"none", BECAUSE_LIST(NAME_OF)};
static const char *const copy_names[] = {COPY_LIST(NAME_OF)};

const char *operation_name(unsigned operation)
{
    return operation < OPERATION_COUNT ? operation_names[operation] : "invalid";
}

const char *entry_name(unsigned entry)
{
    return entry < ENTRY_COUNT ? entry_names[entry] : "invalid";
}

const char *reason_name(unsigned reason)
{
    return reason < REASON_COUNT ? reason_names[reason] : "invalid";
}

const char *outcome_name(unsigned outcome)
{
    return outcome < OUTCOME_COUNT ? outcome_names[outcome] : "invalid";
}

const char *why_name(unsigned why)
{
    return why < WHY_COUNT ? why_names[why] : "invalid";
}

const char *because_name(unsigned because)
{
    return because < BECAUSE_COUNT ? because_names[because] : "invalid";
}

const char *copy_name(unsigned copy)
{
    return copy < COPY_COUNT ? copy_names[copy] : "invalid";
}

unsigned copy_find(const char *name)
{
    unsigned copy = COPY_BODY;
    while (copy < COPY_COUNT && strcmp(copy_names[copy], name) != 0)
        copy++;
    return copy;
}

unsigned operation_find(const char *name)
{
    for (unsigned i = 1; i < OPERATION_COUNT; i++)
        if (strcmp(operation_names[i], name) == 0)
            return i;
    return OPERATION_NONE;
}

unsigned why_find(const char *name)
{
    for (unsigned i = 1; i < WHY_COUNT; i++)
        if (strcmp(why_names[i], name) == 0)
            return i;
    return WHY_NONE;
}
