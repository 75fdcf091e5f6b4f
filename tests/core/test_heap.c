/* The heap of deadlines and the hash table, against plain arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/internal_table.h"

#define THINGS 500

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int64_t earliest(const struct timer *timers)
{
    int64_t least = INT64_MAX;

    for (int i = 0; i < THINGS; i++)
        if (timers[i].place && timers[i].due < least)
            least = timers[i].due;
    return least;
}

static void test_heap(void **state)
{
    (void)state;
    static struct timer timers[THINGS];
    struct heap heap = {0};
    uint32_t seed = 1;

    for (int i = 0; i < THINGS; i++)
        assert_true(heap_promise(&heap));
    for (int step = 0; step < 20000; step++) {
        struct timer *t = &timers[random_next(&seed) % THINGS];
        if (random_next(&seed) % 3)
            heap_set(&heap, t, random_next(&seed) % 1000);
        else
            heap_remove(&heap, t);
        const struct timer *first = heap_first(&heap);
        assert_int_equal(first ? first->due : INT64_MAX, earliest(timers));
        for (uint32_t i = 2; i <= heap.count; i++)
            assert_true(heap.list[i / 2]->due <= heap.list[i]->due);
    }
    free(heap.list);
}

struct thing {
    struct link link;
    uint64_t key;
    bool in;
};

static struct thing *find(const struct table *t, uint64_t key)
{
    struct link *l = table_first(t, hash_bytes(&key, sizeof(key)));

    while (l && ((struct thing *)l)->key != key)
        l = table_next(l);
    return (struct thing *)l;
}

static void test_table(void **state)
{
    (void)state;
    static struct thing things[THINGS];
    struct table table = {0};
    uint32_t seed = 2;

    for (int step = 0; step < 20000; step++) {
        struct thing *t = &things[random_next(&seed) % THINGS];
        t->key = (uint64_t)(t - things) + 1;
        assert_ptr_equal(find(&table, t->key), t->in ? t : NULL);
        if (t->in)
            table_remove(&table, &t->link);
        else
            assert_true(table_add(&table, &t->link, hash_bytes(&t->key, sizeof(t->key))));
        t->in = !t->in;
    }
    free(table.buckets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("core: heap and table", tests, NULL, NULL);
}
