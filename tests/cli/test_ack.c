/* Acknowledging and shelving on a session with a real core and a broker that grants everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"
#include "session.h"

#define LOBBY "9b8d1856-ff34-4864-a726-12de072d0f77"
#define OTHER "9b8d2222-0000-4000-8000-000000000002"
#define FAILED(uuid)                                                                               \
    "{\"event\":\"service_failed\",\"unit\":\"app.service\",\"client_uuid\":\"" uuid "\","         \
    "\"failed_at\":\"2026-04-05T08:00:00Z\"}"

static bool unreachable, deaf, mute;
static const char *refusal;

/* Each call meets a fleet of two: the lobby's service failed, the other one crashed. */
static int run_on_fleet(const struct cli_globals *g, struct job *j)
{
    struct job_host *h = session_new(&g->config);

    h->unreachable = unreachable;
    h->deaf = deaf;
    h->mute = mute;
    h->refusal = refusal;
    session_hear(h, "infoscreen/" LOBBY "/service_failed", FAILED(LOBBY), true);
    session_hear(h, "infoscreen/" OTHER "/heartbeat", "{\"process_status\":\"crashed\"}", false);
    const int code = session_run(h, j);
    session_free(h);
    return code;
}

static const struct cli_host fleet = {.run_job = run_on_fleet};

static int reset(void **state)
{
    (void)state;
    unreachable = deaf = mute = false;
    refusal = NULL;
    return 0;
}

static void test_by_uuid(void **state)
{
    (void)state;
    struct ran r = run_cli("ack 9b8d1 --operator anna", &fleet);
    if (r.code != 0)
        fail_msg("%d %s", r.code, r.err);
    assert_non_null(strstr(r.out, "service_failed-"));
    assert_non_null(strstr(r.out, "acknowledged"));
    r = run_cli("quittieren 9b8d2 -o json", &fleet);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"kind\":\"process_crashed\""));
    assert_non_null(strstr(r.out, "\"state\":\"acknowledged\""));
}

static void test_by_id_and_several(void **state)
{
    char id[ALARM_ID], line[120];
    (void)state;

    alarm_make_id(ALARM_PROCESS_CRASHED, TEXT_OURS(OTHER), id);
    snprintf(line, sizeof line, "ack %s 9b8d1 --note seen", id);
    const struct ran r = run_cli(line, &fleet);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, id));
    assert_non_null(strstr(r.out, "service_failed-"));
}

static void test_unknown(void **state)
{
    (void)state;
    assert_int_equal(run_cli("ack ffff", &fleet).code, 4);
    assert_int_equal(run_cli("ack client_silent-0123456789abcdef", &fleet).code, 4);
    const struct ran r = run_cli("ack 9b8d", &fleet);
    assert_int_equal(r.code, 2);
    assert_non_null(strstr(r.err, LOBBY ", " OTHER));
}

static void test_without_broker(void **state)
{
    (void)state;
    unreachable = true;
    struct ran r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 3);
    assert_int_equal(strncmp(r.err, "infoscreen-tui: no broker: ", 27), 0);
    refusal = "wrong user or password";
    r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 3);
    assert_non_null(strstr(r.err, "password"));
}

static void test_not_confirmed(void **state)
{
    (void)state;
    deaf = true;
    struct ran r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 5);
    assert_non_null(strstr(r.err, "within 10 s"));
    refusal = "not authorised";
    r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.err, "not authorised"));
}

/* A service_failed is done when its clear was seen coming back, not when it was sent. */
static void test_clear_is_awaited(void **state)
{
    (void)state;
    mute = true;
    assert_int_equal(run_cli("ack 9b8d1", &fleet).code, 5);
    assert_int_equal(run_cli("ack 9b8d2", &fleet).code,
                     0); /* nothing retained: the PUBACK is enough */
}

static void test_shelve(void **state)
{
    (void)state;
    const struct ran r = run_cli("shelve 9b8d2 --for 2h -o json", &fleet);
    if (r.code != 0)
        fail_msg("%d %s", r.code, r.err);
    assert_non_null(strstr(r.out, "\"state\":\"shelved\""));
    assert_null(strstr(r.out, "\"shelved_until\":null"));
    assert_int_equal(run_cli("unshelve 9b8d2", &fleet).code, 0); /* is not shelved: nothing to do */
}

/* --live copies what the session heard. */
static void test_live(void **state)
{
    (void)state;
    struct ran r = run_cli("clients --live 1s --state crashed -o json", &fleet);
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"uuid\":\"" OTHER "\""));
    assert_null(strstr(r.out, "\"uuid\":\"" LOBBY "\""));
    r = run_cli("alarms --live 1s -o csv", &fleet);
    assert_non_null(strstr(r.out, "service_failed-"));
    unreachable = true;
    assert_int_equal(run_cli("clients --live 1s", &fleet).code, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_by_uuid, reset),
        cmocka_unit_test_setup(test_by_id_and_several, reset),
        cmocka_unit_test_setup(test_unknown, reset),
        cmocka_unit_test_setup(test_without_broker, reset),
        cmocka_unit_test_setup(test_not_confirmed, reset),
        cmocka_unit_test_setup(test_shelve, reset),
        cmocka_unit_test_setup(test_clear_is_awaited, reset),
        cmocka_unit_test_setup(test_live, reset),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
