/*
 * store_tree.h: an ordered set of links, each followed by its key of 64-bit words; the memory store's only structure.
 *
 * Balanced by the red-black trees of libbsd's <bsd/sys/tree.h> (macros only; nothing to link with). The search is ours,
 * because the number of key words is a property of each tree. Keys compare lexicographically and never repeat. The
 * caller owns the links; a tree owns no memory and is empty when zeroed.
 */
#ifndef SEXTON_CORE_STORE_TREE_H
#define SEXTON_CORE_STORE_TREE_H

#include <bsd/sys/tree.h>
#include <stdint.h>

struct link {
    RB_ENTRY(link) entry;
    uint64_t key[];
};
RB_HEAD(rb_links, link);

struct tree {
    struct rb_links links;
    int words; /* in a key */
};

/* Where a key that is absent would be linked; valid until the tree changes. */
struct place {
    struct link *parent, **slot;
};

/* Compares the first `words` words: negative, 0 or positive. */
static inline int key_compare(const uint64_t *a, const uint64_t *b, int words)
{
    for (int i = 0; i < words; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* The link with exactly this key, or NULL and its place. */
struct link *tree_find(struct tree *tree, const uint64_t *key, struct place *place);
void tree_link(struct tree *tree, struct link *link, const struct place *place);
void tree_insert(struct tree *tree, struct link *link); /* its key must be absent */
void tree_remove(struct tree *tree, struct link *link);
void tree_clear(struct tree *tree); /* forgets every link */

/* By the first `words` words of the keys; NULL when there is none. With 0 words, the first or the last of all. */
struct link *tree_first_at_least(const struct tree *tree, const uint64_t *key, int words);
struct link *tree_last_at_most(const struct tree *tree, const uint64_t *key, int words);
struct link *tree_next(struct link *link);
struct link *tree_previous(struct link *link);

#endif
