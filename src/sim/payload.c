/* payload.c - what devices say, in the words of the wire format. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/timefmt.h"

/* As Python's isoformat writes it, which is what the real clients send. */
void payload_stamp(int64_t wall, char out[48])
{
    const time_t s = (time_t)(wall / 1000);
    struct tm t;
    char day[24];

    gmtime_r(&s, &t);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out, 48, "%s.%03d000+00:00", day, (int)(wall % 1000));
}

static void number_or_null(int value, char out[16])
{
    if (value > 0)
        snprintf(out, 16, "%d", value);
    else
        snprintf(out, 16, "null");
}

static size_t written(int n, size_t size)
{
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

size_t payload_heartbeat(const struct device *d, char *out, size_t size)
{
    char at[48], pid[16], event[16];

    payload_stamp(d->fleet->wall, at);
    number_or_null(d->pid, pid);
    number_or_null(d->event, event);
    return written(snprintf(out, size,
                            "{\"timestamp\":\"%s\",\"hostname\":\"%s\",\"ip\":\"10.20.%d.%d\","
                            "\"version\":\"2.4.1\",\"process_status\":\"%s\",\"current_process\":"
                            "\"display_manager\",\"process_pid\":%s,\"current_event_id\":%s}",
                            at, d->name, d->index / 250, d->index % 250 + 2, d->status, pid, event),
                   size);
}

size_t payload_health(const struct device *d, char *out, size_t size)
{
    char at[48], pid[16], expected[16], last[ISO_SIZE + 2] = "null", iso[ISO_SIZE];

    payload_stamp(d->fleet->wall, at);
    number_or_null(d->pid, pid);
    number_or_null(d->expected_event, expected);
    if (d->last_disconnect_wall) {
        time_iso(d->last_disconnect_wall, iso);
        snprintf(last, sizeof last, "\"%.19sZ\"", iso);
    }
    return written(
        snprintf(out, size,
                 "{\"timestamp\":\"%s\",\"expected_state\":{\"event_id\":%s},\"actual_state\":{"
                 "\"process\":\"display_manager\",\"pid\":%s,\"status\":\"%s\"},"
                 "\"broker_connection\":{\"broker_reachable\":true,\"reconnect_count\":%d,"
                 "\"last_disconnect_at\":%s}}",
                 at, expected, pid, d->status, d->reconnects, last),
        size);
}

/* Text of a script inside a JSON string: what would end it is replaced. */
static void json_safe(const char *text, char *out, size_t size)
{
    size_t n = 0;

    for (; *text && n + 1 < size; text++)
        out[n++] = *text == '"'                  ? '\''
                   : *text == '\\'               ? '/'
                   : (unsigned char)*text < 0x20 ? ' '
                                                 : *text;
    out[n] = '\0';
}

size_t payload_log(const struct device *d, const char *text, char *out, size_t size)
{
    char at[48], safe[200];

    payload_stamp(d->fleet->wall, at);
    json_safe(text, safe, sizeof safe);
    return written(snprintf(out, size,
                            "{\"timestamp\":\"%s\",\"message\":\"%s\",\"source\":\"simclient\"}",
                            at, safe),
                   size);
}

size_t payload_failed(const struct device *d, char *out, size_t size)
{
    char iso[ISO_SIZE], unit[96];

    time_iso(d->failed_wall, iso);
    json_safe(d->failed_unit, unit, sizeof unit);
    return written(snprintf(out, size,
                            "{\"event\":\"service_failed\",\"unit\":\"%s\",\"client_uuid\":\"%s\","
                            "\"failed_at\":\"%.19sZ\"}",
                            unit, d->uuid, iso),
                   size);
}

static void string_or_null(const char *s, char *out, size_t size)
{
    if (s)
        snprintf(out, size, "\"%s\"", s);
    else
        snprintf(out, size, "null");
}

size_t payload_ack(const struct sim_ack *a, char *out, size_t size)
{
    char code[64], message[160];

    string_or_null(a->code, code, sizeof code);
    string_or_null(a->message, message, sizeof message);
    return written(snprintf(out, size,
                            "{\"command_id\":\"%s\",\"status\":\"%s\",\"error_code\":%s,"
                            "\"error_message\":%s}",
                            a->command, a->status, code, message),
                   size);
}
