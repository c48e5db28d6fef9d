/*
 * audit.c: writes the audit log (audit.h). Whoever reads it verifies it with code of their own (sim/audit_chain.c).
 *
 * Method: a row is written in the step that decides, through the vault, which commits before main does. A crash in
 * between leaves rows of a step that did not happen. So each step that writes rows has a number, in the rows, in
 * VAULT_STEP, and in META_STEP of main; when a shard starts and main does not have the vault's last step, a row of kind
 * "void" is appended for each row of the steps that main does not have. Nothing is ever removed. A crash while that is
 * done leaves it half done, or voids that main does not have: both are found at the next start.
 *
 * Each of the two databases so says what the other has stored: the vault has every step that main has, and main every
 * step that was the last when the next was given out (VAULT_MAIN_STEP). One that does not has lost what was committed,
 * through its disk: the shard does not start from it. What is lost of the very last step cannot be told from a crash.
 *
 * Limits: the voids of one start are written in one step; there is at most one lost step between two starts, unless
 * main is older than the vault because it was restored: then every later row is voided, for main has none of them.
 */
#include "core/audit.h"

#include "core/shard_internal.h"

#include <sodium.h>
#include <stdlib.h>

#define WORDS (4 + AUDIT_h0)

const char *audit_kind_name(uint64_t kind)
{
#define NAME(id, name) name,
    static const char *const names[AUDIT_KIND_COUNT] = {"", AUDIT_KIND_LIST(NAME)};
#undef NAME
    return kind < AUDIT_KIND_COUNT ? names[kind] : "";
}

/* ---- the chain ---- */

void audit_chain(const struct audit_hash *before, const struct row *row, struct audit_hash *hash)
{
    unsigned char in[WORDS * 8], out[32];
    for (size_t i = 0; i < sizeof in; i++) {
        uint64_t word = i / 8 < 4 ? before->h[i / 8] : row->c[i / 8 - 4];
        in[i] = (unsigned char)(word >> (8 * (i % 8)));
    }
    crypto_generichash(out, sizeof out, in, sizeof in, NULL, 0);
    memset(hash, 0, sizeof *hash);
    for (size_t i = 0; i < sizeof out; i++)
        hash->h[i / 8] |= (uint64_t)out[i] << (8 * (i % 8));
}

static struct audit_hash hash_of(const struct row *row)
{
    struct audit_hash hash;
    memcpy(hash.h, &row->c[AUDIT_h0], sizeof hash.h);
    return hash;
}

/* ---- writing ---- */

static int vault_meta(struct shard *s, enum vault_meta_key key, uint64_t *value)
{
    struct row row = {.c = {[VAULT_META_key] = key}};
    int status = vault_get(s, TABLE_VAULT_META, &row);
    *value = status == 0 ? row.c[VAULT_META_value] : 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int set_vault_meta(struct shard *s, enum vault_meta_key key, uint64_t value)
{
    struct row row = {.c = {[VAULT_META_key] = key, [VAULT_META_value] = value}};
    return vault_put(s, TABLE_VAULT_META, &row);
}

/* The first row of a step gives it its number, in both databases. */
int audit_number_step(struct shard *s)
{
    if (s->audit_step)
        return 0;
    uint64_t main_step;
    CHECK(vault_meta(s, VAULT_STEP, &s->audit_step));
    CHECK(shard_meta(s, META_STEP, &main_step));
    s->audit_step++;
    CHECK(set_vault_meta(s, VAULT_MAIN_STEP, main_step));
    CHECK(set_vault_meta(s, VAULT_STEP, s->audit_step));
    return shard_set_meta(s, META_STEP, s->audit_step);
}

static int append(struct shard *s, struct row *row)
{
    CHECK(audit_number_step(s));
    struct store_range end = {
        .table = TABLE_AUDIT, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {1}, .reverse = true};
    struct row last = {0};
    int status = store_first(s->vault, &end, &last);
    if (status == E_NOTFOUND)
        last = (struct row){0};
    else
        CHECK(status);
    row->c[AUDIT_one] = 1;
    row->c[AUDIT_seq] = last.c[AUDIT_seq] + 1;
    row->c[AUDIT_step] = s->audit_step;
    row->c[AUDIT_at] = s->now_us;
    struct audit_hash before = hash_of(&last), hash;
    audit_chain(&before, row, &hash);
    memcpy(&row->c[AUDIT_h0], hash.h, sizeof hash.h);
    CHECK(vault_put(s, TABLE_AUDIT, row));
    return set_vault_meta(s, VAULT_AUDITS, row->c[AUDIT_seq]);
}

int audit_decision(struct shard *s, const struct wire *op, const struct result *result)
{
    if (s->policy->audit != 0 || (result->outcome == OUTCOME_REFUSED && !decide_audits_refusal(s->policy)))
        return 0;
    struct row row = {.c = {[AUDIT_kind] = AUDIT_DECISION_ROW, [AUDIT_actor] = op->user, [AUDIT_device] = op->device}};
    row.c[AUDIT_op] = op->op;
    row.c[AUDIT_operation] = op->operation;
    row.c[AUDIT_conv] = op->conv;
    row.c[AUDIT_target] = op->conv ? op->target : op->subject; /* of no conversation: a hold on a user */
    row.c[AUDIT_outcome] = result->outcome;
    row.c[AUDIT_why] = result->why;
    row.c[AUDIT_version] = result->version;
    return append(s, &row);
}

int audit_stranger(struct shard *s)
{
    uint64_t count;
    if (s->policy->audit != 0)
        return 0;
    CHECK(vault_meta(s, VAULT_TURNED_AWAY, &count));
    return set_vault_meta(s, VAULT_TURNED_AWAY, count + 1);
}

int audit_purge(struct shard *s, conv_id conv, msg_id target, version v)
{
    if (s->policy->audit != 0)
        return 0;
    struct row row = {.c = {[AUDIT_kind] = AUDIT_PURGE_ROW, [AUDIT_conv] = conv, [AUDIT_target] = target}};
    row.c[AUDIT_version] = v;
    return append(s, &row);
}

/* ---- after a crash between the two commits ---- */

struct lost {
    uint64_t main_step;
    struct row *rows; /* newest first: of steps that main does not have */
    size_t count, cap;
};

static int collect_lost(void *ctx, const struct row *row)
{
    struct lost *lost = ctx;
    if (row->c[AUDIT_step] <= lost->main_step)
        return 1;
    lost->rows = base_grow(lost->rows, &lost->cap, lost->count + 1, sizeof *lost->rows);
    lost->rows[lost->count++] = *row;
    return 0;
}

static bool is_void_of(const struct row *row, uint64_t seq)
{
    return row->c[AUDIT_kind] == AUDIT_VOID_ROW && row->c[AUDIT_target] == seq;
}

/* A lost void still says what is true, so it is not voided itself. */
static bool needs_void(const struct lost *lost, size_t at)
{
    if (lost->rows[at].c[AUDIT_kind] == AUDIT_VOID_ROW)
        return false;
    for (size_t i = 0; i < at; i++)
        if (is_void_of(&lost->rows[i], lost->rows[at].c[AUDIT_seq]))
            return false;
    return true;
}

static int append_voids(struct shard *s, const struct lost *lost)
{
    for (size_t i = lost->count; i-- > 0;) {
        if (!needs_void(lost, i))
            continue;
        struct row row = lost->rows[i];
        row.c[AUDIT_kind] = AUDIT_VOID_ROW;
        row.c[AUDIT_target] = row.c[AUDIT_seq];
        CHECK(append(s, &row));
    }
    return 0;
}

int audit_start(struct shard *s)
{
    if (s->policy->audit != 0)
        return 0;
    uint64_t vault_step, main_had;
    struct lost lost = {0};
    CHECK(shard_meta(s, META_STEP, &lost.main_step));
    CHECK(vault_meta(s, VAULT_STEP, &vault_step));
    CHECK(vault_meta(s, VAULT_MAIN_STEP, &main_had));
    if (vault_step < lost.main_step || lost.main_step < main_had)
        return E_STORE;
    if (vault_step == lost.main_step)
        return 0;
    struct store_range range = {
        .table = TABLE_AUDIT, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {1}, .reverse = true};
    int status = s->vault->ops->scan(s->vault, &range, collect_lost, &lost);
    if (status >= 0)
        status = audit_number_step(s); /* even if nothing is to be voided: main has them all from now on */
    if (status >= 0)
        status = append_voids(s, &lost);
    free(lost.rows);
    return status < 0 ? status : 0;
}
