/* Accounts taken away and passwords replaced, on the real Mosquitto; files that are broken before a
 * change; kills in the middle of one. */
#include "provision_rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct account own, other;

static struct provision_reload proved_by(const char *password)
{
    return (struct provision_reload){.server_password = password};
}

static void start_two(void)
{
    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_add(OTHER, NULL, &other);
    prov_broker_start(prov_dir);
}

static bool lets_in(const struct account *a, const char *password)
{
    const bool server = strcmp(a->username, SERVER_ACCOUNT) == 0;
    struct prov_peer p;

    prov_open(&p, server ? prov_console_port : prov_device_port, a->username, password, NULL);
    const bool up = p.up && !p.over;
    prov_close(&p);
    return up;
}

static void test_remove_disconnects(void **state)
{
    const char *name = "41AA03C2-0000-4000-8000-000000000002"; /* uuids compare without case */
    struct provision_reload r;
    struct account gone;
    enum provision_proof proof;
    struct prov_peer stays, goes;
    struct buf rules = BUF_INIT;
    struct err e = {0};
    (void)state;

    start_two();
    r = proved_by(prov_server.password);
    prov_open(&stays, prov_device_port, own.username, own.password, NULL);
    prov_open(&goes, prov_device_port, other.username, other.password, NULL);
    assert_true(stays.up && goes.up);
    if (!provision_remove(prov_dir, &name, 1, &r, &gone, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    assert_string_equal(gone.username, other.username);
    assert_string_equal(gone.client_uuid, OTHER);
    UNTIL(&goes, goes.over);
    assert_false(lets_in(&other, other.password));
    prov_publish(&stays, "infoscreen/" OWN "/heartbeat", "{}", false);
    assert_int_equal(stays.reason, 0x10);
    assert_false(stays.over);
    prov_read_accounts(&rules);
    assert_null(strstr(buf_str(&rules), "41aa03c2"));
    assert_non_null(strstr(buf_str(&rules), "infoscreen-client-9b8d1856"));
    prov_close(&stays), prov_close(&goes);
    buf_fini(&rules);

    const char *again = OTHER; /* and its place is free */
    assert_true(provision_add_accounts(prov_dir, &again, 1, NULL, &r, &other, &proof, &e));
    assert_true(lets_in(&other, other.password));
}

static void test_rotate_ends_the_old_password(void **state)
{
    const char *names[] = {OWN, SERVER_ACCOUNT};
    struct provision_reload r;
    struct account fresh[2];
    enum provision_proof proof;
    struct err e = {0};
    (void)state;

    start_two();
    r = proved_by(prov_server.password);
    if (!provision_rotate(prov_dir, names, 1, &r, fresh, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    assert_string_not_equal(fresh[0].password, own.password);
    assert_false(lets_in(&own, own.password));
    assert_true(lets_in(&own, fresh[0].password));
    assert_true(lets_in(&other, other.password));
    /* The server account with it: proved by the password that was made just now. */
    if (!provision_rotate(prov_dir, names, 2, prov_backend == BACKEND_DYNSEC ? &r : NULL, fresh,
                          &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    assert_string_equal(fresh[1].username, SERVER_ACCOUNT);
    assert_false(lets_in(&prov_server, prov_server.password));
    assert_true(lets_in(&prov_server, fresh[1].password));
    assert_true(lets_in(&own, fresh[0].password));
}

/* An authority in prov_base, and a certificate of it that is for localhost only. */
static void make_certificate(void)
{
    char command[2400];

    snprintf(command, sizeof command,
             "cd %s && for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=$ca -keyout $ca.key -out $ca.crt; "
             "done 2>/dev/null && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
             "-nodes -subj /CN=localhost -keyout own.key -out own.csr 2>/dev/null && "
             "echo subjectAltName=DNS:localhost > own.ext && openssl x509 -req -in own.csr -CA "
             "ca.crt -CAkey ca.key -set_serial 1 -days 90 -extfile own.ext -out own.crt "
             "2>/dev/null",
             prov_base);
    assert_int_equal(system(command), 0);
}

/* The certificate names the broker as others know it, not the loopback address; the authority is
 * asked for all the same. */
static void test_certificate_of_another_name(void **state)
{
    const char *one = OWN, *two = OTHER, *server = SERVER_ACCOUNT;
    char cert[300], key[300], ca[300], foreign[300];
    struct provision_reload r;
    enum provision_proof proof;
    struct err e = {0};
    (void)state;

    make_certificate();
    snprintf(cert, sizeof cert, "%s/own.crt", prov_base);
    snprintf(key, sizeof key, "%s/own.key", prov_base);
    snprintf(ca, sizeof ca, "%s/ca.crt", prov_base);
    snprintf(foreign, sizeof foreign, "%s/other.crt", prov_base);
    prov_create(&(struct provision_init){.cert = cert, .key = key, .cafile = ca});
    prov_broker_start(prov_dir);
    r = proved_by(prov_server.password);
    if (!provision_add_accounts(prov_dir, &one, 1, NULL, &r, &own, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    r.cafile = foreign;
    assert_false(provision_add_accounts(prov_dir, &two, 1, NULL, &r, &other, &proof, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    r.cafile = NULL;
    e = (struct err){0};
    if (!provision_rotate(prov_dir, &one, 1, &r, &own, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    if (!provision_remove(prov_dir, &one, 1, &r, &own, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
    if (!provision_rotate(prov_dir, &server, 1, &r, &own, &proof, &e))
        fail_msg("%s", e.text);
    assert_int_equal(proof, PROOF_PASSED);
}

static void test_refusals_write_nothing(void **state)
{
    static const struct {
        const char *names[2];
        bool rotate;
        int code;
    } table[] = {
        {{OWN, "aaaaaaaa-0000-4000-8000-000000000000"}, false, EXIT_NOT_FOUND},
        {{OWN, "aaaaaaaa-0000-4000-8000-000000000000"}, true, EXIT_NOT_FOUND},
        {{"9b8d1856-0000-4000-8000-000000000000", OTHER}, false, EXIT_NOT_FOUND},
        {{OWN, SERVER_ACCOUNT}, false, EXIT_POLICY},
        {{OWN, OWN}, false, EXIT_POLICY},
        {{OWN, "infoscreen-client-9b8d1856"}, true, EXIT_POLICY},
    };
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct account out[2];
    enum provision_proof proof;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_add(OTHER, NULL, &other);
    prov_read_accounts(&before);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err e = {0};
        const bool ok = table[i].rotate
                            ? provision_rotate(prov_dir, table[i].names, 2, NULL, out, &proof, &e)
                            : provision_remove(prov_dir, table[i].names, 2, NULL, out, &proof, &e);
        if (ok || e.code != table[i].code)
            fail_msg("row %zu: %d %s", i, e.code, e.text);
    }
    prov_read_accounts(&after);
    assert_string_equal(buf_str(&before), buf_str(&after));
    buf_fini(&before), buf_fini(&after);
}

static void test_orphans(void **state)
{
    const char *half = "infoscreen-client-deadbeef";
    struct account *list = NULL, gone;
    enum provision_proof proof;
    struct err e = {0};
    int n = 0;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    prov_append("devices.passwd", "infoscreen-client-deadbeef:$7$101$AAAA$BBBB\n");
    prov_append("devices.acl", "\nuser infoscreen-client-41aa03c2\n"
                               "topic read infoscreen/" OTHER "/commands\n");
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_int_equal(n, 4);
    assert_int_equal(list[1].fault, ACCOUNT_WHOLE);
    assert_int_equal(list[2].fault, ACCOUNT_NO_PASSWORD);
    assert_string_equal(list[2].client_uuid, OTHER);
    assert_int_equal(list[3].fault, ACCOUNT_NO_RULES);
    assert_string_equal(list[3].username, half);
    free(list);
    assert_true(provision_remove(prov_dir, &half, 1, NULL, &gone, &proof, &e));
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_int_equal(n, 3);
    free(list);
}

/* ---- files that are broken before ---- */

static void break_file(const char *name, int how)
{
    struct buf text = BUF_INIT;
    char path[400];

    snprintf(path, sizeof path, "%s/%s", prov_dir, name);
    prov_read(name, &text);
    const char *rule = strstr(buf_str(&text), "topic "), *hash = strchr(buf_str(&text), '$');
    if (how == 0)
        assert_int_equal(unlink(path), 0);
    else if (how == 1) /* in the middle of a line */
        assert_int_equal(truncate(path, (rule ? rule + 5 : hash + 1) - text.data), 0);
    else
        prov_append(name, "topc readwrite #\n");
    buf_fini(&text);
}

/* Missing, truncated, invalid: refused before anything is written, and the broker stays closed. */
static void test_broken_files_are_refused(void **state)
{
    static const char *const files[] = {"devices.acl", "console.acl", "devices.passwd"};
    const char *uuid = "aaaaaaaa-0000-4000-8000-000000000000";
    struct account made;
    enum provision_proof proof;
    struct prov_peer s;
    (void)state;

    start_two();
    const struct provision_reload r = proved_by(prov_server.password);
    for (size_t i = 0; i < 3; i++)
        for (int how = 0; how < 3; how++) {
            struct buf whole = BUF_INIT;
            struct err e = {0};
            char path[400];
            prov_read(files[i], &whole);
            break_file(files[i], how);
            if (provision_add_accounts(prov_dir, &uuid, 1, NULL, &r, &made, &proof, &e))
                fail_msg("%s broken by %d was taken", files[i], how);
            assert_int_equal(e.code, EXIT_FAILED);
            assert_non_null(strstr(e.text, files[i]));
            prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
            assert_true(s.up);
            assert_int_equal(prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
            prov_close(&s);
            snprintf(path, sizeof path, "%s/%s", prov_dir, files[i]);
            FILE *f = fopen(path, "w");
            assert_non_null(f);
            fwrite(whole.data, 1, whole.len, f);
            fclose(f);
            buf_fini(&whole);
        }
}

/* ---- kills ---- */

static void test_killed_while_changing(void **state)
{
    enum { MANY = 300 };
    static char text[MANY][UID_TEXT];
    static const char *uuids[MANY];
    static struct account made[MANY];
    enum provision_proof proof;
    struct account *list = NULL;
    struct prov_peer s;
    struct err e = {0};
    int n = 0;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, NULL, &own);
    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], UID_TEXT, "%08x-0000-4000-8000-000000000000", i + 1);
        uuids[i] = text[i];
    }
    assert_true(provision_add_accounts(prov_dir, uuids, MANY, NULL, NULL, made, &proof, &e));
    for (int round = 0; round < 12; round++) {
        const int first = round * (MANY / 12);
        const pid_t child = fork();
        if (child == 0) {
            if (round % 2)
                provision_remove(prov_dir, uuids + first, MANY / 12, NULL, made, &proof, &e);
            else
                provision_rotate(prov_dir, uuids + first, MANY / 12, NULL, made, &proof, &e);
            _exit(0);
        }
        poll(NULL, 0, round * 2); /* the moment of its death: a later one each time */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    prov_add(OTHER, NULL, &other); /* whoever comes next finds whole files */
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_true(n > 3);
    free(list);
    prov_broker_start(prov_dir);
    assert_true(lets_in(&own, own.password));
    assert_true(lets_in(&other, other.password));
    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    assert_int_equal(prov_publish(&s, "infoscreen/" OWN "/heartbeat", "", false), DENIED);
    prov_close(&s);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, prov_setup, prov_teardown)
    const struct CMUnitTest tests[] = {
        PROV_BOTH(test_remove_disconnects),     PROV_BOTH(test_rotate_ends_the_old_password),
        PROV_BOTH(test_refusals_write_nothing), PROV_BOTH(test_certificate_of_another_name),
        EACH(test_orphans),
        EACH(test_broken_files_are_refused),    EACH(test_killed_while_changing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
