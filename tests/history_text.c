/* history_text.c: the little parser of history_text.h. Kinds and fields come from history.def. */
#include "tests/history_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 16
#define LINE_MAX_BYTES 512

static version parse_version(const char *text)
{
    char *end;
    uint64_t first = strtoull(text, &end, 10);
    return *end == '.' ? VERSION_MAKE(first, strtoull(end + 1, NULL, 10)) : first;
}

static size_t parse_items(char *text, struct names *names, struct record_item *items)
{
    size_t count = 0;
    char *rest = NULL;
    if (strcmp(text, "-") == 0)
        return 0;
    for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        char *message = strchr(item, '/'), *at = strchr(item, '@');
        char *copy = strchr(item, '+'), *via = copy ? strchr(copy, ':') : NULL;
        assert(message && count < ITEMS_MAX);
        if (copy)
            *copy++ = '\0';
        if (via)
            *via++ = '\0';
        *message++ = '\0';
        if (at)
            *at++ = '\0';
        items[count++] = (struct record_item){names_intern(names, item), names_intern(names, message),
                                              names_intern(names, copy ? copy : "body"), at ? parse_version(at) : 0,
                                              via ? names_intern(names, via) : 0};
    }
    return count;
}

static void set_field(struct record *r, char *pair, struct names *names, struct record_item *items)
{
    char *value = strchr(pair, '=');
    if (value)
        *value++ = '\0';
    int field = 0;
    while (field < HISTORY_FIELDS && strcmp(history_fields[field].key, pair) != 0)
        field++;
    if (field == HISTORY_FIELDS) {
        fprintf(stderr, "test history: no field %s\n", pair);
        abort();
    }
    switch (history_fields[field].type) {
        case TYPE_NAME:
        case TYPE_WORD:
            record_set(r, (enum history_field)field, names_intern(names, value));
            break;
        case TYPE_VERSION:
            record_set(r, (enum history_field)field, parse_version(value));
            break;
        case TYPE_NUMBER:
        case TYPE_TIME:
            record_set(r, (enum history_field)field, strtoull(value, NULL, 10));
            break;
        case TYPE_FLAG:
            record_set(r, (enum history_field)field, 1);
            break;
        case TYPE_ITEMS:
            r->item_count = parse_items(value, names, items);
            r->items = items;
            r->present |= 1ULL << field;
            break;
    }
}

void history_text_feed(const char *text, struct names *names,
                       void (*take)(void *ctx, const struct record *record, const struct names *names), void *ctx)
{
    uint64_t seq = 0;
    while (*text) {
        char line[LINE_MAX_BYTES], *rest = NULL, *end;
        size_t length = strcspn(text, "\n");
        assert(length < sizeof(line));
        memcpy(line, text, length);
        line[length] = '\0';
        text += length + (text[length] == '\n');
        char *word = strtok_r(line, " ", &rest);
        if (!word)
            continue;
        struct record r;
        struct record_item items[ITEMS_MAX];
        memset(&r, 0, sizeof(r));
        uint64_t at_us = strtoull(word, &end, 10) * (*end == 's' ? US_PER_S : 1);
        assert(end != word);
        word = strtok_r(NULL, " ", &rest);
        int kind = 0;
        while (kind < HISTORY_KINDS && strcmp(history_kinds()[kind].name, word) != 0)
            kind++;
        if (kind == HISTORY_KINDS) {
            fprintf(stderr, "test history: no kind %s\n", word);
            abort();
        }
        record_begin(&r, (enum history_kind)kind, at_us);
        r.seq = ++seq;
        for (word = strtok_r(NULL, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            set_field(&r, word, names, items);
        if ((r.present & history_kinds()[kind].required) != history_kinds()[kind].required) {
            fprintf(stderr, "test history: record %llu lacks a required field\n", (unsigned long long)seq);
            abort();
        }
        take(ctx, &r, names);
    }
}
