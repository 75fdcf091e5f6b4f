/* rig.h - the command line as a process of its own: words in; exit code, stdout and stderr out. */
#ifndef TESTS_CLI_RIG_H
#define TESTS_CLI_RIG_H

#include "cli/cli.h"

struct ran {
    int code;  /* exit code; 128 + n for a signal */
    char *out; /* owned, until the next run_cli */
    char *err;
};

/* A directory of our own; HOME and XDG_* point into it, nothing of the caller's environment is
 * left. */
const char *rig_begin(void);
void rig_end(void);                     /* removes it */
int rig_setup(void **state);            /* for cmocka: begins */
int rig_teardown(void **state);         /* … and ends */
const char *rig_path(const char *file); /* in that directory; valid until the next 8 calls */
void rig_write(const char *file, const char *text);

/* words: split at blanks; "" is the program without a word. host NULL: one that fails the test. */
struct ran run_cli(const char *words, const struct cli_host *host);
struct ran run_argv(char **argv, const struct cli_host *host);

#endif
