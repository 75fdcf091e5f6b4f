#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <utmp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#include <cmocka.h>

struct term {
    pid_t pid;
    int fd;
    int status;
    bool exited, closed;
    VTerm *vt;
    VTermScreen *screen;
    int rows, cols;
    bool altscreen, cursor;
    unsigned long idle_marks;
    struct termios before;
    char *raw; /* every byte that came */
    size_t raw_len, raw_cap;
    char *text;
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int on_property(VTermProp prop, VTermValue *val, void *user)
{
    struct term *t = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        t->altscreen = val->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        t->cursor = val->boolean;
    return 1;
}

static const VTermScreenCallbacks screen_callbacks = {.settermprop = on_property};

/* The idle mark is found in the raw bytes: libvterm's callback for OSC differs between its versions. */
static void count_marks(struct term *t, size_t from)
{
    static const char mark[] = "\033]777;idle";
    const size_t n = sizeof mark - 1;
    size_t at = from > n ? from - n + 1 : 0;

    for (; at + n <= t->raw_len; at++)
        if (memcmp(t->raw + at, mark, n) == 0)
            t->idle_marks++;
}

static void keep_raw(struct term *t, const char *bytes, size_t n)
{
    const size_t from = t->raw_len;

    while (t->raw_len + n > t->raw_cap) {
        t->raw_cap = t->raw_cap ? 2 * t->raw_cap : 65536;
        t->raw = realloc(t->raw, t->raw_cap);
        assert_non_null(t->raw);
    }
    memcpy(t->raw + t->raw_len, bytes, n);
    t->raw_len += n;
    count_marks(t, from);
}

static void exec_program(const struct term_options *o, char *const argv[])
{
    setenv("TERM", o->term ? o->term : "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    setenv("INFOSCREEN_TUI_IDLE_MARK", "1", 1);
    unsetenv("NO_COLOR");
    unsetenv("COLORTERM");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    for (const char *const *e = o->env; e && *e; e++)
        putenv(strdup(*e));
    if (o->no_input)
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    execv(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* The settings are those from before the program has it: forkpty() would leave that to chance. */
static pid_t start_on(struct term *t, const struct term_options *o, const struct winsize *size)
{
    int side;

    assert_int_equal(openpty(&t->fd, &side, NULL, NULL, size), 0);
    tcgetattr(side, &t->before);
    const pid_t pid = fork();
    if (pid == 0 && o->nobodys) {
        setsid();
        for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
            dup2(side, i);
    } else if (pid == 0) {
        login_tty(side);
    }
    if (pid == 0)
        close(t->fd);
    if (side > STDERR_FILENO)
        close(side);
    return pid;
}

struct term *term_start(const struct term_options *o, char *const argv[])
{
    struct term *t = calloc(1, sizeof *t);
    struct winsize size = {.ws_row = (unsigned short)o->rows, .ws_col = (unsigned short)o->cols};

    assert_non_null(t);
    t->rows = o->rows;
    t->cols = o->cols;
    t->cursor = true;
    t->pid = start_on(t, o, &size);
    assert_true(t->pid >= 0);
    if (t->pid == 0)
        exec_program(o, argv);
    fcntl(t->fd, F_SETFL, O_NONBLOCK);
    t->vt = vterm_new(o->rows, o->cols);
    vterm_set_utf8(t->vt, 1);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_callbacks(t->screen, &screen_callbacks, t);
    vterm_screen_reset(t->screen, 1);
    return t;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    if (!t->exited) {
        kill(t->pid, SIGCONT);
        kill(t->pid, SIGTERM);
        for (int i = 0; i < 50 && !t->exited; i++) {
            t->exited = waitpid(t->pid, &t->status, WNOHANG) == t->pid;
            if (!t->exited)
                poll(NULL, 0, 100);
        }
        if (!t->exited) {
            kill(t->pid, SIGKILL);
            waitpid(t->pid, &t->status, 0);
        }
    }
    close(t->fd);
    vterm_free(t->vt);
    free(t->raw);
    free(t->text);
    free(t);
}

pid_t term_pid(const struct term *t)
{
    return t->pid;
}

/* Feeds the emulator with what has come, waiting at most `ms` for it. */
static void pump(struct term *t, int ms)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    char bytes[65536];

    if (t->closed || poll(&p, 1, ms) <= 0)
        return;
    const ssize_t n = read(t->fd, bytes, sizeof bytes);
    if (n > 0) {
        keep_raw(t, bytes, (size_t)n);
        vterm_input_write(t->vt, bytes, (size_t)n);
        vterm_screen_flush_damage(t->screen);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        t->closed = true; /* EIO: the other side is gone */
    }
    const size_t answer = vterm_output_read(t->vt, bytes, sizeof bytes);
    if (answer > 0 && write(t->fd, bytes, answer) < 0)
        t->closed = true;
}

void term_type(struct term *t, const char *keys)
{
    assert_int_equal(write(t->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

void term_resize(struct term *t, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    t->rows = rows;
    t->cols = cols;
    vterm_set_size(t->vt, rows, cols);
    assert_int_equal(ioctl(t->fd, TIOCSWINSZ, &size), 0);
}

static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static char *put_row(struct term *t, char *to, int row)
{
    char *end = to;

    for (int col = 0; col < t->cols; col++) {
        VTermScreenCell cell;
        vterm_screen_get_cell(t->screen, (VTermPos){.row = row, .col = col}, &cell);
        if (cell.chars[0] == (uint32_t)-1)
            continue; /* the second half of a wide character */
        if (cell.chars[0] == 0)
            cell.chars[0] = ' ';
        for (int k = 0; k < VTERM_MAX_CHARS_PER_CELL && cell.chars[k]; k++)
            to += put_utf8(to, cell.chars[k]);
        if (cell.chars[0] != ' ')
            end = to;
    }
    *end++ = '\n';
    return end;
}

const char *term_screen(struct term *t)
{
    t->text = realloc(t->text, (size_t)(t->rows * (t->cols * 4 * VTERM_MAX_CHARS_PER_CELL + 1) + 1));
    assert_non_null(t->text);
    char *to = t->text;
    for (int row = 0; row < t->rows; row++)
        to = put_row(t, to, row);
    *to = '\0';
    return t->text;
}

void term_wait(struct term *t, int ms)
{
    const int64_t until = now_ms() + ms;

    for (int64_t left = ms; left > 0 && !t->closed; left = until - now_ms())
        pump(t, (int)left);
}

bool term_has(struct term *t, const char *text)
{
    pump(t, 0);
    return strstr(term_screen(t), text) != NULL;
}

static void expect(struct term *t, const char *text, int seconds, bool wanted)
{
    const int64_t until = now_ms() + seconds * 1000;

    while ((strstr(term_screen(t), text) != NULL) != wanted) {
        if (now_ms() >= until || t->closed) {
            print_message("%s \"%s\" after %d s%s; the screen:\n%s\n", wanted ? "no" : "still", text,
                          seconds, t->closed ? " (the program is gone)" : "", t->text);
            fail();
        }
        pump(t, 50);
    }
}

void term_expect(struct term *t, const char *text, int seconds)
{
    expect(t, text, seconds, true);
}

void term_expect_gone(struct term *t, const char *text, int seconds)
{
    expect(t, text, seconds, false);
}

void term_settle(struct term *t, int seconds)
{
    const int64_t until = now_ms() + seconds * 1000;
    const unsigned long marks = t->idle_marks;

    while (t->idle_marks == marks) {
        if (now_ms() >= until || t->closed) {
            print_message("not idle after %d s; the screen:\n%s\n", seconds, term_screen(t));
            fail();
        }
        pump(t, 50);
    }
}

size_t term_bytes(const struct term *t)
{
    return t->raw_len;
}

int term_colour_at(struct term *t, const char *text, bool background)
{
    const char *screen = term_screen(t), *at = strstr(screen, text);
    VTermPos pos = {0, 0};
    VTermScreenCell cell;

    if (!at)
        return -2;
    for (const char *p = screen; p < at; p++) {
        if (*p == '\n') {
            pos.row++;
            pos.col = 0;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            pos.col++;
        }
    }
    vterm_screen_get_cell(t->screen, pos, &cell);
    const VTermColor *c = background ? &cell.bg : &cell.fg;
    return VTERM_COLOR_IS_INDEXED(c) ? c->indexed.idx : -1;
}

int term_wait_exit(struct term *t, int seconds)
{
    const int64_t until = now_ms() + seconds * 1000;

    while (!t->exited) {
        pump(t, 20);
        t->exited = waitpid(t->pid, &t->status, WNOHANG) == t->pid;
        if (!t->exited && now_ms() >= until) {
            print_message("still running after %d s; the screen:\n%s\n", seconds, term_screen(t));
            fail();
        }
    }
    while (!t->closed) { /* what it wrote last */
        const size_t before = t->raw_len;
        pump(t, 20);
        if (t->raw_len == before)
            break;
    }
    return t->status;
}

bool term_is_given_back(struct term *t)
{
    size_t before;

    do { /* a terminal hands over its rest in pieces */
        before = t->raw_len;
        pump(t, 0);
    } while (t->raw_len > before);
    return !t->altscreen && t->cursor;
}

bool term_settings_restored(struct term *t)
{
    struct termios now;

    if (tcgetattr(t->fd, &now) < 0)
        return false;
    return now.c_lflag == t->before.c_lflag && now.c_iflag == t->before.c_iflag &&
           now.c_oflag == t->before.c_oflag;
}

bool term_saw_bytes(const struct term *t, const char *bytes, size_t n)
{
    return t->raw_len >= n && memmem(t->raw, t->raw_len, bytes, n) != NULL;
}
