/* What arrives, row by row: topic, payload, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "core/codec.h"

#define A      "9b8d1856-ff34-4864-a726-12de072d0f77"
#define UPPER  "9B8D1856-FF34-4864-A726-12DE072D0F77"
#define OTHER  "41aa03c2-0000-4000-8000-000000000001"
#define PROBE  "5d8c1856-ff34-4864-a726-6970726f6265"
#define TOP    "infoscreen/" A "/"
#define ALARM  "service_failed-0123456789abcdef"
#define SHARED "infoscreen/console/ack/" ALARM

static struct codec *codec;
static struct msg msg;

static int setup(void **state)
{
    (void)state;
    codec = codec_new();
    return codec ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    codec_free(codec);
    return 0;
}

static enum reject decode(const struct wire_message *in)
{
    memset(&msg, 0x5a, sizeof(msg)); /* nothing may rely on what was there */
    return codec_decode(codec, in, &msg);
}

static enum reject feed(const char *topic, const char *payload)
{
    return decode(
        &(struct wire_message){.topic = topic, .payload = payload, .len = strlen(payload)});
}

#define accept(topic, payload) assert_int_equal(feed(topic, payload), REJECT_NONE)

/* ---- rejects ---- */

static const struct {
    const char *topic, *payload;
    enum reject want;
} verdicts[] = {
    {"", "{}", REJECT_TOPIC},
    {"infoscreen", "{}", REJECT_TOPIC},
    {"infoscreen/", "{}", REJECT_UUID},
    {"weather/vienna", "{}", REJECT_TOPIC},
    {"infoscreen/lobby/heartbeat", "{}", REJECT_UUID},
    {"infoscreen/9b8d1856/heartbeat", "{}", REJECT_UUID},
    {"infoscreen/9b8d1856-ff34-4864-a726-12de072d0f7g/heartbeat", "{}", REJECT_UUID},
    {"infoscreen/" A "0/heartbeat", "{}", REJECT_UUID},
    {"infoscreen/" A, "{}", REJECT_TOPIC},
    {TOP "heartbeats", "{}", REJECT_TOPIC},
    {TOP "heartbeat/", "{}", REJECT_TOPIC},
    {TOP "logs", "x", REJECT_TOPIC},
    {TOP "logs/", "x", REJECT_TOPIC},
    {"infoscreen/console/else", "{}", REJECT_TOPIC},
    {"infoscreen/groups/a/b/power/intent", "{}", REJECT_TOPIC},
    {"infoscreen/groups//power/intent", "{}", REJECT_TOPIC},
    {"infoscreen/events/", "{}", REJECT_TOPIC},
    {"infoscreen/eventss/a", "{}", REJECT_UUID},
    {"infoscreen/" UPPER "/heartbeat", "{}", REJECT_NONE},
    {TOP "heartbeat", "", REJECT_EMPTY},
    {TOP "heartbeat", " ", REJECT_NOT_JSON},
    {TOP "heartbeat", "{", REJECT_NOT_JSON},
    {TOP "heartbeat", "{} {}", REJECT_NOT_JSON},
    {TOP "heartbeat", "{\"process_pid\":NaN}", REJECT_NOT_JSON},
    {TOP "heartbeat", "{\"hostname\":\"\\ud800\"}", REJECT_NOT_JSON},
    {TOP "heartbeat", "[]", REJECT_NOT_OBJECT},
    {TOP "heartbeat", "42", REJECT_NOT_OBJECT},
    {TOP "heartbeat", "{\"hostname\":\"\xff\"}", REJECT_NOT_UTF8},
    {TOP "heartbeat", "{\"hostname\":\"\xc0\xaf\"}", REJECT_NOT_UTF8},
    {TOP "heartbeat", "{\"hostname\":\"\xed\xa0\x80\"}", REJECT_NOT_UTF8},
    {TOP "heartbeat", "{\"client_uuid\":\"" OTHER "\"}", REJECT_FOREIGN_UUID},
    {TOP "heartbeat", "{\"uuid\":\"" OTHER "\"}", REJECT_FOREIGN_UUID},
    {TOP "heartbeat", "{\"uuid\":\"lobby-3\"}", REJECT_FOREIGN_UUID},
    {TOP "heartbeat", "{\"uuid\":\"" UPPER "\"}", REJECT_NONE},
    {TOP "heartbeat", "{\"uuid\":7}", REJECT_NONE},
    {TOP "heartbeat", "{\"UUID\":\"" OTHER "\"}", REJECT_NONE},
    {TOP "logs/info", "", REJECT_EMPTY},
    {TOP "logs/info", "{\"uuid\":\"" OTHER "\",\"message\":\"x\"}", REJECT_FOREIGN_UUID},
    {TOP "service_failed", "gave up", REJECT_NOT_JSON},
    {TOP "service_failed", "[1]", REJECT_NOT_OBJECT},
    {TOP "service_failed", "{\"client_uuid\":\"" OTHER "\"}", REJECT_FOREIGN_UUID},
    {TOP "commands/ack", "", REJECT_EMPTY},
    {TOP "commands/ack", "{\"status\":\"accepted\"}", REJECT_FIELD},
    {TOP "commands/ack", "{\"command_id\":\"x\",\"status\":\"accepted\"}", REJECT_FIELD},
    {TOP "commands/ack", "{\"command_id\":\"" OTHER "\",\"status\":\"done\"}", REJECT_STATUS},
    {TOP "commands/ack", "{\"command_id\":\"" OTHER "\",\"status\":3}", REJECT_STATUS},
    {TOP "commands/ack", "{\"command_id\":\"" OTHER "\",\"status\":\"queued\"}", REJECT_STATUS},
    {TOP "commands", "", REJECT_EMPTY},
    {TOP "command", "{\"action\":\"reboot_host\"}", REJECT_FIELD},
    {TOP "commands", "{\"command_id\":\"" OTHER "\"}", REJECT_FIELD},
    {TOP "group_id", "{\"group\":\"a\"}", REJECT_FIELD},
    {TOP "group_id", "{\"group_id\":[]}", REJECT_FIELD},
    {TOP "group_id", "[\"a\"]", REJECT_NOT_OBJECT},
    {TOP "group_id", "\"a", REJECT_NOT_JSON},
    {"infoscreen/groups/g/power/intent", "on", REJECT_NOT_JSON},
    {SHARED, "{\"alarm_id\":\"client_silent-0123456789abcdef\",\"raised_at\":\"x\"}",
     REJECT_ALARM_ID},
    {SHARED, "{\"raised_at\":\"x\"}", REJECT_ALARM_ID},
    {SHARED, "{\"alarm_id\":\"" ALARM "\"}", REJECT_FIELD},
    {SHARED, "{\"alarm_id\":\"" ALARM "\",\"raised_at\":5}", REJECT_FIELD},
    {"infoscreen/console/ack/x", "", REJECT_ALARM_ID},
    {"infoscreen/console/ack/service_failed-0123456789ABCDEF", "", REJECT_ALARM_ID},
    {"infoscreen/console/ack/a-b-0123456789abcdef", "", REJECT_ALARM_ID},
    {"infoscreen/console/presence/k", "x", REJECT_NOT_JSON},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        const enum reject got = feed(verdicts[i].topic, verdicts[i].payload);
        if (got != verdicts[i].want)
            fail_msg("%s %s: got %d, want %d", verdicts[i].topic, verdicts[i].payload, (int)got,
                     (int)verdicts[i].want);
    }
    for (size_t i = 0; i < REJECTS; i++)
        assert_true(reject_reasons[i] && reject_reasons[i][0]);
}

static void test_stored_copies(void **state)
{
    static const char *const live_only[] = {"heartbeat", "health", "logs/info", "commands/ack",
                                            "command/ack"};
    char topic[128];
    (void)state;

    for (size_t i = 0; i < sizeof(live_only) / sizeof(live_only[0]); i++) {
        snprintf(topic, sizeof(topic), TOP "%s", live_only[i]);
        const struct wire_message in = {
            .topic = topic, .payload = "{}", .len = 2, .retained = true, .snapshot = true};
        assert_int_equal(decode(&in), REJECT_STORED);
    }
    const char *command = "{\"command_id\":\"" OTHER "\",\"action\":\"reboot_host\"}";
    const struct wire_message in = {.topic = TOP "commands",
                                    .payload = command,
                                    .len = strlen(command),
                                    .retained = true,
                                    .snapshot = true};
    assert_int_equal(decode(&in), REJECT_NONE);
    assert_true(msg.snapshot);
}

static void test_size(void **state)
{
    struct wire_message in = {.topic = TOP "logs/info", .len = PAYLOAD_MAX};
    char *big = malloc(PAYLOAD_MAX + 1);
    (void)state;

    assert_non_null(big);
    memset(big, 'x', PAYLOAD_MAX + 1);
    in.payload = big;
    assert_int_equal(decode(&in), REJECT_NONE);
    in.len++;
    assert_int_equal(decode(&in), REJECT_OVERSIZE);
    in.len = 3;
    in.oversize = true;
    assert_int_equal(decode(&in), REJECT_OVERSIZE);
    free(big);
}

static enum reject feed_nested(const char *topic, const char *open, size_t depth, const char *close)
{
    static char text[PAYLOAD_MAX];
    size_t n = 0;

    for (size_t i = 0; i < depth; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", open);
    for (size_t i = 0; i < depth; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", close);
    return feed(topic, text);
}

static void test_depth(void **state)
{
    char wide[8192] = "{\"x\":[";
    size_t n = strlen(wide);
    (void)state;

    assert_int_equal(feed_nested(TOP "heartbeat", "[", 64, "]"), REJECT_NOT_OBJECT);
    assert_int_equal(feed_nested(TOP "heartbeat", "[", 65, "]"), REJECT_TOO_DEEP);
    assert_int_equal(feed_nested(TOP "heartbeat", "[", 10000, "]"), REJECT_TOO_DEEP);
    assert_int_equal(feed_nested(TOP "heartbeat", "{\"a\":", 10000, ""), REJECT_TOO_DEEP);
    assert_int_equal(feed_nested(TOP "logs/info", "{\"a\":", 10000, ""), REJECT_TOO_DEEP);
    /* many brackets, but beside each other or inside a string: not deep */
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(wide + n, sizeof(wide) - n, "[],");
    snprintf(wide + n, sizeof(wide) - n, "\"[[[[[[\\\"[[[[\"],\"hostname\":\"h\"}");
    accept(TOP "heartbeat", wide);
    assert_string_equal(msg.u.beat.hostname.clean, "h");
}

static void test_arena_is_bounded(void **state)
{
    static char text[PAYLOAD_MAX] = "{\"x\":[0";
    size_t n = strlen(text);
    (void)state;

    while (n + 8 < sizeof(text))
        n += (size_t)snprintf(text + n, sizeof(text) - n, ",0");
    snprintf(text + n, sizeof(text) - n, "]}");
    assert_int_equal(feed(TOP "heartbeat", text), REJECT_TOO_DEEP);
    accept(TOP "heartbeat", "{\"hostname\":\"after\"}"); /* and the next one is none the worse */
    assert_string_equal(msg.u.beat.hostname.clean, "after");
}

/* ---- heartbeat and health ---- */

static void test_heartbeat(void **state)
{
    (void)state;
    accept("infoscreen/" UPPER "/heartbeat",
           "{\"timestamp\":\"2026-04-05T08:00:00Z\",\"process_status\":\"crashed\","
           "\"hostname\":\"lobby\\u001b[2J\",\"ip\":\"10.0.0.1\",\"version\":\"1.2\","
           "\"current_process\":\"display_manager\",\"process_pid\":12,\"current_event_id\":42,"
           "\"extra\":{\"hostname\":\"no\"}}");
    assert_int_equal(msg.kind, MSG_HEARTBEAT);
    assert_string_equal(msg.spelling, UPPER);
    assert_int_equal(msg.flags, 0);
    assert_int_equal(msg.device_at, 1775376000000);
    const struct msg_heartbeat *b = &msg.u.beat;
    assert_true(b->have_status && b->have_hostname && b->have_ip && b->have_version &&
                b->have_process && b->have_pid && b->have_event);
    assert_false(b->have_expected || b->have_reachable || b->have_reconnects || b->have_disconnect);
    assert_string_equal(b->process_status.clean, "crashed");
    assert_string_equal(b->hostname.clean, "lobby\xef\xbf\xbd[2J");
    assert_string_equal(b->process.clean, "display_manager");
    assert_int_equal(b->pid, 12);
    assert_int_equal(b->current_event_id, 42);
}

static void test_health(void **state)
{
    (void)state;
    accept(
        TOP "health",
        "{\"timestamp\":\"2026-04-05T08:00:00.000000+00:00\",\"expected_state\":{\"event_id\":42},"
        "\"actual_state\":{\"process\":\"display_manager\",\"pid\":1234,\"status\":\"running\"},"
        "\"broker_connection\":{\"broker_reachable\":true,\"reconnect_count\":2,"
        "\"last_disconnect_at\":\"2026-04-04T10:30:00Z\"}}");
    const struct msg_heartbeat *b = &msg.u.beat;
    assert_int_equal(msg.kind, MSG_HEALTH);
    assert_int_equal(msg.flags, 0);
    assert_true(b->have_expected && b->have_process && b->have_pid && b->have_status &&
                b->have_reachable && b->have_reconnects && b->have_disconnect);
    assert_int_equal(b->expected_event_id, 42);
    assert_int_equal(b->pid, 1234);
    assert_true(b->broker_reachable);
    assert_int_equal(b->reconnect_count, 2);
    assert_int_equal(b->last_disconnect_at, 1775298600000);
}

static void test_null_is_none(void **state)
{
    (void)state;
    accept(TOP "health",
           "{\"expected_state\":{\"event_id\":null},\"actual_state\":{\"process\":null,"
           "\"pid\":null,\"status\":null},\"broker_connection\":{\"reconnect_count\":"
           "null,\"last_disconnect_at\":null}}");
    const struct msg_heartbeat *b = &msg.u.beat;
    assert_int_equal(msg.flags, 0);
    assert_true(b->have_expected && b->have_process && b->have_pid && b->have_disconnect);
    assert_false(b->have_status || b->have_reconnects);
    assert_int_equal(b->expected_event_id, NUMBER_NONE);
    assert_int_equal(b->pid, NUMBER_NONE);
    assert_int_equal(b->last_disconnect_at, TIME_NONE);
    assert_string_equal(b->process.clean, "");
}

/* One bad field: the others of the message still count. */
static void test_bad_fields(void **state)
{
    static const char *const bad[] = {
        "\"process_pid\":\"12\"",
        "\"process_pid\":-1",
        "\"process_pid\":1.5",
        "\"process_pid\":1e999",
        "\"process_pid\":-1e999",
        "\"process_pid\":9007199254740994",
        "\"process_pid\":{}",
        "\"current_event_id\":true",
        "\"version\":3",
        "\"process_status\":[\"crashed\"]",
        "\"timestamp\":1775376000",
        "\"timestamp\":\"2026-02-30T00:00:00Z\"",
        "\"client_uuid\":null,\"process_pid\":\"\"",
    };
    char payload[256];
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(payload, sizeof(payload), "{%s,\"hostname\":\"h\"}", bad[i]);
        accept(TOP "heartbeat", payload);
        if (!(msg.flags & FIELD_BAD) || msg.u.beat.have_pid || msg.u.beat.have_event ||
            msg.u.beat.have_version || msg.u.beat.have_status || msg.device_at != TIME_NONE)
            fail_msg("taken: %s", bad[i]);
        assert_string_equal(msg.u.beat.hostname.clean, "h");
    }
    accept(TOP "health", "{\"broker_connection\":{\"reconnect_count\":-2,\"broker_reachable\":1}}");
    assert_true(msg.flags & FIELD_BAD);
    assert_false(msg.u.beat.have_reconnects || msg.u.beat.have_reachable);
    accept(TOP "health", "{\"actual_state\":\"running\"}");
    assert_true(msg.flags & FIELD_BAD);
    accept(TOP "heartbeat", "{\"process_pid\":9007199254740992}");
    assert_int_equal(msg.u.beat.pid, 9007199254740992);
}

static void test_names_are_exact(void **state)
{
    (void)state;
    accept(TOP "heartbeat", "{\"Hostname\":\"no\",\"HOSTNAME\":\"no\",\"hostname\":\"first\","
                            "\"hostname\":\"second\"}");
    assert_string_equal(msg.u.beat.hostname.clean, "first");
    accept(TOP "heartbeat", "{\"hostname\":7,\"hostname\":\"second\"}");
    assert_false(msg.u.beat.have_hostname); /* the first was the one, and it was bad */
    accept(TOP "heartbeat", "{\"hostname\":\"a\\u0000b\",\"ip\":\"x\\\\u0000\"}");
    assert_string_equal(msg.u.beat.hostname.clean, "a\xef\xbf\xbd"
                                                   "b");
    assert_string_equal(msg.u.beat.ip.clean, "x\\u0000"); /* an escaped backslash, not a NUL */
    const struct wire_message nul = {
        .topic = TOP "heartbeat", .payload = "{\"a\":\"\0\"}", .len = 9};
    assert_int_equal(decode(&nul), REJECT_NOT_JSON);
}

/* ---- logs ---- */

static void test_logs(void **state)
{
    (void)state;
    accept(TOP "logs/ERROR", "plain \x1b[31mtext\n");
    assert_int_equal(msg.kind, MSG_LOG);
    assert_string_equal(msg.u.log.level.clean, "error");
    assert_string_equal(msg.u.log.message.clean, "plain \xef\xbf\xbd[31mtext ");
    accept(TOP "logs/app/warn", " {\"timestamp\":\"2026-04-05T08:00:00Z\",\"message\":\"m\"}");
    assert_string_equal(msg.u.log.level.clean, "app/warn");
    assert_string_equal(msg.u.log.message.clean, "m");
    assert_int_equal(msg.device_at, 1775376000000);
    accept(TOP "logs/info", "{\"text\":1}");
    assert_string_equal(msg.u.log.message.clean, "{\"text\":1}");
    accept(TOP "logs/info", "{\"message\":1}");
    assert_string_equal(msg.u.log.message.clean, "{\"message\":1}");
    accept(TOP "logs/info", "{not json");
    assert_string_equal(msg.u.log.message.clean, "{not json");
}

/* ---- service_failed ---- */

static void test_service_failed(void **state)
{
    const char *payload =
        "{\"event\":\"service_failed\",\"unit\":\"u\\tv\",\"client_uuid\":\"" UPPER
        "\",\"failed_at\":\"2026-04-05T08:00:00Z\"}";
    char sha[SHA256_HEX];
    (void)state;

    accept(TOP "service_failed", payload);
    assert_int_equal(msg.kind, MSG_SERVICE_FAILED);
    assert_string_equal(msg.u.failed.unit.clean, "u v");
    assert_string_equal(msg.u.failed.failed_at.clean, "2026-04-05T08:00:00Z");
    assert_int_equal(msg.device_at, 1775376000000);
    hash_sha256_hex(payload, strlen(payload), sha);
    assert_string_equal(msg.u.failed.sha, sha);
    assert_ptr_equal(msg.u.failed.payload, payload);
    assert_int_equal(msg.u.failed.len, strlen(payload));
    accept(TOP "service_failed", "{\"failed_at\":12}");
    assert_string_equal(msg.u.failed.failed_at.clean, "");
    assert_true(msg.flags & FIELD_BAD);
    accept(TOP "service_failed", "{\"failed_at\":\"this morning\"}");
    assert_string_equal(msg.u.failed.failed_at.clean, "this morning");
}

static void test_service_cleared(void **state)
{
    struct wire_message in = {.topic = TOP "service_failed", .rap = true, .retained = true};
    (void)state;

    assert_int_equal(decode(&in), REJECT_NONE);
    assert_int_equal(msg.kind, MSG_SERVICE_CLEARED);
    assert_false(msg.doubtful);
    in.retained = false; /* a plain empty message clears nothing */
    assert_int_equal(decode(&in), REJECT_EMPTY);
    in.rap = false; /* MQTT 3.1.1: can't be told */
    assert_int_equal(decode(&in), REJECT_NONE);
    assert_int_equal(msg.kind, MSG_SERVICE_CLEARED);
    assert_true(msg.doubtful);
}

/* ---- commands and their acknowledgements ---- */

static void test_acks(void **state)
{
    static const struct {
        const char *word;
        enum command_status status;
    } rows[] = {
        {"accepted", COMMAND_ACCEPTED},
        {"execution_started", COMMAND_EXECUTION_STARTED},
        {"completed", COMMAND_COMPLETED},
        {"failed", COMMAND_FAILED},
    };
    char payload[256], id[UID_TEXT];
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(payload, sizeof(payload),
                 "{\"command_id\":\"" OTHER "\",\"status\":\"%s\",\"error_code\":null,"
                 "\"error_message\":null}",
                 rows[i].word);
        accept(TOP "commands/ack", payload);
        assert_int_equal(msg.u.ack.status, rows[i].status);
        assert_int_equal(msg.u.ack.topic, ACK_CANONICAL);
        assert_int_equal(msg.flags, 0);
        uid_format(&msg.u.ack.command, id);
        assert_string_equal(id, OTHER);
    }
    accept(TOP "command/ack", "{\"command_id\":\"" OTHER "\",\"status\":\"failed\","
                              "\"error_code\":17,\"error_message\":\"no\\u0007\"}");
    assert_int_equal(msg.u.ack.topic, ACK_ALIAS);
    assert_string_equal(msg.u.ack.error_code.clean, "17");
    assert_string_equal(msg.u.ack.error_message.clean, "no\xef\xbf\xbd");
    accept(TOP "command/ack", "{\"command_id\":\"" OTHER "\",\"status\":\"failed\","
                              "\"error_code\":[],\"error_message\":5}");
    assert_string_equal(msg.u.ack.error_code.clean, "");
    assert_true(msg.flags & FIELD_BAD);
    char long_one[800], trace[500]; /* the end of a traceback is what says it */
    memset(trace, 't', sizeof trace);
    memcpy(trace + sizeof trace - 5, "END!", 5);
    snprintf(long_one, sizeof long_one, "{\"command_id\":\"" OTHER "\",\"status\":\"failed\",\"error_message\":\"%s\"}",
             trace);
    accept(TOP "commands/ack", long_one);
    assert_string_equal(msg.u.ack.error_message.clean, trace);
}

static void test_commands_seen(void **state)
{
    (void)state;
    accept(TOP "commands",
           "{\"schema_version\":\"1.0\",\"command_id\":\"" OTHER "\",\"client_uuid\":\"" A
           "\",\"action\":\"restart_app\",\"issued_at\":\"2026-04-05T08:00:00Z\","
           "\"expires_at\":\"2026-04-05T08:04:00Z\",\"requested_by\":\"anna\","
           "\"reason\":\"frozen\"}");
    const struct command *c = &msg.u.seen.command;
    assert_int_equal(msg.kind, MSG_COMMAND_SEEN);
    assert_false(msg.u.seen.alias);
    assert_true(c->foreign);
    assert_int_equal(c->action, ACTION_RESTART_APP);
    assert_int_equal(c->issued_at, 1775376000000);
    assert_int_equal(c->expires_at, 1775376240000);
    assert_int_equal(c->finished_at, TIME_NONE);
    assert_string_equal(c->requested_by.clean, "anna");
    assert_string_equal(c->reason.clean, "frozen");
    assert_true(uid_equal(&c->client, &msg.client));
    accept(TOP "command", "{\"command_id\":\"" OTHER "\",\"action\":\"dance\",\"issued_at\":1}");
    assert_true(msg.u.seen.alias);
    assert_int_equal(msg.u.seen.command.action, ACTION_OTHER);
    assert_string_equal(msg.u.seen.command.action_text.clean, "dance");
    assert_true(msg.flags & FIELD_BAD);
}

/* ---- groups ---- */

static void test_group_id(void **state)
{
    static const char *const rows[][2] = {
        {"vienna-1", "vienna-1"},
        {" vienna-1\n", "vienna-1"},
        {"\"vienna-1\"", "vienna-1"},
        {"7", "7"},
        {"{\"group_id\":\"vienna-1\"}", "vienna-1"},
        {"{\"group_id\":7}", "7"},
        {"{\"group_id\":null}", ""},
        {"null", ""},
        {"", ""},
        {"\"\"", ""},
        {"a\xe2\x80\xae"
         "b",
         "a\xef\xbf\xbd"
         "b"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        accept(TOP "group_id", rows[i][0]);
        assert_int_equal(msg.kind, MSG_GROUP);
        assert_string_equal(msg.u.group.group.clean, rows[i][1]);
    }
}

static void test_events_and_intents(void **state)
{
    (void)state;
    accept("infoscreen/events/vienna\x1b-1", "[{\"id\": 1}]");
    assert_int_equal(msg.kind, MSG_EVENT);
    assert_string_equal(msg.u.event.group.clean, "vienna\xef\xbf\xbd-1");
    assert_string_equal(msg.u.event.shown.clean, "[{\"id\": 1}]");
    accept(
        "infoscreen/groups/vienna-1/power/intent",
        "{\"desired_state\":\"off\",\"reason\":\"night\",\"expires_at\":\"2026-04-05T08:00:00Z\"}");
    assert_int_equal(msg.kind, MSG_INTENT);
    assert_true(msg.u.intent.known && msg.u.intent.off);
    assert_string_equal(msg.u.intent.group.clean, "vienna-1");
    assert_string_equal(msg.u.intent.reason.clean, "night");
    assert_int_equal(msg.u.intent.expires_at, 1775376000000);
    accept("infoscreen/groups/g/power/intent", "{\"desired_state\":\"on\"}");
    assert_true(msg.u.intent.known && !msg.u.intent.off);
    accept("infoscreen/groups/g/power/intent", "{\"desired_state\":\"maybe\"}");
    assert_false(msg.u.intent.known);
    assert_true(msg.flags & FIELD_BAD);
    accept("infoscreen/groups/g/power/intent", "");
    assert_false(msg.u.intent.known);
}

/* ---- consoles ---- */

static void test_console_ack(void **state)
{
    (void)state;
    accept(SHARED, "{\"alarm_id\":\"" ALARM "\",\"action\":\"acknowledge\",\"by\":\"anna\","
                   "\"at\":\"2026-04-05T08:00:00Z\",\"raised_at\":\"some mark\","
                   "\"acknowledged_by\":\"anna\",\"acknowledged_at\":\"2026-04-05T08:00:00Z\","
                   "\"shelved_until\":null,\"note\":null}");
    assert_int_equal(msg.kind, MSG_CONSOLE_ACK);
    assert_string_equal(msg.u.console_ack.alarm_id, ALARM);
    assert_string_equal(msg.u.console_ack.raised_at.clean, "some mark");
    assert_string_equal(msg.u.console_ack.acknowledged_by.clean, "anna");
    assert_int_equal(msg.u.console_ack.acknowledged_at, 1775376000000);
    assert_int_equal(msg.u.console_ack.shelved_until, TIME_NONE);
    assert_int_equal(msg.flags, 0);
    accept(SHARED, "{\"alarm_id\":\"" ALARM "\",\"action\":\"eat\",\"raised_at\":\"m\"}");
    assert_true(msg.flags & FIELD_BAD);
    accept(SHARED, "");
    assert_int_equal(msg.kind, MSG_CONSOLE_ACK_FORGOTTEN);
    assert_string_equal(msg.u.console_ack.alarm_id, ALARM);
}

static void test_presence_sys_canary(void **state)
{
    (void)state;
    accept("infoscreen/console/presence/ab12", "{\"host\":\"ops\",\"operator\":\"anna\","
                                               "\"role\":\"recorder\",\"recovery\":true,"
                                               "\"since\":\"2026-04-05T08:00:00Z\"}");
    assert_int_equal(msg.kind, MSG_PRESENCE);
    assert_string_equal(msg.u.presence.key.clean, "ab12");
    assert_string_equal(msg.u.presence.operator_name.clean, "anna");
    assert_true(msg.u.presence.recovery);
    accept("infoscreen/console/presence/ab12", "");
    assert_int_equal(msg.kind, MSG_PRESENCE_GONE);
    assert_string_equal(msg.u.presence.key.clean, "ab12");
    accept("$SYS/broker/clients/connected", "12\x07");
    assert_int_equal(msg.kind, MSG_SYS);
    assert_string_equal(msg.u.sys.name.clean, "clients/connected");
    assert_string_equal(msg.u.sys.value.clean, "12\xef\xbf\xbd");
    accept("infoscreen/console/canary/nonce", "x");
    assert_int_equal(msg.kind, MSG_CANARY);
    assert_string_equal(msg.u.sys.name.clean, "nonce");
}

/* What `broker check` publishes is no device's mistake; anything else below its uuid is. */
static void test_probes(void **state)
{
    static const char *const tried[] = {
        "infoscreen/" PROBE "/commands",      "infoscreen/" PROBE "/command",
        "infoscreen/" PROBE "/group_id",      "infoscreen/" PROBE "/service_failed",
        "infoscreen/" PROBE "/commands/ack",  "infoscreen/" PROBE "/heartbeat",
        "infoscreen/" PROBE "/logs/info",     "infoscreen/events/" PROBE,
        "infoscreen/console/ack/" PROBE,      "infoscreen/groups/" PROBE "/power/intent",
        "infoscreen/console/presence/" PROBE, "infoscreen/" PROBE,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
        accept(tried[i], "");
        assert_int_equal(msg.kind, MSG_CANARY);
        assert_int_equal(msg.device_at, TIME_NONE);
    }
    assert_int_equal(feed("infoscreen/" PROBE "/heartbeat", "x"), REJECT_NOT_JSON);
    assert_int_equal(feed("infoscreen/" PROBE, "{}"), REJECT_TOPIC);
    assert_int_equal(feed("infoscreen/console/ack/" PROBE, "{}"), REJECT_ALARM_ID);
    assert_int_equal(feed("infoscreen/console/ack/" A, ""), REJECT_ALARM_ID);
    assert_int_equal(feed(TOP "commands", ""), REJECT_EMPTY);
    struct wire_message in = {
        .topic = "infoscreen/" PROBE "/heartbeat", .payload = "", .retained = true};
    assert_int_equal(decode(&in), REJECT_EMPTY); /* no console stores one */
    in.retained = false;
    in.oversize = true;
    assert_int_equal(decode(&in), REJECT_OVERSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_stored_copies),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_arena_is_bounded),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_null_is_none),
        cmocka_unit_test(test_bad_fields),
        cmocka_unit_test(test_names_are_exact),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_service_failed),
        cmocka_unit_test(test_service_cleared),
        cmocka_unit_test(test_acks),
        cmocka_unit_test(test_commands_seen),
        cmocka_unit_test(test_group_id),
        cmocka_unit_test(test_events_and_intents),
        cmocka_unit_test(test_console_ack),
        cmocka_unit_test(test_presence_sys_canary),
        cmocka_unit_test(test_probes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
