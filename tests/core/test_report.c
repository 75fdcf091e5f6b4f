/* The report: what a device may do to it, and what the next shift is told. And what helped a
 * client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/past.h"
#include "core/report.h"

#define T0   INT64_C(1775376000000) /* 2026-04-05T08:00:00Z */
#define EVIL "](http://x)|<b>`*_ #![a] www.x.y & ~~"

static struct history_event events[8];
static struct alarm alarms[2];
static struct log_line logs[1];
static struct incident_report found;
static struct buf out;

static const struct uid lobby = {{1}}, kitchen = {{2}};

static struct text name_of(void *user, const struct uid *client, struct text64 *scratch)
{
    (void)user, (void)scratch;
    return TEXT_OURS(uid_equal(client, &lobby) ? EVIL : "kitchen-1");
}

static struct report report(void)
{
    return (struct report){.found = &found,
                           .since_at = T0 - 3600000,
                           .until_at = TIME_NONE,
                           .now_at = T0 + 3600000,
                           .ack_expires_ms = 43200000,
                           .name = name_of};
}

static void add(int at_s, enum event_kind kind, const struct alarm *a, const char *by)
{
    struct history_event *ev = &events[found.event_count++];

    *ev = (struct history_event){.seq = (int64_t)found.event_count,
                                 .at = T0 + at_s * 1000,
                                 .kind = kind,
                                 .client = a->client,
                                 .summary = a->summary};
    memcpy(ev->alarm_id, a->id, sizeof(ev->alarm_id));
    TEXT_SET(&ev->by, by, strlen(by));
}

static void make_alarm(struct alarm *a, enum alarm_kind kind, const struct uid *client)
{
    *a = (struct alarm){.kind = kind,
                        .state = ALARM_UNACKNOWLEDGED,
                        .priority = PRIORITY_HIGH,
                        .client = *client,
                        .raised_at = T0,
                        .cleared_at = TIME_NONE,
                        .acknowledged_at = TIME_NONE,
                        .shelved_until = TIME_NONE,
                        .active = true,
                        .summary = {.id = "{1} crashed", .arg = {{EVIL}}}};
    uid_format(client, a->subject.clean);
    alarm_make_id(kind, TEXT(a->subject), a->id);
    TEXT_SET(&a->group, EVIL, strlen(EVIL));
}

/* The lobby's alarm, acknowledged after 30 s by berta; a day's worth of hostile words. */
static int begin(void **state)
{
    (void)state;
    found = (struct incident_report){.handed_over_at = TIME_NONE};
    make_alarm(&alarms[0], ALARM_PROCESS_CRASHED, &lobby);
    make_alarm(&alarms[1], ALARM_CLIENT_SILENT, &kitchen);
    alarms[0].state = ALARM_ACKNOWLEDGED;
    alarms[0].acknowledged_at = T0 + 30000;
    TEXT_SET(&alarms[0].acknowledged_by, "berta", 5);
    alarms[1].state = ALARM_SHELVED;
    alarms[1].shelved_until = T0 + 7200000;
    alarms[1].raised_at = T0 + 600000;
    alarms[1].group.clean[0] = '\0';
    add(0, EVENT_ALARM_RAISED, &alarms[0], "");
    add(30, EVENT_ALARM_ACKNOWLEDGED, &alarms[0], "berta");
    add(40, EVENT_NOTE, &alarms[0], EVIL);
    add(600, EVENT_ALARM_RAISED, &alarms[1], "");
    const struct incident_rows rows = {events, found.event_count, alarms, 2, 900000};
    assert_true(incidents_make(&rows, &found.set));
    assert_int_equal(found.set.count, 2);
    found.events = events;
    logs[0] = (struct log_line){
        .at = T0, .client = lobby, .level = {"error"}, .message = {"``` @all " EVIL}};
    found.set.list[0].logs = logs;
    found.set.list[0].log_count = 1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    incidents_fini(&found.set);
    buf_fini(&out);
    out = BUF_INIT;
    return 0;
}

static void expect(const char *words)
{
    if (!strstr(buf_str(&out), words))
        fail_msg("\"%s\" is not in\n%s", words, buf_str(&out));
}

/* Outside code spans every sign that means something has a backslash before it. */
static void expect_no_marks(const char *text)
{
    int cells = 0;

    for (const char *line = text; *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "") {
        const size_t n = strcspn(line, "\n");
        if (memmem(line, n, "@all", 4))
            continue; /* … and so is the fence around a device's own words */
        for (size_t i = 0; i < n; i++) {
            const bool escaped = i > 0 && line[i - 1] == '\\';
            if (strchr("<>[]&~!", line[i]) && !escaped)
                fail_msg("%.*s", (int)n, line);
            cells += line[i] == '|' && !escaped;
        }
        if (*line == '|' && cells != 8)
            fail_msg("%d borders: %.*s", cells, (int)n, line);
        cells = 0;
    }
}

static void test_foreign_text_means_nothing(void **state)
{
    const struct report r = report();

    (void)state;
    assert_true(report_markdown(&r, &out));
    expect_no_marks(buf_str(&out));
    expect("\\](http\\://x)\\|\\<b\\>\\`\\*\\_ \\#\\!\\[a\\] www\\.x.y \\& \\~\\~");
    expect("error ```` ``` @all ](http://x)"); /* the fence is longer than any within */
}

static void test_what_a_report_says(void **state)
{
    const struct report r = report();

    (void)state;
    assert_true(report_markdown(&r, &out));
    expect("# On-call report 2026-04-05 07:00:00 – 2026-04-05 09:00:00\n");
    expect("- acknowledged by berta after 0:30\n");
    expect("- **nobody has acknowledged it**\n");
    expect("- no command was sent\n");
    expect("### Notes\n");
}

static void test_what_the_next_shift_is_told(void **state)
{
    const struct report r = report();
    const struct uid nobody = {{0}};
    struct alarm wide[3] = {alarms[0], alarms[1]};

    (void)state;
    make_alarm(&wide[2], ALARM_GROUP_OUTAGE, &nobody);
    TEXT_SET(&wide[2].subject, "vienna-2", 8);
    found.set.list[0].alarms = wide;
    found.set.list[0].alarm_count = 3;
    found.handed_over_at = T0 + 60000;
    TEXT_SET(&found.handed_over_by, "clara", 5);
    assert_true(report_handover_plain(&r, &out));
    expect("acknowledged: berta, since 2026-04-05 08:00:30");
    expect("shelved: shelved until 2026-04-05 10:00:00");
    expect("GROUP OUTAGE vienna-2, unacknowledged: nobody");
    /* The shelving ends before the acknowledgement grows old. */
    const char *shelving = strstr(buf_str(&out), "10:00:00 the shelving: "),
               *expiry = strstr(buf_str(&out), "20:00:30 the acknowledgement: ");
    assert_true(shelving && expiry && shelving < expiry);
    expect("since 2026-04-05 08:01:00 (handed over by clara)");
    expect("alarms raised: 1\n");
    assert_null(strstr(buf_str(&out), "alarms acknowledged"));
}

static void test_more_expiries_than_are_told(void **state)
{
    static struct alarm many[30];
    struct incident crowd = found.set.list[0];
    const struct report r = report();

    (void)state;
    for (int i = 0; i < 30; i++) {
        many[i] = alarms[1];
        many[i].shelved_until = T0 + (30 - i) * 60000; /* the last comes first */
    }
    crowd.alarms = many;
    crowd.alarm_count = 30;
    crowd.lead = 0;
    found.set.list[0] = crowd;
    assert_true(report_handover_plain(&r, &out));
    const char *list = strstr(buf_str(&out), "Expires next");
    assert_non_null(list);
    assert_non_null(strstr(list, "2026-04-05 08:01:00 the shelving"));
    assert_non_null(strstr(list, "2026-04-05 08:10:00 the shelving"));
    assert_null(strstr(list, "2026-04-05 08:11:00 the shelving"));
}

/* ---- what helped ---- */

static void test_what_helped(void **state)
{
    static const struct {
        enum event_kind kind;
        uint8_t command; /* 1: a reboot, 2: a restart */
    } story[] = {
        {EVENT_ALARM_RAISED, 0},      {EVENT_COMMAND_PUBLISHED, 2}, {EVENT_COMMAND_PUBLISHED, 1},
        {EVENT_ALARM_CLEARED, 0},     /* the last one helped */
        {EVENT_COMMAND_PUBLISHED, 2}, /* to a healthy one: no matter */
        {EVENT_ALARM_RAISED, 0},      {EVENT_ALARM_RETURNED, 0},    {EVENT_ALARM_RAISED, 0},
        {EVENT_COMMAND_PUBLISHED, 2}, {EVENT_ALARM_CLEARED, 0},     {EVENT_ALARM_RAISED, 0},
        {EVENT_COMMAND_PUBLISHED, 2},
    };
    struct command commands[] = {
        {.id = {{1}}, .action = ACTION_REBOOT_HOST, .status = COMMAND_COMPLETED},
        {.id = {{2}}, .action = ACTION_RESTART_APP, .status = COMMAND_FAILED}};
    struct history_event lines[12] = {{0}};
    struct past_client p;

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        lines[i].kind = story[i].kind;
        lines[i].at = T0 + (int64_t)i;
        lines[i].command.b[0] = story[i].command;
        if (!story[i].command)
            memcpy(lines[i].alarm_id, alarms[0].id, sizeof(lines[i].alarm_id));
    }
    past_client_make(lines, 12, commands, 2, &p);
    assert_int_equal(p.raised[ALARM_PROCESS_CRASHED], 4);
    assert_int_equal(p.last_at[ALARM_PROCESS_CRASHED], T0 + 10);
    assert_int_equal(p.by_itself[ALARM_PROCESS_CRASHED], 1);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_REBOOT_HOST].tried, 1);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_REBOOT_HOST].helped, 1);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_RESTART_APP].tried, 3);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_RESTART_APP].helped, 1);
    assert_int_equal(p.raised[ALARM_CLIENT_SILENT], 0);
    commands[0].status = COMMAND_EXECUTION_STARTED; /* out: it is neither a try nor a help */
    past_client_make(lines, 12, commands, 2, &p);
    assert_int_equal(p.by_itself[ALARM_PROCESS_CRASHED], 1);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_REBOOT_HOST].tried, 0);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_REBOOT_HOST].helped, 0);
    assert_int_equal(p.remedy[ALARM_PROCESS_CRASHED][ACTION_RESTART_APP].tried, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_foreign_text_means_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_report_says, begin, end),
        cmocka_unit_test_setup_teardown(test_what_the_next_shift_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_more_expiries_than_are_told, begin, end),
        cmocka_unit_test_setup_teardown(test_what_helped, begin, end),
    };

    setenv("TZ", "UTC", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
