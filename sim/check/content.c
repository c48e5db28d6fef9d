/* content.c: tombstones-hold-no-content, from what an observer found in tables and packets. */
#include "sim/check/state.h"

void content_before(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_CONTENT || !record_get(e->r, FIELD_TOMBSTONES))
        return;
    uint64_t count = record_get(e->r, FIELD_COUNT);
    if (!count) {
        judge(c, INVARIANT_TOMBSTONES_HOLD_NO_CONTENT);
        return;
    }
    struct verdict *v =
        violate(c, INVARIANT_TOMBSTONES_HOLD_NO_CONTENT, "%llu tombstones or deletions of %s carry a text",
                (unsigned long long)count, nm(c, record_get(e->r, FIELD_SHARD)));
    chain_now(c, v);
}
