/* test_check_poison.c: rows of poison-contained. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_poison(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define CURSOR(position, entry, message) \
    "3s cursor device=b.p epoch=1 position=" position " entry=" entry " in=c message=" message " version=4\n"
#define HELLO(at, cursor, head)                                     \
    at " sync device=b.p answer=delta cursor=" cursor " head=" head \
       " horizon=0 generation=1 current=1 epoch=1 shard=s\n"
#define ASKS(cursor, head) \
    HELLO("51s", cursor, head) HELLO("52s", cursor, head) HELLO("53s", cursor, head) HELLO("54s", cursor, head)
#define OLD_PEOPLE                                                                                                 \
    "0 device device=a.p user=a\n0 device device=b.p user=b old\n"                                                 \
    "0 member conversation=c user=a role=member version=1\n0 member conversation=c user=b role=member version=2\n" \
    "0 connect device=a.p\n0 connect device=b.p\n"

static void poison_contained(void)
{
    static const struct check_row rows[] = {
        {"a deletion of what it never had, passed", INVARIANT_POISON_CONTAINED, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") CURSOR("1", "delete", "m")},
        {"a deletion of what it had", INVARIANT_POISON_CONTAINED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") CURSOR("1", "delete", "m") HIDE_M},
        {"an edit, on a device that is too old for one", INVARIANT_POISON_CONTAINED, VERDICT_HELD, 1, 0,
         OLD_PEOPLE SEND_M SHOW_M LOG("b", "1", "edit", "4") CURSOR("1", "edit", "m")},
        {"an edit, on one that is not", INVARIANT_POISON_CONTAINED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M LOG("b", "1", "edit", "4") CURSOR("1", "edit", "m")},
        {"stuck before a deletion", INVARIANT_POISON_CONTAINED, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") DELIVER ASKS("0", "2") END},
        {"stuck before a kind that it does not know", INVARIANT_POISON_CONTAINED, VERDICT_VIOLATED, 1, 0,
         OLD_PEOPLE SEND_M SHOW_M LOG("b", "1", "clear", "4") DELIVER ASKS("0", "2") END},
        {"slow, and not stuck", INVARIANT_POISON_CONTAINED, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M "2s ack op=2 device=a.p\n" LOG("b", "1", "delete", "4")
             ASKS("0", "2") "55s cursor device=b.p epoch=1 position=1 "
                            "entry=delete in=c message=m version=4\n" DELIVER END},
        {"stuck, before something that it can understand", INVARIANT_POISON_CONTAINED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") DELIVER ASKS("0", "2") END},
        {"stuck, and the history ends in the middle", INVARIANT_POISON_CONTAINED, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") ASKS("0", "2")},
        {"stuck, and it never returns", INVARIANT_POISON_CONTAINED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") DELIVER ASKS("0", "2") "60s exempt node=b.p\n" END},
        {"it asks where there is no more", INVARIANT_POISON_CONTAINED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") DELIVER ASKS("0", "0") END},
    };
    RUN(rows);
}

int suite_check_poison(void)
{
    CU_pSuite suite = CU_add_suite("check_poison", NULL, NULL);
    if (!suite || !CU_add_test(suite, "poison_contained", poison_contained))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
