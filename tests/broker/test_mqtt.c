/* One connection: sessions, reasons, TLS, and every refusal in words. */
#include "rig.h"

#include "../port.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct broker plain, tls, strict; /* strict wants a certificate of its clients */
static char dir[64], ca[128], other_ca[128], cert[128], key[128];

static void make_authority(const char *name)
{
    rig_run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            "-subj /CN=%s -keyout %s.key -out %s.pem 2>/dev/null",
            dir, name, name, name);
}

static void make_certificate(const char *name, const char *san)
{
    rig_run("cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s "
            "-keyout %s.key -out %s.csr 2>/dev/null && printf 'subjectAltName=%s' > %s.ext && "
            "openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
            "-extfile %s.ext -out %s.pem 2>/dev/null",
            dir, name, name, name, san, name, name, name, name);
}

static void start_tls(struct broker *b, const char *more)
{
    char conf[1024];

    snprintf(conf, sizeof conf,
             "allow_anonymous true\nmax_queued_messages 0\ncafile %s/ca.pem\ncertfile "
             "%s/localhost.pem\nkeyfile %s/localhost.key\n%s",
             dir, dir, dir, more);
    broker_start(b, conf);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    make_authority("ca");
    make_authority("other");
    make_certificate("localhost", "DNS:localhost");
    make_certificate("console", "DNS:console");
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(other_ca, sizeof other_ca, "%s/other.pem", dir);
    snprintf(cert, sizeof cert, "%s/console.pem", dir);
    snprintf(key, sizeof key, "%s/console.key", dir);
    rig_run("chmod 755 %s; chmod 644 %s/*", dir, dir);
    broker_start(&plain, NULL);
    start_tls(&tls, "");
    start_tls(&strict, "require_certificate true");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    broker_stop(&plain);
    broker_stop(&tls);
    broker_stop(&strict);
    rig_run("rm -rf %s", dir);
    return 0;
}

static struct mqtt_options options(const struct broker *b)
{
    return (struct mqtt_options){
        .host = "127.0.0.1", .port = b->port, .keepalive_s = 10, .clean = true};
}

static void test_session(void **state)
{
    (void)state;
    struct mqtt_options o = options(&plain);
    o.client_id = "kept";
    o.clean = false;
    for (int protocol = 5; protocol >= 4; protocol--) {
        for (int i = 0; i < 2; i++) { /* the expiry went along with the asynchronous connect */
            o.protocol = protocol;
            o.session_expiry_s = 60;
            struct peer *p = peer_try(&o);
            assert_true(p->up);
            assert_int_equal(p->session_present, i == 1 || protocol == 4);
            peer_subscribe(p, "kept", 1);
            peer_close(p);
        }
    }
    o.protocol = 5;
    o.session_expiry_s = 0;
    peer_close(peer_try(&o));
    struct peer *p = peer_try(&o);
    assert_false(p->session_present);
    peer_close(p);
}

static void test_reasons(void **state)
{
    (void)state;
    struct peer *p = peer_open(plain.port, NULL);
    peer_publish(p, "nobody/listens", "x", 1, false);
    peer_settle(p);
    assert_int_equal(p->last_reason, 0x10);
    peer_subscribe(p, "somebody/#", 1);
    peer_publish(p, "somebody/listens", "x", 1, false);
    peer_settle(p);
    assert_int_equal(p->last_reason, 0);
    peer_until(p, p->messages);
    assert_string_equal(p->payload, "x");
    const char *const bad[] = {"a/#/b"};
    assert_int_equal(mqtt_subscribe(p->mqtt, bad, 1, 0, 0), -1);
    assert_int_equal(mqtt_publish(p->mqtt, "a/+", "x", 1, 1, false), -1);
    peer_close(p);
}

struct rejection {
    const char *name, *host;
    const struct broker *broker;
    const char *cafile, *cert, *key;
    bool insecure, tls;
    enum mqtt_failure why; /* NONE: it connects */
    const char *words;
};

static void test_tls(void **state)
{
    (void)state;
    const struct rejection rows[] = {
        {"all is right", "localhost", &tls, ca, NULL, NULL, false, false, MQTT_FAIL_NONE, NULL},
        {"another name", "127.0.0.1", &tls, ca, NULL, NULL, false, false, MQTT_FAIL_TLS_NAME,
         "name"},
        {"another name, allowed", "127.0.0.1", &tls, ca, NULL, NULL, true, false, MQTT_FAIL_NONE,
         NULL},
        {"unknown authority", "localhost", &tls, other_ca, NULL, NULL, false, false, MQTT_FAIL_TLS,
         "certificate"},
        {"unknown even if insecure", "localhost", &tls, other_ca, NULL, NULL, true, false,
         MQTT_FAIL_TLS, "certificate"},
        {"the system's authorities", "localhost", &tls, NULL, NULL, NULL, false, true,
         MQTT_FAIL_TLS, "certificate"},
        {"no TLS on the port", "localhost", &plain, ca, NULL, NULL, false, false, MQTT_FAIL_TLS,
         "port"},
        {"TLS on the port", "localhost", &tls, NULL, NULL, NULL, false, false, MQTT_FAIL_CLOSED,
         NULL},
        {"a certificate", "localhost", &strict, ca, cert, key, false, false, MQTT_FAIL_NONE, NULL},
        /* The alert says why, unless the reset of the same moment overtakes it. */
        {"no certificate", "localhost", &strict, ca, NULL, NULL, false, false, MQTT_FAIL_TLS,
         "TLS"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct rejection *r = &rows[i];
        struct mqtt_options o = options(r->broker);
        char words[400];
        o.host = r->host;
        o.address = "127.0.0.1";
        o.cafile = r->cafile;
        o.cert = r->cert;
        o.key = r->key;
        o.insecure = r->insecure;
        o.tls = r->tls;
        struct peer *p = peer_try(&o);
        words_render(&p->words, NULL, words, sizeof words);
        if (p->why != r->why)
            print_error("%s: %s\n", r->name, words);
        assert_int_equal(p->up, r->why == MQTT_FAIL_NONE);
        assert_int_equal(p->why, r->why);
        if (r->words)
            assert_non_null(strstr(words, r->words));
        peer_close(p);
    }
}

/* Decrypted bytes that poll() can't see: a flood through TLS arrives whole, and so does its end. */
static void test_flood_through_tls(void **state)
{
    (void)state;
    struct watch w;
    struct mqtt_options o = options(&tls);
    enum { MANY = 5000 };
    o.host = "localhost";
    o.cafile = ca;
    struct peer *p = peer_try(&o);
    const struct link_options l = {.hosts = "localhost",
                                   .port = tls.port,
                                   .cafile = ca,
                                   .live_id = "live",
                                   .journal_id = "journal"};
    watch_start(&w, &l);
    watch_kind(&w, LINK_SNAPSHOT);
    for (int i = 0; i < MANY; i++) {
        char payload[300];
        memset(payload, ' ', sizeof payload - 1);
        payload[sizeof payload - 1] = '\0';
        payload[snprintf(payload, 16, "%d", i)] = ' ';
        peer_publish(p, "infoscreen/41aa03c2-0000-4000-8000-000000000001/health", payload, 0,
                     false);
    }
    peer_settle(p);
    for (int i = 0; i < MANY; i++) {
        struct seen *s =
            watch_message(&w, "infoscreen/41aa03c2-0000-4000-8000-000000000001/health");
        assert_int_equal(atoi(s->payload), i);
    }
    watch_until(&w, w.status.tls);
    watch_until(&w, strncmp(w.status.tls_version.clean, "TLSv1.", 6) == 0);
    assert_true(w.status.tls_expires_at > clock_wall_ms()); /* a fresh certificate … */
    assert_true(w.status.tls_expires_at < clock_wall_ms() + INT64_C(4000) * 24 * 3600 * 1000);
    link_set_recording(w.link, true);
    watch_until(&w, w.status.journal_up);
    peer_close(p);
    watch_stop(&w);
}

static void test_dropped(void **state)
{
    (void)state;
    struct mqtt_options o = options(&tls);
    o.host = "localhost";
    o.cafile = ca;
    struct peer *p = peer_try(&o);
    broker_end(&tls, SIGKILL);
    peer_until(p, p->ended);
    assert_int_equal(p->why, MQTT_FAIL_DROPPED);
    peer_close(p);
}

static void test_refused(void **state)
{
    (void)state;
    struct mqtt_options o = options(&plain);
    o.port = port_free();
    struct peer *p = peer_try(&o);
    assert_int_equal(p->why, MQTT_FAIL_REFUSED);
    peer_close(p);
    o.host = "no-such-host.invalid";
    p = peer_try(&o);
    assert_int_equal(p->why, MQTT_FAIL_RESOLVE);
    peer_close(p);
}

static void test_keepalive(void **state)
{
    (void)state;
    struct broker b;
    struct mqtt_options o;
    broker_start(&b, NULL);
    o = options(&b);
    o.keepalive_s = 5;
    struct peer *p = peer_try(&o);
    kill(b.pid, SIGSTOP);
    peer_until(p, p->ended);
    assert_int_equal(p->why, MQTT_FAIL_KEEPALIVE);
    peer_close(p);
    broker_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),   cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_tls),       cmocka_unit_test(test_flood_through_tls),
        cmocka_unit_test(test_dropped),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_keepalive),
    };
    return cmocka_run_group_tests_name("mqtt", tests, setup, teardown);
}
