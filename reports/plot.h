/*
 * plot.h: three pictures of a report, drawn by gnuplot (5.2 or later, found in PATH):
 *     latency.svg       which share of deletions had reached their device after how long
 *     convergence.svg   which share of all (deletion, device) pairs was reached, by the time since the deletion
 *     tombstones.svg    tombstones kept, over the time of the run
 * For each there is NAME.dat, the numbers, and NAME.gp, the script that makes NAME.svg of them: `cd DIR && gnuplot
 * NAME.gp` draws it again. Without gnuplot these two are written all the same.
 */
#ifndef SEXTON_REPORTS_PLOT_H
#define SEXTON_REPORTS_PLOT_H

#include "reports/measures.h"

enum plot { PLOT_LATENCY, PLOT_CONVERGENCE, PLOT_TOMBSTONES, PLOTS };
const char *plot_name(enum plot plot); /* "latency" */

struct plot_line {
    const char *name;
    const struct measures *measures;
};
struct plot_input {
    const struct measures *measures; /* what counts: of the scenarios that should hold; never NULL */
    const struct measures *flawed;   /* of the negative scenarios, for comparison; or NULL */
    const struct plot_line *lines;   /* for tombstones; the first PLOT_LINES_MAX are drawn */
    size_t line_count;
};
#define PLOT_LINES_MAX 4U

enum plot_status {
    PLOT_DRAWN,
    PLOT_EMPTY,      /* there is nothing to draw, and no file was written */
    PLOT_NO_GNUPLOT, /* gnuplot is not in PATH: data and script were written */
    PLOT_FAILED,     /* gnuplot was run and failed: likewise */
};
/* Writes the files into `dir`, which exists: 0, or E_IO with errno set. An SVG of an earlier report is removed. */
int plot_draw(enum plot plot, const char *dir, const struct plot_input *input, enum plot_status *status);

#endif
