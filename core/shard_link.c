/*
 * shard_link.c: the sessions of a shard's devices as such: opened, found, spoken to, closed, given up. What is said in
 * one is shard_session.c. Volatile: a shard that starts again has none.
 */
#include "core/shard_internal.h"

struct session *session_of(struct shard *s, device_id device)
{
    return device < s->session_cap && s->sessions[device].number ? &s->sessions[device] : NULL;
}

void session_open(struct shard *s, device_id device, uint32_t number)
{
    s->sessions = base_grow(s->sessions, &s->session_cap, (size_t)device + 1, sizeof *s->sessions);
    s->sessions[device] = (struct session){.number = number, .heard_us = s->now_us};
}

void session_close(struct shard *s, device_id device, uint32_t number)
{
    struct session *session = session_of(s, device);
    if (session && session->number == number)
        *session = (struct session){0};
}

struct wire *session_send(struct shard *s, device_id device, const struct session *session, enum wire_kind kind)
{
    struct wire *w = out_send(s->out, OUT_TO_DEVICE, device);
    w->kind = (uint8_t)kind;
    w->device = device;
    w->session = session->number;
    return w;
}

/* A living device answers each beat (F1): one that has not for so long is gone, and is to be pushed to instead. */
bool session_is_lost(const struct shard *s, const struct session *session)
{
    uint64_t silence_us = decide_silence_us(s->policy);
    return silence_us && s->now_us >= session->heard_us + silence_us;
}
