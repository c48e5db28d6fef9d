/* test_check_hold.c: hold-preserves, and what a hold excuses and who may place one. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_hold(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define HOLD_C "1s hold shard=s in=c actor=o\n"
#define HOLD_B "1s hold shard=s user=b actor=o\n"
#define GONE_M DELETE_M "2s ack op=2 device=a.p\n" LOG("a", "1", "delete", "4") LOG("b", "1", "delete", "4")
#define GONE_C DELETE_C LOG_C("a", "1", "delete-conversation", "4") LOG_C("b", "1", "delete-conversation", "4")
#define RELEASE_C "40s release shard=s in=c actor=o\n"
#define HELD_M(at) at " held shard=s in=c message=m digest=7\n"
#define TABLE(at, more) \
    at " table shard=s tombstones=1 messages=0 conversations=1 entries=0 waiting=0 digest=1" more "\n"
#define FOUND(at) HELD_M(at) TABLE(at, " count=1")
#define PURGING_M "41s purging in=c message=m version=4 shard=s\n"
#define PURGE_M "41s purge in=c message=m version=5 shard=s\n"
#define LAST DELIVER AGE END

static void hold_preserves(void)
{
    static const struct check_row rows[] = {
        {"deleted, and its bytes are there", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") FOUND("35s") LAST},
        {"nobody deleted anything", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M HOLD_C TABLE("5s", " count=0") LAST},
        {"deleted where nothing is held", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M GONE_M TABLE("5s", "") PURGING_M PURGE_M LAST},
        {"its bytes are not there", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M HOLD_C GONE_M TABLE("5s", " count=0") LAST},
        {"and later they are not", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") TABLE("35s", " count=0") LAST},
        {"another shard was looked at", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M HOLD_C GONE_M
         "5s table shard=t tombstones=0 messages=0 conversations=0 entries=0 waiting=0 digest=1\n" LAST},
        {"nobody can read them", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M HOLD_C GONE_M "5s held shard=s in=c message=m digest=0 broken\n" TABLE("5s", " count=1") LAST},
        {"they have changed", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") "6s held shard=s in=c message=m digest=8\n" TABLE("6s", " count=1")
             LAST},
        {"with the whole conversation", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M HOLD_C GONE_C FOUND("5s") LAST},
        {"gone with the whole conversation", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M HOLD_C GONE_C "33s purging in=c version=4 shard=s\n33s purge in=c version=5 shard=s\n" LAST},
        {"of a member", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 1, 0, PEOPLE SEND_M HOLD_B GONE_M FOUND("5s") LAST},
        {"of one who was a member", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "1s member conversation=c user=b role=none version=3\n" HOLD_B GONE_M PURGING_M LAST},
        {"of somebody who never was", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M "1s hold shard=s user=z actor=o\n" GONE_M TABLE("5s", " count=0") PURGING_M PURGE_M LAST},
        {"the purge began before", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M GONE_M "32s purging in=c message=m version=4 shard=s\n"
                              "33s hold shard=s in=c actor=o\n33s purge in=c message=m version=5 shard=s\n" LAST},
        {"the purge began after", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M HOLD_C GONE_M "32s purging in=c message=m version=4 shard=s\n" LAST},
        {"released, then purged", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") RELEASE_C PURGING_M PURGE_M
         "42s cursor device=b.l epoch=1 position=1 entry=delete in=c message=m version=4\n"
         "42s cursor device=b.p epoch=1 position=1 entry=delete in=c message=m version=4\n"
         "42s cursor device=a.p epoch=1 position=1 entry=delete in=c message=m version=4\n"
         "42s reap in=c message=m version=4 shard=s\n" LAST},
        {"released, and never purged", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") RELEASE_C LAST},
        {"released, and the recording stops", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M HOLD_C GONE_M FOUND("5s") RELEASE_C},
        {"released, seen only then, and the recording stops", INVARIANT_HOLD_PRESERVES, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M HOLD_C GONE_M HELD_M("5s") RELEASE_C},
        {"released by one of two", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M HOLD_C HOLD_B GONE_M RELEASE_C PURGING_M LAST},
        {"its tombstone waits, and is excused", INVARIANT_TOMBSTONES_REAPED, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M HOLD_C GONE_M LAST},
        {"and then is not", INVARIANT_TOMBSTONES_REAPED, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M HOLD_C GONE_M RELEASE_C LAST},
    };
    RUN(rows);
}

#define EDIT_M(at, op, version) \
    at " commit op=" op " do=edit shard=s version=" version " device=a.p in=c message=m actor=a\n"
#define FORMER_M(at, version, more) at " held shard=s in=c message=m version=" version " " more "\n"
#define SAW_FORMER(at) FORMER_M(at, "3", "digest=7") TABLE(at, " count=1")

static void former_texts(void)
{
    static const struct check_row rows[] = {
        {"edited, and what it said is there", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") SAW_FORMER("5s") SAW_FORMER("35s") LAST},
        {"edited where nothing is held", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M EDIT_M("2s", "2", "4") TABLE("5s", "") LAST},
        {"edited before the hold", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M EDIT_M("1s", "2", "4") HOLD_C TABLE("5s", " count=0") LAST},
        {"edited under a hold on its author", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "1s hold shard=s user=a actor=o\n" EDIT_M("2s", "2", "4") TABLE("5s", " count=0") LAST},
        {"what it said is not there", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") TABLE("5s", " count=0") LAST},
        {"of two edits one is", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") EDIT_M("3s", "3", "5") SAW_FORMER("5s") LAST},
        {"of two edits both are", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") EDIT_M("3s", "3", "5") FORMER_M("5s", "4", "digest=8")
             SAW_FORMER("5s") LAST},
        {"nobody can read it", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") FORMER_M("5s", "3", "digest=0 broken") TABLE("5s", "") LAST},
        {"it has changed", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") SAW_FORMER("5s") FORMER_M("6s", "3", "digest=8") TABLE("6s", "")
             LAST},
        {"another shard was looked at", INVARIANT_HOLD_PRESERVES, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M HOLD_C EDIT_M(
             "2s", "2",
             "4") "5s table shard=t tombstones=0 messages=0 conversations=0 entries=0 waiting=0 digest=1\n" LAST},
        {"released, and gone", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") SAW_FORMER("5s") RELEASE_C TABLE("45s", "") LAST},
        {"released, and still there", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") SAW_FORMER("5s") RELEASE_C DELIVER AGE SAW_FORMER("98s") END},
        {"released, still there, and the recording stops", INVARIANT_HOLD_PRESERVES, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") RELEASE_C SAW_FORMER("45s")},
        {"released by one of two", INVARIANT_HOLD_PRESERVES, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M HOLD_C HOLD_B EDIT_M("2s", "2", "4") SAW_FORMER("5s") RELEASE_C TABLE("45s", "") LAST},
        {"held again", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("2s", "2", "4") SAW_FORMER("5s") RELEASE_C
         "41s hold shard=s in=c actor=o\n" TABLE("45s", "") LAST},
        {"edited, deleted, and both are there", INVARIANT_HOLD_PRESERVES, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M HOLD_C EDIT_M("1s", "9",
                                     "4") "2s commit op=2 do=delete shard=s version=5 device=a.p in=c "
                                          "message=m actor=a deadline=30000000\n" LOG("a", "1", "delete", "5")
                                              LOG("b", "1", "delete", "5") HELD_M("5s") SAW_FORMER("5s") LAST},
    };
    RUN(rows);
}

#define OFFICER_O "0 officer user=o\n0 device device=o.d user=o\n"

static void officers(void)
{
    static const struct check_row rows[] = {
        {"an officer holds", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE OFFICER_O "1s commit op=9 do=hold shard=s version=3 device=o.d in=c actor=o\n"},
        {"a member holds", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE OFFICER_O "1s commit op=9 do=hold shard=s version=3 device=a.p in=c actor=a\n"},
        {"a member releases a user", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE OFFICER_O "1s commit op=9 do=release shard=s version=1 device=a.p subject=b actor=a\n"},
        {"a member is refused", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE OFFICER_O "1s reject op=9 do=hold shard=s why=not-permitted device=a.p in=c actor=a\n"},
        {"nobody says who is one", INVARIANT_AUTHORITY, VERDICT_VACUOUS, 0, 0,
         PEOPLE "1s commit op=9 do=hold shard=s version=3 device=a.p in=c actor=a\n"},
        {"a hold on what is deleted", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         PEOPLE OFFICER_O SEND_M GONE_C "3s commit op=9 do=hold shard=s version=5 device=o.d in=c actor=o\n"},
    };
    RUN(rows);
}

int suite_check_hold(void)
{
    CU_pSuite suite = CU_add_suite("check_hold", NULL, NULL);
    bool made = suite && CU_add_test(suite, "hold-preserves", hold_preserves) &&
                CU_add_test(suite, "former_texts", former_texts) && CU_add_test(suite, "officers", officers);
    return made ? 0 : -1;
}
