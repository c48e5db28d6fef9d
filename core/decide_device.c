/*
 * decide_device.c: what a device answers to decide.h's questions, as decide.c does for a shard: by rule, or by the
 * mistake that is built in. Never asks what only a server can know.
 */
#include "core/decide_internal.h"

enum apply_answer decide_may_apply(const struct policy *p, uint64_t position, uint64_t cursor)
{
    if (position <= cursor)
        return APPLY_IGNORE;
    if (position == cursor + 1 || flawed(p, FLAW_GAP_SKIPPED) || flawed(p, FLAW_PARTIAL_DELTA) ||
        flawed(p, FLAW_TIMESTAMP_CURSOR) || flawed(p, FLAW_PUSH_WITHOUT_SYNC))
        return APPLY_YES;
    return APPLY_FETCH;
}

bool decide_cursor_first(const struct policy *p)
{
    return flawed(p, FLAW_CURSOR_FIRST);
}

bool decide_version_wins(const struct policy *p, version incoming, version known, bool known_deletes)
{
    if (flawed(p, FLAW_ARRIVAL_ORDER_WINS))
        return true;
    if (flawed(p, FLAW_DELETE_STICKY) && known_deletes)
        return false;
    return incoming > known;
}

bool decide_hide_drops_row(const struct policy *p)
{
    return !flawed(p, FLAW_HIDE_KEEPS_ROW);
}

bool decide_reset_drops_rows(const struct policy *p)
{
    return !flawed(p, FLAW_RESET_KEEPS_ROWS);
}

bool decide_install_needs_all_pages(const struct policy *p)
{
    return !flawed(p, FLAW_PARTIAL_INSTALL);
}

bool decide_answer_shows(const struct policy *p)
{
    return flawed(p, FLAW_ANSWER_SHOWS);
}

bool decide_pending_ends_at_answer(const struct policy *p)
{
    return flawed(p, FLAW_PENDING_DROPPED);
}

bool decide_trusts_push_alone(const struct policy *p)
{
    return flawed(p, FLAW_PUSH_WITHOUT_SYNC);
}

bool decide_cancel_removes(const struct policy *p)
{
    return !flawed(p, FLAW_CANCEL_SENDS);
}

bool decide_polls(const struct policy *p)
{
    return p->delivery != 0;
}

bool decide_derives_copies(const struct policy *p)
{
    return p->copies != 0;
}

bool decide_unread_follows(const struct policy *p)
{
    return !flawed(p, FLAW_UNREAD_KEPT);
}

bool decide_copies_at_once(const struct policy *p)
{
    return !flawed(p, FLAW_HALF_HIDDEN);
}

bool decide_draft_follows(const struct policy *p)
{
    return !flawed(p, FLAW_DRAFT_QUOTE_KEPT);
}

bool decide_preview_follows(const struct policy *p)
{
    return !flawed(p, FLAW_PREVIEW_KEPT);
}

bool decide_link_takes_head(const struct policy *p)
{
    return flawed(p, FLAW_LINKED_AT_HEAD);
}

bool decide_settled_is_accepted(const struct policy *p)
{
    return flawed(p, FLAW_SETTLED_IS_ACCEPTED);
}

bool decide_reset_keeps_pending(const struct policy *p)
{
    return !flawed(p, FLAW_RESET_DROPS_PENDING);
}

bool decide_skips_poison(const struct policy *p)
{
    return !flawed(p, FLAW_POISON_STALLS);
}

bool decide_quote_stays(const struct policy *p)
{
    return p->quotes == 1 || flawed(p, FLAW_QUOTE_KEPT);
}

bool decide_shows_late_push(const struct policy *p)
{
    return flawed(p, FLAW_LATE_PUSH_SHOWS);
}

bool decide_export_follows(const struct policy *p)
{
    return !flawed(p, FLAW_EXPORT_KEPT);
}

bool decide_download_follows(const struct policy *p)
{
    return !flawed(p, FLAW_DOWNLOAD_KEPT);
}

bool decide_tells_typing(const struct policy *p)
{
    return p->typing == 1;
}

bool decide_typing_follows(const struct policy *p)
{
    return !flawed(p, FLAW_TYPING_AFTER_DELETE);
}
