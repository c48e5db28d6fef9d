/*
 * audience.c: notice-reaches-members and authority, from commits, member records and appends.
 *
 * The membership of a conversation at a commit is what the member records before it say; the one whom the operation
 * adds or removes counts as a member before or after it (M1), whichever record comes first.
 */
#include "sim/check/state.h"

static uint64_t awaited_key(uint32_t user, uint32_t conv, version of)
{
    uint64_t h = of * 0x9e3779b97f4a7c15ULL;
    return (((uint64_t)conv << 32) | user) * 0xd6e8feb86659fd93ULL ^ h ^ (h >> 32);
}

static void await(struct check *c, const struct event *e, uint32_t user, uint32_t kept)
{
    uint32_t *slot = pair_map_at(&c->awaited_of, awaited_key(user, e->conv, record_get(e->r, FIELD_VERSION)));
    if (*slot || !user)
        return;
    *slot = GROW(c, awaited);
    c->awaited[*slot] = (struct awaited){.user = user, .conv = e->conv, .kept = kept};
}

static bool announces(struct check *c, const struct event *e)
{
    switch (e->what) {
        case WORD_DELETE: /* a repeated one need not be announced again; one before its target cannot be */
            return e->message && c->messages[e->message].sent && !c->messages[e->message].target.deleted;
        case WORD_DELETE_CONV:
            return !c->convs[e->conv].target.deleted;
        case WORD_UNDO:
        case WORD_UNDO_CONV:
        case WORD_REMOVE:
        case WORD_LEAVE:
            return true;
        default:
            return false;
    }
}

/* Whoever is invited hears that it is over: by its own end, or by that of the conversation. */
static void invited_audience(struct check *c, const struct event *e)
{
    if (ends_invitation(e->what) && c->messages[e->message].invitation)
        await(c, e, c->messages[e->message].invitee, state_keep(c, e->r));
    if (e->what != WORD_DELETE_CONV || c->convs[e->conv].target.deleted)
        return;
    for (uint32_t m = c->convs[e->conv].first_message; m; m = c->messages[m].next_in_conv)
        if (invitation_open(c, &c->messages[m]))
            await(c, e, c->messages[m].invitee, state_keep(c, e->r));
}

static void commit_audience(struct check *c, const struct event *e)
{
    if (e->conv)
        invited_audience(c, e);
    if (!e->conv || !announces(c, e))
        return;
    uint32_t kept = state_keep(c, e->r);
    bool of_person = e->what == WORD_REMOVE || e->what == WORD_LEAVE;
    int least = of_person && c->convs[e->conv].least[RIGHT_ANNOUNCE] ? c->convs[e->conv].least[RIGHT_ANNOUNCE] - 1 : 0;
    for (uint32_t i = c->convs[e->conv].members; i; i = c->members[i].next_of_conv)
        if (c->members[i].is && c->members[i].rank >= least)
            await(c, e, c->members[i].user, kept);
    if (e->what == WORD_REMOVE)
        await(c, e, e->subject, kept);
    if (e->what == WORD_LEAVE)
        await(c, e, e->actor, kept);
}

static void append_arrives(struct check *c, const struct event *e)
{
    uint32_t at = pair_map_get(&c->awaited_of, awaited_key(e->user, e->conv, record_get(e->r, FIELD_VERSION)));
    if (!at || c->awaited[at].came)
        return;
    c->awaited[at].came = true;
    judge(c, INVARIANT_NOTICE_REACHES_MEMBERS);
}

void audience_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->awaited_count; i++) {
        const struct awaited *a = &c->awaited[i];
        if (a->came)
            continue;
        if (!c->ended || !c->aging || c->shard_exempt) {
            judge_unknown(c, INVARIANT_NOTICE_REACHES_MEMBERS);
            continue;
        }
        struct verdict *v = violate(c, INVARIANT_NOTICE_REACHES_MEMBERS, "the log of %s never heard of a change of %s",
                                    nm(c, c->users[a->user].name), nm(c, c->convs[a->conv].name));
        struct member *member = state_member(c, a->conv, a->user);
        if (member)
            chain_kept(c, v, member->kept);
        chain_kept(c, v, a->kept);
    }
}

/* ---- authority ---- */

static bool is_member(struct check *c, uint32_t conv, uint32_t user)
{
    const struct member *m = state_member(c, conv, user);
    return m && m->is;
}

static int rank_in(struct check *c, uint32_t conv, uint32_t user)
{
    const struct member *m = state_member(c, conv, user);
    return m && m->is ? m->rank : 0;
}

/* Has this member the rank that the conversation's rule asks for? Without a rule `least` is taken for it. */
static bool has_right(struct check *c, uint32_t conv, enum right right, uint32_t actor, int least)
{
    int asked = c->convs[conv].least[right];
    return rank_in(c, conv, actor) >= (asked ? asked - 1 : least);
}

/* NULL, or why this user had no right to delete this message in that conversation. */
static const char *no_right(struct check *c, uint32_t conv, uint32_t message, uint32_t actor)
{
    const struct message *m = &c->messages[message];
    if (m->conv && conv && m->conv != conv)
        return "it is of another conversation";
    if (!is_member(c, conv, actor))
        return "not a member";
    if (m->author != actor && !has_right(c, conv, RIGHT_DELETE, actor, 2))
        return "neither author nor of a role that may";
    return NULL;
}

static void rule(struct check *c, const char *why, const char *did, uint32_t target_name, uint32_t actor,
                 uint32_t send_kept)
{
    if (!why) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_AUTHORITY, "%s %s %s without the right to: %s",
                                nm(c, c->users[actor].name), did, nm(c, target_name), why);
    chain_kept(c, v, send_kept);
    chain_now(c, v);
}

static bool deleted_by(const struct check *c, const struct target *t, uint32_t actor)
{
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (!c->changes[i].undo && c->changes[i].actor == actor)
            return true;
    return false;
}

/* A hold needs no membership, and nothing but the office. */
static void officer_authority(struct check *c, const struct event *e)
{
    if (!c->seen[KIND_OFFICER] || !e->actor)
        return;
    uint32_t name = e->conv ? c->convs[e->conv].name : c->users[e->subject].name;
    rule(c, c->users[e->actor].officer ? NULL : "no officer", e->what == WORD_HOLD ? "held" : "released", name,
         e->actor, 0);
}

/* Done to a person: nobody acts on who is above them. */
static void person_authority(struct check *c, const struct event *e, const char *why, enum right right, const char *did)
{
    if (!e->subject || e->subject == e->actor)
        return;
    if (!why && !has_right(c, e->conv, right, e->actor, 2))
        why = "of no role that may";
    if (!why && rank_in(c, e->conv, e->subject) > rank_in(c, e->conv, e->actor))
        why = "below them";
    rule(c, why, did, c->users[e->subject].name, e->actor, 0);
}

/* ---- invitations ---- */

/* Is it as good as when it was made: whoever made it may invite, and the person is still outside? */
static bool has_ground(struct check *c, const struct message *m)
{
    return !c->convs[m->conv].target.deleted && has_right(c, m->conv, RIGHT_INVITE, m->author, 1) &&
           !is_member(c, m->conv, m->invitee);
}

/* NULL, or why this user had no right to that. */
static const char *no_right_to_end(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    bool moderates = rank_in(c, e->conv, e->actor) >= 2;
    if (!m->invitation || m->conv != e->conv)
        return "there is no such invitation";
    if (!invitation_open(c, m))
        return "it is not open";
    if (e->what == WORD_WITHDRAW)
        return m->author == e->actor || moderates ? NULL : "neither who invited nor a moderator";
    if (m->invitee != e->actor)
        return "somebody else is invited";
    return e->what == WORD_ACCEPT && !has_ground(c, m) ? "whoever invited may not, or not any more" : NULL;
}

static void invitation_authority(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    if (e->what == WORD_INVITE) {
        bool may = is_member(c, e->conv, e->actor) && has_right(c, e->conv, RIGHT_INVITE, e->actor, 1);
        rule(c, may ? NULL : "of no role that may", "invited to", c->convs[e->conv].name, e->actor, 0);
        return;
    }
    const char *did = e->what == WORD_ACCEPT ? "accepted" : e->what == WORD_DECLINE ? "declined" : "withdrew";
    rule(c, no_right_to_end(c, e), did, m->name, e->actor, m->send_kept);
}

/* Nobody ended it by itself: then what it stood on must be gone. */
static void lapse(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    if (!c->seen[KIND_MEMBER] || !m->invitation || word_of(c, record_get(e->r, FIELD_REASON)) != WORD_LAPSED)
        return;
    /* An account that goes takes it along, when the order to erase it has come to this shard. */
    if (!has_ground(c, m) || erasure_asked(c, m->author) || erasure_asked(c, m->invitee)) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_AUTHORITY, "%s lapsed, and all that it stood on is there", nm(c, m->name));
    chain_kept(c, v, m->send_kept);
    chain_now(c, v);
}

static void commit_authority(struct check *c, const struct event *e)
{
    if (e->what == WORD_WITHDRAW && !e->op && e->conv && e->message)
        lapse(c, e);
    if (e->what == WORD_HOLD || e->what == WORD_RELEASE) {
        officer_authority(c, e);
        return;
    }
    if (!c->seen[KIND_MEMBER] || !e->conv || !e->actor || !e->op)
        return; /* a part of a job or of a cascade was authorised with it (jobs.c, cascade.c) */
    const struct message *m = &c->messages[e->message];
    const char *why = is_member(c, e->conv, e->actor) ? NULL : "not a member";
    uint32_t name = c->convs[e->conv].name;
    switch (e->what) {
        case WORD_DELETE:
            if (e->message && m->sent)
                rule(c, no_right(c, e->conv, e->message, e->actor), "deleted", m->name, e->actor, m->send_kept);
            break;
        case WORD_SET_RETENTION:
            if (!why && rank_in(c, e->conv, e->actor) < 3)
                why = "no owner";
            rule(c, why, "set the retention of", c->convs[e->conv].name, e->actor, 0);
            break;
        case WORD_DELETE_ALL:
            if (!why && e->subject != e->actor && !has_right(c, e->conv, RIGHT_DELETE, e->actor, 2))
                why = "neither the author nor an owner";
            rule(c, why, "deleted much of", c->convs[e->conv].name, e->actor, 0);
            break;
        case WORD_DELETE_CONV:
            if (!why && !has_right(c, e->conv, RIGHT_DELETE_CONV, e->actor, 1))
                why = "of no role that may";
            rule(c, why, "deleted", name, e->actor, 0);
            break;
        case WORD_UNDO_CONV:
            rule(c, why, "undid the deletion of", name, e->actor, 0);
            break;
        case WORD_UNDO:
            if (!why && m->author != e->actor && !has_right(c, e->conv, RIGHT_DELETE, e->actor, 2) &&
                !deleted_by(c, &m->target, e->actor))
                why = "neither author, of a role that may, nor who deleted it";
            if (e->message)
                rule(c, why, "undid the deletion of", m->name, e->actor, m->send_kept);
            break;
        case WORD_ADD:
            if (!why && !has_right(c, e->conv, RIGHT_ADD, e->actor, 1))
                why = "of no role that may";
            rule(c, why, "added to", name, e->actor, 0);
            break;
        case WORD_INVITE:
        case WORD_ACCEPT:
        case WORD_DECLINE:
        case WORD_WITHDRAW:
            if (e->message)
                invitation_authority(c, e);
            break;
        case WORD_REMOVE:
            person_authority(c, e, why, RIGHT_REMOVE, "removed");
            break;
        case WORD_SET_ROLE:
            person_authority(c, e, why, RIGHT_SET_ROLE, "set the role of");
            break;
        default:
            break;
    }
}

static void bind_authority(struct check *c, const struct event *e)
{
    const struct message *m = &c->messages[e->message];
    uint32_t conv = e->conv ? e->conv : m->conv;
    if (!c->seen[KIND_MEMBER] || !e->message || !conv || !m->author)
        return;
    bool accepted = word_of(c, record_get(e->r, FIELD_ANSWER)) == WORD_ACCEPTED;
    rule(c, accepted ? no_right(c, conv, e->message, e->actor) : NULL, "deleted (early)", m->name, e->actor,
         m->send_kept);
}

/*
 * Of whom a device shows that they are typing: of a member, as the conversation was when the signal was passed on. One
 * who has left since may be shown for a moment: the signal was on its way.
 */
static void typing_authority(struct check *c, const struct event *e)
{
    version at = record_get(e->r, FIELD_VERSION);
    if (word_of(c, record_get(e->r, FIELD_COPY)) != WORD_TYPING || !c->seen[KIND_MEMBER] || !e->actor || !e->conv)
        return;
    const struct member *m = state_member(c, e->conv, e->actor);
    bool was = m && !m->is && at && at < m->ended;
    if (m && !m->is && (!at || !m->ended)) {
        judge_unknown(c, INVARIANT_AUTHORITY); /* since when they are not, nobody said */
        return;
    }
    if ((m && m->is) || was) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_AUTHORITY, "%s shows that %s is typing in %s, who is no member",
                nm(c, c->devices[e->device].name), nm(c, c->users[e->actor].name), nm(c, c->convs[e->conv].name));
    if (m)
        chain_kept(c, v, m->kept);
    chain_now(c, v);
}

void audience_before(struct check *c, const struct event *e)
{
    enum word why = word_of(c, record_get(e->r, FIELD_WHY));
    switch (e->r->kind) {
        case KIND_COMMIT:
            commit_audience(c, e);
            commit_authority(c, e);
            break;
        case KIND_APPEND:
            append_arrives(c, e);
            break;
        case KIND_BIND:
            bind_authority(c, e);
            break;
        case KIND_SHOW:
            typing_authority(c, e);
            break;
        case KIND_REJECT:
            if (why == WORD_NOT_PERMITTED || why == WORD_NOT_A_MEMBER)
                judge(c, INVARIANT_AUTHORITY);
            break;
        default:
            break;
    }
}
