/* Panels as text and roles against the files in golden/. `make golden` draws these files anew; what
 * changed is then for a person to look at in git diff. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "fleet.h"

#define GOLDEN "tests/ui/golden"

/* The rows as text, then per row the runs of roles: what colour would have to say. */
static void dump(const struct fleet *f, struct buf *out)
{
    buf_puts(out, fleet_text(f));
    buf_puts(out, "----\n");
    for (int y = 0; y < f->cells.rows; y++) {
        const struct cell *row = &f->cells.cell[y * f->cells.cols];
        buf_printf(out, "%2d", y);
        for (int x = 0; x < f->cells.cols;) {
            int end = x;
            bool blank = true;
            for (; end < f->cells.cols && row[end].role == row[x].role; end++)
                blank = blank && strcmp(row[end].text, " ") == 0;
            if (!blank || row[x].role != ROLE_SCREEN_TEXT)
                buf_printf(out, " %d[%s]%d", x, role_name((enum role)row[x].role), end - x);
            x = end;
        }
        buf_putc(out, '\n');
    }
}

static void compare(const struct fleet *f, const char *name)
{
    struct buf now = BUF_INIT, then = BUF_INIT;
    char path[160], chunk[4096];
    size_t n;

    dump(f, &now);
    snprintf(path, sizeof path, GOLDEN "/%s.txt", name);
    if (getenv("GOLDEN_UPDATE")) {
        mkdir(GOLDEN, 0755);
        FILE *to = fopen(path, "w");
        assert_non_null(to);
        fputs(buf_str(&now), to);
        fclose(to);
    }
    FILE *from = fopen(path, "r");
    if (!from)
        fail_msg("%s is missing: make golden", path);
    while ((n = fread(chunk, 1, sizeof chunk, from)) > 0)
        buf_append(&then, chunk, n);
    fclose(from);
    if (strcmp(buf_str(&then), buf_str(&now)) != 0)
        fail_msg("%s differs; now it is:\n%s", path, buf_str(&now));
    buf_fini(&now);
    buf_fini(&then);
}

static const struct {
    int rows, cols;
} sizes[] = {{60, 200}, {36, 120}, {24, 80}, {10, 40}, {5, 20}, {1, 1}};

static void overview(bool utf8, const char *suffix)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fleet f;
        char name[64];

        fleet_open(&f, 60, sizes[i].rows, sizes[i].cols, utf8);
        fleet_trouble(&f);
        fleet_draw(&f);
        snprintf(name, sizeof name, "overview-%dx%d%s", sizes[i].cols, sizes[i].rows, suffix);
        compare(&f, name);
        fleet_close(&f);
    }
}

static void test_overview(void **state)
{
    (void)state;
    overview(true, "");
}

static void test_overview_in_ascii(void **state)
{
    (void)state;
    overview(false, "-ascii");
}

static void test_calm_fleet_has_no_alert_panel(void **state)
{
    struct fleet f;

    (void)state;
    fleet_open(&f, 12, 36, 120, true);
    fleet_draw(&f);
    assert_null(strstr(fleet_text(&f), "ALARMS"));
    compare(&f, "calm-120x36");
    fleet_close(&f);
}

static void test_no_broker(void **state)
{
    struct fleet f;

    (void)state;
    fleet_open(&f, 12, 24, 80, true);
    fleet_trouble(&f);
    fleet_step(&f, IN_LINK_DOWN);
    f.link.phase = LINK_WAITING;
    f.link.next_try_mono = FLEET_NOW_MONO + 8000;
    fleet_draw(&f);
    assert_non_null(
        strstr(fleet_text(&f), "NO BROKER since 14:03:27 — connection refused, next try in 10 s"));
    compare(&f, "no-broker-80x24");
    fleet_close(&f);
}

/* The sentence gives way to the width, its end does not. */
static void test_all_silent(void **state)
{
    static const struct {
        int rows, cols;
        const char *sentence;
    } screens[] = {
        {36, 120, "ALL 1284 CLIENTS SILENT since 14:01:08 — the broker or its network, not the devices"},
        {24, 80, "ALL 1284 CLIENTS SILENT since 14:01:08 — broker or network, not devices"},
        {10, 40, "ALL 1284 SILENT since 14:01:08"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof screens / sizeof *screens; i++) {
        struct fleet f;
        char name[64];
        fleet_open(&f, 1284, screens[i].rows, screens[i].cols, true);
        fleet_wide(&f, ALARM_BROKER_OUTAGE, "fleet", 139000);
        fleet_draw(&f);
        assert_non_null(strstr(fleet_text(&f), screens[i].sentence));
        assert_int_equal(fleet_role(&f, "ALL 1284"), ROLE_BANNER_WIDE);
        if (screens[i].cols >= 60) /* what the list still calls online was so then */
            assert_non_null(strstr(fleet_text(&f), "● 1284 online   as of 14:01:08"));
        snprintf(name, sizeof name, "all-silent-%dx%d", screens[i].cols, screens[i].rows);
        compare(&f, name);
        fleet_close(&f);
    }
}

static void test_groups_silent(void **state)
{
    struct fleet f;

    (void)state;
    fleet_open(&f, 70, 24, 80, true);
    fleet_wide(&f, ALARM_GROUP_OUTAGE, "floor-2", 139000);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "GROUP floor-2: 10 of 10 silent since 14:01:08"));
    fleet_wide(&f, ALARM_GROUP_OUTAGE, "floor-3", 149000);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "since 14:01:08 — and 1 more group"));
    assert_int_equal(fleet_role(&f, "GROUP floor-2"), ROLE_BANNER_WIDE);
    compare(&f, "groups-silent-80x24");
    fleet_close(&f);
}

static void test_a_long_reason_gives_way(void **state)
{
    struct fleet f;
    struct effects out = {0};
    struct core_event down = {.kind = IN_LINK_DOWN};

    (void)state;
    fleet_open(&f, 12, 24, 80, true);
    down.now = f.model.now;
    down.u.down.why = (struct words){
        .id = "the certificate of ops-broker.example.org is not valid before next Tuesday: set the "
              "clock of this computer, or ask for another one, and so on"};
    core_step(f.core, &down, &out);
    effects_fini(&out);
    f.link.phase = LINK_WAITING;
    f.link.next_try_mono = FLEET_NOW_MONO + 8000;
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "…, next try in 10 s"));
    assert_non_null(strstr(fleet_text(&f), "as of then"));
    fleet_type(&f, "3", NULL); /* the alarm's detail has it to the end */
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "and so on"));
    fleet_close(&f);
}

/* Silent, and rightly so: said in words beside the sign, and not coloured as a fault. */
static void test_expected_silence(void **state)
{
    struct fleet f;

    (void)state;
    fleet_open(&f, 3, 36, 120, true);
    fleet_client(&f, 3, "Lift Nord", "graz", "silent");
    fleet_client(&f, 4, "hall-9", "vienna", "silent");
    fleet_message(&f, "infoscreen/groups/graz/power/intent",
                  "{\"desired_state\":\"off\",\"reason\":\"night\"}");
    fleet_message(&f, "infoscreen/events/graz", "{\"event_id\":4711}");
    fleet_type(&f, "2", NULL);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "off by intent"));
    assert_int_equal(fleet_role(&f, "off by intent"), ROLE_STATE_UNKNOWN);
    compare(&f, "off-by-intent-120x36");
    fleet_type(&f, "j\r", NULL);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "off by intent: its group is wanted off"));
    assert_non_null(strstr(fleet_text(&f), "the group is wanted   off — night"));
    assert_non_null(strstr(fleet_text(&f), "the group's event     {\"event_id\":4711}"));
    fleet_close(&f);
}

static void view(const char *keys, const char *name)
{
    struct fleet f;

    fleet_open(&f, 20, 36, 120, true);
    fleet_trouble(&f);
    fleet_message(&f, "infoscreen/9b8d1856-0000-4000-8000-000000000000/logs/error",
                  "{\"timestamp\":\"2026-04-05T14:00:10Z\",\"message\":\"display lost\"}");
    fleet_message(&f, "infoscreen/nonsense/heartbeat", "{}");
    fleet_message(
        &f, "infoscreen/console/presence/aabbccdd",
        "{\"host\":\"vie-2\",\"operator\":\"berta\",\"role\":\"console\",\"recovery\":false,"
        "\"since\":\"2026-04-05T12:00:00Z\"}");
    fleet_draw(&f);
    fleet_type(&f, keys, NULL);
    fleet_draw(&f);
    compare(&f, name);
    fleet_close(&f);
}

static void test_views(void **state)
{
    (void)state;
    view("2", "clients-120x36");
    view("3", "alarms-120x36");
    view("4", "commands-120x36");
    view("6", "history-120x36");
    view("7", "logs-120x36");
    view("8", "broker-120x36");
}

/* A broker that lacks a few things and refuses others, three consoles, and an audit with a fault.
 */
static void trouble_with_the_broker(struct fleet *f)
{
    static struct rate_past past = {.known = 40};
    static struct refusals refusals;
    static struct audit_line lines[3];
    static struct audit_status audit = {
        .phase = AUDIT_DONE, .line = lines, .lines = 3, .faults = 1};
    static const char *const sys[][2] = {{"version", "mosquitto version 2.0.11"},
                                         {"uptime", "273600 seconds"},
                                         {"clients/connected", "1284"},
                                         {"clients/total", "1300"},
                                         {"load/messages/received/1min", "74040.00"},
                                         {"load/messages/sent/1min", "148080.00"},
                                         {"publish/messages/dropped", "7"},
                                         {"retained messages/count", "1302"}};
    char topic[80];

    for (unsigned i = 0; i < 40; i++)
        past.messages[RATE_SLOTS - 40 + i] = i < 10 ? 0 : 12000 + 400 * (i * 7 % 10);
    refusals = (struct refusals){.count = 0};
    refusals_note(&refusals, FLEET_NOW_WALL - 60000, REFUSED_SUBSCRIBE,
                  TEXT_OURS("infoscreen/+/logs/#"), 0);
    for (int i = 0; i < 2; i++)
        refusals_note(&refusals, FLEET_NOW_WALL - 5000, REFUSED_PUBLISH,
                      TEXT_OURS("infoscreen/9b8d1856-0000-4000-8000-000000000000/commands"), 0x87);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const text[3][3] = {
            {"broker.anonymous", "refused", "127.0.0.1:1883: lets everyone in without a password"},
            {"broker.wrong_password", "refused", "as expected"},
            {"broker.tls", "TLS 1.2 or later beyond this machine", "no TLS, on this machine only"}};
        lines[i].ok = i > 0;
        TEXT_SET(&lines[i].name, text[i][0], strlen(text[i][0]));
        TEXT_SET(&lines[i].expected, text[i][1], strlen(text[i][1]));
        TEXT_SET(&lines[i].actual, text[i][2], strlen(text[i][2]));
    }
    audit.at = FLEET_NOW_WALL - 120000;
    f->model.past = &past;
    f->model.refusals = &refusals;
    f->model.audit = &audit;
    f->model.account = TEXT_OURS("infoscreen-server");
    f->link.traits = (struct traits){.tested = true};
    f->link.traits.has[TRAIT_MQTT5] = f->link.traits.has[TRAIT_SESSIONS] = KNOWN_NO;
    f->link.protocol = 4;
    TEXT_SET(&f->link.tls_version, "TLSv1.3", 7);
    f->link.tls_expires_at = FLEET_NOW_WALL + INT64_C(86400000) * 12;
    for (size_t i = 0; i < sizeof sys / sizeof *sys; i++) {
        snprintf(topic, sizeof topic, "$SYS/broker/%s", sys[i][0]);
        fleet_message(f, topic, sys[i][1]);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(topic, sizeof topic, "infoscreen/console/presence/aabbccd%d", i);
        fleet_message(f, topic,
                      "{\"host\":\"vie-2\",\"operator\":\"berta\x1b[31m\",\"role\":\"console\","
                      "\"recovery\":false,\"since\":\"2026-04-05T12:00:00Z\"}");
    }
    fleet_message(f, "infoscreen/nonsense/heartbeat", "{}");
}

static void broker_view(int rows, int cols, const char *keys, const char *name)
{
    struct fleet f;

    fleet_open(&f, 20, rows, cols, true);
    trouble_with_the_broker(&f);
    fleet_draw(&f);
    fleet_type(&f, keys, NULL);
    fleet_draw(&f);
    compare(&f, name);
    fleet_close(&f);
}

static void test_broker(void **state)
{
    (void)state;
    broker_view(24, 80, "8", "broker-trouble-80x24");
    broker_view(24, 80, "8\t", "broker-refusals-80x24");
    broker_view(24, 80, "8\t\t", "broker-audit-80x24");
    broker_view(24, 80, "8\t\t\t", "broker-accounts-80x24");
    broker_view(36, 120, "8", "broker-trouble-120x36");
    broker_view(60, 200, "8", "broker-trouble-200x60");
}

/* The screen only asks; whoever runs the loop tries the broker. */
static void test_audit_key(void **state)
{
    struct intents out = {.count = 0};
    struct fleet f;

    (void)state;
    fleet_open(&f, 3, 24, 80, true);
    fleet_type(&f, "c", &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].kind, INTENT_AUDIT);
    assert_int_equal(f.desk.view, VIEW_BROKER);
    assert_int_equal(f.desk.focus, LIST_AUDIT);
    const struct audit_status running = {.phase = AUDIT_RUNNING,
                                         .begun_mono = FLEET_NOW_MONO - 3000};
    f.model.audit = &running;
    fleet_type(&f, "c", &out);
    assert_int_equal(out.count, 1); /* one at a time */
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "trying the broker for 3 s"));
    f.model.audit = NULL;
    f.link.phase = LINK_WAITING;
    fleet_type(&f, "c", &out);
    assert_int_equal(out.count, 1);
    fleet_close(&f);
}

static void test_disk_full(void **state)
{
    struct fleet f;
    (void)state;

    fleet_open(&f, 3, 24, 120, true);
    f.store.phase = STORE_FULL;
    f.store.why.id = "disk full: free space on {1}; nothing is lost, history waits";
    TEXT_SET(&f.store.why.arg[0], "/var/lib/history.db", 19);
    fleet_draw(&f);
    const char *banner = strstr(fleet_text(&f), "disk full: free space on /var/lib/history.db; ");
    assert_non_null(banner);
    assert_null(strstr(strstr(banner, "history waits") + 1, "history waits"));
    f.store.lost = 7;
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "history waits; 7 rows lost"));
    fleet_close(&f);
}

static void test_contested_id(void **state)
{
    struct fleet f;

    (void)state;
    fleet_open(&f, 3, 24, 80, true);
    TEXT_SET(&f.link.contested, "infoscreen-console-vie-1-9b8d", 29);
    fleet_draw(&f);
    assert_non_null(
        strstr(fleet_text(&f), "TWO PROGRAMS USE THE CLIENT ID infoscreen-console-vie-1-9b8d"));
    assert_int_equal(fleet_role(&f, "TWO PROGRAMS"), ROLE_BANNER_WARNING);
    fleet_close(&f);
}

static void test_layers(void **state)
{
    (void)state;
    view("\r", "client-120x36");
    view("?", "help-120x36");
    view("/state:crashed", "filter-120x36");
    view("/state:nonsense", "filter-error-120x36");
    view("A", "acknowledge-all-120x36");
    view("R", "reboot-120x36");
    view("2S", "shut-down-120x36");
    view("2*R", "reboot-many-120x36");
    view(":view-", "command-line-120x36");
}

static void incidents(const char *keys, int rows, int cols, const char *name)
{
    struct fleet f;

    fleet_open(&f, 20, rows, cols, true);
    fleet_trouble(&f);
    fleet_incidents(&f);
    fleet_type(&f, keys, NULL);
    fleet_draw(&f);
    compare(&f, name);
    fleet_close(&f);
}

static void test_incidents(void **state)
{
    (void)state;
    incidents("5j", 36, 120, "incidents-120x36");
    incidents("5j", 24, 80, "incidents-80x24");
    incidents("5j\r", 24, 80, "incident-80x24");
    incidents("5H", 36, 120, "hand-over-120x36");
    incidents("5e", 24, 80, "incident-export-80x24");
}

/* The fleet as it was: marked, and without what is of now. */
static void past(int rows, int cols, const char *name)
{
    struct fleet f;

    fleet_open(&f, 20, rows, cols, true);
    fleet_trouble(&f);
    fleet_type(&f, "t13:00\r", NULL);
    assert_true(f.desk.fleet_at == FLEET_NOW_WALL - 3807 * INT64_C(1000));
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "PAST 13:00:00: reading"));
    f.model.now.wall_ms = f.desk.fleet_at;
    f.model.in_past = true;
    fleet_draw(&f);
    compare(&f, name);
    fleet_close(&f);
}

static void test_past(void **state)
{
    (void)state;
    past(36, 120, "past-120x36");
    past(24, 80, "past-80x24");
}

/* However long the broker's reason is: that the fleet is as of then is never what is cut. */
static void long_reason(int rows, int cols, const char *as_of)
{
    struct effects out = {0};
    struct core_event down = {.kind = IN_LINK_DOWN};
    struct fleet f;

    fleet_open(&f, 12, rows, cols, true);
    down.now = f.model.now;
    down.u.down.why.id = "the certificate of the broker is of an authority that this machine does "
                         "not know: give the console its cafile, or ask whoever runs the broker";
    core_step(f.core, &down, &out);
    effects_fini(&out);
    f.model.now.wall_ms += 2 * 86400000; /* a date is longer than a time of day */
    f.link.phase = LINK_WAITING;
    f.link.next_try_mono = FLEET_NOW_MONO + 8000;
    fleet_draw(&f);
    if (!strstr(fleet_text(&f), as_of))
        fail_msg("%s is not in\n%s", as_of, fleet_text(&f));
    fleet_close(&f);
}

static void test_long_reason(void **state)
{
    (void)state;
    long_reason(24, 80, "as of then\n");
    long_reason(60, 200, "as of then\n");
}

/* German is longer: the keys must still be told in whole words at 80 columns, and the states where
 * there is room. */
static void test_german(void **state)
{
    char catalogs[512];
    struct fleet f;

    (void)state;
    snprintf(catalogs, sizeof catalogs, "%s/locale", getenv("BUILD") ? getenv("BUILD") : "build");
    setenv("LANGUAGE", "de", 1);
    bindtextdomain("infoscreen-tui", catalogs);
    bind_textdomain_codeset("infoscreen-tui", "UTF-8");
    textdomain("infoscreen-tui");
    fleet_open(&f, 20, 24, 80, true);
    fleet_trouble(&f);
    fleet_draw(&f);
    const char *text = fleet_text(&f), *bottom = strstr(text, " a quittieren");
    if (!bottom)
        fail_msg("no German from %s:\n%s", catalogs, text);
    assert_null(strstr(bottom, "…"));
    assert_non_null(strstr(text, "ALARME 3 · 2 unquittiert"));
    fleet_close(&f);
    fleet_open(&f, 20, 60, 200, true);
    fleet_trouble(&f);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "Dienst ausgefallen 9b8d1856"));
    fleet_close(&f);
    fleet_open(&f, 20, 36, 120, true);
    fleet_trouble(&f);
    fleet_type(&f, "8", NULL);
    fleet_draw(&f);
    assert_non_null(strstr(fleet_text(&f), "jetzt   ■ Dienst ausgefallen"));
    fleet_close(&f);
    fleet_open(&f, 3, 50, 80, true);
    fleet_type(&f, "?", NULL);
    fleet_draw(&f);
    text = strstr(fleet_text(&f), "HILFE");
    assert_true(text && !strstr(text, "…"));
    fleet_close(&f);
    long_reason(24, 80, "von damals\n");
    long_reason(60, 200, "von damals\n");
    broker_view(24, 80, "8", "broker-trouble-80x24-de"); /* the rate gives way to the name */
    broker_view(36, 120, "8", "broker-trouble-120x36-de");
    setenv("LANGUAGE", "en", 1);
    textdomain("none");
}

static void test_flood(void **state)
{
    static const int shapes[][2] = {{24, 80}, {36, 120}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fleet f;
        char name[40];

        fleet_open(&f, 20, shapes[i][0], shapes[i][1], true);
        fleet_crashes(&f, 13);
        fleet_draw(&f);
        snprintf(name, sizeof name, "flood-%dx%d", shapes[i][1], shapes[i][0]);
        compare(&f, name);
        fleet_type(&f, "m", NULL);
        fleet_draw(&f);
        snprintf(name, sizeof name, "alarm-load-%dx%d", shapes[i][1], shapes[i][0]);
        compare(&f, name);
        fleet_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_overview_in_ascii),
        cmocka_unit_test(test_calm_fleet_has_no_alert_panel),
        cmocka_unit_test(test_no_broker),
        cmocka_unit_test(test_long_reason),
        cmocka_unit_test(test_all_silent),
        cmocka_unit_test(test_groups_silent),
        cmocka_unit_test(test_a_long_reason_gives_way),
        cmocka_unit_test(test_expected_silence),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_broker),
        cmocka_unit_test(test_audit_key),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_contested_id),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_incidents),
        cmocka_unit_test(test_past),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_german),
    };

    setenv("TZ", "UTC", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
