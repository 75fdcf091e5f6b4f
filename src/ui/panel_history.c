/* panel_history.c - what happened, and what devices logged, newest first. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"

/* ---- history ---- */

static void event_at(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_moment(p->m, ((const struct history_event *)row)->at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void event_kind(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s",
             _(event_kinds[((const struct history_event *)row)->kind].label));
}

static void client_of(struct paint *p, const struct uid *id, struct cell_out *o)
{
    struct text64 scratch = {""};

    if (!uid_is_zero(id))
        snprintf(o->text, sizeof o->text, "%s", panel_client_name(p->m, id, &scratch).clean);
}

static void event_client(struct paint *p, const void *row, struct cell_out *o)
{
    client_of(p, &((const struct history_event *)row)->client, o);
}

static void event_by(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct history_event *)row)->by.clean);
}

static void event_summary(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    panel_words(&((const struct history_event *)row)->summary, o->text, sizeof o->text);
}

/* clang-format off */
static const struct column event_columns[] = {
    {.title = N_("WHEN"), .width = 11, .text = event_at},
    {.title = N_("WHAT"), .width = 18, .most = 22, .text = event_kind},
    {.title = N_("NAME"), .width = 10, .most = 24, .text = event_client},
    {.title = N_("BY"), .width = 8, .most = 16, .rank = 2, .text = event_by},
    {.title = N_("SUMMARY"), .width = 20, .most = 160, .grow = 6, .rank = 1, .text = event_summary},
};
/* clang-format on */

/* Of a ring that is asked entry by entry: how many there are. The newest is entry 0. */
static uint32_t ring_count(const struct ui_model *m,
                           const void *(*row)(const struct ui_model *, uint32_t))
{
    uint32_t there = 0, beyond = 4096;

    while (there < beyond) {
        const uint32_t middle = there + (beyond - there) / 2;
        if (row(m, middle))
            there = middle + 1;
        else
            beyond = middle;
    }
    return there;
}

/* What the database has; NULL where it was not asked yet, or cannot answer: then what this process
 * saw itself is shown. */
static const struct past_answer *answer_of(const struct ui_model *m, enum past_kind kind)
{
    const struct past_answer *a = m->told[kind];

    return a && !a->error.code ? a : NULL;
}

static uint64_t generation_of(const struct ui_model *m, enum past_kind kind, uint64_t own)
{
    const struct past_answer *a = answer_of(m, kind);

    return a ? UINT64_MAX / 2 + a->serial : own;
}

static const void *event_row(const struct ui_model *m, uint32_t index)
{
    const struct past_answer *a = answer_of(m, PAST_HISTORY);

    if (a)
        return index < a->event_count ? &a->events[index] : NULL;
    return m->in_past ? NULL : core_history(m->core, index);
}

static uint32_t event_count(const struct ui_model *m)
{
    const struct past_answer *a = answer_of(m, PAST_HISTORY);

    if (a)
        return (uint32_t)a->event_count;
    return ring_count(m, event_row);
}

static uint64_t event_identity(const void *row)
{
    const struct history_event *e = row;
    uint64_t parts[4] = {(uint64_t)e->at, e->kind, identity_of(&e->client, sizeof e->client),
                         identity_of(e->alarm_id, strlen(e->alarm_id))};

    if (e->seq)
        return identity_of(&e->seq, sizeof e->seq);
    return identity_of(parts, sizeof parts) ^ identity_of(&e->command, sizeof e->command);
}

static enum role event_role(const void *row)
{
    const struct history_event *e = row;

    return e->kind == EVENT_ALARM_RAISED ? ROLE_ALERT_OTHER : ROLE_LOG_TEXT;
}

/* The history has no count of its own: it grows only with changes that anybody may see. */
static uint64_t event_generation(const struct ui_model *m)
{
    return generation_of(m, PAST_HISTORY, core_counts(m->core)->generation);
}

static bool event_matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct history_event *e = row;

    return filter_event(f, e, uid_is_zero(&e->client) ? NULL : core_find_client(m->core, &e->client));
}

const struct list_class class_history = {
    .name = "history",
    .title = N_("HISTORY"),
    .empty = N_("nothing happened yet"),
    .columns = event_columns,
    .column_count = sizeof event_columns / sizeof *event_columns,
    .header = HEADER_ALWAYS,
    .count = event_count,
    .row = event_row,
    .identity = event_identity,
    .role = event_role,
    .generation = event_generation,
    .matches = event_matches,
};

/* ---- logs ---- */

enum role panel_log_role(const struct log_line *l)
{
    if (strstr(l->level.clean, "err") || strstr(l->level.clean, "crit") ||
        strstr(l->level.clean, "fatal"))
        return ROLE_LOG_ERROR;
    return strstr(l->level.clean, "warn") ? ROLE_LOG_WARNING : ROLE_LOG_TEXT;
}

static void log_at(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_moment(p->m, ((const struct log_line *)row)->at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void log_level(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct log_line *)row)->level.clean);
}

static void log_client(struct paint *p, const void *row, struct cell_out *o)
{
    client_of(p, &((const struct log_line *)row)->client, o);
}

static void log_message(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    text_copy(o->text, sizeof o->text, TEXT(((const struct log_line *)row)->message));
}

/* clang-format off */
static const struct column log_columns[] = {
    {.title = N_("WHEN"), .width = 11, .text = log_at},
    {.title = N_("LEVEL"), .width = 7, .text = log_level},
    {.title = N_("NAME"), .width = 10, .most = 24, .text = log_client},
    {.title = N_("MESSAGE"), .width = 20, .most = 190, .grow = 6, .rank = 1, .text = log_message},
};
/* clang-format on */

static const void *log_row(const struct ui_model *m, uint32_t index)
{
    const struct past_answer *a = answer_of(m, PAST_LOGS);

    if (a)
        return index < a->log_count ? &a->logs[index] : NULL;
    return m->in_past ? NULL : core_log(m->core, index);
}

static uint32_t log_count(const struct ui_model *m)
{
    const struct past_answer *a = answer_of(m, PAST_LOGS);

    if (a)
        return (uint32_t)a->log_count;
    return ring_count(m, log_row);
}

static uint64_t log_identity(const void *row)
{
    const struct log_line *l = row;
    uint64_t parts[3] = {(uint64_t)l->at, identity_of(&l->client, sizeof l->client),
                         identity_of(l->message.clean, strlen(l->message.clean))};

    return identity_of(parts, sizeof parts);
}

static enum role log_role(const void *row)
{
    return panel_log_role(row);
}

static uint64_t log_generation(const struct ui_model *m)
{
    return generation_of(m, PAST_LOGS, core_counts(m->core)->log_generation);
}

static bool log_matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct log_line *l = row;

    return filter_log(f, l, core_find_client(m->core, &l->client));
}

const struct list_class class_logs = {
    .name = "logs",
    .title = N_("LOGS"),
    .empty = N_("no device logged anything yet"),
    .columns = log_columns,
    .column_count = sizeof log_columns / sizeof *log_columns,
    .header = HEADER_ALWAYS,
    .count = log_count,
    .row = log_row,
    .identity = log_identity,
    .role = log_role,
    .generation = log_generation,
    .matches = log_matches,
};
