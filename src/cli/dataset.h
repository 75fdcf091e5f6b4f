/* dataset.h - what a subcommand prints: read from the history, or heard from the broker (--live).
 */
#ifndef CLI_DATASET_H
#define CLI_DATASET_H

#include "cli/call.h"
#include "store/read.h"

struct event_row {
    struct history_event event;
    struct text512 summary; /* rendered for whom it is printed */
};

struct dataset {
    int64_t as_of;
    bool connected, outage;
    bool live;
    struct reader *reader;  /* NULL: live, or no database yet */
    struct client *clients; /* worst first, then by name */
    size_t client_count, client_cap;
    uint32_t *by_id;      /* indexes of clients, by uid */
    struct alarm *alarms; /* most urgent first */
    size_t alarm_count, alarm_cap;
    struct command *commands;
    size_t command_count, command_cap;
    struct event_row *events; /* newest first */
    size_t event_count, event_cap;
    struct log_line *logs; /* oldest first */
    size_t log_count, log_cap;
    bool english, no_memory;
};

/* Loads the clients. No database: everything is empty, a hint goes to stderr. */
bool dataset_open(struct dataset *d, struct call *call, struct err *e);
void dataset_close(struct dataset *d);
bool dataset_alarms(struct dataset *d, bool all, struct err *e);
/* By its own id, or by its rollout's. */
bool command_is_named(const struct command *c, const struct uid *id);
bool dataset_commands(struct dataset *d, const struct command_query *q, struct err *e);
bool dataset_history(struct dataset *d, const struct history_query *q, struct err *e);
bool dataset_logs(struct dataset *d, const struct log_query *q, int64_t *last_id, struct err *e);

/* Builds by_id over the clients as they lie. */
bool dataset_index(struct dataset *d, struct err *e);
const struct client *dataset_client(const struct dataset *d, const struct uid *id);
/* The spelling that the client itself uses, else lower case. */
void dataset_spelling(const struct dataset *d, const struct uid *id, char out[UID_TEXT]);

/* A uuid or its beginning among n clients: exactly one, else EXIT_NOT_FOUND or EXIT_USAGE with the
 * candidates. */
typedef const struct client *(*client_at_fn)(const void *user, uint32_t index);
const struct client *find_by_prefix(const char *prefix, client_at_fn at, const void *user,
                                    uint32_t n, struct err *e);
const struct client *dataset_find(const struct dataset *d, const char *prefix, struct err *e);
bool is_uid_prefix(const char *text);

/* EXIT_BROKER in the words of the last refusal. False, as err_set. */
bool err_no_broker(struct err *e, const struct job_host *h);

#endif
