/* report.c - see report.h. Our own words go out as they are, everything else through put(). */
#include "core/report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"

struct sheet {
    const struct report *r;
    struct buf *out;
    bool plain; /* for the screen: no marks, nothing escaped */
};

/* ---- text ---- */

/* What means something to a Markdown reader, in the middle of a line: GitHub's, GitLab's and
 * CommonMark take a backslash before any ASCII punctuation. */
static bool is_special(const char *s, const char *begin)
{
    if (*s == '_') /* within a word it is a letter */
        return s == begin || !isalnum((unsigned char)s[-1]) || !isalnum((unsigned char)s[1]);
    if (strchr("\\`*[]<>&#|~!$", *s))
        return true;
    if (*s == ':' && s[1] == '/') /* "https://" would become a link */
        return true;
    return *s == '.' && s - begin >= 3 && strncasecmp(s - 3, "www", 3) == 0;
}

static void put(struct sheet *s, struct text t)
{
    for (const char *c = t.clean; *c; c++) {
        if (!s->plain && is_special(c, t.clean))
            buf_putc(s->out, '\\');
        buf_putc(s->out, *c);
    }
}

/* What a device wrote, word for word: in a code span, where nothing means anything, "@all" neither.
 * The fence is longer than any within. */
static void put_literal(struct sheet *s, struct text t)
{
    size_t run = 0, longest = 0;

    if (s->plain) {
        put(s, t);
        return;
    }
    for (const char *c = t.clean; *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        buf_putc(s->out, '`');
    buf_printf(s->out, longest ? " %s " : "%s", t.clean);
    for (size_t i = 0; i <= longest; i++)
        buf_putc(s->out, '`');
}

static void put_words(struct sheet *s, const struct words *w)
{
    struct text512 out = {""};

    words_render(w, i18n_translate, out.clean, sizeof(out.clean));
    put(s, TEXT(out));
}

static void put_time(struct sheet *s, int64_t at)
{
    char out[ISO_SIZE];

    time_local_whole(at, out);
    buf_puts(s->out, *out ? out : "-");
}

static void put_age(struct sheet *s, int64_t ms)
{
    char out[ISO_SIZE];

    age_format(ms > 0 ? ms : 0, out);
    buf_puts(s->out, out);
}

static struct text name_of(const struct sheet *s, const struct uid *client, struct text64 *scratch)
{
    return uid_is_zero(client) ? TEXT_EMPTY : s->r->name(s->r->user, client, scratch);
}

static void put_name(struct sheet *s, const struct uid *client)
{
    struct text64 scratch = {""};
    const struct text name = name_of(s, client, &scratch);

    if (text_is_empty(name))
        buf_puts(s->out, "-");
    else
        put(s, name);
}

/* A device by its name; what is wider by what it is about: a group, the fleet, a console's host. */
static void put_whom(struct sheet *s, const struct alarm *a)
{
    if (uid_is_zero(&a->client))
        put(s, TEXT(a->subject));
    else
        put_name(s, &a->client);
}

static void heading(struct sheet *s, int level, const char *words)
{
    if (s->plain)
        buf_printf(s->out, "\n%s\n", words);
    else
        buf_printf(s->out, "\n%.*s %s\n\n", level, "######", words);
}

static void bullet(struct sheet *s)
{
    buf_puts(s->out, s->plain ? "  " : "- ");
}

static void nothing(struct sheet *s)
{
    bullet(s);
    buf_printf(s->out, "%s\n", _("nothing"));
}

/* ---- an incident ---- */

static void title(struct sheet *s, const struct incident *i)
{
    struct text64 scratch = {""};
    char summary[300];

    incident_summary(i, name_of(s, &i->alarms[i->lead].client, &scratch), i18n_translate, summary,
                     sizeof(summary));
    put(s, (struct text){summary});
}

static void facts(struct sheet *s, const struct incident *i)
{
    bullet(s);
    buf_printf(s->out, "%s ", _("began"));
    put_time(s, i->began_at);
    if (i->ended_at == TIME_NONE) {
        buf_printf(s->out, ", **%s**", _("goes on"));
    } else {
        buf_printf(s->out, ", %s ", _("ended"));
        put_time(s, i->ended_at);
        buf_printf(s->out, " (%s ", _("after"));
        put_age(s, i->ended_at - i->began_at);
        buf_puts(s->out, ")");
    }
    buf_puts(s->out, "\n");
    bullet(s);
    if (i->acknowledged_at == TIME_NONE) {
        buf_printf(s->out, "**%s**\n", _("nobody has acknowledged it"));
    } else {
        buf_printf(s->out, "%s ", _("acknowledged by"));
        put(s, TEXT(i->acknowledged_by));
        buf_printf(s->out, " %s ", _("after"));
        put_age(s, i->acknowledged_at - i->began_at);
        buf_puts(s->out, "\n");
    }
}

#define ROWS_MOST 50 /* of one table: more is no report */

static void and_more(struct sheet *s, uint32_t count, uint32_t shown)
{
    if (count > shown) {
        bullet(s);
        buf_printf(s->out, P_("and %u more", "and %u more", count - shown), count - shown);
        buf_puts(s->out, "\n");
    }
}

static void cell_age(struct sheet *s, int64_t at, int64_t since)
{
    if (at == TIME_NONE)
        buf_puts(s->out, "-");
    else
        put_age(s, at - since);
}

static void what_failed(struct sheet *s, const struct incident *i)
{
    const uint32_t shown = i->alarm_count < ROWS_MOST ? i->alarm_count : ROWS_MOST;

    heading(s, 3, _("What failed"));
    buf_printf(s->out, "| %s | %s | %s | %s | %s | %s | %s |\n|---|---|---|---|---|---|---|\n",
               _("raised"), _("alarm"), _("device"), _("group"), _("what"), _("acknowledged after"),
               _("over after"));
    for (uint32_t k = 0; k < shown; k++) {
        const struct alarm *a = &i->alarms[k];
        buf_puts(s->out, "| ");
        put_time(s, a->raised_at);
        buf_printf(s->out, " | %s | ", alarm_kinds[a->kind].word);
        put_name(s, &a->client);
        buf_puts(s->out, " | ");
        put(s, TEXT(a->group));
        buf_puts(s->out, " | ");
        put_words(s, &a->summary);
        buf_puts(s->out, " | ");
        cell_age(s, a->acknowledged_at, a->raised_at);
        if (!text_is_empty(TEXT(a->acknowledged_by)) && a->acknowledged_at != TIME_NONE) {
            buf_puts(s->out, " ");
            put(s, TEXT(a->acknowledged_by));
        }
        buf_puts(s->out, " | ");
        cell_age(s, a->cleared_at, a->raised_at);
        buf_puts(s->out, " |\n");
    }
    if (i->alarm_count > shown)
        buf_puts(s->out, "\n");
    and_more(s, i->alarm_count, shown);
}

static void command_line(struct sheet *s, const struct command *c)
{
    bullet(s);
    put_time(s, c->issued_at);
    buf_puts(s->out, " ");
    if (!text_is_empty(TEXT(c->requested_by))) {
        put(s, TEXT(c->requested_by));
        buf_puts(s->out, ": ");
    }
    put(s, text_is_empty(TEXT(c->action_text)) ? TEXT_OURS(actions[c->action].word)
                                               : TEXT(c->action_text));
    buf_puts(s->out, " → ");
    put_name(s, &c->client);
    buf_printf(s->out, ": %s", _(command_statuses[c->status].label));
    if (c->finished_at != TIME_NONE && c->issued_at != TIME_NONE) {
        buf_printf(s->out, " %s ", _("after"));
        put_age(s, c->finished_at - c->issued_at);
    }
    if (!text_is_empty(TEXT(c->error_code))) {
        buf_puts(s->out, ", ");
        put_literal(s, TEXT(c->error_code));
    }
    if (!text_is_empty(TEXT(c->error_message))) {
        buf_puts(s->out, " ");
        put_literal(s, TEXT(c->error_message));
    }
    if (!text_is_empty(TEXT(c->reason))) {
        buf_printf(s->out, " (%s ", _("reason:"));
        put(s, TEXT(c->reason));
        buf_puts(s->out, ")");
    }
    buf_puts(s->out, "\n");
}

static void what_was_done(struct sheet *s, const struct incident *i)
{
    const uint32_t shown = i->command_count < ROWS_MOST ? i->command_count : ROWS_MOST;

    heading(s, 3, _("What was done"));
    for (uint32_t k = 0; k < shown; k++) {
        const struct command *c = incident_report_command(s->r->found, &i->commands[k]);
        if (c)
            command_line(s, c);
    }
    and_more(s, i->command_count, shown);
    if (!i->command_count) {
        bullet(s);
        buf_printf(s->out, "%s\n", _("no command was sent"));
    }
}

static void event_line(struct sheet *s, const struct history_event *ev)
{
    bullet(s);
    put_time(s, ev->at);
    buf_printf(s->out, " %s", _(event_kinds[ev->kind].label));
    if (!uid_is_zero(&ev->client)) {
        buf_puts(s->out, " ");
        put_name(s, &ev->client);
    }
    if (!text_is_empty(TEXT(ev->by))) {
        buf_puts(s->out, " (");
        put(s, TEXT(ev->by));
        buf_puts(s->out, ")");
    }
    if (ev->summary.id) {
        buf_puts(s->out, ": ");
        put_words(s, &ev->summary);
    }
    buf_puts(s->out, "\n");
}

#define LINES_MOST 200

static void timeline(struct sheet *s, const struct incident *i, bool notes)
{
    uint32_t shown = 0, all = 0;

    for (uint32_t k = 0; k < i->event_count; k++) {
        const struct history_event *ev = &s->r->found->events[i->timeline[k]];
        if ((ev->kind == EVENT_NOTE) != notes)
            continue;
        if (!all++)
            heading(s, 3, notes ? _("Notes") : _("Timeline"));
        if (shown >= LINES_MOST)
            continue;
        event_line(s, ev);
        shown++;
    }
    and_more(s, all, shown);
}

static void logs(struct sheet *s, const struct incident *i)
{
    const uint32_t shown = i->log_count < ROWS_MOST ? i->log_count : ROWS_MOST;

    if (shown)
        heading(s, 3, _("Logged meanwhile"));
    for (uint32_t k = 0; k < shown; k++) {
        const struct log_line *l = &i->logs[k];
        bullet(s);
        put_time(s, l->at);
        buf_puts(s->out, " ");
        put_name(s, &l->client);
        buf_puts(s->out, " ");
        put(s, TEXT(l->level));
        buf_puts(s->out, " ");
        put_literal(s, TEXT(l->message));
        buf_puts(s->out, "\n");
    }
    and_more(s, i->log_count, shown);
}

static void incident(struct sheet *s, const struct incident *i)
{
    buf_puts(s->out, "\n## ");
    title(s, i);
    buf_puts(s->out, "\n\n");
    facts(s, i);
    bullet(s);
    buf_printf(s->out, "`%s`\n", i->id);
    what_failed(s, i);
    what_was_done(s, i);
    timeline(s, i, true);
    timeline(s, i, false);
    logs(s, i);
}

/* ---- hand-over ---- */

static bool is_unfinished(const struct incident *i)
{
    return i->ended_at == TIME_NONE || i->standing;
}

static void who_has_it(struct sheet *s, const struct alarm *a)
{
    if (a->state == ALARM_SHELVED) {
        buf_printf(s->out, "%s ", _("shelved until"));
        put_time(s, a->shelved_until);
    } else if (a->acknowledged_at != TIME_NONE) {
        put(s, TEXT(a->acknowledged_by));
        buf_printf(s->out, ", %s ", _("since"));
        put_time(s, a->acknowledged_at);
    } else {
        buf_printf(s->out, s->plain ? "%s" : "**%s**", _("nobody"));
    }
}

static void open_alarm(struct sheet *s, const struct alarm *a)
{
    buf_puts(s->out, s->plain ? "    " : "  - ");
    put_time(s, a->raised_at);
    buf_printf(s->out, " %s ", _(alarm_kinds[a->kind].label));
    put_whom(s, a);
    buf_printf(s->out, ", %s: ", _(alarm_states[a->state].label));
    who_has_it(s, a);
    if (!text_is_empty(TEXT(a->note))) {
        buf_puts(s->out, " - ");
        put(s, TEXT(a->note));
    }
    buf_puts(s->out, "\n");
}

static void what_is_unfinished(struct sheet *s)
{
    uint32_t open = 0;

    heading(s, 3, _("Open, and who has it"));
    for (size_t k = 0; k < s->r->found->set.count; k++) {
        const struct incident *i = &s->r->found->set.list[k];
        uint32_t shown = 0, standing = 0;
        if (!is_unfinished(i))
            continue;
        open++;
        bullet(s);
        title(s, i);
        buf_puts(s->out, "\n");
        for (uint32_t n = 0; n < i->alarm_count; n++) {
            if (i->alarms[n].state == ALARM_NORMAL || i->alarms[n].state == ALARM_SUPPRESSED)
                continue;
            if (standing++ < 10) {
                open_alarm(s, &i->alarms[n]);
                shown++;
            }
        }
        and_more(s, standing, shown);
    }
    if (!open)
        nothing(s);
}

struct expiry {
    int64_t at;
    const struct alarm *alarm;
};

static int by_time(const void *a, const void *b)
{
    const struct expiry *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

#define EXPIRIES 10
/* The soonest ones, in order; the last place takes what comes too late to be among them. */
static size_t collect_expiries(const struct report *r, struct expiry list[EXPIRIES + 1])
{
    size_t n = 0;

    for (size_t k = 0; k < r->found->set.count; k++) {
        const struct incident *i = &r->found->set.list[k];
        for (uint32_t m = 0; m < i->alarm_count; m++) {
            const struct alarm *a = &i->alarms[m];
            int64_t at = TIME_NONE;
            if (a->state == ALARM_SHELVED)
                at = a->shelved_until;
            else if (a->state == ALARM_ACKNOWLEDGED && r->ack_expires_ms)
                at = a->acknowledged_at + r->ack_expires_ms;
            if (at == TIME_NONE)
                continue;
            list[n] = (struct expiry){at, a};
            qsort(list, n + 1, sizeof(*list), by_time);
            n += n < EXPIRIES;
        }
    }
    return n;
}

static void what_expires(struct sheet *s)
{
    struct expiry list[EXPIRIES + 1];
    const size_t n = collect_expiries(s->r, list);

    heading(s, 3, _("Expires next"));
    for (size_t k = 0; k < n; k++) {
        const struct alarm *a = list[k].alarm;
        bullet(s);
        put_time(s, list[k].at);
        buf_printf(s->out, " %s: ",
                   a->state == ALARM_SHELVED ? _("the shelving") : _("the acknowledgement"));
        buf_printf(s->out, "%s ", _(alarm_kinds[a->kind].label));
        put_whom(s, a);
        if (a->state != ALARM_SHELVED) {
            buf_puts(s->out, " (");
            put(s, TEXT(a->acknowledged_by));
            buf_puts(s->out, ")");
        }
        buf_puts(s->out, "\n");
    }
    if (!n)
        nothing(s);
}

static void count_line(struct sheet *s, const char *words, uint32_t n)
{
    if (!n)
        return;
    bullet(s);
    buf_printf(s->out, "%s: %u\n", words, n);
}

static void changed_incidents(struct sheet *s, int64_t since)
{
    for (size_t k = 0; k < s->r->found->set.count; k++) {
        const struct incident *i = &s->r->found->set.list[k];
        const bool began = i->began_at >= since;
        const bool ended = i->ended_at != TIME_NONE && i->ended_at >= since;
        if (!began && !ended)
            continue;
        bullet(s);
        put_time(s, ended ? i->ended_at : i->began_at);
        buf_printf(s->out, " %s: ", ended ? began ? _("began and ended") : _("ended") : _("began"));
        title(s, i);
        buf_puts(s->out, "\n");
    }
}

static void what_changed(struct sheet *s)
{
    const struct incident_report *f = s->r->found;
    const bool known = f->handed_over_at != TIME_NONE && f->handed_over_at >= s->r->since_at;
    const int64_t since = known ? f->handed_over_at : s->r->since_at;
    uint32_t raised = 0, acknowledged = 0, commands = 0, notes = 0;

    heading(s, 3, known ? _("Changed since the last hand-over") : _("Changed in this time"));
    bullet(s);
    buf_printf(s->out, "%s ", _("since"));
    put_time(s, since);
    if (known) {
        buf_printf(s->out, " (%s ", _("handed over by"));
        put(s, TEXT(f->handed_over_by));
        buf_puts(s->out, ")");
    }
    buf_puts(s->out, "\n");
    for (size_t k = 0; k < f->event_count; k++) {
        const struct history_event *ev = &f->events[k];
        if (ev->at < since)
            continue;
        raised += ev->kind == EVENT_ALARM_RAISED;
        acknowledged += ev->kind == EVENT_ALARM_ACKNOWLEDGED;
        commands += ev->kind == EVENT_COMMAND_PUBLISHED;
        notes += ev->kind == EVENT_NOTE && *ev->alarm_id;
    }
    count_line(s, _("alarms raised"), raised);
    count_line(s, _("alarms acknowledged"), acknowledged);
    count_line(s, _("commands sent"), commands);
    count_line(s, _("notes"), notes);
    changed_incidents(s, since);
}

static void handover(struct sheet *s)
{
    what_is_unfinished(s);
    what_expires(s);
    what_changed(s);
}

/* ---- the whole ---- */

bool report_incident_markdown(const struct report *r, const struct incident *i, struct buf *out)
{
    struct sheet s = {r, out, false};

    incident(&s, i);
    return !out->failed;
}

bool report_handover_markdown(const struct report *r, struct buf *out)
{
    struct sheet s = {r, out, false};

    buf_printf(out, "\n## %s\n", _("Hand-over"));
    handover(&s);
    return !out->failed;
}

bool report_handover_plain(const struct report *r, struct buf *out)
{
    struct sheet s = {r, out, true};

    handover(&s);
    return !out->failed;
}

bool report_markdown(const struct report *r, struct buf *out)
{
    struct sheet s = {r, out, false};

    buf_printf(out, "# %s ", _("On-call report"));
    put_time(&s, r->since_at);
    buf_puts(out, " – ");
    put_time(&s, r->until_at == TIME_NONE ? r->now_at : r->until_at);
    buf_puts(out, "\n");
    if (!r->found->set.count)
        buf_printf(out, "\n%s\n", _("There was no incident."));
    for (size_t k = 0; k < r->found->set.count; k++)
        incident(&s, &r->found->set.list[k]);
    return report_handover_markdown(r, out);
}
