/* test_store_schema.c: the committed print-out of the tables is that of tables.def. */
#include "core/base.h"
#include "core/store.h"
#include "tests/store_world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void schema_sql_is_the_print_out_of_the_tables(void)
{
    char *expected = store_schema_sql();
    CU_ASSERT_PTR_NOT_NULL_FATAL(expected);
    FILE *f = fopen("core/schema.sql", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t size = strlen(expected);
    char *found = base_alloc(size + 2);
    size_t read = fread(found, 1, size + 1, f);
    fclose(f);
    CU_ASSERT_EQUAL(read, size);
    CU_ASSERT_EQUAL(memcmp(found, expected, size), 0);
    free(found);
    free(expected);
}

static const struct named_test tests[] = {
    {"schema_sql_is_the_print_out_of_the_tables", schema_sql_is_the_print_out_of_the_tables},
};

int suite_store_schema(void);
int suite_store_schema(void)
{
    return store_suite("store_schema", tests, sizeof tests / sizeof *tests);
}
