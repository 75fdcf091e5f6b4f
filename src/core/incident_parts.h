/* incident_parts.h - what the files behind incidents_make share: the rule (incident.c), who is
 * who among the rows (incident_cast.c), and the list that comes of it (incident_list.c). */
#ifndef CORE_INCIDENT_PARTS_H
#define CORE_INCIDENT_PARTS_H

#include "base/hash.h"
#include "core/core_internal.h"
#include "core/incident.h"

#define NOBODY           (-1)
#define ISSUED_ELSEWHERE (-2) /* a command that belongs to no incident by when it was issued */

/* Things named by a fixed number of bytes, each once; its number is its place in the order. */
struct cast {
    char *keys;
    size_t size, count, room;
};

/* What may draw an alarm into an incident: a client, a group, a wide outage. */
struct place {
    int32_t home;                /* its last incident; NOBODY */
    uint32_t standing;           /* alarms here */
    int64_t raised_at, ended_at; /* the last time, TIME_NONE: never */
};

/* An alarm, whatever became of it over time. */
struct subject {
    enum alarm_kind kind;
    const struct alarm *row;        /* NULL: forgotten */
    int32_t client, group, command; /* numbers in their casts; NOBODY */
    int32_t part;                   /* its last one */
};

/* An alarm's share in one incident. */
struct part {
    uint32_t subject, incident;
    int64_t began_at, raised_at, ended_at, acknowledged_at;
    struct text64 acknowledged_by;
    const struct words *summary;
    int32_t occurrences;
    bool standing;
};

struct draft {
    uint32_t into; /* itself, or the one that it turned out to be a piece of */
    int64_t began_at;
    uint32_t first; /* part */
    bool silence;   /* nothing but silence so far */
    bool torn;      /* the rows begin after its first alarm was raised */
    int32_t group;  /* of all its alarms; NOBODY where they differ */
};

struct walk {
    const struct incident_rows *rows;
    struct cast alarms, clients, groups, commands;
    struct subject *subjects;
    struct place *of_client, *of_group, *outage_of_group, fleet, wide;
    int32_t *home_of_command, *home_of_event;
    struct part *parts;
    size_t part_count, part_room;
    struct draft *drafts;
    size_t draft_count, draft_room;
    bool no_memory;
};

/* incident_cast.c */
bool cast_make(struct walk *w); /* the casts, subjects and places from the rows */
void cast_fini(struct walk *w);
int32_t cast_find(const struct cast *c, const void *key); /* NOBODY */
int32_t cast_find_text(const struct cast *c, const char *text);
const void *cast_key(const struct cast *c, int32_t number);

/* incident.c */
uint32_t incident_root(const struct walk *w, uint32_t draft);

/* incident_list.c */
bool incident_list_make(struct walk *w, struct incidents *out);

#endif
