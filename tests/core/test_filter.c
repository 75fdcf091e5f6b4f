/* The filter language and the order of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/filter.h"

#define SET(owned, s) TEXT_SET(&(owned), (s), strlen(s))
#define CLIENT        "9b8d1856-ff34-4864-a726-12de072d0f77"

static struct client make_client(const char *uuid, const char *name, const char *group)
{
    struct client c = {
        .state = CLIENT_ONLINE,
        .pid = NUMBER_NONE,
        .current_event_id = NUMBER_NONE,
        .expected_event_id = NUMBER_NONE,
        .reconnect_count = NUMBER_NONE,
        .first_seen_at = TIME_NONE,
        .last_heartbeat_at = TIME_NONE,
        .last_health_at = TIME_NONE,
        .last_disconnect_at = TIME_NONE,
        .state_since_at = TIME_NONE,
    };

    assert_true(uid_parse(uuid, strlen(uuid), &c.id));
    memcpy(c.spelling, uuid, UID_TEXT);
    SET(c.hostname, name);
    SET(c.group, group);
    return c;
}

/* ---- lines of the history and of the logs ---- */

static const struct {
    const char *expression;
    bool event, log;
} lines[] = {
    {"", true, true},
    {"lobby", true, true},
    {"group:vienna !name:kitchen", true, true},
    {"kind:alarm_raised", true, false},
    {"kind:alarm", true, false},
    {"kind:process_crashed", true, false}, /* what it is about */
    {"kind:client_silent", false, false},
    {"kind:note", false, false},
    {"!kind:note", true, true},
    {"by:anna", true, false},
    {"level:err", false, true},
    {"level:warn", false, false},
    {"display", true, true},
    {"uuid:9b8d", true, true},
    {"state:crashed", true, true}, /* the client's */
    {"action:reboot", false, false},
};

static void test_lines(void **state)
{
    struct client c = make_client(CLIENT, "lobby-03", "vienna-1");
    struct history_event ev = {.kind = EVENT_ALARM_RAISED,
                               .client = c.id,
                               .alarm_id = "process_crashed-0123456789abcdef",
                               .by = {"anna"},
                               .summary = {.id = "{1} crashed", .arg = {{"display_manager"}}}};
    const struct log_line l = {.client = c.id, .level = {"error"}, .message = {"display lost"}};

    (void)state;
    c.state = CLIENT_CRASHED;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct err e = {0};
        struct filter *f = filter_new(lines[i].expression, &e);
        if (!f)
            fail_msg("%s", e.text);
        if (filter_event(f, &ev, &c) != lines[i].event || filter_log(f, &l, &c) != lines[i].log)
            fail_msg("\"%s\": not as expected", lines[i].expression);
        filter_free(f);
    }
}

/* ---- matching ---- */

static const struct {
    const char *expression;
    bool client, alarm, command;
} matches[] = {
    {"", true, true, true},
    {"  ", true, true, true},
    {"LOBBY", true, true, true},
    {"lobby vienna", true, true, true},
    {"lobby graz", false, false, false},
    {"!lobby", false, false, false},
    {"!graz", true, true, true},
    {"\xc3\x84st", true, false, false}, /* in the version: not shown with alarms */
    {"\xc3\xa4"
     "ST",
     true, false, false},
    {"state:crashed", true, true, true}, /* no state of alarms or commands: the client's */
    {"state:CRASH", true, true, true},
    {"state:online", false, false, false},
    {"!state:online", true, true, true},
    {"state:acknowledged", false, true, false},
    {"state:unacknowledged", false, false, false},
    {"state:failed", false, false, true},
    {"state:", true, true, true},
    {"group:vienna", true, true, true},
    {"group:\"vienna 1\"", true, true, true},
    {"\"y 03\"", true, true, true},
    {"group:graz", false, false, false},
    {"uuid:9B8D", true, true, true},
    {"uuid:8d18", false, false, false},
    {"name:lobby", true, true, true},
    {"name:vienna", false, false, false},
    {"kind:process_crashed", true, false, false},
    {"kind:client_silent", false, true, false},
    {"action:reboot", false, false, true},
    {"by:anna", false, true, false},
    {"by:berta", false, false, true},
    {"10:30", false, false, false}, /* text, no key */
    {"fe80::1", true, false, false},
    {"\"foo:bar\"", false, false, false},
};

static void test_matches(void **state)
{
    struct client c = make_client(CLIENT, "Lobby 03", "vienna 1");
    struct alarm a = {
        .kind = ALARM_CLIENT_SILENT, .state = ALARM_ACKNOWLEDGED, .client = c.id, .group = c.group};
    struct command cmd = {.action = ACTION_REBOOT_HOST, .status = COMMAND_FAILED, .client = c.id};
    struct err e;
    (void)state;

    c.state = CLIENT_CRASHED;
    c.crashed = true;
    SET(c.version, "\xc3\xa4st");
    SET(c.ip, "fe80::1");
    SET(a.acknowledged_by, "anna");
    SET(cmd.requested_by, "berta");
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        struct filter *f = filter_new(matches[i].expression, &e);
        if (!f)
            fail_msg("%s: %s", matches[i].expression, e.text);
        if (filter_client(f, &c) != matches[i].client ||
            filter_alarm(f, &a, &c) != matches[i].alarm ||
            filter_command(f, &cmd, &c) != matches[i].command)
            fail_msg("%s: client %d alarm %d command %d", matches[i].expression,
                     filter_client(f, &c), filter_alarm(f, &a, &c), filter_command(f, &cmd, &c));
        filter_free(f);
    }
    struct filter *f = filter_new("lobby", &e); /* without its client */
    assert_false(filter_alarm(f, &a, NULL));
    filter_free(f);
}

static void test_errors(void **state)
{
    static const char *const rows[][3] = {
        {"foo:bar", "\"foo:\"", "uuid: name: group: state: kind:"},
        {"lobby !foo:", "\"foo:\"", "uuid:"},
        {"state:broken", "\"broken\"", "unknown online silent crashed service_failed"},
        {"!state:broken", "\"broken\"", "execution_started"},
        {"kind:meteor", "\"meteor\"", "process_crashed"},
        {"fo\x1bo:bar", NULL, NULL},
    };
    struct err e;
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&e, 0, sizeof(e));
        struct filter *f = filter_new(rows[i][0], &e);
        if (!rows[i][1]) {
            assert_non_null(f); /* a key has letters only: this is text */
            filter_free(f);
            continue;
        }
        assert_null(f);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, rows[i][1]) || !strstr(e.text, rows[i][2]))
            fail_msg("%s: %s", rows[i][0], e.text);
    }
}

/* ---- order ---- */

#define ROWS 6
static struct core *core;
static uint32_t order[4096];

static int setup(void **state)
{
    static const char *const names[ROWS] = {"lobby-10", "Lobby-9", "hall-2",
                                            "",         "hall-2",  "lobby-9"};
    static const char *const groups[ROWS] = {"b", "", "a-10", "a-9", "b", "a-9"};
    static const enum client_state states[ROWS] = {CLIENT_ONLINE,         CLIENT_SILENT,
                                                   CLIENT_SERVICE_FAILED, CLIENT_ONLINE,
                                                   CLIENT_CRASHED,        CLIENT_ONLINE};
    static const int64_t counts[ROWS] = {3, NUMBER_NONE, 0, 12, 3, -1};
    struct config config;
    char uuid[UID_TEXT];
    (void)state;

    config_init(&config);
    core = core_new(&config, "ops");
    for (unsigned i = 0; core && i < ROWS; i++) {
        snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-000000000000", 9 - i);
        struct client c = make_client(uuid, names[i], groups[i]);
        c.state = states[i];
        c.failed =
            states[i] == CLIENT_SERVICE_FAILED; /* as the state says, for a core that derives it */
        c.crashed = states[i] == CLIENT_CRASHED;
        c.silent = states[i] == CLIENT_SILENT;
        c.reconnect_count = c.last_disconnect_at = counts[i];
        c.last_heartbeat_at = counts[i] == NUMBER_NONE ? TIME_NONE : counts[i] + 1000;
        c.expected_event_id = counts[i];
        if (!core_restore_client(core, &c))
            return -1;
    }
    return core ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    core_free(core);
    return 0;
}

/* hall-2 twice (rows 4, 2: by uuid), lobby-9 twice (5, 1), then row 3, which is its uuid:
 * "00000006". */
static const struct {
    enum client_sort sort;
    bool descending;
    uint32_t want[ROWS];
} orders[] = {
    {SORT_NAME, false, {3, 4, 2, 5, 1, 0}},       {SORT_NAME, true, {0, 5, 1, 4, 2, 3}},
    {SORT_UUID, false, {5, 4, 3, 2, 1, 0}},       {SORT_UUID, true, {0, 1, 2, 3, 4, 5}},
    {SORT_STATE, true, {2, 4, 1, 3, 5, 0}},       {SORT_STATE, false, {3, 5, 0, 1, 4, 2}},
    {SORT_GROUP, false, {3, 5, 2, 4, 0, 1}},      {SORT_GROUP, true, {4, 0, 2, 3, 5, 1}},
    {SORT_RECONNECTS, false, {5, 2, 4, 0, 3, 1}}, {SORT_RECONNECTS, true, {3, 4, 0, 2, 5, 1}},
    {SORT_DISCONNECT, false, {5, 2, 4, 0, 3, 1}}, {SORT_EVENT, true, {3, 4, 0, 2, 5, 1}},
    {SORT_BEAT, false, {3, 4, 0, 2, 5, 1}},       {SORT_BEAT, true, {5, 2, 4, 0, 3, 1}},
    {SORT_PROCESS, false, {3, 4, 2, 5, 1, 0}},
};

static void test_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        assert_int_equal(query_clients(core, NULL, orders[i].sort, orders[i].descending, order),
                         ROWS);
        for (unsigned k = 0; k < ROWS; k++) {
            if (order[k] != orders[i].want[k])
                fail_msg("sort %d %s: row %u is %u, want %u", (int)orders[i].sort,
                         orders[i].descending ? "down" : "up", k, order[k], orders[i].want[k]);
        }
    }
}

static void test_filtered(void **state)
{
    struct err e;
    struct filter *f = filter_new("lobby", &e);
    (void)state;

    assert_non_null(f);
    assert_int_equal(query_clients(core, f, SORT_NAME, false, order), 3);
    assert_int_equal(order[0], 5);
    assert_int_equal(order[2], 0);
    filter_free(f);
    f = filter_new("nobody", &e);
    assert_int_equal(query_clients(core, f, SORT_NAME, false, order), 0);
    filter_free(f);
}

static void check_names(const struct core *many, bool descending)
{
    const uint32_t n = query_clients(many, NULL, SORT_NAME, descending, order);

    assert_int_equal(n, core_client_count(many));
    for (uint32_t i = 1; i < n; i++) {
        const struct client *a = core_client(many, order[i - 1]), *b = core_client(many, order[i]);
        const int up = text_compare(TEXT(a->hostname), TEXT(b->hostname));
        const int cmp = descending ? -up : up;
        if (cmp > 0 || (cmp == 0 && memcmp(&a->id, &b->id, sizeof(a->id)) >= 0))
            fail_msg("%s before %s", a->hostname.clean, b->hostname.clean);
    }
}

/* Many rows whose names agree in more than the sort's numbers hold: the order is text_compare's. */
static void test_many_names(void **state)
{
    struct config config;
    char uuid[UID_TEXT], name[64];
    (void)state;

    config_init(&config);
    struct core *many = core_new(&config, "ops");
    assert_non_null(many);
    srand(7);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(uuid, sizeof(uuid), "%08x-0000-4000-8000-000000000000", i + 1);
        snprintf(name, sizeof(name), "%s-%s-%u",
                 rand() % 2 ? "foyer" : "Infoscreen-\xc3\x96st-gallery",
                 rand() % 2 ? "a0012345678901" : "b", (unsigned)rand() % 1500);
        const struct client c = make_client(uuid, name, "g");
        assert_true(core_restore_client(many, &c));
    }
    check_names(many, false);
    check_names(many, true);
    core_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),    cmocka_unit_test(test_errors),
        cmocka_unit_test(test_orders),     cmocka_unit_test(test_filtered),
        cmocka_unit_test(test_many_names), cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
