/*
 * conclude.c: what a sweep came to, for `sexton check` and `sexton merge`: alike, so that what many machines did equals
 * what one would have done.
 */
#include "sim/cli/conclude.h"

#include "sim/cli/args.h"
#include "sim/cli/check_print.h"
#include "sim/cli/cli.h"
#include "sim/cli/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 10 /* directories in build/fail of one sweep */

bool check_parse_seeds(const char *text, uint64_t *first, uint64_t *last)
{
    char a[32];
    const char *dots = strstr(text, "..");
    if (!dots) {
        *first = 1;
        return args_parse_number(text, last) && *last > 0;
    }
    if ((size_t)(dots - text) >= sizeof a)
        return false;
    snprintf(a, sizeof a, "%.*s", (int)(dots - text), text);
    return args_parse_number(a, first) && args_parse_number(dots + 2, last) && *first <= *last && *last > 0 &&
           *last < UINT64_MAX;
}

bool check_parse_part(const char *text, uint64_t *part, uint64_t *parts)
{
    char a[32];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof a)
        return false;
    snprintf(a, sizeof a, "%.*s", (int)(slash - text), text);
    return args_parse_number(a, part) && args_parse_number(slash + 1, parts) && *part >= 1 && *part <= *parts;
}

static int exit_of(const struct tally_judgement *judgements, size_t count, enum sweep_end end)
{
    enum grade worst = GRADE_OK;
    for (size_t i = 0; i < count; i++)
        if (judgements[i].grade < worst)
            worst = judgements[i].grade;
    if (worst == GRADE_BROKEN)
        return SEXTON_BROKEN;
    if (worst == GRADE_FAILED)
        return SEXTON_FAILED;
    if (end == SWEEP_TIME || worst == GRADE_UNFINISHED)
        return SEXTON_TIME;
    return worst == GRADE_VACUOUS ? SEXTON_VACUOUS : SEXTON_OK;
}

static void keep_first(struct run *run, const struct sweep_item *item, const struct tally *tally, bool control,
                       int *kept)
{
    if (!tally || tally->failure_count == 0 || *kept == KEPT_MAX)
        return;
    const struct tally_failure *failure = &tally->failures[0];
    struct replay replay = sweep_replay(item, failure->seed, control);
    keep_failure(run, &replay, !failure->broken); /* what crashed there would crash here */
    ++*kept;
}

static void keep_failures(const struct sweep *sweep)
{
    struct run *run = run_new();
    int kept = 0;
    for (size_t i = 0; i < sweep_count(sweep); i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        keep_first(run, item, item->tally, false, &kept);
        keep_first(run, item, item->control, true, &kept);
    }
    run_free(run);
}

static void judge(const struct sweep_item *item, bool is_part, struct tally_judgement *judgement)
{
    tally_judge(item->tally, item->control, item->scenario, !is_part && sweep_item_finished(item), judgement);
    if (is_part && judgement->grade == GRADE_UNFINISHED && sweep_item_finished(item))
        judgement->grade = GRADE_OK;
}

int conclude(const struct sweep *sweep, const struct conclusion *options, enum sweep_end end)
{
    const struct sweep_options *of = options->sweep;
    bool is_part = of->parts > 1;
    size_t count = sweep_count(sweep);
    char seeds[64] = "stated", part[64] = ""; /* seeds: by each scenario */
    struct tally_judgement *judgements = base_alloc(count * sizeof *judgements);
    for (size_t i = 0; i < count; i++) {
        const struct sweep_item *item = sweep_item(sweep, i);
        judge(item, is_part, &judgements[i]);
        check_print_item(stdout, item, &judgements[i]);
    }
    check_print_work(stdout, sweep);
    if (of->last)
        snprintf(seeds, sizeof seeds, "%" PRIu64 "..%" PRIu64, of->first, of->last);
    if (is_part) {
        snprintf(part, sizeof part, "%" PRIu64 "/%" PRIu64, of->part, of->parts);
        printf("part %s: what only all seeds together can show is for sexton merge to judge\n", part);
    }
    struct check_heading heading = {seeds, part, options->store ? options->store : ""};
    int status = exit_of(judgements, count, end);
    if (options->json && check_write_json(options->json, sweep, judgements, &heading) < 0)
        status = SEXTON_USAGE;
    if (options->junit && check_write_junit(options->junit, sweep, judgements) < 0)
        status = SEXTON_USAGE;
    free(judgements);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "sexton: cannot write to standard output\n");
        status = SEXTON_USAGE;
    }
    keep_failures(sweep);
    return status;
}
