/* replica.c: sorted arrays of one device's durable state: search by halving, insert and remove by moving the tail. */
#include "core/replica.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_DOUBLED 32 /* up to here */

void replica_release(struct replica *r)
{
    free(r->convs);
    free(r->rows);
    free(r->ops);
    free(r->drafts);
    free(r->copies);
    free(r->replies);
    memset(r, 0, sizeof *r);
}

static void *copy_places(const void *items, size_t count, size_t *cap, size_t size)
{
    *cap = 0;
    if (!count)
        return NULL;
    void *copy = base_grow(NULL, cap, count, size);
    memcpy(copy, items, count * size);
    return copy;
}

void replica_copy_all(struct replica *to, const struct replica *from)
{
    static_assert(sizeof *to == 6 * (sizeof(void *) + 2 * sizeof(size_t)), "copy the new container too");
    *to = *from;
    to->convs = copy_places(from->convs, from->conv_count, &to->conv_cap, sizeof *from->convs);
    to->rows = copy_places(from->rows, from->row_count, &to->row_cap, sizeof *from->rows);
    to->ops = copy_places(from->ops, from->op_count, &to->op_cap, sizeof *from->ops);
    to->drafts = copy_places(from->drafts, from->draft_count, &to->draft_cap, sizeof *from->drafts);
    to->copies = copy_places(from->copies, from->copy_count, &to->copy_cap, sizeof *from->copies);
    to->replies = copy_places(from->replies, from->reply_count, &to->reply_cap, sizeof *from->replies);
}

size_t replica_bytes(const struct replica *r)
{
    return r->conv_cap * sizeof *r->convs + r->row_cap * sizeof *r->rows + r->op_cap * sizeof *r->ops +
           r->draft_cap * sizeof *r->drafts + r->copy_cap * sizeof *r->copies + r->reply_cap * sizeof *r->replies;
}

/* Open a zeroed place at `at`; returns the array, which may have moved. */
static void *open_place(void *items, size_t *count, size_t *cap, size_t at, size_t size)
{
    assert(at <= *count);
    char *bytes = base_grow(items, cap, *count + 1, size);
    memmove(bytes + (at + 1) * size, bytes + at * size, (*count - at) * size);
    memset(bytes + at * size, 0, size);
    *count += 1;
    return bytes;
}

/* Close [at, at + gone); returns the array, NULL when nothing is left of it. */
static void *close_places(void *items, size_t *count, size_t *cap, size_t at, size_t gone, size_t size)
{
    assert(at + gone <= *count);
    if (gone == 0)
        return items;
    char *bytes = items;
    memmove(bytes + at * size, bytes + (at + gone) * size, (*count - at - gone) * size);
    *count -= gone;
    if (*count > 0)
        return items;
    free(items);
    *cap = 0;
    return NULL;
}

static size_t conv_from(const struct replica *r, conv_id conv)
{
    size_t low = 0, high = r->conv_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->convs[mid].id < conv)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

size_t replica_row_from(const struct replica *r, conv_id conv, msg_id id)
{
    size_t low = 0, high = r->row_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct replica_row *row = &r->rows[mid];
        if (row->conv < conv || (row->conv == conv && row->id < id))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

size_t replica_reply_from(const struct replica *r, conv_id conv, msg_id id)
{
    size_t low = 0, high = r->reply_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct replica_reply *reply = &r->replies[mid];
        if (reply->conv < conv || (reply->conv == conv && reply->id < id))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct replica_reply *replica_reply_find(const struct replica *r, conv_id conv, msg_id id)
{
    size_t at = replica_reply_from(r, conv, id);
    return at < r->reply_count && r->replies[at].conv == conv && r->replies[at].id == id ? &r->replies[at] : NULL;
}

/* Is the copy before (conv, copy, target, via)? */
static bool copy_before(const struct replica_copy *c, conv_id conv, uint8_t copy, msg_id target, msg_id via)
{
    if (c->conv != conv)
        return c->conv < conv;
    if (c->copy != copy)
        return c->copy < copy;
    return c->target != target ? c->target < target : c->via < via;
}

static size_t copy_from(const struct replica *r, conv_id conv, uint8_t copy, msg_id target, msg_id via)
{
    size_t low = 0, high = r->copy_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (copy_before(&r->copies[mid], conv, copy, target, via))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

size_t replica_copy_from(const struct replica *r, conv_id conv, uint8_t copy)
{
    return copy_from(r, conv, copy, 0, 0);
}

static size_t draft_from(const struct replica *r, conv_id conv)
{
    size_t at = 0;
    while (at < r->draft_count && r->drafts[at].conv < conv)
        at++;
    return at;
}

struct replica_conv *replica_conv_find(const struct replica *r, conv_id conv)
{
    size_t at = conv_from(r, conv);
    return at < r->conv_count && r->convs[at].id == conv ? &r->convs[at] : NULL;
}

struct replica_row *replica_row_find(const struct replica *r, conv_id conv, msg_id id)
{
    size_t at = replica_row_from(r, conv, id);
    return at < r->row_count && r->rows[at].conv == conv && r->rows[at].id == id ? &r->rows[at] : NULL;
}

struct replica_op *replica_op_find(const struct replica *r, uint32_t op)
{
    size_t low = 0, high = r->op_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->ops[mid].op < op)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->op_count && r->ops[low].op == op ? &r->ops[low] : NULL;
}

struct replica_draft *replica_draft_find(const struct replica *r, conv_id conv)
{
    size_t at = draft_from(r, conv);
    return at < r->draft_count && r->drafts[at].conv == conv ? &r->drafts[at] : NULL;
}

bool replica_has_rows(const struct replica *r, conv_id conv)
{
    size_t at = replica_row_from(r, conv, 0);
    return at < r->row_count && r->rows[at].conv == conv;
}

struct replica_conv *replica_conv_put(struct replica *r, conv_id conv)
{
    size_t at = conv_from(r, conv);
    if (at == r->conv_count || r->convs[at].id != conv) {
        r->convs = open_place(r->convs, &r->conv_count, &r->conv_cap, at, sizeof *r->convs);
        r->convs[at].id = conv;
    }
    return &r->convs[at];
}

/* A quarter more, where doubling would leave the devices of a large crowd with more empty places than rows. */
static void make_room_for_row(struct replica *r)
{
    if (r->row_count < r->row_cap || r->row_cap < ROWS_DOUBLED)
        return;
    size_t cap = r->row_cap + r->row_cap / 4;
    struct replica_row *rows = base_alloc(cap * sizeof *rows);
    memcpy(rows, r->rows, r->row_count * sizeof *rows);
    free(r->rows);
    r->rows = rows;
    r->row_cap = cap;
}

struct replica_row *replica_row_put(struct replica *r, conv_id conv, msg_id id)
{
    size_t at = replica_row_from(r, conv, id);
    if (at == r->row_count || r->rows[at].conv != conv || r->rows[at].id != id) {
        make_room_for_row(r);
        r->rows = open_place(r->rows, &r->row_count, &r->row_cap, at, sizeof *r->rows);
        r->rows[at].conv = conv;
        r->rows[at].id = id;
    }
    return &r->rows[at];
}

struct replica_op *replica_op_push(struct replica *r, uint32_t op)
{
    assert(r->op_count == 0 || r->ops[r->op_count - 1].op < op);
    r->ops = open_place(r->ops, &r->op_count, &r->op_cap, r->op_count, sizeof *r->ops);
    r->ops[r->op_count - 1].op = op;
    return &r->ops[r->op_count - 1];
}

struct replica_reply *replica_reply_put(struct replica *r, conv_id conv, msg_id id)
{
    size_t at = replica_reply_from(r, conv, id);
    if (at == r->reply_count || r->replies[at].conv != conv || r->replies[at].id != id) {
        r->replies = open_place(r->replies, &r->reply_count, &r->reply_cap, at, sizeof *r->replies);
        r->replies[at].conv = conv;
        r->replies[at].id = id;
    }
    return &r->replies[at];
}

void replica_replies_remove(struct replica *r, size_t at, size_t count)
{
    r->replies = close_places(r->replies, &r->reply_count, &r->reply_cap, at, count, sizeof *r->replies);
}

struct replica_copy *replica_copy_put(struct replica *r, conv_id conv, uint8_t copy, msg_id target, msg_id via)
{
    size_t at = copy_from(r, conv, copy, target, via);
    struct replica_copy *found = at < r->copy_count ? &r->copies[at] : NULL;
    if (!found || found->conv != conv || found->copy != copy || found->target != target || found->via != via) {
        r->copies = open_place(r->copies, &r->copy_count, &r->copy_cap, at, sizeof *r->copies);
        found = &r->copies[at];
        found->conv = conv;
        found->copy = copy;
        found->target = target;
        found->via = via;
    }
    return found;
}

void replica_copies_remove(struct replica *r, size_t at, size_t count)
{
    r->copies = close_places(r->copies, &r->copy_count, &r->copy_cap, at, count, sizeof *r->copies);
}

void replica_draft_set(struct replica *r, conv_id conv, const struct text *body)
{
    size_t at = draft_from(r, conv);
    bool there = at < r->draft_count && r->drafts[at].conv == conv;
    if (body->len == 0) {
        if (there)
            r->drafts = close_places(r->drafts, &r->draft_count, &r->draft_cap, at, 1, sizeof *r->drafts);
        return;
    }
    if (!there)
        r->drafts = open_place(r->drafts, &r->draft_count, &r->draft_cap, at, sizeof *r->drafts);
    r->drafts[at].conv = conv;
    r->drafts[at].reply = 0;
    r->drafts[at].body = *body;
}

void replica_conv_remove(struct replica *r, struct replica_conv *conv)
{
    size_t at = (size_t)(conv - r->convs);
    r->convs = close_places(r->convs, &r->conv_count, &r->conv_cap, at, 1, sizeof *r->convs);
}

void replica_rows_remove(struct replica *r, size_t at, size_t count)
{
    r->rows = close_places(r->rows, &r->row_count, &r->row_cap, at, count, sizeof *r->rows);
}

void replica_op_remove(struct replica *r, struct replica_op *op)
{
    size_t at = (size_t)(op - r->ops);
    r->ops = close_places(r->ops, &r->op_count, &r->op_cap, at, 1, sizeof *r->ops);
}
