/* rescue.c - a handler for fatal signals. endwin() is not safe there: what it would write was
 * written down when all was well. */
#include "ui/rescue.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TRIES  20
#define TRY_MS 50

static struct {
    volatile sig_atomic_t armed;
    int tty;
    struct termios before;
    char bytes[256];
    size_t n;
} rescue;

static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS};
#define FATAL (sizeof fatal / sizeof *fatal)
static struct sigaction former[FATAL];

/* The terminal doesn't block and may be full of the last frame: it gets a little time. */
static void write_all(void)
{
    struct pollfd p = {.fd = rescue.tty, .events = POLLOUT};

    for (size_t at = 0, tries = 0; at < rescue.n && tries < TRIES; tries++) {
        const ssize_t n = write(rescue.tty, rescue.bytes + at, rescue.n - at);
        if (n > 0)
            at += (size_t)n;
        else
            poll(&p, 1, TRY_MS);
    }
}

void rescue_now(void)
{
    if (!rescue.armed)
        return;
    rescue.armed = 0;
    write_all();
    tcsetattr(rescue.tty, TCSANOW, &rescue.before);
}

static void on_fatal(int signo)
{
    rescue_now();
    for (size_t i = 0; i < FATAL; i++) {
        if (fatal[i] == signo)
            sigaction(signo, &former[i], NULL);
    }
    raise(signo);
}

void rescue_arm(int tty, const struct termios *before, const char *bytes, size_t n)
{
    struct sigaction sa = {.sa_handler = on_fatal};

    rescue.tty = tty;
    rescue.before = *before;
    rescue.n = n < sizeof rescue.bytes ? n : sizeof rescue.bytes;
    memcpy(rescue.bytes, bytes, rescue.n);
    rescue.armed = 1;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < FATAL; i++)
        sigaction(fatal[i], &sa, &former[i]);
}

void rescue_disarm(void)
{
    if (!rescue.armed)
        return;
    rescue.armed = 0;
    for (size_t i = 0; i < FATAL; i++)
        sigaction(fatal[i], &former[i], NULL);
}
