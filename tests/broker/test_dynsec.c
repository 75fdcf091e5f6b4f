/* The Dynamic Security plugin as a back end: accounts move to it with their passwords, a running
 * one is told or started again, and no broken file opens it. */
#include "provision_rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/dynsec.h"

#define THIRD "aaaaaaaa-0000-4000-8000-000000000000"

static struct account own, other, third;

static void in_dir(const char *name, char out[400])
{
    snprintf(out, 400, "%s/%s", prov_dir, name);
}

static bool there(const char *name)
{
    char path[400];

    in_dir(name, path);
    return access(path, F_OK) == 0;
}

static bool lets_in(const struct account *a)
{
    const bool server = strcmp(a->username, SERVER_ACCOUNT) == 0;
    struct prov_peer p;

    prov_open(&p, server ? prov_console_port : prov_device_port, a->username, a->password, NULL);
    const bool up = p.up && !p.over;
    prov_close(&p);
    return up;
}

static bool add(const char *uuid, const struct provision_reload *r, struct account *made,
                enum provision_proof *proof, struct err *e)
{
    *e = (struct err){0};
    return provision_add_accounts(prov_dir, &uuid, 1, "vienna-1", r, made, proof, e);
}

/* Allowed its own, refused another's. */
static void check_bounds(const struct account *a, const char *uuid)
{
    struct prov_peer d;
    char topic[128];

    prov_open(&d, prov_device_port, a->username, a->password, NULL);
    assert_true(d.up);
    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", uuid);
    assert_int_not_equal(prov_publish(&d, topic, "{}", false), DENIED);
    snprintf(topic, sizeof topic, "infoscreen/%s/heartbeat", strcmp(uuid, OWN) ? OWN : OTHER);
    assert_int_equal(prov_publish(&d, topic, "{}", false), DENIED);
    prov_close(&d);
}

/* ---- moving ---- */

static void test_move_of_files(void **state)
{
    const struct provision_reload wanted = {.backend = BACKEND_DYNSEC};
    enum provision_proof proof;
    struct account *list = NULL;
    struct err e;
    int n = 0;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own);
    prov_add(OTHER, NULL, &other);
    if (!add(THIRD, &wanted, &third, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_NOT_RUNNING);
    assert_true(there("dynsec.json") && !there("devices.acl") && !there("devices.passwd"));
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_int_equal(n, 4);
    assert_string_equal(list[1].client_uuid, OWN);
    assert_string_equal(list[3].client_uuid, THIRD);
    for (int i = 0; i < n; i++)
        assert_int_equal(list[i].fault, ACCOUNT_WHOLE);
    free(list);
    prov_broker_start(prov_dir);
    assert_true(lets_in(&prov_server));
    check_bounds(&own, OWN), check_bounds(&other, OTHER), check_bounds(&third, THIRD);
}

/* A fleet that is served meanwhile: refused without --restart, and nothing written; with it all is
 * kept, retained messages and sessions too. */
static void test_move_of_a_running_broker(void **state)
{
    struct provision_reload wanted = {.backend = BACKEND_DYNSEC};
    enum provision_proof proof;
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct prov_peer s;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own);
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_publish(&s, "infoscreen/events/vienna-1", "{}", true);
    prov_close(&s);
    prov_read_accounts(&before);
    wanted.server_password = prov_server.password;
    assert_false(add(THIRD, &wanted, &third, &proof, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    assert_non_null(strstr(e.text, "--restart"));
    prov_read_accounts(&after);
    assert_string_equal(buf_str(&before), buf_str(&after));

    wanted.restart = true;
    if (!add(THIRD, &wanted, &third, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    prov_broker_restarted();
    check_bounds(&own, OWN), check_bounds(&third, THIRD);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_subscribe(&s, "infoscreen/events/+");
    UNTIL(&s, prov_got(&s, "infoscreen/events/vienna-1"));
    assert_true(s.retained[0]);
    prov_close(&s);
    buf_fini(&before), buf_fini(&after);
}

/* What a role of the plugin can't say stays where it is. */
static void test_move_refuses_what_it_would_lose(void **state)
{
    const struct provision_reload wanted = {.backend = BACKEND_DYNSEC},
                                  files = {.backend = BACKEND_ACL};
    enum provision_proof proof;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_append("devices.acl", "topic deny infoscreen/x\n");
    assert_false(add(OTHER, &wanted, &other, &proof, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "deny"));
    assert_false(there("dynsec.json"));
    assert_true(add(OTHER, &files, &other, &proof, &e));
}

/* ---- a running plugin ---- */

static void test_told_accounts_last(void **state)
{
    struct provision_reload r = {0};
    enum provision_proof proof;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own);
    prov_broker_start(prov_dir);
    r.server_password = prov_server.password;
    if (!add(OTHER, &r, &other, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    check_bounds(&other, OTHER);
    prov_broker_end(SIGKILL); /* the plugin wrote its file before it answered */
    prov_broker_start(prov_dir);
    check_bounds(&own, OWN), check_bounds(&other, OTHER);
}

static void test_too_many_at_once(void **state)
{
    enum { MANY = LIVE_MAX + 1 };
    static char text[MANY][UID_TEXT];
    static const char *uuids[MANY];
    static struct account made[MANY];
    struct provision_reload r = {0};
    enum provision_proof proof;
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct err e = {0};
    (void)state;

    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], UID_TEXT, "%08x-0000-4000-8000-000000000000", i + 1);
        uuids[i] = text[i];
    }
    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    prov_read_accounts(&before);
    r.server_password = prov_server.password;
    assert_false(provision_add_accounts(prov_dir, uuids, MANY, NULL, &r, made, &proof, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    assert_non_null(strstr(e.text, "200"));
    r.server_password = NULL;
    assert_false(add(OTHER, &r, &other, &proof, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    r.server_password = "wrong";
    assert_false(add(OTHER, &r, &other, &proof, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    prov_read_accounts(&after);
    assert_string_equal(buf_str(&before), buf_str(&after));

    r = (struct provision_reload){.server_password = prov_server.password, .restart = true};
    if (!provision_add_accounts(prov_dir, uuids, MANY, NULL, &r, made, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    prov_broker_restarted();
    check_bounds(&own, OWN), check_bounds(&made[MANY - 1], uuids[MANY - 1]);
    buf_fini(&before), buf_fini(&after);
}

/* Something answers, and the pid file names a process that isn't it (a container's): what would be
 * written would be overwritten. */
static void test_unknown_broker_is_left_alone(void **state)
{
    const struct provision_reload r = {.server_password = "x", .restart = true};
    enum provision_proof proof;
    char path[400];
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_broker_start(prov_dir);
    in_dir("mosquitto.pid", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("1\n", f);
    fclose(f);
    assert_false(add(OWN, &r, &own, &proof, &e));
    assert_int_equal(e.code, EXIT_POLICY);
    assert_non_null(strstr(e.text, "--pid"));
}

/* It has the server's password, and can do nothing with it but tell of accounts. */
static void test_control_account_is_bounded(void **state)
{
    struct account control;
    struct prov_peer c, d, s;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    control = prov_server;
    snprintf(control.username, sizeof control.username, "%s", CONTROL_ACCOUNT);
    prov_open(&s, prov_console_port, control.username, control.password, NULL);
    assert_false(s.up);
    prov_close(&s);
    prov_open(&c, prov_device_port, control.username, control.password, NULL);
    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    assert_true(c.up && d.up && s.up);
    assert_int_equal(prov_publish(&c, "infoscreen/" OWN "/commands", "{}", false), DENIED);
    assert_int_equal(prov_publish(&c, "infoscreen/" OWN "/heartbeat", "{}", false), DENIED);
    assert_int_equal(prov_publish(&c, "infoscreen/console/ack/x", "{}", false), DENIED);
    prov_subscribe(&c, "#");
    prov_subscribe(&c, "infoscreen/" OWN "/heartbeat");
    prov_subscribe(&c, CONTROL_ANSWERS);
    prov_publish(&d, "infoscreen/" OWN "/heartbeat", "{}", false);
    prov_publish(&s, "infoscreen/events/x", "{}", false);
    prov_publish(&c, CONTROL_TOPIC, "{\"commands\":[{\"command\":\"listRoles\"}]}", false);
    UNTIL(&c, prov_got(&c, CONTROL_ANSWERS));
    assert_int_equal(c.n, 1);
    prov_close(&c), prov_close(&d), prov_close(&s);
}

/* ---- broken files ---- */

static void write_file(const char *name, const char *text, size_t n)
{
    char path[400];

    in_dir(name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(text, 1, n, f);
    fclose(f);
}

static void check_closed(void)
{
    struct prov_peer d, s;

    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    assert_false(d.up);
    prov_close(&d);
    prov_open(&d, prov_device_port, NULL, NULL, NULL);
    assert_false(d.up);
    prov_close(&d);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    assert_true(s.up); /* the consoles' files are their own */
    assert_int_equal(prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    prov_close(&s);
}

/* Missing, truncated, unreadable, invalid, empty: the broker lets no device in, and nobody writes
 * over it. */
static void test_broken_file_ends_closed(void **state)
{
    enum { MISSING, TRUNCATED, UNREADABLE, INVALID, EMPTY, WAYS };
    struct buf whole = BUF_INIT;
    enum provision_proof proof;
    char path[400];
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_read("dynsec.json", &whole);
    in_dir("dynsec.json", path);
    for (int how = 0; how < WAYS; how++) {
        if (how == MISSING)
            assert_int_equal(unlink(path), 0);
        else
            write_file("dynsec.json", how == INVALID ? "[}" : whole.data,
                       how == TRUNCATED ? whole.len / 2
                       : how == INVALID ? 2
                       : how == EMPTY   ? 0
                                        : whole.len);
        if (how == UNREADABLE)
            assert_int_equal(chmod(path, 0000) | chown(path, 0, 0), 0);
        prov_broker_start(prov_dir);
        check_closed();
        prov_broker_end(SIGTERM);
        if (how != UNREADABLE) { /* root reads it all the same */
            assert_false(add(OTHER, NULL, &other, &proof, &e));
            assert_int_equal(e.code, EXIT_FAILED);
            assert_non_null(strstr(e.text, "dynsec.json"));
        }
    }
    buf_fini(&whole);
}

/* A reload leaves the plugin alone; what it opens is the consoles' listener, for its one account.
 */
static void test_reload_of_a_broken_file(void **state)
{
    struct prov_peer s, d;
    char path[400];
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    write_file("dynsec.json", "[}", 2);
    in_dir("console.acl", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kill(prov_broker, SIGHUP), 0);
    for (const int64_t until = clock_mono_ms() + WAIT;; poll(NULL, 0, 10)) {
        prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
        const int reason = prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false);
        prov_close(&s);
        if (reason != DENIED)
            break; /* read again */
        assert_true(clock_mono_ms() < until);
    }
    check_bounds(&own, OWN);
    prov_open(&d, prov_device_port, prov_server.username, prov_server.password, NULL);
    assert_false(d.up);
    prov_close(&d);
}

/* ---- sessions ---- */

static void keep_session(struct prov_peer *p, bool clean)
{
    const struct mqtt_options o = {.host = "127.0.0.1",
                                   .port = prov_device_port,
                                   .username = own.username,
                                   .password = own.password,
                                   .protocol = 4,
                                   .clean = clean,
                                   .keepalive_s = 30};
    struct err e = {0};
    struct words w = {0};

    *p = (struct prov_peer){0};
    assert_non_null(p->m = mqtt_new(&o, &prov_handlers, p, &e));
    assert_true(mqtt_connect(p->m, &p->why, &w));
    UNTIL(p, p->up);
}

/* What was sent to an absent device waits for it, also in a broker that was started again. */
static void test_commands_wait_for_a_device(void **state)
{
    struct prov_peer s, d;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    keep_session(&d, false);
    prov_subscribe(&d, "infoscreen/" OWN "/commands");
    prov_close(&d);
    for (int round = 0; round < 2; round++) {
        prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
        assert_int_equal(prov_publish(&s, "infoscreen/" OWN "/commands", "{}", false), 0);
        prov_close(&s);
        prov_broker_end(SIGTERM);
        prov_broker_start(prov_dir);
        keep_session(&d, false);
        UNTIL(&d, prov_got(&d, "infoscreen/" OWN "/commands"));
        prov_close(&d);
    }
}

int main(void)
{
#define PLUGIN(f) cmocka_unit_test_setup_teardown(f, prov_setup_plugin, prov_teardown)
#define FILES(f)  cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown)
    const struct CMUnitTest tests[] = {
        FILES(test_move_of_files),
        FILES(test_move_of_a_running_broker),
        FILES(test_move_refuses_what_it_would_lose),
        PLUGIN(test_told_accounts_last),
        PLUGIN(test_too_many_at_once),
        PLUGIN(test_control_account_is_bounded),
        PLUGIN(test_unknown_broker_is_left_alone),
        PLUGIN(test_broken_file_ends_closed),
        PLUGIN(test_reload_of_a_broken_file),
        PROV_BOTH(test_commands_wait_for_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
