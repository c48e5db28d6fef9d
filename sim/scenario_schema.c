/*
 * scenario_schema.c: the JSON Schema (draft-07) of a scenario file, for editors, printed from the key tables.
 * scenarios/scenario.schema.json is the committed print-out; a test compares the two.
 */
#include "sim/check/check.h"
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void quote(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void words(FILE *out, const char *list)
{
    (void)fputs("{\"enum\":[", out);
    for (bool first = true; *list; first = false) {
        size_t len = strcspn(list, "|");
        (void)fprintf(out, "%s\"%.*s\"", first ? "" : ",", (int)len, list);
        list += len + (list[len] == '|');
    }
    (void)fputs("]}", out);
}

static void key_schema(FILE *out, const struct key *key)
{
    static const char *const refs[] = {
        [KEY_TIME] = "time",   [KEY_COUNT] = "count",   [KEY_COUNT32] = "count",   [KEY_RATE] = "rate",
        [KEY_RATE64] = "rate", [KEY_BYTES] = "bytes",   [KEY_DECIMAL] = "decimal", [KEY_NAME] = "name",
        [KEY_SHIFT] = "shift", [KEY_BREAKS] = "breaks",
    };
    if (key->type == KEY_OTHER)
        (void)fputs(key->words, out);
    else if (key->type == KEY_WORD || key->type == KEY_WORD8)
        words(out, key->words);
    else if (key->type == KEY_FLAG)
        (void)fputs("{\"type\":\"boolean\"}", out);
    else if (key->type == KEY_TEXT)
        (void)fprintf(out, "{\"type\":\"string\",\"minLength\":%llu,\"maxLength\":%llu}", (unsigned long long)key->low,
                      (unsigned long long)key->high);
    else
        (void)fprintf(out, "{\"$ref\":\"#/definitions/%s\"}", refs[key->type]);
}

/* draft-07 ignores what stands beside a "$ref", hence "allOf". */
static void property(FILE *out, bool first, const char *name, const char *what)
{
    (void)fprintf(out, "%s\n      ", first ? "" : ",");
    quote(out, name);
    (void)fputs(": {\"description\":", out);
    quote(out, what);
    (void)fputs(",\"allOf\":[", out);
}

static void required(FILE *out, const char *list)
{
    if (!*list)
        return;
    (void)fputs(",\n    \"required\":[", out);
    for (bool first = true; *list; first = false) {
        size_t len = strcspn(list, " ");
        (void)fprintf(out, "%s\"%.*s\"", first ? "" : ",", (int)len, list);
        list += len + (list[len] == ' ');
    }
    (void)fputc(']', out);
}

/* The keys of a table, for steps those of these forms; `skip_when`: without at, after, plus. */
static void object(FILE *out, const struct key_table *table, form_set forms, bool skip_when, const char *needed)
{
    bool first = true;
    (void)fputs("{\n    \"type\":\"object\",\"additionalProperties\":false,\n    \"properties\":{", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct key *key = &table->keys[i];
        if ((forms != 0 && (key->forms & forms) == 0) || (skip_when && i < 3))
            continue;
        property(out, first, key->name, key->what);
        key_schema(out, key);
        (void)fputs("]}", out);
        first = false;
    }
    (void)fputs("}", out);
    required(out, needed);
}

static void policy(FILE *out)
{
    (void)fputs(",\n  \"policy\": {\n    \"type\":\"object\",\"additionalProperties\":false,\n    \"properties\":{",
                out);
    property(out, true, "preset", "where the defaults come from");
    (void)fputs("{\"enum\":[", out);
    for (size_t i = 0; i < policy_presets_size; i++)
        (void)fprintf(out, "%s\"%s\"", i ? "," : "", policy_presets[i].name);
    (void)fputs("]}]}", out);
    for (size_t i = 0; i < policy_table_size; i++) {
        const struct policy_info *info = &policy_table[i];
        property(out, false, info->name, info->what);
        if (info->type == POLICY_IS_WORD)
            words(out, info->words);
        else
            (void)fprintf(out, "{\"$ref\":\"#/definitions/%s\"}", info->type == POLICY_IS_TIME ? "time" : "count");
        (void)fputs("]}", out);
    }
    (void)fputs("}}", out);
}

static void lists(FILE *out)
{
    (void)fputs(",\n  \"flaw\": {\"enum\":[", out);
    for (int i = 0; i < FLAW_COUNT; i++)
        (void)fprintf(out, "%s\"%s\"", i ? "," : "", flaw_table[i].name);
    (void)fputs("]},\n  \"invariants\": {\"type\":\"array\",\"minItems\":1,\"items\":{\"enum\":[", out);
    for (int i = 0; i < INVARIANT_COUNT; i++)
        (void)fprintf(out, "%s\"%s\"", i ? "," : "", invariant_table[i].name);
    (void)fputs("]}},\n  \"do\": {\"enum\":[", out);
    for (unsigned form = FORM_OPERATION + 1; form < FORM_RACE; form++)
        (void)fprintf(out, "%s\"%s\"", form > FORM_OPERATION + 1 ? "," : "", scenario_do_word(form));
    (void)fputs("]},\n  \"fault\": {\"enum\":[", out);
    for (unsigned i = FAULT_NONE + 1; i < FAULT_KIND_COUNT; i++)
        (void)fprintf(out, "%s\"%s\"", i > 1 ? "," : "", fault_name(i));
    (void)fputs("]},\n  \"faults\": {\"type\":\"object\",\"propertyNames\":{\"enum\":[", out);
    bool first = true;
    for (unsigned i = FAULT_NONE + 1; i < FAULT_KIND_COUNT; i++)
        if (scenario_draws_fault(i)) {
            (void)fprintf(out, "%s\"%s\"", first ? "" : ",", fault_name(i));
            first = false;
        }
    (void)fputs("]},\"additionalProperties\":{\"$ref\":\"#/definitions/count\"}", out);
    (void)fputs("},\n  \"mix\": {\"anyOf\":[{\"const\":\"all\"},{\"type\":\"object\",\"propertyNames\":{\"enum\":[",
                out);
    for (int i = 0; i < WORK_COUNT; i++)
        (void)fprintf(out, "%s\"%s\"", i ? "," : "", workload_table[i].name);
    (void)fputs("]},\"additionalProperties\":"
                "{\"$ref\":\"#/definitions/count\"}}",
                out);
    (void)fputs("]},\n  \"presence\": ", out);
    words(out, presence_words);
    (void)fputs(",\n  \"answer\": {\"enum\":[\"acked\",\"either\",\"refused\"", out);
    for (unsigned i = WHY_NONE + 1; i < WHY_COUNT; i++)
        (void)fprintf(out, ",\"refused %s\"", why_name(i));
    (void)fputs("]},\n  \"kind\": {\"anyOf\":[", out);
    words(out, conv_kind_words);
    (void)fputc(',', out);
    words(out, wire_kind_words);
    (void)fputs("]}", out);
}

static const char scalars[] =
    "\n  \"time\": "
    "{\"type\":\"string\",\"pattern\":\"^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$\"},"
    "\n  \"shift\": {\"type\":\"string\",\"pattern\":\"^[+-]([0-9]+(d|h|m|s|ms|us))+$\"},"
    "\n  \"count\": {\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}]},"
    "\n  \"decimal\": {\"anyOf\":[{\"type\":\"number\",\"minimum\":0},{\"type\":\"string\",\"pattern\":"
    "\"^[0-9]+([.][0-9]{1,6})?$\"}]},"
    "\n  \"rate\": {\"type\":\"string\",\"pattern\":\"^[0-9]+([.][0-9]{1,4})?%$\"},"
    "\n  \"bytes\": {\"type\":\"string\",\"pattern\":\"^[0-9]+(KiB|MiB|GiB)$\"},"
    "\n  \"breaks\": {\"type\":\"string\",\"pattern\":\"^[0-9]+ per ([0-9a-z]+)$\"},"
    "\n  \"name\": {\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_-]{1,32}$\"}";

static void steps(FILE *out)
{
    static const struct {
        form_set forms;
        const char *needed;
    } groups[] = {{FORMS_DO, "device do"}, {FORM_BIT(FORM_RACE), "race"}, {FORMS_FAULTS, "fault"}};
    for (int branch = 0; branch < 2; branch++) {
        (void)fprintf(out, ",\n  \"%s\": {\"anyOf\":[", branch ? "branch" : "step");
        for (size_t i = 0; i < 3; i++) {
            if (branch && groups[i].forms == FORM_BIT(FORM_RACE))
                continue;
            (void)fputs(i ? ",\n  " : "\n  ", out);
            object(out, &step_table, groups[i].forms, branch, groups[i].needed);
            if (!branch)
                (void)fputs(",\n    \"oneOf\":[{\"required\":[\"at\"]},{\"required\":[\"after\"]}]", out);
            (void)fputc('}', out);
        }
        (void)fputs("]}", out);
    }
}

char *scenario_schema_json(void)
{
    static const struct key_table *const tables[] = {
        &server_table, &crowd_table,    &conversation_table, &network_table,      &latency_table, &link_table,
        &bounds_table, &limits_table,   &expect_table,       &workload_key_table, &least_table,   &swarm_table_of_keys,
        &budget_table, &standing_table, &daily_table,        &judge_table};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    (void)fputs("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n\"title\":\"sexton scenario\",\n"
                "\"allOf\":[{\"$ref\":\"#/definitions/scenario\"}],\n\"definitions\":{",
                out);
    (void)fputs(scalars, out);
    lists(out);
    policy(out);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        (void)fprintf(out, ",\n  \"%s\": ", tables[i]->name);
        object(out, tables[i], 0, false, tables[i]->required);
        (void)fputc('}', out);
    }
    steps(out);
    (void)fputs(",\n  \"scenario\": ", out);
    object(out, &scenario_table, 0, false, scenario_table.required);
    (void)fputs("}}}\n", out);
    return fclose(out) == 0 ? text : NULL;
}
