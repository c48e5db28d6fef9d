/* scenario_expect.c: what must come of it: invariants, events, latencies; and the flaw of a negative scenario. */
#include "sim/check/check.h"
#include "sim/scenario_internal.h"

#include <stdlib.h>
#include <string.h>

static int read_invariants(struct reader *r, const cJSON *item, uint64_t *bits)
{
    const cJSON *child;
    size_t count;
    char hint[100];
    int status;
    if (!item)
        return 0;
    if ((status = expect_array(r, item, 1, INVARIANT_COUNT, "invariants", &count)) != 0)
        return status;
    for (child = first_child(item); child; child = child->next) {
        if ((status = expect_string(r, child, "an invariant")) != 0)
            return status;
        int found = invariant_find(child->valuestring);
        if (found < 0) {
            struct suggestion suggestion = {child->valuestring, "", 0};
            for (int i = 0; i < INVARIANT_COUNT; i++)
                suggestion_try(&suggestion, invariant_table[i].name);
            suggestion_text(&suggestion, hint, sizeof hint);
            return reader_expected(r, child, "an invariant (`sexton list invariants`)%s", hint);
        }
        if (*bits >> found & 1)
            return reader_expected(r, child, "each invariant once");
        *bits |= 1ULL << found;
    }
    return 0;
}

static bool is_latency(const char *what)
{
    static const char *const classes[] = {"reaches-online.", "reaches-returning."};
    static const char *const ranks[] = {"p50", "p90", "p99", "max"};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 4; j++)
            if (strncmp(what, classes[i], strlen(classes[i])) == 0 && strcmp(what + strlen(classes[i]), ranks[j]) == 0)
                return true;
    return false;
}

static bool is_traffic(const char *what)
{
    static const char *const counts[] = {"traffic.requests", "traffic.bytes", "traffic.between", "traffic.hottest"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(what, counts[i]) == 0)
            return true;
    return false;
}

static int read_limits(struct reader *r, const cJSON *item)
{
    struct scenario_expect *e = &r->s->expect;
    const cJSON *child;
    size_t count = 0;
    int status;
    if (!item)
        return 0;
    if ((status = expect_object(r, item, "an object such as {\"reaches-online.p99\": \"2s\"}")) != 0)
        return status;
    for (child = first_child(item); child; child = child->next)
        count++;
    e->limits = base_alloc((count + 1) * sizeof *e->limits);
    for (child = first_child(item); child; child = child->next) {
        bool traffic = is_traffic(child->string);
        if (!traffic && !is_latency(child->string))
            return reader_fail(r, child, true, 0,
                               "found \"%.60s\", expected reaches-online or reaches-returning and .p50, .p90, .p99 or "
                               ".max, or traffic and .requests, .bytes, .between or .hottest",
                               child->string);
        if (traffic && !r->s->measure)
            return reader_fail(r, child, true, 0, "found \"%.60s\", expected it beside \"measure\": true only",
                               child->string);
        struct scenario_limit *limit = &e->limits[e->limit_count++];
        limit->what = text_copy(child->string);
        status = traffic ? read_count(r, child, 1, SCENARIO_TOTAL_MAX, &limit->max) : read_time(r, child, &limit->max);
        if (status != 0)
            return status;
    }
    return 0;
}

static int read_events(struct reader *r, const cJSON *item, char ***events, size_t *count)
{
    const cJSON *child;
    int status;
    if (!item)
        return 0;
    if ((status = read_texts(r, item, SCENARIO_EVENTS_MAX, "events", events, count)) != 0)
        return status;
    for (child = first_child(item); child; child = child->next)
        if ((status = resolve_event(r, child, child->valuestring)) != 0)
            return status;
    return 0;
}

static int read_flaw(struct reader *r, const cJSON *item)
{
    char hint[100];
    int status;
    r->s->flaw = -1;
    if (!item)
        return 0;
    if ((status = expect_string(r, item, "a flaw (`sexton list flaws`)")) != 0)
        return status;
    r->s->flaw = flaw_find(item->valuestring);
    if (r->s->flaw >= 0)
        return 0;
    struct suggestion suggestion = {item->valuestring, "", 0};
    for (int i = 0; i < FLAW_COUNT; i++)
        suggestion_try(&suggestion, flaw_table[i].name);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "a flaw (`sexton list flaws`)%s", hint);
}

static int read_hold(struct reader *r, const cJSON *item)
{
    struct scenario_expect *e = &r->s->expect;
    if (!item) {
        e->hold_all = r->s->flaw < 0;
        return 0;
    }
    if (cJSON_IsArray(item))
        return read_invariants(r, item, &e->hold);
    if (!cJSON_IsString(item) || strcmp(item->valuestring, "all") != 0)
        return reader_expected(r, item, "\"all\" or an array of invariants");
    e->hold_all = true;
    return 0;
}

int read_expect(struct reader *r)
{
    const cJSON *item = member(r->tree, "expect"), *flaw = member(r->tree, "flaw");
    struct scenario_expect *e = &r->s->expect;
    int status = read_flaw(r, flaw);
    if (status == 0 && item)
        status = read_object(r, item, &expect_table, 0, "an \"expect\"", e);
    const cJSON *violate = item ? member(item, "violate") : NULL, *may = item ? member(item, "may-violate") : NULL;
    const cJSON *hold = item ? member(item, "hold") : NULL;
    if (status != 0 || (status = read_hold(r, hold)) != 0)
        return status;
    if (flaw && !violate)
        return reader_fail(r, flaw, true, 0,
                           "found \"flaw\" without \"violate\" in \"expect\", expected what it violates");
    if (!flaw && (violate || may))
        return reader_fail(r, violate ? violate : may, true, 0, "found \"%s\" without a \"flaw\", expected one",
                           violate ? "violate" : "may-violate");
    if ((status = read_invariants(r, violate, &e->violate)) != 0 ||
        (status = read_invariants(r, may, &e->may_violate)) != 0)
        return status;
    if (violate && (e->hold_all || (e->hold & (e->violate | e->may_violate)) != 0))
        return reader_expected(r, hold, "nothing that \"violate\" or \"may-violate\" lists");
    if (e->violate & e->may_violate)
        return reader_expected(r, may, "nothing that \"violate\" lists");
    if (!item)
        return 0;
    if ((status = read_events(r, member(item, "sometimes"), &e->sometimes, &e->sometimes_count)) != 0 ||
        (status = read_events(r, member(item, "never"), &e->never, &e->never_count)) != 0 ||
        (status = read_events(r, member(item, "finally"), &e->finally, &e->finally_count)) != 0)
        return status;
    const cJSON *least = member(item, "at-least");
    if (least && (status = read_object(r, least, &least_table, 0, "an \"at-least\"", e)) != 0)
        return status;
    return read_limits(r, member(item, "limits"));
}
