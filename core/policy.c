/* policy.c: policy.def and flaws.def as tables, the presets, and the sound defaults. */
#include "core/policy.h"

#include "core/wire.h"

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
     "delete-message=author-or-moderator "
     "remove-member=moderator "
     "add-to-channel=moderator "
     "set-role=moderator "
     "join-channel=anyone "
     "channel-news=owners "
     "fanout-pace=by-window "
     "early-entries=kept "
     "delivery=push-and-poll "
     "copies=all "
     "earlier=never "
     "wipe-within=2s "
     "search=on "
     "notify=on "
     "device-identity=sessions "
     "invite=any-member "
     "invite-expiry=7d "
     "orphan-after=1m "
     "typing=on "
     "idle-timeout=20s "
     "channel-resend=paced"},
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

int policy_rank(unsigned role)
{
    static const int ranks[ROLE_COUNT] = {[ROLE_NONE] = 0, [ROLE_MEMBER] = 1, [ROLE_MODERATOR] = 2, [ROLE_OWNER] = 3};
    return role < ROLE_COUNT ? ranks[role] : 0;
}

/* One row a policy word: the role that each of its words stands for, in the order of policy.def. */
uint8_t policy_least_role(const struct policy *policy, unsigned operation, unsigned conv_kind)
{
    static const uint8_t delete_message[] = {ROLE_NONE, ROLE_OWNER, ROLE_MODERATOR};
    static const uint8_t delete_group[] = {ROLE_MEMBER, ROLE_OWNER, ROLE_MODERATOR};
    static const uint8_t delete_channel[] = {ROLE_OWNER, ROLE_MEMBER, ROLE_MODERATOR};
    static const uint8_t remove_member[] = {ROLE_OWNER, ROLE_MODERATOR, ROLE_NONE};
    static const uint8_t add_to_group[] = {ROLE_MEMBER, ROLE_MODERATOR, ROLE_OWNER};
    static const uint8_t add_to_channel[] = {ROLE_OWNER, ROLE_MODERATOR, ROLE_MEMBER};
    static const uint8_t set_role[] = {ROLE_OWNER, ROLE_MODERATOR, ROLE_NONE};
    static const uint8_t invite[] = {ROLE_NONE, ROLE_MEMBER, ROLE_MODERATOR, ROLE_OWNER};
    bool channel = conv_kind == CONV_CHANNEL, direct = conv_kind == CONV_DIRECT;
    switch (operation) {
        case OPERATION_DELETE:
        case OPERATION_UNDO:
            return delete_message[policy->delete_message];
        case OPERATION_DELETE_CONV:
        case OPERATION_UNDO_CONV:
            return channel ? delete_channel[policy->delete_channel] : delete_group[policy->delete_group];
        case OPERATION_REMOVE:
            return direct ? ROLE_NONE : remove_member[policy->remove_member];
        case OPERATION_ADD:
            return direct    ? ROLE_NONE
                   : channel ? add_to_channel[policy->add_to_channel]
                             : add_to_group[policy->add_to_group];
        case OPERATION_SET_ROLE:
            return direct ? ROLE_NONE : set_role[policy->set_role];
        case OPERATION_INVITE:
            return direct ? ROLE_NONE : invite[policy->invite];
        default:
            return ROLE_NONE;
    }
}
