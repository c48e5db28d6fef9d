/*
 * test_check.c: what a device shows: the invariants over shows, hides and views, each with a history that holds, one
 * that violates, one that is vacuous, and where it applies one that cannot be told.
 */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check(void);
int suite_check_decisions(void);
int suite_check_liveness(void);
int suite_check_copies(void);
int suite_check_invite(void);
int suite_check_scope(void);
int suite_check_poison(void);
int suite_check_lives(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))

static void honest_view(void)
{
    static const struct check_row rows[] = {
        {"the view has what was shown", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M "2s view device=b.p shown=c/m@3\n"},
        {"a pending show counts, without a version", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE "1s show device=a.p in=c message=m copy=body pending\n2s view device=a.p shown=c/m\n"},
        {"the view lacks what was shown", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M "2s view device=b.p shown=-\n"},
        {"the view has what was hidden", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M "3s view device=b.p shown=c/m@3\n"},
        {"the view has an older version", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M "2s view device=b.p shown=c/m@2\n"},
        {"views survive a restart", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M "2s crash node=b.p\n2s restart node=b.p\n3s view device=b.p shown=c/m@3\n"},
        {"a reset may bring a younger version", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M
         "2s install device=b.p epoch=1 position=1 generation=1\n3s view device=b.p shown=c/m@5\n"},
        {"nothing was ever shown", INVARIANT_HONEST_VIEW, VERDICT_VACUOUS, 0, 0, PEOPLE "2s view device=b.p shown=-\n"},
    };
    RUN(rows);
}

static void no_resurrection(void)
{
    static const struct check_row rows[] = {
        {"hidden and stays so", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0, PEOPLE SEND_M SHOW_M DELETE_M HIDE_M},
        {"shown again", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M "3s show device=b.p in=c message=m copy=body version=3\n"},
        {"shown again after an undo", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M UNDO_M "3s show device=b.p in=c message=m copy=body version=5\n"},
        {"an undo shown late, when the second deletion is decided", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M SHOW_M DELETE_M UNDO_M
         "3s commit op=6 do=delete shard=s version=6 device=a.p in=c message=m actor=a\n" HIDE_M
         "3s show device=b.p in=c message=m copy=body version=5\n"
         "3s hide device=b.p in=c message=m copy=body version=6 because=deletion\n"},
        {"an undo of the first does not excuse the second", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M UNDO_M
         "3s show device=b.p in=c message=m copy=body version=5\n"
         "3s commit op=6 do=delete shard=s version=6 device=a.p in=c message=m actor=a\n"
         "3s hide device=b.p in=c message=m copy=body version=6 because=deletion\n"
         "4s show device=b.p in=c message=m copy=body version=3\n"},
        {"the preview of what was written after it, and is not refused yet", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS,
         0, 0,
         PEOPLE DELETE_C "3s invoke op=7 device=a.p do=send in=c message=n\n"
                         "3s show device=a.p in=c message=n copy=preview pending\n"
                         "4s hide device=a.p in=c message=n copy=preview because=superseded\n"
                         "4s show device=a.p in=c message=n copy=preview pending\n"},
        {"a refused own deletion comes back", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M
         "2s invoke op=9 device=b.p do=delete in=c message=m\n"
         "2s hide device=b.p in=c message=m copy=body because=pending pending\n"
         "2s refuse op=9 device=b.p why=not-permitted\n2s show device=b.p in=c message=m copy=body version=3\n"},
        {"an own committed deletion does not", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M "1s show device=a.p in=c message=m copy=body version=3\n"
                       "2s hide device=a.p in=c message=m copy=body because=pending pending\n" DELETE_M
                       "2s show device=a.p in=c message=m copy=body version=3\n2s ack op=2 device=a.p\n"},
        {"a pending hide while another's deletion is on its way", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M
         "2s invoke op=9 device=b.p do=delete in=c message=m\n"
         "2s hide device=b.p in=c message=m copy=body because=pending pending\n"
         "2s refuse op=9 device=b.p why=not-permitted\n2s show device=b.p in=c message=m copy=body version=3\n"},
        {"evicted, added again, and a deletion still on its way", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M "2s commit op=7 do=remove shard=s version=4 in=c actor=a subject=b\n"
                              "2s member conversation=c user=b role=none version=4\n"
                              "2s commit op=8 do=add shard=s version=5 in=c actor=a subject=b\n"
                              "2s member conversation=c user=b role=member version=5\n"
                              "2s commit op=9 do=delete shard=s version=6 in=c message=m actor=a\n"
                              "3s hide device=b.p in=c message=m copy=body because=eviction version=4\n"
                              "3s show device=b.p in=c message=m copy=body version=3\n"},
        {"of a conversation, shown again", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M SHOW_M DELETE_C
         "2s hide device=b.p in=c message=m copy=body because=conversation-deletion version=4\n"
         "3s show device=b.p in=c message=m copy=body version=3\n"},
        {"of a conversation, undone", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_C
         "2s hide device=b.p in=c message=m copy=body because=conversation-deletion version=4\n" UNDO_C
         "3s show device=b.p in=c message=m copy=body version=3\n"},
        {"nothing deleted", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M},
        {"outside: stays hidden", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE},
        {"outside: shown again", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, 2, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE "3s show device=b.p in=c message=m copy=body\n"},
        {"outside: shown again after an undo that may have been accepted", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1,
         0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE "3s invoke op=3 device=a.p do=undo in=c message=m\n"
                                                      "3s show device=b.p in=c message=m copy=body\n"},
        {"outside: the undo was refused", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, 2, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE
         "3s invoke op=3 device=a.p do=undo in=c message=m\n"
         "3s refuse op=3 device=a.p why=window-closed\n4s show device=b.p in=c message=m copy=body\n"},
        {"outside: nearer than the clock error", INVARIANT_NO_RESURRECTION, VERDICT_UNKNOWN, 0, 2000000,
         PEOPLE OUT_SEND OUT_SHOW "2s invoke op=2 device=a.p do=delete in=c message=m\n" OUT_HIDE
                                  "2s ack op=2 device=a.p\n3s show device=b.p in=c message=m copy=body\n"},
    };
    RUN(rows);
}

static void no_silent_loss(void)
{
    static const struct check_row rows[] = {
        {"a deletion explains it", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0, PEOPLE SEND_M SHOW_M DELETE_M HIDE_M},
        {"an eviction explains it", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M "2s member conversation=c user=b role=none version=4\n"
                              "2s hide device=b.p in=c message=m copy=body because=eviction\n"},
        {"a word explains nothing", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M SHOW_M HIDE_M},
        {"a reset must not lose a live message", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M "2s install device=b.p epoch=1 position=2 generation=1\n"
                              "2s hide device=b.p in=c message=m copy=body because=reset\n"},
        {"an undone deletion must bring it back", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") HIDE_M UNDO_M LOG("b", "2", "undo", "5") DELIVER
         "50s view device=b.p shown=- cursor=2 epoch=1\n" END},
        {"an own refused send may go", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE
         "1s invoke op=1 device=a.p do=send in=c message=m\n"
         "1s show device=a.p in=c message=m copy=body pending\n1s reject op=1 do=send shard=s why=not-a-member\n"
         "1s refuse op=1 device=a.p why=not-a-member\n1s hide device=a.p in=c message=m copy=body because=refused\n"},
        {"nothing hidden", INVARIANT_NO_SILENT_LOSS, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M},
        {"outside: asked for", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE},
        {"outside: nobody asked", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 1, 0, PEOPLE OUT_SEND OUT_SHOW OUT_HIDE},
        {"outside: a reset nobody can see into", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, 0, 0,
         PEOPLE OUT_SEND OUT_SHOW "2s hide device=b.p in=c message=m copy=body because=reset\n"},
        {"outside: asked for within the clock error", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, 0, 1000000,
         PEOPLE OUT_SEND OUT_SHOW OUT_HIDE OUT_DELETE},
    };
    RUN(rows);
}

static void delete_dominates(void)
{
    static const struct check_row rows[] = {
        {"deleted and gone", INVARIANT_DELETE_DOMINATES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") HIDE_M
         "2s ack op=2 device=a.p\n" DELIVER "50s view device=b.p shown=- cursor=1 epoch=1\n" END},
        {"deleted and readable", INVARIANT_DELETE_DOMINATES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") DELIVER
         "50s view device=b.p shown=c/m@3 cursor=1 epoch=1\n" END},
        {"undone and not readable", INVARIANT_DELETE_DOMINATES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M UNDO_M LOG("b", "1", "undo", "5") DELIVER
         "50s view device=b.p shown=- cursor=1 epoch=1\n" END},
        {"a log out of order", INVARIANT_DELETE_DOMINATES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") LOG("b", "2", "send", "3")},
        {"a log that joins again may start over", INVARIANT_DELETE_DOMINATES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") LOG_C("b", "2", "join", "7") LOG("b", "3", "send", "3")},
        {"a cursor that is not at the head tells nothing", INVARIANT_DELETE_DOMINATES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") DELIVER
         "50s view device=b.p shown=c/m@3 cursor=0 epoch=1\n" END},
    };
    RUN(rows);
}

/* b joined after m was sent, and an edit or undo may have brought it. */
#define LATE_JOIN(shown_phone, shown_laptop)                                                              \
    "0 device device=a.p user=a\n0 device device=b.p user=b\n0 device device=b.l user=b\n"                \
    "0 member conversation=c user=a role=member version=1\n" SEND_M                                       \
    "1s show device=a.p in=c message=m copy=body version=3\n"                                             \
    "2s member conversation=c user=b role=member version=4\n"                                             \
    "3s append user=b epoch=1 position=1 entry=join shard=s in=c version=4\n" SHOW_M                      \
    "4s show device=b.l in=c message=m copy=body version=3\n" DELIVER "50s view device=a.p shown=c/m@3\n" \
    "50s view device=b.p shown=" shown_phone " cursor=1 epoch=1\n"                                        \
    "50s view device=b.l shown=" shown_laptop " cursor=1 epoch=1\n" END

static void replicas_agree(void)
{
    static const struct check_row rows[] = {
        {"all read the same", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M SHOW_M "1s show device=a.p in=c message=m copy=body version=3\n" DELIVER
                              "50s view device=a.p shown=c/m@3\n50s view device=b.p shown=c/m@3\n" END},
        {"one lacks a message", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M "1s show device=a.p in=c message=m copy=body version=3\n" DELIVER
                       "50s view device=a.p shown=c/m@3\n50s view device=b.p shown=-\n" END},
        {"one keeps a deleted one", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M SHOW_M DELETE_M DELIVER "50s view device=a.p shown=-\n50s view device=b.p shown=c/m@3\n" END},
        {"what was sent before one joined may be missing", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, 2, 0,
         "0 device device=a.p user=a\n0 device device=b.p user=b\n"
         "0 member conversation=c user=a role=member version=1\n" SEND_M
         "1s show device=a.p in=c message=m copy=body version=3\n"
         "2s member conversation=c user=b role=member version=4\n" DELIVER
         "50s view device=a.p shown=c/m@3\n50s view device=b.p shown=-\n" END},
        {"or be there, on all of the user's devices", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, ANY_COUNT, 0,
         LATE_JOIN("c/m@3", "c/m@3")},
        {"but not on one of two", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0, LATE_JOIN("c/m@3", "-")},
        {"an exempt device is not compared", INVARIANT_REPLICAS_AGREE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M "49s exempt node=b.p\n" DELIVER
                       "50s view device=b.p shown=-\n50s view device=a.p shown=-\n" END},
        {"outside: the same", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOWS VIEWS("c/m", "c/m") END},
        {"outside: not the same", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, 1, 0,
         PEOPLE OUT_SEND "1s show device=a.p in=c message=m copy=body\n" VIEWS("c/m", "-") END},
        {"outside: too early to tell", INVARIANT_REPLICAS_AGREE, VERDICT_VACUOUS, 0, 0,
         PEOPLE OUT_SEND "1s show device=a.p in=c message=m copy=body\n"
                         "2s view device=a.p shown=c/m\n2s view device=b.p shown=-\n" END},
    };
    RUN(rows);
}

int suite_check(void)
{
    CU_pSuite suite = CU_add_suite("check", NULL, NULL);
    if (!suite || !CU_add_test(suite, "honest-view", honest_view) ||
        !CU_add_test(suite, "no-resurrection", no_resurrection) ||
        !CU_add_test(suite, "no-silent-loss", no_silent_loss) ||
        !CU_add_test(suite, "delete-dominates", delete_dominates) ||
        !CU_add_test(suite, "replicas-agree", replicas_agree))
        return -1;
    return suite_check_decisions() || suite_check_liveness() || suite_check_scope() || suite_check_copies() ||
                   suite_check_invite() || suite_check_poison() || suite_check_lives()
               ? -1
               : 0;
}
