/* panel_broker.c - the connection, who else watches, and what could not be used. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define LABEL 26

/* ---- rejected messages ---- */

static void reject_at(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_moment(p->m, ((const struct reject_line *)row)->at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void reject_reason(struct paint *p, const void *row, struct cell_out *o)
{
    const struct reject_line *r = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s",
             reject_reasons[r->reason] ? _(reject_reasons[r->reason]) : "");
}

static void reject_topic(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct reject_line *)row)->topic.clean);
}

static void reject_detail(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct reject_line *)row)->detail.clean);
}

static void reject_bytes(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%zu", ((const struct reject_line *)row)->bytes);
}

/* clang-format off */
static const struct column columns[] = {
    {.title = N_("WHEN"), .width = 11, .text = reject_at},
    {.title = N_("REASON"), .width = 20, .most = 90, .grow = 3, .text = reject_reason},
    {.title = N_("BYTES"), .width = 7, .right = true, .rank = 2, .text = reject_bytes},
    {.title = N_("TOPIC"), .width = 16, .most = 70, .grow = 2, .rank = 1, .text = reject_topic},
    {.title = N_("DETAIL"), .width = 12, .most = 60, .rank = 3, .text = reject_detail},
};
/* clang-format on */

static const void *row_at(const struct ui_model *m, uint32_t index)
{
    return core_reject(m->core, index);
}

static uint32_t count(const struct ui_model *m)
{
    uint32_t n = 0;

    while (core_reject(m->core, n))
        n++;
    return n;
}

static uint64_t identity(const void *row)
{
    const struct reject_line *r = row;
    uint64_t parts[3] = {(uint64_t)r->at, r->bytes,
                         identity_of(r->topic.clean, strlen(r->topic.clean))};

    return identity_of(parts, sizeof parts);
}

static enum role role(const void *row)
{
    (void)row;
    return ROLE_LOG_TEXT;
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->reject_generation;
}

const struct list_class class_rejects = {
    .name = "rejects",
    .title = N_("REJECTED MESSAGES"),
    .empty = N_("every message could be used"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_ALWAYS,
    .count = count,
    .row = row_at,
    .identity = identity,
    .role = role,
    .generation = generation,
};

/* ---- the connection ---- */

static const char *const sys_names[] = {"version",
                                        "uptime",
                                        "clients/connected",
                                        "messages/received",
                                        "publish/messages/dropped",
                                        "retained messages/count"};
#define SYS (int)(sizeof sys_names / sizeof *sys_names)

static void field(struct area a, int y, const char *label, const char *value)
{
    area_text(a, y, 1, LABEL, ROLE_SCREEN_DIM, TEXT_OURS(label));
    area_text(a, y, LABEL + 2, -1, ROLE_SCREEN_TEXT, (struct text){*value ? value : SYM_NONE});
}

static void say_connection(struct paint *p, char *out, size_t size)
{
    static const char *const phases[] = {[LINK_CONNECTING] = N_("connecting"),
                                         [LINK_UP] = N_("connected"),
                                         [LINK_WAITING] = N_("waiting for the next try"),
                                         [LINK_STOPPED] = N_("stopped")};
    const struct link_status *l = p->m->link;
    struct text160 why = {""};
    char when[FIGURE] = "";

    panel_words(core_link_why(p->m->core), why.clean, sizeof why.clean);
    if (core_link_since_at(p->m->core) > 0)
        format_when(p, core_link_since_at(p->m->core), when);
    snprintf(out, size, "%s  %s  %s  %s", l->host.clean, _(phases[l->phase]), when, why.clean);
}

int panel_broker_rows(const struct ui_model *m)
{
    int rows = 5;

    for (int i = 0; i < SYS; i++)
        rows += core_sys(m->core, sys_names[i]) != NULL;
    for (uint32_t k = 0; k < 5 && core_console(m->core, k); k++)
        rows++;
    return rows;
}

static int draw_consoles(struct paint *p, struct area a, int y)
{
    const struct console_seen *c;

    for (uint32_t k = 0; k < 5 && (c = core_console(p->m->core, k)); k++) {
        char out[240], since[FIGURE];

        format_when(p, c->since_at, since);
        snprintf(out, sizeof out, _("%s on %s, %s, since %s"), c->operator_name.clean,
                 c->host.clean, c->role.clean, since);
        field(a, y++, k ? "" : _("consoles"), out);
    }
    if (!core_console(p->m->core, 0))
        field(a, y++, _("consoles"), _("none known"));
    return y;
}

void panel_broker_draw(struct paint *p, struct area a)
{
    const struct link_status *l = p->m->link;
    const struct core_counts *n = core_counts(p->m->core);
    char out[480];
    int y = 0;

    say_connection(p, out, sizeof out);
    field(a, y++, _("connection"), out);
    snprintf(out, sizeof out, "%s%s",
             l->protocol == 5   ? "MQTT 5"
             : l->protocol == 4 ? "MQTT 3.1.1"
                                : SYM_NONE,
             l->tls ? ", TLS" : "");
    field(a, y++, _("protocol"), out);
    snprintf(out, sizeof out, "%s",
             !p->m->store->recorder ? _("held by the recorder only")
             : !l->journal_up       ? _("not connected")
             : l->session_present   ? _("connected, session resumed")
                                    : _("connected, new session"));
    field(a, y++, _("journal"), out);
    snprintf(out, sizeof out,
             P_("%llu rejected since the start", "%llu rejected since the start", n->rejects),
             (unsigned long long)n->rejects);
    field(a, y++, _("messages"), out);
    y = draw_consoles(p, a, y);
    for (int i = 0; i < SYS; i++) {
        const char *value = core_sys(p->m->core, sys_names[i]);
        if (value)
            field(a, y++, sys_names[i], value);
    }
}
