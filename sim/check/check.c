/*
 * check.c: takes records, asks every invariant, keeps the verdicts.
 *
 * For each record: deadlines that passed are judged; the invariants see the record against the model as it was; the
 * model is folded on; the invariants see what changed. check_finish judges what only the end can tell.
 */
#include "sim/check/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define INVARIANT(id, name, sentence, antecedent, needs) {name, sentence, antecedent, needs},
const struct invariant_info invariant_table[INVARIANT_COUNT] = {
#include "sim/check/invariants.def"
};
#undef INVARIANT

int invariant_find(const char *name)
{
    for (int i = 0; i < INVARIANT_COUNT; i++)
        if (strcmp(invariant_table[i].name, name) == 0)
            return i;
    return -1;
}

const char *verdict_name(enum verdict_state state)
{
    static const char *const texts[] = {"vacuous", "held", "unknown", "violated"};
    return (unsigned)state < 4 ? texts[state] : "?";
}

void judge(struct check *c, enum invariant invariant)
{
    c->verdicts[invariant].judged++;
}

void judge_unknown(struct check *c, enum invariant invariant)
{
    c->verdicts[invariant].unknown++;
}

struct verdict *violate(struct check *c, enum invariant invariant, const char *format, ...)
{
    struct verdict *v = &c->verdicts[invariant];
    v->judged++;
    if (v->violated++)
        return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(v->what, sizeof(v->what), format, args);
    va_end(args);
    return v;
}

/* In order, each once; when there are too many, the last stays the last. */
static void chain_add(struct verdict *v, const struct record *r)
{
    int at = v->chain_count;
    for (int i = 0; i < v->chain_count; i++)
        if (v->chain[i].seq == r->seq)
            return;
    if (at == VERDICT_CHAIN_MAX)
        return;
    while (at > 0 && v->chain[at - 1].seq > r->seq) {
        v->chain[at] = v->chain[at - 1];
        at--;
    }
    v->chain[at] = *r;
    v->chain[at].items = NULL;
    v->chain[at].item_count = 0;
    v->chain_count++;
}

void chain_now(struct check *c, struct verdict *v)
{
    if (v && c->now)
        chain_add(v, c->now);
}

void chain_kept(const struct check *c, struct verdict *v, uint32_t kept)
{
    if (!v || !kept)
        return;
    struct record r;
    state_kept(c, kept, &r);
    chain_add(v, &r);
}

static void chain_holding(const struct check *c, struct verdict *v, uint32_t holding, bool hide)
{
    const struct holding *h = &c->holdings[holding];
    if (!v || !(hide ? h->hide_seq : h->show_seq))
        return;
    const struct message *m = &c->messages[c->items[h->item].message];
    struct record r;
    memset(&r, 0, sizeof(r));
    record_begin(&r, hide ? KIND_HIDE : KIND_SHOW, hide ? h->hide_at_us : h->show_at_us);
    r.seq = hide ? h->hide_seq : h->show_seq;
    record_set(&r, FIELD_DEVICE, c->devices[h->device].name);
    record_set(&r, FIELD_IN, c->convs[m->conv].name);
    record_set(&r, FIELD_MESSAGE, m->name);
    record_set(&r, FIELD_COPY, c->items[h->item].copy);
    if (c->items[h->item].via)
        record_set(&r, FIELD_VIA, c->items[h->item].via);
    if (hide && h->because)
        record_set(&r, FIELD_BECAUSE, h->because);
    if (!hide && h->version)
        record_set(&r, FIELD_VERSION, h->version);
    if (hide ? h->hid_pending : h->pending)
        record_set(&r, FIELD_PENDING, 1);
    chain_add(v, &r);
}

void chain_show(const struct check *c, struct verdict *v, uint32_t holding)
{
    chain_holding(c, v, holding, false);
}

void chain_hide(const struct check *c, struct verdict *v, uint32_t holding)
{
    chain_holding(c, v, holding, true);
}

struct check *check_new(const struct check_options *options, struct names *names)
{
    struct check *c = base_alloc(sizeof(*c));
    c->options = *options;
    if (!c->options.online_us)
        c->options.online_us = 5 * US_PER_S;
    if (!c->options.returning_us)
        c->options.returning_us = 60 * US_PER_S;
    c->names = names;
    state_begin(c);
    return c;
}

void check_free(struct check *c)
{
    if (!c)
        return;
    state_release(c);
    free(c);
}

void check_reset(struct check *c)
{
    memset(c->seen, 0, sizeof(c->seen));
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        struct verdict *v = &c->verdicts[i];
        v->state = VERDICT_VACUOUS;
        v->judged = v->unknown = v->violated = 0;
        v->what[0] = v->missing[0] = '\0';
        v->chain_count = 0;
    }
    memset(&c->work, 0, sizeof(c->work));
    c->now = NULL;
    c->clock_off = c->inside = c->ended = c->delivering = c->aging = c->shard_exempt = false;
    c->last_activity_us = c->last_activity_seq = c->last_us = 0;
    c->fault_count = c->nameless_faults = c->shards_down = 0;
    c->fault_end_us = 0;
    c->audited_count = 0;
    state_begin(c);
}

static bool is_activity(enum history_kind kind)
{
    return kind == KIND_INVOKE || kind == KIND_ACK || kind == KIND_REFUSE || kind == KIND_SHOW || kind == KIND_HIDE ||
           kind == KIND_MEMBER || kind == KIND_CANCEL;
}

void check_take(void *check, const struct record *record, const struct names *names)
{
    struct check *c = check;
    (void)names;
    struct event e;
    c->now = record;
    c->seen[record->kind]++;
    c->work.records++;
    if (history_kinds()[record->kind].side == SIDE_INSIDE)
        c->inside = true;
    if (record->at_us > c->last_us)
        c->last_us = record->at_us;
    state_resolve(c, record, &e);
    reach_due(c, c->last_us);
    scope_before(c, &e);
    cascade_before(c, &e);
    content_before(c, &e);
    remanence_before(c, &e);
    visibility_before(c, &e);
    cursor_before(c, &e);
    poison_before(c, &e);
    audience_before(c, &e);
    order_before(c, &e);
    restore_before(c, &e);
    durability_before(c, &e);
    hold_before(c, &e);
    jobs_before(c, &e);
    retention_before(c, &e);
    copies_before(c, &e);
    attachments_before(c, &e);
    erasure_before(c, &e);
    reach_before(c, &e);
    fold(c, &e);
    restore_fold(c, &e);
    scope_fold(c, &e);
    audit_after(c, &e);
    if (is_activity(record->kind)) {
        c->last_activity_us = c->last_us;
        c->last_activity_seq = record->seq;
    }
    visibility_after(c, &e);
    cursor_after(c, &e);
    order_after(c, &e);
    reach_after(c, &e);
    settle_after(c, &e);
    jobs_after(c, &e);
    retention_after(c, &e);
    erasure_after(c, &e);
    attachments_after(c, &e);
    c->now = NULL;
}

/* The kinds that each invariant needs, in its order. Made before main: runs are many, and threads may be the first. */
#define NEEDS_MAX 16
static struct {
    uint8_t kinds[NEEDS_MAX];
    size_t count;
} needed[INVARIANT_COUNT];
static_assert(HISTORY_KINDS <= UINT8_MAX, "a kind fits a byte");

__attribute__((constructor)) static void find_needed(void)
{
    for (int i = 0; i < INVARIANT_COUNT; i++)
        for (const char *needs = invariant_table[i].needs; *needs; needs += strspn(needs, " ")) {
            size_t word = strcspn(needs, " ");
            for (int k = 0; k < HISTORY_KINDS; k++) {
                const char *name = history_kind_name((enum history_kind)k);
                if (strlen(name) != word || strncmp(name, needs, word) != 0)
                    continue;
                assert(needed[i].count < NEEDS_MAX);
                needed[i].kinds[needed[i].count++] = (uint8_t)k;
            }
            needs += word;
        }
}

/* Which of the kinds it needs never occurred. */
static void find_missing(const struct check *c, enum invariant invariant, struct verdict *v)
{
    size_t length = 0;
    for (size_t i = 0; i < needed[invariant].count; i++) {
        enum history_kind kind = (enum history_kind)needed[invariant].kinds[i];
        if (c->seen[kind])
            continue;
        const char *name = history_kind_name(kind);
        size_t word = strlen(name);
        if (length + word + 2 >= sizeof(v->missing))
            continue;
        if (length)
            v->missing[length++] = ' ';
        memcpy(v->missing + length, name, word);
        length += word;
    }
    v->missing[length] = '\0';
}

void check_finish(struct check *c)
{
    c->now = NULL;
    visibility_finish(c);
    restore_finish(c);
    agreement_finish(c);
    counters_finish(c);
    scope_finish(c);
    audience_finish(c);
    order_finish(c);
    durability_finish(c);
    reach_finish(c);
    settle_finish(c);
    hold_finish(c);
    jobs_finish(c);
    poison_finish(c);
    retention_finish(c);
    erasure_finish(c);
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        struct verdict *v = &c->verdicts[i];
        if (v->violated)
            v->state = VERDICT_VIOLATED;
        else if (v->unknown && !v->judged)
            v->state = VERDICT_UNKNOWN;
        else
            v->state = v->judged ? VERDICT_HELD : VERDICT_VACUOUS;
        if (v->state == VERDICT_VACUOUS)
            find_missing(c, (enum invariant)i, v);
    }
}

const struct verdict *check_verdict(const struct check *c, enum invariant invariant)
{
    return &c->verdicts[invariant];
}

struct check_work check_work(const struct check *c)
{
    return c->work;
}
