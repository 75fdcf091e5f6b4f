/* load.h - how bad is the load of alarms (ISA-18.2 / IEC 62682, OPC UA AlarmMetrics): pure functions over
 * what was raised and what stands; the console feeds them from the core, the command line from the history. */
#ifndef CORE_LOAD_H
#define CORE_LOAD_H

#include <stddef.h>

#include "core/model.h"

#define LOAD_WINDOW_MS  INT64_C(600000)   /* of the rate: 10 minutes */
#define LOAD_DAY_MS     INT64_C(86400000) /* what is looked back on */
#define LOAD_FLOOD_OVER 10 /* new alarms in the window that one operator can no longer follow … */
#define LOAD_CALM_BELOW 5  /* … and below which it is over */
#define LOAD_CHATTER    3  /* raises of one alarm within a minute */
#define LOAD_CHATTER_MS INT64_C(60000)
#define LOAD_SOURCES    10
#define LOAD_LISTED     100

struct raise {
    int64_t at;
    char alarm_id[ALARM_ID];
    struct uid client; /* zero: about no single client */
};

struct alarm_load {
    int64_t rate;     /* raised in the last ten minutes */
    bool flood;
    int64_t flood_ms; /* in flood during the last day */
    int64_t standing, unacknowledged, stale; /* stale: for more than a day */
    int64_t longest_ms; /* the longest unacknowledged; NUMBER_NONE: none */
    char chattering[LOAD_LISTED][ALARM_ID];
    uint32_t chattering_count;
    struct {
        struct uid client;
        int64_t count;
    } source[LOAD_SOURCES];
    uint32_t source_count;
};

void load_begin(struct alarm_load *l);
void load_add_alarm(struct alarm_load *l, const struct alarm *a, int64_t now);
/* What was raised within the last day, in any order; it is sorted. */
void load_add_raises(struct alarm_load *l, struct raise *raises, size_t n, int64_t now);

#endif
