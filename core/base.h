/*
 * base.h: what every layer shares: ids, versions, statuses, a bounded text, a growable array.
 *
 * An id never depends on an address. A message's id is (device, op number) of the operation that sent it, so the
 * client knows it before the server does and it is never given twice (PROTOCOL.md §1); a conversation's id likewise
 * names the operation that created it.
 */
#ifndef SEXTON_CORE_BASE_H
#define SEXTON_CORE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t user_id;   /* dense from 1; 0 = none */
typedef uint32_t device_id; /* dense from 1; 0 = none; never reused */
typedef uint32_t shard_id;  /* dense from 0 */
typedef uint64_t conv_id;   /* MAKE_ID(device, op) of the create; 0 = none */
typedef uint64_t msg_id;    /* MAKE_ID(device, op) of the send; 0 = none */

/* A version is (incarnation, cseq) in one integer, so that "<" is the lexicographic order of PROTOCOL.md §1. */
typedef uint64_t version;
#define VERSION_CSEQ_BITS 40
#define VERSION_MAKE(incarnation, cseq) (((uint64_t)(incarnation) << VERSION_CSEQ_BITS) | (uint64_t)(cseq))
#define VERSION_INCARNATION(v) ((uint32_t)((v) >> VERSION_CSEQ_BITS))
#define VERSION_CSEQ(v) ((v) & ((1ULL << VERSION_CSEQ_BITS) - 1))

#define MAKE_ID(device, op) (((uint64_t)(device) << 32) | (uint32_t)(op))
#define ID_DEVICE(id) ((device_id)((id) >> 32))
#define ID_OP(id) ((uint32_t)(id))

/* By-owner partitioning: the shard is part of a conversation's id, above the operation number (see shard_of_conv). */
#define CONV_HOME_SHIFT 26
#define CONV_OP(id) ((uint32_t)(id) & ((1U << CONV_HOME_SHIFT) - 1))

/* The device id in the ids of conversations that the set-up made rather than a device. */
#define PROVISIONER 0xffffffffU

/* Statuses: 0 or one of these, negative. base_status_text(-1) etc. gives the words. */
#define STATUS_LIST(X)                     \
    X(E_NOMEM, -1, "out of memory")        \
    X(E_IO, -2, "input or output error")   \
    X(E_INVALID, -3, "invalid input")      \
    X(E_NOTFOUND, -4, "not found")         \
    X(E_LIMIT, -5, "a limit was exceeded") \
    X(E_STORE, -6, "the store failed")     \
    X(E_CRASH, -7, "crashed at a planned point")
#define STATUS_ENUM(name, value, words) name = (value),
enum status { STATUS_OK = 0, STATUS_LIST(STATUS_ENUM) };
const char *base_status_text(int status);

/* Message text: short, inline, never NUL-terminated. */
#define TEXT_BYTES_MAX 40
struct text {
    uint8_t len;
    char bytes[TEXT_BYTES_MAX];
};

/* What a quote shows of a text. */
#define QUOTE_BYTES 16
static inline struct text text_beginning(const struct text *text, uint8_t bytes)
{
    struct text beginning = {.len = text->len < bytes ? text->len : bytes};
    for (uint8_t i = 0; i < beginning.len; i++)
        beginning.bytes[i] = text->bytes[i];
    return beginning;
}

/* How much of an attachment one answer to a fetch brings. */
#define BLOB_PART_BYTES 16

/* Time is virtual microseconds since the start of the run. */
#define TIME_NEVER UINT64_MAX
#define US_PER_MS 1000ULL
#define US_PER_S 1000000ULL
#define US_PER_DAY (86400ULL * US_PER_S)

#define BASE_EXIT_EXHAUSTED 5 /* of a process that got no memory: as the command line's "exhausted" */
/*
 * Grow *items (element_size each) so that it can hold `needed` elements; doubles. Ends the process with
 * BASE_EXIT_EXHAUSTED when memory is out: that is a result of the run, not a simulated fault (sim/store_fault.h).
 */
void *base_grow(void *items, size_t *cap, size_t needed, size_t element_size);
void *base_alloc(size_t bytes); /* zeroed; likewise ends the process; free() it */

#endif
