/* test_probes.c: the events of the scenario language: what they parse to, what they see, what they say of bad text. */
#include "sim/check/probes.h"

#include "tests/history_text.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

int suite_probes(void);

#define STORY                                                                                                         \
    "1 connect device=bob.phone\n2 invoke op=m1 device=alice.phone do=send in=plans message=m1\n"                     \
    "3 commit op=m1 do=send shard=shard.0 version=1 in=plans message=m1\n4 ack op=m1 device=alice.phone\n"            \
    "5 show device=bob.phone in=plans message=m1 copy=body\n6 show device=bob.phone in=plans message=m1 copy=quote\n" \
    "7 hide device=bob.phone in=plans message=m1 copy=body\n8 notice device=bob.phone in=plans\n8 notice "            \
    "device=bob.phone in=third draft=true\n"                                                                          \
    "9 refuse op=m2 device=bob.phone why=conversation-deleted\n10 crash node=shard.0\n11 restart node=shard.0\n"      \
    "12 install device=bob.phone epoch=1 position=1 generation=1\n13 disconnect device=bob.phone\n"                   \
    "14 connect device=bob.phone\n15 job job=all1 shard=shard.0 stage=begin\n"                                        \
    "16 job job=all1 shard=shard.0 stage=end\n17 job job=all2 shard=shard.0 stage=progress\n"

struct watch {
    struct probe *probe;
    int times;
};

static void watch(void *ctx, const struct record *record, const struct names *names)
{
    struct watch *w = ctx;
    (void)names;
    w->times += probe_take(w->probe, record);
}

static void sees(void)
{
    static const struct {
        const char *event;
        int times;
        bool finally;
    } rows[] = {
        {"bob.phone shows m1", 1, false},
        {"bob.phone shows m1 quote", 1, true},
        {"bob.phone hides m1", 1, true},
        {"bob.phone hides m1 quote", 0, false},
        {"alice.phone shows m1", 0, false},
        {"m1 invoked", 1, true},
        {"m1 committed", 1, true},
        {"m1 acked", 1, true},
        {"m1 refused", 0, false},
        {"m2 refused", 1, true},
        {"m2 refused conversation-deleted", 1, true},
        {"m2 refused not-a-member", 0, false},
        {"bob.phone connects", 2, true},
        {"bob.phone disconnects", 1, false},
        {"shard.0 crashes", 1, false},
        {"shard.0 restarts", 1, true},
        {"bob.phone resets", 1, true},
        {"bob.phone notices plans", 1, true},
        {"bob.phone notices other", 0, false},
        {"bob.phone drafts plans", 0, false}, /* told, but nothing was being written */
        {"bob.phone drafts third", 1, true},
        {"all1 ended", 1, true},
        {"all2 ended", 0, false},
        {"m1 committed before m1 acked", 1, true},
        {"m1 acked before m1 committed", 0, false},
        {"bob.phone connects before bob.phone disconnects", 1, true},
        {"bob.phone disconnects before bob.phone connects", 0, false},
        {"  m1 invoked   before m1 committed before  m1 acked ", 1, true},
        {"m1 invoked before m1 acked before m1 committed", 0, false},
        {"m1 invoked before m3 committed", 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct names *names = names_new();
        char error[PROBE_ERROR_MAX] = "";
        int column = 0;
        struct probe *probe = probe_parse(rows[i].event, names, error, &column);
        CU_ASSERT_PTR_NOT_NULL_FATAL(probe);
        for (int run = 0; run < 2; run++) {
            struct watch w = {probe, 0};
            probe_reset(probe);
            history_text_feed(STORY, names, watch, &w);
            bool right = w.times == rows[i].times && probe_seen(probe) == (rows[i].times > 0) &&
                         probe_finally(probe) == rows[i].finally;
            if (!right)
                fprintf(stderr, "\n  %s: %d times, finally %d\n", rows[i].event, w.times, probe_finally(probe));
            CU_ASSERT_TRUE(right);
        }
        probe_free(probe);
        names_free(names);
    }
}

static void rejects(void)
{
    static const struct {
        const char *event;
        int column;
        const char *says;
    } rows[] = {
        {"", 1, "a device, a node or an operation was expected"},
        {"bob.phone", 10, "one of shows"},
        {"bob.phone sees m1", 11, "\"sees\" is no event"},
        {"bob.phone shows", 16, "a message was expected"},
        {"bob.phone shows before", 17, "\"before\" was found"},
        {"m1 committed m2", 14, "\"before\" or the end was expected"},
        {"m1 committed before", 20, "the event ends here"},
        {"before m1 committed", 1, "\"before\" was found"},
        {"shows m1", 1, "\"shows\" was found"},
        {"bob.phone shows m1 body body", 25, "\"body\" was found"},
        {"m1 refused why why", 16, "\"why\" was found"},
        {"bob.phone notices", 18, "a conversation was expected"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct names *names = names_new();
        char error[PROBE_ERROR_MAX] = "";
        int column = 0;
        CU_ASSERT_PTR_NULL(probe_parse(rows[i].event, names, error, &column));
        CU_ASSERT_EQUAL(column, rows[i].column);
        CU_ASSERT_PTR_NOT_NULL(strstr(error, rows[i].says));
        if (column != rows[i].column || !strstr(error, rows[i].says))
            fprintf(stderr, "\n  \"%s\": column %d: %s\n", rows[i].event, column, error);
        names_free(names);
    }
}

static void collect(void *ctx, const char *role, const char *name)
{
    char *text = ctx;
    size_t length = strlen(text);
    snprintf(text + length, 200 - length, "%s:%s ", role, name);
}

static void tells_names(void)
{
    struct names *names = names_new();
    char error[PROBE_ERROR_MAX], text[200] = "";
    int column;
    struct probe *probe = probe_parse("b.p shows m1 before d1 committed before b.p notices c", names, error, &column);
    CU_ASSERT_PTR_NOT_NULL_FATAL(probe);
    probe_names(probe, collect, text);
    CU_ASSERT_STRING_EQUAL(text, "node:b.p target:m1 op:d1 node:b.p conversation:c ");
    probe_free(probe);
    names_free(names);
}

int suite_probes(void)
{
    CU_pSuite suite = CU_add_suite("probes", NULL, NULL);
    bool made = suite && CU_add_test(suite, "sees", sees) && CU_add_test(suite, "rejects bad text", rejects) &&
                CU_add_test(suite, "tells its names", tells_names);
    return made ? 0 : -1;
}
