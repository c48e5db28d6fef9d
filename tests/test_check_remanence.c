/* test_check_remanence.c: rows of no-remanence. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_remanence(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define PURGED "32s purging in=c message=m version=4 shard=s\n32s purge in=c message=m version=6 shard=s\n"
#define PURGED_C "32s purging in=c version=4 shard=s\n32s purge in=c version=6 shard=s\n"
#define SCAN(at, count) at " scan shard=s source=main.db bytes=4096 count=" count "\n"
#define REMAINS(at) at " remains shard=t message=m source=key-in-vault.db position=77 copy=disk\n"

static void no_remanence(void)
{
    static const struct check_row rows[] = {
        {"read after the bound, and nothing found", INVARIANT_NO_REMANENCE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M PURGED SCAN("99s", "5")},
        {"found after the bound, on another shard", INVARIANT_NO_REMANENCE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M PURGED SCAN("99s", "5") REMAINS("99s")},
        {"found, and it went with its conversation", INVARIANT_NO_REMANENCE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M DELETE_C PURGED_C SCAN("99s", "5") REMAINS("99s")},
        {"found within the bound", INVARIANT_NO_REMANENCE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M PURGED SCAN("40s", "5") REMAINS("40s")},
        {"found, and not purged", INVARIANT_NO_REMANENCE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M SCAN("99s", "5") REMAINS("99s")},
        {"nobody looked", INVARIANT_NO_REMANENCE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M PURGED "99s end\n"},
        {"looked for nothing", INVARIANT_NO_REMANENCE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M HIDE_M PURGED SCAN("99s", "0")},
    };
    RUN(rows);
}

int suite_check_remanence(void)
{
    CU_pSuite suite = CU_add_suite("check_remanence", NULL, NULL);
    return suite && CU_add_test(suite, "no-remanence", no_remanence) ? CUE_SUCCESS : (int)CU_get_error();
}
