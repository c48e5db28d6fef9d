/* test_check_lives.c: rows about devices that start with what another device had, and about ids that are given up. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_lives(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
/* b's phone is lost, and b.q starts from its backup, which has m. */
#define BACKUP \
    "2500ms device device=b.q user=b\n2500ms device-restore device=b.q source=b.p shown=c/m@3 cursor=0 epoch=1\n"
#define CLONED                                                                                                   \
    "2500ms device device=b.q user=b\n2500ms device-restore device=b.q source=b.p shown=c/m@3 cursor=0 epoch=1 " \
    "clone\n"
#define HIDE_Q(at) at " hide device=b.q in=c message=m copy=body because=deletion version=4\n"
#define RETIRED                                                                                   \
    "4s sync device=b.q answer=retire cursor=0 head=2 horizon=0 generation=1 current=1 epoch=1\n" \
    "5s device device=b.q user=b linked\n"
#define ACKED "2s ack op=2 device=a.p\n"

static void what_it_starts_with(void)
{
    static const struct check_row rows[] = {
        {"found as it was started", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP "3s view device=b.q shown=c/m@3\n"},
        {"found without what it was started with", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M BACKUP "3s view device=b.q shown=-\n"},
        {"what was deleted since goes on its return", INVARIANT_REACHES_RETURNING, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M ACKED HIDE_M BACKUP "3s connect device=b.q\n" HIDE_Q("4s")},
        {"what was deleted since stays", INVARIANT_REACHES_RETURNING, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M ACKED HIDE_M BACKUP "3s connect device=b.q\n" HIDE_Q("100s")},
        {"another id excuses nothing", INVARIANT_REACHES_RETURNING, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M ACKED HIDE_M BACKUP "3s connect device=b.q\n" RETIRED
                                                           "6s connect device=b.q\n" HIDE_Q("100s")},
        {"the lost one owes nothing", INVARIANT_REACHES_RETURNING, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M "1500ms disconnect device=b.p\n" BACKUP DELIVER END},
        {"what is hidden there is no resurrection", INVARIANT_NO_RESURRECTION, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M DELETE_M ACKED HIDE_M BACKUP "3s connect device=b.q\n" HIDE_Q("4s")},
        {"shown again there is one", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M BACKUP
         "3s connect device=b.q\n" HIDE_Q("4s") "5s show device=b.q in=c message=m copy=body version=3\n"},
    };
    RUN(rows);
}

static void whose_position_it_is(void)
{
#define TRUNCATE "3s truncate user=b epoch=1 horizon=2\n"
#define AT_TWO "2s cursor device=b.p epoch=1 position=2\n2s cursor device=b.l epoch=1 position=2\n"
#define L_AT_TWO "2s cursor device=b.l epoch=1 position=2\n"
#define SECOND                          \
    "2700ms device device=b.r user=b\n" \
    "2700ms device-restore device=b.r source=b.p shown=c/m@3 cursor=0 epoch=1\n"
    static const struct check_row rows[] = {
        {"a restored one is behind what its server knows", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE AT_TWO BACKUP TRUNCATE},
        {"so are two with one id", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE AT_TWO CLONED TRUNCATE},
        {"it has caught up, and is a reader like any other", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_VIOLATED,
         ANY_COUNT, 0,
         PEOPLE AT_TWO BACKUP "3s cursor device=b.q epoch=1 position=2\n4s truncate user=b epoch=1 horizon=3\n"},
        {"the only one that there is of it is waited for", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_VIOLATED,
         ANY_COUNT, 0, PEOPLE L_AT_TWO BACKUP TRUNCATE},
        {"a second one from the same backup", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE L_AT_TWO BACKUP "2600ms cursor device=b.q epoch=1 position=2\n" SECOND TRUNCATE},
        {"whoever had it first has another id by now", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE L_AT_TWO BACKUP "2600ms sync device=b.q answer=retire cursor=0 head=2 horizon=0 generation=1 "
                                "current=1 epoch=1\n2650ms device device=b.q user=b linked\n" SECOND TRUNCATE},
        {"a fence is on the id", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE L_AT_TWO "2s fence device=b.p generation=2\n" BACKUP TRUNCATE},
        {"an image of before the first reset", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PEOPLE L_AT_TWO "2500ms device device=b.q user=b\n"
                         "2500ms device-restore device=b.q source=b.p shown=- cursor=0 epoch=0\n" TRUNCATE},
    };
    RUN(rows);
}

static void what_was_under_way(void)
{
#define ASKED "2700ms invoke op=9 device=b.q do=delete in=c message=m\n"
#define HIDES_M "2700ms hide device=b.q in=c message=m copy=body because=pending pending\n"
#define SHOWS_M "6s show device=b.q in=c message=m copy=body version=3\n"
#define VIEW_Q(shown) "90s view device=b.q shown=" shown "\n"
    static const struct check_row rows[] = {
        {"a deletion of a retired id", INVARIANT_DELETE_SETTLES, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M SHOW_M BACKUP "2600ms connect device=b.q\n" ASKED RETIRED DELIVER END},
        {"a deletion of a retired id that goes on, and shows it again", INVARIANT_DELETE_SETTLES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP "2600ms connect device=b.q\n" ASKED HIDES_M RETIRED SHOWS_M DELIVER VIEW_Q("c/m@3")
             END},
        {"and one that hides it for ever", INVARIANT_DELETE_SETTLES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M BACKUP "2600ms connect device=b.q\n" ASKED HIDES_M RETIRED DELIVER VIEW_Q("-") END},
        {"a deletion of one that goes on", INVARIANT_DELETE_SETTLES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M BACKUP "2600ms connect device=b.q\n" ASKED DELIVER END},
        {"settled and never decided", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M BACKUP ASKED "3s ack op=9 device=b.q settled\n" END},
        {"settled and decided", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M BACKUP ASKED "3s reject op=9 do=delete shard=s why=not-permitted device=b.q\n"
                                           "3s ack op=9 device=b.q settled\n" END},
    };
    RUN(rows);
}

#define TESTS(X)            \
    X(what_it_starts_with)  \
    X(whose_position_it_is) \
    X(what_was_under_way)

int suite_check_lives(void)
{
    CU_pSuite suite = CU_add_suite("check_lives", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
