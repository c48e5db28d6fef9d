/*
 * tally_text.c: a tally as lines of text.
 *
 * Method: all of a tally before its failures is numbers, and is written as such, in the order of the struct; both ends
 * are the same version of the same program, which whoever reads has made sure of. Fields are separated by tabs.
 */
#include "sim/explore/tally_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (offsetof(struct tally, failures) / sizeof(uint64_t))
_Static_assert(offsetof(struct tally, failures) % sizeof(uint64_t) == 0, "numbers of 64 bits, and nothing else");

static void put_sentence(FILE *out, const char *text)
{
    fputc('\t', out);
    for (; *text; text++)
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, out);
}

void tally_text_write(const struct tally *tally, FILE *out)
{
    uint64_t words[WORDS];
    memcpy(words, tally, sizeof words);
    fputc('T', out);
    for (size_t i = 0; i < WORDS;) { /* numbers that are zero as how many of them there are */
        size_t zeros = 0;
        while (i + zeros < WORDS && words[i + zeros] == 0)
            zeros++;
        if (zeros > 0)
            fprintf(out, "\tz%zx", zeros);
        else
            fprintf(out, "\t%" PRIx64, words[i]);
        i += zeros > 0 ? zeros : 1;
    }
    fputc('\n', out);
    for (int i = 0; i < tally->failure_count; i++) {
        const struct tally_failure *failure = &tally->failures[i];
        fprintf(out, "F\t%" PRIx64 "\t%d", failure->seed, failure->broken);
        for (int s = 0; s < failure->count; s++)
            put_sentence(out, failure->sentences[s]);
        fputc('\n', out);
    }
}

static bool take_number(const char *text, uint64_t *number)
{
    char *end;
    if (!text || !*text)
        return false;
    *number = strtoull(text, &end, 16);
    return *end == '\0';
}

static int read_words(struct tally *tally, char *rest)
{
    uint64_t words[WORDS] = {0}, number;
    size_t at = 0;
    for (char *field; (field = strsep(&rest, "\t"));) {
        bool zeros = field[0] == 'z';
        if (!take_number(field + zeros, &number) || at >= WORDS || (zeros && number > WORDS - at))
            return E_INVALID;
        if (zeros)
            at += (size_t)number;
        else
            words[at++] = number;
    }
    if (at != WORDS)
        return E_INVALID;
    struct tally *sums = base_alloc(sizeof *sums);
    memcpy(sums, words, sizeof words);
    tally_merge(tally, sums);
    free(sums);
    return 0;
}

static int read_failure(struct tally *tally, char *rest)
{
    uint64_t seed, broken;
    if (!take_number(strsep(&rest, "\t"), &seed) || !take_number(strsep(&rest, "\t"), &broken) || broken > 1)
        return E_INVALID;
    struct tally_failure failure = {.seed = seed, .broken = broken != 0};
    int room = (int)(sizeof failure.sentences / sizeof *failure.sentences);
    for (char *text; failure.count < room && (text = strsep(&rest, "\t"));)
        snprintf(failure.sentences[failure.count++], RUN_FAILURE_MAX, "%s", text);
    tally_merge_failure(tally, &failure);
    return 0;
}

int tally_text_read(struct tally *tally, char *line)
{
    char *rest = line, *kind = strsep(&rest, "\t");
    if (strcmp(kind, "T") == 0)
        return read_words(tally, rest);
    return strcmp(kind, "F") == 0 ? read_failure(tally, rest) : E_INVALID;
}
