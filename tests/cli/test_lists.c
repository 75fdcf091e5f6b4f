/* What the subcommands print of a real database: shapes of JSON, CSV, tables, choices and exit
 * codes. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <cjson/cJSON.h>

#include "base/i18n.h"
#include "base/ring.h"
#include "rig.h"
#include "store/store.h"

#define WAIT_MS 30000
#define LOBBY   "9b8d1856-ff34-4864-a726-12de072d0f77"
#define KITCHEN "9B8D2222-0000-4000-8000-000000000002"
#define HALL    "41aa03c2-0000-4000-8000-000000000003"

static int64_t now;

/* ---- a small history ---- */

static struct client client_of(const char *uuid, const char *name, const char *group,
                               enum client_state state)
{
    struct client c = {.state = state,
                       .pid = NUMBER_NONE,
                       .current_event_id = NUMBER_NONE,
                       .expected_event_id = NUMBER_NONE,
                       .reconnect_count = NUMBER_NONE,
                       .first_seen_at = now - 3600000,
                       .last_heartbeat_at = now - 4000,
                       .last_health_at = TIME_NONE,
                       .last_disconnect_at = TIME_NONE,
                       .state_since_at = now - 4000,
                       .broker_reachable = TRI_UNKNOWN};
    assert_true(uid_parse(uuid, strlen(uuid), &c.id));
    snprintf(c.spelling, sizeof c.spelling, "%s", uuid);
    TEXT_SET(&c.hostname, name, strlen(name));
    TEXT_SET(&c.group, group, strlen(group));
    return c;
}

static struct alarm alarm_of(const struct client *c, enum alarm_kind kind, enum alarm_state state)
{
    char subject[UID_TEXT];
    struct alarm a = {.kind = kind,
                      .state = state,
                      .priority = PRIORITY_HIGH,
                      .client = c->id,
                      .raised_at = now - 60000,
                      .cleared_at = TIME_NONE,
                      .acknowledged_at = TIME_NONE,
                      .shelved_until = TIME_NONE,
                      .occurrences = 1,
                      .active = true,
                      .summary = {.id = N_("{1} gave up"), .arg = {{"=evil()"}}}};
    uid_format(&c->id, subject);
    TEXT_SET(&a.subject, subject, strlen(subject));
    alarm_make_id(kind, TEXT(a.subject), a.id);
    return a;
}

static struct history_event event_of(const struct client *c, const char *alarm, int64_t at)
{
    struct history_event ev = {.at = at,
                               .kind = EVENT_ALARM_RAISED,
                               .client = c->id,
                               .summary = {.id = N_("{1} gave up"), .arg = {{"app.service"}}}};
    snprintf(ev.alarm_id, sizeof ev.alarm_id, "%s", alarm);
    return ev;
}

static void wait_durable(struct store *s)
{
    const int64_t until = clock_mono_ms() + WAIT_MS;
    bool durable = false;

    assert_true(store_barrier(s, 77));
    while (!durable) {
        assert_true(clock_mono_ms() < until);
        struct pollfd p = {ring_fd(store_reports(s)), POLLIN, 0};
        const struct store_report *r;
        size_t n;
        poll(&p, 1, 100);
        while ((r = ring_peek(store_reports(s), &n)) != NULL) {
            durable |= r->kind == STORE_DURABLE && r->token == 77;
            ring_pop(store_reports(s));
        }
    }
}

static void fill(struct store *s)
{
    struct client lobby = client_of(LOBBY, "lobby-03", "vienna-1", CLIENT_SERVICE_FAILED);
    struct client kitchen = client_of(KITCHEN, "kitchen-1", "vienna-2", CLIENT_CRASHED);
    struct client hall = client_of(HALL, "hall,\"2\"", "", CLIENT_SILENT);
    lobby.failed = true;
    lobby.reconnect_count = 9007199254740993;
    lobby.last_disconnect_at = now - 86400000;
    TEXT_SET(&lobby.failed_unit, "app.service", 11);
    TEXT_SET(&lobby.failed_at, "2026-04-05T08:00:00Z", 20);
    const struct alarm failed = alarm_of(&lobby, ALARM_SERVICE_FAILED, ALARM_UNACKNOWLEDGED);
    struct alarm over = alarm_of(&kitchen, ALARM_PROCESS_CRASHED, ALARM_NORMAL);
    struct alarm hidden = alarm_of(&hall, ALARM_CLIENT_SILENT, ALARM_SUPPRESSED);
    hidden.raised_at -= 3600000;
    hidden.acknowledged_at = now - 1000;
    struct command k = {.client = lobby.id,
                        .action = ACTION_REBOOT_HOST,
                        .status = COMMAND_ACCEPTED,
                        .issued_at = now,
                        .expires_at = now + 240000,
                        .published_at = now,
                        .accepted_at = now,
                        .execution_started_at = TIME_NONE,
                        .finished_at = TIME_NONE,
                        .allowed_at = TIME_NONE,
                        .ack_count = 1,
                        .acks = {{COMMAND_ACCEPTED, ACK_ALIAS, now}}};
    struct log_line line = {
        .at = now, .client = lobby.id, .level = {"error"}, .message = {"disk \"full\", again"}};

    uid_parse(KITCHEN, 36, &k.id);
    assert_true(store_put_client(s, &lobby) && store_put_client(s, &kitchen) &&
                store_put_client(s, &hall));
    assert_true(store_put_alarm(s, &failed, "{}", 2) && store_put_alarm(s, &over, NULL, 0) &&
                store_put_alarm(s, &hidden, NULL, 0));
    assert_true(store_put_command(s, &k) && store_put_log(s, &line));
    for (int i = 0; i < 3; i++) {
        const struct history_event ev = event_of(&lobby, failed.id, now - 60000 + i * 1000);
        assert_true(store_put_history(s, &ev, NULL, 0));
    }
    wait_durable(s);
}

static int begin(void **state)
{
    struct err e = {0};
    (void)state;

    now = clock_wall_ms();
    rig_begin();
    const struct store_options o = {.path = rig_path("history.db"),
                                    .retention_ms = 90ll * 86400000,
                                    .may_send = true,
                                    .want_role = true};
    struct store *s = store_open(&o, &e);
    if (!s)
        fail_msg("%s", e.text);
    const int64_t until = clock_mono_ms() + WAIT_MS; /* the role is taken on the store's thread */
    bool role = false;
    while (!role) {
        assert_true(clock_mono_ms() < until);
        const struct store_report *r;
        size_t n;
        poll(NULL, 0, 10);
        while ((r = ring_peek(store_reports(s), &n)) != NULL) {
            role |= r->status.recorder;
            ring_pop(store_reports(s));
        }
    }
    fill(s);
    store_close(s);
    setenv("INFOSCREEN_DB", rig_path("history.db"), 1);
    return 0;
}

static struct ran ok(const char *words)
{
    const struct ran r = run_cli(words, NULL);
    if (r.code != 0)
        fail_msg("%s: exit %d: %s", words, r.code, r.err);
    return r;
}

static cJSON *json_of(const char *words)
{
    const struct ran r = ok(words);
    const char *rest;
    cJSON *root = cJSON_ParseWithOpts(r.out, &rest, 1);
    if (!root)
        fail_msg("%s: not JSON: %s", words, r.out);
    return root;
}

/* An object has exactly these keys, in this order. */
static void assert_keys(const cJSON *o, const char *keys)
{
    char seen[600] = "";

    for (const cJSON *c = o ? o->child : NULL; c; c = c->next)
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", seen[0] ? " " : "",
                 c->string);
    assert_string_equal(seen, keys);
}

static const char *text_at(const cJSON *o, const char *key)
{
    const cJSON *c = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsNull(c) ? "null" : c && c->valuestring ? c->valuestring : "?";
}

/* ---- clients ---- */

static void test_clients_json(void **state)
{
    cJSON *root = json_of("clients -o json"), *list = cJSON_GetObjectItem(root, "clients");
    (void)state;

    assert_keys(root, "as_of broker clients");
    assert_keys(cJSON_GetObjectItem(root, "broker"), "connected outage");
    assert_int_equal(cJSON_GetArraySize(list), 3);
    const cJSON *lobby = cJSON_GetArrayItem(list, 0);
    assert_keys(
        lobby,
        "uuid hostname group_id state first_seen_at last_heartbeat_at last_health_at process "
        "process_status pid expected_event_id broker_reachable reconnect_count "
        "last_disconnect_at service_failed alarms commands_in_flight");
    assert_string_equal(text_at(lobby, "uuid"), LOBBY);
    assert_string_equal(text_at(lobby, "state"), "service_failed");
    assert_string_equal(text_at(lobby, "last_health_at"), "null");
    assert_string_equal(text_at(lobby, "pid"), "null");
    const cJSON *failed = cJSON_GetObjectItem(lobby, "service_failed");
    assert_string_equal(text_at(failed, "unit"), "app.service");
    assert_string_equal(text_at(failed, "failed_at"), "2026-04-05T08:00:00.000Z");
    const cJSON *kitchen = cJSON_GetArrayItem(list, 1);
    assert_string_equal(text_at(kitchen, "uuid"), KITCHEN); /* as the client spells itself */
    assert_string_equal(text_at(kitchen, "service_failed"), "null");
    assert_string_equal(text_at(cJSON_GetArrayItem(list, 2), "group_id"), "null");
    cJSON_Delete(root);
    assert_non_null(strstr(ok("clients -o json").out, "9007199254740993")); /* beyond a double */
}

static void test_clients_choice(void **state)
{
    static const struct {
        const char *words;
        int count;
    } rows[] = {
        {"clients --state crashed -o json", 2},
        {"clients --state silent -o json", 1},
        {"clients --state silent --state service_failed -o json", 2},
        {"clients --group vienna-1 -o json", 1},
        {"clients --group nowhere -o json", 0},
        {"clients --filter vienna -o json", 2},
        {"clients --filter !state:silent -o json", 2},
        {"clients 9b8d1 -o json", 1},
        {"clients 9B8D2222 41AA -o json", 2},
        {"clients --state silent 9b8d1 -o json", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *root = json_of(rows[i].words);
        if (cJSON_GetArraySize(cJSON_GetObjectItem(root, "clients")) != rows[i].count)
            fail_msg("%s: %s", rows[i].words, ok(rows[i].words).out);
        cJSON_Delete(root);
    }
    struct ran r = run_cli("clients 9b8d", NULL);
    assert_int_equal(r.code, 2);
    assert_non_null(strstr(r.err, LOBBY));
    assert_non_null(strstr(r.err, KITCHEN));
    r = run_cli("clients ffff", NULL);
    assert_int_equal(r.code, 4);
    assert_int_equal(strncmp(r.err, "infoscreen-tui: no client ffff", 30), 0);
    assert_int_equal(run_cli("history --client ffff", NULL).code, 4);
}

static void test_clients_csv_and_table(void **state)
{
    (void)state;
    struct ran r = ok("clients -o csv");
    assert_int_equal(strncmp(r.out, "uuid,hostname,group_id,state,", 29), 0);
    assert_non_null(strstr(r.out, ",\"hall,\"\"2\"\"\",,silent,"));
    assert_non_null(strstr(r.out, "\r\n"));
    r = ok("clients");
    assert_int_equal(strncmp(r.out, "UUID", 4), 0);
    assert_non_null(strstr(r.out, "  lobby-03   vienna-1  "));
    assert_null(strchr(r.out, '\033')); /* no colours in a pipe */
    assert_non_null(strchr(ok("clients --color always").out, '\033'));
}

static void last_write_was(int64_t seconds_ago)
{
    char sql[80];
    sqlite3 *db;

    assert_int_equal(sqlite3_open(rig_path("history.db"), &db), SQLITE_OK);
    snprintf(sql, sizeof sql, "UPDATE meta SET as_of=%lld", (long long)(clock_wall_ms() - seconds_ago * 1000));
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_a_table_of_long_ago_says_so(void **state)
{
    (void)state;
    last_write_was(0);
    assert_string_equal(ok("clients").err, "");
    last_write_was(3600);
    assert_non_null(strstr(ok("clients").err, "1h00m ago, nobody records since"));
    assert_non_null(strstr(ok("alarms -o csv").err, "1h00m ago, nobody records since"));
    assert_string_equal(ok("clients -o json").err, "");
}

/* ---- alarms, history, commands, logs ---- */

static void test_alarms(void **state)
{
    cJSON *root = json_of("alarms -o json");
    const cJSON *list = cJSON_GetObjectItem(root, "alarms"), *a = cJSON_GetArrayItem(list, 0);
    (void)state;

    assert_keys(root, "as_of alarms");
    assert_int_equal(cJSON_GetArraySize(list), 1); /* neither normal nor suppressed */
    assert_keys(a,
                "id kind priority state client_uuid group_id raised_at cleared_at acknowledged_at "
                "acknowledged_by shelved_until suppressed_by occurrences summary note");
    assert_string_equal(text_at(a, "kind"), "service_failed");
    assert_string_equal(text_at(a, "client_uuid"), LOBBY);
    assert_string_equal(text_at(a, "summary"), "=evil() gave up");
    assert_string_equal(text_at(a, "note"), "null");
    cJSON_Delete(root);
    root = json_of("alarms --all -o json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "alarms")), 3);
    cJSON_Delete(root);
    root = json_of("alarms --all --kind client_silent -o json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "alarms")), 1);
    cJSON_Delete(root);
    assert_non_null(
        strstr(ok("alarms -o csv").out, ",'=evil() gave up,")); /* no formula for a spreadsheet */
}

static void test_alarms_in_another_order(void **state)
{
    (void)state;
    static const char *const first[][2] = {{"age", "client_silent"},
                                           {"acknowledged", "client_silent"},
                                           {"shelved", "service_failed"},
                                           {"urgency", "service_failed"}};
    cJSON *root;

    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        char line[100];
        snprintf(line, sizeof line, "alarms --all --sort %s -o json", first[i][0]);
        root = json_of(line);
        const cJSON *a = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "alarms"), 0);
        assert_string_equal(text_at(a, "kind"), first[i][1]);
        cJSON_Delete(root);
    }
    assert_null(strstr(ok("alarms").out, "GUIDANCE"));
    assert_int_equal(run_cli("alarms --sort size", NULL).code, 2);
}

static void test_metrics(void **state)
{
    cJSON *root = json_of("alarms --metrics -o json");
    (void)state;

    assert_keys(
        root,
        "as_of rate_10min flood standing unacknowledged stale longest_unacknowledged_s chattering "
        "top_sources");
    assert_int_equal(cJSON_GetObjectItem(root, "rate_10min")->valueint, 3);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(root, "flood")));
    assert_int_equal(cJSON_GetObjectItem(root, "standing")->valueint, 1);
    assert_true(cJSON_GetObjectItem(root, "longest_unacknowledged_s")->valueint >= 60);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "chattering")), 1);
    const cJSON *top = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "top_sources"), 0);
    assert_string_equal(text_at(top, "client_uuid"), LOBBY);
    assert_int_equal(cJSON_GetObjectItem(top, "count")->valueint, 3);
    cJSON_Delete(root);
}

static void test_history(void **state)
{
    cJSON *root = json_of("history -o json");
    const cJSON *list = cJSON_GetObjectItem(root, "events");
    (void)state;

    assert_keys(root, "events");
    const cJSON *newest = cJSON_GetArrayItem(list, 0), *older = cJSON_GetArrayItem(list, 1);
    assert_keys(newest, "seq at kind client_uuid alarm_id command_id by summary");
    assert_true(cJSON_GetObjectItem(newest, "seq")->valuedouble >
                cJSON_GetObjectItem(older, "seq")->valuedouble);
    cJSON_Delete(root);
    root = json_of("history --client 9b8d1 --kind alarm_raised --limit 2 -o json");
    list = cJSON_GetObjectItem(root, "events");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(text_at(cJSON_GetArrayItem(list, 0), "summary"), "app.service gave up");
    assert_string_equal(text_at(cJSON_GetArrayItem(list, 0), "by"), "null");
    cJSON_Delete(root);
    root = json_of("history --kind alarm_raised --until 1h -o json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "events")), 0);
    cJSON_Delete(root);
}

static void test_commands_and_logs(void **state)
{
    cJSON *root = json_of("commands --active --client 9b8d1 -o json");
    const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "commands"), 0);
    (void)state;

    assert_keys(k, "command_id client_uuid action status requested_by reason issued_at expires_at "
                   "published_at "
                   "accepted_at execution_started_at finished_at error_code error_message late "
                   "rollout_id acks");
    assert_string_equal(text_at(k, "status"), "accepted");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(k, "late")));
    assert_string_equal(text_at(cJSON_GetArrayItem(cJSON_GetObjectItem(k, "acks"), 0), "topic"),
                        "command/ack");
    cJSON_Delete(root);
    assert_int_equal(run_cli("commands " KITCHEN, NULL).code, 0);
    assert_int_equal(run_cli("commands " LOBBY, NULL).code, 4);

    root = json_of("logs 9b8d1 --level error -o json");
    const cJSON *line = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "logs"), 0);
    assert_keys(line, "at client_uuid level message");
    assert_string_equal(text_at(line, "message"), "disk \"full\", again");
    cJSON_Delete(root);
    root = json_of("logs 41aa -o json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "logs")), 0);
    cJSON_Delete(root);
}

static void test_incident(void **state)
{
    cJSON *root = json_of("incident -o json");
    const cJSON *list = cJSON_GetObjectItem(root, "incidents"), *first = list->child;

    (void)state;
    assert_keys(root, "incidents");
    /* The lobby's failure; the kitchen's crash and the hall's silence are of other groups. */
    assert_int_equal(cJSON_GetArraySize(list), 3);
    for (; first && !strstr(cJSON_GetObjectItem(first, "summary")->valuestring, "lobby-03");)
        first = first->next;
    assert_non_null(first);
    assert_keys(first, "id began_at ended_at summary alarms commands timeline "
                       "time_to_acknowledge_s time_to_recover_s");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "alarms")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "timeline")), 3);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "ended_at")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "time_to_acknowledge_s")));
    cJSON_Delete(root);

    struct ran r = ok("incident --since 2h -o md");
    assert_non_null(strstr(r.out, "# On-call report "));
    assert_non_null(strstr(r.out, "## lobby-03: "));
    assert_non_null(strstr(r.out, "error `disk \"full\", again`"));
    r = ok("incident -o csv");
    assert_non_null(strstr(r.out, "id,began_at,ended_at,summary,alarms,commands,timeline,"));
    r = ok("incident");
    assert_non_null(strstr(r.out, "ACK AFTER"));
    r = ok("incident --since 20h --until 19h -o json");
    assert_string_equal(r.out, "{\"incidents\":[]}\n");
    assert_int_equal(run_cli("history -o md", NULL).code, 2);
}

static void test_no_database(void **state)
{
    static const char *const words[] = {"clients", "alarms", "commands", "history", "logs"};
    static const char *const keys[] = {"clients", "alarms", "commands", "events", "logs"};
    char line[64];
    (void)state;

    setenv("INFOSCREEN_DB", rig_path("none.db"), 1);
    for (size_t i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "%s -o json", words[i]);
        const struct ran r = ok(line);
        assert_non_null(strstr(r.err, "no history yet"));
        cJSON *root = cJSON_Parse(r.out);
        assert_true(cJSON_IsArray(cJSON_GetObjectItem(root, keys[i])));
        cJSON_Delete(root);
    }
    assert_true(access(rig_path("none.db"), F_OK) != 0); /* looking makes nothing */
    setenv("INFOSCREEN_DB", rig_path("history.db"), 1);
}

static void test_reader_goes_away(void **state)
{
    (void)state;

    /* A closed pipe: the end is SIGPIPE's, without a word. */
    int p[2];
    assert_int_equal(pipe(p), 0);
    close(p[0]);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {"infoscreen-tui", "clients", NULL};
        static const struct cli_host none;
        dup2(p[1], STDOUT_FILENO);
        _exit(cli_main(2, argv, &none));
    }
    close(p[1]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_json),
        cmocka_unit_test(test_clients_choice),
        cmocka_unit_test(test_clients_csv_and_table),
        cmocka_unit_test(test_a_table_of_long_ago_says_so),
        cmocka_unit_test(test_alarms),
        cmocka_unit_test(test_alarms_in_another_order),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_commands_and_logs),
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_no_database),
        cmocka_unit_test(test_reader_goes_away),
    };
    return cmocka_run_group_tests(tests, begin, rig_teardown);
}
