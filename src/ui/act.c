/* act.c - which handler each action has, and those about the console itself. */
#include <string.h>

#include "base/i18n.h"
#include "ui/act.h"
#include "ui/panel.h"

struct list *act_list(struct desk *d)
{
    return &d->list[d->focus];
}

void desk_pop(struct desk *d)
{
    if (d->layers)
        d->layers--;
}

bool desk_push(struct desk *d, enum layer_kind kind)
{
    if (d->layers == LAYERS)
        return false;
    memset(&d->layer[d->layers], 0, sizeof d->layer[d->layers]);
    d->layer[d->layers++].kind = kind;
    return true;
}

void act_send(struct intents *out, enum intent_kind kind)
{
    if (out->count < UI_INTENTS)
        out->list[out->count++] = (struct intent){.kind = kind};
}

bool act_only_to_look_at(struct desk *d, const struct ui_model *m)
{
    char when[FIGURE];

    if (d->fleet_at != TIME_NONE) {
        format_moment(m, d->fleet_at, when);
        desk_say(d, m, _("this is the fleet as it was at %s: Esc returns to now, then act"), when);
    } else if (m->read_only) {
        desk_say(d, m, "%s",
                 _("READ-ONLY: nothing is sent; start the console without --read-only to act"));
    }
    return d->fleet_at != TIME_NONE || m->read_only;
}

/* ---- the rest ---- */

static void command_line(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    prompt_open(d, PROMPT_COMMAND);
}

static void reconnect(struct desk *d, const struct ui_model *m, struct intents *out)
{
    if (m->link->phase == LINK_UP)
        desk_say(d, m, "%s", _("the broker is connected"));
    else
        act_send(out, INTENT_RETRY_LINK);
}

static void audit(struct desk *d, const struct ui_model *m, struct intents *out)
{
    act_show_view(d, m, VIEW_BROKER);
    d->focus = LIST_AUDIT;
    if (m->link->phase != LINK_UP)
        desk_say(d, m, "%s", _("no broker is connected: there is nothing to try"));
    else if (m->audit && m->audit->phase == AUDIT_RUNNING)
        desk_say(d, m, "%s", _("the broker is being tried already"));
    else
        act_send(out, INTENT_AUDIT);
}

static void redraw(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m;
    d->redraw = true;
    act_send(out, INTENT_REDRAW);
}

static void reload_theme(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    d->reload_theme = true;
}

static void suspend(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)d, (void)m;
    act_send(out, INTENT_SUSPEND);
}

/* clang-format off */
static act_fn *const handlers[UI_ACTION_COUNT] = {
    [UI_UP] = act_up, [UI_DOWN] = act_down, [UI_PAGE_UP] = act_page_up, [UI_PAGE_DOWN] = act_page_down,
    [UI_TOP] = act_top, [UI_BOTTOM] = act_bottom, [UI_ACKNOWLEDGE] = act_acknowledge,
    [UI_ACKNOWLEDGE_ALL] = act_acknowledge_all, [UI_SHELVE] = act_shelve, [UI_LOAD] = act_load,
    [UI_NOTE] = act_note, [UI_RESTART_APP] = act_restart_app, [UI_REBOOT] = act_reboot,
    [UI_SHUT_DOWN] = act_shut_down, [UI_MARK] = act_mark, [UI_MARK_ALL] = act_mark_all,
    [UI_UNMARK] = act_unmark, [UI_WITHDRAW] = act_withdraw, [UI_OPEN] = act_open_selected,
    [UI_FILTER] = act_filter, [UI_SORT_BACK] = act_sort_back, [UI_SORT_ON] = act_sort_on,
    [UI_SORT_ORDER] = act_sort_order, [UI_COPY] = act_copy, [UI_NEXT_PANEL] = act_next_panel,
    [UI_PREVIOUS_PANEL] = act_previous_panel, [UI_VIEW_OVERVIEW] = act_show_overview,
    [UI_VIEW_CLIENTS] = act_show_clients, [UI_VIEW_ALARMS] = act_show_alarms,
    [UI_VIEW_COMMANDS] = act_show_commands, [UI_VIEW_INCIDENTS] = act_show_incidents,
    [UI_VIEW_HISTORY] = act_show_history, [UI_INCIDENT] = act_incident, [UI_HAND_OVER] = act_hand_over,
    [UI_EXPORT] = act_export_view, [UI_PAST] = act_past, [UI_JUMP] = act_jump, [UI_VIEW_LOGS] = act_show_logs,
    [UI_VIEW_BROKER] = act_show_broker, [UI_COMMAND_LINE] = command_line, [UI_AUDIT] = audit,
    [UI_RECONNECT] = reconnect, [UI_REDRAW] = redraw, [UI_RELOAD_THEME] = reload_theme, [UI_HELP] = act_help,
    [UI_BACK] = act_back, [UI_SUSPEND] = suspend, [UI_QUIT] = act_quit,
};
/* clang-format on */

/* Read-only is enforced where things leave for the broker; here it is only said. */
void desk_act(struct desk *d, const struct ui_model *m, enum ui_action_id id, struct intents *out)
{
    unsigned n;

    if (!(ui_actions(&n)[id].flags & UI_ACTS) || !act_only_to_look_at(d, m))
        handlers[id](d, m, out);
}

static bool is_helping(const struct desk *d)
{
    return d->layers && d->layer[d->layers - 1].kind == LAYER_HELP;
}

bool desk_action_applies(const struct desk *d, const struct ui_model *m, enum ui_action_id id)
{
    enum list_id panels[LISTS];

    switch (id) {
    case UI_SHELVE:
        return !m->read_only && d->fleet_at == TIME_NONE && !d->layers && d->focus == LIST_ALARMS;
    case UI_ACKNOWLEDGE:
        return !m->read_only && d->fleet_at == TIME_NONE && !is_helping(d);
    case UI_RESTART_APP:
    case UI_REBOOT:
    case UI_SHUT_DOWN:
        return !m->read_only && d->fleet_at == TIME_NONE && !is_helping(d) &&
               d->view != VIEW_INCIDENTS && desk_selected_client(d, m);
    case UI_MARK:
        return act_has_marks(d);
    case UI_WITHDRAW:
        return !m->read_only && d->fleet_at == TIME_NONE && !d->layers &&
               d->focus == LIST_COMMANDS;
    case UI_OPEN:
        return !d->layers &&
               (desk_selected_client(d, m) || d->focus == LIST_COMMANDS ||
                d->focus == LIST_FLOOD ||
                (d->view == VIEW_INCIDENTS && desk_incident(d, m)));
    case UI_NOTE:
        return !m->read_only && d->fleet_at == TIME_NONE && desk_incident(d, m);
    case UI_HAND_OVER:
    case UI_EXPORT:
        return d->view == VIEW_INCIDENTS;
    case UI_PAST:
    case UI_JUMP:
        return !d->layers && act_shows_lines(d);
    case UI_INCIDENT:
        return d->view != VIEW_INCIDENTS && d->view != VIEW_BROKER && !is_helping(d) &&
               desk_selected_client(d, m);
    case UI_FILTER:
        return !d->layers && d->list[act_filtered_list(d)].class->matches;
    case UI_AUDIT:
        return !d->layers && d->view == VIEW_BROKER;
    case UI_BACK:
        return d->layers > 0;
    case UI_NEXT_PANEL:
        return !d->layers && desk_panels(d, m, panels) > 1;
    default:
        return true;
    }
}
