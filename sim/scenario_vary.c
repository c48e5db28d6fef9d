/*
 * scenario_vary.c: "vary" and --set: values put into the tree at a dotted path, before it is interpreted. What is put
 * there keeps the place that it came from, so that an error in it names that place.
 */
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fixed[] = {"vary", "name", "sexton-scenario", "$schema"};

/* The child of that name, or of that index; NULL when there is none. */
static cJSON *step_into(cJSON *item, const char *name)
{
    if (cJSON_IsObject(item))
        return cJSON_GetObjectItemCaseSensitive(item, name);
    if (!cJSON_IsArray(item) || !*name || strspn(name, "0123456789") != strlen(name) || strlen(name) > 6)
        return NULL;
    return cJSON_GetArrayItem(item, atoi(name));
}

static bool put(cJSON *parent, const char *name, cJSON *old, cJSON *value)
{
    if (old && (cJSON_IsObject(old) || cJSON_IsArray(old)))
        return false;
    if (old && cJSON_IsArray(parent))
        return cJSON_ReplaceItemViaPointer(parent, old, value);
    if (old)
        return cJSON_ReplaceItemInObjectCaseSensitive(parent, name, value);
    return cJSON_IsObject(parent) && cJSON_AddItemToObject(parent, name, value);
}

/*
 * Put `value` at `path`, making objects on the way: an unknown key is found by the interpretation, which then names the
 * place of `value`. A key with dots in it ("reaches-online.p99") matches the rest of a path first.
 */
static int set_path(struct reader *r, cJSON *tree, const char *path, cJSON *value)
{
    char name[64];
    cJSON *at = tree;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        size_t len = strlen(fixed[i]);
        if (strncmp(path, fixed[i], len) == 0 && (path[len] == '\0' || path[len] == '.')) {
            int status = reader_fail(r, value, true, 0, "found the path \"%.60s\", expected one that may change", path);
            cJSON_Delete(value);
            return status;
        }
    }
    for (;;) {
        cJSON *rest = step_into(at, path);
        size_t len = strcspn(path, ".");
        bool last = path[len] == '\0' || rest;
        (void)snprintf(name, sizeof name, "%.*s", last ? (int)sizeof name - 1 : (int)len, path);
        cJSON *next = rest ? rest : step_into(at, name);
        if (len == 0 || (!last && len >= sizeof name) || (!next && !cJSON_IsObject(at)) ||
            (last && strlen(path) >= sizeof name))
            break;
        if (last) {
            if (!put(at, name, next, value))
                break;
            return 0;
        }
        if (!next) {
            next = cJSON_CreateObject();
            if (!next || !cJSON_AddItemToObject(at, name, next)) {
                cJSON_Delete(next);
                break;
            }
            json_text_place_as(next, value);
        }
        at = next;
        path += len + 1;
    }
    int status =
        reader_fail(r, value, true, 0, "found a path that leads to no scalar at \"%.60s\", expected KEY.KEY", path);
    cJSON_Delete(value);
    return status;
}

/* PATH=VALUE; VALUE is JSON when it parses, else a text. */
static int apply_set(struct reader *r, cJSON *tree, const char *set)
{
    const char *equals = strchr(set, '=');
    char label[200], error[SCENARIO_ERROR_MAX];
    cJSON *value = NULL;
    if (!equals || equals == set) {
        (void)snprintf(r->error, SCENARIO_ERROR_MAX, "--set %.100s: found no PATH=VALUE, expected one such as %s", set,
                       "policy.undo-window=5s");
        return E_INVALID;
    }
    (void)snprintf(label, sizeof label, "--set %.*s", (int)(equals - set) < 150 ? (int)(equals - set) : 150, set);
    if (json_text_parse(&r->json, label, false, equals + 1, strlen(equals + 1), &value, error, sizeof error) != 0) {
        cJSON *text = cJSON_CreateString(equals + 1);
        char *quoted = text ? cJSON_PrintUnformatted(text) : NULL;
        cJSON_Delete(text);
        int status = quoted
                         ? json_text_parse(&r->json, label, false, quoted, strlen(quoted), &value, error, sizeof error)
                         : E_NOMEM;
        cJSON_free(quoted);
        if (status != 0) {
            (void)snprintf(r->error, SCENARIO_ERROR_MAX, "%s", error);
            return status;
        }
    }
    char *path = text_copy(set);
    path[equals - set] = '\0';
    cJSON *vary = cJSON_GetObjectItemCaseSensitive(tree, "vary");
    if (cJSON_IsObject(vary))
        cJSON_DeleteItemFromObjectCaseSensitive(vary, path); /* what is set does not vary */
    int status = set_path(r, tree, path, value);
    free(path);
    return status;
}

int apply_sets(struct reader *r, cJSON *tree, const char *const *sets, size_t set_count)
{
    int status = 0;
    for (size_t i = 0; i < set_count && status == 0; i++)
        status = apply_set(r, tree, sets[i]);
    return status;
}

/* ---- vary ---- */

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* The last part of a path, when no other varied path ends so. */
static const char *short_name(const cJSON *vary, const cJSON *axis)
{
    const cJSON *other;
    for (other = first_child(vary); other; other = other->next)
        if (other != axis && strcmp(last_part(other->string), last_part(axis->string)) == 0)
            return axis->string;
    return last_part(axis->string);
}

static int count_variants(struct reader *r, const cJSON *vary, size_t *total)
{
    const cJSON *axis, *value;
    size_t count;
    int status;
    *total = 1;
    if (!vary)
        return 0;
    if ((status = expect_object(r, vary, "an object such as {\"policy.undo-window\": [\"0s\", \"5s\"]}")) != 0)
        return status;
    for (axis = first_child(vary); axis; axis = axis->next) {
        if ((status = expect_array(r, axis, 1, SCENARIO_VARIANTS_MAX, "values", &count)) != 0)
            return status;
        for (value = first_child(axis); value; value = value->next)
            if (!cJSON_IsString(value) && !cJSON_IsNumber(value) && !cJSON_IsBool(value))
                return reader_expected(r, value, "a text, a number, true or false");
        *total *= count;
        if (*total > SCENARIO_VARIANTS_MAX)
            return reader_fail(r, vary, false, 0, "found more than %d variants, expected at most that",
                               SCENARIO_VARIANTS_MAX);
    }
    return 0;
}

/* The tree of variant `number`: the first path turns slowest. */
static int make_variant(struct reader *r, cJSON *tree, const cJSON *vary, size_t number, size_t total, FILE *text)
{
    const cJSON *axis;
    size_t block = total, len;
    bool first = true;
    for (axis = first_child(vary); axis; axis = axis->next) {
        size_t count = (size_t)cJSON_GetArraySize(axis);
        block /= count;
        const cJSON *value = cJSON_GetArrayItem(axis, (int)(number / block % count));
        cJSON *copy = cJSON_Duplicate(value, true);
        if (!copy)
            return E_NOMEM;
        json_text_place_join(&r->json, copy, axis, value);
        const char *raw = cJSON_IsString(value) ? value->valuestring : json_text_raw(&r->json, value, &len);
        if (cJSON_IsString(value))
            len = strlen(raw);
        (void)fprintf(text, "%s%s=%.*s", first ? "" : ",", short_name(vary, axis), (int)len, raw);
        first = false;
        int status = set_path(r, tree, axis->string, copy);
        if (status != 0)
            return status;
    }
    return 0;
}

static int read_variant(struct reader *r, const cJSON *tree, const cJSON *vary, size_t number, size_t total,
                        struct scenario *scenario)
{
    cJSON *copy = cJSON_Duplicate(tree, true);
    char *variant = NULL;
    size_t size;
    FILE *text = open_memstream(&variant, &size);
    int status = copy && text ? make_variant(r, copy, vary, number, total, text) : E_NOMEM;
    if (text)
        (void)fclose(text);
    scenario->file = text_copy(r->json.sources[0].label);
    if (status == 0)
        status = interpret(r, copy, scenario);
    else if (status == E_NOMEM)
        (void)snprintf(r->error, SCENARIO_ERROR_MAX, "%s", base_status_text(status));
    scenario->variant = variant;
    cJSON_Delete(copy);
    return status;
}

int read_variants(struct reader *r, cJSON *tree, struct scenario **scenarios, size_t *count)
{
    const cJSON *vary = cJSON_GetObjectItemCaseSensitive(tree, "vary");
    size_t total;
    int status = count_variants(r, vary, &total);
    if (status != 0)
        return status;
    struct scenario *all = base_alloc(total * sizeof *all);
    size_t i = 0;
    while (i < total && status == 0) {
        status = read_variant(r, tree, vary, i, total, &all[i]);
        i++;
    }
    if (status != 0) {
        scenario_free_all(all, i);
        return status;
    }
    *scenarios = all;
    *count = total;
    return 0;
}
