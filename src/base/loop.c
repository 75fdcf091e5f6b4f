#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/timefmt.h"

struct watch {
    loop_fd_fn fn; /* NULL: removed, swept away before the next poll */
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
    /* Two arrays, index by index, since poll() wants its own. */
    struct pollfd *polled;
    struct watch *watches;
    size_t count, cap;
    struct timer *timers;
    size_t timer_count, timer_cap;
    struct signals *signals;
    bool turning, removed;
};

struct loop *loop_new(void)
{
    return calloc(1, sizeof(struct loop));
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
    free(l->polled);
    free(l->watches);
    free(l->timers);
    free(l);
}

/* ---- descriptors ---- */

static bool grow_watches(struct loop *l)
{
    size_t cap = l->cap ? 2 * l->cap : 16;
    struct pollfd *polled = realloc(l->polled, cap * sizeof(*polled));
    struct watch *watches;

    if (!polled)
        return false;
    l->polled = polled;
    watches = realloc(l->watches, cap * sizeof(*watches));
    if (!watches)
        return false;
    l->watches = watches;
    l->cap = cap;
    return true;
}

bool loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *user)
{
    if (l->count == l->cap && !grow_watches(l))
        return false;
    l->polled[l->count] = (struct pollfd){.fd = fd, .events = events};
    l->watches[l->count++] = (struct watch){.fn = fn, .user = user};
    return true;
}

/* The live entry of fd, or NULL. */
static struct pollfd *find_fd(struct loop *l, int fd)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->watches[i].fn && l->polled[i].fd == fd)
            return &l->polled[i];
    }
    return NULL;
}

void loop_set_events(struct loop *l, int fd, short events)
{
    struct pollfd *p = find_fd(l, fd);

    if (p)
        p->events = events;
}

void loop_remove_fd(struct loop *l, int fd)
{
    struct pollfd *p = find_fd(l, fd);

    if (!p)
        return;
    l->watches[p - l->polled].fn = NULL;
    p->fd = -1;
    l->removed = true;
}

static void sweep_removed(struct loop *l)
{
    size_t kept = 0;

    if (!l->removed)
        return;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->watches[i].fn)
            continue;
        l->polled[kept] = l->polled[i];
        l->watches[kept++] = l->watches[i];
    }
    l->count = kept;
    l->removed = false;
}

/* What a callback adds stands behind `count` and waits for the next turn. */
static void run_fds(struct loop *l)
{
    size_t count = l->count;

    for (size_t i = 0; i < count; i++) {
        struct watch w = l->watches[i];

        if (w.fn && l->polled[i].revents)
            w.fn(w.user, l->polled[i].fd, l->polled[i].revents);
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

/* The time poll() may wait, at most timeout_ms (-1: for ever). */
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
    int ready;

    assert(!l->turning); /* a prompt is a panel, never a loop inside the loop */
    sweep_removed(l);
    ready = poll(l->polled, (nfds_t)l->count, wait_ms(l, timeout_ms));
    if (ready < 0)
        return errno == EINTR;
    l->turning = true;
    if (ready > 0)
        run_fds(l);
    run_timers(l);
    l->turning = false;
    return true;
}
