/*
 * shard.c: one step of a shard: a transaction around one input, its timers, and the set-up inputs.
 *
 * Method: begin; dispatch; store the time floor; commit. Any failure rolls back and clears the output, so that nothing
 * is ever said that was not stored. After a purge the files still have its bytes (a write-ahead log, gaps in pages): a
 * checkpoint of all stores follows the commit, before anything of that step is said, or within policy "wipe-within" so
 * that one serves many purges; a reaping waits for it. A new life begins with one, for what the last may have left.
 * What is volatile (sessions, resend times) is only trusted within one life of the shard.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

shard_id shard_of_user(user_id user, uint32_t shard_count)
{
    return user % shard_count;
}

shard_id shard_of_conv(const struct policy *policy, conv_id conv, uint32_t shard_count)
{
    if (policy->partition == 1)
        return ((uint32_t)conv >> CONV_HOME_SHIFT) % shard_count;
    uint64_t mixed = (conv ^ (conv >> 29)) * 0xbf58476d1ce4e5b9ULL;
    return (shard_id)((mixed >> 33) % shard_count);
}

conv_id conv_id_make(const struct policy *policy, device_id device, uint32_t op, shard_id home)
{
    return policy->partition == 1 ? MAKE_ID(device, op | home << CONV_HOME_SHIFT) : MAKE_ID(device, op);
}

uint32_t conv_id_op(const struct policy *policy, conv_id conv)
{
    return policy->partition == 1 ? CONV_OP(conv) : ID_OP(conv);
}

struct store **shard_stores_part(struct shard_stores *stores, enum store_part part)
{
    return part == STORE_MAIN ? &stores->main : part == STORE_VAULT ? &stores->vault : &stores->blobs;
}

struct shard *shard_new(shard_id id, uint32_t shard_count, const struct shard_stores *stores,
                        const struct policy *policy)
{
    assert(shard_count > 0 && shard_count <= SHARDS_MAX && id < shard_count);
    struct shard *s = base_alloc(sizeof *s);
    s->id = id;
    s->count = shard_count;
    s->store = stores->main;
    s->vault = stores->vault;
    s->blobs = stores->blobs;
    s->policy = policy;
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        s->channels[i].retry_at_us = TIME_NEVER;
    return s;
}

void shard_free(struct shard *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        free(s->channels[i].ahead);
    free(s->sessions);
    free(s->beats);
    free(s);
}

int shard_get(struct shard *s, enum store_table table, struct row *row)
{
    return s->store->ops->get(s->store, table, row);
}

int shard_put(struct shard *s, enum store_table table, const struct row *row)
{
    return s->store->ops->put(s->store, table, row);
}

int shard_del(struct shard *s, enum store_table table, const struct row *row)
{
    return s->store->ops->del(s->store, table, row);
}

int shard_first(struct shard *s, enum store_table table, int index, int fixed, int given, const uint64_t *key,
                bool reverse, struct row *row)
{
    struct store_range range = {.table = table, .index = index, .fixed = fixed, .given = given, .reverse = reverse};
    for (int i = 0; i < given; i++)
        range.key[i] = key[i];
    return store_first(s->store, &range, row);
}

int shard_timer(struct shard *s, uint64_t due_us, enum timer_kind kind, uint64_t a, uint64_t b, version v)
{
    struct row row = {.c = {[TIMER_due] = due_us, [TIMER_kind] = kind, [TIMER_a] = a, [TIMER_b] = b}};
    row.c[TIMER_version] = v;
    return shard_put(s, TABLE_TIMER, &row);
}

void shard_wipe(struct shard *s)
{
    uint64_t due = s->now_us + s->policy->wipe_within_us;
    if (due < s->wipe_at_us)
        s->wipe_at_us = due;
}

void shard_wipe_first(struct shard *s)
{
    if (s->wipe_at_us != TIME_NEVER)
        s->wipe_at_us = s->now_us;
}

struct note *shard_note(struct shard *s, enum note_kind kind)
{
    return out_note(s->out, kind);
}

int shard_meta(struct shard *s, enum meta_key key, uint64_t *value)
{
    struct row row = {.c = {[META_key] = key}};
    int status = shard_get(s, TABLE_META, &row);
    *value = status == 0 ? row.c[META_value] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

int shard_set_meta(struct shard *s, enum meta_key key, uint64_t value)
{
    struct row row = {.c = {[META_key] = key, [META_value] = value}};
    return shard_put(s, TABLE_META, &row);
}

static int provision_user(struct shard *s, user_id user)
{
    struct row row = {.c = {[USER_id] = user, [USER_epoch] = s->incarnation}};
    CHECK(search_provision(s, &row));
    return shard_put(s, TABLE_USER, &row);
}

/* The devices of a user: how many, and the latest generation that one of them has. */
struct siblings {
    size_t count;
    uint64_t generation;
};

static int sibling_visit(void *ctx, const struct row *row)
{
    struct siblings *siblings = ctx;
    siblings->count++;
    if (row->c[DEVICE_generation] > siblings->generation)
        siblings->generation = row->c[DEVICE_generation];
    return 0;
}

/*
 * A linked device is outside the minimum until its first reset pins it (M3, R1). One that begins as a copy of a sibling
 * has that one's generation, and what the log does not tell it again: so it is of the latest, and is reset when its
 * sibling was fenced and had not been reset when it was copied.
 */
static int provision_device(struct shard *s, const struct shard_input *in)
{
    struct siblings siblings = {.generation = 1};
    struct store_range of_user = {
        .table = TABLE_DEVICE, .index = INDEX_DEVICE_BY_USER, .fixed = 1, .given = 1, .key = {in->user}};
    CHECK(s->store->ops->scan(s->store, &of_user, sibling_visit, &siblings));
    if (siblings.count >= DEVICES_PER_USER_MAX)
        return E_LIMIT;
    struct row row = {.c = {[DEVICE_id] = in->device, [DEVICE_user] = in->user}};
    row.c[DEVICE_generation] = siblings.generation;
    if (s->restored) { /* it may have been here before */
        row.c[DEVICE_reset_id] = restore_number(s);
        if (row.c[DEVICE_generation] < restore_number(s))
            row.c[DEVICE_generation] = restore_number(s);
        CHECK(life_recall(s, &row));
    }
    row.c[DEVICE_fenced] = in->linked;
    row.c[DEVICE_acked_at] = s->now_us;
    CHECK(shard_put(s, TABLE_DEVICE, &row));
    if (in->linked)
        return 0;
    return shard_timer(s, s->now_us + s->policy->fence_after_us, TIMER_FENCE, in->device, 0, 0);
}

static int provision_conv(struct shard *s, const struct shard_input *in)
{
    struct row conv = {.c = {[CONV_id] = in->conv, [CONV_kind] = in->conv_kind, [CONV_state] = CONV_ACTIVE}};
    conv.c[CONV_created_at] = s->now_us;
    conv.c[CONV_retention] = in->retention_us;
    retain_provision(s, &conv);
    struct row executed = {.c = {[EXECUTED_device] = ID_DEVICE(in->conv)}};
    executed.c[EXECUTED_op] = conv_id_op(s->policy, in->conv);
    CHECK(shard_put(s, TABLE_EXECUTED, &executed));
    return shard_put(s, TABLE_CONV, &conv);
}

static int provision_member(struct shard *s, const struct shard_input *in)
{
    struct row conv = {.c = {[CONV_id] = in->conv}};
    CHECK(shard_get(s, TABLE_CONV, &conv));
    conv_next_version(s, &conv);
    CHECK(shard_put(s, TABLE_CONV, &conv));
    return member_provision(s, &conv, in->user, in->role);
}

int shard_entry(struct shard *s, shard_id source, const struct wire *wire)
{
    if (!entrance_entry(s, source, wire)) /* its number counts, so that what follows it is not held up */
        return 0;
    switch (wire->kind) {
        case WIRE_FORWARD:
            return conv_execute(s, source, wire);
        case WIRE_RESULT:
            return user_answer(s, wire);
        case WIRE_FANOUT:
            return user_append(s, source, wire);
        case WIRE_SNAPSHOT_Q:
            return reset_snapshot(s, source, wire);
        case WIRE_SNAPSHOT:
            return reset_item(s, wire);
        case WIRE_ORDER:
            return erase_order(s, wire);
        case WIRE_ORDER_DONE:
            return erase_done(s, source, wire);
        case WIRE_RETIREMENT:
            return conv_retire(s, wire->device);
        case WIRE_HOLD:
            return hold_arrives(s, wire);
        case WIRE_REBASE:
            return rebase_entry(s, source, wire);
        default:
            return 0; /* not an entry of a channel: ignored */
    }
}

static int run_timer(struct shard *s, const struct row *timer)
{
    switch (timer->c[TIMER_kind]) {
        case TIMER_FANOUT:
            return fanout_timer(s, timer->c[TIMER_a]);
        case TIMER_RELEASE:
            return hold_release_timer(s, timer);
        case TIMER_CUSTODY:
            return custody_timer(s, timer);
        case TIMER_FENCE:
            return user_fence_timer(s, (device_id)timer->c[TIMER_a]);
        case TIMER_READER:
            return search_timer(s, (user_id)timer->c[TIMER_b]);
        case TIMER_JOB:
            return job_timer(s, timer);
        case TIMER_RETAIN:
            return retain_timer(s, timer);
        case TIMER_INVITE:
            return invite_timer(s, timer);
        case TIMER_ORPHAN:
            return blob_orphan_timer(s, timer);
        case TIMER_SWEEP:
            return blob_sweep_timer(s, timer);
        default:
            return conv_timer(s, timer);
    }
}

/* One stored timer a step, so that a crash falls between any two; then what is volatile. */
static int timers(struct shard *s)
{
    struct row timer;
    int status = shard_first(s, TABLE_TIMER, INDEX_PRIMARY, 0, 0, NULL, false, &timer);
    if (status == 0 && timer.c[TIMER_due] <= s->now_us) {
        CHECK(shard_del(s, TABLE_TIMER, &timer));
        return run_timer(s, &timer);
    }
    if (status < 0 && status != E_NOTFOUND)
        return status;
    CHECK(channel_timers(s));
    return session_beats(s);
}

static int dispatch(struct shard *s, const struct shard_input *in)
{
    switch (in->kind) {
        case SHARD_START:
            s->incarnation = in->incarnation;
            s->started_us = s->now_us;
            CHECK(restore_start(s, in->incarnation));
            CHECK(log_start(s));
            CHECK(audit_start(s));
            CHECK(hold_start(s));
            CHECK(blob_start(s));
            return channel_start(s);
        case SHARD_TIMER:
            return timers(s);
        case SHARD_CONNECT:
            session_open(s, in->device, in->session);
            return 0;
        case SHARD_DISCONNECT:
            session_close(s, in->device, in->session);
            return 0;
        case SHARD_DEVICE_MSG:
            return session_message(s, in->device, in->session, in->wire);
        case SHARD_PEER_MSG:
            return channel_receive(s, in->shard, in->wire);
        case SHARD_PROVISION_USER:
            return provision_user(s, in->user);
        case SHARD_PROVISION_DEVICE:
            return provision_device(s, in);
        case SHARD_PROVISION_CONV:
            return provision_conv(s, in);
        case SHARD_PROVISION_MEMBER:
            return provision_member(s, in);
        case SHARD_PROVISION_OFFICER:
            return hold_provision_officer(s, in->user);
        default:
            return E_INVALID;
    }
}

/*
 * A shard's time never goes back, whatever its clock and its restarts do; nor does it stand still until a clock that
 * was set back has caught up, for then nothing would be sent again meanwhile: it goes on from where it was.
 */
static int read_floor(struct shard *s)
{
    if (s->floor_us == 0)
        CHECK(shard_meta(s, META_FLOOR, &s->floor_us));
    s->now_us += s->ahead_us;
    if (s->now_us < s->floor_us) {
        s->ahead_us += s->floor_us - s->now_us;
        s->now_us = s->floor_us;
    }
    return 0;
}

static int write_floor(struct shard *s)
{
    if (s->now_us == s->floor_us)
        return 0;
    s->floor_us = s->now_us;
    return shard_set_meta(s, META_FLOOR, s->now_us);
}

static int wake(struct shard *s)
{
    struct row timer;
    uint64_t at = session_beat_due(s);
    int status = shard_first(s, TABLE_TIMER, INDEX_PRIMARY, 0, 0, NULL, false, &timer);
    if (status == 0 && timer.c[TIMER_due] < at)
        at = timer.c[TIMER_due];
    else if (status < 0 && status != E_NOTFOUND)
        return status;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->channels[i].retry_at_us < at)
            at = s->channels[i].retry_at_us;
    if (s->wipe_at_us > s->now_us && s->wipe_at_us < at)
        at = s->wipe_at_us;
    s->out->wake_at_us = at == TIME_NEVER ? at : at > s->ahead_us ? at - s->ahead_us : 0; /* by its clock */
    return 0;
}

/*
 * The keys first: without them the rest says nothing. When it fails, the step has been committed and says nothing, as
 * after a crash there; the next life begins with another try.
 */
static int wipe(struct shard *s)
{
    if (s->wipe_at_us > s->now_us)
        return 0;
    s->wipe_at_us = TIME_NEVER;
    int status = s->vault->ops->checkpoint(s->vault);
    if (status == 0 && !s->blobs_clean)
        status = s->blobs->ops->checkpoint(s->blobs);
    s->blobs_clean = status == 0;
    if (status == 0)
        status = s->store->ops->checkpoint(s->store);
    return status;
}

/* The vault first: a body is never stored without its key; main last: it never names a blob that is not there. */
static int commit_intent(struct shard *s)
{
    int status = s->vault_open ? s->vault->ops->commit(s->vault) : 0;
    if (status < 0)
        return status; /* what did not commit is still to be rolled back */
    s->vault_open = false;
    status = s->blobs_open ? s->blobs->ops->commit(s->blobs) : 0;
    s->blobs_open = s->blobs_open && status < 0;
    return status;
}

static void roll_back(struct shard *s)
{
    s->store->ops->rollback(s->store);
    if (s->vault_open)
        s->vault->ops->rollback(s->vault);
    if (s->blobs_open)
        s->blobs->ops->rollback(s->blobs);
    s->vault_open = s->blobs_open = false;
    memset(s->keys, 0, sizeof s->keys);
    memset(s->texts, 0, sizeof s->texts);
}

/* After a crash before the commit only what a flaw sent too early is left. */
static void keep_hasty(struct out *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < out->msg_count; i++)
        if (out->msgs[i].before_commit)
            out->msgs[kept++] = out->msgs[i];
    out->msg_count = kept;
    out->note_count = 0;
    out->wake_at_us = TIME_NEVER;
}

int shard_step(struct shard *s, const struct shard_input *in, struct out *out)
{
    out_clear(out);
    s->out = out;
    s->now_us = in->now_us;
    s->dirty_sources = 0;
    s->random = in->random;
    s->keys_made = 0;
    s->audit_step = 0;
    s->executing = NULL;
    s->logged = false;
    int status = s->store->ops->begin(s->store);
    if (status == 0)
        status = read_floor(s);
    if (status == 0)
        status = dispatch(s, in);
    if (status == 0)
        status = channel_tell_applied(s);
    if (status == 0)
        status = write_floor(s);
    if (status == 0)
        status = wake(s);
    if (status == 0 && !in->crash_before_commit)
        status = commit_intent(s);
    if (status == 0 && (in->crash_before_commit || in->crash_after_intent)) {
        roll_back(s);
        keep_hasty(out);
        return E_CRASH;
    }
    if (status < 0) {
        roll_back(s);
        out_clear(out);
        return status;
    }
    status = s->store->ops->commit(s->store);
    if (status < 0)
        roll_back(s);
    else
        status = wipe(s);
    if (status < 0) { /* the notes stay: it may have been stored */
        out->msg_count = 0;
        out->wake_at_us = TIME_NEVER;
    }
    return status;
}
