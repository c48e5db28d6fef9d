/*
 * decide_internal.h: for decide.c and decide_device.c only: is this mistake built in? Nothing else reads a flaw.
 */
#ifndef SEXTON_CORE_DECIDE_INTERNAL_H
#define SEXTON_CORE_DECIDE_INTERNAL_H

#include "core/decide.h"

static inline bool flawed(const struct policy *p, enum flaw flaw)
{
#ifdef NO_FLAWS
    (void)p;
    (void)flaw;
    return false;
#else
    return (p->flaws >> flaw) & 1;
#endif
}

#endif
