/*
 * policy.h: the choices of policy.def as one struct, their names and presets, and the set of flaws switched on.
 * Plain data; the caller owns it; core reads it through decide.h and never changes it.
 */
#ifndef SEXTON_CORE_POLICY_H
#define SEXTON_CORE_POLICY_H

#include "core/base.h"

#define FLAW(id, name, question, invariant, reference) FLAW_##id,
enum flaw {
#include "core/flaws.def"
    FLAW_COUNT
};
#undef FLAW
/* There are more of them than a word of 64 bits has. */
__extension__ typedef unsigned __int128 flaw_set;
_Static_assert(FLAW_COUNT <= 128, "a flaw is one bit");
#define FLAW_BIT(flaw) ((flaw_set)1 << (flaw))

struct policy {
#define POLICY_TIME(id, name, value, what) uint64_t id##_us;
#define POLICY_COUNT(id, name, value, low, high, what) uint64_t id;
#define POLICY_WORD(id, name, value, words, what) uint64_t id;
#include "core/policy.def"
#undef POLICY_TIME
#undef POLICY_COUNT
#undef POLICY_WORD
    flaw_set flaws; /* bit FLAW_x; read by decide.c and decide_device.c only */
};

struct flaw_info {
    const char *name, *question, *invariant, *reference;
};
extern const struct flaw_info flaw_table[FLAW_COUNT];
/* The flaw of that name, or -1. */
int flaw_find(const char *name);

enum policy_type { POLICY_IS_TIME, POLICY_IS_COUNT, POLICY_IS_WORD };
struct policy_info {
    const char *name;
    enum policy_type type;
    size_t offset;      /* of the uint64_t in struct policy */
    uint64_t value;     /* default */
    uint64_t low, high; /* for counts */
    const char *words;  /* for words: "first|second" */
    const char *what;
};
extern const struct policy_info policy_table[];
extern const size_t policy_table_size;
const struct policy_info *policy_find(const char *name);
/* Where a choice comes from: rules, products, bugs. "" for one that has none yet. */
const char *policy_reference(const char *name);

/* A preset changes some defaults: `changes` is "name=value name=value", in the scenario file's notation. */
struct policy_preset {
    const char *name, *what, *changes;
};
extern const struct policy_preset policy_presets[];
extern const size_t policy_presets_size;

/* Of two roles, the one with the larger rank may do more. */
int policy_rank(unsigned role);
/*
 * The permission table: the least role that may do this to what is others' (or, of the conversation, at all):
 * operations DELETE, UNDO, DELETE_CONV, UNDO_CONV, REMOVE, ADD, SET_ROLE, EDIT. ROLE_NONE: nobody.
 */
uint8_t policy_least_role(const struct policy *policy, unsigned operation, unsigned conv_kind);

/* The preset "sound": every default, no flaw. */
struct policy policy_sound(void);
uint64_t policy_get(const struct policy *policy, const struct policy_info *info);
void policy_set(struct policy *policy, const struct policy_info *info, uint64_t value);

#endif
