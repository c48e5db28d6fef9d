/*
 * check.h: the invariants, judged from records and nothing else. The same checker judges a live run, a stored history,
 * and somebody else's chat. It must never look at the simulator, at core, or at a clock.
 *
 * check_new, check_take for each record in order, check_finish once, then the verdicts.
 */
#ifndef SEXTON_SIM_CHECK_CHECK_H
#define SEXTON_SIM_CHECK_CHECK_H

#include "sim/history.h"

#define INVARIANT(id, ...) INVARIANT_##id,
enum invariant {
#include "sim/check/invariants.def"
    INVARIANT_COUNT
};
#undef INVARIANT
struct invariant_info {
    const char *name, *sentence, *antecedent, *needs;
};
extern const struct invariant_info invariant_table[INVARIANT_COUNT];
int invariant_find(const char *name); /* -1 when unknown */

enum verdict_state { VERDICT_VACUOUS, VERDICT_HELD, VERDICT_UNKNOWN, VERDICT_VIOLATED };
const char *verdict_name(enum verdict_state state);

#define VERDICT_CHAIN_MAX 8
struct verdict {
    enum verdict_state state; /* violated if any was; else unknown if only unknowns; else held if judged > 0 */
    uint64_t judged;          /* how often the antecedent was met and a judgement made */
    uint64_t unknown;         /* judgements that hang on an order closer than the clock error */
    uint64_t violated;        /* how many violations; the first is kept below */
    char what[256];           /* the first violation in one sentence: names, no numbers of ours */
    struct record chain[VERDICT_CHAIN_MAX]; /* the records that prove it, in order; items are not kept */
    int chain_count;
    char missing[128]; /* vacuous because these kinds never occurred: "append cursor", or "" */
};

struct check_options {
    uint64_t clock_error_us;
    uint64_t online_us, returning_us; /* the bounds of reaches-*; 0 = defaults of 5 s and 60 s */
    bool quotes_kept;                 /* by policy a quote is the reply's own: it need not follow what it quotes */
};
struct check;
struct check *check_new(const struct check_options *options, struct names *names); /* names: borrowed */
void check_free(struct check *check);
void check_reset(struct check *check); /* for the next run; keeps memory; names must have been cleared by the caller */
void check_take(void *check, const struct record *record, const struct names *names); /* a history_sink */
void check_finish(struct check *check);
const struct verdict *check_verdict(const struct check *check, enum invariant invariant);

/* What was there to judge. */
struct check_work {
    uint64_t records, operations, deletions, undos, pairs; /* pairs: (deletion, device) judged by reaches-* */
    uint64_t devices, conversations, users, faults;        /* faults: crashes, and fault records with count > 0 */
};
struct check_work check_work(const struct check *check);

#endif
