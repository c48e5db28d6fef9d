/*
 * store_sqlite_migrate.c: the tables of a new database, and those of versions 1 and 2 (schema-v1.sql, schema-v2.sql)
 * brought to version 3.
 *
 * Every table is made anew and filled from the old one: columns go by name, new ones are 0, new bodies empty, new
 * tables have no rows; so what tables.def appends needs no line here. What names do not say, all of it in version 1
 * alone: a body   was its raw bytes; now the form 0 goes before them, unless there are none. outbox   had `page` and
 * `pages`; now `page` has both, page | (pages << 32). The old table is renamed first, so that the text of the new one
 * in sqlite_schema is that of schema.sql. The caller's transaction makes it all or nothing, and needs room for one copy
 * of the file.
 */
#include "core/store_sql.h"
#include "core/store_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD_PREFIX "migrating_"

/* Runs one statement; frees the text. */
static int run_text(sqlite3 *db, char *sql)
{
    int code = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    free(sql);
    return code;
}

static int create_table(sqlite3 *db, enum store_table table)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&sql, &size);
    if (!f)
        return SQLITE_NOMEM;
    sql_print_table(f, table);
    fclose(f);
    return run_text(db, sql);
}

static int create_indexes(sqlite3 *db, enum store_part part)
{
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < INDEX_COUNT; i++) {
        if (store_tables[store_indexes[i].table].part != part)
            continue;
        char *sql = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&sql, &size);
        if (!f)
            return SQLITE_NOMEM;
        sql_print_index(f, (enum store_index)i);
        fclose(f);
        code = run_text(db, sql);
    }
    return code;
}

static int set_header(sqlite3 *db, enum store_part part)
{
    char sql[128];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", sqlite_application_id(part),
             SQLITE_SCHEMA_VERSION);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sqlite_create(sqlite3 *db, enum store_part part)
{
    int code = SQLITE_OK;
    for (int t = 0; code == SQLITE_OK && t < TABLE_COUNT; t++)
        if (store_tables[t].part == part)
            code = create_table(db, (enum store_table)t);
    if (code == SQLITE_OK)
        code = create_indexes(db, part);
    return code == SQLITE_OK ? set_header(db, part) : code;
}

/* ---- from an older version ---- */

static int has_column(sqlite3 *db, const char *table, const char *column, bool *has)
{
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(db, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", -1, &prepared, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(prepared, 1, table, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(prepared, 2, column, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        *has = sqlite3_step(prepared) == SQLITE_ROW;
    int final = sqlite3_finalize(prepared);
    return code == SQLITE_OK ? final : code;
}

static int print_value(FILE *f, sqlite3 *db, enum store_table table, int column, int64_t from)
{
    char name[SQL_NAME_BYTES];
    bool has = false;
    sql_column_name(table, column, name);
    int code = has_column(db, store_tables[table].name, name, &has);
    if (from == 1 && table == TABLE_OUTBOX && column == OUTBOX_page)
        fprintf(f, "\"page\" | (\"pages\" << 32)");
    else if (has)
        fprintf(f, "\"%s\"", name);
    else
        fprintf(f, "0");
    return code;
}

/* Those that had bodies in both old versions: where one is missing the file is damaged, and the copy must fail. */
static bool had_body(enum store_table table)
{
    return table == TABLE_MESSAGE || table == TABLE_FANOUT || table == TABLE_OUTBOX || table == TABLE_LOG ||
           table == TABLE_ITEM;
}

static void print_body(FILE *f, enum store_table table, int64_t from)
{
    if (!had_body(table))
        fprintf(f, ", x''");
    else if (from == 1)
        fprintf(f, ", CASE WHEN length(body) = 0 THEN x'' ELSE CAST(x'00' || body AS BLOB) END");
    else
        fprintf(f, ", body");
}

/* INSERT INTO t SELECT "id", ..., 0, ... FROM migrating_t; NULL when it cannot be made. */
static char *copy_text(sqlite3 *db, enum store_table table, int64_t from, int *code)
{
    const struct store_table_info *info = &store_tables[table];
    char *sql = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&sql, &size);
    if (!f)
        return NULL;
    fprintf(f, "INSERT INTO %s SELECT ", info->name);
    for (int i = 0; *code == SQLITE_OK && i < info->columns; i++) {
        fprintf(f, i ? ", " : "");
        *code = print_value(f, db, table, i, from);
    }
    if (info->text)
        print_body(f, table, from);
    fprintf(f, " FROM " OLD_PREFIX "%s", info->name);
    fclose(f);
    return sql;
}

static int rebuild_table(sqlite3 *db, enum store_table table, int64_t from)
{
    const char *name = store_tables[table].name;
    char sql[128];
    int code = SQLITE_OK;
    char *copy = copy_text(db, table, from, &code);
    snprintf(sql, sizeof sql, "ALTER TABLE %s RENAME TO " OLD_PREFIX "%s", name, name);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = create_table(db, table);
    if (code != SQLITE_OK) {
        free(copy);
        return code;
    }
    code = run_text(db, copy);
    snprintf(sql, sizeof sql, "DROP TABLE " OLD_PREFIX "%s", name);
    return code == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : code;
}

int sqlite_migrate(sqlite3 *db, enum store_part part, int64_t from)
{
    int code = SQLITE_OK;
    for (int t = 0; code == SQLITE_OK && t < TABLE_COUNT; t++) {
        if (store_tables[t].part != part)
            continue;
        char name[SQL_NAME_BYTES];
        bool is_old = false;
        sql_column_name((enum store_table)t, 0, name);
        code = has_column(db, store_tables[t].name, name, &is_old);
        if (code == SQLITE_OK)
            code = is_old ? rebuild_table(db, (enum store_table)t, from) : create_table(db, (enum store_table)t);
    }
    if (code == SQLITE_OK)
        code = create_indexes(db, part);
    return code == SQLITE_OK ? set_header(db, part) : code;
}
