/*
 * audit.h: the audit log of one shard: what was decided on each authenticated operation, in the vault, outside every
 * backup; never content.
 *
 * The table AUDIT (tables.def) only grows: its rows are numbered from 1, and h0-h3 of each is BLAKE2b-256 over h0-h3 of
 * the row before (zeros before the first) and its own other columns, each as 8 bytes, little-endian. So a row that was
 * changed, taken out or put in between breaks the chain; rows taken off the end are told by VAULT_AUDITS, the number of
 * rows ever written, which lies beside them. Whoever can rewrite the whole vault can rewrite the chain: only a head
 * that was noted elsewhere tells that.
 */
#ifndef SEXTON_CORE_AUDIT_H
#define SEXTON_CORE_AUDIT_H

#include "core/store.h"

#define AUDIT_KIND_LIST(X)                                                                             \
    X(DECISION, "decision") /* outcome, why, version of device's op; with no conv, target is a user */ \
    X(PURGE, "purge")       /* the content of target (0: of the conversation) is gone */               \
    X(VOID, "void")         /* the row with the seq `target` did not happen, and is repeated */
#define AUDIT_KIND_ENUM(id, name) AUDIT_##id##_ROW,
enum audit_kind { AUDIT_NO_ROW, AUDIT_KIND_LIST(AUDIT_KIND_ENUM) AUDIT_KIND_COUNT };
const char *audit_kind_name(uint64_t kind);

struct audit_hash {
    uint64_t h[4];
};
/* The hash that `row` must carry when `before` is that of the row before it. */
void audit_chain(const struct audit_hash *before, const struct row *row, struct audit_hash *hash);

/* Numbers that lie beside the log, in vault_meta. */
enum vault_meta_key {
    VAULT_STEP = 1,
    VAULT_AUDITS,                          /* rows ever written */
    VAULT_TURNED_AWAY,                     /* requests of strangers: counted, or whoever knocks could fill the log */
    VAULT_SEARCH_KEY,                      /* to _KEY + 3: of the hashes in the search index */
    VAULT_MAIN_STEP = VAULT_SEARCH_KEY + 4 /* the last step that main had when VAULT_STEP was given out */
};

#endif
