/* test_check_decisions.c: the invariants over decisions, logs and cursors. */
#include "tests/check_rows.h"

#include <CUnit/CUnit.h>

int suite_check_decisions(void);

#define RUN(rows) check_rows_run(rows, sizeof(rows) / sizeof((rows)[0]))
#define EARLY "1s early op=2 shard=s message=m actor=a in=c device=a.p\n"

static void early_delete(void)
{
    static const struct check_row rows[] = {
        {"kept, bound, never shown", INVARIANT_EARLY_DELETE, VERDICT_HELD, 1, 0,
         PEOPLE EARLY SEND_M "1s bind shard=s message=m actor=a answer=accepted in=c version=3\n"},
        {"kept, bound, shown", INVARIANT_EARLY_DELETE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE EARLY SEND_M "1s bind shard=s message=m actor=a answer=accepted in=c version=3\n" SHOW_M},
        {"refused at bind, then shown", INVARIANT_EARLY_DELETE, VERDICT_HELD, 1, 0,
         PEOPLE "1s early op=2 shard=s message=m actor=b in=c device=b.p\n" SEND_M
                "1s bind shard=s message=m actor=b answer=refused in=c\n" SHOW_M},
        {"accepted and forgotten, before the send", INVARIANT_EARLY_DELETE, VERDICT_VIOLATED, ANY_COUNT, 0,
         PEOPLE "1s invoke op=2 device=a.p do=delete in=c message=m\n1s duplicate op=0 shard=s\n"
                "1s ack op=2 device=a.p\n" SEND_M SHOW_M},
        {"accepted and forgotten, told after the send, is not durable", INVARIANT_ACKED_IS_DURABLE, VERDICT_VIOLATED, 1,
         0, PEOPLE "1s invoke op=2 device=a.p do=delete in=c message=m\n" SEND_M SHOW_M "2s ack op=2 device=a.p\n" END},
        {"the author's own pending show", INVARIANT_EARLY_DELETE, VERDICT_HELD, 1, 0,
         PEOPLE EARLY "1s show device=a.p in=c message=m copy=body pending\n" SEND_M
                      "1s bind shard=s message=m actor=a answer=accepted in=c version=3\n"},
        {"bound, then undone", INVARIANT_EARLY_DELETE, VERDICT_HELD, 1, 0,
         PEOPLE EARLY SEND_M "1s bind shard=s message=m actor=a answer=accepted in=c version=4\n" UNDO_M
                             "3s show device=b.p in=c message=m copy=body version=5\n"},
        {"none", INVARIANT_EARLY_DELETE, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M DELETE_M},
        {"outside: gone at the end", INVARIANT_EARLY_DELETE, VERDICT_HELD, 1, 0,
         PEOPLE "1s invoke op=1 device=a.p do=send in=c message=m\n" OUT_DELETE
                "3s ack op=1 device=a.p\n" VIEWS("-", "-") END},
        {"outside: readable at the end", INVARIANT_EARLY_DELETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE "1s invoke op=1 device=a.p do=send in=c message=m\n" OUT_DELETE "3s ack op=1 device=a.p\n"
                "3s show device=b.p in=c message=m copy=body\n" VIEWS("-", "c/m") END},
    };
    RUN(rows);
}

static void cursor_complete(void)
{
    static const struct check_row rows[] = {
        {"applied", INVARIANT_CURSOR_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4") HIDE_M
         "3s view device=b.p shown=- cursor=1 epoch=1\n"},
        {"passed and not applied", INVARIANT_CURSOR_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete",
                                           "4") "3s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"},
        {"not passed yet", INVARIANT_CURSOR_COMPLETE, VERDICT_VACUOUS, 0, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete",
                                           "4") "3s view device=b.p shown=c/m@3 cursor=0 epoch=1\n"},
        {"undone below the cursor", INVARIANT_CURSOR_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_M LOG("b", "1", "delete", "4")
             HIDE_M UNDO_M LOG("b", "2", "undo", "5") "3s show device=b.p in=c message=m copy=body version=5\n3s view "
                                                      "device=b.p shown=c/m@5 cursor=2 epoch=1\n"},
        {"a snapshot knows of the undo already", INVARIANT_CURSOR_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") UNDO_M
         "3s install device=b.p epoch=1 position=1 generation=1\n"
         "3s show device=b.p in=c message=m copy=body version=5\n3s view device=b.p shown=c/m@5 cursor=1 epoch=1\n"},
        {"a conversation's", INVARIANT_CURSOR_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M DELETE_C LOG_C("b", "1", "delete-conversation",
                                             "4") "3s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"},
        {"an eviction", INVARIANT_CURSOR_COMPLETE, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M SHOW_M LOG_C("b", "1", "evict", "4") "3s view device=b.p shown=c/m@3 cursor=1 epoch=1\n"},
        {"evicted and back", INVARIANT_CURSOR_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M SHOW_M LOG_C("b", "1", "evict", "4")
             LOG_C("b", "2", "join", "5") "3s view device=b.p shown=c/m@3 cursor=2 epoch=1\n"},
        {"an own pending copy is no matter", INVARIANT_CURSOR_COMPLETE, VERDICT_HELD, 1, 0,
         PEOPLE "1s show device=a.p in=c message=m copy=body pending\n" LOG_C(
             "a", "1", "delete-conversation", "4") "3s view device=a.p shown=c/m cursor=1 epoch=1\n"},
    };
    RUN(rows);
}

#define SYNC(answer, cursor, generation, epoch)                                             \
    PEOPLE LOG("b", "9", "send", "3") "3s sync device=b.p answer=" answer " cursor=" cursor \
                                      " head=9 horizon=5 current=1 generation=" generation " epoch=" epoch "\n"

static void stale_cursor(void)
{
    static const struct check_row rows[] = {
        {"in range", INVARIANT_STALE_CURSOR_RESETS, VERDICT_VACUOUS, 0, 0, SYNC("delta", "5", "1", "1")},
        {"below the horizon, reset", INVARIANT_STALE_CURSOR_RESETS, VERDICT_HELD, 1, 0, SYNC("reset", "4", "1", "1")},
        {"below the horizon, delta", INVARIANT_STALE_CURSOR_RESETS, VERDICT_VIOLATED, 1, 0,
         SYNC("delta", "4", "1", "1")},
        {"ahead of the head", INVARIANT_STALE_CURSOR_RESETS, VERDICT_VIOLATED, 1, 0, SYNC("delta", "10", "1", "1")},
        {"another generation", INVARIANT_STALE_CURSOR_RESETS, VERDICT_VIOLATED, 1, 0, SYNC("head", "6", "0", "1")},
        {"another generation, retired", INVARIANT_STALE_CURSOR_RESETS, VERDICT_HELD, 1, 0,
         SYNC("retire", "6", "0", "1")},
    };
    RUN(rows);
}

#define APPLIED "3s cursor device=b.p epoch=1 position=1\n3s cursor device=b.l epoch=1 position=1\n"
#define PURGED                                                                                           \
    PEOPLE SEND_M DELETE_M LOG("b", "1", "delete", "4") "40s purging in=c version=4 shard=s message=m\n" \
                                                        "40s purge in=c version=5 shard=s message=m\n"
#define REAP "41s reap in=c version=4 shard=s message=m\n"

static void tombstones_outlive(void)
{
    static const struct check_row rows[] = {
        {"reaped when all applied", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0, PURGED APPLIED REAP},
        {"reaped too early", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_VIOLATED, 1, 0,
         PURGED "3s cursor device=b.p epoch=1 position=1\n" REAP},
        {"a fenced device does not count", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PURGED "3s cursor device=b.p epoch=1 position=1\n4s fence device=b.l generation=2\n" REAP},
        {"truncated when all applied", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PURGED APPLIED "41s truncate user=b epoch=1 horizon=1\n"},
        {"truncated too early", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_VIOLATED, 2, 0,
         PURGED "41s truncate user=b epoch=1 horizon=1\n"},
        {"a device in a reset is pinned elsewhere", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_HELD, 1, 0,
         PURGED "3s cursor device=b.p epoch=1 position=1\n"
                "4s sync device=b.l answer=reset cursor=0 head=1 horizon=0 generation=1 current=2\n"
                "41s truncate user=b epoch=1 horizon=1\n"},
        {"neither", INVARIANT_TOMBSTONE_OUTLIVES_READERS, VERDICT_VACUOUS, 0, 0, PURGED},
    };
    RUN(rows);
}

static void closed_conversation(void)
{
    static const struct check_row rows[] = {
        {"refused", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         PEOPLE DELETE_C "3s reject op=6 do=send shard=s why=conversation-deleted in=c\n"},
        {"accepted", INVARIANT_CLOSED_CONVERSATION, VERDICT_VIOLATED, 1, 0,
         PEOPLE DELETE_C "3s commit op=6 do=send shard=s version=5 device=b.p in=c message=n actor=b\n"},
        {"accepted after the undo", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         PEOPLE DELETE_C UNDO_C "3s commit op=6 do=send shard=s version=6 device=b.p in=c message=n actor=b\n"},
        {"a deletion inside it", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M DELETE_C "3s commit op=6 do=delete shard=s version=5 device=a.p in=c message=m actor=a\n"},
        {"no deletion", INVARIANT_CLOSED_CONVERSATION, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M},
        {"outside: refused", INVARIANT_CLOSED_CONVERSATION, VERDICT_HELD, 1, 0,
         PEOPLE
         "2s invoke op=2 device=a.p do=delete-conversation in=c\n2s ack op=2 device=a.p\n"
         "3s invoke op=3 device=b.p do=send in=c message=n\n3s refuse op=3 device=b.p why=conversation-deleted\n"},
        {"outside: accepted", INVARIANT_CLOSED_CONVERSATION, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s invoke op=2 device=a.p do=delete-conversation in=c\n2s ack op=2 device=a.p\n"
                "3s invoke op=3 device=b.p do=send in=c message=n\n3s ack op=3 device=b.p\n"},
        {"outside: too near to tell", INVARIANT_CLOSED_CONVERSATION, VERDICT_UNKNOWN, 0, 1000000,
         PEOPLE "2s invoke op=2 device=a.p do=delete-conversation in=c\n2s ack op=2 device=a.p\n"
                "3s invoke op=3 device=b.p do=send in=c message=n\n3s ack op=3 device=b.p\n"},
    };
    RUN(rows);
}

static void notice_reaches(void)
{
    static const struct check_row rows[] = {
        {"all members hear", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M DELETE_M LOG("a", "1", "delete", "4") LOG("b", "1", "delete", "4")},
        {"one does not", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M DELETE_M LOG("a", "1", "delete", "4") AGE END},
        {"not yet", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_UNKNOWN, 0, 0, PEOPLE SEND_M DELETE_M END},
        {"the removed one is told", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_VIOLATED, 2, 0,
         PEOPLE "2s member conversation=c user=b role=none version=4\n"
                "2s commit op=7 do=remove shard=s version=4 device=a.p in=c actor=a subject=b\n" LOG_C(
                    "a", "1", "member", "4") AGE END},
        {"who joined later is not owed it", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M DELETE_M LOG("a", "1", "delete", "4")
             LOG("b", "1", "delete", "4") "3s member conversation=c user=d role=member version=9\n"},
        {"nothing to tell", INVARIANT_NOTICE_REACHES_MEMBERS, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M},
    };
    RUN(rows);
}

#define BY_B "2s commit op=2 do=delete shard=s version=4 device=b.p in=c message=m actor=b\n"

static void authority(void)
{
    static const struct check_row rows[] = {
        {"the author", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0, PEOPLE SEND_M DELETE_M},
        {"an owner", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE "0 member conversation=c user=b role=owner version=3\n" SEND_M
                "2s commit op=2 do=delete shard=s version=4 device=b.p in=c message=m actor=b\n"},
        {"a moderator, and nobody said that they may not", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE "0 member conversation=c user=b role=moderator version=3\n" SEND_M BY_B},
        {"a moderator, where moderators may", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE
         "0 rule in=c do=delete role=moderator\n0 member conversation=c user=b role=moderator version=3\n" SEND_M BY_B},
        {"a moderator, where owners may", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE
         "0 rule in=c do=delete role=owner\n0 member conversation=c user=b role=moderator version=3\n" SEND_M BY_B},
        {"an owner, where nobody may", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 rule in=c do=delete role=none\n0 member conversation=c user=b role=owner version=3\n" SEND_M BY_B},
        {"who was a moderator", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 member conversation=c user=b role=moderator version=3\n" SEND_M
                "1s member conversation=c user=b role=member version=4\n" BY_B},
        {"a member removes another", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s commit op=2 do=remove shard=s version=4 device=b.p in=c subject=a actor=b\n"},
        {"a moderator removes a member", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE "0 member conversation=c user=b role=moderator version=3\n"
                "2s commit op=2 do=remove shard=s version=4 device=b.p in=c subject=a actor=b\n"},
        {"a moderator removes an owner", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 member conversation=c user=b role=moderator version=3\n"
                "0 member conversation=c user=a role=owner version=3\n"
                "2s commit op=2 do=remove shard=s version=4 device=b.p in=c subject=a actor=b\n"},
        {"a member promotes another", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s commit op=2 do=set-role shard=s version=4 device=b.p in=c subject=a role=owner actor=b\n"},
        {"a member adds where moderators do", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 rule in=c do=add role=moderator\n"
                "2s commit op=2 do=add shard=s version=4 device=b.p in=c subject=z role=member actor=b\n"},
        {"a member deletes the conversation where owners do", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE
         "0 rule in=c do=delete-conversation role=owner\n2s commit op=2 do=delete-conversation shard=s version=4 "
         "device=b.p in=c actor=b\n"},
        {"another member", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "2s commit op=2 do=delete shard=s version=4 device=b.p in=c message=m actor=b\n"},
        {"of another conversation", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "0 member conversation=d user=a role=owner version=1\n" SEND_M
                "2s commit op=2 do=delete shard=s version=4 device=a.p in=d message=m actor=a\n"},
        {"no longer a member", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M "1s member conversation=c user=a role=none version=4\n" DELETE_M},
        {"a stranger deletes the conversation", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "2s commit op=2 do=delete-conversation shard=s version=4 in=c actor=z\n"},
        {"a stranger's early deletion is bound", INVARIANT_AUTHORITY, VERDICT_VIOLATED, 1, 0,
         PEOPLE "1s early op=2 shard=s message=m actor=b in=c device=b.p\n" SEND_M
                "1s bind shard=s message=m actor=b answer=accepted in=c version=3\n"},
        {"a refusal", INVARIANT_AUTHORITY, VERDICT_HELD, 1, 0,
         PEOPLE SEND_M "2s reject op=2 do=delete shard=s why=not-permitted in=c message=m\n"},
        {"no decision", INVARIANT_AUTHORITY, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M},
    };
    RUN(rows);
}

#define PURGING(at, version) at " purging in=c version=" version " shard=s message=m\n"

static void undo_is_atomic(void)
{
    static const struct check_row rows[] = {
        {"an undo in time", INVARIANT_UNDO_IS_ATOMIC, VERDICT_HELD, 1, 0, PEOPLE SEND_M DELETE_M UNDO_M},
        {"an undo of another deletion", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M "3s commit op=3 do=undo shard=s version=5 in=c message=m actor=a undoes=3\n"},
        {"an undo of what is live", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M UNDO_M},
        {"an undo after the deadline", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M "31s commit op=3 do=undo shard=s version=5 in=c message=m actor=a undoes=4\n"},
        {"an undo after the purge began", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M DELETE_M PURGING(
             "30s", "4") "29s commit op=3 do=undo shard=s version=5 in=c message=m actor=a undoes=4\n"},
        {"a purge in time", INVARIANT_UNDO_IS_ATOMIC, VERDICT_HELD, 2, 0,
         PEOPLE SEND_M DELETE_M PURGING("30s", "4") "30s purge in=c version=5 shard=s message=m\n"},
        {"a purge inside the window", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 1, 0,
         PEOPLE SEND_M DELETE_M PURGING("10s", "4")},
        {"a purge of what is live", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VIOLATED, 2, 0,
         PEOPLE SEND_M DELETE_M UNDO_M PURGING("30s", "4")},
        {"a clock that was moved tells no time", INVARIANT_UNDO_IS_ATOMIC, VERDICT_HELD, 1, 0,
         PEOPLE "0 fault fault=clock\n" SEND_M DELETE_M PURGING("10s", "4")},
        {"neither", INVARIANT_UNDO_IS_ATOMIC, VERDICT_VACUOUS, 0, 0, PEOPLE SEND_M DELETE_M},
    };
    RUN(rows);
}

#define RECEIVE(incarnation, number) "3s receive shard=s source=t incarnation=" incarnation " number=" number "\n"

static void duplicate_safe(void)
{
    static const struct check_row rows[] = {
        {"recognised", INVARIANT_DUPLICATE_SAFE, VERDICT_HELD, 1, 0, PEOPLE SEND_M "2s duplicate op=1 shard=s\n"},
        {"an entry that came again and was ignored", INVARIANT_DUPLICATE_SAFE, VERDICT_HELD, 1, 0,
         RECEIVE("1", "1") "2s repeat shard=s source=t incarnation=1 number=1\n"},
        {"executed twice", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0, PEOPLE SEND_M SEND_M},
        {"an entry twice", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0, RECEIVE("1", "1") RECEIVE("1", "1")},
        {"an entry left out", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0, RECEIVE("1", "1") RECEIVE("1", "3")},
        {"an old incarnation", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0, RECEIVE("2", "1") RECEIVE("1", "1")},
        {"a position twice", INVARIANT_DUPLICATE_SAFE, VERDICT_VIOLATED, 1, 0,
         PEOPLE "3s cursor device=b.p epoch=1 position=1\n3s cursor device=b.p epoch=1 position=1\n"},
        {"in order", INVARIANT_DUPLICATE_SAFE, VERDICT_VACUOUS, 0, 0,
         RECEIVE("1", "1") RECEIVE("1", "2") RECEIVE("2", "1")},
    };
    RUN(rows);
}

int suite_check_decisions(void)
{
    CU_pSuite suite = CU_add_suite("check_decisions", NULL, NULL);
    bool made = suite && CU_add_test(suite, "early-delete", early_delete) &&
                CU_add_test(suite, "cursor-complete", cursor_complete) &&
                CU_add_test(suite, "stale-cursor-resets", stale_cursor) &&
                CU_add_test(suite, "tombstone-outlives-readers", tombstones_outlive) &&
                CU_add_test(suite, "closed-conversation", closed_conversation) &&
                CU_add_test(suite, "notice-reaches-members", notice_reaches) &&
                CU_add_test(suite, "authority", authority) && CU_add_test(suite, "undo-is-atomic", undo_is_atomic) &&
                CU_add_test(suite, "duplicate-safe", duplicate_safe);
    return made ? 0 : -1;
}
