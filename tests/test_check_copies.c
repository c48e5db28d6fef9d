/* test_check_copies.c: the invariants over copies that are derived from a message: copies-follow, atomic-view, and what
 * those of bodies make of them. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_copies(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define SHOW_PREVIEW "1s show device=b.p in=c message=m copy=preview version=3\n"
#define HIDE_PREVIEW "2s hide device=b.p in=c message=m copy=preview because=deletion version=4\n"
#define SUPERSEDED "2s hide device=b.p in=c message=m copy=preview because=superseded version=3\n"
#define LATER "3s ack op=1 device=a.p\n3s ack op=2 device=a.p\n" DELIVER END

static void copies_follow(void)
{
    static const struct check_row rows[] = {
        {"it goes with its message", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M HIDE_M HIDE_PREVIEW LATER},
        {"it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M HIDE_M LATER},
        {"the body is judged by itself", INVARIANT_REACHES_ONLINE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M HIDE_M HIDE_PREVIEW LATER},
        {"one of two replies keeps it", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M "1s show device=b.p in=c message=m copy=quote via=r1 version=3\n"
                              "1s show device=b.p in=c message=m copy=quote via=r2 version=3\n" DELETE_M HIDE_M
                              "2s hide device=b.p in=c message=m copy=quote via=r1 because=deletion version=4\n" LATER},
        {"outside: it goes", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW "1s show device=b.p in=c message=m copy=preview\n" OUT_DELETE OUT_HIDE
                                  "2s hide device=b.p in=c message=m copy=preview\n" LATER},
        {"outside: it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOW "1s show device=b.p in=c message=m copy=preview\n" OUT_DELETE OUT_HIDE LATER},
        {"the history ends before the bound", INVARIANT_COPIES_FOLLOW, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M HIDE_M},
        {"nothing derived", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M DELETE_M HIDE_M LATER},
        {"nothing deleted", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW SUPERSEDED LATER},
    };
    RUN(rows);
}

static void atomic_view(void)
{
    static const struct check_row rows[] = {
        {"the copy is older than the deletion that the cursor has", INVARIANT_ATOMIC_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M LOG("b", "1", "delete", "4") HIDE_M
         "3s view device=b.p shown=c/m@3+preview cursor=1 epoch=1\n"},
        {"the cursor is before the deletion", INVARIANT_ATOMIC_VIEW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M LOG(
             "b", "1", "delete", "4") "3s view device=b.p shown=c/m@3,c/m@3+preview cursor=0 epoch=1\n"},
        {"another message's copy", INVARIANT_ATOMIC_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") HIDE_M
         "2s show device=b.p in=c message=m0 copy=preview version=2\n"
         "3s view device=b.p shown=c/m0@2+preview cursor=1 epoch=1\n"},
        {"of a body it is the other invariant", INVARIANT_ATOMIC_VIEW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete",
                                           "4") "3s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"},
    };
    RUN(rows);
}

static void of_every_copy(void)
{
    static const struct check_row rows[] = {
        {"a preview gives way and comes back", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW SUPERSEDED SHOW_PREVIEW},
        {"while a deletion is on its way", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M SUPERSEDED SHOW_PREVIEW},
        {"but not after one", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW DELETE_M HIDE_M HIDE_PREVIEW SHOW_PREVIEW},
        {"a preview that gives way is no loss", INVARIANT_NO_SILENT_LOSS, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW SUPERSEDED},
        {"the view has a copy that was never shown", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M "2s view device=b.p shown=c/m@3,c/m@3+preview\n"},
        {"the view lacks a copy", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW "2s view device=b.p shown=c/m@3\n"},
        {"it is carried by another message than was shown", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "1s show device=b.p in=c message=m copy=quote via=r1 version=3\n"
                       "2s view device=b.p shown=c/m@3+quote:r2\n"},
        {"each copy is found", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M SHOW_PREVIEW "1s show device=b.p in=c message=m copy=quote via=r1 version=3\n"
                                           "2s view device=b.p shown=c/m@3,c/m@3+preview,c/m@3+quote:r1\n"},
    };
    RUN(rows);
}

int suite_check_copies(void)
{
    CU_pSuite suite = CU_add_suite("check_copies", NULL, NULL);
    bool made = suite && CU_add_test(suite, "copies-follow", copies_follow) &&
                CU_add_test(suite, "atomic-view", atomic_view) && CU_add_test(suite, "of every copy", of_every_copy);
    return made ? 0 : -1;
}
