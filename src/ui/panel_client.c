/* panel_client.c - everything known of one client. */
#include "ui/panel.h"
#include "ui/sheet.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"
#include "ui/symbols.h"

static void field_time(struct sheet *s, const char *label, int64_t at)
{
    char when[FIGURE];

    format_when(s->p, at, when);
    sheet_field(s, label, ROLE_SCREEN_TEXT, when);
}

static void field_number(struct sheet *s, const char *label, int64_t n)
{
    char out[FIGURE];

    format_number(n, out);
    sheet_field(s, label, ROLE_SCREEN_TEXT, out);
}

/* Why its silence is no fault; NULL: it is one, or it is not silent. */
static const char *expectation(const struct sheet *s, const struct client *c)
{
    static const char *const words[] = {
        [QUIET_NONE] = NULL,
        [QUIET_SHUT_DOWN] = N_("it was told to shut down"),
        [QUIET_OFF_BY_INTENT] = N_("off by intent: its group is wanted off"),
        [QUIET_STARTING] = N_("its group was wanted off until now: starting"),
        [QUIET_RESTARTING] = N_("waiting for reboot, 10-90 s is normal"),
    };
    static_assert(sizeof words / sizeof *words == QUIET_REASONS, "words for each reason");

    return c->state == CLIENT_SILENT ? words[core_quiet_reason(s->p->m->core, c)] : NULL;
}

/* What the device's systemd wrote is a text; one that is a time is told as all times are. */
static void draw_failed(struct sheet *s, const struct client *c)
{
    const char *text = c->failed_at.clean, *unit = c->failed_unit.clean;
    char out[160], when[FIGURE];
    int64_t at;

    if (time_parse_iso(text, strlen(text), &at)) {
        format_when(s->p, at, when);
        text = when;
    }
    snprintf(out, sizeof out, *text ? _("%s gave up, %s") : _("%s gave up"),
             *unit ? unit : _("a service"), text);
    sheet_field(s, _("service failed"), ROLE_STATE_SERVICE_FAILED, out);
}

static void draw_state(struct sheet *s, const struct client *c)
{
    char out[160], when[FIGURE];

    format_when(s->p, c->state_since_at, when);
    snprintf(out, sizeof out, c->state_since_at == TIME_NONE ? "%s %s" : _("%s %s since %s"),
             panel_state_sign(c->state), _(client_states[c->state].label), when);
    const char *quiet = expectation(s, c);
    const size_t n = strlen(out);
    if (quiet)
        snprintf(out + n, sizeof out - n, " " SYM_DASH " %s", _(quiet));
    sheet_field(s, _("state"), quiet ? ROLE_STATE_UNKNOWN : panel_state_role(c->state), out);
    if (c->failed)
        draw_failed(s, c);
    format_beat(s->p, core_client_quiet_ms(s->p->m->core, c, s->p->m->now), when);
    sheet_field(s, _("last sign of life"), ROLE_SCREEN_TEXT, when);
}

static void draw_program(struct sheet *s, const struct client *c)
{
    char out[160], pid[FIGURE], event[FIGURE], should[FIGURE];
    const bool wrong = panel_process_is_wrong(c);

    format_number(c->pid, pid);
    snprintf(out, sizeof out, "%s  %s  pid %s", c->process.clean[0] ? c->process.clean : SYM_NONE,
             c->process_status.clean[0] ? c->process_status.clean : SYM_NONE, pid);
    sheet_field(s, _("program"),
          !wrong       ? ROLE_SCREEN_TEXT
          : c->crashed ? ROLE_STATE_CRASHED
                       : ROLE_VALUE_WARNING,
          out);
    format_number(c->current_event_id, event);
    format_number(c->expected_event_id, should);
    const bool differ = panel_event(c, out);
    snprintf(out, sizeof out,
             differ ? _("should show %s, shows %s") : _("should show %s, reports %s"), should,
             event);
    sheet_field(s, _("event"), differ ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT, out);
}

static void draw_reconnects(struct sheet *s, const struct client *c)
{
    uint16_t hours[24];
    uint16_t most = 1;
    char out[24 * 4 + 1] = "", when[FIGURE];
    unsigned sum = 0;

    field_number(s, _("reconnects"), c->reconnect_count);
    panel_disconnect(s->p, c, when);
    sheet_field(s, _("last disconnect"), ROLE_SCREEN_TEXT, when);
    if (!core_reconnects_by_hour(s->p->m->core, c, hours))
        return;
    for (int i = 0; i < 24; i++) {
        most = hours[i] > most ? hours[i] : most;
        sum += hours[i];
    }
    if (!sum)
        return;
    for (int i = 0; i < 24; i++)
        strncat(out, hours[i] ? symbol_heights[(hours[i] * 8 - 1) / most % 8] : " ",
                sizeof out - strlen(out) - 1);
    const int y = sheet_line(s);
    area_text(s->a, y, 1, SHEET_LABEL - 1, ROLE_SCREEN_DIM, TEXT_OURS(_("in the last 24 h")));
    const int used = area_text(s->a, y, SHEET_LABEL + 1, -1, ROLE_VALUE_WARNING, TEXT_OURS(out));
    area_printf(s->a, y, SHEET_LABEL + 2 + used, ROLE_SCREEN_DIM,
                P_("%u reconnect, at most %u an hour", "%u reconnects, at most %u an hour", sum),
                sum, most);
}

/* What its group was told: what should show, and whether it should be on. */
static void draw_group(struct sheet *s, const struct client *c)
{
    const struct group_notice *n =
        c->group.clean[0] ? core_group_notice(s->p->m->core, TEXT(c->group)) : NULL;
    char until[FIGURE], out[320];

    sheet_field(s, _("group"), ROLE_SCREEN_TEXT, c->group.clean);
    if (n && n->event.clean[0])
        sheet_field(s, _("the group's event"), ROLE_SCREEN_TEXT, n->event.clean);
    if (!n || !n->wanted.clean[0])
        return;
    format_when(s->p, n->expires_at, until);
    snprintf(out, sizeof out,
             n->expires_at == TIME_NONE                  ? "%s"
             : n->expires_at <= s->p->m->now.wall_ms ? _("%s until %s, which is over")
                                                     : _("%s until %s"),
             n->wanted.clean, until);
    const size_t used = strlen(out);
    if (n->reason.clean[0])
        snprintf(out + used, sizeof out - used, " " SYM_DASH " %s", n->reason.clean);
    sheet_field(s, _("the group is wanted"), ROLE_SCREEN_TEXT, out);
}

static void draw_facts(struct sheet *s, const struct client *c)
{
    static const char *const reach[] = {N_("no"), N_("yes")};

    sheet_field(s, _("uuid"), ROLE_SCREEN_STRONG, c->spelling);
    draw_state(s, c);
    draw_program(s, c);
    draw_group(s, c);
    sheet_field(s, _("address"), ROLE_SCREEN_TEXT, c->ip.clean);
    sheet_field(s, _("version"), ROLE_SCREEN_TEXT, c->version.clean);
    sheet_field(s, _("reaches the broker"), ROLE_SCREEN_TEXT,
          c->broker_reachable == TRI_UNKNOWN ? "" : _(reach[c->broker_reachable]));
    draw_reconnects(s, c);
    field_time(s, _("first seen"), c->first_seen_at);
    field_time(s, _("last heartbeat"), c->last_heartbeat_at);
    field_time(s, _("last health report"), c->last_health_at);
}

static void draw_alarms(struct sheet *s, const struct client *c)
{
    const uint32_t n = c->alarms ? core_alarm_count(s->p->m->core) : 0;

    if (c->alarms)
        sheet_heading(s, _("ALARMS"));
    for (uint32_t i = 0; i < n; i++) {
        const struct alarm *a = core_alarm(s->p->m->core, i);
        struct text160 words = {""};
        char age[FIGURE], how[96];

        if (!a || !uid_equal(&a->client, &c->id))
            continue;
        panel_alarm_what(s->p->m, a, words.clean, sizeof words.clean);
        format_age(s->p, s->p->m->now.wall_ms - a->raised_at, age);
        panel_alarm_state(s->p, a, how, sizeof how);
        area_printf(s->a, sheet_line(s), 1, panel_alarm_role(a), "%s %s  %s  %s  %s",
                    panel_alarm_sign(a), panel_alarm_label(a), age, how, words.clean);
        if (panel_alarm_guidance(s->p->desk, a)[0])
            area_text(s->a, sheet_line(s), 5, -1, ROLE_VALUE_WARNING,
                      TEXT_OURS(panel_alarm_guidance(s->p->desk, a)));
        if (a->note.clean[0])
            area_text(s->a, sheet_line(s), 5, -1, ROLE_SCREEN_TEXT, TEXT(a->note));
    }
}

#define COMMANDS_SHOWN 10
static void draw_commands(struct sheet *s, const struct client *c)
{
    const uint32_t n = core_command_count(s->p->m->core);
    int shown = 0;

    for (uint32_t i = 0; i < n && shown < COMMANDS_SHOWN; i++) {
        const struct command *cmd = core_command(s->p->m->core, i);
        char when[FIGURE], action[64], steps[32], how[320], by[96];

        if (!cmd || !uid_equal(&cmd->client, &c->id))
            continue;
        if (!shown++)
            sheet_heading(s, _("COMMANDS"));
        format_when(s->p, cmd->issued_at, when);
        panel_command_action(cmd, action, sizeof action);
        panel_progress(cmd, steps, sizeof steps);
        panel_command_state(s->p, cmd, 0, how, sizeof how);
        panel_command_by(cmd, by, sizeof by);
        area_printf(s->a, sheet_line(s), 1, panel_command_role(cmd), "%s  %s  %s  %s  %s  %s", when,
                    action, steps, how, by, cmd->reason.clean);
    }
}

#define HISTORY_SHOWN 12
static void draw_history(struct sheet *s, const struct client *c)
{
    const struct history_event *e;
    int shown = 0;

    for (uint32_t k = 0; shown < HISTORY_SHOWN && (e = core_history(s->p->m->core, k)); k++) {
        struct text160 words = {""};
        char when[FIGURE];

        if (!uid_equal(&e->client, &c->id) || e->kind == EVENT_IMAGE)
            continue;
        if (!shown++)
            sheet_heading(s, _("HISTORY"));
        panel_words(&e->summary, words.clean, sizeof words.clean);
        format_moment(s->p->m, e->at, when);
        area_printf(s->a, sheet_line(s), 1, ROLE_LOG_TEXT, "%s  %s  %s  %s", when,
                    _(event_kinds[e->kind].label), words.clean, e->by.clean);
    }
}

/* "restart app helped 3 of 4 times" for each action that was tried against this kind. */
static void remedies(const struct past_client *past, int kind, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (int action = 0; action < ACTIONS; action++) {
        const struct past_remedy *r = &past->remedy[kind][action];
        if (r->tried && at < size)
            at += (size_t)snprintf(out + at, size - at, _(", %s helped %u of %u times"),
                                   _(actions[action].label), r->helped, r->tried);
    }
    if (past->by_itself[kind] && at < size)
        snprintf(out + at, size - at, P_(", %u time it passed by itself",
                                         ", %u times it passed by itself", past->by_itself[kind]),
                 past->by_itself[kind]);
}

static void draw_past(struct sheet *s, const struct client *c)
{
    const struct past_answer *a = s->p->m->told[PAST_CLIENT];
    bool any = false;

    if (!a || a->error.code || !uid_equal(&a->question.client, &c->id))
        return;
    sheet_heading(s, _("IN THE LAST 30 DAYS"));
    for (int k = 0; k < ALARM_KINDS; k++) {
        char how[300], when[FIGURE];
        if (!a->client.raised[k])
            continue;
        any = true;
        format_when(s->p, a->client.last_at[k], when);
        remedies(&a->client, k, how, sizeof how);
        const int y = sheet_line(s);
        area_text(s->a, y, 1, SHEET_LABEL - 1, ROLE_SCREEN_TEXT,
                  TEXT_OURS(_(alarm_kinds[k].label)));
        area_printf(s->a, y, SHEET_LABEL + 1, ROLE_SCREEN_TEXT,
                    P_("%u time, last %s%s", "%u times, last %s%s", a->client.raised[k]),
                    a->client.raised[k], when, how);
    }
    if (!any)
        area_text(s->a, sheet_line(s), 1, -1, ROLE_SCREEN_DIM, TEXT_OURS(_("no alarm")));
}

#define LOGS_SHOWN 50
static void draw_logs(struct sheet *s, const struct client *c)
{
    const struct log_line *l;
    int shown = 0;

    for (uint32_t k = 0; shown < LOGS_SHOWN && (l = core_log(s->p->m->core, k)); k++) {
        char when[FIGURE];

        if (!uid_equal(&l->client, &c->id))
            continue;
        if (!shown++)
            sheet_heading(s, _("LOGS"));
        format_moment(s->p->m, l->at, when);
        area_printf(s->a, sheet_line(s), 1, panel_log_role(l), "%s  %s  %s", when, l->level.clean,
                    l->message.clean);
    }
}

void panel_client_draw(struct paint *p, struct area a)
{
    struct desk *d = p->desk;
    const int top = d->layers - 1;
    const struct client *c = core_find_client(p->m->core, &d->layer[top].client);
    struct text64 scratch = {""};
    char title[160];

    if (!c)
        return;
    snprintf(title, sizeof title, "%s %s", _("CLIENT"), client_name(c, &scratch).clean);
    struct sheet s = {
        .p = p,
        .skip = d->layer[top].scroll,
        .a = desk_frame(d, a, false, ROLE_PANEL_BORDER, ROLE_PANEL_FOCUSED, TEXT_OURS(title))};
    draw_facts(&s, c);
    draw_alarms(&s, c);
    draw_commands(&s, c);
    draw_past(&s, c);
    draw_history(&s, c);
    draw_logs(&s, c);
    sheet_end(&s, a, &d->layer[top].scroll);
}
