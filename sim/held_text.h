/*
 * held_text.h: reads a stored message, or a part of what is attached to one, as an auditor under a legal hold would:
 * from the rows and the key alone, with no code of the shard that wrote them.
 */
#ifndef SEXTON_SIM_HELD_TEXT_H
#define SEXTON_SIM_HELD_TEXT_H

#include "core/store.h"

/* A digest of the text of a row of MESSAGE, never 0; 0 when it cannot be read: no key, or not what was sealed. */
uint64_t held_text_digest(struct store *vault, const struct row *message);
/* Likewise of a row of FORMER. */
uint64_t held_text_former(struct store *vault, const struct row *former);
/* Likewise of a row of BLOB. */
uint64_t held_part_digest(struct store *vault, const struct row *blob);

#endif
