/* Clients: when they appear, what changes them, what a heartbeat costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "rig.h"

#define BEAT   TOPIC(UUID_A, "heartbeat")
#define HEALTH TOPIC(UUID_A, "health")

static struct rig rig;

struct step {
    int64_t at;
    const char *topic, *payload, *out, *client_state;
};

static void run(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_run(&rig, steps[i].at);
        rig_take(&rig);
        rig_live(&rig, steps[i].topic, steps[i].payload);
        if (steps[i].out)
            assert_string_equal(rig_take(&rig), steps[i].out);
        assert_string_equal(rig_state(&rig, UUID_A), steps[i].client_state);
    }
}
#define RUN(steps) run((steps), sizeof(steps) / sizeof((steps)[0]))

static void test_life_of_a_client(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {0, TOPIC(UUID_A, "group_id"), "vienna", "client history:group_changed", "unknown"},
        {1000, BEAT, "{\"hostname\":\"lobby\",\"process_status\":\"running\"}",
         "client history:state_changed", "online"},
        {2000, BEAT, "{\"hostname\":\"lobby\",\"process_status\":\"running\"}", "", "online"},
        {3000, BEAT, "{\"version\":\"1.2\"}", "client image", "online"},
        {4000, HEALTH, "{\"actual_state\":{\"status\":\"CRASHED\",\"pid\":7}}",
         "client history:state_changed alarm history:alarm_raised notify", "crashed"},
        {5000, BEAT, "{\"hostname\":\"lobby\"}", "", "crashed"},
        {6000, BEAT, "{\"process_status\":\"running\"}",
         "client history:state_changed alarm history:alarm_returned", "online"},
        {7000, TOPIC(UUID_A, "group_id"), "\"graz\"", "client history:group_changed", "online"},
        {8000, TOPIC(UUID_A, "group_id"), "graz", "", "online"},
        {9000, TOPIC(UUID_A, "logs/error"), "disk", "log", "online"},
    };
    RUN(steps);
    const struct client *c = rig_client(&rig, UUID_A);
    assert_int_equal(c->first_seen_at, RIG_WALL + 1000);
    assert_int_equal(c->last_heartbeat_at, RIG_WALL + 6000);
    assert_int_equal(c->last_health_at, RIG_WALL + 4000);
    assert_int_equal(c->pid, 7);
    assert_int_equal(c->alarms, 1);
    assert_string_equal(rig_alarm_state(&rig, ALARM_PROCESS_CRASHED, UUID_A), "returned");
    assert_int_equal(core_counts(rig.core)->by_state[CLIENT_ONLINE], 1);
    assert_int_equal(core_counts(rig.core)->alarms_standing, 1);
}

static void test_stored_copies_are_no_sign_of_life(void **state)
{
    (void)state;
    rig_stored_copy(&rig, BEAT, "{\"process_status\":\"running\"}");
    assert_null(rig_client(&rig, UUID_A));
    assert_int_equal(core_counts(rig.core)->by_reject[REJECT_STORED], 1);
    assert_int_equal(core_reject(rig.core, 0)->reason, REJECT_STORED);
    rig_stored_copy(&rig, TOPIC(UUID_A, "group_id"), "vienna");
    assert_string_equal(rig_state(&rig, UUID_A), "unknown");
    assert_int_equal(rig_client(&rig, UUID_A)->first_seen_at, TIME_NONE);
}

static void test_reconnects(void **state)
{
    (void)state;
#define COUNT(n) "{\"broker_connection\":{\"broker_reachable\":true,\"reconnect_count\":" #n "}}"
    static const struct step steps[] = {
        {0, HEALTH, COUNT(2), "client history:state_changed", "online"},
        {1000, HEALTH, COUNT(3), "client history:reconnect", "online"},
        {2000, HEALTH, COUNT(3), "", "online"},
        {3000, HEALTH, COUNT(1), "client history:reconnect", "online"},
        {4000, HEALTH, COUNT(3), "client history:reconnect", "online"},
    };
    uint16_t hours[24];
    RUN(steps);
    const struct client *c = rig_client(&rig, UUID_A);
    assert_true(core_reconnects_by_hour(rig.core, c, hours));
    assert_int_equal(hours[23], 4);
    rig_live(&rig, HEALTH, COUNT(4));
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_FLAPPING, UUID_A), "unacknowledged");
    for (int64_t t = 100000; t <= 3700000; t += 100000) {
        rig_run(&rig, t);
        rig_live(&rig, HEALTH, COUNT(4));
    }
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_FLAPPING, UUID_A), "returned");
    assert_true(core_reconnects_by_hour(rig.core, c, hours));
    assert_int_equal(hours[22], 5);
    assert_int_equal(hours[23], 0);
}

static const char *words_of_event(const struct words *w)
{
    static char out[400];

    words_render(w, i18n_translate, out, sizeof(out));
    return out;
}

static const char *flapping_words(void)
{
    return words_of_event(&rig_alarm(&rig, ALARM_CLIENT_FLAPPING, UUID_A)->summary);
}

/* Two processes on one account push each other off; a device that counted while it was away
 * doesn't. */
static void test_two_processes_on_one_account(void **state)
{
    static const char *const counts[] = {COUNT(42), COUNT(43), COUNT(44), COUNT(45)};
    const char *const words = "probably two processes use its account";
    int told = 0;

    (void)state;
    rig_live(&rig, HEALTH, COUNT(2));
    rig_run(&rig, 30000);
    rig_live(&rig, HEALTH, COUNT(40));
    assert_non_null(strstr(flapping_words(), "again and again"));
    rig_run(&rig, 60000);
    rig_live(&rig, HEALTH, COUNT(41));
    assert_non_null(strstr(flapping_words(), "again and again"));
    for (int i = 0; i < 4; i++) {
        rig_run(&rig, 90000 + i * 30000);
        rig_live(&rig, HEALTH, counts[i]);
    }
    assert_non_null(strstr(flapping_words(), words));
    assert_string_equal(rig_alarm_state(&rig, ALARM_CLIENT_FLAPPING, UUID_A), "unacknowledged");
    for (uint32_t k = 0; core_history(rig.core, k); k++)
        told += strstr(words_of_event(&core_history(rig.core, k)->summary), words) != NULL;
    assert_int_equal(told, 1);
}

static void count_life(void *user, const struct client *c)
{
    (void)c;
    ++*(int *)user;
}

static void test_signs_of_life(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < 3; i++) {
        rig_live(&rig, BEAT, "{}");
        rig_live(&rig, TOPIC(UUID_B, "heartbeat"), "{}");
    }
    assert_int_equal(core_take_signs_of_life(rig.core, 1, count_life, &n), 1);
    assert_int_equal(core_take_signs_of_life(rig.core, 9, count_life, &n), 1);
    assert_int_equal(core_take_signs_of_life(rig.core, 9, count_life, &n), 0);
    rig_live(&rig, BEAT, "{}");
    assert_int_equal(core_take_signs_of_life(rig.core, 9, count_life, &n), 1);
    assert_int_equal(n, 3);
}

static void test_many_clients_are_found_again(void **state)
{
    (void)state;
    char topic[80];
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < 5000; i++) {
            snprintf(topic, sizeof(topic), "infoscreen/%08x-0000-4000-8000-000000000000/heartbeat",
                     i);
            rig_live(&rig, topic, "{}");
            rig_take(&rig);
        }
        assert_int_equal(core_client_count(rig.core), 5000);
    }
    assert_int_equal(core_counts(rig.core)->by_state[CLIENT_ONLINE], 5000);
    assert_int_equal(core_client(rig.core, 4711)->id.b[2], 0x12);
    assert_null(core_client(rig.core, 5000));
}

static void test_a_row_from_the_database_takes_the_clients_place(void **state)
{
    (void)state;
    struct rig then;
    rig_live(&rig, BEAT, "{}");
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), "{}");
    rig_begin(&then, true);
    for (int again = 0; again < 2; again++) {
        for (uint32_t i = 2; i-- > 0;)
            assert_true(core_restore_client(then.core, core_client(rig.core, i)));
        assert_int_equal(rig_client(&then, UUID_B)->index, 0);
        assert_int_equal(rig_client(&then, UUID_A)->index, 1);
    }
    rig_end(&then);
}

static void test_spelling_is_the_clients_own(void **state)
{
    (void)state;
    rig_live(&rig, "infoscreen/9B8D1856-FF34-4864-A726-12DE072D0F77/heartbeat", "{}");
    assert_string_equal(rig_client(&rig, UUID_A)->spelling, "9B8D1856-FF34-4864-A726-12DE072D0F77");
    rig_live(&rig, BEAT, "{}");
    assert_string_equal(rig_client(&rig, UUID_A)->spelling, UUID_A);
    assert_int_equal(core_client_count(rig.core), 1);
}

static void test_consoles_and_figures(void **state)
{
    (void)state;
    rig_live(&rig, "infoscreen/console/presence/abc",
             "{\"host\":\"ops2\",\"operator\":\"anna\",\"role\":\"console\",\"recovery\":false}");
    assert_string_equal(core_console(rig.core, 0)->operator_name.clean, "anna");
    rig_live(&rig, "infoscreen/console/presence/abc", "");
    assert_null(core_console(rig.core, 0));
    rig_stored_copy(&rig, "$SYS/broker/version", "mosquitto version 2.0.11");
    assert_string_equal(core_sys(rig.core, "version"), "mosquitto version 2.0.11");
    assert_null(core_sys(rig.core, "uptime"));
}

static void test_what_a_group_was_told(void **state)
{
    (void)state;
    const struct text group = TEXT_OURS("graz");

    assert_null(core_group_notice(rig.core, group));
    rig_live(&rig, "infoscreen/events/graz", "{\"event_id\":7}");
    rig_stored_copy(&rig, "infoscreen/groups/graz/power/intent",
                    "{\"desired_state\":\"off\",\"reason\":\"night\","
                    "\"expires_at\":\"2026-04-06T05:00:00Z\"}");
    const struct group_notice *n = core_group_notice(rig.core, group);
    assert_string_equal(n->event.clean, "{\"event_id\":7}");
    assert_string_equal(n->wanted.clean, "off");
    assert_string_equal(n->reason.clean, "night");
    assert_true(n->expires_at != TIME_NONE);
    assert_true(n->issued_at == TIME_NONE);
    rig_live(&rig, "infoscreen/events/graz", ""); /* taken back */
    assert_string_equal(core_group_notice(rig.core, group)->event.clean, "");
    rig_down(&rig); /* … while we were away */
    rig_up(&rig);
    assert_string_equal(core_group_notice(rig.core, group)->wanted.clean, "off");
    rig_snapshot_done(&rig);
    assert_string_equal(core_group_notice(rig.core, group)->wanted.clean, "");
    for (int i = 0; i < 3000; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "infoscreen/events/g%d", i);
        rig_live(&rig, topic, "x");
    }
    assert_null(core_group_notice(rig.core, TEXT_OURS("g2999"))); /* bounded */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_life_of_a_client, &rig),
        RIG_TEST(test_stored_copies_are_no_sign_of_life, &rig),
        RIG_TEST(test_reconnects, &rig),
        RIG_TEST(test_two_processes_on_one_account, &rig),
        RIG_TEST(test_signs_of_life, &rig),
        RIG_TEST(test_many_clients_are_found_again, &rig),
        RIG_TEST(test_a_row_from_the_database_takes_the_clients_place, &rig),
        RIG_TEST(test_spelling_is_the_clients_own, &rig),
        RIG_TEST(test_consoles_and_figures, &rig),
        RIG_TEST(test_what_a_group_was_told, &rig),
    };
    return cmocka_run_group_tests_name("core: fleet", tests, NULL, NULL);
}
