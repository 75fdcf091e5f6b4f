/* The loop: descriptors, timers, signals. Synchronised by turns and deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/timefmt.h"

struct seen {
    struct loop *loop;
    int calls, other_fd, timer;
    int signals[8];
};

static void drain(void *user, int fd, short revents)
{
    struct seen *s = user;
    char c;

    assert_true(revents & POLLIN);
    assert_int_equal(read(fd, &c, 1), 1);
    s->calls++;
}

static void note_hang_up(void *user, int fd, short revents)
{
    struct seen *s = user;

    (void)fd;
    assert_true(revents & POLLHUP);
    s->calls++;
}

static void test_fds(void **state)
{
    struct seen s = {.loop = loop_new()};
    int a[2];

    (void)state;
    assert_int_equal(pipe(a), 0);
    assert_true(loop_add_fd(s.loop, a[0], POLLIN, drain, &s));
    assert_true(loop_turn(s.loop, 0));
    assert_int_equal(s.calls, 0);
    assert_int_equal(write(a[1], "xy", 2), 2);
    assert_true(loop_turn(s.loop, 1000));
    assert_int_equal(s.calls, 1);
    assert_true(loop_turn(s.loop, 1000)); /* what was left is told again */
    assert_int_equal(s.calls, 2);
    close(a[1]);
    loop_free(s.loop);
    close(a[0]);
}

static void test_hang_up_and_what_cannot_be_waited_for(void **state)
{
    struct seen s = {.loop = loop_new()};
    FILE *regular = tmpfile();
    int a[2];

    (void)state;
    assert_non_null(regular);
    assert_false(loop_add_fd(s.loop, fileno(regular), POLLIN, drain, &s));
    assert_int_equal(pipe(a), 0);
    assert_true(loop_add_fd(s.loop, a[0], POLLIN, note_hang_up, &s));
    close(a[1]);
    assert_true(loop_turn(s.loop, 1000));
    assert_int_equal(s.calls, 1);
    close(a[0]);
    assert_true(loop_turn(s.loop, 0)); /* closed is forgotten */
    assert_int_equal(s.calls, 1);
    loop_free(s.loop);
    fclose(regular);
}

static void test_many_fds(void **state)
{
    struct seen s = {.loop = loop_new()};
    int p[100][2];

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pipe(p[i]), 0);
        assert_true(loop_add_fd(s.loop, p[i][0], POLLIN, drain, &s));
        assert_int_equal(write(p[i][1], "x", 1), 1);
    }
    for (int turns = 0; s.calls < 100 && turns < 100; turns++)
        assert_true(loop_turn(s.loop, 1000));
    assert_int_equal(s.calls, 100);
    for (int i = 0; i < 100; i++) {
        close(p[i][0]);
        close(p[i][1]);
    }
    assert_true(loop_turn(s.loop, 0));
    loop_free(s.loop);
}

static void count(void *user)
{
    ((struct seen *)user)->calls++;
}

static void count_and_stop(void *user)
{
    struct seen *s = user;

    if (++s->calls == 3)
        loop_set_timer(s->loop, s->timer, -1, 0);
}

static void turn_until(struct loop *l, int64_t until)
{
    while (clock_mono_ms() < until)
        assert_true(loop_turn(l, (int)(until - clock_mono_ms())));
}

static void test_timers(void **state)
{
    struct seen s = {.loop = loop_new()};
    int64_t began = clock_mono_ms();

    (void)state;
    s.timer = loop_add_timer(s.loop, 5, count_and_stop, &s);
    while (s.calls < 3)
        assert_true(loop_turn(s.loop, -1));
    assert_true(clock_mono_ms() - began >= 15);
    turn_until(s.loop, clock_mono_ms() + 30);
    assert_int_equal(s.calls, 3); /* stopped by itself */
    loop_set_timer(s.loop, s.timer, 1, 0);
    turn_until(s.loop, clock_mono_ms() + 30);
    assert_int_equal(s.calls, 4); /* once */
    loop_free(s.loop);
}

/* Periods slept through are made up by one call, not by each. */
static void test_timer_does_not_pile_up(void **state)
{
    struct seen s = {.loop = loop_new()};
    int64_t late = clock_mono_ms() + 60;

    (void)state;
    s.timer = loop_add_timer(s.loop, 10, count, &s);
    while (clock_mono_ms() < late)
        ;
    assert_true(loop_turn(s.loop, 0));
    assert_true(loop_turn(s.loop, 0));
    assert_int_equal(s.calls, 1);
    loop_free(s.loop);
}

static void on_signal(void *user, int signo)
{
    struct seen *s = user;

    s->signals[s->calls++ % 8] = signo;
}

static void test_signals(void **state)
{
    struct seen s = {.loop = loop_new()};
    sigset_t set;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGWINCH);
    assert_true(loop_add_signals(s.loop, &set, on_signal, &s));
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1); /* a signal that is pending is pending once */
    kill(getpid(), SIGWINCH);
    assert_true(loop_turn(s.loop, 1000));
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.signals[0] + s.signals[1], SIGUSR1 + SIGWINCH);
    assert_true(loop_turn(s.loop, 0));
    assert_int_equal(s.calls, 2);
    loop_free(s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fds),
        cmocka_unit_test(test_hang_up_and_what_cannot_be_waited_for),
        cmocka_unit_test(test_many_fds),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_timer_does_not_pile_up),
        cmocka_unit_test(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
