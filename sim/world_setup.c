/*
 * world_setup.c: a world before its first event: the state that a run begins with, and what it gives back.
 *
 * Method: users and devices get dense ids in the order of the scenario; a crowd's follow as they arrive. Every set-up
 * step is a step of a shard like any other, and its messages are carried like all others; time stands at 0. Stores, the
 * queue and arrays keep their memory between runs, so that a small run costs little more than its events.
 */
#include "core/protocol.h"
#include "core/store_sqlite.h"
#include "sim/record.h"

#include <stdio.h>
#include <string.h>

#define PROVISION_RETRY_US (50 * US_PER_MS)

user_id world_add_user(struct world *w, const char *name)
{
    w->users = base_grow(w->users, &w->user_cap, w->user_count + 1, sizeof *w->users);
    struct world_user *user = &w->users[w->user_count++];
    *user = (struct world_user){.name = names_intern(w->names, name)};
    return (user_id)w->user_count;
}

device_id world_add_device(struct world *w, user_id user, const char *name)
{
    w->devices = base_grow(w->devices, &w->device_cap, w->device_count + 1, sizeof *w->devices);
    struct world_device *d = &w->devices[w->device_count++];
    memset(d, 0, sizeof *d);
    d->user = user;
    d->name = names_intern(w->names, name);
    d->home = shard_of_user(user, w->shard_count);
    d->clock.wake_at_us = TIME_NEVER;
    struct world_user *owner = &w->users[user - 1];
    device_id id = (device_id)w->device_count;
    if (!owner->first)
        owner->first = id;
    if (id == owner->first + owner->dense)
        owner->dense++;
    else
        owner->linked = id;
    owner->devices++;
    fault_link_join(w, id);
    return id;
}

void world_provision(struct world *w, user_id user, device_id id, bool linked)
{
    shard_id home = shard_of_user(user, w->shard_count);
    struct shard_input input = {.kind = SHARD_PROVISION_DEVICE, .user = user, .device = id, .linked = linked};
    struct row row = {.c = {[DEVICE_id] = id}};
    struct store *main = w->shards[home].stores.main;
    if (w->shards[home].core && main->ops->get(main, TABLE_DEVICE, &row) == 0)
        return; /* its shard died when it had stored that */
    if (w->shards[home].core)
        world_shard_step(w, home, &input);
    if (!w->shards[home].core)
        world_push(w, w->now_us + PROVISION_RETRY_US, EVENT_PROVISION, id, linked);
}

void world_device_begin(struct world *w, device_id id, bool linked)
{
    struct world_device *d = world_device(w, id);
    assert(!d->core);
    record_device(w, id, linked);
    world_provision(w, d->user, id, linked);
    d->core = device_new(id, d->user, linked, &w->policy);
    device_set_endpoint(d->core, d->home);
    device_set_protocol(d->core, d->protocol);
}

conv_id world_conversation(const struct world *w, size_t i)
{
    const struct scenario_conversation *c = &w->scenario->conversations[i];
    user_id first = c->member_count ? c->members[0].user + 1 : 0;
    return conv_id_make(&w->policy, PROVISIONER, (uint32_t)i + 1, shard_of_user(first, w->shard_count));
}

conv_id world_conversation_of(struct world *w, uint64_t op)
{
    device_id device = ID_DEVICE(op);
    if (!device || device > w->device_count)
        return op;
    return conv_id_make(&w->policy, device, ID_OP(op), world_device(w, device)->home);
}

/* The permission table is told where somebody other than owners has a part in it. */
static bool tells_rules(const struct scenario *s)
{
    const struct policy *p = &s->policy;
    bool told = p->delete_message == 2 || p->delete_group == 2 || p->delete_channel == 2 || p->remove_member ||
                p->add_to_group || p->add_to_channel || p->set_role || p->channel_news || p->invite;
    for (size_t i = 0; i < s->conversation_count && !told; i++)
        for (size_t m = 0; m < s->conversations[i].member_count && !told; m++)
            told = s->conversations[i].members[m].role == ROLE_MODERATOR;
    return told;
}

void world_tell_rules(struct world *w, conv_id conv)
{
    static const uint8_t operations[] = {OPERATION_DELETE, OPERATION_DELETE_CONV, OPERATION_REMOVE, OPERATION_ADD,
                                         OPERATION_SET_ROLE};
    struct store *store = w->shards[shard_of_conv(&w->policy, conv, w->shard_count)].stores.main;
    struct row row = {.c = {[CONV_id] = conv}};
    if (!tells_rules(w->scenario) || store->ops->get(store, TABLE_CONV, &row) < 0)
        return;
    unsigned kind = (unsigned)row.c[CONV_kind];
    for (size_t i = 0; i < sizeof operations; i++)
        record_rule(w, conv, operations[i], policy_least_role(&w->policy, operations[i], kind));
    if (w->policy.invite)
        record_rule(w, conv, OPERATION_INVITE, policy_least_role(&w->policy, OPERATION_INVITE, kind));
    if (kind == CONV_CHANNEL && w->policy.channel_news)
        record_rule(w, conv, OPERATION_NONE, w->policy.channel_news == 1 ? ROLE_OWNER : ROLE_NONE);
}

static void provision_conversations(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->conversation_count; i++) {
        const struct scenario_conversation *c = &s->conversations[i];
        conv_id conv = world_conversation(w, i);
        uint32_t name = names_intern(w->names, c->name);
        idmap_put(&w->ops, MAKE_ID(PROVISIONER, i + 1), (uint64_t)name << 32);
        idmap_put(&w->ids_by_name, name, conv);
        shard_id home = shard_of_conv(&w->policy, conv, w->shard_count);
        struct shard_input input = {.kind = SHARD_PROVISION_CONV, .conv = conv, .conv_kind = c->kind};
        input.retention_us = c->retention_us;
        world_shard_step(w, home, &input);
        world_tell_rules(w, conv);
        for (size_t m = 0; m < c->member_count; m++) {
            struct shard_input member = {.kind = SHARD_PROVISION_MEMBER,
                                         .conv = conv,
                                         .user = c->members[m].user + 1,
                                         .role = c->members[m].role};
            world_shard_step(w, home, &member);
        }
    }
}

/* The SQLite store of a simulation is in private memory: what a disk does to it is for faults to say. */
static struct store *open_store(struct world *w, enum store_part part, bool sqlite)
{
    struct store *store;
    char error[WORLD_ERROR_MAX];
    if (!sqlite)
        return store_mem_open(part);
    int status = store_sqlite_open(&(struct store_sqlite_options){.part = part}, &store, error, sizeof error);
    if (status < 0) {
        world_fail(w, error, status);
        return store_mem_open(part);
    }
    return store;
}

/* Kept from run to run, cleared, while the kind stays the same. */
static void open_stores(struct world *w, shard_id id)
{
    struct shard_stores *stores = &w->shards[id].stores;
    if (w->scenario->disk) {
        world_disk_open(w, id);
        return;
    }
    bool sqlite = strcmp(w->scenario->store, "sqlite") == 0;
    for (int part = 0; part < STORE_PARTS; part++) {
        struct store **store = shard_stores_part(stores, (enum store_part)part);
        if (*store && strcmp((*store)->ops->name, w->scenario->store) == 0) {
            (*store)->ops->clear(*store);
            continue;
        }
        if (*store)
            (*store)->ops->close(*store);
        *store = open_store(w, (enum store_part)part, sqlite);
    }
}

void world_shard_begin(struct world *w, shard_id id)
{
    struct world_shard *shard = &w->shards[id];
    struct shard_stores stores = shard->stores;
    for (int part = 0; w->may_run_short && part < STORE_PARTS; part++) {
        struct store **store = shard_stores_part(&stores, (enum store_part)part);
        store_fault_wrap(&shard->faulty[part], *store, &shard->memory);
        *store = &shard->faulty[part].store;
    }
    shard->core = shard_new(id, w->shard_count, &stores, &w->policy);
}

/* Only then does each call of a store pass by a plan. */
static bool may_run_short(const struct scenario *s)
{
    if (s->crowd.short_of_memory)
        return true;
    for (size_t i = 0; i < s->step_count; i++) {
        if (s->steps[i].fault == FAULT_OUT_OF_MEMORY)
            return true;
        for (size_t b = 0; b < s->steps[i].branch_count; b++)
            if (s->steps[i].branches[b].fault == FAULT_OUT_OF_MEMORY)
                return true;
    }
    return false;
}

static void start_shards(struct world *w)
{
    for (shard_id i = 0; i < w->shard_count; i++) {
        struct world_shard *shard = &w->shards[i];
        char name[32];
        snprintf(name, sizeof name, "shard.%u", i);
        open_stores(w, i);
        shard->name = names_intern(w->names, name);
        shard->incarnation = 1;
        shard->restored = false;
        shard->clock = (struct node_clock){.wake_at_us = TIME_NEVER};
        shard->plan = (struct crash_plan){0};
        shard->content = (struct world_content){0};
        shard->had_blobs = false;
        shard->memory = (struct store_fault_plan){0};
        world_shard_begin(w, i);
    }
    for (shard_id i = 0; i < w->shard_count; i++) {
        struct shard_input input = {.kind = SHARD_START, .incarnation = 1};
        world_shard_step(w, i, &input);
    }
}

static void provision_officers(struct world *w)
{
    for (size_t i = 0; i < w->scenario->user_count; i++) {
        if (!w->scenario->users[i].officer)
            continue;
        record_officer(w, (user_id)(i + 1));
        for (shard_id shard = 0; shard < w->shard_count; shard++) {
            struct shard_input input = {.kind = SHARD_PROVISION_OFFICER, .user = (user_id)(i + 1)};
            world_shard_step(w, shard, &input);
        }
    }
}

void world_set_up(struct world *w)
{
    const struct scenario *s = w->scenario;
    phase_begin(w, PHASE_SAFETY);
    start_shards(w);
    for (size_t i = 0; i < s->user_count; i++) {
        user_id user = world_add_user(w, s->users[i].name);
        struct shard_input input = {.kind = SHARD_PROVISION_USER, .user = user};
        world_shard_step(w, shard_of_user(user, w->shard_count), &input);
    }
    for (size_t i = 0; i < s->device_count; i++)
        world_device(w, world_add_device(w, s->devices[i].user + 1, s->devices[i].name))->protocol =
            s->devices[i].old ? PROTOCOL_PREVIOUS : PROTOCOL_CURRENT;
    for (size_t i = 0; i < s->device_count; i++)
        if (!s->devices[i].linked)
            world_device_begin(w, (device_id)(i + 1), false);
    link_set_classes(w);
    provision_officers(w);
    provision_conversations(w);
    for (size_t i = 0; i < s->device_count; i++) {
        w->devices[i].offline = s->devices[i].offline;
        if (s->devices[i].linked)
            continue;
        crowd_begin_presence(w, (device_id)(i + 1), (enum presence_kind)s->devices[i].presence, 0);
    }
    world_disk_settle(w);
    w->provisioned = true;
    script_begin(w);
    crowd_begin(w);
    drawn_begin(w);
    if (s->observe_every_us)
        world_push(w, rng_exponential(&w->observe_rng, s->observe_every_us), EVENT_OBSERVE, 0, 0);
    world_push(w, w->safety_until_us, EVENT_PHASE, PHASE_HEAL, 0);
}

/* Give back what belongs to one run; keep the arrays. */
void world_forget(struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++) {
        device_free(w->devices[i].core);
        device_free(w->devices[i].image);
    }
    for (shard_id i = 0; i < w->shard_count; i++) {
        if (w->shards[i].core)
            shard_free(w->shards[i].core);
        w->shards[i].core = NULL;
        world_disk_forget(&w->shards[i]);
    }
    script_release(w);
    fault_forget(w);
    transport_forget(w);
    crowd_forget(w);
    if (w->net)
        net_free(w->net);
    w->net = NULL;
    remanence_free(w->remanence);
    w->remanence = NULL;
    w->device_count = w->user_count = w->shard_count = 0;
}

void world_begin(struct world *w, const struct scenario *scenario, uint64_t seed, flaw_set flaws,
                 struct history *history)
{
    world_forget(w);
    w->scenario = scenario;
    w->history = history;
    w->names = history->names;
    w->policy = scenario->policy;
    w->policy.flaws = flaws;
    w->seed = seed;
    w->run++;
    w->now_us = w->events = w->progress_us = w->push_lost = w->clock_span_us = 0;
    w->over = w->failed = w->exhausted = false;
    w->error[0] = '\0';
    w->shard_count = scenario->shards ? scenario->shards : 1;
    w->may_run_short = may_run_short(scenario);
    w->swarm = (struct world_swarm){0};
    w->striking = 0;
    memset(&w->seen, 0, sizeof w->seen);
    w->sessions = w->ghosts = w->lives = w->speaker = w->caller = 0;
    w->stalls_len = 0;
    w->meter = (struct disk_meter){.at = w->meter.at};
    w->late_us = 0;
    w->provisioned = false;
    if (scenario->remanence)
        w->remanence = remanence_new();
    w->traffic = (struct traffic){0};
    w->herd = (struct herd){0};
    queue_clear(w->queue);
    idmap_clear(&w->ops);
    idmap_clear(&w->owners);
    idmap_clear(&w->dropped);
    idmap_clear(&w->op_versions);
    idmap_clear(&w->ids_by_name);
    idmap_clear(&w->steps_by_name);
    w->order = rng_fork(seed, "order");
    w->net_rng = rng_fork(seed, "link");
    w->crowd_rng = rng_fork(seed, "crowd");
    w->script_rng = rng_fork(seed, "script");
    w->fault_rng = rng_fork(seed, "fault");
    w->observe_rng = rng_fork(seed, "observe");
    w->key_rng = rng_fork(seed, "key");
    w->push_rng = rng_fork(seed, "push");
    w->drawn_rng = rng_fork(seed, "drawn");
    memset(w->drawn_touched, 0, sizeof w->drawn_touched);
    const struct scenario_network *n = &scenario->network;
    struct net_config config = {.device = {n->median_us, n->p99_us},
                                .shard = {n->shard_median_us, n->shard_p99_us},
                                .loss_ppm = n->channel_loss_ppm,
                                .duplicate_ppm = n->channel_duplicate_ppm,
                                .reorder_ppm = n->channel_reorder_ppm,
                                .shard_bytes_per_s = n->shard_bytes_per_s,
                                .breaks_mean_us = n->breaks_mean_us};
    w->net = net_new(&config, seed);
    record_words(w);
}
