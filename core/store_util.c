/* store_util.c: what every store offers beyond its vtable, made of the vtable. */
#include "core/store.h"

static int keep_first(void *ctx, const struct row *row)
{
    struct row **out = ctx;
    **out = *row;
    *out = NULL;
    return 1;
}

int store_first(struct store *store, const struct store_range *range, struct row *row)
{
    struct row *wanted = row; /* NULL once it is filled */
    int status = store->ops->scan(store, range, keep_first, &wanted);
    if (status)
        return status;
    return wanted ? E_NOTFOUND : 0;
}

void store_image_free(struct store_image *image)
{
    if (image)
        image->ops->image_free(image);
}
