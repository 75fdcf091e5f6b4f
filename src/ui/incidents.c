/* incidents.c - which incident is meant, and what leaves the screen as a file. */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "ui/panel.h"

const struct incident_report *desk_incidents(const struct ui_model *m)
{
    const struct past_answer *a = m->told[PAST_INCIDENTS];

    return a && !a->error.code ? &a->incidents : NULL;
}

static const struct incident *find(const struct ui_model *m, const char *id)
{
    const struct incident_report *r = desk_incidents(m);

    for (size_t i = 0; r && i < r->set.count; i++)
        if (strcmp(r->set.list[i].id, id) == 0)
            return &r->set.list[i];
    return NULL;
}

/* The one in front of the operator: opened, or under the cursor. */
const struct incident *desk_incident(const struct desk *d, const struct ui_model *m)
{
    const int top = d->layers - 1 - (d->layers && d->layer[d->layers - 1].kind == LAYER_PROMPT);

    if (top >= 0 && d->layer[top].kind == LAYER_INCIDENT)
        return find(m, d->layer[top].incident);
    if (top >= 0 || d->view != VIEW_INCIDENTS)
        return NULL;
    return list_selected(&d->list[LIST_INCIDENTS], m);
}

/* ---- from an alarm or a client to its incident ---- */

void desk_seek_incident(struct desk *d, const struct ui_model *m)
{
    const struct client *c = desk_selected_client(d, m);
    const bool on_alarms = !d->layers && d->focus == LIST_ALARMS;
    const struct alarm *a = on_alarms ? list_selected(&d->list[LIST_ALARMS], m) : NULL;
    const struct history_event *ev =
        !d->layers && d->focus == LIST_HISTORY ? list_selected(&d->list[LIST_HISTORY], m) : NULL;

    memset(&d->seek, 0, sizeof d->seek);
    d->seek.wanted = a || c || ev;
    if (a)
        memcpy(d->seek.alarm, a->id, sizeof a->id);
    else if (ev)
        memcpy(d->seek.alarm, ev->alarm_id, sizeof ev->alarm_id);
    if (c)
        d->seek.client = c->id;
}

static bool is_sought(const struct desk *d, const struct alarm *a)
{
    if (d->seek.alarm[0])
        return strcmp(a->id, d->seek.alarm) == 0;
    return uid_equal(&a->client, &d->seek.client);
}

static const struct incident *last_with_it(const struct desk *d, const struct incident_report *r)
{
    for (size_t i = r->set.count; i-- > 0;)
        for (uint32_t k = 0; k < r->set.list[i].alarm_count; k++)
            if (is_sought(d, &r->set.list[i].alarms[k]))
                return &r->set.list[i];
    return NULL;
}

void desk_find_sought(struct desk *d, const struct ui_model *m)
{
    const struct incident_report *r = desk_incidents(m);

    if (!d->seek.wanted || !r)
        return;
    d->seek.wanted = false;
    const struct incident *i = last_with_it(d, r);
    if (!i || !list_select(&d->list[LIST_INCIDENTS], m, class_incidents.identity(i)))
        desk_say(d, m, "%s", _("no incident of it in the last 12 hours"));
}

/* ---- files ---- */

static struct text name_of(void *user, const struct uid *client, struct text64 *scratch)
{
    return panel_client_name(user, client, scratch);
}

struct report desk_report(const struct desk *d, const struct ui_model *m)
{
    return (struct report){.found = desk_incidents(m),
                           .since_at = m->told[PAST_INCIDENTS]
                                           ? m->told[PAST_INCIDENTS]->question.since_at
                                           : TIME_NONE,
                           .until_at = TIME_NONE,
                           .now_at = m->now.wall_ms,
                           .ack_expires_ms = d->ack_expires_ms,
                           .name = name_of,
                           .user = (void *)(uintptr_t)m};
}

static bool is_handover(const struct desk *d)
{
    const int top = d->layers - 1 - (d->layers && d->layer[d->layers - 1].kind == LAYER_PROMPT);

    return top >= 0 && d->layer[top].kind == LAYER_HANDOVER;
}

void desk_default_name(const struct desk *d, const struct ui_model *m, char *out, size_t size)
{
    const struct incident *i = desk_incident(d, m);
    char when[ISO_SIZE];

    time_local_whole(i ? i->began_at : m->now.wall_ms, when);
    when[10] = '-';
    when[13] = when[16] = '\0'; /* 2026-04-05-14 03 */
    snprintf(out, size, "%s-%s%s.%s",
             i                ? "incident"
             : is_handover(d) ? "hand-over"
                              : d->list[d->focus].class->name,
             when, when + 14, i || is_handover(d) ? "md" : "csv");
}

/* RFC 4180, and nothing that a spreadsheet would take for a formula. */
static void put_csv(struct buf *out, const char *s)
{
    const bool formula = *s && strchr("=+-@", *s) != NULL;
    const bool quoting = strpbrk(s, ",\"") != NULL;

    if (quoting)
        buf_putc(out, '"');
    if (formula)
        buf_putc(out, '\'');
    for (; *s; s++) {
        if (*s == '"')
            buf_putc(out, '"');
        buf_putc(out, *s);
    }
    if (quoting)
        buf_putc(out, '"');
}

static void put_rows(struct desk *d, const struct ui_model *m, struct list *l)
{
    struct paint p = {.desk = d, .m = m, .next_change = INT64_MAX};
    bool first = true;

    for (int c = 0; c < l->class->column_count; c++) {
        if (!l->class->columns[c].title)
            continue;
        buf_puts(&d->export, first ? "" : ",");
        put_csv(&d->export, _(l->class->columns[c].title));
        first = false;
    }
    buf_puts(&d->export, "\r\n");
    for (uint32_t rank = 0; rank < l->count; rank++) {
        const void *row = list_row(l, m, rank);
        first = true;
        for (int c = 0; row && c < l->class->column_count; c++) {
            struct cell_out out = {.text = ""};
            if (!l->class->columns[c].title)
                continue;
            l->class->columns[c].text(&p, row, &out);
            buf_puts(&d->export, first ? "" : ",");
            put_csv(&d->export, out.text);
            first = false;
        }
        buf_puts(&d->export, row ? "\r\n" : "");
    }
}

/* The report of what is open, else the rows of the list that has the focus. */
bool desk_make_export(struct desk *d, const struct ui_model *m)
{
    const struct incident *i = desk_incident(d, m);
    const struct report r = desk_report(d, m);

    buf_clear(&d->export);
    d->export.failed = false;
    if (i)
        return report_incident_markdown(&r, i, &d->export);
    if (is_handover(d))
        return r.found && report_handover_markdown(&r, &d->export);
    list_update(&d->list[d->focus], m);
    put_rows(d, m, &d->list[d->focus]);
    return !d->export.failed;
}
