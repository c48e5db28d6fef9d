/*
 * shard.h: one server shard: the home of some conversations (it orders their operations) and of some users (it holds
 * their logs, and their devices connect to it). PROTOCOL.md has the rules; each is cited where it is kept.
 *
 * shard_step is a pure step: equal stores and inputs give equal outputs. It is one store transaction. It never reads a
 * clock, a random source, a file. Sessions (who is connected, how far the stream went) are volatile: a new shard_new on
 * the same store is the restart after a crash.
 */
#ifndef SEXTON_CORE_SHARD_H
#define SEXTON_CORE_SHARD_H

#include "core/out.h"
#include "core/policy.h"
#include "core/store.h"

enum shard_input_kind {
    SHARD_START,      /* once after shard_new: resume fan-outs, channels, timers. incarnation must be set */
    SHARD_TIMER,      /* the wake of out.wake_at_us is due */
    SHARD_CONNECT,    /* device, session: a connection opened; session numbers are never reused */
    SHARD_DISCONNECT, /* device, session: it closed */
    SHARD_DEVICE_MSG, /* device, session, wire */
    SHARD_PEER_MSG,   /* shard, wire: from another shard, possibly again, late or out of order */
    /* Set-up, not part of the protocol; each is a committed step like any other. */
    SHARD_PROVISION_USER,    /* user */
    SHARD_PROVISION_DEVICE,  /* user, device; linked = 1: it starts by a reset, else with the log from its beginning */
    SHARD_PROVISION_CONV,    /* conv = conv_id_make(policy, PROVISIONER, n, home), conv_kind */
    SHARD_PROVISION_MEMBER,  /* conv, user, role */
    SHARD_PROVISION_OFFICER, /* user: may place legal holds; on every shard */
};

/* Its databases, one a part of tables.def, borrowed; all must outlive the shard. Only `main` is in backups. */
struct shard_stores {
    struct store *main, *vault, *blobs;
};
/* The member of that part. */
struct store **shard_stores_part(struct shard_stores *stores, enum store_part part);

/*
 * Replace a dead shard's main store by a backup of it; the others stay. The next shard_new and SHARD_START, with a new
 * incarnation, put the rest right. A backup of another shard, of a server of another size, or of before backup_keep is
 * refused with E_INVALID: then `error` says why, and the store is as it was.
 */
struct shard_restore {
    shard_id shard;
    uint32_t shard_count;
    const struct store_image *image;
    uint64_t now_us, backup_keep_us;
};
int shard_restore(const struct shard_stores *stores, const struct shard_restore *ask, char *error, size_t size);

struct shard_input {
    enum shard_input_kind kind;
    uint64_t now_us;
    device_id device;
    uint32_t session;
    shard_id shard;
    user_id user;
    conv_id conv;
    uint8_t conv_kind, role;
    bool linked;
    uint64_t retention_us; /* SHARD_PROVISION_CONV: how old a message becomes; 0 = for ever */
    /* What this step may make keys of: from the caller's random stream, new in each step that carries a message or a
       timer. Equal bytes give equal keys. */
    uint8_t random[32];
    uint32_t incarnation; /* SHARD_START: from outside every backup, larger than any before */
    const struct wire *wire;
    bool crash_before_commit; /* the caller's fault: do all the work, roll back, return E_CRASH; out keeps only
                                 messages marked before_commit */
    bool crash_after_intent;  /* likewise, but all stores other than main have committed: keys, audit log and blobs
                                 are written, the effect is not */
};

struct shard;
/* Stores and policy are borrowed and must outlive the shard. */
struct shard *shard_new(shard_id id, uint32_t shard_count, const struct shard_stores *stores,
                        const struct policy *policy);
void shard_free(struct shard *shard);
/*
 * Run one step. out is cleared first. Returns 0; E_CRASH as asked; E_STORE and others when the store failed: then it
 * has rolled back and out holds nothing; or the commit itself failed, or what follows it (a purge whose bytes could not
 * be wiped), and out holds notes alone, which are true if the store has the step when it is opened again: a commit that
 * failed may have been one. The caller must shard_free and start again from the store.
 */
int shard_step(struct shard *shard, const struct shard_input *input, struct out *out);

/* Where things are ordered and held. */
shard_id shard_of_user(user_id user, uint32_t shard_count);
/* By id, or with the policy by-owner the shard that CONV_HOME_SHIFT's bits of the id name. */
shard_id shard_of_conv(const struct policy *policy, conv_id conv, uint32_t shard_count);
/* The id of the op-th thing that `device` makes, as a conversation; home: the shard of its owner. */
conv_id conv_id_make(const struct policy *policy, device_id device, uint32_t op, shard_id home);
/* The operation number in such an id. */
uint32_t conv_id_op(const struct policy *policy, conv_id conv);

#endif
