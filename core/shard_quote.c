/*
 * shard_quote.c: what replies quote: the beginning of the parent's text, as a copy of its own.
 *
 * Method: a row of QUOTE for each reply, found by the parent too, and an entry of its own behind the reply's, for
 * devices that never had the parent. A quote follows its parent: an edit writes it anew, a deletion hides it (devices
 * blank it, snapshots leave it out), an undo brings it back, and the purge destroys it, because it is sealed with the
 * parent's key and its entry in every log names the parent. With the policy "quotes": "keep" it is the reply's: sealed
 * with the reply's key, and gone when the reply goes, or when its author's account is erased (shard_erase.c): an
 * entry of it without a text tells devices, and takes the text out of the logs. Limit: QUOTE_BYTES of the text.
 */
#include "core/shard_internal.h"

static struct wire place_of(const struct shard *s, const struct row *quote)
{
    bool kept = decide_quote_kept(s->policy);
    struct wire w = {.entry = ENTRY_QUOTE, .conv = quote->c[QUOTE_conv], .version = quote->c[QUOTE_version]};
    w.flags = kept ? QUOTE_KEPT : 0;
    w.target = kept ? quote->c[QUOTE_reply] : quote->c[QUOTE_parent];
    w.reply = kept ? quote->c[QUOTE_parent] : quote->c[QUOTE_reply];
    return w;
}

msg_id quote_parent(const struct wire *w)
{
    return w->entry == ENTRY_QUOTE && (w->flags & QUOTE_KEPT) ? w->reply : w->target;
}

int quote_may(struct shard *s, const struct wire *op, struct row *parent, enum why *why)
{
    *parent = (struct row){.c = {[MESSAGE_conv] = op->conv, [MESSAGE_id] = op->reply}};
    int status = shard_get(s, TABLE_MESSAGE, parent);
    if (status == 0) {
        *why = parent->c[MESSAGE_state] == MESSAGE_LIVE ? WHY_NONE : WHY_TARGET_DELETED;
        return 0;
    }
    if (status != E_NOTFOUND)
        return status;
    struct row early;
    uint64_t key[1] = {op->reply};
    status = shard_first(s, TABLE_EARLY, INDEX_PRIMARY, 1, 1, key, false, &early);
    *why = status == 0 ? WHY_TARGET_DELETED : WHY_UNKNOWN_TARGET;
    return status == E_NOTFOUND ? 0 : status;
}

static int put_text(struct shard *s, struct row *quote, const struct text *body)
{
    struct wire w = place_of(s, quote);
    w.body = text_beginning(body, QUOTE_BYTES);
    CHECK(vault_seal(s, &w, &quote->body));
    return shard_put(s, TABLE_QUOTE, quote);
}

int quote_make(struct shard *s, const struct row *reply, const struct row *parent)
{
    struct row quote = {.c = {[QUOTE_conv] = reply->c[MESSAGE_conv],
                              [QUOTE_reply] = reply->c[MESSAGE_id],
                              [QUOTE_parent] = parent->c[MESSAGE_id],
                              [QUOTE_version] = parent->c[MESSAGE_version],
                              [QUOTE_sent] = parent->c[MESSAGE_sent],
                              [QUOTE_author] = parent->c[MESSAGE_author]}};
    struct text body;
    bool gone;
    CHECK(vault_open_message(s, parent, &body, &gone));
    return put_text(s, &quote, &body);
}

/* What the reply quotes as things are now; no body when nothing of it is to be seen. */
static int read_quote(struct shard *s, const struct row *reply, struct wire *w)
{
    struct row quote = {.c = {[QUOTE_conv] = reply->c[MESSAGE_conv], [QUOTE_reply] = reply->c[MESSAGE_id]}};
    struct row parent = {.c = {[MESSAGE_conv] = reply->c[MESSAGE_conv], [MESSAGE_id] = reply->c[MESSAGE_reply]}};
    *w = (struct wire){0};
    int status = shard_get(s, TABLE_QUOTE, &quote);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    status = shard_get(s, TABLE_MESSAGE, &parent);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    bool live = status == 0 && parent.c[MESSAGE_state] == MESSAGE_LIVE, gone;
    if (!live && !decide_quote_kept(s->policy))
        return 0;
    *w = place_of(s, &quote);
    CHECK(vault_open(s, w, &quote.body, &gone));
    w->sent = quote.c[QUOTE_sent];
    if (live) {
        w->version = parent.c[MESSAGE_version];
        w->actor = (user_id)parent.c[MESSAGE_author];
    }
    return 0;
}

int quote_tell(struct shard *s, const struct row *conv, const struct row *reply)
{
    struct wire w;
    if (!reply->c[MESSAGE_reply] || reply->c[MESSAGE_state] != MESSAGE_LIVE)
        return 0;
    CHECK(read_quote(s, reply, &w));
    if (!w.body.len)
        return 0;
    w.kind = WIRE_FANOUT;
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.at_us = s->now_us;
    return fanout_commit(s, &w, 0);
}

int quote_item(struct shard *s, const struct row *reply, user_id user, version cleared, version since,
               struct wire *item)
{
    struct wire w;
    *item = (struct wire){0};
    CHECK(read_quote(s, reply, &w));
    bool hides = w.sent && (w.sent <= cleared || !decide_reads(s->policy, w.sent, reply->c[MESSAGE_version], since));
    if (w.body.len && !hides)
        CHECK(conv_hides(s, w.conv, user, reply->c[MESSAGE_reply], &hides));
    if (!w.body.len || hides)
        return 0;
    *item = w;
    item->kind = WIRE_SNAPSHOT;
    item->entry = ENTRY_ITEM_QUOTE;
    return 0;
}

/* ---- when the parent changes ---- */

#define QUOTE_CHUNK 64
struct quotes {
    struct row rows[QUOTE_CHUNK];
    size_t count;
};

static int collect(void *ctx, const struct row *row)
{
    struct quotes *q = ctx;
    q->rows[q->count++] = *row;
    return q->count == QUOTE_CHUNK;
}

/* Write all quotes of it anew (body, version), or blank them (NULL). */
static int rewrite(struct shard *s, conv_id conv, msg_id parent, const struct text *body, version v)
{
    struct store_range range = {.table = TABLE_QUOTE, .index = INDEX_QUOTE_BY_PARENT, .fixed = 2, .given = 3};
    struct quotes q;
    range.key[0] = parent;
    range.key[1] = conv;
    do {
        q.count = 0;
        CHECK(s->store->ops->scan(s->store, &range, collect, &q));
        for (size_t i = 0; i < q.count; i++) {
            if (body)
                q.rows[i].c[QUOTE_version] = v;
            memset(&q.rows[i].body, 0, sizeof q.rows[i].body);
            CHECK(body ? put_text(s, &q.rows[i], body) : shard_put(s, TABLE_QUOTE, &q.rows[i]));
        }
        if (q.count)
            range.key[2] = q.rows[q.count - 1].c[QUOTE_reply] + 1;
    } while (q.count == QUOTE_CHUNK);
    return 0;
}

int quote_rewrite(struct shard *s, const struct row *parent, const struct text *body)
{
    return rewrite(s, parent->c[MESSAGE_conv], parent->c[MESSAGE_id], body, parent->c[MESSAGE_version]);
}

/* Is the text of a message that is gone still in a quote, by policy? */
static int is_quoted(struct shard *s, conv_id conv, msg_id parent, bool *quoted)
{
    struct row row;
    uint64_t key[2] = {parent, conv};
    *quoted = false;
    if (!decide_quote_kept(s->policy))
        return 0;
    int status = shard_first(s, TABLE_QUOTE, INDEX_QUOTE_BY_PARENT, 2, 2, key, false, &row);
    *quoted = status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

/* Who deleted a message for themselves must not be told what it was by a quote: HIDDEN stays as long as there is one.
 */
static int drop_hidden(struct shard *s, conv_id conv, msg_id message)
{
    bool quoted;
    CHECK(is_quoted(s, conv, message, &quoted));
    return quoted ? 0 : conv_drop_hidden(s, conv, message);
}

/* A reply quotes it no more. */
static int let_go(struct shard *s, conv_id conv, msg_id parent)
{
    struct row row = {.c = {[MESSAGE_conv] = conv, [MESSAGE_id] = parent}};
    int status = shard_get(s, TABLE_MESSAGE, &row);
    if (status == 0)
        return row.c[MESSAGE_state] < MESSAGE_PURGED ? 0 : drop_hidden(s, conv, parent);
    return status == E_NOTFOUND ? drop_hidden(s, conv, parent) : status;
}

int quote_purge(struct shard *s, conv_id conv, msg_id message)
{
    struct row own = {.c = {[QUOTE_conv] = conv, [QUOTE_reply] = message}};
    int status = shard_get(s, TABLE_QUOTE, &own);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    CHECK(drop_hidden(s, conv, message));
    if (!decide_quote_kept(s->policy))
        CHECK(rewrite(s, conv, message, NULL, 0));
    if (status == E_NOTFOUND)
        return 0;
    CHECK(shard_del(s, TABLE_QUOTE, &own));
    return let_go(s, conv, own.c[QUOTE_parent]);
}

/* ---- when its author is erased ---- */

bool quote_is_taken(const struct wire *w)
{
    return w->entry == ENTRY_QUOTE && (w->flags & QUOTE_KEPT) && w->body.len == 0;
}

/* Under a version of its own, or a snapshot of before could not be told from one of after (R3). */
int quote_erase(struct shard *s, struct row *conv, const struct row *quote)
{
    CHECK(former_keep_quote(s, quote));
    CHECK(shard_del(s, TABLE_QUOTE, quote));
    CHECK(let_go(s, conv->c[CONV_id], quote->c[QUOTE_parent]));
    shard_wipe(s);
    struct wire w = place_of(s, quote);
    w.kind = WIRE_FANOUT;
    w.version = conv_next_version(s, conv);
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.sent = quote->c[QUOTE_sent];
    w.at_us = s->now_us;
    CHECK(shard_put(s, TABLE_CONV, conv));
    return fanout_commit(s, &w, 0);
}
