/* The real terminal side on a pseudo-terminal: never waiting for a line that takes nothing, given
 * back at the end and after a crash, quiet when nothing changed. */
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <utmp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "fleet.h"

enum { WELL = 0, STUCK = 10, NO_UI = 11 };

static struct fleet f;

static struct ui *open_ui(void)
{
    struct err e = {0};
    const struct ui_options o = {.config = &f.config, .utf8 = true, .theme_dirs = "themes"};

    fleet_open(&f, 200, 60, 200, true);
    fleet_trouble(&f);
    struct ui *u = ui_open(&o, &e);
    if (!u) {
        fprintf(stderr, "%s: %s\n", getenv("TERM"), e.text);
        _exit(NO_UI);
    }
    return u;
}

/* Runs `child` on a terminal that `reads` or doesn't until the child is done; all it wrote in out.
 */
static int run_on_terminal(const char *term, int (*child)(void), bool reads, struct buf *out,
                           bool *restored)
{
    struct winsize size = {.ws_row = 60, .ws_col = 200};
    struct termios before, after;
    int fd, side, done[2], status;

    assert_int_equal(pipe(done), 0);
    assert_int_equal(openpty(&fd, &side, NULL, NULL, &size), 0);
    tcgetattr(side, &before);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd);
        login_tty(side);
        setenv("TERM", term, 1);
        signal(SIGSEGV, SIG_DFL); /* the test library has a handler of its own */
        close(done[0]);
        char byte = (char)child();
        if (write(done[1], &byte, 1) != 1)
            _exit(NO_UI);
        _exit(byte);
    }
    close(done[1]);
    close(side);
    struct pollfd p[2] = {{.fd = done[0], .events = POLLIN},
                          {.fd = fd, .events = reads ? POLLIN : 0}};
    const int64_t deadline = clock_mono_ms() + 20000;
    while (clock_mono_ms() < deadline) {
        char chunk[4096];
        poll(reads ? p + 1 : p, reads ? 1 : 2, 200);
        const ssize_t n = p[1].revents & POLLIN ? read(fd, chunk, sizeof chunk) : 0;
        if (n > 0)
            buf_append(out, chunk, (size_t)n);
        else if (reads ? p[1].revents & POLLHUP : p[0].revents) /* all of it has come */
            break;
    }
    tcgetattr(fd, &after);
    *restored = memcmp(&before.c_lflag, &after.c_lflag, sizeof before.c_lflag) == 0 &&
                before.c_iflag == after.c_iflag;
    if (clock_mono_ms() >= deadline)
        kill(pid, SIGKILL);
    close(done[0]);
    waitpid(pid, &status, 0);
    close(fd);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int paint_against_a_wall(void)
{
    struct ui *u = open_ui();
    int refused = 0;

    for (int i = 0; i < 200; i++) {
        const int64_t began = clock_mono_ms();
        ui_resized(u); /* every frame whole: far more than a terminal's buffer */
        refused += !ui_paint(u, &f.model);
        if (clock_mono_ms() - began > 100)
            return STUCK;
    }
    const int64_t began = clock_mono_ms();
    ui_close(u); /* waits a little for the terminal, not for ever */
    return clock_mono_ms() - began > 5000 || refused < 100 ? STUCK : WELL;
}

static void test_a_stuck_line_holds_nobody_up(void **state)
{
    struct buf out = BUF_INIT;
    bool restored;

    (void)state;
    assert_int_equal(
        run_on_terminal("xterm-256color", paint_against_a_wall, false, &out, &restored), WELL);
    buf_fini(&out);
}

static int paint_and_end(void)
{
    struct ui *u = open_ui();

    ui_paint(u, &f.model);
    ui_close(u);
    return WELL;
}

static int paint_and_crash(void)
{
    struct ui *u = open_ui();

    while (!ui_paint(u, &f.model))
        ;
    raise(SIGSEGV);
    return WELL;
}

static bool ends_with(const struct buf *b, const char *last)
{
    const char *at = NULL;

    for (const char *p = buf_str(b); (p = strstr(p, last)); p++)
        at = p;
    return at && b->len - (size_t)(at - b->data) < 120;
}

static void test_given_back(void **state)
{
    static const char *const terms[] = {"xterm-256color", "xterm",         "screen",
                                        "linux",          "tmux-256color", "vt100"};
    bool restored;

    (void)state;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        struct buf out = BUF_INIT;
        if (run_on_terminal(terms[i], paint_and_end, true, &out, &restored) != WELL)
            fail_msg("%s: %s", terms[i], buf_str(&out));
        assert_true(restored);
        assert_non_null(strstr(buf_str(&out), "SERVICE FAILED"));
        assert_true(ends_with(&out, "\033[?2004l"));
        buf_fini(&out);
    }
}

static void test_given_back_after_a_crash(void **state)
{
    struct buf out = BUF_INIT;
    bool restored;

    (void)state;
    assert_int_equal(run_on_terminal("xterm-256color", paint_and_crash, true, &out, &restored),
                     1000 + SIGSEGV);
    assert_true(restored);
    assert_true(ends_with(&out, "\033[?1049l"));
    assert_true(ends_with(&out, "\033[?25h") || ends_with(&out, "\033[34h\033[?25h"));
    buf_fini(&out);
}

static int refuse_to_open(void)
{
    struct err e = {0};

    fleet_open(&f, 1, 24, 80, true);
    const struct ui_options o = {.config = &f.config, .utf8 = true};
    struct ui *u = ui_open(&o, &e);
    return !u && e.code == EXIT_USAGE && strstr(e.text, "TERM") ? WELL : NO_UI;
}

static void test_terminals_that_cannot(void **state)
{
    static const char *const terms[] = {"dumb", "", "no-such-terminal"};
    bool restored;

    (void)state;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        struct buf out = BUF_INIT;
        assert_int_equal(run_on_terminal(terms[i], refuse_to_open, true, &out, &restored), WELL);
        assert_true(restored);
        assert_int_equal(out.len, 0);
        buf_fini(&out);
    }
}

/* Painted again, nothing changed: not a byte. */
static int paint_twice(void)
{
    struct ui *u = open_ui();

    while (!ui_paint(u, &f.model))
        ;
    ui_mark_idle(u);
    for (int i = 0; i < 50; i++)
        ui_paint(u, &f.model);
    ui_mark_idle(u);
    ui_close(u);
    return WELL;
}

static void test_the_same_frame_costs_nothing(void **state)
{
    static const char mark[] = "\033]777;idle\a";
    struct buf out = BUF_INIT;
    bool restored;

    (void)state;
    setenv("INFOSCREEN_TUI_IDLE_MARK", "1", 1);
    assert_int_equal(run_on_terminal("xterm-256color", paint_twice, true, &out, &restored), WELL);
    const char *first = strstr(buf_str(&out), mark);
    assert_non_null(first);
    assert_memory_equal(first + strlen(mark), mark, strlen(mark));
    buf_fini(&out);
}

static int paint_without_colour(void)
{
    setenv("NO_COLOR", "1", 1);
    return paint_and_end();
}

static void test_colours(void **state)
{
    struct buf out = BUF_INIT;
    bool restored;

    (void)state;
    assert_int_equal(run_on_terminal("xterm-256color", paint_and_end, true, &out, &restored), WELL);
    assert_non_null(strstr(buf_str(&out), "38;5;208")); /* orange */
    buf_clear(&out);
    assert_int_equal(run_on_terminal("xterm", paint_and_end, true, &out, &restored), WELL);
    assert_null(strstr(buf_str(&out), "38;5;"));
    assert_non_null(strstr(buf_str(&out), "\033[33m")); /* the nearest of eight */
    buf_clear(&out);
    assert_int_equal(run_on_terminal("xterm-256color", paint_without_colour, true, &out, &restored),
                     WELL);
    assert_null(strstr(buf_str(&out), "38;5;"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stuck_line_holds_nobody_up),
        cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_given_back_after_a_crash),
        cmocka_unit_test(test_terminals_that_cannot),
        cmocka_unit_test(test_the_same_frame_costs_nothing),
        cmocka_unit_test(test_colours),
    };

    setenv("TZ", "UTC", 1);
    unsetenv("NO_COLOR");
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
