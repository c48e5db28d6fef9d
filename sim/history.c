/*
 * history.c: the tables made from history.def, the handing of records to sinks, and durations as text.
 */
#include "sim/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(id, key, type) {key, TYPE_##type},
#define KIND(...)
const struct field_info history_fields[HISTORY_FIELDS] = {
#include "sim/history.def"
};
#undef FIELD
#undef KIND

struct kind_source {
    const char *name;
    enum kind_side side;
    enum kind_class class;
    const char *required, *optional, *sentence;
};
#define FIELD(...)
#define KIND(id, name, side, class, required, optional, sentence) \
    {name, SIDE_##side, CLASS_##class, required, optional, sentence},
static const struct kind_source sources[HISTORY_KINDS] = {
#include "sim/history.def"
};
#undef FIELD
#undef KIND

static_assert(HISTORY_FIELDS <= 64, "a record's fields are bits of one integer");

static uint64_t field_bits(const char *keys)
{
    uint64_t bits = 0;
    while (*keys) {
        size_t len = strcspn(keys, " ");
        int field = 0;
        while (field < HISTORY_FIELDS &&
               (strlen(history_fields[field].key) != len || memcmp(history_fields[field].key, keys, len) != 0))
            field++;
        assert(field < HISTORY_FIELDS && "a kind of history.def lists a key that no field has");
        bits |= 1ULL << field;
        keys += len;
        keys += *keys == ' ';
    }
    return bits;
}

/* Threads of a live run may be the first to ask, so the table is made before main. */
static struct kind_info kinds[HISTORY_KINDS];
static uint64_t flags, droppable; /* fields: those that are flags; and those, with the names, that can be absent */
__attribute__((constructor)) static void make_kinds(void)
{
    for (int i = 0; i < HISTORY_FIELDS; i++) {
        enum field_type type = history_fields[i].type;
        flags |= (uint64_t)(type == TYPE_FLAG) << i;
        droppable |= (uint64_t)(type <= TYPE_WORD || type == TYPE_FLAG) << i;
    }
    for (int i = 0; i < HISTORY_KINDS; i++) {
        const struct kind_source *s = &sources[i];
        kinds[i] = (struct kind_info){s->name,    s->side, s->class, field_bits(s->required), field_bits(s->optional),
                                      s->sentence};
    }
}

const struct kind_info *history_kinds(void)
{
    return kinds;
}

const char *history_kind_name(enum history_kind kind)
{
    return sources[kind].name;
}

void history_init(struct history *history, struct names *names)
{
    memset(history, 0, sizeof *history);
    history->names = names;
}

void history_add_sink(struct history *history, struct history_sink sink)
{
    assert(history->sink_count < HISTORY_SINKS_MAX);
    history->sinks[history->sink_count++] = sink;
}

static void drop_absent(struct record *record)
{
    for (uint64_t left = record->present & flags; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        record->f[field] = record->f[field] != 0;
    }
    for (uint64_t left = record->present & droppable; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        record->present &= ~((uint64_t)!record->f[field] << field);
    }
}

static void die_of_field(const struct record *record, uint64_t fields, const char *what)
{
    fprintf(stderr, "sexton: a record \"%s\" %s \"%s\" (history.def)\n", kinds[record->kind].name, what,
            history_fields[__builtin_ctzll(fields)].key);
    abort();
}

void history_emit(struct history *history, struct record *record)
{
    assert(record->kind < HISTORY_KINDS);
    const struct kind_info *kind = &kinds[record->kind];
    drop_absent(record);
    record->f[FIELD_SHOWN] = record->item_count;
    uint64_t alien = record->present & ~(kind->required | kind->optional), missing = kind->required & ~record->present;
    if (alien)
        die_of_field(record, alien, "has no field");
    if (missing)
        die_of_field(record, missing, "lacks");
    for (size_t i = 0; i < record->item_count; i++)
        assert(record->items[i].in && record->items[i].message && record->items[i].copy);
    record->seq = ++history->count;
    for (int i = 0; i < history->sink_count; i++)
        history->sinks[i].take(history->sinks[i].ctx, record, history->names);
}

/* ---- durations ---- */
struct unit {
    const char *name;
    uint64_t us;
};
static const struct unit units[] = {{"d", US_PER_DAY}, {"h", 3600 * US_PER_S}, {"m", 60 * US_PER_S},
                                    {"s", US_PER_S},   {"ms", US_PER_MS},      {"us", 1}};
#define UNITS (sizeof units / sizeof *units)

void history_duration(uint64_t us, char *text, size_t size)
{
    size_t len = 0;
    snprintf(text, size, "0s");
    for (size_t i = 0; i < UNITS; i++) {
        uint64_t n = us / units[i].us;
        us %= units[i].us;
        if (n && len < size)
            len += (size_t)snprintf(text + len, size - len, "%llu%s", (unsigned long long)n, units[i].name);
    }
}

int history_parse_duration(const char *text, uint64_t *us)
{
    uint64_t total = 0;
    size_t next = 0; /* units before this one are used up */
    if (!*text)
        return E_INVALID;
    while (*text) {
        uint64_t n = 0;
        const char *digits = text;
        for (; *text >= '0' && *text <= '9'; text++)
            if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
                return E_INVALID;
        size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"), unit = next;
        while (unit < UNITS && (strlen(units[unit].name) != len || memcmp(units[unit].name, text, len) != 0))
            unit++;
        if (text == digits || unit == UNITS || __builtin_mul_overflow(n, units[unit].us, &n) ||
            __builtin_add_overflow(total, n, &total))
            return E_INVALID;
        next = unit + 1;
        text += len;
    }
    *us = total;
    return 0;
}
