/* The persistent session: nothing that the broker was told we took can be lost. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define U1     "41aa03c2-0000-4000-8000-000000000001"
#define ACK    "infoscreen/" U1 "/commands/ack"
#define ALIAS  "infoscreen/" U1 "/command/ack"
#define FAILED "infoscreen/" U1 "/service_failed"
#define HEALTH "infoscreen/" U1 "/health"

static const char durable_conf[] =
    "allow_anonymous true\npersistence true\npersistence_location %d/\n"
    "autosave_on_changes true\nautosave_interval 1";

static struct seen *next_journal(struct watch *w, const char *topic)
{
    struct seen *s;
    do
        s = watch_message(w, topic);
    while (!s->journal);
    return s;
}

static struct seen *start_recording(struct watch *w, const struct link_options *o, bool hold)
{
    watch_start(w, o);
    w->hold = hold;
    watch_kind(w, LINK_CONNECTED);
    assert_true(link_set_recording(w->link, true));
    struct seen *s = watch_kind(w, LINK_JOURNAL_STATE);
    assert_true(s->complete);
    return s;
}

/* Another program with our id, as a copied database makes one: it has the session while it is
 * there. */
static void test_two_programs_on_one_session(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    const struct link_options o = link_options_of(&b);
    start_recording(&w, &o, false);
    for (int i = 0; i < 2; i++) {
        struct peer *other = peer_open(b.port, "test-journal");
        struct seen *s = watch_kind(&w, LINK_JOURNAL_STATE);
        assert_false(s->complete);
        peer_close(other);
        s = watch_kind(&w, LINK_JOURNAL_STATE);
        assert_true(s->complete);
    }
    watch_until(&w, strcmp(w.status.contested.clean, "test-journal") == 0);
    assert_int_equal(w.count[LINK_ENDED], 0); /* `live` goes on */
    watch_stop(&w);
    broker_stop(&b);
}

static int journal_count(const struct watch *w, const char *payload)
{
    int n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->seen[i].kind == LINK_MESSAGE && w->seen[i].journal &&
             strcmp(w->seen[i].payload, payload) == 0;
    return n;
}

static void wait_for_session(struct watch *w)
{
    /* Its SUBACK isn't told; what `live` publishes after it comes back through the session. */
    for (int i = 0;; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "probe %d", i);
        link_publish(w->link, 0, ALIAS, payload, strlen(payload), 1, false);
        const int64_t until = clock_mono_ms() + 500;
        while (clock_mono_ms() < until) {
            watch_wait(w, 20);
            if (journal_count(w, payload))
                return;
        }
        assert_true(i < 20);
    }
}

/* A broker that ends takes both connections: that is no contest. */
static void test_broker_restarts_twice(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, durable_conf);
    const struct link_options o = link_options_of(&b);
    start_recording(&w, &o, false);
    for (int i = 0; i < 2; i++) {
        broker_end(&b, SIGTERM);
        watch_kind(&w, LINK_ENDED);
        broker_spawn(&b);
        watch_kind(&w, LINK_CONNECTED);
        watch_until(&w, w.status.journal_up);
    }
    wait_for_session(&w); /* a contest would have been told of before */
    assert_string_equal(w.status.contested.clean, "");
    watch_stop(&w);
    broker_stop(&b);
}

static void test_session_is_kept(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, durable_conf);
    const struct link_options o = link_options_of(&b);
    assert_false(start_recording(&w, &o, false)->session_present);
    wait_for_session(&w);
    watch_stop(&w);

    struct peer *device = peer_open(b.port, "device");
    peer_publish(device, ACK, "while away", 1, false);
    peer_publish(device, FAILED, "raised while away", 1, true);
    peer_publish(device, FAILED, "", 1, true);
    peer_settle(device);
    assert_true(start_recording(&w, &o, false)->session_present);
    assert_string_equal(next_journal(&w, ACK)->payload, "while away");
    struct seen *s = next_journal(&w, FAILED);
    assert_true(s->retained && s->rap); /* live, as it was published: not a stored copy */
    s = next_journal(&w, FAILED);
    assert_true(s->retained && s->payload_len == 0);
    watch_kind(&w, LINK_JOURNAL_SLICE);
    watch_until(&w, w.status.journal_up && w.status.session_present);

    /* A broker that is restarted: reconnected by itself, the session still there. */
    broker_end(&b, SIGTERM);
    s = watch_kind(&w, LINK_JOURNAL_STATE);
    assert_false(s->complete);
    broker_spawn(&b);
    do
        s = watch_kind(&w, LINK_JOURNAL_STATE);
    while (!s->complete);
    assert_true(s->session_present);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

/* Retained ones that were there before come over `live` alone. */
static void test_no_snapshot_here(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    struct peer *device = peer_open(b.port, "device");
    peer_publish(device, FAILED, "stored", 1, true);
    peer_settle(device);
    const struct link_options o = link_options_of(&b);
    start_recording(&w, &o, false);
    wait_for_session(&w);
    assert_int_equal(journal_count(&w, "stored"), 0);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

/* The store can't commit: what was read isn't acknowledged, `live` goes on; a session that ends so
 * gets the same again. */
static void test_puback_waits(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, durable_conf);
    const struct link_options o = link_options_of(&b);
    start_recording(&w, &o, false);
    wait_for_session(&w);
    struct peer *device = peer_open(b.port, "device");
    w.hold = true;
    peer_publish(device, ACK, "one", 1, false);
    peer_settle(device);
    next_journal(&w, ACK);
    watch_kind(&w, LINK_JOURNAL_SLICE);

    /* Stalled: nothing more is read here, everything else lives. */
    peer_publish(device, ACK, "two", 1, false);
    peer_publish(device, HEALTH, "{}", 0, false);
    watch_message(&w, HEALTH);
    assert_true(link_publish(w.link, 9, HEALTH, "x", 1, 1, false));
    assert_int_equal(watch_kind(&w, LINK_PUBLISHED)->token, 9);
    assert_int_equal(journal_count(&w, "two"), 0);

    /* Ended before it was durable: again. */
    watch_stop(&w);
    assert_true(start_recording(&w, &o, true)->session_present);
    watch_until(&w, journal_count(&w, "one") == 1);

    /* Closed because another process took the role: again, too. */
    assert_true(link_set_recording(w.link, false));
    assert_false(watch_kind(&w, LINK_JOURNAL_STATE)->complete);
    const int before = journal_count(&w, "one");
    w.hold = false;
    assert_true(link_set_recording(w.link, true));
    watch_until(&w, journal_count(&w, "one") > before && journal_count(&w, "two") > 0);

    /* Durable now: acknowledged, and never again. */
    peer_publish(device, ACK, "three", 1, false);
    watch_until(&w, journal_count(&w, "three") == 1);
    watch_kind(&w, LINK_JOURNAL_SLICE);
    wait_for_session(&w);
    watch_stop(&w);
    start_recording(&w, &o, false);
    wait_for_session(&w);
    assert_int_equal(journal_count(&w, "one") + journal_count(&w, "two"), 0);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

/* Slices under load, each committed late: all of it once, in order. */
static void test_load(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    enum { MANY = 3000 };
    broker_start(&b, "allow_anonymous true\nmax_queued_messages 0");
    const struct link_options o = link_options_of(&b);
    start_recording(&w, &o, false);
    wait_for_session(&w);
    struct peer *device = peer_open(b.port, "device");
    for (int i = 0; i < MANY; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%d", i);
        peer_publish(device, ACK, payload, 1, false);
        if (i % 10 == 0)
            watch_drain(&w);
    }
    peer_settle(device);
    char last[16];
    snprintf(last, sizeof last, "%d", MANY - 1);
    watch_until(&w, journal_count(&w, last) == 1);
    int expected = 0;
    for (size_t i = 0; i < w.n; i++)
        if (w.seen[i].kind == LINK_MESSAGE && w.seen[i].journal &&
            strcmp(w.seen[i].topic, ACK) == 0)
            assert_int_equal(atoi(w.seen[i].payload), expected++);
    assert_int_equal(expected, MANY);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_programs_on_one_session),
        cmocka_unit_test(test_broker_restarts_twice),
        cmocka_unit_test(test_session_is_kept),
        cmocka_unit_test(test_no_snapshot_here),
        cmocka_unit_test(test_puback_waits),
        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
