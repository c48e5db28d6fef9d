/*
 * explain.c: `sexton explain HISTORY TARGET`: the life of one message or conversation: who saw it, when, why not.
 */
#include "sim/cli/cli.h"
#include "sim/cli/input.h"
#include "sim/cli/life.h"

#include <stdio.h>
#include <string.h>

#define SUGGESTIONS_MAX 3

static const char usage[] = "usage: sexton explain HISTORY TARGET\n";
static const char help[] =
    "\n"
    "Prints the life of one message (m1, or plans/m1) or conversation (plans): operations on it, when each device "
    "showed\n"
    "and hid it, and where it is still readable, since when that device is away. HISTORY `-` is standard input.\n"
    "\n"
    "exit: 0 explained, 2 bad input or no such target\n";

static int read_all(FILE *in, const char *file, struct names *names, struct life *life)
{
    char error[HISTORY_ERROR_MAX];
    struct history_header header;
    struct record record;
    struct history_reader *reader = history_reader_new(in, file, names);
    int status = history_reader_header(reader, &header, error);
    if (!status)
        while ((status = history_reader_next(reader, &record, error)) > 0)
            life_take(life, &record);
    if (status < 0)
        fprintf(stderr, "%s\n", error);
    history_reader_free(reader);
    return status;
}

static int tell_unknown(const struct life *life, const char *file, const char *target)
{
    const char *suggestions[SUGGESTIONS_MAX];
    char text[256];
    history_safe_text(target, text, sizeof text);
    fprintf(stderr, "sexton explain: %s has no message or conversation %s", file, text);
    int count = life_suggest(life, suggestions, SUGGESTIONS_MAX);
    for (int i = 0; i < count; i++) {
        history_safe_text(suggestions[i], text, sizeof text);
        fprintf(stderr, "%s%s", i ? ", " : "; did you mean ", text);
    }
    fprintf(stderr, "%s\n", count ? "?" : "");
    return SEXTON_USAGE;
}

static int tell_ambiguous(const char *conversations[2], const char *target)
{
    char message[256], first[256], second[256];
    history_safe_text(target, message, sizeof message);
    history_safe_text(conversations[0], first, sizeof first);
    history_safe_text(conversations[1], second, sizeof second);
    fprintf(stderr, "sexton explain: found %s in several conversations, expected one: %s/%s or %s/%s\n", message, first,
            message, second, message);
    return SEXTON_USAGE;
}

static int explain(const char *path, const char *target)
{
    FILE *in = input_open(path);
    if (!in)
        return SEXTON_USAGE;
    struct names *names = names_new();
    struct life *life = life_new(target, names);
    const char *conversations[2];
    int result = SEXTON_USAGE;
    if (read_all(in, input_name(path), names, life)) {
        result = SEXTON_USAGE;
    } else if (!life_found(life)) {
        result = tell_unknown(life, input_name(path), target);
    } else if (life_ambiguous(life, conversations)) {
        result = tell_ambiguous(conversations, target);
    } else {
        life_print(life, stdout);
        result = SEXTON_OK;
    }
    life_free(life);
    names_free(names);
    input_close(in);
    return result;
}

int cmd_explain(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf("%s%s", usage, help);
        return SEXTON_OK;
    }
    int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
    if (first == 1 && argc > 1 && argv[1][0] == '-' && argv[1][1]) {
        fprintf(stderr, "sexton explain: found %s, expected a history\n%s", argv[1], usage);
        return SEXTON_USAGE;
    }
    if (argc - first != 2) {
        fprintf(stderr, "sexton explain: found %d operands, expected a history and a target\n%s", argc - first, usage);
        return SEXTON_USAGE;
    }
    return explain(argv[first], argv[first + 1]);
}
