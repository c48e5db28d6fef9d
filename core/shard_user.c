/*
 * shard_user.c: users' logs and the results of their devices' operations.
 *
 * Positions are dense and given once, in the transaction that moves the channel's high water (L1). A log is truncated
 * below the minimum over its unfenced devices (L5); a device that is silent for the maximum offline span is fenced out
 * of that minimum (F1). Truncation is what makes "applied" known to the conversations' shards.
 */
#include "core/shard_internal.h"

/* ---- append ---- */

/* R6: the index of the conversations that the user has, and the last version logged of each. */
static int index_entry(struct shard *s, const struct wire *w)
{
    struct row row = {.c = {[HOLDS_user] = w->user, [HOLDS_conv] = w->conv}};
    if (w->entry == ENTRY_EVICT || w->entry == ENTRY_PURGE_CONV)
        return shard_del(s, TABLE_HOLDS, &row);
    int status = shard_get(s, TABLE_HOLDS, &row);
    if (status == E_NOTFOUND && w->entry != ENTRY_JOIN && w->entry != ENTRY_INVITE)
        return 0;
    if (status < 0 && status != E_NOTFOUND)
        return status;
    if (w->entry == ENTRY_UNINVITE && row.c[HOLDS_state] == HOLDS_INVITED)
        return shard_del(s, TABLE_HOLDS, &row);
    if (w->entry == ENTRY_INVITE && status == E_NOTFOUND)
        row.c[HOLDS_state] = HOLDS_INVITED;
    if (w->entry == ENTRY_JOIN || w->entry == ENTRY_UNDO_CONV)
        row.c[HOLDS_state] = 1;
    else if (w->entry == ENTRY_DELETE_CONV)
        row.c[HOLDS_state] = 2;
    if (w->version > row.c[HOLDS_version])
        row.c[HOLDS_version] = w->version;
    return shard_put(s, TABLE_HOLDS, &row);
}

struct positions {
    uint64_t at[256];
    size_t count;
    uint8_t entry; /* of these alone; ENTRY_NONE: of all */
};

static int collect_bodies(void *ctx, const struct row *row)
{
    struct positions *p = ctx;
    if (row->body.len && (p->entry == ENTRY_NONE || (row->c[LOG_words] & 0xff) == p->entry))
        p->at[p->count++] = row->c[LOG_position];
    return p->count == sizeof p->at / sizeof p->at[0];
}

/* A purge takes the content out of the log too: entries carry bodies (PROTOCOL.md §7). */
static int scrub(struct shard *s, user_id user, int index, uint64_t value, enum entry entry)
{
    struct positions p = {.entry = (uint8_t)entry};
    do {
        p.count = 0;
        struct store_range range = {.table = TABLE_LOG, .index = index, .fixed = 2, .given = 2, .key = {user, value}};
        int status = s->store->ops->scan(s->store, &range, collect_bodies, &p);
        CHECK(status);
        for (size_t i = 0; i < p.count; i++) {
            struct row row = {.c = {[LOG_user] = user, [LOG_position] = p.at[i]}};
            CHECK(shard_get(s, TABLE_LOG, &row));
            memset(&row.body, 0, sizeof row.body);
            CHECK(shard_put(s, TABLE_LOG, &row));
        }
    } while (p.count == sizeof p.at / sizeof p.at[0]);
    return 0;
}

static int put_entry(struct shard *s, shard_id source, const struct wire *w, const struct row *user)
{
    struct row log = {.c = {[LOG_user] = w->user,
                            [LOG_position] = user->c[USER_head],
                            [LOG_conv] = w->conv,
                            [LOG_target] = w->target,
                            [LOG_version] = w->version,
                            [LOG_actor] = w->actor,
                            [LOG_subject] = w->subject,
                            [LOG_at] = w->at_us,
                            [LOG_source] = source,
                            [LOG_number] = w->number,
                            [LOG_sent] = w->sent,
                            [LOG_reply] = w->reply}};
    log.c[LOG_words] =
        (uint64_t)w->entry | (uint64_t)w->role << 8 | (uint64_t)w->conv_kind << 16 | (uint64_t)w->flags << 32;
    CHECK(vault_seal(s, w, &log.body));
    struct note *note = shard_note(s, NOTE_APPEND);
    note->user = w->user;
    note->epoch = (uint32_t)user->c[USER_epoch];
    note->position = user->c[USER_head];
    note->entry = w->entry;
    note->conv = w->conv;
    note->target = w->target;
    note->version = w->version;
    note->number = w->number;
    note->source = source;
    return shard_put(s, TABLE_LOG, &log);
}

struct devices { /* of one user */
    struct row rows[DEVICES_PER_USER_MAX];
    size_t count;
};

static int collect_devices(void *ctx, const struct row *row)
{
    struct devices *d = ctx;
    d->rows[d->count++] = *row;
    return d->count == DEVICES_PER_USER_MAX;
}

static int devices_of(struct shard *s, user_id user, struct devices *d)
{
    struct store_range range = {
        .table = TABLE_DEVICE, .index = INDEX_DEVICE_BY_USER, .fixed = 1, .given = 1, .key = {user}};
    d->count = 0;
    int status = s->store->ops->scan(s->store, &range, collect_devices, d);
    return status < 0 ? status : 0;
}

/*
 * No purge of this conversation comes here any more, once the last user who had it is evicted: so its keys go now.
 * Where it is ordered they are its messages' too, and stay.
 */
static int forget_keys(struct shard *s, conv_id conv)
{
    struct row row = {.c = {[CONV_id] = conv}};
    int status = shard_get(s, TABLE_CONV, &row);
    if (status != E_NOTFOUND)
        return status;
    uint64_t key[1] = {conv};
    status = shard_first(s, TABLE_HOLDS, INDEX_HOLDS_BY_CONV, 1, 1, key, false, &row);
    if (status != E_NOTFOUND)
        return status;
    shard_wipe(s);
    return vault_destroy_conv(s, conv);
}

int user_append(struct shard *s, shard_id source, const struct wire *w)
{
    struct row user = {.c = {[USER_id] = w->user}};
    int status = shard_get(s, TABLE_USER, &user);
    if (status == E_NOTFOUND) { /* nobody here: applied by everybody */
        s->dirty_sources |= 1ULL << source;
        return 0;
    }
    CHECK(status);
    user.c[USER_head]++;
    CHECK(shard_put(s, TABLE_USER, &user));
    CHECK(put_entry(s, source, w, &user));
    CHECK(index_entry(s, w));
    if (w->entry == ENTRY_PURGE || w->entry == ENTRY_UNINVITE) {
        CHECK(scrub(s, w->user, INDEX_LOG_BY_TARGET, w->target, ENTRY_NONE));
        CHECK(vault_destroy(s, w->target));
        shard_wipe(s);
    }
    if (w->entry == ENTRY_PURGE_CONV) {
        CHECK(scrub(s, w->user, INDEX_LOG_BY_CONV, w->conv, ENTRY_NONE));
        CHECK(vault_destroy_conv(s, w->conv));
        shard_wipe(s);
    }
    if (quote_is_taken(w)) {
        CHECK(scrub(s, w->user, INDEX_LOG_BY_TARGET, w->target, ENTRY_QUOTE));
        shard_wipe(s);
    }
    if (w->entry == ENTRY_EVICT || w->entry == ENTRY_UNINVITE)
        CHECK(forget_keys(s, w->conv));
    CHECK(search_heard(s, w->user));
    struct devices devices;
    CHECK(devices_of(s, w->user, &devices));
    bool behind = false;
    for (size_t i = 0; i < devices.count; i++) {
        behind = behind || !devices.rows[i].c[DEVICE_fenced];
        notify_device(s, &devices.rows[i], &user, w);
        CHECK(session_stream(s, &devices.rows[i]));
    }
    return behind && decide_age_us(s->policy) == TIME_NEVER ? 0 : user_truncate(s, w->user);
}

/* ---- truncation and fencing ---- */

/* Flawed: the last position that is older than the age. */
static int old_position(struct shard *s, const struct row *user, uint64_t *position)
{
    uint64_t age = decide_age_us(s->policy);
    *position = 0;
    if (age == TIME_NEVER)
        return 0;
    for (uint64_t p = user->c[USER_horizon] + 1; p <= user->c[USER_head]; p++) {
        struct row log = {.c = {[LOG_user] = user->c[USER_id], [LOG_position] = p}};
        CHECK(shard_get(s, TABLE_LOG, &log));
        if (s->now_us - log.c[LOG_at] <= age)
            break;
        *position = p;
    }
    return 0;
}

static int minimum(struct shard *s, const struct row *user, uint64_t *min)
{
    struct devices devices;
    CHECK(devices_of(s, (user_id)user->c[USER_id], &devices));
    *min = user->c[USER_head];
    for (size_t i = 0; i < devices.count; i++) {
        const uint64_t *c = devices.rows[i].c;
        uint64_t held = c[DEVICE_pin] ? c[DEVICE_pin] - 1 : c[DEVICE_acknowledged];
        if (!c[DEVICE_fenced] && held < *min)
            *min = held;
    }
    return search_minimum(s, user, min);
}

int user_truncate(struct shard *s, user_id id)
{
    struct row user = {.c = {[USER_id] = id}};
    CHECK(shard_get(s, TABLE_USER, &user));
    uint64_t min, old;
    CHECK(minimum(s, &user, &min));
    CHECK(old_position(s, &user, &old));
    uint64_t horizon = decide_horizon(s->policy, min, old);
    if (horizon <= user.c[USER_horizon])
        return 0;
    for (uint64_t p = user.c[USER_horizon] + 1; p <= horizon; p++) {
        struct row log = {.c = {[LOG_user] = id, [LOG_position] = p}};
        CHECK(shard_get(s, TABLE_LOG, &log));
        if (log.c[LOG_source] < SHARDS_MAX)
            s->dirty_sources |= 1ULL << log.c[LOG_source];
        CHECK(shard_del(s, TABLE_LOG, &log));
    }
    user.c[USER_horizon] = horizon;
    CHECK(shard_put(s, TABLE_USER, &user));
    struct note *note = shard_note(s, NOTE_TRUNCATE);
    note->user = id;
    note->epoch = (uint32_t)user.c[USER_epoch];
    note->position = horizon;
    return 0;
}

static int fence(struct shard *s, struct row *device)
{
    device->c[DEVICE_fenced] = 1;
    device->c[DEVICE_generation]++;
    CHECK(reset_forget(s, device));
    CHECK(shard_put(s, TABLE_DEVICE, device));
    struct note *note = shard_note(s, NOTE_FENCE);
    note->device = (device_id)device->c[DEVICE_id];
    note->generation = (uint32_t)device->c[DEVICE_generation];
    return 0;
}

int user_fence_timer(struct shard *s, device_id id)
{
    struct row device = {.c = {[DEVICE_id] = id}};
    int status = shard_get(s, TABLE_DEVICE, &device);
    if (status == E_NOTFOUND || (status == 0 && device.c[DEVICE_fenced]))
        return 0;
    CHECK(status);
    uint64_t due = device.c[DEVICE_acked_at] + s->policy->fence_after_us;
    if (due > s->now_us)
        return shard_timer(s, due, TIMER_FENCE, id, 0, 0);
    CHECK(fence(s, &device));
    CHECK(user_truncate(s, (user_id)device.c[DEVICE_user]));
    struct session *session = session_of(s, id);
    if (session && session->welcomed) /* L7: it is connected and silent; it hears of the reset in this connection */
        return reset_grant(s, &device, session, 0, 0);
    return 0;
}

int user_fence_all(struct shard *s, user_id user)
{
    struct devices devices;
    CHECK(devices_of(s, user, &devices));
    for (size_t i = 0; i < devices.count; i++)
        CHECK(fence(s, &devices.rows[i]));
    CHECK(search_renew(s, user));
    CHECK(user_truncate(s, user));
    for (size_t i = 0; i < devices.count; i++) {
        struct session *session = session_of(s, (device_id)devices.rows[i].c[DEVICE_id]);
        if (session && session->welcomed && !s->rebasing)
            CHECK(reset_grant(s, &devices.rows[i], session, 0, 0));
    }
    return 0;
}

/* ---- results of operations ---- */

int user_answer(struct shard *s, const struct wire *result)
{
    if (result->outcome == OUTCOME_REFUSED && !decide_answers_refusal(s->policy))
        return 0;
    struct row row = {.c = {[ANSWER_device] = result->device, [ANSWER_op] = result->op}};
    int status = shard_get(s, TABLE_ANSWER, &row);
    if (status == E_NOTFOUND)
        return 0; /* the device has stored an answer and said so */
    CHECK(status);
    if (result->outcome == OUTCOME_SETTLED && row.c[ANSWER_outcome] != OUTCOME_NONE)
        return 0; /* its result had come after all */
    row.c[ANSWER_again] = 0;
    row.c[ANSWER_outcome] = result->outcome;
    row.c[ANSWER_why] = result->why;
    row.c[ANSWER_version] = result->version;
    row.c[ANSWER_actor] = result->actor;
    row.c[ANSWER_at] = result->at_us;
    row.c[ANSWER_early] = result->early;
    CHECK(shard_put(s, TABLE_ANSWER, &row));
    struct session *session = session_of(s, result->device);
    if (!session || !session->welcomed)
        return 0;
    struct wire *w = session_send(s, result->device, session, WIRE_ANSWER);
    w->op = result->op;
    w->outcome = result->outcome;
    w->why = result->why;
    w->version = result->version;
    w->actor = result->actor;
    w->at_us = result->at_us;
    w->early = result->early;
    return 0;
}

/* ---- after a restore ---- */

struct pending {
    struct row rows[256];
    size_t count;
    shard_id home;
};

static int collect_pending(void *ctx, const struct row *row)
{
    struct pending *p = ctx;
    if (row->c[ANSWER_outcome] != OUTCOME_NONE || row->c[ANSWER_again] ||
        (p->home != SHARDS_MAX && row->c[ANSWER_home] != p->home))
        return 0;
    p->rows[p->count++] = *row;
    return p->count == sizeof p->rows / sizeof p->rows[0];
}

struct waiting {
    const struct row *answer;
    bool found;
};

static int find_forward(void *ctx, const struct row *row)
{
    struct waiting *w = ctx;
    w->found = row->c[OUTBOX_kind] == WIRE_FORWARD && row->c[OUTBOX_device] == w->answer->c[ANSWER_device] &&
               row->c[OUTBOX_op] == w->answer->c[ANSWER_op];
    return w->found;
}

/* Its forward is on its way still: a second one would have its key (vault.c), and lose it with the first. */
static int is_on_its_way(struct shard *s, const struct row *answer, bool *found)
{
    struct waiting w = {.answer = answer};
    struct store_range range = {.table = TABLE_OUTBOX, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = answer->c[ANSWER_home];
    int status = s->store->ops->scan(s->store, &range, find_forward, &w);
    *found = w.found;
    return status < 0 ? status : 0;
}

static int mark_again(struct shard *s, struct row *answer, device_id *last)
{
    bool on_its_way;
    CHECK(is_on_its_way(s, answer, &on_its_way));
    if (on_its_way)
        return 0;
    answer->c[ANSWER_again] = 1;
    CHECK(shard_put(s, TABLE_ANSWER, answer));
    if (*last == answer->c[ANSWER_device])
        return 0;
    *last = (device_id)answer->c[ANSWER_device];
    struct row device = {.c = {[DEVICE_id] = *last}};
    int status = shard_get(s, TABLE_DEVICE, &device);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    device.c[DEVICE_again] = 1;
    CHECK(shard_put(s, TABLE_DEVICE, &device));
    return session_ask_again(s, &device);
}

/* A forward that was confirmed may be lost, or its result: the device still has the operation, and sends it again. */
int user_again(struct shard *s, shard_id home)
{
    struct pending p = {.home = home};
    struct store_range range = {.table = TABLE_ANSWER, .index = INDEX_PRIMARY, .given = 2};
    device_id last = 0;
    do {
        p.count = 0;
        int status = s->store->ops->scan(s->store, &range, collect_pending, &p);
        CHECK(status);
        for (size_t i = 0; i < p.count; i++)
            CHECK(mark_again(s, &p.rows[i], &last));
        if (p.count) {
            range.key[0] = p.rows[p.count - 1].c[ANSWER_device];
            range.key[1] = p.rows[p.count - 1].c[ANSWER_op] + 1;
        }
    } while (p.count == sizeof p.rows / sizeof p.rows[0]);
    return 0;
}
