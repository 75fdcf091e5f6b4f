/* incident_cast.c - who is who among the rows: alarms, clients, groups and commands get numbers, so
 * that the walk looks nothing up by text. */
#include "core/incident_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- casts ---- */

static bool cast_add(struct cast *c, const void *key)
{
    void *added = array_add(&c->keys, &c->count, &c->room, c->size);

    if (added)
        memcpy(added, key, c->size);
    return added != NULL;
}

static bool cast_add_text(struct cast *c, const char *text)
{
    char key[64] = "";

    strncpy(key, text, c->size - 1);
    return !*text || cast_add(c, key);
}

static bool cast_add_uid(struct cast *c, const struct uid *u)
{
    return uid_is_zero(u) || cast_add(c, u);
}

static int by_bytes(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(const size_t *)size);
}

/* In order, each once. */
static void cast_settle(struct cast *c)
{
    size_t kept = 0;

    if (c->count)
        qsort_r(c->keys, c->count, c->size, by_bytes, &c->size);
    for (size_t i = 0; i < c->count; i++) {
        const char *key = c->keys + i * c->size;
        if (!kept || memcmp(c->keys + (kept - 1) * c->size, key, c->size) != 0)
            memmove(c->keys + kept++ * c->size, key, c->size);
    }
    c->count = kept;
}

int32_t cast_find(const struct cast *c, const void *key)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = memcmp(c->keys + mid * c->size, key, c->size);
        if (order == 0)
            return (int32_t)mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NOBODY;
}

int32_t cast_find_text(const struct cast *c, const char *text)
{
    char key[64] = "";

    strncpy(key, text, c->size - 1);
    return cast_find(c, key);
}

const void *cast_key(const struct cast *c, int32_t number)
{
    return c->keys + (size_t)number * c->size;
}

/* ---- the rows' ---- */

/* What is said of a command that failed names the command. */
static bool command_of(const struct alarm *a, struct uid *id)
{
    return alarm_kind_ends_by_ack(a->kind) &&
           uid_parse(a->subject.clean, strlen(a->subject.clean), id);
}

static bool add_all(struct walk *w)
{
    struct uid id;
    bool ok = true;

    for (size_t i = 0; ok && i < w->rows->event_count; i++) {
        const struct history_event *ev = &w->rows->events[i];
        ok = cast_add_text(&w->alarms, ev->alarm_id) && cast_add_uid(&w->clients, &ev->client) &&
             cast_add_uid(&w->commands, &ev->command);
    }
    for (size_t i = 0; ok && i < w->rows->alarm_count; i++) {
        const struct alarm *a = &w->rows->alarms[i];
        ok = cast_add_text(&w->alarms, a->id) && cast_add_uid(&w->clients, &a->client) &&
             cast_add_text(&w->groups, a->group.clean) &&
             (a->kind != ALARM_GROUP_OUTAGE || cast_add_text(&w->groups, a->subject.clean)) &&
             (!command_of(a, &id) || cast_add_uid(&w->commands, &id));
    }
    return ok;
}

/* "client_silent-0123456789abcdef" */
static enum alarm_kind kind_of_id(const char *id)
{
    char word[ALARM_ID];
    const char *dash = strrchr(id, '-');
    int kind;

    snprintf(word, sizeof(word), "%.*s", dash ? (int)(dash - id) : 0, id);
    kind = vocabulary_find(alarm_kinds, ALARM_KINDS, word);
    return kind < 0 ? ALARM_COMMAND_FAILED : (enum alarm_kind)kind;
}

static void describe_subjects(struct walk *w)
{
    struct uid id;

    for (size_t i = 0; i < w->alarms.count; i++)
        w->subjects[i] = (struct subject){.kind = kind_of_id(cast_key(&w->alarms, (int32_t)i)),
                                          .client = NOBODY,
                                          .group = NOBODY,
                                          .command = NOBODY,
                                          .part = NOBODY};
    for (size_t i = 0; i < w->rows->event_count; i++) {
        const struct history_event *ev = &w->rows->events[i];
        const int32_t s = *ev->alarm_id ? cast_find_text(&w->alarms, ev->alarm_id) : NOBODY;
        if (s >= 0 && !uid_is_zero(&ev->client))
            w->subjects[s].client = cast_find(&w->clients, &ev->client);
    }
    for (size_t i = 0; i < w->rows->alarm_count; i++) {
        const struct alarm *a = &w->rows->alarms[i];
        struct subject *s = &w->subjects[cast_find_text(&w->alarms, a->id)];
        s->row = a;
        s->kind = a->kind;
        if (command_of(a, &id))
            s->command = cast_find(&w->commands, &id);
        if (!uid_is_zero(&a->client))
            s->client = cast_find(&w->clients, &a->client);
        s->group = cast_find_text(&w->groups, a->kind == ALARM_GROUP_OUTAGE ? a->subject.clean
                                                                            : a->group.clean);
    }
}

static struct place *places_new(size_t n)
{
    struct place *list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; list && i < n; i++)
        list[i] = (struct place){.home = NOBODY, .raised_at = TIME_NONE, .ended_at = TIME_NONE};
    return list;
}

static int32_t *homes_new(size_t n)
{
    int32_t *list = calloc(n + 1, sizeof(*list));

    for (size_t i = 0; list && i < n; i++)
        list[i] = NOBODY;
    return list;
}

bool cast_make(struct walk *w)
{
    w->alarms.size = ALARM_ID;
    w->clients.size = w->commands.size = sizeof(struct uid);
    w->groups.size = sizeof(struct text64);
    if (!add_all(w))
        return false;
    cast_settle(&w->alarms);
    cast_settle(&w->clients);
    cast_settle(&w->groups);
    cast_settle(&w->commands);
    w->subjects = calloc(w->alarms.count + 1, sizeof(*w->subjects));
    w->of_client = places_new(w->clients.count);
    w->of_group = places_new(w->groups.count);
    w->outage_of_group = places_new(w->groups.count);
    w->home_of_command = homes_new(w->commands.count);
    w->home_of_event = homes_new(w->rows->event_count);
    w->fleet = w->wide =
        (struct place){.home = NOBODY, .raised_at = TIME_NONE, .ended_at = TIME_NONE};
    if (!w->subjects || !w->of_client || !w->of_group || !w->outage_of_group ||
        !w->home_of_command || !w->home_of_event)
        return false;
    describe_subjects(w);
    return true;
}

void cast_fini(struct walk *w)
{
    free(w->alarms.keys);
    free(w->clients.keys);
    free(w->groups.keys);
    free(w->commands.keys);
    free(w->subjects);
    free(w->of_client);
    free(w->of_group);
    free(w->outage_of_group);
    free(w->home_of_command);
    free(w->home_of_event);
    free(w->parts);
    free(w->drafts);
}
