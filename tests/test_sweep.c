/*
 * test_sweep.c: what many seeds come to: the line that carries a result, folding in any order, and what makes a
 * scenario broken, failed or vacuous.
 */
#include "sim/explore/seed_line.h"
#include "sim/explore/tally.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

/* ---- a world in three lines ---- */

static struct scenario scenario;
static struct scenario_step steps[2], branches[2];
static struct tally tally, control;
static struct run_result result;
static struct tally_judgement judgement;

/* A script of one step and one race, a seed that ran all of it, and found nothing wrong. */
static void set_up(void)
{
    memset(&scenario, 0, sizeof scenario);
    memset(steps, 0, sizeof steps);
    memset(branches, 0, sizeof branches);
    memset(&tally, 0, sizeof tally);
    memset(&control, 0, sizeof control);
    memset(&result, 0, sizeof result);
    scenario.flaw = -1;
    scenario.steps = steps;
    scenario.step_count = 2;
    scenario.expect.hold_all = true;
    steps[1].kind = STEP_RACE;
    steps[1].branches = branches;
    steps[1].branch_count = 2;
    result.work = (struct check_work){.records = 10, .operations = 3, .deletions = 1, .pairs = 2};
    result.steps_ran[0] = 0xf;
    result.race_orders[0] = 3;
    result.states[INVARIANT_HONEST_VIEW] = VERDICT_HELD;
    result.judged[INVARIANT_HONEST_VIEW] = 7;
}

static bool says(const char *words)
{
    for (int i = 0; i < judgement.count; i++)
        if (strstr(judgement.reasons[i], words))
            return true;
    return false;
}

static enum grade judged(void)
{
    tally_judge(&tally, scenario.flaw >= 0 ? &control : NULL, &scenario, true, &judgement);
    return judgement.grade;
}

/* ---- the line ---- */

static void a_result_survives_its_line(void)
{
    set_up();
    result.end = WORLD_EXHAUSTED;
    result.digest = UINT64_MAX;
    result.events = 12345;
    result.unknown[INVARIANT_COUNT - 1] = 9;
    result.states[INVARIANT_COUNT - 1] = VERDICT_VIOLATED;
    result.steps_ran[TALLY_STEP_WORDS - 1] = 1;
    result.race_orders[15] = 1ULL << 63;
    result.mix.done[WORK_COUNT - 1] = 4;
    result.mix.accepted[0] = 2;
    result.failure_count = 2;
    strcpy(result.failures[0], "violated: a, b");
    strcpy(result.failures[1], "tab and newline");
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    strcpy(result.failures[1], "tab\tand\nnewline");
    seed_line_write(out, 77, &result);
    fclose(out);
    strcpy(result.failures[1], "tab and newline");
    CU_ASSERT_EQUAL(line[size - 1], '\n');
    line[size - 1] = '\0';
    struct run_result read;
    uint64_t seed;
    CU_ASSERT_EQUAL(seed_line_read(line, &seed, &read), 0);
    CU_ASSERT_EQUAL(seed, 77);
    CU_ASSERT_EQUAL(memcmp(&read, &result, sizeof read), 0);
    free(line);
}

static void what_is_no_result_is_refused(void)
{
    const char *const lines[] = {"", "R", "R\tx", "R\t1,2,3,4,5,6,7\t\t\t\t\t\t\t", "DONE", "R\t1\t1\t1"};
    uint64_t seed;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[64];
        strcpy(line, lines[i]);
        CU_ASSERT_EQUAL(seed_line_read(line, &seed, &result), E_INVALID);
    }
}

/* ---- folding ---- */

static void add_failed_seed(struct tally *into, uint64_t seed)
{
    result.failure_count = 1;
    snprintf(result.failures[0], RUN_FAILURE_MAX, "violated: in %d", (int)seed);
    result.digest = seed * 3;
    tally_add(into, seed, &result);
}

static void the_order_of_results_does_not_matter(void)
{
    set_up();
    static struct tally other;
    memset(&other, 0, sizeof other);
    static const uint64_t one[] = {1, 2, 3, 4, 5, 6}, two[] = {5, 3, 6, 1, 4, 2};
    for (size_t i = 0; i < 6; i++) {
        add_failed_seed(&tally, one[i]);
        add_failed_seed(&other, two[i]);
    }
    CU_ASSERT_EQUAL(memcmp(&tally, &other, sizeof tally), 0);
    CU_ASSERT_EQUAL(tally.failure_count, TALLY_FAILURES_MAX);
    CU_ASSERT_EQUAL(tally.failures[2].seed, 3);
}

/* ---- judging ---- */

static void a_clean_scenario_is_ok(void)
{
    set_up();
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
    CU_ASSERT_EQUAL(judgement.count, 0);
}

static void a_failure_in_one_seed_fails_it(void)
{
    set_up();
    tally_add(&tally, 1, &result);
    add_failed_seed(&tally, 2);
    CU_ASSERT_EQUAL(judged(), GRADE_FAILED);
    CU_ASSERT_TRUE(says("1 of 2 seeds"));
}

static void a_crash_breaks_it_and_the_others_are_judged(void)
{
    set_up();
    tally_add(&tally, 1, &result);
    tally_add_crash(&tally, 2, "crashed: signal 6");
    CU_ASSERT_EQUAL(judged(), GRADE_BROKEN);
    CU_ASSERT_EQUAL(judgement.count, 1);
    CU_ASSERT_EQUAL(tally.in_state[INVARIANT_HONEST_VIEW][VERDICT_HELD], 1);
}

static void no_deletion_is_vacuous(void)
{
    set_up();
    result.work.deletions = 0;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("no deletion"));
}

static void an_operation_of_the_mix_that_was_never_accepted_is_vacuous(void)
{
    set_up();
    scenario.crowd.mixed = 10;
    scenario.crowd.weights[WORK_SEND] = scenario.crowd.weights[WORK_UNDO] = 1;
    result.mix.done[WORK_SEND] = result.mix.accepted[WORK_SEND] = 5;
    result.mix.done[WORK_UNDO] = 3;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("\"undo\" was done 3 times and accepted in no seed"));
    CU_ASSERT_FALSE(says("\"edit\""));
    result.mix.accepted[WORK_UNDO] = 1;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void a_race_in_one_order_is_vacuous(void)
{
    set_up();
    result.race_orders[0] = 1;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("one and the same order"));
    result.race_orders[0] = 2;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void a_race_that_was_never_decided_is_vacuous(void)
{
    set_up();
    result.race_orders[0] = 0;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
}

static void a_step_that_never_ran_is_vacuous(void)
{
    set_up();
    result.steps_ran[0] = 0xe;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("never ran"));
    result.steps_ran[0] = 1;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void a_fault_that_touched_nothing_is_vacuous(void)
{
    set_up();
    steps[0].kind = STEP_FAULT;
    steps[0].fault = FAULT_PARTITION;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("never touched"));
    result.faults_touched[0] = 1;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void each_listed_invariant_must_be_judged(void)
{
    set_up();
    scenario.expect.hold_all = false;
    scenario.expect.hold = 1ULL << INVARIANT_HONEST_VIEW | 1ULL << INVARIANT_AUTHORITY;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_VACUOUS);
    CU_ASSERT_TRUE(says("authority"));
    result.judged[INVARIANT_AUTHORITY] = 1;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void sometimes_must_happen_once(void)
{
    set_up();
    char text[] = "m2 refused";
    char *texts[] = {text};
    scenario.expect.sometimes = texts;
    scenario.expect.sometimes_count = 1;
    tally_add(&tally, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_FAILED);
    result.sometimes_seen = 1;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
}

static void a_flaw_must_be_found_and_its_control_clean(void)
{
    set_up();
    scenario.flaw = 0;
    scenario.expect.violate = 1ULL << INVARIANT_HONEST_VIEW;
    tally_add(&tally, 1, &result);
    tally_add(&control, 1, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_FAILED);
    CU_ASSERT_TRUE(says("was found in no seed"));
    result.states[INVARIANT_HONEST_VIEW] = VERDICT_VIOLATED;
    tally_add(&tally, 2, &result);
    CU_ASSERT_EQUAL(judged(), GRADE_OK);
    add_failed_seed(&control, 2);
    CU_ASSERT_EQUAL(judged(), GRADE_FAILED);
    CU_ASSERT_TRUE(says("without the flaw"));
}

static void what_is_unfinished_is_not_vacuous(void)
{
    set_up();
    tally_judge(&tally, NULL, &scenario, false, &judgement);
    CU_ASSERT_EQUAL(judgement.grade, GRADE_UNFINISHED);
    add_failed_seed(&tally, 1);
    tally_judge(&tally, NULL, &scenario, false, &judgement);
    CU_ASSERT_EQUAL(judgement.grade, GRADE_FAILED);
}

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    {"a_result_survives_its_line", a_result_survives_its_line},
    {"what_is_no_result_is_refused", what_is_no_result_is_refused},
    {"the_order_of_results_does_not_matter", the_order_of_results_does_not_matter},
    {"a_clean_scenario_is_ok", a_clean_scenario_is_ok},
    {"a_failure_in_one_seed_fails_it", a_failure_in_one_seed_fails_it},
    {"a_crash_breaks_it_and_the_others_are_judged", a_crash_breaks_it_and_the_others_are_judged},
    {"no_deletion_is_vacuous", no_deletion_is_vacuous},
    {"an_operation_of_the_mix_that_was_never_accepted_is_vacuous",
     an_operation_of_the_mix_that_was_never_accepted_is_vacuous},
    {"a_race_in_one_order_is_vacuous", a_race_in_one_order_is_vacuous},
    {"a_race_that_was_never_decided_is_vacuous", a_race_that_was_never_decided_is_vacuous},
    {"a_step_that_never_ran_is_vacuous", a_step_that_never_ran_is_vacuous},
    {"a_fault_that_touched_nothing_is_vacuous", a_fault_that_touched_nothing_is_vacuous},
    {"each_listed_invariant_must_be_judged", each_listed_invariant_must_be_judged},
    {"sometimes_must_happen_once", sometimes_must_happen_once},
    {"a_flaw_must_be_found_and_its_control_clean", a_flaw_must_be_found_and_its_control_clean},
    {"what_is_unfinished_is_not_vacuous", what_is_unfinished_is_not_vacuous},
};

int suite_sweep(void);
int suite_sweep(void)
{
    CU_pSuite suite = CU_add_suite("sweep", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].test))
            return (int)CU_get_error();
    return 0;
}
