/* Memory: what a client takes, and that the n-th allocation may fail. Allocations are counted by
 * standing in front of the C library's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTING 0 /* the sanitizer stands there itself */
#else
#define COUNTING 1
#endif

static struct {
    size_t bytes; /* in use */
    uint64_t calls;
    uint64_t fail; /* this call fails, and all after it while `on`; 0 none */
    bool once;
} heap;

#if COUNTING
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

static bool refuse(void)
{
    heap.calls++;
    return heap.fail && (heap.once ? heap.calls == heap.fail : heap.calls >= heap.fail);
}

static void *taken(void *p)
{
    heap.bytes += p ? malloc_usable_size(p) : 0;
    return p;
}

void *malloc(size_t n)
{
    return refuse() ? NULL : taken(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
    return refuse() ? NULL : taken(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
    if (refuse())
        return NULL;
    heap.bytes -= p ? malloc_usable_size(p) : 0;
    return taken(__libc_realloc(p, n));
}

void free(void *p)
{
    heap.bytes -= p ? malloc_usable_size(p) : 0;
    __libc_free(p);
}
#endif

/* A digest without memory aborts, which is a promise of its own: libcrypto is served as ever. */
#if COUNTING
static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return __libc_malloc(n);
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return __libc_realloc(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    __libc_free(p);
}

static int serve_crypto(void **state)
{
    (void)state;
    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) ? 0 : -1;
}
#else
static int serve_crypto(void **state)
{
    (void)state;
    return 0;
}
#endif

static void beat(struct rig *r, unsigned i, bool silent)
{
    struct msg m = {.kind = MSG_HEARTBEAT};
    struct core_event ev = {.kind = IN_MESSAGE, .now = r->now, .u.msg = &m};

    snprintf(m.spelling, sizeof(m.spelling), "%08x-0000-4000-8000-000000000000", i);
    uid_parse(m.spelling, UID_TEXT - 1, &m.client);
    m.u.beat.have_status = true;
    strcpy(m.u.beat.process_status.clean, "running");
    effects_clear(&r->effects);
    core_step(r->core, &ev, &r->effects);
    if (silent)
        assert_int_equal(r->effects.count, 0);
}

static void test_a_client_takes_less_than_a_kibibyte(void **state)
{
    (void)state;
    struct rig r;
    const unsigned n = 100000;

    if (!COUNTING)
        skip();
    rig_begin(&r, false);
    const size_t before = heap.bytes;
    for (unsigned i = 0; i < n; i++)
        beat(&r, i, false);
    print_message("%zu bytes per client\n", (heap.bytes - before) / n);
    assert_true(heap.bytes - before <= (size_t)n * 1024);
    /* and a message that changes nothing allocates nothing */
    const uint64_t calls = heap.calls;
    for (unsigned i = 0; i < n; i++)
        beat(&r, i, true);
    assert_int_equal(heap.calls, calls);
    rig_end(&r);
}

/* A day in short: everything that allocates. Returns the number of allocations it took. */
static void a_day(struct rig *r)
{
    rig_live(r, TOPIC(UUID_A, "heartbeat"), "{\"process_status\":\"crashed\"}");
    rig_live(r, TOPIC(UUID_A, "health"), "{\"broker_connection\":{\"reconnect_count\":1}}");
    rig_live(r, TOPIC(UUID_A, "health"), "{\"broker_connection\":{\"reconnect_count\":9}}");
    rig_live(r, TOPIC(UUID_A, "service_failed"), "{\"unit\":\"a\",\"failed_at\":\"x\"}");
    rig_live(r, "infoscreen/console/ack/client_silent-0123456789abcdef",
             "{\"alarm_id\":\"client_silent-0123456789abcdef\",\"raised_at\":\"x\",\"action\":"
             "\"note\"}");
    rig_live(r, TOPIC(UUID_A, "commands/ack"),
             "{\"command_id\":\"07aab032-53c2-45ef-a5a3-6aa58e9d9fae\",\"status\":\"failed\"}");
    const struct alarm *a = rig_alarm(r, ALARM_SERVICE_FAILED, UUID_A);
    if (a)
        rig_operator(r, OP_ACKNOWLEDGE, a->id, "anna");
    rig_commit(r);
    rig_puback(r, 0);
    rig_live(r, TOPIC(UUID_A, "service_failed"), "");
    rig_down(r);
    rig_up(r);
    rig_snapshot_done(r);
    rig_snapshot_done(r);
    rig_run(r, 4000000);
}

/* Counts and lists must agree, whatever was dropped. */
static void check(struct rig *r)
{
    const struct core_counts *n = core_counts(r->core);
    uint32_t states = 0, standing = 0, active = 0;

    for (int i = 0; i < CLIENT_STATES; i++)
        states += n->by_state[i];
    for (uint32_t i = 0; i < core_alarm_count(r->core); i++)
        standing += core_alarm(r->core, i)->state != ALARM_SUPPRESSED;
    for (uint32_t i = 0; i < core_command_count(r->core); i++)
        active += core_command(r->core, i)->status < COMMAND_EXPIRED &&
                  core_command(r->core, i)->status != COMMAND_CANCELLED;
    assert_int_equal(states, core_client_count(r->core));
    assert_int_equal(standing, n->alarms_standing);
    assert_int_equal(active, n->commands_active);
    for (uint32_t i = 0; i < core_client_count(r->core); i++)
        assert_true(core_client(r->core, i)->alarms >= 0);
}

static void test_the_nth_allocation_fails(void **state)
{
    (void)state;
    struct rig r;

    if (!COUNTING)
        skip();
    for (int once = 0; once < 2; once++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            rig_begin(&r, false);
            effects_fini(&r.effects); /* so that its growth fails, too */
            heap.calls = 0;
            heap.once = once;
            heap.fail = n;
            a_day(&r);
            failed = heap.calls >= n;
            heap.fail = 0;
            check(&r);
            a_day(&r); /* and it goes on */
            assert_non_null(rig_client(&r, UUID_A));
            check(&r);
            rig_end(&r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_takes_less_than_a_kibibyte),
        cmocka_unit_test(test_the_nth_allocation_fails),
    };
    return cmocka_run_group_tests_name("core: memory", tests, serve_crypto, NULL);
}
