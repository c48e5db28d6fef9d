/*
 * test_queue.c: the event queue, against a model that is an unsorted array searched from end to end.
 */
#include "sim/queue.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 600

static uint64_t luck = 88172645463325252ULL;
static uint64_t xorshift(void)
{
    luck ^= luck << 13;
    luck ^= luck >> 7;
    luck ^= luck << 17;
    return luck;
}

struct model {
    struct event events[MODEL_MAX];
    size_t count;
};

static bool comes_before(const struct event *a, const struct event *b)
{
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us;
    return a->tie != b->tie ? a->tie < b->tie : a->seq < b->seq;
}

static size_t model_first(const struct model *model)
{
    size_t first = 0;
    for (size_t i = 1; i < model->count; i++)
        if (comes_before(&model->events[i], &model->events[first]))
            first = i;
    return first;
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->at_us == b->at_us && a->seq == b->seq && a->tie == b->tie && a->kind == b->kind && a->a == b->a;
}

/* Times of every magnitude when wide: each digit of the wheel gets its turn as the highest that differs. */
static bool push_both(struct queue *queue, struct model *model, uint64_t *expected_seq, bool wide)
{
    uint64_t at_us = wide ? xorshift() >> (xorshift() % 64) : xorshift() % 1000;
    struct event event = {.at_us = at_us, .tie = (uint32_t)(xorshift() % 3), .a = xorshift(), .kind = 7};
    event.seq = queue_push(queue, &event);
    model->events[model->count++] = event;
    return event.seq == ++*expected_seq;
}

static bool pop_both(struct queue *queue, struct model *model)
{
    struct event event;
    const struct event *peeked = queue_peek(queue);
    if (model->count == 0)
        return !peeked && !queue_pop(queue, &event);
    size_t first = model_first(model);
    bool same = peeked && same_event(peeked, &model->events[first]);
    same = queue_pop(queue, &event) && same && same_event(&event, &model->events[first]);
    model->events[first] = model->events[--model->count];
    return same;
}

static bool cancel_both(struct queue *queue, struct model *model, uint64_t newest)
{
    uint64_t seq = xorshift() % (newest + 2);
    size_t at = 0;
    while (at < model->count && model->events[at].seq != seq)
        at++;
    bool pending = at < model->count;
    if (!pending && model->count > 0 && xorshift() % 2) { /* one that is there */
        at = xorshift() % model->count;
        seq = model->events[at].seq;
        pending = true;
    }
    if (pending)
        model->events[at] = model->events[--model->count];
    return queue_cancel(queue, seq) == pending && !queue_cancel(queue, seq);
}

static bool agrees_with_a_model(bool wide)
{
    struct queue *queue = queue_new();
    struct model *model = base_alloc(sizeof *model);
    uint64_t newest = 0;
    bool agree = true;
    for (int i = 0; i < 100000 && agree; i++) {
        uint64_t draw = xorshift() % 8;
        if (draw < 4 && model->count < MODEL_MAX)
            agree = push_both(queue, model, &newest, wide);
        else if (draw < 7)
            agree = pop_both(queue, model);
        else
            agree = cancel_both(queue, model, newest);
        agree = agree && queue_size(queue) == model->count;
    }
    while (agree && model->count > 0)
        agree = pop_both(queue, model);
    agree = agree && pop_both(queue, model);
    free(model);
    queue_free(queue);
    return agree;
}

static void random_operations_agree_with_a_naive_model(void)
{
    CU_ASSERT_TRUE(agrees_with_a_model(false));
    CU_ASSERT_TRUE(agrees_with_a_model(true));
}

/* So dense that a slot is dealt out level by level, then so many close to the first that it covers less and less. */
static void dense_and_suddenly_denser_stays_in_order(void)
{
    struct queue *queue = queue_new();
    for (uint64_t i = 0; i < 100000; i++)
        queue_push(queue, &(struct event){.at_us = xorshift() % US_PER_S, .tie = (uint32_t)xorshift()});
    struct event last = {.at_us = 0}, event;
    size_t popped = 0, wrong = 0;
    for (; queue_pop(queue, &event); popped++, last = event) {
        wrong += popped > 0 && !comes_before(&last, &event);
        if (popped % 1000 == 0 && popped < 50000)
            for (uint64_t i = 0; i < 1000; i++)
                queue_push(queue, &(struct event){.at_us = event.at_us + 1 + xorshift() % 100, .tie = 7});
    }
    CU_ASSERT_EQUAL(popped, 150000);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(queue_bytes(queue) < 150000 * 96);
    queue_free(queue);
}

static void one_instant_goes_by_tie_then_by_push(void)
{
    struct queue *queue = queue_new();
    static const uint32_t ties[] = {2, 1, 2, 1, 0};
    static const uint64_t seqs[] = {5, 2, 4, 1, 3};
    for (size_t i = 0; i < 5; i++)
        queue_push(queue, &(struct event){.at_us = 9, .tie = ties[i]});
    for (size_t i = 0; i < 5; i++) {
        struct event event;
        CU_ASSERT_TRUE(queue_pop(queue, &event));
        CU_ASSERT_EQUAL(event.seq, seqs[i]);
    }
    queue_free(queue);
}

static void clear_leaves_a_queue_as_fresh(void)
{
    struct queue *queue = queue_new();
    for (uint64_t i = 0; i < 1000; i++)
        queue_push(queue, &(struct event){.at_us = i});
    queue_cancel(queue, 3);
    queue_clear(queue);
    CU_ASSERT_EQUAL(queue_size(queue), 0);
    CU_ASSERT_PTR_NULL(queue_peek(queue));
    CU_ASSERT_FALSE(queue_cancel(queue, 5));
    CU_ASSERT_EQUAL(queue_push(queue, &(struct event){.at_us = 4}), 1);
    struct event event;
    CU_ASSERT_TRUE(queue_pop(queue, &event) && event.at_us == 4);
    CU_ASSERT_FALSE(queue_pop(queue, &event));
    queue_free(queue);
}

static void cancelling_almost_everything_keeps_the_rest_and_frees_the_space(void)
{
    struct queue *queue = queue_new();
    uint64_t far = queue_push(queue, &(struct event){.at_us = TIME_NEVER});
    for (uint64_t i = 0; i < 200000; i++) {
        uint64_t seq = queue_push(queue, &(struct event){.at_us = US_PER_DAY + i});
        if (i % 1000 != 0)
            CU_ASSERT_TRUE(queue_cancel(queue, seq));
    }
    CU_ASSERT_EQUAL(queue_size(queue), 201);
    CU_ASSERT_TRUE(queue_bytes(queue) < 1000000);
    struct event event = {.at_us = 0};
    for (uint64_t i = 0; i < 200; i++) {
        CU_ASSERT_TRUE(queue_pop(queue, &event));
        CU_ASSERT_EQUAL(event.at_us, US_PER_DAY + i * 1000);
    }
    CU_ASSERT_TRUE(queue_pop(queue, &event) && event.seq == far);
    CU_ASSERT_FALSE(queue_cancel(queue, far));
    queue_free(queue);
}

int suite_queue(void);
int suite_queue(void)
{
    CU_pSuite suite = CU_add_suite("queue", NULL, NULL);
    if (!suite || !CU_ADD_TEST(suite, random_operations_agree_with_a_naive_model) ||
        !CU_ADD_TEST(suite, dense_and_suddenly_denser_stays_in_order) ||
        !CU_ADD_TEST(suite, one_instant_goes_by_tie_then_by_push) ||
        !CU_ADD_TEST(suite, clear_leaves_a_queue_as_fresh) ||
        !CU_ADD_TEST(suite, cancelling_almost_everything_keeps_the_rest_and_frees_the_space))
        return (int)CU_get_error();
    return 0;
}
