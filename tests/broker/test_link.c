/* The link against a real Mosquitto: what it tells, what it publishes, how it comes back. */
#include "rig.h"

#include <netdb.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define U1     "41aa03c2-0000-4000-8000-000000000001"
#define BEAT   "infoscreen/" U1 "/heartbeat"
#define ACK    "infoscreen/" U1 "/commands/ack"
#define ALIAS  "infoscreen/" U1 "/command"
#define FAILED "infoscreen/" U1 "/service_failed"

/* A name service that hangs, for one name. */
static atomic_bool hanging_lookup_may_end;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (name && strcmp(name, "hangs.test") == 0 && !(hints->ai_flags & AI_NUMERICHOST)) {
        while (!atomic_load(&hanging_lookup_may_end))
            usleep(10000);
        return EAI_AGAIN;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, hints, out);
}

static void test_talks(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    struct peer *device = peer_open(b.port, "device");
    peer_publish(device, FAILED, "{\"unit\":\"x\"}", 1, true);
    peer_publish(device, BEAT, "stale", 1, true);
    peer_settle(device);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);

    char expected[64];
    snprintf(expected, sizeof expected, "connected to 127.0.0.1:%d over MQTT 5", b.port);
    assert_string_equal(watch_kind(&w, LINK_CONNECTED)->words, expected);
    struct seen *s = watch_message(&w, FAILED);
    assert_true(s->retained && s->rap && !s->journal);
    assert_true(watch_kind(&w, LINK_SNAPSHOT)->complete);

    peer_publish(device, BEAT, "{}", 0, true); /* live, though sent with retain */
    s = watch_message(&w, BEAT);
    assert_false(s->retained);
    assert_false(s->rap);
    peer_publish(device, FAILED, "", 1, true);
    s = watch_message(&w, FAILED);
    assert_true(s->retained && s->rap && s->payload_len == 0);
    peer_publish(device, FAILED, "", 1, false);
    s = watch_message(&w, FAILED);
    assert_true(!s->retained && s->rap);
    for (size_t i = 0; i < w.n; i++) /* a stored heartbeat doesn't even come */
        assert_false(w.seen[i].kind == LINK_MESSAGE && strcmp(w.seen[i].payload, "stale") == 0);

    peer_subscribe(device, ACK, 1);
    assert_true(link_publish(w.link, 7, ACK, "hello", 5, 1, false));
    s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->token, 7);
    assert_int_equal(s->reason, 0);
    /* Nobody subscribes to the alias, the link least of all: 0x10 says that the device isn't there.
     */
    assert_true(link_publish(w.link, 8, ALIAS, "hello", 5, 1, false));
    s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->token, 8);
    assert_int_equal(s->reason, 0x10);
    assert_true(link_publish(w.link, 9, "a/#", "x", 1, 1, false));
    s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->reason, LINK_UNSENDABLE);
    watch_until(&w, w.status.phase == LINK_UP && w.status.protocol == 5 && w.status.received > 3);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_publishes_many(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    struct peer *device = peer_open(b.port, "device");
    peer_subscribe(device, "many/#", 0);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    for (uint64_t i = 1; i <= 1000; i++) {
        char topic[32];
        snprintf(topic, sizeof topic, "many/%d", (int)i);
        while (!link_publish(w.link, i, topic, "x", 1, 1, false))
            watch_wait(&w, 10);
    }
    watch_until(&w, w.count[LINK_PUBLISHED] == 1000);
    uint64_t expected = 1;
    for (size_t i = 0; i < w.n; i++)
        if (w.seen[i].kind == LINK_PUBLISHED)
            assert_int_equal(w.seen[i].token, expected++);
    peer_until(device, device->messages == 1000);
    peer_close(device);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_read_only(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    struct peer *device = peer_open(b.port, "device");
    peer_subscribe(device, "infoscreen/#", 0);
    struct link_options o = link_options_of(&b);
    o.read_only = true;
    o.presence_topic = "infoscreen/console/presence/r1";
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    assert_true(link_publish(w.link, 3, "infoscreen/x", "x", 1, 1, true));
    struct seen *s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->token, 3);
    assert_int_equal(s->reason, LINK_READ_ONLY);
    watch_stop(&w);
    peer_publish(device, "infoscreen/end", "x", 1, false);
    peer_until(device, device->messages > 0);
    assert_string_equal(device->topic, "infoscreen/end");
    peer_close(device);
    broker_stop(&b);
}

/* What is asked for right before the end goes out; a session that is cut is cleared by its will. */
static void test_presence(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    static const char topic[] = "infoscreen/console/presence/r2";
    broker_start(&b, NULL);
    struct peer *other = peer_open(b.port, "other");
    peer_subscribe(other, topic, 1);
    struct link_options o = link_options_of(&b);
    o.presence_topic = topic;
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    link_publish(w.link, 0, topic, "{}", 2, 1, true);
    peer_until(other, other->messages >= 1);
    struct peer *thief = peer_open(b.port, "test-live"); /* its place is taken: the will */
    peer_until(other, other->messages >= 2);
    assert_string_equal(other->payload, "");
    assert_non_null(strstr(watch_kind(&w, LINK_ENDED)->words, "same client id"));
    peer_close(thief);
    watch_kind(&w, LINK_CONNECTED);
    link_publish(w.link, 0, topic, "{}", 2, 1, true);
    link_publish(w.link, 0, topic, "bye", 3, 1, true);
    watch_stop(&w);
    peer_until(other, strcmp(other->payload, "bye") == 0);
    peer_close(other);
    broker_stop(&b);
}

/* Mosquitto 2.0.11 says nothing to the one whose place is taken. */
static void test_taken_over(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    for (int i = 0; i < 3; i++) {
        watch_kind(&w, LINK_CONNECTED);
        struct peer *thief = peer_open(b.port, "test-live");
        watch_kind(&w, LINK_ENDED);
        peer_close(thief);
    }
    assert_non_null(strstr(w.seen[w.next - 1].words, "two programs use the client id test-live"));
    watch_until(&w, strcmp(w.status.contested.clean, "test-live") == 0);
    watch_until(&w, w.status.phase == LINK_WAITING);
    assert_true(w.status.next_try_mono - clock_mono_ms() > 15000); /* the other one may work */
    watch_stop(&w);
    broker_stop(&b);
}

static void test_comes_back(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_start(&b, NULL);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    broker_end(&b, SIGKILL);
    watch_kind(&w, LINK_ENDED);
    assert_true(link_publish(w.link, 5, "late", "x", 1, 1, true)); /* never goes out */
    struct seen *s = watch_kind(&w, LINK_TRY_FAILED);
    assert_non_null(strstr(s->words, "refuses the connection"));
    watch_until(&w, w.status.phase == LINK_WAITING && w.status.next_try_mono > 0);
    broker_spawn(&b);
    link_retry_now(w.link);
    watch_kind(&w, LINK_CONNECTED);
    watch_kind(&w, LINK_SNAPSHOT);
    struct peer *c = peer_open(b.port, "late");
    peer_subscribe(c, "late", 1);
    peer_publish(c, "infoscreen/" U1 "/health", "{}", 0, false);
    watch_message(&w, "infoscreen/" U1 "/health");
    assert_int_equal(c->messages, 0);
    assert_int_equal(w.count[LINK_PUBLISHED], 0);
    peer_close(c);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_next_host(void **state)
{
    (void)state;
    struct broker a, b;
    struct watch w;
    char list[128];
    broker_start(&a, NULL);
    broker_start(&b, NULL);
    snprintf(list, sizeof list, "127.0.0.1:%d, [::1]:%d ,127.0.0.1:%d", a.port, a.port, b.port);
    struct link_options o = link_options_of(&a);
    o.hosts = list;
    o.port = 0;
    watch_start(&w, &o);
    snprintf(list, sizeof list, ":%d ", a.port);
    assert_non_null(strstr(watch_kind(&w, LINK_CONNECTED)->words, list));
    broker_end(&a, SIGTERM);
    const int64_t from = clock_mono_ms();
    snprintf(list, sizeof list, ":%d ", b.port);
    assert_non_null(strstr(watch_kind(&w, LINK_CONNECTED)->words, list));
    assert_true(clock_mono_ms() - from < 1000); /* the others are tried at once */
    watch_stop(&w);
    broker_stop(&a);
    broker_stop(&b);
}

static void test_password(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_prepare(&b, "allow_anonymous false\npassword_file %d/pw");
    rig_run("mosquitto_passwd -c -b %s/pw anna right", b.dir);
    broker_spawn(&b);
    struct link_options o = link_options_of(&b);
    o.username = "anna";
    o.password = "wrong";
    watch_start(&w, &o);
    assert_non_null(strstr(watch_kind(&w, LINK_TRY_FAILED)->words, "password"));
    watch_stop(&w);
    o.password = "right";
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_not_authorised(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    broker_prepare(&b, "allow_anonymous true\nacl_file %d/acl");
    rig_run("echo 'topic read #' > %s/acl", b.dir);
    broker_spawn(&b);
    const struct link_options o = link_options_of(&b);
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    link_publish(w.link, 4, "infoscreen/x", "x", 1, 1, false);
    assert_int_equal(watch_kind(&w, LINK_PUBLISHED)->reason, 0x87);
    watch_stop(&w);
    broker_stop(&b);
}

static void test_unknown_host(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = {.hosts = "no-such-host.invalid", .live_id = "x"};
    watch_start(&w, &o);
    assert_non_null(strstr(watch_kind(&w, LINK_TRY_FAILED)->words, "unknown host"));
    watch_stop(&w);
}

static void test_quits_while_the_name_service_hangs(void **state)
{
    (void)state;
    struct watch w;
    const struct link_options o = {.hosts = "hangs.test", .live_id = "x"};
    watch_start(&w, &o);
    watch_until(&w, w.status.phase == LINK_CONNECTING);
    const int64_t from = clock_mono_ms();
    watch_stop(&w);
    assert_true(clock_mono_ms() - from < 500);
    atomic_store(&hanging_lookup_may_end, true);
}

/* A host that drops what it gets: a listener whose queue is full answers no SYN. */
static void test_silent_host(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    char list[128];
    broker_start(&b, NULL);
    kill(b.pid, SIGSTOP); /* TCP connects, nobody answers */
    snprintf(list, sizeof list, "127.0.0.1:%d", b.port);
    const struct link_options o = {.hosts = list, .live_id = "x"};
    watch_start(&w, &o);
    struct seen *s = watch_kind(&w, LINK_TRY_FAILED);
    assert_non_null(strstr(s->words, "does not answer in time"));
    const int64_t from = clock_mono_ms();
    watch_stop(&w);
    assert_true(clock_mono_ms() - from < 500);
    broker_stop(&b);
}

static void test_hosts_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a:0", "a:70000", "[::1", "[::1]x", ":1", "a:", "a,b:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        const struct link_options o = {.hosts = bad[i], .live_id = "x"};
        assert_null(link_start(&o, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, ": "));
    }
    struct err e = {0};
    const struct link_options o = {.hosts = "a", .live_id = "x", .cafile = "/nonexistent/ca.pem"};
    assert_null(link_start(&o, &e));
    assert_int_equal(e.code, EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
        cmocka_unit_test(test_publishes_many),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_next_host),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_not_authorised),
        cmocka_unit_test(test_unknown_host),
        cmocka_unit_test(test_quits_while_the_name_service_hangs),
        cmocka_unit_test(test_silent_host),
        cmocka_unit_test(test_hosts_refused),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
