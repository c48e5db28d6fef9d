/*
 * device_sync.c: the session, the cursor, and resets.
 *
 * One hello a connection, and again when something is missing: a gap (L2), a head ahead of the cursor (L8), no welcome,
 * a reset that stopped. A session's messages only are believed (L3). An entry is applied at cursor + 1 of the own
 * epoch, in one write with the cursor (L1, L2). The items of a reset are kept as they come and resumed in the next
 * session (R5); the install is one write (R4). A message that makes no sense changes nothing.
 *
 * Where the policy polls, a hello is also said again although nothing is missing: `poll` after the last one, or, when
 * the shard holds polls, as soon as one was answered. An answer that brought nothing is asked again after `retry` at
 * the earliest: a shard that does not hold is not asked in circles. One's own operation, once answered, asks at once.
 *
 * Where the policy has an idle timeout, a session in which nothing was heard for longer than a living one can be silent
 * is given up: nothing else tells an end of a half-open connection that it is one.
 *
 * The pause before a hello is said again is the policy's `retry`; each time that nothing came of it, it is doubled, up
 * to 16 times: a shard that cannot answer is not helped by questions. A new session or progress makes it short again.
 */
#include "core/decide.h"
#include "core/device_internal.h"
#include "core/protocol.h"
#include "core/wire_codec.h"

#include <stdlib.h>

#define PATIENCE_MAX 4

struct wire *sync_send(const struct device *d, enum wire_kind kind, struct out *out)
{
    struct wire *w = out_send(out, OUT_TO_USER_SHARD, 0);
    w->kind = (uint8_t)kind;
    w->device = d->id;
    w->session = d->session;
    w->oldest_op = outbox_oldest(d);
    return w;
}

/* When this session counts as lost, if nothing is heard until then; TIME_NEVER where silence says nothing. */
static uint64_t lost_at(const struct device *d)
{
    uint64_t silence_us = decide_silence_us(d->policy);
    return d->session && silence_us ? d->heard_s * US_PER_S + silence_us : TIME_NEVER;
}

static void heard(struct device *d, uint64_t now_us)
{
    d->heard_s = (uint32_t)(now_us / US_PER_S + 1);
}

/* Is something outstanding that a hello would bring? */
static bool is_waiting(const struct device *d)
{
    return d->session && (d->hello_out || d->resetting || d->head > d->cursor);
}

static void set_retry(struct device *d, uint64_t now_us)
{
    uint64_t pause_us = d->policy->retry_us ? d->policy->retry_us : 1;
    d->retry_at_us = now_us + (pause_us << d->patience);
    if (d->hello_out && d->may_wait)
        d->retry_at_us += d->policy->long_poll_us;
}

/* The earliest next poll, after a hello that is said now. */
static uint64_t poll_after(const struct device *d, uint64_t now_us)
{
    uint64_t pause_us = decide_holds_poll(d->policy) || !d->policy->poll_us ? d->policy->retry_us : d->policy->poll_us;
    return now_us + (pause_us ? pause_us : 1);
}

static void say_hello(struct device *d, uint64_t now_us, struct out *out)
{
    d->may_wait = decide_holds_poll(d->policy) && d->welcomed && !d->resetting && d->head <= d->cursor;
    d->hello_op = d->next_op;
    d->poll_at_us = poll_after(d, now_us);
    struct wire *w = sync_send(d, WIRE_HELLO, out);
    w->generation = d->generation;
    w->epoch = d->epoch;
    w->position = d->cursor;
    w->op = d->sent_op + 1;
    w->at_us = d->at_us;
    w->protocol = d->protocol;
    w->token = d->token;
    if (d->reset) {
        w->reset_id = d->reset->reset_id;
        w->page = (uint32_t)d->reset->count;
    }
    struct note *note = view_note(d, NOTE_HELLO, out);
    note->epoch = d->epoch;
    note->position = d->cursor;
    note->generation = d->generation;
    note->op = d->next_op;
    d->hello_out = true;
    if (decide_polls(d->policy))
        d->unacked = 0; /* a cursor that is said acknowledges (L4) */
    set_retry(d, now_us);
}

/* Where a poll was answered for good, the next one is due now. */
static bool polls_now(const struct device *d, uint64_t now_us)
{
    return decide_polls(d->policy) && d->welcomed && !is_waiting(d) && now_us >= d->poll_at_us;
}

static void acknowledge(struct device *d, struct out *out)
{
    struct wire *w = sync_send(d, WIRE_ACK, out);
    w->generation = d->generation;
    w->epoch = d->epoch;
    w->position = d->cursor;
    d->unacked = 0;
}

void sync_reset_free(struct device *d)
{
    if (!d->reset)
        return;
    free(d->reset->items);
    free(d->reset);
    d->reset = NULL;
}

void sync_disconnected(struct device *d)
{
    d->session = 0;
    d->welcomed = d->hello_out = d->resetting = false;
    d->unacked = 0;
    d->head = 0;
    d->patience = 0;
    d->fetch_at_us = 0;
}

void sync_connected(struct device *d, uint32_t session, uint64_t now_us, struct out *out)
{
    sync_disconnected(d);
    if (d->retired)
        return;
    d->session = session;
    heard(d, now_us);
    say_hello(d, now_us, out);
}

static void note_cursor(const struct device *d, const struct wire *w, uint64_t position, enum entry entry,
                        struct out *out)
{
    struct note *note = view_note(d, NOTE_CURSOR, out);
    note->epoch = d->epoch;
    note->position = position;
    note->entry = (uint8_t)entry;
    note->conv = w->conv;
    note->target = w->target;
    note->version = w->version;
}

/* ---- the log ---- */

/* Flawed: what was missed is never asked for. The cursor is wherever the head is. */
static void trust_head(struct device *d, const struct wire *w, struct out *out)
{
    d->epoch = w->epoch;
    d->generation = w->generation;
    if (w->head <= d->cursor)
        return;
    d->cursor = w->head;
    note_cursor(d, w, d->cursor, ENTRY_VOID, out);
}

static void on_welcome(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    bool again = d->welcomed;
    if (!again && decide_holds_poll(d->policy)) /* the first one is never held */
        d->poll_at_us = now_us;
    d->welcomed = true;
    if (decide_proves_sessions(d->policy))
        d->token = d->session;
    d->hello_out = false;
    set_retry(d, now_us); /* the wait of a poll that may be held is over */
    if (!again)
        fetch_ask(d, now_us, out);
    d->resetting = w->reset != 0;
    if (!d->resetting)
        sync_reset_free(d);
    if (!d->resetting && (d->at_head || decide_trusts_push_alone(d->policy)))
        trust_head(d, w, out);
    d->at_head = false;
    d->head = !d->resetting && w->epoch == d->epoch ? w->head : 0;
    outbox_resend(d, again, w->op, now_us, out);
}

/* Can it take effect here, even if only as a tombstone for what never came? */
static bool means_something(const struct device *d, const struct wire *w)
{
    return wire_entry_is_sound(w) && protocol_has_entry(d->protocol, w->entry);
}

/* It means nothing to this device, or names a message that is not here: its send was void, or it never was. */
static bool is_poison(const struct device *d, const struct wire *w)
{
    if (!means_something(d, w))
        return true;
    if (w->entry != ENTRY_DELETE && w->entry != ENTRY_EDIT && w->entry != ENTRY_HIDE)
        return false;
    const struct replica_row *row = replica_row_find(&d->replica, w->conv, w->target);
    return !row || !row->in_replica;
}

static void on_entry(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    if (d->resetting || w->epoch != d->epoch)
        return;
    if (d->head < w->head)
        d->head = w->head;
    if (d->head < w->position)
        d->head = w->position;
    switch (decide_may_apply(d->policy, w->position, d->cursor)) {
        case APPLY_IGNORE:
            return;
        case APPLY_FETCH:
            if (!d->hello_out)
                say_hello(d, now_us, out);
            return;
        case APPLY_YES:
            break;
    }
    if (is_poison(d, w) && !decide_skips_poison(d->policy)) /* one entry must not hold up the rest */
        return;
    if (means_something(d, w)) {
        if (decide_cursor_first(d->policy)) {
            d->held = base_alloc(sizeof *d->held);
            *d->held = *w;
        } else {
            apply_entry(d, w, out);
        }
    }
    d->cursor = w->position;
    d->at_us = w->at_us;
    d->patience = 0;
    note_cursor(d, w, w->position, w->entry < ENTRY_COUNT ? w->entry : ENTRY_VOID, out);
    d->unacked++;
    if (decide_holds_poll(d->policy)) { /* caught up: the next hello, said at once, acknowledges */
        d->poll_at_us = now_us;
        if (!is_waiting(d))
            return;
    }
    if (d->cursor == d->head || d->unacked >= d->policy->page / 2 + 1)
        acknowledge(d, out);
}

int sync_search(struct device *d, const struct text *word, struct out *out)
{
    if (!d->session || !d->welcomed || word->len == 0 || word->len > TEXT_BYTES_MAX)
        return E_INVALID;
    copies_search(d, out);
    sync_send(d, WIRE_SEARCH, out)->body = *word;
    return STATUS_OK;
}

void sync_apply_held(struct device *d, struct out *out)
{
    if (!d->held)
        return;
    struct wire *w = d->held;
    d->held = NULL;
    apply_entry(d, w, out);
    free(w);
}

/* L8: behind, or in another epoch: ask. Else acknowledge again, so that silence means absence (F1). */
static void on_beat(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    if (d->resetting || !d->welcomed)
        return;
    if (w->epoch == d->epoch && w->head == d->cursor) {
        acknowledge(d, out);
        return;
    }
    if (w->epoch == d->epoch && d->head < w->head)
        d->head = w->head;
    if (!d->hello_out)
        say_hello(d, now_us, out);
}

/* ---- resets ---- */

static bool is_same_reset(const struct reset *reset, const struct wire *w)
{
    return reset && reset->reset_id == w->reset_id && reset->generation == w->generation && reset->epoch == w->epoch &&
           reset->position == w->position;
}

static void begin_reset(struct device *d, const struct wire *w)
{
    sync_reset_free(d);
    d->reset = base_alloc(sizeof *d->reset);
    d->reset->reset_id = w->reset_id;
    d->reset->generation = w->generation;
    d->reset->epoch = w->epoch;
    d->reset->position = w->position;
}

static void stage(struct reset *reset, const struct wire *w)
{
    reset->items = base_grow(reset->items, &reset->cap, reset->count + 1, sizeof *reset->items);
    reset->items[reset->count++] = (struct reset_item){
        .conv = w->conv,
        .target = w->target,
        .version = w->version,
        .named = w->named,
        .sent = w->sent,
        .at_us = w->at_us,
        .actor = w->actor,
        .entry = w->entry,
        .conv_kind = w->conv_kind,
        .role = w->role,
        .reply = w->reply,
        .deleted = (w->flags & ITEM_DELETED) != 0,
        .kept = (w->flags & QUOTE_KEPT) != 0,
        .body = w->body,
    };
}

/* R4: all in one write. */
static void install(struct device *d, uint64_t now_us, struct out *out)
{
    struct reset *reset = d->reset;
    d->cursor = reset->position;
    d->epoch = reset->epoch;
    d->generation = reset->generation;
    d->installed = reset->reset_id;
    d->resetting = false;
    d->head = 0;
    d->patience = 0;
    struct note *note = view_note(d, NOTE_INSTALL, out);
    note->epoch = d->epoch;
    note->position = d->cursor;
    note->generation = d->generation;
    note->reset_id = reset->reset_id;
    apply_snapshot(d, reset, out);
    sync_reset_free(d);
    acknowledge(d, out);
    if (!decide_subscribes(d->policy)) { /* the snapshot is as old as its pin, and nobody will push */
        d->hello_out = false;
        d->poll_at_us = now_us;
    }
}

static void on_reset_page(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    if (w->generation < d->generation)
        return;
    if (w->reset_id == d->installed) { /* sent again before the acknowledgement came: never installed twice */
        d->resetting = d->resetting && w->page < w->pages;
        if (w->page == w->pages)
            acknowledge(d, out);
        return;
    }
    if (!is_same_reset(d->reset, w)) {
        if (w->page != 1)
            return;
        begin_reset(d, w);
    }
    d->resetting = true; /* L7: also without a hello */
    if (w->page != d->reset->count + 1)
        return;
    stage(d->reset, w);
    d->patience = 0;
    if (d->reset->count == w->pages || !decide_install_needs_all_pages(d->policy))
        install(d, now_us, out);
}

/* ---- what arrives ---- */

static bool is_sound_page(const struct wire *w)
{
    if (w->reset_id == 0 || w->page == 0 || w->page > w->pages)
        return false;
    switch (w->entry) {
        case ENTRY_ITEM_CONV:
            return w->conv && w->version;
        case ENTRY_ITEM_READ:
            return w->conv && w->sent;
        case ENTRY_ITEM_QUOTE:
        case ENTRY_ITEM_ATTACH:
            return w->conv && w->target && w->version && w->reply;
        case ENTRY_ITEM_MESSAGE:
        case ENTRY_ITEM_INVITE:
            return w->conv && w->target && w->version;
        default:
            return w->entry == ENTRY_ITEM_NONE;
    }
}

static bool is_sound(const struct wire *w, uint8_t protocol)
{
    if (w->body.len > TEXT_BYTES_MAX)
        return false;
    switch (w->kind) {
        case WIRE_WELCOME:
        case WIRE_BEAT:
        case WIRE_RETIRED:
            return true;
        case WIRE_ENTRY:
            return w->position != 0; /* whatever it says, its place in the log counts */
        case WIRE_RESET_PAGE:
            return is_sound_page(w);
        case WIRE_FOUND:
            return w->conv && w->target;
        case WIRE_PART:
            return w->conv && w->target && w->blob && w->why < WHY_COUNT &&
                   (w->why || (w->page && w->page <= w->pages && w->body.len));
        case WIRE_TYPING:
            return w->conv && w->actor && w->version && w->body.len == 0 && protocol == PROTOCOL_CURRENT;
        case WIRE_ANSWER:
            return w->outcome != OUTCOME_NONE && w->outcome < OUTCOME_COUNT && w->why < WHY_COUNT;
        default:
            return false;
    }
}

static void on_answer(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    uint32_t before = outbox_unanswered(d);
    outbox_answer(d, w, out);
    if (outbox_unanswered(d) < before && !decide_subscribes(d->policy)) /* what it did is in the log by now */
        d->poll_at_us = now_us;
}

void sync_message(struct device *d, const struct wire *w, uint64_t now_us, struct out *out)
{
    if (!d->session || w->session != d->session || !is_sound(w, d->protocol)) /* L3 */
        return;
    heard(d, now_us);
    if (w->kind == WIRE_TYPING) { /* it is no answer to anything, and no progress */
        if (d->welcomed && !d->resetting)
            typing_heard(d, w, now_us, out);
        return;
    }
    set_retry(d, now_us);
    switch (w->kind) {
        case WIRE_WELCOME:
            on_welcome(d, w, now_us, out);
            break;
        case WIRE_ENTRY:
            on_entry(d, w, now_us, out);
            break;
        case WIRE_RESET_PAGE:
            on_reset_page(d, w, now_us, out);
            break;
        case WIRE_BEAT:
            on_beat(d, w, now_us, out);
            break;
        case WIRE_FOUND:
            copies_found(d, w, out);
            break;
        case WIRE_PART:
            fetch_part(d, w, now_us, out);
            break;
        case WIRE_ANSWER:
            on_answer(d, w, now_us, out);
            break;
        case WIRE_RETIRED: /* X4 */
            outbox_retire(d, out);
            sync_reset_free(d);
            sync_disconnected(d);
            typing_forget(d, out);
            d->retired = true;
            break;
        default:
            break;
    }
    if (polls_now(d, now_us))
        say_hello(d, now_us, out);
}

/* The connection may be half open: a new one will tell. */
static void hang_up(struct device *d, struct out *out)
{
    out_send(out, OUT_HANG_UP, 0)->session = d->session;
    sync_disconnected(d);
}

void sync_timer(struct device *d, uint64_t now_us, struct out *out)
{
    if (now_us + US_PER_S < d->heard_s * US_PER_S) /* the clock went back */
        heard(d, now_us);
    if (now_us >= lost_at(d)) {
        hang_up(d, out);
        return;
    }
    if (d->fetch_at_us && now_us >= d->fetch_at_us)
        fetch_ask(d, now_us, out);
    if (polls_now(d, now_us))
        say_hello(d, now_us, out);
    if (!is_waiting(d) || now_us < d->retry_at_us)
        return;
    if (d->patience < PATIENCE_MAX)
        d->patience++;
    say_hello(d, now_us, out);
}

static uint64_t wake_for_more(const struct device *d)
{
    uint64_t at_us = TIME_NEVER;
    if (is_waiting(d))
        at_us = d->retry_at_us;
    else if (decide_polls(d->policy) && d->welcomed)
        at_us = d->poll_at_us;
    if (d->fetch_at_us && d->fetch_at_us < at_us)
        at_us = d->fetch_at_us;
    return lost_at(d) < at_us ? lost_at(d) : at_us;
}

uint64_t sync_wake(const struct device *d, uint64_t now_us)
{
    if (d->held)
        return now_us;
    uint64_t more_us = wake_for_more(d), typing_us = typing_wake(d);
    return more_us < typing_us ? more_us : typing_us;
}
