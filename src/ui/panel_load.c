/* panel_load.c - the figures by which the load of alarms is judged (ISA-18.2 / IEC 62682). */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/sheet.h"
#include "ui/symbols.h"

static void number(struct sheet *s, const char *label, int64_t n, enum role role)
{
    char out[FIGURE];

    format_number(n, out);
    sheet_field(s, label, role, out);
}

static void draw_rate(struct sheet *s, const struct alarm_load *l)
{
    char flood[FIGURE], out[120];

    snprintf(out, sizeof out, l->flood ? _("%d: a flood") : "%d", (int)l->rate);
    sheet_field(s, _("alarms in 10 minutes"), l->flood ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT,
                out);
    format_age(s->p, l->flood_ms, flood);
    snprintf(out, sizeof out, _("%s (more than 10 in 10 minutes, until below 5)"),
             l->flood_ms || l->flood ? flood : SYM_NONE);
    sheet_field(s, _("in flood, last 24 h"), ROLE_SCREEN_TEXT, out);
}

static void draw_standing(struct sheet *s, const struct alarm_load *l)
{
    char longest[FIGURE] = "";

    number(s, _("standing"), l->standing, ROLE_SCREEN_TEXT);
    number(s, _("unacknowledged"), l->unacknowledged, ROLE_SCREEN_TEXT);
    number(s, _("for more than a day"), l->stale, l->stale ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT);
    if (l->longest_ms != NUMBER_NONE)
        format_age(s->p, l->longest_ms, longest);
    sheet_field(s, _("longest open"), ROLE_SCREEN_TEXT, longest);
}

static void draw_chatter(struct sheet *s, const struct alarm_load *l)
{
    if (l->chattering_count)
        sheet_heading(s, _("CHATTERING: three times within a minute"));
    for (uint32_t i = 0; i < l->chattering_count; i++) {
        const struct alarm *a = core_find_alarm(s->p->m->core, l->chattering[i]);
        struct text64 scratch = {""};
        area_printf(s->a, sheet_line(s), 1, ROLE_SCREEN_TEXT, "%s  %s",
                    a && !uid_is_zero(&a->client)
                        ? panel_client_name(s->p->m, &a->client, &scratch).clean
                        : "",
                    l->chattering[i]);
    }
}

static void draw_sources(struct sheet *s, const struct alarm_load *l)
{
    if (l->source_count)
        sheet_heading(s, _("WHERE THEY COME FROM, last 24 h"));
    for (uint32_t i = 0; i < l->source_count; i++) {
        struct text64 scratch = {""};
        area_printf(s->a, sheet_line(s), 1, ROLE_SCREEN_TEXT, "%6d  %s", (int)l->source[i].count,
                    panel_client_name(s->p->m, &l->source[i].client, &scratch).clean);
    }
}

void panel_load_draw(struct paint *p, struct area a)
{
    struct desk *d = p->desk;
    static struct alarm_load load; /* 5 KiB; the main thread alone draws */
    struct sheet s = {.p = p,
                      .skip = d->layer[d->layers - 1].scroll,
                      .a = desk_frame(d, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED,
                                      TEXT_OURS(_("THE LOAD OF ALARMS")))};

    core_alarm_load(p->m->core, p->m->now, &load);
    draw_rate(&s, &load);
    draw_standing(&s, &load);
    draw_chatter(&s, &load);
    draw_sources(&s, &load);
    paint_changes_in(p, 10000);
    sheet_end(&s, a, &d->layer[d->layers - 1].scroll);
}
