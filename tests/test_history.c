/*
 * test_history.c: names, the table, writer, reader, digest, readable lines, durations and the schema.
 *
 * Histories are written to and read from memory. Malformed ones are in tests/malformed/history/cases.def.
 */
#include "sim/history.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

int suite_history(void);

#define H "{\"sexton-history\":1}\n"
#define SHOW "{\"at\":0,\"kind\":\"show\",\"device\":\"d\",\"in\":\"c\",\"message\":\"m\",\"copy\":\"body\","

/* A reader of bytes in memory. */
struct source {
    FILE *in;
    struct names *names;
    struct history_reader *reader;
    struct record record;
    char error[HISTORY_ERROR_MAX];
};

static struct source source_open(const char *bytes, size_t len)
{
    struct source s = {.names = names_new()};
    s.in = len ? fmemopen((void *)(uintptr_t)bytes, len, "r") : fopen("/dev/null", "r");
    s.reader = history_reader_new(s.in, "test", s.names);
    return s;
}

static void source_close(struct source *s)
{
    history_reader_free(s->reader);
    names_free(s->names);
    fclose(s->in);
}

/* A record of this kind with every field it may have, each with another value. */
static void fill_record(struct record *record, enum history_kind kind, struct names *names, struct record_item items[2])
{
    const struct kind_info *info = &history_kinds()[kind];
    record_begin(record, kind, 1000 + kind);
    for (uint64_t left = info->required | info->optional; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        char text[64];
        snprintf(text, sizeof text, "%s-\"\\\n\x01\xf0\x9f\x98\x80", history_fields[field].key);
        enum field_type type = history_fields[field].type;
        uint64_t value = type <= TYPE_WORD      ? names_intern(names, text)
                         : type == TYPE_VERSION ? VERSION_MAKE(3, 70 + field)
                         : type == TYPE_NUMBER  ? UINT64_MAX - (uint64_t)field
                                                : 1;
        record_set(record, (enum history_field)field, value);
    }
    if (!record_has(record, FIELD_SHOWN))
        return;
    uint32_t in = names_intern(names, "plans"), body = names_intern(names, "body");
    items[0] = (struct record_item){in, names_intern(names, "m1"), body, VERSION_MAKE(0, 1), 0};
    items[1] = (struct record_item){in, names_intern(names, "m2"), body, VERSION_MAKE(2, 9), 0};
    record->items = items;
    record->item_count = 2;
    record->f[FIELD_SHOWN] = 2;
}

static uint64_t digest_of(const struct record *record, const struct names *names)
{
    struct history_digest *digest = history_digest_new();
    history_digest_take(digest, record, names);
    uint64_t value = history_digest_value(digest);
    history_digest_free(digest);
    return value;
}

static void names_are_dense_in_order_of_first_sight(void)
{
    struct names *names = names_new();
    char text[16];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= 5000; i++) {
            snprintf(text, sizeof text, "name-%u", i);
            CU_ASSERT_EQUAL_FATAL(names_intern(names, text), i);
        }
        CU_ASSERT_EQUAL(names_find(names, "name-4711"), 4711);
        CU_ASSERT_STRING_EQUAL(names_text(names, 17), "name-17");
        CU_ASSERT_EQUAL(names_count(names), 5000);
        CU_ASSERT_EQUAL(names_find(names, "other"), 0);
        CU_ASSERT_EQUAL(names_intern(names, ""), 0);
        CU_ASSERT_STRING_EQUAL(names_text(names, 0), "");
        names_clear(names);
        CU_ASSERT_EQUAL(names_find(names, "name-1"), 0);
    }
    names_free(names);
}

static void count_take(void *ctx, const struct record *record, const struct names *names)
{
    (void)names;
    uint64_t *sum = ctx;
    *sum = *sum * 10 + record->seq;
}

static void emit_numbers_records_and_drops_absent_names(void)
{
    struct names *names = names_new();
    struct history history;
    struct record record;
    uint64_t sum = 0;
    history_init(&history, names);
    history_add_sink(&history, (struct history_sink){count_take, &sum});
    for (int i = 0; i < 3; i++) {
        record_begin(&record, KIND_CRASH, 5);
        record_set(&record, FIELD_NODE, names_intern(names, "shard.0"));
        record_set(&record, FIELD_POINT, 0);
        history_emit(&history, &record);
    }
    CU_ASSERT_EQUAL(sum, 123);
    CU_ASSERT_FALSE(record_has(&record, FIELD_POINT));
    names_free(names);
}

static void check_same(const struct record *a, const struct names *a_names, const struct record *b,
                       const struct names *b_names)
{
    CU_ASSERT_EQUAL(a->kind, b->kind);
    CU_ASSERT_EQUAL(a->at_us, b->at_us);
    CU_ASSERT_EQUAL_FATAL(a->present, b->present);
    CU_ASSERT_EQUAL_FATAL(a->item_count, b->item_count);
    for (uint64_t left = a->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        if (history_fields[field].type <= TYPE_WORD)
            CU_ASSERT_STRING_EQUAL(names_text(a_names, (uint32_t)a->f[field]),
                                   names_text(b_names, (uint32_t)b->f[field]))
        else
            CU_ASSERT_EQUAL(a->f[field], b->f[field]);
    }
    CU_ASSERT_EQUAL(digest_of(a, a_names), digest_of(b, b_names));
}

static void every_kind_and_field_survives_a_round_trip(void)
{
    struct names *names = names_new();
    struct record_item items[2];
    struct record record;
    struct history_header header = {"tester \"1\"", 20000, 5000000, 60000000, "a scenario", UINT64_MAX, true}, back;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct history_writer *writer = history_writer_new(out, &header);
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        fill_record(&record, (enum history_kind)kind, names, items);
        history_writer_take(writer, &record, names);
    }
    CU_ASSERT_EQUAL(history_writer_close(writer), 0);
    fclose(out);
    struct source s = source_open(text, len);
    names_intern(s.names, "numbers must not matter");
    CU_ASSERT_EQUAL_FATAL(history_reader_header(s.reader, &back, s.error), 0);
    CU_ASSERT_EQUAL(memcmp(&header, &back, sizeof header), 0);
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        fill_record(&record, (enum history_kind)kind, names, items);
        CU_ASSERT_EQUAL_FATAL(history_reader_next(s.reader, &s.record, s.error), 1);
        check_same(&record, names, &s.record, s.names);
        CU_ASSERT_EQUAL(s.record.seq, (uint64_t)kind + 1);
    }
    CU_ASSERT_EQUAL(history_reader_next(s.reader, &s.record, s.error), 0);
    CU_ASSERT_EQUAL(history_reader_unknown(s.reader), 0);
    source_close(&s);
    names_free(names);
    free(text);
}

static void digest_differs_for_each_changed_field(void)
{
    struct names *names = names_new();
    struct record_item items[2];
    struct record record;
    uint32_t other = names_intern(names, "other");
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        fill_record(&record, (enum history_kind)kind, names, items);
        uint64_t before = digest_of(&record, names);
        CU_ASSERT_EQUAL(before, digest_of(&record, names));
        record.at_us++;
        CU_ASSERT_NOT_EQUAL(before, digest_of(&record, names));
        for (uint64_t left = record.present; left; left &= left - 1) {
            int field = __builtin_ctzll(left);
            fill_record(&record, (enum history_kind)kind, names, items);
            record.present &= ~(1ULL << field);
            CU_ASSERT_NOT_EQUAL(before, digest_of(&record, names));
            record.present |= 1ULL << field;
            if (history_fields[field].type == TYPE_FLAG)
                continue;
            if (history_fields[field].type == TYPE_ITEMS)
                items[1].version++;
            record.f[field] = history_fields[field].type <= TYPE_WORD ? other : record.f[field] + 1;
            CU_ASSERT_NOT_EQUAL(before, digest_of(&record, names));
        }
    }
    names_free(names);
}

static void digest_is_what_it_always_was(void)
{
    struct names *names = names_new();
    struct record record;
    record_begin(&record, KIND_CONNECT, 12345678);
    record_set(&record, FIELD_DEVICE, names_intern(names, "bob.phone"));
    CU_ASSERT_EQUAL(digest_of(&record, names), 0x0fbbfe9522637bd5ULL);
    names_free(names);
}

static void the_designs_example_is_written_byte_for_byte(void)
{
    struct names *names = names_new();
    struct record record;
    struct history_header header = {"name and version", 20000, 5000000, 60000000, "x", 123, false};
    struct record_item item = {names_intern(names, "plans"), names_intern(names, "m0"), names_intern(names, "body"), 1,
                               0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct history_writer *writer = history_writer_new(out, &header);
    record_begin(&record, KIND_VIEW, 500);
    record_set(&record, FIELD_DEVICE, names_intern(names, "bob.phone"));
    record_set(&record, FIELD_SHOWN, 1);
    record_set(&record, FIELD_CURSOR, 1ULL << 53);
    record_set(&record, FIELD_EPOCH, (1ULL << 53) + 1);
    record.items = &item;
    record.item_count = 1;
    history_writer_take(writer, &record, names);
    record_begin(&record, KIND_ACK, 501);
    record_set(&record, FIELD_DEVICE, names_intern(names, "bob.phone"));
    record_set(&record, FIELD_OP, names_intern(names, "1\"\n"));
    record_set(&record, FIELD_SETTLED, 1);
    history_writer_take(writer, &record, names);
    CU_ASSERT_EQUAL(history_writer_close(writer), 0);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(
        text,
        "{\"sexton-history\":1,\"system\":\"name and version\",\"clock-error\":\"20ms\",\"bounds\":{\"online\":\"5s\","
        "\"returning\":\"1m\"},\"scenario\":\"x\",\"seed\":\"123\"}\n"
        "{\"at\":500,\"kind\":\"view\",\"device\":\"bob.phone\",\"epoch\":\"9007199254740993\","
        "\"cursor\":9007199254740992,\"shown\":[{\"in\":\"plans\",\"message\":\"m0\",\"copy\":\"body\","
        "\"version\":\"0.1\"}]}\n"
        "{\"at\":501,\"kind\":\"ack\",\"device\":\"bob.phone\",\"op\":\"1\\\"\\u000a\",\"settled\":true}\n");
    names_free(names);
    free(text);
}

static void a_full_disk_is_told_by_close(void)
{
    struct history_header header = {0};
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        return;
    CU_ASSERT_EQUAL(history_writer_close(history_writer_new(full, &header)), E_IO);
    fclose(full);
}

static void what_outsiders_write_is_read(void)
{
    static const char text[] = "{\"later\":[],\"sexton-history\":1,\"bounds\":{\"online\":\"5s\",\"x\":1}}\r\n"
                               "\n"
                               "{\"copy\":\"body\",\"in\":\"plans\",\"message\":\"m\\ud83d\\ude00\\/"
                               "\",\"kind\":\"show\",\"device\":\"b\",\"at\":\"7\","
                               "\"version\":1,\"pending\":false,\"x\":{\"y\":[1.5e3,null,{\"z\":-0}]},\"user\":{}}\r\n"
                               "{\"kind\":\"gossip\",\"device\":3,\"x\":1}\n"
                               "{\"at\":3,\"kind\":\"commit\",\"op\":\"1\",\"do\":\"send\",\"shard\":\"s\",\"version\":"
                               "\"1.2\",\"device\":\"b\"}\n"
                               "{\"at\":9,\"kind\":\"view\",\"device\":\"b\",\"shown\":[{\"in\":\"plans\",\"message\":"
                               "\"m\",\"copy\":\"body\"}]}";
    struct source s = source_open(text, sizeof text - 1);
    struct history_header header;
    CU_ASSERT_EQUAL_FATAL(history_reader_header(s.reader, &header, s.error), 0);
    CU_ASSERT_EQUAL(header.online_us, 5 * US_PER_S);
    CU_ASSERT_EQUAL(header.clock_error_us, 0);
    CU_ASSERT_EQUAL_FATAL(history_reader_next(s.reader, &s.record, s.error), 1);
    CU_ASSERT_EQUAL(s.record.at_us, 7);
    CU_ASSERT_EQUAL(record_get(&s.record, FIELD_VERSION), VERSION_MAKE(0, 1));
    CU_ASSERT_FALSE(record_has(&s.record, FIELD_PENDING));
    CU_ASSERT_STRING_EQUAL(names_text(s.names, (uint32_t)s.record.f[FIELD_MESSAGE]), "m\xf0\x9f\x98\x80/");
    CU_ASSERT_EQUAL_FATAL(history_reader_next(s.reader, &s.record, s.error), 1); /* a server's clock may be behind */
    CU_ASSERT_EQUAL_FATAL(history_reader_next(s.reader, &s.record, s.error), 1);
    CU_ASSERT_EQUAL(s.record.seq, 3);
    CU_ASSERT_EQUAL(s.record.item_count, 1);
    CU_ASSERT_EQUAL(history_reader_next(s.reader, &s.record, s.error), 0);
    CU_ASSERT_EQUAL(history_reader_unknown(s.reader), 5); /* later, bounds.x, x, user, gossip */
    source_close(&s);
}

/* Read to the end or the first error: its status. */
static int read_through(struct source *s)
{
    struct history_header header;
    int status = history_reader_header(s->reader, &header, s->error);
    if (!status)
        while ((status = history_reader_next(s->reader, &s->record, s->error)) > 0)
            ;
    return status;
}

static void malformed_histories_are_refused_with_their_place(void)
{
    static const struct {
        const char *what, *bytes;
        size_t len;
        int line, column;
        const char *part;
    } cases[] = {
#define MALFORMED(what, bytes, line, column, part) {what, bytes, sizeof(bytes) - 1, line, column, part},
#include "tests/malformed/history/cases.def"
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char place[64], first[HISTORY_ERROR_MAX];
        struct source s = source_open(cases[i].bytes, cases[i].len);
        snprintf(place, sizeof place, "test:%d:%d: found ", cases[i].line, cases[i].column);
        int status = read_through(&s);
        bool good = status < 0 && !strncmp(s.error, place, strlen(place)) && strstr(s.error, cases[i].part);
        if (!good)
            fprintf(stderr, "%s: %s\n    but expected %s... %s\n", cases[i].what, s.error, place, cases[i].part);
        CU_ASSERT(good);
        strcpy(first, s.error);
        CU_ASSERT(history_reader_next(s.reader, &s.record, s.error) < 0);
        CU_ASSERT_STRING_EQUAL(s.error, first);
        source_close(&s);
    }
}

static void nesting_keys_and_lines_have_limits(void)
{
    struct limit {
        const char *before, *each, *after;
        int count;
        const char *part;
    };
    static const struct limit limits[] = {{H "{\"at\":0,\"kind\":\"end\",\"x\":", "[", "]", 64, "nesting"},
                                          {H "{\"at\":0,\"kind\":\"end\",\"x\":", "[", "1", 63, "']'"},
                                          {"", " ", "x", 17 << 20, "16 MiB"},
                                          {H "{\"at\":0,\"kind\":\"end\",\"x\":\"", "\\n", "\"}", 9 << 20, "16 MiB"}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        fputs(limits[i].before, out);
        for (int n = 0; n < limits[i].count; n++)
            fputs(limits[i].each, out);
        fputs(limits[i].after, out);
        fclose(out);
        struct source s = source_open(text, len);
        CU_ASSERT(read_through(&s) < 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(s.error, limits[i].part));
        source_close(&s);
        free(text);
    }
}

static void a_directory_is_an_error(void)
{
    struct source s = {.names = names_new(), .in = fopen("/", "r")};
    s.reader = history_reader_new(s.in, "test", s.names);
    CU_ASSERT_EQUAL(read_through(&s), E_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.error, "test:1:1: found an unreadable file"));
    source_close(&s);
}

static void check_line(const char *json, const char *expected)
{
    char text[1024], line[512];
    snprintf(text, sizeof text, H "%s\n", json);
    struct source s = source_open(text, strlen(text));
    struct history_header header;
    CU_ASSERT_EQUAL_FATAL(history_reader_header(s.reader, &header, s.error), 0);
    CU_ASSERT_EQUAL_FATAL(history_reader_next(s.reader, &s.record, s.error), 1);
    history_line(&s.record, s.names, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, expected);
    if (strcmp(line, expected) != 0)
        fprintf(stderr, "%s\n", line);
    history_line(&s.record, s.names, line, 20);
    CU_ASSERT(strlen(line) < 20);
    source_close(&s);
}

static void lines_read_like_english(void)
{
    check_line("{\"at\":12345678,\"kind\":\"hide\",\"device\":\"bob.phone\",\"in\":\"plans\",\"message\":\"m1\","
               "\"copy\":\"body\","
               "\"because\":\"deletion\",\"version\":\"1.7\"}",
               "12.345678s  bob.phone hides m1 in plans (body) because deletion, version 1.7");
    check_line("{\"at\":0,\"kind\":\"member\",\"conversation\":\"plans\",\"user\":\"bob\",\"role\":\"none\"}",
               "0.000000s  bob is no longer a member of plans");
    check_line(
        "{\"at\":1,\"kind\":\"invoke\",\"op\":\"d1\",\"device\":\"a\",\"do\":\"delete-conversation\",\"in\":\"plans\"}",
        "0.000001s  a invokes d1: delete-conversation in plans");
    check_line("{\"at\":1,\"kind\":\"commit\",\"op\":\"d1\",\"device\":\"a\",\"do\":\"delete\",\"in\":\"plans\","
               "\"message\":\"m1\","
               "\"shard\":\"shard.0\",\"version\":\"1.3\",\"deadline\":5000000}",
               "0.000001s  shard.0 commits d1: delete m1 in plans of a, version 1.3, undo until 5.000000s");
    check_line("{\"at\":1,\"kind\":\"view\",\"device\":\"a\",\"shown\":[]}", "0.000001s  a is found to show nothing");
    check_line("{\"at\":1,\"kind\":\"connect\",\"device\":\"a\\u001b[2Jb\\u0085\"}", "0.000001s  a?[2Jb? connects");
    check_line("{\"at\":1,\"kind\":\"show\",\"device\":\"a\",\"in\":\"c\",\"message\":\"m\",\"copy\":\"body\","
               "\"pending\":true}",
               "0.000001s  a shows m in c (body), pending");
}

static void every_kind_has_a_line_of_its_own(void)
{
    struct names *names = names_new();
    struct record_item items[2];
    struct record record;
    char line[2048];
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        fill_record(&record, (enum history_kind)kind, names, items);
        history_line(&record, names, line, sizeof line);
        CU_ASSERT_PTR_NULL(strpbrk(line, "\n{}[]="));
    }
    names_free(names);
}

static void durations_round_trip(void)
{
    static const struct {
        uint64_t us;
        const char *text;
    } cases[] = {{0, "0s"},
                 {1, "1us"},
                 {1500000, "1s500ms"},
                 {20000, "20ms"},
                 {60000000, "1m"},
                 {129600000000, "1d12h"},
                 {90061001001, "1d1h1m1s1ms1us"}};
    char text[64];
    uint64_t us;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        history_duration(cases[i].us, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
        CU_ASSERT_EQUAL(history_parse_duration(text, &us), 0);
        CU_ASSERT_EQUAL(us, cases[i].us);
    }
    history_duration(UINT64_MAX, text, sizeof text);
    CU_ASSERT_EQUAL(history_parse_duration(text, &us), 0);
    CU_ASSERT_EQUAL(us, UINT64_MAX);
    static const char *const bad[] = {
        "", "1", "s", "-1s", "1 s", "1s ", "1x", "1m1h", "1s1s", "1.5s", "213503983d", "18446744073709551616us", "1D"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(history_parse_duration(bad[i], &us), E_INVALID);
}

static void the_published_schema_is_the_printed_one(void)
{
    static char stored[65536];
    FILE *in = fopen("scenarios/history.schema.json", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    stored[fread(stored, 1, sizeof stored - 1, in)] = 0;
    fclose(in);
    char *made = history_schema_json();
    CU_ASSERT_STRING_EQUAL(stored, made);
    free(made);
}

int suite_history(void)
{
    CU_pSuite suite = CU_add_suite("history", NULL, NULL);
#define ADD(test)                                   \
    if (!suite || !CU_add_test(suite, #test, test)) \
        return -1;
    ADD(names_are_dense_in_order_of_first_sight)
    ADD(emit_numbers_records_and_drops_absent_names)
    ADD(every_kind_and_field_survives_a_round_trip)
    ADD(digest_differs_for_each_changed_field)
    ADD(digest_is_what_it_always_was)
    ADD(the_designs_example_is_written_byte_for_byte)
    ADD(a_full_disk_is_told_by_close)
    ADD(what_outsiders_write_is_read)
    ADD(malformed_histories_are_refused_with_their_place)
    ADD(nesting_keys_and_lines_have_limits)
    ADD(a_directory_is_an_error)
    ADD(lines_read_like_english)
    ADD(every_kind_has_a_line_of_its_own)
    ADD(durations_round_trip)
    ADD(the_published_schema_is_the_printed_one)
#undef ADD
    return 0;
}
