/* Accounts added to a directory: refusals, thousands at once, reloads that go wrong, kills. */
#include "provision_rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct account own, other;

/* ---- adding ---- */

static void check_refused(const char *const *uuids, int n, int code, const char *names,
                          const char *names_too)
{
    struct account made[4];
    enum provision_proof proof;
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct err e = {0};

    prov_read("devices.acl", &before), prov_read("devices.passwd", &before),
        prov_read("console.acl", &before);
    assert_false(provision_add_accounts(prov_dir, uuids, n, NULL, NULL, made, &proof, &e));
    prov_read("devices.acl", &after), prov_read("devices.passwd", &after),
        prov_read("console.acl", &after);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, names) || !strstr(e.text, names_too))
        fail_msg("%s", e.text);
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_fini(&before), buf_fini(&after);
}

static void test_refusals(void **state)
{
    static const char twin[] =
        "9B8D1856-0000-4000-8000-000000000000"; /* case doesn't tell them apart */
    static const char third[] = "aaaaaaaa-0000-4000-8000-000000000000";
    (void)state;

    prov_create(NULL);
    check_refused((const char *const[]){third, OWN, OTHER, twin}, 4, EXIT_POLICY, OWN, twin);
    prov_add(OWN, NULL, &own);
    check_refused((const char *const[]){third, twin}, 2, EXIT_POLICY, OWN, twin);
    check_refused((const char *const[]){OWN}, 1, EXIT_POLICY, OWN, "already");
    check_refused((const char *const[]){third, third}, 2, EXIT_POLICY, third, "twice");
    check_refused((const char *const[]){third, "9b8d1856"}, 2, EXIT_USAGE, "9b8d1856", "uuid");
    prov_append("devices.acl", "topc read x\n");
    check_refused((const char *const[]){third}, 1, EXIT_FAILED, "devices.acl:", "repair");
}

static void test_thousands_at_once(void **state)
{
    enum { MANY = 5001 };
    static char text[MANY][UID_TEXT];
    const char **uuids = calloc(MANY, sizeof *uuids);
    struct account *made = calloc(MANY, sizeof *made), *list = NULL;
    struct buf conf = BUF_INIT;
    struct err e = {0};
    struct prov_peer d;
    bool proved = true;
    int n = 0, a = 0, b = 0;
    (void)state;

    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], UID_TEXT, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u,
                 (unsigned)i);
        uuids[i] = text[i];
    }
    prov_create(NULL);
    assert_true(provision_add(prov_dir, uuids, MANY, "vienna-1", 0, made, &proved, &e));
    assert_false(proved);
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_int_equal(n, MANY + 1);
    assert_string_equal(list[0].username, SERVER_ACCOUNT);
    assert_string_equal(list[MANY].client_uuid, text[MANY - 1]);
    assert_string_equal(list[MANY].username, made[MANY - 1].username);
    assert_true(provision_ports(prov_dir, &a, &b, &e));
    assert_int_equal(a, prov_console_port);
    assert_int_equal(b, prov_device_port);
    prov_read("mosquitto.conf", &conf); /* its whole database at every change would be too slow */
    assert_non_null(strstr(buf_str(&conf), "autosave_on_changes false"));
    prov_broker_start(prov_dir);
    prov_open(&d, prov_device_port, made[MANY - 1].username, made[MANY - 1].password, NULL);
    assert_true(d.up);
    prov_close(&d);
    buf_fini(&conf);
    free(list), free(made), free(uuids);
}

/* ---- reload ---- */

static bool add_running(const char *uuid, const char *password, struct account *made,
                        enum provision_proof *proof, struct err *e)
{
    const struct provision_reload r = {.server_password = password};

    *e = (struct err){0};
    return provision_add_accounts(prov_dir, &uuid, 1, NULL, &r, made, proof, e);
}

static void test_reload_is_proved(void **state)
{
    enum provision_proof proof;
    struct prov_peer d, o;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    prov_open(&d, prov_device_port, own.username, own.password, NULL);
    if (!add_running(OTHER, prov_server.password, &other, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    prov_open(&o, prov_device_port, other.username, other.password, NULL);
    assert_true(o.up);
    prov_publish(&d, "infoscreen/" OWN "/heartbeat", "{}", false); /* who was there stayed */
    assert_false(d.over);
    prov_close(&d), prov_close(&o);

    const bool added =
        add_running("aaaaaaaa-0000-4000-8000-000000000000", NULL, &other, &proof, &e);
    if (prov_backend == BACKEND_DYNSEC) { /* nobody could tell the plugin */
        assert_false(added);
        assert_int_equal(e.code, EXIT_POLICY);
    } else {
        assert_true(added);
        assert_int_equal(proof, PROOF_NO_CREDENTIALS);
    }
    setenv("MQTT_PASSWORD", prov_server.password, 1);
    const char *last = "bbbbbbbb-0000-4000-8000-000000000000";
    bool proved = false;
    assert_true(provision_add(prov_dir, &last, 1, "", 0, &other, &proved, &e));
    assert_true(proved);
}

/* The directory in which rules are read no longer matches what the broker can read: Mosquitto opens
 * itself. Seen, taken back, and closed again. */
static void test_reload_that_opens_is_undone(void **state)
{
    static const char *const files[] = {"devices.acl", "console.acl"};
    enum provision_proof proof;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_broker_start(prov_dir);
    for (size_t i = 0; i < 2; i++) {
        char path[400];
        struct buf before = BUF_INIT, after = BUF_INIT;
        struct prov_peer s;
        struct stat st;
        /* An own broker reads all that its user may: take it from that user. */
        snprintf(path, sizeof path, "%s/%s", prov_dir, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(chmod(path, 0000), 0);
        prov_read(files[i], &before);
        assert_false(add_running(OTHER, prov_server.password, &other, &proof, &e));
        assert_int_equal(e.code, EXIT_FAILED);
        if (!strstr(e.text, "old files are back"))
            fail_msg("%s", e.text);
        prov_read(files[i], &after);
        assert_string_equal(buf_str(&before), buf_str(&after));
        assert_int_equal(chmod(path, st.st_mode & 0777), 0);
        kill(prov_broker, SIGHUP);
        for (const int64_t until = clock_mono_ms() + WAIT;; poll(NULL, 0, 10)) {
            prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
            const int reason = prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false);
            prov_close(&s);
            if (reason == DENIED)
                break;
            assert_true(clock_mono_ms() < until);
        }
        buf_fini(&before), buf_fini(&after);
    }
    assert_false(add_running(OTHER, "wrong", &other, &proof, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "old files are back"));
}

static bool add_told(pid_t pid, enum provision_proof *proof, struct err *e)
{
    const struct provision_reload r = {.broker_pid = pid};
    const char *uuid = OTHER;

    *e = (struct err){0};
    return provision_add_accounts(prov_dir, &uuid, 1, NULL, &r, &other, proof, e);
}

/* A SIGHUP would end it, and nobody would have read the new files. */
static void test_only_a_broker_is_told(void **state)
{
    struct buf before = BUF_INIT, after = BUF_INIT;
    enum provision_proof proof;
    struct err e;
    int how = 0;
    (void)state;

    prov_create(NULL);
    prov_read_accounts(&before);
    const pid_t bystander = fork();
    if (bystander == 0)
        for (;;)
            pause();
    assert_false(add_told(bystander, &proof, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    prov_read_accounts(&after);
    assert_string_equal(buf_str(&before), buf_str(&after));
    kill(bystander, SIGTERM);
    assert_int_equal(waitpid(bystander, &how, 0), bystander);
    assert_int_equal(WTERMSIG(how), SIGTERM);
    buf_fini(&before), buf_fini(&after);

    if (!add_told(bystander, &proof, &e)) /* it is gone */
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_NOT_RUNNING);
}

static void test_broker_without_a_pid_file(void **state)
{
    char path[400];
    enum provision_proof proof;
    struct prov_peer o;
    struct err e;
    (void)state;

    prov_create(NULL);
    prov_broker_start(prov_dir);
    snprintf(path, sizeof path, "%s/mosquitto.pid", prov_dir);
    unlink(path);
    const struct provision_reload r = {.broker_pid = prov_broker,
                                       .server_password = prov_server.password};
    const char *uuid = OTHER;
    e = (struct err){0};
    if (!provision_add_accounts(prov_dir, &uuid, 1, NULL, &r, &other, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    prov_open(&o, prov_device_port, other.username, other.password, NULL);
    assert_true(o.up);
    prov_close(&o);
}

/* Killed at any moment, adding leaves a directory that a broker runs on and that can be added to.
 */
static void test_killed_while_adding(void **state)
{
    enum { MANY = 400 };
    static char text[MANY][UID_TEXT];
    static const char *uuids[MANY];
    static struct account made[MANY];
    enum provision_proof proof;
    struct prov_peer s, d;
    struct err e = {0};
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    for (int i = 0; i < MANY; i++)
        uuids[i] = text[i];
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < MANY; i++)
            snprintf(text[i], UID_TEXT, "%04x%04x-0000-4000-8000-000000000000", round + 1, i);
        const pid_t child = fork();
        if (child == 0) {
            provision_add_accounts(prov_dir, uuids, MANY, NULL, NULL, made, &proof, &e);
            _exit(0);
        }
        poll(NULL, 0, round * 8); /* the moment of its death: a later one each time */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    prov_add(OTHER, NULL, &other);
    prov_broker_start(prov_dir);
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    prov_open(&d, prov_device_port, other.username, other.password, NULL);
    assert_true(s.up && d.up);
    assert_int_equal(prov_publish(&d, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    assert_int_equal(prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    prov_close(&s), prov_close(&d);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_refusals),
        EACH(test_thousands_at_once),
        PROV_BOTH(test_reload_is_proved),
        EACH(test_reload_that_opens_is_undone),
        PROV_BOTH(test_only_a_broker_is_told),
        PROV_BOTH(test_broker_without_a_pid_file),
        PROV_BOTH(test_killed_while_adding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
