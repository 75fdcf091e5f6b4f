/* panel_incident.c - incidents as a list, and one of them from beginning to end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"
#include "ui/sheet.h"
#include "ui/symbols.h"

/* ---- the list ---- */

static bool goes_on(const struct incident *i)
{
    return i->ended_at == TIME_NONE;
}

static enum role role_of(const void *row)
{
    const struct incident *i = row;

    if (!goes_on(i))
        return i->standing ? ROLE_ALERT_OTHER : ROLE_LOG_TEXT;
    return i->acknowledged_at != TIME_NONE ? ROLE_ALERT_ACKNOWLEDGED
                                           : panel_alarm_role(&i->alarms[i->lead]);
}

static void sign(struct paint *p, const void *row, struct cell_out *o)
{
    const struct incident *i = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s",
             goes_on(i) ? panel_alarm_sign(&i->alarms[i->lead]) : " ");
}

static void began(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_moment(p->m, ((const struct incident *)row)->began_at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void lasted(struct paint *p, const void *row, struct cell_out *o)
{
    const struct incident *i = row;
    char out[ISO_SIZE];

    if (goes_on(i))
        format_age(p, p->m->now.wall_ms - i->began_at, out);
    else
        age_format(i->ended_at - i->began_at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void over(struct paint *p, const void *row, struct cell_out *o)
{
    const struct incident *i = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s",
             goes_on(i)    ? _("goes on")
             : i->standing ? _("over, open")
                           : _("over"));
}

/* "berta after 0:40" */
static void who(struct paint *p, const void *row, struct cell_out *o)
{
    const struct incident *i = row;
    char after[ISO_SIZE];

    (void)p;
    if (i->acknowledged_at == TIME_NONE) {
        snprintf(o->text, sizeof o->text, "%s", _("nobody"));
        return;
    }
    age_format(i->acknowledged_at - i->began_at, after);
    snprintf(o->text, sizeof o->text, _("%s after %s"), i->acknowledged_by.clean, after);
}

static void alarms(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%u", ((const struct incident *)row)->alarm_count);
}

static void commands(struct paint *p, const void *row, struct cell_out *o)
{
    const uint32_t n = ((const struct incident *)row)->command_count;

    (void)p;
    if (n)
        snprintf(o->text, sizeof o->text, "%u", n);
}

static void summary_of(const struct ui_model *m, const struct incident *i, char *out, size_t size)
{
    const struct uid *client = &i->alarms[i->lead].client;
    struct text64 scratch = {""};

    incident_summary(i, uid_is_zero(client) ? TEXT_EMPTY : panel_client_name(m, client, &scratch),
                     i18n_translate, out, size);
}

static void what(struct paint *p, const void *row, struct cell_out *o)
{
    summary_of(p->m, row, o->text, sizeof o->text);
}

/* clang-format off */
static const struct column columns[] = {
    {.title = NULL, .width = 1, .text = sign},
    {.title = N_("BEGAN"), .width = 11, .text = began},
    {.title = N_("LASTED"), .width = 6, .right = true, .text = lasted},
    {.title = N_("STATE"), .width = 10, .text = over},
    {.title = N_("WHO HAS IT"), .width = 12, .most = 24, .rank = 1, .text = who},
    {.title = N_("ALARMS"), .width = 6, .right = true, .rank = 3, .text = alarms},
    {.title = N_("COMMANDS"), .width = 8, .right = true, .rank = 3, .text = commands},
    {.title = N_("WHAT"), .width = 24, .most = 140, .grow = 8, .text = what},
};
/* clang-format on */

static uint32_t count(const struct ui_model *m)
{
    const struct incident_report *r = desk_incidents(m);

    return r ? (uint32_t)r->set.count : 0;
}

/* Newest first. */
static const void *row_at(const struct ui_model *m, uint32_t index)
{
    const struct incident_report *r = desk_incidents(m);

    return r && index < r->set.count ? &r->set.list[r->set.count - 1 - index] : NULL;
}

static uint64_t identity(const void *row)
{
    const struct incident *i = row;

    return identity_of(i->id, strlen(i->id));
}

static uint64_t generation(const struct ui_model *m)
{
    return m->told[PAST_INCIDENTS] ? m->told[PAST_INCIDENTS]->serial : 0;
}

/* By any of its alarms. */
static bool matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct incident *i = row;

    for (uint32_t k = 0; k < i->alarm_count; k++)
        if (panel_alarm_matches(f, m, &i->alarms[k]))
            return true;
    return false;
}

const struct list_class class_incidents = {
    .name = "incidents",
    .title = N_("INCIDENTS"),
    .empty = N_("no incident in the last 12 hours"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_ALWAYS,
    .count = count,
    .row = row_at,
    .identity = identity,
    .role = role_of,
    .generation = generation,
    .matches = matches,
};

/* ---- one of them ---- */

static void draw_facts(struct sheet *s, const struct incident *i)
{
    char out[200], when[FIGURE], age[ISO_SIZE];

    format_moment(s->p->m, i->began_at, when);
    sheet_field(s, _("began"), ROLE_SCREEN_TEXT, when);
    if (goes_on(i)) {
        sheet_field(s, _("ended"), role_of(i), _("goes on"));
    } else {
        format_moment(s->p->m, i->ended_at, when);
        age_format(i->ended_at - i->began_at, age);
        snprintf(out, sizeof out, _("%s, after %s"), when, age);
        sheet_field(s, _("ended"), ROLE_SCREEN_TEXT, out);
    }
    if (i->acknowledged_at == TIME_NONE) {
        sheet_field(s, _("acknowledged"), role_of(i), _("by nobody yet"));
    } else {
        age_format(i->acknowledged_at - i->began_at, age);
        snprintf(out, sizeof out, _("by %s, after %s"), i->acknowledged_by.clean, age);
        sheet_field(s, _("acknowledged"), ROLE_SCREEN_TEXT, out);
    }
}

/* By cells, not by bytes, so that "ausgelöst" pads like any other word. Returns where the next is.
 */
static int column(struct sheet *s, int y, int x, int cols, enum role role, const char *text)
{
    area_text(s->a, y, x, cols, role, TEXT_OURS(text));
    return x + cols + 1;
}

#define KIND_COLS    18
#define WHEN_COLS    11
#define WHAT_COLS    20
#define ALARMS_SHOWN 30
static void draw_alarms(struct sheet *s, const struct incident *i)
{
    sheet_heading(s, _("ALARMS"));
    for (uint32_t k = 0; k < i->alarm_count && k < ALARMS_SHOWN; k++) {
        const struct alarm *a = &i->alarms[k];
        struct text64 scratch = {""};
        struct text160 words = {""};
        const enum role role = a->state == ALARM_NORMAL ? ROLE_LOG_TEXT : panel_alarm_role(a);
        const int y = sheet_line(s);
        char how[96];
        panel_words(&a->summary, words.clean, sizeof words.clean);
        panel_alarm_state(s->p, a, how, sizeof how);
        const int x = column(s, y, 1, 1, role, panel_alarm_sign(a));
        area_printf(
            s->a, y, column(s, y, x, KIND_COLS, role, panel_alarm_label(a)), role, "%s  %s  %s",
            uid_is_zero(&a->client) ? a->subject.clean
                                    : panel_client_name(s->p->m, &a->client, &scratch).clean,
            words.clean, how);
    }
    if (i->alarm_count > ALARMS_SHOWN)
        area_printf(s->a, sheet_line(s), 1, ROLE_SCREEN_DIM,
                    P_("and %u more", "and %u more", i->alarm_count - ALARMS_SHOWN),
                    i->alarm_count - ALARMS_SHOWN);
}

/* Of thousands of lines those that are drawn are worth their words. */
static bool is_seen(const struct sheet *s, int y)
{
    return y >= 0 && y < s->a.rows;
}

static void draw_event(struct sheet *s, const struct history_event *ev)
{
    const int y = sheet_line(s);
    struct text160 words = {""};
    struct text64 scratch = {""};
    char when[FIGURE];

    if (!ev || !is_seen(s, y))
        return;
    panel_words(&ev->summary, words.clean, sizeof words.clean);
    format_moment(s->p->m, ev->at, when);
    const enum role role = ev->kind == EVENT_ALARM_RAISED ? ROLE_ALERT_OTHER : ROLE_LOG_TEXT;
    const int x = column(s, y, 1, WHEN_COLS, role, when);
    area_printf(s->a, y, column(s, y, x, WHAT_COLS, role, _(event_kinds[ev->kind].label)), role,
                "%s%s%s  %s",
                uid_is_zero(&ev->client) ? ""
                                         : panel_client_name(s->p->m, &ev->client, &scratch).clean,
                ev->by.clean[0] ? "  " SYM_DASH " " : "", ev->by.clean, words.clean);
}

static void draw_log(struct sheet *s, const struct log_line *l)
{
    const int y = sheet_line(s);
    struct text64 scratch = {""};
    char when[FIGURE];

    if (!is_seen(s, y))
        return;
    format_moment(s->p->m, l->at, when);
    const enum role role = panel_log_role(l);
    const int x = column(s, y, 1, WHEN_COLS, role, when);
    area_printf(s->a, y, column(s, y, x, WHAT_COLS, role, l->level.clean), role, "%s  %s",
                panel_client_name(s->p->m, &l->client, &scratch).clean, l->message.clean);
}

/* Lines of the history and of the devices' logs, as they came. */
static void draw_timeline(struct sheet *s, const struct incident_report *r,
                          const struct incident *i)
{
    uint32_t e = 0, l = 0;

    sheet_heading(s, _("TIMELINE"));
    while (e < i->event_count || l < i->log_count) {
        const struct history_event *ev = e < i->event_count ? &r->events[i->timeline[e]] : NULL;
        const struct log_line *line = l < i->log_count ? &i->logs[l] : NULL;
        if (!line || (ev && ev->at <= line->at)) {
            draw_event(s, ev);
            e++;
        } else {
            draw_log(s, line);
            l++;
        }
    }
}

static void draw_incident(struct sheet *s, const struct incident *i)
{
    draw_facts(s, i);
    draw_alarms(s, i);
    draw_timeline(s, desk_incidents(s->p->m), i);
}

static void title_of(const struct ui_model *m, const struct incident *i, char *out, size_t size)
{
    char summary[200];

    summary_of(m, i, summary, sizeof summary);
    snprintf(out, size, "%s %s", _("INCIDENT"), summary);
}

void panel_incident_draw(struct paint *p, struct area a)
{
    const struct incident *i = desk_incident(p->desk, p->m);
    int *scroll = &p->desk->layer[p->desk->layers - 1].scroll;
    char title[240];

    if (!i) {
        desk_frame(p->desk, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED,
                   TEXT_OURS(_("INCIDENT")));
        return;
    }
    title_of(p->m, i, title, sizeof title);
    struct sheet s = {.p = p,
                      .skip = *scroll,
                      .a = desk_frame(p->desk, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED,
                                      TEXT_OURS(title))};
    draw_incident(&s, i);
    sheet_end(&s, a, scroll);
}

/* What is under the cursor, as far as there is room: its end tells the most. */
void panel_incident_below_draw(struct paint *p, struct area a)
{
    const struct incident *i = desk_incident(p->desk, p->m);
    char title[240];

    if (!i || a.rows < 3)
        return;
    title_of(p->m, i, title, sizeof title);
    struct sheet s = {
        .p = p,
        .a = desk_frame(p->desk, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_TITLE, TEXT_OURS(title))};
    draw_incident(&s, i);
    if (s.line > s.a.rows)
        area_text_right(a, a.rows - 1, 0, a.cols - 2, ROLE_PANEL_BORDER,
                        TEXT_OURS(_(" more: Enter ")));
}

/* ---- the hand-over ---- */

static void draw_text(struct sheet *s, char *text)
{
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        const bool title = *line && *line != ' ';
        area_text(s->a, sheet_line(s), 1, -1, title ? ROLE_PANEL_TITLE : ROLE_SCREEN_TEXT,
                  (struct text){line});
    }
}

void panel_handover_draw(struct paint *p, struct area a)
{
    const struct report r = desk_report(p->desk, p->m);
    int *scroll = &p->desk->layer[p->desk->layers - 1].scroll;
    struct buf text = BUF_INIT;
    struct sheet s = {
        .p = p,
        .skip = *scroll,
        .a = desk_frame(p->desk, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED,
                        TEXT_OURS(_("HAND-OVER (Enter: record that it was handed over)")))};

    if (r.found && report_handover_plain(&r, &text) && text.data)
        draw_text(&s, text.data);
    buf_fini(&text);
    sheet_end(&s, a, scroll);
}
