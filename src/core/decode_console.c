/* What the server and the other consoles say: commands, groups, events, power intents, shared
 * acknowledgements, presence; and the broker's own figures. */
#include "core/decode.h"

#include <string.h>

#define CLIENT_IDENTITY                                                                            \
    {                                                                                              \
        .name = "client_uuid", .type = FIELD_IDENTITY                                              \
    }

/* ---- commands, ours and other consoles' ---- */

enum { COMMAND_ID, COMMAND_ACTION };
static const struct field command_fields[] = {
    [COMMAND_ID] = {.name = "command_id", .type = FIELD_UID, INTO(u.seen.command.id)},
    [COMMAND_ACTION] = {.name = "action",
                        .type = FIELD_TEXT,
                        INTO_TEXT(u.seen.command.action_text)},
    {.name = "requested_by", .type = FIELD_TEXT, INTO_TEXT(u.seen.command.requested_by)},
    {.name = "reason", .type = FIELD_TEXT, INTO_TEXT(u.seen.command.reason)},
    {.name = "issued_at", .type = FIELD_TIME, INTO(u.seen.command.issued_at)},
    {.name = "expires_at", .type = FIELD_TIME, INTO(u.seen.command.expires_at)},
    CLIENT_IDENTITY,
    {.name = "uuid", .type = FIELD_IDENTITY},
};
#define COMMAND_NEEDS (1u << COMMAND_ID | 1u << COMMAND_ACTION)

static void command_init(struct command *c, const struct uid *client)
{
    *c = (struct command){
        .client = *client,
        .status = COMMAND_PUBLISHED,
        .foreign = true,
        .issued_at = TIME_NONE,
        .expires_at = TIME_NONE,
    };
    command_clear_progress(c);
}

enum reject decode_command(const struct decode *d, struct msg *out)
{
    struct command *c = &out->u.seen.command;
    unsigned taken = 0;

    command_init(c, &out->client);
    out->u.seen.alias = d->topic->row->flags & TOPIC_ALIAS;
    const enum reject why = decode_fields(d, command_fields, COUNT(command_fields), out, &taken);
    if (why != REJECT_NONE)
        return why;
    if ((taken & COMMAND_NEEDS) != COMMAND_NEEDS || uid_is_zero(&c->id))
        return REJECT_FIELD;
    const int action = vocabulary_find(actions, ACTIONS, c->action_text.clean);
    c->action = action < 0 ? ACTION_OTHER : (enum action)action;
    out->device_at = c->issued_at;
    return REJECT_NONE;
}

/* ---- group_id: plain text, a JSON string or number, or {"group_id":…} ---- */

static const struct field group_fields[] = {
    {.name = "group_id", .type = FIELD_LABEL, .nullable = true, INTO_TEXT(u.group.group)},
    CLIENT_IDENTITY,
    {.name = "uuid", .type = FIELD_IDENTITY},
};

static void trim(const char **p, size_t *n)
{
    while (*n > 0 && (unsigned char)(*p)[0] <= ' ') {
        ++*p;
        --*n;
    }
    while (*n > 0 && (unsigned char)(*p)[*n - 1] <= ' ')
        --*n;
}

static enum reject group_from_string(const struct decode *d, struct msg *out)
{
    const cJSON *item;
    const enum reject why = json_parse(d->json, d->payload, d->len, &item);

    if (why == REJECT_NONE)
        TEXT_SET(&out->u.group.group, item->valuestring, strlen(item->valuestring));
    return why;
}

enum reject decode_group(const struct decode *d, struct msg *out)
{
    const char *p = d->payload;
    size_t n = d->len;
    unsigned taken = 0;

    memset(&out->u.group, 0, sizeof(out->u.group));
    trim(&p, &n);
    if (n > 0 && *p == '"')
        return group_from_string(d, out);
    if (n > 0 && (*p == '{' || *p == '[')) {
        const enum reject why = decode_fields(d, group_fields, COUNT(group_fields), out, &taken);
        return why == REJECT_NONE && !(taken & 1u) ? REJECT_FIELD : why;
    }
    if (n != 4 || memcmp(p, "null", 4) != 0) /* a number is its own digits */
        TEXT_SET(&out->u.group.group, p, n);
    return REJECT_NONE;
}

/* ---- what a group is told ---- */

enum reject decode_event(const struct decode *d, struct msg *out)
{
    memset(&out->u.event, 0, sizeof(out->u.event));
    TEXT_SET(&out->u.event.group, d->topic->part, d->topic->part_len);
    TEXT_SET(&out->u.event.shown, d->payload, d->len);
    return REJECT_NONE;
}

enum { INTENT_STATE };
static const struct field intent_fields[] = {
    [INTENT_STATE] = {.name = "desired_state", .type = FIELD_TEXT, INTO_TEXT(u.intent.wanted)},
    {.name = "reason", .type = FIELD_TEXT, INTO_TEXT(u.intent.reason)},
    {.name = "issued_at", .type = FIELD_TIME, INTO(device_at)},
    {.name = "expires_at", .type = FIELD_TIME, .nullable = true, INTO(u.intent.expires_at)},
};

enum reject decode_intent(const struct decode *d, struct msg *out)
{
    memset(&out->u.intent, 0, sizeof(out->u.intent));
    out->u.intent.expires_at = TIME_NONE;
    TEXT_SET(&out->u.intent.group, d->topic->part, d->topic->part_len);
    if (d->len == 0) /* withdrawn: nothing is wanted any more */
        return REJECT_NONE;
    const enum reject why = decode_fields(d, intent_fields, COUNT(intent_fields), out, NULL);
    if (why != REJECT_NONE)
        return why;
    const char *wanted = out->u.intent.wanted.clean;
    out->u.intent.off = strcmp(wanted, "off") == 0;
    out->u.intent.known = out->u.intent.off || strcmp(wanted, "on") == 0;
    if (wanted[0] && !out->u.intent.known)
        out->flags |= FIELD_BAD;
    return REJECT_NONE;
}

/* ---- acknowledgements shared between consoles ---- */

enum { SHARED_ID, SHARED_RAISED_AT, SHARED_ACTION };
static const struct field console_ack_fields[] = {
    [SHARED_ID] = {.name = "alarm_id", .type = FIELD_TEXT, INTO_TEXT(u.console_ack.named)},
    [SHARED_RAISED_AT] = {.name = "raised_at",
                          .type = FIELD_TEXT,
                          INTO_TEXT(u.console_ack.raised_at)},
    [SHARED_ACTION] = {.name = "action", .type = FIELD_TEXT, INTO_TEXT(u.console_ack.action)},
    {.name = "by", .type = FIELD_TEXT, INTO_TEXT(u.console_ack.by)},
    {.name = "at", .type = FIELD_TIME, INTO(u.console_ack.at)},
    {.name = "acknowledged_by", .type = FIELD_TEXT, INTO_TEXT(u.console_ack.acknowledged_by)},
    {.name = "acknowledged_at", .type = FIELD_TIME, INTO(u.console_ack.acknowledged_at)},
    {.name = "shelved_until", .type = FIELD_TIME, INTO(u.console_ack.shelved_until)},
    {.name = "note", .type = FIELD_TEXT, INTO_TEXT(u.console_ack.note)},
};

#define ALARM_DIGITS 16

/* kind, '-', 16 hex digits. A kind of a newer console is none of our business to refuse. */
static bool is_alarm_id(const char *s, size_t n)
{
    if (n <= ALARM_DIGITS + 1 || n >= ALARM_ID || s[n - ALARM_DIGITS - 1] != '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        const bool in_kind = i < n - ALARM_DIGITS - 1;
        const char c = s[i];
        if (in_kind ? !((c >= 'a' && c <= 'z') || c == '_')
                    : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return !memchr(s + n - ALARM_DIGITS, '-', ALARM_DIGITS);
}

static bool is_shared_action(const char *action)
{
    static const char *const known[] = {"acknowledge", "shelve", "unshelve", "note"};

    for (size_t i = 0; i < COUNT(known); i++) {
        if (strcmp(known[i], action) == 0)
            return true;
    }
    return false;
}

enum reject decode_console_ack(const struct decode *d, struct msg *out)
{
    const struct topic *topic = d->topic;
    unsigned taken = 0;

    memset(&out->u.console_ack, 0, sizeof(out->u.console_ack));
    out->u.console_ack.at = out->u.console_ack.acknowledged_at = TIME_NONE;
    out->u.console_ack.shelved_until = TIME_NONE;
    if (!is_alarm_id(topic->part, topic->part_len))
        return REJECT_ALARM_ID;
    memcpy(out->u.console_ack.alarm_id, topic->part, topic->part_len);
    if (d->len == 0) {
        out->kind = MSG_CONSOLE_ACK_FORGOTTEN;
        return REJECT_NONE;
    }
    const enum reject why =
        decode_fields(d, console_ack_fields, COUNT(console_ack_fields), out, &taken);
    if (why != REJECT_NONE)
        return why;
    if (strcmp(out->u.console_ack.named.clean, out->u.console_ack.alarm_id) != 0)
        return REJECT_ALARM_ID;
    if (!(taken & (1u << SHARED_RAISED_AT)))
        return REJECT_FIELD;
    if (!is_shared_action(out->u.console_ack.action.clean))
        out->flags |= FIELD_BAD; /* the state is whole without it */
    out->device_at = out->u.console_ack.at;
    return REJECT_NONE;
}

/* ---- other consoles, the broker ---- */

static const struct field presence_fields[] = {
    {.name = "host", .type = FIELD_TEXT, INTO_TEXT(u.presence.host)},
    {.name = "operator", .type = FIELD_TEXT, INTO_TEXT(u.presence.operator_name)},
    {.name = "role", .type = FIELD_TEXT, INTO_TEXT(u.presence.role)},
    {.name = "recovery", .type = FIELD_FLAG, INTO(u.presence.recovery)},
    {.name = "since", .type = FIELD_TIME, INTO(u.presence.since_at)},
};

enum reject decode_presence(const struct decode *d, struct msg *out)
{
    memset(&out->u.presence, 0, sizeof(out->u.presence));
    out->u.presence.since_at = TIME_NONE;
    TEXT_SET(&out->u.presence.key, d->topic->part, d->topic->part_len);
    if (d->len == 0) {
        out->kind = MSG_PRESENCE_GONE;
        return REJECT_NONE;
    }
    return decode_fields(d, presence_fields, COUNT(presence_fields), out, NULL);
}

/* $SYS figures and canaries: a name below a topic and a text. */
enum reject decode_named_value(const struct decode *d, struct msg *out)
{
    memset(&out->u.sys, 0, sizeof(out->u.sys));
    TEXT_SET(&out->u.sys.name, d->topic->part, d->topic->part_len);
    TEXT_SET(&out->u.sys.value, d->payload, d->len);
    return REJECT_NONE;
}
