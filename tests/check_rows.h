/*
 * check_rows.h: a row of a checker's test: a history as text (history_text.h), an invariant, and the verdict it must
 * get.
 */
#ifndef SEXTON_TESTS_CHECK_ROWS_H
#define SEXTON_TESTS_CHECK_ROWS_H

#include "sim/check/check.h"

#define ANY_COUNT (-1)
struct check_row {
    const char *behaviour;
    enum invariant invariant;
    enum verdict_state state;
    int judged; /* or ANY_COUNT */
    uint64_t clock_error_us;
    const char *history;
};
/* Runs them all on one checker, reset in between, and each again on a new one; asserts state, count and proof. */
void check_rows_run(const struct check_row *rows, size_t count);

/* Two users in one group, both online. */
#define PEOPLE                                                                                                     \
    "0 device device=a.p user=a\n0 device device=b.p user=b\n0 device device=b.l user=b\n"                         \
    "0 member conversation=c user=a role=member version=1\n0 member conversation=c user=b role=member version=2\n" \
    "0 connect device=a.p\n0 connect device=b.p\n"
#define SEND_M                                           \
    "1s invoke op=1 device=a.p do=send in=c message=m\n" \
    "1s commit op=1 do=send shard=s version=3 device=a.p in=c message=m actor=a\n"
#define SHOW_M "1s show device=b.p in=c message=m copy=body version=3\n"
#define DELETE_M                                           \
    "2s invoke op=2 device=a.p do=delete in=c message=m\n" \
    "2s commit op=2 do=delete shard=s version=4 device=a.p in=c message=m actor=a deadline=30000000\n"
#define HIDE_M "2s hide device=b.p in=c message=m copy=body because=deletion version=4\n"
#define UNDO_M "3s commit op=3 do=undo shard=s version=5 device=a.p in=c message=m actor=a undoes=4\n"
#define DELETE_C "2s commit op=4 do=delete-conversation shard=s version=4 device=a.p in=c actor=a deadline=30000000\n"
#define UNDO_C "3s commit op=5 do=undo-conversation shard=s version=5 device=a.p in=c actor=a undoes=4\n"
#define DELIVER "50s phase phase=deliver\n"
#define AGE "60s phase phase=age\n"
#define END "99s end\n"
#define LOG(user, position, entry, version) \
    "2s append user=" user " epoch=1 position=" position " entry=" entry " shard=s in=c message=m version=" version "\n"
#define LOG_C(user, position, entry, version) \
    "2s append user=" user " epoch=1 position=" position " entry=" entry " shard=s in=c version=" version "\n"
/* Without commits: the same story as somebody outside sees it. */
#define OUT_SEND "1s invoke op=1 device=a.p do=send in=c message=m\n1s ack op=1 device=a.p\n"
#define OUT_SHOW "1s show device=b.p in=c message=m copy=body\n"
#define OUT_SHOWS "1s show device=a.p in=c message=m copy=body\n" OUT_SHOW
#define OUT_DELETE "2s invoke op=2 device=a.p do=delete in=c message=m\n2s ack op=2 device=a.p\n"
#define OUT_HIDE "2s hide device=b.p in=c message=m copy=body because=deletion\n"
#define VIEWS(shown_a, shown_b) "90s view device=a.p shown=" shown_a "\n90s view device=b.p shown=" shown_b "\n"

#endif
