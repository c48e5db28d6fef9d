/*
 * held_text.c: opens a sealed body with its key (XChaCha20-Poly1305; the nonce and the additional data are the
 * message's id, the version that wrote the text, and the entry "send", or "quote" of a quote; of a part of an upload
 * the upload's id, its version, and the entry "attach" with the part's number), and takes 64 bits of its BLAKE2b.
 */
#include "sim/held_text.h"

#include "core/wire.h"

#include <sodium.h>

static void put_little(unsigned char *out, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < 8 * count; i++)
        out[i] = (unsigned char)(words[i / 8] >> (8 * (i % 8)));
}

static uint64_t digest(const unsigned char *text, size_t len)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    uint64_t value = 0;
    crypto_generichash(hash, sizeof hash, text, len, NULL, 0);
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | hash[i];
    return value ? value : 1;
}

static uint64_t read_text(struct store *vault, uint64_t id, uint64_t written, uint64_t as, const struct sealed *body)
{
    if (body->form == 0) /* plain, or nothing was ever said */
        return digest((const unsigned char *)body->bytes, body->len);
    struct row key = {.c = {[KEY_id] = id}};
    if (vault->ops->get(vault, TABLE_KEY, &key) < 0)
        return 0;
    const uint64_t nonce_words[3] = {id, written, as};
    unsigned char secret[32], nonce[24], text[SEALED_BYTES_MAX];
    unsigned long long len = 0;
    put_little(secret, &key.c[KEY_k0], 4);
    put_little(nonce, nonce_words, 3);
    if (body->len > SEALED_BYTES_MAX ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(text, &len, NULL, (const unsigned char *)body->bytes, body->len,
                                                   nonce, sizeof nonce, nonce, secret) != 0)
        return 0;
    return digest(text, (size_t)len);
}

uint64_t held_text_digest(struct store *vault, const struct row *message)
{
    uint64_t written = message->c[MESSAGE_edited] ? message->c[MESSAGE_edited] : message->c[MESSAGE_sent];
    return read_text(vault, message->c[MESSAGE_id], written, ENTRY_SEND, &message->body);
}

uint64_t held_text_former(struct store *vault, const struct row *former)
{
    uint64_t as = former->c[FORMER_quote] ? ENTRY_QUOTE : ENTRY_SEND;
    return read_text(vault, former->c[FORMER_message], former->c[FORMER_version], as, &former->body);
}

uint64_t held_part_digest(struct store *vault, const struct row *blob)
{
    uint64_t as = ENTRY_ATTACH | blob->c[BLOB_part] << 8;
    return read_text(vault, blob->c[BLOB_id], blob->c[BLOB_version], as, &blob->body);
}
