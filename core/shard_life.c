/*
 * shard_life.c: which life of a device a hello comes from, and ids that are given up because there are two (X4, X5).
 *
 * Method: each session is offered to the device by its welcome, and proved by whatever it says in it, or by naming it
 * in its next hello. A hello that names neither the last that was proved nor the one that is on offer comes from
 * another life, as does one that does not know of the highest operation that was ever accepted. The vault has all three
 * too (policy "device-identity": "sessions"), for a restored shard must not believe the life of its backup: the
 * operations of the other one may have been seen by everybody. It may be a step ahead of main, after a crash between
 * the two commits: then it offers what no welcome has offered, and has proved and accepted what the device did say.
 * What was accepted in the past that is lost is only compared with: it may be sent again, and is executed again (X1).
 */
#include "core/shard_internal.h"

bool life_proves(const struct row *device, const struct wire *hello)
{
    return hello->token == device->c[DEVICE_proved] || hello->token == device->c[DEVICE_offered];
}

uint32_t life_highest(const struct row *device)
{
    uint64_t accepted = device->c[DEVICE_accepted_op], highest = device->c[DEVICE_highest];
    return (uint32_t)(accepted > highest ? accepted : highest);
}

static int keep(struct shard *s, struct row *device)
{
    struct row row = {.c = {[DEVICE_LIFE_device] = device->c[DEVICE_id]}};
    row.c[DEVICE_LIFE_proved] = device->c[DEVICE_proved];
    row.c[DEVICE_LIFE_offered] = device->c[DEVICE_offered];
    row.c[DEVICE_LIFE_highest] = device->c[DEVICE_highest] = life_highest(device);
    if (decide_proves_sessions(s->policy))
        CHECK(vault_put(s, TABLE_DEVICE_LIFE, &row));
    return shard_put(s, TABLE_DEVICE, device);
}

int life_offers(struct shard *s, struct row *device, uint32_t session, uint32_t token)
{
    device->c[DEVICE_proved] = token;
    device->c[DEVICE_offered] = session;
    return keep(s, device);
}

int life_has_proved(struct shard *s, struct row *device, uint32_t session)
{
    if (device->c[DEVICE_proved] == session)
        return 0;
    device->c[DEVICE_proved] = session;
    return keep(s, device);
}

int life_accepts(struct shard *s, struct row *device, uint32_t op)
{
    if (op > device->c[DEVICE_accepted_op])
        device->c[DEVICE_accepted_op] = op;
    return keep(s, device);
}

int life_recall(struct shard *s, struct row *device)
{
    struct row row = {.c = {[DEVICE_LIFE_device] = device->c[DEVICE_id]}};
    if (!decide_recalls_sessions(s->policy))
        return 0;
    int status = vault_get(s, TABLE_DEVICE_LIFE, &row);
    if (status < 0)
        return status == E_NOTFOUND ? 0 : status;
    device->c[DEVICE_proved] = row.c[DEVICE_LIFE_proved];
    device->c[DEVICE_offered] = row.c[DEVICE_LIFE_offered];
    device->c[DEVICE_highest] = row.c[DEVICE_LIFE_highest];
    return 0;
}

/* ---- ids that are given up ---- */

static struct wire retirement(const struct row *device)
{
    struct wire w = {.kind = WIRE_RETIREMENT, .user = (user_id)device->c[DEVICE_user]};
    w.device = (device_id)device->c[DEVICE_id];
    return w;
}

/*
 * Another life of this device has done what this one does not know of. Whoever of them comes, the id is used by neither
 * again: a number under it could mean two things. It holds up no log, and its operations are over.
 */
int life_retire(struct shard *s, struct row *device)
{
    device->c[DEVICE_retired] = device->c[DEVICE_fenced] = 1;
    CHECK(reset_forget(s, device));
    CHECK(shard_put(s, TABLE_DEVICE, device));
    CHECK(log_retirement(s, device));
    CHECK(session_release(s, (device_id)device->c[DEVICE_id], UINT32_MAX));
    struct wire w = retirement(device);
    for (shard_id to = 0; to < s->count; to++)
        CHECK(channel_send(s, to, &w, NULL));
    return user_truncate(s, (user_id)device->c[DEVICE_user]);
}

int life_tell_retired(struct shard *s, shard_id to)
{
    uint64_t key[1] = {0};
    for (;;) {
        struct row device;
        int status = shard_first(s, TABLE_DEVICE, INDEX_PRIMARY, 0, 1, key, false, &device);
        if (status == E_NOTFOUND)
            return 0;
        CHECK(status);
        key[0] = device.c[DEVICE_id] + 1;
        struct wire w = retirement(&device);
        if (device.c[DEVICE_retired])
            CHECK(channel_send(s, to, &w, NULL));
    }
}
