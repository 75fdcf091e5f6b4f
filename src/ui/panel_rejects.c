/* panel_rejects.c - what could not be used, and what the broker refused. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

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
static const struct column reject_columns[] = {
    {.title = N_("WHEN"), .width = 11, .text = reject_at},
    {.title = N_("REASON"), .width = 20, .most = 90, .grow = 3, .text = reject_reason},
    {.title = N_("BYTES"), .width = 7, .right = true, .rank = 2, .text = reject_bytes},
    {.title = N_("TOPIC"), .width = 16, .most = 70, .grow = 2, .rank = 1, .text = reject_topic},
    {.title = N_("DETAIL"), .width = 12, .most = 60, .rank = 3, .text = reject_detail},
};
/* clang-format on */

static const void *reject_row_at(const struct ui_model *m, uint32_t index)
{
    return core_reject(m->core, index);
}

static uint32_t reject_count(const struct ui_model *m)
{
    uint32_t n = 0;

    while (core_reject(m->core, n))
        n++;
    return n;
}

static uint64_t reject_identity(const void *row)
{
    const struct reject_line *r = row;
    uint64_t parts[3] = {(uint64_t)r->at, r->bytes,
                         identity_of(r->topic.clean, strlen(r->topic.clean))};

    return identity_of(parts, sizeof parts);
}

static enum role plain(const void *row)
{
    (void)row;
    return ROLE_LOG_TEXT;
}

static uint64_t reject_generation(const struct ui_model *m)
{
    return core_counts(m->core)->reject_generation;
}

const struct list_class class_rejects = {
    .name = "rejects",
    .title = N_("REJECTED MESSAGES"),
    .empty = N_("every message could be used"),
    .columns = reject_columns,
    .column_count = sizeof reject_columns / sizeof *reject_columns,
    .header = HEADER_ALWAYS,
    .count = reject_count,
    .row = reject_row_at,
    .identity = reject_identity,
    .role = plain,
    .generation = reject_generation,
};

/* ---- refusals ---- */

static void refusal_at(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_moment(p->m, ((const struct refusal *)row)->at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void refusal_what(struct paint *p, const void *row, struct cell_out *o)
{
    const struct refusal *r = row;

    (void)p;
    snprintf(o->text, sizeof o->text, r->reason ? "%s (0x%02x)" : "%s", _(refusal_kinds[r->kind]),
             (unsigned)r->reason);
}

static void refusal_account(struct paint *p, const void *row, struct cell_out *o)
{
    (void)row;
    snprintf(o->text, sizeof o->text, "%s",
             text_is_empty(p->m->account) ? _("(none)") : p->m->account.clean);
}

static void refusal_topic(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct refusal *)row)->topic.clean);
}

static void refusal_times(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%u", ((const struct refusal *)row)->times);
}

/* clang-format off */
static const struct column refusal_columns[] = {
    {.title = N_("WHEN"), .width = 8, .most = 11, .text = refusal_at},
    {.title = N_("REASON"), .width = 20, .most = 32, .text = refusal_what},
    {.title = N_("TOPIC"), .width = 18, .most = 70, .grow = 3, .text = refusal_topic},
    {.title = N_("ACCOUNT"), .width = 12, .most = 28, .rank = 1, .text = refusal_account},
    {.title = N_("TIMES"), .width = 5, .right = true, .rank = 2, .text = refusal_times},
};
/* clang-format on */

static uint32_t refusal_count(const struct ui_model *m)
{
    return m->refusals ? m->refusals->count : 0;
}

static const void *refusal_row_at(const struct ui_model *m, uint32_t index)
{
    return m->refusals && index < m->refusals->count ? &m->refusals->list[index] : NULL;
}

static uint64_t refusal_identity(const void *row)
{
    const struct refusal *r = row;

    return identity_of(r->topic.clean, strlen(r->topic.clean)) + (uint64_t)r->kind;
}

static uint64_t refusal_generation(const struct ui_model *m)
{
    return m->refusals ? m->refusals->generation : 0;
}

static enum role warning(const void *row)
{
    (void)row;
    return ROLE_VALUE_WARNING;
}

const struct list_class class_refusals = {
    .name = "refusals",
    .title = N_("REFUSALS"),
    .empty = N_("the broker has refused nothing"),
    .columns = refusal_columns,
    .column_count = sizeof refusal_columns / sizeof *refusal_columns,
    .header = HEADER_ALWAYS,
    .count = refusal_count,
    .row = refusal_row_at,
    .identity = refusal_identity,
    .role = warning,
    .generation = refusal_generation,
};
