/* lint.c: `sexton lint FILE...`: is this a scenario that could run? */
#include "sim/cli/cli.h"
#include "sim/scenario.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: sexton lint FILE...\n"
                            "Checks scenario files (\"-\": standard input). Exit: 0 all good, 2 not.\n";

static bool lint(const char *file)
{
    struct scenario *scenarios;
    size_t count, steps = 0;
    char error[SCENARIO_ERROR_MAX];
    (void)fflush(stdout); /* so that both streams into one file keep their order */
    if (scenario_read(file, NULL, 0, &scenarios, &count, error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return false;
    }
    for (size_t i = 0; i < scenarios[0].step_count; i++)
        steps += 1 + scenarios[0].steps[i].branch_count;
    (void)printf("%s: ok (%zu step%s, %zu variant%s)\n", file, steps, steps == 1 ? "" : "s", count,
                 count == 1 ? "" : "s");
    scenario_free_all(scenarios, count);
    return true;
}

int cmd_lint(int argc, char **argv)
{
    bool good = true;
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return SEXTON_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--") == 0) {
        first = 2;
    } else if (argc > 1 && argv[1][0] == '-' && argv[1][1]) {
        (void)fprintf(stderr, "sexton lint: found the option %s, expected FILE...\n%s", argv[1], usage);
        return SEXTON_USAGE;
    }
    if (argc <= first) {
        (void)fprintf(stderr, "sexton lint: found no file, expected FILE...\n%s", usage);
        return SEXTON_USAGE;
    }
    for (int i = first; i < argc; i++)
        good &= lint(argv[i]);
    return good ? SEXTON_OK : SEXTON_USAGE;
}
