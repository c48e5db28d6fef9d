/*
 * test_faults.c: docs/faults.md says truly which faults there are: each file that it names exists, and each fault that
 * a scenario can ask for has its row. And what no scenario can say of one: that an outage has those who arrive in it,
 * and that a herd is measured. Runs from the top of the tree, as `make test` does.
 */
#include "sim/run.h"
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

/* Nobody's network works in the first two minutes, in which twelve people arrive. */
#define NEWCOMERS "scenarios/fault/newcomers-in-an-outage.json"
#define OUTAGE_US (120 * US_PER_S)

struct heard {
    uint64_t connected, early, herds, came, missing;
};

static void hear(void *ctx, const struct record *record, const struct names *of)
{
    struct heard *heard = ctx;
    (void)of;
    heard->connected += record->kind == KIND_CONNECT;
    heard->early += record->kind == KIND_CONNECT && record->at_us < OUTAGE_US;
    if (record->kind != KIND_HERD)
        return;
    heard->herds++;
    heard->came = record_get(record, FIELD_COUNT);
    heard->missing = record_get(record, FIELD_WAITING);
    CU_ASSERT(record_get(record, FIELD_PERIOD) > 0 && record_get(record, FIELD_EVENTS) > 0);
    CU_ASSERT(record_get(record, FIELD_REQUESTS) >= heard->came && record_get(record, FIELD_BYTES) > 0);
}

static void who_arrives_in_an_outage_has_none_and_the_herd_is_measured(void)
{
    struct scenario *scenarios;
    size_t count;
    char error[SCENARIO_ERROR_MAX];
    CU_ASSERT_FATAL(scenario_read(NEWCOMERS, NULL, 0, &scenarios, &count, error) >= 0);
    struct run *run = run_new();
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct heard heard = {0};
        struct run_options options = {.seed = seed, .extra = {{hear, &heard}}, .extra_count = 1};
        struct run_result result;
        CU_ASSERT_EQUAL(run_scenario(run, &scenarios[0], &options, &result), 0);
        CU_ASSERT_EQUAL(heard.early, 0);
        CU_ASSERT(heard.connected >= 14); /* twelve people, alice and bob */
        CU_ASSERT(heard.herds == 1 && heard.came >= 14 && heard.missing == 0);
    }
    run_free(run);
    scenario_free_all(scenarios, count);
}

int suite_faults(void)
{
    CU_pSuite suite = CU_add_suite("faults", NULL, NULL);
    CU_add_test(suite, "each_file_named_exists", each_file_named_exists);
    CU_add_test(suite, "each_word_of_the_reader_has_a_row", each_word_of_the_reader_has_a_row);
    CU_add_test(suite, "who_arrives_in_an_outage_has_none_and_the_herd_is_measured",
                who_arrives_in_an_outage_has_none_and_the_herd_is_measured);
    return (int)CU_get_error();
}
