/*
 * test_readme.c: what the README promises is there: scenarios, files, commands, targets; and each flaw has its
 * scenario. Runs from the top of the tree, as `make test` does.
 */
#include "core/policy.h"
#include "sim/check/check.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int suite_readme(void);

/* The whole file, to be freed; NULL when it cannot be read. */
static char *read_all(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, count = 0;
    if (!in)
        return NULL;
    do {
        text = realloc(text, size + 65536 + 1);
        count = text ? fread(text + size, 1, 65536, in) : 0;
        size += count;
    } while (count > 0);
    if (text)
        text[size] = '\0';
    fclose(in);
    return text;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* Tells which promise is not kept; CUnit says only where. */
static void promise(bool kept, const char *what)
{
    if (!kept)
        fprintf(stderr, "README.md: %s\n", what);
    CU_ASSERT_TRUE(kept);
}

/* Copies the characters at `at` that are in `set`; returns how many. */
static size_t take(const char *at, const char *set, char *word, size_t size)
{
    size_t length = strspn(at, set);
    snprintf(word, size, "%.*s", (int)length, at);
    return length;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define PATH_SET LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"

static void every_scenario_exists(void)
{
    char path[256], *readme = read_all("README.md");
    int count = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(readme);
    for (const char *at = readme; (at = strstr(at, "scenarios/")) != NULL;) {
        at += take(at, PATH_SET, path, sizeof path);
        size_t length = strlen(path);
        if (length < 5 || strcmp(path + length - 5, ".json") != 0 || strstr(path, "NAME"))
            continue;
        promise(exists(path), path);
        count++;
    }
    CU_ASSERT_TRUE(count >= 20);
    free(readme);
}

/* `core/wire.h`, `sim/check/`, …: what stands in backquotes and begins with a folder of ours. */
static void every_file_exists(void)
{
    static const char *const folders[] = {"core/",  "net-model/", "sim/", "reports/",
                                          "tests/", "scenarios/", ".ci/", "docs/"};
    char path[256], *readme = read_all("README.md");
    int count = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(readme);
    for (const char *at = readme; (at = strchr(at, '`')) != NULL;) {
        at++;
        size_t length = take(at, PATH_SET, path, sizeof path);
        bool whole = at[length] == '`';
        for (size_t i = 0; whole && i < sizeof folders / sizeof *folders; i++) {
            if (strncmp(path, folders[i], strlen(folders[i])) != 0 || strstr(path, "NAME"))
                continue;
            promise(exists(path), path);
            count++;
        }
        at += length;
    }
    CU_ASSERT_TRUE(count >= 20);
    promise(exists("docs/convergence.svg"), "docs/convergence.svg");
    free(readme);
}

/* Words after `before`, where they begin with a letter: each must be in `table` as prefix, word, suffix. */
static void every_word_after(const char *before, const char *table, const char *prefix, const char *suffix, int least)
{
    char word[64], entry[128], *readme = read_all("README.md"), *text = read_all(table);
    int count = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(readme);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (const char *at = readme; (at = strstr(at, before)) != NULL;) {
        at += strlen(before);
        if (take(at, LETTERS "-", word, sizeof word) == 0)
            continue;
        snprintf(entry, sizeof entry, "%s%s%s", prefix, word, suffix);
        promise(strstr(text, entry) != NULL, word);
        count++;
    }
    CU_ASSERT_TRUE(count >= least);
    free(readme);
    free(text);
}

static void every_command_exists(void)
{
    every_word_after("`sexton ", "sim/main.c", "{\"", "\", cmd_", 8);
    every_word_after("build/sexton ", "sim/main.c", "{\"", "\", cmd_", 3);
}

static void every_target_exists(void)
{
    every_word_after("`make ", "Makefile", "\n", ":", 4);
    every_word_after("\n    make deps ", "Makefile", "\n", ":", 2);
}

static void every_flaw_has_a_scenario(void)
{
    char path[256];
    for (int i = 0; i < FLAW_COUNT; i++) {
        snprintf(path, sizeof path, "scenarios/negative/flaw-%s.json", flaw_table[i].name);
        char *text = read_all(path), flaw[128], invariant[128];
        promise(text != NULL, path);
        if (!text)
            continue;
        snprintf(flaw, sizeof flaw, "\"flaw\": \"%s\"", flaw_table[i].name);
        snprintf(invariant, sizeof invariant, "\"%s\"", flaw_table[i].invariant);
        promise(strstr(text, flaw) != NULL, path);
        promise(strstr(text, invariant) != NULL, path);
        free(text);
    }
}

static void the_number_of_invariants_is_right(void)
{
    char words[40], *readme = read_all("README.md");
    CU_ASSERT_PTR_NOT_NULL_FATAL(readme);
    snprintf(words, sizeof words, "**Honest**: %d invariants", INVARIANT_COUNT);
    CU_ASSERT_PTR_NOT_NULL(strstr(readme, words));
    free(readme);
}

/* `sexton list policies` says where it comes from (core/policy_reference.c). */
static void every_choice_has_a_reference(void)
{
    for (size_t i = 0; i < policy_table_size; i++)
        promise(*policy_reference(policy_table[i].name) != 0, policy_table[i].name);
}

int suite_readme(void)
{
    CU_pSuite suite = CU_add_suite("readme", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, every_scenario_exists) || !CU_ADD_TEST(suite, every_file_exists) ||
        !CU_ADD_TEST(suite, every_command_exists) || !CU_ADD_TEST(suite, every_target_exists) ||
        !CU_ADD_TEST(suite, every_flaw_has_a_scenario) || !CU_ADD_TEST(suite, the_number_of_invariants_is_right) ||
        !CU_ADD_TEST(suite, every_choice_has_a_reference))
        return (int)CU_get_error();
    return 0;
}
