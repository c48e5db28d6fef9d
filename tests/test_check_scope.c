/* test_check_scope.c: scope-kept, cancelled-never-sent and audit-complete, and what a deletion for oneself explains to
 * the others. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_scope(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define SHOW_A "1s show device=a.p in=c message=m copy=body version=3\n"
#define ME                                                                 \
    "2s invoke op=2 device=b.p do=delete-for-me in=c message=m scope=me\n" \
    "2s commit op=2 do=delete-for-me shard=s version=4 device=b.p in=c message=m actor=b\n"
#define CLEARED                                                  \
    "2s invoke op=2 device=b.p do=clear-history in=c scope=me\n" \
    "2s commit op=2 do=clear-history shard=s version=4 device=b.p in=c actor=b\n"
#define HIDE_ME "2s hide device=b.p in=c message=m copy=body because=for-me version=3\n"
#define LOGS                                                                            \
    "2s append user=a epoch=1 position=1 entry=send shard=s in=c message=m version=3\n" \
    "2s append user=b epoch=1 position=1 entry=send shard=s in=c message=m version=3\n"
#define FINAL(shown_a, shown_b)                                        \
    DELIVER "90s view device=a.p shown=" shown_a " cursor=1 epoch=1\n" \
            "90s view device=b.p shown=" shown_b " cursor=1 epoch=1\n" END

static void scope_kept(void)
{
    static const struct check_row rows[] = {
        {"gone from the account alone", INVARIANT_SCOPE_KEPT, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME HIDE_ME FINAL("c/m@3", "-")},
        {"the others' hide is no loss", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME HIDE_ME FINAL("c/m@3", "-")},
        {"nor a disagreement", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME HIDE_ME FINAL("c/m@3", "-")},
        {"still shown in the account", INVARIANT_SCOPE_KEPT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME FINAL("c/m@3", "c/m@3")},
        {"hidden on somebody else's device", INVARIANT_SCOPE_KEPT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME HIDE_ME
         "2s hide device=a.p in=c message=m copy=body because=for-me version=3\n" FINAL("-", "-")},
        {"and deleted for all", INVARIANT_SCOPE_KEPT, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M ME HIDE_ME
         "3s commit op=3 do=delete shard=s version=5 device=a.p in=c message=m actor=a\n"
         "3s hide device=a.p in=c message=m copy=body because=deletion version=5\n" FINAL("-", "-")},
        {"an undo shows it again", INVARIANT_SCOPE_KEPT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M ME HIDE_ME "3s show device=b.p in=c message=m copy=body version=6\n"},
        {"the history is cleared", INVARIANT_SCOPE_KEPT, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M CLEARED HIDE_ME FINAL("c/m@3", "-")},
        {"cleared, and still shown", INVARIANT_SCOPE_KEPT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M CLEARED FINAL("c/m@3", "c/m@3")},
        {"cleared before it was sent", INVARIANT_SCOPE_KEPT, VERDICT_VACUOUS, 0, 0,
         PEOPLE "0 commit op=2 do=clear-history shard=s version=2 device=b.p in=c actor=b\n" SEND_M LOGS SHOW_A SHOW_M
             FINAL("c/m@3", "c/m@3")},
        {"outside: gone from the account alone", INVARIANT_SCOPE_KEPT, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOWS "2s invoke op=2 device=b.p do=delete-for-me in=c message=m\n2s ack op=2 device=b.p\n"
                                   "2s hide device=b.p in=c message=m copy=body\n" VIEWS("c/m", "-") END},
        {"outside: still shown", INVARIANT_SCOPE_KEPT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOWS
         "2s invoke op=2 device=b.p do=clear-history in=c\n2s ack op=2 device=b.p\n" VIEWS("c/m", "c/m") END},
        {"only asked for", INVARIANT_SCOPE_KEPT, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M LOGS SHOW_A SHOW_M
         "2s invoke op=2 device=b.p do=delete-for-me in=c message=m\n" FINAL("c/m@3", "c/m@3")},
    };
    RUN(rows);
}

#define WAITING                                          \
    "1s invoke op=1 device=a.p do=send in=c message=m\n" \
    "1s show device=a.p in=c message=m copy=body pending\n"
#define CANCEL "1s cancel op=1 device=a.p message=m\n1s hide device=a.p in=c message=m copy=body because=cancelled\n"

static void cancelled_never_sent(void)
{
    static const struct check_row rows[] = {
        {"never heard of", INVARIANT_CANCELLED_NEVER_SENT, VERDICT_HELD, 1, 0, PEOPLE WAITING CANCEL END},
        {"no loss", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, ANY_COUNT, 0, PEOPLE WAITING CANCEL END},
        {"executed", INVARIANT_CANCELLED_NEVER_SENT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE WAITING CANCEL "2s commit op=1 do=send shard=s version=3 device=a.p in=c message=m actor=a\n"},
        {"shown to the other one", INVARIANT_CANCELLED_NEVER_SENT, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE WAITING CANCEL OUT_SHOW},
        {"sent, never cancelled", INVARIANT_CANCELLED_NEVER_SENT, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M},
    };
    RUN(rows);
}

#define DECIDED                                                                              \
    "2s commit op=2 do=delete shard=s version=4 device=a.p in=c message=m actor=a\n"         \
    "2s reject op=3 do=delete shard=s why=not-permitted device=b.p in=c message=m actor=b\n" \
    "2s early op=4 shard=s message=n actor=b in=c device=b.p\n"

/* SEND_M is a decision too. */
static void audit_complete(void)
{
    static const struct check_row rows[] = {
        {"an entry for each", INVARIANT_AUDIT_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=4 digest=7\n"},
        {"a refusal is missing", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 1, 1,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=3 digest=7\n"},
        {"an entry of what never happened", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 1, 1,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=5 digest=7\n"},
        {"a broken chain", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 1, 1,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=4 digest=7 broken\n"},
        {"strangers are counted", INVARIANT_AUDIT_COMPLETE, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=4 digest=7\n4s audit shard=s count=4 digest=7 requests=3\n"},
        {"the count of strangers goes back", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 2, 1,
         PEOPLE SEND_M DECIDED "3s audit shard=s count=4 digest=7 requests=3\n4s audit shard=s count=4 digest=7\n"},
        {"strangers that a fault sent are counted", INVARIANT_AUDIT_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DECIDED "2500000 fault fault=strangers node=s step=x count=3\n"
                               "3s audit shard=s count=4 digest=7 requests=3\n"},
        {"or not all of them", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 1, 1,
         PEOPLE SEND_M DECIDED "2500000 fault fault=strangers node=s step=x count=3\n"
                               "3s audit shard=s count=4 digest=7 requests=2\n"},
        {"or each has an entry", INVARIANT_AUDIT_COMPLETE, VERDICT_VIOLATED, 1, 1,
         PEOPLE SEND_M DECIDED "2500000 fault fault=strangers node=s step=x count=3\n"
                               "3s audit shard=s count=7 digest=7 requests=3\n"},
        {"each shard has its own", INVARIANT_AUDIT_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DECIDED "3s audit shard=t count=0 digest=0\n3s audit shard=s count=4 digest=7\n"},
        {"nobody looked", INVARIANT_AUDIT_COMPLETE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M DECIDED},
        {"nothing was decided", INVARIANT_AUDIT_COMPLETE, VERDICT_VACUOUS, 0, 0,
         PEOPLE "3s audit shard=s count=0 digest=0\n"},
    };
    RUN(rows);
}

int suite_check_scope(void)
{
    CU_pSuite suite = CU_add_suite("check_scope", NULL, NULL);
    bool made = suite && CU_add_test(suite, "scope-kept", scope_kept) &&
                CU_add_test(suite, "cancelled-never-sent", cancelled_never_sent) &&
                CU_add_test(suite, "audit-complete", audit_complete);
    return made ? 0 : -1;
}
