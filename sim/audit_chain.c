/*
 * audit_chain.c: reads and verifies an audit log, independently of the code that wrote it.
 *
 * Method: one pass in the order of the rows. A row is whole when its number is the next, its kind is known, its hash is
 * BLAKE2b-256 over the hash of the row before and its other columns, its step is not before that of the row before,
 * and, if it says that a row did not happen, that row is an earlier one and says the same. After the last row, their
 * number must be the one that the vault keeps beside them. The first row that is not whole ends the pass.
 *
 * Limit: whoever can rewrite the whole vault can write a chain that is whole; a head noted elsewhere tells that.
 */
#include "sim/audit_chain.h"

#include "core/audit.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct store *vault;
    struct audit_chain *chain;
    uint64_t step; /* of the row before */
    store_visit *visit;
    void *ctx;
};

static void absorb(crypto_generichash_state *state, uint64_t word)
{
    unsigned char little[8] = {(unsigned char)word,         (unsigned char)(word >> 8),  (unsigned char)(word >> 16),
                               (unsigned char)(word >> 24), (unsigned char)(word >> 32), (unsigned char)(word >> 40),
                               (unsigned char)(word >> 48), (unsigned char)(word >> 56)};
    crypto_generichash_update(state, little, sizeof little);
}

static void hash_row(const uint64_t before[4], const struct row *row, uint64_t hash[4])
{
    crypto_generichash_state state;
    unsigned char out[32];
    crypto_generichash_init(&state, NULL, 0, sizeof out);
    for (int i = 0; i < 4; i++)
        absorb(&state, before[i]);
    for (int column = 0; column < AUDIT_h0; column++)
        absorb(&state, row->c[column]);
    crypto_generichash_final(&state, out, sizeof out);
    for (int i = 0; i < 4; i++) {
        hash[i] = 0;
        for (int byte = 7; byte >= 0; byte--)
            hash[i] = hash[i] << 8 | out[8 * i + byte];
    }
}

static void hash_text(const uint64_t hash[4], char text[AUDIT_CHAIN_TEXT])
{
    snprintf(text, AUDIT_CHAIN_TEXT, "hash %016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, hash[0], hash[1],
             hash[2], hash[3]);
}

static int breaks(struct audit_chain *chain)
{
    chain->broken = true;
    chain->broken_at = chain->rows + 1;
    return 1;
}

static int breaks_at_number(struct audit_chain *chain, const char *what, uint64_t expected, uint64_t found)
{
    snprintf(chain->expected, sizeof chain->expected, "%s %" PRIu64, what, expected);
    snprintf(chain->found, sizeof chain->found, "%s %" PRIu64, what, found);
    return breaks(chain);
}

/* Does the row that this one takes back say the same, but for when, as what and with which hash? */
static int matches_voided(struct reading *r, const struct row *row, bool *matches)
{
    struct row voided = {.c = {[AUDIT_one] = 1, [AUDIT_seq] = row->c[AUDIT_target]}};
    *matches = false;
    if (row->c[AUDIT_target] >= row->c[AUDIT_seq])
        return 0;
    int status = r->vault->ops->get(r->vault, TABLE_AUDIT, &voided);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    static const int same[] = {AUDIT_actor, AUDIT_device,  AUDIT_op,  AUDIT_operation,
                               AUDIT_conv,  AUDIT_outcome, AUDIT_why, AUDIT_version};
    *matches = voided.c[AUDIT_kind] != AUDIT_VOID_ROW;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        *matches = *matches && voided.c[same[i]] == row->c[same[i]];
    return 0;
}

/* 0 when the row is whole, 1 when it breaks the chain. */
static int verify_row(struct reading *r, const struct row *row)
{
    struct audit_chain *chain = r->chain;
    if (row->c[AUDIT_one] != 1 || row->c[AUDIT_seq] != chain->rows + 1)
        return breaks_at_number(chain, "row", chain->rows + 1, row->c[AUDIT_seq]);
    uint64_t hash[4];
    hash_row(chain->head, row, hash);
    if (memcmp(hash, &row->c[AUDIT_h0], sizeof hash) != 0) {
        hash_text(hash, chain->expected);
        hash_text(&row->c[AUDIT_h0], chain->found);
        return breaks(chain);
    }
    if (row->c[AUDIT_kind] == AUDIT_NO_ROW || row->c[AUDIT_kind] >= AUDIT_KIND_COUNT)
        return breaks_at_number(chain, "a kind up to", AUDIT_KIND_COUNT - 1, row->c[AUDIT_kind]);
    if (row->c[AUDIT_step] < r->step)
        return breaks_at_number(chain, "a step from", r->step, row->c[AUDIT_step]);
    if (row->c[AUDIT_kind] != AUDIT_VOID_ROW)
        return 0;
    bool matches;
    int status = matches_voided(r, row, &matches);
    if (status < 0 || matches)
        return status;
    snprintf(chain->expected, sizeof chain->expected, "an earlier row with the same decision");
    snprintf(chain->found, sizeof chain->found, "row %" PRIu64, row->c[AUDIT_target]);
    return breaks(chain);
}

static int take_row(void *ctx, const struct row *row)
{
    struct reading *r = ctx;
    struct audit_chain *chain = r->chain;
    int status = verify_row(r, row);
    if (status)
        return status;
    chain->rows++;
    memcpy(chain->head, &row->c[AUDIT_h0], sizeof chain->head);
    r->step = row->c[AUDIT_step];
    uint64_t kind = row->c[AUDIT_kind];
    chain->decisions += kind == AUDIT_DECISION_ROW;
    chain->purges += kind == AUDIT_PURGE_ROW;
    chain->voids += kind == AUDIT_VOID_ROW;
    chain->voided += kind == AUDIT_VOID_ROW && row->c[AUDIT_outcome] != 0;
    return r->visit ? r->visit(r->ctx, row) : 0;
}

static int read_meta(struct store *vault, uint64_t key, uint64_t *value)
{
    struct row row = {.c = {[VAULT_META_key] = key}};
    int status = vault->ops->get(vault, TABLE_VAULT_META, &row);
    *value = status == 0 ? row.c[VAULT_META_value] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

int audit_chain_read(struct store *vault, store_visit *visit, void *ctx, struct audit_chain *chain)
{
    *chain = (struct audit_chain){0};
    struct reading r = {.vault = vault, .chain = chain, .visit = visit, .ctx = ctx};
    int status = read_meta(vault, VAULT_AUDITS, &chain->written);
    if (status == 0)
        status = read_meta(vault, VAULT_TURNED_AWAY, &chain->turned_away);
    struct store_range all = {.table = TABLE_AUDIT, .index = INDEX_PRIMARY};
    if (status == 0)
        status = vault->ops->scan(vault, &all, take_row, &r);
    if (status == 0 && !chain->broken && chain->rows != chain->written) /* taken off the end, or added there */
        breaks_at_number(chain, "rows:", chain->written, chain->rows);
    return status;
}
