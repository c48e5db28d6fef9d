/*
 * history.h: the history, the centre of sexton. Whatever happens is a record; records go to sinks, in order, once.
 *
 * A record is a kind, a time and the fields that history.def allows it. Strings are interned in `struct names`: a field
 * of type NAME or WORD holds a name's number (0 = absent). Numbers are never shown to a digest, a file or an order.
 */
#ifndef SEXTON_SIM_HISTORY_H
#define SEXTON_SIM_HISTORY_H

#include "core/base.h"

#include <stdio.h>

#define FIELD(id, key, type) FIELD_##id,
#define KIND(...)
enum history_field {
#include "sim/history.def"
    HISTORY_FIELDS
};
#undef FIELD
#undef KIND
#define FIELD(...)
#define KIND(id, ...) KIND_##id,
enum history_kind {
#include "sim/history.def"
    HISTORY_KINDS
};
#undef FIELD
#undef KIND

enum field_type { TYPE_NAME, TYPE_WORD, TYPE_NUMBER, TYPE_TIME, TYPE_VERSION, TYPE_FLAG, TYPE_ITEMS };
enum kind_side { SIDE_DEVICE, SIDE_INSIDE, SIDE_WORLD };
enum kind_class { CLASS_CLAIM, CLASS_OBSERVATION };
struct field_info {
    const char *key;
    enum field_type type;
};
struct kind_info {
    const char *name;
    enum kind_side side;
    enum kind_class class;
    uint64_t required, optional; /* bit FIELD_x; filled by history_kinds() */
    const char *sentence;
};
extern const struct field_info history_fields[HISTORY_FIELDS];
const struct kind_info *history_kinds(void);           /* HISTORY_KINDS of them */
const char *history_kind_name(enum history_kind kind); /* also before main */

/* ---- names ---- */
struct names;
struct names *names_new(void);
void names_free(struct names *names);
void names_clear(struct names *names);                        /* keeps memory */
uint32_t names_intern(struct names *names, const char *text); /* "" is 0, absent */
uint32_t names_intern_bytes(struct names *names, const char *text, size_t len);
uint32_t names_find(const struct names *names, const char *text); /* 0 when unknown */
const char *names_text(const struct names *names, uint32_t name); /* "" for 0; valid until names_clear */
size_t names_length(const struct names *names, uint32_t name);
/* Both at once. NAMES_SLACK bytes can be read from there, however short the text is. */
#define NAMES_SLACK 16
const char *names_span(const struct names *names, uint32_t name, size_t *len);
uint32_t names_count(const struct names *names); /* the names are 1 to this */

/* ---- records ---- */
struct record_item {            /* one readable copy, in a view */
    uint32_t in, message, copy; /* names */
    version version;
    uint32_t via; /* a name: the message that carries the copy, or 0 */
};
struct record {
    enum history_kind kind;
    uint64_t at_us;
    uint64_t seq;     /* place in the history, from 1; set by history_emit or the reader */
    uint64_t present; /* bit FIELD_x: f[x] is set */
    uint64_t f[HISTORY_FIELDS];
    const struct record_item *items; /* FIELD_SHOWN (f: how many); borrowed until the next record */
    size_t item_count;
};
static inline void record_begin(struct record *r, enum history_kind kind, uint64_t at_us)
{
    r->kind = kind;
    r->at_us = at_us;
    r->present = 0;
    r->items = NULL;
    r->item_count = 0;
}
static inline void record_set(struct record *r, enum history_field field, uint64_t value)
{
    r->f[field] = value;
    r->present |= 1ULL << field;
}
static inline bool record_has(const struct record *r, enum history_field field)
{
    return (r->present >> field) & 1;
}
/* 0 when absent */
static inline uint64_t record_get(const struct record *r, enum history_field field)
{
    return record_has(r, field) ? r->f[field] : 0;
}

/* ---- sinks ---- */
struct history_sink {
    void (*take)(void *ctx, const struct record *record, const struct names *names);
    void *ctx;
};
#define HISTORY_SINKS_MAX 8
struct history {
    struct names *names; /* borrowed */
    uint64_t count;
    struct history_sink sinks[HISTORY_SINKS_MAX];
    int sink_count;
};
void history_init(struct history *history, struct names *names);
void history_add_sink(struct history *history, struct history_sink sink);
/*
 * Numbers the record and feeds every sink. Absent names (0) and false flags are dropped first; then a field that the
 * kind does not list, or a required one that is missing, is a programmer's error: told, and aborted.
 */
void history_emit(struct history *history, struct record *record);

/* ---- digest: XXH3-64 over the canonical little-endian encoding, names as bytes; the header is not in it ---- */
struct history_digest;
struct history_digest *history_digest_new(void);
void history_digest_free(struct history_digest *digest);
void history_digest_reset(struct history_digest *digest);
void history_digest_take(void *digest, const struct record *record, const struct names *names);
uint64_t history_digest_value(const struct history_digest *digest);

/* ---- JSON lines ---- */
struct history_header {
    char system[128];
    uint64_t clock_error_us;
    uint64_t online_us, returning_us; /* bounds; 0 = not given */
    char scenario[128];               /* "" when unknown */
    uint64_t seed;
    bool quotes_kept; /* "quotes": "keep": by policy a quote stays when what it quotes is deleted */
};
struct history_writer; /* buffered; write errors are kept and told by _close */
struct history_writer *history_writer_new(FILE *out, const struct history_header *header);
void history_writer_take(void *writer, const struct record *record, const struct names *names);
int history_writer_close(struct history_writer *writer); /* flushes, frees; 0 or E_IO. Does not fclose. */

/*
 * Strict reader, one line at a time; memory is bounded by the longest line (HISTORY_LINE_MAX) and the names. On an
 * error: "FILE:LINE:COLUMN: found ..., expected ..." in `error`, the column in bytes from 1; the reader then repeats
 * it. Keys may come in any order. Blank lines are skipped; a last line may lack its newline, but not its end. A NUMBER
 * is a JSON number up to 2^53, or a string of digits; a VERSION is "incarnation.cseq", or a number n for "0.n"; a FLAG
 * is true, or false for absent. In a record of side DEVICE, `at` must not be below that of the device's last one.
 */
#define HISTORY_LINE_MAX ((size_t)16 * 1024 * 1024)
struct history_reader;
#define HISTORY_ERROR_MAX 512
struct history_reader *history_reader_new(FILE *in, const char *file, struct names *names);
int history_reader_header(struct history_reader *reader, struct history_header *header, char error[HISTORY_ERROR_MAX]);
/* 1: a record; 0: the end; negative: an error. Unknown kinds and keys are kept out of the way and counted. */
int history_reader_next(struct history_reader *reader, struct record *record, char error[HISTORY_ERROR_MAX]);
/* How many records of unknown kinds and keys that their record does not list were skipped. */
uint64_t history_reader_unknown(const struct history_reader *reader);
void history_reader_free(struct history_reader *reader);

/* One record as a readable line without newline, for --trace, explain and proofs: "12.345678s bob.phone hides m1 …". */
void history_line(const struct record *record, const struct names *names, char *line, size_t size);
/* A name from a file for a terminal: control characters become '?'; cut to the size. */
void history_safe_text(const char *text, char *out, size_t size);
/* The published JSON Schema of one line, made from history.def, into a malloc'd string. */
char *history_schema_json(void);
/* A duration in the scenario's notation, exact: "1d12h", "20ms", "0s". */
void history_duration(uint64_t us, char *text, size_t size);
/* Parse it: units d h m s ms us, each at most once, from large to small; 0 or E_INVALID. */
int history_parse_duration(const char *text, uint64_t *us);

#endif
