/*
 * test_world.c: small worlds, each with one thing to see in its history. A test writes the script; `run` adds alice
 * (phone, laptop), bob (phone) and their conversation "plans", and keeps the history as readable lines.
 */
#include "sim/world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 8192
#define LINE_BYTES 2048

struct seen {
    struct scenario *scenarios;
    size_t scenario_count;
    struct world *world;
    struct names *names;
    struct history history;
    struct history_digest *digest;
    char *text; /* all lines */
    size_t text_len, text_cap;
    uint64_t kinds[HISTORY_KINDS];
    uint64_t did[OPERATION_COUNT];
    uint64_t tombstones; /* of the last table records */
    enum world_end end;
};

static void keep(void *ctx, const struct record *record, const struct names *names)
{
    struct seen *s = ctx;
    char line[LINE_BYTES];
    history_line(record, names, line, sizeof line - 1);
    size_t len = strlen(line);
    s->text = base_grow(s->text, &s->text_cap, s->text_len + len + 2, 1);
    memcpy(s->text + s->text_len, line, len);
    s->text_len += len;
    s->text[s->text_len++] = '\n';
    s->text[s->text_len] = '\0';
    s->kinds[record->kind]++;
    if (record->kind == KIND_INVOKE)
        s->did[operation_find(names_text(names, (uint32_t)record_get(record, FIELD_DO)))]++;
    if (record->kind == KIND_PHASE)
        s->tombstones = 0;
    if (record->kind == KIND_TABLE)
        s->tombstones += record_get(record, FIELD_TOMBSTONES);
}

/* Runs on a new world; free with forget. parts: more keys of the file; script: its steps. */
static struct seen *begin(const char *parts, const char *script)
{
    struct seen *s = base_alloc(sizeof *s);
    char file[FILE_BYTES], error[SCENARIO_ERROR_MAX] = "";
    int len = snprintf(file, sizeof file,
                       "{\"sexton-scenario\":1,\"name\":\"t\",\"why\":\"test\",%s%s"
                       "\"users\":{\"alice\":[\"phone\",\"laptop\"],\"bob\":[\"phone\"]},"
                       "\"conversations\":{\"plans\":{\"kind\":\"group\",\"members\":[\"alice\",\"bob\"]}},"
                       "\"script\":[%s]}",
                       parts, *parts ? "," : "", script);
    if (scenario_read_text("t.json", file, (size_t)len, NULL, 0, &s->scenarios, &s->scenario_count, error) != 0) {
        fprintf(stderr, "%s\n", error);
        CU_FAIL_FATAL("the scenario of a test is wrong");
    }
    s->world = world_new();
    s->names = names_new();
    s->digest = history_digest_new();
    return s;
}

static uint64_t again(struct seen *s, uint64_t seed)
{
    names_clear(s->names);
    history_digest_reset(s->digest);
    history_init(&s->history, s->names);
    history_add_sink(&s->history, (struct history_sink){keep, s});
    history_add_sink(&s->history, (struct history_sink){history_digest_take, s->digest});
    s->text_len = 0;
    memset(s->kinds, 0, sizeof s->kinds);
    memset(s->did, 0, sizeof s->did);
    s->end = world_run(s->world, s->scenarios, seed, 0, &s->history);
    return history_digest_value(s->digest);
}

static struct seen *run(const char *parts, const char *script)
{
    struct seen *s = begin(parts, script);
    again(s, 1);
    CU_ASSERT_EQUAL(s->end, WORLD_FINISHED);
    CU_ASSERT_STRING_EQUAL(world_error(s->world), "");
    CU_ASSERT_STRING_EQUAL(world_stalls(s->world), "");
    return s;
}

static void forget(struct seen *s)
{
    world_free(s->world);
    names_free(s->names);
    history_digest_free(s->digest);
    scenario_free_all(s->scenarios, s->scenario_count);
    free(s->text);
    free(s);
}

/* Do these words come in this order? */
static bool tells(const struct seen *s, const char *first, const char *then)
{
    const char *at = strstr(s->text, first);
    return at && (!then || strstr(at, then));
}

#define SEND(at, name) \
    "{\"at\":\"" at "\",\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"" name "\"}"
#define DELETE(at, name)                                                                                   \
    "{\"at\":\"" at "\",\"device\":\"alice.phone\",\"do\":\"delete\",\"in\":\"plans\",\"message\":\"" name \
    "\",\"as\":\"d1\"}"

static void a_deleted_message_leaves_every_device(void)
{
    struct seen *s = run("\"server\":{\"shards\":2}", SEND("1s", "m1") "," DELETE("5s", "m1"));
    CU_ASSERT_TRUE(tells(s, "bob.phone shows m1", "bob.phone hides m1"));
    CU_ASSERT_TRUE(tells(s, "alice.laptop shows m1", "alice.laptop hides m1"));
    CU_ASSERT_TRUE(tells(s, "phase heal", "phase deliver") && tells(s, "phase deliver", "phase age"));
    CU_ASSERT_EQUAL(s->kinds[KIND_END], 1);
    CU_ASSERT_EQUAL(world_step_result(s->world, 1)->acked, 1);
    forget(s);
}

static void no_tombstone_is_left_after_the_age_phase(void)
{
    struct seen *s = run("\"server\":{\"shards\":3}", SEND("1s", "m1") "," DELETE("5s", "m1"));
    CU_ASSERT_TRUE(tells(s, "reaps the tombstone of m1", "the recording ends"));
    CU_ASSERT_EQUAL(s->tombstones, 0);
    forget(s);
}

static void a_seed_decides_the_history(void)
{
    struct seen *s = begin("\"server\":{\"shards\":2}", SEND("1s", "m1") "," DELETE("2s", "m1"));
    uint64_t first = again(s, 7);
    CU_ASSERT_NOT_EQUAL(again(s, 8), first);
    CU_ASSERT_EQUAL(again(s, 7), first); /* as the third run of its world */
    struct seen *other = begin("\"server\":{\"shards\":2}", SEND("1s", "m1") "," DELETE("2s", "m1"));
    CU_ASSERT_EQUAL(again(other, 7), first);
    forget(other);
    forget(s);
}

static void a_race_starts_in_each_order(void)
{
    struct seen *s =
        begin("", SEND("1s", "m1") ",{\"at\":\"5s\",\"within\":\"5s\",\"race\":["
                                   "{\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"a\"},"
                                   "{\"device\":\"bob.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"b\"}]}");
    for (uint64_t seed = 2; seed < 6; seed++) {
        again(s, seed);
        CU_ASSERT_EQUAL(world_race_count(s->world), 1);
        const struct world_race_result *race = world_race_result(s->world, 0);
        CU_ASSERT_TRUE(race->decided);
        CU_ASSERT_EQUAL(race->forced, seed % 2);
        CU_ASSERT_TRUE(seed % 2 ? tells(s, "invokes b:", "invokes a:") : tells(s, "invokes a:", "invokes b:"));
        CU_ASSERT_TRUE(race->order ? tells(s, "commits b:", "commits a:") : tells(s, "commits a:", "commits b:"));
    }
    forget(s);
}

static void a_step_waits_for_its_event(void)
{
    struct seen *s =
        run("", SEND("3s", "m1") ",{\"after\":\"bob.phone shows m1\",\"plus\":\"1s\",\"device\":\"bob.phone\","
                                 "\"do\":\"send\",\"in\":\"plans\",\"as\":\"reply\"}");
    CU_ASSERT_TRUE(tells(s, "bob.phone shows m1", "invokes reply"));
    CU_ASSERT_EQUAL(world_step_result(s->world, 1)->ran, 1);
    forget(s);
}

static void a_step_whose_event_never_comes_does_not_run(void)
{
    struct seen *s =
        run("", SEND("1s", "m1") ",{\"after\":\"bob.phone hides m1\",\"device\":\"bob.phone\",\"do\":\"send\","
                                 "\"in\":\"plans\",\"as\":\"reply\"}");
    CU_ASSERT_EQUAL(world_step_result(s->world, 1)->ran, 0);
    forget(s);
}

static void a_repeated_step_numbers_its_names(void)
{
    struct seen *s =
        run("", "{\"at\":\"1s\",\"device\":\"bob.phone\",\"do\":\"send\",\"in\":\"plans\",\"as\":\"m\","
                "\"count\":3,\"every\":\"1s\"},{\"at\":\"1s500ms\",\"device\":\"alice.phone\",\"do\":\"send\","
                "\"in\":\"plans\"}");
    CU_ASSERT_TRUE(tells(s, "invokes m:", "invokes m.2:") && tells(s, "invokes m.2:", "invokes m.3:"));
    CU_ASSERT_TRUE(tells(s, "bob.phone shows alice.phone/1", NULL));
    CU_ASSERT_EQUAL(world_step_result(s->world, 0)->acked, 3);
    forget(s);
}

static void an_offline_device_keeps_what_it_was_asked(void)
{
    struct seen *s = run("\"offline\":[\"alice.phone\"]",
                         SEND("1s", "m1") ",{\"at\":\"9s\",\"device\":\"alice.phone\",\"do\":\"online\"}");
    CU_ASSERT_TRUE(tells(s, "alice.phone invokes m1", "alice.phone connects"));
    CU_ASSERT_TRUE(tells(s, "alice.phone connects", "bob.phone shows m1"));
    forget(s);
}

static void a_partition_breaks_connections_until_it_heals(void)
{
    struct seen *s =
        run("", "{\"at\":\"2s\",\"fault\":\"partition\",\"between\":[\"bob.phone\",\"shard.0\"],\"for\":\"10s\"}," SEND(
                    "3s", "m1"));
    CU_ASSERT_TRUE(tells(s, "fault partition", "bob.phone disconnects"));
    CU_ASSERT_TRUE(tells(s, "bob.phone disconnects", "fault heal"));
    CU_ASSERT_TRUE(tells(s, "fault heal", "bob.phone connects") && tells(s, "fault heal", "bob.phone shows m1"));
    CU_ASSERT_TRUE(world_step_result(s->world, 0)->touched > 0);
    forget(s);
}

static void a_fault_that_meets_nothing_touches_nothing(void)
{
    struct seen *s = run("", SEND("1s", "m1") ",{\"at\":\"5s\",\"fault\":\"drop\",\"device\":\"bob.phone\","
                                              "\"kind\":\"reset-page\",\"times\":1}");
    CU_ASSERT_EQUAL(world_step_result(s->world, 1)->ran, 1);
    CU_ASSERT_EQUAL(world_step_result(s->world, 1)->touched, 0);
    forget(s);
}

static void an_operation_survives_every_crash_of_a_shard(void)
{
    static const char *const points[] = {"now", "before-commit", "after-commit", "after-some-sends", "after-all-sends"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (int k = 1; k < 6; k++) {
            char script[1024];
            snprintf(script, sizeof script,
                     "{\"at\":\"1s\",\"fault\":\"crash\",\"node\":\"shard.0\",\"point\":\"%s\",\"times\":%d},%s",
                     points[i], k, SEND("1s100ms", "m1") "," DELETE("1s200ms", "m1"));
            struct seen *s = run("\"server\":{\"shards\":2}", script);
            CU_ASSERT_EQUAL(s->kinds[KIND_CRASH], s->kinds[KIND_RESTART]);
            CU_ASSERT_EQUAL(world_step_result(s->world, 0)->touched, s->kinds[KIND_CRASH]);
            CU_ASSERT_EQUAL(world_step_result(s->world, 1)->acked, 1);
            CU_ASSERT_EQUAL(world_step_result(s->world, 2)->acked, 1);
            CU_ASSERT_EQUAL(s->tombstones, 0);
            forget(s);
        }
}

static void a_crashed_device_resumes_with_its_outbox(void)
{
    struct seen *s = run(
        "", "{\"at\":\"1s\",\"fault\":\"crash\",\"node\":\"alice.phone\",\"point\":\"after-write\"}," SEND("2s", "m1"));
    CU_ASSERT_TRUE(tells(s, "alice.phone invokes m1", "alice.phone crashes"));
    CU_ASSERT_TRUE(tells(s, "alice.phone restarts", "bob.phone shows m1"));
    forget(s);
}

static void held_messages_wait_for_their_release(void)
{
    struct seen *s =
        run("", "{\"at\":\"2s\",\"fault\":\"hold\",\"from\":\"shard.0\",\"to\":\"bob.phone\"}," SEND(
                    "3s", "m1") "," SEND("4s", "m2") ",{\"at\":\"9s\",\"fault\":\"release\",\"from\":\"shard.0\","
                                                     "\"to\":\"bob.phone\"}");
    CU_ASSERT_TRUE(tells(s, "fault release", "bob.phone shows m1"));
    CU_ASSERT_TRUE(tells(s, "bob.phone shows m1", "bob.phone shows m2"));
    CU_ASSERT_TRUE(world_step_result(s->world, 0)->touched >= 2);
    forget(s);
}

static void a_deletion_can_name_what_is_not_sent_yet(void)
{
    struct seen *s = run(
        "", "{\"at\":\"2s\",\"device\":\"alice.laptop\",\"do\":\"delete\",\"in\":\"plans\",\"message\":\"m1\"}," SEND(
                "5s", "m1"));
    CU_ASSERT_TRUE(tells(s, "the deletion of m1", "commits m1"));
    CU_ASSERT_TRUE(tells(s, "binds the kept deletion of m1", NULL));
    CU_ASSERT_FALSE(tells(s, "bob.phone shows m1", NULL));
    forget(s);
}

static void who_never_returns_is_exempt_and_fenced(void)
{
    struct seen *s =
        run("\"policy\":{\"fence-after\":\"1h\"}",
            SEND("1s", "m1") ",{\"at\":\"3s\",\"device\":\"bob.phone\",\"do\":\"never\"}," DELETE("5s", "m1"));
    CU_ASSERT_EQUAL(s->kinds[KIND_EXEMPT], 1);
    CU_ASSERT_TRUE(tells(s, "bob.phone is fenced", "reaps the tombstone of m1"));
    forget(s);
}

static void the_crowd_does_exactly_what_it_was_asked(void)
{
    struct seen *s =
        run("\"server\":{\"shards\":3},\"crowd\":{\"users\":20,\"devices\":[1,2],\"presence\":\"flaky\","
            "\"arrive-over\":\"10s\",\"active\":\"2m\",\"sends\":120,\"deletes\":25,\"conversation-deletes\":4,"
            "\"undos\":5,\"membership-changes\":6,\"new-devices\":2,\"crashes\":6,\"partitions\":2},"
            "\"network\":{\"channel-loss\":\"3%\",\"channel-duplicates\":\"3%\",\"breaks\":\"1 per 30s\"}",
            SEND("1s", "m1"));
    CU_ASSERT_EQUAL(s->did[OPERATION_SEND], 121);
    CU_ASSERT_EQUAL(s->did[OPERATION_DELETE], 25);
    CU_ASSERT_EQUAL(s->did[OPERATION_DELETE_CONV], 4);
    CU_ASSERT_EQUAL(s->did[OPERATION_UNDO] + s->did[OPERATION_UNDO_CONV], 5);
    CU_ASSERT_EQUAL(s->did[OPERATION_CREATE], 20);
    CU_ASSERT_EQUAL(s->tombstones, 0);
    forget(s);
}

#define STANDING(share)                                                                                 \
    "\"server\":{\"shards\":2},\"lasts\":\"6h\",\"judge\":{\"share\":\"" share                          \
    "\"},\"crowd\":{\"users\":30,\"devices\":[1,1],\"active\":\"6h\",\"arrive-over\":\"10s\","          \
    "\"conversations-per-user\":0,\"astray\":\"0%\",\"standing\":[{\"members\":[15,15],\"per-user\":1," \
    "\"kind\":\"channel\"},{\"members\":[2,4],\"per-user\":3}],\"daily\":{\"sends\":20,\"deletes\":2,"  \
    "\"conversation-deletes\":\"0.2\"}}"

static void a_crowd_has_what_it_begins_with_and_does_so_much_a_day(void)
{
    struct seen *s = run(STANDING("100%"), SEND("1s", "m1"));
    struct world_population there = world_population(s->world);
    CU_ASSERT_EQUAL(there.conversations, 1 + 2 + 30); /* the script's; two channels; 30 of three members */
    CU_ASSERT_EQUAL(there.judged, there.conversations);
    CU_ASSERT_EQUAL(s->did[OPERATION_CREATE], 0);
    CU_ASSERT_EQUAL(s->did[OPERATION_SEND], 1 + 30 * 20 / 4); /* a quarter of a day */
    CU_ASSERT_EQUAL(s->did[OPERATION_DELETE], 30 * 2 / 4);
    CU_ASSERT_EQUAL(s->did[OPERATION_DELETE_CONV], 1);
    forget(s);
}

static void what_happens_does_not_depend_on_the_share_that_is_judged(void)
{
    struct seen *all = run(STANDING("100%"), SEND("1s", "m1")), *part = run(STANDING("20%"), SEND("1s", "m1")),
                *none = run(STANDING("0%"), SEND("1s", "m1"));
    struct world_population there = world_population(part->world);
    CU_ASSERT_EQUAL(world_events(part->world), world_events(all->world));
    CU_ASSERT_EQUAL(world_events(none->world), world_events(all->world));
    CU_ASSERT_TRUE(there.judged > 1 && there.judged < there.conversations);
    CU_ASSERT_TRUE(part->kinds[KIND_COMMIT] > none->kinds[KIND_COMMIT]);
    CU_ASSERT_TRUE(part->kinds[KIND_COMMIT] < all->kinds[KIND_COMMIT]);
    CU_ASSERT_EQUAL(none->did[OPERATION_SEND], 1); /* what the scenario names is always judged */
    CU_ASSERT_PTR_NULL(strstr(none->text, "c:standing"));
    CU_ASSERT_EQUAL(part->kinds[KIND_APPEND], all->kinds[KIND_APPEND]); /* a log moves over what is not judged */
    CU_ASSERT_EQUAL(part->kinds[KIND_CURSOR], all->kinds[KIND_CURSOR]);
    forget(all);
    forget(part);
    forget(none);
}

static void a_run_beyond_its_limit_says_so(void)
{
    struct seen *s = begin("\"limits\":{\"events\":20}", SEND("1s", "m1"));
    again(s, 1);
    CU_ASSERT_EQUAL(s->end, WORLD_EXHAUSTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(world_error(s->world), "20 events"));
    forget(s);
}

int suite_world(void);
int suite_world(void)
{
    CU_pSuite suite = CU_add_suite("world", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, a_deleted_message_leaves_every_device) ||
        !CU_ADD_TEST(suite, no_tombstone_is_left_after_the_age_phase) ||
        !CU_ADD_TEST(suite, a_seed_decides_the_history) || !CU_ADD_TEST(suite, a_race_starts_in_each_order) ||
        !CU_ADD_TEST(suite, a_step_waits_for_its_event) ||
        !CU_ADD_TEST(suite, a_step_whose_event_never_comes_does_not_run) ||
        !CU_ADD_TEST(suite, a_repeated_step_numbers_its_names) ||
        !CU_ADD_TEST(suite, an_offline_device_keeps_what_it_was_asked) ||
        !CU_ADD_TEST(suite, a_partition_breaks_connections_until_it_heals) ||
        !CU_ADD_TEST(suite, a_fault_that_meets_nothing_touches_nothing) ||
        !CU_ADD_TEST(suite, an_operation_survives_every_crash_of_a_shard) ||
        !CU_ADD_TEST(suite, a_crashed_device_resumes_with_its_outbox) ||
        !CU_ADD_TEST(suite, held_messages_wait_for_their_release) ||
        !CU_ADD_TEST(suite, a_deletion_can_name_what_is_not_sent_yet) ||
        !CU_ADD_TEST(suite, who_never_returns_is_exempt_and_fenced) ||
        !CU_ADD_TEST(suite, the_crowd_does_exactly_what_it_was_asked) ||
        !CU_ADD_TEST(suite, a_crowd_has_what_it_begins_with_and_does_so_much_a_day) ||
        !CU_ADD_TEST(suite, what_happens_does_not_depend_on_the_share_that_is_judged) ||
        !CU_ADD_TEST(suite, a_run_beyond_its_limit_says_so))
        return (int)CU_get_error();
    return 0;
}
