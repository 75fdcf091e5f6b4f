/* After-images: what goes in comes out, and nothing else gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/image.h"

#define CLIENT        "9b8d1856-ff34-4864-a726-12de072d0f77"
#define SET(owned, s) TEXT_SET(&(owned), (s), strlen(s))

static struct client sample_client(void)
{
    struct client c = {
        .spelling = CLIENT,
        .state = CLIENT_SERVICE_FAILED,
        .pid = 70000,
        .current_event_id = -1,
        .expected_event_id = NUMBER_NONE,
        .reconnect_count = 0,
        .first_seen_at = 1775376000000,
        .last_heartbeat_at = INT64_MAX,
        .last_health_at = TIME_NONE,
        .last_disconnect_at = -128,
        .state_since_at = 127,
        .broker_reachable = TRI_NO,
        .failed = true,
    };

    assert_true(uid_parse(CLIENT, strlen(CLIENT), &c.id));
    SET(c.hostname, "lobby-03");
    SET(c.group, "vienna-1");
    SET(c.failed_unit, "infoscreen-simclient.service");
    SET(c.failed_at, "2026-04-05T08:00:00Z");
    return c;
}

static struct alarm sample_alarm(void)
{
    struct alarm a = {
        .kind = ALARM_CLIENT_SILENT,
        .state = ALARM_RETURNED,
        .priority = PRIORITY_HIGH,
        .raised_at = 1775376000000,
        .cleared_at = TIME_NONE,
        .acknowledged_at = TIME_NONE,
        .shelved_until = 1775376000001,
        .occurrences = 3,
        .summary = {.id = "{1} is silent"},
        .active = true,
    };

    SET(a.subject, CLIENT);
    SET(a.summary.arg[0], "lobby-03");
    SET(a.note, "ring the caretaker");
    SET(a.mark, "2026-04-05T08:00:00.000Z");
    alarm_make_id(a.kind, TEXT(a.subject), a.id);
    return a;
}

static struct command sample_command(void)
{
    struct command c = {
        .action = ACTION_RESTART_APP,
        .status = COMMAND_BLOCKED,
        .issued_at = 1,
        .expires_at = 255,
        .published_at = 256,
        .accepted_at = -129,
        .execution_started_at = TIME_NONE,
        .finished_at = TIME_NONE,
        .allowed_at = 65536,
        .late = true,
        .ack_count = 2,
        .acks = {{COMMAND_ACCEPTED, ACK_ALIAS, 17}, {COMMAND_FAILED, ACK_CANONICAL, TIME_NONE}},
    };

    c.id.b[0] = 1;
    c.client.b[15] = 2;
    SET(c.error_message, "no helper");
    return c;
}

/* Field by field where padding may differ. */
static void assert_clients_equal(const struct client *a, const struct client *b)
{
    assert_true(uid_equal(&a->id, &b->id));
    assert_string_equal(a->spelling, b->spelling);
    assert_int_equal(a->state, b->state);
    assert_string_equal(a->hostname.clean, b->hostname.clean);
    assert_string_equal(a->ip.clean, b->ip.clean);
    assert_string_equal(a->group.clean, b->group.clean);
    assert_string_equal(a->failed_unit.clean, b->failed_unit.clean);
    assert_string_equal(a->failed_at.clean, b->failed_at.clean);
    assert_int_equal(a->pid, b->pid);
    assert_int_equal(a->current_event_id, b->current_event_id);
    assert_int_equal(a->expected_event_id, b->expected_event_id);
    assert_int_equal(a->reconnect_count, b->reconnect_count);
    assert_int_equal(a->first_seen_at, b->first_seen_at);
    assert_int_equal(a->last_heartbeat_at, b->last_heartbeat_at);
    assert_int_equal(a->last_health_at, b->last_health_at);
    assert_int_equal(a->last_disconnect_at, b->last_disconnect_at);
    assert_int_equal(a->state_since_at, b->state_since_at);
    assert_int_equal(a->broker_reachable, b->broker_reachable);
    assert_int_equal(a->failed, b->failed);
    assert_int_equal(a->crashed, b->crashed);
}

static void test_round_trip(void **state)
{
    const struct client client = sample_client();
    const struct alarm alarm = sample_alarm();
    const struct command command = sample_command();
    struct buf bytes = BUF_INIT;
    struct image got;
    size_t used;
    (void)state;

    assert_true(image_of_client(&client, &bytes));
    assert_true(bytes.len < 300);
    assert_true(image_read(bytes.data, bytes.len, &got, &used));
    assert_int_equal(used, bytes.len);
    assert_int_equal(got.kind, IMAGE_CLIENT);
    assert_clients_equal(&got.u.client, &client);

    buf_clear(&bytes);
    assert_true(image_of_alarm(&alarm, &bytes));
    assert_true(image_read(bytes.data, bytes.len, &got, &used));
    assert_int_equal(got.kind, IMAGE_ALARM);
    assert_string_equal(got.u.alarm.id, alarm.id);
    assert_int_equal(got.u.alarm.state, alarm.state);
    assert_int_equal(got.u.alarm.priority, alarm.priority);
    assert_int_equal(got.u.alarm.raised_at, alarm.raised_at);
    assert_int_equal(got.u.alarm.cleared_at, TIME_NONE);
    assert_int_equal(got.u.alarm.shelved_until, alarm.shelved_until);
    assert_int_equal(got.u.alarm.occurrences, 3);
    assert_string_equal(got.u.alarm.summary.id, alarm.summary.id);
    assert_string_equal(got.u.alarm.summary.arg[0].clean, "lobby-03");
    assert_string_equal(got.u.alarm.note.clean, alarm.note.clean);
    assert_string_equal(got.u.alarm.mark.clean, alarm.mark.clean);
    assert_true(got.u.alarm.active);

    buf_clear(&bytes);
    assert_true(image_of_command(&command, &bytes));
    assert_true(image_read(bytes.data, bytes.len, &got, &used));
    assert_int_equal(got.kind, IMAGE_COMMAND);
    assert_true(uid_equal(&got.u.command.client, &command.client));
    assert_int_equal(got.u.command.status, COMMAND_BLOCKED);
    assert_int_equal(got.u.command.expires_at, 255);
    assert_int_equal(got.u.command.published_at, 256);
    assert_int_equal(got.u.command.accepted_at, -129);
    assert_int_equal(got.u.command.finished_at, TIME_NONE);
    assert_int_equal(got.u.command.ack_count, 2);
    assert_int_equal(got.u.command.acks[0].topic, ACK_ALIAS);
    assert_int_equal(got.u.command.acks[1].received_at, TIME_NONE);
    assert_true(got.u.command.late);
    buf_fini(&bytes);
}

static void test_truncation(void **state)
{
    const struct command command = sample_command();
    struct buf bytes = BUF_INIT;
    struct image got;
    size_t used;
    (void)state;

    assert_true(image_of_command(&command, &bytes));
    for (size_t n = 0; n < bytes.len; n++)
        assert_false(image_read(bytes.data, n, &got, &used));
    buf_fini(&bytes);
}

/* Appends a field to the one image in bytes and mends its length. */
static void add_field(struct buf *bytes, uint8_t tag, uint8_t size, char fill)
{
    assert_true(buf_putc(bytes, (char)tag) && buf_putc(bytes, (char)size) && buf_putc(bytes, 0));
    for (unsigned i = 0; i < size; i++)
        assert_true(buf_putc(bytes, fill));
    const size_t body = bytes->len - 6;
    bytes->data[2] = (char)(body & 0xff);
    bytes->data[3] = (char)(body >> 8);
}

static void test_versions(void **state)
{
    const struct client client = sample_client();
    struct buf bytes = BUF_INIT;
    struct image got;
    size_t used;
    (void)state;

    assert_true(image_of_client(&client, &bytes));
    add_field(&bytes, 250, 9, 'x'); /* a later tag: skipped */
    assert_true(image_read(bytes.data, bytes.len, &got, &used));
    assert_clients_equal(&got.u.client, &client);
    assert_int_equal(used, bytes.len);
    bytes.data[1] = 2; /* a later version: refused */
    assert_false(image_read(bytes.data, bytes.len, &got, &used));
    bytes.data[1] = 1;
    bytes.data[0] = 'Z';
    assert_false(image_read(bytes.data, bytes.len, &got, &used));
    buf_fini(&bytes);
}

static void test_damage(void **state)
{
    static const struct {
        uint8_t tag, size;
        char fill;
    } bad[] = {
        {3, 1, 99},   /* a state that doesn't exist */
        {3, 0, 0},    /* a number without digits */
        {10, 9, 1},   /* a number too wide */
        {1, 5, 1},    /* a short uuid */
        {2, 40, 'a'}, /* a spelling too long */
        {2, 3, 27},   /* … with escapes in it */
        {19, 1, 5},   /* neither yes, no nor unknown */
        {20, 1, -1},  /* a bool below zero */
    };
    const struct client client = sample_client();
    struct image got;
    size_t used;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf bytes = BUF_INIT;
        assert_true(image_of_client(&client, &bytes));
        add_field(&bytes, bad[i].tag, bad[i].size, bad[i].fill);
        if (image_read(bytes.data, bytes.len, &got, &used))
            fail_msg("row %zu was taken", i);
        buf_fini(&bytes);
    }
    struct buf bytes = BUF_INIT; /* text is cleaned, not refused */
    assert_true(image_of_client(&client, &bytes));
    add_field(&bytes, 4, 3, 27);
    assert_true(image_read(bytes.data, bytes.len, &got, &used));
    assert_null(strchr(got.u.client.hostname.clean, 27));
    buf_fini(&bytes);
}

static void test_apply(void **state)
{
    struct config config;
    struct client client = sample_client();
    const struct alarm alarm = sample_alarm();
    const struct command command = sample_command();
    struct buf bytes = BUF_INIT;
    (void)state;

    config_init(&config);
    struct core *core = core_new(&config, "ops");
    assert_non_null(core);
    assert_true(image_of_client(&client, &bytes) && image_of_alarm(&alarm, &bytes) &&
                image_of_command(&command, &bytes));
    SET(client.hostname, "renamed");
    assert_true(image_of_client(&client, &bytes));
    assert_true(image_apply(core, bytes.data, bytes.len));
    assert_int_equal(core_client_count(core), 1);
    assert_string_equal(core_find_client(core, &client.id)->hostname.clean, "renamed");
    assert_non_null(core_find_alarm(core, alarm.id));
    assert_non_null(core_find_command(core, &command.id));
    assert_false(image_apply(core, bytes.data, bytes.len - 1));
    assert_true(image_apply(core, NULL, 0));
    core_free(core);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_versions),   cmocka_unit_test(test_damage),
        cmocka_unit_test(test_apply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
