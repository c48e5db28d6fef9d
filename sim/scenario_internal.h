/*
 * scenario_internal.h: what the files of the scenario reader share.
 *
 * The keys of every object are data, in scenario_keys.c: the parser, its suggestions and the JSON Schema all come from
 * them, so none can know a key that another does not. A key of a plain type is read straight into its field; one of
 * type KEY_OTHER has its own function, and its schema in `words`.
 *
 * Every function that reads returns 0, or E_INVALID after it has written the error; the caller then returns at once.
 */
#ifndef SEXTON_SIM_SCENARIO_INTERNAL_H
#define SEXTON_SIM_SCENARIO_INTERNAL_H

#include "sim/json_text.h"
#include "sim/scenario.h"

#include <cJSON.h>

/* No moment or span of a scenario is longer than a century, so that sums of a few never overflow. */
#define SCENARIO_TIME_MAX (36500 * US_PER_DAY)
#define SCENARIO_NAME_MAX 32 /* bytes of a user, device suffix, conversation, group or operation name */
#define SCENARIO_VARIANTS_MAX 64
#define SCENARIO_EVENTS_MAX 64 /* of each of sometimes, never, finally */
#define SCENARIO_TOTAL_MAX 1000000000ULL

/* Forms of steps, a bit each: there are more than 64 operations and faults together. */
__extension__ typedef unsigned __int128 form_set;

enum key_type {
    KEY_TIME,    /* uint64_t us: "1d12h" */
    KEY_COUNT,   /* uint64_t, low to high: 20 or "20" */
    KEY_COUNT32, /* uint32_t */
    KEY_RATE,    /* uint32_t ppm: "0.5%" */
    KEY_RATE64,  /* uint64_t ppm */
    KEY_DECIMAL, /* uint64_t millionths, up to high: 1.5 or "1.5" */
    KEY_WORD,    /* unsigned: low + place in words */
    KEY_WORD8,   /* uint8_t likewise */
    KEY_TEXT,    /* char *, at most high bytes */
    KEY_NAME,    /* char *: letters, digits, '-' and '_' */
    KEY_FLAG,    /* bool */
    KEY_BYTES,   /* uint64_t: "512MiB" */
    KEY_SHIFT,   /* int64_t us: "+1h", "-5s" */
    KEY_BREAKS,  /* uint64_t mean us: "2 per day" */
    KEY_OTHER,   /* its own function; words: its JSON Schema */
};
struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    uint64_t low, high;
    const char *words;
    const char *what;
    form_set forms; /* of a step: bit FORM_x of those that have it */
};
struct key_table {
    const char *name; /* "crowd" */
    const struct key *keys;
    size_t count;
    const char *required; /* keys, a space between */
};
extern const struct key_table scenario_table, server_table, crowd_table, conversation_table, network_table,
    latency_table, link_table, bounds_table, limits_table, expect_table, swarm_table_of_keys, budget_table, step_table,
    workload_key_table, least_table, standing_table, daily_table, judge_table;

#define PRESENCE_WORDS \
    "always|commuter|flaky|rare|office|night|weekend|months|background|killed" /* by enum presence_kind */

/* The forms of a step: an operation, one of the other things to do, a race, a fault. */
enum form {
    FORM_OPERATION, /* + enum operation */
    FORM_TYPE = OPERATION_COUNT,
    FORM_LOOK,
    FORM_OFFLINE,
    FORM_ONLINE,
    FORM_LINK,
    FORM_NEVER,
    FORM_SEARCH,
    FORM_DEVICE_BACKUP,
    FORM_DEVICE_RESTORE,
    FORM_CLONE,
    FORM_FETCH,
    FORM_TYPING,
    FORM_RACE,
    FORM_FAULT, /* + enum fault_kind */
    FORM_COUNT = FORM_FAULT + FAULT_KIND_COUNT,
};
#define FORM_BIT(form) ((form_set)1 << (form))
#define FORMS_OPERATIONS (FORM_BIT(OPERATION_COUNT) - 2)
#define FORMS_DO (FORM_BIT(FORM_RACE) - 2)
#define FORMS_FAULTS ((FORM_BIT(FAULT_KIND_COUNT) - 2) << FORM_FAULT)
_Static_assert(FORM_COUNT <= 128, "a form has no bit");
#define FORMS_ALL (FORMS_DO | FORM_BIT(FORM_RACE) | FORMS_FAULTS)

/* The word of an operation, or of another thing to do: what "do" says. form: below FORM_RACE. (scenario_script.c) */
const char *scenario_do_word(unsigned form);

/* What one of a crowd does a day, in millionths. */
struct scenario_daily {
    uint64_t sends, deletes, conversation_deletes, undos;
};
struct step_ref {
    struct scenario_step *step;
    const cJSON *item;
    bool branch;
};
struct reader {
    struct json_text json;
    struct scenario *s; /* under construction */
    char *error;        /* SCENARIO_ERROR_MAX bytes */
    const cJSON *tree;  /* of this variant */
    /* name n (from 1) of each is the thing of index n-1 */
    struct names *users, *devices, *conversations;
    struct names *as; /* of steps: name n is as_steps[n-1] */
    struct names *scratch;
    struct step_ref *as_steps, *steps;
    size_t as_cap, step_count, step_cap;
    const cJSON *groups;
};

/* ---- scenario_value.c: errors, suggestions, scalars ---- */
/* "WHERE: message" at the value, or the key, of item, `skip` bytes on. Returns E_INVALID. */
__attribute__((format(printf, 5, 6))) int reader_fail(struct reader *r, const cJSON *item, bool key, size_t skip,
                                                      const char *format, ...);
/* "found ITEM, expected …" */
__attribute__((format(printf, 3, 4))) int reader_expected(struct reader *r, const cJSON *item, const char *format, ...);
struct suggestion {
    const char *name; /* what was written */
    char best[64];    /* the nearest known word so far, or "" */
    size_t distance;
};
void suggestion_try(struct suggestion *suggestion, const char *candidate);
void suggestion_try_names(struct suggestion *suggestion, const struct names *names);
/* "; did you mean \"x\"?", or "" */
void suggestion_text(const struct suggestion *suggestion, char *text, size_t size);
int read_key(struct reader *r, const cJSON *item, const struct key *key, void *base);
/* Every key of item is in table (and, for steps, of this form), the required ones are there; the plain ones are read.
 */
int read_object(struct reader *r, const cJSON *item, const struct key_table *table, form_set form, const char *what,
                void *base);
int read_time(struct reader *r, const cJSON *item, uint64_t *us);
int read_count(struct reader *r, const cJSON *item, uint64_t low, uint64_t high, uint64_t *count);
int read_word(struct reader *r, const cJSON *item, const char *words, unsigned *index);
/* Key or value: is this a name? */
int check_name(struct reader *r, const cJSON *item, bool key, const char *name);
int expect_array(struct reader *r, const cJSON *item, size_t low, size_t high, const char *of, size_t *count);
int expect_object(struct reader *r, const cJSON *item, const char *what);
int expect_string(struct reader *r, const cJSON *item, const char *what);
int read_span(struct reader *r, const cJSON *item, uint64_t max, uint64_t *low, uint64_t *high);
/* One value of a choice. (scenario_read.c) */
int read_choice_value(struct reader *r, const struct policy_info *info, const cJSON *item, uint64_t *value);
const struct policy_info *find_choice(struct reader *r, const cJSON *item);
int read_texts(struct reader *r, const cJSON *item, size_t max, const char *of, char ***texts, size_t *count);
char *text_copy(const char *text);
const cJSON *member(const cJSON *object, const char *key);
const cJSON *first_child(const cJSON *item); /* of nothing: nothing */

/* ---- the parts of a scenario ---- */
int read_links(struct reader *r);     /* scenario_people.c: links of nodes, presence of devices */
int read_people(struct reader *r);    /* scenario_people.c: users, groups, offline, conversations */
int read_swarm(struct reader *r);     /* scenario_swarm.c: swarm, budget */
int read_expect(struct reader *r);    /* scenario_expect.c */
int read_script(struct reader *r);    /* scenario_script.c */
int resolve_script(struct reader *r); /* scenario_resolve.c: names in steps */
int resolve_event(struct reader *r, const cJSON *item, const char *event);
int expand_nodes(struct reader *r, const cJSON *item, const uint32_t *except, size_t except_count, uint32_t **nodes,
                 size_t *count);
int read_latency(struct reader *r, const cJSON *of, const char *key, uint64_t *median_us, uint64_t *p99_us);
/* One tree into one scenario. */
int interpret(struct reader *r, const cJSON *tree, struct scenario *scenario);

/* ---- scenario_vary.c ---- */
int apply_sets(struct reader *r, cJSON *tree, const char *const *sets, size_t set_count);
int read_variants(struct reader *r, cJSON *tree, struct scenario **scenarios, size_t *count);

/* ---- scenario_util.c ---- */
void scenario_release(struct scenario *scenario);
extern const char *const conv_kind_words, *const wire_kind_words, *const presence_words;

#endif
