/*
 * bench_tape.c: records and plays what bench_store.c measures.
 *
 * Method: a world tells each step of its shards before it is taken; those of shard 0 are copied. Played again on a
 * shard that begins with the same empty stores they do the same work, since a step is a function of store and input.
 * For the calls the stores are wrapped in one that keeps each call on its way.
 */
#include "sim/cli/bench_tape.h"

#include "core/store_cache.h"

#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t bench_now_ns(bool waiting)
{
    struct timespec now;
    clock_gettime(waiting ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- steps ---- */

static void take_step(void *ctx, shard_id shard, const struct shard_input *input)
{
    struct tape *tape = ctx;
    if (shard != 0)
        return;
    tape->steps = base_grow(tape->steps, &tape->step_cap, tape->step_count + 1, sizeof *tape->steps);
    struct tape_step *step = &tape->steps[tape->step_count++];
    *step = (struct tape_step){.input = *input};
    if (input->wire)
        step->wire = *input->wire;
}

static bool run_world(struct tape *tape, const struct scenario *scenario, uint64_t seed)
{
    struct names *names = names_new();
    struct world *world = world_new();
    struct history history;
    history_init(&history, names);
    world_tap(world, take_step, tape);
    bool finished = world_run(world, scenario, seed, 0, &history) == WORLD_FINISHED;
    if (!finished)
        fprintf(stderr, "sexton bench: the run ended early: %s\n", world_error(world));
    world_free(world);
    names_free(names);
    return finished;
}

static size_t decided_in(const struct out *out)
{
    size_t count = 0;
    for (size_t i = 0; i < out->note_count; i++)
        count += out->notes[i].kind == NOTE_COMMIT || out->notes[i].kind == NOTE_REFUSE;
    return count;
}

static void check_status(int status, const char *what)
{
    if (status == 0)
        return;
    fprintf(stderr, "sexton bench: %s failed: %s\n", what, base_status_text(status));
    abort(); /* the same call succeeded when it was recorded */
}

/* ---- calls ---- */

struct recorder { /* a store that keeps what passes through it */
    struct store store;
    struct store *inner;
    struct tape *tape;
};

static struct recorder *recorder_of(struct store *store)
{
    return (struct recorder *)store;
}

static struct tape_call *keep(struct recorder *r, enum tape_kind kind)
{
    struct tape *tape = r->tape;
    tape->calls = base_grow(tape->calls, &tape->call_cap, tape->call_count + 1, sizeof *tape->calls);
    struct tape_call *call = &tape->calls[tape->call_count++];
    memset(call, 0, sizeof *call);
    call->kind = (uint8_t)kind;
    call->part = (uint8_t)r->store.part;
    tape->kinds[kind]++;
    return call;
}

/* The least that must be written for this call. */
static enum row_statement least_write(struct recorder *r, enum tape_kind kind, enum store_table table,
                                      const struct row *row)
{
    struct row before = *row;
    bool there = r->inner->ops->get(r->inner, table, &before) == 0;
    if (kind == TAPE_DEL)
        return there ? ROW_DEL : ROW_STATEMENTS;
    if (!there)
        return ROW_INSERT;
    return store_row_equal(table, &before, row) ? ROW_STATEMENTS : store_sqlite_update(table, &before, row);
}

static void keep_row(struct recorder *r, enum tape_kind kind, enum store_table table, const struct row *row)
{
    struct tape_call *call = keep(r, kind);
    call->table = table;
    call->of.row = *row;
    if (kind == TAPE_GET)
        return;
    call->write = (uint8_t)least_write(r, kind, table, row);
    r->tape->writes += call->write != ROW_STATEMENTS;
}

static int keep_begin(struct store *store)
{
    keep(recorder_of(store), TAPE_BEGIN);
    return recorder_of(store)->inner->ops->begin(recorder_of(store)->inner);
}

static int keep_commit(struct store *store)
{
    keep(recorder_of(store), TAPE_COMMIT);
    return recorder_of(store)->inner->ops->commit(recorder_of(store)->inner);
}

static int keep_rollback(struct store *store)
{
    return recorder_of(store)->inner->ops->rollback(recorder_of(store)->inner);
}

static int keep_get(struct store *store, enum store_table table, struct row *row)
{
    keep_row(recorder_of(store), TAPE_GET, table, row);
    return recorder_of(store)->inner->ops->get(recorder_of(store)->inner, table, row);
}

static int keep_put(struct store *store, enum store_table table, const struct row *row)
{
    keep_row(recorder_of(store), TAPE_PUT, table, row);
    return recorder_of(store)->inner->ops->put(recorder_of(store)->inner, table, row);
}

static int keep_del(struct store *store, enum store_table table, const struct row *row)
{
    keep_row(recorder_of(store), TAPE_DEL, table, row);
    return recorder_of(store)->inner->ops->del(recorder_of(store)->inner, table, row);
}

struct counted {
    store_visit *visit;
    void *ctx;
    uint32_t rows;
};

static int count_visit(void *ctx, const struct row *row)
{
    struct counted *counted = ctx;
    counted->rows++;
    return counted->visit(counted->ctx, row);
}

static int keep_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx)
{
    struct recorder *r = recorder_of(store);
    struct counted counted = {.visit = visit, .ctx = ctx};
    size_t at = r->tape->call_count; /* a visit may make calls of its own */
    struct tape_call *call = keep(r, TAPE_SCAN);
    call->table = range->table;
    call->of.range = *range;
    int status = r->inner->ops->scan(r->inner, range, count_visit, &counted);
    r->tape->calls[at].rows = counted.rows;
    r->tape->rows += counted.rows;
    return status;
}

static int keep_checkpoint(struct store *store)
{
    keep(recorder_of(store), TAPE_CHECKPOINT);
    return recorder_of(store)->inner->ops->checkpoint(recorder_of(store)->inner);
}

static const struct store_ops recorder_ops = {
    .name = "recorder",
    .begin = keep_begin,
    .commit = keep_commit,
    .rollback = keep_rollback,
    .get = keep_get,
    .put = keep_put,
    .del = keep_del,
    .scan = keep_scan,
    .checkpoint = keep_checkpoint,
};

static void record_calls(struct tape *tape)
{
    struct recorder recorders[STORE_PARTS];
    for (int part = 0; part < STORE_PARTS; part++)
        recorders[part] =
            (struct recorder){{&recorder_ops, (enum store_part)part}, store_mem_open((enum store_part)part), tape};
    struct shard_stores stores = {&recorders[STORE_MAIN].store, &recorders[STORE_VAULT].store,
                                  &recorders[STORE_BLOBS].store};
    struct shard *shard = shard_new(0, tape->shards, &stores, &tape->policy);
    struct out out = {0};
    size_t decided = 0;
    for (size_t i = 0; i < tape->step_count; i++) {
        struct tape_step *step = &tape->steps[i];
        step->input.wire = step->input.wire ? &step->wire : NULL;
        check_status(shard_step(shard, &step->input, &out), "a step");
        step->decided = decided += decided_in(&out);
        step->calls_end = tape->call_count;
    }
    out_free(&out);
    shard_free(shard);
    for (int part = 0; part < STORE_PARTS; part++)
        recorders[part].inner->ops->close(recorders[part].inner);
}

struct tape *tape_record(const struct scenario *scenario, uint64_t seed)
{
    struct tape *tape = base_alloc(sizeof *tape);
    tape->shards = scenario->shards;
    tape->policy = scenario->policy;
    if (!run_world(tape, scenario, seed)) {
        tape_free(tape);
        return NULL;
    }
    record_calls(tape);
    return tape;
}

void tape_free(struct tape *tape)
{
    free(tape->steps);
    free(tape->calls);
    free(tape);
}

/* ---- playing ---- */

size_t tape_play_steps(const struct tape *tape, size_t steps, const struct shard_stores *stores)
{
    struct shard *shard = shard_new(0, tape->shards, stores, &tape->policy);
    struct out out = {0};
    size_t decided = 0;
    for (size_t i = 0; i < steps; i++) {
        check_status(shard_step(shard, &tape->steps[i].input, &out), "a step");
        decided += decided_in(&out);
    }
    out_free(&out);
    shard_free(shard);
    return decided;
}

static int stop_after(void *ctx, const struct row *row)
{
    (void)row;
    return --*(uint32_t *)ctx == 0;
}

void tape_play_calls(const struct tape *tape, size_t steps, const struct shard_stores *stores, bool waiting,
                     uint64_t *checkpoint_ns)
{
    size_t count = steps ? tape->steps[steps - 1].calls_end : 0;
    struct shard_stores parts = *stores;
    struct row row;
    for (size_t i = 0; i < count; i++) {
        const struct tape_call *call = &tape->calls[i];
        struct store *store = *shard_stores_part(&parts, (enum store_part)call->part);
        int status = 0;
        uint64_t began;
        uint32_t left = call->rows ? call->rows : 1;
        switch ((enum tape_kind)call->kind) {
            case TAPE_BEGIN:
                status = store->ops->begin(store);
                break;
            case TAPE_COMMIT:
                status = store->ops->commit(store);
                break;
            case TAPE_GET:
                row = call->of.row;
                status = store->ops->get(store, call->table, &row);
                status = status == E_NOTFOUND ? 0 : status;
                break;
            case TAPE_PUT:
                status = store->ops->put(store, call->table, &call->of.row);
                break;
            case TAPE_DEL:
                status = store->ops->del(store, call->table, &call->of.row);
                break;
            case TAPE_SCAN:
                status = store->ops->scan(store, &call->of.range, stop_after, &left);
                break;
            case TAPE_CHECKPOINT:
                began = bench_now_ns(waiting);
                status = store->ops->checkpoint(store);
                *checkpoint_ns += bench_now_ns(waiting) - began;
                break;
            case TAPE_KINDS:
                break;
        }
        check_status(status, "a call");
    }
}
