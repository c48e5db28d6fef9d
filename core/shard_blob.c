/*
 * shard_blob.c: attachments: what was uploaded, the message that refers to it, and who is served its bytes.
 *
 * Method: the bytes lie in a store of their own, in parts of BLOB_PART_BYTES, sealed with a key of their own; main has
 * a row of UPLOAD for each, which names the message that refers to them. An upload that no message refers to is an
 * orphan, and collected by a timer; that timer and the send are steps of one shard, so one of them comes first. The
 * bytes go with their message's purge, at whose second commit the purge is past its undo (U4): they and their key are
 * destroyed in stores that commit before main, so a crash in between is done again. Bytes that main knows nothing of
 * are swept: those of an upload whose step did not happen when the shard starts, for no backup has it; those that a
 * restore lost (of another incarnation, which the version tells) only when no backup that has their upload is restored
 * any more, for the backup may have been the wrong one, and the right one comes next (S18).
 * An orphan of before a restore whose time is over keeps its row and its bytes likewise, as one that no message can
 * refer to (UPLOAD_OVER): an erasure and the purge of its conversation find it by its row. One whose time ends when
 * that sweep is over (META_SWEPT) goes at once: nothing would come for it any more.
 *
 * A fetch is asked of the user's shard and decided where the conversation is ordered, part by part, on the state at
 * that moment. Neither the question nor the answer is stored anywhere on its way, so there is nothing that a purge
 * could miss; whoever gets no answer asks again. Limit: one message an upload, in all pasts together.
 */
#include "core/shard_internal.h"

#define SWEEP_CHUNK 64           /* parts that one step of a sweep looks at */
#define UPLOAD_OVER ((msg_id)-1) /* as its message: an orphan of before a restore whose time is over */

static int blobs_begin(struct shard *s)
{
    if (s->blobs_open)
        return 0;
    s->blobs_open = true;
    return s->blobs->ops->begin(s->blobs);
}

static int get_upload(struct shard *s, msg_id id, struct row *upload)
{
    *upload = (struct row){.c = {[UPLOAD_id] = id}};
    return shard_get(s, TABLE_UPLOAD, upload);
}

/* What a part is sealed as. */
static struct wire part_of(const struct row *blob)
{
    return (struct wire){.entry = ENTRY_ATTACH,
                         .conv = blob->c[BLOB_conv],
                         .target = blob->c[BLOB_id],
                         .version = blob->c[BLOB_version],
                         .page = (uint32_t)blob->c[BLOB_part]};
}

static int put_parts(struct shard *s, const struct row *upload, const struct text *body)
{
    CHECK(blobs_begin(s));
    for (uint64_t part = 1; part <= upload->c[UPLOAD_parts]; part++) {
        struct row blob = {.c = {[BLOB_id] = upload->c[UPLOAD_id],
                                 [BLOB_part] = part,
                                 [BLOB_conv] = upload->c[UPLOAD_conv],
                                 [BLOB_version] = upload->c[UPLOAD_version]}};
        struct wire w = part_of(&blob);
        size_t from = (part - 1) * BLOB_PART_BYTES, left = body->len - from;
        w.body.len = (uint8_t)(left < BLOB_PART_BYTES ? left : BLOB_PART_BYTES);
        memcpy(w.body.bytes, body->bytes + from, w.body.len);
        CHECK(vault_seal(s, &w, &blob.body));
        CHECK(s->blobs->ops->put(s->blobs, TABLE_BLOB, &blob));
    }
    return 0;
}

int blob_upload(struct shard *s, const struct wire *op, struct row *conv, struct result *result)
{
    if (op->body.len == 0 || op->body.len > TEXT_BYTES_MAX)
        return conv_refuse(result, WHY_MALFORMED);
    result->version = conv_next_version(s, conv);
    CHECK(shard_put(s, TABLE_CONV, conv));
    struct row upload = {.c = {[UPLOAD_id] = MAKE_ID(op->device, op->op),
                               [UPLOAD_conv] = op->conv,
                               [UPLOAD_author] = op->user,
                               [UPLOAD_version] = result->version,
                               [UPLOAD_parts] = (op->body.len + BLOB_PART_BYTES - 1U) / BLOB_PART_BYTES}};
    uint64_t due = s->now_us + s->policy->orphan_after_us;
    conv_note_commit(s, op, result->version, due);
    CHECK(put_parts(s, &upload, &op->body));
    CHECK(shard_timer(s, due, TIMER_ORPHAN, op->conv, upload.c[UPLOAD_id], result->version));
    return shard_put(s, TABLE_UPLOAD, &upload);
}

/* Are its bytes there, and their key? Not after a restore of main from before they went. */
static int is_whole(struct shard *s, const struct row *upload, bool *whole)
{
    struct row key = {.c = {[KEY_id] = upload->c[UPLOAD_id]}};
    *whole = true;
    for (uint64_t part = 1; *whole && part <= upload->c[UPLOAD_parts]; part++) {
        struct row blob = {.c = {[BLOB_id] = upload->c[UPLOAD_id], [BLOB_part] = part}};
        CHECK(blobs_begin(s));
        int status = s->blobs->ops->get(s->blobs, TABLE_BLOB, &blob);
        if (status == 0 && blob.body.form == 1)
            status = vault_get(s, TABLE_KEY, &key);
        *whole = status == 0;
        if (status < 0 && status != E_NOTFOUND)
            return status;
    }
    return 0;
}

/*
 * Which message it was sent with is written beside its bytes too, where no restore changes it: what was attached once,
 * in any past, is attached to nothing else. The purge of the other would take what a younger backup still refers to.
 */
static int claim(struct shard *s, msg_id upload, msg_id message, bool *is)
{
    struct row blob = {.c = {[BLOB_id] = upload, [BLOB_part] = 1}};
    CHECK(s->blobs->ops->get(s->blobs, TABLE_BLOB, &blob));
    *is = !blob.c[BLOB_message] || blob.c[BLOB_message] == message;
    if (!*is || blob.c[BLOB_message])
        return 0;
    blob.c[BLOB_message] = message;
    return s->blobs->ops->put(s->blobs, TABLE_BLOB, &blob);
}

int blob_bind(struct shard *s, const struct wire *op, enum why *why)
{
    struct row upload;
    int status = get_upload(s, op->blob, &upload);
    *why = WHY_UNKNOWN_ATTACHMENT;
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    bool whole = upload.c[UPLOAD_conv] == op->conv && upload.c[UPLOAD_author] == op->user && !upload.c[UPLOAD_message];
    if (whole)
        CHECK(is_whole(s, &upload, &whole));
    if (whole)
        CHECK(claim(s, upload.c[UPLOAD_id], op->target, &whole));
    if (!whole)
        return 0;
    *why = WHY_NONE;
    upload.c[UPLOAD_message] = op->target;
    return shard_put(s, TABLE_UPLOAD, &upload);
}

int blob_tell(struct shard *s, const struct row *conv, const struct row *message)
{
    if (!message->c[MESSAGE_blob] || message->c[MESSAGE_state] != MESSAGE_LIVE)
        return 0;
    struct wire w = {.kind = WIRE_FANOUT, .entry = ENTRY_ATTACH, .conv = conv->c[CONV_id]};
    w.target = message->c[MESSAGE_id];
    w.reply = message->c[MESSAGE_blob];
    w.version = conv->c[CONV_version];
    w.conv_kind = (uint8_t)conv->c[CONV_kind];
    w.actor = (user_id)message->c[MESSAGE_author];
    w.at_us = s->now_us;
    w.sent = message->c[MESSAGE_sent];
    return fanout_commit(s, &w, 0);
}

/* ---- the end of bytes ---- */

static int destroy(struct shard *s, msg_id id)
{
    struct store_range range = {.table = TABLE_BLOB, .index = INDEX_PRIMARY, .fixed = 1, .given = 1, .key = {id}};
    struct row blob;
    CHECK(vault_destroy(s, id));
    CHECK(blobs_begin(s));
    s->blobs_clean = false;
    shard_wipe(s);
    for (;;) {
        int status = store_first(s->blobs, &range, &blob);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(s->blobs->ops->del(s->blobs, TABLE_BLOB, &blob));
    }
}

static int forget(struct shard *s, msg_id id)
{
    struct row upload = {.c = {[UPLOAD_id] = id}};
    CHECK(destroy(s, id));
    return shard_del(s, TABLE_UPLOAD, &upload);
}

int blob_purge(struct shard *s, const struct row *message)
{
    if (!message->c[MESSAGE_blob] || !decide_purge_takes_blob(s->policy))
        return 0;
    return forget(s, message->c[MESSAGE_blob]);
}

int blob_purge_conv(struct shard *s, conv_id conv, bool *more)
{
    for (int i = 0; i < PURGE_CHUNK; i++) {
        struct row upload;
        uint64_t key[1] = {conv};
        int status = shard_first(s, TABLE_UPLOAD, INDEX_UPLOAD_BY_CONV, 1, 1, key, false, &upload);
        *more = status == 0;
        if (status == E_NOTFOUND || !decide_purge_takes_blob(s->policy)) {
            *more = false;
            return 0;
        }
        CHECK(status);
        CHECK(forget(s, upload.c[UPLOAD_id]));
    }
    return 0;
}

int blob_erase(struct shard *s, user_id user, bool *more)
{
    for (uint64_t i = 0; i < s->policy->job_chunk; i++) {
        struct row upload;
        uint64_t key[2] = {user, 0};
        int status = shard_first(s, TABLE_UPLOAD, INDEX_UPLOAD_BY_AUTHOR, 2, 2, key, false, &upload);
        key[1] = UPLOAD_OVER;
        if (status == E_NOTFOUND)
            status = shard_first(s, TABLE_UPLOAD, INDEX_UPLOAD_BY_AUTHOR, 2, 2, key, false, &upload);
        *more = status == 0;
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        CHECK(forget(s, upload.c[UPLOAD_id]));
    }
    return 0;
}

int blob_orphan_timer(struct shard *s, const struct row *timer)
{
    struct row upload;
    int status = get_upload(s, timer->c[TIMER_b], &upload);
    if (status == E_NOTFOUND || (status == 0 && upload.c[UPLOAD_message]))
        return 0;
    CHECK(status);
    if (!decide_orphans_collected(s->policy))
        return 0;
    bool older = VERSION_INCARNATION(upload.c[UPLOAD_version]) != s->incarnation;
    uint64_t swept;
    CHECK(shard_meta(s, META_SWEPT, &swept));
    if (!older || swept == s->incarnation)
        return forget(s, timer->c[TIMER_b]);
    upload.c[UPLOAD_message] = UPLOAD_OVER;
    return shard_put(s, TABLE_UPLOAD, &upload);
}

/* ---- bytes that main does not know ---- */

struct sweep {
    msg_id ids[SWEEP_CHUNK]; /* one for each part */
    bool lost[SWEEP_CHUNK];  /* if unknown: by a restore */
    size_t count;
    uint32_t incarnation;
};

static int collect(void *ctx, const struct row *blob)
{
    struct sweep *sweep = ctx;
    sweep->ids[sweep->count] = blob->c[BLOB_id];
    sweep->lost[sweep->count++] = VERSION_INCARNATION(blob->c[BLOB_version]) != sweep->incarnation;
    return sweep->count == SWEEP_CHUNK;
}

static int sweep_at(struct shard *s, uint64_t due_us, uint32_t restore)
{
    struct store_range all = {.table = TABLE_BLOB, .index = INDEX_PRIMARY};
    struct row blob;
    CHECK(blobs_begin(s));
    int status = store_first(s->blobs, &all, &blob);
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    return shard_timer(s, due_us, TIMER_SWEEP, blob.c[BLOB_id], 0, restore);
}

int blob_start(struct shard *s)
{
    return sweep_at(s, s->now_us, 0);
}

int blob_restored(struct shard *s)
{
    return sweep_at(s, s->now_us + s->policy->backup_keep_us + 1, s->incarnation);
}

/*
 * All from the id that the timer names on, a chunk a step. A timer that names a restore is for what that one lost, and
 * does nothing after another: that one may have lost what a backup of since has, and has set its own.
 */
int blob_sweep_timer(struct shard *s, const struct row *timer)
{
    struct store_range range = {
        .table = TABLE_BLOB, .index = INDEX_PRIMARY, .fixed = 0, .given = 1, .key = {timer->c[TIMER_a]}};
    struct sweep sweep = {.count = 0, .incarnation = s->incarnation};
    bool lost = timer->c[TIMER_version] != 0;
    if (lost && timer->c[TIMER_version] != s->incarnation)
        return 0;
    if (lost)
        CHECK(shard_set_meta(s, META_SWEPT, s->incarnation));
    CHECK(blobs_begin(s));
    CHECK(s->blobs->ops->scan(s->blobs, &range, collect, &sweep));
    for (size_t i = 0; i < sweep.count; i++) {
        struct row upload;
        if (sweep.lost[i] != lost || (i && sweep.ids[i] == sweep.ids[i - 1]))
            continue;
        int status = get_upload(s, sweep.ids[i], &upload);
        if (status < 0 && status != E_NOTFOUND)
            return status;
        if (status == E_NOTFOUND || upload.c[UPLOAD_message] == UPLOAD_OVER)
            CHECK(forget(s, sweep.ids[i]));
    }
    if (sweep.count < SWEEP_CHUNK)
        return 0;
    return shard_timer(s, s->now_us, TIMER_SWEEP, sweep.ids[sweep.count - 1] + 1, 0, timer->c[TIMER_version]);
}

/* ---- fetches ---- */

/* The same for whoever may not read it and for whoever names what is not there. */
static int find_message(struct shard *s, const struct wire *w, struct row *message, bool *found)
{
    *message = (struct row){.c = {[MESSAGE_conv] = w->conv, [MESSAGE_id] = w->target}};
    int status = shard_get(s, TABLE_MESSAGE, message);
    *found = status == 0 && w->blob && message->c[MESSAGE_blob] == w->blob;
    if (*found)
        CHECK(conv_may_read(s, w->user, message, found));
    return status == E_NOTFOUND ? 0 : status;
}

/* May this user have it, now? */
static int may_fetch(struct shard *s, const struct wire *w, enum why *why)
{
    struct row conv = {.c = {[CONV_id] = w->conv}}, message;
    uint8_t role;
    bool found;
    int status = shard_get(s, TABLE_CONV, &conv);
    *why = WHY_UNKNOWN_CONVERSATION;
    if (status == E_NOTFOUND)
        return 0;
    CHECK(status);
    CHECK(conv_role(s, w->conv, w->user, &role, NULL));
    *why = WHY_NOT_A_MEMBER;
    if (role == ROLE_NONE)
        return 0;
    CHECK(find_message(s, w, &message, &found));
    *why = WHY_UNKNOWN_TARGET;
    if (!found)
        return 0;
    *why = WHY_NONE;
    if (!decide_fetch_needs_live(s->policy))
        return 0;
    if (conv.c[CONV_state] != CONV_ACTIVE)
        *why = WHY_CONVERSATION_DELETED;
    else if (message.c[MESSAGE_state] != MESSAGE_LIVE)
        *why = WHY_TARGET_DELETED;
    return 0;
}

/* *why: it is not there, because it was purged, or never was. */
static int read_part(struct shard *s, const struct wire *w, struct wire *part, enum why *why)
{
    struct row upload, blob = {.c = {[BLOB_id] = w->blob, [BLOB_part] = w->page}};
    bool gone = false;
    int status = get_upload(s, w->blob, &upload);
    if (status == 0)
        status = blobs_begin(s);
    if (status == 0)
        status = s->blobs->ops->get(s->blobs, TABLE_BLOB, &blob);
    struct wire sealed = part_of(&blob);
    if (status == 0)
        status = vault_open(s, &sealed, &blob.body, &gone);
    if (status < 0 && status != E_NOTFOUND)
        return status;
    if (status == E_NOTFOUND || gone) {
        *why = WHY_UNKNOWN_TARGET;
        return 0;
    }
    part->body = sealed.body;
    part->pages = (uint32_t)upload.c[UPLOAD_parts];
    return 0;
}

static void answer(struct shard *s, shard_id source, const struct wire *part)
{
    struct session *session = source == s->id ? session_of(s, part->device) : NULL;
    struct wire *w = NULL;
    if (source != s->id)
        w = out_send(s->out, OUT_TO_SHARD, source);
    else if (session && session->number == part->session)
        w = out_send(s->out, OUT_TO_DEVICE, part->device);
    if (w)
        *w = *part;
}

int blob_question(struct shard *s, shard_id source, const struct wire *w)
{
    if (shard_of_conv(s->policy, w->conv, s->count) != s->id || shard_of_user(w->user, s->count) != source || !w->page)
        return 0;
    struct wire part = {.kind = WIRE_PART, .user = w->user, .device = w->device, .session = w->session};
    part.conv = w->conv;
    part.target = w->target;
    part.blob = w->blob;
    part.page = w->page;
    enum why why;
    CHECK(may_fetch(s, w, &why));
    if (why == WHY_NONE)
        CHECK(read_part(s, w, &part, &why));
    part.why = (uint8_t)why;
    struct note *note = shard_note(s, NOTE_FETCH);
    note->device = w->device;
    note->conv = w->conv;
    note->target = w->target;
    note->number = w->page;
    note->why = (uint8_t)why;
    answer(s, source, &part);
    return 0;
}

int blob_answered(struct shard *s, shard_id source, const struct wire *w)
{
    struct session *session = session_of(s, w->device);
    if (shard_of_conv(s->policy, w->conv, s->count) != source || !session || session->number != w->session)
        return 0;
    *out_send(s->out, OUT_TO_DEVICE, w->device) = *w;
    return 0;
}

int blob_ask(struct shard *s, user_id user, const struct session *session, const struct wire *w)
{
    struct wire question = {.kind = WIRE_FETCH, .user = user, .device = w->device, .session = session->number};
    question.conv = w->conv;
    question.target = w->target;
    question.blob = w->blob;
    question.page = w->page;
    if (!w->conv)
        return 0;
    shard_id home = shard_of_conv(s->policy, w->conv, s->count);
    if (home == s->id)
        return blob_question(s, s->id, &question);
    *out_send(s->out, OUT_TO_SHARD, home) = question;
    return 0;
}
