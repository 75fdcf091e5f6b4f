/* past.h - what a screen asks of the stored past, and what comes back: plain data between the
 * screen, which wishes, and whoever can look it up. */
#ifndef CORE_PAST_H
#define CORE_PAST_H

#include "base/err.h"
#include "core/core.h"
#include "core/incident.h"

enum past_kind {
    PAST_INCIDENTS,
    PAST_HISTORY,
    PAST_LOGS,
    PAST_CLIENT, /* how often what befell it, and what helped */
    PAST_FLEET,  /* all of it as it was */
    PAST_KINDS
};

#define PAST_ROWS    1000 /* of history and logs, newest first */
#define PAST_DAYS_MS (INT64_C(30) * 86400000)

struct past_question {
    enum past_kind kind;
    int64_t since_at;  /* INCIDENTS */
    int64_t until_at;  /* not newer; FLEET: the moment. TIME_NONE: now */
    struct uid client; /* CLIENT */
    char filter[256];  /* HISTORY, LOGS */
};
bool past_same_question(const struct past_question *a, const struct past_question *b);

struct past_remedy {
    uint32_t tried, helped;
};

/* Of one client's alarms. A command helped if it was the last one before the alarm ended. One that
 * has not ended yet is no try: nobody knows what becomes of it. */
struct past_client {
    uint32_t raised[ALARM_KINDS], by_itself[ALARM_KINDS]; /* ended without a command */
    int64_t last_at[ALARM_KINDS];
    struct past_remedy remedy[ALARM_KINDS][ACTIONS];
};

struct past_answer {
    struct past_question question;
    uint64_t serial; /* rises with every answer */
    int64_t cost_ms;
    struct err error; /* code 0: it is one */
    struct incident_report incidents;
    struct history_event *events; /* newest first */
    size_t event_count;
    struct log_line *logs; /* newest first */
    size_t log_count;
    bool more; /* there are older ones that were not looked at */
    int64_t searched_to_at;
    struct past_client client;
    struct core *fleet;
};
void past_answer_free(struct past_answer *a);

/* events oldest first. */
void past_client_make(const struct history_event *events, size_t event_count,
                      const struct command *commands, size_t command_count,
                      struct past_client *out);

#endif
