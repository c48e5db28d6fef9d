/*
 * json_scan.h: a strict pull scanner for one JSON text in memory, that knows where it is. Private to the history
 * reader.
 *
 * Refused, beside bad grammar: bytes that are not UTF-8, raw control characters, \u0000, lone surrogates, integers
 * above 2^64-1 and exponents above 308, the same key twice in an object, more than JSON_KEYS_MAX keys in an object, and
 * nesting deeper than JSON_DEPTH_MAX. Nothing is modified or copied but strings with escapes, so the text must outlive
 * the values.
 *
 * The caller takes the text apart with json_open / json_next / json_value and ends with json_end. Once a call has
 * failed, scan->found, expected and error_at say why, and all further calls fail.
 */
#ifndef SEXTON_SIM_JSON_SCAN_H
#define SEXTON_SIM_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64
#define JSON_KEYS_MAX 256
#define JSON_FOUND_MAX 64

enum json_type { JSON_NONE, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY };

struct json_text {
    const char *bytes; /* decoded, not NUL-terminated */
    size_t len;
};
bool json_text_is(struct json_text text, const char *word);
struct json_value {
    enum json_type type;
    size_t start, end;       /* offsets: [start, end) of the text */
    struct json_text string; /* JSON_STRING */
    bool whole;              /* JSON_NUMBER: a non-negative integer, in `number` */
    uint64_t number;
};
struct json_scan {
    const char *text;
    size_t len, pos;
    int depth;
    bool failed;
    size_t error_at; /* offset */
    char found[JSON_FOUND_MAX];
    const char *expected;
    struct json_text *keys; /* of the objects that are open, innermost last */
    size_t key_count, key_cap;
    char *scratch; /* decoded strings */
    size_t scratch_used, scratch_cap;
};

/* A zeroed scan may be given a first text, and a used one the next; values of the last one are then gone. */
void json_start(struct json_scan *scan, const char *text, size_t len);
void json_release(struct json_scan *scan);

/* An object or array at the position: `open` is '{' or '['. Returns the mark that json_next and the close need. */
bool json_open(struct json_scan *scan, char open, size_t *mark);
/* The next key of an object: true with the key, false at its end (which is consumed) or on a failure. */
bool json_next_key(struct json_scan *scan, size_t mark, struct json_value *key);
/* Likewise for an array: true when a value follows. `first` starts true and is the scanner's afterwards. */
bool json_next_item(struct json_scan *scan, bool *first);
/* Any one value; objects and arrays are checked and passed over. */
bool json_value(struct json_scan *scan, struct json_value *value);
/* To look into an object or array that json_value passed over: go back, take it apart, and return to where it was. */
void json_seek(struct json_scan *scan, size_t pos);
/* Nothing may follow. */
bool json_end(struct json_scan *scan);

/* Record a failure at an offset: found is shown as it is, up to its limit. Always returns false. */
bool json_fail(struct json_scan *scan, size_t at, const char *found, const char *expected);
/* The text at [start, end) for a message: cut when long, and nothing but printable ASCII. */
void json_excerpt(const struct json_scan *scan, size_t start, size_t end, char out[JSON_FOUND_MAX]);

#endif
