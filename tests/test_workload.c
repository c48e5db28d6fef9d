/*
 * test_workload.c: the mix of a crowd has every operation that there is: each word that a script can say in "do" or
 * "fault" is drawn by the mix, or is in the list of what is not, which says why.
 */
#include "sim/scenario_internal.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

/* Words of a script that the mix draws under another name. */
static const struct {
    const char *word;
    enum workload_operation work;
} elsewhere[] = {
    {"clone", WORK_DEVICE_CLONE},
    {"never", WORK_GIVE_UP},
    {"backup", WORK_SHARD_BACKUP},
    {"restore", WORK_SHARD_RESTORE},
};

static const struct {
    const char *word, *why;
} excused[] = {
    {"offline", "people of a crowd come and go by its presence, and are away"},
    {"online", "as offline"},
    {"partition", "the crowd's own key \"partitions\""},
    {"crash", "the crowd's own key \"crashes\""},
    {"break", "the network's \"breaks\""},
    {"drop", "the network's \"push-loss\" and the losses of channels"},
    {"hold", "a hold of messages needs a script that releases them; latencies are drawn instead"},
    {"release", "as the fault hold"},
    {"clock", "the window of an undo is the shard's clock's: a skewed one needs a scenario that says by how much"},
    {"disk-crash", "a crowd has no disks; sexton run --crash-everywhere tries every point"},
    {"lost-sync", "as disk-crash: a fault of a disk is a scenario's"},
    {"io-error", "as lost-sync"},
    {"disk-full", "as lost-sync"},
    {"short-read", "as lost-sync"},
    {"bit-flip", "as lost-sync"},
    {"slow-disk", "as lost-sync"},
    {"pause", "a crowd's \"faults\" are of other kinds; \"swarm\" draws it"},
    {"slow", "as pause"},
    {"rolling-restart", "as pause"},
    {"upgrade", "as pause: a crowd's devices are all of the current protocol, but for a swarm's"},
    {"out-of-memory", "as pause"},
    {"strangers", "they change nothing that another operation could meet; a scenario counts them"},
    {"abort", "it ends the program: for tests of the sweep"},
};

static bool is_drawn(const char *word, enum operation operation)
{
    for (int i = 0; i < WORK_COUNT; i++)
        if (workload_table[i].weight > 0 &&
            ((operation != OPERATION_NONE && workload_table[i].operation == operation) ||
             strcmp(workload_table[i].name, word) == 0))
            return true;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(elsewhere[i].word, word) == 0)
            return workload_table[elsewhere[i].work].weight > 0;
    return false;
}

static bool is_excused(const char *word)
{
    for (size_t i = 0; i < sizeof excused / sizeof *excused; i++)
        if (strcmp(excused[i].word, word) == 0)
            return true;
    return false;
}

static void demand(const char *word, bool drawn)
{
    CU_ASSERT_TRUE(drawn || is_excused(word));
    if (!drawn && !is_excused(word))
        (void)fprintf(stderr, "\"%s\" is not in sim/workload.def, and no list in %s says why\n", word, __FILE__);
}

static void every_word_of_a_script_is_drawn_or_excused(void)
{
    for (unsigned form = FORM_OPERATION + 1; form < FORM_RACE; form++) {
        const char *word = scenario_do_word(form);
        demand(word, is_drawn(word, form < FORM_TYPE ? (enum operation)form : OPERATION_NONE));
    }
    /* "hold" and "release" are operations too: what is drawn is those */
    for (unsigned fault = FAULT_NONE + 1; fault < FAULT_KIND_COUNT; fault++)
        demand(fault_name(fault), scenario_draws_fault(fault) || is_drawn(fault_name(fault), OPERATION_NONE));
}

static void nothing_is_excused_that_is_no_word(void)
{
    for (size_t i = 0; i < sizeof excused / sizeof *excused; i++) {
        bool found = false;
        for (unsigned form = FORM_OPERATION + 1; form < FORM_RACE; form++)
            found |= strcmp(scenario_do_word(form), excused[i].word) == 0;
        for (unsigned fault = FAULT_NONE + 1; fault < FAULT_KIND_COUNT; fault++)
            found |= strcmp(fault_name(fault), excused[i].word) == 0;
        CU_ASSERT_TRUE(found);
        CU_ASSERT_TRUE(strlen(excused[i].why) > 0);
    }
}

static void each_operation_of_the_mix_has_a_name_of_its_own(void)
{
    for (int i = 0; i < WORK_COUNT; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(workload_table[i].name, workload_table[j].name);
}

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    {"every_word_of_a_script_is_drawn_or_excused", every_word_of_a_script_is_drawn_or_excused},
    {"nothing_is_excused_that_is_no_word", nothing_is_excused_that_is_no_word},
    {"each_operation_of_the_mix_has_a_name_of_its_own", each_operation_of_the_mix_has_a_name_of_its_own},
};

int suite_workload(void);
int suite_workload(void)
{
    CU_pSuite suite = CU_add_suite("workload", NULL, NULL);
    if (!suite)
        return (int)CU_get_error();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (!CU_add_test(suite, tests[i].name, tests[i].test))
            return (int)CU_get_error();
    return 0;
}
