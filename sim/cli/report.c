/*
 * report.c: `sexton report`: reads results and histories, draws, and writes one page.
 *
 * A RESULT that begins like a history ("sexton-history" in its first line) is folded here, through the same metrics as
 * a live run; anything else must be a result file. All files are written whole or not at all, the page last.
 */
#include "reports/html.h"
#include "reports/outfile.h"
#include "reports/plot.h"
#include "reports/result.h"
#include "sim/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sexton report RESULT... [-o DIR]\n"
    "Make one self-contained page, with plots, of what `sexton check --json` or `sexton run --json` wrote.\n"
    "\n"
    "  RESULT     a result file, or a history (sexton run --history), which is then only measured; - is standard "
    "input\n"
    "  -o DIR     where to write index.html, *.svg, *.dat and *.gp (default build/report)\n"
    "  --help     this text\n"
    "\n"
    "The plots need gnuplot; without it the page says so, and has all the rest.\n";

struct report {
    struct result result;
    struct measures sound, negative;
    struct plot_line *lines;
    size_t line_count, line_cap;
    bool judged;
};

static int complain(const char *what)
{
    fprintf(stderr, "sexton report: %s\n", what);
    return SEXTON_USAGE;
}

static int complain_of(const char *path)
{
    fprintf(stderr, "sexton report: %s: %s\n", path, strerror(errno));
    return SEXTON_USAGE;
}

/* ---- reading ---- */
static int fold_history(struct result *result, FILE *in, const char *file)
{
    char error[HISTORY_ERROR_MAX];
    struct names *names = names_new();
    struct metrics *metrics = metrics_new();
    struct history_reader *reader = history_reader_new(in, file, names);
    struct history_header header;
    struct record record;
    int status = history_reader_header(reader, &header, error);
    if (!status)
        metrics_keep_quotes(metrics, header.quotes_kept);
    while (!status && (status = history_reader_next(reader, &record, error)) > 0) {
        metrics_take(metrics, &record, names);
        status = 0;
    }
    if (status < 0) {
        complain(error);
    } else {
        metrics_finish(metrics);
        struct result_scenario *s = result_add_scenario(result, *header.scenario ? header.scenario : file);
        result_set(&s->file, file);
        s->class = RESULT_HISTORY;
        s->outcome = RESULT_MEASURED;
        s->seeds = 1;
        measures_from(&s->measures, metrics);
        if (!*result->version)
            result_set(&result->version, header.system);
    }
    history_reader_free(reader);
    metrics_free(metrics);
    names_free(names);
    return status < 0 ? SEXTON_USAGE : SEXTON_OK;
}

/* Standard input as a file that can be read twice. */
static FILE *keep_stdin(void)
{
    FILE *kept = tmpfile();
    char bytes[1 << 16];
    size_t got;
    while (kept && (got = fread(bytes, 1, sizeof bytes, stdin)) > 0)
        if (fwrite(bytes, 1, got, kept) != got)
            break;
    if (kept && (ferror(kept) || ferror(stdin) || fflush(kept))) {
        fclose(kept);
        return NULL;
    }
    return kept;
}

static int read_input(struct result *result, const char *path)
{
    bool is_stdin = !strcmp(path, "-");
    const char *name = is_stdin ? "<stdin>" : path;
    FILE *in = is_stdin ? keep_stdin() : fopen(path, "r");
    if (!in)
        return complain_of(name);
    rewind(in);
    char start[512], error[RESULT_ERROR_MAX];
    size_t got = fread(start, 1, sizeof start - 1, in);
    start[got] = 0;
    start[strcspn(start, "\n")] = 0;
    rewind(in);
    int status = SEXTON_OK;
    if (strstr(start, "\"sexton-history\""))
        status = fold_history(result, in, name);
    else if (result_read(result, in, name, error))
        status = complain(error);
    fclose(in);
    return status;
}

/* ---- what to draw ---- */
static int compare_lines(const void *a, const void *b)
{
    const struct plot_line *x = a, *y = b;
    uint64_t most[2] = {0, 0};
    for (size_t i = 0; i < x->measures->tombstone_count; i++)
        most[0] = x->measures->tombstones[i].max > most[0] ? x->measures->tombstones[i].max : most[0];
    for (size_t i = 0; i < y->measures->tombstone_count; i++)
        most[1] = y->measures->tombstones[i].max > most[1] ? y->measures->tombstones[i].max : most[1];
    if (most[0] != most[1])
        return most[0] > most[1] ? -1 : 1;
    return x->measures < y->measures ? -1 : x->measures > y->measures; /* of one array: the order of the file */
}

/* One line for all variants (NAME#KEY=VALUE) of a scenario: the one with the most tombstones, which sorting puts first.
 */
static size_t drop_variants(struct plot_line *lines, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = strcspn(lines[i].name, "#"), same = 0;
        while (same < kept &&
               (strcspn(lines[same].name, "#") != len || memcmp(lines[same].name, lines[i].name, len) != 0))
            same++;
        if (same == kept)
            lines[kept++] = lines[i];
    }
    return kept;
}

static void prepare(struct report *r)
{
    for (size_t i = 0; i < r->result.scenario_count; i++) {
        const struct result_scenario *s = &r->result.scenarios[i];
        bool negative = s->class == RESULT_NEGATIVE;
        measures_merge(negative ? &r->negative : &r->sound, &s->measures);
        r->judged |= s->class != RESULT_HISTORY;
        if (negative || !s->measures.tombstone_count)
            continue;
        r->lines = base_grow(r->lines, &r->line_cap, r->line_count + 1, sizeof *r->lines);
        r->lines[r->line_count++] = (struct plot_line){s->id, &s->measures};
    }
    if (r->line_count)
        qsort(r->lines, r->line_count, sizeof *r->lines, compare_lines);
    r->line_count = drop_variants(r->lines, r->line_count);
}

/* ---- writing ---- */
static int write_report(struct report *r, const char *dir)
{
    bool has_flawed = measures_pairs(&r->negative) > 0;
    struct plot_input plots = {&r->sound, has_flawed ? &r->negative : NULL, r->lines, r->line_count};
    struct html_input page = {
        .result = &r->result, .dir = dir, .measures = &r->sound, .judged = r->judged || !r->result.scenario_count};
    bool missing = false;
    for (int i = 0; i < PLOTS; i++) {
        if (plot_draw((enum plot)i, dir, &plots, &page.plots[i]))
            return complain_of(dir);
        missing |= page.plots[i] == PLOT_NO_GNUPLOT;
        if (page.plots[i] == PLOT_FAILED)
            fprintf(stderr, "sexton report: gnuplot failed on %s/%s.gp; going on without\n", dir,
                    plot_name((enum plot)i));
    }
    if (missing)
        fputs("sexton report: gnuplot was not found, so there are no plots; going on without\n", stderr);
    struct outfile file;
    if (outfile_open(&file, dir, "index.html"))
        return complain_of(dir);
    int status = html_write(file.out, &page), error = errno;
    if (status) {
        outfile_discard(&file);
        errno = error;
        return complain_of(dir);
    }
    if (outfile_close(&file))
        return complain_of(file.path);
    printf("%s\n", file.path);
    return SEXTON_OK;
}

static int report(struct report *r, const char *dir, char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        int status = read_input(&r->result, paths[i]);
        if (status)
            return status;
    }
    prepare(r);
    if (outfile_make_dir(dir))
        return complain_of(dir);
    return write_report(r, dir);
}

int cmd_report(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    const char *dir = "build/report";
    int option;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        switch (option) {
            case 'h':
                fputs(usage, stdout);
                return SEXTON_OK;
            case 'o':
                dir = optarg;
                break;
            default:
                fprintf(stderr, "sexton report: found %s, expected RESULT... [-o DIR]; see sexton report --help\n",
                        argv[optind - 1]);
                return SEXTON_USAGE;
        }
    }
    if (optind == argc)
        return complain("found no RESULT, expected at least one; see sexton report --help");
    struct report r = {0};
    result_init(&r.result);
    int status = report(&r, dir, argv + optind, argc - optind);
    if (fflush(stdout) && !status)
        status = complain_of("<stdout>");
    measures_release(&r.sound);
    measures_release(&r.negative);
    free(r.lines);
    result_release(&r.result);
    return status;
}
