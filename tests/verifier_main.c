/*
 * verifier_main.c: a verifier linked from the checkers, the history, the reports and core/base alone (make lint).
 *
 * That it links proves that judging needs neither the simulator nor the chat system under test; that it judges is
 * proved by running it: usage: verifier HISTORY. Prints a line for each invariant that was judged.
 * Exit: 0 nothing violated and something judged, 1 violated, 2 bad input, 4 nothing judged.
 */
#include "reports/metrics.h"
#include "sim/check/check.h"

#include <stdlib.h>

static int print_verdicts(const struct check *check)
{
    int status = 4;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct verdict *verdict = check_verdict(check, (enum invariant)i);
        if (verdict->state == VERDICT_VACUOUS)
            continue;
        printf("%-9s %8llu  %s\n", verdict_name(verdict->state), (unsigned long long)verdict->judged,
               invariant_table[i].name);
        if (verdict->state == VERDICT_VIOLATED)
            status = 1;
        else if (status == 4)
            status = 0;
    }
    return status;
}

static int judge(FILE *in, const char *file, struct names *names, struct metrics *metrics)
{
    char error[HISTORY_ERROR_MAX];
    struct history_header header;
    struct record record;
    struct history_reader *reader = history_reader_new(in, file, names);
    struct check *check = NULL;
    int status = history_reader_header(reader, &header, error);
    if (status == 0) {
        struct check_options options = {header.clock_error_us, header.online_us, header.returning_us,
                                        header.quotes_kept};
        check = check_new(&options, names);
        metrics_keep_quotes(metrics, header.quotes_kept);
        while ((status = history_reader_next(reader, &record, error)) > 0) {
            check_take(check, &record, names);
            metrics_take(metrics, &record, names);
        }
    }
    if (status < 0) {
        fprintf(stderr, "%s\n", error);
        status = 2;
    } else {
        check_finish(check);
        status = print_verdicts(check);
    }
    if (check)
        check_free(check);
    history_reader_free(reader);
    return status;
}

int main(int argc, char **argv)
{
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!in) {
        fprintf(stderr, "usage: verifier HISTORY, which can be read\n");
        return 2;
    }
    struct names *names = names_new();
    struct metrics *metrics = metrics_new();
    int status = judge(in, argv[1], names, metrics);
    metrics_free(metrics);
    names_free(names);
    fclose(in);
    return status;
}
