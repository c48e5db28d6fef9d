/*
 * policy_reference.c: where each choice of policy.def comes from: the rules that it parametrises, the products that
 * chose otherwise, the bugs of those that chose wrongly. Text only; nothing decides by it.
 */
#include "core/policy.h"

#include <string.h>

static const struct {
    const char *name, *reference;
} references[] = {
    {"undo-window", "PROTOCOL U1, U2; CATALOGUE 1a (undo or soft window), B71"},
    {"fence-after", "PROTOCOL F1; Realm client reset after 30 days (CATALOGUE 1c), B30"},
    {"beat", "PROTOCOL L8; B27"},
    {"retry", "PROTOCOL X1; B21"},
    {"page", "PROTOCOL R5; Nextcloud Talk pages of 100 (CATALOGUE 4), B25"},
    {"fanout-chunk", "CATALOGUE 78; matrix-org/synapse#6773 (B22), class C16"},
    {"delete-message", "CATALOGUE 1a (permissions), B70, class C19"},
    {"delete-group", "CATALOGUE 1a (permissions, conversation delete for all)"},
    {"delete-channel", "CATALOGUE 1a (permissions, conversation delete for all)"},
    {"edit-message", "PROTOCOL D4; B11"},
    {"delivery", "PROTOCOL L6, L8; CATALOGUE 1a (push vs poll)"},
    {"poll", "Nextcloud Talk polls each 30 to 60 s (CATALOGUE 1a)"},
    {"long-poll", "Zulip event queues, Matrix /sync (CATALOGUE 1a)"},
    {"partition", "PROTOCOL X6; CATALOGUE 78"},
    {"data-keys", "PROTOCOL U4; CATALOGUE S16 (purge in backups), Hushmail (4)"},
    {"audit", "CATALOGUE S17"},
    {"copies", "CATALOGUE S9, S10, class C12"},
    {"job-chunk", "CATALOGUE 62; matrix-org/synapse PR#15488"},
    {"quotes", "Signal-Android#13046 (a quote is a copy), B59; mattermost#10119 (a root takes its replies), S26"},
    {"remove-member", "CATALOGUE 1a (permissions), class C19"},
    {"add-to-group", "CATALOGUE 1a (permissions), class C19"},
    {"add-to-channel", "CATALOGUE 1a (permissions), class C19"},
    {"set-role", "CATALOGUE 1a (permissions), 73"},
    {"earlier", "PROTOCOL M1, R6; synapse erasure hides from later joiners (CATALOGUE 1a)"},
    {"wipe-within", "CATALOGUE S16; SQLite wal_checkpoint(TRUNCATE)"},
    {"search", "B57, class C12"},
    {"search-lag", "CATALOGUE 54, B57"},
    {"notify", "B64, B65"},
    {"erasure-deadline", "CATALOGUE S16, L6; GDPR article 12(3): one month"},
    {"join-channel", "CATALOGUE 1a (permissions)"},
    {"channel-news", "CATALOGUE 78"},
    {"fanout-pace", "CATALOGUE 53, 78"},
    {"early-entries", "PROTOCOL C1"},
    {"backup-keep", "CATALOGUE S18; PROTOCOL C4, B2"},
    {"device-identity", "PROTOCOL X4; submersion#309 (B49)"},
    {"invite", "CATALOGUE 1a (permissions); element-hq/element-meta#420"},
    {"invite-expiry", "matrix-org/synapse#4836"},
    {"idle-timeout", "XMPP smacks resume 300 s; Zulip event queues idle out after 600 s (CATALOGUE 4)"},
    {"channel-resend", "RFC 896, RFC 5681 (congestion collapse)"},
    {"orphan-after", "Briar removes orphaned attachments after 28 d (CATALOGUE 4)"},
    {"typing", "CATALOGUE 27"},
};

const char *policy_reference(const char *name)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++)
        if (strcmp(references[i].name, name) == 0)
            return references[i].reference;
    return "";
}
