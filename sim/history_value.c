/*
 * history_value.c: the values of the outer history format, from JSON to what a record holds, and the reader's errors.
 */
#include "sim/history_reader.h"

#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (1ULL << 53)
#define INCARNATION_MAX ((1ULL << (64 - VERSION_CSEQ_BITS)) - 1)
#define CSEQ_MAX ((1ULL << VERSION_CSEQ_BITS) - 1)

/* ---- errors ---- */
int history_fail(struct history_reader *r, int status, size_t offset, const char *found, const char *expected)
{
    r->failed = true;
    snprintf(r->error, sizeof r->error, "%s:%llu:%zu: found %s, expected %s", r->file, (unsigned long long)r->line,
             offset + 1, found, expected);
    return status;
}

int history_fail_scan(struct history_reader *r)
{
    return history_fail(r, E_INVALID, r->scan.error_at, r->scan.found, r->scan.expected);
}

int history_fail_value(struct history_reader *r, const struct json_value *value, const char *expected)
{
    char found[JSON_FOUND_MAX];
    json_excerpt(&r->scan, value->start, value->end, found);
    return history_fail(r, E_INVALID, value->start, found, expected);
}

/* ---- values ---- */

/* All of the string as digits, without leading zeros. */
static bool parse_digits(const char *text, size_t len, uint64_t max, uint64_t *n)
{
    *n = 0;
    if (!len || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*n, 10, n) ||
            __builtin_add_overflow(*n, (uint64_t)(text[i] - '0'), n))
            return false;
    return *n <= max;
}

int history_read_number(struct history_reader *r, const struct json_value *value, uint64_t *n)
{
    *n = value->number;
    if (value->type == JSON_NUMBER && value->whole && value->number <= EXACT_MAX)
        return 0;
    if (value->type == JSON_STRING && parse_digits(value->string.bytes, value->string.len, UINT64_MAX, n))
        return 0;
    return history_fail_value(r, value, "a whole number from 0 to 2^53, or a string of digits");
}

static int read_version(struct history_reader *r, const struct json_value *value, uint64_t *v)
{
    if (value->type == JSON_NUMBER && value->whole && value->number <= CSEQ_MAX) {
        *v = VERSION_MAKE(0, value->number);
        return 0;
    }
    if (value->type == JSON_STRING) {
        const char *text = value->string.bytes, *dot = value->string.len ? memchr(text, '.', value->string.len) : NULL;
        size_t before = dot ? (size_t)(dot - text) : 0;
        uint64_t incarnation, cseq;
        if (dot && parse_digits(text, before, INCARNATION_MAX, &incarnation) &&
            parse_digits(dot + 1, value->string.len - before - 1, CSEQ_MAX, &cseq)) {
            *v = VERSION_MAKE(incarnation, cseq);
            return 0;
        }
    }
    return history_fail_value(r, value, "a version \"INCARNATION.NUMBER\", or a whole number below 2^40");
}

static int read_name(struct history_reader *r, const struct json_value *value, uint64_t *name)
{
    if (value->type != JSON_STRING || !value->string.len)
        return history_fail_value(r, value, "a string that is not empty");
    *name = names_intern_bytes(r->names, value->string.bytes, value->string.len);
    return 0;
}

/* One {"in":..,"message":..,"copy":..,"version":..,"via":..} of a view; version and via may be missing. */
static int read_item(struct history_reader *r, struct record_item *item)
{
    struct json_scan *s = &r->scan;
    struct json_value key, value;
    size_t mark, start = s->pos;
    uint64_t n = 0;
    int status = 0;
    *item = (struct record_item){0};
    if (!json_open(s, '{', &mark))
        return history_fail_scan(r);
    while (!status && json_next_key(s, mark, &key)) {
        uint32_t *name = json_text_is(key.string, "in")        ? &item->in
                         : json_text_is(key.string, "message") ? &item->message
                         : json_text_is(key.string, "copy")    ? &item->copy
                         : json_text_is(key.string, "via")     ? &item->via
                                                               : NULL;
        if (!json_value(s, &value))
            break;
        if (name) {
            status = read_name(r, &value, &n);
            *name = (uint32_t)n;
        } else if (json_text_is(key.string, "version")) {
            status = read_version(r, &value, &item->version);
        } else {
            r->unknown++;
        }
    }
    if (status || s->failed)
        return status ? status : history_fail_scan(r);
    if (!item->in || !item->message || !item->copy)
        return history_fail(r, E_INVALID, start, "an incomplete item", "in, message and copy");
    return 0;
}

static int read_items(struct history_reader *r, const struct json_value *value, struct record *record)
{
    bool first = true;
    size_t mark, count = 0;
    if (value->type != JSON_ARRAY)
        return history_fail_value(r, value, "an array of what is shown");
    json_seek(&r->scan, value->start);
    json_open(&r->scan, '[', &mark);
    while (json_next_item(&r->scan, &first)) {
        r->items = base_grow(r->items, &r->item_cap, count + 1, sizeof *r->items);
        int status = read_item(r, &r->items[count++]);
        if (status)
            return status;
    }
    record->items = r->items;
    record->item_count = count;
    return r->scan.failed ? history_fail_scan(r) : 0;
}

int history_read_field(struct history_reader *r, int field, const struct json_value *value, struct record *record)
{
    uint64_t n = 0;
    int status = 0;
    switch (history_fields[field].type) {
        case TYPE_NAME:
        case TYPE_WORD:
            status = read_name(r, value, &n);
            break;
        case TYPE_NUMBER:
        case TYPE_TIME:
            status = history_read_number(r, value, &n);
            break;
        case TYPE_VERSION:
            status = read_version(r, value, &n);
            break;
        case TYPE_FLAG:
            if (value->type == JSON_FALSE)
                return 0;
            n = 1;
            status = value->type == JSON_TRUE ? 0 : history_fail_value(r, value, "true or false");
            break;
        case TYPE_ITEMS:
            status = read_items(r, value, record);
            n = record->item_count;
            break;
    }
    if (!status)
        record_set(record, (enum history_field)field, n);
    return status;
}

int history_read_duration(struct history_reader *r, const struct json_value *value, uint64_t *us)
{
    char text[64] = "";
    if (value->type == JSON_STRING && value->string.len < sizeof text)
        memcpy(text, value->string.bytes, value->string.len);
    return history_parse_duration(text, us) ? history_fail_value(r, value, "a duration such as \"1d12h\" or \"20ms\"")
                                            : 0;
}

int history_read_text(struct history_reader *r, const struct json_value *value, char text[128])
{
    if (value->type != JSON_STRING || value->string.len > 127)
        return history_fail_value(r, value, "a string of at most 127 bytes");
    memcpy(text, value->string.bytes, value->string.len);
    return 0;
}
