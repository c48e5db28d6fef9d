/*
 * test_reports.c: what is written is read back; what is not a result is refused with a place; the page stands by
 * itself, with gnuplot and without; a full disk is told.
 */
#include "reports/html.h"
#include "reports/junit.h"
#include "reports/outfile.h"
#include "reports/plot.h"
#include "reports/result.h"
#include "sim/cli/cli.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char error[RESULT_ERROR_MAX];

static void set_up(void)
{
    memcpy(dir, "/tmp/sexton-reports-XXXXXX", sizeof "/tmp/sexton-reports-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void tear_down(void)
{
    DIR *all = opendir(dir);
    struct dirent *entry;
    while (all && (entry = readdir(all)))
        if (*entry->d_name != '.')
            unlinkat(dirfd(all), entry->d_name, 0);
    if (all)
        closedir(all);
    rmdir(dir);
}

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static int next;
    char *it = path[next = (next + 1) % 4];
    snprintf(it, sizeof path[0], "%s/%s", dir, name);
    return it;
}

static bool exists(const char *name)
{
    return access(in_dir(name), F_OK) == 0;
}

static void write_text(const char *name, const char *text)
{
    FILE *out = fopen(in_dir(name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fputs(text, out);
    fclose(out);
}

/* The whole file, to be freed. */
static char *read_text(const char *name)
{
    char *text = base_alloc(1 << 20);
    FILE *in = fopen(in_dir(name), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    text[fread(text, 1, (1 << 20) - 1, in)] = 0;
    fclose(in);
    return text;
}

static int read_result(struct result *result, const char *text)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    int status = result_read(result, in, "r.json", error);
    fclose(in);
    return status;
}

static void add_latency(struct measures_latency *l, uint64_t us)
{
    l->count++;
    l->p50_us = l->p90_us = l->p99_us = l->max_us = us;
    l->bars = base_grow(l->bars, &l->bar_cap, l->bar_count + 1, sizeof *l->bars);
    l->bars[l->bar_count++] = (struct measures_bar){us, 1};
}

static void make_result(struct result *result)
{
    result_init(result);
    result_set(&result->version, "sexton test");
    result_set(&result->seeds, "1..3");
    struct result_scenario *s = result_add_scenario(result, "it's <\"odd\"> & \x01");
    result_set(&s->why, "why\nnot");
    s->seeds = 3;
    s->outcome = RESULT_VIOLATED;
    result_add_seen(s, "bug 1");
    *result_add_invariant(s, "no-resurrection") =
        (struct result_invariant){s->invariants[0].name, 1, 2, 0, 0, UINT64_MAX};
    result_add_failure(s, "7", "bob shows m1", "sexton run x --seed 7");
    add_latency(&s->measures.latency[METRICS_ONLINE], 90000);
    add_latency(&s->measures.latency[METRICS_RETURNING], 100);
    add_latency(&s->measures.latency[METRICS_SINCE_DELETION], 90000);
    add_latency(&s->measures.latency[METRICS_SINCE_DELETION], 86400000000);
    s->measures.never = 1;
    s->measures.tombstones =
        base_grow(NULL, &s->measures.tombstone_cap, s->measures.tombstone_count = 2, sizeof *s->measures.tombstones);
    s->measures.tombstones[0] = (struct measures_tombstones){1000, 1500, 2};
    s->measures.tombstones[1] = (struct measures_tombstones){5000, 0, 0};
    s->measures.traffic = (struct metrics_traffic){2, 10, 1ULL << 53, 4, 6};
    s->measures.herd = (struct metrics_herd){2, 20, 1, 3 * US_PER_S, 50, 10, 1ULL << 53, 4};
    result->work = (struct result_work){1, 2, 3, 4, UINT64_MAX};
}

static char *text_of(const struct result *result)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    result_write(out, result);
    fclose(out);
    return text;
}

static void is_read_back(const char *part)
{
    struct result result, again;
    make_result(&result);
    result_init(&again);
    result_set(&result.part, part);
    if (*part) { /* the whole has no sums to add up */
        result_set(&result.store, "sqlite");
        result_add_fold(&result.scenarios[0], "T\t1\tz20");
        result.scenarios[0].found = true;
    }
    char *text = text_of(&result);
    CU_ASSERT_EQUAL(read_result(&again, text), 0);
    char *text_again = text_of(&again);
    CU_ASSERT_STRING_EQUAL(text_again, text);
    CU_ASSERT_STRING_EQUAL(again.scenarios[0].id, result.scenarios[0].id);
    CU_ASSERT_EQUAL(again.work.faults, UINT64_MAX);
    CU_ASSERT_EQUAL(again.scenarios[0].measures.traffic.bytes, 1ULL << 53);
    CU_ASSERT_EQUAL(again.scenarios[0].measures.herd.bytes, 1ULL << 53);
    CU_ASSERT_EQUAL(again.scenarios[0].measures.herd.missing, 1);
    CU_ASSERT_EQUAL(again.scenarios[0].measures.herd.took_us, 3 * US_PER_S);
    CU_ASSERT_EQUAL(again.scenarios[0].fold_count, *part ? 1 : 0);
    free(text);
    free(text_again);
    result_release(&result);
    result_release(&again);
}

static void a_result_is_read_back_as_it_was_written(void)
{
    is_read_back("");
    is_read_back("1/2");
}

static void results_of_several_files_add_up(void)
{
    struct result part, all;
    make_result(&part);
    part.work.faults = 5;
    result_init(&all);
    char *text = text_of(&part);
    CU_ASSERT_EQUAL(read_result(&all, text), 0);
    CU_ASSERT_EQUAL(read_result(&all, text), 0);
    CU_ASSERT_EQUAL(all.scenario_count, 2);
    CU_ASSERT_EQUAL(all.work.faults, 10);
    free(text);
    result_release(&part);
    result_release(&all);
}

#define SCENARIO(rest) \
    "{\"sexton-result\":1,\"scenarios\":[{\"id\":\"a\",\"class\":\"sound\",\"outcome\":\"held\"" rest "}]}"

static void what_is_no_result_is_refused_with_its_place(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {" ", "r.json: found no JSON at byte 2"},
        {"{\"sexton-result\":1,", "r.json: found no JSON"},
        {"[]", "r.json: sexton-result: found nothing, expected the number 1"},
        {"{\"sexton-result\":2}", "r.json: sexton-result: found a number, expected the number 1"},
        {"{\"sexton-result\":1}", "r.json: scenarios: found nothing, expected an array"},
        {"{\"sexton-result\":1,\"scenarios\":[3]}", "r.json: scenarios[0]: found a number, expected an object"},
        {SCENARIO(""), "r.json: scenarios[0].seeds: found nothing, expected a whole number"},
        {SCENARIO(",\"seeds\":1.5"), "r.json: scenarios[0].seeds: found a number, expected a whole number"},
        {SCENARIO(",\"seeds\":-1"), "r.json: scenarios[0].seeds: found a number"},
        {SCENARIO(",\"seeds\":1e300"), "r.json: scenarios[0].seeds: found a number"},
        {SCENARIO(",\"seeds\":\"18446744073709551616\""), "r.json: scenarios[0].seeds: found a string"},
        {SCENARIO(",\"seeds\":1,\"seen\":[1]"), "r.json: scenarios[0].seen: found a number, expected strings"},
        {SCENARIO(",\"seeds\":1,\"fold\":[1]"), "r.json: scenarios[0].fold: found a number, expected strings"},
        {SCENARIO(",\"seeds\":1,\"invariants\":{\"x\":{}}"), "r.json: scenarios[0].invariants.x.held: found nothing"},
        {SCENARIO(",\"seeds\":1,\"metrics\":{\"never\":0}"),
         "r.json: scenarios[0].metrics.online: found nothing, expected an object"},
        {SCENARIO(",\"seeds\":1,\"metrics\":{\"never\":0,\"traffic\":[]}"),
         "r.json: scenarios[0].metrics.traffic: found an array, expected an object"},
        {SCENARIO(",\"seeds\":1,\"metrics\":{\"never\":0,\"herd\":7}"),
         "r.json: scenarios[0].metrics.herd: found a number, expected an object"},
        {SCENARIO(",\"seeds\":1,\"metrics\":{\"never\":0,\"traffic\":{\"runs\":1}}"),
         "r.json: scenarios[0].metrics.traffic.requests: found nothing, expected a whole number"},
        {"{\"sexton-result\":1,\"scenarios\":[{\"id\":\"a\",\"class\":\"soud\"}]}",
         "r.json: scenarios[0].class: found \"soud\", expected sound, negative or history"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result result;
        result_init(&result);
        CU_ASSERT_EQUAL(read_result(&result, cases[i].text), E_INVALID);
        error[strlen(cases[i].error) < sizeof error ? strlen(cases[i].error) : 0] = 0;
        CU_ASSERT_STRING_EQUAL(error, cases[i].error);
        result_release(&result);
    }
}

static void junit_counts_and_escapes(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const struct junit_case cases[] = {
        {"smoke", "a", 1500, NULL, NULL},
        {"race", "b<&\x02\xff", 10, "first \"line\"\nsecond", NULL},
        {"smoke", "c", 0, NULL, "needs sqlite"},
    };
    CU_ASSERT_EQUAL(junit_write(out, "sexton", cases, 3), 0);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(
        text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<testsuites name=\"sexton\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.510\">\n"
              "  <testsuite name=\"smoke\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"1\" time=\"1.500\">\n"
              "    <testcase classname=\"smoke\" name=\"a\" time=\"1.500\"/>\n"
              "    <testcase classname=\"smoke\" name=\"c\" time=\"0.000\">\n"
              "      <skipped message=\"needs sqlite\"/>\n    </testcase>\n  </testsuite>\n"
              "  <testsuite name=\"race\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"0.010\">\n"
              "    <testcase classname=\"race\" name=\"b&lt;&amp;\xef\xbf\xbd\xef\xbf\xbd\" time=\"0.010\">\n"
              "      <failure message=\"first &quot;line&quot;\">first &quot;line&quot;\nsecond</failure>\n"
              "    </testcase>\n  </testsuite>\n</testsuites>\n");
    free(text);
}

/* ---- the command ---- */
/* Standard output and error are put away: what the command says is not what is tested here. */
static int command(const char *first, const char *second, const char *to)
{
    char name[] = "report", o[] = "-o";
    char *argv[6] = {name, (char *)(uintptr_t)first}, **next = argv + 2;
    if (second)
        *next++ = (char *)(uintptr_t)second;
    if (to) {
        *next++ = o;
        *next++ = (char *)(uintptr_t)to;
    }
    fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    int status = cmd_report((int)(next - argv), argv);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(null);
    return status;
}

static void put_result(const char *name)
{
    struct result result;
    make_result(&result);
    char *text = text_of(&result);
    write_text(name, text);
    free(text);
    result_release(&result);
}

static void without_path(const char *path)
{
    static char kept[4096];
    if (path) {
        snprintf(kept, sizeof kept, "%s", getenv("PATH") ? getenv("PATH") : "");
        setenv("PATH", path, 1);
    } else {
        setenv("PATH", kept, 1);
    }
}

static void a_page_needs_nothing_from_elsewhere(void)
{
    put_result("r.json");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, dir), SEXTON_OK);
    char *page = read_text("index.html");
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "it's &lt;&quot;odd&quot;&gt; &amp; \xef\xbf\xbd"));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "sexton run x --seed 7"));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "<h2>What it costs</h2>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "prefers-color-scheme"));
    CU_ASSERT_PTR_NULL(strstr(page, "<script"));
    CU_ASSERT_PTR_NULL(strstr(page, "src="));
    CU_ASSERT_PTR_NULL(strstr(page, "@import"));
    CU_ASSERT_PTR_NULL(strstr(page, "<link"));
    free(page);
    CU_ASSERT(exists("latency.dat") && exists("convergence.gp") && exists("tombstones.dat"));
    CU_ASSERT(!exists("latency.svg.tmp"));
}

static void equal_results_give_equal_pages(void)
{
    put_result("r.json");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, dir), SEXTON_OK);
    char *page = read_text("index.html");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, dir), SEXTON_OK);
    char *again = read_text("index.html");
    CU_ASSERT_STRING_EQUAL(page, again);
    free(page);
    free(again);
}

static void without_gnuplot_the_page_says_what_is_missing(void)
{
    put_result("r.json");
    without_path("/nowhere");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, dir), SEXTON_OK);
    without_path(NULL);
    char *page = read_text("index.html");
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "needs gnuplot"));
    CU_ASSERT_PTR_NULL(strstr(page, "<svg"));
    free(page);
    CU_ASSERT(exists("latency.dat") && exists("latency.gp") && !exists("latency.svg"));
}

static void a_history_is_folded_and_measured(void)
{
    write_text(
        "h.jsonl",
        "{\"sexton-history\":1,\"system\":\"other chat\",\"clock-error\":\"0s\"}\n"
        "{\"at\":0,\"kind\":\"show\",\"device\":\"bob\",\"in\":\"plans\",\"message\":\"m1\",\"copy\":\"body\"}\n"
        "{\"at\":10,\"kind\":\"invoke\",\"op\":\"1\",\"device\":\"al\",\"do\":\"delete\",\"in\":\"plans\",\"message\":"
        "\"m1\"}\n"
        "{\"at\":20,\"kind\":\"ack\",\"op\":\"1\",\"device\":\"al\"}\n"
        "{\"at\":1510,\"kind\":\"hide\",\"device\":\"bob\",\"in\":\"plans\",\"message\":\"m1\",\"copy\":\"body\"}\n"
        "{\"at\":1600,\"kind\":\"end\"}\n");
    CU_ASSERT_EQUAL(command(in_dir("h.jsonl"), NULL, dir), SEXTON_OK);
    char *page = read_text("index.html");
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "1 history measured"));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "1.5 ms"));
    free(page);
}

static void bad_input_leaves_no_page(void)
{
    write_text("bad.json", "{\"sexton-result\":1,\"scenarios\":[{}]}");
    CU_ASSERT_EQUAL(command(in_dir("bad.json"), NULL, dir), SEXTON_USAGE);
    CU_ASSERT_EQUAL(command(in_dir("absent.json"), NULL, dir), SEXTON_USAGE);
    CU_ASSERT_EQUAL(command("--no-such-option", NULL, dir), SEXTON_USAGE);
    put_result("r.json");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, in_dir("r.json")), SEXTON_USAGE);
    CU_ASSERT(!exists("index.html"));
    CU_ASSERT_EQUAL(command("--help", NULL, NULL), SEXTON_OK);
}

static void a_full_disk_is_told_and_the_old_file_stays(void)
{
    struct outfile file;
    write_text("page", "old");
    CU_ASSERT_EQUAL_FATAL(outfile_open(&file, dir, "page"), 0);
    FILE *full = freopen("/dev/full", "w", file.out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(full);
    fputs("new", full);
    CU_ASSERT_EQUAL(outfile_close(&file), E_IO);
    char *text = read_text("page");
    CU_ASSERT_STRING_EQUAL(text, "old");
    free(text);
}

static void a_directory_is_made_with_those_above(void)
{
    CU_ASSERT_EQUAL(outfile_make_dir(in_dir("a/b")), 0);
    CU_ASSERT(exists("a/b"));
    rmdir(in_dir("a/b"));
    rmdir(in_dir("a"));
    write_text("file", "");
    CU_ASSERT_EQUAL(outfile_make_dir(in_dir("file")), E_IO);
}

static void a_page_of_nothing_says_so(void)
{
    write_text("r.json", "{\"sexton-result\":1,\"scenarios\":[]}");
    CU_ASSERT_EQUAL(command(in_dir("r.json"), NULL, dir), SEXTON_OK);
    char *page = read_text("index.html");
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "No scenarios were run"));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "No deletion had a device to reach."));
    free(page);
    CU_ASSERT(!exists("latency.dat"));
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    TEST(a_result_is_read_back_as_it_was_written),
    TEST(results_of_several_files_add_up),
    TEST(what_is_no_result_is_refused_with_its_place),
    TEST(junit_counts_and_escapes),
    TEST(a_page_needs_nothing_from_elsewhere),
    TEST(equal_results_give_equal_pages),
    TEST(without_gnuplot_the_page_says_what_is_missing),
    TEST(a_history_is_folded_and_measured),
    TEST(bad_input_leaves_no_page),
    TEST(a_full_disk_is_told_and_the_old_file_stays),
    TEST(a_directory_is_made_with_those_above),
    TEST(a_page_of_nothing_says_so),
};

int suite_reports(void);
int suite_reports(void)
{
    CU_pSuite suite = CU_add_suite_with_setup_and_teardown("reports", NULL, NULL, set_up, tear_down);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].test))
            return (int)CU_get_error();
    return 0;
}
