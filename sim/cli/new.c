/* new.c: `sexton new NAME`: a scenario to start from, commented and ready to run, as NAME.json in this directory. */
#include "sim/cli/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: sexton new NAME\n"
                            "Writes NAME.json: a scenario to start from. NAME: small letters, digits and '-'.\n";

static const char starter[] =
    "// sexton run %s.json           one run     ·  sexton run %s.json --trace    and all that happens\n"
    "// sexton check %s.json         all seeds   ·  sexton lint %s.json           is it well written?\n"
    "{ \"$schema\": \"scenario.schema.json\", \"sexton-scenario\": 1,\n"
    "  \"name\": \"%s\", // as the file is called\n"
    "  \"why\": \"Alice deletes a message while Bob's tablet is away; Bob answers at the same time.\",\n"
    "  \"seeds\": \"50\",\n"
    "  \"server\": { \"shards\": 2 },\n"
    "  \"policy\": { \"preset\": \"sound\", \"undo-window\": \"30s\" }, // `sexton list policies`\n"
    "  \"users\": { \"alice\": [\"phone\"], \"bob\": [\"phone\", \"tablet\"] },\n"
    "  \"conversations\": { \"plans\": { \"kind\": \"group\", \"members\": [\"alice\", \"bob\"] } },\n"
    "  \"script\": [\n"
    "    { \"at\": \"1s\", \"device\": \"alice.phone\", \"do\": \"send\", \"in\": \"plans\", \"as\": \"m1\" },\n"
    "    // an event, not a moment: the tablet leaves once it has seen the message\n"
    "    { \"after\": \"bob.tablet shows m1\", \"device\": \"bob.tablet\", \"do\": \"offline\" },\n"
    "    // each branch starts at a random moment within 80 ms, and the seeds go through the orders\n"
    "    { \"at\": \"10s\", \"within\": \"80ms\", \"race\": [\n"
    "      { \"device\": \"alice.phone\", \"do\": \"delete\", \"in\": \"plans\", \"message\": \"m1\", \"as\": \"d1\" "
    "},\n"
    "      { \"device\": \"bob.phone\", \"do\": \"send\", \"in\": \"plans\", \"as\": \"m2\" } ] },\n"
    "    { \"at\": \"20s\", \"device\": \"bob.tablet\", \"do\": \"online\" } ],\n"
    "  \"expect\": {\n"
    "    \"hold\": \"all\", // every invariant; `sexton list invariants`\n"
    "    \"sometimes\": [\"d1 committed before m2 committed\", \"m2 committed before d1 committed\"],\n"
    "    \"finally\": [\"bob.tablet hides m1\", \"bob.tablet shows m2\"] } }\n";

int cmd_new(int argc, char **argv)
{
    char file[128];
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return SEXTON_OK;
    }
    if (argc != 2) {
        (void)fprintf(stderr, "sexton new: found %d words, expected one NAME\n%s", argc - 1, usage);
        return SEXTON_USAGE;
    }
    const char *name = argv[1];
    size_t len = strlen(name);
    if (len == 0 || len > 100 || name[0] == '-' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        (void)fprintf(stderr, "sexton new: found \"%.100s\", expected a NAME of small letters, digits and '-'\n%s",
                      name, usage);
        return SEXTON_USAGE;
    }
    (void)snprintf(file, sizeof file, "%s.json", name);
    FILE *out = fopen(file, "wx");
    if (!out) {
        (void)fprintf(stderr, "sexton new: cannot write %s: %s\n", file,
                      errno == EEXIST ? "it exists already, and is left as it is" : strerror(errno));
        return SEXTON_USAGE;
    }
    (void)fprintf(out, starter, name, name, name, name, name);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        (void)fprintf(stderr, "sexton new: cannot write %s\n", file);
        return SEXTON_USAGE;
    }
    (void)printf("%s\n", file);
    return SEXTON_OK;
}
