/*
 * test_disk.c: a simulated disk by itself: what a sync keeps, what a cut of the power may take, how a fault is counted.
 */
#include "sim/disk.h"

#include <CUnit/CUnit.h>
#include <string.h>

#define TRIES 400U
#define BLOCK (4 * DISK_SECTOR_BYTES)

static struct disk *disk;

static void begin(uint64_t seed)
{
    disk_free(disk);
    disk = disk_new(rng_fork(seed, "disk"));
}

static void end(void)
{
    disk_free(disk);
    disk = NULL;
}

static struct disk_file *make(const char *name)
{
    struct disk_file *file = disk_create(disk, name);
    disk_sync_directory(disk);
    return file;
}

static void fill(struct disk_file *file, uint64_t at, size_t size, unsigned char with)
{
    unsigned char bytes[BLOCK];
    memset(bytes, with, sizeof bytes);
    disk_write(disk, file, at, bytes, size);
}

static unsigned char byte_at(const char *name, uint64_t at)
{
    unsigned char byte = 0;
    struct disk_file *file = disk_find(disk, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    disk_read(file, at, &byte, 1);
    return byte;
}

static void test_what_was_synced_stays(void)
{
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        begin(seed);
        struct disk_file *file = make("a");
        fill(file, 0, BLOCK, 1);
        disk_sync(disk, file);
        disk_cut_power(disk, DISK_KEEP_DRAWN);
        CU_ASSERT_EQUAL_FATAL(disk_size(disk_find(disk, "a")), BLOCK);
        for (uint64_t at = 0; at < BLOCK; at += 100)
            CU_ASSERT_EQUAL(byte_at("a", at), 1);
    }
    end();
}

static void test_the_end_of_a_process_loses_nothing(void)
{
    begin(1);
    fill(disk_create(disk, "a"), 0, 10, 7);
    uint32_t life = disk_life(disk);
    disk_kill(disk);
    CU_ASSERT_EQUAL(byte_at("a", 9), 7);
    CU_ASSERT_EQUAL(disk_life(disk), life + 1);
    end();
}

/* Each of two writes over the same sectors may be kept or not, sector by sector, in any combination. */
static void test_a_cut_keeps_any_subset_and_tears_at_sectors_only(void)
{
    unsigned seen[3] = {0}, torn = 0, later_without_earlier = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        begin(seed);
        struct disk_file *file = make("a");
        fill(file, 0, BLOCK, 1);
        disk_sync(disk, file);
        fill(file, 0, BLOCK, 2);
        fill(file, DISK_SECTOR_BYTES, BLOCK - DISK_SECTOR_BYTES, 3);
        disk_cut_power(disk, DISK_KEEP_SOME);
        unsigned char first = byte_at("a", 0), other = byte_at("a", DISK_SECTOR_BYTES);
        for (uint64_t at = 0; at < BLOCK; at++)
            CU_ASSERT_EQUAL_FATAL(byte_at("a", at), byte_at("a", at - at % DISK_SECTOR_BYTES));
        for (uint64_t sector = 0; sector < 4; sector++) {
            unsigned char found = byte_at("a", sector * DISK_SECTOR_BYTES);
            CU_ASSERT_FATAL(found >= 1 && found <= (sector ? 3 : 2));
            seen[found - 1]++;
            torn += found != other && sector > 0;
        }
        later_without_earlier += first == 1 && other == 3;
    }
    CU_ASSERT(seen[0] > 50 && seen[1] > 50 && seen[2] > 50);
    CU_ASSERT(torn > 50);
    CU_ASSERT(later_without_earlier > 20);
    end();
}

static void test_none_all_and_a_prefix_are_what_they_say(void)
{
    unsigned prefixes = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        enum disk_keep keep = DISK_KEEP_NONE + seed % 3;
        begin(seed);
        struct disk_file *file = make("a");
        for (unsigned char i = 0; i < 4; i++)
            fill(file, i * (uint64_t)DISK_SECTOR_BYTES, DISK_SECTOR_BYTES, (unsigned char)(i + 1));
        disk_cut_power(disk, keep);
        size_t size = disk_size(disk_find(disk, "a"));
        CU_ASSERT(keep != DISK_KEEP_NONE || size == 0);
        CU_ASSERT(keep != DISK_KEEP_ALL || size == BLOCK);
        for (uint64_t at = 0; at < size; at += DISK_SECTOR_BYTES)
            CU_ASSERT_EQUAL(byte_at("a", at), at / DISK_SECTOR_BYTES + 1);
        prefixes += size > 0 && size < BLOCK;
    }
    CU_ASSERT(prefixes > 20);
    end();
}

static void test_a_longer_file_may_come_without_its_bytes(void)
{
    unsigned garbage = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        begin(seed);
        struct disk_file *file = make("a");
        fill(file, 0, BLOCK, 9);
        disk_cut_power(disk, DISK_KEEP_SOME);
        file = disk_find(disk, "a");
        for (uint64_t at = 0; at < disk_size(file); at += DISK_SECTOR_BYTES)
            garbage += byte_at("a", at) != 9 && byte_at("a", at) != 0;
    }
    CU_ASSERT(garbage > 20);
    end();
}

/* A name that is removed, or new, is so for ever once the directory is synced; before, either. */
static void test_names_are_durable_with_their_directory(void)
{
    unsigned back = 0, gone = 0, replaced = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        begin(seed);
        struct disk_file *file = make("a");
        fill(file, 0, 10, 1);
        disk_sync(disk, file);
        disk_remove(disk, file);
        CU_ASSERT_PTR_NULL(disk_find(disk, "a"));
        if (seed % 2) {
            struct disk_file *next = disk_create(disk, "a");
            fill(next, 0, 10, 2);
            disk_sync(disk, next);
        }
        disk_cut_power(disk, DISK_KEEP_DRAWN);
        if (!disk_find(disk, "a"))
            gone++;
        else if (byte_at("a", 0) == 1)
            back++;
        else
            replaced++;
        begin(seed);
        disk_remove(disk, make("b"));
        disk_sync_directory(disk);
        disk_create(disk, "c");
        disk_sync_directory(disk);
        disk_cut_power(disk, DISK_KEEP_DRAWN);
        CU_ASSERT_PTR_NULL(disk_find(disk, "b"));
        CU_ASSERT_PTR_NOT_NULL(disk_find(disk, "c"));
    }
    CU_ASSERT(back > 20 && gone > 20 && replaced > 20);
    end();
}

static void test_a_file_outlives_its_name_while_it_is_held(void)
{
    begin(1);
    struct disk_file *file = make("a");
    disk_hold(file);
    fill(file, 0, 10, 5);
    disk_remove(disk, file);
    unsigned char byte = 0;
    CU_ASSERT_EQUAL(disk_read(file, 3, &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 5);
    disk_let_go(disk, file);
    end();
}

static void test_equal_luck_has_equal_ends(void)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        unsigned char found[2][BLOCK];
        for (int turn = 0; turn < 2; turn++) {
            begin(seed);
            struct disk_file *file = make("a");
            fill(file, 0, BLOCK, 1);
            fill(file, 100, 700, 2);
            disk_cut_power(disk, DISK_KEEP_DRAWN);
            disk_read(disk_find(disk, "a"), 0, found[turn], BLOCK);
        }
        CU_ASSERT_EQUAL(memcmp(found[0], found[1], BLOCK), 0);
    }
    end();
}

/* ---- faults ---- */

static void test_a_fault_counts_down_its_calls(void)
{
    begin(1);
    struct disk_fault fault = {
        .trouble = DISK_IO_ERROR, .calls = 1U << DISK_WRITE | 1U << DISK_SYNC, .at = 3, .times = 2, .tag = 9};
    CU_ASSERT(disk_plan(disk, &fault));
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_FINE);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_READ), DISK_FINE); /* does not count */
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_SYNC), DISK_FINE);
    CU_ASSERT_EQUAL(disk_struck(disk, 9, false), 0);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_SYNC), DISK_IO_ERROR);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_IO_ERROR);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_FINE);
    CU_ASSERT_EQUAL(disk_struck(disk, 9, true), 2);
    CU_ASSERT_EQUAL(disk_calls(disk, DISK_WRITE), 3);
    end();
}

static void test_a_fault_without_end_goes_on_until_forgotten(void)
{
    begin(1);
    struct disk_fault full = {.trouble = DISK_NO_ROOM, .calls = 1U << DISK_WRITE, .at = 1, .tag = 1};
    struct disk_fault slow = {.trouble = DISK_SLOW, .calls = 1U << DISK_WRITE, .at = 1, .tag = 2, .wait_us = 5};
    CU_ASSERT(disk_plan(disk, &full) && disk_plan(disk, &slow));
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_NO_ROOM);
    CU_ASSERT_EQUAL(disk_waited_us(disk), 50);
    CU_ASSERT_EQUAL(disk_struck(disk, 1, true), 10);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_FINE);
    CU_ASSERT_EQUAL(disk_struck(disk, 2, true), 11);
    end();
}

static void test_after_the_power_is_cut_every_call_fails(void)
{
    begin(1);
    struct disk_fault fault = {.trouble = DISK_POWER, .calls = 1U << DISK_SYNC, .at = 1, .times = 1, .tag = 1};
    CU_ASSERT(disk_plan(disk, &fault));
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_WRITE), DISK_FINE);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_SYNC), DISK_POWER);
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_READ), DISK_POWER);
    CU_ASSERT(disk_is_down(disk));
    disk_cut_power(disk, DISK_KEEP_NONE);
    CU_ASSERT(!disk_is_down(disk));
    CU_ASSERT_EQUAL(disk_strike(disk, DISK_SYNC), DISK_FINE);
    end();
}

static void test_machines_share_power_and_meter(void)
{
    struct disk_meter meter = {.at = 4};
    struct disk_power powers[2] = {{.meter = &meter}, {.meter = &meter}};
    struct disk *disks[3];
    for (int i = 0; i < 3; i++) { /* two disks of one machine, one of another */
        disks[i] = disk_new(rng_fork(1, "disk"));
        disk_join(disks[i], &powers[i / 2]);
    }
    CU_ASSERT_EQUAL(disk_strike(disks[0], DISK_WRITE), DISK_FINE);
    CU_ASSERT_EQUAL(disk_strike(disks[0], DISK_READ), DISK_FINE); /* changes nothing */
    CU_ASSERT_EQUAL(disk_strike(disks[2], DISK_SYNC), DISK_FINE);
    disk_arm(disks[1], false);
    CU_ASSERT_EQUAL(disk_strike(disks[1], DISK_WRITE), DISK_FINE);
    disk_arm(disks[1], true);
    CU_ASSERT(!disk_point(disks[1]));
    CU_ASSERT_EQUAL(meter.points, 3);
    CU_ASSERT(disk_point(disks[0]));
    CU_ASSERT_EQUAL(disk_strike(disks[1], DISK_READ), DISK_POWER);
    CU_ASSERT_EQUAL(disk_strike(disks[2], DISK_WRITE), DISK_FINE);
    disk_cut_power(disks[0], DISK_KEEP_ALL);
    CU_ASSERT_EQUAL(disk_strike(disks[1], DISK_READ), DISK_FINE);
    for (int i = 0; i < 3; i++)
        disk_free(disks[i]);
}

static void test_who_struck_is_told_once(void)
{
    begin(1);
    uint64_t count;
    struct disk_fault once = {.trouble = DISK_IO_ERROR, .calls = 1U << DISK_WRITE, .at = 2, .times = 1, .tag = 7};
    struct disk_fault lasting = {.trouble = DISK_NO_ROOM, .calls = 1U << DISK_WRITE, .at = 1, .tag = 8};
    CU_ASSERT(disk_plan(disk, &once) && disk_plan(disk, &lasting));
    CU_ASSERT_EQUAL(disk_next_struck(disk, &count), 0);
    for (int i = 0; i < 3; i++)
        disk_strike(disk, DISK_WRITE);
    CU_ASSERT_EQUAL(disk_next_struck(disk, &count), 7);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(disk_next_struck(disk, &count), 8);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_EQUAL(disk_next_struck(disk, &count), 0);
    end();
}

static unsigned differing_bits(const char *name, size_t size, unsigned char from)
{
    unsigned bits = 0;
    for (uint64_t at = 0; at < size; at++)
        for (unsigned bit = 0; bit < 8; bit++)
            bits += ((unsigned)(byte_at(name, at) ^ from) >> bit) & 1U;
    return bits;
}

static void test_a_bit_is_mended_unless_it_was_written_over(void)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        begin(seed);
        struct disk_file *file = make("a");
        fill(file, 0, BLOCK, 1);
        disk_sync(disk, file);
        disk_flip(disk, file, 100, 50);
        CU_ASSERT_EQUAL(differing_bits("a", BLOCK, 1), 1);
        disk_cut_power(disk, DISK_KEEP_DRAWN);
        CU_ASSERT_EQUAL(differing_bits("a", BLOCK, 1), 1);
        if (seed % 2)
            fill(disk_find(disk, "a"), 0, BLOCK, 1);
        disk_mend(disk);
        CU_ASSERT_EQUAL(differing_bits("a", BLOCK, 1), 0);
        disk_cut_power(disk, DISK_KEEP_NONE); /* and on the medium */
        CU_ASSERT_EQUAL(differing_bits("a", BLOCK, 1), 0);
    }
    end();
}

static void test_a_lost_sync_is_on_the_mirror(void)
{
    for (int written_since = 0; written_since < 2; written_since++) {
        begin(1);
        struct disk_file *file = make("a");
        fill(file, 0, BLOCK, 1);
        disk_sync(disk, file);
        fill(file, 0, BLOCK, 2);
        disk_lose_sync(disk, file);
        fill(file, 0, BLOCK, 3); /* of which nobody said anything */
        CU_ASSERT_EQUAL(disk_mend(disk), 0);
        disk_cut_power(disk, DISK_KEEP_NONE);
        CU_ASSERT_EQUAL(byte_at("a", 0), 1);
        if (written_since)
            fill(disk_find(disk, "a"), 0, 1, 4);
        CU_ASSERT_EQUAL(disk_mend(disk), !written_since);
        CU_ASSERT_EQUAL(byte_at("a", 0), written_since ? 4 : 2);
    }
    end();
}

/* ---- probes ---- */

struct found {
    unsigned seen, medium, removed;
    bool secret;
};

static void look(void *ctx, const struct disk_extent *extent)
{
    struct found *found = ctx;
    found->seen += !extent->on_medium;
    found->medium += extent->on_medium;
    found->removed += extent->removed;
    found->secret |= extent->size > 0 && memmem(extent->bytes, extent->size, "secret", 6) != NULL;
}

static void test_a_probe_sees_what_a_file_system_hides(void)
{
    struct found found = {0};
    begin(1);
    struct disk_file *file = make("a");
    disk_write(disk, file, 3, "secret", 6);
    disk_sync(disk, file);
    disk_write(disk, file, 3, "xxxxxx", 6);
    disk_each_extent(disk, look, &found);
    CU_ASSERT(found.seen == 1 && found.medium == 1 && found.secret);
    disk_sync(disk, file);
    found = (struct found){0};
    disk_each_extent(disk, look, &found);
    CU_ASSERT(found.seen == 1 && found.medium == 0 && !found.secret);
    disk_write(disk, file, 3, "secret", 6);
    disk_sync(disk, file);
    disk_remove(disk, file);
    found = (struct found){0};
    disk_each_extent(disk, look, &found);
    CU_ASSERT(found.seen == 0 && found.medium == 1 && found.removed == 1 && found.secret);
    disk_sync_directory(disk);
    found = (struct found){0};
    disk_each_extent(disk, look, &found);
    CU_ASSERT(found.seen + found.medium == 0);
    end();
}

#define TEST(name) CU_add_test(suite, &#name[5], name)

int suite_disk(void);
int suite_disk(void)
{
    CU_pSuite suite = CU_add_suite("disk", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    TEST(test_what_was_synced_stays);
    TEST(test_the_end_of_a_process_loses_nothing);
    TEST(test_a_cut_keeps_any_subset_and_tears_at_sectors_only);
    TEST(test_none_all_and_a_prefix_are_what_they_say);
    TEST(test_a_longer_file_may_come_without_its_bytes);
    TEST(test_names_are_durable_with_their_directory);
    TEST(test_a_file_outlives_its_name_while_it_is_held);
    TEST(test_equal_luck_has_equal_ends);
    TEST(test_a_fault_counts_down_its_calls);
    TEST(test_a_fault_without_end_goes_on_until_forgotten);
    TEST(test_after_the_power_is_cut_every_call_fails);
    TEST(test_machines_share_power_and_meter);
    TEST(test_who_struck_is_told_once);
    TEST(test_a_bit_is_mended_unless_it_was_written_over);
    TEST(test_a_lost_sync_is_on_the_mirror);
    TEST(test_a_probe_sees_what_a_file_system_hides);
    return CUE_SUCCESS;
}
