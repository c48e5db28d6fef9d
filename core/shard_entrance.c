/*
 * shard_entrance.c: what a shard takes at all, of what a device or another shard says to it.
 *
 * A message that makes no sense, or that its sender has no business to say, is dropped here, before anything is read or
 * written for it. Who the sender is, the caller knows from the connection, never from the message. What is sound may
 * still be refused by the rules of the conversation; then it is answered, and audited.
 */
#include "core/shard_internal.h"
#include "core/wire_codec.h"

static bool is_operation(const struct wire *w)
{
    return w->op > 0 && w->operation > OPERATION_NONE && w->operation < OPERATION_COUNT &&
           (w->conv != 0 || hold_is_of_user(w) || w->operation == OPERATION_ERASE) && w->body.len <= TEXT_BYTES_MAX &&
           w->role < ROLE_COUNT && w->conv_kind < CONV_KIND_COUNT;
}

bool entrance_operation(const struct wire *w)
{
    return is_operation(w);
}

static bool is_item(uint8_t entry)
{
    return entry == ENTRY_ITEM_CONV || entry == ENTRY_ITEM_MESSAGE || entry == ENTRY_ITEM_NONE ||
           entry == ENTRY_ITEM_QUOTE || entry == ENTRY_ITEM_READ || entry == ENTRY_ITEM_INVITE ||
           entry == ENTRY_ITEM_ATTACH;
}

bool entrance_entry(const struct shard *s, shard_id source, const struct wire *w)
{
    bool user_here = w->user && shard_of_user(w->user, s->count) == s->id;
    bool user_there = w->user && shard_of_user(w->user, s->count) == source;
    bool conv_here = w->conv && shard_of_conv(s->policy, w->conv, s->count) == s->id;
    bool subject_here = hold_is_of_user(w) && shard_of_user(w->subject, s->count) == s->id;
    bool subject_there = hold_is_of_user(w) && shard_of_user(w->subject, s->count) == source;
    bool conv_there = w->conv && shard_of_conv(s->policy, w->conv, s->count) == source;
    if (w->body.len > TEXT_BYTES_MAX)
        return false;
    switch (w->kind) {
        case WIRE_FORWARD:
            if (w->operation == OPERATION_ERASE) /* it never leaves the user's shard */
                return user_here && source == s->id && w->device && is_operation(w);
            return user_there && (conv_here || subject_here) && w->device && is_operation(w);
        case WIRE_RESULT:
            return user_here && w->device && w->op && w->outcome > OUTCOME_NONE && w->outcome < OUTCOME_COUNT &&
                   w->why < WHY_COUNT;
        case WIRE_FANOUT:
            return user_here && conv_there && wire_entry_is_sound(w);
        case WIRE_SNAPSHOT_Q:
            return user_there && conv_here && w->device;
        case WIRE_SNAPSHOT:
            return user_here && conv_there && w->device && is_item(w->entry) && w->page > 0 && w->page <= w->pages;
        case WIRE_ORDER:
            return user_there && w->device && w->op;
        case WIRE_ORDER_DONE:
            return user_here;
        case WIRE_REBASE:
            return w->flags >= REBASE_BEGIN && w->flags <= REBASE_END &&
                   (w->flags != REBASE_ITEM || (user_here && conv_there && w->version && w->early < HOLDS_INVITED));
        case WIRE_HOLD:
            return subject_there && w->actor && w->version;
        case WIRE_RETIREMENT:
            return user_there && w->device;
        default:
            return true; /* shard_entry knows what an entry of a channel is */
    }
}
