/*
 * keep.c: what is kept of a failure.
 */
#include "sim/cli/keep.h"

#include "reports/outfile.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the command ---- */

static void add_word(char *command, size_t size, const char *word)
{
    size_t at = strlen(command);
    bool plain = word[0] != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                      "0123456789_./=:,+%@-")] == '\0';
    int length = snprintf(command + at, size - at, plain ? " %s" : " '", word);
    if (plain || length < 0)
        return;
    for (at += (size_t)length; *word && at + 8 < size; word++)
        at += (size_t)snprintf(command + at, size - at, *word == '\'' ? "'\\''" : "%c", *word);
    snprintf(command + at, size - at, "'");
}

void replay_command(const struct replay *replay, char *command, size_t size)
{
    char text[4096 + 256];
    const struct scenario *scenario = replay->scenario;
    bool varies = scenario->variant && scenario->variant[0];
    snprintf(command, size, "sexton run");
    snprintf(text, sizeof text, "%s%s%s", scenario->file, varies ? "#" : "", varies ? scenario->variant : "");
    add_word(command, size, text);
    snprintf(text, sizeof text, "%" PRIu64, replay->seed);
    add_word(command, size, "--seed");
    add_word(command, size, text);
    if (replay->crash_at) {
        snprintf(text, sizeof text, "%" PRIu64, replay->crash_at);
        add_word(command, size, "--crash-at");
        add_word(command, size, text);
    }
    if (replay->control)
        add_word(command, size, "--control");
    if (replay->flaw >= 0) {
        add_word(command, size, "--flaw");
        add_word(command, size, flaw_table[replay->flaw].name);
    }
    for (size_t i = 0; i < replay->set_count; i++) {
        add_word(command, size, "--set");
        add_word(command, size, replay->sets[i]);
    }
}

/* ---- the directory ---- */

struct history_writer *replay_history(const struct replay *replay, FILE *out)
{
    const struct scenario *scenario = replay->scenario;
    struct history_header header = {.online_us = scenario->online_us,
                                    .returning_us = scenario->returning_us,
                                    .seed = replay->seed,
                                    .quotes_kept = scenario->policy.quotes == 1};
    snprintf(header.system, sizeof header.system, "sexton %s", SEXTON_VERSION);
    scenario_id(scenario, header.scenario, sizeof header.scenario);
    return history_writer_new(out, &header);
}

static int write_line(const char *dir, const char *name, const char *text)
{
    struct outfile file;
    if (outfile_open(&file, dir, name) < 0)
        return E_IO;
    fprintf(file.out, "%s\n", text);
    return outfile_close(&file);
}

static int copy_scenario(const char *dir, const char *path)
{
    char block[8192];
    size_t count;
    struct outfile file;
    if (strcmp(path, "-") == 0) /* it has been read, and is gone */
        return 0;
    FILE *in = fopen(path, "r");
    if (!in)
        return E_IO;
    int status = outfile_open(&file, dir, "scenario.json");
    if (status == 0) {
        while ((count = fread(block, 1, sizeof block, in)) > 0)
            fwrite(block, 1, count, file.out);
        status = outfile_close(&file);
    }
    fclose(in);
    return status;
}

static int write_history(struct run *run, const struct replay *replay, const char *dir)
{
    struct outfile file;
    if (outfile_open(&file, dir, "history.jsonl") < 0)
        return E_IO;
    struct history_writer *writer = replay_history(replay, file.out);
    struct run_options options = {.seed = replay->seed,
                                  .crash_at = replay->crash_at,
                                  .without_flaw = replay->control,
                                  .flaws = replay->flaw >= 0 ? FLAW_BIT(replay->flaw) : 0,
                                  .extra = {{history_writer_take, writer}},
                                  .extra_count = 1};
    struct run_result *result = base_alloc(sizeof *result);
    run_scenario(run, replay->scenario, &options, result);
    free(result);
    int status = history_writer_close(writer);
    int closed = outfile_close(&file);
    return status < 0 ? status : closed;
}

void keep_failure(struct run *run, const struct replay *replay, bool with_history)
{
    char id[256], dir[512], command[REPLAY_MAX];
    scenario_id(replay->scenario, id, sizeof id);
    for (char *c = id; *c; c++)
        if (*c == '/' || *c == ' ')
            *c = '_';
    snprintf(dir, sizeof dir, "build/fail/%s-%" PRIu64 "%s", id, replay->seed, replay->control ? "-control" : "");
    replay_command(replay, command, sizeof command);
    bool kept = outfile_make_dir(dir) == 0 && copy_scenario(dir, replay->scenario->file) == 0 &&
                write_line(dir, "version", "sexton " SEXTON_VERSION) == 0 && write_line(dir, "replay", command) == 0 &&
                (!with_history || write_history(run, replay, dir) == 0);
    fprintf(stderr, kept ? "kept in %s/\n" : "sexton: could not keep the failure in %s/\n", dir);
}
