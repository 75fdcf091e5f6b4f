#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/timefmt.h"

#define READY_MOST 16 /* descriptors looked after in one turn: the rest is still ready in the next */

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP,
              "callers speak of poll()'s events");

struct watch {
    int fd;
    loop_fd_fn fn;
    void *user;
};

struct timer {
    int64_t next; /* CLOCK_BOOTTIME ms; TIME_NONE: off */
    int64_t every;
    loop_timer_fn fn;
    void *user;
};

struct signals {
    struct signals *older;
    int fd;
    loop_signal_fn fn;
    void *user;
};

struct loop {
    int epoll; /* poll() asks each descriptor anew each time; under load that was a tenth of a turn */
    struct watch *watches;
    size_t count, cap;
    struct timer *timers;
    size_t timer_count, timer_cap;
    struct signals *signals;
    bool turning;
};

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    assert(!l->turning);
    while (l->signals) {
        struct signals *s = l->signals;

        l->signals = s->older;
        close(s->fd);
        free(s);
    }
    close(l->epoll);
    free(l->watches);
    free(l->timers);
    free(l);
}

/* ---- descriptors ---- */

bool loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *user)
{
    struct watch *w = array_add(&l->watches, &l->count, &l->cap, sizeof(*w));
    struct epoll_event wanted = {.events = (uint32_t)events};

    if (!w)
        return false;
    *w = (struct watch){.fd = fd, .fn = fn, .user = user};
    wanted.data.u64 = l->count - 1;
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &wanted) == 0)
        return true;
    l->count--;
    return false;
}

static void run_fds(struct loop *l, const struct epoll_event *ready, int n)
{
    for (int i = 0; i < n; i++) {
        const struct watch w = l->watches[ready[i].data.u64]; /* a copy: it may add others */

        w.fn(w.user, w.fd, (short)ready[i].events);
    }
}

/* ---- timers ---- */

int loop_add_timer(struct loop *l, int64_t every_ms, loop_timer_fn fn, void *user)
{
    struct timer *t = array_add(&l->timers, &l->timer_count, &l->timer_cap, sizeof(*t));
    const int id = (int)l->timer_count - 1;

    if (!t)
        return -1;
    *t = (struct timer){.fn = fn, .user = user};
    loop_set_timer(l, id, every_ms, every_ms);
    return id;
}

void loop_set_timer(struct loop *l, int id, int64_t next_in_ms, int64_t every_ms)
{
    struct timer *t;

    if (id < 0)
        return;
    t = &l->timers[id];
    t->next = next_in_ms < 0 ? TIME_NONE : clock_mono_ms() + next_in_ms;
    t->every = every_ms;
}

static void run_timers(struct loop *l)
{
    int64_t now = clock_mono_ms();
    size_t count = l->timer_count;

    for (size_t i = 0; i < count; i++) {
        struct timer *t = &l->timers[i];

        if (t->next == TIME_NONE || t->next > now)
            continue;
        /* After a suspend one call, not one for each period slept through. */
        t->next += t->every;
        if (t->next <= now)
            t->next = now + t->every;
        if (!t->every)
            t->next = TIME_NONE;
        t->fn(t->user); /* may add timers: t is stale from here on */
    }
}

/* The time to wait, at most timeout_ms (-1: for ever). */
static int wait_ms(const struct loop *l, int timeout_ms)
{
    int64_t now = clock_mono_ms(), wait = timeout_ms < 0 ? INT64_MAX : timeout_ms;

    for (size_t i = 0; i < l->timer_count; i++) {
        int64_t next = l->timers[i].next;

        if (next != TIME_NONE && next - now < wait)
            wait = next > now ? next - now : 0;
    }
    if (wait == INT64_MAX)
        return -1;
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

/* ---- signals ---- */

static void read_signals(void *user, int fd, short revents)
{
    struct signals *s = user;
    struct signalfd_siginfo info;

    (void)revents;
    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        s->fn(s->user, (int)info.ssi_signo);
}

bool loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_fn fn, void *user)
{
    struct signals *s = malloc(sizeof(*s));

    if (!s)
        return false;
    *s = (struct signals){.older = l->signals, .fn = fn, .user = user};
    s->fd = pthread_sigmask(SIG_BLOCK, set, NULL) == 0
                ? signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC)
                : -1;
    if (s->fd < 0 || !loop_add_fd(l, s->fd, POLLIN, read_signals, s)) {
        if (s->fd >= 0)
            close(s->fd);
        free(s);
        return false;
    }
    l->signals = s;
    return true;
}

/* ---- the turn ---- */

bool loop_turn(struct loop *l, int timeout_ms)
{
    struct epoll_event ready[READY_MOST];

    assert(!l->turning); /* a prompt is a panel, never a loop inside the loop */
    const int n = epoll_wait(l->epoll, ready, READY_MOST, wait_ms(l, timeout_ms));
    if (n < 0)
        return errno == EINTR;
    l->turning = true;
    run_fds(l, ready, n);
    run_timers(l);
    l->turning = false;
    return true;
}
