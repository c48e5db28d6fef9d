/*
 * html.c: the page, from top to bottom: the verdict in a sentence, the work done, what failed, the pictures, then the
 * tables. Everything that comes from a file is escaped. The pictures' colours are replaced by the theme's in CSS, by
 * exact match of what gnuplot writes (plot_style.h); in another gnuplot's spelling they would keep their own, which are
 * readable on white.
 */
#include "reports/html.h"

#include "reports/junit.h"
#include "reports/outfile.h"
#include "reports/plot_style.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void text(FILE *out, const char *value)
{
    junit_escape(out, value, strlen(value));
}

/* 1234567 as 1 234 567, with narrow spaces that do not break. */
static void number(FILE *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && len > 4)
            fputs("\xe2\x80\xaf", out);
        fputc(digits[i], out);
    }
}

static void number_cell(FILE *out, const char *label, uint64_t n, bool alarming)
{
    fprintf(out, "<td class=\"n%s\" data-l=\"%s\">", !n ? " zero" : alarming ? " strong" : "", label);
    number(out, n);
    fputs("</td>", out);
}

static void duration_cell(FILE *out, const char *label, const struct measures_latency *l, uint64_t us)
{
    char words[MEASURES_DURATION_MAX];
    measures_duration(us, words);
    fprintf(out, "<td class=\"n%s\" data-l=\"%s\">%s</td>", l->count ? "" : " zero", label, l->count ? words : "–");
}

static bool is_met(const struct result_scenario *s)
{
    return s->outcome == RESULT_HELD || s->outcome == RESULT_MEASURED;
}

static void badge(FILE *out, const struct result_scenario *s)
{
    static const char *const looks[RESULT_OUTCOMES] = {"good", "bad", "odd", "bad", "odd", "odd"};
    const char *words = result_outcome_name(s->outcome);
    if (s->class == RESULT_NEGATIVE && s->outcome == RESULT_HELD)
        words = "flaw caught";
    else if (s->class == RESULT_NEGATIVE && s->outcome == RESULT_VIOLATED)
        words = "not as expected";
    fprintf(out, "<span class=\"badge %s\">%s</span>", looks[s->outcome], words);
}

/* ---- the top ---- */
static void write_picture_colours(FILE *out)
{
    fputs("@media(prefers-color-scheme:dark){figure text{fill:#c9d1d9}\n", out);
    for (int i = 0; i < PLOT_COLOUR_COUNT; i++) {
        const struct plot_colour_info *c = &plot_colours[i];
        fprintf(out, "figure [stroke=\"%s\"]{stroke:%s}figure [fill=\"%s\"]{fill:%s}figure [color=\"%s\"]{color:%s}\n",
                c->svg, c->dark, c->svg, c->dark, c->svg, c->dark);
    }
    fputs("}\n", out);
}

/* Ten millions and more as 12.3 M or 4.5 G. */
static void write_fact(FILE *out, const char *name, uint64_t n)
{
    const uint64_t million = 1000000, giga = 1000 * million;
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    if (n < 10 * million) {
        number(out, n);
    } else {
        uint64_t unit = n < 10 * giga ? million : giga;
        number(out, n / unit);
        fprintf(out, ".%" PRIu64 " %c", n % unit * 10 / unit, unit == million ? 'M' : 'G');
    }
    fputs("</dd></div>\n", out);
}

static void write_headline(FILE *out, const struct html_input *input)
{
    const struct result *r = input->result;
    size_t met = 0, negative = 0;
    for (size_t i = 0; i < r->scenario_count; i++) {
        met += is_met(&r->scenarios[i]);
        negative += r->scenarios[i].class == RESULT_NEGATIVE;
    }
    fputs("<h1>", out);
    if (!r->scenario_count)
        fputs("No scenarios were run", out);
    else if (!input->judged)
        fprintf(out, "%zu %s measured", r->scenario_count, r->scenario_count == 1 ? "history" : "histories");
    else if (met == r->scenario_count)
        fprintf(out, met == 1 ? "The scenario met its expectation" : "All %zu scenarios met their expectations", met);
    else
        fprintf(out, "%zu of %zu scenarios did not meet %s", r->scenario_count - met, r->scenario_count,
                r->scenario_count - met == 1 ? "its expectation" : "their expectations");
    fputs("</h1>\n<p>", out);
    if (!input->judged)
        fputs("Histories are measured here; <code>sexton verify</code> judges them. ", out);
    if (negative)
        fprintf(out, "%zu of them negative: a known flaw is put in, and must be caught. ", negative);
    if (*r->seeds) {
        fputs("Seeds ", out);
        text(out, r->seeds);
        fputs(". ", out);
    }
    fputs("</p>\n", out);
}

static void write_top(FILE *out, const struct html_input *input)
{
    const struct result *r = input->result;
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>sexton "
          "report</title>\n<style>\n",
          out);
    fputs(html_style, out);
    write_picture_colours(out);
    fputs("</style>\n</head>\n<body>\n<main>\n<header>\n<p>sexton report: do deletions reach every device?</p>\n", out);
    write_headline(out, input);
    fputs("<dl class=\"facts\">\n", out);
    if (input->judged) {
        write_fact(out, "events simulated", r->work.events);
        write_fact(out, "operations", r->work.operations);
        write_fact(out, "deletions", r->work.deletions);
        write_fact(out, "pairs judged", r->work.pairs);
        write_fact(out, "faults fired", r->work.faults);
    } else {
        write_fact(out, "pairs measured", measures_pairs(input->measures));
    }
    write_fact(out, "never reached", input->measures->never);
    fputs("</dl>\n</header>\n", out);
}

/* ---- what failed ---- */
static void write_failure(FILE *out, const struct result_failure *f)
{
    fputs("<p>", out);
    if (*f->seed) {
        fputs("Seed ", out);
        text(out, f->seed);
        fputs(": ", out);
    }
    text(out, f->what);
    fputs("</p>\n", out);
    if (*f->replay) {
        fputs("<code>", out);
        text(out, f->replay);
        fputs("</code>\n", out);
    }
}

/* Up to the first failure that can be replayed; the rest folded away. */
static void write_failed(FILE *out, const struct result_scenario *s)
{
    size_t open = 0;
    fputs("<div class=\"failure\"><p><span class=\"id\">", out);
    text(out, s->id);
    fputs("</span> ", out);
    badge(out, s);
    fputs("</p>\n", out);
    while (open < s->failure_count && (!open || !*s->failures[open - 1].replay))
        write_failure(out, &s->failures[open++]);
    if (open < s->failure_count)
        fprintf(out, "<details><summary>%zu more</summary>\n", s->failure_count - open);
    for (size_t f = open; f < s->failure_count; f++)
        write_failure(out, &s->failures[f]);
    if (open < s->failure_count)
        fputs("</details>\n", out);
    if (!s->failure_count) {
        fputs("<p>", out);
        text(out, *s->why ? s->why : "The result file does not say more.");
        fputs("</p>\n", out);
    }
    fputs("</div>\n", out);
}

#define FAILED_OPEN_MAX 12
static void write_failures(FILE *out, const struct result *r)
{
    size_t failed = 0;
    for (size_t i = 0; i < r->scenario_count; i++) {
        if (is_met(&r->scenarios[i]))
            continue;
        if (!failed++)
            fputs("<h2>What failed</h2>\n<p>Each with the command that replays it.</p>\n", out);
        if (failed == FAILED_OPEN_MAX + 1)
            fputs("<details><summary>All the others</summary>\n", out);
        write_failed(out, &r->scenarios[i]);
    }
    if (failed > FAILED_OPEN_MAX)
        fputs("</details>\n", out);
}

/* ---- the pictures ---- */
static const struct {
    const char *title, *caption, *empty;
} captions[PLOTS] = {
    {"How soon a deletion arrives", "Online devices from the deletion on, returning ones from their reconnection on.",
     "No deletion had a device to reach."},
    {"How soon all devices agree", "Share of all devices that had to hide something, returning ones included.",
     "No deletion had a device to reach."},
    {"Tombstones kept over a run", "Line: mean. Shade: up to the maximum. They must be reaped in the end.",
     "No tombstone was counted: the records have no tables."},
};

static int write_svg(FILE *out, const char *dir, enum plot plot)
{
    char path[OUTFILE_PATH_MAX], *line = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "%s/%s.svg", dir, plot_name(plot));
    FILE *in = fopen(path, "r");
    if (!in)
        return E_IO;
    bool inside = false; /* the XML and document type declarations before <svg do not belong in HTML */
    while (getline(&line, &cap, in) > 0) {
        const char *start = inside ? line : strstr(line, "<svg");
        if (!start)
            continue;
        if (!inside)
            fprintf(out, "<svg role=\"img\" aria-label=\"%s\"%s", captions[plot].title, start + strlen("<svg"));
        else
            fputs(start, out);
        inside = true;
    }
    bool failed = ferror(in) != 0;
    free(line);
    fclose(in);
    return failed ? E_IO : 0;
}

/* Who was not reached for a reason: of all but what is flawed on purpose. */
static void write_reasons(FILE *out, const struct result *r)
{
    static const char *const words[METRICS_ENDS] = {
        [METRICS_NEVER_RETURNS] = "on a device that never returns",
        [METRICS_REPLACED] = "on one that another goes on for, from its backup",
        [METRICS_AWAY] = "on one that is away when the history ends",
    };
    const char *between = "<p class=\"note\">Owed nothing, and not among these: ";
    for (int end = METRICS_NEVER_RETURNS; end < METRICS_ENDS; end++) {
        uint64_t count = 0;
        for (size_t i = 0; i < r->scenario_count; i++)
            if (r->scenarios[i].class != RESULT_NEGATIVE)
                count += r->scenarios[i].measures.unreached[end];
        if (!count)
            continue;
        fputs(between, out);
        number(out, count);
        fprintf(out, " %s", words[end]);
        between = ", ";
    }
    if (*between == ',')
        fputs(".</p>\n", out);
}

/* The fourth card: who was never reached. Sound scenarios first, since in a negative one it may be what its flaw does.
 */
#define STRAGGLERS_MAX 8
static void write_stragglers(FILE *out, const struct result *r)
{
    static const enum result_class order[] = {RESULT_SOUND, RESULT_HISTORY, RESULT_NEGATIVE};
    size_t shown = 0, more = 0;
    fputs("<figure>\n<figcaption><b>Stragglers</b> <span>Devices that still showed at the end what was deleted.</span>"
          "</figcaption>\n",
          out);
    for (size_t c = 0; c < sizeof order / sizeof *order; c++) {
        for (size_t i = 0; i < r->scenario_count; i++) {
            const struct result_scenario *s = &r->scenarios[i];
            if (s->class != order[c] || !s->measures.never)
                continue;
            if (shown == STRAGGLERS_MAX) {
                more++;
                continue;
            }
            if (!shown++)
                fputs("<table class=\"list\">\n<tbody>\n", out);
            fputs("<tr><td class=\"id\">", out);
            text(out, s->id);
            if (s->class == RESULT_NEGATIVE)
                fputs("<span class=\"note\">flawed on purpose</span>", out);
            fprintf(out, "</td><td class=\"n%s\">", s->class == RESULT_NEGATIVE ? "" : " strong");
            number(out, s->measures.never);
            fputs(" of ", out);
            number(out, measures_pairs(&s->measures));
            fputs("</td></tr>\n", out);
        }
    }
    fputs(shown ? "</tbody>\n</table>\n"
                : "<div class=\"missing\">None: every device that had to hide something did.</div>\n",
          out);
    if (more)
        fprintf(out, "<p class=\"note\">and in %zu more scenarios</p>\n", more);
    write_reasons(out, r);
    fputs("</figure>\n", out);
}

static int write_pictures(FILE *out, const struct html_input *input)
{
    fputs("<h2>In pictures</h2>\n<p>", out);
    fputs(input->judged ? "Measured on the scenarios that are meant to hold." : "Measured on the histories.", out);
    fputs("</p>\n<div class=\"pictures\">\n", out);
    for (int i = 0; i < PLOTS; i++) {
        enum plot plot = (enum plot)i;
        fprintf(out, "<figure>\n<figcaption><b>%s</b> <span>%s</span></figcaption>\n", captions[i].title,
                captions[i].caption);
        if (input->plots[i] == PLOT_DRAWN && write_svg(out, input->dir, plot))
            return E_IO;
        if (input->plots[i] == PLOT_EMPTY)
            fprintf(out, "<div class=\"missing\">%s</div>\n", captions[i].empty);
        if (input->plots[i] == PLOT_NO_GNUPLOT || input->plots[i] == PLOT_FAILED)
            fprintf(
                out,
                "<div class=\"missing\">%s The numbers are in <code>%s.dat</code>; <code>gnuplot %s.gp</code> draws "
                "them.</div>\n",
                input->plots[i] == PLOT_FAILED ? "gnuplot failed." : "This picture needs gnuplot, which was not found.",
                plot_name(plot), plot_name(plot));
        fputs("</figure>\n", out);
    }
    write_stragglers(out, input->result);
    fputs("</div>\n", out);
    return 0;
}

/* ---- tables ---- */
static void write_id(FILE *out, const struct result_scenario *s, bool why)
{
    fputs("<tr><td class=\"id\">", out);
    text(out, s->id);
    if (why && *s->why) {
        fputs("<span class=\"note\">", out);
        text(out, s->why);
        fputs("</span>", out);
    }
    for (size_t i = 0; why && i < s->seen_count; i++) {
        fputs(i ? ", " : "<span class=\"note\">seen in the wild: ", out);
        text(out, s->seen[i]);
    }
    fputs(why && s->seen_count ? "</span></td>" : "</td>", out);
}

static void write_scenarios(FILE *out, const struct result *r)
{
    fputs("<h2>Scenarios</h2>\n<table>\n<thead><tr><th>scenario</th><th>kind</th><th>outcome</th><th "
          "class=\"n\">runs</th>"
          "<th class=\"n\">violated</th><th class=\"n\">unknown</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->scenario_count; i++) {
        const struct result_scenario *s = &r->scenarios[i];
        uint64_t violated = 0, unknown = 0;
        for (size_t v = 0; v < s->invariant_count; v++) {
            violated += s->invariants[v].violated;
            unknown += s->invariants[v].unknown;
        }
        write_id(out, s, !i || strcmp(s->why, s[-1].why) != 0); /* once for all variants of a scenario */
        fprintf(out, "<td data-l=\"kind\">%s</td><td data-l=\"outcome\">", result_class_name(s->class));
        badge(out, s);
        fputs("</td>", out);
        number_cell(out, "runs", s->seeds, false);
        number_cell(out, "violated", violated, s->class == RESULT_SOUND);
        number_cell(out, "unknown", unknown, false);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n", out);
}

static void write_latency_row(FILE *out, const struct result_scenario *s)
{
    const struct measures_latency *online = &s->measures.latency[METRICS_ONLINE];
    const struct measures_latency *returning = &s->measures.latency[METRICS_RETURNING];
    write_id(out, s, false);
    number_cell(out, "online", online->count, false);
    duration_cell(out, "half", online, online->p50_us);
    duration_cell(out, "99 %", online, online->p99_us);
    duration_cell(out, "slowest", online, online->max_us);
    number_cell(out, "returning", returning->count, false);
    duration_cell(out, "half", returning, returning->p50_us);
    duration_cell(out, "99 %", returning, returning->p99_us);
    duration_cell(out, "slowest", returning, returning->max_us);
    fputs("</tr>\n", out);
}

static void write_latency(FILE *out, const struct result *r)
{
    bool measured = false;
    for (size_t i = 0; i < r->scenario_count; i++)
        measured |= r->scenarios[i].measures.latency[METRICS_SINCE_DELETION].count > 0;
    if (!measured)
        return;
    fputs("<h2>Latency of deletions</h2>\n<p>Online devices: from the deletion to the hide. Returning devices: from "
          "their "
          "last reconnection to the hide. Within which time half of them, 99 % of them and the slowest had hidden the "
          "copy.</p>\n<table>\n<thead><tr><th>scenario</th><th class=\"n\">online</th><th class=\"n\">half</th>"
          "<th class=\"n\">99 %</th><th class=\"n\">slowest</th><th class=\"n\">returning</th><th class=\"n\">half</th>"
          "<th class=\"n\">99 %</th><th class=\"n\">slowest</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->scenario_count; i++)
        if (r->scenarios[i].measures.latency[METRICS_SINCE_DELETION].count)
            write_latency_row(out, &r->scenarios[i]);
    fputs("</tbody>\n</table>\n", out);
}

/* For whoever chooses between push and poll, or between two partitions. */
static void write_traffic(FILE *out, const struct result *r)
{
    bool begun = false;
    for (size_t i = 0; i < r->scenario_count; i++) {
        const struct metrics_traffic *t = &r->scenarios[i].measures.traffic;
        if (!t->runs)
            continue;
        if (!begun)
            fputs("<h2>What it costs</h2>\n<p>Mean of a run, until the faults end: hellos and operations of devices, "
                  "bytes between devices and their shards in both directions, messages between shards, and steps of "
                  "the busiest shard.</p>\n<table>\n<thead><tr><th>scenario</th><th class=\"n\">requests</th>"
                  "<th class=\"n\">bytes</th><th class=\"n\">between shards</th><th class=\"n\">busiest "
                  "shard</th></tr></thead>\n<tbody>\n",
                  out);
        begun = true;
        write_id(out, &r->scenarios[i], false);
        number_cell(out, "requests", t->requests / t->runs, false);
        number_cell(out, "bytes", t->bytes / t->runs, false);
        number_cell(out, "between shards", t->between / t->runs, false);
        number_cell(out, "busiest shard", t->hottest / t->runs, false);
        fputs("</tr>\n", out);
    }
    if (begun)
        fputs("</tbody>\n</table>\n", out);
}

/* After an outage: how long until the last device was back, and what that took. */
static void write_herds(FILE *out, const struct result *r)
{
    bool begun = false;
    char took[MEASURES_DURATION_MAX];
    for (size_t i = 0; i < r->scenario_count; i++) {
        const struct metrics_herd *h = &r->scenarios[i].measures.herd;
        if (!h->herds)
            continue;
        if (!begun)
            fputs("<h2>Back after an outage</h2>\n<p>Mean of a herd, from the end of the outage until the last device "
                  "had all that its log held and nothing of its own was unanswered; missing: had not when the faults "
                  "ended.</p>\n<table>\n<thead><tr><th>scenario</th><th class=\"n\">devices</th><th "
                  "class=\"n\">missing</th><th class=\"n\">took</th><th class=\"n\">events</th><th "
                  "class=\"n\">requests</th><th class=\"n\">bytes</th><th class=\"n\">between "
                  "shards</th></tr></thead>\n<tbody>\n",
                  out);
        begun = true;
        write_id(out, &r->scenarios[i], false);
        number_cell(out, "devices", h->devices / h->herds, false);
        number_cell(out, "missing", h->missing / h->herds, h->missing != 0);
        measures_duration(h->took_us / h->herds, took);
        fprintf(out, "<td class=\"n\" data-l=\"took\">%s</td>", took);
        number_cell(out, "events", h->events / h->herds, false);
        number_cell(out, "requests", h->requests / h->herds, false);
        number_cell(out, "bytes", h->bytes / h->herds, false);
        number_cell(out, "between shards", h->between / h->herds, false);
        fputs("</tr>\n", out);
    }
    if (begun)
        fputs("</tbody>\n</table>\n", out);
}

/* What became of one invariant in all scenarios; negative ones count only where it bit. */
struct invariant_sum {
    const char *name;
    struct result_invariant sum;
    uint64_t bites;
};

static size_t sum_invariants(const struct result *r, struct invariant_sum **sums)
{
    size_t count = 0, cap = 0;
    *sums = NULL;
    for (size_t i = 0; i < r->scenario_count; i++) {
        const struct result_scenario *s = &r->scenarios[i];
        for (size_t v = 0; v < s->invariant_count; v++) {
            const struct result_invariant *from = &s->invariants[v];
            size_t at = 0;
            while (at < count && strcmp((*sums)[at].name, from->name) != 0)
                at++;
            if (at == count) {
                *sums = base_grow(*sums, &cap, count + 1, sizeof **sums);
                (*sums)[count++] = (struct invariant_sum){.name = from->name};
            }
            struct invariant_sum *sum = &(*sums)[at];
            if (s->class == RESULT_NEGATIVE) {
                sum->bites += from->violated > 0;
                continue;
            }
            sum->sum.held += from->held;
            sum->sum.violated += from->violated;
            sum->sum.unknown += from->unknown;
            sum->sum.judged += from->judged;
        }
    }
    return count;
}

static void write_invariants(FILE *out, const struct result *r)
{
    struct invariant_sum *sums;
    size_t count = sum_invariants(r, &sums);
    if (count)
        fputs(
            "<h2>Invariants</h2>\n<p>Runs of the scenarios that are meant to hold, and in how many negative scenarios "
            "the invariant caught the flaw. Runs in which there was nothing to judge are not counted as held.</p>\n"
            "<table>\n<thead><tr><th>invariant</th><th class=\"n\">runs held</th><th class=\"n\">violated</th>"
            "<th class=\"n\">unknown</th><th class=\"n\">judgements</th><th class=\"n\">flaws "
            "caught</th></tr></thead>\n"
            "<tbody>\n",
            out);
    for (size_t i = 0; i < count; i++) {
        fputs("<tr><td class=\"id\">", out);
        text(out, sums[i].name);
        fputs("</td>", out);
        number_cell(out, "runs held", sums[i].sum.held, false);
        number_cell(out, "violated", sums[i].sum.violated, true);
        number_cell(out, "unknown", sums[i].sum.unknown, false);
        number_cell(out, "judgements", sums[i].sum.judged, false);
        number_cell(out, "flaws caught", sums[i].bites, false);
        fputs("</tr>\n", out);
    }
    if (count)
        fputs("</tbody>\n</table>\n", out);
    free(sums);
}

int html_write(FILE *out, const struct html_input *input)
{
    const struct result *r = input->result;
    write_top(out, input);
    write_failures(out, r);
    if (write_pictures(out, input))
        return E_IO;
    if (input->judged)
        write_scenarios(out, r);
    write_latency(out, r);
    write_traffic(out, r);
    write_herds(out, r);
    write_invariants(out, r);
    fputs("<footer>", out);
    text(out, *r->version ? r->version : "sexton");
    fputs("</footer>\n</main>\n</body>\n</html>\n", out);
    return 0;
}
