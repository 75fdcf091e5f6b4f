/* panel_order.c - the question before a command: what will happen to which device where, what
 * speaks against it, and what answers it. Drawn over the view, which stays in sight above. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define COLS_MOST     100
#define MEMBERS_SHOWN 12

static const char *const consequences[ACTIONS] = {
    [ACTION_RESTART_APP] =
        N_("The display program ends and starts again: the picture is away for some seconds."),
    [ACTION_REBOOT_HOST] = N_("The screen goes dark for 10-90 s, then comes back by itself."),
    [ACTION_SHUTDOWN_HOST] =
        N_("The screen goes dark and stays dark: someone has to switch it on on site."),
    [ACTION_OTHER] = "",
};

static const char *const verbs[ACTIONS] = {
    [ACTION_RESTART_APP] = N_("RESTART THE APP"),
    [ACTION_REBOOT_HOST] = N_("REBOOT"),
    [ACTION_SHUTDOWN_HOST] = N_("SHUT DOWN"),
    [ACTION_OTHER] = "",
};

/* Lines one below the other. */
struct page {
    struct paint *p;
    struct area a;
    int y;
};

static void say(struct page *g, enum role role, const char *clean)
{
    g->y = panel_wrapped(g->a, g->y, role, clean);
}

/* ---- what speaks against it, of one device ---- */

static const struct command *under_way(const struct ui_model *m, const struct client *c)
{
    const uint32_t active = c->commands_in_flight ? core_counts(m->core)->commands_active : 0;

    for (uint32_t k = 0; k < active; k++) {
        const struct command *command = core_command(m->core, k);
        if (uid_equal(&command->client, &c->id))
            return command;
    }
    return NULL;
}

static bool say_silent(struct paint *p, const struct client *c, char *out, size_t size)
{
    char quiet[FIGURE];

    if (!order_may_not_hear(c))
        return false;
    if (c->state == CLIENT_UNKNOWN) {
        snprintf(out, size, "%s", _("never heard: it may not get this"));
        return true;
    }
    format_age(p, core_client_quiet_ms(p->m->core, c, p->m->now), quiet);
    snprintf(out, size, _("silent for %s: it may not get this"), quiet);
    return true;
}

static bool say_locked(struct paint *p, const struct client *c, char *out, size_t size)
{
    const int64_t at = core_allowed_at(p->m->core, &c->id);
    char when[FIGURE];

    if (at <= p->m->now.wall_ms)
        return false;
    format_moment(p->m, at, when);
    snprintf(out, size,
             p->desk->order.override_lockout ? _("locked out until %s: overridden")
                                             : _("locked out until %s"),
             when);
    return true;
}

static bool say_under_way(struct paint *p, const struct client *c, char *out, size_t size)
{
    const struct command *command = under_way(p->m, c);
    char action[64], state[320], by[96];

    if (!command)
        return false;
    panel_command_action(command, action, sizeof action);
    panel_command_state(p, command, 40, state, sizeof state);
    panel_command_by(command, by, sizeof by);
    snprintf(out, size, _("under way already: %s (%s), %s"), action, by, state);
    return true;
}

static bool (*const objections[])(struct paint *, const struct client *, char *,
                                  size_t) = {say_silent, say_locked, say_under_way};
#define OBJECTIONS (sizeof objections / sizeof *objections)

/* ---- one device ---- */

static void draw_one(struct page *g, const struct rollout_target *t)
{
    const struct client *c = core_find_client(g->p->m->core, &t->client);
    char out[400], beat[FIGURE];

    if (!c)
        return;
    format_beat(g->p, core_client_quiet_ms(g->p->m->core, c, g->p->m->now), beat);
    snprintf(out, sizeof out, _("%s  group %s  %s  %s"), g->p->desk->order.name.clean,
             c->group.clean[0] ? c->group.clean : SYM_NONE, c->spelling, c->ip.clean);
    say(g, ROLE_SCREEN_STRONG, out);
    snprintf(out, sizeof out, _("%s %s, last heard: %s"), panel_state_sign(c->state),
             _(client_states[c->state].label), beat);
    say(g, panel_state_role(c->state), out);
    say(g, ROLE_SCREEN_TEXT, _(consequences[g->p->desk->order.action]));
    for (size_t i = 0; i < OBJECTIONS; i++) {
        if (objections[i](g->p, c, out, sizeof out))
            say(g, ROLE_VALUE_WARNING, out);
    }
}

/* ---- many ---- */

static uint32_t count_locked(const struct paint *p)
{
    const struct order *o = &p->desk->order;
    uint32_t n = 0;

    for (uint32_t k = 0; k < o->count; k++)
        n += core_allowed_at(p->m->core, &o->target[k].client) > p->m->now.wall_ms;
    return n;
}

/* Those that may not hear it first. */
static const struct rollout_target *shown_at(const struct order *o, uint32_t k)
{
    return &o->target[k < o->offline ? o->count - o->offline + k : k - o->offline];
}

static void draw_member(struct page *g, const struct rollout_target *t)
{
    const struct client *c = core_find_client(g->p->m->core, &t->client);
    struct text64 scratch = {""};
    char why[400] = "", out[640], id[9];
    bool any = false;

    if (!c)
        return;
    for (size_t i = 0; i < OBJECTIONS && !any; i++)
        any = objections[i](g->p, c, why, sizeof why);
    panel_uuid8(&c->id, id);
    snprintf(out, sizeof out, "%s %s  %s  %s  %s", panel_state_sign(c->state),
             client_name(c, &scratch).clean, c->group.clean[0] ? c->group.clean : SYM_NONE, id,
             why);
    area_text(g->a, g->y++, 2, g->a.cols - 4, any ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT,
              (struct text){out});
}

static void draw_members(struct page *g, int *scroll)
{
    const struct order *o = &g->p->desk->order;
    const int room = g->a.rows - g->y, count = o->count < INT32_MAX ? (int)o->count : INT32_MAX;
    const int last = count > room && room > 0 ? count - room : 0;

    *scroll = *scroll > last ? last : *scroll;
    for (int k = *scroll; k < count && g->y < g->a.rows; k++)
        draw_member(g, shown_at(o, (uint32_t)k));
    if (*scroll < last)
        area_printf(g->a, g->a.rows - 1, g->a.cols - 24, ROLE_FOOTER_KEY, _(" %d more, PgDn ↓ "),
                    last - *scroll);
}

static void draw_many(struct page *g, int *scroll)
{
    const struct order *o = &g->p->desk->order;
    const uint32_t locked = o->override_lockout ? 0 : count_locked(g->p);
    char out[240];

    say(g, ROLE_SCREEN_TEXT, _(consequences[o->action]));
    snprintf(out, sizeof out, _("Ctrl-P pace: %s"), _(paces[o->pace].label));
    say(g, ROLE_SCREEN_TEXT, out);
    if (o->offline) {
        snprintf(out, sizeof out,
                 P_("%u of these %u is silent and may not get it:",
                    "%u of these %u are silent and may not get it:", o->offline),
                 o->offline, o->count);
        say(g, ROLE_VALUE_WARNING, out);
    }
    if (locked) {
        snprintf(out, sizeof out,
                 P_("%u is locked out and will be left out as blocked; Ctrl-O overrides that.",
                    "%u are locked out and will be left out as blocked; Ctrl-O overrides that.",
                    locked),
                 locked);
        say(g, ROLE_VALUE_WARNING, out);
    }
    draw_members(g, scroll);
}

/* ---- the frame and the line that answers ---- */

static void draw_common(struct page *g)
{
    const struct order *o = &g->p->desk->order;
    char out[LINE_BYTES + 40];

    if (!core_link_is_up(g->p->m->core))
        say(g, ROLE_VALUE_WARNING,
            _("No broker now: it waits here and goes when the broker is back, unless it expires."));
    if (o->reason.len) {
        snprintf(out, sizeof out, _("reason: %s"), o->reason.text);
        say(g, ROLE_SCREEN_TEXT, out);
    }
}

static void draw_answer(const struct paint *p, struct area a)
{
    const struct order *o = &p->desk->order;
    char label[240], keys[160];
    int x;

    snprintf(keys, sizeof keys, "%s%s", o->reasoning ? _("Enter keeps it") : _("Tab reason"),
             o->override_lockout   ? _("  Ctrl-O keep the lockout")
             : count_locked(p) > 0 ? _("  Ctrl-O override the lockout")
                                   : "");
    if (o->reasoning)
        snprintf(label, sizeof label, "%s", _("reason: "));
    else if (o->wanted[0])
        snprintf(label, sizeof label, _("type %s and Enter: "), o->wanted);
    else
        snprintf(label, sizeof label, _("%s? y = yes, n = no "), _(verbs[o->action]));
    area_fill(a, 0, 0, a.cols, ROLE_PROMPT_TEXT);
    x = 1 + area_text(a, 0, 1, -1, ROLE_FOOTER_KEY, (struct text){label});
    if (o->reasoning || o->wanted[0])
        x += area_text(a, 0, x, -1, ROLE_PROMPT_TEXT,
                       line_end(o->reasoning ? &o->reason : &o->typed, a.cols - x - 1));
    area_cursor(a, 0, x < a.cols ? x : a.cols - 1, true);
    if (o->error.code)
        area_text(a, 0, x + 2, -1, ROLE_PROMPT_ERROR, (struct text){o->error.text});
    else
        area_text(a, 0, x + 2, -1, ROLE_SCREEN_DIM, TEXT_OURS(keys));
}

static int draw_lines(struct paint *p, struct area a, int *scroll)
{
    struct page g = {.p = p, .a = a};

    draw_common(&g);
    if (p->desk->order.count > 1)
        draw_many(&g, scroll);
    else
        draw_one(&g, &p->desk->order.target[0]);
    return g.y;
}

/* As high as it needs to be, at the lower edge. */
static struct area place(struct paint *p, struct area middle)
{
    const uint32_t count = p->desk->order.count;
    const int cols = middle.cols < COLS_MOST ? middle.cols : COLS_MOST;
    int ignored = 0;
    int rows = draw_lines(p, area_sub(middle, 0, 0, 0, cols - 2), &ignored) + 2;

    if (count > 1)
        rows += count < MEMBERS_SHOWN ? (int)count : MEMBERS_SHOWN;
    rows = rows > middle.rows ? middle.rows : rows;
    return area_sub(middle, middle.rows - rows, (middle.cols - cols) / 2, rows, cols);
}

void order_draw(struct paint *p, struct area middle, struct area bottom)
{
    struct order *o = &p->desk->order;
    const struct area box = place(p, middle);
    char title[160];

    if (o->count > 1)
        snprintf(title, sizeof title, _("%s %u CLIENTS"), _(verbs[o->action]), o->count);
    else
        snprintf(title, sizeof title, "%s %s", _(verbs[o->action]), o->name.clean);
    for (int y = 0; y < box.rows; y++)
        area_fill(box, y, 0, box.cols, ROLE_SCREEN_TEXT);
    draw_lines(
        p,
        desk_frame(p->desk, box, true, ROLE_ALERT_BORDER, ROLE_ALERT_TITLE, (struct text){title}),
        &p->desk->layer[p->desk->layers - 1].scroll);
    draw_answer(p, bottom);
    o->shown = true;
}
