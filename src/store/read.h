/* read.h - prepared queries on a read-only connection, for the subcommands and the screens. Every one is
 * served by an index. Rows come by callback; returning false stops. */
#ifndef STORE_READ_H
#define STORE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/core.h"
#include "core/incident.h"

struct reader;

/* NULL with e->code EXIT_NOT_FOUND: no database yet (not a fault). */
struct reader *reader_open(const char *path, struct err *e);
void reader_close(struct reader *r);

struct reader_meta { int64_t as_of; bool connected, outage, recorder_alive; };
bool reader_meta(struct reader *r, struct reader_meta *m, struct err *e);

typedef bool (*client_row_fn)(void *user, const struct client *c);
typedef bool (*alarm_row_fn)(void *user, const struct alarm *a);
typedef bool (*command_row_fn)(void *user, const struct command *c);
typedef bool (*history_row_fn)(void *user, const struct history_event *e, const char *packed_summary);
typedef bool (*log_row_fn)(void *user, const struct log_line *l);

bool reader_clients(struct reader *r, client_row_fn fn, void *user, struct err *e);
/* That one alone; not called if it is not known. */
bool reader_client(struct reader *r, const struct uid *id, client_row_fn fn, void *user, struct err *e);
/* all: with normal and suppressed ones. */
bool reader_alarms(struct reader *r, bool all, alarm_row_fn fn, void *user, struct err *e);

/* ids: of commands, and of rollouts for all that were released of them. */
struct command_query { bool active; const struct uid *client; const struct uid *ids; int id_count; };
bool reader_commands(struct reader *r, const struct command_query *q, command_row_fn fn, void *user, struct err *e);

/* Does a message of this command wait in an outbox? */
bool reader_waits(struct reader *r, const struct uid *command, bool *waits, struct err *e);

struct history_query {
    const struct uid *client; /* NULL: all */
    int64_t since_at, until_at; /* TIME_NONE: open */
    int kind;                 /* enum event_kind; -1 all */
    int64_t limit;            /* 0: 1,000 */
};
bool reader_history(struct reader *r, const struct history_query *q, history_row_fn fn, void *user, struct err *e); /* newest first */

struct log_query { const struct uid *client; const char *level; int64_t since_at; int64_t after_id; int64_t limit; };
/* Oldest first; *last_id lets --follow go on from there. */
bool reader_logs(struct reader *r, const struct log_query *q, log_row_fn fn, void *user, int64_t *last_id, struct err *e);

/* Newest first, those not newer than until_at (TIME_NONE: all), as long as fn wants more. */
bool reader_logs_back(struct reader *r, int64_t until_at, log_row_fn fn, void *user, struct err *e);

/* Incidents that went on at any moment of [since, until], with their commands and logs. Reads the lines
 * of that time and of as long before it as they reach, at most a million lines back. The caller fini's
 * out, also on false. */
struct incident_query { int64_t since_at, until_at /* TIME_NONE: now */, after_ms /* commands.incident_after */; };
bool reader_incidents(struct reader *r, const struct incident_query *q, struct incident_report *out, struct err *e);

/* The fleet as it was: feeds snapshot and images into a fresh core. */
bool reader_fleet_at(struct reader *r, int64_t at, struct core *into, struct err *e);

#endif
