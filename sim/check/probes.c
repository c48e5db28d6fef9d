/*
 * probes.c: EVENT of the scenario language, as predicates over records.
 *
 * A probe is a list of simple events; with more than one, joined by `before`, it happens when the last one happens for
 * the first time, if each had first happened before the next. A simple event is a subject, a verb of the table below,
 * and what the verb takes. Its opposite is the verb that unsays it: the later of the two is the last word.
 */
#include "sim/check/probes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SIMPLE_MAX 8
#define WORD_BYTES_MAX 128

enum takes { TAKES_NOTHING, TAKES_TARGET, TAKES_WHY, TAKES_CONVERSATION, TAKES_DRAFT, TAKES_END };
struct verb {
    const char *text;
    enum history_kind kind;
    enum history_kind opposite; /* itself: there is none */
    enum history_field subject;
    const char *role;
    enum takes takes;
};
static const struct verb verbs[] = {
    {"shows", KIND_SHOW, KIND_HIDE, FIELD_DEVICE, "node", TAKES_TARGET},
    {"hides", KIND_HIDE, KIND_SHOW, FIELD_DEVICE, "node", TAKES_TARGET},
    {"invoked", KIND_INVOKE, KIND_INVOKE, FIELD_OP, "op", TAKES_NOTHING},
    {"committed", KIND_COMMIT, KIND_COMMIT, FIELD_OP, "op", TAKES_NOTHING},
    {"acked", KIND_ACK, KIND_REFUSE, FIELD_OP, "op", TAKES_NOTHING},
    {"refused", KIND_REFUSE, KIND_ACK, FIELD_OP, "op", TAKES_WHY},
    {"cancelled", KIND_CANCEL, KIND_CANCEL, FIELD_OP, "op", TAKES_NOTHING},
    {"connects", KIND_CONNECT, KIND_DISCONNECT, FIELD_DEVICE, "node", TAKES_NOTHING},
    {"disconnects", KIND_DISCONNECT, KIND_CONNECT, FIELD_DEVICE, "node", TAKES_NOTHING},
    {"crashes", KIND_CRASH, KIND_RESTART, FIELD_NODE, "node", TAKES_NOTHING},
    {"restarts", KIND_RESTART, KIND_CRASH, FIELD_NODE, "node", TAKES_NOTHING},
    {"stays-down", KIND_STAYS_DOWN, KIND_RESTART, FIELD_NODE, "node", TAKES_NOTHING},
    {"resets", KIND_INSTALL, KIND_INSTALL, FIELD_DEVICE, "node", TAKES_NOTHING},
    {"parked", KIND_PARK, KIND_PARK, FIELD_MESSAGE, "target", TAKES_NOTHING},
    {"purging", KIND_PURGING, KIND_PURGING, FIELD_MESSAGE, "target", TAKES_NOTHING},
    {"purged", KIND_PURGE, KIND_PURGE, FIELD_MESSAGE, "target", TAKES_NOTHING},
    {"ended", KIND_JOB, KIND_JOB, FIELD_JOB, "op", TAKES_END},
    {"completed", KIND_ERASURE, KIND_ERASURE, FIELD_JOB, "op", TAKES_END},
    {"notices", KIND_NOTICE, KIND_NOTICE, FIELD_DEVICE, "node", TAKES_CONVERSATION},
    {"drafts", KIND_NOTICE, KIND_NOTICE, FIELD_DEVICE, "node",
     TAKES_DRAFT}, /* told, and what was being written is kept */
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))
#define VERB_WORDS                                                                                             \
    "shows, hides, notices, drafts, invoked, committed, ended, completed, acked, refused, cancelled, parked, " \
    "purging, "                                                                                                \
    "purged, connects, disconnects, crashes, restarts, stays-down or resets"

struct simple {
    const struct verb *verb;
    uint32_t subject, object, copy; /* names; object: target, why or conversation; 0: any */
    bool of_typing;                 /* then the object may be the conversation: whoever it is */
    bool seen, last_word;
};
struct probe {
    const struct names *names;
    struct simple events[SIMPLE_MAX];
    int count, reached; /* reached: how many of an order have happened, in order */
    bool broken, seen;  /* broken: the order is the wrong one, for good */
};

/* ---- parsing ---- */

struct parser {
    const char *text;
    size_t at, word_at; /* where the next word is looked for; where the last one began */
    char word[WORD_BYTES_MAX];
    char *error;
    int *column;
};

static bool fail(struct parser *p, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *p, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->error, PROBE_ERROR_MAX, format, args);
    va_end(args);
    *p->column = (int)at + 1;
    return false;
}

/* The next word without taking it; "" at the end. */
static const char *peek(struct parser *p)
{
    while (p->text[p->at] == ' ')
        p->at++;
    size_t length = strcspn(p->text + p->at, " ");
    size_t kept = length < WORD_BYTES_MAX ? length : WORD_BYTES_MAX - 1;
    memcpy(p->word, p->text + p->at, kept);
    p->word[kept] = '\0';
    p->word_at = p->at;
    return p->word;
}

static void take(struct parser *p)
{
    p->at += strcspn(p->text + p->at, " ");
}

static bool is_verb(const char *word)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].text, word) == 0)
            return true;
    return false;
}

static bool parse_name(struct parser *p, struct names *names, const char *expected, uint32_t *name)
{
    const char *word = peek(p);
    if (!*word)
        return fail(p, p->word_at, "the event ends here, and %s was expected", expected);
    if (strcmp(word, "before") == 0 || is_verb(word))
        return fail(p, p->word_at, "\"%s\" was found, and %s was expected", word, expected);
    if (strcspn(p->text + p->at, " ") >= WORD_BYTES_MAX)
        return fail(p, p->word_at, "a name is longer than %d bytes", WORD_BYTES_MAX - 1);
    *name = names_intern(names, word);
    take(p);
    return true;
}

static bool at_end_of_event(struct parser *p)
{
    const char *word = peek(p);
    return !*word || strcmp(word, "before") == 0;
}

static bool parse_object(struct parser *p, struct names *names, struct simple *event)
{
    switch (event->verb->takes) {
        case TAKES_NOTHING:
            return true;
        case TAKES_END: /* of the stages of a job this one counts */
            event->object = names_intern(names, "end");
            return true;
        case TAKES_WHY:
            return at_end_of_event(p) || parse_name(p, names, "a reason", &event->object);
        case TAKES_CONVERSATION:
        case TAKES_DRAFT:
            return parse_name(p, names, "a conversation", &event->object);
        case TAKES_TARGET:
            break;
    }
    if (!parse_name(p, names, "a message", &event->object))
        return false;
    if (at_end_of_event(p)) {
        event->copy = names_intern(names, "body");
        return true;
    }
    event->of_typing = strcmp(peek(p), "typing") == 0;
    return parse_name(p, names, "a copy", &event->copy);
}

static bool parse_simple(struct parser *p, struct names *names, struct simple *event)
{
    if (!parse_name(p, names, "a device, a node or an operation", &event->subject))
        return false;
    const char *word = peek(p);
    if (!*word)
        return fail(p, p->word_at, "the event ends here, and one of " VERB_WORDS " was expected");
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].text, word) == 0)
            event->verb = &verbs[i];
    if (!event->verb)
        return fail(p, p->word_at, "\"%.40s\" is no event; " VERB_WORDS " was expected", word);
    take(p);
    return parse_object(p, names, event);
}

static bool parse(struct parser *p, struct names *names, struct probe *probe)
{
    for (;;) {
        if (probe->count == SIMPLE_MAX)
            return fail(p, p->word_at, "an order of more than %d events", SIMPLE_MAX);
        if (!parse_simple(p, names, &probe->events[probe->count]))
            return false;
        probe->count++;
        const char *word = peek(p);
        if (!*word)
            return true;
        if (strcmp(word, "before") != 0)
            return fail(p, p->word_at, "\"%.40s\" was found, and \"before\" or the end was expected", word);
        take(p);
    }
}

struct probe *probe_parse(const char *text, struct names *names, char error[PROBE_ERROR_MAX], int *column)
{
    int nowhere;
    struct parser parser = {.text = text, .error = error, .column = column ? column : &nowhere};
    struct probe *probe = base_alloc(sizeof(*probe));
    probe->names = names;
    if (parse(&parser, names, probe))
        return probe;
    probe_free(probe);
    return NULL;
}

void probe_free(struct probe *probe)
{
    free(probe);
}

/* ---- watching ---- */

void probe_reset(struct probe *probe)
{
    for (int i = 0; i < probe->count; i++)
        probe->events[i].seen = probe->events[i].last_word = false;
    probe->reached = 0;
    probe->broken = probe->seen = false;
}

static bool is_about(const struct simple *event, const struct record *r)
{
    bool of_conversation = event->verb->subject == FIELD_MESSAGE && !record_has(r, FIELD_MESSAGE);
    if (record_get(r, of_conversation ? FIELD_IN : event->verb->subject) != event->subject)
        return false;
    if (event->verb->takes == TAKES_CONVERSATION)
        return record_get(r, FIELD_IN) == event->object;
    if (event->verb->takes == TAKES_DRAFT)
        return record_get(r, FIELD_IN) == event->object && record_get(r, FIELD_DRAFT) != 0;
    if (event->verb->takes == TAKES_END)
        return record_get(r, FIELD_STAGE) == event->object;
    if (event->verb->takes != TAKES_TARGET)
        return true;
    bool there = event->of_typing && record_get(r, FIELD_IN) == event->object;
    return (there || record_get(r, FIELD_MESSAGE) == event->object) && record_get(r, FIELD_COPY) == event->copy;
}

static bool happens(struct simple *event, const struct record *r)
{
    if ((r->kind != event->verb->kind && r->kind != event->verb->opposite) || !is_about(event, r))
        return false;
    bool why = event->verb->takes != TAKES_WHY || !event->object || record_get(r, FIELD_WHY) == event->object;
    event->last_word = r->kind == event->verb->kind && why;
    event->seen |= event->last_word;
    return event->last_word;
}

bool probe_take(struct probe *probe, const struct record *record)
{
    if (probe->count == 1) {
        bool now = happens(&probe->events[0], record);
        probe->seen |= now;
        return now;
    }
    bool last = false;
    for (int i = probe->count - 1; i >= 0; i--) { /* from the last: one record is one step of an order */
        struct simple *event = &probe->events[i];
        bool first = !event->seen;
        if (!happens(event, record) || !first)
            continue;
        if (i != probe->reached)
            probe->broken = true;
        else {
            probe->reached++;
            last = i == probe->count - 1;
        }
    }
    bool now = last && !probe->broken;
    probe->seen |= now;
    return now;
}

void probe_kinds(const struct probe *probe, bool kinds[HISTORY_KINDS])
{
    for (int i = 0; i < probe->count; i++)
        kinds[probe->events[i].verb->kind] = kinds[probe->events[i].verb->opposite] = true;
}

bool probe_seen(const struct probe *probe)
{
    return probe->seen;
}

bool probe_finally(const struct probe *probe)
{
    return probe->count == 1 ? probe->events[0].last_word : probe->seen;
}

void probe_names(const struct probe *probe, void (*visit)(void *ctx, const char *role, const char *name), void *ctx)
{
    for (int i = 0; i < probe->count; i++) {
        const struct simple *event = &probe->events[i];
        visit(ctx, event->verb->role, names_text(probe->names, event->subject));
        if (event->verb->takes == TAKES_TARGET)
            visit(ctx, "target", names_text(probe->names, event->object));
        if (event->verb->takes == TAKES_CONVERSATION || event->verb->takes == TAKES_DRAFT)
            visit(ctx, "conversation", names_text(probe->names, event->object));
    }
}
