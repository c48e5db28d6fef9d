/* test_check_liveness.c: durability, the bounds of reaches-*, settling and reaping; and what check_work counts. */
#include "tests/check_rows.h"
#include "tests/history_text.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_check_liveness(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))

static void acked_is_durable(void)
{
    static const struct check_row rows[] = {
        {"committed first", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 1, 0, PEOPLE SEND_M "2s ack op=1 device=a.p\n"},
        {"never committed", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, 1, 0,
         PEOPLE
         "1s invoke op=1 device=a.p do=send in=c message=m\n1s duplicate op=7 shard=s\n1s ack op=1 device=a.p\n"},
        {"kept early", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 1, 0,
         PEOPLE "1s invoke op=2 device=a.p do=delete in=c message=m\n"
                "1s early op=2 shard=s message=m actor=a in=c device=a.p\n1s ack op=2 device=a.p\n"},
        {"found executed after a loss of power", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M "2s ack op=1 device=a.p\n9s executed shard=s device=a.p op=1\n"},
        {"lost by a loss of power", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M "2s ack op=1 device=a.p\n9s executed shard=s device=a.p\n"},
        {"the later one is lost", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M "2s ack op=1 device=a.p\n" DELETE_M
                       "3s ack op=2 device=a.p\n9s executed shard=s device=a.p op=1\n"},
        {"lost at another shard, which never had it", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M "2s ack op=1 device=a.p\n9s executed shard=t device=a.p\n"},
        {"lost, and nobody was told that it was accepted", INVARIANT_ACKED_IS_DURABLE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M "9s executed shard=s device=a.p\n"},
        {"a step in pieces", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M "9s torn shard=s\n"},
        {"lost, told, and not executed again", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M "9s executed shard=s device=a.p\n10s ack op=1 device=a.p\n"},
        {"settled says nothing", INVARIANT_ACKED_IS_DURABLE, VERDICT_VACUOUS, 0, 0,
         PEOPLE "1s invoke op=1 device=a.p do=send in=c message=m\n1s duplicate op=1 shard=s\n"
                "1s ack op=1 device=a.p settled\n"},
        {"outside: there at the end", INVARIANT_ACKED_IS_DURABLE, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOWS VIEWS("c/m", "c/m") END},
        {"outside: gone at the end", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, 1, 0,
         PEOPLE OUT_SEND VIEWS("-", "-") END},
    };
    RUN(rows);
}

static void reaches_online(void)
{
    static const struct check_row rows[] = {
        {"within the bound", INVARIANT_REACHES_ONLINE, VERDICT_HELD, 1, 0, PEOPLE SEND_M SHOW_M DELETE_M HIDE_M},
        {"after the bound", INVARIANT_REACHES_ONLINE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M "9s hide device=b.p in=c message=m copy=body because=deletion version=4\n"},
        {"never", INVARIANT_REACHES_ONLINE, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M SHOW_M DELETE_M END},
        {"a partition stops the clock", INVARIANT_REACHES_ONLINE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M "1s fault fault=partition step=x\n" DELETE_M "20s fault fault=heal step=x\n"
                              "22s hide device=b.p in=c message=m copy=body because=deletion version=4\n"},
        {"progress starts the bound again", INVARIANT_REACHES_ONLINE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M "6s cursor device=b.p epoch=1 position=1\n"
                                       "9s hide device=b.p in=c message=m copy=body because=deletion version=4\n"},
        {"the history ends first", INVARIANT_REACHES_ONLINE, VERDICT_UNKNOWN, 0, 0, PEOPLE SEND_M SHOW_M DELETE_M},
        {"an undo releases", INVARIANT_REACHES_ONLINE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M DELETE_M UNDO_M END},
        {"a conversation's reaches its messages", INVARIANT_REACHES_ONLINE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_C END},
        {"outside: within the bound", INVARIANT_REACHES_ONLINE, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE},
        {"outside: never", INVARIANT_REACHES_ONLINE, VERDICT_VIOLATED, 1, 0, PEOPLE OUT_SEND OUT_SHOW OUT_DELETE END},
        {"nothing deleted", INVARIANT_REACHES_ONLINE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M END},
    };
    RUN(rows);
}

#define AWAY PEOPLE SEND_M SHOW_M "1s disconnect device=b.p\n" DELETE_M

static void reaches_returning(void)
{
    static const struct check_row rows[] = {
        {"after its return", INVARIANT_REACHES_RETURNING, VERDICT_HELD, 1, 0,
         AWAY "500s connect device=b.p\n501s hide device=b.p in=c message=m copy=body because=deletion version=4\n"},
        {"not after its return", INVARIANT_REACHES_RETURNING, VERDICT_VIOLATED, 1, 0,
         AWAY "500s connect device=b.p\n600s end\n"},
        {"it never returns", INVARIANT_REACHES_RETURNING, VERDICT_UNKNOWN, 0, 0, AWAY "500s end\n"},
        {"it is exempt", INVARIANT_REACHES_RETURNING, VERDICT_VACUOUS, 0, 0, AWAY "400s exempt node=b.p\n500s end\n"},
        {"each reconnection starts the bound again", INVARIANT_REACHES_RETURNING, VERDICT_HELD, 1, 0,
         AWAY "500s connect device=b.p\n550s disconnect device=b.p\n560s connect device=b.p\n"
              "610s hide device=b.p in=c message=m copy=body because=deletion version=4\n"},
        {"the end phase allows no rest", INVARIANT_REACHES_RETURNING, VERDICT_VIOLATED, 1, 0,
         AWAY "49s connect device=b.p\n" DELIVER "51s end\n"},
        {"evicted meanwhile", INVARIANT_REACHES_RETURNING, VERDICT_VACUOUS, 0, 0,
         AWAY "3s member conversation=c user=b role=none version=5\n500s connect device=b.p\n900s end\n"},
    };
    RUN(rows);
}

static void delete_settles(void)
{
    static const struct check_row rows[] = {
        {"acknowledged", INVARIANT_DELETE_SETTLES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M "2s ack op=2 device=a.p\n"},
        {"refused", INVARIANT_DELETE_SETTLES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M
         "2s invoke op=2 device=b.p do=delete in=c message=m\n2s refuse op=2 device=b.p why=not-permitted\n"},
        {"neither", INVARIANT_DELETE_SETTLES, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M DELETE_M DELIVER END},
        {"the history ends first", INVARIANT_DELETE_SETTLES, VERDICT_UNKNOWN, 0, 0, PEOPLE SEND_M DELETE_M},
        {"outside: neither", INVARIANT_DELETE_SETTLES, VERDICT_VIOLATED, 1, 0,
         PEOPLE OUT_SEND "2s invoke op=2 device=a.p do=delete in=c message=m\n" END},
        {"no deletion", INVARIANT_DELETE_SETTLES, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M END},
    };
    RUN(rows);
}

#define PURGE_M "30s purging in=c version=4 shard=s message=m\n30s purge in=c version=5 shard=s message=m\n"

static void tombstones_reaped(void)
{
    static const struct check_row rows[] = {
        {"reaped", INVARIANT_TOMBSTONES_REAPED, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M PURGE_M "61s reap in=c version=4 shard=s message=m\n"},
        {"purged and never reaped", INVARIANT_TOMBSTONES_REAPED, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M PURGE_M AGE END},
        {"never purged", INVARIANT_TOMBSTONES_REAPED, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M DELETE_M AGE END},
        {"the history did not age", INVARIANT_TOMBSTONES_REAPED, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M DELETE_M PURGE_M END},
        {"undone", INVARIANT_TOMBSTONES_REAPED, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M DELETE_M UNDO_M AGE END},
    };
    RUN(rows);
}

static void work_and_missing(void)
{
    struct names *names = names_new();
    struct check *check = check_new(&(struct check_options){0}, names);
    history_text_feed(PEOPLE OUT_SEND OUT_SHOW OUT_DELETE OUT_HIDE END, names, check_take, check);
    check_finish(check);
    struct check_work work = check_work(check);
    CU_ASSERT_EQUAL(work.records, 14);
    CU_ASSERT_EQUAL(work.operations, 2);
    CU_ASSERT_EQUAL(work.deletions, 1);
    CU_ASSERT_EQUAL(work.pairs, 1);
    CU_ASSERT_EQUAL(work.devices, 3);
    CU_ASSERT_EQUAL(work.users, 2);
    CU_ASSERT_EQUAL(work.conversations, 1);
    CU_ASSERT_STRING_EQUAL(check_verdict(check, INVARIANT_CURSOR_COMPLETE)->missing, "append cursor view");
    CU_ASSERT_STRING_EQUAL(check_verdict(check, INVARIANT_NO_RESURRECTION)->missing, "");
    CU_ASSERT_EQUAL(invariant_find("authority"), INVARIANT_AUTHORITY);
    CU_ASSERT_EQUAL(invariant_find("autority"), -1);
    check_free(check);
    names_free(names);
}

int suite_check_liveness(void)
{
    CU_pSuite suite = CU_add_suite("check_liveness", NULL, NULL);
    bool made = suite && CU_add_test(suite, "acked-is-durable", acked_is_durable) &&
                CU_add_test(suite, "reaches-online", reaches_online) &&
                CU_add_test(suite, "reaches-returning", reaches_returning) &&
                CU_add_test(suite, "delete-settles", delete_settles) &&
                CU_add_test(suite, "tombstones-reaped", tombstones_reaped) &&
                CU_add_test(suite, "work and missing kinds", work_and_missing);
    return made ? 0 : -1;
}
