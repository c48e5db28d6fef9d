/* result.c: results in memory, and as JSON. The reader is result_read.c. */
#include "reports/result.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (1ULL << 53) /* what every JSON reader keeps exact */

static const char *const classes[RESULT_CLASSES] = {"sound", "negative", "history"};
static const char *const outcomes[RESULT_OUTCOMES] = {"held",    "violated",  "vacuous",
                                                      "crashed", "exhausted", "measured"};

const char *result_class_name(enum result_class class)
{
    return classes[class];
}

const char *result_outcome_name(enum result_outcome outcome)
{
    return outcomes[outcome];
}

void result_set(char **text, const char *value)
{
    size_t bytes = value ? strlen(value) + 1 : 1;
    char *copy = base_alloc(bytes);
    if (value)
        memcpy(copy, value, bytes);
    free(*text);
    *text = copy;
}

void result_init(struct result *result)
{
    memset(result, 0, sizeof *result);
    result_set(&result->version, "");
    result_set(&result->seeds, "");
    result_set(&result->part, "");
    result_set(&result->store, "");
}

static void release_scenario(struct result_scenario *s)
{
    free(s->id);
    free(s->file);
    free(s->why);
    for (size_t i = 0; i < s->seen_count; i++)
        free(s->seen[i]);
    free(s->seen);
    for (size_t i = 0; i < s->invariant_count; i++)
        free(s->invariants[i].name);
    free(s->invariants);
    for (size_t i = 0; i < s->failure_count; i++) {
        free(s->failures[i].seed);
        free(s->failures[i].what);
        free(s->failures[i].replay);
    }
    free(s->failures);
    for (size_t i = 0; i < s->fold_count; i++)
        free(s->fold[i]);
    free(s->fold);
    measures_release(&s->measures);
}

void result_release(struct result *result)
{
    for (size_t i = 0; i < result->scenario_count; i++)
        release_scenario(&result->scenarios[i]);
    free(result->scenarios);
    free(result->version);
    free(result->seeds);
    free(result->part);
    free(result->store);
    memset(result, 0, sizeof *result);
}

struct result_scenario *result_add_scenario(struct result *result, const char *id)
{
    result->scenarios =
        base_grow(result->scenarios, &result->scenario_cap, result->scenario_count + 1, sizeof *result->scenarios);
    struct result_scenario *s = &result->scenarios[result->scenario_count++];
    memset(s, 0, sizeof *s);
    result_set(&s->id, id);
    result_set(&s->file, "");
    result_set(&s->why, "");
    return s;
}

struct result_invariant *result_add_invariant(struct result_scenario *s, const char *name)
{
    s->invariants = base_grow(s->invariants, &s->invariant_cap, s->invariant_count + 1, sizeof *s->invariants);
    struct result_invariant *invariant = &s->invariants[s->invariant_count++];
    memset(invariant, 0, sizeof *invariant);
    result_set(&invariant->name, name);
    return invariant;
}

void result_add_seen(struct result_scenario *s, const char *seen)
{
    s->seen = base_grow(s->seen, &s->seen_cap, s->seen_count + 1, sizeof *s->seen);
    s->seen[s->seen_count] = NULL;
    result_set(&s->seen[s->seen_count++], seen);
}

void result_add_fold(struct result_scenario *s, const char *line)
{
    s->fold = base_grow(s->fold, &s->fold_cap, s->fold_count + 1, sizeof *s->fold);
    s->fold[s->fold_count] = NULL;
    result_set(&s->fold[s->fold_count++], line);
}

void result_add_failure(struct result_scenario *s, const char *seed, const char *what, const char *replay)
{
    s->failures = base_grow(s->failures, &s->failure_cap, s->failure_count + 1, sizeof *s->failures);
    struct result_failure *failure = &s->failures[s->failure_count++];
    memset(failure, 0, sizeof *failure);
    result_set(&failure->seed, seed);
    result_set(&failure->what, what);
    result_set(&failure->replay, replay);
}

/* ---- JSON ---- */
static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void write_text(FILE *out, const char *before, const char *text)
{
    fputs(before, out);
    write_string(out, text);
}

static void write_number(FILE *out, const char *before, uint64_t n)
{
    fprintf(out, n > EXACT_MAX ? "%s\"%" PRIu64 "\"" : "%s%" PRIu64, before, n);
}

static void write_invariant(FILE *out, const struct result_invariant *i)
{
    write_string(out, i->name);
    write_number(out, ":{\"held\":", i->held);
    write_number(out, ",\"violated\":", i->violated);
    write_number(out, ",\"unknown\":", i->unknown);
    write_number(out, ",\"vacuous\":", i->vacuous);
    write_number(out, ",\"judged\":", i->judged);
    fputc('}', out);
}

static void write_scenario(FILE *out, const struct result_scenario *s, bool is_part)
{
    write_text(out, "{\"id\":", s->id);
    write_text(out, ",\"file\":", s->file);
    write_text(out, ",\"class\":", result_class_name(s->class));
    write_number(out, ",\"seeds\":", s->seeds);
    write_text(out, ",\"outcome\":", result_outcome_name(s->outcome));
    write_text(out, ",\"why\":", s->why);
    fputs(",\n \"seen\":[", out);
    for (size_t i = 0; i < s->seen_count; i++)
        write_text(out, i ? "," : "", s->seen[i]);
    fputs("],\n \"invariants\":{", out);
    for (size_t i = 0; i < s->invariant_count; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        write_invariant(out, &s->invariants[i]);
    }
    fputs("},\n \"failures\":[", out);
    for (size_t i = 0; i < s->failure_count; i++) {
        write_text(out, i ? ",\n  {\"seed\":" : "\n  {\"seed\":", s->failures[i].seed);
        write_text(out, ",\"what\":", s->failures[i].what);
        write_text(out, ",\"replay\":", s->failures[i].replay);
        fputc('}', out);
    }
    fputs("],\n \"metrics\":", out);
    measures_write_json(&s->measures, out);
    if (is_part) {
        fprintf(out, ",\n \"found\":%s,\"fold\":[", s->found ? "true" : "false");
        for (size_t i = 0; i < s->fold_count; i++)
            write_text(out, i ? ",\n  " : "\n  ", s->fold[i]);
        fputc(']', out);
    }
    fputc('}', out);
}

void result_write(FILE *out, const struct result *result)
{
    write_text(out, "{\"sexton-result\":1,\"version\":", result->version);
    write_text(out, ",\"seeds\":", result->seeds);
    if (*result->part) {
        write_text(out, ",\"part\":", result->part);
        write_text(out, ",\"store\":", result->store);
    }
    fputs(",\n\"scenarios\":[", out);
    for (size_t i = 0; i < result->scenario_count; i++) {
        fputs(i ? ",\n" : "\n", out);
        write_scenario(out, &result->scenarios[i], *result->part != 0);
    }
    write_number(out, "],\n\"work\":{\"events\":", result->work.events);
    write_number(out, ",\"operations\":", result->work.operations);
    write_number(out, ",\"deletions\":", result->work.deletions);
    write_number(out, ",\"pairs\":", result->work.pairs);
    write_number(out, ",\"faults\":", result->work.faults);
    fputs("}}\n", out);
}
