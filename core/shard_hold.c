/*
 * shard_hold.c: legal holds, which stand above every kind of deletion.
 *
 * Method: a hold keeps the bytes, not the visibility. A deletion takes effect for its audience as ever; only when its
 * window is over, and before the purge is committed (U4), is the hold asked for: then the purge is parked under it, and
 * a release sets its timer again. A purge that was committed before the hold came goes on. What an edit replaces is
 * kept too (shard_former.c). What a conversation's hold
 * covers is the conversation; a user's covers every conversation here that the user is or was in, all that the
 * custodian could read. Whoever else holds the same thing is asked when the timer is due again, so that a purge waits
 * for the last release.
 *
 * Holds lie in the vault, outside every backup, or a restored shard would purge what it had forgotten to keep. The
 * vault commits before main; so a release first commits its timer in main, and that timer, which names the hold that it
 * ends as U3's do, takes the hold away: until then purges are parked still, and then they all go on. A user's hold is
 * ordered by the user's shard, and told to every shard on the channels, first-in first-out; it holds on each from its
 * arrival there; shard_custody.c is the index of whom it finds. After a restore, of either side, the user's shard tells
 * again which of its users are held, for its vault knows: whatever is held besides was released meanwhile.
 */
#include "core/shard_internal.h"

#include <stdlib.h>

bool hold_is_of_user(const struct wire *w)
{
    return w->conv == 0 && w->subject != 0 && (w->operation == OPERATION_HOLD || w->operation == OPERATION_RELEASE);
}

/* ---- what is held ---- */

int hold_covering(struct shard *s, conv_id conv, struct row *hold, bool *covers)
{
    *hold = (struct row){.c = {[LEGAL_HOLD_kind] = HOLD_CONV, [LEGAL_HOLD_id] = conv}};
    int status = vault_get(s, TABLE_LEGAL_HOLD, hold);
    *covers = status == 0;
    return status == E_NOTFOUND ? custody_of(s, conv, hold, covers) : status;
}

static void note_parked(struct shard *s, const struct row *parked)
{
    struct note *note = shard_note(s, NOTE_PARK);
    note->conv = parked->c[PARKED_conv];
    note->target = parked->c[PARKED_target];
    note->version = parked->c[PARKED_version];
}

int hold_parks(struct shard *s, conv_id conv, msg_id target, version deletion, enum reason reason, bool *parks)
{
    struct row hold;
    CHECK(hold_covering(s, conv, &hold, parks));
    *parks = *parks && decide_hold_covers(s->policy, target == 0, reason);
    if (!*parks)
        return 0;
    struct row parked = {.c = {[PARKED_kind] = hold.c[LEGAL_HOLD_kind], [PARKED_id] = hold.c[LEGAL_HOLD_id]}};
    parked.c[PARKED_conv] = conv;
    parked.c[PARKED_target] = target;
    parked.c[PARKED_version] = deletion;
    note_parked(s, &parked);
    return shard_put(s, TABLE_PARKED, &parked);
}

/* ---- placing and releasing ---- */

static void note_hold(struct shard *s, enum note_kind kind, const struct row *hold)
{
    struct note *note = shard_note(s, kind);
    if (hold->c[LEGAL_HOLD_kind] == HOLD_CONV)
        note->conv = hold->c[LEGAL_HOLD_id];
    else
        note->user = (user_id)hold->c[LEGAL_HOLD_id];
    note->actor = (user_id)hold->c[LEGAL_HOLD_by];
}

static struct row hold_of(const struct wire *w)
{
    struct row hold = {.c = {[LEGAL_HOLD_kind] = hold_is_of_user(w) ? HOLD_USER : HOLD_CONV}};
    hold.c[LEGAL_HOLD_id] = hold_is_of_user(w) ? w->subject : w->conv;
    return hold;
}

static uint64_t seen_now(const struct shard *s, uint32_t teller)
{
    return (uint64_t)s->restored << 32 | teller;
}

/* A hold placed again is a new one: no release that is under way ends it. */
static int place(struct shard *s, const struct wire *w, user_id by, version v)
{
    struct row hold = hold_of(w);
    hold.c[LEGAL_HOLD_by] = by;
    hold.c[LEGAL_HOLD_at] = s->now_us;
    hold.c[LEGAL_HOLD_version] = v;
    hold.c[LEGAL_HOLD_seen] = seen_now(s, w->incarnation);
    note_hold(s, NOTE_HOLD, &hold);
    CHECK(vault_put(s, TABLE_LEGAL_HOLD, &hold));
    return hold_is_of_user(w) ? custody_begin(s, w->subject, v) : 0;
}

static int begin_release(struct shard *s, const struct row *hold)
{
    note_hold(s, NOTE_RELEASE, hold);
    return shard_timer(s, s->now_us, TIMER_RELEASE, hold->c[LEGAL_HOLD_kind], hold->c[LEGAL_HOLD_id],
                       hold->c[LEGAL_HOLD_version]);
}

static int release(struct shard *s, const struct wire *w)
{
    struct row hold = hold_of(w);
    int status = vault_get(s, TABLE_LEGAL_HOLD, &hold);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    return begin_release(s, &hold);
}

int hold_arrives(struct shard *s, const struct wire *w)
{
    return w->operation == OPERATION_HOLD ? place(s, w, w->actor, w->version) : release(s, w);
}

/* Is there anything to keep, or a hold to release? */
static int may_take(struct shard *s, const struct wire *op, const struct row *conv, enum why *why)
{
    struct row hold = hold_of(op);
    *why = WHY_NONE;
    if (op->operation == OPERATION_HOLD) {
        if (!hold_is_of_user(op) && conv->c[CONV_state] >= CONV_PURGING)
            *why = WHY_CONVERSATION_GONE;
        return 0;
    }
    int status = vault_get(s, TABLE_LEGAL_HOLD, &hold);
    if (status == E_NOTFOUND)
        *why = WHY_NOT_HELD;
    return status == E_NOTFOUND ? 0 : status;
}

static int tell_every_shard(struct shard *s, const struct wire *op, version v)
{
    struct wire w = {.kind = WIRE_HOLD, .operation = op->operation, .subject = op->subject, .actor = op->user};
    w.version = v;
    w.at_us = s->now_us;
    for (shard_id d = 0; d < s->count; d++)
        CHECK(channel_send(s, d, &w, NULL));
    return 0;
}

static int next_version_of_users(struct shard *s, version *v)
{
    uint64_t last;
    CHECK(shard_meta(s, META_HOLDS, &last));
    *v = VERSION_INCARNATION(last) == s->incarnation ? last + 1 : VERSION_MAKE(s->incarnation, 1);
    return shard_set_meta(s, META_HOLDS, *v);
}

int hold_execute(struct shard *s, const struct wire *op, struct result *result)
{
    struct row officer = {.c = {[OFFICER_user] = op->user}}, conv = {.c = {[CONV_id] = op->conv}};
    int status = shard_get(s, TABLE_OFFICER, &officer);
    if (status == E_NOTFOUND)
        return conv_refuse(result, WHY_NOT_PERMITTED);
    CHECK(status);
    struct row user = {.c = {[USER_id] = op->subject}};
    status = hold_is_of_user(op) ? shard_get(s, TABLE_USER, &user) : shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND)
        return hold_is_of_user(op) ? conv_refuse(result, WHY_UNKNOWN_TARGET) : conv_missing(s, op, result);
    CHECK(status);
    enum why why;
    CHECK(may_take(s, op, &conv, &why));
    if (why != WHY_NONE)
        return conv_refuse(result, why);
    if (hold_is_of_user(op)) {
        CHECK(next_version_of_users(s, &result->version));
    } else {
        result->version = conv_next_version(s, &conv);
        CHECK(shard_put(s, TABLE_CONV, &conv));
    }
    conv_note_commit(s, op, result->version, 0);
    if (hold_is_of_user(op))
        return tell_every_shard(s, op, result->version);
    return op->operation == OPERATION_HOLD ? place(s, op, op->user, result->version) : release(s, op);
}

/* ---- what waited ---- */

static int end_hold(struct shard *s, const struct row *timer, bool *held)
{
    struct row hold = {.c = {[LEGAL_HOLD_kind] = timer->c[TIMER_a], [LEGAL_HOLD_id] = timer->c[TIMER_b]}};
    int status = vault_get(s, TABLE_LEGAL_HOLD, &hold);
    *held = status == 0 && hold.c[LEGAL_HOLD_version] != timer->c[TIMER_version]; /* another one, and it lasts */
    if (status < 0 || *held)
        return status == E_NOTFOUND ? 0 : status;
    return vault_del(s, TABLE_LEGAL_HOLD, &hold);
}

int hold_release_timer(struct shard *s, const struct row *timer)
{
    bool held;
    CHECK(end_hold(s, timer, &held));
    bool more = false;
    if (!held && timer->c[TIMER_a] == HOLD_USER)
        CHECK(custody_end(s, (user_id)timer->c[TIMER_b], PURGE_CHUNK, &more));
    if (more)
        return shard_timer(s, s->now_us, TIMER_RELEASE, timer->c[TIMER_a], timer->c[TIMER_b], timer->c[TIMER_version]);
    if (held || !decide_release_resumes(s->policy))
        return 0;
    CHECK(former_release(s, timer->c[TIMER_a], timer->c[TIMER_b], PURGE_CHUNK, &more));
    for (int i = 0; !more && i < PURGE_CHUNK; i++) {
        struct row parked;
        uint64_t key[2] = {timer->c[TIMER_a], timer->c[TIMER_b]};
        int status = shard_first(s, TABLE_PARKED, INDEX_PRIMARY, 2, 2, key, false, &parked);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_PARKED, &parked));
        CHECK(shard_timer(s, s->now_us, parked.c[PARKED_target] ? TIMER_PURGE_MESSAGE : TIMER_PURGE_CONV,
                          parked.c[PARKED_conv], parked.c[PARKED_target], parked.c[PARKED_version]));
    }
    return shard_timer(s, s->now_us, TIMER_RELEASE, timer->c[TIMER_a], timer->c[TIMER_b], timer->c[TIMER_version]);
}

/* Of what lies under a hold that is no more: it goes on. */
static int let_go(struct shard *s, enum store_table table)
{
    uint64_t key[2] = {0, 0};
    for (;;) {
        struct row kept;
        int status = shard_first(s, table, INDEX_PRIMARY, 0, 2, key, false, &kept);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        _Static_assert((int)PARKED_kind == (int)FORMER_kind && (int)PARKED_id == (int)FORMER_id,
                       "both begin with the hold");
        key[0] = kept.c[PARKED_kind];
        key[1] = kept.c[PARKED_id];
        struct row hold = {.c = {[LEGAL_HOLD_kind] = key[0], [LEGAL_HOLD_id] = key[1]}};
        status = vault_get(s, TABLE_LEGAL_HOLD, &hold);
        if (status == E_NOTFOUND)
            status = shard_timer(s, s->now_us, TIMER_RELEASE, key[0], key[1], 0);
        CHECK(status);
        key[1]++;
    }
}

/* Main may be older than the vault. */
int hold_start(struct shard *s)
{
    CHECK(custody_start(s));
    CHECK(let_go(s, TABLE_PARKED));
    return let_go(s, TABLE_FORMER);
}

int hold_provision_officer(struct shard *s, user_id user)
{
    struct row officer = {.c = {[OFFICER_user] = user}};
    return shard_put(s, TABLE_OFFICER, &officer);
}

/* ---- after a restore ---- */

int hold_again(struct shard *s, struct row *hold)
{
    if (!decide_restore_keeps_holds(s->policy) && hold->c[LEGAL_HOLD_at] > s->floor_us)
        return vault_del(s, TABLE_LEGAL_HOLD, hold);
    note_hold(s, NOTE_HOLD, hold);
    if (hold->c[LEGAL_HOLD_kind] == HOLD_CONV)
        return 0;
    hold->c[LEGAL_HOLD_listed] = 0; /* main may know of memberships that were none when it was listed */
    CHECK(vault_put(s, TABLE_LEGAL_HOLD, hold));
    return custody_begin(s, (user_id)hold->c[LEGAL_HOLD_id], hold->c[LEGAL_HOLD_version]);
}

struct held { /* the users of one shard that are held */
    struct shard *s;
    shard_id home;
    struct row *rows;
    size_t count, cap;
};

static int collect_held(void *ctx, const struct row *hold)
{
    struct held *h = ctx;
    if (shard_of_user((user_id)hold->c[LEGAL_HOLD_id], h->s->count) != h->home)
        return 0;
    h->rows = base_grow(h->rows, &h->cap, h->count + 1, sizeof *h->rows);
    h->rows[h->count++] = *hold;
    return 0;
}

static int held_users(struct shard *s, shard_id home, struct held *h)
{
    struct store_range users = {
        .table = TABLE_LEGAL_HOLD, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {HOLD_USER}};
    *h = (struct held){.s = s, .home = home};
    CHECK(vault_begin(s));
    int status = s->vault->ops->scan(s->vault, &users, collect_held, h);
    return status < 0 ? status : 0;
}

int hold_tell(struct shard *s, shard_id to)
{
    struct held h;
    int status = held_users(s, s->id, &h);
    for (size_t i = 0; status >= 0 && i < h.count; i++) {
        struct wire w = {
            .kind = WIRE_HOLD, .operation = OPERATION_HOLD, .subject = (user_id)h.rows[i].c[LEGAL_HOLD_id]};
        w.actor = (user_id)h.rows[i].c[LEGAL_HOLD_by];
        w.version = h.rows[i].c[LEGAL_HOLD_version];
        w.at_us = h.rows[i].c[LEGAL_HOLD_at];
        status = channel_send(s, to, &w, NULL);
    }
    free(h.rows);
    return status < 0 ? status : 0;
}

int hold_told(struct shard *s, shard_id source, uint32_t incarnation)
{
    struct held h;
    int status = held_users(s, source, &h);
    for (size_t i = 0; status >= 0 && i < h.count; i++)
        if (h.rows[i].c[LEGAL_HOLD_seen] != seen_now(s, incarnation))
            status = begin_release(s, &h.rows[i]);
    free(h.rows);
    return status < 0 ? status : 0;
}
