/*
 * metrics.c: which records begin, reach and undo a deletion. What follows from that is in pairs.c; what is kept of
 * finished runs in metrics_totals.c. Pending shows and hides are the device's own hopes: they reach nothing, and count
 * only where the run ends with one.
 */
#include "reports/metrics.h"

#include "reports/keymap.h"
#include "reports/measures.h"
#include "reports/metrics_totals.h"
#include "reports/pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum asked_what { ASKED_OTHER, ASKED_DELETE, ASKED_DELETE_CONV, ASKED_UNDO, ASKED_UNDO_CONV };
struct asked { /* an operation of a history without commits, until it is answered */
    enum asked_what what;
    struct pairs_deletion deletion; /* of an undo: its target */
};

struct metrics {
    struct pairs *pairs;
    bool inside;         /* records from inside the server were seen: deletions count from them, not from answers */
    struct keymap asked; /* by device and op: place in asks, from 1 */
    struct asked *asks;
    size_t ask_count, ask_cap;
    struct keymap early;  /* by message: the device that deleted it early */
    struct keymap shards; /* by name: place in shard_tombstones, from 1 */
    uint64_t *shard_tombstones;
    size_t shard_count, shard_cap;
    uint64_t tombstones;    /* of all shards, at table_us */
    uint64_t table_us;      /* of the last table */
    uint64_t held, held_us; /* the last sum that was folded in, and when */
    bool has_table, has_held, quotes_kept;
    struct metrics_totals totals;
};

static void forget_run(struct metrics *m)
{
    pairs_clear(m->pairs);
    keymap_clear(&m->asked);
    keymap_clear(&m->early);
    keymap_clear(&m->shards);
    m->inside = false;
    m->ask_count = 0;
    m->shard_count = 0;
    m->tombstones = 0;
    m->has_table = m->has_held = false;
}

struct metrics *metrics_new(void)
{
    struct metrics *m = base_alloc(sizeof *m);
    m->pairs = pairs_new();
    metrics_totals_init(&m->totals);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    pairs_free(m->pairs);
    keymap_release(&m->asked);
    keymap_release(&m->early);
    keymap_release(&m->shards);
    free(m->asks);
    free(m->shard_tombstones);
    metrics_totals_release(&m->totals);
    free(m);
}

void metrics_reset(struct metrics *m)
{
    forget_run(m);
    metrics_totals_clear(&m->totals);
}

void metrics_keep_quotes(struct metrics *m, bool kept)
{
    m->quotes_kept = kept;
}

/* ---- operations ---- */
static enum asked_what what_of(const struct record *r, const struct names *names)
{
    static const char *const words[] = {"", "delete", "delete-conversation", "undo", "undo-conversation"};
    const char *word = names_text(names, (uint32_t)record_get(r, FIELD_DO));
    for (int i = ASKED_DELETE; i <= ASKED_UNDO_CONV; i++)
        if (!strcmp(word, words[i]))
            return (enum asked_what)i;
    return ASKED_OTHER;
}

static struct asked read_asked(const struct record *r, const struct names *names)
{
    struct asked asked = {.what = what_of(r, names)};
    bool of_message = asked.what == ASKED_DELETE || asked.what == ASKED_UNDO;
    asked.deletion = (struct pairs_deletion){
        .in = record_get(r, FIELD_IN),
        .message = of_message ? record_get(r, FIELD_MESSAGE) : 0,
        .issuer = record_get(r, FIELD_DEVICE),
        .at_us = r->at_us,
        .known_us = r->at_us,
    };
    if (of_message && !asked.deletion.message) /* a message's deletion that does not say which */
        asked.what = ASKED_OTHER;
    return asked;
}

static void effect(struct metrics *m, const struct asked *asked)
{
    if (asked->what == ASKED_DELETE || asked->what == ASKED_DELETE_CONV)
        pairs_delete(m->pairs, &asked->deletion);
    else if (asked->what != ASKED_OTHER)
        pairs_undo(m->pairs, asked->deletion.in, asked->deletion.message);
}

static void take_commit(struct metrics *m, const struct record *r, const struct names *names)
{
    m->inside = true;
    struct asked asked = read_asked(r, names);
    effect(m, &asked);
}

static uint64_t op_key(const struct record *r)
{
    return record_get(r, FIELD_DEVICE) << 32 | record_get(r, FIELD_OP);
}

static void take_invoke(struct metrics *m, const struct record *r, const struct names *names)
{
    const char *scope = names_text(names, (uint32_t)record_get(r, FIELD_SCOPE));
    struct asked asked = read_asked(r, names);
    if (m->inside || asked.what == ASKED_OTHER || (*scope && strcmp(scope, "all") != 0))
        return;
    uint32_t *place = keymap_put(&m->asked, op_key(r));
    if (!*place) {
        m->asks = base_grow(m->asks, &m->ask_cap, m->ask_count + 1, sizeof *m->asks);
        *place = (uint32_t)++m->ask_count;
    }
    m->asks[*place - 1] = asked;
}

static void take_ack(struct metrics *m, const struct record *r)
{
    uint32_t place = keymap_get(&m->asked, op_key(r));
    if (!place || m->inside)
        return;
    struct asked *asked = &m->asks[place - 1];
    asked->deletion.known_us = r->at_us;
    effect(m, asked);
    asked->what = ASKED_OTHER; /* once */
}

/* An early deletion is kept; later its target arrives, and it counts from then on. */
static void take_early(struct metrics *m, const struct record *r)
{
    m->inside = true;
    if (record_has(r, FIELD_DEVICE))
        *keymap_put(&m->early, record_get(r, FIELD_MESSAGE)) = (uint32_t)record_get(r, FIELD_DEVICE);
}

static void take_bind(struct metrics *m, const struct record *r, const struct names *names)
{
    uint64_t message = record_get(r, FIELD_MESSAGE);
    if (!strcmp(names_text(names, (uint32_t)record_get(r, FIELD_ANSWER)), "accepted"))
        pairs_delete(m->pairs, &(struct pairs_deletion){record_get(r, FIELD_IN), message,
                                                        keymap_get(&m->early, message), r->at_us, r->at_us});
}

/* ---- tombstones ---- */
/* The sum is folded in when its instant is over: in between some shards are counted anew and others not. */
static void fold_tables(struct metrics *m)
{
    if (!m->has_table)
        return;
    timeline_add(&m->totals.tombstones, m->table_us, m->tombstones);
    if (m->has_held)
        timeline_hold(&m->totals.tombstones, m->held_us, m->table_us, m->held);
    m->held = m->tombstones;
    m->held_us = m->table_us;
    m->has_held = true;
    m->has_table = false;
}

static void take_table(struct metrics *m, const struct record *r)
{
    if (m->has_table && r->at_us != m->table_us)
        fold_tables(m);
    uint32_t *place = keymap_put(&m->shards, record_get(r, FIELD_SHARD));
    if (!*place) {
        m->shard_tombstones =
            base_grow(m->shard_tombstones, &m->shard_cap, m->shard_count + 1, sizeof *m->shard_tombstones);
        m->shard_tombstones[m->shard_count++] = 0;
        *place = (uint32_t)m->shard_count;
    }
    uint64_t *shard = &m->shard_tombstones[*place - 1], now = record_get(r, FIELD_TOMBSTONES);
    m->tombstones += now - *shard; /* modulo 2^64: the sum stays right when a shard's falls */
    *shard = now;
    m->table_us = r->at_us;
    m->has_table = true;
}

/* ---- copies ---- */
static bool is_owed(const struct metrics *m, uint64_t copy, const struct names *names)
{
    return !m->quotes_kept || strcmp(names_text(names, (uint32_t)copy), "quote") != 0;
}

static void take_copy(struct metrics *m, const struct record *r, const struct names *names)
{
    uint64_t device = record_get(r, FIELD_DEVICE), in = record_get(r, FIELD_IN);
    uint64_t message = record_get(r, FIELD_MESSAGE), copy = record_get(r, FIELD_COPY);
    bool pending = record_has(r, FIELD_PENDING);
    if (!is_owed(m, copy, names))
        return;
    if (r->kind == KIND_SHOW && pending)
        pairs_show_pending(m->pairs, device, message, copy);
    else if (r->kind == KIND_SHOW)
        pairs_show(m->pairs, device, in, message, copy);
    else if (pending)
        pairs_hide_pending(m->pairs, device, message, copy, r->at_us);
    else
        pairs_hide(m->pairs, device, in, message, copy, r->at_us);
}

/* It shows at once what the other did when its backup was taken. */
static void take_device_restore(struct metrics *m, const struct record *r, const struct names *names)
{
    if (!record_has(r, FIELD_CLONE) && !record_has(r, FIELD_LINKED))
        pairs_replaced(m->pairs, record_get(r, FIELD_SOURCE));
    for (size_t i = 0; i < r->item_count; i++)
        if (is_owed(m, r->items[i].copy, names))
            pairs_show(m->pairs, record_get(r, FIELD_DEVICE), r->items[i].in, r->items[i].message, r->items[i].copy);
}

void metrics_take(void *metrics, const struct record *r, const struct names *names)
{
    struct metrics *m = metrics;
    switch (r->kind) {
        case KIND_CONNECT:
            pairs_connect(m->pairs, record_get(r, FIELD_DEVICE), r->at_us);
            break;
        case KIND_DISCONNECT:
            pairs_disconnect(m->pairs, record_get(r, FIELD_DEVICE));
            break;
        case KIND_TRAFFIC:
            m->totals.traffic.runs++;
            m->totals.traffic.requests += record_get(r, FIELD_REQUESTS);
            m->totals.traffic.bytes += record_get(r, FIELD_BYTES);
            m->totals.traffic.between += record_get(r, FIELD_BETWEEN);
            m->totals.traffic.hottest += record_get(r, FIELD_HOTTEST);
            break;
        case KIND_HERD:
            metrics_totals_add_herd(&m->totals.herd,
                                    &(struct metrics_herd){1, record_get(r, FIELD_COUNT), record_get(r, FIELD_WAITING),
                                                           record_get(r, FIELD_PERIOD), record_get(r, FIELD_EVENTS),
                                                           record_get(r, FIELD_REQUESTS), record_get(r, FIELD_BYTES),
                                                           record_get(r, FIELD_BETWEEN)});
            break;
        case KIND_EXEMPT:
            pairs_exempt(m->pairs, record_get(r, FIELD_NODE));
            break;
        case KIND_COMMIT:
            take_commit(m, r, names);
            break;
        case KIND_INVOKE:
            take_invoke(m, r, names);
            break;
        case KIND_ACK:
            take_ack(m, r);
            break;
        case KIND_EARLY:
            take_early(m, r);
            break;
        case KIND_BIND:
            take_bind(m, r, names);
            break;
        case KIND_SHOW:
        case KIND_HIDE:
            take_copy(m, r, names);
            break;
        case KIND_DEVICE_RESTORE:
            take_device_restore(m, r, names);
            break;
        case KIND_TABLE:
            take_table(m, r);
            break;
        default:
            break;
    }
}

void metrics_finish(struct metrics *m)
{
    fold_tables(m);
    struct pair_outcome outcome;
    pairs_settle(m->pairs);
    for (size_t at = 0; pairs_next(m->pairs, &at, &outcome);) {
        if (outcome.end != METRICS_REACHED) {
            m->totals.unreached[outcome.end]++;
            continue;
        }
        histogram_add(&m->totals.latency[outcome.class], outcome.latency_us);
        histogram_add(&m->totals.latency[METRICS_SINCE_DELETION], outcome.since_us);
    }
    forget_run(m);
}

/* ---- totals ---- */
void metrics_merge(struct metrics *into, const struct metrics *from)
{
    metrics_totals_merge(&into->totals, &from->totals);
}

uint64_t metrics_count(const struct metrics *m, enum metrics_class class)
{
    return m->totals.latency[class].count;
}

uint64_t metrics_percentile(const struct metrics *m, enum metrics_class class, uint32_t permille)
{
    return histogram_percentile(&m->totals.latency[class], permille);
}

struct metrics_traffic metrics_traffic(const struct metrics *m)
{
    return m->totals.traffic;
}

struct metrics_herd metrics_herd(const struct metrics *m)
{
    return m->totals.herd;
}

void metrics_print_traffic(const struct metrics *m, const char *indent, FILE *out)
{
    struct metrics_traffic t = m->totals.traffic;
    if (t.runs)
        fprintf(out,
                "%straffic a run: %" PRIu64 " requests, %" PRIu64 " bytes, %" PRIu64
                " messages between shards, %" PRIu64 " steps of the busiest shard\n",
                indent, t.requests / t.runs, t.bytes / t.runs, t.between / t.runs, t.hottest / t.runs);
    struct metrics_herd h = m->totals.herd;
    char took[MEASURES_DURATION_MAX];
    if (!h.herds)
        return;
    measures_duration(h.took_us / h.herds, took);
    fprintf(out,
            "%sback after an outage: %" PRIu64 " devices in %s, %" PRIu64 " missing: %" PRIu64 " events, %" PRIu64
            " requests, %" PRIu64 " bytes, %" PRIu64 " messages between shards\n",
            indent, h.devices / h.herds, took, h.missing / h.herds, h.events / h.herds, h.requests / h.herds,
            h.bytes / h.herds, h.between / h.herds);
}

uint64_t metrics_never(const struct metrics *m)
{
    return m->totals.unreached[METRICS_STILL_SHOWS];
}

uint64_t metrics_unreached(const struct metrics *m, enum metrics_end end)
{
    return m->totals.unreached[end];
}

void metrics_print_unreached(const struct metrics *m, FILE *out)
{
    static const char *const reasons[METRICS_ENDS] = {
        [METRICS_NEVER_RETURNS] = "on a device that never returns",
        [METRICS_REPLACED] = "on one that another goes on for",
        [METRICS_AWAY] = "on one that is away at the end",
    };
    const char *between = "owed nothing: ";
    if (metrics_never(m) > 0)
        fprintf(out, "never reached: %" PRIu64 " (deletion, device) pairs\n", metrics_never(m));
    for (int end = METRICS_NEVER_RETURNS; end < METRICS_ENDS; end++) {
        if (!m->totals.unreached[end])
            continue;
        fprintf(out, "%s%" PRIu64 " %s", between, m->totals.unreached[end], reasons[end]);
        between = ", ";
    }
    if (*between == ',')
        fputc('\n', out);
}

const struct histogram *metrics_histogram(const struct metrics *m, enum metrics_class class)
{
    return &m->totals.latency[class];
}

const struct timeline *metrics_tombstones(const struct metrics *m)
{
    return &m->totals.tombstones;
}

void metrics_write_json(const struct metrics *m, FILE *out)
{
    struct measures measures = {0};
    measures_from(&measures, m);
    measures_write_json(&measures, out);
    measures_release(&measures);
}

void metrics_write_text(const struct metrics *m, FILE *out)
{
    metrics_totals_write_text(&m->totals, out);
}

int metrics_read_text(struct metrics *m, const char *line)
{
    return metrics_totals_read_text(&m->totals, line);
}
