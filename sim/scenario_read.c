/*
 * scenario_read.c: from a file to its scenarios. The text is scanned and parsed once; --set and "vary" change the tree;
 * each changed tree is interpreted from scratch, so that a variant is checked as strictly as a file.
 */
#include "sim/scenario_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD_ACTIVE_DEFAULT (600 * US_PER_S)

static void set_defaults(struct scenario *s, const char *file)
{
    *s = (struct scenario){.file = text_copy(file),
                           .seeds = 20,
                           .seeds_at_most = UINT64_MAX,
                           .shards = 1,
                           .policy = policy_sound(),
                           .flaw = -1,
                           .network = {.median_us = 40 * US_PER_MS,
                                       .p99_us = 400 * US_PER_MS,
                                       .shard_median_us = 2 * US_PER_MS,
                                       .shard_p99_us = 10 * US_PER_MS},
                           .online_us = 5 * US_PER_S,
                           .returning_us = 60 * US_PER_S,
                           .judge_ppm = 1000000,
                           .observe_every_us = 60 * US_PER_S,
                           .events_max = 50000000,
                           .records_max = 50000000,
                           .memory_max_bytes = 2ULL << 30};
}

static int read_version(struct reader *r)
{
    const cJSON *format = member(r->tree, "sexton-scenario"), *name = member(r->tree, "name");
    size_t len;
    if (!cJSON_IsNumber(format) || *json_text_raw(&r->json, format, &len) != '1' || len != 1)
        return reader_expected(r, format, "1: the version of the format that this program reads");
    if (!cJSON_IsString(name) || !*name->valuestring || strlen(name->valuestring) > 100 ||
        name->valuestring[strspn(name->valuestring, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return reader_expected(r, name, "a name of small letters, digits and '-'");
    r->s->name = text_copy(name->valuestring);
    return 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant, days_from_civil). */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = y / 400;
    unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int read_starts(struct reader *r, const cJSON *item)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *text = "2025-03-03T08:00Z", *shape = "dddd-dd-ddTdd:ddZ";
    unsigned f[5] = {0}, field = 0;
    if (item)
        text = cJSON_IsString(item) ? item->valuestring : "";
    bool good = strlen(text) == strlen(shape);
    for (size_t i = 0; good && shape[i]; i++) {
        if (shape[i] != 'd')
            good = text[i] == shape[i] && ++field;
        else if ((good = text[i] >= '0' && text[i] <= '9'))
            f[field] = f[field] * 10 + (unsigned)(text[i] - '0');
    }
    bool leap = f[0] % 4 == 0 && (f[0] % 100 != 0 || f[0] % 400 == 0);
    if (!good || f[0] < 1970 || f[1] < 1 || f[1] > 12 || f[2] < 1 ||
        f[2] > lengths[f[1] - 1] + (unsigned)(leap && f[1] == 2) || f[3] > 23 || f[4] > 59)
        return reader_expected(r, item, "a moment such as \"2025-03-03T08:00Z\"");
    r->s->starts_s = days_from_civil(f[0], f[1], f[2]) * 86400 + f[3] * 3600 + f[4] * 60;
    return 0;
}

static int read_server(struct reader *r, const cJSON *item)
{
    const cJSON *store = item ? member(item, "store") : NULL;
    int status = item ? read_object(r, item, &server_table, 0, "a \"server\"", r->s) : 0;
    if (status != 0)
        return status;
    bool sqlite = store && cJSON_IsString(store) && strcmp(store->valuestring, "sqlite") == 0;
    if (store && !sqlite && (!cJSON_IsString(store) || strcmp(store->valuestring, "memory") != 0))
        return reader_expected(r, store, "\"memory\" or \"sqlite\"");
    if (r->s->remanence && !r->s->disk)
        return reader_fail(r, member(item, "remanence"), true, 0,
                           "found \"remanence\" without disks, expected \"disk\" beside it");
    r->s->store = text_copy(sqlite || r->s->disk ? "sqlite" : "memory");
    return 0;
}

const struct policy_info *find_choice(struct reader *r, const cJSON *item)
{
    char hint[100];
    const struct policy_info *info = policy_find(item->string);
    if (info)
        return info;
    struct suggestion suggestion = {item->string, "", 0};
    suggestion_try(&suggestion, "preset");
    for (size_t i = 0; i < policy_table_size; i++)
        suggestion_try(&suggestion, policy_table[i].name);
    suggestion_text(&suggestion, hint, sizeof hint);
    (void)reader_fail(r, item, true, 0, "found \"%.60s\", expected \"preset\" or a choice (`sexton list policies`)%s",
                      item->string, hint);
    return NULL;
}

int read_choice_value(struct reader *r, const struct policy_info *info, const cJSON *item, uint64_t *value)
{
    unsigned word;
    if (info->type == POLICY_IS_TIME)
        return read_time(r, item, value);
    if (info->type == POLICY_IS_COUNT)
        return read_count(r, item, info->low, info->high, value);
    int status = read_word(r, item, info->words, &word);
    *value = word;
    return status;
}

static int read_choice(struct reader *r, const cJSON *item)
{
    uint64_t value = 0;
    const struct policy_info *info = find_choice(r, item);
    int status = info ? read_choice_value(r, info, item, &value) : E_INVALID;
    if (status == 0)
        policy_set(&r->s->policy, info, value);
    return status;
}

/* "name=value name=value" of a preset; the table is ours, so a mistake in it is a programmer's. */
static void apply_preset(struct policy *policy, const char *changes)
{
    char name[40], text[40];
    int used;
    while (sscanf(changes, " %39[^=]=%39s%n", name, text, &used) == 2) {
        const struct policy_info *info = policy_find(name);
        uint64_t value = 0;
        bool good = info != NULL;
        changes += used;
        if (good && info->type == POLICY_IS_TIME) {
            good = history_parse_duration(text, &value) == 0;
        } else if (good && info->type == POLICY_IS_COUNT) {
            value = strtoull(text, NULL, 10);
        } else if (good) {
            const char *word = info->words;
            size_t len = strlen(text);
            for (; *word && (strcspn(word, "|") != len || memcmp(word, text, len) != 0); value++) {
                word += strcspn(word, "|");
                word += *word == '|';
            }
            good = *word != '\0';
        }
        assert(good);
        policy_set(policy, info, value);
    }
}

static int read_policy(struct reader *r, const cJSON *item)
{
    const cJSON *child, *preset = item ? member(item, "preset") : NULL;
    struct suggestion suggestion = {"", "", 0};
    char hint[100];
    size_t i = 0;
    int status;
    if (!item)
        return 0;
    if ((status = expect_object(r, item, "a \"policy\"")) != 0)
        return status;
    if (preset) {
        if ((status = expect_string(r, preset, "a preset (`sexton list presets`)")) != 0)
            return status;
        suggestion.name = preset->valuestring;
        for (; i < policy_presets_size && strcmp(policy_presets[i].name, preset->valuestring) != 0; i++)
            suggestion_try(&suggestion, policy_presets[i].name);
        suggestion_text(&suggestion, hint, sizeof hint);
        if (i == policy_presets_size)
            return reader_expected(r, preset, "a preset (`sexton list presets`)%s", hint);
        apply_preset(&r->s->policy, policy_presets[i].changes);
    }
    for (child = first_child(item); child; child = child->next)
        if (child != preset && (status = read_choice(r, child)) != 0)
            return status;
    return 0;
}

int read_span(struct reader *r, const cJSON *item, uint64_t max, uint64_t *low, uint64_t *high)
{
    size_t count;
    if (!item)
        return 0;
    int status = expect_array(r, item, 2, 2, "numbers", &count);
    if (status == 0)
        status = read_count(r, item->child, 1, max, low);
    if (status == 0)
        status = read_count(r, item->child->next, *low, max, high);
    return status;
}

static int find_work(struct reader *r, const cJSON *item, int *found)
{
    char hint[100];
    struct suggestion suggestion = {item->string, "", 0};
    for (*found = 0; *found < WORK_COUNT; ++*found) {
        if (strcmp(workload_table[*found].name, item->string) == 0)
            return 0;
        suggestion_try(&suggestion, workload_table[*found].name);
    }
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_fail(r, item, true, 0, "found \"%.60s\", expected an operation of the workload%s", item->string,
                       hint);
}

static int read_mix(struct reader *r, const cJSON *mix)
{
    struct scenario_crowd *c = &r->s->crowd;
    uint64_t total = 0, weight;
    if (!mix || (cJSON_IsString(mix) && strcmp(mix->valuestring, "all") == 0)) {
        for (int i = 0; i < WORK_COUNT; i++)
            c->weights[i] = workload_table[i].weight;
        return 0;
    }
    int status = expect_object(r, mix, "\"all\", or weights such as {\"send\": 60, \"delete\": 6}"), at;
    for (const cJSON *child = first_child(mix); status == 0 && child; child = child->next) {
        status = find_work(r, child, &at);
        if (status == 0)
            status = read_count(r, child, 0, 1000000, &weight);
        if (status == 0)
            total += c->weights[at] = (uint32_t)weight;
    }
    return status == 0 && total == 0 ? reader_expected(r, mix, "a weight above 0") : status;
}

static int read_workload(struct reader *r, const cJSON *item)
{
    int status = item ? read_object(r, item, &workload_key_table, 0, "a \"workload\"", r->s) : 0;
    return status == 0 && item ? read_mix(r, member(item, "mix")) : status;
}

static int read_standing(struct reader *r, const cJSON *item)
{
    struct scenario_crowd *c = &r->s->crowd;
    size_t count;
    int status = item ? expect_array(r, item, 0, SCENARIO_STANDING_MAX, "kinds of conversations", &count) : 0;
    for (const cJSON *child = first_child(item); status == 0 && child; child = child->next) {
        struct scenario_standing *standing = &c->standing[c->standing_count++];
        status = read_object(r, child, &standing_table, 0, "conversations of a crowd", standing);
        if (status == 0)
            status = read_span(r, member(child, "members"), SCENARIO_CROWD_MAX, &standing->low, &standing->high);
        if (status == 0 && standing->low < 2)
            status = reader_expected(r, member(child, "members"), "two members or more");
    }
    return status;
}

/* So many a user and day, as a total of the crowd. */
static uint64_t total_of(const struct scenario_crowd *c, uint64_t daily_ppm)
{
    return c->users * daily_ppm / 1000 * (c->active_us / US_PER_S) / (86400 * 1000);
}

static int read_daily(struct reader *r, const cJSON *item)
{
    struct scenario_crowd *c = &r->s->crowd;
    struct scenario_daily daily = {0};
    int status = item ? read_object(r, item, &daily_table, 0, "what a user does a day", &daily) : 0;
    if (daily.sends)
        c->sends = total_of(c, daily.sends);
    if (daily.deletes)
        c->deletes = total_of(c, daily.deletes);
    if (daily.conversation_deletes)
        c->conversation_deletes = total_of(c, daily.conversation_deletes);
    if (daily.undos)
        c->undos = total_of(c, daily.undos);
    return status;
}

static int read_crowd(struct reader *r, const cJSON *item)
{
    struct scenario_crowd *c = &r->s->crowd;
    if (!item)
        return 0;
    *c = (struct scenario_crowd){.devices_min = 1,
                                 .devices_max = 1,
                                 .away_for_us = US_PER_DAY,
                                 .conversations_per_user_ppm = 1000000,
                                 .group_min = 2,
                                 .group_max = 5,
                                 .astray_ppm = 50000};
    int status = read_object(r, item, &crowd_table, 0, "a \"crowd\"", r->s);
    if (status == 0)
        status = read_span(r, member(item, "devices"), 16, &c->devices_min, &c->devices_max);
    if (status == 0)
        status = read_span(r, member(item, "group"), 100000, &c->group_min, &c->group_max);
    if (status == 0)
        status = read_workload(r, member(item, "workload"));
    if (!member(item, "active"))
        c->active_us = member(r->tree, "lasts") ? r->s->lasts_us : CROWD_ACTIVE_DEFAULT;
    if (status == 0)
        status = read_standing(r, member(item, "standing"));
    return status == 0 ? read_daily(r, member(item, "daily")) : status;
}

int read_latency(struct reader *r, const cJSON *network, const char *key, uint64_t *median_us, uint64_t *p99_us)
{
    const cJSON *item = member(network, key);
    uint64_t pair[2] = {*median_us, *p99_us};
    int status = item ? read_object(r, item, &latency_table, 0, "a latency", pair) : 0;
    if (status == 0 && pair[1] < pair[0])
        return reader_expected(r, member(item, "p99"), "a \"p99\" that is not below the median");
    *median_us = pair[0];
    *p99_us = pair[1];
    return status;
}

static int read_network(struct reader *r, const cJSON *item)
{
    struct scenario_network *n = &r->s->network;
    int status = item ? read_object(r, item, &network_table, 0, "a \"network\"", r->s) : 0;
    if (status == 0 && item)
        status = read_latency(r, item, "latency", &n->median_us, &n->p99_us);
    if (status == 0 && item)
        status = read_latency(r, item, "shard-latency", &n->shard_median_us, &n->shard_p99_us);
    return status;
}

/* "faults": {"half-open": 3} */
static int read_faults(struct reader *r, const cJSON *item)
{
    char hint[100];
    uint64_t count;
    int status = item ? expect_object(r, item, "how many of each fault: {\"half-open\": 3}") : 0;
    for (const cJSON *child = item ? first_child(item) : NULL; status == 0 && child; child = child->next) {
        struct suggestion suggestion = {child->string, "", 0};
        unsigned fault = FAULT_NONE + 1;
        for (; fault < FAULT_KIND_COUNT; fault++) {
            if (scenario_draws_fault(fault))
                suggestion_try(&suggestion, fault_name(fault));
            if (scenario_draws_fault(fault) && strcmp(fault_name(fault), child->string) == 0)
                break;
        }
        suggestion_text(&suggestion, hint, sizeof hint);
        if (fault == FAULT_KIND_COUNT)
            return reader_fail(r, child, true, 0, "found \"%.60s\", expected a fault that can be drawn%s",
                               child->string, hint);
        status = read_count(r, child, 0, 100000, &count);
        r->s->faults[fault] = (uint32_t)count;
    }
    return status;
}

static int read_small(struct reader *r)
{
    const cJSON *seen = member(r->tree, "seen"), *bounds = member(r->tree, "bounds");
    const cJSON *judged = member(r->tree, "judge"), *limits = member(r->tree, "limits"),
                *schema = member(r->tree, "$schema");
    int status;
    if (schema && (status = expect_string(r, schema, "the place of the schema")) != 0)
        return status;
    if (seen && (status = read_texts(r, seen, 64, "bugs", &r->s->seen, &r->s->seen_count)) != 0)
        return status;
    if (bounds && (status = read_object(r, bounds, &bounds_table, 0, "a \"bounds\"", r->s)) != 0)
        return status;
    if (judged && (status = read_object(r, judged, &judge_table, 0, "a \"judge\"", r->s)) != 0)
        return status;
    if (r->s->judge_ppm < 1000000 && (r->s->audited || r->s->remanence))
        return reader_fail(
            r, judged, false, 0,
            "found a share of what is judged, with audit logs or disks looked at, expected no such share: "
            "these are judged whole");
    return limits ? read_object(r, limits, &limits_table, 0, "a \"limits\"", r->s) : 0;
}

static int read_sections(struct reader *r)
{
    int status = read_object(r, r->tree, &scenario_table, 0, "a scenario", r->s);
    if (status != 0 || (status = read_version(r)) != 0 || (status = read_starts(r, member(r->tree, "starts"))) != 0 ||
        (status = read_server(r, member(r->tree, "server"))) != 0 ||
        (status = read_policy(r, member(r->tree, "policy"))) != 0 || (status = read_small(r)) != 0 ||
        (status = read_crowd(r, member(r->tree, "crowd"))) != 0 || (status = read_swarm(r)) != 0 ||
        (status = read_network(r, member(r->tree, "network"))) != 0 ||
        (status = read_faults(r, member(r->tree, "faults"))) != 0 || (status = read_people(r)) != 0 ||
        (status = read_links(r)) != 0 || (status = read_script(r)) != 0 || (status = resolve_script(r)) != 0 ||
        (status = read_expect(r)) != 0)
        return status;
    if (r->s->step_count == 0 && r->s->crowd.users == 0)
        return reader_fail(r, r->tree, false, 0, "found neither a \"script\" with steps nor a \"crowd\", expected one");
    if (!member(r->tree, "lasts") && r->s->crowd.active_us > r->s->lasts_us)
        r->s->lasts_us = r->s->crowd.active_us;
    return 0;
}

int interpret(struct reader *r, const cJSON *tree, struct scenario *scenario)
{
    r->tree = tree;
    r->groups = NULL;
    r->s = scenario;
    r->step_count = 0;
    names_clear(r->users);
    names_clear(r->devices);
    names_clear(r->conversations);
    names_clear(r->as);
    char *file = scenario->file; /* set by the caller for messages */
    set_defaults(scenario, file);
    free(file);
    return read_sections(r);
}

/* `base`: what the name must be, or NULL. */
static int read_named(const char *file, const char *base, const char *text, size_t size, const char *const *sets,
                      size_t set_count, struct scenario **scenarios, size_t *count, char *error)
{
    struct reader r = {.error = error,
                       .users = names_new(),
                       .devices = names_new(),
                       .conversations = names_new(),
                       .as = names_new(),
                       .scratch = names_new()};
    cJSON *tree = NULL;
    *scenarios = NULL;
    *count = 0;
    error[0] = '\0';
    int status = json_text_parse(&r.json, file, true, text, size, &tree, error, SCENARIO_ERROR_MAX);
    if (status == 0)
        status = expect_object(&r, tree, "a scenario: an object");
    const cJSON *name = status == 0 ? member(tree, "name") : NULL;
    if (base && cJSON_IsString(name) && strcmp(name->valuestring, base) != 0)
        status = reader_expected(&r, name, "\"%.100s\", as the file is called", base);
    if (status == 0)
        status = apply_sets(&r, tree, sets, set_count);
    if (status == 0)
        status = read_variants(&r, tree, scenarios, count);
    cJSON_Delete(tree);
    json_text_release(&r.json);
    names_free(r.users);
    names_free(r.devices);
    names_free(r.conversations);
    names_free(r.as);
    names_free(r.scratch);
    free(r.as_steps);
    free(r.steps);
    return status;
}

int scenario_read_text(const char *file, const char *text, size_t size, const char *const *sets, size_t set_count,
                       struct scenario **scenarios, size_t *count, char error[SCENARIO_ERROR_MAX])
{
    return read_named(file, NULL, text, size, sets, set_count, scenarios, count, error);
}

/* "dir/NAME.json" -> "NAME"; malloc'd. NULL when the file is not called so. */
static char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t len = strlen(base);
    char *name = text_copy(base);
    if (len > 5 && strcmp(base + len - 5, ".json") == 0)
        name[len - 5] = '\0';
    return name;
}

int scenario_read(const char *file, const char *const *sets, size_t set_count, struct scenario **scenarios,
                  size_t *count, char error[SCENARIO_ERROR_MAX])
{
    bool standard = strcmp(file, "-") == 0;
    FILE *in = standard ? stdin : fopen(file, "rb");
    char *text = NULL;
    size_t size = 0, cap = 0, got;
    *scenarios = NULL;
    *count = 0;
    if (!in) {
        (void)snprintf(error, SCENARIO_ERROR_MAX, "%.500s:1:1: found no file to read (%s), expected a scenario", file,
                       strerror(errno));
        return E_IO;
    }
    do { /* one byte above the limit is enough to know */
        size_t room = SCENARIO_BYTES_MAX + 1 - size < 65536 ? SCENARIO_BYTES_MAX + 1 - size : 65536;
        text = base_grow(text, &cap, size + 65536, 1);
        got = fread(text + size, 1, room, in);
        size += got;
    } while (got > 0 && size <= SCENARIO_BYTES_MAX);
    int problem = ferror(in) ? errno : 0;
    if (!standard)
        (void)fclose(in);
    if (problem != 0) {
        (void)snprintf(error, SCENARIO_ERROR_MAX, "%.500s:1:1: found what cannot be read (%s), expected a scenario",
                       file, strerror(problem));
        free(text);
        return E_IO;
    }
    char *base = standard ? NULL : base_name(file);
    int status =
        read_named(standard ? "<standard input>" : file, base, text, size, sets, set_count, scenarios, count, error);
    free(base);
    free(text);
    return status;
}
