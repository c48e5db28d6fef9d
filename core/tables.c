/* tables.c: tables.def as constant data, and as the SQL text that schema.sql is the print-out of. */
#include "core/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN(table, id) #id " "
#define TABLE(id, name, shape, keys, text, columns) {name, shape, keys, id##_COLUMNS, text, columns},
#define INDEX(id, table, ...)
const struct store_table_info store_tables[TABLE_COUNT] = {
#include "core/tables.def"
};
#undef TABLE
#undef INDEX
#define TABLE(id, name, shape, keys, text, columns)
#define INDEX(id, table, count, ...) {#id, TABLE_##table, count, {__VA_ARGS__}},
const struct store_index_info store_indexes[INDEX_COUNT] = {
#include "core/tables.def"
};
#undef TABLE
#undef INDEX
#undef COLUMN

/* The n-th word of "id kind state " into `word`. */
static void column_name(const struct store_table_info *table, int n, char word[static 32])
{
    const char *p = table->column_names;
    for (int i = 0; i < n; i++)
        p = strchr(p, ' ') + 1;
    size_t len = strcspn(p, " ");
    snprintf(word, 32, "%.*s", (int)len, p);
}

static void print_table(FILE *f, const struct store_table_info *table)
{
    char word[32];
    fprintf(f, "CREATE TABLE %s(\n", table->name);
    for (int i = 0; i < table->columns; i++) {
        column_name(table, i, word);
        fprintf(f, "  \"%s\" INTEGER NOT NULL,\n", word);
    }
    if (table->text)
        fprintf(f, "  body BLOB NOT NULL,\n");
    fprintf(f, "  PRIMARY KEY(");
    for (int i = 0; i < table->keys; i++) {
        column_name(table, i, word);
        fprintf(f, "%s\"%s\"", i ? ", " : "", word);
    }
    fprintf(f, ")\n) WITHOUT ROWID;\n");
}

static void print_index(FILE *f, const struct store_index_info *index)
{
    char word[32];
    const struct store_table_info *table = &store_tables[index->table];
    fprintf(f, "CREATE UNIQUE INDEX %s ON %s(", index->name, table->name);
    for (int i = 0; i < index->count; i++) {
        column_name(table, index->columns[i], word);
        fprintf(f, "%s\"%s\"", i ? ", " : "", word);
    }
    for (int k = 0; k < table->keys; k++) {
        bool named = false;
        for (int i = 0; i < index->count; i++)
            named = named || index->columns[i] == k;
        column_name(table, k, word);
        if (!named)
            fprintf(f, ", \"%s\"", word);
    }
    fprintf(f, ");\n");
}

char *store_schema_sql(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    for (int t = 0; t < TABLE_COUNT; t++)
        print_table(f, &store_tables[t]);
    for (int i = 0; i < INDEX_COUNT; i++)
        print_index(f, &store_indexes[i]);
    fclose(f);
    return text;
}
