/*
 * pairs.c: which device still shows what was deleted.
 *
 * Method: a row per (device, message) says which copies are readable. Rows hang on their message, messages on their
 * conversation, so that a deletion finds its rows without a search. A row that a standing deletion covers belongs to a
 * pair, which counts its open rows; the pair's latency is that of the row that closed last, read off when the run ends,
 * since a copy may be shown again until then. A copy that the device has hidden of its own accord, and does not say to
 * be hidden once more when that is confirmed, is hidden all the same: pairs_settle closes its row.
 */
#include "reports/pairs.h"

#include "reports/keymap.h"

#include <stdlib.h>
#include <string.h>

/* Places are from 1; item 0 of each array is unused, and 0 means none. */
struct device {
    uint64_t connected_at_us;
    bool exempt, replaced, away; /* away: its last connection is over */
};
struct row {
    uint64_t hidden_at_us, hoped_at_us; /* hoped: when the last of `hoped` was hidden */
    uint32_t device, next;              /* next: row of the same message */
    uint32_t pair;
    uint32_t copies; /* bit: a kind of copy that is readable */
    uint32_t hoped;  /* of these: that the device does not show, pending an answer */
    bool hidden;     /* was readable once, and is not now */
};
struct message {
    uint32_t conversation, next; /* next: message of the same conversation */
    uint32_t first_row, deletion;
};
struct conversation {
    uint32_t first_message, deletion;
};
struct deletion {
    uint64_t at_us;
    uint32_t issuer;
    bool undone;
};
struct pair {
    uint64_t hidden_at_us, latency_us;
    uint32_t deletion, device, open_rows;
    enum metrics_class class;
};

struct list { /* what the arrays below have in common */
    size_t count, cap;
};
#define COPIES_MAX 32U

struct pairs {
    struct keymap devices, conversations, messages; /* by name */
    struct keymap rows;                             /* by device and message */
    struct keymap pairs;                            /* by deletion and device */
    struct device *device;
    struct conversation *conversation;
    struct message *message;
    struct row *row;
    struct deletion *deletion;
    struct pair *pair;
    struct list device_list, conversation_list, message_list, row_list, deletion_list, pair_list;
    uint64_t copy_names[COPIES_MAX]; /* which kind of copy a bit stands for; the last bit for all that are left */
    uint32_t copy_count;
};

/* Room for one more, zeroed; returns the array, and its place in *place. */
static void *append(void *items, struct list *list, size_t size, uint32_t *place)
{
    items = base_grow(items, &list->cap, list->count + 1, size);
    memset((char *)items + list->count * size, 0, size);
    *place = (uint32_t)list->count++;
    return items;
}

static uint64_t two(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

void pairs_clear(struct pairs *p)
{
    uint32_t unused;
    struct keymap *maps[] = {&p->devices, &p->conversations, &p->messages, &p->rows, &p->pairs};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        keymap_clear(maps[i]);
    struct list *lists[] = {&p->device_list, &p->conversation_list, &p->message_list,
                            &p->row_list,    &p->deletion_list,     &p->pair_list};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        lists[i]->count = 0;
    p->device = append(p->device, &p->device_list, sizeof *p->device, &unused);
    p->conversation = append(p->conversation, &p->conversation_list, sizeof *p->conversation, &unused);
    p->message = append(p->message, &p->message_list, sizeof *p->message, &unused);
    p->row = append(p->row, &p->row_list, sizeof *p->row, &unused);
    p->deletion = append(p->deletion, &p->deletion_list, sizeof *p->deletion, &unused);
    p->pair = append(p->pair, &p->pair_list, sizeof *p->pair, &unused);
    p->copy_count = 0;
}

struct pairs *pairs_new(void)
{
    struct pairs *p = base_alloc(sizeof *p);
    pairs_clear(p);
    return p;
}

void pairs_free(struct pairs *p)
{
    if (!p)
        return;
    struct keymap *maps[] = {&p->devices, &p->conversations, &p->messages, &p->rows, &p->pairs};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        keymap_release(maps[i]);
    free(p->device);
    free(p->conversation);
    free(p->message);
    free(p->row);
    free(p->deletion);
    free(p->pair);
    free(p);
}

/* ---- names to places ---- */
static uint32_t device_of(struct pairs *p, uint64_t name)
{
    if (!name)
        return 0;
    uint32_t *place = keymap_put(&p->devices, name);
    if (!*place)
        p->device = append(p->device, &p->device_list, sizeof *p->device, place);
    return *place;
}

static uint32_t conversation_of(struct pairs *p, uint64_t name)
{
    if (!name)
        return 0;
    uint32_t *place = keymap_put(&p->conversations, name);
    if (!*place)
        p->conversation = append(p->conversation, &p->conversation_list, sizeof *p->conversation, place);
    return *place;
}

/* A message belongs to the first conversation that it is named with. */
static uint32_t message_of(struct pairs *p, uint64_t in, uint64_t name)
{
    uint32_t *place = keymap_put(&p->messages, name);
    if (!*place)
        p->message = append(p->message, &p->message_list, sizeof *p->message, place);
    struct message *message = &p->message[*place];
    if (!message->conversation && in) {
        message->conversation = conversation_of(p, in);
        message->next = p->conversation[message->conversation].first_message;
        p->conversation[message->conversation].first_message = *place;
    }
    return *place;
}

static uint32_t row_of(struct pairs *p, uint32_t device, uint32_t message)
{
    uint32_t *place = keymap_put(&p->rows, two(device, message));
    if (!*place) {
        p->row = append(p->row, &p->row_list, sizeof *p->row, place);
        p->row[*place].device = device;
        p->row[*place].next = p->message[message].first_row;
        p->message[message].first_row = *place;
    }
    return *place;
}

static uint32_t pair_of(struct pairs *p, uint32_t deletion, uint32_t device)
{
    uint32_t *place = keymap_put(&p->pairs, two(deletion, device));
    if (!*place) {
        p->pair = append(p->pair, &p->pair_list, sizeof *p->pair, place);
        p->pair[*place].deletion = deletion;
        p->pair[*place].device = device;
    }
    return *place;
}

static uint32_t copy_bit(struct pairs *p, uint64_t name)
{
    uint32_t i = 0;
    while (i < p->copy_count && p->copy_names[i] != name)
        i++;
    if (i == p->copy_count && p->copy_count < COPIES_MAX)
        p->copy_names[p->copy_count++] = name;
    return 1U << (i < COPIES_MAX ? i : COPIES_MAX - 1);
}

/* ---- covering and reaching ---- */
static bool stands(const struct pairs *p, uint32_t deletion)
{
    return deletion && !p->deletion[deletion].undone;
}

static uint64_t since(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? to_us - from_us : 0; /* clocks of an outside history may differ */
}

static void reach(struct pairs *p, uint32_t place, uint64_t at_us)
{
    struct pair *pair = &p->pair[place];
    uint64_t deleted_us = p->deletion[pair->deletion].at_us, connected_us = p->device[pair->device].connected_at_us;
    bool returned = connected_us > deleted_us && connected_us <= at_us;
    pair->hidden_at_us = at_us;
    pair->class = returned ? METRICS_RETURNING : METRICS_ONLINE;
    pair->latency_us = since(returned ? connected_us : deleted_us, at_us);
}

static void cover(struct pairs *p, uint32_t row, uint32_t deletion)
{
    struct row *r = &p->row[row];
    if (r->device == p->deletion[deletion].issuer || (r->pair && stands(p, p->pair[r->pair].deletion)))
        return;
    r->pair = pair_of(p, deletion, r->device);
    p->pair[r->pair].open_rows++;
}

static void cover_message(struct pairs *p, uint32_t message, uint32_t deletion, uint64_t known_us)
{
    const struct deletion *d = &p->deletion[deletion];
    for (uint32_t i = p->message[message].first_row; i; i = p->row[i].next) {
        const struct row *r = &p->row[i];
        if (r->copies) {
            cover(p, i, deletion);
        } else if (r->hidden && d->at_us < known_us && d->at_us <= r->hidden_at_us && r->device != d->issuer) {
            uint32_t pair = pair_of(p, deletion, r->device);
            if (p->pair[pair].hidden_at_us <= r->hidden_at_us)
                reach(p, pair, r->hidden_at_us);
        }
    }
}

void pairs_delete(struct pairs *p, const struct pairs_deletion *new)
{
    uint32_t message = new->message ? message_of(p, new->in, new->message) : 0;
    uint32_t conversation = message ? 0 : conversation_of(p, new->in), issuer = device_of(p, new->issuer), place;
    if (!message && !conversation)
        return;
    if (stands(p, message ? p->message[message].deletion : p->conversation[conversation].deletion))
        return;
    p->deletion = append(p->deletion, &p->deletion_list, sizeof *p->deletion, &place);
    p->deletion[place] = (struct deletion){new->at_us, issuer, false};
    if (message) {
        p->message[message].deletion = place;
        cover_message(p, message, place, new->known_us);
        return;
    }
    p->conversation[conversation].deletion = place;
    for (uint32_t i = p->conversation[conversation].first_message; i; i = p->message[i].next)
        if (!stands(p, p->message[i].deletion))
            cover_message(p, i, place, new->known_us);
}

void pairs_undo(struct pairs *p, uint64_t in, uint64_t message)
{
    uint32_t place = message ? message_of(p, in, message) : conversation_of(p, in); /* may move them */
    uint32_t deletion = message ? p->message[place].deletion : p->conversation[place].deletion;
    if (deletion)
        p->deletion[deletion].undone = true;
}

/* ---- what devices do ---- */
void pairs_connect(struct pairs *p, uint64_t device, uint64_t at_us)
{
    uint32_t place = device_of(p, device); /* may move the devices */
    p->device[place].connected_at_us = at_us;
    p->device[place].away = false;
}

void pairs_disconnect(struct pairs *p, uint64_t device)
{
    uint32_t place = device_of(p, device);
    p->device[place].away = true;
}

void pairs_exempt(struct pairs *p, uint64_t node)
{
    uint32_t place = keymap_get(&p->devices, node);
    if (place)
        p->device[place].exempt = true;
}

void pairs_replaced(struct pairs *p, uint64_t device)
{
    uint32_t place = device_of(p, device);
    p->device[place].replaced = true;
}

void pairs_show(struct pairs *p, uint64_t device, uint64_t in, uint64_t message, uint64_t copy)
{
    uint32_t of = message_of(p, in, message), row = row_of(p, device_of(p, device), of);
    uint32_t of_message = p->message[of].deletion;
    uint32_t of_conversation = p->conversation[p->message[of].conversation].deletion;
    p->row[row].copies |= copy_bit(p, copy);
    p->row[row].hoped &= ~copy_bit(p, copy);
    p->row[row].hidden = false;
    if (stands(p, of_message))
        cover(p, row, of_message);
    else if (stands(p, of_conversation))
        cover(p, row, of_conversation);
}

void pairs_hide(struct pairs *p, uint64_t device, uint64_t in, uint64_t message, uint64_t copy, uint64_t at_us)
{
    uint32_t of = message_of(p, in, message);
    uint32_t place = row_of(p, device_of(p, device), of); /* may move the rows */
    struct row *row = &p->row[place];
    if (!row->copies)
        return;
    row->copies &= ~copy_bit(p, copy);
    row->hoped &= row->copies;
    if (row->copies)
        return;
    row->hidden = true;
    row->hidden_at_us = at_us;
    if (row->pair && stands(p, p->pair[row->pair].deletion)) {
        p->pair[row->pair].open_rows--;
        reach(p, row->pair, at_us);
    }
    row->pair = 0;
}

static struct row *known_row(struct pairs *p, uint64_t device, uint64_t message)
{
    uint32_t of_device = keymap_get(&p->devices, device), of = keymap_get(&p->messages, message);
    uint32_t place = of_device && of ? keymap_get(&p->rows, two(of_device, of)) : 0;
    return place ? &p->row[place] : NULL;
}

void pairs_show_pending(struct pairs *p, uint64_t device, uint64_t message, uint64_t copy)
{
    struct row *row = known_row(p, device, message);
    if (row)
        row->hoped &= ~copy_bit(p, copy);
}

void pairs_hide_pending(struct pairs *p, uint64_t device, uint64_t message, uint64_t copy, uint64_t at_us)
{
    struct row *row = known_row(p, device, message);
    if (!row || !(row->copies & copy_bit(p, copy)))
        return;
    row->hoped |= copy_bit(p, copy);
    row->hoped_at_us = at_us;
}

/* What is hidden only by the device's own hope cannot be read there either; the deletion found it so, or came first. */
void pairs_settle(struct pairs *p)
{
    for (uint32_t i = 1; i < p->row_list.count; i++) {
        struct row *row = &p->row[i];
        if (!row->copies || row->copies != row->hoped || !row->pair || !stands(p, p->pair[row->pair].deletion))
            continue;
        uint64_t at_us = p->deletion[p->pair[row->pair].deletion].at_us;
        at_us = row->hoped_at_us > at_us ? row->hoped_at_us : at_us;
        if (p->pair[row->pair].hidden_at_us <= at_us)
            reach(p, row->pair, at_us);
        p->pair[row->pair].open_rows--;
    }
}

static enum metrics_end end_of(const struct pairs *p, const struct pair *pair)
{
    const struct device *device = &p->device[pair->device];
    if (!pair->open_rows)
        return METRICS_REACHED;
    if (device->exempt)
        return METRICS_NEVER_RETURNS;
    if (device->replaced)
        return METRICS_REPLACED;
    return device->away ? METRICS_AWAY : METRICS_STILL_SHOWS;
}

bool pairs_next(const struct pairs *p, size_t *at, struct pair_outcome *outcome)
{
    while (++*at < p->pair_list.count) {
        const struct pair *pair = &p->pair[*at];
        enum metrics_end end = end_of(p, pair);
        if (end != METRICS_REACHED && !stands(p, pair->deletion))
            continue;
        *outcome = (struct pair_outcome){end, pair->class, pair->latency_us,
                                         since(p->deletion[pair->deletion].at_us, pair->hidden_at_us)};
        return true;
    }
    return false;
}
