/*
 * verify.c: `sexton verify HISTORY...`: the checkers on stored histories, ours or anyone's.
 */
#include "sim/check/check.h"
#include "sim/cli/cli.h"
#include "sim/cli/input.h"
#include "sim/cli/verdicts.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: sexton verify HISTORY...\n";
static const char help[] =
    "\n"
    "Judges every invariant on each history (JSON lines; `-` is standard input), and prints a verdict for each:\n"
    "held(n), violated(n) with the records that prove it, unknown(n), or vacuous and which kinds of record were "
    "missing.\n"
    "\n"
    "exit: 0 nothing violated and a deletion judged, 1 violated, 2 bad input, 4 nothing judged\n";

/* Feed the whole history to the checkers it makes; NULL, and the reason is told, on bad input. */
static struct check *judge(FILE *in, const char *file, struct names *names)
{
    char error[HISTORY_ERROR_MAX];
    struct history_header header;
    struct record record;
    struct check *check = NULL;
    struct history_reader *reader = history_reader_new(in, file, names);
    int status = history_reader_header(reader, &header, error);
    if (!status) {
        struct check_options options = {header.clock_error_us, header.online_us, header.returning_us,
                                        header.quotes_kept};
        check = check_new(&options, names);
        while ((status = history_reader_next(reader, &record, error)) > 0)
            check_take(check, &record, names);
    }
    if (status < 0) {
        fprintf(stderr, "%s\n", error);
        if (check)
            check_free(check);
        check = NULL;
    } else {
        check_finish(check);
        if (history_reader_unknown(reader))
            fprintf(stderr, "%s: %llu unknown records and keys were ignored\n", file,
                    (unsigned long long)history_reader_unknown(reader));
    }
    history_reader_free(reader);
    return check;
}

static int verify(const char *path, bool several)
{
    FILE *in = input_open(path);
    if (!in)
        return SEXTON_USAGE;
    int status = SEXTON_USAGE;
    struct names *names = names_new();
    struct check *check = judge(in, input_name(path), names);
    if (check) {
        if (several)
            printf("%s:\n", input_name(path));
        verdicts_print(stdout, check, names, true);
        verdicts_print_work(stdout, check);
        status = verdicts_exit(check);
        check_free(check);
    }
    names_free(names);
    input_close(in);
    return status;
}

/* The more serious of two results. */
static int worse(int a, int b)
{
    static const int order[] = {SEXTON_USAGE, SEXTON_FAILED, SEXTON_VACUOUS};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return SEXTON_OK;
}

int cmd_verify(int argc, char **argv)
{
    int first = 1;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf("%s%s", usage, help);
        return SEXTON_OK;
    }
    if (argc > 1 && !strcmp(argv[1], "--"))
        first = 2;
    for (int i = 1; i < argc && first == 1; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            fprintf(stderr, "sexton verify: found %s, expected a history\n%s", argv[i], usage);
            return SEXTON_USAGE;
        }
    }
    if (first >= argc) {
        fprintf(stderr, "sexton verify: found no history, expected at least one\n%s", usage);
        return SEXTON_USAGE;
    }
    int status = SEXTON_OK;
    for (int i = first; i < argc; i++)
        status = worse(status, verify(argv[i], argc - first > 1));
    return status;
}
