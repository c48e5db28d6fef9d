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
    struct shard_stores stores = {t.stores[s], t.vaults[s], t.blobs[s]};
    struct shard_restore ask = {.shard = s,
                                .shard_count = t.shard_count,
                                .image = image,
                                .now_us = t.now_us,
                                .backup_keep_us = t.policy.backup_keep_us};
    return shard_restore(&stores, &ask, error, 256);
}

static void start_again(shard_id s, uint32_t incarnation)
{
    struct shard_stores stores = {t.stores[s], t.vaults[s], t.blobs[s]};
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

static bool is_member(user_id user, uint64_t *role)
{
    struct row row = {0};
    struct store_range range = {.table = TABLE_MEMBER, .index = INDEX_PRIMARY, .fixed = 2, .given = 2, .reverse = true};
    range.key[0] = conv;
    range.key[1] = user;
    int status = store_first(t.stores[0], &range, &row);
    *role = row.c[MEMBER_role];
    return status == 0 && !row.c[MEMBER_until];
}

static void who_was_removed_since_stays_removed(void)
{
    char error[256];
    uint64_t role;
    begin(1);
    town_do(&t, 1, OPERATION_REMOVE, conv, 0, 2); /* and comes back before the backup: the log's row is not of that */
    town_settle(&t);
    town_do(&t, 1, OPERATION_ADD, conv, 0, 2);
    town_settle(&t);
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    struct store_image *with = backup(0);
    CU_ASSERT_EQUAL(restore(0, with, error), 0);
    start_again(0, 2);
    CU_ASSERT(is_member(2, &role));
    CU_ASSERT(town_reads(&t, 2, m));
    town_do(&t, 2, OPERATION_LEAVE, conv, 0, 0);
    town_settle(&t);
    town_do(&t, 1, OPERATION_ADD, conv, 0, 2); /* after the backup: given, and lost */
    town_settle(&t);
    CU_ASSERT(is_member(2, &role));
    for (uint32_t incarnation = 3; incarnation <= 4; incarnation++) {
        CU_ASSERT_EQUAL(restore(0, with, error), 0);
        start_again(0, incarnation);
        CU_ASSERT(!is_member(2, &role));
        CU_ASSERT(!town_reads(&t, 2, m));
        CU_ASSERT(town_reads(&t, 1, m));
    }
    store_image_free(with);
    town_close(&t);
}

static void set_role(user_id user, uint8_t role)
{
    t.role = role;
    town_do(&t, 1, OPERATION_SET_ROLE, conv, 0, user);
    town_settle(&t);
}

static void a_role_that_was_lost_since_stays_lost(void)
{
    char error[256];
    uint64_t role;
    begin(1);
    set_role(2, ROLE_MODERATOR);
    set_role(2, ROLE_MEMBER);
    set_role(2, ROLE_MODERATOR);
    struct store_image *image = backup(0);
    CU_ASSERT_EQUAL(restore(0, image, error), 0);
    start_again(0, 2);
    CU_ASSERT(is_member(2, &role));
    CU_ASSERT_EQUAL(role, ROLE_MODERATOR); /* what was before the backup is done again in its order */
    set_role(2, ROLE_MEMBER);
    CU_ASSERT_EQUAL(restore(0, image, error), 0);
    start_again(0, 3);
    CU_ASSERT(is_member(2, &role));
    CU_ASSERT_EQUAL(role, ROLE_MEMBER);
    store_image_free(image);
    town_close(&t);
}

static void the_retention_is_the_last_that_was_set(void)
{
    char error[256];
    begin(1);
    struct store_image *image = backup(0);
    msg_id m = town_send(&t, 2, conv);
    town_settle(&t);
    struct store_image *with = backup(0);
    t.period_us = 60 * US_PER_S;
    town_do(&t, 1, OPERATION_SET_RETENTION, conv, 0, 0);
    town_settle(&t);
    for (uint32_t incarnation = 2; incarnation <= 3; incarnation++) {
        CU_ASSERT_EQUAL(restore(0, incarnation == 2 ? with : image, error), 0);
        start_again(0, incarnation);
        struct row row = {.c = {[CONV_id] = conv}};
        CU_ASSERT_EQUAL(t.stores[0]->ops->get(t.stores[0], TABLE_CONV, &row), 0);
        CU_ASSERT_EQUAL(row.c[CONV_retention], t.period_us);
        CU_ASSERT_EQUAL(town_reads(&t, 1, m), incarnation == 2);
        if (incarnation == 2)
            town_advance(&t, 70 * US_PER_S);
        CU_ASSERT(incarnation == 3 || !town_reads(&t, 1, m));
    }
    store_image_free(image);
    store_image_free(with);
    town_close(&t);
}

static uint64_t stored_parts(uint32_t restored)
{
    start_again(0, restored);
    return town_rows(&t, TABLE_BLOB);
}

static void bytes_that_a_restore_lost_go_when_no_backup_has_them(void)
{
    char error[256];
    begin(1);
    t.policy.backup_keep_us = 600 * US_PER_S;
    struct store_image *image = backup(0);
    CU_ASSERT_EQUAL(t.blobs[0]->ops->begin(t.blobs[0]), 0);
    struct row blob = {.c = {[BLOB_id] = MAKE_ID(9, 1), [BLOB_part] = 1, [BLOB_conv] = conv}};
    blob.c[BLOB_version] = VERSION_MAKE(1, 9);
    CU_ASSERT_EQUAL(t.blobs[0]->ops->put(t.blobs[0], TABLE_BLOB, &blob), 0);
    CU_ASSERT_EQUAL(t.blobs[0]->ops->commit(t.blobs[0]), 0);
    CU_ASSERT_EQUAL(restore(0, image, error), 0);
    CU_ASSERT_EQUAL(stored_parts(2), 1);
    CU_ASSERT_EQUAL(stored_parts(2), 1); /* nor by a mere start */
    town_advance(&t, 400 * US_PER_S);
    CU_ASSERT_EQUAL(restore(0, image, error), 0);
    CU_ASSERT_EQUAL(stored_parts(3), 1);
    town_advance(&t, 400 * US_PER_S); /* the first restore's time is over, the second's is not */
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 1);
    town_advance(&t, 400 * US_PER_S);
    CU_ASSERT_EQUAL(town_rows(&t, TABLE_BLOB), 0);
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
        !CU_add_test(suite, "who_was_removed_since_stays_removed", who_was_removed_since_stays_removed) ||
        !CU_add_test(suite, "a_role_that_was_lost_since_stays_lost", a_role_that_was_lost_since_stays_lost) ||
        !CU_add_test(suite, "the_retention_is_the_last_that_was_set", the_retention_is_the_last_that_was_set) ||
        !CU_add_test(suite, "bytes_that_a_restore_lost_go_when_no_backup_has_them",
                     bytes_that_a_restore_lost_go_when_no_backup_has_them) ||
        !CU_add_test(suite, "a_backup_of_another_shard_is_refused", a_backup_of_another_shard_is_refused) ||
        !CU_add_test(suite, "an_intent_without_its_commit_is_dropped", an_intent_without_its_commit_is_dropped))
        return (int)CU_get_error();
    return CUE_SUCCESS;
}
