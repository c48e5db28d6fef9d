/*
 * html.h: one page that says how it came out: verdicts, failures with their replay lines, latency, stragglers, and the
 * pictures of plot.h inline. Self-contained: no script, no network, no time of day, so equal results give equal pages.
 * Follows the reader's light or dark theme; tables become cards on a phone.
 */
#ifndef SEXTON_REPORTS_HTML_H
#define SEXTON_REPORTS_HTML_H

#include "reports/plot.h"
#include "reports/result.h"

struct html_input {
    const struct result *result;
    const char *dir; /* where plot_draw left its SVGs */
    enum plot_status plots[PLOTS];
    const struct measures *measures; /* what the pictures show: see plot_input */
    bool judged;                     /* false: histories only, which are measured and not judged */
};
/* 0, or E_IO when an SVG that was drawn cannot be read, with errno set. The caller looks at ferror(out). */
int html_write(FILE *out, const struct html_input *input);

extern const char html_style[]; /* the page's CSS, but for the pictures' colours */

#endif
