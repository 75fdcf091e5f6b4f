/* panel_broker.c - the connection, what the broker is and cannot do, who else watches. */
#include "ui/panel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/symbols.h"

#define LABEL    18
#define FACTS    24
#define CONSOLES 4                                /* at most; half of them where it is narrow */
#define SOON_MS  (INT64_C(30) * 24 * 3600 * 1000) /* a certificate that ends so soon */

/* Made first and drawn then, since how many there are decides where they stand. */
struct facts {
    struct fact {
        const char *label;
        enum role role;
        char text[480];
    } list[FACTS];
    int n;
};

static void __attribute__((format(printf, 4, 5)))
put(struct facts *f, const char *label, enum role role, const char *format, ...)
{
    va_list args;

    if (f->n == FACTS)
        return;
    struct fact *to = &f->list[f->n++];
    to->label = label;
    to->role = role;
    va_start(args, format);
    vsnprintf(to->text, sizeof to->text, format, args);
    va_end(args);
    if (!to->text[0])
        snprintf(to->text, sizeof to->text, "%s", SYM_NONE);
}

/* In as many lines as it takes; cols: of the panel. */
static void put_wrapped(struct facts *f, const char *label, enum role role, char *text, int cols)
{
    while (*text) {
        int used;
        size_t fits = text_fit(TEXT_OURS(text), cols - LABEL - 2, &used), cut = fits;

        while (text[fits] && cut > 0 && text[cut] != ' ')
            cut--;
        cut = cut && text[fits] ? cut : fits;
        if (!cut)
            return;
        put(f, label, role, "%.*s", (int)cut, text);
        text += cut + (text[cut] == ' ');
        label = "";
    }
}

/* ---- the connection ---- */

static void put_connection(struct paint *p, struct facts *f)
{
    static const char *const phases[] = {[LINK_CONNECTING] = N_("connecting"),
                                         [LINK_UP] = N_("connected"),
                                         [LINK_WAITING] = N_("waiting for the next try"),
                                         [LINK_STOPPED] = N_("stopped")};
    const struct link_status *l = p->m->link;
    struct text160 why = {""};
    char when[FIGURE] = SYM_NONE;

    if (l->phase != LINK_UP) /* else the next line says it all */
        panel_words(core_link_why(p->m->core), why.clean, sizeof why.clean);
    if (core_link_since_at(p->m->core) > 0)
        format_when(p, core_link_since_at(p->m->core), when);
    put(f, _("connection"), l->phase == LINK_UP ? ROLE_SCREEN_TEXT : ROLE_VALUE_WARNING,
        _("%s as %s, %s %s%s%s"), l->host.clean,
        text_is_empty(p->m->account) ? _("(none)") : p->m->account.clean, _(phases[l->phase]), when,
        why.clean[0] ? "  " : "", why.clean);
}

static void put_protocol(struct paint *p, struct facts *f)
{
    const struct link_status *l = p->m->link;
    const bool dated = l->tls && l->tls_version.clean[0] && l->tls_expires_at > 0;
    const bool soon = dated && l->tls_expires_at - p->m->now.wall_ms < SOON_MS;
    char until[ISO_SIZE] = "", certificate[80] = "";

    if (dated) {
        time_iso(l->tls_expires_at, until);
        snprintf(certificate, sizeof certificate, _(", its certificate ends on %.10s"), until);
    }
    put(f, _("protocol"), soon ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT, "%s%s%s%s",
        l->protocol == 5   ? "MQTT 5"
        : l->protocol == 4 ? "MQTT 3.1.1"
                           : SYM_NONE,
        l->tls ? ", " : _(", no TLS"),
        !l->tls                   ? ""
        : l->tls_version.clean[0] ? l->tls_version.clean
                                  : "TLS",
        certificate);
}

static void put_session(struct paint *p, struct facts *f)
{
    const struct link_status *l = p->m->link;

    put(f, _("journal"), ROLE_SCREEN_TEXT, "%s",
        !p->m->store->recorder ? _("held by the recorder only")
        : !l->journal_up       ? _("not connected")
        : l->session_present   ? _("connected, session resumed")
                               : _("connected, new session"));
    if (l->contested.clean[0])
        put(f, _("CONTESTED"), ROLE_SCREEN_ERROR, _("two programs use the client id %s"),
            l->contested.clean);
}

/* ---- how much comes in ---- */

static unsigned most_of(const struct rate_past *r, unsigned shown)
{
    unsigned most = 1;

    for (unsigned i = RATE_SLOTS - shown; i < RATE_SLOTS; i++)
        most = r->messages[i] > most ? r->messages[i] : most;
    return most;
}

static void say_rate(const struct rate_past *r, unsigned shown, char *out, size_t size)
{
    snprintf(out, size, _("%.0f now, at most %.0f in %u min"),
             r->messages[RATE_SLOTS - 1] * 1000.0 / RATE_SLOT_MS,
             most_of(r, shown) * 1000.0 / RATE_SLOT_MS, (shown * RATE_SLOT_MS + 59999) / 60000);
}

/* The plot takes what its words leave. */
static void put_rate(struct paint *p, struct facts *f, int cols)
{
    const struct rate_past *r = p->m->past;
    unsigned shown = r ? r->known : 0;
    char plot[RATE_SLOTS * 4 + 1] = "", words[120];

    paint_changes_in(p, RATE_SLOT_MS);
    if (!shown) {
        put(f, _("messages/s"), ROLE_SCREEN_TEXT, "%.0f", p->m->rate);
        return;
    }
    say_rate(r, shown, words, sizeof words);
    const int room = cols - LABEL - 3 - text_width(TEXT_OURS(words));
    shown = room < 1 ? 1 : shown > (unsigned)room ? (unsigned)room : shown;
    say_rate(r, shown, words, sizeof words);
    const unsigned most = most_of(r, shown);
    for (unsigned i = RATE_SLOTS - shown; i < RATE_SLOTS; i++)
        strcat(plot, r->messages[i] ? symbol_heights[(uint64_t)r->messages[i] * 7 / most] : " ");
    put(f, _("messages/s"), ROLE_SCREEN_TEXT, "%s %s", plot, words);
}

static void put_rejected(struct paint *p, struct facts *f)
{
    const struct core_counts *n = core_counts(p->m->core);

    put(f, _("messages"), ROLE_SCREEN_TEXT,
        P_("%llu rejected since the start", "%llu rejected since the start", n->rejects),
        (unsigned long long)n->rejects);
}

/* ---- the broker's own figures ---- */

static const char *sys_value(const struct paint *p, const char *topic)
{
    const char *value = core_sys(p->m->core, topic);

    return value ? value : SYM_NONE;
}

/* Mosquitto counts by the minute. */
static void sys_rate(const struct paint *p, const char *topic, char out[FIGURE])
{
    const char *value = core_sys(p->m->core, topic);

    snprintf(out, FIGURE, "%s", SYM_NONE);
    if (value)
        format_rate(strtod(value, NULL) / 60, -1, out);
}

static void put_figures(struct paint *p, struct facts *f, int cols)
{
    char in[FIGURE], out[FIGURE], up[FIGURE] = SYM_NONE, text[480];
    const char *uptime = core_sys(p->m->core, "uptime"),
               *dropped = sys_value(p, "publish/messages/dropped");

    if (!core_sys(p->m->core, "version") && !uptime) {
        put(f, "$SYS", ROLE_SCREEN_DIM, "%s",
            _("not told: this broker has no figures there, or the account may not read them"));
        return;
    }
    if (uptime)
        format_age(p, strtoll(uptime, NULL, 10) * 1000, up);
    sys_rate(p, "load/messages/received/1min", in);
    sys_rate(p, "load/messages/sent/1min", out);
    snprintf(text, sizeof text,
             _("%s, up %s, %s of %s clients connected, in %s/s, out %s/s, %s dropped, %s retained, "
               "%s stored, "
               "heap %s"),
             sys_value(p, "version"), up, sys_value(p, "clients/connected"),
             sys_value(p, "clients/total"), in, out, dropped,
             sys_value(p, "retained messages/count"), sys_value(p, "messages/stored"),
             sys_value(p, "heap/current"));
    put_wrapped(f, "$SYS", strtoll(dropped, NULL, 10) > 0 ? ROLE_VALUE_WARNING : ROLE_SCREEN_TEXT,
                text, cols);
}

/* ---- what it cannot do ---- */

static void name_lacks(const struct traits *t, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < TRAITS && at < size; i++)
        if (t->has[i] == KNOWN_NO)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "",
                                   _(trait_words[i].lacks));
}

static void put_traits(struct paint *p, struct facts *f, int cols)
{
    const struct traits *t = &p->m->link->traits;
    const char *label = _("limits");
    char text[400];

    if (traits_lacking(t) > 1) { /* all by name, should there be no room for what each costs */
        name_lacks(t, text, sizeof text);
        put_wrapped(f, label, ROLE_VALUE_WARNING, text, cols);
        label = "";
    }
    for (int i = 0; i < TRAITS; i++) {
        if (t->has[i] != KNOWN_NO)
            continue;
        snprintf(text, sizeof text, "%s: %s", _(trait_words[i].lacks), _(trait_words[i].costs));
        put_wrapped(f, label, trait_words[i].fault ? ROLE_SCREEN_ERROR : ROLE_VALUE_WARNING, text,
                    cols);
        label = "";
    }
    if (!traits_lacking(t))
        put(f, label, ROLE_SCREEN_TEXT, "%s",
            p->m->link->phase != LINK_UP ? ""
            : t->tested                  ? _("nothing is missing")
                                         : _("being tried"));
}

/* ---- who else ---- */

static void put_consoles(struct paint *p, struct facts *f, int cols)
{
    const struct console_seen *c;
    const uint32_t most = cols < 100 ? CONSOLES / 2 : CONSOLES;
    uint32_t n = 0;

    while (core_console(p->m->core, n))
        n++;
    for (uint32_t k = 0; k < n && k < most; k++) {
        char since[FIGURE];

        c = core_console(p->m->core, k);
        format_when(p, c->since_at, since);
        put(f, k ? "" : _("consoles"), ROLE_SCREEN_TEXT, _("%s on %s, %s, since %s"),
            c->operator_name.clean, c->host.clean, c->role.clean, since);
    }
    if (n > most)
        put(f, "", ROLE_SCREEN_DIM, P_("and %u more", "and %u more", n - most), n - most);
    if (!n)
        put(f, _("consoles"), ROLE_SCREEN_TEXT, "%s", _("none known"));
}

/* ---- the audit ---- */

static void put_audit(struct paint *p, struct facts *f)
{
    const struct audit_status *a = p->m->audit;
    char key[16], when[FIGURE] = "", age[FIGURE] = "";

    keymap_first(&p->desk->keys, UI_AUDIT, key);
    if (!a || a->phase == AUDIT_NEVER) {
        put(f, _("audit"), ROLE_SCREEN_TEXT, _("not yet: %s tries the running broker"), key);
        return;
    }
    format_when(p, a->at, when);
    if (a->phase == AUDIT_RUNNING) {
        paint_changes_in(p, 1000 - (p->m->now.mono_ms - a->begun_mono) % 1000);
        put(f, _("audit"), ROLE_VALUE_WARNING, _("trying the broker for %d s"),
            (int)((p->m->now.mono_ms - a->begun_mono) / 1000));
    } else if (a->phase == AUDIT_IMPOSSIBLE) {
        put(f, _("audit"), ROLE_SCREEN_ERROR, "%s  %s", when, a->why.clean);
    } else {
        snprintf(age, sizeof age, "%u", a->lines);
        put(f, _("audit"), a->faults ? ROLE_SCREEN_ERROR : ROLE_SCREEN_TEXT,
            P_("%s  %u fault in %s findings; %s tries again",
               "%s  %u faults in %s findings; %s tries again", a->faults),
            when, a->faults, age, key);
    }
}

/* ---- the panel ---- */

static void make_facts(struct paint *p, struct facts *f, int cols)
{
    put_connection(p, f);
    put_protocol(p, f);
    put_session(p, f);
    put_audit(p, f);
    put_rate(p, f, cols);
    put_figures(p, f, cols);
    put_consoles(p, f, cols);
    put_rejected(p, f);
    put_traits(p, f, cols); /* the longest last: what finds no room is cut off */
}

int panel_broker_draw(struct paint *p, struct area a)
{
    static struct facts facts; /* 12 KiB: the main thread alone draws */
    const int edges = p->desk->boxes ? 2 : 1;

    facts.n = 0;
    make_facts(p, &facts, a.cols - edges);
    const int rows = facts.n + edges < a.rows ? facts.n + edges : a.rows;
    const struct area in = desk_frame(p->desk, area_sub(a, 0, 0, rows, a.cols), false,
                                      ROLE_PANEL_BORDER, ROLE_PANEL_TITLE, TEXT_OURS(_("BROKER")));
    for (int y = 0; y < facts.n; y++) {
        area_text(in, y, 1, LABEL - 2, ROLE_SCREEN_DIM, TEXT_OURS(facts.list[y].label));
        area_text(in, y, LABEL, -1, facts.list[y].role, (struct text){facts.list[y].text});
    }
    return rows;
}
