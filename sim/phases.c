/*
 * phases.c: safety, heal, deliver, age.
 *
 * Method: safety ends when the scenario's time is over and its last step ran. Heal ends every fault at once. Deliver
 * brings every device online that will ever return, and polls: quiet is not converged, so it asks each device and each
 * shard whether it has what it should have. The poll remembers how far it got, so that it costs what is new. Without
 * progress for PATIENCE_US it gives up, and says of each node what it waits for. Age lets time pass until no tombstone
 * is left, or until the last deadline that could hold one.
 */
#include "sim/lives.h"
#include "sim/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define POLL_US US_PER_S
#define PATIENCE_US (600 * US_PER_S)     /* besides two beats: a lost push is missed at the next one (L8) */
#define DELIVER_MAX_US (7200 * US_PER_S) /* progress without end is none */
#define AGE_MARGIN_US (5 * US_PER_S)
#define AGE_PATIENCE_US (1800 * US_PER_S) /* channels ask for "applied" at most every 600 s */
#define AGE_POLL_US (10 * US_PER_S)
#define CAUSE_MAX 160

static void say(struct world *w, uint32_t word)
{
    struct record *r = record_new(w, KIND_PHASE);
    record_set(r, FIELD_PHASE, word);
    record_emit(w);
}

static void tell_traffic(struct world *w)
{
    uint64_t hottest = 0;
    for (shard_id i = 0; i < w->shard_count; i++)
        if (w->traffic.steps[i] > hottest)
            hottest = w->traffic.steps[i];
    struct record *r = record_new(w, KIND_TRAFFIC);
    record_set(r, FIELD_REQUESTS, w->traffic.requests);
    record_set(r, FIELD_BYTES, w->traffic.bytes);
    record_set(r, FIELD_BETWEEN, w->traffic.between);
    record_set(r, FIELD_HOTTEST, hottest);
    record_emit(w);
}

/* What does not end with the faults, by name, where the scenario says what is to be survived. */
static void tell_what_stays(struct world *w)
{
    uint32_t cause = names_intern(w->names, "stays for ever");
    for (uint32_t node = 0; node <= w->shard_count + w->device_count; node++) {
        bool device = node >= w->shard_count;
        if (node == w->shard_count)
            continue;
        if (device && world_device(w, node - w->shard_count)->never)
            record_node(w, KIND_EXEMPT, node);
        if (!node_clock(w, node)->offset_us)
            continue;
        struct record *r = record_new(w, KIND_FAULT);
        record_set(r, FIELD_FAULT, w->words.fault[FAULT_CLOCK]);
        record_set(r, FIELD_NODE, node_name(w, node));
        record_set(r, FIELD_CAUSE, cause);
        record_emit(w);
    }
}

/* Before its counts go with the network. */
static void count_network(struct world *w)
{
    struct net_counts n = net_counts(w->net);
    const uint64_t counts[NETWORK_FAULT_COUNT] = {
        [NETWORK_BREAKS] = w->seen.broken,       [NETWORK_PUSH_LOSS] = w->push_lost,
        [NETWORK_CHANNEL_LOSS] = n.lost,         [NETWORK_CHANNEL_DUPLICATES] = n.duplicated,
        [NETWORK_CHANNEL_REORDER] = n.reordered, [NETWORK_NOTIFICATIONS] = w->seen.pushes_harmed,
        [NETWORK_BANDWIDTH] = n.queued_between,  [NETWORK_LINKS] = n.classed};
    for (int i = 0; i < NETWORK_FAULT_COUNT; i++)
        w->seen.network |= counts[i] ? 1ULL << i : 0;
}

static void heal(struct world *w)
{
    const struct scenario_network *n = &w->scenario->network;
    struct net_config calm = {.device = {n->median_us, n->p99_us},
                              .shard = {n->shard_median_us, n->shard_p99_us},
                              .shard_bytes_per_s = n->shard_bytes_per_s};
    swarm_count(w);
    count_network(w);
    fault_heal_all(w);
    if (w->scenario->budget.given)
        tell_what_stays(w);
    net_free(w->net);
    w->net = net_new(&calm, w->seed);
    link_set_classes(w);
    world_push(w, w->now_us + 1, EVENT_PHASE, PHASE_DELIVER, 0);
}

static uint64_t patience(const struct world *w)
{
    return PATIENCE_US + 2 * w->policy.beat_us + w->clock_span_us;
}

static void deliver(struct world *w)
{
    w->progress_us = w->now_us;
    w->age_bound_us = w->now_us + DELIVER_MAX_US + 2 * patience(w);
    w->poll_from = 0;
    for (size_t i = 0; i < w->device_count; i++) {
        struct world_device *d = &w->devices[i];
        d->offline = d->away = d->absent = false;
        d->link.failures = 0;
        if (!d->link.session)
            d->link.dialling = false;
        link_dial(w, (device_id)(i + 1), CONNECT_SPREAD_US);
    }
    world_push(w, w->now_us + POLL_US, EVENT_POLL, 0, 0);
}

static void age(struct world *w)
{
    bool holds_back = false;
    for (size_t i = 0; i < w->device_count && !holds_back; i++)
        holds_back = w->devices[i].never;
    uint64_t longest_us = w->policy.undo_window_us;
    if (holds_back && w->policy.fence_after_us > longest_us)
        longest_us = w->policy.fence_after_us;
    if (observe_orphans(w) && w->policy.orphan_after_us > longest_us)
        longest_us = w->policy.orphan_after_us;
    w->age_until_us = w->now_us + w->policy.undo_window_us + AGE_MARGIN_US;
    w->age_bound_us = w->now_us + longest_us + w->policy.undo_window_us + AGE_PATIENCE_US + patience(w);
    world_push(w, w->now_us, EVENT_POLL, 0, 0);
}

void phase_begin(struct world *w, enum phase phase)
{
    w->phase = phase;
    switch (phase) {
        case PHASE_SAFETY:
            say(w, w->words.safety);
            break;
        case PHASE_HEAL:
            herd_over(w);
            if (w->scenario->measure)
                tell_traffic(w);
            say(w, w->words.heal);
            heal(w);
            break;
        case PHASE_DELIVER:
            say(w, w->words.deliver);
            deliver(w);
            break;
        case PHASE_AGE:
            observe_all(w);
            say(w, w->words.age);
            age(w);
            break;
        case PHASE_OVER:
            observe_all(w);
            remanence_probe(w);
            record_new(w, KIND_END);
            record_emit(w);
            w->over = true;
    }
}

/* ---- has it converged? ---- */

static bool get(struct world *w, shard_id shard, enum store_table table, uint64_t key, struct row *row)
{
    struct store *store = w->shards[shard].stores.main;
    *row = (struct row){.c = {[0] = key}};
    int status = store->ops->get(store, table, row);
    if (status < 0 && status != E_NOTFOUND)
        world_fail(w, "a look into a store", status);
    return status == 0;
}

/* True when this device has all that it should have; else why not. */
static bool device_converged(struct world *w, device_id id, char cause[CAUSE_MAX])
{
    const struct world_device *d = world_device(w, id);
    struct row user, row;
    if (d->never || !d->core)
        return true;
    if (!d->link.session || !d->link.opened) {
        snprintf(cause, CAUSE_MAX, "not connected");
        return false;
    }
    if (!get(w, d->home, TABLE_USER, d->user, &user) || !get(w, d->home, TABLE_DEVICE, lives_id(w, id), &row)) {
        snprintf(cause, CAUSE_MAX, "unknown to its shard");
        return false;
    }
    struct device_state state = device_inspect(d->core);
    unsigned long long cursor = state.cursor, head = user.c[USER_head];
    if (state.epoch != user.c[USER_epoch])
        snprintf(cause, CAUSE_MAX, "its cursor is of epoch %u, the log of %llu", state.epoch,
                 (unsigned long long)user.c[USER_epoch]);
    else if (state.generation != row.c[DEVICE_generation])
        snprintf(cause, CAUSE_MAX, "of generation %u, fenced up to %llu", state.generation,
                 (unsigned long long)row.c[DEVICE_generation]);
    else if (cursor != head)
        snprintf(cause, CAUSE_MAX, "behind the log: cursor %llu of %llu", cursor, head);
    else if (state.outbox_count)
        snprintf(cause, CAUSE_MAX, "outbox: %u operation%s unanswered", state.outbox_count,
                 state.outbox_count == 1 ? "" : "s");
    else
        return true;
    return false;
}

bool phase_has_converged(struct world *w, device_id id)
{
    char cause[CAUSE_MAX];
    return device_converged(w, id, cause);
}

struct backlog {
    char *cause;
    bool found;
};

static int unfinished_fanout(void *ctx, const struct row *row)
{
    struct backlog *backlog = ctx;
    (void)row;
    backlog->found = true;
    snprintf(backlog->cause, CAUSE_MAX, "a fan-out is unfinished");
    return 1;
}

static int unfinished_job(void *ctx, const struct row *row)
{
    struct backlog *backlog = ctx;
    backlog->found = true;
    snprintf(backlog->cause, CAUSE_MAX, "a job is unfinished: %llu done", (unsigned long long)row->c[JOB_count]);
    return 1;
}

static int unconfirmed_channel(void *ctx, const struct row *row)
{
    struct backlog *backlog = ctx;
    unsigned long long confirmed = row->c[CHANNEL_OUT_confirmed], last = row->c[CHANNEL_OUT_next] - 1;
    if (confirmed >= last)
        return 0;
    backlog->found = true;
    snprintf(backlog->cause, CAUSE_MAX, "the channel to shard.%llu: %llu of %llu confirmed",
             (unsigned long long)row->c[CHANNEL_OUT_destination], confirmed, last);
    return 1;
}

static bool shard_converged(struct world *w, shard_id id, char cause[CAUSE_MAX])
{
    struct store *store = w->shards[id].stores.main;
    struct backlog backlog = {.cause = cause};
    if (world_disk_refused(w, id)) {
        snprintf(cause, CAUSE_MAX, "does not start: %s", world_disk_refused(w, id));
        return false;
    }
    struct store_range fanouts = {.table = TABLE_FANOUT, .index = INDEX_PRIMARY};
    struct store_range channels = {.table = TABLE_CHANNEL_OUT, .index = INDEX_PRIMARY};
    struct store_range jobs = {.table = TABLE_JOB, .index = INDEX_PRIMARY};
    int status = store->ops->scan(store, &fanouts, unfinished_fanout, &backlog);
    if (status >= 0 && !backlog.found)
        status = store->ops->scan(store, &jobs, unfinished_job, &backlog);
    if (status >= 0 && !backlog.found)
        status = store->ops->scan(store, &channels, unconfirmed_channel, &backlog);
    if (status < 0)
        world_fail(w, "a look into a store", status);
    return !backlog.found;
}

static bool all_converged(struct world *w)
{
    char cause[CAUSE_MAX];
    for (; w->poll_from < w->device_count; w->poll_from++)
        if (!device_converged(w, (device_id)(w->poll_from + 1), cause))
            return false;
    for (shard_id i = 0; i < w->shard_count; i++)
        if (!shard_converged(w, i, cause))
            return false;
    for (w->poll_from = 0; w->poll_from < w->device_count; w->poll_from++) /* some may have fallen behind again */
        if (!device_converged(w, (device_id)(w->poll_from + 1), cause))
            return false;
    return true;
}

static void stall(struct world *w, uint32_t node, const char *cause)
{
    struct record *r = record_new(w, KIND_STALL);
    uint32_t name = node_name(w, node);
    record_set(r, FIELD_NODE, name);
    record_set(r, FIELD_CAUSE, names_intern(w->names, cause));
    record_emit(w);
    char line[CAUSE_MAX + 300];
    int len = snprintf(line, sizeof line, "%s: %s\n", names_text(w->names, name), cause);
    size_t size = (size_t)len < sizeof line ? (size_t)len : sizeof line - 1;
    w->stalls = base_grow(w->stalls, &w->stalls_cap, w->stalls_len + size + 1, 1);
    memcpy(w->stalls + w->stalls_len, line, size + 1);
    w->stalls_len += size;
}

static void give_up(struct world *w)
{
    char cause[CAUSE_MAX];
    for (size_t i = 0; i < w->device_count; i++)
        if (!device_converged(w, (device_id)(i + 1), cause))
            stall(w, node_of_device(w, (device_id)(i + 1)), cause);
    for (shard_id i = 0; i < w->shard_count; i++)
        if (!shard_converged(w, i, cause))
            stall(w, i, cause);
}

/* ---- polling ---- */

static void poll_delivery(struct world *w)
{
    if (all_converged(w)) {
        phase_begin(w, PHASE_AGE);
        return;
    }
    bool tired = w->now_us > w->progress_us + patience(w) || w->now_us > w->age_bound_us;
    if (tired) {
        give_up(w);
        phase_begin(w, PHASE_AGE);
        return;
    }
    world_push(w, w->now_us + POLL_US, EVENT_POLL, 0, 0);
}

/* An invitation that expires leaves no tombstone, and its end must arrive all the same. */
static bool ends_are_told(struct world *w)
{
    return !w->policy.invite_expiry_us || all_converged(w);
}

static void poll_age(struct world *w)
{
    bool aged = !(observe_tombstones(w) + observe_orphans(w)) && ends_are_told(w);
    if (w->now_us >= w->age_bound_us || aged) {
        phase_begin(w, PHASE_OVER);
        return;
    }
    uint64_t next_us = w->now_us < w->age_until_us ? w->age_until_us : w->now_us + AGE_POLL_US;
    world_push(w, next_us < w->age_bound_us ? next_us : w->age_bound_us, EVENT_POLL, 0, 0);
}

void phase_poll(struct world *w)
{
    if (w->phase == PHASE_DELIVER)
        poll_delivery(w);
    else if (w->phase == PHASE_AGE)
        poll_age(w);
}
