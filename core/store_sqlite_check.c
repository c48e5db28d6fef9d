/*
 * store_sqlite_check.c: what is wrong with a database, in words.
 *
 * The header says whose file it is: application_id is "SXT" and a letter for the part, user_version the schema version.
 * Then integrity_check reads every page, compares every index with its table, and so costs a pass over the file (about
 * a second for a gigabyte that is cached, and a few milliseconds for a simulated shard): quick_check would leave out
 * the indexes, and an index that lacks an entry makes a scan answer wrongly without a word. Last, the text of every
 * table and index must be that of schema.sql.
 *
 * What a value is cannot be told so: for that each page has a checksum (store_sqlite_guard.c), compared whenever it is
 * read, here for the first time.
 */
#include "core/store_sql.h"
#include "core/store_sqlite_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x53585400 /* "SXT" and the letter of the part */
#define FINDING_BYTES 200

static const char letters[STORE_PARTS] = {'M', 'V', 'B'};
static const int oldest_schema[STORE_PARTS] = {1, 2, 3}; /* before, there was no such part */

int sqlite_complain(const struct complaint *complaint, int status, const char *format, ...)
{
    if (complaint->size == 0)
        return status;
    int used = snprintf(complaint->text, complaint->size, "%s: ", complaint->file);
    if (used < 0 || (size_t)used >= complaint->size)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint->text + used, complaint->size - (size_t)used, format, arguments);
    va_end(arguments);
    return status;
}

int sqlite_ask_number(sqlite3 *db, const char *sql, int64_t *number)
{
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &prepared, NULL);
    if (code == SQLITE_OK && sqlite3_step(prepared) == SQLITE_ROW)
        *number = sqlite3_column_int64(prepared, 0);
    int final = sqlite3_finalize(prepared);
    return code == SQLITE_OK ? final : code;
}

int sqlite_ask_text(sqlite3 *db, const char *sql, char *text, size_t size)
{
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &prepared, NULL);
    text[0] = '\0';
    if (code == SQLITE_OK && sqlite3_step(prepared) == SQLITE_ROW) {
        const unsigned char *found = sqlite3_column_text(prepared, 0);
        snprintf(text, size, "%s", found ? (const char *)found : "");
    }
    int final = sqlite3_finalize(prepared);
    return code == SQLITE_OK ? final : code;
}

int sqlite_application_id(enum store_part part)
{
    return APPLICATION_ID | letters[part];
}

int sqlite_check_identity(sqlite3 *db, enum store_part part, int64_t *schema, const struct complaint *complaint)
{
    int64_t id = 0;
    *schema = 0;
    int code = sqlite_ask_number(db, "PRAGMA application_id", &id);
    if (code == SQLITE_OK)
        code = sqlite_ask_number(db, "PRAGMA user_version", schema);
    if (code != SQLITE_OK)
        return sqlite_complain(complaint, sqlite_status(code), "found %s, expected a database; restore a backup",
                               (code & 0xff) == SQLITE_NOTADB ? "no database" : sqlite3_errmsg(db));
    for (int p = 0; p < STORE_PARTS; p++)
        if (id == sqlite_application_id((enum store_part)p) && p != (int)part)
            return sqlite_complain(complaint, E_STORE, "found the part %s, expected the part %s; name the right file",
                                   store_part_name((enum store_part)p), store_part_name(part));
    if (id != sqlite_application_id(part))
        return sqlite_complain(complaint, E_STORE,
                               "found application_id %" PRId64
                               ", expected %d; this is no store of sexton: name another",
                               id, sqlite_application_id(part));
    static const char *const known[] = {"1 to 3", "2 or 3", "3"};
    if (*schema < oldest_schema[part] || *schema > SQLITE_SCHEMA_VERSION)
        return sqlite_complain(complaint, E_STORE,
                               "found schema version %" PRId64 ", expected %s; open it with the program that wrote it",
                               *schema, known[oldest_schema[part] - 1]);
    return 0;
}

int sqlite_check_integrity(sqlite3 *db, const struct complaint *complaint)
{
    char found[FINDING_BYTES];
    int code = sqlite_ask_text(db, "PRAGMA integrity_check(1)", found, sizeof found);
    if (code != SQLITE_OK)
        snprintf(found, sizeof found, "%s", sqlite3_errmsg(db));
    else if (strcmp(found, "ok") == 0)
        return 0;
    char *second = strchr(found, '\n'); /* the first line only names the database */
    char *finding = second ? second + 1 : found;
    finding[strcspn(finding, "\n")] = '\0';
    int status = code == SQLITE_OK ? E_STORE : sqlite_status(code);
    return sqlite_complain(complaint, status, "found damage (%s), expected a sound database; restore a backup",
                           finding);
}

/* ---- the schema ---- */

/* Compares a table or index with the text that sqlite_schema has of it; frees `expected`. */
static int check_entry(sqlite3_stmt *by_name, const char *name, char *expected, const struct complaint *complaint)
{
    if (!expected)
        return sqlite_complain(complaint, E_NOMEM, "out of memory");
    int status = 0;
    sqlite3_bind_text(by_name, 1, name, -1, SQLITE_STATIC);
    const unsigned char *found = sqlite3_step(by_name) == SQLITE_ROW ? sqlite3_column_text(by_name, 0) : NULL;
    if (!found || strcmp((const char *)found, expected) != 0)
        status = sqlite_complain(complaint, E_STORE, "found %s %s, expected it as in schema.sql; restore a backup",
                                 found ? "another" : "no", name);
    sqlite3_reset(by_name);
    free(expected);
    return status;
}

static char *entry_text(int table, int index)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    if (index == INDEX_PRIMARY)
        sql_print_table(f, (enum store_table)table);
    else
        sql_print_index(f, (enum store_index)index);
    fclose(f);
    return text;
}

static int check_entries(sqlite3_stmt *by_name, enum store_part part, int64_t *count, const struct complaint *complaint)
{
    int status = 0;
    for (int t = 0; status == 0 && t < TABLE_COUNT; t++)
        if (store_tables[t].part == part) {
            ++*count;
            status = check_entry(by_name, store_tables[t].name, entry_text(t, INDEX_PRIMARY), complaint);
        }
    for (int i = 0; status == 0 && i < INDEX_COUNT; i++)
        if (store_tables[store_indexes[i].table].part == part) {
            ++*count;
            status = check_entry(by_name, store_indexes[i].name, entry_text(0, i), complaint);
        }
    return status;
}

int sqlite_check_schema(sqlite3 *db, enum store_part part, const struct complaint *complaint)
{
    int64_t expected = 0, found = 0;
    sqlite3_stmt *by_name = NULL;
    int code = sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1, &by_name, NULL);
    if (code == SQLITE_OK)
        code = sqlite_ask_number(db, "SELECT count(*) FROM sqlite_schema", &found);
    int status = 0;
    if (code != SQLITE_OK)
        status = sqlite_complain(complaint, sqlite_status(code), "found %s, expected a schema", sqlite3_errmsg(db));
    else
        status = check_entries(by_name, part, &expected, complaint);
    sqlite3_finalize(by_name);
    if (status == 0 && found != expected)
        status = sqlite_complain(complaint, E_STORE,
                                 "found %" PRId64 " tables and indexes, expected the %" PRId64 " of schema.sql", found,
                                 expected);
    return status;
}
