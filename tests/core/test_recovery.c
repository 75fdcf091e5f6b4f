/* Restarting what crashed without a person: once each time, within its limits, by one of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "rig.h"

#define BEAT    TOPIC(UUID_A, "heartbeat")
#define CRASHED "{\"timestamp\":\"2026-04-05T07:59:59Z\",\"process_status\":\"crashed\"}"
#define RUNNING "{\"process_status\":\"running\"}"
#define SETTLE  60000

static struct rig rig;

static void renew(void)
{
    rig.config.recovery.enabled = true;
    core_reconfigure(rig.core, &rig.config);
    core_set_presence_key(rig.core, "5000");
    rig_live(&rig, BEAT, RUNNING);
}

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig, false);
    renew();
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static const struct command *only(void)
{
    return core_command_count(rig.core) == 1 ? core_command(rig.core, 0) : NULL;
}

static void test_once_after_a_while(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, SETTLE - 1);
    assert_int_equal(core_command_count(rig.core), 0);
    rig_take(&rig);
    rig_run(&rig, SETTLE + 6000);
    assert_non_null(strstr(rig_take(&rig), "history:recovery"));
    const struct command *c = only();
    assert_non_null(c);
    assert_int_equal(c->action, ACTION_RESTART_APP);
    assert_string_equal(c->requested_by.clean, "auto-recovery");
    const struct uid id = c->id;
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 160000);
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 320000); /* it has expired meanwhile: not again for the same crash */
    assert_non_null(only());
    rig_live(&rig, BEAT, RUNNING);
    rig_live(&rig, BEAT, "{\"timestamp\":\"2026-04-05T08:05:00Z\",\"process_status\":\"crashed\"}");
    rig_run(&rig, 320000 + SETTLE + 6000);
    assert_int_equal(core_command_count(rig.core), 2);
    assert_false(uid_equal(&core_command(rig.core, 0)->id, &id));
}

static void test_two_hosts_send_the_same(void **state)
{
    (void)state;
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, SETTLE + 6000);
    const struct uid id = only()->id;
    rig_end(&rig);
    rig_begin(&rig, false);
    rig_at(&rig, 3000); /* another clock */
    renew();
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, SETTLE + 9000);
    assert_true(uid_equal(&only()->id, &id));
}

static void test_switched_off_or_not_the_recorder(void **state)
{
    (void)state;
    rig.config.recovery.enabled = false;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 150000);
    assert_int_equal(core_command_count(rig.core), 0);
    rig_end(&rig);
    rig_begin(&rig, false);
    renew();
    rig_role(&rig, false);
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 100000);
    assert_int_equal(core_command_count(rig.core), 0);
    rig_role(&rig, true); /* takes over */
    rig_run(&rig, 110000);
    assert_non_null(only());
}

static void test_the_lowest_of_several_acts(void **state)
{
    (void)state;
    rig_live(&rig, "infoscreen/console/presence/4000",
             "{\"host\":\"h\",\"operator\":\"o\",\"role\":\"recorder\",\"recovery\":true}");
    rig_live(&rig, "infoscreen/console/presence/3000",
             "{\"host\":\"h\",\"operator\":\"o\",\"role\":\"console\",\"recovery\":false}");
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, SETTLE + 10000);
    assert_int_equal(core_command_count(rig.core), 0);
    assert_non_null(strstr(rig.message.id, "another host's recorder"));
    rig_live(&rig, "infoscreen/console/presence/4000", "");
    rig_run(&rig, SETTLE + 10000 + 4999);
    assert_int_equal(core_command_count(rig.core), 0);
    rig_run(&rig, SETTLE + 10000 + 6000);
    assert_non_null(only());
}

static void test_silent_is_not_restarted(void **state)
{
    (void)state;
    rig.config.recovery.settle = 200000;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, 205000);
    assert_int_equal(core_command_count(rig.core), 0);
    assert_non_null(strstr(rig_take(&rig), "history:recovery"));
    rig_run(&rig, 300000);
    assert_null(strstr(rig_take(&rig), "history:recovery")); /* said once */
}

static void test_the_budget_of_the_fleet(void **state)
{
    (void)state;
    rig.config.recovery.max_per_hour = 1;
    core_reconfigure(rig.core, &rig.config);
    rig_live(&rig, BEAT, CRASHED);
    rig_live(&rig, TOPIC(UUID_B, "heartbeat"), CRASHED);
    rig_run(&rig, SETTLE + 6000);
    assert_non_null(only());
}

static void test_a_command_in_flight(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "commands"),
             "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9fae\",\"client_uuid\":\"" UUID_A
             "\",\"action\":\"restart_app\",\"requested_by\":\"berta\"}");
    rig_live(&rig, BEAT, CRASHED);
    rig_run(&rig, SETTLE + 6000);
    assert_non_null(only());
    assert_non_null(strstr(rig.message.id, "is under way"));             /* on the screen … */
    assert_non_null(strstr(rig_take(&rig), "history:recovery message")); /* … and in the history */
}

static void test_a_failed_service(void **state)
{
    (void)state;
    rig_live(&rig, TOPIC(UUID_A, "service_failed"),
             "{\"event\":\"service_failed\",\"unit\":\"x\",\"client_uuid\":\"" UUID_A
             "\",\"failed_at\":\"2026-04-05T08:00:00Z\"}");
    rig_run(&rig, SETTLE + 6000);
    assert_non_null(only());
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(test_once_after_a_while),
        CASE(test_two_hosts_send_the_same),
        CASE(test_switched_off_or_not_the_recorder),
        CASE(test_the_lowest_of_several_acts),
        CASE(test_silent_is_not_restarted),
        CASE(test_the_budget_of_the_fleet),
        CASE(test_a_command_in_flight),
        CASE(test_a_failed_service),
    };
    return cmocka_run_group_tests_name("core: recovery", tests, NULL, NULL);
}
