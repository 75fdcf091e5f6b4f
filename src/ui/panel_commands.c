/* panel_commands.c - commands and rollouts as a list, and all of the selected one. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define STEPS 4

/* ---- columns ---- */

/* NULL: not released yet, or no longer in memory. */
static const struct command *command_of(const struct paint *p, const struct work *w)
{
    return w->kind == WORK_ROLLOUT ? NULL : core_find_command(p->m->core, &w->id);
}

static const struct rollout *rollout_of(const struct paint *p, const struct work *w)
{
    return core_find_rollout(p->m->core, w->kind == WORK_MEMBER ? &w->rollout : &w->id);
}

static void action(struct paint *p, const void *row, struct cell_out *o)
{
    const struct work *w = row;
    const struct command *c = command_of(p, w);
    const struct rollout *r = c && w->kind == WORK_COMMAND ? NULL : rollout_of(p, w);
    char words[64] = "";

    if (c)
        panel_command_action(c, words, sizeof words);
    else if (r)
        snprintf(words, sizeof words, "%s", _(actions[r->action].label));
    snprintf(o->text, sizeof o->text, "%s%s",
             w->kind == WORK_MEMBER    ? "  "
             : w->kind == WORK_COMMAND ? ""
             : w->open                 ? SYM_UNFOLDED " "
                                       : SYM_FOLDED " ",
             words);
}

static void name(struct paint *p, const void *row, struct cell_out *o)
{
    const struct work *w = row;
    const struct rollout *r = w->kind == WORK_ROLLOUT ? rollout_of(p, w) : NULL;
    struct text64 scratch = {""};

    if (r)
        snprintf(o->text, sizeof o->text, P_("%u client", "%u clients", r->total), r->total);
    else
        snprintf(o->text, sizeof o->text, "%s",
                 panel_client_name(p->m, &w->client, &scratch).clean);
}

static void progress(struct paint *p, const void *row, struct cell_out *o)
{
    const struct work *w = row;
    const struct command *c = command_of(p, w);
    const struct rollout *r = w->kind == WORK_ROLLOUT ? rollout_of(p, w) : NULL;

    if (c)
        panel_progress(c, o->text, sizeof o->text);
    else if (r)
        panel_share(r->released - rollout_in_flight(r), r->total, o->text, sizeof o->text);
    else if (w->kind == WORK_MEMBER)
        panel_share(0, STEPS, o->text, sizeof o->text);
}

/* A client that waits for its turn has no command yet; one whose command is long over is known by
 * its end alone. */
static void member_state(const struct paint *p, const struct work *w, struct cell_out *o)
{
    const struct rollout_member *m = core_rollout_member(p->m->core, &w->rollout, w->member);

    if (m)
        snprintf(o->text, sizeof o->text, "%s",
                 m->status == COMMAND_STATUSES ? _("waits for its turn")
                                               : _(command_statuses[m->status].label));
}

static void state(struct paint *p, const void *row, struct cell_out *o)
{
    const struct work *w = row;
    const struct command *c = command_of(p, w);
    const struct rollout *r = w->kind == WORK_ROLLOUT ? rollout_of(p, w) : NULL;

    if (c) {
        panel_command_state(p, c, o->cols, o->text, sizeof o->text);
        if (c->not_connected && c->status == COMMAND_PUBLISHED)
            o->role = ROLE_VALUE_WARNING;
    } else if (r) {
        panel_rollout_state(r, o->cols, o->text, sizeof o->text);
    } else {
        member_state(p, w, o);
    }
}

static void by(struct paint *p, const void *row, struct cell_out *o)
{
    const struct command *c = command_of(p, row);
    const struct rollout *r = c ? NULL : rollout_of(p, row);

    if (c)
        panel_command_by(c, o->text, sizeof o->text);
    else if (r)
        snprintf(o->text, sizeof o->text, "%s", r->requested_by.clean);
}

static void issued(struct paint *p, const void *row, struct cell_out *o)
{
    const struct work *w = row;
    const struct command *c = command_of(p, w);
    const struct rollout *r = w->kind == WORK_ROLLOUT ? rollout_of(p, w) : NULL;
    char out[FIGURE];

    format_when(p, c ? c->issued_at : r ? r->began_at : TIME_NONE, out);
    snprintf(o->text, sizeof o->text, "%s", out);
}

static void reason(struct paint *p, const void *row, struct cell_out *o)
{
    const struct command *c = command_of(p, row);
    const struct rollout *r = c ? NULL : rollout_of(p, row);

    snprintf(o->text, sizeof o->text, "%s", c ? c->reason.clean : r ? r->reason.clean : "");
}

/* clang-format off */
static const struct column columns[] = {
    {.title = N_("ACTION"), .width = 8, .most = 15, .grow = 2, .text = action},
    {.title = N_("NAME"), .width = 8, .most = 20, .text = name},
    {.title = N_("STEP"), .width = STEPS, .text = progress},
    {.title = N_("HOW FAR"), .width = 14, .most = 120, .grow = 8, .text = state},
    {.title = N_("BY"), .width = 8, .most = 18, .rank = 1, .text = by},
    {.title = N_("ISSUED"), .width = 11, .rank = 2, .text = issued},
    {.title = N_("REASON"), .width = 12, .most = 40, .grow = 2, .rank = 3, .text = reason},
};
/* clang-format on */

/* ---- the list ---- */

static uint32_t count(const struct ui_model *m)
{
    return core_command_count(m->core);
}

static uint64_t identity(const void *row)
{
    const struct work *w = row;

    return identity_of(&w->id, sizeof w->id);
}

static enum role role(const void *row)
{
    return ((const struct work *)row)->role;
}

static uint64_t generation(const struct ui_model *m)
{
    return core_counts(m->core)->command_generation;
}

static bool matches(const struct filter *f, const struct ui_model *m, const void *row)
{
    const struct command *c = core_find_command(m->core, &((const struct work *)row)->id);

    return c && filter_command(f, c, core_find_client(m->core, &c->client));
}

const struct list_class class_commands = {
    .name = "commands",
    .title = N_("COMMANDS"),
    .empty = N_("no commands"),
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
    .below = 3, /* HOW FAR */
    .below_within = 90,
    .header = HEADER_OUTSIDE_OVERVIEW,
    .count = count,
    .identity = identity,
    .role = role,
    .generation = generation,
    .matches = matches,
    .order = work_order,
};

/* ---- all of the selected one ---- */

static void add_step(const struct ui_model *m, char *out, size_t size, const char *label,
                     int64_t at)
{
    const size_t len = strlen(out);
    char when[FIGURE];

    if (at == TIME_NONE)
        return;
    format_moment(m, at, when);
    snprintf(out + len, size - len, "%s%s %s", len ? "  " SYM_DOT "  " : "", label, when);
}

static int draw_steps(const struct ui_model *m, const struct command *c, struct area a, int y)
{
    char out[320] = "";

    add_step(m, out, sizeof out, _("issued"), c->issued_at);
    add_step(m, out, sizeof out, _("at the broker"), c->published_at);
    add_step(m, out, sizeof out, _("accepted"), c->accepted_at);
    add_step(m, out, sizeof out, _("started"), c->execution_started_at);
    add_step(m, out, sizeof out, _(command_statuses[c->status].label), c->finished_at);
    if (panel_command_role(c) == ROLE_COMMAND_RUNNING)
        add_step(m, out, sizeof out, _("expires"), c->expires_at);
    return panel_wrapped(a, y, ROLE_SCREEN_DIM, out);
}

static void draw_command(struct paint *p, const struct command *c, struct area a)
{
    const struct client *client = core_find_client(p->m->core, &c->client);
    char out[640], state[640], action[64], by[96], id[UID_TEXT], device[UID_TEXT];
    struct text64 scratch = {""};
    int y;

    uid_format(&c->id, id);
    uid_format(&c->client, device);
    panel_command_action(c, action, sizeof action);
    panel_command_by(c, by, sizeof by);
    snprintf(out, sizeof out, "%s  %s  %s  %s  %s %s", action,
             panel_client_name(p->m, &c->client, &scratch).clean,
             client && client->group.clean[0] ? client->group.clean : SYM_NONE, device,
             _("command"), id);
    y = panel_wrapped(a, 0, ROLE_SCREEN_STRONG, out);
    panel_command_state(p, c, 0, state, sizeof state);
    y = panel_wrapped(a, y, panel_command_role(c), state);
    y = draw_steps(p->m, c, a, y);
    snprintf(out, sizeof out, "%s %s%s%s", _("by"), by, c->reason.clean[0] ? ": " : "",
             c->reason.clean);
    panel_wrapped(a, y, ROLE_SCREEN_TEXT, out);
}

static void draw_rollout(struct paint *p, const struct rollout *r, bool open, struct area a)
{
    char out[640], state[640], id[UID_TEXT], began[FIGURE];
    int y;

    uid_format(&r->id, id);
    snprintf(out, sizeof out, P_("%s of %u client  %s %s", "%s of %u clients  %s %s", r->total),
             _(actions[r->action].label), r->total, _("rollout"), id);
    y = panel_wrapped(a, 0, ROLE_SCREEN_STRONG, out);
    panel_rollout_state(r, 0, state, sizeof state);
    y = panel_wrapped(a, y, panel_rollout_role(r), state);
    format_moment(p->m, r->began_at, began);
    snprintf(out, sizeof out, "%s %s  %s %s%s%s", _("began"), began, _("by"), r->requested_by.clean,
             r->reason.clean[0] ? ": " : "", r->reason.clean);
    y = panel_wrapped(a, y, ROLE_SCREEN_TEXT, out);
    panel_wrapped(a, y, ROLE_SCREEN_DIM,
                  open ? _("Enter folds its clients, x stops it")
                       : _("Enter shows its clients, x stops it"));
}

void panel_command_draw(struct paint *p, struct area a)
{
    const struct work *w = list_selected(&p->desk->list[LIST_COMMANDS], p->m);
    const struct command *c = w ? command_of(p, w) : NULL;
    const struct rollout *r = w ? rollout_of(p, w) : NULL;

    if (c)
        draw_command(p, c, a);
    else if (r)
        draw_rollout(p, r, w->open, a);
}
