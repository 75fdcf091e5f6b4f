/* filter.h - the filter language of screen and command line: words that must all match; "text" in any
 * shown field, "state:crashed", "group:vienna", "kind:…", "uuid:9b8d", "name:lobby", "level:error"; "!" negates
 * a word. A kind is one of alarms, or of lines of the history.
 * "…" keeps blanks and colons together (name:"hall 2"). Of states, kinds and uuids the beginning is
 * enough; case never matters. A kind asked of a client means that alarm's condition holds for it. */
#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include "base/err.h"
#include "core/core.h"

struct filter; /* compiled */
struct filter *filter_new(const char *expression, struct err *e); /* "" matches all; NULL: e says why */
void filter_free(struct filter *f);
bool filter_client(const struct filter *f, const struct client *c);
bool filter_alarm(const struct filter *f, const struct alarm *a, const struct client *c_or_null);
bool filter_event(const struct filter *f, const struct history_event *ev, const struct client *c_or_null);
bool filter_log(const struct filter *f, const struct log_line *l, const struct client *c_or_null);
bool filter_command(const struct filter *f, const struct command *cmd, const struct client *c_or_null);

enum client_sort { SORT_STATE, SORT_NAME, SORT_UUID, SORT_GROUP, SORT_BEAT, SORT_PROCESS, SORT_RECONNECTS,
                   SORT_DISCONNECT, SORT_EVENT, CLIENT_SORTS };
/* Fills order[] (room for core_client_count) with the indexes that match, sorted; returns how many.
 * Ascending is from small to large as the column shows it: states by rank (so that descending has the
 * worst first), names from A and numbers in them by value, BEAT the youngest first. What has no value
 * comes last either way. Ties by name, then uuid, so that rows never jump. Without memory the rows come
 * unsorted. */
uint32_t query_clients(const struct core *c, const struct filter *f, enum client_sort sort, bool descending,
                       uint32_t *order);

/* Other orders of alarms; equal ones keep the order of their urgency. */
enum alarm_sort { ALARMS_BY_URGENCY, ALARMS_BY_AGE, ALARMS_BY_ACKNOWLEDGED, ALARMS_BY_SHELVED, ALARM_SORTS };
extern const struct vocabulary alarm_sorts[ALARM_SORTS];
int alarm_sort_compare(enum alarm_sort sort, const struct alarm *a, const struct alarm *b);

#endif
