/* panel_commands.c - commands and how far they got. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define STEPS 4 /* published, accepted, started, completed */

enum role panel_command_role(const struct command *c)
{
    switch (c->status) {
    case COMMAND_COMPLETED:
        return ROLE_COMMAND_DONE;
    case COMMAND_FAILED:
    case COMMAND_EXPIRED:
    case COMMAND_BLOCKED:
        return ROLE_COMMAND_FAILED;
    case COMMAND_CANCELLED:
        return ROLE_SCREEN_DIM;
    default:
        return ROLE_COMMAND_RUNNING;
    }
}

void panel_progress(const struct command *c, char *out, size_t size)
{
    static const int steps[COMMAND_STATUSES] = {
        [COMMAND_PUBLISHED] = 1,
        [COMMAND_ACCEPTED] = 2,
        [COMMAND_EXECUTION_STARTED] = 3,
        [COMMAND_COMPLETED] = STEPS,
    };

    if (panel_command_role(c) == ROLE_COMMAND_FAILED) {
        snprintf(out, size, "%s", SYM_CRASHED);
        return;
    }
    out[0] = '\0';
    for (int i = 0; i < STEPS; i++)
        strncat(out, i < steps[c->status] ? SYM_DONE : SYM_TO_DO, size - strlen(out) - 1);
}

void panel_command_state(struct paint *p, const struct command *c, char *out, size_t size)
{
    char left[FIGURE];

    if (c->status == COMMAND_FAILED && c->error_code.clean[0]) {
        snprintf(out, size, "%s%s%s", c->error_code.clean, c->error_message.clean[0] ? ": " : "",
                 c->error_message.clean);
    } else if (c->status == COMMAND_EXECUTION_STARTED && c->action == ACTION_REBOOT_HOST) {
        format_left(p, c->expires_at - p->m->now.wall_ms, left);
        snprintf(out, size, _("waiting for reboot, 10-90 s is normal; %s left"), left);
    } else if (c->status < COMMAND_EXPIRED && c->status != COMMAND_CANCELLED &&
               c->expires_at != TIME_NONE) {
        format_left(p, c->expires_at - p->m->now.wall_ms, left);
        snprintf(out, size, _("%s, %s left"), _(command_statuses[c->status].label), left);
    } else {
        snprintf(out, size, "%s%s", _(command_statuses[c->status].label),
                 c->late ? _(", late") : "");
    }
}

static void action(struct paint *p, const void *row, struct cell_out *o)
{
    const struct command *c = row;

    (void)p;
    snprintf(o->text, sizeof o->text, "%s",
             c->action == ACTION_OTHER ? c->action_text.clean : _(actions[c->action].label));
}

static void name(struct paint *p, const void *row, struct cell_out *o)
{
    const struct command *c = row;
    struct text64 scratch = {""};

    snprintf(o->text, sizeof o->text, "%s", panel_client_name(p->m, &c->client, &scratch).clean);
}

static void progress(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    panel_progress(row, o->text, sizeof o->text);
}

static void state(struct paint *p, const void *row, struct cell_out *o)
{
    panel_command_state(p, row, o->text, sizeof o->text);
}

static void by(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct command *)row)->requested_by.clean);
}

static void issued(struct paint *p, const void *row, struct cell_out *o)
{
    char out[FIGURE];

    format_when(p, ((const struct command *)row)->issued_at, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void reason(struct paint *p, const void *row, struct cell_out *o)
{
    (void)p;
    snprintf(o->text, sizeof o->text, "%s", ((const struct command *)row)->reason.clean);
}

/* clang-format off */
static const struct column columns[] = {
    {.title = N_("ACTION"), .width = 8, .most = 13, .text = action},
    {.title = N_("NAME"), .width = 8, .most = 20, .text = name},
    {.title = N_("STEP"), .width = STEPS, .text = progress},
    {.title = N_("HOW FAR"), .width = 14, .most = 120, .grow = 8, .text = state},
    {.title = N_("BY"), .width = 8, .most = 16, .rank = 1, .text = by},
    {.title = N_("ISSUED"), .width = 11, .rank = 2, .text = issued},
    {.title = N_("REASON"), .width = 12, .most = 40, .grow = 2, .rank = 3, .text = reason},
};
/* clang-format on */

static uint32_t count(const struct ui_model *m)
{
    return core_command_count(m->core);
}

static const void *row_at(const struct ui_model *m, uint32_t index)
{
    return core_command(m->core, index);
}

static uint64_t identity(const void *row)
{
    const struct command *c = row;

    return identity_of(&c->id, sizeof c->id);
}

static enum role role(const void *row)
{
    return panel_command_role(row);
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->command_generation;
}

static bool matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct command *c = row;

    return filter_command(f, c, core_find_client(m->core, &c->client));
}

const struct list_class class_commands = {
    .name = "commands",
    .title = N_("COMMANDS"),
    .empty = N_("no commands"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .header = HEADER_OUTSIDE_OVERVIEW,
    .count = count,
    .row = row_at,
    .identity = identity,
    .role = role,
    .generation = generation,
    .matches = matches,
};
