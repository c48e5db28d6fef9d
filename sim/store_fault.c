/*
 * store_fault.c: the decorator of store_fault.h.
 *
 * Method: every call that may allocate counts: begin, get, put, delete, scan, commit. The one that fails has done
 * nothing. Taking back (rollback, close) never fails, for a process that cannot even do this has died.
 */
#include "sim/store_fault.h"

static bool fails(struct store *store)
{
    struct store_fault_plan *plan = ((struct store_fault *)store)->plan;
    if (!plan->left || --plan->left)
        return false;
    plan->fired = true;
    return true;
}

static struct store *inner_of(struct store *store)
{
    return ((struct store_fault *)store)->inner;
}

static int fault_begin_step(struct store *store)
{
    struct store_fault *fault = (struct store_fault *)store;
    if (fails(store))
        return E_NOMEM;
    int status = fault->inner->ops->begin(fault->inner);
    fault->begun = status == 0;
    return status;
}

static int fault_commit(struct store *store)
{
    struct store_fault *fault = (struct store_fault *)store;
    if (fails(store))
        return E_NOMEM;
    int status = fault->inner->ops->commit(fault->inner);
    fault->begun = fault->begun && status != 0;
    fault->plan->stored |= status == 0 && store->part == STORE_MAIN;
    return status;
}

static int fault_rollback(struct store *store)
{
    struct store_fault *fault = (struct store_fault *)store;
    bool begun = fault->begun;
    fault->begun = false;
    return begun ? fault->inner->ops->rollback(fault->inner) : 0;
}

static int fault_get(struct store *store, enum store_table table, struct row *row)
{
    return fails(store) ? E_NOMEM : inner_of(store)->ops->get(inner_of(store), table, row);
}

static int fault_put(struct store *store, enum store_table table, const struct row *row)
{
    return fails(store) ? E_NOMEM : inner_of(store)->ops->put(inner_of(store), table, row);
}

static int fault_del(struct store *store, enum store_table table, const struct row *row)
{
    return fails(store) ? E_NOMEM : inner_of(store)->ops->del(inner_of(store), table, row);
}

static int fault_scan(struct store *store, const struct store_range *range, store_visit *visit, void *ctx)
{
    return fails(store) ? E_NOMEM : inner_of(store)->ops->scan(inner_of(store), range, visit, ctx);
}

static int fault_backup(struct store *store, struct store_image **image)
{
    return inner_of(store)->ops->backup(inner_of(store), image);
}

static int fault_restore(struct store *store, const struct store_image *image)
{
    return inner_of(store)->ops->restore(inner_of(store), image);
}

static int fault_checkpoint(struct store *store)
{
    return fails(store) ? E_NOMEM : inner_of(store)->ops->checkpoint(inner_of(store));
}

static void fault_clear(struct store *store)
{
    inner_of(store)->ops->clear(inner_of(store));
}

/* The inner one is not ours. */
static void fault_close(struct store *store)
{
    (void)store;
}

void store_fault_wrap(struct store_fault *fault, struct store *inner, struct store_fault_plan *plan)
{
    static const struct store_ops ops = {.name = "fault",
                                         .begin = fault_begin_step,
                                         .commit = fault_commit,
                                         .rollback = fault_rollback,
                                         .get = fault_get,
                                         .put = fault_put,
                                         .del = fault_del,
                                         .scan = fault_scan,
                                         .backup = fault_backup,
                                         .restore = fault_restore,
                                         .checkpoint = fault_checkpoint,
                                         .clear = fault_clear,
                                         .close = fault_close};
    *fault = (struct store_fault){.store = {.ops = &ops, .part = inner->part}, .inner = inner, .plan = plan};
}
