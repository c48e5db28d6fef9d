/*
 * scenario_keys.c: every key of a scenario file, as data: its type, where it goes, its bounds, what it means. The
 * parser and the JSON Schema are made from these tables, so they cannot disagree.
 */
#include "sim/scenario_internal.h"

#define S(field) offsetof(struct scenario, field)
#define C(field) offsetof(struct scenario, crowd.field)
#define N(field) offsetof(struct scenario, network.field)
#define P(field) offsetof(struct scenario_step, field)
#define TABLE_OF(keys, name, required)                     \
    {                                                      \
        name, keys, sizeof keys / sizeof keys[0], required \
    }
#define REF(name) "{\"$ref\":\"#/definitions/" name "\"}"
#define NODES "{\"type\":\"string\"}"
#define NAMES_SCHEMA "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define SPAN_SCHEMA "{\"type\":\"array\",\"items\":" REF("count") ",\"minItems\":2,\"maxItems\":2}"
#define ANY_SCHEMA                                                                            \
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":{\"type\":[" \
    "\"string\",\"number\",\"boolean\"]},\"minItems\":1}}"

const char *const presence_words = PRESENCE_WORDS;

static const struct key scenario_keys[] = {
    {"$schema", KEY_OTHER, 0, 0, 0, "{\"type\":\"string\"}", "where the schema is, for editors", 0},
    {"sexton-scenario", KEY_OTHER, 0, 0, 0, "{\"const\":1}", "version of the format", 0},
    {"name", KEY_OTHER, 0, 0, 0, "{\"type\":\"string\",\"pattern\":\"^[a-z0-9-]+$\"}", "the file's name without .json",
     0},
    {"why", KEY_TEXT, S(why), 1, 2000, NULL, "what this scenario is there for", 0},
    {"seen", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "real bugs of this class", 0},
    {"seeds", KEY_COUNT, S(seeds), 1, 1000000000, NULL, "how many seeds `check` runs; default 20", 0},
    {"seeds-at-most", KEY_COUNT, S(seeds_at_most), 0, 1000000000, NULL,
     "a cap for sweeps of a whole folder with --seeds N; not for ranges A..B or a file named alone; 0: only when named",
     0},
    {"starts", KEY_OTHER, 0, 0, 0, "{\"type\":\"string\"}", "calendar time of the start: \"2025-03-03T08:00Z\"", 0},
    {"lasts", KEY_TIME, S(lasts_us), 0, 0, NULL, "of the safety phase; default: 10 s after the last step", 0},
    {"server", KEY_OTHER, 0, 0, 0, REF("server"), "the server", 0},
    {"policy", KEY_OTHER, 0, 0, 0, REF("policy"), "the designer's choices", 0},
    {"flaw", KEY_OTHER, 0, 0, 0, REF("flaw"), "makes the scenario a negative one: this mistake is built in", 0},
    {"users", KEY_OTHER, 0, 0, 0, "{\"type\":\"object\",\"additionalProperties\":" NAMES_SCHEMA "}",
     "users and their devices", 0},
    {"groups", KEY_OTHER, 0, 0, 0, "{\"type\":\"object\",\"additionalProperties\":" NAMES_SCHEMA "}",
     "names for sets of devices and shards", 0},
    {"officers", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "users who may place and release legal holds", 0},
    {"offline", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "devices that start offline", 0},
    {"crowd", KEY_OTHER, 0, 0, 0, REF("crowd"), "users without names, and what they do", 0},
    {"swarm", KEY_OTHER, 0, 0, 0, REF("swarm"), "what each seed draws: sizes, choices, weights, faults", 0},
    {"budget", KEY_OTHER, 0, 0, 0, REF("budget"), "what the system must survive: no fault beyond it is injected", 0},
    {"conversations", KEY_OTHER, 0, 0, 0, "{\"type\":\"object\",\"additionalProperties\":" REF("conversation") "}",
     "conversations that exist from the start", 0},
    {"network", KEY_OTHER, 0, 0, 0, REF("network"), "latency, breaks and losses", 0},
    {"bounds", KEY_OTHER, 0, 0, 0, REF("bounds"), "in which time a deletion must arrive", 0},
    {"observe", KEY_TIME, S(observe_every_us), 0, 0, NULL, "mean time between observations; \"0s\": only at the end",
     0},
    {"measure", KEY_FLAG, S(measure), 0, 0, NULL, "true: count requests and bytes of the safety phase, as a record", 0},
    {"judge", KEY_OTHER, 0, 0, 0, REF("judge"), "what of a large crowd is judged; default: everything", 0},
    {"limits", KEY_OTHER, 0, 0, 0, REF("limits"), "what a run may cost", 0},
    {"script", KEY_OTHER, 0, 0, 0, "{\"type\":\"array\",\"items\":" REF("step") "}", "what happens", 0},
    {"expect", KEY_OTHER, 0, 0, 0, REF("expect"), "what must come of it; default {\"hold\": \"all\"}", 0},
    {"old-clients", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "devices of the previous version of the protocol", 0},
    {"faults", KEY_OTHER, 0, 0, 0, REF("faults"), "how many of each, at random moments of the safety phase", 0},
    {"presence", KEY_OTHER, 0, 0, 0, "{\"type\":\"object\",\"additionalProperties\":" REF("presence") "}",
     "patterns of declared devices: {\"alice.*\": \"office\"}; default always", 0},
    {"vary", KEY_OTHER, 0, 0, 0, ANY_SCHEMA, "paths and values: one variant for each combination", 0},
};
const struct key_table scenario_table = TABLE_OF(scenario_keys, "scenario", "sexton-scenario name why");

static const struct key server_keys[] = {
    {"shards", KEY_COUNT32, S(shards), 1, SCENARIO_SHARDS_MAX, NULL, "how many shards; default 1", 0},
    {"store", KEY_OTHER, 0, 0, 0, "{\"enum\":[\"memory\",\"sqlite\"]}", "where a shard keeps its tables", 0},
    {"disk", KEY_WORD8, S(disk), DISKS_WAL, 0, "wal|truncate",
     "the tables are SQLite's (whatever \"store\" says), in files on simulated disks that lose what was not synced, "
     "with "
     "that journal",
     0},
    {"tombstones", KEY_FLAG, S(tombstones), 0, 0, NULL,
     "is content looked for in tombstones, and in entries and packets of deletions?", 0},
    {"remanence", KEY_FLAG, S(remanence), 0, 0, NULL,
     "are the disks and the backups searched, at the end, for keys and texts of what is purged? Texts of 8 bytes and "
     "more",
     0},
    {"audited", KEY_FLAG, S(audited), 0, 0, NULL, "is the audit log read and verified at each observation of a shard?",
     0},
};
const struct key_table server_table = TABLE_OF(server_keys, "server", "");

static const struct key crowd_keys[] = {
    {"users", KEY_COUNT, C(users), 0, SCENARIO_CROWD_MAX, NULL, "how many", 0},
    {"devices", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most devices of a user; default [1, 1]", 0},
    {"presence", KEY_WORD, C(presence), 0, 0, PRESENCE_WORDS, "who is online when", 0},
    {"zones", KEY_COUNT, C(zones), 1, 24, NULL, "they live in so many time zones, evenly round the globe; default 1",
     0},
    {"away", KEY_RATE64, C(away_ppm), 0, 0, NULL, "of the users, away once for `away-for`", 0},
    {"away-for", KEY_TIME, C(away_for_us), 0, 0, NULL, "how long; default 1d", 0},
    {"arrive-over", KEY_TIME, C(arrive_over_us), 0, 0, NULL, "users appear over this time, the first tenth at once", 0},
    {"conversations-per-user", KEY_DECIMAL, C(conversations_per_user_ppm), 0, 1000000000, NULL,
     "created while it runs; default 1", 0},
    {"group", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most members of a conversation; default [2, 5]", 0},
    {"sends", KEY_COUNT, C(sends), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"deletes", KEY_COUNT, C(deletes), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"conversation-deletes", KEY_COUNT, C(conversation_deletes), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"undos", KEY_COUNT, C(undos), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"membership-changes", KEY_COUNT, C(membership_changes), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"new-conversations", KEY_COUNT, C(new_conversations), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"new-devices", KEY_COUNT, C(new_devices), 0, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"active", KEY_TIME, C(active_us), 0, 0, NULL, "the workload is spread over this time; default `lasts`, or 10m", 0},
    {"astray", KEY_RATE64, C(astray_ppm), 0, 0, NULL, "of the operations, aimed at targets that are not there", 0},
    {"crashes", KEY_COUNT, C(crashes), 0, 1000000, NULL, "of shards and devices, at random points", 0},
    {"partitions", KEY_COUNT, C(partitions), 0, 1000000, NULL, "random, each heals", 0},
    {"standing", KEY_OTHER, 0, 0, 0, "{\"type\":\"array\",\"items\":" REF("standing") ",\"maxItems\":8}",
     "conversations that are there from the start, made once everybody has arrived, over `arrive-over` again", 0},
    {"daily", KEY_OTHER, 0, 0, 0, REF("daily"), "what a user does a day, on average, instead of totals", 0},
    {"workload", KEY_OTHER, 0, 0, 0, REF("workload"), "operations of all kinds, drawn by weight", 0},
};
const struct key_table crowd_table = TABLE_OF(crowd_keys, "crowd", "users");

#define T(field) offsetof(struct scenario_standing, field)
static const struct key standing_keys[] = {
    {"members", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most members", 0},
    {"per-user", KEY_DECIMAL, T(per_user_ppm), 0, 1000000000, NULL, "how many of these a user is in, on average", 0},
    {"kind", KEY_WORD8, T(kind), CONV_GROUP, 0, "group|channel", "default: direct if it has two members, else a group",
     0},
};
const struct key_table standing_table = TABLE_OF(standing_keys, "standing", "members per-user");

#define D(field) offsetof(struct scenario_daily, field)
static const struct key daily_keys[] = {
    {"sends", KEY_DECIMAL, D(sends), 0, 1000000000, NULL, "of a user", 0},
    {"deletes", KEY_DECIMAL, D(deletes), 0, 1000000000, NULL, "of a user", 0},
    {"conversation-deletes", KEY_DECIMAL, D(conversation_deletes), 0, 1000000000, NULL, "of a user", 0},
    {"undos", KEY_DECIMAL, D(undos), 0, 1000000000, NULL, "of a user", 0},
};
const struct key_table daily_table = TABLE_OF(daily_keys, "daily", "");

static const struct key workload_keys[] = {
    {"operations", KEY_COUNT, C(mixed), 1, SCENARIO_TOTAL_MAX, NULL, "in the whole run", 0},
    {"mix", KEY_OTHER, 0, 0, 0, REF("mix"), "weights by operation; default \"all\": every operation, by its own weight",
     0},
};
const struct key_table workload_key_table = TABLE_OF(workload_keys, "workload", "operations");

static const struct key conversation_keys[] = {
    {"kind", KEY_WORD8, offsetof(struct scenario_conversation, kind), CONV_DIRECT, 0, "direct|group|channel",
     "its kind", 0},
    {"members", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "users; the first is the owner unless `owners` says otherwise", 0},
    {"owners", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "which members are owners", 0},
    {"crowd", KEY_FLAG, offsetof(struct scenario_conversation, crowd), 0, 0, NULL,
     "true: everybody of the crowd is a member, from their arrival on", 0},
    {"moderators", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "which members are moderators", 0},
    {"retention", KEY_TIME, offsetof(struct scenario_conversation, retention_us), 0, 0, NULL,
     "how old a message becomes; default: for ever", 0},
};
const struct key_table conversation_table = TABLE_OF(conversation_keys, "conversation", "kind members");

static const struct key network_keys[] = {
    {"latency", KEY_OTHER, 0, 0, 0, REF("latency"), "device to shard; default 40ms, 400ms", 0},
    {"shard-latency", KEY_OTHER, 0, 0, 0, REF("latency"), "shard to shard; default 2ms, 10ms", 0},
    {"breaks", KEY_BREAKS, N(breaks_mean_us), 0, 0, NULL, "of each connection: \"2 per day\", \"1 per 30s\"", 0},
    {"push-loss", KEY_RATE, N(push_loss_ppm), 0, 0, NULL, "of pushed entries, lost behind the shard", 0},
    {"channel-loss", KEY_RATE, N(channel_loss_ppm), 0, 0, NULL, "of packets between shards", 0},
    {"channel-duplicates", KEY_RATE, N(channel_duplicate_ppm), 0, 0, NULL, "of packets between shards", 0},
    {"channel-reorder", KEY_RATE, N(channel_reorder_ppm), 0, 0, NULL, "of packets between shards", 0},
    {"notification-loss", KEY_RATE, N(notification_loss_ppm), 0, 0, NULL, "of pushes to notification centres", 0},
    {"notification-duplicates", KEY_RATE, N(notification_duplicate_ppm), 0, 0, NULL, "of them", 0},
    {"notification-late", KEY_RATE, N(notification_late_ppm), 0, 0, NULL,
     "of them: these come up to 20 seconds later, and are overtaken", 0},
    {"shard-bandwidth", KEY_BYTES, N(shard_bytes_per_s), 0, 0, NULL,
     "a second, of each direction between two shards; default: as much as one likes", 0},
    {"links", KEY_OTHER, 0, 0, 0, "{\"type\":\"array\",\"items\":" REF("link") "}",
     "links that are not like the others", 0},
};
const struct key_table network_table = TABLE_OF(network_keys, "network", "");

#define LINK(field) offsetof(struct scenario_link, field)
static const struct key link_keys[] = {
    {"of", KEY_OTHER, 0, 0, 0, NODES, "whose: node, group or glob, or an array of them", 0},
    {"kind", KEY_WORD, LINK(kind), 0, 0, "lognormal|mobile|satellite",
     "one mode; two, with a radio that sleeps; a long way that hardly varies", 0},
    {"latency", KEY_OTHER, 0, 0, 0, REF("latency"),
     "default: lognormal as the others, mobile 70ms, 1500ms, satellite 600ms, 900ms", 0},
    {"bandwidth", KEY_BYTES, LINK(bytes_per_s), 0, 0, NULL,
     "a second, each way; messages wait for those before them; default: as much as one likes", 0},
    {"crowd", KEY_RATE, LINK(crowd_ppm), 0, 0, NULL, "of the crowd's devices", 0},
};
const struct key_table link_table = TABLE_OF(link_keys, "link", "kind");

static const struct key latency_keys[] = {
    {"median", KEY_TIME, 0, 0, 0, NULL, "half are faster", 0},
    {"p99", KEY_TIME, sizeof(uint64_t), 0, 0, NULL, "one in a hundred is slower", 0},
};
const struct key_table latency_table = TABLE_OF(latency_keys, "latency", "median p99");

static const struct key bounds_keys[] = {
    {"online", KEY_TIME, S(online_us), 0, 0, NULL, "a device that is online; default 5s", 0},
    {"returning", KEY_TIME, S(returning_us), 0, 0, NULL, "one that comes back; default 60s", 0},
};
const struct key_table bounds_table = TABLE_OF(bounds_keys, "bounds", "");

static const struct key judge_keys[] = {
    {"share", KEY_RATE, S(judge_ppm), 0, 0, NULL,
     "of the conversations that no line of the scenario names, by the hash of their id: all records of one, or none",
     0},
};
const struct key_table judge_table = TABLE_OF(judge_keys, "judge", "share");

static const struct key limits_keys[] = {
    {"events", KEY_COUNT, S(events_max), 1, 1000 * SCENARIO_TOTAL_MAX, NULL, "default 50000000", 0},
    {"records", KEY_COUNT, S(records_max), 1, 1000 * SCENARIO_TOTAL_MAX, NULL, "default 50000000", 0},
    {"memory", KEY_BYTES, S(memory_max_bytes), 0, 0, NULL, "default \"2GiB\"", 0},
};
const struct key_table limits_table = TABLE_OF(limits_keys, "limits", "");

static const struct key expect_keys[] = {
    {"hold", KEY_OTHER, 0, 0, 0, "{\"anyOf\":[{\"const\":\"all\"}," REF("invariants") "]}",
     "invariants that must hold and be judged; \"all\": none violated and at least one judged", 0},
    {"violate", KEY_OTHER, 0, 0, 0, REF("invariants"), "what the flaw must violate", 0},
    {"may-violate", KEY_OTHER, 0, 0, 0, REF("invariants"), "what the flaw may violate as well", 0},
    {"sometimes", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "EVENTs that must happen in at least one seed", 0},
    {"never", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "EVENTs that must not happen", 0},
    {"finally", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "EVENTs that must be so at the end", 0},
    {"limits", KEY_OTHER, 0, 0, 0,
     "{\"type\":\"object\",\"additionalProperties\":false,\"patternProperties\":{"
     "\"^reaches-(online|returning)\\\\.(p50|p90|p99|max)$\":" REF(
         "time") ","
                 "\"^traffic\\\\.(requests|bytes|between|hottest)$\":" REF("count") "}}",
     "latencies: \"reaches-online.p99\": \"2s\"; and, with \"measure\", what a run costs: \"traffic.between\": 120", 0},
    {"at-least", KEY_OTHER, 0, 0, 0, REF("at-least"), "what every seed must come to, or it did too little", 0},
};
const struct key_table expect_table = TABLE_OF(expect_keys, "expect", "");

static const struct key swarm_keys[] = {
    {"shards", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most; instead of the server's", 0},
    {"users", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most; instead of the crowd's", 0},
    {"devices", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most that a user has at most", 0},
    {"group", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most that a conversation has at most", 0},
    {"operations", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most of the workload's", 0},
    {"strikes", KEY_OTHER, 0, 0, 0, SPAN_SCHEMA, "least and most faults that strike at a moment", 0},
    {"weights", KEY_FLAG, offsetof(struct scenario, swarm.weights), 0, 0, NULL,
     "true: a quarter to four times the mix's, and some operations are left out", 0},
    {"presence", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "one of these", 0},
    {"policies", KEY_OTHER, 0, 0, 0, ANY_SCHEMA, "choices, and of each the words that are drawn from", 0},
    {"faults", KEY_OTHER, 0, 0, 0, "{\"anyOf\":[{\"const\":\"all\"}," NAMES_SCHEMA "]}",
     "those that may be in; each seed leaves out half of them; default \"all\"", 0},
    {"disks", KEY_OTHER, 0, 0, 0, NAMES_SCHEMA, "one of these journals, wal or truncate; without it no disk fails", 0},
};
const struct key_table swarm_table_of_keys = TABLE_OF(swarm_keys, "swarm", "");

#define B(field) offsetof(struct scenario, budget.field)
static const struct key budget_keys[] = {
    {"shards-down", KEY_COUNT, B(shards_down), 0, SCENARIO_SHARDS_MAX, NULL, "at once; default: any number", 0},
    {"partitions", KEY_COUNT, B(partitions), 0, 1000000, NULL, "at once; default: any number", 0},
    {"paused", KEY_COUNT, B(paused), 0, 1000000, NULL, "nodes that stand still or are slow, at once; default: any", 0},
    {"longest", KEY_TIME, B(longest_us), 0, 0, NULL, "a crash, partition, pause; default: any", 0},
    {"clock-error", KEY_TIME, B(clock_error_us), 0, 0, NULL, "of any clock, an hour's drift included; default: any", 0},
    {"disks", KEY_COUNT, B(disks), 0, 1000000, NULL, "that fail at once; default: any number", 0},
};
const struct key_table budget_table = TABLE_OF(budget_keys, "budget", "");

#define L(field) offsetof(struct scenario_expect, least.field)
static const struct key least_keys[] = {
    {"users", KEY_COUNT, L(users), 0, SCENARIO_TOTAL_MAX, NULL, "how many", 0},
    {"devices", KEY_COUNT, L(devices), 0, SCENARIO_TOTAL_MAX, NULL, "how many", 0},
    {"operations", KEY_COUNT, L(operations), 0, SCENARIO_TOTAL_MAX, NULL, "invoked", 0},
    {"deletions", KEY_COUNT, L(deletions), 0, SCENARIO_TOTAL_MAX, NULL, "of messages and conversations, for everyone",
     0},
    {"faults", KEY_RATE64, L(fault_ppm), 0, 0, NULL,
     "of a swarm: the share of the seeds in which each fault fired; judged from 100 seeds on", 0},
};
const struct key_table least_table = TABLE_OF(least_keys, "at-least", "");

#define OPS FORMS_OPERATIONS
#define OP(id) FORM_BIT(OPERATION_##id)
#define FA(id) FORM_BIT(FORM_FAULT + FAULT_##id)
#define FA_DISK \
    (FA(DISK_CRASH) | FA(LOST_SYNC) | FA(IO_ERROR) | FA(DISK_FULL) | FA(SHORT_READ) | FA(BIT_FLIP) | FA(SLOW_DISK))
#define FORMS_NODES (FA(PAUSE) | FA(SLOW) | FA(ROLLING_RESTART) | FA(UPGRADE) | FA(OUT_OF_MEMORY))
#define FORM(id) FORM_BIT(FORM_##id)
static const struct key step_keys[] = {
    {"at", KEY_TIME, P(at_us), 0, 0, NULL, "when, from the start", FORMS_ALL},
    {"after", KEY_TEXT, P(after), 1, 200, NULL, "when this EVENT happens", FORMS_ALL},
    {"plus", KEY_TIME, P(plus_us), 0, 0, NULL, "so long after the EVENT", FORMS_ALL},
    {"as", KEY_NAME, P(as), 0, 0, NULL, "name of the operation and of what it makes; of a backup", OPS | FA(BACKUP)},
    {"count", KEY_COUNT, P(count), 1, 1000000, NULL, "how often; default 1; repetitions of m1 are m1, m1.2, m1.3",
     (FORMS_DO & ~(FORM(LINK) | FORM(NEVER) | FORM(DEVICE_RESTORE) | FORM(CLONE))) | (FORMS_FAULTS & ~FA(ABORT))},
    {"every", KEY_TIME, P(every_us), 0, 0, NULL, "with `count`: so long apart",
     (FORMS_DO & ~(FORM(LINK) | FORM(NEVER) | FORM(DEVICE_RESTORE) | FORM(CLONE))) | (FORMS_FAULTS & ~FA(ABORT))},
    {"device", KEY_OTHER, 0, 0, 0, NODES, "which device", FORMS_DO | FA(BREAK) | FA(DROP)},
    {"do", KEY_OTHER, 0, 0, 0, REF("do"), "what it does", FORMS_DO},
    {"in", KEY_TEXT, P(in), 1, SCENARIO_NAME_MAX + 8, NULL, "conversation",
     (OPS & ~(OP(CREATE) | OP(ERASE))) | FORM(TYPE) | FORM(LOOK) | FORM(TYPING)},
    {"message", KEY_TEXT, P(target), 1, SCENARIO_NAME_MAX + 8, NULL,
     "`as` of a send, or ?NAME for one that never was; of an invite, where it is answered or withdrawn",
     OP(DELETE) | OP(UNDO) | OP(EDIT) | OP(DELETE_ME) | OP(CANCEL) | OP(READ) | OP(ACCEPT) | OP(DECLINE) |
         OP(WITHDRAW) | FORM(FETCH)},
    {"reply-to", KEY_TEXT, P(reply_to), 1, SCENARIO_NAME_MAX + 8, NULL, "`as` of a send, or ?NAME: what it quotes",
     OP(SEND) | FORM(TYPE)},
    {"attachment", KEY_TEXT, P(attachment), 1, SCENARIO_NAME_MAX + 8, NULL,
     "`as` of an upload, or ?NAME: what it refers to", OP(SEND)},
    {"undoes", KEY_TEXT, P(undoes), 1, SCENARIO_NAME_MAX + 8, NULL, "`as` of the deletion; default the one it knows",
     OP(UNDO) | OP(UNDO_CONV)},
    {"user", KEY_OTHER, 0, 0, 0, NODES,
     "who is added, removed or invited; the other side of a direct conversation; whom a hold is on; delete-all: whose "
     "messages, "
     "default everybody's",
     OP(ADD) | OP(REMOVE) | OP(CREATE) | OP(HOLD) | OP(RELEASE) | OP(DELETE_ALL) | OP(SET_ROLE) | OP(INVITE)},
    {"period", KEY_TIME, P(period_us), 0, 0, NULL, "how old messages become from now on; \"0s\": for ever",
     OP(SET_RETENTION)},
    {"role", KEY_WORD8, P(role), ROLE_MEMBER, 0, "member|owner|moderator", "as what; default member",
     OP(ADD) | OP(SET_ROLE) | OP(INVITE)},
    {"kind", KEY_OTHER, 0, 0, 0, REF("kind"), "of the conversation, or of the messages that a fault touches",
     OP(CREATE) | FA(DROP) | FA(HOLD) | FA(RELEASE) | FA(CORRUPT)},
    {"text", KEY_TEXT, P(text), 0, TEXT_BYTES_MAX, NULL,
     "the message, the draft, the word, what an invitation says, or what is uploaded",
     OP(SEND) | OP(INVITE) | OP(EDIT) | OP(UPLOAD) | FORM(TYPE) | FORM(SEARCH)},
    {"expect", KEY_OTHER, 0, 0, 0, REF("answer"), "the answer: acked, either, refused, refused WHY", OPS},
    {"race", KEY_OTHER, 0, 0, 0, "{\"type\":\"array\",\"items\":" REF("branch") ",\"minItems\":2,\"maxItems\":6}",
     "branches that start together", FORM(RACE)},
    {"within", KEY_TIME, P(within_us), 0, 0, NULL, "each branch starts at a random moment of this; default 100ms",
     FORM(RACE)},
    {"fault", KEY_OTHER, 0, 0, 0, REF("fault"), "what breaks", FORMS_FAULTS},
    {"between", KEY_OTHER, 0, 0, 0,
     "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"array\"],\"items\":{\"type\":\"string\"}},\"minItems\":2,"
     "\"maxItems\":2}",
     "two sides: names, groups or globs; \"*\" as the second is everything else", FA(PARTITION) | FA(FLAP) | FA(CLOG)},
    {"one-way", KEY_FLAG, P(one_way), 0, 0, NULL, "only from the first side to the second",
     FA(PARTITION) | FA(FLAP) | FA(CLOG)},
    {"node", KEY_OTHER, 0, 0, 0, NODES, "device or shard.N; outage: default every device",
     FA(CRASH) | FA(CLOCK) | FA(BACKUP) | FA(RESTORE) | FORMS_NODES | FA_DISK | FA(HALF_OPEN) | FA(CAPTIVE) |
         FA(SLOW_READER) | FA(OUTAGE) | FA(STRANGERS)},
    {"point", KEY_WORD, P(point), CRASH_NOW, 0,
     "now|before-commit|after-intent|after-commit|after-some-sends|after-all-sends|before-write|after-write",
     "where in a step; default now", FA(CRASH)},
    {"times", KEY_COUNT, P(times), 1, 1000000, NULL,
     "drop, strangers: how many messages; crash: at the k-th step from now; of a disk: at the k-th call from now; "
     "out-of-memory: "
     "the k-th allocation from now",
     FA(CRASH) | FA(DROP) | FA(CORRUPT) | FA(OUT_OF_MEMORY) | FA(STRANGERS) | FA_DISK},
    {"from", KEY_OTHER, 0, 0, 0, NODES, "node, group or glob", FA(HOLD) | FA(RELEASE) | FA(CORRUPT)},
    {"to", KEY_OTHER, 0, 0, 0, NODES, "node, group or glob", FA(HOLD) | FA(RELEASE) | FA(CORRUPT)},
    {"for", KEY_TIME, P(for_us), 0, 0, NULL,
     "how long; default: crashes 1s, other faults of a disk once, others until the faults stop",
     FA(PARTITION) | FA(CRASH) | FA(HOLD) | FA(RESTORE) | FORMS_NODES | FA_DISK | FA(FLAP) | FA(HALF_OPEN) |
         FA(CAPTIVE) | FA(CLOG) | FA(SLOW_READER) | FA(OUTAGE)},
    {"part", KEY_OTHER, 0, 0, 0, "{\"type\":\"string\"}",
     "which of the shard's disks, by what is on it: main, vault …; default all of them, each counts its own calls",
     FA_DISK},
    {"call", KEY_WORD, P(calls), 1, 0, "any|read|write|truncate|sync|remove",
     "which calls of the disk count; default: disk-crash now, io-error and disk-full write, slow-disk sync", FA_DISK},
    {"keep", KEY_WORD8, P(keep), 0, 0, "drawn|none|all|prefix|some",
     "what of the unsynced is on the medium after the power is cut; default drawn", FA(DISK_CRASH)},
    {"wait", KEY_TIME, P(wait_us), 0, 0, NULL, "how long a call takes; default 100ms", FA(SLOW_DISK)},
    {"backup", KEY_TEXT, P(backup), 1, SCENARIO_NAME_MAX + 8, NULL, "`as` of the backup that is restored", FA(RESTORE)},
    {"of", KEY_OTHER, 0, 0, 0, NODES,
     "the device from whose backup, or of which, it is made; link: from a copy of it, else from a snapshot",
     FORM(DEVICE_RESTORE) | FORM(CLONE) | FORM(LINK)},
    {"offset", KEY_SHIFT, P(offset_us), 0, 0, NULL, "of the clock, from now on: \"+1h\", \"-5s\"", FA(CLOCK)},
    {"drift", KEY_SHIFT, P(drift_us), 0, 0, NULL, "of the clock, in each hour from now on: \"+2s\"", FA(CLOCK)},
    {"sends", KEY_COUNT, P(sends), 1, 1000000, NULL, "after-some-sends: how many leave; default half of them",
     FA(CRASH)},
    {"takes", KEY_TIME, P(service_us), 0, 0, NULL, "what each thing that it does takes, on average; default 200ms",
     FA(SLOW)},
    {"gap", KEY_TIME, P(gap_us), 0, 0, NULL, "from the return of one to the turn of the next; default 2s",
     FA(ROLLING_RESTART)},
    {"shape", KEY_WORD, P(shape), SHAPE_HALVES, 0, "halves|isolated|bridge|ring|shards|device",
     "instead of `between`, drawn: two halves; one alone; two halves that both reach one; each its two neighbours; "
     "each shard alone; one device and its shard",
     FA(PARTITION) | FA(FLAP)},
    {"among", KEY_OTHER, 0, 0, 0, NODES, "of `shape`: which nodes; default all", FA(PARTITION) | FA(FLAP)},
    {"down", KEY_TIME, P(down_us), 0, 0, NULL, "stopped for at least so long each time, 1s or more; default 1s",
     FA(FLAP)},
    {"up", KEY_TIME, P(up_us), 0, 0, NULL, "and then not, for at least so long; default 1s", FA(FLAP)},
    {"believes", KEY_WORD, P(believes), BELIEVES_BOTH, 0, "both|device|shard",
     "which end does not know; the other takes the connection for lost; default both", FA(HALF_OPEN)},
    {"each", KEY_TIME, P(each_us), 0, 0, NULL, "so long for one message; default 100ms", FA(SLOW_READER)},
    {"spread", KEY_TIME, P(spread_us), 0, 0, NULL, "over which they come back; default 200ms", FA(OUTAGE)},
    {"lingers", KEY_FLAG, P(lingers), 0, 0, NULL,
     "a new connection works when it is over, and one that was dead stays so until an end gives it up",
     FA(HALF_OPEN) | FA(CAPTIVE)},
};
const struct key_table step_table = TABLE_OF(step_keys, "step", "");
