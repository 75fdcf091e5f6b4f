/* Languages on a bare machine. Each case runs in a child of its own, since locales are the
 * process's. A catalog made here stands beside a copy of this program, as in the build directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <limits.h>
#include <locale.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"

static char dir[64], copy[96];

static int run(const char *command)
{
    return system(command);
}

/* Copies this program to DIR/prog and makes DIR/locale/de/…: that is what /proc/self/exe will show.
 */
static int set_up(void **state)
{
    char command[PATH_MAX + 600], self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test_i18n_XXXXXX");
    if (n < 0 || !mkdtemp(dir))
        return -1;
    self[n] = '\0';
    snprintf(copy, sizeof(copy), "%s/prog", dir);
    snprintf(command, sizeof(command),
             "cp '%s' %s && mkdir -p %s/locale/de/LC_MESSAGES && printf '%%s\\n' "
             "'msgid \"\"' 'msgstr \"Content-Type: text/plain; charset=UTF-8\\n\"' "
             "'msgid \"acknowledge\"' 'msgstr \"quittieren, grün\"' "
             "| msgfmt -o %s/locale/de/LC_MESSAGES/infoscreen-tui.mo -",
             self, copy, dir, dir);
    return run(command);
}

static int tear_down(void **state)
{
    char command[200];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return run(command);
}

/* What the copy prints: "utf8|ascii LC_NUMERIC TRANSLATION". */
static void look(const char *env, const char *language, const char *want)
{
    char command[400], got[200] = "";
    FILE *p;

    snprintf(command, sizeof(command),
             "env -i PATH=/usr/bin:/bin ASAN_OPTIONS=detect_leaks=0 %s %s --child '%s'", env, copy,
             language);
    p = popen(command, "r");
    assert_non_null(p);
    if (!fgets(got, sizeof(got), p))
        got[0] = '\0';
    pclose(p);
    if (strcmp(got, want) != 0)
        fail_msg("%s, language \"%s\": got \"%s\", wanted \"%s\"", env, language, got, want);
}

static int child(const char *language)
{
    bool utf8 = i18n_init(language);

    printf("%s %s %s%s", utf8 ? "utf8" : "ascii", setlocale(LC_NUMERIC, NULL),
           i18n_translate("acknowledge"), i18n_translate(""));
    return 0;
}

static void test_environment(void **state)
{
    (void)state;
    look("LC_ALL=C.UTF-8", "", "utf8 C acknowledge");
    look("LC_ALL=C.UTF-8 LANGUAGE=de", "", "utf8 C quittieren, grün");
    look("LANG=C", "", "ascii C acknowledge");
    look("", "", "ascii C acknowledge");
}

/* Not installed on a bare machine, yet it says UTF-8 and German. */
static void test_missing_locale(void **state)
{
    (void)state;
    look("LANG=de_AT.UTF-8", "", "utf8 C quittieren, grün");
    look("LC_ALL=de_CH.utf8", "", "utf8 C quittieren, grün");
    look("LANG=de_DE.ISO-8859-15", "", "ascii C quittieren, grün");
    look("LANG=fr_FR.UTF-8", "", "utf8 C acknowledge");
    look("LANG=de_AT.UTF-8 LC_MESSAGES=C", "", "utf8 C acknowledge");
}

static void test_configured(void **state)
{
    (void)state;
    look("LC_ALL=C.UTF-8", "de", "utf8 C quittieren, grün");
    look("LANG=C", "de", "ascii C quittieren, grün");
    look("LANG=de_AT.UTF-8", "en", "utf8 C acknowledge");
    look("LC_ALL=C.UTF-8 LANGUAGE=de", "en", "utf8 C acknowledge");
}

/* Without a folder beside the program the installed one is asked; there is none, and that is no
 * error. */
static void test_no_catalog(void **state)
{
    char command[200];

    (void)state;
    snprintf(command, sizeof(command), "mv %s/locale %s/aside", dir, dir);
    assert_int_equal(run(command), 0);
    look("LC_ALL=C.UTF-8 LANGUAGE=de", "de", "utf8 C acknowledge");
    snprintf(command, sizeof(command), "mv %s/aside %s/locale", dir, dir);
    assert_int_equal(run(command), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_missing_locale),
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_no_catalog),
    };

    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return child(argv[2]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
