/*
 * scenario_script.c: the steps of a script, first pass: the form of each, its keys, devices and nodes, and the names
 * (`as`) that it gives. Names that a step speaks of are resolved in scenario_resolve.c, when all are known.
 */
#include "core/store.h"
#include "sim/disk.h"
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_BEFORE_FETCH 8U /* in wire_kind_words */

static const char *const do_words[] = {
    [FORM_TYPE] = "type",
    [FORM_LOOK] = "look",
    [FORM_OFFLINE] = "offline",
    [FORM_ONLINE] = "online",
    [FORM_LINK] = "link",
    [FORM_NEVER] = "never",
    [FORM_SEARCH] = "search",
    [FORM_DEVICE_BACKUP] = "device-backup",
    [FORM_DEVICE_RESTORE] = "device-restore",
    [FORM_CLONE] = "clone",
    [FORM_FETCH] = "fetch",
    [FORM_TYPING] = "typing",
};
static const enum step_kind do_kinds[] = {
    [FORM_TYPE] = STEP_TYPE,
    [FORM_LOOK] = STEP_LOOK,
    [FORM_OFFLINE] = STEP_OFFLINE,
    [FORM_ONLINE] = STEP_ONLINE,
    [FORM_LINK] = STEP_LINK,
    [FORM_NEVER] = STEP_NEVER,
    [FORM_SEARCH] = STEP_SEARCH,
    [FORM_DEVICE_BACKUP] = STEP_DEVICE_BACKUP,
    [FORM_DEVICE_RESTORE] = STEP_DEVICE_RESTORE,
    [FORM_CLONE] = STEP_CLONE,
    [FORM_FETCH] = STEP_FETCH,
    [FORM_TYPING] = STEP_TYPING,
};

const char *scenario_do_word(unsigned form)
{
    return form < FORM_TYPE ? operation_name(form) : do_words[form];
}

static int read_do(struct reader *r, const cJSON *item, unsigned *form)
{
    char list[1000] = "", hint[100];
    size_t used = 0;
    int status = expect_string(r, item, "something to do");
    if (status != 0)
        return status;
    struct suggestion suggestion = {item->valuestring, "", 0};
    for (*form = FORM_OPERATION + 1; *form < FORM_RACE; ++*form) {
        const char *word = scenario_do_word(*form);
        if (strcmp(word, item->valuestring) == 0)
            return 0;
        suggestion_try(&suggestion, word);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", word);
    }
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "one of %s%s", list, hint);
}

static int read_fault(struct reader *r, const cJSON *item, unsigned *form)
{
    char words[800] = "";
    size_t used = 0;
    for (unsigned fault = FAULT_NONE + 1; fault < FAULT_KIND_COUNT; fault++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", used ? "|" : "", fault_name(fault));
    int status = read_word(r, item, words, form);
    *form += FORM_FAULT + 1;
    return status;
}

/* Which form is it? The word that the step goes by in errors, and its key. */
static int read_form(struct reader *r, const cJSON *item, bool branch, unsigned *form)
{
    const cJSON *act = member(item, "do"), *race = member(item, "race"), *fault = member(item, "fault");
    if ((act != NULL) + (race != NULL) + (fault != NULL) != 1)
        return reader_fail(r, item, false, 0, "found a step with %s of \"do\", \"race\" and \"fault\", expected one",
                           act || race || fault ? "several" : "none");
    if (race && branch)
        return reader_fail(r, race, true, 0, "found a race in a race, expected \"do\" or \"fault\"");
    *form = FORM_RACE;
    return act ? read_do(r, act, form) : fault ? read_fault(r, fault, form) : 0;
}

static int read_device(struct reader *r, const cJSON *item, uint32_t *device)
{
    char hint[100];
    int status = expect_string(r, item, "a device");
    if (status != 0)
        return status;
    uint32_t name = names_find(r->devices, item->valuestring);
    if (name != 0) {
        *device = name - 1;
        return 0;
    }
    struct suggestion suggestion = {item->valuestring, "", 0};
    suggestion_try_names(&suggestion, r->devices);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "a device of \"users\", such as \"alice.phone\"%s", hint);
}

static int need(struct reader *r, const cJSON *item, const char *key, const char *what, const cJSON **found)
{
    *found = member(item, key);
    return *found ? 0 : reader_fail(r, item, false, 0, "found a \"%s\" without \"%s\", expected it", what, key);
}

static int read_when(struct reader *r, struct scenario_step *step, const cJSON *item, bool branch)
{
    const cJSON *at = member(item, "at"), *after = member(item, "after"), *plus = member(item, "plus");
    const cJSON *every = member(item, "every");
    if (branch && (at || after || plus))
        return reader_fail(r,
                           at      ? at
                           : after ? after
                                   : plus,
                           true, 0, "found a moment in a branch, expected none: a branch starts with its race");
    if (!branch && !at == !after)
        return reader_fail(r, item, false, 0, "found a step with %s of \"at\" and \"after\", expected one of them",
                           at ? "both" : "none");
    if (plus && !after)
        return reader_fail(r, plus, true, 0, "found \"plus\" without \"after\", expected both or none");
    if (every && step->count < 2)
        return reader_fail(r, every, true, 0, "found \"every\" without a \"count\" of 2 or more, expected it");
    return 0;
}

static int read_answer(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    char hint[100];
    const char *text;
    int status = expect_string(r, item, "\"acked\", \"either\", \"refused\" or \"refused WHY\"");
    if (status != 0)
        return status;
    text = item->valuestring;
    step->expect = strcmp(text, "acked") == 0                                                ? EXPECT_ACKED
                   : strcmp(text, "either") == 0                                             ? EXPECT_EITHER
                   : strncmp(text, "refused", 7) == 0 && (text[7] == '\0' || text[7] == ' ') ? EXPECT_REFUSED
                                                                                             : EXPECT_NOTHING;
    if (step->expect == EXPECT_NOTHING)
        return reader_expected(r, item, "\"acked\", \"either\", \"refused\" or \"refused WHY\"");
    if (step->expect != EXPECT_REFUSED || text[7] == '\0')
        return 0;
    step->expect_why = (uint8_t)why_find(text + 8);
    if (step->expect_why != WHY_NONE)
        return 0;
    struct suggestion suggestion = {text + 8, "", 0};
    for (unsigned why = WHY_NONE + 1; why < WHY_COUNT; why++)
        suggestion_try(&suggestion, why_name(why));
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_fail(r, item, false, 9, "found \"%.60s\", expected the reason of a refusal%s", text + 8, hint);
}

/* It starts from the image of another device of the same user. */
static int read_source(struct reader *r, struct scenario_step *step, const cJSON *item, const char *what)
{
    const cJSON *of;
    int status = need(r, item, "of", what, &of);
    if (status != 0 || (status = read_device(r, of, &step->of)) != 0)
        return status;
    if (step->of == step->device || r->s->devices[step->of].user != r->s->devices[step->device].user)
        return reader_expected(r, of, "another device of the same user");
    return 0;
}

static int read_operation(struct reader *r, struct scenario_step *step, const cJSON *item, unsigned form)
{
    static const form_set need_in =
        FORM_BIT(OPERATION_ADD) | FORM_BIT(OPERATION_REMOVE) | FORM_BIT(OPERATION_LEAVE) | FORM_BIT(OPERATION_SEND) |
        FORM_BIT(OPERATION_DELETE_CONV) | FORM_BIT(OPERATION_UNDO_CONV) | FORM_BIT(OPERATION_CLEAR) |
        FORM_BIT(FORM_TYPE) | FORM_BIT(OPERATION_DELETE_ALL) | FORM_BIT(OPERATION_SET_ROLE) |
        FORM_BIT(OPERATION_SET_RETENTION) | FORM_BIT(OPERATION_EXPORT) | FORM_BIT(OPERATION_JOIN) |
        FORM_BIT(OPERATION_INVITE) | FORM_BIT(OPERATION_UPLOAD) | FORM_BIT(FORM_TYPING);
    static const form_set need_message =
        FORM_BIT(OPERATION_DELETE) | FORM_BIT(OPERATION_UNDO) | FORM_BIT(OPERATION_EDIT) |
        FORM_BIT(OPERATION_DELETE_ME) | FORM_BIT(OPERATION_CANCEL) | FORM_BIT(OPERATION_READ) |
        FORM_BIT(OPERATION_ACCEPT) | FORM_BIT(OPERATION_DECLINE) | FORM_BIT(OPERATION_WITHDRAW) | FORM_BIT(FORM_FETCH);
    static const form_set need_user = FORM_BIT(OPERATION_ADD) | FORM_BIT(OPERATION_REMOVE) |
                                      FORM_BIT(OPERATION_SET_ROLE) | FORM_BIT(OPERATION_INVITE);
    const char *what = scenario_do_word(form);
    const cJSON *found, *kind = NULL, *answer = member(item, "expect");
    unsigned word;
    int status = 0;
    step->kind = form < FORM_TYPE ? STEP_OPERATION : do_kinds[form];
    step->operation = (uint8_t)(form < FORM_TYPE ? form : OPERATION_NONE);
    if (form == FORM_DEVICE_RESTORE || form == FORM_CLONE || (form == FORM_LINK && member(item, "of")))
        status = read_source(r, step, item, what);
    if (status == 0 && (FORM_BIT(form) & need_in))
        status = need(r, item, "in", what, &found);
    if (status == 0 && (FORM_BIT(form) & need_message))
        status = need(r, item, "message", what, &found);
    if (status == 0 && (FORM_BIT(form) & need_user))
        status = need(r, item, "user", what, &found);
    if (status == 0 && form == OPERATION_SET_RETENTION)
        status = need(r, item, "period", what, &found);
    if (status == 0 && (form == FORM_TYPE || form == FORM_SEARCH))
        status = need(r, item, "text", what, &found);
    if (status == 0 && form == OPERATION_UPLOAD)
        status = need(r, item, "as", what, &found);
    if (status == 0 && form == OPERATION_SET_ROLE)
        status = need(r, item, "role", what, &found);
    if (status == 0 && form == OPERATION_CREATE && (status = need(r, item, "kind", what, &kind)) == 0 &&
        (status = need(r, item, "as", what, &found)) == 0 &&
        (status = read_word(r, kind, conv_kind_words, &word)) == 0) {
        step->conv_kind = (uint8_t)(word + CONV_DIRECT);
        if ((step->conv_kind == CONV_DIRECT) != (member(item, "user") != NULL))
            status = reader_fail(r, item, false, 0, "found a %s conversation with%s \"user\", expected it %s",
                                 kind->valuestring, step->conv_kind == CONV_DIRECT ? "out" : "",
                                 step->conv_kind == CONV_DIRECT ? "" : "for direct ones only");
    }
    bool holds = form == OPERATION_HOLD || form == OPERATION_RELEASE;
    if (status == 0 && holds && !member(item, "in") == !member(item, "user"))
        status = reader_fail(r, item, false, 0, "found a \"%s\" with %s of \"in\" and \"user\", expected one of them",
                             what, member(item, "in") ? "both" : "none");
    return status == 0 && answer ? read_answer(r, step, answer) : status;
}

static int read_partition(struct reader *r, struct scenario_step *step, const cJSON *between)
{
    size_t count;
    int status = expect_array(r, between, 2, 2, "sides", &count);
    if (status == 0)
        status = expand_nodes(r, between->child, NULL, 0, &step->nodes_a, &step->nodes_a_count);
    if (status == 0)
        status = expand_nodes(r, between->child->next, step->nodes_a, step->nodes_a_count, &step->nodes_b,
                              &step->nodes_b_count);
    return status;
}

/* Two sides, or a shape, perhaps among some. */
static int read_sides(struct reader *r, struct scenario_step *step, const cJSON *item, const char *what)
{
    const cJSON *between = member(item, "between"), *among = member(item, "among");
    if (!between == !step->shape)
        return reader_fail(r, item, false, 0,
                           "found a \"%s\" with %s of \"between\" and \"shape\", expected one of them", what,
                           between ? "both" : "none");
    if (between)
        return among ? reader_fail(r, among, true, 0, "found \"among\" without \"shape\", expected both or none")
                     : read_partition(r, step, between);
    return among ? expand_nodes(r, among, NULL, 0, &step->nodes_a, &step->nodes_a_count) : 0;
}

static int check_devices(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    for (size_t i = 0; i < step->nodes_a_count; i++)
        if (step->nodes_a[i] & SCENARIO_SHARD)
            return reader_expected(r, item, "devices only, no shard");
    return 0;
}

/* Of all that a fault may say, what this one must not leave out, and what it leaves to the defaults. */
static int read_link_fault(struct reader *r, struct scenario_step *step, const cJSON *item, const char *what)
{
    const cJSON *found, *node = member(item, "node");
    int status = 0;
    if (step->fault == FAULT_CLOG && (status = need(r, item, "for", what, &found)) == 0 &&
        (status = need(r, item, "between", what, &found)) == 0)
        return read_partition(r, step, found);
    if (step->fault == FAULT_OUTAGE && (status = need(r, item, "for", what, &found)) != 0)
        return status;
    if (step->fault == FAULT_CORRUPT) {
        if ((status = need(r, item, "from", what, &found)) == 0 &&
            (status = expand_nodes(r, found, NULL, 0, &step->nodes_a, &step->nodes_a_count)) == 0 &&
            (status = need(r, item, "to", what, &found)) == 0)
            status = expand_nodes(r, found, NULL, 0, &step->nodes_b, &step->nodes_b_count);
        return status;
    }
    if (status == 0 && step->fault != FAULT_OUTAGE)
        status = need(r, item, "node", what, &node);
    if (status == 0 && node)
        status = expand_nodes(r, node, NULL, 0, &step->nodes_a, &step->nodes_a_count);
    return status == 0 && node ? check_devices(r, step, node) : status;
}

static int check_point(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    bool of_device = step->point == CRASH_BEFORE_WRITE || step->point == CRASH_AFTER_WRITE;
    for (size_t i = 0; i < step->nodes_a_count && step->point != CRASH_NOW; i++) {
        bool shard = (step->nodes_a[i] & SCENARIO_SHARD) != 0;
        if (shard == of_device)
            return reader_expected(r, item,
                                   shard ? "a point of a shard: now, before-commit, after-intent, after-commit, "
                                           "after-some-sends or after-all-sends"
                                         : "a point of a device: now, before-write or after-write");
    }
    return 0;
}

/* "main" and so on; without it, every one. */
static int read_part(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    char words[100] = "all";
    size_t used = 3;
    step->parts = (1U << STORE_PARTS) - 1;
    for (int part = 0; item && part < STORE_PARTS; part++) {
        const char *name = store_part_name((enum store_part)part);
        used += (size_t)snprintf(words + used, sizeof words - used, ", %s", name);
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
            step->parts = 1U << part;
            return 0;
        }
    }
    if (!item || (cJSON_IsString(item) && strcmp(item->valuestring, "all") == 0))
        return 0;
    return reader_expected(r, item, "one of %s", words);
}

/* From the word (any, read, …; 0: none) to the calls that it stands for. */
static unsigned calls_of(enum fault_kind fault, unsigned word)
{
    const unsigned changes = 1U << DISK_WRITE | 1U << DISK_TRUNCATE | 1U << DISK_SYNC | 1U << DISK_REMOVE;
    static const unsigned defaults[FAULT_KIND_COUNT] = {
        [FAULT_LOST_SYNC] = 1U << DISK_SYNC,  [FAULT_IO_ERROR] = 1U << DISK_WRITE, [FAULT_DISK_FULL] = 1U << DISK_WRITE,
        [FAULT_SHORT_READ] = 1U << DISK_READ, [FAULT_BIT_FLIP] = 1U << DISK_READ,  [FAULT_SLOW_DISK] = 1U << DISK_SYNC};
    if (word == 0)
        return defaults[fault];
    if (word > 1)
        return 1U << (word - 2);
    return fault == FAULT_DISK_CRASH ? changes : changes | 1U << DISK_READ;
}

static int read_disk_fault(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    const cJSON *node, *call = member(item, "call");
    int status = need(r, item, "node", fault_name(step->fault), &node);
    if (status == 0)
        status = expand_nodes(r, node, NULL, 0, &step->nodes_a, &step->nodes_a_count);
    for (size_t i = 0; status == 0 && i < step->nodes_a_count; i++)
        if (!(step->nodes_a[i] & SCENARIO_SHARD))
            return reader_expected(r, node, "a shard, such as \"shard.0\": only shards have disks");
    if (status == 0 && !r->s->disk)
        return reader_fail(r, item, false, 0,
                           "found a fault of a disk in a scenario without disks, expected \"disk\" of \"server\"");
    step->calls = calls_of(step->fault, step->calls);
    bool of_one_kind = step->fault == FAULT_LOST_SYNC || step->fault == FAULT_DISK_FULL ||
                       step->fault == FAULT_SHORT_READ || step->fault == FAULT_BIT_FLIP;
    if (status == 0 && call && of_one_kind && step->calls != calls_of(step->fault, 0))
        return reader_expected(r, call, "no other call than that of a %s", fault_name(step->fault));
    if (status == 0 && member(item, "times") && !step->calls)
        return reader_expected(r, member(item, "times"), "a \"call\" beside it: without one the power goes at once");
    if (step->fault == FAULT_SLOW_DISK && !step->wait_us)
        step->wait_us = 100 * US_PER_MS;
    return status == 0 ? read_part(r, step, member(item, "part")) : status;
}

#define DRIFT_MAX_US ((int64_t)(1800 * US_PER_S))

static int check_old(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    for (size_t i = 0; i < step->nodes_a_count; i++)
        if ((step->nodes_a[i] & SCENARIO_SHARD) || !r->s->devices[step->nodes_a[i]].old)
            return reader_expected(r, item, "devices of \"old-clients\"");
    return 0;
}

static int check_shards(struct reader *r, const struct scenario_step *step, const cJSON *item)
{
    for (size_t i = 0; i < step->nodes_a_count; i++)
        if (!(step->nodes_a[i] & SCENARIO_SHARD))
            return reader_expected(r, item, "shards, such as \"shard.0\"");
    return 0;
}

static int read_fault_parts(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    const char *what = fault_name(step->fault);
    const cJSON *a = NULL, *b = NULL, *kind = member(item, "kind"), *point = member(item, "point");
    unsigned word;
    int status = 0;
    if (fault_is_of_disk(step->fault))
        return read_disk_fault(r, step, item);
    switch (step->fault) {
        case FAULT_PARTITION:
        case FAULT_FLAP:
            return read_sides(r, step, item, what);
        case FAULT_HALF_OPEN:
        case FAULT_CAPTIVE:
        case FAULT_CLOG:
        case FAULT_CORRUPT:
        case FAULT_SLOW_READER:
        case FAULT_OUTAGE:
            status = read_link_fault(r, step, item, what);
            break;
        case FAULT_BREAK:
        case FAULT_DROP:
            status = need(r, item, "device", what, &a);
            break;
        case FAULT_CRASH:
            status = need(r, item, "node", what, &a);
            break;
        case FAULT_BACKUP:
        case FAULT_RESTORE:
            status = need(r, item, step->fault == FAULT_BACKUP ? "as" : "backup", what, &b);
            b = NULL;
            if (status == 0)
                status = need(r, item, "node", what, &a);
            break;
        case FAULT_CLOCK:
            if (step->drift_us > DRIFT_MAX_US || step->drift_us < -DRIFT_MAX_US)
                return reader_expected(r, member(item, "drift"), "at most 30m an hour");
            if (!member(item, "drift"))
                status = need(r, item, "offset", what, &b);
            if (status == 0)
                status = need(r, item, "node", what, &a);
            b = NULL;
            break;
        case FAULT_PAUSE:
        case FAULT_SLOW:
        case FAULT_ROLLING_RESTART:
        case FAULT_UPGRADE:
        case FAULT_OUT_OF_MEMORY:
        case FAULT_STRANGERS:
            status = need(r, item, "node", what, &a);
            break;
        case FAULT_HOLD:
        case FAULT_RELEASE:
            if ((status = need(r, item, "from", what, &a)) == 0)
                status = need(r, item, "to", what, &b);
            break;
        default:
            break;
    }
    if (status == 0 && a)
        status = expand_nodes(r, a, NULL, 0, &step->nodes_a, &step->nodes_a_count);
    bool images = step->fault == FAULT_BACKUP || step->fault == FAULT_RESTORE;
    if (status == 0 && images && (step->nodes_a_count != 1 || !(step->nodes_a[0] & SCENARIO_SHARD)))
        return reader_expected(r, a, "one shard, such as \"shard.0\"");
    if (status == 0 && b)
        status = expand_nodes(r, b, NULL, 0, &step->nodes_b, &step->nodes_b_count);
    if (status == 0 && kind && (status = read_word(r, kind, wire_kind_words, &word)) == 0)
        step->filter =
            (uint8_t)(word < WORDS_BEFORE_FETCH ? WIRE_HELLO + word : WIRE_FETCH + word - WORDS_BEFORE_FETCH);
    if (status == 0 && step->fault == FAULT_UPGRADE)
        status = check_old(r, step, a);
    if (status == 0 && step->fault == FAULT_STRANGERS)
        status = check_shards(r, step, a);
    return status == 0 && point ? check_point(r, step, point) : status;
}

static int read_step(struct reader *r, struct scenario_step *step, const cJSON *item, const char *label, bool branch);

static int read_race(struct reader *r, struct scenario_step *step, const cJSON *race, const char *label)
{
    char name[64];
    const cJSON *child;
    size_t count;
    int status = expect_array(r, race, 2, SCENARIO_BRANCHES_MAX, "branches", &count);
    if (status != 0)
        return status;
    step->kind = STEP_RACE;
    step->branches = base_alloc(count * sizeof *step->branches);
    for (child = first_child(race); child; child = child->next) {
        size_t i = step->branch_count++;
        (void)snprintf(name, sizeof name, "%.40s.race[%zu]", label, i);
        if ((status = read_step(r, &step->branches[i], child, name, true)) != 0)
            return status;
    }
    return 0;
}

/* A name is given once, to a step or a conversation. */
static int register_as(struct reader *r, struct scenario_step *step, const cJSON *item)
{
    if (names_find(r->as, step->as) || names_find(r->conversations, step->as))
        return reader_expected(r, member(item, "as"), "a name that nothing else has");
    uint32_t name = names_intern(r->as, step->as);
    r->as_steps = base_grow(r->as_steps, &r->as_cap, name, sizeof *r->as_steps);
    r->as_steps[name - 1] = (struct step_ref){step, item, false};
    return 0;
}

static void set_place_and_label(struct reader *r, struct scenario_step *step, const cJSON *item, const char *label,
                                unsigned form)
{
    char text[160];
    unsigned line, column;
    const char *what = form == FORM_RACE   ? "race"
                       : form > FORM_FAULT ? fault_name(form - FORM_FAULT)
                                           : scenario_do_word(form);
    json_text_line_column(&r->json, item, &line, &column);
    step->line = (int)line;
    step->column = (int)column;
    (void)snprintf(text, sizeof text, "%s %s%s%s", label, what, step->as ? " " : "", step->as ? step->as : "");
    step->label = text_copy(text);
}

static int read_step(struct reader *r, struct scenario_step *step, const cJSON *item, const char *label, bool branch)
{
    char what[64];
    unsigned form;
    const cJSON *device;
    *step = (struct scenario_step){.conversation = -1, .subject = UINT32_MAX, .of = UINT32_MAX, .count = 1, .times = 1};
    int status = expect_object(r, item, "a step: an object");
    if (status != 0 || (status = read_form(r, item, branch, &form)) != 0)
        return status;
    (void)snprintf(what, sizeof what, "a \"%s\"",
                   form == FORM_RACE   ? "race"
                   : form > FORM_FAULT ? fault_name(form - FORM_FAULT)
                                       : scenario_do_word(form));
    step->service_us = 200 * US_PER_MS;
    if (form == FORM_RACE)
        step->within_us = 100 * US_PER_MS;
    step->down_us = step->up_us = US_PER_S;
    step->each_us = 100 * US_PER_MS;
    step->spread_us = 200 * US_PER_MS;
    static const form_set crashes = FORM_BIT(FORM_FAULT + FAULT_CRASH) | FORM_BIT(FORM_FAULT + FAULT_ROLLING_RESTART) |
                                    FORM_BIT(FORM_FAULT + FAULT_UPGRADE) | FORM_BIT(FORM_FAULT + FAULT_OUT_OF_MEMORY);
    if (FORM_BIT(form) & crashes) {
        step->gap_us = 2 * US_PER_S;
        step->for_us = US_PER_S;
        step->point = CRASH_NOW;
    }
    if ((status = read_object(r, item, &step_table, FORM_BIT(form), what, step)) != 0 ||
        (status = read_when(r, step, item, branch)) != 0)
        return status;
    if (form < FORM_RACE && (status = need(r, item, "device", scenario_do_word(form), &device)) != 0)
        return status;
    if ((device = member(item, "device")) && (status = read_device(r, device, &step->device)) != 0)
        return status;
    set_place_and_label(r, step, item, label, form);
    if (r->step_count >= SCENARIO_STEPS_MAX)
        return reader_fail(r, item, false, 0, "found more than %d steps, expected at most that", SCENARIO_STEPS_MAX);
    r->steps = base_grow(r->steps, &r->step_cap, r->step_count + 1, sizeof *r->steps);
    r->steps[r->step_count++] = (struct step_ref){step, item, branch};
    if (step->as && (status = register_as(r, step, item)) != 0)
        return status;
    if (form == FORM_RACE)
        return read_race(r, step, member(item, "race"), label);
    if (form < FORM_RACE)
        return read_operation(r, step, item, form);
    step->kind = STEP_FAULT;
    step->fault = (enum fault_kind)(form - FORM_FAULT);
    return read_fault_parts(r, step, item);
}

int read_script(struct reader *r)
{
    const cJSON *script = member(r->tree, "script"), *child;
    size_t count;
    char label[40];
    int status;
    if (!script)
        return 0;
    if ((status = expect_array(r, script, 0, SCENARIO_STEPS_MAX, "steps", &count)) != 0)
        return status;
    r->s->steps = base_alloc((count + 1) * sizeof *r->s->steps);
    for (child = first_child(script); child; child = child->next) {
        size_t i = r->s->step_count++;
        (void)snprintf(label, sizeof label, "script[%zu]", i);
        if ((status = read_step(r, &r->s->steps[i], child, label, false)) != 0)
            return status;
    }
    return 0;
}
