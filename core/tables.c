/* tables.c: tables.def as constant data, and as the SQL text that schema.sql is the print-out of. */
#include "core/store.h"
#include "core/store_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN(table, id) #id " "
#define TABLE(id, name, part, shape, keys, text, columns) \
    {name, STORE_##part, shape, keys, id##_COLUMNS, text, columns},
#define INDEX(id, table, ...)
const struct store_table_info store_tables[TABLE_COUNT] = {
#include "core/tables.def"
};
#undef TABLE
#undef INDEX
#define TABLE(id, name, part, shape, keys, text, columns)
#define INDEX(id, table, count, ...) {#id, TABLE_##table, count, {__VA_ARGS__}},
const struct store_index_info store_indexes[INDEX_COUNT] = {
#include "core/tables.def"
};
#undef TABLE
#undef INDEX
#undef COLUMN

const char *store_part_name(enum store_part part)
{
    static const char *const names[STORE_PARTS] = {"main", "vault", "blobs"};
    return names[part];
}

int store_order(enum store_table table, int index, int columns[static STORE_KEYS_MAX])
{
    int count = 0;
    if (index != INDEX_PRIMARY) {
        assert(store_indexes[index].table == table);
        for (int i = 0; i < store_indexes[index].count; i++)
            columns[count++] = store_indexes[index].columns[i];
    }
    for (int k = 0; k < store_tables[table].keys; k++) {
        bool named = false;
        for (int i = 0; i < count; i++)
            named = named || columns[i] == k;
        if (named)
            continue;
        assert(count < STORE_KEYS_MAX);
        columns[count++] = k;
    }
    return count;
}

/* The n-th word of "id kind state ". */
void sql_column_name(enum store_table table, int column, char name[static SQL_NAME_BYTES])
{
    assert(column < store_tables[table].columns);
    const char *p = store_tables[table].column_names;
    for (int i = 0; i < column; i++)
        p = strchr(p, ' ') + 1;
    size_t len = strcspn(p, " ");
    assert(len < SQL_NAME_BYTES);
    snprintf(name, SQL_NAME_BYTES, "%.*s", (int)len, p);
}

void sql_print_table(FILE *f, enum store_table table)
{
    char name[SQL_NAME_BYTES];
    const struct store_table_info *info = &store_tables[table];
    fprintf(f, "CREATE TABLE %s(\n", info->name);
    for (int i = 0; i < info->columns; i++) {
        sql_column_name(table, i, name);
        fprintf(f, "  \"%s\" INTEGER NOT NULL,\n", name);
    }
    if (info->text)
        fprintf(f, "  body BLOB NOT NULL,\n");
    fprintf(f, "  PRIMARY KEY(");
    for (int i = 0; i < info->keys; i++) {
        sql_column_name(table, i, name);
        fprintf(f, "%s\"%s\"", i ? ", " : "", name);
    }
    fprintf(f, ")\n) WITHOUT ROWID");
}

void sql_print_index(FILE *f, enum store_index index)
{
    int columns[STORE_KEYS_MAX];
    char name[SQL_NAME_BYTES];
    const struct store_index_info *info = &store_indexes[index];
    int count = store_order(info->table, (int)index, columns);
    fprintf(f, "CREATE UNIQUE INDEX %s ON %s(", info->name, store_tables[info->table].name);
    for (int i = 0; i < count; i++) {
        sql_column_name(info->table, columns[i], name);
        fprintf(f, "%s\"%s\"", i ? ", " : "", name);
    }
    fprintf(f, ")");
}

static void print_part(FILE *f, enum store_part part, const char *what)
{
    fprintf(f, "-- %s\n", what);
    for (int t = 0; t < TABLE_COUNT; t++)
        if (store_tables[t].part == part) {
            sql_print_table(f, (enum store_table)t);
            fprintf(f, ";\n");
        }
    for (int i = 0; i < INDEX_COUNT; i++)
        if (store_tables[store_indexes[i].table].part == part) {
            sql_print_index(f, (enum store_index)i);
            fprintf(f, ";\n");
        }
}

char *store_schema_sql(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    print_part(f, STORE_MAIN, "main: one database, in backups");
    print_part(f, STORE_VAULT, "vault: one database, in no backup");
    print_part(f, STORE_BLOBS, "blobs: one database, in no backup");
    fclose(f);
    return text;
}
