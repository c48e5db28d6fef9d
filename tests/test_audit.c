/* test_audit.c: the audit log that real shards write, read by an auditor who shares no code with them. */
#include "sim/audit_chain.h"
#include "tests/town.h"

#include "core/audit.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_audit(void);

static struct town t;
static conv_id conv;

static struct store *vault_of_conv(void)
{
    return t.vaults[shard_of_conv(&t.policy, conv, 2)];
}

/* Users 1 and 2 in a group; three sends, a deletion and one that is refused: five decisions, and a purge. */
static void begin(void)
{
    town_open(&t, 2);
    for (device_id d = 1; d <= 2; d++) {
        town_user(&t, d);
        town_device(&t, d, d, false);
    }
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 2; d++)
        town_connect(&t, d);
    town_settle(&t);
    for (int i = 0; i < 3; i++)
        town_send(&t, 1, conv);
    town_settle(&t);
    town_do(&t, 1, OPERATION_DELETE, conv, MAKE_ID(1, 1), 0);
    town_do(&t, 2, OPERATION_DELETE, conv, MAKE_ID(1, 2), 0);
    town_settle(&t);
    town_advance(&t, 31 * US_PER_S);
}

static struct audit_chain read_log(void)
{
    struct audit_chain chain;
    CU_ASSERT_EQUAL(audit_chain_read(vault_of_conv(), NULL, NULL, &chain), 0);
    return chain;
}

static void a_log_is_read_as_it_was_written(void)
{
    begin();
    struct audit_chain chain = read_log();
    CU_ASSERT_FALSE(chain.broken);
    CU_ASSERT_EQUAL(chain.rows, 6);
    CU_ASSERT_EQUAL(chain.decisions, 5);
    CU_ASSERT_EQUAL(chain.purges, 1);
    CU_ASSERT_EQUAL(chain.voids, 0);
    CU_ASSERT_EQUAL(chain.turned_away, 0);
    CU_ASSERT_NOT_EQUAL(chain.head[0], 0);
    town_close(&t);
}

static void change(uint64_t seq, int column, uint64_t value)
{
    struct store *vault = vault_of_conv();
    struct row row = {.c = {[AUDIT_one] = 1, [AUDIT_seq] = seq}};
    CU_ASSERT_EQUAL(vault->ops->get(vault, TABLE_AUDIT, &row), 0);
    row.c[column] = value;
    CU_ASSERT_EQUAL(vault->ops->begin(vault), 0);
    CU_ASSERT_EQUAL(vault->ops->put(vault, TABLE_AUDIT, &row), 0);
    CU_ASSERT_EQUAL(vault->ops->commit(vault), 0);
}

static void each_changed_column_breaks_the_chain_at_its_row(void)
{
    for (int column = AUDIT_step; column < AUDIT_COLUMNS; column++) {
        begin();
        change(3, column, 0x5a5a5a5a5a + (uint64_t)column);
        struct audit_chain chain = read_log();
        CU_ASSERT(chain.broken);
        CU_ASSERT_EQUAL(chain.broken_at, 3);
        CU_ASSERT_EQUAL(strncmp(chain.expected, "hash ", 5), 0);
        CU_ASSERT_EQUAL(strncmp(chain.found, "hash ", 5), 0);
        CU_ASSERT_STRING_NOT_EQUAL(chain.expected, chain.found);
        town_close(&t);
    }
}

static void the_number_of_rows_is_told_beside_them(void)
{
    begin();
    struct store *vault = vault_of_conv();
    struct row meta = {.c = {[VAULT_META_key] = VAULT_AUDITS, [VAULT_META_value] = 7}};
    CU_ASSERT_EQUAL(vault->ops->begin(vault), 0);
    CU_ASSERT_EQUAL(vault->ops->put(vault, TABLE_VAULT_META, &meta), 0);
    CU_ASSERT_EQUAL(vault->ops->commit(vault), 0);
    struct audit_chain chain = read_log();
    CU_ASSERT(chain.broken);
    CU_ASSERT_EQUAL(chain.broken_at, 7);
    CU_ASSERT_STRING_EQUAL(chain.expected, "rows: 7");
    CU_ASSERT_STRING_EQUAL(chain.found, "rows: 6");
    town_close(&t);
}

/* Nobody at the door is logged, or whoever knocks could fill the log: they are counted. */
static void strangers_are_counted_and_change_nothing(void)
{
    begin();
    uint32_t session = t.sessions[1], foreign = t.sessions[2];
    struct wire op = {.kind = WIRE_OP, .device = 1, .session = session, .op = 50, .operation = OPERATION_DELETE};
    op.conv = conv;
    op.target = MAKE_ID(1, 2);
    shard_id home = town_home(&t, 1);
    size_t answers = town_rows(&t, TABLE_ANSWER), executed = town_rows(&t, TABLE_EXECUTED);
    struct audit_chain chain, before;
    CU_ASSERT_EQUAL(audit_chain_read(t.vaults[home], NULL, NULL, &before), 0);
    town_shard_msg(&t, home, &op, 1, session + 900); /* another session */
    op.device = 2;
    town_shard_msg(&t, home, &op, 1, session); /* in the name of another device */
    op.device = 1;
    town_shard_msg(&t, home, &op, 77, foreign); /* a device that nobody knows, not connected */
    town_disconnect(&t, 1);
    town_shard_msg(&t, home, &op, 1, session); /* a session that is over */
    CU_ASSERT_EQUAL(audit_chain_read(t.vaults[home], NULL, NULL, &chain), 0);
    CU_ASSERT_EQUAL(chain.turned_away, 4);
    CU_ASSERT_FALSE(chain.broken);
    CU_ASSERT_EQUAL(chain.rows, before.rows);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_ANSWER), answers);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_EXECUTED), executed);
    CU_ASSERT(town_reads(&t, 2, MAKE_ID(1, 2)));
    town_close(&t);
}

int suite_audit(void)
{
    CU_pSuite suite = CU_add_suite("audit", NULL, NULL);
    bool made = suite && CU_add_test(suite, "as-written", a_log_is_read_as_it_was_written) &&
                CU_add_test(suite, "changed", each_changed_column_breaks_the_chain_at_its_row) &&
                CU_add_test(suite, "cut", the_number_of_rows_is_told_beside_them) &&
                CU_add_test(suite, "strangers", strangers_are_counted_and_change_nothing);
    return made ? 0 : -1;
}
