/* verdicts.c: the block of verdicts that run and verify print, and the exit status. */
#include "sim/cli/verdicts.h"

#include "sim/cli/cli.h"

#include <stdio.h>

#define LINE_MAX_BYTES 512

static void print_violation(FILE *out, const struct verdict *verdict, const struct names *names)
{
    char line[LINE_MAX_BYTES];
    history_safe_text(verdict->what, line, sizeof line);
    fprintf(out, "    %s\n", line);
    for (int i = 0; i < verdict->chain_count; i++) {
        history_line(&verdict->chain[i], names, line, sizeof line);
        fprintf(out, "    #%-8llu %s\n", (unsigned long long)verdict->chain[i].seq, line);
    }
}

/* "append cursor" as "append, cursor" */
static void print_missing(FILE *out, const char *kinds)
{
    fputs("  (no ", out);
    for (; *kinds; kinds++) {
        if (*kinds == ' ')
            fputc(',', out);
        fputc(*kinds, out);
    }
    fputs(" records)", out);
}

static void print_verdict(FILE *out, const char *name, const struct verdict *verdict, const struct names *names)
{
    char state[48];
    const char *word = verdict_name(verdict->state);
    uint64_t n = verdict->state == VERDICT_UNKNOWN    ? verdict->unknown
                 : verdict->state == VERDICT_VIOLATED ? verdict->violated
                                                      : verdict->judged;
    if (verdict->state == VERDICT_VACUOUS)
        snprintf(state, sizeof state, "%s", word);
    else
        snprintf(state, sizeof state, "%s(%llu)", word, (unsigned long long)n);
    fprintf(out, "%-14s %s", state, name);
    if (verdict->state != VERDICT_UNKNOWN && verdict->unknown)
        fprintf(out, "  (and %llu unknown: closer than the clock error)", (unsigned long long)verdict->unknown);
    if (verdict->state == VERDICT_VACUOUS && verdict->missing[0])
        print_missing(out, verdict->missing);
    fputc('\n', out);
    if (verdict->state == VERDICT_VIOLATED)
        print_violation(out, verdict, names);
}

void verdicts_print(FILE *out, const struct check *check, const struct names *names, bool all)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct verdict *verdict = check_verdict(check, (enum invariant)i);
        if (all || verdict->state != VERDICT_VACUOUS)
            print_verdict(out, invariant_table[i].name, verdict, names);
    }
}

void verdicts_print_work(FILE *out, const struct check *check)
{
    struct check_work work = check_work(check);
    fprintf(
        out,
        "%llu records, %llu operations, %llu deletions, %llu undos, %llu (deletion, device) pairs judged; %llu users, "
        "%llu devices, %llu conversations, %llu faults\n",
        (unsigned long long)work.records, (unsigned long long)work.operations, (unsigned long long)work.deletions,
        (unsigned long long)work.undos, (unsigned long long)work.pairs, (unsigned long long)work.users,
        (unsigned long long)work.devices, (unsigned long long)work.conversations, (unsigned long long)work.faults);
}

/* May hold in a history in which nothing was deleted, so that it alone makes no run a success. */
static bool is_about_more(enum invariant invariant)
{
    switch (invariant) {
        case INVARIANT_HONEST_VIEW:
        case INVARIANT_STALE_CURSOR_RESETS:
        case INVARIANT_DUPLICATE_SAFE:
        case INVARIANT_ACKED_IS_DURABLE:
        case INVARIANT_NO_SILENT_LOSS:
        case INVARIANT_REPLICAS_AGREE:
            return true;
        default:
            return false;
    }
}

int verdicts_exit(const struct check *check)
{
    int status = SEXTON_VACUOUS;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        enum verdict_state state = check_verdict(check, (enum invariant)i)->state;
        if (state == VERDICT_VIOLATED)
            return SEXTON_FAILED;
        if (state == VERDICT_HELD && !is_about_more((enum invariant)i))
            status = SEXTON_OK;
    }
    return status;
}
