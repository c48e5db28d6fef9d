/*
 * tally_text.h: a tally as lines of text, from one machine's part of a sweep to `sexton merge`.
 */
#ifndef SEXTON_SIM_EXPLORE_TALLY_TEXT_H
#define SEXTON_SIM_EXPLORE_TALLY_TEXT_H

#include "sim/explore/tally.h"

/* Its sums in one line, then a line a failure. Every line begins with a letter of its own. */
void tally_text_write(const struct tally *tally, FILE *out);
/* Adds what the line says, without its newline, to a tally; E_INVALID when it is not such a line. It is changed. */
int tally_text_read(struct tally *tally, char *line);

#endif
