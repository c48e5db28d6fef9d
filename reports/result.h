/*
 * result.h: the result file of `check --json` and `run --json`: what was judged, how it came out, how to replay what
 * failed. The writer and the reader share this one struct, and what one writes the other reads back equal.
 *
 *     {"sexton-result":1, "version":"...", "seeds":"1..200",
 *      "scenarios":[{"id":"name", "file":"..", "class":"sound"|"negative"|"history", "seeds":200,
 *        "outcome":"held"|"violated"|"vacuous"|"crashed"|"exhausted"|"measured", "why":"...", "seen":["..."],
 *        "invariants":{"honest-view":{"held":199,"violated":0,"unknown":0,"vacuous":1,"judged":1234}, ...},
 *        "failures":[{"seed":"7","what":"...","replay":"..."}],
 *        "metrics":{...}}],                                       see measures.h
 *      "work":{"events":0,"operations":0,"deletions":0,"pairs":0,"faults":0}}
 *
 * One machine's part of a sweep also has "part":"2/8" and "store":"sqlite" (or "", as each scenario says), and in each
 * scenario "found":true (in a folder, not named itself) and "fold":["...", ...], the sums that `sexton merge` adds up.
 *
 * "held" means that the scenario's expectation was met: of a negative one, that its flaw was found. Numbers above 2^53
 * are strings of digits; a reader takes either. Optional: version, seeds, file, why, seen, invariants, failures,
 * metrics, work. Unknown keys are ignored. Strings are owned, never NULL. A zeroed struct is empty, but for its
 * strings: result_init.
 */
#ifndef SEXTON_REPORTS_RESULT_H
#define SEXTON_REPORTS_RESULT_H

#include "reports/measures.h"

#include <stdio.h>

enum result_class { RESULT_SOUND, RESULT_NEGATIVE, RESULT_HISTORY, RESULT_CLASSES };
enum result_outcome {
    RESULT_HELD,
    RESULT_VIOLATED,
    RESULT_VACUOUS,
    RESULT_CRASHED,
    RESULT_EXHAUSTED,
    RESULT_MEASURED, /* a history: not judged, only measured */
    RESULT_OUTCOMES,
};
const char *result_class_name(enum result_class class);
const char *result_outcome_name(enum result_outcome outcome);

struct result_invariant {
    char *name;
    uint64_t held, violated, unknown, vacuous; /* runs */
    uint64_t judged;                           /* judgements in all runs */
};
struct result_failure {
    char *seed, *what, *replay;
};
struct result_scenario {
    char *id, *file, *why;
    enum result_class class;
    enum result_outcome outcome;
    uint64_t seeds;
    char **seen;
    size_t seen_count, seen_cap;
    struct result_invariant *invariants;
    size_t invariant_count, invariant_cap;
    struct result_failure *failures;
    size_t failure_count, failure_cap;
    struct measures measures;
    bool found; /* this and the fold: of a part only */
    char **fold;
    size_t fold_count, fold_cap;
};
struct result_work {
    uint64_t events, operations, deletions, pairs, faults;
};
struct result {
    char *version, *seeds;
    char *part, *store; /* part "": the whole */
    struct result_scenario *scenarios;
    size_t scenario_count, scenario_cap;
    struct result_work work;
};
void result_init(struct result *result);
void result_release(struct result *result); /* to use it again: result_init */
/* Build one: each copies its strings (NULL is ""). The pointers are valid until the next add to the same array. */
void result_set(char **text, const char *value);
struct result_scenario *result_add_scenario(struct result *result, const char *id);
struct result_invariant *result_add_invariant(struct result_scenario *scenario, const char *name);
void result_add_seen(struct result_scenario *scenario, const char *seen);
void result_add_fold(struct result_scenario *scenario, const char *line);
void result_add_failure(struct result_scenario *scenario, const char *seed, const char *what, const char *replay);

void result_write(FILE *out, const struct result *result); /* the caller looks at ferror */
/*
 * Reads all of `in` and adds it to the result: scenarios are appended, work is summed, version, seeds, part and store
 * are the first file's. 0; E_INVALID with "FILE: scenarios[2].outcome: found ..., expected ..." in error, E_IO, or
 * E_LIMIT above RESULT_BYTES_MAX; on an error what was added is unspecified, but can be released.
 */
#define RESULT_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define RESULT_ERROR_MAX 512
int result_read(struct result *result, FILE *in, const char *file, char error[RESULT_ERROR_MAX]);

#endif
