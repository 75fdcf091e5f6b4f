/* panel_alarms.c - the alarms as a list. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

static bool is_wide(const struct alarm *a)
{
    return a->kind == ALARM_GROUP_OUTAGE || a->kind == ALARM_BROKER_OUTAGE ||
           a->kind == ALARM_BROKER_UNREACHABLE;
}

static bool is_handled(const struct alarm *a)
{
    return a->state != ALARM_UNACKNOWLEDGED && a->state != ALARM_RETURNED;
}

enum role panel_alarm_role(const struct alarm *a)
{
    if (is_handled(a))
        return ROLE_ALERT_ACKNOWLEDGED;
    if (is_wide(a))
        return ROLE_ALERT_WIDE;
    return a->kind == ALARM_SERVICE_FAILED    ? ROLE_ALERT_SERVICE_FAILED
           : a->kind == ALARM_PROCESS_CRASHED ? ROLE_ALERT_CRASHED
                                              : ROLE_ALERT_OTHER;
}

const char *panel_alarm_sign(const struct alarm *a)
{
    static const char *const signs[ALARM_KINDS] = {
        [ALARM_SERVICE_FAILED] = SYM_FAILED,     [ALARM_PROCESS_CRASHED] = SYM_CRASHED,
        [ALARM_CLIENT_SILENT] = SYM_SILENT,      [ALARM_CLIENT_FLAPPING] = SYM_SILENT,
        [ALARM_COMMAND_FAILED] = SYM_COMMAND,    [ALARM_DEVICE_NOT_BACK] = SYM_COMMAND,
        [ALARM_GROUP_OUTAGE] = SYM_FAILED,       [ALARM_BROKER_OUTAGE] = SYM_FAILED,
        [ALARM_BROKER_UNREACHABLE] = SYM_FAILED,
    };
    return signs[a->kind];
}

void panel_alarm_state(struct paint *p, const struct alarm *a, char *out, size_t size)
{
    char age[FIGURE];

    if (a->state == ALARM_ACKNOWLEDGED && !text_is_empty(TEXT(a->acknowledged_by))) {
        format_age(p, p->m->now.wall_ms - a->acknowledged_at, age);
        snprintf(out, size, _("%s %s ago"), a->acknowledged_by.clean, age);
    } else if (a->state == ALARM_SHELVED && a->shelved_until != TIME_NONE) {
        format_moment(p->m, a->shelved_until, age);
        const size_t seconds = strlen(age) == strlen("14:03:27") ? 5 : strlen(age);
        snprintf(out, size, _("shelved until %.*s"), (int)seconds, age);
    } else {
        snprintf(out, size, "%s", _(alarm_states[a->state].label));
    }
}

static void sign(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", panel_alarm_sign(row));
}

/* A broker that is back must not be announced as missing, though the alarm stands until
 * acknowledged. */
const char *panel_alarm_label(const struct alarm *a)
{
    return a->kind == ALARM_BROKER_UNREACHABLE && !a->active ? _("BROKER LOST")
                                                             : _(alarm_kinds[a->kind].label);
}

static void kind(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", panel_alarm_label(row));
}

static void name(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = row;
    struct text64 scratch = {""};

    if (!uid_is_zero(&a->client))
        snprintf(o->text, sizeof o->text, "%s",
                 panel_client_name(p->m, &a->client, &scratch).clean);
    else
        snprintf(o->text, sizeof o->text, "%s", a->subject.clean);
}

static void uuid(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = row;
    char out[9];

    (void)p;
    if (uid_is_zero(&a->client))
        return;
    panel_uuid8(&a->client, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void group(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = row;
    const struct client *c =
        uid_is_zero(&a->client) ? NULL : core_find_client(p->m->core, &a->client);

    snprintf(o->text, sizeof o->text, "%s",
             c && !text_is_empty(TEXT(c->group)) ? c->group.clean : a->group.clean);
}

/* The stored sentence begins with the device's name, which stands beside it already: where the unit
 * or the program is known, these say more in the same room. */
void panel_alarm_what(const struct ui_model *m, const struct alarm *a, char *out, size_t size)
{
    const struct client *c = uid_is_zero(&a->client) ? NULL : core_find_client(m->core, &a->client);

    if (c && a->kind == ALARM_SERVICE_FAILED && c->failed_unit.clean[0])
        snprintf(out, size, _("%s gave up"), c->failed_unit.clean);
    else if (c && a->kind == ALARM_PROCESS_CRASHED && c->process.clean[0])
        snprintf(out, size, _("%s crashed"), c->process.clean);
    else
        panel_words(&a->summary, out, size);
}

/* What happened, how often if more than once, and what was noted, else what is to be done. */
static void summary(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = row;
    struct text160 words = {""};
    struct text40 often = {""};

    panel_alarm_what(p->m, a, words.clean, sizeof words.clean);
    if (a->occurrences > 1)
        snprintf(often.clean, sizeof often.clean,
                 core_alarm_chatters(p->m->core, a) ? _(", chatters: %d times") : _(", %d times"),
                 (int)a->occurrences);
    const char *more = a->note.clean[0] ? a->note.clean : panel_alarm_guidance(p->desk, a);
    snprintf(o->text, sizeof o->text, *more ? "%.80s%s " SYM_DASH " %.80s" : "%.150s%s", words.clean,
             often.clean, more);
}

static void age(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = row;
    char out[FIGURE];

    format_age(p, p->m->now.wall_ms - a->raised_at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void state(struct paint *p, const void *row, struct cell_out *o)
{
    panel_alarm_state(p, row, o->text, sizeof o->text);
}

/* clang-format off */
static const struct column columns[] = {
    {.title = NULL, .width = 1, .text = sign},
    {.title = N_("ALARM"), .width = 14, .most = 18, .grow = 4, .text = kind},
    {.title = N_("NAME"), .width = 10, .most = 24, .text = name},
    {.title = N_("UUID"), .width = 8, .rank = 3, .text = uuid},
    {.title = N_("GROUP"), .width = 8, .most = 16, .rank = 2, .text = group},
    {.title = N_("WHAT"), .width = 20, .most = 120, .grow = 16, .rank = 4, .text = summary},
    {.title = N_("AGE"), .width = 5, .right = true, .text = age},
    {.title = N_("STATE"), .width = 14, .most = 20, .grow = 8, .rank = 1, .text = state},
};
/* clang-format on */

/* Suppressed ones rank behind those that stand: they are folded under the one that explains them. */
static uint32_t count(const struct ui_model *m)
{
    return core_counts(m->core)->alarms_standing;
}

static const void *row_at(const struct ui_model *m, uint32_t index)
{
    return core_alarm(m->core, index);
}

static uint64_t identity(const void *row)
{
    const struct alarm *a = row;

    return identity_of(a->id, strlen(a->id));
}

static enum role role(const void *row)
{
    return panel_alarm_role(row);
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->alarm_generation;
}

bool panel_alarm_matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct alarm *a = row;

    return filter_alarm(f, a,
                        uid_is_zero(&a->client) ? NULL : core_find_client(m->core, &a->client));
}

const struct list_class class_alarms = {
    .name = "alarms",
    .title = N_("ALARMS"),
    .empty = N_("no alarms"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_OUTSIDE_OVERVIEW,
    .count = count,
    .row = row_at,
    .identity = identity,
    .role = role,
    .generation = generation,
    .matches = panel_alarm_matches,
};

void panel_worst_draw(struct paint *p, struct area a, bool focused)
{
    const struct alarm *w = list_show_one(&p->desk->list[LIST_ALARMS], p->m, a);
    struct text64 scratch = {""};
    struct text160 words = {""};
    char when[FIGURE], how[96];

    if (!w)
        return;
    const struct text who =
        uid_is_zero(&w->client) ? TEXT(w->subject) : panel_client_name(p->m, &w->client, &scratch);
    panel_alarm_what(p->m, w, words.clean, sizeof words.clean);
    format_age(p, p->m->now.wall_ms - w->raised_at, when);
    panel_alarm_state(p, w, how, sizeof how);
    area_text(a, 0, 0, 1, ROLE_TABLE_CURSOR, TEXT_OURS(focused ? SYM_CURSOR : " "));
    area_printf(a, 0, 1, panel_alarm_role(w), "%s %s %s  %s", panel_alarm_sign(w),
                panel_alarm_label(w), who.clean, when);
    if (focused)
        area_cursor(a, 0, 0, false);
    area_printf(a, 1, 3, panel_alarm_role(w), "%s  %s", how, words.clean);
}
