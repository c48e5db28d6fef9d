/*
 * verdicts.h: what the checkers found, printed the same way by every command, and the exit status that follows from it.
 */
#ifndef SEXTON_SIM_CLI_VERDICTS_H
#define SEXTON_SIM_CLI_VERDICTS_H

#include "sim/check/check.h"

#include <stdbool.h>
#include <stdio.h>

/* One line an invariant, and below a violated one its sentence and the records that prove it. all: vacuous ones too. */
void verdicts_print(FILE *out, const struct check *check, const struct names *names, bool all);
/* One line: how much there was to judge. */
void verdicts_print_work(FILE *out, const struct check *check);
/* SEXTON_FAILED when one is violated; SEXTON_OK when one that is about a deletion held; else SEXTON_VACUOUS. */
int verdicts_exit(const struct check *check);

#endif
