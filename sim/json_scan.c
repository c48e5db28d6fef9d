/*
 * json_scan.c: the strict scanner of json_scan.h, one function a production.
 *
 * Time is linear in the text but for keys: a key is compared with those of its object, of which there are at most
 * JSON_KEYS_MAX. A decoded string is never longer than its source and a value is read at most twice (passed over, then
 * looked into), so the scratch is reserved once a text, and decoded strings never move.
 */
#include "sim/json_scan.h"

#include "core/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_start(struct json_scan *s, const char *text, size_t len)
{
    s->text = text;
    s->len = len;
    s->pos = 0;
    s->depth = 0;
    s->failed = false;
    s->key_count = 0;
    s->scratch_used = 0;
}

void json_release(struct json_scan *s)
{
    free(s->keys);
    free(s->scratch);
    memset(s, 0, sizeof *s);
}

bool json_text_is(struct json_text text, const char *word)
{
    return text.len == strlen(word) && !memcmp(text.bytes, word, text.len);
}

bool json_fail(struct json_scan *s, size_t at, const char *found, const char *expected)
{
    if (s->failed)
        return false;
    s->failed = true;
    s->error_at = at;
    s->expected = expected;
    snprintf(s->found, sizeof s->found, "%s", found);
    return false;
}

void json_excerpt(const struct json_scan *s, size_t start, size_t end, char out[JSON_FOUND_MAX])
{
    size_t used = 0;
    for (size_t i = start; i < end; i++) {
        if (used + 8 > JSON_FOUND_MAX) {
            memcpy(out + used, "...", 4);
            return;
        }
        unsigned char c = (unsigned char)s->text[i];
        bool plain = c >= 0x20 && c < 0x7f;
        used += (size_t)snprintf(out + used, JSON_FOUND_MAX - used, plain ? "%c" : "\\x%02x", c);
    }
    out[used] = 0;
}

static bool fail_here(struct json_scan *s, const char *expected)
{
    char found[JSON_FOUND_MAX] = "the end of the line";
    if (s->pos < s->len) {
        unsigned char c = (unsigned char)s->text[s->pos];
        if (c > 0x20 && c < 0x7f)
            snprintf(found, sizeof found, "'%c'", c);
        else if (!memcmp(s->text + s->pos, "\xEF\xBB\xBF", s->len - s->pos < 3 ? s->len - s->pos : 3))
            snprintf(found, sizeof found, "a byte order mark");
        else
            snprintf(found, sizeof found, "byte 0x%02x", c);
    }
    return json_fail(s, s->pos, found, expected);
}

static int peek(const struct json_scan *s)
{
    return s->pos < s->len ? (unsigned char)s->text[s->pos] : -1;
}

static inline void skip_space(struct json_scan *s)
{
    if (s->pos < s->len && (unsigned char)s->text[s->pos] > ' ')
        return;
    for (int c = peek(s); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(s))
        s->pos++;
}

static bool take(struct json_scan *s, char c, const char *expected)
{
    skip_space(s);
    if (s->failed || peek(s) != (unsigned char)c)
        return fail_here(s, expected);
    s->pos++;
    return true;
}

/* ---- strings ---- */

/* The length of the UTF-8 sequence at the position: 2 to 4, or 0 when it is not one (Unicode 15, table 3-7). */
static size_t utf8_length(const struct json_scan *s)
{
    const unsigned char *p = (const unsigned char *)s->text + s->pos;
    size_t left = s->len - s->pos, len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static bool hex4(struct json_scan *s, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, s->pos++) {
        int c = peek(s), digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (c | 0x20) - 'a' + 10;
        else
            return fail_here(s, "four hexadecimal digits after \\u");
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t encode_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[len] | code);
    return len;
}

/* At the backslash. Puts what it means into out, and returns how many bytes that is; 0 is a failure. */
static size_t escape(struct json_scan *s, char out[4])
{
    size_t start = s->pos++;
    int c = peek(s);
    const char *from = "\"\\/bfnrt", *to = "\"\\/\b\f\n\r\t", *hit = c > 0 ? strchr(from, c) : NULL;
    if (hit) {
        s->pos++;
        out[0] = to[hit - from];
        return 1;
    }
    if (c != 'u')
        return fail_here(s, "one of \"\\/bfnrtu after a backslash");
    s->pos++;
    uint32_t code, low;
    if (!hex4(s, &code))
        return 0;
    if (!code)
        return json_fail(s, start, "\\u0000", "a character other than NUL");
    if (code >= 0xd800 && code <= 0xdfff) {
        bool pair = code < 0xdc00 && s->len - s->pos >= 2 && s->text[s->pos] == '\\' && s->text[s->pos + 1] == 'u';
        if (!pair)
            return json_fail(s, start, "half of a surrogate pair", "both halves, high then low");
        s->pos += 2;
        if (!hex4(s, &low))
            return 0;
        if (low < 0xdc00 || low > 0xdfff)
            return json_fail(s, start, "half of a surrogate pair", "both halves, high then low");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return encode_utf8(code, out);
}

static void scratch_put(struct json_scan *s, const char *bytes, size_t len)
{
    if (!s->scratch_used && s->scratch_cap < 2 * s->len) {
        free(s->scratch);
        s->scratch_cap = 2 * s->len;
        s->scratch = base_alloc(s->scratch_cap);
    }
    assert(len <= s->scratch_cap - s->scratch_used);
    memcpy(s->scratch + s->scratch_used, bytes, len);
    s->scratch_used += len;
}

/* Where, from `at` on, the first byte is that a string cannot have as it stands: a quote, a backslash, no ASCII. */
static size_t plain_end(const struct json_scan *s, size_t at)
{
    while (at < s->len) {
        unsigned char c = (unsigned char)s->text[at];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        at++;
    }
    return at;
}

static bool string(struct json_scan *s, struct json_text *out)
{
    if (!take(s, '"', "a string"))
        return false;
    size_t plain = s->pos, decoded = s->scratch_used; /* plain: start of what is not yet in the scratch */
    bool escaped = false;
    for (;;) {
        s->pos = plain_end(s, s->pos);
        int c = peek(s);
        if (c == '"')
            break;
        if (c < 0x20)
            return fail_here(s, c < 0 ? "'\"'" : "no control characters in a string");
        if (c == '\\') {
            char bytes[4];
            size_t start = s->pos, len = escape(s, bytes);
            if (!len)
                return false;
            scratch_put(s, s->text + plain, start - plain);
            scratch_put(s, bytes, len);
            plain = s->pos;
            escaped = true;
        } else {
            size_t len = utf8_length(s);
            if (!len)
                return fail_here(s, "UTF-8");
            s->pos += len;
        }
    }
    if (escaped) {
        scratch_put(s, s->text + plain, s->pos - plain);
        *out = (struct json_text){s->scratch + decoded, s->scratch_used - decoded};
    } else {
        *out = (struct json_text){s->text + plain, s->pos - plain};
    }
    s->pos++;
    return true;
}

/* ---- numbers and words ---- */
static size_t digits(struct json_scan *s)
{
    size_t start = s->pos;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->pos++;
    return s->pos - start;
}

static bool number(struct json_scan *s, struct json_value *value)
{
    bool negative = peek(s) == '-';
    s->pos += negative;
    size_t start = s->pos, len = digits(s);
    if (!len)
        return fail_here(s, "a digit");
    if (len > 1 && s->text[start] == '0')
        return json_fail(s, start, "a leading zero", "a number without one");
    value->whole = !negative;
    value->number = 0;
    for (size_t i = start; i < start + len; i++)
        if (__builtin_mul_overflow(value->number, 10, &value->number) ||
            __builtin_add_overflow(value->number, (uint64_t)(s->text[i] - '0'), &value->number))
            return json_fail(s, value->start, "a number beyond 64 bits", "at most 18446744073709551615");
    if (peek(s) == '.') {
        s->pos++;
        value->whole = false;
        if (!digits(s))
            return fail_here(s, "a digit after the point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->pos++;
        value->whole = false;
        if (peek(s) == '+' || peek(s) == '-')
            s->pos++;
        size_t exponent_start = s->pos, exponent_len = digits(s);
        if (!exponent_len)
            return fail_here(s, "a digit in the exponent");
        int exponent = 0;
        for (size_t i = exponent_start; i < s->pos && exponent <= 308; i++)
            exponent = exponent * 10 + (s->text[i] - '0');
        if (exponent > 308)
            return json_fail(s, value->start, "a number beyond any range", "an exponent up to 308");
    }
    return true;
}

static bool word(struct json_scan *s, struct json_value *value, const char *text, enum json_type type)
{
    size_t len = strlen(text);
    if (s->len - s->pos < len || memcmp(s->text + s->pos, text, len) != 0)
        return fail_here(s, "a value");
    s->pos += len;
    value->type = type;
    return true;
}

/* ---- objects, arrays, values ---- */
bool json_open(struct json_scan *s, char open, size_t *mark)
{
    if (!take(s, open, open == '{' ? "'{'" : "'['"))
        return false;
    if (++s->depth > JSON_DEPTH_MAX)
        return json_fail(s, s->pos - 1, "nesting deeper than 64", "less");
    *mark = s->key_count;
    return true;
}

bool json_next_key(struct json_scan *s, size_t mark, struct json_value *key)
{
    skip_space(s);
    if (s->failed)
        return false;
    if (peek(s) == '}') {
        s->pos++;
        s->depth--;
        s->key_count = mark;
        return false;
    }
    if (s->key_count > mark && !take(s, ',', "',' or '}'"))
        return false;
    skip_space(s);
    *key = (struct json_value){.type = JSON_STRING, .start = s->pos};
    if (peek(s) != '"')
        return fail_here(s, s->key_count > mark ? "a key" : "a key or '}'");
    if (!string(s, &key->string))
        return false;
    key->end = s->pos;
    for (size_t i = mark; i < s->key_count; i++)
        if (s->keys[i].len == key->string.len && (!key->string.len || s->keys[i].bytes[0] == key->string.bytes[0]) &&
            !memcmp(s->keys[i].bytes, key->string.bytes, key->string.len))
            return json_fail(s, key->start, "the same key again", "each key once in an object");
    if (s->key_count - mark == JSON_KEYS_MAX)
        return json_fail(s, key->start, "more than 256 keys", "less in one object");
    s->keys = base_grow(s->keys, &s->key_cap, s->key_count + 1, sizeof *s->keys);
    s->keys[s->key_count++] = key->string;
    return take(s, ':', "':'");
}

bool json_next_item(struct json_scan *s, bool *first)
{
    skip_space(s);
    if (s->failed)
        return false;
    if (peek(s) == ']') {
        s->pos++;
        s->depth--;
        return false;
    }
    if (!*first && !take(s, ',', "',' or ']'"))
        return false;
    *first = false;
    skip_space(s);
    return peek(s) == ']' ? fail_here(s, "a value") : true;
}

static bool pass_over(struct json_scan *s, char open)
{
    struct json_value key, value;
    size_t mark;
    bool first = true;
    if (!json_open(s, open, &mark))
        return false;
    while (open == '{' ? json_next_key(s, mark, &key) : json_next_item(s, &first))
        if (!json_value(s, &value))
            return false;
    return !s->failed;
}

bool json_value(struct json_scan *s, struct json_value *value)
{
    skip_space(s);
    *value = (struct json_value){.start = s->pos};
    bool good;
    int c = peek(s);
    if (s->failed) {
        return false;
    } else if (c == '"') {
        value->type = JSON_STRING;
        good = string(s, &value->string);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        value->type = JSON_NUMBER;
        good = number(s, value);
    } else if (c == '{' || c == '[') {
        value->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        good = pass_over(s, (char)c);
    } else if (c == 't') {
        good = word(s, value, "true", JSON_TRUE);
    } else if (c == 'f') {
        good = word(s, value, "false", JSON_FALSE);
    } else {
        good = word(s, value, "null", JSON_NULL);
    }
    value->end = s->pos;
    return good;
}

void json_seek(struct json_scan *s, size_t pos)
{
    s->pos = pos;
}

bool json_end(struct json_scan *s)
{
    skip_space(s);
    if (s->failed || s->pos < s->len)
        return fail_here(s, "the end of the line");
    return true;
}
