/*
 * junit.h: JUnit XML, as CI systems read it (the common subset of Jenkins, GitLab and GitHub actions): suites in the
 * order of their first case, cases in theirs. Text that XML cannot carry (control characters, broken UTF-8) becomes
 * U+FFFD.
 */
#ifndef SEXTON_REPORTS_JUNIT_H
#define SEXTON_REPORTS_JUNIT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct junit_case {
    const char *suite, *name;
    uint64_t time_ms;
    const char *failure; /* NULL: it did not fail; the first line is its message */
    const char *skipped; /* NULL: it was not skipped; else why */
};
/* 0, or E_IO; flushes, does not close. */
int junit_write(FILE *out, const char *name, const struct junit_case *cases, size_t count);
/* Text as XML or HTML text or a quoted attribute value. */
void junit_escape(FILE *out, const char *text, size_t len);

#endif
