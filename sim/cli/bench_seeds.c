/*
 * bench_seeds.c: how many seeds of a small scenario a second.
 *
 * Method: what is measured is `sexton check` itself, in processes of its own: the memory store with one job and with
 * two, and SQLite with one, in turns, so that whatever else the machine does falls on all alike; medians are told.
 * Seeds a second on one core are those of a second of processor time, of `check` and its worker together, and by the
 * clock they are told as well. One job against two is by the clock; the share of processor time that two jobs waste is
 * told beside it, for a machine that others use has no second core to give. The largest resident set of the two
 * processes is that which the system says, for a thousand seeds and for ten thousand: what is kept for each seed would
 * show.
 */
#include "sim/cli/bench_seeds.h"

#include "core/base.h"
#include "sim/cli/cli.h"
#include "sim/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 99
#define FEW 1000U
#define MANY 10000U

enum way { WAY_MEMORY, WAY_SQLITE, WAY_TWO_JOBS, WAYS };
struct cost {
    uint64_t wall_us, cpu_us, peak_kib;
};
struct measured {
    struct cost costs[WAYS][ROUNDS_MAX];
    struct cost few, many;
};
extern char **environ;

static uint64_t us_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_usec;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000;
}

/* Runs `sexton check` over 1 to `seeds`, its output thrown away. False, and told, when it did not end well. */
static bool measure(const char *file, uint64_t seeds, enum way way, struct cost *cost)
{
    char number[32], name[] = "sexton", check[] = "check", option[] = "--seeds", jobs[] = "--jobs", one[] = "1",
                     two[] = "2", store[] = "--store", sqlite[] = "sqlite";
    snprintf(number, sizeof number, "%" PRIu64, seeds);
    char *path = strdup(file);
    char *args[] = {name, check, path, option, number, jobs, way == WAY_TWO_JOBS ? two : one, NULL, NULL, NULL};
    if (way == WAY_SQLITE) {
        args[7] = store;
        args[8] = sqlite;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child;
    int status = 0;
    uint64_t began_us = now_us();
    int error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, args, environ);
    struct rusage used = {0};
    if (error == 0 && wait4(child, &status, 0, &used) != child)
        error = errno;
    *cost = (struct cost){now_us() - began_us, us_of(used.ru_utime) + us_of(used.ru_stime), (uint64_t)used.ru_maxrss};
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        fprintf(stderr, "sexton bench: sexton check: %s\n", strerror(error));
    else if (status != 0)
        fprintf(stderr, "sexton bench: \"sexton check %s --seeds %s\" did not end well: run it to see why\n", path,
                number);
    free(path);
    return error == 0 && status == 0;
}

static bool measure_all(const struct seeds_bench *bench, struct measured *m)
{
    for (uint64_t round = 0; round < bench->rounds; round++)
        for (int way = 0; way < WAYS; way++)
            if (!measure(bench->file, bench->seeds, (enum way)way, &m->costs[way][round]))
                return false;
    return measure(bench->file, FEW, WAY_MEMORY, &m->few) && measure(bench->file, MANY, WAY_MEMORY, &m->many);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t median(const struct cost *costs, uint64_t rounds, bool wall)
{
    uint64_t values[ROUNDS_MAX];
    for (uint64_t i = 0; i < rounds; i++)
        values[i] = wall ? costs[i].wall_us : costs[i].cpu_us;
    qsort(values, rounds, sizeof *values, compare);
    return values[rounds / 2] ? values[rounds / 2] : 1;
}

static int print(const struct seeds_bench *bench, const struct measured *m, const char *json_path)
{
    uint64_t cpu[WAYS], wall[WAYS], done = bench->seeds * US_PER_S;
    for (int way = 0; way < WAYS; way++) {
        cpu[way] = median(m->costs[way], bench->rounds, false);
        wall[way] = median(m->costs[way], bench->rounds, true);
    }
    /* in hundredths */
    uint64_t faster = wall[WAY_MEMORY] * 100 / wall[WAY_TWO_JOBS], share = cpu[WAY_MEMORY] * 200 / cpu[WAY_TWO_JOBS];
    if (!json_path) {
        printf("seeds of %s, %" PRIu64 " a measurement, medians of %" PRIu64 "\n", bench->file, bench->seeds,
               bench->rounds);
        printf("memory: %" PRIu64 " seeds a second of one core (%" PRIu64 " by the clock)\n", done / cpu[WAY_MEMORY],
               done / wall[WAY_MEMORY]);
        printf("sqlite: %" PRIu64 " seeds a second of one core (%" PRIu64 " by the clock)\n", done / cpu[WAY_SQLITE],
               done / wall[WAY_SQLITE]);
        printf("two jobs: %" PRIu64 ".%02" PRIu64 " times one by the clock; %" PRIu64 ".%02" PRIu64
               " times by processor time, if there are two cores\n",
               faster / 100, faster % 100, share / 100, share % 100);
        printf("memory of it: %" PRIu64 " KiB after %u seeds, %" PRIu64 " KiB after %u\n", m->few.peak_kib, FEW,
               m->many.peak_kib, MANY);
        return SEXTON_OK;
    }
    struct output output;
    if (output_open(&output, json_path) < 0)
        return SEXTON_USAGE;
    fprintf(output.file,
            "{\"bench\":\"seeds\",\"seeds\":%" PRIu64 ",\"rounds\":%" PRIu64 ",\"memory_per_second\":%" PRIu64
            ",\"memory_per_second_by_the_clock\":%" PRIu64 ",\"sqlite_per_second\":%" PRIu64
            ",\"two_jobs_percent_by_the_clock\":%" PRIu64 ",\"two_jobs_percent_of_processor_time\":%" PRIu64
            ",\"peak_kib_1000\":%" PRIu64 ",\"peak_kib_10000\":%" PRIu64 "}\n",
            bench->seeds, bench->rounds, done / cpu[WAY_MEMORY], done / wall[WAY_MEMORY], done / cpu[WAY_SQLITE],
            faster, share, m->few.peak_kib, m->many.peak_kib);
    return output_commit(&output) < 0 ? SEXTON_USAGE : SEXTON_OK;
}

int bench_seeds(const struct seeds_bench *given, const char *json_path)
{
    struct seeds_bench bench = *given;
    bench.rounds = bench.rounds < 1 ? 1 : bench.rounds > ROUNDS_MAX ? ROUNDS_MAX : bench.rounds;
    struct measured *m = base_alloc(sizeof *m);
    int status = measure_all(&bench, m) ? print(&bench, m, json_path) : SEXTON_BROKEN;
    free(m);
    return status;
}
