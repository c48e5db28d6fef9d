/*
 * store_sql.h: names and DDL in SQL, made from tables.def; private to the stores.
 */
#ifndef SEXTON_CORE_STORE_SQL_H
#define SEXTON_CORE_STORE_SQL_H

#include "core/store.h"

#include <stdio.h>

#define SQL_NAME_BYTES 32

/* The name of a table's column, unquoted. */
void sql_column_name(enum store_table table, int column, char name[static SQL_NAME_BYTES]);
/* CREATE TABLE and CREATE UNIQUE INDEX, without the semicolon, exactly as sqlite_schema keeps them. */
void sql_print_table(FILE *f, enum store_table table);
void sql_print_index(FILE *f, enum store_index index);

/*
 * The columns that a scan of `table` by `index` (INDEX_PRIMARY: by the primary key) sorts by: the index's own, then
 * those of the primary key that it does not name. Returns how many.
 */
int store_order(enum store_table table, int index, int columns[static STORE_KEYS_MAX]);

#endif
