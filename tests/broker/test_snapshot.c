/* Retained messages from a Mosquitto with default limits: all of them, in the order of their worth.
 */
#include "rig.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS  10000
#define GROUPS   5000
#define FAILURES 1500

static struct broker broker;

static const char *client_topic(int i, const char *leaf)
{
    static char topic[96];
    snprintf(topic, sizeof topic, "infoscreen/%08x-0000-4000-8000-%012d/%s", (unsigned)i, i, leaf);
    return topic;
}

static int setup(void **state)
{
    (void)state;
    broker_start(&broker, NULL);
    struct peer *p = peer_open(broker.port, "filler");
    for (int i = 0; i < CLIENTS; i++) {
        if (i < FAILURES)
            peer_publish(p, client_topic(i, "service_failed"), "{\"unit\":\"a.service\"}", 1, true);
        if (i < GROUPS)
            peer_publish(p, client_topic(i, "group_id"), "lobby", 1, true);
        peer_publish(p, client_topic(i, "heartbeat"), "{}", 1, true); /* a device that errs */
    }
    peer_settle(p);
    peer_close(p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    broker_stop(&broker);
    return 0;
}

static int count_leaf(const struct watch *w, const char *leaf)
{
    int n = 0;
    for (size_t i = 0; i < w->n; i++) {
        const char *slash = w->seen[i].topic ? strrchr(w->seen[i].topic, '/') : NULL;
        n += w->seen[i].kind == LINK_MESSAGE && slash && strcmp(slash + 1, leaf) == 0;
    }
    return n;
}

static void test_all_come(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = link_options_of(&broker);
    const int64_t from = clock_mono_ms();
    watch_start(&w, &o);
    struct seen *end = watch_kind(&w, LINK_SNAPSHOT);
    assert_true(end->complete);
    assert_true(clock_mono_ms() - from < 10000);
    assert_int_equal(count_leaf(&w, "service_failed"), FAILURES);
    assert_int_equal(count_leaf(&w, "group_id"), GROUPS);
    assert_int_equal(count_leaf(&w, "heartbeat"), 0);
    size_t last_failure = 0, first_group = w.n;
    for (size_t i = 0; i < w.n; i++) {
        if (w.seen[i].kind != LINK_MESSAGE || !w.seen[i].retained)
            continue;
        if (strstr(w.seen[i].topic, "/service_failed"))
            last_failure = i;
        else if (strstr(w.seen[i].topic, "/group_id") && first_group == w.n)
            first_group = i;
    }
    assert_true(last_failure < first_group);
    assert_false(w.status.snapshot_cut);
    watch_stop(&w);
}

/* Exact names for all clients, as after a snapshot that was cut short; a live message in between.
 */
static void test_fetch(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = link_options_of(&broker);
    static char *topics[2 * CLIENTS];
    watch_start(&w, &o);
    watch_kind(&w, LINK_SNAPSHOT);
    for (int i = 0; i < CLIENTS; i++) {
        topics[2 * i] = strdup(client_topic(i, "group_id"));
        topics[2 * i + 1] = strdup(client_topic(i, "service_failed"));
    }
    struct peer *p = peer_open(broker.port, "device");
    const int64_t from = clock_mono_ms();
    assert_true(link_fetch(w.link, (const char *const *)topics, 2 * CLIENTS));
    assert_true(link_fetch(w.link, (const char *const *)topics, 1));
    peer_publish(p, client_topic(77777, "health"), "{}", 0, false);
    watch_message(&w, client_topic(77777, "health"));
    assert_true(clock_mono_ms() - from < 500); /* live traffic goes on */
    assert_int_equal(w.count[LINK_SNAPSHOT], 1);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    print_message("a fetch of %d topics took %d ms\n", 2 * CLIENTS, (int)(clock_mono_ms() - from));
    assert_true(clock_mono_ms() - from < 10000);
    /* All again, the first group once more. The wildcards had brought them all. */
    assert_int_equal(count_leaf(&w, "service_failed"), 2 * FAILURES);
    assert_int_equal(count_leaf(&w, "group_id"), 2 * GROUPS + 1);
    assert_false(w.status.snapshot_cut);

    /* The wildcards still stand, and each message comes once. */
    peer_publish(p, topics[0], "atrium", 1, true);
    peer_publish(p, client_topic(77777, "health"), "{}", 0, false);
    watch_message(&w, client_topic(77777, "health"));
    assert_int_equal(count_leaf(&w, "group_id"), 2 * GROUPS + 2);
    peer_close(p);
    watch_stop(&w);
    for (int i = 0; i < 2 * CLIENTS; i++)
        free(topics[i]);
}

/* What came live while the snapshot ran its course wasn't held back; what only its name brings was.
 */
static void test_what_was_held_back(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = link_options_of(&broker);
    static const char live[] = "infoscreen/ffffffff-0000-4000-8000-000000000001/group_id";
    static const char deeper[] = "infoscreen/no/wildcard/brings/this/group_id";
    const char *const first[] = {live}, *const second[] = {deeper};
    struct peer *p = peer_open(broker.port, "device");
    peer_publish(p, deeper, "vienna", 1, true);
    peer_settle(p);
    watch_start(&w, &o);
    watch_kind(&w, LINK_SNAPSHOT);
    peer_publish(p, live, "vienna", 1, true);
    watch_message(&w, live);
    assert_true(link_fetch(w.link, first, 1));
    watch_message(&w, live);
    watch_kind(&w, LINK_SNAPSHOT);
    assert_false(w.status.snapshot_cut);
    assert_true(link_fetch(w.link, second, 1));
    watch_until(&w, w.status.snapshot_cut);
    peer_publish(p, live, "", 1, true);
    peer_publish(p, deeper, "", 1, true);
    peer_settle(p);
    peer_close(p);
    watch_stop(&w);
}

static void test_fetch_of_nothing(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = link_options_of(&broker);
    const char *const absent[] = {"infoscreen/ffffffff-0000-4000-8000-000000000000/group_id"};
    watch_start(&w, &o);
    watch_kind(&w, LINK_SNAPSHOT);
    assert_true(link_fetch(w.link, NULL, 0));
    assert_true(link_fetch(w.link, absent, 1));
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);
    assert_false(w.status.snapshot_cut);
    watch_stop(&w);
}

/* The reader stands still while the flood comes: the link stops reading, and all is there in the
 * end. */
static void check_full_inbox(const char *leaf, int qos)
{
    struct broker b;
    struct watch w;
    enum { BIG = 60000, MANY = 600 }; /* 36 MB through 16 */
    char *payload = malloc(BIG + 1);
    broker_start(&b, "allow_anonymous true\nmax_queued_messages 0");
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    watch_kind(&w, LINK_SNAPSHOT);
    struct peer *p = peer_open(b.port, "device");
    const size_t heap = mallinfo2().uordblks;
    for (int i = 0; i < MANY; i++) {
        memset(payload, 'a' + i % 26, BIG);
        payload[BIG] = '\0';
        payload[snprintf(payload, 16, "%d", i)] = ' ';
        peer_publish(p, client_topic(i, leaf), payload, qos, false);
    }
    peer_settle(p);
    /* What doesn't fit stays with the broker: beyond the ring there is one slice at most. */
    peer_until(p, ring_used(link_inbox(w.link)) >= 15u << 20);
    for (const int64_t until = clock_mono_ms() + 500; clock_mono_ms() < until;) {
        /* A while is the question: nothing may come of more time. */
        assert_true(mallinfo2().uordblks < heap + (10u << 20));
        peer_turn(p, 10);
    }
    watch_until(&w, count_leaf(&w, strrchr(leaf, '/') ? "ack" : leaf) == MANY);
    int expected = 0;
    for (size_t i = 0; i < w.n; i++)
        if (w.seen[i].kind == LINK_MESSAGE && strstr(w.seen[i].topic, leaf))
            assert_int_equal(atoi(w.seen[i].payload), expected++);
    watch_until(&w, w.status.stalls > 0);
    assert_true(link_publish(w.link, 1, "x", "x", 1, 1, false)); /* it lives */
    watch_kind(&w, LINK_PUBLISHED);
    free(payload);
    peer_close(p);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_full_inbox(void **state)
{
    (void)state;
    check_full_inbox("commands/ack", 1);
    check_full_inbox("health", 0);
}

static void test_oversize(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = link_options_of(&broker);
    enum { BIG = 100000, BEYOND = 2 << 20 };
    char *payload = malloc(BEYOND + 1);
    memset(payload, 'x', BEYOND);
    watch_start(&w, &o);
    watch_kind(&w, LINK_SNAPSHOT);
    struct peer *p = peer_open(broker.port, "device");
    const char *topic = "infoscreen/"
                        "41aa03c2-0000-4000-8000-000000000001"
                        "/health";
    payload[BEYOND] = '\0';
    assert_true(mqtt_publish(p->mqtt, topic, payload, BIG, 1, false) > 0);
    p->sent++;
    peer_settle(p);
    struct seen *s = watch_message(&w, topic);
    assert_true(s->oversize);
    assert_int_equal(s->payload_len, BIG);
    assert_int_equal(strlen(s->payload), 65536);
    /* Beyond 1 MiB the broker withholds it and the connection stays. */
    rig_run("head -c %d /dev/zero | mosquitto_pub -h 127.0.0.1 -p %d -t %s -s", BEYOND, broker.port,
            topic);
    peer_publish(p, topic, "{}", 1, false);
    s = watch_message(&w, topic);
    assert_int_equal(s->payload_len, 2);
    assert_int_equal(w.count[LINK_ENDED], 0);
    free(payload);
    peer_close(p);
    watch_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_held_back),
        cmocka_unit_test(test_all_come),
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_fetch_of_nothing),
        cmocka_unit_test(test_full_inbox),
        cmocka_unit_test(test_oversize),
    };
    return cmocka_run_group_tests_name("snapshot", tests, setup, teardown);
}
