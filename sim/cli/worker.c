/*
 * worker.c: the hidden command `sexton worker [KEY=VALUE]...`: runs the seeds that sim/explore/pool.c asks for, one
 * line an order.
 *
 * Everything of one seed's answer leaves in one piece, after the seed: when the process dies in a seed, its parent has
 * had all the seeds before it, and nothing of this one.
 */
#include "sim/cli/cli.h"
#include "sim/explore/seed_line.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A seed that takes longer hangs: the alarm ends the process, and the parent tells it as a crash by that signal. */
#define SEED_TIME_MAX_S 1800

struct work {
    struct run *run;
    const char *const *sets; /* KEY=VALUE, of the command line */
    size_t set_count;
    char *file; /* whose scenarios are at hand */
    struct scenario *scenarios;
    size_t count;
};

static int read_scenarios(struct work *work, const char *file)
{
    char error[SCENARIO_ERROR_MAX];
    if (work->file && strcmp(work->file, file) == 0)
        return 0;
    scenario_free_all(work->scenarios, work->count);
    free(work->file);
    *work = (struct work){.run = work->run, .sets = work->sets, .set_count = work->set_count};
    if (scenario_read(file, work->sets, work->set_count, &work->scenarios, &work->count, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return E_INVALID;
    }
    work->file = strdup(file);
    return 0;
}

static int run_seed(struct work *work, size_t variant, uint64_t seed, bool control)
{
    struct run_result *result = base_alloc(sizeof *result);
    struct run_options options = {.seed = seed, .without_flaw = control};
    alarm(SEED_TIME_MAX_S);
    int status = run_scenario(work->run, &work->scenarios[variant], &options, result);
    char *text = NULL;
    size_t size = 0;
    FILE *out = status == 0 ? open_memstream(&text, &size) : NULL;
    if (out) {
        metrics_write_text(run_metrics(work->run), out);
        seed_line_write(out, seed, result);
        fclose(out);
        status = fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : E_IO;
    }
    free(text);
    free(result);
    return status;
}

static int take_order(struct work *work, const char *line)
{
    uint64_t from, to, step;
    size_t variant;
    int control, at = 0;
    if (sscanf(line, "RUN\t%zu\t%" SCNu64 "\t%" SCNu64 "\t%" SCNu64 "\t%d\t%n", &variant, &from, &to, &step, &control,
               &at) != 5 ||
        at == 0 || step == 0 || read_scenarios(work, line + at) < 0 || variant >= work->count)
        return E_INVALID;
    for (uint64_t seed = from; seed <= to; seed += step) {
        if (run_seed(work, variant, seed, control != 0) < 0)
            return E_IO;
        if (seed > UINT64_MAX - step)
            break;
    }
    return puts("DONE") >= 0 && fflush(stdout) == 0 ? 0 : E_IO;
}

int cmd_worker(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left to read the answers */
    struct work work = {.run = run_new(), .sets = (const char *const *)argv + 1, .set_count = (size_t)argc - 1};
    char *line = NULL;
    size_t cap = 0;
    ssize_t length;
    int status = 0;
    while (status == 0 && (length = getline(&line, &cap, stdin)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        status = take_order(&work, line);
    }
    free(line);
    free(work.file);
    scenario_free_all(work.scenarios, work.count);
    run_free(work.run);
    return status == 0 ? SEXTON_OK : SEXTON_BROKEN;
}
