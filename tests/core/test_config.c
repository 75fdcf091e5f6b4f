/* Every key, by its table: presets, what is taken, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/config.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The presets as documented, a second time on purpose. */
static const struct {
    const char *name, *preset;
} documented[] = {
    {"broker.host", "localhost"},
    {"broker.port", "1883"},
    {"broker.username", ""},
    {"broker.password_file", ""},
    {"broker.cafile", ""},
    {"broker.cert", ""},
    {"broker.key", ""},
    {"broker.insecure", "no"},
    {"console.read_only", "no"},
    {"console.operator", ""},
    {"console.plain", "no"},
    {"store.path", ""},
    {"store.retention", "90d"},
    {"ui.theme", "default"},
    {"ui.language", ""},
    {"ui.color", "auto"},
    {"ui.mouse", "yes"},
    {"ui.screen_reader", "no"},
    {"fleet.heartbeat_timeout", "180s"},
    {"fleet.group_outage_min", "3"},
    {"alarms.flap_reconnects", "5"},
    {"alarms.flap_window", "1h"},
    {"alarms.ack_expires", "12h"},
    {"alarms.on_recovery", "clear"},
    {"alarms.recovered_after", "60s"},
    {"notify.command", ""},
    {"notify.timeout", "30s"},
    {"notify.max_per_minute", "10"},
    {"notify.terminal", "auto"},
    {"notify.bell", "yes"},
    {"notify.escalate_after", "15m"},
    {"notify.quiet_hours", ""},
    {"commands.expires", "4m"},
    {"commands.alias", "yes"},
    {"commands.lockout_window", "15m"},
    {"commands.lockout_max", "3"},
    {"commands.back_within", "5m"},
    {"commands.incident_after", "15m"},
    {"recovery.enabled", "no"},
    {"recovery.action", "restart_app"},
    {"recovery.max_per_hour", "10"},
    {"recovery.settle", "60s"},
};

static const struct config_key *find(const char *name)
{
    unsigned n;
    const struct config_key *keys = config_keys(&n);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    fail_msg("no key %s", name);
    return NULL;
}

/* A duration of 90s may be shown as 90s or as the same in a larger unit. */
static void assert_same_value(const struct config_key *key, const char *shown, const char *preset)
{
    int64_t a, b;

    if (key->type == CONFIG_DURATION && duration_parse(shown, &a) && duration_parse(preset, &b))
        assert_int_equal(a, b);
    else
        assert_string_equal(shown, preset);
}

static void test_presets(void **state)
{
    static const char *const per_kind[][2] = {
        {"alarms.on_delay.", "0s"}, {"alarms.off_delay.", "0s"}, {"alarms.priority.", ""}};
    struct config c;
    char shown[600], name[100];
    unsigned n;

    (void)state;
    config_init(&c);
    config_keys(&n);
    assert_int_equal(n, COUNT(documented) + COUNT(per_kind) * ALARM_KINDS);
    for (size_t i = 0; i < COUNT(documented); i++) {
        const struct config_key *key = find(documented[i].name);

        assert_string_equal(key->preset, documented[i].preset);
        config_get(&c, key, shown, sizeof(shown));
        assert_same_value(key, shown, documented[i].preset);
    }
    for (size_t i = 0; i < COUNT(per_kind); i++) {
        for (int k = 0; k < ALARM_KINDS; k++) {
            snprintf(name, sizeof(name), "%s%s", per_kind[i][0], alarm_kinds[k].word);
            config_get(&c, find(name), shown, sizeof(shown));
            assert_same_value(find(name), shown, per_kind[i][1]);
        }
    }
}

/* What a key shows it also takes, and it lands in no other key. */
static void test_every_key_alone(void **state)
{
    unsigned n;
    const struct config_key *keys = config_keys(&n);

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        static const char *const samples[] = {
            [CONFIG_TEXT] = "some text", [CONFIG_BOOL] = NULL,   [CONFIG_INT] = "17",
            [CONFIG_DURATION] = "17h",   [CONFIG_CHOICE] = NULL, [CONFIG_PRIORITY] = "high",
            [CONFIG_QUIET_HOURS] = "01:00-02:00"};
        struct config c;
        struct err e = {0};
        char before[600], after[600], value[64];

        config_init(&c);
        config_get(&c, &keys[i], before, sizeof(before));
        if (keys[i].type == CONFIG_BOOL)
            snprintf(value, sizeof(value), "%s", strcmp(before, "no") == 0 ? "yes" : "no");
        else if (keys[i].type == CONFIG_CHOICE)
            snprintf(value, sizeof(value), "%s", strrchr(keys[i].choices, ' ') + 1);
        else
            snprintf(value, sizeof(value), "%s", samples[keys[i].type]);
        assert_string_not_equal(before, value);
        if (!config_set(&c, keys[i].name, value, &e))
            fail_msg("%s", e.text);
        for (unsigned k = 0; k < n; k++) {
            config_get(&c, &keys[k], after, sizeof(after));
            if (k == i) {
                assert_string_equal(after, value);
            } else if (strcmp(keys[k].name, "broker.port") != 0) { /* shown as TLS decides */
                struct config fresh;

                config_init(&fresh);
                config_get(&fresh, &keys[k], before, sizeof(before));
                assert_string_equal(after, before);
            }
        }
        assert_true(keys[i].doc && keys[i].doc[0]);
    }
}

static void test_taken(void **state)
{
    struct config c;
    char shown[600];

    (void)state;
    config_init(&c);
    assert_true(config_set(&c, "fleet.heartbeat_timeout", "2m", NULL));
    assert_int_equal(c.fleet.heartbeat_timeout, 120000);
    assert_true(config_set(&c, "alarms.ack_expires", "0", NULL)); /* never */
    assert_int_equal(c.alarms.ack_expires, 0);
    assert_true(config_set(&c, "alarms.on_recovery", "ask", NULL));
    assert_true(c.alarms.ask_on_recovery);
    assert_true(config_set(&c, "alarms.on_recovery", "clear", NULL));
    assert_false(c.alarms.ask_on_recovery);
    assert_true(config_set(&c, "alarms.on_delay.client_silent", "30s", NULL));
    assert_int_equal(c.alarms.on_delay[ALARM_CLIENT_SILENT], 30000);
    assert_true(config_set(&c, "alarms.priority.group_outage", "low", NULL));
    assert_int_equal(c.alarms.priority[ALARM_GROUP_OUTAGE].rule[0].priority, PRIORITY_LOW);
    assert_true(config_set(&c, "alarms.priority.group_outage", "", NULL));
    assert_int_equal(c.alarms.priority[ALARM_GROUP_OUTAGE].count, 0);
    assert_true(config_set(&c, "console.operator", "J\xc3\xb6rg", NULL));
    assert_string_equal(c.console.operator_name, "J\xc3\xb6rg");
    assert_true(config_set(&c, "console.operator", "J", NULL));
    assert_string_equal(c.console.operator_name, "J");
    assert_true(config_set(&c, "console.read_only", "TRUE", NULL));
    assert_true(c.console.read_only);
    assert_true(config_set(&c, "ui.language", "", NULL));
    assert_true(config_set(&c, "broker.host", "a,b:8883", NULL));
    /* The port that nobody named is the one that TLS decides. */
    assert_int_equal(c.broker.port, 0);
    assert_true(config_set(&c, "broker.cafile", "/etc/ca.pem", NULL));
    config_get(&c, find("broker.port"), shown, sizeof(shown));
    assert_string_equal(shown, "8883");
    assert_true(config_set(&c, "broker.port", "1883", NULL));
    config_get(&c, find("broker.port"), shown, sizeof(shown));
    assert_string_equal(shown, "1883");
}

static void test_refused(void **state)
{
    static const struct {
        const char *name, *value, *words;
    } cases[] = {
        {"fleet.heartbeat_timeout", "3 parsecs",
         "fleet.heartbeat_timeout: \"3 parsecs\": expected a duration such as 90s"},
        {"fleet.heartbeat_timeout", "90",
         "fleet.heartbeat_timeout: \"90\": expected a duration such as 90s"},
        {"fleet.heartbeat_timeout", "0",
         "fleet.heartbeat_timeout: \"0\": expected a duration from 1s to 365d"},
        {"fleet.heartbeat_timeout", "-5s", NULL},
        {"fleet.heartbeat_timeout", "", NULL},
        {"broker.port", "65536", "broker.port: \"65536\": expected a number from 1 to 65535"},
        {"broker.port", "0", NULL},
        {"broker.port", " 1", NULL},
        {"broker.port", "+1", NULL},
        {"broker.port", "1x", NULL},
        {"broker.port", "99999999999999999999", NULL},
        {"console.read_only", "maybe", "console.read_only: \"maybe\": expected yes or no"},
        {"console.read_only", "", NULL},
        {"alarms.on_recovery", "sometimes",
         "alarms.on_recovery: \"sometimes\": expected one of: clear ask"},
        {"alarms.on_recovery", "", NULL},
        {"recovery.action", "shutdown_host", NULL},
        {"ui.language", "fr", "ui.language: \"fr\": expected one of: en de"},
        {"ui.color", "blue", NULL},
        {"alarms.priority.group_outage", "urgent",
         "alarms.priority.group_outage: \"urgent\": expected low, medium, high or critical, or "
         "rules such as high, group:vienna-1=critical, 22:00-06:00=low"},
        {"alarms.priority.group_outage", "high,", NULL},
        {"alarms.priority.group_outage", "=high", NULL},
        {"alarms.priority.group_outage", "group:=high", NULL},
        {"alarms.priority.group_outage", "group:a=", NULL},
        {"alarms.priority.group_outage", "22:00=high", NULL},
        {"alarms.priority.group_outage", "22:60-23:00=high", NULL},
        {"alarms.priority.group_outage", "25:00-23:00=high", NULL},
        {"alarms.priority.group_outage", "high,high,high,high,high,high,high,high,high", NULL},
        {"notify.quiet_hours", "at night",
         "notify.quiet_hours: \"at night\": expected times such as 22:00-06:00, low=20:00-08:00 "
         "(critical always goes through)"},
        {"notify.quiet_hours", "critical=22:00-06:00", NULL},
        {"notify.quiet_hours", "22:00-06:00,,", NULL},
        {"notify.terminal", "bell", NULL},
        {"alarms.on_delay.nonsense", "1s", NULL},
        {"console.operator", "a\nb", NULL},
        {"console.operator", "a\x1b[0m", NULL},
        {"console.operator", "a\xff", NULL},
        {"console.operator", "a\xe2\x80\xae", NULL},
        {"console.operator", "0123456789012345678901234567890123456789012345678901234567890123",
         NULL},
        {"fleet.heartbeet_timeout", "1s",
         "fleet.heartbeet_timeout: unknown key: did you mean fleet.heartbeat_timeout?"},
        {"brokr.port", "1", "brokr.port: unknown key: did you mean broker.port?"},
        {"", "1", NULL},
        {"x\x1b[31m", "1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c, fresh;
        struct err e = {0};

        config_init(&c);
        config_init(&fresh);
        if (config_set(&c, cases[i].name, cases[i].value, &e))
            fail_msg("taken: %s = %s", cases[i].name, cases[i].value);
        assert_int_equal(e.code, EXIT_USAGE);
        if (cases[i].words)
            assert_string_equal(e.text, cases[i].words);
        assert_null(strchr(e.text, '\x1b'));
        assert_memory_equal(&c, &fresh, sizeof(c)); /* what is refused changes nothing */
    }
}

static enum priority decide(const char *text, const char *group, int hour)
{
    struct priority_rules r;

    assert_true(priority_rules_parse(text, &r));
    return priority_rules_decide(&r, TEXT_OURS(group), hour * 60);
}

static void test_priority_rules(void **state)
{
    static const char rules[] = "high, group:vienna-1=critical, 22:00-06:00=low";

    (void)state;
    assert_int_equal(decide(rules, "graz", 12), PRIORITY_HIGH);
    assert_int_equal(decide(rules, "vienna-1", 12), PRIORITY_CRITICAL);
    assert_int_equal(decide(rules, "vienna-1", 23), PRIORITY_CRITICAL); /* the first that holds */
    assert_int_equal(decide(rules, "graz", 22), PRIORITY_LOW);
    assert_int_equal(decide(rules, "graz", 5), PRIORITY_LOW);
    assert_int_equal(decide(rules, "graz", 6), PRIORITY_HIGH);
    assert_int_equal(decide("group:a 09:00-17:00=critical", "a", 10), PRIORITY_CRITICAL);
    assert_int_equal(decide("group:a 09:00-17:00=critical", "a", 18), PRIORITY_DEFAULT);
    assert_int_equal(decide("group:a=b=low", "a=b", 0), PRIORITY_LOW);
    assert_int_equal(decide("", "a", 0), PRIORITY_DEFAULT);
}

static void test_quiet_hours(void **state)
{
    struct quiet_hours q;

    (void)state;
    assert_true(quiet_hours_parse("22:00-06:00, low=20:00-08:00", &q));
    assert_true(quiet_hours_hold(&q, PRIORITY_HIGH, 23 * 60));
    assert_false(quiet_hours_hold(&q, PRIORITY_CRITICAL, 23 * 60));
    assert_false(quiet_hours_hold(&q, PRIORITY_MEDIUM, 7 * 60));
    assert_true(quiet_hours_hold(&q, PRIORITY_LOW, 7 * 60));
    assert_false(quiet_hours_hold(&q, PRIORITY_LOW, 12 * 60));
    assert_true(quiet_hours_parse("", &q));
    assert_false(quiet_hours_hold(&q, PRIORITY_LOW, 0));
}

static void test_hostile_name(void **state)
{
    char *name = malloc(100001);
    struct config c;
    struct err e = {0};

    (void)state;
    assert_non_null(name);
    memset(name, 'x', 100000);
    name[100000] = '\0';
    config_init(&c);
    assert_false(config_set(&c, name, name, &e));
    assert_false(config_set(&c, "broker.host", name, &e));
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),      cmocka_unit_test(test_every_key_alone),
        cmocka_unit_test(test_taken),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hostile_name), cmocka_unit_test(test_priority_rules),
        cmocka_unit_test(test_quiet_hours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
