/* life_print.c: the life that life.c gathered: its lines, then a table of the devices. */
#include "sim/cli/life_parts.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64 /* of a name in the table; longer ones are cut */
#define COPIES_SHOWN 4

bool life_found(const struct life *life)
{
    return life->found;
}

bool life_ambiguous(const struct life *life, const char *conversations[2])
{
    if (!life->other || life->is_conversation)
        return false;
    conversations[0] = names_text(life->names, life->conversation);
    conversations[1] = names_text(life->names, life->other);
    return true;
}

/* ---- suggestions ---- */

/* Levenshtein's distance of the first NAME_BYTES bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES + 1], la = strnlen(a, NAME_BYTES), lb = strnlen(b, NAME_BYTES);
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]), insert = row[j - 1] + 1, drop = row[j] + 1;
            diagonal = row[j];
            row[j] = change < insert ? change : insert;
            row[j] = drop < row[j] ? drop : row[j];
        }
    }
    return row[lb];
}

int life_suggest(const struct life *life, const char *suggestions[], int max)
{
    const char *target = names_text(life->names, life->target);
    size_t limit = strlen(target) / 2 + 1;
    int count = 0;
    for (size_t far = 1; far <= limit && count < max; far++)
        for (uint32_t name = 1; name < life->candidate_cap && name <= names_count(life->names) && count < max; name++)
            if (life->candidates[name] && distance(target, names_text(life->names, name)) == far)
                suggestions[count++] = names_text(life->names, name);
    return count;
}

/* ---- the deletion ---- */

/* When the deletion that is in effect at the end took effect; false when there is none. */
static bool deleted_at(const struct life *life, uint64_t *at_us)
{
    bool deleted = false;
    for (size_t i = 0; i < life->fact_count; i++) {
        const struct life_fact *fact = &life->facts[i];
        if (fact->committed != life->committed || (!fact->specific && fact->in != life->conversation))
            continue;
        if (!fact->undo && !deleted)
            *at_us = fact->at_us;
        deleted = !fact->undo;
    }
    return deleted;
}

/* ---- the table ---- */
static bool concerns(const struct life *life, const struct life_device *device)
{
    char key[48];
    snprintf(key, sizeof key, "%u.%u", life->conversation, device->user);
    return device->ever || device->first_cell || names_find(life->members, key);
}

static void format_time(uint64_t us, char text[32])
{
    snprintf(text, 32, "%llu.%06llus", (unsigned long long)(us / US_PER_S), (unsigned long long)(us % US_PER_S));
}

static void print_connection(const struct life *life, const struct life_device *device, FILE *out)
{
    static const char *const words[] = {"never connected", "connected since", "away since"};
    char since[32], cause[128];
    format_time(device->since_us, since);
    fprintf(out, "%s%s%s", words[device->connection], device->connection == LIFE_NEVER ? "" : " ",
            device->connection == LIFE_NEVER ? "" : since);
    if (device->exempt)
        fputs(", never returns", out);
    if (device->cause) {
        history_safe_text(names_text(life->names, device->cause), cause, sizeof cause);
        fprintf(out, ", waits for %s", cause);
    }
}

/* The copies that are readable on the device: "body, quote". Returns how many. */
static size_t list_copies(const struct life *life, const struct life_device *device, char *text, size_t size)
{
    size_t count = 0, len = 0;
    text[0] = 0;
    for (uint32_t id = device->first_cell; id; id = life->cells[id].next) {
        const struct life_cell *cell = &life->cells[id];
        char message[NAME_BYTES], copy[NAME_BYTES];
        if (!cell->shown || ++count > COPIES_SHOWN || len >= size)
            continue;
        history_safe_text(names_text(life->names, cell->message), message, sizeof message);
        history_safe_text(names_text(life->names, cell->copy), copy, sizeof copy);
        len += (size_t)snprintf(text + len, size - len, "%s%s%s%s", count > 1 ? ", " : "",
                                life->is_conversation ? message : "", life->is_conversation ? " " : "", copy);
    }
    if (count > COPIES_SHOWN && len < size)
        snprintf(text + len, size - len, " and %zu more", count - COPIES_SHOWN);
    return count;
}

static void format_latency(const struct life_device *device, bool deleted, uint64_t at_us, size_t readable,
                           char text[64])
{
    if (!deleted || !device->hidden || readable)
        snprintf(text, 64, "-");
    else if (device->hidden_us < at_us)
        snprintf(text, 64, "before it");
    else
        history_duration(device->hidden_us - at_us, text, 64);
}

static void print_device(const struct life *life, const struct life_device *device, FILE *out)
{
    char name[NAME_BYTES], shown[32] = "-", hidden[32] = "-", latency[64], copies[512], because[NAME_BYTES];
    uint64_t at_us = 0;
    bool deleted = deleted_at(life, &at_us);
    size_t readable = list_copies(life, device, copies, sizeof copies);
    if (device->ever)
        format_time(device->shown_us, shown);
    if (device->hidden && !readable)
        format_time(device->hidden_us, hidden);
    format_latency(device, deleted, at_us, readable, latency);
    history_safe_text(names_text(life->names, device->name), name, sizeof name);
    history_safe_text(names_text(life->names, device->because), because, sizeof because);
    fprintf(out, "%-20s %16s %16s %14s  ", name, shown, hidden, latency);
    if (readable) {
        fprintf(out, "%s: %s; ", deleted ? "still readable" : "readable", copies);
        print_connection(life, device, out);
    } else if (device->ever || device->hidden) {
        fprintf(out, "hidden%s%s", because[0] ? " because " : "", because);
    } else {
        fputs("never shown; ", out);
        print_connection(life, device, out);
    }
    fputc('\n', out);
}

void life_print(struct life *life, FILE *out)
{
    char name[512], conversation[512], end[32], text[32];
    uint64_t at_us = 0;
    history_safe_text(names_text(life->names, life->target), name, sizeof name);
    history_safe_text(names_text(life->names, life->conversation), conversation, sizeof conversation);
    if (life->is_conversation)
        fprintf(out, "conversation %s, %llu messages sent\n", name, (unsigned long long)life->messages);
    else
        fprintf(out, "message %s in %s\n", name, conversation);
    for (size_t i = 0; i < life->line_count; i++)
        if (life->lines[i].specific || life->lines[i].in == life->conversation)
            fprintf(out, "  %s\n", life->lines[i].text);
    format_time(life->last_us, end);
    if (deleted_at(life, &at_us)) {
        format_time(at_us, text);
        fprintf(out, "\ndeleted at %s; devices at the end, %s:\n", text, end);
    } else {
        fprintf(out, "\nno deletion is known to be in effect; devices at the end, %s:\n", end);
    }
    fprintf(out, "%-20s %16s %16s %14s  %s\n", "device", "first shown", "last hidden", "after deletion", "state");
    for (size_t i = 0; i < life->device_count; i++)
        if (concerns(life, &life->devices[i]))
            print_device(life, &life->devices[i], out);
}
