/* Which terminals get a notification, and that nothing else gets the sequence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/notification.h"

static enum notification with(const char *term, const char *program, const char *tmux)
{
    setenv("TERM", term, 1);
    unsetenv("STY");
    setenv("TERM_PROGRAM", program, 1);
    setenv("TMUX", tmux, 1);
    return notification_of("auto");
}

static void test_terminals(void **state)
{
    (void)state;
    assert_int_equal(with("xterm-256color", "", ""), NOTIFICATION_NONE);
    assert_int_equal(with("vt100", "", ""), NOTIFICATION_NONE);
    assert_int_equal(with("xterm-256color", "iTerm.app", ""), NOTIFICATION_OSC9);
    assert_int_equal(with("xterm-kitty", "", ""), NOTIFICATION_OSC9);
    assert_int_equal(with("foot-direct", "", ""), NOTIFICATION_OSC777);
    assert_int_equal(with("tmux-256color", "iTerm.app", ""), NOTIFICATION_NONE);
    assert_int_equal(with("xterm-256color", "iTerm.app", "/tmp/tmux-0/default,1,0"),
                     NOTIFICATION_NONE);
    assert_int_equal(notification_of("osc9"), NOTIFICATION_OSC9);
    assert_int_equal(notification_of("osc777"), NOTIFICATION_OSC777);
    assert_int_equal(notification_of("no"), NOTIFICATION_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_terminals)};

    return cmocka_run_group_tests_name("ui: notification", tests, NULL, NULL);
}
