/*
 * json_text.c: one pass of recursive descent checks the text and notes the places in document order; cJSON then parses
 * the same text, and a walk in the same order gives each item its place. Duplicate keys are looked for in the tree,
 * where escapes are decoded, by sorting each object's keys.
 */
#include "sim/json_text.h"

#include <cJSON.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    struct json_text *json;
    char *text;
    size_t size, at;
    uint32_t source;
    size_t error_at;
    char error[160];
};

static int value(struct scan *s, size_t key, unsigned depth);

static void note_lines(struct json_source *source)
{
    source->lines = base_grow(source->lines, &source->line_cap, 1, sizeof *source->lines);
    source->lines[source->line_count++] = 0;
    for (size_t i = 0; i < source->size; i++) {
        if (source->text[i] == '\n') {
            source->lines = base_grow(source->lines, &source->line_cap, source->line_count + 1, sizeof *source->lines);
            source->lines[source->line_count++] = i + 1;
        }
    }
}

/* By halving: the last line that begins at or before `at`. Columns are bytes from 1. */
static void position(const struct json_source *source, size_t at, unsigned *line, unsigned *column)
{
    size_t low = 0, high = source->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    *line = (unsigned)low + 1;
    *column = (unsigned)(at - source->lines[low]) + 1;
}

static void where_at(const struct json_source *source, size_t at, char *where, size_t size)
{
    unsigned line, column;
    if (!source->positioned) {
        (void)snprintf(where, size, "%s: ", source->label);
        return;
    }
    position(source, at, &line, &column);
    (void)snprintf(where, size, "%s:%u:%u: ", source->label, line, column);
}

__attribute__((format(printf, 3, 4))) static int bad(struct scan *s, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->error, sizeof s->error, format, args);
    va_end(args);
    s->error_at = at;
    return E_INVALID;
}

static int peek(const struct scan *s)
{
    return s->at < s->size ? (unsigned char)s->text[s->at] : -1;
}

/* "found 'x', expected Y" about the byte under the cursor */
static int unexpected(struct scan *s, const char *expected)
{
    int c = peek(s);
    if (c < 0)
        return bad(s, s->at, "found the end of the text, expected %s", expected);
    if (c < 0x20 || c >= 0x7f)
        return bad(s, s->at, "found byte 0x%02x, expected %s", (unsigned)c, expected);
    return bad(s, s->at, "found '%c', expected %s", c, expected);
}

/* Bytes of the UTF-8 sequence at the cursor, or 0: overlong forms, surrogates and values above U+10FFFF are refused. */
static size_t utf8(const struct scan *s)
{
    const unsigned char *p = (const unsigned char *)s->text + s->at;
    size_t left = s->size - s->at, len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > left || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

/* Blanks a comment that begins at the cursor. */
static int comment(struct scan *s)
{
    size_t start = s->at, end;
    if (start + 1 < s->size && s->text[start + 1] == '/') {
        const char *newline = memchr(s->text + start, '\n', s->size - start);
        end = newline ? (size_t)(newline - s->text) : s->size;
    } else if (start + 1 < s->size && s->text[start + 1] == '*') {
        end = start + 2;
        while (end + 1 < s->size && !(s->text[end] == '*' && s->text[end + 1] == '/'))
            end++;
        if (end + 1 >= s->size)
            return bad(s, start, "found a comment without end, expected \"*/\"");
        end += 2;
    } else {
        return unexpected(s, "a value or a comment");
    }
    while (s->at < end) {
        size_t len = utf8(s);
        if (len == 0)
            return bad(s, s->at, "found byte 0x%02x, expected UTF-8", (unsigned)peek(s));
        for (; len > 0; len--, s->at++)
            if (s->text[s->at] != '\n')
                s->text[s->at] = ' ';
    }
    return 0;
}

static int blanks(struct scan *s)
{
    for (;;) {
        int c = peek(s), status;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            s->at++;
        else if (c != '/')
            return 0;
        else if ((status = comment(s)) != 0)
            return status;
    }
}

/* Four hexadecimal digits after "\u"; -1 when they are not. */
static long hex4(const struct scan *s, size_t at)
{
    long code = 0;
    if (at + 4 > s->size)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = s->text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static int escape(struct scan *s)
{
    size_t start = s->at++;
    int c = peek(s);
    if (c >= 0 && c != 0 && c != 'u' && strchr("\"\\/bfnrt", c)) {
        s->at++;
        return 0;
    }
    if (c != 'u')
        return bad(s, start, "found a bad escape, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    long code = hex4(s, s->at + 1);
    if (code < 0)
        return bad(s, start, "found a bad \\u escape, expected four hexadecimal digits");
    s->at += 5;
    if (code == 0)
        return bad(s, start, "found \\u0000, expected text without NUL");
    if (code >= 0xdc00 && code <= 0xdfff)
        return bad(s, start, "found a low surrogate, expected a high one before it");
    if (code >= 0xd800 && code <= 0xdbff) {
        long low = s->at + 1 < s->size && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u' ? hex4(s, s->at + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return bad(s, start, "found a high surrogate, expected a low one after it");
        s->at += 6;
    }
    return 0;
}

static int string(struct scan *s)
{
    size_t start = s->at++;
    for (;;) {
        int c = peek(s), status;
        if (c < 0)
            return bad(s, start, "found a string without end, expected '\"'");
        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c < 0x20)
            return bad(s, s->at, "found control character 0x%02x in a string, expected it escaped", (unsigned)c);
        if (c == '\\') {
            if ((status = escape(s)) != 0)
                return status;
            continue;
        }
        size_t len = utf8(s);
        if (len == 0)
            return bad(s, s->at, "found byte 0x%02x, expected UTF-8", (unsigned)c);
        s->at += len;
    }
}

static size_t digits(struct scan *s)
{
    size_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at - start;
}

/* Integers and plain decimals only: an exponent has no use here, and 1e999 is no number. */
static int number(struct scan *s)
{
    size_t start = s->at;
    if (peek(s) == '-')
        s->at++;
    bool zero = peek(s) == '0';
    size_t whole = digits(s);
    if (whole == 0)
        return unexpected(s, "a digit");
    if (zero && whole > 1)
        return bad(s, start, "found a number with a leading zero, expected none");
    if (peek(s) == '.') {
        s->at++;
        if (digits(s) == 0)
            return unexpected(s, "a digit after the point");
    }
    if (peek(s) == 'e' || peek(s) == 'E')
        return bad(s, start, "found a number with an exponent, expected an integer or a plain decimal");
    if (s->at - start > 32)
        return bad(s, start, "found a number of %zu characters, expected at most 32", s->at - start);
    return 0;
}

static int word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (s->size - s->at >= len && memcmp(s->text + s->at, words[i], len) == 0) {
            s->at += len;
            return 0;
        }
    }
    return unexpected(s, "a value");
}

static int members(struct scan *s, bool object, unsigned depth)
{
    char close = object ? '}' : ']';
    size_t start = s->at++;
    int status = blanks(s);
    if (status != 0)
        return status;
    if (peek(s) == close) {
        s->at++;
        return 0;
    }
    if (depth >= JSON_DEPTH_MAX)
        return bad(s, start, "found nesting deeper than %d levels, expected less", JSON_DEPTH_MAX);
    for (;;) {
        size_t key = SIZE_MAX;
        if ((status = blanks(s)) != 0)
            return status;
        if (object) {
            key = s->at;
            if (peek(s) != '"')
                return unexpected(s, "a key in double quotes");
            if ((status = string(s)) != 0 || (status = blanks(s)) != 0)
                return status;
            if (peek(s) != ':')
                return unexpected(s, "':' after the key");
            s->at++;
            if ((status = blanks(s)) != 0)
                return status;
        }
        if ((status = value(s, key, depth + 1)) != 0 || (status = blanks(s)) != 0)
            return status;
        int c = peek(s);
        if (c != ',' && c != close)
            return unexpected(s, object ? "',' or '}'" : "',' or ']'");
        s->at++;
        if (c == close)
            return 0;
    }
}

static int value(struct scan *s, size_t key, unsigned depth)
{
    struct json_text *json = s->json;
    size_t mine = json->place_count;
    int c = peek(s), status;
    json->places = base_grow(json->places, &json->place_cap, mine + 1, sizeof *json->places);
    json->places[json->place_count++] = (struct json_place){
        .source = s->source, .key = (uint32_t)(key == SIZE_MAX ? s->at : key), .value = (uint32_t)s->at};
    if (c == '{' || c == '[')
        status = members(s, c == '{', depth);
    else if (c == '"')
        status = string(s);
    else if (c == '-' || (c >= '0' && c <= '9'))
        status = number(s);
    else
        status = word(s);
    json->places[mine].end = (uint32_t)s->at;
    return status;
}

static int document(struct scan *s)
{
    int status;
    if (s->size > JSON_BYTES_MAX)
        return bad(s, 0, "found more than %u bytes, expected at most that", JSON_BYTES_MAX);
    if (s->size >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
        return bad(s, 0, "found a byte order mark, expected UTF-8 without one");
    if ((status = blanks(s)) != 0 || (status = value(s, SIZE_MAX, 0)) != 0 || (status = blanks(s)) != 0)
        return status;
    return s->at < s->size ? unexpected(s, "nothing after the value") : 0;
}

static void number_items(cJSON *item, size_t *next)
{
    for (; item; item = item->next) {
        item->valueint = (int)(*next)++;
        number_items(item->child, next);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    int order = strcmp(x->string, y->string);
    return order != 0 ? order : (x->valueint > y->valueint) - (x->valueint < y->valueint);
}

/* The first object, in document order of its end, with a key twice: returns the second of the two. */
static const cJSON *duplicate(const cJSON *item)
{
    size_t count = 0;
    const cJSON *child, *found = NULL;
    for (child = item->child; child; child = child->next) {
        const cJSON *inside = duplicate(child);
        if (inside)
            return inside;
        count++;
    }
    if (!cJSON_IsObject(item) || count < 2)
        return NULL;
    const cJSON **keys = base_alloc(count * sizeof(cJSON *));
    count = 0;
    for (child = item->child; child; child = child->next)
        keys[count++] = child;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count && !found; i++)
        if (strcmp(keys[i - 1]->string, keys[i]->string) == 0)
            found = keys[i];
    free(keys);
    return found;
}

int json_text_parse(struct json_text *json, const char *label, bool positioned, const char *text, size_t size,
                    struct cJSON **root, char *error, size_t error_size)
{
    size_t kept = size < JSON_BYTES_MAX + 1 ? size : JSON_BYTES_MAX + 1, first = json->place_count;
    struct json_source *source;
    json->sources = base_grow(json->sources, &json->source_cap, json->source_count + 1, sizeof *json->sources);
    source = &json->sources[json->source_count++];
    *source = (struct json_source){.label = base_alloc(strlen(label) + 1), .text = base_alloc(kept + 1)};
    source->size = kept;
    source->positioned = positioned;
    memcpy(source->label, label, strlen(label));
    if (kept > 0)
        memcpy(source->text, text, kept);
    struct scan scan = {json, source->text, kept, 0, (uint32_t)(json->source_count - 1), 0, ""};
    char where[600];
    note_lines(source);
    *root = NULL;
    if (document(&scan) != 0) {
        where_at(source, scan.error_at, where, sizeof where);
        (void)snprintf(error, error_size, "%s%s", where, scan.error);
        return E_INVALID;
    }
    *root = cJSON_ParseWithLengthOpts(source->text, kept + 1, NULL, true);
    if (!*root) { /* the scanner is meant to be the stricter one */
        const char *end = cJSON_GetErrorPtr();
        where_at(source, end && end >= source->text ? (size_t)(end - source->text) : 0, where, sizeof where);
        (void)snprintf(error, error_size, "%sfound what cJSON does not take, expected JSON", where);
        return E_INVALID;
    }
    number_items(*root, &first);
    assert(first == json->place_count);
    const cJSON *twice = duplicate(*root);
    if (twice) {
        json_text_where(json, twice, true, 0, where, sizeof where);
        (void)snprintf(error, error_size, "%sfound the key \"%.60s\" again, expected each key once", where,
                       twice->string);
        cJSON_Delete(*root);
        *root = NULL;
        return E_INVALID;
    }
    return 0;
}

void json_text_release(struct json_text *json)
{
    for (size_t i = 0; i < json->source_count; i++) {
        free(json->sources[i].label);
        free(json->sources[i].text);
        free(json->sources[i].lines);
    }
    free(json->sources);
    free(json->places);
    *json = (struct json_text){0};
}

const char *json_text_raw(const struct json_text *json, const struct cJSON *item, size_t *len)
{
    const struct json_place *place = &json->places[item->valueint];
    *len = place->end - place->value;
    return json->sources[place->source].text + place->value;
}

void json_text_where(const struct json_text *json, const struct cJSON *item, bool key, size_t skip, char *where,
                     size_t size)
{
    const struct json_place *place = &json->places[item->valueint];
    where_at(&json->sources[place->source], (key ? place->key : place->value) + skip, where, size);
}

void json_text_line_column(const struct json_text *json, const struct cJSON *item, unsigned *line, unsigned *column)
{
    const struct json_place *place = &json->places[item->valueint];
    *line = *column = 0;
    if (json->sources[place->source].positioned)
        position(&json->sources[place->source], place->value, line, column);
}

void json_text_describe(const struct json_text *json, const struct cJSON *item, char *text, size_t size)
{
    size_t len;
    if (cJSON_IsObject(item)) {
        (void)snprintf(text, size, "an object");
    } else if (cJSON_IsArray(item)) {
        (void)snprintf(text, size, item->child ? "an array" : "an empty array");
    } else {
        const char *raw = json_text_raw(json, item, &len);
        size_t kept = len > 60 ? 60 : len;
        while (kept < len && kept > 0 && ((unsigned char)raw[kept] & 0xc0) == 0x80) /* never cut a character */
            kept--;
        (void)snprintf(text, size, "%.*s%s", (int)kept, raw, kept < len ? "…" : "");
    }
}

void json_text_place_as(struct cJSON *item, const struct cJSON *from)
{
    item->valueint = from->valueint;
    for (cJSON *child = item->child; child; child = child->next)
        json_text_place_as(child, from);
}

void json_text_place_join(struct json_text *json, struct cJSON *item, const struct cJSON *key,
                          const struct cJSON *value_of)
{
    struct json_place place = json->places[value_of->valueint];
    if (json->places[key->valueint].source == place.source)
        place.key = json->places[key->valueint].key;
    json->places = base_grow(json->places, &json->place_cap, json->place_count + 1, sizeof *json->places);
    item->valueint = (int)json->place_count;
    json->places[json->place_count++] = place;
}
