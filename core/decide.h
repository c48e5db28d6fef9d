/*
 * decide.h: the questions that core asks. Each answer is the sound policy's, unless a flaw changes it. decide.c (what a
 * shard answers) and decide_device.c are the only places that read a flaw: everything else is the protocol as
 * PROTOCOL.md has it.
 */
#ifndef SEXTON_CORE_DECIDE_H
#define SEXTON_CORE_DECIDE_H

#include "core/out.h"
#include "core/policy.h"
#include "core/wire.h"

/* ---- the stores ---- */
bool decide_syncs(const struct policy *p);         /* is a commit on the medium when it returns? */
bool decide_wipes(const struct policy *p);         /* are the bytes of what is deleted overwritten in the files? */
bool decide_destroys_keys(const struct policy *p); /* is the key of what is purged destroyed? */

/* ---- the conversation's shard ---- */
/* May this member delete this message? author: of the message. NOT_PERMITTED or 0. */
enum why decide_may_delete_message(const struct policy *p, user_id actor, uint8_t role, user_id author);
/*
 * The one place that answers: may somebody of this role do this to somebody of that one? of_role: of the one who is
 * removed or whose role is set; gives: the role that is given (ADD, SET_ROLE). Nobody acts on who is above them, or
 * gives more than they have. NOT_PERMITTED or 0.
 */
struct act {
    uint8_t operation, conv_kind, role, of_role, gives;
};
enum why decide_may(const struct policy *p, const struct act *act);
/* Who hears that somebody came, went or has another role, besides that person. */
enum member_audience { HEARD_BY_EVERYBODY, HEARD_BY_OWNERS, HEARD_BY_NOBODY };
enum member_audience decide_member_audience(const struct policy *p, uint8_t conv_kind);
/* Does a fan-out wait while a channel has a window of it unconfirmed? */
bool decide_paces_fanout(const struct policy *p);
bool decide_may_join(const struct policy *p, uint8_t conv_kind);
/* Are there invitations at all? */
bool decide_invites(const struct policy *p);
/* May this member take back what somebody else, or they, invited to? */
enum why decide_may_withdraw(const struct policy *p, user_id actor, uint8_t role, user_id inviter);
/* Must an invitation be open when it is accepted? */
bool decide_accept_needs_open(const struct policy *p);
/* Do open invitations end with the deletion of their conversation? */
bool decide_deletion_ends_invitations(const struct policy *p);
/* A role counts as it is at the commit; `best` is the highest that this membership ever had. */
uint8_t decide_role(const struct policy *p, uint8_t now, uint8_t best);
enum why decide_may_delete_conv(const struct policy *p, uint8_t role, uint8_t conv_kind);
/* The same question asked again when an early deletion meets its target (U7). */
enum why decide_may_bind(const struct policy *p, user_id actor, uint8_t role, user_id author);
/* Is a send to a conversation in this state refused because it is deleted? */
bool decide_deleted_refuses(const struct policy *p);
/* Is a deletion fanned out and kept as a tombstone, or does the row just go? */
bool decide_announces_deletion(const struct policy *p);
/* Does the audience include those who were members before the operation? (M1) */
bool decide_audience_has_before(const struct policy *p);
bool decide_keeps_early(const struct policy *p);
/* Is an operation with this number a repetition? highest: executed so far, at that time. (X2) */
bool decide_is_repeated(const struct policy *p, uint32_t op, uint32_t highest, uint64_t executed_at_us,
                        uint64_t now_us);
/* Is this undo for the current deletion? (U2) */
bool decide_undo_matches(const struct policy *p, version named, version current);
/* Does this timer belong to the current deletion, in state DELETED? (U3) */
bool decide_timer_matches(const struct policy *p, version timer, version current, bool deleted);
bool decide_reaps(const struct policy *p);
/* May a tombstone of that age be reaped although `waiting` destinations have not applied it? (U9) */
bool decide_reap_now(const struct policy *p, uint64_t waiting, uint64_t age_us);

enum why decide_may_edit(const struct policy *p, user_id actor, user_id author);

/* Does a deleted conversation's undo bring back what was deleted in it on its own, too? (U6) */
bool decide_undo_revives_all(const struct policy *p);
/* Is a send to a conversation that is not there its creation? (X6) */
bool decide_send_creates(const struct policy *p);
/* An early deletion of this target by somebody else is kept already: is this one kept too? (U7) */
bool decide_keeps_each_early(const struct policy *p);
/* Does an early deletion of that age bind? (U8) */
bool decide_early_binds(const struct policy *p, uint64_t age_us);
/* Does the audience include those who become members by the operation? (M1) */
bool decide_audience_has_after(const struct policy *p);
bool decide_tells_removed(const struct policy *p); /* M2 */

/* ---- legal holds ---- */
/* Does a hold that covers the conversation keep it from this purge? of_conv: the purge is of the whole conversation. */
bool decide_hold_covers(const struct policy *p, bool of_conv, enum reason reason);
bool decide_release_resumes(const struct policy *p);
/* Does a hold keep what a message said before an edit? */
bool decide_hold_keeps_former(const struct policy *p);

/* ---- edits, scope, audit ---- */
bool decide_edit_needs_live(const struct policy *p); /* server and device alike */
/* Who hears of a deletion for oneself: the user alone, or everybody? */
bool decide_hides_for_all(const struct policy *p);
bool decide_audits_refusal(const struct policy *p);

/* May this member say how old messages become? */
enum why decide_may_set_retention(const struct policy *p, uint8_t role);
/* Is the audience told of what retention takes, or are the rows only removed? */
bool decide_retention_announces(const struct policy *p);
/* Does an erasure take what the user wrote in a conversation where they have this role now? */
bool decide_erases(const struct policy *p, uint8_t role);
/* Where quotes are the reply's own: does an erasure take those of the erased author all the same? */
bool decide_erases_quotes(const struct policy *p);
/* Does a job go on? of_this_life: it went on since the shard started, so that a memory of it is enough. */
bool decide_job_goes_on(const struct policy *p, bool of_this_life);

/* ---- the user's shard ---- */
bool decide_subscribes(const struct policy *p); /* is a session pushed to, beyond what it asked for? */
bool decide_holds_poll(const struct policy *p); /* does an empty delta wait for something to say? */
/* Does a hello name the last session of the device? */
bool decide_proves_sessions(const struct policy *p);
bool decide_polls(const struct policy *p); /* does a device that is online ask again and again? */
struct sync_question {
    bool same_epoch, same_generation;
    uint64_t cursor, horizon, head;
    uint32_t next_op, accepted_op; /* next_op: above every one that the device remembers sending */
    bool retired;                  /* the id was given up */
    bool proved;                   /* it names a session that it may name */
};
/* L6, X4 */
enum sync_answer decide_sync(const struct policy *p, const struct sync_question *q);
/* Is an entry before the cursor's commit time left out of a delta? last_at: of the last entry the device applied. */
bool decide_skips_by_time(const struct policy *p, uint64_t entry_at_us, uint64_t last_at_us);
/* The new horizon, given the minimum acknowledged position and the position up to which entries are old. (L5) */
uint64_t decide_horizon(const struct policy *p, uint64_t min_acknowledged, uint64_t old_position);
/* Flawed ageing only: how old is old. */
uint64_t decide_age_us(const struct policy *p);
/* Does a receiver keep, in memory, what arrives before its turn? (C1) */
bool decide_keeps_ahead(const struct policy *p);
bool decide_paces(const struct policy *p);            /* is no more on the way than is being confirmed? */
bool decide_channel_in_order(const struct policy *p); /* C1 */
bool decide_channel_repeats(const struct policy *p);  /* does an entry that comes again take effect again? */
bool decide_channel_renews(const struct policy *p); /* do numbers begin anew with an incarnation of the sender? (C3) */
/* Is what no device has acknowledged applied? (U9) */
bool decide_appended_is_applied(const struct policy *p);
bool decide_answers_refusal(const struct policy *p);
bool decide_answers_before_commit(const struct policy *p);
bool decide_beats(const struct policy *p); /* L8 */
/* How long a living connection can be silent, at most; 0: its silence says nothing. */
uint64_t decide_silence_us(const struct policy *p);
/* Does a member from `since` on read what was sent at `sent` and is, live, as of `changed`? */
bool decide_reads(const struct policy *p, version sent, version changed, version since);

/* ---- readers of logs that are not devices ---- */
bool decide_indexes(const struct policy *p); /* is there a search index? */
/* Does it drop the words of what is deleted or purged? */
bool decide_index_forgets(const struct policy *p);

/* Does what was exported go when its message does? */
bool decide_export_follows(const struct policy *p);

/* ---- attachments ---- */

/* Do the bytes go with their message's purge? */
bool decide_purge_takes_blob(const struct policy *p);
/* Does an upload go that no message refers to in time? */
bool decide_orphans_collected(const struct policy *p);
/* Must the message be live of which a part is fetched? */
bool decide_fetch_needs_live(const struct policy *p);
/* Does what was downloaded go when its message does? */
bool decide_download_follows(const struct policy *p);

/* ---- notifications ---- */
bool decide_notifies(const struct policy *p); /* are devices pushed to that are not connected? */
/* Does a notification go when its message does? Server and device alike. */
bool decide_withdraws(const struct policy *p);
/* Is a push shown that the log, or a withdrawal, has overtaken? */
bool decide_shows_late_push(const struct policy *p);

/* ---- restores ---- */
/* Do the logs of a restored shard begin anew, each in a new epoch? (B1) */
bool decide_restore_renews(const struct policy *p);
bool decide_replays(const struct policy *p); /* is the deletion log done again before anything is served? (B2, B3) */
/* Are legal holds outside of what a restore takes back? */
bool decide_restore_keeps_holds(const struct policy *p);
/* Also what it has of people: removals, and roles that were taken? */
bool decide_replays_removals(const struct policy *p);
bool decide_replays_retention(const struct policy *p);   /* and how long conversations keep their messages? */
bool decide_replays_retirements(const struct policy *p); /* and which ids devices have given up? (X4) */
bool decide_recalls_sessions(const struct policy *p);    /* and what they have proved, and asked for? (X4) */

bool decide_rebases(const struct policy *p);       /* does a restored shard ask what it was told? (C4, B6) */
bool decide_restore_tells(const struct policy *p); /* do members reset to what it is now? (B4) */

/* ---- the device ---- */
bool decide_link_takes_head(const struct policy *p); /* does a copy of a sibling begin at the head of the log? (M3) */
bool decide_settled_is_accepted(const struct policy *p); /* X3 */
bool decide_reset_keeps_pending(const struct policy *p); /* D2, D3 */
enum apply_answer { APPLY_YES, APPLY_IGNORE, APPLY_FETCH };
/* L2 */
enum apply_answer decide_may_apply(const struct policy *p, uint64_t position, uint64_t cursor);
bool decide_cursor_first(const struct policy *p);
/* Does `incoming` change a target whose last change was `known`? known_deletes: that change was a deletion. (D4) */
bool decide_version_wins(const struct policy *p, version incoming, version known, bool known_deletes);
bool decide_hide_drops_row(const struct policy *p);
bool decide_reset_drops_rows(const struct policy *p);        /* R4 */
bool decide_install_needs_all_pages(const struct policy *p); /* R4 */
bool decide_answer_shows(const struct policy *p);            /* D1 */
/* May the overlay of an accepted deletion go, when the replica has not caught up with it? (D2) */
bool decide_pending_ends_at_answer(const struct policy *p);
bool decide_cancel_removes(const struct policy *p);
/* Does a device derive copies (previews, ...) from what it can read? */
bool decide_derives_copies(const struct policy *p);
/* Do replies go with what they reply to? Then: does the shard say which, or do devices work it out? */
bool decide_cascades(const struct policy *p);
bool decide_cascade_declared(const struct policy *p);
/* Does the notice of a deletion say what it deletes? */
bool decide_deletion_has_text(const struct policy *p);
/* Do the copies of a message change in the same write as the message? (S23) */
bool decide_copies_at_once(const struct policy *p);
/* Does the quote in a draft go when the message that it quotes does? */
bool decide_draft_follows(const struct policy *p);
/* Does a deleted message stop counting as unread? */
bool decide_unread_follows(const struct policy *p);
/* Does the preview of a conversation go when the message that it shows does? */
bool decide_preview_follows(const struct policy *p);
/* Does the cursor pass an entry of an unknown kind, or of a target that is not here? */
bool decide_skips_poison(const struct policy *p);
/* Is a quote the reply's own, whatever becomes of what it quotes? */
bool decide_quote_kept(const struct policy *p);
/* Does a device leave a quote where it is, when what it quotes is deleted? */
bool decide_quote_stays(const struct policy *p);
/* Does the cursor jump to the head when a delta does not come? */
bool decide_trusts_push_alone(const struct policy *p);

/* ---- who is typing ---- */
bool decide_tells_typing(const struct policy *p);        /* does writing a draft tell the others? */
bool decide_typing_needs_member(const struct policy *p); /* is a signal passed on only of a member? */
/* Does an indicator go with its conversation, and is a signal dropped that the log has overtaken? */
bool decide_typing_follows(const struct policy *p);

#endif
