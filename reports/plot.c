/*
 * plot.c: writes data and scripts, and runs gnuplot on them in the report's directory.
 *
 * Shares are steps of a cumulative distribution over a logarithmic time axis; lines differ in colour and dashes.
 * Floating point is used here, to draw, and nowhere else.
 */
#include "reports/plot.h"

#include "reports/outfile.h"
#include "reports/plot_style.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COLOUR_INFO(id, hex, svg, dark) {hex, svg, dark},
const struct plot_colour_info plot_colours[PLOT_COLOUR_COUNT] = {PLOT_COLOURS(COLOUR_INFO)};
#undef COLOUR_INFO

static const char *const names[PLOTS] = {"latency", "convergence", "tombstones"};

const char *plot_name(enum plot plot)
{
    return names[plot];
}

struct sheet { /* what is being written */
    enum plot plot;
    FILE *dat, *gp;
    int index; /* data sets so far */
};

/* ---- time axes ---- */
struct tick {
    uint64_t us;
    const char *name;
    bool major; /* keeps its label where all would collide */
};
static const struct tick ticks[] = {
    {1, "1 µs", true},
    {10, "10 µs", false},
    {100, "100 µs", false},
    {US_PER_MS, "1 ms", true},
    {10 * US_PER_MS, "10 ms", false},
    {100 * US_PER_MS, "100 ms", false},
    {US_PER_S, "1 s", true},
    {10 * US_PER_S, "10 s", false},
    {60 * US_PER_S, "1 min", true},
    {600 * US_PER_S, "10 min", false},
    {3600 * US_PER_S, "1 h", true},
    {10 * 3600 * US_PER_S, "10 h", false},
    {US_PER_DAY, "1 d", true},
    {10 * US_PER_DAY, "10 d", false},
    {100 * US_PER_DAY, "100 d", true},
    {1000 * US_PER_DAY, "1000 d", false},
};
#define TICKS (sizeof ticks / sizeof *ticks)

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

/* A logarithmic time axis from tick to tick around [low, high]; returns the time at its left edge. */
static uint64_t write_log_axis(FILE *gp, uint64_t low_us, uint64_t high_us, const char *label)
{
    size_t first = 0, last = 0;
    while (first + 4 < TICKS && ticks[first + 1].us <= low_us)
        first++;
    while (last + 1 < TICKS && ticks[last].us < high_us)
        last++;
    if (last < first + 3)
        last = first + 3;
    fprintf(gp, "set xlabel '%s'\nset logscale x\nset xrange [%.9g:%.9g]\nset xtics (", label, seconds(ticks[first].us),
            seconds(ticks[last].us));
    for (size_t i = first; i <= last; i++)
        fprintf(gp, "%s\"%s\" %.9g", i == first ? "" : ", ", last - first <= 6 || ticks[i].major ? ticks[i].name : "",
                seconds(ticks[i].us));
    fputs(")\n", gp);
    return ticks[first].us;
}

/* A linear time axis in seconds, labelled in the unit that suits the span. */
static void write_linear_axis(FILE *gp, uint64_t high_us)
{
    static const struct {
        uint64_t us;
        const char *name;
    } units[] = {{US_PER_DAY, "days"}, {3600 * US_PER_S, "hours"}, {60 * US_PER_S, "minutes"}, {US_PER_S, "seconds"}};
    size_t unit = 0;
    while (unit + 1 < sizeof units / sizeof *units && high_us < 2 * units[unit].us)
        unit++;
    uint64_t whole = high_us / units[unit].us + 1, step = 1;
    for (uint64_t up = 2; whole / step > 6; up = up == 2 ? 5 : 2)
        step = up == 2 ? step * 2 : step / 2 * 5;
    fprintf(gp, "set xlabel 'time in the run (%s)'\nset xrange [0:%.9g]\nset xtics (\"0\" 0", units[unit].name,
            seconds(high_us));
    for (uint64_t n = step; n <= whole; n += step)
        fprintf(gp, ", \"%" PRIu64 "\" %.9g", n, seconds(n * units[unit].us));
    fputs(")\n", gp);
}

/* lines: of the key, which stands above the picture and makes it taller. */
static void write_head(const struct sheet *s, int key_lines)
{
    static const struct {
        enum plot_colour colour;
        const char *dashes;
    } lines[] = {{PLOT_BLUE, "solid"},        {PLOT_ORANGE, "(9,4)"},    {PLOT_GREEN, "(3,3)"},
                 {PLOT_PURPLE, "(12,4,3,4)"}, {PLOT_AMBER, "(6,2,2,2)"}, {PLOT_SLATE, "(2,2)"}};
    const char *ink = plot_colours[PLOT_INK].hex;
    fprintf(s->gp,
            "# Made by sexton report; draw again with: gnuplot %s.gp\n"
            "set encoding utf8\n"
            "set terminal svg size 560,%d dynamic font 'system-ui,Helvetica,Arial,sans-serif,16'\n"
            "if (!exists('out')) out = '%s.svg'\n"
            "set output out\n"
            "set border 1 lc rgb '%s'\n"
            "set grid ytics lc rgb '%s' lt 1 lw 1\n"
            "set tics nomirror scale 0.5 textcolor rgb '%s'\n"
            "set ytics scale 0\n"
            "set xlabel textcolor rgb '%s'\nset ylabel textcolor rgb '%s'\nset key noenhanced textcolor rgb '%s'\n",
            names[s->plot], 310 + 22 * key_lines, names[s->plot], plot_colours[PLOT_RULE].hex,
            plot_colours[PLOT_GRID].hex, ink, ink, ink, ink);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(s->gp, "set style line %zu lc rgb '%s' lw 2.5 dt %s\n", i + 1, plot_colours[lines[i].colour].hex,
                lines[i].dashes);
}

/* What fits beside the sample of a line in a picture of the page. */
#define TITLE_FITS 42

/* A title in single quotes; gnuplot doubles a quote to mean one. Line breaks would end the command. */
static void write_title(FILE *gp, const char *title)
{
    size_t length = strlen(title), shown = length;
    if (length > TITLE_FITS)
        shown = TITLE_FITS - strlen("...");
    while (shown < length && ((unsigned char)title[shown] & 0xc0) == 0x80)
        shown--; /* no character is cut */
    fputs(" title '", gp);
    for (size_t i = 0; i < shown; i++) {
        if (title[i] == '\'')
            fputc('\'', gp);
        fputc((unsigned char)title[i] < 0x20 ? ' ' : title[i], gp);
    }
    fputs(shown < length ? "...'" : "'", gp);
}

static void begin_line(struct sheet *s, const char *how)
{
    fprintf(s->gp, "%s'%s.dat' index %d %s", s->index ? ", \\\n     " : "plot ", names[s->plot], s->index, how);
}

/* ---- shares over time ---- */
struct curve {
    const struct measures_latency *latency;
    uint64_t total; /* 100 % */
    char title[128];
};

static void write_curve(struct sheet *s, const struct curve *c, uint64_t left_us, int style)
{
    double share = 0;
    uint64_t seen = 0;
    fprintf(s->dat, "# %s: seconds, percent\n%.7f 0\n", c->title, seconds(left_us));
    for (size_t i = 0; i < c->latency->bar_count; i++) {
        uint64_t us = c->latency->bars[i].upper_us;
        seen += c->latency->bars[i].count;
        share = 100.0 * (double)seen / (double)c->total;
        fprintf(s->dat, "%.7f %.4f\n", seconds(us > left_us ? us : left_us), share);
    }
    fprintf(s->dat, "%.7f %.4f\n\n\n", seconds(ticks[TICKS - 1].us), share); /* on to the right edge */
    begin_line(s, "using 1:2 with steps");
    fprintf(s->gp, " linestyle %d", style);
    write_title(s->gp, c->title);
    s->index++;
}

static void write_curves(struct sheet *s, const struct curve *curves, const int *styles, int count, const char *label)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (int i = 0; i < count; i++) {
        const struct measures_latency *l = curves[i].latency;
        low = l->bar_count && l->bars[0].upper_us < low ? l->bars[0].upper_us : low;
        high = l->max_us > high ? l->max_us : high;
    }
    uint64_t left = write_log_axis(s->gp, low < 100 ? 100 : low, high, label);
    fputs("set yrange [0:101]\nset ytics 0,25,100\nset format y '%g %%'\n"
          "set key tmargin left vertical Left reverse samplen 2.5 spacing 1.2\n",
          s->gp);
    for (int i = 0; i < count; i++)
        write_curve(s, &curves[i], left, styles[i]);
    fputc('\n', s->gp);
}

static bool write_latency(struct sheet *s, const struct plot_input *input)
{
    struct curve curves[2];
    int styles[2], count = 0;
    for (int i = METRICS_ONLINE; i <= METRICS_RETURNING; i++) {
        const struct measures_latency *l = &input->measures->latency[i];
        if (!l->count)
            continue;
        char p50[MEASURES_DURATION_MAX], p99[MEASURES_DURATION_MAX];
        measures_duration(l->p50_us, p50);
        measures_duration(l->p99_us, p99);
        styles[count] = i + 1;
        curves[count].latency = l;
        curves[count].total = l->count;
        snprintf(curves[count].title, sizeof curves->title, "%s: half in %s, 99%% in %s",
                 metrics_class_name((enum metrics_class)i), p50, p99);
        count++;
    }
    if (!count)
        return false;
    write_head(s, count);
    fputs("set ylabel 'devices reached'\n", s->gp);
    write_curves(s, curves, styles, count, "time from the deletion or reconnection");
    return true;
}

static void set_convergence(struct curve *c, const struct measures *m, const char *what)
{
    c->latency = &m->latency[METRICS_SINCE_DELETION];
    c->total = measures_pairs(m);
    if (m->never)
        snprintf(c->title, sizeof c->title, "%s: %" PRIu64 " of %" PRIu64 " never reached", what, m->never, c->total);
    else
        snprintf(c->title, sizeof c->title, "%s: all %" PRIu64 " reached", what, c->total);
}

static bool write_convergence(struct sheet *s, const struct plot_input *input)
{
    struct curve curves[2];
    static const int styles[] = {1, 2};
    int count = 0;
    if (!measures_pairs(input->measures))
        return false;
    set_convergence(&curves[count++], input->measures, input->flawed ? "sound" : "devices");
    if (input->flawed && measures_pairs(input->flawed))
        set_convergence(&curves[count++], input->flawed, "with a flaw");
    write_head(s, count);
    fputs("set ylabel 'devices reached'\n", s->gp);
    write_curves(s, curves, styles, count, "time since the deletion");
    return true;
}

/* ---- tombstones ---- */
static void write_tombstone_point(FILE *dat, uint64_t at_us, const struct measures_tombstones *t)
{
    fprintf(dat, "%.6f %" PRIu64 ".%03" PRIu64 " %" PRIu64 "\n", seconds(at_us), t->mean_milli / 1000,
            t->mean_milli % 1000, t->max);
}

static void write_tombstone_line(struct sheet *s, const struct plot_line *line, uint64_t left_us, int style)
{
    const struct measures *m = line->measures;
    fprintf(s->dat, "# %s: seconds, mean, maximum\n", line->name);
    for (size_t i = 0; i < m->tombstone_count; i++) {
        uint64_t at_us = m->tombstones[i].at_us > left_us ? m->tombstones[i].at_us : left_us;
        if (i) /* what was kept stays until the next look: a step */
            write_tombstone_point(s->dat, at_us, &m->tombstones[i - 1]);
        write_tombstone_point(s->dat, at_us, &m->tombstones[i]);
    }
    fputs("\n\n", s->dat);
    begin_line(s, "using 1:2:3 with filledcurves");
    fprintf(s->gp, " fs transparent solid 0.12 noborder linestyle %d notitle", style);
    fprintf(s->gp, ", \\\n     '%s.dat' index %d using 1:2 with lines linestyle %d", names[s->plot], s->index, style);
    write_title(s->gp, line->name);
    s->index++;
}

static bool write_tombstones(struct sheet *s, const struct plot_input *input)
{
    size_t count = input->line_count < PLOT_LINES_MAX ? input->line_count : PLOT_LINES_MAX;
    uint64_t shortest = UINT64_MAX, longest = 0, first = UINT64_MAX, most = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        const struct measures *m = input->lines[i].measures;
        assert(m->tombstone_count);
        uint64_t end = m->tombstones[m->tombstone_count - 1].at_us;
        shortest = end < shortest ? end : shortest;
        longest = end > longest ? end : longest;
        for (size_t t = 0; t < m->tombstone_count; t++) {
            most = m->tombstones[t].max > most ? m->tombstones[t].max : most;
            if (m->tombstones[t].max && m->tombstones[t].at_us < first)
                first = m->tombstones[t].at_us;
        }
    }
    if (!most)
        return false;
    write_head(s, (int)count);
    if (longest / 20 > shortest) /* seconds and days in one picture */
        left = write_log_axis(s->gp, first > longest / 100000 ? first : longest / 100000, longest, "time in the run");
    else
        write_linear_axis(s->gp, longest ? longest : 1);
    fprintf(s->gp, "set ylabel 'tombstones kept'\nset yrange [0:%.9g]\nset format y '%%.0f'\n%s", 1.05 * (double)most,
            most < 6 ? "set ytics 1\n" : "");
    fputs("set key tmargin left vertical Left reverse samplen 2.5 spacing 1.2 maxcols 1\n", s->gp);
    for (size_t i = 0; i < count; i++)
        write_tombstone_line(s, &input->lines[i], left, (int)i + 1);
    fputc('\n', s->gp);
    return true;
}

/* ---- gnuplot ---- */
/* gnuplot does not say when a disk was full, so a picture is whole when its end is there. */
static bool is_whole(const char *path)
{
    char end[16] = "";
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    bool whole = !fseek(in, -10, SEEK_END) && fread(end, 1, 10, in) == 10 && strstr(end, "</svg>");
    fclose(in);
    return whole;
}

/* Runs gnuplot NAME.gp in dir, with nothing on its standard input and its words on our standard error. */
static enum plot_status run_gnuplot(const char *dir, enum plot plot)
{
    char script[64], set_out[64];
    snprintf(script, sizeof script, "%s.gp", names[plot]);
    snprintf(set_out, sizeof set_out, "out = '%s.svg.tmp'", names[plot]);
    char program[] = "gnuplot", option[] = "-e", *argv[] = {program, option, set_out, script, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions))
        return PLOT_FAILED;
    pid_t pid;
    int error = posix_spawn_file_actions_addchdir_np(&actions, dir);
    if (!error)
        error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (!error)
        error = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return error == ENOENT || error == EACCES ? PLOT_NO_GNUPLOT : PLOT_FAILED;
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return PLOT_FAILED;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PLOT_DRAWN : PLOT_FAILED;
}

static bool write_plot(struct sheet *s, const struct plot_input *input)
{
    switch (s->plot) {
        case PLOT_LATENCY:
            return write_latency(s, input);
        case PLOT_CONVERGENCE:
            return write_convergence(s, input);
        case PLOT_TOMBSTONES:
        default:
            return write_tombstones(s, input);
    }
}

static bool path_of(char path[OUTFILE_PATH_MAX], const char *dir, enum plot plot, const char *extension)
{
    return snprintf(path, OUTFILE_PATH_MAX, "%s/%s.%s", dir, names[plot], extension) < OUTFILE_PATH_MAX;
}

static void remove_old(const char *dir, enum plot plot, const char *extension)
{
    char path[OUTFILE_PATH_MAX];
    if (path_of(path, dir, plot, extension))
        unlink(path);
}

static enum plot_status draw_svg(const char *dir, enum plot plot)
{
    char temp[OUTFILE_PATH_MAX], path[OUTFILE_PATH_MAX];
    enum plot_status status = run_gnuplot(dir, plot);
    if (status != PLOT_DRAWN)
        remove_old(dir, plot, "svg.tmp");
    else if (!path_of(temp, dir, plot, "svg.tmp") || !path_of(path, dir, plot, "svg") || !is_whole(temp) ||
             rename(temp, path)) {
        remove_old(dir, plot, "svg.tmp");
        status = PLOT_FAILED;
    }
    return status;
}

int plot_draw(enum plot plot, const char *dir, const struct plot_input *input, enum plot_status *status)
{
    struct outfile dat, gp;
    char name[64];
    remove_old(dir, plot, "svg");
    snprintf(name, sizeof name, "%s.dat", names[plot]);
    if (outfile_open(&dat, dir, name))
        return E_IO;
    snprintf(name, sizeof name, "%s.gp", names[plot]);
    if (outfile_open(&gp, dir, name)) {
        int error = errno;
        outfile_close(&dat);
        errno = error;
        return E_IO;
    }
    struct sheet sheet = {plot, dat.out, gp.out, 0};
    bool drawn = write_plot(&sheet, input);
    int closed = outfile_close(&dat), error = errno;
    if (outfile_close(&gp))
        return E_IO;
    errno = error;
    if (closed)
        return E_IO;
    if (!drawn) {
        remove_old(dir, plot, "dat");
        remove_old(dir, plot, "gp");
    }
    *status = drawn ? draw_svg(dir, plot) : PLOT_EMPTY;
    return 0;
}
