/* The tables of options and subcommands, precedence, and how mistakes are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/call.h"
#include "rig.h"

/* A host that prints what the globals came to. */
static int show(const struct cli_globals *g)
{
    printf("host=%s port=%d user=%s operator=%s timeout=%lld readonly=%d password=%s db=%s keys=%s "
           "guidance=%s\n",
           g->config.broker.host, (int)g->config.broker.port, g->config.broker.username,
           g->operator_name, (long long)g->config.fleet.heartbeat_timeout, g->read_only,
           g->have_password ? g->password : "-", g->db_path, g->key_bindings ? g->key_bindings : "",
           g->config.guidance[ALARM_SERVICE_FAILED]);
    return 0;
}

static int show_demo(const struct cli_globals *g, const struct cli_demo *d)
{
    printf("demo clients=%d seed=%u script=%s headless=%lld host=%s\n", d->clients, d->seed,
           d->script ? d->script : "-", (long long)d->headless_ms, g->config.broker.host);
    return 0;
}

static const struct cli_host shows = {.console = show, .record = show, .demo = show_demo};

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

/* ---- mistakes: exit code and the first line on stderr ---- */

static void test_mistakes(void **state)
{
    static const struct {
        const char *words;
        int code;
        const char *says;
    } rows[] = {
        {"--nonsense", 2, "unknown option --nonsense: Try --help"},
        {"--hots", 2, "did you mean --host? Try --help"},
        {"-Z", 2, "unknown option -Z: Try --help"},
        {"clients --nonsense=x", 2, "unknown option --nonsense: Try --help"},
        {"clients --stat crashed", 2, "unknown option --stat: did you mean --state?"},
        {"-P secret", 2, "MQTT_PASSWORD"},
        {"client", 2, "unknown subcommand client: did you mean clients?"},
        {"send reboot_host", 2, "to whom is missing"},
        {"send explode 9b8d1856", 2, "unknown action explode"},
        {"send restart_app 9b8d --group g", 2, "exclude one another"},
        {"send restart_app 9b8d --parallel 0", 2, "--parallel: \"0\""},
        {"send restart_app 9b8d --override-lockout", 2, "a reason is missing"},
        {"--read-only send restart_app 9b8d", 6, "read-only"},
        {"commands cancel", 2, "is missing"},
        {"commands cancel nonsense", 4, "no command nonsense"},
        {"--read-only commands cancel 9b8d", 6, "read-only"},
        {"clients --state asleep", 2,
         "--state: \"asleep\": expected one of unknown, online, silent, crashed"},
        {"clients --state", 2, "its value is missing"},
        {"alarms --kind nothing", 2, "--kind: \"nothing\": expected one of service_failed"},
        {"history --kind image", 2, "--kind: \"image\""},
        {"history --since soon", 2, "--since: \"soon\": expected a time"},
        {"history --limit -3", 2, "--limit"},
        {"clients --live ever", 2, "--live: \"ever\": expected a duration such as 90s"},
        {"-o yaml alarms", 2, "--output: \"yaml\": expected one of table, json, csv"},
        {"--set nonsense clients", 2, "--set: \"nonsense\": expected section.key=value"},
        {"--set fleet.heartbeat_timeout=3parsecs clients", 2, "fleet.heartbeat_timeout"},
        {"--port none clients", 2, "--port: \"none\""},
        {"ack", 2, "is missing"},
        {"shelve client_silent-0123456789abcdef", 2, "--for 2h"},
        {"broker", 2, "one of init, add, remove, rotate, check, list"},
        {"broker audit", 2, "unknown subcommand broker audit"},
        {"broker init", 2, "--dir DIR"},
        {"demo --clients 0", 2, "--clients: \"0\": expected a number above 0"},
        {"record now", 2, "one word too many"},
        {"ack service_failed-xyz", 4, "no alarm service_failed-xyz"},
        {"--read-only ack 9b8d1856", 6, "read-only"},
        {"--set console.read_only=yes shelve 9b8d --for 2h", 6, "read-only"},
        {"commands nonsense", 4, "no command nonsense"},
        {"--config /nonexistent/x.ini clients", 2, "/nonexistent/x.ini"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ran r = run_cli(rows[i].words, NULL);
        if (r.code != rows[i].code || strncmp(r.err, "infoscreen-tui: ", 16) != 0 ||
            !strstr(r.err, rows[i].says))
            fail_msg("%s: exit %d, %s", rows[i].words, r.code, r.err);
        assert_string_equal(r.out, "");
    }
}

static void test_a_reason_that_would_be_cut(void **state)
{
    char line[800], reason[600];
    (void)state;

    memset(reason, 'r', sizeof reason);
    reason[512] = '\0';
    snprintf(line, sizeof line, "send restart_app 9b8d1856 --reason %s", reason);
    const struct ran r = run_cli(line, NULL);
    assert_int_equal(r.code, 2);
    assert_has(r.err, "--reason: longer than 511 bytes");
}

static void test_options_on_either_side(void **state)
{
    static const char *const lines[] = {"-h h1 -p 77 record", "record -h h1 -p 77",
                                        "--host=h1 record --port 77", "-hh1 record -p77"};
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct ran r = run_cli(lines[i], &shows);
        assert_int_equal(r.code, 0);
        assert_has(r.out, "host=h1 port=77 ");
    }
}

static void test_demo_options(void **state)
{
    (void)state;
    setenv("MQTT_HOST", "elsewhere", 1);
    const struct ran r = run_cli("demo --clients 7 --seed 9 --headless 5s", &shows);
    unsetenv("MQTT_HOST");
    assert_has(r.out, "demo clients=7 seed=9 script=- headless=5000 host=localhost");
}

/* ---- precedence ---- */

static void test_precedence(void **state)
{
    (void)state;
    rig_write(
        "c.ini",
        "[broker]\nhost = from-file\nport = 1\nusername = file\n[console]\noperator = Frieda\n"
        "[keys]\nacknowledge = x\n[guidance]\nservice_failed = call the janitor\n");
    char line[400];

    snprintf(line, sizeof line, "--config %s", rig_path("c.ini"));
    struct ran r = run_cli(line, &shows);
    assert_has(r.out, "host=from-file port=1 user=file operator=Frieda");
    assert_has(r.out, "keys=acknowledge=x");
    assert_has(r.out, "guidance=call the janitor");

    setenv("MQTT_HOST", "from-env", 1);
    setenv("INFOSCREEN_OPERATOR", "Emil", 1);
    r = run_cli(line, &shows);
    assert_has(r.out, "host=from-env port=1 user=file operator=Emil");

    snprintf(line, sizeof line, "--config %s -h from-option --operator Otto --set broker.port=3",
             rig_path("c.ini"));
    r = run_cli(line, &shows);
    assert_has(r.out, "host=from-option port=3 user=file operator=Otto");
    unsetenv("MQTT_HOST");
    unsetenv("INFOSCREEN_OPERATOR");
}

static void test_file_is_found(void **state)
{
    (void)state;
    mkdir(rig_path(".config"), 0700);
    mkdir(rig_path(".config/infoscreen-tui"), 0700);
    rig_write(".config/infoscreen-tui/config.ini", "[broker]\nhost = at-home\n");
    assert_has(run_cli("", &shows).out, "host=at-home");
    setenv("XDG_CONFIG_HOME", "relative/is/ignored", 1);
    assert_has(run_cli("", &shows).out, "host=at-home");
    unsetenv("XDG_CONFIG_HOME");
    rig_write(".config/infoscreen-tui/config.ini", "[fleet]\n\nheartbeat_timeout = 3 parsecs\n");
    const struct ran r = run_cli("", &shows);
    assert_int_equal(r.code, 2);
    assert_has(r.err,
               "config.ini:3: [fleet] heartbeat_timeout: \"3 parsecs\": expected a duration");
    rig_write(".config/infoscreen-tui/config.ini", "[guidance]\nservice_broken = x\n");
    assert_has(run_cli("", &shows).err, "config.ini:2: [guidance] service_broken: ");
    remove(rig_path(".config/infoscreen-tui/config.ini"));
}

static void test_database_path(void **state)
{
    char expected[300];
    (void)state;

    snprintf(expected, sizeof expected, "db=%s",
             rig_path(".local/state/infoscreen-tui/history.db"));
    assert_has(run_cli("", &shows).out, expected);
    setenv("INFOSCREEN_DB", "/env/db", 1);
    assert_has(run_cli("", &shows).out, "db=/env/db ");
    assert_has(run_cli("--set store.path=/set/db", &shows).out, "db=/set/db ");
    assert_has(run_cli("--db /opt/db", &shows).out, "db=/opt/db ");
    assert_has(run_cli("--db /opt/db --set store.path=/set/db", &shows).out, "db=/opt/db ");
    unsetenv("INFOSCREEN_DB");
    const char *home = strdup(getenv("HOME"));
    unsetenv("HOME");
    snprintf(expected, sizeof expected, "db=%s/.local/state/", getpwuid(getuid())->pw_dir);
    assert_has(run_cli("", &shows).out, expected);
    setenv("HOME", home, 1);
    free((char *)(uintptr_t)home);
}

/* ---- the password ---- */

static void test_password(void **state)
{
    char line[300];
    (void)state;

    rig_write("pw", "from file \n");
    rig_write("mqtt-password", "from systemd\r\n");
    assert_has(run_cli("", &shows).out, "password=- ");
    setenv("CREDENTIALS_DIRECTORY", rig_path("."), 1);
    assert_has(run_cli("", &shows).out, "password=from systemd db");
    setenv("MQTT_PASSWORD_FILE", rig_path("pw"), 1);
    assert_has(run_cli("", &shows).out, "password=from file  db");
    setenv("MQTT_PASSWORD", "from env", 1);
    assert_has(run_cli("", &shows).out, "password=from env db");
    snprintf(line, sizeof line, "--set broker.password_file=%s", rig_path("pw"));
    assert_has(run_cli(line, &shows).out, "password=from file  db");
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("MQTT_PASSWORD");
    setenv("MQTT_PASSWORD_FILE", "/nonexistent/pw", 1);
    const struct ran r = run_cli("", &shows);
    assert_int_equal(r.code, 2);
    assert_has(r.err, "password file /nonexistent/pw: No such file");
    assert_int_equal(run_cli("clients", NULL).code, 0); /* reading the history needs no password */
    unsetenv("MQTT_PASSWORD_FILE");
}

/* ---- help ---- */

static void test_help(void **state)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    char line[80];
    (void)state;

    struct ran r = run_cli("--help", NULL);
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "");
    for (unsigned i = 0; i < n; i++)
        if (!(s[i].flags & SUB_HIDDEN))
            assert_has(r.out, s[i].name);
    for (unsigned i = 0; i < n; i++) {
        if (!s[i].name[0] || s[i].flags & SUB_HIDDEN)
            continue;
        snprintf(line, sizeof line, "%s --help", s[i].name);
        r = run_cli(line, NULL);
        assert_int_equal(r.code, 0);
        assert_has(r.out, s[i].help);
        assert_null(strstr(r.out, " \n"));
        for (unsigned k = 0; k < s[i].option_count; k++) {
            snprintf(line, sizeof line, "--%s", s[i].options[k].name);
            assert_has(s[i].usage, line);
            assert_has(r.out, s[i].options[k].help);
        }
    }
    static const char *const lines[] = {"clients --version", "broker --version",
                                        "commands cancel --version", "--version broker"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        r = run_cli(lines[i], NULL);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.err, "");
        assert_int_equal(strncmp(r.out, "infoscreen-tui ", 15), 0);
    }
}

static void test_completion(void **state)
{
    static const struct {
        const char *words;
        const char *expected;
    } rows[] = {
        {"__complete cli", "clients\n"},
        {"__complete quit", "quittieren\n"},
        {"__complete broker in", "init\n"},
        {"__complete clients --state sil", "silent\n"},
        {"__complete alarms --me", "--metrics\n"},
        {"__complete -o js", "json\n"},
        {"__complete --set fleet.h", "fleet.heartbeat_timeout=\n"},
        {"__complete brok", "broker\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ran r = run_cli(rows[i].words, NULL);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.out, rows[i].expected);
    }
}

/* ---- doctor ---- */

static bool only_f5(const char *binding, struct err *e)
{
    return strstr(binding, "=F5\n") || err_set(e, EXIT_USAGE, "no key");
}

static bool only_default(const char *name, struct err *e)
{
    return !strcmp(name, "default") || err_set(e, EXIT_USAGE, "no theme of the name %s", name);
}

static int no_broker(const struct cli_globals *g, struct job *j)
{
    (void)g;
    err_set(&j->err, EXIT_BROKER, "no broker");
    return EXIT_BROKER;
}

/* What only the console can judge is judged for everybody, and its place is named. */
static void test_keys_and_theme(void **state)
{
    static const struct cli_host judges = {
        .console = show, .run_job = no_broker, .check_keys = only_f5, .check_theme = only_default};
    char line[300];
    (void)state;

    rig_write("keys.ini", "[keys]\nquit = F5\n\nnote = F6\n[ui]\ntheme = gone\n");
    snprintf(line, sizeof line, "clients --config %s --db %s", rig_path("keys.ini"), rig_path("none.db"));
    struct ran r = run_cli(line, &judges);
    assert_int_equal(r.code, 2);
    assert_has(r.err, "keys.ini:4: [keys] note: no key");
    assert_has(run_cli("--set keys.note=F6", &judges).err, "--set keys.note: no key");
    assert_has(run_cli("--set keys.note=F5", &judges).out, "keys=note=F5");
    snprintf(line, sizeof line, "doctor -o json --set ui.theme=gone --db %s", rig_path("none.db"));
    r = run_cli(line, &judges);
    assert_int_equal(r.code, 1);
    assert_has(r.out, "\"actual\":\"no theme of the name gone\",\"ok\":false");
}

static void test_doctor(void **state)
{
    (void)state;
    rig_write("bad.ini", "[fleet]\nheartbeat_timeout = soon\n");
    rig_write("secret", "password\n");
    chmod(rig_path("secret"), 0644);
    setenv("MQTT_PASSWORD_FILE", rig_path("secret"), 1);
    char line[300];
    snprintf(line, sizeof line, "doctor -o json --config %s --db %s", rig_path("bad.ini"),
             rig_path("none.db"));
    const struct ran r = run_cli(line, NULL);
    unsetenv("MQTT_PASSWORD_FILE");
    assert_int_equal(r.code, 1);
    assert_has(r.err, "infoscreen-tui: doctor: 3 faults, the first one configuration: ");
    assert_has(r.out, "bad.ini:2: [fleet] heartbeat_timeout");
    assert_has(r.out, "secret: 644\",\"ok\":false");
    assert_has(r.out, "{\"name\":\"broker\",\"expected\":");
    assert_has(r.out, "],\"ok\":false}\n");
    assert_true(access(rig_path("none.db"), F_OK) != 0); /* looking makes nothing */
    snprintf(line, sizeof line, "doctor -o json --set notify.command=/no/such/pager --db %s",
             rig_path("h.db"));
    assert_has(run_cli(line, NULL).out, "\"name\":\"notify.command\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_options_on_either_side),
        cmocka_unit_test(test_a_reason_that_would_be_cut),
        cmocka_unit_test(test_demo_options),  cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_file_is_found), cmocka_unit_test(test_database_path),
        cmocka_unit_test(test_password),      cmocka_unit_test(test_help),
        cmocka_unit_test(test_completion),    cmocka_unit_test(test_doctor),
        cmocka_unit_test(test_keys_and_theme),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
