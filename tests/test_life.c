/*
 * test_life.c: `sexton explain`: the life of a message or conversation, from a history in memory to the printed page.
 */
#include "sim/cli/life.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

int suite_life(void);

static const char history[] =
    "{\"sexton-history\":1}\n"
    "{\"at\":0,\"kind\":\"device\",\"device\":\"alice.phone\",\"user\":\"alice\"}\n"
    "{\"at\":0,\"kind\":\"device\",\"device\":\"bob.phone\",\"user\":\"bob\"}\n"
    "{\"at\":0,\"kind\":\"device\",\"device\":\"bob.tablet\",\"user\":\"bob\"}\n"
    "{\"at\":0,\"kind\":\"device\",\"device\":\"carol.phone\",\"user\":\"carol\"}\n"
    "{\"at\":0,\"kind\":\"member\",\"conversation\":\"plans\",\"user\":\"alice\",\"role\":\"owner\"}\n"
    "{\"at\":0,\"kind\":\"member\",\"conversation\":\"plans\",\"user\":\"bob\",\"role\":\"member\"}\n"
    "{\"at\":1,\"kind\":\"connect\",\"device\":\"alice.phone\"}\n"
    "{\"at\":1,\"kind\":\"connect\",\"device\":\"bob.phone\"}\n"
    "{\"at\":20,\"kind\":\"invoke\",\"op\":\"1\",\"device\":\"alice.phone\",\"do\":\"send\",\"in\":\"plans\","
    "\"message\":\"m1\"}\n"
    "{\"at\":20,\"kind\":\"show\",\"device\":\"alice.phone\",\"in\":\"plans\",\"message\":\"m1\",\"copy\":\"body\"}\n"
    "{\"at\":30,\"kind\":\"ack\",\"op\":\"1\",\"device\":\"alice.phone\"}\n"
    "{\"at\":90,\"kind\":\"show\",\"device\":\"bob.phone\",\"in\":\"plans\",\"message\":\"m1\",\"copy\":\"body\"}\n"
    "{\"at\":92,\"kind\":\"disconnect\",\"device\":\"bob.phone\"}\n"
    "{\"at\":95,\"kind\":\"invoke\",\"op\":\"2\",\"device\":\"alice.phone\",\"do\":\"delete\",\"in\":\"plans\","
    "\"message\":\"m1\"}\n"
    "{\"at\":99,\"kind\":\"ack\",\"op\":\"2\",\"device\":\"alice.phone\"}\n"
    "{\"at\":130,\"kind\":\"hide\",\"device\":\"alice.phone\",\"in\":\"plans\",\"message\":\"m1\",\"copy\":\"body\","
    "\"because\":\"deletion\"}\n"
    "{\"at\":140,\"kind\":\"invoke\",\"op\":\"1\",\"device\":\"bob.phone\",\"do\":\"send\",\"in\":\"lunch\","
    "\"message\":\"m2\"}\n"
    "{\"at\":150,\"kind\":\"invoke\",\"op\":\"2\",\"device\":\"bob.phone\",\"do\":\"send\",\"in\":\"plans\","
    "\"message\":\"m2\"}\n"
    "{\"at\":1000,\"kind\":\"end\"}\n";

static struct names *names;

static struct life *live(const char *target)
{
    char error[HISTORY_ERROR_MAX];
    struct record record;
    FILE *in = fmemopen((void *)(uintptr_t)history, sizeof history - 1, "r");
    names = names_new();
    struct life *life = life_new(target, names);
    struct history_reader *reader = history_reader_new(in, "test", names);
    while (history_reader_next(reader, &record, error) > 0)
        life_take(life, &record);
    CU_ASSERT_STRING_EQUAL(error, "");
    history_reader_free(reader);
    fclose(in);
    return life;
}

static void end(struct life *life)
{
    life_free(life);
    names_free(names);
}

static void a_deleted_message_is_told_with_who_still_reads_it(void)
{
    struct life *life = live("m1");
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    life_print(life, out);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(
        text, "message m1 in plans\n"
              "  0.000000s  alice is owner of plans\n"
              "  0.000000s  bob is member of plans\n"
              "  0.000020s  alice.phone invokes 1: send m1 in plans\n"
              "  0.000020s  alice.phone shows m1 in plans (body)\n"
              "  0.000030s  alice.phone learns that 1 is accepted\n"
              "  0.000090s  bob.phone shows m1 in plans (body)\n"
              "  0.000095s  alice.phone invokes 2: delete m1 in plans\n"
              "  0.000099s  alice.phone learns that 2 is accepted\n"
              "  0.000130s  alice.phone hides m1 in plans (body) because deletion\n"
              "\n"
              "deleted at 0.000095s; devices at the end, 0.001000s:\n"
              "device                    first shown      last hidden after deletion  state\n"
              "alice.phone                 0.000020s        0.000130s           35us  hidden because deletion\n"
              "bob.phone                   0.000090s                -              -  still readable: body; away since "
              "0.000092s\n"
              "bob.tablet                          -                -              -  never shown; never connected\n");
    free(text);
    end(life);
}

static void a_conversation_is_told_without_its_messages(void)
{
    struct life *life = live("plans");
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    life_print(life, out);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "conversation plans, 2 messages sent\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "invokes"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "readable: m1 body; away since 0.000092s\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "carol"));
    free(text);
    end(life);
}

static void an_unknown_target_gets_suggestions(void)
{
    const char *suggestions[3];
    struct life *life = live("palns");
    CU_ASSERT_FALSE(life_found(life));
    CU_ASSERT_EQUAL(life_suggest(life, suggestions, 3), 1);
    CU_ASSERT_STRING_EQUAL(suggestions[0], "plans");
    end(life);
}

static void a_name_in_two_conversations_must_say_which(void)
{
    const char *conversations[2];
    struct life *life = live("m2");
    CU_ASSERT(life_ambiguous(life, conversations));
    CU_ASSERT_STRING_EQUAL(conversations[0], "lunch");
    CU_ASSERT_STRING_EQUAL(conversations[1], "plans");
    end(life);
    life = live("plans/m2");
    CU_ASSERT(life_found(life));
    CU_ASSERT_FALSE(life_ambiguous(life, conversations));
    end(life);
}

int suite_life(void)
{
    CU_pSuite suite = CU_add_suite("life", NULL, NULL);
#define ADD(test)                                   \
    if (!suite || !CU_add_test(suite, #test, test)) \
        return -1;
    ADD(a_deleted_message_is_told_with_who_still_reads_it)
    ADD(a_conversation_is_told_without_its_messages)
    ADD(an_unknown_target_gets_suggestions)
    ADD(a_name_in_two_conversations_must_say_which)
#undef ADD
    return 0;
}
