/* call.h - one call of the program: the tables of options and subcommands, and what was given. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"

/* What an option's value must be; checked while parsing, before anything is looked up. */
enum value_type {
    VALUE_NONE, /* a flag */
    VALUE_TEXT,
    VALUE_FILE,
    VALUE_COUNT,
    VALUE_DURATION,
    VALUE_WHEN,
    VALUE_STATE,
    VALUE_ALARM_KIND,
    VALUE_ALARM_SORT,
    VALUE_EVENT_KIND,
    VALUE_FILTER,
    VALUE_LEVEL,
    VALUE_OUTPUT,
    VALUE_SETTING, /* section.key=value */
    VALUE_CLIENT,  /* a uuid or the beginning of one */
    VALUE_ALARM,   /* an alarm id or a client */
    VALUE_COMMAND,
    VALUE_TYPES
};

/* One row feeds the parser, --help, completion and the manual's check; env and key say which
 * variable and which configuration key mean the same. */
struct cli_option {
    const char *name; /* NULL: an environment variable without an option */
    char letter;      /* 0: none */
    enum value_type type;
    const char *arg;  /* N_(): what the value is called; NULL for flags */
    const char *help; /* N_() */
    const char *env;  /* NULL: none */
    const char *key;  /* the configuration key it sets; NULL: none */
};

struct call;

enum subcommand_flag {
    SUB_BROKER = 1u << 0,   /* connects: wants the password */
    SUB_SENDS = 1u << 1,    /* refused when read-only */
    SUB_TOLERANT = 1u << 2, /* runs in spite of a faulty configuration (doctor) */
    SUB_PRIVATE = 1u << 3,  /* ignores MQTT_* (demo) */
    SUB_HIDDEN = 1u << 4,
    SUB_MARKDOWN = 1u << 5, /* knows -o md */
};

struct subcommand {
    const char *name;  /* "clients"; two words for a verb of a group: "broker init" */
    const char *alias; /* NULL: none */
    const char *usage; /* what follows the name */
    const char *help;  /* N_(), one line */
    const struct cli_option *options;
    unsigned option_count, flags;
    int least_args, most_args; /* most -1: any number */
    enum value_type args;      /* for completion */
    /* Returns the exit code; fills e where that isn't 0 and was not reported yet. */
    int (*run)(struct call *call, struct err *e);
};

const struct subcommand *cli_subcommands(unsigned *count);
const struct cli_option *cli_global_options(unsigned *count);

struct given {
    const struct cli_option *option;
    const char *text; /* NULL for flags */
};

struct call {
    const struct subcommand *sub;
    struct given *given; /* owned */
    int given_count;
    const char **args; /* owned list of borrowed words */
    int arg_count;
    bool help, version;
    const struct cli_host *host;
    struct cli_globals globals;
    char config_path[512]; /* the file that was read; "" none */
    bool password_file_by_option;
    struct err config_error; /* SUB_TOLERANT: what was wrong with the configuration */
};

/* argv as main got it. Fills call; false: e says what is wrong (EXIT_USAGE). */
bool call_parse(struct call *call, int argc, char **argv, struct err *e);
void call_fini(struct call *call);

/* The k-th value given for an option of the subcommand or a global one; NULL: none. */
const char *call_value(const struct call *call, const char *name, int k);
bool call_has(const struct call *call, const char *name);
/* The last one given, parsed; preset where it wasn't. The parser checked it already. */
int64_t call_duration(const struct call *call, const char *name, int64_t preset);
int64_t call_count(const struct call *call, const char *name, int64_t preset);
int64_t call_when(const struct call *call, const char *name);
const char *call_last(const struct call *call, const char *name);
/* For a count that would mean nothing as 0: not given, or more. False: e says so (EXIT_USAGE). */
bool call_above_zero(const struct call *call, const char *name, struct err *e);

/* Is text a value of that type? The error names the option, the value and what was expected. */
bool value_check(const struct cli_option *o, const char *text, struct err *e);
/* Cleans foreign bytes for an error message: the word in quotes. */
struct quoted {
    char clean[96];
};
struct quoted quote(const char *foreign);
/* The word of names[0..n) that is nearest to `word` (NULL: none is near). */
const char *nearest_word(const char *word, const char *const *names, unsigned n);

void help_print(const struct call *call, FILE *out);
void version_print(FILE *out);

#endif
