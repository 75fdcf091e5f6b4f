/* rules.h - configuration values that are small lists of rules, and what they decide. Times of day are
 * minutes of the local day, 0..1439; a span over midnight ends on the next day. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model.h"

struct day_span {
    int16_t from, to; /* from included, to not; equal: always */
};

#define RULES_TEXT 256
#define RULES      8

/* "high, group:vienna-1=critical, 22:00-06:00=low": the first condition that holds decides, else the plain
 * one wherever it stands. Two conditions of one rule, with a blank between, must both hold. */
struct priority_rules {
    char text[RULES_TEXT]; /* as it was written */
    uint8_t count;
    struct priority_rule {
        enum priority priority;
        bool has_group, has_span;
        struct text64 group;
        struct day_span span;
    } rule[RULES];
};

/* "22:00-06:00, low=20:00-08:00": nobody is told of alarms up to this priority, of all but critical ones
 * without one. Critical ones are always told. */
struct quiet_hours {
    char text[RULES_TEXT];
    uint8_t count;
    struct {
        enum priority up_to;
        struct day_span span;
    } rule[RULES];
};

/* What is refused changes nothing. */
bool priority_rules_parse(const char *text, struct priority_rules *out);
bool quiet_hours_parse(const char *text, struct quiet_hours *out);

/* PRIORITY_DEFAULT: no rule holds. */
enum priority priority_rules_decide(const struct priority_rules *r, struct text group, int minute);
bool quiet_hours_hold(const struct quiet_hours *q, enum priority p, int minute);

#endif
