/*
 * plot_style.h: the colours of the pictures. The page replaces each by that of its theme, by exact match, so every line
 * colour occurs for one purpose only. Lines: Okabe and Ito's palette, which colour-blind people can tell apart.
 */
#ifndef SEXTON_REPORTS_PLOT_STYLE_H
#define SEXTON_REPORTS_PLOT_STYLE_H

/* id, hex for gnuplot, as gnuplot's SVG spells it, hex in the dark */
#define PLOT_COLOURS(X)                                   \
    X(BLUE, "#0072b2", "rgb(  0, 114, 178)", "#5ab4e5")   \
    X(ORANGE, "#d55e00", "rgb(213,  94,   0)", "#f0935a") \
    X(GREEN, "#009e73", "rgb(  0, 158, 115)", "#4cc9a4")  \
    X(PURPLE, "#aa4499", "rgb(170,  68, 153)", "#dd94cf") \
    X(AMBER, "#b8860b", "rgb(184, 134,  11)", "#e3bb55")  \
    X(SLATE, "#5f6b76", "rgb( 95, 107, 118)", "#aab4be")  \
    X(INK, "#3b4249", "rgb( 59,  66,  73)", "#c9d1d9")    \
    X(RULE, "#8c959e", "rgb(140, 149, 158)", "#6b747d")   \
    X(GRID, "#e2e5e8", "rgb(226, 229, 232)", "#30363d")
#define PLOT_COLOUR(id, hex, svg, dark) PLOT_##id,
enum plot_colour { PLOT_COLOURS(PLOT_COLOUR) PLOT_COLOUR_COUNT };
#undef PLOT_COLOUR
struct plot_colour_info {
    const char *hex, *svg, *dark;
};
extern const struct plot_colour_info plot_colours[PLOT_COLOUR_COUNT];

#endif
