/*
 * probes.h: EVENT of the scenario language (DESIGN.md §6), as predicates over records.
 *
 *   EVENT = DEVICE shows|hides TARGET [COPY] | OP invoked|committed|acked|refused [WHY] | NODE connects|disconnects|
 *           crashes|restarts|resets | DEVICE notices CONVERSATION | EVENT before EVENT
 */
#ifndef SEXTON_SIM_CHECK_PROBES_H
#define SEXTON_SIM_CHECK_PROBES_H

#include "sim/history.h"

struct probe;
#define PROBE_ERROR_MAX 256
/* NULL and a sentence in error when the text is not an EVENT; *column (from 1) is where. */
struct probe *probe_parse(const char *text, struct names *names, char error[PROBE_ERROR_MAX], int *column);
void probe_free(struct probe *probe);
void probe_reset(struct probe *probe); /* before a run: forget what was seen */
/* Feed every record in order. Returns true on each record at which the event happens. */
bool probe_take(struct probe *probe, const struct record *record);
/* Sets those of the kinds of record that it looks at: with others probe_take changes nothing. */
void probe_kinds(const struct probe *probe, bool kinds[HISTORY_KINDS]);
/* Did it happen at all so far? */
bool probe_seen(const struct probe *probe);
/*
 * Is it so at the end? For shows/hides: the last show or hide of that copy on that device is this one; for
 * connects/disconnects and invoked/acked/...: likewise the last word, or seen; for an order: seen.
 */
bool probe_finally(const struct probe *probe);
/* The names it speaks of, so that a scenario can be checked for names that do not exist: calls visit with role
   "node", "op", "target" or "conversation". */
void probe_names(const struct probe *probe, void (*visit)(void *ctx, const char *role, const char *name), void *ctx);

#endif
