/*
 * shard_typing.c: somebody is typing: a signal that is worth nothing a few seconds later.
 *
 * Method: device → the user's shard → the conversation's shard, which knows who is a member and stamps the signal with
 * the conversation's version → each member's shard → the devices that are connected there. Nothing is stored, numbered
 * or sent again, and nothing waits for it: a signal that is lost is lost, one that is late is dropped at the next
 * shard. It must never keep anything alive: it acknowledges nothing, proves no session, and is no presence. The stamp
 * lets a device tell a signal of before a deletion, or of before somebody left, from one of after it (device_typing.c).
 *
 * Limit: in a conversation of more than TYPING_AUDIENCE_MAX members nobody is seen typing.
 */
#include "core/protocol.h"
#include "core/shard_internal.h"

#define TYPING_AUDIENCE_MAX 64
#define TYPING_FRESH_US (5 * US_PER_S)

/* By the clock of this shard: another's may be wrong, and then the signal is lost, or shown a little too long. */
static bool is_late(const struct shard *s, const struct wire *w)
{
    return s->now_us > w->at_us && s->now_us - w->at_us > TYPING_FRESH_US;
}

/* ---- the member's shard ---- */

static void deliver(struct shard *s, device_id device, const struct wire *w)
{
    const struct session *session = session_of(s, device);
    if (!session || !session->welcomed || session->resetting || session->protocol != PROTOCOL_CURRENT)
        return;
    struct wire *typing = session_send(s, device, session, WIRE_TYPING);
    typing->conv = w->conv;
    typing->actor = w->user;
    typing->version = w->version;
    typing->flags = w->flags;
}

static int each_device(void *ctx, const struct row *device)
{
    struct {
        struct shard *s;
        const struct wire *w;
    } *c = ctx;
    deliver(c->s, (device_id)device->c[DEVICE_id], c->w);
    return 0;
}

static int reach(struct shard *s, const struct wire *w)
{
    struct {
        struct shard *s;
        const struct wire *w;
    } c = {s, w};
    struct store_range range = {
        .table = TABLE_DEVICE, .index = INDEX_DEVICE_BY_USER, .fixed = 1, .given = 1, .key = {w->subject}};
    if (is_late(s, w) || !decide_subscribes(s->policy))
        return 0;
    int status = s->store->ops->scan(s->store, &range, each_device, &c);
    return status < 0 ? status : 0;
}

/* ---- the conversation's shard ---- */

struct audience {
    user_id users[TYPING_AUDIENCE_MAX + 1];
    size_t count;
};

static int collect(void *ctx, const struct row *member)
{
    struct audience *a = ctx;
    if (member->c[MEMBER_until] == 0)
        a->users[a->count++] = (user_id)member->c[MEMBER_user];
    return a->count > TYPING_AUDIENCE_MAX;
}

static int relay(struct shard *s, const struct wire *said)
{
    struct row conv = {.c = {[CONV_id] = said->conv}};
    uint8_t role;
    int status = shard_get(s, TABLE_CONV, &conv);
    if (status == E_NOTFOUND || (status == 0 && conv.c[CONV_state] != CONV_ACTIVE) || is_late(s, said))
        return 0;
    CHECK(status);
    CHECK(conv_role(s, said->conv, said->user, &role, NULL));
    if (role == ROLE_NONE && decide_typing_needs_member(s->policy))
        return 0;
    struct audience a = {.count = 0};
    struct store_range range = {.table = TABLE_MEMBER, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = said->conv;
    status = s->store->ops->scan(s->store, &range, collect, &a);
    CHECK(status);
    struct wire w = *said;
    w.version = conv.c[CONV_version];
    for (size_t i = 0; i < a.count && a.count <= TYPING_AUDIENCE_MAX; i++) {
        w.subject = a.users[i];
        shard_id home = shard_of_user(w.subject, s->count);
        if (w.subject == w.user)
            continue;
        if (home == s->id)
            CHECK(reach(s, &w));
        else
            *out_send(s->out, OUT_TO_SHARD, home) = w;
    }
    return 0;
}

/* ---- what comes ---- */

int typing_said(struct shard *s, user_id user, const struct wire *said)
{
    struct wire w = {.kind = WIRE_TYPING, .user = user, .conv = said->conv, .at_us = s->now_us};
    w.flags = said->flags & TYPING_OVER;
    if (!w.conv)
        return 0;
    shard_id home = shard_of_conv(s->policy, w.conv, s->count);
    if (home == s->id)
        return relay(s, &w);
    *out_send(s->out, OUT_TO_SHARD, home) = w;
    return 0;
}

int typing_passed_on(struct shard *s, shard_id source, const struct wire *w)
{
    bool conv_here = w->conv && shard_of_conv(s->policy, w->conv, s->count) == s->id;
    bool conv_there = w->conv && shard_of_conv(s->policy, w->conv, s->count) == source;
    bool user_there = w->user && shard_of_user(w->user, s->count) == source;
    bool subject_here = w->subject && shard_of_user(w->subject, s->count) == s->id;
    if (w->body.len)
        return 0; /* it never has words */
    if (conv_here && user_there && !w->subject)
        return relay(s, w);
    return conv_there && subject_here && w->user && w->version ? reach(s, w) : 0;
}
