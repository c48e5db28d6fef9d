/* test_check_jobs.c: jobs-finish: what was begun for many is done for all of them; and what a job may take. */
#include "tests/check_rows.h"
#include "tests/history_text.h"

#include <CUnit/CUnit.h>

int suite_check_jobs(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define ALL                                                      \
    "2s invoke op=all device=a.p do=delete-all in=c subject=a\n" \
    "2s commit op=all do=delete-all shard=s version=4 device=a.p in=c actor=a subject=a\n"
#define BEGIN "2s job job=all shard=s stage=begin in=c actor=a subject=a count=0\n"
#define PART "2s commit do=delete shard=s version=5 in=c message=m actor=a deadline=40000000 reason=bulk job=all\n"
#define FINISH "2s job job=all shard=s stage=end in=c actor=a subject=a count=1\n"
#define HEARD                                                                             \
    "2s append user=a epoch=1 position=1 entry=delete shard=s in=c message=m version=5\n" \
    "2s append user=b epoch=1 position=1 entry=delete shard=s in=c message=m version=5\n"
#define GONE "3s hide device=b.p in=c message=m copy=body because=deletion version=5\n"
#define OVER "60s phase phase=age\n" END

static void jobs_finish(void)
{
    static const struct check_row rows[] = {
        {"begun, done, ended", INVARIANT_JOBS_FINISH, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN PART HEARD FINISH GONE END},
        {"the hide is explained", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN PART HEARD FINISH GONE END},
        {"never ended", INVARIANT_JOBS_FINISH, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M SHOW_M ALL BEGIN OVER},
        {"not ended yet", INVARIANT_JOBS_FINISH, VERDICT_UNKNOWN, 0, 0, PEOPLE SEND_M SHOW_M ALL BEGIN},
        {"ended, and left one", INVARIANT_JOBS_FINISH, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN FINISH OVER},
        {"what came later may stay", INVARIANT_JOBS_FINISH, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN PART HEARD
         "2s commit op=9 do=send shard=s version=6 device=a.p in=c message=n actor=a\n" FINISH GONE END},
        {"one that was undone may stay", INVARIANT_JOBS_FINISH, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN PART HEARD
         "2s commit op=9 do=undo shard=s version=6 device=a.p in=c message=m actor=a undoes=5\n"
         "2s append user=a epoch=1 position=2 entry=undo shard=s in=c message=m version=6\n"
         "2s append user=b epoch=1 position=2 entry=undo shard=s in=c message=m version=6\n" FINISH END},
        {"no job", INVARIANT_JOBS_FINISH, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M OVER},
    };
    RUN(rows);
}

static void a_job_takes_what_it_was_asked_for(void)
{
    static const struct check_row rows[] = {
        {"all that a wrote", INVARIANT_AUTHORITY, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M SHOW_M ALL BEGIN PART HEARD FINISH GONE END},
        {"a message of somebody else", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "1s commit op=8 do=send shard=s version=3 device=b.p in=c message=m actor=b\n" ALL BEGIN PART},
        {"one that was sent later", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE ALL BEGIN "2s commit op=8 do=send shard=s version=5 device=a.p in=c message=m actor=a\n"
                          "2s commit do=delete shard=s version=6 in=c message=m actor=a reason=bulk job=all\n"},
        {"a job that nobody began", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0, PEOPLE SEND_M ALL PART},
        {"everything, by one who is no owner", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M "2s commit op=all do=delete-all shard=s version=4 device=a.p in=c actor=a\n"},
    };
    RUN(rows);
}

static void without_commits_the_request_explains_the_hides(void)
{
    static const struct check_row rows[] = {
        {"asked for", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW
         "2s invoke op=2 device=a.p do=delete-all in=c subject=a\n2s ack op=2 device=a.p\n" OUT_HIDE END},
        {"of what somebody else wrote", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE OUT_SEND OUT_SHOW
         "2s invoke op=2 device=b.p do=delete-all in=c subject=b\n2s ack op=2 device=b.p\n" OUT_HIDE END},
    };
    RUN(rows);
}

#define KEEPS(period) "0s retention in=c period=" period "\n"
#define TAKEN "30s commit do=delete shard=s version=5 in=c message=m deadline=30000000 reason=retention\n"
#define SETTLED DELIVER "99s phase phase=age\n200s end\n"

static void retention_takes_what_is_old_enough(void)
{
    static const struct check_row rows[] = {
        {"at its age", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE KEEPS("20000000") SEND_M SHOW_M TAKEN HEARD GONE END},
        {"too young", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE KEEPS("40000000") SEND_M SHOW_M TAKEN},
        {"of a conversation that keeps for ever", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE SEND_M SHOW_M TAKEN},
        {"that keeps for ever by now", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE KEEPS("20000000") "20s retention in=c period=0\n" SEND_M SHOW_M TAKEN},
        {"while clocks are moved", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, ANY_COUNT, 0,
         PEOPLE KEEPS("40000000") SEND_M "1s fault fault=clock node=shard.0\n" TAKEN},
        {"all that is too old", INVARIANT_JOBS_FINISH, VERDICT_HELD, 1, 0,
         PEOPLE KEEPS("20000000") SEND_M SHOW_M TAKEN HEARD GONE END},
        {"not this one", INVARIANT_JOBS_FINISH, VERDICT_VIOLATED, 1, 0, PEOPLE KEEPS("20000000") SEND_M SHOW_M SETTLED},
        {"not yet", INVARIANT_JOBS_FINISH, VERDICT_VACUOUS, 0, 0, PEOPLE KEEPS("900000000") SEND_M SHOW_M SETTLED},
        {"just now", INVARIANT_JOBS_FINISH, VERDICT_UNKNOWN, 0, 0, PEOPLE KEEPS("190000000") SEND_M SHOW_M SETTLED},
        {"outside: a retention explains the hide", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0,
         PEOPLE KEEPS("20000000") OUT_SEND OUT_SHOW
         "30s hide device=b.p in=c message=m copy=body because=retention\n" END},
        {"outside: not so early", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, 0, 0,
         PEOPLE KEEPS("60000000") OUT_SEND OUT_SHOW
         "30s hide device=b.p in=c message=m copy=body because=retention\n" END},
    };
    RUN(rows);
}

#define FINAL_B "70s phase phase=deliver\n90s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"
#define ERASE                                                               \
    "2s invoke op=e device=a.p do=erase-account\n"                          \
    "2s commit op=e do=erase-account shard=s version=1 device=a.p actor=a " \
    "deadline=500000000\n2s erasure user=a job=e shard=s stage=begin deadline=500000000\n"
#define ERASED "2s commit do=delete shard=s version=5 in=c message=m actor=a deadline=2000000 reason=erasure job=e\n"
#define LEFT                                                                             \
    "2s commit do=leave shard=s version=6 in=c actor=a subject=a reason=erasure job=e\n" \
    "2s member conversation=c user=a role=none version=6\n"                              \
    "2s append user=a epoch=1 position=2 entry=evict shard=s in=c version=6\n"           \
    "2s append user=b epoch=1 position=2 entry=member shard=s in=c version=6\n"
#define COMPLETE "3s erasure user=a job=e shard=s stage=end deadline=500000000\n"

static void an_erasure_is_complete(void)
{
    static const struct check_row rows[] = {
        {"all of it is gone", INVARIANT_ERASURE_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE ERASED HEARD LEFT COMPLETE GONE END},
        {"a message is live", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE LEFT COMPLETE END},
        {"can still be read", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE ERASED HEARD LEFT COMPLETE FINAL_B END},
        {"was never purged", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE ERASED HEARD LEFT COMPLETE GONE OVER},
        {"still a member", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE ERASED HEARD COMPLETE GONE END},
        {"not done, and there is time", INVARIANT_ERASURE_COMPLETE, VERDICT_UNKNOWN, 0, 0,
         PEOPLE SEND_M SHOW_M ERASE END},
        {"not done by the deadline", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M ERASE "600s end\n"},
        {"nobody asked", INVARIANT_ERASURE_COMPLETE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M SHOW_M END},
        {"takes what somebody else wrote", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "1s commit op=8 do=send shard=s version=3 device=b.p in=c message=m actor=b\n" ERASE ERASED},
        {"that nobody decided", INVARIANT_AUTHORITY, VERDICT_VIOLATED, ANY_COUNT, 0, PEOPLE SEND_M ERASED},
        {"outside: nothing is shown", INVARIANT_ERASURE_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE OUT_SEND OUT_SHOW
         "2s invoke op=e device=a.p do=erase-account\n2s ack op=e device=a.p\n" OUT_HIDE VIEWS("-", "-") END},
        {"outside: still shown", INVARIANT_ERASURE_COMPLETE, VERDICT_UNKNOWN, 0, 0,
         PEOPLE OUT_SEND OUT_SHOW
         "2s invoke op=e device=a.p do=erase-account\n2s ack op=e device=a.p\n" VIEWS("-", "c/m") END},
    };
    RUN(rows);
}

/* What a system keeps by policy when a message is deleted, no erasure leaves. */
static void an_erasure_takes_kept_quotes_too(void)
{
    static const char *const quotes[] = {"c/m@3+quote:r1", "-"};
    for (int gone = 0; gone < 2; gone++) {
        struct names *names = names_new();
        struct check *check = check_new(&(struct check_options){.quotes_kept = true}, names);
        char history[4096];
        snprintf(history, sizeof history,
                 PEOPLE SEND_M "1s show device=b.p in=c message=m copy=quote via=r1 version=3\n" ERASE ERASED HEARD LEFT
                               "%s" COMPLETE GONE
                               "70s phase phase=deliver\n90s view device=b.p shown=%s cursor=2 epoch=1\n" END,
                 gone ? "2s hide device=b.p in=c message=m copy=quote via=r1\n" : "", quotes[gone]);
        history_text_feed(history, names, check_take, check);
        check_finish(check);
        const struct verdict *verdict = check_verdict(check, INVARIANT_ERASURE_COMPLETE);
        CU_ASSERT_EQUAL(verdict->state, gone ? VERDICT_HELD : VERDICT_VIOLATED);
        check_free(check);
        names_free(names);
    }
}

int suite_check_jobs(void)
{
    CU_pSuite suite = CU_add_suite("check_jobs", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    ADD(jobs_finish)
    ADD(a_job_takes_what_it_was_asked_for)
    ADD(retention_takes_what_is_old_enough)
    ADD(an_erasure_is_complete)
    ADD(an_erasure_takes_kept_quotes_too)
    ADD(without_commits_the_request_explains_the_hides)
    return CUE_SUCCESS;
}
