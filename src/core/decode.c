/* What devices say: heartbeat, health, logs, service_failed, acknowledgements of commands. */
#include "core/decode.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

#define IDENTITY                                                                                   \
    {.name = "client_uuid", .type = FIELD_IDENTITY},                                               \
    {                                                                                              \
        .name = "uuid", .type = FIELD_IDENTITY                                                     \
    }
#define DEVICE_TIME                                                                                \
    {                                                                                              \
        .name = "timestamp", .type = FIELD_TIME, INTO(device_at)                                   \
    }

/* ---- heartbeat and health: every field is optional ---- */

static const struct field heartbeat_fields[] = {
    DEVICE_TIME,
    {.name = "process_status",
     .type = FIELD_TEXT,
     INTO_TEXT(u.beat.process_status),
     .have = offsetof(struct msg, u.beat.have_status)},
    {.name = "hostname",
     .type = FIELD_TEXT,
     INTO_TEXT(u.beat.hostname),
     .have = offsetof(struct msg, u.beat.have_hostname)},
    {.name = "ip",
     .type = FIELD_TEXT,
     INTO_TEXT(u.beat.ip),
     .have = offsetof(struct msg, u.beat.have_ip)},
    {.name = "version",
     .type = FIELD_TEXT,
     INTO_TEXT(u.beat.version),
     .have = offsetof(struct msg, u.beat.have_version)},
    {.name = "current_process",
     .type = FIELD_TEXT,
     .nullable = true,
     INTO_TEXT(u.beat.process),
     .have = offsetof(struct msg, u.beat.have_process)},
    {.name = "process_pid",
     .type = FIELD_COUNT,
     .nullable = true,
     INTO(u.beat.pid),
     .have = offsetof(struct msg, u.beat.have_pid)},
    {.name = "current_event_id",
     .type = FIELD_INTEGER,
     .nullable = true,
     INTO(u.beat.current_event_id),
     .have = offsetof(struct msg, u.beat.have_event)},
    IDENTITY,
};

static const struct field expected_fields[] = {
    {.name = "event_id",
     .type = FIELD_INTEGER,
     .nullable = true,
     INTO(u.beat.expected_event_id),
     .have = offsetof(struct msg, u.beat.have_expected)},
};

static const struct field actual_fields[] = {
    {.name = "process",
     .type = FIELD_TEXT,
     .nullable = true,
     INTO_TEXT(u.beat.process),
     .have = offsetof(struct msg, u.beat.have_process)},
    {.name = "pid",
     .type = FIELD_COUNT,
     .nullable = true,
     INTO(u.beat.pid),
     .have = offsetof(struct msg, u.beat.have_pid)},
    {.name = "status",
     .type = FIELD_TEXT,
     INTO_TEXT(u.beat.process_status),
     .have = offsetof(struct msg, u.beat.have_status)},
};

static const struct field connection_fields[] = {
    {.name = "broker_reachable",
     .type = FIELD_FLAG,
     INTO(u.beat.broker_reachable),
     .have = offsetof(struct msg, u.beat.have_reachable)},
    {.name = "reconnect_count",
     .type = FIELD_COUNT,
     INTO(u.beat.reconnect_count),
     .have = offsetof(struct msg, u.beat.have_reconnects)},
    {.name = "last_disconnect_at",
     .type = FIELD_TIME,
     .nullable = true,
     INTO(u.beat.last_disconnect_at),
     .have = offsetof(struct msg, u.beat.have_disconnect)},
};

#define BLOCK(key, table)                                                                          \
    {                                                                                              \
        .name = (key), .type = FIELD_BLOCK, .block = (table), .rows = COUNT(table)                 \
    }

static const struct field health_fields[] = {
    DEVICE_TIME,
    BLOCK("expected_state", expected_fields),
    BLOCK("actual_state", actual_fields),
    BLOCK("broker_connection", connection_fields),
    IDENTITY,
};

enum reject decode_beat(const struct decode *d, struct msg *out)
{
    const bool health = out->kind == MSG_HEALTH;

    memset(&out->u.beat, 0, sizeof(out->u.beat));
    out->u.beat.pid = out->u.beat.current_event_id = NUMBER_NONE;
    out->u.beat.expected_event_id = out->u.beat.reconnect_count = NUMBER_NONE;
    out->u.beat.last_disconnect_at = TIME_NONE;
    return decode_fields(d, health ? health_fields : heartbeat_fields,
                         health ? COUNT(health_fields) : COUNT(heartbeat_fields), out, NULL);
}

/* ---- logs: JSON with a message, or plain text ---- */

static const struct field log_fields[] = {
    {.name = "message", .type = FIELD_TEXT, INTO_TEXT(u.log.message)},
    DEVICE_TIME,
    IDENTITY,
};

static void log_level(const struct topic *topic, struct msg *out)
{
    char *level = out->u.log.level.clean;

    TEXT_SET(&out->u.log.level, topic->part, topic->part_len);
    for (; *level; level++) {
        if (*level >= 'A' && *level <= 'Z')
            *level = (char)(*level - 'A' + 'a');
    }
}

static bool looks_like_object(const struct decode *d)
{
    size_t i = 0;

    while (i < d->len && strchr(" \t\r\n", d->payload[i]) && d->payload[i])
        i++;
    return i < d->len && d->payload[i] == '{';
}

enum reject decode_log(const struct decode *d, struct msg *out)
{
    enum reject why = REJECT_NONE;
    unsigned taken = 0;

    memset(&out->u.log, 0, sizeof(out->u.log));
    log_level(d->topic, out);
    if (looks_like_object(d))
        why = decode_fields(d, log_fields, COUNT(log_fields), out, &taken);
    if (why == REJECT_TOO_DEEP || why == REJECT_FOREIGN_UUID)
        return why;
    if (!(taken & 1u)) /* text that only begins like JSON, or JSON of another shape */
        TEXT_SET(&out->u.log.message, d->payload, d->len);
    return REJECT_NONE;
}

/* ---- service_failed ---- */

static const struct field failed_fields[] = {
    {.name = "unit", .type = FIELD_TEXT, INTO_TEXT(u.failed.unit)},
    {.name = "failed_at", .type = FIELD_TEXT, INTO_TEXT(u.failed.failed_at)},
    DEVICE_TIME,
    IDENTITY,
};

/* Only an empty *retained* message removes the broker's copy; without retain-as-published the bit
 * is gone from live messages and a plain empty one looks the same. */
static enum reject decode_cleared(const struct decode *d, struct msg *out)
{
    if (d->in->rap && !d->in->retained)
        return REJECT_EMPTY;
    out->kind = MSG_SERVICE_CLEARED;
    out->doubtful = !d->in->rap;
    return REJECT_NONE;
}

enum reject decode_service_failed(const struct decode *d, struct msg *out)
{
    memset(&out->u.failed, 0, sizeof(out->u.failed));
    if (d->len == 0)
        return decode_cleared(d, out);
    const enum reject why = decode_fields(d, failed_fields, COUNT(failed_fields), out, NULL);
    if (why != REJECT_NONE)
        return why;
    const char *failed_at = out->u.failed.failed_at.clean;
    if (out->device_at == TIME_NONE)
        time_parse_iso(failed_at, strlen(failed_at), &out->device_at);
    hash_sha256_hex(d->payload, d->len, out->u.failed.sha);
    out->u.failed.payload = d->payload;
    out->u.failed.len = d->len;
    return REJECT_NONE;
}

/* ---- acknowledgements of commands (v1, frozen) ---- */

enum { ACK_COMMAND_ID, ACK_STATUS };
static const struct field ack_fields[] = {
    [ACK_COMMAND_ID] = {.name = "command_id", .type = FIELD_UID, INTO(u.ack.command)},
    [ACK_STATUS] = {.name = "status", .type = FIELD_TEXT, INTO_TEXT(u.ack.status_word)},
    {.name = "error_code", .type = FIELD_LABEL, INTO_TEXT(u.ack.error_code)},
    {.name = "error_message", .type = FIELD_TEXT, INTO_TEXT(u.ack.error_message)},
    DEVICE_TIME,
    IDENTITY,
};

static const enum command_status ack_statuses[] = {
    COMMAND_ACCEPTED,
    COMMAND_EXECUTION_STARTED,
    COMMAND_COMPLETED,
    COMMAND_FAILED,
};

static bool ack_status(const char *word, enum command_status *status)
{
    for (size_t i = 0; i < COUNT(ack_statuses); i++) {
        if (strcmp(command_statuses[ack_statuses[i]].word, word) == 0) {
            *status = ack_statuses[i];
            return true;
        }
    }
    return false;
}

enum reject decode_ack(const struct decode *d, struct msg *out)
{
    unsigned taken = 0;

    memset(&out->u.ack, 0, sizeof(out->u.ack));
    out->u.ack.topic = d->topic->row->flags & TOPIC_ALIAS ? ACK_ALIAS : ACK_CANONICAL;
    const enum reject why = decode_fields(d, ack_fields, COUNT(ack_fields), out, &taken);
    if (why != REJECT_NONE)
        return why;
    if (!(taken & (1u << ACK_COMMAND_ID)))
        return REJECT_FIELD;
    return ack_status(out->u.ack.status_word.clean, &out->u.ack.status) ? REJECT_NONE
                                                                        : REJECT_STATUS;
}
