/*
 * test_faults.c: docs/faults.md says truly which faults there are: each file that it names exists, and each fault that
 * a scenario can ask for has its row. Runs from the top of the tree, as `make test` does.
 */
#include "sim/scenario.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int suite_faults(void);

#define TABLE "docs/faults.md"
#define PATH_SET "abcdefghijklmnopqrstuvwxyz0123456789_-./"

static char *read_table(void)
{
    size_t size = 1 << 17;
    char *text = base_alloc(size);
    FILE *in = fopen(TABLE, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    size_t got = fread(text, 1, size - 1, in);
    CU_ASSERT_TRUE(got > 0 && got < size - 1);
    (void)fclose(in);
    return text;
}

static void each_file_named_exists(void)
{
    char *text = read_table();
    size_t found = 0;
    for (const char *row = text; (row = strstr(row, "| scenarios/")) != NULL; found++) {
        char path[200];
        row += 2;
        size_t length = strspn(row, PATH_SET);
        (void)snprintf(path, sizeof path, "%.*s", (int)length, row);
        bool there = access(path, R_OK) == 0;
        if (!there)
            (void)fprintf(stderr, "%s: names %s, which is not there\n", TABLE, path);
        CU_ASSERT_TRUE(there);
        row += length;
    }
    CU_ASSERT_TRUE(found > 20);
    free(text);
}

static void each_word_of_the_reader_has_a_row(void)
{
    char *text = read_table();
    for (unsigned fault = FAULT_NONE + 1; fault < FAULT_KIND_COUNT; fault++) {
        char word[80];
        (void)snprintf(word, sizeof word, "`%s`", fault_name(fault));
        bool there = strstr(text, word) != NULL;
        if (!there)
            (void)fprintf(stderr, "%s: has no row for the fault %s\n", TABLE, word);
        CU_ASSERT_TRUE(there);
    }
    free(text);
}

int suite_faults(void)
{
    CU_pSuite suite = CU_add_suite("faults", NULL, NULL);
    CU_add_test(suite, "each_file_named_exists", each_file_named_exists);
    CU_add_test(suite, "each_word_of_the_reader_has_a_row", each_word_of_the_reader_has_a_row);
    return (int)CU_get_error();
}
