/* panel_accounts.c - the devices' accounts and when each was heard last, as far as devices tell;
 * and what the last audit found. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

/* ---- accounts ---- */

/* The account's name is made of the uuid's first digits: that is how devices are provisioned. */
static void account(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "infoscreen-client-%.8s", c->spelling);
}

static void name(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct client *)row)->hostname.clean);
}

/* As an age: a date would leave no room for the state. */
static void last_seen(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;
    char out[FIGURE];
    const int64_t at =
        c->last_heartbeat_at > c->last_health_at ? c->last_heartbeat_at : c->last_health_at;

    format_beat(p, at == TIME_NONE ? TIME_NONE : p->m->now.wall_ms - at, out);
    snprintf(o->text, sizeof o->text, "%s", at == TIME_NONE ? _("never") : out);
}

static void state(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;

    (void)p;
    o->role = panel_state_role(c->state);
    snprintf(o->text, sizeof o->text, "%s %s", panel_state_sign(c->state),
             _(client_states[c->state].label));
}

/* clang-format off */
static const struct column account_columns[] = {
    {.title = N_("ACCOUNT"), .width = 26, .text = account},
    {.title = N_("LAST SEEN"), .width = 6, .text = last_seen},
    {.title = N_("STATE"), .width = 14, .most = 20, .rank = 1, .text = state},
    {.title = N_("NAME"), .width = 8, .most = 24, .rank = 2, .text = name},
};
/* clang-format on */

static uint32_t account_count(const struct ui_model *m)
{
    return core_client_count(m->core);
}

static const void *account_at(const struct ui_model *m, uint32_t index)
{
    return core_client(m->core, index);
}

static uint64_t account_identity(const void *row)
{
    const struct client *c = row;

    return identity_of(&c->id, sizeof c->id);
}

static enum role account_role(const void *row)
{
    (void)row;
    return ROLE_SCREEN_TEXT;
}

static uint64_t account_generation(const struct ui_model *m)
{
    return core_counts(m->core)->fleet_generation;
}

/* Those in use least come first: they are the ones to look at. */
static uint32_t by_last_seen(struct list *l, const struct ui_model *m)
{
    return query_clients(m->core, NULL, SORT_BEAT, true, l->order);
}

const struct list_class class_accounts = {
    .name = "accounts",
    .title = N_("ACCOUNTS"),
    .empty = N_("no account was heard yet: broker list tells those that exist"),
    .columns = account_columns,
    .column_count = sizeof account_columns / sizeof *account_columns,
    .header = HEADER_ALWAYS,
    .count = account_count,
    .row = account_at,
    .identity = account_identity,
    .role = account_role,
    .generation = account_generation,
    .order = by_last_seen,
};

/* ---- the audit ---- */

static void verdict(struct paint *p, const void *row, struct cell_out *o)
{
    const struct audit_line *l = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s", l->ok ? _("ok") : _("FAULT"));
}

static void check(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct audit_line *)row)->name.clean);
}

static void found(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%.*s", (int)sizeof o->text - 1,
             ((const struct audit_line *)row)->actual.clean);
}

static void expected(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct audit_line *)row)->expected.clean);
}

/* clang-format off */
static const struct column audit_columns[] = {
    {.title = N_("RESULT"), .width = 6, .text = verdict},
    {.title = N_("CHECK"), .width = 20, .most = 26, .text = check},
    {.title = N_("FOUND"), .width = 24, .most = 120, .grow = 3, .text = found},
    {.title = N_("EXPECTED"), .width = 20, .most = 60, .rank = 1, .text = expected},
};
/* clang-format on */

static uint32_t audit_count(const struct ui_model *m)
{
    return m->audit ? m->audit->lines : 0;
}

static const void *audit_at(const struct ui_model *m, uint32_t index)
{
    return m->audit && index < m->audit->lines ? &m->audit->line[index] : NULL;
}

/* A check may have several faults. */
static uint64_t audit_identity(const void *row)
{
    const struct audit_line *l = row;

    return identity_of(l->name.clean, strlen(l->name.clean)) ^
           identity_of(l->actual.clean, strlen(l->actual.clean)) * 3;
}

static enum role audit_role(const void *row)
{
    return ((const struct audit_line *)row)->ok ? ROLE_SCREEN_TEXT : ROLE_SCREEN_ERROR;
}

static uint64_t audit_generation(const struct ui_model *m)
{
    return m->audit ? m->audit->generation : 0;
}

const struct list_class class_audit = {
    .name = "audit",
    .title = N_("AUDIT"),
    .empty = N_("not audited yet, or nothing to show"),
    .columns = audit_columns,
    .column_count = sizeof audit_columns / sizeof *audit_columns,
    .header = HEADER_ALWAYS,
    .count = audit_count,
    .row = audit_at,
    .identity = audit_identity,
    .role = audit_role,
    .generation = audit_generation,
};
