/*
 * test_store_purge.c: after a purge the bytes of the texts and of their keys are in no file of any shard.
 *
 * A town of two shards on databases in files. What is to be searched for is read from the tables while it is there: the
 * four words of each key, as SQLite writes them (8 bytes, the highest first), and each sealed text, wherever a row has
 * it. Then every byte of the databases, logs and journals is searched.
 */
#include "tests/store_world.h"
#include "tests/town.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 120U
#define WINDOW (30 * US_PER_S)
#define SECRETS_MAX 4000

static struct town t;
static conv_id conv;
static enum backend backend;

static struct secret {
    msg_id owner;
    size_t size;
    unsigned char bytes[SEALED_BYTES_MAX];
} secrets[SECRETS_MAX];
static size_t secret_count;

static struct store *open_part(enum store_part part, shard_id shard)
{
    char name[64];
    snprintf(name, sizeof name, "%s%u-%d.db", store_part_name(part), shard, (int)backend);
    return world_open(backend, part, name);
}

/* User 1 with device 1 and user 2 with device 2, each on a shard of its own; user 3, with device 3, beside user 1. */
static void begin_town(enum backend kind, uint64_t wipe_within_us)
{
    backend = kind;
    secret_count = 0;
    town_open_on(&t, 2, open_part);
    t.policy.wipe_within_us = wipe_within_us;
    for (user_id u = 1; u <= 3; u++)
        town_user(&t, u);
    for (device_id d = 1; d <= 3; d++)
        town_device(&t, d, d, false);
    conv = town_conversation(&t, 1, CONV_GROUP, 1, 2);
    for (device_id d = 1; d <= 3; d++)
        town_connect(&t, d);
    town_settle(&t);
}

static void end_town(void)
{
    CU_ASSERT_EQUAL(t.failed, 0);
    town_close(&t);
}

/* ---- secrets ---- */

static void keep(msg_id owner, const void *bytes, size_t size)
{
    CU_ASSERT_FATAL(secret_count < SECRETS_MAX && size <= SEALED_BYTES_MAX);
    secrets[secret_count] = (struct secret){.owner = owner, .size = size};
    memcpy(secrets[secret_count++].bytes, bytes, size);
}

static int keep_key(void *ctx, const struct row *row)
{
    (void)ctx;
    for (int k = KEY_k0; k <= KEY_k3; k++) {
        unsigned char word[8];
        for (size_t i = 0; i < sizeof word; i++)
            word[i] = (unsigned char)(row->c[k] >> (8 * (sizeof word - 1 - i)));
        if (row->c[k] >> 48) /* shorter numbers take fewer bytes, and occur by chance */
            keep(row->c[KEY_id], word, sizeof word);
    }
    return 0;
}

static int keep_message(void *ctx, const struct row *row)
{
    (void)ctx;
    if (row->body.len)
        keep(row->c[MESSAGE_id], row->body.bytes, row->body.len);
    return 0;
}

static int keep_entry(void *ctx, const struct row *row)
{
    (void)ctx;
    if (row->body.len)
        keep(row->c[LOG_target], row->body.bytes, row->body.len);
    return 0;
}

static int keep_blob(void *ctx, const struct row *row)
{
    (void)ctx;
    keep(row->c[BLOB_id], row->body.bytes, row->body.len);
    return 0;
}

static void scan_all(struct store *of, enum store_table table, store_visit *visit)
{
    struct store_range all = {.table = table, .index = INDEX_PRIMARY};
    CU_ASSERT_EQUAL(of->ops->scan(of, &all, visit, NULL), 0);
}

static void keep_secrets(void)
{
    for (shard_id s = 0; s < t.shard_count; s++) {
        scan_all(t.vaults[s], TABLE_KEY, keep_key);
        scan_all(t.stores[s], TABLE_MESSAGE, keep_message);
        scan_all(t.stores[s], TABLE_LOG, keep_entry);
        scan_all(t.blobs[s], TABLE_BLOB, keep_blob);
    }
}

/* In how many files is a secret of this message, or (0) of any, found? One shard's, or (UINT32_MAX) all. */
static unsigned found_of(msg_id owner, shard_id of)
{
    static const char *const ends[] = {"", "-wal", "-journal"};
    unsigned found = 0;
    for (shard_id s = 0; s < t.shard_count; s++)
        for (size_t file = 0; file < STORE_PARTS * sizeof ends / sizeof *ends; file++) {
            char name[64];
            size_t size;
            snprintf(name, sizeof name, "%s%u-%d.db%s", store_part_name((enum store_part)(file % STORE_PARTS)), s,
                     (int)backend, ends[file / STORE_PARTS]);
            unsigned char *bytes = of == UINT32_MAX || of == s ? world_read(world_path(name), &size) : NULL;
            for (size_t i = 0; bytes && i < secret_count; i++)
                found += (owner == 0 || secrets[i].owner == owner) &&
                         memmem(bytes, size, secrets[i].bytes, secrets[i].size) != NULL;
            free(bytes);
        }
    return found;
}

/* ---- a purge ---- */

static void purged_bytes_are_in_no_file_of(enum backend kind)
{
    msg_id messages[MESSAGES];
    begin_town(kind, 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        messages[i] = town_send(&t, 1 + i % 2, conv);
        town_settle(&t);
    }
    keep_secrets();
    CU_ASSERT(secret_count >= MESSAGES * 6);
    unsigned unseen = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        unseen += found_of(messages[i], UINT32_MAX) < 6; /* two keys of four words, and a text */
    CU_ASSERT_EQUAL(unseen, 0);
    for (unsigned i = 0; i < MESSAGES; i++)
        if (i % 5) {
            CU_ASSERT_NOT_EQUAL(town_do(&t, 1 + i % 2, OPERATION_DELETE, conv, messages[i], 0), 0);
            town_settle(&t);
        }
    town_advance(&t, WINDOW + US_PER_S);
    unsigned left = 0, live = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        *(i % 5 ? &left : &live) += found_of(messages[i], UINT32_MAX) > 0;
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_EQUAL(live, MESSAGES / 5);
    unsigned wrong = 0;
    for (unsigned i = 0; i < MESSAGES; i++)
        wrong += town_reads(&t, 2, messages[i]) != (i % 5 == 0);
    CU_ASSERT_EQUAL(wrong, 0);

    /* And the whole conversation. */
    CU_ASSERT_NOT_EQUAL(town_do(&t, 1, OPERATION_DELETE_CONV, conv, 0, 0), 0);
    town_settle(&t);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(found_of(0, UINT32_MAX), 0);
    end_town();
}

static void purged_bytes_are_in_no_file(void)
{
    purged_bytes_are_in_no_file_of(BACKEND_WAL);
    purged_bytes_are_in_no_file_of(BACKEND_ROLLBACK);
}

/* Sends one, deletes it, and waits until its purge; keeps its secrets. */
static msg_id purge_one(void)
{
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    keep_secrets();
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(t.last[NOTE_PURGE].target, m);
    return m;
}

static void a_wipe_may_wait_but_a_reaping_does_not(void)
{
    shard_id home;
    begin_town(BACKEND_WAL, 10 * WINDOW);
    home = shard_of_conv(&t.policy, conv, t.shard_count);
    town_disconnect(&t, 2); /* who has not applied it keeps the tombstone */
    msg_id m = purge_one();
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 0);
    CU_ASSERT(found_of(m, home) > 0); /* in the log: this is what the wipe is for */
    town_connect(&t, 2);
    town_settle(&t);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 1);
    CU_ASSERT_EQUAL(found_of(m, home), 0);
    town_advance(&t, 10 * WINDOW);
    CU_ASSERT_EQUAL(found_of(m, UINT32_MAX), 0);
    end_town();
}

static void a_new_life_wipes_what_the_last_one_left(void)
{
    begin_town(BACKEND_WAL, 1000 * WINDOW);
    town_disconnect(&t, 2);
    msg_id m = purge_one();
    CU_ASSERT(found_of(m, UINT32_MAX) > 0);
    town_restart(&t, 0);
    town_restart(&t, 1);
    CU_ASSERT_EQUAL(found_of(m, UINT32_MAX), 0);
    end_town();
}

/* ---- attachments ---- */

#define PHOTOS 60U

/* Device 1 uploads, and with `send` sends a message that refers to it. Returns the upload. */
static msg_id upload(bool send, msg_id *message)
{
    struct device_input in = {.kind = DEVICE_PERSON, .operation = OPERATION_UPLOAD, .conv = conv};
    msg_id id = MAKE_ID(1, device_inspect(t.devices[1]).next_op);
    in.body.len = TEXT_BYTES_MAX;
    memset(in.body.bytes, 'p', TEXT_BYTES_MAX);
    CU_ASSERT_EQUAL(town_input(&t, 1, &in), 0);
    town_settle(&t);
    if (!send)
        return id;
    in.operation = OPERATION_SEND;
    in.blob = id;
    *message = MAKE_ID(1, device_inspect(t.devices[1]).next_op);
    CU_ASSERT_EQUAL(town_input(&t, 1, &in), 0);
    town_settle(&t);
    return id;
}

/* Every third stays, every third is deleted, every third was never sent: and no file has bytes of the last two. */
static void attachments_are_in_no_file_of(enum backend kind)
{
    msg_id uploads[PHOTOS], messages[PHOTOS] = {0};
    begin_town(kind, 0);
    t.policy.orphan_after_us = WINDOW;
    for (unsigned i = 0; i < PHOTOS; i++)
        uploads[i] = upload(i % 3 < 2, &messages[i]);
    keep_secrets();
    unsigned unseen = 0;
    for (unsigned i = 0; i < PHOTOS; i++)
        unseen += found_of(uploads[i], UINT32_MAX) < 6; /* a key of four words, and three parts; some words are short */
    CU_ASSERT_EQUAL(unseen, 0);
    for (unsigned i = 1; i < PHOTOS; i += 3)
        CU_ASSERT_NOT_EQUAL(town_do(&t, 1, OPERATION_DELETE, conv, messages[i], 0), 0);
    town_settle(&t);
    town_advance(&t, WINDOW + US_PER_S);
    unsigned left = 0, live = 0;
    for (unsigned i = 0; i < PHOTOS; i++)
        *(i % 3 ? &left : &live) += found_of(uploads[i], UINT32_MAX) > 0;
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_EQUAL(live, PHOTOS / 3);
    end_town();
}

static void purged_attachments_are_in_no_file(void)
{
    attachments_are_in_no_file_of(BACKEND_ROLLBACK);
    attachments_are_in_no_file_of(BACKEND_WAL);
}

/* ---- a wipe that fails ---- */

static struct store_ops broken;
static int fail_checkpoint(struct store *of)
{
    (void)of;
    return E_IO;
}

static void a_failed_wipe_fails_the_step_after_its_commit(void)
{
    begin_town(BACKEND_MEMORY, 0);
    shard_id home = shard_of_conv(&t.policy, conv, t.shard_count);
    struct store *vault = t.vaults[home];
    const struct store_ops *sound = vault->ops;
    broken = *sound;
    broken.checkpoint = fail_checkpoint;
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    town_do(&t, 1, OPERATION_DELETE, conv, m, 0);
    town_settle(&t);
    vault->ops = &broken;
    town_advance(&t, WINDOW + US_PER_S);
    CU_ASSERT_EQUAL(t.failed, E_IO);
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1); /* committed, and nobody was told */
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 0);
    CU_ASSERT_EQUAL(t.out.msg_count, 0);
    vault->ops = sound;
    t.failed = 0;
    town_restart(&t, home);
    for (device_id d = 1; d <= 2; d++)
        if (!t.sessions[d])
            town_connect(&t, d);
    town_advance(&t, WINDOW);
    CU_ASSERT_EQUAL(t.notes[NOTE_PURGE], 1);
    CU_ASSERT_EQUAL(t.notes[NOTE_REAP], 1);
    end_town();
}

/* ---- evictions ---- */

static int count_key(void *ctx, const struct row *row)
{
    (void)row;
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned keys_at(shard_id shard)
{
    unsigned count = 0;
    struct store_range all = {.table = TABLE_KEY, .index = INDEX_KEY_BY_CONV, .fixed = 1, .given = 1, .key = {conv}};
    CU_ASSERT_EQUAL(t.vaults[shard]->ops->scan(t.vaults[shard], &all, count_key, &count), 0);
    return count;
}

/* Users 1 and 3 on shard 1, user 2 on shard 0: those on the shard that does not order the conversation leave. */
static void the_keys_go_with_the_last_one_who_is_evicted(void)
{
    begin_town(BACKEND_WAL, 0);
    shard_id home = shard_of_conv(&t.policy, conv, t.shard_count), other = 1 - home;
    CU_ASSERT_NOT_EQUAL(town_do(&t, 1, OPERATION_ADD, conv, 0, 3), 0);
    town_settle(&t);
    msg_id m = town_send(&t, 1, conv);
    town_settle(&t);
    keep_secrets();
    CU_ASSERT_EQUAL(keys_at(home), 1);
    CU_ASSERT_EQUAL(keys_at(other), 1);
    user_id stays = home == 1 ? 1 : 2, leaves = home == 1 ? 2 : 3;
    town_do(&t, leaves, OPERATION_LEAVE, conv, 0, 0);
    town_settle(&t);
    if (other == 1) { /* user 1 is still there */
        CU_ASSERT_EQUAL(keys_at(other), 1);
        town_do(&t, 1, OPERATION_LEAVE, conv, 0, 0);
        town_settle(&t);
    }
    CU_ASSERT_EQUAL(keys_at(other), 0);
    CU_ASSERT_EQUAL(keys_at(home), 1);
    CU_ASSERT_EQUAL(found_of(m, other), 0);
    CU_ASSERT(town_reads(&t, stays, m));
    end_town();
}

static const struct named_test tests[] = {
    {"purged_bytes_are_in_no_file", purged_bytes_are_in_no_file},
    {"purged_attachments_are_in_no_file", purged_attachments_are_in_no_file},
    {"a_wipe_may_wait_but_a_reaping_does_not", a_wipe_may_wait_but_a_reaping_does_not},
    {"a_new_life_wipes_what_the_last_one_left", a_new_life_wipes_what_the_last_one_left},
    {"a_failed_wipe_fails_the_step_after_its_commit", a_failed_wipe_fails_the_step_after_its_commit},
    {"the_keys_go_with_the_last_one_who_is_evicted", the_keys_go_with_the_last_one_who_is_evicted},
};

int suite_store_purge(void);
int suite_store_purge(void)
{
    return store_suite("store_purge", tests, sizeof tests / sizeof *tests);
}
