/*
 * determinism.c: run again, elsewhere, and compare.
 *
 * Method: this program is started again with --digest, twice: with an environment of another size, another directory,
 * language, time zone and heap filling; and like that as the fourth run of its process. Only when a digest differs are
 * the histories written, by two more processes, and compared line by line; the header is not compared.
 */
#include "sim/cli/determinism.h"

#include "sim/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP_RUNS "3"
#define WORDS_MAX 64

struct setting { /* where and how the other process runs */
    const char *name;
    bool elsewhere;
    const char *nth;
};
static const struct setting settings[] = {
    {"in another environment", true, "0"},
    {"in another environment, as the fourth run of the process", true, WARM_UP_RUNS},
};

/* ---- the other process ---- */

static char **other_environment(void)
{
    static char padding[6000], path[4096], asan[1024], ubsan[1024];
    static char lang[] = "LANG=tr_TR.UTF-8", all[] = "LC_ALL=de_DE.UTF-8", zone[] = "TZ=Pacific/Kiritimati";
    static char perturb[] = "MALLOC_PERTURB_=165";
    static char *environment[9];
    int count = 0;
    snprintf(padding, sizeof padding, "SEXTON_PADDING=%5000s", "");
    snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    environment[count++] = padding;
    environment[count++] = path;
    environment[count++] = lang;
    environment[count++] = all;
    environment[count++] = zone;
    environment[count++] = perturb;
    if (getenv("ASAN_OPTIONS") && snprintf(asan, sizeof asan, "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS")) > 0)
        environment[count++] = asan;
    if (getenv("UBSAN_OPTIONS") && snprintf(ubsan, sizeof ubsan, "UBSAN_OPTIONS=%s", getenv("UBSAN_OPTIONS")) > 0)
        environment[count++] = ubsan;
    environment[count] = NULL;
    return environment;
}

/* The words of the command; the strings behind them are the caller's, or constant. */
static bool make_words(const struct replay *replay, const char *file, const char *seed, const char *point,
                       const struct setting *setting, const char *history, char *words[WORDS_MAX])
{
    const char *fixed[] = {"sexton", "run", file, "--seed", seed, "--digest", "--nth", setting ? setting->nth : "0"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        words[count++] = (char *)(uintptr_t)fixed[i];
    if (replay->crash_at) {
        words[count++] = (char *)(uintptr_t) "--crash-at";
        words[count++] = (char *)(uintptr_t)point;
    }
    if (replay->control)
        words[count++] = (char *)(uintptr_t) "--control";
    if (replay->flaw >= 0) {
        words[count++] = (char *)(uintptr_t) "--flaw";
        words[count++] = (char *)(uintptr_t)flaw_table[replay->flaw].name;
    }
    if (history) {
        words[count++] = (char *)(uintptr_t) "--history";
        words[count++] = (char *)(uintptr_t)history;
    }
    for (size_t i = 0; i < replay->set_count; i++) {
        if (count + 3 > WORDS_MAX)
            return false;
        words[count++] = (char *)(uintptr_t) "--set";
        words[count++] = (char *)(uintptr_t)replay->sets[i];
    }
    words[count] = NULL;
    return true;
}

/* Start it with its standard output in a pipe; reads what it says. Its exit status, or negative. */
static int ask(char *words[], const struct setting *setting, char *answer, size_t size)
{
    extern char **environ;
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return E_IO;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    if (setting && setting->elsewhere)
        posix_spawn_file_actions_addchdir_np(&actions, "/");
    pid_t child;
    char **environment = setting && setting->elsewhere ? other_environment() : environ;
    int error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, words, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while (!error && length + 1 < size) {
        got = read(ends[0], answer + length, size - 1 - length);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    answer[length] = '\0';
    close(ends[0]);
    if (error || waitpid(child, &status, 0) != child)
        return E_IO;
    return WIFEXITED(status) ? WEXITSTATUS(status) : E_CRASH;
}

/* ---- the first record that differs ---- */

static void print_difference(const char *here, const char *there)
{
    FILE *a = fopen(here, "r"), *b = fopen(there, "r");
    char *line_a = NULL, *line_b = NULL;
    size_t cap_a = 0, cap_b = 0;
    uint64_t record = 0;
    bool same = a && b;
    for (bool header = true; same; header = false, record++) {
        ssize_t length_a = getline(&line_a, &cap_a, a), length_b = getline(&line_b, &cap_b, b);
        if (length_a < 0 && length_b < 0)
            break;
        same = header || (length_a == length_b && memcmp(line_a, line_b, (size_t)length_a) == 0);
        if (!same)
            printf("record %" PRIu64 " (line %" PRIu64 ") differs:\n  here:  %s  there: %s", record, record + 1,
                   length_a < 0 ? "nothing\n" : line_a, length_b < 0 ? "nothing\n" : line_b);
    }
    if (same)
        printf("and yet the histories of two more processes agree: it is not stable\n");
    printf("histories: %s %s\n", here, there);
    free(line_a);
    free(line_b);
    if (a)
        fclose(a);
    if (b)
        fclose(b);
}

static void compare_histories(const struct replay *replay, const char *file, const char *seed, const char *point,
                              const struct setting *setting)
{
    char here[64], there[64], answer[64], *words[WORDS_MAX];
    snprintf(here, sizeof here, "/tmp/sexton-%ld-here.jsonl", (long)getpid());
    snprintf(there, sizeof there, "/tmp/sexton-%ld-there.jsonl", (long)getpid());
    if (make_words(replay, file, seed, point, NULL, here, words))
        ask(words, NULL, answer, sizeof answer);
    if (make_words(replay, file, seed, point, setting, there, words))
        ask(words, setting, answer, sizeof answer);
    print_difference(here, there);
}

int determinism_verify(const struct replay *replay, uint64_t digest)
{
    char seed[32], point[32], expected[32], answer[64], file[4096 + 256], *words[WORDS_MAX];
    char *absolute = realpath(replay->scenario->file, NULL);
    const char *variant = replay->scenario->variant ? replay->scenario->variant : "";
    snprintf(file, sizeof file, "%s%s%s", absolute ? absolute : replay->scenario->file, variant[0] ? "#" : "", variant);
    free(absolute);
    snprintf(seed, sizeof seed, "%" PRIu64, replay->seed);
    snprintf(point, sizeof point, "%" PRIu64, replay->crash_at);
    snprintf(expected, sizeof expected, "%016" PRIx64 "\n", digest);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!make_words(replay, file, seed, point, &settings[i], NULL, words)) {
            fprintf(stderr, "sexton run: too many --set to run it again\n");
            return SEXTON_USAGE;
        }
        int status = ask(words, &settings[i], answer, sizeof answer);
        if (status < 0 || answer[0] == '\0') {
            fprintf(stderr, "sexton run: the run %s crashed, or could not be started\n", settings[i].name);
            return SEXTON_BROKEN;
        }
        if (strcmp(answer, expected) != 0) {
            printf("not deterministic: digest %.16s here, %.16s %s\n", expected, answer, settings[i].name);
            fflush(stdout);
            compare_histories(replay, file, seed, point, &settings[i]);
            return SEXTON_NONDETERMINISM;
        }
    }
    printf("deterministic: the same digest in another environment, and as the fourth run of a process\n");
    return SEXTON_OK;
}
