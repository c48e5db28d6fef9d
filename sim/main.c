/*
 * main.c: the table of commands.
 */
#include "sim/cli/cli.h"

#include "core/store_sqlite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
    const char *name;
    int (*function)(int argc, char **argv);
    const char *description; /* NULL: hidden */
};
static const struct command commands[] = {
    {"run", cmd_run, "run one scenario with one seed, and judge it"},
    {"check", cmd_check, "every scenario against its expectations, over many seeds"},
    {"merge", cmd_merge, "what the parts of a sweep came to, from many machines"},
    {"verify", cmd_verify, "judge a stored history, ours or anyone's"},
    {"explain", cmd_explain, "the life of one message or conversation in a history"},
    {"report", cmd_report, "plots and a page from result files"},
    {"audit", cmd_audit, "read and verify the audit log of a shard"},
    {"lint", cmd_lint, "find the mistakes in scenario files"},
    {"new", cmd_new, "write a scenario to begin with"},
    {"list", cmd_list, "invariants, records, policies, presets, flaws, scenarios"},
    {"bench", cmd_bench, "measure the simulator itself"},
    {"worker", cmd_worker, NULL},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void)
{
    printf("usage: sexton COMMAND ...\n\n"
           "A deterministic simulator and test harness for deletion consistency in chat.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].description)
            printf("  %-8s  %s\n", commands[i].name, commands[i].description);
    printf(
        "\n`sexton COMMAND --help` tells more.\n"
        "exit: 0 as expected, 1 not, 2 bad usage or input, 3 not deterministic, 4 vacuous, 5 broken, 6 out of time\n");
}

/* Letters to change, add or leave out, to make one word of the other. */
static int distance(const char *a, const char *b)
{
    int row[32];
    int width = (int)strlen(b);
    if (width >= 32)
        return width;
    for (int i = 0; i <= width; i++)
        row[i] = i;
    for (int y = 1; a[y - 1]; y++) {
        int diagonal = row[0];
        row[0] = y;
        for (int x = 1; x <= width; x++) {
            int best = diagonal + (a[y - 1] != b[x - 1]);
            diagonal = row[x];
            if (row[x] + 1 < best)
                best = row[x] + 1;
            if (row[x - 1] + 1 < best)
                best = row[x - 1] + 1;
            row[x] = best;
        }
    }
    return row[width];
}

static int complain(const char *word)
{
    const struct command *nearest = &commands[0];
    for (size_t i = 1; i < COMMANDS; i++)
        if (commands[i].description && distance(word, commands[i].name) < distance(word, nearest->name))
            nearest = &commands[i];
    fprintf(stderr, "sexton: found %s, expected a command", word);
    if (strlen(word) < 32 && distance(word, nearest->name) <= 2)
        fprintf(stderr, "; did you mean %s?", nearest->name);
    fprintf(stderr, "\n`sexton --help` lists them.\n");
    return SEXTON_USAGE;
}

int main(int argc, char **argv)
{
    store_sqlite_alone();
    signal(SIGXFSZ, SIG_IGN); /* a full disk and a file too large are both told, and clean up behind them */
    if (argc < 2) {
        fprintf(stderr, "sexton: found no command, expected one; `sexton --help` lists them.\n");
        return SEXTON_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return SEXTON_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("sexton %s\n", SEXTON_VERSION);
        return SEXTON_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].function(argc - 1, argv + 1);
    return complain(argv[1]);
}
