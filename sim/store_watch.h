/*
 * store_watch.h: a store behind another's vtable, so that what is written to it is seen, and its last transaction can
 * be told apart from one that did not happen.
 *
 * A commit that fails may have been one: the power went while it was synced. When the store is opened again, the rows
 * of that transaction say which: all of them are as it left them, or all as they were before, or (then the store broke
 * its word) neither.
 */
#ifndef SEXTON_SIM_STORE_WATCH_H
#define SEXTON_SIM_STORE_WATCH_H

#include "core/store.h"

enum watch_outcome { WATCH_NOTHING, WATCH_COMMITTED, WATCH_LOST, WATCH_TORN };

/* A commit returned: is the process gone before it can do anything more? */
typedef bool watch_commit(void *ctx);
/* A row that was put, or deleted, in a transaction that is committed. */
typedef void watch_row(void *ctx, enum store_table table, const struct row *row, bool deleted);

struct watch_options {
    watch_commit *committed; /* NULL: nobody asks */
    watch_row *row;          /* NULL: nobody looks */
    void *ctx;
};
/* The store `inner` is owned from now on, and closed with it. Never NULL. */
struct store *store_watch_new(struct store *inner, const struct watch_options *options);
/* Another inner store instead, of the same part; the old one is the caller's. */
struct store *store_watch_swap(struct store *watch, struct store *inner);
/* What became of the last transaction that was asked to commit? Reads the inner store. Negative when that fails. */
int store_watch_outcome(struct store *watch, enum watch_outcome *outcome);

#endif
