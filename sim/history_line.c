/*
 * history_line.c: one record as a readable line, for --trace, explain and proofs.
 *
 * A template a kind: {key} stands for the field's value, and [...] is left out when a field in it is absent. A kind
 * without a template would be printed as key=value. Names come from files, so control characters never reach a
 * terminal.
 */
#include "sim/history.h"

#include <stdarg.h>
#include <string.h>

#define ITEMS_SHOWN 6 /* of a view; the rest are counted */

static const char *const templates[HISTORY_KINDS] = {
    [KIND_DEVICE] = "{device} is a device of {user}[, linked{linked}]",
    [KIND_MEMBER] = "{user} is {role} of {conversation}[, version {version}]",
    [KIND_RULE] = "in {in}, {do} is for the role {role} or above",
    [KIND_OFFICER] = "{user} is an officer of legal holds",
    [KIND_CONNECT] = "{device} connects",
    [KIND_DISCONNECT] = "{device} disconnects",
    [KIND_INVOKE] = "{device} invokes {op}: {do}[ {message}][ to {via}][ with {attachment}][ {subject}][ as {role}][ "
                    "in {in}][, scope {scope}]"
                    "[, undoes {undoes}]",
    [KIND_ACK] = "{device} learns that {op} is accepted[ and settled{settled}]",
    [KIND_REFUSE] = "{device} learns that {op} is refused, {why}",
    [KIND_SHOW] = "{device} shows {message} in {in} ({copy}[ via {via}])[, version {version}][, pending{pending}]",
    [KIND_HIDE] = "{device} hides {message} in {in} ({copy}[ via {via}])[ because {because}][, version {version}][, "
                  "pending{pending}]",
    [KIND_NOTICE] = "{device} is told that {in} is deleted[ by {actor}][, its draft is kept{draft}]",
    [KIND_CANCEL] = "{device} cancels {op}, the send of {message}, before it was ever sent",
    [KIND_VIEW] = "{device} is found to show {shown}[, cursor {cursor}][, epoch {epoch}]",
    [KIND_END] = "the recording ends",
    [KIND_COMMIT] = "{shard} commits[ {op}][ a part of {job}][ for {reason}]: {do}[ {message}][ to {via}][ with "
                    "{attachment}][ {subject}][ as "
                    "{role}][ in {in}][ by {actor}][ of {device}], "
                    "version {version}[, undoes {undoes}][, undo until {deadline}]",
    [KIND_REJECT] = "{shard} rejects {op}: {do}[ {message}][ in {in}][ by {actor}][ of {device}], {why}",
    [KIND_DUPLICATE] = "{shard} meets {op}[ of {device}] again and does nothing",
    [KIND_EARLY] = "{shard} keeps {op}[ of {device}], the deletion of {message}[ in {in}] by {actor}, until its target "
                   "arrives",
    [KIND_BIND] = "{shard} binds the kept deletion of {message}[ in {in}] by {actor}: {answer}[, version {version}]",
    [KIND_APPEND] =
        "{shard} appends {entry}[ {message}][ in {in}][, version {version}] to the log of {user} at {position}, "
        "epoch {epoch}[, from {source}][ number {number}]",
    [KIND_CURSOR] =
        "{device} moves its cursor to {position}, epoch {epoch}[, having applied {entry}][ {message}][ in {in}]"
        "[, version {version}]",
    [KIND_INSTALL] = "{device} installs a snapshot at {position}, epoch {epoch}, generation {generation}",
    [KIND_SYNC] =
        "the hello of {device}[, epoch {epoch},] is answered with {answer}[ by {shard}]: cursor {cursor}, generation "
        "{generation}; head {head}, horizon {horizon}, current generation {current}",
    [KIND_ACKNOWLEDGED] = "{device} has acknowledged up to {position}, epoch {epoch}[, generation {generation}]",
    [KIND_FENCE] = "{device} is fenced, generation {generation}",
    [KIND_TRUNCATE] = "the log of {user} is truncated up to {horizon}, epoch {epoch}[, by {shard}]",
    [KIND_PURGING] = "{shard} begins to purge[ {message} in] {in}, version {version}",
    [KIND_PURGE] = "{shard} has purged[ {message} in] {in}, version {version}",
    [KIND_REAP] = "{shard} reaps the tombstone of[ {message} in] {in}, version {version}",
    [KIND_RETENTION] = "messages of {in} are kept for {period}[, version {version}]",
    [KIND_INDEX] = "{shard}: the search index of {user} is found to have {shown}",
    [KIND_ERASURE] = "{shard}: erasure {job} of the account of {user}, {stage}[, by {deadline}]",
    [KIND_JOB] = "{shard}: job {job}, {stage}[, in {in}][, by {actor}][, what {subject} wrote][, {count} done]",
    [KIND_REPEAT] = "{shard} ignores number {number} of incarnation {incarnation} from {source}, which came again",
    [KIND_RECEIVE] = "{shard} receives number {number} of incarnation {incarnation} from {source}",
    [KIND_CONTENT] = "of {tombstones} tombstones and deletions of {shard}, {count} carry a text",
    [KIND_DEVICE_RESTORE] = "{device} starts from what {source} had[ and goes on having{clone}][ under an id of its "
                            "own{linked}]: {shown}[, cursor {cursor}]"
                            "[, epoch {epoch}]",
    [KIND_TABLE] =
        "{shard} is found to hold {tombstones} tombstones, {messages} messages, {conversations} conversations, "
        "{entries} entries, {waiting} waiting, digest {digest}[, {count} held]",
    [KIND_HOLD] = "{shard} holds[ {in}][ what {user} could read][, as {actor} asked]",
    [KIND_RELEASE] = "{shard} holds[ {in}][ what {user} could read] no longer[, as {actor} had asked]",
    [KIND_PARK] = "{shard} parks the purge of[ {message} in] {in}, version {version}: it is held",
    [KIND_HELD] = "{shard} is found to hold {message} in {in}[, as of {version}][, its {copy}], digest {digest}[, and "
                  "it cannot be "
                  "read{broken}]",
    [KIND_REPLAY] = "{shard} does again[ {op}]: {do}[ {message}][ in {in}][ by {actor}][ of {device}][, version "
                    "{version}][, undoes {undoes}]",
    [KIND_FETCH] =
        "{device} asks {shard} for part {number} of the attachment of {message} in {in}[ and is refused, {why}]",
    [KIND_BLOBS] = "{shard} is found to hold the bytes of {shown}",
    [KIND_EPOCH] = "the log of {user} begins anew, epoch {epoch}[, by {shard}]",
    [KIND_BACKUP] = "{node} is backed up as {step}",
    [KIND_RESTORE] =
        "{node} is restored from {step}[, incarnation {incarnation}][; what that lost is gone by {deadline}]",
    [KIND_PHASE] = "phase {phase} begins",
    [KIND_FAULT] = "fault {fault}[ at {node}][, {cause}][, count {count}][, step {step}]",
    [KIND_CRASH] = "{node} crashes[ {point}]",
    [KIND_RESTART] = "{node} restarts",
    [KIND_STEP] = "step {step} runs[ as {op}]",
    [KIND_EXEMPT] = "{node} is exempt: it never returns",
    [KIND_STAYS_DOWN] = "{node} does not start: {cause}",
    [KIND_EXECUTED] = "{shard} is found to have executed the operations of {device}[ up to {op}]",
    [KIND_SCAN] = "{shard}: {source} was read, {bytes} bytes, for {count} secrets",
    [KIND_REMAINS] = "{shard}: of {message} there is a {source}, at offset {position} ({copy})",
    [KIND_TORN] = "{shard} is found with its last step in pieces",
    [KIND_STALL] = "{node} has not converged[: {cause}]",
    [KIND_AUDIT] = "the audit log of {shard} has {count} decisions, head {digest}[, broken{broken}]"
                   "[; it has turned away {requests} requests]",
    [KIND_TRAFFIC] = "traffic: {requests} requests, {bytes} bytes, {between} messages between shards, {hottest} steps "
                     "of the busiest",
    [KIND_HERD] = "a herd of {count} devices came back in {period}, {waiting} are missing: {events} events, {requests} "
                  "requests, {bytes} bytes, {between} messages between shards",
};

struct line {
    char *text;
    size_t len, size;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    if (line->len + 1 >= line->size)
        return;
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line->text + line->len, line->size - line->len, format, list);
    va_end(list);
    line->len += len > 0 ? (size_t)len : 0;
}

void history_safe_text(const char *text, char *out, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = 0;
    for (; *p && len + 1 < size; p++) {
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        out[len++] = *p < 0x20 || *p == 0x7f || c1 ? '?' : (char)*p;
        p += c1;
    }
    out[len] = 0;
}

static void add_name(struct line *line, const struct names *names, uint64_t name)
{
    if (line->len + 1 >= line->size)
        return;
    const char *text = names_text(names, (uint32_t)name);
    history_safe_text(text, line->text + line->len, line->size - line->len);
    line->len += strlen(line->text + line->len);
}

static void add_time(struct line *line, uint64_t us)
{
    add(line, "%llu.%06llus", (unsigned long long)(us / US_PER_S), (unsigned long long)(us % US_PER_S));
}

static void add_items(struct line *line, const struct record *record, const struct names *names)
{
    uint64_t count = record_get(record, FIELD_SHOWN);
    if (!record->item_count && count) /* the items are not kept with a record that is */
        add(line, "%llu %s", (unsigned long long)count, count == 1 ? "copy" : "copies");
    else if (!record->item_count)
        add(line, "nothing");
    for (size_t i = 0; i < record->item_count && i < ITEMS_SHOWN; i++) {
        add(line, i ? ", " : "");
        add_name(line, names, record->items[i].message);
        add(line, " in ");
        add_name(line, names, record->items[i].in);
        add(line, " (");
        add_name(line, names, record->items[i].copy);
        if (record->items[i].via) {
            add(line, " via ");
            add_name(line, names, record->items[i].via);
        }
        add(line, ")");
    }
    if (record->item_count > ITEMS_SHOWN)
        add(line, " and %zu more", record->item_count - ITEMS_SHOWN);
}

static void add_value(struct line *line, const struct record *record, const struct names *names, int field)
{
    uint64_t value = record_get(record, (enum history_field)field);
    switch (history_fields[field].type) {
        case TYPE_NAME:
        case TYPE_WORD:
            add_name(line, names, value);
            break;
        case TYPE_NUMBER:
            add(line, "%llu", (unsigned long long)value);
            break;
        case TYPE_TIME:
            add_time(line, value);
            break;
        case TYPE_VERSION:
            add(line, "%u.%llu", VERSION_INCARNATION(value), (unsigned long long)VERSION_CSEQ(value));
            break;
        case TYPE_FLAG: /* the words around it say it */
            break;
        case TYPE_ITEMS:
            add_items(line, record, names);
            break;
    }
}

static int field_of(const char *key, size_t len)
{
    int field = 0;
    while (field < HISTORY_FIELDS &&
           (strncmp(history_fields[field].key, key, len) != 0 || history_fields[field].key[len]))
        field++;
    assert(field < HISTORY_FIELDS && "a template names a key that history.def lacks");
    return field;
}

/* Is a field absent in the part that begins after the bracket? */
static bool left_out(const struct record *record, const char *part)
{
    for (; *part && *part != ']'; part++)
        if (*part == '{' && !record_has(record, (enum history_field)field_of(part + 1, strcspn(part + 1, "}"))))
            return true;
    return false;
}

static void fill_in(struct line *line, const struct record *record, const struct names *names, const char *template)
{
    for (const char *p = template; *p; p++) {
        if (*p == '[') {
            if (left_out(record, p + 1))
                p = strchr(p, ']');
        } else if (*p == '{') {
            size_t len = strcspn(p + 1, "}");
            add_value(line, record, names, field_of(p + 1, len));
            p += len + 1;
        } else if (*p != ']') {
            add(line, "%c", *p);
        }
    }
}

static void fill_plainly(struct line *line, const struct record *record, const struct names *names)
{
    add(line, "%s", history_kinds()[record->kind].name);
    for (uint64_t left = record->present; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        add(line, " %s=", history_fields[field].key);
        add_value(line, record, names, field);
    }
}

void history_line(const struct record *record, const struct names *names, char *text, size_t size)
{
    assert(size >= 8);
    struct line line = {text, 0, size};
    const char *template = templates[record->kind];
    text[0] = 0;
    add_time(&line, record->at_us);
    add(&line, "  ");
    if (record->kind == KIND_MEMBER && !strcmp(names_text(names, (uint32_t)record_get(record, FIELD_ROLE)), "none"))
        template = "{user} is no longer a member of {conversation}[, version {version}]";
    if (template)
        fill_in(&line, record, names, template);
    else
        fill_plainly(&line, record, names);
    if (line.len + 1 < size)
        return;
    size_t cut = size - 4; /* never in the middle of a character */
    while (cut && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    memcpy(text + cut, "...", 4);
}
