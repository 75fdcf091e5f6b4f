/* loop.h - the main thread's one loop: descriptors, timers and signals, each with a callback. No nesting. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void (*loop_fd_fn)(void *user, int fd, short revents);
typedef void (*loop_timer_fn)(void *user);
typedef void (*loop_signal_fn)(void *user, int signo);

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* For good: until it is closed or the loop freed. `events` and `revents` as for poll(). False without
 * memory, or for what cannot be waited for (a regular file). */
bool loop_add_fd(struct loop *l, int fd, short events, loop_fd_fn fn, void *user);
/* A timer that repeats every `every_ms`; its id, or -1. CLOCK_BOOTTIME. */
int loop_add_timer(struct loop *l, int64_t every_ms, loop_timer_fn fn, void *user);
void loop_set_timer(struct loop *l, int id, int64_t next_in_ms, int64_t every_ms); /* every 0: once; next < 0: off */
/* Blocks `set` for the calling thread (call before any thread is made) and delivers by signalfd. */
bool loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_fn fn, void *user);
/* One turn: waits at most timeout_ms (-1: for ever), runs what is due. False when that is broken. */
bool loop_turn(struct loop *l, int timeout_ms);

#endif
