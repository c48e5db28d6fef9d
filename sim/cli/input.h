/* input.h: the file operand of a command, where "-" is standard input. */
#ifndef SEXTON_SIM_CLI_INPUT_H
#define SEXTON_SIM_CLI_INPUT_H

#include <stdio.h>

/* NULL, and the reason is on standard error, when it cannot be opened. */
FILE *input_open(const char *path);
void input_close(FILE *in);
/* How errors call it. */
const char *input_name(const char *path);

#endif
