/*
 * history_reader.h: the reader's insides, shared by history_read.c (lines and records) and history_value.c (values).
 */
#ifndef SEXTON_SIM_HISTORY_READER_H
#define SEXTON_SIM_HISTORY_READER_H

#include "sim/history.h"
#include "sim/json_scan.h"

/* Closed lists of words, found by a hash: at most half full, so that what is not there is found out soon. */
#define WORD_SLOTS 256U
struct word_table {
    struct {
        const char *text;
        uint8_t len, number;
    } slots[WORD_SLOTS]; /* text: NULL for none */
};
enum { KEY_AT = HISTORY_FIELDS, KEY_KIND, KEY_NONE };

struct history_reader {
    FILE *in;
    const char *file;
    struct names *names;
    char *buffer; /* bytes [start, end) are read and not yet used */
    size_t start, end, cap;
    uint64_t line, seq, unknown;
    bool headed, ended, failed;
    char error[HISTORY_ERROR_MAX];
    struct json_scan scan;
    struct record_item *items;
    size_t item_cap;
    uint64_t *last_at; /* by device name */
    size_t last_at_cap;
    struct word_table keys, kinds; /* of a line: its fields, KEY_AT and KEY_KIND */
};

/* Fail at an offset of the current line. All return the (negative) status. */
int history_fail(struct history_reader *r, int status, size_t offset, const char *found, const char *expected);
int history_fail_scan(struct history_reader *r); /* where and why the scanner failed */
int history_fail_value(struct history_reader *r, const struct json_value *value, const char *expected);

/* Convert a value: 0, or the status of a failure that has been told. */
int history_read_number(struct history_reader *r, const struct json_value *value, uint64_t *n);
int history_read_duration(struct history_reader *r, const struct json_value *value, uint64_t *us);
int history_read_text(struct history_reader *r, const struct json_value *value, char text[128]);
int history_read_field(struct history_reader *r, int field, const struct json_value *value, struct record *record);

#endif
