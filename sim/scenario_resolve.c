/*
 * scenario_resolve.c: second pass over a script: the conversations, messages, users and events that steps speak of. A
 * message or conversation may be made by a later step, or in another branch of the same race: what is not there yet at
 * run time is a test of its own.
 */
#include "core/out.h"
#include "sim/check/probes.h"
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t find_base(const struct reader *r, const char *name, size_t len)
{
    char base[SCENARIO_NAME_MAX + 1];
    if (len >= sizeof base)
        return 0;
    memcpy(base, name, len);
    base[len] = '\0';
    return names_find(r->as, base);
}

/* The step of that name; the repetitions of m1 with "count": 3 are m1, m1.2 and m1.3. */
static const struct scenario_step *find_as(const struct reader *r, const char *name)
{
    uint32_t as = names_find(r->as, name);
    const char *dot = strrchr(name, '.');
    if (as != 0)
        return r->as_steps[as - 1].step;
    if (!dot || dot[1] < '1' || dot[1] > '9' || strspn(dot + 1, "0123456789") != strlen(dot + 1) || strlen(dot) > 8 ||
        (as = find_base(r, name, (size_t)(dot - name))) == 0)
        return NULL;
    uint64_t repetition = strtoull(dot + 1, NULL, 10);
    const struct scenario_step *step = r->as_steps[as - 1].step;
    return repetition >= 2 && repetition <= step->count ? step : NULL;
}

static bool makes(const struct scenario_step *step, unsigned operation)
{
    return step && step->operation == operation;
}

/* "found NAME, expected a(n) KIND": with a suggestion from the names of steps and, when asked, conversations. */
static int unknown(struct reader *r, const cJSON *item, const char *expected, bool conversations)
{
    char hint[100];
    struct suggestion suggestion = {item->valuestring, "", 0};
    suggestion_try_names(&suggestion, r->as);
    if (conversations)
        suggestion_try_names(&suggestion, r->conversations);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "%s%s", expected, hint);
}

static int resolve_in(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    const cJSON *in = member(item, "in");
    if (step->in) {
        uint32_t name = names_find(r->conversations, step->in);
        if (name != 0)
            step->conversation = (int32_t)name - 1;
        else if (!makes(find_as(r, step->in), OPERATION_CREATE))
            return unknown(r, in, "a conversation: declared, or the \"as\" of a create", true);
        return 0;
    }
    if (!step->target) /* look at nothing */
        return 0;
    const struct scenario_step *send = find_as(r, step->target);
    if ((!makes(send, OPERATION_SEND) && !makes(send, OPERATION_INVITE)) || !send->in)
        return reader_fail(r, item, false, 0, "found a \"%s\" without \"in\", expected it: the message was never sent",
                           operation_name(step->operation));
    step->in = text_copy(send->in);
    uint32_t name = names_find(r->conversations, step->in);
    step->conversation = name == 0 ? -1 : (int32_t)name - 1;
    return 0;
}

static int resolve_target(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    if (!step->target)
        return 0;
    if (step->target[0] == '?')
        return check_name(r, member(item, "message"), false, step->target + 1);
    bool answers = step->operation == OPERATION_ACCEPT || step->operation == OPERATION_DECLINE ||
                   step->operation == OPERATION_WITHDRAW;
    if (makes(find_as(r, step->target), answers ? OPERATION_INVITE : OPERATION_SEND))
        return 0;
    if (answers)
        return unknown(r, member(item, "message"), "the \"as\" of an invite, or ?NAME for one that never was", false);
    return unknown(r, member(item, "message"), "the \"as\" of a send, or ?NAME for a message that never was", false);
}

static int resolve_reply_to(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    const cJSON *name = member(item, "reply-to");
    if (!step->reply_to)
        return 0;
    if (step->reply_to[0] == '?')
        return check_name(r, name, false, step->reply_to + 1);
    if (makes(find_as(r, step->reply_to), OPERATION_SEND))
        return 0;
    return unknown(r, name, "the \"as\" of a send, or ?NAME for a message that never was", false);
}

static int resolve_attachment(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    const cJSON *name = member(item, "attachment");
    if (!step->attachment)
        return 0;
    if (step->attachment[0] == '?')
        return check_name(r, name, false, step->attachment + 1);
    if (makes(find_as(r, step->attachment), OPERATION_UPLOAD))
        return 0;
    return unknown(r, name, "the \"as\" of an upload, or ?NAME for one that never was", false);
}

static int resolve_backup(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    const struct scenario_step *backup = step->backup ? find_as(r, step->backup) : NULL;
    if (!step->backup || (backup && backup->kind == STEP_FAULT && backup->fault == FAULT_BACKUP))
        return 0;
    return unknown(r, member(item, "backup"), "the \"as\" of a backup", false);
}

static int resolve_undoes(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    unsigned operation = step->operation == OPERATION_UNDO ? OPERATION_DELETE : OPERATION_DELETE_CONV;
    if (!step->undoes || makes(find_as(r, step->undoes), operation))
        return 0;
    return unknown(r, member(item, "undoes"),
                   operation == OPERATION_DELETE ? "the \"as\" of a delete" : "the \"as\" of a delete-conversation",
                   false);
}

static int resolve_user(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    const cJSON *user = member(item, "user");
    char hint[100];
    if (!user)
        return 0;
    int status = expect_string(r, user, "a user");
    if (status != 0)
        return status;
    uint32_t name = names_find(r->users, user->valuestring);
    if (name != 0) {
        step->subject = name - 1;
        return 0;
    }
    struct suggestion suggestion = {user->valuestring, "", 0};
    suggestion_try_names(&suggestion, r->users);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, user, "a user of \"users\"%s", hint);
}

/* ---- events ---- */

struct visit {
    struct reader *r;
    const cJSON *item;
    const char *event;
    int status;
};

static bool is_shard(const struct reader *r, const char *name)
{
    char text[20];
    for (uint32_t shard = 0; shard < r->s->shards; shard++) {
        (void)snprintf(text, sizeof text, "shard.%u", (unsigned)shard);
        if (strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* Where the name stands in the event as a word of its own. */
static size_t word_at(const char *event, const char *name)
{
    size_t len = strlen(name);
    for (const char *found = event; len > 0 && (found = strstr(found, name)); found++)
        if ((found == event || found[-1] == ' ') && (found[len] == '\0' || found[len] == ' '))
            return (size_t)(found - event);
    return 0;
}

static void visit_name(void *ctx, const char *role, const char *name)
{
    struct visit *v = ctx;
    struct reader *r = v->r;
    struct suggestion suggestion = {name, "", 0};
    const char *expected;
    char hint[100];
    const struct scenario_step *as = find_as(r, name);
    bool conversation = names_find(r->conversations, name) != 0, known;
    if (v->status != 0)
        return;
    if (strcmp(role, "node") == 0) {
        known = names_find(r->devices, name) != 0 || is_shard(r, name);
        expected = "a device or shard";
        suggestion_try_names(&suggestion, r->devices);
    } else if (strcmp(role, "op") == 0) {
        known = as != NULL;
        expected = "the \"as\" of an operation";
        suggestion_try_names(&suggestion, r->as);
    } else {
        bool target = strcmp(role, "target") == 0;
        known = conversation || makes(as, OPERATION_CREATE) ||
                (target && (makes(as, OPERATION_SEND) || makes(as, OPERATION_INVITE)));
        expected = target ? "the \"as\" of a send, or a conversation" : "a conversation";
        suggestion_try_names(&suggestion, r->as);
        suggestion_try_names(&suggestion, r->conversations);
    }
    if (known)
        return;
    suggestion_text(&suggestion, hint, sizeof hint);
    v->status = reader_fail(r, v->item, false, 1 + word_at(v->event, name), "found \"%.60s\", expected %s%s", name,
                            expected, hint);
}

/* The words of closed lists in an event, which a probe would take as they are: an event with a mistyped one never
 * happens. */
static int check_event_words(struct reader *r, const cJSON *item, const char *event)
{
    char words[3][64] = {"", "", ""}, word[64], hint[100]; /* the last three before this one */
    for (const char *at = event; *at;) {
        size_t len = strcspn(at, " ");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, at);
        bool why = strcmp(words[2], "refused") == 0 && *words[1], join = strcmp(word, "before") == 0;
        bool copy = *words[0] && (strcmp(words[1], "shows") == 0 || strcmp(words[1], "hides") == 0);
        bool known = join || (!why && !copy) || (why && why_find(word) != WHY_NONE);
        struct suggestion suggestion = {word, "", 0};
        known |= copy && copy_find(word) < COPY_COUNT;
        for (unsigned i = 0; copy && i < COPY_COUNT; i++)
            suggestion_try(&suggestion, copy_name(i));
        for (unsigned i = WHY_NONE + 1; why && i < WHY_COUNT; i++)
            suggestion_try(&suggestion, why_name(i));
        suggestion_text(&suggestion, hint, sizeof hint);
        if (!known)
            return reader_fail(r, item, false, 1 + (size_t)(at - event), "found \"%s\", expected %s%s", word,
                               why ? "the reason of a refusal" : "a kind of copy, such as body", hint);
        memcpy(words[0], words[1], sizeof word);
        memcpy(words[1], words[2], sizeof word);
        memcpy(words[2], word, sizeof word);
        if (join)
            memset(words, 0, sizeof words); /* another event begins */
        at += len;
        at += strspn(at, " ");
    }
    return 0;
}

/* The column counts bytes of the text between the quotes: exact unless it has escapes. */
int resolve_event(struct reader *r, const cJSON *item, const char *event)
{
    char error[PROBE_ERROR_MAX] = "";
    int column = 1;
    names_clear(r->scratch);
    struct probe *probe = probe_parse(event, r->scratch, error, &column);
    if (!probe)
        return reader_fail(r, item, false, column > 0 ? (size_t)column : 1, "found \"%.100s\", expected an EVENT: %s",
                           event, error);
    struct visit v = {r, item, event, 0};
    probe_names(probe, visit_name, &v);
    probe_free(probe);
    return v.status != 0 ? v.status : check_event_words(r, item, event);
}

/* ---- the rest ---- */

static void default_text(struct scenario_step *step)
{
    char text[TEXT_BYTES_MAX + 1];
    if ((step->operation != OPERATION_SEND && step->operation != OPERATION_EDIT &&
         step->operation != OPERATION_UPLOAD) ||
        step->text)
        return;
    const char *name = step->as ? step->as : step->label;
    (void)snprintf(text, sizeof text, "text of %.*s", (int)(step->as ? SCENARIO_NAME_MAX : strcspn(name, " ")), name);
    step->text = text_copy(text);
}

/* A device that is linked does not exist before: it is linked once. */
static int mark_linked(struct reader *r, const struct step_ref *ref)
{
    struct scenario_device *device = &r->s->devices[ref->step->device];
    if (ref->step->kind != STEP_LINK && ref->step->kind != STEP_DEVICE_RESTORE && ref->step->kind != STEP_CLONE)
        return 0;
    if (device->linked)
        return reader_expected(r, member(ref->item, "device"), "each device to be linked once");
    device->linked = true;
    return 0;
}

/* `lasts` covers every step with a fixed moment. */
static int check_moment(struct reader *r, const struct step_ref *ref, uint64_t *last_us)
{
    const struct scenario_step *step = ref->step;
    const cJSON *lasts = member(r->tree, "lasts");
    uint64_t span = 0, end;
    if (__builtin_mul_overflow(step->every_us, step->count - 1, &span) || span > SCENARIO_TIME_MAX)
        return reader_fail(r, member(ref->item, "every"), false, 0,
                           "found \"count\" times \"every\" above 36500d, expected less");
    end = step->at_us + step->plus_us + span;
    if (step->after || ref->branch)
        return 0;
    if (end > *last_us)
        *last_us = end;
    if (lasts && end > r->s->lasts_us)
        return reader_fail(r, member(ref->item, "at"), false, 0,
                           "found a step that happens after the end, expected a moment within \"lasts\"");
    return 0;
}

int resolve_script(struct reader *r)
{
    uint64_t last_us = 0;
    int status;
    for (size_t i = 0; i < r->step_count; i++) {
        struct scenario_step *step = r->steps[i].step;
        const cJSON *item = r->steps[i].item;
        if ((status = resolve_target(r, step, item)) != 0 || (status = resolve_in(r, step, item)) != 0 ||
            (status = resolve_reply_to(r, step, item)) != 0 || (status = resolve_undoes(r, step, item)) != 0 ||
            (status = resolve_attachment(r, step, item)) != 0 || (status = resolve_backup(r, step, item)) != 0 ||
            (status = resolve_user(r, step, item)) != 0 || (status = mark_linked(r, &r->steps[i])) != 0 ||
            (status = check_moment(r, &r->steps[i], &last_us)) != 0)
            return status;
        if (step->after && (status = resolve_event(r, member(item, "after"), step->after)) != 0)
            return status;
        default_text(step);
    }
    if (!member(r->tree, "lasts"))
        r->s->lasts_us = last_us + 10 * US_PER_S;
    return 0;
}
