/*
 * vault.c: data keys. Each message has a random key of its own at each shard that stores its text, in a database that
 * no backup contains; so the destruction of one row makes the text unreadable wherever its bytes still are.
 *
 * Method: key n of a step is BLAKE2b of the step's random input, n and the owner's id: nothing is asked of the system.
 * The nonce is (id, version, operation) of what the body belongs to; under one key no two bodies share one, because a
 * version is given once. The same three words are authenticated. A key is written in the step's own transaction of the
 * vault, which commits before the main one: a body is never stored without its key. With the policy "data-keys": "none"
 * bodies are stored plain, and a purge depends on erasing every copy.
 */
#include "core/shard_internal.h"

#include <sodium.h>

_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32, "a key is four columns");
_Static_assert(SEALED_BYTES_MAX == TEXT_BYTES_MAX + crypto_aead_xchacha20poly1305_ietf_ABYTES, "the tag");

/* Devices are below 2^31: the upper half of the ids is that of operations on their way. */
#define FORWARD_OWNER(device, op) MAKE_ID((device) | 0x80000000U, op)

struct place { /* whose key, which nonce, whose conversation */
    uint64_t owner, nonce[3];
    conv_id conv;
};

/* ---- transactions ---- */

int vault_begin(struct shard *s)
{
    if (s->vault_open)
        return 0;
    s->vault_open = true;
    return s->vault->ops->begin(s->vault);
}

int vault_get(struct shard *s, enum store_table table, struct row *row)
{
    CHECK(vault_begin(s));
    return s->vault->ops->get(s->vault, table, row);
}

int vault_put(struct shard *s, enum store_table table, const struct row *row)
{
    CHECK(vault_begin(s));
    return s->vault->ops->put(s->vault, table, row);
}

int vault_del(struct shard *s, enum store_table table, const struct row *row)
{
    CHECK(vault_begin(s));
    return s->vault->ops->del(s->vault, table, row);
}

/* ---- keys ---- */

static struct vault_cache *cached(struct shard *s, uint64_t owner)
{
    return &s->keys[(owner ^ (owner >> 32)) % VAULT_CACHE];
}

static int find_key(struct shard *s, uint64_t owner, const uint64_t **key)
{
    struct vault_cache *c = cached(s, owner);
    if (c->id != owner) {
        struct row row = {.c = {[KEY_id] = owner}};
        CHECK(vault_get(s, TABLE_KEY, &row));
        c->id = owner;
        memcpy(c->key, &row.c[KEY_k0], sizeof c->key);
    }
    *key = c->key;
    return 0;
}

static void derive(struct shard *s, uint64_t owner, uint64_t key[4])
{
    uint64_t words[2] = {owner, s->keys_made++};
    unsigned char in[sizeof words];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(words[i / 8] >> (8 * (i % 8)));
    unsigned char hash[32];
    crypto_generichash(hash, sizeof hash, in, sizeof in, s->random, 32);
    for (size_t i = 0; i < 4; i++) {
        key[i] = 0;
        for (size_t b = 0; b < 8; b++)
            key[i] |= (uint64_t)hash[8 * i + b] << (8 * b);
    }
}

static int make_key(struct shard *s, const struct place *place, const uint64_t **key)
{
    int status = find_key(s, place->owner, key);
    if (status != E_NOTFOUND)
        return status;
    struct row row = {.c = {[KEY_id] = place->owner, [KEY_conv] = place->conv}};
    derive(s, place->owner, &row.c[KEY_k0]);
    CHECK(vault_put(s, TABLE_KEY, &row));
    return find_key(s, place->owner, key);
}

/* ---- sealing ---- */

struct material {
    unsigned char key[32], nonce[24];
};

static struct material material_of(const uint64_t key[4], const uint64_t nonce[3])
{
    struct material m;
    for (size_t i = 0; i < sizeof m.key; i++)
        m.key[i] = (unsigned char)(key[i / 8] >> (8 * (i % 8)));
    for (size_t i = 0; i < sizeof m.nonce; i++)
        m.nonce[i] = (unsigned char)(nonce[i / 8] >> (8 * (i % 8)));
    return m;
}

/* The text of that key and nonce when it is at hand, or where it is to be put. */
static struct vault_text *text_of(struct shard *s, const struct place *place, const uint64_t key[4], bool *there)
{
    struct vault_text *t = &s->texts[(place->owner ^ (place->owner >> 32)) % VAULT_TEXTS];
    *there = t->owner == place->owner && memcmp(t->nonce, place->nonce, sizeof t->nonce) == 0 &&
             memcmp(t->key, key, sizeof t->key) == 0;
    return t;
}

static void keep_text(struct vault_text *t, const struct place *place, const uint64_t key[4], const struct text *plain,
                      const struct sealed *sealed)
{
    *t = (struct vault_text){.owner = place->owner, .plain = *plain, .sealed = *sealed};
    memcpy(t->nonce, place->nonce, sizeof t->nonce);
    memcpy(t->key, key, sizeof t->key);
}

static int seal(struct shard *s, const struct place *place, const struct text *plain, struct sealed *out)
{
    *out = (struct sealed){.len = plain->len};
    if (plain->len == 0)
        return 0;
    if (s->policy->data_keys == 1) {
        memcpy(out->bytes, plain->bytes, plain->len);
        return 0;
    }
    const uint64_t *key;
    bool there;
    CHECK(make_key(s, place, &key));
    struct vault_text *t = text_of(s, place, key, &there);
    if (there && t->plain.len == plain->len && memcmp(t->plain.bytes, plain->bytes, plain->len) == 0) {
        *out = t->sealed;
        return 0;
    }
    struct material m = material_of(key, place->nonce);
    unsigned long long len = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)out->bytes, &len, (const unsigned char *)plain->bytes,
                                               plain->len, m.nonce, sizeof m.nonce, NULL, m.nonce, m.key);
    out->len = (uint8_t)len;
    out->form = 1;
    keep_text(t, place, key, plain, out);
    return 0;
}

static int unseal(struct shard *s, const struct place *place, const struct sealed *in, struct text *plain, bool *gone)
{
    *plain = (struct text){0};
    *gone = false;
    if (in->len == 0)
        return 0;
    if (in->form == 0) {
        if (in->len > TEXT_BYTES_MAX)
            return E_STORE;
        plain->len = in->len;
        memcpy(plain->bytes, in->bytes, in->len);
        return 0;
    }
    const uint64_t *key;
    int status = find_key(s, place->owner, &key);
    *gone = status == E_NOTFOUND;
    if (status < 0)
        return *gone ? 0 : status;
    bool there;
    struct vault_text *t = text_of(s, place, key, &there);
    if (there && t->sealed.len == in->len && memcmp(t->sealed.bytes, in->bytes, in->len) == 0) {
        *plain = t->plain;
        return 0;
    }
    struct material m = material_of(key, place->nonce);
    unsigned long long len = 0;
    if (in->len > SEALED_BYTES_MAX || crypto_aead_xchacha20poly1305_ietf_decrypt(
                                          (unsigned char *)plain->bytes, &len, NULL, (const unsigned char *)in->bytes,
                                          in->len, m.nonce, sizeof m.nonce, m.nonce, m.key) != 0)
        return E_STORE; /* not what was stored: never a silent wrong answer */
    plain->len = (uint8_t)len;
    keep_text(t, place, key, plain, in);
    return 0;
}

/* ---- what belongs to whom ---- */

static struct place place_of(const struct wire *w)
{
    struct place p = {.owner = w->target, .nonce = {w->target, w->version, w->entry}, .conv = w->conv};
    if (w->kind == WIRE_FORWARD) {
        p.owner = FORWARD_OWNER(w->device, w->op);
        p.nonce[0] = MAKE_ID(w->device, w->op);
        p.nonce[1] = 0;
        p.nonce[2] = w->kind;
    } else { /* one text a version, whatever carries it; and one quote of it */
        p.nonce[2] = w->entry == ENTRY_QUOTE || w->entry == ENTRY_ITEM_QUOTE ? ENTRY_QUOTE : ENTRY_SEND;
    }
    if (w->entry == ENTRY_ATTACH) /* a part of an upload, which is the owner */
        p.nonce[2] = ENTRY_ATTACH | (uint64_t)w->page << 8;
    return p;
}

int vault_seal(struct shard *s, const struct wire *w, struct sealed *out)
{
    struct place place = place_of(w);
    return seal(s, &place, &w->body, out);
}

int vault_open(struct shard *s, struct wire *w, const struct sealed *in, bool *gone)
{
    struct place place = place_of(w);
    return unseal(s, &place, in, &w->body, gone);
}

int vault_open_message(struct shard *s, const struct row *message, struct text *body, bool *gone)
{
    /* The text was written by its send or its last edit; the row's version is that of its last change of any kind. */
    version written = message->c[MESSAGE_edited] ? message->c[MESSAGE_edited] : message->c[MESSAGE_sent];
    struct wire w = {
        .entry = ENTRY_SEND, .conv = message->c[MESSAGE_conv], .target = message->c[MESSAGE_id], .version = written};
    CHECK(vault_open(s, &w, &message->body, gone));
    *body = w.body;
    return 0;
}

/* ---- destruction ---- */

int vault_destroy(struct shard *s, uint64_t owner)
{
    struct row row = {.c = {[KEY_id] = owner}};
    struct vault_cache *c = cached(s, owner);
    if (!decide_destroys_keys(s->policy))
        return 0;
    if (c->id == owner)
        *c = (struct vault_cache){0};
    for (size_t i = 0; i < VAULT_TEXTS; i++)
        if (s->texts[i].owner == owner)
            s->texts[i] = (struct vault_text){0};
    return vault_del(s, TABLE_KEY, &row);
}

int vault_destroy_conv(struct shard *s, conv_id conv)
{
    if (!decide_destroys_keys(s->policy))
        return 0;
    CHECK(vault_begin(s));
    struct store_range range = {.table = TABLE_KEY, .index = INDEX_KEY_BY_CONV, .fixed = 1, .given = 1, .key = {conv}};
    for (;;) {
        struct row row;
        int status = store_first(s->vault, &range, &row);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(vault_destroy(s, row.c[KEY_id]));
    }
}

int vault_destroy_forward(struct shard *s, const struct wire *w)
{
    return vault_destroy(s, FORWARD_OWNER(w->device, w->op));
}
