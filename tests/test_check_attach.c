/* test_check_attach.c: rows of no-orphans and gone-not-served, and of what no-silent-loss says of stored bytes. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_attach(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define UPLOAD "500000 commit op=f do=upload shard=s version=2 device=a.p in=c actor=a deadline=20000000\n"
#define SEND_F "1s commit op=1 do=send shard=s version=3 device=a.p in=c message=m actor=a attachment=f\n"
#define BLOBS(at, shown) at " blobs shard=s shown=" shown "\n"
#define HAS(at) BLOBS(at, "c/f@2+attachment:-")
#define DELETED "5s commit op=2 do=delete shard=s version=4 device=a.p in=c message=m actor=a deadline=10000000\n"
#define UNDONE "6s commit op=3 do=undo shard=s version=5 device=a.p in=c message=m actor=a undoes=4\n"
#define BEGUN "10s purging in=c message=m version=4 shard=s\n"
#define PURGED BEGUN "10s purge in=c message=m version=5 shard=s\n"
#define OLDER "300000 backup node=s step=older\n"
#define YOUNGER "3s backup node=s step=younger\n"
#define RESTORED(at, backup) at " restore node=s step=" backup " incarnation=2\n"
/* With what it lost kept for 30s from the start, which is at `start`. */
#define KEPT(backup, start) \
    "4s restore node=s step=" backup " incarnation=2 deadline=34000000\n" start " restart node=s\n"
#define LAST_PHASE(at) at " phase phase=age\n"
#define FETCH(at, more) at " fetch shard=s device=b.p in=c message=m number=1" more "\n"

static void no_orphans(void)
{
    static const struct check_row rows[] = {
        {"gone with the purge", INVARIANT_NO_ORPHANS, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") DELETED PURGED BLOBS("11s", "-") END},
        {"gone before the purge is told, as a crash leaves it", INVARIANT_NO_ORPHANS, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") DELETED BEGUN BLOBS("10s", "-") PURGED BLOBS("11s", "-") END},
        {"there after the purge", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") DELETED PURGED HAS("11s") END},
        {"there after the conversation's", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F "9s commit op=4 do=delete-conversation shard=s version=4 device=a.p in=c actor=a\n"
                              "10s purging in=c version=4 shard=s\n10s purge in=c version=5 shard=s\n" HAS("11s") END},
        {"there while it can be undone", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD SEND_F DELETED HAS("6s") END},
        {"collected after its time", INVARIANT_NO_ORPHANS, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD HAS("2s") BLOBS("21s", "-") END},
        {"an orphan that is young", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0, PEOPLE UPLOAD HAS("19s") END},
        {"an orphan that is late by less than the bound", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD HAS("24s") END},
        {"an orphan that stays", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0, PEOPLE UPLOAD HAS("30s") END},
        {"an orphan of a shard that was down", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD "18s crash node=s\n28s restart node=s\n" HAS("30s") END},
        {"of an upload that a restore lost, which does not say for how long", INVARIANT_NO_ORPHANS, VERDICT_UNKNOWN, 0,
         1, PEOPLE OLDER UPLOAD RESTORED("4s", "older") HAS("40s") HAS("50s") END},
        {"of one that waits in the backup", INVARIANT_NO_ORPHANS, VERDICT_UNKNOWN, 0, 1,
         PEOPLE UPLOAD YOUNGER RESTORED("4s", "younger") HAS("40s") END},
        {"of a restored shard that has not started", INVARIANT_NO_ORPHANS, VERDICT_UNKNOWN, 0, 1,
         PEOPLE UPLOAD YOUNGER "4s restore node=s step=younger incarnation=2 deadline=34000000\n" HAS("50s") END},
        {"of one that a restore lost, while a backup may have it", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "5s") HAS("34s") END},
        {"and afterwards", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "5s") HAS("34s") HAS("41s") END},
        {"and gone by then", INVARIANT_NO_ORPHANS, VERDICT_HELD, 1, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "5s") HAS("34s") BLOBS("41s", "-") END},
        {"of a shard that starts late", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "15s") HAS("41s") END},
        {"of an upload whose message a restore lost", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD "600000 backup node=s step=younger\n" SEND_F KEPT("younger", "5s") HAS("41s") END},
        {"of one that waits for longer than the restore does", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE "500000 commit op=f do=upload shard=s version=2 device=a.p in=c actor=a deadline=60000000\n"
                "600000 backup node=s step=younger\n" KEPT("younger", "5s") HAS("41s") END},
        {"for it may be sent until then, and then no more", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "500000 commit op=f do=upload shard=s version=2 device=a.p in=c actor=a deadline=60000000\n"
                "600000 backup node=s step=younger\n" KEPT("younger", "5s") HAS("66s") END},
        {"of an upload since the restore", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OLDER RESTORED("400000", "older") UPLOAD HAS("40s") END},
        {"bytes that nobody has spoken of", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE HAS("30s") BLOBS("31s", "-") END},
        {"when all deadlines are over", INVARIANT_NO_ORPHANS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE HAS("30s") LAST_PHASE("31s") HAS("40s") END},
        {"or nearly", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0, PEOPLE HAS("30s") LAST_PHASE("31s") HAS("35s") END},
        {"and gone", INVARIANT_NO_ORPHANS, VERDICT_HELD, 1, 0,
         PEOPLE HAS("30s") LAST_PHASE("31s") HAS("32s") BLOBS("40s", "-") END},
        {"and of before a restore", INVARIANT_NO_ORPHANS, VERDICT_VACUOUS, 0, 0,
         PEOPLE HAS("1s") OLDER KEPT("older", "5s") LAST_PHASE("8s") HAS("30s") END},
    };
    RUN(rows);
}

static void bytes_are_not_lost(void)
{
    static const struct check_row rows[] = {
        {"of a live message", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") BLOBS("3s", "-") END},
        {"of one that can be undone", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") DELETED BLOBS("6s", "-") END},
        {"of one that is being purged", INVARIANT_NO_SILENT_LOSS, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") DELETED BEGUN BLOBS("10s", "-") END},
        {"of one that a restore lost", INVARIANT_NO_SILENT_LOSS, VERDICT_VACUOUS, 0, 0,
         PEOPLE OLDER UPLOAD SEND_F HAS("2s") RESTORED("4s", "older") BLOBS("40s", "-") END},
        {"of one that the next restore brings back", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OLDER UPLOAD SEND_F HAS("2s") YOUNGER RESTORED("4s", "older") BLOBS("40s", "-")
             RESTORED("41s", "younger") BLOBS("42s", "-") END},
        {"of another shard's observation", INVARIANT_NO_SILENT_LOSS, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD SEND_F HAS("2s") "3s blobs shard=z shown=-\n" END},
    };
    RUN(rows);
}

static void gone_not_served(void)
{
    static const struct check_row rows[] = {
        {"asked for after the deletion, and refused", INVARIANT_GONE_NOT_SERVED, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD SEND_F DELETED FETCH("6s", " why=target-deleted") END},
        {"and served", INVARIANT_GONE_NOT_SERVED, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F DELETED FETCH("6s", "") END},
        {"served before it", INVARIANT_GONE_NOT_SERVED, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD SEND_F FETCH("4s", "") DELETED END},
        {"served after the undo", INVARIANT_GONE_NOT_SERVED, VERDICT_VACUOUS, 0, 0,
         PEOPLE UPLOAD SEND_F DELETED UNDONE FETCH("7s", "") END},
        {"served when the conversation is deleted", INVARIANT_GONE_NOT_SERVED, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F
         "5s commit op=4 do=delete-conversation shard=s version=4 device=a.p in=c actor=a\n" FETCH("6s", "") END},
        {"served to who is no member", INVARIANT_GONE_NOT_SERVED, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD SEND_F "5s member conversation=c user=b role=none version=4\n" FETCH("6s", "") END},
        {"refused to who is no member", INVARIANT_GONE_NOT_SERVED, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD SEND_F "5s member conversation=c user=b role=none version=4\n" FETCH("6s", " why=not-a-member")
             END},
    };
    RUN(rows);
}

#define ERASED                                                                                 \
    "9s commit op=e do=erase-account shard=s version=9 device=a.p actor=a deadline=90000000\n" \
    "9s erasure user=a job=e shard=s stage=begin deadline=90000000\n"                          \
    "9s member conversation=c user=a role=none version=10\n"                                   \
    "9s erasure user=a job=e shard=s stage=end\n"

static void what_was_never_sent_goes_with_the_account(void)
{
    static const struct check_row rows[] = {
        {"it goes", INVARIANT_ERASURE_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE UPLOAD HAS("2s") ERASED BLOBS("10s", "-") END},
        {"it stays", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE UPLOAD HAS("2s") ERASED HAS("15s") END},
        {"what a restore lost stays while a backup may have it", INVARIANT_ERASURE_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "5s") ERASED HAS("34s") END},
        {"and no longer", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OLDER UPLOAD KEPT("older", "5s") ERASED HAS("41s") END},
        {"somebody else's stays", INVARIANT_ERASURE_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE "500000 commit op=f do=upload shard=s version=2 device=b.p in=c actor=b deadline=90000000\n" ERASED HAS(
             "10s") END},
    };
    RUN(rows);
}

int suite_check_attach(void)
{
    CU_pSuite suite = CU_add_suite("check_attach", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, no_orphans) || !CU_ADD_TEST(suite, bytes_are_not_lost) ||
        !CU_ADD_TEST(suite, gone_not_served) || !CU_ADD_TEST(suite, what_was_never_sent_goes_with_the_account))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
