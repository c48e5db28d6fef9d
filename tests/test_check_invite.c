/*
 * test_check_invite.c: the invariants over invitations: who may make and end one, who hears of its end, and that it
 * goes from the devices; and over who is shown as typing.
 */
#include "tests/check_rows.h"
#include "tests/history_text.h"

#include <CUnit/CUnit.h>

int suite_check_invite(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
/* User d is invited to the group of a and b by b, and is online. */
#define INVITED                                                                                    \
    PEOPLE "0 device device=d.p user=d\n0 connect device=d.p\n0 rule in=c do=invite role=member\n" \
           "1s invoke op=1 device=b.p do=invite in=c message=i subject=d\n"                        \
           "1s commit op=1 do=invite shard=s version=3 device=b.p in=c message=i actor=b subject=d\n"
#define SHOW_I "1s show device=d.p in=c message=i copy=invitation version=3\n"
#define HIDE_I "2s hide device=d.p in=c message=i copy=invitation because=deletion version=4\n"
#define WITHDRAW_I "2s commit op=2 do=withdraw shard=s version=4 device=b.p in=c message=i actor=b subject=d\n"
#define ACCEPT_I "2s commit op=3 do=accept shard=s version=4 device=d.p in=c message=i actor=d subject=d role=member\n"
#define LAPSE_I "2s commit do=withdraw shard=s version=4 in=c message=i actor=a subject=d reason=lapsed\n"
#define APPEND_I "2s append user=d epoch=1 position=2 entry=uninvite shard=s in=c message=i version=4\n"
#define LATER DELIVER END

static void copies_follow(void)
{
    static const struct check_row rows[] = {
        {"withdrawn, it goes", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0, INVITED SHOW_I WITHDRAW_I HIDE_I LATER},
        {"withdrawn, it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED SHOW_I WITHDRAW_I LATER},
        {"its conversation is deleted, it goes", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         INVITED SHOW_I DELETE_C HIDE_I LATER},
        {"its conversation is deleted, it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED SHOW_I DELETE_C LATER},
        {"who was a member once and is invited again must lose it too", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED,
         ANY_COUNT, 0,
         INVITED "1s member conversation=c user=d role=member version=1\n"
                 "1s member conversation=c user=d role=none version=2\n" SHOW_I WITHDRAW_I LATER},
        {"outside: declined on another device, it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "1s invoke op=1 device=a.p do=invite in=c message=i subject=b\n1s ack op=1 device=a.p\n"
                "1s show device=b.p in=c message=i copy=invitation\n"
                "2s invoke op=2 device=b.l do=decline in=c message=i\n2s ack op=2 device=b.l\n" LATER},
        {"outside: the conversation goes, and it too", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         PEOPLE "1s show device=b.p in=c message=i copy=invitation\n"
                "2s invoke op=2 device=a.p do=delete-conversation in=c\n2s ack op=2 device=a.p\n"
                "2s hide device=b.p in=c message=i copy=invitation\n" LATER},
        {"the history ends before the bound", INVARIANT_COPIES_FOLLOW, VERDICT_UNKNOWN, 0, 0,
         INVITED SHOW_I WITHDRAW_I},
        {"still open", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0, INVITED SHOW_I LATER},
    };
    RUN(rows);
}

static void no_resurrection(void)
{
    static const struct check_row rows[] = {
        {"shown again after its end", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED SHOW_I WITHDRAW_I HIDE_I "3s show device=d.p in=c message=i copy=invitation version=3\n" LATER},
        {"an undo of the conversation's deletion does not bring back what was withdrawn", INVARIANT_NO_RESURRECTION,
         VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED SHOW_I WITHDRAW_I HIDE_I UNDO_C "4s show device=d.p in=c message=i copy=invitation version=3\n" LATER},
        {"another invitation is another", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0,
         INVITED SHOW_I WITHDRAW_I HIDE_I
         "3s commit op=5 do=invite shard=s version=5 device=b.p in=c message=i2 actor=b subject=d\n"
         "3s show device=d.p in=c message=i2 copy=invitation version=5\n" LATER},
    };
    RUN(rows);
}

static void no_silent_loss(void)
{
    static const struct check_row rows[] = {
        {"an open one vanishes", INVARIANT_NO_SILENT_LOSS, VERDICT_VIOLATED, 1, 0,
         INVITED SHOW_I "2s hide device=d.p in=c message=i copy=invitation because=reset\n" LATER},
        {"it was accepted", INVARIANT_NO_SILENT_LOSS, VERDICT_HELD, 1, 0, INVITED SHOW_I ACCEPT_I HIDE_I LATER},
        {"outside nobody knows what it stood on", INVARIANT_NO_SILENT_LOSS, VERDICT_UNKNOWN, 0, 0,
         PEOPLE "1s invoke op=1 device=a.p do=invite in=c message=i subject=b\n1s ack op=1 device=a.p\n"
                "1s show device=b.p in=c message=i copy=invitation\n"
                "2s hide device=b.p in=c message=i copy=invitation\n" LATER},
    };
    RUN(rows);
}

static void authority(void)
{
    static const struct check_row rows[] = {
        {"a member invites, and the invited accepts", INVARIANT_AUTHORITY, VERDICT_HELD, 2, 0, INVITED ACCEPT_I},
        {"a stranger invites", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 2, 0,
         INVITED "2s commit op=9 do=invite shard=s version=4 device=d.p in=c message=j actor=d subject=e\n"},
        {"a member invites where it takes a moderator", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 rule in=c do=invite role=moderator\n"
                "1s commit op=1 do=invite shard=s version=3 device=b.p in=c message=i actor=b subject=d\n"},
        {"somebody else accepts", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 2, 0,
         INVITED "2s commit op=3 do=accept shard=s version=4 device=e.p in=c message=i actor=e subject=e\n"},
        {"accepted after it was withdrawn", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 3, 0, INVITED WITHDRAW_I ACCEPT_I},
        {"accepted after whoever invited was removed", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 2, 0,
         INVITED "2s member conversation=c user=b role=none version=4\n" ACCEPT_I},
        {"a moderator withdraws", INVARIANT_AUTHORITY, VERDICT_HELD, 2, 0,
         INVITED "1s member conversation=c user=a role=moderator version=3\n"
                 "2s commit op=2 do=withdraw shard=s version=4 device=a.p in=c message=i actor=a\n"},
        {"a member withdraws another's", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 2, 0,
         INVITED "2s commit op=2 do=withdraw shard=s version=4 device=a.p in=c message=i actor=a\n"},
        {"it lapses with its conversation", INVARIANT_AUTHORITY, VERDICT_HELD, 3, 0, INVITED DELETE_C LAPSE_I},
        {"it lapses for nothing", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 2, 0, INVITED LAPSE_I},
        {"no members are told of", INVARIANT_AUTHORITY, VERDICT_VACUOUS, 0, 0,
         "1s commit op=1 do=invite shard=s version=3 device=b.p in=c message=i actor=b subject=d\n"},
    };
    RUN(rows);
}

static void closed_conversation(void)
{
    static const struct check_row rows[] = {
        {"accepted after the deletion", INVARIANT_CLOSED_CONVERSATION, VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED DELETE_C "3s commit op=3 do=accept shard=s version=5 device=d.p in=c message=i actor=d\n"},
        {"refused", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         INVITED DELETE_C "3s reject op=3 do=accept shard=s why=conversation-deleted device=d.p in=c message=i\n"},
        {"outside: invited after the deletion", INVARIANT_CLOSED_CONVERSATION, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s invoke op=2 device=a.p do=delete-conversation in=c\n2s ack op=2 device=a.p\n"
                "3s invoke op=3 device=b.p do=invite in=c message=i subject=d\n3s ack op=3 device=b.p\n"},
    };
    RUN(rows);
}

static void notice_reaches_members(void)
{
    static const struct check_row rows[] = {
        {"the invited hears", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_HELD, 1, 0, INVITED WITHDRAW_I APPEND_I LATER},
        {"the invited does not", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_VIOLATED, 1, 0,
         INVITED WITHDRAW_I DELIVER AGE END},
        {"the members hear of the conversation's deletion, and the invited does not", INVARIANT_NOTICE_REACHES_MEMBERS,
         VERDICT_VIOLATED, 3, 0,
         INVITED DELETE_C LOG_C("a", "1", "delete-conversation", "4") LOG_C("b", "1", "delete-conversation", "4")
             DELIVER AGE END},
        {"the end is open", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_UNKNOWN, 0, 0, INVITED WITHDRAW_I},
    };
    RUN(rows);
}

static void views(void)
{
    static const struct check_row rows[] = {
        {"the cursor is past its end, and it is there", INVARIANT_ATOMIC_VIEW, VERDICT_VIOLATED, ANY_COUNT, 0,
         INVITED SHOW_I WITHDRAW_I APPEND_I "3s view device=d.p shown=c/i@3+invitation cursor=2 epoch=1\n"},
        {"one evicted before may be invited", INVARIANT_ATOMIC_VIEW, VERDICT_HELD, ANY_COUNT, 0,
         PEOPLE "0 device device=d.p user=d\n"
                "1s append user=d epoch=1 position=1 entry=evict shard=s in=c version=2\n"
                "1s commit op=1 do=invite shard=s version=3 device=b.p in=c message=i actor=b subject=d\n" SHOW_I
                "3s view device=d.p shown=c/i@3+invitation cursor=1 epoch=1\n"},
        {"an erased account has an open one", INVARIANT_ERASURE_COMPLETE, VERDICT_VIOLATED, 1, 0,
         INVITED "2s commit op=8 do=erase-account shard=s version=1 device=b.p actor=b deadline=9000000\n"
                 "2s member conversation=c user=b role=none version=4\n"
                 "3s erasure user=b job=8 shard=s stage=end\n" DELIVER AGE END},
    };
    RUN(rows);
}

/* ---- who is typing ---- */

#define TYPES "1s show device=b.p in=c message=c~a copy=typing actor=a version=3\n"
#define ENDS(because, version) \
    "2s hide device=b.p in=c message=c~a copy=typing because=" because " version=" version "\n"

static void typing(void)
{
    static const struct check_row rows[] = {
        {"it goes with the conversation", INVARIANT_COPIES_FOLLOW, VERDICT_HELD, 1, 0,
         PEOPLE TYPES DELETE_C ENDS("conversation-deletion", "4") LATER},
        {"it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0, PEOPLE TYPES DELETE_C LATER},
        {"it is over by itself", INVARIANT_COPIES_FOLLOW, VERDICT_VACUOUS, 0, 0,
         PEOPLE TYPES ENDS("superseded", "3") LATER},
        {"outside: it stays", INVARIANT_COPIES_FOLLOW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "1s show device=b.p in=c message=c~a copy=typing actor=a\n"
                "2s invoke op=4 device=a.p do=delete-conversation in=c\n2s ack op=4 device=a.p\n" LATER},
        {"shown again after the deletion was applied", INVARIANT_NO_RESURRECTION, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE TYPES DELETE_C ENDS("conversation-deletion", "4") TYPES LATER},
        {"shown again after it was over by itself, by a signal of before the deletion", INVARIANT_NO_RESURRECTION,
         VERDICT_VACUOUS, 0, 0, PEOPLE TYPES DELETE_C ENDS("superseded", "3") TYPES},
        {"shown again after the undo", INVARIANT_NO_RESURRECTION, VERDICT_HELD, 1, 0,
         PEOPLE TYPES DELETE_C ENDS("conversation-deletion", "4") UNDO_C
         "4s show device=b.p in=c message=c~a copy=typing actor=a version=5\n"},
        {"a signal of after the deletion", INVARIANT_CLOSED_CONVERSATION, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE DELETE_C "3s show device=b.p in=c message=c~a copy=typing actor=a version=4\n"},
        {"a member types", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0, PEOPLE TYPES},
        {"a stranger types", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "1s show device=b.p in=c message=c~d copy=typing actor=d version=3\n"},
        {"one who has left, by a signal of before", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE "1s member conversation=c user=a role=none version=4\n" TYPES},
        {"one who has left, by a signal of after", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "1s member conversation=c user=a role=none version=3\n" TYPES},
        {"nobody said when they left", INVARIANT_AUTHORITY, VERDICT_UNKNOWN, 0, 0,
         PEOPLE "1s member conversation=c user=a role=none\n" TYPES},
        {"nobody said who is a member", INVARIANT_AUTHORITY, VERDICT_VACUOUS, 0, 0, TYPES},
        {"the view has it", INVARIANT_HONEST_VIEW, VERDICT_HELD, 1, 0,
         PEOPLE TYPES "2s view device=b.p shown=c/c~a@3+typing\n"},
        {"the view has it, and nobody said so", INVARIANT_HONEST_VIEW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE TYPES ENDS("superseded", "3") "3s view device=b.p shown=c/c~a@3+typing\n"},
        {"the cursor is past the deletion", INVARIANT_ATOMIC_VIEW, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE TYPES DELETE_C LOG_C("b", "1", "delete-conversation",
                                     "4") "3s view device=b.p shown=c/c~a@3+typing cursor=1 epoch=1\n"},
    };
    RUN(rows);
}

int suite_check_invite(void)
{
    CU_pSuite suite = CU_add_suite("check_invite", NULL, NULL);
    if (!suite || !CU_add_test(suite, "copies_follow", copies_follow) ||
        !CU_add_test(suite, "no_resurrection", no_resurrection) ||
        !CU_add_test(suite, "no_silent_loss", no_silent_loss) || !CU_add_test(suite, "authority", authority) ||
        !CU_add_test(suite, "closed_conversation", closed_conversation) ||
        !CU_add_test(suite, "notice_reaches_members", notice_reaches_members) || !CU_add_test(suite, "views", views) ||
        !CU_add_test(suite, "typing", typing))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
