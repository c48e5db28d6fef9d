/*
 * test_scenario.c: what the scenario reader takes, and what it makes of it; what it refuses, and where it points.
 *
 * Each file of tests/malformed/scenario has one mistake; its first line says what must be told: "// LINE:COLUMN:
 * FRAGMENT". Mistakes that no readable file can have are made here. Run from the root of the repository.
 */
#include "sim/check/check.h"
#include "sim/cli/cli.h"
#include "sim/scenario_internal.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int suite_scenario(void);

#define MALFORMED "tests/malformed/scenario"
#define FULL "tests/golden/scenario/full.json"
#define HEAD                                                                                                      \
    "{ \"sexton-scenario\": 1, \"name\": \"t\", \"why\": \"w\", \"users\": { \"a\": [\"p\"], \"b\": [\"p\"] },\n" \
    " \"conversations\": { \"c\": { \"kind\": \"group\", \"members\": [\"a\", \"b\"] } },\n"
#define STEPS(steps) HEAD "\"script\": [" steps "] }"
#define SEND "{ \"at\": \"1s\", \"device\": \"a.p\", \"do\": \"send\", \"in\": \"c\", \"as\": \"m1\" }"

static struct scenario *got;
static size_t got_count;
static char error[SCENARIO_ERROR_MAX];

static void drop(void)
{
    scenario_free_all(got, got_count);
    got = NULL;
    got_count = 0;
}

static int read_with(const char *text, const char *set)
{
    drop();
    return scenario_read_text("t.json", text, strlen(text), &set, set ? 1 : 0, &got, &got_count, error);
}

static void takes(const char *text)
{
    int status = read_with(text, NULL);
    if (status != 0)
        (void)fprintf(stderr, "\n%s\n", error);
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

static void refuses_bytes(const char *text, size_t size, const char *beginning, const char *fragment)
{
    drop();
    CU_ASSERT_TRUE(scenario_read_text("t.json", text, size, NULL, 0, &got, &got_count, error) < 0);
    CU_ASSERT_PTR_NULL(got);
    bool good = strncmp(error, beginning, strlen(beginning)) == 0 && strstr(error, fragment) != NULL;
    if (!good)
        (void)fprintf(stderr, "\nexpected %s…%s, got %s\n", beginning, fragment, error);
    CU_ASSERT_TRUE(good);
}

static void refuses(const char *text, const char *beginning, const char *fragment)
{
    refuses_bytes(text, strlen(text), beginning, fragment);
}

/* ---- what it takes ---- */

static void the_smallest_scenario_has_the_stated_defaults(void)
{
    takes(STEPS(SEND));
    CU_ASSERT_EQUAL_FATAL(got_count, 1);
    CU_ASSERT_EQUAL(got->seeds, 20);
    CU_ASSERT_EQUAL(got->starts_s, 1740988800);
    CU_ASSERT_EQUAL(got->lasts_us, 11 * US_PER_S);
    CU_ASSERT_EQUAL(got->shards, 1);
    CU_ASSERT_STRING_EQUAL(got->store, "memory");
    CU_ASSERT_EQUAL(got->flaw, -1);
    CU_ASSERT_EQUAL(got->network.p99_us, 400 * US_PER_MS);
    CU_ASSERT_EQUAL(got->network.shard_median_us, 2 * US_PER_MS);
    CU_ASSERT_EQUAL(got->online_us, 5 * US_PER_S);
    CU_ASSERT_EQUAL(got->observe_every_us, 60 * US_PER_S);
    CU_ASSERT_EQUAL(got->memory_max_bytes, 2ULL << 30);
    CU_ASSERT_TRUE(got->expect.hold_all);
    CU_ASSERT_EQUAL(got->conversations[0].members[0].role, ROLE_OWNER);
    CU_ASSERT_EQUAL(got->conversations[0].members[1].role, ROLE_MEMBER);
    CU_ASSERT_STRING_EQUAL(got->steps[0].text, "text of m1");
    CU_ASSERT_STRING_EQUAL(got->steps[0].label, "script[0] send m1");
    CU_ASSERT_EQUAL(got->steps[0].line, 3);
    CU_ASSERT_STRING_EQUAL(got->variant, "");
}

static void read_full(void)
{
    drop();
    int status = scenario_read(FULL, NULL, 0, &got, &got_count, error);
    if (status != 0)
        (void)fprintf(stderr, "\n%s\n", error);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    CU_ASSERT_EQUAL_FATAL(got_count, 4);
}

static void a_scenario_with_every_key_is_read_as_written(void)
{
    char id[200];
    read_full();
    const struct scenario *s = &got[3];
    scenario_id(s, id, sizeof id);
    CU_ASSERT_STRING_EQUAL(id, "full#undo-window=5s,shards=4,p99=1s");
    CU_ASSERT_EQUAL(s->policy.undo_window_us, 5 * US_PER_S);
    CU_ASSERT_EQUAL(s->policy.fence_after_us, 90 * US_PER_DAY); /* of the preset */
    CU_ASSERT_EQUAL(s->policy.page, 10);                        /* over the preset */
    CU_ASSERT_EQUAL(s->policy.delete_group, 1);
    CU_ASSERT_EQUAL(s->shards, 4);
    CU_ASSERT_EQUAL(got[0].shards, 2);
    CU_ASSERT_EQUAL(s->crowd.conversations_per_user_ppm, 1500000);
    CU_ASSERT_EQUAL(s->crowd.away_ppm, 100000);
    CU_ASSERT_EQUAL(s->crowd.presence, PRESENCE_COMMUTER);
    CU_ASSERT_EQUAL(s->crowd.standing_count, 2);
    CU_ASSERT_EQUAL(s->crowd.standing[0].per_user_ppm, 3500000);
    CU_ASSERT_EQUAL(s->crowd.standing[0].kind, CONV_NONE);
    CU_ASSERT_EQUAL(s->crowd.standing[1].high, 50);
    CU_ASSERT_EQUAL(s->crowd.standing[1].kind, CONV_CHANNEL);
    CU_ASSERT_EQUAL(s->judge_ppm, 1000000);
    CU_ASSERT_EQUAL(s->crowd.mixed, 600);
    CU_ASSERT_EQUAL(s->crowd.weights[WORK_SEND], 60);
    CU_ASSERT_EQUAL(s->crowd.weights[WORK_DELETE], 6);
    CU_ASSERT_EQUAL(s->crowd.weights[WORK_EDIT], 0);
    CU_ASSERT_EQUAL(s->crowd.weights[WORK_UNDO], 0); /* not named, not done */
    CU_ASSERT_EQUAL(s->expect.least.devices, 40);
    CU_ASSERT_EQUAL(s->expect.least.deletions, 30);
    CU_ASSERT_EQUAL(s->network.breaks_mean_us, US_PER_DAY / 2);
    CU_ASSERT_EQUAL(s->faults[FAULT_HALF_OPEN], 2);
    CU_ASSERT_EQUAL(s->faults[FAULT_CLOG], 0);
    CU_ASSERT_EQUAL(s->network.channel_duplicate_ppm, 2500);
    CU_ASSERT_TRUE(s->devices[1].offline);
    CU_ASSERT_TRUE(s->devices[3].linked);
    CU_ASSERT_EQUAL(s->steps[0].expect, EXPECT_ACKED);
    CU_ASSERT_EQUAL(s->steps[1].branches[2].point, CRASH_AFTER_COMMIT);
    CU_ASSERT_EQUAL(s->steps[1].branches[2].nodes_a[0], SCENARIO_SHARD + 1);
    CU_ASSERT_EQUAL(s->steps[1].within_us, 80 * US_PER_MS);
    CU_ASSERT_STRING_EQUAL(s->steps[2].in, "plans"); /* from the send */
    CU_ASSERT_EQUAL(s->steps[2].expect_why, WHY_CONVERSATION_DELETED);
    CU_ASSERT_EQUAL(s->expect.limits[0].max, US_PER_S);
    CU_ASSERT_EQUAL(s->expect.limits[2].max, 120);
    CU_ASSERT_EQUAL(s->expect.hold,
                    1ULL << invariant_find("reaches-online") | 1ULL << invariant_find("no-resurrection"));
}

static void every_key_is_in_the_full_scenario(void)
{
    static const struct key_table *const tables[] = {
        &scenario_table, &server_table, &crowd_table,  &conversation_table, &network_table,
        &latency_table,  &bounds_table, &limits_table, &step_table,         &expect_table};
    static const char *const elsewhere[] = {"flaw", "violate", "may-violate"}; /* of negative scenarios */
    static char text[65536];
    char quoted[64];
    FILE *in = fopen(FULL, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    (void)fclose(in);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t k = 0; k < tables[t]->count; k++) {
            bool skip = false;
            for (size_t i = 0; i < 3; i++)
                skip |= strcmp(elsewhere[i], tables[t]->keys[k].name) == 0;
            (void)snprintf(quoted, sizeof quoted, "\"%s\":", tables[t]->keys[k].name);
            if (!skip && !strstr(text, quoted))
                (void)fprintf(stderr, "\n%s is not in " FULL "\n", quoted);
            CU_ASSERT_TRUE(skip || strstr(text, quoted));
        }
    }
}

static void a_partition_against_a_star_is_everybody_else(void)
{
    takes(STEPS("{ \"at\": \"1s\", \"fault\": \"partition\", \"between\": [\"a.p\", \"*\"] }"));
    CU_ASSERT_EQUAL(got->steps[0].nodes_a_count, 1);
    CU_ASSERT_EQUAL_FATAL(got->steps[0].nodes_b_count, 2);
    CU_ASSERT_EQUAL(got->steps[0].nodes_b[0], 1);
    CU_ASSERT_EQUAL(got->steps[0].nodes_b[1], SCENARIO_SHARD);
}

static void a_negative_scenario_expects_its_violation_only(void)
{
    takes(HEAD "\"flaw\": \"gap-skipped\", \"expect\": { \"violate\": [\"cursor-complete\"], \"may-violate\": "
               "[\"reaches-online\"] }, \"script\": [" SEND "] }");
    CU_ASSERT_EQUAL(got->flaw, flaw_find("gap-skipped"));
    CU_ASSERT_EQUAL(got->policy.flaws, 0);
    CU_ASSERT_FALSE(got->expect.hold_all);
    CU_ASSERT_EQUAL(got->expect.violate, 1ULL << invariant_find("cursor-complete"));
    CU_ASSERT_EQUAL(got->expect.may_violate, 1ULL << invariant_find("reaches-online"));
}

static void numbers_are_exact_up_to_the_last_digit(void)
{
    takes(HEAD "\"limits\": { \"events\": \"999999999999\", \"records\": 1000000000000 }, \"script\": [" SEND "] }");
    CU_ASSERT_EQUAL(got->events_max, 999999999999ULL);
    CU_ASSERT_EQUAL(got->records_max, 1000000000000ULL);
    takes(HEAD "\"network\": { \"push-loss\": \"0.0001%\", \"channel-loss\": \"12.34%\" }, \"script\": [" SEND "] }");
    CU_ASSERT_EQUAL(got->network.push_loss_ppm, 1);
    CU_ASSERT_EQUAL(got->network.channel_loss_ppm, 123400);
}

/* ---- vary and set ---- */

static void a_set_changes_one_value_and_stops_its_variation(void)
{
    const char *text = HEAD "\"vary\": { \"policy.undo-window\": [\"1s\", \"2s\"] }, \"script\": [" SEND "] }";
    CU_ASSERT_EQUAL(read_with(text, "policy.undo-window=7s"), 0);
    CU_ASSERT_EQUAL_FATAL(got_count, 1);
    CU_ASSERT_EQUAL(got->policy.undo_window_us, 7 * US_PER_S);
    CU_ASSERT_EQUAL(read_with(text, "server.shards=3"), 0);
    CU_ASSERT_EQUAL_FATAL(got_count, 2);
    CU_ASSERT_EQUAL(got[1].shards, 3);
    CU_ASSERT_EQUAL(read_with(text, "script.0.at=\"3s\""), 0);
    CU_ASSERT_EQUAL(got->steps[0].at_us, 3 * US_PER_S);
}

static void an_error_in_a_set_names_the_set(void)
{
    static const struct {
        const char *set, *beginning, *fragment;
    } cases[] = {
        {"policy.undo-windw=5s", "--set policy.undo-windw: ", "did you mean \"undo-window\"?"},
        {"policy.undo-window=soon", "--set policy.undo-window: ", "found \"soon\", expected a duration"},
        {"server.shards=65", "--set server.shards: ", "found 65, expected a whole number from 1 to 64"},
        {"seeds=1e999", "--set seeds: ", "found \"1e999\", expected a whole number"},
        {"name=other", "--set name: ", "one that may change"},
        {"users=5", "--set users: ", "no scalar"},
        {"script.9.at=1s", "--set script.9.at: ", "no scalar"},
        {"a..b=1", "--set a..b: ", "no scalar"},
        {"=1", "--set =1: ", "no PATH=VALUE"},
        {"nothing", "--set nothing: ", "no PATH=VALUE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_TRUE(read_with(STEPS(SEND), cases[i].set) < 0);
        bool good = strncmp(error, cases[i].beginning, strlen(cases[i].beginning)) == 0 &&
                    strstr(error, cases[i].fragment) != NULL;
        if (!good)
            (void)fprintf(stderr, "\n%s: %s\n", cases[i].set, error);
        CU_ASSERT_TRUE(good);
    }
}

static void the_whole_path_names_a_variant_when_its_end_is_not_alone(void)
{
    takes(HEAD
          "\"vary\": { \"network.latency.p99\": [\"1s\"], \"network.shard-latency.p99\": [\"2s\"] }, \"network\": { "
          "\"latency\": { \"median\": \"1ms\" }, \"shard-latency\": { \"median\": \"1ms\" } }, \"script\": [" SEND
          "] }");
    CU_ASSERT_STRING_EQUAL(got->variant, "network.latency.p99=1s,network.shard-latency.p99=2s");
}

/* ---- what it refuses ---- */

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void try_malformed(const char *name)
{
    char path[400], first[400], expected[900];
    (void)snprintf(path, sizeof path, MALFORMED "/%s", name);
    FILE *in = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    bool line = fgets(first, sizeof first, in) != NULL && strncmp(first, "// ", 3) == 0;
    (void)fclose(in);
    CU_ASSERT_TRUE_FATAL(line);
    first[strcspn(first, "\n")] = '\0';
    char *fragment = strstr(first, ": ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(fragment);
    *fragment = '\0';
    fragment += 2;
    (void)snprintf(expected, sizeof expected, "%s:%s: found ", path, first + 3);
    drop();
    CU_ASSERT_TRUE(scenario_read(path, NULL, 0, &got, &got_count, error) < 0);
    bool good = strncmp(error, expected, strlen(expected)) == 0 && strstr(error, fragment) && strstr(error, "expected");
    if (!good)
        (void)fprintf(stderr, "\nexpected %s … %s, got %s\n", expected, fragment, error);
    CU_ASSERT_TRUE(good);
}

static void malformed_files_are_refused_at_the_place_of_the_mistake(void)
{
    struct dirent **entries;
    int count = scandir(MALFORMED, &entries, not_hidden, alphasort);
    CU_ASSERT_TRUE_FATAL(count >= 150);
    for (int i = 0; i < count; i++) {
        try_malformed(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void bytes_that_are_no_text_are_refused(void)
{
    refuses("", "t.json:1:1: ", "the end of the text");
    refuses(" \n\t\n  ", "t.json:3:3: ", "the end of the text");
    refuses("// only this", "t.json:1:13: ", "the end of the text");
    refuses("\xef\xbb\xbf{}", "t.json:1:1: ", "byte order mark");
    refuses_bytes("{\"a\":\0}", 7, "t.json:1:6: ", "byte 0x00");
    refuses_bytes("{\"a\":\"x\0\"}", 10, "t.json:1:8: ", "control character 0x00");
    refuses_bytes("{}\0", 3, "t.json:1:3: ", "nothing after the value");
    refuses("{\"a\":\"\xc3(\"}", "t.json:1:7: ", "byte 0xc3, expected UTF-8");
    refuses("{\"a\":\"\xc0\xaf\"}", "t.json:1:7: ", "byte 0xc0, expected UTF-8");
    refuses("{\"a\":\"\xed\xa0\x80\"}", "t.json:1:7: ", "byte 0xed, expected UTF-8");
    refuses("{\"a\":\"\xf4\x90\x80\x80\"}", "t.json:1:7: ", "byte 0xf4, expected UTF-8");
    refuses("{\"a\":\"\xe2\x82", "t.json:1:7: ", "byte 0xe2, expected UTF-8");
    refuses("// \xff\n{}", "t.json:1:4: ", "byte 0xff, expected UTF-8");
    refuses("{\"\xff\":1}", "t.json:1:3: ", "byte 0xff, expected UTF-8");
    refuses("/* a *", "t.json:1:1: ", "comment without end");
    refuses("/", "t.json:1:1: ", "expected a value or a comment");
    refuses("{\"a\":\"\\", "t.json:1:7: ", "bad escape");
    refuses("{\"a\":-}", "t.json:1:7: ", "a digit");
    refuses("[1,2", "t.json:1:5: ", "the end of the text");
    refuses("{\"a\":11111111111111111111111111111111111}", "t.json:1:6: ", "at most 32");
}

static void a_mix_of_all_has_every_operation(void)
{
    takes(HEAD "\"crowd\": { \"users\": 2, \"workload\": { \"operations\": 9 } } }");
    for (int i = 0; i < WORK_COUNT; i++)
        CU_ASSERT_EQUAL(got->crowd.weights[i], workload_table[i].weight);
    takes(HEAD "\"crowd\": { \"users\": 2, \"workload\": { \"operations\": 9, \"mix\": \"all\" } } }");
    CU_ASSERT_EQUAL(got->crowd.weights[WORK_SEND], workload_table[WORK_SEND].weight);
    refuses(HEAD "\"crowd\": { \"users\": 2, \"workload\": { \"operations\": 9, \"mix\": { \"sent\": 1 } } } }",
            "t.json:3:", "did you mean \"send\"?");
    refuses(HEAD "\"crowd\": { \"users\": 2, \"workload\": { \"operations\": 9, \"mix\": { \"send\": 0 } } } }",
            "t.json:3:", "a weight above 0");
    refuses(HEAD "\"crowd\": { \"users\": 2, \"workload\": { \"mix\": \"all\" } } }", "t.json:3:", "operations");
}

static void large_and_deep_texts_are_refused_at_once(void)
{
    size_t size = (9U << 20);
    char *text = base_alloc(size);
    memset(text, ' ', size);
    refuses_bytes(text, size, "t.json:1:1: ", "more than 8388608 bytes");
    memset(text, '[', 8U << 20);
    refuses_bytes(text, 8U << 20, "t.json:1:33: ", "deeper than 32");
    memset(text, '\n', 8U << 20);
    refuses_bytes(text, 8U << 20, "t.json:8388609:1: ", "the end of the text");
    free(text);
}

static void too_many_steps_are_refused(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    (void)fputs(HEAD "\"script\": [", out);
    for (int i = 0; i <= SCENARIO_STEPS_MAX; i++)
        (void)fprintf(out, "%s{\"at\":\"1s\",\"device\":\"a.p\",\"do\":\"look\"}", i ? "," : "");
    (void)fputs("] }", out);
    (void)fclose(out);
    refuses(text, "t.json:3:11: ", "found 10001 steps, expected at most 10000");
    free(text);
}

static void files_that_are_no_files_are_refused(void)
{
    char path[] = "/tmp/sexton-test-XXXXXX", expected[100];
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(ftruncate(fd, 100 << 20), 0); /* sparse: 100 MB of zero bytes */
    (void)close(fd);
    CU_ASSERT_TRUE(scenario_read(path, NULL, 0, &got, &got_count, error) < 0);
    (void)snprintf(expected, sizeof expected, "%s:1:1: found more than 8388608 bytes", path);
    CU_ASSERT_TRUE(strncmp(error, expected, strlen(expected)) == 0);
    CU_ASSERT_EQUAL(chmod(path, 0), 0);
    if (geteuid() != 0) { /* root reads everything */
        CU_ASSERT_TRUE(scenario_read(path, NULL, 0, &got, &got_count, error) < 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(error, "Permission denied"));
    }
    (void)unlink(path);
    CU_ASSERT_TRUE(scenario_read(path, NULL, 0, &got, &got_count, error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, ":1:1: found no file to read"));
    CU_ASSERT_TRUE(scenario_read("tests", NULL, 0, &got, &got_count, error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "tests:1:1: found what cannot be read"));
    CU_ASSERT_TRUE(scenario_read("", NULL, 0, &got, &got_count, error) < 0);
}

/* ---- the schema ---- */

static cJSON *schema(void)
{
    char *text = scenario_schema_json();
    cJSON *tree = cJSON_Parse(text);
    free(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
    return tree;
}

static void the_published_schema_is_the_printed_one(void)
{
    char *made = scenario_schema_json();
    size_t size = strlen(made);
    char *stored = base_alloc(size + 2);
    FILE *in = fopen("scenarios/scenario.schema.json", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    CU_ASSERT_EQUAL(fread(stored, 1, size + 1, in), size);
    (void)fclose(in);
    CU_ASSERT_STRING_EQUAL(stored, made); /* `sexton list schema > scenarios/scenario.schema.json` */
    free(stored);
    free(made);
}

static void the_schema_has_the_keys_that_the_parser_knows_and_no_other(void)
{
    static const struct key_table *const tables[] = {&scenario_table,     &server_table,  &crowd_table,
                                                     &conversation_table, &network_table, &latency_table,
                                                     &bounds_table,       &limits_table,  &expect_table};
    cJSON *tree = schema(), *definitions = cJSON_GetObjectItemCaseSensitive(tree, "definitions");
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        const cJSON *properties = member(member(definitions, tables[t]->name), "properties"), *property;
        size_t listed = 0;
        for (property = first_child(properties); property; property = property->next)
            listed++;
        CU_ASSERT_EQUAL(listed, tables[t]->count);
        for (size_t k = 0; k < tables[t]->count; k++)
            CU_ASSERT_PTR_NOT_NULL(member(properties, tables[t]->keys[k].name));
    }
    for (size_t k = 0; k < step_table.count; k++) {
        const cJSON *form;
        bool there = false;
        for (form = first_child(member(member(definitions, "step"), "anyOf")); form; form = form->next)
            there |= member(member(form, "properties"), step_table.keys[k].name) != NULL;
        CU_ASSERT_TRUE(there);
    }
    for (size_t i = 0; i < policy_table_size; i++)
        CU_ASSERT_PTR_NOT_NULL(member(member(member(definitions, "policy"), "properties"), policy_table[i].name));
    cJSON_Delete(tree);
}

/* ---- the commands ---- */

static void new_writes_a_scenario_that_lint_takes_and_never_overwrites(void)
{
    char dir[] = "/tmp/sexton-test-XXXXXX", cwd[4096], *words[] = {"new", "first-try", NULL};
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(cwd, sizeof cwd));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
    CU_ASSERT_EQUAL(cmd_new(2, words), SEXTON_OK);
    CU_ASSERT_EQUAL(cmd_new(2, words), SEXTON_USAGE);
    drop();
    CU_ASSERT_EQUAL(scenario_read("first-try.json", NULL, 0, &got, &got_count, error), 0);
    char *bad[] = {"new", "../up", NULL}, *file[] = {"lint", "first-try.json", NULL}, *none[] = {"lint", NULL};
    CU_ASSERT_EQUAL(cmd_new(2, bad), SEXTON_USAGE);
    CU_ASSERT_EQUAL(cmd_lint(2, file), SEXTON_OK);
    CU_ASSERT_EQUAL(cmd_lint(1, none), SEXTON_USAGE);
    CU_ASSERT_EQUAL(unlink("first-try.json"), 0);
    CU_ASSERT_EQUAL(cmd_lint(2, file), SEXTON_USAGE);
    CU_ASSERT_EQUAL_FATAL(chdir(cwd), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static int clean_up(void)
{
    drop();
    return 0;
}

int suite_scenario(void)
{
    CU_pSuite suite = CU_add_suite("scenario", NULL, clean_up);
#define ADD(test)                                   \
    if (!suite || !CU_add_test(suite, #test, test)) \
        return -1;
    ADD(the_smallest_scenario_has_the_stated_defaults)
    ADD(a_scenario_with_every_key_is_read_as_written)
    ADD(every_key_is_in_the_full_scenario)
    ADD(a_partition_against_a_star_is_everybody_else)
    ADD(a_negative_scenario_expects_its_violation_only)
    ADD(numbers_are_exact_up_to_the_last_digit)
    ADD(a_set_changes_one_value_and_stops_its_variation)
    ADD(an_error_in_a_set_names_the_set)
    ADD(the_whole_path_names_a_variant_when_its_end_is_not_alone)
    ADD(malformed_files_are_refused_at_the_place_of_the_mistake)
    ADD(bytes_that_are_no_text_are_refused)
    ADD(a_mix_of_all_has_every_operation)
    ADD(large_and_deep_texts_are_refused_at_once)
    ADD(too_many_steps_are_refused)
    ADD(files_that_are_no_files_are_refused)
    ADD(the_published_schema_is_the_printed_one)
    ADD(the_schema_has_the_keys_that_the_parser_knows_and_no_other)
    ADD(new_writes_a_scenario_that_lint_takes_and_never_overwrites)
#undef ADD
    return 0;
}
