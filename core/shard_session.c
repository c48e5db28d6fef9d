/*
 * shard_session.c: the devices that are connected: hello, the stream of entries, acknowledgements, operations, beats.
 *
 * Method: a session knows how far it streamed and how far the device acknowledged; it keeps at most a page between the
 * two. Answering a hello and subscribing to pushes is one step (L8), where the policy subscribes at all; elsewhere a
 * hello is answered up to the head of that moment, and then nothing is said until the next one. A poll that finds
 * nothing may be held: the first entry answers it, or a bare welcome when the wait is over. The first hello of a
 * session is never held, for its welcome is what operations wait for; neither is a reset. An entry whose target was
 * deleted further down the same log is streamed as VOID: a device that comes back is not fed what is already gone. A
 * device of the previous protocol is told in its own words (protocol.h).
 */
#include "core/protocol.h"
#include "core/shard_internal.h"

/*
 * ---- beats (L8), or the ends of held polls: no policy has both ----
 * One ring for all sessions, in order of due time because all intervals are equal. It grows with the sessions, or with
 * the polls held within one `long-poll`.
 */

static void arm(struct shard *s, device_id device, uint32_t session, uint64_t due_us)
{
    if (s->beat_count == s->beat_cap) {
        size_t old = s->beat_cap;
        s->beats = base_grow(s->beats, &s->beat_cap, old + 1, sizeof *s->beats);
        size_t head = old - s->beat_first; /* the part from first to the old end moves to the new end */
        memmove(&s->beats[s->beat_cap - head], &s->beats[s->beat_first], head * sizeof *s->beats);
        s->beat_first = s->beat_count ? s->beat_cap - head : 0;
    }
    size_t at = (s->beat_first + s->beat_count++) % s->beat_cap;
    s->beats[at] = (struct beat){device, session, due_us};
}

static void arm_beat(struct shard *s, device_id device, uint32_t session)
{
    if (decide_beats(s->policy) && decide_subscribes(s->policy))
        arm(s, device, session, s->now_us + s->policy->beat_us);
}

uint64_t session_beat_due(const struct shard *s)
{
    return s->beat_count ? s->beats[s->beat_first].due_us : TIME_NEVER;
}

static int beat(struct shard *s, device_id id, const struct session *session)
{
    struct row device = {.c = {[DEVICE_id] = id}};
    CHECK(shard_get(s, TABLE_DEVICE, &device));
    struct row user = {.c = {[USER_id] = device.c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    struct wire *w = session_send(s, id, session, WIRE_BEAT);
    w->epoch = (uint32_t)user.c[USER_epoch];
    w->head = user.c[USER_head];
    return 0;
}

static void say_welcome(struct shard *s, const struct row *device, const struct row *user, struct session *session,
                        bool reset)
{
    struct wire *w = session_send(s, (device_id)device->c[DEVICE_id], session, WIRE_WELCOME);
    w->epoch = (uint32_t)user->c[USER_epoch];
    w->generation = (uint32_t)device->c[DEVICE_generation];
    w->head = user->c[USER_head];
    w->op = device->c[DEVICE_again] ? 0 : (uint32_t)device->c[DEVICE_accepted_op];
    w->reset = reset;
}

/* The wait of this poll is over, with nothing to say. */
static int end_poll(struct shard *s, device_id id, struct session *session)
{
    struct row device = {.c = {[DEVICE_id] = id}};
    CHECK(shard_get(s, TABLE_DEVICE, &device));
    struct row user = {.c = {[USER_id] = device.c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    session->held_until_us = 0;
    say_welcome(s, &device, &user, session, false);
    return 0;
}

static int due(struct shard *s, const struct beat *due, struct session *session)
{
    if (!decide_subscribes(s->policy))
        return session->held_until_us == due->due_us ? end_poll(s, due->device, session) : 0;
    if (session_is_lost(s, session)) {
        out_send(s->out, OUT_HANG_UP, due->device)->session = session->number;
        *session = (struct session){0};
        return 0;
    }
    if (!session->resetting)
        CHECK(beat(s, due->device, session));
    arm_beat(s, due->device, due->session);
    return 0;
}

int session_beats(struct shard *s)
{
    while (session_beat_due(s) <= s->now_us) {
        struct beat first = s->beats[s->beat_first];
        s->beat_first = (s->beat_first + 1) % s->beat_cap;
        s->beat_count--;
        struct session *session = session_of(s, first.device);
        if (session && session->number == first.session)
            CHECK(due(s, &first, session));
    }
    return 0;
}

/* ---- stream ---- */

/* Has a later entry of this log taken the content of this one away? */
static int superseded(struct shard *s, const struct row *log, bool *void_now)
{
    uint8_t entry = (uint8_t)log->c[LOG_words];
    *void_now = false;
    if (entry != ENTRY_SEND && entry != ENTRY_UNDO && entry != ENTRY_EDIT && entry != ENTRY_EXPORT &&
        entry != ENTRY_INVITE && entry != ENTRY_ATTACH)
        return 0;
    struct row row;
    uint64_t key[2] = {log->c[LOG_user], log->c[LOG_target]};
    CHECK(shard_first(s, TABLE_LOG, INDEX_LOG_BY_TARGET, 2, 2, key, true, &row));
    uint8_t last = (uint8_t)row.c[LOG_words];
    if (row.c[LOG_position] > log->c[LOG_position] &&
        (last == ENTRY_DELETE || last == ENTRY_PURGE || last == ENTRY_HIDE || last == ENTRY_UNINVITE)) {
        *void_now = true;
        return 0;
    }
    struct row holds = {.c = {[HOLDS_user] = log->c[LOG_user], [HOLDS_conv] = log->c[LOG_conv]}};
    int status = shard_get(s, TABLE_HOLDS, &holds);
    *void_now = status == E_NOTFOUND; /* the conversation is purged, or this user was removed */
    return status == E_NOTFOUND ? 0 : status;
}

/* How far this session may be streamed now. */
static uint64_t stream_end(const struct shard *s, const struct session *session, const struct row *user)
{
    return decide_subscribes(s->policy) ? user->c[USER_head] : session->asked;
}

/* *untold: the device has no words for it, and needs a reset. */
static int stream_entry(struct shard *s, device_id device, struct session *session, const struct row *user,
                        const struct row *log, bool *untold)
{
    bool void_now;
    CHECK(superseded(s, log, &void_now));
    struct wire w = {.kind = WIRE_ENTRY, .device = device, .session = session->number};
    w.epoch = (uint32_t)user->c[USER_epoch];
    w.position = log->c[LOG_position];
    w.head = stream_end(s, session, user);
    w.entry = (uint8_t)log->c[LOG_words];
    w.role = (uint8_t)(log->c[LOG_words] >> 8);
    w.conv_kind = (uint8_t)(log->c[LOG_words] >> 16);
    w.flags = (uint8_t)(log->c[LOG_words] >> 32);
    w.conv = log->c[LOG_conv];
    w.target = log->c[LOG_target];
    w.version = log->c[LOG_version];
    w.actor = (user_id)log->c[LOG_actor];
    w.subject = (user_id)log->c[LOG_subject];
    w.at_us = log->c[LOG_at];
    w.sent = log->c[LOG_sent];
    w.reply = log->c[LOG_reply];
    bool gone = false;
    if (!void_now)
        CHECK(vault_open(s, &w, &log->body, &gone));
    if (void_now || gone)
        w.entry = ENTRY_VOID;
    *untold = !protocol_translate(session->protocol, &w);
    if (*untold)
        return 0;
    *out_send(s->out, OUT_TO_DEVICE, device) = w;
    return 0;
}

int session_stream(struct shard *s, const struct row *device)
{
    device_id id = (device_id)device->c[DEVICE_id];
    struct session *session = session_of(s, id);
    if (!session || !session->welcomed || session->resetting)
        return 0;
    struct row user = {.c = {[USER_id] = device->c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    if (session->held_until_us && session->sent < user.c[USER_head]) { /* this answers the poll */
        session->held_until_us = 0;
        session->asked = user.c[USER_head];
        say_welcome(s, device, &user, session, false);
    }
    while (session->sent < stream_end(s, session, &user) && session->sent - session->acked < s->policy->page) {
        struct row log = {.c = {[LOG_user] = user.c[USER_id], [LOG_position] = session->sent + 1}};
        int status = shard_get(s, TABLE_LOG, &log);
        if (status == E_NOTFOUND) { /* L7: the log was truncated under this connection */
            struct row row = *device;
            struct sync_question q = {.cursor = session->sent,
                                      .horizon = user.c[USER_horizon],
                                      .same_epoch = true,
                                      .same_generation = true,
                                      .head = user.c[USER_head],
                                      .next_op = 1};
            if (decide_sync(s->policy, &q) == SYNC_RESET)
                return reset_grant(s, &row, session, 0, 0);
            session->sent = session->acked = user.c[USER_horizon];
            continue;
        }
        CHECK(status);
        session->sent++;
        if (log.c[LOG_position] <= session->delta_end &&
            decide_skips_by_time(s->policy, log.c[LOG_at], session->last_at_us)) {
            session->acked = session->sent;
            continue;
        }
        bool untold;
        CHECK(stream_entry(s, id, session, &user, &log, &untold));
        if (untold) {
            struct row row = *device;
            struct wire had = {.epoch = (uint32_t)user.c[USER_epoch], .position = session->sent - 1};
            had.generation = (uint32_t)device->c[DEVICE_generation];
            reset_note_sync(s, &had, device, &user, SYNC_RESET);
            return reset_grant(s, &row, session, 0, 0);
        }
    }
    return 0;
}

/* ---- acknowledgements ---- */

static int acknowledge(struct shard *s, struct row *device, const struct row *user, uint64_t position)
{
    bool grew = position > device->c[DEVICE_acknowledged] || device->c[DEVICE_pin];
    device->c[DEVICE_acked_at] = s->now_us;
    device->c[DEVICE_acked_generation] = device->c[DEVICE_generation];
    if (position > device->c[DEVICE_acknowledged])
        device->c[DEVICE_acknowledged] = position;
    if (device->c[DEVICE_pin] && position >= device->c[DEVICE_pin] - 1) /* the reset is installed */
        CHECK(reset_forget(s, device));
    CHECK(shard_put(s, TABLE_DEVICE, device));
    if (!grew)
        return 0;
    struct note *note = shard_note(s, NOTE_ACKNOWLEDGED);
    note->device = (device_id)device->c[DEVICE_id];
    note->epoch = (uint32_t)user->c[USER_epoch];
    note->position = position;
    note->generation = (uint32_t)device->c[DEVICE_generation];
    return user_truncate(s, (user_id)user->c[USER_id]);
}

/* L4: it counts only in the current epoch and generation, and never lowers. */
static int on_ack(struct shard *s, struct row *device, const struct row *user, struct session *session,
                  const struct wire *w)
{
    if (w->epoch != user->c[USER_epoch] || w->generation != device->c[DEVICE_generation] ||
        w->position > user->c[USER_head] || w->position < device->c[DEVICE_acknowledged])
        return 0;
    if (session->resetting && w->position < session->sent)
        return 0; /* from before the install */
    session->resetting = false;
    if (w->position > session->acked)
        session->acked = w->position;
    if (session->acked > session->sent)
        session->sent = session->acked;
    CHECK(acknowledge(s, device, user, w->position));
    return session_stream(s, device);
}

/* ---- operations ---- */

/* The device has stored the answers below `oldest`. */
int session_release(struct shard *s, device_id device, uint32_t oldest)
{
    for (;;) {
        struct row row;
        uint64_t key[1] = {device};
        int status = shard_first(s, TABLE_ANSWER, INDEX_PRIMARY, 1, 1, key, false, &row);
        if (status == E_NOTFOUND || (status == 0 && row.c[ANSWER_op] >= oldest))
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_ANSWER, &row));
    }
}

static void send_answer(struct shard *s, device_id device, const struct session *session, const struct row *answer)
{
    struct wire *w = session_send(s, device, session, WIRE_ANSWER);
    w->op = (uint32_t)answer->c[ANSWER_op];
    w->outcome = (uint8_t)answer->c[ANSWER_outcome];
    w->why = (uint8_t)answer->c[ANSWER_why];
    w->version = answer->c[ANSWER_version];
    w->actor = (user_id)answer->c[ANSWER_actor];
    w->at_us = answer->c[ANSWER_at];
    w->early = (uint8_t)answer->c[ANSWER_early];
}

/* X3: a number not above the highest is answered from what is stored, or settled; it is not executed. */
static int on_old_op(struct shard *s, const struct row *device, const struct session *session, const struct wire *w)
{
    struct note *note = shard_note(s, NOTE_DUPLICATE);
    note->device = (device_id)device->c[DEVICE_id];
    note->op = w->op;
    note->conv = w->conv;
    struct row answer = {.c = {[ANSWER_device] = device->c[DEVICE_id], [ANSWER_op] = w->op}};
    int status = shard_get(s, TABLE_ANSWER, &answer);
    if (status == E_NOTFOUND) {
        answer.c[ANSWER_outcome] = OUTCOME_SETTLED;
        status = 0;
    }
    CHECK(status);
    if (answer.c[ANSWER_outcome] != OUTCOME_NONE) /* else its result is still to come */
        send_answer(s, (device_id)device->c[DEVICE_id], session, &answer);
    return 0;
}

/* The oldest operation that was asked for again and has not come; 0: none. */
static int oldest_again(struct shard *s, const struct row *device, uint32_t *op)
{
    struct row row;
    uint64_t key[2] = {device->c[DEVICE_id], 0};
    for (*op = 0;; key[1] = row.c[ANSWER_op] + 1) {
        int status = shard_first(s, TABLE_ANSWER, INDEX_PRIMARY, 1, 2, key, false, &row);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        if (!row.c[ANSWER_again])
            continue;
        *op = (uint32_t)row.c[ANSWER_op];
        return 0;
    }
}

/*
 * Operations that were asked for again come first, in order (X1): what is younger waits for the next welcome. *passes:
 * this one is the next of them.
 */
static int sort_again(struct shard *s, struct row *device, const struct session *session, uint32_t op, bool *passes,
                      bool *waits)
{
    uint32_t oldest;
    *passes = *waits = false;
    if (!device->c[DEVICE_again])
        return 0;
    CHECK(oldest_again(s, device, &oldest));
    *passes = op == oldest;
    *waits = oldest && op > oldest;
    if (oldest)
        return 0;
    device->c[DEVICE_again] = 0;
    (void)session;
    return shard_put(s, TABLE_DEVICE, device);
}

int session_ask_again(struct shard *s, const struct row *device)
{
    struct session *session = session_of(s, (device_id)device->c[DEVICE_id]);
    if (!session || !session->welcomed)
        return 0;
    struct row user = {.c = {[USER_id] = device->c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    say_welcome(s, device, &user, session, session->resetting);
    return 0;
}

static int on_op(struct shard *s, struct row *device, const struct row *user, const struct session *session,
                 const struct wire *w)
{
    if (!entrance_operation(w))
        return 0;
    CHECK(session_release(s, (device_id)device->c[DEVICE_id], w->oldest_op));
    uint32_t highest = (uint32_t)device->c[DEVICE_accepted_op];
    bool again, waits;
    CHECK(sort_again(s, device, session, w->op, &again, &waits));
    if (waits)
        return 0;
    if (!again && decide_is_repeated(s->policy, w->op, highest, device->c[DEVICE_accepted_at], s->now_us))
        return on_old_op(s, device, session, w);
    device->c[DEVICE_accepted_at] = s->now_us;
    CHECK(life_accepts(s, device, w->op));
    shard_id home = shard_of_conv(s->policy, w->conv, s->count);
    if (hold_is_of_user(w) || w->operation == OPERATION_ERASE)
        home = shard_of_user(w->operation == OPERATION_ERASE ? (user_id)user->c[USER_id] : w->subject, s->count);
    struct row pending = {.c = {[ANSWER_device] = device->c[DEVICE_id], [ANSWER_op] = w->op, [ANSWER_home] = home}};
    CHECK(shard_put(s, TABLE_ANSWER, &pending));
    if (decide_answers_before_commit(s->policy)) {
        pending.c[ANSWER_outcome] = OUTCOME_ACCEPTED;
        send_answer(s, (device_id)device->c[DEVICE_id], session, &pending);
        s->out->msgs[s->out->msg_count - 1].before_commit = true;
    }
    struct wire forward = *w;
    forward.kind = WIRE_FORWARD;
    forward.user = (user_id)user->c[USER_id];
    forward.device = (device_id)device->c[DEVICE_id];
    bool closed;
    CHECK(erase_closed(s, forward.user, &closed));
    if (closed)
        return erase_refuse(s, &forward);
    forward.flags = again || s->restored ? FORWARD_AGAIN : 0;
    return channel_send(s, home, &forward, NULL);
}

/* ---- hello ---- */

static int resend_answers_visit(void *ctx, const struct row *row)
{
    struct {
        struct shard *s;
        const struct session *session;
    } *c = ctx;
    if (row->c[ANSWER_outcome] != OUTCOME_NONE)
        send_answer(c->s, (device_id)row->c[ANSWER_device], c->session, row);
    return 0;
}

static int resend_answers(struct shard *s, device_id device, const struct session *session)
{
    struct {
        struct shard *s;
        const struct session *session;
    } c = {s, session};
    struct store_range range = {.table = TABLE_ANSWER, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {device}};
    int status = s->store->ops->scan(s->store, &range, resend_answers_visit, &c);
    return status < 0 ? status : 0;
}

static void welcome(struct shard *s, const struct row *device, const struct row *user, struct session *session,
                    bool reset)
{
    if (!session->welcomed)
        arm_beat(s, (device_id)device->c[DEVICE_id], session->number);
    session->welcomed = true;
    session->resetting = false;
    say_welcome(s, device, user, session, reset);
}

/* A poll of a device that has everything waits for something to say. */
static bool hold_poll(struct shard *s, device_id device, const struct row *user, struct session *session,
                      const struct wire *w)
{
    if (!decide_holds_poll(s->policy) || !s->policy->long_poll_us || !session->welcomed ||
        w->position != user->c[USER_head])
        return false;
    session->resetting = false;
    session->held_until_us = s->now_us + s->policy->long_poll_us;
    arm(s, device, session->number, session->held_until_us);
    return true;
}

static int start_stream(struct shard *s, struct row *device, const struct row *user, struct session *session,
                        const struct wire *w, bool from_head)
{
    session->sent = session->acked = from_head ? user->c[USER_head] : w->position;
    session->last_at_us = w->at_us;
    session->delta_end = session->asked = user->c[USER_head];
    bool counts = w->epoch == user->c[USER_epoch] && w->generation == device->c[DEVICE_generation] &&
                  w->position <= user->c[USER_head] && w->position >= device->c[DEVICE_acknowledged];
    if (!from_head && device->c[DEVICE_pin] && w->position + 1 < device->c[DEVICE_pin]) {
        CHECK(reset_forget(s, device)); /* it is fed from below the pin of a reset in mid-stream: that is over (L5) */
        CHECK(shard_put(s, TABLE_DEVICE, device));
    }
    if (counts && !from_head) /* the cursor is durable: it acknowledges as well as an ack does (L4) */
        CHECK(acknowledge(s, device, user, w->position));
    return session_stream(s, device);
}

static int on_hello(struct shard *s, struct row *device, const struct row *user, struct session *session,
                    const struct wire *w)
{
    if (s->rebasing)
        return 0; /* B6: it asks again */
    device_id id = (device_id)device->c[DEVICE_id];
    session->protocol = w->protocol;
    struct sync_question q = {.same_epoch = w->epoch == user->c[USER_epoch],
                              .same_generation = w->generation == device->c[DEVICE_generation],
                              .cursor = w->position,
                              .horizon = user->c[USER_horizon],
                              .head = user->c[USER_head],
                              .next_op = w->op,
                              .accepted_op = life_highest(device),
                              .retired = device->c[DEVICE_retired] != 0,
                              .proved = life_proves(device, w)};
    enum sync_answer answer = decide_sync(s->policy, &q);
    reset_note_sync(s, w, device, user, answer);
    if (answer == SYNC_RETIRE) {
        session_send(s, id, session, WIRE_RETIRED);
        session_close(s, id, session->number);
        return device->c[DEVICE_retired] ? 0 : life_retire(s, device);
    }
    if (decide_proves_sessions(s->policy))
        CHECK(life_offers(s, device, session->number, w->token));
    CHECK(session_release(s, id, w->oldest_op));
    session->held_until_us = 0; /* one poll a session: the last */
    if (answer != SYNC_DELTA || !hold_poll(s, id, user, session, w))
        welcome(s, device, user, session, answer == SYNC_RESET);
    CHECK(resend_answers(s, id, session));
    if (answer == SYNC_RESET)
        return reset_grant(s, device, session, w->reset_id, w->page);
    return start_stream(s, device, user, session, w, answer == SYNC_HEAD_ONLY);
}

int session_message(struct shard *s, device_id id, uint32_t number, const struct wire *w)
{
    struct session *session = session_of(s, id);
    if (!session || session->number != number || w->device != id)
        return audit_stranger(s);
    struct row device = {.c = {[DEVICE_id] = id}};
    int status = shard_get(s, TABLE_DEVICE, &device);
    if (status == E_NOTFOUND)
        return audit_stranger(s);
    CHECK(status);
    struct row user = {.c = {[USER_id] = device.c[DEVICE_user]}};
    CHECK(shard_get(s, TABLE_USER, &user));
    session->heard_us = s->now_us;
    if (w->kind == WIRE_HELLO)
        return on_hello(s, &device, &user, session, w);
    if (!session->welcomed)
        return audit_stranger(s);
    if (decide_proves_sessions(s->policy) && (w->kind == WIRE_ACK || w->kind == WIRE_OP))
        CHECK(life_has_proved(s, &device, number));
    if (w->kind == WIRE_ACK) {
        CHECK(session_release(s, id, w->oldest_op));
        return on_ack(s, &device, &user, session, w);
    }
    if (w->kind == WIRE_FETCH)
        return blob_ask(s, (user_id)user.c[USER_id], session, w);
    if (w->kind == WIRE_TYPING)
        return typing_said(s, (user_id)user.c[USER_id], w);
    if (w->kind == WIRE_SEARCH)
        return search_answer(s, (user_id)user.c[USER_id], id, session, &w->body);
    return w->kind == WIRE_OP ? on_op(s, &device, &user, session, w) : 0;
}
