/* panel_alarm_detail.c - all that is known of the alarm under the cursor, and what to do about it.
 */
#include "ui/panel.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/sheet.h"
#include "ui/symbols.h"

#define EXPLAINED_NAMED 6

const char *panel_alarm_guidance(const struct desk *d, const struct alarm *a)
{
    return d->config->guidance[a->kind];
}

/* Where nothing is configured: what usually helps. */
static const char *const usual[ALARM_KINDS] = {
    [ALARM_SERVICE_FAILED] = N_("read its log, then restart the program or reboot the device"),
    [ALARM_PROCESS_CRASHED] = N_("read its log; restart the program if it does not come back"),
    [ALARM_CLIENT_SILENT] = N_("check its power and network on the spot"),
    [ALARM_CLIENT_FLAPPING] = N_("check its network: cable, switch, WLAN"),
    [ALARM_COMMAND_FAILED] = N_("read the error, then send the command again"),
    [ALARM_DEVICE_NOT_BACK] = N_("somebody has to look at it on the spot"),
    [ALARM_GROUP_OUTAGE] = N_("check power and network of the place, not the devices"),
    [ALARM_BROKER_OUTAGE] = N_("check the broker and its network, not the devices"),
    [ALARM_BROKER_UNREACHABLE] = N_("check the network of this computer and the broker"),
};
static_assert(sizeof usual / sizeof *usual == ALARM_KINDS, "a hint per kind of alarm");

static const char *what_to_do(const struct desk *d, const struct alarm *a)
{
    const char *said = panel_alarm_guidance(d, a);

    return *said ? said : _(usual[a->kind]);
}

static void draw_times(struct sheet *s, const struct alarm *a)
{
    char raised[FIGURE], out[200];

    format_when(s->p, a->raised_at, raised);
    size_t at =
        (size_t)snprintf(out, sizeof out, a->occurrences > 1 ? _("%s, the last of %d times") : "%s",
                         raised, (int)a->occurrences);
    if (core_alarm_chatters(s->p->m->core, a) && at < sizeof out)
        snprintf(out + at, sizeof out - at, "%s", _(" · chatters: comes and goes within seconds"));
    sheet_field(s, _("raised"), ROLE_SCREEN_TEXT, out);
}

static void draw_acknowledged(struct sheet *s, const struct alarm *a)
{
    char when[FIGURE], until[FIGURE], out[200];
    const int64_t expires = s->p->desk->ack_expires_ms;

    if (a->acknowledged_at == TIME_NONE)
        return;
    format_when(s->p, a->acknowledged_at, when);
    format_when(s->p, a->acknowledged_at + expires, until);
    snprintf(out, sizeof out,
             expires ? _("%s by %s; comes back %s if it still stands") : _("%s by %s"), when,
             a->acknowledged_by.clean, until);
    sheet_field(s, _("acknowledged"), ROLE_SCREEN_TEXT, out);
}

static void draw_shelf(struct sheet *s, const struct alarm *a)
{
    char until[FIGURE];

    if (a->state != ALARM_SHELVED || a->shelved_until == TIME_NONE)
        return;
    format_when(s->p, a->shelved_until, until);
    sheet_field(s, _("shelved until"), ROLE_SCREEN_TEXT, until);
}

static void draw_cause(struct sheet *s, const struct alarm *a)
{
    const struct alarm *wider =
        a->suppressed_by[0] ? core_find_alarm(s->p->m->core, a->suppressed_by) : NULL;
    struct text160 words = {""};

    if (!wider)
        return;
    panel_alarm_what(s->p->m, wider, words.clean, sizeof words.clean);
    sheet_field(s, _("explained by"), panel_alarm_role(wider), words.clean);
}

/* What it explains, by name as far as there is room. */
static void draw_explained(struct sheet *s, const struct alarm *a)
{
    const struct core *core = s->p->m->core;
    const uint32_t n = core_alarm_count(core);
    char names[160] = "", out[200];
    unsigned explained = 0;

    for (uint32_t i = core_counts(core)->alarms_standing; i < n; i++) {
        const struct alarm *one = core_alarm(core, i);
        struct text64 scratch = {""};
        const size_t at = strlen(names);
        if (strcmp(one->suppressed_by, a->id) != 0)
            continue;
        if (explained++ < EXPLAINED_NAMED && !uid_is_zero(&one->client))
            snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "",
                     panel_client_name(s->p->m, &one->client, &scratch).clean);
    }
    if (!explained)
        return;
    snprintf(out, sizeof out, explained > EXPLAINED_NAMED ? "%u: %s …" : "%u: %s", explained,
             names);
    sheet_field(s, _("explains"), ROLE_SCREEN_TEXT, out);
}

void panel_alarm_detail_draw(struct paint *p, struct area a)
{
    const struct alarm *al = list_selected(&p->desk->list[LIST_ALARMS], p->m);
    struct text160 words = {""};

    if (!al)
        return;
    struct sheet s = {.p = p,
                      .a = desk_frame(p->desk, a, false, ROLE_PANEL_BORDER, panel_alarm_role(al),
                                      TEXT_OURS(panel_alarm_label(al)))};
    panel_words(&al->summary, words.clean, sizeof words.clean);
    sheet_field(&s, _("what happened"), ROLE_SCREEN_STRONG, words.clean);
    sheet_field(&s, _("what to do"),
                panel_alarm_guidance(p->desk, al)[0] ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT,
                what_to_do(p->desk, al));
    draw_times(&s, al);
    draw_acknowledged(&s, al);
    draw_shelf(&s, al);
    draw_cause(&s, al);
    draw_explained(&s, al);
    if (al->note.clean[0])
        sheet_field(&s, _("note"), ROLE_SCREEN_TEXT, al->note.clean);
    sheet_field(&s, _("id"), ROLE_SCREEN_DIM, al->id);
}
