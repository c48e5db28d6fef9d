/*
 * main.c: runs the CUnit suites: all of them, one (SUITE), or one test (SUITE/NAME). The exit status is ours to set.
 */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITES(X)      \
    X(rng)             \
    X(store)           \
    X(disk)            \
    X(disk_vfs)        \
    X(store_flips)     \
    X(store_watch)     \
    X(check_remanence) \
    X(codec)           \
    X(device)          \
    X(shard)           \
    X(hostile)         \
    X(protocol)        \
    X(lives)           \
    X(forme)           \
    X(copies)          \
    X(jobs)            \
    X(search)          \
    X(notify)          \
    X(export)          \
    X(attach)          \
    X(check_attach)    \
    X(check_jobs)      \
    X(audit)           \
    X(hold)            \
    X(member)          \
    X(invite)          \
    X(typing)          \
    X(restore)         \
    X(restored)        \
    X(delivery)        \
    X(queue)           \
    X(net)             \
    X(history)         \
    X(life)            \
    X(check)           \
    X(probes)          \
    X(scenario)        \
    X(world)           \
    X(sweep)           \
    X(workload)        \
    X(swarm)           \
    X(metrics)         \
    X(reports)         \
    X(readme)          \
    X(channel_pace)    \
    X(faults)

#define DECLARE(name) int suite_##name(void);
SUITES(DECLARE)

static int register_suites(void)
{
#define REGISTER(name)                 \
    if (suite_##name() != CUE_SUCCESS) \
        return -1;
    SUITES(REGISTER)
    return 0;
}

/* "suite" or "suite/name" */
static int run_part(const char *part)
{
    char suite_name[128];
    const char *slash = strchr(part, '/');
    size_t len = slash ? (size_t)(slash - part) : strlen(part);
    snprintf(suite_name, sizeof suite_name, "%.*s", (int)len, part);
    CU_pSuite suite = CU_get_suite(suite_name);
    if (!suite) {
        fprintf(stderr, "no suite named %s\n", suite_name);
        return -1;
    }
    if (!slash)
        return CU_basic_run_suite(suite) == CUE_SUCCESS ? 0 : -1;
    CU_pTest test = CU_get_test(suite, slash + 1);
    if (!test) {
        fprintf(stderr, "suite %s has no test named %s\n", suite_name, slash + 1);
        return -1;
    }
    return CU_basic_run_test(suite, test) == CUE_SUCCESS ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS || register_suites() != 0) {
        fprintf(stderr, "the tests cannot be registered: %s\n", CU_get_error_msg());
        return EXIT_FAILURE;
    }
    CU_basic_set_mode(CU_BRM_NORMAL);
    int status = argc > 1 ? run_part(argv[1]) : (CU_basic_run_tests() == CUE_SUCCESS ? 0 : -1);
    bool passed = status == 0 && CU_get_number_of_tests_failed() == 0 && CU_get_number_of_failures() == 0 &&
                  CU_get_number_of_tests_run() > 0;
    CU_cleanup_registry();
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
