/*
 * scenario_value.c: errors with their place, suggestions, and the scalars of a scenario file. Numbers are read from the
 * bytes of the file, never from cJSON's double.
 */
#include "sim/scenario_internal.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (1ULL << 53) /* a JSON number above this is not exact everywhere */

int reader_fail(struct reader *r, const cJSON *item, bool key, size_t skip, const char *format, ...)
{
    char where[600];
    va_list args;
    json_text_where(&r->json, item, key, skip, where, sizeof where);
    int n = snprintf(r->error, SCENARIO_ERROR_MAX, "%s", where);
    va_start(args, format);
    (void)vsnprintf(r->error + n, SCENARIO_ERROR_MAX - (size_t)n, format, args);
    va_end(args);
    return E_INVALID;
}

int reader_expected(struct reader *r, const cJSON *item, const char *format, ...)
{
    char found[100], expected[400];
    va_list args;
    json_text_describe(&r->json, item, found, sizeof found);
    va_start(args, format);
    (void)vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    return reader_fail(r, item, false, 0, "found %s, expected %s", found, expected);
}

/* ---- suggestions ---- */

/* Edits (insert, remove, replace, swap of neighbours) between two short words, by the usual table. */
static size_t edits(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t t[LONGEST + 1][LONGEST + 1], n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return SIZE_MAX;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                t[i][j] = i + j;
                continue;
            }
            size_t best = t[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (t[i - 1][j] + 1 < best)
                best = t[i - 1][j] + 1;
            if (t[i][j - 1] + 1 < best)
                best = t[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && t[i - 2][j - 2] + 1 < best)
                best = t[i - 2][j - 2] + 1;
            t[i][j] = best;
        }
    }
    return t[n][m];
}

void suggestion_try(struct suggestion *suggestion, const char *candidate)
{
    size_t distance = edits(suggestion->name, candidate), len = strlen(suggestion->name);
    bool prefix =
        len >= 2 && (strncmp(candidate, suggestion->name, len) == 0 ||
                     (strlen(candidate) >= 3 && strncmp(candidate, suggestion->name, strlen(candidate)) == 0));
    if (distance > 2 && prefix)
        distance = 3;
    else if (distance > 2 || distance >= strlen(candidate))
        return;
    if (!*suggestion->best || distance < suggestion->distance) {
        (void)snprintf(suggestion->best, sizeof suggestion->best, "%s", candidate);
        suggestion->distance = distance;
    }
}

void suggestion_try_names(struct suggestion *suggestion, const struct names *names)
{
    uint32_t count = names_count(names);
    for (uint32_t name = 1; name <= count && name <= 2000; name++)
        suggestion_try(suggestion, names_text(names, name));
}

void suggestion_text(const struct suggestion *suggestion, char *text, size_t size)
{
    text[0] = '\0';
    if (*suggestion->best)
        (void)snprintf(text, size, "; did you mean \"%s\"?", suggestion->best);
}

/* ---- kinds of values ---- */

const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const cJSON *first_child(const cJSON *item)
{
    return item ? item->child : NULL;
}

char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = base_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

int expect_string(struct reader *r, const cJSON *item, const char *what)
{
    return cJSON_IsString(item) ? 0 : reader_expected(r, item, "%s", what);
}

int expect_object(struct reader *r, const cJSON *item, const char *what)
{
    return cJSON_IsObject(item) ? 0 : reader_expected(r, item, "%s", what);
}

int expect_array(struct reader *r, const cJSON *item, size_t low, size_t high, const char *of, size_t *count)
{
    const cJSON *child;
    if (!cJSON_IsArray(item))
        return reader_expected(r, item, "an array of %s", of);
    *count = 0;
    for (child = first_child(item); child; child = child->next)
        ++*count;
    if (*count < low || *count > high)
        return reader_fail(r, item, false, 0, "found %zu %s, expected %s%zu", *count, of,
                           *count < low ? "at least " : "at most ", *count < low ? low : high);
    return 0;
}

int read_texts(struct reader *r, const cJSON *item, size_t max, const char *of, char ***texts, size_t *count)
{
    size_t n;
    const cJSON *child;
    int status = expect_array(r, item, 0, max, of, &n);
    if (status != 0)
        return status;
    *texts = base_alloc((n + 1) * sizeof(char *));
    for (child = first_child(item); child; child = child->next) {
        if (!cJSON_IsString(child) || !*child->valuestring)
            return reader_expected(r, child, "a text that is not empty");
        (*texts)[(*count)++] = text_copy(child->valuestring);
    }
    return 0;
}

int check_name(struct reader *r, const cJSON *item, bool key, const char *name)
{
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    if (*name && name[good] == '\0' && good <= SCENARIO_NAME_MAX)
        return 0;
    return reader_fail(r, item, key, 0, "found \"%.60s\", expected a name of 1 to %d letters, digits, '-' or '_'", name,
                       SCENARIO_NAME_MAX);
}

int read_time(struct reader *r, const cJSON *item, uint64_t *us)
{
    if (!cJSON_IsString(item) || history_parse_duration(item->valuestring, us) != 0)
        return reader_expected(r, item, "a duration such as \"1d12h\", \"30s\" or \"250ms\" (units d h m s ms us)");
    if (*us > SCENARIO_TIME_MAX)
        return reader_expected(r, item, "at most \"36500d\"");
    return 0;
}

/* Digits, all of them, to the end; false when not, or above UINT64_MAX. */
static bool whole(const char *text, size_t len, uint64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*n, 10, n) ||
            __builtin_add_overflow(*n, (uint64_t)(text[i] - '0'), n))
            return false;
    return len > 0;
}

int read_count(struct reader *r, const cJSON *item, uint64_t low, uint64_t high, uint64_t *count)
{
    size_t len = 0;
    const char *raw = NULL;
    if (cJSON_IsNumber(item)) {
        raw = json_text_raw(&r->json, item, &len);
        uint64_t n;
        if (len > 15 && strspn(raw, "0123456789") >= len && (!whole(raw, len, &n) || n > EXACT_MAX))
            return reader_expected(r, item, "a number up to 2^53 (larger ones as a string)");
    } else if (cJSON_IsString(item)) {
        raw = item->valuestring;
        len = strlen(raw);
    }
    if (!raw || !whole(raw, len, count) || *count < low || *count > high)
        return reader_expected(r, item, "a whole number from %llu to %llu", (unsigned long long)low,
                               (unsigned long long)high);
    return 0;
}

/* "12.5" into millionths with at most `places` decimals; false when it is not so written, or above `max` millionths. */
static bool decimal(const char *text, size_t len, size_t places, uint64_t one, uint64_t max, uint64_t *value)
{
    const char *point = memchr(text, '.', len);
    size_t head = point ? (size_t)(point - text) : len, tail = point ? len - head - 1 : 0;
    uint64_t fraction = 0;
    if (!whole(text, head, value) || *value > max / one || (point && (tail == 0 || tail > places)) ||
        (point && !whole(point + 1, tail, &fraction)))
        return false;
    for (uint64_t unit = one; tail > 0; tail--, unit /= 10)
        fraction *= tail == 1 ? unit / 10 : 1;
    *value = *value * one + fraction;
    return *value <= max;
}

static int read_rate(struct reader *r, const cJSON *item, uint64_t *ppm)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    size_t len = strlen(text);
    if (len < 2 || text[len - 1] != '%' || !decimal(text, len - 1, 4, 10000, 1000000, ppm))
        return reader_expected(r, item, "a rate from \"0%%\" to \"100%%\", with at most 4 decimals");
    return 0;
}

static int read_decimal(struct reader *r, const cJSON *item, uint64_t max, uint64_t *value)
{
    size_t len = 0;
    const char *text = NULL;
    if (cJSON_IsNumber(item)) {
        text = json_text_raw(&r->json, item, &len);
    } else if (cJSON_IsString(item)) {
        text = item->valuestring;
        len = strlen(text);
    }
    if (!text || !decimal(text, len, 6, 1000000, max, value))
        return reader_expected(r, item, "a number from 0 to %llu with at most 6 decimals",
                               (unsigned long long)(max / 1000000));
    return 0;
}

static int read_bytes(struct reader *r, const cJSON *item, uint64_t *bytes)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    size_t number = strspn(text, "0123456789");
    uint64_t n;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + number, units[i].name) == 0 && whole(text, number, &n) && n > 0 && n <= 1ULL << 20) {
            *bytes = n << units[i].shift;
            return 0;
        }
    }
    return reader_expected(r, item, "a size such as \"512MiB\" or \"2GiB\"");
}

static int read_shift(struct reader *r, const cJSON *item, int64_t *us)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    uint64_t n;
    if ((text[0] != '+' && text[0] != '-') || history_parse_duration(text + 1, &n) != 0 || n > SCENARIO_TIME_MAX)
        return reader_expected(r, item, "a signed duration such as \"+1h\" or \"-5s\"");
    *us = text[0] == '-' ? -(int64_t)n : (int64_t)n;
    return 0;
}

/* "2 per day", "1 per 30s": the mean time between two. "0 per day" is never, and a mean of 0. */
static int read_breaks(struct reader *r, const cJSON *item, uint64_t *mean_us)
{
    static const struct {
        const char *name, *duration;
    } words[] = {{"day", "1d"}, {"hour", "1h"}, {"minute", "1m"}, {"second", "1s"}};
    const char *text = cJSON_IsString(item) ? item->valuestring : "", *unit;
    size_t number = strspn(text, "0123456789");
    uint64_t n, us = 0;
    if (whole(text, number, &n) && strncmp(text + number, " per ", 5) == 0) {
        unit = text + number + 5;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strcmp(unit, words[i].name) == 0)
                unit = words[i].duration;
        if (history_parse_duration(unit, &us) == 0 && us > 0 && us <= SCENARIO_TIME_MAX && n <= us) {
            *mean_us = n == 0 ? 0 : us / n;
            return 0;
        }
    }
    return reader_expected(r, item, "breaks such as \"2 per day\" or \"1 per 30s\"");
}

int read_word(struct reader *r, const cJSON *item, const char *words, unsigned *index)
{
    struct suggestion suggestion = {cJSON_IsString(item) ? item->valuestring : "", "", 0};
    char one[64], hint[100];
    *index = 0;
    for (const char *word = words; *word; ++*index) {
        size_t len = strcspn(word, "|");
        (void)snprintf(one, sizeof one, "%.*s", (int)len, word);
        if (strcmp(suggestion.name, one) == 0)
            return 0;
        suggestion_try(&suggestion, one);
        word += len + (word[len] == '|');
    }
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_expected(r, item, "one of %s%s", words, hint);
}

/* ---- objects ---- */

static int read_text(struct reader *r, const cJSON *item, const struct key *key, char **text)
{
    if (!cJSON_IsString(item))
        return reader_expected(r, item, "a text");
    size_t len = strlen(item->valuestring);
    if (key->type == KEY_NAME) {
        int status = check_name(r, item, false, item->valuestring);
        if (status != 0)
            return status;
    } else if (len < key->low || len > key->high) {
        return reader_fail(r, item, false, 0, "found %zu bytes of text, expected %llu to %llu", len,
                           (unsigned long long)key->low, (unsigned long long)key->high);
    }
    *text = text_copy(item->valuestring);
    return 0;
}

int read_key(struct reader *r, const cJSON *item, const struct key *key, void *base)
{
    char *field = (char *)base + key->offset;
    uint64_t n = 0;
    unsigned index = 0;
    int status;
    switch (key->type) {
        case KEY_TIME:
            return read_time(r, item, (uint64_t *)(void *)field);
        case KEY_COUNT:
            return read_count(r, item, key->low, key->high, (uint64_t *)(void *)field);
        case KEY_COUNT32:
            if ((status = read_count(r, item, key->low, key->high, &n)) == 0)
                *(uint32_t *)(void *)field = (uint32_t)n;
            return status;
        case KEY_RATE:
            if ((status = read_rate(r, item, &n)) == 0)
                *(uint32_t *)(void *)field = (uint32_t)n;
            return status;
        case KEY_RATE64:
            return read_rate(r, item, (uint64_t *)(void *)field);
        case KEY_DECIMAL:
            return read_decimal(r, item, key->high, (uint64_t *)(void *)field);
        case KEY_WORD:
            if ((status = read_word(r, item, key->words, &index)) == 0) {
                index += (unsigned)key->low;
                memcpy(field, &index, sizeof index);
            }
            return status;
        case KEY_WORD8:
            if ((status = read_word(r, item, key->words, &index)) == 0)
                *(uint8_t *)field = (uint8_t)(index + key->low);
            return status;
        case KEY_TEXT:
        case KEY_NAME:
            return read_text(r, item, key, (char **)(void *)field);
        case KEY_FLAG:
            if (!cJSON_IsBool(item))
                return reader_expected(r, item, "true or false");
            *(bool *)field = cJSON_IsTrue(item);
            return 0;
        case KEY_BYTES:
            return read_bytes(r, item, (uint64_t *)(void *)field);
        case KEY_SHIFT:
            return read_shift(r, item, (int64_t *)(void *)field);
        case KEY_BREAKS:
            return read_breaks(r, item, (uint64_t *)(void *)field);
        case KEY_OTHER:
            break;
    }
    return 0;
}

static int unknown_key(struct reader *r, const cJSON *item, const struct key_table *table, form_set form,
                       const char *what)
{
    struct suggestion suggestion = {item->string, "", 0};
    char list[360] = "", hint[100];
    size_t used = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (form != 0 && (table->keys[i].forms & form) == 0)
            continue;
        suggestion_try(&suggestion, table->keys[i].name);
        int n = snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", table->keys[i].name);
        if (n > 0 && used + (size_t)n < sizeof list)
            used += (size_t)n;
    }
    suggestion_text(&suggestion, hint, sizeof hint);
    return reader_fail(r, item, true, 0, "found the key \"%.60s\" in %s, expected one %s%s%s", item->string, what,
                       *hint ? "that it has" : "of ", *hint ? "" : list, hint);
}

int read_object(struct reader *r, const cJSON *item, const struct key_table *table, form_set form, const char *what,
                void *base)
{
    const cJSON *child;
    int status = expect_object(r, item, what);
    if (status != 0)
        return status;
    for (child = first_child(item); child; child = child->next) {
        size_t i = 0;
        while (i < table->count &&
               (strcmp(table->keys[i].name, child->string) != 0 || (form != 0 && (table->keys[i].forms & form) == 0)))
            i++;
        if (i == table->count)
            return unknown_key(r, child, table, form, what);
        if ((status = read_key(r, child, &table->keys[i], base)) != 0)
            return status;
    }
    for (const char *word = table->required; *word;) {
        char key[40];
        size_t len = strcspn(word, " ");
        (void)snprintf(key, sizeof key, "%.*s", (int)len, word);
        if (!member(item, key))
            return reader_fail(r, item, false, 0, "found %s without \"%s\", expected it", what, key);
        word += len + (word[len] == ' ');
    }
    return 0;
}
