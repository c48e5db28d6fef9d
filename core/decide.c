/*
 * decide.c: what a shard answers to decide.h's questions. Every `flawed` below is one line of flaws.def; without it
 * each function is a rule of PROTOCOL.md. Compiled with NO_FLAWS, `flawed` is false and the compiler drops the rest.
 */
#include "core/decide_internal.h"

/* The flaws about time use one horizon: the shortest that a catalogued system had. */
#define FLAWED_MEMORY_US (61 * US_PER_S)

bool decide_wipes(const struct policy *p)
{
    return !flawed(p, FLAW_SECURE_DELETE_OFF);
}

bool decide_destroys_keys(const struct policy *p)
{
    return !flawed(p, FLAW_KEYS_KEPT);
}

bool decide_syncs(const struct policy *p)
{
    return !flawed(p, FLAW_SYNCHRONOUS_OFF);
}

enum why decide_may_edit(const struct policy *p, user_id actor, user_id author)
{
    return p->edit_message == 0 && actor == author ? WHY_NONE : WHY_NOT_PERMITTED;
}

enum why decide_may(const struct policy *p, const struct act *act)
{
    uint8_t least = policy_least_role(p, act->operation, act->conv_kind);
    int rank = policy_rank(act->role);
    bool may = least != ROLE_NONE && rank >= policy_rank(least) && rank >= policy_rank(act->of_role) &&
               rank >= policy_rank(act->gives);
    return may ? WHY_NONE : WHY_NOT_PERMITTED;
}

uint8_t decide_role(const struct policy *p, uint8_t now, uint8_t best)
{
    return flawed(p, FLAW_ROLE_CACHED) && policy_rank(best) > policy_rank(now) ? best : now;
}

enum member_audience decide_member_audience(const struct policy *p, uint8_t conv_kind)
{
    return conv_kind == CONV_CHANNEL ? (enum member_audience)p->channel_news : HEARD_BY_EVERYBODY;
}

bool decide_paces_fanout(const struct policy *p)
{
    return p->fanout_pace == 1;
}

bool decide_may_join(const struct policy *p, uint8_t conv_kind)
{
    return conv_kind == CONV_CHANNEL && p->join_channel == 1;
}

bool decide_invites(const struct policy *p)
{
    return p->invite != 0;
}

enum why decide_may_withdraw(const struct policy *p, user_id actor, uint8_t role, user_id inviter)
{
    (void)p;
    return actor == inviter || policy_rank(role) >= policy_rank(ROLE_MODERATOR) ? WHY_NONE : WHY_NOT_PERMITTED;
}

bool decide_accept_needs_open(const struct policy *p)
{
    return !flawed(p, FLAW_ACCEPT_UNCHECKED);
}

bool decide_deletion_ends_invitations(const struct policy *p)
{
    return !flawed(p, FLAW_INVITATION_KEPT);
}

enum why decide_may_delete_message(const struct policy *p, user_id actor, uint8_t role, user_id author)
{
    if (flawed(p, FLAW_NO_AUTHORITY) || actor == author)
        return WHY_NONE;
    return decide_may(p, &(struct act){.operation = OPERATION_DELETE, .role = role});
}

enum why decide_may_delete_conv(const struct policy *p, uint8_t role, uint8_t conv_kind)
{
    if (flawed(p, FLAW_NO_AUTHORITY))
        return WHY_NONE;
    return decide_may(p, &(struct act){.operation = OPERATION_DELETE_CONV, .conv_kind = conv_kind, .role = role});
}

enum why decide_may_bind(const struct policy *p, user_id actor, uint8_t role, user_id author)
{
    if (flawed(p, FLAW_BIND_UNCHECKED))
        return WHY_NONE;
    if (role == ROLE_NONE)
        return WHY_NOT_A_MEMBER;
    return decide_may_delete_message(p, actor, role, author);
}

bool decide_deleted_refuses(const struct policy *p)
{
    return !flawed(p, FLAW_ACCEPT_AFTER_DELETE);
}

bool decide_announces_deletion(const struct policy *p)
{
    return !flawed(p, FLAW_HARD_DELETE);
}

bool decide_audience_has_before(const struct policy *p)
{
    return !flawed(p, FLAW_AUDIENCE_AFTER);
}

bool decide_keeps_early(const struct policy *p)
{
    return !flawed(p, FLAW_EARLY_DROPPED);
}

bool decide_is_repeated(const struct policy *p, uint32_t op, uint32_t highest, uint64_t executed_at_us, uint64_t now_us)
{
    if (op > highest)
        return false;
    return !(flawed(p, FLAW_DEDUP_WINDOW) && now_us - executed_at_us > FLAWED_MEMORY_US);
}

bool decide_undo_matches(const struct policy *p, version named, version current)
{
    return flawed(p, FLAW_UNDO_UNNAMED) || named == current;
}

bool decide_timer_matches(const struct policy *p, version timer, version current, bool deleted)
{
    if (flawed(p, FLAW_TIMER_UNVERSIONED))
        return true;
    return deleted && timer == current;
}

bool decide_reaps(const struct policy *p)
{
    return !flawed(p, FLAW_TOMBSTONES_KEPT);
}

bool decide_reap_now(const struct policy *p, uint64_t waiting, uint64_t age_us)
{
    if (flawed(p, FLAW_REAP_BY_AGE) && age_us > FLAWED_MEMORY_US)
        return true;
    return waiting == 0;
}

enum sync_answer decide_sync(const struct policy *p, const struct sync_question *q)
{
    if (flawed(p, FLAW_PUSH_WITHOUT_SYNC))
        return SYNC_HEAD_ONLY;
    bool other_life = q->retired || q->next_op <= q->accepted_op || (decide_proves_sessions(p) && !q->proved);
    if (other_life && !flawed(p, FLAW_RESTORED_DEVICE_CONTINUES))
        return SYNC_RETIRE;
    if (flawed(p, FLAW_PARTIAL_DELTA))
        return SYNC_DELTA;
    if (q->same_epoch && q->same_generation && q->horizon <= q->cursor && q->cursor <= q->head)
        return SYNC_DELTA;
    return SYNC_RESET;
}

bool decide_skips_by_time(const struct policy *p, uint64_t entry_at_us, uint64_t last_at_us)
{
    return flawed(p, FLAW_TIMESTAMP_CURSOR) && entry_at_us <= last_at_us;
}

uint64_t decide_horizon(const struct policy *p, uint64_t min_acknowledged, uint64_t old_position)
{
    if (flawed(p, FLAW_REAP_BY_AGE) && old_position > min_acknowledged)
        return old_position;
    return min_acknowledged;
}

uint64_t decide_age_us(const struct policy *p)
{
    return flawed(p, FLAW_REAP_BY_AGE) ? FLAWED_MEMORY_US : TIME_NEVER;
}

bool decide_keeps_ahead(const struct policy *p)
{
    return p->early_entries == 1;
}

bool decide_paces(const struct policy *p)
{
    return p->channel_resend == 1;
}

bool decide_channel_in_order(const struct policy *p)
{
    return !flawed(p, FLAW_ARRIVAL_ORDER_WINS);
}

bool decide_answers_refusal(const struct policy *p)
{
    return !flawed(p, FLAW_REFUSAL_DROPPED);
}

bool decide_answers_before_commit(const struct policy *p)
{
    return flawed(p, FLAW_ANSWER_BEFORE_COMMIT);
}

bool decide_beats(const struct policy *p)
{
    return !flawed(p, FLAW_NO_BEAT) && p->beat_us > 0;
}

bool decide_edit_needs_live(const struct policy *p)
{
    return !flawed(p, FLAW_EDIT_REVIVES);
}

bool decide_audits_refusal(const struct policy *p)
{
    return !flawed(p, FLAW_AUDIT_GAP);
}

bool decide_hides_for_all(const struct policy *p)
{
    return flawed(p, FLAW_SCOPE_WIDENED);
}

bool decide_subscribes(const struct policy *p)
{
    return p->delivery == 0 || p->delivery == 3;
}

bool decide_holds_poll(const struct policy *p)
{
    return p->delivery == 1;
}

uint64_t decide_silence_us(const struct policy *p)
{
    uint64_t usual_us = p->beat_us;
    if (!p->idle_timeout_us || flawed(p, FLAW_DEAD_LINK_BELIEVED))
        return 0;
    if (decide_holds_poll(p))
        usual_us = p->long_poll_us;
    else if (!decide_subscribes(p))
        usual_us = p->poll_us;
    else if (!decide_beats(p))
        return 0;
    return usual_us + p->idle_timeout_us;
}

bool decide_cascades(const struct policy *p)
{
    return p->quotes == 2;
}

bool decide_cascade_declared(const struct policy *p)
{
    return !flawed(p, FLAW_CASCADE_UNDECLARED);
}

bool decide_deletion_has_text(const struct policy *p)
{
    return flawed(p, FLAW_DELETE_CARRIES_TEXT);
}

bool decide_hold_covers(const struct policy *p, bool of_conv, enum reason reason)
{
    if (reason == REASON_RETENTION && flawed(p, FLAW_RETENTION_OVER_HOLD))
        return false;
    return !of_conv || !flawed(p, FLAW_HOLD_IGNORED);
}

bool decide_undo_revives_all(const struct policy *p)
{
    return flawed(p, FLAW_UNDO_REVIVES_ALL);
}

bool decide_send_creates(const struct policy *p)
{
    return flawed(p, FLAW_SEND_CREATES);
}

bool decide_keeps_each_early(const struct policy *p)
{
    return !flawed(p, FLAW_EARLY_ONE_SLOT);
}

bool decide_early_binds(const struct policy *p, uint64_t age_us)
{
    return !flawed(p, FLAW_EARLY_BY_AGE) || age_us <= FLAWED_MEMORY_US;
}

bool decide_audience_has_after(const struct policy *p)
{
    return !flawed(p, FLAW_AUDIENCE_BEFORE);
}

bool decide_tells_removed(const struct policy *p)
{
    return !flawed(p, FLAW_REMOVAL_UNTOLD);
}

bool decide_channel_repeats(const struct policy *p)
{
    return flawed(p, FLAW_CHANNEL_REPEATS);
}

bool decide_channel_renews(const struct policy *p)
{
    return !flawed(p, FLAW_NUMBERS_OUTLIVE_RESTORE);
}

bool decide_appended_is_applied(const struct policy *p)
{
    return flawed(p, FLAW_APPENDED_IS_APPLIED);
}

bool decide_rebases(const struct policy *p)
{
    return !flawed(p, FLAW_NO_REBASE);
}

bool decide_restore_tells(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_UNTOLD);
}

bool decide_release_resumes(const struct policy *p)
{
    return !flawed(p, FLAW_RELEASE_FORGETS);
}

bool decide_hold_keeps_former(const struct policy *p)
{
    return !flawed(p, FLAW_EDIT_OVERWRITES_HELD);
}

bool decide_job_goes_on(const struct policy *p, bool of_this_life)
{
    return !flawed(p, FLAW_BULK_FORGOTTEN) || of_this_life;
}

bool decide_quote_kept(const struct policy *p)
{
    return p->quotes == 1;
}

bool decide_reads(const struct policy *p, version sent, version changed, version since)
{
    return sent >= since || (p->earlier == 0 && changed >= since);
}

enum why decide_may_set_retention(const struct policy *p, uint8_t role)
{
    (void)p;
    return role == ROLE_OWNER ? WHY_NONE : WHY_NOT_PERMITTED;
}

bool decide_retention_announces(const struct policy *p)
{
    return !flawed(p, FLAW_RETENTION_SILENT);
}

bool decide_indexes(const struct policy *p)
{
    return p->search != 0;
}

bool decide_index_forgets(const struct policy *p)
{
    return !flawed(p, FLAW_SEARCH_KEPT);
}

bool decide_notifies(const struct policy *p)
{
    return p->notify != 0;
}

bool decide_withdraws(const struct policy *p)
{
    return !flawed(p, FLAW_NOTIFICATION_KEPT);
}

bool decide_erases(const struct policy *p, uint8_t role)
{
    return role != ROLE_NONE || !flawed(p, FLAW_ERASURE_OF_CURRENT);
}

bool decide_erases_quotes(const struct policy *p)
{
    return decide_quote_kept(p) && !flawed(p, FLAW_ERASURE_KEEPS_QUOTES);
}

bool decide_purge_takes_blob(const struct policy *p)
{
    return !flawed(p, FLAW_ATTACHMENT_KEPT);
}

bool decide_orphans_collected(const struct policy *p)
{
    return !flawed(p, FLAW_ORPHAN_KEPT);
}

bool decide_fetch_needs_live(const struct policy *p)
{
    return !flawed(p, FLAW_LINK_SURVIVES);
}

bool decide_restore_renews(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_SAME_EPOCH);
}

bool decide_replays(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_NO_REPLAY);
}

bool decide_replays_retention(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_FORGETS_RETENTION);
}

bool decide_restore_keeps_holds(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_FORGETS_HOLDS);
}

bool decide_replays_removals(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_FORGETS_REMOVALS);
}

bool decide_replays_retirements(const struct policy *p)
{
    return !flawed(p, FLAW_RESTORE_FORGETS_RETIREMENTS);
}

bool decide_recalls_sessions(const struct policy *p)
{
    return decide_proves_sessions(p) && !flawed(p, FLAW_RESTORE_FORGETS_SESSIONS);
}

bool decide_proves_sessions(const struct policy *p)
{
    return p->device_identity == 1;
}

bool decide_typing_needs_member(const struct policy *p)
{
    return !flawed(p, FLAW_TYPING_OF_STRANGERS);
}
