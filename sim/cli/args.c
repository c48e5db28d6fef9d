/*
 * args.c: reading a command's words.
 */
#include "sim/cli/args.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args args_begin(int argc, char **argv, const char *usage)
{
    return (struct args){.argc = argc, .argv = argv, .at = 1, .usage = usage};
}

bool args_more(struct args *args)
{
    if (!args->operands && !args->bad && args->at < args->argc && strcmp(args->argv[args->at], "--") == 0) {
        args->operands = true;
        args->at++;
    }
    return !args->bad && args->at < args->argc;
}

bool args_flag(struct args *args, const char *name)
{
    if (args->operands || strcmp(args->argv[args->at], name) != 0)
        return false;
    args->at++;
    return true;
}

bool args_option(struct args *args, const char *name, const char **value)
{
    const char *word = args->argv[args->at];
    size_t length = strlen(name);
    if (args->operands || strncmp(word, name, length) != 0 || (word[length] && word[length] != '='))
        return false;
    args->at++;
    if (word[length] == '=') {
        *value = word + length + 1;
    } else if (args->at < args->argc) {
        *value = args->argv[args->at++];
    } else {
        *value = "";
        args_complain(args, "nothing", name);
    }
    return true;
}

bool args_parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

bool args_number(struct args *args, const char *name, uint64_t *value)
{
    const char *text;
    char expected[96];
    if (!args_option(args, name, &text))
        return false;
    snprintf(expected, sizeof expected, "a whole number for %s", name);
    if (!args->bad && !args_parse_number(text, value))
        args_complain(args, text, expected);
    return true;
}

bool args_operand(struct args *args, const char **operand)
{
    const char *word = args->argv[args->at];
    if (!args->operands && word[0] == '-' && word[1] != '\0')
        return false;
    *operand = word;
    args->at++;
    return true;
}

int args_complain(struct args *args, const char *found, const char *expected)
{
    if (!args->bad)
        fprintf(stderr, "sexton %s: found %s, expected %s\n%s", args->argv[0], found, expected, args->usage);
    args->bad = true;
    return SEXTON_USAGE;
}

int args_unknown(struct args *args)
{
    return args_complain(args, args->argv[args->at], "an option of this command");
}
