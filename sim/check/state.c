/* state.c: names to indices, kept records, and what can be asked of the model. fold.c moves it. */
#include "sim/check/state.h"

#include <stdlib.h>

static const char *const word_texts[WORD_COUNT] = {NULL,
#define WORD_TEXT(id, text) text,
                                                   WORD_LIST(WORD_TEXT)
#undef WORD_TEXT
};

/* clang-format moves this list at each run. */
/* clang-format off */
#define EACH_ARRAY(X) \
    X(users) X(devices) X(convs) X(messages) X(ops) X(members) X(changes) X(claims) X(items) X(holdings) X(entries) \
    X(obligations) X(suspects) X(suspicions) X(awaited) X(formes) X(holds) X(kept) X(formers) X(jobs) X(listed) X(retentions) \
    X(erasures) X(restored) X(uploads)
#define EACH_MAP(X) \
    X(member_of) X(holding_of) X(entry_of) X(channel_of) X(channel_high) X(awaited_of) X(kept_of) X(job_of) X(listed_of) \
    X(upload_of)
/* clang-format on */
#define EACH_INDEX(X) X(user_of) X(device_of) X(conv_of) X(message_of) X(op_of)

enum word word_of(const struct check *c, uint64_t name)
{
    return name < c->word_by_name_cap ? (enum word)c->word_by_name[name] : WORD_NONE;
}

void state_begin(struct check *c)
{
    if (c->word_by_name)
        memset(c->word_by_name, 0, c->word_by_name_cap);
    for (int i = 1; i < WORD_COUNT; i++) {
        uint32_t name = names_intern(c->names, word_texts[i]);
        c->words[i] = name;
        c->word_by_name = base_grow(c->word_by_name, &c->word_by_name_cap, (size_t)name + 1, 1);
        c->word_by_name[name] = (uint8_t)i;
    }
#define CLEAR_ARRAY(name) \
    c->name##_count = 0;  \
    GROW(c, name); /* index 0 means none */
    EACH_ARRAY(CLEAR_ARRAY)
#undef CLEAR_ARRAY
    c->queue_count = 0;
    c->looks = 1;
    c->arena_count = 1;
    c->arena = base_grow(c->arena, &c->arena_cap, 1, sizeof(*c->arena));
#define CLEAR_MAP(name) pair_map_clear(&c->name);
    EACH_MAP(CLEAR_MAP)
#undef CLEAR_MAP
#define CLEAR_INDEX(name) name_index_clear(&c->name);
    EACH_INDEX(CLEAR_INDEX)
#undef CLEAR_INDEX
}

void state_release(struct check *c)
{
#define FREE_ARRAY(name) free(c->name);
    EACH_ARRAY(FREE_ARRAY)
#undef FREE_ARRAY
    free(c->queue);
    free(c->arena);
    free(c->word_by_name);
#define FREE_MAP(name) pair_map_release(&c->name);
    EACH_MAP(FREE_MAP)
#undef FREE_MAP
#define FREE_INDEX(name) name_index_release(&c->name);
    EACH_INDEX(FREE_INDEX)
#undef FREE_INDEX
}

const char *nm(const struct check *c, uint64_t name)
{
    return name ? names_text(c->names, (uint32_t)name) : "?";
}

/* A kept record: kind, time, place, which fields, then their values. */
uint32_t state_keep(struct check *c, const struct record *r)
{
    size_t fields = (size_t)__builtin_popcountll(r->present);
    uint32_t kept = c->arena_count;
    c->arena = base_grow(c->arena, &c->arena_cap, (size_t)kept + 4 + fields, sizeof(*c->arena));
    uint64_t *word = c->arena + kept;
    *word++ = (uint64_t)r->kind;
    *word++ = r->at_us;
    *word++ = r->seq;
    *word++ = r->present;
    for (uint64_t left = r->present; left; left &= left - 1)
        *word++ = r->f[__builtin_ctzll(left)];
    c->arena_count = (uint32_t)(word - c->arena);
    return kept;
}

void state_kept(const struct check *c, uint32_t kept, struct record *r)
{
    const uint64_t *word = c->arena + kept;
    memset(r, 0, sizeof(*r));
    r->kind = (enum history_kind) * word++;
    r->at_us = *word++;
    r->seq = *word++;
    r->present = *word++;
    for (uint64_t left = r->present; left; left &= left - 1)
        r->f[__builtin_ctzll(left)] = *word++;
}

static uint32_t user_at(struct check *c, uint64_t name)
{
    uint32_t user = name ? name_index_get(&c->user_of, name) : 0;
    if (name && !user) {
        user = GROW(c, users);
        c->users[user].name = (uint32_t)name;
        name_index_set(&c->user_of, name, user);
        c->work.users++;
    }
    return user;
}

static uint32_t device_at(struct check *c, uint64_t name)
{
    uint32_t device = name ? name_index_get(&c->device_of, name) : 0;
    if (name && !device) {
        device = GROW(c, devices);
        c->devices[device].name = (uint32_t)name;
        c->devices[device].born_seq = c->now ? c->now->seq : 0;
        name_index_set(&c->device_of, name, device);
        c->work.devices++;
    }
    return device;
}

uint32_t state_device_find(const struct check *c, uint64_t name)
{
    return name_index_get(&c->device_of, name);
}

uint32_t state_conv(struct check *c, uint64_t name)
{
    uint32_t conv = name ? name_index_get(&c->conv_of, name) : 0;
    if (name && !conv) {
        conv = GROW(c, convs);
        c->convs[conv].name = (uint32_t)name;
        name_index_set(&c->conv_of, name, conv);
        c->work.conversations++;
    }
    return conv;
}

uint32_t state_message(struct check *c, uint64_t name, uint32_t conv)
{
    uint32_t message = name ? name_index_get(&c->message_of, name) : 0;
    if (name && !message) {
        message = GROW(c, messages);
        c->messages[message].name = (uint32_t)name;
        name_index_set(&c->message_of, name, message);
    }
    if (message && conv && !c->messages[message].conv) {
        struct conv *home = &c->convs[conv];
        c->messages[message].conv = conv;
        if (home->last_message)
            c->messages[home->last_message].next_in_conv = message;
        else
            home->first_message = message;
        home->last_message = message;
    }
    return message;
}

static uint32_t op_at(struct check *c, uint64_t name)
{
    uint32_t op = name ? name_index_get(&c->op_of, name) : 0;
    if (name && !op) {
        op = GROW(c, ops);
        c->ops[op].name = (uint32_t)name;
        name_index_set(&c->op_of, name, op);
        c->work.operations++;
    }
    return op;
}

void state_resolve(struct check *c, const struct record *r, struct event *e)
{
    memset(e, 0, sizeof(*e));
    e->r = r;
    e->user = user_at(c, record_get(r, FIELD_USER));
    e->device = device_at(c, record_get(r, FIELD_DEVICE));
    uint64_t in = record_get(r, FIELD_IN);
    e->conv = state_conv(c, in ? in : record_get(r, FIELD_CONVERSATION));
    e->what = word_of(c, record_get(r, FIELD_DO));
    /* Only a send, or a copy that is seen, says for certain where a message lives; a deletion may name the wrong place.
     */
    bool places = r->kind == KIND_SHOW || r->kind == KIND_APPEND || e->what == WORD_SEND || e->what == WORD_INVITE;
    e->message = state_message(c, record_get(r, FIELD_MESSAGE), places ? e->conv : 0);
    e->op = op_at(c, record_get(r, FIELD_OP));
    e->actor = user_at(c, record_get(r, FIELD_ACTOR));
    if (!e->actor && e->device)
        e->actor = c->devices[e->device].user;
    e->subject = user_at(c, record_get(r, FIELD_SUBJECT));
}

struct member *state_member(struct check *c, uint32_t conv, uint32_t user)
{
    uint32_t at = pair_map_get(&c->member_of, ((uint64_t)conv << 32) | user);
    return at ? &c->members[at] : NULL;
}

static uint32_t item_find(const struct check *c, uint32_t message, uint64_t copy, uint64_t via)
{
    uint32_t item = c->messages[message].items;
    while (item && (c->items[item].copy != copy || c->items[item].via != via))
        item = c->items[item].next;
    return item;
}

static uint32_t holding_find(const struct check *c, uint32_t device, uint32_t message, uint64_t copy, uint64_t via)
{
    uint32_t item = message ? item_find(c, message, copy, via) : 0;
    return item ? pair_map_get(&c->holding_of, ((uint64_t)device << 32) | item) : 0;
}

uint32_t state_holding_of(const struct check *c, const struct event *e)
{
    return holding_find(c, e->device, e->message, record_get(e->r, FIELD_COPY), record_get(e->r, FIELD_VIA));
}

uint32_t state_item_find(const struct check *c, uint32_t device, uint32_t message, const struct record_item *item)
{
    return holding_find(c, device, message, item->copy, item->via);
}

uint32_t state_body_find(const struct check *c, uint32_t device, uint32_t message)
{
    return holding_find(c, device, message, c->words[WORD_BODY], 0);
}

uint32_t state_holding_put(struct check *c, const struct event *e)
{
    uint64_t copy = record_get(e->r, FIELD_COPY), via = record_get(e->r, FIELD_VIA);
    uint32_t item = item_find(c, e->message, copy, via);
    if (!item) {
        item = GROW(c, items);
        c->items[item].message = e->message;
        c->items[item].copy = (uint32_t)copy;
        c->items[item].via = (uint32_t)via;
        c->items[item].next = c->messages[e->message].items;
        c->messages[e->message].items = item;
    }
    uint32_t *slot = pair_map_at(&c->holding_of, ((uint64_t)e->device << 32) | item);
    if (!*slot) {
        *slot = GROW(c, holdings);
        c->holdings[*slot].device = e->device;
        c->holdings[*slot].item = item;
    }
    return *slot;
}

bool item_lasts(const struct check *c, uint32_t item)
{
    enum word copy = word_of(c, c->items[item].copy);
    return copy == WORD_BODY || copy == WORD_QUOTE || copy == WORD_ATTACHMENT || copy == WORD_INVITATION;
}

bool item_is_kept(const struct check *c, uint32_t item)
{
    return c->options.quotes_kept && word_of(c, c->items[item].copy) == WORD_QUOTE;
}

bool target_undone_since(const struct check *c, const struct target *t, version deletion)
{
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo && c->changes[i].version > deletion)
            return true;
    return false;
}

const struct change *target_current(const struct check *c, const struct target *t)
{
    const struct change *current = NULL;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo)
            current = NULL;
        else if (!current)
            current = &c->changes[i];
    return current;
}

/* A deletion repeated while it lasts may or may not count as a new one: either of its versions names it. */
bool target_names_current(const struct check *c, const struct target *t, version named)
{
    bool found = false;
    for (uint32_t i = t->first; i; i = c->changes[i].next)
        if (c->changes[i].undo)
            found = false;
        else if (c->changes[i].version == named)
            found = true;
    return found;
}

bool message_live(const struct check *c, const struct message *m)
{
    return !m->target.deleted && !(m->conv && c->convs[m->conv].target.deleted);
}

/*
 * A claim that only an acknowledgement told of is none when the commit came after all; nor is one that names another
 * conversation than the message's own: its target never arrives there.
 */
bool claim_open(const struct check *c, const struct message *m, const struct claim *claim)
{
    if (claim->conv && m->conv && claim->conv != m->conv)
        return false;
    const struct op *op = &c->ops[claim->op];
    return !claim->refused && !(claim->by_ack && (op->committed || op->early));
}

bool invitation_open(const struct check *c, const struct message *m)
{
    return m->invitation && !m->lost && message_live(c, m);
}

bool holder_left(struct check *c, const struct holding *h)
{
    const struct message *m = &c->messages[c->items[h->item].message];
    const struct member *member = state_member(c, m->conv, c->devices[h->device].user);
    return member && !member->is && word_of(c, c->items[h->item].copy) != WORD_INVITATION;
}

bool fault_lasts(enum word fault)
{
    switch (fault) {
        case WORD_PARTITION:
        case WORD_HOLD:
        case WORD_DROP:
        case WORD_PAUSE:
        case WORD_SLOW:
        case WORD_FLAP:
        case WORD_HALF_OPEN:
        case WORD_CAPTIVE:
        case WORD_CLOG:
        case WORD_CORRUPT:
        case WORD_SLOW_READER:
        case WORD_OUTAGE:
            return true;
        default:
            return false;
    }
}
