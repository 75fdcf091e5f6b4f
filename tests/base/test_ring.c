/* The ring between two threads: order, content, wake-ups, back pressure. Run under TSan too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/ring.h"

static bool readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

static void push(struct ring *r, const void *bytes, size_t n)
{
    void *at = ring_reserve(r, n);

    assert_non_null(at);
    assert_int_equal((uintptr_t)at % 16, 0);
    if (n)
        memcpy(at, bytes, n);
    ring_commit(r, n);
}

static void test_one_wake_up_per_batch(void **state)
{
    struct ring *r = ring_new(1);
    const char *got;
    size_t n;

    (void)state;
    assert_non_null(r);
    assert_false(readable(ring_fd(r), 0));
    assert_null(ring_peek(r, &n));
    push(r, "one", 4);
    push(r, "two", 4);
    assert_null(ring_peek(r, &n)); /* committed, not yet flushed */
    assert_false(readable(ring_fd(r), 0));
    ring_flush(r);
    assert_true(readable(ring_fd(r), 0));
    got = ring_peek(r, &n);
    assert_string_equal(got, "one");
    assert_int_equal(n, 4);
    assert_string_equal(ring_peek(r, &n), "one"); /* a second look is the same record */
    ring_pop(r);
    assert_string_equal(ring_peek(r, &n), "two");
    assert_true(readable(ring_fd(r), 0)); /* who stops half-way is woken again */
    ring_pop(r);
    assert_null(ring_peek(r, &n));
    assert_false(readable(ring_fd(r), 0));
    ring_flush(r); /* nothing new: no wake-up */
    assert_false(readable(ring_fd(r), 0));
    ring_free(r);
}

static void test_commit_less_and_nothing(void **state)
{
    struct ring *r = ring_new(4096);
    size_t n;

    (void)state;
    memcpy(ring_reserve(r, 500), "abc", 4);
    ring_commit(r, 4);
    assert_non_null(ring_reserve(r, 500)); /* given up */
    push(r, NULL, 0);
    ring_flush(r);
    assert_string_equal(ring_peek(r, &n), "abc");
    assert_int_equal(n, 4);
    ring_pop(r);
    assert_non_null(ring_peek(r, &n));
    assert_int_equal(n, 0);
    ring_pop(r);
    assert_null(ring_peek(r, &n));
    assert_int_equal(ring_used(r), 0);
    ring_free(r);
}

static void test_full(void **state)
{
    struct ring *r = ring_new(4096);
    size_t n, count = 0;

    (void)state;
    assert_null(ring_reserve(r, 1025)); /* more than a quarter never fits */
    while (ring_reserve(r, 1000)) {
        ring_commit(r, 1000);
        count++;
    }
    assert_in_range(count, 3, 4);
    ring_want_room(r); /* flushes, too: else nobody could make room */
    assert_null(ring_reserve(r, 1000));
    assert_false(readable(ring_room_fd(r), 0));
    while (ring_peek(r, &n))
        ring_pop(r);
    assert_true(readable(ring_room_fd(r), 0));
    assert_non_null(ring_reserve(r, 1024));
    assert_false(readable(ring_room_fd(r), 0));
    ring_commit(r, 1024);
    ring_free(r);
}

/* ---- two threads ---- */

#define RECORDS 3000000u

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

struct record {
    uint32_t number, length;
    unsigned char bytes[];
};

static size_t record_length(uint32_t *seed)
{
    uint32_t x = next_random(seed);

    return x % 100 == 0 ? x % 900 : x % 60;
}

static void *produce(void *user)
{
    struct ring *r = user;
    uint32_t seed = 1, batch = 2;

    for (uint32_t i = 0; i < RECORDS; i++) {
        size_t n = record_length(&seed);
        struct record *record = ring_reserve(r, sizeof(*record) + n);

        while (!record) {
            ring_want_room(r);
            record = ring_reserve(r, sizeof(*record) + n);
            if (!record && !readable(ring_room_fd(r), 10000))
                return "nobody made room";
        }
        record->number = i;
        record->length = (uint32_t)n;
        memset(record->bytes, (int)(i & 0xff), n);
        ring_commit(r, sizeof(*record) + n);
        if (next_random(&batch) % 8 == 0)
            ring_flush(r);
    }
    ring_flush(r);
    return NULL;
}

/* Sleeps on the descriptor whenever the ring is empty: a lost wake-up ends in the deadline. */
static const char *consume(struct ring *r)
{
    uint32_t seed = 1;

    for (uint32_t i = 0; i < RECORDS;) {
        const struct record *record;
        size_t n;

        if (!readable(ring_fd(r), 10000))
            return "a wake-up was lost";
        for (int budget = 100; budget && (record = ring_peek(r, &n)); budget--, i++) {
            size_t length = record_length(&seed);

            if (record->number != i || record->length != length || n != sizeof(*record) + length)
                return "a record is missing or damaged";
            for (size_t k = 0; k < length; k++) {
                if (record->bytes[k] != (i & 0xff))
                    return "a record's bytes are wrong";
            }
            ring_pop(r);
        }
    }
    return NULL;
}

static void test_two_threads(void **state)
{
    static const size_t sizes[] = {4096, 65536};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ring *r = ring_new(sizes[i]);
        pthread_t producer;
        const char *wrong;
        void *stuck;

        assert_int_equal(pthread_create(&producer, NULL, produce, r), 0);
        wrong = consume(r);
        if (wrong)
            fail_msg("%s", wrong);
        pthread_join(producer, &stuck);
        assert_null(stuck);
        assert_int_equal(ring_used(r), 0);
        ring_free(r);
    }
}

#define ROUNDS 200000

struct pair {
    struct ring *there, *back;
};

static void send_one(struct ring *r)
{
    memset(ring_reserve(r, 4), 0, 4);
    ring_commit(r, 4);
    ring_flush(r);
}

/* Never sleeps, so that its answer comes while the other side is just falling asleep. */
static void *answer(void *user)
{
    const struct pair *p = user;
    size_t n;

    for (int i = 0; i < ROUNDS; i++) {
        while (!ring_used(p->there))
            sched_yield();
        ring_peek(p->there, &n);
        ring_pop(p->there);
        send_one(p->back);
    }
    return NULL;
}

/* One record under way at a time: no later one can wake who missed this one. */
static void test_no_lost_wake_up(void **state)
{
    struct pair p = {ring_new(4096), ring_new(4096)};
    pthread_t other;
    size_t n;

    (void)state;
    assert_int_equal(pthread_create(&other, NULL, answer, &p), 0);
    for (int i = 0; i < ROUNDS; i++) {
        send_one(p.there);
        while (!ring_peek(p.back, &n)) {
            if (!readable(ring_fd(p.back), 10000))
                fail_msg("round %d: nobody woke us", i);
        }
        ring_pop(p.back);
    }
    pthread_join(other, NULL);
    ring_free(p.there);
    ring_free(p.back);
}

/* A ring that keeps up uses its first stretch alone: resident memory stays flat, and the bytes in a cache. */
static void test_keeping_up_stays_in_place(void **state)
{
    (void)state;
    struct ring *r = ring_new(4u << 20);
    enum { BIG = 60000, TIMES = 500 }; /* 30 MB through 4 */
    const char *first = NULL;
    size_t n;

    for (int i = 0; i < TIMES; i++) {
        char *at = ring_reserve(r, BIG);
        assert_non_null(at);
        if (!first)
            first = at;
        assert_true(at >= first && at < first + (512 << 10));
        memset(at, i, BIG);
        ring_commit(r, BIG);
        ring_flush(r);
        const unsigned char *seen = ring_peek(r, &n);
        assert_non_null(seen);
        assert_int_equal(n, BIG);
        assert_int_equal(seen[BIG - 1], (unsigned char)i);
        ring_pop(r);
    }
    assert_null(ring_peek(r, &n));
    ring_free(r);
}

/* A consumer that comes late must not find less taken than there was room for. */
static void test_beginning_anew_leaves_room(void **state)
{
    enum { CAP = 8 << 20, ROOM = 2 << 20, BYTES = 1000 };
    size_t bytes, taken;

    (void)state;
    for (int n = 250; n < 2200; n += n < 270 || n > 2050 ? 1 : 100) {
        struct ring *r = ring_new(CAP);
        ring_keep_room(r, ROOM);
        for (int i = 0; i < n; i++) {
            assert_non_null(ring_reserve(r, BYTES));
            ring_commit(r, BYTES);
            ring_flush(r);
            while (ring_peek(r, &bytes))
                ring_pop(r);
        }
        for (taken = 0; ring_reserve(r, BYTES); taken += BYTES)
            ring_commit(r, BYTES);
        assert_true(taken >= ROOM - 2 * BYTES - ROOM / 50); /* headers */
        ring_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_wake_up_per_batch),
        cmocka_unit_test(test_commit_less_and_nothing),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_no_lost_wake_up),
        cmocka_unit_test(test_keeping_up_stays_in_place),
        cmocka_unit_test(test_beginning_anew_leaves_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
