/*
 * history_write.c: a sink that writes JSON lines, the outer history format of DESIGN.md §4.
 *
 * Lines are built by hand in one buffer: the constant parts (`,"device":`) are made once, and only what varies is
 * formatted. A write error is kept, the rest of the history is dropped, and history_writer_close tells it.
 */
#include "sim/history.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)128 * 1024)
#define EXACT_MAX (1ULL << 53) /* what every JSON reader keeps exact; beyond it numbers are strings */
#define PREFIX_MAX 32

struct prefix {
    uint8_t len;
    char text[PREFIX_MAX];
};
struct history_writer {
    FILE *out;
    bool failed;
    size_t used;
    struct prefix keys[HISTORY_FIELDS], kinds[HISTORY_KINDS];
    char buffer[BUFFER_BYTES];
};

static void flush(struct history_writer *w)
{
    if (w->used && !w->failed && fwrite(w->buffer, 1, w->used, w->out) != w->used)
        w->failed = true;
    w->used = 0;
}

static void put(struct history_writer *w, const char *bytes, size_t len)
{
    while (len > BUFFER_BYTES - w->used) {
        size_t part = BUFFER_BYTES - w->used;
        memcpy(w->buffer + w->used, bytes, part);
        w->used += part;
        bytes += part;
        len -= part;
        flush(w);
    }
    memcpy(w->buffer + w->used, bytes, len);
    w->used += len;
}

static void put_text(struct history_writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_digits(struct history_writer *w, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    put(w, digits + at, sizeof digits - at);
}

static void put_number(struct history_writer *w, uint64_t n)
{
    const char *quote = n > EXACT_MAX ? "\"" : "";
    put_text(w, quote);
    put_digits(w, n);
    put_text(w, quote);
}

static void put_version(struct history_writer *w, version v)
{
    put(w, "\"", 1);
    put_digits(w, VERSION_INCARNATION(v));
    put(w, ".", 1);
    put_digits(w, VERSION_CSEQ(v));
    put(w, "\"", 1);
}

static void put_string(struct history_writer *w, const char *text, size_t len)
{
    put(w, "\"", 1);
    size_t plain = 0; /* start of what needs no escape */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        put(w, text + plain, i - plain);
        plain = i + 1;
        char escape[8];
        if (c >= 0x20)
            snprintf(escape, sizeof escape, "\\%c", c);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        put_text(w, escape);
    }
    put(w, text + plain, len - plain);
    put(w, "\"", 1);
}

static void put_name(struct history_writer *w, const struct names *names, uint64_t name)
{
    put_string(w, names_text(names, (uint32_t)name), names_length(names, (uint32_t)name));
}

static void put_items(struct history_writer *w, const struct record *record, const struct names *names)
{
    put(w, "[", 1);
    for (size_t i = 0; i < record->item_count; i++) {
        const struct record_item *item = &record->items[i];
        put_text(w, i ? ",{\"in\":" : "{\"in\":");
        put_name(w, names, item->in);
        put_text(w, ",\"message\":");
        put_name(w, names, item->message);
        put_text(w, ",\"copy\":");
        put_name(w, names, item->copy);
        put_text(w, ",\"version\":");
        put_version(w, item->version);
        if (item->via) {
            put_text(w, ",\"via\":");
            put_name(w, names, item->via);
        }
        put(w, "}", 1);
    }
    put(w, "]", 1);
}

void history_writer_take(void *writer, const struct record *record, const struct names *names)
{
    struct history_writer *w = writer;
    put_text(w, "{\"at\":");
    put_number(w, record->at_us);
    put(w, w->kinds[record->kind].text, w->kinds[record->kind].len);
    for (uint64_t left = record->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        put(w, w->keys[field].text, w->keys[field].len);
        switch (history_fields[field].type) {
            case TYPE_NAME:
            case TYPE_WORD:
                put_name(w, names, record->f[field]);
                break;
            case TYPE_NUMBER:
            case TYPE_TIME:
                put_number(w, record->f[field]);
                break;
            case TYPE_VERSION:
                put_version(w, record->f[field]);
                break;
            case TYPE_FLAG:
                put(w, "true", 4);
                break;
            case TYPE_ITEMS:
                put_items(w, record, names);
                break;
        }
    }
    put(w, "}\n", 2);
}

static void put_header(struct history_writer *w, const struct history_header *header)
{
    char text[64];
    put_text(w, "{\"sexton-history\":1,\"system\":");
    put_string(w, header->system, strnlen(header->system, sizeof header->system));
    history_duration(header->clock_error_us, text, sizeof text);
    put_text(w, ",\"clock-error\":");
    put_string(w, text, strlen(text));
    history_duration(header->online_us, text, sizeof text);
    put_text(w, ",\"bounds\":{\"online\":");
    put_string(w, text, strlen(text));
    history_duration(header->returning_us, text, sizeof text);
    put_text(w, ",\"returning\":");
    put_string(w, text, strlen(text));
    put_text(w, "},\"scenario\":");
    put_string(w, header->scenario, strnlen(header->scenario, sizeof header->scenario));
    put_text(w, ",\"seed\":\"");
    put_digits(w, header->seed);
    put_text(w, header->quotes_kept ? "\",\"quotes\":\"keep\"}\n" : "\"}\n");
}

static void set_prefix(struct prefix *prefix, const char *before, const char *word, const char *after)
{
    int len = snprintf(prefix->text, sizeof prefix->text, "%s%s%s", before, word, after);
    assert(len > 0 && (size_t)len < sizeof prefix->text);
    prefix->len = (uint8_t)len;
}

struct history_writer *history_writer_new(FILE *out, const struct history_header *header)
{
    struct history_writer *w = base_alloc(sizeof *w);
    w->out = out;
    for (int i = 0; i < HISTORY_FIELDS; i++)
        set_prefix(&w->keys[i], ",\"", history_fields[i].key, "\":");
    for (int i = 0; i < HISTORY_KINDS; i++)
        set_prefix(&w->kinds[i], ",\"kind\":\"", history_kinds()[i].name, "\"");
    put_header(w, header);
    return w;
}

int history_writer_close(struct history_writer *w)
{
    flush(w);
    bool failed = fflush(w->out) != 0 || w->failed || ferror(w->out);
    free(w);
    return failed ? E_IO : 0;
}
