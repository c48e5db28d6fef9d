/*
 * args.h: reading a command's words, one at a time: `while (args_more(&args))` try each flag, option and operand, and
 * return args_unknown(&args) when none took it.
 */
#ifndef SEXTON_SIM_CLI_ARGS_H
#define SEXTON_SIM_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

struct args {
    int argc, at;
    char **argv;
    const char *usage; /* shown after a complaint */
    bool bad;          /* complained already */
    bool operands;     /* "--" was seen */
};
struct args args_begin(int argc, char **argv, const char *usage);
bool args_more(struct args *args);
bool args_flag(struct args *args, const char *name);
/* "--name VALUE" or "--name=VALUE". */
bool args_option(struct args *args, const char *name, const char **value);
/* The same, a whole number; complains of anything else. */
bool args_number(struct args *args, const char *name, uint64_t *value);
bool args_operand(struct args *args, const char **operand);
/* Complain about the word at hand, or about `value` of it; returns SEXTON_USAGE. */
int args_unknown(struct args *args);
int args_complain(struct args *args, const char *found, const char *expected);
bool args_parse_number(const char *text, uint64_t *number);

#endif
