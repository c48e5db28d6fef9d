/*
 * test_codec.c: messages as bytes. Every kind comes back as it was, with each field empty, small and full; and no other
 * bytes than those that a writer makes are read.
 */
#include "core/wire_codec.h"
#include "core/wire_size.h"

#include <CUnit/CUnit.h>
#include <string.h>

int suite_codec(void);

static uint8_t bytes[WIRE_BYTES_MAX + 1];

static struct text text_of(size_t len)
{
    struct text text = {.len = (uint8_t)len};
    memset(text.bytes, 'x', len);
    return text;
}

static bool same(const struct wire *a, const struct wire *b)
{
    bool equal = a->body.len == b->body.len && memcmp(a->body.bytes, b->body.bytes, a->body.len) == 0;
#define WIRE_FIELD(type, name) equal = equal && a->name == b->name;
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    return equal;
}

static void comes_back(const struct wire *w)
{
    struct wire back = {.op = 77};
    int size = wire_encode(w, bytes, sizeof bytes);
    CU_ASSERT_EQUAL((size_t)size, wire_size(w));
    CU_ASSERT_FATAL(size > 0);
    CU_ASSERT_EQUAL(wire_decode(bytes, (size_t)size, &back), 0);
    CU_ASSERT(same(w, &back));
}

/* Reads nothing, and leaves what the caller had. */
static void is_refused(size_t size)
{
    struct wire before = {.kind = WIRE_BEAT, .op = 77}, w = before;
    CU_ASSERT_EQUAL(wire_decode(bytes, size, &w), E_INVALID);
    CU_ASSERT(same(&w, &before));
}

#define BYTES(...)                                    \
    do {                                              \
        static const uint8_t given[] = {__VA_ARGS__}; \
        memcpy(bytes, given, sizeof given);           \
        is_refused(sizeof given);                     \
    } while (0)

static struct wire full(uint8_t kind)
{
    struct wire w = {0};
#define WIRE_FIELD(type, name) w.name = (type)~0ULL;
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
    w.kind = kind;
    w.operation = OPERATION_COUNT - 1;
    w.entry = ENTRY_COUNT - 1;
    w.outcome = OUTCOME_COUNT - 1;
    w.why = WHY_COUNT - 1;
    w.conv_kind = CONV_KIND_COUNT - 1;
    w.role = ROLE_COUNT - 1;
    w.body = text_of(TEXT_BYTES_MAX);
    return w;
}

static void every_kind_comes_back_as_it_was(void)
{
    for (uint8_t kind = WIRE_NONE + 1; kind < WIRE_KIND_COUNT; kind++) {
        struct wire w = {.kind = kind};
        comes_back(&w);
        w = full(kind);
        comes_back(&w);
        w.body.len = 0;
        comes_back(&w);
    }
}

static void each_field_comes_back_alone_at_every_size(void)
{
#define WIRE_FIELD(type, name)                                                  \
    for (unsigned bit = 0; sizeof(type) > 1 && bit < sizeof(type) * 8; bit++) { \
        struct wire w = {.kind = WIRE_HELLO};                                   \
        w.name = (type)(1ULL << bit);                                           \
        comes_back(&w);                                                         \
        w.name = (type)((1ULL << bit) - 1);                                     \
        comes_back(&w);                                                         \
    }
    WIRE_FIELDS(WIRE_FIELD)
#undef WIRE_FIELD
}

static void the_largest_message_fits_and_no_smaller_buffer_takes_it(void)
{
    struct wire w = full(WIRE_KIND_COUNT - 1);
    int size = wire_encode(&w, bytes, WIRE_BYTES_MAX);
    CU_ASSERT_FATAL(size > 0);
    for (size_t cap = 0; cap < (size_t)size; cap++)
        CU_ASSERT_EQUAL(wire_encode(&w, bytes, cap), E_LIMIT);
    CU_ASSERT_EQUAL(wire_encode(&w, bytes, (size_t)size), size);
    w.body.len = TEXT_BYTES_MAX + 1;
    CU_ASSERT_EQUAL(wire_encode(&w, bytes, WIRE_BYTES_MAX), E_INVALID);
}

static void a_message_that_ends_early_or_late_is_refused(void)
{
    struct wire w = full(WIRE_OP), back;
    int size = wire_encode(&w, bytes, WIRE_BYTES_MAX);
    CU_ASSERT_FATAL(size > 0);
    bytes[size] = 1;
    is_refused((size_t)size + 1);
    w.body.len = 0; /* cut between two fields, what is left is a message; anywhere else it is none */
    size = wire_encode(&w, bytes, WIRE_BYTES_MAX);
    for (size_t cut = 0; cut < (size_t)size; cut++)
        if (wire_decode(bytes, cut, &back) == 0)
            CU_ASSERT_EQUAL(wire_size(&back), cut);
    BYTES(1);
    is_refused(0);
}

static void only_the_one_encoding_is_read(void)
{
    BYTES(1, WIRE_HELLO, 1, WIRE_HELLO);                                                  /* a field twice */
    BYTES(1, WIRE_HELLO, 13, 5, 12, 5);                                                   /* out of order */
    BYTES(1, WIRE_HELLO, 13, 0);                                                          /* a zero */
    BYTES(1, WIRE_HELLO, 13, 0x85, 0);                                                    /* more bytes than it needs */
    BYTES(1, WIRE_HELLO, 13, 0xff, 0xff, 0xff, 0xff, 0x1f);                               /* more bits than its field */
    BYTES(1, WIRE_HELLO, 2, 0x80, 0x02);                                                  /* likewise, of one byte */
    BYTES(1, WIRE_HELLO, 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02); /* more than 64 */
    BYTES(1, WIRE_HELLO, 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 1);
    BYTES(1, WIRE_HELLO, 0, 1);   /* no such field */
    BYTES(1, WIRE_HELLO, 254, 1); /* not yet one */
    BYTES(1, 0);                  /* no kind */
    BYTES(2, 1);
}

static void a_word_out_of_its_list_is_refused(void)
{
    BYTES(1, WIRE_KIND_COUNT);
    BYTES(1, WIRE_OP, 2, OPERATION_COUNT);
    BYTES(1, WIRE_FANOUT, 3, ENTRY_COUNT);
    BYTES(1, WIRE_ANSWER, 4, OUTCOME_COUNT);
    BYTES(1, WIRE_ANSWER, 5, WHY_COUNT);
    BYTES(1, WIRE_OP, 6, CONV_KIND_COUNT);
    BYTES(1, WIRE_OP, 7, ROLE_COUNT);
}

static void a_body_is_whole_and_within_its_limit(void)
{
    memset(bytes, 'x', sizeof bytes);
    bytes[0] = 1;
    bytes[1] = WIRE_OP;
    bytes[2] = 0xff;
    bytes[3] = TEXT_BYTES_MAX + 1;
    is_refused(4 + TEXT_BYTES_MAX + 1);
    bytes[3] = 0;
    is_refused(4);
    is_refused(3);
    bytes[3] = 5;
    is_refused(4 + 4);
    is_refused(4 + 6);
    struct wire w;
    CU_ASSERT_EQUAL(wire_decode(bytes, 4 + 5, &w), 0);
    CU_ASSERT_EQUAL(w.body.len, 5);
}

/* A younger server's log: the position of what is not known counts all the same. */
static void an_unknown_kind_of_entry_is_let_through_in_a_log_alone(void)
{
    struct wire w = {.kind = WIRE_ENTRY, .entry = ENTRY_COUNT + 9, .position = 4};
    comes_back(&w);
    w.kind = WIRE_RESET_PAGE;
    is_refused((size_t)wire_encode(&w, bytes, sizeof bytes));
}

#define TESTS(X)                                               \
    X(every_kind_comes_back_as_it_was)                         \
    X(each_field_comes_back_alone_at_every_size)               \
    X(the_largest_message_fits_and_no_smaller_buffer_takes_it) \
    X(a_message_that_ends_early_or_late_is_refused)            \
    X(only_the_one_encoding_is_read)                           \
    X(a_word_out_of_its_list_is_refused)                       \
    X(a_body_is_whole_and_within_its_limit)                    \
    X(an_unknown_kind_of_entry_is_let_through_in_a_log_alone)

int suite_codec(void)
{
    CU_pSuite suite = CU_add_suite("codec", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
#define ADD(name)                         \
    if (!CU_add_test(suite, #name, name)) \
        return (int)CU_get_error();
    TESTS(ADD)
    return CUE_SUCCESS;
}
