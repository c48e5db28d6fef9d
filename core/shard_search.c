/*
 * shard_search.c: the search index: a reader of users' logs that holds keyed hashes of the words that each user can
 * read. It must never hold a word in clear, nor find what its user's log has taken away for longer than the lag.
 *
 * Method: one READER row a user. An entry of the log arms its timer, unless it is armed; when the policy's lag is over,
 * a step reads a chunk of the log from the cursor, changes the index and stores the cursor, in one transaction: a crash
 * between two steps loses nothing and repeats nothing, and the cursor acknowledges as well (L5: the log is kept until
 * the reader has read it; F1: not for longer than the maximum offline span). A cursor out of range is a reset: what
 * the index has of this user is dropped, and it reads from the horizon. A hash is BLAKE2b of the word in lower case
 * under a key of this shard that lies in the vault, so the table alone tells nobody a word, and a backup has no key.
 * What the user deleted for themselves leaves a mark, or an undo of somebody else's deletion would index it again.
 * A deleted conversation stays in the index while it can be undone; who asks is not told of it (HOLDS).
 *
 * After a restore, of this shard or of one that orders conversations of the user, the index begins again: empty, at the
 * head. Every device of the user resets then, and what the first of these resets brings is indexed as well.
 *
 * Limits: after any other reset, what lies below the horizon is not found until it is sent or edited again. One step
 * removes TOKEN_CHUNK rows of a conversation; a longer one takes several steps, and the cursor waits.
 */
#include "core/shard_internal.h"

#include <sodium.h>

#define READ_CHUNK 16   /* entries that one step reads */
#define TOKEN_CHUNK 256 /* rows that one step removes */
#define SEARCH_FOUND_MAX 20
#define WORD_BYTES_MAX TEXT_BYTES_MAX

struct reading {
    struct row reader, user;
    bool more; /* the step's share of rows is used up: this entry is not done yet */
};

/* ---- hashes ---- */

static int search_key(struct shard *s, unsigned char key[32])
{
    for (uint64_t i = 0; i < 4; i++) {
        struct row row = {.c = {[VAULT_META_key] = VAULT_SEARCH_KEY + i}};
        int status = vault_get(s, TABLE_VAULT_META, &row);
        if (status == E_NOTFOUND) { /* the first word ever: the key is made of this step's random input */
            unsigned char label[8] = {'s', 'e', 'a', 'r', 'c', 'h', 0, (unsigned char)i}, hash[16];
            crypto_generichash(hash, sizeof hash, label, sizeof label, s->random, 32);
            for (size_t b = 0; b < 8; b++)
                row.c[VAULT_META_value] |= (uint64_t)hash[b] << (8 * b);
            status = vault_put(s, TABLE_VAULT_META, &row);
        }
        CHECK(status);
        for (size_t b = 0; b < 8; b++)
            key[8 * i + b] = (unsigned char)(row.c[VAULT_META_value] >> (8 * b));
    }
    return 0;
}

/* Never 0, which is a mark. */
static uint64_t hash_of(const unsigned char key[32], const char *word, size_t len)
{
    unsigned char hash[16];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)word, len, key, 32);
    uint64_t h = 0;
    for (size_t b = 0; b < 8; b++)
        h |= (uint64_t)hash[b] << (8 * b);
    return h ? h : 1;
}

/* The next word of the text, in lower case: letters, digits, and whatever is not ASCII. 0: none is left. */
static size_t next_word(const struct text *text, size_t *at, char word[WORD_BYTES_MAX])
{
    size_t len = 0;
    for (; *at < text->len; (*at)++) {
        unsigned char c = (unsigned char)text->bytes[*at];
        bool upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
            word[len++] = (char)(upper ? c + ('a' - 'A') : c);
        else if (len)
            break;
    }
    return len;
}

/* ---- the index ---- */

struct doomed {
    struct row rows[TOKEN_CHUNK];
    size_t count;
    uint64_t sent_up_to; /* only what was sent up to it */
    bool marks;          /* marks too */
};

static int collect(void *ctx, const struct row *row)
{
    struct doomed *d = ctx;
    if (row->c[TOKEN_sent] <= d->sent_up_to && (d->marks || row->c[TOKEN_hash]))
        d->rows[d->count++] = *row;
    return d->count == TOKEN_CHUNK;
}

/* Remove what the range has. *more: there may be more. */
static int forget(struct shard *s, const struct store_range *range, uint64_t sent_up_to, bool marks, bool *more)
{
    struct doomed d = {.sent_up_to = sent_up_to, .marks = marks};
    int status = s->store->ops->scan(s->store, range, collect, &d);
    CHECK(status);
    for (size_t i = 0; i < d.count; i++)
        CHECK(shard_del(s, TABLE_TOKEN, &d.rows[i]));
    if (d.count && marks) /* for good */
        shard_wipe(s);
    *more = d.count == TOKEN_CHUNK;
    return 0;
}

static int forget_message(struct shard *s, const struct row *log, bool marks, bool *more)
{
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_PRIMARY, .fixed = 3, .given = 3};
    range.key[0] = log->c[LOG_user];
    range.key[1] = log->c[LOG_conv];
    range.key[2] = log->c[LOG_target];
    return forget(s, &range, UINT64_MAX, marks, more);
}

static int forget_conv(struct shard *s, const struct row *log, uint64_t sent_up_to, bool marks, bool *more)
{
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_PRIMARY, .fixed = 2, .given = 2};
    range.key[0] = log->c[LOG_user];
    range.key[1] = log->c[LOG_conv];
    return forget(s, &range, sent_up_to, marks, more);
}

static int mark(struct shard *s, const struct row *log, msg_id message, version sent)
{
    struct row row = {.c = {[TOKEN_user] = log->c[LOG_user], [TOKEN_conv] = log->c[LOG_conv]}};
    row.c[TOKEN_message] = message;
    row.c[TOKEN_version] = log->c[LOG_version];
    row.c[TOKEN_sent] = sent;
    return shard_put(s, TABLE_TOKEN, &row);
}

/* Has this user deleted it for themselves? */
static int marked(struct shard *s, const struct row *log, bool *is)
{
    struct row row = {.c = {[TOKEN_user] = log->c[LOG_user], [TOKEN_conv] = log->c[LOG_conv]}};
    int status = shard_get(s, TABLE_TOKEN, &row);
    *is = status == 0 && log->c[LOG_sent] <= row.c[TOKEN_sent];
    if (status < 0 && status != E_NOTFOUND)
        return status;
    row.c[TOKEN_message] = log->c[LOG_target];
    status = shard_get(s, TABLE_TOKEN, &row);
    *is = *is || status == 0;
    return status == E_NOTFOUND ? 0 : status;
}

static int index_words(struct shard *s, const struct row *log, const struct text *text)
{
    unsigned char key[32];
    CHECK(search_key(s, key));
    char word[WORD_BYTES_MAX];
    size_t at = 0;
    for (size_t len = next_word(text, &at, word); len; len = next_word(text, &at, word)) {
        struct row row = {.c = {[TOKEN_user] = log->c[LOG_user], [TOKEN_conv] = log->c[LOG_conv]}};
        row.c[TOKEN_message] = log->c[LOG_target];
        row.c[TOKEN_hash] = hash_of(key, word, len);
        row.c[TOKEN_version] = log->c[LOG_version];
        row.c[TOKEN_sent] = log->c[LOG_sent];
        CHECK(shard_put(s, TABLE_TOKEN, &row));
    }
    return 0;
}

/* The words of this entry's text, in the place of those of any earlier one. */
static int index_text(struct shard *s, const struct row *log, bool *more)
{
    struct wire w = {.entry = (uint8_t)log->c[LOG_words], .conv = log->c[LOG_conv], .target = log->c[LOG_target]};
    bool gone, hidden;
    w.version = log->c[LOG_version];
    CHECK(forget_message(s, log, false, more));
    CHECK(marked(s, log, &hidden));
    if (hidden || log->body.len == 0)
        return 0;
    CHECK(vault_open(s, &w, &log->body, &gone));
    return index_words(s, log, &w.body);
}

/* ---- the reader ---- */

static int read_entry(struct shard *s, const struct row *log, bool *more)
{
    *more = false;
    switch ((uint8_t)log->c[LOG_words]) {
        case ENTRY_SEND:
        case ENTRY_EDIT:
        case ENTRY_UNDO:
            return index_text(s, log, more);
        case ENTRY_DELETE:
            return decide_index_forgets(s->policy) ? forget_message(s, log, false, more) : 0;
        case ENTRY_PURGE:
            return decide_index_forgets(s->policy) ? forget_message(s, log, true, more) : 0;
        case ENTRY_HIDE:
            CHECK(forget_message(s, log, false, more));
            return mark(s, log, log->c[LOG_target], log->c[LOG_sent]);
        case ENTRY_CLEAR:
            CHECK(forget_conv(s, log, log->c[LOG_sent], false, more));
            return *more ? 0 : mark(s, log, 0, log->c[LOG_sent]);
        case ENTRY_EVICT:
        case ENTRY_PURGE_CONV:
            return forget_conv(s, log, UINT64_MAX, true, more);
        default:
            return 0;
    }
}

static bool in_range(const struct reading *r)
{
    return r->reader.c[READER_epoch] == r->user.c[USER_epoch] &&
           r->reader.c[READER_cursor] >= r->user.c[USER_horizon] && r->reader.c[READER_cursor] <= r->user.c[USER_head];
}

static int read_chunk(struct shard *s, struct reading *r)
{
    for (int i = 0; i < READ_CHUNK && r->reader.c[READER_cursor] < r->user.c[USER_head]; i++) {
        struct row log = {.c = {[LOG_user] = r->user.c[USER_id], [LOG_position] = r->reader.c[READER_cursor] + 1}};
        CHECK(shard_get(s, TABLE_LOG, &log));
        CHECK(read_entry(s, &log, &r->more));
        if (r->more)
            return 0;
        r->reader.c[READER_cursor]++;
    }
    return 0;
}

/* A cursor out of range: everything goes, and it reads from the horizon. */
static int reset(struct shard *s, struct reading *r)
{
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_PRIMARY, .fixed = 1, .given = 1};
    range.key[0] = r->user.c[USER_id];
    CHECK(forget(s, &range, UINT64_MAX, true, &r->more));
    if (r->more)
        return 0;
    r->reader.c[READER_epoch] = r->user.c[USER_epoch];
    r->reader.c[READER_cursor] = r->user.c[USER_horizon];
    return 0;
}

int search_timer(struct shard *s, user_id user)
{
    struct reading r = {.reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = user}},
                        .user = {.c = {[USER_id] = user}}};
    int status = shard_get(s, TABLE_READER, &r.reader);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    CHECK(shard_get(s, TABLE_USER, &r.user));
    CHECK(in_range(&r) ? read_chunk(s, &r) : reset(s, &r));
    bool done = !r.more && in_range(&r) && r.reader.c[READER_cursor] == r.user.c[USER_head];
    r.reader.c[READER_at] = s->now_us;
    r.reader.c[READER_due] = done ? 0 : s->now_us;
    CHECK(shard_put(s, TABLE_READER, &r.reader));
    if (!done)
        CHECK(shard_timer(s, s->now_us, TIMER_READER, READER_SEARCH, user, 0));
    return user_truncate(s, user);
}

int search_heard(struct shard *s, user_id user)
{
    struct row reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = user}};
    if (!decide_indexes(s->policy))
        return 0;
    int status = shard_get(s, TABLE_READER, &reader);
    if (status == E_NOTFOUND || (status == 0 && reader.c[READER_due]))
        return 0;
    CHECK(status);
    reader.c[READER_at] = s->now_us;
    reader.c[READER_due] = s->now_us + s->policy->search_lag_us;
    CHECK(shard_put(s, TABLE_READER, &reader));
    return shard_timer(s, reader.c[READER_due], TIMER_READER, READER_SEARCH, user, 0);
}

int search_provision(struct shard *s, const struct row *user)
{
    struct row reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = user->c[USER_id]}};
    if (!decide_indexes(s->policy))
        return 0;
    reader.c[READER_epoch] = user->c[USER_epoch];
    reader.c[READER_at] = s->now_us;
    return shard_put(s, TABLE_READER, &reader);
}

int search_minimum(struct shard *s, const struct row *user, uint64_t *min)
{
    struct row reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = user->c[USER_id]}};
    if (!decide_indexes(s->policy))
        return 0;
    int status = shard_get(s, TABLE_READER, &reader);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    bool fenced = reader.c[READER_due] && s->now_us - reader.c[READER_at] > s->policy->fence_after_us;
    if (!fenced && reader.c[READER_epoch] == user->c[USER_epoch] && reader.c[READER_cursor] < *min)
        *min = reader.c[READER_cursor];
    return 0;
}

/* ---- searches ---- */

struct search {
    struct shard *s;
    struct row rows[SEARCH_FOUND_MAX];
    size_t count;
};

static int collect_found(void *ctx, const struct row *row)
{
    struct search *search = ctx;
    search->rows[search->count++] = *row;
    return search->count == SEARCH_FOUND_MAX;
}

/* A search looks only in conversations that the user has, and that are not deleted. */
static int is_open(struct shard *s, user_id user, conv_id conv, bool *open)
{
    struct row holds = {.c = {[HOLDS_user] = user, [HOLDS_conv] = conv}};
    int status = shard_get(s, TABLE_HOLDS, &holds);
    *open = status == 0 && holds.c[HOLDS_state] == 1;
    return status == E_NOTFOUND ? 0 : status;
}

int search_answer(struct shard *s, user_id user, device_id device, const struct session *session,
                  const struct text *text)
{
    char word[WORD_BYTES_MAX];
    size_t at = 0, len = next_word(text, &at, word);
    if (!decide_indexes(s->policy) || len == 0)
        return 0;
    unsigned char key[32];
    CHECK(search_key(s, key));
    struct search search = {.s = s};
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_TOKEN_BY_HASH, .fixed = 2, .given = 2};
    range.key[0] = user;
    range.key[1] = hash_of(key, word, len);
    CHECK(s->store->ops->scan(s->store, &range, collect_found, &search));
    for (size_t i = 0; i < search.count; i++) {
        bool open;
        CHECK(is_open(s, user, search.rows[i].c[TOKEN_conv], &open));
        if (!open)
            continue;
        struct wire *w = session_send(s, device, session, WIRE_FOUND);
        w->conv = search.rows[i].c[TOKEN_conv];
        w->target = search.rows[i].c[TOKEN_message];
        w->version = search.rows[i].c[TOKEN_version];
    }
    return 0;
}

/* ---- after a restore ---- */

int search_renew(struct shard *s, user_id user)
{
    struct row reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = user}}, of = {.c = {[USER_id] = user}};
    struct store_range range = {.table = TABLE_TOKEN, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {user}};
    int status = shard_get(s, TABLE_READER, &reader);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    CHECK(shard_get(s, TABLE_USER, &of));
    for (bool more = true; more;)
        CHECK(forget(s, &range, UINT64_MAX, true, &more));
    reader.c[READER_epoch] = of.c[USER_epoch];
    reader.c[READER_cursor] = of.c[USER_head]; /* what is read where it is ordered, from now on, is not older */
    reader.c[READER_begins] = 1;
    return shard_put(s, TABLE_READER, &reader);
}

int search_item(struct shard *s, const struct wire *item, bool last)
{
    struct row reader = {.c = {[READER_kind] = READER_SEARCH, [READER_user] = item->user}};
    int status = decide_indexes(s->policy) ? shard_get(s, TABLE_READER, &reader) : E_NOTFOUND;
    if (status < 0 || !reader.c[READER_begins])
        return status == E_NOTFOUND ? 0 : status;
    if (item->entry == ENTRY_ITEM_MESSAGE && !(item->flags & ITEM_DELETED) && item->body.len) {
        struct row log = {.c = {[LOG_user] = item->user, [LOG_conv] = item->conv, [LOG_target] = item->target}};
        bool more, hidden;
        log.c[LOG_version] = item->version;
        log.c[LOG_sent] = item->sent;
        CHECK(forget_message(s, &log, false, &more));
        CHECK(marked(s, &log, &hidden));
        if (!hidden)
            CHECK(index_words(s, &log, &item->body));
    }
    if (!last)
        return 0;
    reader.c[READER_begins] = 0;
    return shard_put(s, TABLE_READER, &reader);
}
