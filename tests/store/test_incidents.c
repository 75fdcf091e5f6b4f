/* Incidents out of a real database, and the thread that reads for the screen. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"
#include "rig.h"
#include "store/lookback.h"

#define HOUR  INT64_C(3600000)
#define AFTER INT64_C(900000)

static void put_alarm(struct store *s, unsigned n, int64_t at, enum event_kind kind)
{
    struct alarm a =
        rig_alarm(n, kind == EVENT_ALARM_CLEARED ? ALARM_NORMAL : ALARM_UNACKNOWLEDGED);
    struct history_event ev = rig_event(n, at, kind);

    TEXT_SET(&a.group, "vienna", 6);
    a.active = a.state != ALARM_NORMAL;
    a.raised_at = at;
    if (!a.active) {
        a.raised_at = at - 1000;
        a.cleared_at = at;
    }
    memcpy(ev.alarm_id, a.id, sizeof ev.alarm_id);
    assert_true(store_put_alarm(s, &a, NULL, 0));
    assert_true(store_put_history(s, &ev, NULL, 0));
}

static void put_log(struct store *s, unsigned n, int64_t at, const char *level)
{
    struct log_line l = {.at = at, .client = rig_client(n).id, .message = {"it broke"}};

    TEXT_SET(&l.level, level, strlen(level));
    assert_true(store_put_log(s, &l));
}

static void read_since(struct rig *r, int64_t since, struct incident_report *out)
{
    struct err e = {0};
    struct reader *reader = reader_open(r->db, &e);
    const struct incident_query q = {since, TIME_NONE, AFTER};

    if (!reader || !reader_incidents(reader, &q, out, &e))
        fail_msg("%s", e.text);
    reader_close(reader);
}

/* A night: what was over before is not listed, what began before and goes on is, from its
 * beginning. */
static void the_edge_of_the_time_cuts_nothing(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t now = clock_wall_ms();
    struct incident_report whole, part;

    put_alarm(s, 5, now - 70 * HOUR, EVENT_ALARM_RAISED);
    put_alarm(s, 5, now - 69 * HOUR, EVENT_ALARM_CLEARED); /* over long ago */
    put_alarm(s, 1, now - 40 * HOUR, EVENT_ALARM_RAISED); /* the same group, the same moment: … */
    put_alarm(s, 2, now - 40 * HOUR + 60000, EVENT_ALARM_RAISED);
    put_alarm(s, 1, now - 39 * HOUR,
              EVENT_ALARM_CLEARED); /* … one that goes on without its first */
    put_alarm(s, 3, now - 2 * HOUR, EVENT_ALARM_RAISED);
    rig_settle(s);
    read_since(r, now - 90 * HOUR, &whole);
    assert_int_equal(whole.set.count, 3);
    for (int hours = 1; hours < 60; hours += 7) {
        read_since(r, now - hours * HOUR, &part);
        assert_int_equal(part.set.count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_string_equal(part.set.list[i].id, whole.set.list[i + 1].id);
            assert_int_equal(part.set.list[i].began_at, whole.set.list[i + 1].began_at);
            assert_int_equal(part.set.list[i].event_count, whole.set.list[i + 1].event_count);
        }
        incident_report_fini(&part);
    }
    incident_report_fini(&whole);
    store_close(s);
}

/* Nothing that stands now tells of it: its end alone lies within the time. */
static void what_ended_within_is_told_from_its_beginning(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t now = clock_wall_ms();
    struct incident_report found;

    put_alarm(s, 1, now - 30 * HOUR, EVENT_ALARM_RAISED);
    put_alarm(s, 1, now - 20 * HOUR, EVENT_ALARM_CLEARED);
    put_alarm(s, 1, now - 10 * HOUR, EVENT_ALARM_RAISED);
    put_alarm(s, 1, now - 9 * HOUR, EVENT_ALARM_CLEARED);
    rig_settle(s);
    read_since(r, now - 21 * HOUR, &found);
    assert_int_equal(found.set.count, 2);
    assert_int_equal(found.set.list[0].began_at, now - 30 * HOUR);
    assert_int_equal(found.set.list[0].ended_at, now - 20 * HOUR);
    incident_report_fini(&found);
    store_close(s);
}

static void what_belongs_to_it(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t now = clock_wall_ms();
    struct command c = rig_command(1, COMMAND_COMPLETED);
    struct history_event sent = rig_event(1, now - 50000, EVENT_COMMAND_PUBLISHED);
    struct history_event handed = {.at = now - 90000, .kind = EVENT_NOTE, .by = {"clara"}};
    struct incident_report found;

    handed.summary.id = INCIDENT_HANDED_OVER;
    sent.command = c.id;
    assert_true(store_put_history(s, &handed, NULL, 0));
    put_alarm(s, 1, now - 60000, EVENT_ALARM_RAISED);
    assert_true(store_put_command(s, &c));
    assert_true(store_put_history(s, &sent, NULL, 0));
    put_log(s, 1, now - 59000, "info");
    put_log(s, 1, now - 61000, "error");
    put_log(s, 1, now - 55000, "warning");
    put_log(s, 2, now - 55000, "error");
    put_log(s, 1, now - 10 * HOUR, "error");
    rig_settle(s);
    read_since(r, now - HOUR, &found);
    assert_int_equal(found.set.count, 1);
    const struct incident *i = &found.set.list[0];
    assert_int_equal(i->command_count, 1);
    const struct command *done = incident_report_command(&found, &i->commands[0]);
    assert_non_null(done);
    assert_int_equal(done->status, COMMAND_COMPLETED);
    assert_int_equal(i->log_count, 2);
    assert_string_equal(i->logs[0].level.clean, "error");
    assert_string_equal(i->logs[1].level.clean, "warning");
    assert_int_equal(found.handed_over_at, now - 90000);
    assert_string_equal(found.handed_over_by.clean, "clara");
    incident_report_fini(&found);
    store_close(s);
}

/* ---- the thread ---- */

static struct past_answer *ask(struct lookback *l, struct past_question q)
{
    struct past_answer *a = NULL;

    assert_true(lookback_ask(l, &q));
    for (int tries = 0; !a && tries < 300; tries++) {
        struct pollfd fd = {.fd = lookback_fd(l), .events = POLLIN};
        poll(&fd, 1, 100);
        a = lookback_take(l);
    }
    assert_non_null(a);
    assert_true(past_same_question(&a->question, &q));
    return a;
}

static struct past_question question(enum past_kind kind, const char *filter)
{
    struct past_question q = {.kind = kind, .since_at = TIME_NONE, .until_at = TIME_NONE};

    snprintf(q.filter, sizeof q.filter, "%s", filter);
    return q;
}

static void put_image(struct store *s, enum client_state st, int64_t at)
{
    struct client c = rig_client(1);
    struct history_event ev = rig_event(1, at, EVENT_STATE_CHANGED);
    struct buf image = BUF_INIT;

    c.state = st;
    assert_true(image_of_client(&c, &image));
    assert_true(store_put_client(s, &c));
    assert_true(store_put_history(s, &ev, image.data, image.len));
    buf_fini(&image);
}

static void the_screen_is_told(void **state)
{
    struct rig *r = *state;
    struct store *s = rig_open(r, true, true);
    const int64_t now = clock_wall_ms();
    struct config config;

    config_init(&config);
    put_image(s, CLIENT_CRASHED, now - 5000);
    put_image(s, CLIENT_ONLINE, now - 3000);
    put_alarm(s, 1, now - 2000, EVENT_ALARM_RAISED);
    put_log(s, 1, now - 1000, "error");
    put_log(s, 1, now - 900, "info");
    rig_settle(s);
    struct lookback *l = lookback_open(r->db, &config);
    assert_non_null(l);

    struct past_answer *a = ask(l, question(PAST_HISTORY, ""));
    assert_int_equal(a->event_count, 3);
    assert_int_equal(a->events[0].kind, EVENT_ALARM_RAISED);
    past_answer_free(a);
    a = ask(l, question(PAST_HISTORY, "name:lobby-1 kind:state_changed"));
    assert_int_equal(a->event_count, 2);
    past_answer_free(a);
    a = ask(l, question(PAST_LOGS, "level:err group:vienna"));
    assert_int_equal(a->log_count, 1);
    past_answer_free(a);

    struct past_question q = question(PAST_LOGS, "");
    q.until_at = now - 950;
    a = ask(l, q);
    assert_int_equal(a->log_count, 1);
    past_answer_free(a);
    q = question(PAST_INCIDENTS, "");
    q.since_at = now - HOUR;
    a = ask(l, q);
    assert_int_equal(a->incidents.set.count, 1);
    past_answer_free(a);
    q = question(PAST_CLIENT, "");
    q.client = rig_client(1).id;
    a = ask(l, q);
    assert_int_equal(a->client.raised[ALARM_SERVICE_FAILED], 1);
    past_answer_free(a);
    q = question(PAST_FLEET, "");
    q.until_at = now - 4000;
    a = ask(l, q);
    assert_int_equal(a->error.code, 0);
    assert_int_equal(core_client(a->fleet, 0)->state, CLIENT_CRASHED);
    past_answer_free(a);
    q.until_at = now - HOUR;
    a = ask(l, q);
    assert_int_equal(a->error.code, EXIT_NOT_FOUND);
    past_answer_free(a);
    lookback_close(l);
    store_close(s);
}

static void no_database_is_an_answer_too(void **state)
{
    struct rig *r = *state;
    struct config config;

    config_init(&config);
    struct lookback *l = lookback_open(r->db, &config);
    struct past_answer *a = ask(l, question(PAST_HISTORY, ""));
    assert_int_equal(a->error.code, EXIT_NOT_FOUND);
    past_answer_free(a);
    lookback_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_edge_of_the_time_cuts_nothing),
        RIG_TEST(what_ended_within_is_told_from_its_beginning),
        RIG_TEST(what_belongs_to_it),
        RIG_TEST(the_screen_is_told),
        RIG_TEST(no_database_is_an_answer_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
