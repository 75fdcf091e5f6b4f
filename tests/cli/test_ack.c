/* Acknowledging and shelving on a session with a real core and a broker that grants everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "rig.h"
#include "session.h"

#define LOBBY "9b8d1856-ff34-4864-a726-12de072d0f77"
#define OTHER "9b8d2222-0000-4000-8000-000000000002"
#define FAILED(uuid)                                                                               \
    "{\"event\":\"service_failed\",\"unit\":\"app.service\",\"client_uuid\":\"" uuid "\","         \
    "\"failed_at\":\"2026-04-05T08:00:00Z\"}"

#define UPPER "ABCDEF01-FF34-4864-A726-12DE072D0F77"

static bool unreachable, deaf, mute, acknowledged, cleared;
static const char *refusal, *refused_topic;
static const char *an_hour; /* a setting */
static unsigned *published; /* shared with the process that run_cli starts */

static void topic_of_ack(enum alarm_kind kind, const char *uuid, char topic[96])
{
    char id[ALARM_ID];

    alarm_make_id(kind, TEXT_OURS(uuid), id);
    snprintf(topic, 96, "infoscreen/console/ack/%s", id);
}

/* As it was said of an occurrence that was named alike. */
static void hear_acknowledgement(struct job_host *h)
{
    char topic[96], payload[400];

    topic_of_ack(ALARM_SERVICE_FAILED, LOBBY, topic);
    snprintf(payload, sizeof payload,
             "{\"alarm_id\":\"%s\",\"action\":\"acknowledge\",\"by\":\"berta\","
             "\"at\":\"2026-04-05T08:00:00.000Z\",\"raised_at\":\"2026-04-05T08:00:00Z\","
             "\"acknowledged_by\":\"berta\",\"acknowledged_at\":\"2026-04-05T08:00:00.000Z\","
             "\"shelved_until\":null,\"note\":null}",
             strrchr(topic, '/') + 1);
    session_hear(h, topic, payload, true);
}

/* Each call meets a fleet of three: the lobby's service failed, the others crashed. */
static int run_on_fleet(const struct cli_globals *g, struct job *j)
{
    struct config config = g->config;
    struct err e = {0};

    if (an_hour && !config_set(&config, an_hour, "1h", &e))
        fail_msg("%s", e.text);
    struct job_host *h = session_new(&config);

    h->unreachable = unreachable;
    h->deaf = deaf;
    h->mute = mute;
    h->refusal = refusal;
    h->refused_topic = refused_topic;
    session_hear(h, "infoscreen/" LOBBY "/service_failed", FAILED(LOBBY), true);
    session_hear(h, "infoscreen/" OTHER "/heartbeat", "{\"process_status\":\"crashed\"}", false);
    session_hear(h, "infoscreen/" UPPER "/heartbeat", "{\"process_status\":\"crashed\"}", false);
    if (acknowledged)
        hear_acknowledgement(h);
    if (cleared)
        session_hear(h, "infoscreen/" LOBBY "/service_failed", "", true);
    const int code = session_run(h, j);
    *published = h->published;
    session_free(h);
    return code;
}

static const struct cli_host fleet = {.run_job = run_on_fleet};

static int reset(void **state)
{
    (void)state;
    unreachable = deaf = mute = acknowledged = cleared = false;
    refusal = refused_topic = an_hour = NULL;
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
}

static void test_refused(void **state)
{
    char topic[96];
    (void)state;

    topic_of_ack(ALARM_SERVICE_FAILED, LOBBY, topic);
    refusal = "the broker refuses to take infoscreen/console/presence/0";
    refused_topic = topic;
    struct ran r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.err, topic));
    assert_null(strstr(r.err, "presence"));
    refused_topic = "infoscreen/" LOBBY "/service_failed";
    r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.err, refused_topic));
}

/* The alarm is acknowledged here before the broker has its say. */
static void test_refused_without_a_clear(void **state)
{
    char topic[96];
    (void)state;

    topic_of_ack(ALARM_PROCESS_CRASHED, OTHER, topic);
    refused_topic = topic;
    const struct ran r = run_cli("ack 9b8d2", &fleet);
    assert_int_equal(r.code, 1);
    assert_non_null(strstr(r.err, topic));
    assert_int_equal(run_cli("ack 9b8d1", &fleet).code, 0); /* another one's */
}

/* A console without the right to say that it is there may acknowledge. */
static void test_refused_presence(void **state)
{
    (void)state;
    refusal = "the broker refuses to take infoscreen/console/presence/0";
    assert_int_equal(run_cli("ack 9b8d1", &fleet).code, 0);
    assert_int_equal(*published, 2);
    deaf = true;
    const struct ran r = run_cli("ack 9b8d1", &fleet);
    assert_int_equal(r.code, 5);
    assert_null(strstr(r.err, "presence"));
}

static void test_clears_what_was_acknowledged(void **state)
{
    (void)state;
    acknowledged = true;
    const struct ran r = run_cli("ack 9b8d1 -o json", &fleet);
    if (r.code != 0)
        fail_msg("%d %s", r.code, r.err);
    assert_int_equal(*published, 1);
    assert_non_null(strstr(r.out, "\"state\":\"normal\""));
    assert_non_null(strstr(r.out, "\"acknowledged_by\":\"berta\""));
}

/* Cleared, it stands acknowledged for its off_delay: neither published nor waited for. */
static void test_nothing_left_to_do(void **state)
{
    (void)state;
    acknowledged = cleared = true;
    an_hour = "alarms.off_delay.service_failed";
    const struct ran r = run_cli("ack 9b8d1", &fleet);
    if (r.code != 0)
        fail_msg("%d %s", r.code, r.err);
    assert_int_equal(*published, 0);
    assert_non_null(strstr(r.out, "already acknowledged by berta"));
    cleared = acknowledged = false;
    assert_int_equal(run_cli("ack 9b8d1", &fleet).code, 0);
    assert_int_equal(*published, 2);
}

static void test_spelling(void **state)
{
    (void)state;
    assert_non_null(strstr(run_cli("ack abcdef 9b8d1 -o json", &fleet).out,
                           "\"client_uuid\":\"" UPPER "\""));
    assert_non_null(strstr(run_cli("shelve abcdef --for 2h -o json", &fleet).out, UPPER));
    assert_non_null(strstr(run_cli("unshelve abcdef -o csv", &fleet).out, UPPER));
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
        cmocka_unit_test_setup(test_refused, reset),
        cmocka_unit_test_setup(test_refused_without_a_clear, reset),
        cmocka_unit_test_setup(test_refused_presence, reset),
        cmocka_unit_test_setup(test_clears_what_was_acknowledged, reset),
        cmocka_unit_test_setup(test_nothing_left_to_do, reset),
        cmocka_unit_test_setup(test_spelling, reset),
        cmocka_unit_test_setup(test_shelve, reset),
        cmocka_unit_test_setup(test_clear_is_awaited, reset),
        cmocka_unit_test_setup(test_live, reset),
    };
    published = mmap(NULL, sizeof *published, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
