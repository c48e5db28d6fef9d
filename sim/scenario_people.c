/*
 * scenario_people.c: who there is: users and their devices, groups of nodes, conversations; and which nodes a name, a
 * group or a glob stands for.
 */
#include "sim/scenario_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_OF_USER_MAX 64

static int read_user(struct reader *r, const cJSON *item, size_t *device_cap)
{
    struct scenario *s = r->s;
    uint32_t user = (uint32_t)s->user_count;
    size_t count;
    const cJSON *child;
    char name[2 * SCENARIO_NAME_MAX + 2];
    int status = check_name(r, item, true, item->string);
    if (status == 0)
        status = expect_array(r, item, 1, DEVICES_OF_USER_MAX, "devices", &count);
    if (status != 0)
        return status;
    if (strcmp(item->string, "shard") == 0)
        return reader_fail(r, item, true, 0, "found a user \"shard\", expected another name: \"shard.0\" is a shard");
    if (s->crowd.users > 0 && item->string[0] == 'u' && item->string[1] &&
        item->string[1 + strspn(item->string + 1, "0123456789")] == '\0')
        return reader_fail(r, item, true, 0, "found a user \"%s\", expected another name: the crowd's are u1, u2, …",
                           item->string);
    s->users[s->user_count++].name = text_copy(item->string);
    (void)names_intern(r->users, item->string);
    for (child = first_child(item); child; child = child->next) {
        if ((status = expect_string(r, child, "a device's name, such as \"phone\"")) != 0 ||
            (status = check_name(r, child, false, child->valuestring)) != 0)
            return status;
        (void)snprintf(name, sizeof name, "%s.%s", item->string, child->valuestring);
        if (names_find(r->devices, name))
            return reader_expected(r, child, "each device of a user once");
        if (r->s->device_count >= SCENARIO_DEVICES_MAX)
            return reader_fail(r, child, false, 0, "found more than %d devices, expected at most that",
                               SCENARIO_DEVICES_MAX);
        (void)names_intern(r->devices, name);
        s->devices = base_grow(s->devices, device_cap, s->device_count + 1, sizeof *s->devices);
        s->devices[s->device_count++] = (struct scenario_device){.name = text_copy(name), .user = user};
    }
    return 0;
}

static int read_users(struct reader *r, const cJSON *item)
{
    size_t count = 0, device_cap = 0;
    const cJSON *child;
    int status;
    if (!item)
        return 0;
    if ((status = expect_object(r, item, "an object of users: {\"alice\": [\"phone\"]}")) != 0)
        return status;
    for (child = first_child(item); child; child = child->next)
        count++;
    if (count > SCENARIO_USERS_MAX)
        return reader_fail(r, item, false, 0, "found %zu users, expected at most %d", count, SCENARIO_USERS_MAX);
    r->s->users = base_alloc((count + 1) * sizeof *r->s->users);
    for (child = first_child(item); child; child = child->next)
        if ((status = read_user(r, child, &device_cap)) != 0)
            return status;
    return 0;
}

/* ---- nodes ---- */

/* '*' is any bytes, '?' one. Greedy with one point of return: linear in practice, quadratic at worst. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

struct node_set {
    bool *devices;
    bool shards[SCENARIO_SHARDS_MAX];
};

static int add_glob(struct reader *r, const cJSON *item, struct node_set *set)
{
    bool found = false;
    char name[20], hint[100];
    uint32_t exact = names_find(r->devices, item->valuestring);
    if (exact != 0) {
        set->devices[exact - 1] = true;
        return 0;
    }
    for (size_t d = 0; d < r->s->device_count; d++)
        if (glob(item->valuestring, r->s->devices[d].name))
            found = set->devices[d] = true;
    for (uint32_t shard = 0; shard < r->s->shards; shard++) {
        (void)snprintf(name, sizeof name, "shard.%u", (unsigned)shard);
        if (glob(item->valuestring, name))
            found = set->shards[shard] = true;
    }
    if (found)
        return 0;
    struct suggestion suggestion = {item->valuestring, "", 0};
    const cJSON *group;
    suggestion_try_names(&suggestion, r->devices);
    suggestion_try(&suggestion, "shard.0");
    for (group = first_child(r->groups); group; group = group->next)
        suggestion_try(&suggestion, group->string);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "a device, a shard from shard.0 to shard.%u, a group or a glob of these%s",
                           (unsigned)r->s->shards - 1, hint);
}

static int add_nodes(struct reader *r, const cJSON *item, struct node_set *set)
{
    const cJSON *child;
    size_t count;
    int status;
    if (cJSON_IsArray(item)) {
        if ((status = expect_array(r, item, 1, 10000, "nodes", &count)) != 0)
            return status;
        for (child = first_child(item); child; child = child->next)
            if ((status = cJSON_IsArray(child) ? reader_expected(r, child, "a name") : add_nodes(r, child, set)) != 0)
                return status;
        return 0;
    }
    if ((status = expect_string(r, item, "a device, shard, group or glob")) != 0)
        return status;
    const cJSON *group = r->groups ? member(r->groups, item->valuestring) : NULL;
    if (!group)
        return add_glob(r, item, set);
    for (child = first_child(group); child; child = child->next)
        if ((status = add_glob(r, child, set)) != 0)
            return status;
    return 0;
}

int expand_nodes(struct reader *r, const cJSON *item, const uint32_t *except, size_t except_count, uint32_t **nodes,
                 size_t *count)
{
    struct node_set set = {.devices = base_alloc(r->s->device_count + 1)};
    int status = add_nodes(r, item, &set);
    bool rest = cJSON_IsString(item) && strcmp(item->valuestring, "*") == 0;
    size_t n = 0, d;
    for (size_t i = 0; i < except_count && status == 0; i++) {
        bool shard = (except[i] & SCENARIO_SHARD) != 0;
        bool *there = shard ? &set.shards[except[i] & ~SCENARIO_SHARD] : &set.devices[except[i]];
        if (*there && !rest)
            status =
                reader_fail(r, item, false, 0, "found a node on both sides, expected two sides without a common one");
        *there = false;
    }
    for (d = 0; d < r->s->device_count; d++)
        n += set.devices[d];
    for (d = 0; d < r->s->shards; d++)
        n += set.shards[d];
    if (status == 0 && n == 0)
        status = reader_expected(r, item, "at least one node");
    if (status == 0) {
        *nodes = base_alloc(n * sizeof **nodes);
        *count = n;
        n = 0;
        for (d = 0; d < r->s->device_count; d++)
            if (set.devices[d])
                (*nodes)[n++] = (uint32_t)d;
        for (d = 0; d < r->s->shards; d++)
            if (set.shards[d])
                (*nodes)[n++] = SCENARIO_SHARD + (uint32_t)d;
    }
    free(set.devices);
    return status;
}

static int read_groups(struct reader *r, const cJSON *item)
{
    const cJSON *group, *child;
    size_t count;
    int status;
    if (!item)
        return 0;
    if ((status = expect_object(r, item, "an object of groups: {\"east\": [\"alice.*\", \"shard.0\"]}")) != 0)
        return status;
    r->groups = NULL; /* a group of groups is not a thing */
    for (group = first_child(item); group; group = group->next) {
        uint32_t *nodes = NULL;
        size_t found;
        if ((status = check_name(r, group, true, group->string)) != 0 ||
            (status = expect_array(r, group, 1, 10000, "globs", &count)) != 0)
            return status;
        for (child = first_child(group); child; child = child->next)
            if ((status = expect_string(r, child, "a device, shard or glob")) != 0)
                return status;
        status = expand_nodes(r, group, NULL, 0, &nodes, &found);
        free(nodes);
        if (status != 0)
            return status;
    }
    r->groups = item;
    return 0;
}

static int read_devices(struct reader *r, const cJSON *item, void (*mark)(struct scenario_device *device))
{
    uint32_t *nodes = NULL;
    size_t count;
    int status;
    if (!item || (cJSON_IsArray(item) && !item->child))
        return 0;
    if (!cJSON_IsArray(item))
        return reader_expected(r, item, "an array of devices");
    status = expand_nodes(r, item, NULL, 0, &nodes, &count);
    for (size_t i = 0; i < count && status == 0; i++) {
        if (nodes[i] & SCENARIO_SHARD)
            status = reader_expected(r, item, "devices only, no shard");
        else
            mark(&r->s->devices[nodes[i]]);
    }
    free(nodes);
    return status;
}

static void mark_offline(struct scenario_device *device)
{
    device->offline = true;
}

static void mark_old(struct scenario_device *device)
{
    device->old = true;
}

/* ---- conversations ---- */

static int find_user(struct reader *r, const cJSON *item, uint32_t *user)
{
    char hint[100];
    int status = expect_string(r, item, "a user");
    if (status != 0)
        return status;
    uint32_t name = names_find(r->users, item->valuestring);
    if (name != 0) {
        *user = name - 1;
        return 0;
    }
    struct suggestion suggestion = {item->valuestring, "", 0};
    suggestion_try_names(&suggestion, r->users);
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "a user of \"users\"%s", hint);
}

/* Members that are named to have this role. place[user] is one more than the user's place among the members, or 0. */
static int read_role(struct reader *r, const cJSON *named, uint8_t role, struct scenario_conversation *c,
                     const uint32_t *place)
{
    uint32_t user = 0;
    size_t count;
    int status = expect_array(r, named, 0, c->member_count, role == ROLE_OWNER ? "owners" : "moderators", &count);
    for (const cJSON *child = status == 0 ? first_child(named) : NULL; child; child = child->next) {
        if ((status = find_user(r, child, &user)) != 0)
            return status;
        if (place[user] == 0)
            return reader_expected(r, child, "one of the members");
        c->members[place[user] - 1].role = role;
    }
    return status;
}

static int read_roles(struct reader *r, const cJSON *item, struct scenario_conversation *c, uint32_t *place)
{
    const cJSON *members = member(item, "members"), *owners = member(item, "owners");
    const cJSON *moderators = member(item, "moderators"), *child;
    uint32_t user = 0;
    int status = 0;
    for (child = first_child(members); child; child = child->next) {
        if ((status = find_user(r, child, &user)) != 0)
            return status;
        if (place[user] != 0)
            return reader_expected(r, child, "each member once");
        c->members[c->member_count++] = (struct scenario_member){user, ROLE_MEMBER};
        place[user] = (uint32_t)c->member_count;
    }
    if (!owners)
        c->members[0].role = ROLE_OWNER;
    else
        status = read_role(r, owners, ROLE_OWNER, c, place);
    return status == 0 && moderators ? read_role(r, moderators, ROLE_MODERATOR, c, place) : status;
}

static int read_members(struct reader *r, const cJSON *item, struct scenario_conversation *c)
{
    const cJSON *members = member(item, "members");
    bool direct = c->kind == CONV_DIRECT;
    size_t count;
    int status = expect_array(r, members, direct ? 2 : 1, direct ? 2 : SCENARIO_USERS_MAX, "members", &count);
    if (status != 0)
        return status;
    c->members = base_alloc(count * sizeof *c->members);
    uint32_t *place = base_alloc((r->s->user_count + 1) * sizeof *place);
    status = read_roles(r, item, c, place);
    free(place);
    return status;
}

static int read_conversations(struct reader *r, const cJSON *item)
{
    struct scenario *s = r->s;
    size_t count = 0;
    const cJSON *child;
    int status;
    if (!item)
        return 0;
    if ((status = expect_object(r, item, "an object of conversations")) != 0)
        return status;
    for (child = first_child(item); child; child = child->next)
        count++;
    s->conversations = base_alloc((count + 1) * sizeof *s->conversations);
    for (child = first_child(item); child; child = child->next) {
        struct scenario_conversation *c = &s->conversations[s->conversation_count++];
        c->name = text_copy(child->string);
        (void)names_intern(r->conversations, child->string);
        if ((status = check_name(r, child, true, child->string)) != 0 ||
            (status = read_object(r, child, &conversation_table, 0, "a conversation", c)) != 0 ||
            (status = read_members(r, child, c)) != 0)
            return status;
    }
    return 0;
}

static int read_officers(struct reader *r, const cJSON *item)
{
    size_t count;
    uint32_t user = 0;
    int status = item ? expect_array(r, item, 0, SCENARIO_USERS_MAX, "users", &count) : 0;
    for (const cJSON *child = item && status == 0 ? first_child(item) : NULL; child; child = child->next) {
        if ((status = find_user(r, child, &user)) != 0)
            return status;
        if (r->s->users[user].officer)
            return reader_expected(r, child, "each officer once");
        r->s->users[user].officer = true;
    }
    return status;
}

/* ---- links and presence ---- */

static int read_link(struct reader *r, const cJSON *item, struct scenario_link *link)
{
    static const uint64_t usual_us[][2] = {
        {0, 0}, {70 * US_PER_MS, 1500 * US_PER_MS}, {600 * US_PER_MS, 900 * US_PER_MS}};
    int status = expect_object(r, item, "a link: {\"of\": \"alice.*\", \"kind\": \"mobile\"}");
    if (status != 0 || (status = read_object(r, item, &link_table, 0, "a link", link)) != 0)
        return status;
    link->median_us = link->kind ? usual_us[link->kind][0] : r->s->network.median_us;
    link->p99_us = link->kind ? usual_us[link->kind][1] : r->s->network.p99_us;
    if (!member(item, "of") && !link->crowd_ppm)
        return reader_fail(r, item, false, 0, "found a link without \"of\" and \"crowd\", expected one or both");
    if ((status = read_latency(r, item, "latency", &link->median_us, &link->p99_us)) != 0 || !member(item, "of"))
        return status;
    return expand_nodes(r, member(item, "of"), NULL, 0, &link->nodes, &link->node_count);
}

static int read_presence(struct reader *r, const cJSON *item)
{
    int status = item ? expect_object(r, item, "patterns: {\"alice.*\": \"office\"}") : 0;
    for (const cJSON *child = item ? first_child(item) : NULL; status == 0 && child; child = child->next) {
        uint32_t *nodes = NULL;
        size_t count;
        unsigned pattern = 0;
        cJSON *whose = cJSON_CreateString(child->string);
        status = read_word(r, child, presence_words, &pattern);
        if (status == 0 && (status = expand_nodes(r, whose, NULL, 0, &nodes, &count)) != 0)
            (void)reader_fail(r, child, true, 0, "found \"%.60s\", expected devices, a group or a glob", child->string);
        size_t devices = 0;
        for (size_t i = 0; status == 0 && i < count; i++)
            if (!(nodes[i] & SCENARIO_SHARD)) {
                r->s->devices[nodes[i]].presence = pattern;
                devices++;
            }
        if (status == 0 && !devices)
            status =
                reader_fail(r, child, true, 0, "found \"%.60s\", expected devices, a group or a glob", child->string);
        cJSON_Delete(whose);
        free(nodes);
    }
    return status;
}

int read_links(struct reader *r)
{
    const cJSON *network = member(r->tree, "network"), *links = network ? member(network, "links") : NULL;
    size_t count;
    int status = read_presence(r, member(r->tree, "presence"));
    if (status != 0 || !links || (status = expect_array(r, links, 0, 64, "links", &count)) != 0)
        return status;
    r->s->network.links = base_alloc((count + 1) * sizeof *r->s->network.links);
    for (const cJSON *child = first_child(links); status == 0 && child; child = child->next)
        status = read_link(r, child, &r->s->network.links[r->s->network.link_count++]);
    return status;
}

int read_people(struct reader *r)
{
    int status;
    if ((status = read_users(r, member(r->tree, "users"))) != 0 ||
        (status = read_officers(r, member(r->tree, "officers"))) != 0 ||
        (status = read_groups(r, member(r->tree, "groups"))) != 0 ||
        (status = read_devices(r, member(r->tree, "offline"), mark_offline)) != 0 ||
        (status = read_devices(r, member(r->tree, "old-clients"), mark_old)) != 0)
        return status;
    if (r->s->user_count == 0 && r->s->crowd.users == 0)
        return reader_fail(r, r->tree, false, 0, "found neither \"users\" nor \"crowd\", expected somebody");
    return read_conversations(r, member(r->tree, "conversations"));
}
