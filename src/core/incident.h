/* incident.h - which alarms belong together, and what was done about them: a pure function from
 * rows of the history to incidents. The rule and its reasons are in docs/incidents.md. */
#ifndef CORE_INCIDENT_H
#define CORE_INCIDENT_H

#include "base/i18n.h"
#include "core/model.h"

#define INCIDENT_ID 24 /* "i-", 16 hex digits, NUL */

/* Alarms of one group that are raised within this of each other belong together, and silence that
 * began within this of a wider outage belongs to that outage. */
#define INCIDENT_TOGETHER_MS INT64_C(120000)
/* An alarm that has stood for so long is no news: what is raised now has another cause. */
#define INCIDENT_STALE_MS INT64_C(86400000)

struct incident_rows {
    const struct history_event
        *events; /* by seq; of incident_event_kinds, others are passed over */
    size_t event_count;
    const struct alarm *alarms; /* as they are now, in any order */
    size_t alarm_count;
    int64_t after_ms; /* commands.incident_after */
};

struct incident {
    char id[INCIDENT_ID]; /* from the first alarm and when it was raised */
    int64_t began_at;
    int64_t ended_at;        /* the last condition was gone; TIME_NONE: not yet */
    int64_t acknowledged_at; /* first by anybody; TIME_NONE: by nobody yet */
    struct text64 acknowledged_by;
    int64_t last_at;   /* of its last line */
    uint32_t standing; /* alarms still in somebody's list: not over, or not acknowledged yet */
    bool torn;         /* it began before the rows do */
    uint32_t lead;     /* the alarm that says best what it is about; into alarms */
    /* Borrowed from the set. An alarm that came again later, in another incident, stands here as it
     * was in this one; occurrences counts those within it. */
    const struct alarm *alarms; /* by when they were raised */
    const struct uid *commands; /* by when they were first heard of */
    const uint32_t *timeline;   /* indexes of rows.events, by seq */
    uint32_t alarm_count, command_count, event_count;
    /* What its devices logged meanwhile, warnings and worse; added by whoever reads the logs. */
    const struct log_line *logs;
    uint32_t log_count;
};

struct incidents {
    struct incident *list; /* by when they began */
    size_t count;
    struct alarm *alarms;
    struct uid *commands;
    uint32_t *timeline;
};

/* Incidents with all that is told of them. */
struct incident_report {
    struct incidents set;         /* those of the time asked for */
    struct history_event *events; /* that set's lines are indexes of */
    size_t event_count;
    struct command *commands; /* those of the incidents; by id */
    size_t command_count;
    struct log_line *logs;
    size_t log_count;
    int64_t handed_over_at; /* the last time; TIME_NONE: never */
    struct text64 handed_over_by;
};
void incident_report_fini(struct incident_report *r);
void incident_report_sort(struct incident_report *r); /* its commands */
const struct command *incident_report_command(const struct incident_report *r,
                                              const struct uid *id); /* NULL: not known */

/* The history's line of a hand-over: a note on no alarm. {1}: to whom. */
#define INCIDENT_HANDED_OVER    N_("handed over")
#define INCIDENT_HANDED_OVER_TO N_("handed over to {1}")
bool incident_is_handover(const struct history_event *ev);

/* Kinds of events that make or tell an incident. */
extern const bool incident_event_kinds[EVENT_KINDS];

/* False: no memory; out is empty. */
bool incidents_make(const struct incident_rows *rows, struct incidents *out);
void incidents_fini(struct incidents *set);

/* Seconds, or NUMBER_NONE where it is not yet. */
int64_t incident_time_to_acknowledge_s(const struct incident *i);
int64_t incident_time_to_recover_s(const struct incident *i);
/* "lobby-03: app.service gave up, and 2 more alarms"; name: of the lead's client, may be empty. */
void incident_summary(const struct incident *i, struct text name, translate_fn tr, char *dst,
                      size_t size);

#endif
