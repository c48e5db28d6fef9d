/*
 * protocol.c: what the previous version of the protocol did not have: edits, deletions for oneself, cleared histories,
 * and whatever came after them.
 */
#include "core/protocol.h"

bool protocol_has_entry(uint8_t protocol, uint8_t entry)
{
    if (protocol == PROTOCOL_CURRENT)
        return entry < ENTRY_COUNT;
    return entry < ENTRY_EDIT;
}

bool protocol_has_operation(uint8_t protocol, uint8_t operation)
{
    if (protocol == PROTOCOL_CURRENT)
        return operation < OPERATION_COUNT;
    return operation < OPERATION_EDIT || operation == OPERATION_CANCEL;
}

bool protocol_translate(uint8_t protocol, struct wire *entry)
{
    if (protocol_has_entry(protocol, entry->entry))
        return true;
    switch (entry->entry) {
        case ENTRY_EDIT: /* the larger version of a message wins (D4), whatever it came as */
            entry->entry = ENTRY_SEND;
            return true;
        case ENTRY_HIDE: /* gone for this user: on this device a deletion like any other */
            entry->entry = ENTRY_DELETE;
            return true;
        case ENTRY_CLEAR: /* it takes away what only a snapshot can leave out */
            return false;
        case ENTRY_QUOTE: /* with nothing to show: what its own reply quotes is to go, and an old device shows that */
            if (entry->body.len == 0)
                return false;
            entry->entry = ENTRY_VOID;
            entry->body = (struct text){0};
            return true;
        default:
            entry->entry = ENTRY_VOID;
            entry->body = (struct text){0};
            return true;
    }
}
