/* notices.h - telling a human who isn't looking: the bell and the terminal's notification of a console,
 * notify.command of the recorder. */
#ifndef APP_NOTICES_H
#define APP_NOTICES_H

#include "app/program.h"
#include "core/core.h"

#define NOTICES_WAITING  256 /* alarms; what finds no room pushes out the least urgent */
#define NOTICES_AT_ONCE  4

struct notices {
    struct notice {
        char alarm_id[ALARM_ID];
        struct text96 mark; /* the occurrence */
        enum priority priority;
        int32_t escalation;
    } waiting[NOTICES_WAITING]; /* the oldest first */
    uint32_t count;
    struct program running[NOTICES_AT_ONCE];
    double allowed;        /* runs that may begin now: notify.max_per_minute of them at most */
    int64_t allowed_mono;
    /* For the screen: the most urgent since it was last told, and how many more. */
    bool bell;
    enum priority told_priority;
    struct text160 told;
    uint32_t told_count;
};

struct session;
void notices_take(struct session *s, const struct alarm *a, int32_t escalation);
/* Ends, reaps and starts; cheap when nothing is to do. */
void notices_turn(struct session *s);

#endif
