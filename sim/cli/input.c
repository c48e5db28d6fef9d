/* input.c: open what a command was told to read. */
#include "sim/cli/input.h"

#include <errno.h>
#include <string.h>

FILE *input_open(const char *path)
{
    if (!strcmp(path, "-"))
        return stdin;
    FILE *in = fopen(path, "r");
    if (!in)
        fprintf(stderr, "%s:1:1: found no readable file (%s), expected a file, or - for standard input\n", path,
                strerror(errno));
    return in;
}

void input_close(FILE *in)
{
    if (in != stdin)
        fclose(in);
}

const char *input_name(const char *path)
{
    return strcmp(path, "-") ? path : "<stdin>";
}
