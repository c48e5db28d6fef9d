/*
 * outfile.h: a file that is there whole or not at all: written beside its place without a name, or as NAME.PID.tmp,
 * renamed when it is complete.
 */
#ifndef SEXTON_REPORTS_OUTFILE_H
#define SEXTON_REPORTS_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#define OUTFILE_PATH_MAX 4096
struct outfile {
    FILE *out; /* write here */
    char path[OUTFILE_PATH_MAX], temp[OUTFILE_PATH_MAX];
    bool nameless; /* until it is closed */
};
/* 0, E_LIMIT for a path too long, or E_IO with errno set; then there is nothing to close. */
int outfile_open(struct outfile *file, const char *dir, const char *name);
/* Flushes, closes and renames: 0, or E_IO with errno set, and no file (or the old one) is left. */
int outfile_close(struct outfile *file);
/* Give it up: what was there before stays. */
void outfile_discard(struct outfile *file);
/* Make a directory and those above it that are missing: 0, or E_IO with errno set. */
int outfile_make_dir(const char *dir);

#endif
