#include "core/topic.h"

#include <assert.h>
#include <string.h>

#define ROOT       "infoscreen/"
#define ROOT_LEN   (sizeof(ROOT) - 1)
#define UID_DIGITS (UID_TEXT - 1)

/* Below infoscreen/{uuid}/: prefix is what follows the uuid. Commonest first. */
static const struct topic_row client_rows[] = {
    {.prefix = "heartbeat", .kind = MSG_HEARTBEAT, .flags = TOPIC_LIVE_ONLY | TOPIC_FILLED},
    {.prefix = "health", .kind = MSG_HEALTH, .flags = TOPIC_LIVE_ONLY | TOPIC_FILLED},
    {.prefix = "logs/",
     .suffix = "",
     .kind = MSG_LOG,
     .flags = TOPIC_LIVE_ONLY | TOPIC_FILLED | TOPIC_DEEP},
    {.prefix = "commands/ack", .kind = MSG_ACK, .flags = TOPIC_LIVE_ONLY | TOPIC_FILLED},
    {.prefix = "command/ack",
     .kind = MSG_ACK,
     .flags = TOPIC_LIVE_ONLY | TOPIC_FILLED | TOPIC_ALIAS},
    {.prefix = "service_failed", .kind = MSG_SERVICE_FAILED},
    {.prefix = "group_id", .kind = MSG_GROUP},
    {.prefix = "commands", .kind = MSG_COMMAND_SEEN, .flags = TOPIC_FILLED},
    {.prefix = "command", .kind = MSG_COMMAND_SEEN, .flags = TOPIC_FILLED | TOPIC_ALIAS},
};

/* Everything else: the whole topic. */
static const struct topic_row shared_rows[] = {
    {.prefix = ROOT "events/", .suffix = "", .kind = MSG_EVENT},
    {.prefix = ROOT "groups/", .suffix = "/power/intent", .kind = MSG_INTENT},
    {.prefix = ROOT "console/ack/", .suffix = "", .kind = MSG_CONSOLE_ACK},
    {.prefix = ROOT "console/presence/", .suffix = "", .kind = MSG_PRESENCE},
    {.prefix = ROOT "console/canary/", .suffix = "", .kind = MSG_CANARY},
    {.prefix = "$SYS/broker/", .suffix = "", .kind = MSG_SYS, .flags = TOPIC_DEEP},
};

/* Second levels that are no client and no mistake either. */
static const char *const reserved[] = {"console", "events", "groups"};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
static_assert(COUNT(client_rows) == 9, "one row per topic of a client");
static_assert(COUNT(shared_rows) == 6, "one row per topic of the console, groups and broker");

/* A row without a suffix has no variable part: it must be equal. */
static bool row_match(const struct topic_row *row, const char *topic, size_t len, struct topic *out)
{
    const size_t head = strlen(row->prefix);
    const size_t tail = row->suffix ? strlen(row->suffix) : 0;

    if (!row->suffix)
        return len == head && memcmp(topic, row->prefix, head) == 0;
    if (len <= head + tail || memcmp(topic, row->prefix, head) != 0 ||
        memcmp(topic + len - tail, row->suffix, tail) != 0)
        return false;
    out->part = topic + head;
    out->part_len = len - head - tail;
    return (row->flags & TOPIC_DEEP) || !memchr(out->part, '/', out->part_len);
}

static bool rows_find(const struct topic_row *rows, size_t n, const char *topic, struct topic *out)
{
    const size_t len = strlen(topic);

    for (size_t i = 0; i < n; i++) {
        if (row_match(&rows[i], topic, len, out)) {
            out->row = &rows[i];
            return true;
        }
    }
    return false;
}

static bool is_reserved(const char *level)
{
    const size_t len = strcspn(level, "/");

    for (size_t i = 0; i < COUNT(reserved); i++) {
        if (strlen(reserved[i]) == len && memcmp(reserved[i], level, len) == 0)
            return true;
    }
    return false;
}

static bool second_is_uuid(const char *level, struct topic *out)
{
    if (strnlen(level, UID_DIGITS) != UID_DIGITS ||
        (level[UID_DIGITS] != '/' && level[UID_DIGITS] != '\0') ||
        !uid_parse(level, UID_DIGITS, &out->client))
        return false;
    memcpy(out->spelling, level, UID_DIGITS);
    out->spelling[UID_DIGITS] = '\0';
    return true;
}

static const char *second_level(const char *topic)
{
    return strncmp(topic, ROOT, ROOT_LEN) == 0 ? topic + ROOT_LEN : NULL;
}

bool topic_client(const char *topic, struct uid *out)
{
    const char *second = second_level(topic);

    return second && strnlen(second, UID_DIGITS) == UID_DIGITS && uid_parse(second, UID_DIGITS, out);
}

enum reject topic_parse(const char *topic, struct topic *out)
{
    const char *second = second_level(topic);

    out->row = NULL;
    out->part = "";
    out->part_len = 0;
    out->of_client = second && second_is_uuid(second, out);
    if (out->of_client) {
        const char *rest = second + UID_DIGITS;
        const bool known =
            *rest == '/' && rows_find(client_rows, COUNT(client_rows), rest + 1, out);
        return known ? REJECT_NONE : REJECT_TOPIC;
    }
    memset(&out->client, 0, sizeof(out->client));
    out->spelling[0] = '\0';
    if (rows_find(shared_rows, COUNT(shared_rows), topic, out))
        return REJECT_NONE;
    return second && !is_reserved(second) ? REJECT_UUID : REJECT_TOPIC;
}
