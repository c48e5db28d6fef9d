/*
 * store_watch.c: passes every call on, and keeps of a transaction, for each row that it touches, what it was before.
 */
#include "sim/store_watch.h"

#include <stdlib.h>
#include <string.h>

struct change {
    enum store_table table;
    struct row before, after;
    bool was, is; /* there */
};
struct watch {
    struct store store;
    struct store *inner;
    struct watch_options options;
    struct change *changes; /* of the transaction that is open, or of the last one */
    size_t count, cap;
    bool asked; /* the last one, to commit */
};

static struct watch *watch_of(struct store *store)
{
    return (struct watch *)(void *)store;
}

static bool same_key(enum store_table table, const struct row *a, const struct row *b)
{
    return memcmp(a->c, b->c, (size_t)store_tables[table].keys * sizeof a->c[0]) == 0;
}

static bool same_row(enum store_table table, const struct row *a, const struct row *b)
{
    return memcmp(a->c, b->c, (size_t)store_tables[table].columns * sizeof a->c[0]) == 0 &&
           (!store_tables[table].text ||
            (a->body.len == b->body.len && (a->body.len == 0 || a->body.form == b->body.form) &&
             memcmp(a->body.bytes, b->body.bytes, a->body.len) == 0));
}

/* The change of that row; before the first of a row, what it was is read. */
static int change_of(struct watch *watch, enum store_table table, const struct row *row, struct change **out)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->changes[i].table == table && same_key(table, &watch->changes[i].before, row)) {
            *out = &watch->changes[i];
            return 0;
        }
    struct change change = {.table = table, .before = *row};
    int status = watch->inner->ops->get(watch->inner, table, &change.before);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    change.was = status == 0;
    watch->changes = base_grow(watch->changes, &watch->cap, watch->count + 1, sizeof *watch->changes);
    watch->changes[watch->count] = change;
    *out = &watch->changes[watch->count++];
    return 0;
}

/* ---- the vtable ---- */

static int watch_begin(struct store *store)
{
    struct watch *watch = watch_of(store);
    watch->count = 0;
    watch->asked = false;
    return watch->inner->ops->begin(watch->inner);
}

static int watch_commit_it(struct store *store)
{
    struct watch *watch = watch_of(store);
    watch->asked = true;
    int status = watch->inner->ops->commit(watch->inner);
    if (status < 0)
        return status;
    for (size_t i = 0; watch->options.row && i < watch->count; i++) {
        const struct change *change = &watch->changes[i];
        if (change->is || change->was)
            watch->options.row(watch->options.ctx, change->table, change->is ? &change->after : &change->before,
                               !change->is);
    }
    return watch->options.committed && watch->options.committed(watch->options.ctx) ? E_IO : 0;
}

static int watch_rollback(struct store *store)
{
    struct watch *watch = watch_of(store);
    if (!watch->asked)
        watch->count = 0;
    return watch->inner->ops->rollback(watch->inner);
}

static int watch_get(struct store *store, enum store_table table, struct row *row)
{
    struct watch *watch = watch_of(store);
    return watch->inner->ops->get(watch->inner, table, row);
}

static int watch_put(struct store *store, enum store_table table, const struct row *row)
{
    struct watch *watch = watch_of(store);
    struct change *change;
    int status = change_of(watch, table, row, &change);
    if (status < 0)
        return status;
    change->after = *row;
    change->is = true;
    return watch->inner->ops->put(watch->inner, table, row);
}

static int watch_del(struct store *store, enum store_table table, const struct row *row)
{
    struct watch *watch = watch_of(store);
    struct change *change;
    int status = change_of(watch, table, row, &change);
    if (status < 0)
        return status;
    change->is = false;
    return watch->inner->ops->del(watch->inner, table, row);
}

static int watch_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx)
{
    struct watch *watch = watch_of(store);
    return watch->inner->ops->scan(watch->inner, range, visit, ctx);
}

static int watch_backup(struct store *store, struct store_image **image)
{
    struct watch *watch = watch_of(store);
    return watch->inner->ops->backup(watch->inner, image);
}

static int watch_restore(struct store *store, const struct store_image *image)
{
    struct watch *watch = watch_of(store);
    watch->count = 0;
    return watch->inner->ops->restore(watch->inner, image);
}

static int watch_checkpoint(struct store *store)
{
    struct watch *watch = watch_of(store);
    return watch->inner->ops->checkpoint(watch->inner);
}

static void watch_clear(struct store *store)
{
    struct watch *watch = watch_of(store);
    watch->count = 0;
    watch->asked = false;
    watch->inner->ops->clear(watch->inner);
}

static void watch_close(struct store *store)
{
    struct watch *watch = watch_of(store);
    watch->inner->ops->close(watch->inner);
    free(watch->changes);
    free(watch);
}

/* Its images are the inner store's, and are freed by that. */
static const struct store_ops watch_ops = {
    .name = "sqlite",
    .begin = watch_begin,
    .commit = watch_commit_it,
    .rollback = watch_rollback,
    .get = watch_get,
    .put = watch_put,
    .del = watch_del,
    .scan = watch_scan,
    .backup = watch_backup,
    .restore = watch_restore,
    .checkpoint = watch_checkpoint,
    .clear = watch_clear,
    .close = watch_close,
};

struct store *store_watch_new(struct store *inner, const struct watch_options *options)
{
    struct watch *watch = base_alloc(sizeof *watch);
    watch->store = (struct store){&watch_ops, inner->part};
    watch->inner = inner;
    watch->options = *options;
    return &watch->store;
}

struct store *store_watch_swap(struct store *store, struct store *inner)
{
    struct watch *watch = watch_of(store);
    struct store *old = watch->inner;
    assert(store->ops == &watch_ops && inner->part == old->part);
    watch->inner = inner;
    return old;
}

/* ---- what became of it ---- */

static bool is_as(const struct change *change, bool there, const struct row *found, bool after)
{
    bool expected = after ? change->is : change->was;
    if (there != expected)
        return false;
    return !there || same_row(change->table, found, after ? &change->after : &change->before);
}

int store_watch_outcome(struct store *store, enum watch_outcome *outcome)
{
    struct watch *watch = watch_of(store);
    bool all_after = true, all_before = true;
    assert(store->ops == &watch_ops);
    for (size_t i = 0; watch->asked && i < watch->count; i++) {
        struct row found = watch->changes[i].before;
        int status = watch->inner->ops->get(watch->inner, watch->changes[i].table, &found);
        if (status < 0 && status != E_NOTFOUND)
            return status;
        all_after = all_after && is_as(&watch->changes[i], status == 0, &found, true);
        all_before = all_before && is_as(&watch->changes[i], status == 0, &found, false);
    }
    *outcome = all_after && all_before ? WATCH_NOTHING
               : all_after             ? WATCH_COMMITTED
               : all_before            ? WATCH_LOST
                                       : WATCH_TORN;
    return 0;
}
