/* Any topic with any payload: decoded or rejected, never more, and whatever comes out is clean.
 * Input: one byte of flags, the topic, a newline, the payload. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOPIC_MAX 1024

/* Cleaning clean text changes nothing. */
static void check_clean(const char *s, size_t size)
{
    char again[512];

    if (strnlen(s, size) == size || size > sizeof(again))
        abort();
    memcpy(again, s, strlen(s) + 1);
    if (text_clean(again, size, s, strlen(s)))
        abort();
}

#define CHECK(member) check_clean((member).clean, sizeof((member).clean))

static void check_beat(const struct msg *m)
{
    CHECK(m->u.beat.hostname);
    CHECK(m->u.beat.ip);
    CHECK(m->u.beat.version);
    CHECK(m->u.beat.process);
    CHECK(m->u.beat.process_status);
    if (m->u.beat.have_reconnects && m->u.beat.reconnect_count < 0)
        abort();
}

static void check_log(const struct msg *m)
{
    CHECK(m->u.log.level);
    CHECK(m->u.log.message);
}

static void check_failed(const struct msg *m)
{
    CHECK(m->u.failed.unit);
    CHECK(m->u.failed.failed_at);
    if (strlen(m->u.failed.sha) != 64)
        abort();
}

static void check_ack(const struct msg *m)
{
    CHECK(m->u.ack.error_code);
    CHECK(m->u.ack.error_message);
}

static void check_seen(const struct msg *m)
{
    CHECK(m->u.seen.command.action_text);
    CHECK(m->u.seen.command.requested_by);
    CHECK(m->u.seen.command.reason);
}

static void check_group(const struct msg *m)
{
    CHECK(m->u.group.group);
}

static void check_event(const struct msg *m)
{
    CHECK(m->u.event.group);
    CHECK(m->u.event.shown);
}

static void check_intent(const struct msg *m)
{
    CHECK(m->u.intent.group);
    CHECK(m->u.intent.reason);
}

static void check_console_ack(const struct msg *m)
{
    check_clean(m->u.console_ack.alarm_id, sizeof(m->u.console_ack.alarm_id));
    CHECK(m->u.console_ack.action);
    CHECK(m->u.console_ack.by);
    CHECK(m->u.console_ack.raised_at);
    CHECK(m->u.console_ack.note);
}

static void check_presence(const struct msg *m)
{
    CHECK(m->u.presence.key);
    CHECK(m->u.presence.host);
    CHECK(m->u.presence.operator_name);
    CHECK(m->u.presence.role);
}

static void check_sys(const struct msg *m)
{
    CHECK(m->u.sys.name);
    CHECK(m->u.sys.value);
}

static void (*const checks[MSG_KINDS])(const struct msg *) = {
    [MSG_HEARTBEAT] = check_beat,    [MSG_HEALTH] = check_beat,
    [MSG_LOG] = check_log,           [MSG_SERVICE_FAILED] = check_failed,
    [MSG_ACK] = check_ack,           [MSG_COMMAND_SEEN] = check_seen,
    [MSG_GROUP] = check_group,       [MSG_EVENT] = check_event,
    [MSG_INTENT] = check_intent,     [MSG_CONSOLE_ACK] = check_console_ack,
    [MSG_PRESENCE] = check_presence, [MSG_SYS] = check_sys,
    [MSG_CANARY] = check_sys,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *codec;
    static struct msg msg;
    char topic[TOPIC_MAX] = "";

    if (!codec)
        codec = codec_new();
    if (!codec || size == 0)
        return 0;
    const uint8_t *end = memchr(data + 1, '\n', size - 1);
    const size_t len = end ? (size_t)(end - data - 1) : size - 1;
    if (len >= sizeof(topic))
        return 0;
    memcpy(topic, data + 1, len);
    const size_t used = end ? len + 2 : size;
    const struct wire_message in = {
        .topic = topic,
        .payload = data + used,
        .len = size - used,
        .retained = data[0] & 1,
        .rap = data[0] & 2,
        .snapshot = data[0] & 4,
    };
    memset(&msg, 0xa5, sizeof(msg));
    const enum reject why = codec_decode(codec, &in, &msg);
    if (why < REJECT_NONE || why >= REJECTS)
        abort();
    if (why == REJECT_NONE && checks[msg.kind])
        checks[msg.kind](&msg);
    return 0;
}
