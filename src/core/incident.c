/* incident.c - the rule: which incident an alarm is drawn into when it is raised, and to which one
 * a command belongs. One walk over what happened, in order. */
#include "core/incident_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

const bool incident_event_kinds[EVENT_KINDS] = {
    [EVENT_ALARM_RAISED] = true,
    [EVENT_ALARM_ACKNOWLEDGED] = true,
    [EVENT_ALARM_SHELVED] = true,
    [EVENT_ALARM_UNSHELVED] = true,
    [EVENT_ALARM_RETURNED] = true,
    [EVENT_ALARM_CLEARED] = true,
    [EVENT_NOTE] = true,
    [EVENT_COMMAND_QUEUED] = true,
    [EVENT_COMMAND_CANCELLED] = true,
    [EVENT_COMMAND_PUBLISHED] = true,
    [EVENT_COMMAND_ACCEPTED] = true,
    [EVENT_COMMAND_EXECUTION_STARTED] = true,
    [EVENT_COMMAND_EXPIRED] = true,
    [EVENT_COMMAND_COMPLETED] = true,
    [EVENT_COMMAND_FAILED] = true,
    [EVENT_COMMAND_BLOCKED] = true,
    [EVENT_RECOVERY] = true,
    [EVENT_LINK_UP] = true,
    [EVENT_LINK_DOWN] = true,
    [EVENT_RECORDER] = true,
    [EVENT_CLOCK_JUMP] = true,
};

/* What a wide outage explains is silence, and what else comes of it. */
static const struct kind_row {
    bool silence, wide, fleet;
} kinds[] = {
    [ALARM_SERVICE_FAILED] = {false, false, false},
    [ALARM_PROCESS_CRASHED] = {false, false, false},
    [ALARM_CLIENT_SILENT] = {true, false, false},
    [ALARM_CLIENT_FLAPPING] = {true, false, false},
    [ALARM_COMMAND_FAILED] = {false, false, false},
    [ALARM_DEVICE_NOT_BACK] = {true, false, false},
    [ALARM_GROUP_OUTAGE] = {true, true, false},
    [ALARM_BROKER_OUTAGE] = {true, true, true},
    [ALARM_BROKER_UNREACHABLE] = {true, true, true},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == ALARM_KINDS, "a row per kind of alarm");

uint32_t incident_root(const struct walk *w, uint32_t draft)
{
    while (w->drafts[draft].into != draft)
        draft = w->drafts[draft].into;
    return draft;
}

/* ---- places ---- */

static bool within(int64_t at, int64_t since, int64_t ms)
{
    return since != TIME_NONE && at - since <= ms;
}

/* Something stands here that is still news, or ended a short while ago. */
static bool draws(const struct place *p, int64_t at, int64_t after_ms)
{
    return p->home != NOBODY && ((p->standing && within(at, p->raised_at, INCIDENT_STALE_MS)) ||
                                 within(at, p->ended_at, after_ms));
}

/* The places that an alarm is counted at. */
#define PLACES 4
static int places_of(struct walk *w, const struct subject *s, struct place *out[PLACES])
{
    int n = 0;

    if (s->client >= 0)
        out[n++] = &w->of_client[s->client];
    if (s->group >= 0)
        out[n++] = &w->of_group[s->group];
    if (s->kind == ALARM_GROUP_OUTAGE && s->group >= 0)
        out[n++] = &w->outage_of_group[s->group];
    if (kinds[s->kind].wide)
        out[n++] = kinds[s->kind].fleet ? &w->fleet : &w->wide;
    return n;
}

static void settle_in(struct walk *w, const struct subject *s, uint32_t draft, int64_t at)
{
    struct place *places[PLACES];
    const int n = places_of(w, s, places);

    for (int i = 0; i < n; i++) {
        places[i]->home = (int32_t)draft;
        places[i]->standing++;
        places[i]->raised_at = at;
    }
    if (s->command >= 0 && w->home_of_command[s->command] < 0)
        w->home_of_command[s->command] = (int32_t)draft;
}

static void move_out(struct walk *w, const struct subject *s, int64_t at)
{
    struct place *places[PLACES];
    const int n = places_of(w, s, places);

    for (int i = 0; i < n; i++) {
        places[i]->standing -= places[i]->standing > 0;
        places[i]->ended_at = at;
    }
}

/* ---- the rule ---- */

/* In order: its own last incident, its command's, its device's, the wider outage that explains it,
 * the other wide outages of the moment, its group's of the moment. NOBODY: it begins one. */
static int32_t find_home(const struct walk *w, const struct subject *s, int64_t at)
{
    const int64_t after = w->rows->after_ms;
    const struct part *last = s->part >= 0 ? &w->parts[s->part] : NULL;
    const struct kind_row *k = &kinds[s->kind];

    if (last && within(at, last->ended_at, after))
        return (int32_t)last->incident;
    if (s->command >= 0 && w->home_of_command[s->command] >= 0)
        return w->home_of_command[s->command];
    if (s->client >= 0 && draws(&w->of_client[s->client], at, after))
        return w->of_client[s->client].home;
    if (k->silence && draws(&w->fleet, at, after))
        return w->fleet.home;
    if (k->silence && s->group >= 0 && draws(&w->outage_of_group[s->group], at, after))
        return w->outage_of_group[s->group].home;
    if (k->wide && within(at, w->wide.raised_at, INCIDENT_TOGETHER_MS))
        return w->wide.home;
    if (s->group >= 0 && within(at, w->of_group[s->group].raised_at, INCIDENT_TOGETHER_MS))
        return w->of_group[s->group].home;
    return NOBODY;
}

/* The silence of single devices, or of groups, that began just before a wider one was a piece of
 * it. The earlier incident gives its name. */
static void adopt_pieces(struct walk *w, const struct subject *s, uint32_t *home, int64_t at)
{
    for (size_t i = w->draft_count; i-- > 0;) {
        struct draft *d = &w->drafts[i];
        const uint32_t mine = incident_root(w, *home);
        if (at - d->began_at > INCIDENT_TOGETHER_MS)
            break;
        if (d->into != i || i == mine || !d->silence ||
            (!kinds[s->kind].fleet && d->group != s->group))
            continue;
        const uint32_t to = i < mine ? (uint32_t)i : mine;
        w->drafts[to].torn = w->drafts[i].torn || w->drafts[mine].torn;
        w->drafts[to].silence = w->drafts[mine].silence;
        if (w->drafts[i].group != w->drafts[mine].group)
            w->drafts[to].group = NOBODY;
        w->drafts[i < mine ? mine : i].into = to;
        *home = to;
    }
}

/* ---- drafts and parts ---- */

static bool make_room(struct walk *w, void *list, size_t count, size_t *room, size_t size)
{
    const bool made = array_make_room(list, count, room, size);

    w->no_memory |= !made;
    return made;
}

static bool begin_draft(struct walk *w, const struct subject *s, int64_t at, uint32_t *draft)
{
    if (!make_room(w, &w->drafts, w->draft_count, &w->draft_room, sizeof(*w->drafts)))
        return false;
    *draft = (uint32_t)w->draft_count++;
    w->drafts[*draft] = (struct draft){.into = *draft,
                                       .began_at = at,
                                       .first = (uint32_t)w->part_count,
                                       .silence = true,
                                       .group = s->group};
    return true;
}

/* The alarm's part in that incident: the one it has, or a new one. */
static struct part *part_in(struct walk *w, struct subject *s, uint32_t draft, int64_t at)
{
    struct part *p = s->part >= 0 ? &w->parts[s->part] : NULL;

    if (p && incident_root(w, p->incident) == draft)
        return p;
    assert(w->parts); /* room for all was made */
    s->part = (int32_t)w->part_count;
    p = &w->parts[w->part_count++];
    *p = (struct part){.subject = (uint32_t)(s - w->subjects),
                       .incident = draft,
                       .began_at = at,
                       .raised_at = at,
                       .ended_at = TIME_NONE,
                       .acknowledged_at = TIME_NONE};
    return p;
}

static void raise_alarm(struct walk *w, struct subject *s, int64_t at, const struct words *why)
{
    const int32_t found = find_home(w, s, at);
    uint32_t home = found < 0 ? 0 : incident_root(w, (uint32_t)found);

    if (!make_room(w, &w->parts, w->part_count, &w->part_room, sizeof(*w->parts)) ||
        (found < 0 && !begin_draft(w, s, at, &home)))
        return;
    struct part *p = part_in(w, s, home, at);
    p->standing = true;
    p->raised_at = at;
    p->ended_at = TIME_NONE;
    p->occurrences++;
    if (!p->summary)
        p->summary = why;
    struct draft *d = &w->drafts[home];
    d->silence = d->silence && kinds[s->kind].silence;
    d->group = d->group == s->group ? d->group : NOBODY;
    if (kinds[s->kind].wide)
        adopt_pieces(w, s, &home, at);
    settle_in(w, s, home, at);
}

/* The history may begin after the alarm did. */
static struct part *part_of(struct walk *w, struct subject *s, int64_t at)
{
    if (s->part < 0) {
        raise_alarm(w, s, at, s->row ? &s->row->summary : NULL);
        if (s->part >= 0)
            w->drafts[w->parts[s->part].incident].torn = true;
    }
    return s->part < 0 ? NULL : &w->parts[s->part];
}

static void end_alarm(struct walk *w, struct subject *s, int64_t at)
{
    struct part *p = part_of(w, s, at);

    if (!p || !p->standing)
        return;
    p->standing = false;
    p->ended_at = at;
    move_out(w, s, at);
}

/* ---- what happens ---- */

enum happening_kind { RAISED, ACKNOWLEDGED, ENDED, SEEN };

struct happening {
    enum happening_kind kind;
    int64_t at;
    struct text by;
    const struct words *words;
};

/* Nothing happened but that an acknowledgement grew old. */
static bool is_expiry(const struct words *why)
{
    return why && why->id && strcmp(why->id, ACKNOWLEDGEMENT_EXPIRED) == 0;
}

static void happen(struct walk *w, struct subject *s, const struct happening *h)
{
    struct part *p;

    if (h->kind == RAISED && (s->part < 0 || !w->parts[s->part].standing))
        raise_alarm(w, s, h->at, h->words);
    else if (h->kind == RAISED && !is_expiry(h->words))
        w->parts[s->part].occurrences++; /* it failed anew without having been well */
    p = part_of(w, s, h->at);
    if (p && h->kind == ACKNOWLEDGED && p->acknowledged_at == TIME_NONE) {
        p->acknowledged_at = h->at;
        TEXT_COPY(&p->acknowledged_by, h->by);
    }
    if (h->kind == ENDED || (h->kind == ACKNOWLEDGED && alarm_kind_ends_by_ack(s->kind)))
        end_alarm(w, s, h->at);
}

/* "A command to a client during one of its alarms, or within commands.incident_after of its end";
 * also one that is sent into an outage. */
static int32_t home_of_command(const struct walk *w, const struct history_event *ev)
{
    const int32_t client = cast_find(&w->clients, &ev->client);
    const struct place *p = client >= 0 ? &w->of_client[client] : NULL;

    if (p && p->home != NOBODY && (p->standing || within(ev->at, p->ended_at, w->rows->after_ms)))
        return p->home;
    return w->fleet.standing ? w->fleet.home : NOBODY;
}

static void tell_of_client(struct walk *w, const struct history_event *ev, size_t i)
{
    const int32_t command =
        uid_is_zero(&ev->command) ? NOBODY : cast_find(&w->commands, &ev->command);

    if (command < 0) {
        w->home_of_event[i] = home_of_command(w, ev);
    } else if (w->home_of_command[command] == NOBODY) {
        const int32_t home = home_of_command(w, ev); /* when it was issued decides */
        w->home_of_command[command] = home < 0 ? ISSUED_ELSEWHERE : home;
    }
}

static void tell_of_alarm(struct walk *w, const struct history_event *ev, size_t i)
{
    static const enum happening_kind as[EVENT_KINDS] = {
        [EVENT_ALARM_RAISED] = RAISED,
        [EVENT_ALARM_ACKNOWLEDGED] = ACKNOWLEDGED,
        [EVENT_ALARM_RETURNED] = ENDED,
        [EVENT_ALARM_CLEARED] = ENDED,
        [EVENT_ALARM_SHELVED] = SEEN,
        [EVENT_ALARM_UNSHELVED] = SEEN,
        [EVENT_NOTE] = SEEN,
    };
    struct subject *s = &w->subjects[cast_find_text(&w->alarms, ev->alarm_id)];

    happen(w, s, &(struct happening){as[ev->kind], ev->at, TEXT(ev->by), &ev->summary});
    if (s->part >= 0)
        w->home_of_event[i] = (int32_t)w->parts[s->part].incident;
}

/* ---- what only the rows of the alarms tell: it fell into a change of the recorder ---- */

#define SAME_MS INCIDENT_TOGETHER_MS /* two recorders hear of one thing at nearly the same time */

struct untold {
    struct subject *subject;
    struct happening what;
};

static bool is_same(int64_t a, int64_t b)
{
    return a != TIME_NONE && b != TIME_NONE && a - b <= SAME_MS && b - a <= SAME_MS;
}

static void strike_out(const struct walk *w, struct untold *list, const struct history_event *ev)
{
    const int32_t s = cast_find_text(&w->alarms, ev->alarm_id);
    const struct alarm *row = w->subjects[s].row;
    struct untold *mine = &list[3 * s];
    const bool ends = ev->kind == EVENT_ALARM_RETURNED || ev->kind == EVENT_ALARM_CLEARED;
    const bool acks = ev->kind == EVENT_ALARM_ACKNOWLEDGED;

    if (!row)
        return;
    if (ev->kind == EVENT_ALARM_RAISED && is_same(ev->at, row->raised_at))
        mine[RAISED].subject = NULL;
    if (acks && is_same(ev->at, row->acknowledged_at))
        mine[ACKNOWLEDGED].subject = NULL;
    if ((ends || (acks && alarm_kind_ends_by_ack(row->kind))) && is_same(ev->at, row->cleared_at))
        mine[ENDED].subject = NULL;
}

static int by_time(const void *a, const void *b)
{
    const struct untold *x = a, *y = b;

    if (!x->subject != !y->subject)
        return x->subject ? -1 : 1;
    if (x->what.at != y->what.at)
        return x->what.at < y->what.at ? -1 : 1;
    return (int)x->what.kind - (int)y->what.kind;
}

/* In order of time; the caller frees it. */
static struct untold *find_untold(struct walk *w, size_t *count)
{
    struct untold *list = calloc(3 * w->alarms.count + 1, sizeof(*list));

    *count = 0;
    for (size_t i = 0; list && i < w->alarms.count; i++) {
        const struct alarm *a = w->subjects[i].row;
        if (!a)
            continue;
        const struct happening told[] = {
            {RAISED, a->raised_at, TEXT_EMPTY, &a->summary},
            {ACKNOWLEDGED, a->acknowledged_at, TEXT(a->acknowledged_by), NULL},
            {ENDED, a->cleared_at, TEXT_EMPTY, NULL}};
        for (size_t k = 0; k < 3; k++)
            if (told[k].at != TIME_NONE)
                list[3 * i + k] = (struct untold){&w->subjects[i], told[k]};
    }
    for (size_t i = 0; list && i < w->rows->event_count; i++)
        if (*w->rows->events[i].alarm_id)
            strike_out(w, list, &w->rows->events[i]);
    if (list)
        qsort(list, 3 * w->alarms.count, sizeof(*list), by_time);
    while (list && *count < 3 * w->alarms.count && list[*count].subject)
        ++*count;
    return list;
}

/* Suppressed from its first moment: nobody was told, the wider alarm speaks for it. */
static bool is_spoken_for(const struct walk *w, const struct subject *s)
{
    const struct kind_row *k = &kinds[s->kind];

    return k->silence && !k->wide &&
           (w->fleet.standing || (s->group >= 0 && w->outage_of_group[s->group].standing));
}

static void happen_untold(struct walk *w, const struct untold *u)
{
    struct subject *s = u->subject;
    const bool begins = u->what.kind == RAISED;

    if (begins ? !is_spoken_for(w, s) : s->part >= 0)
        happen(w, s, &u->what);
}

/* ---- the walk ---- */

static void walk_rows(struct walk *w, const struct untold *untold, size_t untold_count)
{
    size_t u = 0;

    for (size_t i = 0; i < w->rows->event_count; i++) {
        const struct history_event *ev = &w->rows->events[i];
        for (; u < untold_count && untold[u].what.at <= ev->at; u++)
            happen_untold(w, &untold[u]);
        if (!incident_event_kinds[ev->kind])
            continue;
        if (*ev->alarm_id)
            tell_of_alarm(w, ev, i);
        else if (!uid_is_zero(&ev->client))
            tell_of_client(w, ev, i);
    }
    for (; u < untold_count; u++)
        happen_untold(w, &untold[u]);
}

bool incidents_make(const struct incident_rows *rows, struct incidents *out)
{
    struct walk w = {.rows = rows};
    struct untold *untold = NULL;
    size_t count = 0;

    *out = (struct incidents){0};
    bool ok = cast_make(&w) && (untold = find_untold(&w, &count)) != NULL;
    if (ok)
        walk_rows(&w, untold, count);
    ok = ok && !w.no_memory && incident_list_make(&w, out);
    free(untold);
    cast_fini(&w);
    return ok;
}
