/* Arrays that grow item by item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/array.h"

struct item {
    int number;
    char text[40];
};

static void test_items_stay_as_they_were_written(void **state)
{
    struct item *items = NULL;
    size_t count = 0, room = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct item *added = array_add(&items, &count, &room, sizeof *added);
        assert_ptr_equal(added, &items[i]);
        *added = (struct item){.number = i};
        assert_int_equal(count, i + 1);
        assert_true(room >= count);
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i].number, i);
    free(items);
}

static void test_room_is_made_only_when_there_is_none(void **state)
{
    struct item *items = NULL;
    size_t room = 0;

    (void)state;
    assert_true(array_make_room(&items, 0, &room, sizeof *items));
    const struct item *at = items;
    const size_t first = room;
    assert_non_null(at);
    assert_true(array_make_room(&items, first - 1, &room, sizeof *items));
    assert_ptr_equal(items, at);
    assert_int_equal(room, first);
    assert_true(array_make_room(&items, first, &room, sizeof *items));
    assert_int_equal(room, 2 * first);
    free(items);
}

/* A size that wraps round must not become a small array. */
static void test_what_cannot_be_had_changes_nothing(void **state)
{
    struct item *items = NULL;
    size_t count = SIZE_MAX / sizeof *items, room = count;

    (void)state;
    assert_null(array_add(&items, &count, &room, sizeof *items));
    assert_null(items);
    assert_int_equal(count, SIZE_MAX / sizeof *items);
    assert_int_equal(room, SIZE_MAX / sizeof *items);
    count = room = SIZE_MAX / 2 + 1;
    assert_false(array_make_room(&items, count, &room, 1));
    assert_null(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_stay_as_they_were_written),
        cmocka_unit_test(test_room_is_made_only_when_there_is_none),
        cmocka_unit_test(test_what_cannot_be_had_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
