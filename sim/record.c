/*
 * record.c: notes of core become records of the history, one to one and in order.
 *
 * Method: one function a family of notes sets the fields that its kind has. Zero names are dropped by history_emit, so
 * a target of 0 (the conversation itself) needs no case. The words of closed lists are interned once a run.
 */
#include "sim/record.h"

#include "sim/lives.h"

#include <string.h>

void record_words(struct world *w)
{
    static const char *const roles[ROLE_COUNT] = {"none", "member", "owner", "moderator"};
    struct words *words = &w->words;
    struct names *n = w->names;
    for (unsigned i = 1; i < OPERATION_COUNT; i++)
        words->operation[i] = names_intern(n, operation_name(i));
    for (unsigned i = 1; i < ENTRY_COUNT; i++)
        words->entry[i] = names_intern(n, entry_name(i));
    assert(WHY_COUNT <= sizeof words->why / sizeof words->why[0]);
    for (unsigned i = 1; i < WHY_COUNT; i++)
        words->why[i] = names_intern(n, why_name(i));
    for (unsigned i = 1; i < BECAUSE_COUNT; i++)
        words->because[i] = names_intern(n, because_name(i));
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        words->role[i] = names_intern(n, roles[i]);
#define FAULT_WORD(id, name) words->fault[FAULT_##id] = names_intern(n, name);
    FAULT_LIST(FAULT_WORD)
#undef FAULT_WORD
#define POINT_WORD(id, name) words->point[CRASH_##id] = names_intern(n, name);
    CRASH_POINT_LIST(POINT_WORD)
#undef POINT_WORD
    for (unsigned i = 0; i < COPY_COUNT; i++)
        words->copy[i] = names_intern(n, copy_name(i));
    for (unsigned i = 1; i < REASON_COUNT; i++)
        words->reason[i] = names_intern(n, reason_name(i));
    words->stage[JOB_BEGIN] = names_intern(n, "begin");
    words->stage[JOB_PROGRESS] = names_intern(n, "progress");
    words->stage[JOB_END] = names_intern(n, "end");
    words->all = names_intern(n, "all");
    words->me = names_intern(n, "me");
    words->sync[SYNC_DELTA] = names_intern(n, "delta");
    words->sync[SYNC_RESET] = names_intern(n, "reset");
    words->sync[SYNC_HEAD_ONLY] = names_intern(n, "head");
    words->sync[SYNC_RETIRE] = names_intern(n, "retire");
    words->accepted = names_intern(n, outcome_name(OUTCOME_ACCEPTED));
    words->refused = names_intern(n, outcome_name(OUTCOME_REFUSED));
    words->heal = names_intern(n, "heal");
    words->release = names_intern(n, "release");
    words->resume = names_intern(n, "resume");
    words->safety = names_intern(n, "safety");
    words->deliver = names_intern(n, "deliver");
    words->age = names_intern(n, "age");
}

/* Of a device's id in a note: who speaks, or whom the servers mean. */
static uint32_t noted_device(struct world *w, device_id id)
{
    return record_device_name(w, w->speaker ? w->speaker : lives_holder(w, id));
}

/* ---- records ---- */

struct record *record_new(struct world *w, enum history_kind kind)
{
    record_begin(&w->record, kind, w->now_us);
    return &w->record;
}

bool record_is_judged(const struct world *w, conv_id conv)
{
    uint32_t share = w->scenario->judge_ppm;
    if (share >= 1000000 || !conv ||
        (ID_DEVICE(conv) == PROVISIONER && conv_id_op(&w->policy, conv) <= w->scenario->conversation_count))
        return true;
    uint64_t hash = (conv ^ conv >> 31) * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
    return (hash >> 32) * 1000000 >> 32 < share;
}

void record_emit(struct world *w)
{
    if (w->hush == HUSH_ALL)
        return;
    history_emit(w->history, &w->record);
}

void record_device(struct world *w, device_id id, bool linked)
{
    struct record *r = record_new(w, KIND_DEVICE);
    record_set(r, FIELD_DEVICE, record_device_name(w, id));
    record_set(r, FIELD_USER, record_user_name(w, world_device(w, id)->user));
    record_set(r, FIELD_LINKED, linked);
    record_set(r, FIELD_OLD, world_device(w, id)->protocol != 0);
    record_emit(w);
}

void record_rule(struct world *w, conv_id conv, uint8_t operation, uint8_t role)
{
    struct record *r = record_new(w, KIND_RULE);
    record_set(r, FIELD_IN, record_conv_name(w, conv));
    record_set(r, FIELD_DO, operation ? w->words.operation[operation] : names_intern(w->names, "announce"));
    record_set(r, FIELD_ROLE, w->words.role[role]);
    record_emit(w);
}

void record_officer(struct world *w, user_id id)
{
    struct record *r = record_new(w, KIND_OFFICER);
    record_set(r, FIELD_USER, record_user_name(w, id));
    record_emit(w);
}

void record_node(struct world *w, enum history_kind kind, uint32_t node)
{
    struct record *r = record_new(w, kind);
    bool device = kind == KIND_CONNECT || kind == KIND_DISCONNECT;
    record_set(r, device ? FIELD_DEVICE : FIELD_NODE, node_name(w, node));
    record_emit(w);
}

void record_fault(struct world *w, uint32_t fault_word, uint32_t node, uint32_t step, uint64_t count)
{
    struct record *r = record_new(w, KIND_FAULT);
    record_set(r, FIELD_FAULT, fault_word);
    if (node != NODE_NONE)
        record_set(r, FIELD_NODE, node_name(w, node));
    if (step)
        record_set(r, FIELD_STEP, w->steps[step - 1].name);
    if (count)
        record_set(r, FIELD_COUNT, count);
    record_emit(w);
}

/* ---- notes ---- */

static void set_op(struct world *w, struct record *r, const struct note *n)
{
    uint64_t key = lives_spoken_key(w, MAKE_ID(n->device, n->op), true);
    record_set(r, FIELD_OP, record_key_name(w, key));
    record_set(r, FIELD_DEVICE, record_device_name(w, w->speaker ? w->speaker : ID_DEVICE(key)));
}

static void set_where(struct world *w, struct record *r, const struct note *n)
{
    record_set(r, FIELD_IN, record_conv_name(w, n->conv));
    record_set(r, FIELD_MESSAGE, record_message_name(w, n->target));
}

static void set_version(struct record *r, enum history_field field, version v)
{
    if (v)
        record_set(r, field, v);
}

static void set_cursor(struct world *w, struct record *r, const struct note *n)
{
    record_set(r, FIELD_DEVICE, noted_device(w, n->device));
    record_set(r, FIELD_EPOCH, n->epoch);
    record_set(r, FIELD_POSITION, n->position);
}

static uint32_t word_of(const uint32_t *words, size_t count, unsigned value)
{
    assert(value < count);
    return value ? words[value] : 0;
}
#define WORD(list, value) word_of(list, sizeof(list) / sizeof((list)[0]), value)

static void note_invoke(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, KIND_INVOKE);
    set_op(w, r, n);
    set_where(w, r, n);
    if (n->operation == OPERATION_SEND || n->operation == OPERATION_INVITE)
        record_set(r, FIELD_MESSAGE, record_own_message_name(w, n->target));
    record_set(r, FIELD_DO, WORD(w->words.operation, n->operation));
    record_set(r, FIELD_SUBJECT, record_user_name(w, n->subject));
    if (n->role)
        record_set(r, FIELD_ROLE, w->words.role[n->role]);
    if (n->operation == OPERATION_DELETE || n->operation == OPERATION_DELETE_CONV)
        record_set(r, FIELD_SCOPE, w->words.all);
    if (n->operation == OPERATION_DELETE_ME || n->operation == OPERATION_CLEAR)
        record_set(r, FIELD_SCOPE, w->words.me);
    set_version(r, FIELD_UNDOES, n->named);
    record_set(r, FIELD_VIA, record_message_name(w, n->via));
    record_set(r, FIELD_ATTACHMENT, record_own_message_name(w, n->blob));
    record_emit(w);
}

static void note_answered(struct world *w, const struct note *n)
{
    bool refused = n->outcome == OUTCOME_REFUSED;
    struct record *r = record_new(w, refused ? KIND_REFUSE : KIND_ACK);
    set_op(w, r, n);
    if (refused)
        record_set(r, FIELD_WHY, WORD(w->words.why, n->why));
    else
        record_set(r, FIELD_SETTLED, n->outcome == OUTCOME_SETTLED);
    record_emit(w);
    script_answered(w, w->speaker, n->op, n->outcome, n->why);
    workload_answered(w, w->speaker, n->op, n->outcome);
}

static void note_cancelled(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, KIND_CANCEL);
    set_op(w, r, n);
    record_set(r, FIELD_MESSAGE, record_own_message_name(w, n->target));
    record_emit(w);
}

static void note_view(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, n->kind == NOTE_SHOW ? KIND_SHOW : KIND_HIDE);
    record_set(r, FIELD_DEVICE, noted_device(w, n->device));
    set_where(w, r, n);
    if (lives_is_own_send(n))
        record_set(r, FIELD_MESSAGE, record_own_message_name(w, n->target));
    if (n->copy == COPY_TYPING) {
        record_set(r, FIELD_MESSAGE, record_typing_name(w, n->conv, n->actor));
        record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    }
    record_set(r, FIELD_COPY, w->words.copy[n->copy]);
    record_set(r, FIELD_VIA, record_message_name(w, n->via));
    set_version(r, FIELD_VERSION, n->version);
    record_set(r, FIELD_PENDING, n->pending);
    if (n->kind == NOTE_HIDE)
        record_set(r, FIELD_BECAUSE, WORD(w->words.because, n->because));
    record_emit(w);
}

static void note_notice(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, KIND_NOTICE);
    record_set(r, FIELD_DEVICE, noted_device(w, n->device));
    record_set(r, FIELD_IN, record_conv_name(w, n->conv));
    record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    record_set(r, FIELD_DRAFT, n->draft);
    record_emit(w);
}

static void note_cursor(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, n->kind == NOTE_CURSOR ? KIND_CURSOR : KIND_INSTALL);
    set_cursor(w, r, n);
    if (n->kind == NOTE_INSTALL) {
        record_set(r, FIELD_GENERATION, n->generation);
    } else {
        if (!w->hush) {
            record_set(r, FIELD_ENTRY, WORD(w->words.entry, n->entry));
            set_version(r, FIELD_VERSION, n->version);
        }
        set_where(w, r, n);
    }
    record_emit(w);
    w->progress_us = w->now_us;
}

static void note_decided(struct world *w, const struct note *n, uint32_t shard)
{
    bool commit = n->kind == NOTE_COMMIT;
    struct record *r = record_new(w, commit ? KIND_COMMIT : KIND_REJECT);
    if (n->job && n->op)
        record_set(r, FIELD_JOB, record_op_name(w, n->device, n->op));
    else if (!n->job)
        set_op(w, r, n);
    record_set(r, FIELD_REASON, WORD(w->words.reason, n->reason));
    record_set(r, FIELD_SHARD, shard);
    record_set(r, FIELD_DO, WORD(w->words.operation, n->operation));
    set_where(w, r, n);
    record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    if (commit) {
        record_set(r, FIELD_VERSION, n->version);
        record_set(r, FIELD_SUBJECT, record_user_name(w, n->subject));
        if (n->role)
            record_set(r, FIELD_ROLE, w->words.role[n->role]);
        set_version(r, FIELD_UNDOES, n->named);
        record_set(r, FIELD_VIA, record_message_name(w, n->via));
        record_set(r, FIELD_ATTACHMENT, record_message_name(w, n->blob));
        if (n->deadline_us)
            record_set(r, FIELD_DEADLINE, n->deadline_us);
    } else {
        record_set(r, FIELD_WHY, WORD(w->words.why, n->why));
    }
    record_emit(w);
    w->progress_us = w->now_us;
    if (!n->job)
        script_decided(w, n->device, n->op, commit ? n->version : 0);
    if (commit && n->operation == OPERATION_CREATE)
        world_tell_rules(w, n->conv);
}

static void note_early(struct world *w, const struct note *n, uint32_t shard)
{
    bool early = n->kind == NOTE_EARLY;
    struct record *r = record_new(w, early ? KIND_EARLY : KIND_BIND);
    set_where(w, r, n);
    record_set(r, FIELD_SHARD, shard);
    record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    if (early) {
        set_op(w, r, n);
    } else {
        record_set(r, FIELD_ANSWER, n->outcome == OUTCOME_ACCEPTED ? w->words.accepted : w->words.refused);
        set_version(r, FIELD_VERSION, n->version);
    }
    record_emit(w);
    w->progress_us = w->now_us;
    if (early)
        script_decided(w, n->device, n->op, 0);
}

static void note_append(struct world *w, const struct note *n, uint32_t shard)
{
    struct record *r = record_new(w, KIND_APPEND);
    record_set(r, FIELD_USER, record_user_name(w, n->user));
    record_set(r, FIELD_EPOCH, n->epoch);
    record_set(r, FIELD_POSITION, n->position);
    record_set(r, FIELD_ENTRY, WORD(w->words.entry, n->entry));
    record_set(r, FIELD_SHARD, shard);
    set_where(w, r, n);
    set_version(r, FIELD_VERSION, n->version);
    if (n->number) {
        record_set(r, FIELD_SOURCE, node_name(w, n->source));
        record_set(r, FIELD_NUMBER, n->number);
    }
    record_emit(w);
    w->progress_us = w->now_us;
}

static void note_sync(struct world *w, const struct note *n, uint32_t shard)
{
    struct record *r = record_new(w, KIND_SYNC);
    record_set(r, FIELD_DEVICE, noted_device(w, n->device));
    record_set(r, FIELD_ANSWER, w->words.sync[n->outcome]);
    record_set(r, FIELD_CURSOR, n->position);
    record_set(r, FIELD_HEAD, n->head);
    record_set(r, FIELD_HORIZON, n->horizon);
    record_set(r, FIELD_GENERATION, n->generation);
    record_set(r, FIELD_CURRENT, n->current);
    record_set(r, FIELD_EPOCH, n->epoch);
    record_set(r, FIELD_SHARD, shard);
    record_emit(w);
}

static void note_member(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, KIND_MEMBER);
    record_set(r, FIELD_CONVERSATION, record_conv_name(w, n->conv));
    record_set(r, FIELD_USER, record_user_name(w, n->user));
    record_set(r, FIELD_ROLE, w->words.role[n->role]);
    set_version(r, FIELD_VERSION, n->version);
    record_emit(w);
    if (w->crowd.conv_count)
        workload_member(w, n->conv, n->user, n->role != ROLE_NONE);
}

/* Acknowledged, fence, truncate, duplicate, receive, fetch: the book-keeping of a shard. */
static void note_books(struct world *w, const struct note *n, uint32_t shard)
{
    static const enum history_kind kinds[NOTE_COUNT] = {
        [NOTE_ACKNOWLEDGED] = KIND_ACKNOWLEDGED,
        [NOTE_FENCE] = KIND_FENCE,
        [NOTE_TRUNCATE] = KIND_TRUNCATE,
        [NOTE_DUPLICATE] = KIND_DUPLICATE,
        [NOTE_RECEIVE] = KIND_RECEIVE,
        [NOTE_REPEAT] = KIND_REPEAT,
        [NOTE_FETCH] = KIND_FETCH,
    };
    struct record *r = record_new(w, kinds[n->kind]);
    switch (n->kind) {
        case NOTE_ACKNOWLEDGED:
            set_cursor(w, r, n);
            record_set(r, FIELD_GENERATION, n->generation);
            break;
        case NOTE_FENCE:
            record_set(r, FIELD_DEVICE, noted_device(w, n->device));
            record_set(r, FIELD_GENERATION, n->generation);
            break;
        case NOTE_TRUNCATE:
            record_set(r, FIELD_USER, record_user_name(w, n->user));
            record_set(r, FIELD_EPOCH, n->epoch);
            record_set(r, FIELD_HORIZON, n->position);
            record_set(r, FIELD_SHARD, shard);
            break;
        case NOTE_DUPLICATE:
            set_op(w, r, n);
            record_set(r, FIELD_SHARD, shard);
            break;
        case NOTE_FETCH:
            record_set(r, FIELD_SHARD, shard);
            record_set(r, FIELD_DEVICE, noted_device(w, n->device));
            set_where(w, r, n);
            record_set(r, FIELD_NUMBER, n->number);
            record_set(r, FIELD_WHY, WORD(w->words.why, n->why));
            break;
        default:
            record_set(r, FIELD_SHARD, shard);
            record_set(r, FIELD_SOURCE, node_name(w, n->source));
            record_set(r, FIELD_INCARNATION, n->incarnation);
            record_set(r, FIELD_NUMBER, n->number);
    }
    record_emit(w);
}

static void note_life(struct world *w, const struct note *n, uint32_t shard)
{
    enum history_kind kind = n->kind == NOTE_PURGING ? KIND_PURGING : n->kind == NOTE_PURGE ? KIND_PURGE : KIND_REAP;
    struct record *r = record_new(w, kind);
    set_where(w, r, n);
    record_set(r, FIELD_VERSION, n->version);
    record_set(r, FIELD_SHARD, shard);
    record_emit(w);
}

static void note_restored(struct world *w, const struct note *n, uint32_t shard)
{
    bool epoch = n->kind == NOTE_EPOCH;
    struct record *r = record_new(w, epoch ? KIND_EPOCH : KIND_REPLAY);
    record_set(r, FIELD_SHARD, shard);
    if (epoch) {
        record_set(r, FIELD_USER, record_user_name(w, n->user));
        record_set(r, FIELD_EPOCH, n->epoch);
    } else {
        set_where(w, r, n);
        if (n->op)
            set_op(w, r, n);
        record_set(r, FIELD_DO, w->words.operation[n->operation]);
        record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
        set_version(r, FIELD_VERSION, n->version);
        set_version(r, FIELD_UNDOES, n->named);
        record_set(r, FIELD_SUBJECT, record_user_name(w, n->subject));
        record_set(r, FIELD_ROLE, n->role ? w->words.role[n->role] : 0);
    }
    record_emit(w);
}

static void note_hold(struct world *w, const struct note *n, uint32_t shard)
{
    enum history_kind kind = n->kind == NOTE_HOLD ? KIND_HOLD : n->kind == NOTE_RELEASE ? KIND_RELEASE : KIND_PARK;
    struct record *r = record_new(w, kind);
    set_where(w, r, n);
    record_set(r, FIELD_USER, record_user_name(w, n->user));
    record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    set_version(r, FIELD_VERSION, n->version);
    record_set(r, FIELD_SHARD, shard);
    record_emit(w);
}

static void note_retention(struct world *w, const struct note *n)
{
    struct record *r = record_new(w, KIND_RETENTION);
    record_set(r, FIELD_IN, record_conv_name(w, n->conv));
    record_set(r, FIELD_PERIOD, n->period_us);
    set_version(r, FIELD_VERSION, n->version);
    record_emit(w);
}

static void note_erasure(struct world *w, const struct note *n, uint32_t shard)
{
    struct record *r = record_new(w, KIND_ERASURE);
    record_set(r, FIELD_USER, record_user_name(w, n->user));
    record_set(r, FIELD_JOB, record_op_name(w, n->device, n->op));
    record_set(r, FIELD_SHARD, shard);
    record_set(r, FIELD_STAGE, w->words.stage[n->stage]);
    record_set(r, FIELD_DEADLINE, n->deadline_us);
    record_emit(w);
    w->progress_us = w->now_us;
}

static void note_job(struct world *w, const struct note *n, uint32_t shard)
{
    struct record *r = record_new(w, KIND_JOB);
    record_set(r, FIELD_JOB, record_op_name(w, n->device, n->op));
    record_set(r, FIELD_SHARD, shard);
    record_set(r, FIELD_STAGE, w->words.stage[n->stage]);
    record_set(r, FIELD_IN, record_conv_name(w, n->conv));
    record_set(r, FIELD_ACTOR, record_user_name(w, n->actor));
    record_set(r, FIELD_SUBJECT, record_user_name(w, n->subject));
    record_set(r, FIELD_COUNT, n->count);
    record_emit(w);
    w->progress_us = w->now_us;
}

static void record_note(struct world *w, const struct note *n, uint32_t name)
{
    switch (n->kind) {
        case NOTE_INVOKE:
            note_invoke(w, n);
            break;
        case NOTE_ANSWERED:
            note_answered(w, n);
            break;
        case NOTE_SHOW:
        case NOTE_HIDE:
            note_view(w, n);
            break;
        case NOTE_CANCELLED:
            note_cancelled(w, n);
            break;
        case NOTE_NOTICE:
            note_notice(w, n);
            break;
        case NOTE_CURSOR:
        case NOTE_INSTALL:
            note_cursor(w, n);
            break;
        case NOTE_COMMIT:
        case NOTE_REFUSE:
            note_decided(w, n, name);
            break;
        case NOTE_EARLY:
        case NOTE_BIND:
            note_early(w, n, name);
            break;
        case NOTE_APPEND:
            note_append(w, n, name);
            break;
        case NOTE_SYNC:
            note_sync(w, n, name);
            break;
        case NOTE_MEMBER:
            note_member(w, n);
            break;
        case NOTE_PURGING:
        case NOTE_PURGE:
        case NOTE_REAP:
            note_life(w, n, name);
            break;
        case NOTE_HOLD:
        case NOTE_RELEASE:
        case NOTE_PARK:
            note_hold(w, n, name);
            break;
        case NOTE_RETENTION:
            note_retention(w, n);
            break;
        case NOTE_ERASURE:
            note_erasure(w, n, name);
            break;
        case NOTE_JOB:
            note_job(w, n, name);
            break;
        case NOTE_REPLAY:
        case NOTE_EPOCH:
            note_restored(w, n, name);
            break;
        case NOTE_HELLO:   /* the shard's SYNC says it */
        case NOTE_DRAFTED: /* the settled ACK says it */
            break;
        default:
            note_books(w, n, name);
    }
}

static enum hush hush_of(const struct world *w, const struct note *n)
{
    if (record_is_judged(w, n->conv))
        return HUSH_NOT;
    return n->kind == NOTE_CURSOR || n->kind == NOTE_APPEND ? HUSH_NAMES : HUSH_ALL;
}

void record_notes(struct world *w, const struct out *out, shard_id shard)
{
    if (w->lives && w->speaker)
        lives_dropped(w, out);
    uint32_t name = shard < w->shard_count ? w->shards[shard].name : 0;
    for (size_t i = 0; i < out->note_count; i++) {
        w->hush = hush_of(w, &out->notes[i]);
        record_note(w, &out->notes[i], name);
        w->hush = HUSH_NOT;
    }
}
