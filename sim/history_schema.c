/*
 * history_schema.c: the JSON Schema of one line of a history, made from history.def; scenarios/history.schema.json is
 * its print-out. Like the reader it lets unknown kinds and keys pass.
 */
#include "sim/history.h"

#include <stdlib.h>

static const char *const type_refs[] = {
    [TYPE_NAME] = "name",       [TYPE_WORD] = "name", [TYPE_NUMBER] = "number", [TYPE_TIME] = "number",
    [TYPE_VERSION] = "version", [TYPE_FLAG] = "flag", [TYPE_ITEMS] = "items",
};

static const char head[] =
    "{\n"
    "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
    "  \"title\": \"One line of a sexton history\",\n"
    "  \"description\": \"The first line is the header, each other one a record. Unknown kinds and keys are "
    "ignored.\",\n"
    "  \"if\": { \"required\": [\"sexton-history\"] },\n"
    "  \"then\": { \"$ref\": \"#/$defs/header\" },\n"
    "  \"else\": { \"$ref\": \"#/$defs/record\" },\n"
    "  \"$defs\": {\n"
    "    \"name\": { \"type\": \"string\", \"minLength\": 1 },\n"
    "    \"number\": { \"oneOf\": [ { \"type\": \"integer\", \"minimum\": 0, \"maximum\": 9007199254740992 },\n"
    "                           { \"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]*)$\" } ] },\n"
    "    \"version\": { \"oneOf\": [ { \"type\": \"integer\", \"minimum\": 0, \"maximum\": 1099511627775 },\n"
    "                            { \"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)$\" } ] },\n"
    "    \"flag\": { \"type\": \"boolean\" },\n"
    "    \"duration\": { \"type\": \"string\", \"pattern\": "
    "\"^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$\" },\n"
    "    \"items\": { \"type\": \"array\", \"items\": {\n"
    "      \"type\": \"object\", \"required\": [\"in\", \"message\", \"copy\"],\n"
    "      \"properties\": { \"in\": { \"$ref\": \"#/$defs/name\" }, \"message\": { \"$ref\": \"#/$defs/name\" },\n"
    "                      \"copy\": { \"$ref\": \"#/$defs/name\" }, \"version\": { \"$ref\": \"#/$defs/version\" },\n"
    "                      \"via\": { \"$ref\": \"#/$defs/name\" } } } },\n"
    "    \"header\": {\n"
    "      \"type\": \"object\",\n"
    "      \"properties\": {\n"
    "        \"sexton-history\": { \"const\": 1 },\n"
    "        \"system\": { \"type\": \"string\", \"maxLength\": 127 },\n"
    "        \"clock-error\": { \"$ref\": \"#/$defs/duration\" },\n"
    "        \"bounds\": { \"type\": \"object\", \"properties\": { \"online\": { \"$ref\": \"#/$defs/duration\" },\n"
    "                                                     \"returning\": { \"$ref\": \"#/$defs/duration\" } } },\n"
    "        \"scenario\": { \"type\": \"string\", \"maxLength\": 127 },\n"
    "        \"seed\": { \"$ref\": \"#/$defs/number\" },\n"
    "        \"quotes\": { \"const\": \"keep\" } } },\n"
    "    \"record\": {\n"
    "      \"type\": \"object\",\n"
    "      \"required\": [\"kind\"],\n"
    "      \"properties\": { \"kind\": { \"type\": \"string\" } },\n"
    "      \"allOf\": [\n";

static void put_kind(FILE *out, const struct kind_info *kind)
{
    fprintf(out,
            "        { \"if\": { \"properties\": { \"kind\": { \"const\": \"%s\" } }, \"required\": [\"kind\"] },\n",
            kind->name);
    fprintf(out, "          \"then\": { \"description\": \"%s\",\n                    \"required\": [\"at\"",
            kind->sentence);
    for (uint64_t left = kind->required; left; left &= left - 1)
        fprintf(out, ", \"%s\"", history_fields[__builtin_ctzll(left)].key);
    fprintf(out, "],\n                    \"properties\": { \"at\": { \"$ref\": \"#/$defs/number\" }");
    for (uint64_t left = kind->required | kind->optional; left; left &= left - 1) {
        const struct field_info *field = &history_fields[__builtin_ctzll(left)];
        fprintf(out, ",\n                                    \"%s\": { \"$ref\": \"#/$defs/%s\" }", field->key,
                type_refs[field->type]);
    }
    fprintf(out, " } } }");
}

char *history_schema_json(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    fputs(head, out);
    for (int i = 0; i < HISTORY_KINDS; i++) {
        put_kind(out, &history_kinds()[i]);
        fputs(i + 1 < HISTORY_KINDS ? ",\n" : "\n", out);
    }
    fputs("      ]\n    }\n  }\n}\n", out);
    if (fclose(out) != 0)
        abort();
    return text;
}
