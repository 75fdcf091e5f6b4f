/* desk.c - the state of the screen and the way of a frame and of a key through it. */
#include "ui/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

#define DOUBLE_CLICK_MS 400
#define AGES_MS         1000 /* ages are drawn again at most this often … */
#define STALE_MS                                                                                   \
    5000 /* … and at least this often: a heartbeat alone is no reason to draw, nor a rate */

bool desk_init(struct desk *d, const struct ui_options *o, struct err *e)
{
    static const struct list_class *const classes[LISTS] = {
        [LIST_ALARMS] = &class_alarms,     [LIST_FLOOD] = &class_flood,
        [LIST_CLIENTS] = &class_clients,
        [LIST_COMMANDS] = &class_commands, [LIST_INCIDENTS] = &class_incidents,
        [LIST_HISTORY] = &class_history,
        [LIST_LOGS] = &class_logs,         [LIST_REJECTS] = &class_rejects,
        [LIST_REFUSALS] = &class_refusals, [LIST_AUDIT] = &class_audit,
        [LIST_ACCOUNTS] = &class_accounts,
    };

    memset(d, 0, sizeof *d);
    d->ascii = !o->utf8 || o->config->console.plain;
    d->screen_reader = o->config->ui.screen_reader;
    d->boxes = !o->config->console.plain && !d->screen_reader;
    d->rate_shown = -1;
    d->said_mono = INT64_MIN / 2;
    d->click_mono = INT64_MIN / 2;
    d->focus = LIST_CLIENTS;
    d->fleet_at = d->lines_until = TIME_NONE;
    d->config = o->config;
    d->ack_expires_ms = o->config->alarms.ack_expires;
    for (int i = 0; i < LISTS; i++) {
        d->list[i].class = classes[i];
        d->list[i].sort = i == LIST_ALARMS ? (int)ALARMS_BY_URGENCY : (int)SORT_STATE;
        d->list[i].descending = list_sorts_down(SORT_STATE);
        d->list[i].header_y = -1;
    }
    for (int i = 0; i < LISTS; i++) {
        if (classes[i]->matches && !list_set_filter(&d->list[i], "", e))
            return false;
    }
    keymap_init(&d->keys);
    return keymap_bind(&d->keys, o->key_bindings, e);
}

void desk_fini(struct desk *d)
{
    for (int i = 0; i < LISTS; i++)
        list_fini(&d->list[i]);
    free(d->acknowledge);
    order_fini(d);
    free(d->sent);
    buf_fini(&d->export);
}

void desk_say(struct desk *d, const struct ui_model *m, const char *format, ...)
{
    char out[320];
    va_list ap;

    va_start(ap, format);
    vsnprintf(out, sizeof out, format, ap);
    va_end(ap);
    TEXT_SET(&d->said, out, strlen(out));
    d->said_mono = m->now.mono_ms;
    d->touched = true;
}

struct area desk_frame(const struct desk *d, struct area a, bool heavy, enum role border,
                       enum role title_role, struct text title)
{
    if (d->boxes)
        return area_frame(a, heavy, border, title_role, title);
    area_text(a, 0, 1, -1, title_role, title);
    return area_sub(a, 1, 0, a.rows - 1, a.cols);
}

/* ---- panels and focus ---- */

static bool is_alert(enum list_id id)
{
    return id == LIST_ALARMS || id == LIST_FLOOD;
}

/* Which of the two lists of alarms the overview shows; LISTS: neither. */
enum list_id desk_alert(const struct ui_model *m)
{
    return !core_counts(m->core)->alarms_standing ? LISTS
           : core_alarm_flood(m->core)            ? LIST_FLOOD
                                                  : LIST_ALARMS;
}

int desk_panels(const struct desk *d, const struct ui_model *m, enum list_id out[LISTS])
{
    static const enum list_id of_view[VIEWS][5] = {
        [VIEW_OVERVIEW] = {LIST_ALARMS, LIST_FLOOD, LIST_CLIENTS, LIST_COMMANDS, LISTS},
        [VIEW_CLIENTS] = {LIST_CLIENTS, LISTS},
        [VIEW_ALARMS] = {LIST_ALARMS, LISTS},
        [VIEW_COMMANDS] = {LIST_COMMANDS, LISTS},
        [VIEW_INCIDENTS] = {LIST_INCIDENTS, LISTS},
        [VIEW_HISTORY] = {LIST_HISTORY, LISTS},
        [VIEW_LOGS] = {LIST_LOGS, LISTS},
        [VIEW_BROKER] = {LIST_REJECTS, LIST_REFUSALS, LIST_AUDIT, LIST_ACCOUNTS, LISTS},
    };
    int n = 0;

    for (int i = 0; of_view[d->view][i] != LISTS; i++) {
        const enum list_id id = of_view[d->view][i];
        const bool away =
            d->view == VIEW_OVERVIEW && ((is_alert(id) && id != desk_alert(m)) ||
                                         (id == LIST_COMMANDS && !d->list[id].rows));
        if (!away)
            out[n++] = id;
    }
    return n;
}

/* It never stays on a panel that is gone. */
static void leave_gone_panel(struct desk *d, const struct ui_model *m)
{
    enum list_id panels[LISTS] = {LIST_CLIENTS};
    const int n = desk_panels(d, m, panels);
    bool there = false;

    for (int i = 0; i < n; i++)
        there = there || panels[i] == d->focus;
    if (!there && is_alert(d->focus) && is_alert(panels[0]))
        d->focus = panels[0]; /* a flood begins or ends */
    else if (!there)
        d->focus = d->view == VIEW_OVERVIEW ? LIST_CLIENTS : panels[0];
}

/* The alerts have the focus until the operator wants it elsewhere. */
void desk_settle_focus(struct desk *d, const struct ui_model *m)
{
    enum list_id panels[LISTS];

    leave_gone_panel(d, m);
    desk_panels(d, m, panels);
    if (d->view == VIEW_OVERVIEW && !d->focus_chosen && is_alert(panels[0]))
        d->focus = panels[0];
}

bool desk_asks(const struct desk *d)
{
    const enum layer_kind kind = d->layers ? d->layer[d->layers - 1].kind : LAYER_HELP;

    return kind == LAYER_ORDER || kind == LAYER_PROMPT;
}

bool desk_has_asked(const struct desk *d)
{
    if (!desk_asks(d))
        return false;
    return d->layer[d->layers - 1].kind == LAYER_ORDER ? d->order.shown
                                                       : prompt_is_question(d) && d->prompt.shown;
}

const struct client *desk_selected_client(const struct desk *d, const struct ui_model *m)
{
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_CLIENT)
        return core_find_client(m->core, &d->layer[d->layers - 1].client);
    const void *row = list_selected(&d->list[d->focus], m);
    const struct uid *id = NULL;

    if (row && (d->focus == LIST_CLIENTS || d->focus == LIST_ACCOUNTS))
        return row;
    if (row && d->focus == LIST_ALARMS)
        id = &((const struct alarm *)row)->client;
    else if (row && d->focus == LIST_COMMANDS)
        id = &((const struct work *)row)->client;
    else if (row && d->focus == LIST_INCIDENTS)
        id = &((const struct incident *)row)->alarms[((const struct incident *)row)->lead].client;
    else if (row && d->focus == LIST_HISTORY)
        id = &((const struct history_event *)row)->client;
    else if (row && d->focus == LIST_LOGS)
        id = &((const struct log_line *)row)->client;
    return id ? core_find_client(m->core, id) : NULL;
}

/* ---- a frame ---- */

static int64_t next_change(const struct desk *d, const struct paint *p)
{
    const int64_t now = p->m->now.mono_ms;
    int64_t at = p->next_change;

    if (at == INT64_MAX)
        return at;
    at = at < now + AGES_MS ? now + AGES_MS : at;
    return at > now + STALE_MS && !d->screen_reader ? now + STALE_MS : at;
}

void desk_draw(struct desk *d, const struct ui_model *m, struct cells *c)
{
    struct paint p = {.desk = d, .m = m, .next_change = INT64_MAX};

    desk_settle_past(d, m);
    desk_settle_focus(d, m);
    desk_find_sought(d, m);
    for (int i = 0; i < LISTS; i++)
        d->list[i].rows = 0; /* until drawn */
    c->ascii = d->ascii;
    cells_clear(c);
    desk_draw_view(&p, area_all(c));
    if (d->overscrolled) { /* only now it is known where its end is */
        d->overscrolled = false;
        cells_clear(c);
        desk_draw_view(&p, area_all(c));
    }
    d->target = target_resolve(d, m);
    d->next_change = next_change(d, &p);
    for (int i = 0; i < LISTS; i++) {
        const int64_t due = d->list[i].rows ? list_due(&d->list[i], m) : INT64_MAX;
        d->next_change = due < d->next_change ? due : d->next_change;
    }
    d->touched = false;
}

/* ---- a key ---- */

static void click(struct desk *d, const struct ui_model *m, const struct key *k,
                  struct intents *out)
{
    enum list_id panels[LISTS];
    const int n = desk_panels(d, m, panels);

    if (d->layers)
        return;
    for (int i = 0; i < n; i++) {
        struct list *l = &d->list[panels[i]];
        const int header = list_header_at(l, k->y, k->x);
        if (header >= 0 && l->class->columns[header].sort) {
            list_sort(l, l->class->columns[header].sort - 1);
        } else if (list_click(l, m, k->y, k->x)) {
            const bool twice =
                m->now.mono_ms - d->click_mono < DOUBLE_CLICK_MS && d->click_y == k->y;
            d->focus = panels[i];
            d->focus_chosen = true;
            d->click_mono = m->now.mono_ms;
            d->click_y = k->y;
            if (twice)
                desk_act(d, m, UI_OPEN, out);
        }
    }
}

/* To draw anew and to be suspended concern no question that is open; but what can be typed is typed. */
static bool is_for_the_terminal(const struct desk *d, const struct key *k)
{
    const enum ui_action_id id = keymap_find(&d->keys, k->code);

    return k->code > 0 && k->code < ' ' && (id == UI_REDRAW || id == UI_SUSPEND);
}

void desk_key(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out)
{
    d->touched = true;
    desk_settle_past(d, m);
    leave_gone_panel(d, m); /* an alarm that came since the last frame does not turn a key aside */
    if (is_for_the_terminal(d, k)) {
        desk_act(d, m, keymap_find(&d->keys, k->code), out);
        return;
    }
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_PROMPT) {
        prompt_key(d, m, k, out);
        return;
    }
    if (d->layers && d->layer[d->layers - 1].kind == LAYER_ORDER) {
        order_key(d, m, k, out);
        return;
    }
    if (k->code == KEY_PRESS) {
        click(d, m, k, out);
    } else if (k->code == KEY_WHEEL_UP || k->code == KEY_WHEEL_DOWN) {
        for (int i = 0; i < 3; i++)
            desk_act(d, m, k->code == KEY_WHEEL_UP ? UI_UP : UI_DOWN, out);
    } else {
        const enum ui_action_id id = keymap_find(&d->keys, k->code);
        if (id != UI_NO_ACTION)
            desk_act(d, m, id, out);
    }
}

/* Pasted text is text: outside of a line that is being typed it would be a row of commands. */
void desk_paste(struct desk *d, const struct ui_model *m, const struct key *k, struct intents *out)
{
    const bool typing =
        desk_asks(d) && (d->layer[d->layers - 1].kind == LAYER_PROMPT ? !prompt_is_question(d)
                                                                      : d->order.reasoning);

    if (typing)
        desk_key(d, m, k, out);
}
