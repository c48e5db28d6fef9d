/*
 * remanence.c: what the disks of the shards still have of messages: a probe that reads every byte, and knows no table.
 *
 * Method: every data key that a shard ever stored is noted when it is committed (the watch of its vault), and every
 * text that the script says is a canary. At a probe every file of every disk is read whole, as its process sees it, as
 * it is on the medium where that differs, and after its name is gone; and every backup that is kept. A key is found by
 * any of its four words, as SQLite writes them: eight bytes, the highest first, of which the first two are not both 0.
 * For each file there is a record that it was read, for each secret that is in it one that says where.
 *
 * What is live may be found, and is not told: the tables say which messages those are. A backup may have a text of
 * which it can never have the key; without keys ("data-keys": "none") it keeps what it has until it is thrown away, and
 * texts are not looked for there. Texts of fewer than 8 bytes are no canaries.
 */
#include "sim/remanence.h"

#include "sim/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_MIN 8
#define WORD_LEAST (1ULL << 48)
#define FORWARD_BIT 0x80000000U /* of the device in the owner of a key: of an operation on its way */
#define SOURCE_MAX 160

struct secret {
    msg_id message;
    uint64_t words[4]; /* of a key */
    const char *text;  /* or a canary */
    shard_id shard;    /* whose key it is */
};
struct remanence {
    struct secret *secrets;
    size_t count, cap;
    struct idmap words; /* -> secret + 1 */
    struct idmap live;
};

struct remanence *remanence_new(void)
{
    return base_alloc(sizeof(struct remanence));
}

void remanence_free(struct remanence *r)
{
    if (!r)
        return;
    idmap_release(&r->words);
    idmap_release(&r->live);
    free(r->secrets);
    free(r);
}

static struct secret *secret_new(struct remanence *r)
{
    r->secrets = base_grow(r->secrets, &r->cap, r->count + 1, sizeof *r->secrets);
    r->secrets[r->count] = (struct secret){0};
    return &r->secrets[r->count++];
}

void remanence_key(struct remanence *r, shard_id shard, const struct row *key)
{
    if (idmap_get(&r->words, key->c[KEY_k0]))
        return;
    struct secret *secret = secret_new(r);
    secret->message = key->c[KEY_id] & ~((uint64_t)FORWARD_BIT << 32);
    secret->shard = shard;
    for (size_t i = 0; i < 4; i++) {
        secret->words[i] = key->c[KEY_k0 + i];
        if (secret->words[i] >= WORD_LEAST)
            idmap_put(&r->words, secret->words[i], r->count);
    }
}

/* ---- what is looked for ---- */

/* The texts of the script, by the name of their message, once it is known. */
static void add_canaries(struct world *w, struct remanence *r)
{
    for (size_t i = 0; i < w->step_count; i++) {
        const struct scenario_step *step = w->steps[i].step;
        bool says = step->kind == STEP_OPERATION &&
                    (step->operation == OPERATION_SEND || step->operation == OPERATION_EDIT) && step->text &&
                    strlen(step->text) >= CANARY_MIN && step->count < 2;
        if (!says)
            continue;
        uint32_t name = step->operation == OPERATION_SEND ? w->steps[i].name : names_intern(w->names, step->target);
        uint64_t message = idmap_get(&w->ids_by_name, name);
        if (message)
            *secret_new(r) = (struct secret){.message = message, .text = step->text};
    }
}

static int note_live(void *ctx, const struct row *message)
{
    struct remanence *r = ctx;
    if (message->c[MESSAGE_state] < 3) /* live, or deleted and not purged */
        idmap_put(&r->live, message->c[MESSAGE_id], 1);
    return 0;
}

/* ---- looking ---- */

struct probe_of_file {
    struct world *w;
    struct remanence *r;
    shard_id shard;
    char source[SOURCE_MAX];
    bool backup;
};

static void tell(struct probe_of_file *p, const struct secret *secret, uint64_t offset)
{
    char source[SOURCE_MAX + 20];
    struct world *w = p->w;
    (void)snprintf(source, sizeof source, "%s in %s", secret->text ? "text" : "key", p->source);
    struct record *r = record_new(w, KIND_REMAINS);
    record_set(r, FIELD_SHARD, w->shards[p->shard].name);
    record_set(r, FIELD_MESSAGE, record_message_name(w, secret->message));
    record_set(r, FIELD_SOURCE, names_intern(w->names, source));
    record_set(r, FIELD_POSITION, offset);
    record_set(r, FIELD_COPY, w->words.copy[p->backup ? COPY_BACKUP : COPY_DISK]);
    record_emit(w);
}

static void look_for_keys(struct probe_of_file *p, const unsigned char *bytes, size_t size)
{
    uint64_t word = 0;
    size_t told = 0; /* + 1: the four words of a key lie side by side */
    for (size_t i = 0; i < size; i++) {
        word = word << 8 | bytes[i];
        size_t found = i >= 7 && word >= WORD_LEAST ? (size_t)idmap_get(&p->r->words, word) : 0;
        if (!found || found == told || idmap_get(&p->r->live, p->r->secrets[found - 1].message))
            continue;
        told = found;
        tell(p, &p->r->secrets[found - 1], i - 7);
    }
}

/* Not where it is the beginning of a longer one. */
static bool is_longer(const struct remanence *r, const struct secret *canary, const unsigned char *at, size_t left)
{
    for (size_t i = 0; i < r->count; i++) {
        const char *text = r->secrets[i].text;
        if (text && strlen(text) > strlen(canary->text) && strlen(text) <= left && memcmp(at, text, strlen(text)) == 0)
            return true;
    }
    return false;
}

static void look_for_texts(struct probe_of_file *p, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < p->r->count; i++) {
        const struct secret *secret = &p->r->secrets[i];
        if (!secret->text || idmap_get(&p->r->live, secret->message))
            continue;
        const unsigned char *at = bytes;
        size_t left = size;
        while (left && (at = memmem(at, left, secret->text, strlen(secret->text))) != NULL) {
            left = size - (size_t)(at - bytes);
            if (!is_longer(p->r, secret, at, left)) {
                tell(p, secret, (uint64_t)(at - bytes));
                break;
            }
            at++;
            left--;
        }
    }
}

static void look(struct probe_of_file *p, const unsigned char *bytes, size_t size)
{
    struct world *w = p->w;
    struct record *r = record_new(w, KIND_SCAN);
    record_set(r, FIELD_SHARD, w->shards[p->shard].name);
    record_set(r, FIELD_SOURCE, names_intern(w->names, p->source));
    record_set(r, FIELD_BYTES, size);
    record_set(r, FIELD_COUNT, p->r->count);
    record_emit(w);
    if (size == 0)
        return;
    look_for_keys(p, bytes, size);
    if (!p->backup || w->policy.data_keys == 0)
        look_for_texts(p, bytes, size);
}

static void look_extent(void *ctx, const struct disk_extent *extent)
{
    struct probe_of_file *p = ctx;
    (void)snprintf(p->source, sizeof p->source, "%s%s%s", extent->file[0] ? extent->file : "a file without a name",
                   extent->removed ? ", removed" : "", extent->on_medium ? ", on the medium" : "");
    look(p, extent->bytes, extent->size);
}

static void look_at_backups(struct world *w, struct remanence *r)
{
    for (size_t i = 0; i < w->step_count; i++) {
        const struct store_image *image = w->steps[i].image;
        if (!image || !image->bytes)
            continue;
        struct probe_of_file p = {.w = w, .r = r, .backup = true};
        p.shard = node_of_scenario(w, w->steps[i].step->nodes_a[0]);
        (void)snprintf(p.source, sizeof p.source, "backup %.80s", names_text(w->names, w->steps[i].name));
        look(&p, image->bytes, image->size);
    }
}

void remanence_probe(struct world *w)
{
    struct remanence *r = w->remanence;
    if (!r)
        return;
    size_t keys = r->count;
    add_canaries(w, r);
    idmap_clear(&r->live);
    struct store_range all = {.table = TABLE_MESSAGE, .index = INDEX_PRIMARY};
    for (shard_id id = 0; id < w->shard_count; id++) {
        struct store *main = w->shards[id].stores.main;
        int status = world_disk_refused(w, id) ? 0 : main->ops->scan(main, &all, note_live, r);
        if (status < 0)
            world_fail(w, "a probe of what remains", status);
    }
    for (shard_id id = 0; id < w->shard_count; id++) {
        struct probe_of_file p = {.w = w, .r = r, .shard = id};
        world_disk_each_extent(w, id, look_extent, &p);
    }
    look_at_backups(w, r);
    r->count = keys;
}
