/* policy.c: policy.def and flaws.def as tables, the presets, and the sound defaults. */
#include "core/policy.h"

#include <string.h>

#define FLAW(id, name, question, invariant, reference) {name, question, invariant, reference},
const struct flaw_info flaw_table[FLAW_COUNT] = {
#include "core/flaws.def"
};
#undef FLAW

int flaw_find(const char *name)
{
    for (int i = 0; i < FLAW_COUNT; i++)
        if (strcmp(flaw_table[i].name, name) == 0)
            return i;
    return -1;
}

#define POLICY_TIME(id, name, value, what) \
    {name, POLICY_IS_TIME, offsetof(struct policy, id##_us), value, 0, UINT64_MAX, "", what},
#define POLICY_COUNT(id, name, value, low, high, what) \
    {name, POLICY_IS_COUNT, offsetof(struct policy, id), value, low, high, "", what},
#define POLICY_WORD(id, name, value, words, what) \
    {name, POLICY_IS_WORD, offsetof(struct policy, id), value, 0, 0, words, what},
const struct policy_info policy_table[] = {
#include "core/policy.def"
};
#undef POLICY_TIME
#undef POLICY_COUNT
#undef POLICY_WORD
const size_t policy_table_size = sizeof policy_table / sizeof policy_table[0];

const struct policy_preset policy_presets[] = {
    {"sound", "every default of policy.def: what PROTOCOL.md's rules were checked with", ""},
    {"strict", "no undo, only owners delete conversations", "undo-window=0s delete-group=owner"},
    {"mobile", "long absences and small pages, as phones on bad networks need", "fence-after=90d page=25 beat=5m"},
    {"ephemeral", "short memory: devices must come back within a day or reset", "fence-after=1d undo-window=5s"},
    {"full", "every feature that can be left out, switched on", /* a line each */
     "delete-message=author-or-owner "
     "delivery=push-and-poll "
     "copies=all"},
};
const size_t policy_presets_size = sizeof policy_presets / sizeof policy_presets[0];

const struct policy_info *policy_find(const char *name)
{
    for (size_t i = 0; i < policy_table_size; i++)
        if (strcmp(policy_table[i].name, name) == 0)
            return &policy_table[i];
    return NULL;
}

uint64_t policy_get(const struct policy *policy, const struct policy_info *info)
{
    uint64_t value;
    memcpy(&value, (const char *)policy + info->offset, sizeof value);
    return value;
}

void policy_set(struct policy *policy, const struct policy_info *info, uint64_t value)
{
    memcpy((char *)policy + info->offset, &value, sizeof value);
}

struct policy policy_sound(void)
{
    struct policy policy = {0};
    for (size_t i = 0; i < policy_table_size; i++)
        policy_set(&policy, &policy_table[i], policy_table[i].value);
    return policy;
}
