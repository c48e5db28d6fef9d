/* check_rows.c: runs the rows of the checkers' tests. */
#include "tests/check_rows.h"

#include "tests/history_text.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

static void judge_row(struct check *check, struct names *names, const struct check_row *row)
{
    history_text_feed(row->history, names, check_take, check);
    check_finish(check);
    const struct verdict *v = check_verdict(check, row->invariant);
    bool as_expected = v->state == row->state && (row->judged == ANY_COUNT || v->judged == (uint64_t)row->judged);
    if (!as_expected)
        fprintf(stderr, "\n  %s: %s: %s, judged %llu, unknown %llu (expected %s, %d): %s\n",
                invariant_table[row->invariant].name, row->behaviour, verdict_name(v->state),
                (unsigned long long)v->judged, (unsigned long long)v->unknown, verdict_name(row->state), row->judged,
                v->what);
    CU_ASSERT_TRUE(as_expected);
    CU_ASSERT_EQUAL(v->what[0] != '\0', v->state == VERDICT_VIOLATED);
    CU_ASSERT_EQUAL(v->chain_count > 0, v->state == VERDICT_VIOLATED);
    for (int i = 1; i < v->chain_count; i++)
        CU_ASSERT_TRUE(v->chain[i - 1].seq < v->chain[i].seq);
    /* An accusation in passing is a false alarm of another invariant: a sound history has none at all. */
    if (row->state == VERDICT_HELD)
        for (int i = 0; i < INVARIANT_COUNT; i++) {
            const struct verdict *other = check_verdict(check, (enum invariant)i);
            if (other->state == VERDICT_VIOLATED)
                fprintf(stderr, "\n  %s: also violates %s: %s\n", row->behaviour, invariant_table[i].name, other->what);
            CU_ASSERT_NOT_EQUAL(other->state, VERDICT_VIOLATED);
        }
}

void check_rows_run(const struct check_row *rows, size_t count)
{
    struct names *names = names_new();
    struct check_options none = {0};
    struct check *reused = check_new(&none, names);
    for (size_t i = 0; i < count; i++) {
        struct check_options options = {.clock_error_us = rows[i].clock_error_us};
        if (!options.clock_error_us) {
            names_clear(names);
            check_reset(reused);
            judge_row(reused, names, &rows[i]);
        }
        struct names *fresh = names_new();
        struct check *check = check_new(&options, fresh);
        judge_row(check, fresh, &rows[i]);
        check_free(check);
        names_free(fresh);
    }
    check_free(reused);
    names_free(names);
}
