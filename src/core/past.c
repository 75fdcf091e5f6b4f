/* past.c - see past.h. */
#include "core/past.h"

#include <stdlib.h>
#include <string.h>

#include "core/internal_command.h"

bool past_same_question(const struct past_question *a, const struct past_question *b)
{
    return a->kind == b->kind && a->since_at == b->since_at && a->until_at == b->until_at &&
           uid_equal(&a->client, &b->client) && strcmp(a->filter, b->filter) == 0;
}

void past_answer_free(struct past_answer *a)
{
    if (!a)
        return;
    incident_report_fini(&a->incidents);
    free(a->events);
    free(a->logs);
    core_free(a->fleet);
    free(a);
}

/* ---- what befell a client ---- */

struct course {
    bool standing;
    const struct command *last; /* since it was raised; NULL: none */
};

static int kind_of(const struct history_event *ev)
{
    char word[ALARM_ID];
    const char *dash = strrchr(ev->alarm_id, '-');

    if (!dash)
        return -1;
    memcpy(word, ev->alarm_id, (size_t)(dash - ev->alarm_id));
    word[dash - ev->alarm_id] = '\0';
    return vocabulary_find(alarm_kinds, ALARM_KINDS, word);
}

static const struct command *command_of(const struct history_event *ev,
                                        const struct command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (uid_equal(&commands[i].id, &ev->command))
            return &commands[i];
    return NULL;
}

static void take_command(struct course courses[ALARM_KINDS], const struct command *command,
                         struct past_client *out)
{
    const bool ended = !command_is_active[command->status];

    for (int k = 0; k < ALARM_KINDS; k++) {
        if (!courses[k].standing)
            continue;
        courses[k] = (struct course){.standing = true, .last = command};
        out->remedy[k][command->action].tried += ended;
    }
}

static void take_alarm(struct course *c, const struct history_event *ev, int kind,
                       struct past_client *out)
{
    if (ev->kind == EVENT_ALARM_RAISED && !c->standing) {
        *c = (struct course){.standing = true};
        out->raised[kind]++;
        out->last_at[kind] = ev->at;
    } else if ((ev->kind == EVENT_ALARM_RETURNED || ev->kind == EVENT_ALARM_CLEARED) &&
               c->standing) {
        c->standing = false;
        if (!c->last)
            out->by_itself[kind]++;
        else
            out->remedy[kind][c->last->action].helped += !command_is_active[c->last->status];
    }
}

void past_client_make(const struct history_event *events, size_t event_count,
                      const struct command *commands, size_t command_count, struct past_client *out)
{
    struct course courses[ALARM_KINDS] = {{0}};

    *out = (struct past_client){0};
    for (size_t i = 0; i < event_count; i++) {
        const struct history_event *ev = &events[i];
        const int kind = kind_of(ev);
        /* Sent, by us or by another console: that is when a command begins to help. */
        const struct command *command =
            ev->kind == EVENT_COMMAND_PUBLISHED ? command_of(ev, commands, command_count) : NULL;
        if (kind >= 0)
            take_alarm(&courses[kind], ev, kind, out);
        else if (command)
            take_command(courses, command, out);
    }
}
