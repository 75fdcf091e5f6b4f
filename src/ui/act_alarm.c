/* act_alarm.c - acknowledge, shelve, note: what is done about alarms. */
#include <string.h>

#include "base/i18n.h"
#include "ui/act.h"

static void ask_for_all(struct desk *d, const struct ui_model *m, const struct alarm_group *g)
{
    d->prompt.count = target_collect_all(d, m, g);
    if (d->prompt.count)
        prompt_open(d, PROMPT_ACKNOWLEDGE_ALL);
    else
        desk_say(d, m, "%s", _("no alarm waits to be acknowledged"));
}

static const struct alarm_group *selected_group(const struct desk *d, const struct ui_model *m)
{
    return d->focus == LIST_FLOOD && !d->layers ? list_selected(&d->list[LIST_FLOOD], m) : NULL;
}

void act_acknowledge(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct alarm_group *g = selected_group(d, m);
    if (g) {
        ask_for_all(d, m, g);
        return;
    }
    const struct target t = target_at_key(d, m);
    const struct alarm *a = t.found ? core_find_alarm(m->core, t.what.id) : NULL;

    if (!t.found)
        desk_say(d, m, "%s", _("no alarm waits to be acknowledged"));
    else if (a && a->state == ALARM_ACKNOWLEDGED && a->kind != ALARM_SERVICE_FAILED)
        desk_say(d, m, _("already acknowledged by %s"), a->acknowledged_by.clean);
    else
        desk_send(out, m, OP_ACKNOWLEDGE, &t.what, TEXT_EMPTY);
}

void act_acknowledge_all(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    ask_for_all(d, m, NULL);
}

/* Of an incident: on the alarm that leads it, else on another that still stands. */
static bool target_in_incident(const struct ui_model *m, const struct incident *i, struct target *t)
{
    for (uint32_t k = 0; k < i->alarm_count; k++) {
        const struct alarm *a =
            core_find_alarm(m->core, i->alarms[(i->lead + k) % i->alarm_count].id);
        if (!a || a->state == ALARM_NORMAL)
            continue;
        *t = (struct target){.found = true, .what.mark = a->mark};
        memcpy(t->what.id, a->id, sizeof a->id);
        return true;
    }
    return false;
}

void act_shelve(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct target t = target_at_key(d, m);
    const struct alarm *a = t.found ? core_find_alarm(m->core, t.what.id) : NULL;

    if (!t.found) {
        desk_say(d, m, "%s", _("no alarm to put aside"));
    } else if (a && a->state == ALARM_SHELVED) {
        desk_send(out, m, OP_UNSHELVE, &t.what, TEXT_EMPTY);
    } else {
        d->prompt.note_for = t.what;
        prompt_open(d, PROMPT_SHELVE);
    }
}

void act_load(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_LOAD)
        desk_pop(d);
    else
        desk_push(d, LAYER_LOAD);
}

void act_note(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct incident *i = act_incident_here(d, m);
    struct target t = {.found = false};

    if (!i && (d->layers || d->view != VIEW_INCIDENTS))
        t = target_at_key(d, m);
    else if (i && !target_in_incident(m, i, &t)) {
        desk_say(d, m, "%s", _("this incident is over: none of its alarms takes a note any more"));
        return;
    }

    (void)out;
    if (!t.found) {
        desk_say(d, m, "%s", _("no alarm to write a note on"));
        return;
    }
    d->prompt.note_for = t.what;
    prompt_open(d, PROMPT_NOTE);
}
