/* columns_fleet.c - what is printed of clients and alarms. */
#include "cli/listing.h"

#include <string.h>

#include "base/i18n.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- clients ---- */

static const enum cell_role state_roles[CLIENT_STATES] = {
    [CLIENT_UNKNOWN] = ROLE_FAINT,        [CLIENT_ONLINE] = ROLE_GOOD,
    [CLIENT_SILENT] = ROLE_WARN,          [CLIENT_CRASHED] = ROLE_ALERT,
    [CLIENT_SERVICE_FAILED] = ROLE_ALERT,
};

#define CLIENT_GETTER(name, body)                                                                  \
    static void client_##name##_get(const struct view *v, const void *row, struct cell *c)         \
    {                                                                                              \
        const struct client *cl = row;                                                             \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

static void put_spelling(const struct client *cl, struct cell *c)
{
    if (cl->spelling[0])
        memcpy(c->scratch, cl->spelling, UID_TEXT);
    else
        uid_format(&cl->id, c->scratch);
    c->scratch[UID_TEXT - 1] = '\0';
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_short_uuid(const struct uid *id, struct cell *c)
{
    uid_format(id, c->scratch);
    c->scratch[8] = '\0';
    cell_text(c, TEXT_OURS(c->scratch));
}

static void client_failure_json(struct json_out *j, const void *row)
{
    const struct client *cl = row;
    int64_t at;

    if (!cl->failed) {
        json_null(j);
        return;
    }
    json_begin(j, '{');
    json_key(j, "unit");
    json_text_or_null(j, TEXT(cl->failed_unit));
    json_key(j, "failed_at");
    json_time(j, time_parse_iso(cl->failed_at.clean, strlen(cl->failed_at.clean), &at) ? at
                                                                                       : TIME_NONE);
    json_end(j, '}');
}

static void put_failure(const struct client *cl, struct cell *c)
{
    c->kind = CELL_NESTED;
    c->nested = client_failure_json;
    c->text = cl->failed ? TEXT(cl->failed_unit) : TEXT_EMPTY;
}

static void put_reachable(const struct client *cl, struct cell *c)
{
    c->kind = cl->broker_reachable == TRI_UNKNOWN ? CELL_NULL : CELL_BOOL;
    c->number = cl->broker_reachable == TRI_YES;
}

static void put_state(const struct client *cl, struct cell *c, const char *word)
{
    c->role = state_roles[cl->state];
    cell_text(c, TEXT_OURS(word));
}

static int64_t last_heard(const struct client *cl)
{
    return cl->last_heartbeat_at > cl->last_health_at ? cl->last_heartbeat_at : cl->last_health_at;
}

CLIENT_GETTER(uuid, put_spelling(cl, c))
CLIENT_GETTER(hostname, cell_text(c, TEXT(cl->hostname)))
CLIENT_GETTER(group, cell_text(c, TEXT(cl->group)))
CLIENT_GETTER(state, put_state(cl, c, client_states[cl->state].word))
CLIENT_GETTER(state_shown, put_state(cl, c, _(client_states[cl->state].label)))
CLIENT_GETTER(first_seen, cell_time(c, cl->first_seen_at))
CLIENT_GETTER(heartbeat, cell_time(c, cl->last_heartbeat_at))
CLIENT_GETTER(health, cell_time(c, cl->last_health_at))
CLIENT_GETTER(process, cell_text(c, TEXT(cl->process)))
CLIENT_GETTER(status, cell_text(c, TEXT(cl->process_status)))
CLIENT_GETTER(pid, cell_number(c, cl->pid))
CLIENT_GETTER(expected, cell_number(c, cl->expected_event_id))
CLIENT_GETTER(event, cell_number(c, cl->current_event_id))
CLIENT_GETTER(reachable, put_reachable(cl, c))
CLIENT_GETTER(reconnects, cell_number(c, cl->reconnect_count))
CLIENT_GETTER(disconnect, cell_time(c, cl->last_disconnect_at))
CLIENT_GETTER(failure, put_failure(cl, c))
CLIENT_GETTER(alarms, cell_number(c, cl->alarms))
CLIENT_GETTER(commands, cell_number(c, cl->commands_in_flight))
CLIENT_GETTER(age, cell_age(c, last_heard(cl), v->now))

static const struct column client_fields[] = {
    {"uuid", client_uuid_get, false},
    {"hostname", client_hostname_get, false},
    {"group_id", client_group_get, false},
    {"state", client_state_get, false},
    {"first_seen_at", client_first_seen_get, false},
    {"last_heartbeat_at", client_heartbeat_get, false},
    {"last_health_at", client_health_get, false},
    {"process", client_process_get, false},
    {"process_status", client_status_get, false},
    {"pid", client_pid_get, false},
    {"expected_event_id", client_expected_get, false},
    {"broker_reachable", client_reachable_get, false},
    {"reconnect_count", client_reconnects_get, false},
    {"last_disconnect_at", client_disconnect_get, false},
    {"service_failed", client_failure_get, false},
    {"alarms", client_alarms_get, false},
    {"commands_in_flight", client_commands_get, false},
};
static const struct column client_columns[] = {
    {N_("UUID"), client_uuid_get, false},
    {N_("NAME"), client_hostname_get, false},
    {N_("GROUP"), client_group_get, false},
    {N_("STATE"), client_state_shown_get, false},
    {N_("BEAT"), client_age_get, true},
    {N_("PROCESS"), client_status_get, false},
    {N_("RECONNECTS"), client_reconnects_get, true},
    {N_("LAST DISCONNECT"), client_disconnect_get, false},
    {N_("EVENT"), client_event_get, true},
    {N_("ALARMS"), client_alarms_get, true},
};
const struct listing clients_listing = {
    .name = "clients",
    .fields = client_fields,
    .field_count = COUNT(client_fields),
    .columns = client_columns,
    .column_count = COUNT(client_columns),
    .with_as_of = true,
    .with_broker = true,
};

/* ---- alarms ---- */

static const enum cell_role priority_roles[PRIORITIES] = {
    [PRIORITY_HIGH] = ROLE_WARN,
    [PRIORITY_CRITICAL] = ROLE_ALERT,
};

#define ALARM_GETTER(name, body)                                                                   \
    static void alarm_##name##_get(const struct view *v, const void *row, struct cell *c)          \
    {                                                                                              \
        const struct alarm *a = row;                                                               \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

static enum priority priority_of(const struct alarm *a)
{
    return a->priority == PRIORITY_DEFAULT ? alarm_kind_priority(a->kind) : a->priority;
}

static void put_client_of(const struct view *v, const struct uid *id, struct cell *c)
{
    if (uid_is_zero(id))
        return;
    dataset_spelling(v->data, id, c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_name_of(const struct view *v, const struct uid *id, struct cell *c)
{
    const struct client *cl = uid_is_zero(id) ? NULL : dataset_client(v->data, id);

    if (cl && !text_is_empty(TEXT(cl->hostname)))
        cell_text(c, TEXT(cl->hostname));
    else if (!uid_is_zero(id))
        put_short_uuid(id, c);
}

static void put_alarm_subject(const struct view *v, const struct alarm *a, struct cell *c)
{
    if (uid_is_zero(&a->client))
        cell_text(c, text_is_empty(TEXT(a->group)) ? TEXT(a->subject) : TEXT(a->group));
    else
        put_name_of(v, &a->client, c);
}

static void put_words(const struct view *v, const struct words *w, struct cell *c)
{
    words_render(w, v->json ? NULL : i18n_translate, c->scratch, sizeof c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_priority(const struct alarm *a, struct cell *c, const char *word)
{
    c->role = priority_roles[priority_of(a)];
    cell_text(c, TEXT_OURS(word));
}

ALARM_GETTER(id, cell_text(c, TEXT_OURS(a->id)))
ALARM_GETTER(kind, cell_text(c, TEXT_OURS(alarm_kinds[a->kind].word)))
ALARM_GETTER(priority, put_priority(a, c, priorities[priority_of(a)].word))
ALARM_GETTER(priority_shown, put_priority(a, c, _(priorities[priority_of(a)].label)))
ALARM_GETTER(state, cell_text(c, TEXT_OURS(alarm_states[a->state].word)))
ALARM_GETTER(state_shown, cell_text(c, TEXT_OURS(_(alarm_states[a->state].label))))
ALARM_GETTER(client, put_client_of(v, &a->client, c))
ALARM_GETTER(group, cell_text(c, TEXT(a->group)))
ALARM_GETTER(raised, cell_time(c, a->raised_at))
ALARM_GETTER(cleared, cell_time(c, a->cleared_at))
ALARM_GETTER(acked, cell_time(c, a->acknowledged_at))
ALARM_GETTER(acked_by, cell_text(c, TEXT(a->acknowledged_by)))
ALARM_GETTER(shelved, cell_time(c, a->shelved_until))
ALARM_GETTER(suppressed, cell_text(c, TEXT_OURS(a->suppressed_by)))
ALARM_GETTER(occurrences, cell_number(c, a->occurrences))
ALARM_GETTER(summary, put_words(v, &a->summary, c))
ALARM_GETTER(note, cell_text(c, TEXT(a->note)))
ALARM_GETTER(subject, put_alarm_subject(v, a, c))
ALARM_GETTER(guidance, cell_text(c, TEXT_OURS(v->config ? v->config->guidance[a->kind] : "")))
ALARM_GETTER(age, cell_age(c, a->raised_at, v->now))

static const struct column alarm_fields[] = {
    {"id", alarm_id_get, false},
    {"kind", alarm_kind_get, false},
    {"priority", alarm_priority_get, false},
    {"state", alarm_state_get, false},
    {"client_uuid", alarm_client_get, false},
    {"group_id", alarm_group_get, false},
    {"raised_at", alarm_raised_get, false},
    {"cleared_at", alarm_cleared_get, false},
    {"acknowledged_at", alarm_acked_get, false},
    {"acknowledged_by", alarm_acked_by_get, false},
    {"shelved_until", alarm_shelved_get, false},
    {"suppressed_by", alarm_suppressed_get, false},
    {"occurrences", alarm_occurrences_get, false},
    {"summary", alarm_summary_get, false},
    {"note", alarm_note_get, false},
};
static const struct column alarm_columns[] = {
    {N_("ID"), alarm_id_get, false},
    {N_("PRIORITY"), alarm_priority_shown_get, false},
    {N_("STATE"), alarm_state_shown_get, false},
    {N_("SUBJECT"), alarm_subject_get, false},
    {N_("AGE"), alarm_age_get, true},
    {N_("BY"), alarm_acked_by_get, false},
    {N_("SUMMARY"), alarm_summary_get, false},
    {N_("GUIDANCE"), alarm_guidance_get, false},
};
/* The last one is there only where the configuration says something. */
#define WITHOUT_GUIDANCE (COUNT(alarm_columns) - 1)
#define ALARMS_LISTING(columns_shown)                                                              \
    {                                                                                              \
        .name = "alarms", .fields = alarm_fields, .field_count = COUNT(alarm_fields),              \
        .columns = alarm_columns, .column_count = (columns_shown), .with_as_of = true              \
    }
const struct listing alarms_listing = ALARMS_LISTING(WITHOUT_GUIDANCE);
static const struct listing guided_alarms = ALARMS_LISTING(COUNT(alarm_columns));

const struct listing *alarms_listing_for(const struct config *c)
{
    for (int kind = 0; kind < ALARM_KINDS; kind++)
        if (c->guidance[kind][0])
            return &guided_alarms;
    return &alarms_listing;
}
