/* test_check_copies.c: the invariants over copies that are derived from a message: copies-follow, atomic-view, and what
 * those of bodies make of them. */
#include "tests/check_rows.h"
#include "tests/history_text.h"

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
        {"a notification ahead of the cursor, of after a removal", INVARIANT_ATOMIC_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE "2s append user=b epoch=1 position=1 entry=evict shard=s in=c version=3\n"
                "2s show device=b.p in=c message=m0 copy=notification version=5\n"
                "3s view device=b.p shown=c/m0@5+notification cursor=1 epoch=1\n"},
        {"a notification of before it", INVARIANT_ATOMIC_VIEW, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s append user=b epoch=1 position=1 entry=evict shard=s in=c version=6\n"
                "2s show device=b.p in=c message=m0 copy=notification version=5\n"
                "3s view device=b.p shown=c/m0@5+notification cursor=1 epoch=1\n"},
        {"of a body it is the other invariant", INVARIANT_ATOMIC_VIEW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete",
                                           "4") "3s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"},
    };
    RUN(rows);
}

#define UNREAD_B "1s show device=b.p in=c message=m copy=unread version=3\n"
#define NO_MORE "2s hide device=b.p in=c message=m copy=unread because=read version=3\n"
#define READ_M                                           \
    "2s invoke op=7 device=b.p do=read in=c message=m\n" \
    "2s commit op=7 do=read shard=s version=4 device=b.p in=c message=m actor=b\n2s ack op=7 device=b.p\n"
#define LOG_B \
    "1s append user=b epoch=1 position=1 entry=send shard=s in=c message=m version=3\n3s ack op=1 device=a.p\n"
#define FINAL_B(shown) DELIVER "90s view device=b.p shown=" shown " cursor=1 epoch=1\n" END
#define OUT_UNREAD(device) "1s show device=" device " in=c message=m copy=unread\n"
#define OUT_SHOW_L "0 connect device=b.l\n1s show device=b.l in=c message=m copy=body\n"
#define OUT_FINAL(shown_p, shown_l) "90s view device=b.p shown=" shown_p "\n90s view device=b.l shown=" shown_l "\n" END

static void counters_agree(void)
{
    static const struct check_row rows[] = {
        {"unread, and counted", INVARIANT_COUNTERS_AGREE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M LOG_B SHOW_M UNREAD_B FINAL_B("c/m@3,c/m@3+unread")},
        {"read, and not counted", INVARIANT_COUNTERS_AGREE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M LOG_B SHOW_M UNREAD_B READ_M NO_MORE FINAL_B("c/m@3")},
        {"read, and counted", INVARIANT_COUNTERS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M LOG_B SHOW_M UNREAD_B READ_M FINAL_B("c/m@3,c/m@3+unread")},
        {"unread, and not counted", INVARIANT_COUNTERS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M LOG_B SHOW_M UNREAD_B NO_MORE FINAL_B("c/m@3")},
        {"a read that nobody answered", INVARIANT_COUNTERS_AGREE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M LOG_B SHOW_M UNREAD_B
         "2s invoke op=7 device=b.p do=read in=c message=m\n" NO_MORE FINAL_B("c/m@3")},
        {"nobody counts", INVARIANT_COUNTERS_AGREE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M LOG_B SHOW_M FINAL_B("c/m@3")},
        {"outside: both devices count it", INVARIANT_COUNTERS_AGREE, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_SHOW_L OUT_UNREAD("b.p") OUT_UNREAD("b.l")
             OUT_FINAL("c/m,c/m+unread", "c/m,c/m+unread")},
        {"outside: one of them does", INVARIANT_COUNTERS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_SHOW_L OUT_UNREAD("b.p") OUT_FINAL("c/m,c/m+unread", "c/m")},
        {"outside: it counts what it does not show", INVARIANT_COUNTERS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_UNREAD("b.p") OUT_DELETE OUT_HIDE OUT_FINAL("c/m+unread", "-")},
    };
    RUN(rows);
}

#define REPLY_R "1s commit op=5 do=send shard=s version=4 device=b.p in=c message=r actor=b via=m\n"
#define SHOW_R "1s show device=b.p in=c message=r copy=body version=4\n"
#define HIDE_R(version) "3s hide device=b.p in=c message=r copy=body because=deletion version=" version "\n"
#define DELETE_ROOT "2s commit op=2 do=delete shard=s version=5 device=a.p in=c message=m actor=a deadline=30000000\n"
#define DELETE_PART \
    "2s commit do=delete shard=s version=6 in=c message=r actor=a job=2 reason=cascade deadline=30000000\n"

static void cascade_declared(void)
{
    static const struct check_row rows[] = {
        {"a reply is named", INVARIANT_CASCADE_DECLARED, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT DELETE_PART HIDE_R("6")},
        {"the device works it out", INVARIANT_CASCADE_DECLARED, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT HIDE_R("4")},
        {"nor is it then explained", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT HIDE_R("4")},
        {"the reply stays", INVARIANT_CASCADE_DECLARED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT},
        {"it goes for another reason", INVARIANT_CASCADE_DECLARED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT "2s member conversation=c user=b role=none version=6\n"
                                                  "3s hide device=b.p in=c message=r copy=body because=eviction\n"},
        {"a part without a root", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_PART},
        {"the root is judged", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0, PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT},
        {"and so is each part", INVARIANT_AUTHORITY, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M REPLY_R SHOW_R DELETE_ROOT DELETE_PART},
        {"a part of what is no reply", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M
         "1s commit op=5 do=send shard=s version=4 device=b.p in=c message=r actor=b\n" DELETE_ROOT DELETE_PART},
        {"a part of a reply to what was undone", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M REPLY_R DELETE_ROOT
         "2s commit op=3 do=undo shard=s version=6 device=a.p in=c message=m actor=a undoes=5\n"
         "2s commit do=delete shard=s version=7 in=c message=r actor=a job=2 reason=cascade deadline=30000000\n"},
        {"outside nobody knows", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, 0, 0,
         PEOPLE OUT_SEND "1s invoke op=5 device=b.p do=send in=c message=r via=m\n1s ack op=5 device=b.p\n"
                         "1s show device=b.p in=c message=r copy=body\n" OUT_DELETE
                         "3s hide device=b.p in=c message=r copy=body because=deletion\n"},
    };
    RUN(rows);
}

static void tombstones_hold_no_content(void)
{
    static const struct check_row rows[] = {
        {"none does", INVARIANT_TOMBSTONES_HOLD_NO_CONTENT, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M "3s content shard=s tombstones=4 count=0\n"},
        {"one does", INVARIANT_TOMBSTONES_HOLD_NO_CONTENT, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M "3s content shard=s tombstones=4 count=1\n"},
        {"there was none", INVARIANT_TOMBSTONES_HOLD_NO_CONTENT, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M "3s content shard=s tombstones=0 count=0\n"},
        {"nobody looked", INVARIANT_TOMBSTONES_HOLD_NO_CONTENT, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M DELETE_M},
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
        {"of what was written after the own deletion of the conversation", INVARIANT_NO_RESURRECTION, VERDICT_VACUOUS,
         0, 0,
         PEOPLE DELETE_C "3s show device=a.p in=c message=m copy=preview pending\n"
                         "4s hide device=a.p in=c message=m copy=preview because=superseded\n"
                         "5s show device=a.p in=c message=m copy=preview pending\n"},
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

#define SHOW_PUSH "1s show device=b.l in=c message=m copy=notification version=3\n"
#define HIDE_PUSH "3s hide device=b.l in=c message=m copy=notification because=deletion version=4\n"

static void notification_withdrawn(void)
{
    static const struct check_row rows[] = {
        {"withdrawn while the app is closed", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_PUSH DELETE_M "2s ack op=2 device=a.p\n" HIDE_PUSH END},
        {"withdrawn by the app, at its next contact", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_PUSH DELETE_M "2s ack op=2 device=a.p\n3s connect device=b.l\n" HIDE_PUSH END},
        {"never, and the app was there", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_PUSH DELETE_M "3s connect device=b.l\n90s view device=a.p shown=\n" END},
        {"shown late, and never withdrawn", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M "2s connect device=b.l\n3s show device=b.l in=c message=m copy=notification version=3\n"
                                "90s view device=a.p shown=\n" END},
        {"the app never came back", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M SHOW_PUSH DELETE_M "90s view device=a.p shown=\n" END},
        {"nothing is deleted", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_PUSH "3s connect device=b.l\n" END},
        {"nobody shows one", INVARIANT_NOTIFICATION_WITHDRAWN, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M END},
    };
    RUN(rows);
}

static void the_search_index(void)
{
    static const struct check_row rows[] = {
        {"it finds it, and later no more", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M "1s index shard=s user=b shown=c/m@3\n" DELETE_M LOG(
             "b", "1", "delete", "4") "3s index shard=s user=b shown=c/m@3\n90s index shard=s user=b shown=\n"},
        {"it still finds it", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "1s index shard=s user=b shown=c/m@3\n" DELETE_M LOG(
             "b", "1", "delete", "4") "90s index shard=s user=b shown=c/m@3\n"},
        {"it finds what was undone", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M "1s index shard=s user=b shown=c/m@3\n" DELETE_M LOG("b", "1", "delete", "4") UNDO_M
         "90s index shard=s user=b shown=c/m@5\n"},
        {"its shard was down until now", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") "3s crash node=s\n89s restart node=s\n"
                                                             "90s index shard=s user=b shown=c/m@3\n"},
        {"the user's log has not heard", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("a", "1", "delete", "4") "90s index shard=s user=b shown=c/m@3\n"},
    };
    RUN(rows);
}

static void kept_quotes_need_not_follow(void)
{
    static const char history[] = PEOPLE SEND_M LOG_B SHOW_M
        "1s show device=b.p in=c message=m copy=quote via=r1 version=3\n" DELETE_M LOG("b", "2", "delete", "4") HIDE_M
        "3s view device=b.p shown=c/m@3+quote:r1 cursor=2 epoch=1\n"
        "4s hide device=b.p in=c message=m copy=quote via=r1\n"
        "5s show device=b.p in=c message=m copy=quote via=r1 version=3\n" LATER;
    for (int kept = 0; kept < 2; kept++) {
        struct names *names = names_new();
        struct check *check = check_new(&(struct check_options){.quotes_kept = kept}, names);
        history_text_feed(history, names, check_take, check);
        check_finish(check);
        enum verdict_state bad = kept ? VERDICT_VACUOUS : VERDICT_VIOLATED;
        CU_ASSERT_EQUAL(check_verdict(check, INVARIANT_COPIES_FOLLOW)->state, bad);
        CU_ASSERT_EQUAL(check_verdict(check, INVARIANT_ATOMIC_VIEW)->violated, !kept);
        CU_ASSERT_EQUAL(check_verdict(check, INVARIANT_NO_RESURRECTION)->violated, !kept);
        check_free(check);
        names_free(names);
    }
}

int suite_check_copies(void)
{
    CU_pSuite suite = CU_add_suite("check_copies", NULL, NULL);
#define TEST(name, f) CU_add_test(suite, name, f)
    bool made = suite && TEST("copies-follow", copies_follow) && TEST("atomic-view", atomic_view) &&
                TEST("counters-agree", counters_agree) && TEST("of every copy", of_every_copy) &&
                TEST("the search index", the_search_index) && TEST("notification-withdrawn", notification_withdrawn) &&
                TEST("cascade-declared", cascade_declared) &&
                TEST("kept quotes need not follow", kept_quotes_need_not_follow) &&
                TEST("tombstones-hold-no-content", tombstones_hold_no_content);
#undef TEST
    return made ? 0 : -1;
}
