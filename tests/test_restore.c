/* test_restore.c: shards restored from their backups, over real shards and devices: what stays, what goes, and what is
 * refused. */
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_restore(void);

static struct town t;
static conv_id conv;

static void begin(uint32_t shards)
{
    town_open(&t, shards);
    for (device_id d = 1; d <= 2; d++) {
        town_user(&t, d);
        town_device(&t, d, d, false);
    }
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 2; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static struct store_image *backup(shard_id s)
{
    struct store_image *image = NULL;
    CU_ASSERT_EQUAL_FATAL(t.stores[s]->ops->backup(t.stores[s], &image), 0);
    return image;
}

static int restore(shard_id s, const struct store_image *image, char error[256])
{
    struct shard_stores stores = {t.stores[s], t.vaults[s]};
    struct shard_restore ask = {.shard = s,
                                .shard_count = t.shard_count,
                                .image = image,
                                .now_us = t.now_us,
                                .backup_keep_us = t.policy.backup_keep_us};
    return shard_restore(&stores, &ask, error, 256);
}

static void start_again(shard_id s, uint32_t incarnation)
{
    struct shard_stores stores = {t.stores[s], t.vaults[s]};
    shard_free(t.shards[s]);
    t.shards[s] = shard_new(s, t.shard_count, &stores, &t.policy);
    for (device_id d = 1; d <= 2; d++)
        town_disconnect(&t, d);
    struct shard_input start = {.kind = SHARD_START, .now_us = t.now_us, .incarnation = incarnation};
    CU_ASSERT_EQUAL_FATAL(shard_step(t.shards[s], &start, &t.out), 0);
    t.shard_wake[s] = t.out.wake_at_us;
    for (device_id d = 1; d <= 2; d++)
        town_connect(&t, d);
    town_advance(&t, 5 * US_PER_S);
}

static void a_deletion_of_after_the_backup_stays(void)
{
    char error[256];
    begin(1);
    msg_id before = town_send(&t, 1, conv), kept = town_send(&t, 1, conv);
    town_settle(&t);
    struct store_image *image = backup(0);
    town_do(&t, 1, OPERATION_DELETE, conv, before, 0);
    msg_id after = town_send(&t, 2, conv);
    town_settle(&t);
    CU_ASSERT(town_reads(&t, 1, after));
    CU_ASSERT_EQUAL(restore(0, image, error), 0);
    start_again(0, 2);
    for (device_id d = 1; d <= 2; d++) {
        CU_ASSERT(town_reads(&t, d, kept));
        CU_ASSERT(!town_reads(&t, d, before));
        CU_ASSERT(!town_reads(&t, d, after));
    }
    CU_ASSERT_EQUAL(restore(0, image, error), 0); /* and once more from the same one (B1) */
    start_again(0, 3);
    CU_ASSERT(town_reads(&t, 2, kept));
    CU_ASSERT(!town_reads(&t, 2, before));
    store_image_free(image);
    town_close(&t);
}

static void a_backup_of_another_shard_is_refused(void)
{
    char error[256];
    begin(2);
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    struct store_image *other = backup(1);
    size_t rows = town_rows(&t, TABLE_LOG);
    CU_ASSERT_EQUAL(restore(0, other, error), E_INVALID);
    CU_ASSERT_STRING_EQUAL(error, "found a backup of shard.1 of 2, expected one of shard.0 of 2");
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_LOG), rows);
    CU_ASSERT(town_reads(&t, 2, m));
    store_image_free(other);
    struct store_image *own = backup(0);
    t.now_us += t.policy.backup_keep_us + US_PER_S;
    CU_ASSERT_EQUAL(restore(0, own, error), E_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "backup-keep"));
    t.shard_count = 4;
    CU_ASSERT_EQUAL(restore(0, own, error), E_INVALID);
    t.shard_count = 2;
    store_image_free(own);
    town_close(&t);
}

static void an_intent_without_its_commit_is_dropped(void)
{
    begin(1);
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    struct row row = {.c = {[DELETION_LOG_seq] = 1, [DELETION_LOG_step] = 1000, [DELETION_LOG_target] = m}};
    CU_ASSERT_EQUAL(t.vaults[0]->ops->begin(t.vaults[0]), 0);
    CU_ASSERT_EQUAL(t.vaults[0]->ops->put(t.vaults[0], TABLE_DELETION_LOG, &row), 0);
    CU_ASSERT_EQUAL(t.vaults[0]->ops->commit(t.vaults[0]), 0);
    start_again(0, 1);
    CU_ASSERT_EQUAL(t.vaults[0]->ops->get(t.vaults[0], TABLE_DELETION_LOG, &row), E_NOTFOUND);
    CU_ASSERT(town_reads(&t, 2, m));
    town_close(&t);
}

int suite_restore(void)
{
    CU_pSuite suite = CU_add_suite("restore", NULL, NULL);
    if (!suite || !CU_add_test(suite, "a_deletion_of_after_the_backup_stays", a_deletion_of_after_the_backup_stays) ||
        !CU_add_test(suite, "a_backup_of_another_shard_is_refused", a_backup_of_another_shard_is_refused) ||
        !CU_add_test(suite, "an_intent_without_its_commit_is_dropped", an_intent_without_its_commit_is_dropped))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
