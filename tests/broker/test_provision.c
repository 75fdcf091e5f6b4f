/* Provisioning against the real Mosquitto: who may do what, and what is on disk. */
#include "provision_rig.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct account own, other;

/* ---- the access rules ---- */

enum { BY_SERVER = 1, BY_DEVICE = 2 };

/* The seed's table with both directions, and the consoles' own topics. %s is the device's uuid. */
static const struct row {
    const char *topic;
    int publish, read; /* who may: BY_SERVER, BY_DEVICE (its own) */
    bool shared;       /* not of one device: every device may read it */
} rows[] = {
    {"infoscreen/%s/commands", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/%s/command", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/%s/group_id", BY_SERVER, BY_SERVER | BY_DEVICE, false},
    {"infoscreen/events/vienna-1", BY_SERVER, BY_SERVER | BY_DEVICE, true},
    {"infoscreen/groups/vienna-1/power/intent", BY_SERVER, BY_SERVER | BY_DEVICE, true},
    {"infoscreen/%s/commands/ack", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/command/ack", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/heartbeat", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/health", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/logs/error", BY_DEVICE, BY_SERVER, false},
    {"infoscreen/%s/service_failed", BY_SERVER | BY_DEVICE, BY_SERVER, false},
    {"infoscreen/console/ack/client_silent-0123456789abcdef", BY_SERVER, BY_SERVER, false},
    {"infoscreen/console/presence/0123456789", BY_SERVER, BY_SERVER, false},
};
#define ROWS (sizeof rows / sizeof *rows)

static void name_topic(char out[128], const struct row *r, const char *uuid)
{
    snprintf(out, 128, r->topic, uuid);
}

static void check_publish(struct prov_peer *p, const struct row *r, bool may)
{
    char topic[128];

    name_topic(topic, r, OWN);
    const int reason = prov_publish(p, topic, "x", false);
    if ((reason != DENIED) != may)
        fail_msg("%s: reason 0x%x", topic, (unsigned)reason);
}

static void test_publish_matrix(void **state)
{
    struct prov_peer s, d, o, nobody;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_add(OTHER, NULL, &other);
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    prov_open(&o, prov_device_port, other.username, other.password, NULL);
    assert_true(s.up && d.up && o.up);
    for (size_t i = 0; i < ROWS; i++) {
        check_publish(&s, &rows[i], rows[i].publish & BY_SERVER);
        check_publish(&d, &rows[i], rows[i].publish & BY_DEVICE);
        check_publish(&o, &rows[i], false);
    }
    assert_int_equal(prov_publish(&s, "infoscreen/console/canary/guess", "", false), DENIED);
    assert_int_equal(prov_publish(&d, "infoscreen/console/canary/guess", "", false), DENIED);
    assert_int_equal(prov_publish(&d, "$SYS/broker/version", "x", false), DENIED);
    assert_int_equal(prov_publish(&d, "$CONTROL/dynamic-security/v1", "{}", false), DENIED);
    assert_int_equal(prov_publish(&s, "$CONTROL/dynamic-security/v1", "{}", false), DENIED);
    prov_close(&s), prov_close(&d), prov_close(&o);

    /* Nobody, and nobody at the other's door. */
    const struct {
        int port;
        const char *user, *password;
    } refused[] = {
        {prov_console_port, NULL, NULL},
        {prov_device_port, NULL, NULL},
        {prov_console_port, own.username, own.password},
        {prov_device_port, prov_server.username, prov_server.password},
        {prov_console_port, prov_server.username, "wrong"},
        {prov_device_port, own.username, other.password},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        prov_open(&nobody, refused[i].port, refused[i].user, refused[i].password, NULL);
        assert_true(nobody.over && !nobody.up);
        assert_int_equal(nobody.why, MQTT_FAIL_PASSWORD);
        prov_close(&nobody);
    }
}

/* Delivery is judged by a message published after it that the reader certainly gets. */
static void check_read(struct prov_peer *reader, const char *marker, struct prov_peer *s,
                       struct prov_peer *d, const struct row *r, bool may)
{
    char topic[128];

    name_topic(topic, r, OWN);
    reader->n = 0;
    prov_publish(r->publish & BY_SERVER ? s : d, topic, "x", false);
    prov_publish(s, marker, "end", false);
    UNTIL(reader, prov_got(reader, marker));
    if (prov_got(reader, topic) != may)
        fail_msg("%s: delivered %d", topic, !may);
}

/* A filter that asks for all, where the rules sift what is delivered, and one for each row, since
 * the plugin refuses what reaches too far. */
static void subscribe_all(struct prov_peer *p, const char *marker)
{
    char topic[128];

    prov_subscribe(p, "infoscreen/#");
    prov_subscribe(p, marker);
    for (size_t i = 0; i < ROWS; i++) {
        name_topic(topic, &rows[i], OWN);
        prov_subscribe(p, topic);
    }
}

static void test_read_matrix(void **state)
{
    struct prov_peer s, s2, d, o;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_add(OTHER, NULL, &other);
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_open(&s2, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    prov_open(&o, prov_device_port, other.username, other.password, NULL);
    assert_true(s.up && s2.up && d.up && o.up);
    subscribe_all(&s2, "infoscreen/console/ack/end");
    subscribe_all(&d, "infoscreen/" OWN "/group_id");
    subscribe_all(&o, "infoscreen/" OTHER "/group_id");
    for (size_t i = 0; i < ROWS; i++) {
        check_read(&s2, "infoscreen/console/ack/end", &s, &d, &rows[i], rows[i].read & BY_SERVER);
        check_read(&d, "infoscreen/" OWN "/group_id", &s, &d, &rows[i], rows[i].read & BY_DEVICE);
        check_read(&o, "infoscreen/" OTHER "/group_id", &s, &d, &rows[i], rows[i].shared);
    }
    prov_subscribe(&s2, "$SYS/broker/version");
    UNTIL(&s2, prov_got(&s2, "$SYS/broker/version"));
    prov_close(&s), prov_close(&s2), prov_close(&d), prov_close(&o);
}

static void test_group_bounds_what_a_device_reads(void **state)
{
    struct prov_peer s, d;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "graz 2", &own); /* blanks are legal in a group */
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    prov_subscribe(&d, "infoscreen/events/vienna-1");
    prov_subscribe(&d, "infoscreen/groups/vienna-1/power/intent");
    prov_subscribe(&d, "infoscreen/events/graz 2");
    prov_subscribe(&d, "infoscreen/groups/graz 2/power/intent");
    prov_publish(&s, "infoscreen/events/vienna-1", "{}", false);
    prov_publish(&s, "infoscreen/groups/vienna-1/power/intent", "{}", false);
    prov_publish(&s, "infoscreen/groups/graz 2/power/intent", "{}", false);
    prov_publish(&s, "infoscreen/events/graz 2", "{}", false);
    UNTIL(&d, prov_got(&d, "infoscreen/events/graz 2"));
    assert_int_equal(d.n, 2);
    prov_close(&s), prov_close(&d);
}

/* The account is the client id: a device can't take a console's place. */
static void test_client_ids_are_not_stolen(void **state)
{
    struct prov_peer console = {0}, thief = {0};
    struct mqtt_options o = {.host = "127.0.0.1",
                             .client_id = "console",
                             .protocol = 5,
                             .clean = true,
                             .keepalive_s = 30};
    struct words w;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    o.port = prov_console_port, o.username = prov_server.username,
    o.password = prov_server.password;
    assert_non_null(console.m = mqtt_new(&o, &prov_handlers, &console, &e));
    assert_true(mqtt_connect(console.m, &console.why, &w));
    UNTIL(&console, console.up);
    o.port = prov_device_port, o.username = own.username, o.password = own.password;
    assert_non_null(thief.m = mqtt_new(&o, &prov_handlers, &thief, &e));
    assert_true(mqtt_connect(thief.m, &thief.why, &w));
    UNTIL(&thief, thief.up);
    prov_publish(&thief, "infoscreen/" OWN "/heartbeat", "{}", false);
    prov_publish(&console, "infoscreen/events/x", "{}", false);
    assert_false(console.over);
    prov_close(&console), prov_close(&thief);
}

/* ---- files ---- */

static void check_mode(const char *name, mode_t mode)
{
    char path[400];
    struct stat st;
    const struct passwd *pw = geteuid() == 0 ? getpwnam("mosquitto") : NULL;

    snprintf(path, sizeof path, "%s%s%s", prov_dir, *name ? "/" : "", name);
    assert_int_equal(stat(path, &st), 0);
    if ((st.st_mode & 0777) != mode)
        fail_msg("%s: mode %o", name, st.st_mode & 0777u);
    if (pw && strcmp(name, "ca.key") != 0)
        assert_int_equal(st.st_uid, pw->pw_uid);
}

static void check_modes(bool tls)
{
    check_mode("", 0750);
    check_mode("mosquitto.conf", 0640);
    check_mode("console.passwd", 0600);
    check_mode("console.acl", 0640);
    if (prov_backend == BACKEND_DYNSEC) {
        check_mode("dynsec.json", 0600);
    } else {
        check_mode("devices.passwd", 0600);
        check_mode("devices.acl", 0640);
    }
    if (tls) {
        check_mode("server.key", 0600);
        check_mode("ca.key", 0600);
        check_mode("server.crt", 0640);
    }
}

static void test_modes_and_restart(void **state)
{
    struct prov_peer s;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    check_modes(false); /* adding keeps owners and modes */
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_publish(&s, "infoscreen/events/vienna-1", "{\"id\":1}", true);
    prov_close(&s);
    prov_broker_end(SIGTERM);
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_subscribe(&s, "infoscreen/events/+");
    UNTIL(&s, prov_got(&s, "infoscreen/events/vienna-1"));
    assert_true(s.retained[0]);
    prov_close(&s);
}

static void test_private_authority(void **state)
{
    char ca[400];
    struct prov_peer s, plain;
    struct provision_console c;
    struct err e = {0};
    (void)state;

    prov_create(&(struct provision_init){.self_signed = true});
    prov_add(OWN, NULL, &own);
    check_modes(true);
    assert_true(provision_console(prov_dir, &c, &e));
    snprintf(ca, sizeof ca, "%s/ca.crt", prov_dir);
    assert_string_equal(strrchr(c.cafile, '/'), "/ca.crt");
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, ca);
    assert_true(s.up);
    prov_close(&s);
    prov_open(&s, prov_device_port, own.username, own.password, ca);
    assert_true(s.up);
    prov_close(&s);
    prov_open(&plain, prov_console_port, prov_server.username, prov_server.password, NULL);
    assert_false(plain.up);
    prov_close(&plain);
}

static void test_nothing_is_overwritten(void **state)
{
    struct account a;
    struct err e = {0};
    struct buf before = BUF_INIT, after = BUF_INIT;
    (void)state;

    prov_create(NULL);
    prov_read("console.passwd", &before);
    assert_false(provision_create(&(struct provision_init){.dir = prov_dir}, &a, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    assert_non_null(strstr(e.text, "4 lines of mosquitto.conf would change (- listener "));
    assert_non_null(strstr(e.text, "+ listener 1883 127.0.0.1"));
    prov_read("console.passwd", &after);
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_fini(&before), buf_fini(&after);

    e = (struct err){0};
    assert_false(provision_create(&(struct provision_init){.dir = prov_base}, &a, &e));
    assert_int_equal(e.code, EXIT_POLICY);
}

static void check_unreadable(const char *dir)
{
    struct account a;
    struct err e = {0};

    assert_false(provision_create(&(struct provision_init){.dir = dir}, &a, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    if (!strstr(e.text, "can't read") || !strstr(e.text, "choose another directory"))
        fail_msg("%s", e.text);
}

static void test_unreadable(void **state)
{
    char file[400];
    (void)state;

    prov_create(NULL);
    snprintf(file, sizeof file, "%s/mosquitto.conf", prov_dir);
    check_unreadable(file);
    if (geteuid() == 0) /* who may read everything */
        return;
    assert_int_equal(chmod(prov_dir, 0), 0);
    check_unreadable(prov_dir);
    assert_int_equal(chmod(prov_dir, 0750), 0);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *listen, *device;
        bool insecure;
        int code;
    } table[] = {
        {"0.0.0.0:1884", NULL, false, EXIT_POLICY},
        {NULL, "*:1883", false, EXIT_POLICY},
        {NULL, "display-net:1883", false, EXIT_POLICY},
        {"127.0.0.1:0", NULL, false, EXIT_USAGE},
        {"127.0.0.1:65536", NULL, false, EXIT_USAGE},
        {"127.0.0.1:x", NULL, false, EXIT_USAGE},
        {"::1:1884", NULL, false, EXIT_USAGE},
        {"127.0.0.1:1883", NULL, false, EXIT_USAGE},
        {"a b:1", NULL, true, EXIT_USAGE},
        {"[::1]:1884", "127.1.2.3:1883", false, EXIT_DONE},
        {"0.0.0.0:1884", "*:1883", true, EXIT_DONE},
        {"localhost", NULL, false, EXIT_DONE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err e = {0};
        char each[320];
        struct stat st;
        snprintf(each, sizeof each, "%s/d%zu", prov_base, i);
        const struct provision_init o = {.dir = each,
                                         .listen = table[i].listen,
                                         .device_listen = table[i].device,
                                         .insecure = table[i].insecure};
        const bool ok = provision_create(&o, &prov_server, &e);
        if (ok != (table[i].code == EXIT_DONE) || e.code != table[i].code)
            fail_msg("row %zu: %d %s", i, e.code, e.text);
        assert_int_equal(stat(each, &st) == 0, ok);
    }
}

static void test_unreachable_parent(void **state)
{
    char parent[320], inner[400];
    struct account a;
    struct err e = {0};
    (void)state;

    if (geteuid() != 0)
        skip();
    snprintf(parent, sizeof parent, "%s/closed", prov_base);
    snprintf(inner, sizeof inner, "%s/broker", parent);
    assert_int_equal(mkdir(parent, 0700), 0);
    assert_false(provision_create(&(struct provision_init){.dir = inner}, &a, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, parent));
}

static void check_open_parent(const char *open, const char *dir)
{
    struct account a;
    struct err e = {0};
    struct stat st;

    assert_false(provision_create(&(struct provision_init){.dir = dir}, &a, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    if (!strstr(e.text, open) || !strstr(e.text, "chmod o-w"))
        fail_msg("%s", e.text);
    assert_int_equal(stat(dir, &st), -1);
}

/* What the audit would call a fault isn't begun: nothing is left of the parents either. */
static void test_parent_of_everyone(void **state)
{
    char open[320], inner[400], deep[400];
    struct account a;
    struct err e = {0};
    (void)state;

    snprintf(open, sizeof open, "%s/open", prov_base);
    snprintf(inner, sizeof inner, "%s/broker", open);
    snprintf(deep, sizeof deep, "%s/a/b//broker/", open);
    assert_int_equal(mkdir(open, 0755), 0);
    assert_int_equal(chmod(open, 0777), 0);
    check_open_parent(open, inner);
    check_open_parent(open, deep);
    assert_int_equal(rmdir(open), 0);
    assert_int_equal(mkdir(open, 0755), 0);
    assert_int_equal(chmod(open, 01777), 0); /* as /tmp: each may take away only what is its own */
    if (!provision_create(&(struct provision_init){.dir = deep}, &a, &e))
        fail_msg("%s", e.text);
}

/* Parents that are made let user mosquitto in, whatever the umask. */
static void test_parents_are_made(void **state)
{
    const mode_t old = umask(077);
    char dir[400], parent[320];
    struct account a;
    struct err e = {0};
    struct stat st;
    (void)state;

    snprintf(parent, sizeof parent, "%s/a/b", prov_base);
    snprintf(dir, sizeof dir, "%s/c", parent);
    const bool ok = provision_create(&(struct provision_init){.dir = dir}, &a, &e);
    umask(old);
    if (!ok)
        fail_msg("%s", e.text);
    assert_int_equal(stat(parent, &st), 0);
    assert_int_equal(st.st_mode & 0777, geteuid() == 0 ? 0755 : 0700);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown)
    const struct CMUnitTest tests[] = {
        PROV_BOTH(test_publish_matrix),
        PROV_BOTH(test_read_matrix),
        PROV_BOTH(test_group_bounds_what_a_device_reads),
        PROV_BOTH(test_client_ids_are_not_stolen),
        PROV_BOTH(test_modes_and_restart),
        PROV_BOTH(test_private_authority),
        EACH(test_nothing_is_overwritten),
        EACH(test_unreadable),
        EACH(test_addresses),
        EACH(test_unreachable_parent),
        EACH(test_parent_of_everyone),
        EACH(test_parents_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
