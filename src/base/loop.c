/* loop.c - poll, timers and signals for one thread. */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/timefmt.h"

#define LOOP_FDS    32
#define LOOP_TIMERS 16

struct watch {
    loop_fd_fn fn;
    void *user;
    bool gone; /* removed inside a callback: swept after the turn */
};

struct timer {
    loop_timer_fn fn;
    void *user;
    int64_t due, every; /* ms; due < 0: off */
};

struct loop {
    struct pollfd fds[LOOP_FDS];
    struct watch watches[LOOP_FDS];
    nfds_t count;
    struct timer timers[LOOP_TIMERS];
    int timer_count;
    int signal_fd;
    loop_signal_fn on_signal;
    void *signal_user;
    bool running;
};

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);

    if (l)
        l->signal_fd = -1;
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->signal_fd >= 0)
        close(l->signal_fd);
    free(l);
}

bool loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *user)
{
    if (l->count == LOOP_FDS)
        return false;
    l->fds[l->count] = (struct pollfd){.fd = fd, .events = events};
    l->watches[l->count] = (struct watch){.fn = fn, .user = user};
    l->count++;
    return true;
}

void loop_set_events(struct loop *l, int fd, short events)
{
    for (nfds_t i = 0; i < l->count; i++)
        if (l->fds[i].fd == fd)
            l->fds[i].events = events;
}

static void sweep(struct loop *l)
{
    nfds_t kept = 0;

    for (nfds_t i = 0; i < l->count; i++) {
        if (l->watches[i].gone)
            continue;
        l->fds[kept] = l->fds[i];
        l->watches[kept++] = l->watches[i];
    }
    l->count = kept;
}

void loop_remove_fd(struct loop *l, int fd)
{
    for (nfds_t i = 0; i < l->count; i++)
        if (l->fds[i].fd == fd)
            l->watches[i].gone = true;
    if (!l->running)
        sweep(l);
}

int loop_add_timer(struct loop *l, int64_t every_ms, loop_timer_fn fn, void *user)
{
    if (l->timer_count == LOOP_TIMERS)
        return -1;
    l->timers[l->timer_count] = (struct timer){
        .fn = fn, .user = user, .due = clock_mono_ms() + every_ms, .every = every_ms};
    return l->timer_count++;
}

void loop_set_timer(struct loop *l, int id, int64_t next_in_ms, int64_t every_ms)
{
    l->timers[id].due = next_in_ms < 0 ? -1 : clock_mono_ms() + next_in_ms;
    l->timers[id].every = every_ms;
}

static void read_signals(void *user, int fd, short revents)
{
    struct loop *l = user;
    struct signalfd_siginfo info;

    (void)revents;
    while (read(fd, &info, sizeof info) == sizeof info)
        l->on_signal(l->signal_user, (int)info.ssi_signo);
}

bool loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_fn fn, void *user)
{
    if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
        return false;
    l->signal_fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
    l->on_signal = fn;
    l->signal_user = user;
    return l->signal_fd >= 0 && loop_add_fd(l, l->signal_fd, POLLIN, read_signals, l);
}

static int until_timer(const struct loop *l, int timeout_ms)
{
    const int64_t now = clock_mono_ms();

    for (int i = 0; i < l->timer_count; i++) {
        if (l->timers[i].due < 0)
            continue;
        const int64_t left = l->timers[i].due > now ? l->timers[i].due - now : 0;
        if (timeout_ms < 0 || left < timeout_ms)
            timeout_ms = left > INT32_MAX ? INT32_MAX : (int)left;
    }
    return timeout_ms;
}

static void run_timers(struct loop *l)
{
    const int64_t now = clock_mono_ms();

    for (int i = 0; i < l->timer_count; i++) {
        struct timer *t = &l->timers[i];
        if (t->due < 0 || t->due > now)
            continue;
        /* From now, not from when it was due: after a suspend it runs once, not once per missed turn. */
        t->due = t->every > 0 ? now + t->every : -1;
        t->fn(t->user);
    }
}

bool loop_turn(struct loop *l, int timeout_ms)
{
    assert(!l->running);
    const int ready = poll(l->fds, l->count, until_timer(l, timeout_ms));
    if (ready < 0 && errno != EINTR)
        return false;
    l->running = true;
    const nfds_t n = l->count;
    for (nfds_t i = 0; ready > 0 && i < n; i++)
        if (l->fds[i].revents && !l->watches[i].gone)
            l->watches[i].fn(l->watches[i].user, l->fds[i].fd, l->fds[i].revents);
    run_timers(l);
    l->running = false;
    sweep(l);
    return true;
}
