/*
 * pool.c: worker processes, by libuv.
 *
 * Method: every worker has a pipe to write chunks to and one to read results from. It has ended when both its process
 * and its results have: only then is it known which seed was its last. A line is handed on whole; a seed counts when
 * its result line has come, so that half of an answer is no answer.
 */
#include "sim/explore/pool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LINE_MAX_BYTES ((size_t)1 << 20) /* of an answer; longer ones mean that the worker has gone mad */
#define COMMAND_MAX 4400
#define POOL_JOBS_MAX 256

struct worker {
    struct pool *pool;
    uv_process_t process;
    uv_pipe_t in, out;
    uv_write_t write;
    char command[COMMAND_MAX];
    char *line; /* what has come of the next line */
    size_t length, line_cap;
    char *block; /* that libuv reads into */
    struct pool_chunk chunk;
    uint64_t next_seed;
    bool busy, running, exited, ended, mad;
    int open_handles;
    int64_t exit_status;
    int signal;
};
struct pool {
    uv_loop_t loop;
    uv_timer_t timer;
    const struct pool_callbacks *callbacks;
    struct worker *workers;
    unsigned jobs;
    bool time_over, failed;
    char self[4096], set[64];
};
#define BLOCK_BYTES 65536

static void start(struct worker *worker);
static void after_close(uv_handle_t *handle);

static void give_work(struct worker *worker)
{
    struct pool *pool = worker->pool;
    if (!worker->busy) {
        if (pool->time_over || !pool->callbacks->next(pool->callbacks->ctx, &worker->chunk)) {
            if (!uv_is_closing((uv_handle_t *)&worker->in)) /* the end of its input ends it */
                uv_close((uv_handle_t *)&worker->in, after_close);
            return;
        }
        worker->busy = true;
        worker->next_seed = worker->chunk.from;
    }
    const struct pool_chunk *chunk = &worker->chunk;
    int length =
        snprintf(worker->command, sizeof worker->command, "RUN\t%zu\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\t%s\n",
                 chunk->variant, worker->next_seed, chunk->to, chunk->step, chunk->control, chunk->file);
    assert(length > 0 && (size_t)length < sizeof worker->command);
    uv_buf_t buffer = uv_buf_init(worker->command, (unsigned)length);
    uv_write(&worker->write, (uv_stream_t *)&worker->in, &buffer, 1, NULL);
}

static void take_line(struct worker *worker, char *line)
{
    struct pool *pool = worker->pool;
    if (!worker->busy) {
        worker->mad = true;
        return;
    }
    if (strcmp(line, "DONE") == 0) {
        worker->busy = false;
        give_work(worker);
        return;
    }
    bool result = line[0] == 'R';
    if (pool->callbacks->line(pool->callbacks->ctx, &worker->chunk, line) < 0)
        worker->mad = true;
    else if (result)
        worker->next_seed += worker->chunk.step;
}

static void take_bytes(struct worker *worker, const char *bytes, size_t count)
{
    while (count > 0 && !worker->mad) {
        const char *newline = memchr(bytes, '\n', count);
        size_t part = newline ? (size_t)(newline - bytes) : count;
        worker->line = base_grow(worker->line, &worker->line_cap, worker->length + part + 1, 1);
        memcpy(worker->line + worker->length, bytes, part);
        worker->length += part;
        worker->mad = worker->length > LINE_MAX_BYTES;
        if (!newline)
            return;
        worker->line[worker->length] = '\0';
        worker->length = 0;
        take_line(worker, worker->line);
        bytes += part + 1;
        count -= part + 1;
    }
}

/* ---- the end of a worker ---- */

static bool finish_chunk_after_crash(struct worker *worker)
{
    const struct pool_chunk *chunk = &worker->chunk;
    char how[128];
    if (worker->signal)
        snprintf(how, sizeof how, "crashed: the process died of signal %d (%s)", worker->signal,
                 strsignal(worker->signal));
    else if (worker->mad)
        snprintf(how, sizeof how, "crashed: the process answered what makes no sense");
    else if (worker->exit_status == BASE_EXIT_EXHAUSTED)
        snprintf(how, sizeof how, "exhausted: the process got no more memory");
    else
        snprintf(how, sizeof how, "crashed: the process ended with status %d", (int)worker->exit_status);
    struct pool *pool = worker->pool;
    if (worker->next_seed <= chunk->to)
        pool->callbacks->crashed(pool->callbacks->ctx, chunk, worker->next_seed, how);
    if (chunk->to < chunk->step || worker->next_seed > chunk->to - chunk->step)
        return false;
    worker->next_seed += chunk->step;
    return true;
}

static void after_close(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    if (--worker->open_handles > 0)
        return;
    worker->running = false;
    if (worker->pool->time_over || worker->pool->failed)
        return;
    if (worker->busy) {
        worker->busy = finish_chunk_after_crash(worker);
        start(worker);
    }
}

static void when_over(struct worker *worker)
{
    if (!worker->exited || !worker->ended)
        return;
    if (!uv_is_closing((uv_handle_t *)&worker->in))
        uv_close((uv_handle_t *)&worker->in, after_close);
    uv_close((uv_handle_t *)&worker->out, after_close);
    uv_close((uv_handle_t *)&worker->process, after_close);
}

static void after_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct worker *worker = process->data;
    worker->exited = true;
    worker->exit_status = status;
    worker->signal = signal_number;
    when_over(worker);
}

static void give_block(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct worker *worker = handle->data;
    *buffer = uv_buf_init(worker->block, BLOCK_BYTES);
}

static void after_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct worker *worker = stream->data;
    if (count > 0) {
        take_bytes(worker, buffer->base, (size_t)count);
        if (worker->mad)
            uv_process_kill(&worker->process, SIGKILL);
        return;
    }
    if (count == 0)
        return;
    uv_read_stop(stream);
    worker->ended = true;
    when_over(worker);
}

/* ---- the beginning ---- */

static void start(struct worker *worker)
{
    struct pool *pool = worker->pool;
    uv_pipe_init(&pool->loop, &worker->in, 0);
    uv_pipe_init(&pool->loop, &worker->out, 0);
    worker->process.data = worker->in.data = worker->out.data = worker;
    worker->exited = worker->ended = worker->mad = false;
    worker->length = 0;
    char name[] = "sexton", command[] = "worker";
    char *args[] = {name, command, pool->set[0] ? pool->set : NULL, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&worker->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&worker->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {
        .exit_cb = after_exit, .file = pool->self, .args = args, .stdio = stdio, .stdio_count = 3};
    int status = uv_spawn(&pool->loop, &worker->process, &options);
    worker->open_handles = 3; /* in, out and process */
    if (status != 0) {
        fprintf(stderr, "sexton: cannot start a worker (%s): %s\n", pool->self, uv_strerror(status));
        pool->failed = true;
        worker->exited = worker->ended = true;
        when_over(worker);
        return;
    }
    worker->running = true;
    uv_read_start((uv_stream_t *)&worker->out, give_block, after_read);
    give_work(worker);
}

static void when_time_is_over(uv_timer_t *timer)
{
    struct pool *pool = timer->data;
    pool->time_over = true;
    for (unsigned i = 0; i < pool->jobs; i++)
        if (pool->workers[i].running && !pool->workers[i].exited)
            uv_process_kill(&pool->workers[i].process, SIGKILL);
}

unsigned pool_default_jobs(void)
{
    return uv_available_parallelism();
}

enum pool_end pool_run(const struct pool_callbacks *callbacks, unsigned jobs, uint64_t time_limit_ms, const char *set)
{
    struct pool *pool = base_alloc(sizeof *pool);
    pool->callbacks = callbacks;
    snprintf(pool->set, sizeof pool->set, "%s", set);
    pool->jobs = jobs < 1 ? 1 : jobs > POOL_JOBS_MAX ? POOL_JOBS_MAX : jobs;
    pool->workers = base_alloc(pool->jobs * sizeof *pool->workers);
    size_t size = sizeof pool->self;
    if (uv_exepath(pool->self, &size) != 0)
        snprintf(pool->self, sizeof pool->self, "/proc/self/exe");
    signal(SIGPIPE, SIG_IGN); /* a worker that died is told by its exit */
    uv_loop_init(&pool->loop);
    uv_timer_init(&pool->loop, &pool->timer);
    pool->timer.data = pool;
    uv_unref((uv_handle_t *)&pool->timer);
    if (time_limit_ms > 0)
        uv_timer_start(&pool->timer, when_time_is_over, time_limit_ms, 0);
    for (unsigned i = 0; i < pool->jobs; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].block = base_alloc(BLOCK_BYTES);
        start(&pool->workers[i]);
    }
    uv_run(&pool->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&pool->timer, NULL);
    uv_run(&pool->loop, UV_RUN_DEFAULT);
    uv_loop_close(&pool->loop);
    enum pool_end end = pool->failed ? POOL_FAILED : pool->time_over ? POOL_TIME : POOL_DONE;
    for (unsigned i = 0; i < pool->jobs; i++) {
        free(pool->workers[i].line);
        free(pool->workers[i].block);
    }
    free(pool->workers);
    free(pool);
    return end;
}
