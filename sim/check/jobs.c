/*
 * jobs.c: jobs-finish, and the rights of a job's parts.
 *
 * A job is named by the operation that asked for it, and runs on one shard. Its parts are commits without an operation
 * of their own, which name the job and a reason. Each part must be within what was asked for (authority); what was
 * asked for and was there is gone, or went and came back by a later undo, when the job says that it has ended. A job
 * that has begun must end: in a history without an end nobody can know.
 */
#include "sim/check/state.h"

static struct job *job_find(struct check *c, uint64_t name, uint64_t shard)
{
    uint32_t at = pair_map_get(&c->job_of, (name << 32) | shard);
    return at ? &c->jobs[at] : NULL;
}

/* Was this message there when the job was asked for, and is it one of those that it is for? */
static bool covers(const struct check *c, const struct job *job, const struct message *m)
{
    return m->sent && m->send_version <= c->ops[job->op].version && (!job->subject || m->author == job->subject);
}

bool bulk_asked(const struct check *c, const struct message *m)
{
    for (uint32_t i = c->convs[m->conv].bulks; i; i = c->ops[i].next_of_target)
        if (!c->ops[i].refused && (!c->ops[i].subject || !m->author || c->ops[i].subject == m->author))
            return true;
    return false;
}

/* ---- the parts ---- */

static void part(struct check *c, const struct event *e)
{
    const struct job *job = job_find(c, record_get(e->r, FIELD_JOB), record_get(e->r, FIELD_SHARD));
    const struct message *m = &c->messages[e->message];
    const char *why = NULL;
    if (!job)
        why = "no such job runs there";
    else if (job->ended)
        why = "the job had ended";
    else if (m->conv != job->conv)
        why = "it is of another conversation";
    else if (!covers(c, job, m))
        why = "it is not among what the job was asked for";
    if (!why) {
        judge(c, INVARIANT_AUTHORITY);
        return;
    }
    struct verdict *v = violate(c, INVARIANT_AUTHORITY, "the job %s deleted %s without the right to: %s",
                                nm(c, record_get(e->r, FIELD_JOB)), nm(c, m->name), why);
    chain_kept(c, v, m->send_kept);
    chain_kept(c, v, job ? job->kept : 0);
    chain_now(c, v);
}

void jobs_before(struct check *c, const struct event *e)
{
    if (e->r->kind == KIND_COMMIT && word_of(c, record_get(e->r, FIELD_REASON)) == WORD_BULK && e->message)
        part(c, e);
}

/* ---- begin and end ---- */

static void begin(struct check *c, const struct event *e)
{
    uint64_t name = record_get(e->r, FIELD_JOB), shard = record_get(e->r, FIELD_SHARD);
    uint32_t *slot = pair_map_at(&c->job_of, (name << 32) | shard);
    if (*slot)
        return;
    *slot = GROW(c, jobs);
    c->jobs[*slot] = (struct job){.name = (uint32_t)name,
                                  .shard = shard,
                                  .conv = e->conv,
                                  .actor = e->actor,
                                  .subject = e->subject,
                                  .op = name_index_get(&c->op_of, name),
                                  .kept = state_keep(c, e->r)};
}

/* Gone: deleted, or deleted and undone since it was asked for. With its conversation: the job has nothing to do. */
static bool went(const struct check *c, const struct job *job, const struct message *m)
{
    const struct target *t = &m->target;
    return t->deleted || (t->last && c->changes[t->last].version > c->ops[job->op].version);
}

static void end(struct check *c, struct job *job)
{
    job->ended = true;
    if (c->ops[job->op].what == WORD_EXPORT) {
        judge(c, INVARIANT_JOBS_FINISH); /* what it handed out, the copies tell */
        return;
    }
    const struct target *conv = &c->convs[job->conv].target;
    for (uint32_t m = conv->purging ? 0 : c->convs[job->conv].first_message; m; m = c->messages[m].next_in_conv) {
        if (!covers(c, job, &c->messages[m]) || went(c, job, &c->messages[m]))
            continue;
        struct verdict *v = violate(c, INVARIANT_JOBS_FINISH, "the job %s has ended, and %s was never deleted",
                                    nm(c, job->name), nm(c, c->messages[m].name));
        chain_kept(c, v, c->messages[m].send_kept);
        chain_kept(c, v, job->kept);
        chain_now(c, v);
        return;
    }
    judge(c, INVARIANT_JOBS_FINISH);
}

void jobs_after(struct check *c, const struct event *e)
{
    if (e->r->kind != KIND_JOB)
        return;
    begin(c, e);
    struct job *job = job_find(c, record_get(e->r, FIELD_JOB), record_get(e->r, FIELD_SHARD));
    if (word_of(c, record_get(e->r, FIELD_STAGE)) == WORD_JOB_END && !job->ended)
        end(c, job);
}

void jobs_finish(struct check *c)
{
    for (uint32_t i = 1; i < c->jobs_count; i++) {
        const struct job *job = &c->jobs[i];
        if (job->ended || c->convs[job->conv].lost)
            continue;
        if (!c->ended || !c->aging || c->shard_exempt) {
            judge_unknown(c, INVARIANT_JOBS_FINISH);
            continue;
        }
        struct verdict *v = violate(c, INVARIANT_JOBS_FINISH, "the job %s was begun by %s and never ended",
                                    nm(c, job->name), nm(c, job->shard));
        chain_kept(c, v, job->kept);
    }
}
