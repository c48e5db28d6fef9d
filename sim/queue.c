/*
 * queue.c: the event queue.
 *
 * Method: an implicit 4-ary heap of 24-byte keys (four children fit in one and a half cache lines) over a slab of
 * events that never move. One bit a seq says whether that event is pending: a cancel clears the bit, and the key is
 * thrown away when it comes to the top. The order is total, so neither the shape of the heap nor when it is swept can
 * show.
 *
 * Limits: 2^32 - 1 events at once. The bits reach from the oldest pending seq to the newest: an eighth of a byte for
 * each push since the oldest pending event. Cancelled keys are swept out when they are more than half of the heap.
 */
#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#define ARITY 4
#define SWEEP_MIN 1024 /* fewer cancelled keys than this are not worth a sweep */

struct key {
    uint64_t at_us, seq;
    uint32_t tie, slot;
};
struct queue {
    struct key *heap;
    size_t count, heap_cap;
    struct event *slab;
    size_t slab_count, slab_cap;
    uint32_t *free; /* slots of the slab to use again */
    size_t free_count, free_cap;
    uint64_t *bits;
    size_t words, bits_cap;
    uint64_t first_word; /* number of bits[0]: it stands for seq / 64 */
    uint64_t next_seq;
    size_t cancelled; /* keys in the heap that are not pending */
};

struct queue *queue_new(void)
{
    struct queue *queue = base_alloc(sizeof *queue);
    queue->next_seq = 1;
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    free(queue->heap);
    free(queue->slab);
    free(queue->free);
    free(queue->bits);
    free(queue);
}

void queue_clear(struct queue *queue)
{
    queue->count = queue->slab_count = queue->free_count = queue->words = queue->cancelled = 0;
    queue->first_word = 0;
    queue->next_seq = 1;
}

/* ---- which seqs are pending ---- */

static bool is_pending(const struct queue *queue, uint64_t seq)
{
    uint64_t word = seq / 64;
    if (word < queue->first_word || word - queue->first_word >= queue->words)
        return false;
    return (queue->bits[word - queue->first_word] >> (seq % 64)) & 1;
}

static void clear_pending(struct queue *queue, uint64_t seq)
{
    queue->bits[seq / 64 - queue->first_word] &= ~(1ULL << (seq % 64));
}

/* Before the array of bits grows: forget the words before the oldest pending seq. */
static void forget_oldest(struct queue *queue)
{
    size_t gone = 0;
    while (gone < queue->words && queue->bits[gone] == 0)
        gone++;
    if (gone < queue->words / 2)
        return; /* moving so little would not pay for the search */
    memmove(queue->bits, queue->bits + gone, (queue->words - gone) * sizeof *queue->bits);
    queue->words -= gone;
    queue->first_word += gone;
}

static void set_pending(struct queue *queue, uint64_t seq)
{
    if (queue->words == 0)
        queue->first_word = seq / 64;
    if (seq / 64 - queue->first_word >= queue->words) {
        if (queue->words == queue->bits_cap && queue->words > 0)
            forget_oldest(queue);
        if (queue->words == 0)
            queue->first_word = seq / 64;
        queue->bits = base_grow(queue->bits, &queue->bits_cap, queue->words + 1, sizeof *queue->bits);
        queue->bits[queue->words++] = 0;
    }
    queue->bits[seq / 64 - queue->first_word] |= 1ULL << (seq % 64);
}

/* ---- the heap ---- */

static bool is_before(const struct key *a, const struct key *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->seq < b->seq;
}

static void sift_up(struct key *heap, size_t at, struct key key)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;
        if (!is_before(&key, &heap[parent]))
            break;
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = key;
}

static void sift_down(struct key *heap, size_t count, size_t at, struct key key)
{
    for (;;) {
        size_t child = at * ARITY + 1;
        if (child >= count)
            break;
        size_t end = child + ARITY < count ? child + ARITY : count, least = child;
        for (child++; child < end; child++)
            if (is_before(&heap[child], &heap[least]))
                least = child;
        if (!is_before(&heap[least], &key))
            break;
        heap[at] = heap[least];
        at = least;
    }
    heap[at] = key;
}

static void release_slot(struct queue *queue, uint32_t slot)
{
    queue->free = base_grow(queue->free, &queue->free_cap, queue->free_count + 1, sizeof *queue->free);
    queue->free[queue->free_count++] = slot;
}

static void remove_top(struct queue *queue)
{
    release_slot(queue, queue->heap[0].slot);
    struct key last = queue->heap[--queue->count];
    if (queue->count > 0)
        sift_down(queue->heap, queue->count, 0, last);
}

static void drop_cancelled_top(struct queue *queue)
{
    while (queue->count > 0 && !is_pending(queue, queue->heap[0].seq)) {
        remove_top(queue);
        queue->cancelled--;
    }
}

/* Throw away every cancelled key and build the heap anew, in linear time. */
static void sweep(struct queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->count; i++) {
        if (is_pending(queue, queue->heap[i].seq))
            queue->heap[kept++] = queue->heap[i];
        else
            release_slot(queue, queue->heap[i].slot);
    }
    queue->count = kept;
    queue->cancelled = 0;
    for (size_t i = kept / ARITY + 1; i-- > 0;)
        if (i < kept)
            sift_down(queue->heap, kept, i, queue->heap[i]);
}

uint64_t queue_push(struct queue *queue, const struct event *event)
{
    uint32_t slot;
    if (queue->free_count > 0) {
        slot = queue->free[--queue->free_count];
    } else {
        assert(queue->slab_count < UINT32_MAX);
        queue->slab = base_grow(queue->slab, &queue->slab_cap, queue->slab_count + 1, sizeof *queue->slab);
        slot = (uint32_t)queue->slab_count++;
    }
    uint64_t seq = queue->next_seq++;
    queue->slab[slot] = *event;
    queue->slab[slot].seq = seq;
    set_pending(queue, seq);
    queue->heap = base_grow(queue->heap, &queue->heap_cap, queue->count + 1, sizeof *queue->heap);
    sift_up(queue->heap, queue->count++, (struct key){event->at_us, seq, event->tie, slot});
    return seq;
}

bool queue_cancel(struct queue *queue, uint64_t seq)
{
    if (!is_pending(queue, seq))
        return false;
    clear_pending(queue, seq);
    queue->cancelled++;
    if (queue->cancelled > SWEEP_MIN && queue->cancelled > queue->count / 2)
        sweep(queue);
    return true;
}

bool queue_pop(struct queue *queue, struct event *event)
{
    drop_cancelled_top(queue);
    if (queue->count == 0)
        return false;
    *event = queue->slab[queue->heap[0].slot];
    clear_pending(queue, event->seq);
    remove_top(queue);
    return true;
}

const struct event *queue_peek(struct queue *queue)
{
    drop_cancelled_top(queue);
    return queue->count > 0 ? &queue->slab[queue->heap[0].slot] : NULL;
}

size_t queue_size(const struct queue *queue)
{
    return queue->count - queue->cancelled;
}

size_t queue_bytes(const struct queue *queue)
{
    return sizeof *queue + queue->heap_cap * sizeof *queue->heap + queue->slab_cap * sizeof *queue->slab +
           queue->free_cap * sizeof *queue->free + queue->bits_cap * sizeof *queue->bits;
}
