/*
 * shard_former.c: what messages said before an edit, and what kept quotes said of somebody who is erased, where a legal
 * hold keeps it. Nobody is ever shown it: it is in no log, snapshot, quote, index or export.
 *
 * Method: while a hold covers the conversation, an edit first lays what it replaces under that hold, as it is stored:
 * sealed with the message's key, under the version that wrote it. A release takes away what lies there, a chunk a
 * step, unless another hold covers it still: then that one has it from now on. The purge of the message takes it with
 * everything else of it; and as that waits for the hold, a message that is edited and then deleted is kept whole.
 */
#include "core/shard_internal.h"

static int keep(struct shard *s, struct row *former)
{
    struct row hold;
    bool covers;
    CHECK(hold_covering(s, former->c[FORMER_conv], &hold, &covers));
    if (!covers || !decide_hold_keeps_former(s->policy))
        return 0;
    former->c[FORMER_kind] = hold.c[LEGAL_HOLD_kind];
    former->c[FORMER_id] = hold.c[LEGAL_HOLD_id];
    return shard_put(s, TABLE_FORMER, former);
}

int former_keep(struct shard *s, const struct row *message)
{
    struct row former = {.c = {[FORMER_conv] = message->c[MESSAGE_conv], [FORMER_message] = message->c[MESSAGE_id]}};
    former.c[FORMER_version] = message->c[MESSAGE_edited] ? message->c[MESSAGE_edited] : message->c[MESSAGE_sent];
    former.body = message->body;
    return keep(s, &former);
}

int former_keep_quote(struct shard *s, const struct row *quote)
{
    struct row former = {.c = {[FORMER_conv] = quote->c[QUOTE_conv], [FORMER_message] = quote->c[QUOTE_reply]}};
    former.c[FORMER_version] = quote->c[QUOTE_version]; /* no text of the reply's own has that version */
    former.c[FORMER_quote] = 1;
    former.body = quote->body;
    return keep(s, &former);
}

int former_release(struct shard *s, uint64_t kind, uint64_t id, int limit, bool *more)
{
    uint64_t key[2] = {kind, id};
    *more = true;
    for (int i = 0; i < limit; i++) {
        struct row former, hold;
        int status = shard_first(s, TABLE_FORMER, INDEX_PRIMARY, 2, 2, key, false, &former);
        *more = status == 0;
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        bool covers;
        CHECK(hold_covering(s, former.c[FORMER_conv], &hold, &covers));
        CHECK(shard_del(s, TABLE_FORMER, &former));
        shard_wipe(s);
        former.c[FORMER_kind] = hold.c[LEGAL_HOLD_kind];
        former.c[FORMER_id] = hold.c[LEGAL_HOLD_id];
        if (covers)
            CHECK(shard_put(s, TABLE_FORMER, &former));
    }
    return 0;
}

int former_purge(struct shard *s, conv_id conv, msg_id message)
{
    for (;;) {
        struct row former;
        uint64_t key[2] = {conv, message};
        int status = shard_first(s, TABLE_FORMER, INDEX_FORMER_BY_MESSAGE, 2, 2, key, false, &former);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(shard_del(s, TABLE_FORMER, &former));
    }
}
