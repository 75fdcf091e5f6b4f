#include "core/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "core/decode.h"

struct codec {
    struct json *json;
};

const char *const reject_reasons[REJECTS] = {
    [REJECT_NONE] = N_("accepted"),
    [REJECT_TOPIC] = N_("not a topic of ours"),
    [REJECT_UUID] = N_("the topic names no client: its second level is not a uuid"),
    [REJECT_FOREIGN_UUID] = N_("the payload names another client than the topic"),
    [REJECT_OVERSIZE] = N_("longer than 64 KiB"),
    [REJECT_NOT_UTF8] = N_("not valid UTF-8"),
    [REJECT_NOT_JSON] = N_("not valid JSON"),
    [REJECT_NOT_OBJECT] = N_("JSON, but not an object"),
    [REJECT_TOO_DEEP] = N_("nested too deep or too large as JSON"),
    [REJECT_EMPTY] = N_("empty"),
    [REJECT_FIELD] = N_("a required field is missing or of the wrong type"),
    [REJECT_STATUS] = N_("an acknowledgement with an unknown status"),
    [REJECT_ALARM_ID] = N_("its alarm_id is not the topic's"),
    [REJECT_STORED] = N_("a stored copy of what only means something live"),
    [REJECT_FORGED] = N_("it does not fit what was sent"),
};
static_assert(sizeof(reject_reasons) / sizeof(reject_reasons[0]) == REJECTS, "a reason per reject");

/* By the kind that the topic's row names; what only decoders produce has none. */
static const decode_fn decoders[] = {
    [MSG_HEARTBEAT] = decode_beat,
    [MSG_HEALTH] = decode_beat,
    [MSG_LOG] = decode_log,
    [MSG_SERVICE_FAILED] = decode_service_failed,
    [MSG_ACK] = decode_ack,
    [MSG_COMMAND_SEEN] = decode_command,
    [MSG_GROUP] = decode_group,
    [MSG_EVENT] = decode_event,
    [MSG_INTENT] = decode_intent,
    [MSG_CONSOLE_ACK] = decode_console_ack,
    [MSG_PRESENCE] = decode_presence,
    [MSG_SYS] = decode_named_value,
    [MSG_CANARY] = decode_named_value,
};
static_assert(sizeof(decoders) / sizeof(decoders[0]) == MSG_KINDS, "a decoder per kind of topic");

struct codec *codec_new(void)
{
    struct codec *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->json = json_new();
    if (!c->json) {
        free(c);
        return NULL;
    }
    return c;
}

void codec_free(struct codec *c)
{
    if (!c)
        return;
    json_free(c->json);
    free(c);
}

/* Whether the payload may be looked at at all. */
static enum reject admit(const struct wire_message *in, unsigned flags)
{
    if (in->oversize || in->len > PAYLOAD_MAX)
        return REJECT_OVERSIZE;
    if (in->snapshot && (flags & TOPIC_LIVE_ONLY))
        return REJECT_STORED;
    if (in->len == 0)
        return flags & TOPIC_FILLED ? REJECT_EMPTY : REJECT_NONE;
    return json_is_utf8(in->payload, in->len) ? REJECT_NONE : REJECT_NOT_UTF8;
}

static void begin(const struct wire_message *in, const struct topic *topic, struct msg *out)
{
    out->client = topic->client;
    memcpy(out->spelling, topic->spelling, sizeof(out->spelling));
    out->snapshot = in->snapshot;
    out->doubtful = false;
    out->flags = 0;
    out->device_at = TIME_NONE;
}

/* An empty message below a uuid that only consoles make: one of them tries what the broker lets by.
 * Whatever its topic is, nobody is told. A payload, or a stored copy, is looked at as ever. */
static bool is_probe(const struct wire_message *in, const struct topic *topic)
{
    struct uid u = topic->client;

    return in->len == 0 && !in->oversize && !in->retained &&
           (topic->of_client || uid_parse(topic->part, topic->part_len, &u)) && uid_is_probe(&u);
}

static enum reject decode_probe(struct msg *out)
{
    out->kind = MSG_CANARY;
    memset(&out->u.sys, 0, sizeof(out->u.sys));
    return REJECT_NONE;
}

enum reject codec_decode(struct codec *c, const struct wire_message *in, struct msg *out)
{
    struct topic topic;
    enum reject why = topic_parse(in->topic, &topic);

    begin(in, &topic, out);
    if (is_probe(in, &topic))
        return decode_probe(out);
    if (why != REJECT_NONE)
        return why;
    why = admit(in, topic.row->flags);
    if (why != REJECT_NONE)
        return why;
    out->kind = topic.row->kind;
    const struct decode d = {
        .json = c->json,
        .in = in,
        .topic = &topic,
        .payload = in->len > 0 ? in->payload : "",
        .len = in->len,
    };
    return decoders[out->kind](&d, out);
}
