/*
 * metrics.c: the folding of records into (deletion, device) pairs.
 *
 * Method: a row per (device, message) says which copies are readable. Rows hang on their message, messages on their
 * conversation, so that a deletion finds its rows without a search. A row that a standing deletion covers belongs to a
 * pair, which counts its open rows; the pair's latency is that of the row that closed last, read off when the run ends,
 * since a copy may be shown again until then. Pending shows and hides are the device's own hopes and change nothing.
 */
#include "reports/metrics.h"

#include "reports/histogram.h"
#include "reports/keymap.h"
#include "reports/measures.h"
#include "reports/metrics_totals.h"

#include <stdlib.h>
#include <string.h>

/* Indices are from 1; item 0 of each array is unused, and 0 means none. */
struct device {
    uint64_t connected_at_us;
    bool exempt;
};
struct row {
    uint64_t hidden_at_us;
    uint32_t device, next; /* next: row of the same message */
    uint32_t pair;
    uint32_t copies; /* bit: a kind of copy that is readable */
    bool hidden;     /* was readable once, and is not now */
};
struct message {
    uint32_t conversation, next; /* next: message of the same conversation */
    uint32_t first_row, deletion, early_issuer;
};
struct conversation {
    uint32_t first_message, deletion;
};
struct deletion {
    uint64_t at_us;
    uint32_t issuer;
    bool undone;
};
struct pair {
    uint64_t hidden_at_us, latency_us;
    uint32_t deletion, device, open_rows;
    enum metrics_class class;
};
enum asked_what { ASKED_OTHER, ASKED_DELETE, ASKED_DELETE_CONV, ASKED_UNDO, ASKED_UNDO_CONV };
struct asked { /* an operation of a history without commits, until it is answered */
    uint64_t at_us;
    enum asked_what what;
    uint32_t target, issuer;
};

/* A growable array of one of these. */
#define ARRAY(type)         \
    struct {                \
        struct type *items; \
        size_t count, cap;  \
    }
#define COPIES_MAX 32U

struct metrics {
    /* the run */
    struct keymap devices, conversations, messages, shards; /* by name */
    struct keymap rows, pairs, asked;                       /* by two numbers */
    ARRAY(device) device;
    ARRAY(conversation) conversation;
    ARRAY(message) message;
    ARRAY(row) row;
    ARRAY(deletion) deletion;
    ARRAY(pair) pair;
    ARRAY(asked) ask;
    uint32_t copy_names[COPIES_MAX]; /* which kind of copy a bit stands for; the last bit for all that are left */
    uint32_t copy_count;
    bool has_commits;
    uint64_t *shard_tombstones;
    size_t shard_count, shard_cap;
    uint64_t tombstones;
    struct metrics_totals totals;
};

#define APPEND(array)                                                                                  \
    ((array).items = base_grow((array).items, &(array).cap, (array).count + 1, sizeof *(array).items), \
     memset(&(array).items[(array).count], 0, sizeof *(array).items), (uint32_t)(array).count++)

static uint64_t two(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

static void start_run(struct metrics *m)
{
    struct keymap *maps[] = {&m->devices, &m->conversations, &m->messages, &m->shards, &m->rows, &m->pairs, &m->asked};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        keymap_clear(maps[i]);
    m->device.count = m->conversation.count = m->message.count = m->row.count = 0;
    m->deletion.count = m->pair.count = m->ask.count = 0;
    APPEND(m->device);
    APPEND(m->conversation);
    APPEND(m->message);
    APPEND(m->row);
    APPEND(m->deletion);
    APPEND(m->pair);
    APPEND(m->ask);
    m->copy_count = 0;
    m->has_commits = false;
    m->shard_count = 0;
    m->tombstones = 0;
}

struct metrics *metrics_new(void)
{
    struct metrics *m = base_alloc(sizeof *m);
    metrics_totals_init(&m->totals);
    start_run(m);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    struct keymap *maps[] = {&m->devices, &m->conversations, &m->messages, &m->shards, &m->rows, &m->pairs, &m->asked};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        keymap_release(maps[i]);
    void *arrays[] = {m->device.items,   m->conversation.items, m->message.items, m->row.items,
                      m->deletion.items, m->pair.items,         m->ask.items,     m->shard_tombstones};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    metrics_totals_release(&m->totals);
    free(m);
}

void metrics_reset(struct metrics *m)
{
    start_run(m);
    metrics_totals_clear(&m->totals);
}

/* ---- names to places ---- */
static uint32_t device_of(struct metrics *m, uint64_t name)
{
    uint32_t *place = keymap_put(&m->devices, name);
    if (!*place)
        *place = APPEND(m->device);
    return *place;
}

static uint32_t conversation_of(struct metrics *m, uint64_t name)
{
    uint32_t *place = keymap_put(&m->conversations, name);
    if (!*place)
        *place = APPEND(m->conversation);
    return *place;
}

static uint32_t message_of(struct metrics *m, uint64_t name)
{
    uint32_t *place = keymap_put(&m->messages, name);
    if (!*place)
        *place = APPEND(m->message);
    return *place;
}

static uint32_t row_of(struct metrics *m, const struct record *r)
{
    uint32_t device = device_of(m, record_get(r, FIELD_DEVICE));
    uint32_t message = message_of(m, record_get(r, FIELD_MESSAGE));
    if (!m->message.items[message].conversation) {
        uint32_t conversation = conversation_of(m, record_get(r, FIELD_IN));
        m->message.items[message].conversation = conversation;
        m->message.items[message].next = m->conversation.items[conversation].first_message;
        m->conversation.items[conversation].first_message = message;
    }
    uint32_t *place = keymap_put(&m->rows, two(device, message));
    if (!*place) {
        *place = APPEND(m->row);
        m->row.items[*place].device = device;
        m->row.items[*place].next = m->message.items[message].first_row;
        m->message.items[message].first_row = *place;
    }
    return *place;
}

static uint32_t copy_bit(struct metrics *m, uint64_t name)
{
    uint32_t i = 0;
    while (i < m->copy_count && m->copy_names[i] != name)
        i++;
    if (i == m->copy_count && m->copy_count < COPIES_MAX)
        m->copy_names[m->copy_count++] = (uint32_t)name;
    return 1U << (i < COPIES_MAX ? i : COPIES_MAX - 1);
}

/* ---- pairs ---- */
static bool stands(const struct metrics *m, uint32_t deletion)
{
    return deletion && !m->deletion.items[deletion].undone;
}

static struct pair *pair_of(struct metrics *m, uint32_t deletion, uint32_t device)
{
    uint32_t *place = keymap_put(&m->pairs, two(deletion, device));
    if (!*place) {
        *place = APPEND(m->pair);
        m->pair.items[*place].deletion = deletion;
        m->pair.items[*place].device = device;
    }
    return &m->pair.items[*place];
}

static uint64_t since(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? to_us - from_us : 0; /* clocks of an outside history may differ */
}

static void reach(struct metrics *m, struct pair *pair, uint64_t at_us)
{
    uint64_t deleted_us = m->deletion.items[pair->deletion].at_us;
    uint64_t connected_us = m->device.items[pair->device].connected_at_us;
    bool returned = connected_us > deleted_us && connected_us <= at_us;
    pair->hidden_at_us = at_us;
    pair->class = returned ? METRICS_RETURNING : METRICS_ONLINE;
    pair->latency_us = since(returned ? connected_us : deleted_us, at_us);
}

static void cover(struct metrics *m, uint32_t row, uint32_t deletion)
{
    struct row *r = &m->row.items[row];
    if (r->device == m->deletion.items[deletion].issuer || (r->pair && stands(m, m->pair.items[r->pair].deletion)))
        return;
    struct pair *pair = pair_of(m, deletion, r->device);
    pair->open_rows++;
    r->pair = (uint32_t)(pair - m->pair.items);
}

/* The rows of one message that a deletion covers when it begins. now_us > its time: it was known only later. */
static void cover_message(struct metrics *m, uint32_t message, uint32_t deletion, uint64_t now_us)
{
    const struct deletion *d = &m->deletion.items[deletion];
    for (uint32_t i = m->message.items[message].first_row; i; i = m->row.items[i].next) {
        const struct row *r = &m->row.items[i];
        if (r->copies) {
            cover(m, i, deletion);
        } else if (r->hidden && now_us > d->at_us && r->hidden_at_us >= d->at_us && r->device != d->issuer) {
            struct pair *pair = pair_of(m, deletion, r->device);
            if (r->hidden_at_us >= pair->hidden_at_us)
                reach(m, pair, r->hidden_at_us);
        }
    }
}

static void delete_message(struct metrics *m, uint32_t message, uint32_t issuer, uint64_t at_us, uint64_t now_us)
{
    if (stands(m, m->message.items[message].deletion))
        return; /* deleted already: the first deletion is the one that must arrive */
    uint32_t deletion = APPEND(m->deletion);
    m->deletion.items[deletion] = (struct deletion){at_us, issuer, false};
    m->message.items[message].deletion = deletion;
    cover_message(m, message, deletion, now_us);
}

static void delete_conversation(struct metrics *m, uint32_t conversation, uint32_t issuer, uint64_t at_us,
                                uint64_t now_us)
{
    if (stands(m, m->conversation.items[conversation].deletion))
        return;
    uint32_t deletion = APPEND(m->deletion);
    m->deletion.items[deletion] = (struct deletion){at_us, issuer, false};
    m->conversation.items[conversation].deletion = deletion;
    for (uint32_t i = m->conversation.items[conversation].first_message; i; i = m->message.items[i].next)
        if (!stands(m, m->message.items[i].deletion))
            cover_message(m, i, deletion, now_us);
}

/* ---- records ---- */
static enum asked_what what_of(const struct record *r, const struct names *names)
{
    static const char *const words[] = {"", "delete", "delete-conversation", "undo", "undo-conversation"};
    const char *word = names_text(names, (uint32_t)record_get(r, FIELD_DO));
    for (int i = ASKED_DELETE; i <= ASKED_UNDO_CONV; i++)
        if (!strcmp(word, words[i]))
            return (enum asked_what)i;
    return ASKED_OTHER;
}

/* What the operation is about: a message's or conversation's place, or 0. */
static uint32_t target_of(struct metrics *m, const struct record *r, enum asked_what what)
{
    bool message = what == ASKED_DELETE || what == ASKED_UNDO;
    uint64_t name = record_get(r, message ? FIELD_MESSAGE : FIELD_IN);
    if (!name)
        return 0;
    return message ? message_of(m, name) : conversation_of(m, name);
}

static void effect(struct metrics *m, const struct asked *asked, uint64_t now_us)
{
    if (!asked->target)
        return;
    uint32_t deletion = 0;
    switch (asked->what) {
        case ASKED_DELETE:
            delete_message(m, asked->target, asked->issuer, asked->at_us, now_us);
            break;
        case ASKED_DELETE_CONV:
            delete_conversation(m, asked->target, asked->issuer, asked->at_us, now_us);
            break;
        case ASKED_UNDO:
            deletion = m->message.items[asked->target].deletion;
            break;
        case ASKED_UNDO_CONV:
            deletion = m->conversation.items[asked->target].deletion;
            break;
        case ASKED_OTHER:
            break;
    }
    if (deletion)
        m->deletion.items[deletion].undone = true;
}

static void take_commit(struct metrics *m, const struct record *r, const struct names *names)
{
    m->has_commits = true;
    enum asked_what what = what_of(r, names);
    if (what == ASKED_OTHER)
        return;
    uint64_t device = record_get(r, FIELD_DEVICE);
    struct asked asked = {r->at_us, what, target_of(m, r, what), device ? device_of(m, device) : 0};
    effect(m, &asked, r->at_us);
}

static void take_invoke(struct metrics *m, const struct record *r, const struct names *names)
{
    const char *scope = names_text(names, (uint32_t)record_get(r, FIELD_SCOPE));
    enum asked_what what = what_of(r, names);
    if (m->has_commits || what == ASKED_OTHER || (*scope && strcmp(scope, "all") != 0))
        return;
    uint32_t device = device_of(m, record_get(r, FIELD_DEVICE));
    struct asked asked = {r->at_us, what, target_of(m, r, what), device};
    uint32_t *place = keymap_put(&m->asked, two(device, (uint32_t)record_get(r, FIELD_OP)));
    if (!*place)
        *place = APPEND(m->ask);
    m->ask.items[*place] = asked;
}

static void take_ack(struct metrics *m, const struct record *r)
{
    uint32_t device = device_of(m, record_get(r, FIELD_DEVICE));
    uint32_t place = keymap_get(&m->asked, two(device, (uint32_t)record_get(r, FIELD_OP)));
    if (!place || m->has_commits)
        return;
    struct asked asked = m->ask.items[place];
    m->ask.items[place].what = ASKED_OTHER; /* once */
    effect(m, &asked, r->at_us);
}

/* An early deletion met its target, or was kept for it. */
static void take_early(struct metrics *m, const struct record *r, const struct names *names)
{
    uint32_t message = message_of(m, record_get(r, FIELD_MESSAGE));
    if (r->kind == KIND_EARLY) {
        uint64_t device = record_get(r, FIELD_DEVICE);
        uint32_t issuer = device ? device_of(m, device) : 0;
        m->message.items[message].early_issuer = issuer;
    } else if (!strcmp(names_text(names, (uint32_t)record_get(r, FIELD_ANSWER)), "accepted")) {
        delete_message(m, message, m->message.items[message].early_issuer, r->at_us, r->at_us);
    }
}

static void take_show(struct metrics *m, const struct record *r)
{
    if (record_has(r, FIELD_PENDING))
        return;
    uint32_t row = row_of(m, r);
    m->row.items[row].copies |= copy_bit(m, record_get(r, FIELD_COPY));
    m->row.items[row].hidden = false;
    const struct message *message = &m->message.items[message_of(m, record_get(r, FIELD_MESSAGE))];
    uint32_t of_conversation = m->conversation.items[message->conversation].deletion;
    if (stands(m, message->deletion))
        cover(m, row, message->deletion);
    else if (stands(m, of_conversation))
        cover(m, row, of_conversation);
}

static void take_hide(struct metrics *m, const struct record *r)
{
    if (record_has(r, FIELD_PENDING))
        return;
    struct row *row = &m->row.items[row_of(m, r)];
    if (!row->copies)
        return;
    row->copies &= ~copy_bit(m, record_get(r, FIELD_COPY));
    if (row->copies)
        return;
    row->hidden = true;
    row->hidden_at_us = r->at_us;
    struct pair *pair = &m->pair.items[row->pair];
    if (row->pair && stands(m, pair->deletion)) {
        pair->open_rows--;
        reach(m, pair, r->at_us);
    }
    row->pair = 0;
}

static void take_table(struct metrics *m, const struct record *r)
{
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
    timeline_add(&m->totals.tombstones, r->at_us, m->tombstones);
}

void metrics_take(void *metrics, const struct record *r, const struct names *names)
{
    struct metrics *m = metrics;
    switch (r->kind) {
        case KIND_CONNECT:
            m->device.items[device_of(m, record_get(r, FIELD_DEVICE))].connected_at_us = r->at_us;
            break;
        case KIND_EXEMPT: {
            uint32_t device = keymap_get(&m->devices, record_get(r, FIELD_NODE));
            m->device.items[device].exempt = true; /* of device 0 when it is not one: never read */
            break;
        }
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
        case KIND_BIND:
            take_early(m, r, names);
            break;
        case KIND_SHOW:
            take_show(m, r);
            break;
        case KIND_HIDE:
            take_hide(m, r);
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
    for (size_t i = 1; i < m->pair.count; i++) {
        const struct pair *pair = &m->pair.items[i];
        if (!pair->open_rows) {
            histogram_add(&m->totals.latency[pair->class], pair->latency_us);
            histogram_add(&m->totals.latency[METRICS_SINCE_DELETION],
                          since(m->deletion.items[pair->deletion].at_us, pair->hidden_at_us));
        } else if (stands(m, pair->deletion) && !m->device.items[pair->device].exempt) {
            m->totals.never++;
        }
    }
    start_run(m);
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

uint64_t metrics_never(const struct metrics *m)
{
    return m->totals.never;
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
