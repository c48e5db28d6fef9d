/*
 * shard_custody.c: which conversations here are under the hold of a user: so that a purge asks of its own conversation
 * alone, and not of every user under a hold.
 *
 * Method: a row for each conversation that a user under a hold is or was in. When the hold is placed a timer lists the
 * user's memberships, a chunk a step; whoever joins meanwhile or later is listed at once; a release takes the rows away
 * again, a chunk a step. Until a hold is listed it is asked for by name, so no purge slips through between. The rows
 * lie in the vault, as the holds do, and so may know more than a restored main does: what counts is the membership.
 */
#include "core/shard_internal.h"

#define LISTED_A_STEP 64

int custody_begin(struct shard *s, user_id user, version hold)
{
    return shard_timer(s, s->now_us, TIMER_CUSTODY, user, 0, hold);
}

static int hold_of(struct shard *s, user_id user, struct row *hold, bool *is)
{
    *hold = (struct row){.c = {[LEGAL_HOLD_kind] = HOLD_USER, [LEGAL_HOLD_id] = user}};
    int status = vault_get(s, TABLE_LEGAL_HOLD, hold);
    *is = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int list(struct shard *s, conv_id conv, user_id user)
{
    struct row row = {.c = {[CUSTODY_conv] = conv, [CUSTODY_user] = user}};
    return vault_put(s, TABLE_CUSTODY, &row);
}

int custody_joined(struct shard *s, conv_id conv, user_id user)
{
    struct row hold;
    bool is;
    CHECK(hold_of(s, user, &hold, &is));
    return is ? list(s, conv, user) : 0;
}

/* Of a hold that was released, and perhaps placed again, meanwhile: another timer does that one. */
int custody_timer(struct shard *s, const struct row *timer)
{
    user_id user = (user_id)timer->c[TIMER_a];
    struct row hold, member;
    bool is;
    CHECK(hold_of(s, user, &hold, &is));
    if (!is || hold.c[LEGAL_HOLD_version] != timer->c[TIMER_version])
        return 0;
    uint64_t key[2] = {user, timer->c[TIMER_b]};
    for (int i = 0; i < LISTED_A_STEP; i++) {
        int status = shard_first(s, TABLE_MEMBER, INDEX_MEMBER_BY_USER, 1, 2, key, false, &member);
        if (status == E_NOTFOUND) {
            hold.c[LEGAL_HOLD_listed] = 1;
            return vault_put(s, TABLE_LEGAL_HOLD, &hold);
        }
        CHECK(status);
        CHECK(list(s, member.c[MEMBER_conv], user));
        key[1] = member.c[MEMBER_conv] + 1; /* however often they came and went */
    }
    return shard_timer(s, s->now_us, TIMER_CUSTODY, user, key[1], timer->c[TIMER_version]);
}

int custody_end(struct shard *s, user_id user, int limit, bool *more)
{
    struct store_range range = {
        .table = TABLE_CUSTODY, .index = INDEX_CUSTODY_BY_USER, .fixed = 1, .given = 1, .key = {user}};
    CHECK(vault_begin(s));
    *more = true;
    for (int i = 0; i < limit; i++) {
        struct row row;
        int status = store_first(s->vault, &range, &row);
        *more = status == 0;
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(vault_del(s, TABLE_CUSTODY, &row));
    }
    return 0;
}

/* ---- asking ---- */

struct search {
    struct shard *s;
    conv_id conv;
    struct row hold;
    bool found;
};

static int was_member(struct search *search, user_id user)
{
    struct row member;
    uint64_t key[2] = {search->conv, user};
    int status = shard_first(search->s, TABLE_MEMBER, INDEX_PRIMARY, 2, 2, key, false, &member);
    search->found = status == 0;
    return status == E_NOTFOUND ? 0 : status < 0 ? status : 1;
}

static int each_listed(void *ctx, const struct row *row)
{
    struct search *search = ctx;
    bool is;
    CHECK(hold_of(search->s, (user_id)row->c[CUSTODY_user], &search->hold, &is));
    return is ? was_member(search, (user_id)row->c[CUSTODY_user]) : 0;
}

static int each_unlisted(void *ctx, const struct row *hold)
{
    struct search *search = ctx;
    search->hold = *hold;
    return was_member(search, (user_id)hold->c[LEGAL_HOLD_id]);
}

int custody_of(struct shard *s, conv_id conv, struct row *hold, bool *covers)
{
    struct search search = {.s = s, .conv = conv};
    struct store_range listed = {.table = TABLE_CUSTODY, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {conv}};
    struct store_range others = {
        .table = TABLE_LEGAL_HOLD, .index = INDEX_LEGAL_HOLD_BY_LISTED, .fixed = 2, .given = 2};
    others.key[0] = HOLD_USER;
    CHECK(vault_begin(s));
    int status = s->vault->ops->scan(s->vault, &listed, each_listed, &search);
    if (status >= 0 && !search.found)
        status = s->vault->ops->scan(s->vault, &others, each_unlisted, &search);
    *covers = search.found;
    *hold = search.hold;
    return status < 0 ? status : 0;
}

/* Main may have lost the timer, when it is older than the vault. */
static int list_again(void *ctx, const struct row *hold)
{
    return custody_begin(ctx, (user_id)hold->c[LEGAL_HOLD_id], hold->c[LEGAL_HOLD_version]);
}

int custody_start(struct shard *s)
{
    struct store_range range = {.table = TABLE_LEGAL_HOLD, .index = INDEX_LEGAL_HOLD_BY_LISTED, .fixed = 2, .given = 2};
    range.key[0] = HOLD_USER;
    CHECK(vault_begin(s));
    int status = s->vault->ops->scan(s->vault, &range, list_again, s);
    return status < 0 ? status : 0;
}
