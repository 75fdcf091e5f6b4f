/* panel_clients.c - the fleet as a list: state, heartbeat, process, reconnects, and what a device
 * shows against what it should. */
#include "ui/panel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

const char *panel_state_sign(enum client_state s)
{
    static const char *const signs[CLIENT_STATES] = {
        [CLIENT_UNKNOWN] = SYM_UNKNOWN,       [CLIENT_ONLINE] = SYM_ONLINE,
        [CLIENT_SILENT] = SYM_SILENT,         [CLIENT_CRASHED] = SYM_CRASHED,
        [CLIENT_SERVICE_FAILED] = SYM_FAILED,
    };
    return signs[s];
}

enum role panel_state_role(enum client_state s)
{
    static const enum role roles[CLIENT_STATES] = {
        [CLIENT_UNKNOWN] = ROLE_STATE_UNKNOWN,
        [CLIENT_ONLINE] = ROLE_STATE_ONLINE,
        [CLIENT_SILENT] = ROLE_STATE_SILENT,
        [CLIENT_CRASHED] = ROLE_STATE_CRASHED,
        [CLIENT_SERVICE_FAILED] = ROLE_STATE_SERVICE_FAILED,
    };
    return roles[s];
}

bool panel_process_is_wrong(const struct client *c)
{
    return c->process_status.clean[0] && strcmp(c->process_status.clean, "running") != 0;
}

bool panel_event(const struct client *c, char out[FIGURE * 2])
{
    char should[FIGURE], is[FIGURE];
    const bool differ = c->expected_event_id != NUMBER_NONE && c->current_event_id != NUMBER_NONE &&
                        c->expected_event_id != c->current_event_id;

    format_number(c->expected_event_id != NUMBER_NONE ? c->expected_event_id : c->current_event_id,
                  should);
    format_number(c->current_event_id, is);
    snprintf(out, FIGURE * 2, differ ? "%s" SYM_NOT "%s" : "%s", should, is);
    return differ;
}

/* A client that counts none never lost the broker; one that says nothing of it may have. */
void panel_disconnect(struct paint *p, const struct client *c, char out[FIGURE])
{
    if (c->last_disconnect_at == TIME_NONE && c->reconnect_count != NUMBER_NONE)
        snprintf(out, FIGURE, "%s", _("never"));
    else
        format_when(p, c->last_disconnect_at, out);
}

const char *panel_quiet_reason(const struct ui_model *m, const struct client *c)
{
    static const char *const words[] = {
        [QUIET_NONE] = NULL,
        [QUIET_SHUT_DOWN] = N_("shut down"),
        [QUIET_OFF_BY_INTENT] = N_("off by intent"),
        [QUIET_STARTING] = N_("starting"),
        [QUIET_RESTARTING] = N_("rebooting"),
    };
    static_assert(sizeof words / sizeof *words == QUIET_REASONS, "words for each reason");

    return c->state == CLIENT_SILENT ? words[core_quiet_reason(m->core, c)] : NULL;
}

/* Expected silence is no fault and must not look like one. */
static enum role state_role(const struct paint *p, const struct client *c)
{
    return panel_quiet_reason(p->m, c) ? ROLE_STATE_UNKNOWN : panel_state_role(c->state);
}

static void sign(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;

    snprintf(o->text, sizeof o->text, "%s", panel_state_sign(c->state));
    o->role = state_role(p, c);
}

static void name(struct paint *p, const void *row, struct cell_out *o)
{
    struct text64 scratch = {""};

    (void)p;
    snprintf(o->text, sizeof o->text, "%s", client_name(row, &scratch).clean);
}

static void uuid(struct paint *p, const void *row, struct cell_out *o)
{
    char out[9];

    (void)p;
    panel_uuid8(&((const struct client *)row)->id, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void or_dash(struct cell_out *o, const char *clean)
{
    snprintf(o->text, sizeof o->text, "%s", *clean ? clean : SYM_NONE);
}

static void state(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;

    const char *quiet = panel_quiet_reason(p->m, c);

    snprintf(o->text, sizeof o->text, "%s", _(quiet ? quiet : client_states[c->state].label));
    o->role = state_role(p, c);
}

static void group(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    or_dash(o, ((const struct client *)row)->group.clean);
}

static void beat(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_beat(p, core_client_quiet_ms(p->m->core, row, p->m->now), out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void process(struct paint *p, const void *row, struct cell_out *o)
{
    const struct client *c = row;
    const char *quiet = panel_quiet_reason(p->m, c);

    if (quiet) {
        snprintf(o->text, sizeof o->text, "%s", _(quiet));
        o->role = ROLE_STATE_UNKNOWN;
        return;
    }
    or_dash(o, c->process_status.clean);
    if (panel_process_is_wrong(c))
        o->role = c->crashed ? ROLE_STATE_CRASHED : ROLE_VALUE_WARNING;
}

static void program(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    or_dash(o, ((const struct client *)row)->process.clean);
}

static void number(struct cell_out *o, int64_t n)
{
    char out[FIGURE];

    format_number(n, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void reconnects(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    number(o, ((const struct client *)row)->reconnect_count);
}

static void disconnected(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    panel_disconnect(p, row, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void event(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE * 2];

    (void)p;
    if (panel_event(row, out))
        o->role = ROLE_VALUE_WARNING;
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void address(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    or_dash(o, ((const struct client *)row)->ip.clean);
}

static void version(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    or_dash(o, ((const struct client *)row)->version.clean);
}

#define BY(what) (1 + SORT_##what)
/* clang-format off */
static const struct column columns[] = {
    {.title = NULL, .width = 1, .sort = BY(STATE), .text = sign},
    {.title = N_("NAME"), .width = 10, .most = 24, .sort = BY(NAME), .text = name},
    {.title = N_("STATE"), .width = 14, .most = 18, .grow = 4, .rank = 6, .sort = BY(STATE), .text = state},
    {.title = N_("UUID"), .width = 8, .rank = 3, .sort = BY(UUID), .text = uuid},
    {.title = N_("GROUP"), .width = 8, .most = 18, .rank = 2, .sort = BY(GROUP), .text = group},
    {.title = N_("BEAT"), .width = 5, .right = true, .sort = BY(BEAT), .text = beat},
    {.title = N_("PROCESS"), .width = 7, .most = 12, .rank = 1, .sort = BY(PROCESS), .text = process},
    {.title = N_("PROGRAM"), .width = 15, .most = 20, .rank = 7, .text = program},
    {.title = N_("RECONN"), .width = 6, .right = true, .rank = 2, .sort = BY(RECONNECTS), .text = reconnects},
    {.title = N_("LAST DISC"), .width = 11, .rank = 3, .sort = BY(DISCONNECT), .text = disconnected},
    {.title = N_("EVENT"), .width = 6, .most = 9, .right = true, .rank = 1, .sort = BY(EVENT), .text = event},
    {.title = N_("ADDRESS"), .width = 15, .rank = 8, .text = address},
    {.title = N_("VERSION"), .width = 8, .most = 12, .rank = 9, .text = version},
};
/* clang-format on */

static uint32_t count(const struct ui_model *m)
{
    return core_client_count(m->core);
}

static const void *row_at(const struct ui_model *m, uint32_t index)
{
    return core_client(m->core, index);
}

static uint64_t identity(const void *row)
{
    const struct client *c = row;

    return identity_of(&c->id, sizeof c->id);
}

static enum role role(const void *row)
{
    const struct client *c = row;

    return c->state == CLIENT_ONLINE ? ROLE_SCREEN_TEXT : panel_state_role(c->state);
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->fleet_generation;
}

static bool matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    (void)m;
    return filter_client(f, row);
}

static uint32_t order(struct list *l, const struct ui_model *m)
{
    return query_clients(m->core, l->filter, (enum client_sort)l->sort, l->descending, l->order);
}

const struct list_class class_clients = {
    .name = "clients",
    .title = N_("CLIENTS"),
    .empty = N_("no client was heard yet: devices appear with their first message"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_ALWAYS,
    .count = count,
    .row = row_at,
    .identity = identity,
    .role = role,
    .generation = generation,
    .matches = matches,
    .order = order,
};
