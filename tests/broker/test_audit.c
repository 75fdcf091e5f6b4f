/* The audit: a fresh directory passes, and every known way to be open is found, with its line. */
#include "provision_rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/audit.h"

static struct account own;

/* Puts `after` in place of `before` (NULL: appends it). Returns the line where it stands. */
static int edit(const char *file, const char *before, const char *after)
{
    struct buf text = BUF_INIT;
    char path[400];
    const char *at;
    int line = 1;

    prov_read(file, &text);
    at = before ? strstr(buf_str(&text), before) : buf_str(&text) + text.len;
    assert_non_null(at);
    for (const char *p = buf_str(&text); p < at; p++)
        line += *p == '\n';
    snprintf(path, sizeof path, "%s/%s", prov_dir, file);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(text.data, 1, (size_t)(at - text.data), f);
    fputs(after, f);
    fputs(at + (before ? strlen(before) : 0), f);
    fclose(f);
    buf_fini(&text);
    return line;
}

static const struct audit_check *fault_of(const struct audit *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->list[i].ok && strcmp(a->list[i].name, name) == 0)
            return &a->list[i];
    return NULL;
}

static void print_faults(const struct audit *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->list[i].ok)
            print_error("%s: %s\n", a->list[i].name, a->list[i].actual.clean);
}

static void expect_clean(const struct audit *a)
{
    if (!audit_ok(a)) {
        print_faults(a);
        fail();
    }
}

static void make(void)
{
    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own);
}

/* ---- the files ---- */

static const struct mutation {
    const char *file, *before, *after, *name, *says;
    bool with_line;
} mutations[] = {
    {"mosquitto.conf", "allow_anonymous false", "allow_anonymous true", "files.anonymous",
     "write allow_anonymous false", true},
    {"mosquitto.conf", "allow_anonymous false\n", "", "files.anonymous", "doesn't say", false},
    {"mosquitto.conf", "password_file", "#assword_file", "files.passwords", "no password", false},
    {"mosquitto.conf", "acl_file", "#cl_file", "files.rules", "no access rules", false},
    {"mosquitto.conf", "use_username_as_clientid true", "#", "files.client_ids", "console's place",
     false},
    {"mosquitto.conf", " 127.0.0.1\n", " 0.0.0.0\n", "files.tls", "in the clear", true},
    {"mosquitto.conf", "persistence true", "persistence false", "files.persistence", "forgets",
     true},
    {"mosquitto.conf", "autosave_on_changes true\nautosave_interval 1\n", "", "files.persistence",
     "1800 s", false},
    {"mosquitto.conf", "max_queued_messages 100000", "max_queued_messages 1000", "files.limits",
     "cuts retained messages off", true},
    {"mosquitto.conf", "max_packet_size 262144\n", "", "files.limits", "256 MB", false},
    {"mosquitto.conf", "persistent_client_expiration 14d\n", "", "files.limits", "for ever", false},
    {"mosquitto.conf", "persistence true", "include_dir /etc\npersistence true",
     "files.configuration", "include_dir", true},
    {"mosquitto.conf", "persistence true", "connection b\npersistence true", "files.configuration",
     "bridge", true},
    {"mosquitto.conf", "persistence true", "user root\npersistence true", "files.configuration",
     "root", true},
    {"mosquitto.conf", "persistence true", "port 1999\npersistence true", "files.configuration",
     "port", true},
    {"devices.passwd", NULL, "infoscreen-client-9b8d1856:$7$101$AAAA$BBBB\n", "files.accounts",
     "twice", false},
    {"devices.passwd", NULL, "someone:plain\n", "files.accounts", "devices.passwd:2", false},
    {"console.passwd", NULL, "infoscreen-client-9b8d1856:$7$101$AAAA$BBBB\n", "files.accounts",
     "consoles' listener", false},
    {"console.passwd", NULL, "other:$7$101$AAAA$BBBB\n", "files.accounts",
     "other may use the consoles' listener", false},
    {"devices.passwd", NULL, "stranger:$7$101$AAAA$BBBB\n", "files.accounts",
     "stranger is no device", false},
    {"devices.passwd", NULL, "infoscreen-server:$7$101$AAAA$BBBB\n", "files.accounts",
     "infoscreen-server is no device", false},
    {"devices.passwd", NULL, "infoscreen-client-41aa03c2:$7$101$AAAA$BBBB\n", "files.accounts",
     "infoscreen-client-41aa03c2 has no access rules", false},
    {"devices.acl", "user infoscreen-client-9b8d1856", "user infoscreen-client-41aa03c2",
     "files.accounts", "infoscreen-client-9b8d1856 has no access rules", false},
    {"devices.acl", NULL,
     "user infoscreen-client-9b8d1856\n"
     "topic read infoscreen/9b8d1856-0000-4000-8000-000000000000/commands\n",
     "files.prefixes", "share the account", false},
    {"devices.acl", "topic read", "pattern read infoscreen/%c/commands\ntopic read",
     "files.everyone", "%c", true},
    {"devices.acl", "topic read", "pattern readwrite infoscreen/%u/x\ntopic read", "files.everyone",
     "every account", true},
    {"devices.acl", "# Devices", "topic read infoscreen/#\n# Devices", "files.everyone", "no name",
     true},
    {"devices.acl", NULL, "topc read x\n", "files.everyone", "lets everyone in", true},
    {"devices.acl", NULL, "topic readwrite infoscreen/#\n", "files.device_rules", "isn't its own",
     true},
    {"devices.acl", NULL, "topic infoscreen/" OWN "/commands\n", "files.device_rules",
     "isn't its own", true},
    {"devices.acl", NULL, "topic write infoscreen/" OTHER "/heartbeat\n", "files.device_rules",
     "isn't its own", true},
    {"devices.acl", NULL, "topic write infoscreen/" OWN "/#\n", "files.device_rules",
     "isn't its own", true},
    {"devices.acl", NULL, "topic read infoscreen/console/#\n", "files.device_rules",
     "isn't its own", true},
    {"console.acl", NULL, "topic readwrite infoscreen/console/#\n", "files.server_rules",
     "consoles don't need", true},
    {"console.acl", NULL, "topic write infoscreen/+/heartbeat\n", "files.server_rules",
     "consoles don't need", true},
    {"console.acl", "console/canary/", "console/ack/", "files.canary", "no canary", false},
    {"console.acl", NULL, "topic readwrite infoscreen/console/canary/x\n", "files.canary",
     "2 canaries", false},
};

/* The same of the plugin's file, whose accounts have no lines. */
static const struct mutation plugin_mutations[] = {
    {"dynsec.json", "\"subscribe\":false", "\"subscribe\":true", "files.plugin",
     "subscribe is allowed to everyone", false},
    {"dynsec.json", "\"publishClientSend\":false,", "", "files.plugin",
     "publishClientSend is allowed to everyone", false},
    {"dynsec.json", "\"groups\":[]", "\"groups\":[{\"groupname\":\"all\"}]", "files.plugin",
     "the group all", false},
    {"dynsec.json", "\"groups\":[]", "\"groups\":[],\"anonymousGroup\":\"all\"", "files.plugin",
     "anonymousGroup", false},
    {"dynsec.json", "\"username\":\"infoscreen-client-9b8d1856\",\"roles\":[{\"rolename\":\"",
     "\"username\":\"infoscreen-client-9b8d1856\",\"roles\":[{\"rolename\":\"x", "files.plugin",
     "isn't its own", false},
    {"dynsec.json", "\"username\":\"infoscreen-client-9b8d1856\"", "\"username\":\"someone\"",
     "files.plugin", "someone is no device", false},
    {"dynsec.json", "{\"rolename\":\"infoscreen-provision\",\"acls\":[",
     "{\"rolename\":\"infoscreen-provision\",\"acls\":[{\"acltype\":\"publishClientSend\","
     "\"topic\":"
     "\"#\",\"allow\":true},",
     "files.plugin", "infoscreen-provision may #", false},
    {"dynsec.json", "\"roles\":[{\"rolename\":\"infoscreen-client-9b8d1856\"}]", "\"roles\":[]",
     "files.plugin", "infoscreen-client-9b8d1856 lacks its own role", false},
    {"dynsec.json", "{\"rolename\":\"infoscreen-client-9b8d1856\",\"acls\"",
     "{\"rolename\":\"infoscreen-client-41aa03c2\",\"acls\"", "files.accounts",
     "infoscreen-client-9b8d1856 has no access rules", false},
};

static void check_mutation(const struct mutation *m)
{
    struct audit a = {0};
    struct err e = {0};
    const struct audit_check *f;
    char where[64];
    int line;

    make();
    line = edit(m->file, m->before, m->after);
    snprintf(where, sizeof where, "%s:%d:", m->file, line);
    assert_true(audit_files(&a, prov_dir, &e));
    f = fault_of(&a, m->name);
    if (!f || !strstr(f->actual.clean, m->says) ||
        (m->with_line && !strstr(f->actual.clean, where))) {
        print_faults(&a);
        fail_msg("%s %s: %s expected", m->name, m->says, where);
    }
    assert_false(audit_ok(&a));
    audit_fini(&a);
}

static void test_every_way_to_be_open(void **state)
{
    for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++) {
        if (i) { /* a directory for each */
            assert_int_equal(prov_teardown(state), 0);
            assert_int_equal(prov_setup(state), 0);
        }
        check_mutation(&mutations[i]);
    }
}

static void test_every_way_of_a_plugin(void **state)
{
    for (size_t i = 0; i < sizeof plugin_mutations / sizeof *plugin_mutations; i++) {
        if (i) {
            assert_int_equal(prov_teardown(state), 0);
            assert_int_equal(prov_setup_plugin(state), 0);
        }
        check_mutation(&plugin_mutations[i]);
    }
}

static void test_fresh_files_pass(void **state)
{
    struct audit a = {0};
    struct err e = {0};
    (void)state;

    make();
    assert_true(audit_files(&a, prov_dir, &e));
    assert_true(a.n >= 15);
    expect_clean(&a);
    audit_fini(&a);
    assert_false(audit_files(&a, "/nonexistent", &e));
    assert_int_equal(e.code, EXIT_FAILED);
}

static void test_modes(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
    } table[] = {{"", 0755},
                 {"console.passwd", 0644},
                 {"devices.passwd", 0604},
                 {"devices.acl", 0662},
                 {"mosquitto.conf", 0666},
                 {"data", 0777}};
    char path[400];
    (void)state;

    make();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct audit a = {0};
        struct stat st;
        struct err e = {0};
        snprintf(path, sizeof path, "%s%s%s", prov_dir, *table[i].name ? "/" : "", table[i].name);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(chmod(path, table[i].mode), 0);
        assert_true(audit_files(&a, prov_dir, &e));
        const struct audit_check *f = fault_of(&a, "files.modes");
        assert_non_null(f);
        assert_non_null(strstr(f->actual.clean, "chmod"));
        assert_int_equal(chmod(path, st.st_mode & 0777), 0);
        audit_fini(&a);
    }
    assert_int_equal(chmod(prov_base, 0777), 0); /* the parent */
    struct audit a = {0};
    struct err e = {0};
    assert_true(audit_files(&a, prov_dir, &e));
    assert_non_null(fault_of(&a, "files.modes"));
    audit_fini(&a);
}

static void test_certificate(void **state)
{
    struct audit a = {0};
    struct err e = {0};
    char command[1200];
    (void)state;

    prov_create(&(struct provision_init){.self_signed = true});
    assert_true(audit_files(&a, prov_dir, &e));
    expect_clean(&a);
    audit_fini(&a);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 "
             "-subj /CN=x -keyout %s/k -out %s/server.crt 2>/dev/null && rm %s/k",
             prov_dir, prov_dir, prov_dir);
    assert_int_equal(system(command), 0);
    assert_true(audit_files(&a, prov_dir, &e));
    const struct audit_check *f = fault_of(&a, "files.certificate");
    assert_non_null(f);
    assert_non_null(strstr(f->actual.clean, "days"));
    audit_fini(&a);
}

/* ---- the running broker ---- */

static void audit_live(struct audit *a, const char *password)
{
    const struct audit_target t = {.dir = prov_dir,
                                   .password = password,
                                   .device = password ? OWN : NULL,
                                   .device_password = own.password};
    struct err e = {0};

    if (!audit_broker(a, &t, &e))
        fail_msg("%s", e.text);
}

static void expect_fault(const struct audit *a, const char *name, const char *says)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->list[i].ok && strcmp(a->list[i].name, name) == 0 &&
            strstr(a->list[i].actual.clean, says))
            return;
    print_faults(a);
    fail_msg("%s: %s expected", name, says);
}

static void test_running_broker_passes(void **state)
{
    struct audit a = {0};
    (void)state;

    make();
    audit_live(&a, prov_server.password); /* none runs yet: no fault */
    expect_clean(&a);
    assert_string_equal(a.list[0].name, "broker.running");
    audit_fini(&a);
    prov_broker_start(prov_dir);
    audit_live(&a, prov_server.password);
    expect_clean(&a);
    assert_true(a.n >= 10);
    audit_fini(&a);
    audit_live(&a, NULL);
    expect_clean(&a);
    audit_fini(&a);
    audit_live(&a, "wrong");
    expect_fault(&a, "broker.server_rows", "can't connect");
    audit_fini(&a);
}

static void test_tls_broker_passes(void **state)
{
    struct audit a = {0};
    (void)state;

    prov_create(&(struct provision_init){.self_signed = true});
    prov_add(OWN, "vienna-1", &own);
    prov_broker_start(prov_dir);
    audit_live(&a, prov_server.password);
    expect_clean(&a);
    audit_fini(&a);
    prov_broker_end(SIGTERM);
    edit("mosquitto.conf", "tls_version tlsv1.2", "tls_version tlsv1.1\nciphers ALL:@SECLEVEL=0");
    prov_broker_start(prov_dir);
    audit_live(&a, NULL);
    expect_fault(&a, "broker.tls", "TLS 1.1");
    audit_fini(&a);
}

static void test_open_broker(void **state)
{
    struct audit a = {0};
    (void)state;

    make();
    edit("mosquitto.conf", "allow_anonymous false", "allow_anonymous true");
    edit("console.acl", "topic write infoscreen/+/commands\n", "");
    edit("console.acl", "topic read infoscreen/+/health\n", "topic write infoscreen/+/health\n");
    edit("devices.acl", "/commands\n", "/commands\ntopic readwrite infoscreen/+/group_id\n");
    edit("mosquitto.conf", "use_username_as_clientid true", "#");
    prov_broker_start(prov_dir);
    audit_live(&a, prov_server.password);
    expect_fault(&a, "broker.anonymous", "everyone");
    expect_fault(&a, "broker.server_rows", "/commands is refused");
    expect_fault(&a, "broker.server_rows", "/health is allowed");
    expect_fault(&a, "broker.device_rows", "isn't delivered");
    expect_fault(&a, "broker.device_others", "/group_id is allowed");
    expect_fault(&a, "broker.device_others", "/group_id is delivered");
    expect_fault(&a, "broker.client_id", "console's place");
    audit_fini(&a);
}

/* Rules that went missing at a reload open the broker: nothing but trying tells. */
static void test_opened_by_a_reload(void **state)
{
    char path[400], aside[400];
    (void)state;

    make();
    prov_broker_start(prov_dir);
    snprintf(path, sizeof path, "%s/devices.acl", prov_dir);
    snprintf(aside, sizeof aside, "%s/aside", prov_dir);
    assert_int_equal(rename(path, aside), 0);
    kill(prov_broker, SIGHUP);
    for (const int64_t until = clock_mono_ms() + WAIT;; poll(NULL, 0, 20)) {
        struct audit a = {0};
        audit_live(&a, prov_server.password);
        const bool found = fault_of(&a, "broker.device_others");
        audit_fini(&a);
        if (found)
            break;
        assert_true(clock_mono_ms() < until);
    }
}

static void test_retained(void **state)
{
    struct prov_peer s;
    struct audit a = {0};
    (void)state;

    make();
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_publish(&s, "infoscreen/" OWN "/group_id", "vienna-1", true);
    audit_live(&a, prov_server.password);
    expect_clean(&a);
    audit_fini(&a);
    prov_publish(&s, "infoscreen/" OWN "/commands", "{\"action\":\"reboot_host\"}", true);
    prov_publish(&s, "infoscreen/" OTHER "/service_failed", "{}", true);
    prov_close(&s);
    audit_live(&a, prov_server.password);
    expect_fault(&a, "broker.retained_commands", OWN "/commands");
    expect_fault(&a, "broker.retained_unknown", OTHER "/service_failed");
    audit_fini(&a);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown)
    const struct CMUnitTest tests[] = {
        PROV_BOTH(test_fresh_files_pass),
        EACH(test_every_way_to_be_open),
        cmocka_unit_test_setup_teardown(test_every_way_of_a_plugin, prov_setup_plugin,
                                        prov_teardown),
        EACH(test_modes),
        EACH(test_certificate),
        PROV_BOTH(test_running_broker_passes),
        EACH(test_tls_broker_passes),
        EACH(test_open_broker),
        EACH(test_opened_by_a_reload),
        EACH(test_retained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
