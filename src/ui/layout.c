/* layout.c - which panels stand where at which size. */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"
#include "ui/symbols.h"

#define LEAST_COLS    40
#define LEAST_ROWS    10
#define BOXES_ROWS    20  /* below this frames would cost more than they tell */
#define COMMANDS_COLS 110 /* from here on the commands have a panel beside the clients */
#define GRID_ROWS     12  /* of four lists, two above the other */
#define LIST_LEAST    5   /* of a list below something else */
#define DETAIL_FROM   18
#define DETAIL_ROWS   8
#define ALERT_SHARE   3   /* the alerts take a third of the height at most */

/* Where the pieces of a frame go, from the top; each takes rows off the middle. */
struct stack {
    struct area all;
    int top, bottom;
};

static struct area take_top(struct stack *s, int rows)
{
    const struct area a = area_sub(
        s->all, s->top, 0, s->bottom - s->top < rows ? s->bottom - s->top : rows, s->all.cols);

    s->top += a.rows;
    return a;
}

static struct area middle(const struct stack *s)
{
    return area_sub(s->all, s->top, 0, s->bottom - s->top, s->all.cols);
}

static void take_banners(struct paint *p, struct stack *s)
{
    const int most = s->all.rows >= BOXES_ROWS ? 3 : 2;

    s->top += panel_banners_draw(p, area_sub(s->all, s->top, 0, most, s->all.cols));
}

static void draw_list(struct paint *p, enum list_id id, struct area a)
{
    struct desk *d = p->desk;
    const bool focused = d->focus == id, alert = id == LIST_ALARMS || id == LIST_FLOOD;
    char title[320];

    list_update(&d->list[id], p->m); /* before the title counts */
    panel_title(d, p->m, id, title, sizeof title);
    struct area in = a;
    if (a.rows >= 3)
        in = desk_frame(d, a, alert, alert ? ROLE_ALERT_BORDER : ROLE_PANEL_BORDER,
                        alert     ? ROLE_ALERT_TITLE
                        : focused ? ROLE_PANEL_FOCUSED
                                  : ROLE_PANEL_TITLE,
                        TEXT_OURS(title));
    list_draw(&d->list[id], p, in, focused && !d->layers);
}

static int alert_rows(const struct paint *p, enum list_id id, int height)
{
    const int most = height / ALERT_SHARE, edges = (p->desk->boxes ? 2 : 1) + (id == LIST_FLOOD);
    const uint32_t rows = p->desk->list[id].class->count(p->m);
    const int wanted = (int)(rows < 200 ? rows : 200) + edges;

    return wanted > most ? (most > edges + 1 ? most : edges + 1) : wanted;
}

/* The commands in one line, where they have no panel. */
static void draw_command_line(struct paint *p, struct area a)
{
    const struct command *c = core_command(p->m->core, 0);
    const unsigned active = core_counts(p->m->core)->commands_active;
    struct text64 scratch = {""};
    char how[320];

    if (!c)
        return;
    panel_command_state(p, c, 48, how, sizeof how);
    area_printf(a, 0, 1, panel_command_role(c),
                P_("▷ %u command: %s %s %s", "▷ %u commands: %s %s %s", active), active,
                _(actions[c->action].label), panel_client_name(p->m, &c->client, &scratch).clean, how);
}

static void draw_overview(struct paint *p, struct stack *s)
{
    const bool commands_beside = s->all.cols >= COMMANDS_COLS && p->desk->boxes;
    const bool commands_line = !commands_beside && core_counts(p->m->core)->commands_active;

    s->top += panel_counts_draw(p, area_sub(s->all, s->top, 0, 2, s->all.cols));
    take_banners(p, s);
    const enum list_id alert = desk_alert(p->m);
    if (alert != LISTS)
        draw_list(p, alert, take_top(s, alert_rows(p, alert, s->all.rows)));
    if (commands_line)
        draw_command_line(p, area_sub(s->all, --s->bottom, 0, 1, s->all.cols));
    const struct area rest = middle(s);
    int right = commands_beside ? rest.cols * 36 / 100 : 0;
    right = right > 76 ? 76 : right;
    draw_list(p, LIST_CLIENTS, area_sub(rest, 0, 0, rest.rows, rest.cols - right));
    if (commands_beside)
        draw_list(p, LIST_COMMANDS, area_sub(rest, 0, rest.cols - right, rest.rows, right));
}

/* 40x10: header, counts and the worst alarm; what is left shows clients. */
static void draw_small(struct paint *p, struct stack *s)
{
    s->top += panel_counts_draw(p, area_sub(s->all, s->top, 0, 3, s->all.cols));
    take_banners(p, s);
    if (core_counts(p->m->core)->alarms_standing) {
        area_printf(s->all, s->top++, 0, ROLE_ALERT_TITLE, _("ALARMS %u · %u unacknowledged"),
                    core_counts(p->m->core)->alarms_standing,
                    core_counts(p->m->core)->alarms_unacknowledged);
        panel_worst_draw(p, take_top(s, 2), p->desk->focus == LIST_ALARMS && !p->desk->layers);
    }
    const struct area rest = middle(s);
    if (rest.rows >= 2)
        list_draw(&p->desk->list[LIST_CLIENTS], p, rest, p->desk->focus == LIST_CLIENTS);
}

/* What Tab leads to, in the upper edge. */
static void draw_others(struct paint *p, struct area a)
{
    enum list_id panels[LISTS];
    const int n = desk_panels(p->desk, p->m, panels);
    char out[240] = " ";

    for (int i = 0; i < n; i++) {
        const struct list_class *class = p->desk->list[panels[i]].class;
        const size_t at = strlen(out);
        if (panels[i] != p->desk->focus)
            snprintf(out + at, sizeof out - at, "%s %u ", _(class->title), class->count(p->m));
    }
    area_text_right(a, 0, 0, a.cols - 2, ROLE_PANEL_TITLE, TEXT_OURS(out));
}

static void draw_grid(struct paint *p, struct area a)
{
    const int left = a.cols / 2, upper = a.rows / 2;

    draw_list(p, LIST_REJECTS, area_sub(a, 0, 0, upper, left));
    draw_list(p, LIST_REFUSALS, area_sub(a, upper, 0, a.rows - upper, left));
    draw_list(p, LIST_AUDIT, area_sub(a, 0, left, upper, a.cols - left));
    draw_list(p, LIST_ACCOUNTS, area_sub(a, upper, left, a.rows - upper, a.cols - left));
}

/* The lists side by side where there is room, else the one in focus. */
static void draw_broker(struct paint *p, struct stack *s)
{
    take_banners(p, s);
    const struct area all = middle(s);
    s->top += panel_broker_draw(p, area_sub(all, 0, 0, all.rows - LIST_LEAST, all.cols));
    const struct area rest = middle(s);
    if (p->desk->boxes && rest.cols >= COMMANDS_COLS && rest.rows >= GRID_ROWS) {
        draw_grid(p, rest);
    } else {
        draw_list(p, p->desk->focus, rest);
        draw_others(p, rest);
    }
}

/* The list above, what is under its cursor below. */
static void draw_incidents(struct paint *p, struct stack *s)
{
    take_banners(p, s);
    struct list *l = &p->desk->list[LIST_INCIDENTS];
    list_update(l, p->m);
    const int edges = p->desk->boxes ? 3 : 2, height = middle(s).rows;
    const int wanted = (int)(l->count ? l->count : 1) + edges;
    draw_list(p, LIST_INCIDENTS, take_top(s, wanted > height / 2 ? height / 2 : wanted));
    panel_incident_below_draw(p, middle(s));
}

/* What is under the cursor in full below the list, where there is room. */
static void draw_commands(struct paint *p, struct stack *s)
{
    take_banners(p, s);
    const struct area all = middle(s);
    const int below = all.rows >= DETAIL_FROM && core_command_count(p->m->core) ? DETAIL_ROWS : 0;
    draw_list(p, LIST_COMMANDS, area_sub(all, 0, 0, all.rows - below, all.cols));
    if (below)
        panel_command_draw(
            p, desk_frame(p->desk, area_sub(all, all.rows - below, 0, below, all.cols), false,
                          ROLE_PANEL_BORDER, ROLE_PANEL_TITLE, TEXT_OURS(_("SELECTED"))));
}

static void draw_alarms(struct paint *p, struct stack *s)
{
    take_banners(p, s);
    const struct area all = middle(s);
    const int below = all.rows >= DETAIL_FROM && core_counts(p->m->core)->alarms_standing ? DETAIL_ROWS : 0;
    draw_list(p, LIST_ALARMS, area_sub(all, 0, 0, all.rows - below, all.cols));
    if (below)
        panel_alarm_detail_draw(p, area_sub(all, all.rows - below, 0, below, all.cols));
}

static void draw_single(struct paint *p, struct stack *s)
{
    static const enum list_id lists[VIEWS] = {
        [VIEW_CLIENTS] = LIST_CLIENTS,
        [VIEW_HISTORY] = LIST_HISTORY, [VIEW_LOGS] = LIST_LOGS,
    };

    take_banners(p, s);
    draw_list(p, lists[p->desk->view], middle(s));
}

static void draw_layer(struct paint *p, struct stack *s)
{
    static void (*const layers[])(struct paint *, struct area) = {
        [LAYER_CLIENT] = panel_client_draw,
        [LAYER_INCIDENT] = panel_incident_draw,
        [LAYER_HANDOVER] = panel_handover_draw,
        [LAYER_LOAD] = panel_load_draw,
        [LAYER_HELP] = panel_help_draw,
    };
    const enum layer_kind kind = p->desk->layer[p->desk->layers - 1].kind;

    take_banners(p, s);
    layers[kind](p, middle(s));
}

/* On the lower edge nothing moves for it. What it says last, what to do, must not be cut: a long one
 * covers the keys, and as many lines as it needs. */
static void draw_message(struct area all, bool on_edge, const char *words)
{
    const int width = text_width(TEXT_OURS(words)) + 2;
    const bool fits = on_edge && width <= all.cols - 4;

    panel_wrapped_up(fits ? area_sub(all, all.rows - 2, 2, 1, width) : all, ROLE_PANEL_MESSAGE,
                     ROLE_PANEL_MESSAGE, words);
}

static void draw_bottom(struct paint *p, struct area all)
{
    const struct area line = area_sub(all, all.rows - 1, 0, 1, all.cols);
    char out[200];
    const bool message = panel_message(p, out, sizeof out);
    const bool on_edge = p->desk->boxes && all.rows >= BOXES_ROWS;

    if (desk_asks(p->desk) && p->desk->layer[p->desk->layers - 1].kind == LAYER_PROMPT)
        prompt_draw(p, all);
    else if (desk_asks(p->desk))
        order_draw(p, area_sub(all, 1, 0, all.rows - 2, all.cols), line);
    else if (on_edge || !message)
        panel_footer_draw(p, line);
    if (message && !desk_asks(p->desk))
        draw_message(all, on_edge, out);
}

void desk_draw_view(struct paint *p, struct area all)
{
    struct desk *d = p->desk;
    struct stack s = {.all = all, .top = 1, .bottom = all.rows - 1};

    p->desk->too_small = all.cols < LEAST_COLS || all.rows < LEAST_ROWS;
    if (p->desk->too_small) {
        d->order.shown = d->prompt.shown = false; /* a question out of sight is not answered */
        panel_tiny_draw(p, all);
        return;
    }
    panel_header_draw(p, area_sub(all, 0, 0, 1, all.cols));
    const int layers = d->layers;
    d->layers -= desk_asks(d); /* what it asks about stays in sight */
    if (d->layers)
        draw_layer(p, &s);
    else if (d->view == VIEW_OVERVIEW && all.rows < BOXES_ROWS)
        draw_small(p, &s);
    else if (d->view == VIEW_OVERVIEW)
        draw_overview(p, &s);
    else if (d->view == VIEW_ALARMS)
        draw_alarms(p, &s);
    else if (d->view == VIEW_INCIDENTS)
        draw_incidents(p, &s);
    else if (d->view == VIEW_BROKER)
        draw_broker(p, &s);
    else if (d->view == VIEW_COMMANDS)
        draw_commands(p, &s);
    else
        draw_single(p, &s);
    d->layers = layers;
    draw_bottom(p, all);
}
