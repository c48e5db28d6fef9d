/*
 * merge.c: `sexton merge`: the parts of one sweep, from many machines, as the one sweep that they are: same text, same
 * result file, same JUnit XML, byte for byte.
 *
 * A part's result file names its scenarios, says what they contained, and has its sums; the files themselves are read
 * here again for what they expect. Parts that do not fit each other, one too few or one twice are refused.
 */
#include "reports/result.h"
#include "sim/cli/args.h"
#include "sim/cli/cli.h"
#include "sim/cli/conclude.h"
#include "sim/cli/input.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: sexton merge RESULT... [--junit FILE] [--json FILE]\n";
static const char help[] =
    "\n"
    "Says what a sweep came to whose parts ran apart: as `sexton check` would have, without --part.\n"
    "  RESULT        of `sexton check --part I/N --json RESULT`: all N of them, in any order\n"
    "  --junit FILE  write JUnit XML\n"
    "  --json FILE   write the result file that `sexton report` reads\n"
    "\n"
    "To be run where the scenarios are, with the version of sexton that ran the parts.\n"
    "exit: as `sexton check`\n";

struct part {
    const char *path;
    struct result result;
};
struct merge {
    struct part *parts;
    size_t count;
    struct sweep *sweep;
    struct sweep_options options;
};

__attribute__((format(printf, 2, 3))) static int refuse(const char *path, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "sexton merge: %s: ", path);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return SEXTON_USAGE;
}

static int read_part(struct part *part)
{
    char error[RESULT_ERROR_MAX];
    FILE *in = input_open(part->path);
    if (!in)
        return SEXTON_USAGE;
    int status = result_read(&part->result, in, input_name(part->path), error);
    input_close(in);
    if (status < 0) {
        fprintf(stderr, "sexton merge: %s\n", error);
        return SEXTON_USAGE;
    }
    if (!*part->result.part)
        return refuse(part->path, "found a whole result, expected one of sexton check --part I/N --json");
    return SEXTON_OK;
}

/* All parts of one sweep, each of them once. */
static int fit(const struct merge *merge)
{
    const struct result *first = &merge->parts[0].result;
    uint64_t number, of, parts = 0;
    bool *seen = NULL;
    int status = SEXTON_OK;
    for (size_t i = 0; i < merge->count && status == SEXTON_OK; i++) {
        const struct part *part = &merge->parts[i];
        const struct result *result = &part->result;
        if (!check_parse_part(result->part, &number, &of))
            status = refuse(part->path, "part: found \"%s\", expected I/N", result->part);
        else if (i == 0 && of != merge->count)
            status =
                refuse(part->path, "is part %s, found %zu files, expected %" PRIu64, result->part, merge->count, of);
        else if (i > 0 && of != parts)
            status = refuse(part->path, "is part %s, the first is part %s", result->part, first->part);
        else if (seen && seen[number - 1])
            status = refuse(part->path, "part %s is there twice", result->part);
        else if (strcmp(result->version, first->version) != 0 || strcmp(result->seeds, first->seeds) != 0 ||
                 strcmp(result->store, first->store) != 0 || result->scenario_count != first->scenario_count)
            status = refuse(part->path, "is of another sweep than %s: version, seeds, store or scenarios differ",
                            merge->parts[0].path);
        if (status != SEXTON_OK)
            break;
        if (!seen)
            seen = base_alloc(merge->count * sizeof *seen);
        parts = of;
        seen[number - 1] = true;
    }
    free(seen);
    return status;
}

/* The scenarios of the first part, from their files. */
static int add_scenarios(const struct merge *merge)
{
    const struct part *first = &merge->parts[0];
    size_t at = 0;
    if (strcmp(first->result.version, "sexton " SEXTON_VERSION) != 0)
        return refuse(first->path, "is of %s, this is sexton " SEXTON_VERSION, first->result.version);
    if (strcmp(first->result.store, "memory") == 0 || strcmp(first->result.store, "sqlite") == 0)
        sweep_set_store(merge->sweep, first->result.store);
    else if (*first->result.store)
        return refuse(first->path, "store: found \"%s\", expected memory or sqlite", first->result.store);
    while (at < first->result.scenario_count) {
        const struct result_scenario *scenario = &first->result.scenarios[at];
        if (sweep_add_file(merge->sweep, scenario->file, scenario->found) < 0)
            return SEXTON_USAGE;
        if (sweep_count(merge->sweep) > first->result.scenario_count)
            return refuse(first->path, "scenarios: %s has more variants than the part", scenario->file);
        at = sweep_count(merge->sweep);
    }
    return SEXTON_OK;
}

static int add_part(const struct merge *merge, const struct part *part)
{
    for (size_t i = 0; i < part->result.scenario_count; i++) {
        const struct result_scenario *scenario = &part->result.scenarios[i];
        char id[256];
        scenario_id(sweep_item(merge->sweep, i)->scenario, id, sizeof id);
        if (strcmp(id, scenario->id) != 0)
            return refuse(part->path, "scenarios[%zu]: found \"%s\", expected \"%s\"", i, scenario->id, id);
        if (scenario->fold_count == 0)
            return refuse(part->path, "scenarios[%zu].fold: found nothing, expected the sums of a part", i);
        for (size_t line = 0; line < scenario->fold_count; line++)
            if (sweep_read_fold(merge->sweep, i, scenario->fold[line]) < 0)
                return refuse(part->path, "scenarios[%zu].fold[%zu]: %s", i, line,
                              scenario->fold[line][0] == 'S' ? "the scenario's file has changed since"
                                                             : "found no line that this version of sexton has written");
    }
    return SEXTON_OK;
}

static int merge_parts(struct merge *merge, struct conclusion *conclusion)
{
    int status = SEXTON_OK;
    for (size_t i = 0; i < merge->count && status == SEXTON_OK; i++)
        status = read_part(&merge->parts[i]);
    if (status == SEXTON_OK)
        status = fit(merge);
    if (status == SEXTON_OK)
        status = add_scenarios(merge);
    if (status != SEXTON_OK)
        return status;
    const struct result *first = &merge->parts[0].result;
    merge->options = (struct sweep_options){.part = 1, .parts = 1};
    if (strcmp(first->seeds, "stated") != 0 &&
        !check_parse_seeds(first->seeds, &merge->options.first, &merge->options.last))
        return refuse(merge->parts[0].path, "seeds: found \"%s\", expected \"stated\" or A..B", first->seeds);
    sweep_lay_out(merge->sweep, &merge->options);
    for (size_t i = 0; i < merge->count && status == SEXTON_OK; i++)
        status = add_part(merge, &merge->parts[i]);
    if (status != SEXTON_OK)
        return status;
    conclusion->sweep = &merge->options;
    conclusion->store = *first->store ? first->store : NULL;
    return conclude(merge->sweep, conclusion, SWEEP_DONE);
}

int cmd_merge(int argc, char **argv)
{
    struct args args = args_begin(argc, argv, usage);
    struct conclusion conclusion = {0};
    struct merge merge = {.parts = base_alloc(((size_t)argc + 1) * sizeof *merge.parts)};
    int status = SEXTON_OK;
    bool helped = false;
    const char *path;
    while (status == SEXTON_OK && !helped && args_more(&args)) {
        helped = args_flag(&args, "--help") || args_flag(&args, "-h");
        if (helped)
            printf("%s%s", usage, help);
        else if (args_option(&args, "--json", &conclusion.json) || args_option(&args, "--junit", &conclusion.junit))
            continue;
        else if (!args_operand(&args, &path))
            status = args_unknown(&args);
        else
            merge.parts[merge.count++].path = path;
    }
    if (args.bad)
        status = SEXTON_USAGE;
    else if (!helped && merge.count == 0)
        status = args_complain(&args, "nothing", "the result files of a sweep's parts");
    for (size_t i = 0; i < merge.count; i++)
        result_init(&merge.parts[i].result);
    merge.sweep = sweep_new();
    if (status == SEXTON_OK && !helped)
        status = merge_parts(&merge, &conclusion);
    sweep_free(merge.sweep);
    for (size_t i = 0; i < merge.count; i++)
        result_release(&merge.parts[i].result);
    free(merge.parts);
    return status;
}
