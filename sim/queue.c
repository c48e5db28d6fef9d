/*
 * queue.c: the event queue.
 *
 * Method: what is near stands in a small heap, what is later in a radix wheel. Level k of the wheel has a slot for each
 * value of the k-th digit (DIGIT_BITS bits) of the time; an event waits at the level of the highest digit in which its
 * time differs from `near_last`, the last instant that the heap covers. When the heap is empty the first slot of the
 * lowest level that has one is taken: few events go to the heap, many are dealt out to the slots one level down. When
 * the heap grows too large it covers less, and the rest goes back. So the width of what is sorted follows the density
 * of events, each event moves at most once a level, and nothing is tuned. Radix heaps: Ahuja, Mehlhorn, Orlin, Tarjan
 * (1990); ladder queue: Tang, Goh, Thng (2005).
 *
 * The order is total, so neither the levels nor when anything moves can show. One bit a seq says whether that event is
 * pending: a cancel clears the bit, and the event is thrown away when it is next moved, or when the cancelled are more
 * than half.
 *
 * Memory is what bounds the speed, so an event is written once a move and never searched for: a slot knows where its
 * next one goes without looking at its chunk, and what will be read next is fetched ahead.
 *
 * Limits: the bits reach from the oldest pending seq to the newest: an eighth of a byte for each push
 * since the oldest pending event.
 */
#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 6
#define SLOTS (1U << DIGIT_BITS)
#define LEVELS ((64 + DIGIT_BITS - 1) / DIGIT_BITS)
#define HEAP_LOAD 48   /* a slot of at most so many events goes to the heap whole */
#define HEAP_MAX 192   /* a heap of more covers too long a time */
#define SWEEP_MIN 1024 /* fewer cancelled events than this are not worth a sweep */

#define CHUNK_EVENTS 5 /* with the link nearly four cache lines */
#define SEGMENT_CHUNKS 64
#define LINE_BYTES 64

struct chunk { /* events of one slot, in no order */
    struct chunk *next;
    struct event events[CHUNK_EVENTS];
};
struct slot { /* empty: first is NULL. Only its first chunk may be not full: it has `in_first` */
    struct chunk *first;
    size_t in_first;
};
struct queue {
    struct event *heap;
    size_t heap_count, heap_cap;
    uint64_t near_last;        /* the heap has every pending event up to this instant */
    int near_level;            /* it covers one slot of that level, or less */
    uint64_t occupied[LEVELS]; /* a bit a slot */
    struct slot slots[LEVELS][SLOTS];
    struct chunk **segments; /* all chunks there are */
    size_t segment_count, segment_cap, chunk_count;
    struct chunk *free_chunks;
    size_t wheel_count;
    uint64_t *bits;
    size_t words, bits_cap;
    uint64_t first_word; /* number of bits[0]: it stands for seq / 64 */
    uint64_t next_seq;
    size_t cancelled; /* events kept that are not pending */
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
    for (size_t i = 0; i < queue->segment_count; i++)
        free(queue->segments[i]);
    free(queue->segments);
    free(queue->heap);
    free(queue->bits);
    free(queue);
}

void queue_clear(struct queue *queue)
{
    queue->heap_count = queue->words = queue->cancelled = queue->wheel_count = 0;
    queue->near_last = 0;
    queue->near_level = 0;
    for (int level = 0; level < LEVELS; level++)
        for (; queue->occupied[level] != 0; queue->occupied[level] &= queue->occupied[level] - 1)
            queue->slots[level][__builtin_ctzll(queue->occupied[level])].first = NULL;
    queue->chunk_count = 0;
    queue->free_chunks = NULL;
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

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->seq < b->seq;
}

static void sift_up(struct event *heap, size_t at, const struct event *event)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!is_before(event, &heap[parent]))
            break;
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = *event;
}

static void sift_down(struct event *heap, size_t count, size_t at, struct event event)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &event))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = event;
}

static void heap_push(struct queue *queue, const struct event *event)
{
    queue->heap = base_grow(queue->heap, &queue->heap_cap, queue->heap_count + 1, sizeof *queue->heap);
    sift_up(queue->heap, queue->heap_count++, event);
}

static void heap_remove_first(struct queue *queue)
{
    struct event last = queue->heap[--queue->heap_count];
    if (queue->heap_count > 0)
        sift_down(queue->heap, queue->heap_count, 0, last);
}

static void heap_build(struct queue *queue)
{
    for (size_t i = queue->heap_count / 2; i-- > 0;)
        sift_down(queue->heap, queue->heap_count, i, queue->heap[i]);
}

/* ---- the wheel ---- */

static struct chunk *chunk_new(struct queue *queue, struct chunk *next)
{
    struct chunk *chunk = queue->free_chunks;
    if (chunk) {
        queue->free_chunks = chunk->next;
    } else {
        size_t segment = queue->chunk_count / SEGMENT_CHUNKS;
        if (segment == queue->segment_count) {
            queue->segments = base_grow(queue->segments, &queue->segment_cap, segment + 1, sizeof *queue->segments);
            queue->segments[queue->segment_count++] = base_alloc(SEGMENT_CHUNKS * sizeof *chunk);
        }
        chunk = &queue->segments[segment][queue->chunk_count++ % SEGMENT_CHUNKS];
    }
    chunk->next = next;
    return chunk;
}

/* Read from it soon: a hint, without effect on any result. */
static void fetch_ahead(const struct chunk *chunk)
{
    for (size_t byte = 0; chunk && byte < sizeof *chunk; byte += LINE_BYTES)
        __builtin_prefetch((const char *)chunk + byte);
}

static unsigned digit(uint64_t at_us, int level)
{
    return (unsigned)(at_us >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* The last instant of the slot of this level that has at_us in it. */
static uint64_t slot_last(uint64_t at_us, int level)
{
    int low = level * DIGIT_BITS;
    return low >= 64 ? UINT64_MAX : at_us | ((1ULL << low) - 1);
}

/* Room for an event of this time. */
static struct event *wheel_place(struct queue *queue, uint64_t at_us, int level)
{
    unsigned number = digit(at_us, level);
    struct slot *slot = &queue->slots[level][number];
    if (!slot->first || slot->in_first == CHUNK_EVENTS) {
        queue->occupied[level] |= 1ULL << number;
        slot->first = chunk_new(queue, slot->first);
        slot->in_first = 0;
    }
    queue->wheel_count++;
    return &slot->first->events[slot->in_first++];
}

/* The level of an event that the heap does not cover. */
static int level_of(const struct queue *queue, uint64_t at_us)
{
    return (63 - __builtin_clzll(at_us ^ queue->near_last)) / DIGIT_BITS;
}

/* The heap covers too long a time: let it cover a slot one level down. What is later goes to the wheel. */
static void cover_less(struct queue *queue)
{
    queue->near_level--;
    queue->near_last = slot_last(queue->heap[0].at_us, queue->near_level);
    size_t kept = 0;
    for (size_t i = 0; i < queue->heap_count; i++) {
        struct event event = queue->heap[i];
        if (event.at_us <= queue->near_last)
            queue->heap[kept++] = event;
        else
            *wheel_place(queue, event.at_us, level_of(queue, event.at_us)) = event;
    }
    queue->heap_count = kept;
    heap_build(queue);
}

static size_t count_up_to(const struct slot *slot, size_t limit)
{
    size_t count = slot->in_first;
    for (const struct chunk *chunk = slot->first->next; chunk && count <= limit; chunk = chunk->next)
        count += CHUNK_EVENTS;
    return count;
}

/* Empty one slot: into the heap, or the slots of a level. */
static void empty_slot(struct queue *queue, int level, unsigned number, bool to_heap, int to_level)
{
    struct slot slot = queue->slots[level][number];
    queue->slots[level][number].first = NULL;
    queue->occupied[level] &= ~(1ULL << number);
    for (struct chunk *chunk = slot.first; chunk;) {
        struct chunk *next = chunk->next;
        fetch_ahead(next);
        size_t count = chunk == slot.first ? slot.in_first : CHUNK_EVENTS;
        queue->wheel_count -= count;
        for (const struct event *event = chunk->events; event < chunk->events + count; event++) {
            if (!is_pending(queue, event->seq))
                queue->cancelled--;
            else if (to_heap)
                heap_push(queue, event);
            else
                *wheel_place(queue, event->at_us, to_level) = *event;
        }
        chunk->next = queue->free_chunks;
        queue->free_chunks = chunk;
        chunk = next;
    }
}

/* The heap is empty: let it cover the first events of the wheel. */
static void cover_next(struct queue *queue)
{
    int level = 0;
    while (queue->heap_count == 0 && queue->wheel_count > 0) {
        while (queue->occupied[level] == 0)
            level++;
        unsigned number = (unsigned)__builtin_ctzll(queue->occupied[level]);
        const struct slot *slot = &queue->slots[level][number];
        uint64_t some_us = slot->first->events[0].at_us;
        if (level > 0 && count_up_to(slot, HEAP_LOAD) > HEAP_LOAD) {
            empty_slot(queue, level, number, false, level - 1);
            level--;
            continue;
        }
        empty_slot(queue, level, number, true, 0);
        queue->near_last = slot_last(some_us, level);
        queue->near_level = level;
        if (queue->occupied[level] != 0)
            fetch_ahead(queue->slots[level][__builtin_ctzll(queue->occupied[level])].first);
    }
}

/* The first pending event is at the top of the heap, if there is any. */
static void settle_top(struct queue *queue)
{
    for (;;) {
        if (queue->heap_count == 0)
            cover_next(queue);
        if (queue->heap_count == 0 || is_pending(queue, queue->heap[0].seq))
            return;
        heap_remove_first(queue);
        queue->cancelled--;
    }
}

/* Throw away every cancelled event. */
static void sweep(struct queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->heap_count; i++)
        if (is_pending(queue, queue->heap[i].seq))
            queue->heap[kept++] = queue->heap[i];
    queue->heap_count = kept;
    heap_build(queue);
    for (int level = 0; level < LEVELS; level++)
        for (uint64_t left = queue->occupied[level]; left != 0; left &= left - 1)
            empty_slot(queue, level, (unsigned)__builtin_ctzll(left), false, level);
    queue->cancelled = 0;
}

uint64_t queue_push(struct queue *queue, const struct event *event)
{
    uint64_t seq = queue->next_seq++;
    set_pending(queue, seq);
    if (event->at_us > queue->near_last) {
        struct event *place = wheel_place(queue, event->at_us, level_of(queue, event->at_us));
        *place = (struct event){event->at_us, seq, event->tie, event->kind, event->a, event->b, event->c};
        return seq;
    }
    struct event copy = *event;
    copy.seq = seq;
    heap_push(queue, &copy);
    while (queue->heap_count > HEAP_MAX && queue->near_level > 0)
        cover_less(queue);
    return seq;
}

bool queue_cancel(struct queue *queue, uint64_t seq)
{
    if (!is_pending(queue, seq))
        return false;
    clear_pending(queue, seq);
    queue->cancelled++;
    if (queue->cancelled > SWEEP_MIN && queue->cancelled > (queue->heap_count + queue->wheel_count) / 2)
        sweep(queue);
    return true;
}

bool queue_pop(struct queue *queue, struct event *event)
{
    settle_top(queue);
    if (queue->heap_count == 0)
        return false;
    *event = queue->heap[0];
    clear_pending(queue, event->seq);
    heap_remove_first(queue);
    return true;
}

const struct event *queue_peek(struct queue *queue)
{
    settle_top(queue);
    return queue->heap_count > 0 ? &queue->heap[0] : NULL;
}

size_t queue_size(const struct queue *queue)
{
    return queue->heap_count + queue->wheel_count - queue->cancelled;
}

size_t queue_bytes(const struct queue *queue)
{
    return sizeof *queue + queue->heap_cap * sizeof *queue->heap +
           queue->segment_count * SEGMENT_CHUNKS * sizeof(struct chunk) + queue->segment_cap * sizeof *queue->segments +
           queue->bits_cap * sizeof *queue->bits;
}
