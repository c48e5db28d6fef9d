/*
 * cli.h: the commands of sexton, one file each, and what their exit statuses mean.
 *
 * A command gets its own words: argv[0] is its name ("explain"), the options and operands follow. Results go to
 * standard output, errors and progress to standard error; "-" as a file is standard input. `--help` prints the usage
 * and exits 0; an unknown option is told with a hint of the usage, and exits SEXTON_USAGE.
 */
#ifndef SEXTON_SIM_CLI_CLI_H
#define SEXTON_SIM_CLI_CLI_H

#ifndef SEXTON_VERSION
#define SEXTON_VERSION "0.1.0"
#endif

enum sexton_exit {
    SEXTON_OK = 0,             /* all expectations met */
    SEXTON_FAILED = 1,         /* an expectation not met */
    SEXTON_USAGE = 2,          /* bad usage or bad input */
    SEXTON_NONDETERMINISM = 3, /* two equal runs differed */
    SEXTON_VACUOUS = 4,        /* nothing was judged */
    SEXTON_BROKEN = 5,         /* a run crashed or was exhausted */
    SEXTON_TIME = 6,           /* the time limit came before the seeds were done */
};

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_lint(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_bench(int argc, char **argv);
/* Hidden: runs the seeds that `check` sends down its standard input (sim/explore/pool.h). */
int cmd_worker(int argc, char **argv);

#endif
