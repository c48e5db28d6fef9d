/*
 * history_text.h: a history for a test, as text: one record a line, "AT KIND KEY=VALUE ... FLAG". AT is in
 * microseconds, or with the suffix "s". A version is "5" or "1.5"; `shown` is IN/MESSAGE@VERSION,... with the copy
 * "body", or IN/MESSAGE@VERSION+COPY:VIA; or "-" for none.
 */
#ifndef SEXTON_TESTS_HISTORY_TEXT_H
#define SEXTON_TESTS_HISTORY_TEXT_H

#include "sim/history.h"

/* Gives each record in turn to take; asserts that the text is well formed. */
void history_text_feed(const char *text, struct names *names,
                       void (*take)(void *ctx, const struct record *record, const struct names *names), void *ctx);

#endif
