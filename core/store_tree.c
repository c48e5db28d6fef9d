/* store_tree.c: the descent through a tree of links; see store_tree.h. */
#include "core/store_tree.h"

#include <assert.h>
#include <stddef.h>

/* tree.h wants a compare function for the searches that it generates and we do not use. */
static int compare_first_word(const struct link *a, const struct link *b)
{
    return key_compare(a->key, b->key, 1);
}
RB_PROTOTYPE(rb_links, link, entry, compare_first_word)
RB_GENERATE(rb_links, link, entry, compare_first_word)

static inline struct link *descend(struct rb_links *links, const uint64_t *key, int words, struct place *place)
{
    struct link *parent = NULL, **slot = &RB_ROOT(links);
    while (*slot) {
        int order = key_compare(key, (*slot)->key, words);
        if (order == 0)
            return *slot;
        parent = *slot;
        slot = order < 0 ? &RB_LEFT(parent, entry) : &RB_RIGHT(parent, entry);
    }
    *place = (struct place){parent, slot};
    return NULL;
}

/* The switch gives the compiler a constant number of words to unroll. */
struct link *tree_find(struct tree *tree, const uint64_t *key, struct place *place)
{
    switch (tree->words) {
        case 1:
            return descend(&tree->links, key, 1, place);
        case 2:
            return descend(&tree->links, key, 2, place);
        case 3:
            return descend(&tree->links, key, 3, place);
        default:
            return descend(&tree->links, key, tree->words, place);
    }
}

void tree_link(struct tree *tree, struct link *link, const struct place *place)
{
    RB_SET(link, place->parent, entry);
    *place->slot = link;
    rb_links_RB_INSERT_COLOR(&tree->links, link);
}

void tree_insert(struct tree *tree, struct link *link)
{
    struct place place = {0};
    struct link *twin = tree_find(tree, link->key, &place);
    assert(!twin);
    tree_link(tree, link, &place);
}

void tree_remove(struct tree *tree, struct link *link)
{
    RB_REMOVE(rb_links, &tree->links, link);
}

void tree_clear(struct tree *tree)
{
    RB_INIT(&tree->links);
}

struct link *tree_first_at_least(const struct tree *tree, const uint64_t *key, int words)
{
    struct link *best = NULL, *link = RB_ROOT(&tree->links);
    while (link) {
        if (key_compare(link->key, key, words) >= 0) {
            best = link;
            link = RB_LEFT(link, entry);
        } else {
            link = RB_RIGHT(link, entry);
        }
    }
    return best;
}

struct link *tree_last_at_most(const struct tree *tree, const uint64_t *key, int words)
{
    struct link *best = NULL, *link = RB_ROOT(&tree->links);
    while (link) {
        if (key_compare(link->key, key, words) <= 0) {
            best = link;
            link = RB_RIGHT(link, entry);
        } else {
            link = RB_LEFT(link, entry);
        }
    }
    return best;
}

struct link *tree_next(struct link *link)
{
    return RB_NEXT(rb_links, NULL, link);
}

struct link *tree_previous(struct link *link)
{
    return RB_PREV(rb_links, NULL, link);
}
