/*
 * bench_tape.h: a real run on tape: the steps of one shard, and every call that they made on its stores.
 */
#ifndef SEXTON_SIM_CLI_BENCH_TAPE_H
#define SEXTON_SIM_CLI_BENCH_TAPE_H

#include "core/shard.h"
#include "core/store.h"
#include "core/store_sqlite.h"
#include "sim/scenario.h"

enum tape_kind { TAPE_BEGIN, TAPE_COMMIT, TAPE_GET, TAPE_PUT, TAPE_DEL, TAPE_SCAN, TAPE_CHECKPOINT, TAPE_KINDS };

struct tape_step {
    struct shard_input input;
    struct wire wire;
    size_t calls_end; /* calls of all steps up to and with this one */
    size_t decided;   /* operations decided up to and with this one */
};
struct tape_call {
    uint8_t kind, part; /* enum tape_kind, enum store_part */
    uint8_t write;      /* enum row_statement: what a put or a delete comes to; ROW_STATEMENTS: to nothing */
    uint32_t rows;      /* a scan: how many rows it looked at */
    union {
        struct row row; /* of get, put, del */
        struct store_range range;
    } of;
    enum store_table table;
};
struct tape {
    struct tape_step *steps;
    size_t step_count, step_cap;
    struct tape_call *calls;
    size_t call_count, call_cap;
    size_t kinds[TAPE_KINDS], rows, writes; /* rows: looked at by scans; writes: that come to something */
    uint32_t shards;
    struct policy policy;
};

/* Runs the scenario and keeps the steps of shard 0, then runs these alone and keeps the calls. NULL, and told, when the
   run failed. */
struct tape *tape_record(const struct scenario *scenario, uint64_t seed);
void tape_free(struct tape *tape);

/* Runs the first `steps` steps on these stores, which are new; how many operations were decided. */
size_t tape_play_steps(const struct tape *tape, size_t steps, const struct shard_stores *stores);
/* Makes the calls of the first `steps` steps and nothing else; adds the time of checkpoints. */
void tape_play_calls(const struct tape *tape, size_t steps, const struct shard_stores *stores, bool waiting,
                     uint64_t *checkpoint_ns);
/* Of the processor, for this process; or (waiting) of the wall, where it waits for a disk. */
uint64_t bench_now_ns(bool waiting);

#endif
