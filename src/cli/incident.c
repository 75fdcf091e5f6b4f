/* incident.c - the on-call report: a table, JSON, CSV, or Markdown for a ticket. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "core/report.h"

#define SINCE_MS INT64_C(43200000) /* a night */

/* What getters look up beside the incident: those of nested arrays are handed the row alone. */
struct row {
    const struct incident *incident;
    const struct incident_report *report;
    const struct view *view;
};

static struct text name_of(void *user, const struct uid *client, struct text64 *scratch)
{
    const struct client *c = dataset_client(user, client);
    char uuid[UID_TEXT];

    if (c)
        return client_name(c, scratch);
    uid_format(client, uuid);
    TEXT_SET(scratch, uuid, 8);
    return TEXT(*scratch);
}

static void put_seconds(struct cell *c, int64_t s)
{
    cell_number(c, s);
}

static void put_age_of(struct cell *c, int64_t s)
{
    if (s == NUMBER_NONE)
        return;
    age_format(s * 1000, c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_summary(const struct view *v, const struct incident *i, struct cell *c)
{
    const struct uid *client = &i->alarms[i->lead].client;
    struct text64 scratch = {""};
    const struct text name =
        uid_is_zero(client) ? TEXT_EMPTY : name_of((void *)(uintptr_t)v->data, client, &scratch);

    incident_summary(i, name, v->json ? NULL : i18n_translate, c->scratch, sizeof c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

/* ---- arrays within an incident ---- */

static void alarms_json(struct json_out *j, const void *row)
{
    const struct row *r = row;

    json_begin(j, '[');
    for (uint32_t k = 0; k < r->incident->alarm_count; k++)
        listing_row_json(&alarms_listing, r->view, &r->incident->alarms[k], j);
    json_end(j, ']');
}

static void commands_json(struct json_out *j, const void *row)
{
    const struct row *r = row;

    json_begin(j, '[');
    for (uint32_t k = 0; k < r->incident->command_count; k++) {
        const struct command *c = incident_report_command(r->report, &r->incident->commands[k]);
        if (c)
            listing_row_json(&commands_listing, r->view, c, j);
    }
    json_end(j, ']');
}

static void timeline_json(struct json_out *j, const void *row)
{
    const struct row *r = row;

    json_begin(j, '[');
    for (uint32_t k = 0; k < r->incident->event_count; k++) {
        struct event_row line = {.event = r->report->events[r->incident->timeline[k]]};
        words_render(&line.event.summary, NULL, line.summary.clean, sizeof line.summary.clean);
        listing_row_json(&history_listing, r->view, &line, j);
    }
    json_end(j, ']');
}

static void put_nested(struct cell *c, uint32_t count,
                       void (*nested)(struct json_out *j, const void *row))
{
    c->kind = CELL_NESTED;
    c->nested = nested;
    snprintf(c->scratch, sizeof c->scratch, "%" PRIu32, count);
    c->text = TEXT_OURS(c->scratch);
}

/* ---- columns ---- */

#define GETTER(name, body)                                                                         \
    static void name##_get(const struct view *v, const void *row, struct cell *c)                  \
    {                                                                                              \
        const struct incident *i = ((const struct row *)row)->incident;                            \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

GETTER(id, cell_text(c, TEXT_OURS(i->id)))
GETTER(began, cell_time(c, i->began_at))
GETTER(ended, cell_time(c, i->ended_at))
GETTER(summary, put_summary(v, i, c))
GETTER(alarms, put_nested(c, i->alarm_count, alarms_json))
GETTER(commands, put_nested(c, i->command_count, commands_json))
GETTER(timeline, put_nested(c, i->event_count, timeline_json))
GETTER(acknowledge, put_seconds(c, incident_time_to_acknowledge_s(i)))
GETTER(recover, put_seconds(c, incident_time_to_recover_s(i)))
GETTER(acknowledged_after, put_age_of(c, incident_time_to_acknowledge_s(i)))
GETTER(recovered_after, put_age_of(c, incident_time_to_recover_s(i)))
GETTER(by, cell_text(c, TEXT(i->acknowledged_by)))

static const struct column fields[] = {
    {"id", id_get, false},
    {"began_at", began_get, false},
    {"ended_at", ended_get, false},
    {"summary", summary_get, false},
    {"alarms", alarms_get, false},
    {"commands", commands_get, false},
    {"timeline", timeline_get, false},
    {"time_to_acknowledge_s", acknowledge_get, false},
    {"time_to_recover_s", recover_get, false},
};
static const struct column columns[] = {
    {N_("BEGAN"), began_get, false},
    {N_("ENDED"), ended_get, false},
    {N_("ACK AFTER"), acknowledged_after_get, true},
    {N_("BY"), by_get, false},
    {N_("OVER AFTER"), recovered_after_get, true},
    {N_("ALARMS"), alarms_get, true},
    {N_("COMMANDS"), commands_get, true},
    {N_("SUMMARY"), summary_get, false},
};
const struct listing incidents_listing = {
    .name = "incidents",
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
};

/* ---- the call ---- */

static int print_markdown(const struct call *call, const struct dataset *d,
                          const struct incident_report *found, const struct incident_query *q,
                          struct err *e)
{
    const struct report r = {.found = found,
                             .since_at = q->since_at,
                             .until_at = q->until_at,
                             .now_at = clock_wall_ms(),
                             .ack_expires_ms = call->globals.config.alarms.ack_expires,
                             .name = name_of,
                             .user = (void *)(uintptr_t)d};
    struct buf out = BUF_INIT;

    if (!report_markdown(&r, &out))
        err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
    else
        fputs(buf_str(&out), stdout);
    buf_fini(&out);
    return e->code ? e->code : output_finish(stdout, e);
}

static int print_list(const struct call *call, const struct dataset *d,
                      const struct incident_report *found, struct err *e)
{
    const size_t n = found->set.count;
    const struct view nested = {.data = d, .now = {clock_mono_ms(), clock_wall_ms()}, .json = true};
    struct row *rows = calloc(n + 1, sizeof *rows);
    int code = EXIT_FAILED;

    if (!rows) {
        err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
        return code;
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct row){&found->set.list[i], found, &nested};
    code = print_rows(call, &incidents_listing, d, rows, n, sizeof *rows, e);
    free(rows);
    return code;
}

/* What a short session heard: its own few lines, and the alarms as they stand. */
static bool make_live(const struct dataset *d, const struct incident_query *q,
                      struct incident_report *out, struct err *e)
{
    const size_t n = d->event_count;

    out->handed_over_at = TIME_NONE;
    out->events = calloc(n + 1, sizeof *out->events);
    out->commands = calloc(d->command_count + 1, sizeof *out->commands);
    if (!out->events || !out->commands)
        return err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
    for (size_t i = 0; i < n; i++)
        out->events[i] = d->events[n - 1 - i].event;
    out->event_count = n;
    for (size_t i = 0; i < d->command_count; i++)
        out->commands[out->command_count++] = d->commands[i];
    incident_report_sort(out);
    const struct incident_rows rows = {out->events, n, d->alarms, d->alarm_count, q->after_ms};
    return incidents_make(&rows, &out->set) ||
           err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
}

static bool read_report(const struct dataset *d, const struct incident_query *q,
                        struct incident_report *out, struct err *e)
{
    if (d->live)
        return make_live(d, q, out, e);
    return !d->reader || reader_incidents(d->reader, q, out, e);
}

int run_incident(struct call *call, struct err *e)
{
    struct dataset d = {0};
    struct incident_report found = {.handed_over_at = TIME_NONE};
    struct incident_query q = {.since_at = call_when(call, "since"),
                               .until_at = call_when(call, "until"),
                               .after_ms = call->globals.config.commands.incident_after};
    int code = EXIT_FAILED;

    if (q.since_at == TIME_NONE)
        q.since_at = clock_wall_ms() - SINCE_MS;
    if (dataset_open(&d, call, e) && read_report(&d, &q, &found, e))
        code = call->globals.output == OUTPUT_MARKDOWN ? print_markdown(call, &d, &found, &q, e)
                                                       : print_list(call, &d, &found, e);
    incident_report_fini(&found);
    dataset_close(&d);
    return e->code ? e->code : code;
}
