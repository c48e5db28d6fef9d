/*
 * store_sqlite_rows.c: rows in and out of SQLite's values.
 *
 * SQLite's integers are signed, ours are not, and scans must give the memory store's order. A value below 2^63 is an
 * INTEGER; one from 2^63 on (TIME_NEVER; ids of conversations that the set-up made, whose device is PROVISIONER) is a
 * BLOB of its 8 bytes, the highest first. SQLite sorts every BLOB after every INTEGER, and BLOBs as memcmp does, so
 * this keeps the unsigned order in keys, indexes and comparisons, and INTEGER affinity leaves BLOBs alone. Flipping the
 * top bit would keep it too, but every small number would then take 8 bytes instead of 1 or 2, and no person could read
 * the file.
 *
 * A body is a BLOB: one byte of form, then the bytes; empty when there is no body.
 *
 * Whatever else is found there was not written by a store: it is refused, never interpreted.
 */
#include "core/store_sqlite_internal.h"

#include <string.h>

static int bind_word(sqlite3_stmt *prepared, int parameter, uint64_t word, unsigned char *wide)
{
    if (word <= INT64_MAX)
        return sqlite3_bind_int64(prepared, parameter, (sqlite3_int64)word);
    for (size_t i = 0; i < sizeof word; i++)
        wide[i] = (unsigned char)(word >> (8 * (sizeof word - 1 - i)));
    return sqlite3_bind_blob(prepared, parameter, wide, sizeof word, SQLITE_STATIC);
}

int sqlite_bind_words(sqlite3_stmt *prepared, const uint64_t *words, int count, struct wide *wide)
{
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = bind_word(prepared, i + 1, words[i], wide->bytes[i]);
    return code;
}

int sqlite_bind_row(sqlite3_stmt *prepared, enum store_table table, const struct row *row, struct wide *wide)
{
    const struct store_table_info *info = &store_tables[table];
    int count = sqlite3_bind_parameter_count(prepared);
    int code = sqlite_bind_words(prepared, row->c, count < info->columns ? count : info->columns, wide);
    if (code != SQLITE_OK || !info->text)
        return code;
    assert(row->body.len <= SEALED_BYTES_MAX && row->body.form <= 1);
    wide->body[0] = row->body.form;
    memcpy(wide->body + 1, row->body.bytes, row->body.len);
    int size = row->body.len ? 1 + row->body.len : 0;
    return sqlite3_bind_blob(prepared, info->columns + 1, wide->body, size, SQLITE_STATIC);
}

/* One look at the column for all questions about it: the connection is nobody else's, in no other thread. */
static bool read_word(sqlite3_stmt *prepared, int column, uint64_t *word)
{
    sqlite3_value *found = sqlite3_column_value(prepared, column);
    int type = sqlite3_value_type(found);
    if (type == SQLITE_INTEGER) {
        sqlite3_int64 value = sqlite3_value_int64(found);
        *word = (uint64_t)value;
        return value >= 0;
    }
    const unsigned char *bytes = type == SQLITE_BLOB ? sqlite3_value_blob(found) : NULL;
    if (!bytes || sqlite3_value_bytes(found) != sizeof *word || bytes[0] < 0x80)
        return false;
    *word = 0;
    for (size_t i = 0; i < sizeof *word; i++)
        *word = *word << 8 | bytes[i];
    return true;
}

static bool read_body(sqlite3_stmt *prepared, int column, struct sealed *body)
{
    if (sqlite3_column_type(prepared, column) != SQLITE_BLOB)
        return false;
    const unsigned char *bytes = sqlite3_column_blob(prepared, column);
    int size = sqlite3_column_bytes(prepared, column);
    if (size == 0)
        return true;
    if (!bytes || size < 2 || size > 1 + SEALED_BYTES_MAX || bytes[0] > 1)
        return false;
    body->form = bytes[0];
    body->len = (uint8_t)(size - 1);
    memcpy(body->bytes, bytes + 1, body->len);
    return true;
}

bool sqlite_read_row(sqlite3_stmt *prepared, enum store_table table, struct row *row)
{
    const struct store_table_info *info = &store_tables[table];
    for (int i = 0; i < info->columns; i++)
        if (!read_word(prepared, i, &row->c[i]))
            return false;
    row->body = (struct sealed){0};
    return !info->text || read_body(prepared, info->columns, &row->body);
}
