/* columns_history.c - what is printed of commands, the timeline and the logs. */
#include "cli/listing.h"

#include <string.h>

#include "base/i18n.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void put_uid(const struct uid *id, struct cell *c)
{
    if (uid_is_zero(id))
        return;
    uid_format(id, c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_client(const struct view *v, const struct uid *id, struct cell *c)
{
    if (uid_is_zero(id))
        return;
    dataset_spelling(v->data, id, c->scratch);
    cell_text(c, TEXT_OURS(c->scratch));
}

static void put_name(const struct view *v, const struct uid *id, struct cell *c)
{
    const struct client *cl = uid_is_zero(id) ? NULL : dataset_client(v->data, id);

    if (cl && !text_is_empty(TEXT(cl->hostname))) {
        cell_text(c, TEXT(cl->hostname));
        return;
    }
    put_uid(id, c);
    c->scratch[8] = '\0';
}

/* ---- commands ---- */

#define COMMAND_GETTER(name, body)                                                                 \
    static void command_##name##_get(const struct view *v, const void *row, struct cell *c)        \
    {                                                                                              \
        const struct command *k = row;                                                             \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

static const char *topic_words[] = {[ACK_CANONICAL] = "commands/ack", [ACK_ALIAS] = "command/ack"};

static void acks_json(struct json_out *j, const void *row)
{
    const struct command *k = row;

    json_begin(j, '[');
    for (unsigned i = 0; i < k->ack_count && i < COMMAND_ACKS; i++) {
        json_begin(j, '{');
        json_key(j, "status");
        json_text(j, TEXT_OURS(command_statuses[k->acks[i].status].word));
        json_key(j, "received_at");
        json_time(j, k->acks[i].received_at);
        json_key(j, "topic");
        json_text(j, TEXT_OURS(topic_words[k->acks[i].topic]));
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void put_acks(const struct command *k, struct cell *c)
{
    c->kind = CELL_NESTED;
    c->nested = acks_json;
    snprintf(c->scratch, sizeof c->scratch, "%u", k->ack_count);
    c->text = TEXT_OURS(c->scratch);
}

static void put_action(const struct command *k, struct cell *c)
{
    cell_text(c, text_is_empty(TEXT(k->action_text)) ? TEXT_OURS(actions[k->action].word)
                                                     : TEXT(k->action_text));
}

static void put_bool(struct cell *c, bool b)
{
    c->kind = CELL_BOOL;
    c->number = b;
}

COMMAND_GETTER(id, put_uid(&k->id, c))
COMMAND_GETTER(client, put_client(v, &k->client, c))
COMMAND_GETTER(name, put_name(v, &k->client, c))
COMMAND_GETTER(action, put_action(k, c))
COMMAND_GETTER(status, cell_text(c, TEXT_OURS(command_statuses[k->status].word)))
COMMAND_GETTER(status_shown, cell_text(c, TEXT_OURS(_(command_statuses[k->status].label))))
COMMAND_GETTER(by, cell_text(c, TEXT(k->requested_by)))
COMMAND_GETTER(reason, cell_text(c, TEXT(k->reason)))
COMMAND_GETTER(issued, cell_time(c, k->issued_at))
COMMAND_GETTER(expires, cell_time(c, k->expires_at))
COMMAND_GETTER(published, cell_time(c, k->published_at))
COMMAND_GETTER(accepted, cell_time(c, k->accepted_at))
COMMAND_GETTER(started, cell_time(c, k->execution_started_at))
COMMAND_GETTER(finished, cell_time(c, k->finished_at))
COMMAND_GETTER(error_code, cell_text(c, TEXT(k->error_code)))
COMMAND_GETTER(error_message, cell_text(c, TEXT(k->error_message)))
COMMAND_GETTER(late, put_bool(c, k->late))
COMMAND_GETTER(rollout, cell_text(c, TEXT(k->rollout_id)))
COMMAND_GETTER(acks, put_acks(k, c))

static const struct column command_fields[] = {
    {"command_id", command_id_get, false},
    {"client_uuid", command_client_get, false},
    {"action", command_action_get, false},
    {"status", command_status_get, false},
    {"requested_by", command_by_get, false},
    {"reason", command_reason_get, false},
    {"issued_at", command_issued_get, false},
    {"expires_at", command_expires_get, false},
    {"published_at", command_published_get, false},
    {"accepted_at", command_accepted_get, false},
    {"execution_started_at", command_started_get, false},
    {"finished_at", command_finished_get, false},
    {"error_code", command_error_code_get, false},
    {"error_message", command_error_message_get, false},
    {"late", command_late_get, false},
    {"rollout_id", command_rollout_get, false},
    {"acks", command_acks_get, false},
};
static const struct column command_columns[] = {
    {N_("COMMAND"), command_id_get, false},       {N_("ACTION"), command_action_get, false},
    {N_("CLIENT"), command_name_get, false},      {N_("STATUS"), command_status_shown_get, false},
    {N_("ISSUED"), command_issued_get, false},    {N_("BY"), command_by_get, false},
    {N_("ERROR"), command_error_code_get, false}, {N_("REASON"), command_reason_get, false},
};
const struct listing commands_listing = {
    .name = "commands",
    .fields = command_fields,
    .field_count = COUNT(command_fields),
    .columns = command_columns,
    .column_count = COUNT(command_columns),
    .with_as_of = true,
};

/* ---- history ---- */

#define EVENT_GETTER(name, body)                                                                   \
    static void event_##name##_get(const struct view *v, const void *row, struct cell *c)          \
    {                                                                                              \
        const struct event_row *r = row;                                                           \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

EVENT_GETTER(seq, cell_number(c, r->event.seq))
EVENT_GETTER(at, cell_time(c, r->event.at))
EVENT_GETTER(kind, cell_text(c, TEXT_OURS(event_kinds[r->event.kind].word)))
EVENT_GETTER(kind_shown, cell_text(c, TEXT_OURS(_(event_kinds[r->event.kind].label))))
EVENT_GETTER(client, put_client(v, &r->event.client, c))
EVENT_GETTER(name, put_name(v, &r->event.client, c))
EVENT_GETTER(alarm, cell_text(c, TEXT_OURS(r->event.alarm_id)))
EVENT_GETTER(command, put_uid(&r->event.command, c))
EVENT_GETTER(by, cell_text(c, TEXT(r->event.by)))
EVENT_GETTER(summary, cell_text(c, TEXT(r->summary)))

static const struct column event_fields[] = {
    {"seq", event_seq_get, false},        {"at", event_at_get, false},
    {"kind", event_kind_get, false},      {"client_uuid", event_client_get, false},
    {"alarm_id", event_alarm_get, false}, {"command_id", event_command_get, false},
    {"by", event_by_get, false},          {"summary", event_summary_get, false},
};
static const struct column event_columns[] = {
    {N_("TIME"), event_at_get, false},         {N_("KIND"), event_kind_shown_get, false},
    {N_("CLIENT"), event_name_get, false},     {N_("BY"), event_by_get, false},
    {N_("SUMMARY"), event_summary_get, false},
};
const struct listing history_listing = {
    .name = "events",
    .fields = event_fields,
    .field_count = COUNT(event_fields),
    .columns = event_columns,
    .column_count = COUNT(event_columns),
};

/* ---- logs ---- */

#define LOG_GETTER(name, body)                                                                     \
    static void log_##name##_get(const struct view *v, const void *row, struct cell *c)            \
    {                                                                                              \
        const struct log_line *l = row;                                                            \
        (void)v;                                                                                   \
        body;                                                                                      \
    }

LOG_GETTER(at, cell_time(c, l->at))
LOG_GETTER(client, put_client(v, &l->client, c))
LOG_GETTER(name, put_name(v, &l->client, c))
LOG_GETTER(level, cell_text(c, TEXT(l->level)))
LOG_GETTER(message, cell_text(c, TEXT(l->message)))

static const struct column log_fields[] = {
    {"at", log_at_get, false},
    {"client_uuid", log_client_get, false},
    {"level", log_level_get, false},
    {"message", log_message_get, false},
};
static const struct column log_columns[] = {
    {N_("TIME"), log_at_get, false},
    {N_("CLIENT"), log_name_get, false},
    {N_("LEVEL"), log_level_get, false},
    {N_("MESSAGE"), log_message_get, false},
};
const struct listing logs_listing = {
    .name = "logs",
    .fields = log_fields,
    .field_count = COUNT(log_fields),
    .columns = log_columns,
    .column_count = COUNT(log_columns),
};
