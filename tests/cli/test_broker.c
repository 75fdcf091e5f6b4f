/* broker init, add, remove, rotate, list, check: shapes of JSON, files and exit codes. No broker
 * runs: the listeners are on ports where nobody answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "rig.h"

#define OWN   "9b8d1856-ff34-4864-a726-12de072d0f77"
#define OTHER "41aa03c2-0000-4000-8000-000000000002"

static int begin(void **state)
{
    (void)state;
    return chmod(rig_begin(), 0711); /* made by root, user mosquitto must get in */
}

/* Runs "broker WORDS --dir D". */
static struct ran broker(const char *words)
{
    char line[1200];

    snprintf(line, sizeof line, "broker %s --dir %s", words, rig_path("b"));
    return run_cli(line, NULL);
}

static void expect(const char *words, int code)
{
    const struct ran r = broker(words);

    if (r.code != code)
        fail_msg("%s: %d\n%s", words, r.code, r.err);
    if (code != 0 && strncmp(r.err, "infoscreen-tui: ", 16) != 0)
        fail_msg("%s: %s", words, r.err);
}

/* The array `name` of what was printed; free *whole. */
static cJSON *rows_of(const char *words, int code, const char *name, cJSON **whole)
{
    const struct ran r = broker(words);

    if (r.code != code)
        fail_msg("%s: %d\n%s", words, r.code, r.err);
    *whole = cJSON_Parse(r.out);
    assert_non_null(*whole);
    cJSON *rows = cJSON_GetObjectItem(*whole, name);
    assert_true(cJSON_IsArray(rows));
    return rows;
}

static const char *text(const cJSON *row, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(row, key);
    assert_non_null(item);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static void make(void)
{
    expect("init --listen 127.0.0.1:1 --device-listen 127.0.0.1:2", 0);
}

static void test_accounts(void **state)
{
    cJSON *whole, *rows;
    char first[64];
    (void)state;

    make();
    rig_write("uuids", "# two\n" OWN "\n\n  " OTHER " # hall\n");
    char words[400];
    snprintf(words, sizeof words, "add --file %s -o json", rig_path("uuids"));
    rows = rows_of(words, 0, "accounts", &whole);
    assert_int_equal(cJSON_GetArraySize(rows), 2);
    assert_string_equal(text(cJSON_GetArrayItem(rows, 0), "username"),
                        "infoscreen-client-9b8d1856");
    assert_string_equal(text(cJSON_GetArrayItem(rows, 1), "client_uuid"), OTHER);
    snprintf(first, sizeof first, "%s", text(cJSON_GetArrayItem(rows, 0), "password"));
    assert_int_equal(strlen(first), 32);
    cJSON_Delete(whole);

    rows = rows_of("rotate " OWN " -o json", 0, "accounts", &whole);
    assert_string_not_equal(text(cJSON_GetArrayItem(rows, 0), "password"), first);
    cJSON_Delete(whole);

    rows = rows_of("list -o json", 0, "accounts", &whole);
    assert_int_equal(cJSON_GetArraySize(rows), 3);
    assert_string_equal(text(cJSON_GetArrayItem(rows, 0), "username"), "infoscreen-server");
    assert_null(text(cJSON_GetArrayItem(rows, 0), "client_uuid"));
    assert_null(text(cJSON_GetArrayItem(rows, 1), "last_seen_at"));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetArrayItem(rows, 1), "known")));
    cJSON_Delete(whole);
    const struct ran table = broker("list");
    assert_non_null(strstr(table.out, "never connected"));

    rows = rows_of("remove " OWN " -o json", 0, "accounts", &whole);
    assert_string_equal(text(cJSON_GetArrayItem(rows, 0), "client_uuid"), OWN);
    assert_null(text(cJSON_GetArrayItem(rows, 0), "password"));
    cJSON_Delete(whole);
    rows = rows_of("list -o json", 0, "accounts", &whole);
    assert_int_equal(cJSON_GetArraySize(rows), 2);
    cJSON_Delete(whole);
}

static void test_env_files(void **state)
{
    char words[400], path[400];
    struct stat st;
    (void)state;

    make();
    snprintf(words, sizeof words, "add %s --env-dir %s", OWN, rig_path("env"));
    expect(words, 0);
    snprintf(path, sizeof path, "%s/%s.env", rig_path("env"), OWN);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, (off_t)strlen("MQTT_PASSWORD_BROKER=") + 33);
    assert_int_equal(unlink(path), 0);
    snprintf(words, sizeof words, "rotate %s --env-dir %s", OWN, rig_path("env"));
    expect(words, 0);
    assert_int_equal(stat(path, &st), 0);
}

static void test_check(void **state)
{
    cJSON *whole, *rows;
    (void)state;

    make();
    expect("add " OWN, 0);
    rows = rows_of("check -o json", 0, "checks", &whole);
    assert_true(cJSON_GetArraySize(rows) > 10);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(whole, "ok")));
    for (const cJSON *row = rows->child; row; row = row->next) {
        assert_non_null(text(row, "name"));
        assert_non_null(text(row, "expected"));
        assert_non_null(text(row, "actual"));
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(row, "ok")));
    }
    cJSON_Delete(whole);
    assert_int_equal(chmod(rig_path("b/devices.passwd"), 0644), 0);
    rows = rows_of("check -o json", 1, "checks", &whole);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(whole, "ok")));
    cJSON_Delete(whole);
    expect("check", 1);
}

static void test_refusals(void **state)
{
    char words[100];
    (void)state;

    make();
    expect("add " OWN, 0);
    expect("remove", 2);
    expect("remove x", 2);
    expect("remove " OTHER, 4);
    expect("rotate " OTHER, 4);
    expect("remove infoscreen-server", 6);
    expect("add " OTHER " --pid 0", 2);
    expect("add " OTHER " --pid -1", 2);
    expect("remove " OWN " --pid 99999999999999999999", 2);
    expect("remove " OWN " --pid 4294967297", 2);
    snprintf(words, sizeof words, "rotate %s --pid %ld", OWN, (long)getpid());
    expect(words, 2);
    expect("--read-only remove " OWN, 6);
    expect("--read-only rotate " OWN, 6);
    expect("check --as 9b8d", 2);
    expect("check --as " OWN, 2);
    setenv("MQTT_DEVICE_PASSWORD", "x", 1);
    expect("check --as " OWN, 6);
    unsetenv("MQTT_DEVICE_PASSWORD");
    assert_int_equal(run_cli("broker remove " OWN, NULL).code, 2); /* without --dir */
    assert_int_equal(run_cli("broker check -h 127.0.0.1 -p 1", NULL).code, 3);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, begin, rig_teardown)
    const struct CMUnitTest tests[] = {EACH(test_accounts), EACH(test_env_files), EACH(test_check),
                                       EACH(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
