/*
 * test_shard.c: the rules of PROTOCOL.md that shards keep, one a test, in a town of two shards and three users: user 1
 * with devices 1 and 2, user 2 with device 3, user 3 with device 4. Devices 1, 3 and 4 are connected; 2 is not.
 */
#include "core/decide.h"
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_shard(void);

#define WINDOW (30 * US_PER_S)

static struct town t;
static conv_id conv;

static void begin(void)
{
    town_open(&t, 2);
    for (user_id u = 1; u <= 3; u++)
        town_user(&t, u);
    town_device(&t, 1, 1, false);
    town_device(&t, 2, 1, false);
    town_device(&t, 3, 2, false);
    town_device(&t, 4, 3, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 3);
    town_connect(&t, 1);
    town_connect(&t, 3);
    town_connect(&t, 4);
}

static msg_id said(device_id device)
{
    msg_id m = town_send(&t, device, conv);
    town_settle(&t);
    return m;
}

static uint8_t outcome_of(device_id device, enum operation operation, conv_id c, msg_id target, user_id subject)
{
    town_do(&t, device, operation, c, target, subject);
    town_settle(&t);
    return t.last[NOTE_ANSWERED].outcome;
}

#define ACCEPTED(...) CU_ASSERT_EQUAL(outcome_of(__VA_ARGS__), OUTCOME_ACCEPTED)
#define REFUSED(expected, ...)                                     \
    do {                                                           \
        CU_ASSERT_EQUAL(outcome_of(__VA_ARGS__), OUTCOME_REFUSED); \
        CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, (expected));    \
    } while (0)

static void a_message_reaches_every_member(void)
{
    begin();
    msg_id m = said(1);
    CU_ASSERT(town_reads(&t, 1, m));
    CU_ASSERT(town_reads(&t, 3, m));
    CU_ASSERT(town_reads(&t, 4, m));
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    town_connect(&t, 2);
    CU_ASSERT(town_reads(&t, 2, m));
    town_close(&t);
}

static void a_deletion_reaches_every_member_and_the_one_who_was_away(void)
{
    begin();
    msg_id m = said(1);
    town_disconnect(&t, 4);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT(town_reads(&t, 4, m));
    town_connect(&t, 4);
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    town_close(&t);
}

static void only_the_author_deletes_a_message(void)
{
    begin();
    msg_id m = said(1);
    REFUSED(WHY_NOT_PERMITTED, 3, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT(town_reads(&t, 3, m));
    t.policy.delete_message = 1;
    msg_id theirs = said(3);
    ACCEPTED(1, OPERATION_DELETE, conv, theirs, 0); /* the owner, where policy says so */
    town_close(&t);
}

static void an_undo_inside_the_window_shows_it_again_and_after_it_is_refused(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    ACCEPTED(1, OPERATION_UNDO, conv, m, 0);
    CU_ASSERT(town_reads(&t, 3, m));
    town_advance(&t, 2 * WINDOW); /* U3: the timer of the first deletion does nothing */
    CU_ASSERT(town_reads(&t, 3, m));
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 0);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    town_disconnect(&t, 4); /* keeps the tombstone */
    town_advance(&t, WINDOW);
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1);
    REFUSED(WHY_WINDOW_CLOSED, 1, OPERATION_UNDO, conv, m, 0);
    town_close(&t);
}

static void an_undo_names_the_deletion_that_it_undoes(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    version first = device_deletion(t.devices[1], conv, m);
    ACCEPTED(1, OPERATION_UNDO, conv, m, 0);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    struct device_input late = {.kind = DEVICE_PERSON, .operation = OPERATION_UNDO, .conv = conv, .target = m};
    late.named = first;
    device_step(t.devices[1], &late, &t.out);
    struct wire op = t.out.msgs[0].wire;
    town_shard_msg(&t, town_home(&t, 1), &op, 1, t.sessions[1]);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.last[NOTE_ANSWERED].why, WHY_SUPERSEDED);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    town_close(&t);
}

static void a_tombstone_is_reaped_when_every_device_has_applied_the_purge(void)
{
    begin();
    msg_id m = said(1);
    town_connect(&t, 2);
    town_disconnect(&t, 4);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 0); /* device 4 is away */
    town_connect(&t, 4);
    town_advance(&t, 60 * US_PER_S);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 1);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_WAITS), 0);
    REFUSED(WHY_UNKNOWN_TARGET, 1, OPERATION_DELETE, conv, m, 0);
    town_close(&t);
}

static void logs_are_truncated_below_the_slowest_device(void)
{
    begin();
    said(1);
    size_t kept = town_rows(&t, TABLE_LOG);
    CU_ASSERT(kept > 0); /* device 2 never came */
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LOG), 0);
    town_close(&t);
}

static void a_silent_device_is_fenced_and_must_reset(void)
{
    begin();
    msg_id m = said(1);
    town_connect(&t, 2);
    town_disconnect(&t, 2);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, t.policy.fence_after_us + US_PER_S);
    CU_ASSERT(t.notes[NOTE_FENCE] >= 1);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 1); /* it does not hold the tombstone any longer */
    CU_ASSERT(town_reads(&t, 2, m));
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(t.last[NOTE_SYNC].reset, true);
    CU_ASSERT(t.notes[NOTE_INSTALL] >= 1);
    CU_ASSERT_FALSE(town_reads(&t, 2, m));
    msg_id next = said(3);
    CU_ASSERT(town_reads(&t, 2, next)); /* and its log goes on */
    town_close(&t);
}

static void a_linked_device_starts_by_a_reset(void)
{
    begin();
    msg_id kept = said(1), gone = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, gone, 0);
    town_device(&t, 5, 1, true);
    town_connect(&t, 5);
    CU_ASSERT(town_reads(&t, 5, kept));
    CU_ASSERT_FALSE(town_reads(&t, 5, gone));
    ACCEPTED(1, OPERATION_DELETE, conv, kept, 0);
    CU_ASSERT_FALSE(town_reads(&t, 5, kept));
    town_close(&t);
}

static void a_deleted_conversation_refuses_with_who_and_when(void)
{
    begin();
    msg_id m = said(3);
    ACCEPTED(1, OPERATION_DELETE_CONV, conv, 0, 0);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    REFUSED(WHY_CONVERSATION_DELETED, 3, OPERATION_SEND, conv, 0, 0);
    ACCEPTED(1, OPERATION_UNDO_CONV, conv, 0, 0);
    CU_ASSERT(town_reads(&t, 3, m));
    town_close(&t);
}

static void a_purged_conversation_takes_everything_and_is_reaped(void)
{
    begin();
    town_connect(&t, 2);
    msg_id m = said(3);
    CU_ASSERT(town_reads(&t, 3, m) && town_rows(&t, TABLE_MEMBER) == 3);
    ACCEPTED(1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_advance(&t, WINDOW + 60 * US_PER_S);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CONV), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MEMBER), 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_HOLDS), 0);
    REFUSED(WHY_CONVERSATION_GONE, 3, OPERATION_SEND, conv, 0, 0);
    town_close(&t);
}

static void a_message_and_its_conversation_have_separate_states(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    ACCEPTED(1, OPERATION_DELETE_CONV, conv, 0, 0);
    ACCEPTED(1, OPERATION_UNDO_CONV, conv, 0, 0);
    CU_ASSERT_FALSE(town_reads(&t, 3, m)); /* U6 */
    town_close(&t);
}

static void the_removed_one_hears_of_the_removal(void)
{
    begin();
    msg_id m = said(1);
    CU_ASSERT(town_reads(&t, 4, m));
    ACCEPTED(1, OPERATION_REMOVE, conv, 0, 3);
    CU_ASSERT_FALSE(town_reads(&t, 4, m)); /* M1, M2 */
    CU_ASSERT(town_reads(&t, 3, m));
    REFUSED(WHY_NOT_A_MEMBER, 4, OPERATION_SEND, conv, 0, 0);
    town_close(&t);
}

static void one_who_joins_later_has_what_comes_later(void)
{
    begin();
    ACCEPTED(4, OPERATION_LEAVE, conv, 0, 0);
    msg_id before = said(1);
    ACCEPTED(1, OPERATION_ADD, conv, 0, 3);
    msg_id after = said(1);
    CU_ASSERT_FALSE(town_reads(&t, 4, before));
    CU_ASSERT(town_reads(&t, 4, after));
    town_close(&t);
}

static void an_early_deletion_binds_when_its_target_arrives(void)
{
    begin();
    town_disconnect(&t, 1);
    msg_id m = town_send(&t, 1, conv); /* in the outbox of device 1 */
    town_connect(&t, 2);
    ACCEPTED(2, OPERATION_DELETE, conv, m, 0); /* the same user's other device knows the id */
    CU_ASSERT_EQUAL(t.notes[NOTE_EARLY], 1);
    town_connect(&t, 1);
    CU_ASSERT_EQUAL(t.notes[NOTE_BIND], 1);
    CU_ASSERT_FALSE(town_reads(&t, 1, m));
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EARLY), 0);
    town_close(&t);
}

static void an_early_deletion_by_a_stranger_does_not_bind(void)
{
    begin();
    town_disconnect(&t, 1);
    msg_id m = town_send(&t, 1, conv);
    ACCEPTED(3, OPERATION_DELETE, conv, m, 0);
    town_connect(&t, 1);
    CU_ASSERT_EQUAL(t.last[NOTE_BIND].outcome, OUTCOME_REFUSED);
    CU_ASSERT(town_reads(&t, 4, m));
    CU_ASSERT(town_reads(&t, 3, m)); /* told by the log: DENY */
    town_close(&t);
}

static void a_message_of_another_conversation_is_not_deleted(void)
{
    begin();
    conv_id other = town_conversation(&t, 2, CONV_GROUP, 1, 3);
    msg_id m = said(1);
    REFUSED(WHY_UNKNOWN_TARGET, 1, OPERATION_DELETE, other, m, 0);
    CU_ASSERT(town_reads(&t, 3, m));
    town_close(&t);
}

static void a_repeated_operation_is_executed_once(void)
{
    begin();
    town_do(&t, 1, OPERATION_SEND, conv, 0, 0);
    struct wire op = t.queue[t.queued - 1].wire;
    town_settle(&t);
    unsigned committed = t.notes[NOTE_COMMIT];
    town_shard_msg(&t, town_home(&t, 1), &op, 1, t.sessions[1]);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.notes[NOTE_COMMIT], committed);
    t.policy.flaws = FLAW_BIT(FLAW_DEDUP_WINDOW);
    town_advance(&t, 62 * US_PER_S);
    town_shard_msg(&t, town_home(&t, 1), &op, 1, t.sessions[1]);
    town_settle(&t);
#ifndef NO_FLAWS
    CU_ASSERT_EQUAL(t.notes[NOTE_COMMIT], committed + 1);
#endif
    town_close(&t);
}

static void channels_survive_a_cut(void)
{
    begin();
    t.cut = true;
    msg_id m = said(1);
    town_advance(&t, 60 * US_PER_S);
    t.cut = false;
    town_advance(&t, 30 * US_PER_S);
    CU_ASSERT(town_reads(&t, 1, m) && town_reads(&t, 3, m) && town_reads(&t, 4, m));
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_OUTBOX), 0);
    town_close(&t);
}

static void an_entry_of_a_channel_takes_effect_once_and_in_order(void)
{
    begin();
    struct wire entry = {.kind = WIRE_FANOUT, .user = 1, .entry = ENTRY_SEND, .conv = conv, .target = 77};
    shard_id to = shard_of_user(2, 2); /* user field = sending peer in town_shard_msg */
    struct row in = {.c = {[CHANNEL_IN_source] = 1}};
    if (t.stores[to]->ops->get(t.stores[to], TABLE_CHANNEL_IN, &in) != 0)
        in.c[CHANNEL_IN_number] = 0;
    entry.incarnation = 1;
    entry.number = in.c[CHANNEL_IN_number] + 2; /* a gap */
    unsigned before = t.notes[NOTE_RECEIVE];
    town_shard_msg(&t, to, &entry, 0, 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_RECEIVE], before);
    entry.number--;
    town_shard_msg(&t, to, &entry, 0, 0);
    town_shard_msg(&t, to, &entry, 0, 0);
    CU_ASSERT_EQUAL(t.notes[NOTE_RECEIVE], before + 1);
    town_close(&t);
}

static void a_lost_push_is_noticed_by_the_beat(void)
{
    begin();
    msg_id m = said(1);
    t.lose_to_device = 3; /* the deletion's entries and the answer */
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    town_advance(&t, 2 * t.policy.beat_us);
    CU_ASSERT_FALSE(town_reads(&t, 3, m));
    CU_ASSERT_FALSE(town_reads(&t, 4, m));
    town_close(&t);
}

static void a_crash_before_the_commit_leaves_no_trace(void)
{
    begin();
    size_t messages = town_rows(&t, TABLE_MESSAGE);
    town_do(&t, 1, OPERATION_SEND, conv, 0, 0);
    t.crash_next = true;
    town_settle(&t);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), messages);
    town_connect(&t, 1); /* the outbox sends it again, once */
    town_connect(&t, 3);
    town_connect(&t, 4);
    town_advance(&t, 30 * US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), messages + 1);
    town_close(&t);
}

static void a_shard_resumes_from_its_store(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    town_restart(&t, 0);
    town_restart(&t, 1);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1);
    town_close(&t);
}

static void a_returning_device_is_not_fed_what_is_gone(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_MESSAGE), 1);
    unsigned shown = t.notes[NOTE_SHOW];
    town_connect(&t, 2);
    CU_ASSERT_EQUAL(t.notes[NOTE_SHOW], shown); /* the entry came as VOID */
    town_close(&t);
}

static void a_purge_scrubs_the_logs(void)
{
    begin();
    msg_id m = said(1);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    town_advance(&t, WINDOW + US_PER_S);
    struct store_range log = {.table = TABLE_LOG, .index = INDEX_PRIMARY};
    struct row row;
    CU_ASSERT_EQUAL(store_first(t.stores[town_home(&t, 2)], &log, &row), 0); /* device 2 holds the log */
    for (uint64_t p = 1; p < 20; p++) {
        struct row entry = {.c = {[LOG_user] = 1, [LOG_position] = p}};
        if (t.stores[town_home(&t, 2)]->ops->get(t.stores[town_home(&t, 2)], TABLE_LOG, &entry) == 0)
            CU_ASSERT_EQUAL(entry.body.len, 0);
    }
    town_close(&t);
}

/* Whose text, sealed, can be read: at how many shards is its key? */
static unsigned keys_of(msg_id m)
{
    unsigned found = 0;
    for (shard_id i = 0; i < t.shard_count; i++) {
        struct row key = {.c = {[KEY_id] = m}};
        found += t.vaults[i]->ops->get(t.vaults[i], TABLE_KEY, &key) == 0;
    }
    return found;
}

static void a_purge_destroys_the_keys(void)
{
    begin();
    msg_id m = said(1), kept = said(1);
    CU_ASSERT(keys_of(m) > 0 && keys_of(kept) > 0);
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT(keys_of(m) > 0); /* it can be undone yet */
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(keys_of(m), 0);
    CU_ASSERT(keys_of(kept) > 0);
    ACCEPTED(1, OPERATION_DELETE_CONV, conv, 0, 0);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(keys_of(kept), 0);
    town_close(&t);
}

static void a_large_fan_out_goes_in_chunks_and_keeps_order(void)
{
    begin();
    t.policy.fanout_chunk = 1;
    msg_id m = said(1);
    CU_ASSERT(town_reads(&t, 1, m) && town_reads(&t, 3, m) && town_reads(&t, 4, m));
    ACCEPTED(1, OPERATION_DELETE, conv, m, 0);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_FANOUT), 0);
    CU_ASSERT_FALSE(town_reads(&t, 1, m) || town_reads(&t, 3, m) || town_reads(&t, 4, m));
    town_close(&t);
}

static void hostile_messages_change_nothing(void)
{
    begin();
    size_t answers = town_rows(&t, TABLE_ANSWER), conversations = town_rows(&t, TABLE_CONV);
    uint32_t seed = 12345;
    for (int i = 0; i < 20000; i++) {
        struct wire wire;
        unsigned char *bytes = (unsigned char *)&wire;
        for (size_t b = 0; b < sizeof wire; b++)
            bytes[b] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
        wire.kind = (uint8_t)(seed >> 8) % 20;
        if (wire.kind == WIRE_OP && wire.operation < OPERATION_COUNT)
            wire.operation = 200;
        wire.oldest_op = 0;
        CU_ASSERT_EQUAL(town_shard_msg(&t, town_home(&t, 1), &wire, 1, t.sessions[1]), 0);
        t.queued = 0;
    }
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_ANSWER), answers);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_CONV), conversations);
    town_close(&t);
}

static void an_ack_of_another_epoch_or_generation_does_not_count(void)
{
    begin();
    said(1);
    struct wire ack = {.kind = WIRE_ACK, .device = 3, .epoch = 9, .generation = 1, .position = 1000};
    unsigned accepted = t.notes[NOTE_ACKNOWLEDGED];
    town_shard_msg(&t, town_home(&t, 3), &ack, 3, t.sessions[3]);
    ack.epoch = 1;
    ack.generation = 7;
    town_shard_msg(&t, town_home(&t, 3), &ack, 3, t.sessions[3]);
    ack.generation = 1; /* ahead of the head */
    town_shard_msg(&t, town_home(&t, 3), &ack, 3, t.sessions[3]);
    CU_ASSERT_EQUAL(t.notes[NOTE_ACKNOWLEDGED], accepted);
    town_close(&t);
}

#define TESTS(X)                                                        \
    X(a_message_reaches_every_member)                                   \
    X(a_deletion_reaches_every_member_and_the_one_who_was_away)         \
    X(only_the_author_deletes_a_message)                                \
    X(an_undo_inside_the_window_shows_it_again_and_after_it_is_refused) \
    X(an_undo_names_the_deletion_that_it_undoes)                        \
    X(a_tombstone_is_reaped_when_every_device_has_applied_the_purge)    \
    X(logs_are_truncated_below_the_slowest_device)                      \
    X(a_silent_device_is_fenced_and_must_reset)                         \
    X(a_linked_device_starts_by_a_reset)                                \
    X(a_deleted_conversation_refuses_with_who_and_when)                 \
    X(a_purged_conversation_takes_everything_and_is_reaped)             \
    X(a_message_and_its_conversation_have_separate_states)              \
    X(the_removed_one_hears_of_the_removal)                             \
    X(one_who_joins_later_has_what_comes_later)                         \
    X(an_early_deletion_binds_when_its_target_arrives)                  \
    X(an_early_deletion_by_a_stranger_does_not_bind)                    \
    X(a_message_of_another_conversation_is_not_deleted)                 \
    X(a_repeated_operation_is_executed_once)                            \
    X(channels_survive_a_cut)                                           \
    X(an_entry_of_a_channel_takes_effect_once_and_in_order)             \
    X(a_lost_push_is_noticed_by_the_beat)                               \
    X(a_crash_before_the_commit_leaves_no_trace)                        \
    X(a_shard_resumes_from_its_store)                                   \
    X(a_returning_device_is_not_fed_what_is_gone)                       \
    X(a_purge_scrubs_the_logs)                                          \
    X(a_purge_destroys_the_keys)                                        \
    X(a_large_fan_out_goes_in_chunks_and_keeps_order)                   \
    X(hostile_messages_change_nothing)                                  \
    X(an_ack_of_another_epoch_or_generation_does_not_count)

int suite_shard(void)
{
    CU_pSuite suite = CU_add_suite("shard", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
