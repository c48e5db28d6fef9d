/* test_check_restore.c: rows of restore-safe, and of what a restore excuses elsewhere. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_restored(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define BACKUP(at) at " backup node=s step=b1\n"
#define RESTORE(at) at " crash node=s\n" at " restore node=s step=b1 incarnation=2\n" at " restart node=s\n"
#define HELLO(at, answer, epoch) \
    at " sync device=b.p answer=" answer " cursor=1 head=1 horizon=0 generation=1 current=1 epoch=" epoch " shard=s\n"
#define INSTALL(at) at " install device=b.p epoch=2 position=0 generation=1\n"
#define VIEW_B(shown) "60s view device=b.p shown=" shown "\n"
#define MEMBERS(at)                                               \
    at " member conversation=c user=a role=member version=1\n" at \
       " member conversation=c user=b role=member version=2\n"

static void restore_safe(void)
{
    static const struct check_row rows[] = {
        {"a deletion after the backup, and nobody reads it", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("2s") DELETE_M HIDE_M "3s ack op=2 device=a.p\n" RESTORE("10s") MEMBERS("10s")
             DELIVER VIEW_B("-") END},
        {"a deletion after the backup, and it is back", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("2s") DELETE_M HIDE_M RESTORE("10s")
             MEMBERS("10s") "20s show device=b.p in=c message=m copy=body version=3\n" DELIVER VIEW_B("c/m@3") END},
        {"no deletion", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M BACKUP("2s") RESTORE("10s") MEMBERS("10s") DELIVER VIEW_B("c/m@3") END},
        {"no restore", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M BACKUP("2s") DELETE_M HIDE_M DELIVER VIEW_B("-") END},
        {"an old cursor is reset", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M BACKUP("2s") RESTORE("10s") HELLO("11s", "reset", "1")},
        {"an old cursor goes on", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M BACKUP("2s") RESTORE("10s") HELLO("11s", "delta", "1")},
        {"a cursor of after the restore goes on", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M BACKUP("2s") RESTORE("10s") INSTALL("11s") HELLO("12s", "delta", "2")},
    };
    RUN(rows);
}

static void what_was_sent_after_the_backup_may_go(void)
{
    static const struct check_row rows[] = {
        {"it goes", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE BACKUP("0")
             SEND_M SHOW_M RESTORE("10s") "11s hide device=b.p in=c message=m copy=body because=reset\n"},
        {"what was sent before it must not", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("2s") RESTORE("10s")
             MEMBERS("10s") "11s hide device=b.p in=c message=m copy=body because=reset\n"},
        {"it is sent again", INVARIANT_DUPLICATE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE BACKUP("0")
             SEND_M RESTORE("10s") "11s commit op=1 do=send device=a.p in=c message=m actor=a version=2.1 shard=s\n"},
        {"what the backup has is not", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M BACKUP("2s")
             RESTORE("10s") "11s commit op=1 do=send device=a.p in=c message=m actor=a version=2.1 shard=s\n"},
    };
    RUN(rows);
}

int suite_restored(void)
{
    CU_pSuite suite = CU_add_suite("restored", NULL, NULL);
    if (!suite || !CU_add_test(suite, "restore_safe", restore_safe) ||
        !CU_add_test(suite, "what_was_sent_after_the_backup_may_go", what_was_sent_after_the_backup_may_go))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
