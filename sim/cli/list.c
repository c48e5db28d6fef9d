/* list.c: `sexton list WHAT`: what there is: invariants, kinds of record, choices, flaws, scenarios; the schema. */
#include "core/store.h"
#include "sim/check/check.h"
#include "sim/cli/cli.h"
#include "sim/history.h"
#include "sim/scenario.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: sexton list invariants|records|policies|presets|flaws|scenarios [DIR]\n"
    "       sexton list schema|history-schema|tables\n"
    "scenarios: those in DIR and below, default \"scenarios\". schema, history-schema: the JSON Schemas of the two\n"
    "kinds of file. tables: what a shard stores, as SQL.\n";

#define DEPTH_MAX 8

static int list_invariants(const char *dir)
{
    (void)dir;
    for (int i = 0; i < INVARIANT_COUNT; i++)
        (void)printf("%-27s %s\n%27s judged for: %s; needs: %s\n", invariant_table[i].name, invariant_table[i].sentence,
                     "", invariant_table[i].antecedent, invariant_table[i].needs);
    return SEXTON_OK;
}

static void print_fields(const char *prefix, uint64_t bits)
{
    for (unsigned f = 0; f < HISTORY_FIELDS; f++) {
        if ((bits >> f & 1) == 0)
            continue;
        (void)printf("%s%s", prefix, history_fields[f].key);
        prefix = " ";
    }
}

static int list_records(const char *dir)
{
    static const char *const sides[] = {"device", "inside", "world"};
    const struct kind_info *kinds = history_kinds();
    (void)dir;
    for (unsigned k = 0; k < HISTORY_KINDS; k++) {
        (void)printf("%-14s %s, %s: %s\n%14s", kinds[k].name, sides[kinds[k].side],
                     kinds[k].class == CLASS_CLAIM ? "claim" : "observation", kinds[k].sentence, "");
        print_fields(" requires ", kinds[k].required);
        print_fields(kinds[k].required ? "; may have " : " may have ", kinds[k].optional);
        (void)putchar('\n');
    }
    return SEXTON_OK;
}

/* "a|b|c": the default, and what else there is. */
static void print_words(const struct policy_info *info)
{
    const char *word = info->words;
    for (uint64_t i = 0; *word; i++) {
        size_t len = strcspn(word, "|");
        if (i == info->value)
            (void)printf("default %.*s", (int)len, word);
        word += len + (word[len] == '|');
    }
    const char *before = "; or ";
    word = info->words;
    for (uint64_t i = 0; *word; i++) {
        size_t len = strcspn(word, "|");
        if (i != info->value) {
            (void)printf("%s%.*s", before, (int)len, word);
            before = ", ";
        }
        word += len + (word[len] == '|');
    }
    (void)putchar('\n');
}

static int list_policies(const char *dir)
{
    char value[64];
    (void)dir;
    for (size_t i = 0; i < policy_table_size; i++) {
        const struct policy_info *info = &policy_table[i];
        (void)printf("%-17s ", info->name);
        if (info->type == POLICY_IS_TIME) {
            history_duration(info->value, value, sizeof value);
            (void)printf("default %s; or any time\n", value);
        } else if (info->type == POLICY_IS_COUNT) {
            (void)printf("default %llu; or %llu to %llu\n", (unsigned long long)info->value,
                         (unsigned long long)info->low, (unsigned long long)info->high);
        } else {
            print_words(info);
        }
        (void)printf("%17s %s\n%17s see %s\n", "", info->what, "", policy_reference(info->name));
    }
    return SEXTON_OK;
}

static int list_presets(const char *dir)
{
    (void)dir;
    for (size_t i = 0; i < policy_presets_size; i++)
        (void)printf("%-10s %s%s%s%s\n", policy_presets[i].name, policy_presets[i].what,
                     *policy_presets[i].changes ? " (" : "", policy_presets[i].changes,
                     *policy_presets[i].changes ? ")" : "");
    return SEXTON_OK;
}

static int list_flaws(const char *dir)
{
    (void)dir;
    for (int i = 0; i < FLAW_COUNT; i++)
        (void)printf("%-21s %s\n%21s caught by %s; seen in %s\n", flaw_table[i].name, flaw_table[i].question, "",
                     flaw_table[i].invariant, flaw_table[i].reference);
    return SEXTON_OK;
}

/* Print a malloc'd text and free it. */
static int print_text(char *text)
{
    if (!text)
        return SEXTON_USAGE;
    (void)fputs(text, stdout);
    free(text);
    return SEXTON_OK;
}

static int list_schema(const char *dir)
{
    (void)dir;
    return print_text(scenario_schema_json());
}

static int list_history_schema(const char *dir)
{
    (void)dir;
    return print_text(history_schema_json());
}

static int list_tables(const char *dir)
{
    (void)dir;
    return print_text(store_schema_sql());
}

static int list_file(const char *file)
{
    struct scenario *scenarios;
    size_t count;
    char error[SCENARIO_ERROR_MAX], id[512];
    if (scenario_read(file, NULL, 0, &scenarios, &count, error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return SEXTON_USAGE;
    }
    for (size_t i = 0; i < count; i++) {
        scenario_id(&scenarios[i], id, sizeof id);
        (void)printf("%s\t%s\t%s\n", file, id, scenarios[i].why);
    }
    scenario_free_all(scenarios, count);
    return SEXTON_OK;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of the names' bytes, whatever the file system and the locale; the first error is the result. */
static int list_dir(const char *dir, int depth)
{
    struct dirent **entries;
    struct stat info;
    char path[4096];
    int count = scandir(dir, &entries, not_hidden, by_bytes), result = SEXTON_OK;
    if (count < 0) {
        (void)fprintf(stderr, "sexton list: found no directory %s to read, expected one with scenarios\n", dir);
        return SEXTON_USAGE;
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t len = strlen(name);
        int status = SEXTON_OK;
        int n = snprintf(path, sizeof path, "%s/%s", dir, name);
        if (n > 0 && (size_t)n < sizeof path && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
                status = list_dir(path, depth + 1);
            else if (S_ISREG(info.st_mode) && len > 5 && strcmp(name + len - 5, ".json") == 0 &&
                     !(len > 12 && strcmp(name + len - 12, ".schema.json") == 0))
                status = list_file(path);
        }
        if (result == SEXTON_OK)
            result = status;
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int list_scenarios(const char *dir)
{
    return list_dir(dir ? dir : "scenarios", 0);
}

static const struct {
    const char *name;
    int (*list)(const char *dir);
} lists[] = {
    {"invariants", list_invariants},
    {"records", list_records},
    {"policies", list_policies},
    {"presets", list_presets},
    {"flaws", list_flaws},
    {"schema", list_schema},
    {"history-schema", list_history_schema},
    {"tables", list_tables},
    {"scenarios", list_scenarios},
};

int cmd_list(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return SEXTON_OK;
    }
    bool dir = argc == 3 && strcmp(argv[1], "scenarios") == 0;
    for (size_t i = 0; (argc == 2 || dir) && i < sizeof lists / sizeof lists[0]; i++)
        if (strcmp(lists[i].name, argv[1]) == 0)
            return lists[i].list(dir ? argv[2] : NULL);
    (void)fprintf(stderr, "sexton list: found %s%s%s, expected one of the lists\n%s", argc < 2 ? "nothing" : "\"",
                  argc < 2 ? "" : argv[argc == 2 || dir ? 1 : argc - 1], argc < 2 ? "" : "\"", usage);
    return SEXTON_USAGE;
}
