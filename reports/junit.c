/* junit.c: one pass to count a suite's cases, one to write them. */
#include "reports/junit.h"

#include "core/base.h"

#include <inttypes.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at s that XML may hold, or 0. */
static size_t character(const unsigned char *s, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *s < 0x80                 ? 1
               : *s >= 0xc2 && *s < 0xe0 ? 2
               : *s >= 0xe0 && *s < 0xf0 ? 3
               : *s >= 0xf0 && *s < 0xf5 ? 4
                                         : 0;
    if (!n || n > len)
        return 0;
    if (n == 1)
        return *s >= 0x20 || *s == '\t' || *s == '\n' || *s == '\r';
    uint32_t c = *s & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    bool bad = c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff;
    return bad ? 0 : n;
}

void junit_escape(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = character((const unsigned char *)text + i, len - i);
        if (!n)
            fputs("\xef\xbf\xbd", out);
        else if (text[i] == '&')
            fputs("&amp;", out);
        else if (text[i] == '<')
            fputs("&lt;", out);
        else if (text[i] == '>')
            fputs("&gt;", out);
        else if (text[i] == '"')
            fputs("&quot;", out);
        else
            fwrite(text + i, 1, n, out);
        i += n ? n : 1;
    }
}

static void attribute(FILE *out, const char *name, const char *text, size_t len)
{
    fprintf(out, " %s=\"", name);
    junit_escape(out, text, len);
    fputc('"', out);
}

struct tally {
    uint64_t tests, failures, skipped, time_ms;
};

static struct tally tally_of(const struct junit_case *cases, size_t count, const char *suite)
{
    struct tally t = {0};
    for (size_t i = 0; i < count; i++) {
        if (suite && strcmp(cases[i].suite, suite) != 0)
            continue;
        t.tests++;
        t.failures += cases[i].failure != NULL;
        t.skipped += !cases[i].failure && cases[i].skipped;
        t.time_ms += cases[i].time_ms;
    }
    return t;
}

static void write_time(FILE *out, uint64_t time_ms)
{
    fprintf(out, " time=\"%" PRIu64 ".%03" PRIu64 "\"", time_ms / 1000, time_ms % 1000);
}

static void write_tally(FILE *out, const struct tally *t)
{
    fprintf(out, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"0\" skipped=\"%" PRIu64 "\"", t->tests,
            t->failures, t->skipped);
    write_time(out, t->time_ms);
    fputs(">\n", out);
}

static void write_case(FILE *out, const struct junit_case *c)
{
    fputs("    <testcase", out);
    attribute(out, "classname", c->suite, strlen(c->suite));
    attribute(out, "name", c->name, strlen(c->name));
    write_time(out, c->time_ms);
    if (c->failure) {
        fputs(">\n      <failure", out);
        attribute(out, "message", c->failure, strcspn(c->failure, "\n"));
        fputc('>', out);
        junit_escape(out, c->failure, strlen(c->failure));
        fputs("</failure>\n    </testcase>\n", out);
    } else if (c->skipped) {
        fputs(">\n      <skipped", out);
        attribute(out, "message", c->skipped, strlen(c->skipped));
        fputs("/>\n    </testcase>\n", out);
    } else {
        fputs("/>\n", out);
    }
}

static bool is_first_of_suite(const struct junit_case *cases, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!strcmp(cases[i].suite, cases[index].suite))
            return false;
    return true;
}

int junit_write(FILE *out, const char *name, const struct junit_case *cases, size_t count)
{
    struct tally all = tally_of(cases, count, NULL);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
    attribute(out, "name", name, strlen(name));
    write_tally(out, &all);
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_suite(cases, i))
            continue;
        struct tally suite = tally_of(cases, count, cases[i].suite);
        fputs("  <testsuite", out);
        attribute(out, "name", cases[i].suite, strlen(cases[i].suite));
        write_tally(out, &suite);
        for (size_t j = i; j < count; j++)
            if (!strcmp(cases[j].suite, cases[i].suite))
                write_case(out, &cases[j]);
        fputs("  </testsuite>\n", out);
    }
    fputs("</testsuites>\n", out);
    return fflush(out) || ferror(out) ? E_IO : 0;
}
