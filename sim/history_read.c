/*
 * history_read.c: the strict reader of JSON lines (DESIGN.md §4, the outer history format).
 *
 * A line is first taken apart whole, because its keys come in any order: each value of a key that history.def knows is
 * noted with its place. Only when the kind is known are the values of its fields converted; the rest is counted and
 * left. The reader trusts nothing: whatever the bytes are, it gives records or one error with a place, and never
 * crashes.
 */
#include "sim/history_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The members of one line that history.def knows. */
struct line {
    size_t start;
    struct json_value at, kind, fields[HISTORY_FIELDS];
    uint64_t seen; /* bit FIELD_x: fields[x] is set */
    uint64_t unknown;
};

/* ---- words ---- */

static_assert(KEY_NONE < WORD_SLOTS / 2 && HISTORY_KINDS < WORD_SLOTS / 2, "a table of words is at most half full");

/* Of its ends, its middle and its length: enough to keep a hundred words apart. */
static uint32_t word_hash(const char *bytes, size_t len)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return len ? (uint32_t)(len * 37U + b[0] * 101U + b[len / 2] * 59U + b[len - 1] * 7U) % WORD_SLOTS : 0;
}

static void words_add(struct word_table *words, const char *text, int number)
{
    uint32_t at = word_hash(text, strlen(text));
    while (words->slots[at].text)
        at = (at + 1) % WORD_SLOTS;
    words->slots[at].text = text;
    words->slots[at].len = (uint8_t)strlen(text);
    words->slots[at].number = (uint8_t)number;
}

static int words_find(const struct word_table *words, struct json_text word, int none)
{
    uint32_t at = word_hash(word.bytes, word.len);
    for (; words->slots[at].text; at = (at + 1) % WORD_SLOTS)
        if (words->slots[at].len == word.len && memcmp(words->slots[at].text, word.bytes, word.len) == 0)
            return words->slots[at].number;
    return none;
}

struct history_reader *history_reader_new(FILE *in, const char *file, struct names *names)
{
    struct history_reader *r = base_alloc(sizeof *r);
    r->in = in;
    r->file = file;
    r->names = names;
    for (int i = 0; i < HISTORY_FIELDS; i++)
        words_add(&r->keys, history_fields[i].key, i);
    words_add(&r->keys, "at", KEY_AT);
    words_add(&r->keys, "kind", KEY_KIND);
    for (int i = 0; i < HISTORY_KINDS; i++)
        words_add(&r->kinds, history_kind_name((enum history_kind)i), i);
    return r;
}

void history_reader_free(struct history_reader *r)
{
    if (!r)
        return;
    json_release(&r->scan);
    free(r->buffer);
    free(r->items);
    free(r->last_at);
    free(r);
}

uint64_t history_reader_unknown(const struct history_reader *r)
{
    return r->unknown;
}

/* ---- lines ---- */
static int fill(struct history_reader *r)
{
    if (r->start) {
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->end == r->cap)
        r->buffer = base_grow(r->buffer, &r->cap, r->cap ? r->cap + 1 : 65536, 1);
    size_t got = fread(r->buffer + r->end, 1, r->cap - r->end, r->in);
    r->end += got;
    if (!got && ferror(r->in)) {
        char found[128];
        snprintf(found, sizeof found, "an unreadable file (%s)", strerror(errno));
        r->line++;
        return history_fail(r, E_IO, 0, found, "lines of JSON");
    }
    r->ended = !got;
    return 0;
}

/* The next line that is not blank, without its newline: 1, 0 at the end, or negative. */
static int next_line(struct history_reader *r, const char **text, size_t *len)
{
    size_t looked = 0;
    for (;;) {
        char *newline =
            r->end > r->start + looked ? memchr(r->buffer + r->start + looked, '\n', r->end - r->start - looked) : NULL;
        looked = newline ? (size_t)(newline - (r->buffer + r->start)) : r->end - r->start;
        if (looked > HISTORY_LINE_MAX) {
            r->line++;
            return history_fail(r, E_LIMIT, HISTORY_LINE_MAX, "a line longer than 16 MiB", "its end");
        }
        if (!newline && !r->ended) {
            int status = fill(r);
            if (status)
                return status;
            continue;
        }
        if (!newline && !looked)
            return 0;
        r->line++;
        *text = r->buffer + r->start;
        *len = looked;
        r->start += looked + (newline != NULL);
        size_t blank = 0;
        while (blank < *len && ((*text)[blank] == ' ' || (*text)[blank] == '\t' || (*text)[blank] == '\r'))
            blank++;
        if (blank < *len)
            return 1;
        looked = 0;
    }
}

/* ---- records ---- */
static int take_apart(struct history_reader *r, const char *text, size_t len, struct line *line)
{
    struct json_scan *s = &r->scan;
    struct json_value key, value;
    size_t mark;
    json_start(s, text, len);
    line->at.type = line->kind.type = JSON_NONE;
    line->seen = line->unknown = 0;
    if (!json_open(s, '{', &mark))
        return history_fail_scan(r);
    line->start = s->pos - 1;
    while (json_next_key(s, mark, &key) && json_value(s, &value)) {
        int field = words_find(&r->keys, key.string, KEY_NONE);
        if (field == KEY_AT) {
            line->at = value;
        } else if (field == KEY_KIND) {
            line->kind = value;
        } else if (field == KEY_NONE) {
            line->unknown++;
        } else {
            line->fields[field] = value;
            line->seen |= 1ULL << field;
        }
    }
    return json_end(s) ? 0 : history_fail_scan(r);
}

static int check_order(struct history_reader *r, const struct line *line, const struct record *record)
{
    if (history_kinds()[record->kind].side != SIDE_DEVICE || !record_has(record, FIELD_DEVICE))
        return 0;
    size_t device = record->f[FIELD_DEVICE];
    r->last_at = base_grow(r->last_at, &r->last_at_cap, device + 1, sizeof *r->last_at);
    if (record->at_us < r->last_at[device]) {
        char expected[96];
        snprintf(expected, sizeof expected, "%llu or later, after the last record of this device",
                 (unsigned long long)r->last_at[device]);
        return history_fail_value(r, &line->at, expected);
    }
    r->last_at[device] = record->at_us;
    return 0;
}

static int missing_key(struct history_reader *r, const struct line *line, uint64_t missing,
                       const struct kind_info *kind)
{
    char found[96], expected[64];
    snprintf(found, sizeof found, "a record \"%s\" without \"%s\"", kind->name,
             history_fields[__builtin_ctzll(missing)].key);
    snprintf(expected, sizeof expected, "the key \"%s\"", history_fields[__builtin_ctzll(missing)].key);
    return history_fail(r, E_INVALID, line->start, found, expected);
}

/* 1: a record; 0: of an unknown kind, passed over; negative: an error. */
static int read_record(struct history_reader *r, const struct line *line, struct record *record)
{
    const struct kind_info *kinds = history_kinds();
    if (line->kind.type == JSON_NONE)
        return history_fail(r, E_INVALID, line->start, "a record without \"kind\"", "the key \"kind\"");
    if (line->kind.type != JSON_STRING)
        return history_fail_value(r, &line->kind, "a string, the kind of record");
    int kind = words_find(&r->kinds, line->kind.string, HISTORY_KINDS);
    if (kind == HISTORY_KINDS) {
        r->unknown++;
        return 0;
    }
    if (line->at.type == JSON_NONE)
        return history_fail(r, E_INVALID, line->start, "a record without \"at\"", "the key \"at\", in microseconds");
    uint64_t at_us, listed = kinds[kind].required | kinds[kind].optional, missing = kinds[kind].required & ~line->seen;
    int status = history_read_number(r, &line->at, &at_us);
    if (status)
        return status;
    if (missing)
        return missing_key(r, line, missing, &kinds[kind]);
    record_begin(record, (enum history_kind)kind, at_us);
    r->unknown += line->unknown + (uint64_t)__builtin_popcountll(line->seen & ~listed);
    for (uint64_t left = line->seen & listed; left; left &= left - 1) {
        status = history_read_field(r, __builtin_ctzll(left), &line->fields[__builtin_ctzll(left)], record);
        if (status)
            return status;
    }
    status = check_order(r, line, record);
    record->seq = r->seq + 1;
    r->seq += status == 0;
    return status ? status : 1;
}

static int read_any(struct history_reader *r, struct record *record)
{
    for (;;) {
        const char *text;
        size_t len;
        struct line line;
        int status = next_line(r, &text, &len);
        if (status <= 0)
            return status;
        status = take_apart(r, text, len, &line);
        if (!status)
            status = read_record(r, &line, record);
        if (status)
            return status;
    }
}

int history_reader_next(struct history_reader *r, struct record *record, char error[HISTORY_ERROR_MAX])
{
    struct history_header header;
    int status = r->failed ? E_INVALID : r->headed ? 0 : history_reader_header(r, &header, error);
    if (!status)
        status = read_any(r, record);
    memcpy(error, r->error, sizeof r->error);
    return status;
}

/* ---- the header ---- */
static int read_bounds(struct history_reader *r, const struct json_value *bounds, struct history_header *header)
{
    struct json_scan *s = &r->scan;
    struct json_value key, value;
    size_t mark, back = s->pos;
    int status = 0;
    if (bounds->type != JSON_OBJECT)
        return history_fail_value(r, bounds, "an object with \"online\" and \"returning\"");
    json_seek(s, bounds->start);
    json_open(s, '{', &mark);
    while (!status && json_next_key(s, mark, &key) && json_value(s, &value)) {
        if (json_text_is(key.string, "online"))
            status = history_read_duration(r, &value, &header->online_us);
        else if (json_text_is(key.string, "returning"))
            status = history_read_duration(r, &value, &header->returning_us);
        else
            r->unknown++;
    }
    json_seek(s, back);
    return status;
}

static int read_member(struct history_reader *r, struct json_text key, const struct json_value *value,
                       struct history_header *header, bool *marked)
{
    if (json_text_is(key, "sexton-history")) {
        *marked = true;
        if (value->type != JSON_NUMBER || !value->whole || value->number != 1)
            return history_fail_value(r, value, "1, the version of the format");
    } else if (json_text_is(key, "system")) {
        return history_read_text(r, value, header->system);
    } else if (json_text_is(key, "scenario")) {
        return history_read_text(r, value, header->scenario);
    } else if (json_text_is(key, "clock-error")) {
        return history_read_duration(r, value, &header->clock_error_us);
    } else if (json_text_is(key, "bounds")) {
        return read_bounds(r, value, header);
    } else if (json_text_is(key, "quotes")) {
        header->quotes_kept = value->type == JSON_STRING && json_text_is(value->string, "keep");
        if (!header->quotes_kept)
            return history_fail_value(r, value, "\"keep\"");
    } else if (json_text_is(key, "seed")) {
        return history_read_number(r, value, &header->seed);
    } else {
        r->unknown++;
    }
    return 0;
}

static int read_header(struct history_reader *r, struct history_header *header)
{
    struct json_scan *s = &r->scan;
    struct json_value key, value;
    const char *text;
    size_t len, mark;
    bool marked = false;
    int status = next_line(r, &text, &len);
    if (status < 0)
        return status;
    if (!status) {
        r->line++;
        return history_fail(r, E_INVALID, 0, "the end of the file", "a header {\"sexton-history\":1, ...}");
    }
    json_start(s, text, len);
    if (!json_open(s, '{', &mark))
        return history_fail_scan(r);
    size_t start = s->pos - 1;
    status = 0;
    while (!status && json_next_key(s, mark, &key) && json_value(s, &value))
        status = read_member(r, key.string, &value, header, &marked);
    if (status)
        return status;
    if (!json_end(s))
        return history_fail_scan(r);
    return marked ? 0 : history_fail(r, E_INVALID, start, "a line without \"sexton-history\"", "the header first");
}

int history_reader_header(struct history_reader *r, struct history_header *header, char error[HISTORY_ERROR_MAX])
{
    assert(!r->headed);
    memset(header, 0, sizeof *header);
    r->headed = true;
    int status = read_header(r, header);
    memcpy(error, r->error, sizeof r->error);
    return status;
}
