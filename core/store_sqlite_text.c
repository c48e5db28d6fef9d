/*
 * store_sqlite_text.c: the text of every statement of the SQLite store, made of tables.def.
 *
 * A scan of a secondary order names its index (INDEXED BY), so that preparing fails when the plan would be another; the
 * primary key needs no name, as the table is its index. A lower bound is one comparison of row values, which SQLite
 * uses whole to find its first entry. What is fixed need not be sorted, so ORDER BY has the other columns only, and the
 * order of the index answers it.
 */
#include "core/store_sql.h"
#include "core/store_sqlite.h"
#include "core/store_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>

static void print_names(FILE *f, enum store_table table, const int *columns, int count, const char *suffix)
{
    char name[SQL_NAME_BYTES];
    for (int i = 0; i < count; i++) {
        sql_column_name(table, columns[i], name);
        fprintf(f, "%s\"%s\"%s", i ? ", " : "", name, suffix);
    }
}

static void print_marks(FILE *f, int first, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(f, "%s?%d", i ? ", " : "", first + i);
}

/* " WHERE a = ?1 AND b = ?2" */
static void print_equals(FILE *f, enum store_table table, const int *columns, int count)
{
    char name[SQL_NAME_BYTES];
    for (int i = 0; i < count; i++) {
        sql_column_name(table, columns[i], name);
        fprintf(f, "%s\"%s\" = ?%d", i ? " AND " : " WHERE ", name, i + 1);
    }
}

static void print_all_columns(FILE *f, enum store_table table)
{
    int columns[STORE_COLUMNS_MAX];
    for (int i = 0; i < store_tables[table].columns; i++)
        columns[i] = i;
    print_names(f, table, columns, store_tables[table].columns, "");
    if (store_tables[table].text)
        fprintf(f, ", body");
}

static bool is_indexed(enum store_table table, int column)
{
    for (int i = 0; i < INDEX_COUNT; i++)
        for (int c = 0; store_indexes[i].table == table && c < store_indexes[i].count; c++)
            if (store_indexes[i].columns[c] == column)
                return true;
    return false;
}

/* ""a" = ?2, body = ?3"; false when there is nothing to set. */
static bool print_set(FILE *f, enum store_table table, bool all)
{
    const struct store_table_info *info = &store_tables[table];
    const char *before = "";
    for (int i = info->keys; i < info->columns; i++) {
        char name[SQL_NAME_BYTES];
        if (!all && is_indexed(table, i))
            continue;
        sql_column_name(table, i, name);
        fprintf(f, "%s\"%s\" = ?%d", before, name, i + 1);
        before = ", ";
    }
    if (info->text)
        fprintf(f, "%sbody = ?%d", before, info->columns + 1);
    return info->text || *before;
}

static void print_insert(FILE *f, enum store_table table)
{
    const struct store_table_info *info = &store_tables[table];
    fprintf(f, "INSERT INTO %s VALUES(", info->name);
    print_marks(f, 1, info->columns + (info->text ? 1 : 0));
    fprintf(f, ")");
}

/* An upsert writes a row in place; REPLACE would delete it and its index entries first. */
static void print_put(FILE *f, enum store_table table, const int *keys)
{
    const struct store_table_info *info = &store_tables[table];
    print_insert(f, table);
    fprintf(f, " ON CONFLICT(");
    print_names(f, table, keys, info->keys, "");
    if (info->columns == info->keys && !info->text) {
        fprintf(f, ") DO NOTHING");
        return;
    }
    fprintf(f, ") DO UPDATE SET ");
    print_set(f, table, true);
}

/* UPDATE names no column of an index unless it must: SQLite writes the index again even when the value is the same. */
static bool print_update(FILE *f, enum store_table table, const int *keys, bool all)
{
    fprintf(f, "UPDATE %s SET ", store_tables[table].name);
    bool sets = print_set(f, table, all);
    print_equals(f, table, keys, store_tables[table].keys);
    return sets;
}

enum row_statement store_sqlite_update(enum store_table table, const struct row *before, const struct row *row)
{
    for (int i = 0; i < INDEX_COUNT; i++)
        for (int c = 0; store_indexes[i].table == table && c < store_indexes[i].count; c++)
            if (before->c[store_indexes[i].columns[c]] != row->c[store_indexes[i].columns[c]])
                return ROW_UPDATE_ALL;
    return ROW_UPDATE;
}

char *sqlite_row_text(enum store_table table, enum row_statement which)
{
    const struct store_table_info *info = &store_tables[table];
    int keys[STORE_KEYS_MAX];
    store_order(table, INDEX_PRIMARY, keys);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    bool says = true;
    switch (which) {
        case ROW_PUT:
            print_put(f, table, keys);
            break;
        case ROW_INSERT:
            print_insert(f, table);
            break;
        case ROW_UPDATE:
        case ROW_UPDATE_ALL:
            says = print_update(f, table, keys, which == ROW_UPDATE_ALL);
            break;
        case ROW_DEL:
            fprintf(f, "DELETE FROM %s", info->name);
            print_equals(f, table, keys, info->keys);
            break;
        default:
            fprintf(f, "SELECT ");
            print_all_columns(f, table);
            fprintf(f, " FROM %s", info->name);
            print_equals(f, table, keys, info->keys);
    }
    fclose(f);
    if (says)
        return text;
    free(text);
    return NULL;
}

char *sqlite_empty_text(enum store_table table)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    fprintf(f, "DELETE FROM %s", store_tables[table].name);
    fclose(f);
    return text;
}

char *sqlite_scan_text(const struct store_range *range)
{
    int order[STORE_KEYS_MAX];
    int count = store_order(range->table, range->index, order);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    fprintf(f, "SELECT ");
    print_all_columns(f, range->table);
    fprintf(f, " FROM %s", store_tables[range->table].name);
    if (range->index != INDEX_PRIMARY)
        fprintf(f, " INDEXED BY %s", store_indexes[range->index].name);
    print_equals(f, range->table, order, range->fixed);
    int bounds = range->given - range->fixed;
    if (bounds > 0) {
        fprintf(f, "%s(", range->fixed ? " AND " : " WHERE ");
        print_names(f, range->table, order + range->fixed, bounds, "");
        fprintf(f, ") >= (");
        print_marks(f, range->fixed + 1, bounds);
        fprintf(f, ")");
    }
    if (range->fixed < count) {
        fprintf(f, " ORDER BY ");
        print_names(f, range->table, order + range->fixed, count - range->fixed, range->reverse ? " DESC" : "");
    }
    fclose(f);
    return text;
}

/* ---- for tests ---- */

static int visit_rows(enum store_table table, store_sqlite_visit *visit, void *ctx)
{
    int status = 0;
    for (int which = 0; status == 0 && which < ROW_STATEMENTS; which++) {
        char *text = sqlite_row_text(table, (enum row_statement)which);
        if (text)
            status = visit(ctx, table, (enum row_statement)which, NULL, text);
        free(text);
    }
    return status;
}

static int visit_order(enum store_table table, int index, store_sqlite_visit *visit, void *ctx)
{
    int columns[STORE_KEYS_MAX];
    int count = store_order(table, index, columns), status = 0;
    struct store_range range = {.table = table, .index = index};
    for (range.given = 0; range.given <= count; range.given++)
        for (range.fixed = 0; range.fixed <= range.given; range.fixed++)
            for (int reverse = 0; reverse <= (range.fixed == range.given); reverse++) {
                range.reverse = reverse;
                char *text = sqlite_scan_text(&range);
                status = text ? visit(ctx, table, ROW_STATEMENTS, &range, text) : E_NOMEM;
                free(text);
                if (status)
                    return status;
            }
    return 0;
}

int store_sqlite_each_statement(enum store_part part, store_sqlite_visit *visit, void *ctx)
{
    int status = 0;
    for (int t = 0; t < TABLE_COUNT; t++) {
        enum store_table table = (enum store_table)t;
        if (store_tables[t].part != part)
            continue;
        status = visit_rows(table, visit, ctx);
        for (int index = INDEX_PRIMARY; status == 0 && index < INDEX_COUNT; index++)
            if (index == INDEX_PRIMARY || store_indexes[index].table == table)
                status = visit_order(table, index, visit, ctx);
        if (status)
            return status;
    }
    return 0;
}
