/* Mosquitto 2.1 wants plugins for its files and has a word to test a configuration. None is here to
 * run: what is written is held against its documentation, by a stand-in that tells the version. */
#include "provision_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/audit.h"
#include "broker/provision_parts.h"

static struct account own, other;

static void write_program(const char *name, const char *text, mode_t mode)
{
    char path[400];

    snprintf(path, sizeof path, "%s/%s", prov_base, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

/* A mosquitto 2.1.2 that tests files as it is told: DIR/verdict is its exit code. */
static int setup(void **state)
{
    char text[800], path[600];
    const int rc = prov_setup(state);

    snprintf(text, sizeof text,
             "#!/bin/sh\n"
             "case $1 in\n"
             "-h) echo 'mosquitto version 2.1.2'; exit 1 ;;\n"
             "--test-config) echo \"Error: $3 is broken.\"; exit $(cat %s/verdict) ;;\n"
             "esac\n",
             prov_base);
    write_program("mosquitto", text, 0755);
    write_program("verdict", "0\n", 0644);
    write_program("mosquitto_acl_file.so", "", 0644);
    write_program("mosquitto_password_file.so", "", 0644);
    write_program("mosquitto_dynamic_security.so", "", 0644);
    snprintf(path, sizeof path, "%s:%s", prov_base, getenv("PATH"));
    setenv("PATH", path, 1);
    setenv("INFOSCREEN_MOSQUITTO_PLUGINS", prov_base, 1);
    return rc;
}

static int teardown(void **state)
{
    setenv("PATH", strchr(getenv("PATH"), ':') + 1, 1);
    unsetenv("INFOSCREEN_MOSQUITTO_PLUGINS");
    return prov_teardown(state);
}

static void check_conf(const char *const *has, const char *const *lacks)
{
    struct buf conf = BUF_INIT;

    prov_read("mosquitto.conf", &conf);
    for (; *has; has++)
        if (!strstr(buf_str(&conf), *has))
            fail_msg("%s isn't in\n%s", *has, buf_str(&conf));
    for (; *lacks; lacks++)
        if (strstr(buf_str(&conf), *lacks))
            fail_msg("%s is in\n%s", *lacks, buf_str(&conf));
    buf_fini(&conf);
}

static void check_audit(void)
{
    struct audit a = {0};
    struct err e = {0};

    assert_true(audit_files(&a, prov_dir, &e));
    for (size_t i = 0; i < a.n; i++)
        if (!a.list[i].ok)
            fail_msg("%s: %s", a.list[i].name, a.list[i].actual.clean);
    audit_fini(&a);
}

static const char *const deprecated[] = {"per_listener_settings", "\nallow_anonymous",
                                         "\npassword_file", "\nacl_file", NULL};

static void test_files_by_plugins(void **state)
{
    static const char *const has[] = {"\nplugin_load devices-passwords ",
                                      "mosquitto_password_file.so\nplugin_opt_password_file ",
                                      "mosquitto_acl_file.so\nplugin_opt_acl_file ",
                                      "\nlistener_allow_anonymous false\n",
                                      "\nplugin_use consoles-rules\n",
                                      NULL};
    struct account *list = NULL;
    struct err e = {0};
    int n = 0;
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own); /* it reads what it wrote */
    check_conf(has, deprecated);
    assert_true(provision_list(prov_dir, &list, &n, &e));
    assert_int_equal(n, 2);
    free(list);
    check_audit();
}

static void test_move_to_the_plugin(void **state)
{
    static const char *const has[] = {
        "\nplugin_load devices-accounts ", "mosquitto_dynamic_security.so\nplugin_opt_config_file ",
        "\nplugin_use devices-accounts\n", "\nplugin_use consoles-passwords\n", NULL};
    static const char *const lacks[] = {"devices-passwords", "devices-rules", "\nallow_anonymous",
                                        NULL};
    const struct provision_reload wanted = {.backend = BACKEND_DYNSEC};
    const char *uuid = OTHER;
    enum provision_proof proof;
    struct err e = {0};
    (void)state;

    prov_create(NULL);
    prov_add(OWN, "vienna-1", &own);
    if (!provision_add_accounts(prov_dir, &uuid, 1, NULL, &wanted, &other, &proof, &e))
        fail_msg("%s", e.text);
    check_conf(has, lacks);
    check_audit();
    uuid = "aaaaaaaa-0000-4000-8000-000000000000";
    assert_true(provision_add_accounts(prov_dir, &uuid, 1, NULL, NULL, &other, &proof, &e));
}

/* The plugin for files isn't installed: what 2.1 deprecates, it takes. */
static void test_without_plugins(void **state)
{
    static const char *const lacks[] = {"plugin", NULL};
    char path[400];
    (void)state;

    snprintf(path, sizeof path, "%s/mosquitto_acl_file.so", prov_base);
    assert_int_equal(remove(path), 0);
    prov_create(NULL);
    check_conf(deprecated + 3, lacks);
}

/* 2.1 quits where it reads a broken file: it is asked before it is told. */
static void test_asks_before_a_reload(void **state)
{
    struct err e = {0};
    (void)state;

    assert_true(install_accepts("/x.conf", &e));
    write_program("verdict", "3\n", 0644);
    assert_false(install_accepts("/x.conf", &e));
    assert_non_null(strstr(e.text, "/x.conf is broken"));
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {EACH(test_files_by_plugins), EACH(test_move_to_the_plugin),
                                       EACH(test_without_plugins), EACH(test_asks_before_a_reload)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
