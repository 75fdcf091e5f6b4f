/* incident_list.c - from the walk's notes to the list: each incident with its alarms as they were
 * in it, its commands and its lines. */
#include "core/incident_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which incident in the list a draft became ---- */

struct listing {
    const struct walk *w;
    struct incidents *out;
    uint32_t *place; /* of a root in the list */
};

static struct incident *incident_of(const struct listing *l, int32_t draft)
{
    return draft < 0 ? NULL : &l->out->list[l->place[incident_root(l->w, (uint32_t)draft)]];
}

static void make_id(const struct walk *w, const struct draft *d, char id[INCIDENT_ID])
{
    const struct part *p = &w->parts[d->first];
    char hashed[ALARM_ID + ISO_SIZE + 24], digest[SHA256_HEX];

    const int n =
        snprintf(hashed, sizeof(hashed), "%s %lld",
                 (const char *)cast_key(&w->alarms, (int32_t)p->subject), (long long)p->began_at);
    hash_sha256_hex(hashed, (size_t)n, digest);
    snprintf(id, INCIDENT_ID, "i-%.16s", digest);
}

static void list_drafts(struct listing *l)
{
    for (uint32_t i = 0; i < l->w->draft_count; i++) {
        const struct draft *d = &l->w->drafts[i];
        if (d->into != i)
            continue;
        l->place[i] = (uint32_t)l->out->count;
        struct incident *made = &l->out->list[l->out->count++];
        made->began_at = d->began_at;
        made->torn = d->torn;
        made->ended_at = made->acknowledged_at = made->last_at = TIME_NONE;
        make_id(l->w, d, made->id);
    }
}

/* ---- alarms ---- */

static struct alarm alarm_of(const struct walk *w, const struct part *p)
{
    const struct subject *s = &w->subjects[p->subject];
    const bool latest = &w->parts[s->part] == p;
    struct alarm a = {.kind = s->kind, .shelved_until = TIME_NONE};

    if (s->row)
        a = *s->row;
    memcpy(a.id, cast_key(&w->alarms, (int32_t)p->subject), sizeof(a.id));
    if (!s->row && s->client >= 0)
        memcpy(&a.client, cast_key(&w->clients, s->client), sizeof(a.client));
    if (!s->row)
        a.priority = alarm_kind_priority(a.kind);
    if (!latest || !s->row) {
        a.state = ALARM_NORMAL;
        a.shelved_until = TIME_NONE;
        a.suppressed_by[0] = a.note.clean[0] = '\0';
    }
    a.active = p->standing;
    a.raised_at = p->began_at;
    a.cleared_at = p->ended_at;
    if (!latest || !s->row) {
        a.acknowledged_at = p->acknowledged_at;
        a.acknowledged_by = p->acknowledged_by;
    }
    a.occurrences = p->occurrences;
    if (p->summary && p->summary->id)
        a.summary = *p->summary;
    return a;
}

static void count_part(struct incident *i, const struct part *p)
{
    const bool first_ack =
        p->acknowledged_at != TIME_NONE &&
        (i->acknowledged_at == TIME_NONE || p->acknowledged_at < i->acknowledged_at);

    i->alarm_count++;
    if (first_ack) {
        i->acknowledged_at = p->acknowledged_at;
        i->acknowledged_by = p->acknowledged_by;
    }
    if (p->ended_at > i->ended_at)
        i->ended_at = p->ended_at; /* until one is found that stands */
}

static int by_raise(const void *a, const void *b)
{
    const struct alarm *x = a, *y = b;

    if (x->raised_at != y->raised_at)
        return x->raised_at < y->raised_at ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* The widest, then the most urgent, then the first. */
static uint32_t find_lead(const struct incident *i)
{
    uint32_t lead = 0;

    for (uint32_t k = 1; k < i->alarm_count; k++) {
        const struct alarm *a = &i->alarms[k], *best = &i->alarms[lead];
        const bool wider = a->kind >= ALARM_GROUP_OUTAGE && a->kind > best->kind;
        const bool graver = best->kind < ALARM_GROUP_OUTAGE && a->priority > best->priority;
        if (wider || graver)
            lead = k;
    }
    return lead;
}

static void place_alarms(struct listing *l)
{
    const struct walk *w = l->w;
    struct alarm *at = l->out->alarms;

    for (size_t k = 0; k < w->part_count; k++)
        count_part(incident_of(l, (int32_t)w->parts[k].incident), &w->parts[k]);
    for (size_t i = 0; i < l->out->count; i++) {
        l->out->list[i].alarms = at;
        at += l->out->list[i].alarm_count;
        l->out->list[i].alarm_count = 0;
    }
    for (size_t k = 0; k < w->part_count; k++) {
        struct incident *i = incident_of(l, (int32_t)w->parts[k].incident);
        const struct alarm a = alarm_of(w, &w->parts[k]);
        ((struct alarm *)(uintptr_t)i->alarms)[i->alarm_count++] = a;
        i->standing += alarm_stands(a.state);
    }
    for (size_t k = 0; k < w->part_count; k++)
        if (w->parts[k].standing)
            incident_of(l, (int32_t)w->parts[k].incident)->ended_at = TIME_NONE;
    for (size_t i = 0; i < l->out->count; i++) {
        struct incident *made = &l->out->list[i];
        qsort((struct alarm *)(uintptr_t)made->alarms, made->alarm_count, sizeof(*made->alarms),
              by_raise);
        made->lead = find_lead(made);
        made->last_at = made->ended_at == TIME_NONE ? made->began_at : made->ended_at;
    }
}

/* ---- commands ---- */

static int32_t home_of_event(const struct walk *w, size_t k)
{
    const struct uid *command = &w->rows->events[k].command;
    const int32_t number = uid_is_zero(command) ? NOBODY : cast_find(&w->commands, command);

    return number >= 0 ? w->home_of_command[number] : w->home_of_event[k];
}

/* By when they were first heard of; of those that only an alarm names, last. */
static bool place_commands(struct listing *l)
{
    const struct walk *w = l->w;
    const size_t n = w->commands.count;
    bool *placed = calloc(n + 1, sizeof(*placed));
    struct uid *at = l->out->commands;

    if (!placed)
        return false;
    for (size_t k = 0; k < n; k++)
        if (w->home_of_command[k] >= 0)
            incident_of(l, w->home_of_command[k])->command_count++;
    for (size_t i = 0; i < l->out->count; i++) {
        l->out->list[i].commands = at;
        at += l->out->list[i].command_count;
        l->out->list[i].command_count = 0;
    }
    for (size_t k = 0; k < w->rows->event_count + n; k++) {
        const bool named = k >= w->rows->event_count;
        const int32_t c = named ? (int32_t)(k - w->rows->event_count)
                          : uid_is_zero(&w->rows->events[k].command)
                              ? NOBODY
                              : cast_find(&w->commands, &w->rows->events[k].command);
        struct incident *i = c < 0 || placed[c] ? NULL : incident_of(l, w->home_of_command[c]);
        if (!i)
            continue;
        placed[c] = true;
        memcpy((struct uid *)(uintptr_t)&i->commands[i->command_count++], cast_key(&w->commands, c),
               sizeof(struct uid));
    }
    free(placed);
    return true;
}

/* ---- lines ---- */

/* The recorder, the link, the clock: of every incident that goes on at the time. */
static bool is_common(const struct history_event *ev)
{
    return ev->kind == EVENT_RECORDER || ev->kind == EVENT_LINK_UP || ev->kind == EVENT_LINK_DOWN ||
           ev->kind == EVENT_CLOCK_JUMP;
}

static bool goes_on(const struct incident *i, int64_t at)
{
    return at >= i->began_at && (i->ended_at == TIME_NONE || at <= i->ended_at);
}

static void add_line(const struct listing *l, struct incident *i, size_t k, bool count_only)
{
    if (!count_only)
        ((uint32_t *)(uintptr_t)i->timeline)[i->event_count] = (uint32_t)k;
    i->event_count++;
    if (l->w->rows->events[k].at > i->last_at)
        i->last_at = l->w->rows->events[k].at;
}

static size_t each_line(const struct listing *l, bool count_only)
{
    size_t lines = 0;

    for (size_t k = 0; k < l->w->rows->event_count; k++) {
        const struct history_event *ev = &l->w->rows->events[k];
        struct incident *own = incident_of(l, home_of_event(l->w, k));
        if (own)
            add_line(l, own, k, count_only);
        lines += own != NULL;
        for (size_t i = 0; !own && is_common(ev) && i < l->out->count; i++) {
            if (!goes_on(&l->out->list[i], ev->at))
                continue;
            add_line(l, &l->out->list[i], k, count_only);
            lines++;
        }
    }
    return lines;
}

static bool place_lines(struct listing *l)
{
    const size_t lines = each_line(l, true);

    l->out->timeline = calloc(lines + 1, sizeof(*l->out->timeline));
    if (!l->out->timeline)
        return false;
    uint32_t *at = l->out->timeline;
    for (size_t i = 0; i < l->out->count; i++) {
        l->out->list[i].timeline = at;
        at += l->out->list[i].event_count;
        l->out->list[i].event_count = 0;
    }
    each_line(l, false);
    return true;
}

/* ---- all of it ---- */

bool incident_list_make(struct walk *w, struct incidents *out)
{
    struct listing l = {.w = w, .out = out};

    l.place = calloc(w->draft_count + 1, sizeof(*l.place));
    out->list = calloc(w->draft_count + 1, sizeof(*out->list));
    out->alarms = calloc(w->part_count + 1, sizeof(*out->alarms));
    out->commands = calloc(w->commands.count + 1, sizeof(*out->commands));
    bool ok = l.place && out->list && out->alarms && out->commands;
    if (ok) {
        list_drafts(&l);
        place_alarms(&l);
    }
    ok = ok && place_commands(&l) && place_lines(&l);
    free(l.place);
    if (!ok)
        incidents_fini(out);
    return ok;
}

void incidents_fini(struct incidents *set)
{
    free(set->list);
    free(set->alarms);
    free(set->commands);
    free(set->timeline);
    *set = (struct incidents){0};
}

/* ---- reports ---- */

void incident_report_fini(struct incident_report *r)
{
    incidents_fini(&r->set);
    free(r->events);
    free(r->commands);
    free(r->logs);
    *r = (struct incident_report){0};
}

static int by_command(const void *a, const void *b)
{
    const struct command *x = a, *y = b;

    return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

void incident_report_sort(struct incident_report *r)
{
    if (r->command_count)
        qsort(r->commands, r->command_count, sizeof(*r->commands), by_command);
}

const struct command *incident_report_command(const struct incident_report *r, const struct uid *id)
{
    size_t low = 0, high = r->command_count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = memcmp(r->commands[mid].id.b, id->b, sizeof(id->b));
        if (order == 0)
            return &r->commands[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

bool incident_is_handover(const struct history_event *ev)
{
    const char *id = ev->kind == EVENT_NOTE && !*ev->alarm_id ? ev->summary.id : NULL;

    return id &&
           (strcmp(id, INCIDENT_HANDED_OVER) == 0 || strcmp(id, INCIDENT_HANDED_OVER_TO) == 0);
}

/* ---- what is asked of one ---- */

static int64_t seconds_since_beginning(const struct incident *i, int64_t at)
{
    if (at == TIME_NONE)
        return NUMBER_NONE;
    return at > i->began_at ? (at - i->began_at) / 1000 : 0;
}

int64_t incident_time_to_acknowledge_s(const struct incident *i)
{
    return seconds_since_beginning(i, i->acknowledged_at);
}

int64_t incident_time_to_recover_s(const struct incident *i)
{
    return seconds_since_beginning(i, i->ended_at);
}

void incident_summary(const struct incident *i, struct text name, translate_fn tr, char *dst,
                      size_t size)
{
    const unsigned more = i->alarm_count - 1;
    struct words w = {.id = more == 0   ? N_("{1}{2}")
                            : more == 1 ? N_("{1}{2}, and 1 more alarm")
                                        : N_("{1}{2}, and {3} more alarms")};
    const struct alarm *lead = &i->alarms[i->lead];
    char what[sizeof(w.arg[1].clean)];

    words_render(&lead->summary, tr, what, sizeof(what));
    if (!text_is_empty(name) && !strstr(what, name.clean))
        snprintf(w.arg[0].clean, sizeof(w.arg[0].clean), "%.80s: ", name.clean);
    TEXT_SET(&w.arg[1], what, strlen(what));
    snprintf(w.arg[2].clean, sizeof(w.arg[2].clean), "%u", more);
    words_render(&w, tr, dst, size);
}
