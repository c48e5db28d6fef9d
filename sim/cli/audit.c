/*
 * audit.c: `sexton audit FILE`: a shard's audit log, read from its vault database and verified.
 *
 * The file is read into memory and only its bytes are opened, so nothing here can change it, whoever holds it open.
 * Numbers are printed as they are stored: who a number was is for the directory of the chat system to say, and that is
 * not in this file.
 */
#include "core/store_sqlite.h"
#include "core/wire.h"
#include "sim/audit_chain.h"
#include "sim/cli/args.h"
#include "sim/cli/cli.h"

#include "core/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (1024ULL << 20)

static const char usage[] = "usage: sexton audit FILE [--quiet]\n";
static const char help[] =
    "\n"
    "Prints and verifies the audit log in FILE, the vault database of a shard (sexton run --store sqlite "
    "--keep-stores\n"
    "leaves some): number, server time, who (user/device), operation, target, outcome, why. The hash of each row is\n"
    "computed anew from the row before; where the chain breaks, the row, what was expected and what was found are "
    "told.\n"
    "FILE is never changed; `-` is standard input.\n"
    "  --quiet  print the verdict alone\n"
    "\n"
    "exit: 0 the chain is whole, 1 it is broken, 2 no such log\n";

struct options {
    const char *file;
    bool quiet, helped;
};

static int read_options(int argc, char **argv, struct options *options)
{
    struct args args = args_begin(argc, argv, usage);
    const char *value;
    *options = (struct options){0};
    while (args_more(&args)) {
        if (args_flag(&args, "--help") || args_flag(&args, "-h")) {
            printf("%s%s", usage, help);
            options->helped = true;
            return SEXTON_OK;
        } else if (args_flag(&args, "--quiet")) {
            options->quiet = true;
        } else if (!args_operand(&args, &value)) {
            return args_unknown(&args);
        } else if (options->file) {
            return args_complain(&args, value, "one file");
        } else {
            options->file = value;
        }
    }
    if (!args.bad && !options->file)
        return args_complain(&args, "no file", "the vault database of a shard");
    return args.bad ? SEXTON_USAGE : SEXTON_OK;
}

/* ---- the file ---- */

static int tell(const char *file, const char *found, const char *expected)
{
    fprintf(stderr, "%s: found %s, expected %s\n", file, found, expected);
    return E_INVALID;
}

/* What is written but not yet in the file would be left out of the reading. */
static int check_journals(const char *file)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    char path[4096];
    struct stat info;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        int len = snprintf(path, sizeof path, "%s%s", file, suffixes[i]);
        if (len > 0 && (size_t)len < sizeof path && stat(path, &info) == 0 && info.st_size > 0)
            return tell(file, "a journal beside it that has not been written back",
                        "a database that was closed; let its shard close it, or copy it with a backup");
    }
    return 0;
}

static int read_bytes(FILE *in, const char *file, unsigned char **bytes, size_t *size)
{
    size_t cap = 0;
    for (size_t got = 1; got > 0; *size += got) {
        if (*size > FILE_BYTES_MAX)
            return tell(file, "more than 1 GiB", "a vault database of at most that");
        *bytes = base_grow(*bytes, &cap, *size + 65536, 1);
        got = fread(*bytes + *size, 1, cap - *size, in);
    }
    return ferror(in) ? tell(file, strerror(errno), "a readable file") : 0;
}

static int read_file(const char *file, unsigned char **bytes, size_t *size)
{
    struct stat info;
    if (strcmp(file, "-") == 0)
        return read_bytes(stdin, "<stdin>", bytes, size);
    FILE *in = fopen(file, "rb");
    if (!in)
        return tell(file, strerror(errno), "a readable file");
    int status = 0;
    if (fstat(fileno(in), &info) == 0 && S_ISDIR(info.st_mode))
        status = tell(file, "a directory", "a file");
    if (status == 0)
        status = check_journals(file);
    if (status == 0)
        status = read_bytes(in, file, bytes, size);
    fclose(in);
    return status;
}

/* ---- rows ---- */

static void print_id(const char *what, uint64_t id)
{
    if (id)
        printf(" %s %" PRIu32 ".%" PRIu32, what, ID_DEVICE(id), ID_OP(id));
}

static int print_row(void *ctx, const struct row *row)
{
    (void)ctx;
    const uint64_t *c = row->c;
    printf("%6" PRIu64 " %8llu.%06llu", c[AUDIT_seq], c[AUDIT_at] / US_PER_S, c[AUDIT_at] % US_PER_S);
    if (c[AUDIT_actor])
        printf("  user %" PRIu64 "/device %" PRIu64 " op %" PRIu64, c[AUDIT_actor], c[AUDIT_device], c[AUDIT_op]);
    else
        printf("  the shard");
    if (c[AUDIT_kind] == AUDIT_VOID_ROW) {
        printf("  void: row %" PRIu64 " did not happen, and is repeated\n", c[AUDIT_target]);
        return 0;
    }
    printf("  %s", c[AUDIT_kind] == AUDIT_DECISION_ROW ? operation_name((unsigned)c[AUDIT_operation])
                                                       : audit_kind_name(c[AUDIT_kind]));
    if (c[AUDIT_conv])
        print_id("message", c[AUDIT_target]);
    else
        printf(" on user %" PRIu64, c[AUDIT_target]);
    print_id("in", c[AUDIT_conv]);
    if (c[AUDIT_outcome])
        printf("  %s", outcome_name((unsigned)c[AUDIT_outcome]));
    if (c[AUDIT_why])
        printf(" %s", why_name((unsigned)c[AUDIT_why]));
    if (c[AUDIT_version])
        printf("  version %u.%llu", VERSION_INCARNATION(c[AUDIT_version]), VERSION_CSEQ(c[AUDIT_version]));
    putchar('\n');
    return 0;
}

static int print_verdict(const char *file, const struct audit_chain *chain)
{
    printf("%s: %" PRIu64 " rows: %" PRIu64 " decisions, %" PRIu64 " of them void, %" PRIu64 " purges; %" PRIu64
           " requests of strangers were turned away\n",
           file, chain->rows, chain->decisions, chain->voided, chain->purges, chain->turned_away);
    if (!chain->broken) {
        printf("the chain is whole, head %016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "\n", chain->head[0],
               chain->head[1], chain->head[2], chain->head[3]);
        return SEXTON_OK;
    }
    printf("the chain is broken at row %" PRIu64 "\n  expected %s\n  found    %s\n", chain->broken_at, chain->expected,
           chain->found);
    return SEXTON_FAILED;
}

static int audit(const struct options *options, unsigned char *bytes, size_t size)
{
    const char *name = strcmp(options->file, "-") == 0 ? "<stdin>" : options->file;
    struct store *vault;
    struct audit_chain chain;
    char error[512];
    if (store_sqlite_open_bytes(STORE_VAULT, name, bytes, size, &vault, error, sizeof error) < 0) {
        fprintf(stderr, "%s\n", error);
        return SEXTON_USAGE;
    }
    int status = audit_chain_read(vault, options->quiet ? NULL : print_row, NULL, &chain);
    vault->ops->close(vault);
    if (status < 0) {
        fprintf(stderr, "%s: found %s, expected an audit log; restore a backup\n", name, base_status_text(status));
        return SEXTON_USAGE;
    }
    return print_verdict(name, &chain);
}

int cmd_audit(int argc, char **argv)
{
    struct options options;
    int status = read_options(argc, argv, &options);
    if (status != SEXTON_OK || options.helped)
        return status;
    unsigned char *bytes = NULL;
    size_t size = 0;
    status = read_file(options.file, &bytes, &size) < 0 ? SEXTON_USAGE : audit(&options, bytes, size);
    free(bytes);
    if (fflush(stdout) != 0 && status == SEXTON_OK) {
        fprintf(stderr, "sexton audit: cannot write to standard output\n");
        return SEXTON_USAGE;
    }
    return status;
}
