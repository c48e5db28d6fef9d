/*
 * json_text.h: JSON with comments, strict, with positions: a scanner in front of cJSON.
 *
 * cJSON keeps no positions, and accepts `01`, `1e999`, duplicate keys, `\u0000` and bad UTF-8. The scanner refuses
 * these, blanks comments in place (offsets stay), and notes where each value and key begins; then cJSON parses. The
 * number of a value's place is left in the item's `valueint`, which nothing else may use; cJSON_Duplicate carries it
 * along.
 *
 * A document can hold several texts: the file, and the values of --set. An error in a text says where it is in that
 * text.
 */
#ifndef SEXTON_SIM_JSON_TEXT_H
#define SEXTON_SIM_JSON_TEXT_H

#include "core/base.h"

struct cJSON;

#define JSON_BYTES_MAX (8U << 20)
#define JSON_DEPTH_MAX 32

struct json_place {
    uint32_t source;     /* which text */
    uint32_t key;        /* byte offset of the key's first quote; of the value when it has none */
    uint32_t value, end; /* of the value: its first byte, and the one after its last */
};
struct json_source {
    char *label; /* "FILE", or "--set PATH" */
    char *text;  /* comments blanked */
    size_t size;
    bool positioned; /* errors give line and column */
    size_t *lines;   /* where each line begins */
    size_t line_count, line_cap;
};
struct json_text {
    struct json_source *sources;
    size_t source_count, source_cap;
    struct json_place *places;
    size_t place_count, place_cap;
};

void json_text_release(struct json_text *json);
/*
 * Parse one text into *root (cJSON_Delete it). 0, or E_INVALID with "LABEL:LINE:COLUMN: found X, expected Y" in error.
 * With positioned false the error begins with "LABEL: ". The text is copied.
 */
int json_text_parse(struct json_text *json, const char *label, bool positioned, const char *text, size_t size,
                    struct cJSON **root, char *error, size_t error_size);
/* The bytes of a value as written: for numbers, whose exact digits matter. */
const char *json_text_raw(const struct json_text *json, const struct cJSON *item, size_t *len);
/* "LABEL:LINE:COLUMN: " of the key (or value) of the item, `skip` bytes on. */
void json_text_where(const struct json_text *json, const struct cJSON *item, bool key, size_t skip, char *where,
                     size_t size);
/* Of the value, from 1; 0 and 0 when its text has no positions. */
void json_text_line_column(const struct json_text *json, const struct cJSON *item, unsigned *line, unsigned *column);
/* What was found, in a few words: "an object", "12", "\"text\"". */
void json_text_describe(const struct json_text *json, const struct cJSON *item, char *text, size_t size);
/* Give `item` and all below it the place of `from`. */
void json_text_place_as(struct cJSON *item, const struct cJSON *from);
/* A new place: the key of `key` and the value of `value`. */
void json_text_place_join(struct json_text *json, struct cJSON *item, const struct cJSON *key,
                          const struct cJSON *value);

#endif
