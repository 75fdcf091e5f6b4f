/* INI files and the log, with real files and a real stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/log.h"

static char path[64];

static int set_up(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/test_ini_XXXXXX");
    fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

struct got {
    char all[2000];
    size_t longest;
};

static bool collect(void *user, const char *section, const char *key, const char *value, int line,
                    struct err *e)
{
    struct got *g = user;
    size_t at = strlen(g->all);

    if (strlen(value) > g->longest)
        g->longest = strlen(value);
    if (strcmp(value, "bad") == 0)
        return err_set(e, EXIT_USAGE, "%s.%s: \"%s\": expected good", section, key, value);
    if (strcmp(value, "worse") == 0)
        return err_set(e, EXIT_POLICY, "no such thing: stop it");
    snprintf(g->all + at, sizeof(g->all) - at, "%d[%s]%s=%.40s|", line, section, key, value);
    return true;
}

static bool read_text(const char *text, struct got *g, struct err *e)
{
    *g = (struct got){0};
    *e = (struct err){0};
    write_file(text, strlen(text));
    return ini_read(path, collect, g, e);
}

static void test_values(void **state)
{
    struct got g;
    struct err e;

    (void)state;
    assert_true(
        read_text("\xef\xbb\xbf# comment\n[a]\nk = v ; not a comment\n\n  indented = \"quoted\" \n"
                  "; comment\n[b.c]\r\nempty =\r\nk: v\r\nlast = 1",
                  &g, &e));
    assert_string_equal(g.all, "3[a]k=v ; not a comment|5[a]indented=\"quoted\"|8[b.c]empty=|"
                               "9[b.c]k=v|10[b.c]last=1|");
}

static void test_error_names_the_place(void **state)
{
    struct got g;
    struct err e;
    char want[200];

    (void)state;
    assert_false(read_text("[fleet]\n\nheartbeat_timeout = bad\nlater = 1\n", &g, &e));
    snprintf(want, sizeof(want), "%s:3: [fleet] heartbeat_timeout: \"bad\": expected good", path);
    assert_string_equal(e.text, want);
    assert_int_equal(e.code, EXIT_USAGE);
    assert_string_equal(g.all, ""); /* the first error stops it */
    assert_false(read_text("[fleet]\nx = worse\n", &g, &e));
    snprintf(want, sizeof(want), "%s:2: no such thing: stop it", path);
    assert_string_equal(e.text, want);
    assert_int_equal(e.code, EXIT_POLICY);
}

static void test_line_that_is_nothing(void **state)
{
    struct got g;
    struct err e;
    char want[100];

    (void)state;
    assert_false(read_text("[a]\nk = v\nwhat is this\nl = w\n", &g, &e));
    snprintf(want, sizeof(want), "%s:3: ", path);
    assert_memory_equal(e.text, want, strlen(want));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_false(read_text("[unclosed\nk = v\n", &g, &e));
    snprintf(want, sizeof(want), "%s:1: ", path);
    assert_memory_equal(e.text, want, strlen(want));
}

/* The library reads long lines in pieces: they are whole, and count as one. */
static void test_long_line(void **state)
{
    struct got g = {0};
    struct err e = {0};
    char *text = malloc(20100);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    n += (size_t)sprintf(text, "[a]\nlong = ");
    memset(text + n, 'x', 20000);
    n += 20000;
    n += (size_t)sprintf(text + n, "\nnext = bad\n");
    write_file(text, n);
    assert_false(ini_read(path, collect, &g, &e));
    assert_int_equal(g.longest, 20000);
    assert_non_null(strstr(e.text, ":3: [a] next"));
    free(text);
}

static void test_no_file(void **state)
{
    struct err e = {0};
    struct got g = {0};

    (void)state;
    assert_false(ini_read("/nonexistent/config.ini", collect, &g, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "/nonexistent/config.ini: No such file"));
    assert_false(ini_read("/tmp", collect, &g, &e));
    assert_non_null(strstr(e.text, "/tmp: "));
}

/* ---- the log ---- */

static int saved_stderr;

static void stderr_to_file(void)
{
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    assert_int_equal(ftruncate(STDERR_FILENO, 0), 0);
}

static void stderr_back(char *text, size_t size)
{
    FILE *f;
    size_t n;

    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
}

static void test_log_plain(void **state)
{
    char text[1000];

    (void)state;
    unsetenv("JOURNAL_STREAM");
    stderr_to_file();
    log_to_stderr();
    log_warn("%s %d", "it is", 7);
    log_debug("not wanted");
    log_set_level(LOG_ERROR_);
    log_info("not wanted");
    log_error("two\nlines\x1b[0m");
    log_set_level(LOG_INFO_);
    stderr_back(text, sizeof(text));
    assert_string_equal(text, "infoscreen-tui: it is 7\ninfoscreen-tui: two lines [0m\n");
}

static void test_log_journal(void **state)
{
    char text[1000], stream[64];
    struct stat st;

    (void)state;
    stderr_to_file();
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_to_stderr();
    log_error("bad");
    log_info("good");
    setenv("JOURNAL_STREAM", "1:2", 1); /* somebody else's stderr */
    log_to_stderr();
    log_info("plain");
    stderr_back(text, sizeof(text));
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(text, "<3>bad\n<6>good\ninfoscreen-tui: plain\n");
}

static void *log_some(void *user)
{
    for (int i = 0; i < 500; i++)
        log_info("%s %d", (const char *)user, i);
    return NULL;
}

static void test_log_memory(void **state)
{
    static char text[40000];
    size_t lines = 0;
    pthread_t other;

    (void)state;
    stderr_to_file();
    log_to_memory();
    assert_int_equal(pthread_create(&other, NULL, log_some, "other"), 0);
    log_some("own");
    pthread_join(other, NULL);
    log_info("the last");
    log_dump_stderr();
    stderr_back(text, sizeof(text));
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 200); /* bounded: the newest ones */
    assert_non_null(strstr(text, "infoscreen-tui: the last\n"));
    assert_null(strstr(text, "own 0\n"));
    log_to_stderr();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_error_names_the_place),
        cmocka_unit_test(test_line_that_is_nothing),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_log_plain),
        cmocka_unit_test(test_log_journal),
        cmocka_unit_test(test_log_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
