/* screen.c - ncurses as the painter that knows which bytes a terminal needs, and nothing more: it
 * writes into memory, and we hand these bytes to the terminal without ever waiting for it. (On the
 * terminal itself ncurses would block in write(), or spin when the descriptor doesn't block.) Keys,
 * modes and signals are ours. */
#include "ui/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <ncurses.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "ui/rescue.h"

#define CLOSE_WAIT_MS 1000 /* for the terminal to take the last bytes */
#define PAIRS         256
#define MODES_ON      "\033[?2004h"
#define MODES_OFF     "\033[?1000l\033[?1006l\033[?2004l"
#define MOUSE_ON      "\033[?1000h\033[?1006h"

struct look {
    attr_t attributes;
    int pair;
};

struct screen {
    int tty, memory; /* the terminal; what ncurses writes into */
    FILE *out, *in;
    SCREEN *curses;
    struct termios before;
    bool mouse, show_cursor, touched, cursor_shown;
    bool ours; /* the terminal has our settings now */
    int32_t colours;
    int rows, cols;
    struct buf pending;
    size_t sent; /* of pending */
    struct {
        int32_t fg, bg;
    } pair[PAIRS];
    int pairs;
    struct look looks[ROLE_COUNT]; /* since the last time it was touched */
    struct cells last;
};

/* A terminfo string as bytes, without its padding "$<5>". */
static void append_capability(struct buf *b, const char *name)
{
    const char *s = tigetstr((char *)(uintptr_t)name);

    if (!s || s == (const char *)-1)
        return;
    while (*s) {
        const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;
        if (end)
            s = end + 1;
        else
            buf_putc(b, *s++);
    }
}

static void arm_rescue(const struct screen *s)
{
    struct buf b = BUF_INIT;

    buf_puts(&b, "\030" MODES_OFF); /* CAN: whatever sequence was cut off in the middle is over */
    append_capability(&b, "sgr0");
    append_capability(&b, "rmcup");
    append_capability(&b, "cnorm"); /* last, as in screen_suspend() */
    buf_puts(&b, "\r\n");
    rescue_arm(s->tty, &s->before, buf_str(&b), b.len);
    buf_fini(&b);
}

/* ---- bytes ---- */

/* What ncurses has written since the last time. */
static void collect(struct screen *s)
{
    fflush(s->out);
    const off_t n = lseek(s->memory, 0, SEEK_CUR);
    char chunk[8192];

    for (off_t at = 0; at < n;) {
        const ssize_t got = pread(s->memory, chunk, sizeof chunk, at);
        if (got <= 0)
            break;
        buf_append(&s->pending, chunk, (size_t)got);
        at += got;
    }
    if (lseek(s->memory, 0, SEEK_SET) != 0 || ftruncate(s->memory, 0) != 0)
        s->touched = true;
}

bool screen_flush(struct screen *s)
{
    while (s->sent < s->pending.len) {
        const ssize_t n = write(s->tty, s->pending.data + s->sent, s->pending.len - s->sent);
        if (n > 0)
            s->sent += (size_t)n;
        else if (errno != EINTR)
            break;
    }
    if (s->sent < s->pending.len)
        return false;
    s->sent = 0;
    buf_clear(&s->pending);
    return true;
}

static void flush_for_a_while(struct screen *s)
{
    struct pollfd p = {.fd = s->tty, .events = POLLOUT};

    while (!screen_flush(s)) {
        if (poll(&p, 1, CLOSE_WAIT_MS) <= 0 || p.revents & (POLLHUP | POLLERR))
            break;
    }
}

long screen_read(struct screen *s, void *bytes, unsigned long n)
{
    const ssize_t got = read(s->tty, bytes, n);

    if (got > 0)
        return got;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* ---- modes ---- */

/* Every key is ours, Ctrl-C and Ctrl-Z too; output goes out as it is. */
static void set_raw(struct screen *s)
{
    struct termios raw = s->before;

    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_cflag |= CS8;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(s->tty, TCSANOW, &raw);
}

static void set_blocking(struct screen *s, bool blocking)
{
    const int flags = fcntl(s->tty, F_GETFL);

    fcntl(s->tty, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void modes(struct screen *s, bool on)
{
    s->ours = on;
    if (on) {
        buf_puts(&s->pending, MODES_ON);
        buf_puts(&s->pending, s->mouse ? MOUSE_ON : "");
    } else {
        buf_puts(&s->pending, MODES_OFF);
    }
}

static struct winsize size_now(const struct screen *s)
{
    struct winsize w = {0};

    if (ioctl(s->tty, TIOCGWINSZ, &w) != 0 || !w.ws_row || !w.ws_col)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    return w;
}

static void measure(struct screen *s)
{
    const struct winsize w = size_now(s);

    s->rows = w.ws_row;
    s->cols = w.ws_col;
    resize_term(s->rows, s->cols);
}

void screen_size(const struct screen *s, int *rows, int *cols)
{
    *rows = s->rows;
    *cols = s->cols;
}

bool screen_has_other_size(const struct screen *s)
{
    const struct winsize w = size_now(s);

    return w.ws_row != s->rows || w.ws_col != s->cols;
}

int screen_fd(const struct screen *s)
{
    return s->tty;
}

void screen_touch(struct screen *s)
{
    measure(s);
    s->touched = true;
}

/* ---- colours ---- */

/* A wish from outside beats $NO_COLOR; that beats the terminal. */
static int32_t choose_colours(const char *wish)
{
    const char *no = getenv("NO_COLOR");

    if (!has_colors() || start_color() != OK || strcmp(wish, "never") == 0)
        return 0;
    use_default_colors();
    if (no && *no && strcmp(wish, "always") != 0)
        return 0;
    if (tigetflag((char *)(uintptr_t) "RGB") == 1)
        return COLOUR_RGB; /* there a colour is 0xrrggbb itself */
    return COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : 8;
}

/* Our own table of pairs: alloc_pair() crashes on terminals without colours, and eight colours
 * have 64. */
static int pair_of(struct screen *s, int32_t fg, int32_t bg)
{
    const int most = s->colours > 8 ? PAIRS : 64;
    int i = 1;

    if (fg < 0 && bg < 0)
        return 0;
    while (i < s->pairs && (s->pair[i].fg != fg || s->pair[i].bg != bg))
        i++;
    if (i < s->pairs)
        return i;
    if (i >= most || init_extended_pair(i, fg, bg) != OK)
        return 0;
    s->pair[i].fg = fg;
    s->pair[i].bg = bg;
    s->pairs = i + 1;
    return i;
}

static struct look look_of(struct screen *s, const struct theme *t, enum role r)
{
    static const attr_t bits[] = {A_BOLD, A_REVERSE, A_UNDERLINE, A_DIM};
    const unsigned attributes = theme_attributes(t, r, s->colours);
    struct look l = {A_NORMAL, 0};

    for (unsigned i = 0; i < sizeof bits / sizeof *bits; i++) {
        if (attributes & 1u << i)
            l.attributes |= bits[i];
    }
    if (s->colours)
        l.pair = pair_of(s, colour_nearest(t->style[r].fg, s->colours),
                         colour_nearest(t->style[r].bg, s->colours));
    return l;
}

static void take_looks(struct screen *s, const struct theme *t)
{
    s->pairs = 1;
    for (int r = 0; r < ROLE_COUNT; r++)
        s->looks[r] = look_of(s, t, (enum role)r);
}

/* ---- a frame ---- */

static void paint_cell(int y, int x, const struct cell *c, const struct look *l)
{
    wchar_t wide[CCHARW_MAX + 1] = {0};
    mbstate_t state = {0};
    const char *from = c->text;
    cchar_t cc;

    if (mbsrtowcs(wide, &from, CCHARW_MAX, &state) == (size_t)-1 || !wide[0])
        wcscpy(wide, L"?");
    if (setcchar(&cc, wide, l->attributes, 0, &l->pair) == OK)
        mvadd_wch(y, x, &cc);
}

static void paint_row(const struct cells *c, int y, const struct look *looks)
{
    const struct cell *row = &c->cell[y * c->cols];

    for (int x = 0; x < c->cols; x++) {
        if (row[x].width)
            paint_cell(y, x, &row[x], &looks[row[x].role]);
    }
}

static void remember(struct screen *s, const struct cells *c)
{
    if (cells_resize(&s->last, c->rows, c->cols))
        memcpy(s->last.cell, c->cell, (size_t)c->rows * (size_t)c->cols * sizeof *c->cell);
    s->touched = false;
}

static void place_cursor(struct screen *s, const struct cells *c)
{
    const bool show = c->cursor_shown || s->show_cursor;

    if (show != s->cursor_shown)
        curs_set(show);
    s->cursor_shown = show;
    move(c->cursor_y, c->cursor_x);
}

void screen_paint(struct screen *s, const struct cells *c, const struct theme *t)
{
    const bool all = s->touched || s->last.rows != c->rows || s->last.cols != c->cols;
    const size_t bytes = (size_t)c->cols * sizeof *c->cell;

    if (s->touched) {
        take_looks(s, t); /* the theme may be another */
        clearok(curscr, TRUE);
    }
    if (all)
        erase();
    for (int y = 0; y < c->rows; y++) {
        const size_t at = (size_t)y * (size_t)c->cols;
        if (all || memcmp(&s->last.cell[at], &c->cell[at], bytes) != 0)
            paint_row(c, y, s->looks);
    }
    place_cursor(s, c);
    wnoutrefresh(stdscr);
    doupdate();
    remember(s, c);
    collect(s);
    screen_flush(s);
}

/* The text is clean: no terminator can hide in it. OSC 777 parts its fields at semicolons. */
void screen_notify(struct screen *s, enum notification how, struct text sentence)
{
    if (how == NOTIFICATION_NONE)
        return;
    buf_puts(&s->pending, how == NOTIFICATION_OSC9 ? "\033]9;" : "\033]777;notify;infoscreen;");
    for (const char *at = sentence.clean; *at; at++)
        buf_putc(&s->pending, *at == ';' ? ',' : *at);
    buf_putc(&s->pending, '\a');
    screen_flush(s);
}

void screen_bell(struct screen *s)
{
    buf_putc(&s->pending, '\a');
    screen_flush(s);
}

void screen_mark_idle(struct screen *s)
{
    static int wanted = -1;

    if (wanted < 0)
        wanted = getenv("INFOSCREEN_TUI_IDLE_MARK") != NULL;
    if (wanted) {
        buf_puts(&s->pending, "\033]777;idle\a");
        screen_flush(s);
    }
}

void screen_clipboard(struct screen *s, struct text t)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = (const unsigned char *)t.clean;
    size_t n = strlen(t.clean);

    buf_puts(&s->pending, "\033]52;c;");
    for (; n > 0; b += 3, n -= n < 3 ? n : 3) {
        const unsigned v =
            (unsigned)b[0] << 16 | (n > 1 ? (unsigned)b[1] << 8 : 0) | (n > 2 ? b[2] : 0u);
        const char group[4] = {digits[v >> 18], digits[v >> 12 & 63],
                               n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
        buf_append(&s->pending, group, sizeof group);
    }
    buf_putc(&s->pending, '\a');
    screen_flush(s);
}

/* ---- life ---- */

static bool open_tty(struct screen *s, const char *name)
{
    s->tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->tty >= 0 && tcgetattr(s->tty, &s->before) == 0)
        return true;
    if (s->tty >= 0)
        close(s->tty);
    s->tty = -1;
    return false;
}

/* The terminal that input and output are, which need not be the session's: a program may have opened a
 * pseudo-terminal for us and nothing more. Opened anew, since whether reads wait belongs to the open file,
 * and that of the input is the shell's too. Else the session's: where either is redirected, or where su(1)
 * left the terminal to somebody else. */
static bool find_tty(struct screen *s)
{
    return (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && open_tty(s, "/dev/stdin")) ||
           open_tty(s, "/dev/tty");
}

static bool open_terminal(struct screen *s, struct err *e)
{
    const char *term = getenv("TERM");

    if (!find_tty(s))
        return err_set(
            e, EXIT_USAGE,
            _("the console needs a terminal: use a subcommand such as \"clients\" instead"));
    if (!term || !*term || strcmp(term, "dumb") == 0)
        return err_set(e, EXIT_USAGE,
                       _("TERM=%s: this terminal cannot place text: set TERM, or use a "
                         "subcommand such as \"clients\""),
                       term ? "dumb" : "");
    return true;
}

static bool open_curses(struct screen *s, struct err *e)
{
    s->memory = memfd_create("screen", MFD_CLOEXEC);
    const int in = dup(s->tty);
    s->out = s->memory >= 0 ? fdopen(s->memory, "w") : NULL;
    s->in = in >= 0 ? fdopen(in, "r") : NULL;
    if (!s->out || !s->in) {
        if (!s->in && in >= 0)
            close(in);
        return err_set(e, EXIT_FAILED, _("the terminal cannot be set up: %s"), strerror(errno));
    }
    /* It takes the size from wherever it likes, or 24x80: measure() tells it the true one. */
    s->curses = newterm(NULL, s->out, s->in);
    if (!s->curses)
        return err_set(e, EXIT_USAGE,
                       _("TERM: this host has no description of the terminal: set TERM to "
                         "xterm-256color, xterm, linux or vt100"));
    set_term(s->curses);
    typeahead(-1); /* a frame is painted whole; keys don't cut it short */
    nonl();
    leaveok(stdscr, FALSE);
    return true;
}

struct screen *screen_open(const struct screen_options *o, struct err *e)
{
    struct screen *s = calloc(1, sizeof *s);

    if (!s) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        return NULL;
    }
    s->tty = s->memory = -1;
    if (!open_terminal(s, e) || !open_curses(s, e)) {
        screen_close(s);
        return NULL;
    }
    s->colours = choose_colours(o->colour);
    const char *kmous = tigetstr((char *)(uintptr_t) "kmous");
    s->mouse = o->mouse && kmous && kmous != (const char *)-1;
    s->show_cursor = o->show_cursor;
    arm_rescue(s);
    set_raw(s);
    set_blocking(s, false);
    measure(s);
    curs_set(s->show_cursor);
    s->cursor_shown = s->show_cursor;
    s->touched = true;
    modes(s, true);
    return s;
}

void screen_suspend(struct screen *s)
{
    modes(s, false);
    endwin();
    collect(s);
    /* Again on the other screen: some terminals restore the cursor there as it was last saved. */
    append_capability(&s->pending, "cnorm");
    flush_for_a_while(s);
    set_blocking(s, true);
    tcsetattr(s->tty, TCSANOW, &s->before);
}

void screen_resume(struct screen *s)
{
    set_raw(s);
    set_blocking(s, false);
    reset_prog_mode();
    modes(s, true);
    s->cursor_shown = !s->show_cursor;
    screen_touch(s);
}

void screen_close(struct screen *s)
{
    if (!s)
        return;
    if (s->curses) {
        if (s->ours)
            screen_suspend(s);
        rescue_disarm();
        delscreen(s->curses);
    }
    if (s->out)
        fclose(s->out);
    else if (s->memory >= 0)
        close(s->memory);
    if (s->in)
        fclose(s->in);
    if (s->tty >= 0)
        close(s->tty);
    buf_fini(&s->pending);
    cells_fini(&s->last);
    free(s);
}
