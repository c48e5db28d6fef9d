/*
 * shard_fanout.c: a commit's audience, turned into one channel entry a user.
 *
 * Method: the audience is a query over membership intervals: everybody whose interval touches the commit's version,
 * from before or after it (M1). One step serves at most policy.fanout_chunk users; the rest is a FANOUT row with a
 * cursor, served by a timer, so that a large channel blocks nobody else. Commits of one conversation are served in the
 * order of their versions: a later one waits behind an unfinished one.
 */
#include "core/shard_internal.h"

#define FANOUT_PACE_US (2 * US_PER_MS)

struct audience {
    struct shard *s;
    const struct wire *template;
    uint64_t limit;
    bool more; /* somebody is left beyond the limit */
    user_id users[256];
    uint8_t roles[256];
    version cleared[256], since[256];
    size_t count;
};

static bool touches(const struct audience *a, const struct row *member)
{
    version v = a->template->version, since = member->c[MEMBER_since], until = member->c[MEMBER_until];
    if (since > v || (since == v && !decide_audience_has_after(a->s->policy)))
        return false;
    if (until == 0 || until > v)
        return true;
    return until == v && decide_audience_has_before(a->s->policy);
}

static int collect(void *ctx, const struct row *member)
{
    struct audience *a = ctx;
    user_id user = (user_id)member->c[MEMBER_user];
    if (!touches(a, member))
        return 0;
    if (a->count && a->users[a->count - 1] == user) {
        a->roles[a->count - 1] = (uint8_t)member->c[MEMBER_role]; /* left and joined in one commit */
        a->cleared[a->count - 1] = member->c[MEMBER_cleared];
        a->since[a->count - 1] = member->c[MEMBER_since];
        return 0;
    }
    if (a->count == a->limit) {
        a->more = true;
        return 1;
    }
    a->roles[a->count] = (uint8_t)member->c[MEMBER_role];
    a->cleared[a->count] = member->c[MEMBER_cleared];
    a->since[a->count] = member->c[MEMBER_since];
    a->users[a->count++] = user;
    return 0;
}

/* What this user hears of it: of one's own coming and going something else than of others'. */
static struct wire for_user(const struct wire *template, user_id user, uint8_t role)
{
    struct wire w = *template;
    w.user = user;
    if (w.entry == ENTRY_MEMBER && w.subject == user)
        w.entry = w.role == ROLE_NONE ? ENTRY_EVICT : ENTRY_JOIN;
    if (w.entry == ENTRY_JOIN)
        w.role = role;
    return w;
}

/*
 * It would show again what this user deleted for themselves, or show what was sent before they joined, and no snapshot
 * gives them: they hear that something was, and no more.
 */
static int silence_hidden(struct shard *s, struct wire *w, version cleared, version since)
{
    bool shows =
        w->entry == ENTRY_UNDO || w->entry == ENTRY_EDIT || w->entry == ENTRY_QUOTE || w->entry == ENTRY_ATTACH;
    if (!shows || quote_is_taken(w))
        return 0;
    bool hides = w->sent && (w->sent <= cleared || !decide_reads(s->policy, w->sent, w->version, since));
    if (!hides)
        CHECK(conv_hides(s, w->conv, w->user, quote_parent(w), &hides));
    if (!hides)
        return 0;
    w->entry = ENTRY_VOID;
    memset(&w->body, 0, sizeof w->body);
    return 0;
}

static bool leaves_tombstone(const struct wire *w)
{
    return w->entry == ENTRY_PURGE || w->entry == ENTRY_PURGE_CONV;
}

static int wait_for(struct shard *s, shard_id destination, uint64_t number, const struct wire *w)
{
    struct row row = {.c = {[WAITS_destination] = destination, [WAITS_number] = number, [WAITS_conv] = w->conv}};
    row.c[WAITS_target] = w->target;
    return shard_put(s, TABLE_WAITS, &row);
}

static int serve(struct shard *s, const struct wire *template, const struct audience *a)
{
    uint64_t last[SHARDS_MAX] = {0};
    for (size_t i = 0; i < a->count; i++) {
        struct wire w = for_user(template, a->users[i], a->roles[i]);
        if (w.entry == ENTRY_EVICT && !decide_tells_removed(s->policy))
            continue;
        CHECK(silence_hidden(s, &w, a->cleared[i], a->since[i]));
        shard_id home = shard_of_user(w.user, s->count);
        CHECK(channel_send(s, home, &w, &last[home]));
    }
    for (shard_id d = 0; leaves_tombstone(template) && d < s->count; d++)
        if (last[d])
            CHECK(wait_for(s, d, last[d], template));
    return 0;
}

/* Serve the next chunk after `cursor`; *next is the cursor then, *more whether anybody is left. */
static int serve_chunk(struct shard *s, const struct wire *template, user_id cursor, user_id *next, bool *more)
{
    struct audience a = {.s = s, .template = template};
    a.limit = s->policy->fanout_chunk < 256 ? s->policy->fanout_chunk : 256;
    struct store_range range = {.table = TABLE_MEMBER, .index = INDEX_PRIMARY, .fixed = 1, .given = 2};
    range.key[0] = template->conv;
    range.key[1] = (uint64_t)cursor + 1;
    int status = s->store->ops->scan(s->store, &range, collect, &a);
    CHECK(status);
    *more = a.more;
    *next = a.count ? a.users[a.count - 1] : cursor;
    return serve(s, template, &a);
}

static int pack(struct shard *s, const struct wire *w, user_id only, uint64_t part, user_id cursor, struct row *row)
{
    *row = (struct row){.c = {[FANOUT_conv] = w->conv,
                              [FANOUT_version] = w->version,
                              [FANOUT_part] = part,
                              [FANOUT_entry] = w->entry,
                              [FANOUT_target] = w->target,
                              [FANOUT_actor] = w->actor,
                              [FANOUT_subject] = w->subject,
                              [FANOUT_role] = w->role,
                              [FANOUT_at] = w->at_us,
                              [FANOUT_cursor] = cursor,
                              [FANOUT_only] = only,
                              [FANOUT_kind] = w->conv_kind,
                              [FANOUT_deletion] = w->named,
                              [FANOUT_sent] = w->sent,
                              [FANOUT_words] = (uint64_t)w->flags << 8,
                              [FANOUT_reply] = w->reply}};
    return vault_seal(s, w, &row->body);
}

static int unpack(struct shard *s, const struct row *row, struct wire *w)
{
    *w = (struct wire){.kind = WIRE_FANOUT,
                       .entry = (uint8_t)row->c[FANOUT_entry],
                       .conv = row->c[FANOUT_conv],
                       .version = row->c[FANOUT_version],
                       .target = row->c[FANOUT_target],
                       .actor = (user_id)row->c[FANOUT_actor],
                       .subject = (user_id)row->c[FANOUT_subject],
                       .role = (uint8_t)row->c[FANOUT_role],
                       .at_us = row->c[FANOUT_at],
                       .conv_kind = (uint8_t)row->c[FANOUT_kind],
                       .named = row->c[FANOUT_deletion],
                       .sent = row->c[FANOUT_sent],
                       .reply = row->c[FANOUT_reply],
                       .flags = (uint8_t)(row->c[FANOUT_words] >> 8)};
    bool gone;
    CHECK(vault_open(s, w, &row->body, &gone));
    if (gone) /* purged while it waited: the rest of its audience hears nothing of it */
        w->entry = ENTRY_VOID;
    return 0;
}

static int serve_one(struct shard *s, const struct wire *template, user_id only)
{
    struct wire w = for_user(template, only, template->role);
    return channel_send(s, shard_of_user(only, s->count), &w, NULL);
}

int fanout_commit(struct shard *s, const struct wire *template, user_id only)
{
    struct row pending;
    uint64_t key[1] = {template->conv};
    user_id cursor = 0;
    bool more = true;
    int status = shard_first(s, TABLE_FANOUT, INDEX_PRIMARY, 1, 1, key, true, &pending);
    if (status == E_NOTFOUND && only)
        return serve_one(s, template, only);
    if (status == E_NOTFOUND)
        CHECK(serve_chunk(s, template, 0, &cursor, &more));
    else
        CHECK(status);
    if (!more)
        return 0;
    uint64_t part = status == 0 && pending.c[FANOUT_version] == template->version ? pending.c[FANOUT_part] + 1 : 0;
    struct row row;
    CHECK(pack(s, template, only, part, cursor, &row));
    CHECK(shard_put(s, TABLE_FANOUT, &row));
    return status == E_NOTFOUND ? shard_timer(s, s->now_us, TIMER_FANOUT, template->conv, 0, 0) : 0;
}

/*
 * A channel between two shards is first-in first-out: whoever else has something to say waits behind what a fan-out has
 * put there. So the next chunk waits until a window is all that is unconfirmed.
 */
static int backlogged(struct shard *s, bool *late)
{
    *late = false;
    for (shard_id d = 0; d < s->count && !*late; d++) {
        struct row out = {.c = {[CHANNEL_OUT_destination] = d}};
        int status = shard_get(s, TABLE_CHANNEL_OUT, &out);
        if (status < 0 && status != E_NOTFOUND)
            return status;
        *late = status == 0 && out.c[CHANNEL_OUT_next] - 1 - out.c[CHANNEL_OUT_confirmed] >= CHANNEL_WINDOW;
    }
    return 0;
}

int fanout_timer(struct shard *s, conv_id conv)
{
    bool late;
    CHECK(backlogged(s, &late));
    if (late && decide_paces_fanout(s->policy))
        return shard_timer(s, s->now_us + FANOUT_PACE_US, TIMER_FANOUT, conv, 0, 0);
    struct row row;
    uint64_t key[1] = {conv};
    int status = shard_first(s, TABLE_FANOUT, INDEX_PRIMARY, 1, 1, key, false, &row);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    struct wire template;
    CHECK(unpack(s, &row, &template));
    bool more = false;
    if (row.c[FANOUT_only]) {
        CHECK(serve_one(s, &template, (user_id)row.c[FANOUT_only]));
    } else {
        user_id cursor;
        CHECK(serve_chunk(s, &template, (user_id)row.c[FANOUT_cursor], &cursor, &more));
        row.c[FANOUT_cursor] = cursor;
    }
    CHECK(more ? shard_put(s, TABLE_FANOUT, &row) : shard_del(s, TABLE_FANOUT, &row));
    if (!more && leaves_tombstone(&template)) /* whoever was served first may have applied it already */
        CHECK(conv_reap(s, conv, template.target));
    status = shard_first(s, TABLE_FANOUT, INDEX_PRIMARY, 1, 1, key, false, &row);
    if (status == 0)
        return shard_timer(s, s->now_us, TIMER_FANOUT, conv, 0, 0);
    return status == E_NOTFOUND ? 0 : status;
}
