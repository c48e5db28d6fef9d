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

/* The shard comes from this backup now. */
#define FROM(at, backup, incarnation)                                                          \
    at " crash node=s\n" at " restore node=s step=" backup " incarnation=" incarnation "\n" at \
       " restart node=s\n" MEMBERS(at)
#define LOSE_M(at) at " hide device=b.p in=c message=m copy=body because=reset\n"
#define FIND_M(at) at " show device=b.p in=c message=m copy=body version=3\n"
#define BEFORE_M "500ms backup node=s step=b0\n"

static void which_past_a_backup_is_of(void)
{
    static const struct check_row rows[] = {
        {"an older backup has not what came later", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") DELIVER VIEWS("-", "c/m@3") END},
        {"a younger one that was taken before has it", INVARIANT_REPLICAS_AGREE, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") LOSE_M("11s") FROM("20s", "b1", "3") FIND_M(
             "21s") "21s show device=a.p in=c message=m copy=body version=3\n" DELIVER VIEWS("c/m@3", "c/m@3") END},
        {"a reset of between comes late", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") FROM("20s", "b1", "3") LOSE_M("21s")},
        {"what is shown since must not go", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") FROM("20s", "b1", "3") LOSE_M("21s")
             FIND_M("22s") LOSE_M("23s")},
        {"and who has it not is wrong then", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") LOSE_M("11s") FROM("20s", "b1", "3")
             DELIVER VIEWS("-", "-") END},
        {"a backup of the past without it", INVARIANT_REPLICAS_AGREE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE BEFORE_M SEND_M SHOW_M BACKUP("2s") FROM("10s", "b0", "2") "12s backup node=s step=b2\n" FROM(
             "20s", "b1", "3") FROM("30s", "b2", "4") DELIVER VIEWS("-", "c/m@3") END},
    };
    RUN(rows);
}

#define REMOVE_B                                                                               \
    "4s commit op=6 do=remove shard=s version=6 device=a.p in=c actor=a subject=b role=none\n" \
    "4s member conversation=c user=b role=none version=6\n"
#define EVICT_B "5s hide device=b.p in=c message=m copy=body because=eviction\n"
#define A_IS "10s member conversation=c user=a role=owner version=1\n"
#define B_IS "10s member conversation=c user=b role=member version=2\n"
#define ADD_B                                                                                    \
    "12s commit op=7 do=add shard=s version=2.2 device=a.p in=c actor=a subject=b role=member\n" \
    "12s member conversation=c user=b role=member version=2.2\n"
#define A_OWNS "0 member conversation=c user=a role=owner version=1\n"
#define B_OWNS "0 member conversation=c user=b role=owner version=2\n"
#define LOWER_B                                                                                    \
    "4s commit op=6 do=set-role shard=s version=6 device=a.p in=c actor=a subject=b role=member\n" \
    "4s member conversation=c user=b role=member version=6\n"

static void who_was_removed_is_not_back(void)
{
    static const struct check_row rows[] = {
        {"removed after the backup, and nobody again", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE A_OWNS SEND_M SHOW_M BACKUP("2s") REMOVE_B EVICT_B RESTORE("10s") A_IS DELIVER VIEW_B("-") END},
        {"removed after the backup, and a member again", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE A_OWNS SEND_M SHOW_M BACKUP("2s") REMOVE_B RESTORE("10s") A_IS B_IS DELIVER VIEW_B("-") END},
        {"said to be none, and reads it again", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE A_OWNS SEND_M SHOW_M BACKUP("2s") REMOVE_B RESTORE("10s") A_IS DELIVER VIEW_B("c/m@3") END},
        {"said to be none, and obeyed", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE A_OWNS SEND_M BACKUP("2s") REMOVE_B RESTORE("10s") A_IS
         "11s commit op=8 do=send device=b.p in=c message=n actor=b version=2.2 shard=s\n" DELIVER END},
        {"added again since", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE A_OWNS SEND_M BACKUP("2s") REMOVE_B RESTORE("10s") A_IS ADD_B DELIVER VIEW_B("c/m@3") END},
        {"nobody knows the end", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE A_OWNS SEND_M BACKUP("2s") REMOVE_B RESTORE("10s") A_IS},
        {"a lower role stays", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE A_OWNS B_OWNS BACKUP("2s") LOWER_B RESTORE("10s") A_IS B_IS DELIVER END},
        {"a lost role is back", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE A_OWNS B_OWNS BACKUP("2s") LOWER_B RESTORE("10s") A_IS
         "10s member conversation=c user=b role=owner version=2\n" DELIVER END},
        {"a higher one may be lost", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE A_OWNS BACKUP("2s") B_OWNS RESTORE("10s") A_IS B_IS DELIVER END},
    };
    RUN(rows);
}

#define KEEPS(at, period) at " retention in=c period=" period "\n"
#define HIDE_FOR_B(at)                                                                          \
    at " invoke op=9 device=b.p do=delete-for-me in=c message=m\n" at                           \
       " commit op=9 do=delete-for-me shard=s version=4 device=b.p in=c message=m actor=b\n" at \
       " hide device=b.p in=c message=m copy=body because=deletion version=4\n"
#define ERASE_A(at)                                    \
    at " invoke op=9 device=a.p do=erase-account\n" at \
       " commit op=9 do=erase-account shard=s version=1 device=a.p actor=a deadline=9000000000\n"

static void what_was_set_for_all_messages_is_set_still(void)
{
    static const struct check_row rows[] = {
        {"kept as long as was said", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M BACKUP("1s") KEEPS("2s", "90000000") RESTORE("10s") KEEPS("10s", "90000000") DELIVER END},
        {"kept for ever again", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M BACKUP("1s") KEEPS("2s", "90000000") RESTORE("10s") DELIVER END},
        {"kept for longer again", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M BACKUP("1s") KEEPS("2s", "90000000") RESTORE("10s") KEEPS("10s", "99000000") DELIVER END},
        {"set again since", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE A_OWNS SEND_M BACKUP("1s") KEEPS("2s", "90000000") RESTORE("10s") A_IS
         "12s commit op=8 do=set-retention shard=s version=2.2 device=a.p in=c actor=a\n" KEEPS("12s", "99000000")
             DELIVER END},
        {"hidden for oneself, and still", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") HIDE_FOR_B("2s") RESTORE("10s") MEMBERS("10s") DELIVER VIEW_B("-") END},
        {"hidden for oneself, and back", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") HIDE_FOR_B("2s") RESTORE("10s")
             MEMBERS("10s") "20s show device=b.p in=c message=m copy=body version=3\n" DELIVER VIEW_B("c/m@3") END},
        {"erased, and read by nobody", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M BACKUP("1s") ERASE_A("2s") RESTORE("10s") MEMBERS("10s") DELIVER VIEW_B("-") AGE END},
        {"erased, and read again", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") ERASE_A("2s") RESTORE("10s") MEMBERS("10s") DELIVER AGE VIEW_B("c/m@3") END},
        {"erased, and nobody knows the end", INVARIANT_RESTORE_SAFE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") ERASE_A("2s") RESTORE("10s") MEMBERS("10s")},
    };
    RUN(rows);
}

#define HOLD_C(at) at " hold shard=s in=c actor=a\n"
#define RELEASE_C(at) at " release shard=s in=c actor=a\n"
#define PURGING_M(at) at " purging in=c message=m version=4 shard=s\n"
#define PARK_M(at) at " park in=c message=m version=4 shard=s\n"

static void what_was_held_is_held_still(void)
{
    static const struct check_row rows[] = {
        {"held before the restore, and kept", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") HOLD_C("1s") DELETE_M HIDE_M "3s ack op=2 device=a.p\n" RESTORE("10s")
             MEMBERS("10s") PARK_M("30s") DELIVER VIEW_B("-") END},
        {"held before the restore, and purged", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") HOLD_C("1s") DELETE_M HIDE_M "3s ack op=2 device=a.p\n" RESTORE("10s")
             MEMBERS("10s") PURGING_M("30s") DELIVER VIEW_B("-") END},
        {"held anew since, and purged: another's matter", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") DELETE_M HIDE_M "3s ack op=2 device=a.p\n" RESTORE("10s") MEMBERS("10s")
             PURGING_M("30s") HOLD_C("31s") DELIVER VIEW_B("-") END},
        {"released since, and purged", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP("1s") HOLD_C("1s") DELETE_M HIDE_M "3s ack op=2 device=a.p\n" RESTORE("10s")
             MEMBERS("10s") RELEASE_C("12s") PURGING_M("30s") DELIVER VIEW_B("-") END},
        {"a held person, and a shard that does not know it", INVARIANT_RESTORE_SAFE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M BACKUP("1s") "1s backup node=t step=b2\n2s hold shard=t user=b actor=a\n5s crash node=t\n"
                                    "5s restore node=t step=b2 incarnation=2\n5s restart node=t\n" DELIVER AGE END},
        {"and one that does", INVARIANT_RESTORE_SAFE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M BACKUP("1s") "1s backup node=t step=b2\n2s hold shard=t user=b actor=a\n5s crash node=t\n"
                                    "5s restore node=t step=b2 incarnation=2\n5s restart node=t\n"
                                    "6s hold shard=s user=b actor=a\n" DELIVER AGE END},
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
        !CU_add_test(suite, "what_was_set_for_all_messages_is_set_still", what_was_set_for_all_messages_is_set_still) ||
        !CU_add_test(suite, "what_was_held_is_held_still", what_was_held_is_held_still) ||
        !CU_add_test(suite, "which_past_a_backup_is_of", which_past_a_backup_is_of) ||
        !CU_add_test(suite, "who_was_removed_is_not_back", who_was_removed_is_not_back) ||
        !CU_add_test(suite, "what_was_sent_after_the_backup_may_go", what_was_sent_after_the_backup_may_go))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
