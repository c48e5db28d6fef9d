/*
 * device_world.h: one device alone, fed by hand, for the tests of it. A test tells the device what arrives and compares
 * what the step said, as one line of text: first the notes, then the messages it sends. `2.5` is the message of device
 * 2's op 5; `v3` a version.
 */
#ifndef SEXTON_TESTS_DEVICE_WORLD_H
#define SEXTON_TESTS_DEVICE_WORLD_H

#include "core/device.h"

#define SELF 1
#define SESSION 7
#define CONV MAKE_ID(9, 1)
#define OTHER_CONV MAKE_ID(9, 2)
#define MSG(n) MAKE_ID(2, n)
#define OWN(n) MAKE_ID(SELF, n)

struct world {
    struct policy policy;
    struct device *d;
    struct out out;
    uint64_t now_us;
    char text[2048];
};
extern struct world world;

struct find {
    msg_id target;
    struct device_row row;
    bool found;
};

int step(struct device_input in);
void feed(struct wire w);
void said(int line, const char *expected);
struct text text_of(const char *s);
void open_world(flaw_set flaws, bool linked);
void connect_as(uint32_t session);
void welcome(uint64_t head);
void open_joined(flaw_set flaws);
void close_world(void);
struct wire entry_wire(uint64_t position, enum entry entry, msg_id target, version version_);
void entry(uint64_t position, enum entry kind, msg_id target, version version_);
int person(enum operation operation, conv_id conv, msg_id target, const char *body);
void answer(uint32_t op, enum outcome outcome, enum why why, version version_);
struct wire page_wire(uint32_t page, uint32_t pages, enum entry item, msg_id target, version version_);
void page(uint32_t page_, uint32_t pages, enum entry item, msg_id target, version version_);
void reset_to(version as_of, msg_id a, msg_id b);
struct find row_of(msg_id target);
bool readable(msg_id target);
struct device_conv conv_of(void);
void announce_reset(void);
#define SAID(expected) said(__LINE__, expected)

#define TEST(name)  \
    {               \
#name, name \
    }
struct device_test {
    const char *name;
    void (*run)(void);
};
/* A suite of these tests; as a suite's function returns. */
int device_suite(const char *name, const struct device_test *tests, size_t count);

#endif
