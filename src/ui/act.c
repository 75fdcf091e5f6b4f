/* act.c - what each action does. One handler per action; the table says which. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

#define PAGE 10 /* rows, where a layer scrolls */

static struct list *focused(struct desk *d)
{
    return &d->list[d->focus];
}

static int *layer_scroll(struct desk *d)
{
    return d->layers ? &d->layer[d->layers - 1].scroll : NULL;
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

static void send_kind(struct intents *out, enum intent_kind kind)
{
    if (out->count < UI_INTENTS)
        out->list[out->count++] = (struct intent){.kind = kind};
}

/* ---- moving ---- */

/* Below the last row of history or logs the older ones follow. */
static bool turn_back(struct desk *d, const struct ui_model *m, int64_t by)
{
    const struct list *l = focused(d);
    const struct past_answer *a = d->focus == LIST_HISTORY ? m->told[PAST_HISTORY]
                                  : d->focus == LIST_LOGS  ? m->told[PAST_LOGS]
                                                           : NULL;

    if (by <= 0 || !a || !a->more || (l->count && l->cursor + 1 < l->count))
        return false;
    desk_go_to(d, a->searched_to_at, false);
    return true;
}

static void move_by(struct desk *d, const struct ui_model *m, int64_t by)
{
    int *scroll = layer_scroll(d);

    if (scroll) {
        const int64_t to = *scroll + by;
        *scroll = to < 0 ? 0 : to > 10000 ? 10000 : (int)to; /* the next frame knows the true end */
        return;
    }
    d->focus_chosen = true;
    if (!turn_back(d, m, by))
        list_move(focused(d), m, by);
}

static int64_t page(struct desk *d)
{
    const struct list *l = focused(d);
    const int rows = d->layers ? PAGE + 1 : l->rows / (l->lines ? l->lines : 1);

    return rows > 2 ? rows - 1 : 1;
}

static void up(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -1);
}

static void down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, 1);
}

static void page_up(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -page(d));
}

static void page_down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, page(d));
}

static void top(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, -(INT64_C(1) << 40));
}

static void bottom(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    move_by(d, m, INT64_C(1) << 40);
}

static void turn_panel(struct desk *d, const struct ui_model *m, int by)
{
    enum list_id panels[LISTS];
    const int n = desk_panels(d, m, panels);
    int at = 0;

    for (int i = 0; i < n; i++) {
        if (panels[i] == d->focus)
            at = i;
    }
    d->focus = panels[(at + by + n) % n];
    d->focus_chosen = true;
}

static void next_panel(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    turn_panel(d, m, 1);
}

static void previous_panel(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    turn_panel(d, m, -1);
}

/* ---- views and layers ---- */

static void show(struct desk *d, const struct ui_model *m, enum view_id view)
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
    static void function(struct desk *d, const struct ui_model *m, struct intents *out)      \
    {                                                                                        \
        (void)out;                                                                           \
        show(d, m, view);                                                                    \
    }
SHOW(show_overview, VIEW_OVERVIEW)
SHOW(show_clients, VIEW_CLIENTS)
SHOW(show_alarms, VIEW_ALARMS)
SHOW(show_commands, VIEW_COMMANDS)
SHOW(show_incidents, VIEW_INCIDENTS)
SHOW(show_history, VIEW_HISTORY)
SHOW(show_logs, VIEW_LOGS)
SHOW(show_broker, VIEW_BROKER)
/* clang-format on */

static bool only_to_look_at(struct desk *d, const struct ui_model *m)
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

static void record_handover(struct desk *d, const struct ui_model *m)
{
    if (!only_to_look_at(d, m))
        prompt_open(d, PROMPT_HAND_OVER);
}

/* Also before a frame has shown the view. */
static const struct incident *incident_here(struct desk *d, const struct ui_model *m)
{
    if (d->view == VIEW_INCIDENTS)
        list_update(&d->list[LIST_INCIDENTS], m);
    return desk_incident(d, m);
}

static void open_incident(struct desk *d, const struct ui_model *m)
{
    const struct incident *i = incident_here(d, m);

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
    show(d, m, VIEW_ALARMS);
    list_set_filter(&d->list[LIST_ALARMS], filter, &ignored);
}

static void open_selected(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct client *c = d->layers ? NULL : desk_selected_client(d, m);
    const struct work *w =
        d->focus == LIST_COMMANDS && !d->layers ? list_selected(focused(d), m) : NULL;
    const struct alarm *a =
        d->focus == LIST_ALARMS && !d->layers ? list_selected(focused(d), m) : NULL;

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
        work_fold(focused(d), &w->id);
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

static void help(struct desk *d, const struct ui_model *m, struct intents *out)
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

static bool shows_lines(const struct desk *d)
{
    return d->view == VIEW_HISTORY || d->view == VIEW_LOGS;
}

static void back(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (d->layers)
        desk_pop(d);
    else if (*focused(d)->expression)
        clear_filter(d, m);
    else if (d->lines_until != TIME_NONE && shows_lines(d))
        desk_go_to(d, TIME_NONE, false);
    else if (d->fleet_at != TIME_NONE)
        desk_go_to(d, TIME_NONE, true);
    else if (d->view == VIEW_OVERVIEW)
        clear_filter(d, m);
    else
        show(d, m, VIEW_OVERVIEW);
}

static void quit(struct desk *d, const struct ui_model *m, struct intents *out)
{
    if (d->layers)
        desk_pop(d);
    else if (d->view != VIEW_OVERVIEW)
        show(d, m, VIEW_OVERVIEW);
    else
        send_kind(out, INTENT_QUIT);
}

/* ---- lists ---- */

/* In the overview the filter is that of the clients, unless the commands have the focus. */
static enum list_id filtered(const struct desk *d)
{
    return d->view == VIEW_OVERVIEW && d->focus != LIST_COMMANDS ? LIST_CLIENTS : d->focus;
}

static void filter(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const enum list_id id = filtered(d);

    (void)out;
    if (!d->list[id].class->matches) {
        desk_say(d, m, "%s", _("this list has no filter"));
        return;
    }
    d->layers = 0;
    d->prompt.list = id;
    prompt_open(d, PROMPT_FILTER);
}

static void sort_by(struct desk *d, const struct ui_model *m, int by)
{
    const enum list_id id = filtered(d);
    struct list *l = &d->list[id];
    int at = -1;

    if (id == LIST_ALARMS) {
        list_sort(l, (l->sort + by + ALARM_SORTS) % ALARM_SORTS);
        desk_say(d, m, "%s", _(alarm_sorts[l->sort].label));
        return;
    }
    if (id != LIST_CLIENTS) {
        desk_say(d, m, "%s", _("this list has its own order: the most urgent or the newest first"));
        return;
    }
    for (int c = 0; c < l->class->column_count; c++) {
        if (l->class->columns[c].title && l->class->columns[c].sort == l->sort + 1)
            at = c;
    }
    do
        at = (at + by + l->class->column_count) % l->class->column_count;
    while (!l->class->columns[at].title || !l->class->columns[at].sort);
    list_sort(l, l->class->columns[at].sort - 1);
}

static void sort_back(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    sort_by(d, m, -1);
}

static void sort_on(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    sort_by(d, m, 1);
}

static void sort_order(struct desk *d, const struct ui_model *m, struct intents *out)
{
    struct list *l = &d->list[filtered(d)];

    (void)m, (void)out;
    l->descending = !l->descending;
    l->made = false;
}

static void copy(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct client *c = desk_selected_client(d, m);

    (void)out;
    if (!c) {
        desk_say(d, m, "%s", _("no client is selected"));
        return;
    }
    TEXT_SET(&d->copy, c->spelling, strlen(c->spelling));
    desk_say(d, m, _("%s: sent to the terminal's clipboard"), c->spelling);
}

/* ---- alarms ---- */

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

static void acknowledge(struct desk *d, const struct ui_model *m, struct intents *out)
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

static void acknowledge_all(struct desk *d, const struct ui_model *m, struct intents *out)
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

static void shelve(struct desk *d, const struct ui_model *m, struct intents *out)
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

static void load(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_LOAD)
        desk_pop(d);
    else
        desk_push(d, LAYER_LOAD);
}

static void note(struct desk *d, const struct ui_model *m, struct intents *out)
{
    const struct incident *i = incident_here(d, m);
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

/* ---- marks and commands ---- */

static bool has_marks(const struct desk *d)
{
    return d->focus == LIST_CLIENTS && !d->layers;
}

static void mark(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (!has_marks(d))
        desk_say(d, m, "%s", _("only clients are marked: go to their list with Tab or 2"));
    else if (list_toggle_mark(focused(d), m))
        move_by(d, m, 1);
}

static void mark_all(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (has_marks(d))
        list_mark_all(focused(d), m);
    else
        desk_say(d, m, "%s", _("only clients are marked: go to their list with Tab or 2"));
}

static void unmark(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    list_unmark_all(&d->list[LIST_CLIENTS]);
}

static void restart_app(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_RESTART_APP, out);
}

static void reboot(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_REBOOT_HOST, out);
}

static void shut_down(struct desk *d, const struct ui_model *m, struct intents *out)
{
    order_begin(d, m, ACTION_SHUTDOWN_HOST, out);
}

static void withdraw(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    withdraw_begin(d, m);
}

/* ---- incidents, the past, files ---- */

static void incident(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    desk_seek_incident(d, m);
    if (!d->seek.wanted)
        desk_say(d, m, "%s", _("select an alarm or a client first"));
    else
        show(d, m, VIEW_INCIDENTS);
}

static void hand_over(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    if (!d->layers || d->layer[d->layers - 1].kind != LAYER_HANDOVER)
        desk_push(d, LAYER_HANDOVER);
}

static void export_view(struct desk *d, const struct ui_model *m, struct intents *out)
{
    char name[LINE_BYTES] = "";

    (void)out;
    incident_here(d, m);
    prompt_open(d, PROMPT_EXPORT);
    desk_default_name(d, m, name, sizeof name);
    line_set(&d->prompt.line, name);
}

static void past(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    prompt_open(d, PROMPT_PAST);
}

static void jump(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)out;
    if (!shows_lines(d))
        show(d, m, VIEW_HISTORY);
    prompt_open(d, PROMPT_JUMP);
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
        send_kind(out, INTENT_RETRY_LINK);
}

static void audit(struct desk *d, const struct ui_model *m, struct intents *out)
{
    show(d, m, VIEW_BROKER);
    d->focus = LIST_AUDIT;
    if (m->link->phase != LINK_UP)
        desk_say(d, m, "%s", _("no broker is connected: there is nothing to try"));
    else if (m->audit && m->audit->phase == AUDIT_RUNNING)
        desk_say(d, m, "%s", _("the broker is being tried already"));
    else
        send_kind(out, INTENT_AUDIT);
}

static void redraw(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m;
    d->redraw = true;
    send_kind(out, INTENT_REDRAW);
}

static void reload_theme(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)m, (void)out;
    d->reload_theme = true;
}

static void suspend(struct desk *d, const struct ui_model *m, struct intents *out)
{
    (void)d, (void)m;
    send_kind(out, INTENT_SUSPEND);
}

typedef void (*handler)(struct desk *, const struct ui_model *, struct intents *);
/* clang-format off */
static const handler handlers[UI_ACTION_COUNT] = {
    [UI_UP] = up, [UI_DOWN] = down, [UI_PAGE_UP] = page_up, [UI_PAGE_DOWN] = page_down, [UI_TOP] = top,
    [UI_BOTTOM] = bottom, [UI_ACKNOWLEDGE] = acknowledge, [UI_ACKNOWLEDGE_ALL] = acknowledge_all,
    [UI_SHELVE] = shelve, [UI_LOAD] = load,
    [UI_NOTE] = note, [UI_RESTART_APP] = restart_app, [UI_REBOOT] = reboot, [UI_SHUT_DOWN] = shut_down,
    [UI_MARK] = mark, [UI_MARK_ALL] = mark_all, [UI_UNMARK] = unmark, [UI_WITHDRAW] = withdraw, [UI_OPEN] = open_selected, [UI_FILTER] = filter, [UI_SORT_BACK] = sort_back,
    [UI_SORT_ON] = sort_on, [UI_SORT_ORDER] = sort_order, [UI_COPY] = copy, [UI_NEXT_PANEL] = next_panel,
    [UI_PREVIOUS_PANEL] = previous_panel, [UI_VIEW_OVERVIEW] = show_overview,
    [UI_VIEW_CLIENTS] = show_clients, [UI_VIEW_ALARMS] = show_alarms, [UI_VIEW_COMMANDS] = show_commands,
    [UI_VIEW_INCIDENTS] = show_incidents, [UI_VIEW_HISTORY] = show_history,
    [UI_INCIDENT] = incident, [UI_HAND_OVER] = hand_over, [UI_EXPORT] = export_view, [UI_PAST] = past,
    [UI_JUMP] = jump, [UI_VIEW_LOGS] = show_logs, [UI_VIEW_BROKER] = show_broker,
    [UI_COMMAND_LINE] = command_line, [UI_AUDIT] = audit, [UI_RECONNECT] = reconnect, [UI_REDRAW] = redraw,
    [UI_RELOAD_THEME] = reload_theme, [UI_HELP] = help, [UI_BACK] = back, [UI_SUSPEND] = suspend,
    [UI_QUIT] = quit,
};
/* clang-format on */

/* Read-only is enforced where things leave for the broker; here it is only said. */
void desk_act(struct desk *d, const struct ui_model *m, enum ui_action_id id, struct intents *out)
{
    unsigned n;

    if (!(ui_actions(&n)[id].flags & UI_ACTS) || !only_to_look_at(d, m))
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
        return has_marks(d);
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
        return !d->layers && shows_lines(d);
    case UI_INCIDENT:
        return d->view != VIEW_INCIDENTS && d->view != VIEW_BROKER && !is_helping(d) &&
               desk_selected_client(d, m);
    case UI_FILTER:
        return !d->layers && d->list[filtered(d)].class->matches;
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
