/*
 * life.h: the life of one message or conversation, gathered from records in one pass.
 *
 * Method: the target is named before the first record. Kept are the lines that speak of it, and of each device its
 * connection, and when it showed and hid a copy of the target. A message's conversation may be known late, so
 * operations on whole conversations are kept until it is. Memory: those lines, and a cell a (device, message, copy) of
 * the target.
 */
#ifndef SEXTON_SIM_CLI_LIFE_H
#define SEXTON_SIM_CLI_LIFE_H

#include "sim/history.h"

#include <stdio.h>

struct life;
/* target: "m1", "plans", or "plans/m1" when several conversations have an m1. names: borrowed. */
struct life *life_new(const char *target, struct names *names);
void life_free(struct life *life);
void life_take(struct life *life, const struct record *record);
bool life_found(const struct life *life);
/* Two conversations that both have the message, or false when it is only one. */
bool life_ambiguous(const struct life *life, const char *conversations[2]);
/* The closest names of messages and conversations that occurred, at most max; returns how many. */
int life_suggest(const struct life *life, const char *suggestions[], int max);
void life_print(struct life *life, FILE *out);

#endif
