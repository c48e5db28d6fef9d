/*
 * audit_chain.h: an auditor's own reading of a shard's audit log. It shares no code with core/audit.c, which wrote the
 * log: only the tables of core/store.h and the format, which core/audit.h states.
 */
#ifndef SEXTON_SIM_AUDIT_CHAIN_H
#define SEXTON_SIM_AUDIT_CHAIN_H

#include "core/store.h"

#define AUDIT_CHAIN_TEXT 80
struct audit_chain {
    uint64_t rows, decisions, purges, voids; /* whole ones */
    uint64_t voided;                         /* decisions that did not happen */
    uint64_t written;                        /* rows ever written, as the vault says beside them */
    uint64_t turned_away;                    /* requests of strangers, counted and not logged */
    uint64_t head[4];                        /* hash of the last whole row */
    bool broken;
    uint64_t broken_at; /* the number of the row where it breaks */
    char expected[AUDIT_CHAIN_TEXT], found[AUDIT_CHAIN_TEXT];
};
/*
 * Read the log in this vault. `visit` (may be NULL) is called for each whole row up to the first that is not. Returns
 * 0, or what the store or the visit returned.
 */
int audit_chain_read(struct store *vault, store_visit *visit, void *ctx, struct audit_chain *chain);

#endif
