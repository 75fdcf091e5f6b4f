/* cli.h - the command line: one declared table of subcommands and options feeds dispatch, --help,
 * the man page check, completions and the tests. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "core/core.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_MARKDOWN };

/* Global options after precedence was applied: option > environment > file > default. */
struct cli_globals {
    struct config config;
    char db_path[512];
    char password[512]; /* from MQTT_PASSWORD, MQTT_PASSWORD_FILE, credentials; wiped at exit */
    bool have_password;
    char operator_name[64];
    enum output_format output;
    bool read_only, demo;
    int64_t live_ms; /* --live; 0 off */
    bool yes;
    char *key_bindings; /* [keys]: "action=key\n" lines; owned */
};

/* A piece of work on a running session (link + core + store, no screen). app.c runs it. */
struct job_host; /* what a job may ask for */
struct job {
    void *user;
    /* After link-up and a complete snapshot; and once, with connected = false, when no broker was
     * reached within connect_ms. Returns true if the job is already over. */
    bool (*start)(struct job *j, struct job_host *h, bool connected);
    /* After every turn in which something happened, and at least every 100 ms. True: over. */
    bool (*step)(struct job *j, struct job_host *h);
    /* Ctrl-C. True: not yet over, `step` goes on. NULL: it ends at once. */
    bool (*interrupted)(struct job *j, struct job_host *h);
    int64_t connect_ms; /* how long to try for a broker */
    bool record;        /* compete for the recorder role */
    bool offline;   /* needs no broker: starts at once, connected = false */
    struct err err;     /* why it failed; the code becomes the exit code */
};
const struct core *job_core(const struct job_host *h);
struct now job_now(const struct job_host *h);
void job_operator(struct job_host *h, const struct operator_action *op);
bool job_other_recorder(const struct job_host *h); /* another process records on this database */
const struct words *job_store_trouble(const struct job_host *h); /* nothing can be stored now; NULL */
bool job_outbox_empty(const struct job_host *h);        /* everything asked for was PUBACKed */
const char *job_last_refusal(const struct job_host *h); /* the broker's, in words; NULL none */
bool job_is_refused(const struct job_host *h, const char *topic); /* what was published to it */

/* Options of `demo`, parsed by its row in the table of subcommands. */
struct cli_demo {
    int clients; /* 0: as many as the demo likes */
    uint32_t seed;
    const char *script;  /* NULL: the built-in story */
    int64_t headless_ms; /* 0: a screen if there is a terminal, else 20 s without */
};

/* What main gives to the subcommands that need more than the database. */
struct cli_host {
    int (*console)(const struct cli_globals *g);
    int (*record)(const struct cli_globals *g);
    int (*run_job)(const struct cli_globals *g, struct job *j); /* returns the exit code */
    int (*demo)(const struct cli_globals *g, const struct cli_demo *d);
    /* What only the console can judge, NULL: nobody does: an "action=keys" line, a theme's name. */
    bool (*check_keys)(const char *binding, struct err *e);
    bool (*check_theme)(const char *name, struct err *e);
};

/* Parses and runs; returns the process's exit code. The first line on stderr of any failure is
 * "infoscreen-tui: what is wrong: what to do". */
int cli_main(int argc, char **argv, const struct cli_host *host);
void cli_report(const struct err *e); /* prints that line */

/* Tables shared with the headless demo. */
int cli_print_overview(const struct cli_globals *g, const struct core *core, FILE *out);

#endif
