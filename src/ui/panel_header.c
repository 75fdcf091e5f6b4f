/* panel_header.c - the lines around the panels: connection, counts, what is wrong with all of it,
 * keys. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define MESSAGE_MS 8000 /* long enough to be read, short enough to give the keys back */

/* ---- header ---- */

static int part(struct area a, int x, enum role role, const char *text)
{
    const int used = area_text(a, 0, x, -1, role, TEXT_OURS(text));

    return x + used;
}

static int connection(struct paint *p, struct area a, int x)
{
    static const char *const words[] = {[LINK_CONNECTING] = N_("connecting"),
                                        [LINK_UP] = "",
                                        [LINK_WAITING] = N_("no broker"),
                                        [LINK_STOPPED] = N_("stopped")};
    const struct link_status *l = p->m->link;
    const bool up = l->phase == LINK_UP;
    const enum role role = up ? ROLE_HEADER_GOOD : ROLE_HEADER_BAD;
    char out[200];

    snprintf(out, sizeof out, "%s %s%s%s%s",
             up                            ? SYM_ONLINE
             : l->phase == LINK_CONNECTING ? SYM_SILENT
                                           : SYM_CRASHED,
             l->host.clean, l->tls ? " tls" : "", up ? "" : " ", up ? "" : _(words[l->phase]));
    return part(a, x, role, out) + 3;
}

/* In the place of the connection: this is not now. */
static int past(struct paint *p, struct area a, int x)
{
    char when[FIGURE], out[160];

    format_moment(p->m, p->desk->fleet_at, when);
    snprintf(out, sizeof out, p->m->in_past ? _(" PAST %s ") : _(" PAST %s: reading … "), when);
    x = part(a, x, ROLE_HEADER_PAST, out) + 1;
    return part(a, x, ROLE_HEADER_TEXT, _("Esc: now")) + 2;
}

#define RECORDER_WORDS 64
static enum role recorder(const struct ui_model *m, char out[RECORDER_WORDS])
{
    const struct store_status *s = m->store;

    if (s->recorder)
        snprintf(out, RECORDER_WORDS, "%s " SYM_ONLINE, _("recorder"));
    else if (s->other_recorder)
        snprintf(out, RECORDER_WORDS, "%s " SYM_SILENT " %s", _("recorder"), _("elsewhere"));
    else
        snprintf(out, RECORDER_WORDS, "%s " SYM_CRASHED " %s", _("recorder"), _("none"));
    return s->recorder || s->other_recorder ? ROLE_HEADER_TEXT : ROLE_HEADER_BAD;
}

/* As long as what comes behind lets it be: view 8 has the rate too, the name stands here only. */
static int rate(struct paint *p, struct area a, int x, int behind)
{
    static const char *const words[] = {N_("%s msg/s"), N_("%s/s")};
    char figure[FIGURE], out[64];

    p->desk->rate_shown = format_rate(p->m->rate, p->desk->rate_shown, figure);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(out, sizeof out, _(words[i]), figure);
        if (x + text_width(TEXT_OURS(out)) + 3 + behind <= a.cols)
            return part(a, x, ROLE_HEADER_TEXT, out) + 3;
    }
    return x;
}

/* How much comes in, who records, who is here. */
static void draw_rest(struct paint *p, struct area a, int x)
{
    char words[RECORDER_WORDS];
    const enum role role = recorder(p->m, words);
    const bool wide = a.cols >= 52;
    const int behind = text_width(TEXT_OURS(words)) + 3 + text_width(TEXT(p->m->operator_name));

    if (wide && !p->desk->screen_reader && p->m->link->phase == LINK_UP &&
        p->desk->fleet_at == TIME_NONE)
        x = rate(p, a, x, behind);
    if (wide)
        x = part(a, x, role, words) + 3;
    part(a, x, ROLE_HEADER_TEXT, p->m->operator_name.clean);
}

static void clock_at_right(struct paint *p, struct area a)
{
    char now[FIGURE];

    if (p->desk->screen_reader)
        return; /* a braille line would follow it each minute */
    format_clock(p->m->now.wall_ms, now);
    paint_changes_in(p, 60000 - p->m->now.wall_ms % 60000);
    area_text_right(a, 0, 0, a.cols - 1, ROLE_HEADER_TEXT, TEXT_OURS(now));
}

void panel_header_draw(struct paint *p, struct area a)
{
    int x;

    area_fill(a, 0, 0, a.cols, ROLE_HEADER_TEXT);
    x = part(a, 1, ROLE_HEADER_TITLE, a.cols >= 60 ? "INFOSCREEN" : "IS") + 1;
    if (p->m->demo)
        x = part(a, x, ROLE_HEADER_TITLE, _("demo")) + 1;
    if (p->m->read_only)
        x = part(a, x + 1, ROLE_HEADER_READ_ONLY, _("READ-ONLY")) + 1;
    const struct area rest = area_sub(a, 0, 0, 1, a.cols - 8); /* the clock's */
    x = p->desk->fleet_at != TIME_NONE ? past(p, rest, x + 1)
                                       : connection(p, rest, x + (a.cols >= 60 ? 2 : 0));
    draw_rest(p, rest, x);
    clock_at_right(p, a);
}

/* ---- what is wider than a device ---- */

static const struct alarm *standing(const struct ui_model *m, enum alarm_kind kind)
{
    const uint32_t n = core_alarm_count(m->core);

    /* Wide ones are the most urgent: no need to look far. */
    for (uint32_t i = 0; i < n && i < 64; i++) {
        const struct alarm *a = core_alarm(m->core, i);
        if (a && a->kind == kind && a->active && a->state != ALARM_SUPPRESSED)
            return a;
    }
    return NULL;
}

/* The hush of the whole fleet that holds; since_at is set. */
static bool fleet_hush(const struct ui_model *m, struct outage_figures *out)
{
    const struct alarm *a = standing(m, ALARM_BROKER_OUTAGE);

    if (!a || !core_outage(m->core, TEXT_EMPTY, out))
        return false;
    if (out->since_at == TIME_NONE)
        out->since_at = a->raised_at;
    return true;
}

/* ---- counts ---- */

struct count {
    char text[64];
    enum role role;
};

/* In a hush nobody's state is known: each stands as it was until its own time is over. */
static bool put_as_of(const struct ui_model *m, struct count *out)
{
    struct outage_figures hush;
    char when[FIGURE];

    if (!fleet_hush(m, &hush))
        return false;
    format_moment(m, hush.since_at, when);
    snprintf(out->text, sizeof out->text, _("as of %s"), when);
    out->role = ROLE_SCREEN_STRONG;
    return true;
}

static int collect_counts(const struct ui_model *m, int cols, struct count out[8])
{
    static const enum client_state order[] = {CLIENT_ONLINE, CLIENT_SILENT, CLIENT_CRASHED,
                                              CLIENT_SERVICE_FAILED, CLIENT_UNKNOWN};
    const struct core_counts *n = core_counts(m->core);
    int k = 0;

    snprintf(out[k].text, sizeof out[k].text, P_("%u client", "%u clients", n->clients),
             n->clients);
    out[k++].role = ROLE_SCREEN_STRONG;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const uint32_t have = n->by_state[order[i]];
        if (!have && order[i] != CLIENT_ONLINE)
            continue;
        snprintf(out[k].text, sizeof out[k].text, "%s %u %s", panel_state_sign(order[i]), have,
                 _(client_states[order[i]].label));
        out[k++].role = panel_state_role(order[i]);
    }
    k += cols >= 60 && put_as_of(m, &out[k]);
    if (n->commands_active) {
        snprintf(out[k].text, sizeof out[k].text,
                 P_("▷ %u command in flight", "▷ %u commands in flight", n->commands_active),
                 n->commands_active);
        out[k++].role = ROLE_COMMAND_RUNNING;
    }
    return k;
}

int panel_counts_draw(struct paint *p, struct area a)
{
    struct count counts[8];
    const int n = collect_counts(p->m, a.cols, counts);
    int y = 0, x = 1;

    for (int i = 0; i < n; i++) {
        const int width = text_width(TEXT_OURS(counts[i].text));
        if (x > 1 && x + width > a.cols && y + 1 < a.rows) {
            y++;
            x = 1;
        }
        x += area_text(a, y, x, -1, counts[i].role, TEXT_OURS(counts[i].text)) +
             (a.cols >= 60 ? 3 : 2);
    }
    return y + 1;
}

/* ---- banners: one sentence each for what is wider than a device ---- */

/* What comes behind must be seen: a long reason gives way. */
static void shorten(struct text160 *why, int cols)
{
    int used;
    const size_t fits = text_fit(TEXT(*why), cols > 12 ? cols : 12, &used);

    if (why->clean[fits] && fits + 4 <= sizeof why->clean)
        memcpy(why->clean + fits, "…", 4);
}

static void say_no_broker(const char *when, const char *why, const char *next, char *out,
                          size_t size)
{
    snprintf(out, size,
             *when ? _("NO BROKER since %s%s%s%s; the fleet below is as of then")
                   : _("NO BROKER%s%s%s%s; the fleet below is as it was stored"),
             when, *why ? " " SYM_DASH " " : "", why, next);
}

#define WRAPPED 20 /* cells that a dash and the end of the first line may take */

static bool banner_link(struct paint *p, int cols, char *out, size_t size)
{
    const struct ui_model *m = p->m;
    const int64_t since = core_link_since_at(m->core);
    char when[FIGURE] = "", next[FIGURE + 64] = "", left[FIGURE];
    struct text160 why = {""};

    if (m->in_past || m->link->phase == LINK_UP || core_link_is_up(m->core) ||
        (m->link->phase == LINK_CONNECTING && !core_link_why(m->core)->id))
        return false;
    panel_words(core_link_why(m->core), why.clean, sizeof why.clean);
    if (since > 0)
        format_moment(m, since, when);
    if (m->link->phase == LINK_WAITING) {
        format_left(p, m->link->next_try_mono - m->now.mono_ms, left);
        snprintf(next, sizeof next, _(", next try in %s"), left);
    } else if (m->link->phase == LINK_CONNECTING) {
        snprintf(next, sizeof next, "%s", _(", trying now"));
    }
    say_no_broker(when, "", next, out, size);
    shorten(&why, 2 * cols - WRAPPED - text_width(TEXT_OURS(out))); /* two lines */
    say_no_broker(when, why.clean, next, out, size);
    return true;
}

/* As long as the screen lets it be; the end, what to think of it, is never what is cut. */
static bool banner_outage(struct paint *p, int cols, char *out, size_t size)
{
    static const char *const sentences[] = {
        N_("ALL %u CLIENTS SILENT since %s — the broker or its network, not the devices"),
        N_("ALL %u CLIENTS SILENT since %s — broker or network, not devices"),
        N_("ALL %u SILENT since %s — broker or network"),
    };
    struct outage_figures now;
    char when[FIGURE];

    if (!fleet_hush(p->m, &now))
        return false;
    format_moment(p->m, now.since_at, when);
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        snprintf(out, size, _(sentences[i]), now.silent, when);
        if (text_width(TEXT_OURS(out)) <= cols)
            break;
    }
    return true;
}

static unsigned count_standing(const struct ui_model *m, enum alarm_kind kind)
{
    const uint32_t n = core_alarm_count(m->core);
    unsigned found = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct alarm *a = core_alarm(m->core, i);
        found += a->kind == kind && a->active && a->state != ALARM_SUPPRESSED;
    }
    return found;
}

static bool banner_group(struct paint *p, int cols, char *out, size_t size)
{
    const struct alarm *a = standing(p->m, ALARM_GROUP_OUTAGE);
    struct outage_figures now;
    char when[FIGURE];
    int at;

    (void)cols;
    if (!a || !core_outage(p->m->core, TEXT(a->subject), &now))
        return false;
    const unsigned more = count_standing(p->m, ALARM_GROUP_OUTAGE) - 1;
    format_moment(p->m, now.since_at == TIME_NONE ? a->raised_at : now.since_at, when);
    at = snprintf(out, size, _("GROUP %s: %u of %u silent since %s"), a->subject.clean, now.silent,
                  now.of, when);
    if (more && at > 0 && (size_t)at < size)
        snprintf(out + at, size - (size_t)at,
                 P_(" — and %u more group", " — and %u more groups", more), more);
    return true;
}

/* The store's own sentence says what is wrong, what becomes of the history, and what to do. */
static bool banner_store(struct paint *p, int cols, char *out, size_t size)
{
    const struct store_status *s = p->m->store;
    struct text160 why = {""};
    int at;

    (void)cols;
    if (s->phase == STORE_OK && !s->lost)
        return false;
    panel_words(&s->why, why.clean, sizeof why.clean);
    at = snprintf(out, size, "%s", s->phase == STORE_OK ? _("history lost") : why.clean);
    if (s->lost && at >= 0 && (size_t)at < size)
        snprintf(out + at, size - (size_t)at, _("; %llu rows lost"), (unsigned long long)s->lost);
    return true;
}

static bool banner_contest(struct paint *p, int cols, char *out, size_t size)
{
    const struct link_status *l = p->m->link;

    (void)cols;
    if (!l->contested.clean[0])
        return false;
    snprintf(out, size,
             _("TWO PROGRAMS USE THE CLIENT ID %s: end one of them (a copied database has a copied "
               "id), or give "
               "consoles a listener without use_username_as_clientid"),
             l->contested.clean);
    return true;
}

static bool banner_cut(struct paint *p, int cols, char *out, size_t size)
{
    (void)cols;
    if (!p->m->link->snapshot_cut)
        return false;
    snprintf(
        out, size, "%s",
        _("the broker kept stored messages back: raise max_queued_messages in its configuration"));
    return true;
}

static const struct {
    bool (*say)(struct paint *p, int cols, char *out, size_t size); /* cols of one line */
    enum role role;
} banners[] = {
    {banner_link, ROLE_BANNER_WIDE},       {banner_outage, ROLE_BANNER_WIDE},
    {banner_group, ROLE_BANNER_WIDE},      {banner_store, ROLE_BANNER_WARNING},
    {banner_contest, ROLE_BANNER_WARNING}, {banner_cut, ROLE_BANNER_WARNING},
};

/* In two lines where one is too short; returns the row below. */
static int draw_wrapped(struct area a, int y, enum role role, char *out)
{
    int used;
    const size_t fits = text_fit(TEXT_OURS(out), a.cols - 2, &used);
    size_t cut = fits;

    area_fill(a, y, 0, a.cols, role);
    while (out[fits] && cut > 0 && out[cut] != ' ')
        cut--;
    if (!out[fits] || !cut || y + 1 >= a.rows) {
        area_text(a, y, 1, -1, role, TEXT_OURS(out));
        return y + 1;
    }
    out[cut] = '\0';
    area_text(a, y, 1, -1, role, TEXT_OURS(out));
    area_fill(a, y + 1, 0, a.cols, role);
    area_text(a, y + 1, 1, -1, role, TEXT_OURS(out + cut + 1));
    return y + 2;
}

int panel_banners_draw(struct paint *p, struct area a)
{
    char out[480];
    int y = 0;

    for (size_t i = 0; i < sizeof banners / sizeof *banners && y < a.rows; i++) {
        if (!banners[i].say(p, a.cols - 2, out, sizeof out))
            continue;
        y = draw_wrapped(a, y, banners[i].role, out);
    }
    return y;
}

/* ---- the bottom ---- */

bool panel_message(struct paint *p, char *out, size_t size)
{
    const struct desk *d = p->desk;
    const struct ui_model *m = p->m;
    const bool theirs = m->message && m->message_at_mono >= d->said_mono;
    const int64_t left = (theirs ? m->message_at_mono : d->said_mono) + MESSAGE_MS - m->now.mono_ms;

    if (left <= 0 || (!theirs && !d->said.clean[0]))
        return false;
    paint_changes_in(p, left);
    if (theirs)
        panel_words(m->message, out, size);
    else
        snprintf(out, size, "%s", d->said.clean);
    return true;
}

/* Cells that a hint takes with the gap behind it; 0: it has no key, or does not apply. */
static int hint_width(const struct paint *p, unsigned i, char key[16])
{
    unsigned n;
    const struct ui_action *action = &ui_actions(&n)[i];

    key[0] = '\0';
    if (action->flags & UI_FOOTER && desk_action_applies(p->desk, p->m, (enum ui_action_id)i))
        keymap_first(&p->desk->keys, (enum ui_action_id)i, key);
    return *key ? (int)strlen(key) + 1 + text_width(TEXT_OURS(_(action->label))) + 2 : 0;
}

/* Rather a missing hint than half a word; and how to get help and out is always there. */
void panel_footer_draw(struct paint *p, struct area a)
{
    unsigned n;
    const struct ui_action *list = ui_actions(&n);
    char key[16];
    int x = 1, kept = 0;

    for (unsigned i = 0; i < n; i++)
        kept += list[i].flags & UI_STAYS ? hint_width(p, i, key) : 0;
    for (unsigned i = 0; i < n; i++) {
        const int width = hint_width(p, i, key);

        kept -= list[i].flags & UI_STAYS ? width : 0;
        if (!width || x + width - 2 + kept > a.cols)
            continue;
        x += area_text(a, 0, x, -1, ROLE_FOOTER_KEY, TEXT_OURS(key)) + 1;
        x += area_text(a, 0, x, -1, ROLE_FOOTER_TEXT, TEXT_OURS(_(list[i].label))) + 2;
    }
}

void panel_tiny_draw(struct paint *p, struct area a)
{
    const struct core_counts *n = core_counts(p->m->core);
    int y = 0;

    if (p->m->link->phase != LINK_UP)
        area_text(a, y++, 0, -1, ROLE_BANNER_WIDE, TEXT_OURS(_("NO BROKER")));
    if (n->alarms_standing) {
        area_printf(a, y++, 0, ROLE_ALERT_TITLE, P_("%u alarm", "%u alarms", n->alarms_standing),
                    n->alarms_standing);
        area_printf(a, y++, 0, ROLE_ALERT_TITLE, _("%u unacknowledged"), n->alarms_unacknowledged);
    } else {
        area_text(a, y++, 0, -1, ROLE_SCREEN_TEXT, TEXT_OURS(_("no alarms")));
    }
    area_printf(a, y++, 0, ROLE_SCREEN_TEXT, _("%u/%u online"), n->by_state[CLIENT_ONLINE],
                n->clients);
    area_text(a, y, 0, -1, ROLE_SCREEN_DIM, TEXT_OURS(_("too small: 40x10")));
}
