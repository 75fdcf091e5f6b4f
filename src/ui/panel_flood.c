/* panel_flood.c - more alarms than one operator can follow: a line for each kind and group of
 * devices. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

static void sign(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s", panel_alarm_sign(g->worst));
}

static void kind(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s", panel_alarm_label(g->worst));
}

static void group(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s", g->group.clean[0] ? g->group.clean : SYM_NONE);
}

static void count(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%u", g->count);
}

static void open_ones(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%u", g->unacknowledged);
}

static void oldest(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm_group *g = row;
    char out[FIGURE];

    format_age(p, p->m->now.wall_ms - g->oldest_at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

/* The most urgent of them, so that a line of one says it all. */
static void worst(struct paint *p, const void *row, struct cell_out *o)
{
    const struct alarm *a = ((const struct alarm_group *)row)->worst;
    struct text64 scratch = {""};
    struct text160 words = {""};

    panel_alarm_what(p->m, a, words.clean, sizeof words.clean);
    if (uid_is_zero(&a->client))
        snprintf(o->text, sizeof o->text, "%s", words.clean);
    else
        snprintf(o->text, sizeof o->text, "%.60s: %.120s",
                 panel_client_name(p->m, &a->client, &scratch).clean, words.clean);
}

/* clang-format off */
static const struct column columns[] = {
    {.title = NULL, .width = 1, .text = sign},
    {.title = N_("ALARM"), .width = 14, .most = 18, .grow = 4, .text = kind},
    {.title = N_("GROUP"), .width = 8, .most = 24, .text = group},
    {.title = N_("COUNT"), .width = 5, .right = true, .text = count},
    {.title = N_("OPEN"), .width = 5, .right = true, .text = open_ones},
    {.title = N_("OLDEST"), .width = 6, .right = true, .rank = 1, .text = oldest},
    {.title = N_("MOST URGENT"), .width = 20, .most = 120, .grow = 16, .rank = 2, .text = worst},
};
/* clang-format on */

static uint32_t rows(const struct ui_model *m)
{
    return core_alarm_group_count(m->core);
}

static const void *row_at(const struct ui_model *m, uint32_t index)
{
    return core_alarm_group(m->core, index);
}

static uint64_t identity(const void *row)
{
    const struct alarm_group *g = row;

    return identity_of(g->group.clean, strlen(g->group.clean)) ^ (uint64_t)(g->kind + 1);
}

/* Handled only when all of it is. */
static enum role role(const void *row)
{
    const struct alarm_group *g = row;

    return g->unacknowledged ? panel_alarm_role(g->worst) : ROLE_ALERT_ACKNOWLEDGED;
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->alarm_generation;
}

const struct list_class class_flood = {
    .name = "flood",
    .title = N_("FLOOD OF ALARMS"),
    .empty = N_("no alarms"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_ALWAYS,
    .count = rows,
    .row = row_at,
    .identity = identity,
    .role = role,
    .generation = generation,
};
