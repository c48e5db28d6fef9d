/*
 * result_read.c: the strict reader of result files. cJSON parses; everything is then looked up by name, and an error
 * names the place ("scenarios[2].metrics.online.count"), what was found and what was expected.
 *
 * Limits: cJSON keeps numbers as doubles, so a number is taken only up to 2^53, where a double is exact; larger ones
 * are strings. It knows no positions, so errors have no line.
 */
#include "reports/result.h"

#include <cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */
#define PLACE_MAX 200

struct reading {
    const char *file;
    char *error;
    bool failed; /* only the first error is kept */
};

__attribute__((format(printf, 2, 3))) static void fail(struct reading *r, const char *format, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    int len = snprintf(r->error, RESULT_ERROR_MAX, "%s: ", r->file);
    if (len < 0 || len >= RESULT_ERROR_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->error + len, (size_t)(RESULT_ERROR_MAX - len), format, args);
    va_end(args);
}

static const char *found(const cJSON *item)
{
    if (!item)
        return "nothing";
    if (cJSON_IsObject(item))
        return "an object";
    if (cJSON_IsArray(item))
        return "an array";
    if (cJSON_IsString(item))
        return "a string";
    return cJSON_IsNumber(item) ? "a number" : cJSON_IsNull(item) ? "null" : "true or false";
}

static void unexpected(struct reading *r, const char *place, const char *key, const cJSON *item, const char *expected)
{
    fail(r, "%s%s%s: found %s, expected %s", place, *place && *key ? "." : "", key, found(item), expected);
}

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* A whole number from 0, or a string of digits that fits 64 bits. */
static bool whole(const cJSON *item, uint64_t *n)
{
    if (cJSON_IsNumber(item)) {
        if (!(item->valuedouble >= 0 && item->valuedouble <= EXACT_MAX))
            return false;
        *n = (uint64_t)item->valuedouble;
        return (double)*n == item->valuedouble;
    }
    if (!cJSON_IsString(item) || !*item->valuestring)
        return false;
    *n = 0;
    for (const char *c = item->valuestring; *c; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(*n, 10, n) ||
            __builtin_add_overflow(*n, (uint64_t)(*c - '0'), n))
            return false;
    return true;
}

static uint64_t number(struct reading *r, const cJSON *object, const char *place, const char *key)
{
    uint64_t n = 0;
    const cJSON *item = get(object, key);
    if (!whole(item, &n))
        unexpected(r, place, key, item, "a whole number from 0, as a string if it is above 2^53");
    return n;
}

static const char *string(struct reading *r, const cJSON *object, const char *place, const char *key, bool required)
{
    const cJSON *item = get(object, key);
    if (cJSON_IsString(item))
        return item->valuestring;
    if (item || required)
        unexpected(r, place, key, item, "a string");
    return "";
}

/* An array or an object to walk; NULL, and an error unless it is just absent. */
static const cJSON *list(struct reading *r, const cJSON *object, const char *place, const char *key, bool of_names)
{
    const cJSON *item = get(object, key);
    if (of_names ? cJSON_IsObject(item) : cJSON_IsArray(item))
        return item;
    if (item)
        unexpected(r, place, key, item, of_names ? "an object" : "an array");
    return NULL;
}

static int word(struct reading *r, const cJSON *object, const char *place, const char *key, int count,
                const char *(*name)(int), const char *expected)
{
    const char *text = string(r, object, place, key, true);
    for (int i = 0; i < count; i++)
        if (!strcmp(text, name(i)))
            return i;
    fail(r, "%s.%s: found \"%.60s\", expected %s", place, key, text, expected);
    return 0;
}

static const char *class_name(int i)
{
    return result_class_name((enum result_class)i);
}

static const char *outcome_name(int i)
{
    return result_outcome_name((enum result_outcome)i);
}

/* ---- the parts ---- */
static void read_latency(struct reading *r, struct measures_latency *l, const cJSON *object, const char *place)
{
    if (!cJSON_IsObject(object)) {
        unexpected(r, place, "", object, "an object");
        return;
    }
    l->count = number(r, object, place, "count");
    l->p50_us = number(r, object, place, "p50");
    l->p90_us = number(r, object, place, "p90");
    l->p99_us = number(r, object, place, "p99");
    l->max_us = number(r, object, place, "max");
    uint64_t sum = 0;
    const cJSON *bar, *bars = list(r, object, place, "histogram", false);
    cJSON_ArrayForEach(bar, bars)
    {
        struct measures_bar b;
        bool good = cJSON_IsArray(bar) && cJSON_GetArraySize(bar) == 2 && whole(bar->child, &b.upper_us) &&
                    whole(bar->child->next, &b.count) && b.count;
        if (!good || (l->bar_count && b.upper_us <= l->bars[l->bar_count - 1].upper_us)) {
            fail(r, "%s.histogram: found a bar out of shape, expected [upper us, count], ascending", place);
            return;
        }
        l->bars = base_grow(l->bars, &l->bar_cap, l->bar_count + 1, sizeof *l->bars);
        l->bars[l->bar_count++] = b;
        sum += b.count;
    }
    if (sum != l->count)
        fail(r, "%s.histogram: found %llu samples, expected the %llu of \"count\"", place, (unsigned long long)sum,
             (unsigned long long)l->count);
}

static void read_tombstones(struct reading *r, struct measures *m, const cJSON *points, const char *place)
{
    const cJSON *point;
    cJSON_ArrayForEach(point, points)
    {
        struct measures_tombstones t = {0};
        const cJSON *mean = cJSON_GetArrayItem(point, 1);
        bool good = cJSON_IsArray(point) && cJSON_GetArraySize(point) == 3 && whole(point->child, &t.at_us) &&
                    cJSON_IsNumber(mean) && mean->valuedouble >= 0 && mean->valuedouble <= EXACT_MAX / 1000 &&
                    whole(mean->next, &t.max);
        if (!good || (m->tombstone_count && t.at_us <= m->tombstones[m->tombstone_count - 1].at_us)) {
            fail(r, "%s.tombstones: found a point out of shape, expected [at us, mean, max], ascending", place);
            return;
        }
        t.mean_milli = (uint64_t)(mean->valuedouble * 1000 + 0.5);
        m->tombstones = base_grow(m->tombstones, &m->tombstone_cap, m->tombstone_count + 1, sizeof *m->tombstones);
        m->tombstones[m->tombstone_count++] = t;
    }
}

/* Absent unless it was measured. */
static void read_traffic(struct reading *r, struct metrics_traffic *t, const cJSON *object, const char *scenario)
{
    char place[PLACE_MAX];
    if (!object)
        return;
    snprintf(place, sizeof place, "%.60s.metrics.traffic", scenario);
    if (!cJSON_IsObject(object)) {
        unexpected(r, place, "", object, "an object");
        return;
    }
    t->runs = number(r, object, place, "runs");
    t->requests = number(r, object, place, "requests");
    t->bytes = number(r, object, place, "bytes");
    t->between = number(r, object, place, "between");
    t->hottest = number(r, object, place, "hottest");
}

/* Absent of files from before the reasons were counted. */
static void read_unreached(struct reading *r, struct measures *m, const cJSON *object, const char *scenario)
{
    char place[PLACE_MAX];
    if (!object)
        return;
    snprintf(place, sizeof place, "%.60s.metrics.unreached", scenario);
    if (!cJSON_IsObject(object)) {
        unexpected(r, place, "", object, "an object");
        return;
    }
    for (int i = METRICS_NEVER_RETURNS; i < METRICS_ENDS; i++)
        m->unreached[i] = number(r, object, place, metrics_end_name((enum metrics_end)i));
}

static void read_herd(struct reading *r, struct metrics_herd *h, const cJSON *object, const char *scenario)
{
    char place[PLACE_MAX];
    if (!object)
        return;
    snprintf(place, sizeof place, "%.60s.metrics.herd", scenario);
    if (!cJSON_IsObject(object)) {
        unexpected(r, place, "", object, "an object");
        return;
    }
    h->herds = number(r, object, place, "herds");
    h->devices = number(r, object, place, "devices");
    h->missing = number(r, object, place, "missing");
    h->took_us = number(r, object, place, "took");
    h->events = number(r, object, place, "events");
    h->requests = number(r, object, place, "requests");
    h->bytes = number(r, object, place, "bytes");
    h->between = number(r, object, place, "between");
}

static void read_measures(struct reading *r, struct measures *m, const cJSON *object, const char *scenario)
{
    char place[PLACE_MAX];
    snprintf(place, sizeof place, "%.60s.metrics", scenario);
    m->never = number(r, object, place, "never");
    read_unreached(r, m, get(object, "unreached"), scenario);
    read_tombstones(r, m, list(r, object, place, "tombstones", false), place);
    read_traffic(r, &m->traffic, get(object, "traffic"), scenario);
    read_herd(r, &m->herd, get(object, "herd"), scenario);
    for (int i = 0; i < METRICS_CLASSES; i++) {
        const char *class = metrics_class_name((enum metrics_class)i);
        snprintf(place, sizeof place, "%.60s.metrics.%s", scenario, class);
        read_latency(r, &m->latency[i], get(object, class), place);
    }
}

static void read_invariants(struct reading *r, struct result_scenario *s, const cJSON *invariants, const char *scenario)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, invariants)
    {
        char place[PLACE_MAX];
        snprintf(place, sizeof place, "%.60s.invariants.%.60s", scenario, item->string);
        struct result_invariant *invariant = result_add_invariant(s, item->string);
        invariant->held = number(r, item, place, "held");
        invariant->violated = number(r, item, place, "violated");
        invariant->unknown = number(r, item, place, "unknown");
        invariant->vacuous = number(r, item, place, "vacuous");
        invariant->judged = number(r, item, place, "judged");
    }
}

static void read_scenario(struct reading *r, struct result *result, const cJSON *object, size_t index)
{
    char place[PLACE_MAX], inner[PLACE_MAX];
    snprintf(place, sizeof place, "scenarios[%zu]", index);
    if (!cJSON_IsObject(object)) {
        unexpected(r, place, "", object, "an object");
        return;
    }
    struct result_scenario *s = result_add_scenario(result, string(r, object, place, "id", true));
    result_set(&s->file, string(r, object, place, "file", false));
    result_set(&s->why, string(r, object, place, "why", false));
    s->class =
        (enum result_class)word(r, object, place, "class", RESULT_CLASSES, class_name, "sound, negative or history");
    s->outcome = (enum result_outcome)word(r, object, place, "outcome", RESULT_OUTCOMES, outcome_name,
                                           "held, violated, vacuous, crashed, exhausted or measured");
    s->seeds = number(r, object, place, "seeds");
    const cJSON *item, *items = list(r, object, place, "seen", false);
    cJSON_ArrayForEach(item, items)
    {
        if (!cJSON_IsString(item))
            unexpected(r, place, "seen", item, "strings");
        else
            result_add_seen(s, item->valuestring);
    }
    read_invariants(r, s, list(r, object, place, "invariants", true), place);
    size_t n = 0;
    items = list(r, object, place, "failures", false);
    cJSON_ArrayForEach(item, items)
    {
        snprintf(inner, sizeof inner, "%.40s.failures[%zu]", place, n++);
        result_add_failure(s, string(r, item, inner, "seed", false), string(r, item, inner, "what", true),
                           string(r, item, inner, "replay", false));
    }
    const cJSON *metrics = list(r, object, place, "metrics", true);
    if (metrics)
        read_measures(r, &s->measures, metrics, place);
    s->found = cJSON_IsTrue(get(object, "found"));
    items = list(r, object, place, "fold", false);
    cJSON_ArrayForEach(item, items)
    {
        if (!cJSON_IsString(item))
            unexpected(r, place, "fold", item, "strings");
        else
            result_add_fold(s, item->valuestring);
    }
}

static void read_work(struct reading *r, struct result_work *work, const cJSON *object)
{
    work->events += number(r, object, "work", "events");
    work->operations += number(r, object, "work", "operations");
    work->deletions += number(r, object, "work", "deletions");
    work->pairs += number(r, object, "work", "pairs");
    work->faults += number(r, object, "work", "faults");
}

static void read_root(struct reading *r, struct result *result, const cJSON *root)
{
    uint64_t format = 0;
    if (!whole(get(root, "sexton-result"), &format) || format != 1) {
        unexpected(r, "", "sexton-result", get(root, "sexton-result"), "the number 1: is this a result file?");
        return;
    }
    if (!*result->version)
        result_set(&result->version, string(r, root, "", "version", false));
    if (!*result->seeds)
        result_set(&result->seeds, string(r, root, "", "seeds", false));
    if (!*result->part)
        result_set(&result->part, string(r, root, "", "part", false));
    if (!*result->store)
        result_set(&result->store, string(r, root, "", "store", false));
    const cJSON *item, *scenarios = get(root, "scenarios");
    if (!cJSON_IsArray(scenarios)) {
        unexpected(r, "", "scenarios", scenarios, "an array");
        return;
    }
    size_t index = 0;
    cJSON_ArrayForEach(item, scenarios) read_scenario(r, result, item, index++);
    const cJSON *work = list(r, root, "", "work", true);
    if (work)
        read_work(r, &result->work, work);
}

/* All of the file, NUL-terminated; NULL when it cannot be read, or *status. */
static char *slurp(FILE *in, size_t *len, int *status)
{
    char *text = NULL;
    size_t cap = 0, got;
    *len = 0;
    do {
        text = base_grow(text, &cap, *len + 64 * 1024 + 1, 1);
        got = fread(text + *len, 1, cap - *len - 1, in);
        *len += got;
    } while (got && *len <= RESULT_BYTES_MAX);
    text[*len] = 0;
    *status = ferror(in) ? E_IO : *len > RESULT_BYTES_MAX ? E_LIMIT : 0;
    return text;
}

int result_read(struct result *result, FILE *in, const char *file, char error[RESULT_ERROR_MAX])
{
    struct reading r = {file, error, false};
    size_t len;
    int status;
    char *text = slurp(in, &len, &status);
    if (status) {
        fail(&r, "%s", status == E_IO ? "cannot be read" : "is longer than a result file may be (256 MiB)");
        free(text);
        return status;
    }
    const char *end = text;
    cJSON *root = strlen(text) == len ? cJSON_ParseWithLengthOpts(text, len + 1, &end, 1) : NULL;
    if (!root)
        fail(&r, "found no JSON at byte %zu, expected a result file of sexton check --json", (size_t)(end - text) + 1);
    else
        read_root(&r, result, root);
    cJSON_Delete(root);
    free(text);
    return r.failed ? E_INVALID : 0;
}
