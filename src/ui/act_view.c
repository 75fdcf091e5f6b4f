/* act_view.c - views and layers: which is shown, what Enter opens, what Esc leaves. */
#include <stdio.h>
#include <string.h>

#include "ui/act.h"
#include "ui/panel.h"

void act_show_view(struct desk *d, const struct ui_model *m, enum view_id view)
{
    d->layers = 0;
    d->view = view;
    if (view == VIEW_OVERVIEW && d->list[LIST_ALARMS].sort != ALARMS_BY_URGENCY)
        list_sort(&d->list[LIST_ALARMS], ALARMS_BY_URGENCY); /* an order is for looking through */
    d->focus_chosen = d->focus_chosen && view == VIEW_OVERVIEW;
    desk_settle_focus(d, m);
}

/* clang-format off */
#define SHOW(function, view)                                                                 \
    void function(struct desk *d, const struct ui_model *m, struct intents *out)             \
    {                                                                                        \
        (void)out;                                                                           \
        act_show_view(d, m, view);                                                           \
    }
SHOW(act_show_overview, VIEW_OVERVIEW)
SHOW(act_show_clients, VIEW_CLIENTS)
SHOW(act_show_alarms, VIEW_ALARMS)
SHOW(act_show_commands, VIEW_COMMANDS)
SHOW(act_show_incidents, VIEW_INCIDENTS)
SHOW(act_show_history, VIEW_HISTORY)
SHOW(act_show_logs, VIEW_LOGS)
SHOW(act_show_broker, VIEW_BROKER)
/* clang-format on */

static void record_handover(struct desk *d, const struct ui_model *m)
{
    if (!act_only_to_look_at(d, m))
        prompt_open(d, PROMPT_HAND_OVER);
}

/* Also before a frame has shown the view. */
const struct incident *act_incident_here(struct desk *d, const struct ui_model *m)
{
    if (d->view == VIEW_INCIDENTS)
        list_update(&d->list[LIST_INCIDENTS], m);
    return desk_incident(d, m);
}

static void open_incident(struct desk *d, const struct ui_model *m)
{
    const struct incident *i = act_incident_here(d, m);

    if (i && desk_push(d, LAYER_INCIDENT))
        memcpy(d->layer[d->layers - 1].incident, i->id, sizeof i->id);
}

/* Each alarm of the group, in the view of alarms. */
static void open_group(struct desk *d, const struct ui_model *m)
{
    const struct alarm_group *g = list_selected(&d->list[LIST_FLOOD], m);
    char filter[160];
    struct err ignored = {0};

    if (!g)
        return;
    snprintf(filter, sizeof filter, g->group.clean[0] ? "kind:%s group:\"%s\"" : "kind:%s",
             alarm_kinds[g->kind].word, g->group.clean);
    act_show_view(d, m, VIEW_ALARMS);
    list_set_filter(&d->list[LIST_ALARMS], filter, &ignored);
    list_update(&d->list[LIST_ALARMS], m);
}

void act_open_selected(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct client *c = d->layers ? NULL : desk_selected_client(d, m);
    const struct work *w =
        d->focus == LIST_COMMANDS && !d->layers ? list_selected(act_list(d), m) : NULL;
    const struct alarm *a =
        d->focus == LIST_ALARMS && !d->layers ? list_selected(act_list(d), m) : NULL;

    if (d->layers && d->layer[d->layers - 1].kind == LAYER_HANDOVER) {
        record_handover(d, m);
        return;
    }
    if (!d->layers && d->view == VIEW_INCIDENTS) {
        open_incident(d, m);
        return;
    }
    (void)out;
    if (w && w->kind == WORK_ROLLOUT) {
        work_fold(act_list(d), &w->id);
    } else if (d->focus == LIST_FLOOD && !d->layers) {
        open_group(d, m);
    } else if (c && desk_push(d, LAYER_CLIENT)) {
        d->layer[d->layers - 1].client = c->id;
    } else if (a) { /* about no single device: its words in full */
        struct text160 words = {""};
        panel_words(&a->summary, words.clean, sizeof words.clean);
        desk_say(d, m, "%s", words.clean);
    }
}

void act_help(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_HELP)
        desk_pop(d);
    else
        desk_push(d, LAYER_HELP);
}

static void clear_filter(struct desk *d, const struct ui_model *m)
{
    for (int i = 0; i < LISTS; i++) {
        if ((d->list[i].rows || i == (int)d->focus) && *d->list[i].expression)
            list_set_filter(&d->list[i], "", NULL);
    }
    desk_settle_focus(d, m);
}

bool act_shows_lines(const struct desk *d)
{
    return d->view == VIEW_HISTORY || d->view == VIEW_LOGS;
}

void act_back(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (d->layers)
        desk_pop(d);
    else if (*act_list(d)->expression)
        clear_filter(d, m);
    else if (d->lines_until != TIME_NONE && act_shows_lines(d))
        desk_go_to(d, TIME_NONE, false);
    else if (d->fleet_at != TIME_NONE)
        desk_go_to(d, TIME_NONE, true);
    else if (d->view == VIEW_OVERVIEW)
        clear_filter(d, m);
    else
        act_show_view(d, m, VIEW_OVERVIEW);
}

void act_quit(struct desk *d, const struct ui_model *m, struct intents *out)
{
    if (d->layers)
        desk_pop(d);
    else if (d->view != VIEW_OVERVIEW)
        act_show_view(d, m, VIEW_OVERVIEW);
    else
        leave_begin(d, m, out);
}
